"""The log-loss of models of several classes: protocol.md, section 12, "Evaluation"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .channel import Channel
from .field import K, Point, log2_ceil, prefix, prefix_eq
from .judged import ONE_CELL, Grid, Model, Values, limbs_of, together
from .relations import LABELS, LOSSES, PROBIT_LOSSES, Address, Box, Lookup, Relation, rounds
from .shapes import Column


class NormalisedLoss:
    """Of one model."""

    def __init__(self, model: Model, family: str, scale: int, loss: Sequence[int], step: int, models: int = 1) -> None:
        self.model, self.matrix, self.live, self.whole = model, model.matrix, model.live, models << (scale - 9)
        self.size, axes, row = model.output.size, (model.output, model.live.row), (model.live.row,)
        bits, width = 16 - self.size.bit_length(), log2_ceil(self.whole)
        self.logs, self.table = f"logs at {bits} bits", f"chances of {family} at {bits + 16} bits"
        self.losses = PROBIT_LOSSES if family == "probit" else LOSSES
        self.cell, self.low, self.high = map(self.own, ("chance cell", "least chance", "largest chance"))
        self.rest, of_rest = limbs_of(f"chance remainder of {self.matrix}", width)
        self.lack, of_lack = limbs_of(f"chance complement of {self.matrix}", width if models > 1 else 0)
        self.of_class, likely = self.own("class cell"), self.own("class likely")
        self.least, self.largest = self.own("least loss"), self.own("largest loss")
        self.below, self.beyond, self.some = map(self.own, ("least sum", "largest sum", "least sum positive"))
        self.log, self.above = self.own("least log"), self.own("largest log")
        self.sums = []
        for name in ("least", "largest"):
            self.sums.append(limbs_of(f"{name} sum remainder of {self.matrix}", 16))
        check, named = f"loss of {self.matrix}", zip(("least", "largest"), loss, (False, True), strict=True)
        self.grids = [
            Grid(check, f"{name} loss remainder of {self.matrix}", step, stated, up) for name, stated, up in named
        ]
        chances = [Lookup(self.table, entries(self.cell, self.low, self.high)), *of_rest, *of_lack]
        after = [([(1, self.beyond)], 1), ([(0, self.beyond)], 1), ([(1, self.above)], 0)]
        of_rows = [
            Lookup(self.losses, entries(self.of_class, likely, self.least, self.largest)),
            Lookup(self.logs, entries(self.below, self.some, self.log)),
            Lookup(self.logs, after),
            *(lookup for _, lookups in self.sums for lookup in lookups),
        ]
        self.boxes = [
            self.live.box(f"chances of {self.matrix}", axes, chances),
            self.live.box(f"rows of {self.matrix}", row, of_rows),
            Box(f"losses of {self.matrix}", (ONE_CELL,), [lookup for grid in self.grids for lookup in grid.lookups]),
        ]
        of_cells = (self.cell, self.low, self.high, *self.rest, *self.lack)
        single = (self.of_class, likely, self.least, self.largest, self.below, self.beyond, self.some)
        of_row = (*single, self.log, self.above, *(limb for limbs, _ in self.sums for limb in limbs))
        self.witness = [Column(name, axes) for _, name in of_cells] + [Column(name, row) for _, name in of_row]
        self.witness += [column for grid in self.grids for column in grid.witness]

    def own(self, name: str) -> Address:
        return "witness", f"{name} of {self.matrix}"

    def identities(self, relation: Relation, ch: Channel, at: Mapping[str, Point], values: Values) -> None:
        if self.cell in values:
            self.score(relation, ch, at, values)
        if self.of_class in values:
            self.class_of(relation, ch, at["row"], values[self.of_class])
            pairs = zip((self.low, self.high), (self.below, self.beyond), self.sums, strict=True)
            for chance, own, (limbs, _) in pairs:
                claim = 65536 * values[own] + together([values[limb] for limb in limbs])
                self.over_classes(relation, ch, chance, at["row"], claim)
        for grid, number in zip(self.grids, (0, 1), strict=True):
            if grid.limbs[0] in values:
                (total,) = ch.hidden(1)
                ch.zero(grid.check, lambda grid=grid, total=total: (total - grid.expected(ch, values), []))
                self.over_rows(relation, ch, number, total)

    def score(self, relation: Relation, ch: Channel, at: Mapping[str, Point], values: Values) -> None:
        rest, o, n = together([values[limb] for limb in self.rest]), at["output"], at["row"]
        if self.lack:
            lack = together([values[limb] for limb in self.lack])
            real = prefix(o, self.size) * prefix(n, self.live.rows) * ch.one
            ch.zero(f"chance remainder of {self.matrix}", lambda: (rest + lack - (self.whole - 1) * real, []))
        self.model.score(relation, ch, o, n, self.whole * values[self.cell] + rest)

    def class_of(self, relation: Relation, ch: Channel, n: Point, claim: K) -> None:
        name, bits = f"cell of the class of {self.matrix}", self.model.output.bits
        point, left = rounds(ch, name, bits + self.live.row.bits, 3, claim)
        c, m = point[:bits], point[bits:]
        label, cell = (relation.evaluate(ch, column, {"output": c, "row": m}) for column in (LABELS, self.cell))
        weight = prefix(c, self.size) * prefix_eq(n, m, self.live.rows)
        ch.zero(name, lambda: (left, [(-weight, label, cell)]))

    def over_classes(self, relation: Relation, ch: Channel, chance: Address, n: Point, claim: K) -> None:
        name = f"sum of chances of {self.matrix}"
        c, left = rounds(ch, name, self.model.output.bits, 2, claim)
        own = relation.evaluate(ch, chance, {"output": c, "row": n})
        ch.zero(name, lambda: (left - prefix(c, self.size) * own, []))

    def over_rows(self, relation: Relation, ch: Channel, number: int, total: K) -> None:
        """Losses and logarithms, at least where there are some, or at most with one unit more."""
        name, columns = f"loss of {self.matrix}", ((self.some, self.least, self.log), (self.largest, self.above))
        n, left = rounds(ch, name, self.live.row.bits, 3 - number, total)
        *some, loss, log = (relation.evaluate(ch, column, {"row": n}) for column in columns[number])
        if some:
            ch.zero(name, lambda: (left, [(-self.live.at(n), some[0], loss + log)]))
        else:
            there = prefix(n, self.live.rows) * ch.one
            ch.zero(name, lambda: (left - self.live.at(n) * (loss + log + there), []))


def entries(*columns: Address) -> list[tuple[list[tuple[int, Address]], int]]:
    return [([(1, column)], 0) for column in columns]
