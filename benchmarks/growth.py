"""What it costs to add rows: `python benchmarks/growth.py` prints JSON; in turns, medians of a few.

fresh     committing to all rows at once
append    committing to all rows, where most of them were committed before, and the link that says so
recommit  the same without a row more
"""

from __future__ import annotations

import json
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np
import zkunlearn as zu
from zkunlearn.prover.kernels import warm_up

SEED = 7
SHAPES = ((65536, 64), (262144, 64))
ADDED = 10  # one row in so many is new
RUNS = 5


def timed(step: Any) -> tuple[dict[str, float], Any]:
    """Seconds that passed, those of all processors, and the result."""
    start, used = perf_counter(), process_time()
    result = step()
    return {"seconds": perf_counter() - start, "processor_seconds": process_time() - used}, result


def measured(rows: int, features: int) -> dict[str, Any]:
    """One shape."""
    rng = np.random.default_rng(SEED)
    X = rng.uniform(-1, 1, (rows, features))
    y = (X @ rng.normal(size=features) > 0).astype(np.int64)
    bounds = {f"x{k + 1}": (-1.0, 1.0) for k in range(features)}
    before = rows - rows // ADDED
    old = zu.commit(X[:before], y[:before], bounds=bounds)
    steps = {
        "fresh": lambda: zu.commit(X, y, bounds=bounds),
        "append": lambda: zu.append(old, X[before:], y[before:]),
        "recommit": lambda: zu.recommit(old),
    }
    found: dict[str, list[dict[str, float]]] = {name: [] for name in steps}
    sizes, verified = {}, []
    for run in range(RUNS + 1):
        for name, step in steps.items():
            figures, result = timed(step)
            if run:  # the first ones touch memory
                found[name].append(figures)
            if name != "fresh":
                sizes[name] = len(result[1].to_bytes())
                verified.append(timed(lambda link=result[1]: zu.verify_link(link))[0]["seconds"])
    medians = {
        name: {key: median(own[key] for own in each) for key in ("seconds", "processor_seconds")}
        for name, each in found.items()
    }
    return {**medians, "link_bytes": sizes, "verify_seconds": median(verified)}


def main() -> None:
    """All shapes."""
    warm_up()
    print(json.dumps({f"{rows:,} x {features}": measured(rows, features) for rows, features in SHAPES}))


if __name__ == "__main__":
    main()
