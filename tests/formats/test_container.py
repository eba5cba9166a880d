"""The container format: what is written comes back, and everything else is refused with the reason."""

from __future__ import annotations

import time
import tracemalloc
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.circuits.statements.registration import RegistrationStatement
from zkunlearn.circuits.statements.training import TrainingStatement
from zkunlearn.errors import FormatError
from zkunlearn.formats import cbor, container
from zkunlearn.formats.container import (
    KINDS,
    MAGIC,
    decode,
    encode,
    front_of,
)

LIMIT = 1 << 20
HEAD = MAGIC + b"\x08training\x00" + bytes([TrainingStatement.version])

LEAF = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**64), 2**64 - 1),
    st.binary(max_size=300),
    st.text(st.characters(codec="utf-8"), max_size=30),
)
VALUE = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=30), inner, max_size=5)
)
PAYLOAD = st.dictionaries(st.text(max_size=30), VALUE, max_size=6)


def refused(body: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=reason) as caught:
        decode(HEAD + body, "training", LIMIT)
    assert "\n" not in str(caught.value)


# --- what is written comes back -----------------------------------------------------------------------------


@given(kind=st.sampled_from(sorted(KINDS)), payload=PAYLOAD)
def test_what_was_encoded_is_decoded(kind: str, payload: dict[str, Any]) -> None:
    data = encode(kind, payload)
    assert decode(data, kind, len(data)) == decode(data, None, len(data)) == (kind, payload)


def test_the_layout_is_what_the_text_says() -> None:
    assert encode("training", {"b": 1, "a": b"\xff"}) == HEAD + bytes.fromhex("a2 6161 41ff 6162 01")


def test_a_kind_with_rows_has_the_length_of_its_payload_before_it() -> None:
    """So that a reader knows where they begin before it has read anything."""
    data = encode("registration", {"a": b"\xff"})
    head = MAGIC + b"\x0cregistration\x00" + bytes([RegistrationStatement.version])
    assert data == head + bytes.fromhex("00000005 a1 6161 41ff")
    assert front_of(data) == front_of(data + b"rows") == len(data)
    assert decode(data, None, len(data)) == ("registration", {"a": b"\xff"})
    others = (
        encode("training", {"a": b"\xff"}),
        encode("dataset.opening", {}),
        b"",
        MAGIC,
        data[: len(MAGIC) + 5],
        b"rows",
    )
    assert {front_of(other) for other in others} == {None}


@pytest.mark.parametrize("length", [0, 4, 6, 5 << 24, (1 << 32) - 1])
def test_a_payload_of_another_length_than_it_says_is_refused(length: int) -> None:
    data = encode("registration", {"a": b"\xff"})
    place = data.index(bytes([0, 0, 0, 5]))
    with pytest.raises(FormatError, match="cut off, or its length is wrong") as caught:
        decode(data[:place] + length.to_bytes(4, "big") + data[place + 4 :], None, LIMIT)
    assert caught.value.fault == "damaged"
    for cut in (data[:-1], data[: place + 2], data[:place], data + b"\0"):
        with pytest.raises(FormatError, match="cut off, or its length is wrong"):
            decode(cut, None, LIMIT)


def test_keys_are_sorted_by_their_encoding_and_not_by_insertion() -> None:
    payload = {"aa": 1, "b": 2, "x" * 24: 3, "x" * 300: 4, "": 5}
    assert encode("training", payload) == encode("training", dict(reversed(payload.items())))
    assert decode(encode("training", payload), None, LIMIT)[1] == payload


# --- what is refused on writing -----------------------------------------------------------------------------


def _nested(depth: int) -> dict[str, Any]:
    value: Any = []
    for _ in range(depth - 2):
        value = [value]
    return {"a": value}


