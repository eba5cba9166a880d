"""A model in use: predictions, scores and coefficients, against the formulas of the textbook in plain numpy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import zkunlearn as zu
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from zkunlearn.circuits.statements.base import statement_digest
from zkunlearn.models.encoding.columns import ColumnEncoding
from zkunlearn.models.encoding.dataset import DatasetEncoding
from zkunlearn.models.encoding.labels import LabelEncoding
from zkunlearn.prover.owner.linear_model import LinearModel
from zkunlearn.prover.owner.model import Model
from zkunlearn.prover.owner.prediction import Predictor

Array = NDArray[np.float64]
NO_YES = LabelEncoding(kind="binary", classes=("no", "yes"))
ONE_TWO = LabelEncoding(kind="binary", classes=("1", "2.5"))
PRICE = LabelEncoding(kind="real", column=ColumnEncoding("price", 100.0, 500.0), label_bits=14)
COUNT = LabelEncoding(kind="count")
KINDS = LabelEncoding(kind="categorical", classes=("a", "b", "c"))
LABELS = {"logistic": NO_YES, "probit": NO_YES, "linear": PRICE, "poisson": COUNT}
COLUMNS = (ColumnEncoding("age", 0.0, 120.0), ColumnEncoding("mg", -1.0, 1.0), ColumnEncoding("same", 7.0, 7.0))
WEIGHTS, INTERCEPT = (0.75, -1.5, 2.0), 0.25
# On the grid of the encoding, so that nothing is rounded.
X = np.array([[60.0, 0.0, 7.0], [90.0, 0.5, 7.0], [0.0, -1.0, 7.0], [15.0, 1.0, 7.0], [120.0, 0.75, 7.0]])
SCORES = np.array([0.25, 0.25 + 0.375 - 0.75, 0.25 - 0.75 + 1.5, 0.25 - 0.5625 - 1.5, 0.25 + 0.75 - 1.125])


class Fixed(Predictor):
    """A model that nobody had to train."""

    def __init__(
        self,
        spec: zu.TrainingSpec,
        encoding: DatasetEncoding,
        weights: Array,
        intercept: float | Array,
        forgotten: tuple[str, ...] = (),
    ) -> None:
        self._parts, self._forgotten = (spec, encoding, weights, intercept), forgotten

    @property
    def spec(self) -> zu.TrainingSpec:
        return self._parts[0]

    @property
    def encoding(self) -> DatasetEncoding:
        return self._parts[1]

    @property
    def forgotten_classes(self) -> tuple[str, ...]:
        return self._forgotten

    @property
    def weights(self) -> Array:
        return self._parts[2]

    @property
    def intercept(self) -> float | Array:
        return self._parts[3]


def model(family: str = "logistic", label: LabelEncoding | None = None, **given: Any) -> Fixed:
    columns = given.pop("columns", COLUMNS)
    encoding = DatasetEncoding(
        features=columns, label=label or LABELS[family], x_bits=given.pop("x_bits", 10), bounds_declared=True
    )
    spec = zu.TrainingSpec(model=family, epochs=1, learning_rate=0.5)
    return Fixed(spec, encoding, np.array(given.pop("weights", WEIGHTS)), given.pop("intercept", INTERCEPT), **given)


def refusal(call: Callable[[], object], kind: type[zu.ZkUnlearnError] = zu.DataError) -> str:
    with pytest.raises(kind) as caught:
        call()
    return str(caught.value)


def normal_cdf(z: Array) -> Array:
    return np.array([(1 + math.erf(one / math.sqrt(2))) / 2 for one in z])


def normal_cdf_of(z: Array) -> Array:
    return normal_cdf(z.reshape(-1)).reshape(z.shape)


# Predictions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", LABELS)
def test_scores_are_those_of_encoded_features(family: str) -> None:
    assert model(family).decision_function(X).tolist() == pytest.approx(SCORES.tolist(), abs=1e-15)


@pytest.mark.parametrize("family", ["logistic", "probit"])
def test_a_classifier_predicts_the_class_of_the_larger_probability(family: str) -> None:
    found = model(family).predict(X)
    assert found.tolist() == ["yes", "no", "yes", "no", "no"]
    probabilities = model(family).predict_proba(X)
    assert (np.array(["no", "yes"])[probabilities.argmax(axis=1)] == found).all()


def test_whole_numbers_are_classes_without_a_decimal_point() -> None:
    assert model(label=ONE_TWO).predict(X).tolist() == ["2.5", "1", "2.5", "1", "1"]


@pytest.mark.parametrize(("family", "link"), [("logistic", lambda z: 1 / (1 + np.exp(-z))), ("probit", normal_cdf)])
def test_probabilities_are_the_links_of_the_scores(family: str, link: Callable[[Array], Array]) -> None:
    found = model(family).predict_proba(X)
    assert found.shape == (5, 2) and found.dtype == np.float64
    assert found[:, 1] == pytest.approx(link(SCORES), abs=1e-12)
    assert found.sum(axis=1) == pytest.approx(np.ones(5), abs=1e-15)


def test_a_probability_that_is_nearly_zero_keeps_its_digits() -> None:
    sure = model(weights=(0.0, 0.0, 0.0), intercept=60.0)
    assert sure.predict_proba(X[:1])[0, 0] == pytest.approx(math.exp(-60.0), rel=1e-12, abs=0.0)


def test_a_linear_regression_predicts_in_the_units_of_its_label() -> None:
    assert model("linear").predict(X).tolist() == pytest.approx((300.0 + 200.0 * SCORES).tolist(), rel=1e-14)


def test_a_linear_regression_on_counts_predicts_counts_and_on_classes_in_their_units_if_they_are_numbers() -> None:
    assert model("linear", COUNT).predict(X).tolist() == pytest.approx(SCORES.tolist(), abs=1e-15)
    assert model("linear", NO_YES).predict(X).tolist() == pytest.approx(SCORES.tolist(), abs=1e-15)
    assert model("linear", ONE_TWO).predict(X).tolist() == pytest.approx((1.0 + 1.5 * SCORES).tolist(), abs=1e-15)


def test_a_poisson_regression_predicts_expected_counts() -> None:
    assert model("poisson").predict(X).tolist() == pytest.approx(np.exp(SCORES).tolist(), rel=1e-14)


def test_an_expected_count_beyond_float64_is_refused_with_its_row() -> None:
    message = refusal(lambda: model("poisson", weights=(800.0, 0.0, 0.0)).predict(X))
    assert message == "row 5: the expected count is beyond float64"


def test_only_classifiers_have_probabilities_and_classes() -> None:
    for family, words in (("linear", "predicts values"), ("poisson", "predicts expected counts")):
        assert words in refusal(lambda family=family: model(family).predict_proba(X), zu.ParameterError)
        assert not hasattr(model(family), "classes_")
    assert model("probit").classes_.tolist() == ["no", "yes"]


def test_features_are_rounded_as_in_training_and_may_lie_beyond_their_bounds() -> None:
    unit = 60.0 / 1024
    found = model().decision_function([[60.0 + 0.4 * unit, 0.0, 7.0], [240.0, 0.0, 9.0]])
    assert found.tolist() == [0.25, 0.25 + 3 * 0.75]


def test_many_rows_are_scored_in_pieces_as_if_they_were_one() -> None:
    many = np.tile(X, (60_000, 1))
    assert (model().decision_function(many).reshape(-1, 5) == model().decision_function(X)).all()
    bad = many.copy()
    bad[250_000, 1] = 1e9
    assert refusal(lambda: model().predict(bad)) == "row 250001, column 'mg': 1000000000.0 does not fit 16 bits"


def test_no_rows_have_no_predictions() -> None:
    assert model().predict(np.empty((0, 3))).shape == (0,)
    assert model().predict_proba(np.empty((0, 3))).shape == (0, 2)


# Several classes -----------------------------------------------------------------------------------------------------

MANY_WEIGHTS, MANY_INTERCEPTS = np.array([[0.75, -1.5, 2.0], [-0.5, 0.25, 0.0], [0.0, 1.0, 0.0]]), np.array([1, 0, 0.5])
MANY_SCORES = (X - [60.0, 0.0, 7.0]) / [60.0, 1.0, 1.0] @ MANY_WEIGHTS.T + MANY_INTERCEPTS


def classifier(family: str = "logistic", **changed: Any) -> Fixed:
    return model(family, KINDS, **{"weights": MANY_WEIGHTS, "intercept": MANY_INTERCEPTS, **changed})


def test_several_outputs_have_a_score_each() -> None:
    found = classifier().decision_function(X)
    assert found.shape == (5, 3) and found == pytest.approx(MANY_SCORES, abs=1e-15)
    many = np.tile(X, (60_000, 1))
    assert (classifier().decision_function(many).reshape(-1, 5, 3) == found).all()
    assert classifier().decision_function(np.empty((0, 3))).shape == (0, 3)


def test_of_several_classes_the_largest_score_is_predicted_and_of_equal_ones_the_first() -> None:
    assert classifier().predict(X).tolist() == np.array(["a", "b", "c"])[MANY_SCORES.argmax(axis=1)].tolist()
    assert classifier().classes_.tolist() == ["a", "b", "c"]
    equal = classifier(weights=np.zeros((3, 3)), intercept=np.array([-1.0, 2.0, 2.0]))
    assert equal.predict(X[:1]).tolist() == ["b"]


@pytest.mark.parametrize(("family", "link"), [("logistic", lambda z: 1 / (1 + np.exp(-z))), ("probit", normal_cdf_of)])
def test_probabilities_of_several_classes_are_shares_of_their_links(
    family: str, link: Callable[[Array], Array]
) -> None:
    found = classifier(family).predict_proba(X)
    parts = link(MANY_SCORES)
    assert found == pytest.approx(parts / parts.sum(axis=1, keepdims=True), abs=1e-12)


def test_probabilities_that_are_all_zero_are_made_equal() -> None:
    none = classifier(weights=np.zeros((3, 3)), intercept=np.array([-800.0, -900.0, -1000.0]))
    assert none.predict_proba(X[:1]).tolist() == [[1 / 3] * 3]
    assert none.predict(X[:1]).tolist() == ["a"]


def test_coefficients_of_several_classes_are_a_row_for_each() -> None:
    found = classifier()
    assert found.coef_.shape == (3, 3) and np.shape(found.intercept_) == (3,)
    assert X @ found.coef_.T + found.intercept_ == pytest.approx(MANY_SCORES, abs=1e-12)
    near = (COLUMNS[0], ColumnEncoding("tiny", 0.0, 1e-307))
    weights = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 100.0]])
    message = refusal(lambda: classifier(columns=near, weights=weights).coef_, zu.ParameterError)
    assert message.startswith("column 'tiny': its bounds are too near")


def test_the_score_for_several_classes_is_their_accuracy() -> None:
    assert classifier().score(X, classifier().predict(X)) == 1.0
    right = (MANY_SCORES.argmax(axis=1) == 0).mean()
    assert 0 < classifier().score(X, ["a"] * 4 + ["z"]) <= right < 1
    assert "the classes are a, b, c" in refusal(lambda: classifier().score(X, ["z"] * 5))
    assert "5 rows, but labels of shape (2,)" in refusal(lambda: classifier().score(X, ["a", "b"]))


@pytest.mark.parametrize("load", [load_iris, load_wine, load_digits])
def test_one_vs_rest_predicts_as_that_of_scikit_learn(load: Callable[..., Any]) -> None:
    """By scikit-learn's coefficients, on columns whose bounds are [-1, 1]: what is encoded is what there is."""
    raw, y = load(return_X_y=True)
    x_bits = 14
    scaled = raw / np.abs(raw).max(axis=0, initial=1e-9)
    on_grid = np.rint(scaled * 2**x_bits) / 2**x_bits
    theirs = OneVsRestClassifier(LogisticRegression(C=1.0, max_iter=10_000)).fit(on_grid, y)
    label = LabelEncoding(kind="categorical", classes=tuple(str(k) for k in theirs.classes_))
    ours = model(
        label=label,
        columns=tuple(ColumnEncoding(f"x{k}", -1.0, 1.0) for k in range(raw.shape[1])),
        weights=np.vstack([one.coef_ for one in theirs.estimators_]),
        intercept=np.concatenate([one.intercept_ for one in theirs.estimators_]),
        x_bits=x_bits,
    )
    assert ours.decision_function(on_grid) == pytest.approx(theirs.decision_function(on_grid), abs=1e-9)
    assert ours.predict_proba(on_grid) == pytest.approx(theirs.predict_proba(on_grid), abs=1e-12)
    assert ours.predict(on_grid).tolist() == [str(k) for k in theirs.predict(on_grid)]
    assert ours.score(on_grid, y) == theirs.score(on_grid, y)


