"""Leaves that are entries of lists are those that the definition writes out, and trees above them the same trees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.circuits.field.goldilocks import ONE, ZERO, K, kscalar, to_field
from zkunlearn.circuits.field.multilinear import kevaluate
from zkunlearn.circuits.language import tables
from zkunlearn.circuits.language.layout import VIRTUAL, Address, Axis, cut_box
from zkunlearn.circuits.language.relation import LIMB, Entry, Indicator, Lookup, LookupBox, Section
from zkunlearn.circuits.language.tables import ACTIVATION, HALF, RANGE, limb_addresses
from zkunlearn.circuits.relations.dataset import FEATURES, LABELS
from zkunlearn.circuits.relations.descent_columns import PREDICTIONS, Z
from zkunlearn.circuits.relations.parameters import WEIGHTS
from zkunlearn.errors import ZkUnlearnError
from zkunlearn.prover.kernels import LANES, LINES
from zkunlearn.prover.matrices.multiplicities import SignedRows, signed_rows
from zkunlearn.prover.matrices.values import Columns, Combination, column_axes, in_field
from zkunlearn.prover.protocol import fractions
from zkunlearn.prover.protocol.cubes import Forest
from zkunlearn.prover.protocol.fractions import Box, LayerWeights, Tree, build_tree
from zkunlearn.prover.protocol.leaves import ListedLeaves
from zkunlearn.prover.protocol.lookup import SectionTables, build_trees, lookup_leaves
from zkunlearn.prover.witnesses.gradient_descent import training_witness
from zkunlearn.prover.witnesses.rows import blind_rows
from zkunlearn.prover.witnesses.run import descend
from zkunlearn.verifier.protocol.lookup import Batch, Instance, Keys, instances

from ..attacks.harness import BINARY, CATEGORICAL, CLASSES, X_BITS, classed, declare, people, validity_shape
from ..leaves import written_out
from .values import P, narrow, numbers, pairs, quick, seeds

with_threads = pytest.mark.usefixtures("threads")


def scalars(seed: int, count: int) -> tuple[K, ...]:
    return tuple(K(*pair) for pair in pairs(numbers(seed, 2, count)))


@pytest.fixture(autouse=True)
def trees_that_are_cubes_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Boxes of these sizes are otherwise cubes, in which nothing is listed."""
    monkeypatch.setattr(fractions, "CUBE_BITS", 1)


KEYS = Keys(K(0x123456789ABCDEF0, 0x0FEDCBA987654321), K(0x7654321076543210, 0x89ABCDEF01234567), 2)


