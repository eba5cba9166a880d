"""SISA in float64, written apart from the product, and how its models answer beside those that are proved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import zkunlearn as zu
from sklearn.datasets import load_breast_cancer, load_digits

HELD_OUT = 4  # every fourth row
SHARDS = """
## Shards

SISA as it is proved, beside SISA in float64 on the same shards (`benchmarks/shards.py`, written apart from the
product), and plain retraining with as many epochs as all stages have together. Every fourth row is held out; bounds are
0 and the largest value. Standardised features are those of each stage of each shard, by its own rows. What SISA costs
in accuracy is the difference to the last column. Shards are by chance, so figures change by a few rows from run to run.

| data set | spec | right of those held out: proved | float64 SISA | other predictions | plain retraining |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Sharded:
    """A data set, and how it is cut."""

    name: str
    X: np.ndarray
    y: np.ndarray
    shard_rows: int
    slices: int
    epochs: int
    learning_rate: float
    momentum: float
    l2: float
    standardize: bool = False


def sharded_cases() -> list[Sharded]:
    cancer, digits = load_breast_cancer(return_X_y=True), load_digits(return_X_y=True)
    return [
        Sharded("breast_cancer 569 x 30", *cancer, 128, 4, 32, 1.0, 0.8, 0.0018),
        Sharded("breast_cancer 569 x 30", *cancer, 32, 2, 64, 1.0, 0.8, 0.0018),
        Sharded("breast_cancer 569 x 30", *cancer, 128, 4, 32, 0.5, 0.8, 0.0018, standardize=True),
        Sharded("digits 1,797 x 64, 10 classes", *digits, 256, 4, 32, 0.5, 0.8, 0.001),
        Sharded("digits 1,797 x 64, 10 classes", *digits, 64, 2, 64, 0.5, 0.8, 0.001),
        Sharded("digits 1,797 x 64, 10 classes", *digits, 256, 4, 32, 0.1, 0.8, 0.001, standardize=True),
    ]


def float_model(X: np.ndarray, targets: np.ndarray, case: Sharded, start: np.ndarray, epochs: int) -> np.ndarray:
    """Weights (d + 1, O) of a logistic loss after full-batch steps; the last are intercepts, which have no penalty.

    Both `start` and the result are of features as they are, whatever training standardises.
    """
    mean, spread = np.zeros(X.shape[1]), np.ones(X.shape[1])
    if case.standardize:
        constant = X.min(axis=0) == X.max(axis=0)
        mean, spread = X.mean(axis=0), np.where(constant, np.inf, X.std(axis=0) + constant)
    design = np.hstack([(X - mean) / spread, np.ones((len(X), 1))])
    penalty = np.append(np.full(X.shape[1], case.l2), 0.0)[:, None]
    scaled = np.where(np.isinf(spread), 0.0, spread)[:, None]
    weights = last = np.vstack([start[:-1] * scaled, start[-1:] + mean @ start[:-1]])
    for epoch in range(epochs):
        residuals = 1 / (1 + np.exp(-design @ weights)) - targets
        step = case.learning_rate * (design.T @ residuals / len(X) + penalty * weights)
        if epoch:
            step = step - case.momentum * (weights - last)
        weights, last = weights - step, weights
    own = weights[:-1] / spread[:, None]
    return np.vstack([own, weights[-1:] - mean @ own])


def float_sisa(X: np.ndarray, targets: np.ndarray, case: Sharded) -> list[np.ndarray]:
    """The last model of each shard, of rows in the order of their positions."""
    models = []
    for first in range(0, len(X), case.shard_rows):
        model = np.zeros((X.shape[1] + 1, targets.shape[1]))
        for stage in range(1, case.slices + 1):
            stop = min(first + -(-stage * case.shard_rows // case.slices), len(X), first + case.shard_rows)
            model = float_model(X[first:stop], targets[first:stop], case, model, case.epochs)
        models.append(model)
    return models


def answers(X: np.ndarray, models: list[np.ndarray]) -> np.ndarray:
    """The classes that the mean of all predictions is largest for."""
    design = np.hstack([X, np.ones((len(X), 1))])
    mean = np.mean([1 / (1 + np.exp(-design @ model)) for model in models], axis=0)
    return mean.argmax(axis=1) if mean.shape[1] > 1 else (mean[:, 0] > 0.5).astype(int)


def sharded_row(case: Sharded) -> str:
    held = np.arange(len(case.y)) % HELD_OUT == 0
    names = [f"x{k + 1}" for k in range(case.X.shape[1])]
    bounds = {name: (0.0, max(1e-9, high)) for name, high in zip(names, case.X.max(axis=0), strict=True)}
    kind = "categorical" if len(np.unique(case.y)) > 2 else "binary"
    dataset = zu.commit(case.X[~held], case.y[~held], names=names, bounds=bounds, label_kind=kind)
    spec = zu.TrainingSpec(
        model="logistic",
        method="sisa",
        shard_rows=case.shard_rows,
        slices=case.slices,
        epochs=case.epochs,
        learning_rate=case.learning_rate,
        momentum=case.momentum,
        l2=case.l2,
        standardize=case.standardize,
        fixed_point=zu.FixedPoint(w_bits=14),  # which small shards need room for
    )
    run = zu.train(dataset, spec)
    encoding, rows = dataset.statement.encoding, dataset.rows
    proved = run.predict(case.X[held]).astype(int)
    X, labels = rows.features / 2.0**encoding.x_bits, np.array(encoding.label.classes).astype(int)[rows.labels]
    classes = np.unique(case.y)
    targets = (labels[:, None] == (classes if len(classes) > 2 else classes[1:])).astype(float)
    test = encoding.encode_features(case.X[held]) / 2.0**encoding.x_bits
    floats = answers(test, float_sisa(X, targets, case))
    start = np.zeros((X.shape[1] + 1, targets.shape[1]))
    plain = answers(test, [float_model(X, targets, case, start, case.slices * case.epochs)])
    right = [int((found == case.y[held]).sum()) for found in (proved, floats, plain)]
    shards = -(-len(X) // case.shard_rows)
    described = f"{shards} shards of {case.shard_rows}, {case.slices} slices, {case.epochs} epochs a stage"
    described += ", standardised" * case.standardize
    return (
        f"| {case.name} | {described} | {right[0]} of {held.sum()} | {right[1]} | {int((proved != floats).sum())} "
        f"| {right[2]} |"
    )