class Integers(LinearModel):
    """Integers that nobody had to train."""

    def __init__(
        self, spec: zu.TrainingSpec, label: LabelEncoding, integers: Any, forgotten: tuple[str, ...] = ()
    ) -> None:
        self.integers, self._spec, self._forgotten = np.array(integers, dtype=np.int64), spec, forgotten
        self._encoding = DatasetEncoding(features=COLUMNS, label=label, x_bits=10, bounds_declared=True)

    @property
    def spec(self) -> zu.TrainingSpec:
        return self._spec

    @property
    def encoding(self) -> DatasetEncoding:
        return self._encoding

    @property
    def forgotten_classes(self) -> tuple[str, ...]:
        return self._forgotten


def test_integers_are_weights_and_intercepts_at_their_scales() -> None:
    spec = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5)
    w, both = 2.0**spec.fixed_point.w_bits, 2.0 ** (spec.fixed_point.w_bits + 10)
    one = Integers(spec, NO_YES, [[1, -2, 3, 4]])
    assert one.weights.tolist() == [1 / w, -2 / w, 3 / w] and one.intercept == 4 / both
    assert isinstance(one.intercept, float)
    many = Integers(spec, KINDS, [[1, -2, 3, 4], [5, 6, 7, 8], [0, 0, 1, -1]])
    assert many.weights.tolist() == [[1 / w, -2 / w, 3 / w], [5 / w, 6 / w, 7 / w], [0.0, 0.0, 1 / w]]
    assert np.asarray(many.intercept).tolist() == [4 / both, 8 / both, -1 / both]


