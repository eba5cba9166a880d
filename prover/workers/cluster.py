"""Groups of shards proved by the workers of a Dask cluster.

The owner's process lends each worker the files that proving takes, by a connection of their own that does not lead
through the scheduler, and gives it one task at a time. A worker that ends is missed: its task is given to another. New
workers are lent the same, and used. What a task publishes is what was kept of it first (`Results`).
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any

from ...errors import ParameterError, WorkerError, require_type
from ..owner.lent import PREFIX, Files, Loan, Task
from ..owner.work import Done
from ..owner.workers import ATTEMPTS, Ready, Results, Workers
from ..protocol.proof import Progress
from .borrower import DATASET, MODELS, Piece, describe, find, give_back, prove, receive

TIMEOUT = 10.0  # seconds for a scheduler to answer, and for a first worker to be there
POLL = 0.5  # seconds between two looks at which workers there are
PIECE_BYTES = 1 << 25
ENCRYPTED = ("tls://", "wss://")
UNENCRYPTED = "what is sent to workers, rows or models among it, travels unencrypted: use a cluster at tls://"
NOT_INSTALLED = "a cluster needs Dask: pip install 'zkunlearn[dask]'"


@dataclass(frozen=True)
class Cluster(Workers):
    """A Dask cluster that is there already. Encrypted as Dask's own configuration says (distributed.comm.tls).

    Attributes:
        address: of the scheduler, as in tls://host:8786.
        shared_files: whether workers can read the folder of the stored data set under the same name; otherwise its
            files are sent to each.

    Raises:
        ParameterError: Dask is not installed, or an argument of another type.
    """

    address: str
    shared_files: bool = False

    shows = "address", "shared_files"

    def __post_init__(self) -> None:
        require_type("address", self.address, str)
        require_type("shared_files", self.shared_files, bool)
        _distributed()

    @contextmanager
    def ready(self) -> Iterator[Ready]:
        """See Workers."""
        notes = () if self.address.startswith(ENCRYPTED) else (f"warning: {self.address}: {UNENCRYPTED}",)
        with _connected(self.address) as client:
            _require_same("the scheduler", self.address, _asked(client.run_on_scheduler, describe))
            session = _Session(client, self.shared_files, notes)
            session.find_workers()
            yield session


def _distributed() -> Any:
    """The package. Raises ParameterError."""
    try:
        import distributed
    except ImportError as error:
        raise ParameterError(NOT_INSTALLED) from error
    return distributed


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """A client. Raises WorkerError."""
    try:
        client = _distributed().Client(address, timeout=TIMEOUT, set_as_default=False, direct_to_workers=True)
    except (OSError, ValueError) as error:  # TimeoutError is the first
        reason = "no scheduler answers there" if isinstance(error, OSError) else "this is no address of a scheduler"
        raise WorkerError(f"{reason} ({TIMEOUT:.0f} seconds were waited)", address) from error
    try:
        yield client
    finally:
        client.close()


def _asked(ask: Any, *arguments: Any, **options: Any) -> Any:
    """What is answered, or the exception. A process of another version may lack what it is asked for."""
    try:
        return ask(*arguments, **options)
    except Exception as error:
        return error


def _require_same(what: str, address: str, answer: object) -> None:
    """Raises WorkerError unless it is what this process says of itself."""
    own = describe()
    if not isinstance(answer, Mapping):
        raise WorkerError(f"{what} has no zkunlearn, or a version without clusters ({type(answer).__name__})", address)
    for name in own:
        if answer.get(name) != own[name]:
            raise WorkerError(
                f"{what} is of another version: {name} is {answer.get(name)}, and {own[name]} here", address
            )
    if answer != own:
        raise WorkerError(f"{what} is of another version: it knows more formats", address)


@dataclass(eq=False, repr=False)
class _Session(Ready):
    """A connection, while it lasts.

    Attributes:
        token: names what workers are lent for this request.
        known: workers of this version. refused: of another one, which are not used.
    """

    client: Any
    shared_files: bool
    told: tuple[str, ...]
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    known: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)

    @property
    def count(self) -> int:
        """See Ready."""
        return len(self.known)

    @property
    def notes(self) -> tuple[str, ...]:
        """See Ready."""
        return self.told

    def find_workers(self) -> None:
        """All that are there. Raises WorkerError if there are none, or one is of another version."""
        with suppress(TimeoutError):
            self.client.wait_for_workers(1, timeout=TIMEOUT)
        for address in sorted(self.client.nthreads()):
            _require_same("this worker", address, self._describe(address))
            self.known.add(address)
        if not self.known:
            raise WorkerError(f"the cluster has no worker ({TIMEOUT:.0f} seconds were waited)")

    def _describe(self, address: str) -> object:
        found = _asked(self.client.run, describe, workers=[address], on_error="return")
        return found.get(address) if isinstance(found, dict) else found

    def check(self, loan: Loan) -> None:
        """See Ready."""
        if self.shared_files and not loan.is_stored:
            raise ParameterError("shared_files: workers can share the files only of a data set that is stored")
        for address in sorted(self.known) if self.shared_files else ():
            if reason := self.answer(address, find, loan.dataset):
                raise WorkerError(reason, address)

    def run(self, loan: Loan, tasks: Sequence[Task], progress: Progress | None) -> list[Done]:
        """See Ready."""
        work = _Work(self, loan, tasks, progress or (lambda phase: None))
        try:
            work.finish()
        finally:
            work.leave()
        return work.results.all()

    def alive(self) -> list[str]:
        """Workers that are there and of this version, new ones too."""
        there = sorted(self.client.nthreads())
        for address in {*there} - self.known - self.refused:
            try:
                _require_same("this worker", address, self._describe(address))
                self.known.add(address)
            except WorkerError:  # others go on
                self.refused.add(address)
        return [address for address in there if address in self.known]

    def answer(self, address: str, function: Any, *arguments: Any) -> str:
        """What a worker says to something that takes it a moment. Raises whatever Dask does if it ends."""
        future = self.submit(address, function, *arguments)
        while address in self.client.nthreads():
            with suppress(TimeoutError):
                return str(future.result(timeout=TIMEOUT))
        raise WorkerError("it ended", address)

    def submit(self, address: str, function: Any, *arguments: Any) -> Any:
        """Have this worker, and no other, call a function, with the token before the arguments."""
        key = f"{PREFIX}{function.__name__}-{secrets.token_hex(8)}"
        return self.client.submit(function, self.token, *arguments, key=key, workers=[address], pure=False)


class _Work:
    """The tasks of a request: which are done, and who is at which."""

    def __init__(self, session: _Session, loan: Loan, tasks: Sequence[Task], progress: Progress) -> None:
        self.results = Results(len(tasks))
        self._session, self._client, self._token = session, session.client, session.token
        self._loan, self._tasks, self._progress = loan, tasks, progress
        self._shared = loan.dataset if session.shared_files else None
        self._running: dict[Any, tuple[int, str]] = {}  # of each future its task and its worker
        self._lost: Counter[int] = Counter()  # how often a task was
        self._supplied: set[str] = set()
        self._useless: dict[str, str] = {}  # workers that cannot be lent anything, and why

    def finish(self) -> None:
        """Until there is a result of each. Raises what `Ready.run` does."""
        last = monotonic()
        while self.results.missing:
            there = self._session.alive()
            for future in [future for future, (_, address) in self._running.items() if address not in there]:
                self._miss(future, "its worker ended")
            self._hand_out(there)
            if self._running:
                last = monotonic()
                self._collect()
            elif monotonic() - last > TIMEOUT:
                for address, reason in self._useless.items():
                    raise WorkerError(reason, address)
                raise WorkerError("no worker of the cluster is left")
            else:
                sleep(POLL)

    def leave(self) -> None:
        """Whatever happened, no worker keeps what it was lent."""
        for future in self._running:
            future.cancel()
        with suppress(Exception):  # of a cluster that is not there any more
            there = [address for address in self._client.nthreads() if address in self._supplied]
            if there:
                self._client.run(give_back, self._token, workers=there, on_error="ignore")

    def _hand_out(self, there: Sequence[str]) -> None:
        """A task to each worker that has none."""
        given = {number for number, _ in self._running.values()}
        waiting = [number for number in self.results.missing if number not in given]
        busy = {address for _, address in self._running.values()} | set(self._useless)
        for address in [address for address in there if address not in busy]:
            if waiting and (address in self._supplied or self._supply(address)):
                number = waiting.pop(0)
                self._running[self._session.submit(address, prove, self._tasks[number], self._shared)] = (
                    number,
                    address,
                )
                self._progress(f"group {number + 1} of {len(self._tasks)} at {address}")

    def _collect(self) -> None:
        """What is done, after waiting for it a moment."""
        with self._client.as_current(), suppress(TimeoutError):
            _distributed().wait(list(self._running), timeout=POLL, return_when="FIRST_COMPLETED")
        for future in [future for future in self._running if future.done()]:
            if future.status != "finished":
                self._miss(future, f"it ended by {type(_asked(future.exception, timeout=TIMEOUT)).__name__}")
                continue
            with suppress(TimeoutError):  # its worker may have ended since: then it is missed next time
                found = future.result(timeout=TIMEOUT)
                self.results.keep(self._running.pop(future)[0], found)

    def _miss(self, future: Any, reason: str) -> None:
        """A task is to be done again. Raises WorkerError if that was tried often enough."""
        number, address = self._running.pop(future)
        future.cancel()
        self._lost[number] += 1
        if self._lost[number] == ATTEMPTS:
            raise WorkerError(f"group {number + 1} was tried by {ATTEMPTS} workers, the last time {reason}", address)

    # What workers are lent -------------------------------------------------------------------------------------------

    def _supply(self, address: str) -> bool:
        """Lend a worker what tasks need; whether it has that now."""
        self._supplied.add(address)  # from the first piece on there is something to give back
        try:
            reason = "" if self._shared is None else self._session.answer(address, find, self._shared)
            for piece in self._pieces() if not reason else ():
                (held,) = self._client.scatter([piece], workers=[address], direct=True, hash=False, timeout=TIMEOUT)
                reason = reason or self._session.answer(address, receive, held)
        except Exception:  # whatever Dask says when a worker ends meanwhile
            self._supplied.discard(address)
            return False
        if reason:
            self._useless[address] = reason
        return not reason

    def _pieces(self) -> Iterator[Piece]:
        """Of all files."""
        lent: list[tuple[str, Files]] = [(MODELS, self._loan.models)]
        lent += [(DATASET, self._loan.dataset)] if self._shared is None else []
        for folder, files in lent:
            for name in files.names:
                with open(files.folder / name, "rb") as file:
                    start = 0
                    while data := file.read(PIECE_BYTES):
                        yield Piece(f"{folder}/{name}", start, data)
                        start += len(data)
