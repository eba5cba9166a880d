"""SISA: shards trained apart, in stages of more and more slices, whose models answer together.

Shards and slices are those of models/shards.py. Each shard has a model of its own, that of stage r trained by
gradient descent on slices 1 to r, from the model of stage r - 1, that of the first from zero. So a row bears
on the models of one shard, from the stage of its slice on: those are what is trained again when it is forgotten.

Source: Bourtoule et al., Machine Unlearning, IEEE S&P 2021.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

from ...errors import ParameterError
from ...formats.fields import Fields, Int, take
from ...formats.toml import toml_value
from ..aggregation import AGGREGATES
from ..checks import integer_within
from ..families import Family
from ..live import Live
from ..scales import FixedPoint
from ..shapes import MAX_ROWS, DatasetShape
from ..shards import Run, Shards
from .base import NO_SHARDS, Compiled, Method, Objective
from .fitting import next_power_of_two
from .gradient_descent import FULL_BATCH, MAX_SCORES, MAX_WEIGHTS, GradientDescent
from .schedule import Schedule, compile_stage
from .standardized import compile_standardized_stage

MAX_SLICES = 64
MAX_SHARDS = 1 << 12
MAX_PARTS = 512  # stages of runs, each of which costs sums of its own

_SHARED = (
    "epochs", "learning_rate", "batch_size", "momentum", "l2", "bias", "penalize_intercept", "class_weight",
    "standardize",
)  # fmt: skip
MAX_SCALED = 1 << 17  # features of all shards that are standardised together
_BATCHED: Fields = {"batch_size": Int(1, MAX_ROWS)}
_FIELDS: Fields = {"shard_rows": Int(1, MAX_ROWS), "slices": Int(1, MAX_SLICES), "aggregate": str}


@dataclass(frozen=True)
class Part:
    """One stage of a run of shards: what is trained, and committed to, together.

    Attributes:
        run: the shards. number: the stage, 1 to R.
        schedule: its integers.
        source: the run whose models of stage `number` - 1 training begins from; None from zero weights.
        start: the number of the earlier statement that trained them; None for this one.
    """

    run: Run
    number: int
    schedule: Schedule
    source: Run | None
    start: int | None


@dataclass(frozen=True, kw_only=True)
class Stages(Compiled):
    """The public integers of some stages of some shards, of all of them unless it is said.

    Attributes:
        shards: how the data set is cut.
        stages: of each stage of all shards, the first one first.
        runs: which shards are trained, and from which stage on.
        starts: of each earlier statement that is named, the runs that it trained: all of these shards, or runs of the
            shards that there were.
    """

    shards: Shards
    stages: tuple[Schedule, ...]
    runs: tuple[Run, ...]
    starts: tuple[tuple[Run, ...], ...] = ()

    def scoped(self, runs: tuple[Run, ...], starts: tuple[tuple[Run, ...], ...]) -> Stages:
        """See Compiled. Raises ParameterError for what cannot be trained together, or begins from no known models."""
        if runs == self.shards.whole:
            raise ParameterError("scope: all stages of all shards are what is trained where nothing is said")
        self.shards.require_runs(runs)
        named = {run.start for run in runs} - {None}
        if named != set(range(len(starts))):
            raise ParameterError(f"scope: begins from statements {named}, where {len(starts)} are named")
        scoped = replace(self, runs=runs, starts=tuple(own or self.shards.whole for own in starts))
        for own in scoped.starts:
            self.shards.require_runs(own)
        for own in (runs, *scoped.starts):
            if self.shards.parts(own) > MAX_PARTS:
                raise ParameterError(f"scope: {self.shards.parts(own)} stages of runs are more than {MAX_PARTS}")
        for run in runs:
            scoped.source_of(run)
        return scoped

    def scope_of(self, earlier: Stages) -> tuple[Run, ...]:
        """What an earlier statement trained, as one on these shards names it: runs; nothing where it is all of them."""
        return () if earlier.runs == self.shards.whole else earlier.runs

    def source_of(self, run: Run) -> Run | None:
        """The run of the statement it begins from. Raises ParameterError if that did not train what it needs."""
        if run.start is None:
            return None
        source = next((own for own in self.starts[run.start] if own.trains(run)), None)
        if source is None:
            raise ParameterError(
                f"scope: no models of stage {run.stage - 1} of shards from {run.first} on to begin from"
            )
        return source

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Stage by stage of each run: a stage comes after the one that it begins from."""
        return tuple(
            Part(
                run,
                number,
                self.stages[number - 1].of_shards(run.first, run.count),
                self.source_of(run) if number == run.stage else run,
                run.start if number == run.stage else None,
            )
            for run in self.runs
            for number in range(run.stage, self.shards.slices + 1)
        )

    @property
    def empty_shards(self) -> tuple[int, ...]:
        """Shards of which no row counts, whose models have learnt nothing: they have no say."""
        counts = self.stages[-1].shard_counts
        return tuple(shard for shard in range(self.shards.count) if not counts[shard])


