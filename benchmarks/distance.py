"""A proved distance beside the training of the model, in seconds of processors: `python benchmarks/distance.py`.

Both are on the same rows of the same commitment, one after the other, so that other work weighs on both alike.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from statistics import median

import zkunlearn as zu
from evaluation import timed
from workloads import workload

RUNS = 5
NAME = "16,384 x 64"
STEADY = {"l2": 0.01, "learning_rate": 2.0, "momentum": 0.9}


def main() -> None:
    """Print medians, the ratio of each pair, the size, and what was shown."""
    item = workload(NAME)
    X, y = item.data()
    dataset = zu.commit(X, y)
    method = replace(item.spec.method, **STEADY)
    spec = zu.TrainingSpec(model="logistic", method=method, fixed_point=item.spec.fixed_point)
    pairs, verified, proof = [], [], None
    for run in range(RUNS + 1):
        trained_in, trained = timed(partial(zu.prove, dataset, spec, forget=["1"]))
        proved_in, proof = timed(partial(zu.prove_distance, dataset, trained.secret))
        if run:  # kernels are compiled in the first
            pairs.append((trained_in, proved_in))
            verified.append(timed(partial(zu.verify_distance, proof, dataset.commitment, trained.proof))[0])
    training, distance = (round(median(times), 2) for times in zip(*pairs, strict=True))
    ratios = sorted(round(second / first, 2) for first, second in pairs)
    own = proof.statement
    shown = {name: float(value or 0) for name, value in (("loss", own.excess), ("weights", own.real_distance))}
    size = round(len(proof.to_bytes()) / 1024)
    costs = {
        "training": training,
        "distance": distance,
        "ratios": ratios,
        "verify": round(median(verified), 2),
        "KB": size,
    }
    print(json.dumps({**costs, **shown}))


if __name__ == "__main__":
    main()
