"""What is declared of columns, as people write it: bounds of numbers and times, categories, and what is missing.

A table's column is declared by one of

    [low, high]                                   numbers, or times, which are dates of TOML and of Python
    {low = .., high = ..}                         the same; also map = "log1p", missing = .., clip = true for values
                                                  beyond, which then count as the nearer bound, and of texts that are
                                                  times in another form than ISO 8601 format = "%d.%m.%Y"
    {categories = [..]}                           texts, integers or truth values; also reference = .. (the first one by
                                                  default), other = .. and missing = .., each one of the categories

Python's tuples and dictionaries are the same as TOML's lists and tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ...errors import DataError, ParameterError, require_type
from ...formats.toml import CATEGORY_FIELDS, INTERVAL_FIELDS, Bounds
from .categories import CategorySource, category_text
from .maps import LINEAR
from .readers import NumberSource, Source
from .times import TimeSource, moment

NO_BOUNDS = "needs a lower and an upper bound"


@dataclass(frozen=True)
class Declared:
    """What a table's columns are declared as.

    Attributes:
        bounds: of features, and of a label that needs them.
        sources: of columns that are no plain numbers.
    """

    bounds: Mapping[str, Bounds]
    sources: tuple[Source, ...] = field(default=())

    @classmethod
    def of(cls, columns: Mapping[str, Any] | None, categories: Mapping[str, Any] | None = None) -> Declared:
        """Of what is written for each column; nothing of None.

        Args:
            columns: by name, any of what the head of this file has.
            categories: of other columns, categories: their list alone, or as there.

        Raises:
            ParameterError: it is none of that; or a column is declared twice.
        """
        bounds: dict[str, Bounds] = {}
        sources: list[Source] = []
        for name, written in _together(columns, categories).items():
            own, source = _declared(name, written)
            features = (name,) if source is None else source.features
            for feature in features:
                if feature in bounds:
                    raise ParameterError(f"bounds: two columns have a feature {feature!r}")
                bounds[feature] = own
            sources += [] if source is None else [source]
        return cls(bounds, tuple(sources))


def _together(columns: Mapping[str, Any] | None, categories: Mapping[str, Any] | None) -> dict[str, Any]:
    """What is written for each column, in either."""
    found: dict[str, Any] = {}
    if columns is not None:
        require_type("bounds", columns, Mapping, "from the names of columns to (low, high)")
        found |= {str(name): own for name, own in columns.items()}
    if categories is not None:
        require_type("categories", categories, Mapping, "from the names of columns to lists")
        for name, own in categories.items():
            if str(name) in found:
                raise ParameterError("declared twice, among bounds and among categories", column=str(name))
            found[str(name)] = own if isinstance(own, Mapping) else {"categories": own}
            if "categories" not in found[str(name)]:
                raise ParameterError("categories: must be a list, or a table that has one", column=str(name))
    return found


def _declared(name: str, written: object) -> tuple[Bounds, Source | None]:
    """The bounds of a column's features, and its source if it has one."""
    if not isinstance(written, Mapping):
        if not isinstance(written, (tuple, list)) or len(written) not in (2, 3):
            raise ParameterError(f"bounds: column {name!r} {NO_BOUNDS}")
        written = dict(zip(("low", "high", "map"), written, strict=False))
    unknown = {*map(str, written)} - (CATEGORY_FIELDS if "categories" in written else INTERVAL_FIELDS)
    if unknown:
        raise ParameterError(f"{', '.join(sorted(unknown))}: nothing of that name can be declared", column=name)
    if "categories" in written:
        return (0.0, 1.0), _categories(name, written)
    if "low" not in written or "high" not in written:
        raise ParameterError(f"bounds: column {name!r} {NO_BOUNDS}")
    low, high, chosen = written["low"], written["high"], written.get("map", LINEAR)
    if isinstance(low, date) or isinstance(high, date):
        source = _times(name, written)
        return (0.0, source.days(high), chosen), source
    if "format" in written:
        raise ParameterError("format: is of times, whose bounds are dates", column=name)
    missing, clip = written.get("missing"), written.get("clip", False)
    if missing is None and clip is False:
        return (low, high, chosen), None
    return (low, high, chosen), NumberSource(column=name, missing=missing, clip=clip)


def _times(name: str, written: Mapping[str, Any]) -> TimeSource:
    low, high, missing = written["low"], written["high"], written.get("missing")
    if not isinstance(low, date) or not isinstance(high, date) or not isinstance(missing, date | None):
        raise ParameterError("low, high and missing must all be dates, or all be numbers", column=name)
    if not isinstance(written.get("format", ""), str):
        raise ParameterError("format: must be a text", column=name)
    if moment(low) > moment(high):
        raise ParameterError(f"lower bound {low} is above upper bound {high}", column=name)
    common: dict[str, Any] = {"column": name, "origin": moment(low), "form": written.get("format", "")}
    filled = None if missing is None else TimeSource(**common).days(missing)
    return TimeSource(**common, missing=filled, clip=written.get("clip", False))


def _categories(name: str, written: Mapping[str, Any]) -> CategorySource:
    listed = written["categories"]
    if not isinstance(listed, (list, tuple)) or not listed:
        raise ParameterError("categories: must be a list of texts, integers or truth values", column=name)
    values = tuple(_category(name, value) for value in listed)
    chosen = {key: written.get(key) for key in ("other", "missing")}
    return CategorySource(
        column=name,
        values=values,
        reference=_category(name, written.get("reference", listed[0])),
        **{key: None if value is None else _category(name, value) for key, value in chosen.items()},
    )


def _category(name: str, value: object) -> str:
    try:
        return category_text(value)
    except DataError as error:
        raise ParameterError(error.reason, column=name) from None
