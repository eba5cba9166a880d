"""The evaluation of models on a hold-out: how many of its rows they predict right, proved of what is committed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

from ...circuits.language.layout import Address
from ...circuits.relations.dataset import DATASET
from ...circuits.relations.evaluation import MODELS
from ...circuits.statements.evaluation import EvaluationStatement
from ...errors import ParameterError, require_type
from ...verifier.proofs import EvaluationProof
from ...verifier.shapes import shape_of
from ..matrices.commitment import commit_columns
from ..matrices.values import Witness
from ..protocol.proof import Progress
from ..witnesses.evaluation import evaluation_witness, right_predictions
from .dataset import DATASETS, Dataset
from .model import Model, model_columns
from .prove import check_before_work, prove_statement

AFRESH = (
    "a model that was committed afresh cannot be evaluated yet: evaluate it while its first commitment has openings"
)


def evaluate(
    holdout: Dataset, models: Model | Path | str | Sequence[Model | Path | str], progress: Progress | None = None
) -> EvaluationProof:
    """Prove how many rows of a hold-out one or two models predict right. One opening of it and of each model is spent.

    Args:
        holdout: the data set that the models were trained on, if their specs hold rows out of it (`holdout`): these
            count, but for those that one of the trainings forgot. Or a data set of its own, committed with the bounds
            of the other; its rows that are not destroyed count.
        models: of two classes, trained by gradient descent or certified: secrets, or their files. Of what `prove`
            returns it is `.secret`.

    Raises:
        BudgetExceeded: the hold-out, or a model, has no opening left.
        ParameterError: models that cannot be evaluated, or not on this hold-out; or an argument of another type.
        DataError, FormatError: naming the file.
    """
    require_type("holdout", holdout, Dataset, DATASETS)
    given = list(models) if isinstance(models, Sequence) and not isinstance(models, str) else [models]
    if not 1 <= len(given) <= len(MODELS):
        raise ParameterError(f"models: {len(given)} of them, one statement is about 1 to {len(MODELS)}")
    own = [_loaded(each) for each in given]
    holdout.require_whole_count()
    first, *second = (model.statement for model in own)
    draft = EvaluationStatement(holdout.statement, first, (0,) * len(own), *second)
    budgets = [holdout.budget, *(model.budget for model in own)]
    shape = check_before_work(draft, budgets)
    integers = [model.integers for model in own]
    statement = replace(draft, right=tuple(right_predictions(holdout.rows, draft.live, each) for each in integers))
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


def _loaded(model: Model | Path | str) -> Model:
    """Raises ParameterError for something else, or a model that was committed afresh."""
    require_type(
        "models", model, (Model, str, PathLike), "of what `prove` returns it is `.secret`; `Model.load` reads a file"
    )
    own = model if isinstance(model, Model) else Model.load(model)
    if own.links:
        raise ParameterError(AFRESH)
    return own
