"""One-pass training: its integers against equations written out, against float64, and against their own bounds."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from zkunlearn.errors import DataError, FormatError, ParameterError, TrainingError
from zkunlearn.models.live import Live
from zkunlearn.models.methods import OnePass
from zkunlearn.models.methods.normal_equations import STEP_WEIGHT_BITS, NormalEquations
from zkunlearn.models.methods.one_pass_reference import Solution, exported_solution, solve
from zkunlearn.models.scales import FixedPoint
from zkunlearn.models.shapes import DatasetShape, label_range
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.prover.witnesses.one_pass import in_limbs, solve_rows
from zkunlearn.prover.witnesses.rows import Rows

ROWS, FEATURES, X_BITS = 23, 3, 10


def spec(**changes: Any) -> TrainingSpec:
    choices: dict[str, Any] = {"model": "linear", "method": "one-pass", "epochs": 7, "learning_rate": 0.5}
    return TrainingSpec(**(choices | changes))


def shape_of(rows: int = ROWS, features: int = FEATURES, **changes: Any) -> DatasetShape:
    choices: dict[str, Any] = {"label_kind": "real", "label_bits": 14, "x_bits": X_BITS}
    return DatasetShape(rows=rows, features=features, **(choices | changes))


def compiled(shape: DatasetShape, forgotten: tuple[int, ...] = (), **changes: Any) -> NormalEquations:
    schedule: Any = spec(**changes).compile(shape, Live(shape.rows, forgotten))
    return schedule


def data_of(shape: DatasetShape, seed: int = 0) -> tuple[Any, Any]:
    """Features (N, d), the ends of their range among them, and labels."""
    rng, one = np.random.default_rng(seed), 1 << shape.x_bits
    X = rng.integers(-one, one + 1, (shape.rows, shape.features))
    X[0], X[-1] = one, -one
    low, high = label_range(shape.label_kind)
    y = np.clip(np.rint(X.sum(axis=1) * 0.3 * 2.0 ** (shape.label_bits - shape.x_bits)).astype(np.int64), low, high)
    return X, y


def rows_of(X: Any, y: Any) -> Rows:
    blinds, salts = np.zeros((2, len(y)), dtype=np.uint64), np.zeros((len(y), 32), dtype=np.uint8)
    ids = [str(i) for i in range(len(y))]
    return Rows(ids, np.ascontiguousarray(X.T.astype(np.int16)), y.astype(np.int32), blinds, salts)


def same(first: Solution, second: Solution) -> bool:
    names = [name for name in vars(first) if name != "scaler"]
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in names)


# The equations, written out ------------------------------------------------------------------------------------------


def by_hand(X: Any, y: Any, schedule: NormalEquations, momentum: list[int]) -> tuple[list[int], list[list[int]]]:
    """The model's integers and all weights, of features as they are, one integer at a time."""
    one, h = 1 << schedule.scales.x_bits, schedule.shift
    rows = [
        ([int(v) for v in X[i]] + [one] * schedule.bias, int(y[i])) for i in range(len(y)) if schedule.live.mask()[i]
    ]
    K, s, a = schedule.width, schedule.product_shift, schedule.target_shift

    def nearest(value: int, bits: int) -> int:
        return (2 * value + (1 << bits)) // (2 << bits) if bits else value

    M = [[nearest(schedule.factor * sum(x[k] * x[j] for x, _ in rows), s) for j in range(K)] for k in range(K)]
    b = [nearest(schedule.factor * sum(x[k] * t for x, t in rows) << schedule.target_raise, a) for k in range(K)]
    for k in range(K):
        M[k][k] += schedule.penalty * (k < schedule.features or schedule.penalize_bias)
    weights = [[0] * K]
    for t in range(schedule.epochs):
        own, last = weights[t], weights[max(t - 1, 0)]
        g = [sum(M[k][j] * own[j] for j in range(K)) - b[k] for k in range(K)]
        v = [schedule.c_epoch[t] * g[k] - momentum[t] * (own[k] - last[k]) + (1 << (h - 1)) for k in range(K)]
        weights.append([own[k] - v[k] // (1 << h) for k in range(K)])
    model = [nearest(w, schedule.fine_bits) for w in weights[-1][: schedule.features]]
    if schedule.bias:
        model.append(weights[-1][-1] << (schedule.scales.x_bits - schedule.fine_bits))
    return model, weights


CASES: list[tuple[dict[str, Any], dict[str, Any], tuple[int, ...]]] = [
    ({}, {}, ()),
    ({"bias": False}, {}, (2,)),
    ({"momentum": 0.75, "l2": 0.1}, {}, (0, 1, 9)),
    ({"momentum": "increasing", "l2": 0.5, "penalize_intercept": True}, {"label_kind": "count", "label_bits": 0}, (3,)),
    ({"learning_rate": tuple(0.1 * (1 + t) for t in range(7)), "momentum": tuple(0.1 * t for t in range(7))}, {}, ()),
    ({"epochs": 1}, {"rows": 1, "features": 1}, ()),
    ({}, {"label_kind": "binary", "label_bits": 0}, tuple(range(1, 23))),
    ({"fixed_point": FixedPoint(x_bits=4, w_bits=16)}, {"x_bits": 4, "label_bits": 9}, (5,)),
    ({"fixed_point": FixedPoint(x_bits=14, w_bits=8)}, {"x_bits": 14, "features": 8}, (5,)),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "changes", "forgotten"), CASES, ids=str)
def test_the_reference_computes_what_the_equations_say(fields: Any, changes: Any, forgotten: Any) -> None:
    shape = shape_of(**changes)
    schedule = compiled(shape, forgotten, **fields)
    X, y = data_of(shape)
    momenta = spec(**fields).method.descent.momenta * schedule.epochs  # type: ignore[attr-defined]
    factors = [min(round(m * (1 << schedule.shift)), (1 << schedule.shift) - 1) for m in momenta]
    model, weights = by_hand(X, y, schedule, factors)
    found = solve(X, y, schedule)
    assert found.weights.tolist() == weights
    assert exported_solution(schedule, found).tolist() == model
    assert len(set(map(tuple, weights))) > 1


STANDARDIZED: dict[str, Any] = {"standardize": True, "l2": 0.1}


@pytest.mark.parametrize("extra", [{}, STANDARDIZED], ids=["raw", "standardized"])
@pytest.mark.parametrize(("fields", "changes", "forgotten"), CASES, ids=str)
def test_the_prover_computes_the_same_integers(fields: Any, changes: Any, forgotten: Any, extra: Any) -> None:
    if extra and fields.get("bias") is False:
        fields = {}
    shape = shape_of(**changes)
    schedule = compiled(shape, forgotten, **(fields | extra))
    X, y = data_of(shape)
    assert same(solve_rows(rows_of(X, y), schedule).solution, solve(X, y, schedule))


@pytest.mark.parametrize("standardize", [False, True])
def test_the_prover_computes_the_same_integers_on_more_rows_than_a_piece(standardize: bool) -> None:
    shape = shape_of(rows=40_000, features=5)
    schedule = compiled(shape, (1, 39_999), standardize=standardize, epochs=20)
    X, y = data_of(shape)
    X[:, 2] //= 300
    assert same(solve_rows(rows_of(X, y), schedule).solution, solve(X, y, schedule))


@pytest.mark.parametrize("size", [1 << 24, 1 << 33])
def test_products_of_matrix_and_weights_are_exact(size: int) -> None:
    rng = np.random.default_rng(size)
    matrix, weights = rng.integers(-size, size, (300, 300)), rng.integers(-(1 << 31), 1 << 31, 300) >> (size > 1 << 24)
    if size > 1 << 24:
        weights >>= 10
    expected = matrix.astype(object) @ weights.astype(object)
    assert max(map(abs, expected)) < 1 << 63
    assert in_limbs(matrix)(weights).tolist() == expected.tolist()


# Against real numbers ------------------------------------------------------------------------------------------------


def ridge(X: Any, y: Any, l2: float, penalties: Any) -> Any:
    """The minimum of the mean of (z - y)^2 / 2 + l2 / 2 sum of penalties w^2, the bias last and free."""
    own = np.hstack([X, np.ones((len(X), 1))])
    return np.linalg.solve(own.T @ own / len(X) + l2 * np.diag(np.append(penalties, 0.0)), own.T @ y / len(X))


def diabetes() -> tuple[Any, Any]:
    X, y = load_diabetes(return_X_y=True, scaled=False)
    low, high = X.min(axis=0), X.max(axis=0)
    X = np.rint((2 * (X - low) / (high - low) - 1) * (1 << X_BITS)).astype(np.int64)
    y = np.rint((2 * (y - y.min()) / (y.max() - y.min()) - 1) * (1 << 14)).astype(np.int64)
    return X, y


def heavy_ball(values: Any, epochs: int) -> dict[str, Any]:
    """The best constants for eigenvalues: one rate and one momentum."""
    large, small = np.sqrt(values[-1]), np.sqrt(values[0])
    return {
        "learning_rate": float(4 / (large + small) ** 2),
        "momentum": float(((large - small) / (large + small)) ** 2),
    }


def chebyshev(values: Any, epochs: int) -> dict[str, Any]:
    """Chebyshev's method, as momenta and rates that change from step to step."""
    middle, reach = (1.03 * values[-1] + values[0]) / 2, (1.03 * values[-1] - values[0]) / 2
    rates, momenta = [1 / middle], [0.0]
    for t in range(1, epochs):
        part = (reach * rates[-1]) ** 2 / (2 if t == 1 else 4)
        rates.append(1 / (middle - part / rates[-1]))
        momenta.append(part * rates[-1] / rates[-2])
    return {"learning_rate": tuple(rates), "momentum": tuple(momenta)}


@pytest.mark.parametrize("method", [heavy_ball, chebyshev])
@pytest.mark.parametrize("l2", [0.0, 0.01])
def test_diabetes_ends_within_a_ten_thousandth_of_the_least_squares_solution(l2: float, method: Any) -> None:
    X, y = diabetes()
    shape, epochs = shape_of(*X.shape), 400
    live = Live(len(X), (7, 100)).mask()
    own = np.hstack([X[live] / 2.0**X_BITS, np.ones((live.sum(), 1))])
    values = np.linalg.eigvalsh(own.T @ own / len(own) + l2 * np.diag([1.0] * 10 + [0.0]))
    schedule = compiled(shape, (7, 100), epochs=epochs, l2=l2, **method(values, epochs))
    found = solve_rows(rows_of(X, y), schedule).solution
    expected = ridge(X[live] / 2.0**X_BITS, y[live] / 2.0**14, l2, np.ones(10))
    trained = found.weights[-1] / 2.0 ** (schedule.scales.w_bits + schedule.fine_bits)
    assert np.linalg.norm(trained - expected) < 2e-5 * np.linalg.norm(expected)
    model = exported_solution(schedule, found) / 2.0**schedule.scales.w_bits
    model[-1] /= 2.0**X_BITS
    assert np.linalg.norm(model - expected) < 1e-4 * np.linalg.norm(expected)


def test_standardised_diabetes_ends_near_the_ridge_solution_of_standardised_features() -> None:
    """As exported, in units of features as they are."""
    X, y = diabetes()
    scales = FixedPoint(x_bits=12, w_bits=16)
    X = X * 4
    shape = shape_of(*X.shape, x_bits=12)
    fields: Any = {"epochs": 300, "learning_rate": 0.8, "momentum": 0.9, "l2": 0.05, "fixed_point": scales}
    schedule = compiled(shape, (7, 100), standardize=True, **fields)
    found = solve_rows(rows_of(X, y), schedule).solution
    live = schedule.live.mask()
    own, labels = X[live] / 2.0**12, y[live] / 2.0**14
    expected = ridge(own, labels, 0.05, own.var(axis=0))
    model = exported_solution(schedule, found) / 2.0**16
    model[-1] /= 2.0**12
    assert np.linalg.norm(model - expected) < 1e-3 * np.linalg.norm(expected)


def test_steps_are_those_of_the_heavy_ball() -> None:
    X, y = diabetes()
    shape = shape_of(*X.shape)
    rates, momenta = (0.4, 0.3, 0.5, 0.2, 0.4, 0.4), (0.0, 0.5, 0.25, 0.75, 0.5, 0.5)
    schedule = compiled(shape, epochs=6, learning_rate=rates, momentum=momenta, l2=0.1)
    found = solve_rows(rows_of(X, y), schedule).solution.weights / 2.0 ** (schedule.scales.w_bits + schedule.fine_bits)
    own, labels = np.hstack([X / 2.0**X_BITS, np.ones((len(X), 1))]), y / 2.0**14
    w = last = np.zeros(11)
    for t, (rate, momentum) in enumerate(zip(rates, momenta, strict=True)):
        gradient = own.T @ (own @ w - labels) / len(X) + 0.1 * np.append(w[:-1], 0.0)
        w, last = w - rate * gradient + momentum * (w - last), w
        assert np.abs(found[t + 1] - w).max() < 0.01  # rates are right to half a percent


# What the static analysis says ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("rows", [1, 2, 442, 100_000])
def test_nothing_but_the_factor_depends_on_who_is_forgotten(rows: int, standardize: bool) -> None:
    shape = shape_of(rows=rows)
    fields: Any = {"standardize": standardize, "l2": 0.25, "learning_rate": (0.5,) * 6 + (0.25,)}
    whole = compiled(shape, **fields)
    for count in {rows, max(1, rows // 2), max(1, rows - 1), 1}:
        own: Any = spec(**fields).compile(shape, Live(rows, tuple(range(count, rows))))
        public = {"live": own.live, "factor": own.factor, "penalty": own.penalty}
        public["standardization"] = own.standardization
        assert replace(whole, **public) == own
        for epoch, rate in ((0, 0.5), (6, 0.25)):
            assert own.effective_learning_rate(epoch) == pytest.approx(rate, rel=0.01)
        assert own.penalty == pytest.approx(own.factor * count * 4.0**X_BITS / 2.0**own.product_shift * 0.25, rel=0.01)


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("x_bits", [4, 10, 14])
@pytest.mark.parametrize("kind", ["real", "count"])
@pytest.mark.parametrize("count", [1, 2, 3, 16, 23])
def test_the_largest_data_stays_within_the_bounds(count: int, kind: str, x_bits: int, standardize: bool) -> None:
    """All features at the ends of their range, and all labels."""
    shape = shape_of(x_bits=x_bits, label_kind=kind, label_bits=15 if kind == "real" else 0)
    fixed = FixedPoint(x_bits=x_bits, w_bits=20 - x_bits if x_bits < 12 else 8)
    fields: Any = {"fixed_point": fixed, "standardize": standardize, "l2": 0.5, "epochs": 2, "learning_rate": 2.0**-9}
    schedule: Any = spec(**fields).compile(shape, Live(ROWS, tuple(range(count, ROWS))))
    low, high = label_range(kind)
    limits = dict(schedule.bounds)
    for sign in (-1, 1):
        X = np.full((ROWS, FEATURES), sign << x_bits)
        X[::2, 1] *= -1
        y = np.full(ROWS, high if sign > 0 else low)
        found = solve(X, y, schedule)
        assert np.abs(found.products).max() <= limits["scaled product |M|"] < 1 << 27
        goal = int(np.abs(found.targets).max())
        assert goal < 1 << (schedule.target_bits - 1) and goal << schedule.target_shift <= 2 * limits["target |rho B|"]
        assert found.penalties.max() < 1 << schedule.penalty_bits or not standardize
        assert schedule.corner <= limits["scaled product |M|"]


def test_many_features_and_several_rates_leave_weights_fewer_bits() -> None:
    several: Any = {"learning_rate": (0.5, 0.25) * 3 + (0.5,)}
    bits = [
        compiled(shape_of(features=d), **fields).weight_bits for d, fields in ((3, {}), (3, several), (2048, several))
    ]
    assert bits == list(STEP_WEIGHT_BITS)


@pytest.mark.parametrize(
    ("fields", "changes", "message"),
    [
        ({"model": "logistic"}, {"label_kind": "binary", "label_bits": 0}, "one-pass needs a loss that is quadratic"),
        ({}, {"features": 2049}, "2049 features: one-pass has a product of any two"),
        ({"learning_rate": 1e9}, {}, "scaled product |M| can reach"),
        ({"learning_rate": 1e-9}, {}, "room for products of features in units of"),
        ({"l2": 1e-8}, {}, "can change a learning rate or l2 by"),
        ({"fixed_point": FixedPoint(x_bits=6)}, {}, "fixed_point.x_bits = 6: the data set has 10"),
        ({"epochs": 1 << 20}, {"features": 2000}, "more than one proof can carry"),
        ({"fixed_point": FixedPoint(x_bits=14)}, {"x_bits": 14, "rows": 1 << 28}, "can change a learning rate"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_by_name(fields: Any, changes: Any, message: str) -> None:
    with pytest.raises(ParameterError) as found:
        compiled(shape_of(**changes), **fields)
    assert message in str(found.value)


def test_a_run_that_diverges_is_refused() -> None:
    shape = shape_of()
    X, y = data_of(shape)
    with pytest.raises(TrainingError, match="weights left the declared range at step"):
        solve(X, y, compiled(shape, learning_rate=50.0, epochs=100))


@pytest.mark.parametrize("place", ["X", "y"])
def test_integers_out_of_range_are_refused(place: str) -> None:
    shape = shape_of()
    X, y = data_of(shape)
    (X if place == "X" else y)[3] = 1 << 16
    with pytest.raises(DataError, match=f"{place}: expected integers"):
        solve(X, y, compiled(shape))


# As a spec -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"momentum": 0.5, "l2": 0.1, "bias": True, "penalize_intercept": True},
        {"momentum": "increasing", "standardize": True},
        {"learning_rate": (0.5, 0.25) * 3 + (0.5,), "momentum": (0.0, 0.25) * 3 + (0.5,), "bias": False},
    ],
    ids=str,
)
def test_a_spec_is_read_as_it_was_written(fields: Any) -> None:
    own = spec(**fields)
    assert TrainingSpec.from_toml(own.to_toml()) == own
    assert TrainingSpec.from_mapping(own.to_mapping()) == own
    assert isinstance(own.method, OnePass) and "one pass over the rows" in own.method.describe()


@pytest.mark.parametrize("name", ["batch_size", "class_weight"])
def test_fields_of_gradient_descent_that_it_has_not_are_refused(name: str) -> None:
    with pytest.raises(ParameterError, match=f"unknown field {name}; fields of one-pass are"):
        spec(**{name: 4})
    mapping: Any = spec().to_mapping()
    mapping["method"][name] = 0
    with pytest.raises(FormatError):
        TrainingSpec.from_mapping(mapping)


def test_a_penalty_is_a_fraction_of_what_features_have() -> None:
    schedule = compiled(shape_of(), standardize=True, l2=0.1)
    assert Fraction(schedule.penalty_factor, 1 << schedule.penalty_shift) == pytest.approx(0.1, rel=1e-4)
