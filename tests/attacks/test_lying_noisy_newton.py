"""Owners whose steps, or noise, are not those that are declared, where steps lead to a model with noise.

What is said of steps is attacked in test_lying_newton.py, what is said of noise in test_lying_noisy.py: here is what
ties them together, and that none of it is lost where both are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.relations.certified import BIAS, WEIGHTS
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.newton import MATRIX
from zkunlearn.circuits.relations.newton_step import update_remainder
from zkunlearn.circuits.relations.noise import NOISE, NOISY_BIAS, NOISY_WEIGHTS
from zkunlearn.errors import TrainingError
from zkunlearn.models.live import Live
from zkunlearn.models.methods.noisy_reference import noised
from zkunlearn.models.methods.optimum_reference import row_values
from zkunlearn.models.noise import HALF_NOISE, noise_edges

from .fitted import fitted
from .harness import CLASSES, assert_caught, assert_valid, caught, classed, prove
from .newton_runs import MODEL, MODELS, address, matrix_integers
from .noisy_newton_runs import (
    Found,
    NoisyNewtonDeclared,
    committed,
    declare_noisy_inverse,
    declare_noisy_newton,
    found,
    integers,
    told,
)
from .noisy_runs import drawn
from .optimum_runs import Data, Integers, off, values
from .test_false_totals import totals

FEATURE = 1
SUM = "lookup sum"
SLOW = pytest.mark.slow
FINE = 24  # the scale of a model whose intercept has finer units than steps have
FINE_MODEL = np.array([300 << 15, -150 << 15, 40 << 15, -(70 << 25)])
UPDATES = {f"step {number}: update": f"step {number}: update" for number in (1, 2)}


@pytest.fixture(scope="module")
def own() -> NoisyNewtonDeclared:
    return declare_noisy_newton()


@pytest.fixture(scope="module")
def data() -> Data:
    return values()


@pytest.fixture(scope="module")
def true(own: NoisyNewtonDeclared, data: Data) -> Found:
    """With coins in the middle of cells, of noise that is not zero."""
    pads = np.array(own.schedule.pads, dtype=object)
    U = noise_edges()[np.array([1000, -700, 20, -3000]) + HALF_NOISE].astype(object) + (1 << 46)
    return found(own, data, ((U - pads) % (1 << 62)).astype(np.int64))


@pytest.fixture(scope="module")
def said(own: NoisyNewtonDeclared, true: Found) -> Integers:
    return integers(own, true)


def ending(own: NoisyNewtonDeclared, data: Data, weights: Any, lie: Found) -> Found:
    """With the certificate of weights, and the same coins on them."""
    s, (X, y) = own.schedule, data
    whole = np.hstack([X, np.full((len(X), int(s.bias)), s.one)])
    rows = row_values(whole @ weights, s)
    gradient = ((whole.T @ rows.residuals(y, s)) << s.raised) + s.penalty * weights
    return replace(lie, rows=rows, noised=noised(weights, gradient, lie.noised.coins, s))


# What is true --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "model"),
    [
        ({}, None),
        ({"bias": False, "steps": 1}, None),
        ({"start": None, "steps": 1}, None),
        ({"start": FINE, "unused": (1,)}, FINE_MODEL),
        pytest.param({"model": "probit", "steps": 3}, None, marks=SLOW),
        pytest.param({"start": FINE, "bias": False}, FINE_MODEL[:3], marks=SLOW),
    ],
    ids=["a model", "without a bias", "zero", "a fine model", "probit", "a fine model without a bias"],
)
def test_steps_to_a_model_with_noise_are_accepted(changes: dict[str, Any], model: Any, data: Data) -> None:
    own = declare_noisy_newton(**changes)
    assert_valid(prove(own.shape, told(own, data, found(own, data, model=model), model)))


def test_those_by_an_inverse_and_of_several_classes_are_accepted(data: Data) -> None:
    inverse = declare_noisy_inverse(steps=1)
    assert_valid(prove(inverse.shape, told(inverse, data, found(inverse, data))))
    several = declare_noisy_newton(classes=CLASSES, start=FINE)
    models = MODELS << 15
    assert_valid(prove(several.shape, told(several, classed(), found(several, classed(), model=models), models)))


# Where steps lead, and what noise is on ------------------------------------------------------------------------------


def test_noise_on_other_weights_than_the_last_step_s_is_rejected(
    own: NoisyNewtonDeclared, data: Data, true: Found
) -> None:
    """A unit beside them, which the certificate allows: what was committed to before the nonce is where steps end."""
    beside = ending(own, data, true.noised.weights + 1, true)
    caught(own, told(own, data, beside), "step 2: update")


def test_a_step_by_another_matrix_is_rejected(own: NoisyNewtonDeclared, data: Data, said: Integers) -> None:
    lie = {**said, **matrix_integers(own, np.eye(4, dtype=np.int64) << 20)}
    caught(own, committed(own, data, lie), *UPDATES)


def test_steps_that_the_matrix_does_not_make_are_rejected_by_their_own_sums(
    own: NoisyNewtonDeclared, data: Data, true: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is zero, and its totals make up for it."""
    columns = told(own, data, replace(true, matrix=np.zeros_like(true.matrix)))
    assert_caught(fitted(own.shape, columns, UPDATES, monkeypatch), *UPDATES)


