"""All lookups of a proof by one logUp argument over fraction trees (Haböck 2022; Papini, Haböck 2023).

For random alpha and beta, the looked-up tuples are in their tables if and only if

    sum over looked-up tuples of 1 / (alpha - key)  -  sum over table rows j of m_j / (alpha - key_j)  =  0,
    key = tag + beta * a_1 + beta^2 * a_2 + ..

Each lookup and each table is an *instance*, a tree of fractions: leaf n / d, node (n0 d1 + n1 d0) / (d0 d1). All
trees are walked from the root together, one sumcheck a layer over a random combination of the instances, so that
instances of equal size end at the same point. A layer's variables are bound from the most significant on, and the
two children of a node are the halves of the layer below (their bit becomes the first coordinate).

The equality polynomial is factored out of the round polynomials (Gruen 2024): q of degree 2 is sent as q(0) and
its leading coefficient, and q(1) follows from (1 - r) q(0) + r q(1) = claim.

Cells that do not count have numerator 0, by the public indicator, and as denominator one less beta times whatever
their columns hold: they weigh nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..circuits.goldilocks import ONE, K
from ..circuits.hidden import Hidden, Product, linear, public
from ..circuits.layout import Axis
from ..circuits.multilinear import Point
from ..circuits.relation import TABLE_BITS, LookedUp, Lookup, Relation, Table
from ..circuits.tables import TABLE_AXIS
from ..models.errors import InvalidProof
from .channel import Channel

Fraction = tuple[Hidden, Hidden]  # numerator, denominator
Children = tuple[Hidden, Hidden, Hidden, Hidden]  # n0, n1, d0, d1
ROUND_DEGREE = 2


@dataclass(frozen=True)
class Instance:
    """One tree: its source and its number of layers."""

    source: Lookup | Table
    bits: int


@dataclass(frozen=True)
class Keys:
    """The challenges of logUp."""

    alpha: K
    beta: K

    def power(self, component: int) -> K:
        """The factor of a tuple's component, counted from 0."""
        return self.beta ** (component + 1)


def instances(relation: Relation) -> tuple[Instance, ...]:
    """The trees of a relation: its lookups, then its tables."""
    lookups = [Instance(lookup, lookup.bits) for lookup in relation.lookups]
    return (*lookups, *(Instance(table, TABLE_BITS) for table in relation.tables))


def draw_keys(channel: Channel, relation: Relation) -> Keys:
    """V -> P: alpha and beta. A false sum of N fractions vanishes for fewer than N alpha, N * width beta."""
    fractions = sum(1 << instance.bits for instance in instances(relation))
    width = max(len(table.components) for table in relation.tables)
    alpha = channel.challenge("lookup alpha", fractions * (width + 2))
    return Keys(alpha, channel.challenge("lookup beta", fractions * (width + 2)))


def verify_lookups(channel: Channel, steps: LeafSteps, relation: Relation) -> dict[str, LookedUp]:
    """All lookups of a relation, which may have none, down to the hidden values of columns."""
    if not relation.lookups:
        return {}
    keys = draw_keys(channel, relation)
    leaves = verify_trees(channel, instances(relation))
    return settle_leaves(channel, steps, relation, keys, leaves)


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
    channel: Channel, trees: Sequence[Instance], roots: Sequence[Sequence[Hidden]]
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


def draw_batch(channel: Channel, count: int) -> Batch:
    """V -> P: every weight uniform."""
    weights = tuple(channel.challenge("lookup batch", 1) for _ in range(count))
    return Batch(weights, channel.challenge("lookup batch", 1))


def layer_claim(channel: Channel, batch: Batch, fractions: Sequence[Fraction]) -> Hidden:
    """The random combination of all instances' numerators and denominators."""
    pairs: list[tuple[K, Hidden]] = []
    for weight, (numerator, denominator) in zip(batch.instances, fractions, strict=True):
        pairs += [(weight, numerator), (weight * batch.denominator, denominator)]
    return channel.program.name(linear(pairs))


def next_layer_claim(channel: Channel, claim: Hidden, constant: Hidden, leading: Hidden, r: K, challenge: K) -> Hidden:
    """q(challenge), where q(0) = constant, q has the given leading coefficient, (1 - r) q(0) + r q(1) = claim."""
    if not r:
        raise InvalidProof("lookup layer", "a challenge is zero")  # happens once in 2^128 proofs
    share = challenge * r.inverse()  # q(x) = (1 - x / r) q(0) + (x / r) claim + (x^2 - x) leading
    square = challenge * challenge
    return channel.program.name(
        linear([(share, claim), (ONE - share, constant), (square - challenge, leading)])
    )


