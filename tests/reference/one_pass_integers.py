"""arithmetic.md, "One pass": the public integers, in exact rational arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import isqrt
from typing import Any

from .arithmetic import KINDS, LABELS, Standardization, momenta_of, momentum, nearest, unused_features
from .field import P, require


@dataclass
class OnePassIntegers:
    """Names as in arithmetic.md; bits of integers by the names of their columns."""

    epochs: int
    shift: int
    weight_bits: int
    fine_bits: int
    factor: int
    product_shift: int
    target_raise: int
    target_shift: int
    c_epoch: list[int]
    m_epoch: list[int]
    penalty: int
    penalty_factor: int
    penalty_shift: int
    corner: int
    count: int
    target_bits: int
    penalty_bits: int
    standardization: Standardization | None = None
    unused: list[int] = field(default_factory=list)

    @property
    def bits(self) -> dict[str, int]:
        return {
            "weights": self.weight_bits, "weight remainder": self.shift,
            "products": 28, "product remainder": self.product_shift,
            "sums": 28, "sum remainder": self.product_shift,
            "targets": self.target_bits, "target remainder": self.target_shift,
            "model weights": self.weight_bits - self.fine_bits, "model weight remainder": self.fine_bits,
            "penalties": self.penalty_bits, "penalty remainder": self.penalty_shift,
            "biases": self.weight_bits, "bias remainder": self.shift,
            "last bias": self.weight_bits,
            "bias target": self.target_bits, "bias target remainder": self.target_shift,
        }  # fmt: skip


@dataclass
class Candidate:
    rows: int
    width: int
    rates: list[Fraction]
    l2: Fraction
    momentum: Fraction
    largest_label: int
    label_bits: int
    x_bits: int
    w_bits: int
    standardize: bool
    cut: int
    weight_bits: int
    s: int
    h: int

    @property
    def nu(self) -> Fraction:
        return max(self.rates) * 2**self.h / self.cut

    @property
    def f(self) -> int:
        return self.x_bits - 32 + self.weight_bits

    @property
    def a_less_c(self) -> int:
        return self.s + self.label_bits - self.x_bits - self.w_bits - self.f

    def rho(self, count: int) -> int:
        return max(1, nearest(self.nu * 2**self.s / (count * 4**self.x_bits)))

    @property
    def penalty(self) -> tuple[int, int]:
        """lambda and tau."""
        if not self.l2:
            return 0, 0
        tau = min(40, max(0, 15 - self.l2.numerator.bit_length() + self.l2.denominator.bit_length()))
        return nearest(self.l2 * 2**tau), tau

    def table(self) -> dict[str, tuple[int, int]]:
        """Bounds, and what they must be below."""
        one, w, width = 4**self.x_bits, 2 ** (self.weight_bits - 1), 2**self.weight_bits + 2**self.f
        most = self.nu * 2**self.s / one + self.rows
        a, c = max(0, self.a_less_c), max(0, -self.a_less_c)
        product = (most * (one + 1)).__floor__() + 1
        entry = (product >> self.s) + 2
        target = (most * (isqrt(one + 1) + 1) * self.largest_label * 2**c).__floor__() + 1
        goal = (target >> a) + 2
        gradient = ((self.width + self.l2) * entry + 1).__floor__() * w + goal
        step = self.cut * gradient + 2 ** (self.h - 1)
        moved = step + momentum(self.momentum, self.h) * width
        found = {
            "product": (product, 2**62),
            "scaled product": (entry, 2**27),
            "product identity": ((2**27 + 1) * 2**self.s + product, P),
            "target": (target, 2**62),
            "target identity": ((4 * goal + 1) * 2**a + target, P),
            "gradient": (gradient, 2**62),
            "step": (step, 2**62),
            "moved": (moved, 2**63),
            "update": (width * 2**self.h + moved, P),
        }
        if self.standardize:
            factor, tau = self.penalty
            model = 2 ** (self.weight_bits - self.f - 1)
            found |= {
                "penalty": (factor * entry, 2**62),
                "penalty identity": (4 * factor * entry + 2 ** (tau + 2), P),
                "intercept": (self.width * (2 ** (self.x_bits + 16) + 2**15) * model + 2**32, 2**62),
            }
        return found

    @property
    def fits(self) -> bool:
        return all(bound < limit for bound, limit in self.table().values())

    @property
    def error(self) -> Fraction:
        of_rows = Fraction(1, 2 * self.rho(self.rows))
        times = 8 if self.standardize else 1
        return max(of_rows, times / (2 * self.l2 * self.nu * (1 - of_rows))) if self.l2 else of_rows

    @property
    def coarseness(self) -> Fraction:
        return max(1 / self.nu, Fraction(1, 2 ** (self.w_bits + self.f)))


def candidates(**known: Any) -> Iterator[Candidate]:
    for weight_bits in (32, 28, 24):
        for s in (*range(32, 40), *range(31, 15, -1)):
            if known["x_bits"] >= 32 - weight_bits:
                own = (Candidate(**known, weight_bits=weight_bits, s=s, h=h) for h in range(62, 0, -1))
                fitting = next((candidate for candidate in own if candidate.fits), None)
                if fitting is not None:
                    yield fitting


def one_pass_integers(spec: dict[str, Any], dataset: dict[str, Any], forgotten: list[int]) -> OnePassIntegers:
    encoding, method, scales, rows = dataset["encoding"], spec["method"], spec["scales"], dataset["rows"]
    kind, x_bits, epochs = encoding["label_kind"], scales["x_bits"], method["epochs"]
    require("statement", spec["family"] == "linear" and kind in KINDS["linear"] and x_bits == encoding["x_bits"])
    require("statement", scales["p_bits"] >= encoding["label_bits"])
    rates, momenta = [Fraction(float(rate)) for rate in method["learning_rate"]], momenta_of(method["momentum"], epochs)
    low, high = LABELS[kind]
    ratio = max(rates) / min(rates)
    possible = list(
        candidates(
            rows=rows,
            width=len(encoding["features"]) + method["bias"],
            rates=rates,
            l2=Fraction(float(method["l2"])),
            momentum=max(momenta),
            largest_label=max(-low, high),
            label_bits=encoding["label_bits"],
            x_bits=x_bits,
            w_bits=scales["w_bits"],
            standardize=method["standardize"],
            cut=1 if ratio == 1 else (100 * ratio).__ceil__(),
        )
    )
    require("statement", bool(possible))
    best = min(possible, key=lambda own: (max(own.error, Fraction(1, 1000)), own.coarseness))
    require("statement", best.error <= Fraction(1, 100) and best.coarseness <= Fraction(1, 2**16))
    found = integers_of(best, method, rates, momenta, rows - len(forgotten))
    return replace(found, unused=unused_features(spec["without"], encoding))


def integers_of(
    best: Candidate, method: dict[str, Any], rates: list[Fraction], momenta: list[Fraction], count: int
) -> OnePassIntegers:
    epochs, rho, table = method["epochs"], best.rho(count), best.table()
    whole = rho * count * 4**best.x_bits
    penalty = nearest(best.l2 * Fraction(whole, 2**best.s))
    factor, tau = best.penalty
    own = method["standardize"]
    bound_of_penalty = (factor * table["scaled product"][0] + 2**tau // 2) >> tau
    return OnePassIntegers(
        epochs=epochs,
        shift=best.h,
        weight_bits=best.weight_bits,
        fine_bits=best.f,
        factor=rho,
        product_shift=best.s,
        target_raise=max(0, -best.a_less_c),
        target_shift=max(0, best.a_less_c),
        c_epoch=[nearest(rate / max(rates) * best.cut) for rate in rates * (epochs // len(rates))],
        m_epoch=[momentum(share, best.h) for share in momenta],
        penalty=penalty,
        penalty_factor=factor * own,
        penalty_shift=tau * own,
        corner=((whole + 2 ** (best.s - 1)) >> best.s) + penalty * method["penalize_intercept"],
        count=count,
        target_bits=1 + ((table["target"][0] >> max(0, best.a_less_c)) + 2).bit_length(),
        penalty_bits=max(1, bound_of_penalty.bit_length()),
        standardization=Standardization(best.rows, count, best.x_bits, 15, 0) if own else None,
    )
