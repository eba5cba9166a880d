"""The declared algorithm: what is refused, and that both spellings come back as they were."""

import math
import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.errors import DataError, FormatError, ParameterError
from zkunlearn.models.families import FAMILIES
from zkunlearn.models.live import Live
from zkunlearn.models.methods import GradientDescent
from zkunlearn.models.scales import FixedPoint
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import MAX_SPEC_BYTES, TrainingSpec, load_spec

LEAST = {"model": "logistic", "epochs": 4, "learning_rate": 0.5}


def spec(**changes):
    return TrainingSpec(**{**LEAST, **changes})


rates = st.floats(min_value=1e-9, max_value=1e3)


@st.composite
def specs(draw):
    epochs = draw(st.integers(1, 5))
    return TrainingSpec(
        model=draw(st.sampled_from(["logistic", "linear", "probit", "poisson"])),
        epochs=epochs,
        learning_rate=draw(rates | st.lists(rates, min_size=epochs, max_size=epochs).map(tuple)),
        batch_size=draw(st.none() | st.integers(0, 12).map(lambda b: 1 << b)),
        l2=draw(st.just(0.0) | st.floats(2.0**-100, 10)),
        bias=draw(st.booleans()),
        fixed_point=FixedPoint(x_bits=draw(st.integers(8, 12)), w_bits=draw(st.integers(14, 16))),
    )


@given(specs())
def test_toml_and_mapping_give_back_the_same_spec(declared):
    assert TrainingSpec.from_toml(declared.to_toml()) == declared
    assert TrainingSpec.from_mapping(declared.to_mapping()) == declared


def test_mapping_contains_plain_types_only():
    mapping = spec(learning_rate=[0.1, 0.2, 0.3, 0.4]).to_mapping()
    assert {type(value) for value in mapping["method"].values()} == {str, int, bool, list}
    assert {type(value) for value in mapping["scales"].values()} == {int}
    assert mapping["family"] == "logistic"
    assert mapping["method"]["learning_rate"] == ["0.1", "0.2", "0.3", "0.4"]


def test_derived_scales():
    assert FixedPoint().q_bits == 10
    assert FixedPoint().z_limit == 32.0
    assert FixedPoint(x_bits=13).z_limit == 4.0


def test_a_method_is_given_whole_or_by_its_name_and_fields():
    whole = TrainingSpec(model="logistic", method=GradientDescent(epochs=4, learning_rate=0.5))
    assert whole == spec() == spec(method="gradient descent") and hash(whole) == hash(spec())
    assert TrainingSpec(model="probit", method=whole.method, l2=0.5) == spec(model="probit", l2=0.5)
    assert eval(repr(whole)) == whole
    with pytest.raises(ParameterError, match="field learning_rate is missing"):
        TrainingSpec(model="logistic", epochs=4)


def test_scales_that_are_not_declared_are_those_of_the_family():
    assert spec(model="poisson").fixed_point == FAMILIES["poisson"].scales != spec().fixed_point
    text = spec(model="poisson").to_toml().partition("[fixed_point]")[0] + "[fixed_point]\nx_bits = 11\n"
    assert TrainingSpec.from_toml(text).fixed_point == replace(FAMILIES["poisson"].scales, x_bits=11)


def test_differences_name_the_fields():
    other = spec(model="probit", epochs=5)
    assert spec().differences(other) == ["family is logistic, not probit", "method.epochs is 4, not 5"]


def test_a_spec_is_compiled_once_for_the_same_rows():
    its = DatasetShape(rows=9, features=2, label_kind="binary", label_bits=0, x_bits=10)
    assert spec().compile(its, Live(9, (3,))) is spec().compile(its, Live(9, (3,)))
    assert spec().compile(its, Live(9, (3,))).live != spec().compile(its, Live(9, (4,))).live


