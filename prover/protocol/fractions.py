"""Trees of fractions, built from the leaves and walked from the root: the prover's half of verifier/protocol/lookup.py.

A layer is a *box* of shape (top, rest): the axis that is being halved, padded to a power of two with the neutral
fraction 0/1, beside the real cells of the axes that follow. When top is used up, the next axis is unpacked and
padded. So cells are only ever padded along one axis at a time, and work follows the real sizes.

In the sumcheck of a layer, n and b = n + mu d are folded (prover/kernels/lookup.py): mu times what is proved is
b0 b1 - n0 n1. The two lowest layers of a large tree are never written down: prover/protocol/leaves.py. The upper ones,
and the last variables of all, are those of all trees together: prover/protocol/cubes.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Protocol

import numpy as np

from ...circuits.field.goldilocks import ONE, K, Vector, kscalar, kvector
from ...circuits.field.multilinear import Point
from ...circuits.language.layout import Axis
from ...errors import ZkUnlearnError
from ...verifier.protocol.lookup import Instance
from .. import kernels
from ..matrices.values import eq_table

UNIT = np.array([[1], [0]], dtype=np.uint64)
SHORT_LINE = 64  # boxes with fewer inner cells are not worth walking line by line
CUBE_BITS = 11  # variables, at least one: of so many, all trees are walked together
Sums = tuple[K, K]  # q(0), and q's leading coefficient


class Pair(Protocol):
    """Two children of a layer while its variables are bound, the first one first."""

    def round(self) -> Sums:
        """Of q(X) = sum of eq * (b0 b1 - n0 n1) over what is not bound, beside the bound and the next variable."""

    def fold(self, challenge: K) -> Pair:
        """The pair with the next variable bound; this one is of no use any more."""

    def cube(self) -> tuple[Vector, Vector]:
        """n and b of what is left once a variable is bound, padded: K (2, 2, 2^variables), coefficient, child, cell."""


class Layer(Protocol):
    """A layer of a tree."""

    def pair(self, weights: LayerWeights, mu: K) -> Pair:
        """Its two halves. A layer serves once: it may be overwritten while it is folded."""


@dataclass(frozen=True, repr=False)  # secrets stay out of logs
class Tree:
    """An instance with its lower layers, and the layer above these, padded.

    Attributes:
        layers: layers[l] has the nodes whose pairs make layer CUBE_BITS + l.
        numerators, denominators: K (2, 2^k), k = CUBE_BITS, or all variables of a smaller tree.
    """

    instance: Instance
    layers: tuple[Layer, ...]
    numerators: Vector
    denominators: Vector


@dataclass(frozen=True, repr=False)  # secrets stay out of logs
class Box:
    """A layer, numerators and denominators K (2, top, rest).

    Attributes:
        inner: the axes within rest, outermost first.
    """

    numerators: Vector
    denominators: Vector
    inner: tuple[Axis, ...]

    @property
    def top(self) -> int:
        """Size of the axis being halved."""
        size: int = self.denominators.shape[1]
        return size

    def unpacked(self) -> Box:
        """When top is used up: the next axis that has variables becomes the top, padded with 0/1."""
        if self.top > 1 or not any(axis.bits for axis in self.inner):
            return self
        axis, *inner = [axis for axis in self.inner if axis.bits]
        n, d = (values.reshape(2, axis.size, -1) for values in (self.numerators, self.denominators))
        return Box(*padded_lines(n, d, 1 << axis.bits), tuple(inner))

    def cube(self) -> tuple[Vector, Vector]:
        """All nodes, padded with 0/1: K (2, 2^variables)."""
        n, d = (
            padded_cube(values.reshape(2, 1, -1), self.top, self.inner, neutral)[:, 0]
            for values, neutral in ((self.numerators, (0, 0)), (self.denominators, (1, 0)))
        )
        return n, d

    def pair(self, weights: LayerWeights, mu: K) -> Pair:
        """See `Layer`."""
        n, d = (np.ascontiguousarray(v).reshape(2, 2, -1) for v in (self.numerators, self.denominators))
        return LayerPair(n, d, (self.top // 2, self.inner), weights, mu, mixed=False)


def padded_lines(n: Vector, d: Vector, size: int) -> tuple[Vector, Vector]:
    """Numerators and denominators K (2, lines, cells) with lines of 0/1 up to `size`; as they are if these are all."""
    lines = n.shape[1]
    if lines == size:
        return n, d
    padded_n, padded_d = np.zeros((2, 2, size, n.shape[2]), dtype=np.uint64)
    padded_n[:, :lines], padded_d[:, :lines], padded_d[0, lines:] = n, d, 1
    return padded_n, padded_d


def build_tree(instance: Instance, box: Box, below: Sequence[Layer] = ()) -> Tree:
    """From the leaves upwards; `below` are layers below the box, lowest first."""
    layers = list(below)
    while instance.bits - len(layers) > CUBE_BITS:
        layers.append(box)
        box = Box(*kernels.layer_up(box.numerators, box.denominators), box.inner).unpacked()
    return Tree(instance, tuple(reversed(layers)), *box.cube())


# Weights -----------------------------------------------------------------------------------------------------------


class LayerWeights:
    """eq(point, .) of one layer, on the cells of every box that its rounds meet; shared by all trees."""

    def __init__(self, point: Point) -> None:
        self.point = point
        self._inner: dict[tuple[Axis, ...], tuple[Vector, K]] = {}
        self._top: dict[tuple[int, bytes], list[Vector]] = {}

    def inner(self, axes: tuple[Axis, ...]) -> tuple[Vector, K]:
        """On the real cells of the inner axes, the last variables: K vector (2, cells); and what they lack to 1."""
        if axes not in self._inner:
            bits = sum(axis.bits for axis in axes)
            table = _box_eq(axes, self.point[len(self.point) - bits :])
            self._inner[axes] = table, ONE - K(*kernels.ksum(table))
        return self._inner[axes]

    def factors(self, top_bits: int, axes: tuple[Axis, ...]) -> tuple[Vector, Vector]:
        """On (2^top_bits, inner cells), as two factors."""
        return self._doubled(UNIT, self._end(axes), top_bits), self.inner(axes)[0]

    def cells(self, top_bits: int, axes: tuple[Axis, ...]) -> tuple[Vector, Vector]:
        """The same; short lines are joined, that is, multiplied out."""
        inner, _ = self.inner(axes)
        if inner.shape[1] < SHORT_LINE:
            return UNIT, self._doubled(inner, self._end(axes), top_bits)
        return self.factors(top_bits, axes)

    def last(self, count: int) -> Vector:
        """On the last variables alone, K vector (2, 2^count)."""
        return self._doubled(UNIT, len(self.point), count)

    def _end(self, axes: tuple[Axis, ...]) -> int:
        return len(self.point) - sum(axis.bits for axis in axes)

    def _doubled(self, start: Vector, end: int, count: int) -> Vector:
        """A table with the `count` variables before `end` in front; those with fewer, of later rounds, are kept."""
        key = end, start.tobytes()
        if len(self._top.get(key, ())) <= count:
            self._top[key] = kernels.eq_doublings(start, kvector(self.point[end - count : end]))
        return self._top[key][count]


def _box_eq(axes: Sequence[Axis], point: Point) -> Vector:
    """eq(point, .) on the real cells of a box. K vector (2, cells)."""
    result = UNIT
    for axis in axes:
        table, point = eq_table(point[: axis.bits])[:, : axis.size], point[axis.bits :]
        count = result.shape[1]
        wide = np.repeat(result, axis.size, axis=1)
        result = kernels.kmul(wide, np.tile(table, (1, count)))
    return result


# Pairs -------------------------------------------------------------------------------------------------------------


class LayerPair:
    """A pair with its cells in memory, which are overwritten.

    Args:
        n: numerators, K (2, 2, S), coefficient, child, cell; None if they are not of interest.
        b: n + mu d if `mixed`, else still d.
        shape: the top, and the axes within a line.
    """

    def __init__(
        self,
        n: Vector | None,
        b: Vector,
        shape: tuple[int, tuple[Axis, ...]],
        weights: LayerWeights,
        mu: K,
        *,
        mixed: bool = True,
    ) -> None:
        self._n, self._b, self._mixed = n, b, mixed
        self._top, self._inner = shape
        self._weights, self._mu = weights, mu
        self._sums: kernels.Sums | None = None
        self._weigh()
        self._unpack()

    def round(self) -> Sums:
        """Cells beside the real ones hold 0/1 twice, and add mu^2 times their eq to q(0)."""
        if self._sums is None:
            weights = self._cells(self._top // 2)
            if self._mixed or self._n is None:
                self._sums = kernels.pair_round(self._n, self._b, weights)
            else:
                self._sums, self._mixed = kernels.mix_round(self._n, self._b, weights, self._mu.pair), True
        at_zero, at_infinity = self._sums
        return K(*at_zero) + self._beside, K(*at_infinity)

    def fold(self, challenge: K) -> LayerPair:
        """Where the top goes on, its next round comes in the same pass."""
        if self._top > 2:
            weights = self._cells(self._top // 4)
            self._sums = kernels.pair_fold_round(self._n, self._b, challenge.pair, weights)
        else:
            live = self._top * self._line
            for values in (self._b,) if self._n is None else (self._n, self._b):
                kernels.pair_fold(values, live, challenge.pair)
            self._sums = None
        self._top //= 2
        self._unpack()
        return self

    def cube(self) -> tuple[Vector, Vector]:
        """See `Pair`; without numerators, these are zeros."""
        if not self._mixed:
            raise ZkUnlearnError("the cells of a layer were asked for before its first variable was bound")
        b = padded_cube(self._b, self._top, self._inner, self._mu.pair)
        n = np.zeros_like(b) if self._n is None else padded_cube(self._n, self._top, self._inner, (0, 0))
        return n, b

    def mixed_values(self) -> list[K]:
        """b0 and b1 when all variables are bound."""
        return _ends(self._b)

    def _cells(self, top: int) -> tuple[Vector, Vector]:
        return self._weights.cells(top.bit_length() - 1, self._inner)

    def _weigh(self) -> None:
        """What rounds need of the axes within a line: its cells, and what those beside the real ones add to q(0)."""
        weights, beside = self._weights.inner(self._inner)
        self._line, self._beside = weights.shape[1], self._mu * self._mu * beside

    def _unpack(self) -> None:
        """When top is used up: the next axis that has variables becomes the top, padded with 0/1."""
        if self._top > 1 or not any(axis.bits for axis in self._inner):
            return
        axis, *inner = [axis for axis in self._inner if axis.bits]
        rest = prod(other.size for other in inner)
        real, whole = axis.size * rest, rest << axis.bits
        neutral = self._mu.pair if self._mixed else (1, 0)
        self._b = _padded(self._b, real, whole, neutral)
        if self._n is not None:
            self._n = _padded(self._n, real, whole, (0, 0))
        self._top, self._inner = 1 << axis.bits, tuple(inner)
        self._weigh()


def _ends(children: Vector) -> list[K]:
    return [kscalar(np.ascontiguousarray(children[:, child, 0])) for child in range(2)]


def padded_cube(values: Vector, top: int, inner: Sequence[Axis], neutral: tuple[int, int]) -> Vector:
    """The live cells of children, K (2, c, S), padded along the inner axes: K (2, c, 2^variables)."""
    sizes, widths = [axis.size for axis in inner], [1 << axis.bits for axis in inner]
    live = values[:, :, : top * prod(sizes)]
    if sizes == widths:
        return live
    cube = np.empty((2, values.shape[1], top, *widths), dtype=np.uint64)
    for coefficient, plane in zip(neutral, cube, strict=True):
        plane[:] = coefficient
    real = tuple(slice(size) for size in sizes)
    cube[(slice(None), slice(None), slice(None), *real)] = live.reshape(2, values.shape[1], top, *sizes)
    return cube.reshape(2, values.shape[1], -1)


def _padded(values: Vector, real: int, whole: int, filler: tuple[int, int]) -> Vector:
    """Cells real..whole of both children set; in place where there is room."""
    if values.shape[2] < whole:
        values = np.pad(values[:, :, :real], [(0, 0), (0, 0), (0, whole - real)])
    for coefficient, plane in zip(filler, values, strict=True):
        plane[:, real:whole] = coefficient
    return values
