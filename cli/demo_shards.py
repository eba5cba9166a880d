"""A chapter of the demo: one patient withdraws from a model of shards, and little has to be trained again."""

from __future__ import annotations

from .. import Bundle, DatasetCommitment, FixedPoint, TrainingProof, TrainingSpec, load_spec, verify_bundle
from .demo_requests import COMMITMENT, Change, Stage, Teller, tell_requests
from .words import shards_text, size_text

SPEC = TrainingSpec(
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
SHARDED = Change(SPEC, "shards.toml", "shards.bundle", "shards-2.bundle")


def tell_shards(story: Teller, stage: Stage) -> None:
    """Owner and auditor."""
    story.chapter("9  One more patient withdraws, from a model of shards (SISA)")
    story.say(
        "The hospital changes to another algorithm: rows are in shards, by chance, each with a model of its own that "
        "is trained in four stages; together they answer. Whoever withdraws now was seen by one of them only."
    )
    timed = "proof of all shards", "proof of what the patient was in"
    first, second = tell_requests(story, stage, SHARDED, timed)

    auditor = stage.auditor
    known, commitment = Bundle.load(auditor / SHARDED.first), DatasetCommitment.load(auditor / COMMITMENT)
    pinned = load_spec(auditor / SHARDED.spec_file)
    verify_bundle(known, commitment, spec=pinned, previous=TrainingProof.load(auditor / stage.superseded))
    story.shell(f"verify {SHARDED.second} --dataset {COMMITMENT} --spec {SHARDED.spec_file} --previous {SHARDED.first}")
    with story.timed("verification of what changed"):
        report = verify_bundle(Bundle.load(auditor / SHARDED.second), commitment, spec=pinned, previous=known)
    kept = report.stages - report.trained
    story.say(
        f"VALID: {report.last.security_bits:.1f} bits of proven security; {shards_text(report.shards)} retrained, "
        f"{report.trained} of {report.stages} stages, {kept} kept as they were proved before",
        "bold green",
    )
    accuracies = [stage.accuracy(trained.model) for trained in (first, second)]
    sizes = [size_text((auditor / name).stat().st_size) for name in (SHARDED.first, SHARDED.second)]
    story.table(
        ["shards", "before", f"without {stage.patient}"],
        [
            ["accuracy on all patients", *(f"{value:.1%}" for value in accuracies)],
            ["stages trained", str(report.stages), str(report.trained)],
            ["size of the bundle", *sizes],
        ],
    )
    story.figures["shards"] = {"accuracy": accuracies, "stages": report.stages, "retrained": report.trained}
