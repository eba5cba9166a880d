"""Junk in cells that are no cells, of one-pass training: inert, or not to be had."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.language.layout import Address, Axis
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations import one_pass as names
from zkunlearn.circuits.relations.model import COEFFICIENTS
from zkunlearn.circuits.relations.standardization import POWER
from zkunlearn.circuits.relations.standardized_one_pass import SCALED, StandardizedOnePass
from zkunlearn.prover.matrices.entropy import random_field
from zkunlearn.verifier.protocol.proof import ProofShape

from ..cheating import CheatingProver
from .harness import Columns, assert_valid, commitments, prove
from .one_pass_runs import EPOCHS, FEATURES, ROWS, OnePassDeclared, declare_one_pass, solved, told, values
from .test_padding import FilledColumns, JunkProver, existing

SPARE = FEATURES  # the feature past the last, in the padding
JUNK = 5  # a one would only spoil its author's own proof: docs/protocol.md, "What does not count weighs nothing"


@pytest.fixture(scope="module", params=[{}, {"bias": False}, {"standardize": True}], ids=str)
def own(request: pytest.FixtureRequest) -> OnePassDeclared:
    return declare_one_pass(**request.param)


@pytest.fixture(scope="module")
def true_columns(own: OnePassDeclared) -> Columns:
    return told(own, values(), solved(own, values()))


def boxes(shape: ProofShape) -> dict[Address, tuple[Axis, ...]]:
    """Of each column, the axes as long as its matrix rows are."""
    axes = {column: existing(tiling) for group in shape.groups for column, (_, tiling) in group.places.items()}
    of_features, rows = axes[data_set.FEATURES]
    return axes | {SCALED: (Axis("weight", of_features.size), rows)}


def filled(shape: ProofShape, columns: Columns) -> Columns:
    """The columns as whole boxes, zeros beside the real cells."""
    axes = boxes(shape)
    return {
        name: np.pad(cells, [(0, axis.size - have) for axis, have in zip(axes[name], cells.shape, strict=True)])
        for name, cells in columns.items()
    }


class OnePassJunkProver(JunkProver):
    def __init__(self, shape: ProofShape, *args: Any) -> None:
        CheatingProver.__init__(self, shape, *args)
        self.columns = FilledColumns(boxes(shape), self.columns.values)


def joined(own: OnePassDeclared, box: Columns, integer: Address) -> Any:
    """The integers that limbs say, as they are read in padding: nothing is taken off. Modulo p."""
    limbs = limb_addresses(integer, own.relation.bits_of(integer))
    return sum(box[limb].astype(object) << (16 * i) for i, limb in enumerate(limbs)) % MODULUS


def put(own: OnePassDeclared, box: Columns, integer: Address, place: Any, value: Any) -> None:
    """An integer modulo p, all of it in its lowest limb."""
    lowest, *others = limb_addresses(integer, own.relation.bits_of(integer))
    box[lowest][place] = np.asarray(value % MODULUS, dtype=object).astype(np.uint64)
    for limb in others:
        box[limb][place] = 0


def with_junk(own: OnePassDeclared, columns: Columns) -> Columns:
    """Uniform junk in every cell that the equations leave free, and what follows in the others."""
    s, box = own.schedule, filled(own.shape, columns)
    shape = box[data_set.FEATURES].shape
    junk = random_field(shape[0] * shape[1]).reshape(shape)
    box[data_set.FEATURES][SPARE], box[data_set.FEATURES][:, ROWS:] = junk[SPARE], junk[:, ROWS:]
    box[data_set.LABELS][:, ROWS:] = random_field(1, box[data_set.LABELS].size - ROWS)
    _put_sums(own, box)
    for integer in (names.WEIGHTS, names.BIASES)[: 1 + s.bias]:  # steps past the last: read nowhere
        for limb in limb_addresses(integer, s.weight_bits):
            box[limb][EPOCHS:] = random_field(box[limb][EPOCHS:].size).reshape(box[limb][EPOCHS:].shape)
    for step in range(1, EPOCHS):
        put(own, box, names.WEIGHTS, (step, SPARE), int(random_field(1)[0]))
    put(own, box, names.ROUNDED_REST, SPARE, int(random_field(1)[0]))
    if not isinstance(own.relation, StandardizedOnePass):
        put(own, box, names.ROUNDED, SPARE, int(random_field(1)[0]))
        box[COEFFICIENTS][0, SPARE] = int(joined(own, box, names.ROUNDED)[SPARE])
    _put_steps(own, box)
    return box


def _put_sums(own: OnePassDeclared, box: Columns) -> None:
    """Products with the spare feature, and its target."""
    s, live = own.schedule, np.flatnonzero(own.schedule.live.mask())
    X, y = box[data_set.FEATURES].astype(object), box[data_set.LABELS].astype(object)[0, live]
    if isinstance(own.relation, StandardizedOnePass):
        powers = np.append(box[POWER].astype(object)[:FEATURES], 0)
        X = X * powers[:, None] % MODULUS  # zero beside real features
        box[SCALED] = X.astype(np.uint64)
    X = X[:, live]
    down, of_target = (pow(1 << shift, -1, MODULUS) for shift in (s.product_shift, s.target_shift))
    for k in range(SPARE + 1):
        value = s.factor * int(X[k] @ X[SPARE]) * down
        put(own, box, names.PRODUCTS, (k, SPARE), value)
        put(own, box, names.PRODUCTS, (SPARE, k), value)
    put(own, box, names.TARGETS, SPARE, s.factor * int(X[SPARE] @ y) * (of_target << s.target_raise))
    if s.bias:
        put(own, box, names.MEANS, SPARE, s.factor * s.one * int(X[SPARE].sum()) * down)


def _put_steps(own: OnePassDeclared, box: Columns) -> None:
    """What is left of the spare feature's updates."""
    s, h, offset = own.schedule, own.schedule.shift, 1 << (own.schedule.weight_bits - 1)
    weights = joined(own, box, names.WEIGHTS)
    last = (int(joined(own, box, names.ROUNDED)[SPARE]) << s.fine_bits) + int(
        joined(own, box, names.ROUNDED_REST)[SPARE]
    )
    products, target = joined(own, box, names.PRODUCTS)[SPARE], int(joined(own, box, names.TARGETS)[SPARE])
    for t in range(EPOCHS):
        g = sum(int(products[k]) * (int(weights[t, k]) - offset) for k in range(FEATURES)) - target
        if s.bias:
            g += int(joined(own, box, names.MEANS)[SPARE]) * (int(joined(own, box, names.BIASES)[t, 0]) - offset)
        now, before = int(weights[t, SPARE]), int(weights[t - 1, SPARE]) if t else 0
        after = int(weights[t + 1, SPARE]) if t + 1 < EPOCHS else last
        u = s.c_epoch[t] * g - s.m_epoch[t] * (now - before) - (now - after << h)
        put(own, box, names.WEIGHT_REST, (t, SPARE), u)


