"""Receipts for the people whose rows are in a data set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...errors import ParameterError, require_type
from ...verifier.proofs import RegistrationProof
from ...verifier.receipts import Receipt, ReceiptRow
from ..witnesses.record_tree import record_paths
from ..witnesses.rows import NOBODY
from .dataset import DATASETS, Dataset
from .registration import REGISTRATIONS, fingerprint_levels


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
        positions = self._dataset.rows.positions([name])
        return self._receipt(self._dataset.rows.ids[positions[0]], positions)

    def all(self) -> Iterable[Receipt]:
        """Those of everybody, in the order of first rows."""
        by_id: dict[str, list[int]] = {}
        for position, name in enumerate(self._dataset.rows.ids):
            if name != NOBODY:
                by_id.setdefault(name, []).append(position)
        for name, positions in by_id.items():
            yield self._receipt(name, positions)

    def _receipt(self, name: str, positions: Sequence[int]) -> Receipt:
        rows = self._dataset.rows
        return Receipt(
            dataset=self._dataset.statement.digest,
            id=name,
            rows=tuple(ReceiptRow(n, rows.packed_cells(n), rows.salts[n].tobytes()) for n in positions),
            record_paths=rows.record_paths(positions),
            start=self._start,
            previous=self._previous,
            root=bytes(self._levels[-1]),
            fingerprint_paths=record_paths(self._levels, positions),
        )


def receipts(dataset: Dataset, registration: RegistrationProof | None = None) -> Receipts:
    """What people need to find their rows in a registered data set, for their eyes alone: `.of(id)`, `.all()`.

    Args:
        registration: that of the data set to which receipts belong; needed if it goes on from a previous one.

    Raises:
        ParameterError: a registration of another data set, or an argument of another type.
    """
    return Receipts(dataset, registration)
