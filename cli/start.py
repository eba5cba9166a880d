"""Where the program starts. Until its modules are loaded nothing is touched, so that ^C may end it on the spot."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

REFUSED, INTERRUPTED = 2, 130  # as in exits.py, which cannot be loaded yet


def main(arguments: Sequence[str] | None = None) -> None:
    """Load the program and run it; ends by SystemExit with a code of exits.py."""
    try:
        with interrupts_end_the_process():
            from .program import main as program
    except BaseException as error:  # Python would answer by 1, "invalid"
        told = str(error).strip().partition("\n")[0]
        print(f"error: zkunlearn cannot be loaded; {type(error).__name__}: {told!r}", file=sys.stderr)
        sys.exit(REFUSED)
    program(arguments, prog_name="zkunlearn")


@contextmanager
def interrupts_end_the_process() -> Iterator[None]:
    """An exception could be swallowed by the module that is being loaded, or become another one."""
    try:
        before = signal.signal(signal.SIGINT, _end)
    except ValueError:  # not the main thread, which has no interrupts
        yield
        return
    if before is signal.SIG_IGN:  # as for what a shell starts in the background
        signal.signal(signal.SIGINT, before)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)
