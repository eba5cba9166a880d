"""Bundles of a sharded training: each of the five rules refuses what breaks it alone, and would be missed.

Every proof here is valid by itself: what is wrong is only how the statements fit together. Without the one rule that
says so, a bundle would be accepted whose models are not those of one training without the forgotten rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements.base import statement_digest
from zkunlearn.errors import DataError, FormatError, InvalidProof, ParameterError, StatementMismatch
from zkunlearn.models.shards import Run
from zkunlearn.prover.owner import declared
from zkunlearn.prover.owner.bundles import Request
from zkunlearn.verifier import bundles
from zkunlearn.verifier.bundles import check_bundle
from zkunlearn.verifier.verify import verify_proof

ROWS, SHARD_ROWS = 21, 8
EARLY, LATE, OTHER = 1, 6, 17  # positions: of the first slice of shard 0, of its second one, of shard 2
CHECKS = {
    "bundle spec": "_check_spec",
    "bundle data set": "_check_dataset",
    "bundle forget list": "_check_forgotten",
    "bundle start": "_check_start",
    "bundle table": "_check_table",
}


def spec_of(**changes: Any) -> zu.TrainingSpec:
    choices: dict[str, Any] = {"epochs": 1, "learning_rate": 0.5, "shard_rows": SHARD_ROWS, "slices": 2}
    return zu.TrainingSpec(model="logistic", method="sisa", **(choices | changes))


SPEC = spec_of()


def commit(seed: int) -> zu.Dataset:
    X = np.random.default_rng(seed).normal(size=(ROWS, 2))
    return zu.commit(X, np.arange(ROWS) % 2, ids=[f"person {i}" for i in range(ROWS)])


@pytest.fixture(scope="module")
def dataset() -> zu.Dataset:
    return commit(0)


def at(dataset: zu.Dataset, *positions: int) -> list[str]:
    """The ids of the rows at these positions, which are random."""
    return [dataset.rows.ids[position] for position in positions]


@dataclass(frozen=True)
class Made:
    """What an owner proved of one data set.

    Attributes:
        first: all. again: the same, in another commitment.
        late, early, other: requests, each of which begins from `first`, for one row.
        both: `other` after `late`.
    """

    first: Any
    again: Any
    late: Any
    early: Any
    other: Any
    both: Any


@pytest.fixture(scope="module")
def made(dataset: zu.Dataset) -> Made:
    first: Any = zu.prove(dataset, SPEC)
    again = zu.prove(dataset, SPEC)
    late: Any
    late, early, other = (
        zu.prove(dataset, SPEC, forget=at(dataset, position), previous=first.model) for position in (LATE, EARLY, OTHER)
    )
    both = zu.prove(dataset, SPEC, forget=at(dataset, OTHER), previous=late.model)
    return Made(first, again, late, early, other, both)


def apart(
    dataset: zu.Dataset, runs: Sequence[Run], like: zu.Bundle, spec: zu.TrainingSpec = SPEC, *positions: int
) -> zu.TrainingProof:
    """A statement about some shards from zero, whatever there was before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(declared, "_kept", lambda *arguments: (like, ()))
        patch.setattr(declared, "plan_request", lambda *arguments, **named: Request(tuple(runs), ()))
        return zu.prove(dataset, spec, forget=at(dataset, *positions)).proof


@pytest.fixture(scope="module")
def tail(made: Made, dataset: zu.Dataset) -> zu.TrainingProof:
    """The last shard alone."""
    return apart(dataset, [Run(2, 1)], made.first.bundle)


def refused(bundle: zu.Bundle, dataset: zu.Dataset, **pins: Any) -> str:
    """Of a bundle that is not accepted, the name of the check."""
    with pytest.raises(InvalidProof) as failure:
        zu.verify_bundle(bundle, dataset.commitment, **pins)
    return failure.value.check


