"""Columns of integers, summed against public weights along their axes; the prover's view of a `Term`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import cast

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import ZERO, K, Vector, kscalar, kvector, to_field
from ...circuits.field.multilinear import Point
from ...circuits.language.layout import Address, Axis
from ...circuits.language.relation import Coordinates, PublicVector, Relation, Term, Var
from ...errors import ZkUnlearnError
from .. import kernels
from .commitment import Cells
from .multiplicities import LookedUpRows


def eq_table(point: Point) -> Vector:
    """eq(point, i) for all i, on compiled kernels. K vector (2, 2^m)."""
    return kernels.eq_table(kvector(point))


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Combination:
    """A column that is not stored: a sum of coefficient * cells, with values of their own in some places.

    Attributes:
        parts: coefficients, and cells of the column's shape, zero in these places.
        holes: int64 (h,), the places: positions on the last axis, those that lookups skip among them.
        at_holes: F array (..., h).
    """

    parts: tuple[tuple[int, Cells], ...]
    holes: npt.NDArray[np.int64]
    at_holes: Vector


PADDED_CELLS = 1 << 20  # that are filled up to whole runs at a time

Values = Mapping[Address, "Cells | Combination"]


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Witness:
    """What a prover knows.

    Attributes:
        columns: committed and virtual ones.
        looked_up: by name of the lookup, the row of its table that each cell of its whole box looks up.
    """

    columns: Values
    looked_up: Mapping[str, LookedUpRows]


def in_field(cells: Cells) -> Vector:
    """Integers of any type as elements of F; elements of F as they are."""
    return cast(Vector, cells) if cells.dtype == np.uint64 else to_field(cells.astype(np.int64))


class Columns:
    """All columns a proof speaks of, virtual ones too: elements of F or narrower integers."""

    def __init__(self, axes: Mapping[Address, tuple[Axis, ...]], values: Values) -> None:
        self.axes = axes
        self.values = values

    def cells(self, column: Address) -> Cells:
        """A stored column. Raises ZkUnlearnError for one that is not."""
        cells = self.values[column]
        if isinstance(cells, Combination):
            raise ZkUnlearnError(f"the column {column} has no cells, and is evaluated only")
        return cells

    def at(self, column: Address, cut: tuple[slice, ...], holes: npt.NDArray[np.int64]) -> Vector:
        """A column's values within a part of its box, at positions of the part's last axis. F array (..., holes)."""
        cells = self.values[column]
        if not isinstance(cells, Combination):
            return in_field(cells[cut][..., holes])
        places = np.searchsorted(cells.holes, holes + cut[-1].start)
        return cells.at_holes[cut[:-1]][..., places]

    def evaluate(self, column: Address, at: Mapping[str, Point]) -> K:
        """The multilinear extension of a column at a point."""
        cells, axes = self.values[column], self.axes[column]
        if not isinstance(cells, Combination):
            return kscalar(self.sum_axes(column, at).reshape(2))
        weights = [_weights(axis.size, at[axis.name]) for axis in axes]
        result = ZERO
        for coefficient, part in cells.parts:
            result = result + kscalar(_sum_axes(part, weights).reshape(2)) * coefficient
        if not cells.holes.size:
            return result
        at_holes = np.ascontiguousarray(eq_table(at[axes[-1].name])[:, cells.holes])
        return result + kscalar(_sum_axes(cells.at_holes, [*weights[:-1], at_holes]).reshape(2))

    def term(self, term: Term, variables: int) -> Vector:
        """A term without its coefficient, as a function of the sum's variables. K vector (2, 2^variables)."""
        partial = self.sum_axes(term.column, term.at)
        names = [axis.name for axis in self.axes[term.column]]
        free = [_variables(term.at[name]) for name in names]
        widths = [1 << len(own) for own in free]
        order = sorted(range(len(free)), key=lambda i: free[i][:1])
        ordered = filled(partial, widths).transpose(0, *(1 + i for i in order))
        known, whole, next_variable = [2], [2], 0  # with a place for the variables that it does not have
        for i in order:
            missing = (free[i][0] if free[i] else next_variable) - next_variable
            known, whole = [*known, 1, widths[i]], [*whole, 1 << missing, widths[i]]
            next_variable += missing + len(free[i])
        known, whole = [*known, 1], [*whole, 1 << (variables - next_variable)]
        return np.broadcast_to(ordered.reshape(known), whole).reshape(2, -1)

    def sum_axes(self, column: Address, at: Mapping[str, Coordinates | PublicVector]) -> Vector:
        """Sum every axis against what its coordinates say; variables stay. K array (2, ...), one axis each."""
        cells, left = self.chosen(column, at)
        return _sum_axes(cells, [_weights(size, own) for size, own in zip(cells.shape, left, strict=True)])

    def chosen(
        self, column: Address, at: Mapping[str, Coordinates | PublicVector]
    ) -> tuple[Cells, list[Coordinates | PublicVector]]:
        """The cells that fixed bits choose, and the coordinates of each axis that are left."""
        cells, left = self.cells(column), []
        for i, axis in enumerate(self.axes[column]):
            chosen, own = _chosen(axis, at[axis.name])
            if chosen is not None:
                cells = cells[(slice(None),) * i + (chosen,)]
                if not cells.shape[i]:  # all of them are past the last, and zero
                    cells = np.zeros((*cells.shape[:i], 1, *cells.shape[i + 1 :]), dtype=cells.dtype)
            left.append(own)
        return cells, left


