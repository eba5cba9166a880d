"""Owners of data that grew, who register what is not so. The check that refuses it is named, by both verifiers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements.dataset import DatasetStatement, Segment
from zkunlearn.circuits.statements.fingerprints import FINGERPRINT_BYTES, coefficients
from zkunlearn.circuits.statements.record_tree import NODE_TAG, root_of
from zkunlearn.circuits.statements.records import DIGEST_BYTES, order_key, segment_seed
from zkunlearn.circuits.statements.registration import FINGERPRINT_PEAKS, RECORD_PEAKS
from zkunlearn.prover.owner.dataset import commit_rows
from zkunlearn.prover.owner.registration import fingerprints_of, packed_fingerprints
from zkunlearn.verifier.registrations import require_goes_on

from ..reference import records as reference
from .registrations import (
    FEATURES,
    ROWS,
    committed,
    digests_in,
    digests_of,
    fingerprints_in,
    forged,
    listing,
    listing_others,
    pieces,
    receipt_verdict,
    restated,
    rows_in,
    verdict,
    with_rows,
)

ADDED, LAST = 6, 3
STARTS = (0, ROWS, ROWS + ADDED)
NONCE = b"\7" * 32


def grown(dataset: zu.Dataset, rows: int, seed: int = 7, **options: Any) -> tuple[zu.Dataset, zu.LinkProof]:
    features = np.random.default_rng(seed).normal(size=(rows, FEATURES))
    return zu.append(dataset, features, np.arange(rows) % 2, **options)


@dataclass(frozen=True, eq=False)
class Story:
    """A data set that has grown twice, and its registrations, each of which goes on from the one before."""

    datasets: tuple[zu.Dataset, ...]
    links: tuple[zu.LinkProof, ...]
    registrations: tuple[zu.RegistrationProof, ...]
    whole: zu.RegistrationProof  # of the second one

    def verdict(self, registration: zu.RegistrationProof, number: int = 1) -> str:
        """Of one of the second data set, or of the third, with all that there is."""
        return verdict(registration, self.datasets[number].commitment, self.links, self.registrations)


@pytest.fixture(scope="module")
def story() -> Story:
    first = committed(openings=20)
    second, to_second = grown(first, ADDED, nonce=NONCE)
    third, to_third = grown(second, LAST)
    registrations = [zu.register(first)]
    for dataset in (second, third):
        registrations.append(zu.register(dataset, registrations[-1]))
    return Story((first, second, third), (to_second, to_third), tuple(registrations), zu.register(second))


def own_fingerprints(dataset: zu.Dataset) -> bytes:
    return fingerprints_of(dataset.statement, dataset.rows)


def attached(registration: zu.RegistrationProof, **changes: bytes) -> zu.RegistrationProof:
    return replace(registration, attached={**registration.attached, **changes})


def test_honest_registrations_of_data_that_grew_are_valid(story: Story) -> None:
    assert story.verdict(story.whole) == "valid"
    for number, own in enumerate(story.registrations):
        assert (own.statement.start, story.verdict(own, number)) == (STARTS[number], "valid")
    for after in (None, story.registrations[0]):  # or the tests below would see nothing
        made, lies = forged(story.datasets[1], after=after)
        assert story.verdict(made) == listing(made) == "valid" and not lies


def test_an_extension_lists_the_new_rows_as_a_registration_of_all_does(story: Story) -> None:
    """Digest and fingerprint of a row are the same bytes for life, and so is the root over all."""
    first, second, third = story.registrations
    assert second.statement.root == story.whole.statement.root
    assert rows_in(story.whole) == rows_in(first) + rows_in(second)
    last = zu.register(story.datasets[2])
    assert fingerprints_in(last) == fingerprints_in(story.whole) + fingerprints_in(third)
    after = zu.register(zu.recommit(story.datasets[2], 4)[0], second)  # committed afresh, and from an older one on
    assert (after.attached, after.body) == (third.attached, third.body)
    assert after.statement.previous == third.statement.previous


# Birth ---------------------------------------------------------------------------------------------------------------


def committed_as(dataset: zu.Dataset, *births: bytes | None) -> zu.Dataset:
    """With births of the owner's choice."""
    segments = tuple(
        replace(segment, born=born) for segment, born in zip(dataset.statement.segments, births, strict=True)
    )
    return commit_rows(dataset.rows, dataset.statement.encoding, 4, segments, None)


def test_new_rows_that_claim_an_old_birth_are_not_believed(story: Story) -> None:
    """The vector was known when they were chosen, so a blind could be fitted to any fingerprint."""
    first = story.datasets[0].statement.digest
    for birth in (first, b"\1" * 32):
        lying = committed_as(story.datasets[1], first, birth)
        made = zu.register(lying)
        assert story_links(story, made, lying) == "links"


