"""A certificate of each kind of unlearning quotes the guarantee that this kind has, and no other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.cli.words import statement_lines
from zkunlearn.errors import InvalidProof
from zkunlearn.prover.certificates.certify import certify
from zkunlearn.verifier.certificates.certificate import Certificate, verify_certificate
from zkunlearn.verifier.certificates.guarantee import (
    BUT_FOR,
    EXACT,
    HELD_OUT,
    NOT_ADAPTIVE,
    PRECEDENCE,
    RETRAINED,
    SHARDS,
    guarantee,
)
from zkunlearn.verifier.certificates.materials import Materials

from .certified import owner, resigned

ROWS = 24
SPECS: dict[str, zu.TrainingSpec] = {
    "retraining": zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5),
    "shards": zu.TrainingSpec(model="logistic", method="sisa", epochs=1, learning_rate=0.5, shard_rows=8, slices=2),
    "optimum": zu.TrainingSpec(model="logistic", method="optimum", l2=0.25, grid=26),
    "noisy": zu.TrainingSpec(model="logistic", method="noisy", l2=0.25),
    "noisy newton": zu.TrainingSpec(model="logistic", method="newton", l2=0.25, steps=2, epsilon=1.0, delta=1e-5),
}


def commit(bounds: bool = True) -> zu.Dataset:
    rng = np.random.default_rng(3)
    columns = {"a": (-1, 1), "b": (-1, 1)} if bounds else None
    return zu.commit(rng.uniform(-1, 1, (ROWS, 2)), np.arange(ROWS) % 2, names=["a", "b"], bounds=columns)


def made(name: str, bounds: bool = True) -> tuple[Materials, Certificate]:
    dataset, spec = commit(bounds), SPECS[name]
    forget = [dataset.rows.ids[4]]
    noise: dict[str, Any] = {}
    if spec.method.noised:
        noise = {"noise": zu.commit_noise(dataset, spec, "a beacon", forget=forget), "nonce": b"\x5a" * 32}
    found = zu.prove(dataset, spec, forget=forget, **noise)
    proof = found.bundle if name == "shards" else found.proof
    materials = Materials(proof=proof, dataset=dataset.commitment)
    return materials, certify(proof, dataset.commitment, owner())


def quoted(name: str) -> dict[str, Any]:
    materials, certificate = made(name)
    verify_certificate(certificate, materials, [owner().public])
    found: dict[str, Any] = certificate.implied["guarantee"]
    return found


def test_of_retraining_it_is_exact() -> None:
    found = quoted("retraining")
    assert (found["kind"], found["words"], found["hidden"]) == ("exact retraining", f"exact: {RETRAINED}", None)


def test_of_a_bundle_it_is_exact_and_every_model_in_force_is_a_subject() -> None:
    materials, certificate = made("shards")
    verify_certificate(certificate, materials, [owner().public])
    found = certificate.implied["guarantee"]
    assert found["words"] == f"exact: {SHARDS}" and NOT_ADAPTIVE in found["assumes"]
    models = [each for each in certificate.statement["subject"] if each["name"].startswith("model after")]
    assert isinstance(materials.proof, zu.Bundle) and len(models) == len(materials.proof.proofs)


def test_of_a_certified_optimum_it_is_as_if_the_rows_had_never_been_there() -> None:
    found = quoted("optimum")
    assert (found["kind"], found["words"]) == ("exact: certified optimum", f"exact: {EXACT}")


@pytest.mark.parametrize("name", ["noisy", "noisy newton"])
def test_of_noise_it_has_epsilon_and_delta_and_their_assumptions(name: str) -> None:
    found = quoted(name)
    assert found["kind"] == "(epsilon, delta)" and PRECEDENCE in found["assumes"]
    assert 0 < float(found["hidden"]["epsilon"]) <= 1.0 and float(found["hidden"]["delta"]) == 1e-5
    assert found["words"].startswith(f"({found['hidden']['epsilon']}, 1e-05)-indistinguishable")


@pytest.mark.parametrize("name", ["optimum", "noisy", "retraining"])
def test_who_is_held_out_hangs_on_all_records_and_that_is_said_where_it_matters(name: str) -> None:
    """Of a training it is part of the algorithm; an optimum is said to be that of a data set without the rows."""
    dataset, spec = commit(), replace(SPECS[name], holdout=4)
    chosen: dict[str, Any] = {"forget": [dataset.rows.ids[20]]}
    if name == "noisy":
        chosen |= {"noise": zu.commit_noise(dataset, spec, "a beacon", **chosen), "nonce": b"\x5a" * 32}
    statement = zu.prove(dataset, spec, **chosen).statement
    assert (HELD_OUT in guarantee(statement).assumes) == (name != "retraining")
    told = [text for _, text in statement_lines(statement)]
    assert (HELD_OUT in told) == (name != "retraining") and (NOT_ADAPTIVE in told) == (name == "noisy")
    assert HELD_OUT not in guarantee(replace(statement, spec=SPECS[name])).assumes


def test_a_smaller_epsilon_than_the_proof_has_is_rejected() -> None:
    materials, certificate = made("noisy")

    def smaller(statement: dict[str, Any]) -> None:
        statement["predicate"]["implied"]["guarantee"]["hidden"]["epsilon"] = "0.01"

    with pytest.raises(InvalidProof, match=r"hidden\.epsilon is '0\.01'; the proof implies"):
        verify_certificate(resigned(smaller, certificate), materials)


def test_bounds_from_the_data_are_part_of_the_words() -> None:
    materials, certificate = made("retraining", bounds=False)
    assert certificate.implied["guarantee"]["words"] == f"exact: {BUT_FOR}{RETRAINED}"
    assert any("taken from the data" in each for each in verify_certificate(certificate, materials).not_followed)
