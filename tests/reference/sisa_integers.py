"""Shards and stages: protocol.md and arithmetic.md, "Shards and stages": what is trained, and the integers of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from .arithmetic import (
    Plain,
    Problem,
    Schedule,
    Standardization,
    Standardized,
    nearest,
    problem_of,
    scheduled,
)
from .field import log2_ceil, require
from .formats import Map, outputs_of

MAX_SHARDS, MAX_SCORES, MAX_WEIGHTS, MAX_PARTS, MAX_SCALED = 1 << 12, 1 << 30, 1 << 27, 512, 1 << 17


@dataclass(frozen=True)
class Run:
    """Neighbouring shards from some stage on; `start` is the number of the models that they begin from."""

    first: int
    count: int
    stage: int = 1
    start: int | None = None

    @property
    def stop(self) -> int:
        return self.first + self.count

    @property
    def bits(self) -> int:
        return log2_ceil(self.count)

    @property
    def shards(self) -> range:
        return range(self.first, self.stop)

    def name(self, stage: int) -> str:
        """What is before all names of a part."""
        shards = f"shard {self.first}" if self.count == 1 else f"shards {self.first} to {self.stop - 1}"
        return f"{shards}, stage {stage}: "


@dataclass(frozen=True)
class Cut:
    """N rows in shards of S, R stages each, in batches of so many rows; 0 is a full batch."""

    rows: int
    shard_rows: int
    slices: int
    batch_size: int

    @property
    def shards(self) -> int:
        return -(-self.rows // self.shard_rows)

    def prefix(self, stage: int) -> int:
        """P."""
        return -(-stage * self.shard_rows // self.slices)

    def whole(self) -> list[Run]:
        return [Run(0, self.shards)]


@dataclass(frozen=True)
class Part:
    """A stage of a run. `source` is the run of which it begins, in the models number `start`, or in its own if None."""

    cut: Cut
    run: Run
    stage: int
    source: Run | None
    start: int | None

    @property
    def name(self) -> str:
        return self.run.name(self.stage)

    @property
    def prefix(self) -> int:
        return self.cut.prefix(self.stage)

    @property
    def place_bits(self) -> int:
        """q."""
        return log2_ceil(self.prefix)

    @property
    def batches(self) -> int:
        """A."""
        return -(-self.prefix // (self.cut.batch_size or self.prefix))

    @property
    def rows(self) -> int:
        """N'."""
        places = 1 << self.place_bits
        last = self.run.stop - 1
        if self.batches > 1:
            return self.run.count * places
        return (self.run.count - 1) * places + min(places, self.cut.rows - self.cut.shard_rows * last)

    @property
    def places(self) -> int:
        """J."""
        return 1 << (self.place_bits if self.run.count > 1 else log2_ceil(self.rows))

    @property
    def step_rows(self) -> int:
        """Places of a shard in a step."""
        return self.cut.batch_size if self.batches > 1 else self.places

    def position(self, row: int) -> int:
        """Of a row of the part in the data set, which it may be past the end of."""
        shard, place = divmod(row, self.places)
        return (self.run.first + shard) * self.cut.shard_rows + place

    def counts(self, row: int, forgotten: set[int]) -> bool:
        position = self.position(row)
        return row % self.places < self.prefix and position < self.cut.rows and position not in forgotten


# What a statement trains ---------------------------------------------------------------------------------------------


def cut_of(dataset: Map, spec: Map) -> Cut:
    method = spec["method"]
    return Cut(dataset["rows"], method["shard_rows"], method["slices"], method.get("batch_size", 0))


def runs_of(scope: Sequence[Map], cut: Cut) -> list[Run]:
    """None stand for all shards."""
    return [Run(**run) for run in scope] or cut.whole()


def models_of(runs: Sequence[Run], cut: Cut) -> list[tuple[Run, int]]:
    """Run and stage of everything that has models, in order."""
    return [(run, stage) for run in runs for stage in range(run.stage, cut.slices + 1)]


def parts_of(statement: Map) -> list[Part]:
    """All of them, after what no proof can be about has been refused."""
    dataset, spec = statement["dataset"], statement["spec"]
    cut = cut_of(dataset, spec)
    require_limits(statement, cut)
    runs, sources = runs_of(statement["scope"], cut), [runs_of(start["scope"], cut) for start in statement["start"]]
    require("statement", [Run(**run) for run in statement["scope"]] != cut.whole())
    for own in (runs, *sources):
        require_runs(own, cut)
    require("statement", {run.start for run in runs} - {None} == set(range(len(sources))))
    shapes = zip((runs, *sources), (statement["model"], *(start["model"] for start in statement["start"])), strict=True)
    for own, model in shapes:
        models = sum(run.count for run, _ in models_of(own, cut)) * outputs_of(dataset["encoding"])
        width = len(dataset["encoding"]["features"]) + spec["method"]["bias"]
        require("statement", model["shape"] == [models, width])
    return [
        Part(cut, run, stage, *(begin_of(run, sources) if stage == run.stage else (run, None)))
        for run, stage in models_of(runs, cut)
    ]


