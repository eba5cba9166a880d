"""Newton's steps before a certificate: from a spec and a shape to public integers; none can wrap.

With the symbols of certificate.py and link_certificate.py; t = 0, .., T - 1 counts the steps, W(0) are the weights to
begin from and W(T) those that are certified. P is a matrix of the owner's, the same in all steps, meant to be 2^s times
the inverse of the second derivative of F: for all k, l among the K weights (the bias is one)

    G(t, k) + floor(2^g / 2) = 2^g Gamma(t, k) + v(t, k)                            v in [0, 2^g), Gamma of 24 bits
    2^h (W(t, k) - W(t + 1, k)) = sum_l P(k, l) Gamma(t, l) + 2^(h-1) - u(t, k)     u in [0, 2^h), P of 32 bits

so that W(t + 1) is W(t) less P G / 2^s, rounded to nearest. F bends at least as much as c |W|^2 / 2, so entries of the
inverse are at most 1 / c, and with s = 30 + floor(log2 c'), c' being the least c of all n, those of P at most 2^30.

Of several classes all of this is of each output, with a P of its own: no weight of one is moved by a gradient of
another, as no second derivative of their sum is of two of them. K counts the weights of one output; all together are at
most 256.

g + h = s. In the first step g is 39, where any gradient that there can be has 24 bits; later gradients should be
shorter, and g falls by 12 a step as long as h and the bits of W are at most 62 together.

Weights to begin from are those of a committed model, multiples of 2^j units: 2^j M(k) = W(0, k), and of its intercept
2^j I = 2^x V(0). M has 38 - j bits. V(0) is 2^(j-x) I, I with x bits more, if j is at least x; else I is 2^(x-j) V(0),
V(0) with 38 bits: a model whose intercept is no such multiple is none to begin from.

Where P is proved to be that inverse (newton_inverse.py), nothing corrects what a coarse Gamma does to a step: Gamma has
32 bits and g is 31 in the first step, and P has 26, so s is 24 + floor(log2 c').
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, Self, TypeVar

from ...errors import ParameterError
from .certificate import GRADIENT_BITS, Bound, bits_for, within_bounds
from .geometry import EXPRESSION_BOUND, FIELD_MODULUS, power_of_two
from .link_certificate import LinkCertificate, OptimumCertificate
from .newton_inverse import INVERSE_BITS, LONG_GRADIENT_BITS, Inverse, StepError, compile_inverse
from .noisy_certificate import NoisyCertificate

MATRIX_BITS = 32  # of P, signed
FALL = 12  # by how much g falls from step to step
MAX_WEIGHTS = 256  # with the bias: sums of P Gamma stay below 2^62
S = TypeVar("S", bound="SteppedCertificate")


@dataclass(frozen=True, kw_only=True)
class StepIntegers(LinkCertificate):
    """Every public integer of one step.

    Attributes:
        cut_bits: g. update_bits: h.
        gradient_bits: of Gamma, signed.
        raised_by: j, if it is the first step and begins from a model; else 0.
        from_model: whether it does.
    """

    cut_bits: int
    update_bits: int
    gradient_bits: int = GRADIENT_BITS
    raised_by: int = 0
    from_model: bool = False

    @property
    def shift(self) -> int:
        """g, that of the step."""
        return self.cut_bits

    @property
    def bits_of_weights(self) -> tuple[int, int]:
        """Of what W and V are committed as, signed; at the first step from a model, what is in the model."""
        return self.weight_bits - self.raised_by, self.weight_bits - self._raised_of_bias

    @property
    def units(self) -> tuple[int, int]:
        """What a unit of these is of W, and of V."""
        return 1 << self.raised_by, 1 << self._raised_of_bias

    @property
    def intercept_unit(self) -> int:
        """What a unit of V, as it is committed at the first step from a model, is of the model's intercept."""
        return 1 << max(0, self.scales.x_bits - self.raised_by) * self.from_model

    @property
    def _raised_of_bias(self) -> int:
        return max(0, self.raised_by - self.scales.x_bits) if self.from_model else 0


