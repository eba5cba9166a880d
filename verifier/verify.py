"""Verification: from artefacts and what the auditor pins to a report, or to the check that failed.

`verify_proof` checks any statement, `verify_training` besides that it is about what the auditor means. Checks run in
the order of the code below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..circuits.statements.base import statement_digest
from ..circuits.statements.training import TrainingStatement
from ..errors import InvalidProof, ParameterError
from .pins import Pins
from .proofs import DatasetCommitment, Proof, RecommitmentProof, TrainingProof
from .protocol.proof import verify_protocol
from .protocol.soundness import require_security
from .shapes import new_transcript, shape_of


@dataclass(frozen=True)
class VerificationReport:
    """What was verified.

    Attributes:
        statement: what the proof says.
        security_bits: proven soundness, the least over all rounds.
        pinned: what the auditor named and the statement matched ("spec", "forget list", "previous").
        dataset_checked: whether the data set's validity proof was checked now, not named as known.
    """

    statement: TrainingStatement
    security_bits: float
    pinned: tuple[str, ...]
    dataset_checked: bool

    @property
    def dataset_digest(self) -> str:
        """Names the data set, in hexadecimal."""
        return statement_digest(self.statement.dataset).hex()

    @property
    def statement_digest(self) -> str:
        """Names the statement, in hexadecimal."""
        return statement_digest(self.statement).hex()

    @property
    def model_digest(self) -> str:
        """Root of the model commitment, in hexadecimal."""
        return self.statement.model.root.hex()


def verify_proof(proof: Proof[Any]) -> float:
    """Check one statement of any kind. What it refers to has proofs of its own.

    Returns:
        Proven soundness in bits.

    Raises:
        InvalidProof: naming the check that failed.
    """
    statement = proof.statement
    statement.require_consistent(proof.attached)
    try:
        shape = shape_of(statement)
    except ParameterError as error:
        raise InvalidProof("statement", str(error)) from error
    try:
        bits = require_security(shape)
    except ParameterError as error:
        raise InvalidProof("soundness", str(error)) from error
    roots = {name: matrix.root for name, matrix in statement.matrices.items()}
    verify_protocol(shape, new_transcript(statement), roots, proof.proof)
    return bits


def verify_dataset(commitment: DatasetCommitment) -> float:
    """Check a data set's validity proof; its proven soundness in bits. Raises InvalidProof."""
    return verify_proof(commitment)


def verify_recommitment(recommitment: RecommitmentProof) -> float:
    """Check that two commitments hold the same rows; the proven soundness in bits. Raises InvalidProof."""
    return verify_proof(recommitment)


def verify_training(proof: TrainingProof, dataset: DatasetCommitment, pins: Pins | None = None) -> VerificationReport:
    """Check a training or unlearning proof against a data set and whatever else the auditor pins.

    Args:
        proof: the statement and its proof.
        dataset: the commitment the auditor holds.
        pins: what else is expected.

    Raises:
        StatementMismatch: the statement is not what was pinned.
        InvalidProof: naming the check that failed.
    """
    pins = pins or Pins()
    pinned = pins.check(proof.statement, dataset.statement)
    proofs: list[Proof[Any]] = [] if pins.recommitment is None else [pins.recommitment]
    known = pins.known_dataset is not None and pins.known_dataset == dataset.digest
    if not known:
        proofs.append(dataset)
    bits = min(verify_proof(each) for each in (*proofs, proof))
    return VerificationReport(proof.statement, bits, pinned, not known)
