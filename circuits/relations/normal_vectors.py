"""Public vectors of one-pass training: which rows count, and how a step follows from those before it."""

from __future__ import annotations

from functools import cache

import numpy as np

from ...models.live import Live
from ...models.methods.normal_equations import NormalEquations
from ..field.goldilocks import K, Vector, kadd, kdot, kmul, kmul_base, kscale, ksub, to_field
from ..field.multilinear import Point, eq_table
from ..language.layout import Axis
from ..language.relation import PublicVector
from .standardization import counted


def counted_times(live: Live, row: Axis, factor: K) -> PublicVector:
    """factor S(n) on rows n."""
    rows = counted(live, row)
    return PublicVector(lambda: kscale(rows.table(), factor), lambda point: rows.evaluate(point) * factor)


def sum_of(first: PublicVector, second: PublicVector, share: K) -> PublicVector:
    """first + share second."""
    return PublicVector(
        lambda: kadd(first.table(), kscale(second.table(), share)),
        lambda point: first.evaluate(point) + second.evaluate(point) * share,
    )


def diagonal(point: Point, size: int, factor: K) -> PublicVector:
    """factor eq(point, i) [i = j] on pairs (i, j) of real ones."""
    bits = len(point)

    @cache
    def own() -> Vector:
        return kscale(eq_table(point)[:, :size], factor)

    def table() -> Vector:
        values = np.zeros((2, size, size), dtype=np.uint64)
        values[:, np.arange(size), np.arange(size)] = own()
        return values

    def evaluate(at: Point) -> K:
        return kdot(kmul(own(), eq_table(at[:bits])[:, :size]), eq_table(at[bits:])[:, :size])

    return PublicVector(table, evaluate)


def shifted_steps(schedule: NormalEquations, t: Point) -> PublicVector:
    """2^h (eq(t, t') - [t' = t + 1]) + m_t (eq(t, t') - [t' = t - 1]) on real t', as extensions in t of real t."""
    steps, scale = schedule.epochs, K(1 << schedule.shift)

    @cache  # and not before it is needed: a plan has no use for it
    def table() -> Vector:
        at = eq_table(t)[:, :steps]
        moved = kmul_base(at, to_field(schedule.m_epoch.array()))
        none = np.zeros((2, 1), dtype=np.uint64)
        after = np.concatenate([none, at[:, :-1]], axis=1)
        before = np.concatenate([moved[:, 1:], none], axis=1)
        return ksub(kadd(kscale(ksub(at, after), scale), moved), before)

    return PublicVector(table, lambda point: kdot(table(), eq_table(point)[:, :steps]))
