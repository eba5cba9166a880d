"""An owner who says of models of several classes that their losses are others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import to_field
from zkunlearn.circuits.language import tables
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.models.families import FAMILIES
from zkunlearn.models.normalised_losses import chance_bounds, log_table
from zkunlearn.prover.witnesses.normalised_loss import Losses

from ..reference import relations
from .class_losses import class_losses, told_apart
from .evaluations import FEATURES, FIRST, HOLES, LIVE, SECOND, STOP
from .fitted import fitted
from .harness import ROWS, Columns, Outcome, assert_caught, changed, prove, recount

MADE = class_losses()
BOTH: Any = MADE.relation.models
ONE, OTHER = (own.loss for own in BOTH)
LOSS, SCORE, CELL, SUM = (f"{name} of {FIRST}" for name in ("loss", "score", "cell of the class", "sum of chances"))
ROW = int(np.flatnonzero(LIVE.mask())[1])
LABEL = int(MADE.data[1][ROW])


def lying(*changes: Columns, number: int = 0, loss: Any = None) -> Outcome:
    own = BOTH[number].loss
    relation = MADE.stating(number, loss=replace(own, loss=loss or own.loss))
    return prove(MADE.shape(relation), MADE.columns_of(*changes))


@pytest.fixture(scope="module")
def true() -> Columns:
    return MADE.columns_of()


def found(number: int = 0) -> Losses:
    own: Any = (ONE, OTHER)[number]
    integers, (X, y) = MADE.integers[number], MADE.data
    z = integers[:, :FEATURES] @ X.T + integers[:, FEATURES:]
    return Losses(own, z, (y == np.arange(3)[:, None]).astype(np.uint16))


def limb(integer: Any, bits: int) -> Any:
    return limb_addresses(integer, bits)[0]


def test_the_harness_has_losses_of_one_model_and_of_a_mean(honest_class_losses: Outcome) -> None:
    assert honest_class_losses.verdict() == "valid" and not honest_class_losses.prover.lies
    assert [len(limb_addresses(own.rests[0], own.rest_bits)) for own in (ONE, OTHER)] == [1, 2]
    assert len(OTHER.rests) == 2 and all(len(np.unique(found(number).cells)) > 9 for number in (0, 1))
    assert 0 < ONE.loss[0] < ONE.loss[1] and 0 < OTHER.loss[0] < OTHER.loss[1]


def test_rows_that_are_looked_up_in_parts_have_the_same_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = MADE.columns_of()  # of what is in one part
    monkeypatch.setattr(tables, "SECTION_BITS", 5)
    monkeypatch.setattr(relations, "MOST_LEAF_BITS", 5)
    relation = replace(MADE.relation)
    assert len(relation.sections) > 4
    assert prove(MADE.shape(relation), recount(relation, columns)).verdict() == "valid"


# What is stated ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("steps", [(1, 0), (-1, 0), (0, 1), (0, -1)])
def test_a_loss_that_is_off_by_a_step_is_rejected(number: int, steps: tuple[int, int]) -> None:
    own: Any = (ONE, OTHER)[number]
    low, high = (stated + step for stated, step in zip(own.loss, steps, strict=True))
    assert_caught(lying(number=number, loss=(low, high)), f"loss of {own.scored.matrix}")
    bound = own.bounds[0 if steps[0] else 1]
    rest = int(MADE.columns_of()[limb(bound.rest, bound.bits)][0]) + (sum(steps) if bound.up else -sum(steps)) * (
        1 << bound.bits
    )
    told = {limb(bound.rest, bound.bits): to_field(np.array([rest]))}
    assert_caught(lying(told, number=number, loss=(low, high)), "lookup sum")


@pytest.mark.parametrize("steps", [(-9, 0), (0, 9)], ids=["least", "most"])
def test_a_loss_of_other_steps_is_rejected_by_its_own_sum(
    steps: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    low, high = (stated + step for stated, step in zip(ONE.loss, steps, strict=True))
    shape = MADE.shape(MADE.stating(0, loss=replace(ONE, loss=(low, high))))
    assert_caught(fitted(shape, MADE.columns_of(), {LOSS: LOSS}, monkeypatch), LOSS)


def test_losses_of_rows_that_do_not_count_are_left_out(true: Columns) -> None:
    least, log = ONE.class_losses[1], ONE.logs[0]
    for row in (*HOLES, STOP, ROWS - 1):
        for column in (least, log):
            assert lying({column: changed(true, column, row, 1 << 20)[column]}).verdict() == "valid"
    lie = changed(true, least, STOP, 1 << 20)
    assert_caught(lying({least: lie[least]}, loss=(ONE.loss[0] + 256, ONE.loss[1])), LOSS)


def test_losses_by_tables_of_the_other_family_are_rejected() -> None:
    """The names of tables are all that tells both relations apart."""
    told = MADE.stating(0, loss=replace(ONE, family="probit"))
    assert_caught(prove(MADE.shape(told), recount(told, MADE.columns_of())), "lookup sum")


# Chances -------------------------------------------------------------------------------------------------------------


def with_cell(true: Columns, step: int, *, rest: bool) -> Columns:
    """Another cell of the row's class, with chances, sums, losses and logarithms that follow from it."""
    losses, cells = found(), found().cells.copy()
    cells[LABEL, ROW] += step
    moved: Any = Losses(ONE, losses.z, losses.labels)
    vars(moved)["cells"] = cells
    lie = following(true, moved)
    lie[ONE.cell] = changed(true, ONE.cell, (LABEL, ROW), int(cells[LABEL, ROW]))[ONE.cell]
    lie[ONE.of_class] = changed(true, ONE.of_class, ROW, int(cells[LABEL, ROW]))[ONE.of_class]
    if rest:
        name = limb(ONE.rests[0], ONE.rest_bits)
        value = int(losses.z[LABEL, ROW] - (cells[LABEL, ROW] << ONE.shift))
        lie[name] = changed(true, name, (LABEL, ROW), value)[name]
    return lie


