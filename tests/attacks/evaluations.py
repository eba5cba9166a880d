"""Models on the rows of the harness, one of which was destroyed, and what is committed of their predictions.

Two of two classes, of which the second has a log-loss and a confusion matrix; two of several classes, one of which the
second does not predict; and two that predict numbers, or expect counts, the first with its deviance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
from zkunlearn.circuits.field.goldilocks import to_field
from zkunlearn.circuits.language.layout import Address, Axis, Column
from zkunlearn.circuits.language.tables import LOSSES, split_limbs
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations.argmax import Argmax
from zkunlearn.circuits.relations.evaluation import MODELS, SECOND_MODEL, Evaluation
from zkunlearn.circuits.relations.expected_counts import ExpectedCounts
from zkunlearn.circuits.relations.loss_tables import PROBIT_LOSSES
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT, MODEL
from zkunlearn.circuits.relations.residuals import Residuals, Spread
from zkunlearn.circuits.relations.scored import ScoredModel
from zkunlearn.circuits.relations.several_classes import SeveralClasses
from zkunlearn.circuits.relations.two_classes import TwoClasses
from zkunlearn.models.live import Live
from zkunlearn.models.losses import loss_bounds
from zkunlearn.models.probit_losses import probit_loss_bounds
from zkunlearn.prover.matrices.values import in_field
from zkunlearn.prover.witnesses.evaluation import evaluation_witness, true_evaluation
from zkunlearn.verifier.protocol.code import PLAIN_RATE
from zkunlearn.verifier.protocol.proof import ProofShape

from .harness import (
    CLASSES,
    FEATURES,
    ROW_BITS,
    ROWS,
    X_BITS,
    Columns,
    classed,
    data_columns,
    matrix_shape,
    people,
    recount,
)

STOP = 11  # rows from here on are those of the training
HOLES = (4,)
LIVE = Live(ROWS, HOLES, ((0, STOP),))
ZERO = 6  # the row whose score by the first model is zero
BITS = (18, 24)  # of weights, model by model: remainders of one limb, and of two
SCALE = 31  # of the second's scores, so large that all are in the table of losses
STEP = 12  # bits of the step of losses
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


def scored(matrix: str, bits: int, columns: tuple[Column, ...] = OWN_COLUMNS) -> ScoredModel:
    """A model of the harness."""
    return ScoredModel(matrix, columns, bits, bits + X_BITS, ROWS, X_BITS)


@cache
def relation() -> Evaluation:
    """What is true of both."""
    return Evaluation(ROWS, FEATURES, 1, (_without_loss(), _with_loss(LOSSES)))


@cache
def probit_relation() -> Evaluation:
    """The same of a probit model, whose losses are others."""
    return Evaluation(ROWS, FEATURES, 1, (_without_loss(), _with_loss(PROBIT_LOSSES)))


@cache
def mean_relation() -> Evaluation:
    """The same where the second model is the mean of three."""
    return Evaluation(ROWS, FEATURES, 1, (_without_loss(), _with_loss(LOSSES, 3)))


def _without_loss() -> TwoClasses:
    return TwoClasses(scored(MODELS[0], BITS[0]), LIVE, int(right_of(models()[0]).sum()))


def _with_loss(losses: str, count: int = 1) -> TwoClasses:
    right = int(right_of(models()[1]).sum())
    draft = TwoClasses(scored(MODELS[1], BITS[1]), LIVE, right, SCALE, (0, 0), STEP, losses=losses, models=count)
    live, z, y = LIVE.mask(), scores(models()[1]), data()[1]
    cells = losses_of(draft, z)
    low, high = (int(cells[name][live].sum()) for name in (draft.low, draft.high))
    confusion = tuple(int(((y == a) & ((z > 0) == b) & live).sum()) for a in (0, 1) for b in (0, 1))
    return replace(draft, loss=(low >> STEP, -(-high >> STEP)), confusion=confusion)


def stating(own: int = 0, **changes: Any) -> Evaluation:
    """The same with something else said of one of the models, the first or the second."""
    judged = list(relation().models)
    judged[own] = replace(judged[own], **changes)
    return replace(relation(), models=tuple(judged))


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


def limbs_of(own: ScoredModel, integers: Any) -> Columns:
    """What is looked up of a model."""
    parts = ((own.weights, integers[:, :FEATURES]), (own.intercept, integers[:, FEATURES]))
    found = [split_limbs(values + (1 << (each.bits - 1)), each.integer, each.bits) for each, values in parts]
    return {name: in_field(cells) for each in found for name, cells in each.items()}


def flipped_of(own: TwoClasses, z: Any, labels: Any = None) -> Any:
    """F where the scores are these."""
    quotients = (z - 1) // own.whole
    return np.where((data()[1] if labels is None else labels) == 1, quotients, -quotients - 1)


def losses_of(own: TwoClasses, z: Any) -> dict[Address, Any]:
    """Bounds of each row's loss, as integers."""
    cells = flipped_of(own, z) + (1 << 15)
    bounds = probit_loss_bounds() if own.losses == PROBIT_LOSSES else loss_bounds()
    return {name: table[cells] for name, table in zip((own.low, own.high), bounds, strict=True)}


def predictions(own: TwoClasses, z: Any, labels: Any = None) -> Columns:
    """F, ok and R where the scores are these; with losses these too, and what rounding takes away of their sums."""
    flipped = flipped_of(own, z, labels)
    left, rest = (z - 1) % own.whole, {}
    for integer, cells in zip(own.row_rests, (left, own.whole - 1 - left), strict=False):
        rest |= split_limbs(cells, integer, own.rest_bits)
    found = {own.flipped: flipped, own.ok: (flipped >= 0).astype(np.int64)}
    if own.bounds:
        losses = losses_of(own, z)
        found |= losses
        for bound, cells in zip(own.bounds, losses.values(), strict=True):
            rest |= split_limbs(np.array([bound.rest_of(int(cells[LIVE.mask()].sum()))]), bound.rest, bound.bits)
    return {**{name: to_field(cells) for name, cells in found.items()}, **{n: in_field(c) for n, c in rest.items()}}


