"""The run and the witness of a sharded training: each stage of each shard is a run of gradient descent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import Vector
from ...circuits.language.layout import Address
from ...circuits.relations.sisa import Sisa as SisaRelation
from ...circuits.relations.sisa import part_name
from ...circuits.relations.standardized_stage import StandardizedStage
from ...errors import ParameterError, TrainingError
from ...models.convergence import Curve, mean_curve
from ...models.methods.reference import started
from ...models.methods.schedule import Schedule
from ...models.methods.sisa import Part, Sisa, Stages
from ...models.shards import Run
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, multiplicities
from ..matrices.values import Combination, Witness
from .curve import descent_curve
from .gradient_descent import trained_columns
from .model import model_cells
from .rows import Rows, filled
from .run import NarrowTrace, Traces, descend, descend_together, each_array, model_of, resolution_notes, scaling_of
from .standardized_stage import starting_columns

WARNING = "warning: "  # which a note begins with that is one
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class PartRun:
    """One stage of some shards.

    Attributes:
        before: the integers of the models that it begins from, (outputs, shards, K); None from zero weights.
        traces: of each output, those of all shards.
    """

    before: Integers | None
    traces: Traces


Runs = tuple[PartRun, ...]  # of each part


def train_shards(rows: Rows, schedule: Stages, starts: Sequence[Integers]) -> Runs:
    """Run all stages of all shards that are trained.

    Args:
        starts: the integers of the models of each earlier statement, `models_of`.

    Raises:
        TrainingError: a score left the activation table, or a weight its range; the message says in which shard.
    """
    earlier = [by_part(schedule, integers, runs) for integers, runs in zip(starts, schedule.starts, strict=True)]
    found: list[PartRun] = []
    for part in schedule.parts:
        before = None
        if part.start is not None and part.source is not None:
            models = earlier[part.start][part.source, part.number - 1]
            first = part.run.first - part.source.first
            before = models[:, first : first + part.run.count]
        elif part.source is not None:
            before = model_of(schedule.stages[part.number - 2], found[-1].traces)
        found.append(PartRun(before, _train_part(rows, schedule, part, before)))
    return tuple(found)


def _train_part(rows: Rows, schedule: Stages, part: Part, before: Integers | None) -> Traces:
    """All shards of a part together, from models (outputs, shards, K) or zero; one by one where that cannot be."""
    places = [_place(schedule, part, shard) for shard in range(part.run.count)]
    together = _train_together(rows, part.schedule, places, before)
    if together is not None:
        return together
    apart = []
    for shard, place in enumerate(places):
        mine, own = rows.part(place.start, place.stop), part.schedule.of_shards(shard, 1)
        try:
            apart.append(descend(mine, own, None if before is None else before[:, shard]))
        except TrainingError as error:
            raise TrainingError(f"shard {part.run.first + shard}, stage {part.number}: {error.at(None)}") from error
    return tuple(_beside(part.schedule, traces) for traces in zip(*apart, strict=True))


def _train_together(rows: Rows, schedule: Schedule, places: Sequence[slice], before: Integers | None) -> Traces | None:
    """None where kernels cannot, or a shard cannot begin from its model."""
    features, labels = (
        np.concatenate([filled(cells, place) for place in places], axis=-1) for cells in (rows.by_feature, rows.labels)
    )
    scaling = scaling_of(features, schedule)
    nothing = np.zeros((schedule.outputs, len(places), schedule.width), dtype=np.int64)
    try:
        starts = started(schedule, nothing if before is None else before, None if scaling is None else scaling.scaler)
    except TrainingError:
        return None
    return descend_together(features, labels, schedule, starts, scaling)


def _place(schedule: Stages, part: Part, shard: int) -> slice:
    """Where the rows of one of a part's shards are in the data set; it may end before."""
    rows, first = part.schedule.shard_rows(shard), (part.run.first + shard) * schedule.shards.shard_rows
    return slice(first, first + rows.stop - rows.start)


def _beside(schedule: Schedule, traces: Sequence[NarrowTrace]) -> NarrowTrace:
    """The traces of all shards of a stage as one."""
    starts = (schedule.shard_rows(shard).start for shard in range(schedule.shards))
    scalers = [trace.scaler for trace in traces if trace.scaler is not None]

    def beside(name: str) -> Any:
        return np.concatenate([getattr(trace, name) for trace in traces], axis=1)

    def stacked(name: str) -> Any:
        return np.stack([getattr(trace, name) for trace in traces], axis=1)

    return NarrowTrace(
        weights=stacked("weights"),
        u=stacked("u"),
        Q=beside("Q"),
        P=beside("P"),
        rem=beside("rem"),
        forgotten=np.concatenate([start + trace.forgotten for start, trace in zip(starts, traces, strict=True)]),
        forgotten_scores=beside("forgotten_scores"),
        gradients=stacked("gradients"),
        residuals=stacked("residuals"),
        scaler=each_array(lambda *own: np.stack(own), *scalers) if scalers else None,
    )


