"""Models of shards that expect counts, and their mean: the second bundle with its deviance.

The rows and bundles are those of shard_evaluations.py, with integers so small that scores are below 8.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from zkunlearn.circuits.language.layout import Axis
from zkunlearn.circuits.relations.evaluation import MODELS
from zkunlearn.circuits.relations.mean_counts import MeanCounts
from zkunlearn.circuits.relations.residuals import Spread
from zkunlearn.circuits.relations.shard_counts import SpokenCounts
from zkunlearn.circuits.relations.shard_scores import SPEAKER, gathered_columns
from zkunlearn.circuits.relations.sharded_evaluation import ShardedEvaluation
from zkunlearn.circuits.statements.deviances import slack_of

from .evaluations import FINER, LIVE
from .harness import FEATURES, ROWS, X_BITS, people
from .shard_evaluations import BITS, INTERCEPT_BITS, SOURCES, SPEAKERS, MadeOfShards, committed, made_of

Q_BITS = 12
SHIFT = 10  # residuals of 2^-6 of a count
DEVIANCE_BITS = 9


def _spoken(bundle: int) -> SpokenCounts:
    columns = gathered_columns((Axis("output", 1), Axis(SPEAKER, SPEAKERS[bundle])), FEATURES, True)
    own = MODELS[bundle], columns, BITS, INTERCEPT_BITS, ROWS, X_BITS, SOURCES[bundle], SPEAKERS[bundle]
    return SpokenCounts(*own, LIVE, Q_BITS)


def _judged(bundle: int) -> MeanCounts:
    own: Any = MeanCounts(_spoken(bundle), LIVE, 16, SHIFT, 24, 0, 8, SPEAKERS[bundle])
    return replace(own, deviances=(0, 0), deviance_bits=DEVIANCE_BITS, slack=slack_of(Q_BITS)) if bundle else own


@cache
def counts() -> MadeOfShards:
    """Of labels that are small."""
    X, _ = people(3)
    y = np.random.default_rng(6).integers(0, 9, ROWS)
    draft = ShardedEvaluation(
        ROWS, FEATURES, 1, (_judged(0), _judged(1)), Spread(ROWS, LIVE, FINER, 0, 8), committed(1)
    )
    return made_of(draft, (X, y), 16)
