"""Steps of a sumcheck prover on K vectors: equality tables, folds, round polynomials."""

# Kernels are typed by their signatures, which mypy cannot read:
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import itertools
from functools import partial

import numpy as np

from .compiled import IN, INT, OUT, U64, device, kernel
from .field import LANES, add, mul2, seven, splat, sub, total
from .memory import load, store
from .storage import empty
from .threads import run_tasks, spans
from .values import Array, Pair, Scalar, extension, flat, in_place, scalar, sum_pairs

MAX_FACTORS = 4


@kernel(IN, OUT, INT, INT, INT, U64, U64)
def _fold(values, out, half, start, stop, r0, r1):
    """out = lo + r (hi - lo) on K (2, 2 half)."""
    r7 = seven(r1)
    for i in range(start, stop, LANES):
        left = stop - i
        lo0, lo1 = load(values, i, left), load(values, 2 * half + i, left)
        d0 = sub(load(values, half + i, left), lo0)
        d1 = sub(load(values, 3 * half + i, left), lo1)
        store(out, i, left, add(lo0, mul2(d0, r0, d1, r7)))
        store(out, half + i, left, add(lo1, mul2(d0, r1, d1, r0)))


@device
def _double(table, size, plane, out, out_plane, z0, z1):
    """out (2 size): (1 - z) t at j and z t at size + j, for the entries t of a table of `size`."""
    z7 = seven(z1)
    for i in range(0, size, LANES):
        left = size - i
        t0, t1 = load(table, i, left), load(table, plane + i, left)
        h0, h1 = mul2(t0, z0, t1, z7), mul2(t0, z1, t1, z0)
        store(out, size + i, left, h0)
        store(out, out_plane + size + i, left, h1)
        store(out, i, left, sub(t0, h0))
        store(out, out_plane + i, left, sub(t1, h1))


@kernel(IN, OUT, INT)
def _eq_table(point, table, bits):
    """All doublings in place, from the last coordinate to the first, which is the highest bit."""
    plane = 1 << bits
    for k in range(bits):
        z = bits - 1 - k
        _double(table, 1 << k, plane, table, plane, point[z], point[bits + z])


@kernel(IN, OUT, INT, INT)
def _eq_doublings(point, tables, size, bits):
    """All doublings of a table of `size`, each behind the one before, from the last coordinate to the first."""
    for k in range(bits):
        z, own = bits - 1 - k, size << k
        at = 2 * (own - size)
        _double(tables[at:], own, own, tables[at + 2 * own :], 2 * own, point[z], point[bits + z])


@kernel(OUT, INT, INT, INT, INT, INT, U64, U64)
def _fold_factors(factors, count, size, half, start, stop, r0, r1):
    """lo + r (hi - lo) on each of `count` factors of `size` cells, in place; start..stop of the half that stays."""
    r7 = seven(r1)
    for f in range(count):
        for i in range(start, stop, LANES):
            left, at = stop - i, 2 * f * size + i
            lo0, lo1 = load(factors, at, left), load(factors, at + size, left)
            d0 = sub(load(factors, at + half, left), lo0)
            d1 = sub(load(factors, at + size + half, left), lo1)
            store(factors, at, left, add(lo0, mul2(d0, r0, d1, r7)))
            store(factors, at + size, left, add(lo1, mul2(d0, r1, d1, r0)))


