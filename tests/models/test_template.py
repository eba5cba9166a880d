"""The spec to begin with: it can be read as it is, holds every field, and says of each what it means."""

from __future__ import annotations

from typing import Any

import pytest
import zkunlearn as zu
from zkunlearn.errors import ParameterError
from zkunlearn.models.families import FAMILIES
from zkunlearn.models.live import Live
from zkunlearn.models.methods import METHODS, Optimum
from zkunlearn.models.methods.penalised import Penalised
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import field_names
from zkunlearn.models.template import COMMENTS, EXAMPLES, REQUIRED, spec_template, starting_spec

FIXED = ("penalize_intercept", "standardize")  # of methods that certify an optimum: each has one value


def pairs() -> list[tuple[str, str]]:
    """Families and methods that go together."""
    found = []
    for model in FAMILIES:
        for method in METHODS:
            try:
                starting_spec(model, method)
            except ParameterError:
                continue
            found.append((model, method))
    return found


@pytest.mark.parametrize(("model", "method"), pairs())
def test_the_template_reads_back_to_the_defaults(model: str, method: str) -> None:
    text = spec_template(model, method)
    required: dict[str, Any] = {name: REQUIRED[name] for name, needed in field_names(METHODS[method]).items() if needed}
    assert zu.TrainingSpec.from_toml(text) == zu.TrainingSpec(model=model, method=method, **required)


@pytest.mark.parametrize(("model", "method"), pairs())
def test_every_field_has_a_line_and_a_comment_above_it(model: str, method: str) -> None:
    lines = spec_template(model, method).splitlines()
    shown = {line.removeprefix("# ").partition(" = ")[0]: at for at, line in enumerate(lines) if " = " in line}
    expected = {
        "kind",
        "without",
        "holdout",
        "x_bits",
        "w_bits",
        "p_bits",
        *field_names(METHODS[method]),
    }
    if issubclass(METHODS[method], Penalised):
        expected -= {*FIXED}
    expected -= set() if METHODS[method].holds_out else {"holdout"}
    expected -= set() if FAMILIES[model].predicts == "class" else {"class_weight"}
    assert {*shown} == expected
    assert all(lines[at - 1].removeprefix("# ") in COMMENTS.values() for at in shown.values())


NOISE = {"epsilon", "delta"}


def declared(lines: list[str], names: set[str]) -> list[str]:
    """With these examples taken."""
    return [line.removeprefix("# ") if line.partition(" = ")[0].removeprefix("# ") in names else line for line in lines]


@pytest.mark.parametrize(("model", "method"), pairs())
def test_every_example_can_be_taken_as_it_is(model: str, method: str) -> None:
    """Those of noise by themselves."""
    lines = spec_template(model, method).splitlines()
    taken = declared(lines, {*EXAMPLES} - NOISE)
    spec = zu.TrainingSpec.from_toml("\n".join(taken))
    assert spec.without == ("income",) and taken != lines


def test_with_noise_steps_have_no_grid_or_distances_of_a_rounding() -> None:
    """As the comment says; whoever leaves the grid there is told."""
    taken = declared(spec_template("logistic", "newton").splitlines(), {*EXAMPLES} - {"distances", "holdout"})
    shape = DatasetShape(rows=1000, features=2, label_kind="binary", label_bits=0, x_bits=10, names=("income", "x"))
    with pytest.raises(ParameterError, match=r"grid = 26: too coarse: .* leave the grid out"):
        zu.TrainingSpec.from_toml("\n".join(taken)).compile(shape, Live(1000))
    spec = zu.TrainingSpec.from_toml("\n".join(line for line in taken if not line.startswith("grid")))
    spec.compile(shape, Live(1000))
    assert spec.method.noised and spec.weight_bits == 32 - 8


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(ParameterError, match="quadratic"):
        spec_template("logistic", "one-pass")
    with pytest.raises(ParameterError, match="must be one of"):
        spec_template("tree")
    with pytest.raises(ParameterError, match="must be one of"):
        spec_template("logistic", "guessing")


def test_the_family_chooses_the_method() -> None:
    assert starting_spec("linear").method.kind == "one-pass"
    assert starting_spec("logistic").method.kind == "gradient descent"
    assert ("linear", Optimum.kind) in pairs()  # or the tests above would see too little
