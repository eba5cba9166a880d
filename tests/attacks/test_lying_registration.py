"""Owners who register what is not so. The check that refuses it is named, by both verifiers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import zkunlearn as zu
from zkunlearn.circuits.field.goldilocks import P
from zkunlearn.circuits.statements.dataset import DatasetStatement, Segment
from zkunlearn.circuits.statements.fingerprints import FINGERPRINT_BYTES, coefficients
from zkunlearn.circuits.statements.record_tree import root_of
from zkunlearn.circuits.statements.records import DIGEST_BYTES, order_key
from zkunlearn.circuits.statements.registration import ROW_BYTES, RegistrationStatement
from zkunlearn.formats.body import Body
from zkunlearn.prover.owner.dataset import commit_rows
from zkunlearn.prover.owner.registration import packed_fingerprints

from ..reference import registration as second
from ..reference import verifier
from .registrations import (
    ROWS,
    committed,
    digests_in,
    digests_of,
    fingerprints_in,
    forged,
    listing_others,
    pieces,
    restated,
    root_over,
    rows_in,
    verdict,
    with_rows,
)


@pytest.fixture(scope="module")
def people() -> zu.Dataset:
    return committed(openings=20)


@pytest.fixture(scope="module")
def registered(people: zu.Dataset) -> zu.RegistrationProof:
    return zu.register(people)


def with_first(packed: bytes, first: bytes) -> bytes:
    return first + packed[len(first) :]


def test_an_honest_registration_is_valid(people: zu.Dataset, registered: zu.RegistrationProof) -> None:
    assert verdict(registered, people.commitment) == "valid"
    same, lies = forged(people)
    assert verdict(same, people.commitment) == "valid" and not lies  # or the tests below would see nothing


@pytest.mark.parametrize(("rows", "classes"), [(2, 2), (4, 3), (5, 5)])
@pytest.mark.parametrize("features", [1, 3, 4])
def test_a_registration_of_odd_sizes_is_valid(features: int, rows: int, classes: int) -> None:
    """One column, a power of two of them, a column for each class."""
    X = [[float((i + 1) * (k + 1) % 7) for k in range(features)] for i in range(rows)]
    dataset = zu.commit(X, [str(i % classes) for i in range(rows)], openings=2)
    registration = zu.register(dataset)
    assert verdict(registration, dataset.commitment) == "valid"
    f = bytearray(fingerprints_in(registration))
    f[0] ^= 1
    lying, lies = forged(dataset, packed=bytes(f))
    assert verdict(lying, dataset.commitment) == "constraints" and lies == {"registration"}


# Digests -------------------------------------------------------------------------------------------------------------


def test_the_digest_of_another_record_is_not_in_the_tree(people: zu.Dataset, registered: zu.RegistrationProof) -> None:
    other = with_first(digests_in(registered), digests_of(committed(2))[:DIGEST_BYTES])
    assert verdict(listing_others(registered, digests=other), people.commitment) == "record tree"


def test_two_records_that_are_swapped_are_not_in_the_tree(people: zu.Dataset, registered: zu.RegistrationProof) -> None:
    first, second, *others = pieces(digests_in(registered), DIGEST_BYTES)
    swapped = b"".join([second, first, *others])
    assert verdict(listing_others(registered, digests=swapped), people.commitment) == "record tree"


def claimed(people: zu.Dataset, digests: list[bytes], seed: bytes | None = None) -> str:
    """The verdict where the owner's commitment says so, too."""
    statement, listed = people.statement, b"".join(digests)
    segment = Segment(len(digests), statement.segments[0].seed if seed is None else seed)
    lie = replace(statement, record_root=root_of(listed), segments=(segment,))
    registration, lies = forged(people, statement=lie, digests=listed)
    assert not lies
    return verdict(registration, zu.DatasetCommitment(lie, b"not looked at"))


def test_records_in_an_order_of_the_owners_choice_are_rejected(people: zu.Dataset) -> None:
    digests = pieces(digests_of(people), DIGEST_BYTES)
    assert claimed(people, digests) == "valid"
    assert claimed(people, [digests[1], digests[0], *digests[2:]]) == "record order"


def test_a_record_that_is_there_twice_is_rejected(people: zu.Dataset) -> None:
    digests = pieces(digests_of(people), DIGEST_BYTES)
    assert claimed(people, [digests[0], *digests[:-1]]) == "record order"


def test_a_seed_that_is_not_drawn_from_all_records_is_rejected(people: zu.Dataset) -> None:
    """An owner would try seeds until people are together that he likes to have together."""
    seed = b"\7" * 32
    ordered = sorted(pieces(digests_of(people), DIGEST_BYTES), key=lambda digest: order_key(seed, digest))
    assert claimed(people, ordered, seed) == "order seed"


