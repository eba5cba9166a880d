"""The benchmark suite: `python benchmarks/run.py` (or `make bench`) measures, prints, and writes JSON and the page.

Every measurement is a fresh process with kernels compiled beforehand; figures are medians. Proving time is the call
of `zkunlearn.prove` on a data set just read from disk; verifying time is reading both files and `zkunlearn.verify`,
the data set's own proof included. Memory is the peak resident size of the whole process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import report
from rich.console import Console
from rich.table import Table
from workloads import WORKLOADS, workload

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
PAGE = HERE.parent / "docs" / "benchmarks.md"
RUNS, MOST_RUNS = 5, 6  # each proves four times, and a commitment serves 32 proofs
OPENING_BITS = (17, 20, 23)
TABLE_WIDTH = 140  # the narrowest that the tables fit in


def measure(step: str, name: str, directory: str, **environment: str) -> dict[str, Any]:
    """One measurement in a fresh process."""
    command = [sys.executable, str(HERE / "measure.py"), step, name, directory]
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, env=kept | environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{step} of {name} failed:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def medians(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """Entry by entry; nested mappings too."""
    return {
        key: medians([sample[key] for sample in samples])
        if isinstance(samples[0][key], dict)
        else median(sample[key] for sample in samples)
        for key in samples[0]
    }


def run_workload(name: str, runs: int) -> dict[str, Any]:
    """All steps of one workload."""
    with tempfile.TemporaryDirectory() as directory:
        committed = measure("commit", name, directory)
        measure("prove", name, directory)  # not counted: fills the file cache
        proved = [measure("prove", name, directory) for _ in range(runs)]
        verified = [measure("verify", name, directory) for _ in range(runs)]
        more = {"bounds": measure("bounds", name, directory)} if workload(name).bounded else {}
        if workload(name).memory is not None:
            more["limited"] = measure("table", name, directory) | measure("limited", name, directory)
    spread = [min(sample["seconds"] for sample in proved), max(sample["seconds"] for sample in proved)]
    ratios = [sample["again_seconds"] / sample["float_seconds"] for sample in proved]
    figures = {"prove": medians(proved), "prove_range": spread, "ratio": median(ratios), "verify": medians(verified)}
    return {"commit": committed, **figures, **more}


def openings() -> dict[str, Any]:
    """Openings alone, each size in a process of its own."""
    found: dict[str, Any] = {}
    for bits in OPENING_BITS:
        command = [sys.executable, str(HERE / "openings.py"), str(bits)]
        found[str(bits)] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def requests() -> dict[str, Any]:
    """What a forget request costs by each method, in a process of its own."""
    done = subprocess.run([sys.executable, str(HERE / "forgetting.py")], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def compile_seconds() -> float:
    """Compiling all kernels into an empty cache, which a machine does once."""
    with tempfile.TemporaryDirectory() as cache:
        seconds: float = measure("kernels", WORKLOADS[0].name, cache, NUMBA_CACHE_DIR=cache)["seconds"]
    return seconds


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    packages = {name: version(name) for name in ("numpy", "numba", "zkunlearn")}
    return {"cpu": cpu_model(), "cores": cores, "python": platform.python_version(), **packages}


def cpu_model() -> str:
    """As the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def show(rows: list[list[str]], title: str) -> None:
    """A table on the terminal; the first row is the head."""
    table = Table(title=title)
    for i, name in enumerate(rows[0]):
        table.add_column(name, justify="left" if i == 0 else "right")
    for row in rows[1:]:
        table.add_row(*row)
    Console(width=max(Console().width, TABLE_WIDTH)).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--runs", type=int, choices=range(1, MOST_RUNS + 1), default=RUNS, help=f"processes a figure (default {RUNS})"
    )
    parser.add_argument("--only", action="append", metavar="NAME", help="this workload only; may be repeated")
    parser.add_argument("--dry", action="store_true", help="print, but write no files")
    arguments = parser.parse_args()
    chosen = [item.name for item in WORKLOADS if not arguments.only or item.name in arguments.only]
    results: dict[str, Any] = {"machine": machine(), "runs": arguments.runs, "compile_seconds": compile_seconds()}
    results["workloads"] = {}
    for name in chosen:
        print(f"{name} ..", file=sys.stderr)
        results["workloads"][name] = run_workload(name, arguments.runs)
    if not arguments.only:
        results["openings"] = openings()
        results["requests"] = requests()
    show(report.summary(results), f"zkunlearn on {results['machine']['cpu']}, {results['machine']['cores']} cores")
    show(report.phases(results), "seconds by phase of proving")
    if not arguments.dry and not arguments.only:
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        PAGE.write_text(report.page(results))


if __name__ == "__main__":
    main()
