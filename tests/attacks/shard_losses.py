"""Models of shards that answer by the mean of their probabilities, and at which loss: logistic of three, probit of two.

The rows and bundles are those of shard_evaluations.py; the bundles' scores are of scales at which few chances are none.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from zkunlearn.circuits.language.layout import Axis
from zkunlearn.circuits.relations.argmax import Argmax
from zkunlearn.circuits.relations.evaluation import MODELS
from zkunlearn.circuits.relations.loss_tables import OPINIONS_OF
from zkunlearn.circuits.relations.mean_cells import Chances
from zkunlearn.circuits.relations.mean_class_loss import MeanClassLoss
from zkunlearn.circuits.relations.mean_loss import MeanLoss
from zkunlearn.circuits.relations.several_classes import SeveralClasses
from zkunlearn.circuits.relations.shard_scores import SPEAKER, gathered_columns
from zkunlearn.circuits.relations.sharded_evaluation import ShardedEvaluation
from zkunlearn.models.aggregation import whole_of
from zkunlearn.models.families import FAMILIES

from .evaluations import LIVE, STEP
from .harness import CLASSES, FEATURES, ROWS, X_BITS, classed, people
from .shard_evaluations import BITS, INTERCEPT_BITS, SOURCES, SPEAKERS, MadeOfShards, committed, made_of

NAMES = ("logistic", "probit")
SHIFTS = (14, 15)


def _chances(bundle: int, outputs: int) -> Chances:
    speakers, family = SPEAKERS[bundle], NAMES[bundle]
    columns = gathered_columns((Axis("output", outputs), Axis(SPEAKER, speakers)), FEATURES, True)
    own = MODELS[bundle], columns, BITS, INTERCEPT_BITS, ROWS, X_BITS, SOURCES[bundle], speakers
    return Chances(*own, LIVE, OPINIONS_OF[family], SHIFTS[bundle], whole_of("probability"), FAMILIES[family])


@cache
def losses() -> MadeOfShards:
    """Of two classes, the second bundle with a confusion matrix."""
    judged = tuple(
        MeanLoss(_chances(bundle, 1), LIVE, 0, SHIFTS[bundle] + 9, (0, 0), STEP, (0,) * (4 * bundle))
        for bundle in range(2)
    )
    return made_of(ShardedEvaluation(ROWS, FEATURES, 1, judged, None, committed(1)), people(1), 14)


@cache
def class_losses() -> MadeOfShards:
    """Of three classes."""
    count, judged = len(CLASSES), []
    for bundle in range(2):
        said: Any = _chances(bundle, count)
        judged.append(SeveralClasses(Argmax(said, LIVE), 0, loss=MeanClassLoss(said, LIVE, (0, 0), STEP)))
    draft = ShardedEvaluation(ROWS, FEATURES, count, tuple(judged), None, committed(count))
    return made_of(draft, classed(), 15)
