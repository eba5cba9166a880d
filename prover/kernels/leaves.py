"""The two lowest layers of a fraction tree whose leaves are entries of short lists, which are never written out.

There are `L` lines of m leaves, L a power of two. Cell r of line i is the entry bases[i] + rows[offsets[i] + r] of the
list of denominators, K (2, V), and of the list of numerators: 1 for the first `live` entries, then 0. The children of
layers are as in lookup.py: lines i and i + L/2 are added to give line i of the layer above.
"""

# Kernels are typed by their signatures, which mypy cannot read:
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from .compiled import CELLS, IN, INT, OUT, SUMS, U64, cell_kernel, device, kernel
from .field import LANES, add, int_add, keep, mul2, mul4, seven, splat, sub
from .lookup import ROUND_COST, Sums, Weights, between, cuts, difference_of_products, weighed, with_line
from .memory import load, load_pairs, store
from .storage import empty
from .threads import run_tasks, spans, thread_count
from .values import Array, Scalar, extension, flat, scalar, sum_pairs

BLOCK = 1024  # entries that are worked on at a time: they stay in the nearest cache
LINES = 8  # at least: what the kernels take apart are three bits of a line's number


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Leaves:
    """Leaves of a tree, as entries of two lists.

    Attributes:
        rows: uint16 or int32, flat; LANES more than what is used.
        offsets, bases: int64 (L,), of each line, L at least LINES.
        width: m, cells in a line.
        denominators: K (2, V).
        live: how many of these have the numerator 1; the others have 0.
    """

    rows: NDArray[np.integer]
    offsets: NDArray[np.int64]
    bases: NDArray[np.int64]
    width: int
    denominators: Array
    live: int

    def __post_init__(self) -> None:
        lines = self.offsets.size
        if lines < LINES or lines & (lines - 1) or self.bases.size != lines:
            raise ValueError(f"{lines} lines of leaves: a power of two, at least {LINES}, is needed")
        if int(self.offsets.min()) < 0 or int(self.offsets.max()) + self.width + LANES > self.rows.size:
            raise ValueError("lines of leaves lie outside their rows")

    @cached_property
    def table(self) -> Array:
        """The denominators as kernels take them, once for all layers: there may be as many as leaves."""
        return leaf_entries(self.denominators)


@device
def _leaf(rows, lines, table, line, count, r):
    """Denominator of a leaf, and the index of its entry."""
    at, base = lines[line] + r, lines[count + line]
    x0, x1 = load_pairs(table, rows, at, base)
    return int_add(load(rows, at, LANES), splat(np.uint64(base))), x0, x1


