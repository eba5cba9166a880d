"""What is declared of the columns of a data set, in words."""

from __future__ import annotations

from collections.abc import Mapping

from ..models.encoding.categories import CategorySource
from ..models.encoding.columns import ColumnEncoding
from ..models.encoding.dataset import DatasetEncoding
from ..models.encoding.readers import MeasuredSource, NumberSource, Source
from ..models.encoding.sources import by_column
from ..models.encoding.times import TimeSource
from .columns import step_of
from .output import Lines, foreign

SHOWN = 40  # columns, or categories of one
NO_VALUE, BEYOND = "a cell without a value counts as", "a value beyond counts as the nearer bound"


def declared_lines(encoding: DatasetEncoding) -> Lines:
    """What is declared of each column of a table, for an auditor to judge."""
    sources, features = by_column(encoding.sources), {own.name: own for own in encoding.features}
    texts = [_column(name, sources.get(name), features, encoding.x_bits) for name in encoding.columns[:SHOWN]]
    more = len(encoding.columns) - SHOWN
    texts += [f"and {more:,} more, which --json shows"] if more > 0 else []
    return [("" if index else "bounds", text) for index, text in enumerate(texts)]


def _column(name: str, source: Source | None, features: Mapping[str, ColumnEncoding], bits: int) -> str:
    """A column's interval, its map if that is not linear, and its source."""
    shown = foreign(name)
    if isinstance(source, CategorySource):
        return f"{shown} is one of {_categories(source)}"
    own = features[name]
    step = step_of(own, bits)
    by = f", by {own.map}" if step is None else f", in steps of {step:.3g}"
    beyond = f"; {BEYOND}" if isinstance(source, MeasuredSource) and source.clip else ""
    if isinstance(source, TimeSource):
        missing = "" if source.missing is None else f"; {NO_VALUE} {source.at(source.missing)}"
        return f"{shown} in [{source.at(own.low)}, {source.at(own.high)}], times in days{by}{missing}{beyond}"
    filled = isinstance(source, NumberSource) and source.missing is not None
    missing = f"; {NO_VALUE} {source.missing!r}" if isinstance(source, NumberSource) and filled else ""
    return f"{shown} in [{own.low!r}, {own.high!r}]{by}{missing}{beyond}"


def _categories(source: CategorySource) -> str:
    listed = ", ".join(map(foreign, source.values[:SHOWN])) + (", .." if len(source.values) > SHOWN else "")
    more = "" if source.other is None else f"; any other counts as {foreign(source.other)}"
    more += "" if source.missing is None else f"; {NO_VALUE} {foreign(source.missing)}"
    return f"{listed}; {foreign(source.reference)} is the reference{more}"
