"""Threads for kernels that release the interpreter lock.

The kernels are exact field arithmetic, so how work is cut changes no bit of any result: sums in F_p do not
depend on their order.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController

from .field import LANES

Result = TypeVar("Result")

# Work of this many K products takes 200 us; handing it to another thread takes 15 us, if a core is free.
MIN_CHUNK = 1 << 16

_lock = threading.Lock()
_inside = threading.local()
_override: int | None = None
_pool: tuple[int, int, ThreadPoolExecutor] | None = None


def thread_count() -> int:
    """Threads that kernels use: the cores this process may run on, unless set_thread_count said otherwise."""
    if _override is not None:
        return _override
    return _cores()


@cache
def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def set_thread_count(count: int | None) -> None:
    """Use `count` threads from now on; None goes back to the number of cores."""
    global _override
    if count is not None and count < 1:
        raise ValueError(f"thread count must be at least 1, got {count}")
    _override = count


def _executor(workers: int) -> ThreadPoolExecutor:
    """The pool of this process; a fork or another thread count makes a new one."""
    global _pool
    with _lock:
        wanted = (os.getpid(), workers)
        if _pool is None or _pool[:2] != wanted:
            if _pool is not None and _pool[0] == wanted[0]:
                _pool[2].shutdown(wait=False)
            _pool = (*wanted, ThreadPoolExecutor(workers, thread_name_prefix="zkunlearn-kernel"))
        return _pool[2]


def run_tasks(tasks: Sequence[Callable[[], Result]]) -> list[Result]:
    """Run the callables, on threads when there are several of both; results in the order of `tasks`.

    This thread is one of them, and does not wait for others that have not begun when nothing is left to do. An
    exception of a task is raised here. A task may call run_tasks itself: it then runs in its own thread, because a pool
    whose workers wait for each other stands still.
    """
    helpers = min(thread_count(), len(tasks)) - 1
    if helpers < 1 or getattr(_inside, "active", False):
        return [task() for task in tasks]
    results: list[Any] = [None] * len(tasks)
    waiting = iter(enumerate(tasks))  # the interpreter lock lets one thread at a time take the next

    def work() -> None:
        _inside.active = True
        try:
            for i, task in waiting:
                results[i] = task()
        finally:
            _inside.active = False

    pool = _executor(thread_count() - 1)
    futures = [pool.submit(work) for _ in range(helpers)]
    try:
        work()
    finally:
        begun = [future for future in futures if not future.cancel()]
        wait(begun)
    for future in begun:
        future.result()
    return results


def run_blas_tasks(tasks: Sequence[Callable[[], Result]]) -> list[Result]:
    """run_tasks for tasks that call BLAS, which meanwhile has no threads of its own."""
    with _libraries().limit(limits=1, user_api="blas"):
        return run_tasks(tasks)


@cache
def _libraries() -> ThreadpoolController:
    """Looked for once: numpy has loaded its BLAS."""
    return ThreadpoolController()


def spans(length: int, cost: int = 1, grain: int = LANES) -> list[tuple[int, int]]:
    """Cut range(length) into one (start, stop) a thread, at multiples of `grain`.

    `cost`: work an element, in K products; a range with little work stays whole. Never empty.
    """
    if length * cost < 2 * MIN_CHUNK:
        return [(0, length)]
    parts = min(thread_count(), length * cost // MIN_CHUNK)
    step = -(-length // parts)
    step = max(grain, -(-step // grain) * grain)
    return [(start, min(length, start + step)) for start in range(0, length, step)] or [(0, 0)]
