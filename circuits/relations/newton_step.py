"""One of Newton's steps: where its gradient is that of the rows that count (docs/protocol.md, "Newton's steps").

A part of the relation of newton.py: what residual.py says of weights W(t) and their gradient, whose rounding Gamma is
not short here, but moves the weights. With the names of models/methods/newton_steps.py; b is the bias:

    G(k) + floor(2^g / 2) = 2^g Gamma(k) + v(k),  G being that of residual.py, and the same for b           "gradient"
    W(0, k) = 2^j M(k), 2^x V(0) = 2^j I with M, I of the model that steps begin from, or 0               "starting .."

of each output, where there are several.

Integers that are *forced*: Gamma has 24 bits, or 32, and v has g, so Gamma is G rounded. What the first step begins
from is committed as it is in the model, M and I, in so many bits that W(0) has 38: so these are in range here, whatever
an earlier statement committed to, and no multiple of 2^j wraps. Where j is below x, V(0) is committed in place of I,
which is 2^(x-j) V(0): below 2^62, as I is by its own statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ...models.methods.newton_steps import StepIntegers
from ..field.goldilocks import ZERO
from ..field.multilinear import Point, prefix
from ..language.hidden import Hidden, public
from ..language.layout import Address, Column
from ..language.relation import LookedUp, Steps
from ..language.tables import Limbs
from .certified import BIAS, CONSTANT_BOX, FEATURE_BOX, WEIGHTS, Parameter, Place
from .model import COEFFICIENTS, INTERCEPT
from .residual import Residual


def update_remainder(parameter: Parameter) -> Address:
    """u."""
    return parameter.part("update remainder")


@dataclass(frozen=True)
class Step(Residual):
    """The part of the relation that is about one step.

    Attributes:
        start: the matrix of the model that it begins from; None if it begins from zero, or goes on from another step.
        first: whether it is the first one.
    """

    schedule: StepIntegers
    first: bool = False
    start: str | None = None

    @property
    def name(self) -> str:
        """It is no relation by itself."""
        return "step"

    # Columns and lookups -------------------------------------------------------------------------------------------

    @cached_property
    def integers(self) -> tuple[Limbs, ...]:
        """See Certified: of the weights, and of the bias if there is one."""
        features = Limbs(FEATURE_BOX, (*self.several, self.weight), self.parameter_bits(WEIGHTS))
        constants = Limbs(CONSTANT_BOX, (self.output,), self.parameter_bits(BIAS))
        return (features, constants) if self.schedule.bias else (features,)

    def parameter_bits(self, parameter: Parameter) -> dict[Address, int]:
        """See Certified."""
        own = self.schedule
        return {
            parameter.weight: own.bits_of_weights[parameter is BIAS],
            parameter.cut: own.gradient_bits,
            parameter.cut_rest: own.shift,
            update_remainder(parameter): own.update_bits,
        }

    def unit(self, parameter: Parameter) -> int:
        """See Certified."""
        return self.schedule.units[parameter is BIAS]

    @property
    def committed(self) -> tuple[Column, ...]:
        """Its columns of the witness."""
        return (*self.row_columns, *(limb for own in self.integers for limb in own.columns))

    # The identities --------------------------------------------------------------------------------------------------

    def walked(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> tuple[Place, Place | None]:
        """All that is said of one step but what it moves. Returns weights and bias where their lookups ended."""
        self.of_rows(steps, looked_up)
        at = looked_up[FEATURE_BOX]
        real = self._real(at.point.get("output", ())) * prefix(at.point["weight"], self.schedule.features)
        weights, bias = Place(WEIGHTS, at, real, self.parameter_bits(WEIGHTS)), None
        if self.schedule.bias:
            constants = looked_up[CONSTANT_BOX]
            bias = Place(BIAS, constants, self._real(constants.point["output"]), self.parameter_bits(BIAS))
        if self.first:
            self.published(steps, weights, bias)
        self.gradient(steps, weights, bias)
        return weights, bias

    def published(self, steps: Steps, weights: Place, bias: Place | None) -> None:
        """Of the first step: what was published before, or zeros, is what weights are."""
        k = weights.ended.point["weight"]
        committed = self._begun(steps, COEFFICIENTS, {"output": weights.output, "weight": k})
        steps.require_zero("starting weights", weights.signed(WEIGHTS.weight) - committed)
        if bias is not None:
            intercept = self._begun(steps, INTERCEPT, {"output": bias.output})
            held = bias.signed(BIAS.weight) * self.schedule.intercept_unit
            steps.require_zero("starting intercept", held - intercept)

    def _begun(self, steps: Steps, column: Address, at: Mapping[str, Point]) -> Hidden:
        """A value of the model that is begun from."""
        if self.start is None:
            return public(ZERO)
        return steps.evaluate(Address(self.start, column.name), at)
