"""Functions of bytes, one for each thing that reads what strangers wrote.

A target returns whatever the bytes are: the errors that a reader declares are its answers. Everything else that it
raises is a flaw. What it reads has to come back byte for byte where there is a writer.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import zkunlearn as zu
from zkunlearn.models.encoding import DatasetEncoding
from zkunlearn.models.errors import DataError, FormatError, InvalidProof, ParameterError, StatementMismatch
from zkunlearn.models.spec import TrainingSpec, load_spec
from zkunlearn.prover.dataset import Dataset
from zkunlearn.prover.ingest import read_table
from zkunlearn.prover.text_files import read_bounds, read_digests, read_ids
from zkunlearn.prover.training import Model
from zkunlearn.verifier import artefacts, code, soundness
from zkunlearn.verifier.container import KINDS, MAGIC, VERSION, decode, encode
from zkunlearn.verifier.folding import stacks
from zkunlearn.verifier.protocol import verify_protocol
from zkunlearn.verifier.verify import new_transcript, training_shape, verify_recommitment

LARGEST = 1 << 20
QUERIES = 3  # so that a proof is small, and its verification quick
SPEC = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5)
ROWS, FEATURES = 5, 2
Target = Callable[[bytes], None]


# Good files ----------------------------------------------------------------------------------------------------------


class Owner:
    """Everything an owner makes, small and always the same."""

    def __init__(self) -> None:
        calls = count()

        def urandom(size: int) -> bytes:
            return hashlib.shake_128(f"fuzz {next(calls)}".encode()).digest(size)

        with mock.patch("os.urandom", urandom):
            X = np.random.default_rng(1).normal(size=(ROWS, FEATURES))
            self.dataset = zu.commit(X, np.arange(ROWS) % 2, openings=9)
            self.folder = Path(tempfile.mkdtemp(prefix="zkunlearn-fuzz-"))
            self.dataset.save(self.folder)
            trained = zu.prove(self.dataset, SPEC)
            self.proof = zu.prove(self.dataset, SPEC, forget=["2"], previous=trained.proof).proof
            trained.model.save(self.folder / "model.opening")
            self.link = zu.recommit(self.dataset, openings=8)[1]

    @property
    def files(self) -> dict[str, bytes]:
        """By kind."""
        found = {artefact: (self.folder / artefact).read_bytes() for artefact in ("model.opening", "dataset.opening")}
        commitment = self.dataset.commitment
        public = {"dataset.commitment": commitment, "proof": self.proof, "recommitment": self.link}
        return {**found, **{kind: artefact.to_bytes() for kind, artefact in public.items()}}


@cache
def owner() -> Owner:
    return Owner()


@contextmanager
def few_queries() -> Iterator[None]:
    """As few as nobody would accept."""
    stacks.cache_clear()
    with mock.patch.object(code, "query_count", lambda rate: QUERIES), mock.patch.object(soundness, "SECURITY_BITS", 0):
        yield
    stacks.cache_clear()


@cache
def small_proof() -> zu.TrainingProof:
    with few_queries():
        return Owner().proof


@cache
def scratch() -> Path:
    return Path(tempfile.mkdtemp(prefix="zkunlearn-fuzz-"))


def in_file(data: bytes, name: str) -> Path:
    path = scratch() / name
    path.write_bytes(data)
    return path


def head_of(kind: str) -> bytes:
    return MAGIC + bytes([len(kind)]) + kind.encode() + VERSION.to_bytes(2, "big")


# Formats -------------------------------------------------------------------------------------------------------------


def container(data: bytes) -> None:
    """Any file of ours: what is read is written the same."""
    try:
        kind, payload = decode(data, None, LARGEST)
    except FormatError:
        return
    assert kind in KINDS and encode(kind, payload) == data


def payload(data: bytes) -> None:
    """The same behind a good head, so that the map is reached at once."""
    container(head_of("proof") + data)


def artefact(kind: Any, name: str) -> Target:
    def target(data: bytes) -> None:
        for whole in (data, head_of(name) + data):
            try:
                read = kind.from_bytes(whole)
            except FormatError:
                continue
            assert read.to_bytes() == whole

    return target


def mapping(kind: Any) -> Target:
    """The map of an encoding or a spec."""

    def target(data: bytes) -> None:
        try:
            found = decode(head_of("proof") + data, "proof", LARGEST)[1]
            read = kind.from_mapping(found)
        except FormatError:
            return
        assert read.to_mapping() == found

    return target


def secret(name: str, load: Callable[[Path], Any]) -> Target:
    """A secret file, in a folder whose other files are good."""

    def target(data: bytes) -> None:
        for whole in (data, head_of(name) + data):
            folder = scratch() / name
            if not folder.exists():
                shutil.copytree(owner().folder, folder)
            (folder / name).write_bytes(whole)
            try:
                load(folder)
            except (FormatError, DataError):
                continue

    return target


def array(data: bytes) -> None:
    """An array of the owner's, in place of another one."""
    folder = scratch() / "arrays"
    if not folder.exists():
        shutil.copytree(owner().folder, folder)
    names = sorted(path.name for path in (folder / "dataset.secrets").iterdir())
    name = names[data[0] % len(names)] if data else names[0]
    path = folder / "dataset.secrets" / name
    good = path.read_bytes()
    path.write_bytes(data[1:])
    try:
        Dataset.load(folder)
    except (FormatError, DataError):
        pass
    finally:
        path.write_bytes(good)


