"""A certificate whose gradient is that of a quadratic loss: sums over rows, of which nothing is committed.

With the names of models/methods/gram_certificate.py; S(n) is the indicator of rows that count, x = x_bits; V, b are the
bias and what is said of it; L_i are the limbs of W and of V, the last one with its sign:

    z_i(n) = sum_k X(n, k) L_i(k) + 2^x L_i(b) on rows that are real                                      "product"
    G_i(k) = 2^e sum_n S(n) X(n, k) (z_i - [i = j] 2^m Y)(n) + c L_i(k),  G_i(b) the same of 2^x         "gradient"
                                        (of a trained model 1 stands for the first 2^x, and 2^-x c for c of b)
    G_0 - R = 2^16 kappa_0,  G_1 + kappa_0 = 2^16 kappa_1,  G_2 + kappa_1 = 0,  of k and of b            "gradient"

as one sum over rows, of the three times random shares. z_i are virtual: no matrix holds them, and they are known at the
one place where that sum ends. For features that are left out 0 stands for X ("used features"): their weights are 0 at
the optimum. R is what certified.py says of G.

Integers that are *forced*: L_i are the limbs of W, looked up. kappa have limbs of their own, all looked up: 48 bits, so
that both sides of each line stay below p together, and hold in integers. Without them some kappa would fit modulo p,
whatever G is. The three lines, times 1, 2^16 and 2^32, add up to G = R.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...models.live import Live
from ...models.methods.gram_certificate import CARRY_BITS, LIMBS, GramCertificate
from ..field.goldilocks import ONE, K
from ..field.multilinear import Point, prefix
from ..language.hidden import Hidden, linear
from ..language.layout import VIRTUAL, Address, Axis, Column
from ..language.relation import LIMB, Factor, LookedUp, LookupBox, Steps, Sum, Table, Term, variables
from ..language.tables import limb_addresses
from .certified import BIAS, WEIGHTS, Certified, Parameter, Place
from .dataset import FEATURES, LABELS
from .iterations import eq_on
from .normal_vectors import counted_times
from .signed import constant_on
from .standardization import counted

Z = tuple(Address(VIRTUAL, f"z of limb {i}") for i in range(LIMBS))


@dataclass(frozen=True)
class Gram(Certified):
    """The part of the relation that is about rows."""

    schedule: GramCertificate

    # Columns and lookups -------------------------------------------------------------------------------------------

    def parameter_bits(self, parameter: Parameter) -> dict[Address, int]:
        """See Certified."""
        carries = dict.fromkeys((parameter.low_carry, parameter.high_carry), CARRY_BITS)
        return {**super().parameter_bits(parameter), **carries}

    @property
    def row_columns(self) -> tuple[Column, ...]:
        """None."""
        return ()

    @property
    def row_counts(self) -> tuple[Address, ...]:
        """None."""
        return ()

    def row_tables(self, section: int, sections: int) -> tuple[Table, ...]:
        """None."""
        return ()

    @property
    def row_boxes(self) -> tuple[LookupBox, ...]:
        """None."""
        return ()

    @property
    def virtual(self) -> Mapping[Address, tuple[Axis, ...]]:
        """Proved by "product"."""
        return dict.fromkeys(Z, (self.row,))

    # The identities --------------------------------------------------------------------------------------------------

    def of_rows(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        """Nothing: rows look nothing up."""

    def gradient(self, steps: Steps, weights: Place, bias: Place | None) -> None:
        """See Certified: the lines of the head at k and b, times random shares, are one sum over rows."""
        own, row, k = self.schedule, variables(0, self.row.bits), weights.ended.point["weight"]
        shares = (ONE, *steps.point("limbs", LIMBS - 1))
        claim, constant = self._of_loss(weights, shares), None
        if bias is not None:
            (gamma,) = steps.point("gradient", 1)
            claim, constant = claim + self._of_loss(bias, shares) * gamma, constant_on((self.row,), gamma * own.one)
        used = eq_on(k, own.features, own.unused) if own.unused else k
        features = Factor((Term(ONE, FEATURES, {"row": self.in_data(row), "feature": used}),), constant)
        scores = tuple(Term(share, z, {"row": row}) for share, z in zip(shares, Z, strict=True))
        place, shift = own.label_place
        labels = Term(shares[place] * -(1 << shift), LABELS, self.at_label((), row))
        raised = counted_times(own.live, self.row, K(1 << own.raised))
        residual = Factor((*scores, labels))
        ended = steps.sumcheck(Sum("gradient", (self.row.bits,), raised, (features, residual)), claim)
        self.of_used_features(steps, used, ended)
        self._product(steps, ended.point, linear(zip(shares, ended.values[1][:LIMBS], strict=True)), shares, bias)

    def _of_loss(self, place: Place, shares: Sequence[K]) -> Hidden:
        """sum over i of shares_i times what G_i has to be, without the penalty."""
        low, high = place.signed(place.parameter.low_carry), place.signed(place.parameter.high_carry)
        lines = (self.short_gradient(place) + low * LIMB, high * LIMB - low, -high)
        penalty = self.schedule.bias_penalty if place.parameter == BIAS else self.schedule.penalty
        return linear(zip(shares, lines, strict=True)) - self._limbs(place, shares) * penalty

    def _limbs(self, place: Place, shares: Sequence[K]) -> Hidden:
        """sum over i of shares_i L_i of a weight, or of the bias."""
        limbs = limb_addresses(place.parameter.weight, self.schedule.weight_bits)
        values = linear((share, place.ended.values[limb]) for share, limb in zip(shares, limbs, strict=True))
        return values - place.real * shares[-1] * (LIMB // 2)

    def _product(self, steps: Steps, n: Point, claim: Hidden, shares: Sequence[K], bias: Place | None) -> None:
        """claim = sum over real k of X(n, k) (sum over i of shares_i L_i(k)), and the bias on real rows."""
        own, free = self.schedule, variables(0, self.weight.bits)
        if bias is not None:
            claim = claim - self._limbs(bias, shares) * (prefix(n, own.rows) * own.bias_unit)
        limbs = limb_addresses(WEIGHTS.weight, own.weight_bits)
        terms = tuple(Term(share, limb, {"weight": free}) for share, limb in zip(shares, limbs, strict=True))
        weights = Factor(terms, constant_on((self.weight,), -shares[-1] * (LIMB // 2)))
        features = Factor((Term(ONE, FEATURES, {"row": self.in_data(n), "feature": free}),))
        used = counted(Live(own.features, own.unused), self.weight)
        steps.sumcheck(Sum("product", (self.weight.bits,), used, (features, weights)), claim)
