"""What a refusal of data advises is followed: with it the same rows have a certificate, or a distance."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.errors import ParameterError, TrainingError
from zkunlearn.models.live import Live
from zkunlearn.models.methods.distance_reference import smallest
from zkunlearn.models.methods.newton import MAX_STEPS
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.prover.witnesses.distance import place
from zkunlearn.prover.witnesses.linear_optimum import find_linear_optimum
from zkunlearn.prover.witnesses.newton import find_stepped
from zkunlearn.prover.witnesses.noisy import find_noisy
from zkunlearn.prover.witnesses.optimum import find_optimum, optimum_model
from zkunlearn.prover.witnesses.rows import Rows
from zkunlearn.prover.witnesses.run import descend, model_of

from . import test_linear_optimum as linear
from .certified import compiled, drawn, rows_of
from .test_newton import begun, steps_of

Fields = dict[str, Any]
WIDE = 20


def told(run: Callable[[], Any]) -> str:
    with pytest.raises(TrainingError) as refused:
        run()
    return str(refused.value)


def number(words: str, pattern: str) -> int:
    found = re.search(pattern, words)
    assert found is not None, words
    return int(found.group(1))


# Distances of trained models ------------------------------------------------------------------------------------------


def trained(model: str, labels: Any, fields: Fields) -> tuple[Rows, Any, Any]:
    """Rows, a model's integers, and the certificate of the longest distance."""
    rows = rows_of(np.random.default_rng(1).integers(-1024, 1025, (40, 2)), labels)
    spec = zu.TrainingSpec(model=model, penalize_intercept=True, **fields)
    kind = "count" if model == "poisson" else "binary"
    shape = DatasetShape(rows=40, features=2, label_kind=kind, label_bits=0, x_bits=10)
    schedule: Any = spec.compile(shape, Live(40))
    return rows, model_of(schedule, descend(rows, schedule)), spec.compile_distance(shape, Live(40), 0, None)


def measured(model: str, labels: Any, fields: Fields) -> int:
    rows, integers, own = trained(model, labels, fields)
    return smallest(place(rows, integers, own), own)[0]


def counts() -> Any:
    return np.random.default_rng(2).poisson(3.0, 40)


def classes() -> Any:
    return (np.random.default_rng(1).integers(-1024, 1025, (40, 2))[:, 0] > 0).astype(np.int64)


@pytest.mark.parametrize(
    ("model", "labels", "rate", "w_bits", "enough"),
    [("poisson", counts, 1.2, 20, 19), ("logistic", classes, 12.0, 20, 18), ("logistic", classes, 30.0, 20, 17)],
)
def test_a_score_beyond_the_table_of_a_training_is_within_that_of_the_scales_that_are_named(
    model: str, labels: Callable[[], Any], rate: float, w_bits: int, enough: int
) -> None:
    fields: Fields = {"epochs": 1, "learning_rate": rate, "l2": 0.5}
    scaled = {**fields, "fixed_point": zu.FixedPoint(w_bits=w_bits)}
    words = told(lambda: measured(model, labels(), scaled))
    assert re.search(r"a score of \d+.\d is beyond the table, which ends at 2; train with fixed_point.w_bits", words)
    assert number(words, r"w_bits = (\d+), or a lower learning_rate") == enough
    measured(model, labels(), {**scaled, "fixed_point": zu.FixedPoint(w_bits=enough)})
    measured(model, labels(), {**scaled, "learning_rate": rate / 16})


def test_scales_that_poisson_models_cannot_have_are_not_named() -> None:
    """Its scores end at 8 and no table is wider: fewer w_bits would be refused."""
    fields: Fields = {"epochs": 1, "learning_rate": 4.0, "l2": 0.5, "fixed_point": zu.FixedPoint(w_bits=18)}
    words = told(lambda: measured("poisson", counts(), fields))
    assert "which ends at 8; train with a lower learning_rate, for all future statements" in words
    with pytest.raises(ParameterError, match="train with 28 or more, where scores end at 8"):
        measured("poisson", counts(), {**fields, "learning_rate": 0.5, "fixed_point": zu.FixedPoint(w_bits=17)})
    measured("poisson", counts(), {**fields, "learning_rate": 0.5})


def test_a_model_that_is_too_far_from_its_optimum_is_nearer_after_more_epochs_or_with_a_larger_l2() -> None:
    fields: Fields = {"epochs": 2, "learning_rate": 0.5, "l2": 0.001}
    words = told(lambda: measured("logistic", classes(), fields))
    assert words.endswith("too long for any distance up to 32: train it for longer, or with a larger l2")
    measured("logistic", classes(), {**fields, "epochs": 200})
    measured("logistic", classes(), {**fields, "l2": 0.1})


def test_a_weight_that_is_too_large_is_smaller_at_a_lower_rate() -> None:
    fields: Fields = {"epochs": 1, "learning_rate": 200.0, "l2": 0.25, "fixed_point": zu.FixedPoint(w_bits=10)}
    words = told(lambda: measured("logistic", classes(), fields))
    assert "no distance can be proved of it; use a larger l2, or a lower learning_rate" in words
    measured("logistic", classes(), {**fields, "learning_rate": 8.0})


# Certified optima -----------------------------------------------------------------------------------------------------


def separable() -> Rows:
    """One row with features of 1, others of 0.08: what is enough for these is far more for that one."""
    y = np.random.default_rng(1).integers(0, 2, 60)
    X = (y * 2 - 1)[:, None] * np.full((60, WIDE), 1024)
    X[1:] //= 12
    return rows_of(X, y)


FINDING: dict[str, Callable[[Rows, Any], Any]] = {
    "optimum": find_optimum,
    "noisy": find_noisy,
    "newton": lambda rows, own: find_stepped(rows, own, []),
}


