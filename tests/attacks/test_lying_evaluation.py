"""An owner who says that models of two classes predict rows better than they do, or worse."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P, to_field
from zkunlearn.circuits.language import tables
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations.evaluation import Evaluation
from zkunlearn.models.losses import loss_bounds

from ..reference import judged as judged_of_reference
from ..reference import relations
from .evaluations import (
    FEATURES,
    FIRST,
    HOLES,
    LIVE,
    SECOND,
    STOP,
    ZERO,
    columns_of,
    data,
    flipped_of,
    limbs_of,
    mean_relation,
    model_cells,
    models,
    predictions,
    probit_relation,
    relation,
    right_of,
    scores,
    shape_of,
    stating,
)
from .harness import ROWS, X_BITS, Columns, Outcome, assert_caught, changed, prove, recount

BOTH: Any = relation().models
ONE, OTHER = BOTH
TOTAL, FLIP = f"right predictions of {FIRST}", f"flip of {FIRST}"
CONFUSION, LOSS = f"confusion of {SECOND}", f"loss of {SECOND}"
WRONG = int(np.flatnonzero(~right_of(models()[0]) & LIVE.mask())[0])  # a row that is predicted wrong
LOWEST = limb_addresses(ONE.remainder, ONE.shift)[0]


def lying(*changes: Columns, model: int = ONE.right, second: int = OTHER.right) -> Outcome:
    """Where so many are said to be right."""
    return prove(shape_of(said(model, second)), columns_of(*changes))


@cache
def said(model: int, second: int) -> Evaluation:
    one, other = BOTH
    return replace(relation(), models=(replace(one, right=model), replace(other, right=second)))


@pytest.fixture(scope="module")
def true() -> Columns:
    return columns_of()


def test_the_harness_counts_what_is_right(honest_evaluation: Outcome) -> None:
    assert honest_evaluation.verdict() == "valid" and not honest_evaluation.prover.lies
    counts = [own.right for own in relation().models]
    assert all(0 < count < ROWS - len(HOLES) for count in counts) and counts[0] != counts[1]
    assert scores(models()[0])[ZERO] == 0 and right_of(models()[0])[ZERO] == (data()[1][ZERO] == 0)
    assert [len(limb_addresses(own.remainder, own.shift)) for own in relation().models] == [1, 2]


@pytest.mark.parametrize("step", [0, 1])
def test_rows_that_are_looked_up_in_parts_are_counted_alike(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = columns_of()  # of what is in one part
    monkeypatch.setattr(tables, "SECTION_BITS", 4)
    monkeypatch.setattr(relations, "MOST_LEAF_BITS", 4)
    own = replace(said(ONE.right + step, OTHER.right))
    assert len(own.sections) == 4, "four rows each"
    outcome = prove(shape_of.__wrapped__(own), recount(own, columns))
    assert outcome.prover.lies == ({TOTAL} if step else set())
    assert outcome.verdict() == ("constraints" if step else "valid")


@pytest.mark.parametrize("step", [1, -1, ROWS])
def test_another_number_is_rejected(step: int) -> None:
    assert_caught(lying(model=ONE.right + step), TOTAL)


def test_the_numbers_of_both_models_exchanged_are_rejected() -> None:
    lie = lying(model=OTHER.right, second=ONE.right)
    assert_caught(lie, TOTAL, f"right predictions of {SECOND}")


def test_a_row_that_was_destroyed_and_is_counted_is_rejected(true: Columns) -> None:
    """Its cell is looked up nowhere: it may say what it likes, and is not in the sum."""
    counted = changed(true, ONE.ok, HOLES[0], 1)
    assert_caught(lying({ONE.ok: counted[ONE.ok]}, model=ONE.right + 1), TOTAL)
    assert_caught(lying({ONE.ok: changed(true, ONE.ok, HOLES[0], 5)[ONE.ok]}, model=ONE.right + 5), TOTAL)


def test_a_row_after_those_that_are_held_out_and_is_counted_is_rejected(true: Columns) -> None:
    """A row of the training, which models know."""
    for row in range(STOP, ROWS):
        assert_caught(lying({ONE.ok: changed(true, ONE.ok, row, 7)[ONE.ok]}, model=ONE.right + 7), TOTAL)


def test_a_wrong_prediction_that_is_called_right_is_rejected(true: Columns) -> None:
    called = changed(true, ONE.ok, WRONG, 1)
    assert_caught(lying({ONE.ok: called[ONE.ok]}, model=ONE.right + 1), "lookup sum")


def test_a_row_that_is_right_twice_is_rejected(true: Columns) -> None:
    right = int(np.flatnonzero(right_of(models()[0]))[0])
    assert_caught(lying({ONE.ok: changed(true, ONE.ok, right, 2)[ONE.ok]}, model=ONE.right + 1), "lookup sum")


def with_flipped(true: Columns, flipped: int, rest: int) -> dict[Any, Any]:
    """Of the row that is predicted wrong; in one limb, which is not cut."""
    ok = changed(true, ONE.ok, WRONG, int(flipped >= 0))[ONE.ok]
    own = changed(true, ONE.flipped, WRONG, flipped)[ONE.flipped]
    return {ONE.ok: ok, ONE.flipped: own, LOWEST: changed(true, LOWEST, WRONG, residue(rest))[LOWEST]}


def residue(value: int) -> int:
    """Modulo p, nearest to zero."""
    return (value + P // 2) % P - P // 2


def test_a_score_of_the_other_sign_is_rejected(true: Columns) -> None:
    rest = int(true[LOWEST][WRONG])
    assert_caught(lying(with_flipped(true, 7, rest), model=ONE.right + 1), FLIP)


def test_a_score_of_the_other_sign_with_the_remainder_that_makes_up_for_it_is_rejected(true: Columns) -> None:
    """A congruence has a solution for any F: only the range of the remainder forbids it."""
    shift, z, y = ONE.shift, int(scores(models()[0])[WRONG]) - 1, int(data()[1][WRONG])
    quotient = 7 if y == 1 else -8
    assert_caught(lying(with_flipped(true, 7, z - (quotient << shift)), model=ONE.right + 1), "lookup sum")


def test_the_next_quotient_with_a_negative_remainder_is_rejected(true: Columns) -> None:
    shift, z, y = ONE.shift, int(scores(models()[0])[WRONG]) - 1, int(data()[1][WRONG])
    quotient = (z >> shift) + 1
    lie = with_flipped(true, quotient if y == 1 else -quotient - 1, z - (quotient << shift))
    assert_caught(lying(lie, model=ONE.right + int(lie[ONE.ok][WRONG])), "lookup sum")


def test_a_remainder_of_all_its_bits_and_one_more_is_rejected(true: Columns) -> None:
    """q - 1 and 2^r more: the lowest limb has fewer bits than a limb, and is looked up shifted."""
    shift, z, y = ONE.shift, int(scores(models()[0])[WRONG]) - 1, int(data()[1][WRONG])
    quotient = (z >> shift) - 1
    lie = with_flipped(true, quotient if y == 1 else -quotient - 1, z - (quotient << shift))
    if shift % 16 == 0 or int(lie[LOWEST][WRONG]) >= 1 << 16:
        pytest.fail("choose bits with which the remainder still is a limb")
    assert_caught(lying(lie, model=ONE.right + int(lie[ONE.ok][WRONG])), "lookup sum")


@pytest.mark.parametrize("flipped", [1 << 15, (1 << 15) + 3, P // 2, -(1 << 15) - 1])
def test_a_quotient_that_the_table_does_not_have_is_rejected(flipped: int, true: Columns) -> None:
    shift, z, y = ONE.shift, int(scores(models()[0])[WRONG]) - 1, int(data()[1][WRONG])
    quotient = flipped if y == 1 else -flipped - 1
    lie = with_flipped(true, flipped, z - (quotient << shift)) | {ONE.ok: changed(true, ONE.ok, WRONG, 1)[ONE.ok]}
    assert_caught(lying(lie, model=ONE.right + 1), "lookup sum")


def test_scores_that_are_centred_are_rejected() -> None:
    """[q >= 0] is then not [z > 0]."""
    shift, z = ONE.shift, scores(models()[0])
    lie = predictions(ONE, z + (1 << (shift - 1)))
    assert_caught(lying(lie, model=int(_live(lie[ONE.ok]))), FLIP)


def _live(ok: Any) -> int:
    return int(ok[LIVE.mask()].sum())


@pytest.mark.parametrize("change", ["labels", "another row", "another model", "no intercept", "zero"])
def test_predictions_of_something_else_are_rejected(change: str) -> None:
    z, y = scores(models()[0]), data()[1]
    told = {
        "labels": lambda: predictions(ONE, z, 1 - y),
        "another row": lambda: predictions(ONE, np.roll(z, 1)),
        "another model": lambda: predictions(ONE, scores(models()[1]) >> 6),
        "zero": lambda: predictions(ONE, z + 1),  # as if it were positive
        "no intercept": lambda: predictions(ONE, data()[0] @ models()[0][0, :FEATURES]),
    }[change]()
    assert_caught(lying(told, model=_live(told[ONE.ok])), FLIP)


def test_predictions_by_labels_that_are_not_those_of_the_data_set_are_rejected(true: Columns) -> None:
    """One label that is neither: the data set's own proof refuses it, and F of it is not what z says."""
    labels = changed(true, data_set.LABELS, (0, WRONG), 2)[data_set.LABELS]
    assert_caught(lying({data_set.LABELS: labels}), FLIP, f"flip of {SECOND}", CONFUSION)


