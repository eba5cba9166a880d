"""Certified optima: no further from the minimum than is said, rounded alike from wherever they were found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.errors import TrainingError
from zkunlearn.models.convergence import measured
from zkunlearn.models.methods.link_certificate import OptimumCertificate
from zkunlearn.models.methods.optimum_reference import (
    certify,
    edge_distance,
    first_settled,
    settle,
    shortest_distance,
)
from zkunlearn.prover.witnesses import optimum_search
from zkunlearn.prover.witnesses.optimum import RealRows, certified_curve, find_optimum

from .certified import X_BITS, compiled, drawn, located, rows_of


def case(seed: int) -> tuple[Any, Any, OptimumCertificate]:
    """Features, labels and public integers, of all kinds."""
    rng = np.random.default_rng(seed)
    rows, features = int(rng.integers(6, 60)), int(rng.integers(1, 3))
    X, y = drawn(rng, rows, features)
    forgotten = tuple(sorted(rng.choice(rows, size=int(rng.integers(0, 4)), replace=False).tolist()))
    l2 = float(10 ** rng.uniform(-3, 0))
    model = "probit" if seed % 4 == 3 else "logistic"
    return X, y, compiled(rows, features, forgotten, model, l2=l2, bias=bool(rng.integers(2)))


def with_constant(X: Any, schedule: OptimumCertificate) -> Any:
    """Features, and the bias's."""
    return np.hstack([X, np.full((len(X), 1), 1 << X_BITS)]) if schedule.bias else X


def check_distance(seed: int) -> None:
    X, y, schedule = case(seed)
    try:
        found = find_optimum(rows_of(X, y), schedule).settled
    except TrainingError as error:  # an edge of the grid is near, which is said
        assert "no declared distance" in str(error)
        return
    whole = with_constant(X, schedule)
    optimum, off = located(whole, y, schedule, found.weights, 1.0 + 2 * schedule.distances[0])
    distance = float(np.linalg.norm(found.weights - optimum))
    assert distance <= shortest_distance(found.gradient, schedule) + off
    assert distance <= schedule.at_distance(found.number).distance + off
    half = 1 << (schedule.grid - 1)
    assert np.array_equal(np.floor((optimum + half) / (1 << schedule.grid)), found.model)


@pytest.mark.parametrize("seed", range(16))
def test_no_certificate_is_further_from_the_minimum_than_it_says(seed: int) -> None:
    check_distance(seed)


@pytest.mark.slow
def test_none_of_a_thousand_is() -> None:
    for seed in range(1000, 2000):
        check_distance(seed)


@pytest.mark.parametrize("seed", range(6))
def test_weights_from_elsewhere_are_rounded_alike_or_have_no_certificate(seed: int) -> None:
    X, y, schedule = case(seed)
    found = find_optimum(rows_of(X, y), schedule)
    rng, same = np.random.default_rng(seed), 0
    for spread in (1, 8, 64, 512, 1 << 14):
        moved = found.settled.weights + rng.integers(-spread, spread + 1, schedule.width)
        try:
            other = certify(X, y, moved, schedule)[1]
        except TrainingError:
            continue
        same += 1
        assert np.array_equal(other.model, found.settled.model)
    assert same > 0


def test_the_prover_s_integers_are_those_of_plain_python() -> None:
    X, y, schedule = case(3)
    found = find_optimum(rows_of(X, y), schedule)
    rows, settled = certify(X, y, found.settled.weights, schedule)
    for mine, plain in ((found.rows, rows), (found.settled, settled)):
        for name, value in vars(plain).items():
            assert np.array_equal(getattr(mine, name), value), name


@pytest.mark.parametrize("forgotten", [(), (0,), (3, 7, 39)])
def test_a_removal_gives_what_a_data_set_without_the_rows_gives(forgotten: tuple[int, ...]) -> None:
    """Also a recommitment of the rows that are left, which are fewer."""
    X, y = drawn(np.random.default_rng(5), 40, 2)
    kept = [i for i in range(40) if i not in forgotten]
    one = find_optimum(rows_of(X, y), compiled(40, 2, forgotten)).settled
    other = find_optimum(rows_of(X[kept], y[kept]), compiled(len(kept), 2)).settled
    assert np.array_equal(one.weights, other.weights) and np.array_equal(one.model, other.model)


