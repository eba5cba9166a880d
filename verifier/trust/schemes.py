"""The three schemes of signatures: sizes, the form of public keys, and when a signature is one.

| scheme | standard | for |
|---|---|---|
| ml-dsa-44 | FIPS 204, context empty | the default: post-quantum, as the proofs are |
| ed25519 | RFC 8032 | tools that know nothing else |
| bls12-381 | draft-irtf-cfrg-bls-signature, keys in G1, proof of possession | many auditors, one signature |

The packages are loaded when something is verified.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from ...errors import ParameterError

MLDSA, ED25519, BLS = "ml-dsa-44", "ed25519", "bls12-381"
DEFAULT = MLDSA
NOT_INSTALLED = "keys of {name} need {package}: pip install 'zkunlearn[trust]'"

Check = Callable[[bytes, bytes, bytes], bool]


@dataclass(frozen=True)
class Scheme:
    """A scheme.

    Attributes:
        name: in files and on the command line.
        package: that brings it.
        public_bytes, signature_bytes: sizes of public keys and of signatures.
        possession_bytes: size of the proof that whoever made a key has its secret half; 0 where none is needed.
        prefix: of a public key in DER (SubjectPublicKeyInfo), up to the key itself; or what stands for it.
        verify: whether a signature is of this message under this key: public, message, signature.
    """

    name: str
    package: str
    public_bytes: int
    signature_bytes: int
    possession_bytes: int
    prefix: bytes
    verify: Check


def _mldsa(public: bytes, message: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

    try:
        MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _bls(public: bytes, message: bytes, signature: bytes) -> bool:
    return all_signed([public], message, signature)


SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme(
            MLDSA, "cryptography", 1312, 2420, 0, bytes.fromhex("30820532300b06096086480165030403110382052100"), _mldsa
        ),
        Scheme(ED25519, "cryptography", 32, 64, 0, bytes.fromhex("302a300506032b6570032100"), _ed25519),
        Scheme(BLS, "py_ecc", 48, 96, 96, b"zkunlearn bls12-381 key 1", _bls),
    )
}


def require_installed(name: str) -> None:
    """Raises ParameterError if the package that brings a scheme is not there."""
    package = SCHEMES[name].package
    if find_spec(package) is None:
        raise ParameterError(NOT_INSTALLED.format(name=name, package=package))


def all_signed(publics: Sequence[bytes], message: bytes, signature: bytes) -> bool:
    """Whether a BLS signature is the sum of one on this message by each of these keys.

    That each of them is *possessed* has to be known, or one of them may have been made up from the others.
    """
    return bool(bls().FastAggregateVerify(publics, message, signature))


def together(signatures: Sequence[bytes]) -> bytes:
    """The sum of BLS signatures on one message, which are known to be such."""
    return bytes(bls().Aggregate(signatures))


@lru_cache(maxsize=256)
def possessed(public: bytes, possession: bytes) -> bool:
    """Whether a BLS key comes with a proof that somebody has its secret half."""
    return bool(bls().PopVerify(public, possession))


def bls() -> Any:
    """The scheme with proofs of possession; its package has names of its own for bytes.

    Loading it lets Python recurse until the stack is full, for all that runs here; that is put right again.
    """
    limit = sys.getrecursionlimit()
    try:
        from py_ecc.bls.ciphersuites import G2ProofOfPossession
    finally:
        sys.setrecursionlimit(limit)
    return G2ProofOfPossession