def test_a_better_model_in_the_place_of_the_committed_one_is_rejected() -> None:
    """Limbs and predictions are those of another model than the matrix."""
    better = models()[0].copy()
    better[0, 0] //= 2
    z = scores(better)
    lie = predictions(ONE, z) | limbs_of(ONE.scored, better)
    assert_caught(lying(lie, model=_live(lie[ONE.ok])), FLIP, f"weights of {FIRST}")


def test_an_intercept_that_is_not_the_committed_one_is_rejected() -> None:
    other = models()[0].copy()
    other[0, FEATURES] += 3
    assert_caught(lying(limbs_of(ONE.scored, other)), f"intercept of {FIRST}")


def test_limbs_of_the_other_model_are_rejected() -> None:
    assert_caught(lying(limbs_of(OTHER.scored, models()[0])), f"intercept of {SECOND}", f"weights of {SECOND}")


@pytest.mark.parametrize("place, value", [(0, 1 << 17), (0, -(1 << 17) - 1), (FEATURES, 1 << (17 + X_BITS))])
def test_a_model_whose_integers_are_out_of_their_range_is_rejected(place: int, value: int) -> None:
    """Whatever its own proof says: here a range is looked up of every integer."""
    wide = models()[0].copy()
    wide[0, place] = value
    lie = model_cells(FIRST, wide) | limbs_of(ONE.scored, wide) | predictions(ONE, scores(wide))
    if value < 0:  # which has no limbs: the topmost is -1
        top = limb_addresses(ONE.scored.weights.integer, ONE.scored.weight_bits)[-1]
        lie[top] = changed(lie, top, place, -1)[top]
    assert_caught(lying(lie, model=_live(lie[ONE.ok])), "lookup sum")


