"""Good files, made once and always the same, and edits of them that bytes describe."""

from __future__ import annotations

import atexit
import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from functools import cache, lru_cache
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import zkunlearn as zu
from zkunlearn.circuits.statements import dataset, training
from zkunlearn.circuits.statements.evaluation import MIN_ROWS
from zkunlearn.formats import container
from zkunlearn.formats.container import MAGIC, decode
from zkunlearn.prover.owner.left_out import LeftOut
from zkunlearn.verifier.protocol import code, folding, soundness
from zkunlearn.verifier.protocol import proof as protocol
from zkunlearn.verifier.protocol.folding import stacks

LARGEST = 1 << 22
ROWS_AFTER = "rows"
QUERIES = 3  # so that a proof is small, and its verification quick
SPEC = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5)
NEAR = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5, l2=0.25)
ROWS, FEATURES = 5, 2
SHARDED = zu.TrainingSpec(
    model="logistic", method="sisa", shard_rows=4, slices=2, epochs=1, batch_size=2, learning_rate=0.5
)
NOISY = zu.TrainingSpec(model="logistic", method="noisy", l2=0.25)
PUBLIC = (
    *("dataset", "link", "grown", "destroyed", "model link"),
    *("training", "bundle", "request", "registration", "extension", "receipt", "keyed", "evaluation", "alone"),
    "distance",
    *("noisy", "noise"),
    "sharded evaluation",
)
KINDS = (
    "dataset", "link", "training", "bundle", "model.opening", "dataset.opening", "model link", "registration",
    "receipt", "evaluation", "distance", "prediction", "noise", "noise.opening",
    "dataset.left_out", "sharded evaluation",
)  # fmt: skip
KIND_OF = {  # of what has another name than its kind
    "request": "training",
    "grown": "link",
    "destroyed": "link",
    "extension": "registration",
    "keyed": "dataset",
    "alone": "evaluation",
    "scores": "prediction",
    "noisy": "training",
}
ODD: tuple[object, ...] = (
    *(0, 1, -1, 1 << 12, 1 << 28, 1 << 63, (1 << 64) - 1, -(1 << 64), True, None),
    *("", "0.5", "-0.0", "nan", "1e400", "real", "count", "linear", "\u202e", "\x1b[2J", "x" * 257),
    *(b"", bytes(32), b"\xff" * 32, [], ["0.5"], {}, {"name": "a", "map": "linear", "low": "0.0", "high": "1.0"}),
)
SMALL = (
    (code, "query_count", lambda rate: QUERIES),
    (soundness, "SECURITY_BITS", 0),
    (dataset, "SHORTEST_ROW_BITS", 4),
    (training, "SHORTEST_ROW_BITS", 2),
    *((module, "stacks", lru_cache(stacks.__wrapped__)) for module in (folding, protocol)),  # which remembers lengths
)


FOLDERS = ExitStack()  # of this process, until it ends
atexit.register(FOLDERS.close)


def temporary() -> Path:
    """A folder that is removed when the process ends, or tests are done."""
    return Path(FOLDERS.enter_context(tempfile.TemporaryDirectory(prefix="zkunlearn-fuzz-")))


