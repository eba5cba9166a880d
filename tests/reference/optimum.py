"""Certified optima: protocol.md, "Certified optimum"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .arithmetic import CELLS, HALF
from .channel import Channel, Constraint
from .field import ONE, ZERO, K, Point, eq_at, prefix, prefix_eq
from .formats import not_counted, outputs_of
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
    classes_of,
    dataset_columns,
    multiplicities,
    rounds,
)
from .shapes import Axis, Column, size_of, split

Limbs = Mapping[Address, K]
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
        self.row, self.gone = Axis("row", self.rows), classes_of(statement)
        self.output = Axis("output", outputs_of(dataset["encoding"]))
        self.several = (self.output,) if self.output.size > 1 else ()
        if self.gone:
            self.name = f"{self.name} without classes"
        self.weight = Axis("weight", self.features)
        self.limbs: dict[str, list[Address]] = {}
        scores = (*self.several, self.row)
        witness = [Column(name, scores) for name in self.row_columns]
        boxes = [Box("rows", scores, row_lookups(), self.forgotten)] if self.row_columns else []
        constants = [f"bias{part}" for part in self.parts_of("bias")] * self.bias + ["slack"]
        of_weights = [f"weights{part}" for part in self.parts_of("weights")]
        held = [
            ("feature limbs", (*self.several, self.weight), of_weights), ("constant limbs", (self.output,), constants)
        ]  # fmt: skip
        for name, axes, integers in held:
            lookups = []
            for integer in integers:
                lookups += self.limb_lookups(integer, self.i.bits[integer])
                witness += [Column(limb, axes) for _, limb in self.limbs[integer]]
            boxes.append(Box(name, axes, lookups))
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
        self.certified(ch)
        if self.gone:
            self.forgotten_classes(ch)

    def certified(self, ch: Channel) -> None:
        for at, values in self.ended.get("rows", ()):
            self.score(ch, at["row"], values, at.get("output", []))
        ((at, of_features),) = self.ended["feature limbs"]
        ((there, of_constants),) = self.ended["constant limbs"]
        k = at["weight"]
        if self.several:
            self.of_outputs(ch, at, there["output"], of_features, of_constants)
        else:
            weights = self.all_of(ch, "weights", of_features, prefix(k, self.features))
            bias = self.all_of(ch, "bias", of_constants, ONE) if self.bias else {}
            self.norm(ch, bias, self.joined(of_constants[limb] for limb in self.limbs["slack"]))
            self.published(ch, k, weights, bias)
            self.live_gradient(ch, k, weights, bias)

    def of_outputs(self, ch: Channel, at: Mapping[str, Point], own: Point, of_features: Limbs, of_bias: Limbs) -> None:
        """The same of several, at the one where weights ended, and at that where biases did."""
        o, k = at["output"], at["weight"]
        real, there = self.real_output(o) * prefix(k, self.features), self.real_output(own)
        weights = self.all_of(ch, "weights", of_features, real)
        bias = self.all_of(ch, "bias", of_bias, there) if self.bias else {}
        self.norms(ch)
        self.rounding(ch, weights, real)
        model = self.evaluate(ch, COEFFICIENTS, {"output": o, "weight": k})
        ch.zero("model", lambda: (model - weights[" rounded"], []))
        if self.bias:
            self.rounding(ch, bias, there)
            intercept = self.evaluate(ch, INTERCEPT, {"output": own})
            ch.zero("intercept", lambda: (intercept - self.one * bias[" rounded"], []))
        self.gradient_of(ch, o, k, weights, bias)

    def norms(self, ch: Channel) -> None:
        axes = {"weights gradient": (self.output, self.weight), "bias gradient": (self.output,)}
        squares = {name: axes[name] for name in list(axes)[: 1 + self.bias]}
        totals = [ch.hidden(1)[0] for _ in [*squares, "slack"]]
        ch.zero("norm", lambda: (sum(totals, ZERO) - self.i.radius**2 * ch.one, []))
        for name, total in zip(squares, totals, strict=False):
            label = "norm" if name == "weights gradient" else "norm of intercepts"
            point, claim = rounds(ch, label, size_of(squares[name]), 3, total)
            at = split(squares[name], point)
            real = self.real_output(at["output"])
            if "weight" in at:
                real *= prefix(at["weight"], self.features)
            first, second = (self.value(ch, name, at, real) for _ in range(2))

            def ended(claim: K = claim, real: K = real, first: K = first, second: K = second) -> Constraint:
                return claim, [(-real, first, second)]

            ch.zero(label, ended)
        o, left = rounds(ch, "slack", self.output.bits, 2, totals[-1])
        slack = self.integer(ch, "slack", {"output": o})
        ch.zero("slack", lambda: (left - self.real_output(o) * slack, []))

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

    def score(self, ch: Channel, n: Point, values: Mapping[Address, K], o: Point) -> None:
        point, claim = rounds(ch, "step", len(o) + self.row.bits, 3, values[DM])
        other, at = point[: len(o)], point[len(o) :]
        step, middle = (self.evaluate(ch, of_rows(name), {"output": other, "row": at}) for name in ("step", "middle"))

        def stepped() -> Constraint:
            return claim, [(-prefix_eq(o, other, self.output.size) * prefix_eq(n, at, self.rows), step, middle)]

        ch.zero("step", stepped)
        score, there = values[Z], self.real_output(o)
        if self.bias:
            score -= self.one * prefix(n, self.rows) * self.unit * self.value(ch, "bias", {"output": o}, there)
        k, left = rounds(ch, "product", self.weight.bits, 3, score)
        x = self.evaluate(ch, FEATURES, {"row": n, "feature": k})
        at_weight = {"output": o, "weight": k}
        weight = self.unit * self.value(ch, "weights", at_weight, there * prefix(k, self.features))

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
        self.gradient_of(ch, [], k, weights, bias)

    def gradient_of(self, ch: Channel, o: Point, k: Point, weights: Mapping[str, K], bias: Mapping[str, K]) -> None:
        real = self.real_output(o)
        claim, gamma = self.of_loss(ch, weights, real * prefix(k, self.features)), ZERO
        if self.bias:
            (gamma,) = ch.point("gradient", 1)
            if o:  # the bias of that output
                bias = self.bias_of(ch, o, OF_WEIGHT[:3])
            claim += gamma * self.of_loss(ch, bias, real)
        n, claim = rounds(ch, "gradient", self.row.bits, 3, claim)
        place = {"output": o, "row": n}
        x = ch.hidden(1)[0] if self.i.unused else self.evaluate(ch, FEATURES, {"row": n, "feature": k})
        edge, risen = (self.evaluate(ch, of_rows(name), place) for name in ("edge", "risen"))
        y = self.evaluate(ch, LABELS, place)

        def counted() -> Constraint:
            own = x + gamma * self.one * prefix(n, self.rows) * ch.one
            return claim, [(-(2**self.i.e) * self.live(n), own, edge + risen - 2**self.i.p_bits * y)]

        ch.zero("gradient", counted)
        if self.i.unused:
            self.used_features(ch, x, k, n)

    def bias_of(self, ch: Channel, o: Point, parts: tuple[str, ...]) -> dict[str, K]:
        """What there is of the bias of another output."""
        found = {part: self.integer(ch, f"bias{part}", {"output": o}) for part in parts}
        for part in {*SIGNED} & found.keys():
            found[part] -= self.half(f"bias{part}") * self.real_output(o) * ch.one
        return found


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
