"""The integers of a Poisson model's proved distance, and what they say of the optimum of the exact loss."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import exp
from typing import Any

import mpmath
import numpy as np
import pytest
from sklearn.linear_model import PoissonRegressor
from zkunlearn.errors import ParameterError, TrainingError
from zkunlearn.models.activation import edge_table, poisson_edges, table_digest
from zkunlearn.models.live import Live
from zkunlearn.models.methods.count_distance import LEAST_PENALTY, CountDistance
from zkunlearn.models.methods.distance import LARGEST_SLOPE
from zkunlearn.models.methods.distance_reference import measure, smallest, weights_of
from zkunlearn.models.scales import FixedPoint
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec

ROWS, FEATURES, GONE = 60, 3, (3, 17)
SHAPE = DatasetShape(rows=ROWS, features=FEATURES, label_kind="count", label_bits=0, x_bits=10, names=("a", "b", "c"))
CASES = 1000
EXACT = 1e-12  # of what the optimum is found with
DIGESTS = {
    12: "0a571085787744f94a560472c71e55e04d5ca6f784da8af0ce3caad0d9f79a05",
    13: "de33343eb6b77fcdf559e32f1cc478b631aee09f2a661ac01b9fdf25116f5414",
    14: "44fa83c675d9ae145473933c51fe1ba1d2f514fb46b5bccf2da8b503dcf1b0fe",
}
Reals = Any


def spec_of(**changes: Any) -> TrainingSpec:
    choices: dict[str, Any] = {"model": "poisson", "epochs": 1, "learning_rate": 0.5, "l2": 0.01}
    return TrainingSpec(**(choices | changes))


def certificate(
    distance: int = 8, slope: int | None = LARGEST_SLOPE, shape: DatasetShape = SHAPE, gone: Any = GONE, **changes: Any
) -> CountDistance:
    found = spec_of(**changes).compile_distance(shape, Live(shape.rows, gone), distance, slope)
    assert isinstance(found, CountDistance)
    return found


# The exact objective -------------------------------------------------------------------------------------------------


class Objective:
    """The mean of exp(z) - y z, and the penalty with l2 as its integer is, of real weights, in 64 bits of mantissa."""

    def __init__(self, X: Any, y: Any, own: CountDistance) -> None:
        counted = own.live.mask()
        ones = np.ones((int(counted.sum()), int(own.bias)))
        self.rows = np.hstack([X[counted] / own.one, ones]).astype(np.longdouble)
        self.labels = y[counted].astype(np.longdouble)
        l2 = np.longdouble(own.penalty) * 2**own.trained_bits / own.mean_scale
        self.penalties = np.array([l2] * own.counted + [0] * (own.width - own.counted), dtype=np.longdouble)

    def value(self, weights: Reals) -> Reals:
        z = self.rows @ weights
        return np.mean(np.exp(z) - self.labels * z) + self.penalties @ weights**2 / 2

    def best(self, fixed: Reals = None) -> Reals:
        """Where it is least; with this bias, if one is given. Newton's method, halving steps that go too far."""
        free = slice(None) if fixed is None else slice(-1)
        weights = np.zeros(len(self.penalties), dtype=np.longdouble)
        if fixed is not None:
            weights[-1] = fixed
        for _ in range(200):
            expected, own = np.exp(self.rows @ weights), self.rows[:, free]
            gradient = own.T @ (expected - self.labels) / len(self.labels) + self.penalties[free] * weights[free]
            second = (own.T * expected) @ own / len(self.labels) + np.diag(self.penalties[free])
            step = np.zeros_like(weights)
            step[free] = np.linalg.solve(second.astype(np.float64), gradient.astype(np.float64))
            if np.abs(step).max() < EXACT / 100:
                return weights - step
            here = self.value(weights)
            while np.abs(step).max() > 1e-6 and not self.value(weights - step) <= here:
                step /= 2
            weights = weights - step
        raise AssertionError("no optimum")


