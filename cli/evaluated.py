"""Evaluations in words: what is exact, what is an interval, and what neither of them says."""

from __future__ import annotations

from collections.abc import Iterable
from math import isinf
from typing import Any

from ..circuits.statements.base import statement_digest
from ..circuits.statements.evaluated import Evaluated
from ..circuits.statements.results import Classified, Result, interval_text
from ..circuits.statements.sharded_evaluation import NAMES, ShardedEvaluationStatement
from ..errors import ParameterError
from ..models.encoding.labels import SHOWN_CLASSES
from ..verifier.evaluations import unlinked_models
from ..verifier.proofs import AnyLink
from .output import Lines, foreign
from .words import plural

EVALUATION_MISSING = {
    "holdout": "hold-out not verified: the validity proof of data set {digest} was not checked",
    "training": "model not verified: the proof of its training {digest} was not checked",
    "second": "second model not verified: the proof of its training {digest} was not checked",
}
SHARDED_MISSING = {
    "holdout": EVALUATION_MISSING["holdout"],
    **dict.fromkeys(NAMES, "models not verified: the bundle of their training {digest} was not checked"),
}
FIRST_AND_SECOND = ("the first model", "the second")


def evaluation_lines(statement: Evaluated) -> Lines:
    """Which models, which rows, and what is said of them."""
    lines = [
        ("hold-out", statement_digest(statement.holdout).hex()),
        ("rows", f"{plural(statement.rows, 'row')}, {_which(statement)}"),
    ]
    for number, (subject, result) in enumerate(zip(statement.subjects, statement.results, strict=True)):
        for training, model in subject:
            lines.append(("of training", training.digest.hex()))
            if model != training.model:
                lines.append(("committed afresh", model.root.hex()))
        if isinstance(statement, ShardedEvaluationStatement):
            count, aggregate = _speaking(statement, number), statement.aggregate(number)
            said = "" if count is None else f"{plural(count, 'shard')} with a say, "
            lines.append(("together", f"{said}by {aggregate}"))
        lines += [*_result_lines(statement, number), *_confusion_lines(statement, result)]
    return lines


def _result_lines(statement: Evaluated, number: int) -> Lines:
    result = statement.results[number]
    if isinstance(result, Classified):
        lines = [("right", _right(statement, result.right))]
        loss = statement.log_loss(number)
        return [*lines, *([("log-loss", interval_text(loss))] if loss is not None else [])]
    rmse, explained = statement.root_mean_square(number), statement.explained(number)
    deviance = statement.mean_deviance(number)
    more = [] if deviance is None else [("deviance", f"{interval_text(deviance)}, the mean of a row")]
    return [("RMSE", interval_text(rmse)), ("R^2", interval_text(explained)), *more]


def _confusion_lines(statement: Evaluated, result: Result) -> Lines:
    """Row by row, of the classes as they are; of many classes none is shown."""
    if not isinstance(result, Classified) or not result.confusion:
        return []
    classes = statement.holdout.encoding.label.classes
    size = len(classes)
    if size > SHOWN_CLASSES:
        return [("confusion", f"{size} x {size} numbers, in --json")]
    rows = [result.confusion[at : at + size] for at in range(0, size * size, size)]
    told = [f"{foreign(name)}: predicted {', '.join(map(str, row))}" for name, row in zip(classes, rows, strict=True)]
    return [("confusion" if at == 0 else "", text) for at, text in enumerate(told)]


def evaluation_text(statement: Evaluated) -> str:
    """What is found, in a sentence."""
    found = [_found(statement, number) for number in range(len(statement.results))]
    sharded = isinstance(statement, ShardedEvaluationStatement)
    if len(found) == 1:
        return f"the models of the shards together predict {found[0]}" if sharded else f"the model predicts {found[0]}"
    names = ("the models of the first bundle", "those of the second") if sharded else FIRST_AND_SECOND
    verb = "predict" if sharded else "predicts"
    return ", ".join(f"{name} {verb} {text}" for name, text in zip(names, found, strict=True))


def _found(statement: Evaluated, number: int) -> str:
    result = statement.results[number]
    if isinstance(result, Classified):
        loss = statement.log_loss(number)
        return _right(statement, result.right) + (f", log-loss {interval_text(loss)}" if loss is not None else "")
    rmse, explained = statement.root_mean_square(number), statement.explained(number)
    rows, deviance = plural(statement.rows, "row"), statement.mean_deviance(number)
    more = "" if deviance is None else f", mean deviance {interval_text(deviance)}"
    return f"{rows} of the hold-out with RMSE {interval_text(rmse)}, R^2 {interval_text(explained)}{more}"


