"""The kernels that take all trees of a layer together equal those of one tree, and their plain-Python twins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.prover import kernels as fast

from . import twins
from .values import children, line, numbers, pairs, quick, scalars, seeds

pytestmark = pytest.mark.usefixtures("threads")


@quick
@given(seeds, st.lists(st.integers(0, 5), min_size=1, max_size=4))
def test_every_layer_of_a_crown_is_the_one_below_added_up(seed: int, bits: list[int]) -> None:
    starts = np.cumsum([0, *(2 << own for own in bits)])
    n, d = numbers(seed, 2, starts[-1]), numbers(seed + 1, 2, starts[-1])
    before = n.copy(), d.copy()
    fast.crowns_up(n, d, starts[:-1], np.array(bits))
    for start, own in zip(starts.tolist(), bits, strict=False):
        layer = slice(start + (1 << own), start + (2 << own))
        lowest = [line(v[:, layer]) for v in (n, d)]
        assert lowest == [line(v[:, layer]) for v in before]
        for k in reversed(range(own)):
            lowest = list(twins.layer_up(*lowest))
            assert lowest == [line(v[:, start + (1 << k) : start + (2 << k)]) for v in (n, d)]


@quick
@given(seeds, st.integers(0, 6))
def test_a_crown_of_weights_has_a_table_for_each_number_of_last_coordinates(seed: int, bits: int) -> None:
    point = numbers(seed, 2, bits)
    table = fast.eq_crown(point)
    for k in range(bits + 1):
        assert line(table[:, 1 << k : 2 << k]) == twins.eq_table(pairs(point)[bits - k :])


@quick
@given(seeds, st.integers(1, 4), st.integers(1, 6), scalars)
def test_a_round_of_cubes_is_the_sum_of_those_of_their_trees(seed: int, trees: int, bits: int, r: Any) -> None:
    """At every size that folding leaves, each tree times its scale; and what is folded is what the twin folds."""
    n, b = numbers(seed, 2, trees, 2, 1 << bits), numbers(seed + 1, 2, trees, 2, 1 << bits)
    scales, weights = numbers(seed + 2, 2, trees), fast.eq_crown(numbers(seed + 3, 2, bits - 1))
    cells = [[children(values[:, tree]) for values in (n, b)] for tree in range(trees)]
    sums, live = fast.cubes_round(n, b, 1 << bits, weights, scales), 1 << bits
    while True:
        own = pairs(weights[:, live // 2 : live])
        rounds = [twins.pair_round(*of_n, *of_b, [(1, 0)], own) for of_n, of_b in cells]
        scaled = [[twins.kmul(scale, x) for x in two] for scale, two in zip(pairs(scales), rounds, strict=True)]
        assert list(sums) == [twins.ksum(column) for column in zip(*scaled, strict=True)]
        live //= 2
        if live < 2:
            return
        sums = fast.cubes_round(n, b, live, weights, scales, r)
        cells = [[[twins.fold(child, r) for child in values] for values in tree] for tree in cells]
        for tree, expected in enumerate(cells):
            assert [children(values[:, tree, :, :live]) for values in (n, b)] == expected


def test_cubes_of_many_trees_do_not_depend_on_the_number_of_threads() -> None:
    """Where trees are really shared among threads."""
    found = []
    for count in (1, 2, 3):
        fast.set_thread_count(count)
        n, b = numbers(1, 2, 37, 2, 1024), numbers(2, 2, 37, 2, 1024)
        weights, scales = fast.eq_crown(numbers(3, 2, 9)), numbers(4, 2, 37)
        sums = [fast.cubes_round(n, b, 1024, weights, scales), fast.cubes_round(n, b, 512, weights, scales, (5, 6))]
        found.append((sums, n.tobytes(), b.tobytes()))
    assert found[0] == found[1] == found[2]


def test_cubes_that_are_smaller_than_what_is_live_are_refused() -> None:
    n, b, weights, scales = (numbers(i, *shape) for i, shape in enumerate([(2, 1, 2, 4)] * 2 + [(2, 8), (2, 1)]))
    for live, fold, own in ((8, None, scales), (4, (1, 2), scales), (4, None, numbers(5, 2, 2))):
        with pytest.raises(ValueError, match="weights"):
            fast.cubes_round(n, b, live, weights, own, fold)
    with pytest.raises(ValueError, match="contiguous"):
        fast.cubes_round(n[..., ::2], b[..., ::2], 2, weights, scales)