def test_the_integers_of_a_forgotten_class_are_not_used() -> None:
    spec = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5)
    integers = [[1, -2, 3, 4], [1 << 20, 0, 0, 1 << 30], [0, 0, 1, -1]]
    found = Integers(spec, KINDS, integers, forgotten=("b",))
    w = 2.0**spec.fixed_point.w_bits
    assert found.weights.tolist() == [[1 / w, -2 / w, 3 / w], [0.0, 0.0, 1 / w]] and np.shape(found.intercept) == (2,)
    assert found.classes_.tolist() == ["a", "c"] and "b" not in found.predict(X)
    assert found.predict_proba(X).shape == found.decision_function(X).shape == (5, 2)
    assert found.coef_.shape == (2, 3) and np.shape(found.intercept_) == (2,)


def test_without_a_bias_all_intercepts_are_zero() -> None:
    spec = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5, bias=False)
    assert Integers(spec, NO_YES, [[1, -2, 3]]).intercept == 0.0
    many = Integers(spec, KINDS, np.arange(9).reshape(3, 3))
    assert np.asarray(many.intercept).tolist() == [0.0, 0.0, 0.0] and many.weights.shape == (3, 3)


# Names ---------------------------------------------------------------------------------------------------------------

METHODS: dict[str, Callable[[Any, Any], Any]] = {
    "decision_function": lambda one, rows: one.decision_function(rows),
    "predict": lambda one, rows: one.predict(rows),
    "predict_proba": lambda one, rows: one.predict_proba(rows),
    "score": lambda one, rows: one.score(rows, ["yes", "no", "yes", "no", "yes"]),
}
FRAME = pd.DataFrame(X, columns=["age", "mg", "same"])


