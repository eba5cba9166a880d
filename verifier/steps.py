"""What Newton's steps are worth as such: how near they are to those by the inverse of the second derivative."""

from __future__ import annotations

from ..circuits.statements.training import TrainingStatement
from ..models.methods import Newton
from ..models.methods.newton_inverse import StepError
from ..models.methods.newton_steps import SteppedCertificate


def step_error(statement: TrainingStatement) -> StepError | None:
    """Where the matrix is proved to be that inverse; else None. Raises ParameterError for what cannot be proved."""
    if not isinstance(statement.spec.method, Newton):
        return None
    schedule = statement.schedule
    return schedule.step_error if isinstance(schedule, SteppedCertificate) else None
