"""The relation of a training run: generalised linear models by gradient descent (docs/protocol.md, "Training").

For iteration t = (e, b), row n = (b, j), weight k, with S the indicator of rows that are real and not forgotten, and
x = x_bits, and for each output o, an index of Q, P, Y, W, V, u, v, M and I that is left out here:

    z(e, n) = sum_k X(n, k) W(e, b, k) + 2^x V(e, b) on rows that are real               "product"
    S(n) = 1 implies z - 2^16 Q in [0, 2^16) and P = activation[Q]                       "remainder", "activation"
    g(t, k) = sum_j S(n) v(n) (P(e, n) - Y(n)) X(n, k)                                   "gradient", "epochs"
    f(t)    = sum_j S(n) v(n) (P(e, n) - Y(n)) 2^x                                  "gradient", "epochs"
    2^h (W(t, k) - W(t + 1, k)) = c_e c_b g(t, k) + l_e W(t, k) - m_e (W(t, k) - W(t - 1, k))
                                  + 2^(h - 1) - u(t, k)                                  "update"
    2^h (V(t) - V(t + 1))       = the same of f, V and v; l_e V(t) if that is declared   "update", "bias decay"
    W(-1) = W(0) = 0, V(-1) = V(0) = 0;  W(T, k) = M(k), 2^x V(T) = I         "initial weights", "model", "intercept"

g(t, k) of a feature that is left out is 0 instead ("used features"), so that its weight stays 0.
V is the bias; without one, every line and column about it is left out. There is one output, or one for each of several
classes, whose scores, steps and model are its own. v(n) is the weight of the class of row n, the same for all outputs:
v_0 + (v_1 - v_0) Y(n) of two classes, the sum of v_c Y(c, n) of several, 1 without such weights. The two updates are
proved as one at s, where s = 0 is that of the weights and s = 1 that of the bias.

In a stage of a sharded training (models/shards.py) blocks are shards, with a model each, whose steps are taken by
mini-batches a: t = (e, b, a), n = (b, a, j), and t + 1 is (e, b, a + 1), or from the last batch (e + 1, b, 0); W(0),
V(0), M and I have an index b, and W(0) and 2^x V(0) are those of the stage before, if there is one. The first step has
no momentum. Rows n are those of the stage, which are elsewhere in the data set.

Integers that are *forced*: W, V, u, v and the last W and V are committed as limbs only, all of which are looked up, so
each has the one value in its range that the identities leave; Q and P are what the activation table holds, and z, which
is never committed, is 2^16 Q and a remainder that is looked up. M and I follow from limbs, cell by cell.

Columns and lookups are those of descent_columns.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from ..field.goldilocks import ONE, ZERO, K, Vector
from ..field.multilinear import Point, bits_of, eq, eq_index, eq_table, prefix
from ..language.hidden import Hidden, linear, public
from ..language.relation import (
    Coordinates,
    Factor,
    LookedUp,
    PublicVector,
    Steps,
    Sum,
    SumResult,
    Term,
    variables,
)
from ..language.tables import (
    limb_terms,
)
from .dataset import FEATURES, LABELS
from .descent_columns import PREDICTIONS, DescentColumns, Z
from .iterations import Iteration, block_rates, class_weights, decays, epoch_rates, eq_on, rate_at, shift_weights
from .model import COEFFICIENTS, INTERCEPT
from .parameters import BIAS, WEIGHTS, ParameterColumns, Share
from .shards import STARTING_INTERCEPT, STARTING_WEIGHTS, in_dataset
from .signed import Signed, constant_on

Place = TypeVar("Place", Point, Coordinates)


@dataclass(frozen=True)
class GradientDescent(DescentColumns):
    """The relation for one schedule, which says who counts, and for all outputs."""

    @property
    def name(self) -> str:
        """Domain separator."""
        return "gradient descent"

    # The identities --------------------------------------------------------------------------------------------------

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """Walk from the lookups to claims about committed columns alone: the equations of the module's head."""
        for star in looked_up.values():
            if Z in star.values:
                self._product(steps, star)

        e, b, a = (steps.point("update", axis.bits) for axis in (self.epoch, self.block, self.batch))
        t = (e, b, a)
        o, k = steps.point("update", self.output.bits), steps.point("update", self.weight.bits)
        s = steps.point("update", 1) if self.schedule.bias else (ZERO,)
        shares = self._shares(o, k, s)
        own = self._model_at(o, b)
        self._initial_weights(steps, shares, own, k)
        last = self._model(steps, looked_up, own, k)
        gradient = self._update(steps, t, shares, last) + self._bias_decay(steps, t, o, s)
        self._gradient(steps, gradient, t, o, k, s)

    def _shares(self, o: Point, k: Point, s: Point) -> tuple[Share, ...]:
        """What is trained of output o, at weight k and at s."""
        real = prefix(o, self.output.size)
        weights = Share(WEIGHTS, eq_index(s, 0), real * prefix(k, self.weight.size), {"output": o, "weight": k})
        return (weights, Share(BIAS, eq_index(s, 1), real, {"output": o})) if self.schedule.bias else (weights,)

    def _model_at(self, o: Point, b: Point) -> dict[str, Point]:
        """Which model step (e, b) of output o is of."""
        return {"output": o} if self.schedule.stage is None else {"output": o, "block": b}

    def _step(self, block: Place, batch: Place) -> dict[str, Place]:
        """Which step of an epoch something is of."""
        return {"block": block, "batch": batch} if self.batch in self.iterations else {"block": block}

    @property
    def _first(self) -> dict[str, Point]:
        """Before the first step."""
        return {axis.name: (ZERO,) * axis.bits for axis in self.iterations}

    @property
    def _free_steps(self) -> tuple[tuple[int, ...], dict[str, Coordinates]]:
        """Iterations as variables of a sum: groups of these, and coordinates."""
        groups = (self.epoch.bits, self.block.bits, self.batch.bits)
        block, batch = variables(*groups[:2]), variables(sum(groups[:2]), groups[2])
        return groups, {"epoch": variables(0, groups[0]), **self._step(block, batch)}

    def _in_dataset(self, row: Coordinates) -> Coordinates:
        """A row of the training as one of the data set."""
        return in_dataset(self.schedule.stage, row[: self.block.bits], row[self.block.bits :])

    def _product(self, steps: Steps, star: LookedUp) -> None:
        """z(e*, n*) = sum over b, k of eq(b*, b) [k real] X((b, j*), k) W(e*, b, k), and the bias on real rows."""
        e_star, row_star = star.point["epoch"], star.point["row"]
        fixed = {"output": star.point["output"], "epoch": e_star}
        groups = (self.block.bits, self.batch.bits, self.weight.bits)
        blocks, width = sum(groups[:2]), self.weight.size
        b_star, j_star = row_star[:blocks], row_star[blocks:]
        b, a, k = variables(0, groups[0]), variables(*groups[:2]), variables(blocks, groups[2])

        def table() -> Vector:
            return eq_table(b_star).reshape(2, 1 << groups[0], 1 << groups[1], 1).repeat(width, axis=3)

        def evaluate(point: Point) -> K:
            return eq(b_star, point[:blocks]) * prefix(point[blocks:], width)

        features = Factor((Term(ONE, FEATURES, {"row": self._in_dataset((*b, *a, *j_star)), "feature": k}),))
        at: dict[str, Coordinates] = {**fixed, **self._step(b, a), "weight": k}
        own, axes = self._steps(WEIGHTS), (self.block, self.batch, self.weight)
        weights = Factor(own.terms(at, ONE), own.taken_off(axes, self._real_models(fixed)))
        product = Sum("product", groups, PublicVector(table, evaluate), (features, weights))
        steps.sumcheck(product, star.values[Z] - self._bias(steps, fixed, b_star, j_star))

    def _real_models(self, fixed: Mapping[str, Point]) -> K:
        """The indicator of real outputs and epochs."""
        return prefix(fixed["output"], self.output.size) * prefix(fixed["epoch"], self.epoch.size)

    def _bias(self, steps: Steps, fixed: Mapping[str, Point], blocks: Point, j: Point) -> Hidden:
        """sum over b' of eq(b, b') [(b', j) real] 2^x V(e, b'): V(e, b), less what a last block lacks of its rows.

        Shards that have mini-batches lack none.

        fixed: output and epoch. blocks: b, and where there are such batches the one of the shard.
        """
        if not self.schedule.bias:
            return public(ZERO)
        b, a, last = blocks[: self.block.bits], blocks[self.block.bits :], self.block.size - 1
        places = self.schedule.block_size << len(a)
        rows = self.schedule.rows - last * places
        missing = ZERO if rows == places else eq_index(b, last) * (ONE - prefix(j, rows))
        amounts = [(ONE, b)] if rows == places else [(ONE, b), (-missing, bits_of(last, len(b)))]
        if not b:  # one block: V(e) on its rows
            amounts = [(ONE - missing, b)]
        values = []
        for amount, block in amounts:
            at = {**fixed, **self._step(block, a)}
            real = self._real_models(fixed) * prefix(block, self.block.size) * prefix(a, self.batch.size)
            one = K(1 << self.schedule.scales.x_bits)
            values.append((amount * one, self._steps(BIAS).value(steps, at, real)))
        return linear(values)

    def _initial_weights(self, steps: Steps, shares: tuple[Share, ...], model: Mapping[str, Point], k: Point) -> None:
        """W(0, k) = 0 and V(0) = 0, or W(0, k) and 2^x V(0) are those that training begins from."""
        first = {**self._first, **model}
        real = prefix(model["block"], self.block.size) if "block" in model else ONE
        values = [self._steps(own.parameter).value(steps, {**first, **own.at}, own.real * real) for own in shares]
        if self.start is None:
            initial = linear((own.share, value) for own, value in zip(shares, values, strict=True))
            steps.require_zero("initial weights", initial)
            return
        weights, *biases = values
        at = {**model, "block": (*self.start, *model.get("block", ()))}
        steps.require_zero("starting weights", weights - steps.evaluate(STARTING_WEIGHTS, {**at, "weight": k}))
        for bias in biases:
            intercept = bias * (1 << self.schedule.scales.x_bits)
            steps.require_zero("starting intercept", intercept - steps.evaluate(STARTING_INTERCEPT, at))

    def _model(
        self, steps: Steps, looked_up: Mapping[str, LookedUp], model: Mapping[str, Point], k: Point
    ) -> Mapping[ParameterColumns, Hidden]:
        """The committed model is what its limbs say. Returns the last W of a model at k, and the last V."""
        limbs = self._last(WEIGHTS)
        for ended in looked_up.values():
            if limbs.lowest in ended.values:  # one part of the box, of several if there are many models
                real = prefix(ended.point["weight"], self.weight.size) * self._real(ended.point)
                weights = steps.evaluate(COEFFICIENTS, ended.point)
                steps.require_zero("model", weights - limbs.looked_up(ended, real))
        last = {WEIGHTS: steps.evaluate(COEFFICIENTS, {**model, "weight": k})}
        if self.schedule.bias:
            last[BIAS] = self._last_bias(steps, looked_up, model)
            intercept = steps.evaluate(INTERCEPT, model)
            steps.require_zero("intercept", intercept - last[BIAS] * (1 << self.schedule.scales.x_bits))
        return last

    def _real(self, model: Mapping[str, Point]) -> K:
        """The indicator of real models."""
        return math.prod((prefix(model[axis.name], axis.size) for axis in self.models), start=ONE)

    def _last_bias(self, steps: Steps, looked_up: Mapping[str, LookedUp], model: Mapping[str, Point]) -> Hidden:
        """The last V of a model: of the only one, where the lookups of its limbs ended."""
        if not any(model.values()):
            return self._last(BIAS).looked_up(looked_up[BIAS.last_box], ONE)
        return self._last(BIAS).value(steps, model, self._real(model))

    def _update(
        self, steps: Steps, t: Iteration, shares: tuple[Share, ...], last: Mapping[ParameterColumns, Hidden]
    ) -> Hidden:
        """The update equation at (t, k, s), solved for the weighted gradient, which is handed on as a claim.

        sum over real t' of shift_weights(t, t') W(t', k)  -  2^h eq(t, T - 1) M(k)
            = gradient + 2^(h - 1) [t, k real] - u(t, k)                            and the same for V: eq(s, .) of both
        """
        e, b, a = t
        schedule, scale = self.schedule, K(1 << self.schedule.shift)
        groups, free = self._free_steps
        terms = [term for own in shares for term in self._steps(own.parameter).terms({**free, **own.at}, own.share)]
        real = sum((own.share * own.real for own in shares), ZERO)
        factor = Factor(tuple(terms), self._steps(WEIGHTS).taken_off((self.epoch, self.block, self.batch), real))
        shift = Sum("update", groups, shift_weights(schedule, t), (factor,))
        change = steps.total(shift)
        steps.sumcheck(shift, change)

        at_last = eq_index(e, schedule.epochs - 1) * eq_index(a, self.batch.size - 1)
        if schedule.stage is None:  # one model, after the last block
            at_last = at_last * eq_index(b, self.block.size - 1)
        model = linear((scale * at_last * own.share, last[own.parameter]) for own in shares)
        at = {"epoch": e, **self._step(b, a)}
        remainder = linear(
            (own.share * c, steps.evaluate(limb, {**at, **own.at}))
            for own in shares
            for c, limb in limb_terms(own.parameter.remainder, schedule.shift)
        )
        steps_there = prefix(e, self.epoch.size) * prefix(b, self.block.size) * prefix(a, self.batch.size)
        half = K(1 << (schedule.shift - 1)) * steps_there * real
        return change - model - half + remainder

    def _bias_decay(self, steps: Steps, t: Iteration, o: Point, s: Point) -> Hidden:
        """eq(s, 1) times the sum over real t' of eq(t, t') l_t' V(t'): what `_update` took off a bias that does not."""
        schedule = self.schedule
        if not schedule.bias or schedule.penalize_bias or not any(schedule.l_epoch.values):
            return public(ZERO)
        groups, free = self._free_steps
        biases, real = self._steps(BIAS), prefix(o, self.output.size)
        factor = Factor(
            biases.terms({"output": o, **free}, ONE), biases.taken_off((self.epoch, self.block, self.batch), real)
        )
        decay = Sum("bias decay", groups, decays(schedule, t), (factor,))
        taken = steps.total(decay)
        steps.sumcheck(decay, taken)
        return taken * eq_index(s, 1)

    def _gradient(self, steps: Steps, claim: Hidden, t: Iteration, o: Point, k: Point, s: Point) -> None:
        """claim = the weighted gradient of eq(s, 0) X(n, k) + eq(s, 1) 2^x of output o at iteration t."""
        one, width, (e, b, a) = K(1 << self.schedule.scales.x_bits), self.weight.bits, t
        unused, rates = self.schedule.unused, block_rates(self.schedule, (*b, *a))
        at = eq_on(k, self.weight.size, unused) if unused else k
        ended = self._rows(steps, claim, e, rates, o, self._of_rows(at, eq_index(s, 0), eq_index(s, 1) * one))
        if isinstance(at, PublicVector):
            row = self._in_dataset(ended.point)
            own = Factor((Term(ONE, FEATURES, {"row": row, "feature": variables(0, width)}),))
            steps.sumcheck(Sum("used features", (width,), at, (own,)), ended.values[0][0])

    def _of_rows(self, k: Point | PublicVector, share: K, constant: K) -> Factor:
        """share X(n, k) + constant, on rows n."""
        row = self._in_dataset(variables(0, self.row.bits))
        same = constant_on((self.row,), constant) if self.schedule.bias else None
        return Factor((Term(share, FEATURES, {"row": row, "feature": k}),), same)

    def _rows(
        self, steps: Steps, claim: Hidden, e: Point, rates: PublicVector, o: Point, *features: Factor
    ) -> SumResult:
        """claim = sum over n of rates(n) X'(n) (sum over e' of eq(e, e') c_e' P(e', n)  -  c Y(n)) v(n).

        rates(n) is eq(b, b_n) c_b S(n), or without c_b where that is taken already. X' is 1, or the one factor that is
        given, c = sum over e' of eq(e, e') c_e'; P and Y are those of output o. Sums over the rows, then over the
        epochs, and over the classes where these have weights. Returns where the first ended.
        """
        by_epoch, rate = epoch_rates(self.schedule, e), rate_at(self.schedule, e)
        row = variables(0, self.row.bits)
        own = self._in_dataset(row)
        residual = Factor(
            (
                Term(ONE, PREDICTIONS, {"output": o, "epoch": by_epoch, "row": row}),
                Term(-rate * self.schedule.label_multiplier, LABELS, {"output": o, "row": own}),
            )
        )
        over_rows = Sum("gradient", (self.row.bits,), rates, (*features, residual, *self._weights()))
        ended = steps.sumcheck(over_rows, claim)

        *_, folded = ended.values[: len(features) + 1]
        at: dict[str, Coordinates] = {"output": o, "epoch": variables(0, self.epoch.bits), "row": ended.point}
        over_epochs = Sum("epochs", (self.epoch.bits,), by_epoch, (Factor((Term(ONE, PREDICTIONS, at),)),))
        steps.sumcheck(over_epochs, folded[0])
        if self.schedule.weighted and o:
            classes = variables(0, self.output.bits)
            of_class, at_row = class_weights(self.schedule), self._in_dataset(ended.point)
            label = Factor((Term(ONE, LABELS, {"output": classes, "row": at_row}),))
            steps.sumcheck(Sum("class weights", (self.output.bits,), of_class, (label,)), ended.values[-1][0])
        return ended

    def _weights(self) -> tuple[Factor, ...]:
        """v(n) on rows n, if rows count differently."""
        schedule, row = self.schedule, self._in_dataset(variables(0, self.row.bits))
        if not schedule.weighted:
            return ()
        if schedule.outputs > 1:
            return (Factor((Term(ONE, LABELS, {"output": class_weights(schedule), "row": row}),)),)
        first, second = schedule.class_weights
        difference = Term(K(second - first), LABELS, {"output": (), "row": row})
        return (Factor((difference,), constant_on((self.row,), K(first))),)

    def _steps(self, parameter: ParameterColumns) -> Signed:
        """W, or V, before each step."""
        return Signed(parameter.steps, self.schedule.weight_bits)

    def _last(self, parameter: ParameterColumns) -> Signed:
        """W, or V, after the last one."""
        return Signed(parameter.last, self.schedule.weight_bits)
