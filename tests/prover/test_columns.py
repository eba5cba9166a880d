"""What is summed over columns, and how often rows are looked up, is what plain loops over their cells say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.circuits.field.goldilocks import K, to_field
from zkunlearn.circuits.language import tables
from zkunlearn.circuits.language.layout import VIRTUAL, Address, Axis, part
from zkunlearn.circuits.language.relation import (
    Entry,
    Indicator,
    Lookup,
    LookupBox,
    PublicVector,
    Section,
    Term,
    Var,
    variables,
)
from zkunlearn.circuits.language.tables import limb_addresses, limb_lookups
from zkunlearn.errors import ZkUnlearnError
from zkunlearn.prover.matrices import values as prover_columns
from zkunlearn.prover.matrices.multiplicities import SignedRows, limb_rows, multiplicities, signed_rows
from zkunlearn.prover.matrices.values import Columns, Combination

from ..attacks.harness import declare, validity_shape
from . import twins
from .values import NARROW, P, narrow, numbers, pairs, quick, seeds

pytestmark = pytest.mark.usefixtures("threads")

KINDS = (*NARROW, "uint64")
C, STORED, Z = Address("m", "c"), Address("m", "stored"), Address(VIRTUAL, "z")
boxes = st.lists(st.integers(1, 7), min_size=1, max_size=3).map(tuple)


def any_cells(seed: int, kind: str, *shape: int) -> Any:
    return numbers(seed, *shape) if kind == "uint64" else narrow(seed, kind, *shape)


def axes_of(shape: Sequence[int]) -> tuple[Axis, ...]:
    return tuple(Axis(f"axis {i}", size) for i, size in enumerate(shape))


def points(seed: int, axes: Sequence[Axis]) -> dict[str, tuple[K, ...]]:
    return {axis.name: tuple(K(*x) for x in pairs(numbers(seed + i, 2, axis.bits))) for i, axis in enumerate(axes)}


def plain_extension(cells: Any, axes: Sequence[Axis], at: Mapping[str, tuple[K, ...]]) -> K:
    """sum over all cells of the cell times eq of each coordinate. cells: ints, of any size."""
    tables = [twins.eq_table([x.pair for x in at[axis.name]]) for axis in axes]
    result = twins.ZERO
    for place in np.ndindex(cells.shape):
        weights = [table[i] for table, i in zip(tables, place, strict=True)]
        result = twins.kadd(result, twins.kmul((int(cells[place]) % P, 0), twins.kprod(weights)))
    return K(*result)


# Columns that are not stored ---------------------------------------------------------------------------------------


class Mixed:
    """A combination, and the same column written out."""

    def __init__(self, seed: int, shape: tuple[int, ...], kinds: Sequence[str]) -> None:
        rng = np.random.default_rng(seed)
        self.axes = axes_of(shape)
        self.holes = np.flatnonzero(rng.random(shape[-1]) < 0.4)
        coefficients = [int(c) for c in rng.integers(-(2**40), 2**40, len(kinds))]
        cells = [any_cells(seed + i, kind, *shape) for i, kind in enumerate(kinds)]
        for own in cells:
            own[..., self.holes] = 0
        at_holes = numbers(seed + 9, *shape[:-1], len(self.holes))
        pieces = zip(coefficients, cells, strict=True)
        self.whole = np.sum([c * own.astype(object) for c, own in pieces], axis=0) % P
        self.whole[..., self.holes] = at_holes
        combination = Combination(tuple(zip(coefficients, cells, strict=True)), self.holes, at_holes)
        stored = self.whole.astype(np.uint64)
        self.columns = Columns({Z: self.axes, STORED: self.axes}, {Z: combination, STORED: stored})


combinations = st.builds(Mixed, seeds, boxes, st.lists(st.sampled_from(KINDS), min_size=1, max_size=3))


@quick
@given(combinations, seeds)
def test_a_combination_is_evaluated_as_the_column_that_it_stands_for(mixed: Mixed, seed: int) -> None:
    at = points(seed, mixed.axes)
    expected = plain_extension(mixed.whole, mixed.axes, at)
    assert mixed.columns.evaluate(Z, at) == expected
    assert mixed.columns.evaluate(STORED, at) == expected


@quick
@given(combinations, st.data())
def test_values_at_holes_are_those_of_the_column(mixed: Mixed, data: st.DataObject) -> None:
    """Within any part of the box, positions counted from where it begins."""
    cut = []
    for axis in mixed.axes:
        start = data.draw(st.integers(0, axis.size - 1))
        cut.append(slice(start, data.draw(st.integers(start + 1, axis.size))))
    inside = mixed.holes[(mixed.holes >= cut[-1].start) & (mixed.holes < cut[-1].stop)] - cut[-1].start
    chosen = inside[data.draw(st.lists(st.booleans(), min_size=len(inside), max_size=len(inside)))]
    expected = mixed.whole[tuple(cut)][..., chosen].tolist()
    for name in (Z, STORED):
        assert mixed.columns.at(name, tuple(cut), chosen).tolist() == expected


@pytest.mark.parametrize("kind", KINDS)
def test_a_stored_columns_values_are_elements_of_the_field(kind: str) -> None:
    axes, cells = axes_of((3, 9)), any_cells(1, kind, 3, 9)
    found = Columns({C: axes}, {C: cells}).at(C, (slice(1, 3), slice(2, 8)), np.array([0, 3, 5]))
    assert found.dtype == np.uint64
    assert found.tolist() == [[int(cells[i, 2 + j]) % P for j in (0, 3, 5)] for i in (1, 2)]


def test_a_combination_has_no_cells() -> None:
    columns = Mixed(1, (2, 3), ["int16"]).columns
    with pytest.raises(ZkUnlearnError, match="the column 'z' of 'virtual' has no cells, and is evaluated only"):
        columns.cells(Z)
    with pytest.raises(ZkUnlearnError, match="has no cells"):
        columns.sum_axes(Z, {"axis 0": (), "axis 1": ()})


# Sums along axes -----------------------------------------------------------------------------------------------------


def sum_along(values: list[Any], run: list[twins.Pair]) -> list[twins.Pair]:
    """Runs of len(run) numbers of K summed against it, the last one as far as it goes."""
    step = len(run)
    runs = [values[start : start + step] for start in range(0, len(values), step)]
    return [twins.ksum(twins.kmul(w, v) for w, v in zip(run, own, strict=False)) for own in runs]


def plain_sums(cells: Any, weights: Sequence[list[twins.Pair] | None]) -> Any:
    """Every axis in turn: an array of pairs, as an object array."""
    values = np.empty(cells.shape, dtype=object)
    for place in np.ndindex(cells.shape):
        values[place] = (int(cells[place]) % P, 0)
    for i, run in enumerate(weights):
        if run is not None:
            moved = np.moveaxis(values, i, -1)
            lines = [sum_along(list(moved[place]), run) for place in np.ndindex(moved.shape[:-1])]
            summed = np.empty((*moved.shape[:-1], len(lines[0])), dtype=object)
            for place, line in zip(np.ndindex(moved.shape[:-1]), lines, strict=True):
                for j, pair in enumerate(line):
                    summed[(*place, j)] = pair
            values = np.moveaxis(summed, -1, i)
    return values


def coordinates(seed: int, axis: Axis, free: int) -> tuple[Any, list[twins.Pair] | None]:
    """The first `free` bits at variables, the others at a point; and what runs are summed against."""
    fixed = [tuple(pair) for pair in pairs(numbers(seed, 2, axis.bits - free))]
    where = (*(Var(i) for i in range(free)), *(K(*x) for x in fixed))
    return where, twins.eq_table(fixed) if fixed or not free else None


@quick
@given(seeds, boxes, st.sampled_from(KINDS), st.data())
def test_axes_are_summed_in_runs_as_a_plain_loop_does(
    seed: int, shape: tuple[int, ...], kind: str, data: st.DataObject
) -> None:
    """Each axis with some of its bits free; with public weights; in pieces of any size."""
    axes, cells = axes_of(shape), any_cells(seed, kind, *shape)
    at: dict[str, Any] = {}
    own: Any
    weights: list[list[twins.Pair] | None] = []
    for i, axis in enumerate(axes):
        free = data.draw(st.integers(-1, axis.bits))
        if free < 0:
            table = numbers(seed + i, 2, axis.size)
            at[axis.name], own = PublicVector(lambda table=table: table, lambda point: K(0)), pairs(table)
        else:
            at[axis.name], own = coordinates(seed + i, axis, free)
        weights.append(own)
    expected = plain_sums(cells, weights)
    padded = data.draw(st.sampled_from([1, 7, 40, 1 << 20]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prover_columns, "PADDED_CELLS", padded)
        found = Columns({C: axes}, {C: cells}).sum_axes(C, at)
    filled = np.zeros((2, *expected.shape), dtype=np.uint64)
    filled[tuple(map(slice, found.shape))] = found  # a coordinate that is a bit leaves cells out: zeros past the last
    assert [tuple(pair) for pair in filled.reshape(2, -1).T.tolist()] == list(expected.reshape(-1))


@pytest.mark.parametrize("extension", [False, True])
@pytest.mark.parametrize("position", [0, 1, 2])
def test_pieces_that_are_filled_up_give_the_sums_of_the_whole(
    position: int, extension: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs of 4 along axes of 7, 5 and 6, one, some or all outer lines at a time; counted."""
    shape, run, calls = (7, 5, 6), numbers(3, 2, 4), []
    values = numbers(4, 2, *shape) if extension else numbers(4, *shape)
    name = "contract_extension" if extension else "contract"
    contract = getattr(prover_columns.kernels, name)
    monkeypatch.setattr(prover_columns.kernels, name, lambda *inputs: calls.append(inputs) or contract(*inputs))
    planes = values if extension else [values]
    sums = [plain_sums(plane, [pairs(run) if i == position else None for i in range(3)]) for plane in planes]
    scales = [(1, 0), (0, 1)][: len(sums)]
    expected = [twins.ksum(map(twins.kmul, own, scales)) for own in zip(*(s.reshape(-1) for s in sums), strict=True)]
    outer, inner = int(np.prod(shape[:position])), int(np.prod(shape[position + 1 :]))
    for lines in (1, 2, outer):
        calls.clear()
        monkeypatch.setattr(prover_columns, "PADDED_CELLS", 8 * inner * lines)
        found = prover_columns._sum_axis(values, position, run, over_extension=extension)
        assert [tuple(pair) for pair in found.reshape(2, -1).T.tolist()] == expected
        assert found.shape == (2, *shape[:position], 2, *shape[position + 1 :])
        assert len(calls) == -(-outer // min(lines, outer))


def test_a_terms_variables_come_in_the_order_of_their_numbers() -> None:
    """Padded to whole cubes, whatever the order of axes is."""
    axes, cells = axes_of((3, 5)), narrow(1, "int16", 3, 5)
    at = {"axis 0": (Var(2), Var(3)), "axis 1": (Var(0), Var(1), K(3, 4))}
    term = Term(K(1), C, at)
    found = Columns({C: axes}, {C: cells}).term(term, 4)
    run = twins.eq_table([(3, 4)])
    sums = plain_sums(cells, [None, run])
    expected = [sums[i, j] if i < 3 and j < 3 else (0, 0) for j, i in product(range(4), range(4))]
    assert [tuple(pair) for pair in found.T.tolist()] == expected


@pytest.mark.parametrize(
    ("own", "order"), [((0, 1), "ijm"), ((1, 2), "mij"), ((0, 2), "imj"), ((2, 0), "jmi")], ids=lambda value: str(value)
)
def test_a_term_is_constant_in_the_variables_it_does_not_have(own: tuple[int, int], order: str) -> None:
    """Three variables, one of which is missing, at the end, at the front, in between."""
    axes, cells = axes_of((2, 2)), narrow(1, "int16", 2, 2)
    term = Term(K(1), C, {"axis 0": (Var(own[0]),), "axis 1": (Var(own[1]),)})
    found = Columns({C: axes}, {C: cells}).term(term, 3)[0].reshape(2, 2, 2)
    places = product(range(2), repeat=3)
    named = [dict(zip(order, place, strict=True)) for place in places]
    assert found.reshape(-1).tolist() == [int(cells[place["i"], place["j"]]) % twins.P for place in named]


@quick
@given(seeds, st.lists(st.integers(1, 13), min_size=1, max_size=2).map(tuple), st.sampled_from(KINDS), st.data())
def test_a_term_with_fixed_bits_is_the_column_where_these_are(
    seed: int, shape: tuple[int, ...], kind: str, data: st.DataObject
) -> None:
    """Bits anywhere among variables and before a point, on values that may lie past the last: against every cell."""
    axes, cells = axes_of(shape), any_cells(seed, kind, *shape)
    at: dict[str, Any] = {}
    own = 0
    for i, axis in enumerate(axes):
        free = data.draw(st.integers(0, axis.bits))
        point = [K(*x) for x in pairs(numbers(seed + i, 2, data.draw(st.integers(0, axis.bits - free))))]
        where: list[Any] = [*variables(own, free), *point]
        for _ in range(axis.bits - len(where)):
            where.insert(data.draw(st.integers(0, len(where))), K(data.draw(st.integers(0, 1))))
        at[axis.name], own = tuple(where), own + free
    found = Columns({C: axes}, {C: cells}).term(Term(K(1), C, at), own)
    assert found.shape == (2, 1 << own)
    for number in range(1 << own):
        bits = [K(number >> own - 1 - i & 1) for i in range(own)]
        corner = {name: tuple(bits[c.index] if isinstance(c, Var) else c for c in where) for name, where in at.items()}
        assert K(*found[:, number].tolist()) == plain_extension(cells, axes, corner)


@pytest.mark.parametrize("where", [(Var(0),), (K(3, 4),)], ids=["a variable", "a point"])
def test_a_part_past_the_last_value_is_zero(where: Any) -> None:
    """Of five values, those whose bits begin with 11."""
    columns = Columns({C: axes_of((5, 2))}, {C: narrow(1, "int16", 5, 2)})
    at = {"axis 0": (K(1), K(1), Var(0)), "axis 1": tuple(Var(1) if isinstance(c, Var) else c for c in where)}
    found = columns.term(Term(K(1), C, at), 2)
    assert found.shape == (2, 4) and not found.any()


# Multiplicities ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["int16", "int32", "int64"])
def test_signed_rows_count_from_the_least_number(kind: str) -> None:
    """All of them, in the table's own order."""
    values = np.arange(-(2**15), 2**15).astype(kind).reshape(4, -1)
    found = signed_rows(values)
    assert found.dtype == np.uint16
    assert found.reshape(-1).tolist() == list(range(2**16))
    cut = (slice(1, 3), slice(5, 77))
    assert np.array_equal(SignedRows(values)[cut], found[cut])
    assert SignedRows(values)[cut].dtype == np.uint16


def test_rows_of_bounded_integers_count_from_the_bound() -> None:
    """As the table of features does."""
    values = np.arange(-(2**10), 2**10 + 1, dtype=np.int16)
    rows = signed_rows(values, 2**10)
    (component,) = tables.feature_table(10).components
    assert rows.tolist() == list(range(2**11 + 1))
    assert np.array_equal(component.table()[0][rows], to_field(values))
    assert np.array_equal(SignedRows(values, 2**10)[slice(3, 9),], rows[3:9])


@pytest.mark.parametrize("bits", [9, 16, 23, 32, 40])
def test_rows_of_limbs_are_what_their_lookups_say(bits: int) -> None:
    """Shifted ones too, as long as the limbs are in range."""
    value = np.random.default_rng(bits).integers(0, 1 << bits, (3, 5))
    limbs = tables.split_limbs(value, C, bits)
    rows = limb_rows(limbs, C, bits)
    whole = sum(limbs[name].astype(object) << (16 * i) for i, name in enumerate(limb_addresses(C, bits)))
    assert whole.tolist() == value.tolist()
    assert list(rows) == [lookup.name for lookup in limb_lookups(C, bits)]
    for lookup in limb_lookups(C, bits):
        ((coefficient, limb),) = lookup.entries[0].terms
        assert rows[lookup.name].tolist() == (coefficient * limbs[limb].astype(np.int64)).tolist()


def plain_counts(sections: Sequence[Any], looked_up: Mapping[str, Any]) -> dict[Address, Counter[tuple[int, int]]]:
    """By column: how often each (section, row) is looked up, cell by cell."""
    counts: dict[Address, Counter[tuple[int, int]]] = {}
    for i, section in enumerate(sections):
        names = {table.name: table.multiplicity for table in section.tables}
        cells = ((box, place) for box in section.boxes for place in np.ndindex(*(axis.size for axis in box.axes)))
        for box, place in cells:
            if not box.indicator.line[place[-1]]:
                continue
            whole = tuple(axis.cut().start + n for axis, n in zip(box.axes, place, strict=True))
            for lookup in box.lookups:
                own = counts.setdefault(names[lookup.table], Counter())
                own[i, int(looked_up[lookup.name][whole])] += 1
    return counts


def some_rows(relation: Any, seed: int) -> dict[str, Any]:
    """By name of the lookup, rows of its whole box; few different ones, so that counts are above one."""
    rng = np.random.default_rng(seed)
    whole: dict[str, tuple[int, ...]] = {}
    for box in (box for section in relation.sections for box in section.boxes):
        for lookup in box.lookups:
            ends = tuple(axis.cut().stop for axis in box.axes)
            whole[lookup.name] = tuple(map(max, whole.get(lookup.name, ends), ends))
    return {name: rng.choice(np.array([0, 1, 7, 2**16 - 1], dtype=np.uint16), shape) for name, shape in whole.items()}


@pytest.mark.parametrize("bits", [24, 5, 3])
@pytest.mark.parametrize("forgotten", [(), (2, 5), (0, 7, 8, 12)])
def test_lookups_of_a_training_are_counted_section_by_section(
    bits: int, forgotten: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forgotten rows are not counted, whatever is written there."""
    monkeypatch.setattr(tables, "SECTION_BITS", bits)
    relation = declare(forgotten).relation
    rows = some_rows(relation, bits)
    assert (len(relation.sections) > 1) == (bits < 24)
    found = multiplicities(relation.sections, rows)
    assert {name: counts.shape for name, counts in found.items()} == {
        name: (len(relation.sections), 2**16) for name in (tables.RANGE_COUNTS, tables.ACTIVATION_COUNTS)
    }
    expected = plain_counts(relation.sections, rows)
    for name, counts in found.items():
        assert counts.dtype == np.int32
        assert {place: int(counts[place]) for place in zip(*np.nonzero(counts), strict=True)} == expected[name]


@pytest.mark.parametrize("bits", [24, 4])
def test_signed_rows_are_counted_like_their_array(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "SECTION_BITS", bits)
    relation = validity_shape("real").relation
    rows = some_rows(relation, 1)
    values = rows["features"] ^ np.uint16(2**15)
    signed: dict[str, Any] = rows | {"features": SignedRows(values.view(np.int16))}
    found = multiplicities(relation.sections, signed)
    for name, counts in plain_counts(relation.sections, rows).items():
        assert {place: int(found[name][place]) for place in zip(*np.nonzero(found[name]), strict=True)} == counts


def test_parts_of_axes_are_counted_from_where_they_begin() -> None:
    """The last part of an axis of 13, whose holes are counted from its own start."""
    box = LookupBox(
        "box", Indicator((part(Axis("row", 13), 8, 5),), (1, 4)), (Lookup("x", tables.RANGE, (Entry(((1, C),)),)),)
    )
    rows = {"x": np.arange(100, 113, dtype=np.uint16)}
    found = multiplicities([Section((box,), (tables.range_table(),))], rows)[tables.RANGE_COUNTS]
    assert np.flatnonzero(found[0]).tolist() == [108, 110, 111]
    assert found.sum() == 3
