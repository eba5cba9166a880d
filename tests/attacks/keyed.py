"""Rows with keys, an owner who lies about them, and what both verifiers say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import zkunlearn as zu
from zkunlearn.circuits.field.goldilocks import P
from zkunlearn.circuits.relations.dataset import DATASET, key_addresses
from zkunlearn.circuits.relations.uniqueness import Uniqueness
from zkunlearn.prover.matrices.commitment import commit_columns, fresh_secret
from zkunlearn.prover.matrices.values import in_field
from zkunlearn.prover.owner.dataset import Dataset
from zkunlearn.prover.witnesses.uniqueness import uniqueness_witness
from zkunlearn.verifier.shapes import matrix_shape, new_transcript, shape_of

from ..cheating import CheatingProver
from ..reference import verifier
from ..reference.examples import package_verdict
from .growths import table
from .harness import FEATURES, ROWS, Columns, data_columns, recount

Keys = Sequence[int]  # of each row an integer of 96 bits
KEYS: Keys = [(n * 0x123456789ABCDEF + 7) ** 2 % (1 << 96) for n in range(ROWS)]


def limbs_of(keys: Keys, limbs: int = 6) -> Any:
    """uint16 (limbs, N)."""
    return np.array([[key >> (16 * i) & 0xFFFF for key in keys] for i in range(limbs)], dtype=np.uint16)


def order_columns(relation: Uniqueness, order: Keys, borrows: dict[int, int] | None = None) -> Columns:
    """Words in this order, and what each is above the one before it: as limbs what it is modulo p, cut off.

    Args:
        borrows: those that are not as they should be, by place; elements of F.
    """
    columns: Columns = {}
    below: list[int] = [1] * (len(order) - 1)
    for word in relation.words:
        mask, shift = (1 << word.bits) - 1, 16 * 3 * word.index
        values = [key >> shift & mask for key in order]
        columns[word.sorted] = np.array(values, dtype=np.uint64)
        gaps = [after - before - less for before, after, less in zip(values, values[1:], below, strict=False)]
        if word.borrow is not None:
            below = [(borrows or {}).get(n, int(gap < 0)) for n, gap in enumerate(gaps)]
            gaps = [gap + (less << word.bits) for gap, less in zip(gaps, below, strict=True)]
            columns[word.borrow] = np.array([*below, 0], dtype=np.uint64)
        for i, limb in enumerate(word.gaps):
            columns[limb] = np.array([*((gap % P) >> (16 * i) & 0xFFFF for gap in gaps), 0], dtype=np.uint64)
    return columns


def true_order(keys: Keys) -> list[int]:
    return sorted(keys)


def keyed_columns(shape: Any, data: Any, keys: Keys, order: Keys | None = None, **changes: Any) -> Columns:
    """All columns of the proof of a data set of the harness with these keys."""
    relation: Any = shape.relation
    limbs = limbs_of(keys, relation.key_limbs)
    columns = data_columns(data, relation.outputs) | dict(
        zip(key_addresses(len(limbs)), map(in_field, limbs), strict=True)
    )
    own = order_columns(relation.uniqueness, true_order(keys) if order is None else order, **changes)
    return recount(relation, columns | own)


# Files ---------------------------------------------------------------------------------------------------------------


def committed(rows: int = ROWS, openings: int = 12) -> Dataset:
    """Somebody's data set, whose rows have keys."""
    X, y = table(rows)
    bounds = {f"x{k + 1}": (-6.0, 6.0) for k in range(FEATURES)}
    return zu.commit(X, y, bounds=bounds, openings=openings, unique={"mail": mails(rows)})


def mails(rows: int, after: int = 0) -> list[str]:
    return [f"{n}@example.org" for n in range(after, after + rows)]


def keys_of(dataset: Dataset) -> list[int]:
    """Of each row."""
    return [sum(int(limb) << 16 * i for i, limb in enumerate(own)) for own in dataset.rows.keys.T]


def forged(
    own: Dataset, keys: Keys, order: Keys | None = None, edits: Columns | None = None, **changes: Any
) -> tuple[zu.DatasetCommitment, frozenset[str]]:
    """A commitment like the true one to rows with other keys, in whatever order; and which equations fail."""
    rows = replace(own.rows, keys=limbs_of(keys))
    shape = matrix_shape(DATASET, own.statement.committed)
    matrix = commit_columns(shape.layout, shape.code, rows.columns, fresh_secret(shape.code, shape.layout.rows))
    statement = replace(own.statement, root=matrix.root)
    relation: Any = statement.relation
    there = [key for n, key in enumerate(keys) if n not in statement.holes]
    made = order_columns(relation.uniqueness, true_order(there) if order is None else order, **changes)
    columns = {name: in_field(np.asarray(cells)) for name, cells in rows.columns.items()} | made | (edits or {})
    prover = CheatingProver(
        shape_of(statement), new_transcript(statement), {DATASET: matrix}, recount(relation, columns)
    )
    return zu.DatasetCommitment(statement, prover.prove()), prover.lies


def verdict(commitment: zu.DatasetCommitment) -> str:
    """ "valid", or the check that fails, on the file; the same for both verifiers."""
    file = commitment.to_bytes()
    found = package_verdict(lambda: zu.verify_dataset(zu.DatasetCommitment.from_bytes(file)))
    assert verifier.verdict(verifier.verify_dataset, file) == found
    return found


def same_as_the_owners(relation: Uniqueness, keys: Keys) -> bool:
    """The columns that the product's prover makes are those made here."""
    product, plain = (
        uniqueness_witness(relation, limbs_of(keys, relation.limbs)).columns,
        order_columns(relation, sorted(keys)),
    )
    return all(np.array_equal(in_field(np.asarray(product[name])), cells) for name, cells in plain.items())
