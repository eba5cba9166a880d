"""The table of losses: bounds that hold, and no others."""

from __future__ import annotations

import numpy as np
from zkunlearn.models.families import FAMILIES
from zkunlearn.models.losses import LOSS_BITS, LOSS_INDEX_BITS, loss_bounds
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
        loss = -np.log(family.inverse_link((cells[seen] + within) / 2.0**LOSS_INDEX_BITS)) * 2.0**LOSS_BITS
        assert (low[seen] <= loss + 1e-3).all() and (loss - 1e-3 <= high[seen]).all()
    slope = np.maximum(0, -cells / 2.0**LOSS_INDEX_BITS) + 0.8  # of -log Phi: at most |t| + 0.8
    assert ((high - low) / 2.0**LOSS_BITS <= slope * 2.0**-LOSS_INDEX_BITS + 2.0 ** (1 - LOSS_BITS)).all()
    assert (low >= 0).all() and high[0] / 2.0**LOSS_BITS < 2054
