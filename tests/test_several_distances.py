"""How near its own optimum each of several models is: of classes, and of shards."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements.distance import DistanceStatement, Nearness
from zkunlearn.models.methods.distance_reference import measure, smallest, weights_of
from zkunlearn.prover.witnesses.distance import model_at, place, rows_of

from .test_distance import verdict

ROWS = 40
BOUNDS = {"x1": (-2.0, 2.0), "x2": (-2.0, 2.0)}
CLASSES = zu.TrainingSpec(model="logistic", epochs=30, learning_rate=2.0, l2=0.02)
SHARDS = zu.TrainingSpec(
    model="logistic", method="sisa", shard_rows=16, slices=2, epochs=20, learning_rate=2.0, l2=0.05,
    penalize_intercept=True,
)  # fmt: skip
NUMBERS = zu.TrainingSpec(
    model="linear", method="sisa", shard_rows=16, epochs=20, learning_rate=1.0, momentum=0.5, l2=0.05
)


@dataclass(frozen=True)
class Made:
    dataset: zu.Dataset
    trained: Any
    secret: zu.Model
    proof: zu.DistanceProof


def made(y: Any, spec: zu.TrainingSpec, forget: tuple[int, ...] = (3, 8), **fields: Any) -> Made:
    """Rows are forgotten by their positions."""
    dataset = zu.commit(features(), y, bounds=BOUNDS | fields, openings=12)
    ids = [dataset.rows.ids[position] for position in forget]
    trained: Any = zu.prove(dataset, spec, forget=ids, model_openings=6)
    return Made(dataset, trained, trained.secret, zu.prove_distance(dataset, trained.secret))


def features() -> Any:
    return np.random.default_rng(1).uniform(-2, 2, size=(ROWS, 2))


def scores() -> Any:
    return features() @ [1.0, -0.5] + np.random.default_rng(2).normal(size=ROWS) / 4


@pytest.fixture(scope="module")
def classes() -> Made:
    return made(np.array([*"abc"])[np.digitize(scores(), [-0.5, 0.5])], CLASSES)


@pytest.fixture(scope="module")
def shards() -> Made:
    """The last one has half as many rows."""
    return made((scores() > 0).astype(int), SHARDS)


def stating(own: Made, **changes: Any) -> zu.DistanceProof:
    return zu.DistanceProof(replace(own.proof.statement, **changes), own.proof.proof)


# What is true --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["classes", "shards"])
def test_both_verifiers_accept_and_every_number_is_the_least(kind: str, request: pytest.FixtureRequest) -> None:
    own: Made = request.getfixturevalue(kind)
    statement = own.proof.statement
    assert verdict(own.proof) == "valid" and len(statement.models) == 3
    assert zu.verify_distance(own.proof, own.dataset.commitment, own.trained.proof) >= 100
    for objective, schedule, said in zip(statement.objectives, statement.schedules, statement.models, strict=True):
        rows, integers = rows_of(own.dataset.rows, objective), model_at(statement, own.secret.integers, objective)
        placed = measure(rows.by_feature.T, rows.labels, weights_of(integers, schedule), schedule)
        assert smallest(placed, schedule) == (said.distance, said.slope)
        assert np.array_equal(place(rows, integers, schedule).gradient, placed.gradient)
    assert statement.excess == max(own.excess for own in statement.schedules) < 0.01
    assert zu.DistanceProof.from_bytes(own.proof.to_bytes()) == own.proof


def test_a_class_s_objective_is_that_of_its_class_against_the_rest(classes: Made) -> None:
    """It is the one of a training of two classes, whose model is the same."""
    statement, labels = classes.proof.statement, classes.dataset.rows.labels
    assert [own.output for own in statement.objectives] == [0, 1, 2]
    dataset = zu.commit(features(), (labels_in_order(classes, labels) == 1).astype(int), bounds=BOUNDS, openings=4)
    alone = zu.prove(dataset, CLASSES, forget=[dataset.rows.ids[i] for i in same_rows(classes, dataset)])
    near = zu.prove_distance(dataset, alone.secret).statement
    assert Nearness(near.distance or 0, near.slope) == statement.models[1]


def labels_in_order(own: Made, labels: Any) -> Any:
    """Of rows as they came."""
    found = np.empty(ROWS, dtype=np.int64)
    found[[int(name) - 1 for name in own.dataset.rows.ids]] = labels
    return found


def same_rows(own: Made, dataset: zu.Dataset) -> list[int]:
    """Where the forgotten rows are in another data set of the same rows."""
    gone = {own.dataset.rows.ids[record.position] for record in own.trained.proof.statement.forgotten}
    return [i for i, name in enumerate(dataset.rows.ids) if name in gone]


def test_a_shard_s_objective_is_of_its_own_rows_that_count(shards: Made) -> None:
    objectives = shards.proof.statement.objectives
    assert [(own.live.rows, own.live.count) for own in objectives] == [(16, 14), (16, 16), (8, 8)]
    assert [own.stage and own.stage.first for own in objectives] == [0, 1, 2]


def test_a_request_s_statement_is_about_the_shards_that_it_trained(shards: Made) -> None:
    request: Any = zu.prove(
        shards.dataset, SHARDS, forget=[shards.dataset.rows.ids[20]], previous=shards.trained, model_openings=4
    )
    near = zu.prove_distance(shards.dataset, request.secret)
    assert verdict(near) == "valid"
    assert [(own.stage and own.stage.first, own.live.count) for own in near.statement.objectives] == [(1, 15)]
    with pytest.raises(zu.StatementMismatch, match="another training"):
        zu.verify_distance(near, shards.dataset.commitment, shards.trained.proof)


def test_a_shard_without_a_row_and_classes_of_shards_have_their_numbers() -> None:
    """No number where every row is forgotten; of three classes three for each other shard."""
    own = made(np.array([*"abc"])[np.digitize(scores(), [-0.5, 0.5])], zu.TrainingSpec(
        model="probit", method="sisa", shard_rows=32, epochs=4, learning_rate=0.5, l2=0.05, bias=False
    ), tuple(range(32, 40)))  # fmt: skip
    assert verdict(own.proof) == "valid"
    assert [(own.stage and own.stage.first, own.output) for own in own.proof.statement.objectives] == [
        (0, 0), (0, 1), (0, 2),
    ]  # fmt: skip


@pytest.mark.slow
def test_shards_of_numbers_have_distances() -> None:
    numbers = made(scores(), NUMBERS, label=(-8.0, 8.0))
    assert verdict(numbers.proof) == "valid" and len(numbers.proof.statement.models) == 3


def test_a_number_that_is_declared_is_that_of_each_model(classes: Made) -> None:
    least = max(own.distance for own in classes.proof.statement.models)
    proof = zu.prove_distance(classes.dataset, classes.secret, 4.0 * float(classes.proof.statement.real_distance), 1.0)
    assert {own.distance for own in proof.statement.models} == {least + 2}
    assert verdict(proof) == "valid" and proof.statement.real_slope == max(
        own.real_slope or 0 for own in proof.statement.schedules
    )


# What is refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["classes", "shards"])
def test_other_numbers_under_the_same_proof_are_rejected(kind: str, request: pytest.FixtureRequest) -> None:
    own: Made = request.getfixturevalue(kind)
    first, *others = own.proof.statement.models
    lies: dict[str, tuple[Nearness, ...]] = {
        "one more": (replace(first, distance=first.distance + 1), *others),
        "one less": (replace(first, distance=first.distance - 1), *others),
    }
    if others[0] != first:  # which rows a shard has is random, and so may be as near as those of another
        lies["exchanged"] = (others[0], first, *others[1:])
    for name, models in lies.items():
        assert verdict(stating(own, models=models)) in ("constraints", "proof length"), name


@pytest.mark.parametrize("kind", ["classes", "shards"])
def test_numbers_of_too_few_or_too_many_models_are_refused_by_both(kind: str, request: pytest.FixtureRequest) -> None:
    own: Made = request.getfixturevalue(kind)
    models = own.proof.statement.models
    for lie in (models[:-1], (*models, models[0])):
        assert verdict(stating(own, models=lie)) == "statement"
    one = models[0]
    assert verdict(stating(own, models=(), distance=one.distance, slope=one.slope)) == "statement"


def test_a_single_model_is_not_stated_as_one_of_several() -> None:
    own = made((scores() > 0).astype(int), CLASSES)
    said = own.proof.statement
    assert said.models == () and said.distance is not None
    lie = replace(said, distance=None, slope=None, models=(Nearness(said.distance, said.slope),))
    assert verdict(zu.DistanceProof(lie, own.proof.proof)) == "statement"


def test_another_training_under_the_same_proof_is_rejected(shards: Made) -> None:
    own = shards.proof.statement.training
    method: Any = own.spec.method
    lies = {
        "l2": replace(own, spec=zu.TrainingSpec(model="logistic", method=replace(method, l2=0.050001))),
        "rows": replace(own, forgotten=own.forgotten[:1]),
        "the size of shards": replace(
            own, spec=zu.TrainingSpec(model="logistic", method=replace(method, slices=1)), model=replace(
                own.model, shape=(3, 3)
            )
        ),
    }  # fmt: skip
    for name, lie in lies.items():
        assert verdict(stating(shards, training=lie)) in ("constraints", "proof length"), name


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"standardize": True}, "standardize: what l2 penalises"),
        ({"l2": 0.0}, "l2 = 0: without a penalty"),
    ],
    ids=str,
)
def test_what_has_no_distance_is_refused_by_name_and_spends_nothing(
    shards: Made, fields: dict[str, Any], words: str
) -> None:
    choices: dict[str, Any] = {"epochs": 2, "learning_rate": 0.5, "l2": 0.05, "shard_rows": 32}
    spec = zu.TrainingSpec(model="logistic", method="sisa", **(choices | fields))
    trained: Any = zu.prove(shards.dataset, spec, model_openings=2)
    spent = shards.dataset.spent
    with pytest.raises(zu.ParameterError, match=words):
        zu.prove_distance(shards.dataset, trained.secret)
    assert shards.dataset.spent == spent


def test_a_distance_that_one_model_does_not_reach_is_refused_with_its_name(shards: Made, classes: Made) -> None:
    for own, words in ((shards, r"shard \d: the least distance"), (classes, r"class \d: the least distance")):
        least = min(float(each.real_distance) for each in own.proof.statement.schedules)
        with pytest.raises(zu.TrainingError, match=words):
            zu.prove_distance(own.dataset, own.secret, least / 2)


def test_more_models_than_one_proof_carries_are_refused(classes: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zkunlearn.circuits.statements.distance.MOST_MODELS", 2)
    statement = DistanceStatement(classes.proof.statement.training, None, None, classes.proof.statement.models)
    with pytest.raises(zu.ParameterError, match="distances of 3 models are more than one proof can carry"):
        statement.require_provable()
