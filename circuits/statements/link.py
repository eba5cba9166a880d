"""The statement that two commitments hold the same rows: the link between them, when a data set is committed afresh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from ...errors import InvalidProof
from ...formats.fields import Bytes, take
from ..relations.dataset import DATASET
from ..relations.recommitment import NEW_DATASET, Recommitment, dataset_recommitment
from .base import Committed, Statement, referenced, statement_digest, statement_kind
from .dataset import DIGEST_BYTES, DatasetStatement


@statement_kind
@dataclass(frozen=True)
class LinkStatement(Statement):
    """Two commitments to the same rows. Everything but the matrix root and the openings has to be equal, and the new
    one says where the rows were born: in the old one, or where that says.

    Attributes:
        old: the commitment whose openings are (nearly) spent.
        new: the one that takes its place.
    """

    old: DatasetStatement
    new: DatasetStatement

    kind: ClassVar[str] = "link"
    version: ClassVar[int] = 4
    refers: ClassVar[Mapping[str, type[Statement]]] = {"old": DatasetStatement, "new": DatasetStatement}

    @property
    def relation(self) -> Recommitment:
        """Every column agrees."""
        return dataset_recommitment(self.old.rows, self.old.features, self.old.outputs)

    @property
    def matrices(self) -> Mapping[str, Committed]:
        """Both data sets."""
        return {DATASET: self.old.committed, NEW_DATASET: self.new.committed}

    def require_provable(self) -> None:
        """As for a data set."""
        self.old.require_provable()

    def require_consistent(self, attached: Mapping[str, bytes]) -> None:
        """Raises InvalidProof("statement")."""
        if self.old.recommitted(self.new.root, self.new.openings) != self.new:
            raise InvalidProof("statement", "the two commitments do not even claim to hold the same rows")

    def to_mapping(self) -> Mapping[str, object]:
        """Canonical content."""
        return {"old": statement_digest(self.old), "new": statement_digest(self.new)}

    @classmethod
    def from_mapping(cls, mapping: object, references: Mapping[str, Any]) -> Self:
        """Raises FormatError."""
        fields = take(mapping, {"old": Bytes(DIGEST_BYTES), "new": Bytes(DIGEST_BYTES)}, "link")
        return cls(*(referenced(references, name, fields[name]) for name in ("old", "new")))
