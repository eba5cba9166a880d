"""Functions of bytes, one for each thing that reads what strangers wrote.

A target returns whatever the bytes are: the errors that a reader declares are its answers. Everything else that it
raises is a flaw. What it reads has to come back byte for byte where there is a writer.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import zkunlearn as zu
from goods import (
    KIND_OF,
    KINDS,
    LARGEST,
    PUBLIC,
    Owner,
    changed,
    edited,
    encoded,
    few_queries,
    head_of,
    in_file,
    owner,
    scratch,
    signed,
    small_owner,
)
from zkunlearn.circuits.statements.dataset import DatasetStatement
from zkunlearn.circuits.statements.ids import identify
from zkunlearn.circuits.statements.link import LinkStatement
from zkunlearn.circuits.statements.model_link import ModelLinkStatement
from zkunlearn.circuits.statements.records import written_records
from zkunlearn.circuits.statements.training import TrainingStatement
from zkunlearn.cli.inspection import inspect_file
from zkunlearn.cli.output import aligned
from zkunlearn.errors import (
    BudgetExceeded,
    DataError,
    FormatError,
    InvalidProof,
    InvalidSignature,
    ParameterError,
    StatementMismatch,
)
from zkunlearn.formats.base64_text import encode_pem
from zkunlearn.formats.categories import read_categories
from zkunlearn.formats.container import decode, encode
from zkunlearn.formats.lists import read_digests, read_history, read_ids
from zkunlearn.formats.toml import read_bounds
from zkunlearn.models.encoding.dataset import DatasetEncoding
from zkunlearn.models.encoding.declared import Declared
from zkunlearn.models.shapes import MAX_ROWS
from zkunlearn.models.spec import TrainingSpec, load_spec
from zkunlearn.prover.certificates.requests import read_requests
from zkunlearn.prover.owner.dataset import Dataset
from zkunlearn.prover.owner.model import Model
from zkunlearn.prover.owner.noise import Noise
from zkunlearn.prover.owner.opening_file import CLAIM_FILE, OpeningFile
from zkunlearn.prover.tables.arrow_tables import read_arrow
from zkunlearn.prover.tables.csv_format import CsvFormat
from zkunlearn.prover.tables.id_lists import COLUMNS, read_id_list
from zkunlearn.prover.tables.raw_table import RawTable, Wanted
from zkunlearn.prover.tables.read import read_features, read_more_rows, read_table
from zkunlearn.prover.witnesses.rows import blind_rows, encode_rows
from zkunlearn.verifier.certificates.certificate import PAYLOAD_TYPE as IN_TOTO
from zkunlearn.verifier.pins import Pins
from zkunlearn.verifier.protocol.proof import verify_protocol
from zkunlearn.verifier.shapes import new_transcript, shape_of
from zkunlearn.verifier.trust import signing_keys
from zkunlearn.verifier.trust.keys import BLS_PUBLIC_LABEL, PUBLIC_LABEL
from zkunlearn.verifier.trust.schemes import BLS, SCHEMES
from zkunlearn.verifier.trust.signatures import Signed
from zkunlearn.verifier.trust.signing_keys import LABELS
from zkunlearn.verifier.verify import verify_link, verify_proof

MOST_CELLS = 1 << 12  # of tables that are worked on
Target = Callable[[bytes], None]


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
    container(head_of("training") + data)


def artefact(kind: Any, name: str) -> Target:
    def target(data: bytes) -> None:
        for whole in (data, head_of(name) + data):
            try:
                read = kind.from_bytes(whole)
            except FormatError:
                continue
            assert read.to_bytes() == whole
            assert kind.load(in_file(whole, "artefact")) == read

    return target


def mapping(kind: Any) -> Target:
    """The map of an encoding or a spec."""

    def target(data: bytes) -> None:
        try:
            found = decode(head_of("training") + data, "training", LARGEST)[1]
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
            except (FormatError, DataError, BudgetExceeded):
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
        loaded = Dataset.load(folder)
        (record,) = loaded.records(loaded.ids[:1])
    except (FormatError, DataError):
        return
    finally:
        path.write_bytes(good)
    assert record == owner().dataset.rows.record(record.position), "the record of other rows"


def reader(name: str, read: Callable[[Path], Any]) -> Target:
    """A file that a person wrote."""

    def target(data: bytes) -> None:
        try:
            read(in_file(data, name))
        except (FormatError, DataError, ParameterError):
            return

    return target


def digests(data: bytes) -> None:
    """Of records, or of statements with those that they supersede."""
    for read in (read_digests, read_history):
        reader("list.txt", read)(data)


def spec_toml(data: bytes) -> None:
    """A spec that is read is written so that it is read the same."""
    try:
        spec = load_spec(in_file(data, "spec.toml"))
    except (FormatError, ParameterError):
        return
    assert TrainingSpec.from_toml(spec.to_toml()) == spec == TrainingSpec.from_mapping(spec.to_mapping())


def bounds(data: bytes) -> None:
    """A file of bounds, up to what it declares."""
    try:
        Declared.of(read_bounds(in_file(data, "bounds.toml")))
    except (DataError, ParameterError):
        return


def categories(data: bytes) -> None:
    """A file of categories, of either kind, up to what it declares."""
    for name in ("categories.toml", "categories.json"):
        try:
            Declared.of(None, read_categories(in_file(data, name)))
        except (DataError, ParameterError):
            continue


def table(name: str, id_column: str | None) -> Target:
    """A table, up to its records."""

    def target(data: bytes) -> None:
        try:
            path = in_file(data, name)
            keyed(path, id_column)
            listed(path)
            found = read_table(path, "y", id_column)
            if found.X.size <= MOST_CELLS:
                use(found)
        except (DataError, ParameterError):
            return
        if 0 < found.X.size <= MOST_CELLS:
            encoding = DatasetEncoding.from_data(found.X, found.y, found.names, label_name=found.target)
            for read in (read_features, read_more_rows):
                chosen = read(path, encoding, "y", id_column)
                assert np.array_equal(chosen.X, found.X) and chosen.ids == found.ids and not chosen.unused

    return target


def listed(path: Path) -> None:
    """The ids of a table as a list of people; and the table of a stream that comes through a pipe."""
    if path.suffix not in COLUMNS:
        return
    try:
        names = tuple(map(identify, read_id_list(path, "id")))
        assert read_table(path, "y", "id", several=True).ids == names
    except DataError:
        pass
    if path.suffix == ".arrow":
        with contextlib.suppress(DataError, MemoryError):  # a stream may say that any amount comes next
            read_arrow(io.BufferedReader(Pipe(path.read_bytes())), "-", Wanted("y", "id"), CsvFormat())


class Pipe(io.RawIOBase):
    """Bytes that come once."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._file.readinto(buffer)


