"""The fraction tree of a lookup argument (logUp-GKR, Papini and Haboeck 2023), layer by layer.

A layer is a box (top, m): numerators and denominators over K, (2, top, m), top a power of two. Its halves along top are
added as fractions to give the layer above:

    n' = n_lo d_hi + n_hi d_lo        d' = d_lo d_hi

In the sumcheck of a layer the halves are two children 0 and 1, the same cells in the same order. With b = n + mu d,

    mu (n0 d1 + n1 d0 + mu d0 d1) = b0 b1 - n0 n1,

so what is summed and folded are n and b: half the products. Children are (2, 2, S), coefficient, child, cell; folding
happens in place, and the first top * m cells are the live ones.
"""

# Kernels are typed by their signatures, which mypy cannot read:
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from functools import partial

import numpy as np

from .compiled import IN, INT, OUT, U64, device, kernel
from .field import LANES, add, mul2, mul4, seven, splat, sub, total
from .memory import load, store
from .storage import empty
from .threads import run_tasks, spans, thread_count
from .values import Array, Pair, Scalar, extension, flat, in_place, same_shape, scalar, sum_pairs

# About how many products a cell costs in a round.
ROUND_COST = 12
Weights = tuple[Array, Array]
Sums = tuple[Pair, Pair]  # q(0) and the coefficient of X^2
NONE = np.empty(0, dtype=np.uint64)


@kernel(IN, IN, OUT, OUT, INT, INT, INT)
def _layer_up(n, d, up_n, up_d, half, start, stop):
    for i in range(start, stop, LANES):
        left = stop - i
        j, k, m = half + i, 2 * half + i, 3 * half + i
        n0, n1, x0, x1 = load(n, i, left), load(n, k, left), load(n, j, left), load(n, m, left)
        d0, d1, e0, e1 = load(d, i, left), load(d, k, left), load(d, j, left), load(d, m, left)
        e7 = seven(e1)
        store(up_n, i, left, mul4(n0, e0, n1, e7, x0, d0, x1, seven(d1)))
        store(up_n, j, left, mul4(n0, e1, n1, e0, x0, d1, x1, d0))
        store(up_d, i, left, mul2(d0, e0, d1, e7))
        store(up_d, j, left, mul2(d0, e1, d1, e0))


@device
def difference_of_products(a0, a1, b0, b1, x0, x1, y0, y1):
    """a b - x y over K."""
    zero = splat(np.uint64(0))
    u0, u1, b7, y7 = sub(zero, x0), sub(zero, x1), seven(b1), seven(y1)
    return mul4(a0, b0, a1, b7, u0, y0, u1, y7), mul4(a0, b1, a1, b0, u0, y1, u1, y0)


@device
def weighed(x0, x1, w0, w1):
    """w x over K."""
    return mul2(x0, w0, x1, seven(w1)), mul2(x0, w1, x1, w0)


@device
def with_line(s0, s1, s2, s3, x0, x1, y0, y1, w0, w1):
    """s + w x: the sums of a line's cells, x and y in lanes, times its weight w, beside those of other lines."""
    p0, p1 = weighed(total(x0), total(x1), w0, w1)
    q0, q1 = weighed(total(y0), total(y1), w0, w1)
    return add(s0, p0), add(s1, p1), add(s2, q0), add(s3, q1)


@device
def between(x0, x1, y0, y1, r0, r1, r7):
    """x + r (y - x) over K."""
    z0, z1 = sub(y0, x0), sub(y1, x1)
    return add(x0, mul2(z0, r0, z1, r7)), add(x1, mul2(z0, r1, z1, r0))


@device
def _load2(values, at, plane, left):
    return load(values, at, left), load(values, plane + at, left)


@device
def _mixed(n, b, at, plane, left, mu0, mu1, mu7):
    """Denominators become b = n + mu d, in place."""
    d0, d1 = _load2(b, at, plane, left)
    x0, x1 = _load2(n, at, plane, left)
    x0, x1 = add(x0, mul2(d0, mu0, d1, mu7)), add(x1, mul2(d0, mu1, d1, mu0))
    store(b, at, left, x0)
    store(b, plane + at, left, x1)


