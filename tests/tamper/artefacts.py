"""Honest files of every kind, each with a sibling to splice from, and what the library says about altered ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zkunlearn as zu
from zkunlearn.circuits.statement import DatasetStatement
from zkunlearn.models.errors import ZkUnlearnError
from zkunlearn.prover.dataset import Dataset
from zkunlearn.prover.training import Model
from zkunlearn.verifier.artefacts import dataset_statement
from zkunlearn.verifier.container import VERSION, decode, encode, write_container

from .edits import edited, value_at, with_value

ROWS, FEATURES = 11, 2
SPEC = zu.TrainingSpec(model="logistic", epochs=2, learning_rate=(0.5, 0.25), batch_size=4, l2=0.01)
LINEAR = zu.TrainingSpec(model="linear", epochs=2, learning_rate=0.5)
LARGEST = 1 << 28
Judge = Callable[[Any], None]  # raises what the library raises about a payload


@dataclass(frozen=True)
class Kind:
    """An artefact: its decoded payload, a sibling's, and who judges it."""

    name: str
    payload: Any
    sibling: Any
    judge: Judge
    below: str = ""  # only fields whose names begin like this

    def rows(self) -> Iterator[tuple[str, str, str, str]]:
        """The manifest: kind, field, operation, answer."""
        for field, operation, payload in edited(self.payload, self.sibling, self.below):
            yield self.name, field, operation, answer(self.judge, payload)


def answer(judge: Judge, payload: Any) -> str:
    """What the library says, in a word or in the words of its message."""
    try:
        judge(payload)
    except zu.InvalidProof as error:
        return error.check
    except zu.StatementMismatch as error:
        return f"mismatch: {error}"
    except zu.FormatError as error:
        return f"format: {re.sub('/[^ ]*/', '', str(error))}"  # without the folder of this run
    except ZkUnlearnError as error:
        return f"{type(error).__name__}: {error}"
    return "accepted"


class Owner:
    """Commitments, proofs and secrets of one owner."""

    def __init__(self, folder: Path, seed: int) -> None:
        rng = np.random.default_rng(seed)
        X, self.folder = rng.normal(size=(ROWS, FEATURES)), folder
        self.people = zu.commit(X, np.arange(ROWS) % 2, openings=4)
        self.people.save(folder)
        first = zu.prove(self.people, SPEC)
        self.trained = zu.prove(self.people, SPEC, forget=["2", "7"], previous=first.proof)
        self.link = zu.recommit(self.people, openings=3)[1]
        houses = zu.commit(X, rng.normal(size=ROWS), openings=2)
        self.houses, self.rents = houses.commitment, zu.prove(houses, LINEAR).proof


def payload_of(artefact: Any) -> Any:
    """A decoded file."""
    return decode(artefact.to_bytes(), None, LARGEST)[1]


def judge_dataset(payload: Any) -> None:
    zu.verify_dataset(zu.DatasetCommitment.from_bytes(encode("dataset.commitment", payload)))


def judge_recommitment(payload: Any) -> None:
    zu.verify_recommitment(zu.RecommitmentProof.from_bytes(encode("recommitment", payload)))


def judge_proof(dataset: zu.DatasetCommitment) -> Judge:
    """The auditor has the true commitment."""

    def judge(payload: Any) -> None:
        proof = zu.TrainingProof.from_bytes(encode("proof", payload))
        zu.verify(proof, dataset, known_dataset=dataset.digest)

    return judge


def judge_alike(payload: Any) -> None:
    """The auditor has been given the same altered data set, and believes that it was verified."""
    proof = zu.TrainingProof.from_bytes(encode("proof", payload))
    statement: DatasetStatement = dataset_statement(payload["statement"]["dataset"])
    commitment = zu.DatasetCommitment(statement, b"not looked at")
    zu.verify(proof, commitment, known_dataset=commitment.digest)


def judge_model(folder: Path) -> Judge:
    def judge(payload: Any) -> None:
        write_container(folder / "model.opening", "model.opening", VERSION, payload)
        Model.load(folder / "model.opening")

    return judge


def judge_opening(folder: Path) -> Judge:
    def judge(payload: Any) -> None:
        write_container(folder / "dataset.opening", "dataset.opening", VERSION, payload)
        Dataset.load(folder)

    return judge


def kinds(owner: Owner, other: Owner) -> list[Kind]:
    """Every kind of file, in every variant that has fields of its own."""

    def pair(get: Callable[[Owner], Any]) -> tuple[Any, Any]:
        return payload_of(get(owner)), payload_of(get(other))

    def stored(name: str) -> tuple[Any, Any]:
        return tuple(decode((o.folder / name).read_bytes(), None, LARGEST)[1] for o in (owner, other))  # type: ignore[return-value]

    for each in (owner, other):
        each.trained.model.save(each.folder / "model.opening")
    people, proof = owner.people.commitment, pair(lambda o: o.trained.proof)
    alike = tuple({"statement": {"dataset": p["statement"]["dataset"]}} for p in proof)

    def judge_inside(payload: Any) -> None:
        judge_alike(with_value(proof[0], ("statement", "dataset"), value_at(payload, ("statement", "dataset"))))

    return [
        Kind("dataset.commitment", *pair(lambda o: o.people.commitment), judge_dataset),
        Kind("dataset.commitment, real labels", *pair(lambda o: o.houses), judge_dataset),
        Kind("proof", *proof, judge_proof(people)),
        Kind("proof and its data set alike", *alike, judge_inside, "statement.dataset"),
        Kind("proof, real labels", *pair(lambda o: o.rents), judge_proof(owner.houses)),
        Kind("recommitment", *pair(lambda o: o.link), judge_recommitment),
        Kind("model.opening", *stored("model.opening"), judge_model(owner.folder)),
        Kind("dataset.opening", *stored("dataset.opening"), judge_opening(owner.folder)),
    ]
