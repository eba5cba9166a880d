"""Secret files are private from the first moment they exist, whatever the umask is, and no other names are left.

The owner's commands run as processes of their own. An audit hook looks at the owner's folders before whatever the
program does next, so that a file is seen as it was created, before anything could change its mode.
"""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from zkunlearn.prover.owner.dataset import Dataset

from . import owner
from .scanner import Secrets
from .test_scan import BOUNDS, PUBLIC_SUFFIXES

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
FOLDERS = {"data", "fresh"}  # the owner's own, with public files in them, too
TEMPORARY = r"\.zkunlearn-[0-9a-f]{16}\.(tmp|old)"
NAMES = re.compile(  # all that may ever be seen
    rf"(data|fresh)|((data|fresh)/)?({TEMPORARY}|\.lock|dataset\.(opening|tree|secrets|commitment|link|history)|"
    rf"[a-z]+\.(proof|forgotten|model\.opening|model\.link))|(data|fresh)/({TEMPORARY}|dataset\.secrets)/(dataset\.)?[a-z_]+(\.npy)?"
)

WATCHER = """
import json, os, sys, threading
watched, report, umask, hidden = sys.argv[1:5]
seen, gone, busy = {}, [], threading.Lock()

def look(*event):
    if not busy.acquire(blocking=False):
        return
    try:
        there = {}
        for folder in watched.split(":"):
            for top, folders, files in os.walk(folder):
                for name in [*folders, *files]:
                    path = os.path.join(top, name)
                    try:
                        status = os.lstat(path)
                    except FileNotFoundError:
                        continue
                    there[status.st_ino] = [oct(status.st_mode), os.path.relpath(path, folder)]
        for inode, (mode, path) in there.items():
            first = seen.setdefault(inode, [mode, path, path])
            first[2] = path
        for inode in set(seen) - set(there):
            gone.append(seen.pop(inode))
    finally:
        busy.release()

from zkunlearn.cli import main
from zkunlearn.prover.kernels import storage
if hidden == "hidden":
    storage.SMALL_PARTS = 10**15  # every array goes to a file
os.umask(int(umask, 8))
sys.addaudithook(lambda *event: look(*event))
try:
    for command in json.loads(sys.stdin.read()):
        try:
            main(command)
        except SystemExit as end:
            if end.code:
                raise
finally:
    look()
    with open(report, "w") as file:
        json.dump(gone + list(seen.values()), file)
"""


@dataclass(frozen=True)
class Seen:
    """A file or folder: its mode when it was first seen, and its first and last name."""

    mode: int
    first: str
    last: str


def commands(folder: Path, own: Path, *more: str) -> list[list[str]]:
    """Commit, train, unlearn, and commit afresh, to the rows and to a model."""
    commit = ["commit", folder / "table.csv", "--target", "ill", "--id", "name", "--bounds", folder / "bounds.toml"]
    prove = ["prove", own / "data", "--spec", folder / "spec.toml"]
    forget = ["--forget", owner.make_table().ids[1], "--previous", own / "first.proof", "--fork"]
    given = [
        [*commit, "--x-bits", owner.X_BITS, "--openings", 5, "--out", own / "data", *more],
        [*prove, "--out", own / "first.proof", *more],
        [*prove, *forget, "--out", own / "second.proof", *more],
        ["recommit", own / "data", "--openings", 3, "--out", own / "fresh", *more],
        ["recommit-model", own / "first.model.opening", "--out", own / "renewed.model.opening"],
    ]
    return [[str(word) for word in command] for command in given]


def prepare(folder: Path) -> Path:
    """The owner's table and specs, and a folder for what comes of them."""
    owner.make_table().write(folder / "table.csv")
    (folder / "bounds.toml").write_text(BOUNDS)
    (folder / "spec.toml").write_text(owner.SPEC)
    own = folder / "own"
    own.mkdir()
    return own


