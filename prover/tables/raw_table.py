"""A table as the owner has it, and what every kind of file has to fulfil."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...circuits.statements.dataset import MAX_CELLS_BITS
from ...errors import DataError, InputError
from ...formats.files import SHOWN_TEXT
from ...formats.toml import toml_value
from ...models.encoding.cells import gap_text, is_gap, is_gap_of, number
from ...models.encoding.columns import MAX_NAME_LENGTH
from ...models.encoding.intervals import require_bounds
from ...models.encoding.labels import require_possible_classes
from ...models.encoding.readers import ColumnReader, Source
from ...models.encoding.sources import by_column, features_of
from ..kernels.storage import held, memory
from .gaps import OF_FILES, Remedy
from .keys import RowKeys, row_keys

SHOWN_COLUMNS = 12  # how many column names a message lists
PIECE_ROWS = 1 << 12  # that are read and turned into numbers at a time
MAX_TEXT = 1 << 12  # characters of an id or class
DECLARE = "; declare its column in a bounds file, which suggest-bounds begins, or leave it out (--drop)"
DECLARE_CATEGORIES = (
    "; declare which there are, in a bounds file: {} = {{categories = [..]}}, which suggest-bounds writes from the "
    "column's own list; or leave it out (--drop)"
)
LEAST_REAL = 3  # of fewer different labels the kind is binary
OBJECT_BYTES = 64  # that a label or an id takes at least, as an object in a list

Labels = NDArray[np.float64] | NDArray[np.str_]
Located = TypeVar("Located", bound=InputError)


@dataclass(frozen=True, repr=False)  # secrets stay out of logs
class RawTable:
    """A table as the owner has it, before any encoding.

    Attributes:
        X: features (N, d), finite real numbers; where they are many, in a file.
        y: labels (N,): finite float64 where all of them are numbers, else texts of classes; None if no label was
            asked for.
        ids: N texts, distinct unless one id may have several rows; "1" to "N" if the table has none.
        names: d feature names, in column order.
        target: name of the label column, if one was asked for.
        source: the file it came from.
        lines: the line of the file that each row begins on; None where rows are not lines.
        unused: names of columns that were not asked for.
        keys: of rows, which are all different; None if no column was to be unique.
        incomplete: ids of which all rows were left out, as in each of them a value was missing.
        rows_left_out: how many rows were.
        labels_listed: whether the file itself lists which labels there are: they are classes then, also of numbers.
    """

    X: NDArray[Any]
    y: Labels | None
    ids: tuple[str, ...]
    names: tuple[str, ...]
    target: str | None
    source: str
    lines: Sequence[int] | None = None
    unused: tuple[str, ...] = ()
    keys: RowKeys | None = None
    incomplete: tuple[str, ...] = ()
    rows_left_out: int = 0
    labels_listed: bool = False

    @property
    def label_kind(self) -> str | None:
        """What labels are that the file itself lists; None where they, or their number, say it."""
        several = self.y is not None and len(np.unique(self.y)) >= LEAST_REAL
        return "categorical" if self.labels_listed and several else None

    @property
    def bounded_labels(self) -> tuple[str, NDArray[np.float64]] | None:
        """Name and values of labels that need bounds: numbers, more than two different ones."""
        if self.target is None or self.y is None or self.y.dtype.kind != "f" or self.labels_listed:
            return None
        if len(np.unique(self.y)) < LEAST_REAL:
            return None
        return self.target, self.y.astype(np.float64)

    def locate(self, error: Located) -> Located:
        """An error about a row of this table, with file and line."""
        line = None if self.lines is None or error.row is None else self.lines[error.row]
        return error.at(file=self.source, line=line)


def check_names(names: Sequence[str]) -> None:
    """Refuse a column without a name, and two of one name."""
    seen: dict[str, int] = {}
    for place, name in enumerate(names, start=1):
        if not name.strip():
            raise DataError(f"column {place} has no name")
        if name in seen:
            raise DataError(f"columns {seen[name]} and {place} are both named {name!r}")
        seen[name] = place


def find(name: str, names: Sequence[str], what: str = "column") -> int:
    """Where a name is; if it is nowhere, the message has the names that are near."""
    find_all([name], names, what)
    return names.index(name)


def find_all(wanted: Sequence[str], names: Sequence[str], what: str = "column") -> None:
    """Refuse names that are nowhere: all of them, with those that are near. Raises DataError."""
    unknown = [name for name in dict.fromkeys(wanted) if name not in names]
    if not unknown:
        return
    folded = {other.strip().casefold(): other for other in names}
    hints = [difflib.get_close_matches(name.strip().casefold(), folded, n=3) for name in unknown]
    near = [" or ".join(repr(folded[other]) for other in found) for found in hints]
    others = f"{what}s are {', '.join(map(repr, names[:SHOWN_COLUMNS]))}{', ...' * (len(names) > SHOWN_COLUMNS)}"
    if len(unknown) == 1:
        hint = f"did you mean {near[0]}?" if near[0] else others
        raise DataError(f"there is no {what} {unknown[0]!r}; {hint}", expected=unknown[0])
    shown = zip(unknown[:SHOWN_COLUMNS], near, strict=False)
    told = ", ".join(f"{name!r} (did you mean {found}?)" if found else repr(name) for name, found in shown)
    more = len(unknown) - SHOWN_COLUMNS
    told += f" and {more} more" if more > 0 else ""
    raise DataError(f"there are no {what}s {told}" + ("" if all(near) else f"; {others}"), expected=unknown[0])


@dataclass(frozen=True)
class Wanted:
    """What is read of a file.

    Attributes:
        target: name of the label column; None where no labels are needed.
        id_column: name of the column of row ids; None numbers rows from 1.
        several: whether one id may have several rows.
        features: names of the columns that become features, in the order of the result; None for all columns that are
            neither target nor ids nor unique, in the file's order.
        unique: names of the columns by which no two rows are equal; the ids' may be among them.
        left_out: names of columns that are not read; where `features` are named, whatever else is there is not.
        sources: of columns that are no plain numbers.
        whole: whether a row in which a value is missing is refused; otherwise it is left out.
        numbers: names of columns that are declared as numbers, whatever their type in a file is.
        gaps: what can be done where a value is missing.
        classes: texts of labels that are these, even if such a text elsewhere says that a value is missing.
        bounded: names of the features, and maybe of the label, that bounds are declared of; None where none are.
        known: whether these are the columns of a data set that is there, of which nothing can be declared any more.
    """

    target: str | None
    id_column: str | None = None
    several: bool = False
    features: tuple[str, ...] | None = None
    unique: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    whole: bool = True
    numbers: Collection[str] = ()
    gaps: Remedy = OF_FILES
    known: bool = False
    classes: Collection[str] = ()
    bounded: Collection[str] | None = None

    @property
    def others(self) -> list[str]:
        """Names of the columns that are no features."""
        return [name for name in dict.fromkeys((self.target, self.id_column, *self.unique)) if name is not None]

    @property
    def remedy(self) -> str:
        """What can be done where a cell of a feature is no number."""
        return "" if self.known else DECLARE

    def categories_remedy(self, name: str) -> str:
        """What can be done where a column that is to be numbers has categories."""
        return DECLARE_CATEGORIES.format(toml_value(name))

    def lacks_label(self, value: object) -> bool:
        """Whether a label is missing."""
        return is_gap_of(value) and not (isinstance(value, str) and value.strip() in self.classes)

    def keys_of(self, values: Mapping[str, Any], lines: Sequence[int] | None = None) -> RowKeys | None:
        """The keys of rows, from the values of columns; None if no column is to be unique. Raises DataError."""
        return row_keys({name: values[name] for name in self.unique}, lines) if self.unique else None

    def features_of(self, names: Sequence[str]) -> list[str]:
        """Those of a file with columns of these names, all of which have to be there. Raises DataError."""
        check_names(names)
        find_all((*self.others, *(self.features or ()), *self.left_out), names)
        for name in self.others:
            if name in (self.features or ()):
                raise DataError(f"column {name!r} is a feature; it cannot be the target or the ids, or unique, too")
        for name in self.left_out:
            if name in (*self.others, *(self.features or ())):
                raise DataError(f"column {name!r} is needed; it cannot be left out")
        if self.features is not None:
            return list(self.features)
        features = [name for name in names if name not in (*self.others, *self.left_out)]
        if not features:
            raise DataError("no feature column is left beside target, ids and unique columns")
        return features

    def require_bounds(self, features: Sequence[str]) -> None:
        """Refuse features without bounds, and bounds of none, before all rows are read. Raises ParameterError."""
        if self.bounded is not None:
            label = [self.target] if self.target is not None and self.target in self.bounded else []
            require_bounds((*features, *label), self.bounded, self.target or "")

    def sourced(self, columns: Sequence[str]) -> list[ColumnReader | None]:
        """The source of each of these columns, if it has one."""
        known = by_column(self.sources)
        return [known.get(name) for name in columns]

    def lists(self, column: str, values: Any, known: bool) -> None:
        """Be told which values a column lists, of a file that has such lists: of use to who looks at a table."""

    def unused_of(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those of its columns that are not read."""
        used = {*self.others, *(self.features_of(names) if self.features is None else self.features)}
        return tuple(name for name in names if name not in used)


