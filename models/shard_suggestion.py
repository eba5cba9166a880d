"""A spec for a sharded training: rate, momentum and epochs of a stage that bring the models of all shards near.

Every shard has an objective of its own, on its own rows, and all take the same steps. So the rate is tried on many
shards at once, from zero weights (models/heavy_ball.py), and none is too fast for any stage of any of them. A stage
begins from the model of the one before, so fewer epochs do than from zero: as few as bring the last stage near.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, ParameterError
from .convergence import ONE_LABEL
from .families import Family
from .heavy_ball import NEAR, Found, momentum_at, search
from .live import Live
from .methods import Sisa
from .methods.gradient_descent import MAX_SCORES, MAX_WEIGHTS
from .optimum import FloatArray, Objective, minimum
from .shapes import DatasetShape
from .shards import Shards
from .spec import TrainingSpec
from .suggestion import (
    MOMENTA,
    MOST_CELLS,
    MOST_EPOCHS,
    PUBLIC,
    TRIES,
    Suggestion,
    near_notes,
    room_for,
    scaling_of,
    spec_of,
)

Weights = NDArray[np.float64]  # (O, K), of features as they are, the bias's last
MOST_FAILURES = 2  # of scales for one rate: each costs a training
TINY = 1e-300  # instead of a least loss of zero
NO_SHARD = "no shard has rows with different labels, so there is nothing that its model could learn; larger shards do"


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Stage:
    """What a stage of a shard minimises.

    Attributes:
        objective: of the classes that have a row there.
        classes: numbers of these outputs, increasing.
        mean, scale: float64 (d,), what is taken off features, and what they are multiplied with then.
        varied: whether its rows have different labels.
    """

    objective: Objective
    classes: NDArray[np.int64]
    mean: FloatArray
    scale: FloatArray
    varied: bool

    def trained(self, weights: Weights, found: Found, epochs: int) -> tuple[Weights, float]:
        """What so many epochs make of weights, and the largest score on the way, without sign."""
        own = weights[self.classes]
        start = np.column_stack([own[:, :-1] / self.scale, own[:, -1] + own[:, :-1] @ self.mean]).reshape(-1, 1)
        now, before, largest = start, start, 0.0
        for epoch in range(epochs):
            gradients, scores = self.objective.gradients(now)
            moved = momentum_at(found.momentum, epoch) * (now - before) - found.learning_rate * gradients
            now, before, largest = now + moved, now, max(largest, float(scores[0]))
        last = now.reshape(own.shape)
        largest = max(largest, float(self.objective.gradients(now)[1][0]))
        features = last[:, :-1] * self.scale
        after = weights.copy()
        after[self.classes] = np.column_stack([features, last[:, -1] - features @ self.mean])
        return after, largest

    def above(self, weights: Weights) -> float:
        """The objective at weights."""
        own = weights[self.classes]
        mine = np.column_stack([own[:, :-1] / self.scale, own[:, -1] + own[:, :-1] @ self.mean])
        return float(self.objective.values(mine.reshape(-1, 1))[0])


@dataclass(frozen=True, repr=False, eq=False)
class Together:
    """The sum of the objectives of some shards, whose weights lie one after another: each is on its own way.

    Attributes:
        largest_curvature: of all their stages.
    """

    parts: tuple[Objective, ...]
    largest_curvature: float

    @property
    def outputs(self) -> int:
        """Of all shards."""
        return sum(part.outputs for part in self.parts)

    @property
    def width(self) -> int:
        """The number of all weights."""
        return sum(part.width for part in self.parts)

    def alone(self, output: int) -> Objective:
        """One output of one shard."""
        for part in self.parts:
            if output < part.outputs:
                return part.alone(output)
            output -= part.outputs
        raise ParameterError(f"output {output}: there is none")

    def _each(self, weights: FloatArray) -> Iterator[tuple[Objective, FloatArray]]:
        start = 0
        for part in self.parts:
            yield part, weights[start : start + part.width]
            start += part.width

    def values(self, weights: FloatArray) -> FloatArray:
        """Of several models, (M,); see Objective."""
        return np.asarray(np.sum([part.values(own) for part, own in self._each(weights)], axis=0), dtype=np.float64)

    def gradients(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Of several models; see Objective."""
        found = [part.gradients(own) for part, own in self._each(weights)]
        return np.concatenate([own for own, _ in found]), np.max([largest for _, largest in found], axis=0)

    def curvature(self, weights: FloatArray) -> float:
        """The largest of all stages of all shards; see Objective."""
        return max([self.largest_curvature, *(part.curvature(own) for part, own in self._each(weights))])


