"""The relation of a valid data set: every feature is an integer of [-2^x_bits, 2^x_bits], every label is well formed.

| column | axes | lookups |
|---|---|---|
| features | feature, row | x in feature range |
| labels | output, row | binary: y and 2^15 y in range, so y is 0 or 1; real: y + 2^15 in range; count: y in range |
| | | categorical: y in range, and sum over classes c of y(c, n) = 1 on rows that are there "one class" |
| key limb i | row | if rows have keys: uniqueness.py, a part of this relation with sections of its own |
| blind 0, blind 1 | row | none: uniform field elements that hide a row's fingerprint |

Numbers that are not negative and sum to 1 are a one among zeros: so every row is of one class. Labels of other kinds
are one column, and the lookups say it all. Without these ranges the integers of a training could wrap; the smaller
they are, the finer its rates can be (models/methods/schedule.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..field.goldilocks import ONE, ksum
from ..field.multilinear import eq_at, prefix
from ..language.hidden import public
from ..language.layout import WITNESS, Address, Axis, Column
from ..language.relation import (
    Coordinates,
    Entry,
    Factor,
    Indicator,
    LookedUp,
    Lookup,
    Section,
    Steps,
    Sum,
    Term,
    variables,
)
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
from .dataset import DATASET, FEATURES, LABELS, dataset_columns, feature_axis, output_axis, row_axis
from .signed import constant_on
from .uniqueness import Uniqueness


@dataclass(frozen=True)
class Validity:
    """The relation for one shape.

    Attributes:
        label_kind: "binary", "categorical", "real" or "count".
        outputs: columns of labels.
        x_bits: scale of the features; 2^x_bits is their bound.
        holes: rows that were destroyed, which are of no class.
        key_limbs: columns of the keys of rows, no two of which are equal; 0 if rows have none.
    """

    rows: int
    features: int
    label_kind: str
    outputs: int
    x_bits: int
    holes: tuple[int, ...] = ()
    key_limbs: int = 0

    @property
    def name(self) -> str:
        """Domain separator."""
        return "validity"

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """The data set, and this proof's multiplicities."""
        counts = (multiplicity_column(c, len(self.cell_sections)) for c in (RANGE_COUNTS, FEATURE_COUNTS))
        return {
            DATASET: dataset_columns(self.rows, self.features, self.outputs, self.key_limbs),
            WITNESS: (*counts, *(() if self.uniqueness is None else self.uniqueness.columns)),
        }

    @property
    def uniqueness(self) -> Uniqueness | None:
        """That no two keys are equal, if rows have keys."""
        return Uniqueness(self.rows, self.key_limbs, self.holes) if self.key_limbs else None

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """None."""
        return {}

    @property
    def sections(self) -> tuple[Section, ...]:
        """Those of features and labels, then those of keys."""
        return (*self.cell_sections, *(() if self.uniqueness is None else self.uniqueness.sections))

    @property
    def cell_sections(self) -> tuple[Section, ...]:
        """See the table above: section i has the i-th part of the features, and that of the labels, if there is one."""
        bounded = Lookup("features", FEATURE_RANGE, (Entry(((1, FEATURES),)),))
        row = row_axis(self.rows)
        features = lookup_boxes("features", Indicator((feature_axis(self.features), row)), (bounded,))
        labels = lookup_boxes("labels", Indicator((output_axis(self.outputs), row)), self._label_lookups)
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
            "categorical": {"labels": Entry(((1, LABELS),))},
            "real": {"labels": Entry(((1, LABELS),), HALF)},
            "count": {"labels": Entry(((1, LABELS),))},
        }
        return tuple(Lookup(name, RANGE, (entry,)) for name, entry in entries[self.label_kind].items())

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """Every row is of one class, at a random row; and no two keys are equal."""
        if self.label_kind == "categorical":
            self._one_class(steps)
        if self.uniqueness is not None:
            self.uniqueness.identities(steps)

    def _one_class(self, steps: Steps) -> None:
        output, row = output_axis(self.outputs), row_axis(self.rows)
        n = steps.point("one class", row.bits)
        own: dict[str, Coordinates] = {"output": variables(0, output.bits), "row": n}
        label = Factor((Term(ONE, LABELS, own),))
        one_class = Sum("one class", (output.bits,), constant_on((output,), ONE), (label,))
        steps.sumcheck(one_class, public(prefix(n, row.size) - ksum(eq_at(n, self.holes))))
