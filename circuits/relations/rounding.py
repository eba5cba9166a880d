"""Weights that are published as a rounding which is that of the optimum, too (docs/protocol.md, "Optimum").

With the names of models/methods/certificate.py:

    W + 2^(a-1) = 2^a m + A + D,   A + B = 2^a - 1 - 2 D                                          "rounding", "edges"
    the model is m(k), and 2^x m(b)                                                             "model", "intercept"

of each output, where there are several.

Integers that are *forced*: m has a range in which no 2^a m wraps, A and B have a bits and add up to a number below 2^a:
so either is between 0 and that number, and m is the rounding of W as well as of all that is within D of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...models.methods.certificate import RoundedCertificate
from ..language.layout import Address
from ..language.relation import Steps
from .certified import Certified, Parameter, Place
from .model import COEFFICIENTS, INTERCEPT


@dataclass(frozen=True)
class Rounded(Certified):
    """The part of the relation that is about the model."""

    schedule: RoundedCertificate

    def parameter_bits(self, parameter: Parameter) -> dict[Address, int]:
        """See Certified."""
        own = self.schedule
        return {
            **super().parameter_bits(parameter),
            parameter.below: own.grid,
            parameter.above: own.grid,
            parameter.model: own.model_bits,
        }

    def published(self, steps: Steps, weights: Place, bias: Place | None) -> None:
        """See Certified."""
        self._rounding(steps, weights)
        at = {"output": weights.output, "weight": weights.ended.point["weight"]}
        committed = steps.evaluate(COEFFICIENTS, at)
        steps.require_zero("model", committed - weights.signed(weights.parameter.model))
        if bias is not None:
            self._rounding(steps, bias)
            intercept = bias.signed(bias.parameter.model) * self.schedule.one
            steps.require_zero("intercept", steps.evaluate(INTERCEPT, {"output": bias.output}) - intercept)

    def _rounding(self, steps: Steps, place: Place) -> None:
        """The rounding of a weight, or the bias, from which no edge is nearer than the distance."""
        own, parameter = self.schedule, place.parameter
        half, unit = 1 << (own.grid - 1), 1 << own.grid
        moved = place.signed(parameter.weight) + place.real * (half - own.distance)
        left, right = place.unsigned(parameter.below), place.unsigned(parameter.above)
        steps.require_zero("rounding", moved - place.signed(parameter.model) * unit - left)
        steps.require_zero("edges", left + right - place.real * own.room)
