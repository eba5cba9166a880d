"""The three relations, as data and as a walk each: protocol.md, sections 9 and 11 to 13."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .arithmetic import CELLS, HALF, schedule
from .channel import Channel, Constraint
from .field import ONE, ZERO, K, Point, bits_of, eq, eq_at, eq_table, interpolate, log2_ceil, prefix
from .formats import records_of
from .shapes import Axes, Axis, Column, parts, size_of, split

Address = tuple[str, str]  # matrix, column
Claim = tuple[Address, Mapping[str, Point], K]
ENTRY = Axis("entry", CELLS)
RANGE, ACTIVATION, FEATURE_RANGE = "range", "activation", "feature range"
TAGS = {RANGE: 1, ACTIVATION: 2, FEATURE_RANGE: 3}
FEATURES, LABELS, MODEL = ("dataset", "features"), ("dataset", "labels"), ("model", "model")
Q, P, Z = ("witness", "Q"), ("witness", "P"), ("virtual", "z")


MOST_LEAF_BITS = 24


def multiplicities(table: str, sections: int) -> Column:
    """The counts of a table, in the witness."""
    return Column(f"{table} multiplicities", (Axis("section", sections), ENTRY))


@dataclass
class Lookup:
    """Entries are ([(coefficient, column), ..], constant)."""

    table: str
    entries: list[tuple[list[tuple[int, Address]], int]]


@dataclass
class Box:
    """The same lookups on each cell that counts: on the last axis, in a range (all, if there are none), and no hole."""

    name: str
    axes: Axes
    lookups: list[Lookup]
    holes: list[int] = field(default_factory=list)
    ranges: list[tuple[int, int]] = field(default_factory=list)

    @property
    def bits(self) -> int:
        return size_of(self.axes)

    def parts(self) -> list[Box]:
        bits = MOST_LEAF_BITS - log2_ceil(len(self.lookups))
        return [replace(self, axes=axes) for axes in parts(self.axes, bits)]


def rounds(
    ch: Channel, label: str, variables: int, degree: int, claim: K, send: Callable[[int], list[K]] | None = None
) -> tuple[Point, K]:
    """A sumcheck's rounds: values at 0, 2, .., degree, masked if not sent otherwise; that at 1 is what is left."""
    point = []
    for _ in range(variables):
        at_0, *others = (send or ch.hidden)(degree)
        point.append(ch.challenge(label, degree))
        claim = interpolate([at_0, claim - at_0, *others], point[-1])
    return point, claim


def three_factors(ch: Channel, name: str, claim: K, summand: Callable[[], tuple[K, K, K, K]]) -> None:
    """P -> V: the product of the first two factors. `summand`: the weight and the factors at the point."""
    (half,) = ch.hidden(1)

    def first() -> Constraint:
        _, a, b, _ = summand()
        return half, [(-ONE, a, b)]

    def second() -> Constraint:
        weight, _, _, c = summand()
        return claim, [(-weight, half, c)]

    ch.zero(name, first)
    ch.zero(name, second)


class Relation:
    """Columns by matrix, lookups, where they ended, and all claims about columns."""

    name: str
    columns: dict[str, list[Column]]
    virtual: frozenset[Address] = frozenset()

    def __init__(self, boxes: list[Box], tables: list[str]) -> None:
        self.boxes, self.tables = boxes, tables
        self.parts = {box.name: box.parts() for box in boxes}
        self.sections = max((len(found) for found in self.parts.values()), default=0)
        self.table: list[int] = []

    def start(self) -> None:
        """Before each walk."""
        self.claims: list[Claim] = []
        self.ended: dict[str, list[tuple[Mapping[str, Point], dict[Address, K]]]] = {}  # part by part

    def evaluate(self, ch: Channel, column: Address, at: Mapping[str, Point]) -> K:
        """P -> V: a column's value."""
        (value,) = ch.hidden(1)
        if column not in self.virtual:  # of which the walk says what it is
            self.claims.append((column, at, value))
        return value

    def identities(self, ch: Channel) -> None:
        """The walk between lookups and batching."""


def dataset_columns(statement: Mapping[str, Any]) -> list[Column]:
    row = Axis("row", statement["rows"])
    feature = Axis("feature", len(statement["encoding"]["features"]) + 1)  # the last one is constant
    names = ("labels", "blind 0", "blind 1")
    return [Column("features", (feature, row)), *(Column(name, (row,)) for name in names)]