_CYCLE: list[Any] = []
_CYCLE.extend([_CYCLE] * 1000)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (1.5, "type float"),
        (float("nan"), "type float"),
        (2**64, "65 bits"),
        (-(2**64) - 1, "65 bits"),
        ((1, 2), "type tuple"),
        ({1: 2}, "map key is of type int"),
        ({"a": {b"k": 2}}, "map key is of type bytes"),
        (bytearray(b"x"), "type bytearray"),
        ("\ud800", "surrogates"),
        ({"\ud800": 1}, "surrogates"),
        (_nested(16), "nested more than 16"),
        (_CYCLE, "more than"),
    ],
    ids=lambda v: None if not isinstance(v, str) else v,
)
def test_a_value_that_a_reader_would_refuse_is_not_written(value: object, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        encode("training", {"field": value})


def test_unknown_kinds_are_not_written() -> None:
    with pytest.raises(FormatError, match="unknown kind 'prof'"):
        encode("prof", {})


def test_kinds_have_versions_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    old, other = encode("training", {}), encode("link", {})
    monkeypatch.setitem(KINDS, "training", KINDS["training"] + 1)
    with pytest.raises(FormatError, match="older version"):
        decode(old, None, LIMIT)
    assert decode(other, None, LIMIT) == ("link", {})
    new = encode("training", {})
    monkeypatch.undo()
    with pytest.raises(FormatError, match="newer version"):
        decode(new, None, LIMIT)


# --- what is refused on reading -----------------------------------------------------------------------------


def test_depth_16_is_read_and_depth_17_is_refused() -> None:
    assert decode(encode("training", _nested(16)), None, LIMIT)[1] == _nested(16)
    refused(b"\xa1\x61a" + b"\x81" * 15 + b"\x80", "nested more than 16")
    refused(b"\xa1\x61a" * 17 + b"\x00", "nested more than 16")
    refused(b"\x81" * 100_000 + b"\x00", "nested more than 16")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "cut off"),
        ("a0 00", "after the end"),
        ("a0 a0", "after the end"),
        ("80", "not a map"),
        ("00", "not a map"),
        ("a1 6161", "cut off"),
        ("a1 6161 4201", "cut off"),
        ("a1 6161 19ff", "cut off"),
        ("a1 6161 fb3ff8000000000000", "floats"),
        ("a1 6161 f97e00", "floats"),
        ("a1 6161 fa00000000", "floats"),
        ("a1 6161 f7", "unknown values"),
        ("a1 6161 f0", "unknown values"),
        ("a1 6161 f8ff", "unknown values"),
        ("a1 6161 fb40cfff0000000014", "floats"),  # its last byte looks like false
        ("a1 6161 f93c15", "floats"),
        ("a1 6161 f814", "unknown values"),
        ("a1 6161 c100", "tags"),
        ("a1 6161 c24101", "tags"),
        ("a1 6161 d81c80", "tags"),
        ("d9d9f7 a0", "tags"),
        ("bf ff", "indefinite"),
        ("a1 6161 9fff", "indefinite"),
        ("a1 6161 5f4100ff", "indefinite"),
        ("a1 6161 7f6161ff", "indefinite"),
        ("a1 6161 ff", "unknown values"),
        ("a1 6161 1c", "reserved"),
        ("a1 01 02", "not text"),
        ("a1 4161 02", "not text"),
        ("a1 6161 a1 01 02", "not text"),
        ("a2 6161 01 6161 01", "repeated"),
        ("a2 6162 01 6161 01", "unsorted"),
        ("a2 626161 01 6162 01", "unsorted"),
        ("a1 6161 62c328", "UTF-8"),
        ("a1 6161 63eda080", "UTF-8"),
        ("a1 61ff 00", "UTF-8"),
        ("a1 6161 1800", "canonical"),
        ("a1 6161 190001", "canonical"),
        ("a1 6161 1b0000000000000001", "canonical"),
        ("a1 6161 3800", "canonical"),
        ("a1 6161 580100", "canonical"),
        ("a1 6161 9800", "canonical"),
        ("a1 7801 61 00", "canonical"),
        ("b800", "canonical"),
    ],
)
def test_a_payload_outside_the_format_is_refused(body: str, reason: str) -> None:
    refused(bytes.fromhex(body), reason)


