"""The witness of a training proof: the columns of circuits/gradient_descent.py, from the trace of models/."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..circuits.goldilocks import Vector, to_field
from ..circuits.gradient_descent import MODEL, MODEL_LIMBS, PREDICTIONS, UPDATE, WEIGHTS, GradientDescent, Q, Z
from ..circuits.relation import LIMB, TABLE_BITS
from ..circuits.tables import HALF, limb_names, limb_widths, split_limbs
from ..models.gradient_descent import Trace

VIRTUAL = {Z: Q}  # z is not committed; its array has the shape of Q


def training_columns(relation: GradientDescent, trace: Trace) -> dict[str, Vector]:
    """Columns of the model and the witness, and z, as F arrays of their real shapes."""
    schedule = relation.schedule
    box = (schedule.epochs, schedule.blocks, schedule.width)
    offset = 1 << (schedule.weight_bits - 1)
    columns = {
        Q: to_field(trace.Q),
        PREDICTIONS: to_field(trace.P),
        Z: to_field(trace.rem + (trace.Q << TABLE_BITS)),
        MODEL: to_field(trace.weights[-1]),
        **split_limbs(trace.weights[:-1].reshape(box) + offset, WEIGHTS, schedule.weight_bits),
        **split_limbs(trace.u.reshape(box), UPDATE, schedule.shift),
        **split_limbs(trace.weights[-1] + offset, MODEL_LIMBS, schedule.weight_bits),
    }
    range_table, activation_table = relation.tables
    columns[range_table.multiplicity] = _range_multiplicities(relation, trace, columns)
    live = _live(relation)
    columns[activation_table.multiplicity] = _counts(trace.Q[:, live] + HALF)
    return columns


def _live(relation: GradientDescent) -> npt.NDArray[np.bool_]:
    live = np.ones(relation.schedule.rows, dtype=np.bool_)
    live[list(relation.forgotten)] = False
    return live


def _range_multiplicities(relation: GradientDescent, trace: Trace, columns: dict[str, Vector]) -> Vector:
    """How often each 16-bit integer is looked up: remainders of live rows, limbs, shifted short limbs."""
    counts = _counts(trace.rem[:, _live(relation)])
    schedule = relation.schedule
    for name, bits in (
        (WEIGHTS, schedule.weight_bits),
        (UPDATE, schedule.shift),
        (MODEL_LIMBS, schedule.weight_bits),
    ):
        for limb, width in zip(limb_names(name, bits), limb_widths(bits), strict=True):
            counts += _counts(columns[limb])
            if width < TABLE_BITS:
                counts += _counts(columns[limb] << np.uint64(TABLE_BITS - width))
    return counts


def _counts(values: npt.NDArray[np.integer]) -> Vector:
    return np.bincount(values.reshape(-1).astype(np.int64), minlength=LIMB).astype(np.uint64)
