"""What an evaluation says of a Poisson model: its mean deviance, and what RMSE and R^2 have in them of its table.

The deviance of a row is 2 (y log y - y - y z + e^z), 0 log 0 being 0: what the log-likelihood lacks of the largest one,
twice. It is stated in steps that are finer than those of squares.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from ...errors import ParameterError
from ...models.counts import P_BITS, chord, require_table
from ...models.live import Live
from ..relations.expected_counts import MOST_DEVIANCES, ExpectedCounts
from ..relations.mean_counts import MeanCounts
from ..relations.scored import ScoredModel
from ..relations.shard_counts import SpokenCounts
from .results import Interval, LabelScales, Regressed, Steps, outwards
from .training import TrainingStatement

FINER_BITS = 8  # a step of deviances is as much smaller than one of squares of counts


def deviance_bits(steps: Steps) -> int:
    """Of a step."""
    return Steps(steps.rows, steps.grid + FINER_BITS).bits(P_BITS)


def blur_of(training: TrainingStatement) -> Fraction:
    """How far from what a model predicts the integer is that is proved, at most, in units of labels."""
    if training.spec.family.predicts != "count":
        return Fraction(0)
    return (1 + chord(training.spec.fixed_point.q_bits)) / (1 << P_BITS)


def deviance_interval(stated: int, steps: Steps, q_bits: int) -> Interval:
    """The mean deviance of a row: sums are at most 2 units of 2^-P_BITS a row below it, 1 and a chord above."""
    bits, rows = deviance_bits(steps), steps.rows
    low = (stated << bits) - (3 + chord(q_bits)) * rows - 1
    high = Fraction(((stated + 1) << bits) + 1)
    mean = Fraction(2, rows << P_BITS)
    return outwards(max(Fraction(0), low * mean), high * mean)


def slack_of(q_bits: int) -> int:
    """How many units of 2^-P_BITS what is expected may be more than e^z, and one that it may be less: c."""
    return math.ceil(chord(q_bits)) + 1


def mean_deviance_bits(steps: Steps, shards: int) -> int:
    """Of a step, of the mean of what so many shards expect: of units that are as many times smaller."""
    return deviance_bits(steps) + (shards - 1).bit_length()


def mean_deviance_interval(stated: Sequence[int], steps: Steps, shards: int, q_bits: int) -> Interval:
    """The mean deviance of a row, by both ends of that of the mean of what so many shards expect."""
    bits, all_rows = mean_deviance_bits(steps, shards), shards * steps.rows
    low = (stated[0] << bits) - (1 + chord(q_bits)) * all_rows
    high = Fraction((stated[1] << bits) + 3 * all_rows)
    mean = Fraction(2, all_rows << P_BITS)
    return outwards(max(Fraction(0), low * mean), max(Fraction(0), high * mean))


def judged_mean(
    training: TrainingStatement, result: Regressed, scored: SpokenCounts, live: Live, steps: Steps, labels: LabelScales
) -> MeanCounts:
    """Shards of a Poisson model in the relation."""
    return MeanCounts(
        scored,
        live,
        P_BITS,
        P_BITS - labels.fine,
        labels.residual_bits,
        result.squares,
        steps.bits(2 * labels.fine),
        scored.speakers,
        result.deviances,
        mean_deviance_bits(steps, scored.speakers),
        slack_of(training.spec.fixed_point.q_bits),
    )


def judged_counts(
    training: TrainingStatement, result: Regressed, scored: ScoredModel, live: Live, steps: Steps, labels: LabelScales
) -> ExpectedCounts:
    """A Poisson model in the relation."""
    return ExpectedCounts(
        scored,
        live,
        P_BITS,
        P_BITS - labels.fine,
        labels.residual_bits,
        result.squares,
        steps.bits(2 * labels.fine),
        q_bits=training.spec.fixed_point.q_bits,
        deviance=result.deviance,
        deviance_bits=deviance_bits(steps),
    )


def require_counts(training: TrainingStatement, result: Regressed, steps: Steps, labels: LabelScales) -> None:
    """What is expected has a table, and sums fit. Raises ParameterError."""
    require_table(training.spec.family, training.spec.fixed_point)
    if labels.fine < 1:
        raise ParameterError("labels are too large for these rows")
    if result.deviance is not None and steps.rows >= MOST_DEVIANCES:
        raise ParameterError(f"{steps.rows} rows: a deviance is of fewer than {MOST_DEVIANCES}")
