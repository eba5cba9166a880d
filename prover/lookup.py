"""The prover's half of verifier/lookup.py: trees of fractions, built from the leaves, walked from the root.

A layer is a *box* of shape (top, rest): the axis that is being halved, padded to a power of two with the neutral
fraction 0/1, beside the real cells of the axes that follow. When top is used up, the next axis is unpacked and
padded. So cells are only ever padded along one axis at a time, and work follows the real sizes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from ..circuits.goldilocks import ONE, ZERO, K, Vector, kscalar, ksub, kvector, sub
from ..circuits.layout import Axis
from ..circuits.multilinear import Point
from ..circuits.relation import LookedUp, Lookup, LookupBox, Relation, Section, Table
from ..verifier.lookup import (
    ROUND_DEGREE,
    Batch,
    Fraction,
    Instance,
    Keys,
    LeafSteps,
    as_children,
    draw_batch,
    draw_keys,
    instances,
    join,
    layer_claim,
    next_layer_claim,
    require_layer,
    require_roots,
    settle_leaves,
)
from . import kernels
from .channel import ProverChannel
from .columns import eq_table

Sums = tuple[tuple[int, int], tuple[int, int]]  # q(0) and the leading coefficient
UNIT = np.array([[1], [0]], dtype=np.uint64)
SHORT_LINE = 64  # boxes with fewer inner cells are not worth walking line by line


@dataclass(frozen=True)
class Box:
    """A layer, numerators and denominators (2, top, rest), or its halves as two children, (2, 2, top, rest).

    Attributes:
        numerators, denominators: K arrays.
        inner: the axes within rest, outermost first.
    """

    numerators: Vector
    denominators: Vector
    inner: tuple[Axis, ...]

    @property
    def top(self) -> int:
        """Size of the axis being halved."""
        size: int = self.denominators.shape[-2]
        return size

    def unpacked(self) -> Box:
        """When top is used up: the next axis that has variables becomes the top, padded with 0/1."""
        if self.top > 1 or not any(axis.bits for axis in self.inner):
            return self
        axis, *inner = [axis for axis in self.inner if axis.bits]
        size, padding = axis.size, (1 << axis.bits) - axis.size
        return Box(
            _unpack(self.numerators, size, padding, 0), _unpack(self.denominators, size, padding, 1), tuple(inner)
        )

    def children(self) -> Box:
        """The two halves along top, the same cells in the same order."""
        n, d = self.numerators, self.denominators
        shape = (2, 2, self.top // 2, d.shape[-1])
        return Box(n.reshape(shape), d.reshape(shape), self.inner)


def _unpack(values: Vector, size: int, padding: int, neutral: int) -> Vector:
    """(.., 1, size * rest) to (.., size + padding, rest), the padding neutral."""
    shape = values.shape[:-2]
    box = values.reshape(*shape, size, -1)
    if not padding:
        return box
    filler = np.zeros((*shape, padding, box.shape[-1]), dtype=np.uint64)
    if neutral:
        filler[0] = neutral  # the constant coefficient: denominators are always over K
    return np.concatenate([box, filler], axis=-2)


@dataclass(frozen=True)
class Tree:
    """An instance with all its layers: layers[l] has the 2^(l + 1) nodes whose pairs make layer l."""

    instance: Instance
    layers: tuple[Box, ...]
    root: tuple[K, K]


def build_tree(instance: Instance, leaves: Box) -> Tree:
    """From the leaves to the root."""
    box = leaves
    layers: list[Box] = []
    while box.top > 1:
        layers.append(box)
        box = Box(*kernels.layer_up(box.numerators, box.denominators), box.inner).unpacked()
    n, d = box.numerators.reshape(-1), box.denominators.reshape(-1)
    root = K(*(int(c) for c in n)), K(*(int(c) for c in d))
    return Tree(instance, tuple(reversed(layers)), root)


# Leaves ------------------------------------------------------------------------------------------------------------


def leaf_box(axes: Sequence[Axis], numerators: Vector, denominators: Vector) -> Box:
    """numerators / denominators on the real cells of a box, padded with 0/1 along the first axis that has variables.

    Args:
        numerators: F array (cells).
        denominators: K array (2, cells).
    """
    first, *inner = [axis for axis in axes if axis.bits] or [Axis("single", 1)]
    line = numerators.size // first.size
    padding = (line << first.bits) - numerators.size
    tops = np.pad(numerators, (0, padding))
    bottoms = np.pad(denominators, [(0, 0), (0, padding)])
    bottoms[0, numerators.size :] = 1
    return Box(np.stack([tops, np.zeros_like(tops)]).reshape(2, -1, line), bottoms.reshape(2, -1, line), tuple(inner))


def lookup_leaves(keys: Keys, tags: Mapping[str, int], tree: Instance, columns: Mapping[str, Vector]) -> Box:
    """S and S (alpha - tag - constants) - columns + 1 - S, as in verifier.lookup.require_lookup_leaf."""
    box = cast(LookupBox, tree.source)
    indicator = box.indicator.table().reshape(-1).astype(np.uint64)
    cut = tuple(axis.cut() for axis in box.axes)
    bottoms = [_lookup_denominators(keys, tags[lookup.table], lookup, columns, cut) for lookup in box.lookups]
    holes = np.flatnonzero(indicator == 0)
    for lookup, bottom in zip(box.lookups, bottoms, strict=True):
        if holes.size:
            constant = _lookup_constant(keys, tags[lookup.table], lookup)
            bottom[:, holes] = ksub(bottom[:, holes], kvector([constant - 1]))
    return leaf_box(tree.axes, np.tile(indicator, len(box.lookups)), np.concatenate(bottoms, axis=1))


def _lookup_constant(keys: Keys, tag: int, lookup: Lookup) -> K:
    """alpha - tag - constants."""
    constant = keys.alpha - tag
    for i, entry in enumerate(lookup.entries):
        constant = constant - keys.power(i) * entry.constant
    return constant


def _lookup_denominators(
    keys: Keys, tag: int, lookup: Lookup, columns: Mapping[str, Vector], cut: tuple[slice, ...]
) -> Vector:
    """alpha - tag - constants - columns. K array (2, cells)."""
    coefficients: dict[str, K] = {}
    for i, entry in enumerate(lookup.entries):
        for coefficient, name in entry.terms:
            coefficients[name] = coefficients.get(name, ZERO) - keys.power(i) * coefficient
    cells = [columns[name][cut].reshape(-1) for name in coefficients]
    constant = _lookup_constant(keys, tag, lookup)
    return kernels.leaf_denominators(cells, kvector(coefficients.values()), constant.pair, cells[0].size)


def table_leaves(keys: Keys, tree: Instance, columns: Mapping[str, Vector]) -> Box:
    """-m and alpha - key, as in verifier.lookup.require_table_leaf."""
    numerators, denominators = [], []
    for table in cast(tuple[Table, ...], tree.source):
        components = [component.table()[0] for component in table.components]
        factors = kvector(-keys.power(i) for i in range(len(components)))
        constant = (keys.alpha - table.tag).pair
        counts = columns[table.multiplicity][table.section.cut()].reshape(-1)
        numerators.append(sub(np.zeros_like(counts), counts))
        denominators.append(kernels.leaf_denominators(components, factors, constant, counts.size))
    return leaf_box(tree.axes, np.concatenate(numerators), np.concatenate(denominators, axis=1))


def build_trees(section: Section, trees: Sequence[Instance], keys: Keys, columns: Mapping[str, Vector]) -> list[Tree]:
    """All trees of a section. `columns`: committed and virtual ones, F arrays."""
    tags = {table.name: table.tag for table in section.tables}
    return [
        build_tree(
            tree,
            lookup_leaves(keys, tags, tree, columns)
            if isinstance(tree.source, LookupBox)
            else table_leaves(keys, tree, columns),
        )
        for tree in trees
    ]


# The walk ----------------------------------------------------------------------------------------------------------


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

    def cells(self, top_bits: int, axes: tuple[Axis, ...]) -> tuple[Vector, Vector]:
        """On (2^top_bits, inner cells), as two factors. Short lines are joined, that is, multiplied out."""
        inner, _ = self.inner(axes)
        end = len(self.point) - sum(axis.bits for axis in axes)
        if inner.shape[1] < SHORT_LINE:
            return UNIT, self._doubled(inner, end, top_bits)
        return self._doubled(UNIT, end, top_bits), inner

    def _doubled(self, start: Vector, end: int, count: int) -> Vector:
        """A table with the `count` variables before `end` in front, built one by one and kept."""
        tables = self._top.setdefault((end, start.tobytes()), [start])
        while len(tables) <= count:
            tables.append(kernels.eq_double(tables[-1], self.point[end - len(tables)].pair))
        return tables[count]


class LayerPair:
    """The children n0 / d0 and n1 / d1 of one layer, while its variables are bound one by one."""

    def __init__(self, children: Box, weights: LayerWeights, mu: K) -> None:
        self.children = children.unpacked()
        self._weights = weights
        self._mu = mu
        self._round: Sums | None = None

    def round(self) -> tuple[K, K]:
        """q(0) and q's leading coefficient for sum of eq * (n0 d1 + n1 d0 + mu d0 d1), the top variable first.

        Cells beside the real ones hold 0/1 twice and add mu times their eq to q(0).
        """
        if self._round is None:
            n, d = self.children.numerators, self.children.denominators
            self._round = kernels.fraction_round(n, d, self._cells(self.children.top // 2), self._mu.pair)
        at_zero, at_infinity = self._round
        _, beside = self._weights.inner(self.children.inner)
        return K(*at_zero) + self._mu * beside, K(*at_infinity)

    def fold(self, challenge: K) -> None:
        """The top variable bound to the challenge; where the top goes on, its next round in the same pass."""
        n, d, inner = self.children.numerators, self.children.denominators, self.children.inner
        if self.children.top > 2:
            weights = self._cells(self.children.top // 4)
            n, d, self._round = kernels.fold_round(n, d, challenge.pair, weights, self._mu.pair)
            self.children = Box(n, d, inner)
        else:
            n, d = kernels.fold_fractions(n, d, challenge.pair)
            self.children, self._round = Box(n, d, inner).unpacked(), None

    def _cells(self, top: int) -> tuple[Vector, Vector]:
        return self._weights.cells(top.bit_length() - 1, self.children.inner)

    def values(self) -> list[K]:
        """n0, n1, d0, d1 when all variables are bound."""
        arrays = self.children.numerators, self.children.denominators
        return [kscalar(child) for array in arrays for child in array.reshape(2, 2).T]


def _box_eq(axes: Sequence[Axis], point: Point) -> Vector:
    """eq(point, .) on the real cells of a box. K vector (2, cells)."""
    result = UNIT
    for axis in axes:
        table, point = eq_table(point[: axis.bits])[:, : axis.size], point[axis.bits :]
        count = result.shape[1]
        wide = np.repeat(result, axis.size, axis=1)
        result = kernels.kmul(wide, np.tile(table, (1, count)))
    return result


def prove_lookups(
    channel: ProverChannel, steps: LeafSteps, relation: Relation, columns: Mapping[str, Vector]
) -> dict[str, LookedUp]:
    """All lookups of a relation, which may have none, down to the hidden values of columns; by name of the box."""
    looked_up: dict[str, LookedUp] = {}
    for section in relation.sections:
        keys = draw_keys(channel, section)
        trees = build_trees(section, instances(section), keys, columns)
        looked_up |= settle_leaves(channel, steps, relation, section, keys, prove_trees(channel, trees))
    return looked_up


def prove_trees(channel: ProverChannel, trees: Sequence[Tree]) -> dict[Instance, tuple[Point, Fraction]]:
    """From the roots to the leaves: for each instance a point and the hidden fraction there."""
    all_instances = [tree.instance for tree in trees]
    roots = [channel.send(_root_message(*tree.root)) for tree in trees]  # P -> V
    fractions = require_roots(channel, all_instances, roots)
    leaves: dict[Instance, tuple[Point, Fraction]] = {}
    point: Point = ()
    for layer in range(max(instance.bits for instance in all_instances) + 1):
        leaves.update({tree: (point, fractions[tree]) for tree in all_instances if tree.bits == layer})
        active = [tree for tree in trees if tree.instance.bits > layer]
        if not active:
            break
        batch = draw_batch(channel, len(active))  # V -> P
        claim = layer_claim(channel, batch, [fractions[tree.instance] for tree in active])
        weights = LayerWeights(point)
        pairs = [LayerPair(tree.layers[layer].children(), weights, batch.denominator) for tree in active]
        bound: list[K] = []
        for r in point:
            constant, leading = channel.send(round_message(pairs, batch))  # P -> V
            bound.append(channel.challenge("lookup layer", ROUND_DEGREE + 1))  # V -> P
            claim = next_layer_claim(channel, claim, constant, leading, r, bound[-1])
            for pair in pairs:
                pair.fold(bound[-1])
        children = [as_children(channel.send(pair.values())) for pair in pairs]  # P -> V
        require_layer(channel, claim, batch, children)
        top = channel.challenge("lookup halves", 1)  # V -> P
        point = (top, *bound)
        joined = {tree.instance: join(channel, c, top) for tree, c in zip(active, children, strict=True)}
        fractions.update(joined)
    return leaves


def _root_message(numerator: K, denominator: K) -> list[K]:
    inverse = denominator.inverse()
    return [numerator, denominator, inverse, numerator * inverse]


def round_message(pairs: Sequence[LayerPair], batch: Batch) -> list[K]:
    """q(0) and the leading coefficient of the round polynomial q, combined over all instances."""
    constant, leading = ZERO, ZERO
    for pair, weight in zip(pairs, batch.instances, strict=True):
        at_zero, at_infinity = pair.round()
        constant, leading = constant + weight * at_zero, leading + weight * at_infinity
    return [constant, leading]
