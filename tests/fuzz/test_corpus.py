"""Every input that was kept is tried again, without a fuzzer; and every reader has a target."""

from __future__ import annotations

import ast
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from zkunlearn.verifier import container

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))
import goods  # noqa: E402
from targets import TARGETS  # noqa: E402

KEPT = [path for folder in ("corpus", "regressions") for path in sorted((HERE / folder).rglob("*")) if path.is_file()]
OF_SCRIPTS = {"files": 12, "proof_bytes": 30, "fields": 30, "inspect": 60}  # inputs say what to do with a good file
SEEDED = {**OF_SCRIPTS, "statement": 15}  # others are quick
# A reader is called like one, or says that it may find no file of ours.
READER = re.compile(r"(from|read|load|parse|decode|scan|take|unpack|inspect)(_|$)")
REFUSAL = "FormatError"
# Each, and the target that tries it.
TRIED = {
    "cli_inspect.py inspect_file": "inspect",
    "models/_canonical.py exact_fields": "spec",
    "models/_canonical.py read_bool": "spec",
    "models/_canonical.py read_float": "spec",
    "models/_canonical.py read_int": "spec",
    "models/_canonical.py read_list": "spec",
    "models/_canonical.py read_text": "spec",
    "models/_canonical.py toml_document": "spec_toml",
    "models/columns.py ColumnEncoding.from_mapping": "encoding",
    "models/encoding.py DatasetEncoding.from_data": "csv",
    "models/encoding.py DatasetEncoding.from_mapping": "encoding",
    "models/files.py opened": "inspect",
    "models/files.py read_file": "inspect",
    "models/spec.py TrainingSpec.from_mapping": "spec",
    "models/spec.py TrainingSpec.from_toml": "spec_toml",
    "models/spec.py load_spec": "spec_toml",
    "prover/csv_tables.py read_csv": "csv",
    "prover/dataset.py Dataset.load": "dataset_opening",
    "prover/dataset.py Dataset.records": "array",
    "prover/ingest.py read_table": "csv",
    "prover/npz_tables.py read_npz": "npz",
    "prover/parquet_tables.py read_parquet": "parquet",
    "prover/store.py load_arrays": "array",
    "prover/text_files.py decode_text": "ids",
    "prover/text_files.py read_bounds": "bounds_toml",
    "prover/text_files.py read_bytes": "ids",
    "prover/text_files.py read_digests": "digests",
    "prover/text_files.py read_ids": "ids",
    "prover/text_files.py read_text": "ids",
    "prover/training.py Model.load": "model_opening",
    "verifier/artefacts.py DatasetCommitment.from_bytes": "dataset_commitment",
    "verifier/artefacts.py DatasetCommitment.load": "inspect",
    "verifier/artefacts.py RecommitmentProof.from_bytes": "recommitment",
    "verifier/artefacts.py RecommitmentProof.load": "inspect",
    "verifier/artefacts.py TrainingProof.from_bytes": "training_proof",
    "verifier/artefacts.py TrainingProof.load": "inspect",
    "verifier/artefacts.py dataset_statement": "dataset_commitment",
    "verifier/artefacts.py recommitment_statement": "recommitment",
    "verifier/artefacts.py training_statement": "training_proof",
    "verifier/cbor.py scan": "payload",
    "verifier/channel.py ProofReader.take": "proof_bytes",
    "verifier/container.py decode": "container",
    "verifier/container.py read_container": "inspect",
    "verifier/container.py take": "fields",
}
# What reads nothing that strangers wrote, and why not.
NO_READERS = {
    "__init__.py load_dataset": "another name of Dataset.load",
    "cli.py inspect": "prints what inspect_file finds",
    "demo.py load_tumours": "data that scikit-learn brings",
    "demo.py read_evidence": "files that the demonstration has just written",
    "models/columns.py ColumnEncoding.decode": "integers that were read already",
    "models/columns.py LabelEncoding.decode": "integers that were read already",
    "models/encoding.py DatasetEncoding.decode_features": "integers that were read already",
    "models/encoding.py DatasetEncoding.decode_labels": "integers that were read already",
    "prover/commitment.py Commitment.open": "the owner's memory; damage is tried in tests/prover",
    "prover/dataset.py Dataset.opening": "likewise",
    "prover/trees.py load_tree": "a cache of the owner's; damage is tried in tests/prover",
    "verifier/cbor.py check_value": "a writer",
    "verifier/container.py canonical_map": "a writer",
    "verifier/container.py encode": "a writer",
    "verifier/container.py write_container": "a writer",
}


@pytest.mark.parametrize("path", KEPT, ids=lambda path: str(path.relative_to(HERE)))
def test_what_was_kept_is_answered(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


def test_every_target_has_a_corpus() -> None:
    assert {path.parent.name for path in KEPT} == set(TARGETS)


def test_every_kind_of_file_is_fuzzed() -> None:
    assert set(goods.KINDS) == set(container.KINDS)


def readers() -> Iterator[str]:
    """Public functions and methods of the product that are, or could be, readers."""
    inside = [path for room in ("models", "circuits", "verifier", "prover") for path in (ROOT / room).rglob("*.py")]
    for path in (*ROOT.glob("*.py"), *inside):
        tree = ast.parse(path.read_text())
        holders = [("", tree), *((f"{n.name}.", n) for n in tree.body if isinstance(n, ast.ClassDef))]
        for prefix, holder in holders:
            for node in holder.body:
                if isinstance(node, ast.FunctionDef) and not f"{prefix}{node.name}".startswith("_"):
                    says = ast.get_docstring(node) or ""
                    if READER.match(node.name) or (REFUSAL in says and not node.name.startswith("_")):
                        yield f"{path.relative_to(ROOT)} {prefix}{node.name}"


def test_every_reader_has_a_target() -> None:
    assert set(readers()) == set(TRIED) | set(NO_READERS)
    assert set(TRIED.values()) <= set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_spoilt_inputs_are_answered(name: str) -> None:
    """Random edits of the kept inputs: what a fuzzer begins with."""
    rng = random.Random(name)
    seeds = [path.read_bytes() for path in KEPT if path.parent.name == name]
    for _ in range(SEEDED.get(name, 150)):
        script = rng.randbytes(5 * rng.randint(1, 4))
        seed = rng.choice(seeds)
        TARGETS[name](rng.randbytes(1) + script if name in OF_SCRIPTS else goods.edited(seed, script))
