"""What would fit where a spec does not: numbers for refusals."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context
from fractions import Fraction

DIGITS = 3


def at_least(value: Fraction) -> float:
    """A number of few digits that is no smaller."""
    return _rounded(value, ROUND_CEILING)


def at_most(value: Fraction) -> float:
    """A number of few digits that is no larger."""
    return _rounded(value, ROUND_FLOOR)


def _rounded(value: Fraction, rounding: str) -> float:
    found = Context(prec=DIGITS, rounding=rounding).divide(*value.as_integer_ratio())
    return float(found)


def one_of(remedies: Sequence[str], nothing: str) -> str:
    """What can be done, or that nothing can."""
    return ", or ".join(remedies) or nothing


def next_power_of_two(value: int) -> int:
    """The smallest that is no smaller."""
    return 1 << (value - 1).bit_length()
