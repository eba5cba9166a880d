"""The integers of a proved distance, and what they say of the optimum in float64."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from zkunlearn.errors import ParameterError, TrainingError
from zkunlearn.models.families import FAMILIES
from zkunlearn.models.live import Live
from zkunlearn.models.methods.distance import LARGEST_SLOPE
from zkunlearn.models.methods.distance_reference import Placed, declared, measure, smallest, weights_of
from zkunlearn.models.methods.link_distance import LinkDistance, fine_scales
from zkunlearn.models.scales import FixedPoint
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec

ROWS, FEATURES, UNIT = 60, 3, 1 << 10
GONE = (3, 17)
SHAPE = DatasetShape(
    rows=ROWS,
    features=FEATURES,
    label_kind="binary",
    label_bits=0,
    x_bits=10,
    classes=("0", "1"),
    names=("a", "b", "c"),
)
WEIGHTS = np.array([40_000, -20_000, 3_000, 10_000])  # scale 16
SMALL_L2 = 0.01


def spec_of(**changes: Any) -> TrainingSpec:
    choices: dict[str, Any] = {"model": "logistic", "epochs": 1, "learning_rate": 0.5, "l2": SMALL_L2}
    return TrainingSpec(**(choices | changes))


def certificate(
    distance: int = 30, slope: int | None = LARGEST_SLOPE, shape: DatasetShape = SHAPE, **changes: Any
) -> LinkDistance:
    found = spec_of(**changes).compile_distance(shape, Live(ROWS, GONE), distance, slope)
    assert isinstance(found, LinkDistance)
    return found


@pytest.fixture(scope="module")
def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(8)
    X = rng.integers(-UNIT, UNIT + 1, (ROWS, FEATURES))
    return X, (X @ [3, -2, 0] + rng.normal(size=ROWS) * UNIT > 0).astype(np.int64)


# The objective in float64 --------------------------------------------------------------------------------------------


def live(data: tuple[Any, Any]) -> tuple[Any, Any]:
    counted = Live(ROWS, GONE).mask()
    return data[0][counted] / UNIT, data[1][counted]


def loss(weights: Any, intercept: float, data: tuple[Any, Any], penalised: bool) -> float:
    """The mean loss with the penalty, as the training's document says it."""
    X, y = live(data)
    z = X @ weights + intercept
    squares = weights @ weights + penalised * intercept**2
    return float(np.mean(np.logaddexp(0, z) - y * z) + SMALL_L2 / 2 * squares)


def best(data: tuple[Any, Any], intercept: str) -> tuple[Any, float]:
    """By scikit-learn; of an intercept that is penalised as one feature more."""
    X, y = live(data)
    own = np.hstack([X, np.ones((len(X), 1))]) if intercept == "penalised" else X
    solver = LogisticRegression(
        C=1 / (SMALL_L2 * len(y)), fit_intercept=intercept == "free", tol=1e-12, max_iter=10_000
    )
    found = solver.fit(own, y).coef_[0]
    if intercept == "penalised":
        return found[:-1], float(found[-1])
    return found, float(solver.intercept_[0]) if intercept == "free" else 0.0


def proved(data: tuple[Any, Any], model: Any, **changes: Any) -> LinkDistance:
    """The certificate at the least that can be shown."""
    free = changes.get("bias", True) and not changes.get("penalize_intercept", False)
    own = certificate(slope=LARGEST_SLOPE if free else None, **changes)
    distance, slope = smallest(measure(*data, model, own), own)
    return certificate(distance, slope, **changes)


