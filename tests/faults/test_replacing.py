"""`commit --force` and `recommit`, disturbed: there is the old data set or the new one, and the old one until then.

`place.check()` proves that the old one is whole: its proof, its model and its count belong together.
"""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from zkunlearn.prover.owner.dataset import BESIDE, Dataset
from zkunlearn.prover.owner.secret_arrays import SECRETS

from ..cli.conftest import done
from .moments import before_change, kill_before_change, recorded, run
from .owner import UNFINISHED, Owner
from .test_full_disk import assert_refused, full_from_change

UNSYNCHRONISED = ("dataset.tree", ".lock")
Disturb = Callable[[Path, int], Callable[[], None]]


def interrupt_before_change(folder: Path, which: int) -> Callable[[], None]:
    return before_change(folder, which, lambda: signal.raise_signal(signal.SIGINT))


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def is_old(place: Owner, before: dict[str, bytes]) -> bool:
    return contents(place.data) == before


def is_new(place: Owner, before: dict[str, bytes]) -> bool:
    """A whole data set, and another one."""
    dataset = place.load()
    return dataset is not None and dataset.commitment.to_bytes() != before["dataset.commitment"]


# commit --force -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_a_disk_that_is_full_from_any_change_on_leaves_the_old_data_set(owner: Owner, step: int) -> None:
    """All that needs room is on disk before the first old file moves."""
    before = contents(owner.data)
    for which in count(1, step):
        ended = run([*owner.commit_command, "--force"], full_from_change(owner.folder, which))
        if ended.code == 0:
            break
        assert_refused(ended, "File too large")
        assert is_old(owner, before) and owner.rubbish() == []
        owner.check()
    assert which > 20 and is_new(owner, before)


@pytest.mark.parametrize("step", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_an_interrupt_at_any_change_leaves_the_old_data_set_or_the_new_one(owner: Owner, step: int) -> None:
    before, new = contents(owner.data), 0
    for which in count(1, step):
        ended = run([*owner.commit_command, "--force"], interrupt_before_change(owner.folder, which))
        if ended.code == 0:
            break
        assert (ended.code, ended.stdout) == (130, "") and "Traceback" not in ended.stderr, ended
        assert owner.rubbish() == []
        if not is_old(owner, before):
            assert is_new(owner, before)
            before, new = contents(owner.data), new + 1
    assert which > 20 and new <= which // 2


@pytest.mark.parametrize("step", [13, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
def test_a_kill_at_any_change_leaves_the_old_data_set_or_the_new_one(owner: Owner, step: int) -> None:
    """While files take their places neither has all its names; the next command that looks puts this right."""
    restored = []
    for which in count(1, step):
        before, old = contents(owner.data), (owner.folder / "first.proof").read_bytes()
        ended = run([*owner.commit_command, "--force"], kill_before_change(owner.folder, which))
        if not ended.killed:
            break
        if not all((owner.data / name).exists() for name in (SECRETS, *BESIDE)):
            restored.append(which)
        assert_refused(run(owner.commit_command), "say --force")  # it looks, too
        assert owner.rubbish() == []
        if is_old(owner, before):
            assert (owner.folder / "first.proof").read_bytes() == old
        else:
            assert is_new(owner, before)
            done(*owner.prove_command("first.proof", "--force"))
        owner.check()
    assert which > 30 and (step > 1 or len(restored) >= 5), restored


def test_a_data_set_with_fewer_openings_replaces_one_that_has_spent_more(owner: Owner) -> None:
    """The old count may be one that the new data set cannot have."""
    for number in range(2):
        done(*owner.prove_command(f"again {number}.proof"))
    assert owner.check() > 2
    done(*owner.commit_command, "--force", "--openings", "2")
    dataset = Dataset.load(owner.data)
    assert (dataset.spent, dataset.statement.openings) == (1, 2)


def test_a_count_that_cannot_be_read_is_named_and_nothing_is_left_behind(owner: Owner) -> None:
    (owner.data / "dataset.opening").write_bytes(b"")
    before = contents(owner.data)
    assert_refused(run([*owner.commit_command, "--force"]), "dataset.opening: the file is empty")
    assert is_old(owner, before) and owner.rubbish() == []
    (owner.data / "dataset.opening").unlink()
    done(*owner.commit_command, "--force")
    assert is_new(owner, before)


# recommit -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("disturb", "code", "words"),
    [(full_from_change, 2, "File too large"), (interrupt_before_change, 130, "")],
)
def test_a_disturbed_recommitment_leaves_both_data_sets_whole(
    made: Path, tmp_path: Path, disturb: Disturb, code: int, words: str
) -> None:
    """The old one has counted an opening at most; the new one is whole, with its link, or not there."""
    owner, new = Owner(tmp_path / "owner"), tmp_path / "owner" / "new"
    for which in count(1):
        shutil.copytree(made, owner.folder)
        before = owner.check()
        ended = run(["recommit", owner.data, "--out", new], disturb(owner.folder, which))
        assert before <= owner.check() <= before + 1
        if ended.code == 0:
            break
        assert ended.code == code and words in ended.stderr and "Traceback" not in ended.stderr, ended
        assert owner.rubbish() == []
        if (new / "dataset.commitment").exists():
            assert Dataset.load(new).spent == 2
        assert (new / "dataset.link").exists() == (new / "dataset.commitment").exists()  # they come together
        shutil.rmtree(owner.folder)
    assert which > 20 and (new / "dataset.link").exists()


# power ----------------------------------------------------------------------------------------------------------------


def test_every_file_of_a_commit_and_its_name_are_synchronised(owner: Owner, tmp_path: Path) -> None:
    """What was not could be gone after a loss of power, though the command said that it is done.

    The tree is left out: it only saves time. So is the lock, which is empty.
    """
    log = tmp_path / "log"
    assert run([*owner.commit_command, "--force"], recorded(owner.folder, log)).code == 0
    synchronised, changed = set(), {}
    for line in log.read_text().splitlines():
        event, inode, name = json.loads(line)
        if event == "fsync":
            synchronised.add(inode)
            changed.pop(inode, None)
        elif name not in UNSYNCHRONISED and not name.startswith(UNFINISHED):
            changed[inode] = f"{event} {name}"
    files = {path.stat().st_ino: path.name for path in [owner.data, *owner.data.rglob("*")]}
    assert {name for inode, name in files.items() if inode not in synchronised} == set(UNSYNCHRONISED)
    folders = [path.stat().st_ino for path in (owner.data, owner.data / "dataset.secrets")]
    assert [changed[inode] for inode in folders if inode in changed] == [], "names made after their folder was"
