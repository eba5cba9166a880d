"""Owners who destroy other rows than they say, or none. The check that refuses it is named, by both verifiers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.relations.dataset import BLINDS, FEATURES, LABELS
from zkunlearn.circuits.statements.training import TrainingStatement
from zkunlearn.prover.owner import declared, prove
from zkunlearn.prover.owner.dataset import Dataset, commit_rows
from zkunlearn.prover.witnesses.rows import Rows

from ..cheating import CheatingProver
from ..reference import verifier
from ..reference.examples import Training, package_verdict
from .growths import FEW, Grown, claiming, committed, edited, forged, more, verdict
from .harness import ROWS
from .registrations import digests_in, fingerprints_in

SPEC: Any = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5, batch_size=4)
GONE = ["3", "8"]


@pytest.fixture(scope="module")
def people() -> Dataset:
    return committed(openings=20)


@pytest.fixture(scope="module")
def forgetting(people: Dataset) -> Any:
    return zu.prove(people, SPEC, forget=GONE)


@pytest.fixture(scope="module")
def own(people: Dataset, forgetting: Any) -> Grown:
    return Grown(people, *zu.destroy(people, GONE, forgotten_by=forgetting.proof))


def test_an_honest_destruction_is_valid(own: Grown) -> None:
    assert verdict(own.link) == "valid"
    same, lies = forged(own, own.new.rows)
    assert verdict(same) == "valid" and not lies
    commitment = own.new.commitment.to_bytes()
    assert verifier.verdict(verifier.verify_dataset, commitment) == "valid" and zu.verify_dataset(own.new.commitment)


# What is in a hole ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("part", "place"), [("by_feature", (1,)), ("labels", ()), ("blinds", (0,)), ("blinds", (1,))])
def test_a_hole_that_is_not_empty_is_rejected(own: Grown, part: str, place: tuple[int, ...]) -> None:
    """A cell, the label or a blind is still there, or anything else is."""
    for hole in own.new.statement.holes:
        at: Any = (*place, hole) if place else hole
        true = int(getattr(own.old.rows, part)[at]) or 1
        for value in {true, 1}:
            lying, lies = forged(own, edited(own.new.rows, part, at, value))
            assert (verdict(lying), set(lies)) == ("constraints", {"destruction"})


def test_nothing_that_is_destroyed_keeps_the_whole_row(own: Grown) -> None:
    lying, lies = forged(own, own.old.rows)
    assert (verdict(lying), set(lies)) == ("constraints", {"destruction"})


@pytest.mark.parametrize(("part", "place"), [("by_feature", (0,)), ("labels", ()), ("blinds", (0,)), ("blinds", (1,))])
def test_no_other_row_is_touched(own: Grown, part: str, place: tuple[int, ...]) -> None:
    row = next(n for n in range(ROWS) if n not in own.new.statement.holes and own.old.rows.by_feature[0, n])
    at: Any = (*place, row) if place else row
    lying, lies = forged(own, edited(own.new.rows, part, at, int(getattr(own.new.rows, part)[at]) ^ 1))
    assert (verdict(lying), set(lies)) == ("constraints", {"destruction"})


def test_another_row_may_not_be_destroyed_in_its_place(own: Grown) -> None:
    one, other = own.new.statement.holes
    place = next(n for n in range(ROWS) if n not in (one, other))
    lying, lies = forged(own, own.old.rows.without([one, place]))
    assert (verdict(lying), set(lies)) == ("constraints", {"destruction"})
    assert verdict(claiming(own.link, holes=tuple(sorted((one, place))))) == "constraints"


# What the new data set says ------------------------------------------------------------------------------------------


def test_what_was_destroyed_is_not_back(own: Grown) -> None:
    """Not by a link that names fewer holes, and not by one that adds rows."""
    again, link = zu.recommit(own.new, 4)
    assert verdict(link) == "valid" and again.statement.holes == own.new.statement.holes
    holes = own.new.statement.holes
    whole = next(n for n in range(ROWS) if n not in holes)
    for fewer in ((), holes[:1], tuple(sorted((holes[0], whole)))):
        assert verdict(claiming(link, holes=fewer)) == "statement"


def test_rows_are_destroyed_and_added_one_after_the_other(own: Grown) -> None:
    after = Grown(own.new, *zu.append(own.new, *more(FEW)))
    assert verdict(after.link) == "valid"
    assert after.new.statement.holes == own.new.statement.holes
    more_holes = tuple(
        sorted({*own.new.statement.holes, next(n for n in range(ROWS) if n not in own.new.statement.holes)})
    )
    assert verdict(claiming(after.link, holes=more_holes)) == "statement"
    lying, lies = forged(after, edited(after.new.rows, "labels", own.new.statement.holes[0], 1))
    assert (verdict(lying), set(lies)) == ("constraints", {"growth"})


@pytest.mark.parametrize("holes", [(5, 3), (3, 3), (ROWS,), (-1,), (1 << 40,)], ids=str)
def test_holes_that_are_no_rows_in_order_are_malformed(own: Grown, holes: tuple[int, ...]) -> None:
    assert verdict(claiming(own.link, holes=holes)) == "format"


def test_a_data_set_without_a_row_left_cannot_be_proved(own: Grown) -> None:
    assert verdict(claiming(own.link, holes=tuple(range(ROWS)))) == "statement"


# Statements about it -------------------------------------------------------------------------------------------------


def test_a_statement_that_misses_a_hole_is_rejected(
    own: Grown, forgetting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = zu.prove(own.new, SPEC, previous=forgetting)
    own_files = Training(good.proof.to_bytes(), own.new.commitment.to_bytes())
    assert own_files.verdict(previous=forgetting.proof.to_bytes(), links=[own.link.to_bytes()]) == "valid"
    assert good.proof.statement.positions == own.new.statement.holes
    monkeypatch.setattr(declared, "set_aside", lambda dataset: set())
    monkeypatch.setattr(declared, "forgotten_before", lambda *arguments: ())
    monkeypatch.setattr(TrainingStatement, "require_consistent", lambda self, attached: None)
    lying = zu.prove(own.new, SPEC, forget=[]).proof
    monkeypatch.undo()
    file = Training(lying.to_bytes(), own.new.commitment.to_bytes())
    assert file.verdict() == "forget list"
    with pytest.raises(zu.InvalidProof, match="was destroyed, and is not in it"):
        zu.verify(lying, own.new.commitment)


def test_a_destroyed_row_counts_for_nothing(own: Grown, forgetting: Any) -> None:
    """The model on the data set without its cells is the one that forgot them."""
    good = zu.prove(own.new, SPEC, previous=forgetting)
    assert (good.secret.integers == forgetting.secret.integers).all()


def test_only_rows_that_were_destroyed_are_of_no_class(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = np.random.default_rng(5).normal(size=(20, 3)), np.arange(20) % 3
    several = zu.commit(X, y, label_kind="categorical", openings=6)
    first = zu.prove(several, zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5), forget=["4"])
    new, link = zu.destroy(several, ["4"], forgotten_by=first.proof)
    assert verdict(link) == "valid"
    provers: list[CheatingProver] = []

    def cheating(*arguments: Any) -> CheatingProver:
        provers.append(CheatingProver(*arguments))
        return provers[-1]

    monkeypatch.setattr(prove, "Prover", cheating)
    (hole,) = new.statement.holes
    unsaid = Lying.of(replace(new.rows, holes=(), hole_digests=new.rows.hole_digests[:0]), new.rows)
    full = Lying.of(new.rows, several.rows)  # a class in the hole, which a link would refuse
    for lying in (unsaid, full):
        dataset = commit_rows(lying, several.statement.encoding, 2, several.statement.segments, None)
        file = dataset.commitment.to_bytes()
        found = package_verdict(lambda file=file: zu.verify_dataset(zu.DatasetCommitment.from_bytes(file)))
        assert found == verifier.verdict(verifier.verify_dataset, file) == "constraints"
    assert [prover.lies for prover in provers] == [{"one class"}, {"one class"}] and hole < 20


class Lying(Rows):
    """Rows that commit to the labels of others."""

    @classmethod
    def of(cls, rows: Rows, labelled: Rows) -> Lying:
        names = ("ids", "by_feature", "labels", "blinds", "salts", "outputs", "holes", "hole_digests")
        lying = cls(*(getattr(rows, name) for name in names))
        vars(lying)["label_columns"] = labelled.label_columns
        return lying


# What is registered, and received ------------------------------------------------------------------------------------


def test_fingerprints_of_holes_are_zero_and_others_stay(own: Grown) -> None:
    before, after = zu.register(own.old), zu.register(own.new)
    assert zu.verify_registration(after, own.new.commitment, [own.link]) > 100
    both = [np.frombuffer(fingerprints_in(each), np.uint8).reshape(-1, 16) for each in (before, after)]
    changed = {n for n in range(ROWS) if (both[0][n] != both[1][n]).any()}
    assert changed == set(own.new.statement.holes)
    assert not both[1][list(changed)].any()
    assert digests_in(before) == digests_in(after)


def test_whoever_was_destroyed_has_no_receipt_any_more(own: Grown) -> None:
    receipts = zu.receipts(own.new)
    with pytest.raises(zu.DataError, match="is not in the data set"):
        receipts.of(GONE[0])
    assert len(list(receipts.all())) == ROWS - len(GONE)
    old = zu.receipts(own.old).of(GONE[0])
    moved = replace(old, dataset=own.new.statement.digest)
    assert package_verdict(lambda: zu.verify_receipt(moved, own.new.commitment)) == "receipt"


def test_the_columns_of_a_hole_are_zero(own: Grown) -> None:
    columns = own.new.columns
    for name in (FEATURES, LABELS, *BLINDS):
        assert not columns[name][..., list(own.new.statement.holes)].any()
