"""A request to a sharded training, and what renews its models, killed at any moment: what is there is whole, and no
opening is forgotten."""

from __future__ import annotations

import shutil
from itertools import count
from pathlib import Path

import pytest
import zkunlearn as zu

from ..cli.conftest import done
from ..cli.test_shards import SPEC, of_slice, write_table
from .moments import kill_before_change, run


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data set and a first bundle."""
    folder = tmp_path_factory.mktemp("begun")
    write_table(folder / "t.csv")
    (folder / "spec.toml").write_text(SPEC)
    done("commit", folder / "t.csv", "--target", "sick", "--id", "name", "--out", folder / "data")
    done("prove", folder / "data", "--spec", folder / "spec.toml", "--out", folder / "first.bundle")
    return folder


def request(folder: Path, *options: object) -> list[object]:
    """Forget someone whose shard begins from the first bundle's models."""
    common = ("--forget", of_slice(folder, 2), "--previous", folder / "first.bundle", "--fork", *options)
    return ["prove", folder / "data", "--spec", folder / "spec.toml", *common, "--out", folder / "second.bundle"]


def spent(folder: Path) -> tuple[int, int]:
    """Openings of the data set and of the first models; whatever bundle is there is whole."""
    dataset = zu.load_dataset(folder / "data")
    for path in folder.glob("*.bundle"):
        zu.verify_bundle(zu.Bundle.load(path), dataset.commitment)
    return dataset.spent, zu.Model.load(folder / "first.model.opening").spent


@pytest.mark.parametrize("step", [17, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
def test_a_request_killed_before_any_change_can_be_repeated(begun: Path, tmp_path: Path, step: int) -> None:
    for which in count(1, step):
        folder = Path(shutil.copytree(begun, tmp_path / f"owner {which}"))
        before = spent(folder)
        ended = run(request(folder), kill_before_change(folder, which))
        after = spent(folder)
        assert all(old <= new <= old + 1 for old, new in zip(before, after, strict=True))
        if not ended.killed:
            assert ended.code == 0, ended.stderr
            break
        again = run(request(folder))
        if again.code != 0:
            assert again.code == 2 and "--force" in again.stderr, again.stderr
            done(*request(folder, "--force"))
        assert spent(folder) == tuple(count + 1 for count in after)
    assert which > 10, "two counts, model, list and bundle are files"


def afresh(folder: Path, *options: object) -> list[object]:
    return ["recommit-model", folder / "first.model.opening", "--out", folder / "new.model.opening", *options]


@pytest.mark.parametrize("step", [9, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
def test_committing_models_afresh_killed_before_any_change_can_be_repeated(
    begun: Path, tmp_path: Path, step: int
) -> None:
    """The old models are as they were but for their count; the new ones are whole or not there, the link is last."""
    first = zu.Bundle.load(begun / "first.bundle").proofs[0]
    for which in count(1, step):
        folder = Path(shutil.copytree(begun, tmp_path / f"owner {which}"))
        new, link = folder / "new.model.opening", folder / "new.model.link"
        before = spent(folder)
        ended = run(afresh(folder), kill_before_change(folder, which))
        after = spent(folder)
        assert after[0] == before[0] and before[1] <= after[1] <= before[1] + 1
        if new.exists():
            model = zu.Model.load(new)
            assert (model.statement, model.spent, after[1]) == (first.statement, 1, before[1] + 1)
        assert not link.exists() or new.exists()
        if not ended.killed:
            assert ended.code == 0, ended.stderr
            break
        again = run(afresh(folder))
        if again.code != 0:
            assert again.code == 2 and "--force" in again.stderr, again.stderr
            done(*afresh(folder, "--force"))
        assert spent(folder)[1] == after[1] + 1
        assert zu.verify_link(zu.ModelLinkProof.load(link)) >= 100
        (folder / "first.model.opening").unlink()
        done(*request(folder))
        assert zu.Bundle.load(folder / "second.bundle").links == zu.Model.load(new).links
    assert which > 5, "a count, the new models and the link are files"
