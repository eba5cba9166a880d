"""The prover's half of verifier/protocol/lookup.py: the leaves of all trees, and the walk.

Leaves repeat: the tuples that are looked up are rows of tables. So a box of lookups is given by the row that each cell
looks up, and by the denominators of all rows. Cells that do not count, or whose tuple is in no table (a lie, which the
verifier will find), have entries of their own at the end of that list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import cast

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import ONE, ZERO, K, Vector, add, kvector, mul, sub, to_field
from ...circuits.field.multilinear import Point
from ...circuits.language.layout import Address, Axis
from ...circuits.language.relation import LIMB, Entry, LookedUp, Lookup, LookupBox, Relation, Section, Table
from ...verifier.protocol.lookup import (
    ROUND_DEGREE,
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
from .. import kernels
from ..kernels import LANES, LINES, Leaves
from ..matrices.multiplicities import LookedUpRows
from ..matrices.values import Columns, in_field
from . import fractions as layers
from .channel import ProverChannel
from .cubes import Forest
from .fractions import Box, Tree, build_tree, padded_lines
from .leaves import ListedLeaves

# Leaves ------------------------------------------------------------------------------------------------------------


class Entries:
    """Denominators that leaves have: a list that grows. K vector (2, size)."""

    def __init__(self, tables: Sequence[Vector]) -> None:
        self._parts = list(tables)
        self.size = sum(part.shape[1] for part in tables)

    def add(self, denominators: Vector) -> npt.NDArray[np.int64]:
        """Their places, int64 (count,)."""
        self._parts.append(denominators)
        self.size += denominators.shape[1]
        return np.arange(self.size - denominators.shape[1], self.size)

    def all(self) -> Vector:
        """The list."""
        return np.concatenate(self._parts, axis=1)

    def at(self, places: npt.NDArray[np.int64]) -> Vector:
        """Those at some places, K (2, places)."""
        found = np.empty((2, places.size), dtype=np.uint64)
        start = 0
        for part in self._parts:
            own = (start <= places) & (places < start + part.shape[1])
            found[:, own] = part[:, places[own] - start]
            start += part.shape[1]
        return found


class SectionTables:
    """The tables of a section, and the denominators of their rows, once for all boxes that look them up."""

    def __init__(self, keys: Keys, section: Section) -> None:
        self.keys, self.section = keys, section
        self.by_name = {table.name: table for table in section.tables}
        self._denominators: dict[str, Vector] = {}

    def denominators(self, name: str) -> Vector:
        """alpha - key of every row. K vector (2, 2^16)."""
        if name not in self._denominators:
            self._denominators[name] = table_denominators(self.keys, self.by_name[name])
        return self._denominators[name]


class BoxLeaves:
    """The leaves of a box of lookups: S, and alpha - key on its real cells, 1 past them, as the verifier has them.

    Args:
        tables: of the section. looked_up: see `build_trees`.
    """

    def __init__(
        self, tables: SectionTables, tree: Instance, columns: Columns, looked_up: Mapping[str, LookedUpRows]
    ) -> None:
        self._keys, self._columns = tables.keys, columns
        self._box = box = cast(LookupBox, tree.source)
        self._tables = tables.by_name
        self._cut = tuple(axis.cut() for axis in box.axes)
        self._axes = tree.axes
        used = list(dict.fromkeys(lookup.table for lookup in box.lookups))
        self._entries = Entries([tables.denominators(name) for name in used])
        self._bases = [LIMB * used.index(lookup.table) for lookup in box.lookups]

        shape = tuple(axis.size for axis in box.axes)
        self._cells = prod(shape)
        known = all(lookup.name in looked_up for lookup in box.lookups) and not box.indicator.skipped.size
        # behind the rows of each lookup what kernels read past an end, and behind all of them a line of padding
        self._step = self._cells + LANES
        room = len(box.lookups) * self._step + self._line()[2] + LANES
        self._rows: npt.NDArray[np.integer] = np.zeros(room, dtype=np.uint16 if known else np.int32)
        starts = [i * self._step for i in range(len(box.lookups))]
        boxes = [self._rows[start : start + self._cells].reshape(shape) for start in starts]
        for i, lookup in enumerate(box.lookups):
            if lookup.name in looked_up:
                boxes[i][...] = looked_up[lookup.name][self._cut]
            else:
                self._search(i, boxes[i])
        self._live = self._entries.size
        for i in range(len(box.lookups)) if box.indicator.skipped.size else ():
            self._punch(i, boxes[i])
        self._neutral = int(self._entries.add(kvector([ONE]))[0])

    def layer(self) -> Box | ListedLeaves:
        """The leaf layer."""
        leading, inner, width = self._line()
        if sum(axis.bits for axis in self._axes) < max(LINES.bit_length() - 1, layers.CUBE_BITS + 2):
            return self._written_out()
        sizes, padded = [axis.size for axis in leading], [1 << axis.bits for axis in leading]
        real = tuple(slice(0, size) for size in sizes)
        count = len(self._box.lookups)
        offsets = np.full(padded, count * self._step)
        lines = np.arange(0, self._cells, width)
        offsets[real] = (lines + self._step * np.arange(count)[:, None]).reshape(sizes)
        bases = np.full(padded, self._neutral)
        by_lookup = np.array(self._bases).reshape(-1, *[1] * (len(sizes) - 1))
        bases[real] = by_lookup if len(self._bases) > 1 else self._bases[0]
        numerators = [*(np.ones(axis.size, dtype=np.uint8) for axis in self._axes[:-1]), self._box.indicator.line]
        leaves = Leaves(self._rows, offsets.reshape(-1), bases.reshape(-1), width, self._entries.all(), self._live)
        return ListedLeaves(leaves, inner, self._axes, tuple(numerators))

    def _line(self) -> tuple[list[Axis], tuple[Axis, ...], int]:
        """The leading axes, which number the lines; the axes within a line; and their cells."""
        leading: list[Axis] = []
        inner = [axis for axis in self._axes if axis.bits]
        while inner and sum(axis.bits for axis in leading) < LINES.bit_length() - 1:
            leading.append(inner.pop(0))
        return leading, tuple(inner), prod(axis.size for axis in inner)

    def _written_out(self) -> Box:
        """All leaves of a tiny box."""
        cells = self._rows[: len(self._bases) * self._step].reshape(len(self._bases), -1)[:, : self._cells]
        places = (cells.astype(np.int64) + np.array(self._bases)[:, None]).reshape(-1)
        return leaf_box(self._axes, (places < self._live).astype(np.uint64), self._entries.at(places))

    def _search(self, index: int, rows: npt.NDArray[np.integer]) -> None:
        """Find the rows of a lookup's tuples; a tuple that is in no table (a lie) gets an entry of its own."""
        lookup = self._box.lookups[index]
        table = self._tables[lookup.table]
        cells = {column: in_field(self._columns.cells(column)[self._cut]) for column in lookup.columns}
        tuples = [_component(entry, cells) for entry in lookup.entries]
        listed = [component.table()[0] for component in table.components]
        place = sub(tuples[0], np.broadcast_to(listed[0][0], tuples[0].shape))  # the first component counts up by one
        inside = place < LIMB
        for component, values in zip(listed, tuples, strict=True):
            inside &= component[np.where(inside, place, 0)] == values
        rows[...] = np.where(inside, place, 0)
        lies = ~inside
        lies[..., self._box.indicator.skipped] = False
        at_lies = {column: values[lies] for column, values in cells.items()}
        rows[lies] = self._entries.add(_denominators(self._keys, table.tag, lookup, at_lies)) - self._bases[index]

    def _punch(self, index: int, rows: npt.NDArray[np.integer]) -> None:
        """Entries for the cells that do not count: behind those that do."""
        lookup, holes = self._box.lookups[index], self._box.indicator.skipped
        cells = {column: self._columns.at(column, self._cut, holes) for column in lookup.columns}
        tag = self._tables[lookup.table].tag
        places = self._entries.add(_denominators(self._keys, tag, lookup, cells)) - self._bases[index]
        rows[..., holes] = places.reshape(*rows.shape[:-1], len(holes))


