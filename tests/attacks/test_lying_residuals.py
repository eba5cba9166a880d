"""An owner who says that a model's numbers are nearer to labels than they are, or that labels spread more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P, to_field
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations.residuals import MEAN, MEAN_LACK, MEAN_REST, SPREAD_REST

from .evaluations import FEATURES, FIRST, HOLES, LIVE, SECOND, STOP, model_cells, numbers
from .harness import Columns, Outcome, assert_caught, changed, prove

MADE = numbers()
BOTH: Any = MADE.relation.models
ONE, OTHER = BOTH
SPREAD: Any = MADE.relation.spread
RESIDUAL, SQUARES = f"residual of {FIRST}", f"squares of {FIRST}"
ROW = int(np.flatnonzero(LIVE.mask())[1])


def lying(*changes: Columns, **told: Any) -> Outcome:
    return prove(MADE.shape(MADE.stating(0, **told)), MADE.columns_of(*changes))


@pytest.fixture(scope="module")
def true() -> Columns:
    return MADE.columns_of()


def limb(integer: Any, bits: int, at: int = 0) -> Any:
    return limb_addresses(integer, bits)[at]


def value(columns: Columns, integer: Any, bits: int, place: Any = 0) -> int:
    """An integer from its limbs."""
    return sum(
        int(columns[name].reshape(-1)[place]) << (16 * i) for i, name in enumerate(limb_addresses(integer, bits))
    )


def one_cell(integer: Any, bits: int, number: int) -> Columns:
    """Limbs of an integer of one cell; what does not fit is in the lowest one."""
    names = limb_addresses(integer, bits)
    if not 0 <= number < 1 << bits:
        return {name: to_field(np.array([number if i == 0 else 0])) for i, name in enumerate(names)}
    return {name: to_field(np.array([number >> (16 * i) & 0xFFFF])) for i, name in enumerate(names)}


def test_the_harness_has_residuals_of_some_size(true: Columns) -> None:
    assert lying().verdict() == "valid"
    assert ONE.squares > 100 and SPREAD.stated > 100 and ONE.squares != OTHER.squares
    assert to_field(np.array(1 << 16)) < MADE.columns_of()[limb(ONE.residual.integer, ONE.residual.bits)][-1]


@pytest.mark.parametrize("step", [1, -1, -ONE.squares])
def test_squares_of_another_number_of_steps_are_rejected(step: int, true: Columns) -> None:
    """With the rest as it was, and with the one that makes up for it, which has more bits than a rest."""
    assert_caught(lying(squares=ONE.squares + step), SQUARES)
    bound = ONE.bound
    rest = value(true, bound.rest, bound.bits) - (step << bound.bits)
    assert_caught(lying(one_cell(bound.rest, bound.bits, rest), squares=ONE.squares + step), "lookup sum")


def test_the_squares_of_both_models_exchanged_are_rejected() -> None:
    own = MADE.stating(0, squares=OTHER.squares)
    both = replace(own, models=(own.models[0], replace(OTHER, squares=ONE.squares)))
    lie = prove(MADE.shape(both), MADE.columns_of())
    assert_caught(lie, SQUARES, f"squares of {SECOND}")


def with_residual(true: Columns, number: int, rest: int) -> Columns:
    """Of a row: in the lowest limbs, if they have too many bits for limbs; the total follows."""
    own, limbs = ONE.residual, {}
    shifted = number + (1 << (own.bits - 1))
    for integer, bits, told in ((own.integer, own.bits, shifted), (ONE.remainder, ONE.shift, rest)):
        names = limb_addresses(integer, bits)
        fits = 0 <= told < 1 << bits
        for i, name in enumerate(names):
            cell = (told >> (16 * i) & 0xFFFF) if fits else told * (i == 0)
            limbs[name] = changed(true, name, ROW, cell)[name]
    return limbs


def squared(true: Columns, number: int) -> tuple[int, Columns]:
    """What is stated where the row's residual is this, and its rest."""
    own, total = ONE.residual, 0
    for row in np.flatnonzero(LIVE.mask()):
        total += (number if row == ROW else value(true, own.integer, own.bits, row) - (1 << (own.bits - 1))) ** 2
    stated = total >> ONE.step_bits
    return stated, one_cell(ONE.bound.rest, ONE.bound.bits, total - (stated << ONE.step_bits))


def test_a_residual_that_is_not_the_rounded_one_is_rejected(true: Columns) -> None:
    """Zero, whose remainder takes all of it; one more, with a negative remainder; one less, with a bit too many."""
    own = ONE.residual
    found = value(true, own.integer, own.bits, ROW) - (1 << (own.bits - 1))
    rest = value(true, ONE.remainder, ONE.shift, ROW)
    for number in (0, found + 1, found - 1):
        stated, squares = squared(true, number)
        moved = rest + ((found - number) << ONE.shift)
        lie = {**with_residual(true, number, moved), **squares}
        assert_caught(lying(lie, squares=stated), "lookup sum")
        assert_caught(lying({**with_residual(true, number, rest), **squares}, squares=stated), RESIDUAL)


