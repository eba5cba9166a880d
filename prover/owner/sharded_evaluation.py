"""The evaluation of models in shards on a hold-out: how well what they answer together predicts its rows."""

from __future__ import annotations

from collections.abc import Sequence

from ...circuits.statements.sharded_evaluation import (
    MAX_TRAININGS,
    ShardedEvaluationStatement,
    answering,
    shards_matrix,
)
from ...errors import ParameterError
from ...verifier.proofs import ShardedEvaluationProof
from ..protocol.proof import Progress
from ..witnesses.evaluation import true_evaluation
from .bundles import models_for
from .dataset import Dataset
from .evaluation_numbers import grid_of, nothing_yet, prove_evaluation, stating
from .model import Model, most_left
from .prove import check_before_work
from .sharded_model import ShardedModel


def evaluate_shards(
    holdout: Dataset,
    bundles: Sequence[ShardedModel],
    confusion: bool,
    loss: bool | None,
    grid: int | None,
    progress: Progress | None,
) -> ShardedEvaluationProof:
    """See `evaluate`. One opening is spent of each commitment of which a model of the last stage is in force."""
    named: dict[bytes, Model] = {}
    numbers = []
    for sharded in bundles:
        own = _in_force(sharded)
        named = {**own, **most_left([*named.values(), *own.values()])}
        numbers.append(list(own))
    order = _in_order(numbers)
    if len(order) > MAX_TRAININGS:
        raise ParameterError(
            f"models of {len(order)} trainings are in force, and one statement is about {MAX_TRAININGS} at most: prove "
            "all of it again first"
        )
    own_models = [named[digest] for digest in order]
    draft = ShardedEvaluationStatement(
        holdout.statement,
        tuple(model.statement for model in own_models),
        tuple(model.commitment for model in own_models),
        tuple(tuple(order.index(digest) for digest in each) for each in numbers),
        tuple(nothing_yet(sharded.stated, confusion, loss) for sharded in bundles),
        grid_of(holdout, grid),
        None if bundles[0].spec.family.predicts == "class" else 0,
    )
    check_before_work(draft, [holdout.budget, *(model.budget for model in own_models)])
    integers = [sharded.integers for sharded in bundles]
    statement = stating(draft, true_evaluation(draft.predictions, holdout.rows, integers))
    opened = {shards_matrix(number): model for number, model in enumerate(own_models)}
    return ShardedEvaluationProof(statement, prove_evaluation(statement, holdout, opened, integers, progress))


def _in_force(sharded: ShardedModel) -> dict[bytes, Model]:
    """The secrets with a model of the last stage that is in force, by the digests of their trainings, in order."""
    bundle = sharded.bundle
    trainings = answering([proof.statement for proof in bundle.proofs])
    numbers = [number for number, proof in enumerate(bundle.proofs) if proof.statement in trainings]
    models = models_for(bundle, numbers, sharded.models)
    return {model.statement.digest: model for model in models}


def _in_order(numbers: Sequence[Sequence[bytes]]) -> list[bytes]:
    """All trainings of one or two bundles, in an order in which those of each are."""
    first, *others = numbers
    order = list(first)
    for other in others:
        place = 0
        for digest in other:
            if digest in order:
                place = order.index(digest) + 1
            else:
                order.insert(place, digest)
                place += 1
    return order
