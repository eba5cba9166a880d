"""The model that Newton's steps begin from: that of the proof that is superseded."""

from __future__ import annotations

from dataclasses import replace

from ...circuits.statements.scope import Start
from ...circuits.statements.training import TrainingStatement
from ...errors import DataError, ParameterError
from ...verifier.shapes import same_code
from .model import Model
from .trained import Trained

NO_MODEL = (
    "previous: steps begin from the model of the proof that is superseded, so it is needed as well: `prove` returns "
    "both together, and `Trained.load` reads them from their files"
)
IN_BETWEEN = "prove method = 'optimum' in between, which needs no model, and begin from that one's"
SHARDED = f"previous: is a sharded training, whose models answer together; steps begin from one model: {IN_BETWEEN}"
RENEWED = f"previous: its model was committed afresh, and steps begin from the commitment in its proof: {IN_BETWEEN}"
OTHER = (
    "previous: its model is none that steps on this data set can begin from: both have an intercept or none, and one "
    "output, and their commitments lie on one code, as those beside data sets of as many openings do; "
    "method = 'optimum' needs no model to begin from"
)


def begun(draft: TrainingStatement, previous: object) -> tuple[TrainingStatement, tuple[Model, ...]]:
    """The statement of steps that begin from what is superseded, if anything is, and the model that this takes.

    Raises:
        ParameterError: what is superseded is without its model, or has none that steps can begin from.
        DataError: the model that was given is not that of its proof.
    """
    if previous is None or not draft.spec.method.begins:
        return draft, ()
    if not isinstance(previous, Trained):
        raise ParameterError(NO_MODEL)
    if previous.bundle is not None:
        raise ParameterError(SHARDED)
    model, before = previous.secret, previous.statement
    if model.statement != before:
        raise DataError("previous: the model is of another statement than the proof")
    if model.links:
        raise ParameterError(RENEWED)
    start = Start(before.digest, before.model, (), before.spec.weight_bits)
    own = replace(draft, start=(start,))
    if not (own.begins_from(before) and same_code(before.model, before, draft.dataset)):
        raise ParameterError(OTHER)
    return own, (model,)
