"""What noise hides, beside Google's accounting library of differential privacy: another implementation, in floats."""

from __future__ import annotations

from fractions import Fraction

import dp_accounting as dp
import pytest
from dp_accounting.pld import privacy_loss_distribution as distributions
from dp_accounting.pld import privacy_loss_mechanism as losses
from zkunlearn.models.gaussian import delta_above, root_above
from zkunlearn.models.noise import Hidden, largest_mu

MUS = (0.01, 0.026, 0.05, 0.268, 0.5, 1.0, 2.0, 4.0, 8.0)
EPSILONS = (0.0, 0.01, 0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
FLOATS = 2e-15  # what sums of theirs are off by


@pytest.mark.parametrize("mu", MUS)
def test_delta_is_the_library_s_for_every_epsilon(mu: float) -> None:
    own = [float(delta_above(Fraction(mu), Fraction(epsilon))) for epsilon in EPSILONS]
    theirs = losses.GaussianPrivacyLoss(standard_deviation=1 / mu).get_delta_for_epsilon(list(EPSILONS))
    assert own == pytest.approx(list(theirs), rel=0, abs=FLOATS)
    assert own == sorted(own, reverse=True) and own[0] > 1e-3


@pytest.mark.parametrize("delta", ["1/10", "1/1000", "1/100000", "1/1000000000"])
@pytest.mark.parametrize("mu", [0.05, 0.268, 1.0, 3.0])
def test_epsilon_is_the_library_s_rounded_up(mu: float, delta: str) -> None:
    """To a multiple of 0.0001, as reports print it."""
    found = Hidden(Fraction(mu), 0).epsilon(Fraction(delta))
    assert found is not None
    least = max(1e-4, dp.get_epsilon_gaussian(1 / mu, float(Fraction(delta))))
    assert least - 1e-9 <= float(found) <= least + 1e-4 + 1e-9


@pytest.mark.parametrize(("epsilon", "delta"), [(0.01, 1e-9), (0.1, 1e-5), (1.0, 1e-5), (4.0, 1e-3), (16.0, 0.1)])
def test_the_noise_that_a_declared_epsilon_needs_is_the_library_s(epsilon: float, delta: float) -> None:
    mu = float(largest_mu(Fraction(epsilon), Fraction(delta)))
    least = 1 / dp.get_sigma_gaussian(epsilon, delta)
    assert least - 2.0**-20 - 1e-9 <= mu <= least + 1e-9


def test_statements_together_hide_what_the_library_composes_them_to() -> None:
    """As `verify --chain` adds them up: by the squares of mu; there the losses' distributions are convolved."""
    mus = (Fraction(3, 10), Fraction(4, 10), Fraction(1, 10))
    each = [distributions.from_gaussian_mechanism(float(1 / mu), value_discretization_interval=1e-3) for mu in mus]
    together = each[0].compose(each[1]).compose(each[2])
    root = root_above(sum((mu**2 for mu in mus), Fraction(0)))
    for epsilon in (0.1, 1.0, 2.0):
        own = float(delta_above(root, Fraction(epsilon)))
        assert together.get_delta_for_epsilon(epsilon) == pytest.approx(own, rel=1e-4)
