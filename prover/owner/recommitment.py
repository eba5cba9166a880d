"""A fresh commitment to the same model, when the openings of the old one run out; of a data set, see growth.py."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from pathlib import Path

from ...circuits.language.layout import Address
from ...circuits.relations.model import MODEL
from ...circuits.relations.recommitment import NEW_MODEL
from ...circuits.statements.model_link import ModelLinkStatement
from ...errors import require_type
from ...verifier.proofs import ModelLinkProof
from ...verifier.protocol.merkle import DIGEST_BYTES
from ..matrices.commitment import commit_columns, fresh_secret
from ..matrices.values import Witness
from ..protocol.proof import Progress
from .budget import Budget, require_openings
from .model import EXHAUSTED, Model, model_columns
from .prove import check_before_work, prove_statement
from .revealed import Revealed

LEAST_OF_MODEL = 2  # the link, and what it is for


def recommit_model(
    model: Model | Path | str, openings: int | None = None, progress: Progress | None = None
) -> tuple[Model, ModelLinkProof]:
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
    columns = {**cells, **{Address(NEW_MODEL, column.name): own for column, own in cells.items()}}
    fresh = shape.committed[NEW_MODEL]
    secrets = {MODEL: old.secret, NEW_MODEL: fresh_secret(fresh.code, fresh.layout.rows)}
    committed = {
        name: commit_columns(own.layout, own.code, columns, secrets[name]) for name, own in shape.committed.items()
    }
    statement = replace(draft, new=replace(draft.new, root=committed[NEW_MODEL].root))
    budgets = [old.budget, Budget("model", wanted, 0, EXHAUSTED)]
    proved = prove_statement(shape, statement, committed, Witness(columns, {}), budgets=budgets, progress=progress)
    link = ModelLinkProof(statement, proved.proof.proof)
    revealed = Revealed(old.revealed.count)  # it is the same model
    return Model(old.statement, old.integers, secrets[NEW_MODEL], budgets[1], revealed, (*old.links, link)), link