@dataclass
class Case:
    """Sections, and what a prover knows; `whole`: all columns as F arrays."""

    sections: tuple[Section, ...]
    axes: Mapping[Address, tuple[Axis, ...]]
    values: dict[Address, Any]
    looked_up: dict[str, Any]
    whole: dict[Address, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        stored = {name: in_field(cells) for name, cells in self.values.items() if not isinstance(cells, Combination)}
        self.whole = stored | self.whole

    def boxes(self) -> list[tuple[Section, Instance]]:
        return [
            (section, tree)
            for section in self.sections
            for tree in instances(section)
            if isinstance(tree.source, LookupBox)
        ]

    def leaves(self, section: Section, tree: Instance) -> Box | ListedLeaves:
        return lookup_leaves(SectionTables(KEYS, section), tree, Columns(self.axes, self.values), self.looked_up)

    def written_out(self, section: Section, tree: Instance) -> Box:
        return written_out(KEYS, section, tree, self.whole)

    def known(self, *names: str) -> Case:
        """The rows of these lookups only; where not all are known, all columns have to be stored."""
        rows = {name: self.looked_up[name] for name in names}
        return Case(self.sections, self.axes, dict(self.whole), rows)

    def with_cells(self, name: Address, place: Any, value: Any) -> Case:
        """Other cells in a column, which is looked up as it is."""
        cells = self.whole[name].copy()
        cells[place] = value
        using = {
            lookup.name
            for _, tree in self.boxes()
            for lookup in tree.source.lookups
            if any(name == column for entry in lookup.entries for _, column in entry.terms)
        }
        return replace(self, whole=self.whole | {name: cells}).known(*(self.looked_up.keys() - using))


def cube(box: Box) -> tuple[Any, Any]:
    """Numerators and denominators of a whole padded layer, K vectors (2, 2^bits)."""
    sizes, room = [axis.size for axis in box.inner], [1 << axis.bits for axis in box.inner]
    padding = [(0, 0), (0, 0), *((0, wide - size) for size, wide in zip(sizes, room, strict=True))]
    n, d = (np.pad(v.reshape(2, box.top, *sizes), padding) for v in (box.numerators, box.denominators))
    real = np.pad(np.ones((box.top, *sizes), dtype=bool), padding[1:])
    d[0][~real] = 1
    return n.reshape(2, -1), d.reshape(2, -1)


def listed_cube(layer: ListedLeaves) -> tuple[Any, Any]:
    """The same of leaves that are listed, one by one."""
    leaves = layer.leaves
    lines = [
        [int(leaves.rows[at + cell]) + int(base) for cell in range(leaves.width)]
        for at, base in zip(leaves.offsets, leaves.bases, strict=True)
    ]
    places = np.array(lines)
    numerators = (places < leaves.live).astype(np.uint64)
    return cube(Box(np.stack([numerators, 0 * numerators]), leaves.denominators[:, places], layer.inner))


def tree_on(tree: Instance, leaves: Box | ListedLeaves) -> Tree:
    return build_tree(tree, leaves) if isinstance(leaves, Box) else build_tree(tree, leaves.second, leaves.layers)


def walk(forest: Forest, seed: int) -> list[Any]:
    """Every message of every layer from the root down, at random points; and where the walk ended."""
    messages: list[Any] = []
    for layer in range(max(tree.instance.bits for tree in forest.trees)):
        active = sum(tree.instance.bits > layer for tree in forest.trees)
        drawn = (scalars(seed + 4 * layer + i, n) for i, n in enumerate((layer, layer, 1, active)))
        point, challenges, (mu,), weights = drawn
        rounds = forest.rounds(layer, point, Batch(weights, mu or ONE))
        for challenge in challenges:
            messages.append(rounds.message())
            rounds.fold(challenge)
        messages.append((challenges, rounds.values()))
    return messages


def with_cubes(bits: int, make: Callable[[], Forest], seed: int) -> tuple[list[Any], list[Any]]:
    """Roots and walk, with all trees together from so many variables on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fractions, "CUBE_BITS", bits)
        forest = make()
        return forest.roots, walk(forest, seed)


def require_same(case: Case, section: Section, tree: Instance, seed: int) -> Box | ListedLeaves:
    """One box of lookups: leaves, the root, and the walk from there to the leaves."""
    found, expected = case.leaves(section, tree), case.written_out(section, tree)
    n, d = cube(expected)
    if isinstance(found, Box):
        assert [v.tolist() for v in cube(found)] == [n.tolist(), d.tolist()]
    else:
        assert [v.tolist() for v in listed_cube(found)] == [n.tolist(), d.tolist()]
        padded = [
            np.pad(cells, (0, (1 << axis.bits) - axis.size))
            for axis, cells in zip(found.axes, found.numerators, strict=True)
        ]
        assert reduce(np.multiply.outer, padded).reshape(-1).tolist() == n[0].tolist()
    roots, messages = with_cubes(1, lambda: Forest([tree_on(tree, found)]), seed)
    bits = 1 + seed % (tree.bits + 2)
    assert (roots, messages) == with_cubes(bits, lambda: Forest([tree_on(tree, expected)]), seed)
    for challenges, (ended,) in messages[-1:] if tree.bits else ():
        halves = [half for values in (n, d) for half in np.split(values, 2, axis=1)]
        assert ended == [kevaluate(half, challenges) for half in halves]
    return found


# Boxes of any shape ------------------------------------------------------------------------------------------------

X, S, QUOTIENT, PREDICTED = (Address("m", name) for name in "xsqp")
COMBINED = Address(VIRTUAL, "z")
ACTIVATIONS = np.random.default_rng(0).integers(-(2**20), 2**20, LIMB)
LOOKUPS = {
    "plain": Lookup("plain", RANGE, (Entry(((1, X),)),)),
    "signed": Lookup("signed", RANGE, (Entry(((1, S),), HALF),)),
    "difference": Lookup("difference", RANGE, (Entry(((1, COMBINED), (-LIMB, QUOTIENT))),)),
    "pair": Lookup("pair", ACTIVATION, (Entry(((1, QUOTIENT),)), Entry(((1, PREDICTED),)))),
}
TABLES = (tables.range_table(), tables.activation_table(ACTIVATIONS))


def any_case(
    seed: int,
    sizes: tuple[int, ...],
    names: tuple[str, ...],
    cuts: int = 0,
    holes: tuple[int, ...] = (),
    ranges: tuple[tuple[int, int], ...] | None = None,
) -> Case:
    """Lookups of random rows over a box that is cut into about 2^cuts parts. Where none counts, anything is written."""
    axes = tuple(Axis(f"axis {i}", size) for i, size in enumerate(sizes))
    bits = max(0, sum(axis.bits for axis in axes) - cuts)
    whole = Indicator(axes, holes, ranges)
    gone = whole.skipped
    x, s, q, r = (narrow(seed + i, kind, *sizes) for i, kind in enumerate(["uint16", "int16", "int16", "uint16"]))
    p = ACTIVATIONS[q.astype(np.int64) + HALF].astype(np.int32)
    p[..., gone] += 5
    q[..., gone], r[..., gone] = 0, 0
    at_holes = numbers(seed + 5, *sizes[:-1], len(gone))
    z = to_field(r + (q.astype(np.int64) << 16))
    z[..., gone] = at_holes
    sections = []
    for part in cut_box(axes, bits):
        box = LookupBox("box", whole.on(part), tuple(LOOKUPS[name] for name in names))
        sections.append(Section((box,), TABLES))
    combination = Combination(((1, r), (LIMB, q)), gone, at_holes)
    values = {X: x, S: s, QUOTIENT: q, PREDICTED: p, COMBINED: combination}
    looked_up = {"plain": x, "signed": SignedRows(s), "difference": r, "pair": signed_rows(q)}
    return Case(tuple(sections), dict.fromkeys(values, axes), values, looked_up, {COMBINED: z})


@st.composite
def cases_of(draw: st.DrawFn, names: st.SearchStrategy[tuple[str, ...]]) -> Case:
    """A last axis of one cell has no hole: that is a test of its own."""
    sizes = draw(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    positions = st.integers(0, sizes[-1] - 1)
    holes = draw(st.sets(positions, max_size=3)) if sizes[-1] > 1 else set()
    ranges = None
    if sizes[-1] > 1 and draw(st.booleans()):
        first, last = sorted((draw(positions), draw(positions)))
        ranges, holes = ((first, last + 1),), {hole for hole in holes if first <= hole <= last}
    return any_case(draw(seeds), tuple(sizes), draw(names), draw(st.integers(0, 2)), tuple(sorted(holes)), ranges)


some_lookups = st.lists(st.sampled_from(sorted(LOOKUPS)), min_size=1, max_size=4, unique=True)
# The lookups of a table one after another, as in all relations: see the last test of this part.
cases = cases_of(some_lookups.map(lambda names: tuple(sorted(names, key=lambda name: LOOKUPS[name].table))))


@with_threads
@quick
@given(cases, seeds)
def test_leaves_of_known_rows_are_those_written_out(case: Case, seed: int) -> None:
    for section, tree in case.boxes():
        found = require_same(case, section, tree, seed)
        assert isinstance(found, ListedLeaves) == (1 << tree.bits >= LINES)


@with_threads
@quick
@given(cases, st.sets(st.sampled_from(sorted(LOOKUPS))), seeds)
def test_leaves_of_rows_that_are_searched_are_those_written_out(case: Case, known: set[str], seed: int) -> None:
    for section, tree in case.boxes():
        require_same(case.known(*known), section, tree, seed)


@pytest.mark.parametrize("known", [True, False])
def test_holes_of_a_part_are_counted_from_where_it_begins(known: bool) -> None:
    """Parts of the last axis, of 8 rows and of 5: each with holes, in which columns hold different values."""
    case = any_case(1, (13,), ("difference", "signed"), cuts=1, holes=(1, 6, 9, 12))
    assert [tree.source.indicator.holes for _, tree in case.boxes()] == [(1, 6), (1, 4)]
    for section, tree in case.boxes():
        assert isinstance(require_same(case if known else case.known(), section, tree, 1), ListedLeaves)


def test_a_hole_whose_columns_add_up_to_one_is_no_zero() -> None:
    """A forgotten row may have any score: its denominator is alpha - key, as that of any other."""
    case = any_case(1, (13,), ("difference", "signed"), holes=(1,))
    case = case.with_cells(QUOTIENT, 1, 0).with_cells(COMBINED, 1, 1)  # z - 2^16 q = 1
    ((section, tree),) = case.boxes()
    found = case.leaves(section, tree)
    assert isinstance(found, ListedLeaves)
    assert listed_cube(found)[1].any(axis=0).all()


@pytest.mark.parametrize("known", [True, False])
def test_rows_beside_a_range_are_like_holes(known: bool) -> None:
    """A shard that ends within a part: the part after it counts nothing."""
    case = any_case(1, (29,), ("difference", "signed"), cuts=2, holes=(9,), ranges=((3, 5), (8, 13)))
    indicators = [tree.source.indicator for _, tree in case.boxes()]
    assert [np.flatnonzero(own.line).tolist() for own in indicators] == [[3, 4], [0, 2, 3, 4], [], []]
    for section, tree in case.boxes():
        assert isinstance(require_same(case if known else case.known(), section, tree, 1), ListedLeaves)


def lies_in(case: Case, box: LookupBox) -> int:
    """Counting cells whose tuple is in no table, by the definition of the tables."""
    count = 0
    for place in np.argwhere(box.indicator.table()):
        at = tuple(axis.cut().start + i for axis, i in zip(box.axes, place.tolist(), strict=True))
        for lookup in box.lookups:
            first, *more = [
                entry.constant + sum(c * int(case.whole[name][at]) for c, name in entry.terms)
                for entry in lookup.entries
            ]
            row = (first + (HALF if lookup.table == ACTIVATION else 0)) % P
            count += row >= LIMB or any(int(to_field(ACTIVATIONS[row])) != second for second in more)
    return count


@with_threads
@quick
@given(cases, st.sampled_from([X, S, PREDICTED, COMBINED]), st.data(), seeds)
def test_tuples_that_are_in_no_table_have_leaves_of_their_own(
    case: Case, column: Address, data: st.DataObject, seed: int
) -> None:
    """They count as all others do; but what is written in holes is no lie."""
    flags = st.lists(st.booleans(), min_size=case.whole[column].size, max_size=case.whole[column].size)
    chosen = np.array(data.draw(flags)).reshape(case.whole[column].shape)
    lying = case.with_cells(column, chosen, numbers(seed, int(chosen.sum())))
    for section, tree in lying.boxes():
        found = require_same(lying, section, tree, seed)
        box: Any = tree.source
        lies = lies_in(lying, box)
        if isinstance(found, ListedLeaves):
            assert found.leaves.live == LIMB * len({lookup.table for lookup in box.lookups}) + lies


@with_threads
@quick
@given(cases_of(some_lookups.map(tuple)))
def test_what_is_read_past_the_end_of_a_line_is_in_the_list(case: Case) -> None:
    """Kernels read whole lanes, and look up what they find there: in whichever order tables are looked up in."""
    for section, tree in case.boxes():
        found = case.leaves(section, tree)
        if isinstance(found, ListedLeaves):
            leaves, read = found.leaves, -(-found.leaves.width // LANES) * LANES
            lines = [leaves.rows[at : at + read].astype(np.int64) for at in leaves.offsets]
            places = np.array(lines) + leaves.bases[:, None]
            assert 0 <= places.min() and places.max() < leaves.denominators.shape[1]


@pytest.mark.parametrize("sizes", [(5, 1), (3, 4, 1)])
def test_the_only_cell_of_the_last_axis_may_be_a_hole(sizes: tuple[int, ...]) -> None:
    """Then no leaf counts."""
    case = any_case(1, sizes, ("plain", "difference"), holes=(0,))
    ((section, tree),) = case.boxes()
    require_same(case, section, tree, 1)


# Boxes of real relations -------------------------------------------------------------------------------------------


def training(forgotten: tuple[int, ...], several: bool = False) -> Case:
    """What the owner knows of a training run; z by its definition, row by row."""
    declared = declare(forgotten, CATEGORICAL if several else BINARY)
    relation, schedule, (X, y) = declared.relation, declared.schedule, classed() if several else people()
    ids = tuple(map(str, range(len(y))))
    rows = blind_rows(ids, X.T.astype(np.int16), y.astype(np.int32), schedule.outputs)
    traces = descend(rows, schedule)
    witness = training_witness(relation, traces)
    axes = column_axes(relation)
    scores = np.empty((schedule.outputs, schedule.epochs, schedule.rows), dtype=np.int64)
    for output, trace in enumerate(traces):
        for step in range(schedule.steps):
            epoch, block = divmod(step, schedule.blocks)
            used = schedule.block_rows(block)
            *weights, bias = trace.weights[step]
            scores[output, epoch, used] = rows.features[used] @ weights + (bias << X_BITS)
    values = {**rows.columns, **witness.columns}
    return Case(relation.sections, axes, values, dict(witness.looked_up), {Z: to_field(scores)})


def validity(kind: str) -> Case:
    """What the owner knows of a data set."""
    outputs = len(CLASSES) if kind == "categorical" else 1
    relation, (X, y) = validity_shape(kind, outputs=outputs).relation, people()
    by_feature = X.T.astype(np.int16)
    of_classes = classed()[1] == np.arange(len(CLASSES))[:, None]
    columns = {"binary": y[None], "categorical": of_classes, "real": X[None, :, 0], "count": np.abs(X[None, :, 1])}
    labels = columns[kind].astype(np.int32)
    looked_up: dict[str, Any] = {
        "features": SignedRows(by_feature, 1 << X_BITS),
        "labels": signed_rows(labels) if kind == "real" else labels.astype(np.uint16),
        "labels shifted": labels.astype(np.uint16) << np.uint16(15),
    }
    axes = column_axes(relation)
    return Case(relation.sections, axes, {FEATURES: by_feature, LABELS: labels}, looked_up)


@pytest.mark.parametrize("bits", [24, 5])
@pytest.mark.parametrize(
    "make",
    [
        lambda: training(()),
        lambda: training((2, 5)),
        lambda: training((0, 8, 12)),
        lambda: training((2, 5), several=True),
        lambda: validity("binary"),
        lambda: validity("categorical"),
        lambda: validity("real"),
        lambda: validity("count"),
    ],
    ids=["nothing forgotten", "two forgotten", "ends forgotten", "classes", "binary", "categorical", "real", "count"],
)
def test_relations_have_the_leaves_that_are_written_out(
    make: Callable[[], Case], bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one section and in many, with all rows known and with none."""
    monkeypatch.setattr(tables, "SECTION_BITS", bits)
    case = make()
    assert (len(case.sections) > 1) == (bits < 24)
    for seed, (section, tree) in enumerate(case.boxes()):
        known = require_same(case, section, tree, seed)
        require_same(case.known(), section, tree, seed)
        if isinstance(known, ListedLeaves):
            assert (known.leaves.rows.dtype == np.uint16) == (not tree.source.indicator.holes)


def test_a_lying_training_has_the_leaves_that_are_written_out() -> None:
    """A prediction that is none, a limb that is none; what a forgotten row holds is nobody's concern."""
    honest = training((2, 5))
    lying = honest.with_cells(PREDICTIONS, (0, 1, [2, 3, 4]), 77).with_cells(
        limb_addresses(WEIGHTS.steps, 16)[0], (0, 0, 1, 2), LIMB + 5
    )
    more = {}
    for seed, (section, tree) in enumerate(lying.boxes()):
        found, before = require_same(lying, section, tree, seed), honest.leaves(section, tree)
        if isinstance(found, ListedLeaves) and isinstance(before, ListedLeaves):
            more[tree.source.name] = found.leaves.live - before.leaves.live
    assert more == {"scores": 2, "weight limbs": 1, "last weight limbs": 0, "bias limbs": 0}


def test_trees_of_a_section_are_built_on_these_leaves() -> None:
    """Boxes and tables together: of a true witness, the sums of all fractions cancel."""
    case = training((2, 5))
    columns = Columns(case.axes, case.values)
    for section in case.sections:
        built = build_trees(section, instances(section), KEYS, columns, case.looked_up)
        roots = built.roots
        boxes = Forest([tree_on(tree, case.written_out(section, tree)) for _, tree in case.boxes()]).roots
        assert roots[: len(boxes)] == boxes
        assert sum((n * d.inverse() for n, d in roots), ZERO) == ZERO


@pytest.mark.parametrize("names", [("plain",), ("plain", "pair")])
def test_tiny_boxes_are_written_out(names: tuple[str, ...]) -> None:
    """Less than three variables are no lines; with three there are."""
    for rows in (1, 2, 3, 5):
        case = any_case(rows, (rows,), names, holes=(rows - 1,))
        ((section, tree),) = case.boxes()
        found = require_same(case, section, tree, rows)
        assert isinstance(found, ListedLeaves) == (tree.bits >= 3)
        n, d = cube(case.written_out(section, tree))
        fractions = [kscalar(n[:, i]) * kscalar(d[:, i]).inverse() for i in range(1 << tree.bits)]
        ((numerator, denominator),) = Forest([tree_on(tree, case.leaves(section, tree))]).roots
        assert numerator * denominator.inverse() == sum(fractions, ZERO)


def test_cells_of_a_layer_are_refused_before_a_variable_is_bound() -> None:
    case = any_case(1, (5, 4), ("plain",))
    ((section, tree),) = case.boxes()
    layer = case.leaves(section, tree)
    assert isinstance(layer, ListedLeaves)
    written = case.written_out(section, tree)
    for nodes in (*layer.layers, written):
        with pytest.raises(ZkUnlearnError, match="before its first variable was bound"):
            nodes.pair(LayerWeights(scalars(1, tree.bits - 1)), ONE).cube()


def test_trees_of_a_section_are_walked_alike_however_many_variables_are_cubes() -> None:
    """All together, of different sizes: with their last variable as cubes, with some, and with all."""
    case = training((2, 5))
    columns = Columns(case.axes, case.values)
    (section,) = case.sections
    found = [
        with_cubes(bits, lambda: build_trees(section, instances(section), KEYS, columns, case.looked_up), 1)
        for bits in (1, 2, 4, 10, 17)
    ]
    assert all(own == found[0] for own in found)
