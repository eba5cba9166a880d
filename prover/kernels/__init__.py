"""numba kernels of the prover, behind typed functions on numpy arrays.

F vectors are uint64, canonical (below p = 2^64 - 2^32 + 1); K vectors, K = F[u]/(u^2 - 7), are uint64 (2, n),
row 1 the coefficients of u; a K scalar is a pair of ints. Nothing is compiled at import: warm_up does it.
"""

from __future__ import annotations

from collections.abc import Callable

from .compiled import all_kernels
from .encode import encode_rows, encoded_shape, encoding_points, gather_cells, root_of_unity
from .lookup import (
    fold_fractions,
    fold_round,
    fraction_round,
    layer_up,
    layer_up_unit,
    leaf_denominators,
)
from .sha256 import sha256_rows
from .sumcheck import eq_double, eq_table, fold, fold_base, fold_factors, product_round
from .threads import run_tasks, set_thread_count, spans, thread_count
from .vectors import (
    batch_inverse,
    combine_into,
    contract,
    contract_extension,
    fmul,
    kadd,
    kdot,
    kmul,
    kmul_base,
    kscale,
    ksub,
    ksum,
)


def is_warm() -> bool:
    """Whether every kernel is compiled, in memory or in numba's cache on disk. Best effort."""
    return all(kernel.is_cached() for kernel in all_kernels())


def warm_up(progress: Callable[[str], None] | None = None) -> None:
    """Compile every kernel, or load it from the cache; `progress` is told each name before its turn."""
    for kernel in all_kernels():
        if progress is not None:
            progress(kernel.name)
        kernel.compile()


__all__ = [
    "batch_inverse",
    "combine_into",
    "contract",
    "contract_extension",
    "encode_rows",
    "encoded_shape",
    "encoding_points",
    "eq_double",
    "eq_table",
    "fmul",
    "fold",
    "fold_base",
    "fold_factors",
    "fold_fractions",
    "fold_round",
    "fraction_round",
    "gather_cells",
    "is_warm",
    "kadd",
    "kdot",
    "kmul",
    "kmul_base",
    "kscale",
    "ksub",
    "ksum",
    "layer_up",
    "layer_up_unit",
    "leaf_denominators",
    "product_round",
    "root_of_unity",
    "run_tasks",
    "set_thread_count",
    "sha256_rows",
    "spans",
    "thread_count",
    "warm_up",
]