@pytest.mark.parametrize("method", METHODS)
def test_a_frames_columns_are_taken_by_name(method: str) -> None:
    expected = METHODS[method](model(), X)
    assert np.array_equal(METHODS[method](model(), FRAME[["same", "age", "mg"]]), expected)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (FRAME[["age", "mg"]], "X has no column 'same'"),
        (FRAME.assign(sick=1), "X has a column too many, 'sick'"),
        (FRAME[["age", "mg", "same", "mg"]], "columns 2 and 4 are both named 'mg'"),
        (FRAME.replace(0.75, 1e9), "row 5, column 'mg': 1000000000.0 does not fit 16 bits"),
        (FRAME.assign(mg="high"), "row 1, column 'mg': 'high' is a text, not a number"),
    ],
    ids=["missing", "extra", "twice", "far", "text"],
)
def test_columns_that_are_not_those_of_the_model_are_named(method: str, frame: pd.DataFrame, words: str) -> None:
    assert words in refusal(lambda: METHODS[method](model(), frame))


def test_the_names_of_features_are_those_of_the_encoding() -> None:
    assert model().feature_names_in_.tolist() == ["age", "mg", "same"]
    assert model().n_features_in_ == 3


# Coefficients --------------------------------------------------------------------------------------------------------


def columns() -> st.SearchStrategy[tuple[float, float, str]]:
    """Intervals, some of a single value, some of them mapped by log1p."""
    ends = st.floats(-1e6, 1e6, width=32)
    wide = st.tuples(ends, st.floats(1e-3, 1e6)).map(lambda drawn: (drawn[0], drawn[0] + drawn[1], "linear"))
    spread = st.tuples(st.floats(0, 1e6), st.floats(1e-3, 1e6)).map(lambda drawn: (drawn[0], sum(drawn) * 2, "log1p"))
    return wide | ends.map(lambda value: (value, value, "linear")) | spread


