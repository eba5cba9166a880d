"""Two models on the rows of the harness, one of which was destroyed, and what is committed of their predictions."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from zkunlearn.circuits.field.goldilocks import to_field
from zkunlearn.circuits.language.layout import Address, Axis, Column
from zkunlearn.circuits.language.tables import split_limbs
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations.evaluation import MODELS, SECOND_MODEL, Evaluation, Judged
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT, MODEL
from zkunlearn.models.live import Live
from zkunlearn.prover.matrices.values import in_field
from zkunlearn.verifier.protocol.code import PLAIN_RATE
from zkunlearn.verifier.protocol.proof import ProofShape

from .harness import FEATURES, ROW_BITS, ROWS, X_BITS, Columns, data_columns, matrix_shape, people, recount

STOP = 11  # rows from here on are those of the training
HOLES = (4,)
LIVE = Live(ROWS, HOLES, ((0, STOP),))
ZERO = 6  # the row whose score by the first model is zero
BITS = (18, 24)  # of weights, model by model: remainders of one limb, and of two
OUTPUT = Axis("output", 1)
OWN_COLUMNS = (Column(COEFFICIENTS.name, (OUTPUT, Axis("weight", FEATURES))), Column(INTERCEPT.name, (OUTPUT,)))


@cache
def data() -> tuple[Any, Any]:
    """Features and labels; a row that was destroyed is zeros."""
    X, y = people()
    X[list(HOLES)], y[list(HOLES)] = 0, 0
    return X, y


@cache
def models() -> tuple[Any, ...]:
    """The integers of each model, int64 (1, K)."""
    rng = np.random.default_rng(5)
    found = [rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), (1, FEATURES + 1)) for bits in BITS]
    for integers in found:
        integers[:, FEATURES] <<= X_BITS - 4
    found[0][0, FEATURES] = -(data()[0][ZERO] @ found[0][0, :FEATURES])
    return tuple(found)


def scores(integers: Any) -> Any:
    """z of each row; one is zero, which is not positive."""
    return data()[0] @ integers[0, :FEATURES] + integers[0, FEATURES]


def right_of(integers: Any) -> Any:
    """Which rows are predicted right, those that do not count left out."""
    right = (scores(integers) > 0) == (data()[1] == 1)
    return right & LIVE.mask()


@cache
def relation() -> Evaluation:
    """What is true of both."""
    own = [
        Judged(matrix, OWN_COLUMNS, bits, bits + X_BITS, int(right_of(integers).sum()))
        for matrix, bits, integers in zip(MODELS, BITS, models(), strict=True)
    ]
    return Evaluation(ROWS, FEATURES, X_BITS, LIVE, tuple(own))


def stating(**right: int) -> Evaluation:
    """The same with other numbers: `model`, `second`."""
    first, second = relation().models
    first = replace(first, right=right.get("model", first.right))
    return replace(relation(), models=(first, replace(second, right=right.get("second", second.right))))


@cache
def shape_of(own: Evaluation | None = None) -> ProofShape:
    """With short rows."""
    own = own or relation()
    columns = own.columns
    shapes = {data_set.DATASET: matrix_shape(data_set.DATASET, columns[data_set.DATASET], ROW_BITS)}
    return ProofShape(own, shapes | {name: matrix_shape(name, columns[name], 3, PLAIN_RATE) for name in MODELS})


def model_cells(matrix: str, integers: Any) -> Columns:
    """What a model's matrix holds."""
    own = {COEFFICIENTS: integers[:, :FEATURES], INTERCEPT: integers[:, FEATURES]}
    return {Address(matrix, column.name): to_field(cells) for column, cells in own.items()}


def limbs_of(own: Judged, integers: Any) -> Columns:
    """What is looked up of a model."""
    parts = ((own.weights, integers[:, :FEATURES]), (own.intercept, integers[:, FEATURES]))
    found = [split_limbs(values + (1 << (each.bits - 1)), each.integer, each.bits) for each, values in parts]
    return {name: in_field(cells) for each in found for name, cells in each.items()}


def predictions(own: Judged, z: Any, labels: Any = None) -> Columns:
    """F, ok and R where the scores are these."""
    y, shift = data()[1] if labels is None else labels, relation().shift(own)
    quotients = (z - 1) >> shift
    flipped = np.where(y == 1, quotients, -quotients - 1)
    rest = split_limbs(z - 1 - (quotients << shift), own.remainder, shift)
    found = {own.flipped: flipped, own.ok: (flipped >= 0).astype(np.int64)}
    return {**{name: to_field(cells) for name, cells in found.items()}, **{n: in_field(c) for n, c in rest.items()}}


def columns_of(*changes: Columns) -> Columns:
    """All columns, with some replaced; and the multiplicities that these deserve."""
    columns = data_columns(data())
    for own, integers in zip(relation().models, models(), strict=True):
        columns |= model_cells(own.matrix, integers) | limbs_of(own, integers) | predictions(own, scores(integers))
    for change in changes:
        columns |= change
    return recount(relation(), columns)


FIRST, SECOND = MODEL, SECOND_MODEL
