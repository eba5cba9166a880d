"""An owner whose data set grows, one who lies about it, and what both verifiers say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import zkunlearn as zu
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.relations.dataset import DATASET
from zkunlearn.circuits.relations.growth import NEW_DATASET, Growth
from zkunlearn.circuits.statements.dataset import DatasetStatement
from zkunlearn.circuits.statements.link import CONSISTENCY, PATHS, LinkStatement
from zkunlearn.prover.matrices.commitment import commit_columns, fresh_secret
from zkunlearn.prover.matrices.merkle import build_levels
from zkunlearn.prover.owner.dataset import Dataset
from zkunlearn.prover.witnesses.record_tree import consistency_path
from zkunlearn.prover.witnesses.rows import Rows
from zkunlearn.verifier.protocol.proof import ProofShape
from zkunlearn.verifier.shapes import matrix_shape as file_shape
from zkunlearn.verifier.shapes import new_transcript, shape_of

from ..cheating import CheatingProver
from ..reference import verifier
from ..reference.examples import package_verdict
from .harness import FEATURES, ROW_BITS, ROWS, Columns, data_columns, matrix_shape, people

ADDED = 6  # rows, with which the padding grows from 16 to 32
FEW = 3  # with which it stays
TWINS = (2, 9)  # rows of the table with equal cells


def table(rows: int, seed: int = 1) -> tuple[Any, Any]:
    """Features and labels, of which two rows are alike if there are as many."""
    X, y = np.random.default_rng(seed).normal(size=(rows, FEATURES)), np.arange(rows) % 2
    if rows > TWINS[1]:
        X[TWINS[1]], y[TWINS[1]] = X[TWINS[0]], y[TWINS[0]]
    return X, y


def committed(rows: int = ROWS, openings: int = 9, seed: int = 1) -> Dataset:
    """Somebody's data set, whose bounds leave room for what comes later."""
    X, y = table(rows, seed)
    return zu.commit(X, y, bounds={f"x{k + 1}": (-6.0, 6.0) for k in range(FEATURES)}, openings=openings)


def more(rows: int, seed: int = 2) -> tuple[Any, Any]:
    """Rows that come later."""
    return table(rows, seed)


@dataclass(frozen=True, eq=False)
class Grown:
    """A data set, what it became, and the link."""

    old: Dataset
    new: Dataset
    link: zu.LinkProof


def grown(old: Dataset, added: int, **options: Any) -> Grown:
    """With so many rows more, or none."""
    return Grown(old, *(zu.append(old, *more(added), **options) if added else zu.recommit(old, **options)))


# Lies ----------------------------------------------------------------------------------------------------------------


def picked(rows: Rows, order: Iterable[int]) -> Rows:
    """Some of these rows, in this order."""
    at = list(order)
    ids, by_feature = tuple(rows.ids[i] for i in at), np.ascontiguousarray(rows.by_feature[:, at])
    return Rows(ids, by_feature, rows.labels[at], rows.blinds[:, at], rows.salts[at], rows.outputs)


def edited(rows: Rows, part: str, place: Any, value: int) -> Rows:
    """One integer of these rows is another one."""
    cells = getattr(rows, part).copy()
    assert cells[place] != value
    cells[place] = value
    return replace(rows, **{part: cells})


def forged(own: Grown, rows: Rows, **claims: Any) -> tuple[zu.LinkProof, frozenset[str]]:
    """A link like the true one, to a matrix of other rows; and which equations fail.

    Args:
        claims: of the new data set.
    """
    true = own.link.statement
    draft = replace(true.new, **claims)
    shape = file_shape(NEW_DATASET, draft.committed)
    columns = {Address(NEW_DATASET, name.name): cells for name, cells in rows.columns.items()}
    matrix = commit_columns(shape.layout, shape.code, columns, fresh_secret(shape.code, shape.layout.rows))
    statement = replace(true, new=replace(draft, root=matrix.root))
    committed = {DATASET: own.old.matrix, NEW_DATASET: matrix}
    prover = CheatingProver(shape_of(statement), new_transcript(statement), committed, {**own.old.columns, **columns})
    return zu.LinkProof(statement, prover.prove(), own.link.attached), prover.lies


def stating(link: zu.LinkProof, **changes: Any) -> zu.LinkProof:
    """The same proof under another statement."""
    return zu.LinkProof(replace(link.statement, **changes), link.proof, link.attached)


def claiming(link: zu.LinkProof, **changes: Any) -> zu.LinkProof:
    """The same proof, of another new data set."""
    return stating(link, new=replace(link.statement.new, **changes))


def beside(link: zu.LinkProof, **attached: bytes) -> zu.LinkProof:
    """The same with something else beside the proof."""
    return replace(link, attached={**link.attached, **attached})


def permuted(own: Grown, one: int, other: int) -> zu.LinkProof:
    """Two records of the old data set have changed places in the new one, whose tree is shown as it should be."""
    leaves = [bytes(own.new.rows.record(i).digest) for i in range(own.new.statement.rows)]
    leaves[one], leaves[other] = leaves[other], leaves[one]
    levels = build_levels(b"".join(leaves), 32)
    path = consistency_path(levels, own.old.statement.rows)
    return beside(claiming(own.link, record_root=bytes(levels[-1])), **{CONSISTENCY: path})


# What is said of it --------------------------------------------------------------------------------------------------


def verdict(link: zu.LinkProof) -> str:
    """ "valid", or the check that fails, on the file; the same for both verifiers."""
    file = link.to_bytes()
    found = package_verdict(lambda: zu.verify_link(zu.LinkProof.from_bytes(file)))
    assert verifier.verdict(verifier.verify_link, file) == found
    return found


def refused(statement: LinkStatement) -> str:
    """The check that refuses a statement which no file can hold."""
    found = package_verdict(lambda: zu.verify_link(zu.LinkProof(statement, b"", {CONSISTENCY: b"", PATHS: b""})))
    assert found != "valid"
    return found


def renewed(dataset: DatasetStatement, number: int, **changes: Any) -> tuple[Any, ...]:
    """The segments of a data set, one of which is another."""
    segments = list(dataset.segments)
    segments[number] = replace(segments[number], **changes)
    return tuple(segments)


# A proof with short rows ---------------------------------------------------------------------------------------------


def growth_shape(rows: int = ROWS + ADDED) -> ProofShape:
    """That a data set of the harness has become one of so many rows."""
    relation = Growth(ROWS, rows, FEATURES, 1)
    return ProofShape(relation, {name: matrix_shape(name, own, ROW_BITS) for name, own in relation.columns.items()})


def growth_columns(rows: int = ROWS + ADDED) -> Columns:
    """The rows of the harness, and those with others after them."""
    old, others = data_columns(people()), data_columns(people(1))
    added = {name: cells[..., : rows - ROWS] for name, cells in others.items()}
    new = {name: np.concatenate([cells, added[name]], axis=-1) for name, cells in old.items()}
    return old | {Address(NEW_DATASET, name.name): cells for name, cells in new.items()}
