"""Small layers of several fraction trees at once: built upwards, and folded together, one call for all of them.

The two children of a layer of `trees` trees are cubes: numerators n and b = n + mu d over K, (2, trees, 2, S),
coefficient, tree, child, cell, S a power of two. As in lookup.py, what is summed is eq (b0 b1 - n0 n1), here of every
tree times a scale of its own, and folding happens in place: the first cells of each child are the live ones.

The upper layers of a tree are a crown: the 2^k nodes of a layer lie at 2^k .. 2^(k + 1) - 1, the root at 1.
"""

# Kernels are typed by their signatures, which mypy cannot read:
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from functools import partial

import numpy as np

from .compiled import IN, INT, OUT, U64, kernel
from .field import LANES, add, mul2, mul4, seven, splat
from .lookup import ROUND_COST, Sums, evaluated, fold_pairs, weighed, with_line
from .memory import load, store
from .sumcheck import doubled
from .threads import run_tasks, spans
from .values import Array, Scalar, extension, flat, in_place, same_shape, scalar, sum_pairs


@kernel(OUT, OUT, IN, IN, INT)
def _crowns_up(n, d, starts, bits, plane):
    """Each layer of each crown from the one below; the lowest is there."""
    for tree in range(starts.size):
        for k in range(bits[tree]):
            half = np.int64(1) << (np.int64(bits[tree]) - 1 - k)
            up, lo = np.int64(starts[tree]) + half, np.int64(starts[tree]) + 2 * half
            hi = lo + half
            for i in range(0, half, LANES):
                left = half - i
                n0, n1, x0, x1 = (
                    load(n, lo + i, left), load(n, plane + lo + i, left),
                    load(n, hi + i, left), load(n, plane + hi + i, left),
                )  # fmt: skip
                d0, d1, e0, e1 = (
                    load(d, lo + i, left), load(d, plane + lo + i, left),
                    load(d, hi + i, left), load(d, plane + hi + i, left),
                )  # fmt: skip
                e7 = seven(e1)
                store(n, up + i, left, mul4(n0, e0, n1, e7, x0, d0, x1, seven(d1)))
                store(n, plane + up + i, left, mul4(n0, e1, n1, e0, x0, d1, x1, d0))
                store(d, up + i, left, mul2(d0, e0, d1, e7))
                store(d, plane + up + i, left, mul2(d0, e1, d1, e0))


@kernel(IN, OUT, INT)
def _eq_crown(point, table, bits):
    plane = 2 << bits
    for k in range(bits):
        z, size = bits - 1 - k, 1 << k
        doubled(table, size, size, plane, table, 2 * size, plane, point[z], point[bits + z])


@kernel(OUT, OUT, IN, IN, OUT, INT, INT, INT, INT, INT, INT, INT, U64, U64)
def _cubes_round(n, b, weights, scales, out, trees, size, half, width, folds, start, stop, c0, c1):
    """out (4): q(0), q(infinity) of trees start .. stop, of which 2 half cells a child are live.

    Before that, if `folds`: twice as many are, and are folded at c. weights: K (2, width), those of cell i at half + i.
    """
    plane, c7 = 2 * trees * size, seven(c1)
    s0 = s1 = s2 = s3 = np.uint64(0)
    for tree in range(start, stop):
        zero = splat(np.uint64(0))
        x0, x1, y0, y1 = zero, zero, zero, zero
        for i in range(0, half, LANES):
            left, at = half - i, 2 * tree * size + i
            if folds:
                fold_pairs(n, at, half, size, plane, left, c0, c1, c7)
                fold_pairs(b, at, half, size, plane, left, c0, c1, c7)
            p0, p1, q0, q1 = evaluated(n, b, at, half, size, plane, left, True)
            w0, w1 = load(weights, half + i, left), load(weights, width + half + i, left)
            p0, p1 = weighed(p0, p1, w0, w1)
            q0, q1 = weighed(q0, q1, w0, w1)
            x0, x1, y0, y1 = add(x0, p0), add(x1, p1), add(y0, q0), add(y1, q1)
        s0, s1, s2, s3 = with_line(s0, s1, s2, s3, x0, x1, y0, y1, scales[tree], scales[trees + tree])
    out[0], out[1], out[2], out[3] = s0, s1, s2, s3


def crowns_up(n: Array, d: Array, starts: Array, bits: Array) -> None:
    """Fill crowns upwards, in place: n, d over K (2, total); crown i begins at starts[i], its lowest layer is bits[i]."""
    same_shape(n, d)
    _crowns_up(in_place(n), in_place(d), flat(starts), flat(bits), extension(n, 2).shape[1])


def eq_crown(point: Array) -> Array:
    """eq of the last k coordinates of a point, K (2, m), at 2^k .. 2^(k + 1) - 1, for each k <= m: K (2, 2^(m + 1))."""
    bits = extension(point, 2).shape[1]
    table = np.zeros((2, 2 << bits), dtype=np.uint64)
    table[0, 1] = 1
    _eq_crown(flat(point), table.reshape(-1), bits)
    return table


def cubes_round(n: Array, b: Array, live: int, weights: Array, scales: Array, fold: Scalar | None = None) -> Sums:
    """One round in the highest variable of the `live` first cells of children, summed over trees.

    Args:
        n, b: K (2, trees, 2, S), in place.
        weights: `eq_crown` of the variables after it. scales: K (2, trees).
        fold: children of twice as many cells are folded there before.

    Returns:
        q(0) and the coefficient of X^2.
    """
    same_shape(n, b)
    _, trees, _, size = extension(n, 4).shape
    half = live // 2
    if live * (1 if fold is None else 2) > size or scales.shape != (2, trees) or weights.shape[1] < live:
        raise ValueError(f"{live} cells of {n.shape}, weights {weights.shape} and scales {scales.shape}")
    cuts = spans(trees, cost=ROUND_COST * half, grain=1)
    parts = np.zeros((len(cuts), 4), dtype=np.uint64)
    arrays = in_place(n), in_place(b), flat(weights), flat(scales)
    sizes, c = (trees, size, half, weights.shape[1], int(fold is not None)), scalar((0, 0) if fold is None else fold)
    run_tasks([partial(_cubes_round, *arrays, p, *sizes, *cut, *c) for p, cut in zip(parts, cuts, strict=True)])
    at_zero, at_infinity = sum_pairs(parts)
    return at_zero, at_infinity