@pytest.mark.parametrize("by", [0, 300, 40_000])
def test_loss_and_weights_are_within_what_is_proved_of_the_optimum(data: tuple[Any, Any], by: int) -> None:
    """Of an intercept that is penalised as the weights are: both, and the intercept's place is among them."""
    w, b = best(data, "penalised")
    near = np.rint(np.append(w, b) * 2**16).astype(np.int64) + by * np.array([1, -1, 1, 1])
    own = proved(data, near, penalize_intercept=True)
    real = near / 2**16
    excess = loss(real[:-1], real[-1], data, True) - loss(w, b, data, True)
    assert excess <= own.excess + Fraction(1, 10**8)
    assert np.linalg.norm(real - np.append(w, b)) <= float(own.real_distance) + 1e-6
    if by:  # and not far from it
        assert float(own.excess) < 1000 * excess and own.real_slope is None


def test_an_intercept_without_a_penalty_gains_no_more_than_its_slope(data: tuple[Any, Any]) -> None:
    w, b = best(data, "free")
    model = np.rint(np.append(w, b) * 2**16).astype(np.int64) + np.array([400, -900, 100, 30_000])
    own, real = proved(data, model), model / 2**16
    slope = own.real_slope
    assert slope is not None
    here = loss(real[:-1], real[-1], data, False)
    for intercept in (real[-1], b, real[-1] + 0.25, real[-1] - 3.0):
        at_it = minimize(lambda v, i=intercept: loss(v, i, data, False), w, tol=1e-14)
        gain = here - at_it.fun
        assert gain <= float(own.excess + slope * Fraction(abs(intercept - real[-1]))) + 1e-8
        if intercept == real[-1]:
            assert np.linalg.norm(real[:-1] - at_it.x) <= float(own.real_distance) + 1e-5
    assert here - loss(w, b, data, False) > float(own.excess)  # the slope is needed


def test_a_model_without_an_intercept_is_within_its_distance(data: tuple[Any, Any]) -> None:
    w, _ = best(data, "none")
    near = np.rint(w * 2**16).astype(np.int64)
    own = proved(data, near, bias=False)
    assert own.width == FEATURES and np.linalg.norm(near / 2**16 - w) <= float(own.real_distance) + 1e-6
    assert 0 < own.excess < Fraction(1, 10**6)


# Integers ------------------------------------------------------------------------------------------------------------


def test_the_penalty_is_that_of_the_mean_loss() -> None:
    own = certificate()
    count = ROWS - len(GONE)
    scale = Fraction(2) ** (own.scales.p_bits + own.scales.x_bits + own.raised - own.scales.w_bits)
    assert abs(own.penalty / (count * Fraction(SMALL_L2) * scale) - 1) < Fraction(1, 1000)
    assert own.excess == Fraction(own.penalty * 4**30, 2 * count * 2 ** (own.raised + own.scales.p_bits + 10 + 32))
    assert abs(own.excess / (Fraction(SMALL_L2) / 2 * own.real_distance**2) - 1) < Fraction(1, 1000)


@pytest.mark.parametrize(("family", "most"), [("logistic", 28), ("probit", 27)])
@pytest.mark.parametrize(("x_bits", "w_bits"), [(10, 16), (10, 13), (12, 8), (10, 20), (14, 16), (8, 22)])
def test_scales_follow_from_those_of_the_training(family: str, most: int, x_bits: int, w_bits: int) -> None:
    """Cells of scores are the same, and predictions as fine as the steps of a table may be."""
    scales = FixedPoint(x_bits=x_bits, w_bits=w_bits)
    fine = fine_scales(FAMILIES[family], scales)
    assert (fine.q_bits, fine.w_bits - scales.w_bits) == (scales.q_bits, 16)
    steps = int(np.diff(FAMILIES[family].edge_table(fine)).max())
    assert steps <= 1 << 16 and (fine.p_bits == most or steps > 1 << 14)


def test_the_least_distance_is_the_least(data: tuple[Any, Any]) -> None:
    own = certificate()
    placed = measure(*data, WEIGHTS, own)
    distance, slope = smallest(placed, own)
    assert slope is not None
    for at, shown in ((distance, True), (distance - 1, False), (distance + 1, True)):
        assert (declared(placed, certificate(at, slope)) is not None) == shown
    assert declared(placed, certificate(distance, slope - 1)) is None


