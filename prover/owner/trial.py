"""A training that is tried and not proved: the integers of `prove`, no proof, and no opening spent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...circuits.statements.training import TrainingStatement
from ...errors import ZkUnlearnError
from ...models.convergence import Curve
from ...models.methods import Sisa
from ...models.methods.sisa import stages_of
from ...models.spec import TrainingSpec
from ...shown import Facts, Shown
from ..protocol.proof import Progress
from .asked import Asked
from .dataset import Dataset
from .declared import Previous, declare
from .groups import Part
from .linear_model import LinearModel
from .noise import undrawn
from .plots import Plotted
from .prove import check_before_work
from .sharded_model import ShardPredictor, last_models
from .stated import Stated
from .work import run_training, tell


class _Tried(Shown, Plotted, Stated):
    """What is public of both kinds of runs: what was declared, and nothing of how it went."""

    notes: tuple[str, ...]

    @property
    def facts(self) -> Facts:
        """See Shown."""
        return (*self.stated.about, ("notes", len(self.notes)))


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class TrainingRun(_Tried, LinearModel):
    """What `prove` would prove of a data set, with how the training went. All of it is secret.

    Attributes:
        draft: the statement that a proof would be of; its model has no commitment.
        integers: int64 (O, K), bit for bit those of the model that `prove` would commit to: `Model.integers`.
        curve: loss, gradient and fit at some epochs.
        notes: what the owner should know; logged as warnings too.
        asked: what became of the ids that were named to be forgotten.
    """

    draft: TrainingStatement
    integers: npt.NDArray[np.int64]
    curve: Curve
    notes: tuple[str, ...]
    asked: Asked

    @property
    def stated(self) -> TrainingStatement:
        """See Stated."""
        return self.draft


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class ShardedRun(_Tried, ShardPredictor):
    """The same of a sharded training, all of whose models were trained.

    Attributes:
        draft, curve, notes, asked: as of TrainingRun.
        models: int64 (models, K), bit for bit those that `prove` would commit to.
    """

    draft: TrainingStatement
    models: npt.NDArray[np.int64]
    curve: Curve
    notes: tuple[str, ...]
    asked: Asked

    @property
    def stated(self) -> TrainingStatement:
        """See Stated."""
        return self.draft

    @property
    def integers(self) -> npt.NDArray[np.int64]:
        """See ShardPredictor."""
        return last_models(stages_of(self.draft.schedule), self.models)


def try_training(
    dataset: Dataset,
    spec: TrainingSpec,
    forget: Iterable[object] = (),
    previous: Previous | None = None,
    progress: Progress | None = None,
    forget_classes: Iterable[object] = (),
    skip_unknown: bool = False,
) -> TrainingRun | ShardedRun:
    """Train on the rows that are not forgotten, as `prove_training` would with the same arguments.

    Nothing is spent or remembered: the data set needs no opening left, and `previous` may have successors.

    Raises:
        DataError, ParameterError, StatementMismatch, TrainingError: those of `prove_training`.
    """
    run = tried(dataset, spec, forget, previous, progress, forget_classes, skip_unknown)
    tell(run.notes)
    return run


def tried(
    dataset: Dataset,
    spec: TrainingSpec,
    forget: Iterable[object] = (),
    previous: Previous | None = None,
    progress: Progress | None = None,
    forget_classes: Iterable[object] = (),
    skip_unknown: bool = False,
) -> TrainingRun | ShardedRun:
    """The same, and nothing is logged."""
    declared = declare(
        dataset, spec, forget, previous, None, True, forget_classes, skip_unknown=skip_unknown, whole=True
    )
    draft = undrawn(declared.draft)
    check_before_work(draft, attached=declared.attached)
    outcome = run_training(dataset.rows, Part(draft, declared.starts, near=declared.near), progress)
    notes = (*declared.notes, *outcome.notes)
    if outcome.curve is None:  # a shard is left in which a row counts
        raise ZkUnlearnError("a whole training without a row")
    if isinstance(spec.method, Sisa):
        return ShardedRun(draft, outcome.integers, outcome.curve, notes, declared.asked)
    return TrainingRun(draft, outcome.integers, outcome.curve, notes, declared.asked)
