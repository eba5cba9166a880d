"""Cells of tables: how people write numbers, and that there is no value."""

from __future__ import annotations

from ...formats.files import SHOWN_TEXT

# As tools spell it; a class may well be called "none".
WORDS = frozenset({"#N/A", "#NA", "<NA>", "N/A", "NA", "NULL", "NaN", "NaT", "None", "n/a", "nan", "null"})
SAYS_SO = "says that a value is missing"
MISSING_KINDS = ("NAType", "NaTType", "MaskedConstant")  # of pandas and numpy


def is_gap(text: str) -> bool:
    """Whether a cell of a text file has no value."""
    stripped = text.strip()
    return not stripped or stripped in WORDS


def gap_text(text: str) -> str:
    """What is wrong with such a cell."""
    return f"{text.strip()[:SHOWN_TEXT]!r} {SAYS_SO}" if text.strip() else "the cell is empty"


def is_missing(value: object) -> bool:
    """Whether a cell that is no text is empty, whoever's way of saying so it is."""
    return value is None or type(value).__name__ in MISSING_KINDS or (isinstance(value, float) and value != value)


def is_gap_of(value: object) -> bool:
    """Whether a cell of any kind of table has no value."""
    return is_gap(value) if isinstance(value, str) else is_missing(value)


def number(text: str) -> float | None:
    """A real number as people write it; None for anything else, underscores (which float takes) included."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None
