"""Bundles over a data set that grows: what saw the same rows is kept, and nothing else.

21 rows in shards of eight, in two stages: shard 2 has four rows in its first stage and all five in its second one. Four
rows more fill it up and begin shard 3. Every proof here is valid by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements.scope import Start
from zkunlearn.errors import InvalidProof, ParameterError, StatementMismatch
from zkunlearn.models.shards import Run
from zkunlearn.prover.owner import declared
from zkunlearn.prover.owner.bundles import Request
from zkunlearn.verifier.bundles import check_bundle
from zkunlearn.verifier.verify import verify_proof

from .test_bundles import SPEC, assert_needed, at, refused

ROWS, ADDED, SHARDS, STAGES = 21, 4, 4, 8
OPENINGS = 24
BOUNDS: Any = {"a": (-4.0, 4.0), "b": (-4.0, 4.0)}
WHOLE = Run(0, 3)  # all shards that there were
TABLES = ((ROWS, 0, "person"), (ADDED, 1, "newcomer"))


def table_of(rows: int, seed: int, name: str) -> dict[str, Any]:
    X = np.clip(np.random.default_rng(seed).normal(size=(rows, 2)), -4, 4)
    return {"X": X, "y": np.arange(rows) % 2, "ids": [f"{name} {i}" for i in range(rows)]}


@dataclass(frozen=True)
class Made:
    """What an owner proved of a data set and of the same with four rows more.

    Attributes:
        link: from the first to the second.
        first: all of the first one. grown: what the new rows bear on. late: without one more of shard 0, too.
    """

    old: zu.Dataset
    new: zu.Dataset
    link: zu.LinkProof
    first: Any
    grown: Any
    late: Any


@pytest.fixture(scope="module")
def made() -> Made:
    old = zu.commit(**table_of(ROWS, 0, "person"), names=["a", "b"], bounds=BOUNDS, openings=OPENINGS)
    first: Any = zu.prove(old, SPEC)
    new, link = zu.append(old, **table_of(ADDED, 1, "newcomer"))
    grown: Any = zu.prove(new, SPEC, previous=first.model)
    late = zu.prove(new, SPEC, at(new, 6), grown.model)
    return Made(old, new, link, first, grown, late)


def lying(made: Made, scope: Sequence[Run], starts: Sequence[int] = (), **changes: Any) -> Any:
    """A statement on the grown data set about some shards, whatever has to be trained."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(declared, "plan_request", lambda *arguments, **named: Request(tuple(scope), tuple(starts)))
        return zu.prove(made.new, changes.pop("spec", SPEC), previous=made.first.model, fork=True, **changes)


# What is kept --------------------------------------------------------------------------------------------------------


def test_of_shards_that_grew_what_saw_the_same_rows_is_kept(made: Made) -> None:
    """The first stage of shard 2 was full."""
    statement = made.grown.statement
    assert statement.scope == (Run(2, 1, 2, 0), Run(3, 1)) and statement.forgotten == ()
    assert statement.start[0].scope == (WHOLE,), "what there was is written out"
    assert "4 rows were added since: 5 of 8 stages of all shards are kept" in made.grown.notes
    report = zu.verify_bundle(made.grown.bundle, made.new.commitment, spec=SPEC)
    assert (report.checked, report.trained, report.stages, report.shards) == (2, 3, STAGES, (2, 3))
    assert report.last.security_bits >= 100 and report.bundle.links == (made.link,)


def test_of_a_bundle_that_was_verified_only_what_the_new_rows_bear_on_is_checked(made: Made) -> None:
    report = zu.verify_bundle(made.grown.bundle, made.new.commitment, previous=made.first.bundle)
    assert report.checked == 1 and report.last.pinned == ("previous",)
    report = zu.verify_bundle(made.late.bundle, made.new.commitment, previous=made.grown.bundle)
    assert (report.checked, report.trained) == (1, 1) and len(report.bundle.proofs) == 3


def test_models_are_those_of_one_training_of_all_rows(made: Made) -> None:
    for model, forgotten in ((made.grown, []), (made.late, at(made.new, 6))):
        again: Any = zu.prove(made.new, SPEC, forgotten)
        assert np.array_equal(model.model.integers, again.model.integers)


