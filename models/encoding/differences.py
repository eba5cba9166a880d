"""In what two encodings differ, for whoever has to make one like the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .columns import ColumnEncoding
from .dataset import DatasetEncoding
from .labels import LabelEncoding


def difference(own: DatasetEncoding, other: DatasetEncoding) -> str:
    """What `own` has otherwise than `other`, in words: the first thing; empty if integers mean the same in both.

    Where bounds were taken from is no difference.
    """
    return next(_differences(own, other), "")


def _differences(own: DatasetEncoding, other: DatasetEncoding) -> Iterator[str]:
    yield from _of_names("feature", own.names, other.names)
    yield from _of_names("key", own.keys, other.keys)
    for mine, theirs in zip(own.features, other.features, strict=False):
        yield from _of_column(mine, theirs)
    yield from _of_labels(own.label, other.label)
    if own.x_bits != other.x_bits:
        yield f"x_bits is {own.x_bits}, not {other.x_bits}"
    if own.sources != other.sources:
        yield "cells become features in another way"


def _of_names(what: str, own: Sequence[str], other: Sequence[str]) -> Iterator[str]:
    yield from (f"it lacks the {what} {name!r}" for name in other if name not in own)
    yield from (f"it has a {what} {name!r}, which the other lacks" for name in own if name not in other)
    if own != other:
        yield f"each {what} is there, in another order"


def _of_column(own: ColumnEncoding, other: ColumnEncoding) -> Iterator[str]:
    if (own.low, own.high) != (other.low, other.high):
        yield f"bounds of {own.name!r} are [{own.low}, {own.high}], not [{other.low}, {other.high}]"
    if own.map != other.map:
        yield f"the map of {own.name!r} is {own.map!r}, not {other.map!r}"


def _of_labels(own: LabelEncoding, other: LabelEncoding) -> Iterator[str]:
    if own.kind != other.kind:
        yield f"its labels are {own.kind}, not {other.kind}"
    yield from _of_names("class", own.classes, other.classes)
    if own.column is not None and other.column is not None:
        yield from _of_column(own.column, other.column)
    if own.label_bits != other.label_bits:
        yield f"label_bits is {own.label_bits}, not {other.label_bits}"
