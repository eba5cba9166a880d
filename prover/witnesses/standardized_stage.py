"""The witness of a stage on standardised features: what circuits/relations/standardized_stage.py has besides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...circuits.language.layout import Address
from ...circuits.language.tables import split_limbs
from ...circuits.relations.standardized_stage import BIAS_REST, START_LACK, START_REST, StandardizedStage
from ...models.methods.standardization import Scaler
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, limb_rows
from .model import model_cells
from .standardization import shard_scaler_columns

Integers = npt.NDArray[np.int64]
Found = tuple[dict[Address, Cells], dict[str, LookedUpRows]]


def stage_columns(
    relation: StandardizedStage, scalers: Sequence[Scaler], models: Integers, first: Integers, before: Integers | None
) -> Found:
    """The models, the scalers, and what rounding down leaves at the start.

    Args:
        scalers: of each shard.
        models: the integers of the stage's models, (outputs, shards, K).
        first: the first weights, as many. before: the integers of the models that they are of, if there are any.
    """
    columns, rows = shard_scaler_columns(relation.scaler, scalers)
    columns |= model_cells(relation.schedule.features, models)
    if before is None:
        return columns, rows
    for column, integers in _remainders(relation, scalers, first, before).items():
        bits, _, _ = relation.remainders[column]
        limbs = split_limbs(integers, column, bits)
        columns |= limbs
        rows |= limb_rows(limbs, column, bits)
    return columns, rows


def _remainders(
    relation: StandardizedStage, scalers: Sequence[Scaler], first: Integers, before: Integers
) -> dict[Address, Integers]:
    features, x_bits = relation.schedule.features, relation.schedule.scales.x_bits
    power, shift = (np.stack([getattr(scaler, name) for scaler in scalers]) for name in ("power", "shift"))
    weights, biases = first[..., :features], first[..., features]
    rest = before[..., :features] - power * weights
    taken = (shift * weights).sum(axis=-1)
    return {
        START_REST: rest,
        START_LACK: power - 1 - rest,
        BIAS_REST: before[..., features] + taken - (biases << x_bits),
    }
