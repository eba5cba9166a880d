"""The owner's data set: committed, proved to be well formed, and stored.

| file | public? | holds |
|---|---|---|
| dataset.commitment | public | the statement and its validity proof |
| dataset.opening | secret, 0600 | which data set this is, and how many openings are spent |
| dataset.secrets/ | secret, 0700 | integers, ids, blinds, record salts, random tails, leaf salts: secret_arrays.py |
| dataset.tree | secret, 0600 | the commitment's Merkle tree, to save time: tree_cache.py; may be deleted |
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import is_canonical
from ...circuits.language.layout import Address
from ...circuits.relations.validity import BLINDS
from ...circuits.statements.dataset import DATASET, MAX_OPENINGS, DatasetStatement, Segment
from ...circuits.statements.records import ForgottenRecord
from ...errors import BudgetExceeded, DataError, FormatError
from ...formats.container import PUBLIC_MODE, Bytes, Expected, Int, encode, read_container, take, write_file
from ...models.encoding.dataset import DatasetEncoding
from ...verifier.proofs import DatasetCommitment
from ...verifier.protocol.merkle import DIGEST_BYTES, SALT_BYTES
from ...verifier.shapes import matrix_shape
from ..matrices.commitment import Cells, Commitment, Secret, commit_columns, damaged, fresh_secret
from ..matrices.multiplicities import LookedUpRows, SignedRows, multiplicities, signed_rows
from ..matrices.values import Witness
from ..protocol.proof import Progress
from ..witnesses.rows import Rows, blind_rows, encode_rows
from .locks import locked
from .prove import check_before_work, prove_statement
from .secret_arrays import SECRETS, Folder, Form, Names, load_arrays
from .tree_cache import load_tree, save_tree

COMMITMENT_FILE, OPENING_FILE = "dataset.commitment", "dataset.opening"
OPENING_KIND = "dataset.opening"
DEFAULT_OPENINGS = 32
MAX_OPENING_BYTES = 1 << 10


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
    def ids(self) -> Sequence[str]:
        """The owner's name of each row."""
        return self.rows.ids

    @property
    def columns(self) -> dict[Address, Cells]:
        """Committed columns."""
        return self.rows.columns

    @cached_property
    def opening(self) -> Commitment:
        """The matrix with everything that opening it takes. Raises FormatError where stored secrets are damaged."""
        matrix = matrix_shape(DATASET, self.statement.committed)
        opening = commit_columns(matrix.layout, matrix.code, self.columns, self.secret)
        if self.directory is not None:
            opening.stored = load_tree(self.directory, self.commitment.digest, matrix.code, self.statement.root)
        if opening.root != self.statement.root:  # without a stored tree, the secrets show here if they are damaged
            raise damaged()
        return opening

    def records(self, ids: Iterable[str]) -> tuple[ForgottenRecord, ...]:
        """The forget list of these rows.

        Raises:
            DataError: an unknown or repeated id.
            FormatError: the stored rows or salts are not those of the records.
        """
        positions = self.rows.positions(ids)
        if positions and self.rows.record_root != self.statement.record_root:
            raise damaged()
        return tuple(self.rows.record(position) for position in positions)

    def require_opening(self) -> None:
        """Raises BudgetExceeded if no opening is left."""
        _next_spent(self.spent, self.statement.openings)

    def spend(self) -> None:
        """Count one more opening, on disk before anything is opened.

        Raises:
            BudgetExceeded: there is none left.
            DataError: the stored data set is not this one any more.
        """
        if self.directory is None:
            self.spent = _next_spent(self.spent, self.statement.openings)
            return
        with locked(self.directory):
            stored = _stored_spent(self.directory, self.commitment)
            if stored is None:  # writing our count there would spoil the data set that has taken its place
                raise DataError(f"{self.directory}: the data set was replaced or removed in the meantime")
            self.spent = _next_spent(max(stored, self.spent), self.statement.openings)
            write_file(self.directory / OPENING_FILE, self._opening_file(), secret=True)

    def save(self, directory: Path | str, replace: bool = True) -> None:
        """Write all files, and only when they are on disk, put them in the place of those that are there.

        Raises:
            DataError: a file cannot be written, or a data set is there and not to be replaced.
        """
        levels = self.opening.levels
        self.directory = Path(directory)
        with Folder(self.directory) as folder, locked(self.directory):
            for path in (self.directory / name for name in (COMMITMENT_FILE, OPENING_FILE)):
                if path.exists() and not replace:
                    raise DataError(f"{path}: is there now, from another run")
            for name, array in self._arrays().items():
                folder.save(name, array)
            self.spent = max(self.spent, _stored_spent(self.directory, self.commitment) or 0)
            folder.add(OPENING_FILE, self._opening_file())
            folder.add(COMMITMENT_FILE, self.commitment.to_bytes(), PUBLIC_MODE)
            folder.finish(self.commitment.digest, [OPENING_FILE, COMMITMENT_FILE])
            save_tree(self.directory, self.commitment.digest, levels)

    @classmethod
    def load(cls, directory: Path | str) -> Dataset:
        """Read both files. Raises DataError or FormatError naming the file."""
        path = Path(directory)
        if not path.is_dir():
            raise DataError(f"{path}: there is no such data set directory")
        return _load_opening(path, DatasetCommitment.load(path / COMMITMENT_FILE))

    def _opening_file(self) -> bytes:
        return encode(OPENING_KIND, {"dataset": self.commitment.digest, "spent": self.spent})

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What dataset.secrets holds."""
        rows = self.rows
        return {
            "features": rows.by_feature,
            "labels": rows.labels,
            "blinds": rows.blinds,
            "salts": rows.salts,
            **Names.arrays(self.ids),
            "tails": self.secret.tails,
            "leaf_salts": self.secret.salts,
        }


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
    labels = encoding.encode_labels(y).astype(np.int32)
    rows = blind_rows(tuple(ids), encode_rows(encoding, np.asarray(X)), labels)
    return commit_rows(rows, encoding, openings, progress)


def commit_rows(rows: Rows, encoding: DatasetEncoding, openings: int, progress: Progress | None) -> Dataset:
    """Commit to rows with fresh tails and salts, and prove that they are well formed."""
    count = len(rows.ids)
    segment = Segment(count, rows.order_seed)
    draft = DatasetStatement(count, encoding, openings, bytes(DIGEST_BYTES), rows.record_root, (segment,))
    shape = check_before_work(draft)
    if progress is not None:
        progress("commit data set")
    matrix = shape.committed[DATASET]
    secret = fresh_secret(matrix.code, matrix.layout.rows)
    opening = commit_columns(matrix.layout, matrix.code, rows.columns, secret)
    statement = replace(draft, root=opening.root)
    witness = _witness(statement, rows)
    proved = prove_statement(shape, statement, {DATASET: opening}, witness, progress=progress)
    dataset = Dataset(DatasetCommitment(statement, proved.proof.proof), rows, secret, spent=1)
    dataset.opening = opening  # encoded already
    return dataset


def _witness(statement: DatasetStatement, rows: Rows) -> Witness:
    """The columns, and how often each 16-bit integer is looked up."""
    signed = statement.encoding.label.kind == "real"
    labels = signed_rows(rows.labels) if signed else rows.labels.astype(np.uint16)
    looked_up: dict[str, LookedUpRows] = {
        "features": SignedRows(rows.by_feature),
        "labels": labels,
        "labels shifted": labels << np.uint16(15),
    }
    counts = multiplicities(statement.relation.sections, looked_up)
    return Witness({**rows.columns, **counts}, looked_up)


def _next_spent(spent: int, openings: int) -> int:
    if spent >= openings:
        raise BudgetExceeded(
            f"all {openings} openings of this data set commitment are spent: one more proof would reveal rows; "
            "`recommit` in time next time, with one opening left; now only a new commitment helps"
        )
    return spent + 1


def _stored_spent(directory: Path, commitment: DatasetCommitment) -> int | None:
    """The count on disk, which another process may have raised; None if no file of this commitment is there."""
    path = directory / OPENING_FILE
    if not path.exists():
        return None
    if _read_opening(path, MAX_OPENINGS)["dataset"] != commitment.digest:  # which may have had more openings
        return None
    return int(_read_opening(path, commitment.statement.openings)["spent"])


def _read_opening(path: Path, openings: int) -> dict[str, Any]:
    expected: dict[str, Expected] = {"dataset": Bytes(DIGEST_BYTES), "spent": Int(1, openings)}
    return take(read_container(path, OPENING_KIND, MAX_OPENING_BYTES)[1], expected, str(path))


def _load_opening(directory: Path, commitment: DatasetCommitment) -> Dataset:
    """The secret files, checked against the public one."""
    path, statement = directory / OPENING_FILE, commitment.statement
    count, matrix = statement.rows, matrix_shape(DATASET, statement.committed)
    fields = _read_opening(path, statement.openings)
    if fields["dataset"] != commitment.digest:
        raise FormatError(f"{path}: belongs to another data set than {COMMITMENT_FILE} beside it")
    forms = {
        "features": Form("<i2", (statement.features + 1, count)),
        "labels": Form("<i4", (count,)),
        "blinds": Form("<u8", (len(BLINDS), count)),
        "salts": Form("u1", (count, SALT_BYTES)),
        "id_bytes": Form("u1", (None,)),
        "id_ends": Form("<i8", (count,)),
        "tails": Form("<u8", (matrix.layout.rows, matrix.code.tail)),
        "leaf_salts": Form("u1", (matrix.code.length, SALT_BYTES)),
    }
    arrays = load_arrays(directory, commitment.digest, forms)
    for name in ("blinds", "tails"):
        if not is_canonical(arrays[name]):
            raise FormatError(f"{directory / SECRETS / name}.npy: holds a number that is not a field element")
    names = Names(arrays["id_bytes"], arrays["id_ends"])
    if not names.is_sound():
        raise FormatError(f"{directory / SECRETS}: id_bytes.npy and id_ends.npy are no texts")
    rows = Rows(names, *(arrays[name] for name in ("features", "labels", "blinds", "salts")))
    secret = Secret(arrays["tails"], arrays["leaf_salts"])
    return Dataset(commitment, rows, secret, fields["spent"], directory)
