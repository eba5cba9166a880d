"""TOML that people write: specs, and bounds of columns."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from ..errors import DataError, FormatError
from .files import read_text

OVER_64_BITS = "there is an integer of more than 64 bits in it"
MAX_TOML_DEPTH = 16  # tables and lists inside each other, the document included
MAX_BOUNDS_BYTES = 1 << 25  # far more than as many columns as a data set can have
INTERVAL_FIELDS = {"low", "high", "map", "missing", "clip", "format"}
CATEGORY_FIELDS = {"categories", "reference", "other", "missing"}
MORE = "map, missing, clip or format"

Bounds = tuple[float, float] | tuple[float, float, str]  # low, high, and the map if it is not the linear one


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


def toml_value(value: object) -> str:
    """A plain value as TOML: numbers, true or false, texts, lists, and maps from texts, in one line.

    Args:
        value: texts in it have no control characters.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{toml_value(key)} = {toml_value(item)}' for key, item in value.items())}}}"
    if isinstance(value, Sequence):
        return f"[{', '.join(map(toml_value, value))}]"
    return repr(value)


def read_bounds(path: str | Path) -> dict[str, Any]:
    """What is declared of columns: a section [bounds] of lines `name = [low, high]` and of more (docs/owners.md).

    Returns:
        By name a pair of finite numbers, or of dates, the lower one first; or the fields of a line that has names.

    Raises:
        DataError: unreadable, not TOML, or not bounds; names the file.
    """
    try:
        document = toml_document(read_text(path, MAX_BOUNDS_BYTES))
    except FormatError as error:
        raise DataError(f"{path}: {error}") from None
    table = document.get("bounds")
    if set(document) != {"bounds"} or not isinstance(table, dict) or not table:
        raise DataError(f"{path}: must hold one section [bounds] with lines like: age = [0, 120]")
    return {name: _bounds_of(declared, f"{path}: bounds of {name!r}") for name, declared in table.items()}


def _bounds_of(declared: object, what: str) -> tuple[Any, Any] | dict[str, Any]:
    """One line of the section. Raises DataError, its message beginning with `what`."""
    fields: dict[str, Any] = declared if isinstance(declared, dict) else {}
    if "categories" in fields and set(fields) <= CATEGORY_FIELDS:
        return fields
    if fields and not ({"low", "high"} <= set(fields) <= INTERVAL_FIELDS and isinstance(fields.get("map", ""), str)):
        raise DataError(f"{what} must be [low, high], or {{low = .., high = ..}} with {MORE}, or {{categories = [..]}}")
    ends = [fields["low"], fields["high"]] if fields else declared
    if not isinstance(ends, list) or len(ends) != 2 or not (_are_numbers(ends) or _are_dates(ends)):
        raise DataError(f"{what} must be [low, high], two finite numbers, or two dates")
    if _are_numbers(ends) and ends[0] > ends[1]:
        raise DataError(f"{what}: the lower one is above the upper one")
    if fields:
        return fields
    low, high = ends if _are_dates(ends) else map(float, ends)
    return low, high


def _are_numbers(ends: list[Any]) -> bool:
    return all(type(value) in (int, float) and math.isfinite(value) for value in ends)


def _are_dates(ends: list[Any]) -> bool:
    return all(isinstance(value, date) for value in ends)
