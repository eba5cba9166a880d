"""The statement of a committed data set: every cell is in range."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from types import NoneType
from typing import Any, ClassVar, Self

from ...errors import FormatError, ParameterError
from ...formats.fields import Bytes, Fields, Int, ListOf, take
from ...models.encoding.dataset import DatasetEncoding
from ...models.shapes import MAX_ROWS
from ...shown import Facts, Words
from ..language.layout import Column
from ..relations.dataset import DATASET, KEY_LIMBS, dataset_columns
from ..relations.validity import Validity
from .base import Committed, Statement, statement_kind

DIGEST_BYTES = 32
MAX_OPENINGS = 1 << 12
MAX_SEGMENTS, MAX_HOLES = 1 << 10, 1 << 20
SHORTEST_ROW_BITS = 13  # the witnesses of many proofs share the rows of a data set
MAX_CELLS_BITS = 30  # an hour of proving
MAX_UNIQUE_ROWS = 1 << 23  # whose keys, and these in order, are leaves of one section of lookups

_FIELDS: Fields = {
    "rows": Int(1, MAX_ROWS),
    "encoding": dict,
    "openings": Int(1, MAX_OPENINGS),
    "root": Bytes(DIGEST_BYTES),
    "record_root": Bytes(DIGEST_BYTES),
    "segments": ListOf(dict, 1, MAX_SEGMENTS),  # data that grew has several
    "holes": ListOf(Int(0, MAX_ROWS - 1), 0, MAX_HOLES),
    "unique": bool,  # whether no two rows have the same keys
}
_SEGMENT_FIELDS: Fields = {
    "stop": Int(1, MAX_ROWS),
    "seed": Bytes(DIGEST_BYTES),
    "nonce": (Bytes(DIGEST_BYTES), NoneType),
    "born": (Bytes(DIGEST_BYTES), NoneType),
}


@dataclass(frozen=True)
class Segment:
    """Rows that were committed together; the first segment begins at row 0, each other one where the last stopped.

    Attributes:
        stop: the position after its last row.
        seed: what the order of its rows is drawn from, see `records.order_key`.
        nonce: what somebody else added to the seed; None if nobody did.
        born: digest of the data set in which its rows were first committed; None if that is the one at hand.
    """

    stop: int
    seed: bytes
    nonce: bytes | None = None
    born: bytes | None = None

    def to_mapping(self) -> Mapping[str, object]:
        """Canonical content."""
        return {"stop": self.stop, "seed": self.seed, "nonce": self.nonce, "born": self.born}


@statement_kind
@dataclass(frozen=True, repr=False)
class DatasetStatement(Statement):
    """A committed data set.

    Attributes:
        rows: N.
        encoding: how reals became integers, column by column; public.
        openings: how many proofs the commitment's random tails hide.
        root: Merkle root of the encoded matrix.
        record_root: Merkle root of the record digests, in the order of rows.
        segments: which rows were committed together.
        holes: positions of destroyed rows, which are zeros; strictly increasing. No training counts them.
        unique: whether rows have keys, and it is proved that no two have the same: those of the encoding's `keys`.
    """

    rows: int
    encoding: DatasetEncoding
    openings: int
    root: bytes
    record_root: bytes
    segments: tuple[Segment, ...]
    holes: tuple[int, ...] = ()
    unique: bool = False

    kind: ClassVar[str] = "dataset"
    version: ClassVar[int] = 4

    @property
    def about(self) -> Facts:
        """See Statement."""
        labels = Words(self.encoding.label.kind)
        return (("rows", self.rows), ("features", self.encoding.names), ("labels", labels))

    @property
    def features(self) -> int:
        """d."""
        return len(self.encoding.features)

    @property
    def outputs(self) -> int:
        """Columns of labels."""
        return self.encoding.shape(self.rows).outputs

    @property
    def key_limbs(self) -> int:
        """Columns of the keys of rows; 0 if they have none."""
        return KEY_LIMBS if self.unique else 0

    @property
    def others(self) -> int:
        """Columns that are neither features nor blinds: of labels, and of keys after these."""
        return self.outputs + self.key_limbs

    @cached_property
    def stops(self) -> tuple[int, ...]:
        """Of each segment the position after its last row."""
        return tuple(segment.stop for segment in self.segments)

    @cached_property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """The first row of each segment, and the position after its last."""
        return tuple(pairwise((0, *self.stops)))

    @cached_property
    def births(self) -> tuple[bytes, ...]:
        """Of each segment the digest of the data set in which its rows were first committed: this, or an older one."""
        return tuple(segment.born or self.digest for segment in self.segments)

    def segment_at(self, position: int) -> int:
        """The number of the segment that a row is in."""
        return bisect_right(self.stops, position)

    def continued(
        self,
        root: bytes,
        openings: int,
        record_root: bytes = b"",
        added: Sequence[Segment] = (),
        holes: tuple[int, ...] = (),
    ) -> Self:
        """What a fresh commitment to the same rows states, and to others after them. Rows stay born where they were.

        Args:
            record_root: with the records that were added; as before, where none were.
            added: their segments.
            holes: rows that are zeros now, those from before among them; those from before, if there are no others.
        """
        kept = (replace(segment, born=born) for segment, born in zip(self.segments, self.births, strict=True))
        segments, rows = (*kept, *added), added[-1].stop if added else self.rows
        return replace(
            self,
            rows=rows,
            openings=openings,
            root=root,
            record_root=record_root or self.record_root,
            segments=segments,
            holes=holes or self.holes,
        )

    @property
    def columns(self) -> tuple[Column, ...]:
        """Columns of the committed matrix."""
        return dataset_columns(self.rows, self.features, self.outputs, self.key_limbs)

    @property
    def committed(self) -> Committed:
        """The matrix, which every later statement about the data set opens again."""
        return Committed(self.columns, self.openings, self.root, SHORTEST_ROW_BITS)

    @property
    def matrices(self) -> Mapping[str, Committed]:
        """The data set."""
        return {DATASET: self.committed}

    @property
    def relation(self) -> Validity:
        """Every feature and label is in range, and no two rows have the same keys, if they have any."""
        of, own = self.encoding, (self.rows, self.features)
        return Validity(*own, of.label.kind, self.outputs, of.x_bits, self.holes, self.key_limbs)

    def require_provable(self) -> None:
        """At most 2^30 cells of features and labels, 2^23 rows with keys, and a row that was not destroyed."""
        cells = self.rows * (self.features + self.outputs)
        if cells > 1 << MAX_CELLS_BITS:
            raise ParameterError(f"{cells} cells are more than one proof can carry")
        if self.unique and self.rows > MAX_UNIQUE_ROWS:
            raise ParameterError(f"unique: {self.rows:,} rows, at most {MAX_UNIQUE_ROWS:,} can be told apart by keys")
        if len(self.holes) == self.rows:
            raise ParameterError("every row was destroyed")

    def to_mapping(self) -> Mapping[str, object]:
        """Canonical content."""
        return {
            "rows": self.rows,
            "encoding": self.encoding.to_mapping(),
            "openings": self.openings,
            "root": self.root,
            "record_root": self.record_root,
            "segments": [segment.to_mapping() for segment in self.segments],
            "holes": list(self.holes),
            "unique": self.unique,
        }

    @classmethod
    def from_mapping(cls, mapping: object, references: Mapping[str, Any]) -> Self:
        """Raises FormatError."""
        fields = take(mapping, _FIELDS, "data set")
        segments = tuple(Segment(**take(segment, _SEGMENT_FIELDS, "segment")) for segment in fields["segments"])
        stops = [segment.stop for segment in segments]
        if any(before >= after for before, after in pairwise(stops)) or stops[-1] != fields["rows"]:
            raise FormatError("data set: its segments must hold all rows, each some")
        holes = tuple(fields["holes"])
        if any(before >= after for before, after in pairwise((*holes, fields["rows"]))):
            raise FormatError("data set: the positions of destroyed rows do not increase, or are none of its rows")
        if any(segment.born is None for segment in segments[:-1]):
            raise FormatError("data set: only rows of the last segment can be committed for the first time")
        encoding = DatasetEncoding.from_mapping(fields["encoding"])
        if fields["unique"] != bool(encoding.keys):
            raise FormatError("data set: rows are unique by keys, and have none without that")
        return cls(**(fields | {"encoding": encoding, "segments": segments, "holes": holes}))
