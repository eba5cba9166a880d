"""The run and the witness of each method of training, by the method's kind (models/methods)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import Vector
from ...circuits.language.layout import Address
from ...models.convergence import Curve
from ...models.methods import GradientDescent, OnePass, Sisa
from ..matrices.values import Witness
from .curve import descent_curve
from .gradient_descent import training_witness
from .model import model_cells
from .one_pass import one_pass_curve, one_pass_witness, solution_model, solution_notes, solve_rows
from .rows import Rows
from .run import descend, model_of, resolution_notes
from .sisa import models_cells, models_of, shard_notes, shards_curve, sisa_witness, train_shards


@dataclass(frozen=True)
class Maker:
    """How the owner trains by a method, and proves it.

    Attributes:
        train: from rows and what the method compiled to a trace. Raises TrainingError.
        notes: on the schedule and the trace, what the owner should know before proving, such as what rounding took
            away; raises ParameterError where nothing is left.
        model: on the same, the integers of the model: `Model.integers`.
        cells: from d and these integers, the columns of the model's commitment.
        curve: from rows, the method, what it compiled to and the trace, how the training went.
        witness: from the method's relation and the trace to the columns that are committed.
    """

    train: Callable[[Rows, Any], Any]
    notes: Callable[[Any, Any], tuple[str, ...]]
    model: Callable[[Any, Any], npt.NDArray[np.int64]]
    cells: Callable[[int, npt.NDArray[np.int64]], Mapping[Address, Vector]]
    curve: Callable[[Rows, Any, Any, Any], Curve]
    witness: Callable[[Any, Any], Witness]


MAKERS_OF_METHOD: Mapping[str, Maker] = MappingProxyType(
    {
        GradientDescent.kind: Maker(descend, resolution_notes, model_of, model_cells, descent_curve, training_witness),
        OnePass.kind: Maker(solve_rows, solution_notes, solution_model, model_cells, one_pass_curve, one_pass_witness),
        Sisa.kind: Maker(train_shards, shard_notes, models_of, models_cells, shards_curve, sisa_witness),
    }
)
