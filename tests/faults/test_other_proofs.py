"""Distances and proved predictions killed, or out of room, at any change of a file: what they spend was counted."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
import zkunlearn as zu
from zkunlearn.prover.owner.model import Model
from zkunlearn.verifier.verify import verify_proof

from ..cli.conftest import done
from .moments import kill_before_change, run
from .owner import Owner
from .test_full_disk import assert_refused, full_from_change

EVERY = pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])
SPEC = '[model]\nkind = "logistic"\n[method]\nkind = "gradient descent"\nepochs = 20\nlearning_rate = 2.0\nl2 = 0.05\n'
INPUTS = "age,weight\n33,70\n"
DISTANCE, PREDICTIONS = "near.distance", "near.predictions"
Spent = tuple[int, int, int]  # openings of the data set, and of the model, and inputs whose scores were proved


@pytest.fixture(scope="module")
def near(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The owner's folder with a model that has a penalty, and a customer's table."""
    folder = Path(shutil.copytree(made, tmp_path_factory.mktemp("near") / "owner"))
    (folder / "near.toml").write_text(SPEC)
    (folder / "asked.csv").write_text(INPUTS)
    done("prove", folder / "data", "--spec", folder / "near.toml", "--out", folder / "near.proof")
    return folder


def measure(folder: Path) -> list[object]:
    own = ("--model", folder / "near.model.opening", "--out", folder / DISTANCE)
    return ["prove-distance", folder / "data", *own]


def answer(folder: Path) -> list[object]:
    own = (folder / "near.model.opening", folder / "asked.csv", "--what", "score", "--prove", folder / PREDICTIONS)
    return ["predict", *own]


def spent(folder: Path) -> Spent:
    model = Model.load(folder / "near.model.opening")
    return zu.load_dataset(folder / "data").spent, model.spent, model.revealed.count


def whole(folder: Path) -> bool:
    """Whether a proof is there; it is valid then."""
    if (folder / DISTANCE).exists():
        assert verify_proof(zu.DistanceProof.load(folder / DISTANCE)).least >= 100
    if (folder / PREDICTIONS).exists():
        assert verify_proof(zu.PredictionProof.load(folder / PREDICTIONS)).least >= 100
    return any((folder / name).exists() for name in (DISTANCE, PREDICTIONS))


EACH = pytest.mark.parametrize(
    ("command", "costs"), [(measure, (1, 1, 0)), (answer, (0, 1, 1))], ids=["distance", "predictions"]
)


@EVERY
@EACH
def test_what_is_killed_before_any_change_has_counted_what_it_shows(
    command: Callable[[Path], list[object]], costs: Spent, near: Path, tmp_path: Path, step: int
) -> None:
    for which in count(1, step):
        folder = Path(shutil.copytree(near, tmp_path / f"owner {which}"))
        before = spent(folder)
        ended = run(command(folder), kill_before_change(folder, which))
        left, there = spent(folder), whole(folder)
        used = [after - old for after, old in zip(left, before, strict=True)]
        assert all(0 <= own <= cost for own, cost in zip(used, costs, strict=True))
        assert not there or used == [*costs]
        if not ended.killed:
            assert ended.code == 0 and there and Owner(folder).rubbish() == []
            break
        again = run([*command(folder), *(["--force"] if there else [])])
        assert again.code == 0, again.stderr
        assert whole(folder) and spent(folder) == tuple(own + cost for own, cost in zip(left, costs, strict=True))
    assert which > 3, "a count and the proof are files"


@EVERY
@EACH
def test_a_disk_that_is_full_from_any_change_on_leaves_no_half_proof(
    command: Callable[[Path], list[object]], costs: Spent, near: Path, tmp_path: Path, step: int
) -> None:
    for which in count(2, step):
        folder = Path(shutil.copytree(near, tmp_path / f"owner {which}"))
        before = spent(folder)
        ended = run(command(folder), full_from_change(folder, which))
        used = [after - old for after, old in zip(spent(folder), before, strict=True)]
        if ended.code == 0:
            assert whole(folder) and used == [*costs]
            break
        assert_refused(ended, "File too large")
        assert not whole(folder) and all(0 <= own <= cost for own, cost in zip(used, costs, strict=True))
    assert which > 3
