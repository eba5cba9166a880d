"""The fraction tree of a lookup argument (logUp-GKR, Papini and Haboeck 2023), layer by layer.

A layer is a box (top, m): numerators and denominators over K, (2, top, m), top a power of two. Its halves
along top are added as fractions to give the layer above:

    n' = n_lo d_hi + n_hi d_lo        d' = d_lo d_hi

The numerators of the lowest layer are over F, (top, m): the functions named *_unit take them so.
"""

# Kernels are typed by their signatures, which mypy cannot read:
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from .compiled import IN, INT, OUT, U64, Kernel, device, kernel
from .field import LANES, P, add, load, mul2, mul4, seven, splat, store, sub, total
from .sumcheck import fold, fold_base
from .threads import run_tasks, spans, thread_count
from .values import Array, Pair, Scalar, extension, flat, same_shape, scalar, sum_pairs
from .vectors import combine_into, kmul

# Lines shorter than this are joined, at one product a cell, rather than walked one by one.
SHORT_LINE = 64


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


@kernel(IN, IN, IN, IN, IN, IN, OUT, INT, INT, INT, INT, INT, INT, U64, U64)
def _round(n0, n1, d0, d1, top, rest, out, rows, m, i0, i1, r0, r1, mu0, mu1):
    """out (4): q(0) and q(infinity), lines i0..i1 of `rows` a half, cells r0..r1 of m."""
    half = rows * m
    plane = 2 * half
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
            n00, n01 = load(n0, at, left), load(n0, at + plane, left)
            n10, n11 = load(n1, at, left), load(n1, at + plane, left)
            d00, d01 = load(d0, at, left), load(d0, at + plane, left)
            d10, d11 = load(d1, at, left), load(d1, at + plane, left)
            p, q, s, t = _terms(n00, n01, n10, n11, d00, d01, d10, d11, w0, w1, w7)
            a0, a1, b0, b1 = add(a0, p), add(a1, q), add(b0, s), add(b1, t)
            at += half
            n00, n01 = sub(load(n0, at, left), n00), sub(load(n0, at + plane, left), n01)
            n10, n11 = sub(load(n1, at, left), n10), sub(load(n1, at + plane, left), n11)
            d00, d01 = sub(load(d0, at, left), d00), sub(load(d0, at + plane, left), d01)
            d10, d11 = sub(load(d1, at, left), d10), sub(load(d1, at + plane, left), d11)
            p, q, s, t = _terms(n00, n01, n10, n11, d00, d01, d10, d11, w0, w1, w7)
            x0, x1, y0, y1 = add(x0, p), add(x1, q), add(y0, s), add(y1, t)
        t0, t1 = top[i], top[rows + i]
        p0, p1 = _mix(total(a0), total(a1), total(b0), total(b1), mu0, mu1, t0, t1)
        q0, q1 = _mix(total(x0), total(x1), total(y0), total(y1), mu0, mu1, t0, t1)
        s0, s1, s2, s3 = add(s0, p0), add(s1, p1), add(s2, q0), add(s3, q1)
    out[0], out[1], out[2], out[3] = s0, s1, s2, s3


@kernel(IN, IN, IN, IN, IN, IN, OUT, INT, INT, INT, INT, INT, INT, U64, U64)
def _round_unit(n0, n1, d0, d1, top, rest, out, rows, m, i0, i1, r0, r1, mu0, mu1):
    """_round for numerators over F."""
    half = rows * m
    plane = 2 * half
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
            n00, n10 = load(n0, at, left), load(n1, at, left)
            d00, d01 = load(d0, at, left), load(d0, at + plane, left)
            d10, d11 = load(d1, at, left), load(d1, at + plane, left)
            p, q, s, t = _terms_unit(n00, n10, d00, d01, d10, d11, w0, w1, w7)
            a0, a1, b0, b1 = add(a0, p), add(a1, q), add(b0, s), add(b1, t)
            at += half
            n00, n10 = sub(load(n0, at, left), n00), sub(load(n1, at, left), n10)
            d00, d01 = sub(load(d0, at, left), d00), sub(load(d0, at + plane, left), d01)
            d10, d11 = sub(load(d1, at, left), d10), sub(load(d1, at + plane, left), d11)
            p, q, s, t = _terms_unit(n00, n10, d00, d01, d10, d11, w0, w1, w7)
            x0, x1, y0, y1 = add(x0, p), add(x1, q), add(y0, s), add(y1, t)
        t0, t1 = top[i], top[rows + i]
        p0, p1 = _mix(total(a0), total(a1), total(b0), total(b1), mu0, mu1, t0, t1)
        q0, q1 = _mix(total(x0), total(x1), total(y0), total(y1), mu0, mu1, t0, t1)
        s0, s1, s2, s3 = add(s0, p0), add(s1, p1), add(s2, q0), add(s3, q1)
    out[0], out[1], out[2], out[3] = s0, s1, s2, s3


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


