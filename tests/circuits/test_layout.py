"""A column in its matrix: the claim about a row and a place is the claim about the column."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zkunlearn.circuits.goldilocks import ZERO, K, P, kdot, kmul_base, kscalar, total
from zkunlearn.circuits.layout import Axis, Column, MatrixLayout, tile
from zkunlearn.circuits.multilinear import Point, eq_table, evaluate

quick = settings(max_examples=60, deadline=None)
axes = st.lists(
    st.builds(lambda size, spare, whole: (size, spare, whole), st.integers(1, 9), st.integers(0, 3), st.booleans()),
    min_size=1,
    max_size=3,
)


def box(sizes: list[tuple[int, int, bool]], name: str = "c") -> Column:
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


@quick
@given(axes, st.integers(0, 7), st.integers(0, 2**32))
def test_rows_and_places_evaluate_the_column(sizes: list[Any], row_bits: int, seed: int) -> None:
    rng, column = random.Random(seed), box(sizes)
    tiling, values, point = tile(column, row_bits), random_values(column, rng), random_point(column, rng)
    matrix = tiling.matrix_rows(values)
    assert matrix.shape == (tiling.rows, 1 << row_bits)
    place = tiling.cell_point(point)
    assert len(place) == row_bits
    at_place = total(kmul_base(eq_table(place)[:, None, :], matrix))
    assert kdot(tiling.row_weights(point), at_place) == extension(column, values, point)
    assert sorted(matrix[matrix != 0].tolist()) == sorted(values[values != 0].tolist()), "every cell once"


@quick
@given(axes, st.integers(0, 7))
def test_padding_takes_no_more_rows_than_needed(sizes: list[Any], row_bits: int) -> None:
    """No other split of the bits has fewer rows, and a whole-row axis has exactly its real ones."""
    tiling = tile(box(sizes), row_bits)
    assert tiling.rows <= int(np.prod([1 << axis.bits for axis in tiling.column.axes]))
    for axis, low, tiles in zip(tiling.column.axes, tiling.low_bits, tiling.tiles, strict=True):
        assert (tiles - 1) << low < axis.size <= tiles << low
        if axis.whole_rows:
            assert low == 0 and tiles == axis.size


@quick
@given(st.lists(axes, min_size=1, max_size=4), st.integers(0, 6), st.integers(0, 2**32))
def test_columns_of_a_matrix_do_not_overlap(shapes: list[Any], row_bits: int, seed: int) -> None:
    rng = random.Random(seed)
    columns = tuple(box(sizes, f"c{i}-") for i, sizes in enumerate(shapes))
    layout = MatrixLayout("m", columns, row_bits, extra_rows=2)
    spans = [(layout.offsets[c.name], layout.tilings[c.name].rows) for c in columns]
    assert [start for start, _ in spans] == [sum(n for _, n in spans[:i]) for i in range(len(spans))]
    assert layout.column_rows == sum(n for _, n in spans) == layout.rows - 2
    assert 1 << layout.index_bits >= layout.column_rows
    values = {c.name: random_values(c, rng) for c in columns}
    matrix = np.concatenate([layout.tilings[c.name].matrix_rows(values[c.name]) for c in columns])
    column = rng.choice(columns)
    point, tiling = random_point(column, rng), layout.tilings[column.name]
    start = layout.offsets[column.name]
    part = matrix[start : start + tiling.rows]
    weights, place = tiling.row_weights(point), eq_table(tiling.cell_point(point))
    claimed = ZERO
    for i, row in enumerate(part):
        claimed = claimed + kscalar(weights[:, i]) * kscalar(total(kmul_base(place, row)))
    assert claimed == extension(column, values[column.name], point)


def test_junk_beside_a_short_column_has_no_weight() -> None:
    """A column of four cells in a row of sixteen: the place begins with zeros, which read no other cell."""
    column = Column("c", (Axis("a", 4),))
    tiling = tile(column, 4)
    place = tiling.cell_point({"a": (K(3), K(5))})
    assert place[:2] == (ZERO, ZERO) and not eq_table(place)[:, 4:].any()


@pytest.mark.parametrize(("size", "spare", "bits"), [(1, 0, 0), (1, 1, 1), (4, 0, 2), (4, 1, 3), (5, 3, 3)])
def test_spare_values_are_room_in_the_padded_axis(size: int, spare: int, bits: int) -> None:
    assert Axis("a", size, spare).bits == bits
