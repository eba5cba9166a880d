"""The encoding of labels, by their kind; and which kind labels are of."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import DataError, ParameterError
from ...formats.files import SHOWN_TEXT
from ..shapes import LABEL_KINDS, MAX_CLASSES, label_range
from .columns import ColumnEncoding, check_name, real_array
from .maps import LINEAR

LABEL_BITS_RANGE = (1, 14)  # [-1, 1] included, real labels are signed 16-bit integers
FEW_CLASSES = 16  # of a few rows each class may have one
SHOWN_CLASSES = 12  # how many classes a message lists
_MISSING = ("nan", "inf", "-inf", "None")  # spellings of labels that are no labels


@dataclass(frozen=True, kw_only=True)
class LabelEncoding:
    """How labels become integers.

    Attributes:
        kind: "binary", "categorical", "real" or "count".
        classes: for binary, the texts of class 0 and class 1, for categorical those of all, 3 to MAX_CLASSES; else
            empty.
        column: for real, the interval that becomes [-1, 1]; else None.
        label_bits: for real, the scale; else 0.

    Raises:
        ParameterError: attributes that do not belong to the kind, or are out of range.
    """

    kind: str
    classes: tuple[str, ...] = ()
    column: ColumnEncoding | None = None
    label_bits: int = 0

    def __post_init__(self) -> None:
        label_range(self.kind)
        _check_classes(self.kind, self.classes)
        if (self.column is not None) != (self.kind == "real"):
            raise ParameterError("label bounds: real labels need them, others have none")
        if self.column is not None and self.column.map != LINEAR:
            raise ParameterError(f"labels are {LINEAR}; {self.column.map} is for features", column=self.column.name)
        low, high = LABEL_BITS_RANGE if self.kind == "real" else (0, 0)
        if not low <= self.label_bits <= high:
            raise ParameterError(f"label_bits = {self.label_bits}: must be between {low} and {high}")

    def require_forgettable(self, classes: Sequence[str]) -> None:
        """Refuse what cannot be forgotten as a class: what is none, and all but one. Raises ParameterError."""
        if not classes:
            return
        if self.kind != "categorical":
            reason = "forgetting one of two classes leaves nothing to tell apart" if self.kind == "binary" else ""
            raise ParameterError(f"forgotten classes: {reason or f'{self.kind} labels are no classes'}")
        for text in classes:
            if text not in self.classes:
                known = listed_classes(self.classes)
                raise ParameterError(f"forgotten classes: {text[:SHOWN_TEXT]!r} is no class; the classes are {known}")
        if len(set(classes)) > len(self.classes) - 2:
            raise ParameterError("forgotten classes: at least two classes have to be left")

    def encode(self, y: ArrayLike, name: str = "label") -> NDArray[np.int64]:
        """Labels (N,) to integers of the kind, int64 (N,): of classes their numbers.

        Args:
            name: of the label column, for messages.

        Raises:
            DataError: an unknown class, a value out of bounds, or not a count; names row and column.
        """
        if self.classes:
            return self._numbers(y, name)
        values = real_array(name, y, 1)
        if self.column is not None:
            return self.column.encode(values, self.label_bits)
        low, high = label_range("count")
        bad = np.flatnonzero((values != np.rint(values)) | (values < low) | (values > high))
        if len(bad):
            row, found = int(bad[0]), float(values[bad[0]])
            reason = f"{found} is not a count, an integer from {low} to {high}"
            raise DataError(reason, row=row, column=name, expected=(low, high), found=found)
        return values.astype(np.int64)

    def _numbers(self, y: ArrayLike, name: str) -> NDArray[np.int64]:
        """Those of the classes of labels (N,). Raises DataError for what is no class, naming its row."""
        numbers = {text: number for number, text in enumerate(self.classes)}
        array = np.asarray(y)
        if array.ndim == 1 and array.dtype.kind in "fiubU":  # each different one is looked at once
            different, places = np.unique(array, return_inverse=True)
            found = np.array([numbers.get(text, -1) for text in class_texts(different)], dtype=np.int64)[places]
        else:
            found = np.array([numbers.get(text, -1) for text in class_texts(y)], dtype=np.int64)
        if (found < 0).any():
            row = int((found < 0).argmax())
            (text,) = class_texts(array[row : row + 1])
            reason = f"{text[:SHOWN_TEXT]!r} is no class; the classes are {listed_classes(self.classes)}"
            raise DataError(reason, row=row, column=name, expected=self.classes, found=text)
        return found

    def decode(self, y_int: ArrayLike) -> NDArray[np.str_] | NDArray[np.float64] | NDArray[np.int64]:
        """Labels from integers (N,): class texts (binary, categorical), float64 (real) or int64 (count)."""
        integers = np.asarray(y_int, dtype=np.int64)
        if self.classes:
            return np.array(self.classes)[integers]
        return integers if self.column is None else self.column.decode(integers, self.label_bits)


def class_texts(y: ArrayLike) -> list[str]:
    """The text of each label; whole numbers lose their decimal point, so that 1, 1.0, "1" are one class."""
    array = np.asarray(y)
    if array.ndim != 1:
        raise DataError(f"labels: expected one dimension, found {array.ndim}")
    labels = array.tolist()
    return [str(int(v)) if isinstance(v, float) and v.is_integer() else str(v) for v in labels]


def _different(labels: NDArray[Any]) -> NDArray[Any]:
    """Numbers among labels each once, as there may be millions of rows and two classes; others as they are."""
    return np.unique(labels) if labels.ndim == 1 and labels.dtype.kind in "fiub" else labels


def listed_classes(classes: Sequence[str]) -> str:
    """Classes for a message, of many only the first."""
    more = len(classes) - SHOWN_CLASSES
    return ", ".join(classes[:SHOWN_CLASSES]) + (f" and {more} more" if more > 0 else "")


def _check_classes(kind: str, classes: tuple[str, ...]) -> None:
    """Raises ParameterError for classes that labels of the kind cannot have."""
    for text in classes:
        check_name(text, "label class")
    different = len(set(classes)) == len(classes)
    if kind == "binary":
        if len(classes) != 2 or not different:
            raise ParameterError("label classes: binary labels need two different ones")
    elif kind == "categorical":
        if not 3 <= len(classes) <= MAX_CLASSES or not different:
            raise ParameterError(f"label classes: categorical labels need 3 to {MAX_CLASSES} different ones")
    elif classes:
        raise ParameterError(f"label classes: {kind} labels have none")


def _class_order(text: str) -> tuple[bool, float, str]:
    """Numbers by value, before texts by spelling."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    return (False, value, text) if math.isfinite(value) else (True, 0.0, text)