def require_limits(statement: Map, cut: Cut) -> None:
    dataset, method = statement["dataset"], statement["spec"]["method"]
    outputs, features = outputs_of(dataset["encoding"]), len(dataset["encoding"]["features"])
    require("statement", cut.shard_rows < 2 * cut.rows and cut.shards <= MAX_SHARDS)
    parts = [Part(cut, run, stage, None, None) for run, stage in models_of(cut.whole(), cut)]
    rows, steps = sum(part.rows for part in parts), sum(part.batches for part in parts) * method["epochs"]
    require("statement", rows * method["epochs"] * outputs <= MAX_SCORES)
    require("statement", steps * cut.shards * (features + 1) * outputs <= MAX_WEIGHTS)
    require("statement", not method["standardize"] or cut.shards * features <= MAX_SCALED)
    of_classes = statement["spec"]["family"] in ("logistic", "probit")
    require("statement", of_classes or method["aggregate"] != "vote")


def require_runs(runs: Sequence[Run], cut: Cut) -> None:
    """In order and apart, each of aligned shards that there are, from a stage that there is."""
    last = 0
    require("statement", len(models_of(runs, cut)) <= MAX_PARTS)
    for run in runs:
        require("statement", last <= run.first and run.stop <= cut.shards)
        require("statement", run.first % (1 << run.bits) == 0 and run.stage <= cut.slices)
        last = run.stop


def begin_of(run: Run, sources: Sequence[Sequence[Run]]) -> tuple[Run | None, int | None]:
    """The source of a run's first stage, and the number of its models."""
    if run.start is None:
        return None, None
    for source in sources[run.start]:
        whole = run.count == 1 << run.bits or run.stop == source.stop
        if source.first <= run.first and run.stop <= source.stop and source.stage < run.stage and whole:
            return source, run.start
    require("statement", False)
    return None, None


# Public integers -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Integers:
    """What all shards and stages have in common."""

    spec: Map
    dataset: Map
    problem: Problem
    shift: int
    weight_bits: int

    @classmethod
    def of(cls, spec: Map, dataset: Map) -> Integers:
        method, size = spec["method"], spec["method"]["shard_rows"]
        most = method.get("batch_size", size)
        blocks = 1 if method["standardize"] and most == size else 2  # or any more
        problem = replace(problem_of(spec, dataset, size, blocks, most), each=most < size)
        return cls(spec, dataset, problem, *problem.choose())

    def schedule(self, part: Part, forgotten: set[int]) -> Schedule:
        shards, live = [0] * part.run.count, [0] * -(-part.rows // part.step_rows)
        for row in range(part.rows):
            shards[row // part.places] += part.counts(row, forgotten)
            live[row // part.step_rows] += part.counts(row, forgotten)
        c_epoch, c_block, scalers = self.factors(shards, live)
        fewest = min(scalers, key=lambda own: own.count, default=None)
        chosen, factors = (self.shift, self.weight_bits), (c_epoch, c_block, fewest)
        found = scheduled(self.spec, self.dataset, self.problem, chosen, part.step_rows, factors)
        return replace(found, scalers=scalers, blocks=part.run.count, batches=part.batches)

    def factors(self, shards: list[int], live: list[int]) -> tuple[list[int], list[int], list[Standardization]]:
        """c_e; c_b of each batch, and of each shard how features are standardised, if they are.

        `shards`, `live`: rows that count.
        """
        problem = self.problem
        if isinstance(problem, Standardized):
            c_epoch, c_block, own = problem.factors(self.shift, self.weight_bits, live)
            assert own is not None
            cut, counts = problem.cut(self.shift), [max(1, n) for n in shards]
            scalers = [replace(own, count=n, amplitude=problem.amplitude(cut, n)) for n in counts]
            return c_epoch, c_block if problem.each else [1] * len(live), scalers
        assert isinstance(problem, Plain)
        divisor = problem.split(self.shift)
        c_epoch = [nearest(problem.scaled(rate, self.shift) / divisor) for rate in problem.rates]
        return c_epoch, [nearest(Fraction(divisor, n)) if n else 0 for n in live], []