def test_a_remainder_out_of_range_is_rejected(own: NoisyNewtonDeclared, data: Data, said: Integers) -> None:
    """The rounding of the last step up instead of to nearest, into the weights that noise is on."""
    name, h = address(own, 1, update_remainder(WEIGHTS)), own.schedule.steps[1].update_bits
    lie = {**said, name: off(said[name], FEATURE, 1 << h)}
    lie[NOISY_WEIGHTS.weight] = off(said[NOISY_WEIGHTS.weight], FEATURE, 1)
    outcome = prove(own.shape, committed(own, data, lie))
    assert outcome.verdict() == "constraints" and SUM in outcome.prover.lies
    assert "step 2: update" not in outcome.prover.lies


# Where steps begin ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [FEATURE, 3])
def test_a_start_at_another_model_is_rejected(own: NoisyNewtonDeclared, data: Data, place: int) -> None:
    other = off(MODEL, place, 1 << 10)
    lie = told(own, data, found(own, data, model=other))
    caught(own, lie, "step 1: starting intercept" if place == 3 else "step 1: starting weights")


@pytest.mark.parametrize("intercept", [-(70 << 25) + 2, -(70 << 27)], ids=["between", "four times"])
def test_an_intercept_between_the_units_of_steps_is_no_start(data: Data, intercept: int) -> None:
    """Of a model at a scale of 24 units are four of the intercept: whatever is between, or is not four times it."""
    own = declare_noisy_newton(start=FINE)
    model = off(FINE_MODEL, 3, intercept - FINE_MODEL[3])
    lie = told(own, data, found(own, data, model=FINE_MODEL), model)
    caught(own, lie, "step 1: starting intercept")


def test_an_intercept_divided_modulo_p_is_out_of_range(data: Data) -> None:
    """V with 4 V = I + 1 modulo p: it is committed, and has more bits than there are."""
    own = declare_noisy_newton(start=FINE)
    model = off(FINE_MODEL, 3, 1)
    said = integers(own, found(own, data, model=FINE_MODEL))
    name = address(own, 0, BIAS.weight)
    between = int(model[3]) * pow(4, -1, MODULUS) % MODULUS
    outcome = prove(own.shape, committed(own, data, {**said, name: off(said[name], 0, between - said[name][0])}, model))
    assert outcome.verdict() == "constraints"
    assert SUM in outcome.prover.lies and "step 1: starting intercept" not in outcome.prover.lies


# Noise ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", [COEFFICIENTS, INTERCEPT], ids=["weight", "intercept"])
def test_a_model_that_is_rounded_instead_of_noised_is_rejected(
    own: NoisyNewtonDeclared, data: Data, said: Integers, column: Any
) -> None:
    parameter, unit = (NOISY_WEIGHTS, 1) if column is COEFFICIENTS else (NOISY_BIAS, own.schedule.one)
    plain = (said[parameter.model] * unit % MODULUS).astype(np.uint64)
    columns = committed(own, data, said)
    lie = columns | {column: plain.reshape(columns[column].shape)}
    caught(own, lie, "model" if column is COEFFICIENTS else "intercept")


@pytest.mark.parametrize("share", [0, 2], ids=["none", "half"])
def test_noise_of_a_smaller_spread_is_rejected(
    own: NoisyNewtonDeclared, data: Data, said: Integers, share: int
) -> None:
    """Half of each, with the cell that this has: no coins drew it."""
    noise, edges = said[NOISY_WEIGHTS.noise] // share if share else said[NOISY_WEIGHTS.noise] * 0, noise_edges()
    low, high = (edges[(noise + HALF_NOISE + i).astype(int)].astype(object) for i in (0, 1))
    lie = {**said, NOISY_WEIGHTS.noise: noise, NOISY_WEIGHTS.low: low, NOISY_WEIGHTS.high: high}
    lie |= {NOISY_WEIGHTS.above: low * 0, NOISY_WEIGHTS.below: high - low - 1}
    caught(own, committed(own, data, lie), "coins")


