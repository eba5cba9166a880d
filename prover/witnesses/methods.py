"""The run and the witness of each method of training, by the method's kind (models/methods)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from ...models.convergence import Curve
from ...models.methods import GradientDescent, OnePass
from ..matrices.values import Witness
from .curve import descent_curve
from .gradient_descent import training_witness
from .one_pass import one_pass_curve, one_pass_witness, solution_model, solution_notes, solve_rows
from .rows import Rows
from .run import descend, model_of, resolution_notes


@dataclass(frozen=True)
class Maker:
    """How the owner trains by a method, and proves it.

    Attributes:
        train: from rows and what the method compiled to a trace. Raises TrainingError.
        notes: on the schedule and the trace, what the owner should know before proving, such as what rounding took
            away; raises ParameterError where nothing is left.
        model: on the same, the integers of the model: `Model.integers`.
        curve: from rows, the method, what it compiled to and the trace, how the training went.
        witness: from the method's relation and the trace to the columns that are committed.
    """

    train: Callable[[Rows, Any], Any]
    notes: Callable[[Any, Any], tuple[str, ...]]
    model: Callable[[Any, Any], npt.NDArray[np.int64]]
    curve: Callable[[Rows, Any, Any, Any], Curve]
    witness: Callable[[Any, Any], Witness]


MAKERS_OF_METHOD: Mapping[str, Maker] = MappingProxyType(
    {
        GradientDescent.kind: Maker(descend, resolution_notes, model_of, descent_curve, training_witness),
        OnePass.kind: Maker(solve_rows, solution_notes, solution_model, one_pass_curve, one_pass_witness),
    }
)
