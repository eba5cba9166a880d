"""All trees of a layer together say what each of them says alone, by the plain-Python twins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.circuits.field.goldilocks import K
from zkunlearn.prover import kernels as fast
from zkunlearn.prover.protocol.cubes import Cubes, LayerRounds
from zkunlearn.verifier.protocol.lookup import Batch

from . import twins
from .values import children, line, numbers, pairs, quick, seeds

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


def elements(seed: int, count: int) -> tuple[K, ...]:
    return tuple(K(*pair) for pair in pairs(numbers(seed, 2, count)))


@quick
@given(seeds, st.integers(1, 11), st.integers(0, 5))
def test_rounds_of_cubes_are_the_sums_of_those_of_their_trees(seed: int, trees: int, variables: int) -> None:
    """At every size that folding leaves, each tree times its weight; and what is left is what the twin folds."""
    point, challenges, (mu,), weights = (elements(seed + i, n) for i, n in enumerate((variables, variables, 1, trees)))
    mu = mu or K(1)
    inverse = twins.kinv(mu.pair)
    n, b = (numbers(seed + i, 2, 2, 1 << variables, trees) for i in (4, 5))
    cells = [[children(values[..., tree]) for values in (n, b)] for tree in range(trees)]
    batch = Batch(weights, mu)
    rounds = LayerRounds(Cubes(n.reshape(2, 2, -1).copy(), b.reshape(2, 2, -1).copy(), point, batch), point, batch)
    for i, challenge in enumerate(challenges):
        eq = twins.eq_table([z.pair for z in point[i + 1 :]])
        own = [twins.pair_round(*(*of_n, *of_b, [(1, 0)], eq)) for of_n, of_b in cells]
        scaled = [[twins.kprod([w.pair, inverse, x]) for x in two] for w, two in zip(weights, own, strict=True)]
        assert [x.pair for x in rounds.message()] == [twins.ksum(column) for column in zip(*scaled, strict=True)]
        rounds.fold(challenge)
        cells = [[[twins.fold(child, challenge.pair) for child in values] for values in tree] for tree in cells]
    for found, (of_n, of_b) in zip(rounds.values(), cells, strict=True):
        of_d = [twins.kmul(inverse, twins.ksub(y[0], x[0])) for x, y in zip(of_n, of_b, strict=True)]
        assert [x.pair for x in found] == [*(x[0] for x in of_n), *of_d]


def test_values_are_refused_while_pairs_are_bound() -> None:
    with pytest.raises(TypeError, match="not all variables"):
        LayerRounds([], (K(1),), Batch((), K(1))).values()
