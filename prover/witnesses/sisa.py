"""The run and the witness of a sharded training: each stage of each shard is a run of gradient descent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import Vector
from ...circuits.language.layout import Address
from ...circuits.relations.sisa import Sisa as SisaRelation
from ...circuits.relations.sisa import part_name
from ...errors import ParameterError, TrainingError
from ...models.convergence import Curve, mean_curve
from ...models.methods.schedule import Schedule
from ...models.methods.sisa import Part, Sisa, Stages
from ...models.shards import Run
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, multiplicities
from ..matrices.values import Combination, Witness
from .curve import descent_curve
from .gradient_descent import trained_columns
from .model import model_cells
from .rows import Rows
from .run import NarrowTrace, descend, model_of, resolution_notes

WARNING = "warning: "  # which a note begins with that is one
Traces = tuple[NarrowTrace, ...]  # of each output
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class ShardRun:
    """One stage of one shard.

    Attributes:
        rows: those of the stage. schedule: of this shard alone.
        traces: of each output.
    """

    rows: Rows
    schedule: Schedule
    traces: Traces

    @property
    def last(self) -> Integers:
        """The weights that it ends with, of each output, (outputs, K)."""
        return np.stack([trace.weights[-1] for trace in self.traces])


Runs = tuple[tuple[ShardRun, ...], ...]  # of each part, of each of its shards


def train_shards(rows: Rows, schedule: Stages, starts: Sequence[Integers]) -> Runs:
    """Run all stages of all shards that are trained.

    Args:
        starts: the integers of the models of each earlier statement, `models_of`.

    Raises:
        TrainingError: a score left the activation table, or a weight its range; the message says in which shard.
    """
    earlier = [by_part(schedule, integers, runs) for integers, runs in zip(starts, schedule.starts, strict=True)]
    found: list[tuple[ShardRun, ...]] = []
    for part in schedule.parts:
        before: Sequence[Integers | None] = [None] * part.run.count
        if part.start is not None and part.source is not None:
            models = earlier[part.start][part.source, part.number - 1]
            first = part.run.first - part.source.first
            before = [_trained(schedule, models[:, first + i]) for i in range(part.run.count)]
        elif part.source is not None:
            before = [run.last for run in found[-1]]
        found.append(tuple(_train_shard(rows, schedule, part, i, start) for i, start in enumerate(before)))
    return tuple(found)


def _train_shard(rows: Rows, schedule: Stages, part: Part, index: int, start: Integers | None) -> ShardRun:
    """The `index`-th shard of a part, from weights (outputs, K), or from zero."""
    own, shard = part.schedule.of_shards(index, 1), part.run.first + index
    first = shard * schedule.shards.shard_rows
    mine = rows.part(first, first + own.rows)
    try:
        return ShardRun(mine, own, descend(mine, own, start))
    except TrainingError as error:
        raise TrainingError(f"shard {shard}, stage {part.number}: {error}") from error


def _trained(schedule: Stages, models: Integers) -> Integers:
    """The weights (.., K) that models were exported from."""
    return np.concatenate(
        [models[..., : schedule.features], models[..., schedule.features :] >> schedule.scales.x_bits], -1
    )


# The models ----------------------------------------------------------------------------------------------------------


def models_of(schedule: Stages, runs: Runs) -> Integers:
    """The integers of all models, int64 (models, K): part by part, in each by output and shard."""
    own = ([model_of(run.schedule, run.traces) for run in part] for part in runs)
    return np.concatenate([np.stack(models, axis=1).reshape(-1, schedule.width) for models in own])


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
    first = [run for part, own in zip(schedule.parts, runs, strict=True) if part.number == 1 for run in own]
    learning = [run for run in first if run.schedule.live.count]
    for run in learning:
        try:
            notes.update(resolution_notes(run.schedule, run.traces))
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
    ended = [run for part, own in zip(schedule.parts, runs, strict=True) if _is_last(schedule, part) for run in own]
    last = [run for run in ended if run.schedule.live.count]
    if not last:
        return None
    curves = [descent_curve(run.rows, method.descent, run.schedule, run.traces) for run in last]
    notes = Counter(note for curve in curves for note in curve.notes)
    return mean_curve(curves, [run.schedule.live.count for run in last], _told(notes, len(last)))


def _is_last(schedule: Stages, part: Part) -> bool:
    return part.number == schedule.shards.slices


# The witness ---------------------------------------------------------------------------------------------------------


def sisa_witness(relation: SisaRelation, runs: Runs) -> Witness:
    """Columns of the models and the witness, and scores, of all stages."""
    columns: dict[Address, Cells | Combination] = {}
    looked_up: dict[str, LookedUpRows] = {}
    for (naming, part), shards in zip(relation.parts, runs, strict=True):
        own = trained_columns(part, _stage_traces(part.schedule, shards))
        columns |= {naming.address(column): cells for column, cells in own.columns.items()}
        looked_up |= {naming.prefix + lookup: rows for lookup, rows in own.looked_up.items()}
    return Witness({**columns, **multiplicities(relation.sections, looked_up)}, looked_up)


def _stage_traces(schedule: Schedule, shards: Sequence[ShardRun]) -> Traces:
    """The traces of all shards as one for each output: rows one after another, weights (E + 1, shards, K)."""
    return tuple(_joined(schedule, [run.traces[output] for run in shards]) for output in range(schedule.outputs))


def _joined(schedule: Schedule, traces: Sequence[NarrowTrace]) -> NarrowTrace:
    starts = (schedule.block_rows(block).start for block in range(schedule.blocks))

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
        scaler=None,
    )
