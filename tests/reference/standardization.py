"""Training on standardised features: protocol.md, "Standardised training".

What is written here for features alone is so for those of each shard, too ("Standardised stages"): there are more axes
then, and more scalers than one. Points of axes that are not there have no coordinates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .arithmetic import HALF, Standardization
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
from .shapes import Axes, Axis, Column, size_of, split

SIGNED = ("mean", "mean fraction")
FIELDS = ("power", "power squared", "spread", "variance", "offset", "scaled rate", "centred rate")
GRADIENTS, RESIDUALS = ("virtual", "gradients"), ("virtual", "residuals")
Where = dict[str, Point]  # axis by axis
Integer = Callable[[Standardization], int]


def half(own: Standardization) -> int:
    """f."""
    return own.count // 2


class StandardizedDescent(GradientDescent):
    name = "standardized gradient descent"
    last_weight = "last weight"  # what is 2^-e of the model's
    virtual = GradientDescent.virtual | {GRADIENTS, RESIDUALS}
    fields: tuple[str, ...] = FIELDS

    # Columns and lookups ---------------------------------------------------------------------------------------------

    def more(self) -> tuple[list[Box], list[Column]]:
        """What standardises."""
        own, axes = self.s.standardization, self.scaled
        assert own is not None
        self.scaler, self.exponent = own, Axis("exponent", own.cap + 1)
        self.last_offset = getattr(self, "last_offset", None) or self.offset
        lookups = [Lookup(RANGE, [([(1, ("witness", name))], HALF)]) for name in SIGNED]
        columns = [Column(name, axes) for name in SIGNED]
        for name, bits in self.integers.items():
            lookups += self.limb_lookups(name, bits)
            columns += [Column(limb, axes) for _, limb in self.limbs[name]]
        columns.append(Column("exponent", (self.exponent, *axes)))
        columns += [Column(name, axes) for name in self.fields]
        return [Box("scaler", axes, lookups)], columns

    @property
    def scaled(self) -> Axes:
        """What is standardised: each feature."""
        return (self.weight,)

    @property
    def scalers(self) -> list[Standardization]:
        """Shard by shard; if there are none, of all rows."""
        return [self.scaler]

    @property
    def integers(self) -> dict[str, int]:
        """What is in limbs, and its bits."""
        assert self.s.standardization is not None
        return self.s.standardization.bits

    # Public integers, and where they are ------------------------------------------------------------------------------

    def public(self, integer: Integer, at: Mapping[str, Point]) -> K:
        """The extension of an integer of a scaler on all that is real."""
        return self.of_shard(integer, at) * prefix(at["weight"], self.features)

    def of_shard(self, integer: Integer, at: Mapping[str, Point]) -> K:
        """The same whatever the feature."""
        of_shards = zip(eq_table(at.get("block", [])), self.scalers, strict=False)
        return sum((e * integer(own) for e, own in of_shards), ZERO)

    def existing(self, at: Mapping[str, Point]) -> K:
        return self.public(lambda _: 1, at)

    def on(self, at: Mapping[str, Point], there: Mapping[str, Point]) -> K:
        """eq(at, there), summed over all that is real."""
        shards = prefix_eq(at.get("block", []), there.get("block", []), len(self.scalers))
        return shards * prefix_eq(at["weight"], there["weight"], self.features)

    def counted(self, name: str) -> tuple[str, K]:
        """n times a column, as a share of another."""
        return name, K(self.scaler.count)

    # The walk --------------------------------------------------------------------------------------------------------

    def identities(self, ch: Channel) -> None:
        self.standardize(ch)
        super().identities(ch)

    def standardize(self, ch: Channel) -> None:
        ((ended, values),) = self.ended["scaler"]
        at, o = dict(ended), ch.point("powers", self.output.bits)
        found = {name: values["witness", name] for name in SIGNED}
        found |= {name: self.joined(values[limb] for limb in self.limbs[name]) for name in self.integers}
        found |= {name: self.evaluate(ch, ("witness", name), at) for name in self.fields}
        found["weights"] = self.evaluate(ch, COEFFICIENTS, {"output": o} | at)
        self.remainders(ch, at, found)
        self.exponents(ch, at, found)
        self.moments(ch, at, found)
        self.variances(ch, at, found)
        self.products(ch, at, o, found)

    def remainders(self, ch: Channel, at: Where, found: Mapping[str, K]) -> None:
        for name in ("mean remainder", "mean fraction remainder"):
            both = found[name] + found[f"{name} complement"]
            most = self.public(lambda own: own.count - 1, at) * ch.one
            ch.zero("remainders", lambda both=both, most=most: (both - most, []))
        both = found["rate remainder"] + found["rate remainder complement"]
        divisor = 2 * found["variance"] + self.public(lambda own: 2 * own.floor - 1, at) * ch.one
        ch.zero("remainders", lambda: (both - divisor, []))

    def exponents(self, ch: Channel, at: Where, found: Mapping[str, K]) -> None:
        shares, b, k = [ONE, *ch.point("exponents", 4)], at.get("block", []), at["weight"]
        size, *shards = self.exponent.size, *self.scaled[:-1]
        sides = [self.existing(at) * ch.one, found["power"], found["power squared"]]
        sides += [found["spread from above"] + found["spread"], found["spread"] - found["spread from below"]]
        claim = sum((share * side for share, side in zip(shares, sides, strict=True)), ZERO)
        point, claim = rounds(ch, "exponents", self.exponent.bits + size_of(tuple(shards)), 2, claim)
        there = split((self.exponent, *shards), point)
        h = self.evaluate(ch, ("witness", "exponent"), there | {"weight": k})

        def chosen() -> Constraint:
            of_shards = zip(eq_table(b), eq_table(there.get("block", [])), self.scalers, strict=False)
            weight = ZERO
            for eq_b, eq_b2, own in of_shards:
                factors = zip(eq_table(there["exponent"]), range(size), own.upper, own.lower, strict=False)
                for e, j, above, below in factors:
                    integers = zip(shares, (1, 2**j, 4**j, above, below), strict=True)
                    weight += eq_b * eq_b2 * e * sum((share * integer for share, integer in integers), ZERO)
            return claim - weight * h, []

        ch.zero("exponents", chosen)

        j = ch.point("exponents are one", self.exponent.bits)
        axes = (self.exponent, *self.scaled)
        point, zero = rounds(ch, "exponents are one", size_of(axes), 3, ZERO)
        each = split(axes, point)
        first, second = (self.evaluate(ch, ("witness", "exponent"), each) for _ in range(2))

        def zero_or_one() -> Constraint:
            weight = prefix_eq(j, each["exponent"], size) * self.on(at, each)
            one = prefix(each["exponent"], size) * self.existing(each) * ch.one
            return zero, [(-weight, first, second - one)]

        ch.zero("exponents are one", zero_or_one)

    def moments(self, ch: Channel, at: Where, found: Mapping[str, K]) -> None:
        (squared_mean,) = ch.hidden(1)
        (beta,) = ch.point("moments", 1)
        column, n = self.counted("mean")
        total = n * found[column] + self.middle(ch, "mean remainder", at, found)
        claim = found["spread"] + squared_mean + beta * total
        point, claim = rounds(ch, "moments", self.weight.bits + self.row.bits, 3, claim)
        k2, row = point[: self.weight.bits], point[self.weight.bits :]
        first, second = (self.evaluate(ch, FEATURES, {"feature": k2, "row": row}) for _ in range(2))

        def counted() -> Constraint:
            there = prefix(k2, self.features) * prefix(row, self.rows) * ch.one
            weight = self.rows_of(at, row) * self.used(at["weight"], k2)
            return claim, [(-weight, first, second + beta * there)]

        ch.zero("moments", counted)
        terms = {column: n, "mean remainder": K(2)}
        self.product_of(ch, "means", at, "mean", terms, squared_mean, lambda own: -2 * half(own))

    def rows_of(self, at: Mapping[str, Point], row: Point) -> K:
        """S, of the rows by which is standardised."""
        return self.live(row)

    def middle(self, ch: Channel, name: str, at: Where, found: Mapping[str, K]) -> K:
        """B of rho, or B' of rho'."""
        return found[name] - self.public(half, at) * ch.one

    def variances(self, ch: Channel, at: Where, found: Mapping[str, K]) -> None:
        (whole,) = ch.hidden(1)
        self.product_of(ch, "variances", at, "power squared", {"spread": ONE}, whole)
        column, n = self.counted("mean fraction")
        terms, rest = {column: n, "mean fraction remainder": K(2)}, whole - found["variance"]
        self.product_of(ch, "variances", at, "mean fraction", terms, rest, lambda own: -2 * half(own))

    def products(self, ch: Channel, at: Where, o: Point, found: Mapping[str, K]) -> None:
        per_row = self.scaler.floor // self.scaler.count
        a, b, c, d = ch.point("products", 4)
        column, n = self.counted("mean fraction")
        claim = n * found[column] + self.middle(ch, "mean fraction remainder", at, found)
        claim += a * (found["offset"] - found["mean fraction"]) + b * found["scaled rate"] + c * found["weights"]
        terms = {"mean remainder": ONE, "mean": a, "rate": b, self.last_weight: c}
        offset = -c * self.last_offset * self.real_output(o)
        self.product_of(ch, "powers", at, "power", terms, claim, lambda own: -half(own), offset, o)

        used = prefix(at["weight"], self.features) - sum((eq_at(at["weight"], i) for i in self.s.unused), ZERO)
        amplitude = self.of_shard(lambda own: own.amplitude, at) * used * ch.one
        column, n = self.counted("rate")
        claim = found["variance"] + 2 * amplitude + self.public(lambda own: own.floor, at) * ch.one
        claim += d * found["centred rate"] - found["rate remainder"] - 2 * per_row * n * found[column]
        self.product_of(ch, "rates", at, "rate", {"variance": K(2), "offset": d}, claim)

    def product_of(
        self,
        ch: Channel,
        name: str,
        at: Where,
        first: str,
        second: Mapping[str, K],
        claim: K,
        constant: Integer = lambda _: 0,
        offset: K = ZERO,
        output: Point | None = None,
    ) -> None:
        """The sum over all that is real of eq(at, there) first(there) (second(there) + constant + offset) is the claim.

        The constant is an integer of the scaler.
        """
        point, claim = rounds(ch, name, size_of(self.scaled), 3, claim)
        there = split(self.scaled, point)
        left = self.whole(ch, first, there, output)
        right = sum((share * self.whole(ch, column, there, output) for column, share in second.items()), ZERO)

        def product() -> Constraint:
            added = (self.public(constant, there) + offset * self.existing(there)) * ch.one
            return claim, [(-self.on(at, there), left, right + added)]

        ch.zero(name, product)

    def whole(self, ch: Channel, name: str, at: Where, output: Point | None) -> K:
        """P -> V: a column, or the limbs of an integer; of the last weights those of one output."""
        if name in self.limbs:
            return self.integer(ch, name, at if output is None else {"output": output} | at)
        return self.evaluate(ch, ("witness", name), at)

    # What is different in gradient descent ---------------------------------------------------------------------------

    def product(self, ch: Channel, at: Mapping[str, Point], z: K) -> None:
        block_bits, of_shard = size_of(self.in_epoch), self.block.bits
        block_star, inside = at["row"][:block_bits], at["row"][block_bits:]
        rows = self.rows - (self.s.blocks - 1) * self.s.block_size  # of the last block
        (means,) = ch.hidden(1)
        point, claim = rounds(ch, "means of scores", block_bits + self.weight.bits, 3, means)
        block, weight = point[:block_bits], point[block_bits:]
        offset = self.evaluate(ch, ("witness", "offset"), {"block": block[:of_shard], "weight": weight})
        w = self.weights_at(ch, at, block, weight)

        def centred(
            claim: K = claim, block: Point = block, weight: Point = weight, w: Callable[[], K] = w
        ) -> Constraint:
            existing = prefix_eq(block_star[:of_shard], block[:of_shard], self.s.blocks)
            if self.s.batches > 1:
                existing *= prefix_eq(block_star[of_shard:], block[of_shard:], self.s.batches)
            else:
                last = eq_at(block_star, self.s.blocks - 1) * eq_at(block, self.s.blocks - 1)
                existing -= last * (1 - prefix(inside, rows))
            return claim, [(-existing * prefix(weight, self.features), offset, w())]

        ch.zero("means of scores", centred)
        z = z - self.bias_of_score(ch, at, block_star, inside) + means
        point, claim = rounds(ch, "product", block_bits + self.weight.bits, 4, z)
        block, weight = point[:block_bits], point[block_bits:]
        power = self.evaluate(ch, ("witness", "power"), {"block": block[:of_shard], "weight": weight})
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
        bias = self.last_bias(ch, own)
        intercept = self.evaluate(ch, INTERCEPT, own)
        ch.zero("intercept", lambda: (intercept - self.one * bias + means, []))
        self.means_of(ch, "intercept", own, means, "last weight", {"output": o})
        last = self.integer(ch, "last weight", own | {"weight": k})
        return [self.signed(ch, last, prefix(k, self.features) * self.real_model(own)), bias]

    def means_of(self, ch: Channel, name: str, own: Where, claim: K, weights: str, place: Where) -> None:
        """The sum of m times weights over the features of a model is the claim."""
        point, claim = rounds(ch, name, size_of(self.scaled), 3, claim)
        there = split(self.scaled, point)
        offset = self.evaluate(ch, ("witness", "offset"), there)
        limbs = self.integer(ch, weights, place | there)

        def centred() -> Constraint:
            shards = prefix_eq(own.get("block", []), there.get("block", []), len(self.scalers))
            real = self.existing(there) * self.real_output(place["output"])
            return claim, [(-shards * prefix(there["weight"], self.features), offset, self.signed(ch, limbs, real))]

        ch.zero(name, centred)

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
