"""The witness of how a stage on standardised features begins (circuits/relations/standardized_stage.py)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...circuits.language.layout import Address
from ...circuits.language.tables import split_limbs
from ...circuits.relations.standardized_stage import BIAS_REST, START_LACK, START_REST, StandardizedStage
from ...errors import ZkUnlearnError
from ..matrices.multiplicities import LookedUpRows, limb_rows
from ..matrices.values import Witness
from .run import NarrowTrace

Integers = npt.NDArray[np.int64]


def starting_columns(relation: StandardizedStage, traces: Sequence[NarrowTrace], before: Integers) -> Witness:
    """What rounding down leaves of the models that a stage begins from.

    Args:
        traces: of each output, those of all shards.
        before: the integers of these models, (outputs, shards, K).
    """
    limbs: dict[Address, npt.NDArray[np.uint16]] = {}
    rows: dict[str, LookedUpRows] = {}
    integers = _remainders(relation, traces, before)
    for column, bits in ((column, bits) for own in relation.remainders for column, bits in own.bits.items()):
        limbs |= split_limbs(integers[column], column, bits)
        rows |= limb_rows(limbs, column, bits)
    return Witness(limbs, rows)


def _remainders(
    relation: StandardizedStage, traces: Sequence[NarrowTrace], before: Integers
) -> dict[Address, Integers]:
    scaler, first = traces[0].scaler, np.stack([trace.weights[0] for trace in traces])  # one scaler for all outputs
    if scaler is None:
        raise ZkUnlearnError("a stage on standardised features was trained on others")
    features, x_bits = relation.schedule.features, relation.schedule.scales.x_bits
    weights, biases = first[..., :features], first[..., features]
    rest = before[..., :features] - scaler.power * weights
    taken = (scaler.shift * weights).sum(axis=-1)
    return {
        START_REST: rest,
        START_LACK: scaler.power - 1 - rest,
        BIAS_REST: before[..., features] + taken - (biases << x_bits),
    }
