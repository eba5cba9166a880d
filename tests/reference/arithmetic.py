"""arithmetic.md: the activation tables from their definition, and the schedule in exact rational arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate, repeat
from typing import Any

from .field import P, log2_ceil, require

HALF, CELLS = 1 << 15, 1 << 16
LABELS = {"binary": (0, 1), "real": (-HALF, HALF - 1), "count": (0, CELLS - 1)}
KINDS = {"logistic": ("binary",), "linear": tuple(LABELS), "probit": ("binary",), "poisson": ("count",)}
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


@dataclass
class Schedule:
    """The integers of the update rule; names as in arithmetic.md."""

    width: int
    epochs: int
    blocks: int
    block_size: int
    shift: int
    weight_bits: int
    c_epoch: list[int]
    c_block: list[int]
    l_epoch: list[int]
    m_epoch: list[int]
    penalize_bias: bool
    class_weights: tuple[int, int]
    label_multiplier: int
    table: list[int]


def nearest(value: Fraction) -> int:
    """Ties go up."""
    return (value + Fraction(1, 2)).__floor__()


def schedule(spec: dict[str, Any], dataset: dict[str, Any], forgotten: list[int]) -> Schedule:
    rows, encoding = dataset["rows"], dataset["encoding"]
    kind, label_bits = encoding["label_kind"], encoding["label_bits"]
    family, method, scales = spec["family"], spec["method"], spec["scales"]
    x_bits, w_bits, p_bits, epochs = scales["x_bits"], scales["w_bits"], scales["p_bits"], method["epochs"]
    require("statement", x_bits == encoding["x_bits"] and kind in KINDS[family] and p_bits >= label_bits)
    table = activation_table(family, x_bits + w_bits - 16, p_bits)
    multiplier = 1 << (p_bits - label_bits)
    low, high = (y * multiplier for y in LABELS[kind])
    weights = class_weights(method["class_weight"], kind, encoding)
    residual = max(weights) * max(max(table) - low, high - min(table))
    width = len(encoding["features"]) + method["bias"]
    block_size = method["batch_size"] or 1 << log2_ceil(rows)
    blocks = -(-rows // block_size)
    most = min(block_size, rows)
    rates = [Fraction(float(rate)) for rate in method["learning_rate"]]
    rates = rates * epochs if len(rates) == 1 else rates
    l2 = Fraction(float(method["l2"]))
    momenta = momenta_of(method["momentum"], epochs)
    half = Fraction(1, 2)

    def scaled(rate: Fraction, h: int) -> Fraction:
        return rate * Fraction(2) ** (h + w_bits - p_bits - x_bits)

    def split(h: int) -> int:
        """The largest power of two whose square is at most min R * most; at least 1."""
        return 1 << max(0, ((scaled(min(rates), h) * most).__floor__().bit_length() - 1) // 2)

    def error(h: int) -> Fraction:
        smallest, s = scaled(min(rates), h), split(h)
        if blocks == 1:
            worst = most / (2 * smallest)
        else:
            worst = (1 + s / (2 * smallest)) * (1 + Fraction(most, 2 * s)) - 1
        return max(worst, 1 / (2 * min(rates) * l2 * 2**h)) if l2 else worst

    def fits(h: int, weight_bits: int) -> bool:
        largest, s, w = scaled(max(rates), h), split(h), 1 << (weight_bits - 1)
        product = largest + half * most
        if blocks > 1:
            product = max(product, (largest / s + half) * (s + half * most))
        score = width * 2**x_bits * w
        step = (product.__floor__() + 1) * residual * 2**x_bits + nearest(max(rates) * l2 * 2**h) * w + 2 ** (h - 1)
        expressions = (score + 2**31 + 2**16, residual, most * residual * 2**x_bits, step)
        moved = step + momentum(max(momenta), h) * (2 * w - 1)
        return max(expressions) < 2**62 and moved < 2**63 and (2 * w - 1) * 2**h + moved < P

    best = None
    for weight_bits in (32, 24, 20):
        h = next((h for h in range(64 - weight_bits, 0, -1) if fits(h, weight_bits)), None)
        if h is not None and (best is None or error(h) < best[0]):
            best = error(h), h, weight_bits
        if best and best[0] < Fraction(1, 1000):
            break
    require("statement", best is not None and best[0] <= Fraction(1, 100))
    _, h, weight_bits = best

    live = [min(block_size, rows - b * block_size) for b in range(blocks)]
    for position in forgotten:
        live[position // block_size] -= 1
    if len(set(live)) == 1:
        c_block, divisor = [1] * blocks, live[0]
    else:
        divisor = split(h)
        c_block = [nearest(Fraction(divisor, n)) if n else 0 for n in live]
    c_epoch = [nearest(scaled(rate, h) / divisor) for rate in rates]
    l_epoch = [nearest(rate * l2 * 2**h) for rate in rates]
    return Schedule(
        width=width,
        epochs=epochs,
        blocks=blocks,
        block_size=block_size,
        shift=h,
        weight_bits=weight_bits,
        c_epoch=c_epoch,
        c_block=c_block,
        l_epoch=l_epoch,
        m_epoch=[momentum(share, h) for share in momenta],
        penalize_bias=method["penalize_intercept"],
        class_weights=weights,
        label_multiplier=multiplier,
        table=table,
    )


def momentum(share: Fraction, h: int) -> int:
    return min(nearest(share * 2**h), 2**h - 1)


def momenta_of(texts: list[str], epochs: int) -> list[Fraction]:
    """One an epoch."""
    if texts == ["increasing"]:
        return [Fraction(e, e + 3) for e in range(epochs)]
    momenta = [Fraction(float(text)) for text in texts or ["0.0"]]
    return momenta * epochs if len(momenta) == 1 else momenta


def class_weights(entries: list[dict[str, Any]], kind: str, encoding: dict[str, Any]) -> tuple[int, int]:
    """v_0 and v_1."""
    if not entries:
        return 1, 1
    weights = {entry["label"]: entry["weight"] for entry in entries}
    require("statement", kind == "binary" and set(weights) == set(encoding["label_classes"]))
    first, second = (weights[label] for label in encoding["label_classes"])
    return first, second
