"""Standardised features: the integers equal a plain-Python twin, one exponent fits, and no bound is ever passed."""

from fractions import Fraction
from math import isqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from zkunlearn.errors import ParameterError
from zkunlearn.models.live import Live
from zkunlearn.models.methods import standardization
from zkunlearn.models.methods.geometry import FIELD_MODULUS
from zkunlearn.models.methods.standardization import (
    Standardization,
    largest_feature,
    largest_spread,
    scaler_of,
    sums_of,
)
from zkunlearn.models.scales import FixedPoint
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec

from .standardization_twin import SCALES, nearest, twin

AMPLITUDE = 1 << 40


@st.composite
def columns(draw):
    """x_bits, a mask of rows that count, and columns (d, N): constant ones, ones of two values, any, all full range."""
    x_bits = draw(st.sampled_from(list(SCALES)))
    one = 1 << x_bits
    rows = draw(st.integers(1, 40) | st.sampled_from([1, 2, 4, 16, 32]))
    value = st.integers(-one, one)
    kinds = [
        value.map(lambda v: [v] * rows),
        st.tuples(value, value, st.integers(0, rows)).map(lambda v: [v[0]] * v[2] + [v[1]] * (rows - v[2])),
        value.flatmap(lambda v: st.lists(st.integers(v, min(one, v + 2)), min_size=rows, max_size=rows)),
        st.lists(value, min_size=rows, max_size=rows),
        st.lists(st.sampled_from([-one, one]), min_size=rows, max_size=rows),
    ]
    found = draw(st.lists(st.sampled_from(kinds).flatmap(lambda kind: kind), min_size=1, max_size=4))
    live = draw(st.lists(st.booleans(), min_size=rows, max_size=rows))
    live[draw(st.integers(0, rows - 1))] = True
    return x_bits, np.array(live), np.array(found)


def public_of(x_bits, live, cap=15, amplitude=AMPLITUDE):
    return Standardization(len(live), int(live.sum()), x_bits, cap, amplitude)


@settings(max_examples=300, deadline=None)
@given(columns(), st.sampled_from([0, 1, 7, 15]))
def test_the_integers_are_those_of_the_plain_python_twin(problem, cap):
    x_bits, live, X = problem
    public = public_of(x_bits, live, cap)
    S, Q = sums_of(X.astype(np.int16), live)
    counted = [[int(x) for x in column[live]] for column in X]
    assert S.tolist() == [sum(column) for column in counted]
    assert Q.tolist() == [sum(x * x for x in column) for column in counted]
    found = scaler_of(public, S, Q)
    for k, column in enumerate(counted):
        expected = twin(public, column)
        assert {name: int(getattr(found, name)[k]) for name in expected} == expected
        assert found.shift[k] == 2 ** expected["e"] * expected["mu"] + expected["nu"]


@settings(max_examples=300, deadline=None)
@given(columns(), st.sampled_from([0, 1, 7, 15]))
def test_every_integer_has_the_range_that_is_proved_and_no_other_would_do(problem, cap):
    x_bits, live, X = problem
    public = public_of(x_bits, live, cap)
    own = scaler_of(public, *sums_of(X, live))
    n, most = public.count, largest_spread(public.rows, x_bits)
    for rest in (own.rho, own.rho2):
        assert rest.min() >= 0 and rest.max() < n <= 1 << public.remainder_bits
    for integer in (own.mu, own.nu):
        assert integer.min() >= -(1 << 15) and integer.max() < 1 << 15
    assert (own.C <= largest_spread(n, x_bits)).all() and (own.V <= largest_spread(n, x_bits)).all()
    assert own.D.max() < 1 << public.rate_bits
    assert own.rem.min() >= 0 and (own.rem < 2 * (own.V + public.floor)).all()
    assert int(own.rem.max()) < 1 << public.division_bits and most < 1 << public.slack_bits
    assert np.abs(own.shift).max() <= largest_feature(x_bits, cap)
    standardised = (own.power[:, None] * X - own.shift[:, None])[:, live]
    assert np.abs(standardised).max() <= largest_feature(x_bits, cap)
    assert (np.abs(2 * standardised.sum(axis=1)) <= n).all(), "the mean is zero, but for a half"


def test_a_constant_feature_is_zero():
    live = np.array([True, True, False, True])
    own = scaler_of(public_of(10, live), *sums_of(np.array([[7, 7, 1000, 7]]), live))
    assert (own.C[0], own.V[0], own.e[0], own.shift[0]) == (0, 0, 15, 7 << 15)


