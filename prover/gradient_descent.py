"""The witness of a training proof: the columns of circuits/gradient_descent.py, from the trace of a run."""

from __future__ import annotations

from ..circuits.goldilocks import to_field
from ..circuits.gradient_descent import MODEL, MODEL_LIMBS, PREDICTIONS, UPDATE, WEIGHTS, GradientDescent, Q, Z
from ..circuits.relation import LIMB
from ..circuits.tables import split_limbs
from .columns import Combination, Witness
from .commitment import Cells
from .descent import NarrowTrace
from .multiplicities import LookedUpRows, limb_rows, multiplicities, signed_rows

VIRTUAL = {Z: Q}  # z is not committed; its array has the shape of Q


def training_witness(relation: GradientDescent, trace: NarrowTrace) -> Witness:
    """Columns of the model and the witness, and z."""
    schedule = relation.schedule
    box = (schedule.epochs, schedule.blocks, schedule.width)
    offset = 1 << (schedule.weight_bits - 1)
    limbs = {
        **split_limbs(trace.weights[:-1].reshape(box) + offset, WEIGHTS, schedule.weight_bits),
        **split_limbs(trace.u.reshape(box), UPDATE, schedule.shift),
        **split_limbs(trace.weights[-1] + offset, MODEL_LIMBS, schedule.weight_bits),
    }
    looked_up: dict[str, LookedUpRows] = {
        "remainder": trace.rem,
        "activation": signed_rows(trace.Q),
        **limb_rows(limbs, WEIGHTS, schedule.weight_bits),
        **limb_rows(limbs, UPDATE, schedule.shift),
        **limb_rows(limbs, MODEL_LIMBS, schedule.weight_bits),
    }
    scores = Combination(((1, trace.rem), (LIMB, trace.Q)), trace.forgotten, to_field(trace.forgotten_scores))
    columns: dict[str, Cells | Combination] = {
        Q: trace.Q,
        PREDICTIONS: trace.P,
        Z: scores,
        MODEL: to_field(trace.weights[-1]),
        **limbs,
    }
    return Witness(columns | multiplicities(relation.sections, looked_up), looked_up)
