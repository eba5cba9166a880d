"""Rows that a spec holds out: no training counts them, and models are evaluated on them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.errors import FormatError, ParameterError
from zkunlearn.models.live import Live

from .attacks.harness import assert_caught, columns_of, declare, descend, people, prove
from .reference.examples import Training
from .test_evaluation import verdict

HELD_OUT = 5
METHODS: dict[str, dict[str, Any]] = {
    "full batch": {"model": "logistic", "epochs": 2, "learning_rate": 0.5},
    "mini-batches": {"model": "logistic", "epochs": 2, "learning_rate": 0.5, "batch_size": 4, "l2": 0.01},
    "standardised": {"model": "probit", "epochs": 2, "learning_rate": 0.5, "standardize": True},
    "one pass": {"model": "linear", "method": "one-pass", "epochs": 2, "learning_rate": 0.5},
}
every_method = pytest.mark.parametrize("name", METHODS)


def spec_of(name: str, holdout: int = HELD_OUT, **changes: Any) -> zu.TrainingSpec:
    return zu.TrainingSpec(**{**METHODS[name], **changes}, holdout=holdout)


@cache
def dataset(real: bool = False) -> zu.Dataset:
    rng = np.random.default_rng(4)
    X = rng.uniform(-1, 1, size=(13, 2))
    y = X[:, 0] / 2 if real else (X[:, 0] > 0).astype(int)
    bounds = {"x1": (-1.0, 1.0), "x2": (-1.0, 1.0), **({"label": (-1.0, 1.0)} if real else {})}
    return zu.commit(X, y, bounds=bounds, openings=16)


def data_of(name: str) -> zu.Dataset:
    return dataset(real=METHODS[name]["model"] == "linear")


# The spec ------------------------------------------------------------------------------------------------------------


@every_method
def test_a_spec_with_rows_held_out_is_read_as_it_is_written(name: str) -> None:
    spec = spec_of(name)
    assert zu.TrainingSpec.from_mapping(spec.to_mapping()) == spec == zu.TrainingSpec.from_toml(spec.to_toml())
    assert spec.leaving_out(["x1"]).holdout == HELD_OUT and spec != spec_of(name, 6)


@every_method
def test_a_spec_that_holds_nothing_out_is_written_as_before(name: str) -> None:
    mapping = spec_of(name, 0).to_mapping()
    assert "holdout" not in mapping and "holdout" not in spec_of(name, 0).to_toml()
    with pytest.raises(FormatError, match="canonical"):
        zu.TrainingSpec.from_mapping({**mapping, "holdout": 0})


@pytest.mark.parametrize("number", [-1, 1 << 28, True, 2.5, "5"])
def test_what_is_no_number_of_rows_is_refused(number: Any) -> None:
    with pytest.raises(ParameterError, match="holdout"):
        spec_of("full batch", number)
    with pytest.raises(FormatError, match="holdout"):
        zu.TrainingSpec.from_mapping({**spec_of("full batch").to_mapping(), "holdout": number})


def test_shards_hold_nothing_out_yet() -> None:
    with pytest.raises(ParameterError, match="holdout: sisa"):
        spec_of("full batch", method="sisa", shard_rows=4, slices=2)


def test_who_counts_is_who_is_left_after_the_first_rows() -> None:
    live = Live(13, (2, 5, 7)).beyond(HELD_OUT)
    assert (live.ranges, live.forgotten, live.count) == (((5, 13),), (5, 7), 6)
    assert Live(13, (2,)).beyond(0) == Live(13, (2,))
    cut = Live(13, (3, 11), ((1, 4), (6, 12))).beyond(7)
    assert (cut.ranges, cut.forgotten) == (((7, 12),), (11,))
    with pytest.raises(ParameterError, match="none would be trained on"):
        Live(13).beyond(13)
    with pytest.raises(ParameterError, match="every row is forgotten"):
        Live(13, (11, 12)).beyond(11)


# Training ------------------------------------------------------------------------------------------------------------


@every_method
def test_the_model_is_that_without_the_rows_held_out_and_both_verifiers_accept_it(name: str) -> None:
    """As if they were forgotten, which they are not: the forget list has others, one of which is held out."""
    data = data_of(name)
    ids = [data.ids[position] for position in (1, 7)]
    held = zu.prove(data, spec_of(name), forget=ids)
    gone = zu.train(data, spec_of(name, 0), forget=[*data.ids[:HELD_OUT], ids[1]])
    assert np.array_equal(held.secret.integers, gone.integers)  # type: ignore[union-attr]
    assert held.proof.statement.positions == (1, 7)
    assert Training(held.proof.to_bytes(), data.commitment.to_bytes()).verdict() == "valid"
    assert f"rows {13 - HELD_OUT - 1} of 13" in repr(held.secret)


def holding_out(proof: zu.TrainingProof, number: int) -> zu.TrainingProof:
    """The same proof under a statement with another number of rows."""
    lie = replace(proof.statement, spec=spec_of("full batch", number))
    return zu.TrainingProof(lie, proof.proof, proof.attached)


def test_another_number_of_rows_under_the_same_proof_is_rejected() -> None:
    data = dataset()
    proof = zu.prove(data, spec_of("full batch")).proof
    for number in (0, HELD_OUT - 1, HELD_OUT + 1):
        lie = holding_out(proof, number)
        assert Training(lie.to_bytes(), data.commitment.to_bytes()).verdict() == "constraints"


def test_a_training_that_counts_a_row_held_out_is_rejected() -> None:
    """Or leaves out one that is not."""
    declared, data = declare(holdout=3), people()
    honest = prove(declared.shape, columns_of(declared, data, descend(declared, data)))
    assert honest.verdict() == "valid" and declared.schedule.live.ranges == ((3, 13),)
    for row, count in ((0, True), (2, True), (3, False)):
        counted = declared.schedule.live.mask()
        counted[row] = count
        lie = columns_of(declared, data, descend(declared, data, counted=counted))
        assert_caught(prove(declared.shape, lie), "gradient")


def test_rows_held_out_stay_so_when_others_are_added_and_are_all_of_the_first_ones() -> None:
    data, spec = dataset(), spec_of("full batch")
    first = zu.prove(data, spec)
    grown, link = zu.append(data, data.rows.features[:3] / 1024, [0, 1, 0], openings=8)
    after = zu.prove(grown, spec, previous=first)
    assert after.proof.statement.schedule.live.ranges == ((HELD_OUT, 16),)
    report = zu.verify(after.proof, grown.commitment, previous=first.proof, links=[link])
    assert report.changes == ()
    with pytest.raises(ParameterError, match="only 13 rows were committed first"):
        zu.prove(grown, spec_of("full batch", 14))
    lie = holding_out(after.proof, 14)
    assert Training(lie.to_bytes(), grown.commitment.to_bytes()).verdict() == "statement"
    with pytest.raises(ParameterError, match="none would be trained on"):
        zu.prove(data, spec_of("full batch", 13))


def test_a_successor_that_holds_others_out_says_so() -> None:
    data = dataset()
    first = zu.prove(data, spec_of("full batch", 0))
    later = zu.prove(data, spec_of("full batch"), previous=first, fork=True).proof
    report = zu.verify(later, data.commitment, previous=first.proof)
    assert report.changes == (f"holdout is {HELD_OUT}, not absent",)


# Evaluation ----------------------------------------------------------------------------------------------------------

MANY = 103


@pytest.fixture(scope="module")
def large() -> tuple[zu.Dataset, Any, Any, zu.EvaluationProof]:
    """A data set of which most rows are held out, two trainings, each of which forgot one of these, evaluated."""
    rng = np.random.default_rng(8)
    X = rng.uniform(-1, 1, size=(MANY + 9, 2))
    y = (X[:, 0] + rng.normal(size=len(X)) / 3 > 0).astype(int)
    data = zu.commit(X, y, bounds={"x1": (-1.0, 1.0), "x2": (-1.0, 1.0)}, openings=16)
    first = zu.prove(data, spec_of("full batch", MANY), forget=[data.ids[4]])
    after = zu.prove(data, spec_of("standardised", MANY), forget=[data.ids[MANY + 2], data.ids[30]], previous=first)
    return data, first, after, zu.evaluate(data, [first.secret, after.secret])


def test_models_are_evaluated_on_the_rows_held_out_that_nobody_forgot(large: Any) -> None:
    data, first, after, both = large
    left = np.delete(np.arange(MANY), [4, 30])
    assert both.statement.within and both.statement.rows == len(left)
    X = data.statement.encoding.decode_features(data.rows.features)[left]
    y = np.array(data.statement.encoding.label.classes)[data.rows.labels[left]]
    for trained, right in zip((first, after), both.statement.results, strict=True):
        assert right.right == int((trained.model.predict(X) == y).sum())
    assert verdict(both) == "valid"
    assert zu.verify_evaluation(both, data.commitment, [first.proof, after.proof]) >= 100


def lied(both: zu.EvaluationProof, **changes: Any) -> str:
    return verdict(zu.EvaluationProof(replace(both.statement, **changes), both.proof))


def test_trainings_that_hold_nothing_or_others_out_are_refused(large: Any) -> None:
    data, first, after, both = large
    counting, fewer = (zu.prove(data, spec_of("full batch", number)) for number in (0, MANY - 1))
    with pytest.raises(ParameterError, match="whose spec holds no rows out"):
        zu.evaluate(data, counting.secret)
    for other in (counting, fewer):
        with pytest.raises(ParameterError, match=r"holds no rows out|do not hold out the same rows"):
            zu.evaluate(data, [first.secret, other.secret])
        assert lied(both, second=other.proof.statement) == "statement"
    assert lied(both, training=counting.proof.statement) == "statement"
    few = zu.prove(data, spec_of("full batch", 99)).secret
    with pytest.raises(ParameterError, match="99 rows of the hold-out count"):
        zu.evaluate(data, few)


def test_another_data_set_is_no_part_of_the_rows_held_out(large: Any) -> None:
    """Models of both cannot stand in one statement, in either order; nor one that has grown."""
    data, first, *_ = large
    own, _ = zu.recommit(data, openings=4)
    elsewhere = zu.prove(own, spec_of("full batch", MANY))
    for models in ([first.secret, elsewhere.secret], [elsewhere.secret, first.secret]):
        with pytest.raises(ParameterError, match=r"do not hold out the same rows|were committed in the data set"):
            zu.evaluate(data, models)


def test_a_row_that_one_training_forgot_and_that_is_counted_is_rejected(large: Any) -> None:
    """The forget list of either is part of what is stated."""
    _, first, _, both = large
    other = replace(first.proof.statement, forgotten=())
    assert lied(both, training=other) == "constraints"
