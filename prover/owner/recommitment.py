"""A fresh commitment to the same rows, or to the same model, when the openings of the old one run out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path

from ...circuits.language.layout import Address
from ...circuits.relations.dataset import DATASET
from ...circuits.relations.model import MODEL
from ...circuits.relations.recommitment import NEW_DATASET, NEW_MODEL
from ...circuits.statements.link import LinkStatement
from ...circuits.statements.model_link import ModelLinkStatement
from ...errors import require_type
from ...verifier.proofs import ModelRecommitmentProof, RecommitmentProof
from ...verifier.protocol.merkle import DIGEST_BYTES
from ..matrices.commitment import Cells, commit_columns, fresh_secret
from ..matrices.values import Witness
from ..protocol.proof import Progress
from .budget import Budget, require_openings
from .dataset import DATASETS, DEFAULT_OPENINGS, Dataset, commit_rows
from .model import EXHAUSTED, Model, model_columns
from .prove import check_before_work, prove_statement

OWN_OPENINGS = 2  # that a fresh commitment spends at once: its validity proof, and the link
LEAST_OF_MODEL = 2  # the link, and what it is for


def recommit(
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
    columns = {**dataset.columns, **_named(NEW_DATASET, new.columns)}
    committed = {DATASET: dataset.matrix, NEW_DATASET: new.matrix}
    witness = Witness(columns, {})
    budgets = [dataset.budget, new.budget]
    proved = prove_statement(shape, statement, committed, witness, budgets=budgets, progress=progress)
    return new, RecommitmentProof(statement, proved.proof.proof)


def recommit_model(
    model: Model | Path | str, openings: int | None = None, progress: Progress | None = None
) -> tuple[Model, ModelRecommitmentProof]:
    """Commit to the same model afresh, and prove that it is the same. One opening of each commitment is spent.

    Args:
        model: of any method, or its secret file.
        openings: of the new commitment; by default as many as the old one has.

    Returns:
        The new model, with all links since its training, and the public proof that links it to the old one.

    Raises:
        BudgetExceeded: the old commitment has no opening left for the proof.
        ParameterError: openings that cannot be used, or an argument of another type.
        DataError, FormatError: naming the file.
    """
    require_type(
        "model", model, (Model, str, PathLike), "of what `prove` returns it is `.secret`; `Model.load` reads a file"
    )
    old = model if isinstance(model, Model) else Model.load(model)
    before = old.commitment
    wanted = require_openings(before.openings if openings is None else openings, least=LEAST_OF_MODEL)
    draft = ModelLinkStatement(old.statement, before, replace(before, root=bytes(DIGEST_BYTES), openings=wanted))
    shape = check_before_work(draft, [old.budget])
    cells = model_columns(old)
    columns = {**cells, **_named(NEW_MODEL, cells)}
    fresh = shape.committed[NEW_MODEL]
    secrets = {MODEL: old.secret, NEW_MODEL: fresh_secret(fresh.code, fresh.layout.rows)}
    committed = {
        name: commit_columns(own.layout, own.code, columns, secrets[name]) for name, own in shape.committed.items()
    }
    statement = replace(draft, new=replace(draft.new, root=committed[NEW_MODEL].root))
    budgets = [old.budget, Budget("model", wanted, 0, EXHAUSTED)]
    proved = prove_statement(shape, statement, committed, Witness(columns, {}), budgets=budgets, progress=progress)
    link = ModelRecommitmentProof(statement, proved.proof.proof)
    return Model(old.statement, old.integers, secrets[NEW_MODEL], budgets[1], (*old.links, link)), link


def _named(matrix: str, columns: Mapping[Address, Cells]) -> dict[Address, Cells]:
    """The same columns, as those of another matrix."""
    return {Address(matrix, column.name): cells for column, cells in columns.items()}
