"""The relation of a distance: how short the gradient of a committed model is (docs/protocol.md, "Distance").

The gradient at W is that of the declared link on the rows that count (residual.py), and it is short (certified.py). W
is nothing of its own: with the names of models/methods/distance.py, and 2^16 between both scales,

    W = 2^16 M,  V = 2^16 B:  the model is M(k), and 2^x B                                     "model", "intercept"
    of a bias that is not penalised G_b is in [-2^s, 2^s), and no part of the norm

Integers that are *forced*: M and B have limbs here, all looked up, whatever their own proof says: so |W| is at most
2^(w + 5), and |z| below 2^62. B is the only integer of its range to which 2^x B is equal mod p. G_b, of a bias without
a penalty, has limbs, and what it equals is below 2^61: so both are one integer.

| matrix | columns |
|---|---|
| dataset | features (feature, row), labels (output, row), blinds |
| model | weights (output, weight), intercept (output) |
| witness | Q, T, D, M, P' (row); limbs of M, Gamma, v (weight), and of the bias, of slack (output) |
| | counts (section, entry) |
"""

from __future__ import annotations

from dataclasses import dataclass

from ...models.methods.distance import DistanceCertificate
from ..language.hidden import Hidden
from ..language.layout import Address
from ..language.relation import Steps
from .certified import BIAS, Certified, Parameter, Place
from .model import COEFFICIENTS, INTERCEPT
from .residual import Residual


@dataclass(frozen=True)
class Trained(Certified):
    """The part of the relation that is about the model."""

    schedule: DistanceCertificate

    def parameter_bits(self, parameter: Parameter) -> dict[Address, int]:
        """See Certified. Of a bias without a penalty the gradient is committed whole."""
        found = super().parameter_bits(parameter)
        if parameter == BIAS and self.schedule.slope is not None:
            return {BIAS.weight: found[BIAS.weight], BIAS.cut: self.schedule.slope + 1}
        return found

    def squared(self, bias: Place) -> bool:
        """See Certified."""
        return self.schedule.slope is None

    def of_loss(self, place: Place) -> Hidden:
        """See Certified."""
        if place.parameter == BIAS and self.schedule.slope is not None:
            return place.signed(BIAS.cut)
        return super().of_loss(place)

    def published(self, steps: Steps, weights: Place, bias: Place | None) -> None:
        """See Certified."""
        committed = steps.evaluate(COEFFICIENTS, {"output": (), "weight": weights.ended.point["weight"]})
        steps.require_zero("model", committed - weights.signed(weights.parameter.weight))
        if bias is not None:
            intercept = bias.signed(BIAS.weight) * self.schedule.one
            steps.require_zero("intercept", steps.evaluate(INTERCEPT, {"output": ()}) - intercept)


@dataclass(frozen=True)
class Distance(Trained, Residual):
    """The relation for one set of public integers, which say who counts, and how near the optimum is."""

    schedule: DistanceCertificate

    @property
    def name(self) -> str:
        """Domain separator."""
        return "distance"
