"""The fraction tree of a lookup argument (logUp-GKR, Papini and Haboeck 2023), layer by layer.

A layer is a box (top, m): numerators and denominators over K, (2, top, m), top a power of two. Its halves
along top are added as fractions to give the layer above:

    n' = n_lo d_hi + n_hi d_lo        d' = d_lo d_hi

In the sumcheck of a layer the halves are two children, (2, 2, top/2, m), the same cells in the same order.
Numerators of the lowest layer are over F, without the first axis.
"""

# Kernels are typed by their signatures, which mypy cannot read:
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from .compiled import IN, INT, OUT, U64, Kernel, device, kernel
from .field import LANES, add, load, mul, mul2, mul4, seven, splat, store, sub, total
from .threads import run_tasks, spans, thread_count
from .values import Array, Pair, Scalar, extension, flat, same_shape, scalar, sum_pairs

# About how many products a cell costs in a round.
ROUND_COST = 12


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


@kernel(IN, IN, OUT, OUT, INT, INT, INT)
def _layer_up_unit(n, d, up_n, up_d, half, start, stop):
    for i in range(start, stop, LANES):
        left = stop - i
        j, k, m = half + i, 2 * half + i, 3 * half + i
        n0, x0 = load(n, i, left), load(n, j, left)
        d0, d1, e0, e1 = load(d, i, left), load(d, k, left), load(d, j, left), load(d, m, left)
        store(up_n, i, left, mul2(n0, e0, x0, d0))
        store(up_n, j, left, mul2(n0, e1, x0, d1))
        store(up_d, i, left, mul2(d0, e0, d1, seven(e1)))
        store(up_d, j, left, mul2(d0, e1, d1, e0))


@device
def _terms(n00, n01, n10, n11, d00, d01, d10, d11, w0, w1, w7):
    """w (n0 d1 + d0 n1) and w d0 d1, each over K."""
    d17 = seven(d11)
    a0 = mul4(n00, d10, n01, d17, d00, n10, d01, seven(n11))
    a1 = mul4(n00, d11, n01, d10, d00, n11, d01, n10)
    b0, b1 = mul2(d00, d10, d01, d17), mul2(d00, d11, d01, d10)
    return mul2(a0, w0, a1, w7), mul2(a0, w1, a1, w0), mul2(b0, w0, b1, w7), mul2(b0, w1, b1, w0)


@device
def _terms_unit(n0, n1, d00, d01, d10, d11, w0, w1, w7):
    """The same for numerators over F."""
    a0, a1 = mul2(n0, d10, n1, d00), mul2(n0, d11, n1, d01)
    b0, b1 = mul2(d00, d10, d01, seven(d11)), mul2(d00, d11, d01, d10)
    return mul2(a0, w0, a1, w7), mul2(a0, w1, a1, w0), mul2(b0, w0, b1, w7), mul2(b0, w1, b1, w0)


@device
def _mix(a0, a1, b0, b1, mu0, mu1, t0, t1):
    """t (a + mu b) over K."""
    c0, c1 = add(a0, mul2(b0, mu0, b1, seven(mu1))), add(a1, mul2(b0, mu1, b1, mu0))
    return mul2(c0, t0, c1, seven(t1)), mul2(c0, t1, c1, t0)


@device
def _folded(values, at, step, plane, left, r0, r1, r7):
    """lo + r (hi - lo) over K, hi lying `step` cells after lo."""
    x0, x1 = load(values, at, left), load(values, plane + at, left)
    y0, y1 = sub(load(values, at + step, left), x0), sub(load(values, plane + at + step, left), x1)
    return add(x0, mul2(y0, r0, y1, r7)), add(x1, mul2(y0, r1, y1, r0))


