"""Where an owner stands: what is committed, what was proved of it, who is forgotten, and what is left to spend.

Read from the data set's folder and the proofs beside it, without checking any of them: that is what `verify_chain` is
for. What lies elsewhere is not seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...circuits.statements.training import TrainingStatement
from ...errors import DataError, FormatError, require_type
from ...shown import Facts, Shown, of_all
from ...verifier.proofs import Proof, RegistrationProof
from .dataset import DATASETS, Dataset
from .model import Model
from .published import proofs_in

FEW = 4  # openings that are left: it is time to commit afresh
MODEL_SUFFIX = ".model.opening"  # in the place of .proof


@dataclass(frozen=True, repr=False)
class ProvedTraining(Shown):
    """A training that was proved.

    Attributes:
        file: of its proof, or its bundle.
        statement: the last one in it.
        latest: whether no other one here supersedes it.
        openings: of its model, (spent, of how many); None where its secret is not beside it.
    """

    file: Path
    statement: TrainingStatement
    latest: bool
    openings: tuple[int, int] | None

    shows = "file", "statement", "latest"


@dataclass(frozen=True, repr=False)  # what it says of ids stays out of logs
class Status(Shown):
    """Where the owner of a data set stands.

    Attributes:
        openings: of the data set, (spent, of how many).
        trainings: by file.
        forgotten: ids of the rows that the latest trainings forget, each once; of a row that was destroyed there is
            none.
        superseded: ids of rows that were rectified, and that the latest training still counts.
        left_out: how many people were left out when the data were committed, as far as the owner said so.
        registered: whether its registration lies beside it.
        others: files of other proofs about it, with their kinds.
        advice: what is to be done next, in words.
    """

    openings: tuple[int, int]
    trainings: tuple[ProvedTraining, ...]
    forgotten: tuple[str, ...]
    superseded: tuple[str, ...]
    registered: bool
    others: tuple[tuple[Path, str], ...]
    advice: tuple[str, ...]
    left_out: int = 0

    @property
    def facts(self) -> Facts:
        """See Shown: numbers only."""
        used = ("openings used", of_all(*self.openings))
        return (("trainings", len(self.trainings)), ("forgotten", len(self.forgotten)), used)


def status(dataset: Dataset) -> Status:
    """Where the owner of a stored data set stands. No opening is spent.

    Raises:
        DataError: it is not stored.
        ParameterError: an argument of another type.
    """
    require_type("dataset", dataset, Dataset, DATASETS)
    if dataset.directory is None:
        raise DataError("the data set is not stored, so that nothing lies beside it")
    found = [(path, proofs) for path, proofs in proofs_in(dataset.beside) if _about(proofs, dataset)]
    trainings, others = _trainings(found), tuple((path, own[0].statement.kind) for path, own in found if not _of(own))
    latest = [own.statement for own in trainings if own.latest]
    positions = {position for own in latest for position in own.positions}
    superseded = [position for position in dataset.superseded if position not in positions]
    registered = any(isinstance(proof, RegistrationProof) for _, own in found for proof in own)
    return Status(
        openings=(dataset.spent, dataset.statement.openings),
        trainings=trainings,
        forgotten=_ids(dataset, sorted(positions.difference(dataset.rows.holes))),
        superseded=_ids(dataset, superseded),
        registered=registered,
        others=others,
        advice=tuple(_advice(dataset, trainings, len(superseded), registered)),
        left_out=0 if dataset.left_out is None else len(dataset.left_out),
    )


def _about(proofs: Sequence[Proof[Any]], dataset: Dataset) -> bool:
    return any(dataset.statement in proof.statement.references.values() for proof in proofs)


def _of(proofs: Sequence[Proof[Any]]) -> list[TrainingStatement]:
    """The trainings in a file."""
    return [proof.statement for proof in proofs if isinstance(proof.statement, TrainingStatement)]


def _trainings(found: Sequence[tuple[Path, Sequence[Proof[Any]]]]) -> tuple[ProvedTraining, ...]:
    superseded = {own.previous for _, proofs in found for own in _of(proofs)}
    return tuple(
        ProvedTraining(path, statements[-1], statements[-1].digest not in superseded, _openings(path))
        for path, proofs in found
        if (statements := _of(proofs))
    )


def _openings(proof: Path) -> tuple[int, int] | None:
    """Of the model whose secret lies beside a proof."""
    try:
        model = Model.load(proof.with_suffix(MODEL_SUFFIX))
    except (DataError, FormatError):
        return None
    return model.spent, model.commitment.openings


def _ids(dataset: Dataset, positions: Iterable[int]) -> tuple[str, ...]:
    """Each once: a person may have several rows."""
    return tuple(dict.fromkeys(dataset.ids[position] for position in positions))


def _advice(dataset: Dataset, trainings: Sequence[ProvedTraining], superseded: int, registered: bool) -> Iterator[str]:
    """What is to be done next."""
    latest = [own for own in trainings if own.latest]
    left = dataset.statement.openings - dataset.spent
    if left <= FEW:
        yield f"{left} openings of the data set are left: `recommit` while there is one"
    if not trainings:
        yield "nothing was proved of it yet: `suggest` finds a spec, `train` tries it, `prove` proves it"
    if len(latest) > 1:
        yield f"{len(latest)} trainings are superseded by none: histories of their own, or a fork (`verify --chain`)"
    if superseded and latest:
        yield f"{superseded} rows were rectified since: the next `prove` forgets them"
    if not registered:
        yield "people cannot check their rows yet: `register`, then `receipt`"
    for own in latest:
        if own.openings is not None and own.openings[1] - own.openings[0] <= 1:
            yield f"{own.file.name}: its model has {own.openings[1] - own.openings[0]} openings left: `recommit-model`"
