"""A noisy model beside the certified optimum of the same rows, in seconds of processors: `python benchmarks/noisy.py`.

Both moves, one after the other, and verification; the optimum in between, so that what else the machine does weighs on
all.
"""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from statistics import median
from typing import Any

import zkunlearn as zu
from workloads import workload

RUNS = 3
NAME = "16,384 x 64"
L2 = 0.001
FORGET = ["1", "2", "3"]


def processor_seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Of this process, and what it made."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    made = work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, made


def main() -> None:
    """Print medians, and what noise adds to each proof."""
    dataset = zu.commit(*workload(NAME).data(), openings=16)
    noisy, exact = (zu.TrainingSpec(model="logistic", method=kind, l2=L2) for kind in ("noisy", "optimum"))
    found: dict[str, list[float]] = {"optimum": [], "commit": [], "prove": [], "verify": [], "verify optimum": []}
    for run in range(RUNS + 1):
        seconds = {}
        seconds["optimum"], plain = processor_seconds(lambda: zu.prove(dataset, exact, forget=FORGET))
        seconds["commit"], noise = processor_seconds(lambda: zu.commit_noise(dataset, noisy, "a benchmark", FORGET))
        nonce = bytes([run]) * 32
        seconds["prove"], made = processor_seconds(
            lambda noise=noise, nonce=nonce: zu.prove(dataset, noisy, FORGET, noise=noise, nonce=nonce)
        )
        seconds["verify"], report = processor_seconds(lambda made=made: zu.verify(made.proof, dataset.commitment))
        seconds["verify optimum"], _ = processor_seconds(lambda plain=plain: zu.verify(plain.proof, dataset.commitment))
        if run:  # after the first kernels and tables are there
            for name, value in seconds.items():
                found[name].append(value)
    pairs = zip(found["commit"], found["prove"], found["optimum"], strict=True)
    more = sorted(round(first + second - optimum, 2) for first, second, optimum in pairs)
    hidden = report.indistinguishability
    print(
        json.dumps(
            {
                **{name: round(median(times), 2) for name, times in found.items()},
                "both moves more than the optimum": more,
                "bytes": [len(made.proof.to_bytes()), len(plain.proof.to_bytes())],
                "hidden": f"{hidden}, mu {hidden.mu}, distance {made.statement.schedule.distance}",
            }
        )
    )


if __name__ == "__main__":
    main()
