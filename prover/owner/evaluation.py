"""The evaluation of models on a hold-out: how well they predict its rows, proved of what is committed."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import overload

from ...circuits.relations.evaluation import MODELS
from ...circuits.statements.evaluation import EvaluationStatement
from ...errors import ParameterError, require_type
from ...verifier.proofs import EvaluationProof, ShardedEvaluationProof
from ..protocol.proof import Progress
from ..witnesses.evaluation import true_evaluation
from .dataset import DATASETS, Dataset
from .evaluation_numbers import grid_of, nothing_yet, prove_evaluation, stating
from .model import Model
from .prove import check_before_work
from .sharded_evaluation import evaluate_shards
from .sharded_model import ShardedModel, load_sharded

Evaluable = Model | ShardedModel | Path | str


@overload
def evaluate(
    holdout: Dataset,
    models: Model | Sequence[Model],
    progress: Progress | None = ...,
    *,
    confusion: bool = ...,
    loss: bool | None = ...,
    grid: int | None = ...,
) -> EvaluationProof: ...
@overload
def evaluate(
    holdout: Dataset,
    models: ShardedModel | Sequence[ShardedModel],
    progress: Progress | None = ...,
    *,
    confusion: bool = ...,
    loss: bool | None = ...,
    grid: int | None = ...,
) -> ShardedEvaluationProof: ...
@overload
def evaluate(
    holdout: Dataset,
    models: Evaluable | Sequence[Evaluable],
    progress: Progress | None = ...,
    *,
    confusion: bool = ...,
    loss: bool | None = ...,
    grid: int | None = ...,
) -> EvaluationProof | ShardedEvaluationProof: ...
def evaluate(
    holdout: Dataset,
    models: Evaluable | Sequence[Evaluable],
    progress: Progress | None = None,
    *,
    confusion: bool = False,
    loss: bool | None = None,
    grid: int | None = None,
) -> EvaluationProof | ShardedEvaluationProof:
    """Prove how well one or two models predict the rows of a hold-out. One opening of it and of each model is spent.

    Of models that predict classes it is how many rows they predict right, and the mean log-loss of the probabilities
    that `predict_proba` gives; of linear and Poisson ones RMSE and R^2, and of the latter the mean deviance,
    2 (y log (y / e^z) - y + e^z) for counts y and scores z. All but the first are intervals.

    Args:
        holdout: the data set that the models were trained on, if their specs hold rows out of it (`holdout`): these
            count, but for those that one of the trainings forgot. Or a data set of its own, committed with the bounds
            of the other; its rows that are not destroyed count.
        models: secrets, or their files. Of what `prove` returns it is `.secret`. Of shards it is `.model`, or the
            bundle's file, beside which the secrets are: one opening of each commitment with a model in force is spent.
        confusion: whether to state how many rows of each class are predicted as each. It tells how many rows there are
            of each class, and of small numbers which rows they are about.
        loss: whether to state the log-loss, or the deviance of a Poisson model. None does so where there is one that is
            proved: not of models that forgot a class, nor of shards that answer by vote.
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
    loaded = [_loaded(each) for each in given]
    holdout.require_whole_count()
    sharded = [model for model in loaded if isinstance(model, ShardedModel)]
    if sharded:
        if len(sharded) < len(loaded):
            raise ParameterError("models: one is of shards and one is not: evaluate each by itself")
        return evaluate_shards(holdout, sharded, confusion, loss, grid, progress)
    own = [model for model in loaded if isinstance(model, Model)]
    draft = _draft(holdout, own, confusion, loss, grid)
    budgets = [holdout.budget, *(model.budget for model in own)]
    check_before_work(draft, budgets)
    integers = [model.integers for model in own]
    statement = stating(draft, true_evaluation(draft.predictions, holdout.rows, integers))
    opened = dict(zip(MODELS, own, strict=False))
    return EvaluationProof(statement, prove_evaluation(statement, holdout, opened, integers, progress))


def _draft(
    holdout: Dataset, models: Sequence[Model], confusion: bool, loss: bool | None, grid: int | None
) -> EvaluationStatement:
    """What will be stated, without its numbers."""
    first, *second = (model.statement for model in models)
    return EvaluationStatement(
        holdout.statement,
        first,
        tuple(model.commitment for model in models),
        tuple(nothing_yet(model.statement, confusion, loss) for model in models),
        grid_of(holdout, grid),
        None if first.spec.family.predicts == "class" else 0,
        *second,
    )


def _loaded(model: Evaluable) -> Model | ShardedModel:
    """Raises ParameterError for something else."""
    require_type(
        "models",
        model,
        (Model, str, PathLike, ShardedModel),
        "of what `prove` returns it is `.secret`, of shards `.model`; `Model.load` reads a file",
    )
    if isinstance(model, Model | ShardedModel):
        return model
    return load_sharded(model) if Path(model).suffix == ".bundle" else Model.load(model)