def by_map(encoding: DatasetEncoding, raw: Array) -> Array:
    """Rows (N, d) in the units that coefficients have: the logarithm where the map is log1p."""
    of_log = [column.map == "log1p" for column in encoding.features]
    return np.where(of_log, np.log1p(np.where(of_log, raw, 0.0)), raw)


@given(
    family=st.sampled_from(["logistic", "probit", "linear", "poisson"]),
    intervals=st.lists(columns(), min_size=1, max_size=4),
    data=st.data(),
    x_bits=st.integers(4, 14),
)
def test_coefficients_in_the_units_of_the_features_give_the_same_scores(
    family: str, intervals: list[tuple[float, float, str]], data: st.DataObject, x_bits: int
) -> None:
    """Exactly but for float64 where features lie on the grid, and within half a unit of each where they do not."""
    d = len(intervals)
    weights = data.draw(st.lists(st.floats(-100, 100), min_size=d, max_size=d))
    intercept = data.draw(st.floats(-100, 100))
    low, high = data.draw(st.tuples(st.floats(-1e6, 0), st.floats(1, 1e6)))
    label = LabelEncoding(kind="real", column=ColumnEncoding("price", low, high), label_bits=14)
    features = tuple(ColumnEncoding(f"x{k}", *interval) for k, interval in enumerate(intervals))
    given_label = label if family == "linear" else None
    fixed = model(family, given_label, columns=features, weights=weights, intercept=intercept, x_bits=x_bits)
    parts = np.array(data.draw(st.lists(st.floats(0, 1), min_size=d, max_size=d)))
    raw = np.array([[low + part * (high - low) for part, (low, high, _) in zip(parts, intervals, strict=True)]])
    raw = np.clip(raw, *np.array([interval[:2] for interval in intervals]).T)
    expect = fixed.predict if family == "linear" else fixed.decision_function
    mapped = by_map(fixed.encoding, raw)
    linear = mapped @ fixed.coef_ + fixed.intercept_
    unit = label.column.half_width if family == "linear" else 1.0
    largest = np.abs(mapped) @ np.abs(fixed.coef_) + np.abs(fixed.coef_) @ np.abs(fixed.encoding.offsets)
    float_rounding = 1e-12 * (float(largest[0]) + unit * (1 + abs(intercept)) + abs(low) + abs(high))
    assert abs(linear - expect(raw)) <= unit * np.abs(weights).sum() / 2 ** (x_bits + 1) + float_rounding
    on_grid = fixed.encoding.decode_features(fixed.encoding.encode_features(raw, check_bounds=False))
    assert abs(by_map(fixed.encoding, on_grid) @ fixed.coef_ + fixed.intercept_ - expect(on_grid)) <= float_rounding


