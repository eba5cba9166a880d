"""What a notebook shows while kernels are compiled and proofs are made: a bar below the cell that waits for them.

It is never in the way: nothing is imported for it, where no notebook runs nothing happens, and where a bar cannot be
shown there is none.
"""

from __future__ import annotations

import html
import logging
import os
import sys
from multiprocessing import parent_process
from threading import Event, Lock, Thread
from time import perf_counter, time_ns
from typing import Any

from .compiled import all_kernels, being_compiled, listen

VARIABLE = "ZKUNLEARN_BAR"  # of the environment; "0" for no bar
SILENCE = 1.0  # seconds until it is shown, and between two things that it says
LOGGER = logging.getLogger("zkunlearn")

_LOCK = Lock()
_SHOWN: list[Bar] = []  # the one of the cell that runs, if it has one


class Bar:
    """What goes on in one cell, said again and again in the same place until the cell is done.

    Args:
        shell: IPython's, of a notebook.
        silence: seconds.
    """

    def __init__(self, shell: Any, silence: float) -> None:
        self._shell, self._silence = shell, silence
        self._start, self._ended = perf_counter(), Event()
        self._of, self._begun, self._phase = 0, 0, ""
        self._shown, self._place = False, f"zkunlearn-{os.getpid()}-{time_ns()}"
        self._teller = Thread(target=self._tell, daemon=True)
        shell.events.register("post_execute", self.end)
        self._teller.start()

    def kernel(self) -> None:
        """A kernel is to be compiled."""
        if not self._begun:
            self._of = sum(not kernel.is_cached() for kernel in all_kernels())
        self._begun += 1

    def phase(self, name: str) -> None:
        """The phase of this name begins."""
        self._phase = name

    def end(self) -> None:
        """The cell is done: of the bar a line is left if anything was compiled, and else nothing."""
        self._ended.set()
        self._teller.join()
        with _LOCK:
            _SHOWN.clear()
        try:
            self._shell.events.unregister("post_execute", self.end)
            if self._shown:
                kept = ", once per machine" if all(kernel.is_kept for kernel in all_kernels()) else ""
                self._publish(f"{_kernels(self._begun)} compiled, {self._seconds()}{kept}" if self._begun else "", "")
        except Exception:  # whatever it is, the cell has its result
            LOGGER.debug("the bar cannot be taken away", exc_info=True)

    def _tell(self) -> None:
        try:
            while not self._ended.wait(self._silence):
                self._publish(*self._now())
        except Exception:  # of any display: then there is no bar
            LOGGER.debug("no bar can be shown", exc_info=True)

    def _now(self) -> tuple[str, str]:
        """What goes on, and of the element that shows it how full it is."""
        name = being_compiled()
        if name is None:
            told = [self._phase or "at work", f"{_kernels(self._begun)} compiled" if self._begun else ""]
            return ", ".join([text for text in told if text] + [self._seconds()]), "<progress></progress> "
        done = max(self._begun - 1, 0)
        text = f"compiling the kernel {name}: {done} of at most {self._of} are compiled, {self._seconds()}"
        return text, f'<progress max="{self._of}" value="{done}"></progress> '

    def _publish(self, text: str, element: str) -> None:
        """Without importing a display: shells have one."""
        data = {"text/plain": text, "text/html": element + html.escape(text)}
        place = {"display_id": self._place}
        self._shell.display_pub.publish(data, {}, transient=place, update=self._shown)
        self._shown = True

    def _seconds(self) -> str:
        return f"{perf_counter() - self._start:.0f} s"


def show_kernel(name: str) -> None:
    """In a notebook, show that the kernel of this name is to be compiled."""
    bar = _bar()
    if bar is not None:
        bar.kernel()


def show_phase(name: str) -> None:
    """In a notebook, show that the phase of this name begins, if it lasts."""
    bar = _bar()
    if bar is not None:
        bar.phase(name)


def _kernels(count: int) -> str:
    return f"{count} kernel{'' if count == 1 else 's'}"


def _bar() -> Bar | None:
    """That of this cell; None where there can be none."""
    with _LOCK:
        try:
            shell = _shell()
            if shell is not None and not _SHOWN:
                _SHOWN.append(Bar(shell, SILENCE))
            return _SHOWN[0] if shell is not None else None
        except Exception:  # of a shell that is none of IPython's: work goes on without a bar
            LOGGER.debug("no bar can be shown", exc_info=True)
            return None


def _shell() -> Any:
    """IPython's shell in the process of a notebook's kernel; a terminal's has no kernel, and shows the log."""
    module = sys.modules.get("IPython")
    if module is None or os.environ.get(VARIABLE) == "0" or parent_process() is not None:
        return None
    shell = module.get_ipython()
    return None if getattr(shell, "kernel", None) is None else shell


listen(show_kernel)
