"""The relation of an evaluation: how well the committed models predict rows of a data set.

| matrix | columns |
|---|---|
| dataset | as in circuits/relations/validity.py: the rows that are predicted |
| model, second model | as in circuits/relations/model.py |
| witness | of each model what two_classes.py, several_classes.py, residuals.py or expected_counts.py says, then |
| | limbs of its integers (scored.py); of the labels' spread, if models predict numbers (residuals.py); counts |
| | (section, entry) |

Each model's lookups are in boxes of its own; what is proved where they end is in the files that are named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ...models.counts import count_edges, count_logs
from ...models.losses import loss_bounds
from ..language.layout import WITNESS, Address, Axis, Column
from ..language.relation import LookedUp, LookupBox, Section, Steps, Table
from ..language.tables import (
    ACTIVATION,
    ACTIVATION_COUNTS,
    COUNT_LOG_COUNTS,
    COUNT_LOGS,
    LINK,
    LINK_COUNTS,
    LOSS_COUNTS,
    LOSSES,
    RANGE,
    RANGE_COUNTS,
    SIGN_COUNTS,
    SIGNS,
    count_log_table,
    link_table,
    loss_table,
    multiplicity_column,
    range_table,
    sign_table,
)
from .dataset import DATASET, dataset_columns
from .expected_counts import ExpectedCounts
from .gridded import Gridded
from .loss_tables import LOSS_TABLES
from .model import MODEL
from .residuals import Residuals, Spread
from .several_classes import SeveralClasses
from .two_classes import TwoClasses

SECOND_MODEL = "second model"
MODELS = (MODEL, SECOND_MODEL)  # the matrices of models, in their order
Judged = TwoClasses | SeveralClasses | Residuals
COUNTS = {RANGE: RANGE_COUNTS, SIGNS: SIGN_COUNTS, LOSSES: LOSS_COUNTS, ACTIVATION: ACTIVATION_COUNTS}
COUNTS |= {name: own.counts for name, own in LOSS_TABLES.items()} | {LINK: LINK_COUNTS, COUNT_LOGS: COUNT_LOG_COUNTS}


@dataclass(frozen=True)
class Evaluation:
    """The relation for some models on the same rows.

    Attributes:
        rows, features, outputs: of the data set.
        models: one or two.
        spread: of the labels; None where models predict classes.
    """

    rows: int
    features: int
    outputs: int
    models: tuple[Judged, ...]
    spread: Spread | None = None

    @property
    def name(self) -> str:
        """Domain separator."""
        return "evaluation"

    @property
    def gridded(self) -> tuple[Gridded, ...]:
        """All sums of which an interval is stated."""
        own = tuple(bound for model in self.models for bound in model.bounds)
        return own if self.spread is None else (*own, self.spread.bound)

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """See the table above."""
        own = [column for model in self.models for column in (*model.witness, *model.scored.witness)]
        spread = () if self.spread is None else self.spread.limbs.columns
        counts = (multiplicity_column(COUNTS[name], len(self.sections)) for name in self.tables)
        return {
            DATASET: dataset_columns(self.rows, self.features, self.outputs),
            **self.committed,
            WITNESS: (*own, *spread, *counts),
        }

    @property
    def committed(self) -> Mapping[str, tuple[Column, ...]]:
        """The matrices of models."""
        return {model.scored.matrix: model.scored.columns for model in self.models}

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """Scores, of several classes."""
        return {column: axes for model in self.models for column, axes in model.virtual.items()}

    @property
    def boxes(self) -> tuple[tuple[LookupBox, ...], ...]:
        """Those of each model, then that of the spread. Large boxes are in parts."""
        own = tuple(boxes for model in self.models for boxes in (*model.boxes, *model.scored.boxes))
        return own if self.spread is None else (*own, self.spread.limbs.boxes)

    @property
    def tables(self) -> tuple[str, ...]:
        """Those that are looked up."""
        used = {lookup.table for boxes in self.boxes for box in boxes for lookup in box.lookups}
        return tuple(name for name in COUNTS if name in used)

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Section i has the i-th part of each box."""
        return tuple(self._sections())

    def _sections(self) -> Iterator[Section]:
        parts, tables = self.boxes, self.tables
        count = max(len(boxes) for boxes in parts)
        for i in range(count):
            own = tuple(boxes[i] for boxes in parts if i < len(boxes))
            yield Section(own, tuple(self._table(name, i, count) for name in tables))

    def _table(self, name: str, section: int, sections: int) -> Table:
        if name in LOSS_TABLES:
            return LOSS_TABLES[name].table(section, sections)
        if name == LOSSES:
            return loss_table(loss_bounds(), section, sections)
        if name == LINK:
            scale = next(own.q_bits for own in self.models if isinstance(own, ExpectedCounts))
            return link_table(count_edges(scale), section, sections)
        if name == COUNT_LOGS:
            return count_log_table(count_logs(), section, sections)
        return {RANGE: range_table, SIGNS: sign_table}[name](section, sections)

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """The equations of each model where the lookups of each box ended, and then what is summed up exactly."""
        for ended in looked_up.values():
            for own in self.models:
                own.identities(steps, ended)
                own.scored.identities(steps, ended)
            if self.spread is not None:
                self.spread.identities(steps, ended)
        for own in self.models:
            own.totals(steps)
