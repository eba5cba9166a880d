"""A training that is tried, epoch by epoch: the integers that its model has after each, and how it goes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...errors import ParameterError
from ...models.convergence import Curve
from ...models.methods import GradientDescent
from ...models.methods.schedule import Schedule
from ...models.spec import TrainingSpec
from ..protocol.proof import Progress
from ..witnesses.curve import descent_curve
from ..witnesses.run import models_by_epoch
from .dataset import Dataset
from .declared import Previous, declare
from .groups import Part
from .prove import check_before_work
from .trial import TrainingRun
from .work import run_training, tell

NO_EPOCHS = "{kind}: only gradient descent has epochs to go through; `zu.prove` trains and proves it in one call"


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Epochs:
    """A whole run.

    Attributes:
        last: the trained model.
        integers: int64 (E + 1, O, K), `Model.integers` before any epoch, and after each.
        curve: with a point for each of these.
    """

    last: TrainingRun
    integers: npt.NDArray[np.int64]
    curve: Curve

    def after(self, epoch: int) -> TrainingRun:
        """The model that it is after so many epochs."""
        return replace(self.last, integers=self.integers[epoch])


def require_epochs(spec: TrainingSpec) -> GradientDescent:
    """The method of a spec that trains by epochs, of all rows. Raises ParameterError."""
    if not isinstance(spec.method, GradientDescent):
        raise ParameterError(NO_EPOCHS.format(kind=spec.method.kind))
    return spec.method


def train_by_epochs(
    dataset: Dataset,
    spec: TrainingSpec,
    forget: Iterable[object] = (),
    previous: Previous | None = None,
    progress: Progress | None = None,
) -> Epochs:
    """Train as `try_training` does, and keep the model of each epoch. Nothing is spent or remembered.

    Raises:
        ParameterError: the method has no epochs; and what `try_training` raises.
    """
    method = require_epochs(spec)
    declared = declare(dataset, spec, forget, previous, None, True)
    draft = declared.draft
    check_before_work(draft, attached=declared.attached)
    outcome = run_training(dataset.rows, Part(draft, declared.starts), progress)
    schedule = draft.schedule
    if not isinstance(schedule, Schedule):  # of a method that is gradient descent it is one
        raise ParameterError(NO_EPOCHS.format(kind=method.kind))
    curve = descent_curve(dataset.rows, method, schedule, outcome.trace, range(schedule.epochs + 1))
    notes = (*declared.notes, *outcome.notes)
    tell(notes)
    last = TrainingRun(draft, outcome.integers, curve, notes, declared.asked)
    return Epochs(last, models_by_epoch(schedule, outcome.trace), curve)
