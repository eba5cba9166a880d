"""Certified optima beside the training that they spare, in seconds of processors: `python benchmarks/optimum.py`.

Both answer the same request on the same rows of the same commitment, one after the other, so that what else the machine
does weighs on both. Logistic regression is retrained; linear regression is solved in one pass, of many steps.
"""

from __future__ import annotations

import json
import resource
from statistics import median
from typing import Any

import numpy as np
import zkunlearn as zu
from workloads import workload

RUNS = 3
NAMES = ("16,384 x 64", "16,384 x 64, one pass")
LARGE = (262_144, 64)
WIDE = "16,384 x 784"
WIDE_ROWS = (16_384, 11_982)
FORGET = ["1", "2", "3"]


def processor_seconds() -> float:
    """Of this process, so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def proving(dataset: zu.Dataset, spec: zu.TrainingSpec, **request: Any) -> float:
    """Processor seconds of a proof, of what it proves included."""
    before = processor_seconds()
    zu.prove(dataset, spec, forget=FORGET, **request)
    return processor_seconds() - before


def compare(name: str) -> None:
    """Print medians, and the ratio of each pair."""
    item = workload(name)
    optimum = zu.TrainingSpec(model=item.spec.model, method="optimum", l2=0.001)
    dataset = zu.commit(*item.data(), openings=4 * RUNS)
    for spec in (item.spec, optimum):
        proving(dataset, spec)
    pairs = [(proving(dataset, item.spec), proving(dataset, optimum)) for _ in range(RUNS)]
    trained, certified = (median(times) for times in zip(*pairs, strict=True))
    ratios = sorted(round(second / first, 2) for first, second in pairs)
    print(json.dumps({"name": name, "trained": round(trained, 2), "certified": round(certified, 2), "ratios": ratios}))


def wide(rows: int) -> None:
    """Print the same where the model before is at hand, of many features."""
    item = workload(WIDE)
    X, y = item.data()
    optimum = zu.TrainingSpec(model="logistic", method="optimum", l2=0.001)
    dataset = zu.commit(X[:rows], y[:rows], openings=4 * RUNS)
    before: dict[str, Any] = {"previous": zu.prove(dataset, optimum), "fork": True}
    proving(dataset, item.spec), proving(dataset, optimum, **before)
    pairs = [(proving(dataset, item.spec), proving(dataset, optimum, **before)) for _ in range(RUNS)]
    trained, certified = (median(times) for times in zip(*pairs, strict=True))
    ratios = sorted(round(second / first, 2) for first, second in pairs)
    print(json.dumps({"rows": rows, "trained": round(trained, 2), "certified": round(certified, 2), "ratios": ratios}))


def large() -> None:
    """Print medians of a linear model on many rows, and what it takes to verify one."""
    rows, features = LARGE
    rng = np.random.default_rng(7)
    X = rng.uniform(-1, 1, (rows, features))
    dataset = zu.commit(X, X @ rng.normal(size=features) / features, openings=2 * RUNS)
    spec = zu.TrainingSpec(model="linear", method="optimum", l2=0.001)
    proving(dataset, spec)
    certified = median(proving(dataset, spec) for _ in range(RUNS))
    proof = zu.prove(dataset, spec, forget=FORGET).proof
    before = processor_seconds()
    zu.verify(proof, dataset.commitment, spec=spec)
    verified = processor_seconds() - before
    print(json.dumps({"rows": rows, "certified": round(certified, 2), "verified": round(verified, 2)}))


def main() -> None:
    """All of it."""
    for name in NAMES:
        compare(name)
    for rows in WIDE_ROWS:
        wide(rows)
    large()


if __name__ == "__main__":
    main()