@kernel(IN, IN, IN, IN, OUT, INT, INT, INT, INT, INT, INT, U64, U64)
def _round(n, d, top, rest, out, rows, m, i0, i1, r0, r1, mu0, mu1):
    """out (4): q(0) and q(infinity), lines i0..i1 of `rows` a half, cells r0..r1 of m."""
    half = rows * m
    child, plane = 2 * half, 4 * half
    s0 = s1 = s2 = s3 = np.uint64(0)
    for i in range(i0, i1):
        zero = splat(np.uint64(0))
        a0, a1, b0, b1 = zero, zero, zero, zero
        x0, x1, y0, y1 = zero, zero, zero, zero
        for r in range(r0, r1, LANES):
            left = r1 - r
            at = i * m + r
            beside = at + child
            w0, w1 = load(rest, r, left), load(rest, m + r, left)
            w7 = seven(w1)
            n00, n01 = load(n, at, left), load(n, at + plane, left)
            n10, n11 = load(n, beside, left), load(n, beside + plane, left)
            d00, d01 = load(d, at, left), load(d, at + plane, left)
            d10, d11 = load(d, beside, left), load(d, beside + plane, left)
            p, q, s, t = _terms(n00, n01, n10, n11, d00, d01, d10, d11, w0, w1, w7)
            a0, a1, b0, b1 = add(a0, p), add(a1, q), add(b0, s), add(b1, t)
            at, beside = at + half, beside + half
            n00, n01 = sub(load(n, at, left), n00), sub(load(n, at + plane, left), n01)
            n10, n11 = sub(load(n, beside, left), n10), sub(load(n, beside + plane, left), n11)
            d00, d01 = sub(load(d, at, left), d00), sub(load(d, at + plane, left), d01)
            d10, d11 = sub(load(d, beside, left), d10), sub(load(d, beside + plane, left), d11)
            p, q, s, t = _terms(n00, n01, n10, n11, d00, d01, d10, d11, w0, w1, w7)
            x0, x1, y0, y1 = add(x0, p), add(x1, q), add(y0, s), add(y1, t)
        t0, t1 = top[i], top[rows + i]
        p0, p1 = _mix(total(a0), total(a1), total(b0), total(b1), mu0, mu1, t0, t1)
        q0, q1 = _mix(total(x0), total(x1), total(y0), total(y1), mu0, mu1, t0, t1)
        s0, s1, s2, s3 = add(s0, p0), add(s1, p1), add(s2, q0), add(s3, q1)
    out[0], out[1], out[2], out[3] = s0, s1, s2, s3


@kernel(IN, IN, IN, IN, OUT, INT, INT, INT, INT, INT, INT, U64, U64)
def _round_unit(n, d, top, rest, out, rows, m, i0, i1, r0, r1, mu0, mu1):
    """_round for numerators over F."""
    half = rows * m
    child, plane = 2 * half, 4 * half
    s0 = s1 = s2 = s3 = np.uint64(0)
    for i in range(i0, i1):
        zero = splat(np.uint64(0))
        a0, a1, b0, b1 = zero, zero, zero, zero
        x0, x1, y0, y1 = zero, zero, zero, zero
        for r in range(r0, r1, LANES):
            left = r1 - r
            at = i * m + r
            beside = at + child
            w0, w1 = load(rest, r, left), load(rest, m + r, left)
            w7 = seven(w1)
            n00, n10 = load(n, at, left), load(n, beside, left)
            d00, d01 = load(d, at, left), load(d, at + plane, left)
            d10, d11 = load(d, beside, left), load(d, beside + plane, left)
            p, q, s, t = _terms_unit(n00, n10, d00, d01, d10, d11, w0, w1, w7)
            a0, a1, b0, b1 = add(a0, p), add(a1, q), add(b0, s), add(b1, t)
            at, beside = at + half, beside + half
            n00, n10 = sub(load(n, at, left), n00), sub(load(n, beside, left), n10)
            d00, d01 = sub(load(d, at, left), d00), sub(load(d, at + plane, left), d01)
            d10, d11 = sub(load(d, beside, left), d10), sub(load(d, beside + plane, left), d11)
            p, q, s, t = _terms_unit(n00, n10, d00, d01, d10, d11, w0, w1, w7)
            x0, x1, y0, y1 = add(x0, p), add(x1, q), add(y0, s), add(y1, t)
        t0, t1 = top[i], top[rows + i]
        p0, p1 = _mix(total(a0), total(a1), total(b0), total(b1), mu0, mu1, t0, t1)
        q0, q1 = _mix(total(x0), total(x1), total(y0), total(y1), mu0, mu1, t0, t1)
        s0, s1, s2, s3 = add(s0, p0), add(s1, p1), add(s2, q0), add(s3, q1)
    out[0], out[1], out[2], out[3] = s0, s1, s2, s3


