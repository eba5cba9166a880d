"""What an encoding has otherwise than another one is named, whatever it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from zkunlearn.models.encoding.dataset import ColumnEncoding, DatasetEncoding, LabelEncoding
from zkunlearn.models.encoding.differences import difference
from zkunlearn.models.encoding.readers import NumberSource

A, B = ColumnEncoding("a", -1.0, 1.0), ColumnEncoding("b", 0.0, 8.0)
OWN = DatasetEncoding(
    features=(A, B),
    label=LabelEncoding(kind="real", column=ColumnEncoding("y", -2.0, 2.0), label_bits=14),
    x_bits=10,
    bounds_declared=True,
    keys=("k",),
)
CLASSES = LabelEncoding(kind="categorical", classes=("x", "y", "z"))


def changed(**changes: Any) -> DatasetEncoding:
    return replace(OWN, **changes)


@pytest.mark.parametrize(
    ("own", "other", "words"),
    [
        (changed(features=(A,)), OWN, "it lacks the feature 'b'"),
        (OWN, changed(features=(A,)), "it has a feature 'b', which the other lacks"),
        (changed(features=(B, A)), OWN, "each feature is there, in another order"),
        (changed(features=(A, replace(B, high=9.0))), OWN, "bounds of 'b' are [0.0, 9.0], not [0.0, 8.0]"),
        (changed(features=(A, replace(B, map="log1p"))), OWN, "the map of 'b' is 'log1p', not 'linear'"),
        (changed(label=LabelEncoding(kind="count")), OWN, "its labels are count, not real"),
        (changed(label=replace(CLASSES, classes=("x", "y", "w"))), changed(label=CLASSES), "it lacks the class 'z'"),
        (
            changed(label=replace(CLASSES, classes=("x", "z", "y"))),
            changed(label=CLASSES),
            "each class is there, in another order",
        ),
        (
            changed(label=replace(OWN.label, column=ColumnEncoding("y", -2.0, 4.0))),
            OWN,
            "bounds of 'y' are [-2.0, 4.0], not [-2.0, 2.0]",
        ),
        (changed(label=replace(OWN.label, label_bits=12)), OWN, "label_bits is 12, not 14"),
        (changed(x_bits=12), OWN, "x_bits is 12, not 10"),
        (changed(keys=()), OWN, "it lacks the key 'k'"),
        (changed(sources=(NumberSource(column="b", missing=1.0),)), OWN, "cells become features in another way"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_different_is_named(own: DatasetEncoding, other: DatasetEncoding, words: str) -> None:
    assert own != other and difference(own, other) == words


def test_where_bounds_are_from_is_no_difference() -> None:
    assert difference(changed(bounds_declared=False), OWN) == "" == difference(OWN, OWN)