def infer_label_kind(
    y: ArrayLike, rows: int, asked: str | None, name: str, declared: Collection[str] = ()
) -> tuple[str, tuple[str, ...]]:
    """The label kind, and its classes if it has any.

    The kind is as asked; else binary for exactly two distinct labels, real for numbers, and categorical for texts and
    where classes are declared.

    Args:
        name: of the label column, for messages.
        declared: the classes, also those whose texts else say that a label is missing; none if they are not.

    Raises:
        DataError: wrong number of labels, missing ones, one value only, or not of the kind.
        ParameterError: an unknown kind.
    """
    if asked is not None and asked not in LABEL_KINDS:
        raise ParameterError(f"label_kind = {asked!r}: must be one of {', '.join(LABEL_KINDS)}")
    array = np.asarray(y)
    texts = class_texts(_different(array))
    if array.size != rows:
        raise DataError(f"labels: {array.size} of them for {rows} rows")
    distinct = set(texts)
    for text in _MISSING:
        if text in distinct and text not in declared:
            row = class_texts(array).index(text)
            raise DataError(f"{text} is no label; every row needs one", row=row, column=name, found=text)
    if declared:
        _require_declared(texts, declared, asked, name)
    if len(distinct) == 1:
        reason = f"every row has the label {texts[0][:SHOWN_TEXT]!r}; nothing can be learned"
        raise DataError(reason, column=name, found=texts[0])
    if asked == "binary" or (asked is None and len(distinct) == 2):
        if len(distinct) != 2:
            reason = f"{len(distinct)} distinct values, binary labels have two; for classes ask for categorical ones"
            raise DataError(reason, column=name, expected=2)
        return "binary", tuple(sorted(distinct, key=_class_order))
    numeric = _are_numbers(y)
    if asked == "categorical" or (asked is None and (declared or not numeric)):
        if asked is None and not declared:
            _refuse_mixed(texts, name)
            _refuse_names(texts, name)
        _require_few_classes(distinct, name)
        return "categorical", tuple(sorted(distinct, key=_class_order))
    if not numeric:
        raise DataError(f"{len(distinct)} distinct texts; {asked} labels are numbers", column=name)
    return asked or "real", ()


