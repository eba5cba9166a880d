"""Receipts for the people whose rows are in a data set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...circuits.statements.ids import escaped
from ...errors import DataError, ParameterError, require_type
from ...verifier.proofs import RegistrationProof
from ...verifier.receipts import Receipt, ReceiptRow
from ..witnesses.record_tree import audit_paths, record_paths
from ..witnesses.rows import NOBODY, PIECE
from .asked import NEVER_IN, ask
from .dataset import DATASETS, Dataset
from .registration import REGISTRATIONS, fingerprint_levels


@dataclass(frozen=True, repr=False)  # secrets stay out of logs
class _Piece:
    """Some rows that follow each other, made together: their cells, and the paths of each by itself."""

    rows: range
    cells: list[bytes]
    record_paths: list[bytes]
    fingerprint_paths: list[bytes]


class Receipts:
    """The receipts of a data set, which needs no opening for them: fingerprints follow from its rows."""

    def __init__(self, dataset: Dataset, registration: RegistrationProof | None = None) -> None:
        require_type("dataset", dataset, Dataset, DATASETS)
        self._dataset = dataset
        self._levels = fingerprint_levels(dataset)
        self._start = 0
        self._previous: bytes | None = None
        if registration is not None:
            require_type("registration", registration, RegistrationProof, REGISTRATIONS)
            own = registration.statement
            if (own.dataset, own.root) != (dataset.statement, bytes(self._levels[-1])):
                raise ParameterError("registration: it is of another data set")
            self._start, self._previous = own.start, own.previous

    def of(self, name: object) -> Receipt:
        """That of one person, with all her rows. Raises DataError for an id that is not there."""
        asked = ask(self._dataset, [name], what="id")
        if asked.never_in:
            raise DataError(f"id {escaped(asked.never_in[0])} was never in: {NEVER_IN}", found=asked.never_in[0])
        positions = asked.positions
        return self._receipt(self._dataset.rows.ids[positions[0]], positions)

    def all(self) -> Iterable[Receipt]:
        """Those of everybody, in the order of first rows."""
        by_id: dict[str, list[int]] = {}
        for position, name in enumerate(self._dataset.rows.ids):
            if name != NOBODY:
                by_id.setdefault(name, []).append(position)
        piece = self._piece(0)
        for name, positions in by_id.items():
            if positions[0] not in piece.rows:
                piece = self._piece(positions[0])
            yield self._receipt(name, positions, piece if len(positions) == 1 else None)

    def _piece(self, start: int) -> _Piece:
        """Of the rows from one on, at most so many."""
        rows, stop = self._dataset.rows, min(start + PIECE, self._dataset.statement.rows)
        paths = (audit_paths(levels, start, stop) for levels in (rows.record_levels, self._levels))
        return _Piece(range(start, stop), rows.packed_cells(slice(start, stop)), *paths)

    def _receipt(self, name: str, positions: Sequence[int], piece: _Piece | None = None) -> Receipt:
        rows = self._dataset.rows
        if piece is None:
            cells = [rows.packed_cells(slice(n, n + 1))[0] for n in positions]
            paths = rows.record_paths(positions), record_paths(self._levels, positions)
        else:
            i = positions[0] - piece.rows.start
            cells, paths = [piece.cells[i]], (piece.record_paths[i], piece.fingerprint_paths[i])
        return Receipt(
            dataset=self._dataset.statement.digest,
            id=name,
            rows=tuple(ReceiptRow(n, own, rows.salts[n].tobytes()) for n, own in zip(positions, cells, strict=True)),
            record_paths=paths[0],
            start=self._start,
            previous=self._previous,
            root=bytes(self._levels[-1]),
            fingerprint_paths=paths[1],
        )


def receipts(dataset: Dataset, registration: RegistrationProof | None = None) -> Receipts:
    """What people need to find their rows in a registered data set, for their eyes alone: `.of(id)`, `.all()`.

    Args:
        registration: that of the data set to which receipts belong; needed if it goes on from a previous one.

    Raises:
        ParameterError: a registration of another data set, or an argument of another type.
    """
    return Receipts(dataset, registration)
