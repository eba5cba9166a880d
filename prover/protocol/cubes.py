"""All trees of a section together: their upper layers, and the last variables of the lower ones.

Where few variables are left, real sizes matter little: the pairs of all trees are padded to cubes of one size, and a
round is one call for all of them (prover/kernels/cubes.py).
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
        places = (self._starts[active, None] + nodes).reshape(-1)
        n, d = (np.take(values, places, axis=1) for values in (self._n, self._d))
        b = kernels.kadd(n, kernels.kscale(d, batch.denominator.pair))
        return LayerRounds(Cubes(*(v.reshape(2, len(active), 2, -1) for v in (n, b)), point, batch), point, batch)


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
            n, b = zip(*(pair.cube() for pair in self._pairs), strict=True)
            self._pairs = Cubes(np.stack(n, axis=1), np.stack(b, axis=1), self._point, self._batch)

    def values(self) -> list[list[K]]:
        """n0, n1, d0, d1 of each tree when all variables are bound."""
        if not isinstance(self._pairs, Cubes):
            raise TypeError("not all variables are bound")
        return self._pairs.values(self._inverse)


class Cubes:
    """The children of all trees, padded, and overwritten while they are folded.

    Args:
        n, b: numerators, and n + mu d: K (2, trees, 2, 2^variables), coefficient, tree, child, cell.
        point: where the variables are weighed.
    """

    def __init__(self, n: Vector, b: Vector, point: Point, batch: Batch) -> None:
        self._n, self._b, self._scales = n, b, kvector(batch.instances)
        self._weights = kernels.eq_crown(kvector(point[1:]))
        self._live: int = n.shape[3]
        self._sums: kernels.Sums | None = None

    def round(self) -> Sums:
        """Summed over trees, each times its weight."""
        if self._sums is None:
            self._sums = kernels.cubes_round(self._n, self._b, self._live, self._weights, self._scales)
        at_zero, at_infinity = self._sums
        return K(*at_zero), K(*at_infinity)

    def fold(self, challenge: K) -> None:
        """The next variable bound; the round after it comes in the same pass."""
        self._live //= 2
        arrays, c = (self._n, self._b), challenge.pair
        if self._live > 1:
            self._sums = kernels.cubes_round(*arrays, self._live, self._weights, self._scales, c)
        else:
            two = (values[..., :2].transpose(0, 3, 1, 2) for values in arrays)
            self._n, self._b = (kernels.fold(values, c)[:, 0, ..., None] for values in two)

    def values(self, inverse: K) -> list[list[K]]:
        """n0, n1, d0, d1 of each tree; inverse: of mu."""
        d = kernels.kscale(kernels.ksub(self._b, self._n), inverse.pair)
        children = [_elements(values[:, :, child, 0]) for values in (self._n, d) for child in range(2)]
        return [list(own) for own in zip(*children, strict=True)]


def _elements(values: Vector) -> list[K]:
    """Of a K vector (2, n)."""
    return [K(a, b) for a, b in zip(*values.tolist(), strict=True)]
