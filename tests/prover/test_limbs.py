"""Products by limbs are what Python's integers say, also where one bit counted wrongly would make sums inexact."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zkunlearn.prover.kernels import RowPart
from zkunlearn.prover.matrices import evaluation
from zkunlearn.prover.matrices import products as limbs
from zkunlearn.prover.matrices.codewords import MatrixRows
from zkunlearn.prover.matrices.evaluation import evaluate_parts

from . import twins
from .values import NARROW, P, narrow, numbers, seeds

pytestmark = pytest.mark.usefixtures("threads")

KINDS = (*NARROW, "uint64")
# Odd cells: the largest of their kind, and the largest for which numbers are cut into two limbs, and into three.
LARGEST = [
    ("int16", 2**13 - 1),
    ("int16", 2**15 - 1),
    ("uint16", 2**16 - 1),
    ("int32", 2**23 - 1),
    ("int32", 2**31 - 1),
]
some = settings(max_examples=30, deadline=None)


def any_cells(seed: int, kind: str, *shape: int) -> Any:
    return numbers(seed, *shape) if kind == "uint64" else narrow(seed, kind, *shape)


def plain_times(matrices: list[Any], vectors: Any) -> list[Any]:
    return [(cells.astype(object) @ vectors.astype(object).T % P).tolist() for cells in matrices]


def found_times(matrices: list[Any], vectors: Any) -> list[Any]:
    return [found.tolist() for found in limbs.times(matrices, vectors)]


def of_largest_limbs(count: int, bits: int) -> int:
    """The element of F whose limbs are as large as they can be, the lower ones 2^(bits - 1) - 1."""
    lower = sum(((1 << (bits - 1)) - 1) << (bits * k) for k in range(count - 1))
    last = min((1 << (bits - 1)) - 1, (P // 2 - lower) >> (bits * (count - 1)))
    return lower + (last << (bits * (count - 1)))


# Products with matrices --------------------------------------------------------------------------------------------


@some
@given(
    seeds,
    st.lists(st.tuples(st.sampled_from(KINDS), st.integers(1, 3)), min_size=1, max_size=4),
    st.sampled_from([1, 2, 127, 129, limbs.SHORTEST - 1, limbs.SHORTEST, limbs.SHORTEST + 1, 2051]),
    st.integers(1, 3),
)
def test_products_with_mixed_matrices_are_those_of_integers(
    seed: int, matrices: list[tuple[str, int]], length: int, count: int
) -> None:
    cells = [any_cells(seed + i, kind, rows, length) for i, (kind, rows) in enumerate(matrices)]
    vectors = numbers(seed + 9, count, length)
    assert found_times(cells, vectors) == plain_times(cells, vectors)


@pytest.mark.parametrize("corner", [(0, 1), (600, 1100), (2050, 2051)])
def test_vectors_that_are_zero_but_in_a_corner_are_multiplied_there(corner: tuple[int, int]) -> None:
    cells = [any_cells(i, kind, 2, 2051) for i, kind in enumerate(KINDS)]
    vectors = np.zeros((4, 2051), dtype=np.uint64)
    vectors[1] = numbers(7, 2051)
    vectors[2, slice(*corner)] = numbers(8, corner[1] - corner[0])
    assert found_times(cells, vectors) == plain_times(cells, vectors)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", ["lowest", "highest"])
@pytest.mark.parametrize("number", [0, 1, P // 2, P // 2 + 1, P - 1])
def test_cells_at_the_ends_of_their_type_are_multiplied_exactly(kind: str, end: str, number: int) -> None:
    low, high = (0, P) if kind == "uint64" else NARROW[kind]
    cells = np.full((2, 1025), low if end == "lowest" else high - 1, dtype=kind)
    vectors = np.full((2, 1025), number, dtype=np.uint64)
    assert found_times([cells], vectors) == plain_times([cells], vectors)


def largest_sums(kind: str, largest: int, length: int) -> tuple[Any, Any]:
    """Cells just below their bound, and numbers with the largest limbs; sums of their limbs' products are odd or not.

    All have one sign, so that sums grow as fast as they can.
    """
    rng = np.random.default_rng(length)
    if kind == "uint64":
        count, most = 3, of_largest_limbs(limbs.CELL_LIMBS, limbs.CELL_LIMB_BITS)
    else:
        count, _ = limbs._cut_for(np.array([largest], dtype=kind))
        most = largest
    cells = (most - rng.integers(0, 2, (1, length)).astype(object)).astype(kind)
    number = of_largest_limbs(count, limbs.limb_bits(count))
    return cells, (number - rng.integers(0, 2, (1, length)).astype(object)).astype(np.uint64)


@pytest.mark.parametrize(("kind", "largest"), [*LARGEST, ("uint64", P - 1)])
def test_the_largest_sums_of_a_piece_are_exact_and_no_longer_piece_has_room(
    kind: str, largest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one bit more room, pieces of the same data give inexact sums: what is counted is what there is."""
    _, most = limbs._cut_for(np.array([largest], dtype=kind))
    monkeypatch.setattr(limbs, "LONGEST", 4 * most)
    cells, vectors = largest_sums(kind, largest, 2 * most + 1)
    expected = plain_times([cells], vectors)
    assert found_times([cells], vectors) == expected
    monkeypatch.setattr(limbs, "EXACT_BITS", limbs.EXACT_BITS + 1)
    assert found_times([cells], vectors) != expected


