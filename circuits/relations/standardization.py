"""Features standardised by the rows that count: which integers are meant, and that no others will do.

With the names of models/methods/standardization.py, at a random feature k, "x(k) y(k)" being the sum over real features
k' of eq(k, k') x(k') y(k'):

    sum over n of S(n) X(n, k) = n mu + B,   sum over n of S(n) X(n, k)^2 = C + mu (n mu + 2 B)    "moments", "means"
                                                              (of features that are left out with 0 for X)
    rho + rho_c = rho' + rho'_c = n - 1 on real features                                           "remainders"
    sum_j h(j) = 1, power = sum_j 2^j h(j), square = sum_j 4^j h(j)                                "exponents"
    above = sum_j T_j h(j) - C,  below = C - sum_j H_j h(j)                                        "exponents"
    h(j, k) (h(j, k) - 1) = 0                                                                      "exponents are one"
    power B = n nu + B',  power mu = m - nu,  power D = DP,  power W(T, o) = M(o)                  "powers"
    V = square C - nu (n nu + 2 B')                                                                "variances"
    2 D V = 2 A + V + V0 - rem - 2 V0 D,  D m = DM; of features that are left out with 0 for A     "rates"
    rem + rem_c = 2 V + 2 V0 - 1                                                                   "remainders"

Integers that are *forced*: mu, nu, rho, rho', D, rem and both slacks are committed in limbs of their own, all looked
up. rho and rho' are below n because what they lack of n - 1 is such an integer too: so mu and nu are floors, and there
is one of each. h holds zeros and one one, and both slacks together leave one exponent. C, V, power, square, m, DP and
DM are field elements, each a function of the others; C and V are sums of squares, so they are what they look like.
rem is below 2 (V + V0) because of rem_c, and 2 D (V + V0) + rem is below p with D of its bits
(models/methods/standardized.py), so D is the one nearest to A / (V + V0).

Right sides are zero beside real features, as sums run over real ones only: nothing can hide in padding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...models.live import Live
from ...models.methods.standardization import Standardization, spread_floor
from ..field.goldilocks import ONE, ZERO, K, Vector, kadd, kdot, kscale, ksum, to_field
from ..field.multilinear import Point, eq_at, eq_table, prefix
from ..language.hidden import Hidden, linear, public
from ..language.layout import WITNESS, Address, Axis, Column
from ..language.relation import (
    Coordinates,
    Entry,
    Factor,
    Indicator,
    LookedUp,
    Lookup,
    LookupBox,
    PublicVector,
    Steps,
    Sum,
    Term,
    outer,
    variables,
)
from ..language.tables import HALF, RANGE, Limbs, limb_terms, lookup_boxes
from .dataset import FEATURES
from .iterations import eq_on
from .model import COEFFICIENTS
from .signed import Signed, constant_on

BOX = "scaler"  # of lookups
MEAN, FRACTION = Address(WITNESS, "mean"), Address(WITNESS, "mean fraction")  # mu, nu
MEAN_REST, MEAN_LACK = Address(WITNESS, "mean remainder"), Address(WITNESS, "mean remainder complement")
FRACTION_REST, FRACTION_LACK = (
    Address(WITNESS, "mean fraction remainder"),
    Address(WITNESS, "mean fraction remainder complement"),
)
EXPONENT = Address(WITNESS, "exponent")  # h
POWER, SQUARE = Address(WITNESS, "power"), Address(WITNESS, "power squared")
SPREAD, VARIANCE = Address(WITNESS, "spread"), Address(WITNESS, "variance")  # C, V
ABOVE, BELOW = Address(WITNESS, "spread from above"), Address(WITNESS, "spread from below")
OFFSET = Address(WITNESS, "offset")  # m
RATE, RATE_REST, RATE_LACK = (
    Address(WITNESS, name) for name in ("rate", "rate remainder", "rate remainder complement")
)
SCALED_RATE, CENTRED_RATE = Address(WITNESS, "scaled rate"), Address(WITNESS, "centred rate")  # DP, DM
FIELD_COLUMNS = (POWER, SQUARE, SPREAD, VARIANCE, OFFSET, SCALED_RATE, CENTRED_RATE)
COUNTED_MEAN, COUNTED_FRACTION, COUNTED_RATE = (
    Address(WITNESS, f"counted {name}") for name in ("mean", "mean fraction", "rate")
)
COUNTED = {COUNTED_MEAN: MEAN, COUNTED_FRACTION: FRACTION, COUNTED_RATE: RATE}  # n times these


@dataclass(frozen=True)
class At:
    """What is known at the random feature where the lookups ended: hidden values there.

    Attributes:
        k, o: the feature, and the output whose weights are meant. shard: where it is besides; empty without shards.
        real: the indicator of real features there, of real shards.
    """

    k: Point
    o: Point
    shard: Mapping[str, Point]
    real: K
    values: Mapping[Address, Hidden]

    def __getitem__(self, column: Address) -> Hidden:
        return self.values[column]


Integer = Callable[[Standardization], int]
Integers = Callable[[Standardization], Sequence[int]]
_OF_EXPONENTS: tuple[Integers, ...] = (  # what is summed with h over exponents
    lambda own: [1] * (own.cap + 1),
    lambda own: [1 << j for j in range(own.cap + 1)],
    lambda own: [1 << (2 * j) for j in range(own.cap + 1)],
    lambda own: own.upper,
    lambda own: own.lower,
)


@dataclass(frozen=True)
class ScalerRelation:
    """What a relation of training has to hold, look up and prove to standardise features.

    Attributes:
        public: the integers that are known.
        feature, output, row: the axes. live: who counts.
        last: the weights after the last step, which the model holds times 2^e.
        each: whether each output has last weights of its own, on an axis of theirs.
    """

    public: Standardization
    feature: Axis
    output: Axis
    row: Axis
    live: Live
    last: Signed
    each: bool = True

    # Columns and lookups -------------------------------------------------------------------------------------------

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Where there is something to standardise: at each feature."""
        return (self.feature,)

    @property
    def exponent(self) -> Axis:
        """Exponents j."""
        return Axis("exponent", self.public.cap + 1)

    @cached_property
    def limbs(self) -> Mapping[Address, int]:
        """What is committed in limbs, and its bits."""
        own = self.public
        remainders = dict.fromkeys((MEAN_REST, MEAN_LACK, FRACTION_REST, FRACTION_LACK), own.remainder_bits)
        slacks = dict.fromkeys((ABOVE, BELOW), own.slack_bits)
        return {**remainders, **slacks, RATE: own.rate_bits, **dict.fromkeys((RATE_REST, RATE_LACK), own.division_bits)}

    @property
    def fields(self) -> tuple[Address, ...]:
        """What is committed as it is, as a function of what has a range."""
        return FIELD_COLUMNS

    @property
    def _in_limbs(self) -> Limbs:
        return Limbs(BOX, self.axes, self.limbs)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Of the witness."""
        axes = self.axes
        signed = tuple(Column(column.name, axes) for column in (MEAN, FRACTION))
        fields = tuple(Column(column.name, axes) for column in self.fields)
        return (*signed, *self._in_limbs.columns, Column(EXPONENT.name, (self.exponent, *axes)), *fields)

    @property
    def boxes(self) -> tuple[LookupBox, ...]:
        """Every integer of each feature in its range."""
        signed = tuple(Lookup(column.name, RANGE, (Entry(((1, column),), HALF),)) for column in (MEAN, FRACTION))
        return lookup_boxes(BOX, Indicator(self.axes), (*signed, *self._in_limbs.lookups))

    # What shards have each for themselves (shard_scaler.py) --------------------------------------------------------

    def of_shard(self, at: At, integer: Integer) -> K:
        """A public integer at the random shard, 0 beside real ones."""
        return K(integer(self.public))

    def known(self, at: At, integer: Integer) -> K:
        """A public integer at the random feature, 0 beside real ones."""
        return self.of_shard(at, integer) * prefix(at.k, self.feature.size)

    def everywhere(self, integer: Integer, share: K, offset: K) -> PublicVector:
        """share times a public integer, and an offset, on all real features."""
        return constant_on((self.feature,), share * integer(self.public) + offset)

    def of_exponents(self, at: At, shares: Sequence[K]) -> PublicVector:
        """What h is multiplied with in the sum of _OF_EXPONENTS, at the random shard."""
        return tabled(weighted(self.public, shares))

    def on(self, at: At) -> PublicVector:
        """eq with the random feature on real ones."""
        return eq_on(at.k, self.feature.size)

    def counted(self, at: At) -> PublicVector:
        """S(n) on rows n."""
        return counted(self.live, self.row)

    def in_dataset(self, row: Coordinates) -> Coordinates:
        """A row of the training as one of the data set."""
        return row

    def terms_of(self, column: Address) -> tuple[tuple[K, Address], ...]:
        """A column as a combination of committed ones."""
        if column == self.last.integer:
            return limb_terms(column, self.last.bits)
        if column in COUNTED:
            return tuple((c * self.public.count, limb) for c, limb in self.terms_of(COUNTED[column]))
        bits = self.limbs.get(column)
        return ((ONE, column),) if bits is None else limb_terms(column, bits)

    def counted_at(self, at: At, column: Address) -> Hidden:
        """n times a column."""
        return at[COUNTED[column]] * self.public.count

    # The identities --------------------------------------------------------------------------------------------------

    def identities(self, steps: Steps, ended: LookedUp) -> None:
        """The equations of the module's head, where the lookups of the box ended."""
        self.identities_at(steps, self._at(steps, ended))

    def identities_at(self, steps: Steps, at: At) -> None:
        """Those at the random feature."""
        self._remainders(steps, at)
        self._exponents(steps, at)
        self._moments(steps, at)
        self._variances(steps, at)
        self._products(steps, at)

    def _at(self, steps: Steps, ended: LookedUp) -> At:
        """The integers at the feature where the lookups ended, and the field elements that are functions of them."""
        k, o = ended.point["weight"], steps.point("powers", self.output.bits)
        integers = {
            column: linear((c, ended.values[limb]) for c, limb in limb_terms(column, bits))
            for column, bits in self.limbs.items()
        }
        fields = {column: steps.evaluate(column, ended.point) for column in self.fields}
        fields[COEFFICIENTS] = steps.evaluate(COEFFICIENTS, {"output": o, **ended.point})
        signed = {column: ended.values[column] for column in (MEAN, FRACTION)}
        *shards, feature = self.axes
        shard = {axis.name: ended.point[axis.name] for axis in shards}
        within = math.prod((prefix(shard[axis.name], axis.size) for axis in shards), start=ONE)
        return At(k, o, shard, within * prefix(k, feature.size), {**signed, **integers, **fields})

    def _remainders(self, steps: Steps, at: At) -> None:
        """Each remainder is below what divides: it and what it lacks are not negative."""
        most = self.known(at, lambda own: own.count - 1)
        for rest, lack in ((MEAN_REST, MEAN_LACK), (FRACTION_REST, FRACTION_LACK)):
            steps.require_zero("remainders", at[rest] + at[lack] - most)
        divisor = at[VARIANCE] * 2 + self.known(at, lambda own: 2 * own.floor - 1)
        steps.require_zero("remainders", at[RATE_REST] + at[RATE_LACK] - divisor)

    def _exponents(self, steps: Steps, at: At) -> None:
        """One exponent a feature, and what follows from it: five sums over exponents as one, at random weights."""
        shares = (ONE, *steps.point("exponents", 4))  # no powers of one: each challenge errs once in |K|
        spread = at[SPREAD]
        values = (public(at.real), at[POWER], at[SQUARE], at[ABOVE] + spread, spread - at[BELOW])
        claim = linear(zip(shares, values, strict=True))
        bits = self.exponent.bits
        groups = (bits, *self._groups[:-1])
        own = Term(ONE, EXPONENT, {"exponent": variables(0, bits), **self._free(bits), "weight": at.k})
        steps.sumcheck(Sum("exponents", groups, self.of_exponents(at, shares), (Factor((own,)),)), claim)

        j = steps.point("exponents are one", bits)
        term = Term(ONE, EXPONENT, {"exponent": variables(0, bits), **self._free(bits)})
        less = constant_on((self.exponent, *self.axes), -ONE)
        factors = (Factor((term,)), Factor((term,), less))
        weight = outer(eq_on(j, self.exponent.size), self.on(at), bits)
        steps.sumcheck(Sum("exponents are one", (bits, *self._groups), weight, factors), public(ZERO))

    def _moments(self, steps: Steps, at: At) -> None:
        """Sums and sums of squares of what counts: as one, at a random weight that is drawn when both are known."""
        mean = self._product(at, "means", (MEAN,), [(ONE, COUNTED_MEAN), (K(2), MEAN_REST)], K(-2))
        taken = steps.total(mean)
        (beta,) = steps.point("moments", 1)
        bits = (self.feature.bits, self.row.bits)
        feature, row = variables(0, bits[0]), self.in_dataset(variables(*bits))
        own = Term(ONE, FEATURES, {"feature": feature, "row": row})
        both = Factor((own,), constant_on((self.feature, self.row), beta))
        weight = outer(eq_on(at.k, self.feature.size, self.public.unused), self.counted(at), bits[0])
        moments = Sum("moments", bits, weight, (Factor((own,)), both))
        whole = self.counted_at(at, COUNTED_MEAN) + self._middle(at, MEAN_REST)
        steps.sumcheck(moments, at[SPREAD] + taken + whole * beta)
        steps.sumcheck(mean, taken)

    def _variances(self, steps: Steps, at: At) -> None:
        """V = square C - nu (n nu + 2 B')."""
        squared = self._product(at, "variances", (SQUARE,), [(ONE, SPREAD)])
        whole = steps.total(squared)
        fraction = [(ONE, COUNTED_FRACTION), (K(2), FRACTION_REST)]
        steps.sumcheck(squared, whole)
        taken = self._product(at, "variances", (FRACTION,), fraction, K(-2))
        steps.sumcheck(taken, whole - at[VARIANCE])

    def _products(self, steps: Steps, at: At) -> None:
        """What power and D are multiplied with; several products of one factor as one."""
        own, floor = self.public, spread_floor(1, self.public.x_bits)  # V0 of one row
        of_means, of_rates, of_weights, of_centred = steps.point("products", 4)
        powers = [(ONE, MEAN_REST), (of_means, MEAN), (of_rates, RATE), (of_weights, self.last.integer)]
        offset = -self.last.offset * prefix(at.o, self.output.size) * of_weights
        claim = self.counted_at(at, COUNTED_FRACTION) + self._middle(at, FRACTION_REST)
        claim = claim + (at[OFFSET] - at[FRACTION]) * of_means
        claim = claim + at[SCALED_RATE] * of_rates + at[COEFFICIENTS] * of_weights
        steps.sumcheck(self._product(at, "powers", (POWER,), powers, -ONE, offset), claim)

        used = prefix(at.k, self.feature.size) - ksum(eq_at(at.k, own.unused))
        learnt = self.of_shard(at, _amplitude) * used  # A, and 0 for what is left out
        divided = at[VARIANCE] + learnt * 2 + self.known(at, lambda each: each.floor) - at[RATE_REST]
        divided = divided - self.counted_at(at, COUNTED_RATE) * (2 * floor)
        rates = self._product(at, "rates", (RATE,), [(K(2), VARIANCE), (of_centred, OFFSET)])
        steps.sumcheck(rates, divided + at[CENTRED_RATE] * of_centred)

    def _middle(self, at: At, remainder: Address) -> Hidden:
        """B of rho, or B' of rho'."""
        return at[remainder] - self.known(at, _half)

    def _free(self, first: int = 0) -> dict[str, Coordinates]:
        """The axes as variables of a sum, the first ones from `first` on."""
        found: dict[str, Coordinates] = {}
        for axis in self.axes:
            found[axis.name] = variables(first, axis.bits)
            first += axis.bits
        return found

    @property
    def _groups(self) -> tuple[int, ...]:
        return tuple(axis.bits for axis in self.axes)

    def _product(
        self,
        at: At,
        name: str,
        first: tuple[Address, ...],
        second: Iterable[tuple[K, Address]],
        halves: K = ZERO,
        offset: K = ZERO,
    ) -> Sum:
        """The sum over real features k' of eq(k, k') first(k') (second(k') + halves f + offset); integers by limbs."""
        free = self._free()
        of_output: dict[str, Coordinates] = {"output": at.o, **free} if self.each else free
        left = Factor(tuple(Term(c, limb, free) for column in first for c, limb in self.terms_of(column)))
        right = tuple(
            Term(c * share, limb, of_output if column == self.last.integer else free)
            for share, column in second
            for c, limb in self.terms_of(column)
        )
        some = halves != ZERO or offset != ZERO
        factors = (left, Factor(right, self.everywhere(_half, halves, offset) if some else None))
        return Sum(name, self._groups, self.on(at), factors)


