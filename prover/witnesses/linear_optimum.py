"""A linear model's certified optimum as it is proved: the columns of circuits/relations/linear_optimum.py."""

from __future__ import annotations

from ...circuits.field.goldilocks import to_field
from ...circuits.relations.gram import Z
from ...circuits.relations.linear_optimum import LinearOptimum
from ...models.methods.gram_certificate import LinearOptimumCertificate
from ...models.methods.gram_reference import LimbValues
from ...models.methods.optimum_reference import first_settled
from ..matrices.multiplicities import multiplicities
from ..matrices.values import Witness
from .certified import committed_limbs, parameter_integers, rounded_integers
from .gram_search import nearest_linear
from .model import model_cells
from .optimum import Found, optimum_model
from .rows import Rows
from .wide_search import MOST_DENSE, nearest_wide_linear


def find_linear_optimum(rows: Rows, schedule: LinearOptimumCertificate) -> Found[LimbValues]:
    """The certified optimum on the rows that count.

    Raises:
        TrainingError: no declared distance has a certificate, or a weight is out of range.
    """
    nearest = nearest_linear if schedule.width <= MOST_DENSE else nearest_wide_linear
    near, values = nearest(rows, schedule)
    return Found(values, first_settled(near.weights, near.gradient, schedule))


def linear_optimum_witness(relation: LinearOptimum, found: Found[LimbValues]) -> Witness:
    """Columns of the model and the witness, and z of each limb."""
    low, high = found.rows.carries
    carries = parameter_integers(relation, signed={"low_carry": low, "high_carry": high}, unsigned={})
    integers = rounded_integers(relation, found.settled) | carries
    limbs, looked_up = committed_limbs(relation, integers)
    model = model_cells(relation.schedule.features, optimum_model(relation.schedule, found))
    counts = multiplicities(relation.sections, looked_up)
    scores = {name: to_field(own) for name, own in zip(Z, found.rows.z, strict=True)}
    return Witness({**model, **limbs, **scores, **counts}, looked_up)
