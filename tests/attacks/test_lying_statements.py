"""Proofs made for a statement whose public part is false: all that is hidden is consistent with it.

Under the statement that is true they would be good proofs, so what stops them is what the verifier looks at in public.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements.records import Record, order_key
from zkunlearn.prover.owner import declared, growth
from zkunlearn.prover.owner.dataset import Dataset
from zkunlearn.prover.witnesses.rows import Rows

SPEC: Any = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5, batch_size=4)
IDS = [f"person {i}" for i in range(21)]
Records = tuple[Record, ...]


def commit() -> Dataset:
    X = np.random.default_rng(3).normal(size=(len(IDS), 3))
    return zu.commit(X, (X[:, 0] > 0).astype(int), ids=IDS)


def forgetting(records: Callable[[Records], Records], patch: pytest.MonkeyPatch) -> None:
    """The owner's statements name other records than those that he leaves out."""
    true = Dataset.records_at
    patch.setattr(Dataset, "records_at", lambda dataset, positions: records(true(dataset, positions)))


def verdict(proof: zu.TrainingProof, dataset: Dataset, **pins: Any) -> str:
    """ "valid", or the name of the check that failed."""
    try:
        zu.verify(proof, dataset.commitment, **pins)
    except zu.InvalidProof as error:
        return error.check
    return "valid"


def test_a_proof_that_names_another_record_than_it_leaves_out_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = commit()
    (other,) = dataset.records(["person 5"])
    forgetting(lambda records: tuple(record._replace(digest=other.digest) for record in records), monkeypatch)
    assert verdict(zu.prove(dataset, SPEC, forget=["person 4"]).proof, dataset, spec=SPEC) == "record path"


def test_an_order_of_rows_that_the_owner_chose_is_rejected_once_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two forgotten records stand in it the other way round; who forgets one record at a time sees no order."""
    monkeypatch.setattr(Rows, "_ordered", lambda rows, seed: rows)
    dataset = commit()
    assert verdict_on_order(dataset, 0, IDS) == "forget list"


def test_an_order_of_added_rows_that_the_owner_chose_is_rejected_once_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each segment by itself, under its own seed."""
    dataset, more = commit(), [f"newcomer {i}" for i in range(8)]
    added = np.random.default_rng(4).uniform(-0.1, 0.1, size=(len(more), 3))
    honest, _ = zu.append(dataset, added, [0, 1] * 4, ids=more)
    pairs = zu.prove(honest, SPEC, forget=[*IDS[:3], *more[:3]]).proof
    assert verdict(pairs, honest, spec=SPEC) == "valid"
    monkeypatch.setattr(Rows, "_ordered", lambda rows, seed: rows)
    chosen, _ = zu.append(dataset, added, [0, 1] * 4, ids=more)
    assert chosen.ids[len(IDS) :] == tuple(more)
    assert verdict_on_order(chosen, 1, more) == "forget list"


def verdict_on_order(dataset: Dataset, number: int, names: list[str]) -> str:
    """On a proof that forgets two neighbours of a segment, in these names' order, which are the wrong way round."""
    seed = dataset.statement.segments[number].seed
    keys = [order_key(seed, record.digest) for record in dataset.records(names)]
    wrong = next(i for i in range(len(names) - 1) if keys[i] > keys[i + 1])
    proof = zu.prove(dataset, SPEC, forget=names[wrong : wrong + 2]).proof
    return verdict(proof, dataset, spec=SPEC)


def test_forgetting_every_row_is_rejected_before_the_proof_is_read() -> None:
    dataset = commit()
    proof: Any = zu.prove(dataset, SPEC).proof
    nothing_left = replace(proof, statement=replace(proof.statement, forgotten=dataset.records(IDS)))
    assert verdict(nothing_left, dataset) == "forget list"


def test_the_same_proofs_of_an_honest_owner_are_valid() -> None:
    dataset = commit()
    first = zu.prove(dataset, SPEC, forget=IDS[4:5]).proof
    second = zu.prove(dataset, SPEC, forget=IDS[4:6], previous=first).proof
    assert verdict(first, dataset, spec=SPEC) == verdict(second, dataset, spec=SPEC, previous=first) == "valid"


# Chains --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "forget", "supersedes", "reason"),
    [
        (SPEC, IDS[4:6], False, "does not supersede"),
        (SPEC, IDS[5:6], True, "not forgotten in this one"),
    ],
)
def test_a_successor_in_name_only_is_rejected(
    spec: zu.TrainingSpec, forget: list[str], supersedes: bool, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Good proofs by themselves."""
    monkeypatch.setattr(declared, "forgotten_before", lambda *arguments: ())
    dataset = commit()
    first = zu.prove(dataset, SPEC, forget=IDS[4:5]).proof
    second = zu.prove(dataset, spec, forget=forget, previous=first if supersedes else None).proof
    assert verdict(second, dataset) == "valid"
    with pytest.raises(zu.StatementMismatch, match=reason):
        zu.verify(second, dataset.commitment, previous=first)


def test_a_recommitment_that_gives_columns_another_meaning_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same integers, between bounds ten times as far apart."""
    dataset = commit()
    features = [
        replace(column, low=10 * column.low, high=10 * column.high) for column in dataset.statement.encoding.features
    ]
    encoding = replace(dataset.statement.encoding, features=tuple(features))
    commit_rows = growth.commit_rows
    monkeypatch.setattr(
        growth, "commit_rows", lambda rows, _, *options, **named: commit_rows(rows, encoding, *options, **named)
    )
    _, link = zu.recommit(dataset)
    with pytest.raises(zu.InvalidProof) as failure:
        zu.verify_link(link)
    assert failure.value.check == "statement"
