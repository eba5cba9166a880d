"""Sharded training in stages: protocol.md, "Shards and stages"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import relations
from .channel import Channel
from .field import log2_ceil
from .formats import outputs_of, records_of
from .gradient_descent import GradientDescent, Z
from .relations import (
    ACTIVATION,
    COEFFICIENTS,
    INTERCEPT,
    RANGE,
    Box,
    Relation,
    classes_of,
    dataset_columns,
    multiplicities,
)
from .shapes import Axis, Column
from .sisa_integers import Cut, Integers, Run, cut_of, models_of, parts_of, runs_of
from .stages import Named, Stage
from .standardized_stage import StandardizedStage


class Sisa(Relation):
    """All parts, one after another."""

    def __init__(self, statement: dict[str, Any]) -> None:
        dataset, spec = statement["dataset"], statement["spec"]
        integers, cut = Integers.of(spec, dataset), cut_of(dataset, spec)
        self.forgotten = [position for position, _ in records_of(statement)]
        gone = set(self.forgotten)
        kind = StandardizedStage if spec["method"]["standardize"] else Stage
        self.stages = [kind(statement, part, integers, gone) for part in parts_of(statement)]
        self.rows, self.row = dataset["rows"], Axis("row", dataset["rows"])
        self.output, self.gone = Axis("output", outputs_of(dataset["encoding"])), classes_of(statement)
        self.name = "sisa without classes" if self.gone else "sisa"
        super().__init__([box for stage in self.stages for box in stage.named_boxes()], [RANGE, ACTIVATION])
        self.groups = self.grouped()
        self.sections, self.table = len(self.groups), self.stages[0].table
        self.virtual = frozenset(stage.address(Z) for stage in self.stages)
        starts = {f"start {i}": runs_of(start["scope"], cut) for i, start in enumerate(statement["start"])}
        witness = [column for stage in self.stages for column in stage.named(stage.own_columns)]
        self.columns = {
            "dataset": dataset_columns(dataset),
            "model": self.model_columns(statement, runs_of(statement["scope"], cut), cut),
            **{name: self.model_columns(statement, runs, cut) for name, runs in starts.items()},
            "witness": [*witness, *(multiplicities(table, self.sections) for table in self.tables)],
        }

    def model_columns(self, statement: Mapping[str, Any], runs: list[Run], cut: Cut) -> list[Column]:
        """Of a statement about these runs."""
        weight = Axis("weight", len(statement["dataset"]["encoding"]["features"]))
        found = []
        for run, stage in models_of(runs, cut):
            axes, name = (self.output, Axis("block", run.count)), run.name(stage)
            found.append(Column(name + COEFFICIENTS[1], (*axes, weight)))
            if statement["spec"]["method"]["bias"]:
                found.append(Column(name + INTERCEPT[1], axes))
        return found

    def grouped(self) -> list[list[Box]]:
        """Boxes, large ones in parts, in order: a section takes as many as fit."""
        groups: list[list[Box]] = [[]]
        left = 1 << relations.MOST_LEAF_BITS
        for box in (part for whole in self.boxes for part in self.parts[whole.name]):
            size = 1 << (box.bits + log2_ceil(len(box.lookups)))
            if groups[-1] and size > left:
                groups.append([])
                left = 1 << relations.MOST_LEAF_BITS
            groups[-1].append(box)
            left -= size
        return groups

    def boxes_of(self, section: int) -> list[Box]:
        return self.groups[section]

    live, forgotten_classes = GradientDescent.live, GradientDescent.forgotten_classes

    def identities(self, ch: Channel) -> None:
        for stage in self.stages:
            stage.begin(self)
            stage.identities(Named(ch, stage.part.name))
        if self.gone:
            self.forgotten_classes(ch)
