"""The columns and the lookups of gradient descent; the equations between them are gradient_descent.py.

| matrix | columns |
|---|---|
| dataset | features (feature, row), labels (output, row), blinds |
| model | weights (output, weight), intercept (output) |
| witness | Q, P (output, epoch, row); counts (section, entry) |
| | limbs of W and u (output, epoch, block, weight), and of the last W (output, weight) |
| | limbs of V and v (output, epoch, block), and of the last V (output) |

In a stage of a sharded training blocks are shards, and what has an output but no epoch has a block too. Where shards
have mini-batches, what has an epoch and a block has an axis of these behind, "batch".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ...models.methods.schedule import Schedule
from ..field.multilinear import Point
from ..language.layout import VIRTUAL, WITNESS, Address, Axis, Column
from ..language.relation import LIMB, Entry, Indicator, Lookup, LookupBox, Section
from ..language.tables import (
    ACTIVATION,
    ACTIVATION_COUNTS,
    RANGE,
    RANGE_COUNTS,
    activation_table,
    limb_columns,
    limb_lookups,
    lookup_boxes,
    multiplicity_column,
    range_table,
)
from .dataset import DATASET, dataset_columns
from .model import MODEL, model_columns
from .parameters import BIAS, WEIGHTS, ParameterColumns
from .training import TrainingAxes

Q, PREDICTIONS = Address(WITNESS, "Q"), Address(WITNESS, "P")
Z = Address(VIRTUAL, "z")
SCORES = "scores"  # box of lookups


def section_of(boxes: Sequence[LookupBox], activation: npt.NDArray[np.int64], index: int, count: int) -> Section:
    """One of `count` sections: boxes, and both tables. activation: int64 (2^16,), of the schedule."""
    return Section(tuple(boxes), (range_table(index, count), activation_table(activation, index, count)))


def count_columns(sections: int) -> tuple[Column, ...]:
    """How often each tuple of both tables is looked up in each section."""
    return tuple(multiplicity_column(name, sections) for name in (RANGE_COUNTS, ACTIVATION_COUNTS))


@dataclass(frozen=True)
class DescentColumns(TrainingAxes):
    """What a training by gradient descent commits to, and what of it is looked up.

    Attributes:
        schedule: the integers of the declared algorithm (models/methods/schedule.py).
        start: where the models of the first block are among those of the matrix "start", from which training begins:
            the leading bits of their number. None: it begins from zero.
    """

    schedule: Schedule
    start: Point | None = None

    @property
    def epoch(self) -> Axis:
        """Epochs e."""
        return Axis("epoch", self.schedule.epochs)

    @property
    def block(self) -> Axis:
        """Mini-batches b, or shards, which the high bits of a row say."""
        return Axis("block", self.schedule.blocks)

    @property
    def batch(self) -> Axis:
        """Mini-batches a of a shard, which the next bits of a row say."""
        return Axis("batch", 1 if self.schedule.stage is None else self.schedule.batches)

    @property
    def iterations(self) -> tuple[Axis, ...]:
        """Where there is something of each step."""
        return (self.epoch, self.block, *([self.batch] if self.batch.size > 1 else []))

    @property
    def models(self) -> tuple[Axis, ...]:
        """Where there is a model: outputs, and shards if blocks are shards."""
        return (self.output,) if self.schedule.stage is None else (self.output, self.block)

    @property
    def scores(self) -> tuple[Axis, ...]:
        """Where there is a score."""
        return (self.output, self.epoch, self.row)

    @property
    def parameters(self) -> Mapping[ParameterColumns, tuple[Axis, ...]]:
        """What is trained of an output, each on its own axes."""
        return {WEIGHTS: (self.weight,), **({BIAS: ()} if self.schedule.bias else {})}

    # Columns and lookups -------------------------------------------------------------------------------------------

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """See the table above."""
        return {**self.committed, WITNESS: (*self.trained, *count_columns(len(self.sections)), *self.besides)}

    @property
    def committed(self) -> Mapping[str, tuple[Column, ...]]:
        """Those of the matrices that are committed before the proof."""
        schedule = self.schedule
        rows = schedule.rows if schedule.stage is None else schedule.stage.shards.rows
        return {
            DATASET: dataset_columns(rows, schedule.features, schedule.outputs),
            MODEL: model_columns(schedule, self.models),
        }

    @property
    def besides(self) -> tuple[Column, ...]:
        """Of the witness, what is neither trained nor a count: nothing, of features as they are."""
        return ()

    @property
    def trained(self) -> tuple[Column, ...]:
        """Those of the witness that are about steps."""
        schedule = self.schedule
        columns = [Column(column.name, self.scores) for column in (Q, PREDICTIONS)]
        for parameter, axes in self.parameters.items():
            steps = (self.output, *self.iterations, *axes)
            columns += limb_columns(parameter.steps, schedule.weight_bits, steps)
            columns += limb_columns(parameter.remainder, schedule.shift, steps)
            columns += limb_columns(parameter.last, schedule.weight_bits, (*self.models, *axes))
        return tuple(columns)

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """The scores, proved by "product"."""
        return {Z: self.scores}

    @cached_property
    def boxes(self) -> tuple[tuple[LookupBox, ...], ...]:
        """All lookups, in groups; large boxes are in parts."""
        return self._boxes()

    def _boxes(self) -> tuple[tuple[LookupBox, ...], ...]:
        """z - 2^16 Q in range, (Q, P) in the activation table; every limb in range."""
        schedule = self.schedule
        remainder = Lookup("remainder", RANGE, (Entry(((1, Z), (-LIMB, Q))),))
        activation = Lookup("activation", ACTIVATION, (Entry(((1, Q),)), Entry(((1, PREDICTIONS),))))
        live = Indicator(self.scores, schedule.live.forgotten, schedule.live.ranges)
        parts = [lookup_boxes(SCORES, live, (remainder, activation))]
        for parameter, axes in self.parameters.items():
            limbs = limb_lookups(parameter.steps, schedule.weight_bits)
            limbs += limb_lookups(parameter.remainder, schedule.shift)
            last = limb_lookups(parameter.last, schedule.weight_bits)
            parts.append(lookup_boxes(parameter.box, Indicator((self.output, *self.iterations, *axes)), limbs))
            parts.append(lookup_boxes(parameter.last_box, Indicator((*self.models, *axes)), last))
        return tuple(parts)

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Section i has the i-th part of each box."""
        parts, table = self.boxes, self.schedule.activation_table
        count = max(len(boxes) for boxes in parts)
        together = ([boxes[i] for boxes in parts if i < len(boxes)] for i in range(count))
        return tuple(section_of(boxes, table, i, count) for i, boxes in enumerate(together))
