"""Newton's steps by a matrix that is an inverse (docs/protocol.md, "Newton's steps by the inverse").

With the names of models/methods/newton_inverse.py, and D(n) = `step` of the first step, what newton.py says, and

    2^f C(k, l) + r(k, l) - 2^(f - 1) = 2^e sum_n S(n) D(n) X(n, k) X(n, l) + 2^32 c [k = l]             "curvature"
    sum_m P(k, m) C(m, l) = 2^q [k = l] + E(k, l)                                                          "inverse"

the bias b being a weight, too, whose X is 2^x. At a point (k*, l*), where the limbs of all that there is of two weights
were looked up; with gamma and delta, which are random, in place of bits that tell the bias from the others. C and r are
symmetric, so there is one column for C(k, b) and C(b, k); P and E need not be.

Of several classes all of this is of each output, at a point o* of outputs beside: the first line is a sum over rows of
D(o*, n), and the second one over outputs o, too, with eq(o*, o), as a product of two columns is no function of o*; so
is what is left of it for m = b ("inverse of intercepts").

| matrix | columns |
|---|---|
| dataset, model, start 0, noise | those of newton.py |
| witness | those of newton.py; limbs of C, r, E (output, weight, source); of the bias (output, weight), E twice; of |
| | both (output) |

Integers that are *forced*: D is that of the link table on rows that count, and features are in range: so 2^32 H is
below 2^62. C has 32 bits and r has f, so C is 2^32 H rounded. P has 26 bits and K is at most 64: sums of P C are at
most 2^62, q is at most 55 and E has fewer bits, so no side wraps. Cells past the last weight are tied to other such
cells, of X, P and C; the sum over m leaves them out, and 2^q and c stand for real weights only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...models.methods.newton_inverse import CURVATURE_BITS, STEP_BITS, Inverse
from ...models.methods.newton_reference import inverse_in
from ..field.goldilocks import ONE, ZERO, K
from ..field.multilinear import Point, prefix
from ..language.hidden import Hidden, Product, linear, public
from ..language.layout import WITNESS, Address
from ..language.relation import Factor, LookedUp, Steps, Sum, Term, variables
from ..language.tables import limb_terms
from .dataset import FEATURES
from .iterations import eq_on
from .newton import CORNER, FROM_BIAS, MATRIX, MATRIX_BOX, OF_BIAS, Bits, Newton, NoisyNewton, WithSteps
from .normal_vectors import counted_times
from .residual import STEP
from .signed import constant_on

CURVATURE = Address(WITNESS, "curvature")  # C(k, l)
CURVATURE_REST = Address(WITNESS, "curvature remainder")  # r(k, l)
ERROR = Address(WITNESS, "inverse error")  # E(k, l)
BIAS_CURVATURE = Address(WITNESS, "curvature of the bias")  # C(k, b)
BIAS_REST = Address(WITNESS, "curvature of the bias remainder")
BIAS_ERROR = Address(WITNESS, "inverse error of the bias")  # E(b, l)
FROM_BIAS_ERROR = Address(WITNESS, "inverse error from the bias")  # E(k, b)
CORNER_CURVATURE = Address(WITNESS, "curvature of bias and bias")  # C(b, b)
CORNER_REST = Address(WITNESS, "curvature of bias and bias remainder")
CORNER_ERROR = Address(WITNESS, "inverse error of bias and bias")  # E(b, b)


@dataclass(frozen=True)
class Pair:
    """The point of two weights at which all is said, and what stands for the bias in place of either.

    Attributes:
        ended: where the lookups of what there is of two weights ended.
        gamma, delta: 0 without a bias.
        size, outputs: numbers of real weights, and outputs.
    """

    ended: LookedUp
    gamma: K
    delta: K
    size: int
    outputs: int

    @property
    def output(self) -> Point:
        """o*, where there are several."""
        return self.ended.point.get("output", ())

    @property
    def real_output(self) -> K:
        """The indicator of real outputs."""
        return prefix(self.output, self.outputs)

    @property
    def first(self) -> Point:
        """k*."""
        return self.ended.point["weight"]

    @property
    def second(self) -> Point:
        """l*."""
        return self.ended.point["source"]

    @property
    def real(self) -> K:
        """The indicator of real pairs."""
        return self.real_output * prefix(self.first, self.size) * prefix(self.second, self.size)

    @property
    def same(self) -> K:
        """Of pairs of a weight and itself, the bias among them."""
        return (eq_on(self.first, self.size).evaluate(self.second) + self.gamma * self.delta) * self.real_output


@dataclass(frozen=True)
class WithInverse(WithSteps):
    """The part of the relation that is about the matrix."""

    @property
    def inverse(self) -> Inverse:
        """Its public integers."""
        return inverse_in(self.schedule)

    @property
    def matrix_bits(self) -> tuple[Bits, Bits, Bits]:
        """See Newton."""
        of_pairs, beside, corner = super().matrix_bits
        rest, error = self.inverse.shift, self.inverse.error_bits
        return (
            {**of_pairs, CURVATURE: CURVATURE_BITS, CURVATURE_REST: rest, ERROR: error},
            {**beside, BIAS_CURVATURE: CURVATURE_BITS, BIAS_REST: rest, BIAS_ERROR: error, FROM_BIAS_ERROR: error},
            {**corner, CORNER_CURVATURE: CURVATURE_BITS, CORNER_REST: rest, CORNER_ERROR: error},
        )

    # The identities --------------------------------------------------------------------------------------------------

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """Those of the steps, then the two of the head."""
        super().identities(steps, looked_up)
        gamma, delta = steps.point("curvature", 2) if self.schedule.bias else (ZERO, ZERO)
        pair = Pair(looked_up[MATRIX_BOX], gamma, delta, self.schedule.features, self.schedule.outputs)
        self._curvature(steps, pair)
        self._inverse(steps, pair)

    def _curvature(self, steps: Steps, pair: Pair) -> None:
        """C is the second derivative where steps begin, of the rows that count."""
        own, half = self.schedule, 1 << (self.inverse.shift - 1)
        rest = limb_terms(CURVATURE_REST, self.inverse.shift)
        claim = self._ended(pair, CURVATURE) * (2 * half) - public(pair.real * half + pair.same * self._penalty)
        claim = claim + linear((c, pair.ended.values[limb]) for c, limb in rest)
        if own.bias:
            whole = BIAS_CURVATURE, BIAS_REST
            for point, share in ((pair.second, pair.gamma), (pair.first, pair.delta)):
                claim = claim + self._rounded(steps, whole, *self._beside(pair, point)) * share
            whole = CORNER_CURVATURE, CORNER_REST
            corner = self._rounded(steps, whole, {"output": pair.output}, pair.real_output)
            claim = claim + corner * (pair.gamma * pair.delta)
        self._of_rows_twice(steps, pair, claim)

    def _of_rows_twice(self, steps: Steps, pair: Pair, claim: Hidden) -> None:
        """A sum over n of 2^e S(n) D(n) (X(n, k) + gamma 2^x) (X(n, l) + delta 2^x)."""
        own, row = self.schedule, variables(0, self.row.bits)
        naming, _ = self.steps[0]
        slope = Term(ONE, naming.address(STEP), {**self.of_output(pair.output), "row": row})
        factors, used = [Factor((slope,))], []
        for point, share in ((pair.first, pair.gamma), (pair.second, pair.delta)):
            used.append(eq_on(point, own.features, own.unused) if own.unused else point)
            constant = constant_on((self.row,), share * own.one) if own.bias else None
            factors.append(Factor((Term(ONE, FEATURES, {"row": row, "feature": used[-1]}),), constant))
        raised = counted_times(own.live, self.row, K(1 << own.raised))
        ended = steps.sumcheck(Sum("curvature", (self.row.bits,), raised, tuple(factors)), claim)
        for number, each in enumerate(used, start=1):
            self.of_used_features(steps, each, ended, number)

    def _inverse(self, steps: Steps, pair: Pair) -> None:
        """P C is 2^q times the identity, and E."""
        own, k, l_ = self.schedule, pair.first, pair.second
        factors = (
            self.line(MATRIX, OF_BIAS, self.source, k, pair.gamma),
            self.line(CURVATURE, BIAS_CURVATURE, self.weight, l_, pair.delta),
        )
        sums = [self.sum_at("inverse", pair.output, (self.source,), factors)]
        if own.bias and self.several:
            of_biases = (
                self.line_of_biases(FROM_BIAS, CORNER, k, pair.gamma),
                self.line_of_biases(BIAS_CURVATURE, CORNER_CURVATURE, l_, pair.delta),
            )
            sums.append(self.sum_at("inverse of intercepts", pair.output, (), of_biases))
        totals = [steps.total(each) for each in sums]
        product = linear((ONE, total) for total in totals)
        product = product - self._ended(pair, ERROR) - public(pair.same * (1 << self.inverse.scale))
        more = []
        if own.bias:
            first, second = (self._beside(pair, point) for point in (k, l_))
            corner = {"output": pair.output}, pair.real_output
            if not self.several:
                entry = self.held(steps, FROM_BIAS, *first) + self.held(steps, CORNER, *corner) * pair.gamma
                other = self.held(steps, BIAS_CURVATURE, *second)
                other = other + self.held(steps, CORNER_CURVATURE, *corner) * pair.delta
                more = [Product(ONE, entry, other)]
            product = product - self.held(steps, BIAS_ERROR, *second) * pair.gamma
            product = product - self.held(steps, FROM_BIAS_ERROR, *first) * pair.delta
            product = product - self.held(steps, CORNER_ERROR, *corner) * (pair.gamma * pair.delta)
        steps.require_zero("inverse", product, more)
        for each, total in zip(sums, totals, strict=True):
            steps.sumcheck(each, total)

    def _beside(self, pair: Pair, point: Point) -> tuple[dict[str, Point], K]:
        """Where what there is of a weight and the bias is looked at, and the indicator of real cells there."""
        real = pair.real_output * prefix(point, self.schedule.features)
        return {**self.of_output(pair.output), "weight": point}, real

    @property
    def _penalty(self) -> int:
        """2^32 c."""
        return self.schedule.penalty << STEP_BITS

    def _ended(self, pair: Pair, integer: Address) -> Hidden:
        """A signed integer of two weights."""
        return self._signed(integer).looked_up(pair.ended, pair.real)

    def _rounded(self, steps: Steps, names: tuple[Address, Address], at: Mapping[str, Point], real: K) -> Hidden:
        """2^f C + r - 2^(f - 1), of the bias."""
        bits, (cut, rest) = self.inverse.shift, names
        terms = limb_terms(rest, bits)
        left = linear((c, steps.evaluate(limb, at)) for c, limb in terms)
        return self.held(steps, cut, at, real) * (1 << bits) + left - public(real * (1 << (bits - 1)))


@dataclass(frozen=True)
class NewtonInverse(WithInverse, Newton):
    """The relation for one set of public integers."""


@dataclass(frozen=True)
class NoisyNewtonInverse(WithInverse, NoisyNewton):
    """The same of a model with noise, with what a nonce drew."""