def assert_needed(bundle: zu.Bundle, dataset: zu.Dataset, check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused by this rule; without it, it would be accepted."""
    assert refused(bundle, dataset) == check
    with monkeypatch.context() as patch:
        patch.setattr(bundles, CHECKS[check], lambda *arguments: None)
        assert zu.verify_bundle(bundle, dataset.commitment).last.security_bits >= 100


# What holds ----------------------------------------------------------------------------------------------------------


def test_a_request_trains_what_saw_the_row_and_keeps_the_rest(made: Made, dataset: zu.Dataset) -> None:
    digests = [record.digest for record in made.both.statement.forgotten]
    report = zu.verify_bundle(made.both.bundle, dataset.commitment, spec=SPEC, forget=digests)
    assert (report.checked, report.trained, report.stages, report.shards) == (3, 2, 6, (2,))
    assert report.last.pinned == ("spec", "forget list") and report.empty_shards == ()
    assert [len(each.bundle.proofs) for each in (made.first, made.late, made.early, made.both)] == [1, 2, 2, 3]
    assert made.late.statement.scope == (Run(0, 1, 2, 0),) and made.early.statement.scope == (Run(0, 1),)


def test_standardised_shards_are_trained_again_from_models_of_other_scalers(dataset: zu.Dataset) -> None:
    """A later stage begins from models of features as they are; and all end in what one training ends in."""
    spec = spec_of(standardize=True, learning_rate=1.0, epochs=2)
    first: Any = zu.prove(dataset, spec)
    late: Any = zu.prove(dataset, spec, forget=at(dataset, LATE), previous=first.model)
    both: Any = zu.prove(dataset, spec, forget=at(dataset, OTHER), previous=late.model)
    assert late.statement.scope == (Run(0, 1, 2, 0),) and len(both.bundle.proofs) == 3
    assert zu.verify_bundle(both.bundle, dataset.commitment, spec=spec).last.security_bits >= 100
    again: Any = zu.prove(dataset, spec, forget=at(dataset, LATE, OTHER))
    assert np.array_equal(both.model.integers, again.model.integers)
    assert not np.array_equal(both.model.integers, first.model.integers)
    kept = zu.Bundle((first.proof, both.proof))
    assert refused(kept, dataset) == "bundle forget list", "a scaler that saw the row, and what was begun from it"


def test_what_was_verified_before_is_not_verified_again_unless_its_bytes_are_others(
    made: Made, dataset: zu.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is given the new bundle only has to find it valid, too."""
    first, late, other = made.both.bundle.proofs
    asked: list[bytes] = []

    def asking(proof: Any) -> Any:
        asked.append(proof.digest)
        return verify_proof(proof)

    with monkeypatch.context() as patch:
        patch.setattr(bundles, "verify_proof", asking)
        report = zu.verify_bundle(made.both.bundle, dataset.commitment, previous=made.late.bundle)
    assert asked == [dataset.commitment.digest, other.digest] and report.checked == 1
    assert report.last.pinned == ("previous",) and report.last.previous_checked
    spoilt = zu.Bundle((replace(first, proof=bytes(len(first.proof))), late, other))
    assert refused(spoilt, dataset, previous=made.late.bundle) == "constraints"
    assert refused(spoilt, dataset) == "constraints"


def test_a_bundle_of_statements_about_some_shards_each_is_accepted(
    made: Made, tail: zu.TrainingProof, dataset: zu.Dataset
) -> None:
    """The honest twin of those that are refused below."""
    bundle = zu.Bundle((apart(dataset, [Run(0, 2)], made.first.bundle), tail))
    assert zu.verify_bundle(bundle, dataset.commitment).stages == 6


def test_a_bundle_is_its_bytes(made: Made) -> None:
    data = made.both.bundle.to_bytes()
    assert zu.Bundle.from_bytes(data) == made.both.bundle


# Each rule, broken alone ---------------------------------------------------------------------------------------------


def test_1_a_statement_by_another_algorithm_is_refused(
    made: Made, tail: zu.TrainingProof, dataset: zu.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two shards are regularised otherwise than declared last."""
    other = apart(dataset, [Run(0, 2)], made.first.bundle, spec_of(l2=0.25))
    assert_needed(zu.Bundle((other, tail)), dataset, "bundle spec", monkeypatch)


def test_2_a_statement_about_another_data_set_is_refused(
    made: Made, tail: zu.TrainingProof, dataset: zu.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = apart(commit(1), [Run(0, 2)], made.first.bundle)
    assert_needed(zu.Bundle((other, tail)), dataset, "bundle data set", monkeypatch)


def test_3_a_kept_statement_that_saw_the_row_is_refused(
    made: Made, dataset: zu.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of shards 0 and 2 are forgotten, and only shard 2 is trained again."""
    lazy = apart(dataset, [Run(2, 1)], made.first.bundle, SPEC, LATE, OTHER)
    assert_needed(zu.Bundle((made.first.proof, lazy)), dataset, "bundle forget list", monkeypatch)


def test_3_a_kept_statement_that_left_out_a_row_is_refused(
    made: Made, dataset: zu.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last statement does not forget what one that is in force beside it forgets."""
    wrong = zu.Bundle((made.first.proof, made.late.proof, made.other.proof))
    assert_needed(wrong, dataset, "bundle forget list", monkeypatch)


def test_4_a_start_that_saw_the_row_is_refused(
    made: Made, dataset: zu.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stage 1 is trained again, and stage 2 begins from the old one all the same."""
    with monkeypatch.context() as patch:
        patch.setattr(declared, "plan_request", lambda *arguments, **named: Request((Run(0, 1, 2, 0),), (0,)))
        stale = zu.prove(dataset, SPEC, forget=at(dataset, EARLY), previous=made.first.model).proof
    wrong = zu.Bundle((made.first.proof, made.early.proof, stale))
    assert_needed(wrong, dataset, "bundle start", monkeypatch)


def test_4_a_start_of_equal_weights_in_another_commitment_is_refused(
    made: Made, dataset: zu.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can see that they are equal."""
    assert np.array_equal(made.first.model.integers, made.again.model.integers)
    wrong = zu.Bundle((made.again.proof, made.late.proof))
    assert_needed(wrong, dataset, "bundle start", monkeypatch)


def test_5_shards_that_nobody_trained_are_refused(
    made: Made, dataset: zu.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = zu.Bundle((apart(dataset, [Run(0, 1), Run(2, 1)], made.first.bundle),))
    assert_needed(wrong, dataset, "bundle table", monkeypatch)


def test_5_a_statement_that_is_in_force_nowhere_is_refused(
    made: Made, dataset: zu.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_needed(zu.Bundle((made.again.proof, made.first.proof)), dataset, "bundle table", monkeypatch)


# Other lists of the same statements ----------------------------------------------------------------------------------

Choice = Callable[[Made], Sequence[Any]]
WRONG: dict[str, tuple[Choice, str]] = {
    "the first one missing": (lambda m: (m.late,), "bundle table"),
    "the start missing, all else there": (lambda m: (m.again, m.late), "bundle start"),
    "the last one first": (lambda m: (m.late, m.first), "bundle table"),
    "two in another order": (lambda m: (m.first, m.both, m.late), "bundle forget list"),
    "the first one doubled": (lambda m: (m.first, m.first, m.late), "bundle table"),
    "the last one doubled": (lambda m: (m.first, m.late, m.late), "bundle table"),
    "all doubled": (lambda m: (m.first, m.late, m.first, m.late), "bundle table"),
    "a stage trained by two requests": (lambda m: (m.first, m.late, m.early), "bundle table"),
    "a request and what it replaces": (lambda m: (m.first, m.early, m.late), "bundle forget list"),
}


@pytest.mark.parametrize("what", WRONG)
def test_other_lists_of_true_statements_are_refused(what: str, made: Made, dataset: zu.Dataset) -> None:
    choice, check = WRONG[what]
    wrong = zu.Bundle(tuple(each.proof for each in choice(made)))
    assert refused(wrong, dataset) == check


@pytest.mark.parametrize("field", ["statement", "model", "scope"])
def test_a_start_has_to_be_the_statement_in_force_in_all_that_it_says(
    field: str, made: Made, dataset: zu.Dataset
) -> None:
    """What a statement says of the one that it begins from is what that one says of itself."""
    statement = made.late.statement
    (start,) = statement.start
    other: dict[str, Any] = {
        "statement": bytes(32),
        "model": replace(start.model, root=bytes(32)),
        "scope": (Run(0, 3),),
    }
    forged = replace(statement, start=(replace(start, **{field: other[field]}),))
    with pytest.raises(InvalidProof) as failure:
        check_bundle(zu.Bundle((made.first.proof, replace(made.late.proof, statement=forged))), dataset.statement)
    assert failure.value.check == "bundle start"


def test_a_false_proof_in_a_good_list_is_refused(made: Made, dataset: zu.Dataset) -> None:
    first, last = made.late.bundle.proofs
    spoilt = bytearray(last.proof)
    spoilt[200] ^= 1
    assert refused(zu.Bundle((first, replace(last, proof=bytes(spoilt)))), dataset) == "constraints"
    assert refused(zu.Bundle((first, replace(last, proof=last.proof[:-1]))), dataset) == "proof length"


def test_a_statement_that_no_proof_can_carry_is_refused_by_name(made: Made, dataset: zu.Dataset) -> None:
    statement = replace(made.late.statement, scope=(Run(0, 1, 3, 0),))
    assert refused(zu.Bundle((made.first.proof, replace(made.late.proof, statement=statement))), dataset) == "statement"


# What is no bundle ---------------------------------------------------------------------------------------------------


def test_nothing_and_other_trainings_are_no_bundle(made: Made, dataset: zu.Dataset) -> None:
    spec = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5)
    statement = replace(made.first.statement, spec=spec)
    for proofs in ((), (replace(made.first.proof, statement=statement),), (made.first,)):
        with pytest.raises(ParameterError, match="bundle"):
            zu.Bundle(proofs)
    others: Any = (made.first.proof, made.first.model, b"")
    for wrong in others:
        with pytest.raises(ParameterError, match="bundle"):
            zu.verify_bundle(wrong, dataset.commitment)


def test_bytes_that_are_no_bundle_are_refused(made: Made) -> None:
    data = made.late.bundle.to_bytes()
    cuts = [data[:size] for size in (0, 1, 40, len(data) // 2, len(data) - 1)]
    for wrong in (*cuts, data + data, data + b"\0", made.first.proof.to_bytes(), b"\0" * 100):
        with pytest.raises(FormatError):
            zu.Bundle.from_bytes(wrong)
    with pytest.raises(ParameterError):
        zu.Bundle.from_bytes("bundle")  # type: ignore[arg-type]


def test_a_file_of_a_bundle_is_read_by_name(made: Made, tmp_path: Any) -> None:
    path = tmp_path / "a.bundle"
    made.late.bundle.save(path)
    assert zu.Bundle.load(path) == made.late.bundle
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FormatError, match=r"a\.bundle"):
        zu.Bundle.load(path)
    with pytest.raises(DataError):
        zu.Bundle.load(tmp_path / "b.bundle")


# What is pinned ------------------------------------------------------------------------------------------------------


def test_a_bundle_about_something_else_than_what_is_pinned_is_refused(made: Made, dataset: zu.Dataset) -> None:
    bundle, commitment = made.late.bundle, dataset.commitment
    digests = [record.digest for record in made.late.statement.forgotten]
    others = [record.digest for record in made.other.statement.forgotten]
    for pins, reason in (
        ({"spec": spec_of(slices=1)}, "another algorithm"),
        ({"forget": []}, "another forget list"),
        ({"forget": digests + others}, "another forget list"),
        ({"known_dataset": bytes(32)}, "data set is another one"),
        ({"previous": made.again.bundle}, "does not supersede"),
        ({"previous": bundle}, "does not supersede"),
    ):
        with pytest.raises(StatementMismatch, match=reason):
            zu.verify_bundle(bundle, commitment, **pins)
    wrong: Any = made.first.model
    with pytest.raises(ParameterError, match="previous"):
        zu.verify_bundle(bundle, commitment, previous=wrong)
    report = zu.verify_bundle(bundle, commitment, previous=made.first.proof)
    assert report.checked == 2 and report.last.pinned == ("previous",)


def test_a_data_set_that_is_known_is_not_checked_again(made: Made, dataset: zu.Dataset) -> None:
    known = statement_digest(dataset.statement)
    report = zu.verify_bundle(made.late.bundle, dataset.commitment, known_dataset=known, previous=made.first.bundle)
    assert not report.last.dataset_checked and report.checked == 1


def test_a_bundle_of_which_nothing_is_new_is_no_successor(made: Made, dataset: zu.Dataset) -> None:
    """One that was verified, as its owner says, and has the last request before the one that it supersedes."""
    known = zu.Bundle(made.late.bundle.proofs[::-1])
    assert known.statement == made.first.statement
    with pytest.raises(StatementMismatch, match="every statement of the bundle is in the previous one"):
        zu.verify_bundle(made.late.bundle, dataset.commitment, previous=known)