@device
def _fold_cells(n, d, new_n, new_d, at, half, left, c0, c1, c7):
    """Cell `at` of both children, folded and stored; input children have 4 half cells, output 2 half."""
    beside, step, child, plane = at + 4 * half, 2 * half, 2 * half, 4 * half
    n00, n01 = _folded(n, at, step, 2 * plane, left, c0, c1, c7)
    n10, n11 = _folded(n, beside, step, 2 * plane, left, c0, c1, c7)
    d00, d01 = _folded(d, at, step, 2 * plane, left, c0, c1, c7)
    d10, d11 = _folded(d, beside, step, 2 * plane, left, c0, c1, c7)
    store(new_n, at, left, n00)
    store(new_n, at + plane, left, n01)
    store(new_n, at + child, left, n10)
    store(new_n, at + child + plane, left, n11)
    store(new_d, at, left, d00)
    store(new_d, at + plane, left, d01)
    store(new_d, at + child, left, d10)
    store(new_d, at + child + plane, left, d11)
    return n00, n01, n10, n11, d00, d01, d10, d11


@kernel(IN, IN, OUT, OUT, IN, IN, OUT, INT, INT, INT, INT, INT, INT, U64, U64, U64, U64)
def _fold_round(n, d, new_n, new_d, top, rest, out, rows, m, i0, i1, r0, r1, mu0, mu1, c0, c1):
    """Fold at c, and _round of the result, on the way: `rows`, m and the ranges are the result's."""
    half = rows * m
    c7 = seven(c1)
    s0 = s1 = s2 = s3 = np.uint64(0)
    for i in range(i0, i1):
        zero = splat(np.uint64(0))
        a0, a1, b0, b1 = zero, zero, zero, zero
        x0, x1, y0, y1 = zero, zero, zero, zero
        for r in range(r0, r1, LANES):
            left = r1 - r
            at = i * m + r
            w0, w1 = load(rest, r, left), load(rest, m + r, left)
            w7 = seven(w1)
            lo = _fold_cells(n, d, new_n, new_d, at, half, left, c0, c1, c7)
            n00, n01, n10, n11, d00, d01, d10, d11 = lo
            p, q, s, t = _terms(n00, n01, n10, n11, d00, d01, d10, d11, w0, w1, w7)
            a0, a1, b0, b1 = add(a0, p), add(a1, q), add(b0, s), add(b1, t)
            hi = _fold_cells(n, d, new_n, new_d, at + half, half, left, c0, c1, c7)
            n00, n01, n10, n11 = sub(hi[0], n00), sub(hi[1], n01), sub(hi[2], n10), sub(hi[3], n11)
            d00, d01, d10, d11 = sub(hi[4], d00), sub(hi[5], d01), sub(hi[6], d10), sub(hi[7], d11)
            p, q, s, t = _terms(n00, n01, n10, n11, d00, d01, d10, d11, w0, w1, w7)
            x0, x1, y0, y1 = add(x0, p), add(x1, q), add(y0, s), add(y1, t)
        t0, t1 = top[i], top[rows + i]
        p0, p1 = _mix(total(a0), total(a1), total(b0), total(b1), mu0, mu1, t0, t1)
        q0, q1 = _mix(total(x0), total(x1), total(y0), total(y1), mu0, mu1, t0, t1)
        s0, s1, s2, s3 = add(s0, p0), add(s1, p1), add(s2, q0), add(s3, q1)
    out[0], out[1], out[2], out[3] = s0, s1, s2, s3