@pytest.mark.parametrize(
    "fields",
    [
        {"momentum": 0.9},
        {"momentum": (0.5, 0.5, 0.0, 0.25)},
        {"momentum": "increasing"},
        {"l2": 0.5, "penalize_intercept": True},
        {"class_weight": {"no": 1, "yes": 255}},
        {"class_weight": {0: 2, 1.0: 1}},
        {"class_weight": {'"quoted" \\': 2, "ü 𝄞": 3}},
    ],
    ids=str,
)
def test_what_shapes_a_training_is_spelled_one_way_and_read_back(fields):
    declared = spec(**fields)
    assert TrainingSpec.from_toml(declared.to_toml()) == declared
    assert TrainingSpec.from_mapping(declared.to_mapping()) == declared
    assert declared != spec() and declared.method.describe() != spec(l2=fields.get("l2", 0.0)).method.describe()


def test_weights_that_are_all_one_are_none():
    assert spec(class_weight={"no": 1, "yes": 1}) == spec()


def test_one_rate_in_a_list_is_the_same_spec_as_the_rate():
    assert spec(epochs=1, learning_rate=[0.5]) == spec(epochs=1, learning_rate=0.5)
    assert spec(learning_rate=0.25).method.learning_rates == (0.25,) * 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "forest"}, "model = 'forest': must be one of"),
        ({"epochs": 0}, "epochs = 0: must be between"),
        ({"epochs": 2.5}, "epochs: expected an integer"),
        ({"epochs": True}, "epochs: expected an integer"),
        ({"learning_rate": 0.0}, "learning_rate = 0.0: must be positive"),
        ({"learning_rate": -1}, "learning_rate = -1.0: must be positive"),
        ({"learning_rate": 5e-324}, r"learning_rate = 5e-324: must be between 2\^-100 and 2\^100"),
        ({"learning_rate": (0.5, 0.5, 1e31, 0.5)}, r"learning_rate\[2\] = 1e\+31: must be between"),
        ({"l2": 5e-324}, r"l2 = 5e-324: must be between 2\^-100 and 2\^100"),
        ({"l2": 1e31}, r"l2 = 1e\+31: must be between"),
        ({"patience": 9}, "unknown field patience; fields of gradient descent are epochs, learning_rate"),
        ({"momentum": 1.0}, "momentum = 1.0: must be at least 0 and below 1"),
        ({"momentum": -0.1}, "momentum = -0.1: must be at least 0 and below 1"),
        ({"momentum": 5e-324}, r"momentum = 5e-324: must be between 2\^-100"),
        ({"momentum": (0.5, 0.5)}, "momentum: 2 values for 4 epochs"),
        ({"momentum": (0.5, 0.5, 2, 0)}, r"momentum\[2\] = 2.0: must be at least 0 and below 1"),
        ({"momentum": "nesterov"}, r"momentum = 'nesterov': must be numbers of \[0, 1\), or \"increasing\""),
        ({"penalize_intercept": 1}, "penalize_intercept = 1: must be true or false"),
        ({"penalize_intercept": True, "bias": False}, "penalize_intercept: there is no intercept without a bias"),
        (
            {"class_weight": "balanced"},
            "class_weight = 'balanced': .* would depend on the rows, the forgotten ones too",
        ),
        ({"class_weight": [3, 4]}, "class_weight: expected a weight for each label, found list"),
        ({"class_weight": {"a": 0, "b": 1}}, "class_weight of label 'a' = 0: must be between 1 and 255"),
        ({"class_weight": {"a": 256, "b": 1}}, "class_weight of label 'a' = 256: must be between 1 and 255"),
        ({"class_weight": {"a": 1.5, "b": 1}}, "class_weight of label 'a': expected an integer"),
        ({"class_weight": {"1": 2, 1.0: 1}}, "class_weight: label '1' is named twice"),
        ({"method": "boosting"}, "method = 'boosting': must be one of gradient descent"),
        ({"method": 3}, "method = 3: must be one of"),
        ({"learning_rate": math.inf}, "learning_rate = inf: must be finite"),
        ({"learning_rate": "0.5"}, "learning_rate: expected a number"),
        ({"learning_rate": (0.5, 0.5)}, "learning_rate: 2 values for 4 epochs"),
        ({"learning_rate": (0.5, 0.5, 0, 0.5)}, r"learning_rate\[2\] = 0.0: must be positive"),
        ({"batch_size": 12}, "batch_size = 12: must be a power of two"),
        ({"batch_size": 0}, "batch_size = 0: must be between"),
        ({"l2": -0.1}, "l2 = -0.1: must not be negative"),
        ({"l2": math.nan}, "l2 = nan: must be finite"),
        ({"bias": 1}, "bias = 1: must be true or false"),
        ({"fixed_point": (10, 16, 16)}, "fixed_point: expected FixedPoint"),
    ],
)
def test_unusable_values_are_refused_by_name(changes, message):
    with pytest.raises(ParameterError, match=message):
        spec(**changes)


