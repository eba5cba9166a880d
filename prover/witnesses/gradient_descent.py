"""The witness of a training proof: the columns of circuits/relations/gradient_descent.py, from the trace of a run."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import to_field
from ...circuits.language.layout import Address
from ...circuits.language.relation import LIMB
from ...circuits.language.tables import split_limbs
from ...circuits.relations.gradient_descent import BIAS, PREDICTIONS, WEIGHTS, GradientDescent, ParameterColumns, Q, Z
from ...circuits.relations.standardized_descent import GRADIENTS, RESIDUALS, StandardizedDescent
from ...models.methods.schedule import Schedule
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, limb_rows, multiplicities, signed_rows
from ..matrices.values import Combination, Witness
from .model import model_cells
from .run import NarrowTrace, model_of
from .standardization import scaler_columns


def training_witness(relation: GradientDescent, trace: NarrowTrace) -> Witness:
    """Columns of the model and the witness, and z."""
    schedule = relation.schedule
    limbs: dict[Address, npt.NDArray[np.uint16]] = {}
    looked_up: dict[str, LookedUpRows] = {"remainder": trace.rem, "activation": signed_rows(trace.Q)}
    own = {WEIGHTS: slice(0, schedule.features), BIAS: slice(schedule.features, schedule.width)}
    for parameter in relation.parameters:
        integers = _integers(schedule, parameter, trace.weights[:, own[parameter]], trace.u[:, own[parameter]])
        for column, (values, bits) in integers.items():
            limbs |= split_limbs(values, column, bits)
            looked_up |= limb_rows(limbs, column, bits)
    scores = Combination(((1, trace.rem), (LIMB, trace.Q)), trace.forgotten, to_field(trace.forgotten_scores))
    columns: dict[Address, Cells | Combination] = {
        Q: trace.Q,
        PREDICTIONS: trace.P,
        Z: scores,
        **model_cells(schedule.features, model_of(schedule, trace)),
        **limbs,
    }
    if isinstance(relation, StandardizedDescent) and trace.scaler is not None:
        scaler, rows = scaler_columns(relation.scaler, trace.scaler)
        columns |= {**scaler, **_sums(relation, trace)}
        looked_up |= rows
    return Witness(columns | multiplicities(relation.sections, looked_up), looked_up)


def _sums(relation: StandardizedDescent, trace: NarrowTrace) -> dict[Address, Cells]:
    """Over the rows of each block: the virtual columns."""
    schedule = relation.schedule
    steps = (schedule.epochs, schedule.blocks)
    return {
        GRADIENTS: to_field(trace.gradients.reshape(*steps, schedule.features)),
        RESIDUALS: to_field(trace.residuals.reshape(steps)),
    }


def _integers(
    schedule: Schedule, parameter: ParameterColumns, weights: npt.NDArray[np.int64], u: npt.NDArray[np.int64]
) -> dict[Address, tuple[npt.NDArray[np.int64], int]]:
    """What is committed in limbs, shaped as there, and its bits: of weights (T + 1, k) and remainders (T, k)."""
    box = (schedule.epochs, schedule.blocks, weights.shape[1])
    offset = 1 << (schedule.weight_bits - 1)
    return {
        parameter.steps: (weights[:-1].reshape(box) + offset, schedule.weight_bits),
        parameter.remainder: (u.reshape(box), schedule.shift),
        parameter.last: (weights[-1] + offset, schedule.weight_bits),
    }
