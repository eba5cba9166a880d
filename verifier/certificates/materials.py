"""What a deletion certificate is about: the proof of an unlearning, and everything that it refers to; checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any

from ...circuits.statements.training import TrainingStatement
from ...errors import ParameterError, StatementMismatch, require_type
from ...shown import Shown
from ..bundles import Bundle, verify_bundle
from ..pins import LINKS, Pins
from ..proofs import DatasetCommitment, LinkProof, Proof, RegistrationProof, TrainingProof
from ..protocol.soundness import Soundness
from ..registrations import REGISTRATIONS, require_whole
from ..renewals import links_between
from ..verify import VerificationReport, verify_proof, verify_training

Unlearning = TrainingProof | Bundle
NOTHING_FORGOTTEN = "nothing is forgotten by it: a certificate of deletion would say nothing"


@dataclass(frozen=True, kw_only=True, repr=False)
class Materials(Shown):
    """The files of an unlearning, as objects.

    Attributes:
        proof: of the unlearning, or the bundle.
        dataset: the commitment to the data set that it is about.
        previous: what it supersedes, as its file is; needed where it supersedes something, as the certificate names the
            model before. Its statement is compared; its proof was the business of its own certificate.
        links: from the data set of `previous` to this one, if they are two; and those that the registration needs.
        registrations: one of the data set, with those that it goes on from; none is needed.

    Raises:
        ParameterError: an argument of another type, nothing is forgotten, or two registrations of which neither goes
            on from the other.
    """

    proof: Unlearning
    dataset: DatasetCommitment
    previous: Unlearning | None = None
    links: tuple[LinkProof, ...] = ()
    registrations: tuple[RegistrationProof, ...] = ()

    shows = "statement", "links", "registrations"

    def __post_init__(self) -> None:
        require_type("proof", self.proof, (TrainingProof, Bundle), "of what `prove` returns it is `.proof`, `.bundle`")
        require_type("dataset", self.dataset, DatasetCommitment, "of what `commit` returns it is `.commitment`")
        if self.previous is not None:
            require_type("previous", self.previous, (TrainingProof, Bundle), "the proof or bundle that it supersedes")
        for link in self.links:
            require_type("links", link, LinkProof, LINKS)
        for registration in self.registrations:
            require_type("registrations", registration, RegistrationProof, REGISTRATIONS)
        if len(self._last) > 1:
            raise ParameterError("registrations: several of which none goes on from the other")
        own = self.statement
        if not (len(own.forgotten) > len(own.dataset.holes) or own.forgotten_classes or self.left_out):
            raise ParameterError(f"proof: {NOTHING_FORGOTTEN}")
        if own.previous is not None and self.previous is None:
            raise ParameterError(f"previous: it supersedes {own.previous.hex()}, which is needed")

    @property
    def statement(self) -> TrainingStatement:
        """The last, of a bundle."""
        return self.proof.statement

    @property
    def _last(self) -> list[RegistrationProof]:
        named = {own.statement.previous for own in self.registrations}
        return [own for own in self.registrations if own.digest not in named]

    @property
    def registration(self) -> RegistrationProof | None:
        """The one that the others are there for."""
        return self._last[0] if self._last else None

    @property
    def left_out(self) -> tuple[str, ...]:
        """Features that the model before had, and this one has not."""
        if self.previous is None:
            return ()
        before = self.previous.statement.spec.without
        return tuple(name for name in self.statement.spec.without if name not in before)

    @property
    def named(self) -> Iterator[tuple[str, Proof[Any] | Bundle]]:
        """Every file with what it is to the unlearning, in an order of their own."""
        yield "proof", self.proof
        yield "data set", self.dataset
        if self.previous is not None:
            yield "superseded proof", self.previous
        yield from (("link", link) for link in sorted(self.links, key=lambda own: own.digest))
        yield from (("registration", own) for own in sorted(self.registrations, key=lambda own: own.digest))


@dataclass(frozen=True)
class Checked:
    """Materials whose proofs were checked, but for that of what is superseded.

    Attributes:
        report: on the last request.
        security_bits, total_bits: of all proofs that were checked.
    """

    materials: Materials
    report: VerificationReport
    security_bits: float
    total_bits: float


def check_materials(materials: Materials, pins: Pins | None = None) -> Checked:
    """Check the proof, its data set, links and registrations, and that they belong together.

    Args:
        pins: what else is expected of the proof; what it supersedes and links are those of the materials.

    Raises:
        InvalidProof: naming the check that failed.
        StatementMismatch: it is about something else than what is given with it.
        ParameterError: `pins` names what the materials have.
    """
    before = materials.previous
    last = before.proofs[-1] if isinstance(before, Bundle) else before
    own = pins or Pins()
    for name in ("previous", "links", "known_dataset"):
        if getattr(own, name):
            raise ParameterError(f"{name}: a certificate is about all that it names, and says so itself")
    leading = (
        None if last is None else links_between(last.statement.dataset, materials.dataset.statement, materials.links)
    )
    others = [link for link in materials.links if link not in (leading or ())]
    if others and materials.registration is None:
        raise StatementMismatch("links: one leads nowhere that matters here")
    named = {name: getattr(own, name) for name in ("spec", "forget", "noise", "nonce")}
    report = _report(materials, Pins(**named, previous=last, links=leading or ()))
    found = reduce(and_, map(verify_proof, others), Soundness(report.security_bits, report.total_bits))
    if materials.registration is not None:
        found &= _registered(materials, materials.registration)
    return Checked(materials, report, found.least, found.total)


def _report(materials: Materials, pins: Pins) -> VerificationReport:
    if isinstance(materials.proof, Bundle):
        return verify_bundle(materials.proof, materials.dataset, pins).last
    return verify_training(materials.proof, materials.dataset, pins)


def _registered(materials: Materials, registration: RegistrationProof) -> Soundness:
    """The registration is valid, of the data set, and goes on from the others that are given."""
    if registration.statement.dataset != materials.dataset.statement:
        raise StatementMismatch("registration: it is of another data set")
    require_whole(registration, materials.registrations, [link.statement for link in materials.links])
    return reduce(and_, map(verify_proof, materials.registrations))


def sha256(proof: Proof[Any] | Bundle) -> tuple[str, int]:
    """SHA-256 of a file, in hexadecimal, and its size in bytes."""
    data = proof.to_bytes()
    return hashlib.sha256(data).hexdigest(), len(data)
