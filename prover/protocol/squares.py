"""A sum of squares over a large column: as any other sum (sumcheck.py), without writing the column out over K.

    sum over k, n of w(k) s(n) X(k, n) (X(k, n) + c real(k, n)),   s(n) one of a few values

Variables of k are bound first. Bound or not, what a round needs of all n is in the products of rows of X, sum over n of
s(n) X(k, n) X(k', n), for k and k' that differ in leading bits alone: for the n of one value of s times integers, which
BLAS adds up exactly. They are folded on both sides. With the leading bits bound, X is contracted once, and what is left
is small.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import ONE, ZERO, K, Vector, kscalar, to_field
from ...circuits.field.multilinear import Point
from ...circuits.language.hidden import Hidden
from ...circuits.language.relation import Outer, Sum, Term, Var
from ...verifier.protocol.sumcheck import next_claim
from .. import kernels
from ..matrices.commitment import Cells
from ..matrices.values import Columns, eq_table
from .channel import ProverChannel

MOST_LEADING = 6  # bits: products of 64 rows at a time
EXACT = 1 << 53  # integers up to here are float64 numbers
FEATURE_BOUND = 1 << 15  # of int16
DEGREE = 3


@dataclass(repr=False, eq=False)  # secrets stay out of logs
class _Products:
    """What is known of leading bits that are not bound yet, M values of them, beside L of the other bits of k.

    Attributes:
        products: K (2, L, M, M), sums over n of s X X. sums: K (2, L, M), of s X.
        real: K (2, L, M), which k are real. weights: K (2, L, M), w.
    """

    products: Vector
    sums: Vector
    real: Vector
    weights: Vector


def is_square(statement: Sum, columns: Columns) -> bool:
    """Whether it is such a sum, of a column of narrow integers."""
    if len(statement.factors) != 2 or len(statement.groups) != 2 or not isinstance(statement.weight, Outer):
        return False
    first, second = (factor.terms for factor in statement.factors)
    if len(first) != 1 or first != second or first[0].coefficient != ONE or statement.factors[0].constant is not None:
        return False
    cells = columns.values[first[0].column]
    return isinstance(cells, np.ndarray) and cells.dtype == np.int16 and _is_whole(first[0], statement, columns)


def _is_whole(term: Term, statement: Sum, columns: Columns) -> bool:
    """Whether the term is the column itself, or what bits choose of it, its axes in their order."""
    cells, left = columns.chosen(term.column, term.at)
    found = [c for own in left for c in (own if isinstance(own, tuple) else (own,))]
    return cells.ndim == len(statement.groups) and found == [Var(i) for i in range(statement.variables)]


def prove_leading(
    channel: ProverChannel, statement: Sum, claim: Hidden, columns: Columns
) -> tuple[Point, Hidden, list[Vector]]:
    """The rounds of the leading variables of k: the point, the claim left, and the three factors on what is left."""
    term, bits = statement.factors[0].terms[0], statement.groups[0]
    cells, _ = columns.chosen(term.column, term.at)
    leading = min(bits, MOST_LEADING)
    constant = statement.factors[1].constant
    c = ZERO if constant is None else constant.evaluate((ZERO,) * statement.variables)
    parts = statement.weight.parts if isinstance(statement.weight, Outer) else ()
    weight, chosen = (part.table() for part in parts)
    state, cut = _start(cells, chosen, weight, leading, bits), 1 << (bits - leading)
    point: list[K] = []
    for _ in range(leading):
        values = channel.send(_round(state, c))  # P -> V
        point.append(channel.challenge(statement.name, DEGREE))  # V -> P
        claim = channel.program.name(next_claim(values, claim, point[-1]))
        state = _fold(state, point[-1])
    rows = 1 << statement.groups[1]
    folded = _contracted(cells, eq_table(tuple(point)), cut, rows)
    weights = _outer(state.weights.reshape(2, cut), _padded(chosen, rows))
    real = np.zeros((2, rows), dtype=np.uint64)
    real[0, : chosen.shape[1]] = 1
    shifted = kernels.kadd(folded, kernels.kscale(_outer(state.real.reshape(2, cut), real), c.pair))
    return tuple(point), claim, [weights, folded, shifted]


def _start(cells: Cells, chosen: Vector, weight: Vector, leading: int, bits: int) -> _Products:
    """Before any round. cells: int16 (d, N). chosen: s, K (2, N). weight: w, K (2, d)."""
    many, others = 1 << leading, 1 << (bits - leading)
    places = [range(other, len(cells), others) for other in range(others)]  # k, by the bits that stay
    products, sums = (np.zeros((2, others, *[many] * axes), dtype=np.uint64) for axes in (2, 1))
    for value, live in _by_value(chosen):
        own = np.zeros((others, many, many), dtype=np.int64), np.zeros((others, many), dtype=np.int64)
        kernels.run_blas_tasks([partial(_gram, cells, place, live, *own, i) for i, place in enumerate(places)])
        products, sums = (
            kernels.kadd(total, kernels.kscale(_base(found), value.pair))
            for total, found in zip((products, sums), own, strict=True)
        )
    real, weights = np.zeros((2, 2, others * many), dtype=np.uint64)
    real[0, : len(cells)] = 1
    weights[:, : weight.shape[1]] = weight
    leading_last = [values.reshape(2, many, others).transpose(0, 2, 1) for values in (real, weights)]
    return _Products(products, sums, *leading_last)


def _by_value(chosen: Vector) -> Iterator[tuple[K, npt.NDArray[np.int64]]]:
    """Each value of s but zero, and the n that have it."""
    ends = np.flatnonzero((np.diff(chosen, axis=1) != 0).any(axis=0)) + 1
    starts = np.concatenate([[0], ends])  # of n with equal neighbours
    values, which = np.unique(chosen[:, starts], axis=1, return_inverse=True)
    of_n = np.repeat(which.reshape(-1), np.diff([*starts, chosen.shape[1]]))
    order = np.argsort(of_n, kind="stable")
    for i, live in enumerate(np.split(order, np.searchsorted(of_n[order], np.arange(1, values.shape[1])))):
        value = kscalar(values[:, i])
        if value != ZERO:
            yield value, live


def _gram(
    cells: Cells,
    place: range,
    live: npt.NDArray[np.int64],
    products: npt.NDArray[np.int64],
    sums: npt.NDArray[np.int64],
    index: int,
) -> None:
    """Products and sums of a few rows of X, at the n that are chosen; they are the `index`-th."""
    step, count = EXACT // FEATURE_BOUND**2, len(place)
    for start in range(0, len(live), step):
        part = live[start : start + step]
        own = cells[place.start : place.stop : place.step]
        whole = own if len(part) == cells.shape[1] else np.take(own, part, axis=1)
        floats = whole.astype(np.float64)
        products[index, :count, :count] += (floats @ floats.T).astype(np.int64)
        sums[index, :count] += floats.sum(axis=1).astype(np.int64)


def _round(state: _Products, c: K) -> list[K]:
    """The round polynomial of the first leading bit at 0, 2 and 3."""
    half = state.sums.shape[2] // 2
    diagonal = np.arange(half)
    at_low = _flat(state.products[:, :, diagonal, diagonal])
    across = _flat(state.products[:, :, diagonal, half + diagonal])
    at_high = _flat(state.products[:, :, half + diagonal, half + diagonal])
    pairs = [(_flat(v[:, :, :half]), _flat(v[:, :, half:])) for v in (state.sums, state.real, state.weights)]
    found = []
    for x in (0, 2, 3):
        own, other = K(1 - x), K(x)
        square = kernels.kadd(kernels.kscale(at_low, (own * own).pair), kernels.kscale(at_high, (other * other).pair))
        square = kernels.kadd(square, kernels.kscale(across, (own * other * 2).pair))
        sums, real, weights = (
            kernels.kadd(kernels.kscale(a, own.pair), kernels.kscale(b, other.pair)) for a, b in pairs
        )
        inside = kernels.kadd(square, kernels.kscale(kernels.kmul(sums, real), c.pair))
        found.append(K(*kernels.kdot(weights, inside)))
    return found


def _flat(values: Vector) -> Vector:
    """K (2, ...) as (2, n)."""
    return np.ascontiguousarray(values).reshape(2, -1)


def _fold(state: _Products, at: K) -> _Products:
    """The first leading bit at a point."""

    def line(values: Vector) -> Vector:
        moved = np.ascontiguousarray(values.swapaxes(1, 2))  # folds are along the first axis
        return kernels.fold(moved, at.pair).swapaxes(1, 2)

    products = line(state.products).swapaxes(2, 3)
    return _Products(line(products), line(state.sums), line(state.real), line(state.weights))


def _contracted(cells: Cells, weights: Vector, others: int, rows: int) -> Vector:
    """sum over leading bits of weights X: K (2, others * rows), rows being N filled up."""
    out = np.zeros((2, others, rows), dtype=np.uint64)
    for other in range(min(others, len(cells))):
        own = np.ascontiguousarray(cells[other::others])
        used = np.ascontiguousarray(weights[:, : len(own)])
        out[:, other, : cells.shape[1]] = kernels.contract(own[None], used)[:, 0]
    return out.reshape(2, -1)


def _outer(x: Vector, y: Vector) -> Vector:
    """Outer product of K vectors, flat."""
    return kernels.kmul(np.repeat(x, y.shape[1], axis=1), np.tile(y, (1, x.shape[1])))


def _padded(values: Vector, size: int) -> Vector:
    return np.pad(values, [(0, 0), (0, size - values.shape[1])])


def _base(integers: npt.NDArray[np.int64]) -> Vector:
    """Integers as elements of K."""
    field = to_field(integers)
    return np.stack([field, np.zeros_like(field)])
