"""Of how many inputs scores or probabilities of a model were proved: each of them is an equation in the model.

Counted as openings are (budget.py): before anything is proved, on disk where the model is stored, by this object alone
where it is not. Refused beyond as many as an output has weights, unless the owner says that the model may be known.
"""

from __future__ import annotations

import threading

from ...errors import BudgetExceeded, DataError
from .budget import Count, Counted
from .locks import locked


class Revealed(Counted):
    """The count of one model.

    Args:
        count: of inputs.
        stored: where they are counted; None for a model that is in memory only.
    """

    def __init__(self, count: int = 0, stored: Count | None = None) -> None:
        self._count, self._stored = count, stored
        self._guard = threading.Lock()

    @property
    def count(self) -> int:
        """Inputs, as last counted here."""
        return self._count

    def require(self, inputs: int, most: int | None) -> None:
        """Look, before any work, whether so many more can be given away. Raises what `add` does."""
        self._next(self._known(), inputs, most)

    def add(self, inputs: int, most: int | None) -> int:
        """Count more inputs; how many they are then.

        Args:
            most: how many they may be then; None for any number.

        Raises:
            BudgetExceeded: they would be more.
            DataError: the stored model is not there any more.
        """
        if self._stored is None:
            with self._guard:
                self._count = self._next(self._count, inputs, most)
            return self._count
        with locked(self._stored.folder):
            self._count = self._next(self._known(), inputs, most)
            self._stored.write(self._count)
        return self._count

    def to_store(self, count: Count) -> int:
        """The count to write where the model is about to be stored."""
        return max(self._known(), count.read() or 0)

    def store(self, count: Count, inputs: int) -> None:
        """From now on it is counted there."""
        self._stored, self._count = count, inputs

    def _known(self) -> int:
        if self._stored is None:
            return self._count
        found = self._stored.read()
        if found is None:
            raise DataError(f"{self._stored.place}: the model was replaced or removed in the meantime")
        return max(found, self._count)

    def _next(self, count: int, inputs: int, most: int | None) -> int:
        if inputs and most is not None and count + inputs > most:
            raise BudgetExceeded(
                f"scores or probabilities of {count} inputs were proved of this model, and with {inputs} more whoever "
                f"has them all can compute its {most} weights; prove classes, or fewer inputs, or say that the model "
                "may be known"
            )
        return count + inputs
