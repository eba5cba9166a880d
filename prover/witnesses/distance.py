"""The witness of a distance: the columns of circuits/relations/distance.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from ...circuits.field.goldilocks import to_field
from ...circuits.language.layout import Address
from ...circuits.relations.certified import BIAS
from ...circuits.relations.distance import Distance, LinearDistance
from ...circuits.relations.gram import Z
from ...circuits.statements.distance import DistanceStatement
from ...models.methods.base import Objective
from ...models.methods.distance_reference import Placed, placed_by_limbs, weights_of
from ...models.methods.gram_distance import GramDistance
from ...models.methods.gram_reference import LimbValues
from ...models.methods.link_distance import LinkDistance
from ...models.methods.optimum_reference import Near, RowValues
from ...models.methods.sisa import stages_of
from ..kernels import run_blas_tasks, spans
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, multiplicities
from ..matrices.values import Witness
from .certified import certified_integers, committed_limbs, parameter_integers, residual_columns
from .curve import Integers, Reals
from .gram_search import PIECE_CELLS, scores
from .one_pass import LEAST_ROWS
from .optimum_search import points_at
from .rows import Rows
from .sisa import by_part

LIMB_BITS = 14  # of residuals: times a feature, over as many rows as are looked at at once, they add up exactly


def place(rows: Rows, integers: Integers, schedule: LinkDistance | GramDistance) -> Placed:
    """What follows from a model, int64 (1, K), as in `Model`, on all rows.

    Raises:
        TrainingError: a weight, or the score of a row that counts, is out of range.
    """
    model = weights_of(integers, schedule)
    if isinstance(schedule, GramDistance):
        z = scores(rows, model, schedule)
        return placed_by_limbs(model, z, limb_sums(rows, z, schedule), schedule)
    (point,) = points_at(rows, schedule, model << schedule.unit_bits)
    return Placed(model, point.rows, point.gradient)


def rows_of(rows: Rows, objective: Objective) -> Rows:
    """Those that one of several models is about, with its own labels."""
    stage, own = objective.stage, rows
    if stage is not None:
        start = stage.first * stage.shards.shard_rows
        own = rows.part(start, start + stage.rows)
    if objective.shape.outputs == 1:
        return own
    return replace(own, labels=(own.labels == objective.output).astype(np.int32), outputs=1)


def model_at(statement: DistanceStatement, integers: Integers, objective: Objective) -> Integers:
    """The integers (1, K) of the model that an objective is of, from all of `Model`."""
    stage, output = objective.stage, slice(objective.output, objective.output + 1)
    if stage is None:
        return integers[output]
    own = stages_of(statement.training.schedule)
    run = next(run for run in own.runs if stage.first in run.shards)
    return by_part(own, integers, own.runs)[run, own.shards.slices][output, stage.first - run.first]


def limb_sums(rows: Rows, z: Integers, schedule: GramDistance) -> Integers:
    """G_i without penalties, int64 (3, K), exactly, from z_i of all rows."""
    cuts = spans(schedule.rows, cost=schedule.features, grain=LEAST_ROWS)
    first, *others = run_blas_tasks([partial(_sums_between, rows, z, schedule, *cut) for cut in cuts])
    found: Integers = sum(others, first)
    found[:, list(schedule.unused)] = 0
    return found << schedule.raised


def _sums_between(rows: Rows, z: Integers, schedule: GramDistance, first: int, last: int) -> Integers:
    own, (limb, shift), d = schedule, schedule.label_place, schedule.features
    found, step = np.zeros((len(z), own.width), dtype=np.int64), max(LEAST_ROWS, PIECE_CELLS // d)
    counted = own.live.mask()
    for start in range(first, last, step):
        part = slice(start, min(start + step, last))
        residuals = z[:, part].copy()
        residuals[limb] -= rows.labels[part].astype(np.int64) << shift
        residuals *= counted[part]
        found[:, :d] += _products(residuals, rows.by_feature[:, part].astype(np.float64))
        found[:, d:] += residuals.sum(axis=1, keepdims=True) << own.scales.x_bits
    return found


def _products(residuals: Integers, features: Reals) -> Integers:
    """residuals features^T, (3, d), by limbs of residuals whose products add up exactly."""
    found, rest = np.zeros((len(residuals), len(features)), dtype=np.int64), residuals
    bits = int(np.abs(residuals).max()).bit_length()
    for place in range(0, bits + 1, LIMB_BITS):
        last = place + LIMB_BITS > bits
        low = rest if last else rest & ((1 << LIMB_BITS) - 1)
        found += (low.astype(np.float64) @ features.T).astype(np.int64) << place
        rest = rest >> LIMB_BITS
    return found


def distance_witness(statement: DistanceStatement, placed: Sequence[Placed], near: Sequence[Near]) -> Witness:
    """Columns of the witness, and virtual ones, of each model; without those of data set and models."""
    columns: dict[Address, Cells] = {}
    looked_up: dict[str, LookedUpRows] = {}
    for (naming, relation), own, shown in zip(statement.parts, placed, near, strict=True):
        cells, found = _columns(relation, own, shown)
        columns |= {naming.address(column): values for column, values in cells.items()}
        looked_up |= {naming.prefix + lookup: values for lookup, values in found.items()}
    return Witness({**columns, **multiplicities(statement.certified.sections, looked_up)}, looked_up)


def _columns(
    relation: Distance | LinearDistance, placed: Placed, near: Near
) -> tuple[dict[Address, Cells], dict[str, LookedUpRows]]:
    integers = certified_integers(relation, near)
    if relation.schedule.slope is not None:
        del integers[BIAS.cut_rest]
    if isinstance(placed.rows, LimbValues):
        low, high = placed.rows.carries
        integers |= parameter_integers(relation, signed={"low_carry": low, "high_carry": high}, unsigned={})
    limbs, limbs_looked_up = committed_limbs(relation, integers)
    rows, rows_looked_up = _of_rows(placed.rows)
    return {**rows, **limbs}, rows_looked_up | limbs_looked_up


def _of_rows(rows: RowValues | LimbValues) -> tuple[dict[Address, Cells], dict[str, LookedUpRows]]:
    if isinstance(rows, RowValues):
        return residual_columns(rows)
    return {name: to_field(own) for name, own in zip(Z, rows.z, strict=True)}, {}
