"""A `torch.nn.Linear` that is trained by a declared plan, in the integers that are proved, epoch by epoch."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ..errors import ParameterError, require_type
from ..models.convergence import Curve, Point
from ..models.spec import TrainingSpec
from ..prover.owner.dataset import DATASETS, Dataset
from ..prover.owner.epochs import Epochs, require_epochs, train_by_epochs
from ..prover.owner.trained import Trained
from ..prover.owner.training import prove_training
from .torch_linear import copy_into, require_module

if TYPE_CHECKING:
    import torch

OVERWRITTEN = "the weights that the module had are overwritten: training begins from zero, as the plan declares"
LOGGER = logging.getLogger("zkunlearn")


class Trainer:
    """Trains a module by a plan that is declared beforehand, on a committed data set, and proves it.

    The plan is the spec: loss, epochs, rates, momentum, L2, batches. So there is neither an optimiser nor a seed, and
    no step that nobody declared. Weights are zero at first: **those that the module has are overwritten**, as soon as
    the trainer is made, with a warning in the log if they were others. After each epoch the module has the weights of
    that epoch; at the end, and after `prove`, those of the model that is proved, with which it answers as that does,
    but for `error`. It takes features in their own units, as they were committed, and gives logits, of several classes
    one for each (one against the rest), or the values of a linear regression.

    Epochs are computed in integers, all of them when the first one is asked for, and nothing of what is seen between
    them changes what comes next: a loop that ends early has not stopped the training that is proved.

    Args:
        linear: `torch.nn.Linear(features, outputs)`, one output, or one for each of several classes.
        spec: the plan; its method is gradient descent.
        dataset: what `commit` returned, or `load_dataset`.
        forget: ids that the loop trains without. `prove` begins with them.

    Attributes:
        trained: what was proved last; None before.
        error: by how much the module's outputs may differ from the model's, within the bounds; see `copy_into`.
        curve: loss, gradient and fit at each epoch; None before the first.
        notes: what the owner should know of the training.

    Raises:
        ParameterError: the module does not have that shape, or the method no epochs; or an argument of another type.
    """

    def __init__(
        self, linear: torch.nn.Linear, spec: TrainingSpec, dataset: Dataset, forget: Iterable[object] = ()
    ) -> None:
        import torch

        require_type("linear", linear, torch.nn.Linear)
        require_type("spec", spec, TrainingSpec, "`load_spec` reads a file")
        require_type("dataset", dataset, Dataset, DATASETS)
        self._epochs = require_epochs(spec).epochs
        require_module(linear, dataset.statement.encoding, dataset.statement.outputs)
        self._linear, self._spec, self._dataset = linear, spec, dataset
        self._forget = [*forget]
        self._run: Epochs | None = None
        self._done = 0
        self.trained: Trained | None = None
        self.error = 0.0
        with torch.no_grad():
            parameters = [linear.weight, *([] if linear.bias is None else [linear.bias])]
            if any(bool(own.any()) for own in parameters):
                LOGGER.warning("%s", OVERWRITTEN)
            for own in parameters:
                own.zero_()

    def __len__(self) -> int:
        """How many epochs the plan has."""
        return self._epochs

    def __iter__(self) -> Iterator[Point]:
        """The epochs that are left, one after the other; the module has the weights of each."""
        while self._done < self._epochs:
            yield self.step()

    def step(self) -> Point:
        """Go on by one epoch.

        Returns:
            `.epoch`, `.loss` (mean of the rows that count), `.objective` (with L2), `.gradient_norm`, `.score`.

        Raises:
            ParameterError: all epochs are done.
            DataError, ParameterError, TrainingError: those of `train`.
        """
        if self._done == self._epochs:
            raise ParameterError(f"all {self._epochs} epochs of the plan are done; another plan is another spec")
        run = self._started()
        self._done += 1
        self.error = copy_into(self._linear, run.after(self._done))
        return run.curve.points[self._done]

    def prove(self, forget: Iterable[object] = (), **options: Any) -> Trained:
        """Prove the whole plan, whatever of it the loop has seen, and give the module the weights that are proved.

        Args:
            forget: ids, beside those of the trainer and those that were forgotten before: the plan is run again without
                them.
            options: of `prove`: `previous` (by default what this trainer proved last), `progress`, ..

        Returns:
            What `prove` returns. One opening of the data set is spent.

        Raises:
            What `prove` raises; the module is as it was then.
        """
        options.setdefault("previous", self.trained)
        found = prove_training(self._dataset, self._spec, [*self._forget, *forget], **options)
        self.error = copy_into(self._linear, found.secret)
        self.trained, self._done = found, self._epochs
        return found

    @property
    def curve(self) -> Curve | None:
        """See the class."""
        return None if self._run is None else self._run.curve

    @property
    def notes(self) -> tuple[str, ...]:
        """See the class."""
        return () if self._run is None else self._run.last.notes

    def _started(self) -> Epochs:
        if self._run is None:
            self._run = train_by_epochs(self._dataset, self._spec, self._forget)
        return self._run
