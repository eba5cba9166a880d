"""Columns that cannot be features as they are: all of them are named at once, each with what can be done about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ...errors import DataError
from ...formats.files import SHOWN_TEXT
from .survey import Seen

SHOWN_COLUMNS, SHOWN_VALUES = 12, 5
CATEGORIES, TIMES, TEXTS, UNREAD, OTHERS, MIXED = "categories", "times", "texts", "unread", "others", "mixed"


@dataclass(frozen=True, repr=False)
class Ways:
    """What can be done about columns, in words, by what is in them.

    Attributes:
        words: of each kind.
        missing: about columns in which values are missing.
        last: for all of them.
    """

    words: Mapping[str, str]
    missing: str
    last: str = ""


OF_FILES = Ways(
    {
        CATEGORIES: "categories, to be declared in a bounds file or by --categories",
        TIMES: "times, to be declared in a bounds file",
        TEXTS: "texts, which are ids (--id), or nothing to learn from (--drop)",
        UNREAD: "texts, to be declared as categories, or ids (--id), or nothing to learn from (--drop)",
        OTHERS: "nothing that a feature can be made of (--drop)",
        MIXED: "numbers with texts among them, to be put right, or declared as categories, or left out (--drop)",
    },
    "values are missing, so declare what they count as (missing = ..), or leave such rows out (--leave-out-incomplete)",
    "; suggest-bounds begins a bounds file",
)
IN_MEMORY = Ways(
    {
        CATEGORIES: 'categories, to be declared in bounds ({"categories": [..]})',
        TIMES: "times, to be declared in bounds (two dates)",
        TEXTS: "texts, which are ids, or nothing to learn from: leave them out",
        OTHERS: "neither numbers, texts nor times: leave them out",
        MIXED: "numbers with texts among them, to be put right, or declared as categories, or left out",
    },
    'values are missing, so declare what they count as ("missing": ..), or leave such rows out',
)


class Refusals:
    """What is refused of several columns, each of which is looked at before anything is raised."""

    def __init__(self) -> None:
        self._found: list[DataError] = []

    @contextmanager
    def kept(self) -> Iterator[None]:
        """An error in this context is for later."""
        try:
            yield
        except DataError as error:
            self._found.append(error)

    def say(self) -> None:
        """Raise the first one, if there is any, with the words of all others."""
        if self._found:
            first, *others = self._found
            raise with_more(first, "".join(f"; {other}" for other in others[:SHOWN_COLUMNS])) from None


def kind_of(seen: Seen) -> str | None:
    """What is in a column that cannot be a feature as it is; None for one of numbers."""
    if seen.kinds <= {"number"}:
        return None
    if "number" in seen.kinds:
        return MIXED
    if seen.kinds == {"time"} or (seen.kinds == {"text"} and seen.forms):
        return TIMES
    return CATEGORIES if seen.declarable and len(seen.texts) < sum(seen.counts.values()) else TEXTS


def looked_at(values: Iterable[object], name: str) -> str | None:
    """The same of the values of a column."""
    seen = Seen(column=name)
    try:
        for value in values:
            seen.cell(value)
    except (DataError, OverflowError):  # a value that is none of these, or no finite number
        return OTHERS
    return kind_of(seen)


def all_unfit(first: DataError, kinds: Mapping[str, str], ways: Ways | None, missing: Sequence[str] = ()) -> DataError:
    """What is wrong with the first cell or column, and which other columns are to be looked at, if there are any.

    Args:
        first: with its place; what can be done about it alone is not in it.
        kinds: what is in each column that cannot be a feature as it is, that of `first` among them.
        ways: what can be done; None where nothing can be declared any more.
        missing: columns in which values are missing.
    """
    if not kinds.keys() - {first.column}:
        return first
    if ways is None:
        told = [f"there are cells that are not numbers in {_listed(kinds)}"]
    else:
        groups = {words: [name for name, own in kinds.items() if own == kind] for kind, words in ways.words.items()}
        told = [f"{_listed(names)}: {words}" for words, names in groups.items() if names]
        told += [f"{_listed(missing)}: {ways.missing}"] if missing else []
    return with_more(first, "; ".join(["", *told]) + ("" if ways is None else ways.last))


def all_strange(first: DataError, values: Mapping[str, Sequence[str]]) -> DataError:
    """What is wrong with a first cell, of a column whose values are declared, and which others are not declared.

    Args:
        values: by column, that of `first` among them, different ones that are refused.
    """
    others = any(len(found) > (name == first.column) for name, found in values.items())
    listed = "; ".join(f"in {name!r} {_texts(found)}" for name, found in values.items())
    return with_more(first, f"; not declared are {listed}") if others else first


def with_more(error: DataError, more: str) -> DataError:
    """The same with more words."""
    return DataError(
        error.reason + more,
        file=error.file,
        line=error.line,
        row=error.row,
        column=error.column,
        expected=error.expected,
        found=error.found,
    )


def _listed(names: Iterable[str]) -> str:
    found = [repr(name) for name in names]
    return ", ".join(found[:SHOWN_COLUMNS]) + (f" and {len(found) - SHOWN_COLUMNS} more" * (len(found) > SHOWN_COLUMNS))


def _texts(values: Sequence[str]) -> str:
    shown = ", ".join(repr(value[:SHOWN_TEXT]) for value in values[:SHOWN_VALUES])
    return shown + (", .." if len(values) > SHOWN_VALUES else "")