@kernel(IN, OUT, INT, INT, INT, INT, INT, INT)
def _product_part(factors, out, products, count, size, half, start, stop):
    """Add to out (count, 2) the products over start..stop at X = 0, 2, ..., count: `products` of `count` factors."""
    for point in range(count):
        sum0 = splat(np.uint64(0))
        sum1 = splat(np.uint64(0))
        for k in range(products):
            for i in range(start, stop, LANES):
                left = stop - i
                p0 = splat(np.uint64(1))
                p1 = splat(np.uint64(0))
                for f in range(count):
                    at = 2 * (k * count + f) * size + i
                    x0, x1 = load(factors, at, left), load(factors, at + size, left)
                    if point:
                        hi0, hi1 = load(factors, at + half, left), load(factors, at + size + half, left)
                        d0, d1 = sub(hi0, x0), sub(hi1, x1)
                        x0, x1 = hi0, hi1
                        for _ in range(point):
                            x0, x1 = add(x0, d0), add(x1, d1)
                    if f:
                        p0, p1 = mul2(p0, x0, p1, seven(x1)), mul2(p0, x1, p1, x0)
                    else:
                        p0, p1 = x0, x1
                sum0, sum1 = add(sum0, p0), add(sum1, p1)
        out[2 * point] = total(sum0)
        out[2 * point + 1] = total(sum1)


def fold(values: Array, r: Scalar) -> Array:
    """lo + r (hi - lo), the halves of the second axis: K (2, n, ...) -> K (2, n/2, ...)."""
    n = extension(values, values.ndim).shape[1]
    if n % 2:
        raise ValueError(f"cannot fold {n} values in half")
    out = np.empty((2, n // 2, *values.shape[2:]), dtype=np.uint64)
    half = out.size // 2
    x, z, c = flat(values), out.reshape(-1), scalar(r)
    run_tasks([partial(_fold, x, z, half, *span, *c) for span in spans(half)])
    return out


def fold_factors(factors: Array, live: int, r: Scalar) -> None:
    """fold of the `live` first cells of factors, K (..., 2, n), in place."""
    size, half, c = factors.shape[-1], live // 2, scalar(r)
    if factors.shape[-2] != 2 or live > size or live % 2:
        raise ValueError(f"{live} cells of factors {factors.shape} have no halves")
    lines, count = in_place(factors), factors.size // (2 * size)
    run_tasks([partial(_fold_factors, lines, count, size, half, *span, *c) for span in spans(half, cost=count)])


def eq_table(point: Array) -> Array:
    """eq(point, x) for all x: K (2, m) -> K (2, 2^m); the first coordinate is x's highest bit."""
    bits = extension(point, 2).shape[1]
    table = empty((2, 1 << bits), np.uint64)
    table[:, 0] = 1, 0
    _eq_table(flat(point), table.reshape(-1), bits)
    return table


def eq_doublings(table: Array, point: Array) -> list[Array]:
    """A table K (2, n), and with one variable of a point K (2, m) more in front at a time: K (2, n), (2, 2 n), ...

    The last coordinate comes first. A variable z makes a table t the halves (1 - z) t and z t.
    """
    size, bits = extension(table, 2).shape[1], extension(point, 2).shape[1]
    out = empty(2 * size * ((2 << bits) - 1), np.uint64)
    out[: 2 * size] = flat(table)
    _eq_doublings(flat(point), out, size, bits)
    starts = [2 * size * ((1 << k) - 1) for k in range(bits + 2)]
    return [out[start:end].reshape(2, -1) for start, end in itertools.pairwise(starts)]


def product_round(factors: Array, live: int) -> list[Pair]:
    """One round of the sumcheck of sum_x sum_k prod_f factor_kf(x), in the top variable X of the `live` first cells.

    factors: K (k, f, 2, n), 1 <= f <= 4. Returns the f values at X = 0, 2, ..., f; the one at 1 is the claim less the
    one at 0.
    """
    products, count, two, size = factors.shape
    if not 1 <= count <= MAX_FACTORS or two != 2 or live % 2 or live > size:
        raise ValueError(f"expected 1 to {MAX_FACTORS} factors of {live} cells (k, f, 2, n), got shape {factors.shape}")
    cuts = spans(live // 2, cost=products * count * count)
    parts = np.zeros((len(cuts), 2 * count), dtype=np.uint64)
    arrays, jobs = (flat(factors), products, count, size, live // 2), zip(parts, cuts, strict=True)
    run_tasks([partial(_product_part, arrays[0], part, *arrays[1:], *span) for part, span in jobs])
    return sum_pairs(parts)