@settings(deadline=None)
@given(st.integers(1, 1 << 28), st.sampled_from(list(SCALES)), st.integers(0, 15), st.data())
@example(1, 4, 15, None)
def test_exactly_one_exponent_fits(count, x_bits, cap, data):
    public = Standardization(count, count, x_bits, cap, AMPLITUDE)
    most = count * 4**x_bits + count
    edges = {bound + step for bound in (*public.upper, *public.lower) for step in (-1, 0, 1)}
    drawn = [] if data is None else [data.draw(st.integers(0, most)) for _ in range(5)]
    for C in [*drawn, *(edge for edge in edges if 0 <= edge <= most)]:
        (e,) = (e for e in range(cap + 1) if public.lower[e] <= C <= public.upper[e])
        fitting = [j for j in range(cap + 1) if 4**j * C < count * 4**x_bits]
        assert e == max(fitting, default=0)
    assert max(public.upper) == most


@settings(max_examples=300, deadline=None)
@given(columns())
def test_what_keeps_a_rate_finite_takes_little_of_it(problem):
    x_bits, live, X = problem
    public = public_of(x_bits, live)
    own = scaler_of(public, *sums_of(X, live))
    spread = own.e < public.cap
    assert (1000 * public.floor <= (8 if x_bits >= 5 else 32) * own.V[spread]).all()


def test_sums_are_exact_past_what_one_float_holds(monkeypatch):
    monkeypatch.setattr(standardization, "EXACT_ROWS", 3)
    X = np.array([[1 << 14] * 10, [-(1 << 14)] * 10], dtype=np.int16)
    live = np.arange(10) != 4
    S, Q = sums_of(X, live)
    assert S.tolist() == [9 << 14, -(9 << 14)] and Q.tolist() == [9 << 28] * 2


# Schedules -----------------------------------------------------------------------------------------------------------

problems = st.fixed_dictionaries(
    {
        "rows": st.integers(2, 3000),
        "features": st.integers(1, 200),
        "batch": st.none() | st.integers(0, 10).map(lambda b: 1 << b),
        "rate": st.floats(1e-2, 4) | st.tuples(st.floats(1e-2, 4), st.floats(1e-2, 4)),
        "l2": st.just(0.0) | st.floats(1e-4, 0.1),
        "model": st.sampled_from(["logistic", "linear", "probit"]),
        "x_bits": st.sampled_from(list(SCALES)),
        "p_bits": st.sampled_from([14, 16]),
        "momentum": st.sampled_from([0.0, 0.9, "increasing"]),
    }
)


def compiled(problem, forgotten=()):
    """The schedule of a spec for a data set of its size. Raises ParameterError."""
    real, rate = problem["model"] == "linear", problem["rate"]
    spec = TrainingSpec(
        model=problem["model"],
        epochs=len(rate) if isinstance(rate, tuple) else 3,
        learning_rate=rate,
        batch_size=problem["batch"],
        l2=problem["l2"],
        momentum=problem["momentum"],
        standardize=True,
        fixed_point=FixedPoint(x_bits=problem["x_bits"], w_bits=SCALES[problem["x_bits"]], p_bits=problem["p_bits"]),
    )
    kind = "real" if real else "binary"
    shape = DatasetShape(
        rows=problem["rows"], features=problem["features"], label_kind=kind, label_bits=14 if real else 0,
        x_bits=problem["x_bits"],
    )  # fmt: skip
    schedule: Any = spec.compile(shape, Live(problem["rows"], tuple(sorted(forgotten))))
    return schedule


@settings(max_examples=120, deadline=None)
@given(problems, st.data())
def test_what_is_accepted_is_accepted_for_every_forget_list_with_the_same_integers(problem, data):
    try:
        trained = compiled(problem)
    except ParameterError:
        return
    rows = st.integers(0, problem["rows"] - 1)
    forgotten = data.draw(st.lists(rows, unique=True, max_size=min(50, problem["rows"] - 1)))
    keep = data.draw(st.none() | rows)  # or all but one
    if keep is not None:
        forgotten = [row for row in range(problem["rows"]) if row != keep]
    unlearnt = compiled(problem, forgotten)
    for name in ("shift", "weight_bits", "bounds", "l_epoch", "m_epoch", "c_epoch"):
        assert getattr(unlearnt, name) == getattr(trained, name), name
    assert unlearnt.standardization.cap == trained.standardization.cap
    for schedule in (trained, unlearnt):
        public, bounds = schedule.standardization, dict(schedule.bounds)
        low, high = schedule.effective_learning_rate_range()
        rates = problem["rate"] if isinstance(problem["rate"], tuple) else (problem["rate"],)
        assert low >= 0.99 * min(rates) and high <= 1.01 * max(rates)
        # Any D and rem of their bits, of the largest spread.
        spread = largest_spread(public.count, public.x_bits) + public.floor
        division = 2 * ((1 << public.rate_bits) - 1) * spread + (1 << public.division_bits) - 1
        assert division <= bounds["division |2 D (V + V0) + rem|"] < FIELD_MODULUS
        assert bounds["step |c D g + l w + 2^(h-1) - u|"] < 1 << 62
        assert bounds["step with momentum"] < 1 << 63
        assert bounds["update |2^h (w_t - w_(t+1))| + |step|"] < FIELD_MODULUS
        assert bounds["score identity |z - 2^16 q - rem|"] < 1 << 62


