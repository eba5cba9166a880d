"""The integers of a linear model's proved distance, and what they say of the exact optimum, in rationals."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from zkunlearn.errors import DataError, ParameterError, TrainingError
from zkunlearn.models.live import Live
from zkunlearn.models.methods.distance import LARGEST_SLOPE
from zkunlearn.models.methods.distance_reference import declared, measure, smallest, weights_of
from zkunlearn.models.methods.gram_distance import LEAST_PENALTY, GramDistance
from zkunlearn.models.methods.gram_reference import LimbValues
from zkunlearn.models.scales import FixedPoint
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec

ROWS, FEATURES, GONE = 60, 3, (3, 17)
SHAPE = DatasetShape(rows=ROWS, features=FEATURES, label_kind="real", label_bits=14, x_bits=10, names=("a", "b", "c"))
CASES = 1000


def spec_of(**changes: Any) -> TrainingSpec:
    choices: dict[str, Any] = {"model": "linear", "epochs": 1, "learning_rate": 0.5, "l2": 0.01}
    return TrainingSpec(**(choices | changes))


def certificate(
    distance: int = 8, slope: int | None = LARGEST_SLOPE, shape: DatasetShape = SHAPE, gone: Any = GONE, **changes: Any
) -> GramDistance:
    found = spec_of(**changes).compile_distance(shape, Live(shape.rows, gone), distance, slope)
    assert isinstance(found, GramDistance)
    return found


# The exact optimum ---------------------------------------------------------------------------------------------------


def solved(matrix: list[list[Fraction]], right: list[Fraction]) -> list[Fraction]:
    """By elimination, in rationals."""
    rows, count = [[*row, value] for row, value in zip(matrix, right, strict=True)], len(right)
    for i in range(count):
        place = next(j for j in range(i, count) if rows[j][i])
        rows[i], rows[place] = rows[place], rows[i]
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for j in range(count):
            if j != i and rows[j][i]:
                rows[j] = [mine - rows[j][i] * its for mine, its in zip(rows[j], rows[i], strict=True)]
    return [row[-1] for row in rows]


class Objective:
    """Half the mean square of residuals, and the penalty with l2 as its integer is, of weights in units of 2^-w."""

    def __init__(self, X: Any, y: Any, own: GramDistance) -> None:
        counted, x, w = own.live.mask(), own.scales.x_bits, own.scales.w_bits
        ones = np.full((int(counted.sum()), int(own.bias)), own.one)
        self.rows = np.hstack([X[counted], ones]).astype(object)
        self.labels = y[counted].astype(object) << own.label_shift
        self.l2 = Fraction(own.penalty, own.live.count * 2 ** (2 * x + own.raised))
        self.penalties = [own.penalty] * own.counted + [0] * (own.width - own.counted)
        self.raised, self.scale = own.raised, own.live.count * 2 ** (own.raised + 2 * x + 2 * w)

    def value(self, weights: list[Fraction]) -> Fraction:
        """The mean."""
        r = self.rows @ np.array(weights, dtype=object) - self.labels
        penalty = sum((c * v * v for c, v in zip(self.penalties, weights, strict=True)), Fraction(0))
        return (2**self.raised * sum(r * r) + penalty) / (2 * self.scale)

    def best(self, fixed: Fraction | None = None) -> list[Fraction]:
        """Where it is least; with this bias, if one is given."""
        right = self.rows.T @ self.labels
        gram = (self.rows.T @ self.rows) * 2**self.raised
        right = right * 2**self.raised
        matrix = [
            [Fraction(int(v)) + (i == j) * self.penalties[i] for j, v in enumerate(row)] for i, row in enumerate(gram)
        ]
        if fixed is None:
            return solved(matrix, [Fraction(int(v)) for v in right])
        last = len(matrix) - 1
        less = [Fraction(int(v)) - matrix[i][last] * fixed for i, v in enumerate(right[:last])]
        return [*solved([row[:last] for row in matrix[:last]], less), fixed]


def random_case(rng: np.random.Generator) -> tuple[Any, Any, GramDistance, Any, Any]:
    """Rows, labels of a kind, a certificate and a model, near the optimum or far."""
    kind, bits = [("real", 14), ("real", 0), ("binary", 0), ("count", 0)][rng.integers(4)]
    x, w = [(10, 16), (4, 24), (14, 8), (12, 12)][rng.integers(4)]
    shape = DatasetShape(
        rows=int(rng.integers(2, 9)), features=int(rng.integers(1, 4)), label_kind=kind, label_bits=bits, x_bits=x
    )
    bias = rng.random() < 0.8
    penalised = bool(bias and rng.random() < 0.5)
    own = certificate(
        *(0, LARGEST_SLOPE if bias and not penalised else None), shape,
        (0,) if rng.random() < 0.5 else (),
        l2=float(2.0 ** rng.uniform(-12, 3)), bias=bool(bias), penalize_intercept=penalised,
        method="gradient descent" if rng.random() < 0.5 else "one-pass",
        fixed_point=FixedPoint(x_bits=x, w_bits=w),
    )  # fmt: skip
    low, high = {"real": (-(1 << 15), 1 << 15), "binary": (0, 2), "count": (0, 1 << 16)}[kind]
    X = rng.integers(-(1 << x), (1 << x) + 1, (shape.rows, shape.features))
    y = rng.integers(low, high, shape.rows)
    objective = Objective(X, y, own)
    units = [*[1] * shape.features, own.one][: own.width]
    model = np.array([round(value * unit) for value, unit in zip(objective.best(), units, strict=True)])
    model += rng.integers(-1, 2, own.width) * np.rint(2.0 ** rng.uniform(0, 12, own.width)).astype(np.int64)
    return X, y, own, model, objective


def test_no_distance_slope_or_loss_is_ever_exceeded() -> None:
    """In rationals, with no rounding anywhere: also at the best weights for other intercepts."""
    rng, free, near = np.random.default_rng(17), 0, 0
    for _ in range(CASES):
        X, y, own, model, objective = random_case(rng)
        placed = measure(X, y, model, own)
        try:
            distance, slope = smallest(placed, own)
        except TrainingError:
            continue
        own = replace(own, distances=(1 << distance,), slope=slope)
        at = [Fraction(int(v)) for v in model]
        if own.bias:
            at[-1] /= own.one
        best = objective.best(at[-1] if own.slope is not None else None)
        gone = sum(((a - b) ** 2 for a, b in zip(at, best, strict=True)), Fraction(0))
        assert gone <= own.distance**2
        assert objective.value(at) - objective.value(best) <= own.excess
        near += gone * 10**6 > own.distance**2
        if own.slope is not None:
            free += 1
            gain_of_one = own.real_slope or 0
            for other in (objective.best()[-1], at[-1] + 3, at[-1] - 1000):
                gain = objective.value(at) - objective.value(objective.best(other))
                assert gain <= own.excess + gain_of_one * abs(other - at[-1]) / 2**own.scales.w_bits
    assert free > CASES // 4 and near > CASES // 2


# Against scikit-learn, and integers ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(8)
    X = rng.integers(-1024, 1025, (ROWS, FEATURES))
    return X, 4 * X @ [1, -1, 0] + rng.integers(-(1 << 12), 1 << 12, ROWS)


def test_the_objective_is_that_of_ridge_regression(data: tuple[Any, Any]) -> None:
    """scikit-learn's optimum, rounded, has a distance of a few units and next to no slope."""
    counted = Live(ROWS, GONE).mask()
    ridge = Ridge(alpha=0.01 * counted.sum()).fit(data[0][counted] / 1024, data[1][counted] / 2**14)
    model = np.append(np.rint(ridge.coef_ * 2**16), np.rint(ridge.intercept_ * 2**26)).astype(np.int64)
    own = certificate()
    distance, slope = smallest(measure(*data, model, own), own)
    assert distance < 8 and slope is not None
    assert certificate(distance, slope).excess < Fraction(1, 10**8)
    assert float(replace(own, slope=slope).real_slope or 1) < 1e-6


