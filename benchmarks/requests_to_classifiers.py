"""Requests to certified optima of logistic models, beside models from scratch and scikit-learn's optima."""

from __future__ import annotations

from typing import Any

import numpy as np
import zkunlearn as zu
from numpy.typing import NDArray
from requests_to_optima import MOST_ROWS, REQUESTS, of_rows
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from zkunlearn.errors import TrainingError
from zkunlearn.models.live import Live
from zkunlearn.prover.witnesses.optimum import find_optimum

L2 = 1e-3
SEVERAL = 10  # requests, where there are ten optima to be found by scikit-learn for each
CLASSIFIED = f"""
## Certified optima of logistic models

The same requests to classifiers at l2 = {L2:g}: how many models are, bit for bit, what is found from scratch on a data
set that never had the rows; and accuracy on the rows that are left less that of scikit-learn's optimum of the same
objective, in points: the smallest, the mean and the largest difference. Of several classes that is
`OneVsRestClassifier`'s.

| data set | steps of weights | certified | at the first distance | as from scratch | accuracy less scikit-learn's |
|---|---|---|---|---|---|
"""


def classified_rows() -> list[str]:
    """All data sets."""
    X, y = load_digits(return_X_y=True)
    two = y < 2
    return [
        classified_row("breast_cancer", *load_breast_cancer(return_X_y=True)),
        classified_row("digits, 3 or not", X, (y == 3).astype(int)),
        classified_row("digits, 0 or 1", X[two], y[two]),
        classified_row(f"digits, 10 classes, of {SEVERAL}", X, y.astype(str), SEVERAL),
        classified_row(f"digits, 10 classes, of {SEVERAL}", X, y.astype(str), SEVERAL, grid=28),
    ]


def classified_row(name: str, X: NDArray[Any], y: NDArray[Any], requests: int = REQUESTS, **fields: Any) -> str:
    """Of so many requests to one data set; fields: of the spec, besides l2."""
    bounds = {f"x{i + 1}": (float(column.min()), float(column.max()) + 1) for i, column in enumerate(X.T)}
    kind = "categorical" if len(np.unique(y)) > 2 else None
    dataset = zu.commit(X, y, ids=range(len(y)), bounds=bounds, label_kind=kind, openings=2)
    given = np.array(dataset.ids, dtype=np.int64)  # a commitment has an order of its own
    spec, rng = zu.TrainingSpec(model="logistic", method="optimum", l2=L2, **fields), np.random.default_rng(0)
    numbers, equal, differences = [], 0, []
    for size in rng.integers(1, MOST_ROWS + 1, size=requests):
        live = Live(len(y), tuple(np.sort(rng.choice(len(y), size=size, replace=False)).tolist()))
        try:
            settled = optimum_of(dataset, spec, live)
        except TrainingError:
            continue
        numbers.append(settled.number)
        left = given[live.mask()]
        without = zu.commit(X[left], y[left], bounds=bounds, label_kind=kind, openings=2)
        scratch = optimum_of(without, spec, Live(len(without.rows.labels), ()))
        equal += np.array_equal(settled.model, scratch.model)
        differences.append(100 * above_scikit(*of_rows(dataset, live), settled.model * 2.0**-spec.weight_bits))
    spread = f"{min(differences):.2f}, {np.mean(differences):.3f}, {max(differences):.2f}"
    return f"| {name} | 2^-{spec.weight_bits} | {len(numbers)} | {numbers.count(0)} | {equal} | {spread} |"


def optimum_of(dataset: zu.Dataset, spec: zu.TrainingSpec, live: Live) -> Any:
    """What is certified. Raises TrainingError."""
    schedule: Any = spec.compile(dataset.statement.encoding.shape(live.rows), live)
    return find_optimum(dataset.rows, schedule).settled


def above_scikit(features: NDArray[Any], labels: NDArray[Any], weights: NDArray[Any]) -> float:
    """Accuracy of weights (K,), or (O, K), less that of scikit-learn's on the same rows."""
    real, scale = features / 1024, 1 / (L2 * len(labels))
    theirs: Any = LogisticRegression(C=scale, fit_intercept=False, tol=1e-10, max_iter=10_000)
    if weights.ndim > 1:
        theirs = OneVsRestClassifier(theirs)
    right = theirs.fit(real, labels).predict(real) == labels
    scores = real @ weights.T
    ours = scores.argmax(axis=1) if weights.ndim > 1 else scores >= 0
    return float(np.mean(ours == labels) - np.mean(right))
