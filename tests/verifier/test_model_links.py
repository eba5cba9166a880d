"""Bundles of which some models were committed afresh: rule 4 follows links, and nothing else.

Every bundle here has one request, for a row of the second slice of shard 0, which begins from the models of the first
training as they were committed to in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.errors import ParameterError
from zkunlearn.formats.container import encode
from zkunlearn.verifier import bundles
from zkunlearn.verifier.bundles import check_bundle
from zkunlearn.verifier.renewals import renewal
from zkunlearn.verifier.verify import verify_proof

from .test_bundles import LATE, OTHER, SPEC, assert_needed, at, commit, refused

Link = Any  # a ModelLinkProof


@dataclass(frozen=True)
class Made:
    """What an owner proved of one data set.

    Attributes:
        first: all. again: the same, in another commitment. once, twice: its models, committed afresh.
        request: begins from `twice`. another: the link of the models of `again`.
    """

    dataset: zu.Dataset
    first: Any
    again: Any
    once: zu.Model
    twice: zu.Model
    request: Any
    another: Link

    @property
    def links(self) -> tuple[Link, Link]:
        return self.request.bundle.links


@pytest.fixture(scope="module")
def made() -> Made:
    dataset = commit(0)
    first, again = (zu.prove(dataset, SPEC) for _ in range(2))
    once, _ = zu.recommit_model(first.secret)
    twice, _ = zu.recommit_model(once, openings=9)
    request = zu.prove(dataset, SPEC, at(dataset, LATE), zu.ShardedModel(first.bundle, (twice,)))
    return Made(dataset, first, again, once, twice, request, zu.recommit_model(again.secret)[1])


def with_links(made: Made, links: Sequence[Any]) -> zu.Bundle:
    return replace(made.request.bundle, links=tuple(links))


def alike(link: Link, **changes: Any) -> Link:
    return replace(link, statement=replace(link.statement, **changes))


# What holds ----------------------------------------------------------------------------------------------------------


def test_a_request_may_begin_from_models_that_were_committed_afresh_several_times(made: Made) -> None:
    bundle = made.request.bundle
    assert (made.once.spent, made.twice.spent, made.first.secret.spent) == (2, 2, 2)
    assert bundle.statement.start[0].model == made.twice.commitment != made.first.statement.model
    assert made.links == made.twice.links and len(made.links) == 2
    for read in (bundle, zu.Bundle.from_bytes(bundle.to_bytes()), with_links(made, made.links[::-1])):
        report = zu.verify_bundle(read, made.dataset.commitment)
        assert (report.checked, report.trained) == (2, 1) and report.last.security_bits >= 100
    assert np.array_equal(made.request.model.models[0].integers, made.first.secret.integers)


def test_of_a_bundle_that_was_verified_before_the_link_is_new(made: Made) -> None:
    report = zu.verify_bundle(made.request.bundle, made.dataset.commitment, previous=made.first.bundle)
    assert report.checked == 1 and report.last.pinned == ("previous",)


def test_a_later_request_takes_the_same_models_and_keeps_links_that_are_needed(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    later: Any = zu.prove(made.dataset, SPEC, at(made.dataset, OTHER), made.request.model)
    assert later.bundle.links == made.links and len(later.bundle.proofs) == 3
    zu.verify_bundle(later.bundle, made.dataset.commitment)
    asked: list[bytes] = []

    def asking(proof: Any) -> Any:
        asked.append(proof.digest)
        return verify_proof(proof)

    monkeypatch.setattr(bundles, "verify_proof", asking)
    zu.verify_bundle(later.bundle, made.dataset.commitment, previous=made.request.bundle)
    assert asked == [made.dataset.commitment.digest, later.proof.digest], "links that were verified before are known"
    spoilt = (made.links[0], replace(made.links[1], proof=later.proof.proof[: len(made.links[1].proof)]))
    with pytest.raises(zu.InvalidProof):
        zu.verify_bundle(replace(later.bundle, links=spoilt), made.dataset.commitment, previous=made.request.bundle)
    assert asked[-1] == made.links[1].digest, "but not if its bytes are others"


def test_links_that_nothing_rests_on_any_more_leave_the_bundle(made: Made) -> None:
    """All of shard 0 is trained again, so nothing begins from the models that were committed afresh."""
    early: Any = zu.prove(made.dataset, SPEC, at(made.dataset, 0), made.request.model)
    assert early.bundle.links == () and len(early.bundle.proofs) == 2
    zu.verify_bundle(early.bundle, made.dataset.commitment)
    bundle = made.first.bundle.with_request([made.request.proof], (*made.links, made.another))
    assert bundle.links == made.links, "that of other models never enters"


# Rule 4 --------------------------------------------------------------------------------------------------------------

WRONG: dict[str, Callable[[Made], Sequence[Any]]] = {
    "no link: equal weights under another root": lambda m: (),
    "the first link missing": lambda m: m.links[1:],
    "the last link missing": lambda m: m.links[:1],
    "links of other models of equal weights": lambda m: (m.another,),
    "a link that ends there, of models of another statement": lambda m: (alike(m.another, new=m.twice.commitment),),
    "a link that names another training": lambda m: (
        m.links[0],
        alike(m.links[1], training=m.another.statement.training),
    ),
    "the way back": lambda m: (
        m.links[0],
        alike(m.links[1], old=m.links[1].statement.new, new=m.links[1].statement.old),
    ),
    "to other openings": lambda m: (
        m.links[0],
        alike(m.links[1], new=replace(m.twice.commitment, openings=8)),
    ),
    "from other openings": lambda m: (
        m.links[0],
        alike(m.links[1], old=replace(m.once.commitment, openings=8)),
    ),
    "from nowhere": lambda m: (alike(m.links[0], old=replace(m.once.commitment, root=bytes(32))), m.links[1]),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_start_that_no_links_lead_to_is_refused(what: str, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = with_links(made, WRONG[what](made))
    with pytest.raises(zu.InvalidProof, match="no link leads to") as failure:
        check_bundle(wrong, made.dataset.statement)
    assert failure.value.check == "bundle start"
    if all(link in (*made.links, made.another) for link in wrong.links):  # whose proofs are true ones
        assert_needed(wrong, made.dataset, "bundle start", monkeypatch)


@pytest.mark.parametrize("number", [0, 1])
def test_the_proof_of_every_link_is_checked(number: int, made: Made) -> None:
    spoilt, proof = list(made.links), bytearray(made.links[number].proof)
    proof[200] ^= 1
    spoilt[number] = replace(spoilt[number], proof=bytes(proof))
    assert refused(with_links(made, spoilt), made.dataset) == "constraints"
    assert refused(with_links(made, spoilt), made.dataset, previous=made.first.bundle) == "constraints"


def test_links_to_a_statement_that_is_not_in_force_do_not_help(made: Made) -> None:
    """Links are followed from what is in force for the stage before."""
    proofs = (made.again.proof, made.request.proof)
    assert refused(zu.Bundle(proofs, (*made.links, made.another)), made.dataset) == "bundle start"


@pytest.mark.parametrize("field", ["root", "openings"])
def test_a_start_with_another_commitment_than_that_of_the_last_link_is_refused(field: str, made: Made) -> None:
    (start,) = made.request.statement.start
    others: dict[str, Any] = {"root": bytes(32), "openings": 8}
    other = replace(start.model, **{field: others[field]})
    statement = replace(made.request.statement, start=(replace(start, model=other),))
    bundle = zu.Bundle((made.first.proof, replace(made.request.proof, statement=statement)), made.links)
    with pytest.raises(zu.InvalidProof) as failure:
        check_bundle(bundle, made.dataset.statement)
    assert failure.value.check == "bundle start"


def test_other_statements_are_no_links(made: Made) -> None:
    for wrong in (made.first.proof, made.dataset.commitment):
        with pytest.raises(ParameterError, match="recommit_model"):
            with_links(made, (wrong,))
        payload = {"proofs": [made.first.proof.to_bytes()], "links": [wrong.to_bytes()]}
        with pytest.raises(zu.FormatError, match="recommit_model"):
            zu.Bundle.from_bytes(encode("bundle", payload))


# Paths ---------------------------------------------------------------------------------------------------------------


def test_links_are_followed_by_the_shortest_way_whatever_else_they_lead_to(made: Made) -> None:
    """Circles and branches too."""
    first, second = made.links
    training, old, new = first.statement.training.digest, made.first.statement.model, made.twice.commitment
    back = alike(second, old=new, new=old)
    around = (back, second, first, made.another)
    assert renewal(training, old, new, around) == (first, second)
    assert renewal(training, old, old, around) == () == renewal(training, old, old, ())
    direct = alike(second, old=old)
    assert renewal(training, old, new, (*around, direct)) == (direct,)
    assert renewal(training, old, new, (first, back)) is None
    assert renewal(bytes(32), old, new, around) is None
