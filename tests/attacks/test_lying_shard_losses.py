"""An owner who says of shards that answer by the mean of their probabilities that their loss is another one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import to_field
from zkunlearn.circuits.language import tables
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.models.mean_losses import CHANCE_BITS, mean_losses
from zkunlearn.prover.matrices.values import in_field
from zkunlearn.prover.witnesses.evaluation import opinions as said_by
from zkunlearn.prover.witnesses.shard_losses import (
    cell_columns,
    chances,
    class_and_all,
    class_sums,
    stated_class_losses,
    stated_losses,
)

from ..reference import relations
from .evaluations import FIRST, HOLES, LIVE, SECOND, STOP, rows_of
from .fitted import fitted
from .harness import ROWS, Columns, Outcome, assert_caught, changed, prove, recount
from .shard_evaluations import MadeOfShards
from .shard_losses import class_losses, losses

Making = Callable[[], MadeOfShards]
BOTH = pytest.mark.parametrize("making", [losses, class_losses], ids=["two classes", "several"])
ROW = int(np.flatnonzero(LIVE.mask())[1])


def judged(made: MadeOfShards, number: int = 0) -> Any:
    return made.relation.models[number]


def loss_of(made: MadeOfShards, number: int = 0) -> Any:
    """What is said of losses."""
    own = judged(made, number)
    return own if made.relation.outputs == 1 else own.loss


def lying(made: MadeOfShards, *changes: Columns, number: int = 0, loss: Any = None) -> Outcome:
    own = loss_of(made, number)
    told = replace(own, loss=loss or own.loss)
    relation = made.stating(number, **({"loss": told.loss} if made.relation.outputs == 1 else {"loss": told}))
    return prove(made.shape(relation), made.columns_of(*changes))


def said(made: MadeOfShards, number: int = 0) -> list[Any]:
    """What shards say at least and at most, int64 (outputs, shards, rows) each, which may be changed."""
    scored = judged(made, number).scored
    rows: Any = rows_of(made.data, made.relation.outputs)
    cells = said_by(scored, rows, made.spoken(number))[0]
    return [chance.copy() for chance in chances(scored, cells)]


def sums_of(made: MadeOfShards, told: Any, number: int = 0, labels: Any = None) -> list[Any]:
    """B and B', of several classes V and V', too; by other labels, if there are some."""
    own, rows = loss_of(made, number), rows_of(made.data, made.relation.outputs)
    if made.relation.outputs == 1:
        return [*class_sums(own, rows.labels if labels is None else labels, tuple(told))]
    columns = rows.label_columns if labels is None else (labels == np.arange(3)[:, None]).astype(np.uint16)
    (low, high), (least, most) = class_and_all(columns, tuple(told))
    return [low, high, least, most]


def following(made: MadeOfShards, told: Any, sums: Any, number: int = 0) -> tuple[Columns, Any]:
    """All that follows from what shards say, and from sums; and the loss that is stated then."""
    own = loss_of(made, number)
    found: dict[Any, Any] = {
        name: chance.astype(np.int32) for name, chance in zip((own.scored.low, own.scored.high), told, strict=True)
    }
    if made.relation.outputs == 1:
        in_cells, totals = own.sums, stated_losses(own, tuple(sums))
    else:
        found |= {name: to_field(chance.sum(axis=1)) for name, chance in zip(own.said, told, strict=True)}
        in_cells, totals = (*own.of_class, *own.of_all), stated_class_losses(own, tuple(sums[:2]), tuple(sums[2:]))
    found |= cell_columns(zip(in_cells, sums, strict=True), own.scored.family.name)[0]
    for bound, total in zip(own.bounds, totals, strict=True):
        rest = bound.rest_of(total)
        for place, limb in enumerate(limb_addresses(bound.rest, bound.bits)):
            found[limb] = to_field(np.array([rest >> (16 * place) & 0xFFFF]))
    stated = tuple(bound.stated_of(total) for bound, total in zip(own.bounds, totals, strict=True))
    return {name: in_field(cells) for name, cells in found.items()}, stated


def in_cells(made: MadeOfShards, number: int = 0) -> Any:
    own = loss_of(made, number)
    return own.sums if made.relation.outputs == 1 else (*own.of_class, *own.of_all)


def test_the_harness_has_losses_of_both_families(
    honest_shard_losses: Outcome, honest_shard_class_losses: Outcome
) -> None:
    for outcome in (honest_shard_losses, honest_shard_class_losses):
        assert outcome.verdict() == "valid" and not outcome.prover.lies
    for making in (losses, class_losses):
        made = making()
        for number in (0, 1):
            low, high = loss_of(made, number).loss
            least, most = said(made, number)
            assert 0 < low < high and (least < most).all() and len(np.unique(least)) > 9
            columns, stated = following(made, (least, most), sums_of(made, (least, most), number), number)
            assert stated == (low, high) and lying(made, columns, number=number).verdict() == "valid"


def test_rows_that_are_looked_up_in_parts_have_the_same_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = losses().columns_of()  # of what is in one part
    monkeypatch.setattr(tables, "SECTION_BITS", 7)
    monkeypatch.setattr(relations, "MOST_LEAF_BITS", 7)
    relation = replace(losses().relation)
    assert len(relation.sections) > 1
    assert prove(losses().shape(relation), recount(relation, columns)).verdict() == "valid"


# What is stated ------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(("number", "steps"), [(0, (1, 0)), (1, (0, -1))])
def test_a_loss_that_is_off_by_a_step_is_rejected(making: Making, number: int, steps: tuple[int, int]) -> None:
    own = loss_of(making(), number)
    told = tuple(stated + step for stated, step in zip(own.loss, steps, strict=True))
    assert_caught(lying(making(), number=number, loss=told), f"loss of {own.scored.matrix}")


@BOTH
def test_a_loss_of_another_step_with_what_it_leaves_is_rejected(making: Making) -> None:
    """What rounding takes away is a step too large then, or below zero."""
    own = loss_of(making())
    for which, bound in enumerate(own.bounds):
        limb = limb_addresses(bound.rest, bound.bits)[0]
        rest = int(making().columns_of()[limb][0]) + (1 << bound.bits) * (1 if bound.up else -1)
        told = [*own.loss]
        told[which] += 1
        assert_caught(lying(making(), {limb: to_field(np.array([rest]))}, loss=tuple(told)), "lookup sum")


@BOTH
def test_a_false_sum_of_losses_that_fits_is_rejected(making: Making, monkeypatch: pytest.MonkeyPatch) -> None:
    made, own, name = making(), loss_of(making()), f"loss of {FIRST}"
    told = replace(own, loss=(own.loss[0] - 9, own.loss[1] + 9))
    relation = made.stating(0, **({"loss": told.loss} if made.relation.outputs == 1 else {"loss": told}))
    assert_caught(fitted(made.shape(relation), made.columns_of(), {name: name}, monkeypatch), name)


@BOTH
def test_losses_of_rows_that_do_not_count_are_left_out(making: Making) -> None:
    made = making()
    true, low = made.columns_of(), in_cells(made)[0].largest
    for row in (HOLES[0], ROWS - 1):
        assert lying(made, {low: changed(true, low, row, 1 << 20)[low]}).verdict() == "valid"
    one, two = loss_of(made).loss
    told = {low: changed(true, low, STOP, 1 << 20)[low]}
    assert_caught(lying(made, told, loss=(one, two + 256)), f"loss of {FIRST}")


@BOTH
def test_losses_by_tables_of_the_other_family_are_rejected(making: Making) -> None:
    """The names of tables are all that tells both relations apart."""
    made, own = making(), loss_of(making())
    scored: Any = replace(own.scored, table=loss_of(making(), 1).scored.table)
    several = made.relation.outputs > 1
    told = {"loss": replace(own, scored=scored)} if several else {}
    argmax = {"argmax": replace(judged(made).argmax, scored=scored)} if several else {"scored": scored}
    relation = made.stating(0, **told, **argmax)
    assert_caught(prove(made.shape(relation), recount(relation, made.columns_of())), "lookup sum")


# What shards say -----------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(("which", "step"), [(0, -1), (1, 1)], ids=["least", "most"])
def test_a_probability_that_is_off_by_a_unit_is_rejected(making: Making, which: int, step: int) -> None:
    """With all that follows from it."""
    told = said(making())
    told[which][0, 1, ROW] += step
    columns, stated = following(making(), told, sums_of(making(), told))
    assert_caught(lying(making(), columns, loss=stated), "lookup sum")


@BOTH
def test_the_probabilities_of_another_row_or_shard_are_rejected(making: Making) -> None:
    """A tuple is of one cell: with that of another score it is in the table, and the score is not its own."""
    made = making()
    own = judged(made).scored
    place = 0, 1, ROW
    for name in ((0, 1, ROW + 1), (0, 2, ROW))[: 2 - made.relation.outputs // 3]:
        told = said(made)
        for chance in told:
            chance[place] = chance[name]
        columns, stated = following(made, told, sums_of(made, told))
        assert_caught(lying(made, columns, loss=stated), "lookup sum")
        true = made.columns_of()
        for column in (own.cell, own.opinion):
            columns = columns | {column: true[column].copy()}
            columns[column][place] = true[column][name]
        outcome = lying(made, columns, loss=stated)
        assert outcome.verdict() == "constraints" and f"score of {FIRST}" in outcome.prover.lies
        assert "lookup sum" not in outcome.prover.lies


@BOTH
def test_the_loss_of_another_class_is_rejected(making: Making) -> None:
    """With sums, cells, losses and totals that follow from it."""
    made, told = making(), said(making())
    labels = made.data[1].copy()
    several = made.relation.outputs > 1
    labels[ROW] = (labels[ROW] + 1) % 3 if several else 1 - labels[ROW]
    columns, stated = following(made, told, sums_of(made, told, labels=labels))
    assert_caught(lying(made, columns, loss=stated), f"c{'lass chances' if several else 'hances of shards'} of {FIRST}")


def test_losses_by_labels_that_are_not_those_of_the_data_set_are_rejected() -> None:
    made = losses()
    labels = np.roll(made.columns_of()[data_set.LABELS], 1, axis=1)
    outcome = lying(made, {data_set.LABELS: labels})
    assert outcome.verdict() == "constraints" and f"chances of shards of {FIRST}" in outcome.prover.lies


# Sums ----------------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("step", [1, -1])
def test_a_sum_that_is_off_by_a_unit_is_rejected(making: Making, step: int) -> None:
    """Of each sum, with its cell and its loss: nothing but the equation for it is broken."""
    made, told = making(), said(making())
    several = made.relation.outputs > 1
    for which in range(step > 0, 4 if several else 2, 2):
        sums = [total.copy() for total in sums_of(made, told)]
        sums[which][ROW] += step
        columns, stated = following(made, told, sums)
        of_class = "class chances" if several else "chances of shards"
        assert_caught(lying(made, columns, loss=stated), f"{of_class if which < 2 else 'all chances'} of {FIRST}")


@pytest.mark.parametrize(("making", "step"), [(losses, 1), (losses, -1), (class_losses, -1)])
def test_the_neighbouring_cell_of_a_mean_is_rejected(making: Making, step: int) -> None:
    """Its own losses, and a remainder that makes up for it: it is none of the cell, or its complement is none."""
    made = making()
    own = in_cells(made)[0]
    total = int(sums_of(made, said(made))[0][ROW])
    neighbour = following_cell(made, ROW, step)
    rest = total - own.count * neighbour[1]
    lie = made.columns_of()
    for column, value in zip(own.entries, neighbour, strict=True):
        lie = changed(lie, column, ROW, value)
    lie = with_limbs(lie, own.rests[0], own.rest_bits, rest)
    changes = only([*own.entries, *limb_addresses(own.rests[0], own.rest_bits)], lie)
    outcome = lying(made, changes)
    assert outcome.verdict() == "constraints" and f"mean in cell of {FIRST}" in outcome.prover.lies
    lie = with_limbs(lie, own.rests[1], own.rest_bits, own.count * neighbour[2] - 1 - rest)
    limbs = [limb for name in own.rests for limb in limb_addresses(name, own.rest_bits)]
    outcome = lying(made, only([*own.entries, *limbs], lie))
    assert outcome.verdict() == "constraints" and "lookup sum" in outcome.prover.lies
    assert f"mean in cell of {FIRST}" not in outcome.prover.lies


def following_cell(made: MadeOfShards, row: int, step: int) -> list[int]:
    """The tuple of the cell beside that of the least sum of the first bundle."""
    number = int(made.columns_of()[in_cells(made)[0].number][row]) + step
    return [number, *(int(values[number]) for values in mean_losses(judged(made).scored.family.name))]


def only(names: Any, columns: Columns) -> Columns:
    return {name: columns[name] for name in names}


def with_limbs(columns: Columns, integer: Any, bits: int, value: int) -> Columns:
    """A number of so many bits in limbs, or, where it is none, all of it in the lowest."""
    names, fits = limb_addresses(integer, bits), 0 <= value < 1 << bits
    for place, limb in enumerate(names):
        part = (value >> (16 * place) & 0xFFFF) if fits else value * (place == 0)
        columns = changed(columns, limb, ROW, part)
    return columns


@BOTH
def test_the_loss_of_the_cell_of_another_row_is_rejected(making: Making) -> None:
    made, true = making(), making().columns_of()
    own = in_cells(made)[0]
    value = int(true[own.largest][ROW + 1])
    assert value != int(true[own.largest][ROW])
    told = changed(true, own.largest, ROW, value)
    outcome = lying(made, {own.largest: told[own.largest]})
    assert outcome.verdict() == "constraints" and "lookup sum" in outcome.prover.lies


def test_a_false_product_of_classes_and_chances_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where both sums that it is in are told what it says."""
    made, told = losses(), said(losses())
    sums = [total.copy() for total in sums_of(made, told)]
    for total in sums:
        total[ROW] += 1 << 20
    columns, stated = following(made, told, sums)
    relation = made.stating(0, loss=stated)
    name = f"class chances of {FIRST}"
    equations = {name: f"chances of shards of {FIRST}"}
    assert_caught(fitted(made.shape(relation), made.columns_of(columns), equations, monkeypatch), name)


