"""Noisy optima: protocol.md, "Noise"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .channel import Channel, Constraint
from .field import ZERO, K, Point, eq_at, extension, prefix, prefix_eq
from .formats import noise_digest, not_counted, outputs_of
from .noisy_integers import NoisyIntegers, noise_table, noisy_integers
from .optimum import ROWS, Optimum, row_lookups
from .relations import (
    COEFFICIENTS,
    INTERCEPT,
    LINK,
    NOISE,
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
from .shapes import Axis, Column

BEFORE = ("", " coins")  # committed to before the nonce
PARTS = ("", " gradient", " gradient remainder", " coins", " carry", " above", " below", " rest", " rounded")
CELL = (" noise", " lower edge", " upper edge")


class Noisy(Optimum):
    name = "noisy"
    of_tables = (RANGE, LINK, NOISE)

    def __init__(self, statement: dict[str, Any]) -> None:
        dataset, spec = statement["dataset"], statement["spec"]
        self.forgotten = not_counted(statement)
        self.i = self.integers(statement)
        self.s: Any = self.i
        self.rows, self.features = dataset["rows"], len(dataset["encoding"]["features"])
        self.one, self.bias = 1 << spec["scales"]["x_bits"], spec["method"]["bias"]
        self.row, self.gone = Axis("row", self.rows), classes_of(statement)
        self.output = Axis("output", outputs_of(dataset["encoding"]))
        self.several = (self.output,) if self.output.size > 1 else ()
        if self.gone:
            self.name = f"{self.name} without classes"
        self.weight = Axis("weight", self.features)
        scores = (*self.several, self.row)
        self.limbs: dict[str, list[Address]] = {}
        noise: list[Column] = []
        witness = [Column(name, scores) for name in ROWS]
        cells: list[Column] = []
        boxes = [Box("rows", scores, row_lookups(), self.forgotten)]
        held: list[tuple[str, tuple[Axis, ...], list[str], list[str]]] = [
            ("feature limbs", (*self.several, self.weight), ["weights"], []),
            ("constant limbs", (self.output,), ["bias"] * self.bias, ["slack"]),
        ]
        for name, axes, parameters, alone in held:
            lookups: list[Lookup] = []
            tuples: list[Lookup] = []
            for integer in [f"{own}{part}" for own in parameters for part in PARTS] + alone:
                lookups += self.looked_up(integer)
                for matrix, limb in self.limbs[integer]:
                    (noise if matrix == "noise" else witness).append(Column(limb, axes))
            for own in parameters:
                addresses = [("witness", f"{own}{part}") for part in CELL]
                cells += [Column(column, axes) for _, column in addresses]
                tuples.append(Lookup(NOISE, [([(1, column)], 0) for column in addresses]))
            boxes.append(Box(name, axes, lookups + tuples))
        Relation.__init__(self, boxes, list(self.of_tables))
        self.table, self.noise_table = self.i.table, noise_table()
        witness += [multiplicities(table, self.sections) for table in self.of_tables]
        model = [Column("weights", (self.output, self.weight))]
        if self.bias:
            model.append(Column("intercept", (self.output,)))
        self.columns = {
            "dataset": dataset_columns(dataset), "model": model, "witness": witness + cells, "noise": noise,
        }  # fmt: skip

    def integers(self, statement: dict[str, Any]) -> NoisyIntegers:
        digest, nonce = noise_digest(statement), statement["noise"]["nonce"]
        return noisy_integers(statement["spec"], statement["dataset"], self.forgotten, digest, nonce)

    def looked_up(self, integer: str) -> list[Lookup]:
        """The limbs of an integer, in the matrix where they are."""
        lookups = self.limb_lookups(integer, self.i.bits[integer])
        if integer not in [f"{own}{part}" for own in ("weights", "bias") for part in BEFORE]:
            return lookups
        self.limbs[integer] = [("noise", limb) for _, limb in self.limbs[integer]]
        terms = [own.entries[0][0][0] for own in lookups]
        return [Lookup(RANGE, [([(factor, ("noise", limb))], 0)]) for factor, (_, limb) in terms]

    def certified(self, ch: Channel) -> None:
        for at, values in self.ended["rows"]:
            self.score(ch, at["row"], values, at.get("output", []))
        ((at, of_features),) = self.ended["feature limbs"]
        ((there, of_constants),) = self.ended["constant limbs"]
        k, o, of_bias = at["weight"], at.get("output", []), there["output"]
        real, real_bias = self.real_output(o) * prefix(k, self.features), self.real_output(of_bias)
        weights = self.all_of(ch, "weights", of_features, real)
        bias = self.all_of(ch, "bias", of_constants, real_bias) if self.bias else {}
        if self.several:
            self.norms(ch)
        else:
            self.norm(ch, bias, self.joined(of_constants[limb] for limb in self.limbs["slack"]))
        self.noised(ch, weights, real, lambda: self.pads_at(o, k))
        model = self.evaluate(ch, COEFFICIENTS, {"output": o, "weight": k})
        if self.i.unused:
            self.of_used_weights(ch, o, k, model)
        else:
            ch.zero("model", lambda: (model - weights[" rounded"] - weights[" noise"], []))
        if self.bias:
            self.noised(ch, bias, real_bias, lambda: self.pads_of_bias(of_bias))
            intercept = self.evaluate(ch, INTERCEPT, {"output": of_bias})
            ch.zero("intercept", lambda: (intercept - self.one * (bias[" rounded"] + bias[" noise"]), []))
        self.gradient_of(ch, o, k, weights, bias)

    def of_used_weights(self, ch: Channel, o: Point, k: Point, model: K) -> None:
        """The model is a sum over the features that are not left out."""
        x, left = rounds(ch, "model", self.weight.bits, 2, model)
        at = {"output": o, "weight": x} if self.several else {"weight": x}
        rounded = self.value(ch, "weights rounded", at, self.real_output(o) * prefix(x, self.features))
        noise = self.evaluate(ch, ("witness", "weights noise"), at)

        def used() -> Constraint:
            gone = sum((eq_at(k, i) * eq_at(x, i) for i in self.i.unused), ZERO)
            return left - (prefix_eq(k, x, self.features) - gone) * (rounded + noise), []

        ch.zero("model", used)

    def all_of(self, ch: Channel, name: str, values: Mapping[Address, K], real: K) -> dict[str, K]:
        found = {part: values["witness", name + part] for part in CELL}
        for part in PARTS:
            found[part] = self.joined(values[limb] for limb in self.limbs[name + part])
            if part in ("", " gradient", " rounded"):
                found[part] -= self.half(name + part) * real * ch.one
        return found

    def pads_at(self, o: Point, k: Point) -> K:
        total = ZERO
        for output, pads in enumerate(self.pads_of_outputs()):
            own = pads[: self.features]
            total += eq_at(o, output) * extension(own + [0] * ((1 << len(k)) - len(own)), k)
        return total

    def pads_of_bias(self, o: Point) -> K:
        return sum((eq_at(o, output) * pads[-1] for output, pads in enumerate(self.pads_of_outputs())), ZERO)

    def pads_of_outputs(self) -> list[list[int]]:
        width = self.features + self.bias
        return [self.i.pads[start : start + width] for start in range(0, len(self.i.pads), width)]

    def noised(self, ch: Channel, own: Mapping[str, K], real: K, pad: Any) -> None:
        """Coins, cell and rounding."""
        U = own[" lower edge"] + own[" above"]
        ch.zero("coins", lambda: (own[" coins"] + pad() * ch.one - 2**62 * own[" carry"] - U, []))
        ch.zero("cell", lambda: (U + own[" below"] + real * ch.one - own[" upper edge"], []))
        a = 2**self.i.a
        ch.zero(
            "rounding",
            lambda: (own[""] + self.i.half * real * ch.one - a * own[" rounded"] - own[" rest"], []),
        )