def keyed(path: Path, id_column: str | None) -> None:
    """The same where a column is unique: keys are as many as rows, and all different."""
    try:
        found = read_table(path, "y", id_column, unique=("k",))
    except (DataError, ParameterError):
        return
    assert found.keys is not None and "k" not in found.names
    assert len({*map(tuple, found.keys.limbs.T.tolist())}) == len(found.ids)


def use(found: RawTable) -> None:
    """What `commit` does with a table before it proves anything."""
    encoding = DatasetEncoding.from_data(found.X, found.y, found.names, label_name=found.target)
    labels = encoding.encode_labels(found.y).astype(np.int32)
    rows = blind_rows(found.ids, encode_rows(encoding, found.X), labels)
    assert sorted(rows.ids) == sorted(found.ids) and len(rows.record_root) == 32
    assert DatasetEncoding.from_mapping(encoding.to_mapping()) == encoding


# Signatures and keys -------------------------------------------------------------------------------------------------


def envelope(data: bytes) -> None:
    """A signed envelope, and what is in it: read the same again, and of the one key's signature if it is as it was."""
    try:
        read = zu.Envelope.from_bytes(data)
    except FormatError:
        return
    assert zu.Envelope.from_bytes(read.to_bytes()) == read
    told(data)
    signed_payload(read.payload)
    good, key = signed()
    try:
        read.require_signature(key)
    except InvalidSignature:
        return
    assert (read.payload_type, read.payload) == (good.payload_type, good.payload)


