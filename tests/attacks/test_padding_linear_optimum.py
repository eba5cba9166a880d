"""Junk in cells that are no cells, of certified optima of linear models: inert, or not to be had."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.language.layout import Address, Axis
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations.certified import WEIGHTS
from zkunlearn.circuits.relations.gram import Z
from zkunlearn.circuits.relations.model import COEFFICIENTS
from zkunlearn.prover.matrices.entropy import random_field
from zkunlearn.verifier.protocol.proof import ProofShape

from ..cheating import CheatingProver
from .harness import Columns, assert_valid, commitments, prove
from .linear_optimum_runs import FEATURES, ROWS, LinearDeclared, declare_linear, honest, values
from .optimum_runs import inverse
from .test_padding import FilledColumns, JunkProver, existing
from .test_padding_optimum import JUNK, SPARE, joined, put


@pytest.fixture(scope="module", params=[{}, {"bias": False}], ids=str)
def own(request: pytest.FixtureRequest) -> LinearDeclared:
    return declare_linear(**request.param)


@pytest.fixture(scope="module")
def true_columns(own: LinearDeclared) -> Columns:
    return honest(own, values())


def boxes(shape: ProofShape) -> dict[Address, tuple[Axis, ...]]:
    """Of each column, the axes as long as its matrix rows are."""
    axes = {column: existing(tiling) for group in shape.groups for column, (_, tiling) in group.places.items()}
    _, rows = axes[data_set.FEATURES]
    return axes | dict.fromkeys(Z, (rows,))


def filled(shape: ProofShape, columns: Columns) -> Columns:
    """The columns as whole boxes, zeros beside the real cells."""
    axes = boxes(shape)
    return {
        name: np.pad(cells, [(0, axis.size - have) for axis, have in zip(axes[name], cells.shape, strict=True)])
        for name, cells in columns.items()
    }


class LinearJunkProver(JunkProver):
    def __init__(self, shape: ProofShape, *args: Any) -> None:
        CheatingProver.__init__(self, shape, *args)
        self.columns = FilledColumns(boxes(shape), self.columns.values)


def limbs_at(own: Any, box: Columns, place: int) -> list[int]:
    """L_i of a weight; in padding as they are committed, where nothing is taken off."""
    addresses = limb_addresses(WEIGHTS.weight, own.schedule.weight_bits)
    found = [int(box[limb][place]) for limb in addresses]
    return found if place >= FEATURES else [*found[:2], found[2] - (1 << 15)]


def with_junk(own: Any, columns: Columns) -> Columns:
    """Uniform junk in every cell that the equations leave free, and what follows in the others."""
    s, box = own.schedule, filled(own.shape, columns)
    shape = box[data_set.FEATURES].shape
    junk = random_field(shape[0] * shape[1]).reshape(shape)
    box[data_set.FEATURES][SPARE], box[data_set.FEATURES][:, ROWS:] = junk[SPARE], junk[:, ROWS:]
    box[data_set.LABELS][:, ROWS:] = random_field(1, box[data_set.LABELS].size - ROWS)
    for limb in limb_addresses(WEIGHTS.weight, s.weight_bits):
        box[limb][SPARE] = random_field(1)[0]
    for integer in (WEIGHTS.cut, WEIGHTS.below):
        put(own, box, integer, int(random_field(1)[0]))
    put_scores(own, box)
    put_carries(own, box)
    weight, below = joined(own, box, WEIGHTS.weight), joined(own, box, WEIGHTS.below)
    put(own, box, WEIGHTS.above, -below)
    put(own, box, WEIGHTS.model, (weight - below) * inverse(1 << s.grid))
    box[COEFFICIENTS][0, SPARE] = joined(own, box, WEIGHTS.model)
    return box


def put_scores(own: Any, box: Columns) -> None:
    """z of rows past the last, where the bias is not added; no real row reads the spare weight."""
    X = box[data_set.FEATURES].astype(object)
    for i, name in enumerate(Z):
        z = sum(X[k] * limbs_at(own, box, k)[i] for k in range(FEATURES)) % MODULUS
        box[name][ROWS:] = z[ROWS:].astype(np.uint64)


def put_carries(own: Any, box: Columns) -> None:
    """What the three lines say at the spare weight: both carries, and the rest of the gradient."""
    s, live = own.schedule, np.flatnonzero(own.schedule.live.mask())
    x = box[data_set.FEATURES].astype(object)[SPARE, live]
    place, shift = s.label_place
    sums = []
    for i, limb in enumerate(limbs_at(own, box, SPARE)):
        r = box[Z[i]].astype(object)[live] - (i == place) * (box[data_set.LABELS].astype(object)[0, live] << shift)
        sums.append((1 << s.raised) * int(x @ r) + s.penalty * limb)
    high = -sums[2]
    low = (high << 16) - sums[1]
    put(own, box, WEIGHTS.high_carry, high)
    put(own, box, WEIGHTS.low_carry, low)
    gradient = sums[0] - (low << 16)
    put(own, box, WEIGHTS.cut_rest, gradient - (joined(own, box, WEIGHTS.cut) << s.shift))


def test_consistent_junk_proves_the_same_model(own: LinearDeclared, true_columns: Columns) -> None:
    """A long gradient past the last weight among it, which no norm counts."""
    box = with_junk(own, true_columns)
    untouched = filled(own.shape, true_columns)
    assert sum(not np.array_equal(box[name], untouched[name]) for name in box) > 10
    outcome = prove(own.shape, box, commitments(own.shape, box), prover=LinearJunkProver)
    assert_valid(outcome)
    assert np.array_equal(box[COEFFICIENTS][:, :FEATURES], true_columns[COEFFICIENTS])


@pytest.mark.parametrize(
    ("column", "reasons"),
    [
        (WEIGHTS.weight, {"gradient", "rounding"}),
        (WEIGHTS.cut, {"gradient"}),
        (WEIGHTS.cut_rest, {"gradient"}),
        (WEIGHTS.low_carry, {"gradient"}),
        (WEIGHTS.high_carry, {"gradient"}),
        (WEIGHTS.below, {"rounding", "edges"}),
        (WEIGHTS.model, {"model", "rounding"}),
    ],
    ids=lambda value: value.name if isinstance(value, Address) else "",
)
def test_junk_that_nothing_explains_is_rejected(
    own: Any, true_columns: Columns, column: Address, reasons: set[str]
) -> None:
    box = filled(own.shape, true_columns)
    put(own, box, column, JUNK)
    outcome = prove(own.shape, box, commitments(own.shape, box), prover=LinearJunkProver)
    assert outcome.verdict() == "constraints"
    assert set(outcome.prover.lies) == reasons
