"""A column in its matrix: the claim about a row and a place is the claim about the column."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zkunlearn.circuits.field.goldilocks import K, P, kdot, kmul_base, total
from zkunlearn.circuits.field.multilinear import Point, eq, eq_table, evaluate
from zkunlearn.circuits.language.layout import Address, Axis, Column, MatrixLayout, cut_box, part, tile
from zkunlearn.errors import ParameterError

quick = settings(max_examples=60, deadline=None)
axes = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3)), min_size=1, max_size=3)


def box(sizes: list[tuple[int, int]], name: str = "c") -> Column:
    return Column(name, tuple(Axis(f"{name}{i}", *parts) for i, parts in enumerate(sizes)))


def random_point(column: Column, rng: random.Random) -> dict[str, Point]:
    return {a.name: tuple(K(rng.randrange(P), rng.randrange(P)) for _ in range(a.bits)) for a in column.axes}


def random_values(column: Column, rng: random.Random) -> Any:
    count = int(np.prod(column.shape))
    return np.array([rng.randrange(P) for _ in range(count)], dtype=np.uint64).reshape(column.shape)


def extension(column: Column, values: Any, point: dict[str, Point]) -> K:
    """The column's multilinear extension by the definition: zeros beside the real cells."""
    padded = np.pad(values, [(0, (1 << a.bits) - a.size) for a in column.axes])
    return evaluate(padded.reshape(-1), column.flat_point(point))


def matrix_of(layout: MatrixLayout, values: dict[str, Any]) -> Any:
    """The whole matrix, cell by cell; no cell is taken twice."""
    matrix = np.zeros((layout.rows, 1 << layout.row_bits), dtype=np.uint64)
    taken = np.zeros(matrix.shape, dtype=bool)
    for place, (first, tiling) in layout.places.items():
        cells = tiling.matrix_rows(values[place.name])
        rows = slice(first, first + tiling.rows)
        columns = slice(tiling.slot * cells.shape[1], (tiling.slot + 1) * cells.shape[1])
        assert not taken[rows, columns].any()
        matrix[rows, columns], taken[rows, columns] = cells, True
    return matrix


def claimed(layout: MatrixLayout, matrix: Any, name: str, point: dict[str, Point]) -> K:
    """The column's value as its rows and its place say."""
    start, tiling = layout.places[Address(layout.name, name)]
    weights, place = tiling.row_weights(point), tiling.cell_point(point)
    assert len(place) == layout.row_bits
    at_place = total(kmul_base(eq_table(place)[:, None, :], matrix[start : start + tiling.rows]))
    return kdot(weights, at_place)


@quick
@given(axes, st.integers(0, 7), st.integers(0, 2**32))
def test_rows_and_places_evaluate_the_column(sizes: list[Any], row_bits: int, seed: int) -> None:
    rng, column = random.Random(seed), box(sizes)
    layout = MatrixLayout("m", (column,), row_bits)
    values, point = random_values(column, rng), random_point(column, rng)
    matrix = matrix_of(layout, {"c": values})
    assert claimed(layout, matrix, "c", point) == extension(column, values, point)
    assert sorted(matrix[matrix != 0].tolist()) == sorted(values[values != 0].tolist()), "every cell once"


@quick
@given(axes, st.integers(0, 7))
def test_padding_takes_no_more_rows_than_needed(sizes: list[Any], row_bits: int) -> None:
    """A tile without a real cell does not exist."""
    tiling = tile(box(sizes), row_bits)
    assert tiling.rows <= int(np.prod([1 << axis.bits for axis in tiling.column.axes]))
    for axis, low, tiles in zip(tiling.column.axes, tiling.low_bits, tiling.tiles, strict=True):
        assert (tiles - 1) << low < axis.size <= tiles << low


@quick
@given(st.lists(axes, min_size=1, max_size=4), st.integers(0, 6), st.integers(0, 2**32))
def test_columns_of_a_matrix_do_not_overlap(shapes: list[Any], row_bits: int, seed: int) -> None:
    """Long columns have rows of their own, short ones share rows; each is found where the layout says."""
    rng = random.Random(seed)
    columns = tuple(box(sizes, f"c{i}-") for i, sizes in enumerate(shapes))
    layout = MatrixLayout("m", columns, row_bits)
    values = {c.name: random_values(c, rng) for c in columns}
    matrix = matrix_of(layout, values)
    for column in columns:
        point = random_point(column, rng)
        assert claimed(layout, matrix, column.name, point) == extension(column, values[column.name], point)
    whole = [c for c in columns if c.bits >= row_bits]
    short = sum(1 << c.bits for c in columns if c.bits < row_bits)
    assert layout.rows == sum(layout.places[Address("m", c.name)][1].rows for c in whole) + -(-short >> row_bits)


def test_junk_beside_a_short_column_has_no_weight() -> None:
    """Four columns of four cells in a row of sixteen: a place begins with the slot's bits, and reads no other cell."""
    columns = tuple(Column(name, (Axis("a", 4),)) for name in "abcd")
    layout = MatrixLayout("m", columns, 4)
    assert layout.rows == 1
    for slot, column in enumerate(columns):
        place = layout.places[Address("m", column.name)][1].cell_point({"a": (K(3), K(5))})
        weights = eq_table(place)
        weights[:, 4 * slot : 4 * slot + 4] = 0
        assert place[:2] == (K(slot >> 1), K(slot & 1)) and not weights.any()


@quick
@given(axes, st.integers(0, 7), st.integers(0, 2**32))
def test_parts_of_a_box_cover_it_once(sizes: list[Any], bits: int, seed: int) -> None:
    """A point of a part is a point of the whole: eq of it is eq of the part's cell, and nothing elsewhere."""
    rng, column = random.Random(seed), box(sizes)
    seen = np.zeros(column.shape, dtype=int)
    for axes_of_part in cut_box(column.axes, bits):
        assert sum(axis.bits for axis in axes_of_part) <= bits
        seen[tuple(axis.cut() for axis in axes_of_part)] += 1
        for whole, piece in zip(column.axes, axes_of_part, strict=True):
            point = tuple(K(rng.randrange(P)) for _ in range(piece.bits))
            if piece is not whole:
                corner = rng.randrange(1 << piece.bits)
                at = tuple(K(corner >> (piece.bits - 1 - i) & 1) for i in range(piece.bits))
                full = piece.whole(at)
                assert sum(c.a << (whole.bits - 1 - i) for i, c in enumerate(full)) == piece.cut().start + corner
                assert eq(piece.whole(point), full) == eq(point, at)
    assert (seen == 1).all()


def test_a_part_begins_at_a_multiple_of_its_padded_size() -> None:
    assert part(Axis("a", 9), 8, 1).bits == 0
    for start, size in ((2, 4), (1, 2), (8, 2)):
        with pytest.raises(ParameterError):
            part(Axis("a", 9), start, size)


@pytest.mark.parametrize(("size", "spare", "bits"), [(1, 0, 0), (1, 1, 1), (4, 0, 2), (4, 1, 3), (5, 3, 3)])
def test_spare_values_are_room_in_the_padded_axis(size: int, spare: int, bits: int) -> None:
    assert Axis("a", size, spare).bits == bits
