"""The kernels of fraction trees equal their plain-Python twins; leaves that are listed, those that are written out."""

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

boxes = st.tuples(st.sampled_from([2, 4, 8]), st.sampled_from([1, 3, 8, 13, 64, 71]))


@quick
@given(seeds, boxes)
def test_layer_up_equals_its_twin(seed: int, box: tuple[int, int]) -> None:
    n, d = numbers(seed, 2, *box), numbers(seed + 1, 2, *box)
    up = fast.layer_up(n, d)
    assert up[0].shape == (2, box[0] // 2, box[1])
    assert tuple(line(v) for v in up) == twins.layer_up(line(n), line(d))


def weights_for(seed: int, rows: int, m: int) -> tuple[Any, Any]:
    return numbers(seed, 2, rows), numbers(seed + 1, 2, m)


def expected_round(n: Any, b: Any, live: int, weights: tuple[Any, Any]) -> tuple[Any, Any]:
    n = np.zeros_like(b) if n is None else n
    four = [*children(n[:, :, :live]), *children(b[:, :, :live])]
    return twins.pair_round(*(*four, pairs(weights[0]), pairs(weights[1])))


@quick
@given(seeds, boxes, st.booleans(), st.sampled_from([0, 5]))
def test_a_round_of_a_pair_equals_its_twin(seed: int, box: tuple[int, int], signed: bool, spare: int) -> None:
    """With numerators and without; with room behind the live cells."""
    live = box[0] * box[1]
    n, b = numbers(seed, 2, 2, live + spare) if signed else None, numbers(seed + 1, 2, 2, live + spare)
    weights = weights_for(seed + 2, box[0] // 2, box[1])
    assert fast.pair_round(n, b, weights) == expected_round(n, b, live, weights)


@quick
@given(seeds, boxes, scalars)
def test_mixing_makes_the_round_mu_times_what_is_claimed(seed: int, box: tuple[int, int], mu: Any) -> None:
    """b = n + mu d, and b0 b1 - n0 n1 = mu (n0 d1 + n1 d0 + mu d0 d1)."""
    live = box[0] * box[1]
    n, d = numbers(seed, 2, 2, live), numbers(seed + 1, 2, 2, live)
    weights = weights_for(seed + 2, box[0] // 2, box[1])
    claimed = twins.fraction_round(*(*children(n), *children(d), pairs(weights[0]), pairs(weights[1]), mu))
    mixed = [twins.kadd(x, twins.kmul(mu, y)) for x, y in zip(line(n), line(d), strict=True)]
    assert fast.mix_round(n, d, weights, mu) == tuple(twins.kmul(mu, value) for value in claimed)
    assert line(d) == mixed
    assert fast.pair_round(n, d, weights) == tuple(twins.kmul(mu, value) for value in claimed)


@quick
@given(seeds, boxes, scalars, st.booleans())
def test_folding_a_pair_equals_its_twin(seed: int, box: tuple[int, int], r: Any, signed: bool) -> None:
    top, m = box
    live = top * m
    n, b = numbers(seed, 2, 2, live + 3) if signed else None, numbers(seed + 1, 2, 2, live + 3)
    arrays = [b] if n is None else [n, b]
    expected = [twins.fold(v, r) for array in arrays for v in children(array[:, :, :live])]
    if top > 2:
        weights = weights_for(seed + 4, top // 4, m)
        sums = fast.pair_fold_round(n, b, r, weights)
        assert sums == expected_round(n, b, live // 2, weights)
    else:
        for array in arrays:
            fast.pair_fold(array, live, r)
    assert [v for array in arrays for v in children(array[:, :, : live // 2])] == expected


# Listed leaves -----------------------------------------------------------------------------------------------------


def listed(seed: int, lines: int, m: int, kind: str) -> tuple[fast.Leaves, Any, Any]:
    """Leaves, and their numerators and denominators written out, K (2, lines, m)."""
    rng = np.random.default_rng(seed)
    entries, live = 50, int(rng.integers(0, 51))
    rows = rng.integers(0, 20, lines * m + fast.LANES + 7).astype(kind)
    offsets = rng.permutation(lines) * m + int(rng.integers(0, 8))
    bases = rng.integers(0, 31, lines)
    denominators = numbers(seed, 2, entries)
    leaves = fast.Leaves(rows, offsets, bases, m, denominators, live)
    places = np.array([rows[at : at + m].astype(np.int64) + base for at, base in zip(offsets, bases, strict=True)])
    numerators = (places < live).astype(np.uint64)
    return leaves, np.stack([numerators, np.zeros_like(numerators)]), denominators[:, places]


shapes = st.tuples(st.sampled_from([8, 16]), st.sampled_from([1, 3, 8, 13, 71]), st.sampled_from(["uint16", "int32"]))


@quick
@given(seeds, st.sampled_from([1, 8, 1023, 2051]), st.floats(0, 1), scalars)
def test_entries_of_leaves_are_mixed_as_the_plain_loop_mixes_them(seed: int, count: int, share: float, mu: Any) -> None:
    """n is 1 for as many as are live; without a factor, denominators are as they were."""
    denominators, live = numbers(seed, 2, count), round(share * count)
    mixed = [twins.kadd((int(i < live), 0), twins.kmul(mu, d)) for i, d in enumerate(pairs(denominators))]
    assert pairs(fast.leaf_entries(denominators, live, mu).reshape(-1, 2).T) == mixed
    assert pairs(fast.leaf_entries(denominators).reshape(-1, 2).T) == pairs(denominators)


def halves(values: Any) -> Any:
    """Lines K (2, L, m) as two children, (2, 2, L/2 m)."""
    return values.reshape(2, 2, -1).copy()


@quick
@given(seeds, shapes, scalars, scalars)
def test_the_layer_of_listed_leaves_equals_the_written_one(seed: int, shape: Any, mu: Any, r: Any) -> None:
    """Without numerators, whose product is summed elsewhere."""
    lines, m, _ = shape
    leaves, n, d = listed(seed, *shape)
    b = fast.kadd(n, fast.kscale(d, mu))
    entries = fast.leaf_entries(leaves.denominators, leaves.live, mu)
    weights = weights_for(seed + 2, lines // 4, m)
    assert fast.leaf_round(leaves, entries, weights) == fast.pair_round(None, halves(b), weights)
    folded, expected = fast.leaf_fold(leaves, entries, r, fast.leaves_up(leaves)), halves(b)
    fast.pair_fold(expected, lines // 2 * m, r)
    assert np.array_equal(folded, expected[:, :, : lines // 4 * m])


@quick
@given(seeds, shapes, scalars, scalars)
def test_the_layers_above_listed_leaves_equal_the_written_ones(seed: int, shape: Any, mu: Any, r: Any) -> None:
    lines, m, _ = shape
    leaves, n, d = listed(seed, *shape)
    n, d = fast.layer_up(n, d)
    up = fast.leaves_up(leaves)
    assert np.array_equal(up, np.stack(fast.layer_up(n, d)))
    n, d = halves(n), halves(d)
    weights = weights_for(seed + 2, lines // 8, m)
    assert fast.node_round(leaves, weights, mu) == fast.mix_round(n, d, weights, mu)
    folded = fast.node_fold(leaves, mu, r, up)
    for own, whole in zip(folded, (n, d), strict=True):
        fast.pair_fold(whole, lines // 4 * m, r)
        assert np.array_equal(own, whole[:, :, : lines // 8 * m])


def test_lines_outside_their_rows_are_refused() -> None:
    rows, bases = np.zeros(40, dtype=np.uint16), np.zeros(8, dtype=np.int64)
    with pytest.raises(ValueError, match="outside"):
        fast.Leaves(rows, np.full(8, 40 - fast.LANES - 3), bases, 4, numbers(1, 2, 3), 3)
    with pytest.raises(ValueError, match="power of two"):
        fast.Leaves(rows, np.zeros(12, dtype=np.int64), np.zeros(12, dtype=np.int64), 1, numbers(1, 2, 3), 3)


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    """At sizes where work is really cut, unevenly."""
    leaves, _, _ = listed(3, 16, 1001, "int32")
    weights, few = weights_for(4, 4, 1001), weights_for(6, 2, 1001)

    def everything() -> list[Any]:
        n, b = numbers(7, 2, 2, 8 * 1001), numbers(8, 2, 2, 8 * 1001)
        sums = [fast.mix_round(n, b, weights, (3, 4)), fast.pair_fold_round(n, b, (5, 6), few)]
        fast.pair_fold(b, 2 * 1001, (8, 9))
        up = fast.leaves_up(leaves)
        sums += [fast.leaf_round(leaves, leaves.table, weights), fast.node_round(leaves, few, (3, 4))]
        arrays = [up.copy(), fast.node_fold(leaves, (3, 4), (5, 6), up)[1].copy()]
        arrays += [fast.leaf_fold(leaves, leaves.table, (5, 6), up), n, b]
        return [*sums, *(array.tobytes() for array in arrays)]

    results = []
    for count in (1, 2, 3, 7):
        fast.set_thread_count(count)
        results.append(everything())
    assert all(result == results[0] for result in results)
