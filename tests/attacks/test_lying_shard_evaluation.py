"""An owner who says that models of shards predict rows better together than they do."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import to_field
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations.two_classes import TwoClasses
from zkunlearn.prover.witnesses.evaluation import opinions as said_by
from zkunlearn.prover.witnesses.evaluation import true_evaluation

from .evaluations import FEATURES, HOLES, LIVE
from .fitted import fitted
from .harness import ROWS, X_BITS, Columns, Outcome, assert_caught, changed, prove
from .shard_evaluations import (
    ALONE,
    BITS,
    EARLIER,
    FIRST,
    LAST,
    SECOND,
    MadeOfShards,
    classes,
    means,
    opinions,
)

VOTES, PROBABILITIES = (f"opinions of {name}" for name in (FIRST, SECOND))


def rows_of(made: MadeOfShards) -> Any:
    X, y = made.data
    return SimpleNamespace(by_feature=X.T, labels=y)


def lying(made: MadeOfShards, *changes: Columns, bundle: int = 0, **told: Any) -> Outcome:
    """Where something else is said of one of the bundles."""
    return prove(made.shape(made.stating(bundle, **told)), made.columns_of(*changes))


def judged(made: MadeOfShards, bundle: int = 0) -> Any:
    return made.relation.models[bundle]


@pytest.fixture(scope="module")
def true() -> Columns:
    return opinions().columns_of()


# What is true --------------------------------------------------------------------------------------------------------


def test_the_harness_has_votes_probabilities_and_means(
    honest_opinions: Outcome, honest_shard_classes: Outcome, honest_means: Outcome
) -> None:
    for outcome in (honest_opinions, honest_shard_classes, honest_means):
        assert outcome.verdict() == "valid" and not outcome.prover.lies
    for made in (opinions(), classes()):
        assert all(0 < own.right < LIVE.count for own in made.relation.models)
    assert min(own.squares for own in means().relation.models) > 100
    votes = said_by(judged(opinions()).scored, rows_of(opinions()), opinions().spoken(0))[1].sum(axis=1)[0]
    assert {1, 2} <= set(votes[LIVE.mask()].tolist()), "shards that disagree"


# Numbers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bundle", [0, 1])
@pytest.mark.parametrize("step", [1, -1, ROWS])
def test_another_number_is_rejected(bundle: int, step: int) -> None:
    own = judged(opinions(), bundle)
    name = f"right predictions of {own.scored.matrix}"
    assert_caught(lying(opinions(), bundle=bundle, right=own.right + step), name)


def test_another_confusion_of_shards_is_rejected() -> None:
    a, b, c, d = judged(opinions(), 1).confusion
    told = (a + 1, b - 1, c - 1, d + 1)
    assert_caught(lying(opinions(), bundle=1, confusion=told), f"confusion of {SECOND}")


# What shards say -----------------------------------------------------------------------------------------------------


def wrong_row(made: MadeOfShards, bundle: int = 0) -> int:
    """A row that counts and is predicted wrong, by one vote."""
    own = judged(made, bundle)
    columns = made.columns_of()
    return int(np.flatnonzero((np.asarray(columns[own.ok]) == 0) & LIVE.mask())[0])


def retold(made: MadeOfShards, row: int, bundle: int = 0) -> tuple[dict[Any, Any], int]:
    """All speakers say of a row what makes it right; what follows for F, R and ok of all together."""
    own, true = judged(made, bundle), made.columns_of()
    scored, label = own.scored, int(made.data[1][row])
    found = dict(true)
    for speaker in range(scored.speakers):
        found = changed(found, scored.opinion, (0, speaker, row), label * scored.whole)
    z = scored.speakers * scored.whole * (1 if label else -1)
    quotient = (z - 1) >> own.shift
    flipped = quotient if label else -quotient - 1
    rest = z - 1 - (quotient << own.shift)
    found = changed(changed(found, own.flipped, row, flipped), own.ok, row, 1)
    for at, limb in enumerate(limb_addresses(own.remainder, own.shift)):
        found = changed(found, limb, row, rest >> (16 * at) & 0xFFFF)
    return {name: cells for name, cells in found.items() if cells is not true.get(name)}, own.right + 1


@pytest.mark.parametrize("bundle", [0, 1])
def test_shards_that_say_something_else_than_their_table_are_rejected(bundle: int) -> None:
    """Everything that follows from it is true."""
    lie, right = retold(opinions(), wrong_row(opinions(), bundle), bundle)
    told: dict[str, Any] = {"right": right}
    if bundle:
        label, (a, b, c, d) = int(opinions().data[1][wrong_row(opinions(), 1)]), judged(opinions(), 1).confusion
        told["confusion"] = (a, b, c - 1, d + 1) if label else (a + 1, b - 1, c, d)
    assert_caught(lying(opinions(), lie, bundle=bundle, **told), "lookup sum")


def with_cells(made: MadeOfShards, row: int, move: bool, bundle: int = 0) -> tuple[dict[Any, Any], int]:
    """The same, with cells that say so; and remainders that make up for it, or stay."""
    lie, right = retold(made, row, bundle)
    own = judged(made, bundle).scored
    cells, _, rests = said_by(own, rows_of(made), made.spoken(bundle))
    true = {**made.columns_of(), **lie}
    label = int(made.data[1][row])
    lowest = limb_addresses(own.rest, own.shift)[0]
    for speaker in range(own.speakers):
        cell, rest = int(cells[0, speaker, row]), int(rests[0, speaker, row])
        told = abs(cell) if label else -abs(cell) - 1
        true = changed(true, own.cell, (0, speaker, row), told)
        if move:
            true = changed(true, lowest, (0, speaker, row), rest + ((cell - told) << own.shift))
    honest = made.columns_of()
    return {name: cells for name, cells in true.items() if cells is not honest.get(name)}, right


def test_votes_by_scores_of_the_other_sign_are_rejected() -> None:
    lie, right = with_cells(opinions(), wrong_row(opinions()), move=False)
    assert_caught(lying(opinions(), lie, right=right), f"score of {FIRST}")


def test_votes_by_scores_of_the_other_sign_with_remainders_that_make_up_for_it_are_rejected() -> None:
    """A congruence has a solution for any cell: only the range of the remainder forbids it."""
    lie, right = with_cells(opinions(), wrong_row(opinions()), move=True)
    assert_caught(lying(opinions(), lie, right=right), "lookup sum")


def test_a_majority_of_its_own_is_rejected() -> None:
    """The shards say what they say, and the sum of it is another."""
    made, row = opinions(), wrong_row(opinions())
    lie, right = retold(made, row)
    own = judged(made)
    del lie[own.scored.opinion]
    assert_caught(lying(made, lie, right=right), f"flip of {FIRST}")


def test_a_majority_of_its_own_is_rejected_by_the_sum_of_votes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the sum that is sent is the one that it takes."""
    made, row = opinions(), wrong_row(opinions())
    lie, right = retold(made, row)
    del lie[judged(made).scored.opinion]
    shape, columns = made.shape(made.stating(right=right)), made.columns_of(lie)
    assert_caught(fitted(shape, columns, {VOTES: f"flip of {FIRST}"}, monkeypatch), VOTES)