@kernel(IN, OUT, INT, INT, INT, U64, U64)
def _fold_children(values, out, half, start, stop, r0, r1):
    """lo + r (hi - lo) on both children: K (2, 2, 2 half) -> (2, 2, half), cells start..stop."""
    r7 = seven(r1)
    for i in range(start, stop, LANES):
        for child in range(2):
            x0, x1 = _folded(values, i + 2 * child * half, half, 4 * half, stop - i, r0, r1, r7)
            store(out, i + child * half, stop - i, x0)
            store(out, i + child * half + 2 * half, stop - i, x1)


@kernel(IN, OUT, INT, INT, INT, U64, U64)
def _fold_children_base(values, out, half, start, stop, r0, r1):
    """The same of values over F, (2, 2 half)."""
    for i in range(start, stop, LANES):
        for child in range(2):
            x = load(values, i + 2 * child * half, stop - i)
            y = sub(load(values, i + (2 * child + 1) * half, stop - i), x)
            store(out, i + child * half, stop - i, add(x, mul(y, r0)))
            store(out, i + child * half + 2 * half, stop - i, mul(y, r1))


def _up(step: Kernel, n: Array, d: Array) -> tuple[Array, Array]:
    _, top, m = extension(d, 3).shape
    if top < 2 or top % 2:
        raise ValueError(f"a layer of {top} lines has no halves")
    up_n, up_d = (np.empty((2, top // 2, m), dtype=np.uint64) for _ in range(2))
    half = top // 2 * m
    arrays = (flat(n), flat(d), up_n.reshape(-1), up_d.reshape(-1), half)
    run_tasks([partial(step, *arrays, *span) for span in spans(half, cost=3)])
    return up_n, up_d


def layer_up(n: Array, d: Array) -> tuple[Array, Array]:
    """The layer above: n, d over K (2, top, m) -> (n', d'), each K (2, top/2, m)."""
    same_shape(n, d)
    return _up(_layer_up, n, d)


def layer_up_unit(n: Array, d: Array) -> tuple[Array, Array]:
    """layer_up for numerators over F: n (top, m), d over K (2, top, m)."""
    if n.shape != d.shape[1:]:
        raise ValueError(f"numerators {n.shape} and denominators {d.shape} do not match")
    return _up(_layer_up_unit, n, d)


Weights = tuple[Array, Array]


def _cuts(weights: Weights, cells: int) -> tuple[int, int, list[tuple[int, int, int, int]]]:
    """Lines, cells a line, and one (first line, last, first cell, last) a thread."""
    rows, m = weights[0].shape[1], weights[1].shape[1]
    if rows * m != cells:
        raise ValueError(f"{cells} cells with weights {weights[0].shape} and {weights[1].shape}")
    if rows >= thread_count():
        return rows, m, [(*span, 0, m) for span in spans(rows, cost=ROUND_COST * m, grain=1)]
    return rows, m, [(0, rows, *span) for span in spans(m, cost=ROUND_COST * rows)]


def fraction_round(n: Array, d: Array, weights: Weights, mu: Scalar) -> tuple[Pair, Pair]:
    """One sumcheck round of a layer in the highest variable X of top.

    n, d: the children, K (2, 2, top, m), or n over F (2, top, m). weights: K (2, a) and (2, b), a b = top/2 m;
    a cell i of half a child weighs w[i] = first[i // b] second[i % b]. With q(X) the sum of
    w (n0 d1 + d0 (n1 + mu d1)), each operand lo + X (hi - lo): returns q(0) and the coefficient of X^2.
    """
    _, _, top, m = extension(d, 4).shape
    if n.shape not in (d.shape, d.shape[1:]) or top % 2:
        raise ValueError(f"numerators {n.shape} and denominators {d.shape} do not match, or have no halves")
    step = _round_unit if n.ndim == 3 else _round
    rows, line, cuts = _cuts(weights, top // 2 * m)
    parts = np.zeros((len(cuts), 4), dtype=np.uint64)
    arrays, c = [flat(a) for a in (n, d, *weights)], scalar(mu)
    run_tasks([partial(step, *arrays, part, rows, line, *cut, *c) for part, cut in zip(parts, cuts, strict=True)])
    at_zero, at_infinity = sum_pairs(parts)
    return at_zero, at_infinity


def fold_fractions(n: Array, d: Array, r: Scalar) -> tuple[Array, Array]:
    """Fold children along top: K (2, 2, top, m), or numerators over F (2, top, m), -> K (2, 2, top/2, m)."""
    _, _, top, m = extension(d, 4).shape
    if n.shape not in (d.shape, d.shape[1:]) or top % 2:
        raise ValueError(f"numerators {n.shape} and denominators {d.shape} do not match, or have no halves")
    new_n, new_d = (np.empty((2, 2, top // 2, m), dtype=np.uint64) for _ in range(2))
    half, c = top // 2 * m, scalar(r)
    for values, new in ((n, new_n), (d, new_d)):
        step = _fold_children_base if values.ndim == 3 else _fold_children
        arrays = flat(values), new.reshape(-1), half
        run_tasks([partial(step, *arrays, *span, *c) for span in spans(half, cost=2)])
    return new_n, new_d


def fold_round(n: Array, d: Array, r: Scalar, weights: Weights, mu: Scalar) -> tuple[Array, Array, tuple[Pair, Pair]]:
    """fold_fractions over K, and fraction_round of the result, in one pass over memory."""
    same_shape(n, d)
    _, _, top, m = extension(d, 4).shape
    if top % 4:
        raise ValueError(f"children of {top} lines cannot be folded and halved again")
    new_n, new_d = (np.empty((2, 2, top // 2, m), dtype=np.uint64) for _ in range(2))
    rows, line, cuts = _cuts(weights, top // 4 * m)
    parts = np.zeros((len(cuts), 4), dtype=np.uint64)
    arrays = [flat(n), flat(d), new_n.reshape(-1), new_d.reshape(-1), *map(flat, weights)]
    scalars = *scalar(mu), *scalar(r)
    jobs = zip(parts, cuts, strict=True)
    run_tasks([partial(_fold_round, *arrays, part, rows, line, *cut, *scalars) for part, cut in jobs])
    at_zero, at_infinity = sum_pairs(parts)
    return new_n, new_d, (at_zero, at_infinity)


@kernel(IN, OUT, INT, INT, INT, INT, U64, U64, U64, U64)
def _leaf_pass(column, out, plane, fresh, start, stop, c0, c1, k0, k1):
    """out = k + c column if `fresh`, else out += c column."""
    for i in range(start, stop, LANES):
        left = stop - i
        x = load(column, i, left)
        x0, x1 = mul(x, c0), mul(x, c1)
        if fresh:
            x0, x1 = add(x0, k0), add(x1, k1)
        else:
            x0, x1 = add(x0, load(out, i, left)), add(x1, load(out, plane + i, left))
        store(out, i, left, x0)
        store(out, plane + i, left, x1)


def leaf_denominators(columns: Sequence[Array], coefs: Array, const: Scalar, cells: int) -> Array:
    """const + sum_c coefs[c] columns[c], over K (2, cells); 1 in the cells that the columns do not reach.

    columns: at least one, uint64 F (n,) each, n <= cells; coefs: K (2, c).
    """
    n = columns[0].size
    if coefs.shape != (2, len(columns)) or n > cells:
        raise ValueError(f"{len(columns)} columns of {n} values, coefficients {coefs.shape}, {cells} cells")
    out = np.empty((2, cells), dtype=np.uint64)
    out[0, n:], out[1, n:] = 1, 0
    for c, column in enumerate(columns):
        arrays = flat(column), out.reshape(-1), cells, int(c == 0)
        scalars = *scalar(coefs[:, c]), *scalar(const)
        run_tasks([partial(_leaf_pass, *arrays, *span, *scalars) for span in spans(n)])
    return out
