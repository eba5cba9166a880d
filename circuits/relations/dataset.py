"""The columns of a committed data set, which every relation about one shares."""

from __future__ import annotations

from ..language.layout import Address, Axis, Column

DATASET = "dataset"  # the matrix
FEATURES, LABELS = Address(DATASET, "features"), Address(DATASET, "labels")
BLINDS = Address(DATASET, "blind 0"), Address(DATASET, "blind 1")


def row_axis(rows: int) -> Axis:
    """Rows of the data set."""
    return Axis("row", rows)


def feature_axis(features: int) -> Axis:
    """Features."""
    return Axis("feature", features)


def dataset_columns(rows: int, features: int) -> tuple[Column, ...]:
    """The columns of a committed data set of `rows` x `features`."""
    row = row_axis(rows)
    return (
        Column(FEATURES.name, (feature_axis(features), row)),
        *(Column(column.name, (row,)) for column in (LABELS, *BLINDS)),
    )
