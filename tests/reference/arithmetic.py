"""arithmetic.md: the activation tables from their definition, and the schedule in exact rational arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate, repeat
from math import isqrt
from typing import Any

from .field import P, log2_ceil, require

HALF, CELLS = 1 << 15, 1 << 16
LABELS = {"binary": (0, 1), "categorical": (0, 1), "real": (-HALF, HALF - 1), "count": (0, CELLS - 1)}
CLASSES = ("binary", "categorical")
KINDS = {"logistic": CLASSES, "linear": ("binary", "real", "count"), "probit": CLASSES, "poisson": ("count",)}
TINY = Decimal(10) ** -30
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")


def exponentials(q_bits: int, sign: int) -> list[Decimal]:
    """e^(sign z) at the middles z of the cells q = 0, 1, ..: one multiplication each."""
    width = Decimal(sign) / (1 << q_bits)
    return list(accumulate(repeat(width.exp(), HALF - 1), lambda a, b: a * b, initial=(width / 2).exp()))


def normal(q_bits: int) -> list[Decimal]:
    """1/2 + density(z) (z + z^3/3 + z^5/(3 5) + ..) in the middles z of the cells q = 0, 1, ..

    The density's ratio from one cell to the next falls by e^(-1/4^q_bits) each time. Beyond 8 it is 1 to 2^-50.
    """
    fall = (Decimal(-1) / (1 << (2 * q_bits))).exp()
    density, ratio, values = (Decimal(-1) / (1 << (2 * q_bits + 3))).exp() / (2 * PI).sqrt(), fall, []
    for q in range(min(HALF, 8 << q_bits)):
        z = Decimal(2 * q + 1) / (1 << (q_bits + 1))
        term, square, total, n = z, z * z, z, 1
        while term > TINY:
            n += 2
            term = term * square / n
            total += term
        values.append(Decimal("0.5") + total * density)
        density, ratio = density * ratio, ratio * fall
    return values + [Decimal(1)] * (HALF - len(values))


@lru_cache
def activation_table(model: str, q_bits: int, p_bits: int) -> list[int]:
    """The entries for q = -2^15 .. 2^15 - 1."""
    if model == "linear":
        return [((2 * q + 1) * 2**p_bits + 2**q_bits) >> (q_bits + 1) for q in range(-HALF, HALF)]
    with localcontext(Context(prec=56, Emin=-999999, Emax=999999)):
        half = Decimal("0.5")

        def nearest(value: Decimal) -> int:
            scaled = value * 2**p_bits + half
            assert abs(scaled - scaled.to_integral_value()) > TINY or value in (0, 1)
            return int(scaled)

        if model == "poisson":
            below, above = exponentials(q_bits, -1), exponentials(q_bits, 1)
            require("statement", above[-1] * 2**p_bits < 2**62)
            return [nearest(v) for v in below[::-1] + above]
        if model == "logistic":
            upper = [1 / (1 + v) for v in exponentials(q_bits, -1)]
        else:
            upper = normal(q_bits)
        return [nearest(1 - v) for v in upper[::-1]] + [nearest(v) for v in upper]


# The schedule --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standardization:
    """What is public of standardised features: N, n, x_bits, the largest exponent, and A."""

    rows: int
    count: int
    x_bits: int
    cap: int
    amplitude: int

    @property
    def floor(self) -> int:
        """V0."""
        return floor_of(self.count, self.x_bits)

    @property
    def upper(self) -> list[int]:
        """T_e."""
        whole = self.count * 4**self.x_bits
        return [whole + self.count, *((whole - 1) // 4**e for e in range(1, self.cap + 1))]

    @property
    def lower(self) -> list[int]:
        """H_e."""
        whole = self.count * 4**self.x_bits
        return [*(-(-whole // 4 ** (e + 1)) for e in range(self.cap)), 0]

    @property
    def bits(self) -> dict[str, int]:
        """Of what is committed in limbs, in order."""
        most = spread_of(self.rows, self.x_bits)
        remainder = max(1, log2_ceil(self.rows))
        division = (2 * (most + floor_of(self.rows, self.x_bits))).bit_length()
        return {
            "mean remainder": remainder,
            "mean remainder complement": remainder,
            "mean fraction remainder": remainder,
            "mean fraction remainder complement": remainder,
            "spread from above": most.bit_length(),
            "spread from below": most.bit_length(),
            "rate": self.largest_rate.bit_length(),
            "rate remainder": division,
            "rate remainder complement": division,
        }

    @property
    def largest_rate(self) -> int:
        """D_max."""
        return self.amplitude // self.floor + 1

    @property
    def bias_rate(self) -> int:
        """D of the bias."""
        return nearest(Fraction(self.amplitude, self.count * 4**self.x_bits))


def floor_of(count: int, x_bits: int) -> int:
    return count * 4 ** max(0, x_bits - 5)


def spread_of(count: int, x_bits: int) -> int:
    """The largest C and V."""
    return count * (4**x_bits + 1)


@dataclass
class Schedule:
    """The integers of the update rule; names as in arithmetic.md."""

    width: int
    epochs: int
    blocks: int  # those of one model, or models of shards
    block_size: int  # rows of c_block
    shift: int
    weight_bits: int
    c_epoch: list[int]
    c_block: list[int]
    l_epoch: list[int]
    m_epoch: list[int]
    penalize_bias: bool
    class_weights: tuple[int, ...]
    label_multiplier: int
    table: list[int]
    unused: list[int]  # features that are left out
    standardization: Standardization | None = None
    scalers: list[Standardization] = field(default_factory=list)  # of each shard; `standardization` has the fewest rows
    batches: int = 1  # of each shard


def nearest(value: Fraction) -> int:
    """Ties go up."""
    return (value + HALF_OF_ONE).__floor__()


HALF_OF_ONE = Fraction(1, 2)
Factors = tuple[list[int], list[int], "Standardization | None"]  # c_epoch, c_block


@dataclass
class Problem:
    """What the choice of h depends on; `most` is m, the most rows of a block. `each`: A is a multiple of n."""

    rows: int
    features: int
    width: int
    blocks: int
    most: int
    residual: int
    rates: list[Fraction]
    l2: Fraction
    momenta: list[Fraction]
    x_bits: int
    w_bits: int
    p_bits: int
    each: bool = False

    def scaled(self, rate: Fraction, h: int) -> Fraction:
        """R."""
        return rate * Fraction(2) ** (h + self.w_bits - self.p_bits - self.x_bits)

    def coarse(self, error: Fraction, h: int) -> Fraction:
        """The rate error, that of the decay included."""
        return max(error, 1 / (2 * min(self.rates) * self.l2 * 2**h)) if self.l2 else error

    def fits(self, h: int, weight_bits: int) -> bool:
        w = 1 << (weight_bits - 1)
        expressions, moves = self.expressions(h, w)
        step = moves + nearest(max(self.rates) * self.l2 * 2**h) * w + 2 ** (h - 1)
        expressions += [self.residual, self.most * self.residual * 2**self.x_bits, step]
        moved = step + momentum(max(self.momenta), h) * (2 * w - 1)
        return max(expressions) < 2**62 and moved < 2**63 and (2 * w - 1) * 2**h + moved < P

    def choose(self) -> tuple[int, int]:
        """h and weight_bits."""
        best = None
        for weight_bits in (32, 24, 20):
            h = next((h for h in range(64 - weight_bits, 0, -1) if self.fits(h, weight_bits)), None)
            if h is not None and (best is None or self.error(h) < best[0]):
                best = self.error(h), h, weight_bits
            if best and best[0] < Fraction(1, 1000):
                break
        require("statement", best is not None and best[0] <= Fraction(1, 100))
        return best[1:]

    def expressions(self, h: int, w: int) -> tuple[list[int], int]:
        """Bounds that stay below 2^62, and that of what gradients add to a step."""
        raise NotImplementedError

    def error(self, h: int) -> Fraction:
        raise NotImplementedError

    def factors(self, h: int, weight_bits: int, live: list[int]) -> Factors:
        raise NotImplementedError


class Plain(Problem):
    """On features as they are."""

    def split(self, h: int) -> int:
        """The largest power of two whose square is at most min R * most; at least 1."""
        return 1 << max(0, ((self.scaled(min(self.rates), h) * self.most).__floor__().bit_length() - 1) // 2)

    def error(self, h: int) -> Fraction:
        smallest, s = self.scaled(min(self.rates), h), self.split(h)
        if self.blocks == 1:
            return self.coarse(self.most / (2 * smallest), h)
        return self.coarse((1 + s / (2 * smallest)) * (1 + Fraction(self.most, 2 * s)) - 1, h)

    def expressions(self, h: int, w: int) -> tuple[list[int], int]:
        largest, s, half = self.scaled(max(self.rates), h), self.split(h), HALF_OF_ONE
        product = largest + half * self.most
        if self.blocks > 1:
            product = max(product, (largest / s + half) * (s + half * self.most))
        score = self.width * 2**self.x_bits * w
        return [score + 2**31 + 2**16], (product.__floor__() + 1) * self.residual * 2**self.x_bits

    def factors(self, h: int, weight_bits: int, live: list[int]) -> Factors:
        if len(set(live)) == 1:
            c_block, divisor = [1] * self.blocks, live[0]
        else:
            divisor = self.split(h)
            c_block = [nearest(Fraction(divisor, n)) if n else 0 for n in live]
        return [nearest(self.scaled(rate, h) / divisor) for rate in self.rates], c_block, None


@dataclass
class Cut:
    """How the digits of a rate are cut: the scales of c_e and of c_b, and A_m."""

    of_epochs: int
    of_blocks: int
    amplitude: Fraction
    error: Fraction


class Standardized(Problem):
    """On features with mean zero and spread one."""

    def total(self, h: int) -> Fraction:
        return self.scaled(max(self.rates), h) * 4**self.x_bits

    def cut(self, h: int) -> Cut:
        most, total = spread_of(self.most, self.x_bits) + floor_of(self.most, self.x_bits), self.total(h)
        ratio, several, blocks = max(self.rates) / min(self.rates), len(set(self.rates)) > 1, self.blocks > 1
        more = log2_ceil(ratio.__ceil__())
        room = (total / most).__floor__().bit_length() - 1 - more
        share = max(0, room) // (1 + several + blocks)
        of_epochs, of_blocks = 1 << ((share + more) * several), 1 << (share * blocks)
        amplitude = total / (of_epochs * of_blocks)
        error = (1 + most / (2 * amplitude)) * (1 + (self.most if self.each else 1) / (2 * amplitude))
        error *= 1 + ratio / (2 * of_epochs) if several else 1
        error *= 1 + Fraction(1, 2 * of_blocks) if blocks else 1
        return Cut(of_epochs, of_blocks, amplitude, error - 1)

    def error(self, h: int) -> Fraction:
        return self.coarse(self.cut(h).error, h)

    def amplitude(self, cut: Cut, count: int) -> int:
        """A."""
        if self.each:
            return max(1, nearest(cut.amplitude / self.most)) * count
        return max(1, nearest(cut.amplitude * (Fraction(count, self.most) if self.blocks > 1 else 1)))

    def feature(self, cap: int) -> int:
        """The largest standardised feature."""
        return 2 ** (self.x_bits + 1 + cap) + 2**cap

    def cap(self, w: int) -> int:
        return next((cap for cap in range(15, 0, -1) if self.width * self.feature(cap) * w < 2**62), 0)

    def expressions(self, h: int, w: int) -> tuple[list[int], int]:
        score = self.width * self.feature(self.cap(w)) * w
        spread, floor = spread_of(self.rows, self.x_bits), floor_of(self.rows, self.x_bits)
        own = self.residual * (isqrt(self.most * spread) + 1)
        division = 4 * self.amplitude(self.cut(h), self.rows) * -(-(spread + floor) // floor) + 6 * (spread + floor)
        rates = (1 + self.error(h)) * self.total(h) * self.residual / (2 * 2 ** max(0, self.x_bits - 5))
        moves = (rates * (isqrt(self.rows) + 1 if self.blocks > 1 else 1)).__floor__() + 1
        return [score + 2**31 + 2**16, own, 2**62 if division >= P else 0], moves

    def factors(self, h: int, weight_bits: int, live: list[int]) -> Factors:
        cut = self.cut(h)
        c_epoch = [nearest(rate / max(self.rates) * cut.of_epochs) for rate in self.rates]
        c_block = [nearest(Fraction(cut.of_blocks * self.most, n)) if n else 0 for n in live]
        amplitude, cap = self.amplitude(cut, sum(live)), self.cap(1 << (weight_bits - 1))
        scaler = Standardization(self.rows, sum(live), self.x_bits, cap, amplitude)
        return c_epoch, c_block if self.blocks > 1 else [1], scaler


def schedule(spec: dict[str, Any], dataset: dict[str, Any], forgotten: list[int]) -> Schedule:
    rows, method = dataset["rows"], spec["method"]
    block_size = method["batch_size"] or 1 << log2_ceil(rows)
    blocks = -(-rows // block_size)
    problem = problem_of(spec, dataset, rows, blocks, min(block_size, rows))
    h, weight_bits = problem.choose()
    live = [min(block_size, rows - b * block_size) for b in range(blocks)]
    for position in forgotten:
        live[position // block_size] -= 1
    factors = problem.factors(h, weight_bits, live)
    return scheduled(spec, dataset, problem, (h, weight_bits), block_size, factors)


def problem_of(spec: dict[str, Any], dataset: dict[str, Any], rows: int, blocks: int, most: int) -> Problem:
    encoding, family, method, scales = dataset["encoding"], spec["family"], spec["method"], spec["scales"]
    kind, label_bits, epochs = encoding["label_kind"], encoding["label_bits"], method["epochs"]
    x_bits, w_bits, p_bits = scales["x_bits"], scales["w_bits"], scales["p_bits"]
    require("statement", x_bits == encoding["x_bits"] and kind in KINDS[family] and p_bits >= label_bits)
    table = activation_table(family, x_bits + w_bits - 16, p_bits)
    low, high = (y << (p_bits - label_bits) for y in LABELS[kind])
    weights = class_weights(method["class_weight"], kind, encoding)
    features = len(encoding["features"])
    rates = [Fraction(float(rate)) for rate in method["learning_rate"]]
    return (Standardized if method.get("standardize") else Plain)(
        rows=rows,
        features=features,
        width=features + method["bias"],
        blocks=blocks,
        most=most,
        residual=max(weights) * max(max(table) - low, high - min(table)),
        rates=rates * epochs if len(rates) == 1 else rates,
        l2=Fraction(float(method["l2"])),
        momenta=momenta_of(method["momentum"], epochs),
        x_bits=x_bits,
        w_bits=w_bits,
        p_bits=p_bits,
    )


def scheduled(
    spec: dict[str, Any],
    dataset: dict[str, Any],
    problem: Problem,
    chosen: tuple[int, int],
    block_size: int,
    factors: Factors,
) -> Schedule:
    """`chosen` is h and weight_bits."""
    (h, weight_bits), (c_epoch, c_block, standardization) = chosen, factors
    encoding, method = dataset["encoding"], spec["method"]
    return Schedule(
        width=problem.width,
        epochs=method["epochs"],
        blocks=len(c_block),
        block_size=block_size,
        shift=h,
        weight_bits=weight_bits,
        c_epoch=c_epoch,
        c_block=c_block,
        l_epoch=[nearest(rate * problem.l2 * 2**h) for rate in problem.rates],
        m_epoch=[momentum(share, h) for share in problem.momenta],
        penalize_bias=method["penalize_intercept"],
        class_weights=class_weights(method["class_weight"], encoding["label_kind"], encoding),
        label_multiplier=1 << (problem.p_bits - encoding["label_bits"]),
        table=activation_table(spec["family"], problem.x_bits + problem.w_bits - 16, problem.p_bits),
        unused=unused_features(spec["without"], encoding),
        standardization=standardization,
    )


def unused_features(without: list[str], encoding: dict[str, Any]) -> list[int]:
    """Numbers of the features that a spec leaves out; some are left."""
    if not without:
        return []
    names = [column["name"] for column in encoding["features"]]
    require("statement", set(without) < set(names))
    return sorted(names.index(name) for name in without)


def momentum(share: Fraction, h: int) -> int:
    return min(nearest(share * 2**h), 2**h - 1)


def momenta_of(texts: list[str], epochs: int) -> list[Fraction]:
    """One an epoch."""
    if texts == ["increasing"]:
        return [Fraction(e, e + 3) for e in range(epochs)]
    momenta = [Fraction(float(text)) for text in texts or ["0.0"]]
    return momenta * epochs if len(momenta) == 1 else momenta


def class_weights(entries: list[dict[str, Any]], kind: str, encoding: dict[str, Any]) -> tuple[int, ...]:
    """v_0, v_1, ..: of labels without classes, which count once, two as if there were."""
    classes = encoding["label_classes"] if kind in CLASSES else [None, None]
    if not entries:
        return (1,) * len(classes)
    weights = {entry["label"]: entry["weight"] for entry in entries}
    require("statement", kind in CLASSES and set(weights) == set(classes))
    return tuple(weights[label] for label in classes)