class Validity(Relation):
    def __init__(self, statement: Mapping[str, Any]) -> None:
        self.name, encoding = "validity", statement["encoding"]
        kind, dataset = encoding["label_kind"], dataset_columns(statement)
        self.rows, self.features = statement["rows"], len(encoding["features"])
        self.one = 1 << encoding["x_bits"]
        labels = [Lookup(RANGE, [([(1, LABELS)], HALF if kind == "real" else 0)])]
        if kind == "binary":
            labels.append(Lookup(RANGE, [([(HALF, LABELS)], 0)]))
        features = Box("features", dataset[0].axes, [Lookup(FEATURE_RANGE, [([(1, FEATURES)], 0)])])
        super().__init__([features, Box("labels", dataset[1].axes, labels)], [RANGE, FEATURE_RANGE])
        self.table = [min(i, 2 * self.one) - self.one for i in range(CELLS)]
        self.columns = {"dataset": dataset, "witness": [multiplicities(table, self.sections) for table in self.tables]}

    def identities(self, ch: Channel) -> None:
        row = ch.point("constant", log2_ceil(self.rows))
        constant = bits_of(self.features, log2_ceil(self.features + 1))
        value = self.evaluate(ch, FEATURES, {"feature": constant, "row": row})
        ch.zero("constant", lambda: (value - prefix(row, self.rows) * self.one * ch.one, []))


class Recommitment(Relation):
    def __init__(self, statement: Mapping[str, Any]) -> None:
        super().__init__([], [])
        self.name = "recommitment"
        old = statement["old"]
        self.columns = {"dataset": dataset_columns(old), "new dataset": dataset_columns(old)}

    def identities(self, ch: Channel) -> None:
        for column in self.columns["dataset"]:
            at = split(column.axes, ch.point("recommitment", column.bits))
            old, new = (self.evaluate(ch, (matrix, column.name), at) for matrix in self.columns)
            ch.zero(f"recommitment of {column.name}", lambda old=old, new=new: (old - new, []))