def random_case(rng: np.random.Generator) -> tuple[Any, Any, CountDistance, Any, Objective]:
    """Rows, counts, a certificate and a model, near the optimum or far."""
    x, w = [(10, 18), (12, 17), (8, 22)][rng.integers(3)]
    shape = replace(SHAPE, rows=int(rng.integers(2, 9)), features=int(rng.integers(1, 4)), x_bits=x, names=())
    bias = rng.random() < 0.8
    penalised = bool(bias and rng.random() < 0.5)
    own = certificate(
        0, LARGEST_SLOPE if bias and not penalised else None, shape,
        (0,) if rng.random() < 0.5 else (),
        l2=float(2.0 ** rng.uniform(-9, 3)), bias=bool(bias), penalize_intercept=penalised,
        fixed_point=FixedPoint(x_bits=x, w_bits=w, p_bits=10),
    )  # fmt: skip
    X = rng.integers(-(1 << x), (1 << x) + 1, (shape.rows, shape.features))
    y = rng.poisson(np.exp(rng.uniform(-1, 2)), shape.rows)
    y[-1] += 1  # of none at all a bias without a penalty has no optimum
    objective = Objective(X, y, own)
    away = rng.integers(-1, 2, own.width) * 2.0 ** rng.uniform(-18, -2, own.width)
    model = np.rint((objective.best() + away) * 2**w).astype(np.int64)
    return X, y, own, model, objective


def test_no_distance_slope_or_loss_is_ever_exceeded() -> None:
    """Of the exact loss, whatever tables are off: also at the best weights for other intercepts."""
    rng, free, shown, near = np.random.default_rng(23), 0, 0, 0
    for _ in range(CASES):
        X, y, own, model, objective = random_case(rng)
        try:
            placed = measure(X, y, model, own)
            distance, slope = smallest(placed, own)
        except TrainingError:
            continue
        own = replace(own, distances=(1 << distance,), slope=slope)
        at = model / np.longdouble(2**own.trained_bits)
        best = objective.best(at[-1] if own.slope is not None else None)
        gone, loss = float(np.linalg.norm(at - best)), objective.value(at) - objective.value(best)
        assert gone <= float(own.real_distance) + EXACT and loss <= float(own.excess) + EXACT
        shown += 1
        near += gone * 50 > float(own.real_distance)
        if own.slope is not None:
            free += 1
            gain_of_one = float(own.real_slope or 0)
            for other in (at[-1] + 0.5, at[-1] - 2):
                gain = objective.value(at) - objective.value(objective.best(other))
                assert gain <= float(own.excess) + gain_of_one * abs(float(other - at[-1])) + EXACT
    assert shown > CASES * 9 // 10 and free > CASES // 4 and near > CASES // 2


def test_the_gradient_of_the_table_is_as_near_that_of_the_loss_as_is_said() -> None:
    """At scores up to the end of the table, where chords are highest, against mpmath."""
    own = certificate(bias=False, slope=None, gone=())
    X = np.zeros((ROWS, FEATURES), dtype=np.int64)
    X[:, 0], X[:, 1], X[:, 2] = 1 << 10, np.arange(ROWS), -7
    y, worst, whole = np.arange(ROWS) % 9, mpmath.mpf(0), own.blur[0]
    for last in (7.9, 7.5, 3.0, 0.0, -6.0):
        model = np.array([round(last * 2**18), 137, 60])
        gradient = measure(X, y, model, own).gradient
        z = (X @ model).tolist()
        with mpmath.workdps(40):
            means = [mpmath.exp(mpmath.mpf(each) / 2**28) - label for each, label in zip(z, y.tolist(), strict=True)]
            off = [
                int(found) - own.penalty * int(weight)
                - mpmath.fsum(mean * int(x) for mean, x in zip(means, column, strict=True)) * 2 ** (own.raised + 16)
                for found, weight, column in zip(gradient, model, X.T, strict=True)
            ]  # fmt: skip
            worst = max(worst, mpmath.sqrt(mpmath.fsum(each**2 for each in off)))
    assert whole / 8 < worst <= whole


# Integers ------------------------------------------------------------------------------------------------------------


