"""Groups of shards proved by processes of this machine."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
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
        yield _Pool(self.number)


class _Pool(Ready):
    def __init__(self, number: int) -> None:
        self._number = number

    @property
    def count(self) -> int:
        """See Ready."""
        return self._number

    def run(self, loan: Loan, tasks: Sequence[Task], progress: Progress | None) -> list[Done]:
        """See Ready."""
        results = Results(len(tasks))
        for _ in range(ATTEMPTS):
            try:
                self._run(loan, tasks, results, progress)
                return results.all()
            except BrokenProcessPool:
                continue  # one process was killed, and with it the pool; what is done stays done
        raise WorkerError(f"group {results.missing[0] + 1}: a process was killed {ATTEMPTS} times; memory may be short")

    def _run(self, loan: Loan, tasks: Sequence[Task], results: Results, progress: Progress | None) -> None:
        """What has no result yet."""
        count = min(self.count, len(results.missing))
        threads = max(1, thread_count() // count)
        before = set(multiprocessing.active_children())
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(count, context, _begin, (threads,)) as pool:
            try:
                futures = {
                    pool.submit(_perform, tasks[number], loan.dataset.folder, loan.models.folder): number
                    for number in results.missing
                }
                for future in as_completed(futures):
                    results.keep(futures[future], future.result())
                    if progress is not None:
                        progress(f"{len(tasks) - len(results.missing)} of {len(tasks)} groups")
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for child in set(multiprocessing.active_children()) - before:
                    child.kill()
                raise


def _begin(threads: int) -> None:
    """In each process: a ^C of the terminal ends it silently."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    set_thread_count(threads)


def _perform(task: Task, dataset: Path, models: Path) -> Done | Failed:
    return perform(task, dataset, models)
