"""The relation of predictions: what a committed model says of inputs that are public.

Inputs i are rows of public integers X(i, k), |X| <= 2^x_bits; M(c, k) and I(c) are the model, outputs c; answers j are
those of the outputs that count, c_j, a class that is forgotten having none. With scores

    z(i, c) = sum_k X(i, k) M(c, k) + I(c)

one equation says what is public of them, by an integer R(i, j) that has limbs:

    class, one output       R(i) = (2 b(i) - 1) z(i) - b(i)                    b(i) = 1 exactly where z(i) > 0
    class, several          R(i, j) = z(i, w_i) - z(i, c_j) - [c_j < w_i]      w_i has the largest score, and of
                                                                               equal ones it is the first
    score                   R(i, j) = z(i, c_j) - 2^r q(i, j), q public        q = floor(z / 2^r)
    probability             R(i, j) = z(i, c_j) - 2^r Q(i, j), (Q, P) in the table, P(i, j) public

Everything public here is a factor of the model, so all equations together are one linear equation in it, at a random
(i*, j*): "answers" is one sum over the model's integers, whatever the number of inputs.

Integers that are *forced*: M and I have limbs here, all looked up, whatever their own proof says; so |z| is at most
s = d 2^(x_bits + weight_bits - 1) + 2^(intercept_bits - 1) < 2^62. R of a class has the bits of s, or of several
outputs of 2 s, all looked up: both sides of its equation, as integers, are between -2 s - 1 and 2^bits, and as
2^bits + 2 s + 1 < p it holds in integers, so R >= 0 says who wins. R of a score has r <= 32 bits, all looked up, and
|q| is checked in the clear to be at most s / 2^r + 1: both sides differ by less than 2 s + 2^35 < p, so q is the floor.
Q is what the table holds, so it is in [-2^15, 2^15): likewise. P is what the table says beside Q, and equals the public
numbers as a polynomial at (i*, j*), so everywhere.

In padding of inputs and answers X, q, P and the weights of z are zeros, so R is 0 there, or -2^r Q: inert, as lookups
are of real cells only. Nothing of Q leaves the proof but P, and nothing of R leaves it.

| matrix | columns |
|---|---|
| model | as in circuits/relations/model.py |
| witness | limbs of R (input, answer), of M (output, weight), of I (output); of probabilities Q, P (input, answer); |
| | counts (section, entry) |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ...models.activation import activation_table as inverse_link
from ...models.families import Family
from ..field.goldilocks import ONE, K, P, Vector, kdot, kmul, kmul_base, kscale, ksub, matmul, to_field, total
from ..field.multilinear import Point, eq_table, prefix
from ..language.hidden import Hidden, linear
from ..language.layout import WITNESS, Address, Axis, Column
from ..language.relation import (
    Entry,
    Factor,
    Indicator,
    LookedUp,
    Lookup,
    LookupBox,
    PublicVector,
    Section,
    Steps,
    Sum,
    Table,
    Term,
    variables,
)
from ..language.tables import (
    ACTIVATION,
    ACTIVATION_COUNTS,
    RANGE_COUNTS,
    Limbs,
    activation_table,
    limb_terms,
    multiplicity_column,
    range_table,
)
from .model import COEFFICIENTS, INTERCEPT, MODEL
from .signed import Signed

CLASS, PROBABILITY, SCORE = "class", "probability", "score"
CELL, SAID = Address(WITNESS, "score cell"), Address(WITNESS, "probability")  # Q, P
REST = Address(WITNESS, "remainder")  # R
WEIGHTS, INTERCEPTS = Address(WITNESS, "weight"), Address(WITNESS, "intercept")
ANSWER_BOX, WEIGHT_BOX, INTERCEPT_BOX = "answers", "weights", "intercepts"
SCORE_LIMIT = 1 << 62
PROBABILITY_BITS = 16  # scale of probabilities: about that of scores in the finest table

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Asked:
    """A model, as far as it is public.

    Attributes:
        columns: of its matrix: weights, and an intercept if there is one.
        kept: the outputs that count, increasing.
        x_bits, shift: the scale of features, and r, after which a score is at scale q_bits.
        weight_bits, intercept_bits: what its integers have, signs included.
        family, q_bits: whose table of probabilities it is, and the scale of its index.
    """

    columns: tuple[Column, ...]
    kept: tuple[int, ...]
    x_bits: int
    shift: int
    weight_bits: int
    intercept_bits: int
    family: Family
    q_bits: int

    @property
    def output(self) -> Axis:
        """Outputs c."""
        return self.columns[0].axes[0]

    @property
    def weight(self) -> Axis:
        """Features k."""
        return self.columns[0].axes[1]

    @property
    def bias(self) -> bool:
        """Whether there is an intercept."""
        return len(self.columns) > 1

    @property
    def largest_score(self) -> int:
        """s: no |z| is larger, whatever the inputs and the model."""
        of_weights = self.weight.size << (self.x_bits + self.weight_bits - 1)
        return of_weights + (self.bias << (self.intercept_bits - 1))

    @property
    def largest_quotient(self) -> int:
        """What no |q| needs to pass."""
        return (self.largest_score >> self.shift) + 1

    @property
    def probabilities(self) -> IntArray:
        """int64 (65536,), scale PROBABILITY_BITS: entry q + 2^15 is the prediction for scores in [q, q + 1)."""
        return inverse_link(self.family.entries, self.q_bits, PROBABILITY_BITS)


class Given(Protocol):
    """What is public of the predictions."""

    @property
    def what(self) -> str:
        """CLASS, PROBABILITY or SCORE."""

    @property
    def inputs(self) -> IntArray:
        """X, int64 (inputs, features)."""

    @property
    def answers(self) -> IntArray:
        """int64 (inputs,): of classes their numbers; else (inputs, answers): q, or P."""


@dataclass(frozen=True)
class Prediction:
    """The relation.

    Attributes:
        model: what is asked. given: the inputs, and what it answers.
    """

    model: Asked
    given: Given

    @property
    def name(self) -> str:
        """Domain separator."""
        return f"prediction of {self.given.what}"

    @property
    def input(self) -> Axis:
        """Inputs i."""
        return Axis("input", len(self.given.inputs))

    @property
    def answer(self) -> Axis:
        """Answers j."""
        return Axis("answer", len(self.model.kept))

    @property
    def several(self) -> bool:
        """Whether classes compete."""
        return self.model.output.size > 1

    @property
    def by_class(self) -> bool:
        """Whether nothing but the class is public."""
        return self.given.what == CLASS

    @property
    def by_table(self) -> bool:
        """Whether probabilities are looked up."""
        return self.given.what == PROBABILITY

    @property
    def rest_bits(self) -> int:
        """Of R."""
        if not self.by_class:
            return self.model.shift
        return (self.model.largest_score << self.several).bit_length()

    @property
    def wraps(self) -> bool:
        """Whether an integer could be taken for another one: then nothing is shown."""
        largest = self.model.largest_score
        return largest >= SCORE_LIMIT or (1 << self.rest_bits) + 2 * largest + 1 >= P

    # Columns and lookups ---------------------------------------------------------------------------------------------

    @cached_property
    def integers(self) -> tuple[Limbs, ...]:
        """What is committed in limbs, by box of lookups."""
        own = self.model
        weights, *intercept = own.columns
        found = (
            Limbs(ANSWER_BOX, (self.input, self.answer), {REST: self.rest_bits}),
            Limbs(WEIGHT_BOX, weights.axes, {WEIGHTS: own.weight_bits}),
        )
        return (*found, *(Limbs(INTERCEPT_BOX, each.axes, {INTERCEPTS: own.intercept_bits}) for each in intercept))

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """See the table above."""
        limbs = (limb for own in self.integers for limb in own.columns)
        cells = (CELL, SAID) if self.by_table else ()
        counts = (RANGE_COUNTS, ACTIVATION_COUNTS) if self.by_table else (RANGE_COUNTS,)
        return {
            MODEL: self.model.columns,
            WITNESS: (
                *(Column(cell.name, (self.input, self.answer)) for cell in cells),
                *limbs,
                *(multiplicity_column(name, len(self.sections)) for name in counts),
            ),
        }

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """None."""
        return {}

    @property
    def boxes(self) -> tuple[tuple[LookupBox, ...], ...]:
        """Every limb in range, and (Q, P) in the table. Large boxes are in parts."""
        answers, *others = self.integers
        pair = (Lookup(CELL.name, ACTIVATION, (Entry(((1, CELL),)), Entry(((1, SAID),)))),) if self.by_table else ()
        box = LookupBox(answers.box, Indicator(answers.axes), (*pair, *answers.lookups))
        return ((box,), *(own.boxes for own in others))

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Section i has the i-th part of each box."""
        parts = self.boxes
        count = max(len(boxes) for boxes in parts)
        together = (tuple(boxes[i] for boxes in parts if i < len(boxes)) for i in range(count))
        return tuple(Section(own, self._tables(i, count)) for i, own in enumerate(together))

    def _tables(self, section: int, count: int) -> tuple[Table, ...]:
        table = range_table(section, count)
        return (table, activation_table(self.model.probabilities, section, count)) if self.by_table else (table,)

    def signed(self, integer: Address) -> Signed:
        """Integers of the model, in limbs."""
        bits = self.model.weight_bits if integer == WEIGHTS else self.model.intercept_bits
        return Signed(integer, bits)

    # The identities --------------------------------------------------------------------------------------------------

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """The equations of the module's head, where the lookups of each box ended."""
        for ended in looked_up.values():
            for integer, column in ((WEIGHTS, COEFFICIENTS), (INTERCEPTS, INTERCEPT)):
                if self.signed(integer).lowest in ended.values:
                    self._committed(steps, self.signed(integer), column, ended)
        self._answers(steps, looked_up[ANSWER_BOX])

    def _committed(self, steps: Steps, own: Signed, column: Address, ended: LookedUp) -> None:
        """The committed integers are what their limbs say."""
        real = prefix(ended.point["output"], self.model.output.size)
        if column == COEFFICIENTS:
            real = real * prefix(ended.point["weight"], self.model.weight.size)
        steps.require_zero(column.name, steps.evaluate(column, ended.point) - own.looked_up(ended, real))

    def _answers(self, steps: Steps, ended: LookedUp) -> None:
        """R, and 2^r Q of probabilities, at a random place are what the model makes of the inputs."""
        at = Weighted(self, ended.point["input"], ended.point["answer"])
        claim = linear((c, ended.values[limb]) for c, limb in limb_terms(REST, self.rest_bits)) + at.public
        if self.by_table:
            steps.require_zero("probabilities", ended.values[SAID] - at.said)
            claim = claim + ended.values[CELL] * (1 << self.model.shift)
        if self.model.bias:
            claim = claim - self._intercepts(steps, at)
        groups = (self.model.output.bits, self.model.weight.bits)
        output, weight = variables(0, groups[0]), variables(groups[0], groups[1])
        own = Factor((Term(ONE, COEFFICIENTS, {"output": output, "weight": weight}),))
        steps.sumcheck(Sum("answers", groups, at.weights, (own,)), claim)

    def _intercepts(self, steps: Steps, at: Weighted) -> Hidden:
        """What they have in it."""
        if not self.several:
            return steps.evaluate(INTERCEPT, {"output": ()}) * at.intercepts.evaluate(())
        free = variables(0, self.model.output.bits)
        own = Factor((Term(ONE, INTERCEPT, {"output": free}),))
        share = Sum("intercepts", (len(free),), at.intercepts, (own,))
        claim = steps.total(share)
        steps.sumcheck(share, claim)
        return claim


