"""What a model says of public inputs: proved, saved, verified, counted, and refused where it has to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import zkunlearn as zu
from zkunlearn.circuits.field.goldilocks import P
from zkunlearn.circuits.relations.prediction import PROBABILITY_BITS, SCORE_LIMIT
from zkunlearn.circuits.statements.prediction import CELL, MAX_INPUTS, PredictionStatement, packed
from zkunlearn.cli.inspection import describe
from zkunlearn.errors import BudgetExceeded, DataError, FormatError, InvalidProof, ParameterError, StatementMismatch
from zkunlearn.formats.container import decode, encode
from zkunlearn.models.live import Live
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.prover.owner.proved_predictions import _draft
from zkunlearn.prover.witnesses.prediction import answers_of
from zkunlearn.verifier.verify import verify_proof

from .reference import prediction as second
from .reference import verifier
from .reference.examples import package_verdict

ROWS = 23
BOUNDS: dict[str, Any] = {"x1": (-2.0, 2.0), "x2": (-2.0, 2.0), "x3": (0.0, 1.0)}
REAL = {**BOUNDS, "label": (-3.0, 5.0)}
DESCENT: dict[str, Any] = {"epochs": 3, "learning_rate": 0.5}


def inputs(rows: int, seed: int = 5) -> Any:
    """Within the bounds."""
    return np.random.default_rng(seed).uniform((-2, -2, 0), (2, 2, 1), size=(rows, 3))


def commit(kind: str) -> zu.Dataset:
    """Of two classes, of three, or of real labels or counts."""
    X = inputs(ROWS, 1)
    value = X[:, 0] - X[:, 1] / 2
    labels: dict[str, Any] = {
        "binary": (value > 0).astype(int),
        "categorical": np.array(["a", "b", "c"])[np.digitize(value, [-0.7, 0.7])],
        "real": value,
        "count": np.round(np.abs(value)).astype(int),
    }
    return zu.commit(X, labels[kind], bounds=REAL if kind == "real" else BOUNDS, label_kind=kind)


def spec(**fields: Any) -> zu.TrainingSpec:
    return zu.TrainingSpec(**({"model": "logistic"} | fields))


OPTIMUM: dict[str, Any] = {"method": "optimum", "l2": 0.02}
# Kind of labels, and spec: every method whose integers are bounded, with an intercept and without.
MODELS: dict[str, tuple[str, zu.TrainingSpec]] = {
    "two classes": ("binary", spec(**DESCENT)),
    "standardised": ("binary", spec(model="probit", standardize=True, **DESCENT)),
    "no intercept": ("binary", spec(bias=False, **DESCENT)),
    "a feature left out": ("binary", spec(without=["x2"], **DESCENT)),
    "optimum": ("binary", spec(**OPTIMUM)),
    "newton": ("binary", spec(**OPTIMUM | {"method": "newton"})),
    "noisy": ("binary", spec(**OPTIMUM | {"method": "noisy"})),
    "noisy newton": ("binary", spec(**OPTIMUM | {"method": "newton", "epsilon": 1.0, "delta": 1e-5})),
    "optima of classes": ("categorical", spec(**OPTIMUM)),
    "classes": ("categorical", spec(**DESCENT)),
    "standardised classes": ("categorical", spec(standardize=True, **DESCENT)),
    "classes without intercepts": ("categorical", spec(bias=False, **DESCENT)),
    "one pass": ("real", spec(model="linear", **DESCENT)),
    "standardised one pass": ("real", spec(model="linear", standardize=True, **DESCENT)),
    "linear optimum": ("real", spec(**OPTIMUM | {"model": "linear"})),
    "linear descent": ("real", spec(model="linear", method="gradient descent", **DESCENT)),
    "counts": ("count", spec(model="poisson", epochs=3, learning_rate=0.1)),
}
CLASSIFIERS = [name for name, (kind, _) in MODELS.items() if kind in ("binary", "categorical")]


@dataclass(frozen=True)
class Made:
    """A model of each sort."""

    trained: dict[str, Any]

    def of(self, name: str) -> Any:
        if name not in self.trained:
            kind, own = MODELS[name]
            data = commit(kind)
            drawn: dict[str, Any] = {}
            if own.method.noised:
                drawn = {"noise": zu.commit_noise(data, own, "nobody"), "nonce": bytes(32)}
            self.trained[name] = zu.prove(data, own, model_openings=12, **drawn)
        return self.trained[name]


@pytest.fixture(scope="module")
def made() -> Made:
    return Made({})


@pytest.fixture(scope="module")
def classes(made: Made) -> zu.PredictionProof:
    return zu.prove_predictions(made.of("two classes").secret, inputs(6))


def verdict(proof: zu.PredictionProof) -> str:
    """On the file; the same for both verifiers."""
    file = proof.to_bytes()
    found = package_verdict(lambda: verify_proof(zu.Proof.from_bytes(file)))
    assert verifier.verdict(second.verify_prediction, file) == found
    return found


def stating(proof: zu.PredictionProof, **changes: Any) -> zu.PredictionProof:
    """The same proof under another statement."""
    return zu.PredictionProof(replace(proof.statement, **changes), proof.proof)


def said(trained: Any, X: Any, what: str) -> PredictionStatement:
    """What would be proved."""
    own = trained.secret
    draft = _draft(own, what, packed(own.encoding.encode_features(X)), len(X))
    return replace(draft, flat=tuple(answers_of(draft.relation, own.integers).reshape(-1).tolist()))


def prove(trained: Any, X: Any, what: str | None = None) -> zu.PredictionProof:
    return zu.prove_predictions(trained.secret, X, what, publish_model_anyway=True)


# What is true --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classes_are_those_that_the_model_predicts(name: str, made: Made) -> None:
    trained, X = made.of(name), inputs(9)
    proof = prove(trained, X)
    assert proof.statement.what == "class" and verdict(proof) == "valid"
    assert proof.statement.values == trained.model.predict(X).tolist()
    assert zu.verify_predictions(proof, X, trained.proof) >= 100


def exact_scores(trained: Any, X: Any) -> list[list[Fraction]]:
    """By the integers, which nobody rounds."""
    own = trained.secret
    bits = own.encoding.x_bits + own.spec.weight_bits
    rows = own.encoding.encode_features(X).tolist()
    found = []
    for row in rows:
        each = []
        for weights in own.integers.tolist():
            d = len(row)
            each.append(
                Fraction(sum(x * w for x, w in zip(row, weights[:d], strict=True)) + sum(weights[d:]), 1 << bits)
            )
        found.append(each)
    return found


@pytest.mark.parametrize("name", MODELS)
def test_scores_are_those_of_the_integers_rounded_down(name: str, made: Made) -> None:
    trained, X = made.of(name), inputs(5)
    statement = said(trained, X, "score")
    unit = 1 << trained.secret.spec.fixed_point.q_bits
    assert statement.answers.tolist() == [[(z * unit).__floor__() for z in each] for each in exact_scores(trained, X)]
    assert statement.unit_bits == trained.secret.spec.fixed_point.q_bits


@pytest.mark.parametrize(
    "name",
    [
        "standardised one pass",
        "optimum",
        "optima of classes",
        "noisy",
        "linear optimum",
        "classes without intercepts",
        "counts",
    ],
)
def test_both_verifiers_accept_scores(name: str, made: Made) -> None:
    proof = prove(made.of(name), inputs(2), "score")
    assert verdict(proof) == "valid"


@pytest.mark.parametrize("name", ["one pass", "standardised one pass", "linear descent"])
def test_a_score_of_a_regression_is_its_prediction_in_units_of_the_label(name: str, made: Made) -> None:
    trained, X = made.of(name), inputs(7)
    statement = said(trained, X, "score")
    assert statement.in_label_units
    unit = 4.0 / (1 << statement.unit_bits)  # half of the label's bounds
    gaps = trained.model.predict(X) - np.array(statement.values)
    assert (gaps >= -1e-9).all() and (gaps < unit + 1e-9).all()


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_probabilities_are_those_of_the_cells_of_scores(name: str, made: Made) -> None:
    trained, X = made.of(name), inputs(4)
    statement = said(trained, X, "probability")
    link = trained.secret.spec.family.inverse_link
    scores = np.array(exact_scores(trained, X), dtype=np.float64)
    near = 1 / (1 << trained.secret.spec.fixed_point.q_bits) + 1 / (1 << PROBABILITY_BITS)
    assert np.abs(statement.answers / (1 << PROBABILITY_BITS) - link(scores)).max() <= near


@pytest.mark.parametrize("name", ["classes", "optimum", "optima of classes"])
def test_both_verifiers_accept_probabilities(name: str, made: Made) -> None:
    assert verdict(prove(made.of(name), inputs(3), "probability")) == "valid"


def test_a_class_that_was_forgotten_is_not_predicted() -> None:
    data = commit("categorical")
    trained = zu.prove(data, MODELS["classes"][1], forget_classes=["b"], model_openings=4)
    for what in ("class", "score"):
        proof = prove(trained, inputs(8), what)
        assert verdict(proof) == "valid" and proof.statement.kept == (0, 2)
        if what == "class":
            assert proof.statement.values == trained.model.predict(inputs(8)).tolist()
            assert verdict(stating(proof, flat=(1, *proof.statement.flat[1:]))) == "statement"


@pytest.mark.parametrize("rows, kind", [(1, "binary"), (1, "categorical"), (2, "binary")])
def test_one_feature_and_one_input_are_enough(rows: int, kind: str) -> None:
    X, labels = inputs(ROWS, 1)[:, :1], np.arange(ROWS) % (2 if kind == "binary" else 3)
    data = zu.commit(X, labels.astype(str), bounds={"x1": (-2.0, 2.0)}, label_kind=kind)
    trained = zu.prove(data, spec(**DESCENT), model_openings=4)
    for what in ("class", "probability"):
        assert verdict(prove(trained, X[:rows], what)) == "valid"


def test_the_file_is_saved_and_loaded_and_has_no_data_set(classes: zu.PredictionProof, tmp_path: Path) -> None:
    classes.save(tmp_path / "q.predictions")
    again = zu.PredictionProof.load(tmp_path / "q.predictions")
    assert again == classes and again.to_bytes() == classes.to_bytes()
    assert again.statement.values == classes.statement.values and len(again.to_bytes()) < 1 << 18


def test_columns_of_a_frame_are_taken_by_name(made: Made, classes: zu.PredictionProof) -> None:
    frame = pandas.DataFrame(inputs(6), columns=["x1", "x2", "x3"])[["x3", "x1", "x2"]]
    trained = made.of("two classes")
    assert zu.prove_predictions(trained.secret, frame).statement.flat == classes.statement.flat
    assert zu.verify_predictions(classes, frame.assign(more=1), trained.proof) >= 100
    with pytest.raises(DataError, match="no column 'x2'"):
        zu.verify_predictions(classes, frame[["x3", "x1"]], trained.proof)


# What is counted -----------------------------------------------------------------------------------------------------


def test_every_opening_is_counted_and_one_more_is_refused(tmp_path: Path) -> None:
    trained, path = zu.prove(commit("binary"), MODELS["two classes"][1], model_openings=9), tmp_path / "m.model.opening"
    trained.secret.save(path)
    zu.prove_predictions(path, inputs(2))
    assert zu.Model.load(path).spent == 2
    for _ in range(6):
        zu.Model.load(path).budget.spend()
    zu.prove_predictions(path, inputs(2))
    with pytest.raises(BudgetExceeded, match="all 9 openings of this model"):
        zu.prove_predictions(path, inputs(2))
    assert zu.Model.load(path).revealed.count == 0, "classes are not counted"


def test_inputs_of_scores_are_counted_in_the_file_and_refused_beyond_the_weights(tmp_path: Path) -> None:
    """Four weights, the intercept among them: whoever has as many scores has them."""
    trained, path = zu.prove(commit("binary"), MODELS["two classes"][1], model_openings=9), tmp_path / "m.model.opening"
    trained.secret.save(path)
    first = zu.prove_predictions(path, inputs(3), "score")
    assert (first.statement.revealed, first.statement.weights) == (3, 4)
    with pytest.raises(BudgetExceeded, match=r"scores or probabilities of 3 inputs .* with 2 more .* its 4 weights"):
        zu.prove_predictions(path, inputs(2), "probability")
    assert zu.Model.load(path).spent == 2, "nothing was opened"
    assert zu.prove_predictions(path, inputs(30)).statement.revealed == 3, "classes are not counted"
    last = zu.prove_predictions(path, inputs(1), "probability")
    assert last.statement.revealed == 4 and zu.Model.load(path).revealed.count == 4
    other = zu.Model.load(path)
    known = zu.prove_predictions(path, inputs(2), "score", publish_model_anyway=True)
    assert known.statement.revealed == 6 and verdict(known) == "valid"
    with pytest.raises(BudgetExceeded, match="of 6 inputs"):  # another object, that read it before
        zu.prove_predictions(other, inputs(1), "score")


def test_a_model_in_memory_counts_for_itself_and_so_does_its_file(tmp_path: Path) -> None:
    model = zu.prove(commit("binary"), MODELS["two classes"][1], model_openings=9).secret
    zu.prove_predictions(model, inputs(2), "score")
    model.save(tmp_path / "m.model.opening")
    assert zu.Model.load(tmp_path / "m.model.opening").revealed.count == 2
    with pytest.raises(BudgetExceeded, match="with 3 more"):
        zu.prove_predictions(model, inputs(3), "score")


def test_a_feature_that_is_left_out_is_no_weight(made: Made) -> None:
    assert said(made.of("a feature left out"), inputs(1), "score").weights == 3


def test_fewer_inputs_counted_than_there_are_is_refused(made: Made) -> None:
    proof = prove(made.of("two classes"), inputs(3), "score")
    assert verdict(stating(proof, revealed=2)) == "statement"
    assert verdict(stating(proof, revealed=proof.statement.revealed + 1)) == "constraints"


# A model that was committed afresh -----------------------------------------------------------------------------------


def test_a_model_that_was_committed_afresh_needs_its_links_and_its_count_goes_on() -> None:
    trained = zu.prove(commit("binary"), MODELS["two classes"][1], model_openings=5)
    zu.prove_predictions(trained.secret, inputs(2), "score")
    once, first = zu.recommit_model(trained.secret)
    twice, last = zu.recommit_model(once, openings=6)
    proof = zu.prove_predictions(twice, inputs(2), "score")
    assert proof.statement.afresh and proof.statement.revealed == 4 and verdict(proof) == "valid"
    check: Callable[..., float] = zu.verify_predictions
    assert check(proof, inputs(2), trained.proof, [last, first]) >= 100
    for links in ([], [first], [last]):
        with pytest.raises(StatementMismatch, match="committed afresh"):
            check(proof, inputs(2), trained.proof, links)
    bad = zu.ModelLinkProof(last.statement, bytes(len(last.proof)))
    with pytest.raises(InvalidProof):
        check(proof, inputs(2), trained.proof, [first, bad])
    assert verdict(stating(proof, model=proof.statement.training.model)) in ("constraints", "proof length")


# Refused -------------------------------------------------------------------------------------------------------------


def test_an_input_outside_of_the_bounds_is_refused_by_row_and_column(made: Made, classes: zu.PredictionProof) -> None:
    for row, k, value, words in ((4, 1, 2.5, "row 5, column 'x2'"), (0, 2, -0.01, "row 1, column 'x3'")):
        X = inputs(6)
        X[row, k] = value
        with pytest.raises(DataError, match=f"{words}: {value} is outside the bounds"):
            zu.prove_predictions(made.of("two classes").secret, X)
        with pytest.raises(DataError, match=words):
            zu.verify_predictions(classes, X, made.of("two classes").proof)
    with pytest.raises(DataError, match="row 2, column 'x1'"):
        zu.prove_predictions(made.of("two classes").secret, [[0, 0, 0], [float("nan"), 0, 0]])


def test_a_score_that_the_table_does_not_have_is_refused_by_row() -> None:
    """Of a model that saw small numbers only, so that its weights are large; classes and scores are proved alike."""
    X = inputs(ROWS, 1) * 0.01 + (0, 0, 0.495)
    data = zu.commit(X, (X[:, 0] > 0).astype(int), bounds=BOUNDS)
    trained = zu.prove(data, spec(epochs=8, learning_rate=8000.0, bias=False), model_openings=5)
    far = np.array([[0.001, 0, 0.5], [2, 0, 0.5]])
    limit = trained.secret.spec.fixed_point.z_limit
    assert [max(map(abs, each)) >= limit for each in exact_scores(trained, far)] == [False, True]
    with pytest.raises(DataError, match="row 2: its score is outside of the table"):
        prove(trained, far, "probability")
    assert trained.secret.spent == 1, "nothing was opened"
    assert verdict(prove(trained, far)) == verdict(prove(trained, far, "score")) == "valid"


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "a class of a regression": ("one pass", {"what": "class"}, "predicts no classes"),
    "a probability of counts": ("counts", {"what": "probability"}, "predicts no classes"),
    "something else": ("two classes", {"what": "weights"}, "must be one of class, probability, score"),
    "too many": ("two classes", {"X": np.zeros((MAX_INPUTS + 1, 3))}, "one proof takes 1 to"),
    "none": ("two classes", {"X": np.zeros((0, 3))}, "one proof takes 1 to"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_proved_is_refused_before_anything_is_opened(name: str, made: Made) -> None:
    model, given, words = REFUSED[name]
    own = made.of(model).secret
    spent = own.spent
    with pytest.raises(ParameterError, match=words):
        zu.prove_predictions(own, given.get("X", inputs(2)), given.get("what"))
    assert own.spent == spent


def test_a_model_that_is_coarser_than_its_table_has_classes_and_no_scores() -> None:
    """Weights are multiples of 1/4: a score has no bits that a cell of the table loses."""
    X = inputs(ROWS, 1)
    data = zu.commit(X, (X[:, 0] > 0).astype(int), bounds=BOUNDS)
    coarse = spec(method="optimum", l2=0.1, grid=34, fixed_point=zu.FineScales(w_bits=36))
    trained = zu.prove(data, coarse, model_openings=3)
    for what in ("score", "probability"):
        with pytest.raises(ParameterError, match="coarser than its table"):
            prove(trained, X[:2], what)
    proof = prove(trained, X[:2])
    assert verdict(proof) == "valid"
    assert verdict(stating(proof, what="probability", flat=(1, 1), revealed=2)) == "statement"


def test_scores_that_could_be_taken_for_others_are_refused(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    largest = said(made.of("two classes"), inputs(1), "class").relation.model.largest_score
    monkeypatch.setattr("zkunlearn.circuits.relations.prediction.SCORE_LIMIT", largest)
    with pytest.raises(ParameterError, match="too large to be compared"):
        zu.prove_predictions(made.of("two classes").secret, inputs(1))


def test_models_of_shards_are_refused_by_name() -> None:
    shards = spec(method="sisa", shard_rows=8, slices=1, **DESCENT)
    trained: Any = zu.prove(commit("binary"), shards)
    for own in (trained.model, trained.secret):
        with pytest.raises(ParameterError, match="models of shards answer together"):
            zu.prove_predictions(own, inputs(2))


# Lies in what is stated ----------------------------------------------------------------------------------------------


def altered(statement: PredictionStatement, row: int, k: int, step: int) -> bytes:
    cells = statement.inputs.copy()
    cells[row, k] += step
    return cells.astype(CELL).tobytes()


@pytest.mark.parametrize("what", ["class", "score", "probability"])
def test_other_answers_or_inputs_under_the_same_proof_are_rejected(what: str, made: Made) -> None:
    proof = prove(made.of("two classes"), inputs(4), what)
    own = proof.statement
    flat = (1 - own.flat[0] if what == "class" else own.flat[0] + 1, *own.flat[1:])
    lies: dict[str, dict[str, Any]] = {
        "answer": {"flat": flat},
        "input": {"cells": altered(own, 1, 0, 1)},
        "input of another row": {"cells": own.inputs[[1, 0, 2, 3]].astype(CELL).tobytes()},
        "all reordered": {
            "cells": own.inputs[::-1].astype(CELL).tobytes(),
            "flat": own.flat[::-1],
        },
    }
    for name, lie in lies.items():
        assert verdict(stating(proof, **lie)) == "constraints", name


def test_predictions_of_another_model_under_the_same_proof_are_rejected(
    made: Made, classes: zu.PredictionProof
) -> None:
    """Of a model whose weights have as many bits, so that the proof has the same length."""
    other = zu.prove(commit("binary"), MODELS["two classes"][1], forget=["3"], model_openings=12).proof.statement
    found = verdict(stating(classes, training=other, model=other.model))
    assert found == "constraints"
    assert verdict(stating(classes, model=other.model)) == "constraints"
    shorter = replace(classes.statement.model, shape=(1, 3))
    assert verdict(stating(classes, model=shorter)) == "statement"


@pytest.mark.parametrize(
    "lie",
    [
        {"flat": (2, 0, 0, 0, 0, 0)},
        {"flat": (-1, 0, 0, 0, 0, 0)},
        {"flat": (0,) * 5},
        {"cells": bytes(34)},
        {"what": "probability", "flat": (-1,) * 6, "revealed": 9},
        {"what": "probability", "flat": ((1 << PROBABILITY_BITS) + 1,) * 6, "revealed": 9},
        {"what": "score", "flat": (1 << 60,) * 6, "revealed": 9},
        {"what": "score", "flat": (-(1 << 60),) * 6, "revealed": 9},
    ],
)
def test_answers_and_inputs_that_no_model_has_are_refused(lie: Any, classes: zu.PredictionProof) -> None:
    assert verdict(stating(classes, **lie)) == "statement"


@pytest.mark.parametrize("name", ["one pass", "two classes", "classes"])
def test_a_training_that_is_none_is_refused_and_told_in_words(name: str, made: Made) -> None:
    """Classes are forgotten that there are not, or all of them: then no output is left."""
    proof = prove(made.of(name), inputs(2), "score")
    every = tuple(proof.statement.encoding.label.classes) or ("a",)
    for gone in (("nobody",), every):
        lie = stating(proof, training=replace(proof.statement.training, forgotten_classes=gone))
        assert verdict(lie) == "statement"
        assert describe(lie.statement).data["what"] == "score"


@pytest.mark.parametrize("step", [1, -1])
def test_integers_beyond_the_bounds_are_refused_wherever_they_come_from(step: int, classes: zu.PredictionProof) -> None:
    own = classes.statement
    at_end = step * (1 << 10) - int(own.inputs[2, 1])
    assert verdict(stating(classes, cells=altered(own, 2, 1, at_end))) == "constraints"
    assert verdict(stating(classes, cells=altered(own, 2, 1, at_end + step))) == "statement"


def test_a_constant_feature_that_is_not_its_constant_is_refused() -> None:
    """Its bounds are equal, and its integer is 0: another one stands for no input."""
    X = inputs(ROWS, 1)
    X[:, 2] = 0.5
    data = zu.commit(X, (X[:, 0] > 0).astype(int), bounds={**BOUNDS, "x3": (0.5, 0.5)})
    trained = zu.prove(data, spec(**DESCENT))
    proof = zu.prove_predictions(trained.secret, X[:3])
    assert verdict(proof) == "valid"
    assert verdict(stating(proof, cells=altered(proof.statement, 1, 2, 1))) == "statement"
    other = X[:3].copy()
    other[1, 2] = 0.6
    with pytest.raises(DataError, match="row 2, column 'x3'"):
        zu.verify_predictions(proof, other, trained.proof)


def test_fields_of_another_form_are_refused(classes: zu.PredictionProof) -> None:
    payload = decode(classes.to_bytes(), None, 1 << 24)[1]
    for field, value in (
        ("what", "weights"),
        ("answers", []),
        ("answers", [1 << 63]),
        ("inputs", bytes((1 << 22) + 2)),
    ):
        lie = {**payload, "statement": {**payload["statement"], field: value}}
        file = encode("prediction", lie)
        with pytest.raises(FormatError):
            zu.PredictionProof.from_bytes(file)
        assert verifier.verdict(second.verify_prediction, file) == "format"


def test_what_the_customer_has_is_compared(made: Made, classes: zu.PredictionProof) -> None:
    training, X = made.of("two classes").proof, inputs(6)
    near = X.copy()
    near[3, 0] -= 2 * 2 / (1 << 10)  # one unit of the grid
    for other in (X[::-1], X[:5], near, inputs(6, 6)):
        with pytest.raises(StatementMismatch, match="other inputs"):
            zu.verify_predictions(classes, other, training)
    with pytest.raises(StatementMismatch, match="another model"):
        zu.verify_predictions(classes, X, made.of("optimum").proof)
    with pytest.raises(InvalidProof):
        zu.verify_predictions(zu.PredictionProof(classes.statement, bytes(len(classes.proof))), X, training)
    with pytest.raises(DataError, match="expected 3 columns"):
        zu.verify_predictions(classes, X[:, :2], training)


# Integers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("features", [1, 30, 300])
@pytest.mark.parametrize("standardize, bias", [(False, False), (False, True), (True, True)])
def test_the_largest_model_of_one_pass_is_within_the_declared_bits(
    features: int, standardize: bool, bias: bool
) -> None:
    """The weights at the ends of their range, the largest exponents and the largest means; and scores fit 62 bits."""
    names = tuple(f"x{k}" for k in range(features))
    shape = DatasetShape(rows=1000, features=features, label_kind="real", label_bits=14, x_bits=10, names=names)
    schedule: Any = spec(model="linear", standardize=standardize, bias=bias, **DESCENT).compile(shape, Live(1000))
    weight_bits, intercept_bits = schedule.committed_bits
    largest, cap = 1 << (schedule.model_bits - 1), schedule.standardization.cap if standardize else 0
    assert largest << cap <= 1 << (weight_bits - 1)
    intercept = (1 << (schedule.weight_bits - 1 + schedule.intercept_shift)) * bias
    if standardize:  # |m| <= 2^cap (2^10 + 1), of a feature that is always 1 or always -1
        intercept += features * largest * ((1 << cap) * ((1 << 10) + 1))
    assert intercept <= 1 << (intercept_bits - 1)
    assert features * (1 << 10) * (1 << (weight_bits - 1)) + (1 << (intercept_bits - 1)) < SCORE_LIMIT


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("what", ["class", "score"])
def test_no_remainder_is_taken_for_another_integer(name: str, what: str, made: Made) -> None:
    """Whatever inputs and model: both sides of the equation differ by less than p."""
    statement = made.of(name).proof.statement
    if what == "class" and statement.spec.family.predicts != "class":
        what = "score"
    shape = statement.model.shape
    own = PredictionStatement(
        statement, statement.model, what, bytes(6), (0,) * (1 if what == "class" else shape[0]), 1
    )
    relation = own.relation
    s, bits = relation.model.largest_score, relation.rest_bits
    smallest, largest = (-s, s) if not relation.several or what != "class" else (-2 * s - 1, 2 * s)
    assert not relation.wraps and s < SCORE_LIMIT
    if what == "class":
        assert largest < 1 << bits and (1 << bits) - 1 - (smallest - 1) < P
    else:
        whole = relation.model.largest_quotient << relation.model.shift
        assert largest + whole + (1 << bits) < P


@pytest.mark.parametrize(
    ("name", "what", "words"),
    [
        ("optimum", "median", "what = 'median': must be one of"),
        ("linear optimum", "probability", "predicts no classes; its scores can be proved"),
    ],
)
def test_a_statement_of_what_a_model_does_not_answer_cannot_be_proved(
    name: str, what: str, words: str, made: Made
) -> None:
    statement = made.of(name).proof.statement
    cells = bytes(CELL.itemsize * statement.dataset.features)
    with pytest.raises(ParameterError, match=words):
        PredictionStatement(statement, statement.model, what, cells, (0,), 1).require_provable()
