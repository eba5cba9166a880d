"""Data beyond memory: what a process holds while it commits and proves stays below the limit it was given."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zkunlearn as zu

LIMIT = 400_000_000
COLUMNS = 1000
BYTES = 8  # of a number in a table
SPEC = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=1.0, batch_size=2048)

RUN = """
import json, sys, threading, time
import zkunlearn as zu
from zkunlearn import cli

peak, done = 0, threading.Event()

def own_memory():
    lines = open("/proc/self/status").read().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

def watch():
    global peak
    while not done.wait(0.002):
        peak = max(peak, own_memory())

watcher = threading.Thread(target=watch)
watcher.start()
try:
    cli.main(sys.argv[1:])
finally:
    done.set()
    watcher.join()
    print(json.dumps(peak))
"""


def write_table(path: Path, rows: int) -> None:
    rng = np.random.default_rng(5)
    X = rng.uniform(-1, 1, (rows, COLUMNS))
    np.savez(path, X=X, y=(X @ rng.normal(size=COLUMNS) > 0).astype(np.int64))


def peak_of(*arguments: str | Path) -> int:
    """The most memory that a command held, in bytes, pages of files aside."""
    command = [sys.executable, "-c", RUN, *map(str, arguments), "--memory", f"{LIMIT}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    peak: int = json.loads(done.stdout.splitlines()[-1])
    return peak


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells what a process holds")
@pytest.mark.slow
@pytest.mark.parametrize("times", [2, 4])
def test_a_data_set_of_several_times_the_memory_limit_commits_and_proves(tmp_path: Path, times: int) -> None:
    """Even of twice the limit, a copy that is held in memory is noticed, were it of two bytes a cell: half the limit
    is more than what a process needs for itself leaves of it.
    """
    table, data, proof = tmp_path / "t.npz", tmp_path / "data", tmp_path / "m.proof"
    write_table(table, times * LIMIT // (BYTES * COLUMNS))
    assert table.stat().st_size >= times * LIMIT
    (tmp_path / "spec.toml").write_text(SPEC.to_toml())
    small = tmp_path / "small.npz"  # compiling kernels, once per machine, takes memory of its own
    write_table(small, 100)
    peak_of("commit", small, "--target", "y", "--out", tmp_path / "small", "--quiet")
    peak_of("prove", tmp_path / "small", "--spec", tmp_path / "spec.toml", "--out", tmp_path / "s.proof", "--quiet")
    peaks = {
        "commit": peak_of("commit", table, "--target", "y", "--out", data, "--quiet"),
        "prove": peak_of("prove", data, "--spec", tmp_path / "spec.toml", "--out", proof, "--quiet"),
    }
    assert max(peaks.values()) <= LIMIT, peaks
    found = zu.verify(zu.TrainingProof.load(proof), zu.DatasetCommitment.load(data / "dataset.commitment"), spec=SPEC)
    assert found.security_bits >= 100
