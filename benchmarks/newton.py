"""Newton's steps before a certified optimum, and the optimum alone: `python benchmarks/newton.py`.

All answer the same request on the same rows of the same commitment, one after the other, in seconds of processors;
steps begin from the optimum of all rows. At 64 weights, the bias included, of 16,384 rows, and of 2,048; by any matrix,
one step, and by one that is proved to be the inverse of the second derivative, as many as lead near enough; and by any
matrix to a model with noise, of which both moves are counted.
"""

from __future__ import annotations

import json
from itertools import count
from statistics import median
from typing import Any

import numpy as np
import zkunlearn as zu
from optimum import FORGET, processor_seconds

RUNS = 3
SIZES = ((16_384, 63, 3), (2_048, 63, 7))  # rows, features, and steps by the inverse
OPTIMUM = zu.TrainingSpec(model="logistic", method="optimum", l2=0.001)
NAMES = {1: "any matrix", 2: "inverse", 3: "noise"}
NEWTON = zu.TrainingSpec(model="logistic", method="newton", l2=0.001)
NOISY = zu.TrainingSpec(model="logistic", method="newton", l2=0.001, epsilon=1.0, delta=1e-5)
NONCES = count()


def proving(dataset: zu.Dataset, spec: zu.TrainingSpec, previous: zu.Trained) -> float:
    """Processor seconds of a proof, of what it proves included."""
    before, chosen = processor_seconds(), dict[str, Any]()
    if spec.method.noised:
        noise = zu.commit_noise(dataset, spec, "a benchmark", FORGET, previous, fork=True)
        chosen = {"noise": noise, "nonce": next(NONCES).to_bytes(32, "little")}
    zu.prove(dataset, spec, forget=FORGET, previous=previous, fork=True, **chosen)
    return processor_seconds() - before


def main() -> None:
    """Print medians, and the ratio of each pair, by size."""
    for rows, features, steps in SIZES:
        rng = np.random.default_rng(0)
        X = rng.uniform(-1, 1, size=(rows, features))
        y = (X @ rng.normal(size=features) + rng.logistic(size=rows) > 0).astype(int)
        bounds = {f"x{i + 1}": (-1.0, 1.0) for i in range(features)}
        dataset = zu.commit(X, y, ids=[str(i) for i in range(rows)], bounds=bounds, openings=5 * RUNS + 5)
        first = zu.prove(dataset, OPTIMUM, model_openings=4 * RUNS + 5)
        inverse = zu.TrainingSpec(model="logistic", method="newton", l2=0.001, steps=steps, inverse=12)
        specs = (OPTIMUM, NEWTON, inverse, NOISY)
        for spec in specs:
            proving(dataset, spec, first)
        runs = [[proving(dataset, spec, first) for spec in specs] for _ in range(RUNS)]
        certified, any_matrix, by_inverse, noisy = (round(median(times), 2) for times in zip(*runs, strict=True))
        shown = {"rows": rows, "certified": certified, "any matrix": any_matrix, "steps": steps, "inverse": by_inverse}
        shown |= {"noise": noisy, "noise adds": sorted(round(run[3] - run[1], 2) for run in runs)}
        shown |= {f"ratios, {name}": sorted(round(run[i] / run[0], 2) for run in runs) for i, name in NAMES.items()}
        print(json.dumps(shown))


if __name__ == "__main__":
    main()
