"""The witness of a training proof: the columns of circuits/gradient_descent.py, from the trace of models/."""

from __future__ import annotations

from ..circuits.goldilocks import Vector, to_field
from ..circuits.gradient_descent import MODEL, MODEL_LIMBS, PREDICTIONS, UPDATE, WEIGHTS, GradientDescent, Q, Z
from ..circuits.relation import TABLE_BITS
from ..circuits.tables import split_limbs
from ..models.gradient_descent import Trace
from .multiplicities import TableRows, limb_rows, multiplicities, signed_rows

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
    looked_up: dict[str, TableRows] = {
        "remainder": trace.rem.astype("u2"),
        "activation": signed_rows(trace.Q),
        **limb_rows(columns, WEIGHTS, schedule.weight_bits),
        **limb_rows(columns, UPDATE, schedule.shift),
        **limb_rows(columns, MODEL_LIMBS, schedule.weight_bits),
    }
    return columns | multiplicities(relation.sections, looked_up)
