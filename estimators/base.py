"""What estimators have in common: fit, forget, and what is proved when somebody first asks for it."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from ..errors import EstimatorError, InputError, ParameterError, require_type
from ..models.checks import integer_within, real

if TYPE_CHECKING:
    from ..prover.owner.dataset import Dataset
    from ..prover.owner.trained import Trained
    from ..verifier.proofs import DatasetCommitment
    from .answers import ShardWeights, Weights
    from .choices import Chosen
    from .ownership import AnyProof, Ownership, Public, Report
    from .tables import Columns, Encoded

SISA = "sisa"
FLOATS = (np.float64, np.float32)
MOST_EPOCHS = 1 << 14
WEIGHTS = ("coef_", "intercept_")
KINDS = ("gradient descent", "one-pass", SISA, "optimum")  # of methods that need rows alone
ON_DEMAND = ("proof_", "report_", "commitment_", "dataset_", "trained_")
NOT_PROVED = "it had not been proved before it was pickled or copied"
COPIED = (
    "a copy of an estimator, as pickle makes one, has neither rows nor openings, so that nobody spends one twice; ask "
    "the one that was fitted"
)
UNDECLARED = (
    "the bounds of columns were taken from the data, forgotten rows included, so what is proved holds but for these; "
    "declare bounds=, as wide as is honest"
)
ONLY_WHAT_IS_MADE: ContextVar[bool] = ContextVar("ONLY_WHAT_IS_MADE", default=False)


@contextmanager
def as_values() -> Iterator[None]:
    """What cannot be used raises EstimatorError, which is a ValueError, as scikit-learn's callers expect."""
    try:
        yield
    except EstimatorError:
        raise
    except InputError as error:
        place = {name: getattr(error, name) for name in ("file", "line", "row", "column", "expected", "found")}
        raise EstimatorError(error.reason, **place) from error


@contextmanager
def only_what_is_made() -> Iterator[None]:
    """While somebody only looks at what there is, what would have to be made is not there: AttributeError."""
    token = ONLY_WHAT_IS_MADE.set(True)
    try:
        yield
    finally:
        ONLY_WHAT_IS_MADE.reset(token)


@dataclass(frozen=True, repr=False)  # secrets stay out of logs
class Labels:
    """Labels as they are trained on.

    Attributes:
        values: (N,) numbers; of classes their places in `classes`.
        kind: "binary", "categorical", "real" or "count".
        classes: the different labels, in their order, if they are classes.
        unit: of counts, what one of them stands for.
    """

    values: NDArray[Any]
    kind: str
    classes: NDArray[Any] | None = None
    unit: float = 1.0


