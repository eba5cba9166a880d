"""Evaluations: that what they say is right, of the models and on the hold-out that are meant."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import and_
from typing import Any

from ..circuits.statements.evaluated import Evaluated
from ..circuits.statements.sharded_evaluation import answering
from ..errors import ParameterError, StatementMismatch, require_type
from .bundles import Bundle
from .proofs import EVALUATIONS, AnyLink, DatasetCommitment, ModelLinkProof, Proof, TrainingProof
from .renewals import renewal
from .verify import verify_proof


def unlinked_models(statement: Evaluated, links: Iterable[AnyLink]) -> list[int]:
    """The numbers of the models, from 0, that were committed afresh, and that no links tie to their trainings."""
    known, opened = list(links), enumerate(statement.opened)
    return [i for i, (own, model) in opened if renewal(own.digest, own.model, model, known) is None]


def verify_evaluation(
    evaluation: Proof[Evaluated],
    holdout: DatasetCommitment,
    trainings: Iterable[TrainingProof | Bundle],
    links: Iterable[ModelLinkProof] = (),
) -> float:
    """Check how well models predict the rows of a hold-out, the validity proof of the hold-out, and the links; bits.

    Args:
        holdout: the commitment the auditor holds.
        trainings: what the models are of, in the order of the statement, of shards the bundles. They are compared, not
            checked: `verify` and `verify_bundle` are for that, with the data set of each.
        links: of models that were committed afresh since.

    Raises:
        StatementMismatch: it is about another hold-out, or other models.
        InvalidProof: naming the check that failed.
        ParameterError: an argument of another type.
    """
    require_type("evaluation", evaluation, EVALUATIONS, "`evaluate` returns it")
    require_type("holdout", holdout, DatasetCommitment, "of what `commit` returns it is `.commitment`")
    given = list(trainings) if isinstance(trainings, Iterable) else []
    if not given:
        raise ParameterError("trainings: the proofs of the models that were evaluated are needed")
    for training in given:
        require_type("trainings", training, (TrainingProof, Bundle), "`prove` returns it as `.proof`, or `.bundle`")
    renewals = list(links)
    for link in renewals:
        require_type("links", link, ModelLinkProof, "`recommit_model` returns them")
    own = evaluation.statement
    if own.holdout != holdout.statement:
        raise StatementMismatch("the evaluation is on another hold-out")
    proofs_of = [each.proofs if isinstance(each, Bundle) else (each,) for each in given]
    named = [answering([proof.statement for proof in each]) for each in proofs_of]
    if [tuple(training for training, _ in each) for each in own.subjects] != named:
        raise StatementMismatch("the evaluation is of other models")
    if unlinked_models(own, renewals):
        raise StatementMismatch("a model was committed afresh, and the links do not lead there from its training")
    proofs: list[Proof[Any]] = [*renewals, holdout, evaluation]
    return reduce(and_, map(verify_proof, proofs)).least
