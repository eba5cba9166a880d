"""Newton's steps to a certified optimum, or to a noisy one: protocol.md, "Newton's steps"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from .channel import Channel, Constraint
from .field import ONE, ZERO, K, Point, log2_ceil, prefix, prefix_eq, require
from .formats import not_counted
from .noisy import CELL, Noisy
from .optimum import DM, ROWS, Optimum, Z, row_lookups
from .optimum_integers import OptimumIntegers
from .relations import (
    COEFFICIENTS,
    INTERCEPT,
    NOISE,
    Address,
    Box,
    Lookup,
    Relation,
    dataset_columns,
    multiplicities,
    rounds,
)
from .shapes import Axis, Column
from .sisa import Sisa
from .stages import Named

OF_STEP = ("", " gradient", " gradient remainder", " update remainder")
MATRIX, OF_BIAS, FROM_BIAS = "matrix", "matrix of the bias", "matrix from the bias"
CORNER = "matrix of bias and bias"


@dataclass(frozen=True)
class StepIntegers:
    """g and h, and of the first step from a model the scales of weights and bias, which are 2^0 elsewhere.

    raised: what a unit of the bias there is of the model's intercept, in bits.
    """

    g: int
    h: int
    bits: dict[str, int]
    units: dict[str, int]
    raised: int = 0


def newton_integers(own: OptimumIntegers, spec: Mapping[str, Any], count: int, start: int | None) -> list[StepIntegers]:
    x, w, steps = spec["scales"]["x_bits"], spec["scales"]["w_bits"], spec["method"]["steps"]
    s, inverse = scale_of_matrix(own, spec, count), "inverse" in spec["method"]
    require("statement", inverse or (s > 39 and own.width <= 256))
    gamma, found = 32 if inverse else 24, []
    for t in range(steps):
        g = max(63 - gamma - 12 * t, s - 56 + w, 0)
        units, raised = {"weights": 0, "bias": 0}, 0
        if start is not None and t == 0:
            require("statement", 0 <= start <= w)
            units = {"weights": w - start, "bias": max(0, w - start - x)}
            raised = max(0, x - w + start)
        bits = {name: w + 6 - units[name] for name in units}
        for name in ("weights", "bias"):
            bits |= {f"{name} gradient": gamma, f"{name} gradient remainder": g, f"{name} update remainder": s - g}
        found.append(StepIntegers(g, s - g, bits, units, raised))
    return found


def scale_of_matrix(own: OptimumIntegers, spec: Mapping[str, Any], count: int) -> int:
    """s."""
    return (23 if "inverse" in spec["method"] else 29) + least_penalty(own, spec, count).bit_length()


def least_penalty(own: OptimumIntegers, spec: Mapping[str, Any], count: int) -> int:
    """c'."""
    x, w, p = (spec["scales"][name] for name in ("x_bits", "w_bits", "p_bits"))
    return int(Fraction(float(spec["method"]["l2"])) * Fraction(2) ** (own.e + log2_ceil(count) - 1 + p + x - w))


