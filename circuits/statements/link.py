"""The statement that a data set goes on with the rows of another one: the link between them.

A data set is committed afresh because its openings run out, because there are more rows, or because some are destroyed.
Old rows keep positions, cells, blinds and records; new ones are a segment of their own after them; destroyed ones are
zeros, and no training may count them. That the records are the old ones, and others after these, is shown by the
consistency of both trees: without it the digests of equal rows could change places, and a later statement that names
one of them would leave out another person's row.

A row that was put right is in the data set twice: as it is now, among the new rows, and as it was. Which ones are as
they were, a link says, so that the next training forgets them; it repeats those of the links before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from ...errors import InvalidProof, ParameterError
from ...formats.fields import Bytes, Fields, take
from ...shown import Facts
from ..relations.dataset import DATASET
from ..relations.growth import NEW_DATASET, Growth
from .base import Committed, Statement, referenced, statement_digest, statement_kind
from .dataset import DIGEST_BYTES, DatasetStatement
from .record_tree import verify_consistency, verify_records
from .records import Record, read_records, written_records

CONSISTENCY, PATHS = "consistency", "paths"
_FIELDS: Fields = {"old": Bytes(DIGEST_BYTES), "new": Bytes(DIGEST_BYTES), "superseded": dict}


@statement_kind
@dataclass(frozen=True, repr=False)
class LinkStatement(Statement):
    """Two commitments, of which the new one holds the rows of the old one, and maybe more.

    All else is equal but for matrix root and openings; and the new one says where the old rows were born: in the old
    data set, or where that says.

    Attributes:
        old: the commitment that was there before.
        new: the one that takes its place.
        superseded: rows of the old one in whose place others have been added by now; strictly increasing positions.
    """

    old: DatasetStatement
    new: DatasetStatement
    superseded: tuple[Record, ...] = ()

    kind: ClassVar[str] = "link"
    version: ClassVar[int] = 5
    refers: ClassVar[Mapping[str, type[Statement]]] = {"old": DatasetStatement, "new": DatasetStatement}
    attachments: ClassVar[tuple[str, ...]] = (CONSISTENCY, PATHS)

    @property
    def about(self) -> Facts:
        """See Statement."""
        return (
            ("from data set", self.old.digest),
            ("to data set", self.new.digest),
            ("rows", self.new.rows),
            ("added", self.added),
            ("superseded", len(self.superseded)),
            ("destroyed", self.destroyed),
        )

    @property
    def relation(self) -> Growth:
        """Every column agrees on the old rows. Raises ParameterError if that cannot be."""
        old, new = self.old, self.new
        own = old.features, old.outputs, old.key_limbs
        if new.rows < old.rows or (new.features, new.outputs, new.key_limbs) != own:
            raise ParameterError("a link leads to a data set of the same columns, and of no fewer rows")
        destroyed = () if new.holes == old.holes else new.holes
        return Growth(old.rows, new.rows, old.features, old.outputs, destroyed, old.key_limbs)

    @property
    def matrices(self) -> Mapping[str, Committed]:
        """Both data sets."""
        return {DATASET: self.old.committed, NEW_DATASET: self.new.committed}

    @property
    def destroyed(self) -> int:
        """How many rows were destroyed."""
        return len(self.new.holes) - len(self.old.holes)

    @property
    def added(self) -> int:
        """How many rows were added."""
        return self.new.rows - self.old.rows

    def require_provable(self) -> None:
        """As for data sets."""
        self.old.require_provable()
        self.new.require_provable()

    def require_consistent(self, attached: Mapping[str, bytes]) -> None:
        """The new data set says what follows from the old one, and its records are the old ones and maybe others.

        Raises:
            InvalidProof: "statement", "record consistency" or "record path".
        """
        old, new = self.old, self.new
        added = new.segments[len(old.segments) :]
        if len(added) > 1 or any(segment.born is not None for segment in added):
            raise InvalidProof("statement", "rows that were added are one segment, and were never committed before")
        if not set(old.holes) <= set(new.holes) or (added and new.holes != old.holes):
            raise InvalidProof("statement", "rows that were destroyed are back, or some were with others being added")
        if old.continued(new.root, new.openings, new.record_root, added, new.holes) != new:
            raise InvalidProof("statement", "the new commitment does not even claim to go on with the old one's rows")
        path, paths = (attached.get(name, b"") for name in self.attachments)
        verify_consistency(old.record_root, old.rows, new.record_root, new.rows, path)
        positions = [record.position for record in self.superseded]
        digests = [record.digest for record in self.superseded]
        verify_records(old.record_root, old.rows, positions, digests, paths)

    def to_mapping(self) -> Mapping[str, object]:
        """Canonical content."""
        return {
            "old": statement_digest(self.old),
            "new": statement_digest(self.new),
            "superseded": written_records(self.superseded),
        }

    @classmethod
    def from_mapping(cls, mapping: object, references: Mapping[str, Any]) -> Self:
        """Raises FormatError."""
        fields = take(mapping, _FIELDS, "link")
        old, new = (referenced(references, name, fields[name]) for name in ("old", "new"))
        return cls(old, new, read_records(fields["superseded"]))
