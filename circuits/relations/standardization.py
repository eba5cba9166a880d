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

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...models.live import Live
from ...models.methods.standardization import Standardization
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
from ..language.tables import HALF, RANGE, limb_columns, limb_lookups, limb_terms, lookup_boxes
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


@dataclass(frozen=True)
class At:
    """What is known at the random feature where the lookups ended: hidden values there.

    Attributes:
        k, o: the feature, and the output whose weights are meant. real: the indicator of real features there.
    """

    k: Point
    o: Point
    real: K
    values: Mapping[Address, Hidden]

    def __getitem__(self, column: Address) -> Hidden:
        return self.values[column]


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
    def columns(self) -> tuple[Column, ...]:
        """Of the witness."""
        axes = (self.feature,)
        signed = tuple(Column(column.name, axes) for column in (MEAN, FRACTION))
        limbs = tuple(limb for column, bits in self.limbs.items() for limb in limb_columns(column, bits, axes))
        fields = tuple(Column(column.name, axes) for column in FIELD_COLUMNS)
        return (*signed, *limbs, Column(EXPONENT.name, (self.exponent, self.feature)), *fields)

    @property
    def boxes(self) -> tuple[LookupBox, ...]:
        """Every integer of each feature in its range."""
        signed = tuple(Lookup(column.name, RANGE, (Entry(((1, column),), HALF),)) for column in (MEAN, FRACTION))
        limbs = (lookup for column, bits in self.limbs.items() for lookup in limb_lookups(column, bits))
        return lookup_boxes(BOX, Indicator((self.feature,)), (*signed, *limbs))

    # The identities --------------------------------------------------------------------------------------------------

    def identities(self, steps: Steps, ended: LookedUp) -> None:
        """The equations of the module's head, where the lookups of the box ended."""
        at = self._at(steps, ended)
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
        fields = {column: steps.evaluate(column, {"weight": k}) for column in FIELD_COLUMNS}
        fields[COEFFICIENTS] = steps.evaluate(COEFFICIENTS, {"output": o, "weight": k})
        signed = {column: ended.values[column] for column in (MEAN, FRACTION)}
        return At(k, o, prefix(k, self.feature.size), {**signed, **integers, **fields})

    def _remainders(self, steps: Steps, at: At) -> None:
        """Each remainder is below what divides: it and what it lacks are not negative."""
        most = at.real * (self.public.count - 1)
        for rest, lack in ((MEAN_REST, MEAN_LACK), (FRACTION_REST, FRACTION_LACK)):
            steps.require_zero("remainders", at[rest] + at[lack] - most)
        divisor = at[VARIANCE] * 2 + at.real * (2 * self.public.floor - 1)
        steps.require_zero("remainders", at[RATE_REST] + at[RATE_LACK] - divisor)

    def _exponents(self, steps: Steps, at: At) -> None:
        """One exponent a feature, and what follows from it: five sums over exponents as one, at random weights."""
        shares = (ONE, *steps.point("exponents", 4))  # no powers of one: each challenge errs once in |K|
        whole, spread = range(self.public.cap + 1), at[SPREAD]
        rows = (
            ([1 for _ in whole], public(at.real)),
            ([1 << j for j in whole], at[POWER]),
            ([1 << (2 * j) for j in whole], at[SQUARE]),
            (list(self.public.upper), at[ABOVE] + spread),
            (list(self.public.lower), spread - at[BELOW]),
        )
        weights, claim = _zeros(len(whole)), public(ZERO)
        for share, (integers, value) in zip(shares, rows, strict=True):
            weights, claim = kadd(weights, kscale(_base(integers), share)), claim + value * share
        bits = self.exponent.bits
        own = Term(ONE, EXPONENT, {"exponent": variables(0, bits), "weight": at.k})
        steps.sumcheck(Sum("exponents", (bits,), _tabled(weights), (Factor((own,)),)), claim)

        groups = (bits, self.feature.bits)
        j, place = (
            steps.point("exponents are one", bits),
            {"exponent": variables(0, bits), "weight": variables(*groups)},
        )
        term = Term(ONE, EXPONENT, place)
        less = constant_on((self.exponent, self.feature), -ONE)
        factors = (Factor((term,)), Factor((term,), less))
        weight = outer(eq_on(j, self.exponent.size), eq_on(at.k, self.feature.size), bits)
        steps.sumcheck(Sum("exponents are one", groups, weight, factors), public(ZERO))

    def _moments(self, steps: Steps, at: At) -> None:
        """Sums and sums of squares of what counts: as one, at a random weight that is drawn when both are known."""
        n, middle = self.public.count, self._middle(at, MEAN_REST)
        mean = self._product(at, "means", (MEAN,), [(K(n), MEAN), (K(2), MEAN_REST)], -self._half * 2)
        taken = steps.total(mean)
        (beta,) = steps.point("moments", 1)
        bits = (self.feature.bits, self.row.bits)
        feature, row = variables(0, bits[0]), variables(*bits)
        own = Term(ONE, FEATURES, {"feature": feature, "row": row})
        both = Factor((own,), constant_on((self.feature, self.row), beta))
        weight = outer(eq_on(at.k, self.feature.size, self.public.unused), counted(self.live, self.row), bits[0])
        moments = Sum("moments", bits, weight, (Factor((own,)), both))
        steps.sumcheck(moments, at[SPREAD] + taken + (at[MEAN] * n + middle) * beta)
        steps.sumcheck(mean, taken)

    def _variances(self, steps: Steps, at: At) -> None:
        """V = square C - nu (n nu + 2 B')."""
        n = self.public.count
        squared = self._product(at, "variances", (SQUARE,), [(ONE, SPREAD)], ZERO)
        whole = steps.total(squared)
        fraction = [(K(n), FRACTION), (K(2), FRACTION_REST)]
        steps.sumcheck(squared, whole)
        taken = self._product(at, "variances", (FRACTION,), fraction, -self._half * 2)
        steps.sumcheck(taken, whole - at[VARIANCE])

    def _products(self, steps: Steps, at: At) -> None:
        """What power and D are multiplied with; several products of one factor as one."""
        own, n = self.public, self.public.count
        of_means, of_rates, of_weights, of_centred = steps.point("products", 4)
        powers = [(ONE, MEAN_REST), (of_means, MEAN), (of_rates, RATE), (of_weights, self.last.integer)]
        constant = -self._half - self.last.offset * prefix(at.o, self.output.size) * of_weights
        claim = at[FRACTION] * n + self._middle(at, FRACTION_REST) + (at[OFFSET] - at[FRACTION]) * of_means
        claim = claim + at[SCALED_RATE] * of_rates + at[COEFFICIENTS] * of_weights
        steps.sumcheck(self._product(at, "powers", (POWER,), powers, constant), claim)

        learnt = (at.real - ksum(eq_at(at.k, own.unused))) * own.amplitude  # A, and 0 for what is left out
        divided = at[VARIANCE] + learnt * 2 + at.real * own.floor - at[RATE_REST] - at[RATE] * (2 * own.floor)
        rates = self._product(at, "rates", (RATE,), [(K(2), VARIANCE), (of_centred, OFFSET)], ZERO)
        steps.sumcheck(rates, divided + at[CENTRED_RATE] * of_centred)

    @property
    def _half(self) -> K:
        """f."""
        return K(self.public.half)

    def _middle(self, at: At, remainder: Address) -> Hidden:
        """B of rho, or B' of rho'."""
        return at[remainder] - self._half * at.real

    def _product(
        self, at: At, name: str, first: tuple[Address, ...], second: Iterable[tuple[K, Address]], constant: K
    ) -> Sum:
        """The sum over real features k' of eq(k, k') first(k') (second(k') + constant); integers by their limbs."""
        free: dict[str, Coordinates] = {"weight": variables(0, self.feature.bits)}
        of_output: dict[str, Coordinates] = {"output": at.o, **free} if self.each else free
        left = Factor(tuple(Term(c, limb, free) for column in first for c, limb in self._limbs_of(column)))
        right = tuple(
            Term(c * share, limb, of_output if column == self.last.integer else free)
            for share, column in second
            for c, limb in self._limbs_of(column)
        )
        factors = (left, Factor(right, constant_on((self.feature,), constant) if constant != ZERO else None))
        return Sum(name, (self.feature.bits,), eq_on(at.k, self.feature.size), factors)

    def _limbs_of(self, column: Address) -> tuple[tuple[K, Address], ...]:
        """A column as a combination of committed ones."""
        if column == self.last.integer:
            return limb_terms(column, self.last.bits)
        bits = self.limbs.get(column)
        return ((ONE, column),) if bits is None else limb_terms(column, bits)


# Public vectors ------------------------------------------------------------------------------------------------------


def counted(live: Live, row: Axis) -> PublicVector:
    """S(n) on rows n."""
    indicator = Indicator((row,), live.forgotten, live.ranges)

    def table() -> Vector:
        return _base(indicator.line.tolist())

    return PublicVector(table, indicator.evaluate)


def _tabled(values: Vector) -> PublicVector:
    """A vector that is short enough to be written out. K vector (2, n)."""
    return PublicVector(lambda: values, lambda x: kdot(values, eq_table(x)[:, : values.shape[1]]))


def _zeros(size: int) -> Vector:
    return np.zeros((2, size), dtype=np.uint64)


def _base(integers: list[int]) -> Vector:
    """Integers below 2^62 as a K vector (2, n)."""
    values = _zeros(len(integers))
    values[0] = to_field(np.array(integers, dtype=np.int64))
    return values
