"""Reading plain mappings that strangers wrote: exact fields, exact types, one spelling for each value.

A mapping is made of `str`, `int`, `bool` and `list` only; real numbers are their `repr`, the shortest
decimal text that gives back the same float64. Two different mappings therefore never mean the same thing,
and the digest of a statement cannot be varied without varying the statement.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import FormatError

OVER_64_BITS = "there is an integer of more than 64 bits in it"
MAX_TOML_DEPTH = 16  # tables and lists inside each other, the document included


def toml_document(text: str) -> dict[str, Any]:
    """A TOML document; its integers have 64 bits, as TOML says. Raises FormatError."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise FormatError(str(error)) from None
    except ValueError:  # of thousands of digits, which Python refuses to read
        raise FormatError(OVER_64_BITS) from None
    pending: list[tuple[object, int]] = [(document, 1)]
    while pending:
        value, depth = pending.pop()
        if type(value) is int and not -(1 << 63) <= value < 1 << 63:
            raise FormatError(OVER_64_BITS)
        if isinstance(value, dict | list):
            if depth > MAX_TOML_DEPTH:
                raise FormatError(f"tables and lists are nested more than {MAX_TOML_DEPTH} deep")
            inside = value.values() if isinstance(value, dict) else value
            pending.extend((item, depth + 1) for item in inside)
    return document


def exact_fields(mapping: object, fields: Iterable[str], what: str) -> Mapping[str, object]:
    """Return `mapping` if it is a mapping with exactly these field names; raise FormatError otherwise."""
    if not isinstance(mapping, Mapping):
        raise FormatError(f"{what}: expected a mapping, found {type(mapping).__name__}")
    expected = set(fields)
    for key in mapping:
        if not isinstance(key, str) or key not in expected:
            raise FormatError(f"{what}: unknown field {key!r}")
    for key in sorted(expected):
        if key not in mapping:
            raise FormatError(f"{what}: field {key!r} is missing")
    return mapping


def read_int(value: object, what: str) -> int:
    """An `int` that is not a `bool`; raises FormatError."""
    if type(value) is not int:
        raise FormatError(f"{what}: expected an integer, found {type(value).__name__}")
    return value


def read_bool(value: object, what: str) -> bool:
    """A `bool`; raises FormatError."""
    if type(value) is not bool:
        raise FormatError(f"{what}: expected true or false, found {type(value).__name__}")
    return value


def read_text(value: object, what: str) -> str:
    """A `str`; raises FormatError."""
    if type(value) is not str:
        raise FormatError(f"{what}: expected text, found {type(value).__name__}")
    return value


def read_list(value: object, what: str) -> list[object]:
    """A `list`; raises FormatError."""
    if type(value) is not list:
        raise FormatError(f"{what}: expected a list, found {type(value).__name__}")
    return value


def read_float(value: object, what: str) -> float:
    """A finite float64 written as its `repr`; raises FormatError for any other spelling, infinity and NaN."""
    text = read_text(value, what)
    try:
        number = float(text)
    except ValueError:
        raise FormatError(f"{what}: {text[:40]!r} is not a number") from None
    if not math.isfinite(number):
        raise FormatError(f"{what}: {text[:40]!r} is not finite")
    if repr(number) != text:
        raise FormatError(f"{what}: {text[:40]!r} is not the canonical spelling {number!r}")
    return number
