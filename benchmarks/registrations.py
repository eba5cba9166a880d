"""What registrations and receipts cost: `python benchmarks/registrations.py [rows ..]` prints JSON.

Each command in a process of its own, start and reading included: seconds that passed, those of the processors, and the
most memory that was resident. Receipts of everybody are as many files as there are rows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import zkunlearn as zu

SEED, FEATURES = 7, 64
ROWS = (65_536, 100_000, 1_000_000)
RUNS = 3
COMMIT = "commit"  # a call of this script by itself


def commit(rows: int, folder: Path) -> None:
    """A data set of so many rows."""
    rng = np.random.default_rng(SEED)
    X = rng.uniform(-1, 1, (rows, FEATURES))
    y = (X @ rng.normal(size=FEATURES) > 0).astype(np.int64)
    zu.commit(X, y, bounds={f"x{k + 1}": (-1.0, 1.0) for k in range(FEATURES)}).save(folder)


def ran(*arguments: object) -> dict[str, float]:
    """One command."""
    command = [sys.executable, "-m", "zkunlearn", *map(str, arguments), "--quiet"]
    start = perf_counter()
    pid = os.posix_spawn(sys.executable, command, os.environ, file_actions=[(os.POSIX_SPAWN_CLOSE, 1)])
    _, status, used = os.wait4(pid, 0)
    if status:
        raise subprocess.CalledProcessError(status, command)
    seconds, scale = perf_counter() - start, 1 if sys.platform == "darwin" else 1024
    return {"seconds": seconds, "processor_seconds": used.ru_utime + used.ru_stime, "bytes": used.ru_maxrss * scale}


def best(*arguments: object) -> dict[str, float]:
    """Of some runs, the one that took least of the processors: others may use the machine at the same time."""
    return min((ran(*arguments) for _ in range(RUNS)), key=lambda run: run["processor_seconds"])


def measured(rows: int, folder: Path) -> dict[str, Any]:
    """All commands on one data set."""
    data, one, everybody = folder / "data", folder / "one.receipt", folder / "receipts"
    # Not here: a process is taken to hold at least what the one held that started it.
    subprocess.run([sys.executable, __file__, COMMIT, str(rows), str(data)], check=True)
    dataset, registration = data / "dataset.commitment", data / "dataset.registration"
    found = {
        "register": ran("register", data),
        "verify registration": best("verify", registration, dataset),
        "receipt": ran("receipt", data, "--id", rows // 3, "--out", one),
    }
    digest = zu.RegistrationProof.load(registration).digest.hex()
    known = zu.DatasetCommitment.load(dataset).digest.hex()
    receipt = ("verify", one, "--dataset", dataset, "--registration")
    found |= {
        "verify receipt, file": best(*receipt, registration),
        "verify receipt, digest": best(*receipt, digest),
        "verify receipt, both known": best(*receipt, digest, "--known-dataset", known),
    }
    found["receipts of everybody"] = ran("receipt", data, "--all", "--out", everybody)
    return {**found, "file bytes": registration.stat().st_size, "receipt bytes": one.stat().st_size}


def main() -> None:
    """All sizes."""
    if sys.argv[1:2] == [COMMIT]:
        commit(int(sys.argv[2]), Path(sys.argv[3]))
        return
    results = {}
    for rows in [int(text) for text in sys.argv[1:]] or ROWS:
        with tempfile.TemporaryDirectory() as folder:
            results[f"{rows:,} x {FEATURES}"] = measured(rows, Path(folder))
    print(json.dumps(results))


if __name__ == "__main__":
    main()
