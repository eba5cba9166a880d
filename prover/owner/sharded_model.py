"""The models of all shards of a sharded training, which answer together as the spec declares."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...circuits.statements.training import TrainingStatement
from ...errors import ParameterError
from ...models.aggregation import SCORE, VOTE, predicted, together
from ...models.encoding.columns import table_pieces
from ...models.methods.sisa import Sisa, Stages, stages_of
from ...models.shapes import FEATURE_BOUND
from ...shown import Facts, Shown
from ...verifier.bundles import Bundle
from ..tables.arrays import as_known_features
from ..witnesses.sisa import by_part
from .bundles import models_for
from .model import MODEL_SUFFIX, Model, most_left, training_of
from .prediction import FloatArray, Predictor, expected_counts, shares
from .stated import Stated


class ShardPredictor(Predictor):
    """What models of shards say: the mean of their predictions, of their scores, or the class most of them predict.

    Shards of which no row counts have no say.
    """

    @property
    @abstractmethod
    def integers(self) -> npt.NDArray[np.int64]:
        """Of the last stage of each shard that has a say, int64 (shards, outputs, K), as `LinearModel.integers` are."""

    @property
    def aggregate(self) -> str:
        """How models answer together."""
        method = self.spec.method
        return method.aggregate if isinstance(method, Sisa) else SCORE

    @property
    def weights(self) -> FloatArray:
        """The mean of the shards', where scores are averaged. Raises ParameterError elsewhere: there are none."""
        return self._mean(self._weights, "weights")

    @property
    def intercept(self) -> float | FloatArray:
        """The mean of the shards', where scores are averaged. Raises ParameterError elsewhere: there is none."""
        mean = self._mean(self._intercepts, "intercept")
        return mean if mean.ndim else float(mean)

    def _mean(self, values: FloatArray, what: str) -> FloatArray:
        if self.aggregate != SCORE:
            raise ParameterError(
                f'aggregate = "{self.aggregate}": the models of {len(self.integers)} shards answer together, so there '
                f"is no one {what}"
            )
        mean = values.mean(axis=0)
        return np.asarray(mean if self._several else mean[0])

    @property
    def parts(self) -> tuple[FloatArray, FloatArray]:
        """Of each shard's model: weights (shards, O, d), and intercepts (shards, O); see LinearModel."""
        return self._weights, self._intercepts

    @property
    def _several(self) -> bool:
        return bool(self.integers.shape[1] > 1)

    @property
    def _used(self) -> npt.NDArray[np.int64]:
        """Of the outputs that count: (shards, O, K)."""
        return self.integers[:, self.kept_classes] if self._several else self.integers

    @property
    def _weights(self) -> FloatArray:
        """(shards, O, d)."""
        found = self._used[..., : len(self.encoding.features)] / float(1 << self.spec.fixed_point.w_bits)
        return np.asarray(found, dtype=np.float64)

    @property
    def _intercepts(self) -> FloatArray:
        """(shards, O)."""
        scales = self.spec.fixed_point
        if not self.spec.method.bias:
            return np.zeros(self._used.shape[:2])
        return np.asarray(self._used[..., -1] / 2.0 ** (scales.x_bits + scales.w_bits), dtype=np.float64)

    # Answers ---------------------------------------------------------------------------------------------------------

    def decision_function(self, X: Any) -> FloatArray:
        """The mean score of rows X (N, d); see Predictor. Raises ParameterError where scores are not averaged."""
        if self.aggregate != SCORE:
            raise ParameterError(f'aggregate = "{self.aggregate}": there is no one score; see predict_proba')
        mean = np.asarray(self._scores(X).mean(axis=1), dtype=np.float64)
        return mean if self._several else mean[:, 0]

    def _scores(self, X: Any) -> FloatArray:
        """Of each shard's model: (N, shards, O)."""
        rows, weights, intercepts = as_known_features(X, self.encoding), self._weights, self._intercepts
        scores = np.empty((len(rows), *intercepts.shape))
        flat = weights.reshape(-1, weights.shape[-1]).T
        for start, piece in table_pieces(rows):
            encoded = self.encoding.encode_features(piece, check_bounds=False, first_row=start)
            own = encoded / float(1 << self.encoding.x_bits) @ flat
            scores[start : start + len(piece)] = own.reshape(len(piece), *intercepts.shape) + intercepts
        return scores

    def predict_proba(self, X: Any) -> FloatArray:
        """The probabilities of all classes for rows X (N, d), float64 (N, classes): the mean of what the models say, or
        how many of them predict each class. See Predictor."""
        if self.aggregate == SCORE or self.spec.family.predicts != "class":
            return super().predict_proba(X)
        return self._proba(self._scores(X))

    def _proba(self, scores: FloatArray) -> FloatArray:
        """From scores (N, shards, O) of a classifier whose scores are not averaged."""
        if self.aggregate == VOTE:
            votes = scores.argmax(axis=2) if self._several else (scores[:, :, 0] > 0).astype(np.int64)
            return np.stack([(votes == number).mean(axis=1) for number in range(len(self.kept_classes))], axis=1)
        inverse = self.spec.family.inverse_link
        if self._several:
            return shares(inverse(scores).mean(axis=1))
        return np.stack([inverse(sign * scores[:, :, 0]).mean(axis=1) for sign in (-1.0, 1.0)], axis=1)

    def _answers(self, X: Any) -> tuple[FloatArray, npt.NDArray[Any]]:
        """See Predictor. Classes are those of models/aggregation.py, of which is proved how often they are right: by
        integers, so near one half not always that of the larger of both probabilities in float64."""
        family = self.spec.family
        if family.predicts == "class":
            z = self._integer_scores(X)
            if self._several and self.aggregate == VOTE:
                votes = z.argmax(axis=0)
                own = np.stack([(votes == number).sum(axis=0) for number in range(len(z))])
            else:
                own = together(self.aggregate, family, z, self.encoding.x_bits + self.spec.weight_bits)
            return own.T.astype(np.float64), self.classes_[predicted(own)]
        if self.aggregate == SCORE:
            return super()._answers(X)
        scores = self._scores(X)
        if family.predicts == "count":
            mean = expected_counts(scores[:, :, 0]).mean(axis=1)
            with np.errstate(divide="ignore"):
                return np.log(mean), mean
        mean = scores[:, :, 0].mean(axis=1)
        return mean, self._values(mean)

    def _integer_scores(self, X: Any) -> npt.NDArray[np.int64]:
        """Of each shard's model, at scale x_bits + w_bits: (O, shards, N)."""
        rows, features = as_known_features(X, self.encoding), len(self.encoding.features)
        shards, outputs, width = self._used.shape
        flat = self._used.transpose(1, 0, 2).reshape(-1, width)
        weights, intercepts = flat[:, :features], flat[:, features:].sum(axis=1, keepdims=True)
        largest = (np.abs(weights).astype(object).sum(axis=1) * FEATURE_BOUND).max() * shards
        exact = np.float64 if largest < 1 << 53 else np.int64 if largest < 1 << 62 else object
        z = np.empty((len(flat), len(rows)), dtype=object if exact is object else np.int64)
        for start, piece in table_pieces(rows):
            encoded = self.encoding.encode_features(piece, check_bounds=False, first_row=start)
            z[:, start : start + len(piece)] = weights.astype(exact) @ encoded.T.astype(exact)
        found: npt.NDArray[np.int64] = (z + intercepts).reshape(outputs, shards, -1)
        return found


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class ShardedModel(Shown, Stated, ShardPredictor):
    """The models of a bundle.

    Attributes:
        bundle: what was proved.
        models: the secrets behind its statements, in any order; which one is missing is said where it is needed.
    """

    bundle: Bundle
    models: tuple[Model, ...]

    @property
    def stated(self) -> TrainingStatement:
        """See Stated."""
        return self.bundle.statement

    @cached_property
    def integers(self) -> npt.NDArray[np.int64]:
        """See ShardPredictor."""
        schedules = [stages_of(proof.statement.schedule) for proof in self.bundle.proofs]
        secrets = models_for(self.bundle, range(len(self.bundle.proofs)), self.models)
        parts = [by_part(own, model.integers, own.runs) for own, model in zip(schedules, secrets, strict=True)]
        last, found = schedules[-1], []
        for shard in speaking(last):
            entry = self.bundle.table[shard, last.shards.slices]
            own = parts[entry.proof][entry.run, last.shards.slices]
            found.append(own[:, shard - entry.run.first])
        return np.stack(found)

    @property
    def facts(self) -> Facts:
        """See Shown: what is public about it."""
        return (*self.bundle.statement.facts, ("shards", self.bundle.shards.count))