class Owner:
    """Everything an owner makes."""

    def __init__(self) -> None:
        calls = count()

        def urandom(size: int) -> bytes:
            return hashlib.shake_128(f"fuzz {next(calls)}".encode()).digest(size)

        with mock.patch("os.urandom", urandom):
            X = np.random.default_rng(1).normal(size=(ROWS, FEATURES))
            self.dataset = zu.commit(X, np.arange(ROWS) % 2, openings=12)
            self.folder = temporary()
            self.dataset.save(self.folder)
            trained = zu.prove(self.dataset, SPEC)
            self.proof = zu.prove(self.dataset, SPEC, forget=["2"], previous=trained.proof).proof
            model, self.model_link = zu.recommit_model(trained.secret, openings=5)
            model.save(self.folder / "model.opening")
            self.link = zu.recommit(self.dataset, openings=8)[1]
            self.grown = zu.rectify(self.dataset, X[1:3], [0, 1], ids=["2", "4"], openings=8)[1]
            self.destroyed = zu.destroy(self.dataset, ["2"], forgotten_by=self.proof, openings=8)[1]
            begun: Any = zu.prove(self.dataset, SHARDED)  # then someone of a second slice, so that it is begun from
            again = zu.ShardedModel(begun.bundle, (zu.recommit_model(begun.secret)[0],))
            self.request = zu.prove(self.dataset, SHARDED, forget=[self.dataset.rows.ids[3]], previous=again)
            self.registration = zu.register(self.dataset)
            self.extended, self.appended = zu.append(self.dataset, X[:3], [1, 0, 1], openings=3)
            self.extension = zu.register(self.extended, self.registration)
            self.keyed = zu.commit(X, np.arange(ROWS) % 2, openings=2, unique={"k": range(ROWS)})
            self.evaluation, self.alone = self.evaluated(trained.secret)
            own = zu.commit(X, np.arange(ROWS) % 2, openings=3)
            self.distance = zu.prove_distance(own, zu.prove(own, NEAR).secret)
            self.predictions, self.scores = (zu.prove_predictions(model, X[:2], what) for what in ("class", "score"))
            self.noisy_data = zu.commit(X, np.arange(ROWS) % 2, openings=2)
            self.noise = zu.commit_noise(self.noisy_data, NOISY, "a fuzzer")
            self.noise.save(self.folder / "a.noise.opening")
            hidden = (self.folder / "a.noise.opening").read_bytes()
            self.noisy = zu.prove(self.noisy_data, NOISY, noise=self.noise, nonce=bytes(32)).proof
            self.together = zu.evaluate(self.holdout(), [again, self.request.model])
        self.receipt = zu.receipts(self.extended, self.extension).of("2")
        commitment = self.dataset.commitment
        request: Any = self.request
        public: dict[str, Any] = {"dataset": commitment, "training": self.proof, "link": self.link}
        public |= {"bundle": request.bundle, "request": request.proof, "model link": self.model_link}
        public |= {"grown": self.grown, "destroyed": self.destroyed, "extension": self.extension}
        public |= {"registration": self.registration, "receipt": self.receipt, "keyed": self.keyed.commitment}
        public |= {"evaluation": self.evaluation, "alone": self.alone, "distance": self.distance}
        public |= {"prediction": self.predictions, "scores": self.scores}
        public |= {"noisy": self.noisy, "noise": self.noise.commitment, "sharded evaluation": self.together}
        self.files = {kind: artefact.to_bytes() for kind, artefact in public.items()}
        self.files |= {name: (self.folder / name).read_bytes() for name in ("model.opening", "dataset.opening")}
        self.files["noise.opening"] = hidden
        left_out = LeftOut(bytes(range(32)), np.arange(96, dtype=np.uint8).reshape(3, 32))
        self.files["dataset.left_out"] = left_out.content(commitment.digest)
        self.payloads = {name: decoded(KIND_OF.get(name, name), data) for name, data in self.files.items()}

    def evaluated(self, model: zu.Model) -> tuple[zu.EvaluationProof, zu.EvaluationProof]:
        """Of two models, and of one, on rows within the bounds of the others."""
        holdout = self.holdout()
        other = zu.prove(self.dataset, SPEC, forget=["3"]).secret
        return zu.evaluate(holdout, [model, other]), zu.evaluate(holdout, other, confusion=True)

    def holdout(self) -> zu.Dataset:
        """Rows within the bounds of the others."""
        bounds = {own.name: (own.low, own.high) for own in self.dataset.statement.encoding.features}
        rows = np.array([np.linspace(low, high, MIN_ROWS) for low, high in bounds.values()]).T
        return zu.commit(rows, np.arange(MIN_ROWS) % 2, bounds=bounds, openings=3)


VECTORS = Path(__file__).resolve().parents[1] / "vectors"
EXAMPLES = VECTORS / "signatures.json"
CERTIFICATE = VECTORS / "frozen" / "certificate.v1.json"


