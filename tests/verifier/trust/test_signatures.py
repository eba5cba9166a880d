"""Whoever signs says what of what: a signature is on one thing, in one role, and each auditor counts once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zkunlearn as zu
from zkunlearn.verifier.trust.dsse import Envelope, Signature
from zkunlearn.verifier.trust.schemes import BLS, ED25519, MLDSA
from zkunlearn.verifier.trust.signatures import (
    AUDITOR,
    OWNER,
    PAYLOAD_TYPE,
    Signed,
    bundle_digest,
    load_signature,
    signature_file,
    signatures_beside,
)

Refused = Callable[..., str]
Keys = dict[str, zu.SigningKey]
FROZEN = Path(__file__).parents[2] / "vectors" / "frozen"


@pytest.fixture(scope="module")
def signed(keys: Keys, training: zu.TrainingProof) -> Envelope:
    return zu.sign(training, keys[ED25519])


def test_what_is_signed_is_kind_digest_and_role(signed: Envelope, training: zu.TrainingProof) -> None:
    assert json.loads(signed.payload) == {
        "digest": training.digest.hex(),
        "kind": "training",
        "purpose": "owner",
        "version": 1,
    }
    assert signed.payload_type == "application/vnd.zkunlearn.signature+json"
    assert Signed.from_bytes(signed.payload) == Signed.of(training, OWNER)


@pytest.mark.parametrize("purpose", [OWNER, AUDITOR])
def test_a_signature_is_found_good_for_what_it_is_on(purpose: str, keys: Keys, training: zu.TrainingProof) -> None:
    key, other = keys[ED25519], keys[MLDSA].public
    envelope = Envelope.from_bytes(zu.sign(training, key, purpose).to_bytes())
    assert zu.check_signature(training, envelope, key.public, purpose) == [key.public]
    assert zu.check_signature(training, envelope, [other, key.public], purpose) == [key.public]
    for nobody in (other, [], [other]):
        with pytest.raises(zu.InvalidSignature, match="there is none of the keys that were named"):
            zu.check_signature(training, envelope, nobody, purpose)


def test_a_signature_cannot_be_moved_to_another_statement(
    signed: Envelope, keys: Keys, training: zu.TrainingProof, other_training: zu.TrainingProof, refused: Refused
) -> None:
    public = keys[ED25519].public
    said = refused("signed statement", zu.check_signature, other_training, signed, public)
    assert training.digest.hex() in said
    moved = replace(signed, payload=Signed.of(other_training, OWNER).to_bytes())
    refused("signature", zu.check_signature, other_training, moved, public)


def test_a_signature_cannot_be_moved_to_another_kind(
    signed: Envelope, keys: Keys, training: zu.TrainingProof, dataset: zu.DatasetCommitment, refused: Refused
) -> None:
    public = keys[ED25519].public
    said = refused("signed statement", zu.check_signature, dataset, signed, public)
    assert "a thing of the kind 'training'" in said
    moved = replace(signed, payload=Signed.of(dataset, OWNER).to_bytes())
    refused("signature", zu.check_signature, dataset, moved, public)
    as_link = replace(Signed.of(training, OWNER), kind="link")  # honestly signed, of the same digest
    other = Envelope.sign(PAYLOAD_TYPE, as_link.to_bytes(), [keys[ED25519]])
    assert "kind 'link'" in refused("signed statement", zu.check_signature, training, other, public)


def test_a_signature_cannot_be_moved_to_another_role(
    signed: Envelope, keys: Keys, training: zu.TrainingProof, refused: Refused
) -> None:
    public = keys[ED25519].public
    said = refused("purpose", zu.check_signature, training, signed, public, AUDITOR)
    assert "signed as owner, not as auditor" in said
    moved = replace(signed, payload=Signed.of(training, AUDITOR).to_bytes())
    refused("signature", zu.check_signature, training, moved, public, AUDITOR)


def test_a_signature_for_something_else_is_none_here(keys: Keys, training: zu.TrainingProof) -> None:
    """The payload's type is signed, too: what was signed as something else does not become a signature of ours."""
    payload = Signed.of(training, OWNER).to_bytes()
    other = Envelope.sign("application/vnd.in-toto+json", payload, [keys[ED25519]])
    with pytest.raises(zu.FormatError, match=r"the payload is 'application/vnd.in-toto.json', not") as found:
        zu.check_signature(training, other, keys[ED25519].public)
    assert found.value.fault == "kind"
    renamed = replace(other, payload_type=PAYLOAD_TYPE)
    with pytest.raises(zu.InvalidSignature, match="is not one of the key"):
        zu.check_signature(training, renamed, keys[ED25519].public)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, "field 'version' is 2"),
        ({"purpose": "witness"}, "the purpose 'witness', which is none"),
        ({"purpose": None}, "field 'purpose' is null"),
        ({"digest": "00"}, "no digest of 64"),
        ({"digest": "A" * 64}, "not in canonical JSON"),
        ({"note": ""}, "an unknown field 'note'"),
    ],
)
def test_a_payload_has_one_form(change: dict[str, Any], words: str, keys: Keys, training: zu.TrainingProof) -> None:
    fields = json.loads(Signed.of(training, OWNER).to_bytes())
    payload = json.dumps({**fields, **change}, sort_keys=True, separators=(",", ":")).encode()
    envelope = Envelope.sign(PAYLOAD_TYPE, payload, [keys[ED25519]])
    with pytest.raises(zu.FormatError, match=words):
        zu.check_signature(training, envelope, keys[ED25519].public)


