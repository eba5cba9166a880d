"""The openings of a commitment: how many it has, and how many are spent.

A commitment's random tails hide a fixed number of proofs; one more would begin to reveal what is committed. So each
proof is counted before anything is opened, and stays counted if it fails. Where the commitment is stored, the count on
disk rules, under a lock, whoever else counts there. One that is not stored is counted by this object alone, which
therefore can neither be copied nor count in a process that was forked from its own.
"""

from __future__ import annotations

import operator
import os
import threading
from pathlib import Path
from typing import Any, NoReturn, Protocol

from ...circuits.statements.dataset import MAX_OPENINGS
from ...errors import BudgetExceeded, DataError, ParameterError
from .locks import locked


class Count(Protocol):
    """Where on disk a budget is counted."""

    @property
    def place(self) -> Path:
        """The file or folder, for messages."""

    @property
    def folder(self) -> Path:
        """The folder whose lock is held."""

    def read(self) -> int | None:
        """Openings spent; None if the commitment is not there (any more)."""

    def write(self, spent: int) -> None:
        """Replace the count, durably."""


class Counted:
    """What spends openings: an object of which there is one, so that a copy does not count for itself."""

    def _refuse_copy(self, *_: object) -> NoReturn:
        raise ParameterError(
            f"a {type(self).__name__} cannot be copied: each copy would count openings for itself; save it, and load "
            "it where it is needed"
        )

    __copy__ = __deepcopy__ = __reduce__ = __reduce_ex__ = _refuse_copy


class Budget(Counted):
    """How many openings a commitment has, and has left.

    Args:
        of: what is committed, for messages.
        declared: how many openings the commitment hides.
        spent: those that are used.
        exhausted: what it means that all are used, and what to do then.
        stored: where they are counted; None for a commitment that is in memory only.
    """

    def __init__(self, of: str, declared: int, spent: int, exhausted: str, stored: Count | None = None) -> None:
        self.declared = declared
        self._of, self._exhausted = of, exhausted
        self._spent, self._stored = spent, stored
        self._process, self._guard = os.getpid(), threading.Lock()

    @property
    def spent(self) -> int:
        """Openings used, as last counted here."""
        return self._spent

    @property
    def left(self) -> int:
        """Openings left, as last counted here."""
        return self.declared - self._spent

    def require_opening(self, count: int = 1) -> None:
        """Look, before any work, whether there are so many openings to spend.

        Raises:
            BudgetExceeded: there are not, or this process must not spend them.
            DataError: the stored commitment is not there any more.
        """
        self._next(self._spent if self._stored is None else self._read(self._stored), count)
        if self._stored is None:
            self._require_process()

    def spend(self, count: int = 1) -> None:
        """Count more openings, on disk before anything is opened; all or none. Raises what `require_opening` does."""
        if self._stored is None:
            self._require_process()
            with self._guard:
                self._spent = self._next(self._spent, count)
            return
        with locked(self._stored.folder):
            self._spent = self._next(self._read(self._stored), count)
            self._stored.write(self._spent)

    def require_spent(self, least: int, evidence: str) -> None:
        """No fewer than this are counted. Raises BudgetExceeded, which names the evidence for it, if they are."""
        if self._stored is not None:
            self._spent = self._read(self._stored)
        if self._spent < least:
            raise BudgetExceeded(
                f"{evidence}: {least} openings of this {self._of} were spent, but only {self._spent} are counted; a "
                "restored backup does not know what was spent since. Recommit first, or commit the data anew"
            )

    def raise_to(self, least: int) -> None:
        """Count at least so many as spent, up to all."""
        wanted = min(least, self.declared)
        if self._stored is None:
            self._spent = max(self._spent, wanted)
            return
        with locked(self._stored.folder):
            counted = self._read(self._stored)
            if counted < wanted:
                self._stored.write(wanted)
            self._spent = max(counted, wanted)

    def to_store(self, count: Count) -> int:
        """The count to write where the commitment is about to be stored.

        Raises:
            BudgetExceeded: this is not the process that counts.
            DataError: it is stored elsewhere, where it would go on counting for itself.
        """
        if self._stored is None:
            self._require_process()
        elif self._stored.place.resolve() != count.place.resolve() and self._stored.read() is not None:
            raise DataError(
                f"{count.place}: the {self._of} is in {self._stored.place} already, and a second copy would count "
                "openings for itself; move that one instead"
            )
        return max(self._spent, count.read() or 0)

    def store(self, count: Count, spent: int) -> None:
        """From now on it is counted there."""
        self._stored, self._spent = count, spent

    def _read(self, stored: Count) -> int:
        spent = stored.read()
        if spent is None:  # writing our count there would spoil what has taken its place
            raise DataError(f"{stored.place}: the {self._of} was replaced or removed in the meantime")
        return max(spent, self._spent)

    def _next(self, spent: int, count: int) -> int:
        if spent >= self.declared:
            raise BudgetExceeded(
                f"all {self.declared} openings of this {self._of} commitment are spent: {self._exhausted}"
            )
        if spent + count > self.declared:
            raise BudgetExceeded(
                f"{self.declared - spent} of {self.declared} openings of this {self._of} commitment are left, and "
                f"{count} groups of shards take one each: make fewer groups"
            )
        return spent + count

    def _require_process(self) -> None:
        if os.getpid() != self._process:
            raise BudgetExceeded(
                f"the openings of this {self._of} are counted in the process that made it, and this is another one; "
                "save it, and load it where it is needed"
            )


def require_openings(openings: Any, least: int = 1) -> int:
    """A number of openings that a commitment can have, as `int`. Raises ParameterError."""
    try:
        number = -1 if isinstance(openings, bool) else operator.index(openings)
    except TypeError:
        number = -1
    if not least <= number <= MAX_OPENINGS:
        raise ParameterError(f"openings = {openings!r}: must be an integer from {least} to {MAX_OPENINGS}")
    return number
