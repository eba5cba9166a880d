"""Requests to certified optima of linear models, beside the exact ridge optimum in rationals and scikit-learn's."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import zkunlearn as zu
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from zkunlearn.errors import TrainingError
from zkunlearn.models.live import Live
from zkunlearn.models.methods.gram_certificate import LinearOptimumCertificate
from zkunlearn.prover.witnesses.linear_optimum import find_linear_optimum

REQUESTS, MOST_ROWS = 100, 50
L2S = (1e-1, 1e-2, 1e-3)
CERTIFIED = f"""
## Certified optima of linear models

diabetes, raw columns, {REQUESTS} requests to forget 1 to {MOST_ROWS} rows drawn at random: how many were certified, and
at the first of the default distances; how many models are the rounding of the exact ridge optimum of the rows that are
left, solved in rationals; and R^2 on these, the smallest and largest difference to scikit-learn's `Ridge`.

| l2 | steps of weights | certified | at the first distance | the rounding of the exact optimum | R^2 less Ridge's |
|---|---|---|---|---|---|
"""


def requested_row(l2: float) -> str:
    """Of all requests at one l2."""
    X, y = load_diabetes(return_X_y=True)
    dataset = zu.commit(X, y, openings=2)
    spec, rng = zu.TrainingSpec(model="linear", method="optimum", l2=l2), np.random.default_rng(0)
    numbers, equal, differences = [], 0, []
    for size in rng.integers(1, MOST_ROWS + 1, size=REQUESTS):
        gone = np.sort(rng.choice(len(y), size=size, replace=False))
        live = Live(len(y), tuple(gone.tolist()))
        schedule: Any = spec.compile(dataset.statement.encoding.shape(len(y)), live)
        try:
            settled = find_linear_optimum(dataset.rows, schedule).settled
        except TrainingError:
            continue
        numbers.append(settled.number)
        features, labels = of_rows(dataset, live)
        equal += rounded_optimum(features, labels, schedule) == settled.model.tolist()
        differences.append(above_ridge(features, labels, settled.model * 2.0**-spec.weight_bits, l2))
    spread = f"{min(differences):.1e} to {max(differences):.1e}"
    return f"| {l2:g} | 2^-{spec.weight_bits} | {len(numbers)} | {numbers.count(0)} | {equal} | {spread} |"


def of_rows(dataset: zu.Dataset, live: Live) -> tuple[np.ndarray, np.ndarray]:
    """Integers of features (n, K) and labels (n,) of the rows that count, the bias's among the first."""
    features = dataset.rows.features.astype(np.int64)
    whole = np.hstack([features, np.full((len(features), 1), 1 << 10)])
    return whole[live.mask()], dataset.rows.labels[live.mask()].astype(np.int64)


def rounded_optimum(features: np.ndarray, labels: np.ndarray, own: LinearOptimumCertificate) -> list[int]:
    """The minimum of the declared objective by Gauss's elimination in rationals, rounded to the grid."""
    power, k = 1 << own.raised, features.shape[1]
    system = [[Fraction(int(v)) for v in row] for row in power * (features.T @ features)]
    right = [Fraction(int(v)) * (power << own.label_shift) for v in features.T @ labels]
    for i in range(k):
        system[i][i] += own.penalty
    for i in range(k):
        for j in range(i + 1, k):
            share = system[j][i] / system[i][i]
            system[j] = [a - share * b for a, b in zip(system[j], system[i], strict=True)]
            right[j] -= share * right[i]
    found = [Fraction(0)] * k
    for i in reversed(range(k)):
        found[i] = (right[i] - sum(system[i][j] * found[j] for j in range(i + 1, k))) / system[i][i]
    return [(own_weight + (1 << (own.grid - 1))) // (1 << own.grid) for own_weight in found]


def above_ridge(features: np.ndarray, labels: np.ndarray, weights: np.ndarray, l2: float) -> float:
    """R^2 of weights, less that of scikit-learn's on the same rows."""
    real, targets = features / 1024, labels / 2.0**14
    theirs = Ridge(alpha=l2 * len(targets), fit_intercept=False).fit(real, targets)
    spread = np.sum((targets - targets.mean()) ** 2)
    return float(np.sum((theirs.predict(real) - targets) ** 2) - np.sum((real @ weights - targets) ** 2)) / spread