def test_consistent_junk_proves_the_same_model(own: OnePassDeclared, true_columns: Columns) -> None:
    box = with_junk(own, true_columns)
    untouched = filled(own.shape, true_columns)
    assert sum(not np.array_equal(box[name], untouched[name]) for name in box) > 5
    outcome = prove(own.shape, box, commitments(own.shape, box), prover=OnePassJunkProver)
    assert_valid(outcome)
    assert np.array_equal(box[COEFFICIENTS][:, :FEATURES], true_columns[COEFFICIENTS])


@pytest.mark.parametrize(
    ("column", "reasons"),
    [
        (names.PRODUCTS, {"moments of products", "centred sums"}),
        (names.TARGETS, {"moments of products", "centred sums"}),
        (names.WEIGHT_REST, {"parts"}),
        (names.ROUNDED, {"model", "parts"}),
    ],
    ids=lambda value: value.name if isinstance(value, Address) else "",
)
def test_junk_that_nothing_explains_is_rejected(
    own: OnePassDeclared, true_columns: Columns, column: Address, reasons: set[str]
) -> None:
    """In one cell of padding."""
    box = filled(own.shape, true_columns)
    lowest, *_ = limb_addresses(column, own.relation.bits_of(column))
    place = (0, SPARE) if box[lowest].ndim == 2 else SPARE
    box[lowest][place] = JUNK
    outcome = prove(own.shape, box, commitments(own.shape, box), prover=OnePassJunkProver)
    assert outcome.verdict() == "constraints"
    assert outcome.prover.lies and set(outcome.prover.lies) & reasons


def test_weights_of_steps_past_the_last_are_read_nowhere_and_their_remainders_are_zero(
    own: OnePassDeclared, true_columns: Columns
) -> None:
    box = filled(own.shape, true_columns)
    lowest, *_ = limb_addresses(names.WEIGHT_REST, own.schedule.shift)
    box[lowest][EPOCHS, 0] = JUNK
    outcome = prove(own.shape, box, commitments(own.shape, box), prover=OnePassJunkProver)
    assert outcome.verdict() == "constraints" and outcome.prover.lies == {"parts"}
