"""The two lowest layers of a large tree, which are never written down.

They are computed from the lists of their leaves (prover/kernels/leaves.py), and folded into the memory of the layer
above them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import ONE, ZERO, K, Vector, kscalar, kvector
from ...circuits.field.multilinear import Point
from ...circuits.language.layout import Axis
from ...errors import ZkUnlearnError
from .. import kernels
from ..kernels import Leaves
from .fractions import Box, Layer, LayerPair, LayerWeights, Pair, Sums


@dataclass(frozen=True, repr=False)  # secrets stay out of logs
class ListedLeaves:
    """Leaves that are entries of a list, as a layer.

    Attributes:
        leaves: what the kernels take; its lines are the padded leading axes.
        inner: the axes within a line.
        numerators: of each axis, its cells that count, uint8; a leaf's numerator is their product.
    """

    leaves: Leaves
    inner: tuple[Axis, ...]
    axes: tuple[Axis, ...]
    numerators: tuple[npt.NDArray[np.uint8], ...]

    @property
    def lines(self) -> int:
        """L, of the leaf layer."""
        return self.leaves.offsets.size

    @cached_property
    def _second(self) -> Vector:
        return kernels.leaves_up(self.leaves)

    @property
    def second(self) -> Box:
        """The layer above the one above."""
        numerators, denominators = self._second
        return Box(numerators, denominators, self.inner)

    @property
    def layers(self) -> tuple[Layer, Layer]:
        """The layers below `second`."""
        return self, NodeLayer(self)

    @property
    def memory(self) -> Vector:
        """Of the second layer, for the layers below: on the way down it has been done with."""
        return self._second

    def pair(self, weights: LayerWeights, mu: K) -> Pair:
        """See `Layer`."""
        return LeafPair(self, weights, mu)


@dataclass(frozen=True, repr=False)  # secrets stay out of logs
class NodeLayer:
    """The layer above listed leaves."""

    below: ListedLeaves

    def pair(self, weights: LayerWeights, mu: K) -> Pair:
        """See `Layer`."""
        return NodePair(self.below, weights, mu)


class _Unfolded:
    """A pair of the two lowest layers, before its first variable is bound; there is always one."""

    def cube(self) -> tuple[Vector, Vector]:
        """Raises ZkUnlearnError."""
        raise ZkUnlearnError("the cells of a layer were asked for before its first variable was bound")


class NodePair(_Unfolded):
    """A pair of the layer above the leaves."""

    def __init__(self, below: ListedLeaves, weights: LayerWeights, mu: K) -> None:
        self._below, self._weights, self._mu = below, weights, mu

    def round(self) -> Sums:
        """See `Pair`."""
        below, mu = self._below, self._mu
        weights = self._weights.factors((below.lines // 8).bit_length() - 1, below.inner)
        at_zero, at_infinity = kernels.node_round(below.leaves, weights, mu.pair)
        return K(*at_zero) + mu * mu * self._weights.inner(below.inner)[1], K(*at_infinity)

    def fold(self, challenge: K) -> LayerPair:
        """See `Pair`."""
        below, mu = self._below, self._mu
        n, b = kernels.node_fold(below.leaves, mu.pair, challenge.pair, below.memory)
        return LayerPair(n, b, (below.lines // 8, below.inner), self._weights, mu)


class LeafPair(_Unfolded):
    """A pair of leaves: only b is folded, as the numerators are a product of functions of one axis each."""

    def __init__(self, layer: ListedLeaves, weights: LayerWeights, mu: K) -> None:
        self._layer, self._weights, self._mu = layer, weights, mu
        self._numerators = NumeratorPair(layer, weights.point)
        self._entries = kernels.leaf_entries(layer.leaves.denominators, layer.leaves.live, mu.pair)

    def round(self) -> Sums:
        """See `Pair`."""
        layer, mu = self._layer, self._mu
        weights = self._weights.factors((layer.lines // 4).bit_length() - 1, layer.inner)
        b_zero, b_infinity = kernels.leaf_round(layer.leaves, self._entries, weights)
        n_zero, n_infinity = self._numerators.round()
        beside = mu * mu * self._weights.inner(layer.inner)[1]
        return K(*b_zero) + beside - n_zero, K(*b_infinity) - n_infinity

    def fold(self, challenge: K) -> FoldedLeafPair:
        """See `Pair`."""
        layer = self._layer
        self._numerators.fold(challenge)
        b = kernels.leaf_fold(layer.leaves, self._entries, challenge.pair, layer.memory)
        pair = LayerPair(None, b, (layer.lines // 4, layer.inner), self._weights, self._mu)
        return FoldedLeafPair(pair, self._numerators)


@dataclass(frozen=True, repr=False)  # secrets stay out of logs
class FoldedLeafPair:
    """b of two leaves, and their numerators."""

    mixed: LayerPair
    numerators: NumeratorPair

    def round(self) -> Sums:
        """See `Pair`."""
        b_zero, b_infinity = self.mixed.round()
        n_zero, n_infinity = self.numerators.round()
        return b_zero - n_zero, b_infinity - n_infinity

    def fold(self, challenge: K) -> FoldedLeafPair:
        """See `Pair`."""
        self.mixed.fold(challenge)
        self.numerators.fold(challenge)
        return self

    def cube(self) -> tuple[Vector, Vector]:
        """See `Pair`."""
        return self.numerators.cube(), self.mixed.cube()[1]


class NumeratorPair:
    """sum of eq * n0 n1, for numerators that are a product over the axes of zeros and ones: axis by axis."""

    def __init__(self, layer: ListedLeaves, point: Point) -> None:
        real = [(axis, own) for axis, own in zip(layer.axes, layer.numerators, strict=True) if axis.bits]
        tables = [np.zeros(1 << axis.bits, dtype=np.uint64) for axis, _ in real]
        for table, (axis, own) in zip(tables, real, strict=True):
            table[: axis.size] = own
        children = [tables[0].reshape(2, -1), *(np.stack([table, table]) for table in tables[1:])]
        alone = all(cells[0] for axis, cells in zip(layer.axes, layer.numerators, strict=True) if not axis.bits)
        self._bound = [ONE, ONE] if alone else [ZERO, ZERO]
        self._pairs: list[tuple[LayerPair, int]] = []
        self._later: list[K] = []
        for cells in children:
            bits = cells.shape[1].bit_length() - 1
            weights, point = LayerWeights(point[:bits]), point[bits:]
            products = cells[0] * cells[1]
            self._later.append(kscalar(kernels.contract(products[None, :, None], weights.last(bits)).reshape(2)))
            values = np.stack([cells, np.zeros_like(cells)])
            pair = LayerPair(None, values, (cells.shape[1], ()), weights, ZERO)
            self._pairs.append((pair, bits))
        self._settle()

    def round(self) -> Sums:
        """q(0) and the leading coefficient."""
        scale = self._bound[0] * self._bound[1]
        for later in self._later[1:]:
            scale = scale * later
        at_zero, at_infinity = self._pairs[0][0].round()
        return scale * at_zero, scale * at_infinity

    def fold(self, challenge: K) -> None:
        """The next variable bound."""
        pair, bits = self._pairs[0]
        pair.fold(challenge)
        self._pairs[0] = pair, bits - 1
        self._settle()

    def cube(self) -> Vector:
        """n of both children on all cells that are left: K (2, 2, 2^variables)."""
        cube = kvector(self._bound)[..., None]
        for pair, _ in self._pairs:
            cells = pair.cube()[1]
            shape = (2, 2, cube.shape[2], cells.shape[2])
            wide, tall = np.broadcast_to(cube[..., None], shape), np.broadcast_to(cells[:, :, None], shape)
            cube = kernels.kmul(wide, tall).reshape(2, 2, -1)
        return cube

    def _settle(self) -> None:
        """Past the axes of which all variables are bound."""
        while self._pairs and not self._pairs[0][1]:
            values = self._pairs[0][0].mixed_values()
            self._bound = [bound * value for bound, value in zip(self._bound, values, strict=True)]
            del self._pairs[0], self._later[0]
