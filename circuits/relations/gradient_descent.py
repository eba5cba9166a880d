"""The relation of a training run: generalised linear models by gradient descent (docs/protocol.md, "Training").

For iteration t = (e, b), row n = (b, j), weight k, with S the indicator of rows that are real and not forgotten:

    z(e, n) = sum_k X'(n, k) W(e, b, k)                                                  "product"
    S(n) = 1 implies z - 2^16 Q in [0, 2^16) and P = activation[Q]                       "remainder", "activation"
    g(t, k) = sum_j S(n) (P(e, n) - Y(n)) X'(n, k)                                       "gradient", "epochs"
    2^h (W(t, k) - W(t + 1, k)) = c_e c_b g(t, k) + l_e W(t, k) + 2^(h - 1) - u(t, k)    "update"
    W(0, k) = 0, W(T, k) = M(k)                                                          "initial weights", "model"

X' is X with the constant-one feature, or without it if there is no bias. W and u are not committed themselves but as
limbs, so that their ranges are lookups; so is M beside its own commitment. z is never committed.

| matrix | columns |
|---|---|
| dataset | features (feature, row), labels (row), blinds |
| model | model (weight) |
| witness | Q, P (epoch, row); limbs of W and u (epoch, block, weight); limbs of M (weight); counts (section, entry) |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from ...errors import ParameterError
from ...models.methods.schedule import Schedule
from ...models.runs import Runs
from ..field.goldilocks import ONE, K, Vector, kadd, kdot, kmul, kmul_base, kscale, ksub, to_field
from ..field.multilinear import Point, eq, eq_at, eq_index, eq_table, prefix
from ..language.hidden import Hidden, linear
from ..language.layout import VIRTUAL, WITNESS, Address, Axis, Column
from ..language.relation import (
    LIMB,
    Coordinates,
    Entry,
    Factor,
    Indicator,
    LookedUp,
    Lookup,
    PublicVector,
    Section,
    Steps,
    Sum,
    Term,
    variables,
)
from ..language.tables import (
    ACTIVATION,
    ACTIVATION_COUNTS,
    RANGE,
    RANGE_COUNTS,
    activation_table,
    limb_columns,
    limb_lookups,
    limb_terms,
    lookup_boxes,
    multiplicity_column,
    range_table,
)
from .dataset import DATASET, FEATURES, LABELS, dataset_columns, row_axis
from .model import MODEL, model_columns, weight_axis

Q, PREDICTIONS = Address(WITNESS, "Q"), Address(WITNESS, "P")
Z = Address(VIRTUAL, "z")
WEIGHTS, UPDATE, MODEL_LIMBS = (Address(WITNESS, name) for name in ("weights", "update remainder", "model"))  # in limbs
FEW_RUNS = 64
SCORES, LIMBS, LAST_LIMBS = "scores", "limbs", "model limbs"  # boxes of lookups


@dataclass(frozen=True)
class GradientDescent:
    """The relation for one schedule, which says who counts.

    Attributes:
        schedule: the integers of the declared algorithm (models/methods/schedule.py).
    """

    schedule: Schedule

    def __post_init__(self) -> None:
        """Raises ParameterError for a training on ranges of rows, which this relation cannot say."""
        if not self.schedule.live.whole:
            raise ParameterError("training on ranges of the rows cannot be proved yet")

    @property
    def name(self) -> str:
        """Domain separator."""
        return "gradient descent"

    # Axes ----------------------------------------------------------------------------------------------------------

    @property
    def epoch(self) -> Axis:
        """Epochs e."""
        return Axis("epoch", self.schedule.epochs)

    @property
    def block(self) -> Axis:
        """Mini-batches b."""
        return Axis("block", self.schedule.blocks)

    @property
    def row(self) -> Axis:
        """Rows n; block b is given by the high bits."""
        return row_axis(self.schedule.rows)

    @property
    def weight(self) -> Axis:
        """Weights k."""
        return weight_axis(self.schedule)

    @property
    def steps_box(self) -> tuple[Axis, ...]:
        """One cell for each weight and iteration."""
        return (self.epoch, self.block, self.weight)

    # Columns and lookups -------------------------------------------------------------------------------------------

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """See the table above."""
        schedule = self.schedule
        return {
            DATASET: dataset_columns(schedule.rows, schedule.features),
            MODEL.matrix: model_columns(schedule),
            WITNESS: (
                *(Column(column.name, (self.epoch, self.row)) for column in (Q, PREDICTIONS)),
                *limb_columns(WEIGHTS, schedule.weight_bits, self.steps_box),
                *limb_columns(UPDATE, schedule.shift, self.steps_box),
                *limb_columns(MODEL_LIMBS, schedule.weight_bits, (self.weight,)),
                *(multiplicity_column(name, len(self.sections)) for name in (RANGE_COUNTS, ACTIVATION_COUNTS)),
            ),
        }

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """The scores, proved by "product"."""
        return {Z: (self.epoch, self.row)}

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """z - 2^16 Q in range, (Q, P) in the activation table; every limb in range."""
        remainder = Lookup("remainder", RANGE, (Entry(((1, Z), (-LIMB, Q))),))
        activation = Lookup("activation", ACTIVATION, (Entry(((1, Q),)), Entry(((1, PREDICTIONS),))))
        limbs = limb_lookups(WEIGHTS, self.schedule.weight_bits) + limb_lookups(UPDATE, self.schedule.shift)
        last = limb_lookups(MODEL_LIMBS, self.schedule.weight_bits)
        live = Indicator((self.epoch, self.row), self.schedule.live.forgotten, self.schedule.live.ranges)
        parts = (
            lookup_boxes(SCORES, live, (remainder, activation)),
            lookup_boxes(LIMBS, Indicator(self.steps_box), limbs),
            lookup_boxes(LAST_LIMBS, Indicator((self.weight,)), last),
        )
        table, count = self.schedule.activation_table, max(len(boxes) for boxes in parts)
        return tuple(
            Section(
                tuple(boxes[i] for boxes in parts if i < len(boxes)),
                (range_table(i, count), activation_table(table, i, count)),
            )
            for i in range(count)
        )

    # The identities --------------------------------------------------------------------------------------------------

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """Walk from the lookups to claims about committed columns alone (3-step outline in the module's head)."""
        for star in looked_up.values():
            if Z in star.values:
                self._product(steps, star)

        t = (steps.point("update", self.epoch.bits), steps.point("update", self.block.bits))
        k = steps.point("update", self.weight.bits)
        self._initial_weights(steps, k)
        gradient = self._update(steps, t, k)
        self._gradient(steps, gradient, t, k)

        self._model(steps, looked_up)

    def _product(self, steps: Steps, star: LookedUp) -> None:
        """z(e*, n*) = sum over b, k of eq(b*, b) [k real] X((b, j*), k) W(e*, b, k)."""
        e_star, row_star = star.point["epoch"], star.point["row"]
        blocks = self.block.bits
        b_star, j_star = row_star[:blocks], row_star[blocks:]
        b, k = variables(0, blocks), variables(blocks, self.weight.bits)
        width = self.schedule.width

        def table() -> Vector:
            return np.repeat(eq_table(b_star)[:, :, None], width, axis=2)

        def evaluate(point: Point) -> K:
            return eq(b_star, point[:blocks]) * prefix(point[blocks:], width)

        features = Factor((Term(ONE, FEATURES, {"row": (*b, *j_star), "feature": k}),))
        at: dict[str, Coordinates] = {"epoch": e_star, "block": b, "weight": k}
        weights = self._weights(at, (self.block, self.weight), prefix(e_star, self.epoch.size))
        groups = (blocks, self.weight.bits)
        product = Sum("product", groups, PublicVector(table, evaluate), (features, weights))
        steps.sumcheck(product, star.values[Z])

    def _initial_weights(self, steps: Steps, k: Point) -> None:
        """W(0, k) = 0."""
        first: dict[str, Point] = {"epoch": (K(0),) * self.epoch.bits, "block": (K(0),) * self.block.bits, "weight": k}
        terms = limb_terms(WEIGHTS, self.schedule.weight_bits)
        value = linear((c, steps.evaluate(limb, first)) for c, limb in terms)
        steps.require_zero("initial weights", value - self._offset * prefix(k, self.weight.size))

    def _update(self, steps: Steps, t: tuple[Point, Point], k: Point) -> Hidden:
        """The update equation at (t, k), solved for the weighted gradient, which is handed on as a claim.

        sum over real t' of [2^h eq(t, t') - 2^h next(t, t') - l_t' eq(t, t')] W(t', k)  -  2^h eq(t, T - 1) M(k)
            = gradient + 2^(h - 1) [t, k real] - u(t, k)
        """
        e, b = t
        schedule, scale = self.schedule, K(1 << self.schedule.shift)
        groups = (self.epoch.bits, self.block.bits)
        at_k: dict[str, Coordinates] = {"epoch": variables(0, groups[0]), "block": variables(*groups), "weight": k}
        weights = self._weights(at_k, (self.epoch, self.block), prefix(k, self.weight.size))
        shift = Sum("update", groups, self._shift_weights(e, b), (weights,))
        change = steps.total(shift)
        steps.sumcheck(shift, change)

        last = eq_index(e, schedule.epochs - 1) * eq_index(b, schedule.blocks - 1)
        model = steps.evaluate(MODEL, {"weight": k})
        at = {"epoch": e, "block": b, "weight": k}
        remainder = linear((c, steps.evaluate(limb, at)) for c, limb in limb_terms(UPDATE, schedule.shift))
        real = prefix(e, schedule.epochs) * prefix(b, schedule.blocks) * prefix(k, schedule.width)
        half = K(1 << (schedule.shift - 1))
        return change - model * (scale * last) - half * real + remainder

    def _gradient(self, steps: Steps, claim: Hidden, t: tuple[Point, Point], k: Point) -> None:
        """claim = sum over n of eq(b, b_n) c_b S(n) X'(n, k) (sum over e' of eq(e, e') c_e' P(e', n)  -  c Y(n)).

        c = sum over e' of eq(e, e') c_e'. Two sums: over the rows, then over the epochs.
        """
        e, b = t
        epochs, rate = self.schedule.epochs, _extension(self.schedule.c_epoch, e)

        @cache
        def rates() -> Vector:
            return kmul_base(eq_table(e)[:, :epochs], _integers(self.schedule.c_epoch))

        by_epoch = PublicVector(rates, lambda x: kdot(rates(), eq_table(x)[:, :epochs]))
        row = variables(0, self.row.bits)
        features = Factor((Term(ONE, FEATURES, {"row": row, "feature": k}),), self._without_constant(k))
        residual = Factor(
            (
                Term(ONE, PREDICTIONS, {"epoch": by_epoch, "row": row}),
                Term(-rate * self.schedule.label_multiplier, LABELS, {"row": row}),
            )
        )
        over_rows = Sum("gradient", (self.row.bits,), self._block_rates(b), (features, residual))
        ended = steps.sumcheck(over_rows, claim)

        folded = ended.values[1][0]
        at: dict[str, Coordinates | PublicVector] = {"epoch": variables(0, self.epoch.bits), "row": ended.point}
        over_epochs = Sum("epochs", (self.epoch.bits,), by_epoch, (Factor((Term(ONE, PREDICTIONS, at),)),))
        steps.sumcheck(over_epochs, folded)

    def _model(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """The committed model is what its limbs say, at the point where their lookups ended."""
        terms = limb_terms(MODEL_LIMBS, self.schedule.weight_bits)
        ended = looked_up[LAST_LIMBS]
        limbs = linear((c, ended.values[limb]) for c, limb in terms)
        k = ended.point["weight"]
        model = steps.evaluate(MODEL, {"weight": k})
        steps.require_zero("model", model - limbs + self._offset * prefix(k, self.weight.size))

    # Public vectors --------------------------------------------------------------------------------------------------

    @property
    def _offset(self) -> K:
        """What makes a signed weight non-negative before it is cut into limbs."""
        return K(1 << (self.schedule.weight_bits - 1))

    def _weights(self, at: Mapping[str, Coordinates], free: tuple[Axis, ...], fixed: K) -> Factor:
        """W with the axes `free` at variables: limbs, less the offset on real cells.

        fixed: the indicator of real cells on the axes that are at points.
        """
        scale = -self._offset * fixed

        def table() -> Vector:
            return kscale(_ones(*(axis.size for axis in free)), scale)

        def evaluate(point: Point) -> K:
            result = scale
            for axis in free:
                result, point = result * prefix(point[: axis.bits], axis.size), point[axis.bits :]
            return result

        terms = tuple(Term(c, limb, at) for c, limb in limb_terms(WEIGHTS, self.schedule.weight_bits))
        return Factor(terms, PublicVector(table, evaluate))

    def _without_constant(self, k: Point) -> PublicVector | None:
        """What takes the constant feature out of X(n, k) where there is no bias: variables n."""
        rows, features = self.schedule.rows, self.schedule.features
        if self.schedule.width > features:
            return None
        at_k = eq_index(k, features) * -(1 << self.schedule.scales.x_bits)
        return PublicVector(lambda: kscale(_ones(rows), at_k), lambda point: prefix(point, rows) * at_k)

    def _shift_weights(self, e: Point, b: Point) -> PublicVector:
        """2^h eq(t, t') - 2^h next(t, t') - l_t' eq(t, t') on real t' = (e', b').

        next steps b within an epoch, and from the last block to the first of the next epoch.
        """
        epochs, blocks = self.schedule.epochs, self.schedule.blocks
        scale = K(1 << self.schedule.shift)

        @cache  # and not before it is needed: a plan has no use for it
        def vectors() -> tuple[Vector, ...]:
            at_e, at_b = eq_table(e)[:, :epochs], eq_table(b)[:, :blocks]
            stay = ksub(kscale(at_e, scale), kmul_base(at_e, _integers(self.schedule.l_epoch)))
            next_e = kscale(_shifted(at_e), -scale * eq_index(b, blocks - 1))
            return at_e, at_b, stay, next_e, kscale(_shifted(at_b), -scale)

        def table() -> Vector:
            at_e, at_b, stay, next_e, next_b = vectors()
            values = kadd(_outer(stay, at_b), _outer(at_e, next_b))
            values[:, :, 0] = kadd(values[:, :, 0], next_e)
            return values

        def evaluate(point: Point) -> K:
            at_e, at_b, stay, next_e, next_b = vectors()
            x, y = point[: self.epoch.bits], point[self.epoch.bits :]
            to_e, to_b = eq_table(x)[:, :epochs], eq_table(y)[:, :blocks]
            same_epoch = kdot(stay, to_e) * kdot(at_b, to_b) + kdot(at_e, to_e) * kdot(next_b, to_b)
            return same_epoch + kdot(next_e, to_e) * eq_index(y, 0)

        return PublicVector(table, evaluate)

    def _block_rates(self, b: Point) -> PublicVector:
        """eq(b, b_n) c_b S(n) on rows n; the verifier's side takes O(blocks + forgotten)."""
        rows, size, bits = self.schedule.rows, self.schedule.block_size, self.block.bits

        @cache
        def block_rates() -> Vector:
            return kmul_base(eq_table(b)[:, : self.block.size], _integers(self.schedule.c_block))

        def table() -> Vector:
            values = np.repeat(block_rates(), size, axis=1)[:, :rows]
            values[:, list(self.schedule.live.forgotten)] = 0
            return values

        def evaluate(point: Point) -> K:
            rates, high, low = block_rates(), point[:bits], point[bits:]
            to_b = eq_table(high)[:, : rates.shape[1]]
            last = K(int(rates[0, -1]), int(rates[1, -1])) * K(int(to_b[0, -1]), int(to_b[1, -1]))
            missing = ONE - prefix(low, rows - (rates.shape[1] - 1) * size)
            forgotten = np.array(self.schedule.live.forgotten, dtype=np.int64)
            at_forgotten = eq_at(point, self.schedule.live.forgotten)
            return kdot(rates, to_b) - last * missing - kdot(rates[:, forgotten // size], at_forgotten)

        return PublicVector(table, evaluate)


def _integers(values: Runs) -> Vector:
    """Integers below 2^62 as F elements."""
    return to_field(values.array())


def _extension(values: Runs, point: Point) -> K:
    """Their extension at a point: run by run where they are few, which needs no table."""
    if len(values.values) > FEW_RUNS:
        table = eq_table(point)[:, : len(values)]
        return kdot(kmul_base(table, _integers(values)), _ones(len(values)))
    below, total = K(0), K(0)
    for value, end in zip(values.values, values.ends, strict=True):
        before, below = below, prefix(point, end)
        total = total + (below - before) * value
    return total


def _ones(*shape: int) -> Vector:
    """A K array of ones, (2, *shape)."""
    values = np.zeros((2, *shape), dtype=np.uint64)
    values[0] = 1
    return values


def _outer(x: Vector, y: Vector) -> Vector:
    """Outer product of K vectors (2, m) and (2, n), shape (2, m, n)."""
    return kmul(x[:, :, None], y[:, None, :])


def _shifted(x: Vector) -> Vector:
    """x moved one place up, the first entry zero: i' -> x(i' - 1)."""
    return np.concatenate([np.zeros((2, 1), dtype=np.uint64), x[:, :-1]], axis=1)
