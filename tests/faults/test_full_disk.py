"""No room, no right to write, no right to read: one line that names the file, and nothing half-written.

The disk is a limit on the size of a file, which every process may set for itself, or a small file system in memory
where the tests may mount one.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from zkunlearn.prover.owner.dataset import Dataset

from ..cli.conftest import done
from .moments import Ended, Prepare, before_change, run
from .owner import Owner

NOBODY = 65534


def assert_refused(ended: Ended, *words: str) -> None:
    """An input error, in one line."""
    assert ended.code == 2, ended
    assert ended.stdout == "" and "Traceback" not in ended.stderr
    line = ended.stderr.strip().splitlines()[-1]
    assert line.startswith("error: ") and any(word in line for word in words), line


def files_end_at(size: int) -> Prepare:
    def prepare() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return prepare


def full_from_change(folder: Path, which: int) -> Prepare:
    """From the which-th change of a file in the folder on, no file can grow."""
    return before_change(folder, which, files_end_at(0))


@pytest.mark.parametrize("step", [6, pytest.param(1, marks=pytest.mark.slow)])
def test_a_disk_that_is_full_from_any_change_on_leaves_no_half_proof(owner: Owner, step: int) -> None:
    before = owner.check()
    for which in count(1, step):
        ended = run(owner.unlearn_command("second.proof"), full_from_change(owner.folder, which))
        after = owner.check()
        assert before <= after <= before + 1
        before = after
        if ended.code == 0:
            break
        assert_refused(ended, "File too large")
        assert owner.rubbish() == []
        assert not (owner.folder / "second.proof").exists()
        (owner.folder / "second.model.opening").unlink(missing_ok=True)  # a whole file of a proof that was not written
        (owner.folder / "second.forgotten").unlink(missing_ok=True)
    assert which > 5


@pytest.mark.parametrize("step", [6, pytest.param(1, marks=pytest.mark.slow)])
def test_a_disk_that_is_full_from_any_change_on_leaves_no_half_registration(owner: Owner, step: int) -> None:
    before, file = owner.check(), owner.data / "dataset.registration"
    for which in count(1, step):
        ended = run(["register", owner.data], full_from_change(owner.folder, which))
        assert before <= owner.check() <= before + 1
        before = owner.check()
        if ended.code == 0:
            break
        assert_refused(ended, "File too large")
        assert owner.rubbish() == [] and not file.exists()
    assert which > 1 and file.exists()


@pytest.mark.parametrize("step", [12, pytest.param(1, marks=pytest.mark.slow)])
def test_a_disk_that_is_full_from_any_change_on_leaves_no_half_data_set(owner: Owner, step: int) -> None:
    shutil.rmtree(owner.data)
    for which in count(1, step):
        ended = run(owner.commit_command, full_from_change(owner.folder, which))
        if ended.code == 0:
            break
        assert_refused(ended, "File too large")
        assert owner.rubbish() == []
        assert owner.load() is None
        shutil.rmtree(owner.data, ignore_errors=True)
    assert which > 10
    done(*owner.prove_command("first.proof", "--force"))
    owner.check()


@pytest.mark.parametrize("size", [0, 100, 3000, 100_000])
def test_files_that_end_early_are_refused_and_the_old_data_set_stays(owner: Owner, size: int) -> None:
    """Each limit is met by another file: the first arrays, the tree, the commitment."""
    assert_refused(run([*owner.commit_command, "--force"], files_end_at(size)), "File too large")
    assert owner.rubbish() == []
    owner.check()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for a data set and two proofs, but for one data set only; else a plain folder."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=9m", "tmpfs", place], capture_output=True).returncode
    yield place
    if mounted == 0:
        subprocess.run(["umount", "-l", place], check=True)


def test_proofs_until_a_small_disk_is_full(made: Path, small_disk: Path) -> None:
    """Where tests may not mount, a limit on the size of the last file stands for it."""
    owner = Owner(Path(shutil.copytree(made, small_disk / "owner")))
    limit = None if os.path.ismount(small_disk) else files_end_at(1000)
    before = owner.check()
    for number in count():
        ended = run(owner.prove_command(f"again {number}.proof"), limit)
        after = Dataset.load(owner.data).spent
        assert before <= after <= before + 1
        before = after
        if ended.code != 0:
            break
        assert number < 20
    assert_refused(ended, "No space left on device", "File too large")
    assert owner.check() == after and owner.rubbish() == []
    for path in owner.folder.glob("again *"):
        path.unlink()
    done(*owner.prove_command("with room again.proof"))
    owner.check()


def test_a_disk_too_small_for_temporary_files_is_named(small_disk: Path, tmp_path: Path) -> None:
    """Large arrays are mapped files. One that got its room only when it is filled would kill the process instead."""
    X = np.random.default_rng(1).uniform(-1, 1, (20_000, 60))
    np.savez(tmp_path / "t.npz", X=X, y=(X[:, 0] > 0).astype(np.int64))
    command = ["commit", tmp_path / "t.npz", "--target", "y", "--out", small_disk / "data", "--memory", "400MB"]
    ended = run(command, None if os.path.ismount(small_disk) else files_end_at(1000))
    assert_refused(ended, "No space left on device", "File too large")
    assert f"{small_disk}: no room for" in ended.stderr
    assert list(small_disk.iterdir()) == []


# Rights -------------------------------------------------------------------------------------------------------------


def as_nobody() -> None:
    """Modes mean nothing to root."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


@pytest.fixture
def open_owner(made: Path) -> Iterator[Owner]:
    """A copy that nobody may read, in a folder that everyone may enter, for commands that run as nobody."""
    place = Path("/tmp") / f"zkunlearn-faults-{os.getpid()}"
    try:
        owner = Owner(Path(shutil.copytree(made, place / "owner")))
        for path in [place, *place.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
            if os.geteuid() == 0:
                os.chown(path, NOBODY, NOBODY)
        yield owner
    finally:
        subprocess.run(["chmod", "-R", "u+rwx", place], check=True)
        shutil.rmtree(place)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("data", 0o555),
        ("data/dataset.opening", 0o000),
        ("data/dataset.secrets", 0o000),
        ("data/dataset.secrets/tails.npy", 0o000),
        ("data/dataset.commitment", 0o000),
        (".", 0o555),
    ],
)
def test_a_place_without_rights_is_refused_before_an_opening_is_spent(open_owner: Owner, name: str, mode: int) -> None:
    before, place = open_owner.check(), open_owner.folder / name
    place.chmod(mode)
    command = open_owner.prove_command("second.proof")
    ended = run(command, as_nobody)
    place.chmod(0o755 if place.is_dir() else 0o644)
    assert_refused(ended, "Permission denied", "may not be written")
    assert open_owner.check() == before
    again = run(command, as_nobody)
    assert again.code == 0, again.stderr
    assert open_owner.check() == before + 1
