"""What an evaluation says of one model: exact counts of classes, and intervals of what is no count.

An interval is stated as how often a step goes into a sum over the rows that count, rounded outwards. A step is
2^-grid for each row, and of the number of rows the next power of two: the statement declares `grid`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt, nextafter
from types import NoneType

from ...errors import FormatError
from ...formats.fields import Fields, Int, ListOf, take
from ...models.losses import LOSS_BITS
from ...models.shapes import MAX_CLASSES, MAX_ROWS

GRIDS = (-16, 16)
DEFAULT_GRID, COUNT_GRID = 12, 4  # of classes and of values; of labels that are counts
MOST_STEPS = 1 << 62
FINEST_LABEL = 14  # bits of a label's unit that residuals and spreads have, where there is room
SQUARE_BITS = 61  # that the squares of all rows together stay below
ROOM_BITS = {"real": 4, "binary": 4, "count": 17}  # of a residual beside a label's unit
LARGEST_LABEL_BITS = 16

_CLASSES: Fields = {
    "right": Int(0, MAX_ROWS),
    "loss": (ListOf(Int(-MOST_STEPS, MOST_STEPS), 2, 2), NoneType),
    "confusion": ListOf(Int(0, MAX_ROWS), 0, MAX_CLASSES**2),
}
_NUMBERS: Fields = {"squares": Int(0, MOST_STEPS)}
_COUNTS: Fields = {**_NUMBERS, "deviance": Int(0, MOST_STEPS)}
_MEAN_COUNTS: Fields = {**_NUMBERS, "deviances": ListOf(Int(-MOST_STEPS, MOST_STEPS), 2, 2)}
Interval = tuple[float, float]
MOST_DIGITS = 8


@dataclass(frozen=True)
class Classified:
    """Of a model that predicts classes.

    Attributes:
        right: how many rows it predicts right.
        loss: steps of the log-loss, at least and at most; None if it is not stated. Of several classes a bound may come
            out below zero, which no loss is.
        confusion: of each class, as it is, how many are predicted as each class, row by row; or none.
    """

    right: int
    loss: tuple[int, int] | None = None
    confusion: tuple[int, ...] = ()

    def to_mapping(self) -> dict[str, object]:
        """Canonical content."""
        loss = None if self.loss is None else list(self.loss)
        return {"right": self.right, "loss": loss, "confusion": list(self.confusion)}

    def require_consistent(self, rows: int) -> str:
        """What cannot be of so many rows; empty if there is nothing."""
        if self.loss is not None and self.loss[0] > self.loss[1]:
            return "a loss that is at least more than it is at most"
        size = isqrt(len(self.confusion))
        if self.confusion and (sum(self.confusion), sum(self.confusion[:: size + 1])) != (rows, self.right):
            return "a confusion matrix of another number of rows, or of right ones"
        return ""


@dataclass(frozen=True)
class Regressed:
    """Of a model that predicts numbers.

    Attributes:
        squares: steps of the sum of squared residuals, rounded down.
        deviance: of a Poisson model steps of the sum of deviances; None if it is not stated.
        deviances: of the mean of what shards expect steps of the same, at least and at most.
    """

    squares: int
    deviance: int | None = None
    deviances: tuple[int, int] | None = None

    def to_mapping(self) -> dict[str, object]:
        """Canonical content."""
        more = {} if self.deviance is None else {"deviance": self.deviance}
        ends = {} if self.deviances is None else {"deviances": list(self.deviances)}
        return {"squares": self.squares, **more, **ends}

    def require_consistent(self, rows: int) -> str:
        """See Classified."""
        if self.deviances is not None and self.deviances[0] > self.deviances[1]:
            return "a deviance that is at least more than it is at most"
        return ""


Result = Classified | Regressed


def read_result(mapping: object) -> Result:
    """What `to_mapping` wrote. Raises FormatError."""
    if isinstance(mapping, Mapping) and "squares" in mapping:
        if "deviances" in mapping:
            fields = take(mapping, _MEAN_COUNTS, "result")
            return Regressed(fields["squares"], deviances=tuple(fields["deviances"]))
        return Regressed(**take(mapping, _COUNTS if "deviance" in mapping else _NUMBERS, "result"))
    fields = take(mapping, _CLASSES, "result")
    loss = None if fields["loss"] is None else tuple(fields["loss"])
    confusion = tuple(fields["confusion"])
    if isqrt(len(confusion)) ** 2 != len(confusion):
        raise FormatError("result: a confusion matrix is a square")
    return Classified(fields["right"], loss, confusion)


# Steps ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Steps:
    """How sums over rows are rounded.

    Attributes:
        rows: how many count. grid: as declared.
    """

    rows: int
    grid: int

    def bits(self, scale: int) -> int:
        """Of a step, at least 1, where a unit of a row is 2^scale."""
        return max(1, scale + (self.rows - 1).bit_length() - self.grid)

    def mean(self, stated: int, scale: int) -> Fraction:
        """So many steps, for each row."""
        return Fraction(stated << self.bits(scale), self.rows << scale)


@dataclass(frozen=True)
class LabelScales:
    """In which units squares of residuals and of labels are summed up.

    Attributes:
        rows: how many count. kind: of labels. label_bits: their scale.
    """

    rows: int
    kind: str
    label_bits: int

    @property
    def residual_bits(self) -> int:
        """Of a rounded residual, signed: squares of all rows stay below 2^SQUARE_BITS."""
        return min(24, (SQUARE_BITS - (self.rows - 1).bit_length()) // 2 + 1)

    @property
    def fine(self) -> int:
        """f: a unit of a label is 2^f of a residual. Negative if there is no room for any."""
        return min(FINEST_LABEL, self.residual_bits - 1 - ROOM_BITS[self.kind])

    @property
    def finer(self) -> int:
        """g: what labels are raised by before their mean is rounded, so that squares stay below 2^SQUARE_BITS."""
        room = SQUARE_BITS - (self.rows - 1).bit_length() - 2 * (LARGEST_LABEL_BITS + 1)
        return max(0, min(FINEST_LABEL - self.label_bits, room // 2))


# Intervals -----------------------------------------------------------------------------------------------------------


def outwards(low: Fraction, high: Fraction) -> Interval:
    """The least interval of float64 numbers around it."""
    least, most = float(low), float(high)
    least = least if Fraction(least) <= low else nextafter(least, -math.inf)
    return least, most if Fraction(most) >= high else nextafter(most, math.inf)


def loss_interval(loss: Sequence[int], steps: Steps) -> Interval:
    """The mean log-loss (natural logarithm) of a row, which is not negative."""
    low, high = (steps.mean(stated, LOSS_BITS) for stated in loss)
    return outwards(max(Fraction(0), low), high)


ROOT_BITS = 64
NO_BLUR = Fraction(0)


def _root(value: Fraction) -> tuple[Fraction, Fraction]:
    """Bounds of a square root."""
    scaled = (value.numerator << (2 * ROOT_BITS)) // value.denominator
    root = isqrt(scaled)
    return Fraction(root, 1 << ROOT_BITS), Fraction(root + 1, 1 << ROOT_BITS)


def mean_squares(
    squares: int, steps: Steps, scales: LabelScales, blur: Fraction = NO_BLUR
) -> tuple[Fraction, Fraction]:
    """Bounds of the root mean square of residuals, in units of labels: rounding moves each by half a unit at most.

    blur: what predictions are off at most, before that.
    """
    low, high = (steps.mean(stated, 2 * scales.fine) for stated in (squares, squares + 1))
    off = Fraction(1, 2 << scales.fine) + blur
    return max(Fraction(0), _root(low)[0] - off), _root(high)[1] + off


def spread_bounds(spread: int, steps: Steps, scales: LabelScales) -> tuple[Fraction, Fraction]:
    """Bounds of the mean square of labels from their mean, in units of labels: the rounded one is off by a unit."""
    fine = scales.label_bits + scales.finer
    low, high = (steps.mean(stated, 2 * fine) for stated in (spread, spread + 1))
    return max(Fraction(0), low - Fraction(1, 1 << (2 * fine))), high


def explained_interval(
    squares: int, spread: int, steps: Steps, scales: LabelScales, blur: Fraction = NO_BLUR
) -> Interval:
    """R^2; from minus infinity where labels may all be the same."""
    low, high = mean_squares(squares, steps, scales, blur)
    least, most = spread_bounds(spread, steps, scales)
    best = 1 - low**2 / most
    if not least:
        return -math.inf, outwards(best, best)[1]
    return outwards(1 - high**2 / least, best)


def interval_text(interval: Interval) -> str:
    """Both ends with as many digits as tell them apart, rounded outwards; without a lower end, what it is at most."""
    low, high = interval
    if math.isinf(low):
        return f"at most {_rounded(high, 4, up=True)}"
    digits = 4
    while digits < MOST_DIGITS and high - low < 10.0 ** (1 - digits):
        digits += 1
    return f"{_rounded(low, digits, up=False)} to {_rounded(high, digits, up=True)}"


def _rounded(value: float, digits: int, *, up: bool) -> str:
    unit = Fraction(1, 10**digits)
    steps = Fraction(value) / unit
    return f"{float((math.ceil(steps) if up else math.floor(steps)) * unit):.{digits}f}"
