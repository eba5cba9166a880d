"""Newton's steps as they are proved: the columns of circuits/relations/newton.py. Their matrix: newton_search.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ...circuits.language.layout import Address
from ...circuits.relations.certified import BIAS, WEIGHTS
from ...circuits.relations.newton import CORNER, FROM_BIAS, MATRIX, OF_BIAS, Newton
from ...circuits.relations.newton_step import Step, update_remainder
from ...circuits.relations.signed import Signed
from ...errors import TrainingError
from ...models.methods.newton_reference import StepValues, starting_weights, step_by_step
from ...models.methods.newton_steps import NewtonCertificate
from ...models.methods.optimum_reference import RowValues, first_settled, settle, shortest_distance
from ..kernels import run_blas_tasks
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, multiplicities
from ..matrices.values import Witness
from .certified import committed_limbs, parameter_integers, residual_columns
from .curve import Integers
from .model import model_cells
from .newton_search import matrix_of_steps
from .optimum import Found, optimum_model, settled_columns
from .optimum_search import Problem, at, mean_of, nearest_of, problem_of
from .rows import Rows


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Stepped(Found[RowValues]):
    """A certified optimum, and the steps to it.

    Attributes:
        matrix: P, int64 (K, K).
        steps: one after another.
    """

    matrix: Integers
    steps: tuple[StepValues, ...]


def find_stepped(rows: Rows, schedule: NewtonCertificate, models: Sequence[Integers]) -> Stepped:
    """Steps from the model that is superseded, (1, K), or from zero, and the certificate of where they end.

    Raises:
        TrainingError: no declared distance has a certificate there, or a score or weight is out of range.
    """
    start = starting_weights(models[0][0], schedule) if models else np.zeros(schedule.width, dtype=np.int64)
    (found,) = run_blas_tasks([partial(_stepped, rows, schedule, start)])
    return found


def _stepped(rows: Rows, schedule: NewtonCertificate, start: Integers) -> Stepped:
    problem, mean = problem_of(rows, schedule), mean_of(rows, schedule)
    target = nearest_of(problem, mean)
    matrix = matrix_of_steps(problem, mean, schedule, start, target.weights)
    steps = step_by_step(start, matrix, schedule, lambda weights: _passed(problem, weights))
    ended = at(problem, steps[-1].after)
    if all(settle(ended.weights, ended.gradient, schedule, i) is None for i in range(len(schedule.distances))):
        first_settled(target.weights, target.gradient, schedule)  # raises where steps cannot help
        off = shortest_distance(ended.gradient, schedule)
        raise TrainingError(
            f"steps = {len(steps)}: they end up to {off} units from the optimum, and the longest declared distance is "
            f"{schedule.distances[0]}; declare more steps, for all future statements"
        )
    settled = first_settled(ended.weights, ended.gradient, schedule)
    return Stepped(ended.rows, settled, matrix, tuple(steps))


def _passed(problem: Problem, weights: Integers) -> tuple[RowValues, Integers]:
    rows = problem.values(weights)
    return rows, problem.gradient(weights, rows)


# The witness ---------------------------------------------------------------------------------------------------------


def newton_witness(relation: Newton, stepped: Stepped) -> Witness:
    """Columns of the model and the witness, z and step times middle, of all passes."""
    schedule = relation.schedule
    cells, looked_up = settled_columns(relation, stepped)
    limbs, limbs_looked_up = committed_limbs(relation, matrix_integers(relation, stepped.matrix))
    cells |= limbs
    looked_up |= limbs_looked_up
    for (naming, step), values in zip(relation.steps, stepped.steps, strict=True):
        own, own_looked_up = step_columns(step, values)
        cells |= {naming.address(column): each for column, each in own.items()}
        looked_up |= {naming.prefix + lookup: each for lookup, each in own_looked_up.items()}
    model = model_cells(schedule.features, optimum_model(schedule, stepped))
    return Witness({**cells, **model, **multiplicities(relation.sections, looked_up)}, looked_up)


def matrix_integers(relation: Newton, matrix: Integers) -> dict[Address, Integers]:
    """P (K, K) by parts, not negative, as it is committed in limbs."""
    d = relation.schedule.features
    parts: list[tuple[Signed, Any]] = [(MATRIX, np.s_[:, :])]
    if relation.schedule.bias:
        parts = [(MATRIX, np.s_[:d, :d]), (OF_BIAS, np.s_[d, :d]), (FROM_BIAS, np.s_[:d, d]), (CORNER, np.s_[d:, d])]
    return {own.integer: matrix[cut] + (1 << (own.bits - 1)) for own, cut in parts}


def step_columns(step: Step, values: StepValues) -> tuple[dict[Address, Cells], dict[str, LookedUpRows]]:
    """What is committed and virtual of a step, and what is looked up of it."""
    own, features = step.schedule, step.schedule.features
    integers = parameter_integers(step, signed={"cut": values.cut}, unsigned={"cut_rest": values.cut_rest})
    for place, parameter in enumerate((WEIGHTS, BIAS)[: 1 + own.bias]):
        cut = slice(features, None) if place else slice(0, features)
        held = Signed(parameter.weight, own.bits_of_weights[place])
        integers[held.integer] = values.weights[cut] // own.units[place] + (1 << (held.bits - 1))
        integers[update_remainder(parameter)] = values.remainder[cut]
    limbs, limbs_looked_up = committed_limbs(step, integers)
    rows, rows_looked_up = residual_columns(values.rows)
    return {**rows, **limbs}, {**rows_looked_up, **limbs_looked_up}