def watch(folder: Path, umask: str, *more: str, count: int = 5) -> list[Seen]:
    """Everything that was in the owner's folder, or in the one for temporary files, at any time."""
    own, temporary = prepare(folder), folder / "temporary"
    temporary.mkdir()
    report = folder / "report.json"
    arguments = [f"{own}:{temporary}", str(report), umask, "hidden" if more else ""]
    done = subprocess.run(
        [sys.executable, "-c", WATCHER, *arguments],
        input=json.dumps(commands(folder, own, *more)[:count]),
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    assert done.returncode == 0, done.stderr
    return [Seen(int(mode, 8), first, last) for mode, first, last in json.loads(report.read_text())]


def assert_private(seen: list[Seen], folders: int = len(FOLDERS)) -> None:
    """What is not public is for its owner alone, from the first moment on."""
    secret = [one for one in seen if one.last not in FOLDERS and not one.last.endswith(PUBLIC_SUFFIXES)]
    for one in secret:
        folder = one.mode & 0o170000 == 0o040000
        assert one.mode & 0o777 == (PRIVATE_FOLDER if folder else PRIVATE_FILE), one
    ends = [one.last for one in secret]
    for name in ("dataset.opening", "dataset.tree", "dataset.secrets", "tails.npy", "features.npy", "model.opening"):
        assert sum(end.endswith(name) for end in ends) >= folders, f"{name} was not seen"
    modes = [one.mode & 0o777 for one in seen if one.last in FOLDERS]
    assert modes == [0o777] * folders, "the umask took something away: the modes above prove nothing"


def test_secret_files_are_private_from_their_first_moment_whatever_the_umask(tmp_path: Path) -> None:
    seen = watch(tmp_path, "000")
    assert_private(seen)
    assert [one for one in seen if not (NAMES.fullmatch(one.first) and NAMES.fullmatch(one.last))] == []


def test_temporary_files_of_a_memory_limit_never_have_a_name(tmp_path: Path) -> None:
    """Every array goes to one; beside the files of any other run, none is ever seen."""
    seen = watch(tmp_path, "000", "--memory", "400MB", count=2)
    assert_private(seen, folders=1)
    assert [one for one in seen if not (NAMES.fullmatch(one.first) and NAMES.fullmatch(one.last))] == []
    left = {path.name for path in tmp_path.rglob("*")}
    assert not any(re.fullmatch(TEMPORARY, name) or name.startswith("tmp") for name in left)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_secret_file_that_others_may_read_is_noticed(mode: int) -> None:
    seen = [Seen(0o100000 | mode, "data/.zkunlearn-0.tmp", "data/dataset.opening")]
    with pytest.raises(AssertionError, match=r"dataset\.opening"):
        assert_private(seen)


# At a terminal -------------------------------------------------------------------------------------------------------


def at_a_terminal(command: list[str]) -> bytes:
    """All that a command writes to a terminal."""
    main_end, other_end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "zkunlearn", *command], stdin=other_end, stdout=other_end, stderr=other_end
    )
    os.close(other_end)
    written = b""
    while True:
        try:
            chunk = os.read(main_end, 1 << 16)
        except OSError:  # the other end is closed
            break
        if not chunk:
            break
        written += chunk
    os.close(main_end)
    assert process.wait() == 0, written
    return written


def test_progress_at_a_terminal_says_no_secret(tmp_path: Path) -> None:
    own = prepare(tmp_path)
    written: dict[str, bytes] = {}
    for command in commands(tmp_path, own)[:2]:
        written[command[0]] = at_a_terminal(command)
    assert b"committing" in written["commit"] and b"proving: " in written["prove"]
    secrets: Any = Secrets()
    owner.table_secrets(secrets, owner.make_table())
    owner.dataset_secrets(secrets, Dataset.load(own / "data"))
    owner.weights_secrets(secrets, owner.Model.load(own / "first.model.opening"))
    for text in written.values():
        assert secrets.found_in(re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", text), text=True) == {}