@dataclass(frozen=True, kw_only=True)
class SteppedCertificate(LinkCertificate):
    """Every public integer of some steps.

    Attributes:
        count_of_steps: T.
        inverse_scale: s.
        start: the scale of the weights of the model that steps begin from; None if they begin from zero.
        inverse: how P is proved to be the inverse of the second derivative; None if it is the owner's choice.
    """

    count_of_steps: int = 1
    inverse_scale: int = 0
    start: int | None = None
    inverse: Inverse | None = None

    def for_larger_scores(self, score: float) -> str:
        """See LinkCertificate; second derivatives that are proved have no room for coarser weights."""
        if self.inverse is None:
            return super().for_larger_scores(score)
        return "declare a larger l2, for all future statements"

    @property
    def matrix_bits(self) -> int:
        """Of P, signed."""
        return MATRIX_BITS if self.inverse is None else INVERSE_BITS

    @property
    def gradient_bits(self) -> int:
        """Of Gamma in steps, signed."""
        return GRADIENT_BITS if self.inverse is None else LONG_GRADIENT_BITS

    @property
    def step_error(self) -> StepError | None:
        """How near steps are to those by the exact inverse; None by a matrix of the owner's."""
        if self.inverse is None:
            return None
        units = self.inverse.rounding_of(self.steps[0].cut_bits, self.width, self.outputs)
        return StepError(self.inverse.relative_error(self.width), units / (1 << self.scales.w_bits))

    def begun(self, scales: tuple[int, ...]) -> Self:
        """See Compiled."""
        if len(scales) != 1:
            raise ParameterError(f"start: {len(scales)} models; steps begin from one")
        (scale,) = scales
        if not 0 <= scale <= self.scales.w_bits:
            raise ParameterError(
                f"start: weights of the superseded model are multiples of 2^-{scale}; steps begin from multiples of "
                f"2^-{self.scales.w_bits} or coarser ones: prove method = 'optimum' in between, and begin from there"
            )
        return replace(self, start=scale)

    @cached_property
    def steps(self) -> tuple[StepIntegers, ...]:
        """Those of each step."""
        shared = {item.name: getattr(self, item.name) for item in fields(LinkCertificate)}
        found, most = [], EXPRESSION_BOUND.bit_length() - 1 - self.weight_bits
        for t in range(self.count_of_steps):
            cut = max(_longest(self.gradient_bits) - FALL * t, self.inverse_scale - most, 0)
            by = self.inverse_scale - cut
            own = StepIntegers(**shared, cut_bits=cut, update_bits=by, gradient_bits=self.gradient_bits)
            if t == 0 and self.start is not None:
                own = replace(own, raised_by=self.scales.w_bits - self.start, from_model=True)
            found.append(own)
        return tuple(found)

    def bounds_of_steps(self) -> list[Bound]:
        """The static analysis."""
        cut, sums = 1 << (self.gradient_bits - 1), self.width << (self.matrix_bits + self.gradient_bits - 2)
        found: list[Bound] = []
        for t, own in enumerate(self.steps, start=1):
            rounded = self.largest_gradient + ((cut + 2) << own.shift)
            moved = (self.largest_weight << (own.update_bits + 1)) + (2 << own.update_bits)
            found.append((f"step {t}: gradient identity |G - 2^g Gamma - v|", rounded, FIELD_MODULUS))
            found.append((f"step {t}: update |2^h (W - W') - sum P Gamma - 2^(h-1) + u|", moved + sums, FIELD_MODULUS))
        return found


@dataclass(frozen=True, kw_only=True)
class NewtonCertificate(SteppedCertificate, OptimumCertificate):
    """And of the certificate of where the last one ended, as a rounding."""


@dataclass(frozen=True, kw_only=True)
class NoisyNewtonCertificate(SteppedCertificate, NoisyCertificate):
    """And of how near the last one ended, and of the noise there."""


def compile_steps(own: LinkCertificate, made: type[S], steps: int, l2: float, inverse: int | None = None) -> S:
    """The integers of so many steps before a certificate.

    Args:
        made: what there is of steps beside such a certificate.
        inverse: to how many bits P is proved to be the inverse of the second derivative, if it is.

    Raises:
        ParameterError: the penalty is too small for steps, or an expression is out of its range.
    """
    fixed, most = own.scales, own.raised + bits_for(own.live.count)
    least = int(Fraction(l2) * power_of_two(most - 1 + fixed.p_bits + fixed.x_bits - fixed.w_bits))
    shared: dict[str, Any] = {item.name: getattr(own, item.name) for item in fields(own)}
    if inverse is None:
        scale = MATRIX_BITS - 2 + least.bit_length() - 1
        if scale <= _longest(GRADIENT_BITS):
            raise ParameterError(f"l2 = {l2}: too small for steps, whose matrix would be too coarse; use a larger one")
        found = made(**shared, count_of_steps=steps, inverse_scale=scale)
        more: list[Bound] = []
    else:
        scale = INVERSE_BITS - 2 + least.bit_length() - 1
        proved = compile_inverse(own, inverse, Fraction(l2), least, scale)
        found = made(**shared, count_of_steps=steps, inverse_scale=scale, inverse=proved)
        more = proved.bounds_of(own.width)
    checked = within_bounds(found, [*found.bounds_of_steps(), *more])
    return replace(checked, bounds=own.bounds + checked.bounds)


def _longest(gradient_bits: int) -> int:
    """The least g at which no gradient has more bits."""
    return EXPRESSION_BOUND.bit_length() - gradient_bits