def test_what_is_forgotten_and_what_is_new_is_one_request(made: Made) -> None:
    """Row 1 is of the first slice of shard 0; one of the new rows is forgotten at once."""
    request: Any = zu.prove(made.new, SPEC, [*at(made.new, 1), "newcomer 0"], made.first.model, fork=True)
    assert {run.first for run in request.statement.scope} == {0, 2, 3}
    zu.verify_bundle(request.bundle, made.new.commitment, previous=made.first.bundle)
    again: Any = zu.prove(made.new, SPEC, [*at(made.new, 1), "newcomer 0"])
    assert again.bundle.links == (), "nothing was superseded"
    assert np.array_equal(request.model.integers, again.model.integers)


def test_rows_that_were_put_right_are_forgotten_as_they_were_and_learnt_as_they_are(made: Made) -> None:
    """Twice in a row; the link in between is given, the last one is with the data set."""
    names = [made.new.rows.ids[0], made.new.rows.ids[12]]
    once, link = zu.rectify(made.new, **table_of(2, 2, "") | {"ids": names})
    twice, _ = zu.rectify(once, **table_of(1, 3, "") | {"ids": names[:1]})
    previous = made.late.model
    request: Any = zu.prove(twice, SPEC, previous=previous, links=[link], fork=True)
    again: Any = zu.prove(twice, SPEC, at(twice, 6))
    forgotten = (0, 6, 12, next(place for place in (25, 26) if twice.rows.ids[place] == names[0]))
    assert request.statement.positions == again.statement.positions == forgotten
    assert len(request.bundle.links) == 3
    assert "3 rows were added since: 3 of 8 stages of all shards are kept" in request.notes
    zu.verify_bundle(request.bundle, twice.commitment, previous=made.late.bundle)
    assert np.array_equal(request.model.integers, again.model.integers)
    unlinked: Any = zu.prove(twice, SPEC, previous=previous, fork=True)
    assert declared.NOT_LINKED in unlinked.notes and unlinked.statement.scope == ()


def test_new_rows_of_a_class_that_is_forgotten_are_forgotten_as_they_come() -> None:
    labels: Any = {"label_kind": "categorical", "openings": OPENINGS}
    people, guests = (table_of(*own) | {"y": np.array(list("abc") * own[0])[: own[0]]} for own in TABLES)
    old = zu.commit(**people, **labels, names=["a", "b"], bounds=BOUNDS)
    first: Any = zu.prove(old, SPEC, forget_classes=["c"])
    new, _ = zu.append(old, **guests)
    request: Any = zu.prove(new, SPEC, previous=first.model)
    assert request.statement.forgotten_classes == ("c",)
    gone = [place for place in request.statement.positions if place >= ROWS]
    assert [new.rows.ids[place] for place in gone] == ["newcomer 2"]
    assert request.statement.scope == (Run(2, 1, 2, 0), Run(3, 1))
    zu.verify_bundle(request.bundle, new.commitment, previous=first.bundle)
    again: Any = zu.prove(new, SPEC, forget_classes=["c"])
    assert np.array_equal(request.model.integers, again.model.integers)


def test_where_nothing_is_kept_the_bundle_still_leads_from_the_one_before(made: Made) -> None:
    """So that whoever knows that one needs nothing else."""
    whole: Any = zu.prove(made.new, SPEC, at(made.new, 1, 9, 17), made.first.model, fork=True)
    assert whole.statement.scope == () and whole.bundle.links == (made.link,)
    assert declared.NOTHING_KEPT in whole.notes
    zu.verify_bundle(whole.bundle, made.new.commitment, previous=made.first.bundle)


def test_models_that_were_committed_afresh_are_begun_from_over_a_growth(made: Made) -> None:
    once, link = zu.recommit_model(made.first.secret)
    request: Any = zu.prove(made.new, SPEC, previous=zu.ShardedModel(made.first.bundle, (once,)), fork=True)
    assert request.statement.start[0].model == once.commitment and request.bundle.links == (made.link, link)
    zu.verify_bundle(request.bundle, made.new.commitment)
    assert refused(replace(request.bundle, links=(made.link,)), made.new) == "bundle start"


def test_groups_of_shards_take_in_new_rows_alike(made: Made) -> None:
    groups: Any = zu.prove(made.new, SPEC, previous=made.first.model, fork=True, groups=2)
    assert [own.statement.scope for own in groups.proofs] == [(Run(2, 1, 2, 0),), (Run(3, 1),)]
    assert zu.verify_bundle(groups.bundle, made.new.commitment).trained == 3
    assert np.array_equal(groups.model.integers, made.grown.model.integers)


