"""More than rows: classes that no row that counts has, features without a weight, and both along a chain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.models.float_reference import train_float
from zkunlearn.models.live import Live
from zkunlearn.models.methods.reference import exported, train

CLASSES = ("ash", "birch", "cedar", "elm")
SCALES = zu.FixedPoint(w_bits=14)


@pytest.fixture(scope="module")
def trees() -> tuple[Any, Any]:
    """Features in [-1, 1], and four classes that they tell."""
    rng = np.random.default_rng(3)
    X = rng.uniform(-1, 1, (90, 3))
    return X, np.array(CLASSES)[np.digitize(X[:, 0] + X[:, 1] / 2, [-0.5, 0.0, 0.5])]


@pytest.fixture(scope="module")
def dataset(trees: tuple[Any, Any]) -> zu.Dataset:
    return zu.commit(*trees, names=["height", "girth", "age"], bounds={n: (-1, 1) for n in ("height", "girth", "age")})


def spec(**changes: Any) -> zu.TrainingSpec:
    choices: dict[str, Any] = {"model": "logistic", "epochs": 12, "learning_rate": 1.0, "l2": 0.01}
    return zu.TrainingSpec(**(choices | {"fixed_point": SCALES} | changes))


@pytest.fixture(scope="module")
def first(dataset: zu.Dataset) -> zu.Trained:
    return zu.prove(dataset, spec())


@pytest.fixture(scope="module")
def without_cedar(dataset: zu.Dataset, first: zu.Trained) -> zu.Trained:
    return zu.prove(dataset, spec(), forget=[1], forget_classes=["cedar"], previous=first.proof)


# Classes -------------------------------------------------------------------------------------------------------------


def test_a_forgotten_class_has_no_row_that_counts(
    dataset: zu.Dataset, first: zu.Trained, without_cedar: zu.Trained, trees: tuple[Any, Any]
) -> None:
    statement = without_cedar.proof.statement
    report = zu.verify(without_cedar.proof, dataset.commitment, previous=first.proof)
    assert report.statement.forgotten_classes == ("cedar",)
    cedar = CLASSES.index("cedar")
    gone = set(statement.positions)
    assert {n for n, label in enumerate(dataset.rows.labels.tolist()) if label == cedar} <= gone
    assert len(gone) == int((trees[1] == "cedar").sum()) + (trees[1][0] != "cedar")


def test_a_forgotten_class_is_not_predicted(without_cedar: zu.Trained, trees: tuple[Any, Any]) -> None:
    model, (X, y) = without_cedar.model, trees
    assert model.classes_.tolist() == ["ash", "birch", "elm"]
    assert set(model.predict(X)) <= {"ash", "birch", "elm"}
    assert model.predict_proba(X).shape == (90, 3) and np.allclose(model.predict_proba(X).sum(axis=1), 1.0)
    assert model.coef_.shape == (3, 3) and np.shape(model.intercept_) == (3,)
    assert model.integers.shape == (4, 4), "the commitment holds an output for each class of the data set"
    other = y != "cedar"
    assert model.score(X[other], y[other]) > 0.5


def test_a_forgotten_class_influences_nothing(dataset: zu.Dataset, without_cedar: zu.Trained) -> None:
    """The outputs are those of a training that never saw the rows."""
    statement, rows = without_cedar.proof.statement, dataset.rows
    schedule: Any = statement.schedule
    scrambled = rows.features.copy()
    scrambled[list(statement.positions)] = 7
    for output in range(4):
        trace = train(scrambled, rows.labels, schedule, output=output)
        assert np.array_equal(exported(schedule, trace.weights[-1]), without_cedar.model.integers[output])


def test_a_class_stays_forgotten_along_a_chain(dataset: zu.Dataset, without_cedar: zu.Trained) -> None:
    after = zu.prove(dataset, spec(), forget=[2], forget_classes=["elm"], previous=without_cedar.proof)
    assert after.proof.statement.forgotten_classes == ("cedar", "elm")
    assert zu.verify(after.proof, dataset.commitment, previous=without_cedar.proof).pinned == ("previous",)


def test_a_class_that_is_back_is_a_mismatch(dataset: zu.Dataset, without_cedar: zu.Trained) -> None:
    before = without_cedar.proof.statement
    back = replace(before, forgotten_classes=(), previous=without_cedar.proof.digest)
    with pytest.raises(zu.StatementMismatch, match="the class 'cedar', which the previous proof forgot"):
        zu.verify(zu.TrainingProof(back, b"", {}), dataset.commitment, previous=without_cedar.proof)


@pytest.mark.parametrize(
    ("classes", "reason"),
    [
        (["oak"], "'oak' is no class; the classes are ash, birch, cedar, elm"),
        (["ash", "birch", "elm"], "at least two classes have to be left"),
        ("ash", "expected a list of classes"),
        (3, "expected a list of classes"),
    ],
)
def test_classes_that_cannot_be_forgotten_are_refused(dataset: zu.Dataset, classes: Any, reason: str) -> None:
    spent = dataset.spent
    with pytest.raises(zu.ParameterError, match=reason):
        zu.prove(dataset, spec(), forget_classes=classes)
    assert dataset.spent == spent


@pytest.mark.parametrize(
    ("labels", "reason"), [(["yes", "no"], "one of two classes"), ([0.5, 1.5, 2.5], "real labels are no classes")]
)
def test_classes_of_other_labels_are_refused(trees: tuple[Any, Any], labels: list[Any], reason: str) -> None:
    other = zu.commit(trees[0], np.resize(labels, 90))
    model = "logistic" if labels[0] == "yes" else "linear"
    with pytest.raises(zu.ParameterError, match=reason):
        zu.prove(other, spec(model=model), forget_classes=labels[:1])


def test_a_statement_with_classes_that_do_not_exist_is_not_provable(without_cedar: zu.Trained) -> None:
    for classes, reason in ((("oak",), "is no class"), (("ash", "birch", "cedar"), "at least two")):
        with pytest.raises(zu.ParameterError, match=reason):
            replace(without_cedar.proof.statement, forgotten_classes=classes).require_provable()


def test_suggest_and_train_leave_a_class_out(dataset: zu.Dataset, without_cedar: zu.Trained) -> None:
    run = zu.train(dataset, spec(), forget=[1], forget_classes=["cedar"])
    assert np.array_equal(run.integers, without_cedar.model.integers)
    assert run.classes_.tolist() == ["ash", "birch", "elm"]
    suggestion = zu.suggest(dataset, forget_classes=["cedar"])
    assert suggestion.expected_gap < 0.001


# Features ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("standardize", [False, True])
def test_a_feature_that_is_left_out_has_no_weight(dataset: zu.Dataset, standardize: bool) -> None:
    own = spec(without=["girth"], standardize=standardize, momentum=0.5)
    trained = zu.prove(dataset, own)
    zu.verify(trained.proof, dataset.commitment, spec=own)
    assert not trained.model.integers[:, 1].any() and trained.model.integers[:, [0, 2, 3]].all()


@pytest.mark.parametrize("standardize", [False, True])
def test_a_feature_that_is_left_out_influences_nothing(
    dataset: zu.Dataset, trees: tuple[Any, Any], standardize: bool
) -> None:
    """The model is that of the other features alone, and float64 says so too."""
    own = spec(without=["girth"], standardize=standardize)
    model = zu.train(dataset, own).integers
    X, y = dataset.rows.features.copy(), dataset.rows.labels
    X[:, 1] = np.random.default_rng(0).integers(-1024, 1025, len(X))
    schedule: Any = own.compile(dataset.statement.encoding.shape(90), Live(90, ()))
    for output in range(4):
        trace = train(X, y, schedule, output=output)
        assert np.array_equal(exported(schedule, trace.weights[-1], trace.scaler), model[output])
        floats = train_float(X / 1024, y, own, schedule, output=output)
        assert floats[1] == 0.0
        assert np.allclose(floats[[0, 2]], model[output, [0, 2]] / 2.0**14, atol=5e-3)


def test_a_successor_leaves_out_more_and_never_fewer(dataset: zu.Dataset, first: zu.Trained) -> None:
    second = zu.prove(dataset, spec(without=["girth"]), previous=first.proof, fork=True)
    assert zu.verify(second.proof, dataset.commitment, previous=first.proof).changes == (
        "the feature 'girth' is left out now",
    )
    third = zu.prove(dataset, spec(without=["age"]), previous=second.proof)
    with pytest.raises(zu.StatementMismatch, match="the feature 'girth', which the previous proof left out"):
        zu.verify(third.proof, dataset.commitment, previous=second.proof)


def test_everything_at_once(dataset: zu.Dataset, first: zu.Trained) -> None:
    own = spec(without=["age"], standardize=True, class_weight={"ash": 2, "birch": 1, "cedar": 1, "elm": 3})
    trained = zu.prove(dataset, own, forget=range(1, 5), forget_classes=["birch"], previous=first.proof, fork=True)
    report = zu.verify(trained.proof, dataset.commitment, spec=own, previous=first.proof)
    assert report.changes[0] == "the feature 'age' is left out now" and report.statement.forgotten_classes == ("birch",)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["width"], "the data set has no feature 'width'"),
        (["height", "girth", "age"], "every feature is left out"),
        (["age", "age"], "named twice"),
        ("age", "expected a list"),
        ([1], "expected a list"),
    ],
)
def test_features_that_cannot_be_left_out_are_refused(dataset: zu.Dataset, names: Any, reason: str) -> None:
    with pytest.raises(zu.ParameterError, match=reason):
        zu.train(dataset, spec(without=names))


@pytest.mark.parametrize("names", [(), ("age",), ("age", "girth")])
def test_a_spec_says_what_it_leaves_out(names: Iterable[str]) -> None:
    own = spec(without=names)
    assert zu.TrainingSpec.from_toml(own.to_toml()) == own == zu.TrainingSpec.from_mapping(own.to_mapping())
    assert own.leaving_out(()) == spec() and spec().leaving_out(reversed([*names])) == own