def require_room(rows: int, features: int, numbers: int, others: int) -> None:
    """Refuse a table that is too large, before it is unpacked: a small file can say that it is any size.

    Args:
        rows, features: of the table, as its file says.
        numbers: bytes of the features once they are read, and of what reading them takes.
        others: how many columns of labels and ids there are, which are held as objects.

    Raises:
        DataError: it has more numbers than can be committed, or does not fit into memory.
    """
    cells, most = rows * features, 1 << MAX_CELLS_BITS
    if cells > most:
        reason = f"{rows:,} rows of {features:,} features are {cells:,} numbers, at most {most:,} can be committed"
        raise DataError(reason, expected=most, found=cells)
    needed, limit = numbers + rows * others * OBJECT_BYTES, memory()
    if needed > limit:
        more = "; under a memory limit, features are in files" if held(numbers) else ""
        reason = f"it takes {needed:,} bytes of memory when it is unpacked, at most {limit:,} may be held{more}"
        raise DataError(reason, expected=limit, found=needed)


def bad_cell(text: str, what: str, read: Callable[[str], float | None] = number) -> str:
    """What is wrong with a cell that should be `what`."""
    if is_gap(text):
        return gap_text(text)
    if read(text) is not None:
        return f"{text[:SHOWN_TEXT]!r} is not a finite number"
    return f"{text[:SHOWN_TEXT]!r} is not {what}"


