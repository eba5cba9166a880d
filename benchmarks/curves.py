"""How costs grow with rows, columns and epochs: measures, and plots docs/cost-curves.svg (part of `make bench`)."""

from __future__ import annotations

import json
import sys
import tempfile
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from run import HERE, measure
from workloads import CURVE_BASE, CURVE_STEPS, curve

PICTURE = HERE.parent / "docs" / "cost-curves.svg"
POINTS = HERE / "curves.json"
MEGABYTE = 1e6
QUANTITIES = ("prove, s", "verify, s", "proof, MB", "prover's memory, MB")


def point(name: str) -> dict[str, float]:
    """One workload: committed, proved twice (the second counts), verified."""
    with tempfile.TemporaryDirectory() as directory:
        measure("commit", name, directory)
        proved: dict[str, Any] = measure("prove", name, directory)
        verified: dict[str, Any] = measure("verify", name, directory)
    return {
        "prove, s": proved["again_seconds"],
        "verify, s": verified["seconds"],
        "proof, MB": proved["proof_bytes"] / MEGABYTE,
        "prover's memory, MB": proved["peak_bytes"] / MEGABYTE,
    }


def plot(curves: dict[str, dict[str, dict[str, float]]]) -> None:
    """A row of small plots for each quantity, a column for each axis; both scales logarithmic."""
    figure, places = plt.subplots(len(QUANTITIES), len(curves), figsize=(10, 11), sharey="row", squeeze=False)
    for column, (axis, points) in enumerate(curves.items()):
        fixed = ", ".join(f"{value:,} {name}" for name, value in CURVE_BASE.items() if name != axis)
        for row, quantity in enumerate(QUANTITIES):
            place = places[row][column]
            place.loglog([int(x) for x in points], [p[quantity] for p in points.values()], "o-", color="#1f5f8b")
            place.grid(True, which="both", alpha=0.25)
            if column == 0:
                place.set_ylabel(quantity)
            if row == 0:
                place.set_title(f"{axis}\n({fixed})", fontsize=9)
            if row == len(QUANTITIES) - 1:
                place.set_xlabel(axis)
    figure.tight_layout()
    figure.savefig(PICTURE, metadata={"Date": None})


def main() -> None:
    curves: dict[str, dict[str, dict[str, float]]] = {}
    for axis in CURVE_STEPS:
        curves[axis] = {}
        for value, item in curve(axis):
            print(f"{item.name} ..", file=sys.stderr)
            curves[axis][str(value)] = point(item.name)
    POINTS.write_text(json.dumps(curves, indent=1) + "\n", encoding="utf-8")
    plot(curves)


if __name__ == "__main__":
    main()
