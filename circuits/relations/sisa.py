"""The relation of a sharded training in stages (SISA): gradient descent of neighbouring shards, once for each stage.

A part is stage r of a run of shards: the relation of gradient_descent.py on the first r slices of each, whose models
begin where those of stage r - 1 ended: W(0) and 2^x V(0) of stage r are M and I of stage r - 1, of the same shard, in
the model that the statement commits to, or in that of an earlier statement. Columns, lookups and checks of a part have
its name before theirs; all share the tables, and how often these are looked up.

Nothing is committed here that is no column of a part, so what is *forced* is what gradient_descent.py forces: M and I
of every stage follow from limbs that are looked up, and W(0) and V(0) of the next have limbs of their own, so that they
are in range whatever an earlier statement committed to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from ...models.methods.sisa import Part, Stages
from ...models.shards import Run
from ..field.multilinear import bits_of
from ..language.layout import VIRTUAL, WITNESS, Address, Axis, Column
from ..language.parts import Naming
from ..language.relation import LookedUp, Section, Steps
from ..language.tables import together
from .dataset import DATASET
from .descent_columns import count_columns, section_of
from .gradient_descent import GradientDescent
from .model import MODEL
from .parts import boxes_of, identities_of, virtual_of
from .shards import START
from .standardized_stage import StandardizedStage


def start_matrix(number: int) -> str:
    """The matrix of the models of an earlier statement, by its number among those that are named."""
    return f"{START} {number}"


def part_name(run: Run, number: int) -> str:
    """What stands before the names of a stage, 1 to R, of a run of shards."""
    shards = f"shard {run.first}" if run.count == 1 else f"shards {run.first} to {run.shards.stop - 1}"
    return f"{shards}, stage {number}: "


@dataclass(frozen=True)
class Sisa:
    """The relation of all stages of the shards that are trained.

    Attributes:
        schedule: the integers of the declared algorithm (models/methods/sisa.py).
    """

    schedule: Stages

    @property
    def name(self) -> str:
        """Domain separator."""
        return "sisa"

    @cached_property
    def parts(self) -> tuple[tuple[Naming, GradientDescent], ...]:
        """Each stage of each run, with its names."""
        return tuple((naming_of(own), _descent(own)) for own in self.schedule.parts)

    @cached_property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """The data set's; of each part its models and what it commits to; counts, which all share; and the models of
        earlier statements."""
        witness = (
            column for naming, part in self.parts for column in naming.columns(WITNESS, (*part.trained, *part.besides))
        )
        return {
            DATASET: self.parts[0][1].committed[DATASET],
            MODEL: self._models(self.schedule.runs),
            **{start_matrix(i): self._models(runs) for i, runs in enumerate(self.schedule.starts)},
            WITNESS: (*witness, *count_columns(len(self.sections))),
        }

    def _models(self, runs: tuple[Run, ...]) -> tuple[Column, ...]:
        """What a statement on these runs commits to: the models of every stage."""
        stages, shards = self.schedule.stages, self.schedule.shards
        return tuple(
            replace(column, name=part_name(run, number) + column.name)
            for run in runs
            for number in range(run.stage, shards.slices + 1)
            for column in GradientDescent(stages[number - 1].of_shards(run.first, run.count)).committed[MODEL]
        )

    @cached_property  # looked at for each claim
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """The scores of each part."""
        return virtual_of(self.parts)

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The boxes of all parts, in order: as many in a section as have at most 2^SECTION_BITS leaves, or one."""
        groups = together(boxes_of(self.parts))
        table = self.schedule.activation_table
        return tuple(section_of(boxes, table, i, len(groups)) for i, boxes in enumerate(groups))

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """Those of each part."""
        identities_of(self.parts, steps, looked_up)


def naming_of(part: Part) -> Naming:
    """The names of a part, and of the models that it begins from."""
    own = part_name(part.run, part.number)
    matrices = {name: (name, own) for name in (WITNESS, VIRTUAL, MODEL)}
    if part.source is not None:
        before = MODEL if part.start is None else start_matrix(part.start)
        matrices[START] = before, part_name(part.source, part.number - 1)
    return Naming(own, matrices)


def _descent(part: Part) -> GradientDescent:
    """The relation of a part; the shards of the run that it begins from may be more."""
    kind = GradientDescent if part.schedule.standardization is None else StandardizedStage
    if part.source is None:
        return kind(part.schedule)
    run, source = part.run, part.source
    leading = bits_of((run.first - source.first) >> run.bits, source.bits - run.bits)
    return kind(part.schedule, leading)