@device
def _node(rows, lines, table, live, line, count, r):
    """Numerator and denominator of a node above two leaves."""
    i, d0, d1 = _leaf(rows, lines, table, line, count, r)
    j, e0, e1 = _leaf(rows, lines, table, line + count // 2, count, r)
    n0, n1 = add(keep(d0, j, live), keep(e0, i, live)), add(keep(d1, j, live), keep(e1, i, live))
    return n0, n1, mul2(d0, e0, d1, seven(e1)), mul2(d0, e1, d1, e0)


@device
def _mixed_node(rows, lines, table, live, line, count, r, mu0, mu1, mu7):
    """n and b = n + mu d of a node above two leaves."""
    n0, n1, d0, d1 = _node(rows, lines, table, live, line, count, r)
    return n0, n1, add(n0, mul2(d0, mu0, d1, mu7)), add(n1, mul2(d0, mu1, d1, mu0))


@cell_kernel(CELLS, SUMS, IN, OUT, OUT, INT, INT, INT, INT, INT, INT, U64)
def _up(rows, lines, table, up_n, up_d, count, m, i0, i1, r0, r1, live):
    """Two layers up: lines i0..i1 of the count / 4, cells r0..r1."""
    live_lanes, plane = splat(live), count // 4 * m
    for i in range(i0, i1):
        for r in range(r0, r1, LANES):
            left, at = r1 - r, i * m + r
            n0, n1, d0, d1 = _node(rows, lines, table, live_lanes, i, count, r)
            x0, x1, e0, e1 = _node(rows, lines, table, live_lanes, i + count // 4, count, r)
            e7 = seven(e1)
            store(up_n, at, left, mul4(n0, e0, n1, e7, x0, d0, x1, seven(d1)))
            store(up_n, plane + at, left, mul4(n0, e1, n1, e0, x0, d1, x1, d0))
            store(up_d, at, left, mul2(d0, e0, d1, e7))
            store(up_d, plane + at, left, mul2(d0, e1, d1, e0))


@cell_kernel(CELLS, SUMS, IN, IN, IN, OUT, INT, INT, INT, INT, INT, INT)
def _leaf_round(rows, lines, table, first, second, out, count, m, i0, i1, r0, r1):
    """_round of lookup.py for the leaves themselves, without n; `table` holds b."""
    half, child, wide = count // 4, count // 2, count // 4
    s0 = s1 = s2 = s3 = np.uint64(0)
    for i in range(i0, i1):
        zero = splat(np.uint64(0))
        x0, x1, y0, y1 = zero, zero, zero, zero
        for r in range(r0, r1, LANES):
            left = r1 - r
            _, b00, b01 = _leaf(rows, lines, table, i, count, r)
            _, b10, b11 = _leaf(rows, lines, table, i + child, count, r)
            _, c00, c01 = _leaf(rows, lines, table, i + half, count, r)
            _, c10, c11 = _leaf(rows, lines, table, i + child + half, count, r)
            w0, w1 = load(second, r, left), load(second, m + r, left)
            p0, p1 = weighed(b00, b01, b10, b11)
            q0, q1 = weighed(sub(c00, b00), sub(c01, b01), sub(c10, b10), sub(c11, b11))
            p0, p1 = weighed(p0, p1, w0, w1)
            q0, q1 = weighed(q0, q1, w0, w1)
            x0, x1, y0, y1 = add(x0, p0), add(x1, p1), add(y0, q0), add(y1, q1)
        s0, s1, s2, s3 = with_line(s0, s1, s2, s3, x0, x1, y0, y1, first[i], first[wide + i])
    out[0], out[1], out[2], out[3] = s0, s1, s2, s3


@cell_kernel(CELLS, SUMS, IN, OUT, INT, INT, INT, INT, INT, INT, U64, U64)
def _leaf_fold(rows, lines, table, b, count, m, i0, i1, r0, r1, c0, c1):
    """The children of the leaf layer, folded once: b over K (2, 2, count / 4 m)."""
    half, size, c7 = count // 4, count // 4 * m, seven(c1)
    for i in range(i0, i1):
        for r in range(r0, r1, LANES):
            left = r1 - r
            for child in range(2):
                line, at = i + child * 2 * half, child * size + i * m + r
                _, x0, x1 = _leaf(rows, lines, table, line, count, r)
                _, y0, y1 = _leaf(rows, lines, table, line + half, count, r)
                x0, x1 = between(x0, x1, y0, y1, c0, c1, c7)
                store(b, at, left, x0)
                store(b, 2 * size + at, left, x1)


@cell_kernel(CELLS, SUMS, IN, IN, IN, OUT, INT, INT, INT, INT, INT, INT, U64, U64, U64)
def _node_round(rows, lines, table, first, second, out, count, m, i0, i1, r0, r1, live, mu0, mu1):
    """_round of lookup.py for the layer above the leaves."""
    live_lanes, half, child, wide, mu7 = splat(live), count // 8, count // 4, count // 8, seven(mu1)
    s0 = s1 = s2 = s3 = np.uint64(0)
    for i in range(i0, i1):
        zero = splat(np.uint64(0))
        x0, x1, y0, y1 = zero, zero, zero, zero
        for r in range(r0, r1, LANES):
            left = r1 - r
            n00, n01, b00, b01 = _mixed_node(rows, lines, table, live_lanes, i, count, r, mu0, mu1, mu7)
            n10, n11, b10, b11 = _mixed_node(rows, lines, table, live_lanes, i + child, count, r, mu0, mu1, mu7)
            w0, w1 = load(second, r, left), load(second, m + r, left)
            p0, p1 = difference_of_products(b00, b01, b10, b11, n00, n01, n10, n11)
            p0, p1 = weighed(p0, p1, w0, w1)
            m00, m01, c00, c01 = _mixed_node(rows, lines, table, live_lanes, i + half, count, r, mu0, mu1, mu7)
            n00, n01, b00, b01 = sub(m00, n00), sub(m01, n01), sub(c00, b00), sub(c01, b01)
            m10, m11, c10, c11 = _mixed_node(rows, lines, table, live_lanes, i + child + half, count, r, mu0, mu1, mu7)
            n10, n11, b10, b11 = sub(m10, n10), sub(m11, n11), sub(c10, b10), sub(c11, b11)
            q0, q1 = difference_of_products(b00, b01, b10, b11, n00, n01, n10, n11)
            q0, q1 = weighed(q0, q1, w0, w1)
            x0, x1, y0, y1 = add(x0, p0), add(x1, p1), add(y0, q0), add(y1, q1)
        s0, s1, s2, s3 = with_line(s0, s1, s2, s3, x0, x1, y0, y1, first[i], first[wide + i])
    out[0], out[1], out[2], out[3] = s0, s1, s2, s3


@cell_kernel(CELLS, SUMS, IN, OUT, OUT, INT, INT, INT, INT, INT, INT, U64, U64, U64, U64, U64)
def _node_fold(rows, lines, table, n, b, count, m, i0, i1, r0, r1, live, mu0, mu1, c0, c1):
    """The children of the layer above the leaves, folded once: n and b over K (2, 2, count / 8 m)."""
    live_lanes, half, size = splat(live), count // 8, count // 8 * m
    mu7, c7 = seven(mu1), seven(c1)
    for i in range(i0, i1):
        for r in range(r0, r1, LANES):
            left = r1 - r
            for child in range(2):
                line, at = i + child * 2 * half, child * size + i * m + r
                x0, x1, y0, y1 = _mixed_node(rows, lines, table, live_lanes, line, count, r, mu0, mu1, mu7)
                u0, u1, v0, v1 = _mixed_node(rows, lines, table, live_lanes, line + half, count, r, mu0, mu1, mu7)
                x0, x1 = between(x0, x1, u0, u1, c0, c1, c7)
                y0, y1 = between(y0, y1, v0, v1, c0, c1, c7)
                store(n, at, left, x0)
                store(n, 2 * size + at, left, x1)
                store(b, at, left, y0)
                store(b, 2 * size + at, left, y1)


@kernel(IN, OUT, INT, INT, INT, U64, U64, U64)
def _entries(values, out, count, start, stop, one, mu0, mu1):
    """Entries start..stop of out: one + mu d, both coefficients side by side."""
    scratch, mu7 = np.empty(2 * BLOCK, dtype=np.uint64), seven(mu1)
    for first in range(start, stop, BLOCK):
        size = min(BLOCK, stop - first)
        for i in range(0, size, LANES):
            left = size - i
            d0, d1 = load(values, first + i, left), load(values, count + first + i, left)
            store(scratch, i, left, add(mul2(d0, mu0, d1, mu7), splat(one)))
            store(scratch, BLOCK + i, left, mul2(d0, mu1, d1, mu0))
        for i in range(size):
            out[2 * (first + i)], out[2 * (first + i) + 1] = scratch[i], scratch[BLOCK + i]


def leaf_entries(denominators: Array, live: int = 0, mu: Scalar = (1, 0)) -> Array:
    """n + mu d, K (2, V), as kernels take it, flat: of each entry, both coefficients. n is 1 for the first `live`."""
    count, c = extension(denominators, 2).shape[1], scalar(mu)
    values, out = flat(denominators), empty(2 * count, np.uint64)
    pieces = [(*span, np.uint64(1)) for span in spans(live, cost=2)]
    pieces += [(live + start, live + stop, np.uint64(0)) for start, stop in spans(count - live, cost=2)]
    run_tasks([partial(_entries, values, out, count, *piece, *c) for piece in pieces])
    return out


def _arguments(leaves: Leaves, table: Array) -> tuple[Array, Array, Array]:
    """What every kernel takes, with a table of entries."""
    return leaves.rows, np.concatenate([leaves.offsets, leaves.bases]), table


def _pieces(rows: int, m: int) -> list[tuple[int, int, int, int]]:
    """One (first line, last, first cell, last) a thread."""
    if rows >= thread_count():
        return [(*span, 0, m) for span in spans(rows, cost=ROUND_COST * m, grain=1)]
    return [(0, rows, *span) for span in spans(m, cost=ROUND_COST * rows)]


def leaves_up(leaves: Leaves) -> Array:
    """The second layer above the leaves: n and d over K, (2, 2, L/4, m)."""
    count, m = leaves.offsets.size, leaves.width
    n, d = both = empty((2, 2, count // 4, m), np.uint64)
    arrays = *_arguments(leaves, leaves.table), n.reshape(-1), d.reshape(-1), count, m
    step, live = _up.of(leaves.rows), np.uint64(leaves.live)
    run_tasks([partial(step, *arrays, *piece, live) for piece in _pieces(count // 4, m)])
    return both


def leaf_round(leaves: Leaves, b: Array, weights: Weights) -> Sums:
    """`pair_round` of the leaf layer, without n. b: `leaf_entries` of all; weights for L/4 lines."""
    count, m = leaves.offsets.size, leaves.width
    tasks = _tasks(weights, count // 4, m)
    parts = np.zeros((len(tasks), 4), dtype=np.uint64)
    arrays, step = (*_arguments(leaves, b), *map(flat, weights)), _leaf_round.of(leaves.rows)
    run_tasks([partial(step, *arrays, part, count, m, *cut) for part, cut in zip(parts, tasks, strict=True)])
    at_zero, at_infinity = sum_pairs(parts)
    return at_zero, at_infinity


def leaf_fold(leaves: Leaves, b: Array, r: Scalar, memory: Array) -> Array:
    """The children of the leaf layer folded at r: b over K (2, 2, L/4 m), in the memory of what `leaves_up` gave."""
    count, m = leaves.offsets.size, leaves.width
    folded = memory.reshape(2, 2, count // 4 * m)
    arrays = *_arguments(leaves, b), folded.reshape(-1), count, m
    step, c = _leaf_fold.of(leaves.rows), scalar(r)
    run_tasks([partial(step, *arrays, *piece, *c) for piece in _pieces(count // 4, m)])
    return folded


def node_round(leaves: Leaves, weights: Weights, mu: Scalar) -> Sums:
    """`mix_round` of the layer above the leaves. Weights for L/8 lines."""
    count, m = leaves.offsets.size, leaves.width
    tasks = _tasks(weights, count // 8, m)
    parts = np.zeros((len(tasks), 4), dtype=np.uint64)
    arrays = *_arguments(leaves, leaves.table), *map(flat, weights)
    step, scalars = _node_round.of(leaves.rows), (np.uint64(leaves.live), *scalar(mu))
    jobs = zip(parts, tasks, strict=True)
    run_tasks([partial(step, *arrays, part, count, m, *cut, *scalars) for part, cut in jobs])
    at_zero, at_infinity = sum_pairs(parts)
    return at_zero, at_infinity


def node_fold(leaves: Leaves, mu: Scalar, r: Scalar, memory: Array) -> tuple[Array, Array]:
    """The children of the layer above the leaves folded at r: n and b over K (2, 2, L/8 m); memory: see leaf_fold."""
    count, m = leaves.offsets.size, leaves.width
    n, b = memory.reshape(2, 2, 2, count // 8 * m)
    arrays = *_arguments(leaves, leaves.table), n.reshape(-1), b.reshape(-1), count, m
    step, scalars = _node_fold.of(leaves.rows), (np.uint64(leaves.live), *scalar(mu), *scalar(r))
    run_tasks([partial(step, *arrays, *piece, *scalars) for piece in _pieces(count // 8, m)])
    return n, b


def _tasks(weights: Weights, rows: int, m: int) -> list[tuple[int, int, int, int]]:
    if (weights[0].shape[1], weights[1].shape[1]) != (rows, m):
        raise ValueError(f"{rows} lines of {m} cells and weights {weights[0].shape}, {weights[1].shape}")
    return cuts(weights)
