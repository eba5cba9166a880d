"""What chapters of the demo share: how it is told, and a change of algorithm, from which one patient then withdraws."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .. import TrainingProof, TrainingSpec, load_spec, prove

if TYPE_CHECKING:
    from ..prover.owner.dataset import Dataset

COMMITMENT = "dataset.commitment"


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


@dataclass(frozen=True)
class Stage:
    """Where a chapter plays.

    Attributes:
        dataset: the owner's, secrets included.
        owner, auditor: the folders of both; public files are copied from one to the other.
        superseded: name of the proof that the chapter goes on from.
        patient: who withdraws.
        accuracy: of a model, on all patients.
    """

    dataset: Dataset
    owner: Path
    auditor: Path
    superseded: str
    patient: str
    accuracy: Callable[[Any], float]


@dataclass(frozen=True)
class Change:
    """Another algorithm, and the names of its files: its spec, what it outputs at first, and without the patient."""

    spec: TrainingSpec
    spec_file: str
    first: str
    second: str


def tell_requests(story: Teller, stage: Stage, change: Change, proofs: tuple[str, str]) -> tuple[Any, Any]:
    """The owner's part: prove with all rows that are left, and without the patient. What came out, twice.

    Args:
        proofs: what is said to have been timed.
    """
    owner = stage.owner
    (owner / change.spec_file).write_text(change.spec.to_toml(), encoding="utf-8")
    spec = load_spec(owner / change.spec_file)
    story.shell(f"prove data --spec {change.spec_file} --previous {stage.superseded} --out {change.first}")
    with story.timed(proofs[0]):
        first = prove(stage.dataset, spec, previous=TrainingProof.load(owner / stage.superseded))
    first.save(owner / change.first)
    story.shell(
        f"prove data --spec {change.spec_file} --forget {stage.patient} --previous {change.first} --out {change.second}"
    )
    with story.timed(proofs[1]):
        second = prove(stage.dataset, spec, forget=[stage.patient], previous=first)
    second.save(owner / change.second)
    for name in (change.spec_file, change.first, change.second):
        shutil.copyfile(owner / name, stage.auditor / name)
    return first, second
