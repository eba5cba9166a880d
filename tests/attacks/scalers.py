"""What standardises, of integers that may be wrong: for provers who lie about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations.shard_scaler import RATE_ROOM, ShardScaler
from zkunlearn.circuits.relations.standardization import (
    ABOVE,
    BELOW,
    CENTRED_RATE,
    COUNTED,
    EXPONENT,
    FRACTION,
    FRACTION_LACK,
    FRACTION_REST,
    MEAN,
    MEAN_LACK,
    MEAN_REST,
    OFFSET,
    POWER,
    RATE,
    RATE_LACK,
    RATE_REST,
    SCALED_RATE,
    SPREAD,
    SQUARE,
    VARIANCE,
    ScalerRelation,
)
from zkunlearn.models.methods.standardization import Scaler, Standardization, scaler_of

from .harness import Columns

FEATURE = 1  # of which the lies are
Integers = dict[Address, Any]


def lying_scaler(public: Standardization, sums: tuple[Any, Any], **lies: int) -> Scaler:
    """The integers of a standardisation, one of which is `lies` too large for a feature; the rest follows.

    Args:
        sums: S and Q of the rows that count.
        lies: by how much, of mu, C, e, nu, V or D.
    """
    S, Q = sums
    n, f = public.count, public.half
    off = {name: np.eye(1, len(S), FEATURE, dtype=np.int64)[0] * by for name, by in lies.items()}
    zero = np.zeros_like(S)
    honest = scaler_of(public, S, Q)
    mu = honest.mu + off.get("mu", zero)
    B = S - n * mu
    C = Q - mu * (n * mu + 2 * B) + off.get("C", zero)
    e = honest.e + off.get("e", zero)
    power = np.left_shift(np.int64(1), e)
    nu = (power * B + f) // n + off.get("nu", zero)
    B2 = power * B - n * nu
    V = power * power * C - nu * (n * nu + 2 * B2) + off.get("V", zero)
    spread = V + public.floor
    D = (2 * public.amplitude + spread) // (2 * spread) + off.get("D", zero)
    return Scaler(mu, B + f, C, e, nu, B2 + f, V, D, 2 * public.amplitude + spread - 2 * D * spread)


def limbs(integer: Address, bits: int, values: Any) -> Columns:
    """Limbs that add up to integers of any size modulo p: what is too much is in the last limb."""
    names, left, found = limb_addresses(integer, bits), np.array(values, dtype=object), {}
    for name in names[:-1]:
        found[name] = np.array(left % 65536, dtype=np.uint64)
        left = left // 65536
    found[names[-1]] = np.array(left % MODULUS, dtype=np.uint64)
    return found


def scaler_integers(public: Standardization, lie: Scaler) -> Integers:
    """What columns hold, of one model: (d,), exponents (cap + 1, d)."""
    D = lie.D.astype(object)  # times a mean it may be more than 63 bits
    upper, lower = (np.array(bounds)[lie.e] for bounds in (public.upper, public.lower))
    return {
        MEAN_REST: lie.rho, MEAN_LACK: public.count - 1 - lie.rho,
        FRACTION_REST: lie.rho2, FRACTION_LACK: public.count - 1 - lie.rho2,
        ABOVE: upper - lie.C, BELOW: lie.C - lower,
        RATE: lie.D, RATE_REST: lie.rem, RATE_LACK: 2 * (lie.V + public.floor) - 1 - lie.rem,
        RATE_ROOM: public.largest_rate - lie.D,
        MEAN: lie.mu, FRACTION: lie.nu, POWER: lie.power, SQUARE: lie.power**2, SPREAD: lie.C, VARIANCE: lie.V,
        OFFSET: lie.shift, SCALED_RATE: D * lie.power, CENTRED_RATE: D * lie.shift,
        EXPONENT: (np.arange(public.cap + 1)[:, None] == lie.e).astype(np.int64),
    }  # fmt: skip


def scaler_columns(relation: ScalerRelation, integers: Mapping[Address, Any]) -> Columns:
    """What is committed of them, be they out of range."""
    names = (MEAN, FRACTION, EXPONENT, *relation.fields)
    found = {name: (np.asarray(integers[name]).astype(object) % MODULUS).astype(np.uint64) for name in names}
    for column, bits in relation.limbs.items():
        found |= limbs(column, bits, integers[column])
    return found


def shard_scaler_columns(relation: ShardScaler, lies: Sequence[Scaler]) -> Columns:
    """The same of all shards of a stage, of as many rows as count."""
    publics = [relation.public.of(count) for count in relation.counts]
    each = [scaler_integers(public, lie) for public, lie in zip(publics, lies, strict=True)]
    stacked = {column: np.stack([own[column] for own in each], axis=-2) for column in each[0]}
    counts = relation.counts.array()[:, None]
    return scaler_columns(relation, stacked | {name: counts * stacked[own] for name, own in COUNTED.items()})


def solved_modulo(rows: list[list[int]]) -> list[int]:
    """The solution of linear equations modulo p, of which each row has its right side last."""
    size = len(rows)
    for i in range(size):
        pivot = next(r for r in range(i, size) if rows[r][i] % MODULUS)
        rows[i], rows[pivot] = rows[pivot], rows[i]
        inverse = pow(rows[i][i], -1, MODULUS)
        rows[i] = [value * inverse % MODULUS for value in rows[i]]
        for r in range(size):
            if r != i:
                rows[r] = [(a - rows[r][i] * b) % MODULUS for a, b in zip(rows[r], rows[i], strict=True)]
    return [row[size] for row in rows]
