"""A proved model in a `torch.nn.Linear`, which then answers as the model does, but for rounding that is bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError, require_type
from ..models.encoding.dataset import DatasetEncoding
from ..models.encoding.maps import LINEAR
from ..prover.owner.prediction import Predictor, label_units

if TYPE_CHECKING:
    import torch

FloatArray = npt.NDArray[np.float64]
MORE_ROUNDINGS = 4  # of an input and a coefficient each, and of the bias and its sum


def copy_into(linear: torch.nn.Linear, model: Predictor) -> float:
    """Set the weights of a module to those of a model, in the units of the features as they were committed.

    Then `linear(X)`, for rows X of features in the order of `model.feature_names_in_`, is what
    `model.decision_function(X)` is: the logit, or the logarithm of the expected count; of several classes that of each.
    Of a linear regression it is `model.predict(X)`.

    Args:
        linear: of as many inputs as there are features, and an output; of several classes one for each. What it has
            learnt is overwritten; its type and device stay.

    Returns:
        By how much the two may differ, at most, for inputs within the declared bounds: inputs that the module does not
        round to the grid, and sums in its own type (on devices that add in that type).

    Raises:
        ParameterError: the module has another shape, or no bias where the model has an intercept; a feature is mapped
            by its logarithm, which no linear module can do; or an argument of another type.
    """
    import torch

    require_type("linear", linear, torch.nn.Linear)
    require_type("model", model, Predictor, "of what `prove` returns it is `.model`")
    encoding = model.encoding
    weights, bias = np.atleast_2d(model.coef_), np.atleast_1d(np.asarray(model.intercept_, dtype=np.float64))
    require_module(linear, encoding, len(weights))
    if linear.bias is None and bias.any():
        raise ParameterError("linear: has no bias, but the model has an intercept where features are 0")
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(weights))
        if linear.bias is not None:
            linear.bias.copy_(torch.from_numpy(bias))
    return _error(model, weights, bias, float(torch.finfo(linear.weight.dtype).eps))


def require_module(linear: torch.nn.Linear, encoding: DatasetEncoding, outputs: int) -> None:
    """A module has the shape that models of such a data set have. Raises ParameterError."""
    mapped = [column.name for column in encoding.features if column.map != LINEAR]
    if mapped:
        raise ParameterError("its logarithm is what the model is linear in; no linear module is", column=mapped[0])
    expected, found = (len(encoding.features), outputs), (linear.in_features, linear.out_features)
    if expected != found:
        raise ParameterError(
            f"linear: torch.nn.Linear{found} is given, and torch.nn.Linear{expected} is needed: features, outputs",
            expected=expected,
            found=found,
        )


def _error(model: Predictor, weights: FloatArray, bias: FloatArray, eps: float) -> float:
    """Rounding to the grid, which the model does and the module does not; and the module's own, of its type."""
    encoding = model.encoding
    unit = abs(label_units(encoding.label)[1]) if model.spec.family.predicts == "value" else 1.0
    grid = np.abs(np.atleast_2d(model.weights)).sum(axis=1) * unit * 2.0 ** -(encoding.x_bits + 1)
    largest = np.array([max(abs(column.low), abs(column.high)) for column in encoding.features])
    terms = np.abs(weights) @ largest + np.abs(bias)
    return float((grid + (weights.shape[1] + MORE_ROUNDINGS) * eps * terms).max())
