"""Envelopes: one form, one spelling, and nothing in them that was not signed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from time import process_time
from typing import Any

import pytest
import zkunlearn as zu
from zkunlearn.verifier.trust import dsse
from zkunlearn.verifier.trust.dsse import Envelope, Signature, pae
from zkunlearn.verifier.trust.schemes import BLS, ED25519, MLDSA

TYPE = "application/vnd.example+json"
Refused = Callable[..., str]
Keys = dict[str, zu.SigningKey]


@pytest.fixture(scope="module")
def good(keys: Keys) -> Envelope:
    return Envelope.sign(TYPE, b'{"a":1}??>', [keys[ED25519], keys[MLDSA]])  # in base64 with + and / and padding


@pytest.fixture(scope="module")
def fields(good: Envelope) -> dict[str, Any]:
    return json.loads(good.to_bytes())


def test_what_is_signed_is_as_the_standards_example_says() -> None:
    """github.com/secure-systems-lab/dsse, protocol.md, version 1.0.2."""
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_an_envelope_comes_back_and_all_its_signatures_hold(good: Envelope, keys: Keys) -> None:
    again = Envelope.from_bytes(good.to_bytes(), TYPE)
    assert again == good and again.to_bytes() == good.to_bytes()
    public = [keys[ED25519].public, keys[MLDSA].public]
    assert again.signed_by([*public, keys["alice"].public]) == public
    for key in public:
        again.require_signature(key)


def test_a_signature_that_is_not_there_is_missed(good: Envelope, keys: Keys, refused: Refused) -> None:
    assert good.signed_by([keys["alice"].public]) == []
    assert "there is none of the key" in refused("signature", good.require_signature, keys["alice"].public)
    with pytest.raises(zu.FormatError, match="the envelope has no signature"):
        Envelope.sign(TYPE, b"{}", [])


def test_neither_payload_nor_type_nor_key_can_be_another(good: Envelope, keys: Keys, refused: Refused) -> None:
    own = [keys[ED25519].public, keys[MLDSA].public]
    for other in (
        Envelope(TYPE, good.payload + b" ", good.signatures),
        Envelope(TYPE + "2", good.payload, good.signatures),
        Envelope(TYPE[:-1], b"n" + good.payload, good.signatures),
        Envelope(TYPE, good.payload, tuple(
            Signature(each.keyid, other.signature)
            for each, other in zip(good.signatures, reversed(good.signatures), strict=True)
        )),
    ):  # fmt: skip
        refused("signature", other.signed_by, own)
        refused("signature", other.require_signature, own[1])


def test_an_envelope_of_another_type_is_not_taken_for_it(good: Envelope) -> None:
    with pytest.raises(zu.FormatError, match=r"the payload is 'application/vnd.example.json', not") as found:
        Envelope.from_bytes(good.to_bytes().replace(b"+json", b".json"), TYPE)
    assert found.value.fault == "kind"


def _changed(fields: dict[str, Any], **other: Any) -> bytes:
    return json.dumps({**fields, **other}).encode()


def _respelled(text: str) -> dict[str, str]:
    """The same bytes in other spellings of base64, or nearly."""
    whole = base64.b64decode(text)
    padded = text.rstrip("=")
    bits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = bits[bits.index(padded[-1]) ^ 1]
    return {
        "the alphabet of URLs": base64.urlsafe_b64encode(whole).decode(),
        "no padding": padded,
        "more padding": text + "=",
        "bits behind the end": padded[:-1] + last + text[len(padded) :],
        "a line break": text[:4] + "\n" + text[4:],
        "a space": text + " ",
        "hexadecimal": "0x" + whole.hex(),
        "another letter": "é" + text[1:],
    }


@pytest.mark.parametrize("spelling", _respelled("Pz8+"))
def test_base64_has_one_spelling(spelling: str, fields: dict[str, Any]) -> None:
    payload = _respelled(fields["payload"])[spelling]
    assert payload != fields["payload"]
    (first, second) = fields["signatures"]
    signature = [{**first, "sig": _respelled("Pz8+Pw==")[spelling]}, second]
    for data in (_changed(fields, payload=payload), _changed(fields, signatures=signature)):
        with pytest.raises(zu.FormatError, match=r"is (not )?base64"):
            Envelope.from_bytes(data)


def test_a_name_that_occurs_twice_is_refused(fields: dict[str, Any]) -> None:
    """The last one counts for some readers, the first one for others."""
    text = json.dumps(fields)
    for name in ("payload", "payloadType", "signatures"):
        twice = text[:-1] + f', "{name}": {json.dumps(fields[name])}}}'
        with pytest.raises(zu.FormatError, match=f"the name '{name}' occurs twice in one object"):
            Envelope.from_bytes(twice.encode())
    with pytest.raises(zu.FormatError, match="the name 'sig' occurs twice"):
        Envelope.from_bytes(text.replace('"sig":', '"sig": "", "sig":', 1).encode())
    escaped = text.replace('"payload":', '"payload": "", "p\\u0061yload":', 1)
    with pytest.raises(zu.FormatError, match="the name 'payload' occurs twice"):
        Envelope.from_bytes(escaped.encode())


def test_two_envelopes_are_none(good: Envelope) -> None:
    data = good.to_bytes()
    for both in (data + data, data + b"\n" + data, data + b"{}", data + b"x"):
        with pytest.raises(zu.FormatError, match="the envelope is not JSON, at line"):
            Envelope.from_bytes(both)
    with pytest.raises(zu.FormatError, match="the envelope is not one JSON object"):
        Envelope.from_bytes(b"[" + data + b"," + data + b"]")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"note": "x"}, "an unknown field 'note'"),
        ({"payload": None}, "field 'payload' is null"),
        ({"payloadType": "not a type"}, "no media type"),
        ({"payloadType": "application/x\n"}, "no media type"),
        ({"payloadType": "application/" + "x" * 200}, "no media type"),
        ({"signatures": []}, "field 'signatures' has 0 elements"),
        ({"signatures": {}}, "field 'signatures' is a map"),
        ({"signatures": [1]}, "field 'signatures' is wrong at element 0"),
        ({"signatures": [{"sig": "AA=="}]}, "a signature lacks the field 'keyid'"),
        ({"signatures": [{"keyid": "k", "sig": "AA==", "cert": ""}]}, "a signature has an unknown field 'cert'"),
        ({"signatures": [{"keyid": "", "sig": "AA=="}]}, "not printable ASCII"),
        ({"signatures": [{"keyid": "\u202ek", "sig": "AA=="}]}, "not printable ASCII"),
        ({"signatures": [{"keyid": "k", "sig": ""}]}, "a signature of 0 bytes is none"),
        ({"signatures": [{"keyid": "k", "sig": "AA=="}] * 2}, "two signatures of one key"),
        ({"signatures": [{"keyid": f"k{i}", "sig": "AA=="} for i in range(101)]}, "has 101 elements"),
    ],
)
def test_a_form_that_is_another_is_refused(change: dict[str, Any], words: str, fields: dict[str, Any]) -> None:
    with pytest.raises(zu.FormatError, match=words):
        Envelope.from_bytes(_changed(fields, **change))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is not JSON"),
        (b"\xef\xbb\xbf{}", "is not JSON"),
        (b"\xff", "is not UTF-8 text"),
        (b'{"a": 1.5}', "'1.5' is not a whole number"),
        (b'{"a": NaN}', "'NaN' is not a whole number"),
        (b'{"a": 1e9}', "'1e9' is not a whole number"),
        (b'{"a": -0}', "a number is -0"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a number is above"),
        (b'{"a": 9007199254740992}', "a number is above"),
        (b'{"a": "\\ud800"}', "a text is not Unicode"),
        (b'{"\\udfff": 1}', "a text is not Unicode"),
        (b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}", "nested too deeply"),
        (b"[" * 100_000, "nested too deeply"),
        (b"{}", "lacks the field 'payload'"),
        (b"{'payload': ''}", "is not JSON"),
    ],
)
def test_json_that_is_read_in_two_ways_or_none_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(zu.FormatError, match=words):
        Envelope.from_bytes(data)


def test_a_hostile_text_is_refused_in_no_time() -> None:
    """Quotes that may begin a text, each up to the end, would take hours."""
    for data in (b'"' + b'\\"' * 500_000, b'{"a": "' + b"\\" * 1_000_001, b'["' * 500_000, b'"[' * 500_001):
        start = process_time()
        with pytest.raises(zu.FormatError, match=r"nested too deeply|is not JSON"):
            Envelope.from_bytes(data)
        assert process_time() - start < 5


def test_no_envelope_is_larger_than_it_can_be(monkeypatch: pytest.MonkeyPatch, good: Envelope) -> None:
    monkeypatch.setattr(dsse, "MAX_BYTES", len(good.to_bytes()) - 1)
    with pytest.raises(zu.FormatError, match="bytes are more than the"):
        Envelope.from_bytes(good.to_bytes())


def test_every_letter_of_an_envelope_counts(keys: Keys) -> None:
    """Changed, it is refused, or the signature does not hold; unless JSON has spaces there."""
    key = keys[ED25519]
    data = Envelope.sign(TYPE, b'{"a":1}', [key]).to_bytes()
    for place, letter in enumerate(data):
        if chr(letter).isspace():
            continue
        spoilt = data[:place] + bytes([letter ^ 1]) + data[place + 1 :]
        with pytest.raises((zu.FormatError, zu.InvalidSignature)):
            Envelope.from_bytes(spoilt, TYPE).require_signature(key.public)


# Aggregates ----------------------------------------------------------------------------------------------------------


def test_signatures_become_one_of_96_bytes_that_names_all_keys(keys: Keys, refused: Refused) -> None:
    both = [keys["alice"], keys["bob"]]
    public = [key.public for key in both]
    alone = [Envelope.sign(TYPE, b"{}", [key]) for key in both]
    whole = zu.aggregate_signatures(alone, public)
    (only,) = whole.signatures
    assert len(only.signature) == 96 and set(only.keyids) == {key.keyid for key in public}
    again = Envelope.from_bytes(whole.to_bytes())
    assert {key.keyid for key in again.signed_by(public)} == set(only.keyids)
    assert again.signed_by(public[:1]) == []  # one of the two alone cannot be told apart
    other = Envelope(TYPE, b"[]", whole.signatures)
    refused("aggregate", other.signed_by, public)
    longer = Envelope(TYPE, b"{}", (Signature(f"{only.keyid}+{public[0].keyid}", only.signature),))
    assert "counts a key twice" in refused("aggregate", longer.signed_by, public)


def test_what_cannot_be_put_together_is_refused(keys: Keys, refused: Refused) -> None:
    alice, bob = keys["alice"], keys["bob"]
    public = [alice.public, bob.public, keys[ED25519].public, keys[BLS].public]
    one, other = (Envelope.sign(TYPE, b"{}", [key]) for key in (alice, bob))
    add = zu.aggregate_signatures
    assert "counts a key twice" in refused("aggregate", add, [one, one], public)
    assert "is not among those that are known" in refused("aggregate", add, [one, other], public[:1])
    for envelopes, words in (
        ([one], "takes two signatures or more"),
        ([one, Envelope.sign(TYPE, b"[]", [bob])], "not on one and the same statement"),
        ([one, Envelope.sign(TYPE, b"{}", [keys[ED25519]])], "only signatures of bls12-381"),
    ):
        with pytest.raises(zu.ParameterError, match=words):
            add(envelopes, public)
    wrong = Envelope(TYPE, b"{}", (Signature(bob.public.keyid, one.signatures[0].signature),))
    refused("signature", add, [one, wrong], public)