def test_the_penalty_is_that_of_the_mean_loss() -> None:
    for l2, x_bits in ((0.01, 10), (2.0, 14), (1e-5, 4), (0.3, 12)):
        own = certificate(0, shape=replace(SHAPE, x_bits=x_bits), l2=l2, fixed_point=FixedPoint(x_bits=x_bits))
        exact = own.live.count * Fraction(l2) * 2 ** (2 * x_bits + own.raised)
        assert abs(own.penalty / exact - 1) <= Fraction(1, 2 * LEAST_PENALTY)
        assert own.penalty % own.one == 0 and (own.raised == 0 or own.penalty < 2 * LEAST_PENALTY * own.one)
        assert own.bias_penalty == 0
        assert abs(own.excess / (Fraction(l2) / 2 * own.real_distance**2) - 1) <= Fraction(1, 2 * LEAST_PENALTY)


def test_the_least_distance_is_the_least(data: tuple[Any, Any]) -> None:
    own = certificate()
    placed = measure(*data, np.array([60_000, -50_000, 0, 7_000_001]), own)
    distance, slope = smallest(placed, own)
    assert slope is not None and isinstance(placed.rows, LimbValues)
    for at, shown in ((distance, True), (distance - 1, False), (distance + 1, True)):
        assert (declared(placed, certificate(at, slope)) is not None) == shown
    assert declared(placed, certificate(distance, slope - 1)) is None


