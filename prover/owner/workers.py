"""Other processes that prove for the owner, as the pipeline sees them; prover/workers/ has the kinds there are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager

from ... import errors
from ...errors import WorkerError, ZkUnlearnError
from ...shown import Shown
from ..protocol.proof import Progress
from .lent import Failed, Loan, Task
from .work import Done

ATTEMPTS = 3  # workers that a task may end, before it is given up


class Ready(ABC):
    """Workers that were found, and that may be lent secrets."""

    @property
    @abstractmethod
    def count(self) -> int:
        """How many."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the owner should know of them."""
        return ()

    def check(self, loan: Loan) -> None:
        """Whether they can read what is not sent to them. Raises ParameterError, WorkerError."""
        return None

    @abstractmethod
    def run(self, loan: Loan, tasks: Sequence[Task], progress: Progress | None) -> list[Done]:
        """Have all tasks done, and return what came of each, in their order: one result, whoever did it.

        A task is given to another worker if one ends; what is lent is nowhere any more afterwards.

        Raises:
            WorkerError: no worker is left, or a task ended several of them.
            ZkUnlearnError: what a task could not be done for.
        """


class Workers(Shown, ABC):
    """Where groups of shards are proved."""

    @abstractmethod
    def ready(self) -> AbstractContextManager[Ready]:
        """Find the workers, for as long as the context lasts. Nothing secret is sent before `run`.

        Raises:
            WorkerError: there are none, or one of them cannot be used.
        """


class Results:
    """One result of each task; what comes a second time is dropped unread.

    Two runs of a task open a commitment twice, but were counted once: only what is returned here may be published.
    """

    def __init__(self, tasks: int) -> None:
        self._found: list[Done | None] = [None] * tasks

    @property
    def missing(self) -> list[int]:
        """Tasks without a result."""
        return [number for number, found in enumerate(self._found) if found is None]

    def keep(self, number: int, found: Done | Failed) -> None:
        """Keep the first result. Raises what the task could not be done for."""
        if isinstance(found, Failed):
            kind = getattr(errors, found.kind, ZkUnlearnError)
            raise kind(f"group {number + 1}: {found.message}")
        if self._found[number] is None:
            self._found[number] = found

    def all(self) -> list[Done]:
        """Of all tasks, in their order. Raises WorkerError if one has none."""
        found = [own for own in self._found if own is not None]
        if len(found) < len(self._found):
            raise WorkerError(f"group {self.missing[0] + 1} was not proved")
        return found
