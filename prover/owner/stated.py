"""What a model says of itself because its statement does."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ...circuits.statements.training import TrainingStatement
from ...models.encoding.dataset import DatasetEncoding
from ...models.spec import TrainingSpec


class Stated(ABC):
    """A model with a statement, proved or to be proved; to be named before the `Predictor` that it is."""

    @property
    @abstractmethod
    def stated(self) -> TrainingStatement:
        """What it is the model of."""

    @property
    def spec(self) -> TrainingSpec:
        """The declared algorithm."""
        return self.stated.spec

    @property
    def encoding(self) -> DatasetEncoding:
        """How inputs become integers."""
        return self.stated.dataset.encoding

    @property
    def forgotten_classes(self) -> tuple[str, ...]:
        """Classes that are forgotten."""
        return self.stated.forgotten_classes