@device
def _fold2(values, at, step, plane, left, r0, r1, r7):
    """Cell `at` and the one `step` further on, folded in place."""
    x0, x1 = _load2(values, at, plane, left)
    y0, y1 = _load2(values, at + step, plane, left)
    x0, x1 = between(x0, x1, y0, y1, r0, r1, r7)
    store(values, at, left, x0)
    store(values, plane + at, left, x1)


@device
def _fold_pairs(values, at, half, child, plane, left, r0, r1, r7):
    """Cell `at` of the lower and of the upper half that stay, in both children."""
    _fold2(values, at, 2 * half, plane, left, r0, r1, r7)
    _fold2(values, at + half, 2 * half, plane, left, r0, r1, r7)
    _fold2(values, at + child, 2 * half, plane, left, r0, r1, r7)
    _fold2(values, at + child + half, 2 * half, plane, left, r0, r1, r7)


@device
def _evaluated(n, b, at, step, child, plane, left, signed):
    """b0 b1 - n0 n1 at X = 0, its coefficient of X^2; without n if not `signed`."""
    b00, b01 = _load2(b, at, plane, left)
    b10, b11 = _load2(b, at + child, plane, left)
    c00, c01 = _load2(b, at + step, plane, left)
    c10, c11 = _load2(b, at + child + step, plane, left)
    c00, c01, c10, c11 = sub(c00, b00), sub(c01, b01), sub(c10, b10), sub(c11, b11)
    if signed:
        n00, n01 = _load2(n, at, plane, left)
        n10, n11 = _load2(n, at + child, plane, left)
        p0, p1 = difference_of_products(b00, b01, b10, b11, n00, n01, n10, n11)
        m00, m01 = _load2(n, at + step, plane, left)
        m10, m11 = _load2(n, at + child + step, plane, left)
        m00, m01, m10, m11 = sub(m00, n00), sub(m01, n01), sub(m10, n10), sub(m11, n11)
        q0, q1 = difference_of_products(c00, c01, c10, c11, m00, m01, m10, m11)
    else:
        p0, p1 = weighed(b00, b01, b10, b11)
        q0, q1 = weighed(c00, c01, c10, c11)
    return p0, p1, q0, q1


@kernel(OUT, OUT, IN, IN, OUT, INT, INT, INT, INT, INT, INT, INT, INT, INT, U64, U64, U64, U64)
def _round(n, b, first, second, out, size, rows, m, fresh, folds, i0, i1, r0, r1, mu0, mu1, c0, c1):
    """out (4): q(0), q(infinity) of lines i0..i1 of `rows`, cells r0..r1 of m, `rows` being half of what is live.

    Before that, if `fresh`: b = n + mu d; if `folds`: twice as much is live, and is folded at c.
    """
    signed = n.size
    half, child, plane = rows * m, size, 2 * size
    mu7, c7 = seven(mu1), seven(c1)
    s0 = s1 = s2 = s3 = np.uint64(0)
    for i in range(i0, i1):
        zero = splat(np.uint64(0))
        x0, x1, y0, y1 = zero, zero, zero, zero
        for r in range(r0, r1, LANES):
            left = r1 - r
            at = i * m + r
            if fresh:
                _mixed(n, b, at, plane, left, mu0, mu1, mu7)
                _mixed(n, b, at + half, plane, left, mu0, mu1, mu7)
                _mixed(n, b, at + child, plane, left, mu0, mu1, mu7)
                _mixed(n, b, at + child + half, plane, left, mu0, mu1, mu7)
            if folds:
                _fold_pairs(b, at, half, child, plane, left, c0, c1, c7)
                if signed:
                    _fold_pairs(n, at, half, child, plane, left, c0, c1, c7)
            p0, p1, q0, q1 = _evaluated(n, b, at, half, child, plane, left, signed)
            w0, w1 = load(second, r, left), load(second, m + r, left)
            p0, p1 = weighed(p0, p1, w0, w1)
            q0, q1 = weighed(q0, q1, w0, w1)
            x0, x1, y0, y1 = add(x0, p0), add(x1, p1), add(y0, q0), add(y1, q1)
        s0, s1, s2, s3 = with_line(s0, s1, s2, s3, x0, x1, y0, y1, first[i], first[rows + i])
    out[0], out[1], out[2], out[3] = s0, s1, s2, s3


