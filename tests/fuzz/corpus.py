"""Write the corpus anew: good inputs, small ones, from which the fuzzer starts. `python tests/fuzz/corpus.py`."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from pathlib import Path

import cbor2
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import zkunlearn as zu
from goods import CERTIFICATE, KIND_OF, KINDS, SPEC, decoded, encoded, examples, head_of, owner
from zkunlearn.formats.base64_text import encode_pem
from zkunlearn.formats.container import encode
from zkunlearn.models.encoding.dataset import DatasetEncoding
from zkunlearn.models.encoding.declared import Declared
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.verifier.trust.schemes import SCHEMES

CORPUS = Path(__file__).parent / "corpus"
NEWTON = TrainingSpec(model="logistic", method="newton", l2=0.25, steps=3)
INVERSE = TrainingSpec(model="logistic", method="newton", l2=0.25, steps=3, inverse=12)
OPTIMUM = TrainingSpec(model="probit", method="optimum", l2=0.25, grid=20, distances=(500, 20), bias=False)
NOISY = TrainingSpec(model="probit", method="noisy", l2=0.25, epsilon=0.5, grid=9, distance=70, bias=False)
NOISY_NEWTON = TrainingSpec(
    model="probit", method="newton", l2=0.25, steps=3, inverse=12, epsilon=0.5, delta=1e-3, distances=(70,), grid=9
)
ONE_PASS = TrainingSpec(model="linear", method="one-pass", epochs=2, learning_rate=(0.5, 0.25), momentum="increasing")

REFUSED = {  # values that cbor2 would read
    "long integer": b"\x18\5",
    "long length": b"\x58\1x",
    "deep": b"\x81" * 16 + b"\0",
    "date": b"\xc1\0",
    "big number": b"\xc2\x49" + b"\1" * 9,
    "float": b"\xf9\x3c\0",
    "undefined": b"\xf7",
    "endless": b"\x9f\0\xff",
    "no UTF-8": b"\x61\xff",
    "huge": b"\x5b" + b"\xff" * 8,
}


MODELS = {"models": [{"distance": 28, "slope": 50}, {"distance": 30, "slope": None}]}
COUNTED = {"results": [{"squares": 3, "deviance": 7}, {"squares": 5}], "spread": 9}
NUMBERS = {"results": [{"squares": 3}, {"squares": 5}], "spread": 9, "grid": -3}
BELOW_ZERO = {"results": [{"right": 3, "loss": loss, "confusion": []} for loss in ([-2, 5], None)]}


def declared() -> DatasetEncoding:
    """With a source of each kind."""
    own = Declared.of(
        {
            "age": {"low": 0, "high": 120, "missing": 60},
            "city": {"categories": ["NY", "LA", "else"], "reference": "LA", "other": "else", "missing": "NY"},
            "since": {"low": date(2000, 1, 1), "high": date(2030, 1, 1), "missing": date(2010, 1, 1)},
            "seen": {"low": date(2000, 1, 1), "high": date(2030, 1, 1), "format": "%d.%m.%Y", "clip": True},
            "income": {"low": 0, "high": 9, "clip": True},
        }
    )
    rows = np.zeros((2, len(own.bounds)))
    return DatasetEncoding.from_data(rows, [0, 1], list(own.bounds), bounds=own.bounds, sources=own.sources)


def inputs() -> dict[str, dict[str, bytes]]:
    """By target, by name."""
    made, whole = owner(), owner().files
    statements = {kind: decoded(KIND_OF.get(kind, kind), data) for kind, data in whole.items()}
    short = {
        kind: encoded(KIND_OF.get(kind, kind), {**payload, "proof": b"short"})
        for kind, payload in statements.items()
        if "proof" in payload
    }
    links = [short["link"], short["grown"], short["model link"]]
    bundle = encode("bundle", {"links": links, "proofs": [short["training"], short["request"]]})
    both, near = ({**statements[kind], "proof": b"short"} for kind in ("evaluation", "distance"))
    bodies = {kind: data[len(head_of(KIND_OF.get(kind, kind))) :] for kind, data in short.items()}
    no_secrets = {"tails": b"", "leaf_salts": b""}
    npz, table = io.BytesIO(), io.BytesIO()
    np.savez(npz, X=np.eye(3), y=np.array([0, 1, 0]))
    rows = {"id": ["a", "b"], "x": [0.5, 1.5], "y": [0, 1]}
    pyarrow.parquet.write_table(pa.table(rows), table)
    encoding = made.dataset.statement.encoding.to_mapping()
    return {
        "container": {"opening": whole["dataset.opening"], "empty": encode("training", {})},
        "payload": {
            "empty": b"\xa0",
            "nested": cbor2.dumps({"a": [1, {"b": b"x"}, None, True]}, canonical=True),
            **{name: b"\xa1\x61a" + value for name, value in REFUSED.items()},
            "keys twice": b"\xa2\x61a\0\x61a\1",
            "keys unsorted": b"\xa2\x61b\0\x61a\1",
        },
        "dataset_commitment": {"whole": short["dataset"], "body": bodies["dataset"], "keys": short["keyed"]},
        "training_proof": {
            "whole": short["training"],
            "body": bodies["training"],
            "request": short["request"],
            "noisy": short["noisy"],
        },
        "recommitment": {
            "whole": short["link"],
            "body": bodies["link"],
            "grown": short["grown"],
            "grown body": bodies["grown"],
            "destroyed": short["destroyed"],
        },
        "model_recommitment": {"whole": short["model link"], "body": bodies["model link"]},
        "registration": {"whole": short["registration"], "body": bodies["registration"]},
        "evaluation": {
            "whole": short["evaluation"],
            "body": bodies["evaluation"],
            "alone": short["alone"],
            "numbers": encode("evaluation", {**both, "statement": {**both["statement"], **NUMBERS}}),
            "below zero": encode("evaluation", {**both, "statement": {**both["statement"], **BELOW_ZERO}}),
            "counts": encode("evaluation", {**both, "statement": {**both["statement"], **COUNTED}}),
        },
        "sharded_evaluation": {"whole": short["sharded evaluation"], "body": bodies["sharded evaluation"]},
        "distance": {
            "whole": short["distance"],
            "body": bodies["distance"],
            "models": encode("distance", {**near, "statement": {"training": near["statement"]["training"], **MODELS}}),
        },
        "prediction": {"whole": short["prediction"], "body": bodies["prediction"], "scores": short["scores"]},
        "noise": {"whole": whole["noise"], "body": whole["noise"][len(head_of("noise")) :]},
        "noise_opening": {
            "short": encode("noise.opening", {**statements["noise.opening"], **no_secrets}),
            "used": encode("noise.opening", {**statements["noise.opening"], **no_secrets, "spent": 1}),
            "kept": encode("noise.opening", {**statements["noise.opening"], **no_secrets, "kept": bytes(72)}),
        },
        "extension": {"whole": short["extension"], "body": bodies["extension"]},
        "receipt": {"whole": whole["receipt"], "body": whole["receipt"][len(head_of("receipt")) :]},
        "bundle": {"whole": bundle, "body": bundle[len(head_of("bundle")) :]},
        "encoding": {
            "good": cbor2.dumps(encoding, canonical=True),
            "sources": cbor2.dumps(declared().to_mapping(), canonical=True),
            "keys": cbor2.dumps({**encoding, "keys": [{"name": "k"}, {"name": "l"}]}, canonical=True),
            "classes": cbor2.dumps(
                {**encoding, "label_kind": "categorical", "label_classes": ["a", "b", "c"]}, canonical=True
            ),
        },
        "spec": {
            "good": cbor2.dumps(SPEC.to_mapping(), canonical=True),
            "one pass": cbor2.dumps(ONE_PASS.to_mapping(), canonical=True),
            "optimum": cbor2.dumps(OPTIMUM.to_mapping(), canonical=True),
            "newton": cbor2.dumps(NEWTON.to_mapping(), canonical=True),
            "inverse": cbor2.dumps(INVERSE.to_mapping(), canonical=True),
            "noisy newton": cbor2.dumps(NOISY_NEWTON.to_mapping(), canonical=True),
            "noisy": cbor2.dumps(NOISY.to_mapping(), canonical=True),
            "held out": cbor2.dumps({**SPEC.to_mapping(), "holdout": 2}, canonical=True),
        },
        "model_opening": {
            "short": encode(
                "model.opening", {**statements["model.opening"], "links": [short["model link"]], **no_secrets}
            )
        },
        "dataset_opening": {"good": whole["dataset.opening"]},
        "left_out": {"good": whole["dataset.left_out"]},
        "array": arrays(sorted((made.folder / "dataset.secrets").iterdir())),
        "csv": {
            "good": b"id,x,y\na,0.5,0\nb,1.5,1\n",
            "quoted": b'id,"x ""1""",y\r\n"a, b",1e3,no\r\nc,-2,yes\r\n',
            "classes": b"id,x,y\na,0.5,low\nb,1.5,high\nc,1,middle\n",
            "keys": b"id,k,x,y\na,m@n.o,0.5,0\nb,17,1.5,1\n",
        },
        "npz": {"good": npz.getvalue()},
        "parquet": {"good": table.getvalue()},
        "arrow": arrow_files(pa.table(rows)),
        "spec_toml": {
            "rates": b'[model]\nkind = "logistic"\n[method]\nepochs = 2\nlearning_rate = [0.5, 1]\n',
            "complete": replace(SPEC, batch_size=8, l2=1e-7, bias=False).to_toml().encode(),
            "one pass": ONE_PASS.to_toml().encode(),
            "optimum": OPTIMUM.to_toml().encode(),
            "newton": NEWTON.to_toml().encode(),
            "inverse": INVERSE.to_toml().encode(),
            "noisy newton": NOISY_NEWTON.to_toml().encode(),
            "noisy": NOISY.to_toml().encode(),
            "held out": b'[model]\nkind = "probit"\nholdout = 200\n[method]\nepochs = 2\nlearning_rate = 0.5\n',
            "tables": b"method" + b".a" * 30 + b" = 0xffffffffffffffffffff\n",
        },
        "bounds_toml": {
            "good": b'[bounds]\nage = [0, 120]\n"a b" = [-1.5, 1e3]\n',
            "more": b"[bounds]\na = {low = 0, high = 9, missing = 3, clip = true}\n"
            b"b = [2000-01-01, 2030-01-01T12:00:00]\n"
            b"c = {categories = [1, 2, 'x'], reference = 2, other = 'x', missing = 1}\n",
        },
        **of_signatures(),
        "categories": {
            "toml": b'city = ["LA", "NY"]\ngrade = {categories = [1, 2, true], missing = 2, reference = 2}\n',
            "json": b'{"city": ["LA", "NY"], "grade": {"categories": [1, 2, true], "other": 2}}',
        },
        "ids": {"good": "Żółć 07\nperson 1\n".encode()},
        "id_column": {"good": 'id;since\nŻółć 07;2\n\n"a; b";3\n'.encode()},
        "claim": {"own": b"ab" * 32 + b" 3\n", "another": b"cd" * 32 + b" 3\n"},
        "digests": {"good": b"# head\n" + b"ab" * 32 + b"\n"},
        "proof_bytes": {"as it is": b"", "a bit": b"\0\0\0\x64\1", "cut": b"\3\1\0\0\xff", "splice": b"\4\0\1\0\x20"},
        "files": {"as it is": b"\1", "a bit": b"\2\0\0\0\x20\1", "late": b"\0\0\2\0\0\1"},
        "fields": {"as it is": b"\2", "odd": b"\0\1\2\0\5", "spliced": b"\2\3\1\0\x10", "altered": b"\1\7\3\0\1"},
        "inspect": {kind: bytes([place]) for place, kind in enumerate(KINDS)} | {"odd": b"\2\5\2\0\7"},
        "statement": {
            "small": b"\x05\0\0\0\x01",
            "many rows": b"\xff\xff\xff\7",
            "many features": b"\x63\0\0\0" + bytes(16) + b"\x62",
            "many steps": b"\xff\xff\3\0" + b"\3\0\0\0" + bytes(8) + b"\1",
            "many openings": bytes(12) + b"\xff\x0f",
        },
    }