def test_the_coefficient_of_a_column_with_log1p_is_that_of_its_logarithm() -> None:
    columns = (ColumnEncoding("income", 0.0, math.expm1(20.0), "log1p"), COLUMNS[1])
    found = model(columns=columns, weights=(0.75, -1.5))
    assert found.coef_.tolist() == pytest.approx([0.75 / 10, -1.5])
    assert found.intercept_ == pytest.approx(0.25 - 0.75)


def test_new_rows_may_pass_the_bounds_of_log1p_but_not_be_negative() -> None:
    columns = (ColumnEncoding("income", 0.0, math.expm1(20.0), "log1p"),)
    found = model(columns=columns, weights=(0.75,))
    assert found.decision_function([[math.expm1(30.0)]]).tolist() == pytest.approx([0.25 + 0.75 * 2], abs=1e-3)
    words = "row 2, column 'income': -1.0 is negative; log1p needs values of at least 0"
    assert refusal(lambda: found.predict([[1.0], [-1.0]])) == words
    assert "row 2, column 'income'" in refusal(lambda: found.predict([[1.0], [math.inf]]))


def test_a_column_of_one_value_has_coefficient_zero() -> None:
    assert model().coef_.tolist() == [0.75 / 60, -1.5, 0.0]
    assert model().intercept_ == pytest.approx(0.25 - 0.75, abs=1e-15)


def test_coefficients_of_a_linear_regression_are_in_units_of_features_and_label() -> None:
    assert model("linear").coef_.tolist() == pytest.approx([200 * 0.75 / 60, 200 * -1.5, 0.0])
    assert model("linear").intercept_ == pytest.approx(300 + 200 * (0.25 - 0.75))


def test_a_coefficient_beyond_float64_is_refused_by_name() -> None:
    near = (COLUMNS[0], ColumnEncoding("tiny", 0.0, 1e-307))
    message = refusal(lambda: model(columns=near, weights=(1.0, 100.0)).coef_, zu.ParameterError)
    assert message.startswith("column 'tiny': its bounds are too near")


# Scores --------------------------------------------------------------------------------------------------------------


def test_the_score_of_a_classifier_is_its_accuracy_in_which_a_label_it_does_not_know_is_wrong() -> None:
    assert model().score(X, ["yes", "no", "yes", "no", "no"]) == 1.0
    assert model().score(X, ["yes", "no", "no", "maybe", "yes"]) == 0.4
    assert model(label=ONE_TWO).score(X, np.array([2.5, 1.0, 2.5, 1.0, 2.5])) == 0.8
    assert model(label=ONE_TWO).score(X, ["2.5", "1", "2.5", "1", "2.5"]) == 0.8


