"""The witness of an evaluation: the columns of circuits/relations/evaluation.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...circuits.language.layout import Address
from ...circuits.language.tables import split_limbs
from ...circuits.relations.evaluation import Evaluation, Judged
from ...models.live import Live
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, limb_rows, multiplicities, signed_rows
from ..matrices.values import Witness
from .rows import Rows


def scores(rows: Rows, integers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """z, int64 (N,), at scale x_bits + w_bits: feature by feature, so that no copy of the features is wider.

    Args:
        integers: int64 (1, K), as in `Model`.
    """
    weights, intercept = np.split(integers[0], [len(rows.by_feature)])
    found = np.full(rows.by_feature.shape[1], intercept.sum(), dtype=np.int64)
    for features, weight in zip(rows.by_feature, weights.tolist(), strict=True):
        found += features.astype(np.int64) * weight
    return found


def right_predictions(rows: Rows, live: Live, integers: npt.NDArray[np.int64]) -> int:
    """How many rows a model predicts right, of those that count."""
    right = (scores(rows, integers) > 0) == (rows.labels == 1)
    return int((right & live.mask()).sum())


def evaluation_witness(relation: Evaluation, rows: Rows, models: Sequence[npt.NDArray[np.int64]]) -> Witness:
    """Columns of the witness, without those of data set and models.

    Args:
        models: of each the integers, int64 (1, K).
    """
    columns: dict[Address, Cells] = {}
    looked_up: dict[str, LookedUpRows] = {}
    for own, integers in zip(relation.models, models, strict=True):
        _add_rows(relation, own, scores(rows, integers), rows.labels, columns, looked_up)
        weights, intercept = np.split(integers, [relation.features], axis=1)
        parts = [(own.weights, weights), *([(own.intercept, intercept[:, 0])] if own.bias else [])]
        for signed, values in parts:
            limbs = split_limbs(values + (1 << (signed.bits - 1)), signed.integer, signed.bits)
            columns |= limbs
            looked_up |= limb_rows(limbs, signed.integer, signed.bits)
    return Witness({**columns, **multiplicities(relation.sections, looked_up)}, looked_up)


def _add_rows(
    relation: Evaluation,
    own: Judged,
    z: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int32],
    columns: dict[Address, Cells],
    looked_up: dict[str, LookedUpRows],
) -> None:
    """F, ok and R of a model, and what they look up."""
    shift = relation.shift(own)
    quotients = (z - 1) >> shift
    flipped = np.where(labels == 1, quotients, -quotients - 1).astype(np.int16)
    limbs = split_limbs(z - 1 - (quotients << shift), own.remainder, shift)
    columns |= {own.flipped: flipped, own.ok: (flipped >= 0).astype(np.uint16), **limbs}
    looked_up |= {own.flipped.name: signed_rows(flipped), **limb_rows(limbs, own.remainder, shift)}
