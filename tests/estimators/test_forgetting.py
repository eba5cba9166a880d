"""forget(ids), and what is proved of it: when somebody asks, once, and what an auditor verifies."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import zkunlearn as zu
from sklearn.exceptions import NotFittedError
from zkunlearn.errors import BudgetExceeded, EstimatorError, StatementMismatch, ZkUnlearnError
from zkunlearn.prover.owner import drafts
from zkunlearn.sklearn import VerifiableLogisticRegression, VerifiablePoissonRegressor, VerifiableRidge

from .people import BOUNDS, people

GONE = ["person 3", "person 40"]


@pytest.fixture(autouse=True)
def nothing_is_warned_of() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


@pytest.fixture(scope="module")
def fitted() -> VerifiableLogisticRegression:
    """Proved, and then without two people, proved again."""
    X, y = people()
    model = VerifiableLogisticRegression(bounds=BOUNDS).fit(X, y)
    model.before_ = model.spec_, model.coef_, model.proof_, model.commitment_
    return model.forget(GONE)


def test_the_model_is_the_one_of_the_same_spec_without_the_rows(fitted: Any) -> None:
    X, y = people()
    spec, coef, *_ = fitted.before_
    assert fitted.spec_ is spec and not np.array_equal(fitted.coef_, coef)
    never = VerifiableLogisticRegression(bounds=BOUNDS, spec=spec).fit(X.drop(GONE), y.drop(GONE))
    assert np.array_equal(fitted.coef_, never.coef_) and np.array_equal(fitted.intercept_, never.intercept_)
    anew = VerifiableLogisticRegression(bounds=BOUNDS).fit(X.drop(GONE), y.drop(GONE))
    assert anew.spec_ != spec, "or the test would not show that the spec is kept"


def test_an_auditor_verifies_that_it_supersedes_what_was_proved_before(fitted: Any) -> None:
    spec, _, first, commitment = fitted.before_
    assert fitted.commitment_ is commitment and fitted.proof_ is fitted.proof_
    report = zu.verify(fitted.proof_, commitment, spec=spec, previous=first)
    assert len(report.statement.forgotten) == 2 and not report.changes
    assert fitted.report_.previous_checked is report.previous_checked and "previous" in fitted.report_.pinned
    assert fitted.dataset_.spent == 3  # its own, and two trainings
    assert np.array_equal(fitted.trained_.model.predict(people()[0]), fitted.predict(people()[0]))


def test_the_report_is_of_this_spec_and_of_no_other(fitted: Any) -> None:
    public = fitted._owner.public()
    other = type(public)(public.commitment, fitted.spec_.leaving_out(["age"]), public.proof, public.before)
    with pytest.raises(StatementMismatch, match="without"):
        _ = other.report


def test_whoever_is_forgotten_already_stays_so_and_no_opening_is_spent(fitted: Any) -> None:
    proof, spent, coef = fitted.proof_, fitted.dataset_.spent, fitted.coef_
    fitted.forget(GONE[:1])
    assert fitted.proof_ is proof and fitted.dataset_.spent == spent and fitted.coef_ is coef


def test_an_id_that_no_row_has_forgets_nobody(fitted: Any) -> None:
    coef, proof = fitted.coef_, fitted.proof_
    with pytest.raises(EstimatorError, match="id 'person 999' is not in the data set"):
        fitted.forget(["person 5", "person 999"])
    with pytest.raises(EstimatorError, match="one str, where a list is needed"):
        fitted.forget("person 5")
    assert fitted.coef_ is coef and fitted.proof_ is proof


def test_too_little_that_is_left_forgets_nobody(fitted: Any) -> None:
    coef = fitted.coef_
    with pytest.raises(ZkUnlearnError):
        fitted.forget([f"person {row}" for row in range(96)])
    assert fitted.coef_ is coef and len(fitted._owner.forgotten) == 2


def test_what_was_never_proved_is_superseded_by_nothing() -> None:
    X, y = people()
    model = VerifiableLogisticRegression(bounds=BOUNDS, method="optimum").fit(X, y)
    model.forget(GONE[:1]).forget(GONE[1:])
    assert model.report_.statement.previous is None and len(model.report_.statement.forgotten) == 2
    assert model.dataset_.spent == 2


def test_shards_are_trained_again_where_somebody_was_in_them() -> None:
    X, y = people()
    model = VerifiableLogisticRegression(bounds=BOUNDS, method="sisa", shard_rows=32).fit(X, y)
    whole = model.proof_
    assert isinstance(whole, zu.Bundle) and model.report_.trained == 3
    report = model.forget(["person 3"]).report_
    assert report.trained == 1 and report.checked == 1 and report.bundle is model.proof_


@pytest.mark.parametrize("method", ["one-pass", "retrain", "optimum"])
def test_ridge_is_proved_by_each_method(method: str) -> None:
    X, y = people()
    model = VerifiableRidge(method=method, bounds=BOUNDS, target_bounds=(-200, 200)).fit(X, X.age - 50 * X.share)
    assert model.score(X, X.age - 50 * X.share) > 0.9
    assert model.forget(GONE).report_.statement.spec.model == "linear"


def test_counts_are_proved() -> None:
    X, y = people()
    model = VerifiablePoissonRegressor(bounds=BOUNDS).fit(X, (y == "yes") * 3 + 1)
    assert model.forget(GONE).report_.statement.spec.model == "poisson"


# When ----------------------------------------------------------------------------------------------------------------


def test_nothing_is_committed_or_proved_before_somebody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise ZkUnlearnError("committed")

    monkeypatch.setattr(drafts, "commit_rows", refused)
    X, y = people()
    model = VerifiableLogisticRegression(bounds=BOUNDS).fit(X, y).forget(GONE)
    model.score(X, y)
    for name in ("proof_", "report_", "commitment_", "dataset_", "trained_"):
        with pytest.raises(ZkUnlearnError, match="committed"):
            getattr(model, name)


def test_what_is_proved_has_to_be_what_was_fitted() -> None:
    X, y = people()
    model = VerifiableLogisticRegression(bounds=BOUNDS).fit(X, y)
    model._owner.run.integers[0, 0] += 1
    with pytest.raises(ZkUnlearnError, match="not the one that was fitted"):
        _ = model.proof_


def test_openings_are_counted() -> None:
    X, y = people()
    model = VerifiableLogisticRegression(bounds=BOUNDS, openings=2).fit(X, y)
    _ = model.proof_
    model.forget(GONE)
    with pytest.raises(BudgetExceeded, match="data set"):
        _ = model.proof_


def test_threads_that_ask_at_once_get_one_proof() -> None:
    X, y = people()
    model = VerifiableLogisticRegression(bounds=BOUNDS).fit(X, y)
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(model.proof_)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len({*map(id, found)}) == 1 and model.dataset_.spent == 2


def test_bounds_that_are_not_declared_are_warned_of_where_something_is_proved() -> None:
    X, y = people()
    model = VerifiableLogisticRegression().fit(X, y)
    assert not model.bounds_declared_ and "taken from the data" in model.notes_[0]
    with pytest.warns(
        UserWarning, match="bounds of columns were taken from the data, forgotten rows included"
    ) as caught:
        _ = model.proof_
    assert [own.filename for own in caught] == [__file__]
    assert any("bounds of columns were not declared" in text for text in model.report_.not_followed)


# Who is who ----------------------------------------------------------------------------------------------------------


def ids_of(model: Any) -> set[str]:
    return {*model._owner._draft.rows.ids}


def test_ids_are_those_of_the_frame_however_it_was_cut() -> None:
    X, y = (part.reset_index(drop=True) for part in people())
    whole, cut = VerifiableLogisticRegression().fit(X, y), VerifiableLogisticRegression().fit(X[20:], y[20:])
    array = VerifiableLogisticRegression().fit(X.to_numpy(), y.to_numpy())
    labelled = VerifiableLogisticRegression().fit(X.to_numpy(), y[::-1])
    assert ids_of(whole) == ids_of(array) == ids_of(labelled) == {str(row) for row in range(96)}
    assert ids_of(cut) == {str(row) for row in range(20, 96)}
    row = X.index.get_loc(17)
    rows = whole._owner._draft.rows
    age = whole._answers.encoding.features[0]
    place = rows.ids.index("17")
    assert age.decode(rows.by_feature[0, [place]].astype(np.int64), 12) == pytest.approx(X.age.iloc[row], abs=0.02)


def test_ids_may_be_given_and_several_rows_may_be_one_persons() -> None:
    X, y = people()
    households = [f"house {row // 3}" for row in range(96)]
    with pytest.raises(EstimatorError, match="is also that of row 1"):
        VerifiableLogisticRegression(bounds=BOUNDS).fit(X, y, households)
    model = VerifiableLogisticRegression(bounds=BOUNDS, rows_per_id="many").fit(X, y, households)
    assert len(model.forget(["house 5"]).report_.statement.forgotten) == 3


def test_frames_that_do_not_go_together_are_refused() -> None:
    X, y = people()
    with pytest.raises(EstimatorError, match="X and y have the same index in another order"):
        VerifiableLogisticRegression().fit(X, y[::-1])
    with pytest.raises(EstimatorError, match="the index names no rows"):
        VerifiableLogisticRegression().fit(X.set_index(pd.RangeIndex(96) / 2), y.to_numpy())


def test_forgetting_needs_a_fit() -> None:
    for use in (lambda model: model.forget(["a"]), lambda model: model.proof_, lambda model: model.commitment_):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            use(VerifiableRidge())
