"""All lookups of a proof by one logUp argument over fraction trees (Haböck 2022; Papini, Haböck 2023).

For random alpha and beta, the looked-up tuples are in their tables if and only if

    sum over looked-up tuples of 1 / (alpha - key)  -  sum over table rows j of m_j / (alpha - key_j)  =  0,
    key = a_1 + beta * a_2 + .. + beta^w * tag           w: the most components that a tuple of the section has

Tuples of a permutation, under a tag of their own, are in no table: its boxes of sign 1 and of sign -1 hold the same
ones, as often, as their numerators are public, and fewer than p.

The lookups of one box are an *instance*, and so are all tables: a tree of fractions, its leaves chosen by a selector
(which lookup, which table) and a cell: leaf n / d, node (n0 d1 + n1 d0) / (d0 d1). All trees of a section are walked
from the root together, one sumcheck a layer over a random combination of the instances, so that instances of equal
size end at the same point. A layer's variables are bound from the most significant on, and the two children of a
node are the halves of the layer below (their bit becomes the first coordinate).

The equality polynomial is factored out of the round polynomials (Gruen 2024): q of degree 2 is sent as q(0) and
its leading coefficient, and q(1) follows from (1 - r) q(0) + r q(1) = claim.

Cells that do not count have numerator 0, by the public indicator, and weigh nothing. Their denominator is alpha - key
like any other's inside the real box, and outside of it one less whatever their columns hold, where an honest prover has
zeros. Selector values past the last lookup are fractions 0 / 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Protocol

from ...circuits.field.goldilocks import ONE, ZERO, K
from ...circuits.field.multilinear import Point, eq_index, prefix
from ...circuits.language.hidden import Hidden, Product, linear, public
from ...circuits.language.layout import Address, Axis
from ...circuits.language.relation import Indicator, LookedUp, LookupBox, Relation, Section, Table
from ...circuits.language.tables import TABLE_AXIS
from ...errors import InvalidProof
from .channel import Channel, Side

Fraction = tuple[Hidden, Hidden]  # numerator, denominator
Children = tuple[Hidden, Hidden, Hidden, Hidden]  # n0, n1, d0, d1
ROUND_DEGREE = 2


@dataclass(frozen=True, eq=False)
class Instance:
    """One tree, equal to no other: its source, and the axes of its leaves, the selector first."""

    source: LookupBox | tuple[Table, ...]
    axes: tuple[Axis, ...]

    @cached_property
    def bits(self) -> int:
        """Number of layers."""
        return sum(axis.bits for axis in self.axes)


@dataclass(frozen=True)
class Keys:
    """The challenges of logUp, and w: a key's tag comes last, so that keys of one component vary in F only."""

    alpha: K
    beta: K
    width: int

    def power(self, component: int) -> K:
        """The factor of a tuple's component, counted from 0."""
        return self.beta**component

    def start(self, tag: int) -> K:
        """alpha, less what the tag adds to a key."""
        return self.alpha - self.beta**self.width * tag


def instances(section: Section) -> tuple[Instance, ...]:
    """The trees of a section: its boxes, then its tables."""
    boxes = [Instance(box, (Axis("selector", len(box.lookups)), *box.axes)) for box in section.boxes]
    return (*boxes, Instance(section.tables, (Axis("selector", len(section.tables)), TABLE_AXIS)))


def draw_keys(channel: Side, section: Section) -> Keys:
    """V -> P: alpha and beta. A false sum of N fractions vanishes for fewer than N alpha, N * width beta."""
    fractions = sum(1 << instance.bits for instance in instances(section))
    error = fractions * (section.width + 2)
    return Keys(channel.challenge("lookup alpha", error), channel.challenge("lookup beta", error), section.width)


def verify_lookups(channel: Channel, steps: LeafSteps, relation: Relation) -> dict[str, LookedUp]:
    """All lookups of a relation, which may have none, down to the hidden values of columns; by name of the box."""
    looked_up: dict[str, LookedUp] = {}
    for section in relation.sections:
        keys = draw_keys(channel, section)
        leaves = verify_trees(channel, instances(section))
        looked_up |= settle_leaves(channel, steps, section, keys, leaves)
    return looked_up


