"""Steps of the prover by the inverse of the second derivative: those of plain Python, to the rounded optimum."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.errors import TrainingError
from zkunlearn.models.methods.newton_reference import inverse_values, run_steps, second_derivative
from zkunlearn.models.methods.newton_steps import NewtonCertificate
from zkunlearn.models.methods.optimum_reference import certify
from zkunlearn.prover.witnesses.newton import find_stepped
from zkunlearn.prover.witnesses.newton_search import inverse_of
from zkunlearn.prover.witnesses.optimum import find_optimum, optimum_model

from .certified import compiled, drawn, rows_of
from .test_newton import begun, steps_of


def inverted(rows: int, features: int, forgotten: tuple[int, ...] = (), **fields: Any) -> NewtonCertificate:
    return steps_of(rows, features, forgotten, **({"inverse": 12} | fields))


def optimum_of(X: Any, y: Any, **fields: Any) -> Any:
    """The model of a certified optimum of all rows, (1, K)."""
    own = compiled(len(y), X.shape[1], **fields)
    return optimum_model(own, find_optimum(rows_of(X, y), own))


def check(X: Any, y: Any, schedule: NewtonCertificate, models: list[Any]) -> None:
    found = find_stepped(rows_of(X, y), schedule, models)
    steps = run_steps(X, y, found.steps[0].weights, found.matrix, schedule)
    for mine, plain in zip(found.steps, steps, strict=True):
        for name in ("weights", "cut", "cut_rest", "remainder", "after"):
            assert np.array_equal(getattr(mine, name), getattr(plain, name)), name
    assert schedule.inverse is not None and found.proved is not None
    proved = inverse_values(second_derivative(X, steps[0].rows, schedule), found.matrix, schedule.inverse)
    assert all(np.array_equal(getattr(found.proved, name), value) for name, value in vars(proved).items())
    assert np.array_equal(proved.curvature, proved.curvature.T)
    _, settled = certify(X, y, steps[-1].after, schedule)
    assert all(np.array_equal(getattr(found.settled, name), value) for name, value in vars(settled).items())
    other = find_optimum(rows_of(X, y), schedule)
    assert np.array_equal(optimum_model(schedule, found), optimum_model(schedule, other))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("model", ["logistic", "probit"])
def test_steps_from_a_certified_optimum_are_those_of_plain_python(model: str, bias: bool) -> None:
    X, y = drawn(np.random.default_rng(3), 200, 3)
    fields: dict[str, Any] = {"model": model, "bias": bias, "l2": 0.25}
    before = optimum_of(X, y, **fields)
    check(X, y, begun(inverted(200, 3, (4, 9), steps=4, **fields), 14), [before])


def test_steps_from_zero_get_there_where_the_penalty_is_large() -> None:
    X, y = drawn(np.random.default_rng(5), 60, 2)
    check(X, y, inverted(60, 2, l2=2.0, steps=6), [])


def test_sums_that_are_cut_into_pieces_are_the_same() -> None:
    """At 14 bits of a feature float64 has sums of 2^8 rows."""
    rng = np.random.default_rng(6)
    X, y = rng.integers(-(1 << 14), (1 << 14) + 1, (700, 2)), rng.integers(0, 2, 700)
    import zkunlearn as zu
    from zkunlearn.models.live import Live
    from zkunlearn.models.shapes import DatasetShape
    from zkunlearn.prover.witnesses import newton_search
    from zkunlearn.prover.witnesses.optimum_search import problem_of

    spec = zu.TrainingSpec(
        model="logistic", method="newton", l2=0.25, inverse=12, fixed_point=zu.FineScales(x_bits=14, w_bits=29)
    )
    shape = DatasetShape(rows=700, features=2, label_kind="binary", label_bits=0, x_bits=14)
    schedule: Any = spec.compile(shape, Live(700, (0, 699)))
    problem = problem_of(rows_of(X, y), schedule)
    values = problem.values(np.array([1 << 27, -(1 << 26), 1 << 28]))
    found = newton_search.second_derivative(problem, values)
    assert np.array_equal(found, second_derivative(X, values, schedule))


@pytest.mark.parametrize("seed", range(3))
def test_the_matrix_is_the_nearest_to_the_inverse(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k = int(rng.integers(1, 20))
    rows = rng.normal(size=(k, 3 * k)) * 2.0**13
    curvature = np.rint(rows @ rows.T / k).astype(np.int64) + (np.eye(k, dtype=np.int64) << 22)
    found = inverse_of(curvature, 44)
    exact = np.linalg.inv(curvature.astype(np.longdouble).astype(np.float64)) * 2.0**44
    assert np.abs(found - exact).max() < 0.51


def test_steps_that_do_not_get_there_are_refused_with_what_would_help() -> None:
    X, y = drawn(np.random.default_rng(7), 200, 3)
    before = optimum_of(X, y, l2=0.01)
    with pytest.raises(
        TrainingError, match=r"steps = 1: they end up to \d+ units .* declare more steps, .* 'optimum' first"
    ):
        find_stepped(rows_of(X, y), begun(inverted(200, 3, (4, 9), l2=0.01), 9), [before])
    with pytest.raises(TrainingError, match=r"(step 2: a gradient as long|steps = 8: they end) .* 'optimum' first"):
        find_stepped(rows_of(X, y), inverted(200, 3, l2=0.01, steps=8), [])


def test_an_inverse_of_more_bits_than_the_matrix_has_is_refused() -> None:
    X, y = drawn(np.random.default_rng(7), 200, 3)
    with pytest.raises(TrainingError, match=r"inverse = 24: .* has (1\d|2[0-3]) bits .* declare at most as many"):
        find_stepped(rows_of(X, y), inverted(200, 3, l2=0.01, inverse=24), [])
