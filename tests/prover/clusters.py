"""A real cluster on this machine: a scheduler and workers as processes of their own, with logs that can be read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import distributed

SECONDS = 60  # for a process to be there, on a busy machine


@dataclass
class Running:
    """A cluster.

    Attributes:
        folder: logs, and what workers keep.
        address: of the scheduler.
        processes: the scheduler, then workers.
    """

    folder: Path
    address: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, kind: str, *arguments: object) -> None:
        log = self.folder / f"{kind}-{len(self.processes)}.log"
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *map(str, arguments), "--no-dashboard"]
        with log.open("wb") as file:
            scratch = {
                "DASK_TEMPORARY_DIRECTORY": str(self.folder / "scratch")
            }  # a scheduler has nothing that says where
            own = subprocess.Popen(command, stdout=file, stderr=file, env={**os.environ, **scratch})
            self.processes.append(own)

    def add_worker(self, *arguments: object) -> None:
        keep = ("--no-nanny", "--nthreads", 1, "--host", "127.0.0.1", "--local-directory", self.folder / "kept")
        self.start("worker", self.address, *keep, *arguments)

    def pids(self) -> dict[str, int]:
        """Of workers, by their addresses."""
        with distributed.Client(self.address, set_as_default=False) as client:
            found: dict[str, int] = client.run(os.getpid)
        return found

    def wait_for(self, workers: int) -> None:
        with distributed.Client(self.address, set_as_default=False, timeout=SECONDS) as client:
            client.wait_for_workers(workers, timeout=SECONDS)

    def kill(self, address: str) -> None:
        os.kill(self.pids()[address], signal.SIGKILL)

    @property
    def logs(self) -> bytes:
        """All that was logged and printed."""
        return b"".join(path.read_bytes() for path in sorted(self.folder.glob("*.log")))

    @property
    def lent(self) -> list[Path]:
        """Folders that workers have from owners."""
        return sorted((self.folder / "kept").glob("*/*/zkunlearn-*"))


@contextmanager
def cluster(folder: Path, *workers: tuple[object, ...]) -> Iterator[Running]:
    """A scheduler, and a worker for each tuple of further arguments."""
    running = Running(folder)
    place = folder / "scheduler.json"
    try:
        running.start("scheduler", "--host", "127.0.0.1", "--port", 0, "--scheduler-file", place)
        last = time.monotonic() + SECONDS
        while not place.exists() and time.monotonic() < last:
            time.sleep(0.05)
        running.address = json.loads(place.read_text())["address"]
        for arguments in workers:
            running.add_worker(*arguments)
        if workers:
            running.wait_for(len(workers))
        yield running
    finally:
        for process in running.processes:
            process.kill()
        for process in running.processes:
            process.wait()
