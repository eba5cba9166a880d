"""A data set that goes on: committed afresh when its openings run out, or because rows are added or put right.

One proof links the new commitment to the old one, whatever was the reason (circuits/statements/link.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...circuits.language.layout import Address
from ...circuits.relations.dataset import DATASET
from ...circuits.relations.growth import NEW_DATASET
from ...circuits.statements.dataset import MAX_SEGMENTS, DatasetStatement, Segment
from ...circuits.statements.ids import escaped
from ...circuits.statements.link import CONSISTENCY, PATHS, LinkStatement
from ...errors import DataError, ParameterError, require_type
from ...models.encoding.dataset import DEFAULT_LABEL_NAME
from ...verifier.proofs import LinkProof, TrainingProof
from ...verifier.protocol.merkle import DIGEST_BYTES
from ..matrices.values import Witness
from ..protocol.proof import Progress
from ..tables.arrays import Table, as_more_rows
from ..tables.keys import first_repeated
from ..tables.torch_datasets import from_torch
from ..witnesses.record_tree import consistency_path
from ..witnesses.rows import NOBODY, Nonce, Rows, blind_rows, encode_rows
from .asked import NEVER_IN, ask
from .budget import require_openings
from .dataset import DATASETS, DEFAULT_OPENINGS, Dataset, commit_rows
from .left_out import LeftOut
from .prove import check_before_work, prove_statement

REMEDY = "a row that is put right keeps its key: forget and destroy the old one first, then append it"
OWN_OPENINGS = 2  # that a fresh commitment spends at once: its validity proof, and the link


def recommit(
    dataset: Dataset, openings: int = DEFAULT_OPENINGS, progress: Progress | None = None
) -> tuple[Dataset, LinkProof]:
    """Commit to the same rows afresh, and prove that they are the same. One opening of each commitment is spent.

    Returns:
        The new data set, its positions, record digests and salts unchanged, and the public proof that links both.

    Raises:
        BudgetExceeded: the old commitment has no opening left for the proof.
        ParameterError: the new one could not have its own proof and the link; or an argument of another type.
    """
    openings = _require(dataset, openings)
    return _continued(dataset, None, (), None, openings, progress, left_out=dataset.left_out)


def append(
    dataset: Dataset,
    X: Any,
    y: Any = None,
    ids: Iterable[str | int] | None = None,
    *,
    nonce: Nonce = None,
    rows_per_id: str = "one",
    unique: Any = None,
    label_name: str = DEFAULT_LABEL_NAME,
    openings: int | None = None,
    left_out_ids: Iterable[str | int] | None = None,
    progress: Progress | None = None,
) -> tuple[Dataset, LinkProof]:
    """Commit to the rows of a data set and others after them. One opening of each commitment is spent.

    Old rows keep their positions; the new ones are in an order that follows from all of their records.

    Args:
        X: real features (n, d) of the same columns: of a frame by name, in any order; else in the data set's order.
            Or a Dataset of torch, as for `commit`.
        y: labels (n,).
        ids: a text or integer for each row; by default the index of the frame, or numbers that go on from the last.
        nonce: 32 bytes that somebody else adds to the order of the new rows; or what asks for them, given the root over
            their records, so that they are drawn when nothing can be chosen any more.
        rows_per_id: "one"; or "many": rows may also be of people who are in the data set already.
        unique: if the data set's rows have keys, the values of their columns by name; by default columns of a frame X.
        label_name: for messages.
        openings: of the new commitment; by default as many as the old one has.
        left_out_ids: of more people who have no row, as for `commit`. Who was left out before and has one now, is in.

    Returns:
        The new data set, and the public proof that links both.

    Raises:
        DataError: rows that cannot be used; or an id or a key that is there already (of "many": an id that a proof
            beside the data set forgets).
        BudgetExceeded: the old commitment has no opening left for the proof.
        ParameterError: no number of openings, or an argument of another type.
    """
    openings, table = _require(dataset, openings), _table(dataset, X, y, ids, label_name, rows_per_id, unique)
    there = set(dataset.ids) & set(table.ids)
    if there and rows_per_id == "one":
        raise _refused(table, there, "is in the data set already; `rectify` puts rows right")
    _require_not_forgotten(dataset, table, there)
    _require_new_keys(dataset, table)
    left_out = LeftOut.of(left_out_ids, {*dataset.ids, *table.ids}, dataset.left_out)
    left_out = None if left_out is None else left_out.without(table.ids)
    return _continued(dataset, _encoded(dataset, table, label_name), (), nonce, openings, progress, left_out=left_out)


def rectify(
    dataset: Dataset,
    X: Any,
    y: Any = None,
    ids: Iterable[str | int] | None = None,
    *,
    nonce: Nonce = None,
    rows_per_id: str = "one",
    unique: Any = None,
    label_name: str = DEFAULT_LABEL_NAME,
    openings: int | None = None,
    left_out: bool = False,
    progress: Progress | None = None,
) -> tuple[Dataset, LinkProof]:
    """Put rows right (GDPR Art. 16): append them as they should be, and name those that are there under these ids.

    All rows of these people are superseded: the link says so, and whatever is trained on the new data set forgets them.
    They stay in the data set, with their keys, if rows have any: where the key of a row is not what was wrong, forget
    and destroy it, and append it as it should be.

    Args:
        X, y, ids, nonce, rows_per_id, unique, label_name, openings: as for `append`; all ids have to be there.
        left_out: whether rows may also be of people who were left out, and whose rows are complete now: they are in
            from now on, and for them nothing is superseded.

    Returns:
        The new data set, and the public proof that links both.

    Raises:
        DataError: rows that cannot be used, an id that is not there, or one that a proof beside the data set forgets;
            or a key that is there.
        BudgetExceeded, ParameterError: as for `append`.
    """
    openings, table = _require(dataset, openings), _table(dataset, X, y, ids, label_name, rows_per_id, unique)
    require_type("left_out", left_out, bool)
    superseded = _positions(dataset, table.ids, left_out)
    _require_not_forgotten(dataset, table, set(table.ids))
    _require_new_keys(dataset, table)
    added, others = _encoded(dataset, table, label_name), dataset.left_out
    others = others if others is None else others.without(table.ids)
    return _continued(dataset, added, superseded, nonce, openings, progress, left_out=others)


def destroy(
    dataset: Dataset,
    ids: Iterable[str | int],
    *,
    forgotten_by: TrainingProof | None = None,
    skip_unknown: bool = False,
    openings: int | None = None,
    progress: Progress | None = None,
) -> tuple[Dataset, LinkProof]:
    """Commit to a data set in which the rows of these people are zeros. One opening of each commitment is spent.

    Positions, record digests and all other rows stay; no statement about the new data set can count the destroyed ones.
    What is left of them is in the old data set, and in files beside it: `wipe_rows` wipes these, once the new one is
    stored.

    Args:
        ids: of people who were forgotten. Of those who were left out, nothing is kept that knows them any more.
        skip_unknown: whether to go on without ids that are not in the data set.
        forgotten_by: a proof that forgets them; by default those beside the data set are looked at.
        openings: of the new commitment; by default as many as the old one has.

    Returns:
        The new data set, and the public proof that links both.

    Raises:
        DataError: an id that is not there, or that no such proof forgets; or none of them has a row.
        BudgetExceeded: the old commitment has no opening left for the proof.
        ParameterError: no number of openings, or an argument of another type.
    """
    openings = _require(dataset, openings)
    asked = ask(dataset, ids, skip_unknown, "ids")
    positions = asked.positions
    if not positions:
        raise DataError("none of these people has a row in the data set; `forget_left_out` is for who was left out")
    if forgotten_by is not None:
        require_type("forgotten_by", forgotten_by, TrainingProof, "of what `prove` returns it is `.proof`")
    proved = dataset.forgotten_seen() if forgotten_by is None else set(forgotten_by.statement.positions)
    left = [dataset.ids[position] for position in positions if position not in proved]
    if left:
        raise DataError(f"id {escaped(left[0])} is forgotten by no proof that is at hand: first forget, then destroy")
    left_out = None if dataset.left_out is None else dataset.left_out.without(asked.never_in)
    return _continued(dataset, None, (), None, openings, progress, positions, left_out)


def _require(dataset: Dataset, openings: int | None) -> int:
    require_type("dataset", dataset, Dataset, DATASETS)
    return require_openings(dataset.statement.openings if openings is None else openings, least=OWN_OPENINGS)


def _table(dataset: Dataset, X: Any, y: Any, ids: Any, label_name: str, rows_per_id: str, unique: Any) -> Table:
    """Rows of the same columns. Raises DataError, ParameterError."""
    of = dataset.statement.encoding
    X, y, ids = from_torch(X, y, ids)
    return as_more_rows(of, X, y, ids, label_name, len(dataset.ids), rows_per_id, unique)


def _positions(dataset: Dataset, ids: Iterable[str], left_out: bool) -> tuple[int, ...]:
    """All rows of these people. Raises DataError for who has none, unless he was left out, and that is all right."""
    asked = ask(dataset, ids, what="ids")
    if asked.never_in and not left_out:
        name = escaped(asked.never_in[0])
        raise DataError(f"id {name} was never in: {NEVER_IN}; say left_out (--left-out) if its row is complete now")
    return asked.positions


def _refused(table: Table, ids: set[str], why: str) -> DataError:
    """The first row with one of these ids cannot be added."""
    row, name = next((row, name) for row, name in enumerate(table.ids) if name in ids)
    more = f" ({len(ids)} ids are)" if len(ids) > 1 else ""
    return DataError(f"id {escaped(name)} {why}{more}", row=row, found=name)


def _require_not_forgotten(dataset: Dataset, table: Table, there: set[str]) -> None:
    """Nobody comes back who was forgotten, as far as proofs beside the data set show it. Raises DataError."""
    gone = dataset.forgotten_seen() if there else set()
    forgotten = there & {dataset.ids[position] for position in gone - {*dataset.superseded}}
    if forgotten:
        raise _refused(table, forgotten, "was forgotten, and its rows are still there")


def _require_new_keys(dataset: Dataset, table: Table) -> None:
    """No row has the key of a row that is there, destroyed ones left out. Raises DataError, naming both."""
    if table.keys is None:
        return
    there = np.delete(dataset.rows.keys, list(dataset.rows.holes), axis=1)
    twice = first_repeated(np.concatenate([there, table.keys.limbs], axis=1))
    if twice is None:
        return
    first, row = twice[0], twice[1] - there.shape[1]
    old = [name for name in dataset.ids if name != NOBODY][first]
    columns = ", ".join(map(repr, table.keys.names))
    reason = f"has the key of id {escaped(old)}, which is in the data set, in {columns}; {REMEDY}"
    raise DataError(reason, row=row)


def _encoded(dataset: Dataset, table: Table, label_name: str) -> Rows:
    """New rows as integers, with what hides them. Raises DataError."""
    encoding = dataset.statement.encoding
    labels = encoding.encode_labels(table.y, label_name).astype(np.int32)
    return blind_rows(table.ids, encode_rows(encoding, table.X), labels, dataset.statement.outputs, table.keys)


def _continued(
    dataset: Dataset,
    added: Rows | None,
    superseded: Iterable[int],
    nonce: Nonce,
    openings: int,
    progress: Progress | None,
    destroyed: Sequence[int] = (),
    left_out: LeftOut | None = None,
) -> tuple[Dataset, LinkProof]:
    """The next commitment, and the link to it."""
    old, records = dataset.statement, dataset.records_at({*dataset.superseded, *superseded})
    dataset.budget.raise_to(dataset.openings_seen())  # of a restored backup
    dataset.budget.require_opening()  # before anybody is asked for a nonce
    rows: Rows = dataset.rows
    segments: tuple[Segment, ...] = ()
    if added is not None:
        _require_room(old, added)
        ordered, segment = added.as_segment(old, nonce)
        rows, segments = rows.followed_by(ordered), (segment,)
    if destroyed:
        rows = rows.without(destroyed)
    draft = LinkStatement(
        old, old.continued(bytes(DIGEST_BYTES), openings, rows.record_root, segments, rows.holes), records
    )
    positions = [record.position for record in records]
    attached = {
        CONSISTENCY: consistency_path(rows.record_levels, old.rows),
        PATHS: dataset.rows.record_paths(positions) if positions else b"",
    }
    shape = check_before_work(draft, [dataset.budget], attached)
    new = commit_rows(rows, old.encoding, openings, draft.new.segments, progress)
    new.superseded = tuple(positions)  # those that are destroyed by now among them
    new.left_out = left_out
    statement = replace(draft, new=new.statement)
    new_columns = {Address(NEW_DATASET, column.name): cells for column, cells in new.columns.items()}
    proved = prove_statement(
        shape,
        statement,
        {DATASET: dataset.matrix, NEW_DATASET: new.matrix},
        Witness({**dataset.columns, **new_columns}, {}),
        budgets=[dataset.budget, new.budget],
        attached=attached,
        progress=progress,
    )
    new.link = LinkProof(statement, proved.proof.proof, attached)
    return new, new.link


def _require_room(old: DatasetStatement, added: Rows) -> None:
    """Raises ParameterError for more segments than a data set can have."""
    if len(old.segments) == MAX_SEGMENTS:
        raise ParameterError(f"a data set has at most {MAX_SEGMENTS} segments: commit all rows anew")