def of_certificates() -> dict[str, bytes]:
    """What a published one says, and what it does not."""
    good = zu.Certificate.from_bytes(CERTIFICATE.read_bytes()).envelope.payload
    hostile = good.replace(b"exact: the published", "\u202e</p><script>\\u001b".encode())
    return {"good": good, "hostile": hostile, "field": good.replace(b'"bits"', b'"bytes"'), "empty": b"{}"}


def of_signatures() -> dict[str, dict[str, bytes]]:
    """Published keys and envelopes, good ones and others."""
    found = examples()
    good = {name: each["envelope"].encode() for name, each in found["envelopes"].items() if name != "ml-dsa-44"}
    wrong = {each["why"]: each["envelope"].encode() for each in found["refused"] if each["why"] != "another key"}
    keys = {name: each["public"].encode() for name, each in found["envelopes"].items()}
    prefix = bytes.fromhex("302e020100300506032b657004220420")  # of PKCS #8
    plain = encode_pem("PRIVATE KEY", prefix + bytes(range(32)))
    aggregate, sealed = found["aggregate"]["envelope"].encode(), found["protected key"]["file"].encode()
    return {
        "envelope": {**good, **wrong, "aggregate": aggregate, "nested": b'{"a":[[[[]]]]}'},
        "signed_payload": {name: each["payload"].encode() for name, each in found["envelopes"].items()},
        "certificate": of_certificates(),
        "requests": {"good": b"reference,received_at,due_at,completed_at\nA,2026-11-01T09:00:00Z,,\n"},
        "public_key": {**keys, "of ed25519": SCHEMES["ed25519"].prefix + bytes(32)},
        "signing_key": {"plain": plain, "sealed": sealed, "inside": prefix + bytes(32)},
    }