@pytest.mark.parametrize(
    ("scales", "message"),
    [
        ({"x_bits": 15}, "fixed_point.x_bits = 15: must be between 4 and 14"),
        ({"w_bits": 30}, "fixed_point.w_bits = 30"),
        ({"p_bits": 4}, "fixed_point.p_bits = 4"),
        (
            {"x_bits": 4, "w_bits": 12},
            r"fixed_point.x_bits \+ fixed_point.w_bits = 16: must be between 20 and 30",
        ),
    ],
)
def test_unusable_scales_are_refused_by_name(scales, message):
    with pytest.raises(ParameterError, match=message):
        FixedPoint(**scales)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("l2", "0", "'0', not the canonical spelling 0.0"),
        ("l2", "0.10", "not the canonical spelling 0.1"),
        ("l2", "nan", "is not finite"),
        ("l2", "x", "is not a number"),
        ("l2", "-0.0", "not in canonical form"),
        ("l2", 0.0, "is float, not a number as text"),
        ("learning_rate", ["inf"], "is not finite"),
        ("learning_rate", ["5e-324"], "must be between"),
        ("learning_rate", "0.5", "is text, not a list"),
        ("learning_rate", [], "learning_rate: 0 values"),
        ("epochs", True, "is true or false, not an integer"),
        ("epochs", 1 << 60, "epochs = "),
        ("bias", 1, "is an integer, not true or false"),
        ("kind", "boosting", "method = 'boosting': must be one of gradient descent"),
        ("batch_size", -1, "batch_size = -1"),
    ],
)
def test_a_mapping_not_in_canonical_form_is_refused(field, value, message):
    with pytest.raises(FormatError, match=message):
        TrainingSpec.from_mapping(changed(**{field: value}))


def changed(**fields):
    mapping = spec().to_mapping()
    return {**mapping, "method": {**mapping["method"], **fields}}