def test_the_first_distance_without_a_near_edge_is_taken_and_the_advice_says_what_would_do() -> None:
    """Gradients are what they are; the weights are put next to an edge."""
    schedule = compiled(40, 1, bias=False, l2=0.01)
    edge = 1 << (schedule.grid - 1)
    gradient = np.array([schedule.penalty * 10])
    first, second, third, *more = schedule.distances
    for off, number in ((first - 1, 1), (third, 2), (third - 1, 3 + more.index(13)), (12, 3 + more.index(11))):
        assert first_settled(np.array([edge + off]), gradient, schedule).number == number
    with pytest.raises(TrainingError, match=rf"\({3 + len(more)} from {first} to {min(more)} units\)"):
        first_settled(np.array([edge + 10]), gradient, schedule)
    schedule = replace(schedule, distances=(first, second, third))
    for off, number in ((first, 0), (first - 1, 1), (second, 1), (second - 1, 2), (third, 2)):
        assert first_settled(np.array([edge + off]), gradient, schedule).number == number
        assert settle(np.array([edge - 1 - off]), gradient, schedule, number) is not None
    near = third - 1
    assert edge_distance(np.array([edge + near]), schedule.grid) == near
    with pytest.raises(TrainingError, match=f"most 11 units from the optimum, and {near} from .* declare distances"):
        first_settled(np.array([edge + near]), gradient, schedule)
    with pytest.raises(TrainingError, match=f"declare grid = {schedule.grid + 1}, for all future statements"):
        first_settled(np.array([edge + 3]), gradient, schedule)


def test_a_gradient_that_is_too_long_has_no_certificate() -> None:
    """At the radius there is one, a unit of Gamma above there is none."""
    schedule = compiled(40, 1, bias=False)
    middle = np.zeros(1, dtype=np.int64)
    longest = schedule.radius << schedule.shift
    assert settle(middle, np.array([longest]), schedule, 0) is not None
    assert settle(middle, np.array([longest + (1 << schedule.shift)]), schedule, 0) is None
    assert longest + (1 << schedule.shift >> 1) <= schedule.penalty * schedule.distance


def test_scores_beyond_the_table_are_refused_by_name() -> None:
    X, y = np.full((4, 1), 1 << X_BITS), np.array([1, 1, 1, 1])
    schedule = replace(compiled(4, 1, bias=False, l2=0.5), grid=30)
    with pytest.raises(TrainingError, match="is beyond the table, which ends at 32"):
        certify(X, y, [33 << 32], schedule)
    X[0] = 0
    with pytest.raises(TrainingError, match="no declared distance"):
        certify(X * 0, y, [31 << 32], schedule)


@pytest.mark.parametrize("off", [0, 1 << 20, 1 << 33])
def test_weights_that_are_near_lead_to_the_same_model(off: int) -> None:
    """Or are not near at all."""
    X, y = drawn(np.random.default_rng(5), 40, 2)
    schedule = compiled(40, 2)
    cold = find_optimum(rows_of(X, y), schedule)
    warm = find_optimum(rows_of(X, y), schedule, cold.settled.weights + off)
    assert np.array_equal(warm.settled.model, cold.settled.model)


def test_a_model_before_is_gone_on_from_without_a_search_from_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that is rounded, of more rows, as requests begin from; weights far away are not."""
    X, y = drawn(np.random.default_rng(6), 400, 5)
    schedule = compiled(400, 5, (3, 7, 39))
    before = find_optimum(rows_of(X, y), compiled(400, 5)).settled
    cold = find_optimum(rows_of(X, y), schedule).settled
    searched, plain = [], optimum_search.mean_of
    monkeypatch.setattr(optimum_search, "mean_of", lambda *own: searched.append(1) or plain(*own))
    for near in (before.model << schedule.grid, cold.weights):
        found = find_optimum(rows_of(X, y), schedule, near).settled
        assert np.array_equal(found.model, cold.model) and found.number == 0 and not searched
    for far in (cold.weights + (9 << 32), cold.weights + (1 << 36)):  # the last one's scores are beyond the table
        assert np.array_equal(find_optimum(rows_of(X, y), schedule, far).settled.model, cold.model)
    assert len(searched) == 2


def test_where_rounded_weights_leave_a_long_gradient_single_ones_are_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps end before a certificate is sure where features are far from zero; a search from zero does so too."""
    rng = np.random.default_rng(2)
    skewed = np.exp(1.5 * rng.normal(size=(300, 40)))
    X = np.rint(2048 * (skewed - skewed.min(axis=0)) / np.ptp(skewed, axis=0)).astype(np.int64) - 1024
    y = (np.log(skewed) @ rng.normal(size=40) > 0).astype(np.int64)
    before, schedule = (compiled(300, 40, forgotten, l2=0.001) for forgotten in ((), (3, 7)))
    (near,) = optimum_search.nearest_optima(rows_of(X, y), before)
    cold = find_optimum(rows_of(X, y), schedule).settled
    monkeypatch.setattr(optimum_search, "means_of", lambda *_: pytest.fail("a search from zero"))
    rounded = (near.weights + (1 << (before.grid - 1))) >> before.grid << before.grid
    assert np.array_equal(find_optimum(rows_of(X, y), schedule, rounded).settled.model, cold.model)