def test_the_cell_before_that_of_a_mean_is_rejected_by_its_complement() -> None:
    """A remainder has room for more than its cell; the loss, and what is stated, follow from the cell before."""
    made, own = losses(), in_cells(losses())[0]
    loss, columns = loss_of(made), made.columns_of()
    before = following_cell(made, ROW, -1)
    rest = int(sums_of(made, said(made))[0][ROW]) - own.count * before[1]
    assert own.count * before[2] <= rest < 1 << own.rest_bits
    least, most = stated_losses(loss, tuple(sums_of(made, said(made))))
    most += before[4] - int(columns[own.largest][ROW])
    lie = columns
    for column, value in zip(own.entries, before, strict=True):
        lie = changed(lie, column, ROW, value)
    lie = with_limbs(lie, own.rests[0], own.rest_bits, rest)
    bound = loss.bounds[1]
    for place, limb in enumerate(limb_addresses(bound.rest, bound.bits)):
        lie = lie | {limb: to_field(np.array([bound.rest_of(most) >> (16 * place) & 0xFFFF]))}
    changes = {name: cells for name, cells in lie.items() if cells is not columns[name]}
    stated = loss.bounds[0].stated_of(least), bound.stated_of(most)
    assert_caught(lying(made, changes, loss=stated), f"mean in cell of {FIRST}")


