"""Newton's steps through the library: proved, verified, unlearnt, in chains, from models of other methods."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.errors import DataError, InvalidProof, ParameterError, StatementMismatch
from zkunlearn.prover.owner.influence import influence_of

from .test_optimum_proofs import committed, table

ROWS, FEATURES = 60, 3
__all__ = ["table"]


def spec_of(**fields: Any) -> zu.TrainingSpec:
    choices: dict[str, Any] = {"model": "logistic", "method": "newton", "l2": 0.25}
    return zu.TrainingSpec(**(choices | fields))


def stating(proof: zu.TrainingProof, statement: Any) -> zu.TrainingProof:
    """The same proof beside another statement."""
    return replace(proof, statement=statement)


@pytest.fixture(scope="module")
def dataset(table: tuple[Any, Any]) -> zu.Dataset:
    return committed(table, openings=16)


@pytest.fixture(scope="module")
def first(dataset: zu.Dataset) -> zu.Trained:
    return zu.prove(dataset, spec_of(), model_openings=12)


@pytest.fixture(scope="module")
def second(dataset: zu.Dataset, first: zu.Trained) -> zu.Trained:
    return zu.prove(dataset, spec_of(), forget=["person 3", "person 30"], previous=first)


def test_a_step_from_the_superseded_model_ends_at_the_optimum_without_the_rows(
    dataset: zu.Dataset, first: zu.Trained, second: zu.Trained
) -> None:
    digests = [record.digest for record in second.statement.forgotten]
    report = zu.verify(second.proof, dataset.commitment, spec=spec_of(), forget=digests, previous=first.proof)
    assert report.security_bits >= 100 and report.changes == ()
    (start,) = second.statement.start
    assert (start.statement, start.model, start.scale) == (first.proof.digest, first.statement.model, 14)
    other = zu.train(
        dataset, zu.TrainingSpec(model="logistic", method="optimum", l2=0.25), forget=["person 3", "person 30"]
    )
    assert np.array_equal(other.integers, second.model.integers)
    assert not np.array_equal(first.model.integers, second.model.integers)
    assert first.secret.spent >= 2  # its own proof, and that of a step from it


def test_a_history_of_steps_and_other_methods_is_valid(
    dataset: zu.Dataset, first: zu.Trained, second: zu.Trained, tmp_path: Path
) -> None:
    """And a step whose model is another one is not, as the folder shows."""
    optimum = zu.TrainingSpec(model="logistic", method="optimum", l2=0.25)
    third = zu.prove(dataset, optimum, forget=["person 5"], previous=second.proof)
    fourth = zu.prove(dataset, spec_of(steps=2), previous=third)
    proofs = [dataset.commitment, first.proof, second.proof, third.proof, fourth.proof]
    history = zu.verify_chain(proofs)
    assert history.verdict == "valid", [entry.reason for entry in history.entries]
    start = fourth.statement.start[0]
    for lie in (replace(start, scale=13), replace(start, scale=40)):  # the second is none that steps could begin from
        wrong = stating(fourth.proof, replace(fourth.statement, start=(lie,)))
        assert zu.verify_chain([*proofs[:4], wrong]).verdict == "invalid"
    unprovable = stating(third.proof, replace(third.statement, distance=9))
    lie = replace(start, statement=unprovable.digest)
    wrong = stating(fourth.proof, replace(fourth.statement, start=(lie,), previous=unprovable.digest))
    with pytest.raises(StatementMismatch, match="its steps begin from another model"):
        zu.verify(wrong, dataset.commitment, previous=unprovable)


def test_steps_by_the_inverse_end_at_the_same_model_and_the_report_says_how_nearly_they_are_newton_s(
    dataset: zu.Dataset, first: zu.Trained, second: zu.Trained
) -> None:
    spec = spec_of(inverse=14, steps=4)
    after = zu.prove(dataset, spec, forget=["person 3", "person 30"], previous=first)
    assert np.array_equal(after.model.integers, second.model.integers)
    report = zu.verify(after.proof, dataset.commitment, spec=spec, previous=first.proof)
    assert report.security_bits >= 100 and report.step_error is not None
    assert 4 / 2**14 < report.step_error.relative < 1.01 * 4 / 2**14 and 0 < report.step_error.rounding < 1e-6
    assert any("method.inverse is 14" in change for change in report.changes)
    assert zu.verify(second.proof, dataset.commitment).step_error is None
    fewer = spec_of(inverse=14, steps=4, without=["x2"], holdout=7, grid=26)
    left = zu.prove(dataset, fewer, previous=after)
    zu.verify(left.proof, dataset.commitment, spec=fewer, previous=after.proof)
    assert after.model.integers[0, 1] and not left.model.integers[0, 1]


def test_an_inverse_with_other_bits_than_the_proof_s_is_rejected(dataset: zu.Dataset, first: zu.Trained) -> None:
    spec = spec_of(inverse=14, steps=4)
    after = zu.prove(dataset, spec, forget=["person 9"], previous=first)
    for lie in (spec_of(inverse=15, steps=4), spec_of(inverse=13, steps=4), spec_of(steps=4)):
        with pytest.raises(InvalidProof):
            zu.verify(stating(after.proof, replace(after.statement, spec=lie)), dataset.commitment)


def test_steps_go_on_when_the_data_set_does_with_as_many_openings(
    dataset: zu.Dataset, first: zu.Trained, table: tuple[Any, Any]
) -> None:
    X, y = table
    longer, link = zu.append(dataset, X[:4], y[:4], ids=["a", "b", "c", "d"], openings=16)
    after = zu.prove(longer, spec_of(), forget=["person 2"], previous=first)
    files = [dataset.commitment, longer.commitment, link, first.proof, after.proof]
    assert zu.verify_chain(files).verdict == "valid"
    other, _ = zu.recommit(longer, openings=3)
    with pytest.raises(ParameterError, match="lie on one code, as those beside data sets of as many openings do"):
        zu.prove(other, spec_of(), previous=first)


def test_descent_on_standardised_features_is_a_start(dataset: zu.Dataset, first: zu.Trained) -> None:
    descent = zu.TrainingSpec(model="logistic", epochs=4, learning_rate=0.5, l2=0.25, standardize=True)
    before = zu.prove(dataset, descent)
    after = zu.prove(dataset, spec_of(), previous=before)
    report = zu.verify(after.proof, dataset.commitment, previous=before.proof)
    assert any(change.startswith("method.kind is newton") for change in report.changes)
    assert after.statement.start[0].scale == 16
    assert np.array_equal(after.model.integers, first.model.integers)


def test_a_feature_that_is_left_out_now_loses_its_weight_and_rows_that_are_held_out_do_not_move_any(
    dataset: zu.Dataset, first: zu.Trained
) -> None:
    fields: Any = {"without": ["x2"], "holdout": 7, "grid": 26}
    after = zu.prove(dataset, spec_of(**fields), previous=first)
    zu.verify(after.proof, dataset.commitment, spec=spec_of(**fields), previous=first.proof)
    optimum = zu.TrainingSpec(model="logistic", method="optimum", l2=0.25, **fields)
    assert np.array_equal(zu.train(dataset, optimum).integers, after.model.integers)
    assert first.model.integers[0, 1] and not after.model.integers[0, 1]


def test_a_try_is_what_would_be_proved(dataset: zu.Dataset, first: zu.Trained, second: zu.Trained) -> None:
    run = zu.train(dataset, spec_of(), forget=["person 3", "person 30"], previous=first)
    assert np.array_equal(run.integers, second.model.integers)


def test_where_steps_begin_is_said_where_it_is_not_checked(dataset: zu.Dataset, second: zu.Trained) -> None:
    report = zu.verify(second.proof, dataset.commitment)
    said = [text for text in report.not_followed if "its steps begin from the model of" in text]
    assert len(said) == 1


def test_steps_that_begin_elsewhere_than_at_what_they_supersede_are_refused(
    dataset: zu.Dataset, first: zu.Trained, second: zu.Trained
) -> None:
    for changed in (
        replace(second.statement, start=()),
        replace(second.statement, start=second.statement.start * 2),
        replace(second.statement, previous=None),
        replace(first.statement, start=second.statement.start),
    ):
        with pytest.raises(InvalidProof, match="statement: its steps do not begin from the model that it supersedes"):
            zu.verify(stating(second.proof, changed), dataset.commitment)


def test_a_proof_without_its_model_cannot_be_gone_on_from(
    dataset: zu.Dataset, first: zu.Trained, tmp_path: Path
) -> None:
    with pytest.raises(ParameterError, match=r"steps begin from the model of the proof .* `Trained.load`"):
        zu.prove(dataset, spec_of(), previous=first.proof)
    files = first.save(tmp_path / "first.proof")
    loaded = zu.Trained.load(files.proof)
    assert loaded.proof == first.proof
    after = zu.prove(dataset, spec_of(), forget=["person 8"], previous=loaded)
    moved = influence_of(files.models[0], after)
    assert moved is not None and 0 < moved.norm < 0.1 and moved.weights == FEATURES + 1
    other = after.save(tmp_path / "other.proof")
    other.models[0].write_bytes(files.models[0].read_bytes())
    with pytest.raises(DataError, match="is the model of another statement"):
        zu.Trained.load(other.proof)


def test_models_that_are_no_start_are_refused_by_name(dataset: zu.Dataset, first: zu.Trained) -> None:
    spent = dataset.spent
    with pytest.raises(ParameterError, match="previous: its model is none that steps on this data set can begin from"):
        zu.prove(dataset, spec_of(bias=False), previous=first)
    fine = zu.TrainingSpec(model="logistic", method="noisy", l2=0.25, grid=3)
    coarse = spec_of(fixed_point=zu.FineScales(w_bits=26, p_bits=20))
    with pytest.raises(ParameterError, match=r"start: weights of the superseded model are multiples of 2.-29; "):
        zu.prove(dataset, coarse, previous=_stated(first, fine))
    assert dataset.spent == spent
    renewed, _ = zu.recommit_model(first.secret)
    with pytest.raises(ParameterError, match="its model was committed afresh"):
        zu.prove(dataset, spec_of(), previous=replace(first, secrets=(renewed,)))


def _stated(trained: zu.Trained, spec: zu.TrainingSpec) -> zu.Trained:
    """As if it were of another spec: nothing of it is read but its scale."""
    statement = replace(trained.statement, spec=spec)
    proof, model = stating(trained.proof, statement), replace(trained.secret, statement=statement)
    return replace(trained, proofs=(proof,), secrets=(model,))


def test_a_previous_proof_of_another_model_is_a_mismatch(
    dataset: zu.Dataset, first: zu.Trained, second: zu.Trained
) -> None:
    other = replace(first.statement, model=replace(first.statement.model, root=bytes(32)))
    lie = replace(second.statement, previous=other.digest)
    start = replace(lie.start[0], statement=other.digest)
    statement = replace(lie, start=(start,))
    with pytest.raises(StatementMismatch, match="its steps begin from another model"):
        zu.verify(stating(second.proof, statement), dataset.commitment, previous=stating(first.proof, other))


@pytest.mark.parametrize("fields", [{}, {"inverse": 10, "l2": 4.0, "steps": 4}], ids=["any matrix", "the inverse"])
def test_weights_between_and_the_matrix_are_in_no_file(
    dataset: zu.Dataset, fields: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is the second derivative, or how far from the identity its product with the matrix is."""
    from zkunlearn.prover.owner import work

    seen: list[Any] = []
    own = work.MAKERS_OF_METHOD["newton"]

    def train(*arguments: Any) -> Any:
        seen.append(own.train(*arguments))
        return seen[-1]

    monkeypatch.setattr(work, "MAKERS_OF_METHOD", {"newton": replace(own, train=train)})
    files = zu.prove(dataset, spec_of(**fields), forget=["person 9"]).save(tmp_path / "p.proof")
    proved = [] if seen[0].proved is None else vars(seen[0].proved).values()
    assert len(proved) == (3 if fields else 0)
    arrays = (seen[0].steps[0].after, seen[0].matrix, *proved)
    secret = [value for array in arrays for value in array.ravel().tolist()]
    assert sum(abs(value) > 1 << 20 for value in secret) > 8
    for file in files.all:
        data = file.read_bytes()
        for value in (value for value in secret if abs(value) > 1 << 20):
            assert value.to_bytes(8, "little", signed=True) not in data
            assert (value % ((1 << 64) - (1 << 32) + 1)).to_bytes(8, "little") not in data
