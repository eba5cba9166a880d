"""The transcript: published vectors, the framing of what is absorbed, and the decoding of challenges."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.circuits.field.goldilocks import P
from zkunlearn.errors import ParameterError
from zkunlearn.verifier.protocol.transcript import (
    SESSION_ID_LABEL,
    SHAKE128_RATE,
    DuplexSponge,
    Transcript,
    derive_session_id,
    length_prefixed,
)

VECTORS = json.loads((Path(__file__).parent / "vectors" / "fiat_shamir_shake128.json").read_text())
SID = bytes(range(32))


@pytest.mark.parametrize("vector", VECTORS["DuplexSponge"], ids=lambda v: v["Id"])
def test_sponge_gives_the_bytes_of_the_draft(vector: dict[str, Any]) -> None:
    sponge = DuplexSponge(bytes.fromhex(vector["SessionId"]))
    output = b""
    for step in vector["Operations"]:
        if step["type"] == "absorb":
            sponge.absorb(bytes.fromhex(step["data"]))
        else:
            output += sponge.squeeze(step["length"])
    assert output.hex() == vector["Output"]


@pytest.mark.parametrize("vector", VECTORS["DeriveSessionID"], ids=lambda v: v["Id"])
def test_session_id_is_the_draft_s(vector: dict[str, Any]) -> None:
    assert derive_session_id(bytes.fromhex(vector["Tag"])).hex() == vector["SessionId"]


@pytest.mark.parametrize("vector", VECTORS["SerializeVarLenString"], ids=lambda v: v["Id"])
def test_length_prefix_is_the_draft_s(vector: dict[str, Any]) -> None:
    assert length_prefixed(bytes.fromhex(vector["Input"])).hex() == vector["Output"]


def test_transcript_is_the_sponge_spelt_out_by_hand() -> None:
    """One plain SHAKE128 call over the whole history, written without the module's own helpers."""
    transcript = Transcript(b"proto", b"sess", b"inst")
    transcript.absorb(b"first")
    transcript.challenge()
    transcript.absorb(b"second")
    tag = b"\x05\0\0\0proto" + b"\x04\0\0\0sess"
    session_id = hashlib.shake_128(SESSION_ID_LABEL + bytes(136) + tag).digest(32)
    history = session_id + bytes(SHAKE128_RATE - 32) + b"\x04\0\0\0inst" + b"firstsecond"
    out = hashlib.shake_128(history).digest(48)
    assert transcript.challenge() == (
        int.from_bytes(out[:24], "little") % P,
        int.from_bytes(out[24:], "little") % P,
    )


def test_a_session_id_of_another_length_is_refused() -> None:
    with pytest.raises(ParameterError, match="32 bytes, got 31"):
        DuplexSponge(bytes(31))


@given(parts=st.lists(st.one_of(st.binary(max_size=400), st.integers(0, 400)), max_size=12))
def test_sponge_equals_its_definition(parts: list[bytes | int]) -> None:
    """Bytes are absorbed, integers squeezed; the twin hashes the whole history again for every squeeze."""
    sponge, state, offset = DuplexSponge(SID), SID + bytes(136), 0
    for part in parts:
        if isinstance(part, bytes):
            sponge.absorb(part)
            state, offset = state + part, 0 if part else offset
        else:
            assert sponge.squeeze(part) == hashlib.shake_128(state).digest(offset + part)[offset:]
            offset += part


def test_two_challenges_in_a_row_differ() -> None:
    transcript = Transcript(b"p", b"s", b"i")
    assert transcript.challenge() != transcript.challenge()


def test_challenges_at_once_are_the_challenges_one_by_one() -> None:
    one, many = Transcript(b"p", b"s", b"i"), Transcript(b"p", b"s", b"i")
    assert many.challenges(7) == [one.challenge() for _ in range(7)]
    assert many.challenges(0) == []
    assert many.challenge() == one.challenge()