@pytest.mark.parametrize(
    ("method", "model", "by"),
    [
        ("optimum", "logistic", 2),
        ("optimum", "probit", 1),
        ("noisy", "logistic", 2),
        ("newton", "logistic", 2),
    ],
)
def test_a_score_beyond_the_table_is_within_that_of_the_scales_that_are_named(method: str, model: str, by: int) -> None:
    fields: Fields = {"method": method, "model": model, "l2": 1e-4}
    rows, find = separable(), FINDING[method]
    words = told(lambda: find(rows, compiled(60, WIDE, **fields)))
    w_bits, p_bits = number(words, r"w_bits = (\d+)"), number(words, r"p_bits = (\d+), or a larger l2")
    assert (w_bits, p_bits) == (32 - by, (28 if model == "logistic" else 27) - by)
    coarser = zu.FineScales(w_bits=w_bits, p_bits=p_bits)
    try:
        find(rows, compiled(60, WIDE, fixed_point=coarser, **fields))
    except TrainingError as error:  # so flat a loss may want distances of its own, or more steps
        assert "beyond the table" not in str(error)
    find(rows, compiled(60, WIDE, **fields | {"l2": 0.25}))


def test_scales_that_the_grid_has_no_room_for_are_not_named() -> None:
    words = told(lambda: find_optimum(separable(), compiled(60, WIDE, l2=1e-4, grid=31)))
    assert words.endswith("which ends at 32; declare a larger l2, for all future statements")


def test_fewer_bits_are_named_for_a_large_linear_weight_where_the_grid_has_room() -> None:
    rows = rows_of(np.full((4, 1), 1), np.full(4, 60_000))
    for grid, l2, fewer in ((36, 1e-6, ""), (27, 4e-4, ", or fewer w_bits, down to 27")):
        fields: Fields = {"kind": "count", "bias": False, "grid": grid, "l2": l2}
        words = told(lambda own=fields: find_linear_optimum(rows, linear.compiled(4, 1, **own)))  # type: ignore[misc]
        assert words == f"a weight of the optimum is 2048 or more; use a larger l2{fewer}"
        find_linear_optimum(rows, linear.compiled(4, 1, **fields | {"l2": 1.0}))
    scales = zu.FineScales(w_bits=27)
    find_linear_optimum(rows, linear.compiled(4, 1, fixed_point=scales, **fields))


def test_distances_between_those_that_are_named_certify() -> None:
    X, y = drawn(np.random.default_rng(5), 40, 2)
    words = told(lambda: find_optimum(rows_of(X, y), compiled(40, 2, distances=(2,))))
    reached, nearest = (number(words, own) for own in (r"most (\d+) units from the", r"and (\d+) from the nearest"))
    assert "declare distances that end in one between these" in words
    for distance in (reached, (reached + nearest) // 64):
        find_optimum(rows_of(X, y), compiled(40, 2, distances=(distance,)))


def test_a_distance_that_is_named_is_enough_for_noise() -> None:
    X, y = drawn(np.random.default_rng(5), 40, 2)
    fields: Fields = {"method": "noisy", "distance": 1}
    find = FINDING["noisy"]
    words = told(lambda: find(rows_of(X, y), compiled(40, 2, **fields)))
    reached = number(words, r"which are at most (\d+) units from the optimum: declare this")
    find(rows_of(X, y), compiled(40, 2, **fields | {"distance": reached}))


# Newton's steps -------------------------------------------------------------------------------------------------------


def test_steps_that_do_not_get_there_do_with_what_is_named() -> None:
    X, y = drawn(np.random.default_rng(7), 200, 3)
    rows, own = rows_of(X, y), compiled(200, 3, l2=0.01)
    before = [optimum_model(own, find_optimum(rows, own))]

    def steps(count: int, l2: float = 0.01, models: Any = (), inverse: int = 12) -> Any:
        schedule = steps_of(200, 3, inverse=inverse, l2=l2, steps=count)
        return find_stepped(rows, begun(schedule, 9) if models else schedule, models)

    assert "declare more steps, of which there can be 8" in told(lambda: steps(1, models=before))
    steps(5, models=before)
    for count, l2 in ((MAX_STEPS, 0.1), (MAX_STEPS, 0.01)):
        words = told(lambda own=count, penalty=l2: steps(own, penalty))  # type: ignore[misc]
        assert "more steps" not in words and "prove method = 'optimum' first" in words
    steps(MAX_STEPS, models=before)
    steps(MAX_STEPS, 2.0)


def test_bits_of_an_inverse_that_are_named_can_be_declared() -> None:
    X, y = drawn(np.random.default_rng(7), 200, 3)
    rows, own = rows_of(X, y), compiled(200, 3, l2=0.01)
    before = [optimum_model(own, find_optimum(rows, own))]

    def steps(inverse: int) -> Any:
        return find_stepped(rows, begun(steps_of(200, 3, (4, 9), inverse=inverse, l2=0.01, steps=5), 9), before)

    words = told(lambda: steps(24))
    steps(number(words, r"has (\d+) bits in numbers of the matrix; declare at most as many, or a larger l2"))


def test_bits_that_would_be_refused_are_not_named() -> None:
    """Of a matrix with few bits at a small penalty: fewer would lead half as far again."""
    schedule = steps_of(60, WIDE, inverse=6, l2=2e-5)
    assert schedule.inverse is not None
    assert not schedule.inverse.may_have(5, WIDE + 1) and schedule.inverse.may_have(8, WIDE + 1)
    with pytest.raises(ParameterError, match=r"inverse = 5: .* declare at least 6 bits"):
        steps_of(60, WIDE, inverse=5, l2=2e-5)
