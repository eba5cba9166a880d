"""What a trained generalised linear model is used for: predictions, scores, coefficients; names are scikit-learn's.

Predictions are those of the integers that were trained: a feature is rounded to the grid of its encoding first, as in
training. It may lie outside of the declared bounds, where the same map goes on, as far as 16 bits reach; log1p also
ends below 0.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, ParameterError
from ...formats.files import SHOWN_TEXT
from ...models.encoding.cells import number
from ...models.encoding.columns import real_array, table_pieces
from ...models.encoding.dataset import DEFAULT_LABEL_NAME, DatasetEncoding
from ...models.encoding.labels import LabelEncoding, class_texts, listed_classes
from ...models.spec import TrainingSpec
from ..tables.arrays import as_known_features
from ..tables.cells import as_labels
from ..tables.ids import check_aligned

FloatArray = NDArray[np.float64]
NOT_CLASSES = {"value": "values", "count": "expected counts"}


class Predictor(ABC):
    """A trained model, in use.

    It has one output: weights (d,), and scores (N,) for rows X (N, d). But a classifier of O > 2 classes has one for
    each class, which tells it from all others: weights (O, d), and scores (N, O). What is said of one output holds for
    each of several.

    Wherever rows X (N, d) of real features are taken, a frame's columns are taken by name, in any order, and those of
    an array or tensor by position. DataError names a column that is missing, one too many or there twice, and row and
    column of a cell that is no number, does not fit 16 bits, or is negative where the feature's map is log1p.
    """

    @property
    @abstractmethod
    def spec(self) -> TrainingSpec:
        """The declared algorithm."""

    @property
    @abstractmethod
    def encoding(self) -> DatasetEncoding:
        """How inputs become integers."""

    @property
    @abstractmethod
    def forgotten_classes(self) -> tuple[str, ...]:
        """Classes that are forgotten, by their texts: they are not predicted."""

    @property
    @abstractmethod
    def weights(self) -> FloatArray:
        """Weights on encoded features (in [-1, 1] within bounds), float64 (d,); of several outputs (O, d)."""

    @property
    @abstractmethod
    def intercept(self) -> float | FloatArray:
        """What is added to all scores, 0.0 without a bias; of several outputs float64 (O,)."""

    # Predictions -----------------------------------------------------------------------------------------------------

    def decision_function(self, X: Any) -> FloatArray:
        """Scores w . x + intercept of rows X (N, d), on encoded features: float64 (N,); of several outputs (N, O).

        Of a classifier of two classes, class 1 is predicted where the score is positive; of more classes, that of the
        largest score, and of equal ones the first. Of a Poisson regression it is the logarithm
        of the expected count. Of a linear regression it is the label as it was encoded, real labels in [-1, 1] within
        their bounds; `predict` has it in the label's units.

        Raises:
            DataError: as said of the class.
        """
        rows = as_known_features(X, self.encoding)
        weights = self.weights
        scores = np.empty((len(rows), *weights.shape[:-1]))
        for start, piece in table_pieces(rows):
            encoded = self.encoding.encode_features(piece, check_bounds=False, first_row=start)
            scores[start : start + len(piece)] = encoded / float(1 << self.encoding.x_bits) @ weights.T
        return scores + self.intercept

    def predict(self, X: Any) -> NDArray[Any]:
        """Predictions for rows X (N, d).

        Returns:
            (N,): of logistic and probit regressions the text of each row's class, as in `classes_`; of linear ones
            float64, in the units of the label; of Poisson regressions float64, the expected counts. A linear regression
            on labels of two classes predicts in units of these, if they are numbers, and else from 0 to 1.

        Raises:
            DataError: as said of the class; or an expected count that is beyond float64, naming its row.
        """
        return self._answers(X)[1]

    def _answers(self, X: Any) -> tuple[FloatArray, NDArray[Any]]:
        """Scores, (N,) or (N, O), and predictions (N,) for rows X (N, d)."""
        scores = self.decision_function(X)
        return scores, self._classes(scores) if self.spec.family.predicts == "class" else self._values(scores)

    def predict_proba(self, X: Any) -> FloatArray:
        """The probabilities of all classes, in the order of `classes_`, for rows X (N, d): float64 (N, classes).

        Of more than two classes they are as in scikit-learn's OneVsRestClassifier: what each output predicts, divided
        by the sum of these; all the same where that is 0.

        Raises:
            DataError: as said of the class.
            ParameterError: the model is no classifier.
        """
        family = self.spec.family
        if family.predicts != "class":
            what, instead = f"predict_proba: a {family.title}", NOT_CLASSES[family.predicts]
            raise ParameterError(f"{what} predicts {instead}, not classes, so there are no probabilities")
        scores = self.decision_function(X)
        if scores.ndim == 2:
            return shares(family.inverse_link(scores))
        parts = [family.inverse_link(-scores), family.inverse_link(scores)]  # symmetric; 1 - p would lose digits
        return np.stack(parts, axis=1)

    def score(self, X: Any, y: Any, *, label_name: str | None = None) -> float:
        """How good predictions for rows X (N, d) are, by their labels y (N,); 1.0 is the best.

        Of logistic and probit regressions it is the accuracy: a label that is no class of the model's is one that is
        not predicted. Of linear regressions it is R^2, the part of the labels' variance that is explained; of Poisson
        regressions D^2, that of their deviance. Both are 0.0 for labels that are all the same, unless every prediction
        is exactly right.

        Args:
            label_name: of the column of labels, for messages.

        Raises:
            DataError: as said of the class; or labels that are missing, too few or too many, of another kind, or none
                of which is a class of the model's.
        """
        check_aligned(X=X, y=y)
        column = self.encoding.label.column
        name = label_name or (DEFAULT_LABEL_NAME if column is None else column.name)
        scores, predicted = self._answers(X)
        labels = as_labels(y, name)
        if labels.shape != scores.shape[:1]:
            reason = f"X and y: {len(scores)} rows, but labels of shape {labels.shape}"
            raise DataError(reason, expected=scores.shape[:1])
        if not len(labels):
            raise DataError("X and y: no rows")
        if labels.dtype.kind == "f":
            labels = real_array(name, labels, 1)
        if self.spec.family.predicts == "class":
            return accuracy(self.encoding.label, predicted, labels, name)
        if self.spec.family.predicts == "count":
            return explained_deviance(scores, predicted, counts_of(labels, name))
        return explained_variance(predicted, values_of(self.encoding.label, labels, name))

    def _classes(self, scores: FloatArray) -> NDArray[np.str_]:
        """A classifier's predictions for scores (N,) or (N, O)."""
        numbers = scores.argmax(axis=1) if scores.ndim == 2 else (scores > 0).astype(np.int64)
        classes: NDArray[np.str_] = self.classes_[numbers]
        return classes

    def _values(self, scores: FloatArray) -> FloatArray:
        """The other families' predictions for scores (N,)."""
        if self.spec.family.predicts == "count":
            return expected_counts(scores)
        zero, unit = label_units(self.encoding.label)
        return scores * unit + zero

    # What the model is -----------------------------------------------------------------------------------------------

    @property
    def coef_(self) -> FloatArray:
        """Coefficients of features in their own units, float64 (d,), of several outputs (O, d).

        They are 0.0 for a column whose bounds are one value.

        Where a feature's map is log1p (`encoding.features[k].map`), it is the coefficient of log1p(value), that is for
        each unit of the natural logarithm of 1 + value.

        `X @ coef_.T + intercept_`, with numpy.log1p of these features' columns in X, is `decision_function(X)`, but
        `predict(X)` for a linear regression, without the rounding of features: of each, at most half a unit of
        2^-x_bits of the half of its interval.

        Raises:
            ParameterError: bounds so near that a coefficient is beyond float64; names the column.
        """
        return self._in_raw_units()[0]

    @property
    def intercept_(self) -> float | FloatArray:
        """What belongs to `coef_`: the score, or of a linear regression the prediction, where all features are 0.

        Of several outputs it is float64 (O,).

        Raises:
            ParameterError: as `coef_` does.
        """
        return self._in_raw_units()[1]

    def _in_raw_units(self) -> tuple[FloatArray, float | FloatArray]:
        """Coefficients and intercept, of several outputs intercepts."""
        zero, unit = label_units(self.encoding.label) if self.spec.family.predicts == "value" else (0.0, 1.0)
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused just below
            coefficients: FloatArray = self.weights * np.array(self.encoding.multipliers) * unit
            moved = coefficients * np.array(self.encoding.offsets)
        finite = (np.isfinite(coefficients) & np.isfinite(moved)).reshape(-1, len(self.encoding.names)).all(axis=0)
        if not finite.all():
            name = self.encoding.names[int(np.argmin(finite))]
            raise ParameterError("its bounds are too near: its coefficient is beyond float64", column=name)
        intercept = self.intercept * unit + zero - moved.sum(axis=-1)
        return coefficients, intercept if moved.ndim == 2 else float(intercept)

    @property
    def classes_(self) -> NDArray[np.str_]:
        """The texts of all classes that are not forgotten, in the order of the data set's, (classes,). Only classifiers
        have this attribute."""
        if self.spec.family.predicts != "class":  # for `hasattr`, which knows no other error
            raise AttributeError(f"a {self.spec.family.title} has no classes_")
        return np.array(self.encoding.label.classes, dtype=np.str_)[self.kept_classes]

    @property
    def kept_classes(self) -> list[int]:
        """The numbers of the classes that are not forgotten."""
        gone = set(self.forgotten_classes)
        return [number for number, text in enumerate(self.encoding.label.classes) if text not in gone]

    @property
    def feature_names_in_(self) -> NDArray[np.object_]:
        """The names of features, in the order of an array's columns: texts, dtype object, (d,)."""
        return np.array(self.encoding.names, dtype=object)

    @property
    def n_features_in_(self) -> int:
        """d."""
        return len(self.encoding.names)


