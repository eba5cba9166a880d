"""Bounds to begin with, from a table: a file that its owner edits, as bounds should say what a value can be.

Bounds that follow the data depend on every row, forgotten ones included, and are outside every proof. So these are
rounded generously, and the file says why each is to be looked at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import MAXYEAR, MINYEAR, date, datetime

import numpy as np
from numpy.typing import NDArray

from ...formats.toml import toml_value
from ...models.encoding.categories import CategorySource
from ...models.encoding.maps import LOG1P
from .survey import MOST_TEXTS, Seen

SPREAD = 100.0  # the largest value over the median, from which most of a column would be a few integers
YEARS_AHEAD = 5  # at least, of rows to come
DAYS_OF_TWO_YEARS = 730
SHOWN = 5
COUNTED = "; if these labels are classes, or counts, delete the line, and say so (commit --label)"
UNKNOWN = "unknown"  # the category of cells without a value
HEAD = """# What each column can be, from its lowest to its highest value. EDIT THIS FILE.
#
# These are the values of one table, rounded generously. Bounds that follow the data depend on every row, also on those
# that will be forgotten, and no proof covers how they were chosen. Put what you know instead: an age is from 0 to 120,
# a share from 0 to 1, whoever is in the table. Values outside are refused, today and in later rows. Keep bounds near to
# what can be: a column has about two thousand steps between them. A column of categories becomes a feature for each of
# them but the first; `other` may name the one that any value counts as that is not listed.

[bounds]
"""


def suggested_bounds(
    seen: Sequence[Seen],
    labels: tuple[str, NDArray[np.float64]] | None = None,
    declared: Sequence[CategorySource] = (),
) -> str:
    """The text of a bounds file (formats/toml.py, `read_bounds`) for columns in which this was seen.

    Args:
        labels: name and values (N,) of those that are numbers and need bounds.
        declared: columns whose categories are in a file of their own, and which bounds must not declare again.
    """
    known = {own.column: own for own in declared}
    lines = [_line(own) if own.column not in known else _declared(own, known[own.column]) for own in seen]
    if labels is not None:
        name, values = labels
        line, found = _numbers(name, float(values.min()), float(values.max()), values, 0)
        lines.append((line, found + COUNTED * bool((values == np.rint(values)).all() and values.min() >= 0)))
    return HEAD + "".join(f"\n# {found}\n{line}\n" for line, found in lines)


def left_out(seen: Sequence[Seen]) -> list[str]:
    """Columns that can be no features as they are."""
    return [own.column for own in seen if not own.declarable]


def _line(own: Seen) -> tuple[str, str]:
    """A line of the file, and what is found there."""
    missing = own.counts["missing"]
    if own.listed and own.declarable:
        return _categories(own.column, own.categories, missing, "the column itself lists {} categories")
    if own.listed:
        return _left_out(own.column, f"the column itself lists {len(own.listed)} categories or more", missing)
    if own.kinds == {"number"}:
        return _numbers(own.column, *own.extremes["number"], np.array(own.numbers_seen), missing)
    if own.kinds == {"time"}:
        return _times(own.column, *own.extremes["time"], missing)
    if own.kinds == {"text"} and own.forms:
        return _times(own.column, *next(iter(own.forms.values())), missing, [*own.forms])
    if own.declarable:
        return _categories(own.column, own.categories, missing, "found {} different texts")
    return _left_out(own.column, _unfit(own), missing)


def _unfit(own: Seen) -> str:
    """Why a column is no feature."""
    if own.kinds != {"text"}:
        return ", ".join(f"{own.counts[kind]:,} {kind}s" for kind in sorted(own.kinds)) or "no value in it"
    return "one and the same text" if len(own.texts) == 1 else f"more than {MOST_TEXTS} different texts"


def _declared(own: Seen, source: CategorySource) -> tuple[str, str]:
    others = [text for text in own.categories if text not in source.values]
    found, missing = f"found {len(own.categories)} different texts", own.counts["missing"]
    if others:
        counted = "which are refused" if source.other is None else f"which count as {source.other!r}"
        listed = ", ".join(map(repr, others[:SHOWN])) + (", .." if len(others) > SHOWN else "")
        found += f", of which {len(others)} are not declared, {counted}: {listed}"
    return f"# {toml_value(own.column)}: in the file of categories", found + (_gaps(missing) * (source.missing is None))


def _left_out(name: str, found: str, missing: int) -> tuple[str, str]:
    return f"# {toml_value(name)}: leave it out, by --drop", found + _gaps(missing)


def _numbers(name: str, lowest: float, highest: float, values: NDArray[np.float64], missing: int) -> tuple[str, str]:
    (low, high), middle = generous(lowest, highest), float(np.median(values))
    found = f"found {lowest:.6g} to {highest:.6g}, median {middle:.6g}" + _gaps(missing)
    skewed = lowest >= 0 and highest > SPREAD * max(middle, 1.0)
    if skewed:
        low, center = 0.0, math.expm1(math.log1p(high) / 2)
    else:
        center = (low + high) / 2
    chosen = f', map = "{LOG1P}"' if skewed else ""
    more = chosen + (f", missing = {center:.6g}" if missing else "")
    return _interval(name, _text(low), _text(high), more), found


def _times(name: str, first: datetime, last: datetime, missing: int, forms: Sequence[str] = ()) -> tuple[str, str]:
    years = (last - first).days // DAYS_OF_TWO_YEARS
    low = date(max(first.year - years, MINYEAR), 1, 1)
    high = date(min(last.year + 1 + max(years, YEARS_AHEAD), MAXYEAR), 1, 1)
    more = f", missing = {date((low.year + high.year) // 2, 1, 1)}" if missing else ""
    more += f", format = {toml_value(forms[0])}" if forms else ""
    other = f"; or is its format {toml_value(forms[1])}?" if len(forms) > 1 else ""
    return _interval(name, str(low), str(high), more), f"found {first.date()} to {last.date()}" + other + _gaps(missing)


def _interval(name: str, low: str, high: str, more: str) -> str:
    own = f"{{low = {low}, high = {high}{more}}}" if more else f"[{low}, {high}]"
    return f"{toml_value(name)} = {own}"


def _categories(name: str, texts: Sequence[str], missing: int, found: str) -> tuple[str, str]:
    values = [*texts, *([UNKNOWN] if missing and UNKNOWN not in texts else [])]
    more = f", missing = {toml_value(UNKNOWN)}" if missing else ""
    line = f"{toml_value(name)} = {{categories = {toml_value(values)}{more}}}"
    return line, found.format(len(texts)) + _gaps(missing)


def _gaps(missing: int) -> str:
    if not missing:
        return ""
    return f", and {missing:,} cell{'' if missing == 1 else 's'} without a value: say what such a cell counts as"


def generous(lowest: float, highest: float) -> tuple[float, float]:
    """Round numbers around these two, half their distance away at least; never on the other side of 0."""
    if 0 <= lowest and highest <= 1:
        return 0.0, 1.0
    width = highest - lowest or abs(highest)
    step = 10.0 ** math.floor(math.log10(width))
    low, high = math.floor((lowest - width / 2) / step), math.ceil((highest + width / 2) / step)
    return (max(low, 0) if lowest >= 0 else low) * step, (min(high, 0) if highest <= 0 else high) * step


def _text(value: float) -> str:
    """As short as it is exact to twelve digits."""
    return f"{value:.12g}"
