"""The last chapter of the demo: one patient withdraws from a model of shards, and little has to be trained again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .. import Bundle, DatasetCommitment, FixedPoint, TrainingProof, TrainingSpec, load_spec, prove, verify_bundle
from .words import shards_text, size_text

if TYPE_CHECKING:
    from ..prover.owner.dataset import Dataset

SHARDED_SPEC = TrainingSpec(
    model="logistic",
    method="sisa",
    shard_rows=128,
    slices=4,
    epochs=32,
    learning_rate=1.0,
    momentum=0.8,
    l2=0.0018,
    fixed_point=FixedPoint(w_bits=14),  # room for seven times the scores that shards by chance were seen to have
)
SPEC_FILE, FIRST, SECOND, COMMITMENT = "shards.toml", "shards.bundle", "shards-2.bundle", "dataset.commitment"


class Teller(Protocol):
    """What the demo tells its story with."""

    figures: dict[str, Any]

    def chapter(self, title: str) -> None:
        """A heading."""

    def say(self, text: str, style: str = "") -> None:
        """A paragraph."""

    def shell(self, command: str) -> None:
        """A command that would do the same."""

    def table(self, head: Any, rows: Any) -> None:
        """A table."""

    def timed(self, name: str) -> AbstractContextManager[None]:
        """Seconds of what is done within."""


def tell_shards(
    story: Teller,
    dataset: Dataset,
    owner: Path,
    auditor: Path,
    superseded: str,
    patient: str,
    accuracy: Callable[[Any], float],
) -> None:
    """Owner and auditor.

    Args:
        superseded: name of the proof that the shards supersede.
        patient: who withdraws.
        accuracy: of a model, on all patients.
    """
    story.chapter("8  One more patient withdraws, from a model of shards (SISA)")
    (owner / SPEC_FILE).write_text(SHARDED_SPEC.to_toml(), encoding="utf-8")
    spec = load_spec(owner / SPEC_FILE)
    story.say(
        "The hospital changes to another algorithm: rows are in shards, by chance, each with a model of its own that "
        "is trained in four stages; together they answer. Whoever withdraws now was seen by one of them only."
    )
    story.shell(f"prove data --spec {SPEC_FILE} --previous {superseded} --out {FIRST}")
    with story.timed("proof of all shards"):
        first = prove(dataset, spec, previous=TrainingProof.load(owner / superseded))
    first.save(owner / FIRST)
    story.shell(f"prove data --spec {SPEC_FILE} --forget {patient} --previous {FIRST} --out {SECOND}")
    with story.timed("proof of what the patient was in"):
        second = prove(dataset, spec, forget=[patient], previous=first)
    second.save(owner / SECOND)
    for name in (SPEC_FILE, FIRST, SECOND):
        shutil.copyfile(owner / name, auditor / name)

    known, commitment = Bundle.load(auditor / FIRST), DatasetCommitment.load(auditor / COMMITMENT)
    pinned = load_spec(auditor / SPEC_FILE)
    verify_bundle(known, commitment, spec=pinned, previous=TrainingProof.load(auditor / superseded))
    story.shell(f"verify {SECOND} --dataset {COMMITMENT} --spec {SPEC_FILE} --previous {FIRST}")
    with story.timed("verification of what changed"):
        report = verify_bundle(Bundle.load(auditor / SECOND), commitment, spec=pinned, previous=known)
    kept = report.stages - report.trained
    story.say(
        f"VALID: {report.last.security_bits:.1f} bits of proven security; {shards_text(report.shards)} retrained, "
        f"{report.trained} of {report.stages} stages, {kept} kept as they were proved before",
        "bold green",
    )
    accuracies = [accuracy(trained.model) for trained in (first, second)]
    story.table(
        ["shards", "before", f"without {patient}"],
        [
            ["accuracy on all patients", *(f"{value:.1%}" for value in accuracies)],
            ["stages trained", str(report.stages), str(report.trained)],
            ["size of the bundle", *(size_text((auditor / name).stat().st_size) for name in (FIRST, SECOND))],
        ],
    )
    story.figures["shards"] = {"accuracy": accuracies, "stages": report.stages, "retrained": report.trained}