@pytest.mark.parametrize("place, name", [(0, f"weights of {FIRST}"), (FEATURES, f"intercept of {FIRST}")])
def test_a_model_out_of_its_range_with_limbs_of_one_that_is_in_it_is_rejected(place: int, name: str) -> None:
    """Predictions are those of the committed model; only that its limbs are its own forbids it."""
    wide = models()[0].copy()
    wide[0, place] = 1 << (17 if place == 0 else 17 + X_BITS)
    lie = model_cells(FIRST, wide) | predictions(ONE, scores(wide))
    assert_caught(lying(lie, model=_live(lie[ONE.ok])), name)


def test_a_weight_beside_its_range_by_the_field_is_rejected() -> None:
    """-2^19 - 1 has a representative that is a limb and a half: it is above p in no range."""
    cells = model_cells(FIRST, models()[0])
    (name, weights), *_ = cells.items()
    other = weights.copy()
    other[0, 0] = P - 1 - int(other[0, 0])
    assert_caught(lying({name: other}), FLIP, f"weights of {FIRST}")


def test_honest_columns_that_are_not_integers_beside_the_rows_that_count_prove_the_same(true: Columns) -> None:
    """F, ok and R of a row that was destroyed are anything that the equation allows."""
    hole, z = HOLES[0], int(scores(models()[0])[HOLES[0]]) - 1
    shift, junk = ONE.shift, 123456789123
    rest = residue(z - ((-junk - 1) << shift))
    lie = {
        ONE.flipped: changed(true, ONE.flipped, hole, junk)[ONE.flipped],
        ONE.ok: changed(true, ONE.ok, hole, 99)[ONE.ok],
        LOWEST: changed(true, LOWEST, hole, rest)[LOWEST],
    }
    assert int(data()[1][hole]) == 0 and lying(lie).verdict() == "valid"
    assert to_field(np.array(junk)) > 1 << 16


