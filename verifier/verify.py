"""Verification: from artefacts and what the auditor pins to a report, or to the check that failed.

`verify_proof` checks any statement, `verify_training` besides that it is about what the auditor means. Checks run in
the order of the code below.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, reduce
from math import log2
from operator import and_
from typing import Any

from ..circuits.statements.base import Statement, statement_digest
from ..circuits.statements.training import TrainingStatement
from ..errors import InvalidProof, ParameterError, require_type
from ..models.methods.newton_inverse import StepError
from ..shown import Shown
from .noise import Indistinguishability, indistinguishability
from .pins import LINKS, Pins
from .proofs import LINK_PROOFS, AnyLink, DatasetCommitment, Proof, TrainingProof
from .protocol.proof import verify_protocol
from .protocol.soundness import FIELD_BITS, Soundness
from .shapes import new_transcript, shape_of
from .steps import step_error

FEW_ROWS = 256  # of a segment that was added


@dataclass(frozen=True, repr=False)
class VerificationReport(Shown):
    """What was verified.

    Attributes:
        statement: what the proof says.
        security_bits: proven soundness, the least over all rounds of all proofs that were checked.
        total_bits: the same of the sum of the errors of all these rounds.
        pinned: what the auditor named and the statement matched ("spec", "forget list", "previous", "noise", "nonce").
        dataset_checked: whether the data set's validity proof was checked now, not named as known.
        changes: what the algorithm changed since the superseded statement, in words.
        previous_checked: whether the proof of the superseded statement was checked too, by whoever asked.
        bundled: whether it is the last statement of a bundle, all of which was looked at.
    """

    statement: TrainingStatement
    security_bits: float
    pinned: tuple[str, ...]
    dataset_checked: bool
    changes: tuple[str, ...] = ()
    previous_checked: bool = False
    total_bits: float = 0.0
    bundled: bool = False

    shows = "security_bits", "statement", "pinned", "dataset_checked"

    @property
    def not_followed(self) -> tuple[str, ...]:
        """Everything that the statement refers to, or depends on, and that was not checked; in words."""
        return tuple(_not_followed(self))

    @cached_property
    def indistinguishability(self) -> Indistinguishability | None:
        """Of a model with noise, how hard it is to tell from one that never saw the forgotten rows."""
        return indistinguishability(self.statement)

    @property
    def step_error(self) -> StepError | None:
        """Of Newton's steps by a matrix that is proved to be an inverse, how near those by the exact one are."""
        return step_error(self.statement)

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


def _not_followed(report: VerificationReport) -> Iterator[str]:
    statement = report.statement
    if statement.scope and not report.bundled:
        yield "it is about some shards only: what the models of all of them are, a bundle says"
    for start in statement.start if not report.bundled else ():
        if start.scale is None:
            yield f"some models begin from those of {start.statement.hex()}: not checked, see its bundle"
        elif "previous" not in report.pinned:
            yield f"its steps begin from the model of {start.statement.hex()}, as it says: not checked"
    if "spec" not in report.pinned:
        yield "the algorithm was not pinned: it is what the owner declared"
    if "forget list" not in report.pinned:
        yield "the forget list was not pinned: it is what the owner declared"
    if statement.previous is None:
        yield (
            "it supersedes nothing: rows that other statements about this data set forgot may be back, which only a "
            "log or a folder of all statements shows"
        )
    elif "previous" not in report.pinned:
        yield (
            f"it supersedes {statement.previous.hex()}: not checked, because that statement, or the link from its "
            "data set to this one, was not given"
        )
    elif not report.previous_checked:
        yield "the superseded statement was compared; its proof was not checked"
    if statement.noise is not None:
        if "noise" in report.pinned:
            yield "that the commitment to the noise came before the nonce is what your own date, or a log, says"
        else:
            yield "precedence not checked: that noise was committed to before its nonce a log shows, or your own date"
        if "nonce" not in report.pinned:
            yield "the nonce was not pinned: whoever chose it after the commitment was made chose the noise"
    if not report.dataset_checked:
        yield "the validity proof of the data set was not checked: it was named as known"
    size = _shortest_segment(statement)
    if size < FEW_ROWS:
        yield (
            f"which rows share a batch or a shard hangs on a segment of only {size} row{'s' if size > 1 else ''}, "
            "without a nonce: its owner could have tried many orders"
        )
    if not statement.dataset.encoding.bounds_declared:
        yield "the bounds of columns were not declared: they were taken from the data, forgotten rows included"


