"""How far the proved integers are from float64, and gradient descent from the optimum. Writes docs/exactness.md.

First, for each data set: the integer training that is proved, float64 gradient descent with the same schedule on the
same encoded data, and scikit-learn's own solver for the same objective. Then what `suggest` finds from raw columns in
wide bounds, trained in the integers of `prove`, beside scikit-learn's optimum on standardised features at C = 1. Then
sharded training beside the same in float64. Last, requests to certified optima.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import zkunlearn as zu
from requests_to_classifiers import CLASSIFIED, classified_rows
from requests_to_optima import CERTIFIED, L2S, requested_row
from shards import SHARDS, sharded_cases, sharded_row
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from zkunlearn.models.encoding.dataset import DatasetEncoding
from zkunlearn.models.float_reference import accuracy, objective, r2, train_float
from zkunlearn.models.live import Live
from zkunlearn.models.methods.reference import train
from zkunlearn.models.spec import TrainingSpec

OUTPUT = Path(__file__).resolve().parents[1] / "docs" / "exactness.md"
L2 = 1e-3
HEAD = """# Exactness

The proof is about integers, bit for bit. This table says how far these are from float64 gradient descent with the
same schedule on the same encoded data, and how far both are from the optimum that scikit-learn finds for the same
objective. Made by `python benchmarks/exactness.py`.

| data set | spec | weights, relative distance | score integer | float64 | objective integer | float64 | scikit-learn |
|---|---|---|---|---|---|---|---|
"""

WIDE = 20  # bounds are so many times the largest value
SUGGESTED = f"""
## Suggested specs

Raw columns, with bounds {WIDE} times as wide as the data; `suggest` as it is, `train` in the integers that `prove`
proves. The optimum is scikit-learn's for `StandardScaler` and C = 1 (`Ridge`: alpha = 1); of several classes, that of
`OneVsRestClassifier`. The gap is what the objective, summed over the outputs, is above that of the optimum.

| data set | suggested | seconds | expected gap | gap | right, or R^2 | scikit-learn |
|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Case:
    name: str
    X: np.ndarray
    y: np.ndarray
    spec: TrainingSpec


def cases() -> list[Case]:
    cancer, diabetes = load_breast_cancer(), load_diabetes()
    return [
        Case("breast_cancer 569 x 30", cancer.data, cancer.target, spec)
        for spec in (
            TrainingSpec(model="logistic", epochs=128, learning_rate=2.0, l2=L2),
            TrainingSpec(model="logistic", epochs=64, learning_rate=0.5, l2=L2, batch_size=64),
        )
    ] + [
        Case("diabetes 442 x 10", diabetes.data, diabetes.target, spec)
        for spec in (
            TrainingSpec(model="linear", method="gradient descent", epochs=256, learning_rate=0.5, l2=L2),
            TrainingSpec(model="linear", epochs=64, learning_rate=0.1, l2=L2, batch_size=32),
        )
    ]


def optimum(X: np.ndarray, y: np.ndarray, spec: TrainingSpec) -> np.ndarray:
    """scikit-learn's weights for mean loss + l2 / 2 |w|^2, the intercept last, which has no penalty."""
    rows, l2 = len(X), spec.method.l2
    if spec.model == "logistic":
        found = LogisticRegression(C=1 / (rows * l2), tol=1e-10, max_iter=10_000).fit(X, y)
    else:
        found = Ridge(alpha=rows * l2).fit(X, y)
    return np.append(np.ravel(found.coef_), found.intercept_)


def row(case: Case) -> str:
    names = [f"x{i}" for i in range(case.X.shape[1])]
    encoding = DatasetEncoding.from_data(case.X, case.y, names)
    features, labels = encoding.encode_features(case.X), encoding.encode_labels(case.y)
    spec = case.spec
    schedule = spec.compile(encoding.shape(len(labels)), Live(len(labels)))
    integers = train(features, labels, schedule).weights[-1] / 2.0**spec.fixed_point.w_bits
    X, y = features / 2.0**encoding.x_bits, labels / 2.0**encoding.label.label_bits
    floats = train_float(X, y, spec, schedule)
    score = accuracy if spec.model == "logistic" else r2
    distance = np.linalg.norm(integers - floats) / np.linalg.norm(floats)
    values = [objective(X, y, schedule.live.mask(), w, spec) for w in (integers, floats, optimum(X, y, spec))]
    batch = f"batch {spec.method.batch_size}" if spec.method.batch_size else "full batch"
    described = (
        f"{spec.model}, {spec.method.epochs} epochs, {batch}, rate {spec.method.learning_rate}, l2 {spec.method.l2}"
    )
    scores = [score(X, y, w, spec) for w in (integers, floats)]
    name = "accuracy" if spec.model == "logistic" else "R^2"
    return (
        f"| {case.name} | {described} | {distance:.1e} | {name} {scores[0]:.4f} | {scores[1]:.4f} "
        f"| {values[0]:.6f} | {values[1]:.6f} | {values[2]:.6f} |"
    )