# Labels --------------------------------------------------------------------------------------------------------------


def label_units(label: LabelEncoding) -> tuple[float, float]:
    """(zero, unit) so that the label that was encoded as t is zero + t * unit, where t counts in [-1, 1] or classes."""
    if label.column is not None:
        return label.column.offset, label.column.half_width
    low, high = (number(text) for text in label.classes) if label.classes else (None, None)
    if low is not None and high is not None and math.isfinite(high - low):
        return low, high - low
    return 0.0, 1.0


def values_of(label: LabelEncoding, labels: NDArray[Any], name: str) -> FloatArray:
    """Labels (N,) in the units of `label_units`, float64 (N,). Raises DataError for what is no number, or no class."""
    if not label.classes:
        return real_array(name, labels, 1)
    zero, unit = label_units(label)
    return label.encode(labels, name).astype(np.float64) * unit + zero


def counts_of(labels: NDArray[Any], name: str) -> FloatArray:
    """Labels (N,) that are numbers and not negative, float64 (N,). Raises DataError."""
    values = real_array(name, labels, 1)
    if (values < 0).any():
        row = int(np.argmax(values < 0))
        found = float(values[row])
        raise DataError(f"{found} is not a count", row=row, column=name, found=found)
    return values


def expected_counts(scores: FloatArray) -> FloatArray:
    """e^z for scores (N,), or (N, shards). Raises DataError where that is beyond float64."""
    with np.errstate(over="ignore", under="ignore"):
        found: FloatArray = np.exp(scores)
    beyond = np.argwhere(~np.isfinite(found))
    if len(beyond):
        raise DataError("the expected count is beyond float64", row=int(beyond[0][0]))
    return found