def following(true: Columns, told: Losses) -> Columns:
    """What follows from chances, but for what rounding takes away of the total."""
    own = told.own
    columns = {name: to_field(cells) for name, cells in zip(own.chances, told.chances, strict=True)}
    columns |= {name: to_field(cells) for name, cells in zip(own.class_losses[1:], told.class_losses, strict=True)}
    columns |= {name: to_field(cells) for name, cells in zip(own.logs, told.logs, strict=True)}
    for name, rest, total in zip(own.sums, own.sum_rests, told.sums, strict=True):
        columns |= {name: to_field(total >> 16), limb(rest, 16): to_field(total & 0xFFFF)}
    for bound, summed in zip(own.bounds, told.totals(LIVE.mask()), strict=True):
        left = summed - (bound.stated << bound.bits)
        columns[limb(bound.rest, bound.bits)] = to_field(np.array([-left if bound.up else left]))
    return columns


@pytest.mark.parametrize("step", [1, -1])
def test_a_score_of_the_neighbouring_cell_is_rejected(step: int, true: Columns) -> None:
    """With all that follows; the remainder as it is, or such as makes up for it, which then is in no limb."""
    assert_caught(lying(with_cell(true, step, rest=False)), SCORE)
    assert_caught(lying(with_cell(true, step, rest=True)), "lookup sum")


@pytest.mark.parametrize("which", [0, 1])
def test_chances_of_another_cell_are_rejected(which: int, true: Columns) -> None:
    """One tuple has all of a cell."""
    told, losses = found(), found()
    chances: Any = [chance.copy() for chance in losses.chances]
    table = chance_bounds(FAMILIES["logistic"], ONE.sum_bits + 16)[which]
    chances[which][LABEL, ROW] = table[int(losses.cells[LABEL, ROW]) + (1 << 15) + 3]
    vars(told)["chances"] = tuple(chances)
    assert_caught(lying(following(true, told)), "lookup sum")


def test_a_remainder_with_a_complement_of_its_own_is_rejected(true: Columns) -> None:
    """Of a mean: a cell less, and a remainder that is too large by a cell; its complement is below zero, or is none."""
    honest, whole = found(1), OTHER.models << OTHER.shift
    rest, lack = (limb_addresses(own, OTHER.rest_bits) for own in OTHER.rests)
    fits = (honest.z - honest.cells * whole + whole < 1 << OTHER.rest_bits) & LIVE.mask() & (honest.labels == 1)
    at: Any = tuple(place[0] for place in np.nonzero(fits))
    cells = honest.cells.copy()
    cells[at] -= 1
    told = Losses(OTHER, honest.z, honest.labels)
    vars(told)["cells"] = cells
    over = int(honest.z[at] - cells[at] * whole)
    lie = following(true, told) | {OTHER.cell: to_field(cells), OTHER.of_class: to_field(told.of_class)}
    lie[OTHER.class_losses[0]] = to_field((told.of_class >= 0).astype(np.int64))
    totals = told.totals(LIVE.mask())
    loss = tuple(bound.stated_of(total) for bound, total in zip(OTHER.bounds, totals, strict=True))
    for bound, total in zip(OTHER.bounds, totals, strict=True):
        lie[limb(bound.rest, bound.bits)] = to_field(np.array([bound.rest_of(total)]))
    for place, name in enumerate(rest):
        lie[name] = changed(true, name, at, over >> (16 * place) & 0xFFFF)[name]
    assert_caught(lying(lie, number=1, loss=loss), f"chance remainder of {SECOND}")
    for place, name in enumerate(lack):
        lie[name] = changed(true, name, at, (whole - 1 - over) if place == 0 else 0)[name]
    assert_caught(lying(lie, number=1, loss=loss), "lookup sum")