@dataclass(frozen=True)
class Table:
    name: str
    X: np.ndarray
    y: np.ndarray
    label_kind: str


def tables() -> list[Table]:
    cancer, diabetes, digits, wine, iris = (
        load(return_X_y=True) for load in (load_breast_cancer, load_diabetes, load_digits, load_wine, load_iris)
    )
    return [
        Table("breast_cancer 569 x 30", *cancer, "binary"),
        Table("diabetes 442 x 10", *diabetes, "real"),
        Table("digits 1,797 x 64, 3 or not", digits[0], (digits[1] == 3).astype(int), "binary"),
        Table("wine 178 x 13, the second or not", wine[0], (wine[1] == 1).astype(int), "binary"),
        Table("iris 150 x 4, versicolor or not", iris[0], (iris[1] == 1).astype(int), "binary"),
        Table("digits 1,797 x 64, 10 classes", *digits, "categorical"),
        Table("wine 178 x 13, 3 classes", *wine, "categorical"),
        Table("iris 150 x 4, 3 classes", *iris, "categorical"),
    ]


def suggested_row(table: Table) -> str:
    X, y, names = table.X, table.y, [f"x{k + 1}" for k in range(table.X.shape[1])]
    bounds = {
        n: (WIDE * min(0.0, low), WIDE * max(1.0, high)) for n, low, high in zip(names, X.min(0), X.max(0), strict=True)
    }
    if table.label_kind == "real":
        bounds["label"] = (0.0, 2 * float(y.max()))
    dataset = zu.commit(X, y, names=names, bounds=bounds, x_bits=12, label_kind=table.label_kind)
    start = perf_counter()
    spec, expected = (found := zu.suggest(dataset)).spec, found.expected_gap
    seconds = perf_counter() - start
    run = zu.train(dataset, spec)

    encoding = dataset.statement.encoding
    encoded = encoding.encode_features(X) / 2.0**encoding.x_bits
    labels = encoding.encode_labels(y) / 2.0**encoding.label.label_bits
    scaler = StandardScaler().fit(encoded)
    slopes = np.atleast_2d(run.weights)
    ours = np.column_stack([slopes * scaler.scale_, run.intercept + slopes @ scaler.mean_])
    gap, shown = compared(scaler.transform(encoded), labels, ours, spec)
    method = spec.method
    return (
        f"| {table.name} | {spec.model}, {method.epochs} epochs, rate {method.learning_rate}, "
        f"momentum {method.momentum} | {seconds:.1f} | {expected:.3%} | {gap:.3%} | {shown[0]} | {shown[1]} |"
    )


def compared(X: np.ndarray, labels: np.ndarray, ours: np.ndarray, spec: TrainingSpec) -> tuple[float, list[str]]:
    """How far our weights (O, K) are above scikit-learn's optimum, and both scores; labels (n,) are class numbers."""
    several = len(ours) > 1
    targets = [(labels == k).astype(float) for k in range(len(ours))] if several else [labels]
    best = np.array([optimum(X, target, spec) for target in targets])
    once = np.ones(len(X))
    value, least = (
        sum(objective(X, target, once, w, spec) for target, w in zip(targets, models, strict=True))
        for models in (ours, best)
    )
    if spec.model == "linear":
        shown = [f"{r2(X, labels, models[0], spec):.4f}" for models in (ours, best)]
    else:
        rows = [right(X, labels, models, spec) for models in (ours, best)]
        shown = [f"{count} of {len(X)}" for count in rows]
    return value / least - 1, shown


def right(X: np.ndarray, labels: np.ndarray, models: np.ndarray, spec: TrainingSpec) -> int:
    """Rows whose class is predicted by weights (O, K)."""
    if len(models) == 1:
        return round(accuracy(X, labels, models[0], spec) * len(X))
    scores = X @ models[:, :-1].T + models[:, -1]
    return int((scores.argmax(axis=1) == labels).sum())


if __name__ == "__main__":
    parts = (
        (HEAD, [row(case) for case in cases()]),
        (SUGGESTED, [suggested_row(table) for table in tables()]),
        (SHARDS, [sharded_row(case) for case in sharded_cases()]),
        (CERTIFIED, [requested_row(l2) for l2 in L2S]),
        (CLASSIFIED, classified_rows()),
    )
    text = "".join(head + "\n".join(rows) + "\n" for head, rows in parts)
    OUTPUT.write_text(text, encoding="utf-8")
    print(text)
