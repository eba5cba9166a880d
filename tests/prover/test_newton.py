"""Newton's steps of the prover: those of plain Python, to the rounding of the optimum, from wherever they begin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.errors import TrainingError
from zkunlearn.models.methods.newton_reference import run_steps
from zkunlearn.models.methods.newton_steps import NewtonCertificate
from zkunlearn.models.methods.optimum_reference import certify
from zkunlearn.prover.witnesses.newton import find_stepped
from zkunlearn.prover.witnesses.newton_search import corrected
from zkunlearn.prover.witnesses.optimum import find_optimum, optimum_model

from .certified import compiled, drawn, rows_of


def steps_of(rows: int, features: int, forgotten: tuple[int, ...] = (), **fields: Any) -> NewtonCertificate:
    found: Any = compiled(rows, features, forgotten, **({"method": "newton"} | fields))
    return found


def begun(schedule: NewtonCertificate, scale: int) -> NewtonCertificate:
    return schedule.begun((scale,))


def check(X: Any, y: Any, schedule: NewtonCertificate, models: list[Any]) -> None:
    found = find_stepped(rows_of(X, y), schedule, models)
    steps = run_steps(X, y, found.steps[0].weights, found.matrix, schedule)
    for mine, plain in zip(found.steps, steps, strict=True):
        for name in ("weights", "cut", "cut_rest", "remainder", "after"):
            assert np.array_equal(getattr(mine, name), getattr(plain, name)), name
        for name, value in vars(plain.rows).items():
            assert np.array_equal(getattr(mine.rows, name), value), name
    _, settled = certify(X, y, steps[-1].after, schedule)
    assert all(np.array_equal(getattr(found.settled, name), value) for name, value in vars(settled).items())
    other = find_optimum(rows_of(X, y), schedule)
    assert np.array_equal(optimum_model(schedule, found), optimum_model(schedule, other))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("steps", "model"), [(1, "logistic"), (3, "logistic"), (1, "probit")])
def test_steps_from_a_model_and_from_zero_are_those_of_plain_python(steps: int, model: str, bias: bool) -> None:
    X, y = drawn(np.random.default_rng(steps), 50, 3)
    first = steps_of(50, 3, model=model, bias=bias, steps=steps)
    check(X, y, first, [])
    before = optimum_model(first, find_stepped(rows_of(X, y), first, []))
    check(X, y, begun(steps_of(50, 3, (4, 9), model=model, bias=bias, steps=steps), 9), [before])


@pytest.mark.parametrize("scale", [0, 14, 22])
def test_any_model_in_range_is_a_start(scale: int) -> None:
    """Far from the optimum as well."""
    X, y = drawn(np.random.default_rng(8), 40, 2)
    model = np.array([[3 << scale, -(2 << scale), 1 << (scale + 10)]])
    check(X, y, begun(steps_of(40, 2, (1,)), scale), [model])


def test_a_start_that_is_almost_the_optimum_takes_two_steps() -> None:
    """The first gradient is rounded to nothing."""
    X, y = drawn(np.random.default_rng(8), 40, 2)
    own = begun(steps_of(40, 2), 22)
    weights = find_optimum(rows_of(X, y), own).settled.weights
    near = ((weights >> 10) + 5)[None]
    near[0, 2] <<= 10
    with pytest.raises(TrainingError, match=r"steps = 1: they end up to \d+ units .* declare more steps"):
        find_stepped(rows_of(X, y), own, [near])
    check(X, y, begun(steps_of(40, 2, steps=2), 22), [near])


def test_a_step_cannot_help_where_an_edge_is_near() -> None:
    X, y = drawn(np.random.default_rng(8), 40, 2)
    with pytest.raises(TrainingError, match=r"no declared distance .* for all future statements"):
        find_stepped(rows_of(X, y), steps_of(40, 2, l2=0.5, grid=22, distances=(1 << 19,)), [])


@pytest.mark.parametrize("seed", range(4))
def test_a_matrix_is_corrected_to_a_few_of_the_gradient_s_smallest_units(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k = int(rng.integers(1, 40))
    matrix, cut = rng.normal(size=(k, k)) * 2.0**28, rng.integers(-(1 << 23), 1 << 23, k)
    wanted = np.rint(matrix @ cut * rng.uniform(0.5, 1.5, k)).astype(np.int64)
    own = corrected(matrix, cut, wanted)
    assert np.abs(own).max() < 1 << 31
    assert np.abs(wanted - own @ cut).max() <= np.abs(cut).min() / 2 + 1
    assert np.abs(own - matrix).max() <= np.abs(wanted - matrix @ cut).max() / np.linalg.norm(cut) + (1 << 23)
