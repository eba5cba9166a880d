"""One of Newton's steps before a certified optimum, and the optimum alone: `python benchmarks/newton.py`.

Both answer the same request on the same rows of the same commitment, one after the other, in seconds of processors; the
step begins from the optimum of all rows. At 64 weights, the bias included, of 16,384 rows, and of 2,048.
"""

from __future__ import annotations

import json
from statistics import median

import numpy as np
import zkunlearn as zu
from optimum import FORGET, processor_seconds

RUNS = 3
SIZES = ((16_384, 63), (2_048, 63))
OPTIMUM = zu.TrainingSpec(model="logistic", method="optimum", l2=0.001)
NEWTON = zu.TrainingSpec(model="logistic", method="newton", l2=0.001)


def proving(dataset: zu.Dataset, spec: zu.TrainingSpec, previous: zu.Trained) -> float:
    """Processor seconds of a proof, of what it proves included."""
    before = processor_seconds()
    zu.prove(dataset, spec, forget=FORGET, previous=previous, fork=True)
    return processor_seconds() - before


def main() -> None:
    """Print medians, and the ratio of each pair, by size."""
    for rows, features in SIZES:
        rng = np.random.default_rng(0)
        X = rng.uniform(-1, 1, size=(rows, features))
        y = (X @ rng.normal(size=features) + rng.logistic(size=rows) > 0).astype(int)
        bounds = {f"x{i + 1}": (-1.0, 1.0) for i in range(features)}
        dataset = zu.commit(X, y, ids=[str(i) for i in range(rows)], bounds=bounds, openings=4 * RUNS)
        first = zu.prove(dataset, OPTIMUM, model_openings=2 * RUNS + 4)
        for spec in (OPTIMUM, NEWTON):
            proving(dataset, spec, first)
        pairs = [(proving(dataset, OPTIMUM, first), proving(dataset, NEWTON, first)) for _ in range(RUNS)]
        certified, stepped = (median(times) for times in zip(*pairs, strict=True))
        ratios = sorted(round(second / one, 2) for one, second in pairs)
        shown = {"rows": rows, "certified": round(certified, 2), "stepped": round(stepped, 2), "ratios": ratios}
        print(json.dumps(shown))


if __name__ == "__main__":
    main()