@cache
def examples() -> Any:
    """Published keys and envelopes."""
    return json.loads(EXAMPLES.read_text(encoding="utf-8"))


@cache
def signed() -> tuple[zu.Envelope, zu.PublicKey]:
    """An envelope and the key that has signed it."""
    found = examples()["envelopes"]["ed25519"]
    return zu.Envelope.from_bytes(found["envelope"].encode()), zu.PublicKey.from_bytes(found["public"].encode())


def decoded(kind: str, data: bytes) -> Any:
    """A payload, rows after it as if they were a field."""
    front = container.front_of(data)
    payload = decode(data[:front], kind, 1 << 30)[1]
    return payload if front is None else {**payload, ROWS_AFTER: data[front:]}


def encoded(kind: str, payload: Any) -> bytes:
    """A file that says so."""
    rows = payload.get(ROWS_AFTER) if kind in container.WITH_BODY else b""
    fields = {name: value for name, value in payload.items() if name != ROWS_AFTER or kind not in container.WITH_BODY}
    return container.encode(kind, fields) + (rows if isinstance(rows, bytes) else b"")


@cache
def owner() -> Owner:
    """With proofs as they are."""
    return Owner()


@contextmanager
def few_queries() -> Iterator[None]:
    """As few as nobody would accept, and rows as short as can be."""
    with ExitStack() as patches:
        for module, name, value in SMALL:
            patches.enter_context(mock.patch.object(module, name, value))
        yield


@cache
def small_owner() -> Owner:
    """With proofs that only `few_queries` accepts."""
    with few_queries():
        return Owner()


@cache
def scratch() -> Path:
    """A folder for one process."""
    return temporary()


def in_file(data: bytes, name: str) -> Path:
    """A file with this name and content."""
    path = scratch() / name
    path.write_bytes(data)
    return path


def head_of(kind: str) -> bytes:
    """What a file of ours begins with."""
    return MAGIC + bytes([len(kind)]) + kind.encode() + container.KINDS[kind].to_bytes(2, "big")


# Edits ---------------------------------------------------------------------------------------------------------------


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
        elif good:
            data[at : at + value] = good[place % len(good) :][:value]
    return bytes(data)


def changed(good: dict[str, Any], script: bytes) -> dict[str, Any]:
    """A payload after some edits of its fields: each is four bytes, which field, what to do, and a value (2)."""
    payload = deepcopy(good)
    for i in range(0, len(script) - 3, 4):
        places = list(_places(payload))
        if not places:
            break
        holder, name = places[script[i] % len(places)]
        act, value = script[i + 1] % 4, int.from_bytes(script[i + 2 : i + 4], "big", signed=True)
        if act == 0:
            del holder[name]
        elif act == 1:
            other, its_name = places[value % len(places)]
            holder[name] = deepcopy(other[its_name])
        elif act == 2:
            holder[name] = deepcopy(ODD[value % len(ODD)])
        else:
            holder[name] = _altered(holder[name], value)
    return payload


def _places(holder: Any) -> Iterator[tuple[Any, Any]]:
    """All fields and elements, each as what holds it and its name there."""
    names = list(holder) if isinstance(holder, dict) else range(len(holder))
    for name in names:
        yield holder, name
        if isinstance(holder[name], dict | list):
            yield from _places(holder[name])


def _altered(old: Any, value: int) -> Any:
    """Another value of the same type, mostly."""
    if isinstance(old, bool):
        return not old
    if isinstance(old, int):
        return old + value
    if isinstance(old, str):
        return repr(float(value)) if value % 2 else old[: value % (len(old) + 1)] + chr(value % 128)
    if isinstance(old, bytes):
        return edited(old, bytes([value % 5, 0, *value.to_bytes(2, "big", signed=True), 1 + value % 255]))
    if isinstance(old, list):
        return [*old, *deepcopy(old)]
    if isinstance(old, dict):
        return {**old, "extra": value}
    return bytes(range(32))
