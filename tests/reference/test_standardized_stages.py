"""The second verifier and the package agree on stages of shards whose features are standardised."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements.base import read_statement
from zkunlearn.circuits.statements.training import TrainingStatement
from zkunlearn.errors import ParameterError
from zkunlearn.verifier.shapes import shape_of

from . import verifier
from .examples import check_flips, check_masked_values, numbers, pack, statement_about_nothing
from .field import Refused
from .formats import Map, divided, instance, sha256
from .sisa_training import trained_statement
from .test_sisa import Made, Owner, at, compare_opinions, compare_shapes, cut_at, data_of, forest

STAGES: Any = zu.TrainingSpec(
    model="logistic",
    method="sisa",
    shard_rows=8,
    slices=2,
    epochs=2,
    learning_rate=0.5,
    momentum="increasing",
    l2=0.01,
    standardize=True,
)
REALS: Any = zu.TrainingSpec(
    model="linear",
    method="sisa",
    shard_rows=8,
    slices=3,
    epochs=2,
    learning_rate=(0.5, 0.25),
    momentum=(0.9, 0.5),
    standardize=True,
    without=["x2"],
)
WEIGHTED: Any = replace(STAGES, momentum=0.0, penalize_intercept=True, class_weight={"0": 2, "1": 3})
TREES: Any = replace(
    STAGES, momentum=0.5, class_weight={"ash": 1, "birch": 7, "fir": 3}, without=["x1"], aggregate="score"
)
BOUNDS = {"x1": (-5.0, 5.0), "x2": (-400.0, 500.0), "x3": (-60.0, 50.0)}


def people(rows: int, seed: int) -> zu.Dataset:
    """With features of small spreads within their bounds, so that exponents differ, from shard to shard too."""
    return zu.commit(numbers(rows, 3, seed), np.arange(rows) % 2, bounds=BOUNDS, openings=16)


class Standardized:
    """First trainings, and requests to one of them."""

    def __init__(self) -> None:
        # Three shards on an axis of four, the last one of five rows: stage 1 has four places of each.
        self.plain = Owner.first(people(21, 1), STAGES, [3, 9])
        houses = zu.commit(numbers(7, 3, 2), numbers(7, 1, 3)[:, 0], openings=4)
        self.small = Owner.first(houses, REALS, [6])  # one shard, that is not full
        self.weighted = Owner.first(people(8, 4), WEIGHTED)
        # All of shard 1, all of the first stage of shard 2, one of the last shard, which has five rows.
        self.trees = Owner.first(forest(45), TREES, [*range(8, 20), 42])

        dataset = people(21, 5)
        first: Any = zu.prove(dataset, STAGES)
        # The three shards from stage 2 on, from the models of all of them.
        second: Any = zu.prove(dataset, STAGES, at(dataset, [4, 13, 20]), first.model)
        # Shard 0 from the models of three, shard 1 from zero, and nothing is left of shard 2, which has five rows.
        third: Any = zu.prove(dataset, STAGES, at(dataset, [6, 9, *range(16, 20)]), second.model)
        self.first, self.second, self.third = (Made(dataset, own) for own in (first, second, third))


@pytest.fixture(scope="module")
def owner() -> Standardized:
    return Standardized()


FIRST = ("plain", "small", "weighted", "trees")
REQUESTS = {"second": ["first"], "third": ["second"]}


def starts_of(owner: Standardized, name: str) -> list[dict[Any, list[int]]]:
    """The models that a statement names, by plain integers."""
    found, statement = [], getattr(owner, name).training.statement
    for start in statement["start"]:
        earlier = next(
            other
            for other in ("first", "second", "third")
            if sha256(instance("training", getattr(owner, other).training.statement)) == start["statement"]
        )
        found.append(models_of(owner, earlier))
    return found


def models_of(owner: Standardized, name: str) -> dict[Any, list[int]]:
    made: Made = getattr(owner, name)
    return trained_statement(made.training.statement, data_of(made.dataset), starts_of(owner, name))


def test_requests_train_shards_of_runs_that_are_padded_and_of_which_nothing_is_left(owner: Standardized) -> None:
    scopes = {
        name: [(run["first"], run["count"], run["stage"]) for run in getattr(owner, name).training.statement["scope"]]
        for name in REQUESTS
    }
    assert scopes == {"second": [(0, 3, 2)], "third": [(0, 1, 2), (1, 1, 1), (2, 1, 1)]}


@pytest.mark.parametrize("name", FIRST)
def test_first_trainings_are_accepted(owner: Standardized, name: str) -> None:
    made: Made = getattr(owner, name)
    assert made.training.verdict() == "valid"


@pytest.mark.parametrize("name", REQUESTS)
def test_requests_are_accepted(owner: Standardized, name: str) -> None:
    made, before = getattr(owner, name), getattr(owner, REQUESTS[name][0])
    assert made.training.verdict(previous=before.training.proof) == "valid"


@pytest.mark.parametrize("name", ["trees", "second"])
def test_second_opinions_know_standardised_stages(owner: Standardized, name: str) -> None:
    compare_opinions(getattr(owner, name).trained.proof)


@pytest.mark.parametrize("name", [*FIRST, *REQUESTS])
def test_models_are_those_of_plain_integers(owner: Standardized, name: str) -> None:
    """With means, spreads, and what rounding down leaves, of each shard and stage."""
    made: Made = getattr(owner, name)
    assert made.models == list(models_of(owner, name).values())
    assert len({tuple(model) for model in made.models}) > len(made.models) // 2  # which are not all zero


def test_a_shard_without_rows_stays_at_zero(owner: Standardized) -> None:
    nothing = {(shard, stage) for (shard, stage, _), model in models_of(owner, "trees").items() if not any(model)}
    assert nothing == {(1, 1), (1, 2), (2, 1)}
    nothing = {(shard, stage) for (shard, stage, _), model in models_of(owner, "third").items() if not any(model)}
    assert nothing == {(2, 1), (2, 2)}


@pytest.mark.parametrize("name", [*FIRST, *REQUESTS])
def test_shapes_digests_and_soundness_are_those_of_the_package(owner: Standardized, name: str) -> None:
    made: Made = getattr(owner, name)
    compare_shapes(made.training.statement, made.trained.proof.statement)
    assert sha256(instance("training", made.training.statement)) == made.trained.proof.digest


# Limits --------------------------------------------------------------------------------------------------------------


def about_nothing(shards: int, features: int) -> tuple[Map, Any]:
    """A statement about shards of a row each, and the package's."""
    spec = zu.TrainingSpec(model="logistic", method="sisa", shard_rows=1, epochs=1, learning_rate=0.5, standardize=True)
    statement = statement_about_nothing(shards, features, "binary", 2, spec, [])
    statement["model"]["shape"] = [shards, features + 1]
    return statement, read_statement(TrainingStatement, divided("training", statement))