def _shortest_segment(statement: TrainingStatement) -> int:
    """Rows of the smallest segment whose order is its owner's alone; FEW_ROWS where there is none, or no order counts.

    The order of a segment is that of hashes over all of it, so choosing k bits of where rows are takes 2^k tries. Of
    many rows that says nothing about most of them; of few it can say all.
    """
    dataset = statement.dataset
    if len(dataset.segments) == 1 or not statement.spec.method.uses_order:
        return FEW_ROWS
    pairs = zip(dataset.segments, dataset.spans, strict=True)
    return min((stop - start for segment, (start, stop) in pairs if segment.nonce is None), default=FEW_ROWS)


def verify_proof(proof: Proof[Any]) -> Soundness:
    """Check one statement of any kind. What it refers to has proofs of its own.

    Returns:
        Proven soundness.

    Raises:
        InvalidProof: naming the check that failed.
    """
    statement = proof.statement.with_body(proof.body)
    statement.require_consistent(proof.attached)
    try:
        shape = shape_of(statement)
    except ParameterError as error:
        raise InvalidProof("statement", str(error)) from error
    try:
        soundness = Soundness.of(shape)
    except ParameterError as error:
        raise InvalidProof("soundness", str(error)) from error
    roots = {name: matrix.root for name, matrix in statement.matrices.items()}
    verify_protocol(shape, new_transcript(statement), roots, proof.proof)
    outside = outside_bits(statement)
    return soundness if outside is None else soundness & Soundness(outside, outside)


def outside_bits(statement: Statement) -> float | None:
    """Soundness of what is no round of a statement's proof, such as fingerprints; None if there is nothing."""
    return FIELD_BITS - log2(statement.outside_error) if statement.outside_error else None


def verify_dataset(commitment: DatasetCommitment) -> float:
    """Check a data set's validity proof; its proven soundness in bits.

    Raises:
        InvalidProof: naming the check that failed.
        ParameterError: an argument of another type: the proof of another statement says nothing of a data set.
    """
    require_type("commitment", commitment, DatasetCommitment, "of what `commit` returns it is `.commitment`")
    return verify_proof(commitment).least


def verify_link(link: AnyLink) -> float:
    """Check that a data set goes on with another one's rows, or that two commitments hold the same model; bits.

    Raises:
        InvalidProof: naming the check that failed.
        ParameterError: an argument of another type.
    """
    require_type("link", link, LINK_PROOFS, f"{LINKS}, `recommit_model` too")
    return verify_proof(link).least


def verify_training(proof: TrainingProof, dataset: DatasetCommitment, pins: Pins | None = None) -> VerificationReport:
    """Check a training or unlearning proof against a data set and whatever else the auditor pins.

    Args:
        proof: the statement and its proof.
        dataset: the commitment the auditor holds.
        pins: what else is expected.

    Raises:
        StatementMismatch: the statement is not what was pinned.
        InvalidProof: naming the check that failed.
        ParameterError: an argument of another type, or that is not used.
    """
    require_type("proof", proof, TrainingProof, "of what `prove` returns it is `.proof`")
    require_type("dataset", dataset, DatasetCommitment, "of what `commit` returns it is `.commitment`")
    pins = pins or Pins()
    pinned, changes = pins.check(proof.statement, dataset.statement)
    proofs: list[Proof[Any]] = [*pins.links]
    known = pins.known_dataset is not None
    if not known:
        proofs.append(dataset)
    found = reduce(and_, (verify_proof(each) for each in (*proofs, proof)))
    return VerificationReport(proof.statement, found.least, pinned, not known, changes, total_bits=found.total)