@pytest.mark.parametrize("seed", range(12))
def test_no_search_ends_before_the_first_distance_has_a_certificate(seed: int) -> None:
    """But where an edge is near, of which no search gets away."""
    X, y, schedule = case(seed)
    problem = optimum_search.problem_of(rows_of(X, y), schedule)
    weights, ended = find_optimum(rows_of(X, y), schedule).settled.weights, 0
    rng = np.random.default_rng(seed)
    for spread in (0, *(1 << bits for bits in range(4, 24, 2))):
        point = optimum_search.at(problem, weights + rng.integers(-spread, spread + 1, schedule.width))
        if optimum_search.is_certified(point, schedule):
            ended += 1
            assert settle(point.weights, point.gradient, schedule, 0) is not None
    assert 0 < ended < 11


@pytest.mark.parametrize("bias", [True, False])
def test_the_second_derivative_is_that_of_all_rows_that_count(bias: bool) -> None:
    """What is left out has the penalty alone."""
    X, y = drawn(np.random.default_rng(8), 50, 3)
    schedule = replace(compiled(50, 3, (2, 31), bias=bias), unused=(1,))
    problem = optimum_search.problem_of(rows_of(X, y), schedule)
    values = problem.values(np.arange(1, schedule.width + 1) << 29)
    whole = with_constant(X, schedule).astype(np.int64)
    whole[:, 1] = 0
    expected = (whole.T * (values.step * schedule.live.mask())) @ whole * 2.0 ** (schedule.raised - 32)
    expected += schedule.penalty * np.eye(schedule.width)
    np.testing.assert_allclose(problem.second(values), expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("size", [1, 2, 95, 96, 97, 203])
def test_an_inverse_by_quarters_is_the_inverse(size: int) -> None:
    rows = np.random.default_rng(size).normal(size=(size, size + 20))
    matrix = rows @ rows.T + np.eye(size)
    np.testing.assert_allclose(optimum_search.inverse_of(matrix) @ matrix, np.eye(size), atol=1e-9)
    solved = optimum_search.solver_of(matrix)
    np.testing.assert_allclose(solved(matrix[0]), np.eye(size)[0], atol=1e-9)
    np.testing.assert_allclose(solved(matrix @ rows[:, 0]), rows[:, 0], atol=1e-9)


@pytest.mark.parametrize("bias", [True, False])
def test_a_curve_by_whole_numbers_is_that_of_real_features(bias: bool) -> None:
    X, y = drawn(np.random.default_rng(9), 300, 4)
    schedule = replace(compiled(300, 4, (2, 31, 299), bias=bias), unused=(1,))
    method = zu.TrainingSpec(model="logistic", method="optimum", l2=0.01, bias=bias).method
    model = find_optimum(rows_of(X, y), schedule).settled.model
    found = certified_curve(rows_of(X, y), method, schedule, model)
    live, whole = schedule.live.mask(), with_constant(X, schedule) / 2.0**X_BITS
    whole[:, 1] = 0
    weights = np.stack([np.zeros((1, schedule.width)), model[None] * 2.0 ** -method.weight_bits(schedule.scales)])
    piece = whole[live], y[live, None].astype(np.float64), np.ones(schedule.live.count)
    expected = measured(schedule.family, [piece], (0, 1), weights, np.full(schedule.width, 0.01))
    for mine, plain in zip(found.points, expected.points, strict=True):
        np.testing.assert_allclose(list(vars(mine).values()), list(vars(plain).values()), rtol=1e-8, atol=1e-9)
    assert found.constant_loss == expected.constant_loss and found.last.gradient_norm > 0


def test_products_with_whole_numbers_are_as_near_as_is_said() -> None:
    """Of weights and values of any size, also of nothing but zeros."""
    rng = np.random.default_rng(10)
    X, y = drawn(rng, 200, 3)
    schedule = compiled(200, 3, (5, 6))
    rows, live = RealRows(rows_of(X, y), schedule), schedule.live.mask()
    whole = with_constant(X, schedule)[live] / 2.0**X_BITS
    for size in (0.0, 1e-30, 1.0, 1e30):
        weights, values = size * rng.normal(size=(4, 2)), size * rng.normal(size=(2, len(rows)))
        np.testing.assert_allclose(rows @ weights, whole @ weights, rtol=0, atol=size * 4e-8)
        np.testing.assert_allclose(values @ rows, values @ whole, rtol=0, atol=size * 1e-6)
