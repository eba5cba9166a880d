"""Receipts: what a person gets of her own rows, and checks without anybody's help.

A receipt holds the cells of the rows, what hides them from others, and the paths that lead from them to the public
roots of the data set and of its registration. It is for her eyes: whoever has it can read her rows.

1. her id, cells, blinds and salts have the digests that are in the data set's tree of records     "record path"
2. their fingerprints are those that are registered at the same positions                          "fingerprint path"

The second makes record i *row i* of the committed matrix, as the registration proves what fingerprints are of.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import NoneType

from ..circuits.statements.base import statement_digest
from ..circuits.statements.dataset import DIGEST_BYTES, DatasetStatement
from ..circuits.statements.fingerprints import coefficients, fingerprint_leaf, written
from ..circuits.statements.ids import identify
from ..circuits.statements.keys import key_of
from ..circuits.statements.record_tree import verify_records
from ..circuits.statements.records import SALT_BYTES, Record, id_hash, record_digest
from ..circuits.statements.registration import RegistrationStatement
from ..errors import DataError, FormatError, InvalidProof, ParameterError, StatementMismatch, require_type
from ..formats.container import KINDS, decode, encode
from ..formats.fields import Bytes, Fields, Int, ListOf, take
from ..formats.files import read_file, write_file
from ..models.shapes import MAX_ROWS, label_range
from ..shown import Shown
from .proofs import DatasetCommitment, RegistrationProof, TrainingProof

RECEIPT_KIND = "receipt"
MAX_RECEIPT_BYTES = 1 << 24
MAX_ROWS_OF_ONE = 1 << 12
ELSEWHERE = "the receipt belongs to another registration"
KINDS[RECEIPT_KIND] = 2
_FIELDS: Fields = {
    "dataset": Bytes(DIGEST_BYTES),
    "id": str,
    "rows": ListOf(dict, 1, MAX_ROWS_OF_ONE),
    "record_paths": bytes,
    "start": Int(0, MAX_ROWS - 1),
    "previous": (Bytes(DIGEST_BYTES), NoneType),
    "root": Bytes(DIGEST_BYTES),
    "fingerprint_paths": bytes,
}
_ROW: Fields = {"position": Int(0, MAX_ROWS - 1), "cells": bytes, "salt": Bytes(SALT_BYTES)}


@dataclass(frozen=True, repr=False)  # it holds somebody's data
class ReceiptRow:
    """One row.

    Attributes:
        position: in the data set.
        cells: features, label, key if rows have keys, and blinds, as they are hashed (circuits/statements/records.py).
        salt: 32 bytes.
    """

    position: int
    cells: bytes
    salt: bytes

    def parts(self, of: DatasetStatement) -> tuple[tuple[int, ...], int, tuple[int, ...], tuple[int, int]]:
        """Features at scale x_bits, the label's integer, the key's limbs, and the blinds.

        Raises InvalidProof for what no row has.
        """
        layout = struct.Struct(f"<{of.features}hi{of.key_limbs}H2Q")
        if len(self.cells) != layout.size:
            raise InvalidProof("receipt", f"the cells of a row have {layout.size} bytes, not {len(self.cells)}")
        *cells, first, second = layout.unpack(self.cells)
        label, key = cells[of.features], tuple(cells[of.features + 1 :])
        return tuple(cells[: of.features]), label, key, (first, second)


@dataclass(frozen=True, repr=False)
class Receipt(Shown):
    """A person's rows, secret: the file *.receipt.

    Attributes:
        dataset: the digest of the data set that they are in.
        id: under which name.
        rows: in the order of positions.
        record_paths: the multiproof of their records.
        start, previous, root: what its registration says, as in RegistrationStatement: its first row, the digest of the
            one that lists the rows before, and the root of fingerprints.
        fingerprint_paths: the multiproof of theirs.
    """

    dataset: bytes
    id: str
    rows: tuple[ReceiptRow, ...]
    record_paths: bytes
    start: int
    previous: bytes | None
    root: bytes
    fingerprint_paths: bytes

    shows = "dataset", "rows"

    @property
    def positions(self) -> tuple[int, ...]:
        """Of the rows."""
        return tuple(row.position for row in self.rows)

    def _payload(self) -> Mapping[str, object]:
        rows = [{"position": row.position, "cells": row.cells, "salt": row.salt} for row in self.rows]
        return {name: rows if name == "rows" else getattr(self, name) for name in _FIELDS}

    def to_bytes(self) -> bytes:
        """The whole file. Raises ParameterError: it would have more rows, or bytes, than can be read."""
        data = encode(RECEIPT_KIND, self._payload())
        if len(self.rows) > MAX_ROWS_OF_ONE or len(data) > MAX_RECEIPT_BYTES:
            raise ParameterError(f"a person with {len(self.rows)} rows has more than one receipt can hold")
        return data

    def save(self, path: Path | str) -> None:
        """Write the file, which only its owner may read, whole or not at all."""
        write_file(path, self.to_bytes(), secret=True)

    @classmethod
    def from_bytes(cls, data: bytes) -> Receipt:
        """Raises FormatError; ParameterError for what are no bytes."""
        require_type("data", data, bytes, "`load` reads a file")
        _, payload = decode(data, RECEIPT_KIND, MAX_RECEIPT_BYTES)
        found = take(payload, _FIELDS, RECEIPT_KIND)
        rows = tuple(ReceiptRow(**take(row, _ROW, "row of a receipt")) for row in found["rows"])
        try:
            if identify(found["id"]) != found["id"]:
                raise FormatError("receipt: the id is not in the form of ids")
        except DataError as error:
            raise FormatError(f"receipt: {error}") from None
        return cls(**{**found, "rows": rows})

    @classmethod
    def load(cls, path: Path | str) -> Receipt:
        """Raises FormatError or DataError, naming the file."""
        data = read_file(path, MAX_RECEIPT_BYTES)
        try:
            return cls.from_bytes(data)
        except FormatError as error:
            raise error.named(path) from error


@dataclass(frozen=True, repr=False)
class ReceiptReport(Shown):
    """What was found of a receipt.

    Attributes:
        receipt, dataset: what was checked, against what.
        registration: the digest of the registration to which it belongs: of the newest one, where that goes on from
            others.
        expected: whether the one that was named is that one; it has a proof of its own. False: none was named.
        proof: a training on this data set, if one was named.
        is_own_key: whether the key of her row is that of the values that were named. False:
            none were named.
    """

    receipt: Receipt
    dataset: DatasetStatement
    registration: bytes
    expected: bool
    proof: TrainingProof | None = field(default=None)
    is_own_key: bool = False

    shows = "receipt", "registration", "expected", "is_own_key", "is_forgotten"

    @cached_property
    def forgotten(self) -> tuple[int, ...]:
        """Positions of her rows that the training forgets; none without one."""
        gone = set() if self.proof is None else set(self.proof.statement.positions)
        return tuple(position for position in self.receipt.positions if position in gone)

    @property
    def is_forgotten(self) -> bool | None:
        """Whether all her rows are; None if no training was named."""
        return None if self.proof is None else self.forgotten == self.receipt.positions

    @property
    def values(self) -> list[tuple[int, list[tuple[str, str | float]]]]:
        """Of each row its position, and column by column its name and value in original units; the label last.

        Cells are integers: of all numbers that are committed as this one, the value is that of the fewest digits.
        """
        parts = ((row.position, row.parts(self.dataset)) for row in self.receipt.rows)
        return [(n, self.dataset.encoding.shown_row(features, label)) for n, (features, label, *_) in parts]


def check_receipt(receipt: Receipt, dataset: DatasetStatement) -> tuple[Record, ...]:
    """The rows are in the data set's tree, and have fingerprints under the receipt's root. Returns their records.

    Raises:
        StatementMismatch: it is of another data set.
        InvalidProof: "receipt", "record path" or "fingerprint path".
    """
    if receipt.dataset != statement_digest(dataset):
        raise StatementMismatch("the receipt is about another data set")
    name, digests, leaves = id_hash(receipt.id), [], []
    own = [coefficients(born, dataset.features, dataset.others) for born in dataset.births]
    outside = [position for position in receipt.positions if position >= dataset.rows]
    if outside:
        raise InvalidProof("record path", f"position {outside[0]} is outside the {dataset.rows} records")
    for row in receipt.rows:
        if row.position in dataset.holes:
            raise InvalidProof("receipt", f"the row at position {row.position} was destroyed in this data set")
        features, label, key, blinds = row.parts(dataset)
        labels = _label_cells(label, dataset)
        if max(map(abs, features)) > 1 << dataset.encoding.x_bits:
            raise InvalidProof("receipt", "a cell is out of the range that is proved of all cells")
        try:
            digests.append(record_digest(row.salt, name, features, [label], blinds, key))
        except FormatError as error:
            raise InvalidProof("receipt", str(error)) from None
        fingerprint = own[dataset.segment_at(row.position)].fingerprint(features, [*labels, *key], blinds)
        leaves.append(fingerprint_leaf(written(fingerprint)))
    verify_records(dataset.record_root, dataset.rows, receipt.positions, digests, receipt.record_paths)
    try:
        verify_records(receipt.root, dataset.rows, receipt.positions, leaves, receipt.fingerprint_paths)
    except InvalidProof as error:
        raise InvalidProof("fingerprint path", error.detail) from error
    return tuple(map(Record, receipt.positions, digests))


def _label_cells(label: int, dataset: DatasetStatement) -> list[int]:
    """What a row has in the columns of labels; of classes its integer is the number. Raises InvalidProof("receipt")."""
    cells = [label] if dataset.outputs == 1 else [int(label == j) for j in range(dataset.outputs)]
    low, high = label_range(dataset.encoding.label.kind)
    if not all(low <= cell <= high for cell in cells) or (dataset.outputs > 1 and not any(cells)):
        raise InvalidProof("receipt", f"there is no label {label}")
    return cells


def verify_receipt(
    receipt: Receipt,
    dataset: DatasetCommitment,
    registration: RegistrationProof | bytes | None = None,
    proof: TrainingProof | None = None,
    key: Sequence[str | int] | None = None,
) -> ReceiptReport:
    """Check a receipt against a data set, its registration, a training, and what she knows to be her key.

    Args:
        registration: which one the receipt has to belong to, or its digest; its own proof is not checked here.
        proof: of a training on this data set, which may forget the rows; its own proof is not checked here.
        key: of a data set whose rows have keys, her values in these columns, in their order.

    Raises:
        StatementMismatch: one of them is about something else.
        InvalidProof: the receipt says what is not so; names the check that failed.
        ParameterError: an argument of another type.
    """
    require_type("receipt", receipt, Receipt, "`Receipt.load` reads a file")
    require_type("dataset", dataset, DatasetCommitment, "of what `commit` returns it is `.commitment`")
    records = check_receipt(receipt, dataset.statement)
    if key is not None:
        _require_key(receipt, dataset.statement, key)
    found = RegistrationStatement(dataset.statement, receipt.root, receipt.start, receipt.previous).digest
    if registration is not None and found != _digest_of(registration):
        raise StatementMismatch(ELSEWHERE)
    if proof is not None:
        require_type("proof", proof, TrainingProof, "of what `prove` returns it is `.proof`")
        if proof.statement.dataset != dataset.statement:
            raise StatementMismatch("the proof is about another data set")
        _require_records(records, proof.statement.forgotten)
    return ReceiptReport(receipt, dataset.statement, found, registration is not None, proof, key is not None)


def tied_rows(
    receipts: Iterable[Receipt], dataset: DatasetCommitment, registrations: Collection[bytes], proof: TrainingProof
) -> frozenset[int]:
    """Positions of forgotten rows that people's receipts tie to rows of the matrix.

    Args:
        registrations: digests of those of the data set that were found valid; each receipt belongs to one of them.
        proof: of a training on this data set, found valid.

    Raises:
        StatementMismatch, InvalidProof: as `verify_receipt`, for the first receipt that is not valid.
    """
    tied: set[int] = set()
    for receipt in receipts:
        report = verify_receipt(receipt, dataset, None, proof)
        if report.registration not in registrations:
            raise StatementMismatch(ELSEWHERE)
        tied.update(report.forgotten)
    return frozenset(tied)


def _require_key(receipt: Receipt, dataset: DatasetStatement, values: Sequence[str | int]) -> None:
    """Her row has the key of these values. Raises ParameterError, DataError; InvalidProof("key")."""
    names = dataset.encoding.keys
    if isinstance(values, str) or len(values) != len(names):
        raise ParameterError(f"key: one value for each of {len(names)} columns {', '.join(map(repr, names))}")
    if any(row.parts(dataset)[2] != key_of(values) for row in receipt.rows):
        raise InvalidProof("key", "her row is in the data set under the key of somebody else, or of nobody")


def _digest_of(registration: RegistrationProof | bytes) -> bytes:
    if isinstance(registration, bytes):
        if len(registration) != DIGEST_BYTES:
            raise ParameterError(f"registration: a digest has {DIGEST_BYTES} bytes, not {len(registration)}")
        return registration
    require_type("registration", registration, RegistrationProof, "`register` returns it")
    return registration.digest


def _require_records(records: Sequence[Record], forgotten: Sequence[Record]) -> None:
    """What the proof forgets at her positions are her records. Raises InvalidProof("record path") otherwise."""
    listed = dict(forgotten)
    for position, digest in records:
        if listed.get(position, digest) != digest:
            raise InvalidProof("record path", f"the proof forgets another record at position {position}")
