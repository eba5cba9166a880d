"""One stage of neighbouring shards: protocol.md, "Shards and stages"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .channel import Channel, Constraint
from .field import K, Point, bits_of, eq_at, log2_ceil, prefix
from .gradient_descent import GradientDescent, Share
from .relations import COEFFICIENTS, INTERCEPT, Address, Box, Lookup, Relation
from .shapes import Axis, Column
from .sisa_integers import Integers, Part

STARTING_WEIGHTS, STARTING_INTERCEPT = ("start", COEFFICIENTS[1]), ("start", INTERCEPT[1])


class Named(Channel):
    """The walk of a part: names of challenges and constraints have its name before them."""

    def __init__(self, whole: Channel, name: str) -> None:
        self.whole, self.name, self.one = whole, name, whole.one

    def hidden(self, n: int) -> list[K]:
        return self.whole.hidden(n)

    def challenge(self, label: str, error: int = 1) -> K:
        return self.whole.challenge(self.name + label, error)

    def zero(self, name: str, constraint: Callable[[], Constraint]) -> None:
        self.whole.zero(self.name + name, constraint)


class Stage(GradientDescent):
    """A part: gradient descent whose blocks are shards with a model each."""

    def __init__(self, statement: dict[str, Any], part: Part, integers: Integers, forgotten: set[int]) -> None:
        self.part, self.gone = part, []
        self.s = integers.schedule(part, forgotten)
        # What is past the prefix of a shard counts as little as what is forgotten.
        self.forgotten = [row for row in range(part.rows) if not part.counts(row, forgotten)]
        self.lay_out(statement, part.rows)
        self.virtual = frozenset(map(self.address, type(self).virtual))

    @property
    def models(self) -> tuple[Axis, ...]:
        return self.output, self.block

    # Names, and places in the whole ----------------------------------------------------------------------------------

    def address(self, column: Address) -> Address:
        """In the whole."""
        matrix, name = column
        if matrix == "dataset":
            return column
        if matrix == "start":
            assert self.part.source is not None
            before = self.part.source.name(self.part.stage - 1)
            return "model" if self.part.start is None else f"start {self.part.start}", before + name
        return matrix, self.part.name + name

    def named(self, columns: list[Column]) -> list[Column]:
        return [replace(column, name=self.part.name + column.name) for column in columns]

    def named_boxes(self) -> list[Box]:
        """The boxes as the whole has them."""
        return [
            replace(box, name=self.part.name + box.name, lookups=[self.moved(lookup) for lookup in box.lookups])
            for box in self.boxes
        ]

    def moved(self, lookup: Lookup) -> Lookup:
        entries = [([(c, self.address(column)) for c, column in terms], more) for terms, more in lookup.entries]
        return replace(lookup, entries=entries)

    def begin(self, whole: Relation) -> None:
        """The walk of the part, after the lookups of the whole."""
        self.claims, self.ended = whole.claims, {}
        for box in self.boxes:
            columns = {column for lookup in box.lookups for terms, _ in lookup.entries for _, column in terms}
            self.ended[box.name] = [
                (at, {column: values[self.address(column)] for column in columns})
                for at, values in whole.ended[self.part.name + box.name]
            ]

    def evaluate(self, ch: Channel, column: Address, at: Mapping[str, Point]) -> K:
        if column[0] == "dataset":
            at = {**at, "row": self.in_dataset(at["row"])}
        return super().evaluate(ch, self.address(column), at)

    def in_dataset(self, row: Point) -> Point:
        """A row of the part on the axis of all rows: bits of the first shard, of the shard, zeros, of the place."""
        shard, place = row[: self.block.bits], row[self.block.bits :]
        cut = self.part.cut
        of_shard = log2_ceil(cut.shard_rows)
        before = log2_ceil(cut.rows) - of_shard - len(shard)
        zeros = of_shard - len(place)
        return [*bits_of(self.part.run.first >> len(shard), before), *shard, *bits_of(0, zeros), *place]

    # What is different in the walk -----------------------------------------------------------------------------------

    def model_at(self, o: Point, b: Point) -> dict[str, Point]:
        return {"output": o, "block": b}

    def real_model(self, at: Mapping[str, Point]) -> K:
        return self.real_output(at["output"]) * prefix(at["block"], self.block.size)

    @property
    def first(self) -> dict[str, Point]:
        """The first step of a shard."""
        return {axis.name: bits_of(0, axis.bits) for axis in (self.epoch, *self.in_epoch[1:])}

    def initial(self, ch: Channel, shares: list[Share], b: Point) -> None:
        """From zero, or from the models of the stage before."""
        start, there = self.first | {"block": b}, prefix(b, self.block.size)
        own = [(share, real * there, name, steps, at) for share, real, name, steps, at in shares]
        first = [self.integer(ch, steps, start | at) for _, _, _, steps, at in own]
        if self.part.source is None:
            ch.zero("initial weights", lambda: (self.together(ch, own, first), []))
            return
        values = [self.signed(ch, limbs, real) for limbs, (_, real, *_) in zip(first, own, strict=True)]
        places = [at | {"block": self.in_source(b)} for *_, at in own]
        weights = self.evaluate(ch, STARTING_WEIGHTS, places[0])
        ch.zero("starting weights", lambda: (values[0] - weights, []))
        if self.bias:
            intercept = self.evaluate(ch, STARTING_INTERCEPT, places[1])
            ch.zero("starting intercept", lambda: (self.one * values[1] - intercept, []))

    def in_source(self, b: Point) -> Point:
        """A shard of the run on the axis of the run that it begins from."""
        source, run = self.part.source, self.part.run
        assert source is not None
        return [*bits_of((run.first - source.first) >> run.bits, source.bits - run.bits), *b]

    rests = True

    def steps(self) -> list[list[tuple[int, int]]]:
        epochs, batches = range(self.s.epochs), range(self.s.batches)
        return [[(i, (j << self.batch.bits) + a) for i in epochs for a in batches] for j in range(self.s.blocks)]

    def last_step(self, e: Point, b: Point) -> K:
        return eq_at(e, self.s.epochs - 1) * eq_at(b[self.block.bits :], self.s.batches - 1)
