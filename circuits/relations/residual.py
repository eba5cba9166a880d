"""A certificate whose gradient is that of a declared link, row by row (docs/protocol.md, "Optimum").

With the names of models/methods/link_certificate.py; S(n) is the indicator of rows that count, x = x_bits, and V, b
are the bias and what is said of it:

    DM(n) = D(n) M(n),  z(n) = sum_k X(n, k) W(k) + 2^x V on rows that are real                  "step", "product"
    S(n) = 1 implies (Q, T, D)(n) in the link table,                                                        "link"
        z + 2^15 - 2^32 Q - 2^16 M, M, P' and DM + 2^15 - 2^16 P' in [0, 2^16)         "low", "middle", "risen", "rest"
    G(k) = 2^e sum_n S(n) X(n, k) (T + P' - 2^p Y)(n) + c W(k),  G(b) = 2^e sum_n S(n) 2^x (..)(n) + c V    "gradient"

There is one output, or one for each of several classes: o, an index of all but S and X that is left out here.
For features that are left out 0 stands for X ("used features"): their weights are 0 at the optimum. What is said of G
is in certified.py.

Integers that are *forced*: (Q, T, D) is a row of the table as one tuple, so no edge goes with another cell's step. M
and the low part of z have 16 bits, and |z| is below 2^62, as W has a range: so Q and M are those of z. Whatever 16 bits
the rest of P' has, some field element P' would fit: P' has 16 bits of its own, so both sides are below 2^34, and it is
the rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...models.live import Live
from ...models.methods.link_certificate import HALF_LIMB, LinkCertificate
from ..field.goldilocks import ONE, K
from ..field.multilinear import prefix
from ..language.layout import VIRTUAL, WITNESS, Address, Axis, Column
from ..language.relation import (
    LIMB,
    Entry,
    Factor,
    Indicator,
    LookedUp,
    Lookup,
    LookupBox,
    Steps,
    Sum,
    Table,
    Term,
    outer,
    variables,
)
from ..language.tables import LINK, LINK_COUNTS, RANGE, link_table, lookup_boxes
from .certified import Certified, Place
from .dataset import FEATURES, LABELS
from .iterations import eq_on
from .normal_vectors import counted_times
from .signed import constant_on
from .standardization import counted

Q, EDGE, STEP = Address(WITNESS, "Q"), Address(WITNESS, "edge"), Address(WITNESS, "step")  # Q, T, D
MIDDLE, RISEN = Address(WITNESS, "middle"), Address(WITNESS, "risen")  # M, P'
Z, PRODUCT = Address(VIRTUAL, "z"), Address(VIRTUAL, "step times middle")  # z, DM
ROW_BOX = "rows"


@dataclass(frozen=True)
class Residual(Certified):
    """The part of the relation that is about rows."""

    schedule: LinkCertificate

    # Columns and lookups -------------------------------------------------------------------------------------------

    @property
    def row_columns(self) -> tuple[Column, ...]:
        """See Certified."""
        return tuple(Column(column.name, self.scores) for column in (Q, EDGE, STEP, MIDDLE, RISEN))

    @property
    def scores(self) -> tuple[Axis, ...]:
        """Where there is a score."""
        return (*self.several, self.row)

    @property
    def row_counts(self) -> tuple[Address, ...]:
        """See Certified."""
        return (LINK_COUNTS,)

    def row_tables(self, section: int, sections: int) -> tuple[Table, ...]:
        """See Certified."""
        return (link_table(self.schedule.edges, section, sections),)

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """Proved by "product" and "step"."""
        return {Z: self.scores, PRODUCT: self.scores}

    @property
    def row_boxes(self) -> tuple[LookupBox, ...]:
        """What rows that count look up."""
        live = Indicator(self.scores, self.schedule.live.forgotten, self.schedule.live.ranges)
        rows = (
            Lookup("link", LINK, tuple(Entry(((1, column),)) for column in (Q, EDGE, STEP))),
            Lookup("middle", RANGE, (Entry(((1, MIDDLE),)),)),
            Lookup("low", RANGE, (Entry(((1, Z), (-LIMB * LIMB, Q), (-LIMB, MIDDLE)), HALF_LIMB),)),
            Lookup("risen", RANGE, (Entry(((1, RISEN),)),)),
            Lookup("rest", RANGE, (Entry(((1, PRODUCT), (-LIMB, RISEN)), HALF_LIMB),)),
        )
        return lookup_boxes(ROW_BOX, live, rows)

    # The identities --------------------------------------------------------------------------------------------------

    def of_rows(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """See Certified."""
        for star in looked_up.values():
            if Z in star.values:
                self._step(steps, star)
                self._product(steps, star)

    def _step(self, steps: Steps, star: LookedUp) -> None:
        """DM(o*, n*) = sum over o, n of eq(o*, o) eq(n*, n) D(o, n) M(o, n)."""
        weight, bits = eq_on(star.point["row"], self.schedule.rows), self.output.bits
        if self.several:
            weight = outer(eq_on(star.point["output"], self.output.size), weight, bits)
        at = {**self.of_output(variables(0, bits)), "row": variables(bits, self.row.bits)}
        factors = tuple(Factor((Term(ONE, column, at),)) for column in (STEP, MIDDLE))
        groups = tuple(axis.bits for axis in self.scores)
        steps.sumcheck(Sum("step", groups, weight, factors), star.values[PRODUCT])

    def _product(self, steps: Steps, star: LookedUp) -> None:
        """z(o*, n*) = sum over real k of X(n*, k) W(o*, k), and the bias on real rows."""
        own, n, free = self.schedule, star.point["row"], variables(0, self.weight.bits)
        claim, output = star.values[Z], star.point.get("output", ())
        if own.bias:
            claim = claim - self.bias_value(steps, output) * (prefix(n, own.rows) * own.one)
        features = Factor((Term(ONE, FEATURES, {"row": self.in_data(n), "feature": free}),))
        used = counted(Live(own.features, own.unused), self.weight)
        steps.sumcheck(Sum("product", (self.weight.bits,), used, (features, self.weight_terms(output))), claim)

    def gradient(self, steps: Steps, weights: Place, bias: Place | None) -> None:
        """What is left of G(k) and G(b) is sum over n of 2^e S(n) (X(n, k) + gamma 2^x) r(n), at a random gamma.

        All of them are of the output where the lookups of weights ended.
        """
        own, row, k = self.schedule, variables(0, self.row.bits), weights.ended.point["weight"]
        output = weights.output
        claim, constant = self.of_loss(weights), None
        if bias is not None:
            (gamma,) = steps.point("gradient", 1)
            there = self.of_loss(self.bias_at(steps, bias, output))
            claim, constant = claim + there * gamma, constant_on((self.row,), gamma * own.one)
        used = eq_on(k, own.features, own.unused) if own.unused else k
        features = Factor((Term(ONE, FEATURES, {"row": self.in_data(row), "feature": used}),), constant)
        residual = Factor(
            (
                Term(ONE, EDGE, {**self.of_output(output), "row": row}),
                Term(ONE, RISEN, {**self.of_output(output), "row": row}),
                Term(K(-own.label_multiplier), LABELS, self.at_label(output, row)),
            )
        )
        raised = counted_times(own.live, self.row, K(1 << own.raised))
        ended = steps.sumcheck(Sum("gradient", (self.row.bits,), raised, (features, residual)), claim)
        self.of_used_features(steps, used, ended)