@pytest.mark.parametrize(
    "other",
    [(b"q", b"s", b"i"), (b"p", b"t", b"i"), (b"p", b"s", b"j"), (b"ps", b"", b"i"), (b"", b"ps", b"i")],
    ids=["protocol", "session", "instance", "boundary moved right", "boundary moved left"],
)
def test_protocol_session_and_instance_all_change_the_challenges(other: tuple[bytes, bytes, bytes]) -> None:
    assert Transcript(*other).challenge() != Transcript(b"p", b"s", b"i").challenge()


def test_a_message_is_not_taken_for_the_end_of_the_instance() -> None:
    short, long = Transcript(b"p", b"s", b"instance"), Transcript(b"p", b"s", b"instance and message")
    short.absorb(b" and message")
    assert short.challenge() != long.challenge()


@pytest.mark.parametrize("draw", [lambda t: t.challenge(), lambda t: t.indices(1 << 30, 3)], ids=["K", "indices"])
def test_a_message_after_a_challenge_changes_the_next_one(draw: Callable[[Transcript], Any]) -> None:
    drawn = []
    for message in (b"x", b"y"):
        transcript = Transcript(b"p", b"s", b"i")
        draw(transcript)
        transcript.absorb(message)
        drawn.append(draw(transcript))
    assert drawn[0] != drawn[1]


class _Fixed(Transcript):
    """A transcript whose squeezed integers are given, to test the decoding alone."""

    def __init__(self, numbers: list[int]) -> None:
        super().__init__(b"", b"", b"")
        self._given = iter(numbers)

    def _integers(self, count: int) -> list[int]:
        return [next(self._given) for _ in range(count)]


def test_numbers_at_the_edges_of_the_field_are_reduced() -> None:
    numbers = [0, P - 1, P, P + 1, 2**32, 2**63, 2**64, (1 << 192) - 1]
    coordinates = [c for pair in _Fixed(numbers).challenges(4) for c in pair]
    assert coordinates == [0, P - 1, 0, 1, 2**32, 2**63, 2**64 - P, ((1 << 192) - 1) % P]


def test_repeated_indices_are_skipped_and_the_rest_sorted() -> None:
    assert _Fixed([7, 3, 17, 3, 12, 5]).indices(10, 4) == [2, 3, 5, 7]


@given(n=st.integers(1, 200), data=st.data())
def test_indices_are_distinct_increasing_and_in_range(n: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, n))
    found = Transcript(b"p", b"s", bytes([n])).indices(n, count)
    assert len(found) == count
    assert all(0 <= i < n for i in found)
    assert all(a < b for a, b in pairwise(found))


def test_indices_cover_the_range_evenly() -> None:
    """Chi-square over 10 cells, 2,000 draws of 3: 9 degrees of freedom, 40 is passed once in 10^5 runs."""
    counts = [0] * 10
    transcript = Transcript(b"chi", b"square", b"")
    for _ in range(2000):
        for index in transcript.indices(10, 3):
            counts[index] += 1
    assert sum((c - 600) ** 2 / 600 for c in counts) < 40


@pytest.mark.parametrize(
    ("n", "count"),
    [(4, 5), (0, 1), (10, -1), ((1 << 64) + 1, 1)],
    ids=["too many", "empty", "negative", "range"],
)
def test_impossible_index_draws_are_refused(n: int, count: int) -> None:
    with pytest.raises(ParameterError, match="cannot draw"):
        Transcript(b"", b"", b"").indices(n, count)


def test_a_negative_number_of_challenges_is_refused() -> None:
    with pytest.raises(ParameterError, match="cannot draw -1"):
        Transcript(b"", b"", b"").challenges(-1)


def test_squeezing_does_not_rehash_what_was_absorbed() -> None:
    """4,000 challenges after 64 MB: rehashing would take minutes, this a fraction of a second."""
    transcript = Transcript(b"p", b"s", b"i")
    transcript.absorb(bytes(1 << 26))
    for i in range(2000):
        transcript.challenge()
        transcript.absorb(i.to_bytes(8, "little"))
        transcript.challenge()
