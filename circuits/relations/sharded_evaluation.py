"""The relation of an evaluation of models in shards: how well all of them together predict rows of a data set.

| matrix | columns |
|---|---|
| dataset | as in circuits/relations/validity.py: the rows that are predicted |
| shards 0, shards 1, .. | the models of all stages of the shards of a training, as in circuits/relations/sisa.py |
| witness | of one or two bundles what evaluation.py says, their scores being those of shard_scores.py; counts |

A commitment that both bundles have models of is one matrix, which is opened once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...models.aggregation import probability_table
from ...models.counts import count_edges
from ...models.families import Family
from ..language.layout import Column
from ..language.relation import Table
from ..language.tables import ACTIVATION, LINK, activation_table, link_table
from .evaluation import Evaluation
from .mean_counts import MeanCounts


@dataclass(frozen=True)
class ShardedEvaluation(Evaluation):
    """The relation for one or two bundles on the same rows.

    Attributes:
        trained: the matrices of models, and their columns.
        family: whose table of probabilities is looked up, if it is.
    """

    trained: tuple[tuple[str, tuple[Column, ...]], ...] = ()
    family: Family | None = None

    @property
    def name(self) -> str:
        """Domain separator."""
        return "sharded evaluation"

    @property
    def committed(self) -> Mapping[str, tuple[Column, ...]]:
        """The matrices of models."""
        return dict(self.trained)

    def _table(self, name: str, section: int, sections: int) -> Table:
        if name == ACTIVATION and self.family is not None:
            return activation_table(probability_table(self.family), section, sections)
        if name == LINK:
            scale = next(own.scored.q_bits for own in self.models if isinstance(own, MeanCounts))
            return link_table(count_edges(scale), section, sections)
        return super()._table(name, section, sections)
