"""A whole history: every statement of a folder, in order, with what each one says of the others.

A statement supersedes at most one other, by its digest, so that statements about the same rows are trees. A history
without forks is a number of chains. `verify_chain` checks every proof, follows every reference, and tells what is
missing: what is not in the folder it cannot know.

What several statements say of a request, each about some of its shards, counts as one: its statements supersede the
same, which is no fork, and whatever supersedes one of them supersedes the request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..circuits.statements.base import Statement, statement_digest
from ..circuits.statements.dataset import DatasetStatement
from ..circuits.statements.evaluated import Evaluated
from ..circuits.statements.link import LinkStatement
from ..circuits.statements.model_link import ModelLinkStatement
from ..circuits.statements.noise import NoiseStatement, require_noise_apart
from ..circuits.statements.noise_use import NoiseUse, noise_uses
from ..circuits.statements.overdrawn import overdrawn
from ..circuits.statements.registration import RegistrationStatement
from ..circuits.statements.training import TrainingStatement
from ..errors import DataError, FormatError, InvalidProof, ParameterError, StatementMismatch, require_type
from ..formats.container import MAGIC
from ..models.methods.sisa import Sisa
from ..shown import Shown
from .bundles import Bundle, check_bundle, loaded, of_one_request
from .entries import Entry, Verdict
from .evaluations import unlinked_models
from .noise import NOISE_SUFFIX, NoiseCommitment, indistinguishability, together
from .pins import check_previous, linked
from .proofs import LINK_PROOFS, AnyLink, Proof, RegistrationProof
from .registrations import require_whole
from .verify import verify_proof

Committed = tuple[str, NoiseStatement]  # noise, in a file of this name


@dataclass(frozen=True, repr=False)
class History(Shown):
    """What a folder holds, in order: data sets, links between them, then chains of statements, each after the one it
    supersedes, and links of models after the training of these.

    Attributes:
        entries: one for each file, or for each statement of a bundle.
        forks: names of entries that supersede the same request, of each the last of those that are one request; and of
            links that lead on from the same data set.
        roots: of the requests that supersede nothing, the name of the last entry.
        noise: what became of each commitment to noise that is there.
    """

    entries: tuple[Entry, ...]
    forks: tuple[tuple[str, ...], ...]
    roots: tuple[str, ...]
    noise: tuple[NoiseUse, ...] = ()

    shows = "verdict", "entries", "forks", "roots"

    @property
    def verdict(self) -> Verdict:
        """ "invalid" if an entry is or there is a fork, else "cannot say" if an entry says so or there is none."""
        verdicts = {entry.verdict for entry in self.entries}
        if "invalid" in verdicts or self.forks or any(own.verdict == "invalid" for own in self.noise):
            return "invalid"
        return "valid" if verdicts == {"valid"} else "cannot say"


def verify_chain(
    source: Path | str | Iterable[Path | str | Proof[Any] | NoiseCommitment],
    progress: Callable[[str], None] | None = None,
) -> History:
    """Check a whole history.

    Args:
        source: a folder, of which every public file at any depth is taken; or files, proofs and commitments to noise.
        progress: called with the name of each proof.

    Raises:
        DataError: a folder or file that cannot be read.
        ParameterError: an object that is no proof, or no source.
    """
    require_type("source", source, (str, Path, Iterable), "a folder, or files and proofs")
    found = list(_folder(Path(source)) if isinstance(source, (str, Path)) else _items(source))
    history = _Walk([own for own in found if isinstance(own, Entry)], progress or (lambda name: None)).history()
    valid = {own.name: (_proof(own).proof, _statement(own)) for own in history.entries if own.security_bits is not None}
    beyond, proved = overdrawn(valid), {name: statement for name, (_, statement) in valid.items()}
    entries = tuple(entry.noted(*beyond.get(entry.name, ())) for entry in history.entries)
    noise = noise_uses([own for own in found if not isinstance(own, Entry)], proved)
    return replace(history, entries=entries, noise=noise)


def _folder(folder: Path) -> Iterator[Entry | Committed]:
    if not folder.is_dir():
        raise DataError(f"{folder}: is not a directory")
    for path in sorted(folder.rglob("*")):
        if path.is_file() and _is_ours(path):
            yield from _read(path, str(path.relative_to(folder)))


def _items(items: Iterable[Path | str | Proof[Any] | NoiseCommitment]) -> Iterator[Entry | Committed]:
    for number, item in enumerate(items, start=1):
        if isinstance(item, (str, Path)):
            yield from _read(Path(item), str(item)) or [Entry(str(item), None, "cannot say", "holds no statement")]
        elif isinstance(item, NoiseCommitment):
            yield f"noise {number}", item.statement
        else:
            require_type(f"proof {number}", item, Proof, "of what `prove` returns it is `.proof`")
            yield Entry(f"proof {number}", item)


def _is_ours(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error


def _read(path: Path, name: str) -> Sequence[Entry | Committed]:
    """One entry, or one for each statement of a bundle; none for files of other kinds, such as secret ones."""
    try:
        if path.suffix == NOISE_SUFFIX:
            return [(name, NoiseCommitment.load(path).statement)]
        proofs = loaded(path)
    except FormatError as error:
        if error.fault == "kind":
            return []
        return [Entry(name, None, "invalid" if error.fault == "damaged" else "cannot say", str(error))]
    if len(proofs) == 1:
        return [Entry(name, proofs[0])]
    kinds = ["link" if isinstance(proof, LINK_PROOFS) else "statement" for proof in proofs]
    return [Entry(f"{name}, {kind} {kinds[:place].count(kind) + 1}", proofs[place]) for place, kind in enumerate(kinds)]


@dataclass
class _Walk:
    entries: list[Entry]
    progress: Callable[[str], None]
    done: dict[bytes, Entry] = field(default_factory=dict)  # with their verdicts, by digest; the first of each
    links: list[LinkStatement] = field(default_factory=list)  # valid ones
    statements: dict[bytes, Entry] = field(default_factory=dict)  # of trainings, by digest
    requests: dict[bytes, list[Entry]] = field(default_factory=dict)  # of each training, those of its request
    bundles: dict[bytes, Bundle] = field(default_factory=dict)  # of sharded trainings, by the digest of any of the last

    def history(self) -> History:
        """Kind by kind, so that what is referred to has its verdict before."""
        datasets, links, trainings = (self._of(kind) for kind in (DatasetStatement, LinkStatement, TrainingStatement))
        for entry in trainings:
            if entry.digest not in self.statements:
                self.statements[entry.digest] = entry
                self._join(entry)
        known = (DatasetStatement, LinkStatement, TrainingStatement)
        others = [
            entry
            for entry in self.entries
            if entry.proof is not None and not isinstance(_statement(entry), known) and not self._renews(entry)
        ]
        unread = [entry for entry in self.entries if entry.proof is None]
        first = [self._judged(entry) for entry in (*datasets, *links)]
        chains = [each for entry in self._in_order(trainings) for each in self._with_links(entry)]
        last = [self._judged(entry) for entry in sorted(others, key=_first_row)]
        roots = [own[-1].name for own in self._each_request() if _statement(own[-1]).previous is None]
        return History((*first, *chains, *last, *unread), self._forks(), tuple(roots))

    def _renews(self, entry: Entry) -> bytes:
        """The training of which a link commits to the model afresh, if that is here; empty for anything else."""
        statement = _statement(entry)
        training = statement.training.digest if isinstance(statement, ModelLinkStatement) else b""
        return training if training in self.statements else b""

    def _with_links(self, training: Entry) -> Iterator[Entry]:
        """Judged, and the links of its models, before later statements begin from these."""
        yield self._placed(self._judged(training))
        for entry in self._of(ModelLinkStatement) if self.statements[training.digest] is training else ():
            if self._renews(entry) == training.digest:
                yield self._judged(entry)

    def _of(self, kind: type[Statement]) -> list[Entry]:
        return [entry for entry in self.entries if entry.proof is not None and isinstance(entry.proof.statement, kind)]

    def _join(self, entry: Entry) -> None:
        """Put a training to those of its request, which train other shards; or it begins one."""
        own: TrainingStatement = _statement(entry)
        for request in self._each_request():
            others = [_statement(each) for each in request]
            if all(of_one_request(own, other) and _apart(own, other) for other in others):
                request.append(entry)
                self.requests[entry.digest] = request
                return
        self.requests[entry.digest] = [entry]

    def _each_request(self) -> list[list[Entry]]:
        return list({id(request): request for request in self.requests.values()}.values())

    def _judged(self, entry: Entry) -> Entry:
        """With the verdict on its proof, and on what its statement names."""
        self.progress(entry.name)
        same = self.done.get(entry.digest)
        if same is not None and same.proof == entry.proof:
            return replace(same, name=entry.name, notes=()).noted(f"the same statement as {same.name!r}")
        try:
            entry = replace(entry, security_bits=verify_proof(_proof(entry)).least)
        except InvalidProof as error:
            entry = replace(entry, verdict="invalid", reason=str(error))
        except DataError as error:  # rows stay in their file until now
            entry = replace(entry, verdict="cannot say", reason=str(error))
        for name, statement in _statement(entry).references.items():
            digest = statement_digest(statement)
            found = self.done.get(digest)
            if found is None:
                entry = entry.cannot_say(f"the {name} {digest.hex()} that it is about is not here")
            elif found.verdict == "invalid":
                entry = entry.contradicted(f"the {name} that it is about, {found.name!r}, is invalid")
        own = _statement(entry)
        if isinstance(own, Evaluated) and unlinked_models(own, self._valid_links()):
            entry = entry.cannot_say("the links of a model that was committed afresh are not here, or not valid")
        if isinstance(own, Evaluated) and not own.is_of(self.bundles):
            entry = entry.cannot_say("a bundle whose models answer together in it is not here")
        if isinstance(entry.proof, RegistrationProof) and entry.verdict != "invalid":
            entry = self._registered(entry, entry.proof)
        if isinstance(own, LinkStatement) and (count := len(own.superseded)):
            entry = entry.noted(f"rows that are superseded, to be forgotten by trainings from here on: {count}")
        copy = self.done.setdefault(entry.digest, entry)
        if isinstance(own, LinkStatement) and entry.verdict == "valid":
            self.links.append(own)
        return entry if copy is entry else entry.noted(f"the same statement as {copy.name!r}")

    def _registered(self, entry: Entry, proof: RegistrationProof) -> Entry:
        """With the verdict on what a registration goes on from."""
        before = [each.proof for each in self.done.values() if each.verdict == "valid"]
        try:
            require_whole(proof, [each for each in before if isinstance(each, RegistrationProof)], self.links)
        except InvalidProof as error:
            return entry.contradicted(str(error))
        except (ParameterError, DataError) as error:
            return entry.cannot_say(str(error))
        return entry

    def _placed(self, entry: Entry) -> Entry:
        """With the verdict on its place in a chain."""
        statement: TrainingStatement = _statement(entry)
        if not statement.dataset.encoding.bounds_declared:
            entry = entry.noted("the bounds of columns were taken from the data, forgotten rows included")
        counted = self._still_counted(statement)
        if counted:
            entry = entry.noted(f"rows that were put right since still count as they were: {counted}")
        entry = self._with_noise(entry, statement)
        if statement.previous is None:
            return self._bundled(entry.noted("it supersedes nothing"))
        before = self.statements.get(statement.previous)
        if before is None:
            return entry.cannot_say(f"it supersedes {statement.previous.hex()}, which is not here")
        entry, superseded = replace(entry, supersedes=before.name), _statement(before)
        if self._may_be_linked(superseded.dataset, statement.dataset):
            return entry.cannot_say(
                f"the link from the data set of {before.name!r} to its own is not here, or not valid"
            )
        try:
            changes = check_previous(statement, superseded, self.links)
        except StatementMismatch as error:
            return entry.contradicted(str(error))
        entry = entry.noted(*(f"another algorithm than before: {change}" for change in changes))
        return self._bundled(entry)

    def _with_noise(self, entry: Entry, statement: TrainingStatement) -> Entry:
        """With the verdict on its noise, and what is hidden by that of its chain up to it."""
        if statement.noise is None or entry.security_bits is None:
            return entry
        try:
            require_noise_apart(statement, map(_statement, self.statements.values()))
        except InvalidProof as error:
            return entry.contradicted(str(error))
        noisy, before = [statement], statement.previous
        while before in self.done:  # what is superseded was judged before
            other = self.done[before]
            if _statement(other).noise is not None and other.security_bits is not None:
                noisy.append(_statement(other))
            before = _statement(other).previous
        alone, all_of_them = indistinguishability(statement), together(noisy)
        entry = entry.noted(f"with noise: {alone}-indistinguishable, precedence of its commitment not checked")
        if len(noisy) > 1 and all_of_them is not None:
            entry = entry.noted(f"with the {len(noisy) - 1} before it: mu {all_of_them.mu}, together {all_of_them}")
        return entry

    def _may_be_linked(self, old: DatasetStatement, new: DatasetStatement) -> bool:
        """Whether no link that is here leads from one data set to the other, but others may.

        Rows of the older one were born there, or where it says; so they are in whatever it is linked to.
        """
        return not linked(old, new, self.links) and new.births[: len(old.births)] == old.births and new.rows >= old.rows

    def _still_counted(self, statement: TrainingStatement) -> int:
        """Rows that a link says are superseded, and that the training does not forget."""
        links = (link for link in self.links if link.new == statement.dataset)
        superseded = {record for link in links for record in link.superseded}
        return len(superseded - set(statement.forgotten))

    def _valid_links(self) -> list[AnyLink]:
        valid = [each.proof for each in self.done.values() if each.verdict == "valid"]
        return [link for link in valid if isinstance(link, LINK_PROOFS)]

    def _bundled(self, entry: Entry) -> Entry:
        """With the verdict on what statements of a sharded training are put together with: their chain as a bundle.

        It is that of the last statement of a request.
        """
        statement: TrainingStatement = _statement(entry)
        if not isinstance(statement.spec.method, Sisa) or entry.verdict == "invalid":
            return entry
        request: list[Any] = [_proof(each) for each in self.requests[entry.digest]]
        if entry.digest != request[-1].digest:
            return entry.noted(f"of one request with {self.requests[entry.digest][-1].name!r}")
        before = self.bundles.get(statement.previous or b"")
        known = self._valid_links()
        whole = Bundle(tuple(request)) if before is None or not statement.scope else before.with_request(request, known)
        try:
            check_bundle(whole, statement.dataset)
        except InvalidProof as error:
            if before is None and error.check == "bundle table":
                return entry.cannot_say("it is about some shards only, and what it is put together with is not here")
            entry = entry.contradicted(str(error))
        self.bundles |= {proof.digest: whole for proof in request}
        return entry

    def _in_order(self, trainings: list[Entry]) -> Iterator[Entry]:
        """Chain by chain, each request after the one it supersedes; copies of a statement after it."""
        copies: dict[bytes, list[Entry]] = {}
        for entry in trainings:
            copies.setdefault(entry.digest, []).append(entry)
        after: dict[int, list[list[Entry]]] = {}
        heads: list[list[Entry]] = []
        for request in self._each_request():
            superseded = self.requests.get(_statement(request[0]).previous or b"")
            (heads if superseded is None else after.setdefault(id(superseded), [])).append(request)
        for head in heads:
            waiting = [head]
            while waiting:
                request = waiting.pop()
                for entry in request:
                    yield from copies[entry.digest]
                waiting += reversed(after.pop(id(request), []))

    def _forks(self) -> tuple[tuple[str, ...], ...]:
        after: dict[object, list[str]] = {}
        for request in self._each_request():
            previous = _statement(request[0]).previous
            if previous is not None:
                superseded = self.requests.get(previous)
                after.setdefault(previous if superseded is None else id(superseded), []).append(request[-1].name)
        for entry in self.done.values():
            if isinstance(_statement(entry), LinkStatement):
                after.setdefault(_statement(entry).old, []).append(entry.name)
        return tuple(tuple(names) for names in after.values() if len(names) > 1)


def _apart(one: TrainingStatement, other: TrainingStatement) -> bool:
    """Whether each trains some shards, and none that the other does."""
    one_has, other_has = ({shard for run in own.scope for shard in run.shards} for own in (one, other))
    return bool(one_has and other_has) and one_has.isdisjoint(other_has)


def _proof(entry: Entry) -> Proof[Any]:
    """Of an entry that could be read."""
    if entry.proof is None:
        raise DataError(f"{entry.name}: {entry.reason}")
    return entry.proof


def _first_row(entry: Entry) -> int:
    """A registration goes on from those that list the rows before."""
    statement = _statement(entry)
    return statement.start if isinstance(statement, RegistrationStatement) else 0


def _statement(entry: Entry) -> Any:
    return _proof(entry).statement
