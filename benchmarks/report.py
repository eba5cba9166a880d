"""Tables of the benchmark's results, for the terminal and for docs/benchmarks.md."""

from __future__ import annotations

from typing import Any

from workloads import workload

SUMMARY = (
    "workload",
    "prove s",
    "from - to",
    "again s",
    "verify s",
    "proof KB",
    "bits",
    "prover MB",
    "verifier MB",
    "numpy ms",
    "factor",
)
PHASES = ("train", "commit", "lookups", "identities", "batching", "opening", "settlement", "total")
INTRODUCTION = """# Benchmarks

Measured by `make bench`, which rewrites this page and `benchmarks/results.json`. Every figure is the median of {runs}
fresh processes with kernels compiled beforehand. *Prove* is `zkunlearn.prove` on a data set just read from disk.
*Verify* is reading proof and commitment and checking both, the data set's own proof included, in numpy. Memory is the
peak resident size of the proving process. *Again* is a second proof in the same process: memory has been
touched by then. On a virtual machine whose host hands out memory on demand, that is most of the
difference where much memory is used. *numpy* is the same gradient descent in float64, unproved, and *factor* what
proving costs beside it.

{cpu}, {cores} cores; Python {python}, numpy {numpy}, numba {numba}. Kernels are compiled once a machine, which took
{compile:.0f} s.

| workload | what |
|---|---|
"""
COMMIT = """
## Committing

Once a data set: encoding, records, code words, and the proof that every integer is in range. One run each.

"""
GOALS = """
## Goals

Prove and verify in seconds, proof in MB, peak memory in GB, measured / goal.

"""
PEERS = """
## Other systems

Proving only. Those marked *published* quote their authors; the others were measured on two cores of an EPYC processor,
another machine than the one above. Most workloads differ from ours: read these as orders of magnitude.

| system | workload | prove | notes |
|---|---|---|---|
| ezkl 23.0.5 (halo2, KZG) | logistic GD, 1,000 x 10, 5 steps | 66 s (118 CPU-s) | plus setup 57 s; 3 GB; \
proving key 1.3 GB; proof 3.6 KB; verify 0.5 s; weights off by 0.9 % |
| ezkl | logistic GD, 1,000 x 10, 28 steps: the largest that fits 24 GB | 462 CPU-s | 11.6 GB; proving key 5.2 GB |
| ezkl | logistic GD, 100 x 10, 5 steps, data hashed in circuit | 36 s | without binding the data: 8 s |
| ezkl | linear SGD, 100 x 10, batch 1, 300 steps | 113 s | plus setup 104 s, proving key 1.1 GB |
| noir-mpc-ml (published) | 3-class logistic, Iris, 20 epochs x 50 | 156 s | 2.2 M gates |
| Garg et al., CCS 2023 (published) | logistic, 262,144 x 1,024, one pass | 4,200 s | 350 MB proof; 512 GB machine |

A proof by ezkl is over a hundred times shorter than ours and rests on a trusted setup and pairings; ours is transparent
and hash-based, with 100 bits of proven soundness.

## Reproducing

    make bench                                             # all, some minutes
    .venv/bin/python benchmarks/run.py --only "4,096 x 64" --runs 5 --dry

Workloads are in `benchmarks/workloads.py`, with seeded synthetic data; what is timed is in `benchmarks/measure.py`.
"""


def summary(results: dict[str, Any]) -> list[list[str]]:
    """The main table, head first."""
    rows = [list(SUMMARY)]
    for name, result in results["workloads"].items():
        proved, verified, (low, high) = result["prove"], result["verify"], result["prove_range"]
        rows.append(
            [
                name,
                f"{proved['seconds']:.2f}",
                f"{low:.2f} - {high:.2f}",
                f"{proved['again_seconds']:.2f}",
                f"{verified['seconds']:.2f}",
                f"{proved['proof_bytes'] / 1e3:.0f}",
                f"{verified['security_bits']:.1f}",
                f"{proved['peak_bytes'] / 1e6:.0f}",
                f"{verified['peak_bytes'] / 1e6:.0f}",
                f"{proved['float_seconds'] * 1e3:.1f}",
                f"{proved['seconds'] / proved['float_seconds']:.0f}",
            ]
        )
    return rows


def phases(results: dict[str, Any]) -> list[list[str]]:
    """Seconds by phase, head first."""
    rows = [["workload", *PHASES]]
    for name, result in results["workloads"].items():
        rows.append([name, *(f"{result['prove']['phases'][phase]:.3f}" for phase in PHASES)])
    return rows


def commits(results: dict[str, Any]) -> list[list[str]]:
    """What committing costs, head first."""
    rows = [["workload", "seconds", "peak MB", "commitment KB"]]
    for name, result in results["workloads"].items():
        done = result["commit"]
        sizes = f"{done['peak_bytes'] / 1e6:.0f}", f"{done['commitment_bytes'] / 1e3:.0f}"
        rows.append([name, f"{done['seconds']:.1f}", *sizes])
    return rows


def goals(results: dict[str, Any]) -> list[list[str]]:
    """Measured against the goals, head first."""
    rows = [["workload", "prove", "verify", "proof", "memory"]]
    for name, result in results["workloads"].items():
        proved, verified = result["prove"], result["verify"]
        figures = (
            proved["seconds"],
            verified["seconds"],
            proved["proof_bytes"] / 1e6,
            proved["peak_bytes"] / 1e9,
        )
        cells = [
            f"{figure:.2f}" + ("" if goal is None else f" / {goal:g}")
            for figure, goal in zip(figures, workload(name).goals, strict=True)
        ]
        rows.append([name, *cells])
    return rows


def markdown(rows: list[list[str]]) -> str:
    """A table whose first row is the head."""
    lines = [rows[0], ["---"] + ["---:"] * (len(rows[0]) - 1), *rows[1:]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def description(name: str) -> str:
    """A workload in words."""
    item = workload(name)
    source = "scikit-learn's breast_cancer" if item.real else "synthetic"
    batch = "full batch" if item.spec.batch_size is None else f"batches of {item.spec.batch_size}"
    forgotten = f", {item.forgotten} rows forgotten" if item.forgotten else ""
    shape = f"{item.rows:,} x {item.features}"
    return f"{source}, {shape}, {item.spec.model} regression, {item.spec.epochs} epochs, {batch}{forgotten}"


CURVES = """
## How costs grow

One of rows, columns and epochs varies (`benchmarks/curves.py`, figures in `benchmarks/curves.json`; one run a point).

![Proving time, verifying time, proof size and memory against rows, columns and epochs](cost-curves.svg)
"""


def page(results: dict[str, Any]) -> str:
    """docs/benchmarks.md."""
    values = results["machine"] | {"runs": results["runs"], "compile": results["compile_seconds"]}
    what = "".join(f"| {name} | {description(name)} |\n" for name in results["workloads"])
    return (
        INTRODUCTION.format(**values)
        + what
        + "\n"
        + markdown(summary(results))
        + "\n## Seconds by phase\n\n"
        + markdown(phases(results))
        + GOALS
        + markdown(goals(results))
        + COMMIT
        + markdown(commits(results))
        + CURVES
        + PEERS
    )