@pytest.mark.parametrize(("kind", "largest"), [*LARGEST, ("uint64", P - 1)])
def test_sums_over_the_longest_rows_stay_within_64_bits(kind: str, largest: int) -> None:
    """Every product has the same sign, in as many pieces as are ever added up."""
    value, number = (int(line[0, 0]) for line in largest_sums(kind, largest, 1))
    cells = np.full((1, limbs.LONGEST), value, dtype=kind)
    for factor in (number, P - number):
        vectors = np.full((1, limbs.LONGEST), factor, dtype=np.uint64)
        assert found_times([cells], vectors) == [[[limbs.LONGEST * value * factor % P]]]


@pytest.mark.parametrize("length", [699, 700, 701, 1400, 1401, 2103])
def test_rows_beyond_the_longest_are_cut_and_added_up(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limbs, "LONGEST", 700)
    cells = [any_cells(length, kind, 2, length) for kind in ("int16", "uint16", "uint64")]
    vectors = numbers(length + 1, 2, length)
    assert found_times(cells, vectors) == plain_times(cells, vectors)


# Bounds --------------------------------------------------------------------------------------------------------------


@some
@given(seeds, st.sampled_from(KINDS), st.integers(1, 40), st.integers(0, 15))
def test_no_limb_of_a_cell_is_above_its_bits_and_limbs_make_the_cell(
    seed: int, kind: str, length: int, smaller: int
) -> None:
    cells = any_cells(seed, kind, 1, length)
    cells = cells >> smaller if kind != "uint64" else cells
    found, bits = limbs.cell_limbs(cells), limbs.cell_bits(cells)
    assert np.abs(found).max() <= 1 << bits
    whole = sum(line.astype(np.int64).astype(object) << (limbs.CELL_LIMB_BITS * k) for k, line in enumerate(found))
    assert (whole % P).tolist() == (cells.astype(object) % P).tolist()


@pytest.mark.parametrize("kind", sorted(NARROW))
def test_the_bits_of_narrow_cells_are_no_more_than_they_need(kind: str) -> None:
    """Where 2^bits is the bound: one number further takes one bit more."""
    low, high = NARROW[kind]
    for bits in range((high - 1).bit_length()):
        assert limbs.cell_bits(np.array([0, 1 << bits], dtype=kind)) == bits
        if (1 << bits) + 1 < high:
            assert limbs.cell_bits(np.array([0, (1 << bits) + 1], dtype=kind)) == bits + 1
        if low:
            assert limbs.cell_bits(np.array([-(1 << bits)], dtype=kind)) == bits
    assert limbs.cell_bits(np.array([low, high - 1], dtype=kind)) == high.bit_length() - 1


