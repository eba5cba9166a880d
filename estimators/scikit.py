"""Linear models with scikit-learn's interface, whose training is proved: see docs/from-scikit-learn.md."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets

from ..errors import EstimatorError, ParameterError
from ..models.checks import real
from .base import SISA, Labels, Verifiable, as_values

if TYPE_CHECKING:
    from .tables import Columns

RETRAIN, ONE_PASS, OPTIMUM = "retrain", "one-pass", "optimum"
LARGEST_COUNT = (1 << 16) - 1
USUAL_COUNT = 16.0  # the mean of labels that are no whole numbers, in their units
BALANCED = '"balanced" would depend on the labels of all rows, the forgotten ones too; name each class and its weight'


class _Classifier(ClassifierMixin, Verifiable):
    """Classes: two, or several, each against the rest."""

    methods: ClassVar[tuple[str, ...]] = (RETRAIN, SISA, OPTIMUM)
    classes_: NDArray[Any]

    def __init__(
        self,
        C: float = 1.0,
        *,
        method: str = RETRAIN,
        class_weight: Mapping[Any, float] | None = None,
        fit_intercept: bool = True,
        standardize: bool | None = None,
        bounds: Any = None,
        x_bits: int = 12,
        rows_per_id: str = "one",
        openings: int = 32,
        max_iter: int = 200,
        tol: float = 1e-4,
        shard_rows: int | None = None,
        slices: int = 1,
        spec: Any = None,
    ) -> None:
        self.C = C
        self.method = method
        self.class_weight = class_weight
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.bounds = bounds
        self.x_bits = x_bits
        self.rows_per_id = rows_per_id
        self.openings = openings
        self.max_iter = max_iter
        self.tol = tol
        self.shard_rows = shard_rows
        self.slices = slices
        self.spec = spec

    # Answers ---------------------------------------------------------------------------------------------------------

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Scores of rows X (N, d): (N,) of two classes, of the second one; of several (N, classes)."""
        rows = self._inputs(X)
        with as_values():
            return self._answers.decision_function(rows)

    def predict(self, X: Any) -> NDArray[Any]:
        """The class of each row of X (N, d)."""
        scores = self.decision_function(X)
        places = scores.argmax(axis=1) if scores.ndim > 1 else (scores > 0).astype(np.int64)
        found: NDArray[Any] = self.classes_[places]
        return found

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities (N, classes) for rows X (N, d); of several classes each output's, over their sum."""
        rows = self._inputs(X)
        with as_values():
            return self._answers.predict_proba(rows)

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """Their logarithms."""
        with np.errstate(divide="ignore"):
            found: NDArray[np.float64] = np.log(self.predict_proba(X))
        return found

    # Training --------------------------------------------------------------------------------------------------------

    def _labels(self, y: NDArray[Any]) -> Labels:
        check_classification_targets(y)
        classes, places = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise EstimatorError(f"every row is of one class, {str(classes[0])[:40]!r}; nothing can be learned")
        return Labels(places, "binary" if len(classes) == 2 else "categorical", classes)

    def _l2(self, rows: int, labels: Labels) -> float:
        C = real("C", self.C)
        if C <= 0:
            raise ParameterError(f"C = {C}: must be positive")
        return 1 / (C * rows)

    def _weights(self, classes: NDArray[Any] | None) -> tuple[Mapping[str, int] | None, float]:
        from .choices import declared_weights
        from .tables import texts_of

        if self.class_weight is None or classes is None:
            return None, 1.0
        if not isinstance(self.class_weight, Mapping):
            raise ParameterError(
                f"class_weight: {BALANCED if self.class_weight == 'balanced' else 'expected a mapping'}"
            )
        given = {text: real("class_weight", weight) for text, weight in self._named(self.class_weight)}
        known = texts_of(classes)
        if unknown := [text for text in given if text not in known]:
            raise ParameterError(f"class_weight: {unknown[0]!r} is no class of y")
        found = declared_weights({text: given.get(text, 1.0) for text in known})
        if not found.exact:
            taken = dict(found.integers or {})
            warnings.warn(
                f"class_weight: what is declared are integers from 1 to 255; {taken} are the nearest", UserWarning, 2
            )
        return found.integers, found.scale

    @staticmethod
    def _named(weights: Mapping[Any, float]) -> list[tuple[str, float]]:
        from ..models.encoding.labels import class_texts

        return list(zip(class_texts(np.array(list(weights))), weights.values(), strict=True))

    def _remember(self, labels: Labels) -> None:
        if labels.classes is not None:
            self.classes_ = labels.classes

    def _show(self) -> None:
        self.coef_ = np.atleast_2d(self._answers.coef_)
        self.intercept_ = np.atleast_1d(np.asarray(self._answers.intercept_, dtype=np.float64))


