"""The owner's data set: encoded, ordered, committed, and proved to be well formed.

Positions are sorted by record digest, so that the owner does not choose which rows share a mini-batch.

| file | public? | holds |
|---|---|---|
| dataset.commitment | public | the statement and its validity proof |
| dataset.opening | secret, 0600 | integers, ids, blinds, record salts, random tails, leaf salts, openings spent |
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..circuits.goldilocks import Vector, is_canonical, to_field
from ..circuits.relation import LIMB
from ..circuits.statement import DatasetStatement, ForgottenRecord
from ..circuits.validity import BLINDS, FEATURES, LABELS
from ..models.encoding import DatasetEncoding
from ..models.errors import BudgetExceeded, DataError, FormatError
from ..verifier.artefacts import DatasetCommitment
from ..verifier.container import VERSION, Bytes, Int, ListOf, read_container, take, write_container
from ..verifier.merkle import DIGEST_BYTES, SALT_BYTES, leaf_hash
from ..verifier.soundness import require_security
from ..verifier.verify import DATASET, dataset_matrix, dataset_shape, new_transcript
from .commitment import Commitment, Secret, commit, matrix_values
from .entropy import random_bytes, random_field
from .locks import locked
from .merkle import build_levels, record_path
from .protocol import Progress, Prover

COMMITMENT_FILE, OPENING_FILE = "dataset.commitment", "dataset.opening"
OPENING_KIND = "dataset.opening"
RECORD_TAG = b"zkunlearn record 1"
DEFAULT_OPENINGS = 32
MAX_OPENING_BYTES = 1 << 34


@dataclass(repr=False, eq=False)  # secrets stay out of logs
class Dataset:
    """A committed data set with its secrets. Rows are in the order of positions.

    Attributes:
        commitment: the public part.
        ids: the owner's name of each row.
        features: int64 (N, d), scale x_bits.
        labels: int64 (N,).
        record_salts: 32 bytes a row.
        spent: openings already used, the validity proof included.
        directory: where it is stored, if it is.
    """

    commitment: DatasetCommitment
    ids: tuple[str, ...]
    features: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    blinds: Vector
    record_salts: bytes
    secret: Secret
    spent: int
    directory: Path | None = None

    @property
    def statement(self) -> DatasetStatement:
        """The public statement."""
        return self.commitment.statement

    @property
    def opening(self) -> Commitment:
        """The matrix with everything that opening it takes."""
        return Commitment(dataset_matrix(self.statement).code, self.secret)

    @property
    def columns(self) -> dict[str, Vector]:
        """Committed columns by name, F arrays."""
        return dataset_values(self.features, self.labels, self.blinds)

    def positions(self, ids: Iterable[str]) -> tuple[int, ...]:
        """Sorted positions of rows. Raises DataError for an unknown or repeated id."""
        known = {name: position for position, name in enumerate(self.ids)}
        positions: set[int] = set()
        for name in ids:
            if name not in known:
                raise DataError(f"id {name!r} is not in the data set")
            if known[name] in positions:
                raise DataError(f"id {name!r} is named twice")
            positions.add(known[name])
        return tuple(sorted(positions))

    def records(self, positions: Sequence[int]) -> tuple[ForgottenRecord, ...]:
        """The public entries of a forget list."""
        levels = build_levels(record_digests(self.features, self.labels, self.blinds, self.record_salts))
        return tuple(
            ForgottenRecord(
                position,
                levels[0][DIGEST_BYTES * position : DIGEST_BYTES * (position + 1)],
                record_path(levels, position),
            )
            for position in positions
        )

    def spend(self) -> None:
        """Count one more opening, on disk before anything is opened. Raises BudgetExceeded."""
        if self.directory is None:
            self.spent = _next_spent(self.spent, self.statement.openings)
            return
        with locked(self.directory):
            stored = _load_opening(self.directory, self.commitment)
            self.spent = _next_spent(max(stored.spent, self.spent), self.statement.openings)
            self._write_opening(self.directory)

    def save(self, directory: Path | str) -> None:
        """Write both files, the secret one first."""
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        with locked(self.directory):
            self._write_opening(self.directory)
            self.commitment.save(self.directory / COMMITMENT_FILE)

    @classmethod
    def load(cls, directory: Path | str) -> Dataset:
        """Read both files. Raises DataError or FormatError naming the file."""
        path = Path(directory)
        if not path.is_dir():
            raise DataError(f"{path}: there is no such data set directory")
        return _load_opening(path, DatasetCommitment.load(path / COMMITMENT_FILE))

    def _write_opening(self, directory: Path) -> None:
        rows = self.secret.rows
        payload = {
            "dataset": self.commitment.digest,
            "ids": list(self.ids),
            "features": self.features.astype("<i2").tobytes(),
            "labels": self.labels.astype("<i4").tobytes(),
            "blinds": self.blinds.astype("<u8").tobytes(),
            "record_salts": self.record_salts,
            "tails": rows[:, -self.opening.code.tail :].astype("<u8").tobytes(),
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
        openings: proofs that the commitment can serve; this one counts.

    Raises:
        DataError: rows that the encoding refuses, or ids that are not distinct.
        ParameterError: a shape beyond 100 bits of soundness.
    """
    features, labels = encoding.encode_features(X), encoding.encode_labels(y)
    rows = len(features)
    if len(ids) != rows or len(set(ids)) != rows:
        raise DataError(f"{rows} rows need as many distinct ids")
    blinds, salts = random_field(len(BLINDS), rows), random_bytes(SALT_BYTES * rows)
    digests = record_digests(features, labels, blinds, salts)
    order = np.array(sorted(range(rows), key=lambda i: digests[DIGEST_BYTES * i : DIGEST_BYTES * (i + 1)]))
    features, labels, blinds = features[order], labels[order], np.ascontiguousarray(blinds[:, order])
    salts = b"".join(salts[SALT_BYTES * i : SALT_BYTES * (i + 1)] for i in order)
    levels = build_levels(record_digests(features, labels, blinds, salts))

    placeholder = DatasetStatement(rows, encoding, openings, bytes(DIGEST_BYTES), levels[-1])
    matrix, columns = dataset_matrix(placeholder), dataset_values(features, labels, blinds)
    require_security(dataset_shape(placeholder))
    if progress is not None:
        progress("commit data set")
    opening = commit(matrix.code, matrix_values(matrix.layout, columns))
    statement = DatasetStatement(rows, encoding, openings, opening.root, levels[-1])
    columns |= _multiplicities(statement, features, labels)
    prover = Prover(dataset_shape(statement), new_transcript(statement), {DATASET: opening}, columns, progress=progress)
    commitment = DatasetCommitment(statement, prover.prove())
    ordered = tuple(ids[i] for i in order)
    return Dataset(commitment, ordered, features, labels, blinds, salts, opening.secret, spent=1)


