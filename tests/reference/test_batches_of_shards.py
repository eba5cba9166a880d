"""The second verifier and the package agree on mini-batches of shards, and models are those of plain integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import zkunlearn as zu

from .examples import check_masked_values, numbers, pack
from .sisa_training import trained_statement
from .test_sisa import Made, Owner, at, compare_opinions, compare_shapes, data_of, forest
from .test_standardized_stages import people

# Prefixes of 3, 6 and 8 places: batches of 2 and 1, of 2, 2 and 2, of which an axis of four has room, and four of 2.
PLAIN: Any = zu.TrainingSpec(
    model="logistic",
    method="sisa",
    shard_rows=8,
    slices=3,
    epochs=2,
    batch_size=2,
    learning_rate=0.5,
    momentum=0.5,
    l2=0.01,
    penalize_intercept=True,
)
# Stage 1 has one batch, stage 2 has two.
TREES: Any = zu.TrainingSpec(
    model="logistic",
    method="sisa",
    shard_rows=8,
    slices=2,
    epochs=2,
    batch_size=4,
    learning_rate=(0.02, 0.01),  # small: see below
    momentum=(0.9, 0.5),
    l2=0.01,
    class_weight={"ash": 1, "birch": 7, "fir": 3},
    without=["x1"],
    aggregate="vote",
    standardize=True,
)
REALS: Any = zu.TrainingSpec(
    model="linear", method="sisa", shard_rows=8, slices=3, epochs=2, batch_size=1, learning_rate=0.05, bias=False
)


class Batched:
    """First trainings, and a request to each of two."""

    def __init__(self) -> None:
        # Three shards on an axis of four; the last one has five rows, so that of four batches one is not there.
        dataset = zu.commit(numbers(21, 3, 1), np.arange(21) % 2, openings=16)
        self.plain = Owner.first(dataset, PLAIN, [3])
        # All of a batch of shard 0, from stage 1; one row of shard 2 from stage 2.
        self.request = self.later(self.plain, [3, 0, 1, 20])
        scaled = people(21, 5)
        self.scaled = Owner.first(scaled, PLAIN_SCALED, [9])
        self.scaled_request = self.later(self.scaled, [9, 6, *range(16, 20)])
        houses = zu.commit(numbers(7, 3, 2), numbers(7, 1, 3)[:, 0], openings=4)
        self.small = Owner.first(houses, REALS, [6])  # one shard, that is not full
        # All of shard 1, all of the first stage of shard 2, one of the last shard, which has five rows.
        self.trees = Owner.first(forest(45), TREES, [*range(8, 20), 42])

    @staticmethod
    def later(made: Made, forgotten: list[int]) -> Made:
        return Made(
            made.dataset,
            zu.prove(made.dataset, made.trained.model.spec, at(made.dataset, forgotten), made.trained.model),
        )


PLAIN_SCALED: Any = zu.TrainingSpec(
    model="logistic",
    method="sisa",
    shard_rows=8,
    slices=3,
    epochs=2,
    batch_size=2,
    learning_rate=0.01,  # a feature may hardly vary in the three rows of a first stage, and much more in the next
    momentum="increasing",
    l2=0.01,
    standardize=True,
)
NAMES = {"plain": None, "request": "plain", "scaled": None, "scaled_request": "scaled", "small": None, "trees": None}
NAMED = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def owner() -> Batched:
    return Batched()


def models_of(owner: Batched, name: str) -> dict[Any, list[int]]:
    made, before = getattr(owner, name), NAMES[name]
    starts = [models_of(owner, before)] if before and made.training.statement["start"] else []
    return trained_statement(made.training.statement, data_of(made.dataset), starts)


@NAMED
def test_proofs_are_accepted(owner: Batched, name: str) -> None:
    made, before = getattr(owner, name), NAMES[name]
    assert made.training.verdict(previous=getattr(owner, before).training.proof if before else None) == "valid"


@NAMED
def test_models_are_those_of_plain_integers(owner: Batched, name: str) -> None:
    """Batch by batch, with the last model of the stage before."""
    made: Made = getattr(owner, name)
    assert made.models == list(models_of(owner, name).values())
    assert len({tuple(model) for model in made.models}) > len(made.models) // 2  # which are not all zero


@NAMED
def test_shapes_digests_and_soundness_are_those_of_the_package(owner: Batched, name: str) -> None:
    made: Made = getattr(owner, name)
    compare_shapes(made.training.statement, made.trained.proof.statement)


@pytest.mark.parametrize("name", ["request", "trees"])
def test_second_opinions_know_batches_of_shards(owner: Batched, name: str) -> None:
    compare_opinions(getattr(owner, name).trained.proof)


@pytest.mark.parametrize("name", ["plain", pytest.param("trees", marks=pytest.mark.slow)])
def test_every_masked_value_counts(owner: Batched, name: str) -> None:
    """Some of them are changed, of the lookups, the walk and batching."""
    check_masked_values(getattr(owner, name).training, 6)


def test_a_proof_is_about_its_batches_only(owner: Batched) -> None:
    training = owner.plain.training
    spec = training.statement["spec"]
    full = {name: value for name, value in spec["method"].items() if name != "batch_size"}
    lies: dict[str, list[dict[str, Any]]] = {
        "proof length": [{"batch_size": 4}, {"batch_size": 1}, {}],
        "format": [{"batch_size": own} for own in (0, 3, 8, 16, -2, True, "2")],
    }
    for expected, cases in lies.items():
        for changes in cases:
            lie = {**training.statement, "spec": {**spec, "method": {**full, **changes}}}
            assert training.verdict(pack("training", lie, training.body, training.paths)) == expected, changes
