"""The columns of a committed data set, which every relation about one shares."""

from __future__ import annotations

from ..language.layout import Address, Axis, Column

DATASET = "dataset"  # the matrix
FEATURES, LABELS = Address(DATASET, "features"), Address(DATASET, "labels")
BLINDS = Address(DATASET, "blind 0"), Address(DATASET, "blind 1")
KEY_LIMBS = 6  # columns of 16 bits that the key of a row takes, if rows have keys


def row_axis(rows: int) -> Axis:
    """Rows of the data set."""
    return Axis("row", rows)


def feature_axis(features: int) -> Axis:
    """Features."""
    return Axis("feature", features)


def output_axis(outputs: int) -> Axis:
    """Columns of labels, for each of which a model has an output: one, or one for each of several classes."""
    return Axis("output", outputs)


def key_addresses(limbs: int) -> tuple[Address, ...]:
    """The limbs of the keys of rows, the lowest first."""
    return tuple(Address(DATASET, f"key limb {i}") for i in range(limbs))


def dataset_columns(rows: int, features: int, outputs: int, key_limbs: int = 0) -> tuple[Column, ...]:
    """The columns of a committed data set of `rows` x `features`, with so many columns of labels and of keys."""
    row = row_axis(rows)
    return (
        Column(FEATURES.name, (feature_axis(features), row)),
        Column(LABELS.name, (output_axis(outputs), row)),
        *(Column(column.name, (row,)) for column in (*key_addresses(key_limbs), *BLINDS)),
    )