def test_the_cell_of_another_class_is_rejected(true: Columns) -> None:
    """With the loss that it has, be it the smallest."""
    told = found()
    best = int(told.cells[:, ROW].argmax())
    other = best if best != LABEL else int(told.cells[:, ROW].argmin())
    of_class = told.of_class.copy()
    of_class[ROW] = told.cells[other, ROW]
    vars(told)["of_class"] = of_class
    lie = following(true, told) | {ONE.of_class: to_field(of_class)}
    likely = ONE.class_losses[0]
    lie[likely] = to_field((of_class >= 0).astype(np.int64))
    totals = told.totals(LIVE.mask())
    loss = tuple(bound.stated_of(total) for bound, total in zip(ONE.bounds, totals, strict=True))
    for bound, total in zip(ONE.bounds, totals, strict=True):
        lie[limb(bound.rest, bound.bits)] = to_field(np.array([bound.rest_of(total)]))
    assert_caught(lying(lie, loss=loss), CELL)


def test_losses_by_labels_that_are_not_those_of_the_data_set_are_rejected(true: Columns) -> None:
    labels = np.roll(true[data_set.LABELS], 1, axis=1)
    outcome = lying({data_set.LABELS: labels})
    assert outcome.verdict() == "constraints" and CELL in outcome.prover.lies


# Sums ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", [0, 1])
def test_another_sum_of_chances_is_rejected(which: int, true: Columns) -> None:
    """With its logarithm; the remainder as it is, or the one that makes up for it."""
    own, rest, log = ONE.sums[which], limb(ONE.sum_rests[which], 16), ONE.logs[which]
    value = int(true[own][ROW]) + 1
    told = found()
    logs = [cells.copy() for cells in told.logs]
    logs[which][ROW] = log_table(ONE.sum_bits)[value + which]
    vars(told)["logs"] = tuple(logs)
    lie = following(true, told) | {own: changed(true, own, ROW, value)[own]}
    assert log in lie
    assert_caught(lying(lie), SUM)
    lie[rest] = changed(true, rest, ROW, int(true[rest][ROW]) - (1 << 16))[rest]
    assert_caught(lying(lie), "lookup sum")


@pytest.mark.parametrize("which, step", [(0, 1), (0, -1), (1, -1), (1, 1)])
def test_the_logarithm_of_another_sum_is_rejected(which: int, step: int, true: Columns) -> None:
    """Of B itself, too, the sum being between it and the next one."""
    told = found()
    logs = [cells.copy() for cells in told.logs]
    logs[which][ROW] = log_table(ONE.sum_bits)[int(true[ONE.sums[which]][ROW]) + which + step]
    assert logs[which][ROW] != found().logs[which][ROW]
    vars(told)["logs"] = tuple(logs)
    assert_caught(lying(following(true, told)), "lookup sum")


def test_a_row_whose_loss_is_hidden_is_rejected(true: Columns) -> None:
    """Where the sum is positive, a row has a least loss that counts."""
    least, log = int(true[ONE.class_losses[1]][ROW]), int(found().logs[0][ROW])
    total = found().totals(LIVE.mask())[0] - least - log
    bound = ONE.bounds[0]
    lie = {ONE.some: changed(true, ONE.some, ROW, 0)[ONE.some]}
    lie[limb(bound.rest, bound.bits)] = to_field(np.array([bound.rest_of(total)]))
    assert least + log > 0
    assert_caught(lying(lie, loss=(bound.stated_of(total), ONE.loss[1])), "lookup sum")


def test_a_row_without_a_sum_has_no_least_loss() -> None:
    """Scores so low that all chances together are less than a unit: at least it has none, at most what its cell has."""
    told = Losses(ONE, np.full((3, ROWS), -40 << ONE.score_scale), found().labels)
    low, high = told.totals(LIVE.mask())
    assert not (told.sums[0] >> 16).any() and low == 0 < high


def test_a_loss_that_comes_out_below_zero_is_proved_as_it_is() -> None:
    """All rows are told apart by so much that rounding is more than their loss."""
    made = told_apart()
    own: Any = made.relation.models[0]
    low, high = own.loss.loss
    assert low < 0 < high and own.right == LIVE.count
    assert prove(made.shape(), made.columns_of()).verdict() == "valid"
    for step in (1, -1):
        lie = made.stating(0, loss=replace(own.loss, loss=(low + step, high)))
        assert_caught(prove(made.shape(lie), made.columns_of()), LOSS)
    assert own.loss.bounds[0].fits and not replace(own.loss.bounds[0], stated=-(1 << 61)).fits


def test_a_row_without_chances_has_a_proof() -> None:
    """Its least sum is no unit, of which there is no logarithm."""
    made = told_apart(-1)
    assert not (made.columns_of()[ONE.sums[0]][LIVE.mask()]).any()
    assert prove(made.shape(), made.columns_of()).verdict() == "valid"
    own: Any = made.relation.models[0]
    assert own.loss.loss[0] == 0
    lie = made.stating(0, loss=replace(own.loss, loss=(1, own.loss.loss[1])))
    assert_caught(prove(made.shape(lie), made.columns_of()), LOSS)
