"""What openings were spent for, as far as the files in a folder show it: proofs that open a commitment.

An owner's count may be set back, by a backup that is restored. Proofs that lie about do not forget.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...circuits.statements.base import Statement, statement_digest
from ...circuits.statements.training import TrainingStatement
from ...errors import DataError, FormatError
from ...formats.container import read_front
from ...verifier.bundles import loaded
from ...verifier.proofs import MAX_FILE_BYTES, Proof

SUFFIXES = (".proof", ".bundle", ".link", ".registration", ".evaluation", ".distance", ".predictions")


def openings_seen(folders: list[Path], commitment: bytes) -> int:
    """How many openings of the data set with this digest were spent at least, that of its own proof included.

    Files that cannot be read, or are no proofs, say nothing. Copies of one proof count once.
    """
    paths = {path.resolve() for folder in folders for path in _candidates(folder)}
    proofs = (proof for path in paths for proof in _read(path, commitment))
    return 1 + len({proof.digest for proof in proofs if commitment in _named(proof.statement)})


def trainings_in(folders: list[Path]) -> Iterator[TrainingStatement]:
    """What proofs in these folders say was trained, on whatever data set; likewise."""
    for path in {path.resolve() for folder in folders for path in _candidates(folder)}:
        statements = (proof.statement for proof in _read(path))
        yield from (own for own in statements if isinstance(own, TrainingStatement))


def proofs_in(folders: list[Path]) -> Iterator[tuple[Path, tuple[Proof[Any], ...]]]:
    """Files in these folders with the proofs that they hold, in the order of their names; likewise."""
    for path in sorted({path.resolve() for folder in folders for path in _candidates(folder)}):
        proofs = _read(path)
        if proofs:
            yield path, proofs


def _candidates(folder: Path) -> Iterator[Path]:
    try:
        yield from (path for path in folder.iterdir() if path.suffix in SUFFIXES)
    except OSError:
        return


def _read(path: Path, commitment: bytes = b"") -> tuple[Proof[Any], ...]:
    """The proofs in a file that has the digest somewhere in it; others are not worth parsing."""
    try:
        return loaded(path) if commitment in read_front(path, MAX_FILE_BYTES)[0] else ()
    except (DataError, FormatError):
        return ()


def _named(statement: Statement) -> Iterator[bytes]:
    """Digests of the statements whose matrices are opened."""
    for other in statement.opens:
        yield statement_digest(other)
