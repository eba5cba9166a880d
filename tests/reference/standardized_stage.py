"""Stages of shards whose features are standardised: protocol.md, "Standardised stages"."""

from __future__ import annotations

from collections.abc import Mapping

from .arithmetic import Standardization
from .channel import Channel, Constraint
from .field import ONE, ZERO, K, Point, eq_table, prefix, prefix_eq
from .gradient_descent import Place, Share
from .relations import Box, rounds
from .shapes import Axes, Column, size_of, split
from .stages import STARTING_INTERCEPT, STARTING_WEIGHTS, Stage
from .standardization import FIELDS, StandardizedDescent, Where

COUNTED = {"mean": "counted mean", "mean fraction": "counted mean fraction", "rate": "counted rate"}
REST, LACK, BIAS_REST = "starting remainder", "starting remainder complement", "starting bias remainder"


class StandardizedStage(Stage, StandardizedDescent):
    fields = (*FIELDS, *COUNTED.values())

    # Columns and lookups ---------------------------------------------------------------------------------------------

    def more(self) -> tuple[list[Box], list[Column]]:
        """What standardises, and what rounding down leaves of the models that are begun from."""
        boxes, columns = super().more()
        if self.part.source is not None:
            starting: list[tuple[str, Axes, list[str], int]] = [
                ("starting remainders", (self.output, self.block, self.weight), [REST, LACK], 16),
                ("starting bias remainders", (self.output, self.block), [BIAS_REST], self.scaler.x_bits),
            ]
            for box, axes, names, bits in starting:
                lookups = [lookup for name in names for lookup in self.limb_lookups(name, bits)]
                boxes.append(Box(box, axes, lookups))
                columns += [Column(limb, axes) for name in names for _, limb in self.limbs[name]]
        return boxes, columns

    @property
    def scaled(self) -> Axes:
        return self.block, self.weight

    @property
    def scalers(self) -> list[Standardization]:
        return self.s.scalers

    @property
    def integers(self) -> dict[str, int]:
        bits = super().integers
        return bits | {"rate complement": bits["rate"]}

    def counted(self, name: str) -> tuple[str, K]:
        return COUNTED[name], ONE

    def rows_of(self, at: Mapping[str, Point], row: Point) -> K:
        eq_n, eq_b, size = eq_table(row), eq_table(at["block"]), self.part.places
        live = (n for n in range(self.rows) if n not in self.forgotten)
        return sum((eq_b[n // size] * eq_n[n] for n in live), ZERO)

    # What is different in the walk -----------------------------------------------------------------------------------

    def products(self, ch: Channel, at: Where, o: Point, found: Mapping[str, K]) -> None:
        """And what only shards need."""
        super().products(ch, at, o, found)
        most = self.public(lambda own: own.largest_rate, at) * ch.one
        ch.zero("rates in range", lambda: (found["rate"] + found["rate complement"] - most, []))

        shares = [ONE, *ch.point("counted", 2)]
        claim = sum((share * found[name] for share, name in zip(shares, COUNTED.values(), strict=True)), ZERO)
        b2, claim = rounds(ch, "counted", self.block.bits, 2, claim)
        there = {"block": b2, "weight": at["weight"]}
        values = [self.whole(ch, name, there, None) for name in COUNTED]

        def times() -> Constraint:
            of_shards = zip(eq_table(at["block"]), eq_table(b2), self.scalers, strict=False)
            n = sum((e * e2 * own.count for e, e2, own in of_shards), ZERO)
            return claim - n * sum((share * value for share, value in zip(shares, values, strict=True)), ZERO), []

        ch.zero("counted", times)

    def initial(self, ch: Channel, shares: list[Share], b: Point) -> None:
        """From zero, or from what rounding down leaves of the models of the stage before."""
        if self.part.source is None:
            super().initial(ch, shares, b)
            return
        (_, _, _, _, own), _ = shares
        o, k = own["output"], own["weight"]
        model, first = {"output": o, "block": b}, {"output": o} | self.first
        before = model | {"block": self.in_source(b)}
        self.starting_weights(ch, model | {"weight": k}, first, before)

        (means,) = ch.hidden(1)
        self.means_of(ch, "starting means", model, means, "weights", first)
        bias = self.signed(ch, self.integer(ch, "biases", first | model), self.real_model(model))
        rest = self.integer(ch, BIAS_REST, model)
        intercept = self.evaluate(ch, STARTING_INTERCEPT, before)
        ch.zero("starting intercept", lambda: (self.one * bias + rest - intercept - means, []))

    def starting_weights(self, ch: Channel, at: Where, first: Where, before: Where) -> None:
        """2^e times the first weights and a remainder are the weights of the model before."""
        there_are = self.real_output(at["output"])
        rest = self.integer(ch, REST, at)
        weights = self.evaluate(ch, STARTING_WEIGHTS, before | {"weight": at["weight"]})
        point, claim = rounds(ch, "starting weights", size_of(self.scaled), 3, weights - rest)
        there = split(self.scaled, point)
        power = self.evaluate(ch, ("witness", "power"), there)
        limbs = self.integer(ch, "weights", first | there)

        def scaled() -> Constraint:
            return claim, [(-self.on(at, there), power, self.signed(ch, limbs, self.existing(there) * there_are))]

        ch.zero("starting weights", scaled)
        lack, own = self.integer(ch, LACK, at), self.evaluate(ch, ("witness", "power"), at)
        below = self.existing(at) * there_are * ch.one
        ch.zero("starting remainders", lambda: (rest + lack - own * there_are + below, []))

    def gradient(self, ch: Channel, gradient: K, t: Place, k: Point, of_bias: K) -> None:
        e, b, o = t
        of_features = ONE - of_bias
        scaled, centred = ch.hidden(2)
        ch.zero("parts", lambda: (gradient - of_features * scaled - centred, []))
        axes, of_shard = (*self.in_epoch, self.weight), self.block.bits
        point, claim = rounds(ch, "scaled gradient", size_of(axes), 3, scaled)
        there, b1 = split(axes, point), point[: size_of(self.in_epoch)]
        k1 = there["weight"]
        rate = self.evaluate(ch, ("witness", "scaled rate"), {"block": there["block"], "weight": k1})
        (gamma,) = ch.hidden(1)

        def of_gradients() -> Constraint:
            return claim, [(-self.factors(b, b1) * prefix_eq(k, k1, self.features), rate, gamma)]

        ch.zero("scaled gradient", of_gradients)

        b2, rest = rounds(ch, "centred gradient", size_of(self.in_epoch), 3, centred)
        means = self.evaluate(ch, ("witness", "centred rate"), {"block": b2[:of_shard], "weight": k})
        (residuals,) = ch.hidden(1)

        def of_residuals() -> Constraint:
            rates = self.of_shard(lambda own: own.bias_rate, {"block": b2[:of_shard]})
            rates *= prefix(b2[of_shard:], self.s.batches)
            factor = of_bias * self.one * rates * ch.one - of_features * means
            return rest, [(-self.factors(b, b2), factor, residuals)]

        ch.zero("centred gradient", of_residuals)
        self.over_rows(ch, gamma, (e, b1, o), k1, factors_of_blocks=False)
        self.over_rows(ch, residuals, (e, b2, o), None, factors_of_blocks=False)

    def factors(self, b: Point, there: Point) -> K:
        """eq(b, there) c_b, summed over the steps of an epoch."""
        eq_b, eq_b2 = eq_table(b), eq_table(there)
        return sum((eq_b[j] * eq_b2[j] * self.s.c_block[j] for j in self.real_in_epoch()), ZERO)
