"""How far a certified model moved when rows were forgotten: what these had weighed.

Both models are optima, rounded: between them is what the forgotten rows' gradients moved, as influence functions
estimate it (Koh and Liang 2017), here as it is. For the owner; nothing of it is public or proved.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import DataError, FormatError
from ...models.methods import Optimum
from .model import Model, training_of
from .trained import Trained


@dataclass(frozen=True, repr=False)  # what is told of the owner's rows stays out of logs
class Influence:
    """From the model that is superseded to the one that supersedes it.

    Attributes:
        norm: Euclidean distance of weights and intercepts, on encoded features; of classes that are not forgotten.
        changed, weights: how many are others, of how many.
    """

    norm: float
    changed: int
    weights: int


def influence_of(previous: Path, trained: Trained) -> Influence | None:
    """From a model's file, if it is of the statement that was superseded, of certified optima; else None."""
    after = trained.secret
    if not _is_exact(after) or training_of(previous) != trained.statement.previous:
        return None
    try:
        before = Model.load(previous)
    except (DataError, FormatError):
        return None
    if not _is_exact(before) or before.integers.shape != after.integers.shape:
        return None
    outputs = after.kept_classes if len(after.integers) > 1 else [0]
    moved = (after.of_all_outputs - before.of_all_outputs)[outputs]
    return Influence(float(np.linalg.norm(moved)), int(np.count_nonzero(moved)), moved.size)


def _is_exact(model: Model) -> bool:
    """Whether it is a rounded optimum: what noise moved is no influence."""
    return isinstance(model.spec.method, Optimum) and not model.spec.method.noised