def test_where_no_row_was_added_nothing_is_to_be_proved(made: Made) -> None:
    again, _ = zu.recommit(made.new)
    with pytest.raises(ParameterError, match="every model stands"):
        zu.prove(again, SPEC, previous=made.grown.model, fork=True)


# What is refused -----------------------------------------------------------------------------------------------------


def test_a_last_shard_that_grew_is_not_kept(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the new shard is trained: shard 2 is as it was before its last rows came."""
    kept = lying(made, [Run(3, 1)])
    bundle = zu.Bundle((made.first.proof, kept.proof), (made.link,))
    assert_needed(bundle, made.new, "bundle data set", monkeypatch)
    with pytest.raises(InvalidProof, match="stage 2 of shard 2 is as statement 1 has it, which knew 5 of the 8 rows"):
        zu.verify_bundle(bundle, made.new.commitment)


def test_new_rows_are_not_left_out(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last statement is about the shard that grew, and nobody trained the new one."""
    part = lying(made, [Run(2, 1, 2, 0)], [0])
    bundle = zu.Bundle((made.first.proof, part.proof), (made.link,))
    assert_needed(bundle, made.new, "bundle table", monkeypatch)


def test_a_bundle_of_before_is_none_of_the_grown_data_set(made: Made) -> None:
    with pytest.raises(StatementMismatch, match="another data set"):
        zu.verify_bundle(made.first.bundle, made.new.commitment)
    with pytest.raises(InvalidProof, match="stage 2 of shard 2"):
        check_bundle(replace(made.first.bundle, links=(made.link,)), made.new.statement)


def leading_back(made: Made) -> zu.LinkProof:
    """What is no link, as rows do not go away."""
    statement: Any = replace(made.link.statement, old=made.new.statement, new=made.old.statement)
    return replace(made.link, statement=statement)


def test_a_link_that_is_missing_or_leads_back_or_elsewhere_is_missed(made: Made) -> None:
    other, elsewhere = zu.append(made.old, **table_of(ADDED, 5, "other"))
    assert other.statement != made.new.statement
    back = leading_back(made)
    for links in ((), (elsewhere,), (back,)):
        bundle = replace(made.grown.bundle, links=links)
        with pytest.raises(InvalidProof, match="statement 1 is about another data set") as failure:
            zu.verify_bundle(bundle, made.new.commitment)
        assert failure.value.check == "bundle data set"


def test_a_link_is_checked_with_the_bundle(made: Made) -> None:
    forged = replace(made.link, proof=made.link.proof[:-1] + bytes([made.link.proof[-1] ^ 1]))
    assert refused(replace(made.grown.bundle, links=(forged,)), made.new) not in ("", "bundle data set")


def test_a_statement_about_more_rows_than_there_are_is_about_another_data_set(made: Made) -> None:
    """Even if a link says otherwise, whose proof comes later."""
    back = leading_back(made)
    with pytest.raises(InvalidProof, match="another data set") as failure:
        check_bundle(zu.Bundle((made.grown.proof, made.first.proof), (back,)), made.old.statement)
    assert failure.value.check == "bundle data set"


# Starts in fewer shards ----------------------------------------------------------------------------------------------


def with_start(made: Made, **changes: Any) -> zu.Bundle:
    """The grown bundle, whose last statement names what it begins from otherwise."""
    statement = made.grown.statement
    (start,) = statement.start
    forged = replace(made.grown.proof, statement=replace(statement, start=(replace(start, **changes),)))
    return zu.Bundle((made.first.proof, forged), (made.link,))


@pytest.mark.parametrize("shards", [2, 4], ids=["fewer", "more"])
@pytest.mark.parametrize("told", [False, True], ids=["the shape of what it was", "a shape that fits"])
def test_a_start_of_another_number_of_shards_is_refused(made: Made, shards: int, told: bool) -> None:
    """Shard 2 is not among two; and four, which nothing stands for, is what there is now, but not what was trained."""
    model = made.first.statement.model
    if told:
        model = replace(model, shape=(2 * shards, 3))
    scope = () if shards == SHARDS else (Run(0, shards),)
    reason = "bundle start" if told and shards == SHARDS else "statement"
    with pytest.raises(InvalidProof) as failure:
        check_bundle(with_start(made, scope=scope, model=model), made.new.statement)
    assert failure.value.check == reason


def test_a_start_that_is_written_out_where_it_is_everything_is_refused(made: Made) -> None:
    """One statement has one name."""
    late: Any = zu.prove(made.new, SPEC)
    request: Any = zu.prove(made.new, SPEC, at(made.new, 6), late.model)
    (start,) = request.statement.start
    assert start.scope == ()
    written = replace(request.statement, start=(replace(start, scope=(Run(0, SHARDS),)),))
    with pytest.raises(InvalidProof, match="does not begin from the models in force") as failure:
        check_bundle(zu.Bundle((late.proof, replace(request.proof, statement=written))), made.new.statement)
    assert failure.value.check == "bundle start"


def test_padding_of_fewer_shards_is_no_model_of_a_new_one(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models of three shards lie where those of four would, so that the root is one of both: who says four can prove
    that stage 2 of the new shard begins from zero. Its stage 1 is proved apart, for nobody."""
    apart = lying(made, [Run(2, 1, 2, 0), Run(3, 1)], [0])
    first = made.first.statement
    of_four = replace(first, dataset=made.new.statement, model=replace(first.model, shape=(8, 3)))
    integers = np.insert(made.first.secret.integers, [3, 6], 0, axis=0)
    padded = replace(made.first.secret, statement=of_four, integers=integers)
    with monkeypatch.context() as patch:
        patch.setattr(declared, "models_for", lambda *arguments: [padded])
        patch.setattr(declared, "starts_of", lambda *arguments: (Start(first.digest, of_four.model, ()),))
        wrong = lying(made, [Run(3, 1, 2, 0)], [0])
    assert wrong.statement.start[0].model.root == first.model.root
    assert verify_proof(wrong.proof).least >= 100, "by itself it is a proof"
    bundle = zu.Bundle((made.first.proof, apart.proof, wrong.proof), (made.link,))
    assert_needed(bundle, made.new, "bundle start", monkeypatch)


# Codes ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Codes:
    """Models that lie on the code of their data set, which is another one after a growth."""

    old: zu.Dataset
    first: Any


@pytest.fixture(scope="module")
def codes() -> Codes:
    old = zu.commit(**table_of(ROWS, 0, "person"), names=["a", "b"], bounds=BOUNDS, openings=12)
    return Codes(old, zu.prove(old, SPEC, model_openings=4))


def grown(codes: Codes, openings: int) -> zu.Dataset:
    return zu.append(codes.old, **table_of(ADDED, 1, "newcomer"), openings=openings)[0]


def test_where_models_would_lie_on_another_code_all_is_trained_again(codes: Codes) -> None:
    new = grown(codes, 5)
    again: Any = zu.prove(new, SPEC, previous=codes.first.model, fork=True)
    assert again.statement.scope == () and declared.NOTHING_KEPT in again.notes
    zu.verify_bundle(again.bundle, new.commitment, previous=codes.first.bundle)


def test_models_on_a_code_of_their_own_are_begun_from_beside_any_data_set(made: Made) -> None:
    """They have more openings than the data set, whose number of openings is another one now."""
    new, link = zu.append(made.old, **table_of(ADDED, 6, "guest"), openings=5)
    request: Any = zu.prove(new, SPEC, previous=made.first.model, fork=True)
    assert request.statement.scope == (Run(2, 1, 2, 0), Run(3, 1)) and request.bundle.links == (link,)
    zu.verify_bundle(request.bundle, new.commitment)


def test_models_are_begun_from_on_no_other_code(codes: Codes) -> None:
    """What is kept of the first statement may stay; what begins from its models may not begin on another code."""
    kept, new = grown(codes, 12), grown(codes, 5)
    request: Any = zu.prove(kept, SPEC, previous=codes.first.model, fork=True)
    zu.verify_bundle(request.bundle, kept.commitment)
    moved = replace(request.statement, dataset=new.statement)
    assert new.link is not None
    bundle = zu.Bundle((codes.first.proof, replace(request.proof, statement=moved)), (new.link,))
    with pytest.raises(InvalidProof, match="on another code than they were proved on") as failure:
        check_bundle(bundle, new.statement)
    assert failure.value.check == "bundle start"
