"""Two models of three classes with log-losses: a logistic one, and a probit one that is the mean of three."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from zkunlearn.circuits.relations.argmax import Argmax
from zkunlearn.circuits.relations.evaluation import Evaluation
from zkunlearn.circuits.relations.normalised_loss import NormalisedLoss
from zkunlearn.circuits.relations.several_classes import SeveralClasses

from .evaluations import LIVE, STEP, Made, several, true_of
from .harness import CLASSES, FEATURES, ROWS, X_BITS

SCALES = (25, 24)  # of scores: a remainder of one limb, and of two with the complement of each
FAMILIES, MODELS_OF = ("logistic", "probit"), (1, 3)


@cache
def class_losses(scales: tuple[int, int] = SCALES) -> Made:
    """On the rows and by the models of `several`."""
    made = several()
    return true_of(Evaluation(ROWS, FEATURES, len(CLASSES), judged_at(scales)), made.data, made.integers)


def judged_at(scales: tuple[int, int]) -> Any:
    """What is to be found of both, where scores have these scales."""
    models = [own.scored for own in several().relation.models]
    named = zip(models, FAMILIES, scales, MODELS_OF, strict=True)
    losses = [NormalisedLoss(own, LIVE, family, scale, (0, 0), STEP, count) for own, family, scale, count in named]
    return tuple(SeveralClasses(Argmax(loss.scored, LIVE), 0, loss=loss) for loss in losses)


@cache
def told_apart(sign: int = 1) -> Made:
    """Rows of which a feature says the class: its score is far above zero, and others are below; or all are below."""
    _, y = several().data
    X = (y[:, None] == np.arange(FEATURES)).astype(np.int64) << X_BITS
    weights = (2 * np.eye(FEATURES, dtype=np.int64) - 1 if sign > 0 else -np.ones((FEATURES, FEATURES), np.int64)) << 16
    integers = np.concatenate([weights, np.zeros((FEATURES, 1), np.int64)], axis=1)
    draft = Evaluation(ROWS, FEATURES, len(CLASSES), judged_at((X_BITS + 11, X_BITS + 10)))
    return true_of(draft, (X, y), (integers, integers))
