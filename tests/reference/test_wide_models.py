"""The second verifier on models of very many weights, whose optima are found without a matrix of any two of them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.prover.witnesses import wide_search
from zkunlearn.prover.witnesses.wide_search import MOST_DENSE

from .examples import Training, numbers

ROWS, FEATURES = 64, MOST_DENSE + 52
FORGOTTEN = ["1", "5", "20"]
FIELDS: dict[str, dict[str, Any]] = {
    "logistic": {"model": "logistic", "method": "optimum", "grid": 28},
    "classes": {"model": "probit", "method": "optimum", "grid": 30},
    "linear": {"model": "linear", "method": "optimum", "bias": False},
    "noisy": {"model": "logistic", "method": "noisy"},
}
KINDS = ["logistic", "linear", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("classes", "noisy"))]


def labels(kind: str, scores: Any) -> Any:
    if kind == "classes":
        return np.digitize(scores, [-0.5, 0.5])
    return scores if kind == "linear" else (scores > 0).astype(int)


@cache
def proved(kind: str) -> tuple[Any, Any]:
    X, spec = numbers(ROWS, FEATURES, 3), zu.TrainingSpec(l2=0.05, **FIELDS[kind])
    kinds: dict[str, Any] = {"label_kind": "categorical"} if kind == "classes" else {}
    dataset = zu.commit(X, labels(kind, X[:, :5].sum(axis=1)), openings=4, **kinds)
    if kind == "noisy":
        noise = zu.commit_noise(dataset, spec, "the auditor, today", FORGOTTEN)
        return zu.prove(dataset, spec, FORGOTTEN, noise=noise, nonce=bytes(range(32))).proof, dataset
    return zu.prove(dataset, spec, FORGOTTEN).proof, dataset


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_proof_of_a_wide_model_is_accepted_by_both(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And was found where there is no matrix."""
    searched = list[int]()
    plain = wide_search.found_from
    monkeypatch.setattr(wide_search, "found_from", lambda *own: searched.append(1) or plain(*own))
    proof, dataset = proved(kind)
    assert searched
    assert proof.statement.schedule.width > MOST_DENSE
    assert Training(proof.to_bytes(), dataset.commitment.to_bytes()).verdict() == "valid"


@pytest.mark.parametrize("kind", KINDS)
def test_a_bent_proof_of_a_wide_model_is_rejected_by_both_with_one_reason(kind: str) -> None:
    proof, dataset = proved(kind)
    own = Training(proof.to_bytes(), dataset.commitment.to_bytes())
    bent = bytearray(proof.proof)
    bent[len(bent) // 2] ^= 1
    assert own.verdict(replace(proof, proof=bytes(bent)).to_bytes()) not in ("valid", "format")


@pytest.mark.parametrize("kind", ["logistic", "linear"])
def test_a_wide_statement_of_another_distance_is_rejected_by_both(kind: str) -> None:
    found: Any = proved(kind)
    proof, dataset = found
    own = Training(proof.to_bytes(), dataset.commitment.to_bytes())
    other = replace(proof.statement, distance=(proof.statement.distance + 1) % 3)
    assert own.verdict(replace(proof, statement=other).to_bytes()) == "constraints"
