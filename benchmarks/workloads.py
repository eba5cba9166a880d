"""What is benchmarked: data sets and specs by name. Synthetic data are seeded, so that every run is the same work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from zkunlearn import TrainingSpec

SEED = 7
Data = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Workload:
    """One row of the tables.

    Attributes:
        rows, features: shape of the data; the data set is scikit-learn's where `real` is set.
        spec: what is trained.
        forgotten: how many rows are forgotten.
        goals: (seconds to prove, seconds to verify, proof MB, peak GB), None where there is none.
        real: name of a bundled data set.
    """

    name: str
    rows: int
    features: int
    spec: TrainingSpec
    forgotten: int = 0
    goals: tuple[float | None, float | None, float | None, float | None] = (None, None, None, None)
    real: str | None = None

    @property
    def label_kind(self) -> str:
        """Of the data set's labels."""
        return "real" if self.spec.model == "linear" else "binary"

    @property
    def forget(self) -> list[str]:
        """Ids of the forgotten rows."""
        return [str(i + 1) for i in range(self.forgotten)]

    def data(self) -> Data:
        """Real features (N, d) and labels (N,)."""
        if self.real == "breast_cancer":
            from sklearn.datasets import load_breast_cancer

            bundle: Any = load_breast_cancer()
            return bundle.data, bundle.target
        rng = np.random.default_rng(SEED)
        X, direction = rng.uniform(-1, 1, (self.rows, self.features)), rng.normal(size=self.features)
        scores = X @ direction
        if self.spec.model == "linear":
            return X, scores / np.abs(scores).max()
        return X, (scores + rng.normal(scale=0.3, size=self.rows) > 0).astype(np.int64)


def _logistic(epochs: int, learning_rate: float = 1.0) -> TrainingSpec:
    return TrainingSpec(model="logistic", epochs=epochs, learning_rate=learning_rate)


WORKLOADS = (
    Workload("breast cancer", 569, 30, _logistic(128, 2.0), 0, (2.0, 0.5, 1.0, 1.0), real="breast_cancer"),
    Workload("4,096 x 64", 4096, 64, _logistic(128), 0, (2.0, 0.6, 1.5, 2.0)),
    Workload(
        "100 x 10, batch 4",
        100,
        10,
        TrainingSpec(model="linear", epochs=12, learning_rate=0.1, batch_size=4),
        10,
        (1.0, 0.5, 0.8, 1.0),
    ),
    Workload("1,000 x 10", 1000, 10, _logistic(5), 0, (0.4, 0.3, None, None)),
    Workload("16,384 x 64", 16384, 64, _logistic(128), 0, (1.5, None, None, None)),
    Workload("16,384 x 784", 16384, 784, _logistic(128), 0, (2.5, None, None, None)),
    Workload("65,536 x 256", 65536, 256, _logistic(64), 0, (3.0, None, None, None)),
)


CURVE_BASE = {"rows": 4096, "columns": 64, "epochs": 32}
CURVE_STEPS = {
    "rows": (256, 1024, 4096, 16384, 65536),
    "columns": (4, 16, 64, 256, 1024),
    "epochs": (2, 8, 32, 128, 512),
}


def curve(axis: str) -> tuple[tuple[int, Workload], ...]:
    """Workloads that differ in one of rows, columns and epochs only, beside its value."""
    points = []
    for value in CURVE_STEPS[axis]:
        size = CURVE_BASE | {axis: value}
        name = f"curve of {axis}, {value}"
        points.append((value, Workload(name, size["rows"], size["columns"], _logistic(size["epochs"], 0.5))))
    return tuple(points)


def workload(name: str) -> Workload:
    """By name, those of the curves included."""
    curves = [item for axis in CURVE_STEPS for _, item in curve(axis)]
    return next(item for item in (*WORKLOADS, *curves) if item.name == name)
