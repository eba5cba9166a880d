"""The certificate of weights near an optimum, published with noise: from a spec and a shape to public integers.

With the symbols of certificate.py: W is within D of the optimum. The model is

    W(k) + floor(2^a / 2) = 2^a m(k) + A(k),   model(k) = m(k) + eta(k)                 A in [0, 2^a)
    R(k) + pub(k) = U(k) + 2^62 carry(k),   C[eta(k) - 1] <= U(k) < C[eta(k)]           R, U in [0, 2^62)

where R is the owner's, committed to together with W before pub(k), which a nonce draws, is known. So U is uniform for
whoever chooses neither, and eta is a Gaussian of standard deviation 2^11, rounded (models/noise.py).

Any two W within D of the same optimum are at most 2 D apart, and |floor(x) - floor(y)| <= |x - y| + 1: so two m are at
most Delta = 2 D / 2^a + sqrt(K) apart. As m is integer, m + round(x) = round(m + x): the model follows from Gaussians
around two points that are mu = Delta / 2^11 standard deviations apart, but for K times TOTAL_VARIATION.

Of several classes all of this is of the O K weights of all outputs, which are one point: W are within D together, and
each weight has coins, a pad and noise of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Self

from ...errors import ParameterError
from ..families import Family
from ..gaussian import root_above
from ..live import Live
from ..noise import COIN_BITS, HALF_NOISE, SIGMA_BITS, Hidden, largest_mu
from ..scales import FixedPoint
from ..shapes import DatasetShape
from .certificate import Bound, within_bounds
from .geometry import EXPRESSION_BOUND, FIELD_MODULUS
from .link_certificate import LinkCertificate, common_integers, default_distances

if TYPE_CHECKING:
    from .noisy import Noisy


@dataclass(frozen=True, kw_only=True)
class NoisyCertificate(LinkCertificate):
    """Every public integer of a noisy model.

    Attributes:
        grid: a.
        pads: pub, below 2^62, (O K,), output by output, the bias's last; zeros until there is a nonce.
    """

    grid: int
    pads: tuple[int, ...] = ()

    def with_pads(self, pads: tuple[int, ...]) -> Self:
        """See Compiled."""
        return replace(self, pads=pads)

    @property
    def rounded_bits(self) -> int:
        """Of m, signed: 2^(weight_bits - 1 - a), to which the largest W is rounded, is among them."""
        return self.weight_bits + 1 - self.grid

    @property
    def committed_bits(self) -> tuple[int, int]:
        """See Compiled: of the model, |m| + |eta| <= 2^(weight_bits - 1 - a) + 2^15, and of 2^x times the bias's."""
        bits = max(self.rounded_bits, HALF_NOISE.bit_length() + 1)
        return bits, bits + self.scales.x_bits

    @property
    def half(self) -> int:
        """floor(2^a / 2)."""
        return (1 << self.grid) >> 1

    @property
    def hidden(self) -> Hidden:
        """What the noise hides: mu is above Delta / 2^11."""
        steps = Fraction(2 * self.distance, 1 << self.grid) + root_above(Fraction(self.weight_count))
        return Hidden(steps / (1 << SIGMA_BITS), self.weight_count)

    def bounds_of_noise(self) -> list[Bound]:
        """The static analysis."""
        model = (1 << (self.weight_bits - 1 - self.grid)) + HALF_NOISE
        return [
            ("coin identity |R + pub - 2^62 carry - U|", (1 << COIN_BITS + 1) + (1 << COIN_BITS - 1), FIELD_MODULUS),
            ("rounding identity |W - 2^a m - A|", (self.largest_weight << 2) + (4 << self.grid), FIELD_MODULUS),
            ("intercept |2^x model|", model << self.scales.x_bits, EXPRESSION_BOUND),
        ]


def compile_noisy(
    method: Noisy, family: Family, scales: FixedPoint, shape: DatasetShape, live: Live
) -> NoisyCertificate:
    """The integers of a noisy model.

    Raises:
        ParameterError: the spec does not fit the data set, an expression its range, or the noise what it has to hide,
            named with what to change.
    """
    common = common_integers(method, family, scales, shape, live)
    usual = default_distances(Fraction(method.l2), scales, shape.outputs * common["width"], live.count)[0]
    found = NoisyCertificate(**common, distances=(method.distance or usual,), grid=method.grid_bits)
    of_weights = found.bounds_of_weights(found.largest_gradient)
    found = within_bounds(found, [*found.bounds_of_rows(), *of_weights, *found.bounds_of_noise()])
    _require_hidden(found, method)
    return found


def _require_hidden(found: NoisyCertificate, method: Noisy) -> None:
    """The noise hides to epsilon and delta, for this many weights, rows, and this grid. Raises ParameterError."""
    epsilon, delta, declared = Fraction(method.epsilon), Fraction(method.delta), f"({method.epsilon}, {method.delta})"
    if found.hidden.delta(epsilon) <= delta:
        return
    count, classes = found.weight_count, ", or fewer classes" if found.outputs > 1 else ""
    room = largest_mu(epsilon, delta) * (1 << SIGMA_BITS) - root_above(Fraction(count))
    if room <= 0:
        raise ParameterError(
            f"epsilon = {method.epsilon}: too small for {count} weights: rounding them to a grid is not hidden "
            f"to {declared} by noise of 2^{SIGMA_BITS} steps of it; declare a larger epsilon or delta, or use fewer "
            f"features{classes}"
        )
    least, coarsest = max((int(-(-2 * found.distance // room)) - 1).bit_length(), found.grid + 1), method.grids[1]
    remedy = f"use {least} or more" if least <= coarsest else f"declare at most {int(room * (1 << coarsest) / 2)}"
    raise ParameterError(
        f"grid = {found.grid}: too fine for {count} weights and {found.live.count} rows: noise of "
        f"2^{found.grid + SIGMA_BITS} units does not hide a distance of {found.distance} to {declared}; {remedy}, or a "
        "larger l2"
    )
