"""One measurement in a process of its own: `python benchmarks/measure.py STEP WORKLOAD DIRECTORY` prints JSON.

    kernels   compile every kernel into an empty cache
    commit    commit to the workload's data set, and save it
    prove     load it, prove, save the proof; prove once more; then the same schedule in float64 numpy
    verify    what an auditor does: read the files, verify data set and proof
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

START = perf_counter()

import numpy as np  # noqa: E402  (the clock starts before imports)
import zkunlearn as zu  # noqa: E402
from workloads import Workload, workload  # noqa: E402

PROOF = "model.proof"
FLOAT_RUNS = 5
KILOBYTE = 1024 if sys.platform != "darwin" else 1  # ru_maxrss is in KB, on macOS in bytes


def timed(step: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and the result."""
    start = perf_counter()
    result = step()
    return perf_counter() - start, result


def peak_bytes() -> int:
    """Largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KILOBYTE


def kernels(_item: Workload, _directory: Path) -> dict[str, Any]:
    from zkunlearn.prover.kernels import warm_up

    return {"seconds": timed(warm_up)[0]}


def commit(item: Workload, directory: Path) -> dict[str, Any]:
    from zkunlearn.prover.kernels import warm_up

    warm_up()
    X, y = item.data()
    seconds, dataset = timed(lambda: zu.commit(X, y, label_kind=item.label_kind))
    dataset.save(directory)
    size = len(dataset.commitment.to_bytes())
    return {"seconds": seconds, "peak_bytes": peak_bytes(), "commitment_bytes": size}


def prove(item: Workload, directory: Path) -> dict[str, Any]:
    from zkunlearn.prover.kernels import warm_up

    warm_up()
    load, dataset = timed(lambda: zu.load_dataset(str(directory)))
    seconds, trained = timed(lambda: zu.prove(dataset, item.spec, forget=item.forget))
    peak = peak_bytes()
    trained.proof.save(directory / PROOF)
    again = timed(lambda: zu.prove(dataset, item.spec, forget=item.forget))[0]
    return {
        "seconds": seconds,
        "again_seconds": again,
        "load_seconds": load,
        "phases": dict(trained.timings),
        "peak_bytes": peak,
        "proof_bytes": (directory / PROOF).stat().st_size,
        "float_seconds": float_seconds(item, trained.statement.schedule),
    }


def float_seconds(item: Workload, schedule: Any) -> float:
    """The same gradient descent in float64 numpy, unproved."""
    from zkunlearn.models.float_reference import train_float

    X, y = item.data()
    live = np.ones(len(X), dtype=np.bool_)
    live[: item.forgotten] = False  # as many rows; which ones costs nothing
    features = np.asarray(X, dtype=np.float64)
    features = features / np.abs(features).max(axis=0)
    if schedule.blocks > 1 or item.forgotten:
        schedule = _without_forgetting(item)
        live[:] = True
    return median(timed(lambda: train_float(features, y, live, item.spec, schedule))[0] for _ in range(FLOAT_RUNS))


def _without_forgetting(item: Workload) -> Any:
    """A schedule in which positions do not matter: nothing is forgotten."""
    from zkunlearn.models.encoding import DatasetEncoding
    from zkunlearn.models.schedule import compile_schedule

    X, y = item.data()
    names = tuple(f"x{i + 1}" for i in range(X.shape[1]))
    encoding = DatasetEncoding.from_data(X, y, names, label_kind=item.label_kind)
    return compile_schedule(item.spec, encoding.shape(len(X)), ())


def verify(item: Workload, directory: Path) -> dict[str, Any]:
    imported = perf_counter() - START

    def check() -> Any:
        proof = zu.TrainingProof.load(directory / PROOF)
        dataset = zu.DatasetCommitment.load(directory / "dataset.commitment")
        return zu.verify(proof, dataset, spec=item.spec)

    seconds, report = timed(check)
    return {
        "seconds": seconds,
        "import_seconds": imported,
        "peak_bytes": peak_bytes(),
        "security_bits": report.security_bits,
    }


STEPS = {"kernels": kernels, "commit": commit, "prove": prove, "verify": verify}

if __name__ == "__main__":
    name, chosen, folder = sys.argv[1:]
    json.dump(STEPS[name](workload(chosen), Path(folder)), sys.stdout)
