"""The witness of a distance: the columns of circuits/relations/distance.py."""

from __future__ import annotations

from functools import partial

from ...circuits.relations.certified import BIAS
from ...circuits.relations.distance import Distance
from ...models.methods.distance import DistanceCertificate
from ...models.methods.distance_reference import Placed, weights_of
from ...models.methods.optimum_reference import Near
from ..kernels import run_blas_tasks
from ..matrices.multiplicities import multiplicities
from ..matrices.values import Witness
from .certified import certified_integers, committed_limbs, residual_columns
from .curve import Integers
from .optimum_search import point_at
from .rows import Rows


def place(rows: Rows, integers: Integers, schedule: DistanceCertificate) -> Placed:
    """What follows from a model, int64 (1, K), as in `Model`.

    Raises:
        TrainingError: a weight, or the score of a row that counts, is out of range.
    """
    model = weights_of(integers, schedule)
    (point,) = run_blas_tasks([partial(point_at, rows, schedule, model << schedule.unit_bits)])
    return Placed(model, point.rows, point.gradient)


def distance_witness(relation: Distance, placed: Placed, near: Near) -> Witness:
    """Columns of the witness, z and step times middle; without those of data set and model."""
    integers = certified_integers(relation, near)
    if relation.schedule.slope is not None:
        del integers[BIAS.cut_rest]
    limbs, limbs_looked_up = committed_limbs(relation, integers)
    rows, rows_looked_up = residual_columns(placed.rows)
    looked_up = rows_looked_up | limbs_looked_up
    return Witness({**rows, **limbs, **multiplicities(relation.sections, looked_up)}, looked_up)
