"""The language in which a relation is stated, once, for both sides.

A relation has committed columns in matrices, lookups into public tables, and identities. Its identities are a
walk: a function that draws challenges, sums products of columns, evaluates columns at points and requires
expressions to vanish, through the interface `Steps`. The verifier, the prover and the cost planner each
implement `Steps`; none of them knows which relation it serves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ...errors import ParameterError
from ..field.goldilocks import ONE, ZERO, K, Vector, kmul, ksum
from ..field.multilinear import Point, eq_at, prefix
from .hidden import Hidden, Product
from .layout import Address, Axis, Column

TABLE_BITS = 16  # every table has 2^16 rows; a limb is a 16-bit integer
LIMB = 1 << TABLE_BITS
MAX_FACTORS = 3  # of a sum


@dataclass(frozen=True)
class PublicVector:
    """A multilinear polynomial both sides know.

    Attributes:
        table: its values on the cube's real prefix box, a K array (2, ...); the prover's view.
        evaluate: its value at a point; the verifier's view, in closed form where there is one.
    """

    table: Callable[[], Vector]
    evaluate: Callable[[Point], K]


@dataclass(frozen=True)
class Outer(PublicVector):
    """A product of two public vectors in variables of their own.

    Attributes:
        parts: the two.
    """

    parts: tuple[PublicVector, PublicVector]


def outer(first: PublicVector, second: PublicVector, bits: int) -> Outer:
    """The product of two vectors, of which the first has `bits` variables."""

    def table() -> Vector:
        values, others = first.table(), second.table()
        apart = values.reshape(*values.shape, *(1,) * (others.ndim - 1))
        return kmul(apart, others.reshape(2, *(1,) * (values.ndim - 1), *others.shape[1:]))

    return Outer(
        table,
        lambda x: first.evaluate(x[:bits]) * second.evaluate(x[bits:]),
        (first, second),
    )


@dataclass(frozen=True)
class Indicator:
    """Which cells of a box count: those whose position on the last axis is in a range, and no hole.

    Attributes:
        axes: the box.
        holes: positions on the last axis that do not count (forgotten rows): increasing, within ranges.
        ranges: positions on the last axis that do count, but for holes: (first, one past the last), in order, none
            empty, disjoint. By default the whole axis.
    """

    axes: tuple[Axis, ...]
    holes: tuple[int, ...] = ()
    ranges: tuple[tuple[int, int], ...] | None = None

    def __post_init__(self) -> None:
        """Raises ParameterError for ranges or holes that are out of order."""
        size, last = self.axes[-1].size, 0
        for start, stop in self.ranges or ():
            if not last <= start < stop <= size:
                raise ParameterError(f"a range from {start} to {stop} after {last}, on an axis of {size}")
            last = stop
        if not self.holes:
            return
        holes, ends = np.array(self.holes, dtype=np.int64), np.array(self._ranges, dtype=np.int64).reshape(-1, 2)
        before = np.searchsorted(ends[:, 0], holes, side="right")  # ranges that begin at a hole or before it
        if (np.diff(holes) < 1).any() or not before.all() or (holes >= ends[before - 1, 1]).any():
            raise ParameterError("holes must increase strictly, and be in ranges")

    @property
    def _ranges(self) -> tuple[tuple[int, int], ...]:
        return ((0, self.axes[-1].size),) if self.ranges is None else self.ranges

    def evaluate(self, point: Point) -> K:
        """The extension at a flat point, in O((ranges + holes) * bits)."""
        result = ONE
        for axis in self.axes[:-1]:
            result, point = result * prefix(point[: axis.bits], axis.size), point[axis.bits :]
        inside = sum((prefix(point, stop) - prefix(point, start) for start, stop in self._ranges), ZERO)
        return result * (inside - ksum(eq_at(point, self.holes)))

    @property
    def line(self) -> npt.NDArray[np.uint8]:
        """Which positions on the last axis count: zeros and ones."""
        line = np.zeros(self.axes[-1].size, dtype=np.uint8)
        for start, stop in self._ranges:
            line[start:stop] = 1
        line[list(self.holes)] = 0
        return line

    @cached_property
    def skipped(self) -> npt.NDArray[np.int64]:
        """Positions on the last axis that do not count."""
        return np.flatnonzero(self.line == 0)

    def table(self) -> npt.NDArray[np.uint8]:
        """Zeros and ones, the shape of the box."""
        return np.broadcast_to(self.line, [axis.size for axis in self.axes]).copy()

    def on(self, axes: tuple[Axis, ...]) -> Indicator:
        """The same on a part of the box, where positions are counted from the part's first."""
        first, end = axes[-1].cut().start, axes[-1].cut().stop
        cut = [(max(start, first) - first, min(stop, end) - first) for start, stop in self._ranges]
        ranges = None if self.ranges is None else tuple((start, stop) for start, stop in cut if start < stop)
        return Indicator(axes, tuple(n - first for n in self.holes if first <= n < end), ranges)


# Sums ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Var:
    """The index-th variable of a sum."""

    index: int


Coordinates = tuple["K | Var", ...]


def variables(first: int, count: int) -> tuple[Var, ...]:
    """`count` consecutive variables of a sum."""
    return tuple(Var(i) for i in range(first, first + count))


@dataclass(frozen=True)
class Term:
    """coefficient * column, each of its axes at variables of the sum, at a point, or summed with public weights.

    A term with weights is no evaluation of the column, and a virtual column is held by no matrix: their values at the
    end of the sum are handed back, to be the claims of later sums. Within an axis, variables come before coordinates of
    a point; bits, which choose a part of the axis, may be anywhere. A term without one of the sum's variables is
    constant in it.
    """

    coefficient: K
    column: Address
    at: Mapping[str, Coordinates | PublicVector]