def evaluation_data(statement: Evaluated) -> dict[str, Any]:
    """For JSON."""
    models = [_model_data(statement, number) for number in range(len(statement.results))]
    return {
        "evaluation": statement_digest(statement).hex(),
        "holdout": statement_digest(statement.holdout).hex(),
        "rows": statement.rows,
        "grid": statement.grid,
        "models": models,
    }


def _model_data(statement: Evaluated, number: int) -> dict[str, Any]:
    result = statement.results[number]
    trained = [{"statement": own.digest.hex(), "model": model.root.hex()} for own, model in statement.subjects[number]]
    data: dict[str, Any] = {**trained[0]}
    if isinstance(statement, ShardedEvaluationStatement):
        shards = _speaking(statement, number)
        data = {"trainings": trained, "aggregate": statement.aggregate(number)}
        data |= {} if shards is None else {"shards": shards}
    if not isinstance(result, Classified):
        least, most = statement.explained(number)
        deviance = statement.mean_deviance(number)
        data |= {} if deviance is None else {"deviance": deviance}
        return {**data, "rmse": statement.root_mean_square(number), "r2": (None if isinf(least) else least, most)}
    data |= {"right": result.right, "accuracy": share_of(statement, result.right)}
    if result.loss is not None:
        data["log_loss"] = statement.log_loss(number)
    if result.confusion:
        size = len(statement.holdout.encoding.label.classes)
        data["confusion"] = [list(result.confusion[at : at + size]) for at in range(0, size * size, size)]
    return data


def _which(statement: Evaluated) -> str:
    if statement.within:
        return f"of the first {statement.stop:,} of the training set, not used in training, without the forgotten ones"
    return "those of a data set that the models' own is not linked to"


def share_of(statement: Evaluated, right: int) -> float:
    """The accuracy, as far as a statement that nobody has checked has one."""
    return right / statement.rows if statement.rows > 0 else 0.0


def _right(statement: Evaluated, right: int) -> str:
    share = 100 * share_of(statement, right)
    return f"{right:,} of {plural(statement.rows, 'row')} of the hold-out right ({share:.2f} %)"


def evaluation_cautions(statement: Evaluated) -> tuple[str, ...]:
    """What an evaluation does not say, and what it tells."""
    apart = (
        "that no row of the hold-out was trained on is not shown, as nobody can see whether rows were committed twice; "
        "nor who chose them"
    )
    within = "not used in training is not unseen: the owner has these rows, and may have chosen the algorithm by them"
    left_out = f"{plural(len(statement.gone), 'row')} of the hold-out, forgotten or destroyed, do not count"
    classes = statement.predicts == "class"
    confusion = any(isinstance(result, Classified) and result.confusion for result in statement.results)
    telling = "may tell" if not classes else "tells"
    return (
        within if statement.within else apart,
        *([f"{left_out}: whoever chose which had a say in the numbers"] if statement.gone else []),
        "an evaluation on a hold-out that differs in a row, such as one before a row of it was forgotten or destroyed, "
        f"{telling} how this row is predicted",
        *(["a confusion matrix names rows where its numbers are small, and tells its classes"] if confusion else []),
    )


def unlinked(statement: Evaluated, links: Iterable[AnyLink]) -> tuple[str, ...]:
    """What is said of models that were committed afresh, and whose links were not checked."""
    found = unlinked_models(statement, links)
    if isinstance(statement, ShardedEvaluationStatement):
        names = [
            f"models of training {statement.opened[number][0].digest.hex()} not verified: they were" for number in found
        ]
    else:
        names = [("model not verified: it was", "second model not verified: it was")[number] for number in found]
    return tuple(
        f"{name} committed afresh, and no link that was checked leads there from {_its(statement)} training"
        for name in names
    )


def _speaking(statement: ShardedEvaluationStatement, number: int) -> int | None:
    """How many shards have a say; None of a statement that cannot be proved, which nobody has checked."""
    try:
        return len(statement.speaking(number))
    except ParameterError:
        return None


def _its(statement: Evaluated) -> str:
    return "their" if isinstance(statement, ShardedEvaluationStatement) else "its"
