"""Models of shards on the rows of the harness, in two bundles that share a commitment.

The first bundle has three shards, all in one commitment, which also has models of an earlier stage. In the second one
the second shard was trained again, in a commitment of its own, and the third has no say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from zkunlearn.circuits.field.goldilocks import to_field
from zkunlearn.circuits.language.layout import Address, Axis, Column
from zkunlearn.circuits.language.tables import ACTIVATION, SIGNS
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations.argmax import Argmax
from zkunlearn.circuits.relations.evaluation import MODELS
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.residuals import Residuals, Spread
from zkunlearn.circuits.relations.several_classes import SeveralClasses
from zkunlearn.circuits.relations.shard_scores import SPEAKER, Opinions, ShardScores, Source, gathered_columns
from zkunlearn.circuits.relations.sharded_evaluation import ShardedEvaluation
from zkunlearn.circuits.relations.two_classes import TwoClasses
from zkunlearn.models.aggregation import whole_of
from zkunlearn.models.families import FAMILIES
from zkunlearn.prover.matrices.values import in_field
from zkunlearn.prover.witnesses.evaluation import evaluation_witness, true_evaluation
from zkunlearn.verifier.protocol.code import PLAIN_RATE
from zkunlearn.verifier.protocol.proof import ProofShape

from .evaluations import FINE, FINER, HOLES, LABEL_SHIFT, LIVE, rows_of
from .harness import (
    CLASSES,
    FEATURES,
    ROW_BITS,
    ROWS,
    X_BITS,
    Columns,
    classed,
    data_columns,
    matrix_shape,
    people,
    recount,
)

KEPT, AGAIN = "shards 0", "shards 1"
EARLIER, LAST, ALONE = "shards 0 to 2, stage 1: ", "shards 0 to 2, stage 2: ", "shard 1, stage 2: "
COUNTS = {KEPT: 3, AGAIN: 1}
PREFIXES = {KEPT: (EARLIER, LAST), AGAIN: (ALONE,)}
SOURCES = (
    (Source(KEPT, LAST, (0, 1, 2)),),
    (Source(KEPT, LAST, (0, None, None)), Source(AGAIN, ALONE, (1,))),
)
SPEAKERS = (3, 2)
BITS, INTERCEPT_BITS = 18, 18 + X_BITS
SHIFT = 15  # so large that all scores are in the tables
FIRST, SECOND = MODELS
LOGISTIC = FAMILIES["logistic"]


def committed(outputs: int) -> tuple[tuple[str, tuple[Column, ...]], ...]:
    """The columns of both matrices."""
    found = []
    for matrix, count in COUNTS.items():
        axes = (Axis("output", outputs), Axis("block", count))
        columns = [
            Column(prefix + name, (*axes, *more))
            for prefix in PREFIXES[matrix]
            for name, more in ((COEFFICIENTS.name, (Axis("weight", FEATURES),)), (INTERCEPT.name, ()))
        ]
        found.append((matrix, tuple(columns)))
    return tuple(found)


def _mean(bundle: int, outputs: int) -> ShardScores:
    more = (SPEAKERS[bundle] - 1).bit_length()
    columns = gathered_columns((Axis("output", outputs),), FEATURES, True)
    bits = BITS + more, INTERCEPT_BITS + more
    return ShardScores(MODELS[bundle], columns, *bits, ROWS, X_BITS, SOURCES[bundle], SPEAKERS[bundle])


def _opinions(bundle: int, outputs: int, table: str) -> Opinions:
    speakers, whole = SPEAKERS[bundle], whole_of("vote" if table == SIGNS else "probability")
    columns = gathered_columns((Axis("output", outputs), Axis(SPEAKER, speakers)), FEATURES, True)
    own = MODELS[bundle], columns, BITS, INTERCEPT_BITS, ROWS, X_BITS, SOURCES[bundle], speakers
    return Opinions(*own, LIVE, table, SHIFT, whole, LOGISTIC)


@dataclass(frozen=True)
class MadeOfShards:
    """What is true, the rows, and the integers of all models, by matrix and prefix: (outputs, shards, K)."""

    relation: ShardedEvaluation
    data: tuple[Any, Any]
    integers: dict[str, Any]

    def spoken(self, bundle: int) -> Any:
        """The integers of a bundle's speakers: (speakers, outputs, K)."""
        found: dict[int, Any] = {}
        for source in SOURCES[bundle]:
            for place, speaker in enumerate(source.speakers):
                if speaker is not None:
                    found[speaker] = self.integers[source.prefix][:, place]
        return np.stack([found[speaker] for speaker in sorted(found)])

    def model_cells(self, changes: dict[str, Any] | None = None) -> Columns:
        """What the matrices of models hold."""
        cells: Columns = {}
        for matrix, prefixes in PREFIXES.items():
            for prefix in prefixes:
                own = {**self.integers, **(changes or {})}[prefix]
                cells[Address(matrix, prefix + COEFFICIENTS.name)] = to_field(own[..., :FEATURES])
                cells[Address(matrix, prefix + INTERCEPT.name)] = to_field(own[..., FEATURES])
        return cells

    def witness_of(self, *spoken: Any, relation: ShardedEvaluation | None = None) -> Columns:
        """The witness of bundles, of those with other integers than what was committed to."""
        rows: Any = rows_of(self.data, self.relation.outputs)
        own = spoken or (self.spoken(0), self.spoken(1))
        found: Any = evaluation_witness(relation or self.relation, rows, own).columns
        return {name: in_field(cells) for name, cells in found.items()}

    def columns_of(self, *changes: Columns) -> Columns:
        """All columns, with some replaced; and the multiplicities that these deserve."""
        columns = data_columns(self.data, self.relation.outputs) | self.model_cells() | self.witness_of()
        for change in changes:
            columns |= change
        return recount(self.relation, columns)

    def stating(self, bundle: int = 0, **changes: Any) -> ShardedEvaluation:
        """With something else said of one of the bundles."""
        judged = list(self.relation.models)
        judged[bundle] = replace(judged[bundle], **changes)
        return replace(self.relation, models=tuple(judged))

    def shape(self, own: ShardedEvaluation | None = None) -> ProofShape:
        """With short rows."""
        relation = own or self.relation
        columns = relation.columns
        shapes = {data_set.DATASET: matrix_shape(data_set.DATASET, columns[data_set.DATASET], ROW_BITS)}
        return ProofShape(
            relation, shapes | {name: matrix_shape(name, columns[name], 4, PLAIN_RATE) for name in COUNTS}
        )