@dataclass(frozen=True)
class Factor:
    """A sum of terms, plus a public polynomial in the variables of the sum."""

    terms: tuple[Term, ...]
    constant: PublicVector | None = None


@dataclass(frozen=True)
class Sum:
    """sum over the cube of weight * product of factors.

    Attributes:
        name: names the check.
        groups: number of variables of each index summed over; tables of public vectors have one dimension a group.
        weight: a public polynomial.
        factors: polynomials in columns, one to three. Of three, the product of the first two is sent at the end, as
            constraints are quadratic.
    """

    name: str
    groups: tuple[int, ...]
    weight: PublicVector
    factors: tuple[Factor, ...]

    def __post_init__(self) -> None:
        """Raises ParameterError for a number of factors that cannot be proved."""
        if not 1 <= len(self.factors) <= MAX_FACTORS:
            raise ParameterError(f"the sum {self.name!r} has {len(self.factors)} factors, not 1 to {MAX_FACTORS}")

    @property
    def variables(self) -> int:
        """Number of variables."""
        return sum(self.groups)

    @property
    def degree(self) -> int:
        """Degree of the round polynomials."""
        return 1 + len(self.factors)


@dataclass(frozen=True)
class SumResult:
    """Where a sum ended: the point, and the hidden value there of each term of each factor."""

    point: Point
    values: tuple[tuple[Hidden, ...], ...]


# Lookups -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """One component of a looked-up tuple: sum of coefficient * column (or virtual column), plus a constant."""

    terms: tuple[tuple[int, Address], ...]
    constant: int = 0


@dataclass(frozen=True)
class Lookup:
    """A tuple that is looked up in a table, or is of a permutation."""

    name: str
    table: str
    entries: tuple[Entry, ...]

    @property
    def columns(self) -> tuple[Address, ...]:
        """The columns in the tuple, in order, each once."""
        return tuple(dict.fromkeys(column for entry in self.entries for _, column in entry.terms))


@dataclass(frozen=True)
class LookupBox:
    """Every counting cell of a box looks tuples up, one for each of `lookups`.

    Attributes:
        name: names the check.
        indicator: which cells count.
        sign: 1; of a permutation's tuples -1, too. All lookups of a box are of tables, or all of permutations.
    """

    name: str
    indicator: Indicator
    lookups: tuple[Lookup, ...]
    sign: int = 1

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Axes of the box, or parts of axes."""
        return self.indicator.axes

    @property
    def columns(self) -> tuple[Address, ...]:
        """The columns in the tuples, in order, each once."""
        return tuple(dict.fromkeys(column for lookup in self.lookups for column in lookup.columns))


@dataclass(frozen=True)
class Table:
    """A public table of 2^16 tuples under a tag of its own.

    Attributes:
        components: the columns of the table.
        multiplicity: the committed column that says how often each tuple is looked up.
        section: index of the section on the column's first axis.
    """

    name: str
    tag: int
    components: tuple[PublicVector, ...]
    multiplicity: Address
    section: Axis


@dataclass(frozen=True)
class Permutation:
    """Tuples under a tag of their own that are in no table: each is there as often with sign 1 as with sign -1.

    Both counts are public, one for each cell that counts, and fewer than p: none is committed, which a prover could
    choose.
    """

    name: str
    tag: int


@dataclass(frozen=True)
class Section:
    """Lookups that one argument proves, and the tables and permutations they are in. A proof has one section or
    several, each with challenges of its own: what a section costs in memory and in soundness follows from its size."""

    boxes: tuple[LookupBox, ...]
    tables: tuple[Table, ...]
    permutations: tuple[Permutation, ...] = ()

    @property
    def tags(self) -> dict[str, int]:
        """Of tables and permutations, by name."""
        tables = {table.name: table.tag for table in self.tables}
        return tables | {own.name: own.tag for own in self.permutations}

    @property
    def width(self) -> int:
        """The most components that a tuple has."""
        tuples = (lookup.entries for box in self.boxes for lookup in box.lookups)
        return max(map(len, (*(table.components for table in self.tables), *tuples)))


@dataclass(frozen=True)
class LookedUp:
    """Where the lookups of a box ended: the point per axis, and the hidden value there of every column they mention."""

    point: Mapping[str, Point]
    values: Mapping[Address, Hidden]


# The relation --------------------------------------------------------------------------------------------------------


class Steps(Protocol):
    """What a relation's walk may do. P -> V: hidden values; V -> P: challenges."""

    def point(self, label: str, bits: int) -> Point:
        """A random point; soundness error bits / |K|."""

    def evaluate(self, column: Address, at: Mapping[str, Point]) -> Hidden:
        """The value of a committed column at a point; a claim that the opening settles."""

    def total(self, statement: Sum) -> Hidden:
        """The value of a sum, sent; to be proved by a `sumcheck` on it."""

    def sumcheck(self, statement: Sum, claim: Hidden) -> SumResult:
        """Prove that the sum is `claim`."""

    def require_zero(self, check: str, expression: Hidden, products: Sequence[Product] = ()) -> None:
        """Add a constraint."""


class WithoutLookups:
    """What a relation says that has neither lookups nor virtual columns."""

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """None."""
        return {}

    @property
    def sections(self) -> tuple[Section, ...]:
        """None."""
        return ()


class Relation(Protocol):
    """What is proved about committed columns."""

    @property
    def name(self) -> str:
        """Domain separator."""

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        """Columns by matrix name; a matrix "witness" is committed within the proof, others beforehand."""

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """Axes of columns that no matrix holds. Their values are sent like others'; the walk has to prove them."""

    @property
    def sections(self) -> tuple[Section, ...]:
        """All lookups, in order; may be none."""

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """The walk, after the lookups. `looked_up`: by name of the box."""