class VerifiableLogisticRegression(_Classifier):
    """Logistic regression, trained in integers so that the training, and each forgetting, can be proved.

    Parameters
    ----------
    C : float, default=1.0
        As in scikit-learn: l2 = 1 / (C * rows). It is that of the rows at `fit`, and stays when rows are forgotten.
    method : {"retrain", "sisa", "optimum"}, default="retrain"
        How it is trained, and again when rows are forgotten; see docs/methods.md. "optimum" penalises the intercept.
    class_weight : dict, default=None
        How much each class counts. Integers from 1 to 255 are declared that stand to one another as these, or nearly.
    fit_intercept : bool, default=True
        Whether there is an intercept.
    standardize : bool, default=None
        Whether features are standardised, by the rows that count, within what is proved. None: where the method can.
    bounds : mapping or pair, default=None
        For each column (low, high), as wide as is honest, or what else `zu.commit` takes; a pair for all columns. None
        takes them from the data, and then what is proved holds but for these.
    x_bits : int, default=12
        Features are integers up to 2^x_bits between their bounds.
    rows_per_id : {"one", "many"}, default="one"
        Whether several rows may have one id, and are forgotten together.
    openings : int, default=32
        How many proofs the rows' commitment can serve, its own included.
    max_iter, tol : int, default=200; float, default=1e-4
        Epochs are declared: the fewest, at most max_iter, that bring the loss within this part of its least.
    shard_rows, slices : int, default=None; int, default=1
        Of "sisa". None makes four shards, if rows are enough.
    spec : TrainingSpec, default=None
        The whole algorithm, declared by yourself: all of the above that is of training is not used then.

    Attributes
    ----------
    coef_, intercept_, classes_, n_iter_, n_features_in_, feature_names_in_
        As in scikit-learn.
    spec_ : TrainingSpec
        What is declared, the same for all who are forgotten later.
    bounds_declared_ : bool
        Whether they are; if not, what is proved holds but for the bounds.
    notes_ : tuple of str
        What its owner should know of columns and training.
    """

    family: ClassVar[str] = "logistic"


class VerifiableProbitRegression(_Classifier):
    """Probit regression, trained in integers so that the training, and each forgetting, can be proved.

    Parameters and attributes are those of VerifiableLogisticRegression.
    """

    family: ClassVar[str] = "probit"


# Regressions ---------------------------------------------------------------------------------------------------------


class _Regressor(RegressorMixin, Verifiable):
    """Numbers: one for each row."""

    alpha: float

    def _show(self) -> None:
        self.coef_ = self._answers.coef_
        self.intercept_ = self._answers.intercept_


class VerifiableRidge(_Regressor):
    """Ridge regression, trained in integers so that the training, and each forgetting, can be proved.

    Parameters
    ----------
    alpha : float, default=1.0
        As in scikit-learn: l2 = alpha / rows, of the rows at `fit`.
    method : {"one-pass", "retrain", "sisa", "optimum"}, default="one-pass"
        How it is trained, see docs/methods.md.
    target_bounds : pair, default=None
        (low, high) of y, where `bounds` are declared and do not name "label".
    fit_intercept, standardize, bounds, x_bits, rows_per_id, openings, max_iter, tol, shard_rows, slices, spec
        As of VerifiableLogisticRegression, whose attributes it has, too, but for classes_.
    """

    family: ClassVar[str] = "linear"
    methods: ClassVar[tuple[str, ...]] = (ONE_PASS, RETRAIN, SISA, OPTIMUM)

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        method: str = ONE_PASS,
        fit_intercept: bool = True,
        standardize: bool | None = None,
        bounds: Any = None,
        target_bounds: Any = None,
        x_bits: int = 12,
        rows_per_id: str = "one",
        openings: int = 32,
        max_iter: int = 200,
        tol: float = 1e-4,
        shard_rows: int | None = None,
        slices: int = 1,
        spec: Any = None,
    ) -> None:
        self.alpha = alpha
        self.method = method
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.bounds = bounds
        self.target_bounds = target_bounds
        self.x_bits = x_bits
        self.rows_per_id = rows_per_id
        self.openings = openings
        self.max_iter = max_iter
        self.tol = tol
        self.shard_rows = shard_rows
        self.slices = slices
        self.spec = spec

    def predict(self, X: Any) -> NDArray[np.float64]:
        """The value of each row of X (N, d)."""
        rows = self._inputs(X)
        with as_values():
            return self._answers.predict(rows)

    def _labels(self, y: NDArray[Any]) -> Labels:
        if (y == y[0]).all():
            raise EstimatorError("y: every row has the same value; nothing can be learned")
        return Labels(y, "real")

    def _l2(self, rows: int, labels: Labels) -> float:
        return _penalty(self.alpha) / rows

    def _columns(self) -> Columns:
        return replace(super()._columns(), target_bounds=self.target_bounds)


