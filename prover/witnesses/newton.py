"""Newton's steps as they are proved: the columns of circuits/relations/newton.py. Their matrix: newton_search.py.

Of a model with noise: noisy_newton.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from ...circuits.language.layout import Address
from ...circuits.relations.certified import BIAS, WEIGHTS
from ...circuits.relations.newton import CORNER, FROM_BIAS, MATRIX, OF_BIAS, Newton, WithSteps
from ...circuits.relations.newton_inverse import (
    BIAS_CURVATURE,
    BIAS_ERROR,
    BIAS_REST,
    CORNER_CURVATURE,
    CORNER_ERROR,
    CORNER_REST,
    CURVATURE,
    CURVATURE_REST,
    ERROR,
    FROM_BIAS_ERROR,
)
from ...circuits.relations.newton_step import Step, update_remainder
from ...circuits.relations.signed import Signed
from ...errors import TrainingError
from ...models.methods.newton import MAX_STEPS
from ...models.methods.newton_reference import (
    FROM_NEARER,
    InverseValues,
    StepValues,
    inverse_in,
    inverse_values,
    rounded_curvature,
    stacked_inverses,
    stacked_steps,
    starting_weights,
    step_by_step,
)
from ...models.methods.newton_steps import NewtonCertificate, SteppedCertificate
from ...models.methods.optimum_reference import RowValues, first_settled, settle, shortest_distance
from ..kernels import run_blas_tasks
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, multiplicities
from ..matrices.values import Witness
from .certified import committed_limbs, parameter_integers, residual_columns
from .curve import Integers
from .mean_loss import Mean
from .model import model_cells
from .newton_search import inverse_of, matrix_of_steps, second_derivative
from .optimum import Found, optimum_model, settled_columns
from .optimum_search import Point, Points, Problem, at, joined, means_of, nearest_of, problems_of
from .rows import Rows

Parts = tuple[Address, Address | None, Address, Address]  # of pairs, of the bias, from it, of both; one of equal ones
PARTS_OF_MATRIX: Parts = (MATRIX, OF_BIAS, FROM_BIAS, CORNER)
PARTS_OF_CURVATURE: Parts = (CURVATURE, None, BIAS_CURVATURE, CORNER_CURVATURE)
PARTS_OF_REST: Parts = (CURVATURE_REST, None, BIAS_REST, CORNER_REST)
MORE_STEPS = f"declare more steps, of which there can be {MAX_STEPS}, for all future statements"
PARTS_OF_ERROR: Parts = (ERROR, BIAS_ERROR, FROM_BIAS_ERROR, CORNER_ERROR)


class Steps(Protocol):
    """What is committed of steps, wherever they lead. Attributes: as of Stepped."""

    @property
    def matrix(self) -> Integers:
        """P."""

    @property
    def steps(self) -> tuple[StepValues, ...]:
        """One after another."""

    @property
    def proved(self) -> InverseValues | None:
        """Of the matrix."""


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Stepped(Found[RowValues]):
    """A certified optimum, and the steps to it.

    Attributes:
        matrix: P, int64 (K, K), or of several outputs (O, K, K).
        steps: one after another.
        proved: that the matrix is an inverse, where that is declared.
    """

    matrix: Integers
    steps: tuple[StepValues, ...]
    proved: InverseValues | None = None


def find_stepped(rows: Rows, schedule: NewtonCertificate, models: Sequence[Integers]) -> Stepped:
    """Steps from the model that is superseded, (O, K), or from zero, and the certificate of where they end.

    Raises:
        TrainingError: no declared distance has a certificate there, or a score or weight is out of range.
    """
    found = all_led(rows, schedule, models)
    return _settled_steps(found, schedule) if schedule.inverse is None else _certified_steps(found, schedule)


def all_led(rows: Rows, schedule: SteppedCertificate, models: Sequence[Integers]) -> list[Led]:
    """The steps of each output, from the model (O, K) that is given, or from zero."""
    problems = problems_of(rows, schedule)
    starts = starts_of(schedule, models)
    if schedule.inverse is not None:
        by = zip(problems, starts, strict=True)
        return run_blas_tasks([partial(_by_inverse, *each, schedule) for each in by])
    own = zip(problems, means_of(rows, schedule, problems), starts, strict=True)
    return run_blas_tasks([partial(_led, *each, schedule) for each in own])


def starts_of(schedule: SteppedCertificate, models: Sequence[Integers]) -> Integers:
    """W(0), (O, K). Raises TrainingError."""
    if models:
        return starting_weights(models[0], schedule)
    return np.zeros((schedule.outputs, schedule.width), dtype=np.int64)


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Led:
    """The steps of one output: by which matrix, where they ended, and the optimum that they were to lead to.

    Attributes:
        target: None by an inverse, which leads where it leads.
        proved: that the matrix is one.
    """

    matrix: Integers
    steps: list[StepValues]
    ended: Point
    target: Point | None = None
    proved: InverseValues | None = None


def _led(problem: Problem, mean: Mean, start: Integers, schedule: SteppedCertificate) -> Led:
    target = nearest_of(problem, mean)
    return led_by(problem, matrix_of_steps(problem, mean, schedule, start, target.weights), start, schedule, target)


def led_by(
    problem: Problem, matrix: Integers, start: Integers, schedule: SteppedCertificate, target: Point | None = None
) -> Led:
    """Where a matrix leads."""
    steps = step_by_step(start, matrix, schedule, lambda weights: _passed(problem, weights))
    return Led(matrix, steps, at(problem, steps[-1].after), target)


def _settled_steps(led: Sequence[Led], schedule: NewtonCertificate) -> Stepped:
    """Steps of all outputs, certified together."""
    ended, target = joined([own.ended for own in led]), joined([own.target for own in led if own.target is not None])
    if not _settles(ended, schedule):
        first_settled(target.weights, target.gradient, schedule)  # raises where steps cannot help
        raise TrainingError(f"{_too_far(ended, schedule)}; {_nearer(schedule)}")
    return _together(led, ended, schedule)


def _together(led: Sequence[Led], ended: Points, schedule: NewtonCertificate) -> Stepped:
    settled = first_settled(ended.weights, ended.gradient, schedule)
    return Stepped(ended.rows, settled, *all_together(led))


def all_together(led: Sequence[Led]) -> tuple[Integers, tuple[StepValues, ...], InverseValues | None]:
    """Matrix, steps, and that the matrix is an inverse if that is declared, of all outputs."""
    if len(led) == 1:
        return led[0].matrix, tuple(led[0].steps), led[0].proved
    proved = [own.proved for own in led if own.proved is not None]
    stacked = stacked_inverses(proved) if proved else None
    return np.stack([own.matrix for own in led]), tuple(stacked_steps([own.steps for own in led])), stacked


def _by_inverse(problem: Problem, start: Integers, schedule: SteppedCertificate) -> Led:
    """By the inverse of the second derivative at the start, which nothing is done to."""
    inverse = inverse_in(schedule)
    curvature, _ = rounded_curvature(second_derivative(problem, problem.values(start)), inverse)
    return inverse_led_by(problem, inverse_of(curvature, inverse.scale), start, schedule)


def inverse_led_by(problem: Problem, matrix: Integers, start: Integers, schedule: SteppedCertificate) -> Led:
    """Where a matrix leads, and that it is an inverse there. Raises TrainingError where it is none."""
    second = second_derivative(problem, problem.values(start))
    return replace(
        led_by(problem, matrix, start, schedule), proved=inverse_values(second, matrix, inverse_in(schedule))
    )


def _certified_steps(led: Sequence[Led], schedule: NewtonCertificate) -> Stepped:
    """Those by an inverse, of all outputs."""
    ended = joined([own.ended for own in led])
    require_near(ended, schedule)
    return _together(led, ended, schedule)


def require_near(ended: Points, schedule: SteppedCertificate) -> None:
    """Steps end within the longest distance of the optimum. Raises TrainingError."""
    if shortest_distance(ended.gradient, schedule) > schedule.distances[0]:
        raise TrainingError(f"{_too_far(ended, schedule)}; {_nearer(schedule)}")


def _nearer(schedule: SteppedCertificate) -> str:
    """What would lead nearer."""
    remedies = [MORE_STEPS] if len(schedule.steps) < MAX_STEPS else []
    remedies += [] if schedule.inverse is None else ["forget fewer rows at once"]
    return ", or ".join(remedies if schedule.inverse is None and remedies else [*remedies, FROM_NEARER])


def _settles(ended: Points, schedule: NewtonCertificate) -> bool:
    """Whether there is a certificate of where steps end."""
    numbers = range(len(schedule.distances))
    return any(settle(ended.weights, ended.gradient, schedule, number) is not None for number in numbers)


def _too_far(ended: Points, schedule: SteppedCertificate) -> str:
    off = shortest_distance(ended.gradient, schedule)
    return (
        f"steps = {len(schedule.steps)}: they end up to {off} units from the optimum, and the longest declared "
        f"distance is {schedule.distances[0]}"
    )


def _passed(problem: Problem, weights: Integers) -> tuple[RowValues, Integers]:
    rows = problem.values(weights)
    return rows, problem.gradient(weights, rows)


# The witness ---------------------------------------------------------------------------------------------------------


def newton_witness(relation: Newton, stepped: Stepped) -> Witness:
    """Columns of the model and the witness, z and step times middle, of all passes."""
    schedule = relation.schedule
    cells, looked_up = settled_columns(relation, stepped)
    own, own_looked_up = steps_columns(relation, stepped)
    cells |= own
    looked_up |= own_looked_up
    model = model_cells(schedule.features, optimum_model(schedule, stepped))
    return Witness({**cells, **model, **multiplicities(relation.sections, looked_up)}, looked_up)


def steps_columns(relation: WithSteps, stepped: Steps) -> tuple[dict[Address, Cells], dict[str, LookedUpRows]]:
    """What is committed and virtual of a matrix and its steps, and what is looked up of them."""
    cells, looked_up = committed_limbs(relation, matrix_integers(relation, stepped))
    for (naming, step), values in zip(relation.steps, stepped.steps, strict=True):
        own, own_looked_up = step_columns(step, values)
        cells |= {naming.address(column): each for column, each in own.items()}
        looked_up |= {naming.prefix + lookup: each for lookup, each in own_looked_up.items()}
    return cells, looked_up


def matrix_integers(relation: WithSteps, stepped: Steps) -> dict[Address, Integers]:
    """What there is of any two weights (K, K), or (O, K, K), by parts, not negative, as it is committed in limbs."""
    proved, found = stepped.proved, _in_parts(relation, PARTS_OF_MATRIX, stepped.matrix)
    if proved is None:
        return found
    found |= _in_parts(relation, PARTS_OF_CURVATURE, proved.curvature) | _in_parts(
        relation, PARTS_OF_ERROR, proved.error
    )
    return found | _in_parts(relation, PARTS_OF_REST, proved.rest, signed=False)


def _in_parts(relation: WithSteps, names: Parts, values: Integers, signed: bool = True) -> dict[Address, Integers]:
    """Of pairs, of the bias, from the bias, of both; without a bias of pairs alone."""
    d = relation.schedule.features
    cuts: tuple[Any, ...] = (np.s_[..., :d, :d], np.s_[..., d, :d], np.s_[..., :d, d], np.s_[..., d, d])
    cuts = cuts if relation.schedule.bias else cuts[:1]
    named = ((name, cut) for name, cut in zip(names, cuts, strict=False) if name is not None)
    return {
        name: np.atleast_1d(values[cut]) + ((1 << (relation.bits_of(name) - 1)) if signed else 0) for name, cut in named
    }


def step_columns(step: Step, values: StepValues) -> tuple[dict[Address, Cells], dict[str, LookedUpRows]]:
    """What is committed and virtual of a step, and what is looked up of it."""
    own, features = step.schedule, step.schedule.features
    integers = parameter_integers(step, signed={"cut": values.cut}, unsigned={"cut_rest": values.cut_rest})
    for place, parameter in enumerate((WEIGHTS, BIAS)[: 1 + own.bias]):
        weights, remainder = (
            each[..., features:].ravel() if place else each[..., :features]
            for each in (values.weights, values.remainder)
        )
        held = Signed(parameter.weight, own.bits_of_weights[place])
        integers[held.integer] = weights // own.units[place] + (1 << (held.bits - 1))
        integers[update_remainder(parameter)] = remainder
    limbs, limbs_looked_up = committed_limbs(step, integers)
    rows, rows_looked_up = residual_columns(values.rows)
    return {**rows, **limbs}, {**rows_looked_up, **limbs_looked_up}
