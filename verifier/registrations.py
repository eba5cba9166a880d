"""Registrations: that fingerprints are those of rows, each of which was committed where the data set says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import and_
from typing import Any

from ..circuits.statements.link import LinkStatement
from ..circuits.statements.registration import require_distinct
from ..errors import ParameterError, StatementMismatch, require_type
from .pins import LINKS, linked, require_birth
from .proofs import DatasetCommitment, LinkProof, Proof, RegistrationProof
from .verify import verify_proof

REGISTRATIONS = "`register` returns it"


def verify_registration(
    registration: RegistrationProof,
    dataset: DatasetCommitment,
    links: Iterable[LinkProof] = (),
    previous: Iterable[RegistrationProof] = (),
) -> float:
    """Check that fingerprints are those of the rows of a data set, in the order of its records; bits of soundness.

    Args:
        links: those that lead to it from where its rows were first committed, if it is not there, and from the data
            sets of `previous`; checked too.
        previous: the registrations that it goes on from: the one that it names, the one which that names, and so on,
            in any order. Their records are compared; their own proofs are not checked.

    Raises:
        StatementMismatch: it is of another data set.
        InvalidProof: naming the check that failed.
        ParameterError: a link or a previous registration is missing, or an argument of another type.
    """
    require_type("registration", registration, RegistrationProof, REGISTRATIONS)
    require_type("dataset", dataset, DatasetCommitment, "of what `commit` returns it is `.commitment`")
    if registration.statement.dataset != dataset.statement:
        raise StatementMismatch("the registration is of another data set")
    given, before = list(links), list(previous)
    for link in given:
        require_type("links", link, LinkProof, LINKS)
    for own in before:
        require_type("previous", own, RegistrationProof, REGISTRATIONS)
    statements = [link.statement for link in given]
    require_birth(dataset.statement, statements)
    chain = registrations_before(registration, before, statements)
    proofs: list[Proof[Any]] = [*given, registration]
    found = reduce(and_, map(verify_proof, proofs)).least
    require_goes_on(registration, chain)
    return found


def require_whole(
    registration: RegistrationProof, previous: Iterable[RegistrationProof], links: Sequence[LinkStatement]
) -> None:
    """What a registration goes on from is there, and goes on: for who has checked all proofs.

    Args:
        previous: registrations, of which other ones may be among them. links: between data sets.

    Raises:
        ParameterError, InvalidProof: as `verify_registration`.
    """
    require_birth(registration.statement.dataset, links)
    require_goes_on(registration, registrations_before(registration, previous, links))


def registrations_before(
    registration: RegistrationProof, previous: Iterable[RegistrationProof], links: Sequence[LinkStatement]
) -> list[RegistrationProof]:
    """Those that a registration goes on from, the newest one first.

    Raises:
        ParameterError: one of them is missing, or a link from its data set to that of the registration after it.
    """
    by_digest = {own.digest: own for own in previous}
    chain, after = [], registration.statement
    while after.previous is not None:
        found = by_digest.get(after.previous)
        if found is None:
            raise ParameterError(
                f"it lists rows from {after.start} on: the registration {after.previous.hex()} of those before is "
                "needed, too"
            )
        if not linked(found.statement.dataset, after.dataset, links):
            raise ParameterError(
                f"the registration {after.previous.hex()} of the rows before is of another data set: the links that "
                "lead from there are needed, too"
            )
        chain.append(found)
        after = found.statement
    return chain


def require_goes_on(registration: RegistrationProof, chain: Sequence[RegistrationProof]) -> None:
    """All of them together list the rows of one data set, each record once.

    Args:
        registration: its own proof has been checked. chain: what `registrations_before` found.

    Raises:
        InvalidProof: "previous registration", "registration", "record tree" or "distinct records".
    """
    after = registration
    known = [own.statement.with_body(own.body) for own in (registration, *chain)]
    for statement, before in zip(known[1:], chain, strict=True):
        after.statement.require_goes_on(statement, after.attached)
        statement.require_records(before.attached)  # no part of what is stated: others may be in the file
        after = before
    if chain:
        require_distinct(known)
