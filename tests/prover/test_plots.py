"""Figures of how trainings went: what is drawn is the curve, in files for their owner alone."""

from __future__ import annotations

import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.models.convergence import Curve, Point
from zkunlearn.prover.owner.dataset import Dataset
from zkunlearn.prover.owner.plots import drawn

SPEC = zu.TrainingSpec(model="logistic", epochs=12, learning_rate=0.5, l2=0.01)
IDS = [f"person-{row}" for row in range(40)]


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    rng = np.random.default_rng(2)
    X = rng.random((40, 2))
    bounds = {"age": (0, 1), "income": (0, 1)}
    return zu.commit(X, (X[:, 0] > 0.5).astype(int), IDS, names=[*bounds], bounds=bounds)


@pytest.fixture(scope="module")
def run(dataset: Dataset) -> zu.TrainingRun:
    found = zu.train(dataset, SPEC)
    assert isinstance(found, zu.TrainingRun)
    return found


def lines(curve: Curve, axes: int) -> dict[str, list[float]]:
    """What is drawn, by what the legend calls it."""
    own = drawn(curve).axes[axes]
    return {str(line.get_label()): [float(y) for y in np.asarray(line.get_ydata())] for line in own.lines}


def test_the_curve_is_drawn_as_it_is(run: zu.TrainingRun) -> None:
    points = run.curve.points
    assert lines(run.curve, 0) == {
        "the best constant": [run.curve.constant_loss] * 2,
        "loss": [point.loss for point in points],
        "with L2": [point.objective for point in points],
    }
    (norms,) = lines(run.curve, 1).values()
    assert norms == [point.gradient_norm for point in points]
    left, right = run.plot().axes
    assert [float(x) for x in np.asarray(left.lines[1].get_xdata())] == [point.epoch for point in points]
    assert (left.get_xlabel(), right.get_yscale()) == ("epoch", "log")


def test_a_gradient_of_zero_and_no_penalty_are_drawn_too(run: zu.TrainingRun) -> None:
    still = tuple(replace(point, gradient_norm=0.0, penalty=0.0) for point in run.curve.points)
    curve = replace(run.curve, points=still)
    assert "with L2" not in lines(curve, 0)
    assert drawn(curve).axes[1].get_yscale() == "linear"


def test_an_optimum_has_no_epochs() -> None:
    points = [Point(epoch=e, loss=0.7 - e / 2, penalty=0, gradient_norm=1, score=0, weight_norm=e) for e in (0, 1)]
    own = drawn(Curve(tuple(points), "accuracy", 0.6, (), stepped=False)).axes[0]
    assert [text.get_text() for text in own.get_xticklabels()] == ["zero weights", "optimum"]
    assert own.get_xlabel() == ""


@pytest.mark.parametrize(("name", "begins"), [("c.png", b"\x89PNG\r\n"), ("c.svg", b"<?xml")])
def test_a_file_is_for_its_owner_and_the_same_each_time(
    run: zu.TrainingRun, tmp_path: Path, name: str, begins: bytes
) -> None:
    path = tmp_path / name
    figure = run.plot(path)
    first = path.read_bytes()
    assert first.startswith(begins) and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [name]
    run.plot(path)
    assert path.read_bytes() == first and len(figure.axes) == 2


def test_no_id_and_no_column_is_in_a_file(run: zu.TrainingRun, tmp_path: Path) -> None:
    run.plot(tmp_path / "c.svg")
    text = (tmp_path / "c.svg").read_text(encoding="utf-8")
    assert "norm of its gradient" in text
    assert not [word for word in ("person", "age", "income") if f">{word}" in text or f"{word}-" in text]


def test_what_was_proved_has_the_curve_of_what_was_tried(dataset: Dataset, run: zu.TrainingRun) -> None:
    trained = zu.prove(dataset, SPEC)
    assert trained.curve == run.curve
    assert len(trained.plot().axes) == 2


def test_what_cannot_be_drawn_is_refused(
    run: zu.TrainingRun, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(zu.ParameterError, match=r"must end in \.png or \.svg"):
        run.plot(tmp_path / "c.pdf")
    nothing: Any = 7
    with pytest.raises(zu.ParameterError, match="path: expected str or PathLike, found int"):
        run.plot(nothing)
    with pytest.raises(zu.DataError, match="there is no curve"):
        replace(zu.prove(dataset, SPEC, fork=True), curve=None).plot()
    with pytest.raises(zu.DataError, match="cannot be written"):
        run.plot(tmp_path / "nowhere" / "c.png")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(zu.ParameterError, match=r"pip install 'zkunlearn\[report\]'"):
        run.plot()
    assert not [*tmp_path.iterdir()]
