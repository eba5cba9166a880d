"""What scikit-learn's tools do with estimators: pipelines, searches, validation, frames, metadata; and importing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import zkunlearn as zu
from sklearn._config import config_context
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from zkunlearn.errors import EstimatorError, ZkUnlearnError
from zkunlearn.prover.owner import drafts
from zkunlearn.sklearn import VerifiableLogisticRegression, VerifiableRidge

from .people import BOUNDS, people


def test_the_module_is_reached_as_a_name_and_as_a_module() -> None:
    assert zu.sklearn.VerifiableRidge is VerifiableRidge and "sklearn" in dir(zu)
    assert VerifiableRidge.__module__ == "zkunlearn.estimators.scikit"
    stub = Path(next(iter(zu.__path__))) / "sklearn.pyi"  # which type checkers read
    assert sorted(re.findall(r"import (\w+) as \1\n", stub.read_text(encoding="utf-8"))) == zu.sklearn.__all__


def test_importing_it_loads_no_prover() -> None:
    code = (
        "import sys, zkunlearn.sklearn; found = set(sys.modules)\n"
        "print(sorted({'numba', 'torch', 'sklearn.linear_model', 'zkunlearn.prover'} & found), 'sklearn.base' in found)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[] True"


def test_no_module_of_the_root_has_the_name_of_a_package_that_is_imported() -> None:
    """`python -m` has the folder it is started in on its path: a file `sklearn.py` there would be scikit-learn."""
    root = Path(next(iter(zu.__path__)))
    there = {path.stem for path in root.glob("*.py")} | {path.parent.name for path in root.glob("*/__init__.py")}
    assert "errors" in there and "prover" in there and not there & {"sklearn", "torch", "pandas", "numpy", "onnx"}


def test_a_search_proves_one_model(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = people()
    commit, made = drafts.commit_rows, []
    monkeypatch.setattr(drafts, "commit_rows", lambda *args: made.append(args) or commit(*args))
    search = GridSearchCV(VerifiableLogisticRegression(bounds=BOUNDS), {"C": [0.01, 1.0]}, cv=3).fit(X, y)
    assert not made and search.best_score_ > 0.6
    best = search.best_estimator_.forget(["person 3"])
    assert len(best.report_.statement.forgotten) == 1 and len(made) == 1


def test_validation_scores_as_by_hand() -> None:
    X, y = people()
    scores = cross_val_score(VerifiableLogisticRegression(bounds=BOUNDS), X, y, cv=3, error_score="raise")
    assert scores.shape == (3,) and scores.mean() > 0.6
    found = cross_validate(VerifiableLogisticRegression(bounds=BOUNDS), X, y, cv=3, return_estimator=True)
    assert np.array_equal(found["test_score"], scores)
    assert found["estimator"][0].forget([X.index[-1]]).report_.statement.dataset.rows == 64


def test_a_pipeline_that_hands_frames_on_keeps_ids_and_names() -> None:
    X, y = people()
    rescaled = FunctionTransformer(lambda frame: frame / [120, 200_000, 1], feature_names_out="one-to-one")
    pipeline = make_pipeline(rescaled, VerifiableLogisticRegression(bounds=(-1, 1)))
    pipeline.set_output(transform="pandas").fit(X, y)
    model = pipeline[-1]
    assert list(model.feature_names_in_) == ["age", "income", "share"] == [*model.commitment_.statement.encoding.names]
    assert len(model.forget(["person 3"]).report_.statement.forgotten) == 1
    assert pipeline.score(X, y) > 0.6
    with pytest.raises(EstimatorError, match="'person 3' is not"):  # arrays have no index, and neither has a list
        make_pipeline(StandardScaler(), VerifiableLogisticRegression()).fit(X, [*y])[-1].forget(["person 3"])


def test_ids_are_routed_where_they_are_asked_for() -> None:
    X, y = (part.to_numpy() for part in people())
    ids = np.array([f"q{row}" for row in range(96)])
    bounds = dict(zip(["x1", "x2", "x3"], BOUNDS.values(), strict=True))
    with config_context(enable_metadata_routing=True):
        model = VerifiableLogisticRegression(bounds=bounds).set_fit_request(ids=True)
        search = GridSearchCV(model, {"C": [0.1, 1.0]}, cv=3).fit(X, y, ids=ids)
    assert "q7" in search.best_estimator_._owner._draft.rows.ids


def test_an_ensemble_of_rows_that_are_drawn_twice_is_trained() -> None:
    X, y = (part.to_numpy() for part in people())
    assert BaggingClassifier(VerifiableLogisticRegression(), 3, random_state=0).fit(X, y).score(X, y) > 0.6


# Frames --------------------------------------------------------------------------------------------------------------


def test_columns_that_are_no_numbers_are_declared_and_proved() -> None:
    X, y = people()
    X["town"] = np.where(X.share > 0, "Ulm", "Bonn")
    X["seen"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(X.age.round(), unit="D")
    declared: dict[str, Any] = BOUNDS | {
        "town": {"categories": ["Bonn", "Ulm"]},
        "seen": {"low": pd.Timestamp("2024-01-01").date(), "high": pd.Timestamp("2025-01-01").date()},
    }
    model = VerifiableLogisticRegression(bounds=declared).fit(X, y)
    assert model.n_features_in_ == 5 and model.coef_.shape == (1, 5) and model.bounds_declared_
    assert model.score(X, y) > 0.6 and np.array_equal(model.predict(X), model.trained_.model.predict(X))
    with pytest.raises(ValueError, match="must be in the same order"):
        model.predict(X[X.columns[::-1]])
    with pytest.raises(EstimatorError, match="'Rome'"):
        model.predict(X.assign(town="Rome"))


def test_a_feature_may_be_called_label() -> None:
    X, _ = people()
    frame = X.rename(columns={"share": "label"})
    model = VerifiableRidge(bounds=dict(zip(frame, BOUNDS.values(), strict=True)), target_bounds=(0, 120))
    assert model.fit(frame, X.age).score(frame, X.age) > 0.99 and model.report_.security_bits > 100


# Refusals ------------------------------------------------------------------------------------------------------------

SHARDS = zu.TrainingSpec(model="logistic", method="sisa", shard_rows=32, epochs=2, learning_rate=1.0)
UNUSABLE: list[tuple[dict[str, Any], str]] = [
    ({"class_weight": "balanced"}, '"balanced" would depend on the labels of all rows'),
    ({"class_weight": [1, 2]}, "expected a mapping"),
    ({"class_weight": {"maybe": 2}}, "'maybe' is no class of y"),
    ({"class_weight": {"yes": 0}}, "must be positive"),
    ({"C": 0}, "C = 0.0: must be positive"),
    ({"C": "much"}, "C: expected a number"),
    ({"method": "one-pass"}, "method = 'one-pass': must be one of retrain, sisa, optimum"),
    ({"method": "optimum", "class_weight": {"yes": 2}}, 'method="optimum" has none'),
    ({"method": "optimum", "standardize": True}, 'method="optimum" is of features as they are'),
    ({"method": "sisa", "shard_rows": 3}, "must be a power of two"),
    ({"bounds": (0, 1, 2)}, r"expected \(low, high\)"),
    ({"bounds": {"age": (0, 120)}}, "none for columns 'income', "),
    ({"bounds": (0, 1)}, r"row 1, column 'age': .* is outside the bounds"),
    ({"x_bits": 40}, "must be between 4 and 14"),
    ({"openings": 0}, "openings = 0"),
    ({"rows_per_id": "two"}, "must be one of one, many"),
    ({"max_iter": 0}, "max_iter = 0: must be between 1 and"),
    ({"spec": "logistic"}, "spec: expected TrainingSpec"),
    ({"spec": zu.TrainingSpec(model="linear", epochs=1, learning_rate=1.0)}, "is of model 'linear'"),
    ({"spec": zu.TrainingSpec(model="logistic", method="newton", l2=0.1)}, "'newton' needs what `fit` is not given"),
    ({"spec": SHARDS}, 'aggregate = "score"'),
]


@pytest.mark.parametrize(("parameters", "reason"), UNUSABLE)
def test_what_cannot_be_declared_is_refused_by_its_name(parameters: dict[str, Any], reason: str) -> None:
    with pytest.raises(EstimatorError, match=reason):
        VerifiableLogisticRegression(**parameters).fit(*people())


def test_bounds_of_values_have_to_be_declared_with_the_others() -> None:
    X, y = people()
    with pytest.raises(EstimatorError, match="so those of y have to be"):
        VerifiableRidge(bounds=BOUNDS).fit(X, X.age)
    with pytest.raises(EstimatorError, match="without `bounds` all are taken from the data"):
        VerifiableRidge(target_bounds=(0, 120)).fit(X, X.age)
    with pytest.raises(EstimatorError, match=r"alpha = -1\.0: must not be negative"):
        VerifiableRidge(alpha=-1).fit(X, X.age)
    with pytest.raises(EstimatorError, match="so what is counted has to be"):
        zu.sklearn.VerifiablePoissonRegressor(bounds=BOUNDS).fit(X, X.age)


def test_weights_of_rows_are_refused_by_name() -> None:
    X, y = people()
    with pytest.raises(EstimatorError, match=r"sample_weight: is not declared in a spec.*class_weight can"):
        VerifiableLogisticRegression().fit(X, y, sample_weight=np.ones(96))
    with pytest.raises(EstimatorError, match="groups: is not declared"):
        VerifiableLogisticRegression().fit(X, y, groups=np.ones(96))


def test_weights_that_are_no_integers_are_told_of() -> None:
    X, y = people()
    with pytest.warns(UserWarning, match="integers from 1 to 255; {'no': 1, 'yes': 255} are the nearest"):
        VerifiableLogisticRegression(class_weight={"no": 1e-4, "yes": 10}).fit(X, y)


def test_tables_that_do_not_fit_are_refused_as_scikit_learn_does() -> None:
    X, y = people()
    model = VerifiableLogisticRegression().fit(X, y)
    for other, reason in (
        (X[["income", "age", "share"]], "must be in the same order"),
        (X[["age", "income"]], "should match those that were passed"),
        (X.rename(columns={"age": "years"}), "should match those that were passed"),
        (X.to_numpy()[:, :2], "X has 2 features, but VerifiableLogisticRegression is expecting 3"),
    ):
        with pytest.raises(ValueError, match=reason):
            model.predict(other)
    with pytest.raises(ValueError, match="y should be a 1d array"):
        model.fit(X, np.zeros((96, 2)))
    with pytest.raises(EstimatorError, match="every row is of one class"):
        model.fit(X, ["yes"] * 96)
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        model.fit(X, X.share)
    assert model.score(X, ["never seen"] * 96) == 0.0
    assert model.predict(X).dtype == y.to_numpy().dtype, "a fit that failed changes nothing"


def test_what_is_refused_is_of_both_hierarchies() -> None:
    assert issubclass(EstimatorError, ValueError) and issubclass(EstimatorError, ZkUnlearnError)
    with pytest.raises(EstimatorError) as caught:
        VerifiableLogisticRegression(bounds=BOUNDS | {"age": (0, 50)}).fit(*people())
    assert caught.value.column == "age" and caught.value.row is not None and caught.value.expected == (0.0, 50.0)