def labels_of(
    texts: Sequence[str],
    target: str,
    read: Callable[[str], float | None] = number,
    classes: Collection[str] = (),
) -> Labels:
    """Numbers if all labels are, else texts of classes.

    Args:
        read: how a number is written.
        classes: texts that are classes, whatever else they say.
    """
    numbers = {text: read(text) for text in dict.fromkeys(texts)}  # each different one is looked at once
    for text, value in numbers.items():
        unusable = "\0" in text or (value is not None and not math.isfinite(value))  # numpy drops zeros at the end
        if text.strip() not in classes and (unusable or is_gap(text)):
            raise DataError(bad_cell(text, "a label", read), row=texts.index(text), column=target, found=text)
    if None not in numbers.values():
        return np.array([numbers[text] for text in texts], dtype=np.float64)
    longest = max(range(len(texts)), key=lambda row: len(texts[row]))
    if len(texts[longest]) > MAX_NAME_LENGTH:  # numpy would make all of them as long
        reason = f"a class of {len(texts[longest]):,} characters, at most {MAX_NAME_LENGTH} are possible"
        raise DataError(reason, row=longest, column=target, expected=MAX_NAME_LENGTH, found=len(texts[longest]))
    _require_told_apart(texts, target)
    require_possible_classes(texts, target)
    return np.array(texts, dtype=np.str_)


def _require_told_apart(texts: Sequence[str], target: str) -> None:
    """Refuse classes that differ by spaces at their ends only, which nobody sees."""
    seen: dict[str, str] = {}
    for row, text in enumerate(texts):
        other = seen.setdefault(text.strip(), text)
        if other != text:
            raise DataError(f"class {text!r} is {other!r} but for a space", row=row, column=target, found=text)


def names_of(columns: Sequence[str], wanted: Wanted) -> tuple[str, ...]:
    """The features that these columns of a table become. Raises DataError: two of them have one name."""
    names = features_of(columns, wanted.sources)
    check_names(names)
    return names


def check_finite(rows: NDArray[Any], names: Sequence[str], first: int = 0) -> None:
    """Refuse a number that is not finite in some rows (n, d) of the table, of which `first` is the first one's."""
    finite = np.isfinite(rows)
    if not finite.all():
        row, k = np.argwhere(~finite)[0].tolist()
        found = float(rows[row, k])
        raise DataError(f"{found} is not a finite number", row=first + row, column=names[k], found=found)


def labels_from(values: Sequence[object], target: str, classes: Collection[str] = ()) -> Labels:
    """Labels as a file has them, see `labels_of`: plain numbers are taken as they are, without their texts."""
    if {*map(type, values)} <= {int, float, bool}:
        try:
            found = np.array(values, dtype=np.float64)
        except OverflowError:  # beyond float64, as its text tells
            return labels_of(texts_of(values, target), target, classes=classes)
        if np.isfinite(found).all():
            return found
    return labels_of(texts_of(values, target), target, classes=classes)


def texts_of(values: Sequence[object], name: str) -> list[str]:
    """The text of each label: a number's is what float reads back, a truth value's is 0 or 1."""
    for row, value in enumerate(values):
        if isinstance(value, (list, dict, bytes)):
            raise DataError(f"a {type(value).__name__} is not a label", row=row, column=name)
    return ["" if v is None else str(int(v)) if isinstance(v, (bool, np.bool_)) else str(v) for v in values]


def first_line(error: Exception) -> str:
    """What an error of another library says, short."""
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
