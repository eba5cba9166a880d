"""The statement of an evaluation: how many rows of a hold-out data set committed models predict right.

The hold-out is what the spec of a training holds out of its own data set (`holdout`): these rows are not used in
training, which the training's proof shows, and nobody chose them. Or it is a data set of its own, committed with the
encoding of the one that the models were trained on. Then, that no row of it was trained on cannot be shown: digests are
salted, so somebody may commit to the same rows twice. What can be seen is refused: the training set itself, a fresh
commitment to it, and what has grown from it or into it, which all say where their rows were first committed.

Numbers are exact, so two statements about rows that differ in one tell how this one is predicted. Hence one statement
has all models that are to be compared, on the same rows: what one of them forgot counts for none. No statement chooses
a range of rows, and a small hold-out is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import NoneType
from typing import Any, ClassVar, Self

from ...errors import FormatError, ParameterError
from ...formats.fields import Bytes, Fields, Int, ListOf, take
from ...models.live import Live
from ...models.shapes import MAX_ROWS
from ..language.relation import Relation
from ..relations.dataset import DATASET
from ..relations.evaluation import LARGEST_SCORE_BITS, MODELS, Evaluation, Judged
from ..relations.keyed import Keyed
from ..relations.model import MODEL
from .base import Committed, Statement, referenced, statement_digest, statement_kind
from .dataset import DIGEST_BYTES, DatasetStatement
from .training import TrainingStatement

MIN_ROWS = 100  # that count: fewer, and the numbers are about single people

_FIELDS: Fields = {
    "holdout": Bytes(DIGEST_BYTES),
    "training": Bytes(DIGEST_BYTES),
    "second": (Bytes(DIGEST_BYTES), NoneType),
    "right": ListOf(Int(0, MAX_ROWS), 1, len(MODELS)),
}


@statement_kind
@dataclass(frozen=True)
class EvaluationStatement(Statement):
    """So many rows of the hold-out are predicted right by each model.

    Attributes:
        holdout: the data set that is predicted, of which the rows of `live` count.
        training: what the model is of, in the commitment that this statement names.
        right: of each model the number of rows.
        second: the same of a second model, if there is one.
    """

    holdout: DatasetStatement
    training: TrainingStatement
    right: tuple[int, ...]
    second: TrainingStatement | None = None

    kind: ClassVar[str] = "evaluation"
    version: ClassVar[int] = 1
    refers: ClassVar[Mapping[str, type[Statement]]] = {
        "holdout": DatasetStatement, "training": TrainingStatement, "second": TrainingStatement,
    }  # fmt: skip
    optional: ClassVar[frozenset[str]] = frozenset({"second"})

    @property
    def trainings(self) -> tuple[TrainingStatement, ...]:
        """What the models are of, in their order."""
        return (self.training,) if self.second is None else (self.training, self.second)

    @cached_property
    def within(self) -> bool:
        """Whether the rows are held out of the training set."""
        return self.holdout.digest in {own.dataset.digest for own in self.trainings}

    @property
    def stop(self) -> int:
        """The position after the last row that may count."""
        return min(self.training.spec.holdout, self.holdout.rows) if self.within else self.holdout.rows

    @cached_property
    def gone(self) -> tuple[int, ...]:
        """Positions of rows before it that do not count: destroyed, or, of those that are held out, forgotten."""
        forgotten = [position for own in self.trainings for position in own.positions] if self.within else []
        return tuple(sorted({position for position in (*self.holdout.holes, *forgotten) if position < self.stop}))

    @property
    def rows(self) -> int:
        """How many rows count."""
        return self.stop - len(self.gone)

    @property
    def live(self) -> Live:
        """Who counts. Raises ParameterError if nobody does."""
        return Live(self.holdout.rows, self.gone, ((0, self.stop),))

    @property
    def relation(self) -> Relation:
        """So many predictions are right."""
        return Keyed(self.predictions, self.holdout.columns) if self.holdout.key_limbs else self.predictions

    @cached_property
    def predictions(self) -> Evaluation:
        """The relation, but for keys of rows."""
        own = self.holdout
        models = map(_judged, MODELS, self.trainings, self.right)
        return Evaluation(own.rows, own.features, own.encoding.x_bits, self.live, tuple(models))

    @property
    def matrices(self) -> Mapping[str, Committed]:
        """The hold-out, and the models."""
        pairs = zip(MODELS, self.trainings, strict=False)
        return {DATASET: self.holdout.committed, **{name: own.committed(own.model) for name, own in pairs}}

    def require_provable(self) -> None:
        """Two classes, models of one output, an encoding that is theirs, and rows that can be told not to be theirs."""
        if len(self.right) != len(self.trainings):
            raise ParameterError(f"{len(self.right)} numbers of {len(self.trainings)} models")
        self.holdout.require_provable()
        for training in self.trainings:
            training.require_provable()
            _require_two_classes(training)
            _require_encoding(self.holdout, training.dataset)
            _require_not_used(self.holdout, training, self.trainings)
        if self.rows < MIN_ROWS:
            raise ParameterError(
                f"{self.rows} rows of the hold-out count, and it takes {MIN_ROWS}: of fewer, exact numbers tell too "
                "much of each"
            )
        if self.second is not None and self.second.digest == self.training.digest:
            raise ParameterError("both models are the same one")
        for own in self.predictions.models:
            if self.predictions.score_bits(own) > LARGEST_SCORE_BITS:
                raise ParameterError("scores of this model can be too large to be cut into integers")

    def to_mapping(self) -> Mapping[str, object]:
        """Canonical content."""
        return {
            "holdout": statement_digest(self.holdout),
            "training": statement_digest(self.training),
            "second": None if self.second is None else statement_digest(self.second),
            "right": list(self.right),
        }

    @classmethod
    def from_mapping(cls, mapping: object, references: Mapping[str, Any]) -> Self:
        """Raises FormatError."""
        fields = take(mapping, _FIELDS, cls.kind)
        holdout, training = (referenced(references, name, fields[name]) for name in ("holdout", "training"))
        if (fields["second"] is None) != ("second" not in references):
            raise FormatError("evaluation: the second model beside the statement is not one that it names")
        second = None if fields["second"] is None else referenced(references, "second", fields["second"])
        return cls(holdout, training, tuple(fields["right"]), second)


def _judged(matrix: str, training: TrainingStatement, right: int) -> Judged:
    """A model in the relation. Raises ParameterError for one whose integers have no such bounds."""
    bits = training.schedule.committed_bits
    if bits is None:
        raise ParameterError(f"a model by {training.spec.method.kind!r} cannot be evaluated yet")
    return Judged(matrix, training.training.columns[MODEL], *bits, right)


def _require_two_classes(training: TrainingStatement) -> None:
    """What is predicted is one of two classes, by one model. Raises ParameterError."""
    label, family = training.dataset.encoding.label, training.spec.family
    if family.predicts != "class" or label.kind != "binary":
        raise ParameterError(f"{family.title} on {label.kind} labels: only models of two classes can be evaluated yet")
    if training.schedule.committed_bits is None:
        raise ParameterError(f"a model by {training.spec.method.kind!r} cannot be evaluated yet")


def _require_encoding(holdout: DatasetStatement, trained: DatasetStatement) -> None:
    """Integers mean the same, wherever the bounds of columns were taken from. Raises ParameterError."""
    if replace(holdout.encoding, bounds_declared=True) != replace(trained.encoding, bounds_declared=True):
        raise ParameterError(
            "the hold-out has other columns, bounds, scales or classes than the data set of the model; commit to it "
            "with the same bounds"
        )


def _require_not_used(
    holdout: DatasetStatement, training: TrainingStatement, others: tuple[TrainingStatement, ...]
) -> None:
    """The training holds the rows out, as all others do; or none was committed with its rows, as far as both say.

    Raises ParameterError.
    """
    trained = training.dataset
    if holdout.digest == trained.digest:
        if not training.spec.holdout:
            raise ParameterError("the hold-out is the data set of the model, whose spec holds no rows out")
        if any((own.dataset, own.spec.holdout) != (trained, training.spec.holdout) for own in others):
            raise ParameterError("the trainings do not hold out the same rows of one data set")
        return
    if holdout.record_root == trained.record_root or not set(holdout.births).isdisjoint(trained.births):
        raise ParameterError("the hold-out has rows that were committed in the data set of the model, or an older one")
