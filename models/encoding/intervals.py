"""The interval and the map of each column: declared, or an interval from the data."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ParameterError, require_type
from ...formats.toml import Bounds
from .columns import real_array, require_not_negative, table_pieces
from .maps import LINEAR, LOG1P

SHOWN_COLUMNS = 12


def interval_of_each(columns: Sequence[str], array: NDArray[Any]) -> list[tuple[float, float]]:
    """The least and the largest value in each column of a table (N, d), N > 0. Raises DataError as real_array does."""
    low, high = np.full(array.shape[1], math.inf), np.full(array.shape[1], -math.inf)
    for start, rows in table_pieces(array):
        piece = real_array("X", rows, 2, first_row=start, columns=columns)
        np.minimum(low, piece.min(axis=0), out=low)
        np.maximum(high, piece.max(axis=0), out=high)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def choose_intervals(
    found: Mapping[str, tuple[float, float]],
    bounds: Mapping[str, Bounds] | None,
    maps: Mapping[str, str] | None,
    label_name: str,
) -> dict[str, tuple[float, float, str]]:
    """Low, high and map of each column: the declared ones, or if no bounds are, those `found` in the data, by `maps`.

    Raises:
        ParameterError: a column without bounds, bounds or a map without a column, neither a pair nor a triple, a map
            for the label, or maps beside bounds, which have their own.
    """
    if bounds is None:
        return _mapped(found, {} if maps is None else maps, label_name)
    if maps is not None:
        raise ParameterError('maps: where bounds are declared, they name the map too: (low, high, "log1p")')
    require_type("bounds", bounds, Mapping, "from the names of columns to (low, high)")
    require_bounds(found, bounds, label_name)
    for name, declared in bounds.items():
        if not isinstance(declared, (tuple, list)) or len(declared) not in (2, 3):
            raise ParameterError(f"bounds: column {name!r} needs a lower and an upper bound")
    named = {name: declared[2] for name, declared in bounds.items() if len(declared) == 3}
    return _mapped({name: (bounds[name][0], bounds[name][1]) for name in found}, named, label_name)


def require_bounds(found: Collection[str], bounds: Collection[str], label_name: str) -> None:
    """Refuse columns without bounds, and bounds without a column: all of them at once. Raises ParameterError."""
    without = {name: _near(name, bounds) for name in found if name not in bounds}
    beyond = [name for name in bounds if name not in found and name not in without.values()]
    reasons = []
    if without:
        shown = [f"{name!r}{_hint(near)}" for name, near in list(without.items())[:SHOWN_COLUMNS]]
        more = f" and {len(without) - SHOWN_COLUMNS} more" if len(without) > SHOWN_COLUMNS else ""
        reasons.append(f"none for column{'s' * (len(without) > 1)} {', '.join(shown)}{more}")
    if beyond:
        listed = ", ".join(map(repr, beyond[:SHOWN_COLUMNS])) + (", .." if len(beyond) > SHOWN_COLUMNS else "")
        words = ("is no column", "needs") if len(beyond) == 1 else ("are no columns", "need")
        more = "; labels that are classes or counts have none" if label_name in beyond else ""
        reasons.append(f"there {words[0]} {listed} that {words[1]} them{more}")
    if reasons:
        raise ParameterError(f"bounds: {'; '.join(reasons)}")


def _near(name: str, bounds: Collection[str]) -> str | None:
    """The column's name in bounds, but for what is easily overlooked."""
    form = name.strip().casefold()
    return next((other for other in bounds if isinstance(other, str) and other.strip().casefold() == form), None)


def _hint(near: str | None) -> str:
    return "" if near is None else f" (did you mean {near!r}, which differs by spaces or capitals only?)"


def _mapped(
    intervals: Mapping[str, tuple[float, float]], maps: Mapping[str, str], label_name: str
) -> dict[str, tuple[float, float, str]]:
    """Intervals with their maps; those that have none are linear."""
    require_type("maps", maps, Mapping, "from the names of features to their maps")
    for name, chosen in maps.items():
        if name == label_name and chosen != LINEAR:
            raise ParameterError(f"labels are {LINEAR}, other maps are for features", column=label_name)
        if name not in intervals:
            raise ParameterError(f"maps: there is no feature {name!r}")
    return {name: (*interval, maps.get(name, LINEAR)) for name, interval in intervals.items()}


def require_mappable(
    columns: Sequence[str], array: NDArray[Any], intervals: Mapping[str, tuple[float, float, str]]
) -> None:
    """Refuse negative values in the columns of a table (N, d) that log1p maps. Raises DataError, naming the row."""
    for k, name in enumerate(columns):
        low, _, chosen = intervals[name]
        if chosen == LOG1P and low < 0.0:
            require_not_negative(array[:, k], name)
