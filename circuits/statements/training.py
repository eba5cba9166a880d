"""What a proof says, as data: the committed data set, and the training on it.

Everything a verifier needs follows from a statement: shapes, schedule, relation, and so the length of the proof
and every public vector in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ...models.encoding.dataset import DatasetEncoding
from ...models.live import Live
from ...models.methods import Compiled
from ...models.spec import TrainingSpec
from ..language.layout import Column
from ..language.relation import Relation
from ..relations.methods import RELATIONS_OF_METHOD
from ..relations.recommitment import Recommitment
from ..relations.validity import Validity, dataset_columns

ORDER_TAG = b"zkunlearn order 1"


def order_key(seed: bytes, digest: bytes) -> bytes:
    """Rows stand in the increasing order of SHA-256(tag, seed, record digest).

    The seed is a hash of all record digests (prover/witnesses/rows.py), so that a new salt for one row reshuffles all:
    sorting by the digests themselves would let an owner grind each row's salt for the place it should take.
    """
    return hashlib.sha256(ORDER_TAG + seed + digest).digest()


@dataclass(frozen=True)
class DatasetStatement:
    """A committed data set.

    Attributes:
        rows: N.
        encoding: how reals became integers, column by column; public.
        openings: how many proofs the commitment's random tails hide.
        root: Merkle root of the encoded matrix.
        record_root: Merkle root of the record digests, in the order of rows.
        order_seed: what the order of rows is drawn from, see `order_key`.
    """

    rows: int
    encoding: DatasetEncoding
    openings: int
    root: bytes
    record_root: bytes
    order_seed: bytes

    @property
    def features(self) -> int:
        """d, without the constant one."""
        return len(self.encoding.features)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Columns of the committed matrix."""
        return dataset_columns(self.rows, self.features)

    @property
    def relation(self) -> Validity:
        """Every feature and label is in range."""
        return Validity(self.rows, self.features, self.encoding.label.kind, self.encoding.x_bits)

    def to_mapping(self) -> Mapping[str, object]:
        """Canonical content."""
        return {
            "rows": self.rows,
            "encoding": self.encoding.to_mapping(),
            "openings": self.openings,
            "root": self.root,
            "record_root": self.record_root,
            "order_seed": self.order_seed,
        }


@dataclass(frozen=True)
class RecommitmentStatement:
    """Two commitments to the same rows. Everything but the matrix root and the openings has to be equal.

    Attributes:
        old: the commitment whose openings are (nearly) spent.
        new: the one that takes its place.
    """

    old: DatasetStatement
    new: DatasetStatement

    @property
    def relation(self) -> Recommitment:
        """Every column agrees."""
        return Recommitment(self.old.rows, self.old.features)

    def to_mapping(self) -> Mapping[str, object]:
        """Canonical content."""
        return {"old": self.old.to_mapping(), "new": self.new.to_mapping()}


@dataclass(frozen=True)
class ForgottenRecord:
    """A forgotten row: its position, its record digest, and the digest's audit path to the record root."""

    position: int
    digest: bytes
    path: bytes

    def to_mapping(self) -> Mapping[str, object]:
        """Canonical content."""
        return {"position": self.position, "digest": self.digest, "path": self.path}


@dataclass(frozen=True)
class TrainingStatement:
    """The model behind `model_root` is what `spec` outputs on the rows of `dataset` that are not forgotten.

    Attributes:
        dataset: the committed data set.
        spec: the declared algorithm.
        forgotten: in strictly increasing order of positions.
        model_root: Merkle root of the model commitment.
        previous: digest of the statement this one supersedes, or None.
    """

    dataset: DatasetStatement
    spec: TrainingSpec
    forgotten: tuple[ForgottenRecord, ...]
    model_root: bytes
    previous: bytes | None

    @property
    def positions(self) -> tuple[int, ...]:
        """Positions of the forgotten rows."""
        return tuple(record.position for record in self.forgotten)

    @cached_property
    def schedule(self) -> Compiled:
        """The integers of the algorithm. Raises ParameterError if it cannot be proved on this data set."""
        shape = self.dataset.encoding.shape(self.dataset.rows)
        return self.spec.compile(shape, Live(self.dataset.rows, self.positions))

    @cached_property
    def relation(self) -> Relation:
        """The relation of the spec's method."""
        return RELATIONS_OF_METHOD[self.spec.method.kind](self.schedule)

    def to_mapping(self) -> Mapping[str, object]:
        """Canonical content."""
        return {
            "dataset": self.dataset.to_mapping(),
            "spec": self.spec.to_mapping(),
            "forgotten": [record.to_mapping() for record in self.forgotten],
            "model_root": self.model_root,
            "previous": self.previous,
        }
