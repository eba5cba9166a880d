"""All trees of a section together: their upper layers, and the last variables of the lower ones.

Where few variables are left, real sizes matter little: the pairs of all trees are padded to cubes of one size. For the
kernels of a pair (prover/kernels/lookup.py) they are one, whose lines hold a cell of every tree, so that a round is one
call for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...circuits.field.goldilocks import ZERO, K, Vector, kvector
from ...circuits.field.multilinear import Point
from ...verifier.protocol.lookup import Batch
from .. import kernels
from . import fractions
from .fractions import LayerWeights, Pair, Sums, Tree


class Forest:
    """Trees, and their crowns: all layers of at most 2^CUBE_BITS nodes.

    Attributes:
        roots: n and d of each tree.
    """

    def __init__(self, trees: Sequence[Tree]) -> None:
        self.trees = trees
        sizes = [tree.numerators.shape[1] for tree in trees]
        *starts, end = np.cumsum([0, *(2 * size for size in sizes)]).tolist()
        self._n, self._d = np.zeros((2, 2, end), dtype=np.uint64)
        for tree, start, size in zip(trees, starts, sizes, strict=True):
            self._n[:, start + size : start + 2 * size] = tree.numerators
            self._d[:, start + size : start + 2 * size] = tree.denominators
        self._starts = np.array(starts, dtype=np.uint64)
        kernels.crowns_up(self._n, self._d, self._starts, np.array([size.bit_length() - 1 for size in sizes]))
        places = self._starts + np.uint64(1)
        self.roots = list(zip(_elements(self._n[:, places]), _elements(self._d[:, places]), strict=True))

    def rounds(self, layer: int, point: Point, batch: Batch) -> LayerRounds:
        """Of one layer, of the trees that have it, in their order."""
        active = [i for i, tree in enumerate(self.trees) if tree.instance.bits > layer]
        if layer >= fractions.CUBE_BITS:
            weights, own = LayerWeights(point), layer - fractions.CUBE_BITS
            pairs = [self.trees[i].layers[own].pair(weights, batch.denominator) for i in active]
            return LayerRounds(pairs, point, batch)
        nodes = np.arange(2 << layer, 4 << layer, dtype=np.uint64)
        places = self._starts[active] + nodes[:, None]  # the trees of each node together
        n, d = (np.take(values, places.reshape(-1), axis=1) for values in (self._n, self._d))
        b = kernels.kadd(n, kernels.kscale(d, batch.denominator.pair))
        return LayerRounds(Cubes(n.reshape(2, 2, -1), b.reshape(2, 2, -1), point, batch), point, batch)


class LayerRounds:
    """The rounds of a layer: of pairs, and then of cubes."""

    def __init__(self, pairs: Sequence[Pair] | Cubes, point: Point, batch: Batch) -> None:
        self._pairs, self._point, self._batch = pairs, point, batch
        self._inverse = batch.denominator.inverse()  # sums are mu times what is claimed

    def message(self) -> list[K]:
        """q(0) and the leading coefficient of the round polynomial q, combined over all trees."""
        if isinstance(self._pairs, Cubes):
            constant, leading = self._pairs.round()
        else:
            constant, leading = ZERO, ZERO
            for pair, weight in zip(self._pairs, self._batch.instances, strict=True):
                at_zero, at_infinity = pair.round()
                constant, leading = constant + weight * at_zero, leading + weight * at_infinity
        return [constant * self._inverse, leading * self._inverse]

    def fold(self, challenge: K) -> None:
        """The next variable bound."""
        self._point = self._point[1:]
        if isinstance(self._pairs, Cubes):
            self._pairs.fold(challenge)
            return
        self._pairs = [pair.fold(challenge) for pair in self._pairs]
        if len(self._point) <= fractions.CUBE_BITS:
            of_trees = zip(*(pair.cube() for pair in self._pairs), strict=True)
            n, b = (np.stack(values, axis=3).reshape(2, 2, -1) for values in of_trees)
            self._pairs = Cubes(n, b, self._point, self._batch)

    def values(self) -> list[list[K]]:
        """n0, n1, d0, d1 of each tree when all variables are bound."""
        if not isinstance(self._pairs, Cubes):
            raise TypeError("not all variables are bound")
        return self._pairs.values(self._inverse)


class Cubes:
    """The children of all trees, padded, and overwritten while they are folded.

    Args:
        n, b: numerators, and n + mu d: K (2, 2, 2^variables * trees), coefficient, child, cell of every tree.
        point: where the variables are weighed.
    """

    def __init__(self, n: Vector, b: Vector, point: Point, batch: Batch) -> None:
        self._n, self._b, self._scales = n, b, kvector(batch.instances)
        self._weights, self._left = LayerWeights(point), len(point)
        self._sums: kernels.Sums | None = None

    def round(self) -> Sums:
        """Summed over trees, each times its weight."""
        if self._sums is None:
            self._sums = kernels.pair_round(self._n, self._b, self._line_weights())
        at_zero, at_infinity = self._sums
        return K(*at_zero), K(*at_infinity)

    def fold(self, challenge: K) -> None:
        """The next variable bound; the round after it comes in the same pass."""
        self._left -= 1
        if self._left:
            self._sums = kernels.pair_fold_round(self._n, self._b, challenge.pair, self._line_weights())
            return
        for values in (self._n, self._b):
            kernels.pair_fold(values, 2 * self._scales.shape[1], challenge.pair)

    def values(self, inverse: K) -> list[list[K]]:
        """n0, n1, d0, d1 of each tree; inverse: of mu."""
        n, b = (np.ascontiguousarray(values[:, :, : self._scales.shape[1]]) for values in (self._n, self._b))
        d = kernels.kscale(kernels.ksub(b, n), inverse.pair)
        children = [_elements(values[:, child]) for values in (n, d) for child in range(2)]
        return [list(own) for own in zip(*children, strict=True)]

    def _line_weights(self) -> tuple[Vector, Vector]:
        """Of the cells after the next variable, and of trees."""
        return self._weights.last(self._left - 1), self._scales


def _elements(values: Vector) -> list[K]:
    """Of a K vector (2, n)."""
    return [K(a, b) for a, b in zip(*values.tolist(), strict=True)]
