"""Junk in cells that are no cells, of certified optima: inert, or not to be had."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.language.layout import Address, Axis
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations import residual as names
from zkunlearn.circuits.relations.certified import WEIGHTS
from zkunlearn.circuits.relations.model import COEFFICIENTS
from zkunlearn.prover.matrices.entropy import random_field
from zkunlearn.verifier.protocol.proof import ProofShape

from ..cheating import CheatingProver
from .harness import Columns, assert_valid, commitments, prove
from .optimum_runs import FEATURES, ROWS, OptimumDeclared, declare_optimum, found, inverse, told, values
from .test_padding import FilledColumns, JunkProver, existing

SPARE = FEATURES  # the feature past the last, in the padding
JUNK = 5


@pytest.fixture(scope="module", params=[{}, {"bias": False}], ids=str)
def own(request: pytest.FixtureRequest) -> OptimumDeclared:
    return declare_optimum(**request.param)


@pytest.fixture(scope="module")
def true_columns(own: OptimumDeclared) -> Columns:
    return told(own, values(), found(values(), own.schedule))


def boxes(shape: ProofShape) -> dict[Address, tuple[Axis, ...]]:
    """Of each column, the axes as long as its matrix rows are."""
    axes = {column: existing(tiling) for group in shape.groups for column, (_, tiling) in group.places.items()}
    return axes | dict.fromkeys(shape.relation.virtual, axes[names.Q])


def filled(shape: ProofShape, columns: Columns) -> Columns:
    """The columns as whole boxes, zeros beside the real cells."""
    axes = boxes(shape)
    return {
        name: np.pad(cells, [(0, axis.size - have) for axis, have in zip(axes[name], cells.shape, strict=True)])
        for name, cells in columns.items()
    }


class OptimumJunkProver(JunkProver):
    def __init__(self, shape: ProofShape, *args: Any) -> None:
        CheatingProver.__init__(self, shape, *args)
        self.columns = FilledColumns(boxes(shape), self.columns.values)


def joined(own: OptimumDeclared, box: Columns, integer: Address, place: int = SPARE) -> int:
    """The integer that limbs say in padding, where nothing is taken off. Modulo p."""
    limbs = limb_addresses(integer, own.relation.bits_of(integer))
    return sum(int(box[limb][place]) << (16 * i) for i, limb in enumerate(limbs)) % MODULUS


def put(own: OptimumDeclared, box: Columns, integer: Address, value: int) -> None:
    """An integer modulo p at the spare weight, all of it in its lowest limb."""
    lowest, *others = limb_addresses(integer, own.relation.bits_of(integer))
    box[lowest][SPARE] = value % MODULUS
    for limb in others:
        box[limb][SPARE] = 0


def with_junk(own: OptimumDeclared, columns: Columns) -> Columns:
    """Uniform junk in every cell that the equations leave free, and what follows in the others."""
    s, box = own.schedule, filled(own.shape, columns)
    shape = box[data_set.FEATURES].shape
    junk = random_field(shape[0] * shape[1]).reshape(shape)
    box[data_set.FEATURES][SPARE], box[data_set.FEATURES][:, ROWS:] = junk[SPARE], junk[:, ROWS:]
    box[data_set.LABELS][:, ROWS:] = random_field(1, box[data_set.LABELS].size - ROWS)
    for column in (names.Q, names.EDGE, names.STEP, names.MIDDLE, names.RISEN):
        box[column][ROWS:] = random_field(box[column].size - ROWS)
    for integer in (WEIGHTS.weight, WEIGHTS.cut, WEIGHTS.below):
        put(own, box, integer, int(random_field(1)[0]))
    weight, below = joined(own, box, WEIGHTS.weight), joined(own, box, WEIGHTS.below)
    live = np.flatnonzero(s.live.mask())
    risen = box[names.EDGE].astype(object) + box[names.RISEN].astype(object)
    r = (risen[live] - s.label_multiplier * box[data_set.LABELS].astype(object)[0, live]) % MODULUS
    loss = (1 << s.raised) * int(box[data_set.FEATURES].astype(object)[SPARE, live] @ r)
    put(own, box, WEIGHTS.cut_rest, loss + s.penalty * weight - (joined(own, box, WEIGHTS.cut) << s.shift))
    put(own, box, WEIGHTS.above, -below)
    put(own, box, WEIGHTS.model, (weight - below) * inverse(1 << s.grid))
    box[COEFFICIENTS][0, SPARE] = joined(own, box, WEIGHTS.model)
    _put_scores(own, box)
    return box


def _put_scores(own: OptimumDeclared, box: Columns) -> None:
    """z of rows past the last, where the bias is not added."""
    X, offset = box[data_set.FEATURES].astype(object), 1 << (own.schedule.weight_bits - 1)
    weights = [joined(own, box, WEIGHTS.weight, k) - offset for k in range(FEATURES)]
    z = sum(X[k] * weights[k] for k in range(FEATURES)) % MODULUS
    box[names.Z][ROWS:] = z[ROWS:].astype(np.uint64)


def test_consistent_junk_proves_the_same_model(own: OptimumDeclared, true_columns: Columns) -> None:
    """A long gradient past the last weight among it, which no norm counts."""
    box = with_junk(own, true_columns)
    untouched = filled(own.shape, true_columns)
    assert sum(not np.array_equal(box[name], untouched[name]) for name in box) > 10
    outcome = prove(own.shape, box, commitments(own.shape, box), prover=OptimumJunkProver)
    assert_valid(outcome)
    assert np.array_equal(box[COEFFICIENTS][:, :FEATURES], true_columns[COEFFICIENTS])


@pytest.mark.parametrize(
    ("column", "reasons"),
    [
        (WEIGHTS.weight, {"gradient", "rounding"}),
        (WEIGHTS.cut, {"gradient"}),
        (WEIGHTS.cut_rest, {"gradient"}),
        (WEIGHTS.below, {"rounding", "edges"}),
        (WEIGHTS.above, {"edges"}),
        (WEIGHTS.model, {"model", "rounding"}),
    ],
    ids=lambda value: value.name if isinstance(value, Address) else "",
)
def test_junk_that_nothing_explains_is_rejected(
    own: OptimumDeclared, true_columns: Columns, column: Address, reasons: set[str]
) -> None:
    box = filled(own.shape, true_columns)
    put(own, box, column, JUNK)
    outcome = prove(own.shape, box, commitments(own.shape, box), prover=OptimumJunkProver)
    assert outcome.verdict() == "constraints"
    assert set(outcome.prover.lies) == reasons
