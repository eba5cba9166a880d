"""The relations of tests/toys.py for the second verifier: what protocol.md says and no relation of its uses."""

from __future__ import annotations

from .channel import Channel
from .field import ZERO, eq_table, prefix
from .relations import RANGE, Box, Lookup, Relation, multiplicities, rounds, three_factors
from .shapes import Axis, Column

FEATURES, RESIDUALS, COUNTS = (("dataset", name) for name in ("features", "residuals", "counts"))
RATES, STEPS, GAMMA = ("witness", "rates"), ("witness", "steps"), ("virtual", "gamma")


class ScaledGradient(Relation):
    virtual = frozenset({GAMMA})

    def __init__(self, rows: int, features: int) -> None:
        super().__init__([], [])
        self.name, self.row, self.feature = "scaled gradient", Axis("row", rows), Axis("feature", features)
        row, feature = (self.row,), (self.feature,)
        self.columns = {
            "dataset": [Column("features", feature + row), Column("residuals", row), Column("counts", row)],
            "witness": [Column("rates", feature), Column("steps", feature)],
        }

    def identities(self, ch: Channel) -> None:
        k = ch.point("scaled", self.feature.bits)
        step = self.evaluate(ch, STEPS, {"feature": k})
        point, claim = rounds(ch, "scaled", self.feature.bits, 3, step)
        rate, gamma = (self.evaluate(ch, column, {"feature": point}) for column in (RATES, GAMMA))
        at_k = list(zip(eq_table(k), eq_table(point), strict=True))[: self.feature.size]
        weight = sum((a * b for a, b in at_k), ZERO)
        ch.zero("scaled", lambda: (claim, [(-weight, rate, gamma)]))

        row, last = rounds(ch, "gradient", self.row.bits, 4, gamma)
        x = self.evaluate(ch, FEATURES, {"feature": point, "row": row})
        r, v = (self.evaluate(ch, column, {"row": row}) for column in (RESIDUALS, COUNTS))
        three_factors(ch, "gradient", last, lambda: (prefix(row, self.row.size), x, r, v))


class Shards(Relation):
    def __init__(self, rows: int, ranges: list[tuple[int, int]], holes: list[int]) -> None:
        self.name, row = "shards", (Axis("row", rows),)
        box = Box("amounts", row, [Lookup(RANGE, [([(1, ("dataset", "amounts"))], 0)])], holes, ranges)
        super().__init__([box], [RANGE])
        self.columns = {"dataset": [Column("amounts", row)], "witness": [multiplicities(RANGE, self.sections)]}
