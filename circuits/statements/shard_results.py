"""What an evaluation says of the models of one bundle, in its relation: what there is of each aggregate and family."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...errors import ParameterError
from ...models.aggregation import SCORE, VOTE
from ...models.counts import require_table
from ...models.live import Live
from ...models.losses import LOSS_BITS, LOSS_INDEX_BITS
from ..language.relation import TABLE_BITS
from ..relations.argmax import Argmax
from ..relations.evaluation import Judged
from ..relations.loss_tables import LOSSES_OF
from ..relations.mean_cells import Chances
from ..relations.mean_class_loss import MeanClassLoss
from ..relations.mean_counts import MOST_SPOKEN, MeanCounts
from ..relations.mean_loss import MeanLoss
from ..relations.normalised_loss import NormalisedLoss
from ..relations.residuals import Residuals
from ..relations.scored import LARGEST_SCORE_BITS
from ..relations.several_classes import SeveralClasses
from ..relations.shard_counts import SpokenCounts
from ..relations.shard_scores import OfSpeakers, ShardScores
from ..relations.two_classes import TwoClasses
from .deviances import judged_mean
from .results import Classified, LabelScales, Regressed, Result, Steps
from .training import TrainingStatement


@dataclass(frozen=True)
class Spoken:
    """What the models of a bundle answer together, and of which rows.

    Attributes:
        scored: their scores. last: the training that the bundle ends with. scale: bits of scores' scale.
        live, steps, labels: of the evaluation. classes: of the hold-out.
    """

    scored: ShardScores
    last: TrainingStatement
    scale: int
    live: Live
    steps: Steps
    labels: LabelScales
    classes: tuple[str, ...]

    def judged(self, result: Result) -> Judged:
        """In the relation."""
        if isinstance(result, Regressed):
            return self._numbers(result)
        if self.scored.output.size > 1:
            gone = tuple(number for number, text in enumerate(self.classes) if text in self.last.forgotten_classes)
            argmax = Argmax(self.scored, self.live, gone)
            return SeveralClasses(argmax, result.right, result.confusion, self._normalised(result.loss))
        if result.loss is None:
            return TwoClasses(self.scored, self.live, result.right, confusion=result.confusion)
        return self._two(result)

    def _two(self, result: Classified) -> TwoClasses:
        """With a loss: of the mean of probabilities, or that of the mean score."""
        told = self.scale, result.loss, self.steps.bits(LOSS_BITS), result.confusion
        if isinstance(self.scored, Chances):
            return MeanLoss(self.scored, self.live, result.right, *told)
        family, count = self.last.spec.family.name, self.scored.speakers
        return TwoClasses(self.scored, self.live, result.right, *told, LOSSES_OF[family], count)

    def _normalised(self, loss: tuple[int, int] | None) -> NormalisedLoss | MeanClassLoss | None:
        """Of several classes."""
        if loss is None:
            return None
        family, step = self.last.spec.family.name, self.steps.bits(LOSS_BITS)
        if isinstance(self.scored, Chances):
            return MeanClassLoss(self.scored, self.live, loss, step)
        return NormalisedLoss(self.scored, self.live, family, self.scale, loss, step, self.scored.speakers)

    def _numbers(self, result: Regressed) -> Residuals:
        labels, scale = self.labels, self.scale
        if isinstance(self.scored, SpokenCounts):
            return judged_mean(self.last, result, self.scored, self.live, self.steps, labels)
        shifts = scale - labels.label_bits, scale - labels.fine
        square = self.steps.bits(2 * labels.fine)
        numbers = labels.residual_bits, result.squares, square
        return Residuals(self.scored, self.live, *shifts, *numbers, self.scored.speakers)


def require_numbers(
    last: TrainingStatement, result: Regressed, aggregate: str, scale: int, labels: LabelScales
) -> None:
    """Residuals that fit, of which what is stated is proved. Raises ParameterError."""
    family = last.spec.family
    if result.deviance is not None:
        raise ParameterError("the deviance of shards is stated at least and at most")
    if family.predicts != "count":
        if min(scale - labels.label_bits, labels.fine, scale - labels.fine) < 1:
            raise ParameterError("scores of this model are too coarse, or labels too large, for these rows")
        if result.deviances is not None:
            raise ParameterError(f"a {family.title} has no deviance")
        return
    if aggregate == SCORE:
        raise ParameterError(
            f'aggregate = "score" of a {family.title} cannot be evaluated: what it expects, e^z of a mean of scores z, '
            'has no proof; by "probability", the mean of what shards expect, it has'
        )
    require_table(family, last.spec.fixed_point)
    if labels.fine < 1:
        raise ParameterError("labels are too large for these rows")


def require_loss(last: TrainingStatement, aggregate: str, scale: int) -> None:
    """A log-loss that there is, and that is proved. Raises ParameterError."""
    if aggregate == VOTE:
        raise ParameterError('aggregate = "vote" has no log-loss: where all shards are wrong, it would be infinite')
    if last.forgotten_classes:
        raise ParameterError("models that forgot a class have no log-loss: rows of this class have no probability")
    if scale <= LOSS_INDEX_BITS:
        raise ParameterError("scores of this model are too coarse for the table of losses")


def require_bounded(judged: Iterable[Judged]) -> None:
    """Integers of all bundles that fit. Raises ParameterError."""
    for own in judged:
        if isinstance(own.scored, OfSpeakers) and own.scored.model_score_bits > LARGEST_SCORE_BITS:
            raise ParameterError("scores of this model can be too large to be cut into integers")
        loss = own.loss if isinstance(own, SeveralClasses) else own
        if (
            isinstance(loss, NormalisedLoss | TwoClasses)
            and loss.loss is not None
            and TABLE_BITS + loss.rest_bits > LARGEST_SCORE_BITS
        ):
            raise ParameterError("scores of so many shards can be too large for the table of losses")
        if isinstance(own, MeanCounts) and own.deviances is not None:
            if own.models * own.live.count > MOST_SPOKEN:
                raise ParameterError(f"a deviance is of at most {MOST_SPOKEN} rows times shards")
        if isinstance(own, Residuals):
            of_labels = own.label_shift + own.models.bit_length() + 17
            if max(own.residual_bits + own.rest_bits, of_labels) > LARGEST_SCORE_BITS:
                raise ParameterError("residuals of so many shards can be too large to be cut into integers")