@pytest.mark.parametrize("error", [cbor2.CBORDecodeError("odd"), ValueError("odd")], ids=repr)
def test_what_the_library_cannot_decode_is_refused(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scan before it lets nothing through that it should refuse; if it ever does, that is no crash."""

    def odd(body: bytes) -> None:
        raise error

    monkeypatch.setattr(cbor2, "loads", odd)
    with pytest.raises(FormatError, match="not valid CBOR"):
        decode(encode("training", {}), "training", 1000)


def test_a_key_repeated_in_a_longer_encoding_is_refused() -> None:
    refused(bytes.fromhex("a2 6161 01 780161 01"), "canonical|repeated")


@pytest.mark.parametrize("head", ["5b", "7b", "9b", "bb"], ids=["bytes", "text", "list", "map"])
@pytest.mark.parametrize("size", [1 << 60, (1 << 64) - 1, 1 << 32])
def test_a_huge_declared_length_is_refused_at_once_without_memory(head: str, size: int) -> None:
    body = b"\xa1\x61a" + bytes.fromhex(head) + size.to_bytes(8, "big") + bytes(8)
    tracemalloc.start()
    began = time.process_time()
    refused(body, "cut off, or a length in it is wrong")
    seconds, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < 0.1
    assert peak < 200_000


def test_too_many_items_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode("training", {"a": [0] * 97})  # the map, its key, the list and 97 integers
    monkeypatch.setattr(cbor, "MAX_ITEMS", 100)
    assert decode(data, None, LIMIT)[1] == {"a": [0] * 97}
    with pytest.raises(FormatError, match="more than 100 items"):
        encode("training", {"a": [0] * 98})
    monkeypatch.setattr(cbor, "MAX_ITEMS", 99)
    with pytest.raises(FormatError, match="more than 99 items"):
        decode(data, None, LIMIT)


@given(payload=PAYLOAD, cut=st.integers(0, 10_000))
def test_every_truncation_is_refused(payload: dict[str, Any], cut: int) -> None:
    data = encode("link", payload)
    with pytest.raises(FormatError):
        decode(data[: cut % len(data)], None, LIMIT)


@given(payload=PAYLOAD, position=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_changed_byte_is_refused_or_changes_what_is_read(payload: dict[str, Any], position: int, flip: int) -> None:
    data = bytearray(encode("training", payload))
    data[position % len(data)] ^= flip
    try:
        kind, found = decode(bytes(data), None, LIMIT)
    except FormatError:
        return
    assert encode(kind, found) == data


@given(body=st.binary(max_size=40))
def test_arbitrary_bytes_are_refused_or_canonical(body: bytes) -> None:
    try:
        kind, payload = decode(HEAD + b"\xa1\x61a" + body, None, LIMIT)
    except FormatError:
        return
    assert encode(kind, payload) == HEAD + b"\xa1\x61a" + body


@given(value=st.recursive(LEAF | st.floats() | st.just(cbor2.undefined), lambda v: st.lists(v, max_size=3)))
def test_scan_and_check_value_accept_the_same_values(value: object) -> None:
    body = cbor2.dumps({"a": value}, canonical=True)
    try:
        cbor.check_value({"a": value})
    except FormatError:
        with pytest.raises(FormatError):
            cbor.scan(body, 0)
    else:
        assert cbor.scan(body, 0) == len(body)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a zkunlearn file"),
        (b"PK\x03\x04" + bytes(40), "not a zkunlearn file"),
        (MAGIC[:-1], "not a zkunlearn file"),
        (MAGIC, "within its header"),
        (MAGIC + b"\x04lin", "within its header"),
        (MAGIC + b"\x04link\x00", "within its header"),
        (MAGIC + b"\x04link\x00\x06\xa0", "newer version .format 6, here 5."),
        (MAGIC + b"\x04link\x00\x00\xa0", "format 0, not 5: .* older version"),
        (MAGIC + b"\x04link\x00\x02\xa0", "format 2, not 5: .* older version"),
        (MAGIC + b"\x05links\x00\x04\xa0", "unknown kind 'links', perhaps of a newer version"),
        (MAGIC + b"\x05links\x00\x03\xa0", "unknown kind 'links'"),
        (MAGIC + b"\x00\x00\x02\xa0", "unknown kind ''"),
        (MAGIC + b"\x05pr\xffof\x00\x02\xa0", "unknown kind"),
        (MAGIC + b"\x05pr\nof\x00\x02\xa0", "unknown kind"),
    ],
)
def test_another_header_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=reason) as caught:
        decode(data, None, LIMIT)
    assert "\n" not in str(caught.value)


def test_a_payload_whose_length_does_not_fit_before_it_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "LENGTH_BYTES", 1)
    assert encode("registration", {"a": bytes(200)})
    with pytest.raises(FormatError, match="a payload of 306 bytes does not fit into a file"):
        encode("registration", {"a": bytes(300)})


def test_another_kind_than_the_expected_one_is_refused() -> None:
    with pytest.raises(FormatError, match=r"this is a model.opening, but a training is needed"):
        decode(encode("model.opening", {}), "training", LIMIT)


def test_more_bytes_than_the_shape_allows_are_refused() -> None:
    data = encode("training", {"a": bytes(100)})
    with pytest.raises(FormatError, match="more than the 50"):
        decode(data, "training", 50)