def test_a_row_that_was_destroyed_and_those_of_the_training_are_not_counted(true: Columns) -> None:
    for row in (*HOLES, STOP):
        own = ONE.residual
        cell = value(true, own.integer, own.bits, row) - (1 << (own.bits - 1))
        if cell:
            total = value(true, ONE.bound.rest, ONE.bound.bits) + (ONE.squares << ONE.step_bits) + cell**2
            stated, rest = divmod(total, 1 << ONE.step_bits)
            assert_caught(lying(one_cell(ONE.bound.rest, ONE.bound.bits, rest), squares=stated), SQUARES)


def test_another_model_or_other_labels_are_rejected(true: Columns) -> None:
    better = MADE.integers[0].copy()
    better[0, FEATURES] += 1 << 12
    found = lying(model_cells(FIRST, better))
    assert found.verdict() == "constraints" and set(found.prover.lies) == {f"intercept of {FIRST}", RESIDUAL}
    labels = changed(true, data_set.LABELS, (0, ROW), 7)[data_set.LABELS]
    found = lying({data_set.LABELS: labels})
    assert found.verdict() == "constraints"
    assert set(found.prover.lies) == {RESIDUAL, f"residual of {SECOND}", "mean", "spread"}


# The spread of labels ------------------------------------------------------------------------------------------------


def spread_by(true: Columns, step: int, **changes: Any) -> tuple[Columns, Any]:
    """The mean moved, with everything that follows from it."""
    bits, count = SPREAD.limbs.bits, LIVE.count
    mean = value(true, MEAN, bits[MEAN]) - (1 << (bits[MEAN] - 1)) + step
    rest = value(true, MEAN_REST, bits[MEAN_REST]) - step * count
    labels = MADE.data[1][LIVE.mask()].astype(object) << SPREAD.finer
    total = int((labels**2).sum()) - mean * (count * mean + 2 * rest)
    stated = total >> SPREAD.step_bits
    lie = {
        **one_cell(MEAN, bits[MEAN], mean + (1 << (bits[MEAN] - 1))),
        **one_cell(MEAN_REST, bits[MEAN_REST], rest),
        **one_cell(MEAN_LACK, bits[MEAN_LACK], count - 1 - rest),
        **one_cell(SPREAD_REST, bits[SPREAD_REST], total - (stated << SPREAD.step_bits)),
    }
    return lie, replace(MADE.relation, spread=replace(SPREAD, stated=stated))


@pytest.mark.parametrize("step", [1, -1, 1 << 12])
def test_labels_that_are_said_to_spread_around_another_mean_are_rejected(step: int, true: Columns) -> None:
    """A mean further away makes labels spread more, and R^2 larger: the rest of the division gives it away."""
    lie, told = spread_by(true, step)
    assert abs(step) < 1 << 10 or told.spread.stated > SPREAD.stated
    assert_caught(prove(MADE.shape(told), MADE.columns_of(lie)), "lookup sum")


@pytest.mark.parametrize("step", [1, -1, 1000])
def test_a_spread_of_another_number_of_steps_is_rejected(step: int, true: Columns) -> None:
    told = replace(MADE.relation, spread=replace(SPREAD, stated=SPREAD.stated + step))
    assert_caught(prove(MADE.shape(told), MADE.columns_of()), "spread")
    bits = SPREAD.limbs.bits[SPREAD_REST]
    rest = value(true, SPREAD_REST, bits) - (step << SPREAD.step_bits)
    assert_caught(prove(MADE.shape(told), MADE.columns_of(one_cell(SPREAD_REST, bits, rest))), "lookup sum")


def test_a_mean_that_is_congruent_to_the_sum_is_rejected(true: Columns) -> None:
    """m / n in the field: no rest at all, and no integer of so few bits."""
    bits, count = SPREAD.limbs.bits, LIVE.count
    total = int((MADE.data[1][LIVE.mask()].astype(object) << SPREAD.finer).sum())
    mean = total * pow(count, -1, P) % P
    assert mean > 1 << bits[MEAN]
    shifted = (mean + (1 << (bits[MEAN] - 1))) % P
    lie = {
        limb(MEAN, bits[MEAN]): to_field(np.array([shifted - P if shifted > P // 2 else shifted])),
        **{name: to_field(np.array([0])) for name in limb_addresses(MEAN, bits[MEAN])[1:]},
        **one_cell(MEAN_REST, bits[MEAN_REST], 0),
        **one_cell(MEAN_LACK, bits[MEAN_LACK], count - 1),
    }
    found = prove(MADE.shape(), MADE.columns_of(lie))
    assert found.verdict() == "constraints" and "lookup sum" in found.prover.lies


def test_a_rest_and_what_it_lacks_have_to_be_of_one_division(true: Columns) -> None:
    bits = SPREAD.limbs.bits
    lack = value(true, MEAN_LACK, bits[MEAN_LACK])
    step = 1 if lack + 1 < 1 << bits[MEAN_LACK] else -1
    found = lying(one_cell(MEAN_LACK, bits[MEAN_LACK], lack + step))
    assert_caught(found, "mean")


def test_numbers_that_are_stated_fit_below_what_could_be_congruent_to_others() -> None:
    for bound in MADE.relation.gridded:
        total = (bound.stated << bound.bits) + P
        assert bound.fits and not replace(bound, stated=total >> bound.bits).fits