def test_the_most_features_of_shards_are_standardised_in_one_box() -> None:
    """As many as there may be, on axes of which almost half is padding: 2^18 cells."""
    statement, package = about_nothing(2049, 63)
    shape = compare_shapes(statement, package)
    ((scaler,),) = (parts for name, parts in shape.relation.parts.items() if name.endswith("scaler"))
    assert scaler.bits == 18


def test_more_features_of_shards_are_refused() -> None:
    statement, package = about_nothing(4096, 33)
    with pytest.raises(ParameterError, match="standardise"):
        shape_of(package)
    with pytest.raises(Refused) as refusal:
        verifier.training_shape(statement)
    assert refusal.value.check == "statement"


def test_starts_of_many_classes_are_looked_up_in_parts() -> None:
    """Within all limits, and not as if memory were small."""
    spec = replace(STAGES, shard_rows=2, epochs=1)
    statement = statement_about_nothing(1024, 255, "categorical", 2, spec, [7], 256)
    statement["model"]["shape"] = [2 * 512 * 256, 256]
    shape = compare_shapes(statement, read_statement(TrainingStatement, divided("training", statement)))
    parts = {name: len(own) for name, own in shape.relation.parts.items() if "start" in name or "scaler" in name}
    assert parts == {
        "shards 0 to 511, stage 1: scaler": 1,
        "shards 0 to 511, stage 2: scaler": 1,
        "shards 0 to 511, stage 2: starting remainders": 4,
        "shards 0 to 511, stage 2: starting bias remainders": 1,
    }


def test_boxes_are_put_together_as_long_as_they_are_small(owner: Standardized, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if memory were small, but not so small that what standardises had parts."""
    cut_at(monkeypatch, 11)
    statement = owner.trees.training.statement
    relation = compare_shapes(statement, read_statement(TrainingStatement, divided("training", statement))).relation
    assert 1 < relation.sections < sum(map(len, relation.parts.values()))


# Bad proofs ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["small", "third"])
def test_a_changed_byte_of_a_training_proof_is_rejected_by_the_same_check(owner: Standardized, name: str) -> None:
    training = getattr(owner, name).training
    shape, statement = verifier.training_shape(training.statement), training.statement
    check_flips(shape, training.body, 3, lambda bad: training.verdict(pack("training", statement, bad, training.paths)))


@pytest.mark.parametrize("name", ["second", pytest.param("trees", marks=pytest.mark.slow)])
def test_every_masked_value_counts(owner: Standardized, name: str) -> None:
    """Some of them are changed, of the lookups, the walk and batching."""
    check_masked_values(getattr(owner, name).training, 6)


def test_a_proof_is_about_its_statement_only(owner: Standardized) -> None:
    training = owner.weighted.training
    spec = training.statement["spec"]

    def declared(**changes: Any) -> Map:
        return {**training.statement, "spec": {**spec, "method": {**spec["method"], **changes}}}

    method = {name: value for name, value in spec["method"].items() if name != "standardize"}
    lies: dict[str, list[Map]] = {
        "constraints": [declared(l2="0.02"), declared(aggregate="vote")],
        "proof length": [declared(standardize=False)],
        "format": [
            declared(bias=False, penalize_intercept=False),
            declared(standardize=1),
            {**training.statement, "spec": {**spec, "method": method}},
        ],
    }
    for expected, cases in lies.items():
        for lie in cases:
            file = pack("training", lie, training.body, training.paths)
            assert training.verdict(file) == expected, lie
