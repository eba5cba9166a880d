"""The second verifier agrees with the package on labels of several classes, which are several outputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import zkunlearn as zu
from zkunlearn.circuits.language import tables
from zkunlearn.prover.owner import prove
from zkunlearn.prover.owner.dataset import commit_rows
from zkunlearn.prover.witnesses.rows import Rows
from zkunlearn.verifier.shapes import shape_of

from ..cheating import CheatingProver
from . import relations, verifier
from .examples import (
    LOGISTIC,
    Training,
    check_flips,
    check_masked_values,
    numbers,
    pack,
    package_shape,
    reference_shape,
    trained,
    verdict,
    weighted,
)
from .formats import instance, read_file, sha256

THREE = ("ash", "birch", "fir")
FIVE = (*THREE, "larch", "yew")
WEIGHTED = weighted(ash=1, birch=7, fir=3)
PROBIT = zu.TrainingSpec(
    model="probit",
    epochs=2,
    learning_rate=0.3,
    batch_size=2,
    bias=False,
    class_weight={name: 2 + i for i, name in enumerate(FIVE)},
)
PENALIZED = zu.TrainingSpec(model="logistic", epochs=2, learning_rate=0.5, l2=0.1, penalize_intercept=True)
STANDARDIZED = replace(WEIGHTED, momentum="increasing", standardize=True)
PLAINLY_STANDARDIZED = zu.TrainingSpec(model="logistic", epochs=2, learning_rate=0.5, standardize=True)


def forest(rows: int, features: int, classes: tuple[str, ...], openings: int = 3) -> zu.Dataset:
    """Trees of several kinds, each there."""
    return zu.commit(
        numbers(rows, features, rows), np.array(classes)[np.arange(rows) % len(classes)], openings=openings
    )


class Owner:
    """Data sets of three and five classes, and proofs about them."""

    def __init__(self) -> None:
        self.trees = forest(13, 3, THREE, openings=6)
        self.plain = trained(self.trees, LOGISTIC)
        previous = zu.TrainingProof.from_bytes(self.plain.proof)
        self.unlearnt = trained(self.trees, LOGISTIC, ("3",), previous)
        self.weighted = trained(self.trees, WEIGHTED, ("1", "5", "6"))
        self.standardized = trained(self.trees, STANDARDIZED, ("1", "5", "6"))
        self.again, link = zu.recommit(self.trees, openings=3)
        self.link = link.to_bytes()
        old = zu.TrainingProof.from_bytes(self.unlearnt.proof)
        self.continued = trained(self.again, LOGISTIC, ("3", "7"), old)

        woods = forest(11, 2, FIVE, openings=4)
        self.probit = trained(woods, PROBIT, woods.ids[2:4])  # all of a block, and none of others
        self.penalized = trained(woods, PENALIZED)
        self.plainly_standardized = trained(woods, PLAINLY_STANDARDIZED, woods.ids[:1])


@pytest.fixture(scope="module")
def owner() -> Owner:
    return Owner()


TRAINED = {
    "plain": 3,
    "unlearnt": 3,
    "weighted": 3,
    "standardized": 3,
    "continued": 3,
    "probit": 5,
    "penalized": 5,
    "plainly_standardized": 5,
}


@pytest.mark.parametrize("name", TRAINED)
def test_good_proofs_are_accepted(owner: Owner, name: str) -> None:
    training: Training = getattr(owner, name)
    assert training.statement["model"]["shape"][0] == TRAINED[name]
    assert training.verdict(known=name in ("unlearnt", "weighted", "standardized", "penalized")) == "valid"


def test_a_recommitment_is_accepted_and_carries_the_chain_on(owner: Owner) -> None:
    assert verdict("link", owner.link) == "valid"
    assert owner.unlearnt.verdict(previous=owner.plain.proof, spec=LOGISTIC) == "valid"
    assert owner.continued.verdict(previous=owner.unlearnt.proof, links=[owner.link]) == "valid"


@pytest.mark.parametrize("name", TRAINED)
def test_shapes_and_digests_are_those_of_the_package(owner: Owner, name: str) -> None:
    training: Training = getattr(owner, name)
    proof = zu.TrainingProof.from_bytes(training.proof)
    shape = verifier.training_shape(training.statement)
    assert reference_shape(shape) == package_shape(shape_of(proof.statement))
    assert sha256(instance("training", training.statement)) == proof.digest


def test_outputs_are_cut_where_lookups_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if memory were small: scores of each output, and steps of it, lie in sections of their own."""
    monkeypatch.setattr(tables, "SECTION_BITS", 5)
    monkeypatch.setattr(relations, "MOST_LEAF_BITS", 5)
    dataset = forest(9, 2, THREE)
    training = trained(dataset, replace(WEIGHTED, epochs=1, learning_rate=0.5), dataset.ids[2:4])
    parts = verifier.training_shape(training.statement).relation.parts
    sizes = {name: [tuple(axis.size for axis in box.axes) for box in boxes] for name, boxes in parts.items()}
    assert sizes == {
        "scores": [(1, 1, 9)] * 3,
        "weight limbs": [(1, 1, 2, 2), (1, 1, 1, 2)] * 3,
        "last weight limbs": [(3, 2)],
        "bias limbs": [(1, 1, 3)] * 3,
        "last bias limbs": [(3,)],
    }
    assert training.verdict(known=False) == "valid"


