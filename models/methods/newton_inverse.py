"""That the matrix of Newton's steps is the inverse of the second derivative where they begin: its public integers.

With the symbols of newton_steps.py and link_certificate.py; D(i) = T[Q+1] - T[Q] is of row i at W(0), so D / 2^32 is
the slope there of the link between the edges of its cells. For all k, l among the K weights, the bias's x being 2^x

    2^32 H(k, l) = 2^e sum S(i) D(i) x_ik x_il + 2^32 c [k = l],  H being the second derivative of F at W(0)
    2^32 H(k, l) + 2^(f-1) = 2^f C(k, l) + r(k, l)                          r in [0, 2^f), C of 32 bits
    sum_m P(k, m) C(m, l) = 2^q [k = l] + E(k, l),  q = s + 32 - f          E in [-2^(q - b), 2^(q - b)), P of 26 bits

with b = `inverse`. f is the least for which no C has more bits, whatever n is. Let B = 2^32 H - 2^f C, no number of
which is above 2^(f-1), and take lengths of matrices as those of what they do to vectors: |E| <= 2^q eps with eps = K /
2^b, |B| <= K 2^(f-1) = 2^32 c eta. All eigenvalues of H are at least c, so |C^-1| <= 2^(f - 32) / (c (1 - eta)), and

    2^-s P H - 1 = 2^-q E + 2^-(s + 32) P B,    P = (2^q + E) C^-1
    |2^-s P H - 1| <= rho = eps + (1 + eps) eta / (1 - eta)

So the step 2^-s P G is H^-1 G up to rho of its length, whatever G is: that of one of Newton's steps with this H.

Of several classes the second derivative of their sum is in blocks, of which each has a P and all of this, K being the
weights of one: the step of each is off by rho of its length at most, and so all of them together are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import count

import numpy as np

from ...errors import ParameterError
from ..scales import Q_BITS_RANGE, FixedPoint
from .certificate import Bound, bits_for, root_up
from .fitting import one_of
from .geometry import EXPRESSION_BOUND, FIELD_MODULUS, power_of_two
from .link_certificate import LinkCertificate

INVERSE_BITS = 26  # of P, signed, where it is proved to be an inverse
LONG_GRADIENT_BITS = 32  # of Gamma, signed, in these steps
CURVATURE_BITS = 32  # of C, signed
STEP_BITS = 32  # of what D is a slope over: a cell has 2^32 units of a score
MAX_INVERTED = 64  # weights, with the bias: sums of P Gamma and of P C stay at 2^62
INVERSE_RANGE = (4, 24)  # an entry of 26 bits is no nearer than the upper one
WORST_ERROR = Fraction(1, 2)  # rho: beyond it, it is no inverse


@dataclass(frozen=True)
class StepError:
    """How far a step is from H^-1 G, the one by the exact inverse of the second derivative where steps begin.

    Attributes:
        relative: at most this share of the length of that step, and
        rounding: this length of weights, more; of the first step, and of later ones less.
    """

    relative: Fraction
    rounding: Fraction


@dataclass(frozen=True, kw_only=True)
class Inverse:
    """Every public integer of it.

    Attributes:
        bits: b.
        shift: f.
        scale: q.
        penalty: c.
        largest: above |2^32 H|.
    """

    bits: int
    shift: int
    scale: int
    penalty: int
    largest: int

    @property
    def error_bits(self) -> int:
        """Of E, signed."""
        return self.scale - self.bits + 1

    def bounds_of(self, width: int) -> list[Bound]:
        """The static analysis."""
        of_curvature = self.largest + (((1 << (CURVATURE_BITS - 1)) + 2) << self.shift)
        of_inverse = (width << (INVERSE_BITS + CURVATURE_BITS - 2)) + (1 << self.scale) + (1 << self.error_bits)
        return [
            ("second derivative |2^32 H|", self.largest, EXPRESSION_BOUND),
            ("curvature identity |2^32 H - 2^f C - r|", of_curvature, FIELD_MODULUS),
            ("inverse identity |sum P C - 2^q - E|", of_inverse, FIELD_MODULUS),
        ]

    def relative_error(self, width: int) -> Fraction:
        """rho, of K weights."""
        share, rounding = self._shares(width)
        if rounding >= 1:
            return rounding
        return share + (1 + share) * rounding / (1 - rounding)

    def may_have(self, bits: int, width: int) -> bool:
        """Whether as many bits can be declared, whichever rows count: c of all may be half as large as of these."""
        own = replace(self, bits=bits, penalty=self.penalty >> 1)
        return bits >= INVERSE_RANGE[0] and own.relative_error(width) <= WORST_ERROR

    def rounding_of(self, cut_bits: int, width: int, outputs: int = 1) -> Fraction:
        """How much farther a step is off that rounds its gradient to 2^g, in units of W, and then itself to such."""
        share, rounding = self._shares(width)
        of_gradient = (1 + share) / (1 - rounding) * Fraction(1 << cut_bits, 2 * self.penalty)
        return root_up(outputs * width) * (of_gradient + Fraction(1, 2))

    def _shares(self, width: int) -> tuple[Fraction, Fraction]:
        """eps and eta."""
        return Fraction(width, 1 << self.bits), Fraction(width << self.shift, self.penalty << (STEP_BITS + 1))


def compile_inverse(own: LinkCertificate, bits: int, l2: Fraction, least: int, scale: int) -> Inverse:
    """The integers of a matrix that is proved to be an inverse to so many bits.

    Args:
        least: c', the smallest c that there can be. scale: s.

    Raises:
        ParameterError: rho could be more than a half.
    """
    fixed, most = own.scales, own.raised + bits_for(own.live.count)
    penalty = l2 * power_of_two(most + fixed.p_bits + fixed.x_bits - fixed.w_bits) + 1  # above every c
    of_loss = int(np.diff(own.edges).max()) << (most + 2 * fixed.x_bits)
    largest = of_loss + int(penalty * (1 << STEP_BITS)) + 1
    if largest >= EXPRESSION_BOUND:
        raise ParameterError(
            f"inverse = {bits}: second derivatives could pass 2^62 at fixed_point.x_bits = {fixed.x_bits}, w_bits = "
            f"{fixed.w_bits}; {_more_w_bits(largest, fixed)}"
        )
    limit = 1 << (CURVATURE_BITS - 1)
    shift = next(f for f in count(1) if largest + (1 << (f - 1)) < limit << f)
    found = Inverse(bits=bits, shift=shift, scale=scale + STEP_BITS - shift, penalty=own.penalty, largest=largest)
    worst = replace(found, penalty=least)
    if worst.relative_error(own.width) > WORST_ERROR:
        raise ParameterError(
            f"inverse = {bits}: of {own.width} weights at l2 = {float(l2)} a matrix can be this near the inverse and "
            f"lead half as far again; {one_of(_nearer(worst, own), 'without `inverse` the matrix is any')}"
        )
    return found


def _more_w_bits(largest: int, fixed: FixedPoint) -> str:
    """What makes second derivatives small enough: each bit halves the steps of the table."""
    enough = fixed.w_bits + largest.bit_length() - (EXPRESSION_BOUND.bit_length() - 1)
    if enough <= min(fixed.w_range[1], Q_BITS_RANGE[1] + fixed.cut_bits - fixed.x_bits):
        return f"use at least {enough} w_bits"
    return "no w_bits would do beside so many x_bits; without `inverse` the matrix is any"


def _nearer(worst: Inverse, own: LinkCertificate) -> list[str]:
    """What brings the matrix near enough: each is tried."""
    remedies, bits = list[str](), range(worst.bits + 1, INVERSE_RANGE[1] + 1)
    enough = next((b for b in bits if replace(worst, bits=b).relative_error(own.width) <= WORST_ERROR), None)
    if enough is not None:
        remedies.append(f"declare at least {enough} bits")
    if Fraction(own.width, 1 << worst.bits) < WORST_ERROR:
        remedies.append("use a larger l2")
    features = next((d for d in range(own.features - 1, 0, -1) if worst.relative_error(d + own.bias) <= WORST_ERROR), 0)
    return remedies + [f"use at most {features} features"] * (features > 0)
