"""The weights of a model, as arrays in a file, for whoever serves it without this library.

| array | of |
|---|---|
| `coef` | float64 (d,), of several outputs (O, d): `Predictor.coef_`, in the features' own units |
| `intercept` | float64, of several outputs (O,) |
| `feature_names` | text (d,) |
| `classes` | text (classes,), of classifiers |
| `family` | text: logistic, linear, .. |

Scores are `X @ coef.T + intercept`, as of `Predictor.coef_`. It is no proof, and secret as the model is.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ParameterError
from ...formats.files import write_file
from .prediction import Predictor

SUFFIX = ".npz"


def require_weights_place(path: Path) -> None:
    """Raises ParameterError for a file's name that says another format."""
    if path.suffix != SUFFIX:
        raise ParameterError(f"{path}: weights are written as *{SUFFIX}; a function can write another format")


def write_weights(model: Predictor, path: Path | str) -> None:
    """Write the file, 0600, whole or not at all, in the place of what is there.

    Raises:
        DataError: it cannot be written.
        ParameterError: the model has no weights that answer alone, as models of shards that vote; or the file's name.
    """
    require_weights_place(Path(path))
    arrays: dict[str, Any] = {
        "coef": model.coef_,
        "intercept": np.asarray(model.intercept_, dtype=np.float64),
        "feature_names": np.array(model.feature_names_in_, dtype=np.str_),
        "family": np.array(model.spec.model),
        **({"classes": model.classes_} if model.spec.family.predicts == "class" else {}),
    }
    data = io.BytesIO()
    np.savez(data, **arrays)
    write_file(path, data.getvalue(), secret=True)
