"""What unique keys cost: `python benchmarks/keys.py` prints JSON; in turns, medians of a few.

plain     committing to rows
unique    the same with a column of texts in which no two rows are equal: hashing, six limbs more, and their order
"""

from __future__ import annotations

import json
from statistics import median
from time import process_time
from typing import Any

import numpy as np
import zkunlearn as zu
from zkunlearn.prover.kernels import warm_up

SEED = 7
SHAPES = ((65536, 64), (262144, 64), (262144, 8))
RUNS = 5


def measured(rows: int, features: int) -> dict[str, Any]:
    """One shape: processor seconds, bytes of the commitment, and processor seconds of verifying it."""
    rng = np.random.default_rng(SEED)
    X, y = rng.uniform(-1, 1, (rows, features)), np.arange(rows) % 2
    names = [f"{number:012d}" for number in rng.permutation(rows)]
    bounds = {f"x{k + 1}": (-1.0, 1.0) for k in range(features)}
    found: dict[str, list[float]] = {"plain": [], "unique": []}
    sizes, verified = {}, {}
    for run in range(RUNS + 1):
        for name, unique in (("plain", None), ("unique", {"no": names})):
            start = process_time()
            dataset = zu.commit(X, y, names, bounds=bounds, unique=unique)
            if run:  # the first ones touch memory
                found[name].append(process_time() - start)
            start = process_time()
            zu.verify_dataset(dataset.commitment)
            sizes[name], verified[name] = len(dataset.commitment.to_bytes()), process_time() - start
    beside = [unique - plain for plain, unique in zip(found["plain"], found["unique"], strict=True)]
    medians = {name: median(each) for name, each in found.items()}
    return {**medians, "beside": median(beside), "bytes": sizes, "verify": verified}


def main() -> None:
    """All shapes."""
    warm_up()
    print(json.dumps({f"{rows:,} x {features}": measured(rows, features) for rows, features in SHAPES}))


if __name__ == "__main__":
    main()
