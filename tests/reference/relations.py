"""Relations, as data and as a walk each: protocol.md, sections 9 to 11 and 13."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .arithmetic import CELLS, HALF
from .channel import Channel, Constraint
from .field import ONE, ZERO, K, Point, eq_at, eq_table, interpolate, log2_ceil, prefix, prefix_eq, require
from .formats import outputs_of
from .shapes import Axes, Axis, Column, parts, size_of, split

Address = tuple[str, str]  # matrix, column
Claim = tuple[Address, Mapping[str, Point], K]
ENTRY = Axis("entry", CELLS)
RANGE, ACTIVATION, FEATURE_RANGE, LINK = "range", "activation", "feature range", "link"
SIGNS, LOSSES, NOISE, COUNT_LOGS = "signs", "losses", "noise", "count logs"
PROBIT_LOSSES = "probit losses"
KEYS = "keys"  # no table: tuples that two boxes have, as often
TAGS = {RANGE: 1, ACTIVATION: 2, FEATURE_RANGE: 3, KEYS: 4, LINK: 5, SIGNS: 6, LOSSES: 7, NOISE: 9, PROBIT_LOSSES: 16}
ENTRIES = {RANGE: 1, ACTIVATION: 2, FEATURE_RANGE: 1, LINK: 3, SIGNS: 2, LOSSES: 4, NOISE: 3, PROBIT_LOSSES: 4}
LOGS = {f"logs at {bits} bits": 32 + bits for bits in range(16)}
CHANCES = {
    f"chances of {family} at {bits} bits": tag + bits
    for family, tag in (("logistic", 64), ("probit", 128))
    for bits in range(16, 32)
}
OPINIONS = {"opinions of logistic": 192, "opinions of probit": 193}
MEAN_LOSSES = {"mean losses of logistic": 194, "mean losses of probit": 195}
TAGS |= LOGS | CHANCES | OPINIONS | MEAN_LOSSES | {COUNT_LOGS: 12}
ENTRIES |= dict.fromkeys([*LOGS, *CHANCES], 3) | {COUNT_LOGS: 2}
ENTRIES |= dict.fromkeys(OPINIONS, 4) | dict.fromkeys(MEAN_LOSSES, 5)
SINGULAR = {SIGNS: "sign", LOSSES: "loss", COUNT_LOGS: "count log"}
KEY_LIMBS = 6
FEATURES, LABELS = ("dataset", "features"), ("dataset", "labels")
COEFFICIENTS, INTERCEPT = ("model", "weights"), ("model", "intercept")


MOST_LEAF_BITS = 24


def multiplicities(table: str, sections: int) -> Column:
    """The counts of a table, in the witness."""
    return Column(f"{SINGULAR.get(table, table)} multiplicities", (Axis("section", sections), ENTRY))


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
    sign: int = 1

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
    counts = ""  # before the names of columns of counts
    then: Relation | None = None  # whose sections come after these

    def __init__(self, boxes: list[Box], tables: list[str]) -> None:
        self.boxes, self.tables = boxes, tables
        self.parts = {box.name: box.parts() for box in boxes}
        self.sections = max((len(found) for found in self.parts.values()), default=0)
        self.table: list[int] = []
        self.noise_table: list[int] = []

    def start(self) -> None:
        """Before each walk."""
        self.claims: list[Claim] = []
        self.ended: dict[str, list[tuple[Mapping[str, Point], dict[Address, K]]]] = {}  # part by part
        self.in_order: list[tuple[Mapping[str, Point], dict[Address, K]]] = []  # of all boxes, as they ended

    def boxes_of(self, section: int) -> list[Box]:
        """The i-th part of each box lies in section i."""
        return [self.parts[box.name][section] for box in self.boxes if section < len(self.parts[box.name])]

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
    feature = Axis("feature", len(statement["encoding"]["features"]))
    labels = Column("labels", (Axis("output", outputs_of(statement["encoding"])), row))
    blinds = [Column(name, (row,)) for name in ("blind 0", "blind 1")]
    return [Column("features", (feature, row)), labels, *key_columns(statement), *blinds]


def key_columns(statement: Mapping[str, Any]) -> list[Column]:
    row = Axis("row", statement["rows"])
    return [Column(f"key limb {i}", (row,)) for i in range(KEY_LIMBS if statement["unique"] else 0)]


def classes_of(statement: Mapping[str, Any]) -> list[int]:
    """Numbers of the classes that are forgotten; of several, two at least are left."""
    encoding, gone = statement["dataset"]["encoding"], statement["forgotten_classes"]
    classes = encoding["label_classes"]
    if gone:
        require("statement", encoding["label_kind"] == "categorical")
        require("statement", set(gone) <= set(classes) and len(gone) <= len(classes) - 2)
    return sorted(classes.index(name) for name in gone)


def uniqueness(statement: Mapping[str, Any]) -> Any:
    from .uniqueness import Uniqueness  # which is made of what is here

    return Uniqueness(statement)


class Validity(Relation):
    then: Any = None

    def __init__(self, statement: Mapping[str, Any]) -> None:
        self.name, encoding = "validity", statement["encoding"]
        kind, dataset = encoding["label_kind"], dataset_columns(statement)
        one = 1 << encoding["x_bits"]
        labels = [Lookup(RANGE, [([(1, LABELS)], HALF if kind == "real" else 0)])]
        if kind == "binary":
            labels.append(Lookup(RANGE, [([(HALF, LABELS)], 0)]))
        features = Box("features", dataset[0].axes, [Lookup(FEATURE_RANGE, [([(1, FEATURES)], 0)])])
        super().__init__([features, Box("labels", dataset[1].axes, labels)], [RANGE, FEATURE_RANGE])
        self.holes = statement["holes"]
        self.table = [min(i, 2 * one) - one for i in range(CELLS)]
        self.columns = {"dataset": dataset, "witness": [multiplicities(table, self.sections) for table in self.tables]}
        self.categorical = kind == "categorical"
        if statement["unique"]:
            self.then = uniqueness(statement)
            self.columns["witness"] += self.then.committed

    def start(self) -> None:
        super().start()
        if self.then is not None:
            self.then.start()
            self.then.claims = self.claims

    def identities(self, ch: Channel) -> None:
        if self.categorical:
            self.one_class(ch)
        if self.then is not None:
            self.then.identities(ch)

    def one_class(self, ch: Channel) -> None:
        """Each row is of one class."""
        output, row = self.columns["dataset"][1].axes
        n = ch.point("one class", row.bits)
        there = prefix(n, row.size) - sum((eq_at(n, h) for h in self.holes), ZERO)
        o, claim = rounds(ch, "one class", output.bits, 2, there * ch.one)
        y = self.evaluate(ch, LABELS, {"output": o, "row": n})
        ch.zero("one class", lambda: (claim - prefix(o, output.size) * y, []))


class Growth(Relation):
    """Of two data sets: the rows of the old one are the first of the new one."""

    def __init__(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        super().__init__([], [])
        self.name, self.rows, self.grown = "growth", old["rows"], new["rows"] > old["rows"]
        self.holes = new["holes"] if new["holes"] != old["holes"] else []
        self.columns = {"dataset": dataset_columns(old), "new dataset": dataset_columns(new)}

    def identities(self, ch: Channel) -> None:
        old, new = self.columns.values()
        axes = (old[0].axes[0], *old[1].axes)
        at = {axis.name: ch.point("growth", axis.bits) for axis in axes}
        if self.holes:
            self.destruction(ch, at)
            return
        before = [self.value_at(ch, "dataset", column, at) for column in old]
        if not self.grown:
            for column, value in zip(old, before, strict=True):
                found = self.value_at(ch, "new dataset", column, at)
                ch.zero(f"recommitment of {column.name}", lambda a=value, b=found: (a - b, []))
            return
        shares = eq_table(ch.point("growth shares", log2_ceil(len(old))))[: len(old)]
        bits = new[0].axes[1].bits
        n, claim = rounds(ch, "growth", bits, 2, mixed(shares, before))
        after = [self.value_at(ch, "new dataset", column, {**at, "row": n}) for column in new]
        rho = [ZERO] * (bits - len(at["row"])) + at["row"]
        ch.zero("growth", lambda: (claim - prefix_eq(rho, n, self.rows) * mixed(shares, after), []))

    def destruction(self, ch: Channel, at: dict[str, Point]) -> None:
        columns, rho = self.columns["dataset"], at["row"]
        after = [self.value_at(ch, "new dataset", column, at) for column in columns]
        shares = eq_table(ch.point("destruction shares", log2_ceil(len(columns))))[: len(columns)]
        n, claim = rounds(ch, "destruction", len(rho), 2, mixed(shares, after))
        before = [self.value_at(ch, "dataset", column, {**at, "row": n}) for column in columns]

        def check() -> Any:
            weight = prefix_eq(rho, n, self.rows) - sum((eq_at(rho, h) * eq_at(n, h) for h in self.holes), ZERO)
            return claim - weight * mixed(shares, before), []

        ch.zero("destruction", check)

    def value_at(self, ch: Channel, matrix: str, column: Column, at: Mapping[str, Point]) -> K:
        return self.evaluate(ch, (matrix, column.name), {axis.name: at[axis.name] for axis in column.axes})


def mixed(shares: list[K], values: list[K]) -> K:
    return sum((share * value for share, value in zip(shares, values, strict=True)), ZERO)


class Recommitment(Relation):
    """Of a model: all columns of both matrices."""

    def __init__(self, name: str, matrix: str, columns: list[Column]) -> None:
        super().__init__([], [])
        self.name, self.each = name, columns
        self.columns = {matrix: columns, f"new {matrix}": columns}

    def identities(self, ch: Channel) -> None:
        for column in self.each:
            at = split(column.axes, ch.point("recommitment", column.bits))
            old, new = (self.evaluate(ch, (matrix, column.name), at) for matrix in self.columns)
            ch.zero(f"recommitment of {column.name}", lambda old=old, new=new: (old - new, []))
