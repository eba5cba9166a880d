"""The relation of a valid data set: every feature is a signed 16-bit integer, every label is well formed.

| column | axes | lookups |
|---|---|---|
| features | feature, row | x + 2^15 in range |
| labels | row | binary: y and 2^15 y in range, so y is 0 or 1; real: y + 2^15 in range; count: y in range |
| blind 0, blind 1 | row | none: uniform field elements that hide a row's fingerprint |

There are no identities: the lookups say everything. Without these ranges the integers of a training could wrap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .layout import Axis, Column
from .relation import Entry, Indicator, LookedUp, Lookup, Steps, Table
from .tables import HALF, RANGE, multiplicity_column, range_table

FEATURES = "features"
LABELS = "labels"
BLINDS = ("blind 0", "blind 1")


def row_axis(rows: int) -> Axis:
    """Rows of the data set."""
    return Axis("row", rows)


def feature_axis(features: int) -> Axis:
    """Features, with room for the constant one. Padding would be read as the constant feature: whole rows only."""
    return Axis("feature", features, spare=1, whole_rows=True)


def dataset_columns(rows: int, features: int) -> tuple[Column, ...]:
    """The columns of a committed data set of `rows` x `features`."""
    row = row_axis(rows)
    return (
        Column(FEATURES, (feature_axis(features), row)),
        Column(LABELS, (row,)),
        *(Column(name, (row,)) for name in BLINDS),
    )


@dataclass(frozen=True)
class Validity:
    """The relation for one shape. `label_kind`: "binary", "real" or "count"."""

    rows: int
    features: int
    label_kind: str

    @property
    def name(self) -> str:
        """Domain separator."""
        return "validity"

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """The data set, and this proof's multiplicities."""
        return {
            "dataset": dataset_columns(self.rows, self.features),
            "witness": tuple(multiplicity_column(table) for table in self.tables),
        }

    @property
    def lookups(self) -> tuple[Lookup, ...]:
        """See the table above."""
        row = row_axis(self.rows)
        features = Indicator((feature_axis(self.features), row))
        rows = Indicator((row,))
        signed_feature = Entry(((1, FEATURES),), HALF)
        labels: dict[str, tuple[Entry, ...]] = {
            "binary": (Entry(((1, LABELS),)), Entry(((HALF, LABELS),))),
            "real": (Entry(((1, LABELS),), HALF),),
            "count": (Entry(((1, LABELS),)),),
        }
        names = ("labels", "labels shifted")
        return (
            Lookup("features", RANGE, features, (signed_feature,)),
            *(
                Lookup(name, RANGE, rows, (entry,))
                for name, entry in zip(names, labels[self.label_kind], strict=False)
            ),
        )

    @property
    def tables(self) -> tuple[Table, ...]:
        """The 16-bit range."""
        return (range_table(),)

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """None."""