def arrow_files(table: pa.Table) -> dict[str, bytes]:
    """A table as a file and as a stream of Arrow's, compressed, and with a column of categories."""
    packed = pyarrow.ipc.IpcWriteOptions(compression="zstd")
    listed = table.set_column(0, "id", table["id"].dictionary_encode())
    found = {}
    for name, own, new, options in (
        ("file", table, pyarrow.ipc.new_file, None),
        ("stream", table, pyarrow.ipc.new_stream, None),
        ("packed", table, pyarrow.ipc.new_file, packed),
        ("listed", listed, pyarrow.ipc.new_stream, None),
    ):
        file = io.BytesIO()
        with new(file, own.schema, options=options) as writer:
            writer.write_table(own)
        found[name] = file.getvalue()
    file = io.BytesIO()
    pl.DataFrame(table.to_pydict()).write_ipc(file)
    return {**found, "by polars": file.getvalue()}


def arrays(paths: list[Path]) -> dict[str, bytes]:
    """The small ones of the owner's arrays as they are; and all in place of each other, or of another type."""
    found = {f"{i}": bytes([i]) + path.read_bytes() for i, path in enumerate(paths) if path.stat().st_size < 2000}
    for i, path in enumerate(paths):
        file = io.BytesIO()
        np.save(file, np.load(path)[:2].astype(">f4")[..., :3])
        found[f"{path.stem} of floats"] = bytes([i]) + file.getvalue()
    return found


if __name__ == "__main__":
    for target, named in inputs().items():
        for name, data in named.items():
            (CORPUS / target).mkdir(parents=True, exist_ok=True)
            (CORPUS / target / name).write_bytes(data)
