"""What an auditor demands of a training proof beside its being valid: that it is about what was expected."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ..circuits.statements.dataset import DatasetStatement
from ..circuits.statements.link import LinkStatement
from ..circuits.statements.training import TrainingStatement
from ..errors import ParameterError, StatementMismatch
from ..models.spec import TrainingSpec
from .proofs import RecommitmentProof, TrainingProof

NAMES = ("spec", "forget list", "previous")


@dataclass(frozen=True, kw_only=True)
class Pins:
    """What the auditor names; what is None is not pinned.

    Attributes:
        spec: the algorithm that is expected.
        forget: the record digests of the forgotten rows, in any order; empty for none.
        previous: the proof that this one supersedes; its statement is compared, the proof itself is not checked.
        recommitment: proof that the data set of `previous` was committed afresh to the one given now.
        known_dataset: digest of a data set whose validity proof was checked before.
    """

    spec: TrainingSpec | None = None
    forget: Collection[bytes] | None = None
    previous: TrainingProof | None = None
    recommitment: RecommitmentProof | None = None
    known_dataset: bytes | None = None

    def check(self, statement: TrainingStatement, dataset: DatasetStatement) -> tuple[str, ...]:
        """The statement is about what is named. Raises StatementMismatch; returns what was pinned."""
        pinned = []
        if statement.dataset != dataset:
            raise StatementMismatch("the proof is about another data set")
        if self.spec is not None:
            if statement.spec != self.spec:
                differences = "; ".join(statement.spec.differences(self.spec))
                raise StatementMismatch(f"the proof declares another algorithm: {differences}")
            pinned.append("spec")
        if self.forget is not None:
            check_forgotten(statement, self.forget)
            pinned.append("forget list")
        if self.previous is not None:
            check_previous(statement, self.previous, self.recommitment)
            pinned.append("previous")
        return tuple(pinned)


def check_forgotten(statement: TrainingStatement, expected: Collection[bytes]) -> None:
    """Exactly these rows are forgotten. Raises StatementMismatch; ParameterError for what are no digests."""
    listed = isinstance(expected, Collection) and not isinstance(expected, (str, bytes, bytearray))
    for digest in expected if listed else ():
        if not isinstance(digest, bytes):
            raise ParameterError(f"forget: a record digest is bytes, found {type(digest).__name__}")
    if not listed:
        raise ParameterError(f"forget: a list of record digests is needed, found {type(expected).__name__}")
    stated = {record.digest for record in statement.forgotten}
    if stated != set(expected):
        missing, extra = len(set(expected) - stated), len(stated - set(expected))
        raise StatementMismatch(
            f"the proof has another forget list: {missing} of the expected rows are not in it, "
            f"{extra} of its rows were not expected"
        )


def check_previous(
    statement: TrainingStatement, previous: TrainingProof, recommitment: RecommitmentProof | None
) -> None:
    """Same data set, same algorithm, and nothing forgotten before is back. Raises StatementMismatch."""
    link = LinkStatement(previous.statement.dataset, statement.dataset)
    same = link.old == link.new or (recommitment is not None and recommitment.statement == link)
    if statement.previous != previous.digest:
        raise StatementMismatch("the proof does not supersede the given previous one")
    if not same:
        raise StatementMismatch("the previous proof is about another data set")
    if previous.statement.spec != statement.spec:
        raise StatementMismatch("the previous proof declares another algorithm")
    if not set(previous.statement.forgotten) <= set(statement.forgotten):
        raise StatementMismatch("a row that the previous proof forgot is not forgotten in this one")