def test_what_shards_say_of_a_class_in_no_column_is_rejected() -> None:
    """The sum over shards that is summed over classes is none of what they say."""
    made, told = class_losses(), said(class_losses())
    sums = [total.copy() for total in sums_of(made, told)]
    sums[0][ROW] += 1
    columns, stated = following(made, told, sums)
    virtual = loss_of(made).said[0]
    label = int(made.data[1][ROW])
    columns[virtual] = changed(columns, virtual, (label, ROW), int(columns[virtual][label, ROW]) + 1)[virtual]
    assert_caught(lying(made, columns, loss=stated), f"chances of shards of {FIRST}")


def test_what_is_stated_of_one_bundle_is_not_that_of_the_other() -> None:
    one, other = (loss_of(losses(), number).loss for number in (0, 1))
    assert one != other
    assert_caught(lying(losses(), loss=other), f"loss of {FIRST}")
    assert_caught(lying(losses(), number=1, loss=one), f"loss of {SECOND}")


def test_a_chance_that_is_certain_is_in_a_cell_of_its_own() -> None:
    """So is one of nothing: both ends of the table are where sums may be."""
    own = in_cells(losses())[0]
    sums = np.array([0, own.count << CHANCE_BITS], dtype=np.int64)
    columns: Any = cell_columns([(own, sums)], "logistic")[0]
    assert columns[own.largest].tolist() == [65 << 16, 0] and columns[own.least].tolist()[1] == 0
    assert columns[own.edge].tolist() == [0, 1 << CHANCE_BITS] and columns[own.width].tolist() == [1, 1]
