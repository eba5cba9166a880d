"""Where features come from that are not simply the numbers in a column of a table.

A column of numbers without gaps is a feature as it is. Of any other column its *source* is declared, and is as public
as bounds are; it never follows from the data:

    number      what a cell without a value counts as
    time        days since an origin
    category    declared values; each but the reference is a feature, which is 1 in the rows that have it, else 0

What is committed are features. That they were made from cells as declared is the owner's word, as cells are; a person
whose row it is sees both in her receipt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...errors import FormatError, ParameterError
from ...formats.files import SHOWN_TEXT
from .categories import CategorySource
from .readers import NumberSource, Source
from .times import TimeSource

SOURCES: Mapping[str, type[Source]] = {own.kind: own for own in (NumberSource, TimeSource, CategorySource)}


def source_from_mapping(mapping: object, what: str) -> Source:
    """Read what `Source.to_mapping` wrote; raises FormatError, its message beginning with `what`."""
    kind = mapping.get("kind") if type(mapping) is dict else None
    if type(kind) is not str or kind not in SOURCES:
        raise FormatError(f"{what}: {str(kind)[:SHOWN_TEXT]!r} is no kind of column that this version has")
    try:
        return SOURCES[kind].taken(mapping, what)
    except ParameterError as error:
        raise FormatError(f"{what}: {error}") from None


# Columns of tables and features ------------------------------------------------------------------------------------


def by_column(sources: Iterable[Source]) -> dict[str, Source]:
    """Sources by the names of their columns."""
    return {source.column: source for source in sources}


def features_of(columns: Iterable[str], sources: Iterable[Source]) -> tuple[str, ...]:
    """The features of a table with these columns, in their order."""
    known = by_column(sources)
    return tuple(feature for name in columns for feature in (known[name].features if name in known else (name,)))


def columns_of(features: Iterable[str], sources: Iterable[Source]) -> tuple[str, ...]:
    """The columns of a table that has these features."""
    known = {feature: source.column for source in sources for feature in source.features}
    return tuple(dict.fromkeys(known.get(name, name) for name in features))
