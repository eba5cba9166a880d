"""A certified optimum as it is proved: the columns of circuits/relations/optimum.py. Where it is: optimum_search.py."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ...circuits.relations.optimum import Optimum
from ...models.convergence import ONE_LABEL, Curve, measured
from ...models.methods import Method
from ...models.methods import Optimum as OptimumMethod
from ...models.methods.link_certificate import LinkCertificate, OptimumCertificate
from ...models.methods.optimum_reference import RowValues, Settled, exported_model, first_settled
from ..kernels import run_blas_tasks
from ..matrices.multiplicities import multiplicities
from ..matrices.values import Witness
from .certified import certified_integers, committed_limbs, parameter_integers, residual_columns
from .curve import Integers, Reals, Units, real_rows
from .model import model_cells
from .optimum_search import nearest_optimum
from .rows import Rows


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Found:
    """A certified optimum: what is committed of rows and of weights."""

    rows: RowValues
    settled: Settled


def find_optimum(rows: Rows, schedule: OptimumCertificate) -> Found:
    """The certified optimum on the rows that count.

    Raises:
        TrainingError: no declared distance has a certificate, or a score or weight is out of range.
    """
    (near,) = run_blas_tasks([partial(nearest_optimum, rows, schedule)])
    return Found(near.rows, first_settled(near.weights, near.gradient, schedule))


def optimum_model(schedule: OptimumCertificate, found: Found) -> Integers:
    """The integers of the model, int64 (1, K)."""
    return exported_model(found.settled, schedule)[None]


def found_distance(found: Found) -> int:
    """Which of the declared distances has a certificate."""
    return found.settled.number


def optimum_notes(schedule: OptimumCertificate, found: Found) -> tuple[str, ...]:
    """At which distance, where it is not the first that is declared."""
    number = found.settled.number
    if not number:
        return ()
    return (f"an edge of the grid is near: certified at distance number {number + 1}, {schedule.distances[number]}",)


def optimum_curve(rows: Rows, method: OptimumMethod, schedule: OptimumCertificate, found: Found) -> Curve:
    """Zero weights, and the model."""
    return certified_curve(rows, method, schedule, found.settled.model)


def certified_curve(rows: Rows, method: Method, schedule: LinkCertificate, model: Integers) -> Curve:
    """Zero weights, and after what counts as one epoch a model (K,). There are no steps that notes could be on."""
    unit = 2.0 ** -method.weight_bits(schedule.scales)
    weights = np.stack([np.zeros(schedule.width), model * unit])[:, None]
    factor = np.full(schedule.features, 1 / schedule.one)
    factor[list(schedule.unused)] = 0.0
    units = Units(factor, np.zeros(schedule.features), np.full(schedule.width, unit))

    def learnt(labels: Integers) -> tuple[Reals, Reals]:
        return labels[:, None].astype(np.float64), np.ones(len(labels))

    pieces = real_rows(rows, schedule, units, 2, learnt)
    penalties = np.full(schedule.width, method.l2)
    (curve,) = run_blas_tasks([partial(measured, schedule.family, pieces, (0, 1), weights, penalties)])
    return replace(curve, notes=tuple(note for note in curve.notes if note == ONE_LABEL), stepped=False)


def optimum_witness(relation: Optimum, found: Found) -> Witness:
    """Columns of the model and the witness, z and step times middle."""
    schedule, settled = relation.schedule, found.settled
    integers = certified_integers(relation, settled) | parameter_integers(
        relation,
        signed={"model": settled.model},
        unsigned={"below": settled.below, "above": settled.above},
    )
    limbs, limbs_looked_up = committed_limbs(relation, integers)
    rows, rows_looked_up = residual_columns(found.rows)
    model = model_cells(schedule.features, optimum_model(schedule, found))
    looked_up = rows_looked_up | limbs_looked_up
    counts = multiplicities(relation.sections, looked_up)
    return Witness({**rows, **model, **limbs, **counts}, looked_up)
