"""Small data sets whose optimum is certified, and where that optimum is, by another way than the prover's."""

from __future__ import annotations

from typing import Any

import numpy as np
import zkunlearn as zu
from zkunlearn.models.live import Live
from zkunlearn.models.methods.link_certificate import OptimumCertificate
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.prover.witnesses.rows import Rows

X_BITS = 10


def rows_of(X: Any, y: Any) -> Rows:
    """Integers as an owner has them; what hides them is zero."""
    hidden = np.zeros((2, len(y)), dtype=np.uint64), np.zeros((len(y), 32), dtype=np.uint8)
    return Rows([str(i) for i in range(len(y))], np.asarray(X).T.astype(np.int16), y.astype(np.int32), *hidden)


def compiled(
    rows: int, features: int, forgotten: tuple[int, ...] = (), model: str = "logistic", **fields: Any
) -> OptimumCertificate:
    """The integers of a certificate."""
    choices: dict[str, Any] = {"method": "optimum", "l2": 0.01}
    spec = zu.TrainingSpec(model=model, **(choices | fields))
    shape = DatasetShape(rows=rows, features=features, label_kind="binary", label_bits=0, x_bits=X_BITS)
    found: Any = spec.compile(shape, Live(rows, forgotten))
    return found


def drawn(rng: np.random.Generator, rows: int, features: int) -> tuple[Any, Any]:
    """Features in the whole range, and labels that depend on them."""
    X = rng.integers(-(1 << X_BITS), (1 << X_BITS) + 1, (rows, features))
    scores = X @ rng.normal(size=features) / (1 << X_BITS) * 2 + rng.logistic(size=rows)
    return X, (scores > rng.normal()).astype(np.int64)


def step_gradient(X: Any, y: Any, schedule: OptimumCertificate, weights: Any) -> Any:
    """A subgradient of the declared objective at real weights, in units of 2^-w: row by row, from the table alone."""
    own = schedule
    z = X @ weights
    moved = np.floor((z + 2.0**15) / 2.0**16).astype(np.int64)  # constant between multiples of 2^16
    moved = np.clip(moved, -(1 << 31), (1 << 31) - 1)
    q, middle = moved >> 16, moved & 0xFFFF
    table = own.edges
    step = table[q + (1 << 15) + 1] - table[q + (1 << 15)]
    p = table[q + (1 << 15)] + (step * middle + (1 << 15) >> 16)
    r = np.where(own.live.mask(), p - (1 << own.scales.p_bits) * y, 0)
    return 2.0**own.raised * (X.T @ r).astype(np.float64) + own.penalty * weights


def located(X: Any, y: Any, schedule: OptimumCertificate, centre: Any, radius: float) -> tuple[Any, float]:
    """The minimum of the declared objective, by the ellipsoid method: a point, and how far it may be from there.

    Every subgradient leaves out a half of what is left, so the minimum is never lost, wherever slopes jump.
    """
    k, centre = len(centre), centre.astype(np.float64)
    if k == 1:
        low, high = centre - radius, centre + radius
        while high[0] - low[0] > 0.25:
            middle = (low + high) / 2
            low, high = (low, middle) if step_gradient(X, y, schedule, middle)[0] > 0 else (middle, high)
        return (low + high) / 2, 0.25
    shape = np.eye(k) * radius**2
    for _ in range(400 * k):
        size = float(np.sqrt(np.linalg.eigvalsh(shape)[-1]))
        if size < 0.25:
            return centre, size
        g = step_gradient(X, y, schedule, centre)
        along = shape @ g / np.sqrt(g @ shape @ g)
        centre = centre - along / (k + 1)
        shape = k**2 / (k**2 - 1) * (shape - 2 / (k + 1) * np.outer(along, along))
        shape = (shape + shape.T) / 2
    raise AssertionError("the ellipsoid did not become small")
