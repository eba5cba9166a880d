"""Tables of the benchmark's results, for the terminal and for docs/benchmarks.md."""

from __future__ import annotations

from typing import Any

from workloads import workload

SUMMARY = (
    "workload",
    "prove s",
    "from - to",
    "again s",
    "numpy s",
    "again / numpy",
    "verify s",
    "proof KB",
    "bits",
    "prover MB",
    "verifier MB",
    "start s",
)
PHASES = ("train", "commit", "lookups", "identities", "batching", "opening", "settlement", "folding", "total")
INTRODUCTION = """# Benchmarks

> The tables of `make bench` are of a shell in which Python keeps no bytecode: *start* has 0.2 s, *prove* 0.05 s that
> compiling modules takes at each start. (It no longer takes that from the shell.) The first table before format 3 had
> 0.21 s for proving breast cancer again, 0.62 s for 16,384 x 64, 0.99 s for 16,384 x 784. In pairs of processes,
> taken in turns, the last one is 1.01 s before and 1.16 s after: all of the difference is the curve of loss and
> accuracy that is told since (0.07 to 0.1 s), and the proof of work (0.02 s).

Measured by `make bench`, which rewrites this page and `benchmarks/results.json`. Every figure is the median of {runs}
fresh processes with kernels compiled beforehand.

* *Prove* is the first `zkunlearn.prove` of a process, on a data set just read from disk; *again* is the median of
  three more in the same process. Their difference is memory that is touched for the first time, which costs most on a
  virtual machine whose host hands it out on demand.
* *numpy* is the same gradient descent in float64, unproved, on the same threads, the median of five; *again / numpy*
  compares both when memory has been touched.
* *Verify* is reading proof and commitment and checking both, the data set's own proof included, in numpy.
* *Start* is what passes from the start of the process until proving begins: imports, kernels from numba's cache,
  secrets from disk.
* Memory is the peak resident size of the whole process.

{cpu}, {cores} cores; Python {python}, numpy {numpy}, numba {numba}. Kernels are compiled once a machine, which took
{compile:.0f} s.

| workload | what |
|---|---|
"""
PHASES_TEXT = """
## Seconds by phase

Of proving again.

"""
BOUNDS_TEXT = """
## What bounds the phases

How much of what a phase does that costs most, what this machine can do of that in a second, on all threads with data in
its caches (`benchmarks/bounds.py`), and so the least time it takes, beside the time of the phase.

* *Train*: features, 16 bits each, are read from the last cache once an epoch; the products with them, two passes and
  two limbs each, then cost about as much again.
* *Commit*: *encoding*, products in F of its butterflies, and *hashing*, SHA-256, add up; the rest is memory, salts
  from the operating system, and the tree.
* *Lookups*: about twelve products in K for each leaf of the trees.
* *Settlement*: float64 multiply-adds on limbs, at the positions that are opened.

"""
LIMITED_TEXT = """
## Beyond memory

Committing to a table on disk, and proving, under a memory limit (`--memory`, `zkunlearn.memory_limit`); *held* is the
most that the process held at a time, pages of files aside. One run.

"""
REQUESTS_TEXT = """
## Forget requests

What a request costs to prove, by method, on the same 65,536 x 64 rows (`benchmarks/forgetting.py`): *retrain* is
gradient descent with 80 epochs, *sisa* has 16 shards, 4 slices and 32 epochs a stage, which are as many passes over
rows; *one pass* is linear regression in 80 steps, *optimum* and *noisy* certify what is found, the latter in two moves,
both of them counted. Slices are those of *sisa*, of which only what saw the row is trained
again, and verified. Medians of three.

"""
REQUESTS_BOUND = """
Goals for shards are 1/6 of the first proof for a row of the last slice, 1/4 for one of the first, and for the first
proof 1.3 of a retraining. Six processes on a quiet machine, the last one that of the table above:

| first proof s | row of the last slice s | of it | of the first s | of it | first proof, of a retraining |
| ---: | ---: | ---: | ---: | ---: | ---: |
| 1.95 | 0.31 | 1/6.3 | 0.47 | 1/4.1 | 1.40 |
| 1.60 | 0.29 | 1/5.5 | 0.39 | 1/4.0 | 1.29 |
| 1.77 | 0.29 | 1/6.1 | 0.40 | 1/4.4 | 1.59 |
| 1.64 | 0.29 | 1/5.6 | 0.40 | 1/4.1 | |
| 1.70 | 0.29 | 1/5.9 | 0.39 | 1/4.4 | |
| 1.67 | 0.31 | 1/5.3 | 0.43 | 1/3.9 | 1.45 |

In the same hour, before rows of data sets were shorter, some stacks of vectors were left out, and Python between
kernels was less: 1.73, 0.39 and 0.57 s, 1/4.5 and 1/3.1. So the goal for the first slice is met but for a hair in one
process, **that for the last slice is missed in four, and the last goal is missed**, as retraining has become faster
than shards have.

Of a last slice's 0.42 processor seconds 0.11 are columns at opened places, of the data set mostly: float64 products,
near their bound; 0.12 are trees, whose salts the operating system gives, 0.4 GB/s; 0.03 nonces, on average. Of its
0.29 s that pass 0.04 go before the proof begins: its plan, training, the model's tree. What is left is Python between
kernels, on one thread. (Rows of 2^14 cells instead of 2^15 were tried: requests took as long, as all rows have random
tails, and proofs have 130 KB more. Trees built ahead on another thread gained nothing that was seen.)
"""
REGISTRATIONS = """
## Registrations and receipts

`benchmarks/registrations.py`, once, **on a machine that others used at the same time**: processor seconds, of three
runs the least where an auditor verifies; seconds that pass were two to five times as many. Whole commands, start and
reading included, 64 features. *Receipt* reads the whole data set for one person. A receipt is verified against the
file of the registration, which is verified with it, against the digest of one that was, or with a data set that was,
too (`--known-dataset`).

| rows | register s | verify it s | held MB | receipt s | verify that, file s | digest s | both known s | files MB, KB |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| 65,536 | 1.6 | 0.62 | 56 | 1.1 | 0.64 | 0.38 | 0.31 | 3.4, 1.4 |
| 1,000,000 | 5.8 | 4.1 | 115 | 2.7 | 4.0 | 0.52 | 0.36 | 48.5, 1.6 |

Verifying a registration is five million hashes of single rows and nodes, one after the other, for a million rows: 2.5
of the 4 seconds. Its file is gone over some rows at a time, seven times at this size; read as a whole, as it was
before, a million rows took as long (3.9 to 4.2 s) and 267 MB. Four million took 168 MB, and 16.7 s without the proof
(one million 3.3); what is sorted at a time grows from eight million on. Of verifying a receipt against a digest, 0.26
s are the start of the program (0.10 of them numpy, 0.02 Python itself), 0.03 numpy's linear algebra, 0.15 the proof
of the data set, and 0.01 the receipt.

Receipts of everybody, `receipt --all`, processor seconds of the whole command and the most memory that was resident, on
a machine that others used much:

| rows | user s | system s | each, microseconds | MB |
| ---: | ---: | ---: | ---: | ---: |
| 100,000 | 5.1 | 3.1 | 82 | 290 |
| 1,000,000 | 40.8 | 29.9 | 71 | 784 |

What bounds it is a file for each: the system's half is making, writing and renaming it, and of the other 17
microseconds are CBOR, 20 paths, cells and salts, and 3 the calls. (In turns, 100,000 took 14.5 s with the paths of
each row made by itself, and its file written as a single one is, and 6.8 s so.) The paths of a person with three of a
million rows take 50 microseconds in each tree, not 280 as with arrays over whole levels.
"""
GROWTH = """
## Data that grows

`benchmarks/growth.py`, 65,536 x 64 of which one row in ten is new, **on a machine that others used at the same time**:
processor seconds, medians of three taken in turns. *Fresh* is committing to all rows at once, `append` includes the
link, and `recommit` is the same without a row more.

| fresh s | append s | of fresh | recommit s | link KB | verify link s |
| ---: | ---: | ---: | ---: | ---: | ---: |
| 2.37 | 2.83 | 1.19 | 2.40 | 354 | 0.14 |
"""
KEYS = """
## Unique keys

`benchmarks/keys.py`, **on a machine that others used at the same time**: processor seconds, medians of five taken in
turns. *Plain* is committing to the rows; *unique* is the same with a column of texts in which no two rows are equal,
from hashing them to the proof; *beside* is the difference.

| rows | plain s | unique s | beside s | plain KB | unique KB | verify plain s | verify unique s |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| 65,536 x 64 | 1.26 | 1.66 | 0.43 | 274 | 313 | 0.10 | 0.09 |
| 262,144 x 64 | 4.51 | 5.53 | 1.35 | 359 | 417 | 0.07 | 0.11 |
| 262,144 x 8 | 1.72 | 3.05 | 1.33 | 248 | 334 | 0.07 | 0.10 |
"""
OPTIMUM = """
## Certified optimum

`benchmarks/optimum.py`, which prints seconds of processors; these are seconds that passed, on a quiet machine: of a
request on 16,384 x 64 rows, medians of three pairs taken in turns. Of a logistic model 128 epochs are retrained and
proved, or the optimum is found by Newton's method and certified; of a linear one 1,000 steps of one pass are, or the
optimum. *Of training* is the ratio of each pair.

| model | train s | optimum s | of training |
| --- | ---: | ---: | ---: |
| logistic | 0.57 | 0.23 | 0.38, 0.41, 0.41 |
| linear | 0.33 | 0.18 | 0.52, 0.54, 0.55 |

A linear model on 262,144 x 64 rows is certified in 0.73 s, and verified in 0.13. A logistic one there takes 1.7 s, of
which 1 GB of memory is held, and a request 1.6 s.

Of many features, where the model before is at hand, three pairs likewise:

| rows | train s | optimum s | of training |
| --- | ---: | ---: | ---: |
| 16,384 x 784 | 1.07 | 0.53 | 0.48, 0.49, 0.52 |
| 11,982 x 784 | 0.91 | 0.51 | 0.55, 0.55, 0.57 |

In processor seconds it is 1.59 beside 0.78, and 1.40 beside 0.75. Of the last 0.75 the search takes 0.09: one second
derivative 0.045, half a dozen exact gradients 0.03, an inverse 0.01, loss and accuracy 0.005. The rest is the proof,
and of this the columns of the whole data set at 118 places, of which every proof about it shows as many, 0.17.

`benchmarks/wide_optima.py`: the same of more features than there is a matrix for, 128 epochs with momentum against
Newton's method by conjugate gradients, **on a machine that others used at the same time**. Texts are counts of words
by inverse document frequency; their l2 is 0.001 at the default grid, that of random rows 0.01 at grid = 28.

| rows | train s | optimum s | of training |
| --- | ---: | ---: | ---: |
| 4,096 x 4,096, random | 2.67 | 1.44 | 0.54, 0.55, 0.57 |
| 2,000 x 8,192, texts | 3.45 | 1.40 | 0.39, 0.41, 0.42 |

A search from zeros takes 0.6 to 0.9 s of random rows, in 150 products with the second derivative of some 4 ms each, and
0.2 to 0.3 s of texts, in 36; one from the model before takes less. (A matrix for any two of 8,192 weights would have
512 MB in float64, and its inverse is 10^12 operations.) A proof has 0.40 MB, and takes 0.2 to 0.3 s to verify; proving
held 0.95 GB.

`benchmarks/newton.py`: the same with one of Newton's steps before it, from the optimum of all rows, 64 weights; ratios
to the optimum alone of three pairs.

| rows | optimum s | with a step s | of the optimum |
| ---: | ---: | ---: | ---: |
| 16,384 | 0.45 | 0.62 | 1.30, 1.38, 1.60 |
| 2,048 | 0.28 | 0.36 | 0.98, 1.24, 1.52 |

And by the inverse of the second derivative, proved to be that to 12 bits, in as many steps as lead near enough:

| rows | optimum s | steps | with these s | of the optimum |
| ---: | ---: | ---: | ---: | ---: |
| 16,384 | 0.38 | 3 | 0.82 | 1.87, 2.14, 2.15, 2.17, 2.30, 2.48 |
| 2,048 | 0.28 | 7 | 0.71 | 2.10, 2.30, 2.43, 2.81, 2.95, 3.45 |

`benchmarks/noisy.py`: the same with noise, 16,384 x 64, both moves: committing to noise 0.06 s, proving 0.50 s, beside
0.43 s of the optimum alone; three pairs differ by 0.02, 0.14 and 0.16 s. Verifying takes 0.16 s beside 0.14, the proof
322 KB beside 276. The model is (0.026, 1e-05)-indistinguishable.
"""
EVALUATION = """
## Evaluation

`benchmarks/evaluation.py`: processor seconds, medians of five, of proving how many of 10,000 x 64 rows of a hold-out
are predicted right, and at which log-loss. Verifying takes the validity proof of the hold-out along.

| models | evaluate s | verify s | KB |
| ---: | ---: | ---: | ---: |
| 1 | 0.43 | 0.13 | 289 |
| 2 | 0.58 | 0.16 | 338 |

Medians of two on a busy machine, with two models: of ten classes 1.9 s with the log-loss and 1.1 without, 473 and 388
KB; probit models of two classes 0.8, of which 0.4 s are their table, once in a process.

Of two bundles of 16 shards that answer by `probability`, on a busy machine: of two classes 1.0 s with the log-loss and
0.7 without, 435 and 381 KB (by `score` 0.45 with it); Poisson models 1.2 s with the deviance and 1.0 without, 438 and
396 KB.
"""
DISTANCE = """
## Distance

`benchmarks/distance.py`: processor seconds, medians of five pairs taken in turns, of proving a training of 128 epochs
on 16,384 x 64 rows, and how near the optimum its model is; *of training* are the ratios of the pairs. With l2 = 0.01, a
rate of 2 and a momentum of 0.9 the loss is shown to be within 1.3e-6 of the best possible. Verifying takes the validity
proof of the data set along.

| training s | distance s | of training | verify s | KB |
| ---: | ---: | ---: | ---: | ---: |
| 1.02 | 0.41 | 0.34, 0.39, 0.40, 0.45, 0.47 | 0.13 | 268 |
"""
PREDICTION = """
## Predictions

`benchmarks/prediction.py`: processor seconds, medians of seven, of proving what a model says of 100 public inputs, and
of verifying it. Files hold the inputs, two bytes a feature.

| model | shown | predict s | verify s | KB |
| --- | --- | ---: | ---: | ---: |
| 64 features | class | 0.18 | 0.05 | 167 |
| 64 features | probability | 0.20 | 0.05 | 176 |
| 784 features | class | 0.19 | 0.05 | 350 |
| 784 features, 10 classes | class | 0.22 | 0.05 | 355 |
| 784 features, 10 classes | probability | 0.27 | 0.06 | 362 |
"""
OPENINGS_TEXT = """
## Openings alone

One committed column of 16-bit integers, opened at a random point (`benchmarks/openings.py`): *folded* is the protocol
as it is, *plain* sends the vector y of the same matrix in clear, and *plain, short rows* has the row length for which
that makes the shortest proof. *Over plain* compares committing and proving together. Medians of 15, taken in turns.

"""
COMMIT = """
## Committing

Once a data set: encoding, records, code words, and the proof that every integer is in range. One run each.

"""
GOALS = """
## Goals

Seconds, MB of proof, GB of memory: measured / goal.

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
| Garg et al., CCS 2023 (published) | logistic, 262,144 x 1,024, one epoch | 4,200 s | 350 MB proof; 512 GB machine |

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
                f"{proved['float_seconds']:.4f}",
                f"{result['ratio']:.1f}",
                f"{verified['seconds']:.2f}",
                f"{proved['proof_bytes'] / 1e3:.0f}",
                f"{verified['security_bits']:.1f}",
                f"{proved['peak_bytes'] / 1e6:.0f}",
                f"{verified['peak_bytes'] / 1e6:.0f}",
                f"{proved['start_seconds']:.2f}",
            ]
        )
    return rows


def phases(results: dict[str, Any]) -> list[list[str]]:
    """Seconds by phase, head first."""
    rows = [["workload", *PHASES]]
    for name, result in results["workloads"].items():
        rows.append([name, *(f"{result['prove']['phases'][phase]:.3f}" for phase in PHASES)])
    return rows


def bounds(results: dict[str, Any]) -> list[list[str]]:
    """What phases do, and the least time that takes, head first."""
    units = {
        "train": ("train", "GB read"),
        "encoding": ("commit", "10^9 products in F"),
        "hashing": ("commit", "GB hashed"),
        "lookups": ("lookups", "10^9 products in K"),
        "settlement": ("settlement", "10^9 multiply-adds"),
    }
    rows = [["workload", "what", "amount", "a second", "least s", "phase", "its s"]]
    for name, result in results["workloads"].items():
        if "bounds" not in result:
            continue
        work, rates = result["bounds"]["work"], result["bounds"]["rates"]
        for what, (phase, unit) in units.items():
            least = work[what] / rates[what]
            amounts = f"{work[what] / 1e9:.3f} {unit}", f"{rates[what] / 1e9:.2f}"
            rows.append([name, what, *amounts, f"{least:.3f}", phase, f"{result['prove']['phases'][phase]:.3f}"])
    return rows


def openings(results: dict[str, Any]) -> list[list[str]]:
    """Openings alone, head first."""
    rows = [["cells", "what", "proof KB", "prove s", "commit and prove s", "over plain", "verify s", "bits"]]
    for bits, kinds in results["openings"].items():
        for name, found in kinds.items():
            both, plain = (k["commit_seconds"] + k["prove_seconds"] for k in (found, kinds["plain"]))
            seconds = f"{found['prove_seconds']:.3f}", f"{both:.3f}", f"{both / plain:.2f}"
            size = f"{found['proof_bytes'] / 1e3:.0f}"
            rows.append(
                [f"2^{bits}", name, size, *seconds, f"{found['verify_seconds']:.3f}", f"{found['security_bits']:.1f}"]
            )
    return rows


def requests(results: dict[str, Any]) -> list[list[str]]:
    """What forget requests cost, head first."""
    rows = [["method", "first s", "row of the last slice s", "of the first s", "verify s", "proof KB"]]
    for name, found in results["requests"].items():
        seconds = (f"{found[key]:.2f}" for key in ("first", "late", "early", "verify"))
        rows.append([name, *seconds, f"{found['proof_bytes'] / 1e3:.0f}"])
    return rows


def limited(results: dict[str, Any]) -> list[list[str]]:
    """Under a memory limit, head first."""
    rows = [["workload", "table GB", "limit GB", "held GB", "commit s", "prove s"]]
    for name, result in results["workloads"].items():
        if "limited" in result:
            found = result["limited"]
            sizes = (found["bytes"], workload(name).memory or 0, found["held_bytes"])
            seconds = found["commit_seconds"], found["prove_seconds"]
            rows.append([name, *(f"{size / 1e9:.2f}" for size in sizes), *(f"{value:.1f}" for value in seconds)])
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
    rows = [["workload", "prove", "commit and prove", "again / numpy", "verify", "proof", "memory"]]
    for name, result in results["workloads"].items():
        proved, verified, wanted = result["prove"], result["verify"], workload(name).goals
        peak = max(proved["peak_bytes"], result["commit"]["peak_bytes"] if wanted.with_commit else 0)
        figures = (
            (proved["seconds"], wanted.prove),
            (proved["seconds"] + result["commit"]["seconds"], wanted.with_commit),
            (result["ratio"], wanted.ratio),
            (verified["seconds"], wanted.verify),
            (proved["proof_bytes"] / 1e6, wanted.proof_mb),
            (peak / 1e9, wanted.memory_gb),
        )
        rows.append([name, *("" if goal is None else f"{figure:.2f} / {goal:g}" for figure, goal in figures)])
    return rows


def markdown(rows: list[list[str]]) -> str:
    """A table whose first row is the head."""
    lines = [rows[0], ["---"] + ["---:"] * (len(rows[0]) - 1), *rows[1:]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def description(name: str) -> str:
    """A workload in words."""
    item = workload(name)
    source, method = f"scikit-learn's {item.real}" if item.real else "synthetic", item.spec.method
    if method.kind == "one-pass":
        batch = "one pass over the rows"
    else:
        batch = "full batch" if method.batch_size is None else f"batches of {method.batch_size}"
    forgotten = f", {item.forgotten} rows forgotten" if item.forgotten else ""
    shape = f"{item.rows:,} x {item.features:,}"
    epochs = "1 epoch" if item.spec.method.epochs == 1 else f"{item.spec.method.epochs} epochs"
    return f"{source}, {shape}, {item.spec.model} regression, {epochs}, {batch}{forgotten}"


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
        + GOALS
        + markdown(goals(results))
        + PHASES_TEXT
        + markdown(phases(results))
        + BOUNDS_TEXT
        + markdown(bounds(results))
        + COMMIT
        + markdown(commits(results))
        + LIMITED_TEXT
        + markdown(limited(results))
        + OPENINGS_TEXT
        + markdown(openings(results))
        + REQUESTS_TEXT
        + markdown(requests(results))
        + REQUESTS_BOUND
        + REGISTRATIONS
        + GROWTH
        + KEYS
        + OPTIMUM
        + EVALUATION
        + DISTANCE
        + PREDICTION
        + CURVES
        + PEERS
    )
