"""The witness of predictions: the columns of circuits/relations/prediction.py; and what the predictions are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...circuits.language.layout import Address
from ...circuits.language.tables import HALF, split_limbs
from ...circuits.relations.prediction import CELL, INTERCEPTS, REST, SAID, WEIGHTS, Prediction
from ...errors import DataError
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, limb_rows, multiplicities, signed_rows
from ..matrices.values import Witness

IntArray = npt.NDArray[np.int64]


def scores_of(relation: Prediction, integers: IntArray) -> IntArray:
    """z of the outputs that count, int64 (inputs, answers), at scale x_bits + weight bits.

    Args:
        integers: int64 (outputs, K), as in `Model`.
    """
    kept = integers[list(relation.model.kept)]
    weights, intercepts = kept[:, : relation.model.weight.size], kept[:, relation.model.weight.size :]
    found: IntArray = relation.given.inputs @ weights.T + intercepts.sum(axis=1)
    return found


def answers_of(relation: Prediction, integers: IntArray) -> IntArray:
    """What the model says, as `Given.answers`, whatever the answers in `relation` are.

    Raises:
        DataError: a score for which the table has no probability, naming the row.
    """
    scores = scores_of(relation, integers)
    if relation.by_class:
        kept = np.array(relation.model.kept)
        return kept[scores.argmax(axis=1)] if relation.several else (scores[:, 0] > 0).astype(np.int64)
    quotients = scores >> relation.model.shift
    if not relation.by_table:
        return quotients
    outside = (quotients < -HALF) | (quotients >= HALF)
    if outside.any():
        raise DataError("its score is outside of the table of probabilities", row=int(np.argwhere(outside)[0][0]))
    found: IntArray = relation.model.probabilities[quotients + HALF]
    return found


def prediction_witness(relation: Prediction, integers: IntArray) -> Witness:
    """Columns of the witness, without those of the model."""
    columns: dict[Address, Cells] = {}
    looked_up: dict[str, LookedUpRows] = {}
    weights, intercepts = np.split(integers, [relation.model.weight.size], axis=1)
    parts = [(REST, _rest(relation, integers), relation.rest_bits)]
    for own, values in ((WEIGHTS, weights), (INTERCEPTS, intercepts[:, 0] if relation.model.bias else None)):
        if values is not None:
            bits = relation.signed(own).bits
            parts.append((own, values + (1 << (bits - 1)), bits))
    for integer, values, bits in parts:
        limbs = split_limbs(values, integer, bits)
        columns |= limbs
        looked_up |= limb_rows(limbs, integer, bits)
    if relation.by_table:
        cells = (scores_of(relation, integers) >> relation.model.shift).astype(np.int16)
        columns |= {CELL: cells, SAID: relation.given.answers.astype(np.int32)}
        looked_up[CELL.name] = signed_rows(cells)
    return Witness({**columns, **multiplicities(relation.sections, looked_up)}, looked_up)


def _rest(relation: Prediction, integers: IntArray) -> IntArray:
    """R, int64 (inputs, answers)."""
    scores, answers = scores_of(relation, integers), relation.given.answers
    if not relation.by_class:
        return scores & ((1 << relation.model.shift) - 1)
    if not relation.several:
        return (2 * answers[:, None] - 1) * scores - answers[:, None]
    kept = np.array(relation.model.kept)
    best = np.take_along_axis(scores, np.searchsorted(kept, answers)[:, None], axis=1)
    gaps: IntArray = best - scores - (kept < answers[:, None])
    return gaps