def test_unknown_and_missing_mapping_fields_are_refused():
    with pytest.raises(FormatError, match="unknown field 'patience'"):
        TrainingSpec.from_mapping(changed(patience="0.9"))
    for momentum in (["0.90"], ["much"], ["0.0"], ["0.5", "0.5"], ["increasing", "0.5"], ["1.5"]):
        with pytest.raises(FormatError, match=r"momentum|canonical"):
            TrainingSpec.from_mapping(changed(momentum=momentum))
    one, three = ({"label": "a", "weight": 1}, {"label": "b", "weight": 3})
    for weights in ([three, one], [one, {**one, "label": "b"}], [one, one], [one, {**three, "weight": 256}], [{}]):
        with pytest.raises(FormatError, match=r"class_weight|canonical"):
            TrainingSpec.from_mapping(changed(class_weight=weights))
    with pytest.raises(FormatError, match="unknown field 'outputs'"):
        TrainingSpec.from_mapping({**spec().to_mapping(), "outputs": 1})
    with pytest.raises(FormatError, match="model = 'forest'"):
        TrainingSpec.from_mapping({**spec().to_mapping(), "family": "forest"})
    with pytest.raises(FormatError, match="field 'method' is text, not a map"):
        TrainingSpec.from_mapping({**spec().to_mapping(), "method": "gradient descent"})
    with pytest.raises(FormatError, match="lacks the field 'l2'"):
        method = {k: v for k, v in spec().to_mapping()["method"].items() if k != "l2"}
        TrainingSpec.from_mapping({**spec().to_mapping(), "method": method})
    with pytest.raises(FormatError, match="is a list, not a map"):
        TrainingSpec.from_mapping([])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("[model]\nkind = \n", FormatError, "line 2"),
        ("[model]\nkind = 'linear'\n[extra]\n", ParameterError, r"unknown section \[extra\]"),
        ("l2 = 0.5\n[model]\nkind = 'linear'\n", ParameterError, "l2: is outside of every section"),
        ("[model]\nkind = 'linear'\n[method]\nlr = 1\n", ParameterError, "unknown field method.lr"),
        (
            "[model]\nkind = 'linear'\n[method]\nepochs = 1\n",
            ParameterError,
            "method.learning_rate is missing",
        ),
        (
            "[model]\nkind = 'linear'\n[method]\nkind = 'boosting'\n",
            ParameterError,
            "method = 'boosting': must be one of",
        ),
        ("[model]\nkind = 'linear'\n[training]\nepochs = 1\n", ParameterError, r"unknown section \[training\]"),
        ("model = 3\n", ParameterError, r"model: must be a section"),
        (
            "[model]\nkind = 'linear'\n[method]\nepochs = 1\nlearning_rate = 1\nbatch_size = 3",
            ParameterError,
            "batch_size = 3",
        ),
    ],
)
def test_a_bad_spec_file_is_refused_with_its_name_and_field(tmp_path, text, error, message):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(error, match=message) as caught:
        load_spec(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "byte order mark"])
def test_the_least_spec_file_is_enough(tmp_path, mark):
    path = tmp_path / "spec.toml"
    path.write_text(mark + '[model]\nkind = "logistic"\n[method]\nepochs = 4\nlearning_rate = 0.5\n')
    assert load_spec(path) == spec()


def test_an_unreadable_file_is_refused_with_its_name(tmp_path):
    with pytest.raises(DataError, match=r"absent\.toml: there is no such file"):
        load_spec(tmp_path / "absent.toml")
    with pytest.raises(DataError, match="directory, not a file"):
        load_spec(tmp_path)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(FormatError, match=r"binary\.toml: not UTF-8"):
        load_spec(tmp_path / "binary.toml")


def test_a_file_without_end_is_refused_before_it_is_read(tmp_path):
    with pytest.raises(DataError, match="not a regular file"):
        load_spec("/dev/zero")
    os.mkfifo(tmp_path / "pipe.toml")  # opened like a file, it would wait for a writer
    with pytest.raises(DataError, match="not a regular file"):
        load_spec(tmp_path / "pipe.toml")
    (tmp_path / "huge.toml").touch()
    os.truncate(tmp_path / "huge.toml", MAX_SPEC_BYTES + 1)
    with pytest.raises(FormatError, match="more than the 33554432 it can have"):
        load_spec(tmp_path / "huge.toml")


@pytest.mark.parametrize(
    ("model", "fields", "kind"),
    [
        ("linear", {}, "one-pass"),
        ("linear", {"l2": 0.1, "momentum": 0.5, "standardize": True}, "one-pass"),
        ("linear", {"batch_size": 4}, "gradient descent"),
        ("linear", {"batch_size": None}, "gradient descent"),
        ("linear", {"method": "gradient descent"}, "gradient descent"),
        ("logistic", {}, "gradient descent"),
        ("poisson", {}, "gradient descent"),
    ],
)
def test_a_spec_without_a_method_is_one_pass_where_that_says_all_it_declares(model, fields, kind):
    found = TrainingSpec(model=model, epochs=2, learning_rate=0.5, **fields)
    assert found.method.kind == kind
    declared = found.to_toml().replace(f'kind = "{kind}"\n', "")
    expected = "gradient descent" if 'batch_size = "full"' in declared or model != "linear" else kind
    assert TrainingSpec.from_toml(declared).method.kind == expected
