"""The public artefacts: a data set's commitment and a training proof, as objects and as files.

Reading checks the form; verify.py checks the truth.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar

from ..circuits.statements.training import DatasetStatement, ForgottenRecord, RecommitmentStatement, TrainingStatement
from ..errors import FormatError
from ..formats.container import (
    VERSION,
    Bytes,
    Expected,
    Int,
    ListOf,
    canonical_map,
    decode,
    encode,
    take,
    write_container,
)
from ..formats.files import read_file
from ..models.encoding.dataset import DatasetEncoding
from ..models.shapes import MAX_ROWS
from ..models.spec import TrainingSpec
from .protocol.merkle import DIGEST_BYTES

MAX_FILE_BYTES = 1 << 28  # far above any proof; some 370,000 forgotten rows in one statement reach it
MAX_OPENINGS = 1 << 12
DATASET_KIND, PROOF_KIND, RECOMMITMENT_KIND = "dataset.commitment", "proof", "recommitment"

Artefact = TypeVar("Artefact")
Statement = DatasetStatement | TrainingStatement | RecommitmentStatement

_DATASET_FIELDS: dict[str, Expected] = {
    "rows": Int(1, MAX_ROWS),
    "encoding": dict,
    "openings": Int(1, MAX_OPENINGS),
    "root": Bytes(DIGEST_BYTES),
    "record_root": Bytes(DIGEST_BYTES),
    "order_seed": Bytes(DIGEST_BYTES),
}
_FORGOTTEN_FIELDS: dict[str, Expected] = {"position": Int(0, MAX_ROWS), "digest": Bytes(DIGEST_BYTES), "path": bytes}
_TRAINING_FIELDS: dict[str, Expected | tuple[Expected, ...]] = {
    "dataset": dict,
    "spec": dict,
    "forgotten": ListOf(dict, 0, MAX_ROWS),
    "model_root": Bytes(DIGEST_BYTES),
    "previous": (Bytes(DIGEST_BYTES), NoneType),
}


def dataset_statement(mapping: object) -> DatasetStatement:
    """A data set's statement from its canonical content. Raises FormatError."""
    fields = take(mapping, _DATASET_FIELDS, "data set")
    fields["encoding"] = DatasetEncoding.from_mapping(fields["encoding"])
    return DatasetStatement(**fields)


def training_statement(mapping: object) -> TrainingStatement:
    """A training statement from its canonical content. Raises FormatError."""
    fields = take(mapping, _TRAINING_FIELDS, "statement")
    records = [take(record, _FORGOTTEN_FIELDS, "forgotten record") for record in fields["forgotten"]]
    return TrainingStatement(
        dataset=dataset_statement(fields["dataset"]),
        spec=TrainingSpec.from_mapping(fields["spec"]),
        forgotten=tuple(ForgottenRecord(**record) for record in records),
        model_root=fields["model_root"],
        previous=fields["previous"],
    )


def recommitment_statement(mapping: object) -> RecommitmentStatement:
    """A recommitment's statement from its canonical content. Raises FormatError."""
    fields = take(mapping, {"old": dict, "new": dict}, "recommitment")
    return RecommitmentStatement(dataset_statement(fields["old"]), dataset_statement(fields["new"]))


def instance(statement: Statement) -> bytes:
    """The canonical encoding of a whole statement, what the transcript begins with."""
    return canonical_map({"kind": type(statement).__name__, "statement": statement.to_mapping()})


def statement_digest(statement: Statement) -> bytes:
    """SHA-256 of the instance: the name of a data set or of a proof's statement."""
    return hashlib.sha256(instance(statement)).digest()


@dataclass(frozen=True)
class DatasetCommitment:
    """A committed data set with the proof that its integers are in range."""

    statement: DatasetStatement
    proof: bytes = field(repr=False)

    @property
    def digest(self) -> bytes:
        """Names the data set."""
        return statement_digest(self.statement)

    def to_bytes(self) -> bytes:
        """The file `dataset.commitment`."""
        return encode(DATASET_KIND, _payload(self.statement, self.proof))

    def save(self, path: Path | str) -> None:
        """Write the file, whole or not at all."""
        write_container(path, DATASET_KIND, VERSION, _payload(self.statement, self.proof))

    @classmethod
    def from_bytes(cls, data: bytes) -> DatasetCommitment:
        """Raises FormatError."""
        payload = _read(data, DATASET_KIND)
        return cls(dataset_statement(payload["statement"]), payload["proof"])

    @classmethod
    def load(cls, path: Path | str) -> DatasetCommitment:
        """Raises FormatError or DataError, naming the file."""
        return _named(path, cls.from_bytes)


@dataclass(frozen=True)
class TrainingProof:
    """A training statement with its proof."""

    statement: TrainingStatement
    proof: bytes = field(repr=False)

    @property
    def digest(self) -> bytes:
        """Names the statement; what a superseding statement refers to."""
        return statement_digest(self.statement)

    def to_bytes(self) -> bytes:
        """The file `*.proof`."""
        return encode(PROOF_KIND, _payload(self.statement, self.proof))

    def save(self, path: Path | str) -> None:
        """Write the file, whole or not at all."""
        write_container(path, PROOF_KIND, VERSION, _payload(self.statement, self.proof))

    @classmethod
    def from_bytes(cls, data: bytes) -> TrainingProof:
        """Raises FormatError."""
        payload = _read(data, PROOF_KIND)
        return cls(training_statement(payload["statement"]), payload["proof"])

    @classmethod
    def load(cls, path: Path | str) -> TrainingProof:
        """Raises FormatError or DataError, naming the file."""
        return _named(path, cls.from_bytes)


@dataclass(frozen=True)
class RecommitmentProof:
    """The statement that two commitments hold the same rows, with its proof."""

    statement: RecommitmentStatement
    proof: bytes = field(repr=False)

    def to_bytes(self) -> bytes:
        """The file `dataset.recommitment`."""
        return encode(RECOMMITMENT_KIND, _payload(self.statement, self.proof))

    def save(self, path: Path | str) -> None:
        """Write the file, whole or not at all."""
        write_container(path, RECOMMITMENT_KIND, VERSION, _payload(self.statement, self.proof))

    @classmethod
    def from_bytes(cls, data: bytes) -> RecommitmentProof:
        """Raises FormatError."""
        payload = _read(data, RECOMMITMENT_KIND)
        return cls(recommitment_statement(payload["statement"]), payload["proof"])

    @classmethod
    def load(cls, path: Path | str) -> RecommitmentProof:
        """Raises FormatError or DataError, naming the file."""
        return _named(path, cls.from_bytes)


def _payload(statement: Statement, proof: bytes) -> Mapping[str, object]:
    return {"statement": statement.to_mapping(), "proof": proof}


def _read(data: bytes, kind: str) -> dict[str, Any]:
    return take(decode(data, kind, MAX_FILE_BYTES)[1], {"statement": dict, "proof": bytes}, kind)


def _named(path: Path | str, parse: Callable[[bytes], Artefact]) -> Artefact:
    data = read_file(path, MAX_FILE_BYTES)
    try:
        return parse(data)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error
