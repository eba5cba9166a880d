"""Columns of integers, summed against public weights along their axes; the prover's view of a `Term`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..circuits.goldilocks import K, Vector, kscalar, kvector
from ..circuits.layout import Axis, Column
from ..circuits.multilinear import Point
from ..circuits.relation import Coordinates, PublicVector, Term, Var
from . import kernels


def eq_table(point: Point) -> Vector:
    """eq(point, i) for all i, on compiled kernels. K vector (2, 2^m)."""
    return kernels.eq_table(kvector(point))


class Columns:
    """All columns a proof speaks of, the virtual ones too: F arrays of their real shapes, by name."""

    def __init__(self, axes: Mapping[str, tuple[Axis, ...]], values: Mapping[str, Vector]) -> None:
        self.axes = axes
        self.values = values

    def evaluate(self, name: str, at: Mapping[str, Point]) -> K:
        """The multilinear extension of a column at a point."""
        return kscalar(self.sum_axes(name, at).reshape(2))

    def term(self, term: Term) -> Vector:
        """A term without its coefficient, as a function of the sum's variables. K vector (2, 2^variables)."""
        partial = self.sum_axes(term.column, term.at)
        names = [axis.name for axis in self.axes[term.column]]
        free = [_variables(term.at[name]) for name in names]
        widths = [1 << len(variables) for variables in free]
        padding = [(0, width - size) for width, size in zip(widths, partial.shape[1:], strict=True)]
        padded = np.pad(partial, [(0, 0), *padding])
        order = sorted(range(len(free)), key=lambda i: free[i][:1])
        return padded.transpose(0, *(1 + i for i in order)).reshape(2, -1)

    def sum_axes(self, name: str, at: Mapping[str, Coordinates | PublicVector]) -> Vector:
        """Sum every axis against what its coordinates say; variables stay. K array (2, ...), one axis each."""
        result = self.values[name]
        axes = list(enumerate(self.axes[name]))
        over_extension = False
        for i, axis in sorted(axes, key=lambda pair: -pair[1].size):
            weights = _weights(axis, at[axis.name])
            if weights is None:
                continue
            result = _sum_axis(result, i, weights, over_extension)
            over_extension = True
        return result if over_extension else np.stack([result, np.zeros_like(result)])


def _variables(coordinates: Coordinates | PublicVector) -> list[int]:
    if isinstance(coordinates, PublicVector):
        return []
    return [c.index for c in coordinates if isinstance(c, Var)]


def _weights(axis: Axis, coordinates: Coordinates | PublicVector) -> Vector | None:
    """What an axis' low part is summed against: a K vector of length 2^fixed, or `size`; None: nothing."""
    if isinstance(coordinates, PublicVector):
        return coordinates.table()
    fixed: Sequence[K] = [c for c in coordinates if isinstance(c, K)]
    if not fixed:
        return None if coordinates else np.array([[1], [0]], dtype=np.uint64)
    table = eq_table(tuple(fixed))
    return table[:, : axis.size] if len(fixed) == len(coordinates) else table


def _sum_axis(values: Vector, position: int, weights: Vector, over_extension: bool) -> Vector:
    """Sum runs of len(weights) along one axis; the last run may be short."""
    shape = values.shape[1:] if over_extension else values.shape
    run = weights.shape[1]
    missing = -shape[position] % run
    if missing:
        offset = position + (1 if over_extension else 0)
        values = np.pad(values, [(0, missing if i == offset else 0) for i in range(values.ndim)])
    outer = int(np.prod(shape[:position], dtype=np.int64)) * ((shape[position] + missing) // run)
    inner = int(np.prod(shape[position + 1 :], dtype=np.int64))
    if over_extension:
        summed = kernels.contract_extension(values.reshape(2, outer, run, inner), weights)
    else:
        summed = kernels.contract(values.reshape(outer, run, inner), weights)
    return summed.reshape(2, *shape[:position], (shape[position] + missing) // run, *shape[position + 1 :])


def column_axes(columns: Sequence[Column]) -> dict[str, tuple[Axis, ...]]:
    """Axes by column name."""
    return {column.name: column.axes for column in columns}
