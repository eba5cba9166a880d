"""The code of a matrix against its definition, in Python's integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zkunlearn.circuits.field.goldilocks import P
from zkunlearn.verifier.protocol.code import ReedSolomonCode, evaluate_rows, powers

EDGES = [0, 1, 2, P - 1, P - 2, 2**32 - 1, 2**32, 2**63, P >> 1]
elements = st.one_of(st.sampled_from(EDGES), st.integers(0, P - 1))
CODES = [ReedSolomonCode(3, 1), ReedSolomonCode(5, 0, 8), ReedSolomonCode(6, 2), ReedSolomonCode(8, 1, 8)]


def horner(coefficients: list[int], x: int) -> int:
    result = 0
    for coefficient in reversed(coefficients):
        result = (result * x + coefficient) % P
    return result


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.data())
def test_rows_are_evaluated_as_polynomials(length: int, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.lists(elements, min_size=length, max_size=length), min_size=1, max_size=3))
    points = data.draw(st.lists(elements, min_size=1, max_size=4))
    found = evaluate_rows(np.array(rows, dtype=np.uint64), np.array(points, dtype=np.uint64))
    assert found.tolist() == [[horner(row, x) for x in points] for row in rows]


@given(st.lists(elements, min_size=1, max_size=4), st.integers(1, 20))
def test_powers_are_products_with_themselves(points: list[int], count: int) -> None:
    expected = [[pow(x, j, P) for x in points] for j in range(count)]
    assert powers(np.array(points, dtype=np.uint64), count).tolist() == expected


@pytest.mark.parametrize("code", CODES, ids=repr)
def test_points_are_distinct_and_not_zero(code: ReedSolomonCode) -> None:
    points = code.points(range(code.length)).tolist()
    assert len(set(points)) == code.length and 0 not in points


@pytest.mark.parametrize("code", CODES, ids=repr)
def test_a_code_is_as_long_as_its_rate_asks_for_and_no_eighth_longer(code: ReedSolomonCode) -> None:
    eighth = 1 << code.part_bits
    assert code.length % eighth == 0
    assert code.dimension * code.inverse_rate <= code.length < code.dimension * code.inverse_rate + eighth
    assert code.rate <= 1 / code.inverse_rate


@pytest.mark.parametrize("code", CODES, ids=repr)
def test_a_coset_is_ordered_bit_reversed(code: ReedSolomonCode) -> None:
    """Neighbours, the last bit of the position, differ by sign: the first bit of the exponent."""
    points = code.points(range(2 * min(8, code.length // 2))).tolist()
    assert all((a + b) % P == 0 for a, b in zip(points[0::2], points[1::2], strict=True))
