"""The owner's data set: committed, proved to be well formed, and stored.

| file | public? | holds |
|---|---|---|
| dataset.commitment | public | the statement and its validity proof |
| dataset.opening | secret, 0600 | integers, ids, blinds, record salts, random tails, leaf salts, openings spent |
| dataset.tree | secret, 0600 | the commitment's Merkle tree, to save time: prover/trees.py; may be deleted |
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..circuits.goldilocks import Vector, is_canonical
from ..circuits.statement import DatasetStatement, ForgottenRecord
from ..circuits.validity import BLINDS
from ..models.encoding import DatasetEncoding
from ..models.errors import BudgetExceeded, DataError, FormatError
from ..verifier.artefacts import DatasetCommitment
from ..verifier.container import VERSION, Bytes, Expected, Int, ListOf, read_container, take, write_container
from ..verifier.merkle import DIGEST_BYTES, SALT_BYTES
from ..verifier.soundness import require_security
from ..verifier.verify import DATASET, dataset_matrix, dataset_shape, new_transcript
from .commitment import Commitment, Secret, commit_columns, fresh_secret
from .locks import locked
from .multiplicities import multiplicities, signed_rows
from .protocol import Progress, Prover
from .rows import Rows, blind_rows
from .trees import load_tree, save_tree

COMMITMENT_FILE, OPENING_FILE = "dataset.commitment", "dataset.opening"
OPENING_KIND = "dataset.opening"
DEFAULT_OPENINGS = 32
MAX_OPENING_BYTES = 1 << 34


@dataclass(repr=False, eq=False)  # secrets stay out of logs
class Dataset:
    """A committed data set with its secrets.

    Attributes:
        commitment: the public part.
        rows: in the order of positions.
        secret: random tails and leaf salts of the commitment.
        spent: openings already used, the validity proof included.
        directory: where it is stored, if it is.
    """

    commitment: DatasetCommitment
    rows: Rows
    secret: Secret
    spent: int
    directory: Path | None = None

    @property
    def statement(self) -> DatasetStatement:
        """The public statement."""
        return self.commitment.statement

    @property
    def ids(self) -> tuple[str, ...]:
        """The owner's name of each row."""
        return self.rows.ids

    @property
    def columns(self) -> dict[str, Vector]:
        """Committed columns by name, F arrays."""
        return self.rows.columns(self.statement.encoding.x_bits)

    @cached_property
    def opening(self) -> Commitment:
        """The matrix with everything that opening it takes."""
        matrix = dataset_matrix(self.statement)
        opening = commit_columns(matrix.layout, matrix.code, self.columns, self.secret)
        if self.directory is not None:
            opening.stored = load_tree(self.directory, self.commitment.digest, matrix.code, self.statement.root)
        return opening

    def records(self, ids: Iterable[str]) -> tuple[ForgottenRecord, ...]:
        """The forget list of these rows. Raises DataError for an unknown or repeated id."""
        return tuple(self.rows.record(position) for position in self.rows.positions(ids))

    def spend(self) -> None:
        """Count one more opening, on disk before anything is opened. Raises BudgetExceeded."""
        if self.directory is None:
            self.spent = _next_spent(self.spent, self.statement.openings)
            return
        with locked(self.directory):
            stored = _stored_spent(self.directory, self.commitment)
            self.spent = _next_spent(max(stored, self.spent), self.statement.openings)
            self._write_opening(self.directory)

    def save(self, directory: Path | str) -> None:
        """Write all files, the public one last."""
        levels = self.opening.levels
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        with locked(self.directory):
            self.spent = max(self.spent, _stored_spent(self.directory, self.commitment))
            self._write_opening(self.directory)
            save_tree(self.directory, self.commitment.digest, levels)
            self.commitment.save(self.directory / COMMITMENT_FILE)

    @classmethod
    def load(cls, directory: Path | str) -> Dataset:
        """Read both files. Raises DataError or FormatError naming the file."""
        path = Path(directory)
        if not path.is_dir():
            raise DataError(f"{path}: there is no such data set directory")
        return _load_opening(path, DatasetCommitment.load(path / COMMITMENT_FILE))

    def _write_opening(self, directory: Path) -> None:
        payload = {
            "dataset": self.commitment.digest,
            "ids": list(self.rows.ids),
            "features": self.rows.features.astype("<i2").tobytes(),
            "labels": self.rows.labels.astype("<i4").tobytes(),
            "blinds": self.rows.blinds.astype("<u8").tobytes(),
            "record_salts": self.rows.salts,
            "tails": self.secret.tails.astype("<u8").tobytes(),
            "leaf_salts": self.secret.salts,
            "spent": self.spent,
        }
        write_container(directory / OPENING_FILE, OPENING_KIND, VERSION, payload, secret=True)