def made_of(draft: ShardedEvaluation, data: tuple[Any, Any], seed: int) -> MadeOfShards:
    X, y = data
    X, y = X.copy(), y.copy()
    X[list(HOLES)], y[list(HOLES)] = 0, 0
    rng = np.random.default_rng(seed)
    integers: dict[str, Any] = {}
    for matrix, prefixes in PREFIXES.items():
        for prefix in prefixes:
            own = rng.integers(-(1 << (BITS - 1)), 1 << (BITS - 1), (draft.outputs, COUNTS[matrix], FEATURES + 1))
            own[..., FEATURES] <<= X_BITS - 4
            integers[prefix] = own
    made = MadeOfShards(draft, (X, y), integers)
    rows = rows_of((X, y), draft.outputs)
    return replace(made, relation=true_evaluation(draft, rows, [made.spoken(0), made.spoken(1)]))  # type: ignore[arg-type]


@cache
def opinions() -> MadeOfShards:
    """Of two classes: the first bundle by vote, the second by probability and with a confusion matrix."""
    judged = (
        TwoClasses(_opinions(0, 1, SIGNS), LIVE, 0),
        TwoClasses(_opinions(1, 1, ACTIVATION), LIVE, 0, confusion=(0,) * 4),
    )
    draft = ShardedEvaluation(ROWS, FEATURES, 1, judged, None, committed(1), LOGISTIC)
    return made_of(draft, people(1), 11)


@cache
def classes() -> MadeOfShards:
    """Of three classes, of which the second bundle does not predict the second: by mean score and by probability."""
    count = len(CLASSES)
    judged = (
        SeveralClasses(Argmax(_mean(0, count), LIVE), 0, (0,) * count**2),
        SeveralClasses(Argmax(_opinions(1, count, ACTIVATION), LIVE, (1,)), 0),
    )
    draft = ShardedEvaluation(ROWS, FEATURES, count, judged, None, committed(count), LOGISTIC)
    return made_of(draft, classed(), 12)


@cache
def means() -> MadeOfShards:
    """Of numbers, by mean score."""
    X, _ = people(3)
    y = np.random.default_rng(4).integers(-(1 << 14), 1 << 14, ROWS)
    judged = tuple(
        Residuals(_mean(bundle, 1), LIVE, LABEL_SHIFT, FINE + BITS - 8, 16, 0, 16, SPEAKERS[bundle])
        for bundle in range(2)
    )
    draft = ShardedEvaluation(ROWS, FEATURES, 1, judged, Spread(ROWS, LIVE, FINER, 0, 20), committed(1))
    return made_of(draft, (X, y), 13)
