"""F and K against Python's integers, at the edges of the 64-bit arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zkunlearn.circuits.field import goldilocks as f
from zkunlearn.circuits.field.goldilocks import NON_RESIDUE, ONE, ZERO, K, P

EDGES = [
    0,
    1,
    2,
    2**32 - 2,
    2**32 - 1,
    2**32,
    2**32 + 1,
    2**63 - 1,
    2**63,
    2**63 + 1,
    P - 2**32,
    P - 2,
    P - 1,
]
elements = st.one_of(st.sampled_from(EDGES), st.integers(0, P - 1))
scalars = st.builds(K, elements, elements)
lists = st.lists(elements, min_size=1, max_size=9)
quick = settings(max_examples=60, deadline=None)


def vector(values: list[int]) -> Any:
    return np.array(values, dtype=np.uint64)


@pytest.mark.parametrize(
    ("ours", "plain"),
    [(f.add, lambda a, b: a + b), (f.sub, lambda a, b: a - b), (f.mul, lambda a, b: a * b)],
    ids=["add", "sub", "mul"],
)
def test_every_pair_of_edges_agrees_with_integers(ours: Any, plain: Any) -> None:
    x, y = (grid.reshape(-1) for grid in np.meshgrid(vector(EDGES), vector(EDGES)))
    assert ours(x, y).tolist() == [plain(int(a), int(b)) % P for a, b in zip(x, y, strict=True)]


@quick
@given(st.lists(st.tuples(elements, elements), min_size=1, max_size=20))
def test_vectors_agree_with_integers(pairs: list[tuple[int, int]]) -> None:
    x, y = vector([a for a, _ in pairs]), vector([b for _, b in pairs])
    assert f.add(x, y).tolist() == [(a + b) % P for a, b in pairs]
    assert f.sub(x, y).tolist() == [(a - b) % P for a, b in pairs]
    assert f.mul(x, y).tolist() == [a * b % P for a, b in pairs]
    assert int(f.total(x)) == sum(a for a, _ in pairs) % P


@quick
@given(st.integers(-(2**62), 2**62), st.integers(-(2**31), 2**31))
def test_signed_integers_become_residues(x: int, y: int) -> None:
    assert f.to_field(np.array([x, y])).tolist() == [x % P, y % P]


@pytest.mark.parametrize(
    ("value", "canonical"), [(0, True), (P - 1, True), (P, False), (P + 1, False), (2**64 - 1, False)]
)
def test_only_residues_below_p_are_canonical(value: int, canonical: bool) -> None:
    assert f.is_canonical(vector([5, value])) is canonical


def test_constants_are_what_they_are_called() -> None:
    assert P == 2**64 - 2**32 + 1 and (P - 1) % 2**f.TWO_ADICITY == 0
    assert pow(NON_RESIDUE, (P - 1) // 2, P) == P - 1, "u^2 = 7 has no root in F"
    assert f.ROOT_OF_UNITY == 1753635133440165772
    for bits in (1, 5, 32):
        root = f.root_of_unity(bits)
        assert pow(root, 1 << bits, P) == 1 and pow(root, 1 << (bits - 1), P) == P - 1
    for bits in (-1, 33):
        with pytest.raises(ValueError, match="no subgroup"):
            f.root_of_unity(bits)


@quick
@given(scalars, scalars, scalars)
def test_k_is_a_field(x: K, y: K, z: K) -> None:
    assert (x + y) * z == x * z + y * z
    assert x * y == y * x and (x * y) * z == x * (y * z)
    assert x - y == -(y - x) and x + ZERO == x and x * ONE == x
    if x:
        assert x * x.inverse() == ONE and (x**-3) * x**3 == ONE
    assert x ** (P * P) == x, "Frobenius twice is the identity"
    assert hash(x + y) == hash(y + x)


@quick
@given(elements, elements)
def test_k_multiplies_as_u_squared_is_seven(a: int, b: int) -> None:
    assert K(0, a) * K(0, b) == K(NON_RESIDUE * a * b)
    assert K(a, b) * 3 == K(3 * a, 3 * b) and 3 - K(a, b) == K(3 - a, -b) and K(a) == a


def test_zero_has_no_inverse() -> None:
    with pytest.raises(ZeroDivisionError):
        ZERO.inverse()


@quick
@given(scalars, scalars)
def test_arithmetic_changes_no_operand(x: K, y: K) -> None:
    """Scalars are shared everywhere; in-place operators have to make new ones."""
    before = (x.pair, y.pair, ONE.pair, ZERO.pair)
    total = x
    total += y
    total *= y
    total -= ONE
    assert total == (x + y) * y - ONE
    assert (x.pair, y.pair, ONE.pair, ZERO.pair) == before == (x.pair, y.pair, (1, 0), (0, 0))


@quick
@given(st.lists(st.tuples(scalars, scalars), min_size=1, max_size=9), scalars)
def test_vectors_over_k_agree_with_scalars(pairs: list[tuple[K, K]], c: K) -> None:
    left, right = [x for x, _ in pairs], [y for _, y in pairs]
    x, y = f.kvector(left), f.kvector(right)

    def scalars_of(values: Any) -> list[K]:
        return [f.kscalar(values[:, i]) for i in range(values.shape[1])]

    assert scalars_of(f.kadd(x, y)) == [a + b for a, b in pairs]
    assert scalars_of(f.ksub(x, y)) == [a - b for a, b in pairs]
    assert scalars_of(f.kmul(x, y)) == [a * b for a, b in pairs]
    assert scalars_of(f.kscale(x, c)) == [a * c for a in left]
    assert scalars_of(f.kmul_base(x, y[0])) == [a * b.a for a, b in pairs]
    assert f.ksum(x) == sum(left, ZERO)
    assert f.kdot(x, y) == f.dot(left, right) == sum((a * b for a, b in pairs), ZERO)


@quick
@given(
    st.integers(1, 4),
    st.integers(1, 7),
    st.integers(1, 4),
    st.integers(0, 2**32),
    st.sampled_from([8, 16, 17, 33, 64]),
)
def test_products_of_matrices_are_exact(m: int, k: int, n: int, seed: int, bits: int) -> None:
    rng = np.random.default_rng(seed)
    pool = vector([e for e in EDGES if e < 2**bits])
    x, y = rng.choice(pool, (m, k)), rng.choice(vector(EDGES), (k, n))
    expected = [[sum(int(x[i, l]) * int(y[l, j]) for l in range(k)) % P for j in range(n)] for i in range(m)]
    assert f.matmul(x, y).tolist() == expected


def test_the_longest_product_of_the_largest_limbs_is_exact() -> None:
    """Four pairs of limbs meet at one weight: 4 * 2^19 products of (2^16 - 1)^2 stay below 2^53."""
    largest = f.MAX_INNER * 4 * (2**f.MATRIX_LIMB_BITS - 1) ** 2
    assert largest < 2**53
    full = np.full((1, f.MAX_INNER), P - 1, dtype=np.uint64)
    assert f.matmul(full, full.T).tolist() == [[f.MAX_INNER % P]], "(-1)(-1) summed"
    with pytest.raises(ValueError, match="not be exact"):
        f.matmul(np.zeros((1, f.MAX_INNER + 1), dtype=np.uint64), np.zeros((f.MAX_INNER + 1, 1), dtype=np.uint64))
