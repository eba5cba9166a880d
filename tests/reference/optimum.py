"""Certified optima: protocol.md, "Certified optimum"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .arithmetic import CELLS, HALF
from .channel import Channel, Constraint
from .field import ONE, ZERO, K, Point, eq_at, prefix, prefix_eq
from .formats import not_counted
from .gradient_descent import GradientDescent
from .optimum_integers import optimum_integers
from .relations import (
    COEFFICIENTS,
    FEATURES,
    INTERCEPT,
    LABELS,
    LINK,
    RANGE,
    Address,
    Box,
    Lookup,
    Relation,
    dataset_columns,
    multiplicities,
    rounds,
)
from .shapes import Axis, Column

Z, DM = ("virtual", "z"), ("virtual", "step times middle")
ROWS = ("Q", "edge", "step", "middle", "risen")
OF_WEIGHT = ("", " gradient", " gradient remainder", " below", " above", " rounded")
SIGNED = ("", " gradient", " rounded")


def of_rows(name: str) -> Address:
    return "witness", name


class Optimum(GradientDescent):
    name = "optimum"
    virtual = frozenset({Z, DM})
    unit = 1  # of what is committed for a weight
    of_weight: tuple[str, ...] = OF_WEIGHT
    with_sign: tuple[str, ...] = SIGNED
    row_columns: tuple[str, ...] = ROWS
    of_tables: tuple[str, ...] = (RANGE, LINK)

    def __init__(self, statement: dict[str, Any]) -> None:
        dataset, spec = statement["dataset"], statement["spec"]
        self.forgotten = not_counted(statement)
        self.i: Any = self.integers(statement)
        self.s: Any = self.i
        self.rows, self.features = dataset["rows"], len(dataset["encoding"]["features"])
        self.one, self.bias = 1 << spec["scales"]["x_bits"], spec["method"]["bias"]
        self.row, self.output, self.gone = Axis("row", self.rows), Axis("output", 1), []
        self.weight = Axis("weight", self.features)
        self.limbs: dict[str, list[Address]] = {}
        witness = [Column(name, (self.row,)) for name in self.row_columns]
        boxes = [Box("rows", (self.row,), row_lookups(), self.forgotten)] if self.row_columns else []
        constants = [f"bias{part}" for part in self.parts_of("bias")] * self.bias + ["slack"]
        held = [("feature limbs", self.weight, [f"weights{part}" for part in self.parts_of("weights")])]
        held.append(("constant limbs", self.output, constants))
        for name, axis, integers in held:
            lookups = []
            for integer in integers:
                lookups += self.limb_lookups(integer, self.i.bits[integer])
                witness += [Column(limb, (axis,)) for _, limb in self.limbs[integer]]
            boxes.append(Box(name, (axis,), lookups))
        Relation.__init__(self, boxes, list(self.of_tables))
        self.table = self.i.table
        witness += [multiplicities(table, self.sections) for table in self.of_tables]
        model = [Column("weights", (self.output, self.weight))]
        if self.bias:
            model.append(Column("intercept", (self.output,)))
        self.columns = {"dataset": dataset_columns(dataset), "model": model, "witness": witness}

    def integers(self, statement: dict[str, Any]) -> Any:
        return optimum_integers(statement["spec"], statement["dataset"], self.forgotten, statement["distance"])

    def parts_of(self, name: str) -> tuple[str, ...]:
        """What is committed of weights, or of the bias."""
        return self.of_weight

    # The walk

    def identities(self, ch: Channel) -> None:
        for at, values in self.ended.get("rows", ()):
            self.score(ch, at["row"], values)
        ((at, of_features),) = self.ended["feature limbs"]
        ((_, of_constants),) = self.ended["constant limbs"]
        k = at["weight"]
        weights = self.all_of(ch, "weights", of_features, prefix(k, self.features))
        bias = self.all_of(ch, "bias", of_constants, ONE) if self.bias else {}
        self.norm(ch, bias, self.joined(of_constants[limb] for limb in self.limbs["slack"]))
        self.published(ch, k, weights, bias)
        self.live_gradient(ch, k, weights, bias)

    def published(self, ch: Channel, k: Point, weights: Mapping[str, K], bias: Mapping[str, K]) -> None:
        self.rounding(ch, weights, prefix(k, self.features))
        model = self.evaluate(ch, COEFFICIENTS, {"output": [], "weight": k})
        ch.zero("model", lambda: (model - weights[" rounded"], []))
        if self.bias:
            self.rounding(ch, bias, ONE)
            intercept = self.evaluate(ch, INTERCEPT, {"output": []})
            ch.zero("intercept", lambda: (intercept - self.one * bias[" rounded"], []))

    def all_of(self, ch: Channel, name: str, values: Mapping[Address, K], real: K) -> dict[str, K]:
        found = {}
        for part in self.parts_of(name):
            found[part] = self.joined(values[limb] for limb in self.limbs[name + part])
            if part in self.with_sign:
                found[part] -= self.half(name + part) * real * ch.one
        return found

    def half(self, name: str) -> int:
        return 1 << (self.i.bits[name] - 1)

    def value(self, ch: Channel, name: str, at: Mapping[str, Point], real: K) -> K:
        """P -> V: a signed integer."""
        return self.integer(ch, name, at) - self.half(name) * real * ch.one

    def score(self, ch: Channel, n: Point, values: Mapping[Address, K]) -> None:
        at, claim = rounds(ch, "step", self.row.bits, 3, values[DM])
        step, middle = (self.evaluate(ch, of_rows(name), {"row": at}) for name in ("step", "middle"))
        ch.zero("step", lambda: (claim, [(-prefix_eq(n, at, self.rows), step, middle)]))
        score = values[Z]
        if self.bias:
            score -= self.one * prefix(n, self.rows) * self.unit * self.value(ch, "bias", {"output": []}, ONE)
        k, left = rounds(ch, "product", self.weight.bits, 3, score)
        x = self.evaluate(ch, FEATURES, {"row": n, "feature": k})
        weight = self.unit * self.value(ch, "weights", {"weight": k}, prefix(k, self.features))

        def product() -> Constraint:
            used = prefix(k, self.features) - sum((eq_at(k, i) for i in self.i.unused), ZERO)
            return left, [(-used, x, weight)]

        ch.zero("product", product)

    def norm(self, ch: Channel, bias: Mapping[str, K], slack: K) -> None:
        (total,) = ch.hidden(1)

        def whole() -> Constraint:
            own = [(ONE, bias[" gradient"], bias[" gradient"])] if bias else []
            return total + slack - self.i.radius**2 * ch.one, own

        ch.zero("norm", whole)
        k, claim = rounds(ch, "norm", self.weight.bits, 3, total)
        first, second = (self.value(ch, "weights gradient", {"weight": k}, prefix(k, self.features)) for _ in range(2))
        ch.zero("norm", lambda: (claim, [(-prefix(k, self.features), first, second)]))

    def rounding(self, ch: Channel, own: Mapping[str, K], real: K) -> None:
        i = self.i

        def rounded() -> Constraint:
            half = real * (2 ** (i.a - 1) - i.distance) * ch.one
            return own[""] + half - 2**i.a * own[" rounded"] - own[" below"], []

        ch.zero("rounding", rounded)
        room = 2**i.a - 1 - 2 * i.distance
        ch.zero("edges", lambda: (own[" below"] + own[" above"] - room * real * ch.one, []))

    def of_loss(self, ch: Channel, own: Mapping[str, K], real: K) -> K:
        return self.short_gradient(ch, own, real) - self.i.c * own[""]

    def short_gradient(self, ch: Channel, own: Mapping[str, K], real: K) -> K:
        half = 2**self.i.g // 2
        return 2**self.i.g * own[" gradient"] + own[" gradient remainder"] - half * real * ch.one

    def live_gradient(self, ch: Channel, k: Point, weights: Mapping[str, K], bias: Mapping[str, K]) -> None:
        claim, gamma = self.of_loss(ch, weights, prefix(k, self.features)), ZERO
        if self.bias:
            (gamma,) = ch.point("gradient", 1)
            claim += gamma * self.of_loss(ch, bias, ONE)
        n, claim = rounds(ch, "gradient", self.row.bits, 3, claim)
        place = {"row": n}
        x = ch.hidden(1)[0] if self.i.unused else self.evaluate(ch, FEATURES, {**place, "feature": k})
        edge, risen = (self.evaluate(ch, of_rows(name), place) for name in ("edge", "risen"))
        y = self.evaluate(ch, LABELS, {"output": [], **place})

        def counted() -> Constraint:
            own = x + gamma * self.one * prefix(n, self.rows) * ch.one
            return claim, [(-(2**self.i.e) * self.live(n), own, edge + risen - 2**self.i.p_bits * y)]

        ch.zero("gradient", counted)
        if self.i.unused:
            self.used_features(ch, x, k, n)


def row_lookups() -> list[Lookup]:
    q, edge, step, middle, risen = (of_rows(name) for name in ROWS)
    low = [(1, Z), (-(CELLS**2), q), (-CELLS, middle)]
    return [
        Lookup(LINK, [([(1, column)], 0) for column in (q, edge, step)]),
        Lookup(RANGE, [([(1, middle)], 0)]),
        Lookup(RANGE, [(low, HALF)]),
        Lookup(RANGE, [([(1, risen)], 0)]),
        Lookup(RANGE, [([(1, DM), (-CELLS, risen)], HALF)]),
    ]
