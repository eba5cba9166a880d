"""The witness of a training proof: the columns of circuits/relations/gradient_descent.py, from the trace of a run."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import to_field
from ...circuits.language.layout import Address
from ...circuits.language.relation import LIMB
from ...circuits.language.tables import split_limbs
from ...circuits.relations.gradient_descent import BIAS, PREDICTIONS, WEIGHTS, GradientDescent, Q, Trained, Z
from ...models.methods.schedule import Schedule
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, limb_rows, multiplicities, signed_rows
from ..matrices.values import Combination, Witness
from .model import model_cells
from .run import NarrowTrace, model_of


def training_witness(relation: GradientDescent, trace: NarrowTrace) -> Witness:
    """Columns of the model and the witness, and z."""
    schedule = relation.schedule
    limbs: dict[Address, npt.NDArray[np.uint16]] = {}
    looked_up: dict[str, LookedUpRows] = {"remainder": trace.rem, "activation": signed_rows(trace.Q)}
    own = {WEIGHTS: slice(0, schedule.features), BIAS: slice(schedule.features, schedule.width)}
    for trained in relation.trained:
        mine = trained_limbs(schedule, trained, trace.weights[:, own[trained]], trace.u[:, own[trained]])
        limbs |= mine
        for integer, bits in trained_bits(schedule, trained).items():
            looked_up |= limb_rows(mine, integer, bits)
    scores = Combination(((1, trace.rem), (LIMB, trace.Q)), trace.forgotten, to_field(trace.forgotten_scores))
    columns: dict[Address, Cells | Combination] = {
        Q: trace.Q,
        PREDICTIONS: trace.P,
        Z: scores,
        **model_cells(schedule.features, model_of(schedule, trace)),
        **limbs,
    }
    return Witness(columns | multiplicities(relation.sections, looked_up), looked_up)


def trained_bits(schedule: Schedule, trained: Trained) -> dict[Address, int]:
    """Bits of the integers that are committed in limbs."""
    return {
        trained.steps: schedule.weight_bits,
        trained.remainder: schedule.shift,
        trained.last: schedule.weight_bits,
    }


def trained_limbs(
    schedule: Schedule, trained: Trained, weights: npt.NDArray[np.int64], u: npt.NDArray[np.int64]
) -> dict[Address, npt.NDArray[np.uint16]]:
    """The limbs of weights (T + 1, k) and remainders of updates (T, k), of the shapes of the relation's columns."""
    box = (schedule.epochs, schedule.blocks, weights.shape[1])
    offset = 1 << (schedule.weight_bits - 1)
    return {
        **split_limbs(weights[:-1].reshape(box) + offset, trained.steps, schedule.weight_bits),
        **split_limbs(u.reshape(box), trained.remainder, schedule.shift),
        **split_limbs(weights[-1] + offset, trained.last, schedule.weight_bits),
    }
