"""The witness of a standardisation: the columns of circuits/relations/standardization.py."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import mul, to_field
from ...circuits.language.layout import Address
from ...circuits.language.tables import HALF, split_limbs
from ...circuits.relations import standardization as columns
from ...circuits.relations.standardization import ScalerRelation
from ...models.methods.standardization import Scaler
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, limb_rows

Integers = npt.NDArray[np.int64]


def scaler_columns(relation: ScalerRelation, scaler: Scaler) -> tuple[dict[Address, Cells], dict[str, LookedUpRows]]:
    """All columns, and by name of the lookup which rows of its table are looked up."""
    public = relation.public
    upper, lower = (np.array(bounds, dtype=np.int64)[scaler.e] for bounds in (public.upper, public.lower))
    most, divisor = public.count - 1, 2 * (scaler.V + public.floor)
    integers: dict[Address, Integers] = {
        columns.MEAN_REST: scaler.rho,
        columns.MEAN_LACK: most - scaler.rho,
        columns.FRACTION_REST: scaler.rho2,
        columns.FRACTION_LACK: most - scaler.rho2,
        columns.ABOVE: upper - scaler.C,
        columns.BELOW: scaler.C - lower,
        columns.RATE: scaler.D,
        columns.RATE_REST: scaler.rem,
        columns.RATE_LACK: divisor - 1 - scaler.rem,
    }
    values: dict[Address, Cells] = {
        columns.MEAN: scaler.mu.astype(np.int16),
        columns.FRACTION: scaler.nu.astype(np.int16),
    }
    rows: dict[str, LookedUpRows] = {
        column.name: (values[column].astype(np.int64) + HALF).astype(np.uint16)
        for column in (columns.MEAN, columns.FRACTION)
    }
    for column, bits in relation.limbs.items():
        limbs = split_limbs(integers[column], column, bits)
        values |= limbs
        rows |= limb_rows(limbs, column, bits)
    rate, one_hot = to_field(scaler.D), np.arange(public.cap + 1)[:, None] == scaler.e
    values |= {
        columns.EXPONENT: one_hot.astype(np.uint16),
        columns.POWER: to_field(scaler.power),
        columns.SQUARE: to_field(scaler.power**2),
        columns.SPREAD: to_field(scaler.C),
        columns.VARIANCE: to_field(scaler.V),
        columns.OFFSET: to_field(scaler.shift),
        columns.SCALED_RATE: mul(rate, to_field(scaler.power)),
        columns.CENTRED_RATE: mul(rate, to_field(scaler.shift)),
    }
    return values, rows
