"""The seam for kinds of statement: what a proof says, as data that reads and writes itself.

A kind of statement is one class in one file, registered under the string that stands for it on the wire. Whatever is
the same for all kinds (the file, the transcript, proving, verifying) is written once, for `Statement`.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self, TypeVar

from ...errors import FormatError, ParameterError
from ...formats.body import Body
from ...formats.container import KINDS, WITH_BODY, canonical_map
from ...formats.fields import take
from ...shown import Facts, Shown
from ..language.layout import Column
from ..language.relation import Relation


@dataclass(frozen=True)
class Committed:
    """A matrix that is committed before the proof, as a statement names it.

    Attributes:
        columns: what it holds.
        openings: how many proofs its random tails hide; public, and part of the commitment.
        root: Merkle root of its codewords.
        shortest_row_bits: its rows hold at least 2^this cells.
        beside: of one so small that a lower rate makes proofs shorter (models), the matrix on whose code it lies
            instead where that makes them shorter still, in whatever proof it is opened.
    """

    columns: tuple[Column, ...]
    openings: int
    root: bytes
    shortest_row_bits: int
    beside: Committed | None = None


class Statement(Shown, ABC):
    """One kind of statement; subclasses are frozen dataclasses.

    Attributes:
        kind: its name on the wire.
        version: of its fields, relation and check; a change of any of these has a new one.
        refers: other statements that it names by their digests, which its file carries along.
        optional: those of `refers` that a statement may do without; their attribute is then None.
        attachments: names of byte strings that its file carries beside the proof; no part of what is stated.
        row_bytes: of each of the rows that its file lists after all this, no part either; 0 for a kind without.
    """

    kind: ClassVar[str]
    version: ClassVar[int]
    refers: ClassVar[Mapping[str, type[Statement]]] = {}
    optional: ClassVar[frozenset[str]] = frozenset()
    attachments: ClassVar[tuple[str, ...]] = ()
    row_bytes: ClassVar[int] = 0

    @property
    @abstractmethod
    def relation(self) -> Relation:
        """What is proved. Raises ParameterError if that cannot be."""

    @property
    @abstractmethod
    def matrices(self) -> Mapping[str, Committed]:
        """The matrices of the relation that are committed beforehand, by name."""

    @abstractmethod
    def to_mapping(self) -> Mapping[str, object]:
        """Canonical content; statements it refers to by their digests."""

    @classmethod
    @abstractmethod
    def from_mapping(cls, mapping: object, references: Mapping[str, Any]) -> Self:
        """Read what `to_mapping` wrote; `references` holds those of `refers` that are there. Raises FormatError."""

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the instance, which names the statement."""
        return hashlib.sha256(instance(self)).digest()

    @property
    def about(self) -> Facts:
        """What it says, in few public numbers; all of it but its name."""
        return ()

    @property
    def facts(self) -> Facts:
        """See Shown."""
        return (("statement", self.digest), *self.about)

    @property
    def references(self) -> Mapping[str, Statement]:
        """The statements that it refers to, by the names of `refers`."""
        found = {name: getattr(self, name) for name in self.refers}
        return {name: other for name, other in found.items() if other is not None}

    @property
    def opens(self) -> tuple[Statement, ...]:
        """The statements whose own matrices its proof opens."""
        return tuple(self.references.values())

    def require_provable(self) -> None:
        """Refuse what no single proof can carry, before anything is laid out. Raises ParameterError.

        Most kinds have nothing to refuse.
        """
        return None

    @property
    def listed(self) -> range:
        """The numbers of the rows that its file lists."""
        return range(0)

    def with_body(self, body: Body) -> Self:
        """The same, that knows these rows, which its relation may need. They may be others than it should list."""
        return self

    @property
    def outside_error(self) -> int:
        """Numerator over |K| of the probability that something goes wrong which is no round of the proof."""
        return 0

    def require_consistent(self, attached: Mapping[str, bytes]) -> None:
        """What follows from the statement, its attachments and its rows alone. Raises InvalidProof. Likewise."""
        return None


S = TypeVar("S", bound=Statement)
STATEMENTS: dict[str, type[Statement]] = {}


def statement_kind(kind: type[S]) -> type[S]:
    """Enter a kind into the tables of statements and of files. Raises ParameterError if its name is taken."""
    if kind.kind in KINDS:
        raise ParameterError(f"there is a kind {kind.kind!r} already")
    KINDS[kind.kind] = kind.version
    if kind.row_bytes:
        WITH_BODY.add(kind.kind)
    STATEMENTS[kind.kind] = kind
    return kind


def instance(statement: Statement) -> bytes:
    """The canonical encoding of a whole statement, what the transcript begins with."""
    return canonical_map({"kind": statement.kind, "version": statement.version, "statement": statement.to_mapping()})


def statement_digest(statement: Statement) -> bytes:
    """SHA-256 of the instance: the name of a statement."""
    return statement.digest


# In files ----------------------------------------------------------------------------------------------------------


def written(statement: Statement) -> dict[str, object]:
    """A statement with those it refers to, for a file."""
    references = {name: written(other) for name, other in statement.references.items()}
    return {"statement": statement.to_mapping(), "references": references}


def read_statement(kind: type[S], payload: object) -> S:
    """What `written` wrote. Raises FormatError."""
    fields = take(payload, {"statement": dict, "references": dict}, kind.kind)
    given = [name for name in kind.refers if name not in kind.optional or name in fields["references"]]
    found = take(fields["references"], dict.fromkeys(given, dict), f"references of {kind.kind}")
    references = {name: read_statement(kind.refers[name], found[name]) for name in given}
    return kind.from_mapping(fields["statement"], references)


def referenced(references: Mapping[str, Any], name: str, digest: bytes) -> Any:
    """The statement of that name, which has to have that digest. Raises FormatError."""
    if statement_digest(references[name]) != digest:
        raise FormatError(f"the {name} beside the statement is not the one it names")
    return references[name]