def test_a_row_that_was_destroyed_is_not_counted(true: Columns) -> None:
    """Its cells are looked up nowhere, and in no sum."""
    own = judged(opinions())
    counted = changed(true, own.ok, HOLES[0], 1)
    assert_caught(lying(opinions(), {own.ok: counted[own.ok]}, right=own.right + 1), f"right predictions of {FIRST}")
    anything = changed(true, own.scored.opinion, (0, 1, HOLES[0]), 77)
    junk = {own.scored.opinion: anything[own.scored.opinion]}
    assert_caught(lying(opinions(), junk), f"flip of {FIRST}")


# Whose models they are -----------------------------------------------------------------------------------------------


def test_models_of_other_shards_stages_and_commitments_are_rejected() -> None:
    """All that is said is true of models that are committed, but are not those that have a say."""
    made = opinions()
    first, second = made.spoken(0), made.spoken(1)
    own = made.integers
    swapped = first[[1, 0, 2]]
    earlier = first.copy()
    earlier[2] = own[EARLIER][:, 2]
    retrained = first.copy()
    retrained[1] = own[ALONE][:, 0]
    kept = second.copy()
    kept[1] = own[LAST][:, 1]
    for bundle, spoken in ((0, swapped), (0, earlier), (0, retrained), (1, kept)):
        pair = (spoken, second) if bundle == 0 else (first, spoken)
        assert_told(made, pair, bundle)


def assert_told(made: MadeOfShards, pair: Any, bundle: int) -> None:
    """What models that are not the committed ones say, and nothing else, is rejected by what gathers them."""
    told: Any = true_evaluation(made.relation, rows_of(made), list(pair))
    lie = made.witness_of(*pair, relation=told)
    outcome = prove(made.shape(told), made.columns_of(lie))
    name = (FIRST, SECOND)[bundle]
    assert_caught(outcome, f"weights of {name}", f"intercept of {name}")


@pytest.mark.parametrize("make", [classes, means])
def test_means_of_other_models_are_rejected(make: Any) -> None:
    """One shard counts twice, and another not at all; and one that has no say counts."""
    made = make()
    first, second = made.spoken(0), made.spoken(1)
    assert_told(made, (first[[0, 0, 2]], second), 0)
    idle = second.copy()
    idle[1] += made.integers[LAST][:, 2]
    if make is means:
        assert_told(made, (first, idle), 1)


