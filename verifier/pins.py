"""What an auditor demands of a training proof beside its being valid: that it is about what was expected."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ..circuits.statements.base import statement_digest
from ..circuits.statements.dataset import DIGEST_BYTES, DatasetStatement
from ..circuits.statements.link import LinkStatement
from ..circuits.statements.noise import require_noise_apart, require_nonce
from ..circuits.statements.training import TrainingStatement
from ..errors import InvalidProof, ParameterError, StatementMismatch, require_type
from ..models.spec import TrainingSpec
from .noise import NoiseCommitment
from .proofs import LinkProof, TrainingProof
from .renewals import links_between
from .shapes import same_code

NAMES = ("spec", "forget list", "previous")
NOISE_NAMES = ("noise", "nonce")  # of statements with noise
LINKS = "`recommit`, `append` and `rectify` return one second"


@dataclass(frozen=True, kw_only=True)
class Pins:
    """What the auditor names; what is None is not pinned.

    Attributes:
        spec: the algorithm that is expected.
        forget: the record digests of the forgotten rows, 32 bytes each, in any order; empty for none.
        previous: the proof that this one supersedes; its statement is compared, the proof itself is not checked.
        links: that lead from the data set of `previous` to the one given now, in any order.
        known_dataset: digest of a data set whose validity proof was checked before.
        noise: the commitment that the auditor, or a log, had before the nonce was known.
        nonce: the one that the auditor gave, or the beacon did.
    """

    spec: TrainingSpec | None = None
    forget: Collection[bytes] | None = None
    previous: TrainingProof | None = None
    links: Collection[LinkProof] = ()
    known_dataset: bytes | None = None
    noise: NoiseCommitment | None = None
    nonce: bytes | None = None

    def __post_init__(self) -> None:
        """Raises ParameterError for what could never be compared, or would not be used."""
        if self.spec is not None:
            require_type("spec", self.spec, TrainingSpec, "`load_spec` reads a file")
        if self.previous is not None:
            require_type("previous", self.previous, TrainingProof, "of what `prove` returns it is `.proof`")
        for link in self.links:
            require_type("links", link, LinkProof, LINKS)
        if self.links and self.previous is None:
            raise ParameterError("links: they link the data set of `previous`, which is not given")
        if self.known_dataset is not None:
            _require_digest("known_dataset", self.known_dataset)
        if self.noise is not None:
            require_type("noise", self.noise, NoiseCommitment, "`NoiseCommitment.load` reads a file")
        if self.nonce is not None:
            require_nonce(self.nonce)

    def check(self, statement: TrainingStatement, dataset: DatasetStatement) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The statement is about what is named.

        Returns:
            What was pinned, by name; and what the algorithm changed since the superseded statement, in words.

        Raises:
            StatementMismatch: it is about something else, or the links are.
        """
        pinned: list[str] = []
        changes: tuple[str, ...] = ()
        if statement.dataset != dataset:
            raise StatementMismatch("the proof is about another data set")
        if self.known_dataset is not None and self.known_dataset != statement_digest(dataset):
            raise StatementMismatch("the data set is another one than the known one")
        if self.spec is not None:
            if statement.spec != self.spec:
                differences = "; ".join(statement.spec.differences(self.spec))
                raise StatementMismatch(f"the proof declares another algorithm: {differences}")
            pinned.append("spec")
        if self.forget is not None:
            check_forgotten(statement, self.forget)
            pinned.append("forget list")
        if self.previous is not None:
            before = self.previous.statement
            links = links_between(before.dataset, dataset, self.links) or ()
            if len(links) < len(self.links):
                raise StatementMismatch("the links do not lead from the data set of the previous proof to this one")
            changes = check_previous(statement, before, [link.statement for link in links])
            pinned.append("previous")
        return (*pinned, *self._check_noise(statement)), changes

    def _check_noise(self, statement: TrainingStatement) -> tuple[str, ...]:
        """What was pinned of noise. Raises StatementMismatch."""
        own, committed = statement.noise, statement.committed_noise
        if own is None or committed is None:
            if self.noise is not None or self.nonce is not None:
                raise StatementMismatch("the proof is of a model without noise")
            return ()
        if self.noise is not None and self.noise.digest != committed.digest:
            raise StatementMismatch("the proof has other noise than what was committed to, or is of another request")
        if self.nonce is not None and self.nonce != own.nonce:
            raise StatementMismatch("the noise was drawn with another nonce")
        given = (self.noise, self.nonce)
        return tuple(name for name, value in zip(NOISE_NAMES, given, strict=True) if value is not None)


