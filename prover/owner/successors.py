"""Which statement follows which, so that an owner does not fork a history by accident.

`dataset.history`, beside a data set's other files, has a line for each statement that was proved from there: its
digest, and that of the statement it supersedes, or "-". Both are public. Proofs that lie about count as well. The
statements of one request supersede the same one, and are no fork; the next request supersedes the last of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from ...errors import DataError, FormatError
from ...formats.files import read_file, write_file
from ...formats.lists import NOTHING
from ...verifier.bundles import loaded
from ...verifier.proofs import MAX_FILE_BYTES, TrainingProof
from .locks import locked

HISTORY_FILE = "dataset.history"
PROOFS = (".proof", ".bundle")
MAX_BYTES = 1 << 24
FORK = "it supersedes the same proof, and two successors fork a history"


def note_statements(directory: Path, proofs: Iterable[TrainingProof]) -> None:
    """Add a line for each statement of a request, all or none. Raises DataError."""
    lines = [f"{proof.digest.hex()} {_hex(proof.statement.previous)}" for proof in proofs]
    with locked(directory):
        write_file(directory / HISTORY_FILE, "".join(f"{each}\n" for each in [*_lines(directory), *lines]).encode())


def note_request(directory: Path, proofs: Sequence[TrainingProof]) -> None:
    """The same for one request, once, however often it is said, and not if something else follows what it supersedes.

    Raises DataError.
    """
    wanted = [f"{proof.digest.hex()} {_hex(proof.statement.previous)}" for proof in proofs]
    before = {line.partition(" ")[2] for line in wanted} - {NOTHING}
    with locked(directory):
        lines = _lines(directory)
        for line in lines:
            if line.partition(" ")[2] in before and line not in wanted:
                raise DataError(f"{directory / HISTORY_FILE}: statement {line.partition(' ')[0]} came first: " + FORK)
        new = [line for line in wanted if line not in lines]
        if new:
            write_file(directory / HISTORY_FILE, "".join(f"{each}\n" for each in [*lines, *new]).encode())


def _hex(digest: bytes | None) -> str:
    return NOTHING if digest is None else digest.hex()


def begin_history(directory: Path) -> None:
    """There is another data set in this folder now."""
    (directory / HISTORY_FILE).unlink(missing_ok=True)


def refuse_fork(request: Iterable[TrainingProof], directory: Path, folders: Iterable[Path] = ()) -> None:
    """Nothing may supersede any of these statements yet, as far as the data set's folder and these folders show.

    Args:
        request: a statement, or those of one request.

    Raises:
        DataError: something does.
    """
    digests = {proof.digest for proof in request}
    for folder in sorted({folder.resolve() for folder in folders}):
        for path in sorted(path for end in PROOFS for path in folder.glob(f"*{end}")):
            if _supersedes(path, digests):
                raise DataError(f"{path}: supersedes that proof already; two successors fork a history, or say --fork")
    for line in _lines(directory):
        statement, _, before = line.partition(" ")
        if before in {digest.hex() for digest in digests}:
            raise DataError(
                f"{directory / HISTORY_FILE}: statement {statement} supersedes that proof already; two successors fork "
                "a history, or say --fork"
            )


def roots(directory: Path) -> int:
    """How many statements that supersede nothing were proved from this folder."""
    return sum(line.endswith(f" {NOTHING}") for line in _lines(directory))


def _supersedes(path: Path, digests: Collection[bytes]) -> bool:
    try:
        data = read_file(path, MAX_FILE_BYTES)
        proofs = loaded(path) if any(digest in data for digest in digests) else ()
        return any(isinstance(own, TrainingProof) and own.statement.previous in digests for own in proofs)
    except (DataError, FormatError):  # what cannot be read says nothing
        return False


def _lines(directory: Path) -> list[str]:
    path = directory / HISTORY_FILE
    if not path.exists():
        return []
    try:
        return [line for line in read_file(path, MAX_BYTES).decode().splitlines() if line]
    except (FormatError, UnicodeDecodeError):
        raise DataError(f"{path}: is damaged; it may be deleted, and says only what was proved") from None
