"""A certified optimum beside the retraining that it spares, in seconds of processors: `python benchmarks/optimum.py`.

Both answer the same request on the same rows of the same commitment, one after the other, so that what else the machine
does weighs on both.
"""

from __future__ import annotations

import json
import resource
from statistics import median

import zkunlearn as zu
from workloads import workload

RUNS = 3
NAME = "16,384 x 64"
OPTIMUM = zu.TrainingSpec(model="logistic", method="optimum", l2=0.001)
FORGET = ["1", "2", "3"]


def processor_seconds() -> float:
    """Of this process, so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def proving(dataset: zu.Dataset, spec: zu.TrainingSpec) -> float:
    """Processor seconds of a proof, of what it proves included."""
    before = processor_seconds()
    zu.prove(dataset, spec, forget=FORGET)
    return processor_seconds() - before


def main() -> None:
    """Print medians, and the ratio of each pair."""
    item = workload(NAME)
    dataset = zu.commit(*item.data())
    for spec in (item.spec, OPTIMUM):
        proving(dataset, spec)
    pairs = [(proving(dataset, item.spec), proving(dataset, OPTIMUM)) for _ in range(RUNS)]
    retrained, certified = (median(times) for times in zip(*pairs, strict=True))
    ratios = sorted(round(second / first, 2) for first, second in pairs)
    print(json.dumps({"retrained": round(retrained, 2), "certified": round(certified, 2), "ratios": ratios}))


if __name__ == "__main__":
    main()