def require_layer(channel: Channel, claim: Hidden, batch: Batch, children: Sequence[Children]) -> None:
    """Constraint "lookup layer": the claim is the combination of n0 d1 + n1 d0 and d0 d1."""
    products: list[Product] = []
    for weight, (n0, n1, d0, d1) in zip(batch.instances, children, strict=True):
        products += [
            Product(-weight, n0, d1),
            Product(-weight, n1, d0),
            Product(-weight * batch.denominator, d0, d1),
        ]
    channel.program.require_zero("lookup layer", claim, products)


def join(channel: Channel, children: Children, top: K) -> Fraction:
    """The next layer's fraction at (top, point), from its values at (0, point) and (1, point)."""
    n0, n1, d0, d1 = children
    program = channel.program
    rest = ONE - top
    return program.name(linear([(rest, n0), (top, n1)])), program.name(linear([(rest, d0), (top, d1)]))


# Leaves ------------------------------------------------------------------------------------------------------------


class LeafSteps(Protocol):
    """How the columns in a leaf are evaluated; each side has its own."""

    def evaluate(self, column: str, at: Mapping[str, Point]) -> Hidden:
        """P -> V: the value of a committed column."""

    def virtual(self, name: str, at: Mapping[str, Point]) -> Hidden:
        """P -> V: the value of a virtual column."""


def settle_leaves(
    channel: Channel,
    steps: LeafSteps,
    relation: Relation,
    keys: Keys,
    leaves: Mapping[Instance, tuple[Point, Fraction]],
) -> dict[str, LookedUp]:
    """Every leaf is what its columns make it. A column met twice at a point is evaluated once."""
    committed = {column.name for columns in relation.columns.values() for column in columns}
    known: dict[tuple[str, Point], Hidden] = {}

    def value(name: str, axes: Sequence[Axis], point: Point) -> Hidden:
        if (name, point) not in known:
            evaluate = steps.evaluate if name in committed else steps.virtual
            known[name, point] = evaluate(name, split_point(axes, point))
        return known[name, point]

    looked_up: dict[str, LookedUp] = {}
    tags = {table.name: table.tag for table in relation.tables}
    for tree, leaf in leaves.items():
        source, point = tree.source, leaf[0]
        if isinstance(source, Table):
            multiplicity = value(source.multiplicity, (TABLE_AXIS,), point)
            require_table_leaf(channel, keys, source, leaf, multiplicity)
        else:
            names = [name for entry in source.entries for _, name in entry.terms]
            values = {name: value(name, source.axes, point) for name in names}
            require_lookup_leaf(channel, keys, tags[source.table], source, leaf, values)
            looked_up[source.name] = LookedUp(split_point(source.axes, point), values)
    return looked_up


def split_point(axes: Sequence[Axis], point: Point) -> dict[str, Point]:
    """A flat point, per axis."""
    parts: dict[str, Point] = {}
    for axis in axes:
        parts[axis.name], point = point[: axis.bits], point[axis.bits :]
    return parts


def require_lookup_leaf(
    channel: Channel, keys: Keys, tag: int, lookup: Lookup, leaf: tuple[Point, Fraction], values: Mapping[str, Hidden]
) -> None:
    """Constraint named after the lookup: its leaf is S / (S (alpha - tag - constants) - columns + 1 - S).

    S is the indicator of counting cells, which is public; `values` are the hidden columns at the point.
    """
    point, (numerator, denominator) = leaf
    indicator = channel.public(lambda: lookup.indicator.evaluate(point))
    constant = keys.alpha - tag
    pairs: list[tuple[K, Hidden]] = []
    for i, entry in enumerate(lookup.entries):
        constant = constant - keys.power(i) * entry.constant
        pairs += [(keys.power(i) * -coefficient, values[name]) for coefficient, name in entry.terms]
    expected = linear(pairs) + (indicator * constant + ONE - indicator)
    channel.program.require_zero(f"lookup {lookup.name}", numerator - indicator)
    channel.program.require_zero(f"lookup {lookup.name}", denominator - expected)


def require_table_leaf(
    channel: Channel, keys: Keys, table: Table, leaf: tuple[Point, Fraction], multiplicity: Hidden
) -> None:
    """Constraint named after the table: its leaf is -m / (alpha - key)."""

    point, (numerator, denominator) = leaf

    def expected() -> K:
        result = keys.alpha - table.tag
        for i, component in enumerate(table.components):
            result = result - keys.power(i) * component.evaluate(point)
        return result

    channel.program.require_zero(f"table {table.name}", numerator + multiplicity)
    channel.program.require_zero(f"table {table.name}", denominator - channel.public(expected))
