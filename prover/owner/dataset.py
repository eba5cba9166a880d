"""The owner's data set: committed, proved to be well formed, and stored.

| file | public? | holds |
|---|---|---|
| dataset.commitment | public | the statement and its validity proof |
| dataset.link | public | that it goes on with the rows of an older one, if it does: growth.py |
| dataset.opening | secret, 0600 | which data set this is, and how many openings are spent |
| dataset.claim | secret, 0600 | an opening that a request was given and has not used: opening_file.py |
| dataset.left_out | secret, 0600 | salted digests of ids that were left out, if any were: left_out.py |
| dataset.secrets/ | secret, 0700 | integers, ids, blinds, record salts, random tails, leaf salts: secret_arrays.py |
| dataset.tree | secret, 0600 | the commitment's Merkle tree, to save time: tree_cache.py; may be deleted |
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import is_canonical
from ...circuits.language.layout import Address
from ...circuits.relations.dataset import BLINDS, DATASET
from ...circuits.statements.dataset import DatasetStatement, Segment
from ...circuits.statements.records import Record
from ...errors import DataError, FormatError, require_path
from ...formats.files import PUBLIC_MODE
from ...models.encoding.dataset import DEFAULT_LABEL_NAME, DatasetEncoding
from ...models.encoding.resolution import ColumnUse, column_uses, feature_notes, label_notes, label_use
from ...shown import Facts, Shown, of_all
from ...verifier.proofs import LINK_FILE, DatasetCommitment, LinkProof
from ...verifier.protocol.merkle import DIGEST_BYTES, SALT_BYTES
from ...verifier.shapes import matrix_shape
from ..matrices.commitment import Cells, Commitment, Secret, commit_columns, damaged, fresh_secret
from ..matrices.multiplicities import LookedUpRows, SignedRows, multiplicities, signed_rows
from ..matrices.values import Witness
from ..protocol.proof import Progress, begin
from ..tables.keys import RowKeys
from ..witnesses.rows import Rows, blind_rows, encode_rows
from ..witnesses.uniqueness import uniqueness_witness
from .budget import Budget, Counted, require_openings
from .left_out import LEFT_OUT_FILE, LeftOut
from .locks import locked
from .opening_file import OPENING_FILE, OpeningFile, read_opening
from .prove import check_before_work, prove_statement
from .published import openings_seen, trainings_in
from .secret_arrays import SECRETS, Folder, Form, Names, load_arrays, make_directory, needs_recovery, restore_and_sweep
from .successors import begin_history
from .tree_cache import load_tree, save_tree

COMMITMENT_FILE = "dataset.commitment"
DEFAULT_OPENINGS = 32
# The folder of secrets; written and replaced with it.
BESIDE = (OPENING_FILE, LEFT_OUT_FILE, LINK_FILE, COMMITMENT_FILE)
DATASETS = "`commit` makes one, `load_dataset` reads one"
EXHAUSTED = (
    "one more proof would reveal rows; `recommit` in time next time, with one opening left; now only a new commitment "
    "helps"
)
LOGGER = logging.getLogger("zkunlearn")


@dataclass(repr=False, eq=False)  # secrets stay out of logs
class Dataset(Shown, Counted):
    """A committed data set with its secrets.

    Attributes:
        commitment: the public part.
        rows: in the order of positions.
        secret: random tails and leaf salts of the commitment.
        budget: its openings, of which the validity proof has spent one.
        directory: where it is stored, if it is.
        notes: what its owner should know of its columns, from when it was committed.
        superseded: positions of rows that were rectified: in their place there are others, and every training from now
            on forgets them.
        link: how it goes on from an older one, if it does.
        left_out: who was left out, if its owner said so.
    """

    commitment: DatasetCommitment
    rows: Rows
    secret: Secret
    budget: Budget
    directory: Path | None = None
    notes: tuple[str, ...] = ()
    superseded: tuple[int, ...] = ()
    link: LinkProof | None = None
    left_out: LeftOut | None = None

    @property
    def facts(self) -> Facts:
        """See Shown: what its statement says, and the openings left."""
        return (*self.statement.facts, ("openings left", of_all(self.budget.left, self.budget.declared)))

    @property
    def spent(self) -> int:
        """Openings already used, the validity proof included."""
        return self.budget.spent

    @property
    def statement(self) -> DatasetStatement:
        """The public statement."""
        return self.commitment.statement

    @property
    def ids(self) -> Sequence[str]:
        """The owner's name of each row."""
        return self.rows.ids

    @property
    def columns(self) -> dict[Address, Cells]:
        """Committed columns."""
        return self.rows.columns

    @cached_property
    def matrix(self) -> Commitment:
        """The committed matrix, and what opening it takes. Raises FormatError where stored secrets are damaged."""
        matrix = matrix_shape(DATASET, self.statement.committed)
        opening = commit_columns(matrix.layout, matrix.code, self.columns, self.secret)
        if self.directory is not None:
            opening.stored = load_tree(self.directory, self.commitment.digest, matrix.code, self.statement.root)
        if opening.root != self.statement.root:  # without a stored tree, the secrets show here if they are damaged
            raise damaged()
        return opening

    @property
    def column_uses(self) -> tuple[ColumnUse, ...]:
        """How each feature, and labels that are real, use the integers between their bounds: the owner's alone."""
        encoding, rows = self.statement.encoding, self.rows
        holes = len(rows.holes)
        labels = label_use(encoding.label, rows.labels, holes)
        return (*column_uses(encoding, rows.by_feature, holes), *([] if labels is None else [labels]))

    def records(self, ids: Iterable[object]) -> tuple[Record, ...]:
        """The forget list of these rows.

        Raises:
            DataError: an unknown or repeated id.
            FormatError: the stored rows or salts are not those of the records.
        """
        return self.records_at(self.rows.positions(ids))

    def records_at(self, positions: Collection[int]) -> tuple[Record, ...]:
        """The forget list of the rows at these positions. Raises FormatError as `records`."""
        if positions and self.rows.record_root != self.statement.record_root:
            raise damaged()
        return tuple(self.rows.record(position) for position in sorted(positions))

    def openings_seen(self, *folders: Path) -> int:
        """How many openings were spent, as far as proofs in these folders and beside the data set show it."""
        return openings_seen([*self.beside, *folders], self.commitment.digest)

    def forgotten_seen(self) -> set[int]:
        """Positions that a training on it, or on one that it goes on from, forgets, as far as proofs beside show it."""
        own = (each for each in trainings_in(self.beside) if self.rows.goes_on_from(each.dataset))
        return {position for each in own for position in each.positions if position < each.dataset.rows}

    @property
    def beside(self) -> list[Path]:
        """Folders in which proofs about it are looked for: its own and the one that this is in; none if not stored."""
        place = None if self.directory is None else self.directory.resolve()
        return [] if place is None else [place, place.parent]

    def require_whole_count(self, *folders: Path) -> None:
        """No more openings were spent than are counted. Raises BudgetExceeded: a backup was restored."""
        self.budget.require_spent(self.openings_seen(*folders), "proofs of this data set are beside it")

    def save(self, directory: Path | str, replace: bool = True) -> None:
        """Write all files, and only when they are on disk, put them in the place of those that are there.

        Raises:
            DataError: a file cannot be written, a data set is there and not to be replaced, or this one is stored
                elsewhere.
        """
        levels, place = self.matrix.levels, Path(directory)
        count = OpeningFile(place, self.commitment.digest, self.statement.openings)
        make_directory(place)
        with locked(place):
            restore_and_sweep(place, BESIDE)
            for path in (place / name for name in (COMMITMENT_FILE, OPENING_FILE)):
                if path.exists() and not replace:
                    raise DataError(f"{path}: is there now, from another run")
            spent = self.budget.to_store(count)
            with Folder(place) as folder:
                for name, array in self.arrays.items():
                    folder.save(name, array)
                folder.add(OPENING_FILE, count.content(spent))
                if self.left_out is not None:
                    folder.add(LEFT_OUT_FILE, self.left_out.content(self.commitment.digest))
                if self.link is not None:
                    folder.add(LINK_FILE, self.link.to_bytes(), PUBLIC_MODE)
                folder.add(COMMITMENT_FILE, self.commitment.to_bytes(), PUBLIC_MODE)
                folder.finish(self.commitment.digest, BESIDE)
            self.budget.store(count, spent)
            if self.directory is None:
                begin_history(place)
            self.directory = place
            save_tree(place, self.commitment.digest, levels)

    @classmethod
    def load(cls, directory: Path | str) -> Dataset:
        """Read all files, after `recover`.

        Raises:
            DataError, FormatError: naming the file.
            ParameterError: what is no path.
        """
        require_path("directory", directory)
        path = Path(directory)
        if not path.is_dir():
            raise DataError(f"{path}: there is no such data set directory")
        recover(path)
        return _load_opening(path, DatasetCommitment.load(path / COMMITMENT_FILE))

    @property
    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What dataset.secrets holds."""
        rows, superseded = self.rows, np.zeros(len(self.ids), np.uint8)
        superseded[list(self.superseded)] = 1
        return {
            "features": rows.by_feature,
            "labels": rows.labels,
            "blinds": rows.blinds,
            **({"keys": rows.keys} if rows.keys.size else {}),
            "salts": rows.salts,
            **Names.arrays(self.ids),
            "superseded": superseded,
            **({"hole_digests": rows.hole_digests} if rows.holes else {}),
            "tails": self.secret.tails,
            "leaf_salts": self.secret.salts,
        }


def commit_dataset(
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    ids: Sequence[str],
    encoding: DatasetEncoding,
    openings: int = DEFAULT_OPENINGS,
    progress: Progress | None = None,
    label_name: str = DEFAULT_LABEL_NAME,
    keys: RowKeys | None = None,
    left_out: LeftOut | None = None,
) -> Dataset:
    """Encode, order, commit and prove a data set.

    Args:
        X: real features (N, d).
        y: labels (N,).
        ids: the text of each row's id, see prover/tables/ids.py.
        encoding: how reals become integers.
        openings: proofs that the commitment can serve; the validity proof counts.
        label_name: for messages.
        keys: of rows, if the encoding says that they have any; all different.
        left_out: who has no row.

    Raises:
        DataError: rows that the encoding refuses or leaves nothing of, or another number of ids.
        ParameterError: a shape beyond 100 bits of soundness, or no number of openings.
    """
    openings = require_openings(openings)
    by_feature, labels, notes = encode_table(X, y, encoding, label_name)
    for note in notes:
        LOGGER.warning("%s", note)
    outputs = encoding.shape(len(labels)).outputs
    rows, segment = blind_rows(tuple(ids), by_feature, labels, outputs, keys).as_segment()
    dataset = commit_rows(rows, encoding, openings, (segment,), progress)
    dataset.notes, dataset.left_out = notes, left_out
    return dataset


def encode_table(
    X: npt.ArrayLike, y: npt.ArrayLike, encoding: DatasetEncoding, label_name: str
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int32], tuple[str, ...]]:
    """`Rows.by_feature` and `Rows.labels` of real rows in no order yet, and what is to be known of their columns."""
    features, labels = np.asarray(X), encoding.encode_labels(y, label_name).astype(np.int32)
    by_feature = encode_rows(encoding, features)
    notes = (
        *feature_notes(encoding, features, by_feature),
        *label_notes(label_name, encoding.label, np.asarray(y), labels),
    )
    return by_feature, labels, notes


def commit_rows(
    rows: Rows, encoding: DatasetEncoding, openings: int, segments: tuple[Segment, ...], progress: Progress | None
) -> Dataset:
    """Commit to rows, which are these segments, with fresh tails and salts, and prove that they are well formed."""
    root = rows.record_root
    unique = bool(encoding.keys)
    draft = DatasetStatement(len(rows.ids), encoding, openings, bytes(DIGEST_BYTES), root, segments, rows.holes, unique)
    shape = check_before_work(draft)
    begin("commit data set", progress)
    matrix = shape.committed[DATASET]
    secret = fresh_secret(matrix.code, matrix.layout.rows)
    opening = commit_columns(matrix.layout, matrix.code, rows.columns, secret)
    statement = replace(draft, root=opening.root)
    witness = _witness(statement, rows)
    proved = prove_statement(shape, statement, {DATASET: opening}, witness, progress=progress)
    dataset = Dataset(DatasetCommitment(statement, proved.proof.proof), rows, secret, _budget(openings, spent=1))
    dataset.matrix = opening  # encoded already
    return dataset


def _witness(statement: DatasetStatement, rows: Rows) -> Witness:
    """The columns, and how often each row of a table is looked up."""
    signed, columns = statement.encoding.label.kind == "real", rows.label_columns
    labels = signed_rows(columns) if signed else columns.astype(np.uint16)
    looked_up: dict[str, LookedUpRows] = {
        "features": SignedRows(rows.by_feature, 1 << statement.encoding.x_bits),
        "labels": labels,
        "labels shifted": labels << np.uint16(15),
    }
    relation = statement.relation
    counts = multiplicities(relation.cell_sections, looked_up)
    if relation.uniqueness is None:
        return Witness({**rows.columns, **counts}, looked_up)
    unique = uniqueness_witness(relation.uniqueness, rows.keys)
    return Witness({**rows.columns, **counts, **unique.columns}, {**looked_up, **unique.looked_up})


def _budget(openings: int, spent: int, stored: OpeningFile | None = None) -> Budget:
    return Budget("data set", openings, spent, EXHAUSTED, stored)


def recover(directory: Path) -> None:
    """Put right what a killed run left in a data set's folder, if it did. Raises DataError."""
    if needs_recovery(directory, BESIDE):
        with locked(directory):
            restore_and_sweep(directory, BESIDE)