class VerifiablePoissonRegressor(_Regressor):
    """Poisson regression, trained in integers so that the training, and each forgetting, can be proved.

    Parameters
    ----------
    alpha : float, default=1.0
        As in scikit-learn: l2 = alpha.
    method : {"retrain", "sisa"}, default="retrain"
        How it is trained, see docs/methods.md.
    unit : float, default=None
        What is counted: y becomes the nearest whole numbers of this. By default 1 where y are whole numbers up to
        65,535, else the power of two of which their mean has about 16; where bounds are declared this has to be, too.
    fit_intercept, standardize, bounds, x_bits, rows_per_id, openings, max_iter, tol, shard_rows, slices, spec
        As of VerifiableLogisticRegression, whose attributes it has, too, but for classes_.
    """

    family: ClassVar[str] = "poisson"
    methods: ClassVar[tuple[str, ...]] = (RETRAIN, SISA)

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        method: str = RETRAIN,
        unit: float | None = None,
        fit_intercept: bool = True,
        standardize: bool | None = None,
        bounds: Any = None,
        x_bits: int = 12,
        rows_per_id: str = "one",
        openings: int = 32,
        max_iter: int = 200,
        tol: float = 1e-4,
        shard_rows: int | None = None,
        slices: int = 1,
        spec: Any = None,
    ) -> None:
        self.alpha = alpha
        self.method = method
        self.unit = unit
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.bounds = bounds
        self.x_bits = x_bits
        self.rows_per_id = rows_per_id
        self.openings = openings
        self.max_iter = max_iter
        self.tol = tol
        self.shard_rows = shard_rows
        self.slices = slices
        self.spec = spec

    def predict(self, X: Any) -> NDArray[np.float64]:
        """The expected count of each row of X (N, d)."""
        rows = self._inputs(X)
        with as_values():
            found: NDArray[np.float64] = self._answers.predict(rows) * self.unit_
        return found

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """D^2, the part of the deviance that is explained, as scikit-learn's PoissonRegressor has it."""
        from sklearn.metrics import d2_tweedie_score

        return float(d2_tweedie_score(y, self.predict(X), sample_weight=sample_weight, power=1))

    def _labels(self, y: NDArray[Any]) -> Labels:
        if not (y >= 0).all():
            raise EstimatorError("y: some values are negative; counts are not")
        if (y == y[0]).all():
            raise EstimatorError("y: every row has the same value; nothing can be learned")
        unit = self._unit(y)
        counts = np.rint(y / unit)
        if counts.max() > LARGEST_COUNT:
            raise EstimatorError(f"unit = {unit}: a value of y is more than {LARGEST_COUNT} of it")
        return Labels(counts, "count", unit=unit)

    def _unit(self, y: NDArray[Any]) -> float:
        """What is counted. Raises ParameterError."""
        if self.unit is not None:
            if (unit := real("unit", self.unit)) <= 0:
                raise ParameterError(f"unit = {unit}: must be positive")
            return unit
        if (y == np.rint(y)).all() and y.max() <= LARGEST_COUNT:
            return 1.0
        if self.bounds is not None:
            raise ParameterError("unit: bounds are declared, so what is counted has to be where y are no whole numbers")
        return 2.0 ** math.ceil(math.log2(max(float(y.mean()) / USUAL_COUNT, float(y.max()) / LARGEST_COUNT)))

    def _l2(self, rows: int, labels: Labels) -> float:
        return _penalty(self.alpha) / labels.unit  # the loss is of counts, of which there are as many more

    def _remember(self, labels: Labels) -> None:
        self.unit_ = labels.unit

    def _show(self) -> None:
        super()._show()
        self.intercept_ = float(self._answers.intercept_) + math.log(self.unit_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags


def _penalty(value: Any) -> float:
    alpha = real("alpha", value)
    if alpha < 0:
        raise ParameterError(f"alpha = {alpha}: must not be negative")
    return alpha
