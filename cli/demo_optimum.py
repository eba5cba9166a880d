"""A chapter of the demo: a patient withdraws from a model of which it is proved that it is the optimum."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import DatasetCommitment, TrainingProof, TrainingSpec, load_spec, prove, verify
from ..prover.owner.influence import influence_of
from .demo_shards import COMMITMENT, Teller
from .words import size_text

if TYPE_CHECKING:
    from ..prover.owner.dataset import Dataset

CERTIFIED_SPEC = TrainingSpec(model="logistic", method="optimum", l2=0.001)
SPEC_FILE, FIRST, LAST_OPTIMUM = "optimum.toml", "optimum.proof", "optimum-2.proof"


def tell_optimum(
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
        superseded: name of the proof that the certified model supersedes.
        patient: who withdraws.
        accuracy: of a model, on all patients.
    """
    story.chapter("7  One more patient withdraws, and nothing is trained again (certified optimum)")
    (owner / SPEC_FILE).write_text(CERTIFIED_SPEC.to_toml(), encoding="utf-8")
    spec = load_spec(owner / SPEC_FILE)
    story.say(
        "The hospital changes to an algorithm that is no training: it finds a model however it likes, and proves, by "
        "one pass over the rows that count, that it is the one optimum of these rows, rounded. So it is the same model "
        "as if whoever is forgotten had never been there."
    )
    story.shell(f"prove data --spec {SPEC_FILE} --previous {superseded} --out {FIRST}")
    with story.timed("first optimum and its proof"):
        first = prove(dataset, spec, previous=TrainingProof.load(owner / superseded))
    first.save(owner / FIRST)
    story.shell(f"prove data --spec {SPEC_FILE} --forget {patient} --previous {FIRST} --out {LAST_OPTIMUM}")
    with story.timed("optimum without the patient, and its proof"):
        second = prove(dataset, spec, forget=[patient], previous=first)
    second.save(owner / LAST_OPTIMUM)
    influence = influence_of(owner / FIRST.replace(".proof", ".model.opening"), second)
    for name in (SPEC_FILE, FIRST, LAST_OPTIMUM):
        shutil.copyfile(owner / name, auditor / name)

    known, commitment = TrainingProof.load(auditor / FIRST), DatasetCommitment.load(auditor / COMMITMENT)
    pinned = load_spec(auditor / SPEC_FILE)
    verify(known, commitment, spec=pinned, previous=TrainingProof.load(auditor / superseded))
    story.shell(f"verify {LAST_OPTIMUM} --dataset {COMMITMENT} --spec {SPEC_FILE} --previous {FIRST}")
    with story.timed("verification of the optimum"):
        report = verify(TrainingProof.load(auditor / LAST_OPTIMUM), commitment, spec=pinned, previous=known)
    story.say(
        f"VALID: {report.security_bits:.1f} bits of proven security; the published model is the same as if the "
        "forgotten rows had never been there",
        "bold green",
    )
    accuracies = [accuracy(trained.model) for trained in (first, second)]
    moved = "" if influence is None else f"{influence.changed} of {influence.weights}"
    story.table(
        ["certified optimum", "before", f"without {patient}"],
        [
            ["accuracy on all patients", *(f"{value:.1%}" for value in accuracies)],
            ["weights that changed", "", moved],
            ["size of the proof", *(size_text((auditor / name).stat().st_size) for name in (FIRST, LAST_OPTIMUM))],
        ],
    )
    story.figures["optimum"] = {"accuracy": accuracies}
