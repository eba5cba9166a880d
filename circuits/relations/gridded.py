"""Sums of which only an interval is stated: how often a public step goes into them.

    total = 2^g low + rest,         rest in [0, 2^g)                                                      rounded down
    total = 2^g high - rest,        rest in [0, 2^g)                                                      rounded up

The rest is committed in g bits, all looked up, so that `low` and `high` are forced: whoever chooses them chooses
nothing. The total is an integer of less than 2^62, or more than -2^62, by a bound of its own, and so has to be what is
stated, step by step: else some other number of steps would be congruent to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..field.goldilocks import K
from ..language.hidden import Hidden, linear, public
from ..language.layout import Address
from ..language.relation import LookedUp, Steps
from ..language.tables import limb_terms

LARGEST_TOTAL = 1 << 62


@dataclass(frozen=True)
class Gridded:
    """A total, rounded to a public step.

    Attributes:
        name: of the check.
        rest: what rounding takes away, in limbs.
        bits: g.
        stated: how many steps.
        up: whether it is rounded up.
    """

    name: str
    rest: Address
    bits: int
    stated: int
    up: bool = False

    @property
    def limbs(self) -> Mapping[Address, int]:
        """What is committed, and its bits."""
        return {self.rest: self.bits}

    @property
    def fits(self) -> bool:
        """Whether what is stated, and the rest, are below 2^62, and not below -2^62."""
        return -LARGEST_TOTAL <= self.stated << self.bits and (self.stated + 1) << self.bits <= LARGEST_TOTAL

    def stated_of(self, total: int) -> int:
        """How many steps are stated of a total."""
        return -(-total >> self.bits) if self.up else total >> self.bits

    def rest_of(self, total: int) -> int:
        """What is taken away of it."""
        left = total - (self.stated_of(total) << self.bits)
        return -left if self.up else left

    def is_in(self, ended: LookedUp) -> bool:
        """Whether these are the lookups of the rest."""
        return limb_terms(self.rest, self.bits)[0][1] in ended.values

    def expected(self, ended: LookedUp) -> Hidden:
        """The total, from what is stated and where the lookups of the rest ended, on an axis of one cell."""
        rest = linear((c, ended.values[limb]) for c, limb in limb_terms(self.rest, self.bits))
        return public(K(self.stated << self.bits)) + (-rest if self.up else rest)

    def require(self, steps: Steps, ended: LookedUp, total: Hidden) -> None:
        """The total is that."""
        steps.require_zero(self.name, total - self.expected(ended))
