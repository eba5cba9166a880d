"""A certified optimum as it is proved: the columns of circuits/relations/optimum.py. Where it is: optimum_search.py."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

import numpy as np

from ...circuits.language.layout import Address
from ...circuits.relations.optimum import Optimum
from ...models.convergence import ONE_LABEL, Curve, Multiplied, measured
from ...models.methods import Method
from ...models.methods import Optimum as OptimumMethod
from ...models.methods.certificate import Certificate, RoundedCertificate
from ...models.methods.link_certificate import OptimumCertificate
from ...models.methods.optimum_reference import RowValues, Settled, exported_model, first_settled
from ..kernels import run_blas_tasks
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, multiplicities
from ..matrices.values import Witness
from .certified import committed_limbs, residual_columns, rounded_integers
from .curve import Integers, Reals, outputs_to_learn
from .model import model_cells
from .optimum_search import joined, nearest_optima
from .rows import Rows
from .wide_search import MOST_DENSE, nearest_wide

FIGURES = 28  # bits of whole numbers that stand for real ones: as many as are multiplied in one go
R = TypeVar("R")


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Found(Generic[R]):
    """A certified optimum: what is committed and virtual of rows, and what is of weights."""

    rows: R
    settled: Settled


def find_optimum(rows: Rows, schedule: OptimumCertificate, near: Integers | None = None) -> Found[RowValues]:
    """The certified optimum on the rows that count.

    Args:
        near: weights to begin from, (O, K), or of one output (K,), in units of 2^-w_bits.

    Raises:
        TrainingError: no declared distance has a certificate, or a score or weight is out of range.
    """
    nearest = nearest_optima if schedule.width <= MOST_DENSE else nearest_wide
    found = joined(nearest(rows, schedule, near))
    return Found(found.rows, first_settled(found.weights, found.gradient, schedule))


def optimum_model(schedule: RoundedCertificate, found: Found[Any]) -> Integers:
    """The integers of the model, int64 (O, K)."""
    return exported_model(found.settled, schedule)


def found_distance(found: Found[Any]) -> int:
    """Which of the declared distances has a certificate."""
    return found.settled.number


def optimum_notes(schedule: RoundedCertificate, found: Found[Any]) -> tuple[str, ...]:
    """At which distance, where it is not the first that is declared."""
    number = found.settled.number
    if not number:
        return ()
    return (f"an edge of the grid is near: certified at distance number {number + 1}, {schedule.distances[number]}",)


def optimum_curve(rows: Rows, method: OptimumMethod, schedule: RoundedCertificate, found: Found[Any]) -> Curve:
    """Zero weights, and the model."""
    return certified_curve(rows, method, schedule, found.settled.model)


def certified_curve(rows: Rows, method: Method, schedule: Certificate, model: Integers) -> Curve:
    """Zero weights, and after what counts as one epoch a model (K,), or (O, K). There are no steps that notes could be
    on."""
    unit, labels = 2.0 ** -method.weight_bits(schedule.scales), rows.labels[schedule.live.mask()].astype(np.int64)
    outputs, models = outputs_to_learn(rows, schedule), model.reshape(schedule.outputs, schedule.width)
    weights = np.stack([np.zeros((len(outputs), schedule.width)), models[outputs] * unit])
    own = labels[:, None] if schedule.outputs == 1 else labels[:, None] == outputs
    piece = RealRows(rows, schedule), own / 2.0**schedule.label_bits, np.ones(len(labels))
    penalties = np.full(schedule.width, method.l2)
    (curve,) = run_blas_tasks([partial(measured, schedule.family, [piece], (0, 1), weights, penalties)])
    return replace(curve, notes=tuple(note for note in curve.notes if note == ONE_LABEL), stepped=False)


class RealRows(Multiplied):
    """Rows that count, in real numbers: products are those of the nearest whole numbers that have room, of which
    differences are 2^-29 of the largest or less."""

    def __init__(self, rows: Rows, schedule: Certificate) -> None:
        self._schedule, self._live = schedule, schedule.live.mask()
        self._products = rows.products

    def __len__(self) -> int:
        return self._schedule.live.count

    def __matmul__(self, weights: Reals) -> Reals:
        own, d = self._schedule, self._schedule.features
        whole, exponent = _whole(weights[:d])
        whole[list(own.unused)] = 0
        scores = np.zeros((whole.shape[1], own.rows))
        for i in np.flatnonzero(whole.any(axis=0)).tolist():
            scores[i] = self._products.scores(np.ascontiguousarray(whole[:, i]))
        found = np.ldexp(scores[:, self._live].T / own.one, -exponent) + weights[d:].sum(axis=0)
        return np.asarray(found, dtype=np.float64)

    def __rmatmul__(self, values: Reals) -> Reals:
        own, d = self._schedule, self._schedule.features
        whole, exponent = _whole(values)
        spread = np.zeros((len(values), own.rows), dtype=np.int64)
        spread[:, self._live] = whole
        sums = np.empty((len(values), own.width))
        sums[:, :d] = np.ldexp(np.stack([self._products.sums(row) for row in spread]) / own.one, -exponent)
        sums[:, list(own.unused)] = 0
        sums[:, d:] = values.sum(axis=1, keepdims=True)
        return sums


def _whole(values: Reals) -> tuple[Integers, int]:
    """Values times 2^exponent, in whole numbers that are multiplied in one go."""
    exponent = FIGURES - math.frexp(np.abs(values).max())[1]
    return np.rint(np.ldexp(values, exponent)).astype(np.int64), exponent


def settled_columns(relation: Optimum, found: Found[RowValues]) -> tuple[dict[Address, Cells], dict[str, LookedUpRows]]:
    """What is committed and virtual of a certificate and its rounding, and what is looked up of it."""
    limbs, limbs_looked_up = committed_limbs(relation, rounded_integers(relation, found.settled))
    rows, rows_looked_up = residual_columns(found.rows)
    return {**rows, **limbs}, {**rows_looked_up, **limbs_looked_up}


def optimum_witness(relation: Optimum, found: Found[RowValues]) -> Witness:
    """Columns of the model and the witness, z and step times middle."""
    cells, looked_up = settled_columns(relation, found)
    model = model_cells(relation.schedule.features, optimum_model(relation.schedule, found))
    return Witness({**cells, **model, **multiplicities(relation.sections, looked_up)}, looked_up)
