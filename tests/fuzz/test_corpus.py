"""Every input that was kept is tried again, without a fuzzer; and every reader has a target."""

from __future__ import annotations

import ast
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from zkunlearn.formats import container

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))
import goods  # noqa: E402
from targets import TARGETS  # noqa: E402

MAKING = """
import sys
sys.path.insert(0, sys.argv[1])
import goods
goods.in_file(b"content", "name").with_name("folder").mkdir()
assert goods.temporary() != goods.scratch()
"""
KEPT = [path for folder in ("corpus", "regressions") for path in sorted((HERE / folder).rglob("*")) if path.is_file()]
OF_SCRIPTS = {"files": 12, "proof_bytes": 30, "fields": 30, "inspect": 60}  # inputs say what to do with a good file
SEEDED = {**OF_SCRIPTS, "statement": 15, "signing_key": 40}  # others are quick
# A reader is called like one, or says that it may find no file of ours.
READER = re.compile(r"(from|read|load|parse|decode|scan|take|unpack|inspect)(_|$)")
REFUSAL = "FormatError"
# Each, and the target that tries it.
TRIED = {
    "cli/inspection.py inspect_file": "inspect",
    "formats/toml.py toml_document": "spec_toml",
    "formats/left_out.py take_left_out": "left_out",
    "formats/toml.py read_bounds": "bounds_toml",
    "formats/categories.py read_categories": "categories",
    "models/encoding/columns.py ColumnEncoding.from_mapping": "encoding",
    "models/encoding/dataset.py DatasetEncoding.from_data": "csv",
    "models/encoding/dataset.py DatasetEncoding.from_mapping": "encoding",
    "formats/files.py opened": "inspect",
    "formats/files.py read_file": "inspect",
    "models/methods/base.py Method.from_mapping": "spec",
    "models/methods/base.py Method.from_toml": "spec_toml",
    "models/methods/gradient_descent.py GradientDescent.from_mapping": "spec",
    "models/methods/gradient_descent.py GradientDescent.from_toml": "spec_toml",
    "models/methods/newton.py Newton.from_mapping": "spec",
    "models/methods/noisy.py Noisy.from_mapping": "spec",
    "models/methods/one_pass.py OnePass.from_mapping": "spec",
    "models/methods/one_pass.py OnePass.from_toml": "spec_toml",
    "models/methods/optimum.py Optimum.from_mapping": "spec",
    "models/methods/penalised.py Penalised.from_toml": "spec_toml",
    "models/methods/sisa.py Sisa.from_mapping": "spec",
    "models/methods/sisa.py Sisa.from_toml": "spec_toml",
    "models/spec.py TrainingSpec.from_mapping": "spec",
    "models/spec.py TrainingSpec.from_toml": "spec_toml",
    "models/spec.py load_spec": "spec_toml",
    "prover/tables/csv_tables.py read_csv": "csv",
    "prover/owner/dataset.py Dataset.load": "dataset_opening",
    "prover/owner/dataset.py Dataset.records": "array",
    "prover/tables/read.py read_table": "csv",
    "cli/tables.py read_by_options": "csv",
    "models/encoding/readers.py Source.taken": "encoding",
    "models/encoding/sources.py source_from_mapping": "encoding",
    "prover/tables/read.py read_features": "csv",
    "prover/tables/read.py read_more_rows": "csv",
    "prover/tables/npz_tables.py read_npz": "npz",
    "prover/tables/arrow_tables.py read_arrow": "arrow",
    "prover/tables/parquet_tables.py read_parquet": "parquet",
    "prover/tables/record_batches.py read_batches": "arrow",
    "prover/tables/record_batches.py read_column": "arrow",
    "prover/tables/arrow_tables.py read_arrow_column": "arrow",
    "prover/tables/parquet_tables.py read_parquet_column": "parquet",
    "prover/owner/secret_arrays.py load_arrays": "array",
    "formats/files.py decode_text": "ids",
    "formats/files.py read_text": "ids",
    "formats/lists.py read_digests": "digests",
    "formats/lists.py parse_digest": "digests",
    "formats/lists.py read_history": "digests",
    "formats/lists.py read_ids": "ids",
    "circuits/statements/noise.py Drawn.from_mapping": "training_proof",
    "circuits/statements/noise.py NoiseStatement.from_mapping": "noise",
    "prover/owner/noise.py Noise.drawn": "noise_opening",
    "prover/owner/noise.py Noise.load": "noise_opening",
    "prover/owner/noise.py Noise.opening": "noise_opening",
    "prover/owner/noise.py NoiseFile.read": "noise_opening",
    "verifier/noise.py NoiseCommitment.from_bytes": "noise",
    "verifier/noise.py NoiseCommitment.load": "noise",
    "prover/owner/model.py Model.load": "model_opening",
    "prover/owner/model.py ModelFile.read": "model_opening",
    "prover/owner/opening_file.py OpeningFile.claimed": "claim",
    "prover/owner/opening_file.py OpeningFile.read": "dataset_opening",
    "prover/owner/opening_file.py read_opening": "dataset_opening",
    "prover/owner/left_out.py LeftOut.load": "left_out",
    "prover/owner/left_out.py digests_in": "left_out",
    "prover/tables/csv_tables.py read_csv_ids": "id_column",
    "prover/tables/id_lists.py read_id_list": "id_column",
    "circuits/statements/base.py Statement.from_mapping": "training_proof",
    "circuits/statements/base.py read_statement": "training_proof",
    "circuits/statements/base.py referenced": "training_proof",
    "circuits/statements/dataset.py DatasetStatement.from_mapping": "dataset_commitment",
    "circuits/statements/gaps.py read_gaps": "training_proof",
    "circuits/statements/records.py read_records": "training_proof",
    "circuits/statements/link.py LinkStatement.from_mapping": "recommitment",
    "circuits/statements/model_link.py ModelLinkStatement.from_mapping": "model_recommitment",
    "circuits/statements/model_link.py renewed": "model_opening",
    "circuits/statements/distance.py DistanceStatement.from_mapping": "distance",
    "circuits/statements/evaluation.py EvaluationStatement.from_mapping": "evaluation",
    "circuits/statements/sharded_evaluation.py ShardedEvaluationStatement.from_mapping": "sharded_evaluation",
    "circuits/statements/prediction.py PredictionStatement.from_mapping": "prediction",
    "circuits/statements/results.py read_result": "evaluation",
    "circuits/statements/registration.py RegistrationStatement.from_mapping": "registration",
    "verifier/receipts.py Receipt.from_bytes": "receipt",
    "cli/receipts.py read_receipts": "receipt",
    "verifier/receipts.py Receipt.load": "inspect",
    "formats/container.py kind_of": "inspect",
    "circuits/statements/scope.py ModelCommitment.from_mapping": "training_proof",
    "circuits/statements/scope.py Start.from_mapping": "training_proof",
    "circuits/statements/scope.py read_scope": "training_proof",
    "circuits/statements/training.py TrainingStatement.from_mapping": "training_proof",
    "verifier/proofs.py Proof.from_bytes": "inspect",
    "verifier/proofs.py Proof.load": "inspect",
    "verifier/bundles.py Bundle.from_bytes": "bundle",
    "verifier/bundles.py Bundle.load": "inspect",
    "verifier/bundles.py load_public": "inspect",
    "formats/cbor.py scan": "payload",
    "formats/base64_text.py decode_base64": "envelope",
    "formats/base64_text.py decode_pem": "public_key",
    "formats/strict_json.py read_json": "envelope",
    "formats/strict_json.py require_shallow": "envelope",
    "cli/signatures_told.py told_of": "envelope",
    "verifier/trust/dsse.py Envelope.from_bytes": "envelope",
    "verifier/trust/dsse.py Envelope.load": "envelope",
    "verifier/trust/keys.py PublicKey.from_bytes": "public_key",
    "verifier/trust/keys.py PublicKey.load": "public_key",
    "verifier/trust/signatures.py Signed.from_bytes": "signed_payload",
    "verifier/trust/signing_keys.py SigningKey.load": "signing_key",
    "verifier/certificates/certificate.py Certificate.from_bytes": "certificate",
    "verifier/certificates/certificate.py Certificate.load": "certificate",
    "verifier/certificates/form.py require_form": "certificate",
    "cli/certificate_words.py certificate_told": "certificate",
    "verifier/certificates/declared.py Declared.from_mapping": "certificate",
    "verifier/certificates/declared.py Origin.from_mapping": "certificate",
    "verifier/certificates/requests.py DeletionRequest.from_mapping": "certificate",
    "prover/certificates/requests.py read_requests": "requests",
    "verifier/protocol/channel.py ProofReader.take": "proof_bytes",
    "formats/container.py decode": "container",
    "formats/container.py read_container": "inspect",
    "formats/container.py read_front": "inspect",
    "formats/fields.py take": "fields",
}
# What reads nothing that strangers wrote, and why not.
NO_READERS = {
    "__init__.py load_dataset": "another name of Dataset.load",
    "prover/owner/recommitment.py recommit_model": "Model.load",
    "prover/owner/distance.py prove_distance": "Model.load",
    "prover/owner/evaluation.py evaluate": "Model.load",
    "prover/evidence/gather.py evidence": "Model.load",
    "prover/owner/proved_predictions.py prove_predictions": "Model.load",
    "prover/owner/work.py prove_part": "Noise.opening, of a secret that Noise.load has read",
    "prover/owner/noise.py Noise.drawn": "how much there is of it; tests/prover/test_noisy_classes.py tries that",
    "prover/witnesses/noisy_newton.py find_noisy_steps": "arrays that Noise.load has read; tests/prover tries them",
    "prover/owner/lent.py read_lent": "load_arrays and load_tree, of what the owner's process has lent",
    "circuits/statements/records.py id_hash": "one id, from whoever asks; tried in tests/circuits/test_records.py",
    "circuits/statements/records.py record_digest": "parts of one row, likewise",
    "circuits/statements/records.py segment_seed": "a hash of digests that were read or made already",
    "prover/owner/wiping.py forget_left_out": "LeftOut.load",
    "cli/id_options.py IdList.read": "another name of read_id_list",
    "cli/options.py load_previous": "load_public of one file",
    "verifier/certificates/attestation.py require_attested": "read_json, of what a known auditor has signed",
    "cli/endorsed.py Demanded.read": "signatures_beside and load_signature",
    "cli/signatures.py read_passphrase": "read_text, of the key's own holder",
    "verifier/trust/auditors_keys.py load_keys": "PublicKey.load of each file",
    "verifier/trust/signatures.py Demand.check": "envelopes that were read already, by Signed.from_bytes",
    "verifier/trust/signatures.py check_signature": "likewise",
    "verifier/trust/signatures.py load_signature": "Envelope.load, and Signed.from_bytes",
    "verifier/trust/signatures.py purpose_of": "Signed.from_bytes",
    "verifier/trust/signatures.py require_signatures": "envelopes that were read already, by Signed.from_bytes",
    "verifier/trust/signatures.py signatures_beside": "load_signature of each file",
    "verifier/trust/signatures.py signed_by": "envelopes that were read already, by Signed.from_bytes",
    "cli/prediction.py load_model": "Model.load or load_sharded",
    "cli/auditor.py inspect": "prints what inspect_file finds",
    "cli/demo.py load_tumours": "data that scikit-learn brings",
    "cli/verdicts.py read_all": "load_public of each file",
    "cli/demo.py read_evidence": "files that the demonstration has just written",
    "models/encoding/columns.py ColumnEncoding.decode": "integers that were read already",
    "models/encoding/labels.py LabelEncoding.decode": "integers that were read already",
    "models/encoding/dataset.py DatasetEncoding.decode_features": "integers that were read already",
    "models/encoding/dataset.py DatasetEncoding.decode_labels": "integers that were read already",
    "prover/matrices/commitment.py Commitment.open": "the owner's memory; damage is tried in tests/prover",
    "prover/owner/dataset.py Dataset.matrix": "likewise",
    "prover/owner/sharded_model.py load_sharded": "Bundle.load and Model.load",
    "prover/owner/trained.py Trained.load": "TrainingProof.load and Model.load",
    "cli/options.py load_superseded": "load_public, and Trained.load",
    "verifier/bundles.py loaded": "load_public",
    "prover/owner/dataset.py Dataset.records_at": "the end of Dataset.records",
    "prover/owner/budget.py Count.read": "what OpeningFile and ModelFile do",
    "prover/owner/tree_cache.py load_tree": "a cache of the owner's; damage is tried in tests/prover",
    "prover/tables/torch_datasets.py from_torch": "objects in memory; odd items are tried in tests/prover",
    "prover/owner/wiping.py wipe_rows": "reads what is beside an owner's data set, each by its reader",
    "circuits/statements/gaps.py written_gaps": "a writer",
    "circuits/statements/records.py written_records": "a writer",
    "formats/cbor.py check_value": "a writer",
    "formats/container.py canonical_map": "a writer",
    "formats/container.py encode": "a writer",
    "formats/container.py write_container": "a writer",
    "formats/files.py require_at_most": "compares two sizes",
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
    rooms = ("formats", "models", "circuits", "verifier", "prover", "cli")
    inside = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    for path in (*ROOT.glob("*.py"), *inside):
        tree = ast.parse(path.read_text())
        holders: list[tuple[str, Any]] = [
            ("", tree),
            *((f"{n.name}.", n) for n in tree.body if isinstance(n, ast.ClassDef)),
        ]
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


def test_what_targets_write_is_removed_with_their_process(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", MAKING, str(HERE)], env=environment, check=True)
    assert not [*tmp_path.iterdir()]
