"""A chapter of the demo: a patient withdraws from a model of which it is proved that it is the optimum."""

from __future__ import annotations

from .. import DatasetCommitment, TrainingProof, TrainingSpec, load_spec, verify
from ..prover.owner.influence import influence_of
from .demo_requests import COMMITMENT, Change, Stage, Teller, tell_requests
from .words import size_text

SPEC = TrainingSpec(model="logistic", method="optimum", l2=0.001)
CERTIFIED = Change(SPEC, "optimum.toml", "optimum.proof", "optimum-2.proof")


def tell_optimum(story: Teller, stage: Stage) -> None:
    """Owner and auditor."""
    story.chapter("7  One more patient withdraws, and nothing is trained again (certified optimum)")
    story.say(
        "The hospital changes to an algorithm that is no training: it finds a model however it likes, and proves, by "
        "one pass over the rows that count, that it is the one optimum of these rows, rounded. So it is the same model "
        "as if whoever is forgotten had never been there."
    )
    timed = "first optimum and its proof", "optimum without the patient, and its proof"
    first, second = tell_requests(story, stage, CERTIFIED, timed)
    influence = influence_of(stage.owner / CERTIFIED.first.replace(".proof", ".model.opening"), second)

    auditor = stage.auditor
    known, commitment = TrainingProof.load(auditor / CERTIFIED.first), DatasetCommitment.load(auditor / COMMITMENT)
    pinned = load_spec(auditor / CERTIFIED.spec_file)
    verify(known, commitment, spec=pinned, previous=TrainingProof.load(auditor / stage.superseded))
    story.shell(
        f"verify {CERTIFIED.second} --dataset {COMMITMENT} --spec {CERTIFIED.spec_file} --previous {CERTIFIED.first}"
    )
    with story.timed("verification of the optimum"):
        report = verify(TrainingProof.load(auditor / CERTIFIED.second), commitment, spec=pinned, previous=known)
    story.say(
        f"VALID: {report.security_bits:.1f} bits of proven security; the published model is the same as if the "
        "forgotten rows had never been there",
        "bold green",
    )
    accuracies = [stage.accuracy(trained.model) for trained in (first, second)]
    moved = "" if influence is None else f"{influence.changed} of {influence.weights}"
    sizes = [size_text((auditor / name).stat().st_size) for name in (CERTIFIED.first, CERTIFIED.second)]
    story.table(
        ["certified optimum", "before", f"without {stage.patient}"],
        [
            ["accuracy on all patients", *(f"{value:.1%}" for value in accuracies)],
            ["weights that changed", "", moved],
            ["size of the proof", *sizes],
        ],
    )
    story.figures["optimum"] = {"accuracy": accuracies}
