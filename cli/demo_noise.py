"""A chapter of the demo: a patient withdraws, and what is left of the patient is hidden by noise that nobody chose."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import Any

from .. import DatasetCommitment, NoiseCommitment, TrainingProof, TrainingSpec, commit_noise, load_spec, prove, verify
from ..circuits.statements.noise import NONCE_BYTES
from .demo_requests import COMMITMENT, Stage, Teller
from .noise import noise_files, noisy_data, noisy_lines
from .words import size_text

SPEC = TrainingSpec(model="logistic", method="noisy", l2=0.001)
SPEC_FILE, PROOF = "noisy.toml", "noisy.proof"
SOURCE = "the auditor, once the commitment has come"
SHOWN = 3  # lines of what `verify` says: what is hidden, mu, and what was declared


def tell_noise(story: Teller, stage: Stage) -> None:
    """Owner and auditor, in two moves."""
    story.chapter("8  Another one withdraws, and noise hides what is left, in two moves (noisy)")
    story.say(
        "Where weights have to be finer than can be certified exactly, noise is added to them. Nobody may choose it: "
        "the hospital commits to its half of the coins, and only then the auditor names a nonce, the other half."
    )
    (stage.owner / SPEC_FILE).write_text(SPEC.to_toml(), encoding="utf-8")
    spec, previous = load_spec(stage.owner / SPEC_FILE), TrainingProof.load(stage.owner / stage.superseded)
    request = f"prove data --spec {SPEC_FILE} --forget {stage.patient} --previous {stage.superseded} --out {PROOF}"
    secret, public = noise_files(stage.owner / PROOF)
    story.shell(f'{request} --commit-noise "{SOURCE}"')
    with story.timed("commitment to noise"):
        noise = commit_noise(stage.dataset, spec, SOURCE, [stage.patient], previous)
    noise.save(secret)
    _hand_over(stage, public)
    story.say(f"The auditor gets {public.name} ({size_text(public.stat().st_size)}), notes when, and draws a nonce.")
    nonce = bytes.fromhex(secrets.token_hex(NONCE_BYTES))
    story.shell(f"{request} --nonce {nonce.hex()}")
    with story.timed("proof of the model with noise"):
        hidden = prove(stage.dataset, spec, [stage.patient], previous, noise=noise, nonce=nonce)
    hidden.save(stage.owner / PROOF)
    _hand_over(stage, stage.owner / SPEC_FILE, stage.owner / PROOF)
    _audit(story, stage, public.name, nonce, stage.accuracy(hidden.model))


def _hand_over(stage: Stage, *files: Path) -> None:
    for file in files:
        shutil.copyfile(file, stage.auditor / file.name)


def _audit(story: Teller, stage: Stage, public: str, nonce: bytes, accuracy: float) -> None:
    auditor = stage.auditor
    proof, dataset = TrainingProof.load(auditor / PROOF), DatasetCommitment.load(auditor / COMMITMENT)
    own: dict[str, Any] = {"spec": load_spec(auditor / SPEC_FILE)}
    own["previous"] = TrainingProof.load(auditor / stage.superseded)
    story.shell(
        f"verify {PROOF} --dataset {COMMITMENT} --spec {SPEC_FILE} --previous {stage.superseded} --noise {public} "
        f"--nonce {nonce.hex()}"
    )
    with story.timed("verification of the model with noise"):
        report = verify(proof, dataset, noise=NoiseCommitment.load(auditor / public), nonce=nonce, **own)
    pinned = ", ".join(report.pinned)
    story.say(f"VALID: {report.security_bits:.1f} bits of proven security; pinned: {pinned}", "bold green")
    told = [*noisy_lines(report.statement)[:SHOWN], ("accuracy", f"{accuracy:.1%} on all patients")]
    story.table([], told)
    (precedence,) = [each for each in verify(proof, dataset, **own).not_followed if each.startswith("precedence")]
    story.say(f"Whoever was not there, and has the proof alone, is told: {precedence}.")
    found: Any = noisy_data(report.statement)
    bound = {name: found[name] for name in ("epsilon", "delta")}
    story.figures["noise"] = {"accuracy": accuracy, "mu": float(str(found["mu"])), **bound}
