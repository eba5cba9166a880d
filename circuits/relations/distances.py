"""The relation of the distances of several models: of each class, of each shard (docs/protocol.md, "Distance").

A part is one model: the relation of distance.py on its own rows and labels, with a distance and a slope of its own.
Columns, lookups and checks of a part have its name before theirs; all share the tables, and how often these are looked
up. Nothing is committed here that is no column of a part, so what is *forced* is what distance.py forces. The model of
a part is the one of its class and its shard in the matrix of all, and its rows are those of its shard in the data set.

| matrix | columns |
|---|---|
| dataset | features (feature, row), labels (output, row), blinds |
| model | those of the training |
| witness | of each part what distance.py has, counts aside; counts (section, entry) |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ...models.methods.base import Objective
from ...models.methods.gram_distance import GramDistance
from ...models.methods.link_distance import LinkDistance
from ...models.shards import Run
from ..field.multilinear import Point, bits_of, log2_ceil
from ..language.layout import VIRTUAL, WITNESS, Address, Axis, Column
from ..language.parts import Naming
from ..language.relation import LookedUp, Section, Steps
from ..language.tables import RANGE_COUNTS, multiplicity_column, range_table, together
from .dataset import DATASET
from .distance import Distance, LinearDistance, ModelPlace
from .model import MODEL
from .parts import boxes_of, identities_of, virtual_of
from .sisa import part_name

Certificate = LinkDistance | GramDistance
DistancePart = tuple[Naming, Distance | LinearDistance]


def of_output(schedule: Certificate, output: int, outputs: int) -> DistancePart:
    """The part of one of the outputs of a training without shards; of a single one nothing has another name."""
    prefix = f"class {output}: " if outputs > 1 else ""
    return _named(schedule, prefix, "", ModelPlace(_output_bits(output, outputs)))


def of_shard(schedule: Certificate, objective: Objective, outputs: int, runs: Sequence[Run]) -> DistancePart:
    """That of one shard, whose model is that of its last stage in one of the runs that were trained."""
    stage, output = objective.stage, objective.output
    if stage is None:
        return of_output(schedule, output, outputs)
    run = next(run for run in runs if stage.first in run.shards)
    of_class = f", class {output}" if outputs > 1 else ""
    at = {"block": bits_of(stage.first - run.first, run.bits)}
    place = ModelPlace(_output_bits(output, outputs), at, stage)
    return _named(schedule, f"shard {stage.first}{of_class}: ", part_name(run, stage.number), place)


def _output_bits(output: int, outputs: int) -> Point:
    return bits_of(output, log2_ceil(outputs))


def _named(schedule: Certificate, prefix: str, model: str, place: ModelPlace) -> DistancePart:
    naming = Naming(prefix, {WITNESS: (WITNESS, prefix), VIRTUAL: (VIRTUAL, prefix), MODEL: (MODEL, model)})
    if isinstance(schedule, GramDistance):
        return naming, LinearDistance(schedule, place)
    return naming, Distance(schedule, place)


@dataclass(frozen=True)
class Distances:
    """The relation of some models, all of one family.

    Attributes:
        parts: each with its names.
        dataset, model: the columns of both matrices.
    """

    parts: tuple[DistancePart, ...]
    dataset: tuple[Column, ...]
    model: tuple[Column, ...]

    @property
    def name(self) -> str:
        """Domain separator."""
        return "distances"

    @cached_property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """See the table in the head."""
        witness = (column for naming, part in self.parts for column in naming.columns(WITNESS, part.witness))
        names = (RANGE_COUNTS, *self.parts[0][1].row_counts)
        counts = (multiplicity_column(name, len(self.sections)) for name in names)
        return {DATASET: self.dataset, MODEL: self.model, WITNESS: (*witness, *counts)}

    @cached_property  # looked at for each claim
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """The scores of each part."""
        return virtual_of(self.parts)

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The boxes of all parts, in order: as many in a section as have at most 2^SECTION_BITS leaves, or one."""
        groups, (_, first) = together(boxes_of(self.parts)), self.parts[0]
        count = len(groups)
        return tuple(
            Section(boxes, (range_table(i, count), *first.row_tables(i, count))) for i, boxes in enumerate(groups)
        )

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """Those of each part."""
        identities_of(self.parts, steps, looked_up)
