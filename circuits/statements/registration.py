"""The registration of a data set: all its record digests in their order, and a fingerprint of each row.

A data set's statement names the root of its record digests; a registration lists them, so that anybody can see that
their order is the one they imply, that none is there twice, and who is in the data set whose digest they know. And it
proves that the fingerprint beside a digest is that of the row of the committed matrix at this position. Digest and
fingerprint are tied to each other by whoever knows the row: by a receipt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import NoneType
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from ...errors import FormatError, InvalidProof, ParameterError
from ...formats.fields import Bytes, Fields, Int, take
from ...models.shapes import MAX_ROWS
from ..field.goldilocks import ZERO, K, P, Vector, kdot
from ..field.multilinear import Point, eq_table
from ..relations.dataset import DATASET
from ..relations.registration import Registration
from .base import Committed, Statement, referenced, statement_digest, statement_kind
from .dataset import DIGEST_BYTES, DatasetStatement
from .fingerprints import FINGERPRINT_BYTES, Coefficients, coefficients, error, fingerprint_leaf
from .record_tree import root_of
from .records import ORDER_TAG, segment_seed

DIGESTS, FINGERPRINTS = "digests", "fingerprints"  # what the file carries
LOW_BITS = 16  # of a row: sums over fingerprints are made of so many at a time
MAX_ERROR = 1 << 27  # over |K|: 100 bits, with those of the proof

_FIELDS: Fields = {
    "dataset": Bytes(DIGEST_BYTES),
    "start": Int(0, 0),  # data that grows registers its new rows alone
    "stop": Int(1, MAX_ROWS),
    "root": Bytes(DIGEST_BYTES),
    "previous": NoneType,
}


@statement_kind
@dataclass(frozen=True)
class RegistrationStatement(Statement):
    """Fingerprints of all rows of a data set.

    Attributes:
        dataset: whose rows.
        root: of the tree over fingerprints.
        packed: the fingerprints themselves, 16 bytes each: no part of what is written, as `root` fixes them. Empty
            where they are not known yet.
    """

    dataset: DatasetStatement
    root: bytes
    packed: bytes = field(default=b"", compare=False, repr=False)

    kind: ClassVar[str] = "registration"
    version: ClassVar[int] = 1
    refers: ClassVar[Mapping[str, type[Statement]]] = {"dataset": DatasetStatement}
    attachments: ClassVar[tuple[str, ...]] = (DIGESTS, FINGERPRINTS)

    @cached_property
    def coefficients(self) -> Coefficients:
        """Of the rows' fingerprints."""
        return coefficients(self.dataset.births[0], self.dataset.features, self.dataset.outputs)

    @property
    def relation(self) -> Registration:
        """Fingerprints are those of the matrix."""
        own, of = self.coefficients, self.dataset
        return Registration(of.rows, of.features, of.outputs, own.r, own.c, self.extension)

    @property
    def matrices(self) -> Mapping[str, Committed]:
        """The data set."""
        return {DATASET: self.dataset.committed}

    @property
    def outside_error(self) -> int:
        """Numerator over |K| of what is no round of the proof: a row with the fingerprint of another one."""
        return error(self.dataset.features, self.dataset.rows)

    def with_attached(self, attached: Mapping[str, bytes]) -> Self:
        """See Statement: the fingerprints."""
        return replace(self, packed=attached[FINGERPRINTS])

    def require_provable(self) -> None:
        """As for a data set; and no more rows than fingerprints tell apart."""
        self.dataset.require_provable()
        if self.outside_error > MAX_ERROR:
            raise ParameterError(f"{self.dataset.rows} rows are more than fingerprints tell apart with 100 bits")

    def require_consistent(self, attached: Mapping[str, bytes]) -> None:
        """The digests are those of the data set, in the order that they imply, and the root is of the fingerprints.

        Raises:
            InvalidProof: "registration", "record tree", "record order", "order seed", "fingerprint tree".
        """
        rows, digests, packed = self.dataset.rows, attached[DIGESTS], attached[FINGERPRINTS]
        if len(digests) != DIGEST_BYTES * rows or len(packed) != FINGERPRINT_BYTES * rows:
            raise InvalidProof("registration", f"digests and fingerprints are not those of {rows} rows")
        if root_of(digests) != self.dataset.record_root:
            raise InvalidProof("record tree", "the digests are not those of the data set")
        self._require_order(digests)
        if (np.frombuffer(packed, "<u8") >= P).any():
            raise InvalidProof("fingerprint tree", "a fingerprint is no element of the field")
        if root_of(b"".join(map(fingerprint_leaf, _pieces(packed, FINGERPRINT_BYTES)))) != self.root:
            raise InvalidProof("fingerprint tree", "the fingerprints are not those that the statement names")

    def _require_order(self, digests: bytes) -> None:
        (segment,) = self.dataset.segments
        head = ORDER_TAG + segment.seed
        keys = [hashlib.sha256(head + digest).digest() for digest in _pieces(digests, DIGEST_BYTES)]
        late = next((i for i in range(1, len(keys)) if keys[i - 1] >= keys[i]), None)
        if late is not None:
            raise InvalidProof("record order", f"record {late} does not come after the one before it")
        increasing = sorted(_pieces(digests, DIGEST_BYTES))  # none is there twice, as all have different keys
        if segment_seed(0, self.dataset.rows, root_of(b"".join(increasing))) != segment.seed:
            raise InvalidProof("order seed", "the order is not drawn from all digests")

    def extension(self, point: Point) -> K:
        """The sum over rows n of eq(point, n) f(n); 0 where fingerprints are not known."""
        low = min(LOW_BITS, len(point))
        high, inner = eq_table(point[: len(point) - low]), eq_table(point[len(point) - low :])
        total = ZERO
        for i, part in enumerate(_pieces(self.packed, FINGERPRINT_BYTES << low)):
            values = _elements(part)
            total = total + K(*map(int, high[:, i])) * kdot(inner[:, : values.shape[1]], values)
        return total

    def to_mapping(self) -> Mapping[str, object]:
        """Canonical content."""
        return {
            "dataset": statement_digest(self.dataset),
            "start": 0,
            "stop": self.dataset.rows,
            "root": self.root,
            "previous": None,
        }

    @classmethod
    def from_mapping(cls, mapping: object, references: Mapping[str, Any]) -> Self:
        """Raises FormatError."""
        fields = take(mapping, _FIELDS, cls.kind)
        dataset = referenced(references, "dataset", fields["dataset"])
        if fields["stop"] != dataset.rows:
            raise FormatError("registration: it is not of all rows")
        return cls(dataset, fields["root"])


def _pieces(packed: bytes, size: int) -> list[bytes]:
    return [packed[start : start + size] for start in range(0, len(packed), size)]


def _elements(packed: bytes) -> Vector:
    values: npt.NDArray[np.uint64] = np.frombuffer(packed, "<u8").astype(np.uint64)
    return np.ascontiguousarray(values.reshape(-1, 2).T)
