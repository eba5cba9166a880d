"""What a fitted estimator answers with: the integers that were trained, and nothing of how it went or of any row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..models.encoding.dataset import DatasetEncoding
from ..models.encoding.maps import LINEAR
from ..models.shapes import FEATURE_BOUND
from ..models.spec import TrainingSpec
from ..prover.owner.linear_model import LinearModel
from ..prover.owner.prediction import FloatArray, Predictor
from ..prover.owner.sharded_model import ShardPredictor
from ..prover.owner.trial import ShardedRun, TrainingRun
from ..prover.tables.arrays import as_known_features


class Answers(Predictor):
    """A Predictor that answers for every finite input: beyond 16 bits a feature's map goes on, and is not rounded."""

    def decision_function(self, X: Any) -> FloatArray:
        """See Predictor. No prediction from a value beyond 16 bits can be proved."""
        features = np.asarray(as_known_features(X, self.encoding), dtype=np.float64)
        within = np.clip(features, *_reach(self.encoding))
        scores = super().decision_function(within)
        far = np.flatnonzero((features != within).any(axis=1))
        if len(far):
            with np.errstate(over="ignore", invalid="ignore"):  # of values that are as good as infinite
                beyond = (features[far] - within[far]) * np.array(self.encoding.multipliers)
                scores[far] += np.nan_to_num(beyond) @ self.weights.T
        return scores


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class _Held(Answers):
    """What was trained.

    Attributes:
        declared: the algorithm.
        columns: how inputs become integers.
    """

    declared: TrainingSpec
    columns: DatasetEncoding

    @property
    def spec(self) -> TrainingSpec:
        """See Predictor."""
        return self.declared

    @property
    def encoding(self) -> DatasetEncoding:
        """See Predictor."""
        return self.columns

    @property
    def forgotten_classes(self) -> tuple[str, ...]:
        """None: an estimator forgets rows."""
        return ()


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Weights(_Held, LinearModel):
    """Of one model: see LinearModel."""

    integers: NDArray[np.int64]


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class ShardWeights(_Held, ShardPredictor):
    """Of all shards, which answer by their mean score: `numbers` are its `integers`."""

    numbers: NDArray[np.int64]

    @property
    def integers(self) -> NDArray[np.int64]:
        """See ShardPredictor."""
        return self.numbers


def answers_of(run: TrainingRun | ShardedRun) -> Weights | ShardWeights:
    """What is left of a training."""
    kind = ShardWeights if isinstance(run, ShardedRun) else Weights
    return kind(run.spec, run.encoding, run.integers)


def _reach(encoding: DatasetEncoding) -> tuple[FloatArray, FloatArray]:
    """The least and the largest value of each feature (d,) that 16 bits hold; -inf and inf where that is not linear."""
    low, high = np.full(len(encoding.features), -np.inf), np.full(len(encoding.features), np.inf)
    unit = float(1 << encoding.x_bits)
    with np.errstate(over="ignore"):
        for k, column in enumerate(encoding.features):
            if column.map == LINEAR and column.half_width > 0:
                low[k] = column.offset - FEATURE_BOUND / unit * column.half_width
                high[k] = column.offset + (FEATURE_BOUND - 1) / unit * column.half_width
    return low, high
