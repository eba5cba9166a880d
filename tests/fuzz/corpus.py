"""Write the corpus anew: good inputs, small ones, from which the fuzzer starts. `python tests/fuzz/corpus.py`."""

from __future__ import annotations

import io
from pathlib import Path

import cbor2
import numpy as np
import pyarrow as pa
import pyarrow.parquet
from targets import SPEC, head_of, owner
from zkunlearn.verifier.container import decode, encode

CORPUS = Path(__file__).parent / "corpus"


def inputs() -> dict[str, dict[str, bytes]]:
    """By target, by name."""
    made, whole = owner(), owner().files
    statements = {kind: decode(data, None, 1 << 20)[1] for kind, data in whole.items()}
    short = {
        kind: encode(kind, {**payload, "proof": b"short"}) for kind, payload in statements.items() if "proof" in payload
    }
    bodies = {kind: data[len(head_of(kind)) :] for kind, data in short.items()}
    no_secrets = {"tails": b"", "leaf_salts": b""}
    npz, table = io.BytesIO(), io.BytesIO()
    np.savez(npz, X=np.eye(3), y=np.array([0, 1, 0]))
    rows = {"id": ["a", "b"], "x": [0.5, 1.5], "y": [0, 1]}
    pyarrow.parquet.write_table(pa.table(rows), table)
    encoding = made.dataset.statement.encoding.to_mapping()
    return {
        "container": {"opening": whole["dataset.opening"], "empty": encode("proof", {})},
        "payload": {"empty": b"\xa0", "nested": cbor2.dumps({"a": [1, {"b": b"x"}, None, True]}, canonical=True)},
        "dataset_commitment": {"whole": short["dataset.commitment"], "body": bodies["dataset.commitment"]},
        "training_proof": {"whole": short["proof"], "body": bodies["proof"]},
        "recommitment": {"whole": short["recommitment"], "body": bodies["recommitment"]},
        "encoding": {"good": cbor2.dumps(encoding, canonical=True)},
        "spec": {"good": cbor2.dumps(SPEC.to_mapping(), canonical=True)},
        "model_opening": {"short": encode("model.opening", {**statements["model.opening"], **no_secrets})},
        "dataset_opening": {"good": whole["dataset.opening"]},
        "array": {
            f"{i}": bytes([i]) + path.read_bytes()
            for i, path in enumerate(sorted((made.folder / "dataset.secrets").iterdir()))
            if path.stat().st_size < 2000
        },
        "csv": {"good": b"id,x,y\na,0.5,0\nb,1.5,1\n", "quoted": b'id,"x ""1""",y\r\n"a, b",1e3,no\r\nc,-2,yes\r\n'},
        "npz": {"good": npz.getvalue()},
        "parquet": {"good": table.getvalue()},
        "spec_toml": {"good": b'[model]\nkind = "logistic"\n[training]\nepochs = 4\nlearning_rate = [0.5, 1]\n'},
        "bounds_toml": {"good": b'[bounds]\nage = [0, 120]\n"a b" = [-1.5, 1e3]\n'},
        "ids": {"good": "Żółć 07\nperson 1\n".encode()},
        "digests": {"good": b"# head\n" + b"ab" * 32 + b"\n"},
        "proof_bytes": {"as it is": b"", "a bit": b"\0\0\0\x64\1", "cut": b"\3\1\0\0\xff", "splice": b"\4\0\1\0\x20"},
        "files": {"as it is": b"\1", "a bit": b"\2\0\0\0\x20\1", "late": b"\0\0\2\0\0\1"},
        "statement": {"small": b"\x05\0\0\0\x01", "large": b"\xff" * 24},
    }


if __name__ == "__main__":
    for target, named in inputs().items():
        for name, data in named.items():
            (CORPUS / target).mkdir(parents=True, exist_ok=True)
            (CORPUS / target / name).write_bytes(data)