def signed_payload(data: bytes) -> None:
    """What a signature says has one spelling."""
    try:
        read = Signed.from_bytes(data)
    except FormatError:
        return
    assert read.to_bytes() == data


def certificate(data: bytes) -> None:
    """The statement of a certificate: read the same again, and shown on a page that holds no character that hides."""
    good, _ = signed()
    try:
        read = zu.Certificate(zu.Envelope(IN_TOTO, data, good.signatures))
    except FormatError:
        return
    assert zu.Certificate.from_bytes(read.to_bytes()).statement == read.statement
    told(read.to_bytes())
    page = zu.report_page(read)
    assert all(letter.isprintable() or letter == "\n" for letter in page) and "<script" not in page


def public_key(data: bytes) -> None:
    """The file, and what is in it behind each label; a key that is read answers, whatever it is."""
    for whole in (data, encode_pem(PUBLIC_LABEL, data), encode_pem(BLS_PUBLIC_LABEL, data)):
        try:
            read = zu.PublicKey.from_bytes(whole)
        except FormatError:
            continue
        assert zu.PublicKey.from_bytes(read.to_bytes()) == read and len(read.keyid) == 64
        told(whole)
        if read.scheme != BLS:  # which takes half a second
            try:
                read.verify(b"a message", bytes(SCHEMES[read.scheme].signature_bytes))
            except InvalidSignature:
                continue
            raise AssertionError("a signature of zeros was taken")


def signing_key(data: bytes) -> None:
    """The file, and what is in it behind each label, with a passphrase and without; of which making a key of the
    passphrase takes no time here."""
    with mock.patch.object(signing_keys, "_stretched", lambda *_: bytes(32)):
        for whole in (data, *(encode_pem(label, data) for label in LABELS)):
            path = in_file(whole, "key")
            path.chmod(0o600)
            for passphrase in (None, "x"):
                try:
                    key = zu.SigningKey.load(path, passphrase)
                except (FormatError, DataError):
                    continue
                assert len(key.public.keyid) == 64


# Verifying -----------------------------------------------------------------------------------------------------------


def proof_bytes(script: bytes) -> None:
    """A proof after some edits, under its true statement: accepted only if it is as it was."""
    good = small_owner().proof
    proof, statement = edited(good.proof, script), good.statement
    with few_queries():
        shape = shape_of(statement)
        roots = {"dataset": statement.dataset.root, "model": statement.model.root}
        try:
            verify_protocol(shape, new_transcript(statement), roots, proof)
        except InvalidProof:
            return
    assert proof == good.proof


def verified(kind: str, data: bytes, of: Owner | None) -> None:
    """What an auditor does with a public file. `of`: whose data set is pinned; None takes what the file says."""
    if kind in ("dataset", "keyed"):
        zu.verify_dataset(zu.DatasetCommitment.from_bytes(data))
    elif kind in ("link", "grown", "destroyed"):
        verify_link(zu.LinkProof.from_bytes(data))
    elif kind == "model link":
        verify_link(zu.ModelLinkProof.from_bytes(data))
    elif kind == "bundle":
        bundle = zu.Bundle.from_bytes(data)
        pinned = zu.DatasetCommitment(bundle.statement.dataset, b"") if of is None else of.dataset.commitment
        zu.verify_bundle(bundle, pinned, known_dataset=pinned.digest)
    elif kind == "noise":  # pinned, of a training that is valid
        committed, proof = zu.NoiseCommitment.from_bytes(data), (of or small_owner()).noisy
        Pins(noise=committed).check(proof.statement, proof.statement.dataset)
    elif kind == "noisy":
        proof = zu.TrainingProof.from_bytes(data)
        pinned = zu.DatasetCommitment(proof.statement.dataset, b"") if of is None else of.noisy_data.commitment
        zu.verify(proof, pinned, known_dataset=pinned.digest)
    elif kind in ("evaluation", "alone"):
        verify_proof(zu.EvaluationProof.from_bytes(data))
    elif kind == "sharded evaluation":
        verify_proof(zu.ShardedEvaluationProof.from_bytes(data))
    elif kind == "distance":
        verify_proof(zu.DistanceProof.from_bytes(data))
    elif kind in ("prediction", "scores"):
        verify_proof(zu.PredictionProof.from_bytes(data))
    elif kind == "registration":
        registration = zu.RegistrationProof.from_bytes(data)
        pinned = zu.DatasetCommitment(registration.statement.dataset, b"") if of is None else of.dataset.commitment
        zu.verify_registration(registration, pinned)
    elif kind == "extension":  # which needs more than its file
        made = of or small_owner()
        extension = zu.RegistrationProof.from_bytes(data)
        try:
            zu.verify_registration(extension, made.extended.commitment, [made.appended], [made.registration])
        except ParameterError as error:  # it names another one
            raise InvalidProof("registration", str(error)) from error
    elif kind == "receipt":  # of which the registration is somebody else's word, unless it is pinned
        made = of or small_owner()
        zu.verify_receipt(zu.Receipt.from_bytes(data), made.extended.commitment, made.extension)
    else:
        proof = zu.TrainingProof.from_bytes(data)
        pinned = zu.DatasetCommitment(proof.statement.dataset, b"") if of is None else of.dataset.commitment
        zu.verify(proof, pinned, known_dataset=pinned.digest)


