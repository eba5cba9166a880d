"""What is wiped when rows are destroyed: every secret file from which their cells could be had.

* Of every data set that goes back to the same first rows, but for the new one: rows, blinds, salts and ids; and tails,
  leaf salts and trees, as with a tail and one public column of an old proof a cell can be computed.
* Models that were trained on the rows; of shards, those that no bundle needs any more.
* Noise that is not used yet, of models trained on the rows: the weights before noise are in its file.
* Receipts of these people: they are the rows.
* Digests of people who were left out, with the secrets of a data set, and by themselves (`forget_left_out`).

Files are filled with zeros before they go. What a file system, a disk or a backup keeps of them no program can reach.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ...circuits.statements.dataset import DatasetStatement
from ...circuits.statements.ids import escaped
from ...circuits.statements.records import Record
from ...circuits.statements.training import TrainingStatement
from ...errors import BudgetExceeded, DataError, FormatError, ZkUnlearnError, require_type
from ...formats.files import UNFINISHED
from ...models.methods.sisa import Sisa
from ...verifier.bundles import Bundle, load_public
from ...verifier.proofs import LINK_FILE, DatasetCommitment, LinkProof
from ...verifier.receipts import Receipt
from ...verifier.verify import verify_proof
from ..tables.ids import listed_ids
from .asked import ask
from .dataset import COMMITMENT_FILE, DATASETS, Dataset
from .left_out import LEFT_OUT_FILE, LeftOut
from .locks import locked
from .model import MODEL_SUFFIX, Model
from .noise import SECRET_SUFFIX, Noise
from .opening_file import OPENING_FILE
from .secret_arrays import SECRETS
from .tree_cache import TREE_FILE
from .zeroing import wipe

RECEIPTS, BUNDLES = "*.receipt", "*.bundle"
PAGES = (".html", ".png", ".svg")  # of `evidence` and `--plot`, in which nothing says of which data set they are


@dataclass(frozen=True, repr=False)  # paths may be of people
class Wiped:
    """What was found of destroyed rows.

    Attributes:
        datasets: folders of data sets, whose public files are left. models, noise, receipts: files.
        left: files that could not be read, or that hold models which are still in force.
        pages: that lie in the folders of wiped data sets, figures and pages: maybe computed from rows; they stay.
    """

    datasets: tuple[Path, ...]
    models: tuple[Path, ...]
    noise: tuple[Path, ...]
    receipts: tuple[Path, ...]
    left: tuple[Path, ...]
    pages: tuple[Path, ...] = ()


def wipe_rows(dataset: Dataset, ids: Iterable[object], *others: Path | str) -> Wiped:
    """Wipe what the folder around a data set, and the folders in it, hold of the rows that `destroy` destroyed in it.

    Before anything is wiped its own public files are read, and verified: they are what is left.

    Args:
        dataset: what `destroy` returned, stored; it stays as it is.
        ids: whose rows they were; their receipts are wiped.
        others: folders of older data sets that are elsewhere; what is around these is looked at, too.

    Raises:
        DataError: it is not stored, or still has a row of one of these ids; another data set has rows that this one
            has not, nothing is wiped then; or a file cannot be written or removed.
        InvalidProof, FormatError: a file of its own is not what it should be; nothing is wiped then.
        ParameterError: an argument of another type.
    """
    require_type("dataset", dataset, Dataset, DATASETS)
    if dataset.directory is None:
        raise DataError("the data set without the rows is not stored: save it before the others are wiped")
    place, new = dataset.directory.resolve(), dataset.statement
    if dataset.link is None or not dataset.link.statement.destroyed:
        raise DataError(f"{place}: no rows were destroyed in this data set")
    _require_destroyed(place, new)
    names = {*listed_ids(ids, "ids").names}
    still = sorted(names & set(dataset.ids))
    if still:
        raise DataError(f"{place}: the rows of id {escaped(still[0])} are not destroyed in this data set")
    folders = _folders(place, *(Path(other).resolve() for other in others))
    family = _family(folders, new)
    _require_no_other_rows(family, new, new.holes)
    left: list[Path] = []
    datasets = tuple(folder for folder, own in family.items() if not set(new.holes) <= set(own.holes))
    models = tuple(_models(folders, new, left))
    rows = dict.fromkeys(new.births, new.rows)
    rows |= {own.digest: own.rows for own in (*family.values(), dataset.link.statement.old)}
    noise = tuple(_noise(folders, rows, new, left))
    receipts = tuple(_receipts(folders, names, set(rows), left))
    for folder in datasets:
        with locked(folder):
            secrets = (folder / name for name in (SECRETS, TREE_FILE, OPENING_FILE, LEFT_OUT_FILE))
            for path in (*folder.glob(f"{UNFINISHED}*"), *secrets):
                wipe(path)
    for path in (*models, *noise, *receipts):
        wipe(path)
    there = (path for folder in datasets for path in sorted(folder.iterdir()))
    pages = tuple(path for path in there if path.suffix.lower() in PAGES)
    return Wiped(datasets, models, noise, receipts, tuple(left), pages)


def forget_left_out(dataset: Dataset, ids: Iterable[object], *others: Path | str) -> tuple[Path, ...]:
    """Keep nothing any more that knows people who were left out; nothing is committed or spent.

    Args:
        dataset: changed, and its folder, if it is stored.
        others: folders of older data sets that are elsewhere; what is around these is looked at, too.

    Returns:
        The files that were changed, those of other data sets of the same first rows around it among them.

    Raises:
        DataError: an id that was not left out, or that has rows; or a file cannot be written.
        FormatError: such a file is not what it should be.
        ParameterError: an argument of another type.
    """
    require_type("dataset", dataset, Dataset, DATASETS)
    asked = ask(dataset, ids, what="ids")
    if asked.found:
        raise DataError(f"id {escaped(asked.found[0])} has rows in the data set: `destroy` is for these")
    if dataset.left_out is None:
        return ()
    dataset.left_out = dataset.left_out.without(asked.never_in)
    if dataset.directory is None:
        return ()
    place = dataset.directory.resolve()
    family = _family(_folders(place, *(Path(other).resolve() for other in others)), dataset.statement)
    changed = []
    for folder, own in sorted(family.items(), key=lambda found: found[0] == place):  # last, so that it can be repeated
        with locked(folder):
            there = LeftOut.load(folder, own.digest)
            if there is not None and any(there.knows(asked.never_in)):
                there.without(asked.never_in).replace_in(folder, own.digest)
                changed.append(folder / LEFT_OUT_FILE)
    return tuple(changed)


def require_no_other_rows(dataset: Dataset, ids: Iterable[object], *places: Path | str) -> None:
    """What would be wiped with the rows of these ids holds no rows but those of a data set, so that none are lost.

    Args:
        places: folders of data sets, old and new; what is around them is looked at.

    Raises:
        DataError: a data set has gone on from an older one with rows that this one does not have.
    """
    family = _family(_folders(*(Path(place).resolve() for place in places)), dataset.statement)
    positions = ask(dataset, ids, skip_unknown=True, what="ids").positions
    _require_no_other_rows(family, dataset.statement, {*dataset.statement.holes, *positions})


def _require_no_other_rows(
    family: Mapping[Path, DatasetStatement], new: DatasetStatement, gone: Collection[int]
) -> None:
    seeds = [segment.seed for segment in new.segments]
    for folder, own in family.items():
        there = [segment.seed for segment in own.segments] == seeds[: len(own.segments)]
        if not there and not set(gone) <= set(own.holes) and (folder / OPENING_FILE).exists():
            raise DataError(
                f"{folder}: this data set has rows of its own, which would be lost, as it would be wiped: destroy rows "
                "there, or remove it first"
            )


def _require_destroyed(place: Path, new: DatasetStatement) -> None:
    """What is on disk says, and proves, that rows are destroyed."""
    commitment, link = DatasetCommitment.load(place / COMMITMENT_FILE), LinkProof.load(place / LINK_FILE)
    if not (commitment.statement == link.statement.new == new):
        raise DataError(f"{place}: holds another data set by now")
    for proof in (commitment, link):
        verify_proof(proof)


def _folders(*places: Path) -> list[Path]:
    """The folders that these are in, and all that are in those."""
    around = dict.fromkeys(place.parent for place in places if place.parent.is_dir())  # a new one is made with its own
    inside = (path for folder in around for path in sorted(folder.iterdir()) if path.is_dir())
    return list(dict.fromkeys([*around, *(path for path in inside if not path.name.startswith("."))]))


def _of_one_family(statement: DatasetStatement, new: DatasetStatement) -> bool:
    """Whether the first rows of both were born in the same data set."""
    return statement.births[0] == new.births[0]


def _family(folders: Collection[Path], new: DatasetStatement) -> Mapping[Path, DatasetStatement]:
    """Data sets in these folders that go back to the same first rows."""
    found = {}
    for folder in folders:
        with suppress(ZkUnlearnError):
            found[folder] = DatasetCommitment.load(folder / COMMITMENT_FILE).statement
    return {folder: own for folder, own in found.items() if _of_one_family(own, new)}


def _models(folders: Collection[Path], new: DatasetStatement, left: list[Path]) -> Iterator[Path]:
    """Models that were trained on the rows, but for those that a bundle has in force."""
    bundles = [bundle for folder in folders for bundle in _bundles(folder)]
    superseded = {bundle.statement.previous for bundle in bundles}
    newest = [bundle for bundle in bundles if bundle.statement.digest not in superseded]
    needed = {proof.digest for bundle in newest for proof in bundle.proofs}
    for path in (path for folder in folders for path in sorted(folder.glob(f"*{MODEL_SUFFIX}"))):
        try:
            statement = Model.load(path).statement
        except (DataError, FormatError):
            left.append(path)
            continue
        if not _saw(statement, new):
            continue
        if isinstance(statement.spec.method, Sisa) and statement.digest in needed:
            left.append(path)
        else:
            yield path


def _bundles(folder: Path) -> Iterator[Bundle]:
    for path in sorted(folder.glob(BUNDLES)):
        try:
            found = load_public(path)
        except (DataError, FormatError):
            continue
        if isinstance(found, Bundle):
            yield found


def _saw(statement: TrainingStatement, new: DatasetStatement) -> bool:
    """Whether a row that is destroyed counted."""
    if not _of_one_family(statement.dataset, new):
        return False
    return _counted(statement.dataset.rows, statement.forgotten, new)


def _counted(rows: int, forgotten: Collection[Record], new: DatasetStatement) -> bool:
    gone = {record.position for record in forgotten}
    return any(position < rows and position not in gone for position in new.holes)


def _noise(
    folders: Collection[Path], rows: Mapping[bytes, int], new: DatasetStatement, left: list[Path]
) -> Iterator[Path]:
    """Noise that is not used, for models on one of these data sets that would have counted a row."""
    for path in (path for folder in folders for path in sorted(folder.glob(f"*{SECRET_SUFFIX}"))):
        try:
            statement = Noise.load(path).statement
        except BudgetExceeded:  # what was used holds nothing
            continue
        except (DataError, FormatError):
            left.append(path)
            continue
        if statement.dataset in rows and _counted(rows[statement.dataset], statement.forgotten, new):
            yield path


def _receipts(
    folders: Collection[Path], names: Collection[str], datasets: Collection[bytes], left: list[Path]
) -> Iterator[Path]:
    """Those of these people, of these data sets: others may have people of the same names."""
    for path in (path for folder in folders for path in sorted(folder.glob(RECEIPTS))):
        try:
            receipt = Receipt.load(path)
        except (DataError, FormatError):
            left.append(path)
            continue
        if receipt.id in names and receipt.dataset in datasets:
            yield path
