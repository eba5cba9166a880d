"""What an evaluation proves of a Poisson model: protocol.md, section 12, "Evaluation", "Counts"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .channel import Channel
from .field import ONE, ZERO, K, Point, log2_ceil, prefix, prefix_eq, require
from .formats import Map
from .judged import ONE_CELL, Grid, Judged, Live, Model, Values, limbs_of, together
from .optimum_integers import count_edges
from .relations import COUNT_LOGS, LABELS, LINK, RANGE, Address, Box, Lookup, Relation, rounds
from .shapes import Column

CELLS = 2**16


class ExpectedCounts(Judged):
    def __init__(self, model: Model, q_bits: int, bits: tuple[int, int], result: Any, steps: tuple[int, int]) -> None:
        super().__init__(model)
        self.q_bits, self.edges = q_bits, count_edges(q_bits, 16)
        self.bits, self.shift = bits
        row, labels = (self.live.row,), (ONE_CELL, self.live.row)
        names = ("cell", "edge", "step", "middle", "risen")
        self.cell, self.edge, self.step, self.middle, self.risen = own = [self.own(name) for name in names]
        self.product, self.log = ("virtual", f"step times middle of {self.matrix}"), self.own("label logarithm")
        self.virtual = frozenset({self.product})
        self.residual, of_residual = limbs_of(f"residual of {self.matrix}", self.bits)
        self.rest, of_rest = limbs_of(f"remainder of {self.matrix}", self.shift)
        self.grid = Grid(
            f"squares of {self.matrix}", f"squares remainder of {self.matrix}", steps[0], result["squares"]
        )
        triple = Lookup(LINK, [([(1, column)], 0) for column in own[:3]])
        ranges = [Lookup(RANGE, [([(1, column)], 0)]) for column in own[3:]]
        ranges.append(Lookup(RANGE, [([(1, self.product), (-CELLS, self.risen)], CELLS // 2)]))
        self.boxes = [self.live.box(f"rows of {self.matrix}", row, [triple, *ranges, *of_residual, *of_rest])]
        self.witness = [Column(name, row) for _, name in own]
        rests, stated = list(self.grid.lookups), [*self.grid.limbs]
        self.deviance = None
        if "deviance" in result:
            self.deviance = Grid(
                f"deviance of {self.matrix}", f"deviance remainder of {self.matrix}", steps[1], result["deviance"]
            )
            pair = Lookup(COUNT_LOGS, [([(1, LABELS)], 0), ([(1, self.log)], 0)])
            self.boxes.append(self.live.box(f"labels of {self.matrix}", labels, [pair]))
            self.witness.append(Column(self.log[1], labels))
            self.whole, of_whole = limbs_of(f"whole part of {self.matrix}", 48)
            self.part, of_part = limbs_of(f"part of {self.matrix}", q_bits)
            rests += [*self.deviance.lookups, *of_whole, *of_part]
            stated += [*self.deviance.limbs, *self.whole, *self.part]
        self.boxes.append(Box(f"squares of {self.matrix}", (ONE_CELL,), rests))
        self.witness += [Column(name, row) for _, name in (*self.residual, *self.rest)]
        self.witness += [Column(name, (ONE_CELL,)) for _, name in stated]

    def identities(self, relation: Relation, ch: Channel, at: Mapping[str, Point], values: Values) -> None:
        if self.residual[0] in values:
            self.of_row(relation, ch, at["row"], values)
        if self.grid.limbs[0] in values:
            self.squares(relation, ch, values)
            if self.deviance is not None:
                self.deviances(relation, ch, values, self.deviance)

    def of_row(self, relation: Relation, ch: Channel, n: Point, values: Values) -> None:
        label = relation.evaluate(ch, LABELS, {"output": [], "row": n})
        score = self.model.score(relation, ch, [], n)
        ch.zero(f"cell of {self.matrix}", lambda: (score - CELLS * values[self.cell] - values[self.middle], []))
        name = f"step of {self.matrix}"
        m, left = rounds(ch, name, self.live.row.bits, 3, values[self.product])
        first, second = (relation.evaluate(ch, column, {"row": m}) for column in (self.step, self.middle))
        ch.zero(name, lambda: (left, [(-ONE * prefix_eq(n, m, self.live.rows), first, second)]))
        there = prefix(n, self.live.rows) * ch.one
        own, rest = (together([values[limb] for limb in limbs]) for limbs in (self.residual, self.rest))
        rounded = 2**self.shift * (own - 2 ** (self.bits - 1) * there) + rest - 2 ** (self.shift - 1) * there
        expected = values[self.edge] + values[self.risen]
        ch.zero(f"residual of {self.matrix}", lambda: (expected - CELLS * label - rounded, []))

    def squares(self, relation: Relation, ch: Channel, values: Values) -> None:
        (total,) = ch.hidden(1)
        name = self.grid.check
        ch.zero(name, lambda: (total - self.grid.expected(ch, values), []))
        n, left = rounds(ch, name, self.live.row.bits, 3, total)
        first, second = ([relation.evaluate(ch, limb, {"row": n}) for limb in self.residual] for _ in range(2))
        offset = 2 ** (self.bits - 1) * prefix(n, self.live.rows) * ch.one
        ch.zero(name, lambda: (left, [(-ONE * self.live.at(n), together(first) - offset, together(second) - offset)]))

    def deviances(self, relation: Relation, ch: Channel, values: Values, own: Grid) -> None:
        def summed(*columns: Address) -> K:
            (total,) = ch.hidden(1)
            self.over_rows(relation, ch, own.check, total, *columns)
            return total

        expected = self.expected(relation, ch, own.check)
        cells, below = summed(LABELS, self.cell), summed(LABELS, self.middle)
        whole, part = (together([values[limb] for limb in limbs]) for limbs in (self.whole, self.part))
        ch.zero(own.check, lambda: (below - 2**self.q_bits * whole - part, []))
        total = expected - 2 ** (16 - self.q_bits) * cells - whole + 2 * self.live.count * ch.one
        ch.zero(own.check, lambda: (total - own.expected(ch, values), []))

    def expected(self, relation: Relation, ch: Channel, name: str) -> K:
        """sum of what is expected, and of logarithms of labels."""
        (total,) = ch.hidden(1)
        n, left = rounds(ch, name, self.live.row.bits, 2, total)
        log = relation.evaluate(ch, self.log, {"output": [], "row": n})
        edge, risen = (relation.evaluate(ch, column, {"row": n}) for column in (self.edge, self.risen))
        ch.zero(name, lambda: (left - self.live.at(n) * sum((log, edge, risen), ZERO), []))
        return total


def of_counts(model: Model, training: Map, result: Map, live: Live, grid: int, scales: Any) -> ExpectedCounts:
    """A Poisson model of a statement."""
    fixed = training["spec"]["scales"]
    q_bits = fixed["x_bits"] + fixed["w_bits"] - 16
    require("statement", q_bits >= 12 and scales.fine >= 1)
    require("statement", "deviance" not in result or live.count < 2**24)
    logarithm = log2_ceil(live.count)
    steps = max(1, 2 * scales.fine + logarithm - grid), max(1, 16 + logarithm - grid - 8)
    return ExpectedCounts(model, q_bits, (scales.residual, 16 - scales.fine), result, steps)
