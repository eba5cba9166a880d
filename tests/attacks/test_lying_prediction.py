"""An owner who says that a model predicts something else, or of other inputs, or that another model does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from zkunlearn.circuits.field.goldilocks import P
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations.prediction import (
    CELL,
    CLASS,
    INTERCEPTS,
    PROBABILITY,
    REST,
    SAID,
    SCORE,
    WEIGHTS,
    Prediction,
)
from zkunlearn.prover.witnesses.prediction import answers_of, scores_of

from .harness import FEATURES, X_BITS, Columns, Outcome, assert_caught, assert_valid, changed, prove
from .predictions import (
    ABOVE,
    BELOW,
    CASES,
    KEPT,
    OUTPUTS,
    SHIFT,
    TIED,
    WEIGHT_BITS,
    ZERO,
    columns_of,
    inputs,
    limbs_of,
    model,
    model_cells,
    relation,
    rest_of,
    shape_of,
    stating,
    with_answer,
)

SEVERAL = (CLASS, OUTPUTS)


def lying(own: Prediction, *changes: Columns, integers: Any = None, rest: Any = None) -> Outcome:
    """What is committed is consistent with what is said, but for the changes."""
    return prove(shape_of(own), columns_of(own, *changes, integers=integers, rest=rest))


@pytest.mark.parametrize("what, outputs", CASES)
def test_what_is_true_is_accepted(what: str, outputs: int) -> None:
    own = relation(what, outputs)
    assert not own.wraps
    assert_valid(lying(own))


def test_the_harness_has_a_score_of_zero_one_on_each_side_a_tie_and_a_class_that_would_win() -> None:
    z = scores_of(relation(CLASS), model())[:, 0]
    assert z[[ZERO, BELOW, ABOVE]].tolist() == [0, -1, 1]
    assert relation(CLASS).given.answers[[ZERO, BELOW, ABOVE]].tolist() == [0, 0, 1]
    of_each = inputs() @ model(OUTPUTS)[:, :FEATURES].T + model(OUTPUTS)[:, FEATURES]
    assert of_each[TIED, KEPT[0]] == of_each[TIED, KEPT[1]] and of_each[TIED].argmax() == 1
    assert relation(*SEVERAL).given.answers[TIED] == KEPT[0]


@pytest.mark.parametrize("weight_bits, outputs, wraps", [(51, 1, False), (52, 1, True), (51, OUTPUTS, False)])
def test_a_model_whose_scores_could_wrap_is_found(weight_bits: int, outputs: int, wraps: bool) -> None:
    """Three features: s is 3 2^(x + weight_bits - 1), and less than 2^62 or not."""
    own = relation(CLASS, outputs)
    large = replace(own, model=replace(own.model, weight_bits=weight_bits))
    s, bits = large.model.largest_score, large.rest_bits
    assert large.wraps is wraps and (s >= 1 << 62) is wraps
    assert wraps or (s << large.several) < 1 << bits < P - 2 * s


# Classes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [ZERO, BELOW, ABOVE, 0])
def test_the_other_class_is_rejected(row: int) -> None:
    """With the R that is true of it, which is negative: p - 1 at z = 0, where it is nearest."""
    own = relation(CLASS)
    lie = with_answer(own, row, 1 - int(own.given.answers[row]))
    assert rest_of(lie, model()).min() < 0
    assert_caught(lying(lie), "lookup sum")


@pytest.mark.parametrize("row", [ZERO, BELOW, ABOVE, 0])
def test_the_other_class_beside_the_true_remainder_is_rejected(row: int) -> None:
    own = relation(CLASS)
    lie = with_answer(own, row, 1 - int(own.given.answers[row]))
    assert_caught(lying(lie, rest=rest_of(own, model())), "answers")


def test_the_higher_one_of_two_classes_with_equal_scores_is_rejected() -> None:
    assert_caught(lying(with_answer(relation(*SEVERAL), TIED, KEPT[1])), "lookup sum")


@pytest.mark.parametrize("row", range(5))
def test_a_class_that_does_not_win_is_rejected(row: int) -> None:
    own = relation(*SEVERAL)
    lie = with_answer(own, row, next(c for c in KEPT[::-1] if c != own.given.answers[row]))
    assert_caught(lying(lie), "lookup sum")
    assert_caught(lying(lie, rest=rest_of(own, model(OUTPUTS))), "answers")


def test_a_remainder_of_the_field_is_rejected() -> None:
    """Any R solves the equation modulo p: its limbs have a range each."""
    own = relation(CLASS)
    lie = with_answer(own, ZERO, 1)
    bits, limbs = own.rest_bits, limb_addresses(REST, own.rest_bits)
    rest = (int(rest_of(lie, model())[ZERO, 0]) % P) >> 16 * (len(limbs) - 1)
    top = changed(columns_of(lie), limbs[-1], (ZERO, 0), rest)[limbs[-1]]
    assert rest >= 1 << (bits - 16 * (len(limbs) - 1))
    outcome = lying(lie, {limbs[-1]: top})
    assert "lookup sum" in outcome.prover.lies and outcome.verdict() == "constraints"


# Scores --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, -1])
def test_a_score_of_the_neighbouring_cell_is_rejected(step: int) -> None:
    """R is -1 or less, or 2^r or more: of one limb, which is cut."""
    own = relation(SCORE)
    lie = with_answer(own, (0, 0), int(own.given.answers[0, 0]) + step)
    assert_caught(lying(lie), "lookup sum")
    assert_caught(lying(lie, rest=rest_of(own, model())), "answers")


def test_a_remainder_of_all_its_bits_and_one_more_is_rejected() -> None:
    own = relation(SCORE)
    lie = with_answer(own, (ZERO, 0), -1)
    assert rest_of(lie, model())[ZERO, 0] == 1 << SHIFT
    assert_caught(lying(lie), "lookup sum")


@pytest.mark.parametrize("outputs", [1, OUTPUTS])
def test_the_score_of_another_row_is_rejected(outputs: int) -> None:
    own = relation(SCORE, outputs)
    lie = with_answer(own, (0, 0), int(own.given.answers[ABOVE, 0]))
    assert_caught(lying(lie, rest=rest_of(own, model(outputs))), "answers")


def test_the_scores_of_two_classes_exchanged_are_rejected() -> None:
    own = relation(SCORE, OUTPUTS)
    lie = stating(own, own.given.answers[:, ::-1].copy())
    assert_caught(lying(lie, rest=rest_of(own, model(OUTPUTS))), "answers")


# Probabilities -------------------------------------------------------------------------------------------------------


def neighbouring(own: Prediction) -> tuple[int, int]:
    """The cell after that of the first input, which has another probability."""
    cell = int(scores_of(own, model())[0, 0] >> SHIFT) + 1
    said = int(own.model.probabilities[cell + (1 << 15)])
    assert said != own.given.answers[0, 0]
    return cell, said


def test_the_probability_of_the_neighbouring_cell_beside_the_true_cell_is_rejected() -> None:
    own = relation(PROBABILITY)
    _, said = neighbouring(own)
    assert_caught(lying(with_answer(own, (0, 0), said)), "lookup sum")


def test_a_probability_that_is_stated_and_not_committed_is_rejected() -> None:
    own = relation(PROBABILITY)
    _, said = neighbouring(own)
    lie, true = with_answer(own, (0, 0), said), columns_of(own)
    assert_caught(lying(lie, {SAID: true[SAID]}), "probabilities")


def test_the_neighbouring_cell_with_its_probability_is_rejected() -> None:
    own = relation(PROBABILITY)
    cell, said = neighbouring(own)
    lie, true = with_answer(own, (0, 0), said), columns_of(own)
    moved = {CELL: changed(true, CELL, (0, 0), cell)[CELL]}
    assert_caught(lying(lie, moved), "answers")
    rest = rest_of(own, model())
    rest[0, 0] -= 1 << SHIFT
    assert_caught(lying(lie, moved, rest=rest), "lookup sum")


# Inputs --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what, outputs", CASES)
def test_an_input_that_is_off_by_one_unit_is_rejected(what: str, outputs: int) -> None:
    """In the statement; answers and all that is committed are those of the true one."""
    own, other = relation(what, outputs), inputs().copy()
    other[0, 1] += 1
    lie = stating(own, inputs=other)
    assert_caught(prove(shape_of(lie), columns_of(own)), "answers")


@pytest.mark.parametrize("what, outputs", [(CLASS, 1), SEVERAL, (SCORE, 1)])
def test_inputs_in_another_order_are_rejected(what: str, outputs: int) -> None:
    own = relation(what, outputs)
    lie = stating(own, inputs=inputs()[::-1].copy())
    assert_caught(prove(shape_of(lie), columns_of(own)), "answers")


def test_inputs_that_scores_are_moved_to_are_rejected() -> None:
    """Input and answer of one row are those of another: what is public is a row of its own."""
    own, other = relation(SCORE), inputs().copy()
    other[0] = other[ABOVE]
    assert_caught(prove(shape_of(stating(own, inputs=other)), columns_of(own)), "answers")


# Models --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place, names", [(0, {"weights"}), (FEATURES, {"intercept"})])
@pytest.mark.parametrize("outputs", [1, OUTPUTS])
def test_another_model_in_the_place_of_the_committed_one_is_rejected(place: int, names: set[str], outputs: int) -> None:
    """Answers are those of another model, and so are limbs: the matrix is not."""
    other = model(outputs).copy()
    other[0, place] += 1 << (16 if place == 0 else 16 + X_BITS)
    own = relation(SCORE, outputs)
    lie = stating(own, answers_of(own, other))
    outcome = lying(lie, model_cells(model(outputs)), integers=other)
    assert_caught(outcome, "answers", *names)


@pytest.mark.parametrize("place", [0, FEATURES])
def test_limbs_that_are_not_those_of_the_model_are_rejected(place: int) -> None:
    other = model().copy()
    other[0, place] += 3
    assert_caught(lying(relation(CLASS), limbs_of(other)), "weights" if place == 0 else "intercept")


@pytest.mark.parametrize("place, value", [(0, 1 << 17), (0, -(1 << 17) - 1), (FEATURES, 1 << (17 + X_BITS))])
@pytest.mark.parametrize("what", [CLASS, SCORE])
def test_a_model_whose_integers_are_out_of_their_range_is_rejected(what: str, place: int, value: int) -> None:
    """Whatever its own proof says: here a range is looked up of every integer."""
    wide = model().copy()
    wide[0, place] = value
    lie = stating(relation(what), answers_of(relation(what), wide))
    more: Columns = {}
    if value < 0:  # which has no limbs: the topmost is -1
        top = limb_addresses(WEIGHTS, WEIGHT_BITS)[-1]
        more = {top: changed(limbs_of(wide), top, place, -1)[top]}
    assert_caught(lying(lie, more, integers=wide), "lookup sum")


def test_a_weight_and_p_more_is_the_same_weight_and_has_no_other_limbs() -> None:
    """V + p: what is committed is a residue, and p more has limbs that no range has."""
    own, bits = relation(CLASS), WEIGHT_BITS
    low, top = limb_addresses(WEIGHTS, bits)
    whole = int(model()[0, 0]) + (1 << (bits - 1)) + P
    true = columns_of(own)
    more = {low: changed(true, low, 0, whole & 0xFFFF)[low], top: changed(true, top, 0, whole >> 16)[top]}
    assert_caught(lying(own, more), "lookup sum")


def test_an_intercept_that_stands_for_a_feature_is_rejected() -> None:
    """The constant is replaced: as if every input had a one more in a feature of weight 1."""
    other = model().copy()
    other[0, FEATURES] += 1
    own = relation(SCORE)
    lie = stating(own, answers_of(own, other))
    outcome = lying(lie, model_cells(model()), limbs_of(model()), integers=other)
    assert_caught(outcome, "answers")


def test_the_names_of_what_is_looked_up_are_those_of_the_witness() -> None:
    assert {REST, WEIGHTS, INTERCEPTS} == {integer for box in relation(CLASS).integers for integer in box.bits}