def stages_of(compiled: Compiled) -> Stages:
    """What a sharded training compiled to. Raises ParameterError for another."""
    if not isinstance(compiled, Stages):
        raise ParameterError(NO_SHARDS)
    return compiled


@dataclass(frozen=True, kw_only=True)
class Sisa(Method):
    """A model for each shard, trained in stages by gradient descent.

    Attributes:
        shard_rows: S, rows of a shard, a power of two. Positions of rows are random, so nobody chooses who is in which.
        slices: R, stages of each shard.
        epochs, learning_rate, momentum: of each stage, as of gradient descent; momentum begins anew with each.
        batch_size: rows of a shard that a step takes, a power of two below `shard_rows`: one batch after another of
            those of the stage. None takes all of them in every step.
        l2, bias, penalize_intercept, class_weight: as of gradient descent.
        standardize: as of gradient descent, in each stage of each shard by its own rows that count.
        aggregate: how models answer together: by the mean of what they predict ("probability"), by the prediction of
            their mean score ("score"), or, of classes, by the number of models that predict them ("vote").

    Raises:
        ParameterError: a value cannot be used; the message names the field.
    """

    kind: ClassVar[str] = "sisa"
    holds_out: ClassVar[bool] = False

    shard_rows: int
    slices: int = 1
    epochs: int
    learning_rate: float | tuple[float, ...]
    batch_size: int | None = None
    momentum: float | tuple[float, ...] | str = 0.0
    l2: float = 0.0
    bias: bool = True
    penalize_intercept: bool = False
    class_weight: Mapping[str, int] | tuple[tuple[str, int], ...] | None = None
    standardize: bool = False
    aggregate: str = AGGREGATES[0]

    def __post_init__(self) -> None:
        size = integer_within("shard_rows", self.shard_rows, 1, MAX_ROWS)
        if size & (size - 1):
            more = next_power_of_two(size)
            raise ParameterError(f"shard_rows = {size}: must be a power of two, as {more // 2} or {more}")
        slices = integer_within("slices", self.slices, 1, MAX_SLICES)
        if slices > size:
            raise ParameterError(f"slices = {slices}: a shard has {size} rows, and each slice needs one")
        if self.aggregate not in AGGREGATES:
            raise ParameterError(f"aggregate = {self.aggregate!r}: must be one of {', '.join(AGGREGATES)}")
        checked = self.descent
        if checked.batch_size and checked.batch_size >= size:
            raise ParameterError(
                f"batch_size = {checked.batch_size}: must be below shard_rows; all of a shard is a full batch"
            )
        own = {name: getattr(checked, name) for name in _SHARED}
        for name, value in {**own, "shard_rows": size, "slices": slices}.items():
            object.__setattr__(self, name, value)

    @cached_property
    def descent(self) -> GradientDescent:
        """One stage of one shard."""
        return GradientDescent(**{name: getattr(self, name) for name in _SHARED})

    def to_mapping(self) -> dict[str, object]:
        """See Method; a full batch has no `batch_size`."""
        own = {name: getattr(self, name) for name in _FIELDS}
        shared = self._shared(self.descent.to_mapping())
        if self.batch_size is None:
            del shared["batch_size"]
        return {**shared, **own, "kind": self.kind}

    @staticmethod
    def _shared(whole: Mapping[str, Any]) -> dict[str, Any]:
        return {name: whole[name] for name in _SHARED if name in whole}

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object], what: str) -> Self:
        """See Method."""
        own = take({name: value for name, value in mapping.items() if name in _FIELDS}, _FIELDS, what)
        rest = {name: value for name, value in mapping.items() if name not in _FIELDS}
        batched = {name: value for name, value in rest.items() if name in _BATCHED}
        batch = take(batched, _BATCHED, what) if batched else {"batch_size": 0}
        whole = {**rest, **batch, "kind": GradientDescent.kind}
        descent = GradientDescent.from_mapping(whole, what)
        return cls(**own, **{name: getattr(descent, name) for name in _SHARED})

    def to_toml(self) -> dict[str, str]:
        """See Method."""
        own = {name: toml_value(getattr(self, name)) for name in _FIELDS}
        return {**own, **self._shared(self.descent.to_toml())}

    @classmethod
    def from_toml(cls, fields: Mapping[str, Any]) -> Self:
        """See Method."""
        batch_size = fields.get("batch_size")
        return cls(**{**fields, "batch_size": None if batch_size == FULL_BATCH else batch_size})

    def describe(self) -> str:
        """See Method."""
        start, each = "from zero weights", "each shard"
        if self.slices > 1:
            start, each = (
                "from where the stage before ended, the first from zero weights",
                f"each of {self.slices} stages of a shard",
            )
        return (
            f"SISA: shards of {self.shard_rows} rows, each with a model of its own, which answer together by "
            f"{self.aggregate}; for {each}, {self.descent.described(start)}"
        )

    def shards(self, shape: DatasetShape) -> Shards:
        """How a data set is cut."""
        return Shards(shape.rows, self.shard_rows, self.slices, self.batch_size)

    def model_shape(self, shape: DatasetShape, runs: tuple[Run, ...] = ()) -> tuple[int, int]:
        """See Method: models are counted run by run, stage by stage, and in a stage by output and shard."""
        shards = self.shards(shape)
        models = sum((self.slices + 1 - run.stage) * run.count for run in runs or shards.whole)
        return (models * shape.outputs, shape.features + self.bias)

    @property
    def uses_order(self) -> bool:
        """See Method: shards are runs of rows."""
        return True

    def require_provable(self, shape: DatasetShape) -> None:
        """See Method."""
        shards = self.shards(shape)
        if self.shard_rows >= 2 * shape.rows:
            raise ParameterError(
                f"shard_rows = {self.shard_rows}: the data set has {shape.rows} rows, fewer than half; use at most "
                f"{next_power_of_two(shape.rows)}"
            )
        if shards.count > MAX_SHARDS:
            raise ParameterError(
                f"shard_rows = {self.shard_rows}: makes {shards.count} shards, more than {MAX_SHARDS}; use at least "
                f"{next_power_of_two(-(-shape.rows // MAX_SHARDS))}"
            )
        if self.standardize and shards.count * shape.features > MAX_SCALED:
            raise ParameterError(
                f"standardize: {shape.features} features of {shards.count} shards are more than one proof can "
                f"standardise ({MAX_SCALED})"
            )
        stages = [shards.stage(number) for number in range(1, self.slices + 1)]
        if sum(stage.rows for stage in stages) * self.epochs * shape.outputs > MAX_SCORES:
            raise ParameterError(
                f"{shape.rows} rows in {self.slices} stages of {self.epochs} epochs are more than one proof can carry "
                f"({MAX_SCORES})"
            )
        steps = sum(stage.batches for stage in stages) * self.epochs * shards.count
        if steps * (shape.features + 1) * shape.outputs > MAX_WEIGHTS:
            raise ParameterError(
                f"{steps} steps of {shape.features} weights are more than one proof can carry ({MAX_WEIGHTS})"
            )

    def objectives(self, shape: DatasetShape, live: Live, runs: tuple[Run, ...] = ()) -> tuple[Objective, ...]:
        """See Method: of each shard of which a row counts, on all of its rows, as its last stage has them."""
        shards, found = Shards(shape.rows, self.shard_rows, self.slices), []
        for shard in (shard for run in runs or shards.whole for shard in run.shards):
            stage = shards.stage(self.slices).of(shard, 1)
            counted = stage.live(live.forgotten)
            own = replace(shape, rows=stage.rows)
            found += [Objective(output, own, counted, stage) for output in range(shape.outputs) if counted.count]
        return tuple(found)

    def compile_distance(
        self,
        family: Family,
        scales: FixedPoint,
        shape: DatasetShape,
        live: Live,
        distance: int,
        slope: int | None,
    ) -> Compiled:
        """See Method: as of gradient descent."""
        return self.descent.compile_distance(family, scales, shape, live, distance, slope)

    def compile(self, family: Family, scales: FixedPoint, shape: DatasetShape, live: Live) -> Stages:
        """See Method; the integers of a stage are those of schedule.py, or of standardized.py."""
        self.require_provable(shape)
        if self.aggregate == "vote" and family.predicts != "class":
            raise ParameterError(f'aggregate = "vote": a {family.title} predicts no classes')
        shards = self.shards(shape)
        compiler = compile_standardized_stage if self.standardize else compile_stage
        stages = [
            compiler(self.descent, family, scales, shape, stage, stage.live(live.forgotten))
            for stage in (shards.stage(number) for number in range(1, self.slices + 1))
        ]
        return Stages(
            family=family,
            scales=scales,
            features=shape.features,
            width=stages[0].width,
            unused=shape.unused,
            outputs=shape.outputs,
            live=live,
            shards=shards,
            stages=tuple(stages),
            runs=shards.whole,
        )
