"""The witness of a standardisation: the columns of circuits/relations/standardization.py, or shard_scaler.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import mul, to_field
from ...circuits.language.layout import Address
from ...circuits.language.tables import HALF, split_limbs
from ...circuits.relations import standardization as columns
from ...circuits.relations.shard_scaler import RATE_ROOM, ShardScaler
from ...circuits.relations.standardization import ScalerRelation
from ...models.methods.standardization import Scaler, Standardization
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, limb_rows

Integers = npt.NDArray[np.int64]
Found = tuple[dict[Address, Cells], dict[str, LookedUpRows]]


def scaler_columns(relation: ScalerRelation, scaler: Scaler) -> Found:
    """All columns, and by name of the lookup which rows of its table are looked up."""
    return _committed(relation, _integers(relation.public, scaler))


def shard_scaler_columns(relation: ShardScaler, scalers: Sequence[Scaler]) -> Found:
    """The same of all shards of a stage."""
    publics = [relation.public.of(count) for count in relation.counts]
    each = [_integers(public, scaler) for public, scaler in zip(publics, scalers, strict=True)]
    stacked = {column: np.stack([own[column] for own in each], axis=-2) for column in each[0]}
    values, rows = _committed(relation, stacked)
    counts = relation.counts.array()[:, None]
    counted = {column: to_field(counts * stacked[own]) for column, own in columns.COUNTED.items()}
    return {**values, **counted}, rows


def _integers(public: Standardization, scaler: Scaler) -> dict[Address, Integers]:
    """What columns hold of one model, (d,), exponents (cap + 1, d)."""
    upper, lower = (np.array(bounds, dtype=np.int64)[scaler.e] for bounds in (public.upper, public.lower))
    most, divisor = public.count - 1, 2 * (scaler.V + public.floor)
    return {
        columns.MEAN: scaler.mu,
        columns.FRACTION: scaler.nu,
        columns.MEAN_REST: scaler.rho,
        columns.MEAN_LACK: most - scaler.rho,
        columns.FRACTION_REST: scaler.rho2,
        columns.FRACTION_LACK: most - scaler.rho2,
        columns.ABOVE: upper - scaler.C,
        columns.BELOW: scaler.C - lower,
        columns.RATE: scaler.D,
        columns.RATE_REST: scaler.rem,
        columns.RATE_LACK: divisor - 1 - scaler.rem,
        RATE_ROOM: public.largest_rate - scaler.D,
        columns.EXPONENT: (np.arange(public.cap + 1)[:, None] == scaler.e).astype(np.int64),
        columns.POWER: scaler.power,
        columns.SQUARE: scaler.power**2,
        columns.SPREAD: scaler.C,
        columns.VARIANCE: scaler.V,
        columns.OFFSET: scaler.shift,
    }


def _committed(relation: ScalerRelation, integers: Mapping[Address, Integers]) -> Found:
    values: dict[Address, Cells] = {
        column: integers[column].astype(np.int16) for column in (columns.MEAN, columns.FRACTION)
    }
    rows: dict[str, LookedUpRows] = {
        column.name: (integers[column] + HALF).astype(np.uint16) for column in (columns.MEAN, columns.FRACTION)
    }
    for column, bits in relation.limbs.items():
        limbs = split_limbs(integers[column], column, bits)
        values |= limbs
        rows |= limb_rows(limbs, column, bits)
    rate = to_field(integers[columns.RATE])
    values[columns.EXPONENT] = integers[columns.EXPONENT].astype(np.uint16)
    for column in (columns.POWER, columns.SQUARE, columns.SPREAD, columns.VARIANCE, columns.OFFSET):
        values[column] = to_field(integers[column])
    values[columns.SCALED_RATE] = mul(rate, to_field(integers[columns.POWER]))
    values[columns.CENTRED_RATE] = mul(rate, to_field(integers[columns.OFFSET]))
    return values, rows
