"""The three relations, as data and as a walk each: protocol.md, sections 9 and 11 to 13."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .arithmetic import CELLS, HALF, schedule
from .channel import Channel, Constraint
from .field import ONE, ZERO, K, Point, eq, eq_at, eq_table, interpolate, prefix
from .shapes import Axis, Column, Lookup

Claim = tuple[str, Mapping[str, Point], K]
ENTRY = Axis("entry", CELLS)
RANGE, ACTIVATION = "range", "activation"
TAGS = {RANGE: 1, ACTIVATION: 2}


def multiplicities(table: str) -> Column:
    return Column(f"{table} multiplicities", (ENTRY,))


def rounds(ch: Channel, variables: int, degree: int, claim: K) -> tuple[Point, K]:
    """A sumcheck's rounds: values at 0, 2, .., degree; the one at 1 is what the claim leaves."""
    point = []
    for _ in range(variables):
        at_0, *others = ch.hidden(degree)
        point.append(ch.challenge())
        claim = interpolate([at_0, claim - at_0, *others], point[-1])
    return point, claim


class Relation:
    """Columns by matrix, lookups, the columns' values where lookups ended, and all claims about columns."""

    name: str
    columns: dict[str, list[Column]]
    lookups: list[Lookup]
    table: list[int]
    tables: list[str]

    def __init__(self) -> None:
        self.lookups, self.tables, self.table = [], [], []

    def start(self) -> None:
        """Before each walk."""
        self.claims: list[Claim] = []
        self.values: dict[str, K] = {}
        self.points: dict[str, Mapping[str, Point]] = {}

    def evaluate(self, ch: Channel, column: str, at: Mapping[str, Point]) -> K:
        """P -> V: a column's value."""
        (value,) = ch.hidden(1)
        self.claims.append((column, at, value))
        return value

    def identities(self, ch: Channel) -> None:
        """The walk between lookups and batching."""


def dataset_columns(statement: Mapping[str, Any], new: str = "") -> list[Column]:
    row = Axis("row", statement["rows"])
    feature = Axis("feature", len(statement["encoding"]["features"]), 1, whole_rows=True)
    names = ("labels", "blind 0", "blind 1")
    return [Column(new + "features", (feature, row)), *(Column(new + name, (row,)) for name in names)]


class Validity(Relation):
    def __init__(self, statement: Mapping[str, Any]) -> None:
        super().__init__()
        self.name, kind = "validity", statement["encoding"]["label_kind"]
        dataset = dataset_columns(statement)
        self.columns = {"dataset": dataset, "witness": [multiplicities(RANGE)]}
        self.tables = [RANGE]
        features, labels = dataset[0].axes, dataset[1].axes
        self.lookups = [
            Lookup("features", RANGE, features, [([(1, "features")], HALF)]),
            Lookup("labels", RANGE, labels, [([(1, "labels")], HALF if kind == "real" else 0)]),
        ]
        if kind == "binary":
            self.lookups.append(Lookup("labels shifted", RANGE, labels, [([(HALF, "labels")], 0)]))


class Recommitment(Relation):
    def __init__(self, statement: Mapping[str, Any]) -> None:
        super().__init__()
        self.name = "recommitment"
        old = statement["old"]
        self.columns = {"dataset": dataset_columns(old), "new dataset": dataset_columns(old, "new ")}

    def identities(self, ch: Channel) -> None:
        for column in self.columns["dataset"]:
            at = column.split(ch.point(column.bits))
            old, new = (self.evaluate(ch, name, at) for name in (column.name, f"new {column.name}"))
            ch.zero(f"recommitment of {column.name}", lambda old=old, new=new: (old - new, []))