class Step(Optimum):
    """A part: a pass over the rows, and what it moves."""

    def __init__(self, whole: Newton, number: int, own: StepIntegers, start: bool) -> None:
        self.prefix, self.number, self.own, self.start_model = f"step {number}: ", number, own, start
        for name in ("rows", "features", "one", "bias", "row", "output", "weight", "forgotten", "several"):
            setattr(self, name, getattr(whole, name))
        self.i: Any = replace(whole.i, g=own.g)
        scores = (*self.several, self.row)
        self.s, self.limbs, boxes = self.i, {}, [Box("rows", scores, row_lookups(), self.forgotten)]
        self.held = [Column(name, scores) for name in ROWS]
        parts: list[tuple[str, tuple[Axis, ...], str]] = [
            ("feature limbs", (*self.several, self.weight), "weights"), ("constant limbs", (self.output,), "bias")
        ]  # fmt: skip
        for box, axes, name in parts[: 1 + self.bias]:
            lookups = []
            for part in OF_STEP:
                lookups += self.limb_lookups(name + part, own.bits[name + part])
                self.held += [Column(limb, axes) for _, limb in self.limbs[name + part]]
            boxes.append(Box(box, axes, lookups))
        Relation.__init__(self, boxes, [])
        self.virtual = frozenset(map(self.address, (Z, DM)))

    def address(self, column: Address) -> Address:
        matrix, name = column
        return (matrix, self.prefix + name) if matrix in ("witness", "virtual") else column

    def named(self) -> list[Column]:
        return [replace(column, name=self.prefix + column.name) for column in self.held]

    def named_boxes(self) -> list[Box]:
        return [
            replace(box, name=self.prefix + box.name, lookups=list(map(self.moved, box.lookups))) for box in self.boxes
        ]

    def moved(self, lookup: Lookup) -> Lookup:
        entries = [([(c, self.address(column)) for c, column in terms], more) for terms, more in lookup.entries]
        return replace(lookup, entries=entries)

    def evaluate(self, ch: Channel, column: Address, at: Mapping[str, Point]) -> K:
        return super().evaluate(ch, self.address(column), at)

    def half(self, name: str) -> int:
        return 1 << (self.own.bits[name] - 1)

    def value(self, ch: Channel, name: str, at: Mapping[str, Point], real: K) -> K:
        return super().value(ch, name, at, real) * (1 << self.own.units.get(name, 0))

    def begin(self, whole: Newton) -> None:
        self.claims, self.ended = whole.claims, {}
        for box in self.boxes:
            columns = {column for lookup in box.lookups for terms, _ in lookup.entries for _, column in terms}
            self.ended[box.name] = [
                (at, {column: values[self.address(column)] for column in columns})
                for at, values in whole.ended[self.prefix + box.name]
            ]

    def walked(self, ch: Channel) -> tuple[Point, Point, dict[str, K], dict[str, K]]:
        """Weights and bias, in units of 2^-w, where the lookups ended, after all that is said of one step alone."""
        for at, values in self.ended["rows"]:
            self.score(ch, at["row"], values, at.get("output", []))
        ((at, of_features),) = self.ended["feature limbs"]
        k, o = at["weight"], at.get("output", [])
        weights = self.said(ch, "weights", of_features, self.real_output(o) * prefix(k, self.features))
        bias, there = {}, []
        if self.bias:
            place, of_bias = self.ended["constant limbs"][0]
            there = place["output"]
            bias = self.said(ch, "bias", of_bias, self.real_output(there))
        if self.number == 1:
            self.starting(ch, o, k, there, weights, bias)
        for name, own in (("weights", weights), ("bias", bias)):
            if own:
                own[""] *= 1 << self.own.units[name]
        self.gradient_of(ch, o, k, weights, bias)
        return o, k, weights, bias

    def bias_of(self, ch: Channel, o: Point, parts: tuple[str, ...]) -> dict[str, K]:
        """What there is of the bias of another output."""
        found = {part: self.integer(ch, f"bias{part}", {"output": o}) for part in parts}
        for part in {"", " gradient"} & found.keys():
            found[part] -= self.half(f"bias{part}") * self.real_output(o) * ch.one
        found[""] *= 1 << self.own.units["bias"]
        return found

    def said(self, ch: Channel, name: str, values: Mapping[Address, K], real: K) -> dict[str, K]:
        found = {part: self.joined(values[limb] for limb in self.limbs[name + part]) for part in OF_STEP}
        for part in ("", " gradient"):
            found[part] -= self.half(name + part) * real * ch.one
        return found

    def starting(
        self, ch: Channel, o: Point, k: Point, there: Point, weights: Mapping[str, K], bias: Mapping[str, K]
    ) -> None:
        first, second = weights[""], bias.get("", ZERO)
        model = self.of_model(ch, COEFFICIENTS, {"output": o, "weight": k})
        ch.zero("starting weights", lambda: (first - model, []))
        if self.bias:
            intercept = self.of_model(ch, INTERCEPT, {"output": there})
            ch.zero("starting intercept", lambda: (second * (1 << self.own.raised) - intercept, []))

    def of_model(self, ch: Channel, column: Address, at: Mapping[str, Point]) -> K:
        return self.evaluate(ch, ("start 0", column[1]), at) if self.start_model else ZERO


