"""Owners of several models of which one is not as near its own optimum as they say.

What one model's relation forces the tests of a single one show; here is what tells models apart: rows, labels, and
places in the matrix of models.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.relations.certified import BIAS, SLACK, WEIGHTS
from zkunlearn.circuits.relations.model import COEFFICIENTS, MODEL
from zkunlearn.models.live import Live

from .distances_runs import SeveralSaid, committed, data_for, declare_classes, declare_shards, integers_of, told
from .harness import Columns, assert_caught, assert_valid, prove
from .optimum_runs import Integers

SUM = "lookup sum"


@pytest.fixture(scope="module")
def classes() -> SeveralSaid:
    return declare_classes()


@pytest.fixture(scope="module")
def shards() -> SeveralSaid:
    return declare_shards()


def caught(said: SeveralSaid, columns: Columns, *lies: str) -> None:
    assert_caught(prove(said.own.shape, columns), *lies)


def with_part(said: SeveralSaid, number: int, lie: Integers) -> list[Integers]:
    return [lie if i == number else own for i, own in enumerate(said.integers)]


def long(said: SeveralSaid, number: int, lie: Integers) -> tuple[str, ...]:
    """A gradient that is longer, or an intercept that is steeper, than is said has no limbs of its range."""
    slope = said.own.numbers[number][1]
    steep = slope is not None and not -(1 << slope) <= lie[BIAS.cut][0] < 1 << slope
    return (SUM,) if steep or not 0 <= lie[SLACK][0] < 1 << 46 else ()


def test_each_model_has_numbers_of_its_own(classes: SeveralSaid, shards: SeveralSaid) -> None:
    """And no shard without a row that counts has any."""
    for said, count in ((classes, 3), (shards, 3)):
        assert len(said.own.numbers) == count and len(set(said.own.numbers)) > 1
        assert_valid(prove(said.own.shape, told(said)))


def test_the_numbers_of_another_model_are_rejected(shards: SeveralSaid) -> None:
    """Exchanged, so that one of both has less than can be shown."""
    numbers = (shards.own.numbers[1], shards.own.numbers[0], shards.own.numbers[2])
    own = replace(shards.own, numbers=numbers)
    said = replace(shards, own=own)
    lies = [integers_of(own, i, model, own.data_of(i, data_for(said))) for i, model in enumerate(shards.models)]
    assert any(long(said, i, lie) for i, lie in enumerate(lies))
    caught(said, committed(said, lies), SUM)


def test_the_labels_of_another_class_are_rejected(classes: SeveralSaid) -> None:
    own, model = classes.own, classes.models[1]
    lie = integers_of(own, 1, model, own.data_of(2, data_for(classes)))
    caught(classes, committed(classes, with_part(classes, 1, lie)), "class 1: gradient", *long(classes, 1, lie))


@pytest.mark.parametrize("other", [0, 2])
def test_the_rows_of_another_shard_are_rejected(shards: SeveralSaid, other: int) -> None:
    """As many as it has."""
    own, model = shards.own, shards.models[1]
    X, y = own.data_of(other, data_for(shards))
    lie = integers_of(own, 1, model, (X[:4], y[:4]))
    outcome = prove(own.shape, committed(shards, with_part(shards, 1, lie)))
    reasons = {"shard 1: product", "shard 1: gradient", SUM}
    assert outcome.verdict() == "constraints" and {"shard 1: gradient"} <= outcome.prover.lies <= reasons


def test_a_forgotten_row_of_a_shard_that_counts_is_rejected(shards: SeveralSaid) -> None:
    own: Any = shards.own
    schedule = own.part_of(0).schedule
    assert schedule.live.forgotten == (2,)
    from .linear_distance_runs import integers, told_at

    every = replace(schedule, live=Live(4))
    lie = integers(schedule, told_at(every, own.data_of(0, data_for(shards)), shards.models[0]))
    caught(shards, committed(shards, with_part(shards, 0, lie)), "shard 0: gradient", *long(shards, 0, lie))


def test_the_model_of_another_class_is_rejected(classes: SeveralSaid) -> None:
    """One that is nearer its own optimum stands for another one."""
    columns = told(classes)
    models = columns[COEFFICIENTS].copy()
    columns[COEFFICIENTS] = models[[1, 0, 2]]
    caught(classes, columns, "class 0: model", "class 1: model")


def test_the_model_of_another_stage_or_shard_is_rejected(shards: SeveralSaid) -> None:
    """The first stage's is in the same matrix."""
    first, last = (COEFFICIENTS._replace(name=f"shards 0 to 3, stage {stage}: weights") for stage in (1, 2))
    assert {first, last} <= {COEFFICIENTS._replace(name=c.name) for c in shards.own.relation.columns[MODEL]}
    columns = told(shards)
    exchanged = columns | {first: columns[last], last: columns[first]}
    caught(shards, exchanged, *(f"shard {i}: model" for i in range(3)))
    caught(shards, columns | {last: np.roll(columns[last], 1, axis=1)}, *(f"shard {i}: model" for i in range(3)))


def test_a_shorter_gradient_of_one_model_alone_is_rejected(classes: SeveralSaid) -> None:
    own = classes.integers[2]
    lie = {**own, WEIGHTS.cut: own[WEIGHTS.cut].copy()}
    before, lie[WEIGHTS.cut][0] = own[WEIGHTS.cut][0], 0
    lie[SLACK] = own[SLACK] + before**2
    caught(classes, committed(classes, with_part(classes, 2, lie)), "class 2: gradient")
