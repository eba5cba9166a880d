"""How near its optimum a linear model is: measured, proved, saved, verified, and refused where it has to be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.models.live import Live
from zkunlearn.models.methods.distance_reference import measure, smallest, weights_of
from zkunlearn.models.methods.gram_reference import LimbValues
from zkunlearn.models.methods.one_pass import OnePass
from zkunlearn.prover.matrices.entropy import random_field
from zkunlearn.prover.witnesses.distance import place
from zkunlearn.prover.witnesses.rows import Rows

from .test_distance import stating, verdict

ROWS = 30
BOUNDS = {"x1": (-2.0, 2.0), "x2": (-2.0, 2.0), "label": (-8.0, 8.0)}
ONE_PASS = zu.TrainingSpec(model="linear", epochs=60, learning_rate=1.0, momentum=0.5, l2=0.02)
DESCENT = zu.TrainingSpec(
    model="linear", method="gradient descent", batch_size=8, epochs=20, learning_rate=0.5, l2=0.05,
    penalize_intercept=True,
)  # fmt: skip


@dataclass(frozen=True)
class Made:
    dataset: zu.Dataset
    trained: tuple[Any, Any]
    proofs: tuple[zu.DistanceProof, zu.DistanceProof]


@pytest.fixture(scope="module")
def made() -> Made:
    rng = np.random.default_rng(1)
    X = rng.uniform(-2, 2, size=(ROWS, 2))
    dataset = zu.commit(X, X @ [1.0, -0.5] + 0.3 + rng.normal(size=ROWS), bounds=BOUNDS, openings=8)
    trained = zu.prove(dataset, ONE_PASS, forget=["3", "8"]), zu.prove(dataset, DESCENT)
    return Made(dataset, trained, tuple(zu.prove_distance(dataset, own.secret) for own in trained))  # type: ignore[arg-type]


def test_both_verifiers_accept_a_distance_and_what_it_says_is_the_least(made: Made) -> None:
    for proof, trained in zip(made.proofs, made.trained, strict=True):
        assert verdict(proof) == "valid"
        assert zu.verify_distance(proof, made.dataset.commitment, trained.proof) >= 100
        own = proof.statement.schedule
        rows = made.dataset.rows
        placed = measure(rows.by_feature.T, rows.labels, weights_of(trained.secret.integers, own), own)
        assert smallest(placed, own) == (proof.statement.distance, proof.statement.slope)


def test_what_is_said_is_in_real_numbers_that_bound_the_loss(made: Made) -> None:
    first, other = (proof.statement for proof in made.proofs)
    assert first.slope is not None and other.slope is None
    assert first.real_distance == Fraction(2**first.distance, 2**16) < Fraction(1, 100)
    assert 0 < first.excess < Fraction(1, 10**6) and first.excess < other.excess
    assert int(made.trained[0].secret.integers[0, -1]) % 1024  # an intercept that is no multiple of 2^x_bits


def test_the_fast_gradient_is_that_of_plain_integers() -> None:
    """Over several pieces of rows, of features that are left out, and of labels in each limb."""
    rng = np.random.default_rng(3)
    shape = zu.commit(rng.normal(size=(4, 2)), rng.normal(size=4), openings=2).statement.encoding.shape(4)
    for d, w_bits, label_bits, spec in ((5, 16, 14, ONE_PASS), (3, 18, 2, DESCENT), (1, 10, 14, ONE_PASS)):
        n, names = 3000, tuple(f"x{k + 1}" for k in range(d))
        own: Any = zu.TrainingSpec(
            model="linear", method=spec.method, without=names[1:2], fixed_point=zu.FixedPoint(w_bits=w_bits)
        ).compile_distance(
            replace(shape, rows=n, features=d, names=names, label_bits=label_bits),
            Live(n, (1, 2000)), 3, None if spec is DESCENT else 60,
        )  # fmt: skip
        X = rng.integers(-1024, 1025, (n, d)).astype(np.int16)
        y = rng.integers(-(1 << 15), 1 << 15, n).astype(np.int32)
        rows = Rows([], X.T.copy(), y, random_field(2, 1), np.zeros((n, 32), np.uint8))
        model = rng.integers(-(1 << 30), 1 << 30, (1, d + 1))
        fast, slow = place(rows, model, own), measure(X, y, model[0], own)
        assert isinstance(fast.rows, LimbValues) and isinstance(slow.rows, LimbValues)
        assert np.array_equal(fast.gradient, slow.gradient) and np.abs(slow.gradient).max() < 1 << 62
        assert np.array_equal(fast.rows.z, slow.rows.z) and np.array_equal(fast.rows.carries, slow.rows.carries)


def test_other_numbers_under_the_same_proof_are_rejected(made: Made) -> None:
    first, other = made.proofs
    own = first.statement
    assert own.slope is not None
    for proof, changes in (
        (first, {"distance": own.distance + 1}),
        (first, {"slope": own.slope + 1}),
        (first, {"slope": own.slope - 1}),
        (other, {"distance": other.statement.distance - 1}),
    ):
        assert verdict(stating(proof, **changes)) in ("constraints", "proof length"), changes


def test_what_has_no_such_statement_is_refused_by_both(made: Made) -> None:
    first, other = made.proofs
    training = first.statement.training
    fields: dict[str, Any] = {"epochs": 60, "learning_rate": 1.0, "l2": 0.02}
    for proof, changes in (
        (first, {"slope": None}),
        (other, {"slope": 30}),
        (first, {"distance": first.statement.schedule.longest + 1}),
        (first, {"training": replace(training, spec=zu.TrainingSpec(model="linear", **{**fields, "l2": 0.0}))}),
        (first, {"training": replace(training, spec=zu.TrainingSpec(model="linear", standardize=True, **fields))}),
        (first, {"training": replace(training, spec=zu.TrainingSpec(model="linear", **{**fields, "l2": 1e-15}))}),
    ):
        assert verdict(stating(proof, **changes)) == "statement", changes


def test_another_training_under_the_same_proof_is_rejected(made: Made) -> None:
    own = made.proofs[0].statement.training
    same = OnePass(epochs=60, learning_rate=1.0, momentum=0.5, l2=0.020001)
    lies = {
        "l2": replace(own, spec=zu.TrainingSpec(model="linear", method=same)),
        "model": replace(own, model=replace(own.model, root=made.trained[1].proof.statement.model.root)),
        "rows": replace(own, forgotten=own.forgotten[:1]),
    }
    for name, lie in lies.items():
        assert verdict(stating(made.proofs[0], training=lie)) in ("constraints", "proof length"), name


def test_a_model_that_is_far_from_any_optimum_is_refused_before_anything_is_spent(made: Made) -> None:
    data = made.dataset
    own = zu.prove(data, zu.TrainingSpec(model="linear", epochs=1, learning_rate=2.0**-5, l2=0.001), model_openings=3)
    spent = data.spent, own.secret.spent
    with pytest.raises(zu.TrainingError, match="the least distance that can be shown is"):
        zu.prove_distance(data, own.secret, distance=0.001)
    with pytest.raises(zu.ParameterError, match="standardize: what l2 penalises"):
        zu.prove_distance(data, zu.prove(data, replace_standardized(ONE_PASS)).secret)
    assert (data.spent - 1, own.secret.spent) == spent


def replace_standardized(spec: zu.TrainingSpec) -> zu.TrainingSpec:
    return zu.TrainingSpec(model="linear", epochs=10, learning_rate=0.5, l2=spec.method.l2, standardize=True)


def test_it_is_saved_and_read(made: Made, tmp_path: Path) -> None:
    for number, proof in enumerate(made.proofs):
        proof.save(tmp_path / f"{number}.distance")
        assert zu.DistanceProof.load(tmp_path / f"{number}.distance") == proof


def test_classes_as_numbers_and_counts_have_distances_on_rows_with_keys() -> None:
    rng = np.random.default_rng(5)
    X = rng.uniform(-1, 1, size=(20, 2))
    counts: dict[str, Any] = {"label_kind": "count"}
    for y, more in ((rng.integers(0, 2, 20), {}), (rng.poisson(3.0, 20), counts)):
        data = zu.commit(X, y, bounds={"x1": (-1, 1), "x2": (-1, 1)}, openings=3, unique={"no": [*range(20)]}, **more)
        assert verdict(zu.prove_distance(data, zu.prove(data, ONE_PASS).secret)) == "valid"
