"""What a process that works for the owner is lent: the files that proving about a data set takes, and nothing else.

    dataset.secrets/NAME.npy   integers, blinds, random tails, leaf salts: as they are stored; no ids, no record salts
    dataset.tree               the Merkle tree, if there is one
    start-NUMBER.model.opening models that training begins from, in which no opening is left

A count of openings is not among them. So nobody who is lent these can go on proving by himself, by this program.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ...circuits.relations.dataset import DATASET
from ...circuits.statements.base import statement_digest
from ...circuits.statements.dataset import DatasetStatement
from ...errors import ZkUnlearnError
from ...formats.files import opened
from ...verifier.proofs import TrainingProof
from ...verifier.protocol.merkle import SALT_BYTES
from ...verifier.shapes import matrix_shape, shape_of
from ..matrices.commitment import Commitment, Secret, commit_columns, damaged
from ..witnesses.rows import Rows
from .dataset import Dataset, forms_of
from .groups import Part
from .model import MODEL_SUFFIX, Model
from .secret_arrays import OWNER, SECRETS, Folder, load_arrays
from .tree_cache import TREE_FILE, load_tree, save_tree
from .work import Done, prove_part

PREFIX = "zkunlearn-"
MAX_ARRAY_BYTES = 1 << 46  # no limit to what a disk holds


@dataclass(frozen=True, repr=False)
class Files:
    """Files below a folder, by their names within it."""

    folder: Path
    names: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Loan:
    """What all tasks of a request are lent.

    Attributes:
        dataset: files of the data set, where its owner has them. models: those of earlier models.
    """

    dataset: Files
    models: Files

    @property
    def is_stored(self) -> bool:
        """Whether the data set is where it will stay."""
        return self.dataset.folder != self.models.folder


@dataclass(frozen=True, repr=False)
class Task:
    """A statement that is to be proved; public.

    Attributes:
        draft: its file, without a proof.
        starts: names of the files of its starts.
    """

    draft: bytes
    starts: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Failed:
    """Why a task could not be done: what kind of error, and in words for the owner, which go into no log."""

    kind: str
    message: str


@contextmanager
def lent(dataset: Dataset, parts: Sequence[Part]) -> Iterator[tuple[Loan, list[Task]]]:
    """The loan and the tasks of a request; what has to be written for it is in a folder that is removed in the end."""
    with TemporaryDirectory(prefix=PREFIX) as name:  # 0700
        folder = Path(name).resolve()
        models = {model.commitment.root: model for part in parts for model in part.starts}
        names = {root: f"start-{number}{MODEL_SUFFIX}" for number, root in enumerate(models)}
        for root, model in models.items():
            model.lend(folder / names[root])
        tasks = [
            Task(
                TrainingProof(part.draft, b"", dict.fromkeys(part.draft.attachments, b"")).to_bytes(),
                tuple(names[model.commitment.root] for model in part.starts),
            )
            for part in parts
        ]
        yield Loan(_dataset_files(dataset, folder), Files(folder, tuple(names.values()))), tasks


def _dataset_files(dataset: Dataset, folder: Path) -> Files:
    """As they are stored; of a data set that is not, as they are written to a folder for this."""
    place = dataset.directory
    if place is None:
        place, digest = folder, dataset.commitment.digest
        with Folder(place) as stored:
            for name in forms_of(dataset.statement):
                stored.save(name, dataset.arrays[name])
            stored.finish(digest)
        save_tree(place, digest, dataset.matrix.levels)
    arrays = [f"{SECRETS}/{name}.npy" for name in (*forms_of(dataset.statement), OWNER)]
    return Files(place.resolve(), (*arrays, *([TREE_FILE] if (place / TREE_FILE).exists() else [])))


def perform(task: Task, dataset: Path, models: Path) -> Done | Failed:
    """Do a task with what lies in these folders. Nothing is raised: where exceptions end up is another's business."""
    try:
        draft = TrainingProof.from_bytes(task.draft).statement
        rows, matrix = read_lent(dataset, draft.dataset)
        starts = tuple(Model.load(models / name) for name in task.starts)
        return prove_part(Part(draft, starts), shape_of(draft), rows, matrix)
    except ZkUnlearnError as error:
        return Failed(type(error).__name__, str(error))
    except Exception as error:  # whose message may hold a secret value; its type does not
        return Failed(ZkUnlearnError.__name__, f"internal error ({type(error).__name__})")


def read_lent(folder: Path, statement: DatasetStatement) -> tuple[Rows, Commitment]:
    """A data set's integers and commitment from the files that are lent. Ids and record salts are blank.

    Raises:
        DataError, FormatError: naming the file.
    """
    count, matrix, digest = statement.rows, matrix_shape(DATASET, statement.committed), statement_digest(statement)
    arrays = load_arrays(folder, digest, forms_of(statement))
    blank = np.broadcast_to(np.zeros((1, SALT_BYTES), dtype=np.uint8), (count, SALT_BYTES))
    keys = {"keys": arrays["keys"]} if statement.unique else {}
    cells = arrays["features"], arrays["labels"], arrays["blinds"], blank
    rows = Rows(("",) * count, *cells, statement.outputs, holes=statement.holes, **keys)
    secret = Secret(arrays["tails"], arrays["leaf_salts"])
    opening = commit_columns(matrix.layout, matrix.code, rows.columns, secret)
    opening.stored = load_tree(folder, digest, matrix.code, statement.root)
    if opening.root != statement.root:
        raise damaged()
    return rows, opening


def require_lent(files: Files) -> None:
    """Raises DataError unless these files are there, and can be read, as in a folder that is shared."""
    for name in files.names:
        with opened(files.folder / name, MAX_ARRAY_BYTES):
            pass
