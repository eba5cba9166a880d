"""One hierarchy for everything that can go wrong, so that a caller can catch what it means to handle."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, Self


class ZkUnlearnError(Exception):
    """Base class of every error this package raises on purpose."""


class InputError(ZkUnlearnError):
    """Something that was handed in cannot be used. The message is for people; a program reads the fields.

    Attributes:
        reason: what is wrong, without the place.
        file: where it is: the file's name,
        line: the line, counted from 1 as editors do,
        row: the row of the table, counted from 0 as Python does; messages count from 1,
        column: and the name of the column. None, each of them, where there is none or nobody knows.
        expected: what would have been right.
        found: what is there instead; one cell, never more of the data.
    """

    def __init__(
        self,
        reason: str,
        *,
        file: str | None = None,
        line: int | None = None,
        row: int | None = None,
        column: str | None = None,
        expected: object = None,
        found: object = None,
    ) -> None:
        where = [f"line {line}"] if line is not None else [] if row is None else [f"row {row + 1}"]
        where += [] if column is None else [f"column {column!r}"]
        parts = [*([] if file is None else [file]), *([", ".join(where)] if where else []), reason]
        super().__init__(": ".join(parts))
        self.reason, self.expected, self.found = reason, expected, found
        self.file, self.line, self.row, self.column = file, line, row, column

    def at(
        self, *, file: str | None = None, line: int | None = None, row: int | None = None, column: str | None = None
    ) -> Self:
        """The same error with more of the place, for who knows it; what it says already stays."""
        return type(self)(
            self.reason,
            file=file if self.file is None else self.file,
            line=line if self.line is None else self.line,
            row=row if self.row is None else self.row,
            column=column if self.column is None else self.column,
            expected=self.expected,
            found=self.found,
        )


class InvalidProof(ZkUnlearnError):
    """A proof was checked and is not valid.

    Attributes:
        check: name of the check that failed, stable across versions ("merkle path", "constraints", ...).
        detail: what was found, in words; never a secret.
    """

    def __init__(self, check: str, detail: str = "") -> None:
        super().__init__(f"{check}: {detail}" if detail else check)
        self.check = check
        self.detail = detail


class InvalidSignature(InvalidProof):
    """A signature that was asked for is missing, does not verify, or is for something else."""


class FormatError(ZkUnlearnError):
    """A file is not a well-formed artefact of the expected kind.

    Attributes:
        fault: "kind" for a file of another kind, or none of ours; "version" for one that another version of this
            package writes; "damaged" for one that says it is of the right kind and version, and is not. Only a
            damaged proof is an invalid one.
    """

    def __init__(self, message: str, fault: Literal["damaged", "kind", "version"] = "damaged") -> None:
        super().__init__(message)
        self.fault = fault

    def named(self, file: Path | str) -> FormatError:
        """The same with the file's name in front."""
        return FormatError(f"{file}: {self}", self.fault)


class StatementMismatch(ZkUnlearnError):
    """A proof is about something else than what the auditor pinned."""


class ParameterError(InputError):
    """A specification, shape or option is outside what can be proved."""


class DataError(InputError):
    """Input data cannot be used; message and fields name file, line or row, and column."""


class EstimatorError(InputError, ValueError):
    """What an estimator of `zkunlearn.sklearn` was given cannot be used; a ValueError, as scikit-learn expects it."""


class TrainingError(ZkUnlearnError):
    """Training left the range of the declared arithmetic (it diverged).

    Attributes:
        reason: what is wrong, without the place.
        row: where it is: the row of what was trained on, counted from 0; None where it is nowhere, or has a name.
        remedy: what can be done.
    """

    def __init__(self, reason: str, row: int | None = None, remedy: str = "", name: str | None = None) -> None:
        where = f" at {name}" if name is not None else "" if row is None else f" at row {row}"
        super().__init__(reason + where + remedy)
        self.reason, self.row, self.remedy = reason, row, remedy

    def at(self, name: str | None) -> Self:
        """The same error where the row is called so, or is not said."""
        return type(self)(self.reason, None, self.remedy, name)


class BudgetExceeded(ZkUnlearnError):
    """A commitment has no column openings left to spend."""


class WorkerError(ZkUnlearnError):
    """Other processes that were to prove are not there, are of another version, or ended.

    Attributes:
        address: of the worker or scheduler; None where it is about all of them, or about processes of this machine.
    """

    def __init__(self, message: str, address: str | None = None) -> None:
        super().__init__(message if address is None else f"{address}: {message}")
        self.address = address


def require_type(name: str, value: object, kind: type | tuple[type, ...], hint: str = "") -> None:
    """Raise ParameterError for an argument of another type, or of none of several; True is no integer."""
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(value, kinds) or (kinds == (int,) and isinstance(value, bool)):
        more = f"; {hint}" if hint else ""
        expected = " or ".join(each.__name__ for each in kinds)
        raise ParameterError(f"{name}: expected {expected}, found {type(value).__name__}{more}")


def require_path(name: str, value: object) -> None:
    """Raise ParameterError for what names no file."""
    require_type(name, value, (str, os.PathLike))