def test_a_payload_has_one_spelling(training: zu.TrainingProof) -> None:
    good = Signed.of(training, OWNER).to_bytes()
    assert Signed.from_bytes(good).to_bytes() == good
    fields = json.loads(good)
    for other in (good + b" ", json.dumps(fields).encode(), json.dumps(dict(reversed([*fields.items()]))).encode()):
        with pytest.raises(zu.FormatError, match="not in canonical JSON"):
            Signed.from_bytes(other)


def test_only_what_is_public_and_verified_is_signed(keys: Keys) -> None:
    for other in (zu.Receipt.load(FROZEN / "receipt.v2.receipt"), b"", None, keys[ED25519]):
        with pytest.raises(zu.ParameterError, match="subject: expected"):
            zu.sign(other, keys[ED25519])  # type: ignore[arg-type]
    dataset = zu.DatasetCommitment.load(FROZEN / "dataset.v4.proof")
    with pytest.raises(zu.ParameterError, match="purpose: 'witness' is none of owner, auditor"):
        zu.sign(dataset, keys[ED25519], "witness")


def test_all_public_kinds_are_signed_and_told_apart(keys: Keys) -> None:
    files = {
        "dataset.v4.proof",
        "training.v7.shards.proof",
        "registration.v3.proof",
        "link.v5.proof",
        "distance.v1.proof",
    }
    subjects: list[Any] = [zu.Proof.load(FROZEN / name) for name in sorted(files)]
    subjects += [zu.NoiseCommitment.load(FROZEN / "noise.v1.noise"), zu.Bundle((subjects[-1],))]
    said = [Signed.of(subject, OWNER) for subject in subjects]
    assert [each.kind for each in said] == [
        "dataset",
        "distance",
        "link",
        "registration",
        "training",
        "noise",
        "bundle",
    ]
    assert len({each.digest for each in said}) == len(said)


def test_a_bundle_is_named_by_all_that_is_in_it() -> None:
    names = ("training.v7.shards.proof", "training.v7.request.shards.proof")
    first, second = (zu.TrainingProof.load(FROZEN / name) for name in names)
    link = zu.LinkProof.load(FROZEN / "link.v5.proof")
    bundles = [((first,), ()), ((second,), ()), ((first, second), ()), ((second, first), ()), ((first,), (link,))]
    assert len({bundle_digest(zu.Bundle(*each)) for each in bundles}) == len(bundles)


# Who has to have signed ----------------------------------------------------------------------------------------------


def known(**keys: zu.SigningKey) -> list[tuple[str, zu.PublicKey]]:
    return [(name.partition("_")[0], key.public) for name, key in keys.items()]


