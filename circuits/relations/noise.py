"""Weights that are published with noise that nobody chose (docs/protocol.md, "Noise").

With the names of models/methods/noisy_certificate.py; lo, hi are C[eta - 1] and C[eta], and W and R lie in a matrix of
their own, which was committed to before pub was known:

    R + pub - 2^62 carry = lo + above                           "coins"
    lo + above + below + 1 = hi                                 "cell"
    W + floor(2^a / 2) = 2^a m + A                              "rounding"
    the model is (m + eta)(k), and 2^x (m + eta)(b)             "model", "intercept"
    (eta, lo, hi) is in the table of noise                      "noise"

of each output, where there are several; and 0 for features that are left out, in whose place 0 stands for m + eta in a
sum over the others ("model").

Integers that are *forced*: R has 62 bits, carry one, above and below 50 each. By the table lo and hi are between 0 and
2^62, so no side of "coins" or "cell" is as far from the other as p: they hold over the integers. Then U = lo + above is
in [lo, hi), so below 2^62, and is R + pub modulo 2^62; and eta is the one whose cell it is in, by the table, where lo
and hi are of the same eta as they are of one tuple. A has a bits and m a range in which no 2^a m wraps, so m is the
rounding of W.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np

from ...models.methods.noisy_certificate import NoisyCertificate
from ...models.noise import CELL_BITS, COIN_BITS, noise_edges
from ..field.goldilocks import ONE, ZERO, K, kscalar, to_field
from ..field.multilinear import Point, eq_table, evaluate
from ..language.hidden import Hidden
from ..language.layout import WITNESS, Address, Column
from ..language.relation import Coordinates, Entry, Factor, Lookup, Steps, Sum, Table, Term, variables
from ..language.tables import NOISE as TABLE
from ..language.tables import NOISE_COUNTS, noise_table
from .certified import Certified, Parameter, Place
from .iterations import eq_on
from .model import COEFFICIENTS, INTERCEPT

NOISE = "noise"  # the matrix


@dataclass(frozen=True)
class NoisyParameter(Parameter):
    """And of its noise."""

    matrix: str = NOISE

    @property
    def coins(self) -> Address:
        """R."""
        return Address(self.matrix, f"{self.name} coins")

    @property
    def carry(self) -> Address:
        """Of R + pub."""
        return self.part("carry")

    @property
    def rest(self) -> Address:
        """A."""
        return self.part("rest")

    @property
    def noise(self) -> Address:
        """eta."""
        return self.part("noise")

    @property
    def low(self) -> Address:
        """C[eta - 1]."""
        return self.part("lower edge")

    @property
    def high(self) -> Address:
        """C[eta]."""
        return self.part("upper edge")


NOISY_WEIGHTS, NOISY_BIAS = NoisyParameter("weights"), NoisyParameter("bias")


@dataclass(frozen=True)
class Noised(Certified):
    """The part of the relation that is about the model."""

    schedule: NoisyCertificate

    @property
    def parameters(self) -> tuple[Parameter, Parameter]:
        """See Certified."""
        return NOISY_WEIGHTS, NOISY_BIAS

    def parameter_bits(self, parameter: Parameter) -> dict[Address, int]:
        """See Certified."""
        own, noisy = self.schedule, cast(NoisyParameter, parameter)
        return {
            **super().parameter_bits(parameter),
            noisy.coins: COIN_BITS,
            noisy.carry: 1,
            noisy.above: CELL_BITS,
            noisy.below: CELL_BITS,
            noisy.rest: own.grid,
            noisy.model: own.rounded_bits,
        }

    def parameter_lookups(self, parameter: Parameter) -> tuple[Lookup, ...]:
        """See Certified."""
        noisy = cast(NoisyParameter, parameter)
        cell = tuple(Entry(((1, column),)) for column in (noisy.noise, noisy.low, noisy.high))
        return (Lookup(f"{noisy.name} noise", TABLE, cell),)

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """See Certified; and noise."""
        found = super().columns
        cells = tuple(
            Column(column.name, own.axes) for own in self.integers for each in own.beside for column in each.columns
        )
        return {**found, WITNESS: (*found[WITNESS], *cells), NOISE: self.limbs_in(NOISE)}

    @property
    def parameter_counts(self) -> tuple[Address, ...]:
        """See Certified."""
        return (NOISE_COUNTS,)

    def parameter_tables(self, section: int, sections: int) -> tuple[Table, ...]:
        """See Certified."""
        return (noise_table(noise_edges(), section, sections),)

    def published(self, steps: Steps, weights: Place, bias: Place | None) -> None:
        """See Certified."""
        k, features = weights.ended.point["weight"], self.schedule.features
        noisy = self._noised(steps, weights, self._pads(weights.output, slice(features), k))
        committed = steps.evaluate(COEFFICIENTS, {"output": weights.output, "weight": k})
        if self.schedule.unused:
            steps.sumcheck(self._of_used_weights(weights.output, k), committed)
        else:
            steps.require_zero("model", committed - noisy)
        if bias is not None:
            pad = self._pads(bias.output, slice(features, None), ())
            intercept = self._noised(steps, bias, pad) * self.schedule.one
            steps.require_zero("intercept", steps.evaluate(INTERCEPT, {"output": bias.output}) - intercept)

    def _of_used_weights(self, output: Point, k: Point) -> Sum:
        """m + eta of an output at a point, where it is 0 of features that are left out."""
        own, free = self._signed(NOISY_WEIGHTS.model), variables(0, self.weight.bits)
        at: dict[str, Coordinates] = {**self.of_output(output), "weight": free}
        terms = (*own.terms(at, ONE), Term(ONE, NOISY_WEIGHTS.noise, at))
        used = eq_on(k, self.schedule.features, self.schedule.unused)
        factor = Factor(terms, own.taken_off((self.weight,), self._real(output)))
        return Sum("model", (self.weight.bits,), used, (factor,))

    def _pads(self, output: Point, cut: slice, k: Point) -> K:
        """pub at a point, of weights or of biases: of real outputs."""
        own, total = self.schedule, ZERO
        if own.pads:
            pads, at = np.array(own.pads, dtype=np.int64).reshape(own.outputs, own.width), eq_table(output)
            for number, each in enumerate(pads[:, cut]):
                total = total + kscalar(at[:, number]) * evaluate(to_field(each), k)
        return total

    def _noised(self, steps: Steps, place: Place, pad: K) -> Hidden:
        """m + eta of a weight, or of the bias."""
        own, noisy = self.schedule, cast(NoisyParameter, place.parameter)
        noise, low, high = (place.ended.values[column] for column in (noisy.noise, noisy.low, noisy.high))
        drawn = low + place.unsigned(noisy.above)
        coins = place.unsigned(noisy.coins) + pad - place.unsigned(noisy.carry) * (1 << COIN_BITS)
        steps.require_zero("coins", coins - drawn)
        steps.require_zero("cell", drawn + place.unsigned(noisy.below) + place.real - high)
        rounded = place.signed(noisy.model)
        moved = place.signed(noisy.weight) + place.real * own.half
        steps.require_zero("rounding", moved - rounded * (1 << own.grid) - place.unsigned(noisy.rest))
        return rounded + noise
