"""Linear regression in one pass: protocol.md, "One pass"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .channel import Channel, Constraint
from .field import ONE, ZERO, K, P, Point, bits_of, eq_at, eq_table, prefix, prefix_eq
from .formats import not_counted
from .gradient_descent import GradientDescent
from .one_pass_integers import OnePassIntegers, one_pass_integers
from .relations import (
    COEFFICIENTS,
    FEATURES,
    INTERCEPT,
    LABELS,
    RANGE,
    Address,
    Box,
    Relation,
    dataset_columns,
    multiplicities,
    rounds,
)
from .shapes import Axes, Axis, Column
from .standardization import StandardizedDescent

SCALED = ("virtual", "scaled features")


def half(bits: int) -> int:
    return 2**bits // 2


class OnePass(GradientDescent):
    name = "one pass"
    virtual = frozenset()

    # Columns and lookups ---------------------------------------------------------------------------------------------

    def __init__(self, statement: dict[str, Any]) -> None:
        dataset, spec = statement["dataset"], statement["spec"]
        self.forgotten = not_counted(statement)
        self.i: OnePassIntegers = one_pass_integers(spec, dataset, self.forgotten)
        self.s: Any = self.i  # what standardises asks for what it has under this name
        self.rows, self.features = dataset["rows"], len(dataset["encoding"]["features"])
        self.one, self.bias = 1 << spec["scales"]["x_bits"], spec["method"]["bias"]
        self.row, self.epoch = Axis("row", self.rows), Axis("epoch", self.i.epochs)
        self.output, self.gone = Axis("output", 1), []
        self.weight, self.other = Axis("weight", self.features), Axis("other", self.features)
        self.last_weight, self.last_offset = "model weights", half(self.i.bits["model weights"])
        self.limbs: dict[str, list[Address]] = {}
        boxes, witness = [], []
        for name, (axes, integers) in self.held().items():
            lookups = []
            for integer in integers:
                lookups += self.limb_lookups(integer, self.i.bits[integer])
                witness += [Column(limb, axes) for _, limb in self.limbs[integer]]
            boxes.append(Box(name, axes, lookups))
        more, last = self.more()
        Relation.__init__(self, boxes + more, [RANGE])
        model = [Column("weights", (self.output, self.weight))]
        if self.bias:
            model.append(Column("intercept", (self.output,)))
        witness += [multiplicities(RANGE, self.sections), *last]
        self.columns = {"dataset": dataset_columns(dataset), "model": model, "witness": witness}

    def held(self) -> dict[str, tuple[Axes, list[str]]]:
        """Boxes, and the integers in limbs of each."""
        of_features = ["sums", "sum remainder"] * self.bias + ["targets", "target remainder", "model weights"]
        of_features += ["model weight remainder", *(["penalties", "penalty remainder"] * (self.i.penalty_factor > 0))]
        found: dict[str, tuple[Axes, list[str]]] = {
            "weight limbs": ((self.epoch, self.weight), ["weights", "weight remainder"]),
            "product limbs": ((self.weight, self.other), ["products", "product remainder"]),
            "feature limbs": ((self.weight,), of_features),
        }
        if self.bias:
            found["bias limbs"] = ((self.epoch, self.output), ["biases", "bias remainder"])
            found["constant limbs"] = ((self.output,), ["last bias", "bias target", "bias target remainder"])
        return found

    # Integers

    def value(self, ch: Channel, name: str, at: Mapping[str, Point], real: K) -> K:
        """P -> V: a signed integer."""
        return self.integer(ch, name, at) - half(self.i.bits[name]) * real * ch.one

    def unscaled(self, ch: Channel, name: str, rest: str, at: Mapping[str, Point], real: K) -> K:
        """2^bits of it, what rounding left, and half less."""
        bits = self.i.bits[rest]
        value = self.value(ch, name, at, real) * 2**bits
        return value + self.integer(ch, rest, at) - half(bits) * real * ch.one

    def ended_value(self, ch: Channel, box: str, name: str, real: K) -> K:
        ((_, values),) = self.ended[box]
        limbs = self.joined(values[limb] for limb in self.limbs[name])
        return limbs - half(self.i.bits[name]) * real * ch.one

    def real(self, k: Point) -> K:
        return prefix(k, self.features)

    def live(self, row: Point) -> K:
        return prefix(row, self.rows) - sum((eq_at(row, n) for n in self.forgotten), ZERO)

    # The walk --------------------------------------------------------------------------------------------------------

    def identities(self, ch: Channel) -> None:
        self.sums(ch)
        t = ch.point("update", self.epoch.bits)
        k = ch.point("update", self.weight.bits)
        s = ch.point("update", 1)[0] if self.bias else ZERO
        start = {"epoch": bits_of(0, len(t))}
        first = (ONE - s) * self.value(ch, "weights", start | {"weight": k}, self.real(k))
        if self.bias:
            first += s * self.value(ch, "biases", start | {"output": []}, ONE)
        ch.zero("initial weights", lambda: (first, []))
        bias = self.last(ch)
        self.parts_of(ch, self.change(ch, t, k, s, bias), t, k, s)

    def four(self, ch: Channel, k: Point, j: Point) -> list[K]:
        found = [
            self.unscaled(ch, "products", "product remainder", {"weight": k, "other": j}, self.real(k) * self.real(j)),
            self.unscaled(ch, "targets", "target remainder", {"weight": k}, self.real(k)),
        ]
        if self.bias:
            found.append(self.unscaled(ch, "sums", "sum remainder", {"weight": j}, self.real(j)))
            found.append(self.unscaled(ch, "bias target", "bias target remainder", {"output": []}, ONE))
        return found

    def sums(self, ch: Channel) -> None:
        k, j = (ch.point("features", self.weight.bits) for _ in range(2))
        found = self.four(ch, k, j)
        gamma, *more = ch.point("moments of products", 1 + self.bias)
        delta = more[0] if more else ZERO
        claim = found[0] + gamma * found[1]
        if self.bias:
            claim += delta * found[2] + gamma * delta * found[3]
        row, claim = rounds(ch, "moments of products", self.row.bits, 3, claim)
        places = {"row": row}
        first, second = (
            ch.hidden(1)[0] if self.i.unused else self.evaluate(ch, FEATURES, {**places, "feature": at})
            for at in (k, j)
        )
        label = self.evaluate(ch, LABELS, {"output": [], "row": row})
        self.over_live_rows(ch, claim, row, first, second, label, gamma, delta * self.one)
        if self.i.unused:
            (tau,) = ch.point("used features", 1)
            at, claim = rounds(ch, "used features", self.weight.bits, 2, first + tau * second)
            x = self.evaluate(ch, FEATURES, {**places, "feature": at})
            ch.zero("used features", lambda: (claim - (self.used(k, at) + tau * self.used(j, at)) * x, []))

    def over_live_rows(
        self, ch: Channel, claim: K, row: Point, first: K, second: K, label: K, gamma: K, constant: K
    ) -> None:
        def counted() -> Constraint:
            own = first + constant * prefix(row, self.rows) * ch.one
            return claim, [(-self.i.factor * self.live(row), own, second + gamma * 2**self.i.target_raise * label)]

        ch.zero("moments of products", counted)

    def last(self, ch: Channel) -> K:
        """The model; returns the last bias."""
        ((at, _),) = self.ended["feature limbs"]
        model = self.evaluate(ch, COEFFICIENTS, {"output": [], **at})
        rounded = self.ended_value(ch, "feature limbs", "model weights", self.real(at["weight"]))
        ch.zero("model", lambda: (model - rounded, []))
        if not self.bias:
            return ZERO
        bias = self.ended_value(ch, "constant limbs", "last bias", ONE)
        intercept = self.evaluate(ch, INTERCEPT, {"output": []})
        ch.zero("intercept", lambda: (intercept - bias * self.shift_of_bias, []))
        return bias

    @property
    def shift_of_bias(self) -> int:
        return self.one >> self.i.fine_bits

    def change(self, ch: Channel, t: Point, k: Point, s: K, bias: K) -> K:
        """The sum `change`; returns G."""
        i, real = self.i, self.real(k)
        last = (ONE - s) * self.unscaled(ch, "model weights", "model weight remainder", {"weight": k}, real)
        rest = (ONE - s) * self.integer(ch, "weight remainder", {"epoch": t, "weight": k})
        if self.bias:
            last += s * bias
            rest += s * self.integer(ch, "bias remainder", {"epoch": t, "output": []})
        (change,) = ch.hidden(1)
        at, claim = rounds(ch, "update", self.epoch.bits, 2, change)
        there = prefix(at, i.epochs)
        own = (ONE - s) * self.value(ch, "weights", {"epoch": at, "weight": k}, there * real)
        if self.bias:
            own += s * self.value(ch, "biases", {"epoch": at, "output": []}, there)

        def moved() -> Constraint:
            here, eq_t, weight = eq_table(at), eq_table(t), ZERO
            for step in range(i.epochs):
                factor = eq_t[step] * (2**i.shift + i.m_epoch[step])
                if step:
                    factor -= eq_t[step - 1] * 2**i.shift
                if step + 1 < i.epochs:
                    factor -= eq_t[step + 1] * i.m_epoch[step + 1]
                weight += factor * here[step]
            return claim - weight * own, []

        ch.zero("update", moved)
        trained = (ONE - s) * real + s
        left = half(i.shift) * prefix(t, i.epochs) * trained * ch.one
        return change - 2**i.shift * eq_at(t, i.epochs - 1) * last - left + rest

    def rate(self, t: Point, at: Point | None = None) -> K:
        """The sum of eq(t, t') c_t', times eq(at, t') if that is given."""
        others = [ONE] * self.i.epochs if at is None else eq_table(at)
        return sum((e * c * o for e, c, o in zip(eq_table(t), self.i.c_epoch, others, strict=False)), ZERO)

    def weighted(self, ch: Channel, t: Point, at: Point) -> K:
        """P -> V: W' at a feature."""
        limbs = self.joined(ch.hidden(len(self.limbs["weights"])))
        return limbs - half(self.i.weight_bits) * self.rate(t) * self.real(at) * ch.one

    def parts_of(self, ch: Channel, gradient: K, t: Point, k: Point, s: K) -> None:
        i = self.i
        (p,) = ch.hidden(1)
        targets = (ONE - s) * self.value(ch, "targets", {"weight": k}, self.real(k))
        means = biases = ZERO
        if self.bias:
            targets += s * self.value(ch, "bias target", {"output": []}, ONE)
            means = self.value(ch, "sums", {"weight": k}, self.real(k))
            (biases,) = ch.hidden(1)
        z, others = self.penalties_of(ch, t, k, s)

        def made() -> Constraint:
            products = [(-ONE, biases, (ONE - s) * means + s * i.corner * ch.one)] if self.bias else []
            return gradient - p - z + self.rate(t) * targets, products

        ch.zero("parts", made)
        at, claim = rounds(ch, "products", self.weight.bits, 3, p)
        first = (ONE - s) * self.integer(ch, "products", {"weight": k, "other": at})
        if self.bias:
            first += s * self.integer(ch, "sums", {"weight": at})
        own = self.weighted(ch, t, at)

        def product() -> Constraint:
            there = -half(28) * ((ONE - s) * self.real(k) + s) * self.real(at)
            there += (ONE - s) * self.public_penalty * prefix_eq(k, at, self.features)
            return claim, [(-self.real(at), first + there * ch.one, own)]

        ch.zero("products", product)
        self.all_steps(ch, t, [(at, own), *others], biases)

    @property
    def public_penalty(self) -> int:
        return self.i.penalty

    def penalties_of(self, ch: Channel, t: Point, k: Point, s: K) -> tuple[K, list[tuple[Point, K]]]:
        return ZERO, []

    def all_steps(self, ch: Channel, t: Point, known: list[tuple[Point, K]], biases: K) -> None:
        shares = [ONE, *ch.point("iterations", len(known) - 1 + self.bias)]
        claim = sum((share * value for share, (_, value) in zip(shares, known, strict=False)), ZERO)
        at, claim = rounds(ch, "iterations", self.epoch.bits, 2, claim + (shares[-1] * biases if self.bias else ZERO))
        there, own = prefix(at, self.i.epochs), ZERO
        for share, (feature, _) in zip(shares, known, strict=False):
            place = {"epoch": at, "weight": feature}
            own += share * self.value(ch, "weights", place, there * self.real(feature))
        if self.bias:
            own += shares[-1] * self.value(ch, "biases", {"epoch": at, "output": []}, there)
        ch.zero("iterations", lambda: (claim - self.rate(t, at) * own, []))


class StandardizedOnePass(OnePass, StandardizedDescent):
    name = "standardized one pass"
    virtual = frozenset({SCALED})
    more = StandardizedDescent.more

    def identities(self, ch: Channel) -> None:
        self.standardize(ch)
        OnePass.identities(self, ch)

    def means_at(self, ch: Channel, at: Point) -> tuple[K, K]:
        """P -> V: m and B'."""
        own = self.scaler
        offset = self.evaluate(ch, ("witness", "offset"), {"weight": at})
        rest = self.integer(ch, "mean fraction remainder", {"weight": at})
        return offset, rest - own.count // 2 * self.real(at) * ch.one

    def sums(self, ch: Channel) -> None:
        i, n = self.i, self.i.count
        k, j = (ch.point("features", self.weight.bits) for _ in range(2))
        products, targets, means, of_bias = self.four(ch, k, j)
        (m_k, b_k), (m_j, b_j) = (self.means_at(ch, at) for at in (k, j))
        ch.zero("means of products", lambda: (means - i.factor * self.one * b_j, []))
        labels = of_bias * pow(self.one, -1, P)
        gamma, delta = ch.point("moments of products", 2)
        (total,) = ch.hidden(1)

        def centred() -> Constraint:
            linear = products + gamma * targets + delta * i.factor * (b_j + n * m_j) + gamma * delta * labels - total
            rho = K(i.factor)
            return linear, [(rho * n, m_k, m_j), (rho, m_k, b_j), (rho, m_j, b_k), (gamma, m_k, labels)]

        ch.zero("centred sums", centred)
        row, claim = rounds(ch, "moments of products", self.row.bits, 3, total)
        first, second = (self.evaluate(ch, SCALED, {"row": row, "weight": at}) for at in (k, j))
        label = self.evaluate(ch, LABELS, {"output": [], "row": row})
        self.over_live_rows(ch, claim, row, first, second, label, gamma, delta)

        (tau,) = ch.point("scaled features", 1)
        at, scaled = rounds(ch, "scaled features", self.weight.bits, 3, first + tau * second)
        power = self.evaluate(ch, ("witness", "power"), {"weight": at})
        feature = self.evaluate(ch, FEATURES, {"feature": at, "row": row})

        def features() -> Constraint:
            weight = self.used(k, at) + tau * self.used(j, at)
            return scaled, [(-weight, power, feature)]

        ch.zero("scaled features", features)
        if i.penalty_factor:
            self.diagonal(ch)

    def diagonal(self, ch: Channel) -> None:
        i, bits = self.i, self.weight.bits
        k = ch.point("diagonal", bits)
        value = self.integer(ch, "penalties", {"weight": k}) * 2**i.penalty_shift
        value += self.integer(ch, "penalty remainder", {"weight": k})
        value -= half(i.penalty_shift) * self.real(k) * ch.one
        at, claim = rounds(ch, "diagonal", 2 * bits, 2, value)
        k2, j2 = at[:bits], at[bits:]
        product = self.value(ch, "products", {"weight": k2, "other": j2}, self.real(k2) * self.real(j2))

        def on_it() -> Constraint:
            three = zip(eq_table(k), eq_table(k2), eq_table(j2), strict=True)
            weight = sum((a * b * c for a, b, c in list(three)[: self.features]), ZERO)
            return claim - weight * i.penalty_factor * product, []

        ch.zero("diagonal", on_it)

    def last(self, ch: Channel) -> K:
        (means,) = ch.hidden(1)
        bias = self.ended_value(ch, "constant limbs", "last bias", ONE)
        intercept = self.evaluate(ch, INTERCEPT, {"output": []})
        ch.zero("intercept", lambda: (intercept - bias * self.shift_of_bias + means, []))
        at, claim = rounds(ch, "intercept", self.weight.bits, 3, means)
        offset = self.evaluate(ch, ("witness", "offset"), {"weight": at})
        own = self.value(ch, "model weights", {"weight": at}, self.real(at))
        ch.zero("intercept", lambda: (claim, [(-self.real(at), offset, own)]))
        return bias

    @property
    def public_penalty(self) -> int:
        return 0

    def penalties_of(self, ch: Channel, t: Point, k: Point, s: K) -> tuple[K, list[tuple[Point, K]]]:
        if not self.i.penalty_factor:
            return ZERO, []
        (z,) = ch.hidden(1)
        at, claim = rounds(ch, "penalties", self.weight.bits, 3, z)
        penalty = self.integer(ch, "penalties", {"weight": at})
        own = self.weighted(ch, t, at)
        ch.zero("penalties", lambda: (claim, [(-prefix_eq(k, at, self.features), penalty, own)]))
        return (ONE - s) * z, [(at, own)]
