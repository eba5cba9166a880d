"""Noisy models of several classes through the library: committed to, proved, verified, unlearnt, used."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations.noise import NOISE
from zkunlearn.circuits.statements.noise import pads_of
from zkunlearn.circuits.statements.training import TrainingStatement
from zkunlearn.errors import BudgetExceeded, DataError, FormatError
from zkunlearn.models.methods import Noisy
from zkunlearn.models.methods.noisy_reference import noisy, noisy_model
from zkunlearn.prover.owner import noise as owners_noise

from .test_optimum_classes_proofs import FEATURES, NAMES, committed

SPEC = zu.TrainingSpec(model="logistic", method="noisy", l2=0.25)
FORGET, NONCE, OTHER = ["tree 3", "tree 30"], bytes(range(32)), bytes(32)
WEIGHTS = len(NAMES) * (FEATURES + 1)


@pytest.fixture(scope="module")
def table() -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    X = rng.uniform(-1, 1, size=(90, FEATURES))
    return X, NAMES[(X @ rng.normal(size=(FEATURES, len(NAMES))) * 3).argmax(axis=1)]


@pytest.fixture(scope="module")
def folder(table: tuple[Any, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("stored") / "data"
    committed(table).save(place)
    return place


@pytest.fixture(scope="module")
def dataset(folder: Path) -> zu.Dataset:
    return zu.load_dataset(folder)


@pytest.fixture(scope="module")
def noise(dataset: zu.Dataset, folder: Path) -> Path:
    """The secret in its file, and a copy, as a backup would have it."""
    path = folder / "first.noise.opening"
    zu.commit_noise(dataset, SPEC, "the auditor, on 1 December", FORGET).save(path)
    path.with_name("copy.noise.opening").write_bytes(path.read_bytes())
    return path


@pytest.fixture(scope="module")
def secret(noise: Path) -> zu.Noise:
    """Read before it is used."""
    return zu.Noise.load(noise.with_name("copy.noise.opening"))


@pytest.fixture(scope="module")
def trained(dataset: zu.Dataset, noise: Path, secret: zu.Noise) -> zu.Trained:
    return zu.prove(dataset, SPEC, FORGET, noise=noise, nonce=NONCE, model_openings=6)


def test_a_noisy_model_of_classes_is_verified_with_what_all_of_it_is_worth(
    dataset: zu.Dataset, secret: zu.Noise, trained: zu.Trained
) -> None:
    report = zu.verify(trained.proof, dataset.commitment, spec=SPEC, noise=secret.commitment, nonce=NONCE)
    assert report.security_bits >= 100 and {"noise", "nonce"} <= set(report.pinned)
    found, method = report.indistinguishability, SPEC.method
    schedule: Any = trained.statement.schedule
    assert found is not None and found.hidden.cells == WEIGHTS
    assert isinstance(method, Noisy) and method.grid is not None
    least = Fraction(2 * schedule.distance, 1 << method.grid) + Fraction(isqrt_below(WEIGHTS))
    assert least / 2048 <= found.hidden.mu < least / 2048 + Fraction(1, 10**6)
    alone = replace(schedule, outputs=1, pads=())
    assert found.hidden.mu > alone.hidden.mu
    assert found.epsilon is not None and found.epsilon > alone.hidden.epsilon(Fraction(1e-5))


def isqrt_below(value: int) -> float:
    return float(np.nextafter(np.sqrt(value), 0))


def test_the_model_is_what_coins_and_pads_of_each_weight_say(
    dataset: zu.Dataset, secret: zu.Noise, trained: zu.Trained
) -> None:
    schedule: Any = trained.statement.schedule
    weights, coins = (own.reshape(len(NAMES), FEATURES + 1) for own in secret.integers)
    assert schedule.pads == pads_of(secret.statement.digest, NONCE, WEIGHTS)
    _, found = noisy(np.array(dataset.rows.by_feature).T, np.array(dataset.rows.labels), weights, coins, schedule)
    assert np.array_equal(noisy_model(found, schedule), trained.secret.integers)
    assert np.abs(found.noise).max(axis=1).min() > 50  # as it is but for one in some 10^6 models
    assert len({tuple(each) for each in found.noise.tolist()}) == len(NAMES)


def test_weights_and_coins_of_every_class_are_in_the_matrix_that_was_committed_to(trained: zu.Trained) -> None:
    statement = trained.statement
    columns = {column.name: column.axes for column in statement.training.columns[NOISE]}
    assert statement.matrices[NOISE].openings == 1
    relation: Any = statement.training
    for parameter, axes in zip(relation.parameters, (("output", "weight"), ("output",)), strict=True):
        for integer in (parameter.weight, parameter.coins):
            for limb in limb_addresses(integer, relation.bits_of(integer)):
                assert tuple(axis.name for axis in columns.pop(limb.name)) == axes
    assert not columns


def test_noise_of_classes_serves_one_proof_and_one_nonce(dataset: zu.Dataset, noise: Path, trained: zu.Trained) -> None:
    with pytest.raises(BudgetExceeded, match=r"first.noise.opening: this noise was used"):
        zu.prove(dataset, SPEC, FORGET, noise=noise, nonce=OTHER)
    copy = noise.with_name("copy.noise.opening")
    with pytest.raises(DataError, match="was used already, with another nonce: two models with one noise"):
        zu.prove(dataset, SPEC, FORGET, noise=copy, nonce=OTHER)
    again = zu.commit_noise(dataset, SPEC, "the auditor", FORGET)
    with pytest.raises(DataError, match=r"dataset.nonces: the nonce .* was used for the noise"):
        zu.prove(dataset, SPEC, FORGET, noise=again, nonce=NONCE)
    assert again.budget.left == 1


def test_a_coin_of_another_class_is_not_behind_the_commitment(dataset: zu.Dataset, secret: zu.Noise) -> None:
    coins = secret.integers.copy()
    coins[1] = np.roll(coins[1], FEATURES + 1)
    for integers in (coins, secret.integers[:, : FEATURES + 1]):  # or those of one class alone
        edited = zu.Noise(secret.statement, integers, secret.secret, owners_noise._budget())
        with pytest.raises(FormatError, match="are not those behind its commitment"):
            zu.prove(dataset, SPEC, FORGET, noise=edited, nonce=NONCE)


def test_weights_before_noise_are_in_no_public_file_and_in_no_log(
    secret: zu.Noise, trained: zu.Trained, tmp_path: Path
) -> None:
    files = trained.save(tmp_path / "p.proof")
    for value in secret.integers.ravel().tolist():
        assert str(value) not in repr(secret) + repr(trained)
        for file in files.all:
            data = file.read_bytes()
            assert value.to_bytes(8, "little", signed=True) not in data
            assert (value % MODULUS).to_bytes(8, "little") not in data


def test_what_it_says_of_inputs_is_proved(trained: zu.Trained, table: tuple[Any, Any]) -> None:
    said = zu.prove_predictions(trained.secret, table[0][:4], "class")
    assert zu.verify_predictions(said, table[0][:4], trained.proof) >= 100
    assert trained.model.weights.shape == (len(NAMES), FEATURES) and trained.curve is not None


def test_a_class_is_forgotten_with_noise_and_a_chain_adds_up_what_both_hide(
    dataset: zu.Dataset, trained: zu.Trained
) -> None:
    noise = zu.commit_noise(dataset, SPEC, "the auditor", previous=trained.proof, forget_classes=["fir"])
    assert noise.statement.forgotten_classes == ("fir",)
    after = zu.prove(dataset, SPEC, previous=trained.proof, forget_classes=["fir"], noise=noise, nonce=OTHER)
    report = zu.verify(after.proof, dataset.commitment, previous=trained.proof)
    assert isinstance(report.statement, TrainingStatement) and report.statement.forgotten_classes == ("fir",)
    assert list(after.model.classes_) == ["ash", "birch", "yew"]
    history = zu.verify_chain([dataset.commitment, trained.proof, after.proof])
    schedules: list[Any] = [trained.statement.schedule, after.statement.schedule]
    assert [own.hidden.cells for own in schedules] == [WEIGHTS, WEIGHTS]
    mu = float(sum(own.hidden.mu**2 for own in schedules)) ** 0.5
    (joint,) = [note for note in history.entries[-1].notes if "together" in note]
    assert history.verdict == "valid" and mu <= float(joint.split("mu ")[1].split(",")[0]) < mu + 2e-5
