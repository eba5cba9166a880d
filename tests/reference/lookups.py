"""Lookups by fraction trees: protocol.md, section 10."""

from __future__ import annotations

from .channel import Channel, Constraint
from .field import ONE, ZERO, K, Point, eq_at, eq_table, index_of, prefix, require
from .relations import ENTRY, RANGE, TAGS, Relation, multiplicities
from .shapes import Lookup, split


def lookups(ch: Channel, relation: Relation) -> None:
    """From the roots of all trees to the columns at their leaves."""
    if not relation.lookups:
        return
    alpha, beta = ch.challenge(), ch.challenge()
    instances: list[Lookup | str] = [*relation.lookups, *relation.tables]
    bits = [ENTRY.bits if isinstance(i, str) else i.bits for i in instances]
    fractions, ratios = [], []
    for _ in instances:
        n, d, inverse, ratio = ch.hidden(4)
        ch.zero("lookup root", lambda d=d, inverse=inverse: (-ch.one, [(ONE, d, inverse)]))
        ch.zero("lookup root", lambda n=n, d=d, ratio=ratio: (n, [(-ONE, ratio, d)]))
        fractions.append((n, d))
        ratios.append(ratio)
    ch.zero("lookup sum", lambda: (sum(ratios, ZERO), []))
    points: list[Point] = [[]]  # by layer
    for layer in range(max(bits)):
        active = [i for i in range(len(instances)) if bits[i] > layer]
        points.append(next_layer(ch, points[-1], active, fractions))
    for i in sorted(range(len(instances)), key=lambda i: bits[i]):
        leaf(ch, relation, instances[i], points[bits[i]], fractions[i], (alpha, beta))


def next_layer(ch: Channel, point: Point, active: list[int], fractions: list[tuple[K, K]]) -> Point:
    """One layer down; the fractions of active trees become those at the new point."""
    weights, mu = [ch.challenge() for _ in active], ch.challenge()
    pairs = [fractions[i] for i in active]
    claim = sum((w * (n + mu * d) for w, (n, d) in zip(weights, pairs, strict=True)), ZERO)
    bound = []
    for r in point:
        require("lookup layer", r != ZERO)
        at_0, square = ch.hidden(2)
        x = ch.challenge()
        at_1 = (claim - (1 - r) * at_0) * r.inverse()
        claim = at_0 + (at_1 - at_0 - square) * x + square * x * x
        bound.append(x)
    children = [ch.hidden(4) for _ in active]

    def parents() -> Constraint:
        products = []
        for w, (n0, n1, d0, d1) in zip(weights, children, strict=True):
            products += [(-w, n0, d1), (-w, n1, d0), (-w * mu, d0, d1)]
        return claim, products

    ch.zero("lookup layer", parents)
    top = ch.challenge()
    for i, (n0, n1, d0, d1) in zip(active, children, strict=True):
        fractions[i] = n0 + top * (n1 - n0), d0 + top * (d1 - d0)
    return [top, *bound]


def leaf(
    ch: Channel, relation: Relation, what: Lookup | str, point: Point, fraction: tuple[K, K], keys: tuple[K, K]
) -> None:
    """The columns of one instance at its point, and that its leaf is what they say."""
    (numerator, denominator), (alpha, beta), one = fraction, keys, ch.one
    axes = (ENTRY,) if isinstance(what, str) else what.axes
    at = split(axes, point)

    def value(column: str) -> K:
        if column not in relation.values:  # a column has one size, hence one point
            virtual = column == "z"
            relation.values[column] = ch.hidden(1)[0] if virtual else relation.evaluate(ch, column, at)
        return relation.values[column]

    if isinstance(what, str):
        count = value(multiplicities(what).name)

        def key() -> Constraint:
            first = index_of(point) if what == RANGE else index_of(point) - 2**15
            found = alpha - TAGS[what] - beta * first
            if what != RANGE:
                entries = zip(eq_table(point), relation.table, strict=True)
                found -= beta * beta * sum((e * entry for e, entry in entries), ZERO)
            return denominator - found * one, []

        ch.zero(f"table {what}", lambda: (numerator + count, []))
        ch.zero(f"table {what}", key)
        return

    relation.points[what.name] = at
    constant, linear = alpha - TAGS[what.table], ZERO
    for i, (terms, offset) in enumerate(what.entries):
        power = beta if i == 0 else beta * beta
        constant -= power * offset
        linear += power * sum((coefficient * value(column) for coefficient, column in terms), ZERO)

    def indicator() -> K:
        *others, last = axes
        count = prefix(at[last.name], last.size) - sum((eq_at(at[last.name], n) for n in what.holes), ZERO)
        for axis in others:
            count *= prefix(at[axis.name], axis.size)
        return count

    def tuple_key() -> Constraint:
        live = indicator()
        return denominator - (live * constant + 1 - live) * one + linear, []

    ch.zero(f"lookup {what.name}", lambda: (numerator - indicator() * one, []))
    ch.zero(f"lookup {what.name}", tuple_key)
