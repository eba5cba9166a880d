"""Any method may supersede any other: the proof is valid, what changed of the spec is said, and nobody comes back.

Newton's steps need a model to begin from: where there is none, what is named in the refusal leads there.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu

ROWS = 24
SPECS: dict[str, dict[str, Any]] = {
    "gradient descent": {"epochs": 4, "learning_rate": 0.5, "l2": 0.25},
    "sisa": {"epochs": 4, "learning_rate": 0.5, "l2": 0.25, "shard_rows": 8, "slices": 2},
    "optimum": {"l2": 0.25},
    "newton": {"l2": 0.25, "steps": 2},
    "noisy": {"l2": 0.25},
}
LINEAR: dict[str, dict[str, Any]] = {
    "one-pass": {"epochs": 4, "learning_rate": 0.5, "l2": 0.25},
    "gradient descent": {"epochs": 4, "learning_rate": 0.5, "l2": 0.25},
    "optimum": {"l2": 0.25},
    "sisa": {"epochs": 4, "learning_rate": 0.5, "l2": 0.25, "shard_rows": 8},
}
NO_START = {"sisa": "answer together; steps begin from one model"}
NAMES = ["a", "b"]


@cache
def committed(model: str) -> Any:
    rng = np.random.default_rng(5)
    X = rng.uniform(0, 1, (ROWS, 2))
    y = X[:, 0] - X[:, 1] if model == "linear" else (X[:, 0] + rng.normal(0, 0.2, ROWS) > 0.5).astype(int)
    ids = [f"person {row}" for row in range(ROWS)]
    bounds = dict.fromkeys(NAMES, (0.0, 1.0)) | ({"label": (-1.0, 1.0)} if model == "linear" else {})
    return zu.commit(X, y, ids=ids, names=NAMES, bounds=bounds, openings=128)


def proved(dataset: Any, spec: zu.TrainingSpec, forget: list[str], nonce: int, previous: Any = None) -> Any:
    if not spec.method.noised:
        return zu.prove(dataset, spec, forget, previous, fork=True)
    noise = zu.commit_noise(dataset, spec, "a beacon", forget, previous, fork=True)
    return zu.prove(dataset, spec, forget, previous, fork=True, noise=noise, nonce=bytes([nonce] * 32))


@cache
def first(model: str, method: str) -> Any:
    own = SPECS if model == "logistic" else LINEAR
    spec = zu.TrainingSpec(model=model, method=method, **own[method])
    return proved(committed(model), spec, ["person 3"], 1 + list(own).index(method))


def nonce_of(before: str, after: str) -> int:
    """A byte of its own."""
    names = [*SPECS, *LINEAR]
    return 128 + len(SPECS) * names.index(before) + names.index(after)


SLOW = pytest.mark.slow


def pairs(model: str, own: dict[str, Any]) -> list[Any]:
    """All of them; quick are some in which each method is before and after others."""
    names = [*own]
    return [
        pytest.param(
            *(model, before, after), marks=() if gap == 1 or (after == "newton" and before in NO_START) else SLOW
        )
        for place, before in enumerate(names)
        for gap in range(len(names))
        for after in (names[(place + gap) % len(names)],)
    ]


@pytest.mark.parametrize(("model", "before", "after"), [*pairs("logistic", SPECS), *pairs("linear", LINEAR)])
def test_a_request_by_another_method_is_valid_and_says_what_changed(model: str, before: str, after: str) -> None:
    dataset, old, own = committed(model), first(model, before), SPECS if model == "logistic" else LINEAR
    spec = zu.TrainingSpec(model=model, method=after, **own[after])
    earlier, said = [*old.proofs], list[str]()
    if after == "newton" and before in NO_START:
        between = zu.TrainingSpec(model=model, method="optimum", **own["optimum"])
        with pytest.raises(zu.ParameterError, match=f"{NO_START[before]}.* prove method = 'optimum' in between"):
            proved(dataset, spec, ["person 7"], 0, old)
        said = between.differences(old.proofs[-1].statement.spec)
        old, before = proved(dataset, between, [], 0, old), "optimum"
        earlier += old.proofs
    new = proved(dataset, spec, ["person 7"], nonce_of(before, after), old)
    statement, superseded = new.proofs[-1].statement, old.proofs[-1].statement
    assert statement.previous in {each.digest for each in old.proofs}
    assert {*superseded.forgotten} < {*statement.forgotten} and len(statement.forgotten) == 2
    changed = spec.differences(superseded.spec)
    assert (f"method.kind is {after}, not {before}" in changed) == (before != after)
    history = zu.verify_chain([dataset.commitment, *earlier, *new.proofs])
    assert history.verdict == "valid" and history.forks == ()
    told = [note for entry in history.entries for note in entry.notes if note.startswith("another algorithm")]
    assert [note.partition(": ")[2] for note in told] == said + changed
