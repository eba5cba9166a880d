"""A command that stops at a change of a file, while something else happens to its folder, and then goes on."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from zkunlearn.prover.owner.locks import LOCK_FILE

from .moments import Ended, before_change, run

Command = list[object]


@dataclass(frozen=True)
class Pair:
    """How two commands ended, the second of which ran while the first one stood still."""

    first: Ended
    second: Ended


def interleavings(fresh: Callable[[], Path], first: Command, second: Command, directory: Path) -> Iterator[Pair]:
    """The second command at every change of a file by the first one.

    Where the first one holds the directory's lock, the second could only wait for it: these moments are left out.

    Args:
        fresh: makes the folder that both work in, again for each moment.
        directory: the data set, in that folder.
    """
    which: int | None = 1
    while which is not None:
        folder = fresh()
        watcher = _Watcher(second, directory, which)
        ended = run(first, before_change(folder, which, _stop, and_later=True), watcher)
        if watcher.second is not None:
            yield Pair(ended, watcher.second)
        which = watcher.next


class _Watcher:
    """Runs the second command at the first free moment, from a number on."""

    def __init__(self, command: Command, directory: Path, which: int) -> None:
        self._command, self._directory, self._number = command, directory, which
        self.second: Ended | None = None
        self.next: int | None = None

    def __call__(self, child: int) -> None:
        while True:
            state = os.waitid(os.P_PID, child, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
            if state is None or state.si_code != os.CLD_STOPPED:
                return
            try:
                if self.second is None and _is_free(self._directory):
                    self.second, self.next = run(self._command), self._number + 1
            finally:
                self._number += 1
                os.kill(child, signal.SIGCONT)


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _is_free(directory: Path) -> bool:
    """Whether nobody holds the lock, if there is one."""
    if not (directory / LOCK_FILE).exists():
        return True
    descriptor = os.open(directory / LOCK_FILE, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
