"""The relation of a sharded training in stages (SISA): gradient descent of all shards, once for each stage.

Stage r is the relation of gradient_descent.py on the first r slices of each shard, whose models begin where those of
stage r - 1 ended: W(0) and 2^x V(0) of stage r are M and I of stage r - 1, of the same shard, all of which are columns
of one committed model. Columns, lookups and checks of stage r have "stage r: " before their names; all share the
tables, and how often these are looked up.

Nothing is committed here that is no column of a stage, so what is *forced* is what gradient_descent.py forces: M and I
of every stage follow from limbs that are looked up, and W(0) and V(0) of the next have limbs of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ...models.methods.sisa import Stages
from ..field.multilinear import log2_ceil
from ..language import tables
from ..language.layout import VIRTUAL, WITNESS, Address, Axis, Column
from ..language.parts import Naming, PartSteps
from ..language.relation import LookedUp, LookupBox, Section, Steps
from .dataset import DATASET
from .descent_columns import count_columns, section_of
from .gradient_descent import GradientDescent
from .model import MODEL
from .shards import START


def stage_name(number: int) -> str:
    """What stands before the names of a stage, 1 to R."""
    return f"stage {number}: "


@dataclass(frozen=True)
class Sisa:
    """The relation of all stages of all shards.

    Attributes:
        schedule: the integers of the declared algorithm (models/methods/sisa.py).
    """

    schedule: Stages

    @property
    def name(self) -> str:
        """Domain separator."""
        return "sisa"

    @cached_property
    def stages(self) -> tuple[tuple[Naming, GradientDescent], ...]:
        """Each stage with its names."""
        return tuple(
            (naming_of(number), GradientDescent(own, started=number > 1))
            for number, own in enumerate(self.schedule.stages, start=1)
        )

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """The data set's; of each stage its models and what it commits to; counts, which all share."""
        models, witness = (
            tuple(column for naming, stage in self.stages for column in naming.columns(matrix, own(stage)))
            for matrix, own in ((MODEL, _models), (WITNESS, _trained))
        )
        dataset = self.stages[0][1].columns[DATASET]
        return {DATASET: dataset, MODEL: models, WITNESS: (*witness, *count_columns(len(self.sections)))}

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """The scores of each stage."""
        return {column: axes for naming, stage in self.stages for column, axes in naming.virtual(stage.virtual).items()}

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The boxes of all stages, in order: as many in a section as have at most 2^SECTION_BITS leaves, or one."""
        groups: list[list[LookupBox]] = [[]]
        left = 1 << tables.SECTION_BITS
        for box in self._boxes():
            size = 1 << sum(axis.bits for axis in box.axes) + log2_ceil(len(box.lookups))
            if size > left and groups[-1]:
                groups.append([])
                left = 1 << tables.SECTION_BITS
            groups[-1].append(box)
            left -= size
        table = self.schedule.activation_table
        return tuple(section_of(boxes, table, i, len(groups)) for i, boxes in enumerate(groups))

    def _boxes(self) -> Iterator[LookupBox]:
        for naming, stage in self.stages:
            for parts in stage.boxes:
                yield from map(naming.box, parts)

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """Those of each stage."""
        for naming, stage in self.stages:
            boxes = (box for parts in stage.boxes for box in parts)
            stage.identities(PartSteps(steps, naming), naming.looked_up(boxes, looked_up))


def naming_of(number: int) -> Naming:
    """The names of a stage, which begins from the models of the one before."""
    own = stage_name(number)
    matrices = {name: (name, own) for name in (WITNESS, VIRTUAL, MODEL)}
    return Naming(own, {**matrices, START: (MODEL, stage_name(number - 1))})


def _models(stage: GradientDescent) -> tuple[Column, ...]:
    return stage.columns[MODEL]


def _trained(stage: GradientDescent) -> tuple[Column, ...]:
    return stage.trained
