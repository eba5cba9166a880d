"""The statement of a training: a committed model is what the declared algorithm outputs without the forgotten rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import NoneType
from typing import Any, ClassVar, Self

from ...errors import FormatError, InvalidProof, ParameterError
from ...formats.fields import Bytes, Fields, Int, ListOf, take
from ...models.live import Live
from ...models.methods import Compiled
from ...models.methods.base import NO_NOISE
from ...models.methods.optimum import MAX_DISTANCES
from ...models.shapes import MAX_CLASSES, DatasetShape
from ...models.shards import Run
from ...models.spec import TrainingSpec
from ...shown import Facts, of_all
from ..language.relation import Relation
from ..relations.dataset import DATASET
from ..relations.forgotten_classes import WithoutClasses
from ..relations.keyed import Keyed
from ..relations.methods import RELATIONS_OF_METHOD
from ..relations.model import MODEL
from ..relations.noise import NOISE
from ..relations.sisa import start_matrix
from .base import Committed, Statement, referenced, statement_digest, statement_kind
from .dataset import DIGEST_BYTES, DatasetStatement
from .noise import OPENINGS, Drawn, NoiseStatement, pads_of
from .record_tree import verify_records
from .records import Record, order_key, read_records, written_records
from .scope import SCOPE, STARTS, ModelCommitment, Start, read_scope, written_scope

PATHS = "paths"  # in the file: the multiproof of the forgotten records, which is no part of what is stated
SHORTEST_ROW_BITS = 8
NOT_DRAWN = (
    "a model with noise takes two moves: commit to the noise (`commit_noise`, `prove --commit-noise`), then prove with "
    "the nonce that is drawn for it"
)

_FIELDS: Fields = {
    "dataset": Bytes(DIGEST_BYTES),
    "spec": dict,
    "forgotten": dict,
    "forgotten_classes": ListOf(str, 0, MAX_CLASSES - 2),
    "model": dict,
    "start": STARTS,
    "scope": SCOPE,
    "distance": Int(0, MAX_DISTANCES - 1),
    "noise": (dict, NoneType),
    "previous": (Bytes(DIGEST_BYTES), NoneType),
}


@statement_kind
@dataclass(frozen=True, repr=False)
class TrainingStatement(Statement):
    """The model behind `model.root` is what `spec` outputs on the rows of `dataset` that are not forgotten.

    Attributes:
        dataset: the committed data set.
        spec: the declared algorithm.
        forgotten: in strictly increasing order of positions.
        model: the committed model.
        previous: digest of the statement this one supersedes, or None.
        forgotten_classes: texts of classes no row of which counts, in increasing order. They stay forgotten along a
            chain. Which rows are of them the list of the forgotten rows says, among others.
        scope: of a sharded training, which shards are trained, and from which stage on; all of them without any.
        start: earlier statements from whose models some of these begin, by whose numbers `scope` names them; of
            Newton's steps the one that is superseded, if one is.
        distance: of a certified optimum, which of the declared distances is proved; 0 of other trainings.
        noise: of a noisy one, the commitment to its noise and the nonce; None of other trainings.
    """

    dataset: DatasetStatement
    spec: TrainingSpec
    forgotten: tuple[Record, ...]
    model: ModelCommitment
    previous: bytes | None
    forgotten_classes: tuple[str, ...] = ()
    scope: tuple[Run, ...] = ()
    start: tuple[Start, ...] = ()
    distance: int = 0
    noise: Drawn | None = None

    kind: ClassVar[str] = "training"
    version: ClassVar[int] = 7
    refers: ClassVar[Mapping[str, type[Statement]]] = {"dataset": DatasetStatement}
    attachments: ClassVar[tuple[str, ...]] = (PATHS,)

    @property
    def about(self) -> Facts:
        """See Statement."""
        held, rows = self.spec.holdout, self.dataset.rows
        counted = rows - held - sum(position >= held for position in self.positions)
        return (
            *self.spec.about,
            ("features", self.dataset.encoding.names),
            ("rows", of_all(counted, rows)),
            ("forgotten", len(self.forgotten)),
            ("supersedes", self.previous),
        )

    @property
    def positions(self) -> tuple[int, ...]:
        """Positions of the forgotten rows."""
        return tuple(record.position for record in self.forgotten)

    @cached_property
    def schedule(self) -> Compiled:
        """The integers of the algorithm. Raises ParameterError if it cannot be proved on this data set."""
        compiled = self.spec.compile(self._shape, Live(self.dataset.rows, self.positions))
        if self.distance:
            compiled = compiled.at_distance(self.distance)
        scales = tuple(start.scale for start in self.start if start.scale is not None)
        if scales:
            compiled = compiled.begun(scales)
        if self.noise is not None and self.committed_noise is not None:
            count = compiled.outputs * compiled.width
            compiled = compiled.with_pads(pads_of(self.committed_noise.digest, self.noise.nonce, count))
        if not self.scope and len(scales) == len(self.start):
            return compiled
        return compiled.scoped(self.scope, tuple(start.scope for start in self.start))

    @cached_property
    def committed_noise(self) -> NoiseStatement | None:
        """What the owner committed to before the nonce."""
        return None if self.noise is None else NoiseStatement.of(self, self.noise.root, self.noise.source)

    @property
    def _shape(self) -> DatasetShape:
        return self.dataset.encoding.shape(self.dataset.rows)

    @cached_property
    def training(self) -> Relation:
        """The relation of the spec's method."""
        return RELATIONS_OF_METHOD[self.spec.method.kind](self.schedule)

    @property
    def relation(self) -> Relation:
        """That of the method; and that no row that counts is of a forgotten class, if there are such classes."""
        relation = self.training
        if self.forgotten_classes:
            numbers = [self.dataset.encoding.label.classes.index(text) for text in self.forgotten_classes]
            relation = WithoutClasses(relation, tuple(sorted(numbers)), self.dataset.outputs, self.schedule.live)
        return Keyed(relation, self.dataset.columns) if self.dataset.key_limbs else relation

    @property
    def matrices(self) -> Mapping[str, Committed]:
        """The data set, the model, and models that training begins from, and its noise."""
        found = {DATASET: self.dataset.committed, MODEL: self.committed(self.model)}
        found |= {start_matrix(i): self.committed(own.model, start_matrix(i)) for i, own in enumerate(self.start)}
        if self.noise is not None:
            found[NOISE] = self._small(NOISE, OPENINGS, self.noise.root)
        return found

    def committed(self, model: ModelCommitment, matrix: str = MODEL) -> Committed:
        """The matrix of a commitment to its model, which later statements open again; or to models it begins from."""
        return self._small(matrix, model.openings, model.root)

    def _small(self, matrix: str, openings: int, root: bytes) -> Committed:
        columns = self.training.columns[matrix]
        return Committed(columns, openings, root, SHORTEST_ROW_BITS, self.dataset.committed)

    def begins_from(self, before: Self) -> bool:
        """Whether steps, if it is by steps, begin from the model of the statement it supersedes, at the model's scale.

        What that model's integers are its own statement says: of every method they are below 2^62.
        """
        if not self.spec.method.begins:
            return True
        expected = Start(before.digest, before.model, (), before.spec.weight_bits)
        return self.start == (expected,) and before.training.columns[MODEL] == self.training.columns[MODEL]

    def require_provable(self) -> None:
        """A data set and a training that one proof can carry, a model of the shape that the spec implies, and classes
        that can be forgotten."""
        self.dataset.require_provable()
        if self.spec.holdout > self.dataset.stops[0]:
            first = self.dataset.stops[0]
            raise ParameterError(f"holdout = {self.spec.holdout}: only {first} rows were committed first, in one order")
        self.spec.method.require_provable(self._shape)
        if self.spec.method.noised != (self.noise is not None):
            raise ParameterError(NOT_DRAWN if self.noise is None else NO_NOISE)
        for model, scope in ((self.model, self.scope), *((start.model, start.scope) for start in self.start)):
            expected = self.spec.method.model_shape(self._shape, scope)
            if model.shape != expected:
                raise ParameterError(f"a model of shape {model.shape}, where the spec implies {expected}")
        self.dataset.encoding.label.require_forgettable(self.forgotten_classes)

    def require_consistent(self, attached: Mapping[str, bytes]) -> None:
        """Positions strictly increase, and order keys within each segment; they are below N and hold what is named.
        Newton's steps begin from the model that is superseded, or from zero where none is.

        So no record is named twice, and the named ones stand in the order in which the data set has to be. What was
        read from bytes has increasing positions already; a statement that was put together here may not.

        Raises:
            InvalidProof: "statement", "forget list" or "record path".
        """
        superseded = [] if self.previous is None else [self.previous]
        if self.spec.method.begins and [start.statement for start in self.start] != superseded:
            raise InvalidProof("statement", "its steps do not begin from the model that it supersedes")
        dataset, last, last_key = self.dataset, -1, (0, b"")
        for record in self.forgotten:
            if not last < record.position < dataset.rows:
                raise InvalidProof("forget list", f"position {record.position} after {last} of {dataset.rows} rows")
            segment = dataset.segment_at(record.position)
            key = segment, order_key(dataset.segments[segment].seed, record.digest)
            if key <= last_key:
                raise InvalidProof("forget list", f"the record at position {record.position} is out of order")
            last, last_key = record.position, key
        missing = set(dataset.holes).difference(self.positions)
        if missing:
            raise InvalidProof("forget list", f"the row at position {min(missing)} was destroyed, and is not in it")
        if len(self.forgotten) == dataset.rows:
            raise InvalidProof("forget list", "every row is forgotten")
        digests = [record.digest for record in self.forgotten]
        verify_records(dataset.record_root, dataset.rows, self.positions, digests, attached.get(PATHS, b""))

    def to_mapping(self) -> Mapping[str, object]:
        """Canonical content."""
        return {
            "dataset": statement_digest(self.dataset),
            "spec": self.spec.to_mapping(),
            "forgotten": written_records(self.forgotten),
            "forgotten_classes": list(self.forgotten_classes),
            "model": self.model.to_mapping(),
            "start": [start.to_mapping() for start in self.start],
            "scope": written_scope(self.scope),
            "distance": self.distance,
            "noise": None if self.noise is None else self.noise.to_mapping(),
            "previous": self.previous,
        }

    @classmethod
    def from_mapping(cls, mapping: object, references: Mapping[str, Any]) -> Self:
        """Raises FormatError."""
        fields = take(mapping, _FIELDS, "statement")
        classes = tuple(fields["forgotten_classes"])
        if classes != tuple(sorted(set(classes))):
            raise FormatError("statement: forgotten classes are not in increasing order")
        return cls(
            dataset=referenced(references, "dataset", fields["dataset"]),
            spec=TrainingSpec.from_mapping(fields["spec"]),
            forgotten=read_records(fields["forgotten"]),
            model=ModelCommitment.from_mapping(fields["model"]),
            previous=fields["previous"],
            forgotten_classes=classes,
            scope=read_scope(fields["scope"]),
            start=tuple(map(Start.from_mapping, fields["start"])),
            distance=fields["distance"],
            noise=None if fields["noise"] is None else Drawn.from_mapping(fields["noise"]),
        )
