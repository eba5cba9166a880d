"""What it costs to prove how many rows of a hold-out models predict right: `python benchmarks/evaluation.py`.

Processor seconds, medians; kernels are compiled beforehand, and the first evaluation of the process is not counted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import zkunlearn as zu
from optimum import processor_seconds

RUNS = 5
HOLDOUT, TRAINED, FEATURES = 10_000, 2_000, 64
SPEC = zu.TrainingSpec(model="logistic", epochs=20, learning_rate=0.5)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds, and what came out."""
    before = processor_seconds()
    result = work()
    return processor_seconds() - before, result


def rows(count: int, seed: int) -> zu.Dataset:
    """A committed data set of two classes, which all have the same bounds."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(count, FEATURES))
    y = (X[:, 0] + X[:, 1] + rng.logistic(scale=0.2, size=count) > 0).astype(int)
    return zu.commit(X, y, bounds={f"x{k + 1}": (-1, 1) for k in range(FEATURES)}, openings=4 * RUNS)


def measured(holdout: zu.Dataset, models: Sequence[Any]) -> dict[str, float]:
    """Of one evaluation: proving, verifying with the validity proof of the hold-out, and its size."""
    proofs = [model.proof for model in models]
    proved, verified, sizes = [], [], []
    for _ in range(RUNS):
        seconds, evaluation = timed(partial(zu.evaluate, holdout, [model.secret for model in models]))
        proved.append(seconds)
        verified.append(timed(partial(zu.verify_evaluation, evaluation, holdout.commitment, proofs))[0])
        sizes.append(len(evaluation.to_bytes()) / 1024)
    found = {"evaluate": median(proved), "verify": median(verified), "KB": median(sizes)}
    return {name: round(value, 2) for name, value in found.items()}


def main() -> None:
    """Print medians of one model, and of two."""
    holdout, dataset = rows(HOLDOUT, 1), rows(TRAINED, 2)
    first = zu.prove(dataset, SPEC, model_openings=3 * RUNS)
    after = zu.prove(dataset, SPEC, forget=["1", "2"], previous=first, model_openings=3 * RUNS)
    zu.evaluate(holdout, first.secret)
    print(json.dumps({"one": measured(holdout, [first]), "two": measured(holdout, [first, after])}))


if __name__ == "__main__":
    main()