def test_the_owner_and_enough_auditors_have_signed(
    keys: Keys, training: zu.TrainingProof, other_training: zu.TrainingProof
) -> None:
    owner, ann, ben = keys[MLDSA], keys[ED25519], zu.SigningKey.generate(MLDSA)
    envelopes = [zu.sign(training, owner), zu.sign(training, ann, AUDITOR), zu.sign(training, ben, AUDITOR)]
    stranger = zu.SigningKey.generate(ED25519)
    envelopes += [zu.sign(training, stranger, AUDITOR), zu.sign(other_training, stranger)]
    who: dict[str, Any] = {"owner": owner.public, "auditors": 2, "keys": known(ann=ann, ben=ben)}
    found = zu.require_signatures(training, envelopes, **who)
    assert (found.owner, found.auditors, found.passed_over) == (owner.public, ("ann", "ben"), 2)


def test_an_owner_that_has_not_signed_is_missed(keys: Keys, training: zu.TrainingProof, refused: Refused) -> None:
    owner, check = keys[MLDSA], zu.require_signatures
    by_others = [zu.sign(training, keys[ED25519])]
    assert owner.public.keyid[:16] in refused("owner signature", check, training, by_others, owner=owner.public)
    as_auditor = [zu.sign(training, owner, AUDITOR)]
    said = refused("purpose", check, training, as_auditor, owner=owner.public)
    assert "has signed as an auditor, not as owner" in said


def test_an_auditor_that_signed_as_owner_does_not_count(
    keys: Keys, training: zu.TrainingProof, refused: Refused
) -> None:
    ann = keys[ED25519]
    envelopes = [zu.sign(training, ann, OWNER)]
    said = refused("auditors", zu.require_signatures, training, envelopes, auditors=1, keys=known(ann=ann))
    assert said == "auditors: 0 of 1 have signed: none"


def test_an_auditor_with_keys_of_two_schemes_counts_once(
    keys: Keys, training: zu.TrainingProof, refused: Refused
) -> None:
    ann, again, ben = keys[ED25519], keys[MLDSA], zu.SigningKey.generate(ED25519)
    envelopes = [zu.sign(training, key, AUDITOR) for key in (ann, again)]
    who = known(ann=ann, ann_again=again, ben=ben)
    said = refused("auditors", zu.require_signatures, training, envelopes, auditors=2, keys=who)
    assert said == "auditors: 1 of 2 have signed: 'ann'"
    assert zu.require_signatures(training, envelopes, auditors=1, keys=who).auditors == ("ann",)
    with pytest.raises(zu.ParameterError, match="2 auditors are asked for, and there are keys of 1"):
        zu.require_signatures(training, envelopes, auditors=2, keys=who[:2])


def test_an_auditor_that_is_twice_in_an_aggregate_counts_once(
    keys: Keys, training: zu.TrainingProof, refused: Refused
) -> None:
    """By two keys of one name; by one key twice, it is no aggregate."""
    one, two, ben = keys["alice"], keys["bob"], keys[ED25519]
    public = [one.public, two.public]
    alone = [zu.sign(training, key, AUDITOR) for key in (one, two)]
    whole = zu.aggregate_signatures(alone, public)
    who = known(ann=one, ann_again=two, ben=ben)
    said = refused("auditors", zu.require_signatures, training, [whole], auditors=2, keys=who)
    assert said == "auditors: 1 of 2 have signed: 'ann'"
    apart = known(ann=one, cleo=two)
    assert zu.require_signatures(training, [whole], auditors=2, keys=apart).auditors == ("ann", "cleo")
    (only,) = alone[0].signatures
    from zkunlearn.verifier.trust.schemes import together

    twice = Signature(f"{only.keyid}+{only.keyid}", together([only.signature] * 2))
    doubled = replace(whole, signatures=(twice,))
    said = refused("aggregate", zu.require_signatures, training, [doubled], auditors=2, keys=apart)
    assert "counts a key twice" in said
    again = [alone[0], whole]  # alone and in the aggregate
    assert zu.require_signatures(training, again, auditors=1, keys=apart).auditors == ("ann", "cleo")


