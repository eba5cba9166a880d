"""A data set's folder after a run that was killed while it replaced it: each moment between two renames.

The folder holds texts for files, `old` or `new`: what is restored must be all of one.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from zkunlearn.errors import DataError
from zkunlearn.formats.files import sweep_unfinished, unfinished
from zkunlearn.prover.owner.dataset import BESIDE, recover
from zkunlearn.prover.owner.secret_arrays import OLD, SECRETS, moves_into_place, needs_recovery, restore_and_sweep
from zkunlearn.verifier.proofs import LINK_FILE

RENAMES = 10  # of five old names and five new ones


def half_replaced(directory: Path, renames: int, first: bool = False, linked: bool = True) -> None:
    """What is there after so many renames; `first`: nothing was there before; `linked`: the new one has a link."""
    new = unfinished(directory)
    old = new.with_suffix(OLD)
    for folder, text in ((directory / SECRETS, "old"), (new, "new")):
        folder.mkdir(parents=True)
        (folder / "tails.npy").write_text(text)
    for name in BESIDE:
        (directory / name).write_text("old")
        (new / name).write_text("new")
    if not linked:
        (new / LINK_FILE).unlink()
    if first:
        (directory / SECRETS / "tails.npy").unlink()
        (directory / SECRETS).rmdir()
        for name in BESIDE:
            (directory / name).unlink()
    old.mkdir()
    for source, target in moves_into_place(directory, new, old, BESIDE)[:renames]:
        source.rename(target)


def texts(directory: Path) -> dict[str, str]:
    return {str(path.relative_to(directory)): path.read_text() for path in directory.rglob("*") if path.is_file()}


def all_of(text: str) -> dict[str, str]:
    return {f"{SECRETS}/tails.npy": text, **dict.fromkeys(BESIDE, text)}


@pytest.mark.parametrize("renames", range(RENAMES + 1))
def test_at_each_moment_all_of_the_old_or_all_of_the_new_is_restored(tmp_path: Path, renames: int) -> None:
    directory = tmp_path / "data"
    half_replaced(directory, renames)
    assert needs_recovery(directory, BESIDE)
    restore_and_sweep(directory, BESIDE)
    assert texts(directory) == all_of("new" if renames > 5 else "old")
    assert not needs_recovery(directory, BESIDE)


@pytest.mark.parametrize("renames", range(5))
def test_a_first_data_set_is_there_as_soon_as_its_secrets_are(tmp_path: Path, renames: int) -> None:
    directory = tmp_path / "data"
    half_replaced(directory, renames, first=True)
    restore_and_sweep(directory, BESIDE)
    assert texts(directory) == (all_of("new") if renames else {})


def test_a_recovery_that_is_killed_itself_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It renames, too; after each of its renames the next one goes on."""
    rename, renamed = Path.rename, 0

    def once(path: Path, target: Path) -> None:
        nonlocal renamed
        if renamed:
            raise KeyboardInterrupt
        renamed += 1
        rename(path, target)

    for renames in (2, 3, 4, 5, 6, 7):
        directory = tmp_path / str(renames)
        half_replaced(directory, renames)
        for _ in range(RENAMES):
            renamed = 0
            with monkeypatch.context() as patched:
                patched.setattr(Path, "rename", once)
                try:
                    restore_and_sweep(directory, BESIDE)
                    break
                except KeyboardInterrupt:
                    continue
        assert texts(directory) == all_of("new" if renames > 5 else "old")


@pytest.mark.parametrize("renames", range(RENAMES))
def test_an_old_link_does_not_come_back_beside_a_data_set_that_has_none(tmp_path: Path, renames: int) -> None:
    directory = tmp_path / "data"
    half_replaced(directory, renames, linked=False)
    restore_and_sweep(directory, BESIDE)
    expected = all_of("new" if renames > 5 else "old")
    if renames > 5:
        del expected[LINK_FILE]
    assert texts(directory) == expected


def test_a_whole_folder_is_left_alone(tmp_path: Path) -> None:
    """No lock is taken for it, so that what is mounted read-only can be read."""
    half_replaced(tmp_path, RENAMES)
    restore_and_sweep(tmp_path, BESIDE)
    (tmp_path / ".lock").unlink(missing_ok=True)
    recover(tmp_path)
    assert not (tmp_path / ".lock").exists()


def test_what_cannot_be_put_right_is_named(tmp_path: Path) -> None:
    half_replaced(tmp_path, 3)
    (tmp_path / ".lock").mkdir()
    with pytest.raises(DataError, match="cannot be written"):
        recover(tmp_path)


def test_only_old_rubbish_beside_proofs_is_swept(tmp_path: Path) -> None:
    """Another prover may be writing there; nothing is written for an hour."""
    fresh, stale, mine = unfinished(tmp_path), unfinished(tmp_path), tmp_path / "mine.tmp"
    for path in (fresh, stale, mine):
        path.write_text("x")
    hours_ago = time.time() - 7200
    os.utime(stale, (hours_ago, hours_ago))
    os.utime(mine, (hours_ago, hours_ago))
    sweep_unfinished(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([fresh, mine])