def filled(values: Vector, sizes: Sequence[int]) -> Vector:
    """A K array (2, ...) with zeros up to these sizes; as it is if it has them."""
    if values.shape[1:] == tuple(sizes):
        return values
    whole = np.zeros((2, *sizes), dtype=np.uint64)
    whole[(slice(None), *map(slice, values.shape[1:]))] = values
    return whole


def _sum_axes(cells: Cells, weights: Sequence[Vector | None]) -> Vector:
    """Sum the axes of a box against weights, the longest first. K array (2, ...)."""
    sums: Vector | None = None
    for i in sorted(range(len(weights)), key=lambda i: -cells.shape[i]):
        own = weights[i]
        if own is not None:
            sums = _sum_axis(cells if sums is None else sums, i, own, over_extension=sums is not None)
    if sums is not None:
        return sums
    field = in_field(cells)
    return np.stack([field, np.zeros_like(field)])


def _variables(coordinates: Coordinates | PublicVector) -> list[int]:
    if isinstance(coordinates, PublicVector):
        return []
    return [c.index for c in coordinates if isinstance(c, Var)]


Chosen = slice | npt.NDArray[np.int64] | None


def _chosen(axis: Axis, coordinates: Coordinates | PublicVector) -> tuple[Chosen, Coordinates | PublicVector]:
    """Which values of an axis are summed over, where fixed bits leave some out; and the coordinates that are left.
    None: all of them."""
    if isinstance(coordinates, PublicVector):
        return None, coordinates
    bits = [c.a if isinstance(c, K) and c.a < 2 and not c.b else None for c in coordinates]
    if all(bit is None for bit in bits):
        return None, coordinates
    mask = wanted = 0
    for bit in bits:
        mask, wanted = 2 * mask + (bit is not None), 2 * wanted + (bit or 0)
    free = len(bits) - bits.index(None) if None in bits else 0  # bits after the leading ones that are fixed
    start, stop = (min(axis.size, ((wanted >> free) + end) << free) for end in (0, 1))
    chosen = start + np.flatnonzero(np.arange(start, stop) & mask == wanted)
    whole = len(chosen) > 0 and len(chosen) == chosen[-1] + 1 - chosen[0]
    left = tuple(c for c, bit in zip(coordinates, bits, strict=True) if bit is None)
    return slice(int(chosen[0]), int(chosen[-1]) + 1) if whole else chosen, left


def _weights(size: int, coordinates: Coordinates | PublicVector) -> Vector | None:
    """What an axis' low part is summed against: a K vector of length 2^fixed, or `size`; None: nothing."""
    if isinstance(coordinates, PublicVector):
        return coordinates.table()
    fixed: Sequence[K] = [c for c in coordinates if isinstance(c, K)]
    if not fixed:  # variables alone, or the one value of an axis that has none
        return None
    table = eq_table(tuple(fixed))
    return table[:, :size] if len(fixed) == len(coordinates) else table


def _sum_axis(values: Cells, position: int, weights: Vector, *, over_extension: bool) -> Vector:
    """Sum runs of len(weights) along one axis; the last run may be short."""
    shape = values.shape[1:] if over_extension else values.shape
    outer, size, inner = prod(shape[:position]), shape[position], prod(shape[position + 1 :])
    run = weights.shape[1]
    runs = -(-size // run)
    lines = values.reshape(-1, outer, size, inner)  # one plane, or the two of an extension
    step = outer if size == runs * run else max(1, PADDED_CELLS // (runs * run * inner))
    pieces = []
    for start in range(0, outer, step):
        piece = lines[:, start : start + step]
        if size < runs * run:
            piece = np.pad(piece, [(0, 0), (0, 0), (0, runs * run - size), (0, 0)])
        cut = piece.reshape(len(lines), -1, run, inner)
        pieces.append(kernels.contract_extension(cut, weights) if over_extension else kernels.contract(cut[0], weights))
    summed = np.concatenate(pieces, axis=1) if len(pieces) > 1 else pieces[0]
    return summed.reshape(2, *shape[:position], runs, *shape[position + 1 :])


def column_axes(relation: Relation) -> dict[Address, tuple[Axis, ...]]:
    """Axes of all columns of a relation."""
    held = {Address(name, column.name): column.axes for name, own in relation.columns.items() for column in own}
    return {**held, **relation.virtual}
