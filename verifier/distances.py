"""Distances: that a model is as near the optimum of its objective as is said, of the training that is meant."""

from __future__ import annotations

from functools import reduce
from operator import and_
from typing import Any

from ..errors import StatementMismatch, require_type
from .proofs import DatasetCommitment, DistanceProof, Proof, TrainingProof
from .verify import verify_proof


def verify_distance(distance: DistanceProof, dataset: DatasetCommitment, training: TrainingProof) -> float:
    """Check how near the optimum of its objective a model is, and the validity proof of its data set; bits.

    What was shown says `distance.statement`: `.excess`, `.real_distance`, `.real_slope`.

    Args:
        dataset: the commitment the auditor holds.
        training: what the model is of. It is compared, not checked: `verify` is for that.

    Raises:
        StatementMismatch: it is about another training, or another data set.
        InvalidProof: naming the check that failed.
        ParameterError: an argument of another type.
    """
    require_type("distance", distance, DistanceProof, "`prove_distance` returns it")
    require_type("dataset", dataset, DatasetCommitment, "of what `commit` returns it is `.commitment`")
    require_type("training", training, TrainingProof, "of what `prove` returns it is `.proof`")
    if distance.statement.training != training.statement:
        raise StatementMismatch("the distance is of the model of another training")
    if training.statement.dataset != dataset.statement:
        raise StatementMismatch("the training is on another data set")
    proofs: list[Proof[Any]] = [dataset, distance]
    return reduce(and_, map(verify_proof, proofs)).least