def reader(name: str, read: Callable[[Path], Any]) -> Target:
    """A file that a person wrote."""

    def target(data: bytes) -> None:
        try:
            read(in_file(data, name))
        except (FormatError, DataError, ParameterError):
            return

    return target


# Verifying -----------------------------------------------------------------------------------------------------------


def edited(good: bytes, script: bytes) -> bytes:
    """A good file after some edits: each is five bytes, what to do, where (3), and a value."""
    data = bytearray(good)
    for i in range(0, len(script) - 4, 5):
        act, place, value = script[i] % 5, int.from_bytes(script[i + 1 : i + 4], "big"), script[i + 4]
        at = place % (len(data) + 1)
        if act == 0 and at < len(data):
            data[at] ^= value
        elif act == 1 and at < len(data):
            data[at] = value
        elif act == 2:
            data[at:at] = bytes([value]) * (1 + value % 8)
        elif act == 3:
            del data[at : at + 1 + value]
        else:
            data[at : at + value] = good[place % len(good) :][:value]
    return bytes(data)


def proof_bytes(script: bytes) -> None:
    """A proof after some edits, under its true statement: accepted only if it is as it was."""
    good = small_proof()
    proof, statement = edited(good.proof, script), good.statement
    with few_queries():
        shape = training_shape(statement)
        roots = {"dataset": statement.dataset.root, "model": statement.model_root}
        try:
            verify_protocol(shape, new_transcript(statement), roots, proof)
        except InvalidProof:
            return
    assert proof == good.proof


def files(script: bytes) -> None:
    """A file after some edits, as an auditor gets it: accepted only if it is as it was. The first byte says which."""
    which, true = script[:1] or b"\0", owner().dataset.commitment
    kind = ("dataset.commitment", "recommitment", "proof")[which[0] % 3]
    good = owner().files[kind]
    found = edited(good, script[1:])
    try:
        if kind == "dataset.commitment":
            zu.verify_dataset(zu.DatasetCommitment.from_bytes(found))
        elif kind == "recommitment":
            verify_recommitment(zu.RecommitmentProof.from_bytes(found))
        else:
            zu.verify(zu.TrainingProof.from_bytes(found), true, known_dataset=true.digest)
    except (FormatError, InvalidProof, StatementMismatch):
        return
    assert found == good


def statement(data: bytes) -> None:
    """Statements in form with sizes from the bytes: refused or laid out, in bounded time and memory."""
    numbers = [int.from_bytes(data[i : i + 4].ljust(4, b"\0"), "little") for i in range(0, 24, 4)]
    rows, epochs, batch = (1 + n % (1 << bits) for n, bits in zip(numbers, (28, 26, 28), strict=False))
    fields = {**owner().proof.statement.to_mapping(), "forgotten": []}
    fields["dataset"] = {**fields["dataset"], "rows": rows, "openings": 1 + numbers[3] % (1 << 12)}
    fields["spec"] = {**fields["spec"], "epochs": epochs, "batch_size": batch if numbers[4] & 1 else 0}
    try:
        proof = zu.TrainingProof(artefacts.training_statement(fields), b"")
        commitment = zu.DatasetCommitment(proof.statement.dataset, b"")
        zu.verify(proof, commitment, known_dataset=commitment.digest)
    except (FormatError, InvalidProof):
        return
    raise AssertionError("an empty proof was accepted")


TARGETS: dict[str, Target] = {
    "container": container,
    "payload": payload,
    "dataset_commitment": artefact(zu.DatasetCommitment, "dataset.commitment"),
    "training_proof": artefact(zu.TrainingProof, "proof"),
    "recommitment": artefact(zu.RecommitmentProof, "recommitment"),
    "encoding": mapping(DatasetEncoding),
    "spec": mapping(TrainingSpec),
    "model_opening": secret("model.opening", lambda folder: Model.load(folder / "model.opening")),
    "dataset_opening": secret("dataset.opening", Dataset.load),
    "array": array,
    "csv": reader("table.csv", lambda path: read_table(path, "y", "id")),
    "npz": reader("table.npz", lambda path: read_table(path, "y", None)),
    "parquet": reader("table.parquet", lambda path: read_table(path, "y", "id")),
    "spec_toml": reader("spec.toml", load_spec),
    "bounds_toml": reader("bounds.toml", read_bounds),
    "ids": reader("ids.txt", read_ids),
    "digests": reader("forgotten.txt", read_digests),
    "proof_bytes": proof_bytes,
    "files": files,
    "statement": statement,
}
