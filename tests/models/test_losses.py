"""The table of losses: bounds that hold, and no others."""

from __future__ import annotations

import numpy as np
import pytest
from zkunlearn.models.families import FAMILIES
from zkunlearn.models.losses import LOSS_BITS, LOSS_INDEX_BITS, loss_bounds
from zkunlearn.models.normalised_losses import chance_bounds, log_table, sum_bits
from zkunlearn.models.probit_losses import probit_loss_bounds

from ..reference import losses


def test_bounds_are_the_loss_at_the_edges_of_cells_rounded_outwards() -> None:
    """Those of the second verifier, which has them by decimal numbers."""
    assert [table.tolist() for table in loss_bounds()] == list(losses.loss_bounds())
    assert [table.tolist() for table in probit_loss_bounds()] == list(losses.probit_loss_bounds())


def test_every_score_of_a_cell_has_its_loss_between_them() -> None:
    low, high = loss_bounds()
    cells = np.arange(-(1 << 15), 1 << 15)
    for within in (0.0, 0.37, 1.0):
        loss = np.logaddexp(0, -(cells + within) / 2.0**LOSS_INDEX_BITS) * 2.0**LOSS_BITS
        assert (low <= loss + 1e-6).all() and (loss - 1e-6 <= high).all()
    width = (high - low) / 2.0**LOSS_BITS
    assert (width <= 2.0**-LOSS_INDEX_BITS + 2.0 ** (1 - LOSS_BITS)).all() and (low >= 0).all()


def test_every_score_of_a_cell_has_its_probit_loss_between_them() -> None:
    """-log of what the family predicts, where float64 has that; a cell is as wide as the ratio of density to it."""
    low, high = probit_loss_bounds()
    cells = np.arange(-(1 << 15), 1 << 15)
    family, seen = FAMILIES["probit"], cells > -4 << LOSS_INDEX_BITS
    for within in (0.0, 0.37, 1.0):
        loss = (
            -np.log(family.inverse_link(np.asarray((cells[seen] + within) / 2.0**LOSS_INDEX_BITS, np.float64)))
            * 2.0**LOSS_BITS
        )
        assert (low[seen] <= loss + 1e-3).all() and (loss - 1e-3 <= high[seen]).all()
    slope = np.maximum(0, -cells / 2.0**LOSS_INDEX_BITS) + 0.8  # of -log Phi: at most |t| + 0.8
    assert ((high - low) / 2.0**LOSS_BITS <= slope * 2.0**-LOSS_INDEX_BITS + 2.0 ** (1 - LOSS_BITS)).all()
    assert (low >= 0).all() and high[0] / 2.0**LOSS_BITS < 2054


@pytest.mark.parametrize("bits", [7, 12, 14])
def test_logarithms_are_rounded_down(bits: int) -> None:
    assert log_table(bits).tolist() == losses.logarithms(bits)


@pytest.mark.parametrize("family", ["logistic", "probit"])
def test_chances_are_between_those_at_the_edges_of_their_cell(family: str) -> None:
    """A unit further out than the nearest integers there, at all scales that sums have."""
    for bits in {sum_bits(terms) + 16 for terms in (3, 10, 256, 1 << 14)}:
        low, high = chance_bounds(FAMILIES[family], bits)
        assert (low.tolist(), high.tolist()) == losses.chance_bounds(family, bits)
        cells = np.arange(-(1 << 15), 1 << 15)
        for within in (0.0, 0.41, 1.0):
            chance = (
                FAMILIES[family].inverse_link(np.asarray((cells + within) / 2.0**LOSS_INDEX_BITS, np.float64))
                * 2.0**bits
            )
            assert (low <= chance + 1e-4).all() and (chance - 1e-4 <= high).all()


def test_sums_of_chances_have_16_bits_and_room_for_one_more() -> None:
    for terms in (3, 4, 7, 8, 10, 255, 256, (1 << 15) - 1):
        bits = sum_bits(terms)
        assert (terms << bits) + 1 < 1 << 16 <= (terms + 1) << (bits + 1)
