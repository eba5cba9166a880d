"""A fresh commitment to the same rows, when the openings of the old one run out."""

from __future__ import annotations

from ...circuits.language.layout import Address
from ...circuits.statements.training import RecommitmentStatement
from ...verifier.proofs import RecommitmentProof
from ...verifier.verify import DATASET, NEW_DATASET, new_transcript, recommitment_shape
from ..protocol.proof import Progress, Prover
from .dataset import DEFAULT_OPENINGS, Dataset, commit_rows


def recommit_dataset(
    dataset: Dataset, openings: int = DEFAULT_OPENINGS, progress: Progress | None = None
) -> tuple[Dataset, RecommitmentProof]:
    """Commit to the same rows afresh, and prove that they are the same. One opening of each commitment is spent.

    Returns:
        The new data set, its positions, record digests and salts unchanged, and the public proof that links both.

    Raises:
        BudgetExceeded: the old commitment has no opening left for the proof.
    """
    new = commit_rows(dataset.rows, dataset.statement.encoding, openings, progress)
    statement = RecommitmentStatement(dataset.statement, new.statement)
    dataset.spend()
    new.spend()
    columns = {**dataset.columns, **{Address(NEW_DATASET, c.name): cells for c, cells in new.columns.items()}}
    committed = {DATASET: dataset.opening, NEW_DATASET: new.opening}
    prover = Prover(recommitment_shape(statement), new_transcript(statement), committed, columns, progress=progress)
    return new, RecommitmentProof(statement, prover.prove())
