"""An owner whose model of several classes predicts what it does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import to_field
from zkunlearn.circuits.language.tables import limb_addresses, split_limbs
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.prover.matrices.values import in_field
from zkunlearn.prover.witnesses.argmax import gaps_of, winners

from .evaluations import FEATURES, FIRST, HOLES, LIVE, SECOND, STOP, TIED, model_cells, several
from .harness import ROWS, Columns, Outcome, assert_caught, prove

MADE = several()
BOTH: Any = MADE.relation.models
ONE, OTHER = (own.argmax for own in BOTH)
GAP, RIGHT, CONFUSION = (f"{name} of {FIRST}" for name in ("gap", "right predictions", "confusion"))
RIGHT_OF_ONE = BOTH[0].right
CONFUSED: Any = np.array(BOTH[0].confusion).reshape(3, 3)


def lying(*changes: Columns, own: int = 0, **told: Any) -> Outcome:
    return prove(MADE.shape(MADE.stating(own, **told)), MADE.columns_of(*changes))


@pytest.fixture(scope="module")
def true() -> Columns:
    return MADE.columns_of()


def scores(own: int = 0) -> Any:
    """z, (classes, N)."""
    integers = MADE.integers[own]
    return integers[:, :FEATURES] @ MADE.data[0].T + integers[:, FEATURES:]


def predicting(row: int, output: int, gaps: Any = None) -> Columns:
    """Another class for a row, with gaps as they would have to be: the one that is less than none is in no limbs."""
    predicted, own = gaps_of(scores())
    predicted[:, row] = np.arange(3) == output
    own[:, row] = scores()[output, row] - scores()[:, row] - (np.arange(3) < output) if gaps is None else gaps
    return {ONE.predicted: to_field(predicted.astype(np.int64)), **limbs(own)}


def limbs(gaps: Any) -> Columns:
    """As integers, so that what is negative has a lowest limb that is."""
    names = limb_addresses(ONE.gap, ONE.gap_bits)
    found = {name: in_field(cells) for name, cells in split_limbs(np.maximum(gaps, 0), ONE.gap, ONE.gap_bits).items()}
    found[names[0]] = to_field(np.where(gaps < 0, gaps, (np.maximum(gaps, 0) & 0xFFFF)).astype(np.int64))
    return found


def matrix_of(*moved: tuple[int, int, int]) -> tuple[int, ...]:
    """The confusion matrix with rows of a class moved from one prediction to another."""
    found = CONFUSED.copy()
    for actual, before, after in moved:
        found[actual, before] -= 1
        found[actual, after] += 1
    return tuple(found.reshape(-1).tolist())


def test_the_harness_predicts_every_class_and_has_a_tie(true: Columns) -> None:
    assert lying().verdict() == "valid"
    assert set(winners(scores())[LIVE.mask()].tolist()) == {0, 1, 2} and 0 < RIGHT_OF_ONE < LIVE.count
    z = scores()[:, TIED]
    assert z[0] == z[1] > z[2] and winners(scores())[TIED] == 0
    assert OTHER.gone == (1,) and (scores(1).argmax(axis=0) == 1).any() and not (winners(scores(1), (1,)) == 1).any()
    assert (CONFUSED != CONFUSED.T).any()


def test_the_first_of_equal_classes_is_forced() -> None:
    """A tie to the class that comes later: the one before it is no less, and its gap is -1."""
    lie = predicting(TIED, 1)
    label = int(MADE.data[1][TIED])
    told: dict[str, Any] = {"right": RIGHT_OF_ONE + (label == 1) - (label == 0), "confusion": matrix_of((label, 0, 1))}
    assert_caught(lying(lie, **told), "lookup sum")
    unshifted = predicting(TIED, 1, gaps=scores()[1, TIED] - scores()[:, TIED])
    assert_caught(lying(unshifted, **told), GAP)


def test_a_class_that_is_not_the_largest_is_rejected(true: Columns) -> None:
    row = int(np.flatnonzero(LIVE.mask() & (winners(scores()) != MADE.data[1]))[0])
    label, before = int(MADE.data[1][row]), int(winners(scores())[row])
    told: dict[str, Any] = {"right": RIGHT_OF_ONE + 1, "confusion": matrix_of((label, before, label))}
    assert_caught(lying(predicting(row, label), **told), "lookup sum")
    assert_caught(lying({ONE.predicted: predicting(row, label)[ONE.predicted]}, **told), GAP)
    honest = gaps_of(scores())[1]
    assert_caught(lying(predicting(row, label, gaps=honest[:, row - 1]), **told), GAP)


@pytest.mark.parametrize("cells", [(1, 1, 0), (0, 0, 0), (2, -1, 0), (1, 1, -1)])
def test_no_class_or_several_at_a_row_are_rejected(cells: tuple[int, ...], true: Columns) -> None:
    """Ones that are more than one, none, and numbers that add up to one."""
    row = int(np.flatnonzero(LIVE.mask())[2])
    predicted = gaps_of(scores())[0].astype(np.int64)
    predicted[:, row] = cells
    gaps = gaps_of(scores())[1]
    after = np.cumsum(predicted[::-1, row])[::-1] - predicted[:, row]
    gaps[:, row] = predicted[:, row] @ scores()[:, row] - scores()[:, row] - after
    right = int(predicted[MADE.data[1], np.arange(ROWS)][LIVE.mask()].sum())
    found = lying({ONE.predicted: to_field(predicted), **limbs(gaps)}, right=right, confusion=())
    expected = {f"one class of {FIRST}"} if sum(cells) != 1 else set()
    expected |= {f"one or none of {FIRST}"} if set(cells) - {0, 1} else set()
    assert found.verdict() == "constraints"
    assert expected <= set(found.prover.lies) <= expected | {"lookup sum"}


@pytest.mark.parametrize("cells", [(0, 0, 0), (1, 1, 0)], ids=["none", "two"])
def test_no_class_or_two_are_rejected_where_no_gap_is_negative(cells: tuple[int, ...]) -> None:
    """Without a class what is largest is zero, where no score is above; with two it is both scores together."""
    predicted, gaps = (found.astype(np.int64) for found in gaps_of(scores()))
    later = np.cumsum(cells[::-1])[::-1] - cells
    own = np.array(cells) @ scores() - scores() - later[:, None]
    row = int(np.flatnonzero(LIVE.mask() & (own >= 0).all(axis=0))[0])
    predicted[:, row], gaps[:, row] = cells, own[:, row]
    right = int(predicted[MADE.data[1], np.arange(ROWS)][LIVE.mask()].sum())
    outcome = lying({ONE.predicted: to_field(predicted), **limbs(gaps)}, right=right, confusion=())
    assert_caught(outcome, f"one class of {FIRST}")


def test_a_row_that_was_destroyed_and_those_of_the_training_are_not_counted(true: Columns) -> None:
    for row in (*HOLES, *range(STOP, ROWS)):
        label = int(MADE.data[1][row])
        counted = CONFUSED.copy()
        counted[label, winners(scores())[row]] += 1
        right = RIGHT_OF_ONE + int(counted.trace() > CONFUSED.trace())
        found = lying(right=right, confusion=tuple(counted.reshape(-1).tolist()))
        assert found.verdict() == "constraints" and {CONFUSION} <= set(found.prover.lies) <= {CONFUSION, RIGHT}


@pytest.mark.parametrize("step", [1, -1])
def test_another_number_is_rejected(step: int) -> None:
    assert_caught(lying(right=RIGHT_OF_ONE + step), RIGHT)
    second = BOTH[1].right + step
    assert_caught(lying(own=1, right=second), f"right predictions of {SECOND}")


def test_a_confusion_matrix_that_is_transposed_or_has_rows_elsewhere_is_rejected() -> None:
    transposed = tuple(CONFUSED.T.reshape(-1).tolist())
    moved = matrix_of((0, 0, 1))
    for lie in (transposed, moved, tuple(reversed(transposed))):
        assert_caught(lying(confusion=lie), CONFUSION)


def test_a_class_that_is_forgotten_is_not_predicted(true: Columns) -> None:
    """Where it has the largest score, or where its output is said to be the one."""
    row = int(np.flatnonzero(LIVE.mask() & (scores(1).argmax(axis=0) == 1))[0])
    predicted = true[OTHER.predicted].copy()
    predicted[:, row] = (0, 1, 0)
    right = int((predicted[MADE.data[1], np.arange(ROWS)] * LIVE.mask()).sum())
    found = lying({OTHER.predicted: predicted}, own=1, right=right)
    assert found.verdict() == "constraints"
    assert set(found.prover.lies) == {f"one class of {SECOND}", f"gap of {SECOND}"}


def test_gaps_and_scores_of_the_other_model_are_rejected(true: Columns) -> None:
    predicted, gaps = gaps_of(scores(1))
    y = MADE.data[1]
    right = int((predicted[y, np.arange(ROWS)] * LIVE.mask()).sum())
    counts = [int((predicted[b] * LIVE.mask() * (y == a)).sum()) for a in range(3) for b in range(3)]
    lie = {ONE.predicted: to_field(predicted.astype(np.int64)), **limbs(gaps)}
    told: dict[str, Any] = {"right": right, "confusion": tuple(counts)}
    assert_caught(lying(lie, **told), GAP)
    virtual = {ONE.scores: to_field(scores(1))}
    assert_caught(lying({**lie, **virtual}, **told), f"score of {FIRST}")


def test_scores_that_are_none_are_rejected(true: Columns) -> None:
    """Nothing but the last sum says what they are."""
    z = scores()
    z[0] += 1 << 20
    predicted, gaps = gaps_of(z)
    y = MADE.data[1]
    right = int((predicted[y, np.arange(ROWS)] * LIVE.mask()).sum())
    counts = [int((predicted[b] * LIVE.mask() * (y == a)).sum()) for a in range(3) for b in range(3)]
    lie = {ONE.predicted: to_field(predicted.astype(np.int64)), **limbs(gaps), ONE.scores: to_field(z)}
    assert_caught(lying(lie, right=right, confusion=tuple(counts)), f"score of {FIRST}")


def test_a_better_model_in_the_place_of_the_committed_one_is_rejected() -> None:
    better = MADE.integers[0].copy()
    better[2, 0] += 5
    lie = model_cells(FIRST, better)
    found = lying(lie)
    assert found.verdict() == "constraints"
    assert set(found.prover.lies) == {f"weights of {FIRST}", f"score of {FIRST}"}


def test_labels_of_other_rows_are_rejected(true: Columns) -> None:
    labels = np.roll(true[data_set.LABELS], 1, axis=1)
    found = lying({data_set.LABELS: labels})
    assert found.verdict() == "constraints" and {RIGHT, CONFUSION} & set(found.prover.lies)


def test_what_is_said_of_rows_that_do_not_count_is_nobodys_concern(true: Columns) -> None:
    """A gap there is what the equation says, be it negative."""
    row = HOLES[0]
    lie = predicting(row, 2)
    assert min(int(x) for x in (scores()[2, row] - scores()[:, row])) < 0
    assert lying(lie).verdict() == "valid"