def verify_trees(channel: Channel, trees: Sequence[Instance]) -> dict[Instance, tuple[Point, Fraction]]:
    """From the roots to the leaves: for each instance a point and the hidden fraction there."""
    fractions = require_roots(channel, trees, [channel.hidden(4) for _ in trees])  # P -> V
    leaves: dict[Instance, tuple[Point, Fraction]] = {}
    point: Point = ()
    for layer in range(max(tree.bits for tree in trees) + 1):
        leaves.update({tree: (point, fractions[tree]) for tree in trees if tree.bits == layer})
        active = [tree for tree in trees if tree.bits > layer]
        if not active:
            break
        batch = draw_batch(channel, len(active))  # V -> P
        claim = layer_claim(channel, batch, [fractions[tree] for tree in active])
        bound: list[K] = []
        for r in point:
            constant, leading = channel.hidden(ROUND_DEGREE)  # P -> V
            bound.append(channel.challenge("lookup layer", ROUND_DEGREE + 1))  # V -> P
            claim = next_layer_claim(channel, claim, constant, leading, r, bound[-1])
        children = [as_children(channel.hidden(4)) for _ in active]  # P -> V
        require_layer(channel, claim, batch, children)
        top = channel.challenge("lookup halves", 1)  # V -> P
        point = (top, *bound)
        fractions.update({tree: join(channel, c, top) for tree, c in zip(active, children, strict=True)})
    return leaves


# What both sides do with the messages ---------------------------------------------------------------------------


def require_roots(
    channel: Side, trees: Sequence[Instance], roots: Sequence[Sequence[Hidden]]
) -> dict[Instance, Fraction]:
    """Constraints "lookup root" on the sent n, d, 1/d, n/d of each tree: no d is zero, and the n/d sum to zero."""
    for numerator, denominator, inverse, ratio in roots:
        channel.program.require_zero("lookup root", public(-ONE), [Product(ONE, denominator, inverse)])
        channel.program.require_zero("lookup root", numerator, [Product(-ONE, ratio, denominator)])
    channel.program.require_zero("lookup sum", linear((ONE, ratio) for *_, ratio in roots))
    return {tree: (root[0], root[1]) for tree, root in zip(trees, roots, strict=True)}


def as_children(values: Sequence[Hidden]) -> Children:
    """Four hidden values as n0, n1, d0, d1."""
    n0, n1, d0, d1 = values
    return n0, n1, d0, d1


@dataclass(frozen=True)
class Batch:
    """A layer's random weights: of each instance, and of denominators beside numerators."""

    instances: tuple[K, ...]
    denominator: K


def draw_batch(channel: Side, count: int) -> Batch:
    """V -> P: every weight uniform."""
    weights = tuple(channel.challenge("lookup batch", 1) for _ in range(count))
    return Batch(weights, channel.challenge("lookup batch", 1))


def layer_claim(channel: Side, batch: Batch, fractions: Sequence[Fraction]) -> Hidden:
    """The random combination of all instances' numerators and denominators."""
    pairs: list[tuple[K, Hidden]] = []
    for weight, (numerator, denominator) in zip(batch.instances, fractions, strict=True):
        pairs += [(weight, numerator), (weight * batch.denominator, denominator)]
    return channel.program.name(linear(pairs))


def next_layer_claim(channel: Side, claim: Hidden, constant: Hidden, leading: Hidden, r: K, challenge: K) -> Hidden:
    """q(challenge), where q(0) = constant, q has the given leading coefficient, (1 - r) q(0) + r q(1) = claim."""
    if not r:
        raise InvalidProof("lookup layer", "a challenge is zero")  # happens once in 2^128 proofs
    share = challenge * r.inverse()  # q(x) = (1 - x / r) q(0) + (x / r) claim + (x^2 - x) leading
    square = challenge * challenge
    return channel.program.name(linear([(share, claim), (ONE - share, constant), (square - challenge, leading)]))


def require_layer(channel: Side, claim: Hidden, batch: Batch, children: Sequence[Children]) -> None:
    """Constraint "lookup layer": the claim is the combination of n0 d1 + n1 d0 and d0 d1."""
    products: list[Product] = []
    for weight, (n0, n1, d0, d1) in zip(batch.instances, children, strict=True):
        products += [
            Product(-weight, n0, d1),
            Product(-weight, n1, d0),
            Product(-weight * batch.denominator, d0, d1),
        ]
    channel.program.require_zero("lookup layer", claim, products)


def join(channel: Side, children: Children, top: K) -> Fraction:
    """The next layer's fraction at (top, point), from its values at (0, point) and (1, point)."""
    n0, n1, d0, d1 = children
    program = channel.program
    rest = ONE - top
    return program.name(linear([(rest, n0), (top, n1)])), program.name(linear([(rest, d0), (top, d1)]))