def _half(own: Standardization) -> int:
    """f."""
    return own.half


def _amplitude(own: Standardization) -> int:
    """A."""
    return own.amplitude


# Public vectors ------------------------------------------------------------------------------------------------------


def counted(live: Live, row: Axis) -> PublicVector:
    """S(n) on rows n."""
    indicator = Indicator((row,), live.forgotten, live.ranges)

    def table() -> Vector:
        return _base(indicator.line.tolist())

    return PublicVector(table, indicator.evaluate)


def tabled(values: Vector) -> PublicVector:
    """A vector that is short enough to be written out. K vector (2, n)."""
    return PublicVector(lambda: values, lambda x: kdot(values, eq_table(x)[:, : values.shape[1]]))


def weighted(own: Standardization, shares: Sequence[K]) -> Vector:
    """Of each exponent the sum of what _OF_EXPONENTS says, each times its share: K vector (2, cap + 1)."""
    total = np.zeros((2, own.cap + 1), dtype=np.uint64)
    for share, integers in zip(shares, _OF_EXPONENTS, strict=True):
        total = kadd(total, kscale(_base(list(integers(own))), share))
    return total


def _base(integers: list[int]) -> Vector:
    """Integers below 2^62 as a K vector (2, n)."""
    values = np.zeros((2, len(integers)), dtype=np.uint64)
    values[0] = to_field(np.array(integers, dtype=np.int64))
    return values
