"""The Fiat-Shamir transcript: SHAKE128 as the duplex sponge of draft-irtf-cfrg-fiat-shamir.

    session id     DeriveSessionID(tag) = SHAKE128("irtf-cfrg-fiat-shamir/session-id" || 0* || tag), 32 bytes
    state          session id || 0* (up to the rate, 168 bytes) || everything absorbed since
    squeeze        the next bytes of SHAKE128(state): consecutive squeezes continue one stream, a non-empty
                   absorb restarts it over the longer state; squeezed bytes are never fed back

This is the revision of the draft that has 32-byte session ids. In earlier ones (64-byte IV) a second squeeze
without an absorb in between returned the *same* bytes, so that two challenges drawn in a row were equal.

What a message means must follow from where it stands. The tag here is protocol and session, each with its
length in front, and the instance is absorbed with its length in front; after that, messages carry none: their
number, order and lengths are functions of the statement, which the instance encodes. A caller that absorbs
something of a length the statement does not fix has to put the length in front of it.
"""

from __future__ import annotations

import hashlib

from ...circuits.field.goldilocks import P
from ...errors import ParameterError

SHAKE128_RATE = 168
SESSION_ID_BYTES = 32
SESSION_ID_LABEL = b"irtf-cfrg-fiat-shamir/session-id"  # 32 bytes, fixed by the draft
LENGTH_BYTES = 4  # SerializeVarLenString of the draft: a little-endian length of 4 bytes
UINT_BYTES = 8 + 16  # DecodeUint of the draft: 64 bits of modulus and 128 more: bias below 2^-128
INDEX_LIMIT = 1 << 64  # the bias bound above holds for index ranges up to this size


class DuplexSponge:
    """SHAKE128 behind absorb and squeeze; the draft's test vectors run against this class.

    Args:
        session_id: 32 bytes, from `derive_session_id`.

    Raises:
        ParameterError: the session id has another length.
    """

    def __init__(self, session_id: bytes) -> None:
        if len(session_id) != SESSION_ID_BYTES:
            raise ParameterError(f"a session id has {SESSION_ID_BYTES} bytes, got {len(session_id)}")
        self._hash = hashlib.shake_128(session_id.ljust(SHAKE128_RATE, b"\x00"))
        self._stream = b""  # a prefix of the output for the current state
        self._used = 0  # how much of the output has been squeezed

    def absorb(self, data: bytes) -> None:
        """Append `data` to the state. The empty string changes nothing; absorbs are associative."""
        if len(data) == 0:
            return
        self._hash.update(data)
        self._stream = b""
        self._used = 0

    def squeeze(self, length: int) -> bytes:
        """The next `length` bytes of output; what was absorbed before is not hashed again."""
        end = self._used + length
        if end > len(self._stream):
            # digest() works on a copy of the state and always starts at output byte 0, so a long run of
            # short squeezes would be quadratic without doubling.
            self._stream = self._hash.digest(max(end, 2 * len(self._stream)))
        out = self._stream[self._used : end]
        self._used = end
        return out


def derive_session_id(tag: bytes) -> bytes:
    """DeriveSessionID of the draft: 32 bytes that stand for an application tag."""
    sponge = DuplexSponge(SESSION_ID_LABEL)
    sponge.absorb(tag)
    return sponge.squeeze(SESSION_ID_BYTES)


def length_prefixed(data: bytes) -> bytes:
    """SerializeVarLenString of the draft: 4 bytes of little-endian length, then the bytes.

    Raises:
        ParameterError: 2^32 bytes or more.
    """
    if len(data) >> (8 * LENGTH_BYTES):
        raise ParameterError(f"{len(data)} bytes are too many for one length-prefixed string")
    return len(data).to_bytes(LENGTH_BYTES, "little") + data


class Transcript:
    """One run of the protocol, the same object on both sides.

    Prover and verifier absorb every prover message, in order, before drawing a challenge that depends on it.

    Args:
        protocol: name and version of the protocol.
        session: every parameter that both sides take for granted (field, hash, rate, queries, bind order).
        instance: canonical encoding of the whole statement.

    Raises:
        ParameterError: one of the three is 4 GiB or longer.

    Source: draft-irtf-cfrg-fiat-shamir: DuplexSponge, DeriveSessionID, SerializeVarLenString, DecodeUint.
    """

    def __init__(self, protocol: bytes, session: bytes, instance: bytes) -> None:
        self._sponge = DuplexSponge(derive_session_id(length_prefixed(protocol) + length_prefixed(session)))
        self._sponge.absorb(length_prefixed(instance))

    def absorb(self, data: bytes) -> None:
        """Take in a prover message whose length follows from the statement."""
        self._sponge.absorb(data)

    def challenge(self) -> tuple[int, int]:
        """A uniform element c0 + c1*u of K as (c0, c1), both in [0, P), within 2^-127 of uniform."""
        return self.challenges(1)[0]

    def challenges(self, count: int) -> list[tuple[int, int]]:
        """`count` elements of K: what `count` calls of `challenge` return, at the price of one squeeze."""
        if count < 0:
            raise ParameterError(f"cannot draw {count} challenges")
        numbers = [number % P for number in self._integers(2 * count)]
        return list(zip(numbers[0::2], numbers[1::2], strict=True))

    def seed(self, count: int) -> bytes:
        """`count` uniform bytes."""
        return self._sponge.squeeze(count)

    def indices(self, n: int, count: int) -> list[int]:
        """`count` distinct integers of range(n), increasing; every such set is equally likely.

        Drawn one after the other, repeats skipped, and sorted at the end.

        Raises:
            ParameterError: there are fewer than `count` integers to choose from, or n is above 2^64.
        """
        if not 0 <= count <= n:
            raise ParameterError(f"cannot draw {count} distinct indices below {n}")
        if n > INDEX_LIMIT:
            raise ParameterError(f"cannot draw indices from a range of {n}: the largest is 2^64")
        chosen: set[int] = set()
        while len(chosen) < count:
            # Never more integers than are missing: how far the stream is read is part of the protocol.
            chosen.update(number % n for number in self._integers(count - len(chosen)))
        return sorted(chosen)

    def _integers(self, count: int) -> list[int]:
        """`count` integers below 2^192, little-endian."""
        data = self._sponge.squeeze(count * UINT_BYTES)
        return [int.from_bytes(data[i : i + UINT_BYTES], "little") for i in range(0, len(data), UINT_BYTES)]
