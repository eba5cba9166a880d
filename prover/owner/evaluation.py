"""The evaluation of models on a hold-out: how well they predict its rows, proved of what is committed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

from ...circuits.language.layout import Address
from ...circuits.relations.dataset import DATASET
from ...circuits.relations.evaluation import MODELS, Evaluation, Judged
from ...circuits.relations.residuals import Residuals
from ...circuits.relations.two_classes import TwoClasses
from ...circuits.statements.evaluation import EvaluationStatement
from ...circuits.statements.results import COUNT_GRID, DEFAULT_GRID, Classified, Regressed, Result
from ...circuits.statements.training import TrainingStatement
from ...errors import ParameterError, require_type
from ...verifier.proofs import EvaluationProof
from ...verifier.shapes import shape_of
from ..matrices.commitment import commit_columns
from ..matrices.values import Witness
from ..protocol.proof import Progress
from ..witnesses.evaluation import evaluation_witness, true_evaluation
from .dataset import DATASETS, Dataset
from .model import Model, model_columns
from .prove import check_before_work, prove_statement


def evaluate(
    holdout: Dataset,
    models: Model | Path | str | Sequence[Model | Path | str],
    progress: Progress | None = None,
    *,
    confusion: bool = False,
    loss: bool | None = None,
    grid: int | None = None,
) -> EvaluationProof:
    """Prove how well one or two models predict the rows of a hold-out. One opening of it and of each model is spent.

    Of models that predict classes it is how many rows they predict right, and of logistic ones of two classes the mean
    log-loss; of linear ones RMSE and R^2. The last three are intervals.

    Args:
        holdout: the data set that the models were trained on, if their specs hold rows out of it (`holdout`): these
            count, but for those that one of the trainings forgot. Or a data set of its own, committed with the bounds
            of the other; its rows that are not destroyed count.
        models: by any method but `sisa`: secrets, or their files. Of what `prove` returns it is `.secret`.
        confusion: whether to state how many rows of each class are predicted as each. It tells how many rows there are
            of each class, and of small numbers which rows they are about.
        loss: whether to state the log-loss. None does so where there is one.
        grid: sums are stated in steps of 2^-grid for each row. None takes 12, of labels that are counts 4.

    Raises:
        BudgetExceeded: the hold-out, or a model, has no opening left.
        ParameterError: models that cannot be evaluated, or not on this hold-out, or rows of which something cannot be
            stated; or an argument of another type.
        DataError, FormatError: naming the file.
    """
    require_type("holdout", holdout, Dataset, DATASETS)
    given = list(models) if isinstance(models, Sequence) and not isinstance(models, str) else [models]
    if not 1 <= len(given) <= len(MODELS):
        raise ParameterError(f"models: {len(given)} of them, one statement is about 1 to {len(MODELS)}")
    own = [_loaded(each) for each in given]
    holdout.require_whole_count()
    draft = _draft(holdout, own, confusion, loss, grid)
    budgets = [holdout.budget, *(model.budget for model in own)]
    shape = check_before_work(draft, budgets)
    integers = [model.integers for model in own]
    statement = _stating(draft, true_evaluation(draft.predictions, holdout.rows, integers))
    witness = evaluation_witness(statement.predictions, holdout.rows, integers)
    columns = {**holdout.columns, **witness.columns}
    committed = {DATASET: holdout.matrix}
    for matrix, model in zip(MODELS, own, strict=False):
        cells = {Address(matrix, column.name): values for column, values in model_columns(model).items()}
        opened = shape.committed[matrix]
        committed[matrix] = commit_columns(opened.layout, opened.code, cells, model.secret)
        columns |= cells
    proved = prove_statement(
        shape_of(statement),
        statement,
        committed,
        Witness(columns, witness.looked_up),
        budgets=budgets,
        progress=progress,
    )
    return EvaluationProof(statement, proved.proof.proof)


def _draft(
    holdout: Dataset, models: Sequence[Model], confusion: bool, loss: bool | None, grid: int | None
) -> EvaluationStatement:
    """What will be stated, without its numbers."""
    first, *second = (model.statement for model in models)
    label = holdout.statement.encoding.label
    return EvaluationStatement(
        holdout.statement,
        first,
        tuple(model.commitment for model in models),
        tuple(_nothing_yet(model.statement, confusion, loss) for model in models),
        (COUNT_GRID if label.kind == "count" else DEFAULT_GRID) if grid is None else grid,
        0 if first.spec.family.predicts == "value" else None,
        *second,
    )


def _nothing_yet(training: TrainingStatement, confusion: bool, loss: bool | None) -> Result:
    """A result of the sort that is asked for, without its numbers."""
    family, label = training.spec.family, training.dataset.encoding.label
    if family.predicts != "class":
        if confusion or loss:
            raise ParameterError(f"a {family.title} predicts no classes: it has no confusion matrix, and no log-loss")
        return Regressed(0)
    has_loss = family.name == "logistic" and label.kind == "binary"
    cells = len(label.classes) ** 2 * confusion
    return Classified(0, (0, 0) if (has_loss if loss is None else loss) else None, (0,) * cells)


def _stating(draft: EvaluationStatement, found: Evaluation) -> EvaluationStatement:
    """With the numbers of the relation."""
    spread = None if found.spread is None else found.spread.stated
    return replace(draft, results=tuple(map(_result, found.models)), spread=spread)


def _result(own: Judged) -> Result:
    if isinstance(own, Residuals):
        return Regressed(own.squares)
    return Classified(own.right, own.loss if isinstance(own, TwoClasses) else None, own.confusion)


def _loaded(model: Model | Path | str) -> Model:
    """Raises ParameterError for something else."""
    require_type(
        "models", model, (Model, str, PathLike), "of what `prove` returns it is `.secret`; `Model.load` reads a file"
    )
    return model if isinstance(model, Model) else Model.load(model)
