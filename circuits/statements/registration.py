"""The registration of a data set: all its record digests in their order, and a fingerprint of each row.

A data set's statement names the root of its record digests; a registration lists them, so that anybody can see that
their order is the one they imply, that none is there twice, and who is in the data set whose digest they know. And it
proves that the fingerprint beside a digest is that of the row of the committed matrix at this position. Digest and
fingerprint are tied to each other by whoever knows the row: by a receipt.

A data set that has grown is registered as a whole, or only its new rows: its registration then goes on from a previous
one, which lists the rows before. Digest and fingerprint of a row are the same in either, as a row's birth says what its
fingerprint is. The root of fingerprints is always over all rows, so that a receipt is one path.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from itertools import chain
from types import NoneType
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from ...errors import FormatError, InvalidProof, ParameterError
from ...formats.body import NO_ROWS, PIECE_ROWS, Body
from ...formats.fields import Bytes, Fields, Int, take
from ...models.shapes import MAX_ROWS
from ...shown import Facts, of_all
from ..field.goldilocks import ZERO, K, P, Vector, kdot
from ..field.multilinear import Point, eq_table
from ..relations.dataset import DATASET
from ..relations.registration import Registration, Span
from .base import Committed, Statement, referenced, statement_digest, statement_kind
from .dataset import DIGEST_BYTES, DatasetStatement
from .digests import first_late, hash_rows, increasing
from .fingerprints import FINGERPRINT_BYTES, FINGERPRINT_TAG, coefficients, error
from .record_tree import root_of_peaks, root_of_pieces
from .records import LEAF_TAG, ORDER_TAG, segment_seed

RECORD_PEAKS, FINGERPRINT_PEAKS = "record_peaks", "fingerprint_peaks"  # of both trees over the rows before
ROW_BYTES = DIGEST_BYTES + FINGERPRINT_BYTES  # what the file lists of each row, in this order
LOW_BITS = PIECE_ROWS.bit_length() - 1  # of a row's number: sums over fingerprints are made of so many at a time
MAX_ERROR = 1 << 27  # over |K|: 100 bits, with those of the proof

_FIELDS: Fields = {
    "dataset": Bytes(DIGEST_BYTES),
    "start": Int(0, MAX_ROWS - 1),
    "stop": Int(1, MAX_ROWS),
    "root": Bytes(DIGEST_BYTES),
    "previous": (Bytes(DIGEST_BYTES), NoneType),
}


@statement_kind
@dataclass(frozen=True, repr=False)
class RegistrationStatement(Statement):
    """Fingerprints of the rows of a data set, from one of its segments on.

    Attributes:
        dataset: whose rows.
        root: of the tree over the fingerprints of all its rows.
        start: the first row that is listed here.
        previous: digest of the registration that lists the rows before; None if there are none.
        body: digest and fingerprint of each row that is listed: no part of what is written, as the roots fix them.
            Empty where they are not known.
    """

    dataset: DatasetStatement
    root: bytes
    start: int = 0
    previous: bytes | None = None
    body: Body = field(default=NO_ROWS, compare=False)

    kind: ClassVar[str] = "registration"
    version: ClassVar[int] = 3
    refers: ClassVar[Mapping[str, type[Statement]]] = {"dataset": DatasetStatement}
    attachments: ClassVar[tuple[str, ...]] = (RECORD_PEAKS, FINGERPRINT_PEAKS)
    row_bytes: ClassVar[int] = ROW_BYTES

    @property
    def about(self) -> Facts:
        """See Statement."""
        return (("data set", self.dataset.digest), ("rows", of_all(len(self.listed), self.dataset.rows)))

    @property
    def listed(self) -> range:
        """The rows from `start` on."""
        return range(self.start, self.dataset.rows)

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """The segments that are listed here, with what fingerprints of their rows are made with."""
        of, found = self.dataset, []
        for segment, ((start, stop), born) in enumerate(zip(of.spans, of.births, strict=True)):
            if start >= self.start:
                own = coefficients(born, of.features, of.others)
                found.append(Span(segment, start, stop, own.r, own.c))
        return tuple(found)

    @property
    def relation(self) -> Registration:
        """Fingerprints are those of the matrix."""
        of = self.dataset
        return Registration(of.rows, of.features, of.outputs, self.spans, self.extension, of.key_limbs)

    @property
    def matrices(self) -> Mapping[str, Committed]:
        """The data set."""
        return {DATASET: self.dataset.committed}

    @property
    def outside_error(self) -> int:
        """Numerator over |K| of what is no round of the proof: a row with the fingerprint of another one."""
        return error(self.dataset.features, self.dataset.rows)

    def with_body(self, body: Body) -> Self:
        """See Statement."""
        return replace(self, body=body)

    def require_provable(self) -> None:
        """As for a data set; and no more rows than fingerprints tell apart."""
        self.dataset.require_provable()
        if self.outside_error > MAX_ERROR:
            raise ParameterError(f"{self.dataset.rows} rows are more than fingerprints tell apart with 100 bits")

    def require_consistent(self, attached: Mapping[str, bytes]) -> None:
        """The digests are those of the data set, in the order that they imply, and the root is of the fingerprints.

        Raises:
            InvalidProof: "registration", "record tree", "record order", "order seed", "distinct records",
                "fingerprint tree".
        """
        self.require_records(attached)
        for span in self.spans:
            self._require_order(span)
        if len(self.spans) > 1:
            require_distinct([self])
        if root_of_pieces(self.start, attached[FINGERPRINT_PEAKS], self._leaves()) != self.root:
            raise InvalidProof("fingerprint tree", "the fingerprints are not those that the statement names")

    def require_records(self, attached: Mapping[str, bytes]) -> None:
        """The digests are those of the data set. Raises InvalidProof("registration" or "record tree")."""
        peaks = (DIGEST_BYTES * self.start.bit_count(),) * 2
        if (self.body.numbers, *(len(attached[name]) for name in self.attachments)) != (self.listed, *peaks):
            raise InvalidProof("registration", f"what it lists are not the {len(self.listed)} rows of the data set")
        if root_of_pieces(self.start, attached[RECORD_PEAKS], self.digests()) != self.dataset.record_root:
            raise InvalidProof("record tree", "the digests are not those of the data set")

    def _require_order(self, span: Span) -> None:
        """Within a segment; then none is there twice, as all have different keys."""
        segment, own = self.dataset.segments[span.segment], partial(self.digests, span.start, span.stop)
        late = first_late(hash_rows(ORDER_TAG + segment.seed, piece, DIGEST_BYTES) for piece in own())
        if late is not None:
            raise InvalidProof("record order", f"record {span.start + late} does not come after the one before it")
        before = self.dataset.segments[span.segment - 1].seed if span.segment else None
        root = root_of_pieces(0, b"", increasing(own, span.stop - span.start))
        if segment_seed(span.start, span.stop, root, before, segment.nonce) != segment.seed:
            raise InvalidProof("order seed", f"the order from record {span.start} on is not drawn from all digests")

    def digests(self, start: int | None = None, stop: int | None = None) -> Iterator[bytes]:
        """Those of rows start .. stop - 1, by default of all that are listed, in pieces."""
        for piece in self.body.pieces(start, stop):
            yield _rows(piece)[:, :DIGEST_BYTES].tobytes()

    def fingerprints(self, start: int | None = None, stop: int | None = None) -> Iterator[bytes]:
        """Likewise."""
        for piece in self.body.pieces(start, stop):
            yield _rows(piece)[:, DIGEST_BYTES:].tobytes()

    def _leaves(self) -> Iterator[bytes]:
        """Of the tree of fingerprints. Raises InvalidProof("fingerprint tree"): one is no element."""
        for piece in self.fingerprints():
            if (np.frombuffer(piece, "<u8") >= P).any():
                raise InvalidProof("fingerprint tree", "a fingerprint is no element of the field")
            yield hash_rows(LEAF_TAG + FINGERPRINT_TAG, piece, FINGERPRINT_BYTES)

    def require_goes_on(self, before: RegistrationStatement, attached: Mapping[str, bytes]) -> None:
        """What is listed here goes on from the previous registration. Raises InvalidProof("previous registration")."""
        own = (root_of_peaks(attached[name]) for name in (RECORD_PEAKS, FINGERPRINT_PEAKS))
        if before.dataset.rows != self.start or (before.dataset.record_root, before.root) != tuple(own):
            raise InvalidProof("previous registration", "the rows before are not those that the previous one has")

    def extension(self, point: Point, start: int, stop: int) -> K:
        """The sum over rows start <= n < stop of eq(point, n) f(n); 0 where fingerprints are not known."""
        total = ZERO
        if self.body.numbers != self.listed:
            return total
        low = min(LOW_BITS, len(point))
        high, inner = _tables(point, low)
        for piece in self.fingerprints(start, stop):  # each within as many rows as `inner` has
            values, first = _elements(piece), start % (1 << low)
            weights = np.ascontiguousarray(inner[:, first : first + values.shape[1]])
            total = total + K(*map(int, high[:, start >> low])) * kdot(weights, values)
            start += values.shape[1]
        return total

    def to_mapping(self) -> Mapping[str, object]:
        """Canonical content."""
        return {
            "dataset": statement_digest(self.dataset),
            "start": self.start,
            "stop": self.dataset.rows,
            "root": self.root,
            "previous": self.previous,
        }

    @classmethod
    def from_mapping(cls, mapping: object, references: Mapping[str, Any]) -> Self:
        """Raises FormatError."""
        fields = take(mapping, _FIELDS, cls.kind)
        dataset, start = referenced(references, "dataset", fields["dataset"]), fields["start"]
        if fields["stop"] != dataset.rows:
            raise FormatError("registration: it does not go up to the last row")
        if start not in (first for first, _ in dataset.spans):
            raise FormatError("registration: it does not begin with the rows of a segment")
        if (start == 0) != (fields["previous"] is None):
            raise FormatError("registration: rows before its first one are in a previous one, and no others are")
        return cls(dataset, fields["root"], start, fields["previous"])


def require_distinct(registrations: Sequence[RegistrationStatement]) -> None:
    """No record digest is listed twice, in whichever of them. Raises InvalidProof("distinct records")."""

    def pieces() -> Iterable[bytes]:
        return chain.from_iterable(own.digests() for own in registrations)

    for _ in increasing(pieces, sum(len(own.listed) for own in registrations)):
        pass


@lru_cache(maxsize=1)  # one point for all segments
def _tables(point: Point, low: int) -> tuple[Vector, Vector]:
    """eq of the coordinates before the last `low` ones, and of these."""
    return eq_table(point[: len(point) - low]), eq_table(point[len(point) - low :])


def _rows(piece: bytes) -> npt.NDArray[np.uint8]:
    return np.frombuffer(piece, np.uint8).reshape(-1, ROW_BYTES)


def _elements(packed: bytes) -> Vector:
    values: npt.NDArray[np.uint64] = np.frombuffer(packed, "<u8").astype(np.uint64)
    return np.ascontiguousarray(values.reshape(-1, 2).T)
