"""From a statement to the shape of its proof and to its transcript; the same for every kind of statement."""

from __future__ import annotations

from dataclasses import replace

from ..circuits.statements.base import Committed, Statement, instance
from ..circuits.statements.dataset import DatasetStatement
from ..circuits.statements.scope import ModelCommitment
from ..circuits.statements.training import TrainingStatement
from ..formats.container import canonical_map
from .protocol.code import HIDING_RATE, PLAIN_RATE, WORK_BITS, query_count
from .protocol.group import MatrixShape
from .protocol.proof import ProofShape, choose_matrix, choose_short
from .protocol.transcript import Transcript

PROTOCOL = b"zkunlearn 3"


def matrix_shape(name: str, matrix: Committed) -> MatrixShape:
    """Shape of a committed matrix: of all commitments to the same columns with the same openings, in any proof."""
    rate = HIDING_RATE if matrix.beside is None else PLAIN_RATE
    own = choose_matrix(name, matrix.columns, matrix.openings, matrix.shortest_row_bits, rate)
    return own if matrix.beside is None else choose_short(matrix_shape(name, matrix.beside), own)


def same_code(model: ModelCommitment, training: TrainingStatement, dataset: DatasetStatement) -> bool:
    """Whether models of a training lie on the code on which they were proved where they are opened beside a data set.

    On another code, their root could be made for other models.
    """
    own = training.committed(model)
    beside = replace(own, beside=dataset.committed)
    return own == beside or matrix_shape("model", own).code == matrix_shape("model", beside).code


def matrix_shapes(statement: Statement) -> dict[str, MatrixShape]:
    """Shapes of all its matrices."""
    return {name: matrix_shape(name, matrix) for name, matrix in statement.matrices.items()}


def shape_of(statement: Statement) -> ProofShape:
    """Shape of a statement's proof. Raises ParameterError if the statement is none that can be proved."""
    statement.require_provable()
    return ProofShape(statement.relation, matrix_shapes(statement))


def new_transcript(statement: Statement) -> Transcript:
    """The transcript of a statement's proof: protocol and parameters, then the whole statement."""
    session = {
        "field": "p = 2^64 - 2^32 + 1, K = F[u] / (u^2 - 7)",
        "hashes": "SHA-256, SHAKE128",
        "inverse_rates": [HIDING_RATE, PLAIN_RATE],
        "queries": [query_count(HIDING_RATE), query_count(PLAIN_RATE)],
        "work_bits": WORK_BITS,
        "bind_order": "most significant variable first",
    }
    return Transcript(PROTOCOL, canonical_map(session), instance(statement))