@dataclass(frozen=True)
class Weighted:
    """How often each integer of the model is in the equation at a place (i*, j*), and what is public in it.

    Attributes:
        inputs, answers: i* and j*.
    """

    relation: Prediction
    inputs: Point
    answers: Point

    @cached_property
    def _rows(self) -> Vector:
        """eq(i*, i) on inputs, (2, inputs)."""
        return eq_table(self.inputs)[:, : self.relation.input.size]

    @cached_property
    def _kept(self) -> Vector:
        """eq(j*, j) on answers, (2, answers)."""
        return eq_table(self.answers)[:, : self.relation.answer.size]

    @cached_property
    def _shares(self) -> Vector:
        """How often z(i, c) is in it, (2, inputs, outputs)."""
        relation, given = self.relation, self.relation.given
        found = np.zeros((2, relation.input.size, relation.model.output.size), dtype=np.uint64)
        own = kmul(self._rows[:, :, None], self._kept[:, None, :])
        if not relation.by_class:
            found[:, :, list(relation.model.kept)] = own
        elif not relation.several:
            found[:, :, 0] = kmul_base(self._rows, to_field(2 * given.answers - 1))
        else:
            winners = kscale(self._rows, prefix(self.answers, relation.answer.size))
            found[:, np.arange(relation.input.size), given.answers] = winners
            found[:, :, list(relation.model.kept)] = ksub(found[:, :, list(relation.model.kept)], own)
        return found

    @property
    def weights(self) -> PublicVector:
        """On (c, k): how often M(c, k) is in it."""
        features = to_field(self.relation.given.inputs)

        def table() -> Vector:
            return np.stack([matmul(np.ascontiguousarray(part.T), features) for part in self._shares])

        def evaluate(point: Point) -> K:
            output, weight = self._cut(point)
            at = eq_table(weight)[:, : self.relation.model.weight.size]
            return kdot(self._over_outputs(output), np.ascontiguousarray(matmul(features, at.T).T))

        return PublicVector(table, evaluate)

    @property
    def intercepts(self) -> PublicVector:
        """On c: how often I(c) is in it."""

        def table() -> Vector:
            return np.stack([total(part, axis=0) for part in self._shares])

        def evaluate(point: Point) -> K:
            found = self._over_outputs(point)
            return kdot(found, np.stack([np.ones_like(found[0]), np.zeros_like(found[0])]))

        return PublicVector(table, evaluate)

    def _cut(self, point: Point) -> tuple[Point, Point]:
        bits = self.relation.model.output.bits
        return point[:bits], point[bits:]

    def _over_outputs(self, output: Point) -> Vector:
        """The extension of the shares in outputs, at a point: (2, inputs)."""
        at = eq_table(output)[:, : self.relation.model.output.size]
        products = kmul(self._shares, np.broadcast_to(at[:, None, :], self._shares.shape))
        return np.stack([total(part, axis=1) for part in products])

    @property
    def public(self) -> K:
        """What is public and taken off scores: b, [c_j < w_i], or 2^r q."""
        relation, given = self.relation, self.relation.given
        if relation.by_table:
            return K(0)
        if not relation.by_class:
            return self._extended(given.answers) * (1 << relation.model.shift)
        if not relation.several:
            return self._extended(given.answers[:, None])
        return self._extended(np.array(relation.model.kept) < given.answers[:, None])

    @property
    def said(self) -> K:
        """P."""
        return self._extended(self.relation.given.answers)

    def _extended(self, values: npt.NDArray[np.integer | np.bool_]) -> K:
        """Of public integers (inputs, answers), the extension."""
        over_answers = matmul(to_field(values.astype(np.int64)), self._kept.T).T
        return kdot(self._rows, np.ascontiguousarray(over_answers))