# Losses and confusion ------------------------------------------------------------------------------------------------

ROW = int(np.flatnonzero(LIVE.mask())[0])


@pytest.mark.parametrize("which, step", [(0, 1), (0, -1), (1, 1), (1, -1)])
def test_a_loss_that_is_off_by_a_step_is_rejected(which: int, step: int) -> None:
    """With the rest that this takes, which has more bits than a rest, or with the old one."""
    assert OTHER.loss is not None
    told = replace(OTHER, loss=tuple(number + step * (which == i) for i, number in enumerate(OTHER.loss)))
    shape = shape_of.__wrapped__(stating(1, loss=told.loss))
    assert_caught(prove(shape, columns_of()), LOSS)
    bound = OTHER.bounds[which]
    limb = limb_addresses(bound.rest, bound.bits)[0]
    rest = int(columns_of()[limb][0]) + (step if bound.up else -step) * (1 << bound.bits)
    assert_caught(prove(shape, columns_of({limb: to_field(np.array([rest]))})), "lookup sum")


@pytest.mark.parametrize("step", [1, -1])
def test_the_loss_of_the_neighbouring_cell_is_rejected(step: int, true: Columns) -> None:
    """One tuple has all of a cell: bounds of another are not beside this score, nor is another score's remainder."""
    cell = int(flipped_of(OTHER, scores(models()[1]))[ROW]) + step + (1 << 15)
    losses = {name: changed(true, name, ROW, int(table[cell]))[name] for name, table in named(loss_bounds())}
    assert losses[OTHER.low][ROW] != true[OTHER.low][ROW]
    assert_caught(lying(true | losses | rests(losses)), "lookup sum")
    flipped = changed(true, OTHER.flipped, ROW, cell - (1 << 15))[OTHER.flipped]
    assert_caught(lying(true | losses | rests(losses) | {OTHER.flipped: flipped}), f"flip of {SECOND}")


def named(tables: Any) -> list[tuple[Any, Any]]:
    return [(OTHER.low, tables[0]), (OTHER.high, tables[1])]


def rests(losses: Columns) -> Columns:
    """What rounding takes away of such losses; they are off by less than a step."""
    found = {}
    for bound, cells in zip(OTHER.bounds, losses.values(), strict=True):
        rest = int(cells[LIVE.mask()].sum()) - (bound.stated << bound.bits)
        limb = limb_addresses(bound.rest, bound.bits)[0]
        found[limb] = to_field(np.array([-rest if bound.up else rest]))
        assert 0 <= (-rest if bound.up else rest) < 1 << bound.bits
    return found


def test_losses_of_rows_that_do_not_count_are_left_out(true: Columns) -> None:
    for row in (*HOLES, STOP, ROWS - 1):
        lie = changed(true, OTHER.low, row, 1 << 20)
        assert lying({OTHER.low: lie[OTHER.low]}).verdict() == "valid"
    assert_caught(prove(shape_of.__wrapped__(stating(1, loss=(OTHER.loss[0] + 256, OTHER.loss[1]))), lie), LOSS)


