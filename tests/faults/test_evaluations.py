"""Evaluations killed, or out of room, at any change of a file: every opening is counted before it is used."""

from __future__ import annotations

import shutil
from itertools import count
from pathlib import Path

import pytest
import zkunlearn as zu
from zkunlearn.prover.owner.model import Model
from zkunlearn.verifier.verify import verify_proof

from ..cli.conftest import done, write_table
from .moments import Ended, kill_before_change, run
from .owner import Owner
from .test_full_disk import assert_refused, full_from_change

EVERY = pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.slow)])
ROWS = 110


@pytest.fixture(scope="module")
def evaluable(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The owner's folder with a hold-out of its own, and a second model."""
    owner = Owner(Path(shutil.copytree(made, tmp_path_factory.mktemp("evaluable") / "owner")))
    write_table(owner.folder / "more.csv", ROWS)
    places = ("--bounds", owner.folder / "bounds.toml", "--out", owner.folder / "holdout")
    done("commit", owner.folder / "more.csv", "--target", "sick", "--id", "name", *places)
    done(*owner.unlearn_command("second.proof"))
    return owner.folder


def command(owner: Owner) -> list[object]:
    models = [part for name in ("first", "second") for part in ("--model", owner.folder / f"{name}.model.opening")]
    return ["evaluate", owner.folder / "holdout", *models, "--out", owner.folder / "both.evaluation"]


def openings(owner: Owner) -> list[int]:
    """That are used, of the hold-out and of each model."""
    models = [Model.load(owner.folder / f"{name}.model.opening").spent for name in ("first", "second")]
    return [zu.load_dataset(owner.folder / "holdout").spent, *models]


def assert_counted(owner: Owner, before: list[int], ended: Ended) -> None:
    """At most one of each is used, and one of each where there is a file, which is whole then."""
    used = [after - old for old, after in zip(before, openings(owner), strict=True)]
    file = owner.folder / "both.evaluation"
    assert set(used) <= {0, 1} and used == sorted(used, reverse=True), "counted in this order, before the proof"
    assert not file.exists() or used == [1, 1, 1]
    assert ended.code != 0 or file.exists()
    if file.exists():
        assert verify_proof(zu.EvaluationProof.load(file)).least >= 100


@EVERY
def test_an_evaluation_killed_before_any_change_can_be_repeated(evaluable: Path, tmp_path: Path, step: int) -> None:
    for which in count(1, step):
        owner = Owner(Path(shutil.copytree(evaluable, tmp_path / f"owner {which}")))
        before = openings(owner)
        ended = run(command(owner), kill_before_change(owner.folder, which))
        assert_counted(owner, before, ended)
        if not ended.killed:
            assert ended.code == 0 and owner.rubbish() == []
            break
        left, there = openings(owner), (owner.folder / "both.evaluation").exists()
        again = run([*command(owner), *(["--force"] if there else [])])
        assert again.code == 0, again.stderr
        assert openings(owner) == [spent + 1 for spent in left]
    assert which > 6, "three counts and the proof are files"


@EVERY
def test_a_disk_that_is_full_from_any_change_on_leaves_no_half_evaluation(
    evaluable: Path, tmp_path: Path, step: int
) -> None:
    for which in count(2, step):
        owner = Owner(Path(shutil.copytree(evaluable, tmp_path / f"owner {which}")))
        before = openings(owner)
        ended = run(command(owner), full_from_change(owner.folder, which))
        assert_counted(owner, before, ended)
        if ended.code == 0:
            break
        assert_refused(ended, "File too large")
        assert owner.rubbish() == [] and not (owner.folder / "both.evaluation").exists()
    assert which > 6
