"""What is benchmarked: data sets and specs by name. Synthetic data are seeded, so that every run is the same work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from zkunlearn import TrainingSpec

SEED = 7
Data = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Goals:
    """What is to be reached: seconds, MB, GB; `ratio` is proving over numpy, both warm; None where there is no goal."""

    prove: float | None = None
    ratio: float | None = None
    verify: float | None = None
    proof_mb: float | None = None
    memory_gb: float | None = None
    with_commit: float | None = None


@dataclass(frozen=True)
class Workload:
    """One row of the tables.

    Attributes:
        rows, features: shape of the data; the data set is scikit-learn's where `real` is set.
        spec: what is trained.
        forgotten: how many rows are forgotten.
        goals: see there.
        bounded: whether to say what bounds its phases.
        memory: bytes, if it is committed and proved under a memory limit as well.
        real: name of a bundled data set.
    """

    name: str
    rows: int
    features: int
    spec: TrainingSpec
    forgotten: int = 0
    goals: Goals = Goals()
    real: str | None = None
    bounded: bool = False
    memory: int | None = None

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
        if self.real:
            from sklearn import datasets

            bundle: Any = getattr(datasets, f"load_{self.real}")()
            return bundle.data, bundle.target
        rng = np.random.default_rng(SEED)
        X, direction = rng.uniform(-1, 1, (self.rows, self.features)), rng.normal(size=self.features)
        scores = X @ direction
        if self.spec.model == "linear":
            return X, scores / np.abs(scores).max()
        return X, (scores + rng.normal(scale=0.3, size=self.rows) > 0).astype(np.int64)


def _logistic(epochs: int, learning_rate: float = 1.0) -> TrainingSpec:
    return TrainingSpec(model="logistic", epochs=epochs, learning_rate=learning_rate)


def _linear(steps: int, learning_rate: float = 1.0, momentum: float | str = 0.0) -> TrainingSpec:
    return TrainingSpec(
        model="linear", epochs=steps, learning_rate=learning_rate, momentum=momentum, l2=0.001, standardize=True
    )


ONCE = (
    Goals(0.6, None, 0.4),
    Goals(2.0, None, 0.4),
    Goals(None, None, 0.4, memory_gb=8, with_commit=45),
)
WORKLOADS = (
    Workload("breast cancer", 569, 30, _logistic(128, 2.0), 0, Goals(2.0, None, 0.5, 1.0, 1.0), real="breast_cancer"),
    Workload("4,096 x 64", 4096, 64, _logistic(128), 0, Goals(2.0, None, 0.6, 1.5, 2.0)),
    Workload(
        "100 x 10, batch 4",
        100,
        10,
        TrainingSpec(model="linear", epochs=12, learning_rate=0.1, batch_size=4),
        10,
        Goals(1.0, None, 0.5, 0.8, 1.0),
    ),
    Workload("1,000 x 10", 1000, 10, _logistic(5), 0, Goals(0.4, None, 0.15, 0.5, 0.5)),
    Workload("diabetes, one pass", 442, 10, _linear(200, 0.8, "increasing"), 0, ONCE[0], real="diabetes"),
    Workload("16,384 x 64, one pass", 16384, 64, _linear(1000), 0, ONCE[1]),
    Workload("262,144 x 256, one pass", 262144, 256, _linear(200), 0, ONCE[2]),
    Workload("16,384 x 64", 16384, 64, _logistic(128), 0, Goals(1.5, 18, 0.3, 1, 2.5), bounded=True),
    Workload("16,384 x 784", 16384, 784, _logistic(128), 0, Goals(2.5, 2, 0.3, 1.2, 4), bounded=True),
    Workload("65,536 x 256", 65536, 256, _logistic(64), 0, Goals(3, 3, 0.3, 1.5, 5), bounded=True),
    Workload(
        "262,144 x 1,024, one epoch",
        262144,
        1024,
        TrainingSpec(model="logistic", epochs=1, learning_rate=1.0, batch_size=2048),
        0,
        Goals(None, None, 1, 3, 12, 240),
        memory=500_000_000,
    ),
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
