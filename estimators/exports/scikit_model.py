"""A proved model as a pipeline of scikit-learn's: its encoding, and a linear model that is fitted."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ParameterError
from ...models.aggregation import SCORE
from ...models.encoding.columns import table_pieces
from ...models.encoding.dataset import DatasetEncoding
from ...prover.owner.model import Model
from ...prover.owner.sharded_model import ShardedModel
from ...prover.tables.arrays import as_known_features
from .form import FloatArray, Form

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

NOT_INSTALLED = "an object of scikit-learn's needs scikit-learn: pip install 'zkunlearn[sklearn]'"


def to_sklearn(model: Model | ShardedModel) -> Pipeline:
    """A fitted pipeline that predicts as a proved model does: rows X (N, d), or frames, in the units of the table.

    Its steps are "encoding", which also makes features of declared categories, times and missing cells as the data set
    says, and "model", on encoded features: LogisticRegression, a OneVsRestClassifier of these for several outputs,
    LinearRegression or PoissonRegressor. It holds the secret weights; a file of it would be a pickle.

    Raises:
        ParameterError: what is no proved model; scikit-learn is not installed, or has no such model: a probit
            regression, or models of shards that answer by votes or probabilities.
    """
    form = Form.of(model)
    if form.family.name == "probit":
        raise ParameterError('scikit-learn has no probit regression; zu.to_torch and the format "onnx" have it')
    if form.aggregate != SCORE and len(form.weights) > 1:
        raise ParameterError(
            f'aggregate = "{form.aggregate}": scikit-learn has no model that answers so; zu.to_torch and the format '
            '"onnx" have it'
        )
    if find_spec("sklearn") is None:
        raise ParameterError(NOT_INSTALLED)
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    encoding = FunctionTransformer(encoded, kw_args={"encoding": form.encoding})
    return Pipeline([("encoding", encoding), ("model", _estimator(form))])


def encoded(X: Any, encoding: DatasetEncoding) -> FloatArray:
    """Rows X (N, d), or a frame, as what a model is linear in: float64 (N, d), in [-1, 1] within bounds.

    Raises:
        DataError: as `Predictor` does.
    """
    rows = as_known_features(X, encoding)
    found = np.empty((len(rows), len(encoding.names)))
    for start, piece in table_pieces(rows):
        integers = encoding.encode_features(piece, check_bounds=False, first_row=start)
        found[start : start + len(piece)] = integers / float(1 << encoding.x_bits)
    return found


def _estimator(form: Form) -> Any:
    """Fitted, on rows that say nothing, by scikit-learn itself; then its coefficients are the model's."""
    from sklearn.linear_model import LinearRegression, PoissonRegressor

    weights, intercepts = form.weights.mean(axis=0), form.intercepts.mean(axis=0)
    if form.several:
        return _one_vs_rest(form.classes, weights, intercepts)
    if form.classes:
        return _logistic(form.classes, weights[0], float(intercepts[0]))
    empty = np.zeros((2, weights.shape[1]))
    if form.family.predicts == "count":
        own, (zero, unit) = PoissonRegressor().fit(empty, [1.0, 1.0]), (0.0, 1.0)
    else:
        own, (zero, unit) = LinearRegression().fit(empty, [0.0, 1.0]), form.units
    own.coef_, own.intercept_ = weights[0] * unit, float(intercepts[0]) * unit + zero
    return own


def _logistic(classes: Any, weights: FloatArray, intercept: float) -> Any:
    """Of two classes."""
    from sklearn.linear_model import LogisticRegression

    own = LogisticRegression().fit(np.zeros((2, len(weights))), np.arange(2))
    own.coef_, own.intercept_, own.classes_ = weights[None].copy(), np.array([intercept]), np.array(classes)
    return own


def _one_vs_rest(classes: tuple[str, ...], weights: FloatArray, intercepts: FloatArray) -> Any:
    """An output for each class. Of two that are left of more, there are two outputs, too: not scikit-learn's one."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    names = max(3, len(classes))
    own = OneVsRestClassifier(LogisticRegression()).fit(np.zeros((names, weights.shape[1])), np.arange(names))
    own.estimators_ = [_logistic((0, 1), *output) for output in zip(weights, intercepts.tolist(), strict=True)]
    own.label_binarizer_.classes_ = own.classes_ = np.array(classes)
    return own
