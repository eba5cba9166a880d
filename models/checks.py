"""Values that people declare: of the right type and in range, or refused by the name of their field."""

from __future__ import annotations

import math
import operator
from typing import Any

from ..errors import ParameterError


def integer(name: str, value: Any) -> int:
    """Any integer type (numpy's too) but not bool, as `int`; raises ParameterError naming the field."""
    if isinstance(value, bool):
        raise ParameterError(f"{name}: expected an integer, found {value!r}")
    try:
        return operator.index(value)
    except TypeError:
        raise ParameterError(f"{name}: expected an integer, found {value!r}") from None


def integer_within(name: str, value: object, low: int, high: int) -> int:
    """An integer in [low, high]; raises ParameterError naming the field."""
    number = integer(name, value)
    if not low <= number <= high:
        raise ParameterError(f"{name} = {number}: must be between {low} and {high}")
    return number


def real(name: str, value: Any) -> float:
    """A finite real number as float64, minus zero made zero; raises ParameterError naming the field."""
    if isinstance(value, (bool, str, bytes)):
        raise ParameterError(f"{name}: expected a number, found {value!r}")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ParameterError(f"{name}: expected a number, found {value!r}") from None
    if not math.isfinite(number):
        raise ParameterError(f"{name} = {number}: must be finite")
    return number + 0.0
