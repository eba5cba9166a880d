"""Ids of all rows of a table, and ids that are asked for; each by way of circuits/statements/ids.py."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, cast

from ...circuits.statements.ids import MAX_ID_LENGTH, escaped, identify, looks
from ...errors import DataError

SHOWN_IDS = 50
MOST_PLAIN = 1 << 64  # integers below it have few digits
SEVERAL_REMEDY = 'where one person may have several rows, say rows_per_id="many" (--several-rows-per-id)'


def list_of(values: Any, what: str) -> list[Any]:
    """The items of a list, tuple, set, one-dimensional array or column; DataError for one text and for tables.

    A text would be read letter by letter, and a frame column name by column name.
    """
    kind = type(values).__name__
    if isinstance(values, (str, bytes, bytearray)):
        raise DataError(f"{what}: one {kind}, where a list is needed", expected="a list", found=kind)
    if isinstance(values, Mapping) or hasattr(values, "columns") or not isinstance(values, Iterable):
        raise DataError(f"{what}: a {kind} is not a list", expected="a list", found=kind)
    if hasattr(values, "dtype") and hasattr(values, "ndim") and values.ndim != 1:
        raise DataError(f"{what}: expected one dimension, found {values.ndim}", expected=1, found=values.ndim)
    return list(values.to_pylist() if hasattr(values, "to_pylist") else values)  # of pyarrow


def row_ids(
    values: Any, column: str | None = None, lines: Sequence[int] | None = None, *, several: bool = False
) -> tuple[str, ...]:
    """The text of each row's id.

    Args:
        values: N texts or integers.
        column: the name of their column, for messages.
        lines: of the file in which the rows begin, for messages.
        several: whether one id may have several rows.

    Raises:
        DataError: no list; an id that is none, naming its row; or two rows of one id, naming both.
    """
    if isinstance(values, Set):
        raise DataError(f"ids: a {type(values).__name__} has no order; use a list, one id for each row")
    listed = list_of(values, "ids")
    names = _plain(listed) or []
    for row, value in enumerate(listed[len(names) :], start=len(names)):
        try:
            names.append(identify(value))
        except DataError as error:
            raise error.at(row=row, column=column) from None
    if not several and len(set(names)) < len(names):
        raise _repeated(names, listed, lines).at(column=column)
    return tuple(names)


def _plain(values: Sequence[object]) -> list[str] | None:
    """What `identify` makes of each, where all are such that nothing can be wrong: as most are, of millions at once."""
    kinds = {*map(type, values)}
    if kinds == {int}:
        numbers = cast("Sequence[int]", values)
        return list(map(str, numbers)) if max(map(abs, numbers)) < MOST_PLAIN else None
    if kinds != {str}:
        return None
    texts = cast("Sequence[str]", values)
    joined, lengths = "".join(texts), {*map(len, texts)}
    if " " in joined or not (joined.isascii() and joined.isprintable()):
        return None
    return list(texts) if min(lengths) > 0 and max(lengths) <= MAX_ID_LENGTH else None


def _repeated(names: Sequence[str], values: Sequence[object], lines: Sequence[int] | None) -> DataError:
    seen: dict[str, int] = {}
    for row, name in enumerate(names):
        if name in seen:
            break
        seen[name] = row
    first = seen[name]
    place = f"row {first + 1}" if lines is None else f"line {lines[first]}"
    reason = f"id {escaped(name)} is also that of {place}"
    if values[row] != values[first]:
        reason += f": {values[first]!a} and {values[row]!a} are one text"
    return DataError(f"{reason}; {SEVERAL_REMEDY}", row=row, found=name)


def incomplete_ids(values: Sequence[object], kept: Sequence[str]) -> tuple[str, ...]:
    """The ids of rows that were left out, but for those that other rows have, and for what is no id."""
    if not values:
        return ()
    found: dict[str, None] = {}
    for value in values:
        try:
            found[identify(value)] = None
        except DataError:  # so nobody can ask for it
            continue
    there = set(kept)
    return tuple(name for name in found if name not in there)


def row_numbers(rows: int, after: int = 0) -> tuple[str, ...]:
    """Ids of rows that have none, and come after so many others."""
    return tuple(str(row + 1) for row in range(after, after + rows))


def index_ids(X: Any, y: Any, rows: int, *, several: bool = False, after: int = 0) -> tuple[str, ...]:
    """Ids of rows that were given none: the index of the frame, if it has one of its own; else row numbers from 1.

    Args:
        after: how many rows there are before these, from where numbers go on.

    Raises:
        DataError: an index that cannot name rows.
    """
    index = next((part.index for part in (X, y) if hasattr(part, "iloc")), None)
    if index is None or (index.name is None and _is_default(index, rows)):
        return row_numbers(rows, after)
    try:
        return row_ids(index, several=several)
    except DataError as error:
        reason = f"the index names no rows, {error}; give ids=, or number the rows afresh by reset_index(drop=True)"
        raise DataError(reason, row=error.row, found=error.found) from None


def _is_default(index: Any, rows: int) -> bool:
    return getattr(index, "nlevels", 1) == 1 and list(index) == list(range(rows))


def check_aligned(**parts: Any) -> None:
    """Refuse frames and columns that are not in the order of the first one. Raises DataError."""
    indexed = {name: part.index for name, part in parts.items() if hasattr(part, "iloc")}
    first = next(iter(indexed), "")
    for name, index in indexed.items():
        if len(index) != len(indexed[first]) or index.equals(indexed[first]):
            continue  # another length is refused elsewhere
        if set(index) == set(indexed[first]):
            reason = f"{first} and {name} have the same index in another order; sort one of them by the other's"
        else:
            reason = f"{first} and {name} have different indexes; if they are row by row the same, use .to_numpy()"
        raise DataError(reason)


def wanted_ids(values: Any, what: str = "forget") -> list[str]:
    """The texts of ids that are asked for. Raises DataError for what is no list, no id, or named twice."""
    names: dict[str, None] = {}
    for place, value in enumerate(list_of(values, what), start=1):
        try:
            name = identify(value)
        except DataError as error:
            raise DataError(f"{what}: entry {place}: {error.reason}", found=error.found) from None
        if name in names:
            raise DataError(f"id {escaped(name)} is named twice", found=name)
        names[name] = None
    return list(names)


@dataclass(frozen=True, repr=False)  # ids stay out of logs
class Listed:
    """A list of ids as somebody wrote it, each id once, in its order.

    Attributes:
        names: texts of ids.
        repeated: those of them that are in it more than once.
        respelled: those of them that are in it in another form (Unicode's, or with white space at its ends), as they
            are written, by their texts.
        unusable: texts that no row can have as its id.
    """

    names: tuple[str, ...]
    repeated: tuple[str, ...]
    respelled: Mapping[str, str]
    unusable: tuple[str, ...]


def listed_ids(values: Any, what: str = "forget") -> Listed:
    """Ids that are asked for, where what is no id must not hide the others.

    Raises DataError for what is no list, and an entry that is empty, or neither text nor integer.

    Args:
        values: texts or integers.
        what: they are, for messages.
    """
    counts: Counter[str] = Counter()
    respelled, unusable = {}, dict[str, None]()
    for place, value in enumerate(list_of(values, what), start=1):
        try:
            name = identify(value)
        except DataError as error:
            if isinstance(value, str) and value.strip() and _is_unicode(value):
                unusable[str(value)] = None
                continue
            raise DataError(f"{what}: entry {place}: {error.reason}", found=error.found) from None
        counts[name] += 1
        if isinstance(value, str) and value != name:
            respelled[name] = str(value)
    repeated = tuple(name for name, count in counts.items() if count > 1)
    return Listed(tuple(counts), repeated, respelled, tuple(unusable))


def _is_unicode(text: str) -> bool:
    """Whether a text can be written in UTF-8."""
    return not any("\ud800" <= c <= "\udfff" for c in text)


def hints(unknown: Sequence[str], known: Iterable[str], left_out: Collection[str] = ()) -> dict[str, str]:
    """What each text that is no id of a data set may have been meant for, in words; "" where that is nothing.

    left_out: those of the texts that are an id that was left out, in another form.
    """
    looked = {looks(name): "" for name in unknown}
    formed: dict[str, str] = {_form(name): "" for name in unknown}
    for name in known:
        if (look := looks(name)) in looked:
            looked[look] = name
            if (form := _form(name)) in formed:
                formed[form] = name
    found = {}
    for name in unknown:
        alike, near = formed[_form(name)], looked[looks(name)]
        found[name] = f"only the form differs from {alike!a}: capitals"
        if not alike:
            found[name] = f"the data set has {near!a}, which looks like {name!a}"
        if not (alike or near):
            found[name] = "only the form differs from an id that was left out" if name in left_out else ""
    return found


def _form(text: str) -> str:
    """The text but for what is form: capitals, and how its accents are written."""
    return unicodedata.normalize("NFC", text.casefold())


def unknown_ids(unknown: Sequence[str], known: Iterable[str], left_out: Collection[str] = ()) -> DataError:
    """Names those that are not in the data set, up to fifty, and what they may have been meant for; see `hints`."""
    near = hints(unknown[:SHOWN_IDS], known, left_out)
    texts = [escaped(name) + (f" ({near[name]})" if near[name] else "") for name in unknown[:SHOWN_IDS]]
    listed = ", ".join(texts) + (", ..." if len(unknown) > SHOWN_IDS else "")
    if len(unknown) == 1:
        return DataError(f"id {listed} is not in the data set", found=tuple(unknown))
    return DataError(f"{len(unknown):,} ids are not in the data set: {listed}", found=tuple(unknown))
