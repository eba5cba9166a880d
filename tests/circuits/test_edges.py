"""The algebra at its edges, against plain Python: every pair of awkward numbers, every type, every size of a block.

test_goldilocks.py and test_multilinear.py draw at random; here nothing is left to luck.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field import goldilocks as f
from zkunlearn.circuits.field.goldilocks import NON_RESIDUE, ONE, ZERO, K, P
from zkunlearn.circuits.language import tables
from zkunlearn.circuits.language.hidden import public
from zkunlearn.circuits.language.layout import Address
from zkunlearn.verifier.protocol.sumcheck import next_claim

V = Address("m", "v")
EDGES = [0, 1, 2, 2**16, 2**32 - 1, 2**32, 2**32 + 1, 2**48, 2**63 - 1, 2**63, P // 2, P // 2 + 1, P - 2**32, P - 1]
GRID = [(a, b) for a in EDGES for b in EDGES]  # coefficients of elements of K
WIDTHS = [2**16 - 1, 2**16, 2**32 - 1, 2**32, 2**48 - 1, 2**48, P - 1]  # where a number gets one limb more
SIGNED, UNSIGNED = ("int8", "int16", "int32", "int64"), ("uint8", "uint16", "uint32")


def plain_product(x: tuple[int, int], y: tuple[int, int]) -> tuple[int, int]:
    """In F[u] / (u^2 - 7)."""
    return (x[0] * y[0] + NON_RESIDUE * x[1] * y[1]) % P, (x[0] * y[1] + x[1] * y[0]) % P


def plain_power(x: tuple[int, int], exponent: int) -> tuple[int, int]:
    result = (1, 0)
    for bit in bin(exponent)[2:]:
        result = plain_product(result, result)
        result = plain_product(result, x) if bit == "1" else result
    return result


def vector(values: Any) -> Any:
    return np.array(values, dtype=np.uint64)


# Scalars -----------------------------------------------------------------------------------------------------------


def test_every_inverse_of_edges_is_the_power_by_fermat() -> None:
    """x^(p^2 - 2), by squaring and multiplying: nothing of the norm that `inverse` uses."""
    for a, b in GRID:
        if (a, b) != (0, 0):
            assert K(a, b).inverse().pair == plain_power((a, b), P * P - 2), (a, b)


def test_every_sum_and_product_of_edges_agrees_with_integers() -> None:
    for x in GRID:
        for y in GRID[::3]:
            assert (K(*x) * K(*y)).pair == plain_product(x, y), (x, y)
            assert (K(*x) + K(*y)).pair == ((x[0] + y[0]) % P, (x[1] + y[1]) % P), (x, y)
            assert (K(*x) - K(*y)).pair == ((x[0] - y[0]) % P, (x[1] - y[1]) % P), (x, y)


@pytest.mark.parametrize("number", [-1, -P, -P - 1, P, P + 1, 2**64 - 1, 2**64, 2**128, -(2**64)])
def test_integers_of_any_size_are_read_modulo_p(number: int) -> None:
    assert K(number, number).pair == (number % P, number % P)
    assert K(3, 5) + number == K(3 + number, 5) and number - K(3, 5) == K(number - 3, -5)
    assert K(3, 5) * number == number * K(3, 5) == K(3 * number, 5 * number)
    assert (K(number) == number) and (K(number) == number + P)


def test_powers_of_zero_and_to_zero_are_as_usual() -> None:
    assert ZERO**0 == ONE and ZERO**5 == ZERO and K(P - 1, P - 1) ** 0 == ONE
    with pytest.raises(ZeroDivisionError, match="no inverse"):
        ZERO**-1


# Vectors -----------------------------------------------------------------------------------------------------------


def test_every_product_of_edge_vectors_over_k_agrees_with_integers() -> None:
    left = [x for x in GRID for _ in GRID]
    right = GRID * len(GRID)
    x, y = vector(left).T.copy(), vector(right).T.copy()
    products = [plain_product(a, b) for a, b in zip(left, right, strict=True)]
    assert list(zip(*f.kmul(x, y).tolist(), strict=True)) == products
    assert f.kdot(x, y).pair == tuple(sum(part) % P for part in zip(*products, strict=True))
    for k, row in enumerate(f.kmul_base(x, y[1]).tolist()):
        assert row == [a[k] * b[1] % P for a, b in zip(left, right, strict=True)]


def test_every_edge_scales_every_edge() -> None:
    x = vector(GRID).T.copy()
    for factor in GRID:
        assert list(zip(*f.kscale(x, K(*factor)).tolist(), strict=True)) == [plain_product(a, factor) for a in GRID]


@pytest.mark.parametrize("value", EDGES)
def test_a_long_sum_of_one_edge_is_a_product(value: int) -> None:
    count = 3 * 2**16 + 1
    table = np.full((2, count), value, dtype=np.uint64)
    assert f.total(table).tolist() == [value * count % P] * 2
    assert f.total(table, axis=0).tolist() == [2 * value % P] * count


@pytest.mark.parametrize("kind", SIGNED + UNSIGNED)
def test_the_ends_of_every_integer_type_become_residues(kind: str) -> None:
    info = np.iinfo(kind)
    ends = [int(info.min), int(info.min) + 1, 0, 1, int(info.max) - 1, int(info.max)]
    ends += [-1] if kind in SIGNED else []
    found = f.to_field(np.array(ends, dtype=kind))
    assert found.dtype == np.uint64 and found.tolist() == [end % P for end in ends]
    assert f.to_field(np.array(info.min, dtype=kind)).item() == int(info.min) % P, "of no dimension, too"


def test_no_other_number_is_taken_for_an_integer_of_64_bits() -> None:
    for values in (np.array([2**63], dtype=np.uint64), np.array([1], dtype=np.uint64), np.array([1.5])):
        with pytest.raises(TypeError, match="'safe'"):
            f.to_field(values)


# Products of matrices ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", WIDTHS)
@pytest.mark.parametrize("right", WIDTHS)
def test_products_are_exact_where_numbers_get_one_limb_more(left: int, right: int) -> None:
    x, y = np.full((2, 67), left, dtype=np.uint64), np.full((67, 3), right, dtype=np.uint64)
    x[1, ::2], y[::3, 2] = 1, 0
    expected = (x.astype(object) @ y.astype(object)) % P
    assert f.matmul(x, y).tolist() == expected.tolist()


@pytest.mark.parametrize("columns", [15, 16, 17, 33])
@pytest.mark.parametrize("rows", [1, 3, 40])
@pytest.mark.parametrize("inner", [1, 64, 1500])
def test_products_of_several_blocks_are_exact(rows: int, inner: int, columns: int) -> None:
    """Four limbs: blocks end after 16 columns; and after 2 rows of 1500, of 4 times as many as there are."""
    assert f.BLOCK_COLUMNS == 4 * 16 and f.BLOCK_PRODUCTS // (f.BLOCK_COLUMNS * 1500) == 2
    rng = np.random.default_rng(rows * inner + columns)
    x, y = rng.integers(0, P, (rows, inner), dtype=np.uint64), rng.integers(0, P, (inner, columns), dtype=np.uint64)
    x[0, 0] = y[0, 0] = x[-1, -1] = y[-1, -1] = P - 1
    assert f.matmul(x, y).tolist() == ((x.astype(object) @ y.astype(object)) % P).tolist()


@pytest.mark.parametrize(("rows", "inner", "columns"), [(0, 3, 2), (2, 3, 0)])
def test_products_without_numbers_are_zeros(rows: int, inner: int, columns: int) -> None:
    found = f.matmul(np.ones((rows, inner), dtype=np.uint64), np.ones((inner, columns), dtype=np.uint64))
    assert found.shape == (rows, columns) and not found.any()


# Limbs and polynomials ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [1, 15, 16, 17, 32, 33, 47, 48])
def test_limbs_give_back_their_integer_at_every_edge(bits: int) -> None:
    edges = sorted({v for v in (0, 1, 2**15, 2**16 - 1, 2**16, 2**32 - 1, 2**32, 2**bits - 1) if v < 1 << bits})
    limbs = tables.split_limbs(np.array(edges, dtype=np.int64), V, bits)
    for i, edge in enumerate(edges):
        assert sum((weight * int(limbs[name][i]) for weight, name in tables.limb_terms(V, bits)), ZERO) == edge
    assert list(limbs) == list(tables.limb_addresses(V, bits)) and sum(tables.limb_widths(bits)) == bits
    for width, limb in zip(tables.limb_widths(bits), limbs.values(), strict=True):
        assert int(limb.max()) < 1 << width


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
@pytest.mark.parametrize("edge", EDGES)
def test_a_round_polynomial_has_its_values_at_its_nodes(degree: int, edge: int) -> None:
    """Where the challenge is a node, the Lagrange basis is 0 and 1; elsewhere, against the sum of powers."""
    coefficients = [K(edge, EDGES[-1 - i]) for i in range(degree + 1)]

    def polynomial(x: K) -> K:
        return sum((c * x**i for i, c in enumerate(coefficients)), ZERO)

    sent = [public(polynomial(K(node))) for node in (0, *range(2, degree + 1))]
    claim = public(polynomial(ZERO) + polynomial(ONE))
    for challenge in (*map(K, range(degree + 2)), K(edge), K(0, edge), K(P - 1, P - 1)):
        assert next_claim(sent, claim, challenge).constant == polynomial(challenge)