def rows_looked_at(shape: DatasetShape, shard_rows: int) -> int:
    """How many of the first rows are enough to look at."""
    return min(shape.rows, MOST_CELLS // (shape.features * shape.outputs) + 2 * shard_rows)


def suggest_shards(
    X: FloatArray,
    y: FloatArray,
    family: Family,
    shape: DatasetShape,
    live: Live,
    *,
    shard_rows: int,
    slices: int,
    l2: float,
    standardize: bool = True,
    most_epochs: int = MOST_EPOCHS,
    near: float = NEAR,
    fails: Callable[[TrainingSpec], str | None] = lambda spec: None,
) -> Suggestion:
    """The spec with the fewest epochs of a stage, up to `most_epochs`, that brings shards near their optima.

    Args:
        X: float64 (n, d), see `suggest_spec`, of the first `rows_looked_at` rows, whose shards are looked at.
        y: float64 (N,), labels of all rows.
        shape, live: of the data set, and who counts.
        shard_rows, slices, l2: of the spec.
        standardize, most_epochs, near: as of `suggest_spec`, for the sum over shards.
        fails: why a spec does not do after all, such as that its integers run out of room; None if it does.

    Raises:
        DataError: all labels are the same.
        ParameterError: it cannot be cut so, there is no optimum, or no scales of integers have room for it.
    """
    Sisa(shard_rows=shard_rows, slices=slices, epochs=1, learning_rate=1.0).require_provable(shape)
    if len(np.unique(y[live.mask()])) < 2:
        raise DataError(ONE_LABEL)
    shards = Shards(shape.rows, shard_rows, slices)
    limit = _limit(shape, shards, most_epochs)
    fields = {"l2": l2, "shard_rows": shard_rows, "slices": slices}
    reason = "scores are too large"
    for standardized in (True, False)[not standardize :]:
        looked_at = _shards_of(X, y, family, shape, live, shards, l2, standardized)
        if not looked_at:
            raise ParameterError(NO_SHARD)
        fastest = math.inf
        for _ in range(TRIES):
            found = _found(looked_at, shape.outputs, limit, fastest, near)
            fastest = found.learning_rate / 2
            room, failures = 0.0, 0  # of scales that failed
            for scales in room_for(family, shape, found.largest_score):
                if scales.z_limit <= room or failures == MOST_FAILURES:
                    continue
                spec = spec_of(family, Sisa.kind, found, standardized, scales, fields)
                try:
                    spec.compile(shape, live)
                except ParameterError as error:
                    reason = str(error)
                    continue
                failed = fails(spec)
                if failed is None:
                    notes = _notes(found, near, len(looked_at), shards.count, raw=standardize and not standardized)
                    return Suggestion(spec=spec, epochs=found.epochs, expected_gap=found.gap, notes=notes)
                reason, room, failures = failed, scales.z_limit, failures + 1
    raise ParameterError(f"no scales have room for a training that converges; {reason}")


def _limit(shape: DatasetShape, shards: Shards, most_epochs: int) -> int:
    """How many epochs of a stage one proof carries."""
    scores = sum(shards.stage(number).rows for number in range(1, shards.slices + 1)) * shape.outputs
    weights = shards.count * shards.slices * (shape.features + 1) * shape.outputs
    return max(1, min(most_epochs, MAX_SCORES // scores, MAX_WEIGHTS // weights))


def _shards_of(
    X: FloatArray,
    y: FloatArray,
    family: Family,
    shape: DatasetShape,
    live: Live,
    shards: Shards,
    l2: float,
    standardized: bool,
) -> list[list[Stage]]:
    """All stages of the shards that are looked at, in which something can be learnt at last."""
    counts, found, cells = live.mask(), [], 0
    for shard in range(shards.count):
        first, stages = shard * shards.shard_rows, []
        if first + shards.seen(shard, shards.slices) > len(X):
            break
        for number in range(1, shards.slices + 1):
            places = first + np.flatnonzero(counts[first : first + shards.seen(shard, number)])
            if len(places):
                stages.append(_stage(X[places], y[places], family, shape, l2, standardized))
        if stages and stages[-1].varied:
            found.append(stages)
            cells += sum(own.objective.X.size * own.objective.outputs for own in stages)
        if cells > MOST_CELLS:
            break
    return found


def _stage(X: FloatArray, y: FloatArray, family: Family, shape: DatasetShape, l2: float, standardized: bool) -> Stage:
    mean, scale = scaling_of(X) if standardized else (np.zeros(X.shape[1]), np.ones(X.shape[1]))
    features = np.hstack([(X - mean) * scale, np.ones((len(X), 1))])
    several, present = shape.label_kind == "categorical", np.unique(y).astype(np.int64)
    classes = present if several else np.zeros(1, dtype=np.int64)
    labels = (y[:, None] == classes).astype(np.float64) if several else y[:, None]
    objective = Objective(family, features, labels, np.append(np.full(X.shape[1], l2), 0.0))
    return Stage(objective, classes, mean, scale, len(present) > 1)


def _found(looked_at: list[list[Stage]], outputs: int, limit: int, fastest: float, near: float) -> Found:
    """Rate and momentum from zero weights; then the fewest epochs of a stage with which the last one comes near."""
    together = tuple(stages[-1].objective for stages in looked_at)
    least = sum(minimum(each)[1] for each in together)
    curvature = max(
        stage.objective.curvature(np.zeros(stage.objective.width)) for stages in looked_at for stage in stages
    )
    found = search(Together(together, curvature), MOMENTA, limit, fastest=fastest, near=near)

    def run(epochs: int) -> Found:
        gap, largest = _chained(looked_at, outputs, found, epochs, least)
        return Found(
            learning_rate=found.learning_rate,
            momentum=found.momentum,
            epochs=epochs,
            gap=gap,
            largest_score=max(largest, found.largest_score),
        )

    too_few, best = 0, run(found.epochs)
    while best.gap > near and best.epochs < limit:  # a stage before may lead away from where the next has to go
        too_few, best = best.epochs, run(min(limit, 2 * best.epochs))
    while best.gap <= near and best.epochs - too_few > 1:
        tried = run((too_few + best.epochs) // 2)
        if tried.gap <= near:
            best = tried
        else:
            too_few = tried.epochs
    return best


def _chained(
    looked_at: list[list[Stage]], outputs: int, found: Found, epochs: int, least: float
) -> tuple[float, float]:
    """Where all stages of all shards lead: the gap of the objectives of the last ones, and the largest score."""
    ends, largest = [], 0.0
    for stages in looked_at:
        weights = np.zeros((outputs, stages[0].objective.X.shape[1]))
        for stage in stages:
            weights, score = stage.trained(weights, found, epochs)
            largest = max(largest, score)
        ends.append(stages[-1].above(weights))
    return max(0.0, sum(ends) - least) / max(least, TINY), largest


def _notes(found: Found, near: float, looked_at: int, count: int, *, raw: bool) -> tuple[str, ...]:
    said = near_notes(found, near, raw=raw)
    if looked_at < count:
        said = (*said, f"found on {looked_at} of {count} shards")
    return (*said, PUBLIC)