class Newton(Optimum):
    name = "newton"

    def __init__(self, statement: dict[str, Any]) -> None:
        dataset, spec = statement["dataset"], statement["spec"]
        scales = [start.get("scale") for start in statement["start"]]
        require("statement", len(scales) <= 1 and None not in scales)
        start = scales[0] if scales else None
        self.forgotten = not_counted(statement)
        self.i = self.integers(statement)
        self.prepare(statement)
        self.bits_of = {name: bits for part in self.of_matrices() for name, bits in part.items()}
        integers = newton_integers(self.i, spec, dataset["rows"] - len(self.forgotten), start)
        super().__init__(statement)
        boxes, witness = self.boxes, self.columns["witness"]
        cells = [column for column in witness if column.name.endswith(CELL)]
        witness = [column for column in witness if column not in cells and "multiplicities" not in column.name]
        source, whole = Axis("source", self.features), (*self.several, self.weight)
        of_weights, corner, of_pairs = self.of_matrices()
        pairs = (*whole, source)
        held: list[tuple[int, tuple[Axis, ...], dict[str, int]]] = [
            (1, whole, of_weights), (2, (self.output,), corner), (3, pairs, of_pairs)
        ]  # fmt: skip
        boxes.append(Box("matrix limbs", pairs, []))
        added: dict[int, list[Column]] = {}
        for place, axes, integers_of in held:
            lookups: list[Lookup] = []
            for integer, bits in integers_of.items() if self.bias or place == 3 else ():
                lookups += self.limb_lookups(integer, bits)
                added.setdefault(place, []).extend(Column(limb, axes) for _, limb in self.limbs[integer])
            before = [own for own in boxes[place].lookups if own.table != NOISE]
            cell = [own for own in boxes[place].lookups if own.table == NOISE]
            boxes[place] = replace(boxes[place], lookups=[*before, *lookups, *cell])
        of_weight = [column for column in witness if column.axes == whole]
        of_one = [column for column in witness if column.axes == (self.output,)]
        of_rows = [column for column in witness if column.axes == (*self.several, self.row)]
        self.moves = [Step(self, number, own, start is not None) for number, own in enumerate(integers, start=1)]
        self.source = source
        named = [box for step in self.moves for box in step.named_boxes()]
        edges = self.noise_table
        Relation.__init__(self, [*boxes, *named], list(self.of_tables))
        self.noise_table = edges
        self.groups = Sisa.grouped(self)  # type: ignore[arg-type]
        self.sections, self.table = len(self.groups), self.i.table
        self.virtual = frozenset({Z, DM}).union(*(step.virtual for step in self.moves))
        counts = [multiplicities(table, self.sections) for table in self.tables]
        own_columns = [*of_rows, *of_weight, *added.get(1, []), *of_one, *added.get(2, []), *added[3]]
        stepped = [column for step in self.moves for column in step.named()]
        others = {} if start is None else {"start 0": self.columns["model"]}
        others |= {"noise": self.columns["noise"]} if "noise" in self.columns else {}
        self.columns = {
            "dataset": dataset_columns(dataset),
            "model": self.columns["model"],
            **others,
            "witness": [*own_columns, *counts, *cells, *stepped],
        }

    def prepare(self, statement: dict[str, Any]) -> None:
        """Integers of more than steps."""

    def of_matrices(self) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
        """Beside the bias, of the bias alone, of any two weights: what is committed, and its bits."""
        return {OF_BIAS: 32, FROM_BIAS: 32}, {CORNER: 32}, {MATRIX: 32}

    def boxes_of(self, section: int) -> list[Box]:
        return self.groups[section]

    def identities(self, ch: Channel) -> None:
        self.certified(ch)
        for step in self.moves:
            step.begin(self)
        for t, step in enumerate(self.moves):
            o, k, weights, bias = step.walked(Named(ch, step.prefix))
            (self.update_of_outputs if self.several else self.one_update)(ch, t, o, k, weights, bias)
        self.after_steps(ch)
        if self.gone:
            self.forgotten_classes(ch)

    def after_steps(self, ch: Channel) -> None:
        """What more is said of the matrix."""

    def update_of_outputs(
        self, ch: Channel, t: int, o: Point, k: Point, weights: Mapping[str, K], bias: Mapping[str, K]
    ) -> None:
        """Of the output where the lookups of weights ended, as a sum over all."""
        step, at_bias = self.moves[t], self.real_output(o)
        real = at_bias * prefix(k, self.features)
        name, gamma = f"{step.prefix}update", ch.point(f"{step.prefix}update", 1)[0] if self.bias else ZERO
        total, *of_biases = ch.hidden(1 + self.bias)
        after: Any = self.moves[t + 1] if t + 1 < len(self.moves) else self
        moved = self.moved_by(ch, step, weights, after.value(ch, "weights", {"output": o, "weight": k}, real), real)
        if self.bias:
            later = after.value(ch, "bias", {"output": o}, at_bias)
            there = step.bias_of(ch, o, ("", " update remainder"))
            moved += gamma * self.moved_by(ch, step, there, later, at_bias)
        ch.zero(name, lambda: (moved - sum(of_biases, total), []))
        point, claim = rounds(ch, name, self.output.bits + self.source.bits, 3, total)
        other, at = point[: self.output.bits], point[self.output.bits :]
        there_real = self.real_output(other) * prefix(at, self.features)
        place = {"output": other, "weight": k, "source": at}
        first = self.entry(ch, MATRIX, place, prefix(k, self.features) * there_real)
        if self.bias:
            first += gamma * self.entry(ch, OF_BIAS, {"output": other, "weight": at}, there_real)
        cut = step.value(ch, "weights gradient", {"output": other, "weight": at}, there_real)
        same = prefix_eq(o, other, self.output.size) * prefix(at, self.features)
        ch.zero(name, lambda: (claim, [(-same, first, cut)]))
        if self.bias:
            self.moved_by_biases(ch, step, o, k, gamma, of_biases[0])

    def moved_by_biases(self, ch: Channel, step: Step, o: Point, k: Point, gamma: K, total: K) -> None:
        name = f"{step.prefix}update from intercepts"
        other, claim = rounds(ch, name, self.output.bits, 3, total)
        real = self.real_output(other)
        entry = self.entry(ch, FROM_BIAS, {"output": other, "weight": k}, prefix(k, self.features) * real)
        entry += gamma * self.entry(ch, CORNER, {"output": other}, real)
        cut = step.value(ch, "bias gradient", {"output": other}, real)
        same = prefix_eq(o, other, self.output.size)
        ch.zero(name, lambda: (claim, [(-same, entry, cut)]))

    def one_update(
        self, ch: Channel, t: int, _: Point, k: Point, weights: Mapping[str, K], bias: Mapping[str, K]
    ) -> None:
        step, real = self.moves[t], prefix(k, self.features)
        name, gamma = f"{step.prefix}update", ZERO
        if self.bias:
            (gamma,) = ch.point(name, 1)
        (total,) = ch.hidden(1)
        after: Any = self.moves[t + 1] if t + 1 < len(self.moves) else self
        moved = self.moved_by(ch, step, weights, after.value(ch, "weights", {"weight": k}, real), real)
        products: list[tuple[K, K, K]] = []
        if self.bias:
            moved += gamma * self.moved_by(ch, step, bias, after.value(ch, "bias", {"output": []}, ONE), ONE)
            entry = self.entry(ch, FROM_BIAS, {"weight": k}, real)
            entry += gamma * self.entry(ch, CORNER, {"output": []}, ONE)
            products = [(-ONE, entry, bias[" gradient"])]
        ch.zero(name, lambda: (moved - total, products))
        at, claim = rounds(ch, name, self.source.bits, 3, total)
        there = prefix(at, self.features)
        first = self.entry(ch, MATRIX, {"weight": k, "source": at}, real * there)
        if self.bias:
            first += gamma * self.entry(ch, OF_BIAS, {"weight": at}, there)
        cut = step.value(ch, "weights gradient", {"weight": at}, there)

        def summed() -> Constraint:
            return claim, [(-there, first, cut)]

        ch.zero(name, summed)

    def entry(self, ch: Channel, name: str, at: Mapping[str, Point], real: K) -> K:
        return self.integer(ch, name, at) - (1 << (self.bits_of[name] - 1)) * real * ch.one

    @staticmethod
    def moved_by(ch: Channel, step: Step, own: Mapping[str, K], after: K, real: K) -> K:
        half = real * (1 << (step.own.h - 1)) * ch.one
        return (own[""] - after) * (1 << step.own.h) - half + own[" update remainder"]


class NoisyNewton(Newton, Noisy):
    """What is said of steps, and of the noise where they end."""

    name = "noisy newton"
