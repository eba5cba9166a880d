"""Owners who choose the noise of one class, or take another's.

What one output says alone is attacked in test_lying_noisy.py; here are lies from one output to another, and about what
is said of all of them together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.relations.certified import SLACK
from zkunlearn.circuits.relations.forgotten_classes import WithoutClasses
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.noise import NOISY_BIAS, NOISY_WEIGHTS, NoisyParameter
from zkunlearn.circuits.relations.noisy import Noisy
from zkunlearn.models.methods.noisy_reference import noisy
from zkunlearn.models.noise import HALF_NOISE, noise_edges

from .harness import CLASSES, Columns, assert_caught, assert_valid, caught, changed, classed, prove
from .noisy_runs import Found, NoisyDeclared, committed, declare_noisy, drawn, found, integers, told
from .optimum_runs import FEATURES, Data, Integers, inverse, off
from .test_lying_optimum_classes import FIVE, exchanged

SUM = "lookup sum"
ONE, OTHER = 1, 2  # two of the classes
SLOW = pytest.mark.slow
COINS = 1 << 62
Parameters = pytest.mark.parametrize("parameter", [NOISY_WEIGHTS, NOISY_BIAS], ids=["weights", "bias"])


@pytest.fixture(scope="module")
def own() -> NoisyDeclared:
    return declare_noisy(classes=CLASSES)


@pytest.fixture(scope="module")
def data() -> Data:
    return classed()


@pytest.fixture(scope="module")
def true(own: NoisyDeclared, data: Data) -> Found:
    """With coins in the middle of cells that are far apart, so that no lie is a truth by chance."""
    cells = np.array([[1000, -700, 20, -3000], [-2500, 400, 1800, 5], [640, -1200, -30, 2222]])
    U = noise_edges()[cells + HALF_NOISE].astype(object) + (1 << 46)
    return found(data, own.schedule, ((U - pads_of(own)) % COINS).astype(np.int64))


@pytest.fixture(scope="module")
def said(own: NoisyDeclared, true: Found) -> Integers:
    return integers(own, true)


def pads_of(own: NoisyDeclared) -> Any:
    return np.array(own.schedule.pads, dtype=object).reshape(own.schedule.outputs, -1)


def place_of(parameter: NoisyParameter, feature: int = 0) -> Any:
    return (ONE, feature) if parameter is NOISY_WEIGHTS else ONE


def pad_of(own: NoisyDeclared, parameter: NoisyParameter) -> int:
    return int(pads_of(own)[ONE, 0 if parameter is NOISY_WEIGHTS else FEATURES])


def with_noise(said: Integers, parameter: NoisyParameter, coin: int, noise: int) -> Integers:
    """Any noise for any U of one class, and all that then follows: edges of its cell, distances to them, the model."""
    place, edges = place_of(parameter), noise_edges()
    low, high = (int(edges[noise + HALF_NOISE + i]) for i in (0, 1))
    own = {parameter.noise: noise, parameter.low: low, parameter.high: high}
    return replaced(said, place, {**own, parameter.above: coin - low, parameter.below: high - 1 - coin})


def replaced(said: Integers, place: Any, changes: dict[Any, Any]) -> Integers:
    return {**said, **{name: off(said[name], place, value - said[name][place]) for name, value in changes.items()}}


# What is true --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"bias": False},
        {"model": "probit", "classes": ("a", "b", "c", "d")},
        pytest.param({"classes": FIVE, "forgotten": ()}, marks=SLOW),
        pytest.param({"l2": 1.0, "grid": 0}, marks=SLOW),
    ],
    ids=str,
)
def test_noisy_optima_of_classes_are_accepted(data: Data, changes: dict[str, Any]) -> None:
    own = declare_noisy(**{"classes": CLASSES, **changes})
    assert_valid(prove(own.shape, told(own, data, found(data, own.schedule))))


def test_coins_with_and_without_a_carry_are_accepted(own: NoisyDeclared, data: Data, true: Found) -> None:
    assert 0 < true.noised.carry.sum() < true.noised.carry.size
    assert_valid(prove(own.shape, told(own, data, true)))


def test_any_weights_within_the_distance_are_accepted(own: NoisyDeclared, data: Data, true: Found) -> None:
    moved = Found(*noisy(*data, true.noised.weights + np.array([[1], [0], [-1]]), true.noised.coins, own.schedule))
    assert_valid(prove(own.shape, told(own, data, moved)))


# Coins of one class for another's ------------------------------------------------------------------------------------


def drawn_with(own: NoisyDeclared, data: Data, true: Found, pads: Any) -> Columns:
    """All that follows from other pads."""
    other = tuple(int(pad) for pad in np.ravel(pads))
    return told(own, data, found(data, own.schedule.with_pads(other), true.noised.coins))


@pytest.mark.parametrize("lie", ["another class", "weights for bias", "the first for all", "none", "another nonce"])
def test_pads_of_another_place_are_rejected(own: NoisyDeclared, data: Data, true: Found, lie: str) -> None:
    pads = pads_of(own)
    others = {
        "another class": exchanged(pads),
        "weights for bias": np.roll(pads, 1, axis=1),
        "the first for all": np.repeat(pads[:1], len(CLASSES), axis=0),
        "none": np.zeros_like(pads),
        "another nonce": drawn(pads.size, 12),
    }
    caught(own, drawn_with(own, data, true, others[lie]), "coins")


@Parameters
def test_coins_of_another_class_are_rejected(
    own: NoisyDeclared, data: Data, said: Integers, parameter: NoisyParameter
) -> None:
    caught(own, committed(own, data, {**said, parameter.coins: exchanged(said[parameter.coins])}), "coins")


@Parameters
def test_noise_that_two_classes_exchange_is_rejected(
    own: NoisyDeclared, data: Data, said: Integers, parameter: NoisyParameter
) -> None:
    """With all that follows from it, the model too: as if U of one class were the other's."""
    cell = (parameter.noise, parameter.low, parameter.high, parameter.above, parameter.below)
    caught(own, committed(own, data, {**said, **{name: exchanged(said[name]) for name in cell}}), "coins")


