"""Features standardised in each shard by its own rows that count: standardization.py, where n is that of a shard.

Everything has an index of the shard, s, and public integers are those of n(s): f, V0, and the bounds T and H of C. What
is n times a column there is a column here, as a function of that one; and D has a bound of its own in each shard:

    n(s) mu,  n(s) nu,  n(s) D                                                                     "counted"
    D + D_c = D_max(s) on real features                                                            "rates in range"

D is *forced* as there: D_c is an integer that is looked up, so D is at most the largest of its shard, and both sides of
the equation of its division stay below p (models/methods/standardized.py), whatever n other shards have. Of a shard of
which no row counts n is 1: its sums are zero, and so is what it learns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from ...models.methods.schedule import Schedule
from ...models.methods.standardization import Standardization
from ...models.runs import Runs
from ..field.goldilocks import ONE, K, Vector, kadd, kdot, kmul, kscale
from ..field.multilinear import Point, eq_table, prefix
from ..language.hidden import Hidden, linear
from ..language.layout import WITNESS, Address, Axis
from ..language.relation import Coordinates, Factor, PublicVector, Steps, Sum, Term, outer, variables
from .iterations import at_steps, counted_in_shards, eq_on, extension, in_base, ones
from .signed import constant_on
from .standardization import COUNTED, RATE, At, Integer, ScalerRelation, weighted

RATE_ROOM = Address(WITNESS, "rate complement")  # D_c


@dataclass(frozen=True, kw_only=True)
class ShardScaler(ScalerRelation):
    """The scalers of all shards of a stage.

    Attributes:
        public: the integers of the shard of which the fewest rows count.
        schedule: of the stage. shard: the axis of its shards.
        place: of a row of the stage, which it is in the data set.
    """

    schedule: Schedule
    shard: Axis
    place: Callable[[Coordinates], Coordinates]

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Features of each shard."""
        return (self.shard, self.feature)

    @cached_property
    def limbs(self) -> Mapping[Address, int]:
        """D_c besides."""
        return {**super().limbs, RATE_ROOM: self.public.rate_bits}

    @property
    def fields(self) -> tuple[Address, ...]:
        """n times columns besides."""
        return (*super().fields, *COUNTED)

    @cached_property
    def counts(self) -> Runs:
        """n of each shard."""
        return self.schedule.shard_counts.map(lambda n: self.public.of(n).count)

    # Public integers, of each shard ----------------------------------------------------------------------------------

    def of_shard(self, at: At, integer: Integer) -> K:
        """See ScalerRelation."""
        return extension(self._each(integer), *at.shard.values())

    def everywhere(self, integer: Integer, share: K, offset: K) -> PublicVector:
        """See ScalerRelation."""
        values, size = self._each(integer), self.shard.size

        def table() -> Vector:
            return kadd(kscale(in_base(values), share), kscale(ones(size), offset))

        own = PublicVector(table, lambda x: share * extension(values, x) + offset * prefix(x, size))
        return outer(own, constant_on((self.feature,), ONE), self.shard.bits)

    def of_exponents(self, at: At, shares: Sequence[K]) -> PublicVector:
        """See ScalerRelation."""
        (shard,) = at.shard.values()

        @cache
        def table() -> Vector:
            known, which = np.unique(self.counts.array(), return_inverse=True)
            each = np.stack([weighted(self.public.of(int(n)), shares) for n in known], axis=2)
            return kmul(each[:, :, which], eq_table(shard)[:, None, : self.shard.size])

        def evaluate(x: Point) -> K:
            j, s = (eq_table(own) for own in (x[: self.exponent.bits], x[self.exponent.bits :]))
            each = kmul(j[:, : self.exponent.size, None], s[:, None, : self.shard.size])
            return kdot(table().reshape(2, -1), each.reshape(2, -1))

        return PublicVector(table, evaluate)

    def _each(self, integer: Integer) -> Runs:
        return self.counts.map(lambda n: integer(self.public.of(n)))

    # Where things are ------------------------------------------------------------------------------------------------

    def on(self, at: At) -> PublicVector:
        """See ScalerRelation."""
        (shard,) = at.shard.values()
        return outer(eq_on(shard, self.shard.size), super().on(at), self.shard.bits)

    def counted(self, at: At) -> PublicVector:
        """Those of the random shard: eq(s, s_n) S(n)."""
        (shard,) = at.shard.values()
        return counted_in_shards(self.schedule, shard)

    def in_dataset(self, row: Coordinates) -> Coordinates:
        """See ScalerRelation."""
        return self.place(row)

    def terms_of(self, column: Address) -> tuple[tuple[K, Address], ...]:
        """See ScalerRelation."""
        return ((ONE, column),) if column in COUNTED else super().terms_of(column)

    def counted_at(self, at: At, column: Address) -> Hidden:
        """See ScalerRelation."""
        return at[column]

    # The identities --------------------------------------------------------------------------------------------------

    def identities_at(self, steps: Steps, at: At) -> None:
        """Those of standardization.py, and of the module's head."""
        super().identities_at(steps, at)
        most = self.known(at, _largest_rate)
        steps.require_zero("rates in range", at[RATE] + at[RATE_ROOM] - most)

        shares = (ONE, *steps.point("counted", 2))
        (shard,) = at.shard.values()
        place: dict[str, Coordinates] = {self.shard.name: variables(0, self.shard.bits), self.feature.name: at.k}
        terms = tuple(
            Term(share * c, limb, place)
            for share, column in zip(shares, COUNTED.values(), strict=True)
            for c, limb in self.terms_of(column)
        )
        claim = linear((share, at[column]) for share, column in zip(shares, COUNTED, strict=True))
        steps.sumcheck(Sum("counted", (self.shard.bits,), at_steps(self.counts, shard), (Factor(terms),)), claim)


def _largest_rate(own: Standardization) -> int:
    """D_max."""
    return own.largest_rate
