"""Every input that was kept is tried again, without a fuzzer; and every reader has a target."""

from __future__ import annotations

import ast
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))
from targets import TARGETS, edited  # noqa: E402

KEPT = [path for folder in ("corpus", "regressions") for path in sorted((HERE / folder).rglob("*")) if path.is_file()]
SEEDED = {"files": 12, "proof_bytes": 60}  # others are quick
READERS = {"from_bytes", "from_mapping", "load", "decode", "load_spec", "read_table"}
READERS |= {"read_bounds", "read_ids", "read_digests"}
# Each public reader of foreign bytes or mappings, and the target that tries it.
TRIED = {
    "models/columns.py ColumnEncoding.from_mapping": "encoding",
    "models/encoding.py DatasetEncoding.from_mapping": "encoding",
    "models/spec.py TrainingSpec.from_mapping": "spec",
    "models/spec.py load_spec": "spec_toml",
    "prover/dataset.py Dataset.load": "dataset_opening",
    "prover/ingest.py read_table": "csv",
    "prover/text_files.py read_bounds": "bounds_toml",
    "prover/text_files.py read_digests": "digests",
    "prover/text_files.py read_ids": "ids",
    "prover/training.py Model.load": "model_opening",
    "verifier/artefacts.py DatasetCommitment.from_bytes": "dataset_commitment",
    "verifier/artefacts.py DatasetCommitment.load": "dataset_commitment",
    "verifier/artefacts.py RecommitmentProof.from_bytes": "recommitment",
    "verifier/artefacts.py RecommitmentProof.load": "recommitment",
    "verifier/artefacts.py TrainingProof.from_bytes": "training_proof",
    "verifier/artefacts.py TrainingProof.load": "training_proof",
    "verifier/container.py decode": "container",
}
INTEGERS = {"models/columns.py ColumnEncoding.decode", "models/columns.py LabelEncoding.decode"}  # read no bytes


@pytest.mark.parametrize("path", KEPT, ids=lambda path: str(path.relative_to(HERE)))
def test_what_was_kept_is_answered(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


def test_every_target_has_a_corpus() -> None:
    assert {path.parent.name for path in KEPT} == set(TARGETS)


def readers() -> Iterator[str]:
    """Functions and methods of the product that are called like readers."""
    for room in ("models", "circuits", "verifier", "prover"):
        for path in sorted((ROOT / room).rglob("*.py")):
            tree = ast.parse(path.read_text())
            holders = [("", tree), *((f"{n.name}.", n) for n in tree.body if isinstance(n, ast.ClassDef))]
            for prefix, holder in holders:
                for node in holder.body:
                    if isinstance(node, ast.FunctionDef) and node.name in READERS:
                        yield f"{path.relative_to(ROOT)} {prefix}{node.name}"


def test_every_reader_has_a_target() -> None:
    assert set(readers()) - INTEGERS == set(TRIED)
    assert set(TRIED.values()) <= set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_spoilt_inputs_are_answered(name: str) -> None:
    """Random edits of the kept inputs: what a fuzzer begins with."""
    rng = random.Random(name)
    seeds = [path.read_bytes() for path in KEPT if path.parent.name == name]
    for _ in range(SEEDED.get(name, 150)):
        script = rng.randbytes(5 * rng.randint(1, 4))
        TARGETS[name](edited(rng.choice(seeds), script) if name not in SEEDED else rng.randbytes(1) + script)
