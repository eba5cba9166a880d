"""Exports predict what the integer model does, refuse what it refuses, and say that they are no proof."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from contextlib import suppress
from copy import copy
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import zkunlearn as zu
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file
from zkunlearn.estimators.exports import write
from zkunlearn.estimators.exports.form import Form
from zkunlearn.estimators.exports.onnx_graph import graph_of
from zkunlearn.estimators.exports.torch_model import LinearModule
from zkunlearn.models.aggregation import CELL_BITS
from zkunlearn.models.encoding.columns import ColumnEncoding
from zkunlearn.models.encoding.dataset import DatasetEncoding
from zkunlearn.models.encoding.labels import LabelEncoding
from zkunlearn.models.encoding.maps import MAPS, log1p_thresholds
from zkunlearn.models.families import FAMILIES
from zkunlearn.models.shapes import X_BITS_RANGE

from .proved import (
    BOUNDS,
    FORGOTTEN_CLASS,
    NAMES,
    SPECS,
    as_features,
    dataset,
    declared_model,
    features,
    frame,
    model,
    rows,
)

STATED = 1e-12  # relative, in docs/exports.md
NO_SUCH_MODEL = ("probit", "by probability", "by vote")
every_model = pytest.mark.parametrize("name", NAMES)
OWN: Any = "logistic"


def session(own: Any) -> Any:
    return onnxruntime.InferenceSession(graph_of(Form.of(own)).SerializeToString())


def run_onnx(own: Any, X: np.ndarray) -> dict[str, np.ndarray]:
    found = session(own)
    return dict(zip([output.name for output in found.get_outputs()], found.run(None, {"X": X}), strict=True))


def numbers(own: Any, X: Any) -> np.ndarray:
    """What the integer model says: probabilities, or values."""
    return own.predict_proba(X) if own.spec.family.predicts == "class" else own.predict(X)


def near(found: np.ndarray, expected: np.ndarray, absolute: float = 0.0) -> bool:
    return found.shape == expected.shape and np.allclose(found, expected, rtol=STATED, atol=absolute)


# Predictions ---------------------------------------------------------------------------------------------------------


@every_model
def test_a_graph_predicts_what_the_integer_model_does(name: str) -> None:
    own, X = model(name), rows()
    found = run_onnx(own, X)
    if own.spec.family.predicts == "class":
        assert [*found] == ["label", "probabilities"]
        assert found["label"].tolist() == own.predict(X).tolist()
        assert near(found["probabilities"], own.predict_proba(X))
    else:
        assert [*found] == ["variable"]
        assert near(found["variable"], own.predict(X)[:, None])


@pytest.mark.parametrize("name", ["shards by probability", "shards by probability of classes"])
def test_next_to_one_half_a_graph_has_the_class_of_the_integers_that_decide(name: str) -> None:
    """Of two models of which one says nearly the contrary of the other; in floats, other classes come out."""
    own, X = copy(model(name)), rows()
    first, second = own.integers[:1], -own.integers[:1]
    second[..., -1] += 1 << (own.encoding.x_bits + own.spec.weight_bits - CELL_BITS - 1)  # half a cell
    own.__dict__["integers"] = np.concatenate([first, second])
    expected = own.predict(X)
    assert run_onnx(own, X)["label"].tolist() == expected.tolist()
    assert (own.classes_[own.predict_proba(X).argmax(axis=1)] != expected).any()


@every_model
def test_a_module_predicts_what_the_integer_model_does(name: str) -> None:
    own, X = model(name), rows()
    module = zu.to_torch(own)
    assert near(module(torch.tensor(X)).numpy(), numbers(own, X))
    assert not [each for each in module.parameters() if each.requires_grad] and not module.training


@every_model
def test_a_pipeline_predicts_what_the_integer_model_does(name: str) -> None:
    own, X = model(name), rows()
    if any(part in name for part in NO_SUCH_MODEL):
        with pytest.raises(zu.ParameterError, match=r'scikit-learn has no .*; zu.to_torch and the format "onnx"'):
            zu.to_sklearn(own)
        return
    pipeline = zu.to_sklearn(own)
    if own.spec.family.predicts != "class":
        assert near(pipeline.predict(X), own.predict(X))
    else:
        assert pipeline.predict(X).tolist() == own.predict(X).tolist()
        assert near(pipeline.predict_proba(X), own.predict_proba(X), absolute=3e-16)  # 1 - p, as the page says
        assert pipeline.classes_.tolist() == own.classes_.tolist()
        assert pipeline.score(X, own.predict(X)) == 1.0
    again = pickle.loads(pickle.dumps(pipeline))
    assert again.predict(X).tolist() == pipeline.predict(X).tolist()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("logistic", "LogisticRegression"),
        ("logistic of classes", "OneVsRestClassifier"),
        (FORGOTTEN_CLASS, "OneVsRestClassifier"),
        ("linear one-pass", "LinearRegression"),
        ("poisson", "PoissonRegressor"),
    ],
)
def test_the_last_step_is_an_estimator_of_scikit_learns(name: str, kind: str) -> None:
    assert type(zu.to_sklearn(model(name))[-1]).__name__ == kind


def test_a_logarithm_steps_exactly_where_training_steps() -> None:
    """At each threshold, and at the float below it, where one digit of a logarithm would decide otherwise."""
    own = model("linear one-pass")
    _, thresholds = log1p_thresholds(0.0, 1000.0, own.encoding.x_bits, True)
    (*inside, beyond) = thresholds  # from the last one on no integer fits
    values = np.concatenate([inside, np.nextafter(thresholds, 0.0), [0.0]])
    X = np.repeat(features()[:1], len(values), axis=0)
    X[:, 1] = values
    expected = own.predict(X)
    assert len(np.unique(expected)) == len(thresholds)
    assert run_onnx(own, X)["variable"][:, 0].tolist() == expected.tolist()
    assert zu.to_torch(own)(torch.tensor(X)).numpy().tolist() == expected.tolist()
    X[0, 1] = beyond
    assert np.isnan(run_onnx(own, X[:1])["variable"]).all() and zu.to_torch(own)(torch.tensor(X[:1])).isnan().all()


@st.composite
def columns(draw: Any) -> ColumnEncoding:
    """Of any bounds and map that can be declared, near to each other and far from 0, too."""
    map = draw(st.sampled_from(MAPS))
    low = draw(st.floats(0.0 if map == "log1p" else -1e9, 1e9))
    width = draw(st.sampled_from([1e-3, 0.3, 1.0, 1024.0, 3e5, 1e12]))
    try:
        return ColumnEncoding("x", low, low + width, map)
    except zu.ParameterError:
        reject()


@settings(max_examples=60, deadline=None)
@given(columns(), st.integers(*X_BITS_RANGE), st.lists(st.floats(-1.5, 1.5), min_size=1, max_size=8))
def test_features_become_the_same_integers_whatever_their_bounds(column: Any, bits: int, at: Any) -> None:
    """Also halfway between two of them, and at the next float on either side."""
    label = LabelEncoding(kind="real", column=ColumnEncoding("y", -1.0, 1.0), label_bits=14)
    encoding = DatasetEncoding(features=(column,), label=label, x_bits=bits, bounds_declared=True)
    halves = (np.rint(np.array(at) * 2**bits) + 0.5) / 2**bits
    own = [column.offset + place * column.half_width for place in (*at, *halves)]
    with np.errstate(over="ignore"):
        middle = np.expm1(own) if column.map == "log1p" else np.array(own)
    X = np.concatenate([middle, np.nextafter(middle, -np.inf), np.nextafter(middle, np.inf)])[:, None]
    one = np.ones((1, 1, 1))
    form = Form(encoding, FAMILIES["linear"], (), one, 0 * one[0], "score", {"notice": ""})
    expected = np.full(len(X), np.nan)
    for row, cell in enumerate(X):
        with suppress(zu.DataError):
            expected[row] = encoding.encode_features(cell[None], check_bounds=False)[0, 0] / 2**bits
    runtime = onnxruntime.InferenceSession(graph_of(form).SerializeToString())
    assert np.array_equal(runtime.run(None, {"X": X})[0][:, 0], expected, equal_nan=True)
    assert np.array_equal(LinearModule(form)(torch.tensor(X)).numpy(), expected, equal_nan=True)


@pytest.mark.parametrize("name", ["logistic", "probit", "logistic of classes", "shards by vote of classes", "poisson"])
def test_a_row_that_the_model_refuses_is_no_number_and_no_class(name: str) -> None:
    own, X = model(name), features()[:8]
    X[1, 0], X[2, 2], X[3, 1], X[4, 0], X[5, 1] = np.nan, np.inf, -0.5, 1e9, -np.inf
    bad, good = [1, 2, 3, 4, 5], [0, 6, 7]
    for row in bad:
        with pytest.raises(zu.DataError):
            own.predict(X[row : row + 1])
    found, module = run_onnx(own, X), zu.to_torch(own)(torch.tensor(X)).numpy()
    values = found["probabilities"] if "label" in found else found["variable"][:, 0]
    for each in (values, module):
        assert np.isnan(each[bad]).all()
        assert near(each[good], numbers(own, X[good]))
    if "label" in found:
        assert found["label"][bad].tolist() == [""] * 5
        assert found["label"][good].tolist() == own.predict(X[good]).tolist()
    if name in ("logistic", "logistic of classes"):
        with pytest.raises(zu.DataError, match="row 2, column 'x1': the cell is empty; leave such rows out"):
            zu.to_sklearn(own).predict(X)


def test_what_is_declared_of_columns_is_inside() -> None:
    own, table = declared_model(), frame()
    table.loc[3, "age"] = 300.0
    expected = own.predict_proba(table)
    assert own.predict_proba(table.assign(age=table["age"].fillna(60.0).clip(0, 120))).tolist() == expected.tolist()
    X = as_features(table)
    assert np.isnan(X[4, 0]) and own.feature_names_in_.tolist() == ["age", "city=NY", "city=SF", "since"]
    assert near(run_onnx(own, X)["probabilities"], expected)
    assert near(zu.to_torch(own)(torch.tensor(X)).numpy(), expected)
    assert near(zu.to_sklearn(own).predict_proba(table), expected)
    X[5, 3] = np.nan  # a time that has to be there
    assert run_onnx(own, X)["label"][5] == ""


def test_other_numbers_than_float64_are_converted() -> None:
    own, X = model("logistic"), np.round(rows()[:64])
    found = zu.to_torch(own)(torch.tensor(X.astype(np.float32))).numpy()
    assert near(found, own.predict_proba(X))


# Files ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [".onnx", ".safetensors", ".pt", ".pth"])
def test_a_file_is_private_spends_nothing_and_replaces_what_is_there(tmp_path: Path, end: str) -> None:
    own, path = model("logistic"), tmp_path / f"m{end}"
    spent = own.spent
    path.write_bytes(b"something else")
    zu.export(own, path)
    assert path.stat().st_mode & 0o777 == 0o600 and own.spent == spent
    assert path.read_bytes() != b"something else" and [*tmp_path.iterdir()] == [path]


def about(path: Path) -> dict[str, str]:
    """What a file says of itself."""
    if path.suffix == ".onnx":
        return {each.key: each.value for each in onnx.load(path).metadata_props}
    if path.suffix == ".pt":
        found: dict[str, str] = torch.load(path, weights_only=True)["about"]
        return found
    with safe_open(path, "numpy") as file:
        return dict(file.metadata())


@pytest.mark.parametrize("end", [".onnx", ".safetensors", ".pt"])
@pytest.mark.parametrize("name", ["logistic standardised", "shards by vote of classes"])
def test_a_file_says_what_it_is_of_and_that_it_is_no_proof(tmp_path: Path, end: str, name: str) -> None:
    own, path = model(name), tmp_path / f"m{end}"
    zu.export(own, path)
    found = about(path)
    assert found["notice"].startswith("This file is not a proof.")
    assert found["statement"] == own.stated.digest.hex()
    assert found["dataset"] == own.stated.dataset.digest.hex()
    assert json.loads(found["features"]) == list(BOUNDS)
    assert json.loads(found["classes"]) == own.classes_.tolist()
    assert json.loads(found["encoding"]) == own.encoding.to_mapping()
    if isinstance(own, zu.ShardedModel):
        assert (found["shards"], found["aggregate"]) == ("4", "vote")
    else:
        assert found["model"] == own.commitment.root.hex()


@every_model
def test_all_files_hold_the_same_numbers_which_are_the_models(tmp_path: Path, name: str) -> None:
    own = model(name)
    zu.export(own, tmp_path / "m.pt")
    zu.export(own, tmp_path / "m.safetensors")
    tensors = load_file(tmp_path / "m.safetensors")
    state = torch.load(tmp_path / "m.pt", weights_only=True)["state_dict"]
    assert {key: each.numpy().tolist() for key, each in state.items()} == {k: v.tolist() for k, v in tensors.items()}
    if isinstance(own, zu.Model):
        assert tensors["linear.weight"].tolist() == np.atleast_2d(own.weights).tolist()
        assert tensors["linear.bias"].tolist() == np.atleast_1d(own.intercept).tolist()
    module = zu.to_torch(model(name))
    module.load_state_dict({key: torch.zeros_like(each) for key, each in state.items()})
    module.load_state_dict(state)
    assert near(module(torch.tensor(rows())).numpy(), numbers(own, rows()))


def test_a_graph_is_of_the_stated_opset_and_passes_the_checker(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    zu.export(model("probit optimum of classes"), path)
    onnx.checker.check_model(str(path), full_check=True)
    graph = onnx.load(path)
    assert [(each.domain, each.version) for each in graph.opset_import] == [("", 17)]
    assert {node.domain for node in graph.graph.node} == {""}
    assert [each.name for each in graph.graph.input] == ["X"]


def test_what_a_recommitted_model_says_is_its_own_commitment() -> None:
    renewed, _ = zu.recommit_model(model("linear optimum"))
    found = Form.of(renewed).about
    assert found["model"] == renewed.commitment.root.hex() != Form.of(model("linear optimum")).about["model"]


# Refused -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "form", "reason"),
    [
        (
            "m.bin",
            None,
            r"its name must end with .onnx, .safetensors, .pt, .pth, or which format has to be said",
        ),
        ("m.onnx", "torch", r"m.onnx: the name of a file of the format torch ends with .pt or .pth"),
        ("second.model.opening", "onnx", r"the name of a file of the format onnx ends with .onnx"),
        ("m.joblib", "sklearn", r"format = 'sklearn': a file of scikit-learn's objects is a pickle"),
        ("m.onnx", "pmml", r"format = 'pmml': must be one of onnx, safetensors, torch"),
    ],
)
def test_a_name_or_format_that_is_none_is_refused(tmp_path: Path, name: str, form: str | None, reason: str) -> None:
    with pytest.raises(zu.ParameterError, match=reason):
        zu.export(model("logistic"), tmp_path / name, form)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("package", "extra"), [("onnx", "export"), ("safetensors", "export"), ("torch", "torch"), ("sklearn", "sklearn")]
)
def test_a_package_that_is_missing_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, extra: str
) -> None:
    for module in (write, sys.modules["zkunlearn.estimators.exports.scikit_model"]):
        monkeypatch.setattr(module, "find_spec", lambda name: None if name == package else util.find_spec(name))
    message = rf"needs .*: pip install 'zkunlearn\[{extra}\]'"
    own = model("logistic")
    calls = {
        "onnx": lambda: zu.export(own, tmp_path / "m.onnx"),
        "safetensors": lambda: zu.export(own, tmp_path / "m.safetensors"),
        "torch": lambda: zu.to_torch(own),
        "sklearn": lambda: zu.to_sklearn(own),
    }
    with pytest.raises(zu.ParameterError, match=message):
        calls[package]()
    if package == "torch":
        with pytest.raises(zu.ParameterError, match=message):
            zu.export(own, tmp_path / "m.pt")


def test_only_what_was_proved_is_exported(tmp_path: Path) -> None:
    spec = zu.TrainingSpec(**SPECS["logistic"])
    run, trained = zu.train(dataset("logistic"), spec), zu.prove(dataset("logistic"), spec)
    cases: list[tuple[Any, str]] = [
        (run, "found TrainingRun"),
        (trained, "found Trained; of what `prove` returned it is `.model`"),
    ]
    for other, hint in cases:
        with pytest.raises(zu.ParameterError, match=rf"model: expected Model or ShardedModel, {hint}"):
            zu.export(other, tmp_path / "m.onnx")
    of_shards = model("shards by vote").models[0]
    with pytest.raises(zu.ParameterError, match="these are models of single shards and stages"):
        zu.export(of_shards, tmp_path / "m.onnx")
    assert not [*tmp_path.iterdir()]


def test_weights_that_no_file_of_onnx_can_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zkunlearn.estimators.exports.onnx_graph.MOST_BYTES", 31)
    with pytest.raises(zu.ParameterError, match="32 bytes of weights are more than a file of ONNX can have"):
        graph_of(Form.of(model("logistic")))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(zu.DataError, match=r"nowhere.m\.onnx: cannot be written"):
        zu.export(model("logistic"), tmp_path / "nowhere" / "m.onnx")


def test_asking_for_an_export_loads_no_package_of_another_form() -> None:
    code = (
        "import sys, zkunlearn as zu; zu.export, zu.to_sklearn, zu.to_torch;"
        "print(sorted({'onnx', 'torch', 'sklearn', 'safetensors', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_an_export_shows_no_weight() -> None:
    own = model("logistic")
    shown = [repr(Form.of(own)), repr(zu.to_torch(own)), repr(zu.to_sklearn(own))]
    assert not [
        each for each in shown for weight in own.weights.tolist() if weight and f"{abs(weight):.4f}"[:6] in each
    ]
