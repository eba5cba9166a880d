"""What there is in each column of a table, of which nothing has been declared yet."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

from ...errors import DataError
from ...models.encoding.categories import category_text
from ...models.encoding.cells import is_gap_of, number
from ...models.encoding.readers import ColumnReader
from ...models.encoding.times import moment
from .csv_format import TRUTHS
from .raw_table import Wanted

MOST_TEXTS = 64  # different ones, of a column of categories
FOR_MEDIAN = 1 << 16  # numbers of which the middle one is looked for
NOTHING = (0.0,)
FORMS = ("%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d %H:%M", "%d.%m.%Y %H:%M", "%m/%d/%Y %H:%M")
KINDS = ("number", "time", "text")


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)  # of rows
class Seen(ColumnReader):
    """What was in the cells of a column: counts, extremes, and the different texts while they are few.

    Attributes:
        read: how texts write numbers.
        numbers_seen: the first ones.
        forms: those of times in which all texts that are no numbers were so far, with their extremes.
        texts: how cells are written, while they are few different ones.
        listed: how those are written that the column itself lists, whatever is in its cells; none if it has no list.
    """

    read: Callable[[str], float | None] = number
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys((*KINDS, "missing"), 0))
    extremes: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    numbers_seen: array[float] = field(default_factory=lambda: array("d"))
    forms: dict[str, tuple[Any, Any]] = field(
        default_factory=lambda: dict.fromkeys(FORMS, (datetime.max, datetime.min))
    )
    texts: set[str] = field(default_factory=set)
    listed: dict[str, None] = field(default_factory=dict)

    @property
    def features(self) -> tuple[str, ...]:
        """See ColumnReader."""
        return (self.column,)

    def cell(self, value: object) -> tuple[float, ...]:
        """Look at a cell. What it becomes is of no use."""
        if is_gap_of(value):
            self.counts["missing"] += 1
        elif isinstance(value, date):
            self._noted("time", moment(value))
        elif isinstance(value, str):
            self._text(value.strip())
        elif isinstance(value, (Real, Decimal, np.bool_)):
            self._number(float(value))
            self._kept(str(value))
        else:
            raise DataError(f"a {type(value).__name__} is neither number, time nor text")
        return NOTHING

    def _text(self, text: str) -> None:
        found = TRUTHS[text] if text in TRUTHS else self.read(text)
        self._kept(text)
        if found is not None:
            self._number(found)
            return
        try:
            self._noted("time", moment(datetime.fromisoformat(text)))
        except (ValueError, OverflowError):
            self.counts["text"] += 1
            self._formed(text)

    def _formed(self, text: str) -> None:
        """Keep the forms in which this is a time, too."""
        for form, (first, last) in list(self.forms.items()):
            try:
                found = datetime.strptime(text, form)
            except ValueError:
                del self.forms[form]
            else:
                self.forms[form] = min(first, found), max(last, found)

    def _number(self, found: float) -> None:
        if not math.isfinite(found):
            raise DataError(f"{found} is not a finite number")
        if len(self.numbers_seen) < FOR_MEDIAN:
            self.numbers_seen.append(found)
        self._noted("number", found)

    def _kept(self, text: str) -> None:
        if len(self.texts) <= MOST_TEXTS:
            self.texts.add(text)

    def _noted(self, kind: str, value: Any) -> None:
        low, high = self.extremes.get(kind, (value, value))
        self.counts[kind] += 1
        self.extremes[kind] = min(low, value), max(high, value)

    @property
    def kinds(self) -> set[str]:
        """Of cells that have a value."""
        return {kind for kind in KINDS if self.counts[kind]}

    def lists(self, values: Any, known: bool) -> None:
        """Note the values of such a list of pyarrow's, while they are few: texts, integers or truths.

        known: whether the list is in the file, and its order means something; else these are some of its values.
        """
        found = [value for value in values[: MOST_TEXTS + 1].to_pylist() if not is_gap_of(value)]
        if all(isinstance(value, (str, int)) for value in found):  # floats and times are what they are
            self.listed.update(dict.fromkeys(map(category_text, found if known else sorted(found))))

    @property
    def categories(self) -> list[str]:
        """What a column of categories has: its own list, or in order the texts in its cells."""
        return [*self.listed] or sorted(self.texts)

    @property
    def declarable(self) -> bool:
        """Whether it can be a feature, or several."""
        if not self.listed and (self.kinds in ({"number"}, {"time"}) or (self.kinds == {"text"} and self.forms)):
            return True
        count = len(self.categories)
        return bool(self.kinds) and 2 <= count + bool(self.counts["missing"]) and count <= MOST_TEXTS


@dataclass(frozen=True)
class Survey(Wanted):
    """What is read of a file to look at it: all columns that can become features, whatever is in them.

    Attributes:
        read: how texts write numbers.
        seen: by column, once the file was read.
    """

    read: Callable[[str], float | None] = number
    seen: dict[str, Seen] = field(default_factory=dict, repr=False)

    def lists(self, column: str, values: Any, known: bool) -> None:
        """See Wanted."""
        self.seen[column].lists(values, known)

    def sourced(self, columns: Sequence[str]) -> list[ColumnReader | None]:
        """Each has one."""
        for name in columns:
            self.seen.setdefault(name, Seen(column=name, read=self.read))
        return [self.seen[name] for name in columns]