def check_forgotten(statement: TrainingStatement, expected: Collection[bytes]) -> None:
    """Exactly these rows are forgotten. Raises StatementMismatch; ParameterError for what are no digests."""
    listed = isinstance(expected, Collection) and not isinstance(expected, (str, bytes, bytearray))
    for digest in expected if listed else ():
        if not isinstance(digest, bytes):
            raise ParameterError(f"forget: a record digest is bytes, found {type(digest).__name__}")
    if not listed:
        raise ParameterError(f"forget: a list of record digests is needed, found {type(expected).__name__}")
    stated = {record.digest for record in statement.forgotten}
    if stated != set(expected):
        missing, extra = len(set(expected) - stated), len(stated - set(expected))
        raise StatementMismatch(
            f"the proof has another forget list: {missing} of the expected rows are not in it, "
            f"{extra} of its rows were not expected"
        )


def check_previous(
    statement: TrainingStatement, previous: TrainingStatement, links: Iterable[LinkStatement]
) -> tuple[str, ...]:
    """The statement supersedes this one: the same rows, and nothing forgotten before is back.

    Args:
        links: between data sets.

    Returns:
        What it declares differently, in words.

    Raises:
        StatementMismatch: it does not.
    """
    if statement.previous != statement_digest(previous):
        raise StatementMismatch("the proof does not supersede the given previous one")
    if not linked(previous.dataset, statement.dataset, links):
        raise StatementMismatch("the previous proof is about another data set")
    try:
        require_noise_apart(statement, [previous])
    except InvalidProof as error:
        raise StatementMismatch(str(error)) from error
    if not set(previous.forgotten) <= set(statement.forgotten):
        raise StatementMismatch("a row that the previous proof forgot is not forgotten in this one")
    for text in sorted(set(previous.forgotten_classes) - set(statement.forgotten_classes)):
        raise StatementMismatch(f"the class {text!r}, which the previous proof forgot, is not forgotten in this one")
    if statement.spec.method.begins and not _begins(statement, previous):
        raise StatementMismatch("its steps begin from another model than that of the previous proof, or scale, or code")
    left_out, before = set(statement.spec.without), set(previous.spec.without)
    for name in sorted(before - left_out):
        raise StatementMismatch(f"the feature {name!r}, which the previous proof left out, is not left out in this one")
    left = (f"the feature {name!r} is left out now" for name in sorted(left_out - before))
    return (*left, *statement.spec.differences(previous.spec.leaving_out(statement.spec.without)))


def _begins(statement: TrainingStatement, previous: TrainingStatement) -> bool:
    """Whether steps begin from the model of the other statement, on the code on which that was proved."""
    try:
        return statement.begins_from(previous) and same_code(previous.model, previous, statement.dataset)
    except ParameterError:  # one of them is nothing that could be proved
        return False


def linked(old: DatasetStatement, new: DatasetStatement, links: Iterable[LinkStatement]) -> bool:
    """Whether these links lead from one data set to the other, or both are one."""
    steps = list(links)
    reached = [old]
    for found in reached:  # grows while it is walked
        reached += [link.new for link in steps if link.old == found and link.new not in reached]
    return new in reached


def require_birth(dataset: DatasetStatement, links: Iterable[LinkStatement]) -> None:
    """All rows were first committed where the data set says, as fingerprints have to follow from what came later.

    Args:
        links: between data sets; needed if rows come from an older one.

    Raises:
        ParameterError: these links do not lead to it from there.
    """
    steps = list(links)
    older = {born for born in dataset.births if born != dataset.digest}
    for born in older - {link.old.digest for link in steps if linked(link.old, dataset, steps)}:
        raise ParameterError(
            f"rows of this data set were first committed in {born.hex()}: the links that lead from there to it are "
            "needed, too"
        )


def _require_digest(name: str, value: object) -> None:
    require_type(name, value, bytes, "`bytes.fromhex` reads a hexadecimal digest")
    if isinstance(value, bytes) and len(value) != DIGEST_BYTES:
        raise ParameterError(f"{name}: a digest has {DIGEST_BYTES} bytes, not {len(value)}")
