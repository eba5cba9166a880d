"""A statement with its proof, as an object and as a file; the same for every kind of statement.

Reading checks the form; verify.py checks the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

from ..circuits.statements.base import STATEMENTS, Statement, read_statement, statement_digest, written
from ..circuits.statements.dataset import DatasetStatement
from ..circuits.statements.distance import DistanceStatement
from ..circuits.statements.evaluation import EvaluationStatement
from ..circuits.statements.link import LinkStatement
from ..circuits.statements.model_link import ModelLinkStatement
from ..circuits.statements.prediction import PredictionStatement
from ..circuits.statements.registration import RegistrationStatement
from ..circuits.statements.sharded_evaluation import ShardedEvaluationStatement
from ..circuits.statements.training import TrainingStatement
from ..errors import FormatError, require_type
from ..formats.body import NO_ROWS, Body
from ..formats.container import decode, encode, front_of, read_front
from ..formats.fields import take
from ..formats.files import PUBLIC_MODE, replacing
from ..shown import Shown

REGISTRATION_FILE, LINK_FILE = "dataset.registration", "dataset.link"
MAX_FILE_BYTES = 1 << 28  # but for rows: far above any proof; a million forgotten rows of 2^28 reach it

S_co = TypeVar("S_co", bound=Statement, covariant=True)


@dataclass(frozen=True, repr=False)
class Proof(Shown, Generic[S_co]):
    """A statement with its proof.

    Attributes:
        statement: what is proved.
        proof: of the length that the statement implies.
        attached: what else the file carries, by the names of `statement.attachments`.
        body: the rows that it lists.
    """

    statement: S_co
    proof: bytes
    attached: Mapping[str, bytes] = field(default_factory=dict)
    body: Body = NO_ROWS

    of: ClassVar[type[Statement] | None] = None  # the kind of statement a subclass is about
    types: ClassVar[dict[str, type[Proof[Any]]]] = {}
    shows = "statement", "proof"

    def __init_subclass__(cls) -> None:
        """Files of this kind are read as this class."""
        super().__init_subclass__()
        if cls.of is not None:
            Proof.types[cls.of.kind] = cls

    @property
    def digest(self) -> bytes:
        """Names the statement."""
        return statement_digest(self.statement)

    def _payload(self) -> dict[str, object]:
        return {**written(self.statement), "attached": dict(self.attached), "proof": self.proof}

    def to_bytes(self) -> bytes:
        """The whole file."""
        return b"".join([encode(self.statement.kind, self._payload()), *self.body.pieces()])

    def save(self, path: Path | str) -> None:
        """Write the file, whole or not at all."""
        front = encode(self.statement.kind, self._payload())
        with replacing(path, PUBLIC_MODE) as file:
            for part in chain([front], self.body.pieces()):
                file.write(part)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """A proof of this class's kind; of any kind, if this is `Proof` itself.

        Raises:
            FormatError: it is none.
            ParameterError: what are no bytes.
        """
        require_type("data", data, bytes, "`load` reads a file")
        front = front_of(data)
        return cls._read(data[:front], partial(Body, source=memoryview(data)[front:] if front else b""))

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """The rows that the file lists stay in it, and are read when they are needed.

        Raises FormatError or DataError, naming the file.
        """
        front, rest = read_front(path, MAX_FILE_BYTES)
        try:
            return cls._read(front, partial(Body, source=Path(path).absolute(), at=len(front), size=rest))
        except FormatError as error:
            raise error.named(path) from error

    @classmethod
    def _read(cls, front: bytes, body: Callable[[range, int], Body]) -> Self:
        """From all that comes before the rows, and what makes these of their numbers and the size of each."""
        found, payload = decode(front, None if cls.of is None else cls.of.kind, MAX_FILE_BYTES)
        if found not in STATEMENTS:
            raise FormatError(f"this is a {found}, which is no statement with its proof", "kind")
        kind = STATEMENTS[found]
        fields = take(payload, {"statement": dict, "references": dict, "attached": dict, "proof": bytes}, found)
        attached = take(fields["attached"], dict.fromkeys(kind.attachments, bytes), f"attachments of {found}")
        statement = read_statement(kind, {name: fields[name] for name in ("statement", "references")})
        rows = body(statement.listed, kind.row_bytes) if kind.row_bytes else NO_ROWS
        return cast(Self, Proof.types.get(found, Proof)(statement, fields["proof"], attached, rows))


class DatasetCommitment(Proof[DatasetStatement]):
    """A committed data set with the proof that its integers are in range: the file dataset.commitment."""

    of = DatasetStatement


class TrainingProof(Proof[TrainingStatement]):
    """A training statement with its proof: a file *.proof."""

    of = TrainingStatement


class RegistrationProof(Proof[RegistrationStatement]):
    """A registration with its proof, digests and fingerprints being its rows: the file dataset.registration."""

    of = RegistrationStatement


class EvaluationProof(Proof[EvaluationStatement]):
    """The statement how many rows of a hold-out models predict right, with its proof: a file *.evaluation."""

    of = EvaluationStatement


class ShardedEvaluationProof(Proof[ShardedEvaluationStatement]):
    """The same of what models of shards answer together: a file *.evaluation."""

    of = ShardedEvaluationStatement


class DistanceProof(Proof[DistanceStatement]):
    """The statement how near its optimum a trained model is, with its proof: a file *.distance."""

    of = DistanceStatement


class PredictionProof(Proof[PredictionStatement]):
    """The statement what a model says of public inputs, with its proof: a file *.predictions."""

    of = PredictionStatement


class LinkProof(Proof[LinkStatement]):
    """The statement that a data set goes on with the rows of another, with its proof: the file dataset.link."""

    of = LinkStatement


class ModelLinkProof(Proof[ModelLinkStatement]):
    """The statement that two commitments hold the same model, with its proof: a file *.model.link."""

    of = ModelLinkStatement


EVALUATIONS = (EvaluationProof, ShardedEvaluationProof)
AnyLink = LinkProof | ModelLinkProof
LINK_PROOFS = (LinkProof, ModelLinkProof)