def test_old_rows_that_claim_to_be_born_later_are_not_believed(story: Story) -> None:
    """A second vector over the same blinds would show the rows."""
    lying = committed_as(story.datasets[1], b"\1" * 32, None)
    assert story_links(story, zu.register(lying), lying) == "links"


def story_links(story: Story, registration: zu.RegistrationProof, dataset: zu.Dataset) -> str:
    return verdict(registration, dataset.commitment, story.links, story.registrations)


def test_an_extension_needs_all_links_and_all_that_it_goes_on_from(story: Story) -> None:
    third, of = story.registrations[2], story.datasets[2].commitment
    for links in ((), story.links[:1], story.links[1:]):
        assert verdict(third, of, links, story.registrations) == "links"
    for previous in ((), story.registrations[:1], story.registrations[1:]):
        assert verdict(third, of, story.links, previous) == "links"
    with pytest.raises(zu.ParameterError, match=f"from 13 on: the registration {story.registrations[0].digest.hex()}"):
        zu.verify_registration(third, of, story.links, story.registrations[1:])
    assert verdict(third, of, story.links[::-1], story.registrations[::-1]) == "valid"  # in any order


# Fingerprints --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("row", "segment"), [(0, 0), (ROWS - 1, 0), (ROWS, 1), (ROWS + ADDED - 1, 1)])
def test_one_edited_fingerprint_fails_the_sum_of_its_segment(story: Story, row: int, segment: int) -> None:
    packed = bytearray(own_fingerprints(story.datasets[1]))
    packed[FINGERPRINT_BYTES * row] ^= 4
    lying, lies = forged(story.datasets[1], packed=bytes(packed))
    assert story.verdict(lying) == "constraints"
    assert lies == {f"registration of segment {segment}"}


def test_fingerprints_under_the_vector_of_an_older_segment_are_rejected(story: Story) -> None:
    """An owner could have fitted them."""
    second = story.datasets[1]
    own = coefficients(second.statement.births[0], FEATURES, 1)
    packed = packed_fingerprints(own, second.rows)
    assert packed[: FINGERPRINT_BYTES * ROWS] == own_fingerprints(second)[: FINGERPRINT_BYTES * ROWS]
    for after in (None, story.registrations[0]):
        lying, lies = forged(second, packed=packed, after=after)
        assert story.verdict(lying) == "constraints"
        assert lies == {"registration of segment 1"}


def test_fingerprints_of_two_segments_that_change_places_are_rejected(story: Story) -> None:
    packed = pieces(own_fingerprints(story.datasets[1]), FINGERPRINT_BYTES)
    packed[0], packed[ROWS] = packed[ROWS], packed[0]
    lying, lies = forged(story.datasets[1], packed=b"".join(packed))
    assert story.verdict(lying) == "constraints"
    assert lies == {"registration of segment 0", "registration of segment 1"}


def test_a_proof_of_all_segments_is_none_of_the_last_one(story: Story) -> None:
    second = story.registrations[1]
    assert story.verdict(replace(second, proof=story.whole.proof)) == "proof length"


# Digests -------------------------------------------------------------------------------------------------------------


def lied(story: Story, new: list[bytes], seed: bytes | None = None, nonce: bytes | None = NONCE) -> str:
    """What is said of other digests in the second segment, where the data set says so, too."""
    old, found = pieces(digests_of(story.datasets[0]), DIGEST_BYTES), set()
    own = story.datasets[1].statement
    segments = (own.segments[0], Segment(ROWS + len(new), seed or own.segments[1].seed, nonce))
    digests = b"".join([*old, *new])
    lie: DatasetStatement = replace(own, record_root=root_of(digests), segments=segments)
    for after in (None, story.registrations[0]):
        lying, _ = forged(story.datasets[1], statement=lie, digests=digests, after=after)
        found.add(listing(lying) if after is None else listing(lying, after))
    (only,) = found
    return only


def drawn(story: Story, digests: list[bytes], nonce: bytes | None = NONCE) -> tuple[list[bytes], bytes]:
    """The order that digests of the second segment imply, and its seed."""
    root = root_of(b"".join(sorted(digests)))
    seed = segment_seed(ROWS, ROWS + len(digests), root, story.datasets[0].statement.segments[0].seed, nonce)
    return ordered(digests, seed), seed


def ordered(digests: list[bytes], seed: bytes) -> list[bytes]:
    return sorted(digests, key=lambda digest: order_key(seed, digest))


def new_digests(story: Story) -> list[bytes]:
    return pieces(digests_of(story.datasets[1]), DIGEST_BYTES)[ROWS:]


def test_new_records_in_an_order_of_the_owners_choice_are_rejected(story: Story) -> None:
    first, second, *others = new_digests(story)
    assert lied(story, [first, second, *others]) == "valid"
    assert lied(story, [second, first, *others]) == "record order"


