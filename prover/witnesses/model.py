"""A model's integers as the columns of its commitment."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import Vector, to_field
from ...circuits.language.layout import Address
from ...circuits.relations.model import COEFFICIENTS, INTERCEPT


def model_cells(features: int, integers: npt.NDArray[np.int64]) -> dict[Address, Vector]:
    """The columns of circuits/relations/model.py, from the integers of models, (.., K)."""
    weights, intercept = np.split(to_field(integers), [features], axis=-1)
    own = {COEFFICIENTS: np.ascontiguousarray(weights)}
    return {**own, **({INTERCEPT: np.ascontiguousarray(intercept[..., 0])} if intercept.size else {})}
