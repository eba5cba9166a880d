"""The run and the witness of a sharded training: each stage of each shard is a run of gradient descent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import Vector
from ...circuits.language.layout import Address
from ...circuits.relations.sisa import Sisa as SisaRelation
from ...circuits.relations.sisa import naming_of
from ...errors import ParameterError, TrainingError
from ...models.convergence import Curve, Point
from ...models.methods.schedule import Schedule
from ...models.methods.sisa import Sisa, Stages
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, multiplicities
from ..matrices.values import Combination, Witness
from .curve import descent_curve
from .gradient_descent import trained_columns
from .model import model_cells
from .rows import Rows
from .run import NarrowTrace, descend, model_of, resolution_notes

Traces = tuple[NarrowTrace, ...]  # of each output
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class ShardRun:
    """One stage of one shard.

    Attributes:
        stage, shard: which; the first stage is 0 here.
        rows: those of the stage. schedule: of this shard alone.
        traces: of each output.
    """

    stage: int
    shard: int
    rows: Rows
    schedule: Schedule
    traces: Traces


Runs = tuple[tuple[ShardRun, ...], ...]  # of each stage, of each shard


def train_shards(rows: Rows, schedule: Stages) -> Runs:
    """Run all stages of all shards.

    Raises:
        TrainingError: a score left the activation table, or a weight its range; the message says in which shard.
    """
    shards = [tuple(_train_shard(rows, schedule, shard)) for shard in range(schedule.shards.count)]
    return tuple(zip(*shards, strict=True))


def _train_shard(rows: Rows, schedule: Stages, shard: int) -> Iterator[ShardRun]:
    start: Integers | None = None
    for number, stage in enumerate(schedule.stages):
        own = stage.of_shard(shard)
        first = shard * schedule.shards.shard_rows
        part = rows.part(first, first + own.rows)
        try:
            traces = descend(part, own, start)
        except TrainingError as error:
            raise TrainingError(f"shard {shard}, stage {number + 1}: {error}") from error
        yield ShardRun(number, shard, part, own, traces)
        start = np.stack([trace.weights[-1] for trace in traces])


def models_of(schedule: Stages, runs: Runs) -> Integers:
    """The integers of the models, int64 (stages, outputs, shards, K)."""
    return np.stack([np.stack([model_of(run.schedule, run.traces) for run in stage], axis=1) for stage in runs])


def models_cells(features: int, integers: Integers) -> dict[Address, Vector]:
    """The columns of a commitment to these integers, those of each stage."""
    return {
        naming_of(number).address(column): cells
        for number, own in enumerate(integers, start=1)
        for column, cells in model_cells(features, own).items()
    }


def shard_notes(schedule: Stages, runs: Runs) -> tuple[str, ...]:
    """What rounding took away, by how many shards it is of. Raises ParameterError where no shard learns anything."""
    notes: Counter[str] = Counter()
    refused: list[ParameterError] = []
    learning = [run for run in runs[0] if run.schedule.live.count]
    for run in learning:
        try:
            notes.update(resolution_notes(run.schedule, run.traces))
        except ParameterError as error:
            refused.append(error)
    if refused and len(refused) == len(learning):
        raise refused[0]
    if refused:
        notes["every update is rounded to zero"] += len(refused)
    return _counted(notes, len(learning), "in the first stage of ")


def _counted(notes: Counter[str], shards: int, where: str = "in ") -> tuple[str, ...]:
    return tuple(f"{where}{count} of {shards} shards, {note}" for note, count in notes.items())


def shards_curve(rows: Rows, method: Sisa, schedule: Stages, runs: Runs) -> Curve:
    """How the last stage went, on the mean of all shards, each with its own rows and model. See models/convergence.py.

    Shards without a row that counts are left out.
    """
    last = [run for run in runs[-1] if run.schedule.live.count]
    curves = [descent_curve(run.rows, method.descent, run.schedule, run.traces) for run in last]
    counts = np.array([run.schedule.live.count for run in last])
    shares = counts / counts.sum()
    points = tuple(_mean_point(own, shares) for own in zip(*(curve.points for curve in curves), strict=True))
    constant = float(shares @ [curve.constant_loss for curve in curves])
    notes = Counter(note for curve in curves for note in curve.notes)
    return Curve(points, curves[0].score_name, constant, _counted(notes, len(last)))


def _mean_point(points: Sequence[Point], shares: npt.NDArray[np.float64]) -> Point:
    """The mean of an epoch's points, each counted as often as its shard has rows."""
    names = [item.name for item in fields(Point) if item.name != "epoch"]
    means = {name: float(shares @ [getattr(point, name) for point in points]) for name in names}
    return Point(epoch=points[0].epoch, **means)


# The witness ---------------------------------------------------------------------------------------------------------


def sisa_witness(relation: SisaRelation, runs: Runs) -> Witness:
    """Columns of the models and the witness, and scores, of all stages."""
    columns: dict[Address, Cells | Combination] = {}
    looked_up: dict[str, LookedUpRows] = {}
    for (naming, stage), shards in zip(relation.stages, runs, strict=True):
        own = trained_columns(stage, _stage_traces(stage.schedule, shards))
        columns |= {naming.address(column): cells for column, cells in own.columns.items()}
        looked_up |= {naming.prefix + lookup: rows for lookup, rows in own.looked_up.items()}
    return Witness({**columns, **multiplicities(relation.sections, looked_up)}, looked_up)


def _stage_traces(schedule: Schedule, shards: Sequence[ShardRun]) -> Traces:
    """The traces of all shards of a stage as one for each output: rows one after another, weights (E + 1, shards, K)."""
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
