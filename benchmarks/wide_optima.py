"""Certified optima of very many weights beside the training they spare, in processor seconds: `python
benchmarks/wide_optima.py`.

Both answer the same request on the same rows of the same commitment, one after the other: 128 epochs of gradient
descent with momentum are retrained and proved, or the optimum is found from the one before and certified. Rows are
random, or like texts: counts of words by inverse document frequency, as long as one another.
"""

from __future__ import annotations

import json
from statistics import median
from typing import Any

import numpy as np
import zkunlearn as zu
from numpy.typing import NDArray
from optimum import RUNS, proving

UNIT = 1024
WORDS = 80  # of a text
CASES = (("random", 4096, 4096, 1e-2, 28), ("texts", 2000, 8192, 1e-3, None))


def random_rows(rng: np.random.Generator, rows: int, features: int) -> NDArray[np.float64]:
    """Independent ones, in the whole range."""
    return rng.integers(-UNIT, UNIT + 1, (rows, features)) / UNIT


def texts(rng: np.random.Generator, rows: int, features: int) -> NDArray[np.float64]:
    """Few features of a row are not zero, and some are in many rows."""
    shares = 1 / (np.arange(features) + 10.0)
    shares /= shares.sum()
    counts = np.stack([np.bincount(rng.choice(features, WORDS, p=shares), minlength=features) for _ in range(rows)])
    weighted = counts * np.log(1 / (1e-4 + shares))
    return weighted / np.linalg.norm(weighted, axis=1, keepdims=True)


def compare(kind: str, rows: int, features: int, l2: float, grid: int | None) -> None:
    """Print medians, and the ratio of each pair."""
    rng = np.random.default_rng(0)
    X = (texts if kind == "texts" else random_rows)(rng, rows, features)
    scores = X @ rng.normal(size=features) * 2 / np.sqrt(X.var(axis=0).sum())
    y = (scores - scores.mean() + rng.logistic(size=rows) > 0).astype(int)
    names = [f"c{k}" for k in range(features)]
    bounds: dict[str, Any] = dict.fromkeys(names, (-1.0, 1.0))
    dataset = zu.commit(X, y, names=names, bounds=bounds, ids=range(rows), openings=4 * RUNS)
    trained = zu.TrainingSpec(model="logistic", epochs=128, learning_rate=0.5, l2=l2, momentum=0.9)
    certified = zu.TrainingSpec(model="logistic", method="optimum", l2=l2, grid=grid)
    before: dict[str, Any] = {"previous": zu.prove(dataset, certified), "fork": True}
    pairs = []
    for run in range(RUNS + 1):  # the first one warms up
        pair = proving(dataset, trained), proving(dataset, certified, **before)
        pairs += [pair] if run else []
    ratios = sorted(round(second / first, 2) for first, second in pairs)
    first, second = (round(median(times), 2) for times in zip(*pairs, strict=True))
    said = {"kind": kind, "rows": rows, "features": features, "trained": first, "certified": second, "ratios": ratios}
    print(json.dumps(said), flush=True)


def main() -> None:
    """All of them."""
    for case in CASES:
        compare(*case)


if __name__ == "__main__":
    main()
