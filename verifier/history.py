"""A whole history: every statement of a folder, in order, with what each one says of the others.

A statement supersedes at most one other, by its digest, so that statements about the same rows are trees. A history
without forks is a number of chains. `verify_chain` checks every proof, follows every reference, and tells what is
missing: what is not in the folder it cannot know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ..circuits.statements.base import Statement, statement_digest
from ..circuits.statements.dataset import DatasetStatement
from ..circuits.statements.link import LinkStatement
from ..circuits.statements.registration import RegistrationStatement
from ..circuits.statements.training import TrainingStatement
from ..errors import DataError, FormatError, InvalidProof, ParameterError, StatementMismatch, require_type
from ..formats.container import MAGIC
from ..models.methods.sisa import Sisa
from .bundles import Bundle, check_bundle, loaded
from .pins import check_previous, linked, require_birth
from .proofs import Proof, RecommitmentProof, TrainingProof
from .verify import verify_proof

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


@dataclass(frozen=True)
class History:
    """What a folder holds, in order: data sets, links between them, then chains of statements, each after the one it
    supersedes.

    Attributes:
        entries: one for each file.
        forks: names of entries that supersede the same statement.
        roots: names of the entries that supersede nothing.
    """

    entries: tuple[Entry, ...]
    forks: tuple[tuple[str, ...], ...]
    roots: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """ "invalid" if an entry is or there is a fork, else "cannot say" if an entry says so or there is none."""
        verdicts = {entry.verdict for entry in self.entries}
        if "invalid" in verdicts or self.forks:
            return "invalid"
        return "valid" if verdicts == {"valid"} else "cannot say"


def verify_chain(
    source: Path | str | Iterable[Path | str | Proof[Any]], progress: Callable[[str], None] | None = None
) -> History:
    """Check a whole history.

    Args:
        source: a folder, of which every public file at any depth is taken; or files and proofs.
        progress: called with the name of each proof.

    Raises:
        DataError: a folder or file that cannot be read.
        ParameterError: an object that is no proof, or no source.
    """
    require_type("source", source, (str, Path, Iterable), "a folder, or files and proofs")
    entries = list(_folder(Path(source)) if isinstance(source, (str, Path)) else _items(source))
    return _Walk(entries, progress or (lambda name: None)).history()


def _folder(folder: Path) -> Iterator[Entry]:
    if not folder.is_dir():
        raise DataError(f"{folder}: is not a directory")
    for path in sorted(folder.rglob("*")):
        if path.is_file() and _is_ours(path):
            yield from _read(path, str(path.relative_to(folder)))


def _items(items: Iterable[Path | str | Proof[Any]]) -> Iterator[Entry]:
    for number, item in enumerate(items, start=1):
        if isinstance(item, (str, Path)):
            yield from _read(Path(item), str(item)) or [Entry(str(item), None, "cannot say", "holds no statement")]
        else:
            require_type(f"proof {number}", item, Proof, "of what `prove` returns it is `.proof`")
            yield Entry(f"proof {number}", item)


def _is_ours(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error


def _read(path: Path, name: str) -> list[Entry]:
    """One entry, or one for each statement of a bundle; none for files of other kinds, such as secret ones."""
    try:
        proofs = loaded(path)
    except FormatError as error:
        if error.fault == "kind":
            return []
        return [Entry(name, None, "invalid" if error.fault == "damaged" else "cannot say", str(error))]
    if len(proofs) == 1:
        return [Entry(name, proofs[0])]
    return [Entry(f"{name}, statement {number}", proof) for number, proof in enumerate(proofs, start=1)]


@dataclass
class _Walk:
    entries: list[Entry]
    progress: Callable[[str], None]
    done: dict[bytes, Entry] = field(default_factory=dict)  # with their verdicts, by digest; the first of each
    links: list[LinkStatement] = field(default_factory=list)  # valid ones
    statements: dict[bytes, Entry] = field(default_factory=dict)  # of trainings, by digest
    bundles: dict[bytes, Bundle] = field(default_factory=dict)  # of sharded trainings, by the digest of the last

    def history(self) -> History:
        """Kind by kind, so that what is referred to has its verdict before."""
        datasets, links, trainings = (self._of(kind) for kind in (DatasetStatement, LinkStatement, TrainingStatement))
        for entry in trainings:
            self.statements.setdefault(entry.digest, entry)
        known = (DatasetStatement, LinkStatement, TrainingStatement)
        others = [
            entry for entry in self.entries if entry.proof is not None and not isinstance(_statement(entry), known)
        ]
        unread = [entry for entry in self.entries if entry.proof is None]
        first = [self._judged(entry) for entry in (*datasets, *links)]
        chains = [self._placed(self._judged(entry)) for entry in self._in_order(trainings)]
        last = [self._judged(entry) for entry in others]
        roots = [entry.name for entry in self.statements.values() if _statement(entry).previous is None]
        return History((*first, *chains, *last, *unread), self._forks(), tuple(roots))

    def _of(self, kind: type[Statement]) -> list[Entry]:
        return [entry for entry in self.entries if entry.proof is not None and isinstance(entry.proof.statement, kind)]

    def _judged(self, entry: Entry) -> Entry:
        """With the verdict on its proof, and on what its statement names."""
        self.progress(entry.name)
        same = self.done.get(entry.digest)
        if same is not None and same.proof == entry.proof:
            return _noted(replace(same, name=entry.name, notes=()), f"the same statement as {same.name!r}")
        try:
            entry = replace(entry, security_bits=verify_proof(_proof(entry)).least)
        except InvalidProof as error:
            entry = replace(entry, verdict="invalid", reason=str(error))
        for name, statement in _statement(entry).references.items():
            digest = statement_digest(statement)
            found = self.done.get(digest)
            if found is None:
                entry = _cannot_say(entry, f"the {name} {digest.hex()} that it is about is not here")
            elif found.verdict == "invalid":
                entry = _contradicted(entry, f"the {name} that it is about, {found.name!r}, is invalid")
        if isinstance(_statement(entry), RegistrationStatement):
            try:
                require_birth(_statement(entry).dataset, self.links)
            except ParameterError as error:
                entry = _cannot_say(entry, str(error))
        copy = self.done.setdefault(entry.digest, entry)
        if isinstance(_statement(entry), LinkStatement) and entry.verdict == "valid":
            self.links.append(_statement(entry))
        return entry if copy is entry else _noted(entry, f"the same statement as {copy.name!r}")

    def _placed(self, entry: Entry) -> Entry:
        """With the verdict on its place in a chain."""
        statement: TrainingStatement = _statement(entry)
        if not statement.dataset.encoding.bounds_declared:
            entry = _noted(entry, "the bounds of columns were taken from the data, forgotten rows included")
        if statement.previous is None:
            return self._bundled(_noted(entry, "it supersedes nothing"))
        before = self.statements.get(statement.previous)
        if before is None:
            return _cannot_say(entry, f"it supersedes {statement.previous.hex()}, which is not here")
        entry, superseded = replace(entry, supersedes=before.name), _statement(before)
        same_rows = superseded.dataset.record_root == statement.dataset.record_root
        if same_rows and not linked(superseded.dataset, statement.dataset, self.links):
            return _cannot_say(
                entry, f"the link from the data set of {before.name!r} to its own is not here, or not valid"
            )
        try:
            changes = check_previous(statement, superseded, self.links)
        except StatementMismatch as error:
            return _contradicted(entry, str(error))
        entry = _noted(entry, *(f"another algorithm than before: {change}" for change in changes))
        return self._bundled(entry)

    def _bundled(self, entry: Entry) -> Entry:
        """With the verdict on what a statement of a sharded training is put together with: its chain as a bundle."""
        proof, statement = _proof(entry), _statement(entry)
        if not isinstance(proof, TrainingProof) or not isinstance(statement.spec.method, Sisa):
            return entry
        if entry.verdict == "invalid":
            return entry
        before = self.bundles.get(statement.previous or b"")
        if statement.scope and before is None:
            return _cannot_say(entry, "it is about some shards only, and what it is put together with is not here")
        links = [each.proof for each in self.done.values() if each.verdict == "valid"]
        known = [link for link in links if isinstance(link, RecommitmentProof)]
        bundle = before.with_proof(proof, known) if statement.scope and before is not None else Bundle((proof,))
        self.bundles[entry.digest] = bundle
        try:
            check_bundle(bundle, statement.dataset)
        except InvalidProof as error:
            return _contradicted(entry, str(error))
        return entry

    def _in_order(self, trainings: list[Entry]) -> Iterator[Entry]:
        """Chain by chain, each statement after the one it supersedes."""
        after: dict[bytes, list[Entry]] = {}
        heads = []
        for entry in trainings:
            previous = _statement(entry).previous
            if previous in self.statements:
                after.setdefault(previous, []).append(entry)
            else:
                heads.append(entry)
        for head in heads:
            waiting = [head]
            while waiting:
                entry = waiting.pop()
                yield entry
                waiting += reversed(after.pop(entry.digest, []))

    def _forks(self) -> tuple[tuple[str, ...], ...]:
        after: dict[bytes, list[str]] = {}
        for entry in self.statements.values():
            if _statement(entry).previous is not None:
                after.setdefault(_statement(entry).previous, []).append(entry.name)
        return tuple(tuple(names) for names in after.values() if len(names) > 1)


def _proof(entry: Entry) -> Proof[Any]:
    """Of an entry that could be read."""
    if entry.proof is None:
        raise DataError(f"{entry.name}: {entry.reason}")
    return entry.proof


def _statement(entry: Entry) -> Any:
    return _proof(entry).statement


def _noted(entry: Entry, *notes: str) -> Entry:
    return replace(entry, notes=(*entry.notes, *notes))


def _cannot_say(entry: Entry, reason: str) -> Entry:
    return replace(entry, verdict="cannot say", reason=reason) if entry.verdict == "valid" else _noted(entry, reason)


def _contradicted(entry: Entry, reason: str) -> Entry:
    return _noted(entry, reason) if entry.verdict == "invalid" else replace(entry, verdict="invalid", reason=reason)