def lookup_leaves(
    tables: SectionTables, tree: Instance, columns: Columns, looked_up: Mapping[str, LookedUpRows]
) -> Box | ListedLeaves:
    """The leaf layer of a box of lookups; see `BoxLeaves`."""
    return BoxLeaves(tables, tree, columns, looked_up).layer()


def _component(entry: Entry, cells: Mapping[Address, Vector]) -> Vector:
    """A component of the looked-up tuples, in F."""
    parts = [mul(cells[column], _constant(coefficient)) for coefficient, column in entry.terms]
    value = np.broadcast_to(_constant(entry.constant), parts[0].shape)
    for part in parts:
        value = add(value, part)
    return value


def _constant(value: int) -> Vector:
    return to_field(np.array(value, dtype=np.int64))


def _denominators(keys: Keys, tag: int, lookup: Lookup, cells: Mapping[Address, Vector]) -> Vector:
    """alpha - key. K vector (2, cells)."""
    coefficients: dict[Address, K] = {}
    constant = keys.start(tag)
    for i, entry in enumerate(lookup.entries):
        constant = constant - keys.power(i) * entry.constant
        for coefficient, column in entry.terms:
            coefficients[column] = coefficients.get(column, ZERO) - keys.power(i) * coefficient
    columns = [cells[column].reshape(-1) for column in coefficients]
    return kernels.linear_combination(constant.pair, kvector(coefficients.values()), columns)


def permuted_leaves(keys: Keys, section: Section, tree: Instance, columns: Columns) -> Box:
    """The leaf layer of a box of a permutation, written out: its tuples repeat nowhere."""
    box = cast(LookupBox, tree.source)
    cut = tuple(axis.cut() for axis in box.axes)
    cells = {column: in_field(columns.cells(column)[cut]) for column in box.columns}
    parts = [_denominators(keys, section.tags[lookup.table], lookup, cells) for lookup in box.lookups]
    numerators = to_field(box.sign * box.indicator.table().astype(np.int64)).reshape(-1)
    return leaf_box(tree.axes, np.tile(numerators, len(parts)), np.concatenate(parts, axis=1))


