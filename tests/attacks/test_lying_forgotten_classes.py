"""Classes that are said to be forgotten, of which a row counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.relations.dataset import LABELS
from zkunlearn.circuits.relations.forgotten_classes import WithoutClasses
from zkunlearn.circuits.relations.methods import descent

from .harness import (
    CATEGORICAL,
    ROWS,
    Declared,
    assert_caught,
    changed,
    classed,
    columns_of,
    declare,
    descend_all,
    prove,
)

Data = tuple[Any, Any]
GONE = 1
FIVE = replace(CATEGORICAL, classes=("a", "b", "c", "d", "e"))  # of which two may be forgotten


@dataclass(frozen=True)
class WithoutClass(Declared):
    """A training with a class that is said to be forgotten."""

    classes: tuple[int, ...] = (GONE,)

    @cached_property
    def relation(self) -> Any:
        return WithoutClasses(descent(self.schedule), self.classes, self.data.outputs, self.schedule.live)


def forgetting(rows: Any, classes: tuple[int, ...] = (GONE,), **changes: Any) -> WithoutClass:
    own = declare(shape=FIVE, learning_rate=1.0, **changes)
    return WithoutClass(own.spec, own.data, tuple(np.flatnonzero(rows).tolist()), classes=classes)


def proved(own: WithoutClass, data: Data) -> Any:
    trained = Declared(own.spec, own.data, own.forgotten)
    return prove(own.shape, columns_of(trained, data, *descend_all(trained, data)))


@pytest.fixture(scope="module")
def data() -> Data:
    return classed()


@pytest.mark.parametrize("changes", [{}, {"standardize": True}, {"bias": False}, {"batch_size": None}])
def test_a_class_whose_rows_are_all_forgotten_is_accepted(data: Data, changes: dict[str, Any]) -> None:
    assert proved(forgetting(data[1] == GONE, **changes), data).verdict() == "valid"


def test_other_rows_may_be_forgotten_with_it(data: Data) -> None:
    assert proved(forgetting((data[1] == GONE) | (np.arange(ROWS) == 0)), data).verdict() == "valid"


def test_every_member_that_is_kept_is_rejected(data: Data) -> None:
    for member in np.flatnonzero(data[1] == GONE).tolist():
        rows = (data[1] == GONE) & (np.arange(ROWS) != member)
        assert_caught(proved(forgetting(rows), data), "forgotten classes")


def test_the_class_beside_it_is_not_it(data: Data) -> None:
    assert_caught(proved(forgetting(data[1] == GONE, classes=(GONE + 1,)), data), "forgotten classes")


def test_one_of_two_classes_that_is_kept_is_rejected(data: Data) -> None:
    assert_caught(proved(forgetting(data[1] == GONE, classes=(0, GONE)), data), "forgotten classes")


def test_two_classes_do_not_make_up_for_each_other(data: Data) -> None:
    """A label of -1 would, but for the validity of the data set."""
    member, other = (int(np.flatnonzero(data[1] == c)[0]) for c in (GONE, 0))
    rows = np.isin(data[1], (0, GONE)) & ~np.isin(np.arange(ROWS), (member, other))
    own = forgetting(rows, classes=(0, GONE))
    trained = Declared(own.spec, own.data, own.forgotten)
    columns = columns_of(trained, data, *descend_all(trained, data))
    lie = changed(columns, LABELS, (GONE, member), -1)
    outcome = prove(own.shape, lie)
    assert "forgotten classes" not in outcome.prover.lies, "what sums to zero says nothing here"
    assert "gradient" in outcome.prover.lies
