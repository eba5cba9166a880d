"""Newton's steps of several classes: those of plain Python, and through the library."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.errors import InvalidProof, ParameterError, TrainingError
from zkunlearn.models.methods.newton_reference import inverse_values, run_steps, second_derivative
from zkunlearn.models.methods.newton_steps import NewtonCertificate
from zkunlearn.models.methods.optimum_reference import certify, gradient_of
from zkunlearn.prover.owner import work
from zkunlearn.prover.owner.influence import influence_of
from zkunlearn.prover.witnesses.newton import find_stepped
from zkunlearn.prover.witnesses.optimum import find_optimum, optimum_model

from .test_optimum_classes import certificate, classed
from .test_optimum_classes_proofs import FEATURES, NAMES, committed, table

__all__ = ["table"]
SPEC = zu.TrainingSpec(model="logistic", method="newton", l2=0.25)
OPTIMUM = zu.TrainingSpec(model="logistic", method="optimum", l2=0.25)


# The prover ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{}, {"bias": False, "steps": 2}, {"model": "probit", "steps": 2}], ids=str)
def test_steps_from_a_model_and_from_zero_are_those_of_plain_python(changes: dict[str, Any]) -> None:
    rng = np.random.default_rng(3)
    X, y = rng.integers(-1024, 1025, (60, 3)), np.arange(60) % 4
    first: Any = certificate(60, 3, method="newton", **changes)
    check(X, y, first, [])
    before = optimum_model(first, find_stepped(classed(X, y), first, []))
    again: Any = certificate(60, 3, (4, 9), method="newton", **changes)
    check(X, y, again.begun((first.scales.w_bits - first.grid,)), [before])


def check(X: Any, y: Any, schedule: NewtonCertificate, models: list[Any]) -> None:
    found = find_stepped(classed(X, y), schedule, models)
    assert found.matrix.shape == (4, schedule.width, schedule.width)
    steps = run_steps(X, y, found.steps[0].weights, found.matrix, schedule)
    for mine, plain in zip(found.steps, steps, strict=True):
        for name in ("weights", "cut", "cut_rest", "remainder", "after"):
            assert np.array_equal(getattr(mine, name), getattr(plain, name)), name
        for name, value in vars(plain.rows).items():
            assert np.array_equal(getattr(mine.rows, name), value), name
    _, settled = certify(X, y, steps[-1].after, schedule)
    assert all(np.array_equal(getattr(found.settled, name), value) for name, value in vars(settled).items())
    other = find_optimum(classed(X, y), schedule)
    assert np.array_equal(optimum_model(schedule, found), optimum_model(schedule, other))


@pytest.mark.parametrize("bias", [True, False])
def test_steps_by_inverses_are_those_of_plain_python_class_by_class(bias: bool) -> None:
    rng = np.random.default_rng(3)
    X, y = rng.integers(-1024, 1025, (90, 3)), np.arange(90) % 4
    fields: dict[str, Any] = {"l2": 0.25, "bias": bias}
    first = certificate(90, 3, **fields)
    before = optimum_model(first, find_optimum(classed(X, y), first))
    own: Any = certificate(90, 3, (4, 9), method="newton", inverse=12, steps=4, **fields)
    own = own.begun((14,))
    found = find_stepped(classed(X, y), own, [before])
    steps = run_steps(X, y, found.steps[0].weights, found.matrix, own)
    for mine, plain in zip(found.steps, steps, strict=True):
        for name in ("weights", "cut", "cut_rest", "remainder", "after"):
            assert np.array_equal(getattr(mine, name), getattr(plain, name)), name
    assert found.proved is not None
    alone = replace(own, outputs=1)
    for output in range(4):
        (rows, _) = gradient_of(X, y == output, found.steps[0].weights[output], alone)
        proved = inverse_values(second_derivative(X, rows, alone), found.matrix[output], own.inverse)
        for name, value in vars(proved).items():
            assert np.array_equal(getattr(found.proved, name)[output], value), name
    assert np.array_equal(optimum_model(own, found), optimum_model(own, find_optimum(classed(X, y), own)))
    nothing = np.zeros_like(before)
    with pytest.raises(TrainingError, match=r"steps = 1: they end up to \d+ units .* declare more steps"):
        once: Any = certificate(90, 3, (4, 9), method="newton", inverse=12, **fields)
        find_stepped(classed(X, y), once.begun((14,)), [nothing])


def test_one_class_that_is_not_led_there_is_enough_to_refuse_with_what_would_help() -> None:
    """It begins almost at its optimum, where its gradient is rounded to nothing; the others get there."""
    rng = np.random.default_rng(4)
    X, y = rng.integers(-1024, 1025, (60, 3)), np.arange(60) % 4
    own: Any = certificate(60, 3, method="newton").begun((22,))
    weights = find_optimum(classed(X, y), own).settled.weights
    near = np.zeros_like(weights)
    near[2] = (weights[2] >> 10) + 2
    near[:, 3] <<= 10
    with pytest.raises(TrainingError, match=r"steps = 1: they end up to \d+ units .* declare more steps"):
        find_stepped(classed(X, y), own, [near])


# The library ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dataset(table: tuple[Any, Any]) -> zu.Dataset:
    return committed(table)


@pytest.fixture(scope="module")
def first(dataset: zu.Dataset) -> zu.Trained:
    return zu.prove(dataset, SPEC, model_openings=6)


def test_a_step_from_the_superseded_model_ends_at_the_optima_without_the_rows(
    dataset: zu.Dataset, first: zu.Trained, tmp_path: Path
) -> None:
    files = first.save(tmp_path / "first.proof")
    gone = ["tree 3", "tree 30"]
    second = zu.prove(dataset, SPEC, forget=gone, previous=first)
    digests = [record.digest for record in second.statement.forgotten]
    report = zu.verify(second.proof, dataset.commitment, spec=SPEC, forget=digests, previous=first.proof)
    assert report.security_bits >= 100 and report.changes == ()
    assert second.statement.start[0].model == first.statement.model
    assert np.array_equal(second.model.integers, zu.train(dataset, OPTIMUM, forget=gone).integers)
    moved = influence_of(files.models[0], second)
    assert moved is not None and moved.weights == len(NAMES) * (FEATURES + 1) and moved.norm > 0


def test_steps_by_inverses_of_classes_are_the_update_by_influence_functions(
    dataset: zu.Dataset, first: zu.Trained
) -> None:
    by_inverse = zu.TrainingSpec(model="logistic", method="newton", l2=0.25, inverse=12, steps=3)
    second = zu.prove(dataset, by_inverse, forget=["tree 3"], previous=first)
    report = zu.verify(second.proof, dataset.commitment, previous=first.proof)
    assert report.step_error is not None and report.step_error.relative < 0.01
    assert np.array_equal(second.model.integers, zu.train(dataset, OPTIMUM, forget=["tree 3"]).integers)
    lie = replace(
        second.statement, spec=zu.TrainingSpec(model="logistic", method="newton", l2=0.25, inverse=13, steps=3)
    )
    with pytest.raises(InvalidProof):
        zu.verify(zu.TrainingProof(lie, second.proof.proof, second.proof.attached), dataset.commitment)


def test_a_class_is_forgotten_by_a_step_from_an_optimum_and_from_descent(dataset: zu.Dataset) -> None:
    descent = zu.prove(dataset, zu.TrainingSpec(model="logistic", epochs=3, learning_rate=0.5), model_openings=3)
    after = zu.prove(dataset, SPEC, forget_classes=["fir"], previous=descent)
    assert zu.verify(after.proof, dataset.commitment, previous=descent.proof).security_bits >= 100
    assert after.statement.forgotten_classes == ("fir",) and after.statement.start[0].scale == 16
    assert np.array_equal(after.model.integers, zu.train(dataset, OPTIMUM, forget_classes=["fir"]).integers)
    history = zu.verify_chain([dataset.commitment, descent.proof, after.proof])
    assert history.verdict == "valid", [entry.reason for entry in history.entries]


def test_steps_of_classes_begin_from_models_of_these_classes_only(dataset: zu.Dataset, first: zu.Trained) -> None:
    bare = zu.prove(dataset, zu.TrainingSpec(model="logistic", method="optimum", l2=0.25, bias=False))
    with pytest.raises(ParameterError):
        zu.prove(dataset, SPEC, previous=bare)
    with pytest.raises(InvalidProof, match="statement"):
        swapped = zu.TrainingProof(first.statement, first.proof.proof[:-8], first.proof.attached)
        zu.verify(zu.TrainingProof(bare.statement, swapped.proof, swapped.attached), dataset.commitment)


def test_matrices_and_weights_between_are_in_no_file_and_in_no_log(
    dataset: zu.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    own = work.MAKERS_OF_METHOD["newton"]

    def train(*arguments: Any) -> Any:
        seen.append(own.train(*arguments))
        return seen[-1]

    monkeypatch.setattr(work, "MAKERS_OF_METHOD", {"newton": replace(own, train=train)})
    files = zu.prove(dataset, SPEC, forget=["tree 9"]).save(tmp_path / "p.proof")
    found = seen[0]
    hidden = [*found.matrix.ravel().tolist(), *found.steps[0].after.ravel().tolist()]
    assert found.matrix.shape == (len(NAMES), FEATURES + 1, FEATURES + 1)
    for value in [own for own in hidden if abs(own) > 1 << 16]:
        assert str(value) not in repr(found) + repr(found.steps[0])
        for file in files.all:
            data = file.read_bytes()
            assert value.to_bytes(8, "little", signed=True) not in data
            assert (value % MODULUS).to_bytes(8, "little") not in data
