"""Newton's steps to a model with noise, as they are proved: newton.py and noisy.py have their columns.

The owner commits to where steps end before there is a nonce, and proves the same steps when there is one: the matrix
that led there is kept, as it is found in floats, which another machine or number of threads need not find again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np

from ...circuits.relations.newton import NoisyNewton
from ...errors import FormatError
from ...models.convergence import Curve
from ...models.methods.newton_reference import InverseValues, StepValues
from ...models.methods.newton_steps import NewtonCertificate, NoisyNewtonCertificate, SteppedCertificate
from ...models.methods.noisy_reference import noised
from ...models.noise import COIN_BITS
from ..kernels import run_blas_tasks
from ..matrices.entropy import random_integers
from ..matrices.multiplicities import multiplicities
from ..matrices.values import Witness
from .curve import Integers
from .model import model_cells
from .newton import (
    Led,
    Stepped,
    all_led,
    all_together,
    find_stepped,
    inverse_led_by,
    led_by,
    newton_witness,
    require_near,
    starts_of,
    steps_columns,
)
from .noisy import FoundNoisy, noised_columns, noisy_curve, noisy_integers
from .optimum import found_distance, optimum_curve, optimum_model, optimum_notes
from .optimum_search import joined, problems_of
from .rows import Rows

NOT_LED = "noise: its matrix does not lead to the weights that were committed to"


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class SteppedNoisy(FoundNoisy):
    """Where steps ended, with noise, and the steps. Attributes: as of FoundNoisy and of newton.Stepped."""

    matrix: Integers
    steps: tuple[StepValues, ...]
    proved: InverseValues | None = None


AnySteps = Stepped | SteppedNoisy


def find_noisy_steps(rows: Rows, schedule: NoisyNewtonCertificate, committed: Sequence[Integers]) -> SteppedNoisy:
    """Steps from the model that is superseded, or from zero, and noise on where they end.

    Args:
        committed: that model, (O, K), if there is one; and W and R, int64 (2, O K), to which the owner has committed,
            with the matrix that led to W, (O, K, K): without these all are found now.

    Raises:
        TrainingError: steps do not end as near the optimum as is declared, or a score or weight is out of range.
        FormatError: the matrix does not lead to W.
    """
    begun = 0 if schedule.start is None else 1
    models, drawn = committed[:begun], committed[begun:]
    if drawn:
        (weights, coins), kept = drawn
        led = _led_again(rows, schedule, models, kept.reshape(-1, schedule.width, schedule.width))
    else:
        led, coins = all_led(rows, schedule, models), random_integers(COIN_BITS, schedule.weight_count)
    ended = joined([own.ended for own in led])
    if drawn and not np.array_equal(ended.weights.ravel(), weights):
        raise FormatError(NOT_LED)
    require_near(ended, schedule)
    found = noised(ended.weights, ended.gradient, coins.reshape(ended.weights.shape), schedule)
    return SteppedNoisy(ended.rows, found, *all_together(led))


def _led_again(
    rows: Rows, schedule: NoisyNewtonCertificate, models: Sequence[Integers], matrices: Integers
) -> list[Led]:
    """Where matrices lead, each that of an output."""
    half = 1 << (schedule.matrix_bits - 1)
    if len(matrices) != schedule.outputs or (matrices < -half).any() or (matrices >= half).any():
        raise FormatError(NOT_LED)
    by = led_by if schedule.inverse is None else inverse_led_by
    own = zip(problems_of(rows, schedule), matrices, starts_of(schedule, models), strict=True)
    return run_blas_tasks([partial(by, *each, schedule) for each in own])


def kept_matrix(found: FoundNoisy) -> Integers:
    """What is needed to take the same steps again, and is not committed to: P, int64 (O K K,); nothing without any."""
    return found.matrix.ravel() if isinstance(found, SteppedNoisy) else np.empty(0, dtype=np.int64)


def noisy_newton_witness(relation: NoisyNewton, found: SteppedNoisy) -> Witness:
    """Columns of the model, the noise and the witness, z and step times middle, of all passes."""
    cells, looked_up = noised_columns(relation, found)
    own, own_looked_up = steps_columns(relation, found)
    cells |= own
    looked_up |= own_looked_up
    model = model_cells(relation.schedule.features, noisy_integers(relation.schedule, found))
    return Witness({**cells, **model, **multiplicities(relation.sections, looked_up)}, looked_up)


# With noise or without ------------------------------------------------------------------------------------------------


def find_steps(rows: Rows, schedule: SteppedCertificate, committed: Sequence[Integers]) -> AnySteps:
    """See find_noisy_steps, and newton.find_stepped."""
    if isinstance(schedule, NoisyNewtonCertificate):
        return find_noisy_steps(rows, schedule, committed)
    return find_stepped(rows, cast(NewtonCertificate, schedule), committed)


def steps_distance(found: AnySteps) -> int:
    """Which of the declared distances is proved."""
    return 0 if isinstance(found, SteppedNoisy) else found_distance(found)


def steps_notes(schedule: Any, found: AnySteps) -> tuple[str, ...]:
    """At which distance, where it is not the first that is declared."""
    return () if isinstance(found, SteppedNoisy) else optimum_notes(schedule, found)


def steps_model(schedule: Any, found: AnySteps) -> Integers:
    """The integers of the model, int64 (O, K)."""
    return noisy_integers(schedule, found) if isinstance(found, SteppedNoisy) else optimum_model(schedule, found)


def steps_curve(rows: Rows, method: Any, schedule: Any, found: AnySteps) -> Curve:
    """Zero weights, and the published model."""
    if isinstance(found, SteppedNoisy):
        return noisy_curve(rows, method, schedule, found)
    return optimum_curve(rows, method, schedule, found)


def steps_witness(relation: Any, found: AnySteps) -> Witness:
    """All that is committed."""
    return noisy_newton_witness(relation, found) if isinstance(found, SteppedNoisy) else newton_witness(relation, found)
