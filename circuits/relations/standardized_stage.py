"""The relation of a stage of a sharded training on standardised features (docs/protocol.md, "Shards and stages").

As in standardized_descent.py, where every shard s, which is a block, has a scaler of its own (shard_scaler.py):

    z(e, n) = sum_k 2^e(s, k) X(n, k) W(e, s, k) + 2^x V(e, s) - sum_k m(s, k) W(e, s, k)          "product"
    gradient(t, k) = DP(s, k) gamma(t, k) - DM(s, k) R(t),  gradient(t, bias) = D_b(s) 2^x R(t)
                                                                        "parts", "scaled gradient", "centred gradient"
    M(s) = 2^e W(T, s),  I(s) = 2^x V(T, s) - sum_k m(s, k) W(T, s, k)                             "powers", "intercept"

A stage begins from the models of the stage before, which are of features as they are, in its own features:

    2^e(s, k) W(0, s, k) + r(s, k) = M'(s, k),   r + r_c = 2^e - 1             "starting weights", "starting remainders"
    2^x V(0, s) + r'(s) = I'(s) + sum_k m(s, k) W(0, s, k)                                         "starting intercept"

r, r_c and r' are *forced*: 16 bits of each of the first two are looked up, and x of the last, so W(0) and V(0), which
are in their ranges, are the ones that rounding down leaves, whatever an earlier statement committed to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...errors import ZkUnlearnError
from ..field.goldilocks import ONE, ZERO, Vector, kscale
from ..field.multilinear import Point, eq_index, prefix
from ..language.hidden import Hidden, linear
from ..language.layout import WITNESS, Address, Column
from ..language.relation import (
    TABLE_BITS,
    Coordinates,
    Factor,
    LookedUp,
    LookupBox,
    PublicVector,
    Steps,
    Sum,
    Term,
    outer,
    variables,
)
from ..language.tables import Limbs, limb_terms
from .iterations import Iteration, block_factors, counted_in_blocks, epoch_rates, eq_on, extension, in_base
from .model import INTERCEPT
from .parameters import BIAS, WEIGHTS, ParameterColumns, Share
from .shard_scaler import ShardScaler
from .shards import STARTING_INTERCEPT, STARTING_WEIGHTS
from .signed import Signed, constant_on
from .standardization import CENTRED_RATE, OFFSET, POWER, SCALED_RATE
from .standardized_descent import GRADIENTS, RESIDUALS, StandardizedDescent

START_REST, START_LACK = (Address(WITNESS, name) for name in ("starting remainder", "starting remainder complement"))
BIAS_REST = Address(WITNESS, "starting bias remainder")
START_BOX, BIAS_START_BOX = "starting remainders", "starting bias remainders"  # of lookups


@dataclass(frozen=True)
class StandardizedStage(StandardizedDescent):
    """The relation for one stage of some shards, whose features are standardised."""

    @cached_property
    def scaler(self) -> ShardScaler:
        """What says how features of each shard are standardised."""
        whole, counts = self.schedule.standardization, self.schedule.shard_counts
        if whole is None:
            raise ZkUnlearnError("a stage without standardisation")
        return ShardScaler(
            public=whole.of(min(counts.values)),
            feature=self.weight,
            output=self.output,
            row=self.row,
            live=self.schedule.live,
            last=self._last(WEIGHTS),
            schedule=self.schedule,
            shard=self.block,
            place=self._in_dataset,
        )

    # Columns and lookups -------------------------------------------------------------------------------------------

    @property
    def remainders(self) -> tuple[Limbs, ...]:
        """What rounding down leaves at the start."""
        if self.start is None:
            return ()
        return (
            Limbs(START_BOX, (*self.models, self.weight), {START_REST: TABLE_BITS, START_LACK: TABLE_BITS}),
            Limbs(BIAS_START_BOX, self.models, {BIAS_REST: self.schedule.scales.x_bits}),
        )

    @property
    def besides(self) -> tuple[Column, ...]:
        """What standardises, and what rounding down leaves."""
        return (*super().besides, *(column for own in self.remainders for column in own.columns))

    def _boxes(self) -> tuple[tuple[LookupBox, ...], ...]:
        """These, too."""
        return (*super()._boxes(), *(own.boxes for own in self.remainders))

    # The identities --------------------------------------------------------------------------------------------------

    def _scaled(self, block: Coordinates, feature: Coordinates) -> dict[str, Coordinates]:
        """Where the scaler of a feature is: each shard has its own."""
        return {"block": block, "weight": feature}

    @property
    def _free(self) -> tuple[tuple[int, ...], dict[str, Coordinates]]:
        """Shards and features as variables of a sum: groups of these, and coordinates."""
        groups = (self.block.bits, self.weight.bits)
        return groups, {"block": variables(0, groups[0]), "weight": variables(*groups)}

    def _rest(self, steps: Steps, column: Address, at: Mapping[str, Point]) -> Hidden:
        """What rounding down leaves, at a point."""
        (bits,) = (own.bits[column] for own in self.remainders if column in own.bits)
        return linear((c, steps.evaluate(limb, at)) for c, limb in limb_terms(column, bits))

    def _centred(self, name: str, model: Mapping[str, Point], weights: Signed, at: Mapping[str, Point]) -> Sum:
        """sum over k of m(s, k) weights(o, s, k). at: which weights are meant, besides their model."""
        groups, free = self._free
        shard = outer(eq_on(model["block"], self.block.size), constant_on((self.weight,), ONE), groups[0])
        own = self._weights_of(weights, model, at)
        return Sum(name, groups, shard, (Factor((Term(ONE, OFFSET, free),)), own))

    def _weights_of(self, weights: Signed, model: Mapping[str, Point], at: Mapping[str, Point]) -> Factor:
        """Weights of output o, of all shards and features."""
        real = prefix(model["output"], self.output.size)
        place: dict[str, Coordinates] = {"output": model["output"], **at, **self._free[1]}
        return Factor(weights.terms(place, ONE), weights.taken_off((self.block, self.weight), real))

    def _initial_weights(self, steps: Steps, shares: tuple[Share, ...], model: Mapping[str, Point], k: Point) -> None:
        """W(0) = 0 and V(0) = 0, or they are what the models before are in features of this stage."""
        if self.start is None:
            super()._initial_weights(steps, shares, model, k)
            return
        first, own = {**self._first, **model}, self._steps(WEIGHTS)
        before = {**model, "block": (*self.start, *model["block"])}
        groups, free = self._free
        rest = self._rest(steps, START_REST, {**model, "weight": k})
        shard = outer(eq_on(model["block"], self.block.size), eq_on(k, self.weight.size), groups[0])
        powers = Factor((Term(ONE, POWER, free),))
        scaled = Sum("starting weights", groups, shard, (powers, self._weights_of(own, model, self._first)))
        steps.sumcheck(scaled, steps.evaluate(STARTING_WEIGHTS, {**before, "weight": k}) - rest)

        output, real = prefix(model["output"], self.output.size), self._real(model) * prefix(k, self.weight.size)
        lack = self._rest(steps, START_LACK, {**model, "weight": k})
        power = steps.evaluate(POWER, {"block": model["block"], "weight": k})
        steps.require_zero("starting remainders", rest + lack - power * output + real)

        means = self._centred("starting means", model, own, self._first)
        taken = steps.total(means)
        steps.sumcheck(means, taken)
        bias = self._steps(BIAS).value(steps, first, self._real(model))
        intercept = bias * (1 << self.schedule.scales.x_bits) + self._rest(steps, BIAS_REST, model)
        steps.require_zero("starting intercept", intercept - steps.evaluate(STARTING_INTERCEPT, before) - taken)

    def _model(
        self, steps: Steps, looked_up: Mapping[str, LookedUp], model: Mapping[str, Point], k: Point
    ) -> Mapping[ParameterColumns, Hidden]:
        """The intercept is what means leave of the bias; "powers" proves the weights. Returns W(T) at k, and V(T)."""
        last = self._last(WEIGHTS)
        means = self._centred("intercept", model, last, {})
        taken = steps.total(means)
        bias = self._last_bias(steps, looked_up, model)
        one = 1 << self.schedule.scales.x_bits
        steps.require_zero("intercept", steps.evaluate(INTERCEPT, model) - bias * one + taken)
        steps.sumcheck(means, taken)
        real = self._real(model) * prefix(k, self.weight.size)
        return {WEIGHTS: last.value(steps, {**model, "weight": k}, real), BIAS: bias}

    def _gradient(self, steps: Steps, claim: Hidden, t: Iteration, o: Point, k: Point, s: Point) -> None:
        """claim = eq(s, 0) (DP gamma - DM R) + eq(s, 1) D_b 2^x R of output o at iteration t and feature k."""
        e, *_ = t
        by_epoch: dict[str, Coordinates | PublicVector] = {"output": o, "epoch": epoch_rates(self.schedule, e)}
        groups = (self.block.bits, self.batch.bits, self.weight.bits)
        b, a, feature = variables(0, groups[0]), variables(*groups[:2]), variables(sum(groups[:2]), groups[2])
        at, step = self._step_factors(t), self._step(b, a)
        gradients = Factor((Term(ONE, GRADIENTS, {**by_epoch, **step, "weight": feature}),))
        scaled = Factor((Term(ONE, SCALED_RATE, {"block": b, "weight": feature}),))
        features = outer(at, eq_on(k, self.weight.size), sum(groups[:2]))
        own = Sum("scaled gradient", groups, features, (scaled, gradients))

        rates = Factor((Term(-eq_index(s, 0), CENTRED_RATE, {"block": b, "weight": k}),), self._bias_rates(s))
        residuals = Factor((Term(ONE, RESIDUALS, {**by_epoch, **step}),))
        centred = Sum("centred gradient", groups[:2], at, (rates, residuals))

        total, rest = steps.total(own), steps.total(centred)
        steps.require_zero("parts", claim - total * eq_index(s, 0) - rest)
        ended, left = steps.sumcheck(own, total), steps.sumcheck(centred, rest)
        blocks = ended.point[: sum(groups[:2])]
        features_of_rows = self._of_rows(ended.point[len(blocks) :], ONE, ZERO)
        counted = [counted_in_blocks(self.schedule, own) for own in (blocks, left.point)]
        self._rows(steps, ended.values[1][0], e, counted[0], o, features_of_rows)
        self._rows(steps, left.values[1][0], e, counted[1], o)

    def _step_factors(self, t: Iteration) -> PublicVector:
        """eq(b, b') eq(a, a') c_b'a' on real shards b' and batches a'."""
        _, b, a = t
        factors = block_factors(self.schedule, (*b, *a))

        def table() -> Vector:
            values = factors.table().reshape(2, self.block.size, -1)
            return np.ascontiguousarray(values[:, :, : self.batch.size])

        return PublicVector(table, factors.evaluate)

    def _bias_rates(self, s: Point) -> PublicVector:
        """eq(s, 1) D_b 2^x of each shard, in all of its batches."""
        public, one = self.scaler.public, 1 << self.schedule.scales.x_bits
        rates, share = self.scaler.counts.map(lambda n: public.of(n).bias_rate * one), eq_index(s, 1)
        of_shards = PublicVector(lambda: kscale(in_base(rates), share), lambda x: share * extension(rates, x))
        return outer(of_shards, constant_on((self.batch,), ONE), self.block.bits)
