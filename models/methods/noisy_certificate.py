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

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Self

from ...errors import ParameterError
from ..families import Family
from ..gaussian import root_above
from ..live import Live
from ..noise import COIN_BITS, HALF_NOISE, SIGMA_BITS, Hidden
from ..scales import FixedPoint
from ..shapes import DatasetShape
from .certificate import Bound, larger_penalty, within_bounds
from .fitting import one_of
from .geometry import EXPRESSION_BOUND, FIELD_MODULUS
from .link_certificate import LinkCertificate, common_integers, default_distances, raised_penalty

if TYPE_CHECKING:
    from .noisy import Noisy

EPSILON_MOST = 16.0  # that can be declared
EPSILONS = 12  # from the least one, doubled each time


@dataclass(frozen=True, kw_only=True)
class NoisyCertificate(LinkCertificate):
    """Every public integer of a noisy model.

    Attributes:
        grid: a.
        pads: pub, below 2^62, (O K,), output by output, the bias's last; zeros until there is a nonce.
    """

    distances_are: ClassVar[str] = "a distance"

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
    if _hides(found, method):
        return
    count, declared = found.weight_count, f"({method.epsilon}, {method.delta})"
    if not _hides_some(found, method):
        raise ParameterError(
            f"epsilon = {method.epsilon}: too small for {count} weights: rounding them to a grid is not hidden "
            f"to {declared} by noise of 2^{SIGMA_BITS} steps of it; "
            f"{one_of(_for_more_weights(found, method), 'declare a larger delta, too')}"
        )
    remedies, coarsest = list[str](), method.grids[1]
    grids = range(found.grid + 1, coarsest + 1)
    coarser = next((grid for grid in grids if _hides(replace(found, grid=grid), method)), None)
    if coarser is not None:
        remedies.append(f"use {coarser} or more")
    if method.distance:
        grid = next(grid for grid in (found.grid, coarsest) if _hides_some(found, method, grid))
        longest = _largest(lambda units: _hides_some(found, method, grid, units), method.distance)
        remedies.append(f"declare a distance of at most {longest}" + f" with grid = {grid}" * (grid > found.grid))
    else:
        enough = larger_penalty(Fraction(method.l2), partial(_hides_at, found, method))
        remedies += [] if enough is None else [f"use an l2 of at least {enough} with grid = {found.grid}"]
    raise ParameterError(
        f"grid = {found.grid}: too fine for {count} weights and {found.live.count} rows: noise of "
        f"2^{found.grid + SIGMA_BITS} units does not hide a distance of {found.distance} to {declared}; "
        f"{one_of(remedies, 'no grid and no l2 would do')}"
    )


# What would fit: each is tried ----------------------------------------------------------------------------------------


def _hides(found: NoisyCertificate, method: Noisy) -> bool:
    return found.hidden.delta(Fraction(method.epsilon)) <= Fraction(method.delta)


def _hides_some(found: NoisyCertificate, method: Noisy, grid: int | None = None, units: int = 1) -> bool:
    """The same at a grid, the coarsest one by default, of a distance of so many units."""
    own = method.grids[1] if grid is None else grid
    return _hides(replace(found, grid=own, distances=(units,)), method)


def _hides_at(found: NoisyCertificate, method: Noisy, l2: Fraction) -> bool:
    """The same with the distance that another l2 has. Raises ParameterError where that is too large."""
    raised_penalty(l2, found.scales, found.live)
    return _hides(
        replace(found, distances=default_distances(l2, found.scales, found.weight_count, found.live.count)[:1]), method
    )


def _for_more_weights(found: NoisyCertificate, method: Noisy) -> list[str]:
    """What hides the rounding of all weights, to the coarsest grid."""
    remedies = list[str]()
    larger = (min(EPSILON_MOST, method.epsilon * 2**k) for k in range(1, EPSILONS))
    if (epsilon := next((own for own in larger if _hides_some(found, replace(method, epsilon=own))), None)) is not None:
        remedies.append(f"declare an epsilon of at least {epsilon!r}")
    features = _largest(
        lambda d: _hides_some(replace(found, features=d, width=d + found.bias), method), found.features - 1
    )
    remedies += [f"use at most {features} features"] * (features > 0)
    classes = _largest(lambda outputs: _hides_some(replace(found, outputs=outputs), method), found.outputs - 1)
    return remedies + [f"use at most {classes} classes" if classes > 2 else "use two classes"] * (classes > 0)


def _largest(fits: Callable[[int], bool], most: int) -> int:
    """The largest number up to `most` that fits, as all smaller ones do; 0 if 1 does not."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
