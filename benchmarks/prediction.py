"""What it costs to prove what a model says of a hundred public inputs: `python benchmarks/prediction.py`.

Wall and processor seconds, medians; kernels are compiled beforehand, and the first proof of the process is not counted.
"""

from __future__ import annotations

import json
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import zkunlearn as zu
from evaluation import timed

RUNS = 7
INPUTS, ROWS = 100, 400
SPEC = zu.TrainingSpec(model="logistic", epochs=4, learning_rate=0.5)
WORKLOADS = {"64 features": (64, 2), "784 features": (784, 2), "784 features, 10 classes": (784, 10)}


def trained(features: int, classes: int) -> Any:
    """A model with openings enough."""
    rng = np.random.default_rng(1)
    X, labels = rng.uniform(-1, 1, size=(ROWS, features)), np.arange(ROWS) % classes
    kind = "binary" if classes == 2 else "categorical"
    data = zu.commit(X, labels, bounds={f"x{k + 1}": (-1, 1) for k in range(features)}, label_kind=kind)
    return zu.prove(data, SPEC, model_openings=2 + 3 * (RUNS + 1))


def measured(own: Any, what: str) -> dict[str, float]:
    """Of one proof: making it, checking it, and its size."""
    X = np.random.default_rng(2).uniform(-1, 1, size=(INPUTS, len(own.secret.encoding.names)))
    walls, proved, verified, sizes = [], [], [], []
    for _ in range(RUNS + 1):
        start = perf_counter()
        seconds, proof = timed(partial(zu.prove_predictions, own.secret, X, what, publish_model_anyway=True))
        walls.append(perf_counter() - start)
        proved.append(seconds)
        verified.append(timed(partial(zu.verify_predictions, proof, X, own.proof))[0])
        sizes.append(len(proof.to_bytes()) / 1024)
    parts = {"wall": walls, "predict": proved, "verify": verified, "KB": sizes}
    return {name: round(median(values[1:]), 2) for name, values in parts.items()}


def main() -> None:
    """Print medians for each workload, and each answer."""
    for name, (features, classes) in WORKLOADS.items():
        own = trained(features, classes)
        print(json.dumps({name: {what: measured(own, what) for what in ("class", "score", "probability")}}))


if __name__ == "__main__":
    main()
