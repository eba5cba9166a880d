"""The command line in a child that dies at a chosen moment: before its n-th change of a file, or after some time.

A child is forked from the test, so that kernels are loaded already. Changes are what Python's audit events tell of:
a file opened for writing, a rename, a removal, a folder made or removed; and each fsync.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zkunlearn.cli.program import main

CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
Prepare = Callable[[], None]


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit code, or minus the signal that killed it, and what it said."""

    code: int
    stdout: str
    stderr: str

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


def run(
    arguments: Sequence[object], prepare: Prepare | None = None, watch: Callable[[int], None] | None = None
) -> Ended:
    """Run the command line in a child.

    Args:
        prepare: called in the child, before.
        watch: called here with the child's number, while it runs.
    """
    (out, to_out), (err, to_err) = os.pipe(), os.pipe()  # which hold more than a command says
    child = os.fork()
    if child == 0:
        _become_the_command(arguments, prepare, to_out, to_err)
    os.close(to_out)
    os.close(to_err)
    if watch is not None:
        watch(child)
    status = os.waitpid(child, 0)[1]
    texts = []
    for descriptor in (out, err):
        with open(descriptor, encoding="utf-8") as file:
            texts.append(file.read())
    return Ended(os.waitstatus_to_exitcode(status), *texts)


def _become_the_command(arguments: Sequence[object], prepare: Prepare | None, out: int, err: int) -> None:
    """Never returns: whatever happens, pytest does not go on in the child."""
    code = 70
    try:
        for number in (signal.SIGINT, signal.SIGTERM):  # what a shell starts in the background ignores interrupts
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        if prepare is not None:
            prepare()
        main.main([str(argument) for argument in arguments], prog_name="zkunlearn")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except KeyboardInterrupt:  # before the command line was read: Python ends by the signal, too
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
    except BaseException as error:
        print(f"escaped: {error!r}", file=sys.stderr)
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def before_change(folder: Path, which: int, act: Callable[[], None], and_later: bool = False) -> Prepare:
    """Do something before the which-th change of a file in the folder, from 1, and before later ones if so wished."""

    def prepare() -> None:
        seen = 0
        fsync = os.fsync

        def count() -> None:
            nonlocal seen
            seen += 1
            if seen == which or (and_later and seen > which):
                act()

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            if _changes(event, arguments) and str(folder) in _path(arguments[0]):
                count()

        def counted_fsync(descriptor: int) -> None:
            count()
            fsync(descriptor)

        sys.addaudithook(hook)
        os.fsync = counted_fsync  # type: ignore[assignment]

    return prepare


def _changes(event: str, arguments: tuple[Any, ...]) -> bool:
    if event == "open":
        return isinstance(arguments[2], int) and bool(arguments[2] & WRITING)
    return event in CHANGES


def _path(name: object) -> str:
    return os.path.abspath(os.fsdecode(name)) if isinstance(name, str | bytes | os.PathLike) else ""


def recorded(folder: Path, log: Path) -> Prepare:
    """Write down, a line each: names of files made or moved, with their directory's inode, and inodes synchronised."""

    def prepare() -> None:
        file, fsync = open(log, "w", buffering=1), os.fsync

        def note(event: str, inode: int, name: str) -> None:
            print(json.dumps([event, inode, name]), file=file)

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            if event in ("open", "os.rename") and _changes(event, arguments) and str(folder) in _path(arguments[0]):
                path = Path(_path(arguments[1 if event == "os.rename" else 0]))
                note(event, path.parent.stat().st_ino, path.name)

        def noted_fsync(descriptor: int) -> None:
            fsync(descriptor)
            note("fsync", os.fstat(descriptor).st_ino, "")

        sys.addaudithook(hook)
        os.fsync = noted_fsync  # type: ignore[assignment]

    return prepare


def kill_before_change(folder: Path, which: int) -> Prepare:
    return before_change(folder, which, lambda: os.kill(os.getpid(), signal.SIGKILL))


def send_after(seconds: float, number: signal.Signals = signal.SIGKILL) -> Callable[[int], None]:
    """A signal after some time; for a moment that was not drawn from the clock, see before_change."""

    def watch(child: int) -> None:
        time.sleep(seconds)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    return watch
