"""A noisy optimum as it is proved: the columns of circuits/relations/noisy.py; how it is found: optimum_search.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...circuits.field.goldilocks import to_field
from ...circuits.language.layout import Address
from ...circuits.relations.noise import NOISY_BIAS, NOISY_WEIGHTS
from ...circuits.relations.noisy import Noisy
from ...models.convergence import Curve
from ...models.methods import Noisy as NoisyMethod
from ...models.methods.noisy_certificate import NoisyCertificate
from ...models.methods.noisy_reference import Noised, noised, noisy_model, published
from ...models.methods.optimum_reference import RowValues
from ...models.noise import COIN_BITS
from ..matrices.commitment import Cells
from ..matrices.entropy import random_integers
from ..matrices.multiplicities import LookedUpRows, multiplicities, signed_rows
from ..matrices.values import Witness
from .certified import certified_integers, committed_limbs, parameter_integers, residual_columns
from .curve import Integers
from .model import model_cells
from .optimum import certified_curve
from .optimum_search import joined, nearest_points, of_outputs, points_at
from .rows import Rows
from .wide_search import MOST_DENSE, nearest_wide


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class FoundNoisy:
    """Weights near the optimum, and their noise: what is committed of rows and of weights."""

    rows: RowValues
    noised: Noised


def find_noisy(rows: Rows, schedule: NoisyCertificate, committed: Sequence[Integers] = ()) -> FoundNoisy:
    """Weights near the optimum of the rows that count, with noise.

    Args:
        committed: W and R, int64 (2, O K), to which the owner has committed; without them both are found now.

    Raises:
        TrainingError: the declared distance has no certificate, or a score or weight is out of range.
    """
    if committed:
        ((weights, coins),) = committed
        points = points_at(rows, schedule, weights)
    else:
        nearest = nearest_points if schedule.width <= MOST_DENSE else nearest_wide
        points = nearest(rows, schedule)
        coins = random_integers(COIN_BITS, schedule.weight_count)
    near = joined(points)
    return FoundNoisy(near.rows, noised(near.weights, near.gradient, coins.reshape(near.weights.shape), schedule))


def committed_noise(found: FoundNoisy) -> Integers:
    """What the owner commits to before there is a nonce: W and R, int64 (2, O K)."""
    return np.stack([found.noised.weights.ravel(), found.noised.coins.ravel()])


def noise_cells(relation: Noisy, committed: Integers) -> dict[Address, Cells]:
    """The columns of that commitment."""
    weights, coins = (of_outputs(relation.schedule, own) for own in committed)
    integers = parameter_integers(relation, signed={"weight": weights}, unsigned={"coins": coins})
    return committed_limbs(relation, integers)[0]


def noisy_integers(schedule: NoisyCertificate, found: FoundNoisy) -> Integers:
    """The integers of the model, int64 (O, K)."""
    return noisy_model(found.noised, schedule)


def noisy_curve(rows: Rows, method: NoisyMethod, schedule: NoisyCertificate, found: FoundNoisy) -> Curve:
    """Zero weights, and the published model. There are no steps that notes could be on."""
    return certified_curve(rows, method, schedule, published(found.noised, schedule))


def noisy_witness(relation: Noisy, found: FoundNoisy) -> Witness:
    """Columns of the model, the noise and the witness, z and step times middle."""
    cells, looked_up = noised_columns(relation, found)
    model = model_cells(relation.schedule.features, noisy_integers(relation.schedule, found))
    return Witness({**cells, **model, **multiplicities(relation.sections, looked_up)}, looked_up)


def noised_columns(relation: Noisy, found: FoundNoisy) -> tuple[dict[Address, Cells], dict[str, LookedUpRows]]:
    """What is committed and virtual of a certificate and its noise, and what is looked up of it."""
    own = found.noised
    integers = certified_integers(relation, own) | parameter_integers(
        relation,
        signed={"model": own.rounded},
        unsigned={
            "coins": own.coins,
            "carry": own.carry,
            "above": own.above,
            "below": own.below,
            "rest": own.rest,
        },
    )
    limbs, limbs_looked_up = committed_limbs(relation, integers)
    rows, rows_looked_up = residual_columns(found.rows)
    cells, cells_looked_up = _noise_columns(relation.schedule, own)
    return {**rows, **limbs, **cells}, {**rows_looked_up, **limbs_looked_up, **cells_looked_up}


def _noise_columns(schedule: NoisyCertificate, own: Noised) -> tuple[dict[Address, Cells], dict[str, LookedUpRows]]:
    """eta with the edges of its cell, and what is looked up of them."""
    cells: dict[Address, Cells] = {}
    looked_up: dict[str, LookedUpRows] = {}
    d = schedule.features
    for place, parameter in enumerate((NOISY_WEIGHTS, NOISY_BIAS)[: 1 + schedule.bias]):
        noise, low, high = (
            each[..., d:].ravel() if place else each[..., :d] for each in (own.noise, own.low, own.high)
        )
        cells[parameter.noise] = to_field(noise)
        cells[parameter.low] = to_field(low)
        cells[parameter.high] = to_field(high)
        looked_up[f"{parameter.name} noise"] = signed_rows(noise)
    return cells, looked_up
