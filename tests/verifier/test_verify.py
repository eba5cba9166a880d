"""Statements that are refused before any algebra, each for its own reason."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.formats.container import decode, encode
from zkunlearn.verifier.proofs import Proof
from zkunlearn.verifier.protocol import soundness

SPEC: Any = zu.TrainingSpec(model="logistic", epochs=2, learning_rate=0.5)


@pytest.fixture(scope="module")
def made():
    dataset = zu.commit(np.random.default_rng(1).normal(size=(9, 3)), np.arange(9) % 2, openings=4)
    trained = zu.prove(dataset, SPEC)
    return dataset.commitment, trained.proof, zu.recommit(dataset, openings=3)[1]


def refusal(check):
    with pytest.raises(zu.InvalidProof) as failure:
        check()
    return failure.value


def wide(statement, features):
    """The same data set with more features."""
    first = statement.encoding.features[0]
    columns = tuple(replace(first, name=f"x{i}") for i in range(features))
    return replace(statement, encoding=replace(statement.encoding, features=columns))


def test_a_container_that_holds_no_statement_is_no_proof(made):
    _, proof, _ = made
    kind, payload = decode(proof.to_bytes(), None, 1 << 30)
    assert kind == "training"
    with pytest.raises(zu.FormatError, match=r"this is a model\.opening, which is no statement with its proof"):
        Proof.from_bytes(encode("model.opening", payload))


def test_a_data_set_larger_than_one_proof_is_refused_before_it_is_laid_out(made):
    commitment, _, _ = made
    huge = replace(commitment, statement=replace(wide(commitment.statement, 8), rows=1 << 28))
    error = refusal(lambda: zu.verify_dataset(huge))
    assert (error.check, "more than one proof can carry" in error.detail) == ("statement", True)


def test_a_recommitment_larger_than_one_proof_is_refused_before_it_is_laid_out(made):
    _, _, link = made
    old = replace(wide(link.statement.old, 8), rows=1 << 28)
    new = old.continued(link.statement.new.root, link.statement.new.openings)
    huge = replace(link, statement=replace(link.statement, old=old, new=new))
    error = refusal(lambda: zu.verify_link(huge))
    assert (error.check, "more than one proof can carry" in error.detail) == ("statement", True)


def test_a_training_on_more_than_one_proof_can_carry_is_refused_before_it_is_laid_out(made):
    commitment, proof, _ = made
    dataset = replace(wide(commitment.statement, 1 << 10), rows=1 << 21)
    known = replace(commitment, statement=dataset)
    lying = replace(proof, statement=replace(proof.statement, dataset=dataset, spec=replace(SPEC, epochs=1)))
    error = refusal(lambda: zu.verify(lying, known, known_dataset=known.digest))
    assert (error.check, "more than one proof can carry" in error.detail) == ("statement", True)


def test_a_training_that_cannot_be_proved_is_refused(made):
    commitment, proof, _ = made
    other_scale = replace(SPEC, fixed_point=zu.FixedPoint(x_bits=12))  # not the data set's
    lying = replace(proof, statement=replace(proof.statement, spec=other_scale))
    assert refusal(lambda: zu.verify(lying, commitment)).check == "statement"


def test_too_many_steps_are_refused_before_they_are_laid_out(made):
    commitment, proof, _ = made
    endless = replace(SPEC, epochs=1 << 20, batch_size=1)
    dataset = wide(commitment.statement, 20)
    lying = replace(proof, statement=replace(proof.statement, dataset=dataset, spec=endless))
    known = replace(commitment, statement=dataset)
    error = refusal(lambda: zu.verify(lying, known, known_dataset=known.digest))
    assert (error.check, "steps of 20 weights" in error.detail) == ("statement", True)


def test_a_shape_without_enough_security_is_refused(made, monkeypatch):
    commitment, proof, link = made
    monkeypatch.setattr(soundness, "SECURITY_BITS", 120)
    assert refusal(lambda: zu.verify_dataset(commitment)).check == "soundness"
    assert refusal(lambda: zu.verify_link(link)).check == "soundness"
    known = {"known_dataset": commitment.digest}
    assert refusal(lambda: zu.verify(proof, commitment, **known)).check == "soundness"


def test_a_proof_of_another_length_is_refused_unread(made):
    commitment, proof, _ = made
    longer = replace(proof, proof=proof.proof + bytes(1 << 20))
    error = refusal(lambda: zu.verify(longer, commitment))
    assert (error.check, "where the statement implies" in error.detail) == ("proof length", True)


def test_a_known_data_set_is_not_checked_again(made):
    commitment, proof, _ = made
    broken = replace(commitment, proof=b"")
    report = zu.verify(proof, broken, known_dataset=commitment.digest)
    assert not report.dataset_checked
    assert refusal(lambda: zu.verify(proof, broken)).check == "proof length"
    with pytest.raises(zu.StatementMismatch, match="another one than the known one"):
        zu.verify(proof, commitment, known_dataset=bytes(32))


@pytest.mark.parametrize("kind", [zu.DatasetCommitment, zu.TrainingProof, zu.LinkProof])
def test_a_malformed_file_is_named(kind, tmp_path):
    path = tmp_path / "people.proof"
    path.write_bytes(b"no artefact")
    with pytest.raises(zu.FormatError, match=r"people\.proof: this is not a zkunlearn file"):
        kind.load(path)
