"""A `torch.nn.Linear` that is trained by a declared plan: a loop as torch's, and the integers that are proved."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import zkunlearn as zu
from zkunlearn.estimators.public.torch import Trainer, copy_into
from zkunlearn.estimators.torch_trainer import OVERWRITTEN

NAMES = ("age", "income", "share")
BOUNDS = {"age": (0, 120), "income": (-1000, 200_000), "share": (0, 1)}
PLAN = zu.TrainingSpec(model="logistic", epochs=12, learning_rate=1.0, batch_size=64, momentum=0.5, l2=0.01)
STANDARDISED = zu.TrainingSpec(model="logistic", epochs=12, learning_rate=0.5, standardize=True, l2=0.01)
ROWS = 150


def rows() -> np.ndarray:
    rng = np.random.default_rng(4)
    return rng.uniform([0, -1000, 0], [120, 200_000, 1], (ROWS, 3))


def labels(kind: str) -> Any:
    X = rows()
    score = X[:, 0] / 60 + X[:, 1] / 100_000 - 2 * X[:, 2]
    if kind == "categorical":
        return np.array(["a", "b", "c"])[np.digitize(score, [0.5, 1.5])]
    return score + 40 if kind == "real" else (score > 1).astype(np.int64)


def committed(kind: str = "binary") -> Any:
    bounds = {**BOUNDS, "label": (30, 50)} if kind == "real" else BOUNDS
    return zu.commit(rows(), labels(kind), names=NAMES, bounds=bounds, label_kind=kind)


@pytest.fixture(scope="module")
def dataset() -> Any:
    return committed()


def outputs(linear: torch.nn.Linear, X: np.ndarray) -> np.ndarray:
    found = linear(torch.tensor(X, dtype=linear.weight.dtype)).detach().double().numpy()
    return found[:, 0] if found.shape[1] == 1 else found


def on_grid(X: np.ndarray, dataset: Any) -> np.ndarray:
    """The nearest rows that the encoding does not round."""
    encoding = dataset.statement.encoding
    units = encoding.encode_features(X) / float(1 << encoding.x_bits)
    return units / np.array(encoding.multipliers) + np.array(encoding.offsets)


@pytest.mark.parametrize("plan", [PLAN, STANDARDISED], ids=["batches", "standardised"])
def test_a_loop_sees_each_epoch_of_the_training_that_is_proved(dataset: Any, plan: zu.TrainingSpec) -> None:
    linear = torch.nn.Linear(3, 1, dtype=torch.float64)
    trainer, run = Trainer(linear, plan, dataset), zu.train(dataset, plan)
    seen = {}
    for epoch in trainer:
        accuracy = float(((outputs(linear, rows()) > 0) == labels("binary")).mean())
        assert abs(accuracy - epoch.score) <= 2 / ROWS, "the module is that of the epoch"
        seen[epoch.epoch] = epoch
    assert [*seen] == [*range(1, len(trainer) + 1)] and len(trainer) == 12
    for point in run.curve.points[1:]:
        assert vars(seen[point.epoch]) == pytest.approx(vars(point))
    assert trainer.curve is not None and trainer.curve.points[0].loss == pytest.approx(np.log(2))
    assert np.array_equal(linear.weight.detach().numpy()[0], run.coef_)


@pytest.mark.parametrize("kind", ["binary", "categorical", "real"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_module_answers_as_the_model_within_the_stated_error(kind: str, dtype: torch.dtype) -> None:
    own = committed(kind)
    family = "linear" if kind == "real" else "logistic"
    plan = zu.TrainingSpec(model=family, method="gradient descent", epochs=6, learning_rate=0.5)
    linear = torch.nn.Linear(3, 3 if kind == "categorical" else 1, dtype=dtype)
    trainer = Trainer(linear, plan, own)
    for _ in range(len(trainer)):
        trainer.step()
    model = zu.train(own, plan)
    wanted = model.predict(rows()) if kind == "real" else model.decision_function(rows())
    apart = np.abs(outputs(linear, rows()) - wanted).max()
    assert 0 < apart <= trainer.error < 0.05 * max(1.0, np.abs(wanted).max())
    if dtype == torch.float64:  # where the encoding rounds nothing, only float64's own rounding is left
        exact = on_grid(rows(), own)
        wanted = model.predict(exact) if kind == "real" else model.decision_function(exact)
        assert np.abs(outputs(linear, exact) - wanted).max() <= 1e-6 * np.abs(wanted).max()


def test_who_is_forgotten_is_forgotten_by_the_module_too(dataset: Any) -> None:
    linear = torch.nn.Linear(3, 1, dtype=torch.float64)
    trainer = Trainer(linear, PLAN, dataset, forget=["5"])
    first = trainer.prove()
    before = linear.weight.detach().clone()
    second = trainer.prove(forget=["7"])
    assert trainer.trained is second and second.statement.previous == first.proof.digest
    report = zu.verify(second.proof, dataset.commitment, spec=PLAN, previous=first.proof)
    assert [dataset.ids[record.position] for record in report.statement.forgotten] != ["5"]
    assert {dataset.ids[record.position] for record in report.statement.forgotten} == {"5", "7"}
    assert not torch.equal(before, linear.weight)
    assert np.array_equal(linear.weight.detach().numpy()[0], second.model.coef_)
    assert np.array_equal(second.model.coef_, zu.train(dataset, PLAN, forget=["5", "7"]).coef_)
    with pytest.raises(zu.ParameterError, match="all 12 epochs of the plan are done"):
        trainer.step()


def test_a_loop_that_ends_early_does_not_stop_what_is_proved(dataset: Any) -> None:
    linear = torch.nn.Linear(3, 1, dtype=torch.float64)
    trainer = Trainer(linear, PLAN, dataset)
    for epoch in trainer:
        if epoch.epoch == 3:
            break
    assert np.array_equal(trainer.prove().model.coef_, zu.train(dataset, PLAN).coef_)


def test_a_request_that_is_refused_leaves_the_module_as_it_was(dataset: Any) -> None:
    linear = torch.nn.Linear(3, 1)
    trainer = Trainer(linear, PLAN, dataset)
    trainer.step()
    before, error = linear.weight.detach().clone(), trainer.error
    with pytest.raises(zu.DataError, match="'nobody' is not in the data set"):
        trainer.prove(forget=["nobody"])
    assert torch.equal(before, linear.weight) and (trainer.error, trainer.trained) == (error, None)


def test_weights_that_the_module_had_are_overwritten_and_that_is_said(
    dataset: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "zkunlearn")
    linear = torch.nn.Linear(3, 1)
    Trainer(linear, PLAN, dataset)
    assert not linear.weight.any() and not linear.bias.any()
    assert [record.getMessage() for record in caplog.records] == [OVERWRITTEN]
    caplog.clear()
    Trainer(linear, PLAN, dataset)
    assert not caplog.records, "zeros are what the plan begins from"


@pytest.mark.parametrize(
    ("linear", "words"),
    [
        (torch.nn.Linear(4, 1), r"torch.nn.Linear\(4, 1\) is given, and torch.nn.Linear\(3, 1\) is needed"),
        (torch.nn.Linear(3, 2), r"torch.nn.Linear\(3, 2\) is given"),
        (torch.nn.Bilinear(3, 1, 1), "linear: expected Linear, found Bilinear"),
    ],
)
def test_a_module_of_another_shape_is_refused(dataset: Any, linear: Any, words: str) -> None:
    before = linear.weight.detach().clone()
    with pytest.raises(zu.ParameterError, match=words):
        Trainer(linear, PLAN, dataset)
    assert torch.equal(before, linear.weight)


def test_what_has_no_epochs_is_refused_by_name(dataset: Any) -> None:
    optimum = zu.TrainingSpec(model="logistic", method="optimum", l2=0.1)
    with pytest.raises(zu.ParameterError, match="optimum: only gradient descent has epochs"):
        Trainer(torch.nn.Linear(3, 1), optimum, dataset)


def test_any_models_weights_can_be_copied(dataset: Any) -> None:
    model = zu.prove(dataset, zu.TrainingSpec(model="logistic", method="optimum", l2=0.1)).model
    linear = torch.nn.Linear(3, 1)
    error = copy_into(linear, model)
    assert np.abs(outputs(linear, rows()) - model.decision_function(rows())).max() <= error
    with pytest.raises(zu.ParameterError, match="has no bias"):
        copy_into(torch.nn.Linear(3, 1, bias=False), model)
    with pytest.raises(zu.ParameterError, match="model: expected Predictor"):
        copy_into(linear, "model")  # type: ignore[arg-type]


def test_a_logarithm_is_no_linear_modules() -> None:
    own = zu.commit(
        rows()[:, :1], labels("binary"), names=["age"], bounds={"age": (0, 120, "log1p")}, label_kind="binary"
    )
    with pytest.raises(zu.ParameterError, match="column 'age': its logarithm"):
        Trainer(torch.nn.Linear(1, 1), PLAN, own)


def test_the_name_is_short_and_torch_comes_late() -> None:
    code = (
        "import sys; from zkunlearn.torch import Trainer; import zkunlearn as zu; from zkunlearn import torch;"
        "assert torch is zu.torch and torch.Trainer is Trainer and 'torch' in dir(zu); print('torch' in sys.modules);"
        "import torch; print(hasattr(torch, 'nn'))"
    )
    place = Path(zu.__file__).parent  # where a checkout is on the path itself
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=place)
    assert run.stdout.split() == ["False", "True"]
