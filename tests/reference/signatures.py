"""Signatures, a second time, from docs/signatures.md alone: who signed what, or that nobody did."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from py_ecc.bls import G2ProofOfPossession as Bls

TYPE = "application/vnd.zkunlearn.signature+json"
BLS_LABEL = "ZKUNLEARN BLS12-381 PUBLIC KEY"
BLS_TAG = b"zkunlearn bls12-381 key 1"


class Refused(Exception):
    """It is no envelope of a signature, or one is wrong."""


@dataclass(frozen=True)
class Who:
    """What was signed, in which role, and the ids of the keys that did; unknown ones are left out."""

    kind: str
    digest: str
    purpose: str
    keys: frozenset[str]


def require(condition: bool, why: str) -> None:
    if not condition:
        raise Refused(why)


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    require(len({name for name, _ in pairs}) == len(pairs), "a name is twice in an object")
    return dict(pairs)


def bytes_of(text: str) -> bytes:
    """Base64 in its one spelling."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Refused("base64") from error
    require(base64.b64encode(data).decode() == text, "base64 in another spelling")
    return data


def key_of(pem: str) -> tuple[str, Any]:
    """The id of a public key, and what verifies with it: a BLS key's bytes, else the package's object."""
    body = base64.b64decode("".join(pem.splitlines()[1:-1]))
    if BLS_LABEL not in pem:
        return hashlib.sha256(body).hexdigest(), load_pem_public_key(pem.encode())
    require(len(body) == 144 and bool(Bls.PopVerify(body[:48], body[48:])), "proof of possession")  # type: ignore[arg-type]
    return hashlib.sha256(BLS_TAG + body[:48]).hexdigest(), body[:48]


def verified(envelope: str, pems: Sequence[str]) -> Who:
    """Raises Refused."""
    try:
        fields = json.loads(envelope, object_pairs_hook=once)
    except ValueError as error:
        raise Refused("JSON") from error
    require(set(fields) == {"payloadType", "payload", "signatures"}, "fields")
    require(fields["payloadType"] == TYPE, "another type of payload")
    payload = bytes_of(fields["payload"])
    said = json.loads(payload, object_pairs_hook=once)
    require(json.dumps(said, sort_keys=True, separators=(",", ":")).encode() == payload, "canonical JSON")
    require(set(said) == {"digest", "kind", "purpose", "version"} and said["version"] == 1, "payload")
    require(said["purpose"] in ("owner", "auditor") and bool(re.fullmatch("[0-9a-f]{64}", said["digest"])), "payload")
    message = f"DSSEv1 {len(TYPE)} {TYPE} {len(payload)} ".encode() + payload
    known = dict(map(key_of, pems))
    require(len({each["keyid"] for each in fields["signatures"]}) == len(fields["signatures"]) > 0, "a key twice")
    keys: set[str] = set()
    for each in fields["signatures"]:
        require(set(each) == {"keyid", "sig"}, "fields of a signature")
        names, signature = each["keyid"].split("+"), bytes_of(each["sig"])
        if set(names) <= set(known):
            require(len(set(names)) == len(names) and holds([known[name] for name in names], message, signature), "no")
            keys |= set(names)
    return Who(said["kind"], said["digest"], said["purpose"], frozenset(keys))


def holds(keys: Sequence[Any], message: bytes, signature: bytes) -> bool:
    """Whether a signature is one of these keys: of one, or of several of BLS12-381."""
    if all(isinstance(key, bytes) for key in keys):
        return bool(Bls.FastAggregateVerify(keys, message, signature))  # type: ignore[arg-type]
    try:
        keys[0].verify(signature, message)
    except InvalidSignature:
        return False
    return len(keys) == 1
