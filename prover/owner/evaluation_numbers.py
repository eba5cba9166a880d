"""What evaluations state of models, and the way from there to a proof: of one model, and of models in shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ...circuits.language.layout import Address
from ...circuits.relations.dataset import DATASET
from ...circuits.relations.evaluation import Evaluation, Judged
from ...circuits.relations.expected_counts import ExpectedCounts
from ...circuits.relations.mean_counts import MeanCounts
from ...circuits.relations.residuals import Residuals
from ...circuits.relations.two_classes import TwoClasses
from ...circuits.statements.evaluated import Evaluated
from ...circuits.statements.evaluation import EvaluationStatement
from ...circuits.statements.results import COUNT_GRID, DEFAULT_GRID, Classified, Regressed, Result
from ...circuits.statements.sharded_evaluation import ShardedEvaluationStatement
from ...circuits.statements.training import TrainingStatement
from ...errors import ParameterError
from ...models.aggregation import VOTE
from ...models.methods import Sisa
from ...verifier.shapes import shape_of
from ..matrices.commitment import commit_columns
from ..matrices.values import Witness
from ..protocol.proof import Progress
from ..witnesses.evaluation import evaluation_witness
from .dataset import Dataset
from .model import Model, model_columns
from .prove import prove_statement

E = TypeVar("E", EvaluationStatement, ShardedEvaluationStatement)


def grid_of(holdout: Dataset, asked: int | None) -> int:
    """The one that is asked for, or that is natural for the labels."""
    if asked is not None:
        return asked
    return COUNT_GRID if holdout.statement.encoding.label.kind == "count" else DEFAULT_GRID


def nothing_yet(training: TrainingStatement, confusion: bool, loss: bool | None) -> Result:
    """A result of the sort that is asked for, without its numbers."""
    family, label, method = training.spec.family, training.dataset.encoding.label, training.spec.method
    if family.predicts != "class":
        counts = family.predicts == "count"
        if confusion or (loss and not counts):
            raise ParameterError(f"a {family.title} predicts no classes: it has no confusion matrix, and no log-loss")
        told = counts and loss is not False
        if isinstance(method, Sisa):
            return Regressed(0, deviances=(0, 0) if told else None)
        return Regressed(0, 0 if told else None)
    has_loss = not training.forgotten_classes and not (isinstance(method, Sisa) and method.aggregate == VOTE)
    cells = len(label.classes) ** 2 * confusion
    return Classified(0, (0, 0) if (has_loss if loss is None else loss) else None, (0,) * cells)


def stating(draft: E, found: Evaluation) -> E:
    """With the numbers of the relation."""
    spread = None if found.spread is None else found.spread.stated
    return replace(draft, results=tuple(map(_result, found.models)), spread=spread)


def _result(own: Judged) -> Result:
    if isinstance(own, Residuals):
        if isinstance(own, MeanCounts):
            return Regressed(own.squares, deviances=own.deviances)
        return Regressed(own.squares, own.deviance if isinstance(own, ExpectedCounts) else None)
    if isinstance(own, TwoClasses):
        return Classified(own.right, own.loss, own.confusion)
    return Classified(own.right, None if own.loss is None else own.loss.loss, own.confusion)


def prove_evaluation(
    statement: Evaluated,
    holdout: Dataset,
    opened: Mapping[str, Model],
    integers: Sequence[npt.NDArray[np.int64]],
    progress: Progress | None,
) -> bytes:
    """The proof of what is stated. One opening of the hold-out and of each model is spent.

    Args:
        opened: models by the names of their matrices.
        integers: of what is evaluated, as of `evaluation_witness`.
    """
    shape = shape_of(statement)
    witness = evaluation_witness(statement.predictions, holdout.rows, integers)
    columns = {**holdout.columns, **witness.columns}
    committed = {DATASET: holdout.matrix}
    for matrix, model in opened.items():
        cells = {Address(matrix, column.name): values for column, values in model_columns(model).items()}
        own = shape.committed[matrix]
        committed[matrix] = commit_columns(own.layout, own.code, cells, model.secret)
        columns |= cells
    budgets = [holdout.budget, *(model.budget for model in opened.values())]
    made = Witness(columns, witness.looked_up)
    return prove_statement(shape, statement, committed, made, budgets=budgets, progress=progress).proof.proof