def test_labels_none_of_which_is_a_class_are_refused_as_another_column() -> None:
    assert "'0' is no class, nor is any other label; the classes are no, yes" in refusal(
        lambda: model().score(X, [0, 1, 0, 1, 1])
    )


def test_the_score_of_a_linear_regression_is_the_part_of_the_variance_that_it_explains() -> None:
    y = np.array([350.0, 260.0, 520.0, -10.0, 290.0])
    residuals, spread = y - (300.0 + 200.0 * SCORES), y - y.mean()
    assert model("linear").score(X, y) == pytest.approx(1 - (residuals**2).sum() / (spread**2).sum(), abs=1e-12)
    assert model("linear").score(X, 300.0 + 200.0 * SCORES) == pytest.approx(1.0, abs=1e-12)
    assert model("linear", NO_YES).score(X, ["yes", "no", "yes", "no", "no"]) == pytest.approx(
        1 - ((np.array([1, 0, 1, 0, 0]) - SCORES) ** 2).sum() / 1.2, abs=1e-12
    )


def test_the_score_of_a_poisson_regression_is_the_part_of_the_deviance_that_it_explains() -> None:
    y, expected = np.array([1, 0, 4, 0, 2]), np.exp(SCORES)

    def deviance(of: Array) -> float:
        logs = [count * math.log(count / one) if count else 0.0 for count, one in zip(y, of, strict=True)]
        return 2 * float(np.mean(np.array(logs) - y + of))

    right = 1 - deviance(expected) / deviance(np.full(5, y.mean()))
    assert model("poisson").score(X, y) == pytest.approx(right, abs=1e-12)
    assert -math.inf < model("poisson", intercept=-900.0).score(X, y) < -100  # expected counts are 0 in float64


def test_labels_that_are_all_the_same_leave_nothing_to_explain() -> None:
    assert model("linear").score(X, [0.1] * 5) == model("poisson").score(X, [0] * 5) == 0.0
    assert model("linear", weights=(0.0, 0.0, 0.0), intercept=0.0).score(X, [300.0] * 5) == 1.0


@pytest.mark.parametrize(
    ("family", "y", "words"),
    [
        ("logistic", ["yes", "no"], "5 rows, but labels of shape (2,)"),
        ("logistic", [["yes"]] * 5, "5 rows, but labels of shape (5, 1)"),
        ("logistic", ["yes", "no", None, "no", "no"], "row 3, column 'label': the label is missing"),
        ("logistic", [1.0, 0.0, math.nan, 0.0, 0.0], "row 3, column 'label': the label is missing"),
        ("linear", [1.0, 0.0, math.nan, 0.0, 0.0], "row 3, column 'price': the label is missing"),
        ("linear", ["a", "b", "a", "b", "b"], "price: expected numbers"),
        ("poisson", [1, 0, 2, -3, 0], "row 4, column 'label': -3.0 is not a count"),
        ("logistic", pd.Series(["yes"] * 5, index=[4, 3, 2, 1, 0]), "the same index in another order"),
    ],
)
def test_labels_that_cannot_be_compared_are_refused(family: str, y: Any, words: str) -> None:
    assert words in refusal(lambda: model(family).score(FRAME, y))


def test_no_rows_have_no_score() -> None:
    assert "no rows" in refusal(lambda: model("linear").score(np.empty((0, 3)), []))


# Models that were trained --------------------------------------------------------------------------------------------

RNG = np.random.default_rng(17)
PEOPLE = pd.DataFrame(
    {"age": RNG.uniform(20, 90, 60), "dose": RNG.uniform(0, 5, 60), "mg": RNG.uniform(-1e-3, 1e-3, 60)}
)
RATE = PEOPLE["age"] / 50 + PEOPLE["dose"] / 5