# Fingerprints --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 15, 16 * 7 + 3, 16 * ROWS - 16])
def test_one_edited_fingerprint_is_rejected(people: zu.Dataset, place: int) -> None:
    packed = bytearray(fingerprints_in(forged(people)[0]))
    packed[place] ^= 4
    lying, lies = forged(people, packed=bytes(packed))
    assert verdict(lying, people.commitment) == "constraints"
    assert lies == {"registration"}


def test_two_fingerprints_that_are_swapped_are_rejected(people: zu.Dataset) -> None:
    """The same values in another order: whose row is whose."""
    first, second, *others = pieces(fingerprints_in(forged(people)[0]), FINGERPRINT_BYTES)
    lying, _ = forged(people, packed=b"".join([second, first, *others]))
    assert verdict(lying, people.commitment) == "constraints"


def test_the_fingerprints_of_another_matrix_are_rejected(people: zu.Dataset) -> None:
    """Of the same shape, under the vector of this one."""
    own = coefficients(people.statement.births[0], people.statement.features, 1)
    lying, lies = forged(people, packed=packed_fingerprints(own, committed(2).rows))
    assert verdict(lying, people.commitment) == "constraints" and lies == {"registration"}


def test_fingerprints_under_another_vector_are_rejected(people: zu.Dataset) -> None:
    """Known before the rows were fixed, it would let an owner fit a blind to any row."""
    own = coefficients(b"\1" * 32, people.statement.features, 1)
    lying, _ = forged(people, packed=packed_fingerprints(own, people.rows))
    assert verdict(lying, people.commitment) == "constraints"


def test_other_fingerprints_than_the_statement_names_are_rejected(
    people: zu.Dataset, registered: zu.RegistrationProof
) -> None:
    packed = fingerprints_in(registered)
    edited = with_first(packed, bytes([packed[0] ^ 1]))
    assert verdict(listing_others(registered, packed=edited), people.commitment) == "fingerprint tree"
    other = restated(registered, root=bytes(32))
    assert verdict(other, people.commitment) == "fingerprint tree"


def test_a_fingerprint_has_one_spelling(people: zu.Dataset, registered: zu.RegistrationProof) -> None:
    """p and above would be a second one, with a leaf of its own."""
    packed = with_first(fingerprints_in(registered), P.to_bytes(8, "little"))
    lying = listing_others(restated(registered, root=root_over(packed)), packed=packed)
    assert verdict(lying, people.commitment) == "fingerprint tree"


def test_what_a_file_carries_is_what_is_checked(people: zu.Dataset, registered: zu.RegistrationProof) -> None:
    """Not what an object says besides."""
    zeros = restated(registered, body=Body(range(ROWS), ROW_BYTES, bytes(ROW_BYTES * ROWS)))
    assert zu.verify_registration(zeros, people.commitment) >= 100


# What it is about ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, ROWS - 1, ROWS + 1, 2 * ROWS])
def test_a_registration_with_rows_more_or_less_is_refused(
    people: zu.Dataset, registered: zu.RegistrationProof, count: int
) -> None:
    """Cut short, or doubled: by its form, where it is a file."""
    own = rows_in(registered)
    lying = with_rows(registered, (own + own)[:count])
    assert verdict(lying, people.commitment) == "format"
    with pytest.raises(zu.InvalidProof) as refused:
        zu.verify_registration(lying, people.commitment)
    assert refused.value.check == "registration"


@pytest.mark.parametrize("size", [1, -1, 16, -16, 32, -32])
def test_a_file_ends_with_its_last_row(people: zu.Dataset, registered: zu.RegistrationProof, size: int) -> None:
    data = registered.to_bytes()
    data = data[:size] if size < 0 else data + data[-size:]
    with pytest.raises(zu.FormatError, match=f"13 rows after the payload have 624 bytes, not {624 + size}") as refused:
        zu.RegistrationProof.from_bytes(data)
    assert refused.value.fault == "damaged"
    assert verifier.verdict(second.verify_registration, data, people.commitment.to_bytes()) == "format"


def test_a_registration_of_another_commitment_is_not_this_one(registered: zu.RegistrationProof) -> None:
    assert verdict(registered, committed(2).commitment) == "mismatch"


def test_a_proof_is_of_one_registration(people: zu.Dataset) -> None:
    """The same rows, proved for the commitment as it is, under a statement with more openings."""
    honest = zu.register(people)
    other = replace(people.statement, openings=19)
    lying = restated(honest, dataset=other)
    assert verdict(lying, zu.DatasetCommitment(other, b"")) == "proof length"