def test_a_new_segment_with_another_seed_is_rejected(story: Story) -> None:
    """Tried until people are together whom the owner likes to have together."""
    seed = b"\3" * 32
    assert lied(story, ordered(new_digests(story), seed), seed) == "order seed"


@pytest.mark.parametrize("nonce", [None, b"\1" * 32])
def test_a_nonce_that_is_not_the_drawn_one_is_rejected(story: Story, nonce: bytes | None) -> None:
    assert lied(story, new_digests(story), nonce=nonce) == "order seed"


def test_a_seed_that_is_not_drawn_from_the_segment_before_is_rejected(story: Story) -> None:
    """Or as of a first segment, or of other rows."""
    digests = new_digests(story)
    root, before = root_of(b"".join(sorted(digests))), story.datasets[0].statement.segments[0].seed
    stop = ROWS + len(digests)
    for made in (
        segment_seed(ROWS, stop, root, None, NONCE),
        segment_seed(0, len(digests), root, before, NONCE),
        segment_seed(ROWS, stop + 1, root, before, NONCE),
    ):
        assert lied(story, ordered(digests, made), made) == "order seed"


def test_a_record_of_an_old_segment_is_not_there_again(story: Story) -> None:
    """One receipt would be of two rows. The order of each segment is as it should be."""
    digests = [digests_of(story.datasets[0])[:DIGEST_BYTES], *new_digests(story)[1:]]
    assert lied(story, *drawn(story, digests)) == "distinct records"


def test_a_record_that_is_twice_in_a_new_segment_is_rejected(story: Story) -> None:
    digests = [new_digests(story)[1], *new_digests(story)[1:]]
    assert lied(story, *drawn(story, digests)) == "record order"


# What it goes on from ------------------------------------------------------------------------------------------------


def test_old_fingerprints_are_those_that_were_registered(story: Story) -> None:
    """The proof is about new rows only; receipts of old ones would be held against this root."""
    packed = bytearray(own_fingerprints(story.datasets[1]))
    packed[0] ^= 4
    lying, lies = forged(story.datasets[1], packed=bytes(packed), after=story.registrations[0])
    assert not lies and listing(lying) == "valid"
    assert story.verdict(lying) == "previous registration"


def test_a_root_that_does_not_follow_from_the_old_one_is_rejected(story: Story) -> None:
    second = story.registrations[1]
    assert story.verdict(restated(second, root=bytes(32))) == "fingerprint tree"
    for name, check in ((FINGERPRINT_PEAKS, "fingerprint tree"), (RECORD_PEAKS, "record tree")):
        peaks = second.attached[name]
        for place in range(0, len(peaks), DIGEST_BYTES):
            changed = bytearray(peaks)
            changed[place] ^= 1
            assert story.verdict(attached(second, **{name: bytes(changed)})) == check
        for size in (-DIGEST_BYTES, -1):
            assert story.verdict(attached(second, **{name: peaks[:size]})) == "registration"
        assert story.verdict(attached(second, **{name: peaks + peaks[:DIGEST_BYTES]})) == "registration"


def test_a_registration_of_all_rows_has_nothing_before_it(story: Story) -> None:
    for name in (FINGERPRINT_PEAKS, RECORD_PEAKS):
        assert story.verdict(attached(story.whole, **{name: bytes(DIGEST_BYTES)})) == "registration"


def test_an_extension_of_another_registration_is_rejected(story: Story) -> None:
    """Of other people; of all rows at hand; of rows that end elsewhere."""
    second, first = story.datasets[1], story.registrations[0]
    other = zu.register(committed(2))
    lying, _ = forged(second, after=first, previous=other.digest)
    assert verdict(lying, second.commitment, story.links, [first]) == "links"
    assert verdict(lying, second.commitment, story.links, [first, other]) == "links"
    for wrong in (story.whole, story.registrations[1]):
        lying, lies = forged(second, after=first, previous=wrong.digest)
        assert not lies
        assert verdict(lying, second.commitment, story.links, [first, wrong]) == "previous registration"


def test_an_extension_of_a_registration_with_other_fingerprints_is_rejected(story: Story) -> None:
    """Which is not valid itself; whoever takes it for valid still sees where it ends."""
    packed = bytearray(own_fingerprints(story.datasets[0]))
    packed[0] ^= 4
    false, _ = forged(story.datasets[0], packed=bytes(packed))
    lying, _ = forged(story.datasets[1], after=story.registrations[0], previous=false.digest)
    assert verdict(lying, story.datasets[1].commitment, story.links, [false]) == "previous registration"


@pytest.mark.parametrize("start", [1, ROWS - 1, ROWS + 1, ROWS + ADDED - 1])
def test_an_extension_begins_with_a_segment(story: Story, start: int) -> None:
    assert story.verdict(restated(story.registrations[1], start=start)) == "format"