@pytest.mark.parametrize("count", limbs.LIMB_COUNTS)
@pytest.mark.parametrize(("kind", "largest"), [*LARGEST, ("uint64", P - 1)])
def test_no_product_of_two_limbs_is_above_its_bits(count: int, kind: str, largest: int) -> None:
    bits = limbs.limb_bits(count)
    chosen = [of_largest_limbs(count, bits), -(1 << (bits - 1)) % P, 1 << (bits - 1), P // 2, P // 2 + 1, P - 1]
    factors = limbs.kernels.field_limbs(np.array(chosen, dtype=np.uint64), count, bits)
    assert np.abs(factors).max() == 1 << (bits - 1), "the bound of limbs is met"
    cells = np.array([largest, largest - 1, P // 2 if kind == "uint64" else 0], dtype=kind)
    products = [int(x) * int(y) for x, y in product(limbs.cell_limbs(cells).flat, factors.flat)]
    assert max(map(abs, products)) <= 1 << limbs.product_bits(limbs.cell_bits(cells), count)


# Rows at points ----------------------------------------------------------------------------------------------------


def plain_values(parts: list[RowPart], rows: int, points: list[int]) -> list[list[int]]:
    """[point][row], by Horner's rule."""
    values = [[0] * rows for _ in points]
    for part in parts:
        for i, line in enumerate(part.cells.tolist()):
            for k, x in enumerate(points):
                value = 0
                for cell in reversed(line):
                    value = (value * x + cell) % P
                values[k][part.row + i] = (values[k][part.row + i] + value * pow(x, part.start, P)) % P
    return values


starts = st.sampled_from([0, 1, 7, 128, 1000])
part_shapes = st.tuples(
    st.sampled_from(KINDS), st.integers(0, 3), starts, st.integers(1, 3), st.sampled_from([1, 2, 127, 129, 300])
)


@some
@given(seeds, st.lists(part_shapes, min_size=1, max_size=4), st.sampled_from([1, 100, 1 << 19]))
def test_parts_of_rows_at_points_are_those_of_integers(seed: int, shapes: list[Any], chunk: int) -> None:
    """Parts may begin anywhere, lie over each other, and have any length; rows without any part are zero."""
    parts = [
        RowPart(any_cells(seed + i, kind, rows, length), row, start)
        for i, (kind, row, start, rows, length) in enumerate(shapes)
    ]
    count = max(part.row + len(part.cells) for part in parts)
    points = [0, 1, P - 1, *numbers(seed, 2).tolist()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "CHUNK", chunk)
        found = evaluate_parts(MatrixRows(tuple(parts)), np.array(points, dtype=np.uint64))
    assert found.tolist() == plain_values(parts, count, points)


def in_step(kind: str, limb: int, length: int, point: int) -> RowPart:
    """Odd cells as large as can be, each with the sign of one limb of the point's power in its piece; and the reverse.

    So sums of products with this limb grow about as fast as they can.
    """
    most = of_largest_limbs(limbs.CELL_LIMBS, limbs.CELL_LIMB_BITS)
    low, high = (P - most, most) if kind == "uint64" else (-(NARROW[kind][1] - 1), NARROW[kind][1] - 1)
    low = 0 if kind == "uint16" else low
    cut = evaluation._cut(RowPart(np.resize(np.array([low, high], dtype=kind), (1, length)), 0, 0))
    powers = [pow(point, j, P) for j in range(1 << cut.piece_bits)]
    signs = np.array([twins.signed_limbs(x, cut.limbs, cut.limb_bits)[limb] > 0 for x in powers])
    up = np.resize(signs, length)
    return RowPart(np.array([np.where(way, high, low) for way in (up, ~up)], dtype=kind), 0, 3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limb", [0, 1])
def test_cells_in_step_with_the_limbs_of_powers_are_summed_exactly(
    kind: str, limb: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In pieces of the length that is used; in longer ones the like of them are not."""
    point = 0x9E3779B97F4A7C15

    def exact() -> bool:
        part = in_step(kind, limb, (1 << 14) + 3, point)
        found = evaluate_parts(MatrixRows((part,)), np.array([point], dtype=np.uint64))
        return found.tolist() == plain_values([part], 2, [point])

    assert exact()
    monkeypatch.setattr(evaluation, "EXACT_BITS", evaluation.EXACT_BITS + 3)
    monkeypatch.setattr(evaluation, "LONGEST_PIECE", 14)
    assert not exact()
