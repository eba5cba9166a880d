"""What became of a list of ids, in words: who was never in, who is not known, and what the list has twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .output import Lines, foreign

if TYPE_CHECKING:
    from ..prover.owner.asked import Asked
    from ..prover.owner.dataset import Dataset

SHOWN_IDS, SHOWN_SKIPPED = 20, 50


def asked_lines(asked: Asked) -> Lines:
    """Whatever is not just found."""
    from ..prover.owner.asked import NEVER_IN, NOBODY_HAS_A_ROW

    skipped = [foreign(name) + (f" ({hint})" if hint else "") for name, hint in asked.skipped.items()]
    respelled = [f"{foreign(text)} is {foreign(name)}" for name, text in asked.respelled.items()]
    return [
        *([("found", NOBODY_HAS_A_ROW)] if asked.finds_nobody else []),
        *_line("never in", asked.never_in, f" {NEVER_IN}:", list(map(foreign, asked.never_in))),
        *_line("SKIPPED", asked.skipped, " not in the data set:", skipped, SHOWN_SKIPPED),
        *_line("repeated", asked.repeated, " more than once in the list:", list(map(foreign, asked.repeated))),
        *_line("spelled", asked.respelled, " in another form:", respelled),
    ]


def _line(name: str, found: Any, what: str, texts: Sequence[str], most: int = SHOWN_IDS) -> Lines:
    if not found:
        return []
    more = f" and {len(texts) - most:,} more (--json has all)" if len(texts) > most else ""
    return [(name, f"{_ids(len(texts))}{what} {', '.join(texts[:most])}{more}")]


def asked_data(asked: Asked) -> dict[str, Any]:
    """The same for JSON."""
    return {
        "found": len(asked.found),
        "never_in": list(asked.never_in),
        "skipped": [{"id": name, "hint": hint or None} for name, hint in asked.skipped.items()],
        "repeated": list(asked.repeated),
        "respelled": [{"id": name, "as": text} for name, text in asked.respelled.items()],
    }


def left_out_count(dataset: Dataset) -> int:
    """Of how many people it is known that they have no row."""
    return 0 if dataset.left_out is None else len(dataset.left_out)


def left_out_lines(dataset: Dataset) -> Lines:
    """The same in words, if there are any."""
    count = left_out_count(dataset)
    return [("left out", f"{_ids(count)}, of which salted digests are kept; SECRET")] if count else []


def _ids(count: int) -> str:
    return f"{count:,} id" + ("" if count == 1 else "s")