def test_only_rows_before_the_first_one_are_in_another_registration(story: Story) -> None:
    assert story.verdict(restated(story.registrations[1], previous=None)) == "format"
    assert story.verdict(restated(story.whole, previous=bytes(32))) == "format"
    for size in (0, 31, 33):
        assert story.verdict(restated(story.registrations[1], previous=bytes(size))) == "format"


def test_the_records_of_a_previous_registration_are_looked_at(story: Story) -> None:
    """They are no part of its statement: an auditor may be given others than he saw, to hide what is there twice."""
    first, second, of = story.registrations[0], story.registrations[1], story.datasets[1].commitment
    other = listing_others(first, digests=digests_of(committed(2)))
    assert verdict(second, of, story.links, [other]) == "record tree"
    leaves = pieces(digests_in(first), DIGEST_BYTES)
    pairs = [reference.node(*leaves[i : i + 2]) for i in range(0, ROWS - 1, 2)]
    nodes = b"".join([*pairs, leaves[-1]])
    assert NODE_TAG == b"\1" and root_of(nodes) == story.datasets[0].statement.record_root  # a smaller tree, one root
    fewer = with_rows(first, [node + bytes(FINGERPRINT_BYTES) for node in pieces(nodes, DIGEST_BYTES)])
    assert verdict(second, of, story.links, [fewer]) == "format"
    with pytest.raises(zu.InvalidProof) as refused:
        require_goes_on(second, [fewer])
    assert refused.value.check == "registration"


# Owners --------------------------------------------------------------------------------------------------------------


def test_an_owner_goes_on_only_from_rows_of_the_same_data_set(story: Story) -> None:
    first, second, third = story.datasets
    for dataset, previous, words in (
        (first, story.registrations[0], "has all rows"),
        (zu.recommit(first, 3)[0], story.registrations[0], "has all rows"),
        (first, story.registrations[1], "from which this one has not grown"),
        (second, zu.register(committed(2)), "from which this one has not grown"),
        (third, zu.register(grown(first, ADDED, seed=8)[0]), "from which this one has not grown"),
    ):
        before = dataset.spent
        with pytest.raises(zu.ParameterError, match=f"previous: .*{words}"):
            zu.register(dataset, previous)
        assert dataset.spent == before
    packed = bytearray(own_fingerprints(first))
    packed[0] ^= 4
    with pytest.raises(zu.ParameterError, match=r"previous: .* other fingerprints"):
        zu.register(second, forged(first, packed=bytes(packed))[0])


# Receipts ------------------------------------------------------------------------------------------------------------


def test_receipts_of_old_and_of_new_rows_belong_to_the_newest_registration(story: Story) -> None:
    second, of = story.datasets[1], story.datasets[1].commitment
    made = zu.receipts(second, story.registrations[1])
    for name in second.ids:
        receipt = made.of(name)
        assert receipt_verdict(receipt, of, story.registrations[1]) == "valid"
        assert zu.verify_receipt(receipt, of).registration == story.registrations[1].digest
        assert receipt_verdict(receipt, of, story.whole) == "mismatch"
        assert receipt_verdict(zu.receipts(second).of(name), of, story.whole) == "valid"
    with pytest.raises(zu.ParameterError, match="of another data set"):
        zu.receipts(second, story.registrations[0])


@pytest.mark.parametrize("changes", [{"start": 0}, {"start": ROWS + 1}, {"previous": None}, {"previous": bytes(32)}])
def test_a_receipt_with_another_start_or_previous_is_of_another_registration(
    story: Story, changes: dict[str, Any]
) -> None:
    receipt = zu.receipts(story.datasets[1], story.registrations[1]).of(story.datasets[1].ids[0])
    lying = replace(receipt, **changes)
    assert receipt_verdict(lying, story.datasets[1].commitment, story.registrations[1]) == "mismatch"
    assert receipt_verdict(lying, story.datasets[1].commitment) == "valid"  # of one that nobody named


def test_a_new_row_has_no_receipt_as_an_old_one(story: Story) -> None:
    """Under the vector of the first segment: where an owner would say it was born."""
    second = story.datasets[1]
    position = ROWS + 2
    receipt = zu.receipts(second).of(second.ids[position])
    lying = committed_as(second, second.statement.births[0], b"\1" * 32)
    moved = replace(receipt, dataset=lying.statement.digest)
    assert receipt_verdict(moved, lying.commitment) == "fingerprint path"
    for place in (0, ROWS - 1, ROWS + ADDED, 1 << 27):
        shifted = replace(receipt, rows=(replace(receipt.rows[0], position=place),))
        assert receipt_verdict(shifted, second.commitment) == "record path"
