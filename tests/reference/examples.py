"""Proofs that the library made, and what both verifiers say about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu

from . import verifier
from .formats import Map, encode, read_file
from .shapes import QUERIES

KINDS = {
    "dataset.commitment": (verifier.verify_dataset, zu.DatasetCommitment, zu.verify_dataset),
    "recommitment": (verifier.verify_recommitment, zu.RecommitmentProof, zu.verify_recommitment),
}


def pack(kind: str, statement: Any, proof: bytes) -> bytes:
    """A file with any content."""
    head = b"zkunlearn\0" + bytes([len(kind)]) + kind.encode() + b"\0\1"
    return head + encode({"statement": statement, "proof": proof})


def package_verdict(check: Any) -> str:
    """ "valid", or what the package refuses, in the words of the reference."""
    try:
        check()
    except zu.InvalidProof as error:
        return str(error.check)
    except zu.FormatError:
        return "format"
    except zu.StatementMismatch:
        return "mismatch"
    return "valid"


def verdict(kind: str, file: bytes) -> str:
    """What both say about a data set or a recommitment."""
    reference, artefact, package = KINDS[kind]
    found = verifier.verdict(reference, file)
    assert found == package_verdict(lambda: package(artefact.from_bytes(file)))
    return found


@dataclass(frozen=True)
class Training:
    """Files: a proof, and the commitment it is about."""

    proof: bytes
    dataset: bytes

    @property
    def statement(self) -> Map:
        return read_file(self.proof, "proof")[0]

    @property
    def body(self) -> bytes:
        return read_file(self.proof, "proof")[1]

    def verdict(
        self,
        proof: bytes | None = None,
        *,
        known: bool = True,
        spec: zu.TrainingSpec | None = None,
        forget: set[bytes] | None = None,
        previous: bytes | None = None,
        recommitment: bytes | None = None,
    ) -> str:
        """What both say about this proof, or about another one for the same data set."""
        file = proof or self.proof
        found = verifier.verdict(
            verifier.verify_training,
            file,
            self.dataset,
            spec=None if spec is None else spec.to_mapping(),
            forgotten=forget,
            previous=previous,
            recommitment=recommitment,
            known_dataset=known,
        )

        def package() -> None:
            dataset = zu.DatasetCommitment.from_bytes(self.dataset)
            zu.verify(
                zu.TrainingProof.from_bytes(file),
                dataset,
                spec=spec,
                forget=forget,
                previous=zu.TrainingProof.from_bytes(previous) if previous else None,
                recommitment=zu.RecommitmentProof.from_bytes(recommitment) if recommitment else None,
                known_dataset=dataset.digest if known else None,
            )

        assert found == package_verdict(package)
        return found


def sections(shape: verifier.Shape) -> Iterator[tuple[str, int, int]]:
    """Name, start and end of every part of a proof: protocol.md, section 7."""
    vectors = 16 * sum(matrix.code.dimension for matrix in shape.matrices.values())
    parts = [(f"root of {name}", 32) for name in shape.new_roots]
    parts += [("masked", 16 * shape.entries), ("vectors", vectors), ("M0, M1", 32)]
    parts.append(("ledger vector", 16 * shape.ledger.dimension))
    for name, (code, rows) in shape.trees.items():
        sizes = {"cap": code.cap, "salts": QUERIES, "paths": QUERIES * code.path_length}
        lengths = {part: 32 * count for part, count in sizes.items()} | {"cells": QUERIES * 8 * rows}
        parts += [(f"{part} of {name}", lengths[part]) for part in ("cap", "salts", "cells", "paths")]
    at = 0
    for part, length in parts:
        yield part, at, at + length
        at += length


def numbers(rows: int, features: int, seed: int) -> Any:
    return np.random.default_rng(seed).normal(size=(rows, features))


def trained(dataset: Any, spec: zu.TrainingSpec, forget: tuple[str, ...] = (), previous: Any = None) -> Training:
    proof = zu.prove(dataset, spec, forget=forget, previous=previous).proof
    return Training(proof.to_bytes(), dataset.commitment.to_bytes())


LOGISTIC = zu.TrainingSpec(model="logistic", epochs=3, learning_rate=0.5)
LINEAR = zu.TrainingSpec(model="linear", epochs=3, learning_rate=(0.5, 0.25, 0.125), batch_size=4, l2=0.01)
PROBIT = zu.TrainingSpec(model="probit", epochs=2, learning_rate=0.3, batch_size=2, bias=False)
SCALES = zu.FixedPoint(x_bits=12, w_bits=16, p_bits=12)
POISSON = zu.TrainingSpec(model="poisson", epochs=2, learning_rate=0.05, batch_size=16, l2=0.1, fixed_point=SCALES)


class Owner:
    """Data sets of odd sizes, and proofs about them."""

    def __init__(self) -> None:
        self.people = zu.commit(numbers(13, 3, 1), np.arange(13) % 2, openings=4)
        self.logistic = trained(self.people, LOGISTIC)
        previous = zu.TrainingProof.from_bytes(self.logistic.proof)
        self.unlearnt = trained(self.people, LOGISTIC, ("3", "7"), previous)
        self.again, link = zu.recommit(self.people, openings=3)
        self.link = link.to_bytes()
        old = zu.TrainingProof.from_bytes(self.unlearnt.proof)
        self.continued = trained(self.again, LOGISTIC, ("3", "7", "11"), old)

        houses = zu.commit(numbers(21, 2, 2), numbers(21, 1, 3)[:, 0], openings=2)
        self.linear = trained(houses, LINEAR, ("1", "5", "6", "20"))
        # Blocks of two rows: one loses all, others none, so that the numbers of live rows differ.
        patients = zu.commit(numbers(7, 4, 4), np.arange(7) % 2, openings=2)
        self.probit = trained(patients, PROBIT, patients.ids[2:4])
        visits = zu.commit(numbers(5, 1, 5), np.arange(5), label_kind="count", x_bits=12, openings=2)
        self.poisson = trained(visits, POISSON, ("2",))


@pytest.fixture(scope="module")
def owner() -> Owner:
    return Owner()
