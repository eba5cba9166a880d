"""Small proved models of every kind that is exported, and rows to predict."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import zkunlearn as zu

ROWS = 64
BOUNDS: dict[str, Any] = {"x1": (0, 100), "x2": (0, 1000, "log1p"), "x3": (-4, 4), "x4": (3, 3)}
DESCENT = {"epochs": 12, "learning_rate": 0.5}
SISA = {"method": "sisa", "shard_rows": 16, "epochs": 6, "learning_rate": 0.5}
SPECS: dict[str, dict[str, Any]] = {
    "logistic": {"model": "logistic", **DESCENT},
    "logistic without bias": {"model": "logistic", "bias": False, **DESCENT},
    "logistic standardised": {"model": "logistic", "standardize": True, **DESCENT},
    "logistic optimum": {"model": "logistic", "method": "optimum", "l2": 0.05},
    "logistic of classes": {"model": "logistic", **DESCENT},
    "probit": {"model": "probit", **DESCENT},
    "probit optimum of classes": {"model": "probit", "method": "optimum", "l2": 0.05},
    "linear one-pass": {"model": "linear", "epochs": 80, "learning_rate": 0.3},
    "linear optimum": {"model": "linear", "method": "optimum", "l2": 0.05},
    "poisson": {"model": "poisson", "epochs": 12, "learning_rate": 0.1},
    "shards by score": {"model": "logistic", **SISA, "aggregate": "score"},
    "shards by score of classes": {"model": "logistic", **SISA, "aggregate": "score"},
    "shards by probability": {"model": "logistic", **SISA, "aggregate": "probability"},
    "shards by probability of classes": {"model": "probit", **SISA, "aggregate": "probability"},
    "shards by vote": {"model": "logistic", **SISA, "aggregate": "vote"},
    "shards by vote of classes": {"model": "logistic", **SISA, "aggregate": "vote"},
    "shards of poisson by probability": {"model": "poisson", **SISA, "learning_rate": 0.1, "aggregate": "probability"},
    "shards of linear by score": {"model": "linear", **SISA, "learning_rate": 0.1, "aggregate": "score"},
}
FORGOTTEN_CLASS = "two classes left of three"
NAMES = [*SPECS, FORGOTTEN_CLASS]


def features() -> np.ndarray:
    rng = np.random.default_rng(1)
    parts = rng.uniform(0, 100, ROWS), rng.exponential(50, ROWS), rng.normal(size=ROWS), np.full(ROWS, 3.0)
    return np.stack(parts, axis=1).clip([0, 0, -4, 3], [100, 1000, 4, 3])


def rows() -> np.ndarray:
    """Within the bounds, far beyond them, and where the map of a column is halfway between two integers."""
    X = features()
    halves = X.copy()
    halves[:, 2] = (np.arange(ROWS) - ROWS / 2 + 0.5) / 256
    return np.concatenate([X, X * [3, 20, 5, 1], -X * [1, 0, 7, 1], halves])


@cache
def dataset(labels: str) -> Any:
    X = features()
    z = 0.05 * (X[:, 0] - 50) + X[:, 2]
    if labels == "poisson":
        counts = np.random.default_rng(2).poisson(np.exp(np.clip(z, -3, 2)))
        return zu.commit(X, counts, bounds=BOUNDS, label_kind="count", openings=16)
    if labels == "linear":
        return zu.commit(X, 10 * z + 5, bounds={**BOUNDS, "label": (-80, 80)}, openings=16)
    if labels == "classes":
        return zu.commit(X, np.array(["a", "b", "c"])[np.digitize(z, [-1, 1])], bounds=BOUNDS, openings=16)
    return zu.commit(X, np.where(z > 0, "yes", "no"), bounds=BOUNDS, openings=16)


@cache
def model(name: str) -> Any:
    if name == FORGOTTEN_CLASS:
        spec = zu.TrainingSpec(**SPECS["logistic of classes"])
        return zu.prove(dataset("classes"), spec, forget_classes=["b"]).model
    fields = SPECS[name]
    labels = "classes" if name.endswith("of classes") else fields["model"]
    return zu.prove(dataset(labels), zu.TrainingSpec(**fields)).model


# Columns that are no plain numbers -----------------------------------------------------------------------------------

DECLARED: dict[str, Any] = {
    "age": {"low": 0, "high": 120, "missing": 60, "clip": True},
    "city": {"categories": ["LA", "NY", "SF"]},
    "since": (date(2000, 1, 1), date(2030, 1, 1)),
}


def frame() -> pd.DataFrame:
    ages = [None if row == 4 else float(20 + row) for row in range(18)]
    cities = [("NY", "LA", "SF")[row % 3] for row in range(18)]
    return pd.DataFrame({"age": ages, "city": cities, "since": [f"2020-01-{1 + row:02}" for row in range(18)]})


def as_features(table: pd.DataFrame) -> np.ndarray:
    """What docs/exports.md says that goes in."""
    days = (pd.to_datetime(table["since"]) - pd.Timestamp("2000-01-01")).dt.total_seconds() / 86400
    cities = [(table["city"] == name).astype(float) for name in ("NY", "SF")]
    return np.stack([table["age"].astype(float), *cities, days], axis=1)


@cache
def declared_model() -> Any:
    table = frame()
    y = np.where(np.arange(18) > 8, "yes", "no")
    return zu.prove(
        zu.commit(table, y, bounds=DECLARED), zu.TrainingSpec(model="logistic", method="optimum", l2=0.1)
    ).model
