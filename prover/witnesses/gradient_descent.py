"""The witness of a training proof: the columns of circuits/relations/gradient_descent.py, from the trace of a run."""

from __future__ import annotations

from ...circuits.field.goldilocks import to_field
from ...circuits.language.layout import Address
from ...circuits.language.relation import LIMB
from ...circuits.language.tables import split_limbs
from ...circuits.relations.gradient_descent import MODEL_LIMBS, PREDICTIONS, UPDATE, WEIGHTS, GradientDescent, Q, Z
from ...circuits.relations.model import MODEL
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, limb_rows, multiplicities, signed_rows
from ..matrices.values import Combination, Witness
from .run import NarrowTrace


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
    columns: dict[Address, Cells | Combination] = {
        Q: trace.Q,
        PREDICTIONS: trace.P,
        Z: scores,
        MODEL: to_field(trace.weights[-1]),
        **limbs,
    }
    return Witness(columns | multiplicities(relation.sections, looked_up), looked_up)
