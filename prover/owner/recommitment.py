"""A fresh commitment to the same rows, when the openings of the old one run out."""

from __future__ import annotations

from dataclasses import replace

from ...circuits.language.layout import Address
from ...circuits.relations.dataset import DATASET
from ...circuits.relations.recommitment import NEW_DATASET
from ...circuits.statements.dataset import DIGEST_BYTES
from ...circuits.statements.link import LinkStatement
from ...errors import require_type
from ...verifier.proofs import RecommitmentProof
from ..matrices.values import Witness
from ..protocol.proof import Progress
from .budget import require_openings
from .dataset import DATASETS, DEFAULT_OPENINGS, Dataset, commit_rows
from .prove import check_before_work, prove_statement

OWN_OPENINGS = 2  # that a fresh commitment spends at once: its validity proof, and the link


def recommit_dataset(
    dataset: Dataset, openings: int = DEFAULT_OPENINGS, progress: Progress | None = None
) -> tuple[Dataset, RecommitmentProof]:
    """Commit to the same rows afresh, and prove that they are the same. One opening of each commitment is spent.

    Returns:
        The new data set, its positions, record digests and salts unchanged, and the public proof that links both.

    Raises:
        BudgetExceeded: the old commitment has no opening left for the proof.
        ParameterError: the new one could not have its own proof and the link; or an argument of another type.
    """
    require_type("dataset", dataset, Dataset, DATASETS)
    openings = require_openings(openings, least=OWN_OPENINGS)
    dataset.budget.raise_to(dataset.openings_seen())  # of a restored backup
    old = dataset.statement
    draft = LinkStatement(old, old.recommitted(bytes(DIGEST_BYTES), openings))
    shape = check_before_work(draft, [dataset.budget])
    new = commit_rows(dataset.rows, old.encoding, openings, progress, born=old.born)
    statement = replace(draft, new=new.statement)
    columns = {**dataset.columns, **{Address(NEW_DATASET, c.name): cells for c, cells in new.columns.items()}}
    committed = {DATASET: dataset.matrix, NEW_DATASET: new.matrix}
    witness = Witness(columns, {})
    budgets = [dataset.budget, new.budget]
    proved = prove_statement(shape, statement, committed, witness, budgets=budgets, progress=progress)
    return new, RecommitmentProof(statement, proved.proof.proof)
