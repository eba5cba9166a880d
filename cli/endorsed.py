"""Who has to have signed what is verified, and what `verify` says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import zkunlearn as zu

from ..verifier.trust.signatures import Demand, load_signature, signatures_beside
from .output import Lines, foreign
from .words import plural

SHOWN = 16  # digits of a key


@dataclass
class Demanded:
    """Signatures that are demanded of every file.

    Attributes:
        by: whom.
        signatures: of each file, what was read.
    """

    by: Demand
    signatures: dict[Path, list[zu.Envelope]] = field(default_factory=dict)

    def read(self, files: Sequence[Path], named: Sequence[Path]) -> None:
        """Those beside the files, and those that are named. Raises UsageError; DataError, FormatError naming one."""
        if named and len(files) > 1:
            raise click.UsageError("--signature is of one FILE: with several, signatures have to lie beside theirs")
        others = [load_signature(path) for path in named]
        for file in files:
            self.signatures[file] = [*signatures_beside(file), *others]

    def check(self, file: Path, subject: zu.Proof[Any] | zu.Bundle) -> zu.Endorsement:
        """Raises InvalidSignature."""
        return self.by.check(subject, self.signatures[file])


def endorsed_lines(found: zu.Endorsement | None) -> Lines:
    """Who signed."""
    if found is None:
        return []
    said = [] if found.owner is None else [f"by the owner's key {found.owner.keyid[:SHOWN]}"]
    said += [f"by the auditors {', '.join(map(foreign, found.auditors))}"] if found.auditors else []
    if found.passed_over:
        said.append(f"{plural(found.passed_over, 'signature')} of keys that are not known, passed over")
    return [("" if index else "signed", text) for index, text in enumerate(said)]


def endorsed_data(found: zu.Endorsement | None) -> dict[str, Any]:
    """The same for JSON."""
    if found is None:
        return {}
    owner = None if found.owner is None else found.owner.keyid
    own = {"owner": owner, "auditors": list(found.auditors), "passed_over": found.passed_over}
    return {"signatures": own}
