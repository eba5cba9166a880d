"""The format stands still: files that were written once are read, written and verified as they were.

If one of these fails and you did not mean to change the format, you have. If you did, the kind needs a new version, and
tests/vectors/frozen a file of it: pytest tests/vectors/frozen/regenerate.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements import base
from zkunlearn.circuits.statements.noise import NOISE_KIND
from zkunlearn.formats.container import KINDS
from zkunlearn.verifier import shapes
from zkunlearn.verifier.proofs import Proof
from zkunlearn.verifier.receipts import RECEIPT_KIND
from zkunlearn.verifier.verify import verify_proof

from .house.rooms import PACKAGE
from .reference import distance, evaluation, formats, prediction, sharded_evaluation, verifier
from .reference import registration as second
from .reference.examples import Training

FROZEN = Path(__file__).parent / "vectors" / "frozen"
VERSIONS = {n: k.version for n, k in base.STATEMENTS.items() if k.__module__.startswith(PACKAGE + ".")}
FILES = {kind: sorted(FROZEN.glob(f"{kind}.v{version}.*proof")) for kind, version in VERSIONS.items()}
LARGEST = 12 << 20
every_kind = pytest.mark.parametrize("kind", sorted(VERSIONS))
every_file = pytest.mark.parametrize(
    "path", [path for own in FILES.values() for path in own], ids=lambda path: path.name
)


def frozen(kind: str, variant: str = "") -> bytes:
    return (FROZEN / f"{kind}.v{VERSIONS[kind]}.{variant}proof").read_bytes()


SECOND: dict[str, Callable[[bytes], None]] = {
    "dataset": verifier.verify_dataset,
    "distance": distance.verify_distance,
    "evaluation": evaluation.verify_evaluation,
    "sharded evaluation": sharded_evaluation.verify_sharded_evaluation,
    "link": verifier.verify_link,
    "model link": verifier.verify_model_link,
    "prediction": prediction.verify_prediction,
    "registration": lambda file: second.verify_registration(file, frozen("dataset", "registered.")),
    "registration of extended": lambda file: second.verify_registration(
        file, frozen("dataset", "extended."), [frozen("link", "extended.")], [frozen("registration")]
    ),
    "training": lambda file: verifier.verify_training(file, frozen("dataset"), known_dataset=True),
    "training of batches": lambda file: verifier.verify_training(
        file, frozen("dataset", "batches."), known_dataset=True
    ),
    "training of shards": lambda file: verifier.verify_training(file, frozen("dataset", "shards."), known_dataset=True),
    "training of classes": lambda file: verifier.verify_training(
        file, frozen("dataset", "classes."), known_dataset=True
    ),
    "training of held_out": lambda file: verifier.verify_statement(file, formats.read_file(file, "training")[0]),
    "training of ridge": lambda file: verifier.verify_statement(file, formats.read_file(file, "training")[0]),
    "training of optima": lambda file: verifier.verify_statement(file, formats.read_file(file, "training")[0]),
    "training of noisy_classes": lambda file: verifier.verify_statement(file, formats.read_file(file, "training")[0]),
    "training of newton_classes": lambda file: verifier.verify_statement(file, formats.read_file(file, "training")[0]),
    "training of inverse_classes": lambda file: verifier.verify_statement(file, formats.read_file(file, "training")[0]),
    "training of newton": lambda file: verifier.verify_statement(file, formats.read_file(file, "training")[0]),
    "training of inverse": lambda file: verifier.verify_statement(file, formats.read_file(file, "training")[0]),
    "training of noisy_newton": lambda file: verifier.verify_statement(file, formats.read_file(file, "training")[0]),
    "training of grown": lambda file: verifier.verify_training(file, frozen("dataset", "grown."), known_dataset=True),
    "training of before": lambda file: verifier.verify_statement(file, formats.read_file(file, "training")[0]),
}


@every_kind
def test_every_kind_has_a_frozen_file_of_its_version(kind: str) -> None:
    assert FILES[kind]
    assert formats.KINDS[kind].version == VERSIONS[kind]


@every_file
def test_a_frozen_file_is_written_again_byte_by_byte(path: Path) -> None:
    data = path.read_bytes()
    proof: Proof = Proof.from_bytes(data)
    assert path.name.startswith(f"{proof.statement.kind}.v{proof.statement.version}.")
    assert proof.to_bytes() == data


@every_file
def test_both_verifiers_accept_a_frozen_file(path: Path) -> None:
    proof: Proof = Proof.load(path)
    assert verify_proof(proof).least >= 100
    named = (
        *("classes", "shards", "batches", "before", "grown", "extended", "held_out", "ridge", "optima", "newton"),
        *("inverse", "noisy_classes", "newton_classes", "inverse_classes", "noisy_newton"),
    )
    variants = (
        name for name in named if path.name.startswith(("training.", "registration.")) and f".{name}." in path.name
    )
    variant = "".join(f" of {name}" for name in [*variants][:1])
    assert verifier.verdict(SECOND[proof.statement.kind + variant], path.read_bytes()) == "valid"


def test_the_frozen_files_are_a_history() -> None:
    unlearning = Training(frozen("training", "unlearning."), frozen("dataset"))
    assert formats.records_of(unlearning.statement)
    assert unlearning.verdict(previous=frozen("training")) == "valid"
    link, dataset = zu.LinkProof.from_bytes(frozen("link")), zu.DatasetCommitment.from_bytes(frozen("dataset"))
    assert link.statement.old == dataset.statement


def test_the_frozen_links_lead_from_one_training_to_the_next() -> None:
    """The second one names a row that was put right, which the training forgets."""
    after = Training(frozen("training", "grown."), frozen("dataset", "grown."))
    before, links = frozen("training", "before.grown."), [frozen("link", name) for name in ("first.grown.", "grown.")]
    assert after.verdict(previous=before, links=links) == "valid"
    assert after.verdict(previous=before, links=links[1:]) == "mismatch"
    statement = zu.LinkProof.from_bytes(links[1]).statement
    assert [segment.nonce for segment in statement.new.segments] == [None, bytes(range(32)), None]
    assert len(statement.superseded) == 1
    assert {*statement.superseded} < {*zu.TrainingProof.from_bytes(after.proof).statement.forgotten}
    destroyed = zu.LinkProof.from_bytes(frozen("link", "destroyed.grown.")).statement
    assert (destroyed.old, destroyed.destroyed) == (statement.new, 1)
    assert destroyed.superseded == statement.superseded


def test_the_frozen_request_and_what_it_begins_from_are_a_bundle() -> None:
    first, request = (zu.TrainingProof.from_bytes(frozen("training", name)) for name in ("shards.", "request.shards."))
    bundle = zu.Bundle((first,)).with_request([request])
    dataset = zu.DatasetCommitment.from_bytes(frozen("dataset", "shards."))
    assert (
        zu.verify_bundle(bundle, dataset).stages
        > zu.verify_bundle(bundle, dataset, previous=zu.Bundle((first,))).trained
    )


def test_the_frozen_receipt_is_read_written_and_belongs_to_the_frozen_registration() -> None:
    (path,) = FROZEN.glob(f"{RECEIPT_KIND}.v{KINDS[RECEIPT_KIND]}.receipt")
    files = frozen("dataset", "registered."), frozen("registration")
    dataset, registration = zu.DatasetCommitment.from_bytes(files[0]), zu.RegistrationProof.from_bytes(files[1])
    receipt = zu.Receipt.load(path)
    assert receipt.to_bytes() == path.read_bytes()
    assert zu.verify_receipt(receipt, dataset, registration).expected
    assert verifier.verdict(second.verify_receipt, path.read_bytes(), *files) == "valid"


def test_the_frozen_commitment_to_noise_is_that_of_the_frozen_training() -> None:
    (path,) = FROZEN.glob(f"{NOISE_KIND}.v{KINDS[NOISE_KIND]}.noise")
    dataset, proof = zu.DatasetCommitment.from_bytes(frozen("dataset")), frozen("training", "noisy.")
    noise = zu.NoiseCommitment.load(path)
    assert noise.to_bytes() == path.read_bytes()
    report = zu.verify(zu.TrainingProof.from_bytes(proof), dataset, noise=noise, nonce=bytes(range(32)))
    assert report.pinned == ("noise", "nonce")
    assert formats.noise_digest(formats.read_file(proof, "training")[0]) == noise.digest


def test_the_frozen_commitment_to_noise_of_classes_is_that_of_their_training() -> None:
    noise = zu.NoiseCommitment.load(FROZEN / f"{NOISE_KIND}.v{KINDS[NOISE_KIND]}.classes.noise")
    proof = frozen("training", "noisy_classes.")
    statement = zu.TrainingProof.from_bytes(proof).statement
    assert statement.committed_noise == noise.statement and statement.forgotten_classes == ("b",)
    schedule: Any = statement.schedule
    assert statement.dataset.outputs * (len(statement.dataset.encoding.names) + 1) == len(schedule.pads) == 12
    assert formats.noise_digest(formats.read_file(proof, "training")[0]) == noise.digest


def test_the_frozen_steps_with_noise_begin_from_a_model_of_finer_units() -> None:
    proof = frozen("training", "noisy_newton.")
    statement = zu.TrainingProof.from_bytes(proof).statement
    schedule: Any = statement.schedule
    assert (statement.start[0].scale, schedule.steps[0].intercept_unit, schedule.grid) == (32, 1 << 10, 0)
    assert statement.committed_noise is not None
    assert formats.noise_digest(formats.read_file(proof, "training")[0]) == statement.committed_noise.digest


@every_file
def test_a_change_of_the_protocol_is_noticed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "PROTOCOL", shapes.PROTOCOL + b"'")
    with pytest.raises(zu.InvalidProof) as failure:
        verify_proof(Proof.load(path))
    assert failure.value.check == "constraints"


def test_frozen_files_are_small() -> None:
    assert sum(path.stat().st_size for own in FILES.values() for path in own) < LARGEST
