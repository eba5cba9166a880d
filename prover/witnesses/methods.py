"""The run and the witness of each method of training, by the method's kind (models/methods)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import Vector
from ...circuits.language.layout import Address
from ...circuits.relations.linear_optimum import LinearOptimum
from ...circuits.relations.optimum import Optimum as OptimumRelation
from ...models.convergence import Curve
from ...models.methods import Compiled, GradientDescent, Newton, Noisy, OnePass, Optimum, Sisa
from ...models.methods.gram_certificate import LinearOptimumCertificate
from ...models.methods.link_certificate import OptimumCertificate
from ..matrices.commitment import Cells
from ..matrices.values import Witness
from .curve import descent_curve
from .gradient_descent import training_witness
from .linear_optimum import find_linear_optimum, linear_optimum_witness
from .model import model_cells
from .noisy import committed_noise, find_noisy, noise_cells, noisy_curve, noisy_integers, noisy_witness
from .noisy_newton import (
    find_steps,
    kept_matrix,
    steps_curve,
    steps_distance,
    steps_model,
    steps_notes,
    steps_witness,
)
from .one_pass import one_pass_curve, one_pass_witness, solution_model, solution_notes, solve_rows
from .optimum import find_optimum, found_distance, optimum_curve, optimum_model, optimum_notes, optimum_witness
from .rows import Rows
from .run import descend, model_of, resolution_notes
from .sisa import models_cells, models_of, shard_notes, shards_curve, sisa_witness, train_shards


@dataclass(frozen=True)
class Maker:
    """How the owner trains by a method, and proves it.

    Attributes:
        train: from rows, what the method compiled to, and the integers of earlier models, or of noise, that are
            committed to, or of weights that may be near, to a trace. Raises TrainingError.
        notes: on the schedule and the trace, what the owner should know before proving, such as what rounding took
            away; raises ParameterError where nothing is left.
        model: on the same, the integers of the model: `Model.integers`.
        cells: from what the method compiled to and these integers, the columns of the model's commitment.
        curve: from rows, the method, what it compiled to and the trace, how the training went.
        distance: from the trace, which of the declared distances is proved.
        openings: how many proofs a model can serve, by default: that of its training, and those that build on it.
        witness: from the method's relation and the trace to the columns that are committed.
        noise: from a trace, what the owner commits to before a nonce is known; and `noise_cells`, from the relation and
            that, its columns. None of methods without noise.
        kept: from a trace, what else is needed to find the same weights again when there is a nonce.
    """

    train: Callable[[Rows, Any, Sequence[npt.NDArray[np.int64]]], Any]
    notes: Callable[[Any, Any], tuple[str, ...]]
    model: Callable[[Any, Any], npt.NDArray[np.int64]]
    cells: Callable[[Any, npt.NDArray[np.int64]], Mapping[Address, Vector]]
    curve: Callable[[Rows, Any, Any, Any], Curve | None]
    witness: Callable[[Any, Any], Witness]
    openings: int = 4
    distance: Callable[[Any], int] = lambda _: 0
    noise: Callable[[Any], npt.NDArray[np.int64]] | None = None
    noise_cells: Callable[[Any, npt.NDArray[np.int64]], Mapping[Address, Cells]] | None = None
    kept: Callable[[Any], npt.NDArray[np.int64]] = lambda _: np.empty(0, dtype=np.int64)


def _cells(schedule: Compiled, integers: npt.NDArray[np.int64]) -> Mapping[Address, Vector]:
    return model_cells(schedule.features, integers)


def _from_zero(train: Callable[[Rows, Any], Any]) -> Callable[[Rows, Any, Sequence[npt.NDArray[np.int64]]], Any]:
    """A run that begins from zero weights, whatever models there were."""
    return lambda rows, schedule, _: train(rows, schedule)


def _optimum_of(
    rows: Rows,
    schedule: OptimumCertificate | LinearOptimumCertificate,
    near: Sequence[npt.NDArray[np.int64]],
) -> Any:
    """By sums over rows, or by the table of a link, from weights that are near."""
    if isinstance(schedule, LinearOptimumCertificate):
        return find_linear_optimum(rows, schedule)
    return find_optimum(rows, schedule, near[0] if near else None)


def _witness_of(relation: LinearOptimum | OptimumRelation, found: Any) -> Witness:
    """The same."""
    if isinstance(relation, LinearOptimum):
        return linear_optimum_witness(relation, found)
    return optimum_witness(relation, found)


MAKERS_OF_METHOD: Mapping[str, Maker] = MappingProxyType(
    {
        GradientDescent.kind: Maker(
            _from_zero(descend), resolution_notes, model_of, _cells, descent_curve, training_witness
        ),
        OnePass.kind: Maker(
            _from_zero(solve_rows), solution_notes, solution_model, _cells, one_pass_curve, one_pass_witness
        ),
        Noisy.kind: Maker(
            find_noisy,
            lambda schedule, trace: (),
            noisy_integers,
            _cells,
            noisy_curve,
            noisy_witness,
            noise=committed_noise,
            noise_cells=noise_cells,
        ),
        Optimum.kind: Maker(
            _optimum_of,
            optimum_notes,
            optimum_model,
            _cells,
            optimum_curve,
            _witness_of,
            distance=found_distance,
        ),
        Newton.kind: Maker(
            find_steps,
            steps_notes,
            steps_model,
            _cells,
            steps_curve,
            steps_witness,
            distance=steps_distance,
            noise=committed_noise,
            noise_cells=noise_cells,
            kept=kept_matrix,
        ),
        Sisa.kind: Maker(train_shards, shard_notes, models_of, models_cells, shards_curve, sisa_witness, 64),
    }
)