@Parameters
def test_a_class_without_noise_is_rejected(
    own: NoisyDeclared, data: Data, said: Integers, parameter: NoisyParameter
) -> None:
    """Its model is the rounding, with a U in the cell of zero."""
    caught(own, committed(own, data, with_noise(said, parameter, int(noise_edges()[HALF_NOISE]), 0)), "coins")


@Parameters
@pytest.mark.parametrize("by", [1, -1])
def test_noise_of_the_next_cell_is_rejected_for_its_range(
    own: NoisyDeclared, data: Data, said: Integers, parameter: NoisyParameter, by: int
) -> None:
    place = place_of(parameter)
    U = int(said[parameter.low][place] + said[parameter.above][place])
    caught(own, committed(own, data, with_noise(said, parameter, U, int(said[parameter.noise][place]) + by)), SUM)


@Parameters
@pytest.mark.parametrize("carry", [2, -1, inverse(4)], ids=["2", "-1", "1/4"])
def test_a_carry_that_is_no_bit_in_one_class_is_rejected_for_its_range(
    own: NoisyDeclared, data: Data, said: Integers, parameter: NoisyParameter, carry: int
) -> None:
    place = place_of(parameter)
    U = int(said[parameter.coins][place] + pad_of(own, parameter) - (carry << 62)) % MODULUS
    noise = int(np.searchsorted(noise_edges(), min(U, COINS - 1), side="right")) - 1 - HALF_NOISE
    lie = replaced(with_noise(said, parameter, U, noise), place, {parameter.carry: carry})
    caught(own, committed(own, data, lie), SUM)


@Parameters
def test_a_carry_that_another_class_has_instead_is_rejected(
    own: NoisyDeclared, data: Data, said: Integers, parameter: NoisyParameter
) -> None:
    """So that their sum is what it is."""
    place = place_of(parameter)
    other = (OTHER, *place[1:]) if parameter is NOISY_WEIGHTS else OTHER
    moved = off(off(said[parameter.carry], place, 1), other, -1)
    assert {int(moved[place]), int(moved[other])} != {0, 1}
    outcome = prove(own.shape, committed(own, data, {**said, parameter.carry: moved}))
    assert outcome.verdict() == "constraints" and "coins" in outcome.prover.lies


@Parameters
def test_a_cell_that_is_wider_in_one_class_is_rejected(
    own: NoisyDeclared, data: Data, said: Integers, parameter: NoisyParameter
) -> None:
    caught(
        own, committed(own, data, {**said, parameter.below: off(said[parameter.below], place_of(parameter), 1)}), "cell"
    )


# Weights and models of one class for another's ----------------------------------------------------------------------