# Leaves ------------------------------------------------------------------------------------------------------------


class LeafSteps(Protocol):
    """How the columns in a leaf are evaluated; each side has its own."""

    def evaluate(self, column: Address, at: Mapping[str, Point]) -> Hidden:
        """P -> V: the value of a column, committed or virtual."""


def settle_leaves(
    channel: Side,
    steps: LeafSteps,
    section: Section,
    keys: Keys,
    leaves: Mapping[Instance, tuple[Point, Fraction]],
) -> dict[str, LookedUp]:
    """Every leaf is what its columns make it. A column is evaluated once at a point, which all its lookups share."""
    looked_up: dict[str, LookedUp] = {}
    for tree, (point, fraction) in leaves.items():
        selector, cell = point[: tree.axes[0].bits], point[tree.axes[0].bits :]
        at = split_point(tree.axes[1:], cell)
        if isinstance(tree.source, LookupBox):
            values = {column: steps.evaluate(column, at) for column in tree.source.columns}
            require_lookup_leaf(channel, keys, section.tags, tree.source, (selector, cell), fraction, values)
            looked_up[tree.source.name] = LookedUp(at, values)
        else:
            counts = [
                steps.evaluate(table.multiplicity, {"section": table.section.whole(()), **at}) for table in tree.source
            ]
            require_table_leaf(channel, keys, tree.source, (selector, cell), fraction, counts)
    return looked_up


def split_point(axes: Sequence[Axis], point: Point) -> dict[str, Point]:
    """A flat point, per axis; on a part of an axis, as coordinates of the whole one."""
    parts: dict[str, Point] = {}
    for axis in axes:
        parts[axis.name], point = axis.whole(point[: axis.bits]), point[axis.bits :]
    return parts


def require_lookup_leaf(
    channel: Side,
    keys: Keys,
    tags: Mapping[str, int],
    box: LookupBox,
    at: tuple[Point, Point],
    fraction: Fraction,
    values: Mapping[Address, Hidden],
) -> None:
    """Constraints "lookup <box>": the leaf at (selector, cell) is, summed over lookups i with eq(selector, i),

        S / (R (alpha - beta^w tag_i - constants_i) - columns_i + 1 - R)

    S is the public indicator of counting cells, with the box's sign, R of the real box; `values` the hidden columns.
    """
    name, (selector, cell), (numerator, denominator) = f"lookup {box.name}", at, fraction
    indicator = channel.public(lambda: box.indicator.evaluate(cell))
    real = channel.public(lambda: Indicator(box.axes).evaluate(cell))
    constant, pairs = ZERO, []
    for weight, lookup in zip(_selected(channel, selector, len(box.lookups)), box.lookups, strict=True):
        own = keys.start(tags[lookup.table]) - ONE
        for i, entry in enumerate(lookup.entries):
            own = own - keys.power(i) * entry.constant
            pairs += [(weight * keys.power(i) * -coefficient, values[column]) for coefficient, column in entry.terms]
        constant = constant + weight * own
    chosen = channel.public(lambda: prefix(selector, len(box.lookups)))
    channel.program.require_zero(name, numerator - indicator * chosen * box.sign)
    channel.program.require_zero(name, denominator - linear(pairs) - (real * constant + ONE))


def require_table_leaf(
    channel: Side,
    keys: Keys,
    tables: Sequence[Table],
    at: tuple[Point, Point],
    fraction: Fraction,
    counts: Sequence[Hidden],
) -> None:
    """Constraints "table": the leaf at (selector, row) is, summed over tables i, -m_i / (alpha - key_i)."""
    (selector, row), (numerator, denominator) = at, fraction
    weights = _selected(channel, selector, len(tables))

    def expected() -> K:
        result = ONE
        for weight, table in zip(weights, tables, strict=True):
            key = keys.start(table.tag) - ONE
            for i, component in enumerate(table.components):
                key = key - keys.power(i) * component.evaluate(row)
            result = result + weight * key
        return result

    channel.program.require_zero("table", numerator + linear(zip(weights, counts, strict=True)))
    channel.program.require_zero("table", denominator - channel.public(expected))


def _selected(channel: Side, selector: Point, count: int) -> list[K]:
    """eq(selector, i) for i < count."""
    return [channel.public(partial(eq_index, selector, i)) for i in range(count)]
