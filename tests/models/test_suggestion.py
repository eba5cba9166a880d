"""A suggested spec compiles, has room for the scores that it will meet, and says what it is."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from zkunlearn.errors import DataError, ParameterError
from zkunlearn.models import suggestion
from zkunlearn.models.families import FAMILIES
from zkunlearn.models.heavy_ball import NEAR, momentum_at
from zkunlearn.models.live import Live
from zkunlearn.models.methods.standardization import LARGEST_EXPONENT, Standardization, scaler_of, sums_of
from zkunlearn.models.optimum import minimum
from zkunlearn.models.shapes import LABEL_KINDS, DatasetShape
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.models.suggestion import PUBLIC, family_for, rows_to_look_at, suggest_spec

KINDS = {"logistic": "binary", "linear": "real", "probit": "binary", "poisson": "count"}
LABEL_BITS = {"binary": 0, "real": 14, "count": 0}


def suggested(model, *, scale=1.0, x_bits=10, rows=200, kind=None, **options):
    """For a little noisy data; `scale` is how large the scores are."""
    rng = np.random.default_rng(11)
    X = rng.uniform(-1, 1, (rows, 3))
    z = scale * (X @ [1.0, -0.5, 0.25] + 0.1)
    y = {
        "binary": (z + rng.logistic(size=rows) > 0) + 0.0,
        "real": z / (2 * scale),
        "count": rng.poisson(np.exp(np.clip(z, -8, 8))) + 0.0,
    }[kind or KINDS[model]]
    kind = kind or KINDS[model]
    shape = DatasetShape(rows=rows, features=3, label_kind=kind, label_bits=LABEL_BITS[kind], x_bits=x_bits)
    options = {"l2": 1 / rows, **options}
    return suggest_spec(X, y, FAMILIES[model], shape, Live(rows), **options), shape, X, y


@pytest.mark.parametrize("model", FAMILIES)
@pytest.mark.parametrize("x_bits", [6, 10, 13])
def test_a_suggested_spec_compiles_for_the_data_set_and_takes_the_familys_scales_where_they_do(model, x_bits):
    found, shape, _, _ = suggested(model, x_bits=x_bits)
    schedule = found.spec.compile(shape, Live(shape.rows))
    of_pass = model == "linear"  # whose rates have no blocks
    low, high = (schedule.effective_learning_rate(0),) * 2 if of_pass else schedule.effective_learning_rate_range()
    assert low == pytest.approx(found.spec.method.learning_rate, rel=1e-2) == high
    assert found.spec.method.kind == ("one-pass" if of_pass else "gradient descent")
    assert (found.spec.model, found.spec.fixed_point.x_bits) == (model, x_bits)
    if x_bits == 10:
        assert found.spec.fixed_point == FAMILIES[model].scales
    assert found.spec.method.standardize and not found.spec.method.penalize_intercept
    assert found.expected_gap <= NEAR and found.epochs == found.spec.method.epochs <= 200


def test_scores_that_the_usual_table_does_not_span_get_a_wider_one():
    found, _, X, y = suggested("logistic", scale=60.0, l2=1e-6, most_epochs=2000)
    weights, _ = minimum(f := suggestion._objective(X, y[:, None], FAMILIES["logistic"], 1e-6, standardized=True))
    largest = np.abs(f.X @ weights).max()
    assert largest > FAMILIES["logistic"].scales.z_limit and found.spec.fixed_point.z_limit > largest


def test_a_linear_spec_comes_as_near_its_optimum_as_steps_without_cost_allow():
    found, *_ = suggested("linear")
    assert found.spec.method.kind == "one-pass" and found.expected_gap <= 1e-6


def test_weights_that_the_usual_scale_has_no_room_for_get_a_coarser_one():
    """A feature that keeps to a small part of its bounds needs a large weight to say what labels say."""
    rng = np.random.default_rng(5)
    X = np.hstack([rng.normal(size=(200, 1)) / 40, rng.normal(size=(200, 1)) / 8])
    y = 20 * X[:, 0] + rng.normal(size=200) / 50
    shape = DatasetShape(rows=200, features=2, label_kind="real", label_bits=14, x_bits=10)
    found = suggest_spec(X, y, FAMILIES["linear"], shape, Live(200), l2=0.0, standardize=False, most_epochs=2000)
    assert found.spec.method.kind == "one-pass" and found.spec.fixed_point.w_bits < FAMILIES["linear"].scales.w_bits


def test_wide_data_has_no_pass_over_products_of_features():
    wide = DatasetShape(rows=300, features=2049, label_kind="real", label_bits=14, x_bits=10)
    assert suggestion._ways(FAMILIES["linear"], wide, True)[0] == ("gradient descent", True)


def test_counts_that_are_large_get_a_table_with_room_for_them():
    found, shape, X, y = suggested("poisson", scale=4.0, most_epochs=300)
    assert y.max() > 50 and found.spec.fixed_point.z_limit >= 8
    found.spec.compile(shape, Live(200))


def test_where_no_scale_has_room_a_smaller_rate_is_tried_and_then_the_reason_is_told(monkeypatch):
    rates = []

    def refuse(self, shape, live):
        if self.method.kind == "gradient descent":
            rates.append(self.method.learning_rate)
        raise ParameterError("step can reach 2^63")

    monkeypatch.setattr(TrainingSpec, "compile", refuse)
    with pytest.raises(
        ParameterError, match=r"no scales have room for a training that converges; step can reach 2\^63"
    ):
        suggested("linear", most_epochs=20)
    standardised = rates[: rates.index(max(rates))]  # those of features as they are come next, and are larger here
    assert standardised == sorted(standardised, reverse=True) and standardised[-1] <= standardised[0] / 8


def test_where_standardised_features_have_no_room_raw_ones_are_suggested_and_that_is_told(monkeypatch):
    compile_spec = TrainingSpec.compile

    def refuse(self, shape, live):
        if self.method.standardize:
            raise ParameterError("no bits are left")
        return compile_spec(self, shape, live)

    monkeypatch.setattr(TrainingSpec, "compile", refuse)
    found, *_ = suggested("linear")
    assert not found.spec.method.standardize
    assert found.notes[0] == "features are not standardised: no scales have room for that"
    assert suggested("linear", standardize=False)[0].notes == (PUBLIC,)


@pytest.mark.parametrize("x_bits", [6, 10, 14])
def test_features_are_standardised_as_the_integers_are(x_bits):
    """The same spreads, floor included: of columns that are wide, narrow, nearly constant and constant."""
    rng = np.random.default_rng(4)
    X = rng.uniform(-1, 1, (300, 5)) * [1.0, 0.25, 0.01, 0.0, 1.0]
    X[:, 1] += 0.5
    X[:, 4] = np.sign(X[:, 4])
    integers = np.rint(X * 2**x_bits).astype(np.int64)
    public = Standardization(300, 300, x_bits, LARGEST_EXPONENT, 1 << 40)
    scaler = scaler_of(public, *sums_of(integers.T, np.ones(300, dtype=bool)))
    exact = (scaler.power * integers - scaler.shift) / np.sqrt((scaler.V + public.floor) / 300)
    assert np.allclose(suggestion._standardized(integers / 2**x_bits), exact, atol=2.0**-x_bits * 2)


# Several classes ---------------------------------------------------------------------------------------------------


def on_classes(load, model="logistic", rows=slice(None), kept=None, **options):
    """For real columns within [-1, 1], and labels by their numbers."""
    X, y = load(return_X_y=True)
    X, y = X[rows], y[rows]
    X = np.rint(X / np.maximum(np.abs(X).max(axis=0), 1e-9) * 1024) / 1024
    classes = tuple(map(str, range(y.max() + 1)))
    kept = np.arange(len(X)) if kept is None else np.flatnonzero(kept(y))
    forgotten = tuple(sorted({*range(len(X))} - {*kept.tolist()}))
    shape = DatasetShape(
        rows=len(X), features=X.shape[1], label_kind="categorical", label_bits=0, x_bits=10, classes=classes
    )
    options = {"l2": 1 / len(kept), **options}
    found = suggest_spec(X[kept], y[kept].astype(float), FAMILIES[model], shape, Live(len(X), forgotten), **options)
    return found, X[kept], y[kept], shape


@pytest.mark.parametrize("model", ["logistic", "probit"])
@pytest.mark.parametrize("load", [load_iris, load_wine])
def test_a_spec_for_several_classes_brings_all_outputs_near_their_optimum(load, model):
    found, X, y, _ = on_classes(load, model)
    assert found.expected_gap <= NEAR and found.notes == (PUBLIC,) and found.epochs < 200
    f = suggestion._objective(X, np.eye(3)[y], FAMILIES[model], 1 / len(y), standardized=True)
    w = before = np.zeros((f.width, 1))
    method = found.spec.method
    for epoch in range(found.epochs):
        moved = momentum_at(method.momentum, epoch) * (w - before) - method.learning_rate * f.gradients(w)[0]
        w, before = w + moved, w
    assert f.values(w)[0] / minimum(f)[1] - 1 == pytest.approx(found.expected_gap, rel=1e-3, abs=1e-8)


def test_digits_of_ten_classes_have_a_spec_that_is_as_right_as_scikit_learns():
    found, X, y, _ = on_classes(load_digits, rows=slice(600))
    assert found.expected_gap <= NEAR and found.spec.model == "logistic"
    scaled = suggestion._standardized(X)
    theirs = OneVsRestClassifier(LogisticRegression(C=1.0, max_iter=10_000)).fit(scaled, y)
    f = suggestion._objective(X, np.eye(10)[y], FAMILIES["logistic"], 1 / len(y), standardized=True)
    ours = (f.X @ minimum(f)[0].reshape(10, -1).T).argmax(axis=1)
    assert np.mean(ours == theirs.predict(scaled)) > 0.995


def test_a_class_without_rows_is_no_hindrance_and_one_class_alone_is_refused():
    without, *_ = on_classes(load_wine, kept=lambda y: y != 1)
    assert without.expected_gap <= NEAR
    with pytest.raises(DataError, match="every row that counts has the same label"):
        on_classes(load_wine, kept=lambda y: y == 1)
    with pytest.raises(ParameterError, match="no optimum exists"):
        on_classes(load_wine, l2=0.0)


def test_epochs_and_rows_that_are_looked_at_are_limited_by_all_outputs(monkeypatch):
    monkeypatch.setattr(suggestion, "MAX_SCORES", 3 * 178 * 7)
    assert on_classes(load_wine)[0].epochs == 7
    monkeypatch.setattr(suggestion, "MAX_WEIGHTS", 3 * 14 * 5)
    assert on_classes(load_wine)[0].epochs == 5
    monkeypatch.setattr(suggestion, "MOST_CELLS", 4 * 3 * 100)
    assert rows_to_look_at(Live(1000), 4, 3).tolist() == list(range(100))
    assert len(rows_to_look_at(Live(1000), 4, 50)) == 400


# Which model -------------------------------------------------------------------------------------------------------


def test_the_default_model_is_that_of_the_labels():
    found = {kind: family_for(kind, None).name for kind in LABEL_KINDS}
    assert found == {"binary": "logistic", "categorical": "logistic", "real": "linear", "count": "poisson"}


@pytest.mark.parametrize(
    ("kind", "model", "found"),
    [
        (
            "real",
            "logistic",
            "model = 'logistic': needs binary or categorical labels; the labels of the data set are real, "
            'which fit linear; for classes that are numbers ask when committing: label_kind="categorical"',
        ),
        (
            "categorical",
            "linear",
            "needs binary or real or count labels; the labels of the data set are categorical, which fit "
            "logistic, probit",
        ),
        (
            "binary",
            "poisson",
            "needs count labels; the labels of the data set are binary, which fit logistic, linear, probit",
        ),
        (
            "count",
            "forest",
            "model = 'forest': there is none; the labels of the data set are count, which fit linear, poisson",
        ),
    ],
)
def test_a_model_that_the_labels_do_not_fit_is_refused_with_those_that_they_do(kind, model, found):
    with pytest.raises(ParameterError) as refused:
        family_for(kind, model)
    assert found in str(refused.value)


def test_one_label_and_separable_classes_without_l2_are_refused():
    with pytest.raises(DataError, match="every row that counts has the same label"):
        shape = DatasetShape(rows=9, features=1, label_kind="binary", label_bits=0, x_bits=10)
        suggest_spec(np.ones((9, 1)), np.ones(9), FAMILIES["logistic"], shape, Live(9), l2=0.1)
    with pytest.raises(ParameterError, match="no optimum exists"):
        suggested("logistic", scale=1e6, l2=0.0)


# Words -------------------------------------------------------------------------------------------------------------


def test_its_text_is_a_spec_with_what_is_expected_and_what_to_mind_as_comments():
    found, *_ = suggested("linear")
    text = found.to_toml()
    assert TrainingSpec.from_toml(text) == found.spec
    comments = " ".join(line.removeprefix("# ") for line in text.splitlines() if line.startswith("#"))
    assert f"the loss is expected {100 * found.expected_gap:.2g}% above its optimum" in comments
    assert PUBLIC in comments
    assert max(map(len, text.splitlines())) <= 100


def test_what_is_not_near_is_told_and_what_is_near_is_not():
    assert suggested("logistic")[0].notes == (PUBLIC,)
    found, *_ = suggested("logistic", scale=30.0, most_epochs=3)
    assert found.epochs == 3 and found.expected_gap > NEAR
    assert found.notes[0].startswith("3 epochs do not bring the loss within 0.05% of its optimum")


def test_of_many_rows_the_first_are_looked_at_and_that_is_told(monkeypatch):
    live = Live(1000, (0, 2))
    assert rows_to_look_at(live, 4).tolist() == [i for i in range(1000) if i not in (0, 2)]
    monkeypatch.setattr(suggestion, "MOST_CELLS", 40)
    assert rows_to_look_at(live, 4).tolist() == [1, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    rng = np.random.default_rng(1)
    X, y = rng.uniform(-1, 1, (10, 4)), rng.uniform(-1, 1, 10)
    shape = DatasetShape(rows=1000, features=4, label_kind="real", label_bits=14, x_bits=10)
    found = suggest_spec(X, y, FAMILIES["linear"], shape, live, l2=0.1)
    assert "found on 10 of the 998 rows that count" in found.notes
