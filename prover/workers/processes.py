"""Groups of shards proved by processes of this machine."""

from __future__ import annotations

import multiprocessing
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ...errors import ParameterError, WorkerError, require_type
from ..kernels import set_thread_count, thread_count
from ..owner.lent import Failed, Loan, Task, perform
from ..owner.work import Done
from ..owner.workers import ATTEMPTS, Ready, Results, Workers
from ..protocol.proof import Progress

MAX_PROCESSES = 256


@dataclass(frozen=True)
class Processes(Workers):
    """Processes of this machine, among which its cores are shared out.

    Each is started afresh, as Python does everywhere but on Linux: a script that proves needs `if __name__ ==
    "__main__":`. They read the files of a stored data set; of another one, copies in a temporary folder.

    Attributes:
        number: how many.

    Raises:
        ParameterError: no number from 1 to 256.
    """

    number: int

    shows = ("number",)

    def __post_init__(self) -> None:
        require_type("processes", self.number, int)
        if not 1 <= self.number <= MAX_PROCESSES:
            raise ParameterError(f"processes = {self.number}: must be 1 to {MAX_PROCESSES}")

    @contextmanager
    def ready(self) -> Iterator[Ready]:
        """See Workers."""
        yield _Local(self.number)


class _Local(Ready):
    def __init__(self, number: int) -> None:
        self._number = number

    @property
    def count(self) -> int:
        """See Ready."""
        return self._number

    def run(self, loan: Loan, tasks: Sequence[Task], progress: Progress | None) -> list[Done]:
        """See Ready."""
        results, run = Results(len(tasks)), _Run(loan, min(self.count, len(tasks)))
        before = set(multiprocessing.active_children())
        waiting = list(enumerate(tasks))
        try:
            while waiting or run.running:
                while waiting and run.free:
                    run.start(*waiting.pop(0))
                for number, found in run.ended():
                    if found is None:
                        waiting.append((number, tasks[number]))
                        continue
                    results.keep(number, found)
                    if progress is not None:
                        progress(f"{len(tasks) - len(results.missing)} of {len(tasks)} groups")
        except BaseException:
            run.leave()
            for child in set(multiprocessing.active_children()) - before:
                child.kill()
            raise
        return results.all()


class _Run:
    """Tasks that are being done, each by a process of its own.

    Not by one pool for all: what ends one process of a pool ends all of them, and where it meets the start of another
    one, Python (3.11) may raise anything, or wait forever.
    """

    def __init__(self, loan: Loan, count: int) -> None:
        self._loan, self._count, self._threads = loan, count, max(1, thread_count() // count)
        self._started: Counter[int] = Counter()
        self.running: dict[Future[Done | Failed], tuple[int, ProcessPoolExecutor]] = {}

    @property
    def free(self) -> int:
        """How many more tasks may be started."""
        return self._count - len(self.running)

    def start(self, number: int, task: Task) -> None:
        """Start a process for a task. Raises WorkerError where it was started often enough."""
        if self._started[number] == ATTEMPTS:
            raise WorkerError(
                f"group {number + 1}: its process was killed, or not begun, {ATTEMPTS} times; memory may be short"
            )
        self._started[number] += 1
        pool = ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn"), initializer=_begin, initargs=(self._threads,)
        )
        try:
            future = pool.submit(_perform, task, self._loan.dataset.folder, self._loan.models.folder)
        except OSError as error:  # no process is to be had, or this one was killed before it read its task
            future = Future()
            future.set_exception(BrokenProcessPool(str(error)))
        self.running[future] = number, pool

    def ended(self) -> Iterator[tuple[int, Done | Failed | None]]:
        """Wait for one task at least: what came of each that ended, None where its process was killed."""
        for future in wait(self.running, return_when=FIRST_COMPLETED).done:
            number, pool = self.running.pop(future)
            pool.shutdown()
            try:
                yield number, future.result()
            except BrokenProcessPool:
                yield number, None

    def leave(self) -> None:
        """Wait for nothing any more."""
        for _, pool in self.running.values():
            pool.shutdown(wait=False, cancel_futures=True)


def _begin(threads: int) -> None:
    """In each process: a ^C of the terminal ends it silently."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    set_thread_count(threads)


def _perform(task: Task, dataset: Path, models: Path) -> Done | Failed:
    return perform(task, dataset, models)
