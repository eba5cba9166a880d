"""Shards and stages: protocol.md and arithmetic.md, "Shards and stages": what is trained, and the integers of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from .arithmetic import CELLS, HALF, Plain, Schedule, momentum, nearest, problem_of, scheduled
from .field import log2_ceil, require
from .formats import Map, outputs_of, records_of

MAX_SHARDS, MAX_SCORES, MAX_WEIGHTS, MAX_PARTS = 1 << 12, 1 << 30, 1 << 27, 512


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
    """N rows in shards of S, R stages each."""

    rows: int
    shard_rows: int
    slices: int

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
    def rows(self) -> int:
        """N'."""
        places = 1 << self.place_bits
        last = self.run.stop - 1
        return (self.run.count - 1) * places + min(places, self.cut.rows - self.cut.shard_rows * last)

    @property
    def block_size(self) -> int:
        """J."""
        return 1 << (self.place_bits if self.run.count > 1 else log2_ceil(self.rows))

    def position(self, row: int) -> int:
        """Of a row of the part in the data set."""
        shard, place = divmod(row, self.block_size)
        return (self.run.first + shard) * self.cut.shard_rows + place

    def counts(self, row: int, forgotten: set[int]) -> bool:
        return row % self.block_size < self.prefix and self.position(row) not in forgotten


# What a statement trains ---------------------------------------------------------------------------------------------


def cut_of(dataset: Map, spec: Map) -> Cut:
    method = spec["method"]
    return Cut(dataset["rows"], method["shard_rows"], method["slices"])


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
    rows = sum(Part(cut, run, stage, None, None).rows for run, stage in models_of(cut.whole(), cut))
    require("statement", rows * method["epochs"] * outputs <= MAX_SCORES)
    require("statement", cut.slices * method["epochs"] * cut.shards * (features + 1) * outputs <= MAX_WEIGHTS)
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
    problem: Plain
    shift: int
    weight_bits: int

    @classmethod
    def of(cls, spec: Map, dataset: Map) -> Integers:
        size = spec["method"]["shard_rows"]
        problem = problem_of(spec, dataset, size, 2, size)  # any number of blocks but one
        assert isinstance(problem, Plain)
        return cls(spec, dataset, problem, *problem.choose())

    def schedule(self, part: Part, forgotten: set[int]) -> Schedule:
        divisor, problem = self.problem.split(self.shift), self.problem
        live = [0] * part.run.count
        for row in range(part.rows):
            live[row // part.block_size] += part.counts(row, forgotten)
        c_block = [nearest(Fraction(divisor, n)) if n else 0 for n in live]
        c_epoch = [nearest(problem.scaled(rate, self.shift) / divisor) for rate in problem.rates]
        chosen = self.shift, self.weight_bits
        found = scheduled(self.spec, self.dataset, problem, chosen, part.block_size, (c_epoch, c_block, None))
        return replace(found, m_epoch=[0, *(momentum(share, self.shift) for share in problem.momenta[1:])])


# Training ------------------------------------------------------------------------------------------------------------

Model = list[int]  # weights, and with a bias the intercept


@dataclass(frozen=True)
class Trainer:
    """One model, step by step. `rows`: (features, label of this output, how often the row counts) of those that count;
    `rate` is c_b."""

    s: Schedule
    one: int
    features: int
    bias: bool
    rows: list[tuple[Sequence[int], int, int]]
    rate: int

    def train(self, start: Model | None) -> Model:
        """From the model of the stage before, or from zero."""
        weights = list(start) if start else [0] * (self.features + self.bias)
        if self.bias:
            assert weights[-1] % self.one == 0
            weights[-1] //= self.one
        before = list(weights)
        for e in range(self.s.epochs):
            before, weights = weights, self.step(e, weights, before)
        return [*weights[: self.features], *([self.one * weights[-1]] if self.bias else [])]

    def step(self, e: int, weights: list[int], before: list[int]) -> list[int]:
        s, gradient = self.s, [0] * len(weights)
        for features, label, count in self.rows:
            row = [*features, *([self.one] if self.bias else [])]
            q = sum(x * w for x, w in zip(row, weights, strict=True)) // CELLS
            assert -HALF <= q < HALF
            residual = count * (s.table[q + HALF] - label * s.label_multiplier)
            gradient = [g + residual * x for g, x in zip(gradient, row, strict=True)]
        for k in s.unused:
            gradient[k] = 0
        found = []
        for k, (g, w, last) in enumerate(zip(gradient, weights, before, strict=True)):
            decay = s.l_epoch[e] if k < self.features or s.penalize_bias else 0
            v = s.c_epoch[e] * self.rate * g + decay * w - s.m_epoch[e] * (w - last) + 2 ** (s.shift - 1)
            found.append(w - (v >> s.shift))
        assert all(-(2 ** (s.weight_bits - 1)) <= w < 2 ** (s.weight_bits - 1) for w in found)
        return found


@dataclass(frozen=True)
class Data:
    """Integers of rows: the features of each, and for each output the label of each."""

    features: Sequence[Sequence[int]]
    labels: Sequence[Sequence[int]]

    def count(self, row: int, weights: Sequence[int]) -> int:
        """omega, of a row's class; of several classes there is a column for each."""
        if set(weights) == {1}:
            return 1
        if len(self.labels) == 1:
            return weights[self.labels[0][row]]
        return sum(v * column[row] for v, column in zip(weights, self.labels, strict=True))


def trained_parts(
    parts: Sequence[Part], integers: Integers, data: Data, forgotten: set[int], starts: Sequence[dict[Any, Model]] = ()
) -> dict[tuple[int, int, int], Model]:
    """Models by shard, stage and output, in the order in which they are committed. `starts`: of earlier statements."""
    found: dict[tuple[int, int, int], Model] = {}
    for part in parts:
        earlier = found if part.start is None else starts[part.start]
        for (output, shard), trainer in trainers(part, integers, data, forgotten):
            start = None if part.source is None else earlier[shard, part.stage - 1, output]
            found[shard, part.stage, output] = trainer.train(start)
    return found


def trainers(
    part: Part, integers: Integers, data: Data, forgotten: set[int]
) -> Iterator[tuple[tuple[int, int], Trainer]]:
    """Of each output, and each shard of it."""
    s, method = integers.schedule(part, forgotten), integers.spec["method"]
    one, features = 1 << integers.problem.x_bits, integers.problem.features
    for output, labels in enumerate(data.labels):
        for b, shard in enumerate(part.run.shards):
            own = range(b * part.block_size, min((b + 1) * part.block_size, part.rows))
            counted = [part.position(row) for row in own if part.counts(row, forgotten)]
            rows = [(data.features[n], labels[n], data.count(n, s.class_weights)) for n in counted]
            yield (output, shard), Trainer(s, one, features, method["bias"], rows, s.c_block[b])


def trained_statement(statement: Map, data: Data, starts: Sequence[dict[Any, Model]] = ()) -> dict[Any, Model]:
    """All models of a statement."""
    integers = Integers.of(statement["spec"], statement["dataset"])
    forgotten = {position for position, _ in records_of(statement)}
    return trained_parts(parts_of(statement), integers, data, forgotten, starts)
