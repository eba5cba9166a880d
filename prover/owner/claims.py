"""An opening that is claimed: counted for a request, and the request's until what it proved is written.

Whoever is killed after an opening was counted, and comes again, takes the same one, and not another. That is one proof
for one opening: as long as there is a claim, what was proved by it has left the process only for a private folder that
the next run empties (staging.py). Before anything of it is published the claim is settled: counted as any other.
"""

from __future__ import annotations

from pathlib import Path

from ...errors import DataError
from .budget import Budget
from .dataset import EXHAUSTED, Dataset
from .locks import locked
from .opening_file import OpeningFile

SEEN = "proofs of this data set are beside it, and an opening is claimed"


class ClaimingBudget(Budget):
    """The openings of a stored data set, for one request: it takes the one that is claimed, or claims one."""

    def __init__(self, file: OpeningFile, spent: int) -> None:
        super().__init__("data set", file.declared, spent, EXHAUSTED, file)
        self._file = file

    def require_opening(self, count: int = 1) -> None:
        """See Budget."""
        if count > 1 or not self._file.claimed():
            super().require_opening(count)

    def spend(self, count: int = 1) -> None:
        """Claim an opening, unless one is claimed already; see Budget. A run of several openings claims none."""
        if count > 1:
            super().spend(count)
            return
        with locked(self._file.folder):
            if not self._file.claimed():
                self._spent = self._next(self._read(self._file), 1)
                self._file.claim(self._spent)


def claim_file(dataset: Dataset) -> OpeningFile:
    """Where openings of a stored data set are counted, and claimed. Raises DataError if it is not stored."""
    if dataset.directory is None:
        raise DataError("the data set is not stored, so that nothing can be claimed of it")
    return OpeningFile(dataset.directory, dataset.commitment.digest, dataset.statement.openings)


def claiming(dataset: Dataset, *folders: Path) -> None:
    """Let a stored data set claim the opening that it spends next.

    Args:
        folders: besides the data set's, where its proofs are.

    Raises:
        DataError: it is not stored.
        BudgetExceeded: the claim is that of a proof which is there: a backup was restored.
    """
    file = claim_file(dataset)
    budget = ClaimingBudget(file, dataset.spent)
    if file.claimed():
        budget.require_spent(dataset.openings_seen(*folders) + 1, SEEN)
    dataset.budget = budget
