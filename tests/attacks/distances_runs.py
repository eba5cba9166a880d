"""Small trainings of several classes, or of shards, with a proved distance of each model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np
from zkunlearn.circuits.relations.dataset import LABELS, dataset_columns
from zkunlearn.circuits.relations.distances import DistancePart, Distances, of_output, of_shard
from zkunlearn.circuits.relations.methods import RELATIONS_OF_METHOD
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT, MODEL
from zkunlearn.models.live import Live
from zkunlearn.models.methods.base import Objective
from zkunlearn.models.methods.distance import LARGEST_SLOPE
from zkunlearn.models.methods.distance_reference import measure, smallest
from zkunlearn.models.methods.gram_distance import GramDistance
from zkunlearn.models.spec import TrainingSpec

from . import distance_runs, linear_distance_runs
from .distance_runs import trained
from .harness import CATEGORICAL, FORGOTTEN, Columns, Declared, classed, data_columns, declare, recount
from .linear_distance_runs import REAL, near_optimum
from .linear_optimum_runs import values
from .optimum_runs import Data, Integers

SHARD_ROWS = 4
LAST_SHARD = 12  # its only row
Numbers = tuple[int, int | None]


@dataclass(frozen=True)
class SeveralDeclared(Declared):
    """A training, and how near its own optimum each model is said to be."""

    numbers: tuple[Numbers, ...] = ()

    @cached_property
    def compiled(self) -> Any:
        """The integers of the training."""
        return self.spec.compile(self.data, Live(self.data.rows, self.forgotten))

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        return self.spec.objectives(self.data, Live(self.data.rows, self.forgotten))

    @cached_property
    def parts(self) -> tuple[DistancePart, ...]:
        found, outputs = [], self.data.outputs
        for objective, (distance, slope) in zip(self.objectives, self.numbers, strict=True):
            own: Any = self.spec.compile_distance(objective.shape, objective.live, distance, slope)
            if objective.stage is None:
                found.append(of_output(own, objective.output, outputs))
            else:
                found.append(of_shard(own, objective, outputs, self.compiled.runs))
        return tuple(found)

    @cached_property
    def relation(self) -> Distances:  # type: ignore[override]
        whole: Any = RELATIONS_OF_METHOD[self.spec.method.kind](self.compiled)
        dataset = dataset_columns(self.data.rows, self.data.features, self.data.outputs)
        return Distances(self.parts, dataset, whole.columns[MODEL])

    def part_of(self, number: int) -> Any:
        """What one model is, to the helpers for a single one."""
        relation = self.parts[number][1]
        return SimpleNamespace(relation=relation, schedule=relation.schedule)

    def data_of(self, number: int, data: Data) -> Data:
        """The rows and labels of one model."""
        objective, (X, y) = self.objectives[number], data
        start = 0 if objective.stage is None else objective.stage.first * SHARD_ROWS
        cut = slice(start, start + objective.shape.rows)
        labels = (y == objective.output).astype(np.int64) if self.data.outputs > 1 else y
        return X[cut], labels[cut]


@dataclass(frozen=True)
class SeveralSaid:
    """What is true, and what is committed of each model, before it is cut into limbs."""

    own: SeveralDeclared
    models: tuple[Any, ...]
    integers: tuple[Integers, ...]


def integers_of(own: SeveralDeclared, number: int, model: Any, data: Data) -> Integers:
    """What is committed of one model, from rows and labels that are taken for its own."""
    schedule: Any = own.part_of(number).schedule
    if isinstance(schedule, GramDistance):
        return linear_distance_runs.integers(schedule, linear_distance_runs.told_at(schedule, data, model))
    return distance_runs.integers(schedule, measure(*data, model, schedule))


def declared(own: SeveralDeclared, data: Data, models: Sequence[Any]) -> SeveralSaid:
    """At the smallest numbers that can be shown."""
    draft = replace(own, numbers=((0, LARGEST_SLOPE),) * len(own.objectives))
    numbers = []
    for i, model in enumerate(models):
        schedule: Any = draft.part_of(i).schedule
        numbers.append(smallest(measure(*own.data_of(i, data), model, schedule), schedule))
    found = replace(own, numbers=tuple(numbers))
    said = [integers_of(found, i, model, own.data_of(i, data)) for i, model in enumerate(models)]
    return SeveralSaid(found, tuple(models), tuple(said))


def declare_classes() -> SeveralSaid:
    """Logistic regression of three classes."""
    training, data = declare(FORGOTTEN, CATEGORICAL, learning_rate=2.0), classed()
    models = [trained(training, (data[0], data[1] == output)) for output in range(CATEGORICAL.outputs)]
    return declared(SeveralDeclared(training.spec, CATEGORICAL, FORGOTTEN), data, models)


def declare_shards() -> SeveralSaid:
    """Linear regression of four shards, the last of which has a single row, that is forgotten."""
    spec = TrainingSpec(
        model="linear", method="sisa", shard_rows=SHARD_ROWS, slices=2, epochs=1, learning_rate=0.5, l2=0.01
    )
    own, data = SeveralDeclared(spec, REAL, (*FORGOTTEN, LAST_SHARD)), values()
    draft = replace(own, numbers=((0, LARGEST_SLOPE),) * len(own.objectives))
    models = [near_optimum(own.data_of(i, data), draft.part_of(i).schedule) for i in range(len(own.objectives))]
    return declared(own, data, models)


def data_for(said: SeveralSaid) -> Data:
    return classed() if said.own.data.outputs > 1 else values()


def committed(said: SeveralSaid, integers: Sequence[Integers]) -> Columns:
    """All columns of a proof, whose integers may be out of range; each model is what they say."""
    own, data = said.own, data_for(said)
    columns = data_columns(data, own.data.outputs)
    models = {f"{column.name}": np.zeros(column.shape, dtype=np.uint64) for column in own.relation.columns[MODEL]}
    for i, ((naming, part), lie) in enumerate(zip(own.parts, integers, strict=True)):
        runs = linear_distance_runs if isinstance(part.schedule, GramDistance) else distance_runs
        found = runs.committed(own.part_of(i), own.data_of(i, data), lie)
        for name in (COEFFICIENTS, INTERCEPT):
            objective = own.objectives[i]
            place = objective.output if objective.stage is None else (0, objective.stage.first)
            models[naming.address(name).name][place] = found[name][0]
        columns |= {
            naming.address(name): cells for name, cells in found.items() if name.matrix in ("witness", "virtual")
        }
    columns |= {COEFFICIENTS._replace(name=name): cells for name, cells in models.items()}
    kept = {column.name for column in own.relation.columns["witness"]}
    columns = {name: cells for name, cells in columns.items() if name.matrix != "witness" or name.name in kept}
    assert LABELS in columns
    return recount(own.relation, columns)


def told(said: SeveralSaid) -> Columns:
    """All columns of what is true."""
    return committed(said, said.integers)