def files(script: bytes) -> None:
    """A file after some edits, as an auditor gets it: accepted only if it is as it was. The first byte says which."""
    kind = PUBLIC[(script[0] if script else 0) % len(PUBLIC)]
    good = owner().files[kind]
    found = edited(good, script[1:])
    try:
        verified(kind, found, owner())
    except (FormatError, InvalidProof, StatementMismatch):
        return
    assert found == good


def fields(script: bytes) -> None:
    """The same with edits of fields, so that the file stays canonical, and with nothing pinned."""
    kind = PUBLIC[(script[0] if script else 0) % len(PUBLIC)]
    good = small_owner()
    try:
        found = encoded(KIND_OF.get(kind, kind), changed(good.payloads[kind], script[1:]))
        with few_queries():
            verified(kind, found, None)
    except (FormatError, InvalidProof, StatementMismatch):
        return
    if kind == "bundle":  # which is as good without its last request, as it was before that
        inside, allowed = (
            {proof.to_bytes() for proof in (*own.proofs, *own.links)}
            for own in map(zu.Bundle.from_bytes, (found, good.files[kind]))
        )
        assert inside <= allowed
        return
    assert found == good.files[kind]


def told(data: bytes) -> None:
    """A file is shown, in lines that it cannot forge, or refused."""
    try:
        shown = inspect_file(in_file(data, "shown"))
    except (FormatError, DataError, ParameterError):
        return
    assert all(line.isprintable() for line in aligned(shown.lines))
    json.dumps(shown.data)


def inspect(script: bytes) -> None:
    """A file with edited fields is shown, in lines that it cannot forge, or refused."""
    kind = KINDS[(script[0] if script else 0) % len(KINDS)]
    try:
        whole = encoded(kind, changed(small_owner().payloads[kind], script[1:]))
    except FormatError:
        return
    told(whole)