@kernel(OUT, INT, INT, INT, INT, U64, U64)
def _fold_children(values, size, half, start, stop, r0, r1):
    """lo + r (hi - lo) on both children, cells start..stop of the `half` that stay."""
    r7 = seven(r1)
    for i in range(start, stop, LANES):
        _fold2(values, i, half, 2 * size, stop - i, r0, r1, r7)
        _fold2(values, size + i, half, 2 * size, stop - i, r0, r1, r7)


def layer_up(n: Array, d: Array) -> tuple[Array, Array]:
    """The layer above: n, d over K (2, top, m) -> (n', d'), each K (2, top/2, m)."""
    same_shape(n, d)
    _, top, m = extension(d, 3).shape
    if top < 2 or top % 2:
        raise ValueError(f"a layer of {top} lines has no halves")
    up_n, up_d = (empty((2, top // 2, m), np.uint64) for _ in range(2))
    half = top // 2 * m
    arrays = (flat(n), flat(d), up_n.reshape(-1), up_d.reshape(-1), half)
    run_tasks([partial(_layer_up, *arrays, *span) for span in spans(half, cost=3)])
    return up_n, up_d


def cuts(weights: Weights) -> list[tuple[int, int, int, int]]:
    """One (first line, last, first cell, last) a thread, for cells that weigh first[line] second[cell]."""
    rows, m = weights[0].shape[1], weights[1].shape[1]
    if rows >= thread_count():
        return [(*span, 0, m) for span in spans(rows, cost=ROUND_COST * m, grain=1)]
    return [(0, rows, *span) for span in spans(m, cost=ROUND_COST * rows)]


def _rounded(n: Array | None, b: Array, weights: Weights, mu: Scalar, r: Scalar, *, fresh: bool, folds: bool) -> Sums:
    size, rows, m = extension(b, 3).shape[2], weights[0].shape[1], weights[1].shape[1]
    if n is not None:
        same_shape(n, b)
    if rows * m * (4 if folds else 2) > size:
        raise ValueError(f"children of {size} cells and weights {weights[0].shape}, {weights[1].shape}")
    tasks = cuts(weights)
    parts = np.zeros((len(tasks), 4), dtype=np.uint64)
    arrays = (NONE if n is None else in_place(n), in_place(b), *map(flat, weights))
    sizes, scalars = (size, rows, m, int(fresh), int(folds)), (*scalar(mu), *scalar(r))
    jobs = zip(parts, tasks, strict=True)
    run_tasks([partial(_round, *arrays, part, *sizes, *cut, *scalars) for part, cut in jobs])
    at_zero, at_infinity = sum_pairs(parts)
    return at_zero, at_infinity


def mix_round(n: Array, d: Array, weights: Weights, mu: Scalar) -> Sums:
    """Turn denominators d, K (2, 2, S), into b = n + mu d in place; and the first round, as in `pair_round`."""
    return _rounded(n, d, weights, mu, (0, 0), fresh=True, folds=False)


def pair_round(n: Array | None, b: Array, weights: Weights) -> Sums:
    """One sumcheck round in the highest variable X of the children n and b, K (2, 2, S); no n is n = 0.

    weights: K (2, a) and (2, m), a m half the live cells; cell i of half a child weighs first[i // m] second[i % m].
    With q(X) the sum of w (b0 b1 - n0 n1), each operand lo + X (hi - lo): q(0) and the coefficient of X^2.
    """
    return _rounded(n, b, weights, (0, 0), (0, 0), fresh=False, folds=False)


def pair_fold_round(n: Array | None, b: Array, r: Scalar, weights: Weights) -> Sums:
    """Fold the children at r, in place, and `pair_round` of the result, in one pass over memory."""
    return _rounded(n, b, weights, (0, 0), r, fresh=False, folds=True)


def pair_fold(values: Array, live: int, r: Scalar) -> None:
    """Fold the `live` first cells of children, K (2, 2, S), in place: to half of them."""
    size = extension(values, 3).shape[2]
    if live > size or live % 2:
        raise ValueError(f"{live} cells of {size} have no halves")
    arrays, c = (in_place(values), size, live // 2), scalar(r)
    run_tasks([partial(_fold_children, *arrays, *span, *c) for span in spans(live // 2, cost=2)])