def test_the_table_is_that_of_every_platform_and_has_short_steps() -> None:
    for q_bits, digest in DIGESTS.items():
        table = edge_table(poisson_edges, q_bits, 16)
        assert table_digest(table) == digest and len(table) == (1 << 16) + 1
        assert table[1 << 15] == 1 << 16 and np.diff(table).min() >= 0 and np.diff(table).max() <= 1 << 16
        x = np.arange(-(1 << 15), (1 << 15) + 1) / (1 << q_bits)
        assert np.abs(table - np.exp(x) * 2.0**16).max() < 0.501
        assert table[-1] < 1 << 32


def test_the_penalty_is_that_of_the_mean_loss() -> None:
    for l2 in (2e-4, 0.01, 0.3, 4.0):
        own = certificate(l2=l2)
        scale = Fraction(2) ** (16 + 10 + own.raised - 18) * own.live.count
        assert abs(own.penalty / (Fraction(l2) * scale) - 1) < Fraction(1, 2 * LEAST_PENALTY)
        assert own.penalty >= LEAST_PENALTY
        least = Fraction(l2) / 2 * own.real_distance**2
        assert abs(own.excess / least - 1) < Fraction(1, 1000)


def test_what_is_said_counts_in_what_the_table_is_off() -> None:
    """However short the gradient of the table is: a unit and a chord of each row, over l2."""
    own = certificate(0, slope=0, l2=1.0)
    off = (1 + exp(8) / 8 / 2**8) / 2**16
    assert float(own.real_distance) == pytest.approx(2**-18 + off * 3**0.5, rel=1e-3)
    assert float(own.real_slope or 0) == pytest.approx(off, rel=1e-3)
    penalised = certificate(0, slope=None, l2=1.0, penalize_intercept=True)
    assert float(penalised.real_distance) == pytest.approx(2**-18 + off * 2, rel=1e-3)


def test_the_least_distance_is_the_least_and_a_model_near_the_optimum_has_a_small_one() -> None:
    rng = np.random.default_rng(3)
    X = rng.integers(-1024, 1025, (ROWS, FEATURES))
    y = rng.poisson(np.exp(X @ [1, -0.5, 0] / 1024 + 1))
    live = Live(ROWS, GONE).mask()
    found = PoissonRegressor(alpha=0.01, tol=1e-10, max_iter=10_000).fit(X[live] / 1024, y[live])
    own = certificate()
    model = np.rint(np.append(found.coef_, found.intercept_) * 2**18).astype(np.int64)
    assert np.array_equal(weights_of(model[None] * [1, 1, 1, 1024], own), model)
    placed = measure(X, y, model, own)
    distance, slope = smallest(placed, own)
    assert slope is not None
    said = certificate(distance, slope)
    assert said.excess < Fraction(1, 10**5) and said.real_slope is not None and said.real_slope < Fraction(1, 10**4)
    held = certificate(distance, slope, holdout=5)
    assert held.live.count == ROWS - 5 - 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"l2": 0.0}, "l2 = 0: without a penalty"),
        ({"standardize": True}, "standardize: what l2 penalises"),
        (
            {"fixed_point": FixedPoint(x_bits=10, w_bits=17, p_bits=10)},
            r"= 27: scores .* up to 16, .* train with 28 or more",
        ),
        ({"l2": 1e-9}, "l2 = 1e-09: too small for 58 rows"),
        ({"l2": 1e9}, "too large: its gradient would pass 2.61"),
        ({"slope": None}, "the intercept is not penalised"),
        ({"slope": 3, "bias": False}, "no intercept is without a penalty"),
        ({"distance": 24}, "distance = 24: must be between 0 and 23, which is 32"),
        ({"shape": replace(SHAPE, x_bits=12)}, "fixed_point.x_bits = 10: the data set has 12"),
        ({"shape": replace(SHAPE, label_kind="real")}, "needs count labels"),
        ({"shape": replace(SHAPE, rows=(1 << 19) + 2)}, "524288 rows: sums of so many counts .* is of up to 524287"),
    ],
    ids=str,
)
def test_what_has_no_distance_is_refused_by_name(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        certificate(**changes)
    if changes.get("shape", SHAPE).rows > ROWS:
        certificate(shape=replace(SHAPE, rows=(1 << 19) + 1))
