"""What all evaluations say of a hold-out, whatever models they are of."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from math import isqrt
from typing import Any

from ...errors import InvalidProof, ParameterError
from ...models.encoding.differences import difference
from ...models.live import Live
from ..language.relation import Relation
from ..relations.evaluation import Evaluation
from ..relations.keyed import Keyed
from ..relations.residuals import Spread
from ..relations.scored import LARGEST_SCORE_BITS
from .base import Statement
from .dataset import DatasetStatement
from .deviances import blur_of, deviance_interval, mean_deviance_interval
from .results import (
    GRIDS,
    Classified,
    Interval,
    LabelScales,
    Regressed,
    Result,
    Steps,
    explained_interval,
    loss_interval,
    mean_squares,
    outwards,
)
from .scope import ModelCommitment
from .training import TrainingStatement

MIN_ROWS = 100  # that count: fewer, and the numbers are about single people

Subject = tuple[tuple[TrainingStatement, ModelCommitment], ...]  # trainings of which a model is, as it is opened


class Evaluated(Statement):
    """An evaluation of one or two models, or of what several models answer together.

    Attributes:
        holdout: the data set that is predicted, of which the rows of `live` count.
        models: the commitments that are opened. results: of each that is evaluated what is found.
        grid: a step of what is rounded is 2^-grid for each row.
        spread: steps of the squares of labels from their mean, rounded down; None where models predict classes.
    """

    holdout: DatasetStatement
    models: tuple[ModelCommitment, ...]
    results: tuple[Result, ...]
    grid: int
    spread: int | None

    @property
    @abstractmethod
    def opened(self) -> Subject:
        """All of them, with the commitments that are opened."""

    @property
    @abstractmethod
    def within(self) -> bool:
        """Whether the rows are held out of the training set."""

    @property
    @abstractmethod
    def subjects(self) -> tuple[Subject, ...]:
        """What each result is of."""

    @property
    @abstractmethod
    def stop(self) -> int:
        """The position after the last row that may count."""

    @property
    @abstractmethod
    def gone(self) -> tuple[int, ...]:
        """Positions of rows before it that do not count."""

    @property
    @abstractmethod
    def predicts(self) -> str:
        """ "class", "value" or "count", as families do."""

    @property
    @abstractmethod
    def predictions(self) -> Evaluation:
        """The relation, but for keys of rows."""

    def is_of(self, bundles: Mapping[bytes, Any]) -> bool:
        """Whether what answers together is so in one of some bundles, by the digests of their last statements."""
        return True

    @property
    def rows(self) -> int:
        """How many rows count."""
        return self.stop - len(self.gone)

    @property
    def live(self) -> Live:
        """Who counts. Raises ParameterError if nobody does."""
        return Live(self.holdout.rows, self.gone, ((0, self.stop),))

    @property
    def steps(self) -> Steps:
        """How sums are rounded."""
        return Steps(self.rows, self.grid)

    @property
    def label_scales(self) -> LabelScales:
        """In which units squares are summed up."""
        label = self.holdout.encoding.label
        return LabelScales(self.rows, label.kind, label.label_bits)

    def log_loss(self, number: int) -> Interval | None:
        """Bounds of a model's mean log-loss, if it is stated."""
        result = self.results[number]
        loss = result.loss if isinstance(result, Classified) else None
        return None if loss is None else loss_interval(loss, self.steps)

    def root_mean_square(self, number: int) -> Interval:
        """Bounds of a model's RMSE, in the units of labels. Raises ParameterError for one that predicts classes."""
        column = self.holdout.encoding.label.column
        unit = Fraction(1 if column is None else column.half_width)
        blur = blur_of(self._last_training(number))
        low, high = mean_squares(self._squares(number), self.steps, self.label_scales, blur)
        return outwards(low * unit, high * unit)

    def explained(self, number: int) -> Interval:
        """Bounds of a model's R^2. Raises ParameterError for one that predicts classes."""
        blur = blur_of(self._last_training(number))
        return explained_interval(self._squares(number), self.spread or 0, self.steps, self.label_scales, blur)

    def mean_deviance(self, number: int) -> Interval | None:
        """Bounds of a model's mean deviance, if it is stated."""
        result = self.results[number]
        if not isinstance(result, Regressed):
            return None
        q_bits = self._last_training(number).spec.fixed_point.q_bits
        if result.deviances is not None:
            return mean_deviance_interval(result.deviances, self.steps, self.speakers(number), q_bits)
        return None if result.deviance is None else deviance_interval(result.deviance, self.steps, q_bits)

    def speakers(self, number: int) -> int:
        """How many models say together what a result is of."""
        return 1

    def _last_training(self, number: int) -> TrainingStatement:
        return self.subjects[number][-1][0]

    def _squares(self, number: int) -> int:
        result = self.results[number]
        if isinstance(result, Classified):
            raise ParameterError("a model that predicts classes has no RMSE, and no R^2")
        return result.squares

    @property
    def relation(self) -> Relation:
        """What is proved."""
        return Keyed(self.predictions, self.holdout.columns) if self.holdout.key_limbs else self.predictions

    @property
    def label_spread(self) -> Spread | None:
        """What is proved of labels themselves."""
        if self.spread is None:
            return None
        scales = self.label_scales
        bits = self.steps.bits(2 * (scales.label_bits + scales.finer))
        return Spread(self.holdout.rows, self.live, scales.finer, self.spread, bits)

    def require_rows(self) -> None:
        """Raises ParameterError where too few count."""
        if self.rows < MIN_ROWS:
            raise ParameterError(
                f"{self.rows} rows of the hold-out count, and it takes {MIN_ROWS}: of fewer, exact numbers tell too "
                "much of each"
            )

    def require_bounded(self) -> None:
        """Sums and scores that fit. Raises ParameterError."""
        if (self.spread is None) == (self.predicts != "class"):
            raise ParameterError("the spread of labels is stated where models predict numbers, and only there")
        for own in self.predictions.models:
            if own.scored.score_bits + (own.scored.output.size > 1) > LARGEST_SCORE_BITS:
                raise ParameterError("scores of this model can be too large to be cut into integers")
        grids = range(GRIDS[0], GRIDS[1] + 1)
        if self.grid not in grids or not self._fits(self.grid):
            fitting = [grid for grid in grids if self._fits(grid)]
            instead = f"choose another `grid`, from {fitting[0]} to {fitting[-1]}" if fitting else "no `grid` would do"
            raise ParameterError(f"grid = {self.grid}: steps of sums are too large, or too many: {instead}")

    def _fits(self, grid: int) -> bool:
        """Whether there is room for sums in steps of 2^-grid."""
        other: Any = self  # of whichever kind
        return all(own.fits for own in replace(other, grid=grid).predictions.gridded)

    def require_consistent(self, attached: Mapping[str, bytes]) -> None:
        """Numbers that can be of so many rows, and of the same ones. Raises InvalidProof("statement")."""
        wrong = [result.require_consistent(self.rows) for result in self.results]
        classes = [result for result in self.results if isinstance(result, Classified) and result.confusion]
        if len({_of_classes(result.confusion) for result in classes}) > 1:
            wrong.append("confusion matrices of other rows")
        for words in filter(None, wrong):
            raise InvalidProof("statement", words)


def _of_classes(confusion: tuple[int, ...]) -> tuple[int, ...]:
    """How many rows there are of each class."""
    size = isqrt(len(confusion))
    return tuple(sum(confusion[at : at + size]) for at in range(0, len(confusion), size))


def require_encoding(holdout: DatasetStatement, trained: DatasetStatement) -> None:
    """Integers mean the same, wherever the bounds of columns were taken from. Raises ParameterError."""
    own, other = (replace(each.encoding, bounds_declared=True) for each in (holdout, trained))
    if own != other:
        raise ParameterError(
            "the hold-out has other columns, bounds, scales or classes than the data set of the model: "
            f"{difference(own, other)}; commit to it with the same columns, bounds, x_bits and labels"
        )


def require_apart(holdout: DatasetStatement, trained: DatasetStatement) -> None:
    """No row of the hold-out was committed with those of a training, as far as both say. Raises ParameterError."""
    if holdout.record_root == trained.record_root or not set(holdout.births).isdisjoint(trained.births):
        raise ParameterError("the hold-out has rows that were committed in the data set of the model, or an older one")