def test_a_rest_that_is_congruent_to_another_number_of_steps_is_no_statement() -> None:
    """The rest has its bits, and the number of steps is too large to be one: p more than there are."""
    bound = OTHER.bounds[0]
    total = (bound.stated << bound.bits) + int(columns_of()[limb_addresses(bound.rest, bound.bits)[0]][0])
    more, rest = divmod(total + P, 1 << bound.bits)
    lie = replace(bound, stated=more)
    assert bound.fits and not lie.fits and rest < 1 << bound.bits
    limb = limb_addresses(bound.rest, bound.bits)[0]
    shape = shape_of.__wrapped__(stating(1, loss=(more, OTHER.loss[1])))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judged_of_reference, "require", lambda *_: None)
        proved = prove(shape, columns_of({limb: to_field(np.array([rest]))}))
        assert proved.verdict() == "valid", "so a statement has to be refused for it"


def test_a_confusion_matrix_that_is_transposed_or_of_other_rows_is_rejected() -> None:
    a, b, c, d = OTHER.confusion
    assert b != c
    for lie in ((a, c, b, d), (a + 1, b, c, d - 1), (a, b + 1, c - 1, d), (a - 1, b + 1, c + 1, d - 1)):
        shape = shape_of.__wrapped__(stating(1, confusion=lie))
        assert_caught(prove(shape, columns_of()), CONFUSION)


def test_losses_of_logistic_models_are_rejected_of_probit_ones_and_the_other_way() -> None:
    """In all else both relations are the same: the table alone says what a loss is."""
    of = probit_relation()
    assert prove(shape_of.__wrapped__(of), columns_of(of=of)).verdict() == "valid"
    for one, other in ((of, relation()), (relation(), of)):
        told: Any = one.models[1]
        lie = replace(other, models=(other.models[0], replace(other.models[1], loss=told.loss)))
        assert told.loss != other.models[1].loss
        columns = recount(lie, columns_of(of=one))
        assert_caught(prove(shape_of.__wrapped__(lie), columns), "lookup sum")


def test_the_loss_of_a_mean_with_a_remainder_of_another_cell_is_rejected() -> None:
    """The next cell, and a remainder that is too large by a cell: its complement is below zero, or is not one."""
    of = mean_relation()
    own: Any = of.models[1]
    true, z = columns_of(of=of), scores(models()[1]) - 1
    assert prove(shape_of.__wrapped__(of), true).verdict() == "valid" and len(own.row_rests) == 2
    fits = z % own.whole + own.whole < 1 << own.rest_bits
    row = int(np.flatnonzero(LIVE.mask() & fits)[0])
    cell, over, y = int(z[row]) // own.whole - 1, int(z[row]) % own.whole + own.whole, int(data()[1][row])
    rest, lack = (limb_addresses(integer, own.rest_bits) for integer in own.row_rests)
    lie = with_losses(own, true, row, cell if y == 1 else -cell - 1)
    for at, name in enumerate(rest):
        lie[name] = changed(true, name, row, over >> (16 * at) & 0xFFFF)[name]
    told = recount(of, true | lie)
    assert_caught(prove(shape_of.__wrapped__(of), told), f"remainder of {SECOND}")
    for at, name in enumerate(lack):
        lie[name] = changed(true, name, row, (own.whole - 1 - over) if at == 0 else 0)[name]
    assert_caught(prove(shape_of.__wrapped__(of), recount(of, true | lie)), "lookup sum")


def with_losses(own: Any, true: Columns, row: int, flipped: int) -> dict[Any, Any]:
    """F of a row, its losses, and what rounding takes away."""
    lie = {own.flipped: changed(true, own.flipped, row, flipped)[own.flipped]}
    lie[own.ok] = changed(true, own.ok, row, int(flipped >= 0))[own.ok]
    for name, table, bound in zip((own.low, own.high), loss_bounds(), own.bounds, strict=True):
        lie[name] = changed(true, name, row, int(table[flipped + (1 << 15)]))[name]
        left = int(lie[name][LIVE.mask()].sum()) - (bound.stated << bound.bits)
        lie[limb_addresses(bound.rest, bound.bits)[0]] = to_field(np.array([-left if bound.up else left]))
    return lie
