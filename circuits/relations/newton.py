"""The relation of Newton's steps to a certified optimum, or to a noisy one (docs/protocol.md, "Newton's steps").

With the names of models/methods/newton_steps.py: of each step t what newton_step.py says, and with P a matrix that is
committed once, the same for all of them,

    2^h (W(t, k) - W(t + 1, k)) = sum over weights l of P(k, l) Gamma(t, l) + 2^(h - 1) - u(t, k)            "update"

the bias b being a weight, too, in all of it; and of W(T) what optimum.py says: it is near the optimum, and the model is
its rounding; or what noisy.py says: that rounding with noise. Of several classes there are W, P and Gamma of each
output, and no weight moves another output's. Columns, lookups and checks of a step have its name before theirs.

| matrix | columns |
|---|---|
| dataset, model | those of optimum.py, or noisy.py with its noise |
| start 0 | weights (output, weight), intercept (output) of the model that is superseded, if one is |
| witness | those of either; P (output, weight, source), of the bias and from it (output, weight), of both |
| | (output) |
| | of each step Q, T, D, M, P' (output, row); limbs of W, Gamma, v, u (output, weight), and of the bias (output) |

Where there is one output, what has a row, or a weight, has no axis of outputs. Of several the sum of "update" is one
over outputs o, too, with eq(o*, o) at a random o*; and so is what the bias's gradient moves ("update from intercepts").

Integers that are *forced*: P has 32 bits, Gamma 24, W 38, u has h of at most 24 and K is at most 256, so both sides of
an update differ by less than p: W(t + 1) is W(t) less the sum over 2^h, rounded. P is free within its bits: it is the
owner's, and what binds is the certificate; newton_inverse.py says more of it. Cells of P past the last k are read by
updates of single weights only, which tie them to other cells that are none; the sums leave out what is past the last l.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from ...models.methods.newton_steps import NewtonCertificate, NoisyNewtonCertificate, SteppedCertificate
from ..field.goldilocks import ONE, ZERO, K
from ..field.multilinear import Point, prefix
from ..language.hidden import Hidden, Product, linear
from ..language.layout import VIRTUAL, WITNESS, Address, Axis, Column
from ..language.parts import Naming, PartSteps
from ..language.relation import Factor, LookedUp, LookupBox, Section, Steps, Sum, outer, variables
from ..language.tables import Limbs, range_table, together
from .certified import BIAS, WEIGHTS, Place
from .iterations import eq_on
from .model import model_columns
from .newton_step import Step, update_remainder
from .noisy import Noisy
from .optimum import Optimum
from .residual import Residual
from .signed import Signed, constant_on
from .sisa import start_matrix

MATRIX = Address(WITNESS, "matrix")  # P(k, l)
OF_BIAS = Address(WITNESS, "matrix of the bias")  # P(b, l)
FROM_BIAS = Address(WITNESS, "matrix from the bias")  # P(k, b)
CORNER = Address(WITNESS, "matrix of bias and bias")  # P(b, b)
MATRIX_BOX = "matrix limbs"
START = start_matrix(0)
Bits = Mapping[Address, int]


@dataclass(frozen=True)
class WithSteps(Residual):
    """The part of the relation that is about steps, whatever is said of where they end."""

    schedule: SteppedCertificate

    @property
    def source(self) -> Axis:
        """Weights l whose gradients move others."""
        return Axis("source", self.schedule.features)

    @cached_property
    def steps(self) -> tuple[tuple[Naming, Step], ...]:
        """Each step, with its names."""
        found = []
        for t, own in enumerate(self.schedule.steps):
            name = f"step {t + 1}: "
            naming = Naming(name, {matrix: (matrix, name) for matrix in (WITNESS, VIRTUAL)})
            start = START if t == 0 and self.schedule.start is not None else None
            found.append((naming, Step(own, first=t == 0, start=start)))
        return tuple(found)

    # Columns and lookups -------------------------------------------------------------------------------------------

    @property
    def matrix_bits(self) -> tuple[Bits, Bits, Bits]:
        """Of what there is of any two weights, of one beside the bias, and of the bias alone."""
        bits = self.schedule.matrix_bits
        return {MATRIX: bits}, {OF_BIAS: bits, FROM_BIAS: bits}, {CORNER: bits}

    @cached_property
    def integers(self) -> tuple[Limbs, ...]:
        """See Certified: with those of the matrix."""
        features, constants = super().integers
        of_pairs, beside, corner = self.matrix_bits
        whole = Limbs(MATRIX_BOX, (*self.several, self.weight, self.source), of_pairs)
        if not self.schedule.bias:
            return features, constants, whole
        return (
            replace(features, bits={**features.bits, **beside}),
            replace(constants, bits={**constants.bits, **corner}),
            whole,
        )

    @cached_property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """See the table in the head of the relation."""
        own = super().columns
        stepped = (column for naming, step in self.steps for column in naming.columns(WITNESS, step.committed))
        starts = {} if self.schedule.start is None else {START: model_columns(self.schedule)}
        return {**own, **starts, WITNESS: (*own[WITNESS], *stepped)}

    @cached_property  # looked at for each claim
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """Scores and products of steps, too."""
        stepped = {column: axes for naming, own in self.steps for column, axes in naming.virtual(own.virtual).items()}
        return {**super().virtual, **stepped}

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """All boxes, as many in a section as have room there."""
        groups = together(self._all_boxes())
        count = len(groups)
        return tuple(
            Section(boxes, (range_table(i, count), *self.row_tables(i, count), *self.parameter_tables(i, count)))
            for i, boxes in enumerate(groups)
        )

    def _all_boxes(self) -> Iterator[LookupBox]:
        for boxes in self.boxes:
            yield from boxes
        for naming, step in self.steps:
            for boxes in step.boxes:
                yield from map(naming.box, boxes)

    # The identities --------------------------------------------------------------------------------------------------

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """Those of the certificate, then step by step: the equations of the heads."""
        super().identities(steps, looked_up)
        for t, (naming, step) in enumerate(self.steps):
            boxes = (box for parts in step.boxes for box in parts)
            weights, bias = step.walked(PartSteps(steps, naming), naming.looked_up(boxes, looked_up))
            self._update(steps, t, weights, bias)

    def _update(self, steps: Steps, t: int, weights: Place, bias: Place | None) -> None:
        """What moves weights at k, and gamma times the bias, is the matrix times Gamma(t)."""
        naming, step = self.steps[t]
        name, k, output = f"{naming.prefix}update", weights.ended.point["weight"], weights.output
        (gamma,) = (ZERO,) if bias is None else steps.point(name, 1)
        sums = [self.sum_at(name, output, (self.source,), self._moving(t, k, gamma))]
        if bias is not None and self.several:
            sums.append(self.sum_at(f"{name} from intercepts", output, (), self._moved_by_biases(t, k, gamma)))
        totals = [steps.total(own) for own in sums]
        after, after_bias = self._after(steps, t, k, output)
        moved, products = self._moved(step, weights, after), []
        if bias is not None and after_bias is not None:
            integers = (BIAS.weight, update_remainder(BIAS))
            there = step.bias_at(PartSteps(steps, naming), bias, output, integers)
            moved = moved + self._moved(step, there, after_bias) * gamma
            if not self.several:
                entry = self.held(steps, FROM_BIAS, {"weight": k}, weights.real)
                entry = entry + self.held(steps, CORNER, {"output": ()}, ONE) * gamma
                products = [Product(-ONE, entry, bias.signed(BIAS.cut))]
        steps.require_zero(name, moved - linear((ONE, total) for total in totals), products)
        for own, total in zip(sums, totals, strict=True):
            steps.sumcheck(own, total)

    def sum_at(self, name: str, output: Point, axes: tuple[Axis, ...], factors: tuple[Factor, Factor]) -> Sum:
        """Over these axes, at the one output, or at a point of outputs."""
        weight, groups = constant_on(axes, ONE), tuple(axis.bits for axis in axes)
        if not self.several:
            return Sum(name, groups, weight, factors)
        chosen, bits = eq_on(output, self.output.size), self.output.bits
        return Sum(name, (bits, *groups), outer(chosen, weight, bits) if axes else chosen, factors)

    def _moving(self, t: int, k: Point, gamma: K) -> tuple[Factor, Factor]:
        """P(k, l) + gamma P(b, l), and Gamma(t, l), at a variable l, and output."""
        bits = self.output.bits
        at = {**self.of_output(variables(0, bits)), "weight": variables(bits, self.source.bits)}
        cut = Signed(self.steps[t][0].address(WEIGHTS.cut), self.schedule.gradient_bits)
        return (
            self.line(MATRIX, OF_BIAS, self.source, k, gamma),
            Factor(cut.terms(at, ONE), cut.taken_off((*self.several, self.source), ONE)),
        )

    def _moved_by_biases(self, t: int, k: Point, gamma: K) -> tuple[Factor, Factor]:
        """P(k, b) + gamma P(b, b), and Gamma(t, b), at a variable output."""
        cut = Signed(self.steps[t][0].address(BIAS.cut), self.schedule.gradient_bits)
        free = {"output": variables(0, self.output.bits)}
        own = Factor(cut.terms(free, ONE), cut.taken_off((self.output,), ONE))
        return self.line_of_biases(FROM_BIAS, CORNER, k, gamma), own

    def line_of_biases(self, beside: Address, corner: Address, at: Point, share: K) -> Factor:
        """What there is of a point and the bias, and that share of what there is of the bias alone, of each output."""
        own, free = self._signed(beside), variables(0, self.output.bits)
        terms = own.terms({"output": free, "weight": at}, ONE) + self._signed(corner).terms({"output": free}, share)
        return Factor(terms, own.taken_off((self.output,), prefix(at, self.schedule.features) + share))

    def line(self, whole: Address, beside: Address, free: Axis, at: Point, share: K) -> Factor:
        """What there is of a point and a variable weight, and that share of what there is of the bias and this.

        Of several outputs at a variable one, which comes first.
        """
        fixed, bits = "weight" if free.name == "source" else "source", self.output.bits
        output, variable = self.of_output(variables(0, bits)), variables(bits, free.bits)
        own, real = self._signed(whole), prefix(at, self.schedule.features)
        terms = own.terms({**output, fixed: at, free.name: variable}, ONE)
        if self.schedule.bias:
            real, terms = real + share, terms + self._signed(beside).terms({**output, "weight": variable}, share)
        return Factor(terms, own.taken_off((*self.several, free), real))

    def held(self, steps: Steps, integer: Address, at: Mapping[str, Point], real: K) -> Hidden:
        """What there is of the bias, at a point."""
        return self._signed(integer).value(steps, at, real)

    def _after(self, steps: Steps, t: int, k: Point, output: Point) -> tuple[Hidden, Hidden | None]:
        """W(t + 1, k), and V(t + 1), of an output."""
        own: WithSteps | Step = self
        if t + 1 < len(self.steps):
            naming, own = self.steps[t + 1]
            steps = PartSteps(steps, naming)
        return own.weights_value(steps, k, output), own.bias_value(steps, output) if self.schedule.bias else None

    def _moved(self, step: Step, place: Place, after: Hidden) -> Hidden:
        """2^h (W(t) - W(t + 1)) - 2^(h - 1) + u."""
        bits = step.schedule.update_bits
        change = (step.weight_at(place) - after) * (1 << bits) - place.real * (1 << (bits - 1))
        return change + place.unsigned(update_remainder(place.parameter))


@dataclass(frozen=True)
class Newton(WithSteps, Optimum):
    """The relation for one set of public integers, which say who counts, at which distance, and where steps begin."""

    schedule: NewtonCertificate

    @property
    def name(self) -> str:
        """Domain separator."""
        return "newton"


@dataclass(frozen=True)
class NoisyNewton(WithSteps, Noisy):
    """The same of a model with noise, with what a nonce drew."""

    schedule: NoisyNewtonCertificate

    @property
    def name(self) -> str:
        """Domain separator."""
        return "noisy newton"