def commit_dataset(
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    ids: Sequence[str],
    encoding: DatasetEncoding,
    openings: int = DEFAULT_OPENINGS,
    progress: Progress | None = None,
) -> Dataset:
    """Encode, order, commit and prove a data set.

    Args:
        X: real features (N, d).
        y: labels (N,).
        ids: one distinct name a row.
        encoding: how reals become integers.
        openings: proofs that the commitment can serve; the validity proof counts.

    Raises:
        DataError: rows that the encoding refuses, or ids that are not distinct.
        ParameterError: a shape beyond 100 bits of soundness.
    """
    rows = blind_rows(tuple(ids), encoding.encode_features(X), encoding.encode_labels(y))
    return commit_rows(rows, encoding, openings, progress)


def commit_rows(rows: Rows, encoding: DatasetEncoding, openings: int, progress: Progress | None) -> Dataset:
    """Commit to rows with fresh tails and salts, and prove that they are well formed."""
    draft = DatasetStatement(len(rows.ids), encoding, openings, bytes(DIGEST_BYTES), rows.record_root, rows.order_seed)
    require_security(dataset_shape(draft))
    if progress is not None:
        progress("commit data set")
    matrix = dataset_matrix(draft)
    secret, columns = fresh_secret(matrix.code, matrix.layout.rows), rows.columns(encoding.x_bits)
    opening = commit_columns(matrix.layout, matrix.code, columns, secret)
    statement = replace(draft, root=opening.root)
    columns |= _multiplicities(statement, rows)
    prover = Prover(dataset_shape(statement), new_transcript(statement), {DATASET: opening}, columns, progress=progress)
    dataset = Dataset(DatasetCommitment(statement, prover.prove()), rows, secret, spent=1)
    dataset.opening = opening  # encoded already
    return dataset


def _multiplicities(statement: DatasetStatement, rows: Rows) -> dict[str, Vector]:
    """How often each 16-bit integer is looked up."""
    constant = np.full(statement.rows, 1 << statement.encoding.x_bits)
    features = np.concatenate([rows.features.T, constant[None]])
    signed = statement.encoding.label.kind == "real"
    labels = signed_rows(rows.labels) if signed else rows.labels.astype(np.uint16)
    looked_up = {"features": signed_rows(features), "labels": labels, "labels shifted": labels << np.uint16(15)}
    return multiplicities(statement.relation.sections, looked_up)


def _next_spent(spent: int, openings: int) -> int:
    if spent >= openings:
        raise BudgetExceeded(
            f"all {openings} openings of this data set commitment are spent: one more proof would reveal rows; "
            "`recommit` in time next time, with one opening left; now only a new commitment helps"
        )
    return spent + 1


def _stored_spent(directory: Path, commitment: DatasetCommitment) -> int:
    """The count on disk, which another process may have raised; 0 if no file of this commitment is there."""
    path = directory / OPENING_FILE
    if not path.exists():
        return 0
    payload = read_container(path, OPENING_KIND, MAX_OPENING_BYTES)[1]
    if payload.get("dataset") != commitment.digest:
        return 0
    return int(take(payload, _opening_fields(commitment.statement), str(path))["spent"])


def _load_opening(directory: Path, commitment: DatasetCommitment) -> Dataset:
    """The secret file, checked against the public one."""
    path = directory / OPENING_FILE
    statement = commitment.statement
    count, matrix = statement.rows, dataset_matrix(statement)
    payload = read_container(path, OPENING_KIND, MAX_OPENING_BYTES)[1]
    fields = take(payload, _opening_fields(statement), str(path))
    if fields["dataset"] != commitment.digest:
        raise FormatError(f"{path}: belongs to another data set than {COMMITMENT_FILE} beside it")
    rows = Rows(
        tuple(fields["ids"]),
        np.frombuffer(fields["features"], "<i2").astype(np.int64).reshape(count, statement.features),
        np.frombuffer(fields["labels"], "<i4").astype(np.int64),
        _field_elements(fields["blinds"], path).reshape(len(BLINDS), count),
        fields["record_salts"],
    )
    tails = _field_elements(fields["tails"], path).reshape(matrix.layout.rows, matrix.code.tail)
    return Dataset(commitment, rows, Secret(tails, fields["leaf_salts"]), fields["spent"], directory)


def _opening_fields(statement: DatasetStatement) -> dict[str, Expected]:
    count, matrix = statement.rows, dataset_matrix(statement)
    return {
        "dataset": Bytes(DIGEST_BYTES),
        "ids": ListOf(str, count, count),
        "features": Bytes(2 * count * statement.features),
        "labels": Bytes(4 * count),
        "blinds": Bytes(8 * len(BLINDS) * count),
        "record_salts": Bytes(SALT_BYTES * count),
        "tails": Bytes(8 * matrix.layout.rows * matrix.code.tail),
        "leaf_salts": Bytes(SALT_BYTES * matrix.code.length),
        "spent": Int(1, statement.openings),
    }


def _field_elements(data: bytes, path: Path) -> Vector:
    values = np.frombuffer(data, "<u8").astype(np.uint64)
    if not is_canonical(values):
        raise FormatError(f"{path}: holds a number that is not a field element")
    return values
