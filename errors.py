"""One hierarchy for everything that can go wrong, so that a caller can catch what it means to handle."""

from __future__ import annotations


class ZkUnlearnError(Exception):
    """Base class of every error this package raises on purpose."""


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


class FormatError(ZkUnlearnError):
    """A file is not a well-formed artefact of the expected kind."""


class StatementMismatch(ZkUnlearnError):
    """A proof is about something else than what the auditor pinned."""


class ParameterError(ZkUnlearnError):
    """A specification, shape or option is outside what can be proved."""


class DataError(ZkUnlearnError):
    """Input data cannot be used; the message names file, line or column."""


class TrainingError(ZkUnlearnError):
    """Training left the range of the declared arithmetic (it diverged)."""


class BudgetExceeded(ZkUnlearnError):
    """A commitment has no column openings left to spend."""
