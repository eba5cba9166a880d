"""Signed envelopes: DSSE, version 1 (github.com/secure-systems-lab/dsse), as JSON.

    {"payload": base64, "payloadType": text, "signatures": [{"keyid": text, "sig": base64}, ..]}

What is signed is PAE(type, payload), so that nothing is taken for a payload of another type. Stricter than DSSE asks:
no further fields, base64 in its usual spelling only, every signature names its key, and no key twice. The name of an
aggregate is the names of its keys, with plus signs between them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import FormatError, InvalidSignature, ParameterError, require_type
from ...formats.base64_text import decode_base64, encode_base64
from ...formats.fields import Fields, ListOf, take
from ...formats.files import read_file, write_file
from ...formats.strict_json import read_json
from ...shown import Shown
from .keys import MOST_TOGETHER, PublicKey, verify_together
from .schemes import BLS, together
from .signing_keys import SigningKey

JOIN = "+"
MOST_SIGNATURES = 100
MAX_BYTES = 1 << 24
MAX_SIGNATURE_BYTES = 1 << 13
_TYPE = re.compile(r"[a-z]+/[A-Za-z0-9.+_-]{1,120}")
_KEYID = re.compile(r"[\x21-\x7e]{1,8192}")
_FIELDS: Fields = {"payload": str, "payloadType": str, "signatures": ListOf(dict, 1, MOST_SIGNATURES)}
_SIGNATURE: Fields = {"keyid": str, "sig": str}


@dataclass(frozen=True)
class Signature:
    """One signature in an envelope.

    Attributes:
        keyid: names the key that it says it is of, or the keys of an aggregate.
        signature: its bytes.
    """

    keyid: str
    signature: bytes

    @property
    def keyids(self) -> tuple[str, ...]:
        """The key; or those of an aggregate."""
        return tuple(self.keyid.split(JOIN))


@dataclass(frozen=True, repr=False)
class Envelope(Shown):
    """A payload with signatures on it and its type. Reading it verifies none of them.

    Attributes:
        payload_type: a media type, of ASCII.
        payload: any bytes.
        signatures: at least one, each of other keys.
    """

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]

    shows = "payload_type", "signatures"

    def __post_init__(self) -> None:
        if not _TYPE.fullmatch(self.payload_type):
            raise FormatError("the payload's type is no media type")
        if not self.signatures:
            raise FormatError("the envelope has no signature")
        names = [each.keyid for each in self.signatures]
        if len(set(names)) < len(names):
            raise FormatError("the envelope has two signatures of one key")

    @property
    def signed_bytes(self) -> bytes:
        """What signatures are on: DSSE's PAE."""
        return pae(self.payload_type, self.payload)

    @classmethod
    def sign(cls, payload_type: str, payload: bytes, keys: Sequence[SigningKey]) -> Envelope:
        """A payload signed by each of these keys."""
        message = pae(payload_type, payload)
        signatures = tuple(Signature(key.public.keyid, key.sign(message)) for key in keys)
        return cls(payload_type, payload, signatures)

    def require_signature(self, key: PublicKey) -> None:
        """Check the key's own signature.

        Raises:
            InvalidSignature: there is none of this key (check "signature"), or it is wrong.
            ParameterError: a package is not installed.
        """
        for each in self.signatures:
            if each.keyid == key.keyid:
                key.verify(self.signed_bytes, each.signature)
                return
        raise InvalidSignature("signature", f"there is none of the key {key.keyid[:16]}")

    def signed_by(self, keys: Collection[PublicKey]) -> list[PublicKey]:
        """Those of some keys that have signed, alone or in an aggregate; each is told once.

        Signatures that name no key of these are passed over; so is an aggregate in which one key is unknown.

        Raises:
            InvalidSignature: a signature that names keys of these only is wrong.
            ParameterError: a package is not installed.
        """
        known = {key.keyid: key for key in keys}
        found: dict[str, PublicKey] = {}
        for each in self.signatures:
            own = [known[name] for name in each.keyids if name in known]
            if len(own) < len(each.keyids):
                continue
            if len(own) == 1:
                own[0].verify(self.signed_bytes, each.signature)
            else:
                verify_together(own, self.signed_bytes, each.signature)
            found.update((key.keyid, key) for key in own)
        return [*found.values()]

    def to_bytes(self) -> bytes:
        """The file."""
        signatures = [{"keyid": each.keyid, "sig": encode_base64(each.signature)} for each in self.signatures]
        fields = {
            "payloadType": self.payload_type,
            "payload": encode_base64(self.payload),
            "signatures": signatures,
        }
        return json.dumps(fields, indent=1).encode("ascii") + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes, payload_type: str | None = None) -> Envelope:
        """Read an envelope.

        Args:
            payload_type: what its payload has to be, if that is known.

        Raises:
            FormatError: it is no envelope, a damaged one, or (fault "kind") one of another type of payload.
            ParameterError: what are no bytes.
        """
        require_type("data", data, bytes, "`load` reads a file")
        if len(data) > MAX_BYTES:
            raise FormatError(f"{len(data)} bytes are more than the {MAX_BYTES} an envelope can have", "kind")
        fields = take(read_json(data, "the envelope"), _FIELDS, "the envelope")
        signatures = tuple(_signature(each) for each in fields["signatures"])
        envelope = cls(fields["payloadType"], decode_base64(fields["payload"], "the payload"), signatures)
        if payload_type is not None and envelope.payload_type != payload_type:
            raise FormatError(f"the payload is {envelope.payload_type!r}, not {payload_type!r}", "kind")
        return envelope

    def save(self, path: Path | str) -> None:
        """Write the file, whole or not at all. Raises DataError."""
        write_file(path, self.to_bytes())

    @classmethod
    def load(cls, path: Path | str, payload_type: str | None = None) -> Envelope:
        """Raises FormatError or DataError, naming the file."""
        data = read_file(path, MAX_BYTES)
        try:
            return cls.from_bytes(data, payload_type)
        except FormatError as error:
            raise error.named(path) from error


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding."""
    kind = payload_type.encode("ascii")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def aggregate_signatures(envelopes: Sequence[Envelope], keys: Collection[PublicKey]) -> Envelope:
    """Envelopes of one payload, with BLS signatures of these keys only, as one with one signature.

    Raises:
        InvalidSignature: a signature is wrong; or (check "aggregate") a key is there twice, or unknown.
        ParameterError: fewer than two, payloads that differ, a key of another scheme, or a package is not installed.
    """
    for envelope in envelopes:
        require_type("envelopes", envelope, Envelope, "`Envelope.load` reads a file")
    for key in keys:
        require_type("keys", key, PublicKey, "`PublicKey.load` reads a file")
    if len(envelopes) < 2:
        raise ParameterError("an aggregate takes two signatures or more")
    first = envelopes[0]
    if any((each.payload_type, each.payload) != (first.payload_type, first.payload) for each in envelopes):
        raise ParameterError("the signatures are not on one and the same statement")
    known = {key.keyid: key for key in keys}
    parts = [part for each in envelopes for part in each.signatures]
    names = [name for part in parts for name in part.keyids]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InvalidSignature("aggregate", f"the key {unknown[0][:16]} is not among those that are known")
    if len(set(names)) < len(names):
        raise InvalidSignature("aggregate", "counts a key twice")
    if any(known[name].scheme != BLS for name in names):
        raise ParameterError(f"only signatures of {BLS} can be put together")
    if len(names) > MOST_TOGETHER:
        raise ParameterError(f"{len(names)} signatures are more than the {MOST_TOGETHER} of an aggregate")
    for each in envelopes:
        each.signed_by(keys)
    whole = Signature(JOIN.join(sorted(names)), together([part.signature for part in parts]))
    return Envelope(first.payload_type, first.payload, (whole,))


def _signature(fields: dict[str, object]) -> Signature:
    found = take(fields, _SIGNATURE, "a signature")
    if not _KEYID.fullmatch(found["keyid"]):
        raise FormatError("a signature names its key by what is not printable ASCII without spaces")
    signature = decode_base64(found["sig"], "a signature")
    if not 1 <= len(signature) <= MAX_SIGNATURE_BYTES:
        raise FormatError(f"a signature of {len(signature)} bytes is none")
    return Signature(found["keyid"], signature)
