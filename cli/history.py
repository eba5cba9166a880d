"""A history in one table: what `verify --chain` prints."""

from __future__ import annotations

from typing import Any

import zkunlearn as zu

from ..circuits.statements.noise_use import NoiseUse
from ..verifier.entries import Entry
from .exits import DONE, INVALID, REFUSED
from .inspection import describe
from .output import Output, foreign, table
from .words import plural

CODES = {"valid": DONE, "invalid": INVALID, "cannot say": REFUSED}
HEADS = ("file", "is", "forgotten", "supersedes", "verdict")


def show_history(output: Output, history: zu.History, seconds: float) -> int:
    """Print it; returns the exit code."""
    told = [(entry, text) for entry in history.entries for text in (entry.reason, *entry.notes) if text]
    notes = [(foreign(entry.name), text) for entry, text in told]
    notes += [(foreign(own.name), text) for own in history.noise for text in own.notes]
    links = {entry.name for entry in history.entries if isinstance(entry.proof, zu.LinkProof)}
    for names in history.forks:
        what = "lead on from the same data set" if links & set(names) else "supersede the same statement"
        notes.append(("FORK", f"{' and '.join(map(foreign, names))} {what}"))
    data = {
        "valid": {"valid": True, "invalid": False, "cannot say": None}[history.verdict],
        "entries": [_data(entry) for entry in history.entries],
        "forks": [list(names) for names in history.forks],
        "roots": list(history.roots),
        "noise": [_noise_data(own) for own in history.noise],
    }
    rows = list(table(HEADS, [*map(_row, history.entries), *map(_noise_row, history.noise)]))
    output.table("History", rows, notes, _last(history, seconds), data)
    return CODES[history.verdict]


def _row(entry: Entry) -> tuple[str, ...]:
    is_training = isinstance(entry.proof, zu.TrainingProof)
    kind = "damaged" if entry.proof is None else describe(entry.proof.statement).kind
    forgotten = f"{len(entry.proof.statement.forgotten):,}" if is_training and entry.proof else ""
    supersedes = "" if entry.supersedes is None else foreign(entry.supersedes)
    if is_training and entry.proof and entry.supersedes is None:
        supersedes = "nothing" if entry.proof.statement.previous is None else "what is not here"
    return foreign(entry.name), kind, forgotten, supersedes, entry.verdict.upper()


def _noise_row(own: NoiseUse) -> tuple[str, ...]:
    return foreign(own.name), "commitment to noise", f"{len(own.statement.forgotten):,}", "", own.verdict.upper()


def _noise_data(own: NoiseUse) -> dict[str, Any]:
    return {
        "file": own.name,
        "noise": own.statement.digest.hex(),
        "source": own.statement.source,
        "verdict": own.verdict,
        "used_by": own.used_by,
        "notes": list(own.notes),
    }


def _last(history: zu.History, seconds: float) -> str:
    wrong = [own.name for own in history.entries if own.verdict == "invalid"]
    wrong += [own.name for own in history.noise if own.verdict == "invalid"]
    unclear = [entry for entry in history.entries if entry.verdict == "cannot say"]
    if wrong:
        files = len(history.entries) + len(history.noise)
        return f"INVALID: {plural(len(wrong), 'file')} of {files:,}, the first {foreign(wrong[0])}"
    if history.forks:
        return f"INVALID: the history forks {plural(len(history.forks), 'time')}"
    if unclear:
        return (
            f"CANNOT SAY: {plural(len(unclear), 'file')} of {len(history.entries):,}, {foreign(unclear[0].name)} first"
        )
    if not history.entries:
        return "CANNOT SAY: there is no proof here"
    chains = plural(len(history.roots), "chain")
    unused = sum(own.verdict == "not used" for own in history.noise)
    told = f"; {plural(unused, 'commitment')} to noise without a proof" if unused else ""
    return f"VALID: {plural(len(history.entries), 'file')}, {chains} without a fork{told} ({seconds:.2f} s)"


def _data(entry: Entry) -> dict[str, Any]:
    said = {} if entry.proof is None else {"kind": entry.proof.statement.kind, "statement": entry.digest.hex()}
    return {
        "file": entry.name,
        **said,
        "verdict": entry.verdict,
        "reason": entry.reason,
        "security_bits": entry.security_bits,
        "supersedes": entry.supersedes,
        "notes": list(entry.notes),
    }
