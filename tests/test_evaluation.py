"""How many rows of a hold-out models predict right: proved, saved, verified, and refused where it has to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.relations.evaluation import LARGEST_SCORE_BITS
from zkunlearn.circuits.statements.evaluation import MIN_ROWS, EvaluationStatement
from zkunlearn.errors import BudgetExceeded, FormatError, InvalidProof, ParameterError, StatementMismatch
from zkunlearn.formats.container import decode, encode
from zkunlearn.models.live import Live
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.prover.witnesses.evaluation import scores
from zkunlearn.verifier.verify import verify_proof

from .reference import evaluation as second
from .reference import verifier
from .reference.examples import package_verdict

BOUNDS = {"x1": (-2.0, 2.0), "x2": (-2.0, 2.0)}
SPEC = zu.TrainingSpec(model="logistic", epochs=2, learning_rate=0.5)
SCALED = zu.TrainingSpec(model="probit", epochs=2, learning_rate=0.5, standardize=True)
PLAIN = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5, bias=False)


def table(rows: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, size=(rows, 2))
    return X, (X[:, 0] - X[:, 1] / 2 + rng.normal(size=rows) > 0).astype(int)


def commit(rows: int, seed: int, bounds: Any = BOUNDS, **options: Any) -> zu.Dataset:
    return zu.commit(*table(rows, seed), bounds=bounds, openings=options.pop("openings", 12), **options)


@dataclass(frozen=True)
class Made:
    dataset: zu.Dataset
    holdout: zu.Dataset
    first: Any
    after: Any
    both: zu.EvaluationProof


@pytest.fixture(scope="module")
def made() -> Made:
    dataset, holdout = commit(21, 1), commit(MIN_ROWS + 1, 2)
    first = zu.prove(dataset, SPEC, model_openings=5)
    after = zu.prove(dataset, SCALED, forget=["3", "8"], previous=first)
    return Made(dataset, holdout, first, after, zu.evaluate(holdout, [first.secret, after.secret]))


def verdict(proof: zu.EvaluationProof) -> str:
    """On the file; the same for both verifiers."""
    file = proof.to_bytes()
    found = package_verdict(lambda: verify_proof(zu.Proof.from_bytes(file)))
    assert verifier.verdict(second.verify_evaluation, file) == found
    return found


def stating(proof: zu.EvaluationProof, statement: EvaluationStatement) -> zu.EvaluationProof:
    """The same proof under another statement."""
    return zu.EvaluationProof(statement, proof.proof)


def test_the_numbers_are_those_of_the_models(made: Made) -> None:
    X, y = table(MIN_ROWS + 1, 2)
    for trained, right in zip((made.first, made.after), made.both.statement.right, strict=True):
        assert right == round(trained.model.score(X, y) * len(y))
        assert MIN_ROWS // 2 < right < MIN_ROWS


def test_models_of_other_methods_stand_beside_each_other(made: Made) -> None:
    """A certified optimum has weights at a scale of its own, whose sign is what counts; a noisy one at another."""
    hidden = zu.TrainingSpec(model="logistic", method="noisy", l2=0.01)
    noise = zu.commit_noise(made.dataset, hidden, "a beacon")
    noisy = zu.prove(made.dataset, hidden, noise=noise, nonce=bytes(32))
    certified = zu.prove(made.dataset, zu.TrainingSpec(model="logistic", method="optimum", l2=0.01))
    both = zu.evaluate(made.holdout, [noisy.secret, certified.secret])
    X, y = table(MIN_ROWS + 1, 2)
    rights = tuple(round(each.model.score(X, y) * len(y)) for each in (noisy, certified))
    assert verdict(both) == "valid" and both.statement.right == rights


def test_rows_with_keys_can_be_trained_on_and_held_out() -> None:
    dataset, holdout = (commit(rows, 3, unique={"k": range(rows)}) for rows in (21, MIN_ROWS))
    evaluation = zu.evaluate(holdout, zu.prove(dataset, SPEC).secret)
    assert verdict(evaluation) == "valid" and holdout.statement.key_limbs


def test_both_verifiers_accept_it_and_it_is_saved_and_loaded(made: Made, tmp_path: Path) -> None:
    assert verdict(made.both) == "valid"
    made.both.save(tmp_path / "both.evaluation")
    again = zu.EvaluationProof.load(tmp_path / "both.evaluation")
    assert again == made.both and again.to_bytes() == made.both.to_bytes()
    trainings = [made.first.proof, made.after.proof]
    assert zu.verify_evaluation(again, made.holdout.commitment, trainings) >= 100


def test_one_model_alone_is_evaluated_and_every_opening_is_counted(made: Made, tmp_path: Path) -> None:
    made.first.save(tmp_path / "first.proof")
    path = tmp_path / "first.model.opening"
    before = zu.Model.load(path).spent, made.holdout.spent
    alone = zu.evaluate(made.holdout, path)
    assert (zu.Model.load(path).spent, made.holdout.spent) == (before[0] + 1, before[1] + 1)
    assert alone.statement.second is None and verdict(alone) == "valid"
    assert alone.statement.right == made.both.statement.right[:1]
    assert "second" not in decode(alone.to_bytes(), None, 1 << 24)[1]["references"]
    zu.evaluate(made.holdout, path)  # its fourth opening, with the training and both models together
    zu.evaluate(made.holdout, path)
    assert zu.Model.load(path).spent == 5
    with pytest.raises(BudgetExceeded, match="model"):
        zu.evaluate(made.holdout, path)


def test_a_hold_out_without_openings_is_refused() -> None:
    spent, model = commit(MIN_ROWS, 2, openings=2), zu.prove(commit(21, 1), SPEC).secret
    zu.evaluate(spent, model)
    with pytest.raises(BudgetExceeded, match="data set"):
        zu.evaluate(spent, model)
    assert model.spent == 2, "nothing was opened of the model"


def test_rows_that_were_destroyed_do_not_count(made: Made) -> None:
    trained = zu.prove(made.holdout, SPEC, forget=["5"])
    less, _ = zu.destroy(made.holdout, ["5"], forgotten_by=trained.proof, openings=3)
    model = zu.prove(made.dataset, PLAIN)
    found, whole = zu.evaluate(less, model.secret), zu.evaluate(made.holdout, model.secret)
    assert found.statement.rows == MIN_ROWS and verdict(found) == "valid"
    assert 0 <= whole.statement.right[0] - found.statement.right[0] <= 1


# What is refused -----------------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[str, Callable[[Made], tuple[zu.Dataset, Any]]]] = {
    "few rows": ("99 rows of the hold-out count", lambda made: (commit(MIN_ROWS - 1, 2), made.first.secret)),
    "other bounds": (
        "other columns, bounds",
        lambda made: (commit(MIN_ROWS, 2, {**BOUNDS, "x2": (-2.0, 3.0)}), made.first.secret),
    ),
    "other scale": ("other columns, bounds", lambda made: (commit(MIN_ROWS, 2, x_bits=12), made.first.secret)),
    "same model": ("both models are the same", lambda made: (made.holdout, [made.first.secret] * 2)),
    "three models": ("3 of them, one statement is about 1 to 2", lambda made: (made.holdout, [made.first.secret] * 3)),
    "no model": ("0 of them", lambda made: (made.holdout, [])),
    "afresh": ("committed afresh", lambda made: (made.holdout, zu.recommit_model(made.after.secret)[0])),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_cannot_be_evaluated_is_refused_before_anything_is_opened(name: str, made: Made) -> None:
    words, arguments = REFUSED[name]
    holdout, models = arguments(made)
    spent = holdout.spent
    with pytest.raises(ParameterError, match=words):
        zu.evaluate(holdout, models)
    assert holdout.spent == spent


OF_LABELS: dict[str, Any] = {"linear": {"label": (-2.0, 2.0)}, "classes": {}, "shards": {}}


@pytest.mark.parametrize("kind", OF_LABELS)
def test_models_of_other_families_and_methods_are_refused_by_name(kind: str, made: Made) -> None:
    X, y = table(21, 1)
    labels = {"linear": X[:, 0], "classes": np.array(list("abc" * 7)), "shards": y}[kind]
    spec = {
        "linear": zu.TrainingSpec(model="linear", epochs=1, learning_rate=0.5),
        "classes": SPEC,
        "shards": zu.TrainingSpec(model="logistic", method="sisa", shard_rows=8, slices=2, epochs=1, learning_rate=0.5),
    }[kind]
    model = zu.prove(zu.commit(X, labels, bounds={**BOUNDS, **OF_LABELS[kind]}, openings=3), spec).secret
    words = {
        "linear": "linear regression on real labels: only models of two classes",
        "classes": "on categorical labels: only models of two classes",
        "shards": "'sisa'",
    }[kind]
    with pytest.raises(ParameterError, match=words):
        zu.evaluate(made.holdout, model)


def training_sets(made: Made) -> dict[str, zu.Dataset]:
    """The training set by itself, and in other guises."""
    data = commit(MIN_ROWS, 3)
    again, _ = zu.recommit(data, openings=5)
    grown, _ = zu.append(data, *table(MIN_ROWS, 4), openings=5)
    return {"itself": data, "committed afresh": again, "grown": grown}


def test_the_training_set_is_no_hold_out_in_whatever_guise(made: Made) -> None:
    """By the roots of its records, and by where each data set says that its rows were born; in either direction."""
    guises = training_sets(made)
    models = {name: zu.prove(data, SPEC).secret for name, data in guises.items()}
    for trained in guises:
        for holdout in guises.values():
            with pytest.raises(
                ParameterError, match=r"rows that were committed in the data set of the model|whose spec"
            ):
                zu.evaluate(holdout, models[trained])
    records = replace(made.holdout.statement, record_root=made.dataset.statement.record_root)
    lie = stating(made.both, replace(made.both.statement, holdout=records))
    assert verdict(lie) == "statement"


def test_bounds_that_were_taken_from_the_data_may_be_declared_for_the_hold_out() -> None:
    X, y = table(21, 1)
    data = zu.commit(X, y, openings=3)
    columns = data.statement.encoding.features
    holdout = zu.commit(
        *(part[:MIN_ROWS] for part in inside(columns)),
        bounds={column.name: (column.low, column.high) for column in columns},
        openings=3,
    )
    assert not data.statement.encoding.bounds_declared and holdout.statement.encoding.bounds_declared
    assert verdict(zu.evaluate(holdout, zu.prove(data, SPEC).secret)) == "valid"


def inside(columns: Any) -> tuple[Any, Any]:
    X, y = table(4 * MIN_ROWS, 6)
    kept = np.all([(column.low <= x) & (x <= column.high) for column, x in zip(columns, X.T, strict=True)], axis=0)
    assert kept.sum() >= MIN_ROWS
    return X[kept], y[kept]


# Lies in what is stated ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [(1, 0), (0, -1), (-40, 30)])
def test_other_numbers_under_the_same_proof_are_rejected(step: tuple[int, int], made: Made) -> None:
    right = tuple(a + b for a, b in zip(made.both.statement.right, step, strict=True))
    assert verdict(stating(made.both, replace(made.both.statement, right=right))) == "constraints"


def swapped(own: EvaluationStatement) -> EvaluationStatement:
    assert own.second is not None
    return replace(own, training=own.second, second=own.training, right=own.right[::-1])


def test_another_hold_out_or_other_models_under_the_same_proof_are_rejected(made: Made) -> None:
    own = made.both.statement
    other = commit(MIN_ROWS + 1, 5)
    lies = {
        "hold-out": replace(own, holdout=other.statement),
        "root of the hold-out": replace(own, holdout=replace(own.holdout, root=other.statement.root)),
        "model": replace(own, training=replace(own.training, previous=bytes(32))),
    }
    for name, lie in lies.items():
        assert verdict(stating(made.both, lie)) == "constraints", name
    assert verdict(stating(made.both, swapped(own))) in ("constraints", "proof length")


def test_numbers_and_models_that_do_not_go_together_are_refused(made: Made) -> None:
    own = made.both.statement
    for lie in (replace(own, right=own.right[:1]), replace(own, second=own.training)):
        assert verdict(stating(made.both, lie)) == "statement"
    assert verdict(stating(made.both, replace(own, second=None, right=own.right[:1]))) == "proof length"


def test_a_second_model_that_is_not_named_or_not_there_is_refused(made: Made) -> None:
    payload = decode(made.both.to_bytes(), None, 1 << 24)[1]
    unnamed = {**payload, "statement": {**payload["statement"], "second": None}}
    absent = {**payload, "references": {k: v for k, v in payload["references"].items() if k != "second"}}
    for lie in (unnamed, absent):
        file = encode("evaluation", lie)
        with pytest.raises(FormatError, match="second"):
            zu.EvaluationProof.from_bytes(file)
        assert verifier.verdict(second.verify_evaluation, file) == "format"


def test_what_the_auditor_names_is_compared(made: Made) -> None:
    both, own = [made.first.proof, made.after.proof], made.holdout.commitment
    with pytest.raises(StatementMismatch, match="another hold-out"):
        zu.verify_evaluation(made.both, made.dataset.commitment, both)
    for other in (both[::-1], both[:1]):
        with pytest.raises(StatementMismatch, match="other models"):
            zu.verify_evaluation(made.both, own, other)
    with pytest.raises(ParameterError, match="trainings"):
        zu.verify_evaluation(made.both, own, [])
    junk = zu.DatasetCommitment(own.statement, bytes(len(own.proof)))
    with pytest.raises(InvalidProof):
        zu.verify_evaluation(made.both, junk, both)


# Integers ------------------------------------------------------------------------------------------------------------


def test_scores_are_those_of_plain_integers(made: Made) -> None:
    rows, integers = made.holdout.rows, made.after.secret.integers
    X = rows.by_feature.astype(object)
    bias = made.first.secret.integers
    for own in (integers, bias):
        z = [int(sum(X[k, n] * int(own[0, k]) for k in range(2))) for n in range(X.shape[1])]
        shift = int(own[0, 2]) if own.shape[1] == 3 else 0
        assert scores(rows, own).tolist() == [each + shift for each in z]


@pytest.mark.parametrize("features", [1, 30, 784])
@pytest.mark.parametrize("standardize, bias", [(False, False), (False, True), (True, True)])
def test_the_largest_model_of_a_spec_is_within_the_declared_bits(features: int, standardize: bool, bias: bool) -> None:
    """The weights at the ends of their range, the largest exponents and the largest means; and scores fit 62 bits."""
    names = tuple(f"x{k}" for k in range(features))
    shape = DatasetShape(
        rows=1000, features=features, label_kind="binary", label_bits=0, x_bits=10, classes=("a", "b"), names=names
    )
    spec = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5, standardize=standardize, bias=bias)
    schedule: Any = spec.compile(shape, Live(1000))
    weight_bits, intercept_bits = schedule.committed_bits
    largest = 1 << (schedule.weight_bits - 1)
    cap = schedule.standardization.cap if standardize else 0
    assert largest << cap <= 1 << (weight_bits - 1)
    intercept = (largest << 10) * bias
    if standardize:  # |m| <= 2^cap (2^10 + 1), of a feature that is always 1 or always -1
        intercept += features * largest * ((1 << cap) * ((1 << 10) + 1))
    assert intercept <= 1 << (intercept_bits - 1)
    score = features * (1 << 10) * (1 << (weight_bits - 1)) + bias * (1 << (intercept_bits - 1))
    assert score.bit_length() <= LARGEST_SCORE_BITS
