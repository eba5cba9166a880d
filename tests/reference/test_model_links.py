"""The second verifier and the package agree on models that were committed afresh."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.verifier.shapes import shape_of
from zkunlearn.verifier.verify import verify_proof

from . import verifier
from .bundles import read_bundle
from .bundles import verify_bundle as second_verify_bundle
from .examples import changed, numbers, pack, verdict
from .formats import Map, read_file
from .soundness import soundness
from .test_bundles import STAGES, rule
from .test_sisa import at

KIND = "model link"
LONG = 1 << 17  # rows of a data set whose code is too long for a model
SPECS: dict[str, Any] = {
    "gradient descent": zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5, standardize=True),
    "classes": zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5, bias=False),
    "one pass": zu.TrainingSpec(model="linear", method="one-pass", epochs=2, learning_rate=0.5),
    "sisa": STAGES,
}


class Owner:
    """A model of each method, and a request that begins from models that were committed afresh twice."""

    def __init__(self) -> None:
        self.people = zu.commit(numbers(21, 2, 9), np.arange(21) % 2, openings=16)
        self.trees = zu.commit(numbers(12, 2, 3), np.array(list("abcabcabcabc")), openings=3)
        data = {name: self.trees if name == "classes" else self.people for name in SPECS}
        made: dict[str, Any] = {name: zu.prove(data[name], spec, model_openings=3) for name, spec in SPECS.items()}
        self.models = {name: zu.recommit_model(own.secret, openings=5) for name, own in made.items()}
        self.links = {name: link.to_bytes() for name, (_, link) in self.models.items()}
        twice, _ = zu.recommit_model(self.models["sisa"][0], openings=40)  # more than those of the data set
        before = zu.ShardedModel(made["sisa"].bundle, (twice,))
        self.request: Any = zu.prove(self.people, STAGES, at(self.people, [3]), before)


@pytest.fixture(scope="module")
def owner() -> Owner:
    return Owner()


def statement_of(link: bytes) -> Map:
    return read_file(link, KIND)[0]


@pytest.mark.parametrize("name", SPECS)
def test_links_of_models_of_every_method_are_accepted(name: str, owner: Owner) -> None:
    assert verdict(KIND, owner.links[name]) == "valid"


@pytest.mark.parametrize("name", SPECS)
def test_shape_length_and_soundness_are_those_of_the_package(name: str, owner: Owner) -> None:
    proof: Any = zu.Proof.from_bytes(owner.links[name])
    package, second = shape_of(proof.statement), verifier.model_recommitment_shape(statement_of(owner.links[name]))
    assert package.proof_bytes == second.proof_bytes == len(proof.proof)
    assert package.digest == second.digest
    found = verify_proof(proof)
    assert soundness(second) == pytest.approx((found.least, found.total))


@pytest.mark.parametrize("rows", [12, LONG])
@pytest.mark.parametrize("openings", [(3, 5), (3, 40), (64, 2)])
def test_codes_are_those_of_the_data_set_or_of_the_models_alike(
    rows: int, openings: tuple[int, int], owner: Owner
) -> None:
    """Nothing is proved here: both lay out what cannot be true."""
    statement = statement_of(owner.links["gradient descent"])
    training = statement["training"]
    whole = {**training["dataset"], "rows": rows, "segments": [{**training["dataset"]["segments"][0], "stop": rows}]}
    method = {**training["spec"]["method"], "standardize": False}
    training = {**training, "dataset": whole, "spec": {**training["spec"], "method": method}}
    both = dict(zip(("old", "new"), openings, strict=True))
    told = {name: {**statement[name], "openings": number} for name, number in both.items()}
    second = verifier.model_recommitment_shape({**statement, **told, "training": training})
    file = pack(KIND, {**statement, **told, "training": training}, b"")
    assert second.digest == shape_of(zu.Proof.from_bytes(file).statement).digest  # type: ignore[arg-type]


def test_files_that_were_altered_are_refused_alike(owner: Owner) -> None:
    link = owner.links["sisa"]
    statement, proof = read_file(link, KIND)
    training, old, new = (statement[name] for name in ("training", "old", "new"))
    assert verdict(KIND, pack(KIND, statement, changed(proof, 200))) == "constraints"
    assert verdict(KIND, pack(KIND, statement, proof[:-1])) == "proof length"
    cases: dict[str, list[Map]] = {
        "constraints": [
            {"training": {**training, "previous": bytes(32)}},
            {"old": {**old, "root": bytes(32)}},
            {"new": {**new, "root": bytes(32)}},
            {"old": new, "new": {**old, "openings": new["openings"]}},
        ],
        "statement": [
            {"old": {**old, "shape": [1, 3]}},
            {"new": {**new, "shape": [1, 3]}},
            {"old": {**old, "shape": [1, 3]}, "new": {**new, "shape": [1, 3]}},
            {"training": {**training, "model": {**training["model"], "shape": [1, 3]}}},
            {"training": statement_of(owner.links["gradient descent"])["training"]},
            {"training": {**training, "scope": [{"first": 0, "count": 1, "stage": 1, "start": None}]}},
        ],
        "format": [
            {"new": {**new, "openings": 0}},
            {"old": {**old, "more": 1}},
            {"more": b""},
        ],
    }
    for expected, changes in cases.items():
        for change in changes:
            assert verdict(KIND, pack(KIND, {**statement, **change}, proof)) == expected, change
    assert verdict(KIND, link[:-1]) == verdict(KIND, link + b"\0") == "format"


def test_a_link_that_names_another_training_than_the_one_beside_it_is_refused(owner: Owner) -> None:
    link = owner.links["sisa"]
    digest = zu.Proof.from_bytes(link).statement.training.digest  # type: ignore[attr-defined]
    assert link.count(digest) == 1
    assert verdict(KIND, link.replace(digest, bytes(32))) == "format"


# Bundles -------------------------------------------------------------------------------------------------------------


def test_a_bundle_whose_request_begins_from_models_that_were_committed_afresh_is_accepted(owner: Owner) -> None:
    file, dataset = owner.request.bundle.to_bytes(), owner.people.commitment.to_bytes()
    files, links = read_bundle(file)
    assert (len(files), len(links)) == (2, 2)
    second_verify_bundle(file, dataset)
    assert rule(files, dataset, links) == rule(files, dataset, links[::-1]) == "valid"
    for wrong in ([], links[:1], links[1:], [owner.links["gradient descent"], links[1]]):
        assert rule(files, dataset, wrong) == "bundle start"
    own: Any = owner.request.bundle
    forged = replace(own, links=(own.links[0], replace(own.links[1], proof=changed(own.links[1].proof, 200))))
    assert verifier.verdict(second_verify_bundle, forged.to_bytes(), dataset) == "constraints"
    with pytest.raises(zu.InvalidProof, match="constraints"):
        zu.verify_bundle(forged, owner.people.commitment)


def test_links_are_of_the_training_in_force_and_lead_all_the_way(owner: Owner) -> None:
    files, links = read_bundle(owner.request.bundle.to_bytes())
    dataset = owner.people.commitment.to_bytes()
    first, second = map(statement_of, links)
    other = {**first["training"], "previous": bytes(32)}
    changes: list[Map] = [
        {"training": other},
        {"old": first["old"], "new": first["new"]},
        {"new": {**second["new"], "openings": 39}},
        {"old": {**second["old"], "openings": 6}},
        {"old": second["new"], "new": second["old"]},
    ]
    for change in changes:
        assert rule(files, dataset, [links[0], pack(KIND, {**second, **change}, b"")]) == "bundle start", change
    direct = pack(KIND, {**second, "old": first["old"]}, b"")
    assert rule(files, dataset, [direct]) == "valid", "its proof is another check"
