"""Declared algorithms, to be run again on other sets of rows, in the integers that are proved."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import ParameterError, TrainingError
from ...models.aggregation import SCORE
from ...models.live import Live
from ...models.methods import Compiled, Sisa
from ...models.methods.sisa import MAX_PARTS, stages_of
from ...models.shapes import DatasetShape
from ...models.shards import Run
from ...models.spec import TrainingSpec
from ..owner.sharded_model import last_models, speaking
from ..witnesses.methods import MAKERS_OF_METHOD
from ..witnesses.rows import Rows
from ..witnesses.sisa import by_part

FloatArray = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]
ALONE = 0  # the number of a model that is not one of a shard


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Trainer:
    """A declared algorithm, to be run in the integers that are proved on any of the rows.

    Attributes:
        rows: of the data set that it was declared for.
        spec: what is declared.
        shape: of that data set.
        outputs: numbers of the outputs that are looked at.
    """

    rows: Rows
    spec: TrainingSpec
    shape: DatasetShape
    outputs: list[int]

    @property
    def aggregate(self) -> str:
        """How models answer together."""
        return SCORE

    def part_of(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The number of the model that rows bear on, of each position."""
        return np.full_like(positions, ALONE)

    def schedule(self, live: Mask) -> Compiled:
        """The integers of a training on these rows, (N,). Raises ParameterError."""
        return self.spec.compile(self.shape, Live(len(live), tuple(np.flatnonzero(~live).tolist())))

    def integers(self, live: Mask) -> Integers:
        """`Model.integers`, trained on these rows, (N,). Raises ParameterError or TrainingError."""
        return self._trained(self.schedule(live))

    def parts_of(self, live: Mask, integers: Integers) -> dict[int, FloatArray]:
        """These integers of a training on these rows, as weights by the number of the model."""
        return {ALONE: self.reals(integers)}

    def parts(self, live: Mask, numbers: Collection[int]) -> dict[int, FloatArray]:
        """Weights of the models with these numbers, trained on these rows. Raises ParameterError or TrainingError."""
        return self.parts_of(live, self.integers(live))

    def tried(self, live: Mask, numbers: Collection[int]) -> dict[int, FloatArray] | None:
        """The same; None where there is no such model, as one has no certificate, or diverges."""
        try:
            return self.parts(live, numbers)
        except (ParameterError, TrainingError):
            return None

    def again(self, live: Mask) -> Integers | None:
        """`integers`, or None where there are none."""
        try:
            return self.integers(live)
        except (ParameterError, TrainingError):
            return None

    def reals(self, integers: Integers) -> FloatArray:
        """Integers of a model as weights on encoded features, float64 (O, K), the intercept last."""
        found = np.asarray(integers[self.outputs] / 2.0**self.spec.weight_bits, dtype=np.float64)
        if self.spec.method.bias:
            found[:, -1] /= 2.0**self.shape.x_bits
        return found

    def _trained(self, schedule: Compiled) -> Integers:
        maker = MAKERS_OF_METHOD[self.spec.method.kind]
        return maker.model(schedule, maker.train(self.rows, schedule, []))


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class ShardTrainer(Trainer):
    """The same of a sharded training, of which some shards can be trained by themselves."""

    @property
    def method(self) -> Sisa:
        """Of the spec. Raises ParameterError for another."""
        if not isinstance(self.spec.method, Sisa):
            raise ParameterError(f"method = {self.spec.method.kind!r}: has no shards")
        return self.spec.method

    @property
    def aggregate(self) -> str:
        """See Trainer."""
        return self.method.aggregate

    def part_of(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """See Trainer."""
        return np.asarray(positions // self.method.shard_rows, dtype=np.int64)

    def integers(self, live: Mask) -> Integers:
        """`ShardedModel.integers`: of the last stage of each shard that has a say."""
        schedule = stages_of(self.schedule(live))
        return last_models(schedule, self._trained(schedule))

    def parts_of(self, live: Mask, integers: Integers) -> dict[int, FloatArray]:
        """See Trainer."""
        return {
            number: self.reals(own)
            for number, own in zip(speaking(stages_of(self.schedule(live))), integers, strict=True)
        }

    def parts(self, live: Mask, numbers: Collection[int]) -> dict[int, FloatArray]:
        """See Trainer: those that have a say; the others are not trained, unless that is no more work."""
        whole = stages_of(self.schedule(live))
        last, runs = whole.shards.slices, tuple(Run(number, 1) for number in sorted(numbers))
        some = len(runs) < whole.shards.count and len(runs) * last <= MAX_PARTS
        schedule = whole.scoped(runs, ()) if some else whole
        models = by_part(schedule, self._trained(schedule), schedule.runs)
        return {
            number: self.reals(models[run, last][:, number - run.first])
            for run in schedule.runs
            for number in run.shards
            if number in numbers and number not in whole.empty_shards
        }


def trainer_of(rows: Rows, spec: TrainingSpec, shape: DatasetShape, outputs: list[int]) -> Trainer:
    """That of a declared algorithm."""
    kind = ShardTrainer if isinstance(spec.method, Sisa) else Trainer
    return kind(rows, spec, shape, outputs)


def shared(mapping: Mapping[int, FloatArray], other: Mapping[int, FloatArray]) -> list[int]:
    """Numbers of models that are in both, in order."""
    return sorted(mapping.keys() & other.keys())
