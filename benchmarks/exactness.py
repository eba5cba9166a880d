"""How far the proved integers are from float64, and gradient descent from the optimum. Writes docs/exactness.md.

For each data set: the integer training that is proved, float64 gradient descent with the same schedule on the same
encoded data, and scikit-learn's own solver for the same objective (bias penalised like every weight).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LogisticRegression, Ridge
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
            TrainingSpec(model="linear", epochs=256, learning_rate=0.5, l2=L2),
            TrainingSpec(model="linear", epochs=64, learning_rate=0.1, l2=L2, batch_size=32),
        )
    ]


def optimum(X: np.ndarray, y: np.ndarray, spec: TrainingSpec) -> np.ndarray:
    """scikit-learn's weights for mean loss + l2 / 2 |w|^2, the bias last."""
    design, rows = np.column_stack([X, np.ones(len(X))]), len(X)
    if spec.model == "logistic":
        solver = LogisticRegression(C=1 / (rows * spec.method.l2), fit_intercept=False, tol=1e-10, max_iter=10_000)
        return solver.fit(design, y).coef_[0]
    return Ridge(alpha=rows * spec.method.l2, fit_intercept=False).fit(design, y).coef_


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


if __name__ == "__main__":
    OUTPUT.write_text(HEAD + "\n".join(row(case) for case in cases()) + "\n", encoding="utf-8")
    print(OUTPUT.read_text(encoding="utf-8"))
