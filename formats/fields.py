"""Reading plain maps that strangers wrote: exactly these fields, of exactly these types, one spelling for each value.

    FIELDS = {"rows": Int(1, 100), "root": Bytes(32), "rates": ListOf(Real()), "previous": (Bytes(32), NoneType)}
    found = take(mapping, FIELDS, "statement")

Real numbers are texts, their `repr`: the shortest decimal text that gives back the same float64. Two different maps
therefore never mean the same thing, and the digest of a statement cannot be varied without varying the statement.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any

from ..errors import FormatError
from .cbor import MAX_INT
from .files import SHOWN_TEXT


@dataclass(frozen=True)
class Int:
    """An integer with low <= value <= high."""

    low: int = 0
    high: int = MAX_INT

    def problem(self, value: object) -> str | None:
        """What is wrong with a value, to follow its name in a message."""
        if type(value) is not int:
            return f"is {_describe(value)}, not an integer"
        return None if self.low <= value <= self.high else f"is {value}, not in {self.low}..{self.high}"


@dataclass(frozen=True)
class Real:
    """A finite float64, as the text that `repr` gives; `float` of it is exact."""

    def problem(self, value: object) -> str | None:
        """As `Int.problem`."""
        if type(value) is not str:
            return f"is {_describe(value)}, not a number as text"
        shown = repr(value[:SHOWN_TEXT])
        try:
            number = float(value)
        except ValueError:
            return f"is {shown}, which is not a number"
        if not math.isfinite(number):
            return f"is {shown}, which is not finite"
        return None if repr(number) == value else f"is {shown}, not the canonical spelling {number!r}"


@dataclass(frozen=True)
class Bytes:
    """A byte string of exactly `size` bytes."""

    size: int

    def problem(self, value: object) -> str | None:
        """As `Int.problem`."""
        if type(value) is not bytes:
            return f"is {_describe(value)}, not a byte string"
        return None if len(value) == self.size else f"has {len(value)} bytes, not {self.size}"


@dataclass(frozen=True)
class ListOf:
    """A list of `low` to `high` elements, each as `element` says."""

    element: Int | Real | Bytes | type
    low: int = 0
    high: int = MAX_INT

    def problem(self, value: object) -> str | None:
        """As `Int.problem`."""
        if type(value) is not list:
            return f"is {_describe(value)}, not a list"
        if not self.low <= len(value) <= self.high:
            return f"has {len(value)} elements, not {self.low}..{self.high}"
        for index, element in enumerate(value):
            problem = _problem(self.element, element)
            if problem is not None:
                return f"is wrong at element {index}: it {problem}"
        return None


Expected = type | Int | Real | Bytes | ListOf
Fields = Mapping[str, Expected | tuple[Expected, ...]]


def take(payload: object, expected: Fields, where: str = "payload") -> dict[str, Any]:
    """The fields of a map, as they are in it, after checking that it has exactly the expected ones.

    Args:
        payload: what should be a map.
        expected: for each field its type (int, bytes, str, bool, list, dict, NoneType; compared exactly, so
            True is no integer), or bounds, or a tuple of alternatives.
        where: what the map is, for messages.

    Raises:
        FormatError: an unknown, missing or wrong field.
    """
    if type(payload) is not dict:
        raise FormatError(f"{where} is {_describe(payload)}, not a map")
    for name in payload:
        if name not in expected:
            raise FormatError(f"{where} has an unknown field {str(name)[:SHOWN_TEXT]!r}")
    for name, wanted in expected.items():
        if name not in payload:
            raise FormatError(f"{where} lacks the field {name!r}")
        alternatives = wanted if isinstance(wanted, tuple) else (wanted,)
        problems = [_problem(alternative, payload[name]) for alternative in alternatives]
        if None not in problems:
            raise FormatError(f"{where}: field {name!r} {problems[0]}")
    return dict(payload)


def _problem(expected: Expected, value: object) -> str | None:
    if not isinstance(expected, type):
        return expected.problem(value)
    return None if type(value) is expected else f"is {_describe(value)}, not {NAMES[expected]}"


NAMES = {
    int: "an integer",
    bytes: "a byte string",
    str: "text",
    bool: "true or false",
    list: "a list",
    dict: "a map",
    NoneType: "null",
}


def _describe(value: object) -> str:
    return NAMES.get(type(value), type(value).__name__)