def statement(data: bytes) -> None:
    """Statements in form with sizes from the bytes: refused or laid out, in bounded time and memory."""
    numbers = [int.from_bytes(data[i : i + 4].ljust(4, b"\0"), "little") for i in range(0, 24, 4)]
    rows, epochs = (1 + (n % (1 << bits) >> (n >> 27)) for n, bits in zip(numbers, (28, 20), strict=False))
    good, known = owner().proof.statement, owner().dataset.statement.to_mapping()
    segments = [{**known["segments"][0], "stop": rows}]
    dataset = {**known, "rows": rows, "segments": segments, "openings": 1 + numbers[3] % (1 << 12)}
    column = {"map": "linear", "low": "0.0", "high": "1.0"}
    columns = [{**column, "name": f"x{i}"} for i in range(1 + numbers[5] % 99)]
    dataset["encoding"] = {**dataset["encoding"], "features": columns}
    batch_size = 1 << numbers[2] % 25 if numbers[4] & 1 else 0
    declared = good.spec.to_mapping()
    spec = {**declared, "method": {**declared["method"], "epochs": epochs, "batch_size": batch_size}}
    commitment = zu.DatasetCommitment(DatasetStatement.from_mapping(dataset, {}), b"")
    model = {**good.model.to_mapping(), "shape": [1, len(columns) + good.spec.method.bias]}
    changes = {"dataset": commitment.digest, "spec": spec, "forgotten": written_records([]), "model": model}
    references = {"dataset": commitment.statement}
    proof = zu.TrainingProof(TrainingStatement.from_mapping({**good.to_mapping(), **changes}, references), b"")
    own = commitment.statement
    link = LinkStatement(own, own.continued(bytes(32), own.openings))
    added = replace(own.segments[0], stop=2 * rows - numbers[3] % rows)
    grown = LinkStatement(own, own.continued(bytes(32), own.openings, bytes(32), [added]))
    renewal = ModelLinkStatement(proof.statement, good.model, replace(good.model, root=bytes(32)))
    refused = 0
    for ask in (
        lambda: zu.verify(proof, commitment, known_dataset=commitment.digest),
        lambda: zu.verify_dataset(commitment),
        lambda: verify_link(zu.LinkProof(link, b"")),
        lambda: verify_link(zu.LinkProof(grown, b"")),
        lambda: verify_link(zu.ModelLinkProof(renewal, b"")),
    ):
        try:
            ask()
        except InvalidProof:
            refused += 1
    assert refused == 5, "an empty proof was accepted"
    if grown.new.rows <= MAX_ROWS:
        try:
            assert shape_of(grown).proof_bytes
        except ParameterError:
            return


TARGETS: dict[str, Target] = {
    "container": container,
    "payload": payload,
    "dataset_commitment": artefact(zu.DatasetCommitment, "dataset"),
    "training_proof": artefact(zu.TrainingProof, "training"),
    "recommitment": artefact(zu.LinkProof, "link"),
    "model_recommitment": artefact(zu.ModelLinkProof, "model link"),
    "bundle": artefact(zu.Bundle, "bundle"),
    "evaluation": artefact(zu.EvaluationProof, "evaluation"),
    "sharded_evaluation": artefact(zu.ShardedEvaluationProof, "sharded evaluation"),
    "distance": artefact(zu.DistanceProof, "distance"),
    "prediction": artefact(zu.PredictionProof, "prediction"),
    "noise": artefact(zu.NoiseCommitment, "noise"),
    "noise_opening": secret("noise.opening", lambda folder: Noise.load(folder / "noise.opening")),
    "registration": artefact(zu.RegistrationProof, "registration"),
    "extension": artefact(zu.RegistrationProof, "registration"),
    "receipt": artefact(zu.Receipt, "receipt"),
    "encoding": mapping(DatasetEncoding),
    "spec": mapping(TrainingSpec),
    "model_opening": secret("model.opening", lambda folder: Model.load(folder / "model.opening")),
    "dataset_opening": secret("dataset.opening", Dataset.load),
    "left_out": secret("dataset.left_out", Dataset.load),
    "array": array,
    "csv": table("table.csv", "id"),
    "npz": table("table.npz", None),
    "parquet": table("table.parquet", "id"),
    "arrow": table("table.arrow", "id"),
    "spec_toml": spec_toml,
    "bounds_toml": bounds,
    "categories": categories,
    "ids": reader("ids.txt", read_ids),
    "id_column": reader("ids.csv", lambda path: read_id_list(path, "id")),
    "digests": digests,
    "envelope": envelope,
    "signed_payload": signed_payload,
    "certificate": certificate,
    "requests": reader("requests.csv", lambda path: read_requests(path, "2026-11-30T12:00:00Z")),
    "public_key": public_key,
    "signing_key": signing_key,
    "claim": reader(CLAIM_FILE, lambda path: OpeningFile(path.parent, b"\xab" * 32, LARGEST).claimed()),
    "proof_bytes": proof_bytes,
    "files": files,
    "fields": fields,
    "inspect": inspect,
    "statement": statement,
}