@pytest.mark.parametrize(("gradient", "slope"), [(0, 0), (-1, 0), (1, 1), (-2, 1), (3, 2), (4, 3), (-4, 2), (-5, 3)])
def test_a_slope_bounds_a_gradient_of_either_sign(gradient: int, slope: int) -> None:
    own = certificate()
    rows: Any = None
    placed = Placed(np.zeros(4, dtype=np.int64), rows, np.array([0, 0, 0, gradient]))
    assert smallest(placed, own) == (0, slope)


def test_an_intercept_is_a_multiple_and_a_weight_of_32_too_large() -> None:
    own = certificate()
    assert weights_of(np.array([[1, 2, 3, 5 << 10]]), own).tolist() == [1, 2, 3, 5]
    for place, value in ((0, 1 << 21), (3, -(1 << 31) - (1 << 10))):
        integers = np.zeros((1, 4), dtype=np.int64)
        integers[0, place] = value
        with pytest.raises(TrainingError, match="32 or more"):
            weights_of(integers, own)


# What has no distance ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"l2": 0.0}, "l2 = 0: without a penalty"),
        ({"standardize": True}, "standardize: what l2 penalises"),
        ({"class_weight": {"1": 2}}, "class_weight: the distance is that of an objective which counts each row once"),
        ({"model": "poisson"}, "needs count labels, the data set has binary"),
        ({"l2": 1e-7}, "too small"),
        ({"l2": 1e6}, "too large"),
    ],
    ids=str,
)
def test_what_has_no_distance_is_refused_by_name(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        certificate(**changes)


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        (TrainingSpec(model="logistic", method="optimum", l2=0.01), "optimum"),
        (TrainingSpec(model="logistic", method="newton", l2=0.01), "newton"),
        (TrainingSpec(model="logistic", method="noisy", l2=0.01), "noisy"),
    ],
    ids=["optimum", "newton", "noisy"],
)
def test_models_by_other_methods_are_refused_by_name(spec: TrainingSpec, kind: str) -> None:
    with pytest.raises(ParameterError, match=f"a model by '{kind}': a distance is proved of models by gradient desc"):
        spec.compile_distance(SHAPE, Live(ROWS, GONE), 30, LARGEST_SLOPE)


def test_numbers_that_cannot_be_are_refused() -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"slope": None}, "the intercept is not penalised"),
        ({"slope": 3, "penalize_intercept": True}, "no intercept is without a penalty"),
        ({"slope": 3, "bias": False}, "no intercept is without a penalty"),
        ({"slope": LARGEST_SLOPE + 1}, "slope = 62: must be between 0 and 61"),
        ({"distance": 38}, "distance = 38: must be between 0 and 37"),
        ({"shape": replace(SHAPE, x_bits=12)}, "fixed_point.x_bits = 10: the data set has 12"),
        ({"shape": replace(SHAPE, label_kind="count", classes=())}, "needs labels of two classes"),
    ]
    for changes, words in cases:
        with pytest.raises(ParameterError, match=words):
            certificate(**changes)


def test_features_that_are_left_out_count_nowhere(data: tuple[Any, Any]) -> None:
    own = certificate(without=["b"])
    X, y = data
    other = X.copy()
    other[:, 1] = 7
    assert own.unused == (1,)
    for gradient in (measure(X, y, WEIGHTS, own).gradient, measure(other, y, WEIGHTS, own).gradient):
        assert gradient[1] == own.penalty * int(WEIGHTS[1]) << own.unit_bits


def test_rows_that_are_held_out_do_not_count(data: tuple[Any, Any]) -> None:
    own = certificate(holdout=5)
    assert own.live.count == ROWS - 5 - 1
    X, y = data
    y = y.copy()
    y[:5] = 1 - y[:5]
    assert np.array_equal(measure(X, y, WEIGHTS, own).gradient, measure(*data, WEIGHTS, own).gradient)
