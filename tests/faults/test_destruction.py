"""Killed while rows are destroyed: no row is lost that should stay, and the next run destroys what is left."""

from __future__ import annotations

import shutil
from itertools import count
from pathlib import Path

import pytest
import zkunlearn as zu

from ..cli.conftest import FORGOTTEN_ID, done
from .moments import kill_before_change, run
from .owner import LEFT_OUT, Owner
from .test_full_disk import full_from_change

EVERY = pytest.mark.parametrize("step", [29, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])])
SECRET = ("dataset.secrets", "dataset.opening", "dataset.tree", "dataset.left_out")


@pytest.fixture(scope="module")
def forgotten(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    owner = Owner(Path(shutil.copytree(made, tmp_path_factory.mktemp("forgotten") / "owner")))
    done(*owner.unlearn_command("second.proof"))
    done("receipt", owner.data, "--id", FORGOTTEN_ID, "--out", owner.folder / "hers.receipt")
    return owner.folder


def is_whole(folder: Path) -> bool:
    """Whether a data set can be read, and proves what it says."""
    try:
        dataset = zu.load_dataset(folder)
    except zu.ZkUnlearnError:
        return False
    assert dataset.records_at(range(dataset.statement.rows)) and zu.verify_dataset(dataset.commitment) > 100
    return dataset.matrix.root == dataset.statement.root


def left(folder: Path) -> set[str]:
    """Names of secret files of the old data set, of the model that knew the row, and of the receipt."""
    found = {name for name in SECRET if (folder / "data" / name).exists()}
    return found | {name for name in ("first.model.opening", "hers.receipt") if (folder / name).exists()}


@EVERY
def test_a_destruction_killed_before_any_change_is_finished_by_the_next(
    forgotten: Path, tmp_path: Path, step: int
) -> None:
    for which in count(1, step):
        owner = Owner(Path(shutil.copytree(forgotten, tmp_path / f"owner {which}")))
        people = ("--id", FORGOTTEN_ID, "--id", LEFT_OUT[0])
        command = ["destroy", owner.data, *people, "--out", owner.folder / "less", "--unregistered"]
        ended = run(command, kill_before_change(owner.folder, which))
        assert is_whole(owner.data) or is_whole(owner.folder / "less")
        if not ended.killed:
            assert ended.code == 0 and left(owner.folder) == set()
            break
        again = run(command)
        if again.code:  # killed before there was a link, after the folder had been begun
            assert again.code == 2 and "--force" in again.stderr, again.stderr
            done(*command, "--force")
        assert left(owner.folder) == set() and is_whole(owner.folder / "less")
        known = zu.load_dataset(owner.folder / "less").left_out
        assert known is not None and known.knows(LEFT_OUT) == [False, True]
        assert (owner.folder / "second.model.opening").exists() and owner.rubbish() == []
        shutil.rmtree(owner.folder)
    assert which > 30, "a data set is many files, and so is what is wiped"


def test_a_full_disk_destroys_nothing(forgotten: Path, tmp_path: Path) -> None:
    owner = Owner(Path(shutil.copytree(forgotten, tmp_path / "owner")))
    before = left(owner.folder)
    command = ["destroy", owner.data, "--id", FORGOTTEN_ID, "--out", owner.folder / "less", "--unregistered"]
    ended = run(command, full_from_change(owner.folder, 6))
    assert ended.code == 2 and "File too large" in ended.stderr
    assert is_whole(owner.data) and left(owner.folder) == before