def test_most_problems_of_these_tests_are_accepted():
    """Or the ones around say little."""
    usual, accepted = {"rows": 300, "features": 5, "l2": 0.0, "momentum": 0.9, "p_bits": 14, "model": "logistic"}, 0
    for x_bits in SCALES:
        for batch in (None, 32):
            for rate in (0.5, (0.5, 0.1)):
                try:
                    compiled({**usual, "batch": batch, "rate": rate, "x_bits": x_bits})
                except ParameterError:
                    continue
                accepted += 1
    assert accepted >= 12, "of 16"


@settings(max_examples=60, deadline=None)
@given(problems, st.integers(0, 2**32 - 1), st.sampled_from(["any", "few", "rare", "ends"]))
def test_no_residuals_move_a_step_past_its_bound_and_every_rate_is_the_declared_one(problem, seed, kind):
    """The worst residuals of a block, for data of any kind: with each feature's sign."""
    rng, n = np.random.default_rng(seed), problem["rows"]
    forgotten = rng.choice(n, rng.integers(0, n), replace=False).tolist()
    try:
        schedule = compiled(problem, forgotten)
    except ParameterError:
        return
    public, bounds, one = schedule.standardization, dict(schedule.bounds), 1 << problem["x_bits"]
    size = {"any": rng.integers(-one, one + 1, n), "ends": one * rng.choice([-1, 1], n)}
    size |= {"few": rng.integers(0, 2, n), "rare": (np.arange(n) == rng.integers(n)) * rng.integers(1, one)}
    column, live = np.asarray(size[kind], dtype=np.int64), schedule.live.mask()
    own = scaler_of(public, *sums_of(column[None], live))
    standardised = np.where(live, int(own.power[0]) * column - int(own.shift[0]), 0)
    residual, decay = bounds["residual |r|"], max(schedule.l_epoch) << (schedule.weight_bits - 1)
    block_sums = np.add.reduceat(np.abs(standardised), np.arange(0, n, schedule.block_size))
    D, spread = int(own.D[0]), int(own.V[0]) + public.floor
    for c_b, n_b, total in zip(schedule.c_block, schedule.live_counts, block_sums.tolist(), strict=True):
        assert residual * total <= bounds["standardised gradient |g'|"]
        for rate, of_features in ((D, total), (public.bias_rate, n_b * one)):
            step = max(schedule.c_epoch) * c_b * rate * residual * of_features + decay + (1 << (schedule.shift - 1))
            assert step <= bounds["step |c D g + l w + 2^(h-1) - u|"]
        if n_b:  # c_e c_b D is the rate over n_b and over the square of the spread
            scale = Fraction(2) ** (schedule.shift + SCALES[public.x_bits] + public.x_bits - problem["p_bits"])
            for e, declared in enumerate(np.atleast_1d(problem["rate"]).tolist()):
                found = Fraction(schedule.c_epoch[e] * c_b * D * n_b * spread, public.count) / scale
                assert abs(found / Fraction(declared) - 1) <= Fraction(1, 100)
                own_rate = Fraction(schedule.c_epoch[e] * c_b * public.bias_rate * n_b * one * one) / scale
                assert abs(own_rate / Fraction(declared) - 1) <= Fraction(1, 100)


def test_bounds_are_worst_cases_that_can_nearly_occur():
    """Cauchy-Schwarz is tight for residuals like x', and for V near V0."""
    problem = {"rows": 4096, "features": 2, "batch": None, "rate": 0.5, "l2": 0.0, "momentum": 0.0}
    schedule = compiled({**problem, "model": "logistic", "x_bits": 14, "p_bits": 16})
    public = schedule.standardization
    n, floor = public.count, public.floor
    D = nearest(public.amplitude, 2 * floor)
    worst = schedule.c_epoch[0] * D * isqrt(n * floor) * dict(schedule.bounds)["residual |r|"]
    bound = dict(schedule.bounds)["step |c D g + l w + 2^(h-1) - u|"] - (1 << (schedule.shift - 1))
    assert 0.98 * bound < worst <= bound


def test_too_small_a_rate_is_refused_by_name():
    problem = {"rows": 300, "features": 5, "batch": None, "l2": 0.0, "momentum": 0.0, "model": "logistic"}
    with pytest.raises(ParameterError, match=r"learning_rate: rounding the step factors of standardised features .*%"):
        compiled({**problem, "rate": 1e-7, "x_bits": 10, "p_bits": 16})
    with pytest.raises(ParameterError, match="must stay below"):
        compiled({**problem, "rate": 1e16, "x_bits": 10, "p_bits": 16})