def test_a_gradient_that_is_no_64_bit_integer_has_no_distance(data: tuple[Any, Any]) -> None:
    own = certificate()
    far = np.array([1 << 46, 0, 0, 0])
    for model in (far, np.roll(far, 3)):
        with pytest.raises(TrainingError, match=r"too long for any distance up to 8.38861e\+06: train it for longer"):
            smallest(measure(*data, model, own), own)


def test_any_intercept_is_one_and_weights_have_48_bits() -> None:
    """Of one pass over the rows it is no multiple of 2^x."""
    own = certificate()
    assert weights_of(np.array([[1, 2, 3, 5]]), own).tolist() == [1, 2, 3, 5]
    with pytest.raises(TrainingError, match="2147483648 or more"):
        weights_of(np.array([[0, 0, 1 << 47, 0]]), own)
    with pytest.raises(DataError, match="shapes"):
        measure(np.zeros((3, 3)), np.zeros(3), np.zeros(4, dtype=np.int64), own)


def test_features_that_are_left_out_and_rows_that_are_held_out_count_nowhere(data: tuple[Any, Any]) -> None:
    own = certificate(without=["b"], holdout=5)
    model = np.array([40_000, -20_000, 3_000, 1 << 20])
    X, y = data[0].copy(), data[1].copy()
    X[:, 1], y[:5] = 7, 0
    first, other = measure(*data, model, own).gradient, measure(X, y, model, own).gradient
    assert np.array_equal(first, other) and first[1] == own.penalty * -20_000


# What has no distance ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"l2": 0.0}, "l2 = 0: without a penalty"),
        ({"standardize": True}, "standardize: what l2 penalises"),
        ({"l2": 1e-20}, "l2 = 1e-20: too small for 58 rows and 4 weights"),
        ({"l2": 1e-12}, "l2 = 1e-12: too small for 58 rows and 4 weights"),
        ({"l2": 1e12}, "too large: its gradient would pass"),
        ({"slope": None}, "the intercept is not penalised"),
        ({"slope": 3, "bias": False}, "no intercept is without a penalty"),
        ({"slope": LARGEST_SLOPE + 1}, "slope = 62: must be between 0 and 61"),
        ({"distance": 42}, "distance = 42: must be between 0 and 39, which is 8.38861e"),
        ({"distance": -1}, "distance = -1: must be between 0 and 39"),
        ({"shape": replace(SHAPE, x_bits=12)}, "fixed_point.x_bits = 10: the data set has 12"),
        ({"shape": replace(SHAPE, rows=1 << 28), "gone": ()}, r"gradient of a limb \|G_i\| can reach"),
        ({"model": "logistic", "method": "one-pass"}, "model = 'logistic': its loss is not quadratic"),
        (
            {"shape": replace(SHAPE, label_kind="categorical", label_bits=0, classes=("a", "b", "c"))},
            "needs binary or real or count labels",
        ),
    ],
    ids=str,
)
def test_what_has_no_distance_is_refused_by_name(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        certificate(**changes)


def test_no_bound_is_near_its_limit_where_nothing_is_refused() -> None:
    own = certificate(certificate().longest)
    assert [name for name, _ in own.bounds] == [
        *("score of a limb |z_i|", "gradient of a limb |G_i|", "carry identity |G_i - R + kappa - 2^16 kappa|"),
        *("threshold c D", "norm |radius^2 - sum Gamma^2 - slack|"),
    ]
    assert dict(own.bounds)["threshold c D"] >= 1 << 61