def speaking(schedule: Stages) -> list[int]:
    """The shards that have a say."""
    return sorted(set(range(schedule.shards.count)) - set(schedule.empty_shards))


def last_models(schedule: Stages, integers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Of the last stage of each shard that has a say, (shards, outputs, K), from those of a whole training."""
    (whole,) = schedule.runs
    last = by_part(schedule, integers, schedule.runs)[whole, schedule.shards.slices]
    return last.transpose(1, 0, 2)[speaking(schedule)]


def load_sharded(path: Path | str) -> ShardedModel:
    """The models of a bundle, from the secret files beside it, as far as they are there. Raises FormatError, DataError.

    Those that were committed afresh count too. A file of models that cannot be read is none of these; which one is
    missing is said where it is needed.
    """
    bundle = Bundle.load(path)
    trainings = {proof.digest for proof in bundle.proofs}
    files = sorted(Path(path).parent.glob(f"*{MODEL_SUFFIX}"))
    found = [Model.load(file) for file in files if training_of(file) in trainings]
    return ShardedModel(bundle, tuple(most_left(found).values()))


def sharded(bundle: Bundle, models: Sequence[Model]) -> ShardedModel:
    """The models of a bundle, of those that are at hand. Raises DataError for one that is not."""
    return ShardedModel(bundle, tuple(models_for(bundle, range(len(bundle.proofs)), models)))