class GradientDescent(Relation):
    virtual = frozenset({Z})

    def __init__(self, statement: dict[str, Any]) -> None:
        self.name, dataset, spec = "gradient descent", statement["dataset"], statement["spec"]
        self.forgotten = [position for position, _ in records_of(statement)]
        self.s = s = schedule(spec, dataset, self.forgotten)
        self.rows, self.features = dataset["rows"], len(dataset["encoding"]["features"])
        self.one, self.bias = 1 << spec["scales"]["x_bits"], spec["method"]["bias"]
        self.row, self.epoch, self.block = Axis("row", self.rows), Axis("epoch", s.epochs), Axis("block", s.blocks)
        self.weight = Axis("weight", s.width, self.features + 1 - s.width)
        self.offset = 1 << (s.weight_bits - 1)
        rows, steps, weights = (self.epoch, self.row), (self.epoch, self.block, self.weight), (self.weight,)
        remainder = Lookup(RANGE, [([(1, Z), (-CELLS, Q)], 0)])
        activation = Lookup(ACTIVATION, [([(1, Q)], 0), ([(1, P)], 0)])
        self.limbs: dict[str, list[Address]] = {}
        looked_up = {
            "limbs": self.limb_lookups("weights", s.weight_bits) + self.limb_lookups("update remainder", s.shift),
            "model limbs": self.limb_lookups("model", s.weight_bits),
        }
        boxes = [
            Box("scores", rows, [remainder, activation], self.forgotten),
            Box("limbs", steps, looked_up["limbs"]),
            Box("model limbs", weights, looked_up["model limbs"]),
        ]
        super().__init__(boxes, [RANGE, ACTIVATION])
        self.table = s.table
        witness = [Column("Q", rows), Column("P", rows)]
        for name, limbs in self.limbs.items():
            witness += [Column(limb, weights if name == "model" else steps) for _, limb in limbs]
        witness += [multiplicities(table, self.sections) for table in self.tables]
        self.columns = {
            "dataset": dataset_columns(dataset),
            "model": [Column("model", weights)],
            "witness": witness,
        }

    def limb_lookups(self, name: str, bits: int) -> list[Lookup]:
        """The limbs of an integer, each in range, the top one also shifted."""
        self.limbs[name] = [("witness", f"{name} limb {i}") for i in range(-(-bits // 16))]
        found = []
        for i, limb in enumerate(self.limbs[name]):
            found.append(Lookup(RANGE, [([(1, limb)], 0)]))
            if bits - 16 * i < 16:
                found.append(Lookup(RANGE, [([(1 << (16 - (bits - 16 * i)), limb)], 0)]))
        return found

    def integer(self, ch: Channel, name: str, at: Mapping[str, Point]) -> K:
        """P -> V: the limbs of an integer; their sum."""
        return self.joined([self.evaluate(ch, limb, at) for limb in self.limbs[name]])

    @staticmethod
    def joined(limbs: Iterable[K]) -> K:
        return sum((limb * (1 << (16 * i)) for i, limb in enumerate(limbs)), ZERO)

    def real_weights(self, *points: Point) -> K:
        """The extension of [t, k real], for the axes (epoch, block, weight) or the last ones of them."""
        sizes = (self.s.epochs, self.s.blocks, self.s.width)[-len(points) :]
        product = ONE
        for point, size in zip(points, sizes, strict=True):
            product *= prefix(point, size)
        return product

    def identities(self, ch: Channel) -> None:
        for at, values in self.ended["scores"]:
            self.product(ch, at, values[Z])
        s, one = self.s, ch.one
        e, b, k = (ch.point("update", axis.bits) for axis in (self.epoch, self.block, self.weight))
        first = self.integer(ch, "weights", {"epoch": bits_of(0, len(e)), "block": bits_of(0, len(b)), "weight": k})
        ch.zero("initial weights", lambda: (first - self.offset * prefix(k, s.width) * one, []))
        gradient = self.update(ch, e, b, k)

        point, claim_g = rounds(ch, "gradient", self.row.bits, 3, gradient)
        x_g = self.evaluate(ch, FEATURES, {"row": point, "feature": k})
        (a,) = ch.hidden(1)
        y = self.evaluate(ch, LABELS, {"row": point})

        def live_gradient() -> Constraint:
            eq_n, eq_b, weight_n = eq_table(point), eq_table(b), ZERO
            for n in range(self.rows):
                if n not in self.forgotten:
                    block_of = n // s.block_size
                    weight_n += eq_b[block_of] * s.c_block[block_of] * eq_n[n]
            c = sum((v * factor for v, factor in zip(eq_table(e), s.c_epoch, strict=False)), ZERO)
            constant = ZERO if self.bias else prefix(point, self.rows) * eq_at(k, self.features) * self.one
            factor_x = x_g - constant * one
            return claim_g, [(-weight_n, factor_x, a - c * s.label_multiplier * y)]

        ch.zero("gradient", live_gradient)

        last, claim_p = rounds(ch, "epochs", self.epoch.bits, 2, a)
        p = self.evaluate(ch, P, {"epoch": last, "row": point})

        def predictions() -> Constraint:
            terms = zip(eq_table(e), s.c_epoch, eq_table(last), strict=False)
            return claim_p - sum((v * factor * at for v, factor, at in terms), ZERO) * p, []

        ch.zero("epochs", predictions)

        ((at, values),) = self.ended["model limbs"]
        k = at["weight"]
        model = self.evaluate(ch, MODEL, at)
        limbs = self.joined(values[limb] for limb in self.limbs["model"])
        ch.zero("model", lambda: (model - limbs + self.offset * prefix(k, s.width) * one, []))

    def product(self, ch: Channel, at: Mapping[str, Point], z: K) -> None:
        """z is the score, at the point where a part of `scores` ended."""
        s, block_bits = self.s, self.block.bits
        block_star, inside = at["row"][:block_bits], at["row"][block_bits:]
        point, claim = rounds(ch, "product", block_bits + self.weight.bits, 3, z)
        block, weight = point[:block_bits], point[block_bits:]
        x = self.evaluate(ch, FEATURES, {"row": block + inside, "feature": weight})
        w = self.integer(ch, "weights", {"epoch": at["epoch"], "block": block, "weight": weight})

        def score() -> Constraint:
            factor_w = w - self.offset * self.real_weights(at["epoch"], block, weight) * ch.one
            return claim, [(-eq(block_star, block) * prefix(weight, s.width), x, factor_w)]

        ch.zero("product", score)

    def update(self, ch: Channel, e: Point, b: Point, k: Point) -> K:
        """The sum `change`; returns the weighted gradient G."""
        s, one = self.s, ch.one
        (change,) = ch.hidden(1)
        point, claim = rounds(ch, "update", len(e) + len(b), 2, change)
        e2, b2 = point[: len(e)], point[len(e) :]
        w = self.integer(ch, "weights", {"epoch": e2, "block": b2, "weight": k})

        def difference() -> Constraint:
            eq_e, eq_b, eq_e2, eq_b2 = (eq_table(x) for x in (e, b, e2, b2))
            steps = [(i, j) for i in range(s.epochs) for j in range(s.blocks)]
            total = ZERO
            for step, (i, j) in enumerate(steps):
                factor = eq_e[i] * eq_b[j] * ((1 << s.shift) - s.l_epoch[i])
                if step:  # next(t, t') is 1 for t just before t'
                    before_i, before_j = steps[step - 1]
                    factor -= eq_e[before_i] * eq_b[before_j] * (1 << s.shift)
                total += factor * eq_e2[i] * eq_b2[j]
            return claim - total * (w - self.offset * self.real_weights(e2, b2, k) * one), []

        ch.zero("update", difference)
        model = self.evaluate(ch, MODEL, {"weight": k})
        u = self.integer(ch, "update remainder", {"epoch": e, "block": b, "weight": k})
        final = eq_at(e, s.epochs - 1) * eq_at(b, s.blocks - 1)
        constant = (1 << (s.shift - 1)) * self.real_weights(e, b, k)
        return change - (1 << s.shift) * final * model - constant * one + u
