"""A chapter of the demo: a patient who withdrew checks for herself, before and after, and one who stayed does, too."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from .. import (
    DatasetCommitment,
    Receipt,
    RegistrationProof,
    TrainingProof,
    ZkUnlearnError,
    receipts,
    register,
    verify_receipt,
    verify_registration,
)
from ..verifier.proofs import REGISTRATION_FILE
from .demo_requests import COMMITMENT, Teller
from .words import plural, size_text

if TYPE_CHECKING:
    from ..prover.owner.dataset import Dataset

SHOWN_VALUES = 3


def tell_people(
    story: Teller, dataset: Dataset, owner: Path, auditor: Path, proofs: tuple[str, str], gone: str, stayed: str
) -> None:
    """Register the data set, hand out two receipts, and check them by files alone.

    Args:
        proofs: names of the proof before these patients withdrew, and of the one after.
        gone, stayed: a patient who did, and one who did not.
    """
    story.chapter("5  A patient checks for herself")
    story.say(
        "The owner registers the data set, once: a public line for each row, in code. A patient gets a receipt, for "
        "her eyes alone: it holds her row, and what ties it to the public files."
    )
    story.shell("register data")
    with story.timed("registration"):
        registration = register(dataset)
    registration.save(owner / "data" / REGISTRATION_FILE)
    shutil.copyfile(owner / "data" / REGISTRATION_FILE, auditor / REGISTRATION_FILE)
    own = receipts(dataset)
    for name in (gone, stayed):
        story.shell(f"receipt data --id {name} --out {name}.receipt")
        own.of(name).save(owner / f"{name}.receipt")
    with story.timed("verification of the registration"):
        known = DatasetCommitment.load(auditor / COMMITMENT)
        bits = verify_registration(RegistrationProof.load(auditor / REGISTRATION_FILE), known)
    story.say(f"VALID: the registration, {bits:.1f} bits of proven security", "bold green")
    story.figures["registration_bytes"] = (auditor / REGISTRATION_FILE).stat().st_size
    story.say(f"{REGISTRATION_FILE} has {size_text(story.figures['registration_bytes'])}.")
    for name, proof in ((gone, proofs[0]), (gone, proofs[1]), (stayed, proofs[1])):
        _check(story, owner / f"{name}.receipt", auditor, proof, expected=(name, proof) == (gone, proofs[1]))


def _check(story: Teller, receipt: Path, auditor: Path, proof: str, expected: bool) -> None:
    """What she is told. Raises ZkUnlearnError if it is not what is expected: the demo fails then."""
    story.shell(f"verify {receipt.name} --dataset {COMMITMENT} --registration {REGISTRATION_FILE} --proof {proof}")
    report = verify_receipt(
        Receipt.load(receipt),
        DatasetCommitment.load(auditor / COMMITMENT),
        RegistrationProof.load(auditor / REGISTRATION_FILE),
        TrainingProof.load(auditor / proof),
    )
    ((position, values),) = report.values
    *features, (label, diagnosis) = values
    shown = ", ".join(f"{name} = {value:.4g}" for name, value in features[:SHOWN_VALUES])
    more = plural(len(features) - SHOWN_VALUES, "value")
    story.say(f"{report.receipt.id}, row {position}: {label} = {diagnosis}, {shown} and {more} more")
    if report.is_forgotten is not expected:
        raise ZkUnlearnError(f"{receipt.name}: {proof} forgets this row, or does not, and should not, or should")
    if expected:
        story.say(f"VALID: row {position} of the data set, and is forgotten in {proof}", "bold green")
    else:
        story.say(f"NOT FORGOTTEN: row {position} of the data set still counts in {proof}", "bold")
