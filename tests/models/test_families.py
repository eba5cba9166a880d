"""What a family says of its losses on real numbers is true of its losses."""

import math

import numpy as np
import pytest
from zkunlearn.models.families import FAMILIES

every_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
SCORES = np.linspace(-6, 6, 97)
STEP = 1e-5


@every_family
def test_the_derivative_of_the_loss_is_prediction_less_label(family):
    for y in (0.0, 1.0):
        slope = (family.loss(SCORES + STEP, y) - family.loss(SCORES - STEP, y)) / (2 * STEP)
        assert np.allclose(slope, family.inverse_link(SCORES) - y, rtol=1e-6, atol=1e-6)


@every_family
def test_the_slope_is_the_derivative_of_the_prediction_and_never_above_the_curvature(family):
    slope = (family.inverse_link(SCORES + STEP) - family.inverse_link(SCORES - STEP)) / (2 * STEP)
    assert np.allclose(slope, family.slope(SCORES), rtol=1e-5, atol=1e-8)
    assert family.slope(SCORES).max() <= family.curvature
    assert math.isinf(family.curvature) or family.slope(np.zeros(1))[0] == pytest.approx(family.curvature)


@every_family
def test_the_link_is_the_score_that_predicts_a_number(family):
    for mean in (0.01, 0.5, 0.93):
        assert family.inverse_link(np.array([family.link(mean)]))[0] == pytest.approx(mean)


@every_family
def test_no_score_has_less_than_the_least_loss_and_some_score_comes_near_it(family):
    labels = np.array([0.0, 1.0] if family.predicts == "class" else [0.0, 1.0, 5.0])
    grid = np.linspace(-30, 30, 60001)
    losses = family.loss(grid[:, None], labels).min(axis=0)
    assert np.allclose(losses, family.least_loss(labels), atol=1e-6)


def test_the_normal_distribution_function_is_that_of_the_standard_library():
    z = np.concatenate([np.linspace(-45, 45, 100_003), [0.0, -np.inf, np.inf]])
    expected = np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in z])
    assert np.abs(FAMILIES["probit"].inverse_link(z) - expected).max() < 2e-15
    assert np.isnan(FAMILIES["probit"].inverse_link(np.array([np.nan]))).all()
