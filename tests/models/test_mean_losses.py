"""The table of losses of mean chances, against decimal numbers, and against the second verifier's."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest
from zkunlearn.models.losses import LOSS_BITS, loss_bounds
from zkunlearn.models.mean_losses import CHANCE_BITS, LOGS_OF_TWO, cell_edges, cells_of, mean_losses
from zkunlearn.models.probit_losses import probit_loss_bounds

from ..reference import losses as second

ONE = 1 << CHANCE_BITS


@pytest.mark.parametrize("family", ["logistic", "probit"])
def test_tables_are_those_of_the_second_verifier(family: str) -> None:
    for own, other in zip(mean_losses(family), second.mean_losses(family), strict=True):
        assert own.tolist() == other and not own.flags.writeable


def test_cells_follow_one_another_and_none_is_wider_than_a_limb() -> None:
    edges, widths, _, _ = mean_losses("logistic")
    count = len(cell_edges())
    assert (edges[1:count] == edges[: count - 1] + widths[: count - 1]).all()
    assert edges[0] == 0 and edges[count - 1] == ONE and not widths[count:].any()
    assert widths[:count].min() == 1 and widths.max() == 1 << 15
    wide = edges[:count] >= 1 << 10
    assert (widths[:count][wide] << 10 <= edges[:count][wide]).all()


def test_bounds_are_those_of_minus_the_logarithm_at_both_ends_of_a_cell() -> None:
    edges, widths, least, largest = (own.tolist() for own in mean_losses("logistic"))
    last = len(cell_edges()) - 1
    with localcontext() as context:
        context.prec = 30
        for number in (1, 2, 1023, 2047, 2048, 18431, 18432, last - 1, last):
            ends = (edges[number], min(ONE, edges[number] + widths[number]))
            high, low = ((Decimal(ONE) / end).ln() * (1 << LOSS_BITS) for end in ends)
            assert least[number] <= low < least[number] + 1
            assert largest[number] - 1 < high <= largest[number]
        two = Decimal(2).ln() * (1 << LOSS_BITS)
        assert LOGS_OF_TWO[0] < two < LOGS_OF_TWO[1] == LOGS_OF_TWO[0] + 1


@pytest.mark.parametrize(("family", "bounds"), [("logistic", loss_bounds), ("probit", probit_loss_bounds)])
def test_no_chance_of_a_score_in_the_table_has_a_larger_loss_than_the_first_cell(family: str, bounds: object) -> None:
    assert callable(bounds)
    largest = int(bounds()[1].max())
    assert largest <= int(mean_losses(family).largest[0]) < largest + (1 << LOSS_BITS)


@pytest.mark.parametrize("shards", [1, 3, 16])
def test_a_sum_is_in_the_cell_of_its_mean(shards: int) -> None:
    edges, widths, _, _ = mean_losses("logistic")
    rng = np.random.default_rng(shards)
    sums = np.append((shards * ONE * rng.random(999) ** 9).astype(np.int64), [0, shards * ONE, shards * ONE - 1])
    at = cells_of(sums, shards)
    rest = sums - shards * edges[at]
    assert (rest >= 0).all() and (rest < shards * widths[at]).all()
