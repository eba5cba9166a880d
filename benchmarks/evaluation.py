"""What it costs to prove how well models predict the rows of a hold-out: `python benchmarks/evaluation.py`.

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
CLASSES = 10
SPEC, PROBIT = (zu.TrainingSpec(model=model, epochs=20, learning_rate=0.5) for model in ("logistic", "probit"))


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds, and what came out."""
    before = processor_seconds()
    result = work()
    return processor_seconds() - before, result


def rows(count: int, seed: int, classes: int = 2) -> zu.Dataset:
    """A committed data set of some classes, which all have the same bounds."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(count, FEATURES))
    z = X[:, 0] + X[:, 1] + rng.logistic(scale=0.2, size=count)
    y = np.digitize(z, np.linspace(-1, 1, classes + 1)[1:-1] if classes > 2 else [0])
    y = y if classes == 2 else np.array([*"abcdefghij"])[y]
    return zu.commit(X, y, bounds={f"x{k + 1}": (-1, 1) for k in range(FEATURES)}, openings=4 * RUNS)


def measured(holdout: zu.Dataset, models: Sequence[Any], loss: bool = True) -> dict[str, float]:
    """Of one evaluation: proving, verifying with the validity proof of the hold-out, and its size."""
    proofs = [model.proof for model in models]
    proved, verified, sizes = [], [], []
    for _ in range(RUNS):
        seconds, evaluation = timed(partial(zu.evaluate, holdout, [model.secret for model in models], loss=loss))
        proved.append(seconds)
        verified.append(timed(partial(zu.verify_evaluation, evaluation, holdout.commitment, proofs))[0])
        sizes.append(len(evaluation.to_bytes()) / 1024)
    found = {"evaluate": median(proved), "verify": median(verified), "KB": median(sizes)}
    return {name: round(value, 2) for name, value in found.items()}


def main() -> None:
    """Print medians of one model, and of two, then of two probit ones, and of two of ten classes."""
    holdout, dataset = rows(HOLDOUT, 1), rows(TRAINED, 2)
    first, after = pair(dataset, SPEC)
    zu.evaluate(holdout, first.secret)
    found = {"one": measured(holdout, [first]), "two": measured(holdout, [first, after])}
    found["probit"] = measured(holdout, pair(dataset, PROBIT))
    several, models = rows(HOLDOUT, 3, CLASSES), pair(rows(TRAINED, 4, CLASSES), SPEC)
    found["ten classes"] = measured(several, models)
    found["ten classes, without the loss"] = measured(several, models, loss=False)
    print(json.dumps(found))


def pair(dataset: zu.Dataset, spec: zu.TrainingSpec) -> tuple[Any, Any]:
    """Before and after a removal."""
    first = zu.prove(dataset, spec, model_openings=3 * RUNS, fork=True)
    return first, zu.prove(dataset, spec, forget=["1", "2"], previous=first, model_openings=3 * RUNS)


if __name__ == "__main__":
    main()
