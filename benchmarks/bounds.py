"""What bounds the phases of proving: how much of what they do, and how fast this machine does that at best.

    train        reads the features, 16 bits each, once an epoch                        bytes, from the last cache
    encoding     of the witness and masks: three products in F for four points and two levels      products
    hashing      of their codewords                                                     bytes through SHA-256
    lookups      a dozen products in K for each leaf of the trees, up and down          products
    settlement   all rows where columns are opened, by products of limbs                float64 multiply-adds

The rates are those of the same kernels, or of BLAS, on data that lie in the cache, with all threads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from time import perf_counter
from typing import Any

import numpy as np
import zkunlearn as zu
from workloads import Workload
from zkunlearn.verifier.protocol.lookup import instances

LEAF_PRODUCTS = 12  # building: 3 for each node; its sumcheck: 2 to mix, 6 for each pair of a round, 4 to fold it
BLOCK = 64  # bytes
REPEATS = 5


def counted(item: Workload, dataset: Any) -> dict[str, float]:
    """One proof; bytes hashed, multiply-adds, leaves, bytes of features, and the seconds of each phase."""
    from zkunlearn.prover.matrices import commitment, evaluation

    work = dict.fromkeys(("train", "encoding", "hashing", "lookups", "settlement"), 0.0)
    leaf_hashes, evaluate_parts = commitment.leaf_hashes, commitment.evaluate_parts

    def counting_hashes(code: Any, rows: Any, salts: Any, kept: Any = None) -> Any:
        if salts is not None:  # the trees of foldings have none
            work["hashing"] += code.length * BLOCK * (2 + -(-rows.count * 8 // BLOCK))
            work["encoding"] += code.length * code.subgroup_bits * rows.count * 3 / 8
        return leaf_hashes(code, rows, salts, kept)

    def counting_sums(rows: Any, points: Any) -> Any:
        for part in rows.parts:
            limbs = 3 if part.cells.dtype == np.uint64 else 1
            work["settlement"] += part.cells.size * limbs * evaluation._cut(part).limbs * len(points)
        return evaluate_parts(rows, points)

    commitment.leaf_hashes, commitment.evaluate_parts = counting_hashes, counting_sums
    try:
        trained = zu.prove(dataset, item.spec, forget=item.forget)
    finally:
        commitment.leaf_hashes, commitment.evaluate_parts = leaf_hashes, evaluate_parts
    sections = trained.statement.relation.sections
    cells = sum(prod(axis.size for axis in tree.axes) for section in sections for tree in instances(section))
    work["lookups"] = LEAF_PRODUCTS * cells
    work["train"] = 2 * item.rows * item.features * item.spec.method.epochs
    return work


def rates() -> dict[str, float]:
    """What this machine does in a second, on all threads."""
    from zkunlearn.prover import kernels

    threads = kernels.thread_count()
    rng = np.random.default_rng(1)
    blocks = rng.integers(0, 2**62, (1 << 13, 8), dtype=np.uint64)
    numbers = rng.integers(0, 2**62, (2, 1 << 13), dtype=np.uint64)
    matrix, features = rng.normal(size=(1024, 1024)), np.ones(1 << 24, dtype=np.int16)
    hashes = [kernels.Hashes(len(blocks)) for _ in range(threads)]

    def on_all(step: Callable[[int], object], count: int) -> float:
        def repeat(thread: int) -> None:
            for _ in range(count):
                step(thread)

        tasks = [partial(repeat, thread) for thread in range(threads)]
        kernels.run_tasks(tasks)
        seconds = []
        for _ in range(REPEATS):
            start = perf_counter()
            kernels.run_tasks(tasks)
            seconds.append(perf_counter() - start)
        return threads * count / min(seconds)

    half = features.size // threads
    return {
        "train": 2 * half * on_all(lambda t: features[t * half : (t + 1) * half].view(np.uint64).max(), 8),
        "encoding": numbers.size * on_all(lambda _: kernels.fmul(numbers, numbers), 200),
        "hashing": blocks.nbytes * on_all(lambda t: hashes[t].absorb(blocks), 64),
        "lookups": numbers.shape[1] * on_all(lambda _: kernels.kmul(numbers, numbers), 200),
        "settlement": _products(matrix),
    }


def _products(matrix: Any) -> float:
    """Multiply-adds a second of BLAS with its own threads."""
    seconds = []
    for _ in range(REPEATS):
        start = perf_counter()
        for _ in range(4):
            matrix @ matrix
        seconds.append(perf_counter() - start)
    return 4 * len(matrix) ** 3 / min(seconds)
