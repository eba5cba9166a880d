"""Bundles of a sharded training: which statement is in force for each stage of each shard, and whether they fit.

A request proves again what it touches; everything else stays as earlier statements have it. So a bundle is the list of
the statements that are in force somewhere, in the order in which they were made: for a shard and a stage it is the last
that trained them. A request may be several statements, each about some of its shards; they say the same of everything
else. A bundle says the same as one proof of everything if

1. "bundle spec": each is a valid proof of a training by the same algorithm;
2. "bundle data set": on the same data set, or one that this goes on from by links; and what is in force for a stage
   saw all rows that the stage has by now;
3. "bundle forget list": of the rows that it trained on it forgot those that the last one forgets, no more and no less;
4. "bundle start": it began from the models that are in force for the stage before, as they were committed to, or by
   links afresh, on the code on which they were proved; the first stage from zero;
5. "bundle table": each stage of each shard has one, and no statement is there for nothing.

What goes wrong without each of them is in docs/protocol.md, "Bundles".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import and_
from pathlib import Path
from typing import Any

from ..circuits.statements.dataset import DatasetStatement
from ..circuits.statements.link import LinkStatement
from ..circuits.statements.scope import Start
from ..circuits.statements.training import TrainingStatement
from ..errors import FormatError, InvalidProof, ParameterError, StatementMismatch, require_type
from ..formats.container import KINDS, decode, encode, write_container
from ..formats.fields import ListOf, take
from ..formats.files import read_file
from ..models.methods.sisa import MAX_SHARDS, MAX_SLICES, Sisa, Stages, stages_of
from ..models.shards import Run, Shards
from ..shown import Shown
from .pins import Pins, linked
from .proofs import LINK_PROOFS, MAX_FILE_BYTES, AnyLink, DatasetCommitment, LinkProof, Proof, TrainingProof
from .protocol.soundness import Soundness
from .renewals import links_between, renewal
from .shapes import same_code
from .verify import VerificationReport, verify_proof

BUNDLE_KIND = "bundle"
MAX_LINKS = 1 << 10
KINDS[BUNDLE_KIND] = 1
Place = tuple[int, int]  # a shard, and a stage of it, 1 to R


@dataclass(frozen=True)
class InForce:
    """What trained a stage of a shard last.

    Attributes:
        proof: its number in the bundle. run: with which shards, and from which stage on.
    """

    proof: int
    run: Run


@dataclass(frozen=True, repr=False)
class Bundle(Shown):
    """Statements of a sharded training with their proofs, those of the last request last.

    Attributes:
        proofs: in the order in which they were made.
        links: between data sets, where one went on as another, and between commitments to models.

    Raises:
        ParameterError: there is no proof, or one that is of no sharded training.
    """

    proofs: tuple[TrainingProof, ...]
    links: tuple[AnyLink, ...] = ()

    shows = "statement", "proofs", "links"

    def __post_init__(self) -> None:
        if not self.proofs:
            raise ParameterError("bundle: there is no statement in it")
        for proof in self.proofs:
            require_type("bundle", proof, TrainingProof, "of what `prove` returns it is `.proof`")
            if not isinstance(proof.statement.spec.method, Sisa):
                raise ParameterError(f"bundle: {proof.statement.spec.method.kind} has no shards to put together")
        for link in self.links:
            require_type("bundle", link, LINK_PROOFS, "`recommit` and `recommit_model` return it second")

    @property
    def statement(self) -> TrainingStatement:
        """The last, whose forget list is that of the bundle."""
        return self.proofs[-1].statement

    @property
    def request(self) -> tuple[TrainingProof, ...]:
        """The last statement, and those of the same request that are in force."""
        return tuple(proof for proof in self.proofs if of_one_request(proof.statement, self.statement))

    @property
    def dataset_links(self) -> list[LinkStatement]:
        """What its links between data sets say."""
        return [link.statement for link in self.links if isinstance(link, LinkProof)]

    @property
    def shards(self) -> Shards:
        """How the data set is cut. Raises ParameterError if it cannot be."""
        return _stages(self.statement).shards

    @cached_property
    def table(self) -> Mapping[Place, InForce]:
        """What is in force, where something is. Raises ParameterError for a statement that cannot be proved."""
        found: dict[Place, InForce] = {}
        for number, proof in enumerate(self.proofs):
            stages = _stages(proof.statement)
            for run in stages.runs:
                own = InForce(number, run)
                last = range(run.stage, stages.shards.slices + 1)
                found |= {(shard, stage): own for shard in run.shards for stage in last}
        return found

    def with_request(self, proofs: Sequence[TrainingProof], links: Iterable[AnyLink] = ()) -> Bundle:
        """The bundle after one more request, of one statement or several.

        What is not in force any more has left it, and links that nothing needs.

        links: from the data set before to that of the request; and of models that it begins from.
        """
        longer = Bundle((*self.proofs, *proofs))
        used = {entry.proof for entry in longer.table.values()}
        left = tuple(own for number, own in enumerate(longer.proofs) if number in used)
        between = {link.digest: link for link in (*self.links, *links)}
        return Bundle(left, tuple(_needed(Bundle(left, tuple(between.values())), self.statement.dataset)))

    def to_bytes(self) -> bytes:
        """The whole file."""
        return encode(BUNDLE_KIND, self._payload())

    def _payload(self) -> dict[str, object]:
        files = {"proofs": self.proofs, "links": self.links}
        return {name: [proof.to_bytes() for proof in proofs] for name, proofs in files.items()}

    def save(self, path: Path | str) -> None:
        """Write the file, whole or not at all."""
        write_container(path, BUNDLE_KIND, self._payload())

    @classmethod
    def from_bytes(cls, data: bytes) -> Bundle:
        """Raises FormatError; ParameterError for what are no bytes."""
        require_type("data", data, bytes, "`load` reads a file")
        _, payload = decode(data, BUNDLE_KIND, MAX_FILE_BYTES)
        form = {"proofs": ListOf(bytes, 1, MAX_SHARDS * MAX_SLICES), "links": ListOf(bytes, 0, MAX_LINKS)}
        found = take(payload, form, BUNDLE_KIND)
        links: Any = tuple(map(Proof.from_bytes, found["links"]))
        try:
            return cls(tuple(map(TrainingProof.from_bytes, found["proofs"])), links)
        except ParameterError as error:
            raise FormatError(str(error)) from None

    @classmethod
    def load(cls, path: Path | str) -> Bundle:
        """Raises FormatError or DataError, naming the file."""
        data = read_file(path, MAX_FILE_BYTES)
        try:
            return cls.from_bytes(data)
        except FormatError as error:
            raise error.named(path) from error


def of_one_request(one: TrainingStatement, other: TrainingStatement) -> bool:
    """Whether two statements differ only in shards, and in what follows from them: models, and where these begin."""
    names = ("previous", "forgotten", "forgotten_classes", "dataset", "spec")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def load_public(path: Path | str) -> Proof[Any] | Bundle:
    """What is in a file, a proof or a bundle. Raises FormatError or DataError, naming the file."""
    try:
        return Proof.load(path)
    except FormatError as error:
        if error.fault != "kind":
            raise
        try:
            return Bundle.load(path)
        except FormatError as other:
            raise (error if other.fault == "kind" else other) from None


def loaded(path: Path | str) -> tuple[Proof[Any], ...]:
    """The proofs in a file, those of a bundle with its links, or a single one.

    Raises FormatError or DataError, naming the file.
    """
    found = load_public(path)
    return (*found.proofs, *found.links) if isinstance(found, Bundle) else (found,)


def _stages(statement: TrainingStatement) -> Stages:
    """What a statement of a sharded training covers. Raises ParameterError."""
    statement.require_provable()
    return stages_of(statement.schedule)


def check_bundle(bundle: Bundle, dataset: DatasetStatement) -> None:
    """The statements of a bundle fit together; their proofs are not checked here.

    Raises:
        InvalidProof: they do not, naming the rule.
    """
    try:
        table, shards = bundle.table, bundle.shards
    except ParameterError as error:
        raise InvalidProof("statement", str(error)) from error
    now = replace(shards, rows=dataset.rows)
    _check_spec(bundle)
    _check_dataset(bundle, dataset, table, now)
    _check_table(bundle, table, now)
    _check_forgotten(bundle, table, now)
    _check_start(bundle, table)


def _check_spec(bundle: Bundle) -> None:
    """Rule 1: all are by one algorithm."""
    for number, proof in enumerate(bundle.proofs):
        if proof.statement.spec != bundle.statement.spec:
            raise InvalidProof("bundle spec", f"statement {number + 1} is by another algorithm than the last")


def _check_dataset(bundle: Bundle, dataset: DatasetStatement, table: Mapping[Place, InForce], shards: Shards) -> None:
    """Rule 2: all are about this data set, or one that it goes on from, and no stage in force has more rows by now.

    Rows keep their positions, so where there are as many there are the same ones.
    """
    links = bundle.dataset_links
    then = [replace(shards, rows=own.statement.dataset.rows) for own in bundle.proofs]
    for number, proof in enumerate(bundle.proofs):
        if then[number].rows > dataset.rows or not linked(proof.statement.dataset, dataset, links):
            raise InvalidProof("bundle data set", f"statement {number + 1} is about another data set")
    for (shard, stage), entry in table.items():
        before, now = then[entry.proof].seen(shard, stage), shards.seen(shard, stage)
        if before != now:
            raise InvalidProof(
                "bundle data set",
                f"stage {stage} of shard {shard} is as statement {entry.proof + 1} has it, which knew {before} of the "
                f"{now} rows that it has now",
            )


def _check_table(bundle: Bundle, table: Mapping[Place, InForce], shards: Shards) -> None:
    """Rule 5: something is in force for each stage of each shard, and each statement is somewhere."""
    places = ((shard, stage) for shard in range(shards.count) for stage in range(1, shards.slices + 1))
    missing = next((place for place in places if place not in table), None)
    if missing is not None:
        raise InvalidProof("bundle table", f"nothing trained stage {missing[1]} of shard {missing[0]}")
    idle = set(range(len(bundle.proofs))) - {entry.proof for entry in table.values()}
    if idle:
        raise InvalidProof("bundle table", f"statement {min(idle) + 1} is in force nowhere")


def _check_forgotten(bundle: Bundle, table: Mapping[Place, InForce], shards: Shards) -> None:
    """Rule 3: where a statement is in force, no row is forgotten by it alone, or by the last one alone."""
    wanted = set(bundle.statement.positions)
    for number, proof in enumerate(bundle.proofs):
        for position in wanted.symmetric_difference(proof.statement.positions):
            shard, place = divmod(position, shards.shard_rows)
            first = next(stage for stage in range(1, shards.slices + 1) if place < shards.prefix(stage))
            for stage in range(first, shards.slices + 1):
                if table[shard, stage].proof == number:
                    raise InvalidProof(
                        "bundle forget list",
                        f"stage {stage} of shard {shard} is as statement {number + 1} has it, which does not forget "
                        f"what the last one does: the row at position {position}",
                    )


def _check_start(bundle: Bundle, table: Mapping[Place, InForce]) -> None:
    """Rule 4; on which code models lie follows from the data set beside them, too."""
    for place in table:
        begun, which = _begun(bundle, place), f"stage {place[1]} of shard {place[0]}"
        if begun is None:
            continue
        start, earlier, later = begun
        scope = stages_of(later.schedule).scope_of(stages_of(earlier.statement.schedule))
        if (start.statement, start.scope) != (earlier.digest, scope):
            why = "does not begin from the models in force for the stage before"
            raise InvalidProof("bundle start", f"{which} {why}")
        if _renewal(bundle, start, earlier) is None:
            why = "begins from a commitment that no link leads to from that of the models in force for the stage before"
            raise InvalidProof("bundle start", f"{which} {why}")
    for start, earlier, later in _all_begun(bundle):
        if not same_code(start.model, earlier.statement, later.dataset):
            why = f"models of {earlier.digest.hex()} are begun from on another code than they were proved on"
            raise InvalidProof("bundle start", why)


Begun = tuple[Start, TrainingProof, TrainingStatement]


def _begun(bundle: Bundle, place: Place) -> Begun | None:
    """What a stage of a shard says it began from, the statement in force for the stage before, and its own.

    None for one from zero, or from the stage before of the same run, which is in force as runs go on to the last stage;
    and where nothing is in force.
    """
    (shard, stage), entry = place, bundle.table[place]
    before = bundle.table.get((shard, stage - 1))
    if entry.run.start is None or entry.run.stage < stage or before is None:
        return None
    own = bundle.proofs[entry.proof].statement
    return own.start[entry.run.start], bundle.proofs[before.proof], own


def _all_begun(bundle: Bundle) -> Iterable[Begun]:
    """That of all stages of shards, once each."""
    found = (_begun(bundle, place) for place in bundle.table)
    return {(start, old.digest, new.digest): (start, old, new) for start, old, new in filter(None, found)}.values()


def _renewal(bundle: Bundle, start: Start, earlier: TrainingProof) -> tuple[AnyLink, ...] | None:
    """The links from the commitment in an earlier statement to the one that was begun from."""
    return renewal(earlier.digest, earlier.statement.model, start.model, bundle.links)


def _needed(bundle: Bundle, before: DatasetStatement) -> Iterator[AnyLink]:
    """Links from the data sets of its statements, and from the one before, to that of the last; and of models, as far
    as stages begin from them."""
    now = bundle.statement.dataset
    datasets = dict.fromkeys((before, *(proof.statement.dataset for proof in bundle.proofs)))
    needed: list[AnyLink] = [link for old in datasets for link in links_between(old, now, bundle.links) or ()]
    needed += [link for start, earlier, _ in _all_begun(bundle) for link in _renewal(bundle, start, earlier) or ()]
    used = {link.digest for link in needed}
    yield from (link for link in bundle.links if link.digest in used)


def _between(bundle: Bundle, previous: Bundle) -> tuple[LinkProof, ...]:
    """What leads from the data set of a bundle to that of the next one; nothing if nothing does, or has to."""
    return links_between(previous.statement.dataset, bundle.statement.dataset, bundle.links) or ()


# Verifying -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class BundleReport(Shown):
    """What was verified of a bundle.

    Attributes:
        bundle: all of it.
        last: the report on the last statement, whose bits are those of all proofs that were checked now.
        checked: how many proofs of the bundle were checked now; the others were given as known.
        trained: stages of shards that the last request trained, by one statement or several, of `stages` in all.
        shards: those that it trained.
        empty_shards: those of which no row counts, whose models have no say.
    """

    bundle: Bundle
    last: VerificationReport
    checked: int
    trained: int
    stages: int
    shards: tuple[int, ...]
    empty_shards: tuple[int, ...]

    shows = "last", "checked", "trained", "stages"


def verify_bundle(
    bundle: Bundle, dataset: DatasetCommitment, pins: Pins | None = None, previous: Bundle | None = None
) -> BundleReport:
    """Check a bundle against a data set and whatever else the auditor pins, about its last statement.

    Args:
        previous: a bundle that was verified before, and that the last request supersedes: what is kept of it is not
            verified again.

    Raises:
        StatementMismatch: the last statement is not what was pinned, or supersedes something else than `previous`.
        InvalidProof: naming the check, or the rule of bundles, that failed.
        ParameterError: an argument of another type.
    """
    require_type("bundle", bundle, Bundle, "of what `prove` returns it is `.bundle`")
    require_type("dataset", dataset, DatasetCommitment, "of what `commit` returns it is `.commitment`")
    pins = pins or Pins()
    known: list[Proof[Any]] = []
    if previous is not None:
        if pins.previous is not None:
            raise ParameterError("previous: is given twice, as a bundle and as a proof")
        pins = replace(pins, previous=previous.proofs[-1], links=_between(bundle, previous))
        known = [*previous.proofs, *previous.links]
    pinned, changes = pins.check(bundle.statement, dataset.statement)
    check_bundle(bundle, dataset.statement)
    new = [proof for proof in bundle.proofs if proof not in known]
    if not new:
        raise StatementMismatch("every statement of the bundle is in the previous one")
    links = [link for link in bundle.links if link not in known]
    links += [link for link in pins.links if link not in links]
    checked = [] if pins.known_dataset is not None else [verify_proof(dataset)]
    found: Soundness = reduce(and_, [*checked, *map(verify_proof, (*links, *new))])
    last = VerificationReport(
        bundle.statement,
        found.least,
        pinned,
        bool(checked),
        changes,
        previous is not None,
        total_bits=found.total,
        bundled=True,
    )
    request = {number for number, proof in enumerate(bundle.proofs) if proof in bundle.request}
    own = {place for place, entry in bundle.table.items() if entry.proof in request}
    shards = tuple(sorted({shard for shard, _ in own}))
    empty = _stages(bundle.statement).empty_shards
    return BundleReport(bundle, last, len(new), len(own), len(bundle.table), shards, empty)