def _require_declared(texts: Sequence[str], declared: Collection[str], asked: str | None, name: str) -> None:
    """Refuse labels that are none of the declared classes, and classes that no row has. Raises DataError."""
    if asked in ("real", "count"):
        raise ParameterError(f"classes: {asked} labels have none")
    row = next((row for row, text in enumerate(texts) if text not in declared), None)
    if row is not None:
        reason = f"{texts[row][:SHOWN_TEXT]!r} is no class; the classes are {listed_classes([*declared])}"
        raise DataError(reason, row=row, column=name, found=texts[row])
    there = {*texts}
    absent = [text for text in declared if text not in there]
    if absent:
        raise DataError(f"no row is of class {listed_classes([repr(text) for text in absent])}", column=name)


def _are_numbers(y: ArrayLike) -> bool:
    try:
        np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    return True


def _refuse_mixed(texts: Sequence[str], name: str) -> None:
    """Refuse labels of which some are numbers and some are not: one wrong cell would make classes of all numbers.

    Raises:
        DataError: names the first row of those that are fewer.
    """
    is_text = {text: _class_order(text)[0] for text in set(texts)}
    if len(set(is_text.values())) == 2:
        words = [row for row, text in enumerate(texts) if is_text[text]]
        few = 2 * len(words) <= len(texts)
        row = words[0] if few else next(row for row, text in enumerate(texts) if not is_text[text])
        odd = "is not a number, as others are" if few else "is a number, and others are texts"
        reason = f"{texts[row][:SHOWN_TEXT]!r} {odd}; for classes ask for categorical labels"
        raise DataError(reason, row=row, column=name, found=texts[row])


def _refuse_names(texts: Sequence[str], name: str) -> None:
    """Refuse many texts most of which are there once: names of rows, which classes would publish. Raises DataError."""
    found = Counter(texts)
    alone = sum(count == 1 for count in found.values())
    if len(found) > FEW_CLASSES and 2 * alone > len(found):
        raise DataError(
            f"{alone} of {len(found)} distinct texts are there once, as names of rows are, and texts of classes are "
            "public; if they are classes ask for categorical labels",
            column=name,
        )


def require_possible_classes(texts: Sequence[str], name: str) -> None:
    """Refuse texts that can be no classes, whatever kind is asked for: too many. Raises DataError."""
    if len(distinct := set(texts)) > MAX_CLASSES:
        _refuse_mixed(texts, name)  # which says more
        _require_few_classes(distinct, name)


def _require_few_classes(distinct: Collection[str], name: str) -> None:
    """Refuse another number of classes than categorical labels have. Raises DataError."""
    if len(distinct) > MAX_CLASSES:
        reason = f"{len(distinct):,} distinct values, categorical labels have at most {MAX_CLASSES}"
        raise DataError(reason, column=name, expected=MAX_CLASSES, found=len(distinct))
    if len(distinct) == 2:
        raise DataError("two distinct values, categorical labels have more; ask for binary ones", column=name)
