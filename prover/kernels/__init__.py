"""numba kernels of the prover, behind typed functions on numpy arrays.

F vectors are uint64, canonical (below p = 2^64 - 2^32 + 1); K vectors, K = F[u]/(u^2 - 7), are uint64 (2, n),
row 1 the coefficients of u; a K scalar is a pair of ints. Nothing is compiled at import: warm_up does it.
"""

from __future__ import annotations

from collections.abc import Callable

from .compiled import NOT_KEPT, all_kernels, being_compiled, listening
from .crowns import crowns_up
from .descent import Descent
from .encode import GROUP, RowPart, place, root_of_unity, transform
from .expressions import evaluate_expressions
from .field import LANES
from .leaves import LINES, Leaves, leaf_entries, leaf_fold, leaf_round, leaves_up, node_fold, node_round
from .lookup import Sums, layer_up, mix_round, pair_fold, pair_fold_round, pair_round
from .notebook import show_phase
from .products import LARGEST, LARGEST_FEATURE, ROWS, Products
from .sha256 import PAIR_BYTES, Hashes, hash_pairs, hash_texts, sha256_rows
from .sumcheck import eq_doublings, eq_table, fold, fold_factors, product_round
from .threads import run_blas_tasks, run_tasks, set_thread_count, spans, thread_count
from .values import Array
from .vectors import (
    add_contracted,
    contract,
    contract_extension,
    field_limbs,
    fmul,
    join_pieces,
    kadd,
    kdot,
    kmul,
    kmul_base,
    kscale,
    ksub,
    ksum,
    linear_combination,
    powers,
    tally,
)
from .work import HAS_QUICK, first_good, prepared


def is_warm() -> bool:
    """Whether every kernel is compiled, in memory or in numba's cache on disk. Best effort."""
    return all(kernel.is_cached() for kernel in all_kernels())


def are_kept() -> bool:
    """Whether what is compiled is kept for the next process."""
    return all(kernel.is_kept for kernel in all_kernels())


def warm_up(progress: Callable[[str], None] | None = None) -> None:
    """Compile every kernel, or load it from the cache; `progress` is told each name before its turn."""
    for kernel in all_kernels():
        if progress is not None:
            progress(kernel.name)
        kernel.compile()


__all__ = [
    "GROUP",
    "HAS_QUICK",
    "LANES",
    "LARGEST",
    "LARGEST_FEATURE",
    "LINES",
    "NOT_KEPT",
    "PAIR_BYTES",
    "ROWS",
    "Array",
    "Descent",
    "Hashes",
    "Leaves",
    "Products",
    "RowPart",
    "Sums",
    "add_contracted",
    "are_kept",
    "being_compiled",
    "contract",
    "contract_extension",
    "crowns_up",
    "eq_doublings",
    "eq_table",
    "evaluate_expressions",
    "field_limbs",
    "first_good",
    "fmul",
    "fold",
    "fold_factors",
    "hash_pairs",
    "hash_texts",
    "is_warm",
    "join_pieces",
    "kadd",
    "kdot",
    "kmul",
    "kmul_base",
    "kscale",
    "ksub",
    "ksum",
    "layer_up",
    "leaf_entries",
    "leaf_fold",
    "leaf_round",
    "leaves_up",
    "linear_combination",
    "listening",
    "mix_round",
    "node_fold",
    "node_round",
    "pair_fold",
    "pair_fold_round",
    "pair_round",
    "place",
    "powers",
    "prepared",
    "product_round",
    "root_of_unity",
    "run_blas_tasks",
    "run_tasks",
    "set_thread_count",
    "sha256_rows",
    "show_phase",
    "spans",
    "tally",
    "thread_count",
    "transform",
    "warm_up",
]
