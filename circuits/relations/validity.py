"""The relation of a valid data set: every feature is an integer of [-2^x_bits, 2^x_bits], every label is well formed.

| column | axes | lookups |
|---|---|---|
| features | feature, row | x in feature range |
| labels | row | binary: y and 2^15 y in range, so y is 0 or 1; real: y + 2^15 in range; count: y in range |
| blind 0, blind 1 | row | none: uniform field elements that hide a row's fingerprint |

There are no identities: the lookups say it all. Without these ranges the integers of a training could wrap; the smaller
they are, the finer its rates can be (models/methods/schedule.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..language.layout import WITNESS, Address, Axis, Column
from ..language.relation import Entry, Indicator, LookedUp, Lookup, Section, Steps
from ..language.tables import (
    FEATURE_COUNTS,
    FEATURE_RANGE,
    HALF,
    RANGE,
    RANGE_COUNTS,
    feature_table,
    lookup_boxes,
    multiplicity_column,
    range_table,
)
from .dataset import DATASET, FEATURES, LABELS, dataset_columns, feature_axis, row_axis


@dataclass(frozen=True)
class Validity:
    """The relation for one shape.

    Attributes:
        label_kind: "binary", "real" or "count".
        x_bits: scale of the features; 2^x_bits is their bound.
    """

    rows: int
    features: int
    label_kind: str
    x_bits: int

    @property
    def name(self) -> str:
        """Domain separator."""
        return "validity"

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """The data set, and this proof's multiplicities."""
        return {
            DATASET: dataset_columns(self.rows, self.features),
            WITNESS: tuple(multiplicity_column(c, len(self.sections)) for c in (RANGE_COUNTS, FEATURE_COUNTS)),
        }

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """None."""
        return {}

    @property
    def sections(self) -> tuple[Section, ...]:
        """See the table above: section i has the i-th part of the features, and that of the labels, if there is one."""
        bounded = Lookup("features", FEATURE_RANGE, (Entry(((1, FEATURES),)),))
        row = row_axis(self.rows)
        features = lookup_boxes("features", Indicator((feature_axis(self.features), row)), (bounded,))
        labels = lookup_boxes("labels", Indicator((row,)), self._label_lookups)
        count = max(len(features), len(labels))
        return tuple(
            Section(
                (*features[i : i + 1], *labels[i : i + 1]),
                (range_table(i, count), feature_table(self.x_bits, i, count)),
            )
            for i in range(count)
        )

    @property
    def _label_lookups(self) -> tuple[Lookup, ...]:
        entries = {
            "binary": {"labels": Entry(((1, LABELS),)), "labels shifted": Entry(((HALF, LABELS),))},
            "real": {"labels": Entry(((1, LABELS),), HALF)},
            "count": {"labels": Entry(((1, LABELS),))},
        }
        return tuple(Lookup(name, RANGE, (entry,)) for name, entry in entries[self.label_kind].items())

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """None."""
