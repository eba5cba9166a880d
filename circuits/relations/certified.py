"""What every certificate of weights says of them: their gradient is short (docs/protocol.md, "Optimum").

With the names of models/methods/certificate.py; b is the bias, one weight more:

    G + floor(2^g / 2) = 2^g Gamma + v,  sum over weights k of Gamma(k)^2 + Gamma(b)^2 + slack = radius^2       "norm"

What G is of the rows, and what becomes of the weights, are relations' own. Without a bias all about it is left out.
There is one output, or one for each of several classes, o, an index of all of these but radius that is left out here:
the first line is of each output, and the second is one, a sum over outputs, too.

Integers that are *forced*: W, Gamma, v and slack have limbs, all looked up. G has no range: what it equals has, Gamma
24 bits and v g bits, together below 2^63 as G is by its static bound, so Gamma is G rounded. Of 46 bits, no slack is
negative; with squares of Gamma they add up below p, by the static bound of the norm, for all outputs together. Cells
past the last weight, or output, are read by the equations of single ones only, which tie them to each other; the sums
leave them out. (There are fewer than 2^18 weights, on axes of less than 2^20, and no more than 32 lookups of each:
so their boxes are whole.)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from ...models.methods.certificate import GRADIENT_BITS, SLACK_BITS, Certificate
from ..field.goldilocks import ONE, K
from ..field.multilinear import Point, prefix
from ..language.hidden import Hidden, Product, linear, public
from ..language.layout import WITNESS, Address, Axis, Column
from ..language.relation import (
    Coordinates,
    Factor,
    LookedUp,
    Lookup,
    LookupBox,
    PublicVector,
    Section,
    Steps,
    Sum,
    SumResult,
    Table,
    Term,
    variables,
)
from ..language.tables import (
    RANGE_COUNTS,
    Limbs,
    limb_columns,
    limb_terms,
    multiplicity_column,
    range_table,
)
from .dataset import DATASET, FEATURES, dataset_columns
from .model import MODEL, model_columns
from .signed import Signed, constant_on
from .training import TrainingAxes

SLACK = Address(WITNESS, "slack")
FEATURE_BOX, CONSTANT_BOX = "feature limbs", "constant limbs"
At = TypeVar("At", bound=Coordinates)


@dataclass(frozen=True)
class Parameter:
    """The names of what is committed in limbs for a weight, or for the bias.

    Attributes:
        matrix: that W is in.
    """

    name: str
    matrix: str = WITNESS

    def part(self, suffix: str) -> Address:
        """One of them."""
        return Address(WITNESS, f"{self.name} {suffix}")

    @property
    def weight(self) -> Address:
        """W, signed."""
        return Address(self.matrix, self.name)

    @property
    def cut(self) -> Address:
        """Gamma, signed."""
        return self.part("gradient")

    @property
    def cut_rest(self) -> Address:
        """v."""
        return self.part("gradient remainder")

    @property
    def low_carry(self) -> Address:
        """kappa_0 of a gradient by limbs (gram.py), signed."""
        return self.part("low carry")

    @property
    def high_carry(self) -> Address:
        """kappa_1, signed."""
        return self.part("high carry")

    @property
    def below(self) -> Address:
        """A of its rounding."""
        return self.part("below")

    @property
    def above(self) -> Address:
        """B."""
        return self.part("above")

    @property
    def model(self) -> Address:
        """m, signed."""
        return self.part("rounded")


WEIGHTS, BIAS = Parameter("weights"), Parameter("bias")


@dataclass(frozen=True)
class Place:
    """A weight, or the bias, at the point where the lookups of its limbs ended.

    Attributes:
        real: the indicator of real cells there.
        bits: of what is committed for it.
    """

    parameter: Parameter
    ended: LookedUp
    real: K
    bits: Mapping[Address, int]

    @property
    def output(self) -> Point:
        """Of which output."""
        return self.ended.point.get("output", ())

    def unsigned(self, integer: Address) -> Hidden:
        """One of its integers."""
        return linear((c, self.ended.values[limb]) for c, limb in limb_terms(integer, self.bits[integer]))

    def signed(self, integer: Address) -> Hidden:
        """One that may be negative."""
        return Signed(integer, self.bits[integer]).looked_up(self.ended, self.real)


@dataclass(frozen=True)
class Certified(TrainingAxes, ABC):
    """The part of the relation that is about weights.

    Attributes:
        schedule: the integers of the certificate (models/methods/certificate.py).
    """

    schedule: Certificate

    # Columns and lookups -------------------------------------------------------------------------------------------

    @property
    def parameters(self) -> tuple[Parameter, Parameter]:
        """Of weights, and of the bias."""
        return WEIGHTS, BIAS

    @cached_property
    def integers(self) -> tuple[Limbs, ...]:
        """What is committed in limbs, by box of lookups."""
        weights, bias = self.parameters
        of_bias = self.parameter_bits(bias) if self.schedule.bias else {}
        beside = self.parameter_lookups(bias) if self.schedule.bias else ()
        return (
            Limbs(
                FEATURE_BOX,
                (*self.several, self.weight),
                self.parameter_bits(weights),
                self.parameter_lookups(weights),
            ),
            Limbs(CONSTANT_BOX, (self.output,), {**of_bias, SLACK: SLACK_BITS}, beside),
        )

    def parameter_lookups(self, parameter: Parameter) -> tuple[Lookup, ...]:
        """Of a weight, or of the bias, besides limbs."""
        return ()

    @property
    def parameter_counts(self) -> tuple[Address, ...]:
        """The counts of tables of these."""
        return ()

    def parameter_tables(self, section: int, sections: int) -> tuple[Table, ...]:
        """Those tables."""
        return ()

    def parameter_bits(self, parameter: Parameter) -> dict[Address, int]:
        """Of each integer of a weight, or of the bias."""
        own = self.schedule
        weight = own.weight_bits - own.unit_bits
        return {parameter.weight: weight, parameter.cut: GRADIENT_BITS, parameter.cut_rest: own.shift}

    def unit(self, parameter: Parameter) -> int:
        """By how much W, or V, is more than what is committed of it."""
        return 1 << self.schedule.unit_bits

    @property
    @abstractmethod
    def row_columns(self) -> tuple[Column, ...]:
        """What is committed of rows."""

    @property
    @abstractmethod
    def row_boxes(self) -> tuple[LookupBox, ...]:
        """What of it is looked up, in parts where it is much."""

    @property
    @abstractmethod
    def row_counts(self) -> tuple[Address, ...]:
        """The counts of tables that are looked up besides that of ranges."""

    @abstractmethod
    def row_tables(self, section: int, sections: int) -> tuple[Table, ...]:
        """Those tables."""

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """See the table in the head of the relation."""
        sections = len(self.sections)
        counts = (
            multiplicity_column(name, sections) for name in (RANGE_COUNTS, *self.row_counts, *self.parameter_counts)
        )
        return {
            DATASET: dataset_columns(self.schedule.rows, self.schedule.features, self.schedule.outputs),
            MODEL: model_columns(self.schedule),
            WITNESS: (*self.witness, *counts),
        }

    @property
    def witness(self) -> tuple[Column, ...]:
        """Of the witness, what is no count."""
        return (*self.row_columns, *self.limbs_in(WITNESS))

    def limbs_in(self, matrix: str) -> tuple[Column, ...]:
        """Those of integers that one matrix has."""
        return tuple(
            limb
            for own in self.integers
            for integer, bits in own.bits.items()
            if integer.matrix == matrix
            for limb in limb_columns(integer, bits, own.axes)
        )

    @property
    def boxes(self) -> tuple[tuple[LookupBox, ...], ...]:
        """What rows look up, and every limb in range."""
        limbs = tuple(own.boxes for own in self.integers)
        return (self.row_boxes, *limbs) if self.row_boxes else limbs

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Section i has the i-th part of each box."""
        parts = self.boxes
        count = max(len(boxes) for boxes in parts)
        return tuple(
            Section(
                tuple(boxes[i] for boxes in parts if i < len(boxes)),
                (range_table(i, count), *self.row_tables(i, count), *self.parameter_tables(i, count)),
            )
            for i in range(count)
        )

    # The identities --------------------------------------------------------------------------------------------------

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """Walk from the lookups to claims about committed columns alone: the equations of the heads."""
        self.of_rows(steps, looked_up)
        at, constants = looked_up[FEATURE_BOX], looked_up[CONSTANT_BOX]
        own, of_bias = self.parameters
        real = self._real(at.point.get("output", ())) * prefix(at.point["weight"], self.schedule.features)
        weights = Place(own, at, real, self.parameter_bits(own))
        real, bits = self._real(constants.point["output"]), self.parameter_bits(of_bias)
        bias = Place(of_bias, constants, real, bits) if self.schedule.bias else None
        if self.several:
            self._norms(steps)
        else:
            slack = linear((c, constants.values[limb]) for c, limb in limb_terms(SLACK, SLACK_BITS))
            self._norm(steps, bias, slack)
        self.published(steps, weights, bias)
        self.gradient(steps, weights, bias)

    @abstractmethod
    def of_rows(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """What the lookups of rows ended in."""

    @abstractmethod
    def published(self, steps: Steps, weights: Place, bias: Place | None) -> None:
        """What the committed model is of W."""

    @abstractmethod
    def gradient(self, steps: Steps, weights: Place, bias: Place | None) -> None:
        """G is the gradient of the rows that count, where the lookups of weights ended."""

    def _norm(self, steps: Steps, bias: Place | None, slack: Hidden) -> None:
        """sum over real k of Gamma(k)^2, and that of the bias, and what is left are radius^2."""
        squares = self._squares("norm", self.parameters[0].cut, (self.weight,))
        total = steps.total(squares)
        found = None if bias is None or not self.squared(bias) else bias.signed(bias.parameter.cut)
        own_square = [] if found is None else [Product(ONE, found, found)]
        steps.require_zero("norm", total + slack - public(K(self.schedule.radius**2)), own_square)
        steps.sumcheck(squares, total)

    def _norms(self, steps: Steps) -> None:
        """The same sum over several outputs, each of which has a slack."""
        weights, bias = self.parameters
        sums = [self._squares("norm", weights.cut, (self.output, self.weight))]
        if self.schedule.bias:
            sums.append(self._squares("norm of intercepts", bias.cut, (self.output,)))
        at = {"output": variables(0, self.output.bits)}
        terms = tuple(Term(c, limb, at) for c, limb in limb_terms(SLACK, SLACK_BITS))
        sums.append(Sum("slack", (self.output.bits,), constant_on((self.output,), ONE), (Factor(terms),)))
        totals = [steps.total(own) for own in sums]
        steps.require_zero("norm", linear((ONE, total) for total in totals) - public(K(self.schedule.radius**2)))
        for own, total in zip(sums, totals, strict=True):
            steps.sumcheck(own, total)

    def _squares(self, name: str, integer: Address, axes: tuple[Axis, ...]) -> Sum:
        """The sum of squares of signed integers on all real cells."""
        own, groups = self._signed(integer), tuple(axis.bits for axis in axes)
        at = {axis.name: variables(sum(groups[:i]), axis.bits) for i, axis in enumerate(axes)}
        factor = Factor(own.terms(at, ONE), own.taken_off(axes, ONE))
        return Sum(name, groups, constant_on(axes, ONE), (factor, factor))

    def _real(self, output: Point) -> K:
        """The indicator of real outputs."""
        return prefix(output, self.output.size)

    def squared(self, bias: Place) -> bool:
        """Whether the norm is of the bias, too."""
        return True

    def short_gradient(self, place: Place) -> Hidden:
        """R, what is said of a gradient."""
        own, parameter = self.schedule, place.parameter
        half = (1 << own.shift) >> 1
        whole = place.signed(parameter.cut) * (1 << own.shift) + place.unsigned(parameter.cut_rest)
        return whole - place.real * half

    def of_loss(self, place: Place) -> Hidden:
        """What is left of a gradient without the penalty."""
        return self.short_gradient(place) - self.weight_at(place) * self.schedule.penalty

    def of_used_features(self, steps: Steps, used: PublicVector | Point, ended: SumResult, factor: int = 0) -> None:
        """Where features are left out, the first value of a factor of a sum over rows is one over the others."""
        if isinstance(used, PublicVector):
            at = {"row": self.in_data(ended.point), "feature": variables(0, self.weight.bits)}
            one = Factor((Term(ONE, FEATURES, at),))
            steps.sumcheck(Sum("used features", (self.weight.bits,), used, (one,)), ended.values[factor][0])

    def weight_at(self, place: Place) -> Hidden:
        """W, or V."""
        return place.signed(place.parameter.weight) * self.unit(place.parameter)

    # Integers

    def bits_of(self, integer: Address) -> int:
        """How many bits an integer is committed in."""
        return next(own.bits[integer] for own in self.integers if integer in own.bits)

    def _signed(self, integer: Address) -> Signed:
        """One that may be negative."""
        return Signed(integer, self.bits_of(integer))

    def of_output(self, output: At) -> dict[str, At]:
        """The place on the axis of outputs of what has one where there are several."""
        return {"output": output} if self.several else {}

    def weight_terms(self, output: Point = ()) -> Factor:
        """W(k) of an output at a variable k."""
        parameter, free = self.parameters[0], variables(0, self.weight.bits)
        own, unit = self._signed(parameter.weight), K(self.unit(parameter))
        terms = own.terms({**self.of_output(output), "weight": free}, unit)
        return Factor(terms, own.taken_off((self.weight,), unit * self._real(output)))

    def weights_value(self, steps: Steps, k: Point, output: Point = ()) -> Hidden:
        """W(k) of an output."""
        parameter, real = self.parameters[0], self._real(output) * prefix(k, self.schedule.features)
        value = self._signed(parameter.weight).value(steps, {**self.of_output(output), "weight": k}, real)
        return value * self.unit(parameter)

    def bias_value(self, steps: Steps, output: Point = ()) -> Hidden:
        """V of an output."""
        parameter = self.parameters[1]
        value = self._signed(parameter.weight).value(steps, {"output": output}, self._real(output))
        return value * self.unit(parameter)

    def bias_at(self, steps: Steps, bias: Place, output: Point, integers: tuple[Address, ...] = ()) -> Place:
        """The bias of another output than where its lookups ended: these integers, or those of its gradient."""
        if not output:
            return bias
        own = bias.parameter
        integers = integers or (own.weight, own.cut, own.cut_rest)
        limbs = [limb for integer in integers for _, limb in limb_terms(integer, bias.bits[integer])]
        at = {"output": output}
        values = {limb: steps.evaluate(limb, at) for limb in limbs}
        return replace(bias, ended=LookedUp(at, values), real=self._real(output))
