"""Rows that are not committed yet train as they do once they are, and nothing can be proved of them."""

from __future__ import annotations

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.errors import BudgetExceeded, DataError, ParameterError
from zkunlearn.models.encoding.dataset import DatasetEncoding
from zkunlearn.prover.owner.dataset import encode_table
from zkunlearn.prover.owner.drafts import Draft
from zkunlearn.prover.owner.trial import tried

SPEC = zu.TrainingSpec(model="logistic", epochs=4, learning_rate=0.5, batch_size=8)


def draft(openings: int = 4, ids: int = 40) -> Draft:
    rng = np.random.default_rng(1)
    X, y = rng.uniform(-1, 1, size=(40, 3)), rng.integers(0, 2, size=40)
    encoding = DatasetEncoding.from_data(X, y, ["a", "b", "c"], "binary", dict.fromkeys("abc", (-1, 1)))
    by_feature, labels, _ = encode_table(X, y, encoding, "label")
    return Draft.of([f"p{row}" for row in range(ids)], by_feature, labels, encoding, openings)


def test_the_training_is_that_of_the_committed_rows_in_mini_batches_too() -> None:
    own = draft()
    run, dataset = tried(own.unproved, SPEC, forget=["p3"]), own.committed()
    assert np.array_equal(run.integers, zu.prove(dataset, SPEC, forget=["p3"]).model.integers)
    assert not np.array_equal(run.integers, tried(own.unproved, SPEC).integers)
    assert dataset.statement.openings == 4 and zu.verify_dataset(dataset.commitment) > 100


def test_nothing_is_proved_of_rows_that_are_not_committed() -> None:
    with pytest.raises(BudgetExceeded, match="not committed yet"):
        zu.prove(draft().unproved, SPEC)


def test_what_cannot_be_committed_is_no_draft() -> None:
    with pytest.raises(ParameterError, match="openings = 0"):
        draft(openings=0)
    with pytest.raises(DataError, match="40 rows, but 39 ids"):
        draft(ids=39)
