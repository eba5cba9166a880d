"""What a file is and says, without checking that it is true: the command `inspect`. Never a secret.

Of secret files only what their owner needs is told: which public artefact they belong to and what is left of the
opening budget.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..circuits.statements.training import DatasetStatement, TrainingStatement
from ..errors import FormatError, ParameterError
from ..formats.container import Bytes, Int, read_container, take
from ..formats.lists import read_digests
from ..models.spec import load_spec
from ..verifier.proofs import (
    DatasetCommitment,
    RecommitmentProof,
    TrainingProof,
    statement_digest,
    training_statement,
)
from ..verifier.protocol.merkle import DIGEST_BYTES
from ..verifier.protocol.proof import ProofShape
from ..verifier.protocol.soundness import soundness_terms
from ..verifier.verify import MAX_CELLS_BITS, dataset_shape, recommitment_shape, training_shape
from .output import (
    Lines,
    algorithm_sentence,
    dataset_data,
    dataset_lines,
    plural,
    size_text,
    statement_data,
    statement_lines,
)

SHOWN_COLUMNS = 40
MAX_SECRET_BYTES = 1 << 34  # as large as the owner's files may be
NOT_VERIFIED = "Read, not verified: `zkunlearn verify` checks that it is true."
SECRET = "SECRET: whoever has this file can read what the commitment hides."


@dataclass
class Inspection:
    """What to print of one file."""

    kind: str
    lines: Lines
    last: str = NOT_VERIFIED
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The first line."""
        return f"{self.kind[0].upper()}{self.kind[1:]}"


def inspect_file(path: Path) -> Inspection:
    """Look into any file this program writes or reads.

    Raises:
        DataError, FormatError, ParameterError: it is none, or malformed; names the file.
    """
    if path.suffix == ".toml":
        return _spec(path)
    if path.suffix == ".forgotten":
        return _forgotten(path)
    kind, payload = read_container(path, None, MAX_SECRET_BYTES)
    if kind not in _READERS:
        raise FormatError(f"{path}: a {kind} says nothing that could be shown")
    inspection = _READERS[kind](path, payload)
    size = path.stat().st_size
    inspection.lines.insert(0, ("file", f"{path}, {size_text(size)}"))
    inspection.data = {"kind": kind, "secret": inspection.last == SECRET, "bytes": size, **inspection.data}
    return inspection


def _spec(path: Path) -> Inspection:
    spec = load_spec(path)
    toml = [line for line in spec.to_toml().splitlines() if line]
    lines = [("file", str(path)), ("algorithm", algorithm_sentence(spec))]
    lines += [("complete" if index == 0 else "", line) for index, line in enumerate(toml)]
    data = {"kind": "spec", "spec": spec.to_mapping(), "algorithm": algorithm_sentence(spec)}
    return Inspection("training spec", lines, "Pin it with `zkunlearn verify --spec`.", data)


def _forgotten(path: Path) -> Inspection:
    digests = read_digests(path)
    lines = [("file", str(path)), ("records", plural(len(digests), "record digest"))]
    data = {"kind": "forget list", "records": len(digests)}
    return Inspection("forget list", lines, "Pin it with `zkunlearn verify --forget-file`.", data)


def _commitment(path: Path, payload: dict[str, Any]) -> Inspection:
    commitment = DatasetCommitment.load(path)
    statement = commitment.statement
    bits, security = _security(statement, lambda: dataset_shape(statement))
    lines = [
        *dataset_lines(statement),
        ("openings", f"hides {plural(statement.openings, 'proof')}, its own validity proof included"),
        ("proof", size_text(len(commitment.proof))),
        ("security", security),
        *_bounds(statement),
    ]
    columns = statement.encoding.to_mapping()["features"]
    data = {"dataset": dataset_data(statement), "proof_bytes": len(commitment.proof), "security_bits": bits}
    data["columns"] = columns
    return Inspection("data set commitment", lines, data=data)


def _bounds(statement: DatasetStatement) -> Lines:
    """The interval of each column, for an auditor to judge."""
    columns = statement.encoding.features
    texts = [f"{column.name} in [{column.low!r}, {column.high!r}]" for column in columns[:SHOWN_COLUMNS]]
    if len(columns) > SHOWN_COLUMNS:
        texts.append(f"and {len(columns) - SHOWN_COLUMNS} more, which --json shows")
    return [("" if index else "bounds", text) for index, text in enumerate(texts)]


def _proof(path: Path, payload: dict[str, Any]) -> Inspection:
    proof = TrainingProof.load(path)
    bits, security = _security(proof.statement.dataset, lambda: training_shape(proof.statement))
    lines = [*statement_lines(proof.statement), ("proof", size_text(len(proof.proof))), ("security", security)]
    data = {**statement_data(proof.statement), "proof_bytes": len(proof.proof), "security_bits": bits}
    return Inspection(_training_title(proof.statement), lines, data=data)


def _training_title(statement: TrainingStatement) -> str:
    return "unlearning proof" if statement.forgotten else "training proof"


def _dataset_opening(path: Path, payload: dict[str, Any]) -> Inspection:
    found = {name: payload.get(name) for name in ("dataset", "spent")}
    fields = take(found, {"dataset": Bytes(DIGEST_BYTES), "spent": Int()}, str(path))
    digest = fields["dataset"].hex()
    lines = [("data set", digest), ("openings", f"{fields['spent']} used")]
    return Inspection("data set opening", lines, SECRET, {"dataset": digest, "openings_used": fields["spent"]})


def _model_opening(path: Path, payload: dict[str, Any]) -> Inspection:
    try:
        statement = training_statement(payload.get("statement"))
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error
    return Inspection("model opening", statement_lines(statement), SECRET, statement_data(statement))


def _recommitment(path: Path, payload: dict[str, Any]) -> Inspection:
    link = RecommitmentProof.load(path)
    old, new = statement_digest(link.statement.old).hex(), statement_digest(link.statement.new).hex()
    bits, security = _security(link.statement.new, lambda: recommitment_shape(link.statement))
    proof = size_text(len(link.proof))
    lines = [("old data set", old), ("new data set", new), ("proof", proof), ("security", security)]
    return Inspection("recommitment", lines, data={"old": old, "new": new, "security_bits": bits})


def _security(dataset: DatasetStatement, shape: Callable[[], ProofShape]) -> tuple[float | None, str]:
    """Proven bits, and in words; None for a statement that cannot be proved."""
    if dataset.rows * dataset.features > 1 << MAX_CELLS_BITS:
        return None, "none: the data set has more cells than one proof can carry"
    try:
        weakest = min(soundness_terms(shape()), key=lambda term: term.bits)
    except ParameterError as error:
        return None, f"none: {error}"
    return weakest.bits, f"{weakest.bits:.1f} bits proven (weakest: {weakest.label})"


_READERS: dict[str, Callable[[Path, dict[str, Any]], Inspection]] = {
    "dataset.commitment": _commitment,
    "dataset.opening": _dataset_opening,
    "proof": _proof,
    "recommitment": _recommitment,
    "model.opening": _model_opening,
}