def test_all_that_two_classes_have_exchanged_is_rejected(own: NoisyDeclared, data: Data, said: Integers) -> None:
    """They are near optima, but for the labels, and noise is not what their pads draw."""
    lie = {name: values if name == SLACK else exchanged(values) for name, values in said.items()}
    caught(own, committed(own, data, lie), "gradient", "coins")


def test_weights_of_another_class_are_rejected(own: NoisyDeclared, data: Data, true: Found) -> None:
    """With coins and pads where they belong."""
    X, y = data
    labels = np.where(np.isin(y, (ONE, OTHER)), ONE + OTHER - y, y)
    caught(own, told(own, data, found((X, labels), own.schedule, true.noised.coins)), "gradient")


@Parameters
def test_a_rounding_of_another_class_is_rejected(
    own: NoisyDeclared, data: Data, said: Integers, parameter: NoisyParameter
) -> None:
    lie = {name: exchanged(said[name]) for name in (parameter.model, parameter.rest)}
    caught(own, committed(own, data, {**said, **lie}), "rounding")


@Parameters
def test_a_model_with_the_noise_of_another_class_is_rejected(
    own: NoisyDeclared, data: Data, said: Integers, parameter: NoisyParameter
) -> None:
    """Only in what is published."""
    noisy_model = said[parameter.model] + exchanged(said[parameter.noise])
    columns = committed(own, data, said)
    if parameter is NOISY_WEIGHTS:
        caught(own, columns | {COEFFICIENTS: (noisy_model % MODULUS).astype(np.uint64)}, "model")
    else:
        caught(own, changed(columns, INTERCEPT, ONE, int(noisy_model[ONE]) * own.schedule.one), "intercept")


@Parameters
def test_a_published_class_without_its_noise_is_rejected(
    own: NoisyDeclared, data: Data, said: Integers, parameter: NoisyParameter
) -> None:
    columns, place, rounded = committed(own, data, said), place_of(parameter), said[parameter.model]
    if parameter is NOISY_WEIGHTS:
        caught(own, changed(columns, COEFFICIENTS, place, int(rounded[place])), "model")
    else:
        caught(own, changed(columns, INTERCEPT, place, int(rounded[place]) * own.schedule.one), "intercept")


# The norm ------------------------------------------------------------------------------------------------------------


def test_a_slack_that_is_negative_in_a_class_is_rejected(own: NoisyDeclared, data: Data, said: Integers) -> None:
    lie = np.array([int(said[SLACK].sum()) + 1, -1, 0], dtype=object)
    caught(own, committed(own, data, {**said, SLACK: lie}), SUM)


def test_a_radius_that_one_class_has_for_itself_is_rejected(own: NoisyDeclared, data: Data, said: Integers) -> None:
    """As if each were to be within the distance alone: what is left of the radius is counted twice."""
    lie = said[SLACK] + np.array([0, own.schedule.radius**2 % (1 << 46), 0], dtype=object)
    caught(own, committed(own, data, {**said, SLACK: lie}), "norm")


# Classes that are forgotten ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WithoutClass(NoisyDeclared):
    """A noisy optimum without a class, which is said to be forgotten."""

    @cached_property
    def relation(self) -> Any:
        return WithoutClasses(Noisy(self.schedule), (ONE,), self.data.outputs, self.schedule.live)


@pytest.mark.parametrize("kept", [0, 1])
def test_a_class_is_without_members_or_is_rejected(data: Data, kept: int) -> None:
    rows = np.flatnonzero(data[1] == ONE)[kept:]
    own = declare_noisy(tuple(rows.tolist()), classes=("a", "b", "c", "d"))
    without = WithoutClass(own.spec, own.data, own.forgotten)
    outcome = prove(without.shape, told(own, data, found(data, own.schedule)))
    if kept:
        assert_caught(outcome, "forgotten classes")
    else:
        assert_valid(outcome)


def test_weights_of_all_classes_together_are_as_near_as_is_declared(own: NoisyDeclared, true: Found) -> None:
    """What is certified is one norm: that of all outputs."""
    s = own.schedule
    norm = sum(int(value) ** 2 for value in true.noised.cut.ravel())
    assert norm + true.noised.slack == s.radius**2 and s.weight_count == len(CLASSES) * (FEATURES + 1)
    assert replace(s, outputs=1).radius > s.radius or not s.shift
