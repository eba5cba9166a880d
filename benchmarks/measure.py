"""One measurement in a process of its own: `python benchmarks/measure.py STEP WORKLOAD DIRECTORY` prints JSON.

kernels   compile every kernel into an empty cache
commit    commit to the workload's data set, and save it
prove     load it, prove, save the proof; prove a few times more; then the same schedule in float64 numpy
bounds    what the phases of proving do, and how fast the machine does that
table     write the data as a table
limited   commit to that table and prove under the workload's memory limit
verify    what an auditor does: read the files, verify data set and proof
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from threading import Event, Thread
from time import perf_counter
from typing import Any

START = perf_counter()

import numpy as np  # noqa: E402  (the clock starts before imports)
import zkunlearn as zu  # noqa: E402
from workloads import Workload, workload  # noqa: E402

PROOF = "model.proof"
FLOAT_RUNS = 5
AGAIN = 3
TABLE = "table.npz"
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
    started = perf_counter() - START
    seconds, trained = timed(lambda: zu.prove(dataset, item.spec, forget=item.forget))
    peak = peak_bytes()
    trained.proof.save(directory / PROOF)
    again = [timed(lambda: zu.prove(dataset, item.spec, forget=item.forget)) for _ in range(AGAIN)]
    phases = [dict(later.timings) for _, later in again]
    return {
        "seconds": seconds,
        "again_seconds": median(duration for duration, _ in again),
        "load_seconds": load,
        "start_seconds": started,
        "phases": {name: median(found[name] for found in phases) for name in phases[0]},
        "peak_bytes": peak,
        "proof_bytes": (directory / PROOF).stat().st_size,
        "float_seconds": float_seconds(item),
    }


def float_seconds(item: Workload) -> float:
    """The same training in float64 numpy, unproved; nothing is forgotten, so that positions do not matter."""
    from zkunlearn.models.encoding.dataset import DatasetEncoding
    from zkunlearn.models.float_reference import train_float
    from zkunlearn.models.live import Live

    X, y = item.data()
    names = tuple(f"x{i + 1}" for i in range(X.shape[1]))
    encoding = DatasetEncoding.from_data(X, y, names, label_kind=item.label_kind)
    schedule = item.spec.compile(encoding.shape(len(X)), Live(len(X)))
    features = np.asarray(X, dtype=np.float64)
    features = features / np.abs(features).max(axis=0)
    return median(timed(lambda: train_float(features, y, item.spec, schedule))[0] for _ in range(FLOAT_RUNS))


def verify(item: Workload, directory: Path) -> dict[str, Any]:
    zu.verify_dataset  # noqa: B018  # names load what they need when they are first used; that is importing
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


def bounds(item: Workload, directory: Path) -> dict[str, Any]:
    import bounds as measured

    dataset = zu.load_dataset(str(directory))
    zu.prove(dataset, item.spec, forget=item.forget)
    return {"work": measured.counted(item, dataset), "rates": measured.rates()}


def table(item: Workload, directory: Path) -> dict[str, Any]:
    X, y = item.data()
    np.savez(directory / TABLE, X=X, y=y)
    return {"bytes": (directory / TABLE).stat().st_size}


def limited(item: Workload, directory: Path) -> dict[str, Any]:
    from zkunlearn.prover.kernels import warm_up
    from zkunlearn.prover.tables.read import read_table

    warm_up()
    held: list[int] = []
    done = Event()

    def watch() -> None:
        while not done.wait(0.005):
            held.append(own_bytes())

    watcher = Thread(target=watch)
    watcher.start()
    try:
        with zu.memory_limit(item.memory, directory):
            found = read_table(directory / TABLE, "y")
            seconds, dataset = timed(lambda: zu.commit(found.X, found.y, found.ids, label_kind=item.label_kind))
            prove_seconds, _ = timed(lambda: zu.prove(dataset, item.spec, forget=item.forget))
    finally:
        done.set()
        watcher.join()
    return {"commit_seconds": seconds, "prove_seconds": prove_seconds, "held_bytes": max(held)}


def own_bytes() -> int:
    """What this process holds, pages of files aside; Linux only."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


STEPS = {step.__name__: step for step in (kernels, commit, prove, verify, bounds, table, limited)}

if __name__ == "__main__":
    name, chosen, folder = sys.argv[1:]
    json.dump(STEPS[name](workload(chosen), Path(folder)), sys.stdout)
