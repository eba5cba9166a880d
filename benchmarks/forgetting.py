"""What a forget request costs, by method: `python benchmarks/forgetting.py` prints JSON; all on the same rows.

retrain   gradient descent, all of it again, with as many passes over rows as the shards make
one pass  linear regression, all of it again
sisa      of the shard that the row is in, from the stage of its slice on
optimum   the optimum of the rows that are left, found in floats and certified
noisy     the same with noise, in two moves, both of them counted

Beside the first proof: a request for a row of the last slice, and one of the first, each with what verifying it takes
(of shards only what changed). Labels are classes but for one pass, which has scores of the same rows.
"""

from __future__ import annotations

import json
import os
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import zkunlearn as zu
from zkunlearn.prover.kernels import warm_up

SEED = 7
ROWS, FEATURES = 65536, 64
SHARD_ROWS, SLICES, EPOCHS = 4096, 4, 32
PASSES = EPOCHS * (SLICES + 1) // 2  # over all rows, that the stages of SLICES slices make together
REQUESTS = 3  # of each kind; medians
SPECS = {
    "retrain": zu.TrainingSpec(model="logistic", epochs=PASSES, learning_rate=1.0),
    "one pass": zu.TrainingSpec(model="linear", epochs=PASSES, learning_rate=1.0),
    "sisa": zu.TrainingSpec(
        model="logistic", method="sisa", shard_rows=SHARD_ROWS, slices=SLICES, epochs=EPOCHS, learning_rate=1.0
    ),
    "optimum": zu.TrainingSpec(model="logistic", method="optimum", l2=0.001),
    "noisy": zu.TrainingSpec(model="logistic", method="noisy", l2=0.001),
}


def timed(step: Any) -> tuple[float, Any]:
    """Seconds, and the result."""
    start = perf_counter()
    result = step()
    return perf_counter() - start, result


def proved(dataset: zu.Dataset, spec: zu.TrainingSpec, **request: Any) -> Any:
    """What `prove` returns; with noise, after its commitment."""
    if not spec.method.noised:
        return zu.prove(dataset, spec, **request)
    noise = zu.commit_noise(dataset, spec, "a benchmark", **request)
    return zu.prove(dataset, spec, **request, noise=noise, nonce=os.urandom(32))


def measured(name: str, X: Any, y: Any) -> dict[str, float]:
    """One method: its first proof, and requests one after another."""
    spec, dataset = SPECS[name], zu.commit(X, y)
    proved(dataset, spec)  # not counted: memory is touched
    first_seconds, last = timed(lambda: proved(dataset, spec))
    found: dict[str, list[float]] = {"late": [], "early": [], "verify": []}
    for number in range(REQUESTS):
        for kind, slice_ in (("late", SLICES), ("early", 1)):
            shard = 2 * number + (kind == "early")  # each request in a shard that none was in
            row = dataset.rows.ids[shard * SHARD_ROWS + (slice_ - 1) * SHARD_ROWS // SLICES]
            before = last
            seconds, last = timed(lambda row=row, before=before: proved(dataset, spec, forget=[row], previous=before))
            found[kind].append(seconds)
            found["verify"].append(timed(lambda before=before, last=last: verified(last, before, dataset))[0])
    size = len(last.proof.to_bytes())
    return {"first": first_seconds, "proof_bytes": size, **{key: median(values) for key, values in found.items()}}


def verified(trained: Any, before: Any, dataset: Any) -> None:
    """What an auditor checks of a request, the data set's own proof apart."""
    known = dataset.commitment.digest
    if trained.bundle is not None:
        zu.verify_bundle(trained.bundle, dataset.commitment, previous=before.bundle, known_dataset=known)
    else:
        zu.verify(trained.proof, dataset.commitment, previous=before.proof, known_dataset=known)


def main() -> None:
    """All methods."""
    warm_up()
    rng = np.random.default_rng(SEED)
    X, direction = rng.uniform(-1, 1, (ROWS, FEATURES)), rng.normal(size=FEATURES)
    scores = X @ direction
    labels = (scores + rng.normal(scale=0.3, size=ROWS) > 0).astype(np.int64)
    real = scores / np.abs(scores).max()
    print(json.dumps({name: measured(name, X, real if name == "one pass" else labels) for name in SPECS}))


if __name__ == "__main__":
    main()
