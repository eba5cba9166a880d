"""The second verifier agrees with the package on classes that are forgotten and features that are left out."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.verifier.shapes import new_transcript, shape_of

from ..second_opinion import second_verdict
from . import verifier
from .examples import (
    LOGISTIC,
    Training,
    changed,
    check_flips,
    check_masked_values,
    numbers,
    pack,
    package_shape,
    reference_shape,
    trained,
    weighted,
)
from .field import Refused
from .formats import instance, sha256

CLASSES = ("ash", "birch", "fir", "larch")
WEIGHTED = weighted(ash=1, birch=7, fir=3, larch=2)
LEFT_OUT = replace(WEIGHTED, without=["x2"])
STANDARDIZED = replace(LEFT_OUT, momentum="increasing", standardize=True, without=["x1", "x3"])
LINEAR = zu.TrainingSpec(model="linear", epochs=2, learning_rate=0.5, batch_size=8, bias=False, without=["x3"])


class Owner:
    """Trees of four kinds, and houses with prices; proofs about both."""

    def __init__(self) -> None:
        labels = np.array(CLASSES)[np.arange(14) % 4]
        self.trees = zu.commit(numbers(14, 3, 1), labels, openings=16)
        first = trained(self.trees, LOGISTIC)
        self.first = first
        self.without_fir = self.after(first, LOGISTIC, ("1",), forget_classes=["fir"])
        self.weighted = trained(self.trees, WEIGHTED, forget_classes=["ash", "larch"])
        self.standardized = trained(self.trees, replace(STANDARDIZED, without=()), forget_classes=["birch"])

        self.left_out = trained(self.trees, LEFT_OUT, ("1", "5"))
        self.standardized_left_out = trained(self.trees, STANDARDIZED, ("1",))
        houses = zu.commit(numbers(11, 3, 2), numbers(11, 1, 3)[:, 0], openings=2)
        self.linear = trained(houses, LINEAR, houses.ids[2:5])

        both = replace(LEFT_OUT, without=["x2"], class_weight=None)
        self.both = self.after(self.without_fir, both, fork=True)
        more = replace(STANDARDIZED, without=["x2", "x3"])
        self.standardized_both = self.after(self.both, more, forget_classes=["ash"], fork=True)

    def after(self, previous: Training, spec: zu.TrainingSpec, forget: tuple[str, ...] = (), **more: Any) -> Training:
        """The next one in a chain."""
        return trained(self.trees, spec, forget, zu.TrainingProof.from_bytes(previous.proof), **more)


@pytest.fixture(scope="module")
def owner() -> Owner:
    return Owner()


TRAINED: dict[str, tuple[list[str], list[str]]] = {
    "without_fir": (["fir"], []),
    "weighted": (["ash", "larch"], []),
    "standardized": (["birch"], []),
    "left_out": ([], ["x2"]),
    "standardized_left_out": ([], ["x1", "x3"]),
    "linear": ([], ["x3"]),
    "both": (["fir"], ["x2"]),
    "standardized_both": (["ash", "fir"], ["x2", "x3"]),
}


@pytest.mark.parametrize("name", TRAINED)
def test_good_proofs_are_accepted(owner: Owner, name: str) -> None:
    training: Training = getattr(owner, name)
    statement = training.statement
    assert (statement["forgotten_classes"], statement["spec"]["without"]) == TRAINED[name]
    assert training.verdict(known=name != "both") == "valid"


@pytest.mark.parametrize("name", TRAINED)
def test_shapes_and_digests_are_those_of_the_package(owner: Owner, name: str) -> None:
    training: Training = getattr(owner, name)
    proof = zu.TrainingProof.from_bytes(training.proof)
    shape = verifier.training_shape(training.statement)
    method = "standardized gradient descent" if name.startswith("standardized") else "gradient descent"
    assert shape.relation.name == method + (" without classes" if TRAINED[name][0] else "")
    assert reference_shape(shape) == package_shape(shape_of(proof.statement))
    assert sha256(instance("training", training.statement)) == proof.digest


def test_a_feature_that_is_left_out_changes_the_walk_of_plain_training_only(owner: Owner) -> None:
    """One more sum, or none but with another public share."""
    for name, more in (("left_out", True), ("standardized_left_out", False)):
        statement = getattr(owner, name).statement
        other = {**statement, "spec": {**statement["spec"], "without": []}}
        shape, plain = verifier.training_shape(statement), verifier.training_shape(other)
        assert (shape.entries > plain.entries) == (shape.digest != plain.digest) == more


# Chains --------------------------------------------------------------------------------------------------------------


def test_a_chain_is_accepted(owner: Owner) -> None:
    chain = (owner.first, owner.without_fir, owner.both, owner.standardized_both)
    for previous, training in pairwise(chain):
        assert training.verdict(previous=previous.proof) == "valid"


@pytest.mark.parametrize(
    ("lie", "expected"),
    [
        ({}, "constraints"),
        ({"forgotten_classes": []}, "mismatch"),
        ({"forgotten_classes": ["ash"]}, "mismatch"),
        ({"forgotten_classes": ["ash", "fir"]}, "constraints"),
        ({"without": []}, "mismatch"),
        ({"without": ["x1"]}, "mismatch"),
        ({"without": ["x1", "x2"]}, "constraints"),
        ({"without": ["x2", "y"]}, "statement"),
        ({"forgotten_classes": ["fir", "oak"]}, "statement"),
    ],
)
def test_what_is_forgotten_stays_forgotten(owner: Owner, lie: dict[str, Any], expected: str) -> None:
    """The statement of a successor, under its predecessor's proof."""
    old = owner.both
    spec = {**old.statement["spec"], "without": lie.get("without", ["x2"])}
    classes = lie.get("forgotten_classes", ["fir"])
    previous = sha256(instance("training", old.statement))
    new = {**old.statement, "previous": previous, "spec": spec, "forgotten_classes": classes}
    assert old.verdict(pack("training", new, old.body, old.paths), previous=old.proof) == expected


