"""Proofs made for a statement whose public part is false: all that is hidden is consistent with it.

Under the statement that is true they would be good proofs, so what stops them is what the verifier looks at in public.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.statement import ForgottenRecord, order_key
from zkunlearn.prover.dataset import Dataset
from zkunlearn.prover.rows import Rows

SPEC = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5, batch_size=4)
IDS = [f"person {i}" for i in range(21)]
Records = tuple[ForgottenRecord, ...]


def commit() -> Dataset:
    X = np.random.default_rng(3).normal(size=(len(IDS), 3))
    return zu.commit(X, (X[:, 0] > 0).astype(int), ids=IDS)


def forgetting(records: Callable[[Records], Records], patch: pytest.MonkeyPatch) -> None:
    """The owner's statements name other records than those that he leaves out."""
    true = Dataset.records
    patch.setattr(Dataset, "records", lambda dataset, ids: records(true(dataset, ids)))


def verdict(proof: zu.TrainingProof, dataset: Dataset) -> str:
    """ "valid", or the name of the check that failed."""
    try:
        zu.verify(proof, dataset.commitment, spec=SPEC)
    except zu.InvalidProof as error:
        return error.check
    return "valid"


def test_a_proof_that_names_another_record_than_it_leaves_out_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = commit()
    (other,) = dataset.records(["person 5"])
    forgetting(lambda records: tuple(replace(record, digest=other.digest) for record in records), monkeypatch)
    assert verdict(zu.prove(dataset, SPEC, forget=["person 4"]).proof, dataset) == "record path"


def test_an_order_of_rows_that_the_owner_chose_is_rejected_once_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two forgotten records stand in it the other way round; who forgets one record at a time sees no order."""
    monkeypatch.setattr(Rows, "ordered", lambda rows: rows)
    dataset = commit()
    records = dataset.records(IDS)
    keys = [order_key(dataset.statement.order_seed, record.digest) for record in records]
    wrong = next(i for i in range(len(IDS) - 1) if keys[i] > keys[i + 1])
    proof = zu.prove(dataset, SPEC, forget=IDS[wrong : wrong + 2]).proof
    assert verdict(proof, dataset) == "forget list"


def test_the_same_proofs_of_an_honest_owner_are_valid() -> None:
    dataset = commit()
    assert verdict(zu.prove(dataset, SPEC, forget=IDS[4:6]).proof, dataset) == "valid"