def columns_of(*changes: Columns, of: Evaluation | None = None) -> Columns:
    """All columns, with some replaced; and the multiplicities that these deserve."""
    columns, of = data_columns(data()), of or relation()
    judged: Any = of.models
    for own, integers in zip(judged, models(), strict=True):
        model = own.scored
        columns |= model_cells(model.matrix, integers) | limbs_of(model, integers) | predictions(own, scores(integers))
    for change in changes:
        columns |= change
    return recount(of, columns)


FIRST, SECOND = MODEL, SECOND_MODEL

# Several classes, and numbers --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Made:
    """Another evaluation: what is true, the rows, and the models' integers."""

    relation: Evaluation
    data: tuple[Any, Any]
    integers: tuple[Any, ...]

    def columns_of(self, *changes: Columns) -> Columns:
        """As above."""
        rows: Any = rows_of(self.data, self.relation.outputs)
        columns = data_columns(self.data, self.relation.outputs)
        for judged, integers in zip(self.relation.models, self.integers, strict=True):
            columns |= model_cells(judged.scored.matrix, integers)
        found: Any = evaluation_witness(self.relation, rows, self.integers).columns
        columns |= {name: in_field(cells) for name, cells in found.items()}
        for change in changes:
            columns |= change
        return recount(self.relation, columns)

    def stating(self, own: int = 0, **changes: Any) -> Evaluation:
        """As above."""
        judged = list(self.relation.models)
        judged[own] = replace(judged[own], **changes)
        return replace(self.relation, models=tuple(judged))

    def shape(self, own: Evaluation | None = None) -> ProofShape:
        """With short rows."""
        return shape_of.__wrapped__(own or self.relation)


def rows_of(data: tuple[Any, Any], outputs: int) -> SimpleNamespace:
    """As a witness takes them."""
    X, y = data
    return SimpleNamespace(by_feature=X.T, labels=y, label_columns=(y == np.arange(outputs)[:, None]).astype(np.uint16))


def true_of(draft: Evaluation, data: tuple[Any, Any], integers: tuple[Any, ...]) -> Made:
    rows: Any = rows_of(data, draft.outputs)
    return Made(true_evaluation(draft, rows, integers), data, integers)


TIED = 7  # the row whose scores by the first two outputs of the first model are the largest, and equal


@cache
def several() -> Made:
    """Two models of three classes; the second does not predict the second one."""
    X, y = classed()
    X, output = X.copy(), Axis("output", len(CLASSES))
    X[list(HOLES)] = 0
    columns = (Column(COEFFICIENTS.name, (output, Axis("weight", FEATURES))), Column(INTERCEPT.name, (output,)))
    rng = np.random.default_rng(6)
    integers = [rng.integers(-(1 << 15), 1 << 15, (len(CLASSES), FEATURES + 1)) for _ in MODELS]
    for own in integers:
        own[:, FEATURES] <<= X_BITS - 4
    z = integers[0][:, :FEATURES] @ X[TIED]
    integers[0][:, FEATURES] = -z + (0, 0, -5)  # the last one less by less than a cell of any table
    judged = (
        SeveralClasses(Argmax(scored(MODEL, 18, columns), LIVE), 0, (0,) * len(CLASSES) ** 2),
        SeveralClasses(Argmax(scored(SECOND_MODEL, 18, columns), LIVE, (1,)), 0),
    )
    return true_of(Evaluation(ROWS, FEATURES, len(CLASSES), judged), (X, y), tuple(integers))


FINE, FINER, LABEL_SHIFT = 4, 2, 9  # what is rounded of residuals, what labels are raised by, and from them to scores


@cache
def numbers() -> Made:
    """Two models of numbers, and the spread of these."""
    X, _ = people(3)
    y = np.random.default_rng(4).integers(-(1 << 14), 1 << 14, ROWS)
    X[list(HOLES)], y[list(HOLES)] = 0, 0
    X[-1] *= 64  # a row of the training, whose residual is beyond the range of those that count
    integers = models()
    judged = tuple(
        Residuals(scored(matrix, bits), LIVE, LABEL_SHIFT, FINE + bits - 8, 16, 0, 16)
        for matrix, bits in zip(MODELS, BITS, strict=True)
    )
    return true_of(Evaluation(ROWS, FEATURES, 1, judged, Spread(ROWS, LIVE, FINER, 0, 20)), (X, y), integers)


@cache
def counts() -> Made:
    """Two models of expected counts, the first with its deviance."""
    X, _ = people(3)
    y = np.random.default_rng(4).poisson(5, ROWS)
    X[list(HOLES)], y[list(HOLES)] = 0, 0
    X[-1] *= 64  # a row of the training, whose score is beyond the table
    integers = tuple(np.random.default_rng(seed).integers(-(1 << 17), 1 << 17, (1, FEATURES + 1)) for seed in (7, 8))
    for own in integers:
        own[:, FEATURES] <<= X_BITS
    judged = tuple(
        ExpectedCounts(scored(matrix, 18), LIVE, 16, 10, 24, 0, 8, q_bits=12, deviance=stated, deviance_bits=6)
        for matrix, stated in zip(MODELS, (0, None), strict=True)
    )
    return true_of(Evaluation(ROWS, FEATURES, 1, judged, Spread(ROWS, LIVE, 0, 0, 4)), (X, y), integers)
