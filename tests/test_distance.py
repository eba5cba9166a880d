"""How near its optimum a model is: measured, proved, saved, verified, and refused where it has to be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements.distance import DistanceStatement
from zkunlearn.models.methods.distance_reference import measure, smallest, weights_of
from zkunlearn.prover.owner.published import openings_seen
from zkunlearn.prover.witnesses.distance import place
from zkunlearn.verifier.verify import verify_proof

from .reference import distance as second
from .reference import verifier
from .reference.examples import package_verdict

ROWS = 40
BOUNDS = {"x1": (-2.0, 2.0), "x2": (-2.0, 2.0)}
SPEC = zu.TrainingSpec(model="logistic", epochs=40, learning_rate=2.0, l2=0.02)
PENALISED = zu.TrainingSpec(model="probit", epochs=30, learning_rate=1.0, l2=0.05, penalize_intercept=True)


def table(rows: int = ROWS, seed: int = 1) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, size=(rows, 2))
    return X, (X[:, 0] - X[:, 1] / 2 + 0.3 + rng.normal(size=rows) > 0).astype(int)


@dataclass(frozen=True)
class Made:
    dataset: zu.Dataset
    trained: Any
    proof: zu.DistanceProof
    penalised: Any
    other: zu.DistanceProof


@pytest.fixture(scope="module")
def made() -> Made:
    dataset = zu.commit(*table(), bounds=BOUNDS, openings=20)
    trained = zu.prove(dataset, SPEC, forget=["3", "8"], model_openings=8)
    penalised = zu.prove(dataset, PENALISED)
    return Made(
        dataset,
        trained,
        zu.prove_distance(dataset, trained.secret),
        penalised,
        zu.prove_distance(dataset, penalised.secret),
    )


def verdict(proof: zu.DistanceProof) -> str:
    """On the file; the same for both verifiers."""
    file = proof.to_bytes()
    found = package_verdict(lambda: verify_proof(zu.DistanceProof.from_bytes(file)))
    assert verifier.verdict(second.verify_distance, file) == found
    return found


def stating(proof: zu.DistanceProof, **changes: Any) -> zu.DistanceProof:
    return zu.DistanceProof(replace(proof.statement, **changes), proof.proof)


# What is true --------------------------------------------------------------------------------------------------------


def test_both_verifiers_accept_a_distance_and_what_it_says_is_the_least(made: Made) -> None:
    for proof, trained in ((made.proof, made.trained), (made.other, made.penalised)):
        assert verdict(proof) == "valid"
        assert zu.verify_distance(proof, made.dataset.commitment, trained.proof) >= 100
        own = proof.statement.schedule
        rows = made.dataset.rows
        model = weights_of(trained.secret.integers, own)
        placed = measure(rows.by_feature.T, rows.labels, model, own)
        assert smallest(placed, own) == (proof.statement.distance, proof.statement.slope)
        fast = place(rows, trained.secret.integers, own)
        assert np.array_equal(fast.gradient, placed.gradient) and np.array_equal(fast.rows.z, placed.rows.z)


def test_what_is_said_is_in_real_numbers_that_bound_the_loss(made: Made) -> None:
    first, other = made.proof.statement, made.other.statement
    assert 0 < first.excess < Fraction(1, 100) and first.real_slope is not None
    assert other.real_slope is None and other.slope is None
    assert abs(first.excess / (Fraction(0.02) / 2 * first.real_distance**2) - 1) < Fraction(1, 1000)
    assert first.real_distance == Fraction(2**first.distance, 2**32)


def test_a_distance_may_be_declared(made: Made) -> None:
    least = made.proof.statement
    assert least.slope is not None and least.real_slope is not None
    proof = zu.prove_distance(
        made.dataset, made.trained.secret, 3.0 * float(least.real_distance), float(least.real_slope * 5)
    )
    assert (proof.statement.distance, proof.statement.slope) == (least.distance + 1, least.slope + 2)
    assert verdict(proof) == "valid"


def test_it_is_saved_and_counted(made: Made, tmp_path: Path) -> None:
    """Which openings of the data set it spent the file tells, too."""
    made.proof.save(tmp_path / "a.distance")
    assert zu.DistanceProof.load(tmp_path / "a.distance") == made.proof
    assert openings_seen([tmp_path], made.dataset.commitment.digest) == 2
    assert zu.Proof.load(tmp_path / "a.distance").statement == made.proof.statement


def test_models_on_rows_with_keys_have_distances() -> None:
    X, y = table(20)
    data = zu.commit(X, y, bounds=BOUNDS, openings=4, unique={"no": [*range(20)]})
    assert verdict(zu.prove_distance(data, zu.prove(data, PENALISED).secret)) == "valid"


# Lies in what is stated ----------------------------------------------------------------------------------------------


def test_other_numbers_under_the_same_proof_are_rejected(made: Made) -> None:
    own = made.proof.statement
    assert own.slope is not None
    for changes in ({"distance": own.distance + 1}, {"slope": own.slope + 1}, {"slope": own.slope - 1}):
        assert verdict(stating(made.proof, **changes)) in ("constraints", "proof length")
    assert verdict(stating(made.proof, slope=own.slope - 1, distance=own.distance)) != "valid"


def test_what_has_no_such_statement_is_refused_by_both(made: Made) -> None:
    own, other = made.proof, made.other
    changes: list[tuple[zu.DistanceProof, dict[str, Any]]] = [
        (own, {"slope": None}),
        (other, {"slope": 30}),
        (own, {"distance": 38}),
        (own, {"training": replace(own.statement.training, model=replace(own.statement.training.model, shape=(1, 4)))}),
        (own, {"training": replace(own.statement.training, spec=changed_spec(l2=0.0))}),
        (own, {"training": replace(own.statement.training, spec=changed_spec(standardize=True))}),
        (own, {"training": replace(own.statement.training, spec=changed_spec(class_weight={"0": 2, "1": 1}))}),
        (
            own,
            {
                "training": replace(
                    own.statement.training, spec=zu.TrainingSpec(model="logistic", method="optimum", l2=0.5)
                )
            },
        ),
    ]
    for proof, change in changes:
        assert verdict(stating(proof, **change)) == "statement", change


def changed_spec(**changes: Any) -> zu.TrainingSpec:
    choices: dict[str, Any] = {"model": "logistic", "epochs": 40, "learning_rate": 2.0, "l2": 0.02}
    return zu.TrainingSpec(**(choices | changes))


def test_another_training_under_the_same_proof_is_rejected(made: Made) -> None:
    own = made.proof.statement.training
    lies = {
        "l2": replace(own, spec=changed_spec(l2=0.020001)),
        "model": replace(own, model=replace(own.model, root=made.penalised.proof.statement.model.root)),
        "rows": replace(own, forgotten=own.forgotten[:1]),
        "previous": replace(own, previous=bytes(32)),
    }
    for name, lie in lies.items():
        assert verdict(stating(made.proof, training=lie)) in ("constraints", "proof length"), name


def test_what_the_auditor_names_is_compared(made: Made) -> None:
    data = made.dataset.commitment
    with pytest.raises(zu.StatementMismatch, match="another training"):
        zu.verify_distance(made.proof, data, made.penalised.proof)
    elsewhere = zu.commit(*table(seed=2), bounds=BOUNDS, openings=2)
    with pytest.raises(zu.StatementMismatch, match="another data set"):
        zu.verify_distance(made.proof, elsewhere.commitment, made.trained.proof)
    junk = zu.DatasetCommitment(data.statement, bytes(len(data.proof)))
    with pytest.raises(zu.InvalidProof):
        zu.verify_distance(made.proof, junk, made.trained.proof)


# What is refused before anything is spent ----------------------------------------------------------------------------


def test_less_than_can_be_shown_is_refused_with_what_can_be(made: Made) -> None:
    least, spent = made.proof.statement, (made.dataset.spent, made.trained.secret.spent)
    assert least.real_slope is not None
    for distance, slope in ((float(least.real_distance) / 2, None), (None, float(least.real_slope) / 2)):
        with pytest.raises(zu.TrainingError, match="the least distance that can be shown is"):
            zu.prove_distance(made.dataset, made.trained.secret, distance, slope)
    assert (made.dataset.spent, made.trained.secret.spent) == spent


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((0.0, None), "distance = 0.0: the least that can be said is"),
        ((-1.0, None), "distance = -1.0: the least that can be said is"),
        ((float("nan"), None), "distance"),
        ((64.0, None), "distance = 38: must be between 0 and 37"),
        ((None, 1e-30), "slope = 1e-30: the least that can be said is"),
    ],
    ids=str,
)
def test_numbers_that_cannot_be_are_refused(made: Made, numbers: tuple[Any, Any], words: str) -> None:
    with pytest.raises(zu.ParameterError, match=words):
        zu.prove_distance(made.dataset, made.trained.secret, *numbers)


def test_a_slope_of_an_intercept_that_is_penalised_is_refused(made: Made) -> None:
    with pytest.raises(zu.ParameterError, match="slope: of a model whose intercept is penalised"):
        zu.prove_distance(made.dataset, made.penalised.secret, slope=1.0)


def test_models_of_which_no_distance_is_proved_are_refused_by_name(made: Made) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"method": "optimum", "l2": 0.5}, "a model by 'optimum'"),
        ({"epochs": 1, "learning_rate": 0.5}, "l2 = 0"),
        ({"epochs": 1, "learning_rate": 0.5, "l2": 0.1, "standardize": True}, "standardize"),
    ]
    for fields, words in cases:
        own = zu.prove(made.dataset, zu.TrainingSpec(**({"model": "logistic"} | fields)))
        spent = made.dataset.spent, own.secret.spent
        with pytest.raises(zu.ParameterError, match=words):
            zu.prove_distance(made.dataset, own.secret)
        assert (made.dataset.spent, own.secret.spent) == spent


def test_a_model_of_another_data_set_or_committed_afresh_is_refused(made: Made) -> None:
    elsewhere = zu.commit(*table(seed=2), bounds=BOUNDS, openings=2)
    with pytest.raises(zu.StatementMismatch, match="was trained on another data set"):
        zu.prove_distance(elsewhere, made.trained.secret)
    fresh, _ = zu.recommit_model(made.penalised.secret)
    with pytest.raises(zu.ParameterError, match="committed afresh"):
        zu.prove_distance(made.dataset, fresh)


def test_openings_are_counted_before_they_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """And without one left nothing is opened."""
    data = zu.commit(*table(20), bounds=BOUNDS, openings=4)
    own = zu.prove(data, PENALISED, model_openings=2).secret
    with monkeypatch.context() as patch:
        patch.setattr("zkunlearn.prover.owner.prove.Prover", None)
        with pytest.raises(TypeError):
            zu.prove_distance(data, own)
    assert (data.spent, own.spent) == (3, 2)
    with pytest.raises(zu.BudgetExceeded, match="model commitment are spent"):
        zu.prove_distance(data, own)
    assert data.spent == 3


def test_a_statement_refers_to_its_training_alone(made: Made) -> None:
    assert {*made.proof.statement.references} == {"training"} == {*DistanceStatement.refers}
    assert made.dataset.statement in made.proof.statement.opens
