"""Sharded trainings in float64: those of a loop written apart, and what the integers that are proved come near to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.errors import ParameterError
from zkunlearn.models.float_reference import train_float_shards
from zkunlearn.models.live import Live
from zkunlearn.models.methods.sisa import stages_of
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.prover.owner.sharded_model import last_models, speaking
from zkunlearn.prover.witnesses.rows import Rows
from zkunlearn.prover.witnesses.sisa import models_of, train_shards

N, D, SHARD = 52, 3, 16  # the last shard has 4 rows, which only the first of two slices sees
X_BITS = 10
NEAR = 0.01  # of the length of weights
OPTIONS: dict[str, dict[str, Any]] = {
    "one stage": {},
    "stages": {"slices": 2},
    "uneven slices": {"slices": 3, "momentum": 0.5},
    "batches": {"slices": 2, "batch_size": 4, "momentum": "increasing"},
    "standardised": {"slices": 2, "standardize": True, "learning_rate": 0.2},
    "classes weighted": {"slices": 2, "class_weight": {"0": 1, "1": 3}},
    "no bias": {"slices": 2, "bias": False, "model": "probit"},
    "intercept penalised": {"slices": 2, "penalize_intercept": True, "l2": 0.5},
    "several classes": {"slices": 2, "classes": ("a", "b", "c")},
    "counts": {"slices": 2, "model": "poisson", "learning_rate": 0.1},
    "numbers": {"slices": 2, "model": "linear", "learning_rate": 0.2},
}
GONE = {
    "nobody": (),
    "a few": (1, 17, 50),
    "a shard": (*range(16, 32), 48, 49, 50, 51),
    "a first slice": tuple(range(8)),
}


def case(name: str, gone: tuple[int, ...]) -> tuple[Any, Any, TrainingSpec, Any, list[int]]:
    """Integers, labels, the spec, what it compiles to, and the outputs."""
    fields: dict[str, Any] = {"model": "logistic", "epochs": 6, "learning_rate": 0.5, "l2": 0.01, **OPTIONS[name]}
    classes, model = fields.pop("classes", ()), fields["model"]
    rng = np.random.default_rng(len(name))
    X = rng.integers(-(1 << X_BITS), (1 << X_BITS) + 1, (N, D))
    scores = X @ np.array([1.0, -2.0, 0.5]) / (1 << X_BITS)
    kind = "categorical" if classes else {"poisson": "count", "linear": "real"}.get(model, "binary")
    labels = {"binary": scores > 0.2, "categorical": np.digitize(scores, [-0.5, 0.7]), "real": np.rint(scores * 4000)}
    y = labels.get(kind, np.minimum(9, np.exp(np.abs(scores)))).astype(np.int64)
    bits = 14 if kind == "real" else 0
    own = classes or (("0", "1") if kind == "binary" else ())
    shape = DatasetShape(rows=N, features=D, label_kind=kind, label_bits=bits, x_bits=X_BITS, classes=own)
    spec = TrainingSpec(method="sisa", shard_rows=SHARD, **fields)
    return X, y, spec, stages_of(spec.compile(shape, Live(N, gone))), list(range(max(1, len(classes))))


def floats(X: Any, y: Any, spec: TrainingSpec, stages: Any, outputs: list[int]) -> Any:
    """(shards with a say, outputs, K)."""
    real = X / 2.0**X_BITS, y / 2.0 ** (14 if spec.family.quadratic else 0)
    each = [train_float_shards(*real, spec, stages, output) for output in outputs]
    assert all([*own] == speaking(stages) for own in each)
    return np.stack([[own[shard] for own in each] for shard in speaking(stages)])


@pytest.mark.parametrize("gone", GONE)
@pytest.mark.parametrize("name", OPTIONS)
def test_the_integers_of_all_shards_are_near_those_in_float64(name: str, gone: str) -> None:
    X, y, spec, stages, outputs = case(name, GONE[gone])
    hidden = np.zeros((2, N), dtype=np.uint64), np.zeros((N, 32), dtype=np.uint8)
    rows = Rows([str(i) for i in range(N)], X.T.astype(np.int16), y.astype(np.int32), *hidden)
    proved = last_models(stages, models_of(stages, train_shards(rows, stages, []))) / 2.0**spec.weight_bits
    if stages.bias:
        proved[..., -1] /= 2.0**X_BITS
    found = floats(X, y, spec, stages, outputs)
    assert found.shape == proved.shape
    apart = np.linalg.norm(found - proved, axis=-1)
    assert (apart <= NEAR * (0.1 + np.linalg.norm(found, axis=-1))).all(), apart


def by_hand(X: Any, y: Any, spec: Any, live: Any) -> dict[int, Any]:
    """A logistic loss, full batches, no momentum: on rows that count, standardised by them if it is declared."""
    method, found = spec.method, {}
    (rate, *_) = method.descent.learning_rates
    for shard in range(-(-N // SHARD)):
        weights = np.zeros(D + 1)
        for stage in range(1, method.slices + 1):
            stop = min(N, shard * SHARD + -(-stage * SHARD // method.slices))
            rows = [row for row in range(shard * SHARD, stop) if live[row]]
            if not rows:
                continue
            own, labels = X[rows] / 2.0**X_BITS, y[rows]
            mean, spread = (own.mean(0), own.std(0)) if method.standardize else (np.zeros(D), np.ones(D))
            design = np.hstack([(own - mean) / spread, np.ones((len(rows), 1))])
            w = np.append(weights[:D] * spread, weights[D] + mean @ weights[:D])
            for _ in range(method.epochs):
                residuals = 1 / (1 + np.exp(-design @ w)) - labels
                w = w - rate * (design.T @ residuals / len(rows) + method.l2 * np.append(w[:D], 0))
            weights = np.append(w[:D] / spread, w[D] - mean @ (w[:D] / spread))
            found[shard] = weights
    return found


@pytest.mark.parametrize("gone", GONE)
@pytest.mark.parametrize("name", ["one stage", "stages", "standardised"])
def test_it_is_what_a_loop_by_hand_finds(name: str, gone: str) -> None:
    X, y, spec, stages, _ = case(name, GONE[gone])
    live = np.ones(N, dtype=bool)
    live[list(GONE[gone])] = False
    found, expected = train_float_shards(X / 2.0**X_BITS, y, spec, stages), by_hand(X, y, spec, live)
    assert found.keys() == expected.keys()
    assert all(np.allclose(found[shard], expected[shard], rtol=0, atol=1e-9) for shard in found)


def test_another_method_has_no_shards() -> None:
    X, y, _, stages, _ = case("one stage", ())
    other = TrainingSpec(model="logistic", epochs=1, learning_rate=0.5)
    with pytest.raises(ParameterError, match="method = 'gradient descent': has no shards"):
        train_float_shards(X, y, other, stages)