def table_denominators(keys: Keys, table: Table) -> Vector:
    """alpha - key of every row. K vector (2, 2^16)."""
    components = [component.table()[0] for component in table.components]
    factors = kvector(-keys.power(i) for i in range(len(components)))
    return kernels.linear_combination(keys.start(table.tag).pair, factors, components)


def table_leaves(tables: SectionTables, tree: Instance, columns: Columns) -> Box:
    """-m and alpha - key, as in verifier.lookup.require_table_leaf."""
    own = cast(tuple[Table, ...], tree.source)
    counts = [columns.cells(table.multiplicity)[table.section.cut()].reshape(-1) for table in own]
    numerators = [kernels.ksub(np.zeros(LIMB, dtype=np.uint64), in_field(count)) for count in counts]
    denominators = [tables.denominators(table.name) for table in own]
    return leaf_box(tree.axes, np.concatenate(numerators), np.concatenate(denominators, axis=1))


def leaf_box(axes: Sequence[Axis], numerators: Vector, denominators: Vector) -> Box:
    """numerators / denominators on the real cells of a box, padded with 0/1 along the first axis that has variables.

    Args:
        numerators: F array (cells).
        denominators: K array (2, cells).
    """
    first, *inner = [axis for axis in axes if axis.bits] or [Axis("single", 1)]
    tops = np.stack([numerators, np.zeros_like(numerators)]).reshape(2, first.size, -1)
    return Box(*padded_lines(tops, denominators.reshape(tops.shape), 1 << first.bits), tuple(inner))


def build_trees(
    section: Section, trees: Sequence[Instance], keys: Keys, columns: Columns, looked_up: Mapping[str, LookedUpRows]
) -> Forest:
    """All trees of a section.

    looked_up: by name of the lookup, the table rows of the whole box where they are known; others are searched.
    """
    tables = SectionTables(keys, section)
    return Forest([_tree(section, tree, tables, columns, looked_up) for tree in trees])


def _tree(
    section: Section, tree: Instance, tables: SectionTables, columns: Columns, looked_up: Mapping[str, LookedUpRows]
) -> Tree:
    if not isinstance(tree.source, LookupBox):
        return build_tree(tree, table_leaves(tables, tree, columns))
    if tree.source.lookups[0].table in {own.name for own in section.permutations}:
        return build_tree(tree, permuted_leaves(tables.keys, section, tree, columns))
    leaves = lookup_leaves(tables, tree, columns, looked_up)
    return build_tree(tree, leaves) if isinstance(leaves, Box) else build_tree(tree, leaves.second, leaves.layers)


# The walk ----------------------------------------------------------------------------------------------------------


def prove_lookups(
    channel: ProverChannel,
    steps: LeafSteps,
    relation: Relation,
    columns: Columns,
    looked_up: Mapping[str, LookedUpRows],
) -> dict[str, LookedUp]:
    """All lookups of a relation, which may have none, down to the hidden values of columns; by name of the box."""
    done: dict[str, LookedUp] = {}
    for section in relation.sections:
        keys = draw_keys(channel, section)
        trees = build_trees(section, instances(section), keys, columns, looked_up)
        done |= settle_leaves(channel, steps, section, keys, prove_trees(channel, trees))
    return done


def prove_trees(channel: ProverChannel, forest: Forest) -> dict[Instance, tuple[Point, Fraction]]:
    """From the roots to the leaves: for each instance a point and the hidden fraction there."""
    trees = [tree.instance for tree in forest.trees]
    roots = [channel.send(_root_message(*root)) for root in forest.roots]  # P -> V
    fractions = require_roots(channel, trees, roots)
    leaves: dict[Instance, tuple[Point, Fraction]] = {}
    point: Point = ()
    for layer in range(max(tree.bits for tree in trees) + 1):
        leaves.update({tree: (point, fractions[tree]) for tree in trees if tree.bits == layer})
        active = [tree for tree in trees if tree.bits > layer]
        if not active:
            break
        batch = draw_batch(channel, len(active))  # V -> P
        claim = layer_claim(channel, batch, [fractions[tree] for tree in active])
        rounds = forest.rounds(layer, point, batch)
        bound: list[K] = []
        for r in point:
            constant, leading = channel.send(rounds.message())  # P -> V
            bound.append(channel.challenge("lookup layer", ROUND_DEGREE + 1))  # V -> P
            claim = next_layer_claim(channel, claim, constant, leading, r, bound[-1])
            rounds.fold(bound[-1])
        sent = channel.send([value for own in rounds.values() for value in own])  # P -> V
        children = [as_children(sent[i : i + 4]) for i in range(0, len(sent), 4)]
        require_layer(channel, claim, batch, children)
        top = channel.challenge("lookup halves", 1)  # V -> P
        point = (top, *bound)
        fractions.update({tree: join(channel, c, top) for tree, c in zip(active, children, strict=True)})
    return leaves


def _root_message(numerator: K, denominator: K) -> list[K]:
    inverse = denominator.inverse()
    return [numerator, denominator, inverse, numerator * inverse]