class Verifiable(BaseEstimator, ABC):
    """An estimator whose training can be proved; its parameters are those of its classes."""

    family: ClassVar[str]
    methods: ClassVar[tuple[str, ...]]
    # As every one of them has these.
    method: str
    fit_intercept: bool
    standardize: bool | None
    bounds: Any
    x_bits: int
    rows_per_id: str
    openings: int
    max_iter: int
    tol: float
    shard_rows: int | None
    slices: int
    spec: Any
    _owner: Ownership | None
    _public: Public | None
    _answers: Weights | ShardWeights

    # What differs ----------------------------------------------------------------------------------------------------

    @abstractmethod
    def _labels(self, y: NDArray[Any]) -> Labels:
        """Of labels (N,). Raises EstimatorError, DataError, ParameterError for what they cannot be."""

    @abstractmethod
    def _l2(self, rows: int, labels: Labels) -> float:
        """Beside the mean loss. Raises ParameterError."""

    def _weights(self, classes: NDArray[Any] | None) -> tuple[Mapping[str, int] | None, float]:
        """Of classes, integers by their texts, and what l2 is multiplied by for them."""
        return None, 1.0

    def _columns(self) -> Columns:
        """What is declared of columns."""
        from .tables import Columns

        return Columns(self.bounds, None, self.x_bits, self.rows_per_id)

    def _remember(self, labels: Labels) -> None:
        """Keep what predictions need of labels, once the training has been done."""

    @abstractmethod
    def _show(self) -> None:
        """Set coef_ and intercept_."""

    # Fitting ---------------------------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any, ids: Any = None, **undeclared: Any) -> Self:
        """Train on rows X (N, d) with labels y (N,), in the integers that are proved later.

        Args:
            X: arrays, lists or frames of numbers; a frame's columns may hold what `bounds` declares of them.
            ids: a text or integer for each row, by which it can be forgotten. By default the index of the frame; of an
                array the numbers of rows, from 0.

        Raises:
            EstimatorError: what cannot be trained on, or declared.
            TrainingError: the training diverges.
        """
        for name in undeclared:
            raise EstimatorError(
                f"{name}: is not declared in a spec, so no training with it can be proved"
                + ("; class_weight can" if name == "sample_weight" else "")
            )
        from ..prover.owner.drafts import Draft
        from .ownership import Ownership

        with as_values():
            encoded, labels = self._encoded(X, y, ids)
            chosen = self._chosen(encoded, labels)
            draft = Draft.of(encoded.ids, encoded.by_feature, encoded.labels, encoded.encoding, self.openings)
            owner = Ownership(draft, chosen)
            self._noted = (*encoded.notes, *chosen.notes)
            self._remember(labels)
            self._take(owner)
        return self

    def _encoded(self, X: Any, y: Any, ids: Any) -> tuple[Encoded, Labels]:
        """Rows as integers, and their labels. Raises ValueError as scikit-learn does, DataError, ParameterError."""
        from .tables import encode, ids_of

        columns = self._columns()
        self._rich = columns.has_sources
        if y is None:
            raise EstimatorError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y is None."
            )
        if self._rich:
            validate_data(self, X, skip_check_array=True)
            rows, target = X, column_or_1d(y, warn=True)
        else:
            numeric = self.family in ("linear", "poisson")
            rows, target = validate_data(self, X, y, dtype=FLOATS, y_numeric=numeric, ensure_min_samples=2)
            target = column_or_1d(target, warn=True)
        labels = self._labels(target)
        names = ids_of(X, y, ids, len(target), self.rows_per_id)
        named = getattr(self, "feature_names_in_", None)
        return encode(rows, labels.values, names, named, labels.kind, columns, labels.classes), labels

    def _chosen(self, encoded: Encoded, labels: Labels) -> Chosen:
        """What to train. Raises DataError, ParameterError."""
        from ..models.spec import TrainingSpec
        from .choices import Choices, Chosen, choose

        if self.spec is not None:
            require_type("spec", self.spec, TrainingSpec, "`zu.TrainingSpec`, or `zu.load_spec` of a file")
            if self.spec.model != self.family:
                raise ParameterError(f"spec: is of model {self.spec.model!r}, and this estimator of {self.family!r}")
            kind = self.spec.method.kind
            if kind not in KINDS:
                raise ParameterError(f"spec: method {kind!r} needs what `fit` is not given; see `zu.prove`")
            if getattr(self.spec.method, "aggregate", "score") != "score":
                raise ParameterError('spec: models of shards answer by their mean score here, aggregate = "score"')
            return Chosen((self.spec,), ())
        if self.method not in self.methods:
            raise ParameterError(f"method = {self.method!r}: must be one of {', '.join(self.methods)}")
        weights, scale = self._weights(labels.classes)
        choices = Choices(
            family=self.family,
            method=self.method,
            l2=self._l2(len(encoded.labels), labels) * scale,
            bias=bool(self.fit_intercept),
            standardize=self.standardize,
            class_weight=weights,
            most_epochs=integer_within("max_iter", self.max_iter, 1, MOST_EPOCHS),
            near=real("tol", self.tol),
            shard_rows=self.shard_rows,
            slices=self.slices,
        )
        return choose(choices, encoded)

    def _take(self, owner: Ownership) -> None:
        """Answer by the training that there is now."""
        from .answers import answers_of

        self._answers, self._owner, self._public = answers_of(owner.run), owner, None
        self.spec_ = owner.spec
        self.bounds_declared_ = self._answers.encoding.bounds_declared
        self.n_iter_ = max(1, int(getattr(owner.spec.method, "epochs", 1)))
        undeclared = () if self.bounds_declared_ else (UNDECLARED,)
        self.notes_ = (*undeclared, *self._noted, *owner.run.notes)
        self._show()

    def forget(self, ids: Iterable[object]) -> Self:
        """Train again without the rows of these ids, and of all that were forgotten before, by the same spec.

        Whoever is forgotten already stays so; then nothing changes, and no opening is spent.

        Raises:
            EstimatorError: an id that no row has, or this is a copy, which has no rows; nothing is forgotten then.
            TrainingError: the training diverges.
        """
        check_is_fitted(self)
        owner = self._owned("forget")
        with as_values(), owner.lock:
            if owner.forget(ids):
                self._take(owner)
        return self

    # What is proved --------------------------------------------------------------------------------------------------

    @property
    def proof_(self) -> AnyProof:
        """The proof of the training, for an auditor: of shards a bundle. Made when it is first asked for; it supersedes
        the one that was made before rows were forgotten, if any was.

        Raises:
            EstimatorError: no single proof can carry it; or this is a copy, and it was not proved before.
            BudgetExceeded: the commitment has no opening left.
        """
        return self._handed_over("proof_").proof

    @property
    def report_(self) -> Report:
        """What verifying `proof_` as an auditor says, with `spec_` and what it supersedes pinned."""
        return self._handed_over("report_").report

    @property
    def commitment_(self) -> DatasetCommitment:
        """The public commitment to the rows, made when it is first asked for."""
        check_is_fitted(self)
        if self._owner is None:
            return self._handed_over("commitment_").commitment
        return self.dataset_.commitment

    @property
    def dataset_(self) -> Dataset:
        """The committed rows, which are secret: to be saved, registered, and proved about by `zkunlearn` itself."""
        owner = self._owned("dataset_")
        self._only_if(owner.is_committed)
        with as_values():
            return owner.dataset()

    @property
    def trained_(self) -> Trained:
        """What `zu.prove` returned, the secret model with it: `trained_.save("first.proof")`. See `proof_`."""
        return self._proved("trained_", 3)

    def _handed_over(self, what: str) -> Public:
        """What is public, for the attribute that is asked for. Raises what `proof_` does."""
        check_is_fitted(self)
        if self._public is not None:
            return self._public
        if self._owner is None:
            self._only_if(False)
            raise EstimatorError(f"{what}: {NOT_PROVED}; {COPIED}")
        with self._owner.lock:
            self._proved(what, 4)
            return self._owner.public()

    def _proved(self, what: str, callers: int) -> Trained:
        """See `trained_`; `callers` are the frames up to whom a warning is for."""
        owner = self._owned(what)
        self._only_if(owner.is_proved)
        if not owner.is_proved and not self.bounds_declared_:
            warnings.warn(UNDECLARED, UserWarning, stacklevel=callers)
        with as_values():
            return owner.trained()

    def _owned(self, what: str) -> Ownership:
        """Raises EstimatorError for a copy, NotFittedError."""
        check_is_fitted(self)
        if self._owner is None:
            self._only_if(False)
            raise EstimatorError(f"{what}: {COPIED}")
        return self._owner

    def _only_if(self, made: bool) -> None:
        """Raises AttributeError for what would have to be made, within `only_what_is_made`."""
        if ONLY_WHAT_IS_MADE.get() and not made:
            raise AttributeError("is made when it is asked for")

    # Inputs, copies, notebooks ---------------------------------------------------------------------------------------

    def _inputs(self, X: Any) -> Any:
        """Rows to predict for. Raises NotFittedError, ValueError as scikit-learn does."""
        check_is_fitted(self)
        if self._rich:
            validate_data(self, X, reset=False, skip_check_array=True)
            return X
        return validate_data(self, X, reset=False, dtype=FLOATS)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = self.method == SISA  # which rows share a shard follows from secret salts
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_answers")

    def __getstate__(self) -> dict[str, Any]:
        """Coefficients and what is public: no row, no opening."""
        state = {**super().__getstate__()}
        owner = state.get("_owner")
        if owner is not None:
            state |= {"_owner": None, "_public": owner.public() if owner.is_proved else None}
        return state

    def __dir__(self) -> list[str]:
        """What is proved on demand is listed, and nothing is proved for it."""
        listed = not ONLY_WHAT_IS_MADE.get() and self.__sklearn_is_fitted__()
        with only_what_is_made():
            return sorted({*super().__dir__(), *(ON_DEMAND if listed else ())})

    def _get_fitted_attr_html(self, doc_link: str = "") -> Any:
        """What a notebook shows: no weight, and nothing is proved for it."""
        with only_what_is_made():
            found = super()._get_fitted_attr_html(doc_link)
        for name in WEIGHTS:
            found.pop(name, None)
        return found
