"""What batching multiplies the matrix with is what it is defined to be, in few products."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.circuits.field.goldilocks import ONE, ZERO, K, P, Vector, kvector
from zkunlearn.prover.protocol.batching import _factors

ROWS, BITS = 5, 3
numbers = st.builds(K, st.integers(2, P - 1), st.integers(0, P - 1))
points = st.tuples(*[st.one_of(st.sampled_from([ZERO, ONE]), numbers)] * BITS)
weights = st.lists(st.one_of(st.just(ZERO), numbers), min_size=ROWS, max_size=ROWS)


def eq(place: tuple[K, ...], x: int) -> K:
    product = ONE
    for k, z in enumerate(place):
        product = product * (z if x >> (BITS - 1 - k) & 1 else ONE - z)
    return product


def entry(vector: np.ndarray, at: int) -> K:
    return K(int(vector[0, at]), int(vector[1, at]))


@given(st.dictionaries(points, weights, min_size=1, max_size=6))
def test_factors_add_up_to_the_weights_of_all_places(places: dict[tuple[K, ...], list[K]]) -> None:
    """Places of one row and of several, points with bits before the others, which are those of short columns."""
    by_rows, by_cells = _factors({place: kvector(own) for place, own in places.items()})
    pairs = list(zip(by_rows, by_cells.transpose(1, 0, 2), strict=True))
    for row in range(ROWS):
        for x in range(1 << BITS):
            expected = sum((own[row] * eq(place, x) for place, own in places.items()), ZERO)
            assert sum((entry(rows, row) * entry(cells, x) for rows, cells in pairs), ZERO) == expected


def test_places_of_rows_that_others_have_alone_cost_no_product() -> None:
    one, other = (K(7, 1), K(5, 2), K(3, 4)), (ONE, K(5, 2), K(3, 4))
    both, third = (K(9, 9), K(5, 2), K(3, 4)), (K(6, 6), K(1, 2), K(3, 4))
    places: dict[tuple[K, ...], Vector] = {
        one: kvector([ONE, ZERO, ZERO]),
        other: kvector([ZERO, ONE, ZERO]),
        both: kvector([ONE, ONE, ZERO]),
        third: kvector([ONE, ONE, ONE]),
    }
    by_rows, _ = _factors(places)
    assert len(by_rows) == 3, "two rows, and a place of three"
