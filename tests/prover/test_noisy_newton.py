"""Newton's steps of the prover to a model with noise: those of plain Python, found once, and taken again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.errors import FormatError, TrainingError
from zkunlearn.models.methods.newton_reference import inverse_in, inverse_values, run_steps, second_derivative
from zkunlearn.models.methods.newton_steps import NoisyNewtonCertificate
from zkunlearn.models.methods.noisy_reference import noisy
from zkunlearn.prover.witnesses.noisy import committed_noise
from zkunlearn.prover.witnesses.noisy_newton import SteppedNoisy, find_noisy_steps, kept_matrix

from .certified import compiled, drawn, rows_of

STEP = ("weights", "cut", "cut_rest", "remainder", "after")


def schedule_of(forgotten: tuple[int, ...] = (), **changes: Any) -> NoisyNewtonCertificate:
    choices: dict[str, Any] = {"method": "newton", "epsilon": 1.0, "delta": 1e-5, "l2": 0.25}
    found: Any = compiled(50, 3, forgotten, **(choices | changes))
    pads = np.random.default_rng(5).integers(0, 1 << 62, found.weight_count).tolist()
    return found.with_pads(tuple(pads))


def same(one: Any, other: Any) -> bool:
    return all(np.array_equal(getattr(one, name), value) for name, value in vars(other).items())


@pytest.fixture(scope="module")
def data() -> tuple[Any, Any]:
    return drawn(np.random.default_rng(3), 50, 3)


@pytest.fixture(scope="module")
def own() -> NoisyNewtonCertificate:
    return schedule_of((4, 9), steps=2).begun((9,))


@pytest.fixture(scope="module")
def found(own: NoisyNewtonCertificate, data: tuple[Any, Any]) -> SteppedNoisy:
    return find_noisy_steps(rows_of(*data), own, [MODEL])


MODEL = np.array([[300, -150, 40, -(70 << 10)]])


def check(data: tuple[Any, Any], schedule: NoisyNewtonCertificate, found: SteppedNoisy) -> None:
    """All of it is as plain Python has it."""
    X, y = data
    steps = run_steps(X, y, found.steps[0].weights, found.matrix, schedule)
    for mine, plain in zip(found.steps, steps, strict=True):
        assert all(np.array_equal(getattr(mine, name), getattr(plain, name)) for name in STEP)
        assert same(mine.rows, plain.rows)
    rows, ended = noisy(X, y, steps[-1].after, found.noised.coins, schedule)
    assert same(found.noised, ended) and same(found.rows, rows)
    if schedule.inverse is not None:
        second = second_derivative(X, steps[0].rows, schedule)
        assert found.proved is not None
        assert same(found.proved, inverse_values(second, found.matrix, inverse_in(schedule)))


def test_steps_and_noise_are_those_of_plain_python(
    own: NoisyNewtonCertificate, data: tuple[Any, Any], found: SteppedNoisy
) -> None:
    check(data, own, found)
    assert not np.array_equal(found.steps[0].weights, found.steps[0].after)
    fresh = find_noisy_steps(rows_of(*data), own, [MODEL])
    assert not (fresh.noised.coins == found.noised.coins).any()
    assert np.array_equal(fresh.noised.weights, found.noised.weights)


@pytest.mark.parametrize(
    "changes", [{"inverse": 14, "steps": 8}, {"bias": False, "model": "probit"}, {"steps": 1}], ids=str
)
def test_so_they_are_by_an_inverse_without_a_bias_and_from_zero(data: tuple[Any, Any], changes: Any) -> None:
    schedule = schedule_of(**changes)
    check(data, schedule, find_noisy_steps(rows_of(*data), schedule, []))


def test_so_they_are_from_a_model_whose_intercept_has_finer_units(data: tuple[Any, Any]) -> None:
    schedule = schedule_of(steps=2).begun((26,))
    model = np.array([[3 << 24, -(2 << 25), 12345, -(7 << 30) + (5 << 4)]])
    found = find_noisy_steps(rows_of(*data), schedule, [model])
    assert found.steps[0].weights.tolist() == [3 << 30, -(2 << 31), 12345 << 6, (-(7 << 30) + (5 << 4)) >> 4]
    check(data, schedule, found)
    model[0, 3] += 8
    with pytest.raises(TrainingError, match=r"intercept of the superseded model, .* is no multiple of 2\^-32"):
        find_noisy_steps(rows_of(*data), schedule, [model])


def test_the_same_steps_are_taken_again_by_the_matrix_that_was_kept(
    own: NoisyNewtonCertificate, data: tuple[Any, Any], found: SteppedNoisy
) -> None:
    """With other pads, as when there is a nonce."""
    drawn_since = own.with_pads(tuple(1 << 61 for _ in own.pads))
    again = find_noisy_steps(rows_of(*data), drawn_since, [MODEL, committed_noise(found), kept_matrix(found)])
    check(data, drawn_since, again)
    assert np.array_equal(again.matrix, found.matrix) and np.array_equal(again.noised.coins, found.noised.coins)
    assert np.array_equal(again.noised.weights, found.noised.weights)
    assert not np.array_equal(again.noised.noise, found.noised.noise)


@pytest.mark.parametrize("edit", ["another matrix", "an entry of more bits", "of another output", "other weights"])
def test_a_matrix_that_does_not_lead_to_what_was_committed_to_is_refused(
    own: NoisyNewtonCertificate, data: tuple[Any, Any], found: SteppedNoisy, edit: str
) -> None:
    said, kept = committed_noise(found), kept_matrix(found)
    if edit == "another matrix":
        kept = kept + (1 << 20)
    elif edit == "an entry of more bits":
        kept = kept.copy()
        kept[0] = 1 << 31
    elif edit == "of another output":
        kept = np.concatenate([kept, kept])
    else:
        said = said + np.array([[1], [0]])
    with pytest.raises(FormatError, match="its matrix does not lead to the weights that were committed to"):
        find_noisy_steps(rows_of(*data), own, [MODEL, said, kept])


def test_steps_that_end_too_far_away_are_refused_before_anything_is_committed_to(data: tuple[Any, Any]) -> None:
    schedule = schedule_of(inverse=12, steps=1, distances=(1000,), grid=4)
    with pytest.raises(TrainingError, match=r"steps = 1: they end up to \d+ units .* declare more steps"):
        find_noisy_steps(rows_of(*data), schedule, [])


def test_a_start_that_is_almost_the_optimum_takes_two_steps(data: tuple[Any, Any]) -> None:
    """As it is without noise: the first gradient is rounded to nothing."""
    weights = find_noisy_steps(rows_of(*data), schedule_of(steps=2), []).noised.weights
    near = (weights + 300)[None]
    near[0, 3] <<= 10
    with pytest.raises(TrainingError, match=r"steps = 1: they end up to \d+ units .* declare more steps"):
        find_noisy_steps(rows_of(*data), schedule_of().begun((32,)), [near])
    check(data, schedule_of(steps=2), find_noisy_steps(rows_of(*data), schedule_of(steps=2).begun((32,)), [near]))