def forms_of(statement: DatasetStatement) -> dict[str, Form]:
    """The arrays that proving takes, beside which there are ids and record salts."""
    count, matrix = statement.rows, matrix_shape(DATASET, statement.committed)
    return {
        "features": Form("<i2", (statement.features, count)),
        "labels": Form("<i4", (count,)),
        "blinds": Form("<u8", (len(BLINDS), count)),
        **({"keys": Form("<u2", (statement.key_limbs, count))} if statement.unique else {}),
        "tails": Form("<u8", (matrix.layout.rows, matrix.code.tail)),
        "leaf_salts": Form("u1", (matrix.code.length, SALT_BYTES)),
    }


def _load_opening(directory: Path, commitment: DatasetCommitment) -> Dataset:
    """The secret files, checked against the public one."""
    path, statement = directory / OPENING_FILE, commitment.statement
    count = statement.rows
    fields = read_opening(path, statement.openings)
    if fields["dataset"] != commitment.digest:
        raise FormatError(f"{path}: belongs to another data set than {COMMITMENT_FILE} beside it")
    forms = {
        **forms_of(statement),
        "salts": Form("u1", (count, SALT_BYTES)),
        "id_bytes": Form("u1", (None,)),
        "id_ends": Form("<i8", (count,)),
        "superseded": Form("u1", (count,)),
    }
    if statement.holes:
        forms["hole_digests"] = Form("u1", (len(statement.holes), DIGEST_BYTES))
    arrays = load_arrays(directory, commitment.digest, forms)
    for name in ("blinds", "tails"):
        if not is_canonical(arrays[name]):
            raise FormatError(f"{directory / SECRETS / name}.npy: holds a number that is not a field element")
    names = Names(arrays["id_bytes"], arrays["id_ends"])
    if not names.is_sound():
        raise FormatError(f"{directory / SECRETS}: id_bytes.npy and id_ends.npy are no texts")
    cells = {name: arrays[name] for name in ("labels", "blinds", "salts")}
    left = {name: arrays[name] for name in ("keys", "hole_digests") if name in arrays}
    rows = Rows(names, arrays["features"], **cells, outputs=statement.outputs, holes=statement.holes, **left)
    secret = Secret(arrays["tails"], arrays["leaf_salts"])
    stored = OpeningFile(directory, commitment.digest, statement.openings)
    budget = _budget(statement.openings, stored.read() or fields["spent"], stored)
    superseded = tuple(np.flatnonzero(arrays["superseded"]).tolist())
    link = _load_link(directory, commitment)
    left_out = LeftOut.load(directory, commitment.digest)
    return Dataset(commitment, rows, secret, budget, directory, superseded=superseded, link=link, left_out=left_out)


def _load_link(directory: Path, commitment: DatasetCommitment) -> LinkProof | None:
    path = directory / LINK_FILE
    if not path.exists():
        return None
    link = LinkProof.load(path)
    if link.statement.new.digest != commitment.digest:
        raise FormatError(f"{path}: leads to another data set than {COMMITMENT_FILE} beside it")
    return link