# Bad proofs ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow  # parts of these proofs are those of others, of which test_reference.py changes all
@pytest.mark.parametrize("kind", ["dataset", "link"])
def test_a_changed_byte_in_any_part_is_rejected_by_the_same_check(owner: Owner, kind: str) -> None:
    file = owner.link if kind == "link" else owner.plain.dataset
    statement, proof = read_file(file, kind)
    shape = verifier.link_shape(statement) if kind == "link" else verifier.dataset_shape(statement)
    check_flips(shape, proof, 1, lambda bad: verdict(kind, pack(kind, statement, bad)))


@pytest.mark.slow  # the same
@pytest.mark.parametrize("name", ["weighted", "standardized"])
def test_a_changed_byte_of_a_training_proof_is_rejected_by_the_same_check(owner: Owner, name: str) -> None:
    training: Training = getattr(owner, name)
    shape, statement = verifier.training_shape(training.statement), training.statement
    check_flips(shape, training.body, 2, lambda bad: training.verdict(pack("training", statement, bad, training.paths)))


@pytest.mark.parametrize("name", ["weighted", pytest.param("standardized", marks=pytest.mark.slow)])
def test_every_masked_value_counts(owner: Owner, name: str) -> None:
    """Some of them are changed, of the lookups, the walk and batching."""
    check_masked_values(getattr(owner, name), 20)


def test_a_proof_is_about_its_statement_only(owner: Owner) -> None:
    training = owner.weighted
    statement, spec = training.statement, training.statement["spec"]

    def with_method(**changes: Any) -> dict[str, Any]:
        return {"spec": {**spec, "method": {**spec["method"], **changes}}}

    def weights(**of_classes: int) -> dict[str, Any]:
        return with_method(class_weight=[{"label": name, "weight": n} for name, n in sorted(of_classes.items())])

    def shaped(*shape: int) -> dict[str, Any]:
        return {"model": {**statement["model"], "shape": list(shape)}}

    lies: dict[str, list[dict[str, Any]]] = {
        "constraints": [weights(ash=1, birch=3, fir=7), weights(ash=2, birch=7, fir=3)],
        "proof length": [with_method(class_weight=[])],
        "statement": [
            weights(ash=2, birch=3),
            weights(ash=2, birch=3, oak=4),
            weights(ash=2, birch=3, fir=4, oak=5),
            shaped(1, 4),
            shaped(2, 4),
            shaped(4, 3),
            {"spec": {**spec, "family": "linear"}},
            {"spec": {**spec, "family": "poisson"}},
        ],
        "format": [shaped(4), shaped(12), shaped(0, 4), {"model": {**statement["model"], "shape": [True, 4]}}],
    }
    for expected, cases in lies.items():
        for lie in cases:
            file = pack("training", {**statement, **lie}, training.body, training.paths)
            assert training.verdict(file) == expected, lie


def test_a_data_set_is_about_its_classes_only(owner: Owner) -> None:
    statement, proof = read_file(owner.plain.dataset, "dataset")
    lies: dict[str, list[dict[str, Any]]] = {
        "constraints": [
            {"label_classes": ["birch", "ash", "fir"]},
            {"label_classes": ["ash", "birch", "oak"]},
            {"label_classes": [*THREE, "oak"]},  # as many bits
        ],
        "proof length": [
            {"label_classes": [*THREE, "oak", "yew"]},
            {"label_kind": "binary", "label_classes": ["ash", "birch"]},
            {"label_kind": "count", "label_classes": []},
        ],
        "format": [
            {"label_classes": ["ash", "birch"]},
            {"label_classes": ["ash", "birch", "ash"]},
            {"label_classes": []},
            {"label_kind": "binary"},
            {"label_bits": 1},
            {"label_classes": [str(i) for i in range(257)]},
        ],
    }
    for expected, cases in lies.items():
        for lie in cases:
            other = {**statement, "encoding": {**statement["encoding"], **lie}}
            assert verdict("dataset", pack("dataset", other, proof)) == expected, lie


# Data sets that lie: the algebra of everything else is that of an honest prover --------------------------------------


@dataclass(frozen=True, eq=False)
class LyingRows(Rows):
    """The labels of one row are others in each column."""

    cells: tuple[int, ...] = (1, 0, 0)

    @property
    def label_columns(self) -> npt.NDArray[Any]:
        columns = super().label_columns.copy()
        columns[:, 5] = self.cells
        return columns


@pytest.mark.parametrize("cells", [(0, 1, 0), (1, 1, 0), (0, 0, 0), (3, 0, 0)])
def test_rows_of_no_class_or_of_several_are_rejected(
    owner: Owner, monkeypatch: pytest.MonkeyPatch, cells: tuple[int, ...]
) -> None:
    provers: list[CheatingProver] = []

    def cheating(*arguments: Any) -> CheatingProver:
        provers.append(CheatingProver(*arguments))
        return provers[-1]

    monkeypatch.setattr(prove, "Prover", cheating)
    rows = owner.trees.rows
    names = ("ids", "by_feature", "labels", "blinds", "salts", "outputs")
    lying = LyingRows(*(getattr(rows, name) for name in names), cells=cells)
    statement = owner.trees.statement
    file = commit_rows(lying, statement.encoding, 2, statement.segments, None).commitment.to_bytes()
    expected = "valid" if sum(cells) == 1 else "constraints"
    assert verdict("dataset", file) == expected
    assert provers[0].lies == (frozenset() if expected == "valid" else {"one class"})
