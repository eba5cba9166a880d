"""What `verify` and `inspect` say of Newton's steps: where they begin, by which matrix, and what that is worth."""

from __future__ import annotations

from typing import Any

from ..circuits.statements.training import TrainingStatement
from ..errors import ParameterError
from ..models.methods import Newton
from ..models.methods.newton_inverse import StepError
from ..verifier.steps import step_error
from .distance_words import at_most
from .output import Lines

UPDATE = "so the first, from an optimum, is the update by influence functions (Koh and Liang 2017; Guo et al. 2020)"
NOISED = "from near an optimum this is a Newton step with noise after it (Guo et al. 2020; Sekhari et al. 2021)"


def step_lines(statement: TrainingStatement) -> Lines:
    """Of Newton's steps; of a matrix of the owner's, that they are worth nothing."""
    method = statement.spec.method
    if not isinstance(method, Newton):
        return []
    start = next((f"from the model of {own.statement.hex()}" for own in statement.start), "from zero weights")
    taken = ("steps", f"{method.steps} step{'' if method.steps == 1 else 's'} {start}")
    if method.inverse is None:
        return [taken, ("", "with a matrix of the owner's, which could lead anywhere: only the certificate binds")]
    own = _error_of(statement)
    near = [] if own is None else [("", _nearness(own))]
    return [
        taken,
        ("", f"by the inverse of the second derivative there, of the rows that count, to {method.inverse} bits"),
        *near,
        *([("", NOISED if method.noised else UPDATE)] if statement.start else []),
    ]


def step_data(statement: TrainingStatement) -> dict[str, Any] | None:
    """The same for JSON."""
    own = _error_of(statement)
    if own is None:
        return None
    return {"relative": float(at_most(own.relative)), "rounding": float(at_most(own.rounding))}


def _nearness(own: StepError) -> str:
    return (
        f"each is Newton's, H^-1 times the gradient, but for at most {at_most(100 * own.relative)} % of its length, "
        f"and {at_most(own.rounding)} that rounding leaves"
    )


def _error_of(statement: TrainingStatement) -> StepError | None:
    """None of what cannot be proved, either."""
    try:
        return step_error(statement)
    except ParameterError:
        return None