# The models ----------------------------------------------------------------------------------------------------------


def models_of(schedule: Stages, runs: Runs) -> Integers:
    """The integers of all models, int64 (models, K): part by part, in each by output and shard."""
    own = (model_of(part.schedule, run.traces) for part, run in zip(schedule.parts, runs, strict=True))
    return np.concatenate([models.reshape(-1, schedule.width) for models in own])


def by_part(schedule: Stages, integers: Integers, runs: Sequence[Run]) -> dict[tuple[Run, int], Integers]:
    """The models (outputs, shards, K) of each stage of each run, from `models_of` of a statement that trained these."""
    found, at = {}, 0
    for run in runs:
        for number in range(run.stage, schedule.shards.slices + 1):
            stop = at + schedule.outputs * run.count
            found[run, number] = integers[at:stop].reshape(schedule.outputs, run.count, schedule.width)
            at = stop
    return found


def models_cells(schedule: Stages, integers: Integers) -> dict[Address, Vector]:
    """The columns of a commitment to `models_of`."""
    return {
        Address(column.matrix, part_name(run, number) + column.name): cells
        for (run, number), own in by_part(schedule, integers, schedule.runs).items()
        for column, cells in model_cells(schedule.features, own).items()
    }


# What the owner should know -------------------------------------------------------------------------------------------


def shard_notes(schedule: Stages, runs: Runs) -> tuple[str, ...]:
    """What rounding took away of shards. Raises ParameterError where no shard learns anything.

    A stage that begins from a model may well leave it as it is; one that begins from zero should not.
    """
    notes: Counter[str] = Counter()
    refused: list[ParameterError] = []
    learning = list(_learning(schedule, runs, 1))
    for own, traces, _ in learning:
        try:
            notes.update(resolution_notes(own, traces))
        except ParameterError as error:
            refused.append(error)
    if refused and len(refused) == len(learning):
        raise refused[0]
    if refused:
        notes["every update is rounded to zero"] += len(refused)
    return _told(notes, len(learning), " at the first stage")


def _told(notes: Counter[str], shards: int, when: str = "") -> tuple[str, ...]:
    """Notes of so many shards; how many have one is a figure that depends on the data, and is not told."""
    found = []
    for note, count in notes.items():
        warning = WARNING if note.startswith(WARNING) else ""
        which = "every" if count == shards else "some"
        found.append(f"{warning}in {which} shard{when}, {note.removeprefix(warning)}")
    return tuple(found)


def shards_curve(rows: Rows, method: Sisa, schedule: Stages, runs: Runs) -> Curve | None:
    """How the last stage went, on the mean of all shards, each with its own rows and model. See models/convergence.py.

    Shards without a row that counts are left out; None if there are no others.
    """
    last = list(_learning(schedule, runs, schedule.shards.slices))
    if not last:
        return None
    curves = [
        descent_curve(rows.part(place.start, place.stop), method.descent, own, traces) for own, traces, place in last
    ]
    notes = Counter(note for curve in curves for note in curve.notes)
    return mean_curve(curves, [own.live.count for own, _, _ in last], _told(notes, len(last)))


def _learning(schedule: Stages, runs: Runs, number: int) -> Iterator[tuple[Schedule, Traces, slice]]:
    """Of each shard of which rows count: its schedule and traces at a stage, and where its rows are."""
    for part, run in zip(schedule.parts, runs, strict=True):
        for shard in range(part.run.count if part.number == number else 0):
            own, rows = part.schedule.of_shards(shard, 1), part.schedule.shard_rows(shard)
            if own.live.count:
                yield own, tuple(trace.of_model(shard, rows) for trace in run.traces), _place(schedule, part, shard)


# The witness ---------------------------------------------------------------------------------------------------------


def sisa_witness(relation: SisaRelation, runs: Runs) -> Witness:
    """Columns of the models and the witness, and scores, of all stages."""
    columns: dict[Address, Cells | Combination] = {}
    looked_up: dict[str, LookedUpRows] = {}
    for (naming, part), run in zip(relation.parts, runs, strict=True):
        own = trained_columns(part, run.traces)
        found = [own]
        if isinstance(part, StandardizedStage) and run.before is not None:
            found.append(starting_columns(part, run.traces, run.before))
        for each in found:
            columns |= {naming.address(column): cells for column, cells in each.columns.items()}
            looked_up |= {naming.prefix + lookup: rows for lookup, rows in each.looked_up.items()}
    return Witness({**columns, **multiplicities(relation.sections, looked_up)}, looked_up)