class GradientDescent(Relation):
    def __init__(self, statement: Mapping[str, Any]) -> None:
        super().__init__()
        self.name, dataset, spec = "gradient descent", statement["dataset"], statement["spec"]
        self.forgotten = [record["position"] for record in statement["forgotten"]]
        self.s = s = schedule(spec, dataset, self.forgotten)
        self.table = s.table
        self.rows, self.features = dataset["rows"], len(dataset["encoding"]["features"])
        self.bias = 1 << spec["x_bits"] if spec["bias"] else 0
        self.row, self.epoch, self.block = Axis("row", self.rows), Axis("epoch", s.epochs), Axis("block", s.blocks)
        self.weight = Axis("weight", s.width, self.features + 1 - s.width)
        self.offset = 1 << (s.weight_bits - 1)
        rows, box, weights = (self.epoch, self.row), (self.epoch, self.block, self.weight), (self.weight,)
        self.tables = [RANGE, ACTIVATION]
        self.lookups = [
            Lookup("remainder", RANGE, rows, [([(1, "z"), (-CELLS, "Q")], 0)], self.forgotten),
            Lookup(ACTIVATION, ACTIVATION, rows, [([(1, "Q")], 0), ([(1, "P")], 0)], self.forgotten),
        ]
        witness = [Column("Q", rows), Column("P", rows)]
        self.limbs: dict[str, list[str]] = {}
        for name, bits, axes in (
            ("weights", s.weight_bits, box),
            ("update remainder", s.shift, box),
            ("model", s.weight_bits, weights),
        ):
            self.limbs[name] = [f"{name} limb {i}" for i in range(-(-bits // 16))]
            witness += [Column(limb, axes) for limb in self.limbs[name]]
            for i, limb in enumerate(self.limbs[name]):
                self.lookups.append(Lookup(limb, RANGE, axes, [([(1, limb)], 0)]))
                if bits - 16 * i < 16:
                    scale = 1 << (16 - (bits - 16 * i))
                    self.lookups.append(Lookup(f"{limb} shifted", RANGE, axes, [([(scale, limb)], 0)]))
        witness += [multiplicities(RANGE), multiplicities(ACTIVATION)]
        self.columns = {
            "dataset": dataset_columns(dataset),
            "model": [Column("model", weights)],
            "witness": witness,
        }

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

    def bias_at(self, row: Point, weight: Point) -> K:
        return prefix(row, self.rows) * eq_at(weight, self.features) * self.bias if self.bias else ZERO

    def identities(self, ch: Channel) -> None:
        s, one = self.s, ch.one
        weight_bits, block_bits, epoch_bits = self.weight.bits, self.block.bits, self.epoch.bits

        epoch, row = self.points["remainder"]["epoch"], self.points["remainder"]["row"]
        block_star, inside = row[:block_bits], row[block_bits:]
        point, claim = rounds(ch, block_bits + weight_bits, 3, self.values["z"])
        block, weight = point[:block_bits], point[block_bits:]
        x = self.evaluate(ch, "features", {"row": block + inside, "feature": weight})
        w = self.integer(ch, "weights", {"epoch": epoch, "block": block, "weight": weight})

        def score() -> Constraint:
            factor_x = x + self.bias_at(block + inside, weight) * one
            factor_w = w - self.offset * self.real_weights(epoch, block, weight) * one
            return claim, [(-eq(block_star, block) * prefix(weight, s.width), factor_x, factor_w)]

        ch.zero("product", score)

        e, b, k = ch.point(epoch_bits), ch.point(block_bits), ch.point(weight_bits)
        first = self.integer(ch, "weights", {"epoch": [ZERO] * epoch_bits, "block": [ZERO] * block_bits, "weight": k})
        ch.zero("initial weights", lambda: (first - self.offset * prefix(k, s.width) * one, []))
        gradient = self.update(ch, e, b, k)

        point, claim_g = rounds(ch, self.row.bits, 3, gradient)
        x_g = self.evaluate(ch, "features", {"row": point, "feature": k})
        (a,) = ch.hidden(1)
        y = self.evaluate(ch, "labels", {"row": point})
        eq_e, eq_b = eq_table(e)[: s.epochs], eq_table(b)[: s.blocks]

        def live_gradient() -> Constraint:
            eq_n, weight_n = eq_table(point), ZERO
            for n in range(self.rows):
                if n not in self.forgotten:
                    block_of = n // s.block_size
                    weight_n += eq_b[block_of] * s.c_block[block_of] * eq_n[n]
            c = sum((v * factor for v, factor in zip(eq_e, s.c_epoch, strict=True)), ZERO)
            factor_x = x_g + self.bias_at(point, k) * one
            return claim_g, [(-weight_n, factor_x, a - c * s.label_multiplier * y)]

        ch.zero("gradient", live_gradient)

        last, claim_p = rounds(ch, epoch_bits, 2, a)
        p = self.evaluate(ch, "P", {"epoch": last, "row": point})

        def predictions() -> Constraint:
            terms = zip(eq_e, s.c_epoch, eq_table(last)[: s.epochs], strict=True)
            return claim_p - sum((v * factor * at for v, factor, at in terms), ZERO) * p, []

        ch.zero("epochs", predictions)

        k = self.points["model limb 0"]["weight"]
        model = self.evaluate(ch, "model", {"weight": k})
        limbs = self.joined(self.values[limb] for limb in self.limbs["model"])
        ch.zero("model", lambda: (model - limbs + self.offset * prefix(k, s.width) * one, []))

    def update(self, ch: Channel, e: Point, b: Point, k: Point) -> K:
        """The sum `change`; returns the weighted gradient G."""
        s, one = self.s, ch.one
        (change,) = ch.hidden(1)
        point, claim = rounds(ch, len(e) + len(b), 2, change)
        e2, b2 = point[: len(e)], point[len(e) :]
        w = self.integer(ch, "weights", {"epoch": e2, "block": b2, "weight": k})
        steps = [(i, j) for i in range(s.epochs) for j in range(s.blocks)]
        eq_e, eq_b, eq_e2, eq_b2 = (eq_table(x) for x in (e, b, e2, b2))

        def difference() -> Constraint:
            total = ZERO
            for step, (i, j) in enumerate(steps):
                factor = eq_e[i] * eq_b[j] * ((1 << s.shift) - s.l_epoch[i])
                if step:  # next(t, t') is 1 for t just before t'
                    before_i, before_j = steps[step - 1]
                    factor -= eq_e[before_i] * eq_b[before_j] * (1 << s.shift)
                total += factor * eq_e2[i] * eq_b2[j]
            return claim - total * (w - self.offset * self.real_weights(e2, b2, k) * one), []

        ch.zero("update", difference)
        model = self.evaluate(ch, "model", {"weight": k})
        u = self.integer(ch, "update remainder", {"epoch": e, "block": b, "weight": k})
        final = eq_e[s.epochs - 1] * eq_b[s.blocks - 1]
        constant = (1 << (s.shift - 1)) * self.real_weights(e, b, k)
        return change - (1 << s.shift) * final * model - constant * one + u