# Bad proofs ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow  # parts of proofs are those of other trainings, of which test_reference.py changes all
@pytest.mark.parametrize("name", ["both", "standardized_both"])
def test_a_changed_byte_of_a_training_proof_is_rejected_by_the_same_check(owner: Owner, name: str) -> None:
    training: Training = getattr(owner, name)
    shape, statement = verifier.training_shape(training.statement), training.statement
    check_flips(shape, training.body, 2, lambda bad: training.verdict(pack("training", statement, bad, training.paths)))


@pytest.mark.parametrize(
    "name", ["both", *(pytest.param(n, marks=pytest.mark.slow) for n in ("weighted", "standardized_both"))]
)
def test_every_masked_value_counts(owner: Owner, name: str) -> None:
    """Some of them are changed, and the last ones of the walk, where the new sums are, all."""
    check_masked_values(getattr(owner, name), 10, last=60)


@pytest.mark.parametrize("name", ["left_out", "both", "standardized_both"])
def test_second_opinions_know_these_relations(owner: Owner, name: str) -> None:
    """As they are asked for about attacks: with the package's shape and transcript."""
    proof = zu.TrainingProof.from_bytes(getattr(owner, name).proof)
    statement: Any = proof.statement
    roots = {"dataset": statement.dataset.root, "model": statement.model.root}
    for body, expected in ((proof.proof, "valid"), (changed(proof.proof, 200), "constraints")):
        assert second_verdict(shape_of(statement), new_transcript(statement), roots, body) == expected


LIES: dict[str, dict[str, list[list[str]]]] = {
    "forgotten_classes": {
        "constraints": [["ash"], ["ash", "fir"]],  # as long a proof, of other classes
        "proof length": [[]],
        "statement": [["oak"], ["ash", "oak"], [""], ["ash", "birch", "fir"], list(CLASSES)],
        "format": [["fir", "ash"], ["fir", "fir"], [str(i) for i in range(100, 355)]],
    },
    "without": {
        "constraints": [["x1"], ["x1", "x3"]],
        "proof length": [[]],
        "statement": [["x4"], ["x1", "y"], [""], ["x1", "x2", "x3"]],
        "format": [["x3", "x1"], ["x1", "x1"], sorted(str(i) for i in range(1 << 15))],
    },
}


@pytest.mark.parametrize("field", LIES)
def test_a_proof_is_about_its_statement_only(owner: Owner, field: str) -> None:
    training = owner.both
    statement, spec = training.statement, training.statement["spec"]
    for expected, cases in LIES[field].items():
        for case in cases:
            lie = {"spec": {**spec, "without": case}} if field == "without" else {"forgotten_classes": case}
            file = pack("training", {**statement, **lie}, training.body, training.paths)
            assert training.verdict(file) == expected, case


def test_standardised_features_that_are_left_out_are_those_of_the_statement(owner: Owner) -> None:
    """Here the length says nothing, as no message is there for them."""
    training = owner.standardized_left_out
    statement, spec = training.statement, training.statement["spec"]
    for case, expected in (([], "constraints"), (["x1"], "constraints"), (["x1", "x2", "x3"], "statement")):
        other = {**statement, "spec": {**spec, "without": case}}
        assert training.verdict(pack("training", other, training.body, training.paths)) == expected, case


def test_classes_of_other_labels_are_refused(owner: Owner) -> None:
    training = owner.linear
    other = {**training.statement, "forgotten_classes": ["ash"]}
    assert training.verdict(pack("training", other, training.body, training.paths)) == "statement"


def test_a_class_of_two_is_refused_by_both() -> None:
    people = zu.commit(numbers(9, 2, 5), np.arange(9) % 2, openings=2)
    training = trained(people, replace(LOGISTIC, without=["x1"]))
    assert training.verdict() == "valid"
    other = {**training.statement, "forgotten_classes": ["1"]}
    assert training.verdict(pack("training", other, training.body)) == "statement"
    with pytest.raises(Refused):
        verifier.training_shape(other)


def test_what_is_pinned_is_compared(owner: Owner) -> None:
    assert owner.left_out.verdict(spec=LEFT_OUT) == "valid"
    assert owner.left_out.verdict(spec=WEIGHTED) == "mismatch"
    assert owner.left_out.verdict(spec=replace(LEFT_OUT, without=["x3"])) == "mismatch"