def _fraction_round(
    step: Kernel, arrays: Sequence[Array], shape: tuple[int, int], eq_top: Array, eq_rest: Array, mu: Scalar
) -> tuple[Pair, Pair]:
    top, m = shape
    rows = top // 2
    if top < 2 or top % 2 or eq_top.shape != (2, rows) or eq_rest.shape != (2, m):
        raise ValueError(f"box ({top}, {m}) with weights {eq_top.shape} and {eq_rest.shape}")
    if m == 1:
        eq_top, eq_rest, rows, m = eq_rest, eq_top, 1, rows
    elif rows > 1 and m < SHORT_LINE:
        eq_rest = kmul(np.repeat(eq_top, m, axis=1), np.tile(eq_rest, rows))
        eq_top = np.array([[1], [0]], dtype=np.uint64)
        rows, m = 1, rows * m
    if rows >= thread_count():
        cuts = [(*span, 0, m) for span in spans(rows, cost=12 * m, grain=1)]
    else:
        cuts = [(0, rows, *span) for span in spans(m, cost=12 * rows)]
    parts = np.zeros((len(cuts), 4), dtype=np.uint64)
    flats = [flat(a) for a in (*arrays, eq_top, eq_rest)]
    jobs = zip(parts, cuts, strict=True)
    c = scalar(mu)
    run_tasks([partial(step, *flats, part, rows, m, *cut, *c) for part, cut in jobs])
    at_zero, at_infinity = sum_pairs(parts)
    return at_zero, at_infinity


def fraction_round(
    n0: Array, n1: Array, d0: Array, d1: Array, eq_top: Array, eq_rest: Array, mu: Scalar
) -> tuple[Pair, Pair]:
    """One sumcheck round of a layer in the highest variable X of top.

    n0, n1, d0, d1: K (2, top, m); eq_top K (2, top/2), eq_rest K (2, m). With q(X) the sum over i < top/2 and
    r < m of eq_top[i] eq_rest[r] (n0 d1 + d0 (n1 + mu d1)), each operand lo + X (hi - lo): returns q(0) and
    the coefficient of X^2, called q(infinity).
    """
    same_shape(n0, n1, d0, d1)
    _, top, m = extension(n0, 3).shape
    return _fraction_round(_round, (n0, n1, d0, d1), (top, m), eq_top, eq_rest, mu)


def fraction_round_unit(
    n0: Array, n1: Array, d0: Array, d1: Array, eq_top: Array, eq_rest: Array, mu: Scalar
) -> tuple[Pair, Pair]:
    """fraction_round for numerators over F: n0, n1 (top, m)."""
    same_shape(n0, n1)
    same_shape(d0, d1)
    _, top, m = extension(d0, 3).shape
    if n0.shape != (top, m):
        raise ValueError(f"numerators {n0.shape} and denominators {d0.shape} do not match")
    return _fraction_round(_round_unit, (n0, n1, d0, d1), (top, m), eq_top, eq_rest, mu)


def fold_fractions(
    n0: Array, n1: Array, d0: Array, d1: Array, r: Scalar
) -> tuple[Array, Array, Array, Array]:
    """Fold each along top: K (2, top, m), or numerators over F (top, m), -> K (2, top/2, m)."""
    n = [fold_base(a, r) if a.ndim == 2 else fold(a, r) for a in (n0, n1)]
    return n[0], n[1], fold(d0, r), fold(d1, r)


def leaf_denominators(columns: Array, coefs: Array, const: Scalar, indicator: Array) -> Array:
    """indicator * const + (1 - indicator) + sum_c coefs[c] columns[c], over K (2, n).

    columns: uint64 F (c, n), coefs: K (2, c), indicator: (n,) of 0 and 1, any unsigned type: padding cells,
    indicator 0, get denominator 1 (when their columns are 0) and count for nothing.
    """
    _, n = columns.shape
    if indicator.shape != (n,):
        raise ValueError(f"{n} cells need an indicator ({n},), got {indicator.shape}")
    first, second = scalar(const)
    out = np.zeros((2, n), dtype=np.uint64)
    out[0] = 1
    step = np.array([[(int(first) - 1) % P], [int(second)]], dtype=np.uint64)
    combine_into(out, indicator.astype(np.uint64, copy=False)[None, :], step)
    combine_into(out, columns, coefs)
    return out
