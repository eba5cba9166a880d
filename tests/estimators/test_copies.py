"""Copies of an estimator: what they can do, and that nothing of the owner's is in them; and what a notebook shows."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from zkunlearn.errors import EstimatorError, FormatError, InvalidProof
from zkunlearn.sklearn import VerifiableLogisticRegression, VerifiableRidge

from .people import BOUNDS, people


@pytest.fixture(scope="module")
def proved() -> VerifiableLogisticRegression:
    """Somebody is forgotten."""
    X, y = people()
    model = VerifiableLogisticRegression(bounds=BOUNDS).fit(X, y)
    _ = model.proof_
    _ = model.forget(["person 3"]).proof_
    return model


@pytest.fixture(scope="module")
def unproved() -> VerifiableRidge:
    X, _ = people()
    return VerifiableRidge().fit(X, X.age)


def by_joblib(model: Any, folder: Path) -> Any:
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib")


COPIES = {
    "pickle": lambda model, folder: pickle.loads(pickle.dumps(model)),
    "joblib": by_joblib,
    "deepcopy": lambda model, folder: copy.deepcopy(model),
    "copy": lambda model, folder: copy.copy(model),
}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_predicts_and_hands_over_the_proof(proved: Any, how: str, tmp_path: Path) -> None:
    X, y = people()
    other = COPIES[how](proved, tmp_path)
    assert np.array_equal(other.predict_proba(X), proved.predict_proba(X)) and other.score(X, y) == proved.score(X, y)
    assert other.proof_.digest == proved.proof_.digest and other.commitment_.digest == proved.commitment_.digest
    assert "previous" in other.report_.pinned and len(other.report_.statement.forgotten) == 1
    for use in (lambda: other.forget(["person 4"]), lambda: other.dataset_, lambda: other.trained_):
        with pytest.raises(EstimatorError, match="has neither rows nor openings"):
            use()
    assert proved.dataset_.spent == 3


def test_a_copy_of_shards_predicts_and_hands_over_the_bundle(tmp_path: Path) -> None:
    X, y = people()
    model = VerifiableLogisticRegression(bounds=BOUNDS, method="sisa", shard_rows=32).fit(X, y)
    _ = model.proof_
    other = pickle.loads(pickle.dumps(model.forget(["person 3"])))
    assert np.array_equal(other.predict(X), model.predict(X))
    _ = model.proof_
    assert pickle.loads(pickle.dumps(model)).report_.checked == 1
    with pytest.raises(EstimatorError, match="had not been proved before it was pickled"):
        _ = other.proof_


@pytest.mark.parametrize("name", ["proof_", "report_", "commitment_"])
def test_what_was_not_proved_before_cannot_be_proved_by_a_copy(unproved: Any, name: str) -> None:
    other = pickle.loads(pickle.dumps(unproved))
    with pytest.raises(EstimatorError, match=f"{name}: it had not been proved before it was pickled"):
        getattr(other, name)


def test_a_copy_whose_proof_was_changed_is_refused(proved: Any) -> None:
    data = pickle.dumps(proved)
    proof = proved.proof_.to_bytes()
    middle = len(proof) // 2
    changed = data.replace(proof, proof[:middle] + bytes([proof[middle] ^ 1]) + proof[middle + 1 :])
    assert changed != data
    with pytest.raises((FormatError, InvalidProof)):
        _ = pickle.loads(changed).report_


def test_no_row_no_id_and_no_salt_is_in_a_pickle(proved: Any) -> None:
    data, rows = pickle.dumps(proved), proved._owner._draft.rows
    assert b"person" not in data and b"Ownership" not in data and b"Rows" not in data
    salts = [row.tobytes() for row in rows.salts]
    assert not [salt for salt in salts if salt in data]
    assert proved.dataset_.secret.tails.tobytes() not in data and rows.by_feature.tobytes() not in data
    owned = pickle.dumps([rows.salts, rows.ids])
    assert salts[0] in owned and b"person" in owned, "or the test would see nothing"


def test_a_clone_has_its_parameters_and_no_training(proved: Any) -> None:
    other = clone(proved)
    assert other.bounds == BOUNDS and not hasattr(other, "coef_") and not hasattr(other, "proof_")


def test_a_notebook_shows_no_weight_and_proves_nothing(unproved: Any, proved: Any) -> None:
    page = unproved._repr_html_() + repr(unproved)
    assert not unproved._owner.is_committed and "n_iter_" in page
    page += proved._repr_html_() + pickle.loads(pickle.dumps(unproved))._repr_html_()
    assert "person" not in page and "coef_" not in page and "intercept_" not in page
    assert str(unproved.intercept_)[:6] not in page


def test_a_list_of_attributes_may_be_completed_by_what_is_proved_on_demand(unproved: Any) -> None:
    assert {"proof_", "report_", "commitment_", "dataset_", "trained_"} <= {*dir(unproved)}
    assert not unproved._owner.is_committed
