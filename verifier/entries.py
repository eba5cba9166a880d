"""What is said of one file, or of one object, of a history."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from .proofs import Proof

Verdict = Literal["valid", "invalid", "cannot say"]


@dataclass(frozen=True)
class Entry:
    """One file, or one object, of a history.

    Attributes:
        name: its path within the folder, or "proof 3" for the third object.
        proof: what it holds; None if it cannot be read.
        verdict: "invalid" if its proof is, or contradicts what it refers to; "cannot say" if something that it refers
            to is missing.
        reason: why it is not valid.
        security_bits: proven soundness of its own proof, if that is valid.
        supersedes: name of the entry that it supersedes, if that is there.
        notes: what else there is to know, in words.
    """

    name: str
    proof: Proof[Any] | None
    verdict: Verdict = "valid"
    reason: str = ""
    security_bits: float | None = None
    supersedes: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> bytes:
        """Names the statement; empty if the file cannot be read."""
        return b"" if self.proof is None else self.proof.digest

    def noted(self, *notes: str) -> Entry:
        """With what else there is to know of it."""
        return replace(self, notes=(*self.notes, *notes))

    def cannot_say(self, reason: str) -> Entry:
        """With the verdict that something it refers to is missing, unless it has a worse one."""
        return replace(self, verdict="cannot say", reason=reason) if self.verdict == "valid" else self.noted(reason)

    def contradicted(self, reason: str) -> Entry:
        """With the verdict that it contradicts what it refers to."""
        return self.noted(reason) if self.verdict == "invalid" else replace(self, verdict="invalid", reason=reason)
