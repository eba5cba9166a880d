"""How near its optimum a Poisson model is: measured, proved, saved, verified, and refused where it has to be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.cli.distance_words import distance_cautions, distance_lines, distance_text
from zkunlearn.errors import ParameterError
from zkunlearn.models.live import Live
from zkunlearn.models.methods.count_distance import CountDistance
from zkunlearn.models.methods.distance_reference import measure, smallest, weights_of
from zkunlearn.prover.matrices.entropy import random_field
from zkunlearn.prover.witnesses.distance import place
from zkunlearn.prover.witnesses.rows import Rows

from .test_distance import stating, verdict

ROWS = 40
BOUNDS = {"x1": (-2.0, 2.0), "x2": (-2.0, 2.0)}
SPEC = zu.TrainingSpec(model="poisson", epochs=40, learning_rate=0.2, momentum=0.5, l2=0.02)
PENALISED = zu.TrainingSpec(
    model="poisson", epochs=40, learning_rate=0.15, momentum=0.5, l2=0.05, penalize_intercept=True
)
SHARDS = zu.TrainingSpec(
    model="poisson", method="sisa", shard_rows=16, epochs=10, learning_rate=0.2, l2=0.05, aggregate="score"
)


def table(rows: int = ROWS, seed: int = 1) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, size=(rows, 2))
    return X, rng.poisson(np.exp(0.7 * X[:, 0] - 0.3 * X[:, 1] + 0.5))


def committed(openings: int, **more: Any) -> zu.Dataset:
    return zu.commit(*table(), bounds=BOUNDS, label_kind="count", openings=openings, **more)


@dataclass(frozen=True)
class Made:
    dataset: zu.Dataset
    trained: tuple[Any, Any]
    proofs: tuple[zu.DistanceProof, zu.DistanceProof]


@pytest.fixture(scope="module")
def made() -> Made:
    dataset = committed(16)
    trained = zu.prove(dataset, SPEC, forget=["3", "8"], model_openings=8), zu.prove(dataset, PENALISED)
    return Made(dataset, trained, tuple(zu.prove_distance(dataset, own.secret) for own in trained))  # type: ignore[arg-type]


def test_both_verifiers_accept_a_distance_and_what_it_says_is_the_least(made: Made) -> None:
    for proof, trained in zip(made.proofs, made.trained, strict=True):
        assert verdict(proof) == "valid"
        assert zu.verify_distance(proof, made.dataset.commitment, trained.proof) >= 100
        own, rows = proof.statement.schedule, made.dataset.rows
        placed = measure(rows.by_feature.T, rows.labels, weights_of(trained.secret.integers, own), own)
        assert smallest(placed, own) == (proof.statement.distance, proof.statement.slope)
        fast = place(rows, trained.secret.integers, own)
        assert np.array_equal(fast.gradient, placed.gradient) and np.array_equal(fast.rows.z, placed.rows.z)


def test_what_is_said_bounds_the_loss_with_what_the_table_is_off(made: Made) -> None:
    first, other = (proof.statement for proof in made.proofs)
    assert first.slope is not None and other.slope is None
    for said, most in ((first, Fraction(1, 1000)), (other, Fraction(1, 100))):
        own = said.schedule
        assert isinstance(own, CountDistance) and 0 < said.excess < most
        assert said.real_distance == Fraction(own.penalty * 2 ** (said.distance or 0) + own.blur[0], own.penalty << 18)
        assert said.real_distance > Fraction(2 ** (said.distance or 0), 2**18)


def test_words_say_that_the_loss_is_the_exact_one(made: Made) -> None:
    said = distance_text(made.proofs[0].statement)
    assert said.startswith("the model's loss is within 0.00") and "which a unit of another intercept lowers" in said
    assert any(
        "the exact one, in whose bounds is what a table" in each for each in distance_cautions(made.proofs[0].statement)
    )
    assert (
        "objective",
        "mean loss of Poisson regression, and l2 / 2 times the squares of weights, l2 = 0.02, the intercept left out",
    ) in distance_lines(made.proofs[0].statement)


def test_a_distance_may_be_declared(made: Made) -> None:
    least = made.proofs[0].statement
    assert least.slope is not None and least.real_slope is not None and least.distance is not None
    own = replace(least.schedule, distances=(1 << least.distance + 1,), slope=least.slope + 2)
    said = float(own.real_distance) * 1.001, float(own.real_slope or 0) * 1.001
    proof = zu.prove_distance(made.dataset, made.trained[0].secret, *said)
    assert (proof.statement.distance, proof.statement.slope) == (least.distance + 1, least.slope + 2)
    assert verdict(proof) == "valid"
    for number, words in ((1e-9, r"distance = 1e-09: the least that can be said is 0.00"), (0.004, "least distance")):
        with pytest.raises((ParameterError, zu.TrainingError), match=words):
            zu.prove_distance(made.dataset, made.trained[0].secret, number)


def test_other_numbers_under_the_same_proof_are_rejected(made: Made) -> None:
    own = made.proofs[0].statement
    assert own.slope is not None and own.distance is not None
    for changes in ({"distance": own.distance + 1}, {"slope": own.slope + 1}, {"distance": own.distance - 1}):
        assert verdict(stating(made.proofs[0], **changes)) in ("constraints", "proof length")


def test_what_has_no_such_statement_is_refused_by_both(made: Made) -> None:
    own, other = made.proofs
    training = own.statement.training
    for proof, change in (
        (own, {"slope": None}),
        (other, {"slope": 30}),
        (own, {"distance": 24}),
        (own, {"training": replace(training, spec=spec_of(l2=0.0))}),
        (own, {"training": replace(training, spec=spec_of(l2=1e-9))}),
        (own, {"training": replace(training, spec=spec_of(l2=1e8))}),
        (own, {"training": replace(training, spec=spec_of(standardize=True))}),
        (own, {"training": replace(training, spec=spec_of(fixed_point=zu.FixedPoint(w_bits=17, p_bits=10)))}),
    ):
        assert verdict(stating(proof, **change)) == "statement", change


def spec_of(**changes: Any) -> zu.TrainingSpec:
    return zu.TrainingSpec(**{"model": "poisson", "epochs": 40, "learning_rate": 0.001, "l2": 0.02, **changes})


def test_each_shard_of_a_poisson_training_has_a_distance(tmp_path: Path) -> None:
    """Of its own rows; and rows may have keys."""
    dataset = committed(6, unique={"no": [*range(ROWS)]})
    trained: Any = zu.prove(dataset, SHARDS, forget=["3"])
    proof = zu.prove_distance(dataset, trained.secret)
    assert verdict(proof) == "valid" and len(proof.statement.models) == 3
    assert zu.verify_distance(proof, dataset.commitment, trained.proof) >= 100
    assert [own.live.count for own in proof.statement.schedules] == [
        len(set(range(at, min(at + 16, ROWS))) - set(trained.statement.positions)) for at in (0, 16, 32)
    ]
    proof.save(tmp_path / "a.distance")
    assert zu.DistanceProof.load(tmp_path / "a.distance") == proof


def test_fast_gradients_are_exact_of_the_largest_counts_and_scores() -> None:
    """A spec whose weights are large, on many rows."""
    rng, rows = np.random.default_rng(5), 3000
    X = rng.integers(-(1 << 10), (1 << 10) + 1, (rows, 3)).astype(np.int16)
    y = rng.integers(0, 1 << 16, rows).astype(np.int32)
    shape = committed(2).statement.encoding.shape(rows)
    own = spec_of().compile_distance(replace(shape, features=3, names=("a", "b", "c")), Live(rows, (4, 77)), 10, 61)
    assert isinstance(own, CountDistance)
    model = np.array([2 * 2**18, -2 * 2**18 + 7, 3 * 2**18, -(2**17)])
    integers = (model * [1, 1, 1, own.one])[None]
    given = Rows([], X.T.copy(), y, random_field(2, 1), np.zeros((rows, 32), np.uint8))
    quick = place(given, integers, own)
    slow = measure(X, y, model, own)
    assert np.array_equal(quick.gradient, slow.gradient)
    for name in ("z", "Q", "edge", "step", "middle", "low", "risen", "rest"):
        assert np.array_equal(getattr(quick.rows, name), getattr(slow.rows, name)), name