def shares(parts: FloatArray) -> FloatArray:
    """Rows (N, O) of numbers, none negative, over their sums; all the same where that is 0."""
    totals = parts.sum(axis=1, keepdims=True)
    found: FloatArray = np.divide(parts, totals, out=np.full_like(parts, 1 / parts.shape[1]), where=totals > 0)
    return found


# Scores --------------------------------------------------------------------------------------------------------------


def accuracy(label: LabelEncoding, predicted: NDArray[np.str_], labels: NDArray[Any], name: str) -> float:
    """The part of labels (N,) that is predicted. Raises DataError if none of them is a class."""
    texts = class_texts(labels)
    if not set(texts) & set(label.classes):
        known = listed_classes(label.classes)
        reason = f"{texts[0][:SHOWN_TEXT]!r} is no class, nor is any other label; the classes are {known}"
        raise DataError(reason, row=0, column=name, expected=label.classes, found=texts[0])
    return float(np.mean([one == other for one, other in zip(predicted.tolist(), texts, strict=True)]))


def explained_variance(predicted: FloatArray, values: FloatArray) -> float:
    """R^2 = 1 - |values - predicted|^2 / |values - their mean|^2."""
    return explained(((values - predicted) ** 2).sum(), ((values - values.mean()) ** 2).sum(), values)


def explained_deviance(scores: FloatArray, expected: FloatArray, counts: FloatArray) -> float:
    """D^2 = 1 - D(counts, expected) / D(counts, their mean), where D is the Poisson deviance: the sum of
    2 (y log(y / p) - y + p).

    Args:
        scores: the logarithms of the expected counts, which are finite where these are 0.
    """
    entropies = counts * np.log(np.where(counts > 0, counts, 1.0))
    mean = counts.mean()
    of_mean = entropies - counts * math.log(mean) if mean > 0 else entropies
    return explained((entropies - counts * scores - counts + expected).sum(), of_mean.sum(), counts)


def explained(left: float, total: float, labels: FloatArray) -> float:
    """1 - left / total; for labels that are all the same, as in scikit-learn, 1.0 if nothing is left and else 0.0."""
    if (labels == labels[0]).all():
        return 1.0 if left == 0.0 else 0.0
    return float(1.0 - left / total)
