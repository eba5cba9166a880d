"""Training on standardised features: protocol.md, "Standardised training"."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .arithmetic import HALF
from .channel import Channel, Constraint
from .field import ONE, ZERO, K, Point, eq, eq_at, eq_table, prefix, prefix_eq
from .gradient_descent import GradientDescent, Place
from .relations import (
    COEFFICIENTS,
    FEATURES,
    INTERCEPT,
    RANGE,
    Box,
    Lookup,
    rounds,
    three_factors,
)
from .shapes import Axis, Column

SIGNED = ("mean", "mean fraction")
FIELDS = ("power", "power squared", "spread", "variance", "offset", "scaled rate", "centred rate")
GRADIENTS, RESIDUALS = ("virtual", "gradients"), ("virtual", "residuals")


class StandardizedDescent(GradientDescent):
    name = "standardized gradient descent"
    last_weight = "last weight"  # what is 2^-e of the model's
    virtual = GradientDescent.virtual | {GRADIENTS, RESIDUALS}

    # Columns and lookups ---------------------------------------------------------------------------------------------

    def more(self) -> tuple[list[Box], list[Column]]:
        """What standardises."""
        own = self.s.standardization
        assert own is not None
        self.scaler, self.exponent = own, Axis("exponent", own.cap + 1)
        self.last_offset = getattr(self, "last_offset", None) or self.offset
        lookups = [Lookup(RANGE, [([(1, ("witness", name))], HALF)]) for name in SIGNED]
        columns = [Column(name, (self.weight,)) for name in SIGNED]
        for name, bits in own.bits.items():
            lookups += self.limb_lookups(name, bits)
            columns += [Column(limb, (self.weight,)) for _, limb in self.limbs[name]]
        columns.append(Column("exponent", (self.exponent, self.weight)))
        columns += [Column(name, (self.weight,)) for name in FIELDS]
        return [Box("scaler", (self.weight,), lookups)], columns

    # The walk --------------------------------------------------------------------------------------------------------

    def identities(self, ch: Channel) -> None:
        self.standardize(ch)
        super().identities(ch)

    def standardize(self, ch: Channel) -> None:
        ((at, values),) = self.ended["scaler"]
        k, o = at["weight"], ch.point("powers", self.output.bits)
        found = {name: values["witness", name] for name in SIGNED}
        found |= {name: self.joined(values[limb] for limb in self.limbs[name]) for name in self.scaler.bits}
        found |= {name: self.evaluate(ch, ("witness", name), {"weight": k}) for name in FIELDS}
        found["weights"] = self.evaluate(ch, COEFFICIENTS, {"output": o, "weight": k})
        real = prefix(k, self.features) * ch.one
        self.remainders(ch, found, real)
        self.exponents(ch, k, found, real)
        self.moments(ch, k, found, real)
        self.variances(ch, k, found, real)
        self.products(ch, k, o, found, real)

    def remainders(self, ch: Channel, at: Mapping[str, K], real: K) -> None:
        own = self.scaler
        for name in ("mean remainder", "mean fraction remainder"):
            both = at[name] + at[f"{name} complement"]
            ch.zero("remainders", lambda both=both: (both - (own.count - 1) * real, []))
        both = at["rate remainder"] + at["rate remainder complement"]
        divisor = 2 * at["variance"] + (2 * own.floor - 1) * real
        ch.zero("remainders", lambda: (both - divisor, []))

    def exponents(self, ch: Channel, k: Point, at: Mapping[str, K], real: K) -> None:
        own = self.scaler
        shares = [ONE, *ch.point("exponents", 4)]
        whole = range(own.cap + 1)
        sides = [real, at["power"], at["power squared"]]
        sides += [at["spread from above"] + at["spread"], at["spread"] - at["spread from below"]]
        claim = sum((share * side for share, side in zip(shares, sides, strict=True)), ZERO)
        point, claim = rounds(ch, "exponents", self.exponent.bits, 2, claim)
        h = self.evaluate(ch, ("witness", "exponent"), {"exponent": point, "weight": k})

        def chosen() -> Constraint:
            factors = zip(eq_table(point), whole, own.upper, own.lower, strict=False)
            weight = ZERO
            for e, j, above, below in factors:
                integers = zip(shares, (1, 2**j, 4**j, above, below), strict=True)
                weight += e * sum((share * integer for share, integer in integers), ZERO)
            return claim - weight * h, []

        ch.zero("exponents", chosen)

        j = ch.point("exponents are one", self.exponent.bits)
        bits = self.exponent.bits + self.weight.bits
        point, zero = rounds(ch, "exponents are one", bits, 3, ZERO)
        j2, k2 = point[: self.exponent.bits], point[self.exponent.bits :]
        first, second = (self.evaluate(ch, ("witness", "exponent"), {"exponent": j2, "weight": k2}) for _ in range(2))

        def zero_or_one() -> Constraint:
            weight = prefix_eq(j, j2, len(whole)) * prefix_eq(k, k2, self.features)
            there = prefix(j2, len(whole)) * prefix(k2, self.features) * ch.one
            return zero, [(-weight, first, second - there)]

        ch.zero("exponents are one", zero_or_one)

    def moments(self, ch: Channel, k: Point, at: Mapping[str, K], real: K) -> None:
        own = self.scaler
        n, f = own.count, own.count // 2
        (squared_mean,) = ch.hidden(1)
        (beta,) = ch.point("moments", 1)
        total = n * at["mean"] + at["mean remainder"] - f * real
        claim = at["spread"] + squared_mean + beta * total
        point, claim = rounds(ch, "moments", self.weight.bits + self.row.bits, 3, claim)
        k2, row = point[: self.weight.bits], point[self.weight.bits :]
        first, second = (self.evaluate(ch, FEATURES, {"feature": k2, "row": row}) for _ in range(2))

        def counted() -> Constraint:
            there = prefix(k2, self.features) * prefix(row, self.rows) * ch.one
            return claim, [(-self.live(row) * self.used(k, k2), first, second + beta * there)]

        ch.zero("moments", counted)
        self.product_of(ch, "means", k, ["mean"], {"mean": K(n), "mean remainder": K(2)}, K(-2 * f), squared_mean)

    def variances(self, ch: Channel, k: Point, at: Mapping[str, K], real: K) -> None:
        own = self.scaler
        n, f = own.count, own.count // 2
        (whole,) = ch.hidden(1)
        self.product_of(ch, "variances", k, ["power squared"], {"spread": ONE}, ZERO, whole)
        terms = {"mean fraction": K(n), "mean fraction remainder": K(2)}
        self.product_of(ch, "variances", k, ["mean fraction"], terms, K(-2 * f), whole - at["variance"])

    def products(self, ch: Channel, k: Point, o: Point, at: Mapping[str, K], real: K) -> None:
        own = self.scaler
        n, f, floor, amplitude = own.count, own.count // 2, own.floor, own.amplitude
        a, b, c, d = ch.point("products", 4)
        claim = n * at["mean fraction"] + at["mean fraction remainder"] - f * real
        claim += a * (at["offset"] - at["mean fraction"]) + b * at["scaled rate"] + c * at["weights"]
        terms = {"mean remainder": ONE, "mean": a, "rate": b, self.last_weight: c}
        constant = K(-f) - c * self.last_offset * self.real_output(o)
        self.product_of(ch, "powers", k, ["power"], terms, constant, claim, o)

        used = real - sum((eq_at(k, i) for i in self.s.unused), ZERO) * ch.one
        claim = at["variance"] + 2 * amplitude * used + floor * real - at["rate remainder"] - 2 * floor * at["rate"]
        claim += d * at["centred rate"]
        self.product_of(ch, "rates", k, ["rate"], {"variance": K(2), "offset": d}, ZERO, claim)

    def product_of(
        self,
        ch: Channel,
        name: str,
        k: Point,
        first: list[str],
        second: Mapping[str, K],
        constant: K,
        claim: K,
        output: Point | None = None,
    ) -> None:
        """The sum over real k' of eq(k, k') first(k') (second(k') + constant) is the claim."""
        at, claim = rounds(ch, name, self.weight.bits, 3, claim)
        left = sum((self.whole(ch, column, at, output) for column in first), ZERO)
        right = sum((share * self.whole(ch, column, at, output) for column, share in second.items()), ZERO)

        def product() -> Constraint:
            added = constant * prefix(at, self.features) * ch.one
            return claim, [(-prefix_eq(k, at, self.features), left, right + added)]

        ch.zero(name, product)

    def whole(self, ch: Channel, name: str, at: Point, output: Point | None) -> K:
        """P -> V: a column, or the limbs of an integer; of the last weights those of one output."""
        if name == "last weight" and output is not None:
            return self.integer(ch, name, {"output": output, "weight": at})
        if name in self.limbs:
            return self.integer(ch, name, {"weight": at})
        return self.evaluate(ch, ("witness", name), {"weight": at})

    # What is different in gradient descent ---------------------------------------------------------------------------

    def product(self, ch: Channel, at: Mapping[str, Point], z: K) -> None:
        block_bits = self.block.bits
        block_star, inside = at["row"][:block_bits], at["row"][block_bits:]
        rows = self.rows - (self.s.blocks - 1) * self.s.block_size  # of the last block
        (means,) = ch.hidden(1)
        point, claim = rounds(ch, "means of scores", block_bits + self.weight.bits, 3, means)
        block, weight = point[:block_bits], point[block_bits:]
        offset = self.evaluate(ch, ("witness", "offset"), {"weight": weight})
        w = self.weights_at(ch, at, block, weight)

        def centred(
            claim: K = claim, block: Point = block, weight: Point = weight, w: Callable[[], K] = w
        ) -> Constraint:
            last = eq_at(block_star, self.s.blocks - 1) * eq_at(block, self.s.blocks - 1)
            existing = prefix_eq(block_star, block, self.s.blocks) - last * (1 - prefix(inside, rows))
            return claim, [(-existing * prefix(weight, self.features), offset, w())]

        ch.zero("means of scores", centred)
        z = z - self.bias_of_score(ch, at, block_star, inside) + means
        point, claim = rounds(ch, "product", block_bits + self.weight.bits, 4, z)
        block, weight = point[:block_bits], point[block_bits:]
        power = self.evaluate(ch, ("witness", "power"), {"weight": weight})
        x = self.evaluate(ch, FEATURES, {"row": block + inside, "feature": weight})
        w = self.weights_at(ch, at, block, weight)
        three_factors(
            ch,
            "product",
            claim,
            lambda: (eq(block_star, block) * prefix(weight, self.features), power, x, w()),
        )

    def model(self, ch: Channel, own: dict[str, Point], k: Point) -> list[K]:
        (means,), o = ch.hidden(1), own["output"]
        there = self.real_output(o)
        bias = self.last_bias(ch, own)
        intercept = self.evaluate(ch, INTERCEPT, own)
        ch.zero("intercept", lambda: (intercept - self.one * bias + means, []))
        at, claim = rounds(ch, "intercept", self.weight.bits, 3, means)
        offset = self.evaluate(ch, ("witness", "offset"), {"weight": at})
        limbs = self.integer(ch, "last weight", {"output": o, "weight": at})

        def centred() -> Constraint:
            real = prefix(at, self.features)
            return claim, [(-real, offset, self.signed(ch, limbs, real * there))]

        ch.zero("intercept", centred)
        last = self.integer(ch, "last weight", {"output": o, "weight": k})
        return [self.signed(ch, last, prefix(k, self.features) * there), bias]

    def gradient(self, ch: Channel, gradient: K, t: Place, k: Point, of_bias: K) -> None:
        residuals, scaled = (ch.hidden(1)[0] for _ in range(2))
        centred = self.evaluate(ch, ("witness", "centred rate"), {"weight": k})
        of_residuals = of_bias * self.scaler.bias_rate * self.one
        linear = gradient - (ONE - of_bias) * scaled - of_residuals * residuals
        ch.zero("parts", lambda: (linear, [(ONE - of_bias, centred, residuals)]))
        at, claim = rounds(ch, "scaled gradient", self.weight.bits, 3, scaled)
        rate = self.evaluate(ch, ("witness", "scaled rate"), {"weight": at})
        (own,) = ch.hidden(1)
        ch.zero("scaled gradient", lambda: (claim, [(-prefix_eq(k, at, self.features), rate, own)]))
        (tau,) = ch.point("parts", 1)
        self.over_rows(ch, own + tau * residuals, t, at, ONE, tau)
