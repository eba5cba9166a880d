"""Lookups by fraction trees: protocol.md, section 10."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate, pairwise

from .channel import Channel, Constraint
from .field import ONE, ZERO, K, Point, bits_of, eq_at, eq_table, extension, index_of, log2_ceil, prefix, require
from .losses import LOSSES_OF, columns_beside, count_logs
from .relations import (
    ACTIVATION,
    COUNT_LOGS,
    ENTRIES,
    ENTRY,
    FEATURE_RANGE,
    LINK,
    NOISE,
    SIGNS,
    TAGS,
    Address,
    Box,
    Relation,
    multiplicities,
)
from .shapes import split

Keys = tuple[K, list[K], K]  # alpha, the factors of a tuple's entries, and that of its tag


def lookups(ch: Channel, relation: Relation) -> None:
    """Section after section."""
    for i in range(relation.sections):
        section(ch, relation, i, relation.boxes_of(i))
    if relation.then is not None:
        lookups(ch, relation.then)


def section(ch: Channel, relation: Relation, number: int, boxes: list[Box]) -> None:
    """From the roots of all trees to the columns at their leaves."""
    tables = len(boxes)  # the last instance
    bits = [log2_ceil(len(box.lookups)) + box.bits for box in boxes]
    bits.append(log2_ceil(len(relation.tables)) + ENTRY.bits)
    tuples = [len(lookup.entries) for box in boxes for lookup in box.lookups]
    width = max([ENTRIES[table] for table in relation.tables] + tuples)
    error = sum(1 << n for n in bits) * (width + 2)
    alpha, beta = ch.challenge("lookup alpha", error), ch.challenge("lookup beta", error)
    *powers, last = accumulate([beta] * width, lambda a, b: a * b, initial=ONE)
    keys = alpha, powers, last
    fractions, ratios = [], []
    for _ in bits:
        n, d, inverse, ratio = ch.hidden(4)
        ch.zero("lookup root", lambda d=d, inverse=inverse: (-ch.one, [(ONE, d, inverse)]))
        ch.zero("lookup root", lambda n=n, d=d, ratio=ratio: (n, [(-ONE, ratio, d)]))
        fractions.append((n, d))
        ratios.append(ratio)
    ch.zero("lookup sum", lambda: (sum(ratios, ZERO), []))
    points: list[Point] = [[]]  # by layer
    for layer in range(max(bits)):
        active = [i for i in range(len(bits)) if bits[i] > layer]
        points.append(next_layer(ch, points[-1], active, fractions))
    for i in sorted(range(len(bits)), key=lambda i: bits[i]):
        if i == tables:
            table_leaf(ch, relation, number, points[bits[i]], fractions[i], keys)
        else:
            box_leaf(ch, relation, boxes[i], points[bits[i]], fractions[i], keys)


def next_layer(ch: Channel, point: Point, active: list[int], fractions: list[tuple[K, K]]) -> Point:
    """One layer down; the fractions of active trees become those at the new point."""
    weights, mu = [ch.challenge("lookup batch") for _ in active], ch.challenge("lookup batch")
    pairs = [fractions[i] for i in active]
    claim = sum((w * (n + mu * d) for w, (n, d) in zip(weights, pairs, strict=True)), ZERO)
    bound = []
    for r in point:
        require("lookup layer", r != ZERO)
        at_0, square = ch.hidden(2)
        x = ch.challenge("lookup layer", 3)
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
    top = ch.challenge("lookup halves")
    for i, (n0, n1, d0, d1) in zip(active, children, strict=True):
        fractions[i] = n0 + top * (n1 - n0), d0 + top * (d1 - d0)
    return [top, *bound]


def table_leaf(ch: Channel, relation: Relation, number: int, point: Point, fraction: tuple[K, K], keys: Keys) -> None:
    """The counts at the point, and that the leaf of the tables is what they say."""
    (numerator, denominator), (alpha, powers, last) = fraction, keys
    cut = log2_ceil(len(relation.tables))
    selector, entry = point[:cut], point[cut:]
    at = {"section": bits_of(number, log2_ceil(relation.sections)), "entry": entry}
    columns = [multiplicities(relation.counts + table, relation.sections) for table in relation.tables]
    counts = [relation.evaluate(ch, ("witness", column.name), at) for column in columns]
    chosen = eq_table(selector)[: len(relation.tables)]

    def keys_of_rows() -> Constraint:
        total = 1 - prefix(selector, len(chosen))
        for e, table in zip(chosen, relation.tables, strict=True):
            key = alpha - last * TAGS[table]
            if table == FEATURE_RANGE:
                key -= extension(relation.table, entry)
            else:
                key -= index_of(entry)
            if table in (ACTIVATION, LINK):  # -2^15 <= q, and what is at q
                key += 2**15 - powers[1] * extension(relation.table[: 1 << len(entry)], entry)
            if table == LINK:
                steps = [after - before for before, after in pairwise(relation.table)]
                key -= powers[2] * extension(steps, entry)
            if table == NOISE:  # -2^15 <= eta, and the edges of its cell
                edges = (relation.noise_table[start : start + (1 << len(entry))] for start in (0, 1))
                low, high = (extension(own, entry) for own in edges)
                key += 2**15 - powers[1] * low - powers[2] * high
            if table == COUNT_LOGS:
                key -= powers[1] * extension(count_logs(), entry)
            if table in (SIGNS, *LOSSES_OF):  # and whether q is not negative: the leading bit
                key += 2**15 - powers[1] * entry[0]
            if table in LOSSES_OF:
                low, high = (extension(bounds, entry) for bounds in LOSSES_OF[table]())
                key -= powers[2] * low + powers[3] * high
            beside = columns_beside(table)
            if beside is not None:  # of chances and opinions -2^15 <= q
                key += 2**15 * table.startswith(("chances", "opinions"))
                for power, own in zip(powers[1:], beside, strict=False):
                    key -= power * extension(own, entry)
            total += e * key
        return denominator - total * ch.one, []

    counted = sum((e * count for e, count in zip(chosen, counts, strict=True)), ZERO)
    ch.zero("table", lambda: (numerator + counted, []))
    ch.zero("table", keys_of_rows)


def box_leaf(ch: Channel, relation: Relation, box: Box, point: Point, fraction: tuple[K, K], keys: Keys) -> None:
    """The columns of a box at its point, and that its leaf is what they say."""
    (numerator, denominator), (alpha, powers, last) = fraction, keys
    cut = log2_ceil(len(box.lookups))
    selector, inside = point[:cut], split(box.axes, point[cut:])
    whole = {axis.name: axis.whole(inside[axis.name]) for axis in box.axes}
    values: dict[Address, K] = {}
    for lookup in box.lookups:
        for terms, _ in lookup.entries:
            for _, column in terms:
                if column not in values:
                    values[column] = relation.evaluate(ch, column, whole)
    relation.ended.setdefault(box.name, []).append((whole, values))
    relation.in_order.append((whole, values))
    chosen = eq_table(selector)[: len(box.lookups)]
    constant, linear = ZERO, ZERO
    for e, lookup in zip(chosen, box.lookups, strict=True):
        constant += e * (alpha - last * TAGS[lookup.table])
        for power, (terms, offset) in zip(powers, lookup.entries, strict=False):
            constant -= e * power * offset
            linear += e * power * sum((coefficient * values[column] for coefficient, column in terms), ZERO)

    def tuple_keys() -> Constraint:
        real, among = cells(box, inside), prefix(selector, len(box.lookups))
        return denominator - (real * constant + among * (1 - real) + 1 - among) * ch.one + linear, []

    among = box.sign * prefix(selector, len(chosen))
    ch.zero("lookup", lambda: (numerator - counts(box, inside) * among * ch.one, []))
    ch.zero("lookup", tuple_keys)


def counts(box: Box, inside: Mapping[str, Point]) -> K:
    """The extension of: the cell is real, and on the last axis in a range and no hole."""
    *others, last = box.axes
    at, first, end = inside[last.name], last.start, last.start + last.size
    total = ZERO
    for start, stop in box.ranges or [(0, end)]:
        start, stop = max(start, first), min(stop, end)
        if start < stop:
            total += prefix(at, stop - first) - prefix(at, start - first)
    total -= sum((eq_at(at, n - first) for n in box.holes if first <= n < end), ZERO)
    for axis in others:
        total *= prefix(inside[axis.name], axis.size)
    return total


def cells(box: Box, inside: Mapping[str, Point]) -> K:
    """The extension of: the cell is real."""
    return counts(replace(box, holes=[], ranges=[]), inside)
