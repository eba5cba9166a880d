"""The log-loss of shards that answer by the mean of probabilities: protocol.md, "Losses of a mean of probabilities"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .channel import Channel
from .field import ONE, K, Point, log2_ceil, prefix, prefix_eq
from .judged import ONE_CELL, Grid, TwoClasses, Values, limbs_of, together
from .normalised_loss import entries
from .relations import LABELS, Address, Box, Lookup, Relation, rounds
from .shapes import Column

CHANCE = 2**30
LOG_OF_TWO = 45426  # floor(2^16 log 2)


class InCell:
    """A sum of `count` terms at each row, in a cell of the table of means."""

    def __init__(self, model: Any, name: str, count: int, family: str) -> None:
        self.count, self.rows, self.matrix = count, model.live.rows, model.matrix
        width = log2_ceil(count << 15)
        columns = ("cell", "edge", "width", "least loss", "largest loss")
        own = [("witness", f"{column} of the {name} of {self.matrix}") for column in columns]
        self.number, self.edge, self.width, self.least, self.largest = own
        self.rest, of_rest = limbs_of(f"remainder of the {name} of {self.matrix}", width)
        self.lack, of_lack = limbs_of(f"complement of the {name} of {self.matrix}", width)
        self.lookups = [Lookup(f"mean losses of {family}", entries(*own)), *of_rest, *of_lack]
        self.names = [*own, *self.rest, *self.lack]

    def value(self, ch: Channel, n: Point, values: Values) -> K:
        """What it is at n; and that the cell is its own."""
        rest, lack = (together([values[limb] for limb in limbs]) for limbs in (self.rest, self.lack))
        there = prefix(n, self.rows) * ch.one
        ch.zero(f"mean in cell of {self.matrix}", lambda: (rest + lack - self.count * values[self.width] + there, []))
        return self.count * values[self.edge] + rest

    def at(self, relation: Relation, ch: Channel, n: Point) -> K:
        """The same at another row, of which values are sent."""
        edge, *limbs = (relation.evaluate(ch, column, {"row": n}) for column in (self.edge, *self.rest))
        return self.count * edge + together(limbs)


def over_shards(relation: Relation, ch: Channel, model: Any, said: Address, at: Mapping[str, Point], claim: K) -> None:
    """The sum over all speakers."""
    name, size = f"chances of shards of {model.matrix}", model.speaker.size
    s, left = rounds(ch, name, model.speaker.bits, 2, claim)
    own = relation.evaluate(ch, said, {**at, "speaker": s})
    ch.zero(name, lambda: (left - prefix(s, size) * own, []))


class MeanLoss(TwoClasses):
    """Of two classes."""

    def __init__(self, model: Any, result: Mapping[str, Any], step: int, family: str) -> None:
        super().__init__(model, 0, {**result, "loss": None}, step, family)
        self.result = result
        self.sums = [InCell(model, f"{name} sum", model.speaker.size, family) for name in ("least", "largest")]
        of_low, of_high = self.sums
        self.chances: list[Address] = model.chances
        check, names = f"loss of {self.matrix}", ("least loss", "largest loss")
        named = zip(names, result["loss"], (False, True), strict=True)
        self.grids = [Grid(check, f"{name} remainder of {self.matrix}", step, *more) for name, *more in named]
        self.looked_up += [of_high.least, of_low.largest]
        row = (self.live.row,)
        of_grids = [lookup for grid in self.grids for lookup in grid.lookups]
        self.boxes.append(Box(f"losses of {self.matrix}", (ONE_CELL,), of_grids))
        of_sums = [lookup for own in self.sums for lookup in own.lookups]
        self.boxes.append(self.live.box(f"means of {self.matrix}", row, of_sums))
        self.witness += [column for grid in self.grids for column in grid.witness]
        self.witness += [Column(name, row) for own in self.sums for _, name in own.names]

    def identities(self, relation: Relation, ch: Channel, at: Mapping[str, Point], values: Values) -> None:
        super().identities(relation, ch, at, values)
        if self.sums[0].number not in values:
            return
        n, model = at["row"], self.model
        low, high = (own.value(ch, n, values) for own in self.sums)
        label = relation.evaluate(ch, LABELS, {"output": [], "row": n})
        (total,) = ch.hidden(1)
        name = f"class chances of {self.matrix}"
        m, left = rounds(ch, name, self.live.row.bits, 3, total)
        y = relation.evaluate(ch, LABELS, {"output": [], "row": m})
        both = sum((own.at(relation, ch, m) for own in self.sums), ONE - ONE)
        ch.zero(name, lambda: (left, [(-ONE * prefix_eq(n, m, self.live.rows), y, both)]))
        lacking = CHANCE * self.sums[0].count * (prefix(n, self.live.rows) * ch.one - label)
        for said, other in zip(self.chances, (high, low), strict=True):
            over_shards(relation, ch, model, said, {"output": [], "row": n}, total + lacking - other)


class MeanClassLoss:
    """Of several classes."""

    def __init__(self, model: Any, family: str, loss: Sequence[int], step: int) -> None:
        self.model, self.matrix, self.live, self.size = model, model.matrix, model.live, model.output.size
        self.more, shards, names = log2_ceil(self.size), model.speaker.size, ("least", "largest")
        self.of_class = [InCell(model, f"{name} class sum", shards, family) for name in names]
        self.of_all = [InCell(model, f"{name} sum", shards << self.more, family) for name in names]
        self.said = [("virtual", f"{name} chances of {self.matrix}") for name in names]
        named = zip(names, loss, (False, True), strict=True)
        self.grids = [
            Grid(f"loss of {self.matrix}", f"{name} loss remainder of {self.matrix}", step, stated, up)
            for name, stated, up in named
        ]
        row, own = (self.live.row,), [*self.of_class, *self.of_all]
        self.boxes = [
            self.live.box(f"means of {self.matrix}", row, [lookup for each in own for lookup in each.lookups]),
            Box(f"losses of {self.matrix}", (ONE_CELL,), [lookup for grid in self.grids for lookup in grid.lookups]),
        ]
        self.witness = [Column(name, row) for each in own for _, name in each.names]
        self.witness += [column for grid in self.grids for column in grid.witness]

    def identities(self, relation: Relation, ch: Channel, at: Mapping[str, Point], values: Values) -> None:
        if self.of_class[0].number in values:
            n, model = at["row"], self.model
            for chance, virtual, own in zip(model.chances, self.said, self.of_class, strict=True):
                self.class_of(relation, ch, n, (chance, virtual), own.value(ch, n, values))
            for chance, own in zip(model.chances, self.of_all, strict=True):
                self.all_of(relation, ch, n, chance, own.value(ch, n, values))
        for grid, up in zip(self.grids, (0, 1), strict=True):
            if grid.limbs[0] in values:
                (total,) = ch.hidden(1)
                logs = self.more * self.live.count * (LOG_OF_TWO + up) * ch.one
                ch.zero(
                    grid.check,
                    lambda grid=grid, total=total, logs=logs: (total + logs - grid.expected(ch, values), []),
                )
                self.over_rows(relation, ch, up, total)

    def class_of(self, relation: Relation, ch: Channel, n: Point, said: tuple[Address, Address], claim: K) -> None:
        name, bits = f"class chances of {self.matrix}", self.model.output.bits
        point, left = rounds(ch, name, bits + self.live.row.bits, 3, claim)
        c, m = point[:bits], point[bits:]
        label, own = (relation.evaluate(ch, column, {"output": c, "row": m}) for column in (LABELS, said[1]))
        weight = prefix(c, self.size) * prefix_eq(n, m, self.live.rows)
        ch.zero(name, lambda: (left, [(-weight, label, own)]))
        over_shards(relation, ch, self.model, said[0], {"output": c, "row": m}, own)

    def all_of(self, relation: Relation, ch: Channel, n: Point, chance: Address, claim: K) -> None:
        name, bits, speaker = f"all chances of {self.matrix}", self.model.output.bits, self.model.speaker
        point, left = rounds(ch, name, bits + speaker.bits, 2, claim)
        c, s = point[:bits], point[bits:]
        own = relation.evaluate(ch, chance, {"output": c, "speaker": s, "row": n})
        ch.zero(name, lambda: (left - prefix(c, self.size) * prefix(s, speaker.size) * own, []))

    def over_rows(self, relation: Relation, ch: Channel, up: int, total: K) -> None:
        """That of the class at one end, less that of all at the other."""
        columns = (self.of_class[1].least, self.of_all[0].largest), (self.of_class[0].largest, self.of_all[1].least)
        name = f"loss of {self.matrix}"
        n, left = rounds(ch, name, self.live.row.bits, 2, total)
        own, other = (relation.evaluate(ch, column, {"row": n}) for column in columns[up])
        ch.zero(name, lambda: (left - self.live.at(n) * (own - other), []))
