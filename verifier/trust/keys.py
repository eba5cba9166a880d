"""Public keys: what a signature is checked with, as objects and as small PEM files.

Those of Ed25519 and ML-DSA-44 are SubjectPublicKeyInfo (RFC 8410, RFC 9881), as openssl reads and writes them; one of
BLS12-381 has a form of its own, with the proof that whoever made it has its secret half. Reading them needs no package.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import FormatError, InvalidSignature, ParameterError, require_type
from ...formats.base64_text import decode_pem, encode_pem
from ...formats.files import read_file, write_file
from ...shown import Shown
from .schemes import BLS, SCHEMES, Scheme, all_signed, possessed, require_installed

PUBLIC_SUFFIX = ".pub"
PUBLIC_LABEL, BLS_PUBLIC_LABEL = "PUBLIC KEY", "ZKUNLEARN BLS12-381 PUBLIC KEY"
MAX_KEY_BYTES = 1 << 14
MOST_TOGETHER = 100  # keys behind one aggregate


@dataclass(frozen=True, repr=False)
class PublicKey(Shown):
    """The public half of a key.

    Attributes:
        scheme: "ml-dsa-44", "ed25519" or "bls12-381".
        raw: the key, as its standard writes it.
        possession: of BLS12-381, the proof that its secret half is somebody's; else nothing.

    Raises FormatError: another length than the scheme's.
    """

    scheme: str
    raw: bytes
    possession: bytes = b""

    shows = "scheme", "keyid"

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            raise ParameterError(f"scheme: {str(self.scheme)[:40]!r} is none of {', '.join(SCHEMES)}")
        if (len(self.raw), len(self.possession)) != (self._scheme.public_bytes, self._scheme.possession_bytes):
            raise FormatError(f"this is no key of {self.scheme}: it is cut off, or has too many bytes")

    @property
    def _scheme(self) -> Scheme:
        return SCHEMES[self.scheme]

    @property
    def keyid(self) -> str:
        """Names the key: SHA-256 of it, in hexadecimal; of Ed25519 and ML-DSA-44, of the DER in its file."""
        return hashlib.sha256(self._scheme.prefix + self.raw).hexdigest()

    def verify(self, message: bytes, signature: bytes) -> None:
        """Check a signature of the key on a message.

        Raises:
            InvalidSignature: it is none; check "signature", or "proof of possession" of the key.
            ParameterError: the package that this scheme needs is not installed.
        """
        require_installed(self.scheme)
        self.require_possession()
        if len(signature) != self._scheme.signature_bytes or not self._scheme.verify(self.raw, message, signature):
            raise InvalidSignature("signature", f"is not one of the key {self.keyid[:16]} on this")

    def require_possession(self) -> None:
        """Raises InvalidSignature: a key that needs a proof of possession has a wrong one."""
        if self.possession and not possessed(self.raw, self.possession):
            raise InvalidSignature("proof of possession", f"of the key {self.keyid[:16]} is wrong")

    def to_bytes(self) -> bytes:
        """The file."""
        if self.scheme == BLS:
            return encode_pem(BLS_PUBLIC_LABEL, self.raw + self.possession)
        return encode_pem(PUBLIC_LABEL, self._scheme.prefix + self.raw)

    @classmethod
    def from_bytes(cls, data: bytes) -> PublicKey:
        """Raises FormatError for what is no public key of these schemes; ParameterError for what are no bytes."""
        require_type("data", data, bytes, "`load` reads a file")
        label, body = decode_pem(data, "this")
        if label == BLS_PUBLIC_LABEL:
            size = SCHEMES[BLS].public_bytes
            return cls(BLS, body[:size], body[size:])
        if label != PUBLIC_LABEL:
            raise FormatError(f"this is a {label.lower()}, not a public key", "kind")
        for scheme in SCHEMES.values():
            if scheme.name != BLS and body.startswith(scheme.prefix):
                return cls(scheme.name, body[len(scheme.prefix) :])
        raise FormatError(f"this is a public key of another scheme than {', '.join(SCHEMES)}, or cut off", "kind")

    def save(self, path: Path | str) -> None:
        """Write the file. Raises DataError."""
        write_file(path, self.to_bytes())

    @classmethod
    def load(cls, path: Path | str) -> PublicKey:
        """Raises FormatError or DataError, naming the file."""
        try:
            return cls.from_bytes(read_file(path, MAX_KEY_BYTES))
        except FormatError as error:
            raise error if str(error).startswith(str(path)) else error.named(path) from error


def verify_together(keys: Sequence[PublicKey], message: bytes, signature: bytes) -> None:
    """Check one BLS signature of several keys, each once, on one message.

    Raises:
        InvalidSignature: check "aggregate": a key is there twice, or it is not the sum of theirs; or "proof of
            possession": a key may have been made up from the others.
        ParameterError: a key is of another scheme; or the package is not installed.
    """
    require_installed(BLS)
    if any(key.scheme != BLS for key in keys):
        raise ParameterError(f"only signatures of {BLS} can be put together")
    if not 1 <= len(keys) <= MOST_TOGETHER:
        raise InvalidSignature("aggregate", f"is of {len(keys)} keys, not of 1 to {MOST_TOGETHER}")
    if len({key.raw for key in keys}) < len(keys):
        raise InvalidSignature("aggregate", "counts a key twice")
    for key in keys:
        key.require_possession()
    sized = len(signature) == SCHEMES[BLS].signature_bytes
    if not sized or not all_signed([key.raw for key in keys], message, signature):
        raise InvalidSignature("aggregate", f"is not the sum of signatures of its {len(keys)} keys on this")
