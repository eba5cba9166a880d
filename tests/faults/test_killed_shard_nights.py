"""A night that forgets from shards, killed at any change of a file: the next goes on, with the same opening."""

from __future__ import annotations

import shutil
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.prover.owner.opening_file import CLAIM_FILE
from zkunlearn.prover.owner.sharded_model import load_sharded
from zkunlearn.prover.owner.staging import STAGED_FOLDER

from ..cli.conftest import done
from ..cli.test_shards import SPEC, of_slice, write_table
from .moments import kill_before_change, run

EVERY = pytest.mark.parametrize("step", [26, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data set, and a first bundle in that of proofs; and who is to be forgotten."""
    folder = tmp_path_factory.mktemp("begun")
    write_table(folder / "t.csv")
    (folder / "spec.toml").write_text(SPEC)
    done("commit", folder / "t.csv", "--target", "sick", "--id", "name", "--out", folder / "data")
    (folder / "proofs").mkdir()
    done("prove", folder / "data", "--spec", folder / "spec.toml", "--out", folder / "proofs" / "first.bundle")
    (folder / "ids.txt").write_text(f"{of_slice(folder, 2)}\n", encoding="utf-8")
    return folder


def night(folder: Path) -> list[object]:
    own = ("--proofs", folder / "proofs", "--id-file", folder / "ids.txt")
    return ["forget", folder / "data", "--spec", folder / "spec.toml", *own]


def spent(folder: Path) -> tuple[int, int]:
    """Openings of the data set, and of the first models; bundles that are there are whole."""
    dataset, proofs = zu.load_dataset(folder / "data"), folder / "proofs"
    for path in proofs.glob("*.bundle"):
        zu.verify_bundle(zu.Bundle.load(path), dataset.commitment)
    return dataset.spent, zu.Model.load(proofs / "first.model.opening").spent


@EVERY
def test_a_night_of_shards_that_is_killed_goes_on_with_its_opening(begun: Path, tmp_path: Path, step: int) -> None:
    """What was counted of the data set is used; of models that it begins from each beginning counts again."""
    models = []
    for which in count(1, step):
        folder = Path(shutil.copytree(begun, tmp_path / f"owner {which}"))
        before = spent(folder)
        ended = run(night(folder), kill_before_change(folder, which))
        left = spent(folder)
        assert all(old <= new <= old + 1 for old, new in zip(before, left, strict=True))
        if ended.killed:
            again = run(night(folder))
            assert again.code == 0, again.stderr
        else:
            assert ended.code == 0, ended.stderr
        after = spent(folder)
        assert after[0] == before[0] + 1 and before[1] < after[1] <= left[1] + 1
        names = sorted(path.name for path in (folder / "proofs").glob("*.bundle"))
        assert names == ["0001.bundle", "first.bundle"]
        assert not (folder / "data" / CLAIM_FILE).exists() and not (folder / "data" / STAGED_FOLDER).exists()
        models.append(load_sharded(folder / "proofs" / "0001.bundle").integers)
        if not ended.killed:
            break
    assert which > 20 and all(np.array_equal(own, models[0]) for own in models)