def test_more_rows_than_fingerprints_tell_apart_are_refused(people: zu.Dataset) -> None:
    many = replace(people.statement, rows=1 << 27, segments=(Segment(1 << 27, bytes(32)),))
    with pytest.raises(zu.ParameterError, match="134217728 rows are more than fingerprints tell apart with 100 bits"):
        RegistrationStatement(many, bytes(32)).require_provable()


# Birth ---------------------------------------------------------------------------------------------------------------


def test_fingerprints_stay_the_same_whoever_registers_what_and_when(tmp_path: Path) -> None:
    """A second vector over the same blinds would show the rows: again, from a copy, after a fresh commitment, both."""
    dataset = committed(3, openings=6)
    dataset.save(tmp_path)
    first = zu.register(dataset)
    again = [zu.register(dataset), zu.register(zu.load_dataset(tmp_path))]
    assert again[0].statement == first.statement and again[0].proof != first.proof
    fresh, link = zu.recommit(dataset, 4)
    last, other = zu.recommit(fresh, 3)
    again += [zu.register(fresh), zu.register(last)]
    assert {fingerprints_in(proof) for proof in again} == {fingerprints_in(first)}
    assert verdict(again[-2], fresh.commitment, [link]) == "valid"
    assert verdict(again[-1], last.commitment, [other, link]) == "valid"
    assert verdict(again[-1], last.commitment, [other]) == verdict(again[-1], last.commitment, [link]) == "links"


def lying_birth(people: zu.Dataset, born: bytes) -> zu.Dataset:
    """Committed with a birth of the owner's choice."""
    segments = (replace(people.statement.segments[0], born=born),)
    return commit_rows(people.rows, people.statement.encoding, 3, segments, None)


def test_a_birth_that_no_link_leads_to_is_not_believed(people: zu.Dataset, registered: zu.RegistrationProof) -> None:
    """He could have known the vector when he chose the rows."""
    false = lying_birth(people, b"\1" * 32)
    registration = zu.register(false)
    assert verdict(registration, false.commitment) == "links"
    with pytest.raises(zu.ParameterError, match=f"first committed in {'01' * 32}: the links"):
        zu.verify_registration(registration, false.commitment)
    fresh, link = zu.recommit(people)
    copied = lying_birth(people, people.statement.digest)  # of a true one, which says nothing of this commitment
    assert verdict(zu.register(copied), copied.commitment, [link]) == "links"


def test_a_link_to_rows_that_claim_another_birth_is_rejected(people: zu.Dataset) -> None:
    """Forgetting where rows were born would give their blinds a second vector."""
    fresh, link = zu.recommit(people)
    assert fresh.statement.births == (people.statement.digest,) != (fresh.statement.digest,)

    def renamed(born: bytes | None) -> DatasetStatement:
        return replace(fresh.statement, segments=(replace(fresh.statement.segments[0], born=born),))

    for born in (None, b"\1" * 32):
        with pytest.raises(zu.InvalidProof) as refused:
            zu.verify_link(restated(link, new=renamed(born)))
        assert refused.value.check == "statement"


def test_an_invalid_link_proves_no_birth(people: zu.Dataset) -> None:
    fresh, link = zu.recommit(people)
    broken = replace(link, proof=link.proof[:-1] + bytes([link.proof[-1] ^ 1]))
    with pytest.raises(zu.InvalidProof):
        zu.verify_registration(zu.register(fresh), fresh.commitment, [broken])


# Budget --------------------------------------------------------------------------------------------------------------


def test_a_registration_costs_an_opening_and_there_is_none_beyond_the_budget(tmp_path: Path) -> None:
    dataset = committed(4, openings=2)
    dataset.save(tmp_path)
    zu.register(dataset)
    assert zu.load_dataset(tmp_path).spent == 2
    with pytest.raises(zu.BudgetExceeded, match="all 2 openings"):
        zu.register(dataset)


def test_a_registration_that_lies_beside_is_counted_after_a_backup_is_restored(tmp_path: Path) -> None:
    dataset = committed(5, openings=9)
    dataset.save(tmp_path)
    before = (tmp_path / "dataset.opening").read_bytes()
    zu.register(dataset).save(tmp_path / "dataset.registration")
    (tmp_path / "dataset.opening").write_bytes(before)
    restored = zu.load_dataset(tmp_path)
    with pytest.raises(zu.BudgetExceeded, match="2 openings of this data set were spent, but only 1 are counted"):
        zu.register(restored)
