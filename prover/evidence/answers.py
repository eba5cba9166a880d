"""What models say of rows, in real numbers: one alone, or those of shards together.

Together they say a prediction: the mean of what they predict, or how many of them predict a class. Its score is the
one by which a model alone would predict the same, so that losses are those of the prediction. Where scores are
averaged, and of linear models, it is the mean score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...models.aggregation import SCORE, VOTE
from ...models.families import Family
from .utility import Fit, Sample, fit, losses

FloatArray = NDArray[np.float64]
CERTAIN = 1e-12  # a probability nearer to 0 or 1 has no finite score
NO_COUNT = 1e-300


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Answers:
    """Models that answer together.

    Attributes:
        family: of all of them.
        aggregate: how they answer, of models/aggregation.py.
        parts: by the number of the shard, weights float64 (O, K); of one model alone that of number 0.
    """

    family: Family
    aggregate: str
    parts: Mapping[int, FloatArray]

    def with_parts(self, parts: Mapping[int, FloatArray]) -> Answers:
        """The same with other models of some shards."""
        return replace(self, parts={**self.parts, **parts})

    def part(self, number: int) -> Answers:
        """One of the models by itself."""
        return Answers(self.family, SCORE, {number: self.parts[number]})

    def weights(self, numbers: Sequence[int]) -> FloatArray:
        """Of these models, one after another: float64 (models O, K)."""
        return np.concatenate([self.parts[number] for number in numbers])

    def scores(self, X: FloatArray) -> FloatArray:
        """Of rows (n, K): float64 (n, O)."""
        if len(self.parts) == 1:
            (weights,) = self.parts.values()
            return np.asarray(X @ weights.T)
        every = np.stack([X @ weights.T for weights in self.parts.values()], axis=1)
        if self.aggregate == SCORE or self.family.quadratic:
            return np.asarray(every.mean(axis=1))
        return self._scores_of(self._votes(every) if self.aggregate == VOTE else self._mean(every))

    def _mean(self, scores: FloatArray) -> FloatArray:
        """The mean prediction, of scores (n, shards, O)."""
        return np.asarray(self.family.inverse_link(scores).mean(axis=1))

    def _votes(self, scores: FloatArray) -> FloatArray:
        """How many predict each output, as a share; half a vote more for it and against it lets none be sure."""
        several = scores.shape[2] > 1
        said = np.eye(scores.shape[2])[scores.argmax(axis=2)] if several else np.asarray(scores > 0, dtype=np.float64)
        return np.asarray((said.sum(axis=1) + 0.5) / (scores.shape[1] + 1))

    def _scores_of(self, predictions: FloatArray) -> FloatArray:
        """The scores that predict these."""
        low, high = (CERTAIN, 1 - CERTAIN) if self.family.predicts == "class" else (NO_COUNT, None)
        clipped = np.clip(predictions, low, high)
        found = [self.family.link(each) for each in clipped.ravel().tolist()]
        return np.array(found, dtype=np.float64).reshape(predictions.shape)


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Looked:
    """Rows that models are asked about.

    Attributes:
        sample: n rows.
        parts: int64 (n,), of each the number of the one model that is asked about it; None if all are, together.
    """

    sample: Sample
    parts: NDArray[np.int64] | None = None

    def scores(self, model: Answers) -> FloatArray:
        """What is said of them: float64 (n, O)."""
        if self.parts is None:
            return model.scores(self.sample.X)
        found = np.empty_like(self.sample.y)
        for number in np.unique(self.parts).tolist():
            own = self.parts == number
            found[own] = model.part(number).scores(self.sample.X[own])
        return found

    def losses(self, model: Answers) -> FloatArray:
        """Of each row: float64 (n,)."""
        return losses(model.family, self.sample, self.scores(model))

    def fit(self, model: Answers) -> Fit:
        """How good it is on them."""
        return fit(model.family, self.sample, self.scores(model))