def test_pads_of_another_nonce_are_rejected(own: NoisyNewtonDeclared, data: Data, true: Found) -> None:
    other = own.schedule.with_pads(drawn(4, 12))
    lie = replace(true, noised=noised(true.noised.weights, true.noised.gradient, true.noised.coins, other))
    caught(own, told(own, data, lie), "coins")


def test_coins_that_were_chosen_after_the_nonce_are_not_those_that_were_committed_to(
    own: NoisyNewtonDeclared, data: Data, true: Found
) -> None:
    """Each is a good proof; but the root of the matrix of noise, which is stated, is of the first one."""
    honest = prove(own.shape, told(own, data, true))
    coins = off(true.noised.coins, FEATURE, -(1 << 55))
    chosen = noised(true.noised.weights, true.noised.gradient, coins, own.schedule)
    other = prove(own.shape, told(own, data, replace(true, noised=chosen)))
    assert_valid(honest)
    assert_valid(other)
    assert not np.array_equal(chosen.noise, true.noised.noise)
    assert replace(other, roots={**other.roots, NOISE: honest.roots[NOISE]}).verdict() == "merkle cap"


def test_weights_too_far_from_the_optimum_are_refused_and_rejected(
    own: NoisyNewtonDeclared, data: Data, true: Found
) -> None:
    """Those that the first step led to, with noise, and what is left of the radius, which is negative."""
    s, (X, y) = own.schedule, data
    far = true.noised.weights + 16 * s.distance
    with pytest.raises(TrainingError, match="the declared distance"):
        ending(own, data, far, true)
    whole = np.hstack([X, np.full((len(X), 1), s.one)])
    rows = row_values(whole @ far, s)
    gradient = ((whole.T @ rows.residuals(y, s)) << s.raised) + s.penalty * far
    moved, raised = gradient + ((1 << s.shift) >> 1), far + s.half
    cut, rounded = moved >> s.shift, raised >> s.grid
    slack = s.radius**2 - sum(int(value) ** 2 for value in cut)
    lie = replace(
        true.noised, weights=far, gradient=gradient, cut=cut, cut_rest=moved - (cut << s.shift), slack=slack,
        rounded=rounded, rest=raised - (rounded << s.grid),
    )  # fmt: skip
    assert slack < 0
    outcome = prove(own.shape, told(own, data, replace(true, rows=rows, noised=lie)))
    assert outcome.verdict() == "constraints" and outcome.prover.lies == {SUM, "step 2: update"}


def test_the_noise_of_a_model_of_other_rows_is_rejected(own: NoisyNewtonDeclared, data: Data, true: Found) -> None:
    """All of it is of a request that forgets less, and so is said to count a row that does not."""
    fewer = replace(own, forgotten=(2,))
    other = found(fewer, data, true.noised.coins)
    assert fewer.schedule.live == Live(own.data.rows, (2,))
    hidden = [replace(step, rows=row_of(own, data, step.weights)) for step in other.steps]
    lie = replace(other, rows=row_of(own, data, other.noised.weights), steps=tuple(hidden))
    outcome = prove(own.shape, told(own, data, lie))
    assert outcome.verdict() == "constraints"
    assert {"gradient", "step 1: gradient", "step 2: gradient"} <= outcome.prover.lies


def row_of(own: NoisyNewtonDeclared, data: Data, weights: Any) -> Any:
    whole = np.hstack([data[0], np.full((len(data[0]), 1), own.schedule.one)])
    return row_values(whole @ weights, own.schedule)


# By an inverse -------------------------------------------------------------------------------------------------------


def test_a_matrix_that_is_no_inverse_is_rejected(data: Data) -> None:
    """A unit off in one number: as good as any for where it leads, and not what its error says."""
    own = declare_noisy_inverse(steps=1)
    said = integers(own, found(own, data))
    outcome = prove(own.shape, committed(own, data, {**said, MATRIX: off(said[MATRIX], (0, 1), 1)}))
    assert outcome.verdict() == "constraints"
    assert {"inverse"} <= outcome.prover.lies <= {"inverse", "step 1: update"}


# Totals --------------------------------------------------------------------------------------------------------------


def test_every_false_total_is_rejected(
    own: NoisyNewtonDeclared, data: Data, true: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared: Any = own
    columns = told(own, data, true)
    outcome, names = totals(declared, columns, monkeypatch)
    assert outcome.prover.lies == frozenset() and set(names) == {"norm", *UPDATES}
    for name in ("norm", *UPDATES):
        outcome, _ = totals(declared, columns, monkeypatch, name)
        assert_caught(outcome, name)
