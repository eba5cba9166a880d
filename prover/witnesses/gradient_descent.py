"""The witness of a training proof: the columns of circuits/relations/gradient_descent.py, from the traces of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import to_field
from ...circuits.language.layout import Address
from ...circuits.language.relation import LIMB
from ...circuits.language.tables import split_limbs
from ...circuits.relations.descent_columns import PREDICTIONS, Q, Z
from ...circuits.relations.gradient_descent import GradientDescent
from ...circuits.relations.parameters import BIAS, WEIGHTS, ParameterColumns
from ...circuits.relations.standardized_descent import GRADIENTS, RESIDUALS, StandardizedDescent
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, limb_rows, multiplicities, signed_rows
from ..matrices.values import Combination, Witness
from .model import model_cells
from .run import NarrowTrace, model_of
from .standardization import scaler_columns


def training_witness(relation: GradientDescent, traces: Sequence[NarrowTrace]) -> Witness:
    """Columns of the model and the witness, and z; from the trace of each output."""
    own = trained_columns(relation, traces)
    return Witness({**own.columns, **multiplicities(relation.sections, own.looked_up)}, own.looked_up)


def trained_columns(relation: GradientDescent, traces: Sequence[NarrowTrace]) -> Witness:
    """The same without counts. In a stage of a sharded training traces are of all its shards."""
    schedule, first = relation.schedule, traces[0]
    limbs: dict[Address, npt.NDArray[np.uint16]] = {}
    quotients, remainders = _stacked(traces, "Q"), _stacked(traces, "rem")
    looked_up: dict[str, LookedUpRows] = {"remainder": remainders, "activation": signed_rows(quotients)}
    own: dict[ParameterColumns, int | slice] = {WEIGHTS: slice(0, schedule.features), BIAS: schedule.features}
    weights, u = _stacked(traces, "weights"), _stacked(traces, "u")
    for parameter in relation.parameters:
        integers = _integers(relation, parameter, weights[..., own[parameter]], u[..., own[parameter]])
        for column, (values, bits) in integers.items():
            limbs |= split_limbs(values, column, bits)
            looked_up |= limb_rows(limbs, column, bits)
    forgotten = to_field(_stacked(traces, "forgotten_scores"))
    columns: dict[Address, Cells | Combination] = {
        **(_sums(relation, traces) if isinstance(relation, StandardizedDescent) else {}),
        Q: quotients,
        PREDICTIONS: _stacked(traces, "P"),
        Z: Combination(((1, remainders), (LIMB, quotients)), first.forgotten, forgotten),
        **model_cells(schedule.features, model_of(schedule, traces)),
        **limbs,
    }
    if isinstance(relation, StandardizedDescent) and first.scaler is not None:
        scaler, rows = scaler_columns(relation.scaler, first.scaler)
        columns |= scaler
        looked_up |= rows
    return Witness(columns, looked_up)


def _stacked(traces: Sequence[NarrowTrace], name: str) -> npt.NDArray[Any]:
    """An array of all outputs; of the only one it is a view."""
    arrays = [getattr(trace, name) for trace in traces]
    return arrays[0][None] if len(arrays) == 1 else np.stack(arrays)


def _sums(relation: StandardizedDescent, traces: Sequence[NarrowTrace]) -> dict[Address, Cells]:
    """Over the rows of each block: the virtual columns."""
    gradients, residuals = (_by_step(relation, _stacked(traces, name)) for name in ("gradients", "residuals"))
    return {GRADIENTS: to_field(gradients), RESIDUALS: to_field(residuals)}


def _by_step(relation: GradientDescent, values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """What there is of each step, (outputs, T, ..), or of several shards (outputs, T, shards, ..), shaped as there."""
    sizes = tuple(axis.size for axis in relation.iterations)
    if relation.schedule.stage is None:
        return values.reshape(values.shape[0], *sizes, *values.shape[2:])
    epochs, _, *batches = sizes
    steps = values.reshape(values.shape[0], epochs, *batches, *values.shape[2:])
    return np.moveaxis(steps, 3, 2) if batches else steps


def _integers(
    relation: GradientDescent, parameter: ParameterColumns, weights: npt.NDArray[np.int64], u: npt.NDArray[np.int64]
) -> dict[Address, tuple[npt.NDArray[np.int64], int]]:
    """What is committed in limbs, shaped as there, and its bits.

    weights: (outputs, T + 1, d), u: (outputs, T, d), remainders; or of the bias both without d. Of a stage there is an
    axis of shards after the one of steps.
    """
    schedule = relation.schedule
    offset = 1 << (schedule.weight_bits - 1)
    return {
        parameter.steps: (_by_step(relation, weights[:, :-1]) + offset, schedule.weight_bits),
        parameter.remainder: (_by_step(relation, u), schedule.shift),
        parameter.last: (weights[:, -1] + offset, schedule.weight_bits),
    }