def test_models_of_other_shards_are_rejected_by_the_sum_over_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the sums that are sent are those of what is looked up."""
    made = opinions()
    pair = made.spoken(0)[[1, 0, 2]], made.spoken(1)
    told: Any = true_evaluation(made.relation, rows_of(made), list(pair))
    shape, columns = made.shape(told), made.columns_of(made.witness_of(*pair, relation=told))
    sums = {f"{name} of shards of {FIRST}": f"{name} of {FIRST}" for name in ("weights", "intercept")}
    assert_caught(fitted(shape, columns, sums, monkeypatch), *sums)


@pytest.mark.parametrize(
    ("place", "number", "name"),
    [(0, 1 << (BITS - 1), "weights"), (FEATURES, 1 << (BITS + X_BITS - 1), "intercept")],
    ids=["weight", "intercept"],
)
def test_a_model_beyond_its_range_is_rejected_where_another_one_is_looked_up(
    place: int, number: int, name: str
) -> None:
    """It is committed to with a bit too many; what is looked up lacks the bit."""
    made = opinions()
    beyond = made.integers[LAST].copy()
    beyond[0, 0, place] = number
    assert_caught(lying(made, made.model_cells({LAST: beyond})), f"{name} of {FIRST}", f"{name} of {SECOND}")


# Several classes, and numbers ----------------------------------------------------------------------------------------


def test_the_class_of_a_lesser_sum_is_rejected() -> None:
    made = classes()
    own, true = judged(made, 1), made.columns_of()
    row = int(np.flatnonzero(LIVE.mask())[0])
    predicted = np.asarray(true[own.argmax.predicted])[:, row]
    other = next(c for c in range(len(predicted)) if not predicted[c] and c != 1)
    lie = true
    for c in range(len(predicted)):
        lie = changed(lie, own.argmax.predicted, (c, row), int(c == other))
    label = int(made.data[1][row])
    right = own.right - int(predicted[label]) + (label == other)
    cells = {own.argmax.predicted: lie[own.argmax.predicted]}
    assert_caught(lying(made, cells, bundle=1, right=right), f"gap of {SECOND}")


def with_rest(made: MadeOfShards, row: int, step: int, *, lack: bool) -> tuple[Columns, int]:
    """The residual of a row is more by `step`, its remainder makes up for it, and the complement may too."""
    own, columns = judged(made), made.columns_of()
    names = limb_addresses(own.residual.integer, own.residual_bits)
    half = 1 << (own.residual_bits - 1)
    told = sum(int(np.asarray(columns[limb])[row]) << (16 * i) for i, limb in enumerate(names)) + step
    integers = [(own.residual.integer, own.residual_bits, told)]
    rest_names = limb_addresses(own.remainder, own.rest_bits)
    rest = sum(int(np.asarray(columns[limb])[row]) << (16 * i) for i, limb in enumerate(rest_names))
    rest -= step * (own.models << own.shift)
    integers.append((own.remainder, own.rest_bits, rest))
    if lack:
        integers.append((own.lack, own.rest_bits, (own.models << own.shift) - 1 - rest))
    found = columns
    for integer, bits, number in integers:
        addresses = limb_addresses(integer, bits)
        fits = 0 <= number < 1 << bits
        for i, limb in enumerate(addresses):
            found = changed(found, limb, row, (number >> (16 * i) & 0xFFFF) if fits else number * (i == 0))
    residuals = sum(np.asarray(found[limb]).astype(np.int64) << (16 * i) for i, limb in enumerate(names)) - half
    total = int((residuals[LIVE.mask()] ** 2).sum())
    stated, left = divmod(total, 1 << own.step_bits)
    for i, limb in enumerate(limb_addresses(own.bound.rest, own.bound.bits)):
        found[limb] = to_field(np.array([left >> (16 * i) & 0xFFFF]))
    return {name: cells for name, cells in found.items() if cells is not columns.get(name)}, stated


def test_a_residual_that_is_rounded_down_twice_is_rejected() -> None:
    """Of three models a remainder has room for more than its range in its limbs: its complement says so."""
    made = means()
    own, columns = judged(made), made.columns_of()
    names = limb_addresses(own.remainder, own.rest_bits)
    rests = sum(np.asarray(columns[limb]).astype(np.int64) << (16 * i) for i, limb in enumerate(names))
    room = (1 << own.rest_bits) - (own.models << own.shift)
    row = int(np.flatnonzero(LIVE.mask() & (rests < room))[0])
    for lack, caught in ((False, f"remainder of {FIRST}"), (True, "lookup sum")):
        lie, stated = with_rest(made, row, -1, lack=lack)
        assert_caught(lying(made, lie, squares=stated), caught)


def test_squares_of_another_number_of_steps_are_rejected() -> None:
    own = judged(means(), 1)
    assert_caught(lying(means(), bundle=1, squares=own.squares + 1), f"squares of {SECOND}")


# Without a bound -----------------------------------------------------------------------------------------------------


def test_what_is_stated_of_one_bundle_is_not_that_of_the_other() -> None:
    made = opinions()
    one, other = made.relation.models
    assert isinstance(one, TwoClasses) and isinstance(other, TwoClasses) and one.right != other.right
    told = replace(made.relation, models=(replace(one, right=other.right), other))
    assert_caught(prove(made.shape(told), made.columns_of()), f"right predictions of {FIRST}")
