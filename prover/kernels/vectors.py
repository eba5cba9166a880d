"""Vectors over F and over K = F[u]/(u^2 - 7): inner products, folds and sumcheck rounds.

K vectors are uint64 (2, n), all constant coefficients and then all coefficients of u. Inside a kernel arrays
are flat, and the second coefficient lies `n` cells after the first.
"""

# Kernels are typed by their signatures, which mypy cannot read:
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from .compiled import CELLS, IN, INT, OUT, U64, Kernel, array_of, cell_kernel, kernel
from .field import LANES, P, add, mul, mul2, mul4, seven, splat, sub, total
from .memory import load, store
from .threads import run_tasks, spans, thread_count
from .values import Array, Pair, Scalar, cells_of, extension, flat, in_place, same_shape, scalar, sum_pairs

# Columns that contract works on at a time: their sums, 16 KB, stay in the nearest cache.
COLUMN_BLOCK = 1024
# Below this many columns, transposing first is cheaper than lanes that stay empty.
MIN_COLUMNS = 16
MODULUS = np.int64(P - 2**64)  # p itself, as 64-bit integers wrap
LARGEST = np.uint64(P // 2)  # in (-p/2, p/2)


# --- elementwise ------------------------------------------------------------------------------------------


@kernel(IN, IN, OUT, INT, INT)
def _add_all(a, b, out, start, stop):
    for i in range(start, stop, LANES):
        store(out, i, stop - i, add(load(a, i, stop - i), load(b, i, stop - i)))


@kernel(IN, IN, OUT, INT, INT)
def _sub_all(a, b, out, start, stop):
    for i in range(start, stop, LANES):
        store(out, i, stop - i, sub(load(a, i, stop - i), load(b, i, stop - i)))


@kernel(IN, IN, OUT, INT, INT)
def _mul_all(a, b, out, start, stop):
    for i in range(start, stop, LANES):
        store(out, i, stop - i, mul(load(a, i, stop - i), load(b, i, stop - i)))


@kernel(IN, OUT, INT, INT, INT, INT)
def _powers(x, out, rows, count, start, stop):
    """out[j] = x out[j - 1], columns start..stop of `count`: rows one after the other keep every lane's chain apart."""
    for j in range(1, rows):
        for i in range(start, stop, LANES):
            left = stop - i
            power = mul(load(out, (j - 1) * count + i, left), load(x, i, left))
            store(out, j * count + i, left, power)


@kernel(IN, IN, OUT, INT, INT, INT)
def _kmul_all(a, b, out, n, start, stop):
    for i in range(start, stop, LANES):
        left = stop - i
        a0, a1 = load(a, i, left), load(a, n + i, left)
        b0, b1 = load(b, i, left), load(b, n + i, left)
        store(out, i, left, mul2(a0, b0, a1, seven(b1)))
        store(out, n + i, left, mul2(a0, b1, a1, b0))


@kernel(IN, OUT, INT, INT, INT, U64, U64)
def _kscale_all(a, out, n, start, stop, b0, b1):
    b7 = seven(b1)
    for i in range(start, stop, LANES):
        left = stop - i
        a0, a1 = load(a, i, left), load(a, n + i, left)
        store(out, i, left, mul2(a0, b0, a1, b7))
        store(out, n + i, left, mul2(a0, b1, a1, b0))


def kadd(a: Array, b: Array) -> Array:
    """a + b for uint64 arrays of one shape, over F or over K."""
    same_shape(a, b)
    out = np.empty(a.shape, dtype=np.uint64)
    x, y, z = flat(a), flat(b), out.reshape(-1)
    run_tasks([partial(_add_all, x, y, z, *span) for span in spans(z.size)])
    return out


def ksub(a: Array, b: Array) -> Array:
    """a - b for uint64 arrays of one shape, over F or over K."""
    same_shape(a, b)
    out = np.empty(a.shape, dtype=np.uint64)
    x, y, z = flat(a), flat(b), out.reshape(-1)
    run_tasks([partial(_sub_all, x, y, z, *span) for span in spans(z.size)])
    return out


def fmul(a: Array, b: Array) -> Array:
    """a * b over F, elementwise, for uint64 arrays of one shape."""
    same_shape(a, b)
    out = np.empty(a.shape, dtype=np.uint64)
    x, y, z = flat(a), flat(b), out.reshape(-1)
    run_tasks([partial(_mul_all, x, y, z, *span) for span in spans(z.size)])
    return out


def powers(x: Array, rows: int, first: Array | None = None) -> Array:
    """first * x^j for j < rows: F (n,) each, one if there is no first -> F (rows, n)."""
    out = np.empty((rows, x.size), dtype=np.uint64)
    out[0] = 1 if first is None else first
    run_tasks([partial(_powers, flat(x), out.reshape(-1), *out.shape, *span) for span in spans(x.size, cost=rows)])
    return out


def kmul(a: Array, b: Array) -> Array:
    """a * b over K, elementwise: uint64 (2, ...) each, one shape."""
    same_shape(a, b)
    extension(a, a.ndim)
    out = np.empty(a.shape, dtype=np.uint64)
    n = out.size // 2
    x, y, z = flat(a), flat(b), out.reshape(-1)
    run_tasks([partial(_kmul_all, x, y, z, n, *span) for span in spans(n)])
    return out


def kscale(a: Array, factor: Scalar) -> Array:
    """factor * a over K: a is uint64 (2, ...)."""
    extension(a, a.ndim)
    out = np.empty(a.shape, dtype=np.uint64)
    n = out.size // 2
    x, z, c = flat(a), out.reshape(-1), scalar(factor)
    run_tasks([partial(_kscale_all, x, z, n, *span, *c) for span in spans(n)])
    return out


def kmul_base(a: Array, b: Array) -> Array:
    """a * b for a over K (2, ...) and b over F (...), elementwise."""
    extension(a, b.ndim + 1)
    return np.stack([fmul(a[0], b), fmul(a[1], b)])


def ksum(a: Array) -> Pair:
    """Sum of all elements of a K array (2, ...)."""
    halves = [(row >> np.uint64(32), row & np.uint64(0xFFFFFFFF)) for row in extension(a, a.ndim)]
    first, second = (((int(high.sum()) << 32) + int(low.sum())) % P for high, low in halves)
    return first, second


@cell_kernel(CELLS, OUT, INT, INT, INT, INT, U64, U64, U64, U64)
def _add_scaled(column, out, plane, fresh, start, stop, c0, c1, k0, k1):
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


def linear_combination(constant: Scalar, factors: Array, columns: Sequence[Array]) -> Array:
    """constant + sum_c factors[c] columns[c]: factors K (2, c), columns F (n,) or narrow integers -> K (2, n)."""
    n = columns[0].size
    if factors.shape != (2, len(columns)) or any(column.shape != (n,) for column in columns):
        raise ValueError(f"columns {[column.shape for column in columns]} and factors {factors.shape}")
    out = np.empty((2, n), dtype=np.uint64)
    for c, column in enumerate(columns):
        cells, scalars = cells_of(column), (*scalar(factors[:, c]), *scalar(constant))
        step = _add_scaled.of(cells)
        run_tasks([partial(step, cells, out.reshape(-1), n, int(c == 0), *span, *scalars) for span in spans(n)])
    return out


@kernel(array_of("uint16", True), array_of("int32"), INT, INT, INT)
def _tally(values, counts, each, start, stop):
    for i in range(start, stop):
        counts[values[i]] += np.int32(each)


def tally(values: Array, counts: Array, each: int = 1) -> None:
    """Add `each` to counts, int32 (2^16,), for each number in uint16 values of any shape: to that of the number."""
    cells = cells_of(values)
    first, *others = spans(cells.size)
    apart = np.zeros((len(others), counts.size), dtype=np.int32)  # of other threads
    tasks = [partial(_tally, cells, in_place(counts), each, *first)]
    run_tasks([*tasks, *(partial(_tally, cells, own, each, *cut) for own, cut in zip(apart, others, strict=True))])
    for own in apart:
        counts += own


# --- inner products ---------------------------------------------------------------------------------------


@cell_kernel(CELLS, IN, OUT, INT, INT)
def _dots(values, weights, out, count, n):
    """out (2, count): sum_i weights[i] values[a, i]; four groups of lanes share a reduction."""
    for a in range(count):
        sum0 = splat(np.uint64(0))
        sum1 = splat(np.uint64(0))
        for i in range(0, n, 4 * LANES):
            j, k, m, left = i + LANES, i + 2 * LANES, i + 3 * LANES, n - i
            at = a * n
            v0 = load(values, at + i, left)
            v1 = load(values, at + j, left - LANES)
            v2 = load(values, at + k, left - 2 * LANES)
            v3 = load(values, at + m, left - 3 * LANES)
            w0, w1 = load(weights, i, left), load(weights, j, left - LANES)
            w2, w3 = load(weights, k, left - 2 * LANES), load(weights, m, left - 3 * LANES)
            sum0 = add(sum0, mul4(v0, w0, v1, w1, v2, w2, v3, w3))
            w0, w1 = load(weights, n + i, left), load(weights, n + j, left - LANES)
            w2, w3 = load(weights, n + k, left - 2 * LANES), load(weights, n + m, left - 3 * LANES)
            sum1 = add(sum1, mul4(v0, w0, v1, w1, v2, w2, v3, w3))
        out[a] = total(sum0)
        out[count + a] = total(sum1)


@cell_kernel(CELLS, IN, OUT, INT, INT, INT, INT, INT, INT)
def _combine(values, weights, out, n, width, plane, out_at, start, stop):
    """out[:, b] += sum_i weights[i] values[i, b] over the n lines, for columns start..stop.

    values (n, width) flat. Column b's two coefficients are out[out_at + b] and, `plane` later, the second.
    """
    for block in range(start, stop, COLUMN_BLOCK):
        end = min(stop, block + COLUMN_BLOCK)
        for i in range(0, n, 4):
            more = n - i
            p0, p1 = weights[i], weights[n + i]
            q0 = q1 = r0 = r1 = s0 = s1 = np.uint64(0)
            at = i * width
            at1, at2, at3 = at, at, at
            if more > 1:
                at1, q0, q1 = at + width, weights[i + 1], weights[n + i + 1]
            if more > 2:
                at2, r0, r1 = at + 2 * width, weights[i + 2], weights[n + i + 2]
            if more > 3:
                at3, s0, s1 = at + 3 * width, weights[i + 3], weights[n + i + 3]
            for b in range(block, end, LANES):
                left = end - b
                w, x = load(values, at + b, left), load(values, at1 + b, left)
                y, z = load(values, at2 + b, left), load(values, at3 + b, left)
                c = out_at + b
                store(out, c, left, add(load(out, c, left), mul4(w, p0, x, q0, y, r0, z, s0)))
                c += plane
                store(out, c, left, add(load(out, c, left), mul4(w, p1, x, q1, y, r1, z, s1)))


@kernel(IN, IN, OUT, INT, INT, INT)
def _kdot_part(a, b, out, n, start, stop):
    sum0 = splat(np.uint64(0))
    sum1 = splat(np.uint64(0))
    for i in range(start, stop, LANES):
        left = stop - i
        a0, a1 = load(a, i, left), load(a, n + i, left)
        b0, b1 = load(b, i, left), load(b, n + i, left)
        sum0 = add(sum0, mul2(a0, b0, a1, seven(b1)))
        sum1 = add(sum1, mul2(a0, b1, a1, b0))
    out[0] = total(sum0)
    out[1] = total(sum1)


def kdot(a: Array, b: Array) -> Pair:
    """Inner product of two K vectors (2, n)."""
    same_shape(a, b)
    n = extension(a, 2).shape[1]
    x, y, cuts = flat(a), flat(b), spans(n)
    parts = np.zeros((len(cuts), 2), dtype=np.uint64)
    run_tasks([partial(_kdot_part, x, y, part, n, *span) for part, span in zip(parts, cuts, strict=True)])
    return sum_pairs(parts)[0]


def contract(values: Array, weights: Array) -> Array:
    """sum_i weights[i] values[:, i, :]: values F (A, n, B) or narrow integers, weights K (2, n) -> K (2, A, B)."""
    count, n, width = values.shape
    if weights.shape != (2, n):
        raise ValueError(f"{n} values need weights (2, {n}), got {weights.shape}")
    w = flat(weights)
    if width < MIN_COLUMNS:
        lines = cells_of(values if width == 1 else values.transpose(0, 2, 1))
        return _contract_lines(lines, w, count * width, n).reshape(2, count, width)
    out = np.zeros((2, count, width), dtype=np.uint64)
    x, z, plane = cells_of(values), out.reshape(-1), count * width
    cuts = spans(width, cost=n) if count < thread_count() else [(0, width)]
    combine = _combine.of(x)

    def add_up(first: int, last: int, start: int, stop: int) -> None:
        for a in range(first, last):
            line = x[a * n * width : (a + 1) * n * width]
            combine(line, w, z, n, width, plane, a * width, start, stop)

    groups = spans(count, cost=n * width, grain=1)
    run_tasks([partial(add_up, *group, *span) for group in groups for span in cuts])
    return out


def add_contracted(out: Array, start: int, values: Array, weights: Array) -> None:
    """out[:, start : start + B] += sum_i weights[i] values[i]: out K (2, N), values and weights as for contract."""
    (n, width), size = values.shape, extension(out, 2).shape[1]
    if weights.shape != (2, n) or not 0 <= start <= size - width:
        raise ValueError(f"values {values.shape} with weights {weights.shape} from cell {start} of {out.shape}")
    combine = partial(_combine.of(values), cells_of(values), flat(weights), in_place(out), n, width, size, start)
    run_tasks([partial(combine, *span) for span in spans(width, cost=n)])


def _contract_lines(lines: Array, weights: Array, count: int, n: int) -> Array:
    """contract for values (count, n, 1): whole lines a thread, or for few lines pieces of each."""
    if count > 1:
        cuts = spans(count, cost=n, grain=1)
        parts = [np.empty((2, j - i), dtype=np.uint64) for i, j in cuts]
        pieces = [(lines[i * n : j * n], weights, p, j - i, n) for p, (i, j) in zip(parts, cuts, strict=True)]
        run_tasks([partial(_dots.of(lines), a, w, p.reshape(-1), *sizes) for a, w, p, *sizes in pieces])
        return np.concatenate(parts, axis=1)
    both = weights.reshape(2, n)
    cuts = spans(n)
    sums = np.zeros((len(cuts), 2), dtype=np.uint64)
    jobs = zip(sums, cuts, strict=True)
    run_tasks([partial(_dots.of(lines), lines[i:j], flat(both[:, i:j]), part, 1, j - i) for part, (i, j) in jobs])
    return np.array(sum_pairs(sums), dtype=np.uint64).T.copy() if count else np.zeros((2, 0), dtype=np.uint64)


def contract_extension(values: Array, weights: Array) -> Array:
    """The same over K: values (2, A, n, B), weights (2, n) -> (2, A, B)."""
    _, count, n, width = extension(values, 4).shape
    both = contract(values.reshape(2 * count, n, width), weights)
    x, y = both.reshape(2, 2, count, width).swapaxes(0, 1)
    # (x0 + x1 u) + u (y0 + y1 u) = x0 + 7 y1 + (x1 + y0) u
    turned = kscale(y, (0, 1))
    return kadd(x, turned)


def _join_pieces(sums, steps, out, pieces, count, start, stop):
    """out[r, q] = sum over pieces a of steps[a, q] sums[r, a, q], rows start..stop; four pieces share a reduction."""
    for r in range(start, stop):
        for q in range(0, count, LANES):
            left = count - q
            result = splat(np.uint64(0))
            for a in range(0, pieces - pieces % 4, 4):
                at, to = (r * pieces + a) * count + q, a * count + q
                v, w = load(sums, at, left), load(sums, at + count, left)
                x, y = load(sums, at + 2 * count, left), load(sums, at + 3 * count, left)
                c, d = load(steps, to, left), load(steps, to + count, left)
                e, f = load(steps, to + 2 * count, left), load(steps, to + 3 * count, left)
                result = add(result, mul4(v, c, w, d, x, e, y, f))
            for a in range(pieces - pieces % 4, pieces):
                value = load(sums, (r * pieces + a) * count + q, left)
                result = add(result, mul(value, load(steps, a * count + q, left)))
            store(out, r * count + q, left, result)


_JOIN = {
    np.dtype(kind): Kernel(_join_pieces, (array_of(kind, True), IN, OUT, INT, INT, INT, INT), f"_join_pieces of {kind}")
    for kind in ("int64", "float64")
}


def join_pieces(sums: Array, steps: Array) -> Array:
    """sum over a of steps[a] sums[:, a]: integers (R, A, t) and F (A, t) -> F (R, t).

    sums: int64, or float64 up to 2^53 in absolute value.
    """
    rows, pieces, count = sums.shape
    if steps.shape != (pieces, count):
        raise ValueError(f"{pieces} pieces at {count} points need as many steps, got {steps.shape}")
    out = np.empty((rows, count), dtype=np.uint64)
    arrays = cells_of(sums), flat(steps), out.reshape(-1), pieces, count
    cuts = spans(rows, cost=pieces * count, grain=1)
    run_tasks([partial(_JOIN[sums.dtype], *arrays, *span) for span in cuts])
    return out


@kernel(IN, array_of("float64"), INT, INT)
def _field_limbs(values, out, limbs, bits):
    """out[k n + i] = limb k of values[i], between -2^(bits - 1) and 2^(bits - 1)."""
    up, down, carry = np.int64(64 - bits), np.int64(bits), np.int64(bits - 1)
    rest = np.empty(COLUMN_BLOCK, dtype=np.int64)
    for first in range(0, values.size, COLUMN_BLOCK):  # loops without branches, which LLVM turns into vectors
        count = min(COLUMN_BLOCK, values.size - first)
        for i in range(count):
            value = values[first + i]
            rest[i] = np.int64(value) - (MODULUS if value > LARGEST else np.int64(0))
        for k in range(limbs - 1):
            at = k * values.size + first
            for i in range(count):
                out[at + i] = np.float64((rest[i] << up) >> up)
                rest[i] = (rest[i] >> down) + ((rest[i] >> carry) & np.int64(1))
        at = (limbs - 1) * values.size + first
        for i in range(count):
            out[at + i] = np.float64(rest[i])


def field_limbs(values: Array, limbs: int, bits: int) -> Array:
    """Signed limbs of elements of F, the lowest first: float64 (limbs, *shape).

    values are congruent to sum over k of 2^(bits k) limb k, and no limb is above 2^(bits - 1) in absolute value where
    limbs * bits >= 64. Without threads: BLAS has threads of its own, which will not give way.
    """
    out = np.empty((limbs, *values.shape), dtype=np.float64)
    _field_limbs(flat(values), out.reshape(-1), limbs, bits)
    return out
