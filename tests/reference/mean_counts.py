"""What shards of Poisson models expect on average: protocol.md, "Counts of shards"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .channel import Channel
from .field import ONE, K, Point, log2_ceil, prefix, prefix_eq, require
from .formats import Map
from .gathered import Gathered
from .judged import ONE_CELL, Grid, Live, Residuals, Values
from .mean_loss import LOG_OF_TWO, InCell
from .optimum_integers import count_edges
from .relations import COUNT_LOGS, LABELS, LINK, RANGE, Box, Lookup, Relation, rounds
from .shapes import Column

CELLS = 2**16


class SpokenCounts(Gathered):
    """What each of them expects; all together the sum."""

    def __init__(self, *own: Any, q_bits: int) -> None:
        self.speaker = own[1][0].axes[1]
        super().__init__(*own)
        self.q_bits, size = q_bits, self.speaker.size
        self.score_bits = 28 + size.bit_length()
        axes = (self.output, self.speaker, self.live.row)
        names = [f"shard {name}" for name in ("cell", "edge", "step", "middle", "risen")]
        self.cell, self.edge, self.step, self.middle, self.risen = of_rows = [
            ("witness", f"{name} of {self.matrix}") for name in names
        ]
        self.product = ("virtual", f"step times middle of {self.matrix}")
        triple = Lookup(LINK, [([(1, column)], 0) for column in of_rows[:3]])
        ranges = [Lookup(RANGE, [([(1, column)], 0)]) for column in of_rows[3:]]
        ranges.append(Lookup(RANGE, [([(1, self.product), (-CELLS, self.risen)], CELLS // 2)]))
        self.boxes.append(self.live.box(f"counts of {self.matrix}", axes, [triple, *ranges]))
        self.witness += [Column(name, axes) for _, name in of_rows]

    def identities(self, relation: Relation, ch: Channel, at: Mapping[str, Point], values: Values) -> None:
        super().identities(relation, ch, at, values)
        if self.cell not in values:
            return
        model = {axis: at[axis] for axis in ("output", "speaker")}
        self.score_of(relation, ch, model, at["row"], CELLS * values[self.cell] + values[self.middle])
        name, bits, size = f"step of shards of {self.matrix}", self.speaker.bits, self.speaker.size
        point, left = rounds(ch, name, bits + self.live.row.bits, 3, values[self.product])
        s, n = point[:bits], point[bits:]
        there = {"output": [], "speaker": s, "row": n}
        first, second = (relation.evaluate(ch, column, there) for column in (self.step, self.middle))
        weight = prefix_eq(at["speaker"], s, size) * prefix_eq(at["row"], n, self.live.rows)
        ch.zero(name, lambda: (left, [(-weight, first, second)]))

    def score(self, relation: Relation, ch: Channel, o: Point, n: Point, claim: K | None = None) -> K:
        total = ch.hidden(1)[0] if claim is None else claim
        name, size = f"counts of shards of {self.matrix}", self.speaker.size
        s, left = rounds(ch, name, self.speaker.bits, 2, total)
        at = {"output": o, "speaker": s, "row": n}
        edge, risen = (relation.evaluate(ch, column, at) for column in (self.edge, self.risen))
        ch.zero(name, lambda: (left - prefix(s, size) * (edge + risen), []))
        return total


class MeanCounts(Residuals):
    def __init__(
        self,
        model: Any,
        own: tuple[int, int],
        result: Map,
        steps: tuple[int, int],
        slack: int,
    ) -> None:
        bits, fine_shift = own
        super().__init__(model, (16, fine_shift), bits, result["squares"], steps[0], model.speaker.size)
        self.virtual = frozenset({model.product})
        self.q_bits: int = model.q_bits
        self.edges, self.slack, self.ends = count_edges(model.q_bits, 16), slack, []
        if "deviances" not in result:
            return
        self.log, row, labels = self.own("label logarithm"), (self.live.row,), (ONE_CELL, self.live.row)
        self.less, self.more = self.sums = [
            InCell(model, f"{name} sum", self.models, "logistic") for name in ("lesser", "greater")
        ]
        named = zip(("least", "largest"), result["deviances"], (False, True), strict=True)
        self.ends = [
            Grid(f"deviance of {self.matrix}", f"{name} deviance remainder of {self.matrix}", steps[1], *more)
            for name, *more in named
        ]
        squares: Box = self.boxes[-1]
        squares.lookups += [lookup for end in self.ends for lookup in end.lookups]
        pair = Lookup(COUNT_LOGS, [([(1, LABELS)], 0), ([(1, self.log)], 0)])
        self.boxes.append(self.live.box(f"labels of {self.matrix}", labels, [pair]))
        of_sums = [lookup for each in self.sums for lookup in each.lookups]
        self.boxes.append(self.live.box(f"means of {self.matrix}", row, of_sums))
        self.witness += [column for end in self.ends for column in end.witness]
        self.witness += [Column(self.log[1], labels)]
        self.witness += [Column(name, row) for each in self.sums for _, name in each.names]

    def identities(self, relation: Relation, ch: Channel, at: Mapping[str, Point], values: Values) -> None:
        super().identities(relation, ch, at, values)
        if self.ends and self.sums[0].number in values:
            self.means(relation, ch, at["row"], values)
        if self.ends and self.grid.limbs[0] in values:
            self.deviance(relation, ch, values)

    def means(self, relation: Relation, ch: Channel, n: Point, values: Values) -> None:
        there = self.models * prefix(n, self.live.rows) * ch.one
        less, more = (own.value(ch, n, values) for own in self.sums)
        found, name = self.model.score(relation, ch, [], n), f"means of shards of {self.matrix}"
        ch.zero(name, lambda: (found - less - self.slack * there, []))
        ch.zero(name, lambda: (found - more + there, []))

    def deviance(self, relation: Relation, ch: Channel, values: Values) -> None:
        common = self.common(relation, ch) + self.slack * self.models * self.live.count * ch.one
        pairs = (self.more.least, LOG_OF_TWO + 1), (self.less.largest, LOG_OF_TWO)
        for end, (column, log) in zip(self.ends, pairs, strict=True):
            (total,) = ch.hidden(1)
            self.times_labels(relation, ch, total, column, 14 * log)
            claim = common + self.models * total
            ch.zero(end.check, lambda end=end, claim=claim: (claim - end.expected(ch, values), []))

    def common(self, relation: Relation, ch: Channel) -> K:
        """sum of S L + B."""
        (total,) = ch.hidden(1)
        name = f"deviance of {self.matrix}"
        n, left = rounds(ch, name, self.live.row.bits, 2, total)
        log = relation.evaluate(ch, self.log, {"output": [], "row": n})
        less = self.less.at(relation, ch, n)
        ch.zero(name, lambda: (left - self.live.at(n) * (self.models * log + less), []))
        return total

    def times_labels(self, relation: Relation, ch: Channel, total: K, column: Any, off: int) -> None:
        name = f"deviance of {self.matrix}"
        n, left = rounds(ch, name, self.live.row.bits, 3, total)
        label = relation.evaluate(ch, LABELS, {"output": [], "row": n})
        own = relation.evaluate(ch, column, {"row": n})

        def check() -> Any:
            return left, [(-ONE * self.live.at(n), label, own - off * prefix(n, self.live.rows) * ch.one)]

        ch.zero(name, check)


def slack_of(q_bits: int) -> int:
    """One more than what a chord is above its arc."""
    return -(-(count_edges(q_bits, 16)[-1] + 1) // 2 ** (2 * q_bits + 3)) + 1


def of_mean_counts(model: SpokenCounts, result: Map, live: Live, grid: int, scales: Any) -> MeanCounts:
    """Shards of a statement."""
    shards, logarithm = model.speaker.size, log2_ceil(live.count)
    require("statement", model.q_bits >= 12 and scales.fine >= 1 and "deviance" not in result)
    require("statement", scales.residual + log2_ceil(shards << (16 - scales.fine)) <= 62)
    require("statement", "deviances" not in result or live.count * shards <= 2**24)
    step = max(1, 16 + logarithm - grid - 8) + log2_ceil(shards)
    steps = max(1, 2 * scales.fine + logarithm - grid), step
    return MeanCounts(model, (scales.residual, 16 - scales.fine), result, steps, slack_of(model.q_bits))