def dataset_values(features: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], blinds: Vector) -> dict[str, Vector]:
    """The committed columns, F arrays."""
    return {
        FEATURES: np.ascontiguousarray(to_field(features).T),
        LABELS: to_field(labels),
        **dict(zip(BLINDS, blinds, strict=True)),
    }


def record_digests(
    features: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], blinds: Vector, salts: bytes
) -> bytes:
    """Packed SHA-256(0x00, salt, tag, integers, blinds) of every row: leaves of the record tree."""
    data = np.concatenate(
        [
            features.astype("<i2").view(np.uint8).reshape(len(features), -1),
            labels.astype("<i4").view(np.uint8).reshape(len(labels), -1),
            np.ascontiguousarray(blinds.T).astype("<u8").view(np.uint8).reshape(len(labels), -1),
        ],
        axis=1,
    )
    return b"".join(
        leaf_hash(salts[SALT_BYTES * i : SALT_BYTES * (i + 1)], RECORD_TAG + data[i].tobytes())
        for i in range(len(data))
    )


def _multiplicities(
    statement: DatasetStatement, features: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]
) -> dict[str, Vector]:
    """How often each 16-bit integer is looked up."""
    relation, integers = statement.relation, {FEATURES: features, LABELS: labels}
    counts = np.zeros(LIMB, dtype=np.int64)
    for lookup in relation.lookups:
        (entry,) = lookup.entries
        ((coefficient, name),) = entry.terms
        counts += np.bincount((coefficient * integers[name] + entry.constant).reshape(-1), minlength=LIMB)
    return {relation.tables[0].multiplicity: counts.astype(np.uint64)}


def _next_spent(spent: int, openings: int) -> int:
    if spent >= openings:
        raise BudgetExceeded(
            f"all {openings} openings of this data set commitment are spent: one more proof would reveal rows; "
            "commit the data set again, with more openings"
        )
    return spent + 1


def _load_opening(directory: Path, commitment: DatasetCommitment) -> Dataset:
    """The secret file, checked against the public one."""
    path = directory / OPENING_FILE
    statement = commitment.statement
    rows, code = statement.rows, dataset_matrix(statement).code
    payload = read_container(path, OPENING_KIND, MAX_OPENING_BYTES)[1]
    fields = take(payload, _opening_fields(statement, code.tail, code.length), str(path))
    if fields["dataset"] != commitment.digest:
        raise FormatError(f"{path}: belongs to another data set than {COMMITMENT_FILE} beside it")
    features = np.frombuffer(fields["features"], "<i2").astype(np.int64).reshape(rows, statement.features)
    labels = np.frombuffer(fields["labels"], "<i4").astype(np.int64)
    blinds = _field_elements(fields["blinds"], path).reshape(len(BLINDS), rows)
    columns = dataset_values(features, labels, blinds)
    values = matrix_values(dataset_matrix(statement).layout, columns)
    tails = _field_elements(fields["tails"], path).reshape(len(values), code.tail)
    secret = Secret(np.concatenate([values, tails], axis=1), fields["leaf_salts"])
    ids = tuple(fields["ids"])
    return Dataset(
        commitment, ids, features, labels, blinds, fields["record_salts"], secret, fields["spent"], directory
    )


def _opening_fields(statement: DatasetStatement, tail: int, length: int) -> dict[str, Any]:
    rows, matrix_rows = statement.rows, dataset_matrix(statement).layout.rows
    return {
        "dataset": Bytes(DIGEST_BYTES),
        "ids": ListOf(str, rows, rows),
        "features": Bytes(2 * rows * statement.features),
        "labels": Bytes(4 * rows),
        "blinds": Bytes(8 * len(BLINDS) * rows),
        "record_salts": Bytes(SALT_BYTES * rows),
        "tails": Bytes(8 * matrix_rows * tail),
        "leaf_salts": Bytes(SALT_BYTES * length),
        "spent": Int(1, statement.openings),
    }


def _field_elements(data: bytes, path: Path) -> Vector:
    values = np.frombuffer(data, "<u8").astype(np.uint64)
    if not is_canonical(values):
        raise FormatError(f"{path}: holds a number that is not a field element")
    return values
