"""Evaluations: that a number of predictions is right, of the models and on the hold-out that are meant."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import and_
from typing import Any

from ..errors import ParameterError, StatementMismatch, require_type
from .proofs import DatasetCommitment, EvaluationProof, Proof, TrainingProof
from .verify import verify_proof


def verify_evaluation(
    evaluation: EvaluationProof, holdout: DatasetCommitment, trainings: Iterable[TrainingProof]
) -> float:
    """Check how many rows of a hold-out models predict right, and the validity proof of the hold-out; bits.

    Args:
        holdout: the commitment the auditor holds.
        trainings: what the models are of, in the order of the statement. They are compared, not checked: `verify` is
            for that, with the data set of each.

    Raises:
        StatementMismatch: it is about another hold-out, or other models.
        InvalidProof: naming the check that failed.
        ParameterError: an argument of another type.
    """
    require_type("evaluation", evaluation, EvaluationProof, "`evaluate` returns it")
    require_type("holdout", holdout, DatasetCommitment, "of what `commit` returns it is `.commitment`")
    given = list(trainings) if isinstance(trainings, Iterable) else []
    if not given:
        raise ParameterError("trainings: the proofs of the models that were evaluated are needed")
    for training in given:
        require_type("trainings", training, TrainingProof, "of what `prove` returns it is `.proof`")
    own = evaluation.statement
    if own.holdout != holdout.statement:
        raise StatementMismatch("the evaluation is on another hold-out")
    if own.trainings != tuple(training.statement for training in given):
        raise StatementMismatch("the evaluation is of other models")
    proofs: list[Proof[Any]] = [holdout, evaluation]
    return reduce(and_, map(verify_proof, proofs)).least
