"""Signed integers of some bits, committed as the limbs of what they are above the least of their range."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..field.goldilocks import K, Vector
from ..field.multilinear import Point, prefix
from ..language.hidden import Hidden, linear
from ..language.layout import Address, Axis
from ..language.relation import Coordinates, LookedUp, PublicVector, Steps, Term
from ..language.tables import limb_addresses, limb_terms


@dataclass(frozen=True)
class Signed:
    """Integers of [-2^(bits - 1), 2^(bits - 1)).

    Attributes:
        integer: the name of their limbs.
    """

    integer: Address
    bits: int

    @property
    def offset(self) -> K:
        """What makes them non-negative before they are cut into limbs."""
        return K(1 << (self.bits - 1))

    @property
    def lowest(self) -> Address:
        """The column of its lowest limbs."""
        return limb_addresses(self.integer, self.bits)[0]

    def terms(self, at: Mapping[str, Coordinates | PublicVector], share: K) -> tuple[Term, ...]:
        """share times the integer, offset included."""
        return tuple(Term(c * share, limb, at) for c, limb in limb_terms(self.integer, self.bits))

    def value(self, steps: Steps, at: Mapping[str, Point], real: K) -> Hidden:
        """The integer at a point, where `real` is the indicator of real cells."""
        terms = limb_terms(self.integer, self.bits)
        return linear((c, steps.evaluate(limb, at)) for c, limb in terms) - self.offset * real

    def looked_up(self, ended: LookedUp, real: K) -> Hidden:
        """The integer where the lookups of its limbs ended."""
        terms = limb_terms(self.integer, self.bits)
        return linear((c, ended.values[limb]) for c, limb in terms) - self.offset * real

    def taken_off(self, free: tuple[Axis, ...], share: K) -> PublicVector:
        """What is to be added to share times its limbs: the offset, off real cells; the axes `free` are variables."""
        return constant_on(free, -self.offset * share)


def constant_on(axes: tuple[Axis, ...], value: K) -> PublicVector:
    """The same value on all real cells of a box."""

    def table() -> Vector:
        sizes = [axis.size for axis in axes]
        return np.stack([np.full(sizes, coefficient, dtype=np.uint64) for coefficient in value.pair])

    def evaluate(point: Point) -> K:
        result = value
        for axis in axes:
            result, point = result * prefix(point[: axis.bits], axis.size), point[axis.bits :]
        return result

    return PublicVector(table, evaluate)
