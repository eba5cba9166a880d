"""An owner who says that shards of a Poisson model expect other counts than they do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.prover.matrices.values import in_field
from zkunlearn.prover.witnesses.evaluation import scores
from zkunlearn.prover.witnesses.expected_counts import Expected, count_columns
from zkunlearn.prover.witnesses.shard_counts import (
    expected_of_each,
    shifted,
    stated_deviances,
)
from zkunlearn.prover.witnesses.shard_losses import cell_columns

from .evaluations import FIRST, HOLES, LIVE, SECOND, STOP, rows_of
from .fitted import fitted
from .harness import Columns, Outcome, assert_caught, changed, prove
from .shard_counts import counts

MADE = counts()
BOTH: Any = MADE.relation.models
ROW = int(np.flatnonzero(LIVE.mask())[1])
DEVIANCE = f"deviance of {SECOND}"


def lying(*changes: Columns, number: int = 1, **told: Any) -> Outcome:
    return prove(MADE.shape(MADE.stating(number, **told)), MADE.columns_of(*changes))


def found(number: int = 1) -> Expected:
    """What is true."""
    spoken = MADE.spoken(number)
    shards, outputs, width = spoken.shape
    rows: Any = rows_of(MADE.data, 1)
    z = scores(rows, spoken.transpose(1, 0, 2).reshape(-1, width)).reshape(outputs, shards, -1)
    return expected_of_each(BOTH[number].scored, z)


def following(told: Expected, total: Any = None) -> tuple[Columns, Any, Any]:
    """All that follows from what shards expect, and from sums of it if others are said; squares, and deviances."""
    own, labels = BOTH[1], MADE.data[1]
    columns: dict[Any, Any] = dict(count_columns(own.scored, told)[0])
    counts_of = told.counts.sum(axis=1)[0] if total is None else total
    columns |= cell_columns(zip(own.sums, shifted(own, counts_of), strict=True), "logistic")[0]
    whole = own.models << own.shift
    exact = told.counts.sum(axis=1)[0] - labels * (own.models << 16) + whole // 2
    t, rest = exact // whole, exact % whole
    halves = t + (1 << (own.residual_bits - 1))
    squares = int((t[LIVE.mask()] ** 2).sum())
    deviances = stated_deviances(own, labels, counts_of)
    integers = [(own.residual.integer, own.residual_bits, halves), (own.remainder, own.rest_bits, rest)]
    integers.append((own.lack, own.rest_bits, whole - 1 - rest))
    for bound, number in zip(own.bounds, (squares, *deviances), strict=True):
        integers.append((bound.rest, bound.bits, np.array([bound.rest_of(number)])))
    for integer, bits, cells in integers:
        for place, limb in enumerate(limb_addresses(integer, bits)):
            columns[limb] = cells >> (16 * place) & 0xFFFF
    stated = tuple(end.stated_of(number) for end, number in zip(own.ends, deviances, strict=True))
    field = {name: in_field(np.asarray(cells)) for name, cells in columns.items()}
    return field, own.bound.stated_of(squares), stated


def test_the_harness_has_shards_that_expect_counts(honest_shard_counts: Outcome) -> None:
    assert honest_shard_counts.verdict() == "valid" and not honest_shard_counts.prover.lies
    low, high = BOTH[1].deviances
    assert 0 < low < high and BOTH[0].deviances is None and BOTH[0].squares > 100
    columns, squares, stated = following(found())
    assert (squares, stated) == (BOTH[1].squares, BOTH[1].deviances)
    assert lying(columns).verdict() == "valid"


# What is stated ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [(1, 0), (-1, 0), (0, 1), (0, -1)])
def test_a_deviance_that_is_off_by_a_step_is_rejected(steps: tuple[int, int]) -> None:
    told = tuple(stated + step for stated, step in zip(BOTH[1].deviances, steps, strict=True))
    assert_caught(lying(deviances=told), DEVIANCE)


def test_squares_of_another_number_of_steps_are_rejected() -> None:
    for number, matrix in ((0, FIRST), (1, SECOND)):
        assert_caught(lying(number=number, squares=BOTH[number].squares + 1), f"squares of {matrix}")


def test_a_false_sum_that_fits_what_is_stated_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    low, high = BOTH[1].deviances
    shape = MADE.shape(MADE.stating(1, deviances=(low - 9, high - 9)))
    outcome = fitted(shape, MADE.columns_of(), {DEVIANCE: DEVIANCE}, monkeypatch)
    assert outcome.verdict() == "constraints" and set(outcome.prover.lies) == {DEVIANCE}


def test_deviances_of_rows_that_do_not_count_are_left_out() -> None:
    true, log = MADE.columns_of(), BOTH[1].log
    for row in (HOLES[0], STOP):
        lie = {log: changed(true, log, row, 1 << 20)[log]}
        assert lying(lie).verdict() == "valid"
    assert_caught(lying(lie, deviances=tuple(end + 4096 for end in BOTH[1].deviances)), DEVIANCE)


# What shards expect --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, -1])
def test_an_expected_count_that_is_off_by_a_unit_is_rejected(step: int) -> None:
    """With all that follows from it: of what a table has, and of what is interpolated."""
    for name in ("edge", "risen"):
        told = found()
        cells = getattr(told, name).copy()
        cells[0, 1, ROW] += step
        columns, squares, stated = following(replace(told, **{name: cells}))
        assert_caught(lying(columns, squares=squares, deviances=stated), "lookup sum")


def test_the_cell_of_another_score_is_rejected() -> None:
    """Its tuple is in the table; the score is that of another row."""
    told, at, other = found(), (0, 1, ROW), (0, 1, ROW + 1)
    parts = {name: getattr(told, name).copy() for name in ("cell", "middle", "edge", "step", "risen", "rest")}
    for cells in parts.values():
        cells[at] = cells[other]
    columns, squares, stated = following(Expected(**parts))
    assert_caught(lying(columns, squares=squares, deviances=stated), f"score of {SECOND}")


def test_a_product_of_its_own_is_rejected() -> None:
    """A step times a middle that is another number makes another count."""
    told = found()
    risen = told.risen.copy()
    risen[0, 1, ROW] += 1
    lie = replace(told, risen=risen)
    columns, squares, stated = following(lie)
    product = BOTH[1].scored.product
    value = int((told.step * told.middle)[0, 1, ROW]) + (1 << 16)
    columns = columns | {product: changed(columns, product, (0, 1, ROW), value)[product]}
    assert_caught(lying(columns, squares=squares, deviances=stated), f"step of shards of {SECOND}")


def test_the_count_of_another_label_is_rejected() -> None:
    labels = np.roll(MADE.columns_of()[data_set.LABELS], 1, axis=1)
    outcome = lying({data_set.LABELS: labels})
    assert outcome.verdict() == "constraints"
    assert {f"residual of {SECOND}", "lookup sum"} <= set(outcome.prover.lies)


# Sums ----------------------------------------------------------------------------------------------------------------


def test_a_mean_in_the_cell_of_another_one_is_rejected() -> None:
    """With the losses and the deviance that follow from it: so far off that the cell is another one."""
    counts_of = found().counts.sum(axis=1)[0].copy()
    counts_of[ROW] *= 2
    columns, _, stated = following(found(), counts_of)
    assert_caught(lying(columns, deviances=stated), f"means of shards of {SECOND}")


@pytest.mark.parametrize("which", [0, 1], ids=["lesser", "greater"])
def test_a_sum_that_is_off_by_a_unit_is_rejected(which: int) -> None:
    own = BOTH[1]
    sums = [total.copy() for total in shifted(own, found().counts.sum(axis=1)[0])]
    sums[which][ROW] += 1
    columns: Any = cell_columns([(own.sums[which], sums[which])], "logistic")[0]
    totals = [total + 1 - which for total in stated_deviances(own, MADE.data[1], found().counts.sum(axis=1)[0])]
    for end, total in zip(own.ends, totals, strict=True):
        for place, limb in enumerate(limb_addresses(end.rest, end.bits)):
            columns[limb] = np.array([end.rest_of(total) >> (16 * place) & 0xFFFF])
    told = tuple(end.stated_of(total) for end, total in zip(own.ends, totals, strict=True))
    outcome = lying({name: in_field(cells) for name, cells in columns.items()}, deviances=told)
    assert_caught(outcome, f"means of shards of {SECOND}")


def test_a_false_sum_of_counts_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the residuals that follow from it are true of what is told."""
    own, name = BOTH[0], f"counts of shards of {FIRST}"
    true, limbs = MADE.columns_of(), limb_addresses(own.residual.integer, own.residual_bits)
    t = sum(true[limb].astype(np.int64) << (16 * place) for place, limb in enumerate(limbs))
    t[ROW] += 1
    total = int(((t - (1 << (own.residual_bits - 1)))[LIVE.mask()] ** 2).sum())
    integers = [(limbs, t), (limb_addresses(own.bound.rest, own.bound.bits), np.array([own.bound.rest_of(total)]))]
    lie = {limb: in_field(cells >> (16 * at) & 0xFFFF) for names, cells in integers for at, limb in enumerate(names)}
    shape = MADE.shape(MADE.stating(0, squares=own.bound.stated_of(total)))
    outcome = fitted(shape, MADE.columns_of(lie), {name: f"residual of {FIRST}"}, monkeypatch)
    assert_caught(outcome, name)


def test_the_logarithm_of_another_label_is_rejected() -> None:
    true, log = MADE.columns_of(), BOTH[1].log
    other = next(row for row in np.flatnonzero(LIVE.mask()) if true[log][0, row] != true[log][0, ROW])
    lie = changed(true, log, ROW, 0)
    lie[log][0, ROW] = true[log][0, other]
    outcome = lying({log: lie[log]})
    assert outcome.verdict() == "constraints" and "lookup sum" in outcome.prover.lies
