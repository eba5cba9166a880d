"""The statement of an evaluation: how well committed models predict the rows of a hold-out.

Of classes it has the number of right predictions, and if that is asked for a confusion matrix, exactly; bounds
of the log-loss of what `predict_proba` says; of numbers bounds of the squares of residuals, and of labels from their
mean, from which those of RMSE and R^2 follow. Bounds are on a declared grid (results.py).

The hold-out is what the spec of a training holds out of its own data set (`holdout`): these rows are not used in
training, which the training's proof shows, and nobody chose them. Or it is a data set of its own, committed with the
encoding of the one that the models were trained on. Then, that no row of it was trained on cannot be shown: digests are
salted, so somebody may commit to the same rows twice. What can be seen is refused: the training set itself, a fresh
commitment to it, and what has grown from it or into it, which all say where their rows were first committed.

Counts are exact, so two statements about rows that differ in one tell how this one is predicted. Hence one statement
has all models that are to be compared, on the same rows: what one of them forgot counts for none. No statement chooses
a range of rows, and a small hold-out is refused.

A model is named by its training and by the commitment that is opened: that of the training, or one that links lead to
from it (model_link.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import NoneType
from typing import Any, ClassVar, Self

from ...errors import FormatError, ParameterError
from ...formats.fields import Bytes, Fields, Int, ListOf, take
from ...models.losses import LOSS_BITS, LOSS_INDEX_BITS
from ...shown import Facts
from ..relations.argmax import Argmax
from ..relations.dataset import DATASET
from ..relations.evaluation import MODELS, Evaluation, Judged
from ..relations.loss_tables import LOSSES_OF
from ..relations.model import MODEL
from ..relations.normalised_loss import NormalisedLoss
from ..relations.residuals import Residuals
from ..relations.scored import ScoredModel
from ..relations.several_classes import SeveralClasses
from ..relations.two_classes import TwoClasses
from .base import Committed, Statement, referenced, statement_digest, statement_kind
from .dataset import DIGEST_BYTES, DatasetStatement
from .deviances import judged_counts, require_counts
from .evaluated import Evaluated, Subject, require_apart, require_encoding
from .results import (
    GRIDS,
    MOST_STEPS,
    Classified,
    Regressed,
    Result,
    read_result,
)
from .scope import ModelCommitment
from .training import TrainingStatement

MIN_ROWS = 100  # that count: fewer, and the numbers are about single people

_FIELDS: Fields = {
    "holdout": Bytes(DIGEST_BYTES),
    "training": Bytes(DIGEST_BYTES),
    "second": (Bytes(DIGEST_BYTES), NoneType),
    "models": ListOf(dict, 1, len(MODELS)),
    "results": ListOf(dict, 1, len(MODELS)),
    "grid": Int(*GRIDS),
    "spread": (Int(0, MOST_STEPS), NoneType),
}


@statement_kind
@dataclass(frozen=True, repr=False)
class EvaluationStatement(Evaluated):
    """How well each model predicts the rows of the hold-out.

    Attributes:
        holdout: the data set that is predicted, of which the rows of `live` count.
        training: what the model is of, in the commitment that this statement names.
        models: of each model the commitment that is opened.
        results: of each model what is found.
        grid: a step of what is rounded is 2^-grid for each row.
        spread: steps of the squares of labels from their mean, rounded down; None where models predict classes.
        second: as `training`, of a second model, if there is one.
    """

    holdout: DatasetStatement
    training: TrainingStatement
    models: tuple[ModelCommitment, ...]
    results: tuple[Result, ...]
    grid: int
    spread: int | None = None
    second: TrainingStatement | None = None

    kind: ClassVar[str] = "evaluation"
    version: ClassVar[int] = 2
    refers: ClassVar[Mapping[str, type[Statement]]] = {
        "holdout": DatasetStatement, "training": TrainingStatement, "second": TrainingStatement,
    }  # fmt: skip
    optional: ClassVar[frozenset[str]] = frozenset({"second"})

    @property
    def about(self) -> Facts:
        """See Statement."""
        models = tuple(("model of", own.digest) for own in self.trainings)
        return (*models, ("hold-out", self.holdout.digest), ("rows", self.rows))

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
    def predicts(self) -> str:
        """ "class", "value" or "count", as families do."""
        return self.training.spec.family.predicts

    @property
    def opened(self) -> Subject:
        """See Evaluated."""
        return tuple(zip(self.trainings, self.models, strict=True))

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """See Evaluated: one training each."""
        return tuple((own,) for own in self.opened)

    @cached_property
    def predictions(self) -> Evaluation:
        """The relation, but for keys of rows."""
        own, models = self.holdout, tuple(map(self._judged, MODELS, self.trainings, self.results))
        return Evaluation(own.rows, own.features, own.outputs, models, self.label_spread)

    def _judged(self, matrix: str, training: TrainingStatement, result: Result) -> Judged:
        """A model in the relation. Raises ParameterError for one whose integers have no such bounds."""
        scored = self._scored(matrix, training)
        scale = self._scale(training)
        if isinstance(result, Regressed):
            labels = self.label_scales
            if training.spec.family.predicts == "count":
                return judged_counts(training, result, scored, self.live, self.steps, labels)
            shift, square = scale - labels.fine, self.steps.bits(2 * labels.fine)
            shifts = scale - labels.label_bits, shift
            return Residuals(scored, self.live, *shifts, labels.residual_bits, result.squares, square)
        step, family = self.steps.bits(LOSS_BITS), training.spec.family.name
        if self.holdout.outputs > 1:
            classes = self.holdout.encoding.label.classes
            gone = tuple(number for number, text in enumerate(classes) if text in training.forgotten_classes)
            argmax = Argmax(scored, self.live, gone)
            loss = None if result.loss is None else NormalisedLoss(scored, self.live, family, scale, result.loss, step)
            return SeveralClasses(argmax, result.right, result.confusion, loss)
        losses = LOSSES_OF[family]
        return TwoClasses(scored, self.live, result.right, scale, result.loss, step, result.confusion, losses)

    def _scored(self, matrix: str, training: TrainingStatement) -> ScoredModel:
        bits = training.schedule.committed_bits
        if bits is None:
            raise ParameterError(f"models by {training.spec.method.kind!r} answer together: evaluate the bundle")
        columns = training.training.columns[MODEL]
        return ScoredModel(matrix, columns, *bits, self.holdout.rows, self.holdout.encoding.x_bits)

    def _scale(self, training: TrainingStatement) -> int:
        """Bits of scores' scale."""
        return self.holdout.encoding.x_bits + training.spec.weight_bits

    @property
    def matrices(self) -> Mapping[str, Committed]:
        """The hold-out, and the models."""
        named = zip(MODELS, self.trainings, self.models, strict=False)
        return {DATASET: self.holdout.committed, **{name: own.committed(model) for name, own, model in named}}

    def require_provable(self) -> None:
        """Models that can be evaluated, an encoding that is theirs, and rows that can be told not to be theirs."""
        if not len(self.results) == len(self.models) == len(self.trainings):
            raise ParameterError(f"{len(self.results)} results and {len(self.models)} commitments of some models")
        self.holdout.require_provable()
        for training, model, result in zip(self.trainings, self.models, self.results, strict=True):
            training.require_provable()
            if model.shape != training.model.shape:
                raise ParameterError(f"a model of shape {model.shape}, where its training has {training.model.shape}")
            require_encoding(self.holdout, training.dataset)
            _require_not_used(self.holdout, training, self.trainings)
            self._require_evaluable(training, result)
        self.require_rows()
        if self.second is not None and self.second.digest == self.training.digest:
            raise ParameterError("both models are the same one")
        if len({own.spec.family.predicts == "class" for own in self.trainings}) > 1:
            raise ParameterError("one model predicts classes, and the other numbers: they cannot be compared")
        if len({own.spec.fixed_point.q_bits for own in self.trainings if own.spec.family.predicts == "count"}) > 1:
            raise ParameterError("both models expect counts, of scores at other scales: evaluate each by itself")
        self.require_bounded()

    def _require_evaluable(self, training: TrainingStatement, result: Result) -> None:
        """A model that predicts classes or numbers, with a result of this sort. Raises ParameterError."""
        family, label = training.spec.family, training.dataset.encoding.label
        if training.schedule.committed_bits is None:
            raise ParameterError(f"models by {training.spec.method.kind!r} answer together: evaluate the bundle")
        if isinstance(result, Classified) != (family.predicts == "class"):
            raise ParameterError(f"a result that is none of a {family.title}")
        scale = self._scale(training)
        if isinstance(result, Regressed):
            scales = self.label_scales
            if result.deviances is not None:
                raise ParameterError("a deviance at least and at most is that of shards")
            if family.predicts == "count":
                require_counts(training, result, self.steps, scales)
                return
            if result.deviance is not None:
                raise ParameterError(f"a deviance is that of expected counts, and a {family.title} has none")
            if min(scale - label.label_bits, scales.fine, scale - scales.fine) < 1:
                raise ParameterError("scores of this model are too coarse, or labels too large, for these rows")
            return
        if len(result.confusion) not in (0, len(label.classes) ** 2):
            raise ParameterError(f"a confusion matrix of {len(result.confusion)} numbers")
        if result.loss is not None and training.forgotten_classes:
            raise ParameterError("a model that forgot a class has no log-loss: rows of this class have no probability")
        if result.loss is not None and scale <= LOSS_INDEX_BITS:
            raise ParameterError("scores of this model are too coarse for the table of losses")

    def to_mapping(self) -> Mapping[str, object]:
        """Canonical content."""
        return {
            "holdout": statement_digest(self.holdout),
            "training": statement_digest(self.training),
            "second": None if self.second is None else statement_digest(self.second),
            "models": [model.to_mapping() for model in self.models],
            "results": [result.to_mapping() for result in self.results],
            "grid": self.grid,
            "spread": self.spread,
        }

    @classmethod
    def from_mapping(cls, mapping: object, references: Mapping[str, Any]) -> Self:
        """Raises FormatError."""
        fields = take(mapping, _FIELDS, cls.kind)
        holdout, training = (referenced(references, name, fields[name]) for name in ("holdout", "training"))
        if (fields["second"] is None) != ("second" not in references):
            raise FormatError("evaluation: the second model beside the statement is not one that it names")
        second = None if fields["second"] is None else referenced(references, "second", fields["second"])
        models = tuple(map(ModelCommitment.from_mapping, fields["models"]))
        results = tuple(map(read_result, fields["results"]))
        return cls(holdout, training, models, results, fields["grid"], fields["spread"], second)


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
    require_apart(holdout, trained)
