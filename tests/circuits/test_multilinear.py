"""Closed forms against the tables they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zkunlearn.circuits.field import multilinear as m
from zkunlearn.circuits.field.goldilocks import ONE, ZERO, K, P, kscalar, kvector

elements = st.one_of(st.sampled_from([0, 1, 2, P - 1, 2**32]), st.integers(0, P - 1))
scalars = st.builds(K, elements, elements)
quick = settings(max_examples=40, deadline=None)


def points(bits: int) -> st.SearchStrategy[tuple[K, ...]]:
    return st.tuples(*[scalars] * bits)


point_of_any_size = st.integers(0, 7).flatmap(points)
pair_of_any_size = st.integers(0, 5).flatmap(lambda bits: st.tuples(points(bits), points(bits)))


def table(x: tuple[K, ...]) -> list[K]:
    """eq(x, i) for all i, by the definition."""
    return [m.eq(x, m.bits_of(i, len(x))) for i in range(1 << len(x))]


@pytest.mark.parametrize(("size", "bits"), [(1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (2**20, 20), (2**20 + 1, 21)])
def test_log2_ceil(size: int, bits: int) -> None:
    assert m.log2_ceil(size) == bits


@quick
@given(point_of_any_size)
def test_eq_in_all_its_forms_is_one_table(x: tuple[K, ...]) -> None:
    expected = table(x)
    assert [m.eq_index(x, i) for i in range(1 << len(x))] == expected
    places = [i for i in range(1 << len(x)) if i % 3 != 1]
    assert m.eq_at(x, places).T.tolist() == [[expected[i].a, expected[i].b] for i in places]
    assert m.eq_at(x, []).shape == (2, 0)
    values = m.eq_table(x)
    assert [kscalar(values[:, i]) for i in range(1 << len(x))] == expected
    assert sum(expected, ZERO) == ONE


@quick
@given(st.integers(0, 4))
def test_eq_on_corners_is_the_identity_matrix(bits: int) -> None:
    for i in range(1 << bits):
        row = m.eq_table(m.bits_of(i, bits))
        assert row[0].tolist() == [int(i == j) for j in range(1 << bits)] and not row[1].any()


@quick
@given(point_of_any_size)
def test_prefix_is_the_sum_of_the_first_entries(x: tuple[K, ...]) -> None:
    expected, running = table(x), ZERO
    for size in range((1 << len(x)) + 1):
        assert m.prefix(x, size) == running
        if size < len(expected):
            running = running + expected[size]


@quick
@given(pair_of_any_size)
def test_prefix_eq_is_the_sum_of_the_first_products(pair: tuple[tuple[K, ...], tuple[K, ...]]) -> None:
    x, y = pair
    running = ZERO
    for size, product in enumerate(a * b for a, b in zip(table(x), table(y), strict=True)):
        assert m.prefix_eq(x, y, size) == running
        running = running + product
    assert m.prefix_eq(x, y, 1 << len(x)) == running == m.eq(x, y)


@quick
@given(pair_of_any_size)
def test_successor_is_the_sum_over_all_neighbours_below_the_size(pair: tuple[tuple[K, ...], tuple[K, ...]]) -> None:
    x, y = pair
    at_x, at_y = table(x), table(y)
    assert m.successor(x, y, 0) == ZERO
    for size in range(1, (1 << len(x)) + 1):
        expected = sum((at_x[i] * at_y[i + 1] for i in range(size - 1)), ZERO)
        assert m.successor(x, y, size) == expected


@quick
@given(st.integers(0, 3), st.data())
def test_successor_on_corners_says_which_number_follows(bits: int, data: st.DataObject) -> None:
    size = data.draw(st.integers(0, 1 << bits))
    corners = [m.bits_of(i, bits) for i in range(1 << bits)]
    for i, x in enumerate(corners):
        follows = [int(j == i + 1 and j < size) for j in range(1 << bits)]
        assert [m.successor(x, y, size) for y in corners] == [K(value) for value in follows]


@quick
@given(point_of_any_size)
def test_identity_is_the_extension_of_the_index(x: tuple[K, ...]) -> None:
    assert m.identity(x) == sum((entry * i for i, entry in enumerate(table(x))), ZERO)


@quick
@given(point_of_any_size)
def test_bounded_identity_is_the_extension_of_the_index_up_to_a_bound(x: tuple[K, ...]) -> None:
    for bits in range(len(x) + 1):
        expected = sum((entry * min(i, 1 << bits) for i, entry in enumerate(table(x))), ZERO)
        assert m.bounded_identity(x, bits) == expected


@quick
@given(point_of_any_size, st.data())
def test_evaluation_is_the_inner_product_with_the_table(x: tuple[K, ...], data: st.DataObject) -> None:
    """Vectors may be shorter than the cube: zeros follow."""
    size = data.draw(st.integers(1, 1 << len(x)))
    values = data.draw(st.lists(elements, min_size=size, max_size=size))
    expected = sum((entry * value for entry, value in zip(table(x), values, strict=False)), ZERO)
    assert m.evaluate(np.array(values, dtype=np.uint64), x) == expected
    extension = [K(value, value + 1) for value in values]
    expected = sum((entry * value for entry, value in zip(table(x), extension, strict=False)), ZERO)
    assert m.kevaluate(kvector(extension), x) == expected


def test_the_first_variable_is_the_most_significant_bit() -> None:
    assert m.bits_of(4, 3) == (ONE, ZERO, ZERO)
    assert m.evaluate(np.array([0, 0, 7, 0], dtype=np.uint64), (ONE, ZERO)) == K(7)