@pytest.fixture(scope="module")
def trained() -> dict[str, tuple[Model, Any]]:
    """One of each family, with its labels."""
    labels: dict[str, tuple[Any, dict[str, Any]]] = {
        "logistic": (np.where(PEOPLE["age"] > 55, "ill", "well"), {}),
        "probit": ((PEOPLE["age"] > 55).astype(int).to_numpy() + 1, {}),
        "linear": (1000.0 + 30 * PEOPLE["age"].to_numpy() - 40 * PEOPLE["dose"].to_numpy(), {"label_name": "price"}),
        "poisson": (RNG.poisson(RATE), {"label_kind": "count"}),
    }
    made = {}
    for family, (y, options) in labels.items():
        spec = zu.TrainingSpec(model=family, epochs=60, learning_rate=0.125 if family == "poisson" else 1.0)
        x_bits = spec.fixed_point.x_bits
        made[family] = zu.prove(zu.commit(PEOPLE, y, x_bits=x_bits, **options), spec, forget=[3]).secret, y
    return made


@pytest.mark.parametrize(("family", "least"), [("logistic", 0.9), ("probit", 0.9), ("linear", 0.95), ("poisson", 0.0)])
def test_a_trained_model_predicts_what_it_learnt(
    trained: dict[str, tuple[Model, Any]], family: str, least: float
) -> None:
    fitted, y = trained[family]
    assert least < fitted.score(PEOPLE, y) <= 1.0
    found = fitted.predict(PEOPLE.sample(frac=1, axis=1, random_state=1))
    assert np.array_equal(found, fitted.predict(PEOPLE.to_numpy()))
    if family == "probit":
        assert set(found.tolist()) == {"1", "2"} == {*fitted.classes_.tolist()}


@pytest.mark.parametrize("family", LABELS)
def test_a_trained_models_coefficients_are_those_of_its_predictions(
    trained: dict[str, tuple[Model, Any]], family: str
) -> None:
    fitted = trained[family][0]
    expected = fitted.predict(PEOPLE) if family == "linear" else fitted.decision_function(PEOPLE)
    unit = fitted.encoding.label.column.half_width if family == "linear" else 1.0
    error = unit * np.abs(fitted.weights).sum() / 2 ** (fitted.encoding.x_bits + 1)
    assert error < unit / 200
    assert np.abs(PEOPLE.to_numpy() @ fitted.coef_ + fitted.intercept_ - expected).max() <= error * (1 + 1e-9)


def test_a_loaded_model_predicts_the_same(trained: dict[str, tuple[Model, Any]], tmp_path: Any) -> None:
    fitted = trained["linear"][0]
    fitted.save(tmp_path / "m.model.opening")
    assert np.array_equal(zu.Model.load(tmp_path / "m.model.opening").predict(PEOPLE), fitted.predict(PEOPLE))


def test_predicting_spends_no_opening(trained: dict[str, tuple[Model, Any]]) -> None:
    fitted, y = trained["logistic"]
    before = fitted.spent
    fitted.score(PEOPLE, y)
    fitted.predict_proba(PEOPLE)
    assert fitted.spent == before == 1


@pytest.mark.parametrize("family", LABELS)
def test_a_models_repr_says_what_is_public_and_no_weight(trained: dict[str, tuple[Model, Any]], family: str) -> None:
    fitted = trained[family][0]
    assert repr(fitted) == (
        f"<Model: statement {statement_digest(fitted.statement).hex()[:12]}, {fitted.spec.family.title} by "
        f"{fitted.spec.method.kind}, features 'age', 'dose', 'mg', rows 59 of 60, forgotten 1, openings left 3 of 4>"
    )


def test_a_repr_of_many_features_is_short() -> None:
    wide = RNG.normal(size=(12, 40))
    spec = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5)
    text = repr(zu.prove(zu.commit(wide, np.arange(12) % 2), spec).model)
    assert "'x1', 'x2', 'x3', 'x4' and 36 more, rows 12 of 12" in text
    assert len(text) < 300