def test_two_names_for_one_key_are_refused(keys: Keys, training: zu.TrainingProof, tmp_path: Path) -> None:
    ann = keys[ED25519]
    with pytest.raises(zu.ParameterError, match="the auditors 'ann' and 'ben' have one and the same key"):
        zu.require_signatures(training, [], auditors=2, keys=known(ann=ann, ben=ann))
    with pytest.raises(zu.ParameterError, match="the owner's key is also that of the auditor 'ann'"):
        zu.require_signatures(training, [], owner=ann.public, auditors=1, keys=known(ann=ann))
    bls = keys["alice"].public
    spoilt = replace(bls, possession=bytes(96))  # which is another object, but the same key
    with pytest.raises(zu.ParameterError, match="one and the same key"):
        zu.require_signatures(training, [], auditors=2, keys=[("ann", bls), ("ben", spoilt)])


def test_a_wrong_signature_of_a_known_key_is_not_passed_over(
    keys: Keys, training: zu.TrainingProof, other_training: zu.TrainingProof, refused: Refused
) -> None:
    ann, owner = keys[ED25519], keys[MLDSA]
    good = zu.sign(training, owner)
    (own,) = zu.sign(other_training, ann, AUDITOR).signatures
    forged = replace(zu.sign(training, ann, AUDITOR), signatures=(own,))
    who: dict[str, Any] = {"owner": owner.public, "auditors": 1, "keys": known(ann=ann)}
    refused("signature", zu.require_signatures, training, [good, forged], **who)
    elsewhere = zu.sign(other_training, ann, AUDITOR)
    refused("signed statement", zu.require_signatures, training, [good, elsewhere], **who)


# Folders -------------------------------------------------------------------------------------------------------------


def test_the_folder_gives_auditors_their_names(keys: Keys, tmp_path: Path) -> None:
    files = {"Ann.pub": ED25519, "ann.bls.pub": "alice", "A\u0308nne.2026.pub": MLDSA, "ben.pub": "bob"}
    for file, name in files.items():
        keys[name].public.save(tmp_path / file)
    (tmp_path / "notes.txt").write_text("of the office")
    found = zu.load_keys(tmp_path)
    assert sorted(name for name, _ in found) == ["ann", "ann", "ben", "\xe4nne"]
    keys["bob"].public.save(tmp_path / "cleo.pub")
    with pytest.raises(zu.ParameterError, match="the auditors 'ben' and 'cleo' have one and the same key"):
        zu.load_keys(tmp_path)


def test_a_folder_with_something_else_is_refused(keys: Keys, tmp_path: Path) -> None:
    with pytest.raises(zu.DataError, match=r"there are 0 files \*.pub in it"):
        zu.load_keys(tmp_path)
    with pytest.raises(zu.DataError, match="cannot be read"):
        zu.load_keys(tmp_path / "none")
    (tmp_path / "ann.pub").write_text("-----BEGIN PUBLIC KEY-----\n")
    with pytest.raises(zu.FormatError, match=r"ann\.pub"):
        zu.load_keys(tmp_path)
    (tmp_path / "ann.pub").unlink()
    keys[ED25519].public.save(tmp_path / ".pub")
    with pytest.raises(zu.DataError, match="no name before its first dot"):
        zu.load_keys(tmp_path)


def test_signatures_are_found_beside_what_they_are_on(keys: Keys, training: zu.TrainingProof, tmp_path: Path) -> None:
    proof = tmp_path / "P[1].proof"
    training.save(proof)
    own, other = zu.sign(training, keys[ED25519]), zu.sign(training, keys[BLS], AUDITOR)
    own.save(signature_file(proof, OWNER, keys[ED25519].public))
    other.save(signature_file(proof, AUDITOR, keys[BLS].public))
    other.save(tmp_path / "P1.proof.auditor-00000000.signature")  # of another file
    assert signatures_beside(proof) == sorted([other, own], key=lambda each: each.payload)
    assert signature_file(proof, OWNER, keys[ED25519].public).name == (
        f"P[1].proof.owner-{keys[ED25519].public.keyid[:8]}.signature"
    )
    (tmp_path / "P[1].proof.x.signature").write_text("{}")
    with pytest.raises(zu.FormatError, match=r"P\[1\]\.proof\.x\.signature: the envelope lacks"):
        signatures_beside(proof)
    Envelope.sign(PAYLOAD_TYPE, b"{}", [keys[ED25519]]).save(tmp_path / "x.signature")
    with pytest.raises(zu.FormatError, match=r"x\.signature: the payload lacks the field 'digest'"):
        load_signature(tmp_path / "x.signature")
