"""The models of shards, in plain integers: arithmetic.md, "One step", "Standardised features", "Shards and stages"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .arithmetic import CELLS, HALF, Schedule, Standardization, nearest
from .formats import Map, records_of
from .sisa_integers import Integers, Part, parts_of

Model = list[int]  # weights, and with a bias the intercept
Row = tuple[Sequence[int], int, int]  # features, as they are trained on; label of an output; how often it counts
AS_IT_IS = 0, 0, 1  # e, m and D of a feature that is not standardised


def scale_of(own: Standardization, values: Sequence[int], amplitude: int) -> tuple[int, int, int]:
    """e, m and D of a feature, of its values in the rows that count."""
    n, f = own.count, own.count // 2
    total, squares = sum(values), sum(x * x for x in values)
    mu = (total + f) // n
    b = total - n * mu
    c = squares - mu * (n * mu + 2 * b)
    (e,) = [e for e, (low, high) in enumerate(zip(own.lower, own.upper, strict=True)) if low <= c <= high]
    nu = (2**e * b + f) // n
    b2 = 2**e * b - n * nu
    v, m = 4**e * c - nu * (n * nu + 2 * b2), 2**e * mu + nu
    assert v == sum((2**e * x - m) ** 2 for x in values)
    return e, m, nearest(Fraction(amplitude, v + own.floor))


@dataclass(frozen=True)
class Trainer:
    """One model, step by step.

    `scales`: of each feature. `rates`: of each weight, what its gradient is multiplied with besides c_e c_b.
    `batches`: c_b of each batch of an epoch, and the rows of it.
    """

    s: Schedule
    one: int
    bias: bool
    batches: Sequence[tuple[int, Sequence[Row]]]
    scales: list[tuple[int, int, int]]
    rates: list[int]

    @property
    def features(self) -> int:
        return len(self.scales)

    def train(self, start: Model | None) -> Model:
        """From the model of the stage before, or from zero."""
        weights = self.begin(start) if start else [0] * len(self.rates)
        before = list(weights)
        for e in range(self.s.epochs):
            for factor, rows in self.batches:
                before, weights = weights, self.step(self.s.c_epoch[e] * factor, e, rows, weights, before)
        model = [w << e for w, (e, _, _) in zip(weights[: self.features], self.scales, strict=True)]
        return [*model, *([self.one * weights[-1] - self.means(weights)] if self.bias else [])]

    def begin(self, start: Model) -> list[int]:
        """A model of features as they are, in those of this training, rounded down."""
        weights = [w >> e for w, (e, _, _) in zip(start[: self.features], self.scales, strict=True)]
        if self.bias:
            assert self.s.scalers or start[-1] % self.one == 0
            weights.append((start[-1] + self.means(weights)) // self.one)
        self.require_range(weights)
        return weights

    def means(self, weights: Sequence[int]) -> int:
        return sum(m * w for w, (_, m, _) in zip(weights[: self.features], self.scales, strict=True))

    def step(self, c: int, e: int, rows: Sequence[Row], weights: list[int], before: list[int]) -> list[int]:
        s, gradient = self.s, [0] * len(weights)
        for features, label, count in rows:
            row = [*features, *([self.one] if self.bias else [])]
            q = sum(x * w for x, w in zip(row, weights, strict=True)) // CELLS
            assert -HALF <= q < HALF
            residual = count * (s.table[q + HALF] - label * s.label_multiplier)
            gradient = [g + residual * x for g, x in zip(gradient, row, strict=True)]
        for k in s.unused:
            gradient[k] = 0
        found = []
        for k, (g, rate, w, last) in enumerate(zip(gradient, self.rates, weights, before, strict=True)):
            decay = s.l_epoch[e] if k < self.features or s.penalize_bias else 0
            v = c * rate * g + decay * w - s.m_epoch[e] * (w - last) + 2 ** (s.shift - 1)
            found.append(w - (v >> s.shift))
        self.require_range(found)
        return found

    def require_range(self, weights: Sequence[int]) -> None:
        most = 2 ** (self.s.weight_bits - 1)
        assert all(-most <= w < most for w in weights)


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
    s, bias = integers.schedule(part, forgotten), integers.spec["method"]["bias"]
    one = 1 << integers.problem.x_bits
    for output, labels in enumerate(data.labels):
        for b, shard in enumerate(part.run.shards):
            first, size = b * part.places, part.step_rows
            steps = [range(first + a * size, min(first + (a + 1) * size, part.rows)) for a in range(s.batches)]
            own = [[part.position(row) for row in step if part.counts(row, forgotten)] for step in steps]
            counted = [n for step in own for n in step]
            scales, of_bias = scales_of(s, b, [data.features[n] for n in counted], integers.problem.features)
            rows = {n: (scaled(data.features[n], scales), labels[n], data.count(n, s.class_weights)) for n in counted}
            rates = [*(d for _, _, d in scales), *([of_bias] if bias else [])]
            factors = (s.c_block[step.start // size] for step in steps)
            batches = [(factor, [rows[n] for n in step]) for factor, step in zip(factors, own, strict=True)]
            yield (output, shard), Trainer(s, one, bias, batches, scales, rates)


def scales_of(
    s: Schedule, shard: int, rows: Sequence[Sequence[int]], features: int
) -> tuple[list[tuple[int, int, int]], int]:
    """e, m and D of each feature of a shard, and D of its bias."""
    if not s.scalers:
        return [AS_IT_IS] * features, 1
    own, found = s.scalers[shard], []
    for k in range(features):
        unused = k in s.unused
        values = [0 if unused else row[k] for row in rows]
        found.append(scale_of(own, values, 0 if unused else own.amplitude))
    return found, own.bias_rate


def scaled(features: Sequence[int], scales: Sequence[tuple[int, int, int]]) -> list[int]:
    """x'."""
    return [2**e * x - m for x, (e, m, _) in zip(features, scales, strict=True)]


def trained_statement(statement: Map, data: Data, starts: Sequence[dict[Any, Model]] = ()) -> dict[Any, Model]:
    """All models of a statement."""
    integers = Integers.of(statement["spec"], statement["dataset"])
    forgotten = {position for position, _ in records_of(statement)}
    return trained_parts(parts_of(statement), integers, data, forgotten, starts)
