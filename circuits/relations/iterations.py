"""What a schedule of gradient descent says of its iterations, as public vectors (docs/protocol.md, "Training")."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Protocol

import numpy as np

from ...models.live import Live
from ...models.methods.schedule import Schedule
from ...models.runs import Runs
from ..field.goldilocks import ONE, K, Vector, kadd, kdot, kmul, kmul_base, kscalar, kscale, ksub, ksum, to_field
from ..field.multilinear import Point, eq_at, eq_index, eq_table, prefix, prefix_eq
from ..language.relation import PublicVector, outer

FEW_RUNS = 64
Iteration = tuple[Point, Point, Point]  # epoch, block, batch


class Rates(Protocol):
    """Public integers with a factor of the learning rate for each epoch."""

    @property
    def c_epoch(self) -> Runs:
        """c_e."""


def eq_on(point: Point, size: int, without: tuple[int, ...] = ()) -> PublicVector:
    """eq(point, i) on real i, but for some."""

    def table() -> Vector:
        values = eq_table(point)[:, :size]
        if without:
            values = values.copy()
            values[:, list(without)] = 0
        return values

    def evaluate(x: Point) -> K:
        whole = prefix_eq(point, x, size)
        return whole - kdot(eq_at(point, without), eq_at(x, without)) if without else whole

    return PublicVector(table, evaluate)


def epoch_rates(schedule: Rates, e: Point) -> PublicVector:
    """eq(e, e') c_e' on epochs e'."""
    return at_steps(schedule.c_epoch, e)


def decays(schedule: Schedule, t: Iteration) -> PublicVector:
    """eq(t, t') l_t' on real t' = (e', b', a')."""
    e, b, a = t
    batches = 1 if schedule.stage is None else schedule.batches
    steps = outer(eq_on(b, schedule.blocks), eq_on(a, batches), len(b))
    return outer(at_steps(schedule.l_epoch, e), steps, len(e))


def at_steps(values: Runs, e: Point) -> PublicVector:
    """eq(e, e') values_e' on epochs, or blocks, e'."""

    @cache
    def table() -> Vector:
        return kmul_base(eq_table(e)[:, : len(values)], _integers(values))

    return PublicVector(table, lambda point: kdot(table(), eq_table(point)[:, : len(values)]))


def class_weights(schedule: Schedule) -> PublicVector:
    """v_c on classes c."""

    @cache
    def table() -> Vector:
        values = np.zeros((2, schedule.outputs), dtype=np.uint64)
        values[0] = schedule.class_weights
        return values

    return PublicVector(table, lambda point: kdot(table(), eq_table(point)[:, : schedule.outputs]))


def block_factors(schedule: Schedule, b: Point) -> PublicVector:
    """eq(b, b') c_b' on blocks b'."""
    return at_steps(schedule.c_block, b)


def rate_at(schedule: Rates, e: Point) -> K:
    """sum over e' of eq(e, e') c_e'."""
    return extension(schedule.c_epoch, e)


def shift_weights(schedule: Schedule, t: Iteration) -> PublicVector:
    """2^h eq(t, t') - 2^h next(t, t') - l_t' eq(t, t') + m_t (eq(t, t') - before(t, t')) on real t' = (e', b', a').

    next(t, t') says that t' is the step after t, before(t, t') that it is the one before it: within an epoch, or
    from the last block to the first of the next epoch; of shards, from the last batch to the first of the same shard.
    m_t is that of the epoch of t, which is real too; in the first step of a shard it is 0, as there is none before.
    """
    e, b, a = t
    if schedule.stage is None:
        within = _shift(schedule, e, b)
        return PublicVector(lambda: within.table()[..., None], within.evaluate)
    within, shards, start = _shift(schedule, e, a), eq_on(b, schedule.shards), K(schedule.m_epoch[0])
    rest = start * eq_index(e, 0) * eq_index(a, 0)

    def table() -> Vector:
        steps = within.table()
        steps[:, 0, 0] = ksub(steps[:, 0, 0], kscale(ones(), rest))
        return kmul(steps[:, :, None, :], shards.table()[:, None, :, None])

    def evaluate(point: Point) -> K:
        x, y, z = point[: len(e)], point[len(e) : len(e) + len(b)], point[len(e) + len(b) :]
        return (within.evaluate((*x, *z)) - rest * eq_index(x, 0) * eq_index(z, 0)) * shards.evaluate(y)

    return PublicVector(table, evaluate)


def _shift(schedule: Schedule, e: Point, b: Point) -> PublicVector:
    """`shift_weights` of one model, of whose steps t' = (e', b')."""
    epochs, blocks = schedule.epochs, schedule.batches
    scale = K(1 << schedule.shift)

    @cache  # and not before it is needed: a plan has no use for it
    def vectors() -> tuple[Vector, ...]:
        at_e, at_b = eq_table(e)[:, :epochs], eq_table(b)[:, :blocks]
        moved = kmul_base(at_e, _integers(schedule.m_epoch))
        stay = kadd(ksub(kscale(at_e, scale), kmul_base(at_e, _integers(schedule.l_epoch))), moved)
        next_e = kscale(_shifted(at_e), -scale * eq_index(b, blocks - 1))
        before_e = kscale(_shifted_back(moved), -eq_index(b, 0))
        return at_b, stay, kscale(at_e, scale), next_e, moved, before_e

    def table() -> Vector:
        at_b, stay, scaled, next_e, moved, before_e = vectors()
        values = ksub(_outer(stay, at_b), _outer(scaled, _shifted(at_b)))
        values = ksub(values, _outer(moved, _shifted_back(at_b)))
        values[:, :, 0] = kadd(values[:, :, 0], next_e)
        values[:, :, -1] = kadd(values[:, :, -1], before_e)
        return values

    def evaluate(point: Point) -> K:
        at_b, *of_epochs = vectors()
        x, y = point[: len(e)], point[len(e) :]
        to_b = eq_table(y)[:, :blocks]
        stay, scaled, next_e, moved, before_e = _dots(of_epochs, eq_table(x)[:, :epochs])
        same_epoch = stay * kdot(at_b, to_b) - scaled * kdot(_shifted(at_b), to_b)
        same_epoch = same_epoch - moved * kdot(_shifted_back(at_b), to_b)
        return same_epoch + next_e * eq_index(y, 0) + before_e * eq_index(y, blocks - 1)

    return PublicVector(table, evaluate)


def block_rates(schedule: Schedule, b: Point) -> PublicVector:
    """eq(b, b_n) c_b S(n) on rows n, b being one block of J rows after another."""
    return _of_rows(schedule.live, schedule.block_size, schedule.c_block, b)


def counted_in_blocks(schedule: Schedule, b: Point) -> PublicVector:
    """eq(b, b_n) S(n) on rows n."""
    return _of_rows(schedule.live, schedule.block_size, schedule.c_block.map(lambda _: 1), b)


def counted_in_shards(schedule: Schedule, s: Point) -> PublicVector:
    """eq(s, s_n) S(n) on rows n, s being the shard."""
    return _of_rows(schedule.live, schedule.shard_places, schedule.shard_counts.map(lambda _: 1), s)


def _of_rows(live: Live, size: int, factors: Runs, b: Point) -> PublicVector:
    """eq(b, b_n) c_b S(n) on rows n, b_n being blocks of so many rows.

    The verifier's side takes O(blocks in all ranges + forgotten).
    """
    bits, blocks = len(b), len(factors)

    @cache
    def of_blocks() -> Vector:
        return kmul_base(eq_table(b)[:, :blocks], _integers(factors))

    def table() -> Vector:
        values = np.repeat(of_blocks(), size, axis=1)[:, : live.rows]
        values[:, ~live.mask()] = 0
        return values

    def evaluate(point: Point) -> K:
        rates, low = of_blocks(), point[bits:]
        weights = kmul(rates, eq_table(point[:bits])[:, :blocks])
        forgotten = np.array(live.forgotten, dtype=np.int64)
        total = -kdot(rates[:, forgotten // size], eq_at(point, live.forgotten))
        for start, stop in live.ranges:  # whole blocks, less what the first and the last one have outside the range
            first, last = start // size, (stop - 1) // size
            before, after = prefix(low, start - first * size), ONE - prefix(low, stop - last * size)
            whole = weights[:, first : last + 1]
            total = total + kdot(whole, ones(last + 1 - first))
            total = total - kscalar(whole[:, 0]) * before - kscalar(whole[:, -1]) * after
        return total

    return PublicVector(table, evaluate)


def in_base(values: Runs) -> Vector:
    """Integers below 2^62 as a K vector (2, n)."""
    own = _integers(values)
    return np.stack([own, np.zeros_like(own)])


def _integers(values: Runs) -> Vector:
    """Integers below 2^62 as F elements."""
    return to_field(values.array())


def extension(values: Runs, point: Point) -> K:
    """Their extension at a point: run by run where they are few, which needs no table."""
    if len(values.values) > FEW_RUNS:
        table = eq_table(point)[:, : len(values)]
        return kdot(kmul_base(table, _integers(values)), ones(len(values)))
    below, total = K(0), K(0)
    for value, end in zip(values.values, values.ends, strict=True):
        before, below = below, prefix(point, end)
        total = total + (below - before) * value
    return total


def ones(*shape: int) -> Vector:
    """A K array of ones, (2, *shape)."""
    values = np.zeros((2, *shape), dtype=np.uint64)
    values[0] = 1
    return values


def _outer(x: Vector, y: Vector) -> Vector:
    """Outer product of K vectors (2, m) and (2, n), shape (2, m, n)."""
    return kmul(x[:, :, None], y[:, None, :])


def _dots(vectors: Sequence[Vector], weights: Vector) -> list[K]:
    """Inner products of K vectors (2, n) with one."""
    products = kmul(np.stack(vectors, axis=1), weights[:, None])
    return [ksum(own) for own in products.swapaxes(0, 1)]


def _shifted_back(x: Vector) -> Vector:
    """x moved one place down, the last entry zero: i' -> x(i' + 1)."""
    return np.concatenate([x[:, 1:], np.zeros((2, 1), dtype=np.uint64)], axis=1)


def _shifted(x: Vector) -> Vector:
    """x moved one place up, the first entry zero: i' -> x(i' - 1)."""
    return np.concatenate([np.zeros((2, 1), dtype=np.uint64), x[:, :-1]], axis=1)
