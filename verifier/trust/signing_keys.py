"""Secret keys: made, kept in files of mode 0600, with a passphrase or without, and signing.

Without one, keys of Ed25519 and ML-DSA-44 are PKCS #8 in PEM, as openssl writes them; with one, a key of any scheme is
AES-256-GCM under scrypt of the passphrase, in a form of this program's own:

    log2 of scrypt's N, 1 byte | salt, 16 | nonce, 12 | ciphertext of the file without passphrase | tag, 16
"""

from __future__ import annotations

import os
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import DataError, FormatError, ParameterError, require_type
from ...formats.base64_text import decode_pem, encode_pem
from ...formats.files import opened, write_file
from ...shown import Shown
from .keys import MAX_KEY_BYTES, PUBLIC_SUFFIX, PublicKey
from .schemes import BLS, DEFAULT, ED25519, MLDSA, SCHEMES, bls, require_installed

PLAIN_LABEL, OPENSSL_LABEL = "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"
BLS_LABEL, SEALED_LABEL = "ZKUNLEARN BLS12-381 PRIVATE KEY", "ZKUNLEARN ENCRYPTED PRIVATE KEY"
PROTECTED = (SEALED_LABEL, OPENSSL_LABEL)
LABELS = (PLAIN_LABEL, BLS_LABEL, *PROTECTED)
SEED_BYTES = 32  # of all three schemes
SALT_BYTES, NONCE_BYTES, TAG_BYTES = 16, 12, 16
WORK_BITS, MOST_WORK_BITS, BLOCKS = 17, 19, 8  # scrypt's N = 2^17 takes 128 MiB and half a second
BLS_ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001  # of its groups
OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class SigningKey(Shown):
    """A key that signs. Its file is to be kept as a house key is.

    Attributes:
        public: its public half.
    """

    public: PublicKey
    _secret: bytes

    shows = ("public",)

    @classmethod
    def generate(cls, scheme: str = DEFAULT) -> SigningKey:
        """A new one, of the system's random bytes. Raises ParameterError."""
        if scheme not in SCHEMES:
            raise ParameterError(f"scheme: {str(scheme)[:40]!r} is none of {', '.join(SCHEMES)}")
        require_installed(scheme)
        secret = os.urandom(SEED_BYTES)
        return cls._of(scheme, _bls_secret(secret) if scheme == BLS else secret)

    @classmethod
    def _of(cls, scheme: str, secret: bytes) -> SigningKey:
        return cls(PublicKey(scheme, *_public(scheme, secret)), secret)

    def sign(self, message: bytes) -> bytes:
        """A signature on these bytes."""
        require_type("message", message, bytes)
        if self.public.scheme == BLS:
            return bytes(bls().Sign(int.from_bytes(self._secret, "big"), message))
        return bytes(_private(self.public.scheme, self._secret).sign(message))

    def save(self, path: Path | str, passphrase: str | None = None) -> None:
        """Write the file, 0600, and beside it PATH.pub. A file that is there is not replaced.

        Args:
            passphrase: protects it; a text that is not empty.

        Raises:
            DataError: one of them is there already, or cannot be written.
            ParameterError: an empty passphrase.
        """
        plain = self._plain()
        data = plain if passphrase is None else _sealed(plain, passphrase)
        own, beside = Path(path), Path(f"{path}{PUBLIC_SUFFIX}")
        for file in (own, beside):
            if file.exists() or file.is_symlink():
                raise DataError(f"{file}: is there already; a key is not replaced by another one")
        write_file(own, data, secret=True)
        self.public.save(beside)

    @classmethod
    def load(cls, path: Path | str, passphrase: str | None = None) -> SigningKey:
        """Read such a file, or one of Ed25519 or ML-DSA-44 that openssl wrote.

        Raises:
            DataError: there is no such file, others can read it, or the passphrase is missing, wrong or not needed.
            FormatError: naming the file: it is no secret key, of another scheme, or damaged.
        """
        with opened(path, MAX_KEY_BYTES) as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if os.name == "posix" and mode & OTHERS:
                raise DataError(
                    f"{path}: others can read this key (its mode is {mode:04o}): chmod 600, or make another"
                )
            data = file.read(MAX_KEY_BYTES + 1)
        try:
            return cls._read(data, passphrase)
        except FormatError as error:
            raise error.named(path) from error
        except DataError as error:
            raise DataError(f"{path}: {error}") from error

    @classmethod
    def _read(cls, data: bytes, passphrase: str | None) -> SigningKey:
        label, body = decode_pem(data, "this")
        if (label in PROTECTED) != (passphrase is not None):
            problem = "needs its passphrase" if passphrase is None else "is not protected by a passphrase"
            raise DataError(f"this key {problem}")
        if label == SEALED_LABEL and passphrase is not None:
            return cls._read(_unsealed(body, passphrase), None)
        if label == BLS_LABEL:
            require_installed(BLS)
            if len(body) != SEED_BYTES:
                raise FormatError(f"this is no key of {BLS}: it is cut off, or has too many bytes")
            return cls._of(BLS, body)
        if label not in (PLAIN_LABEL, OPENSSL_LABEL):
            raise FormatError(f"this is a {label.lower()}, not a secret key", "kind")
        return cls._of(*_from_pkcs8(data, passphrase))

    def _plain(self) -> bytes:
        """The file without a passphrase."""
        if self.public.scheme == BLS:
            return encode_pem(BLS_LABEL, self._secret)
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        key = _private(self.public.scheme, self._secret)
        return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _from_pkcs8(data: bytes, passphrase: str | None) -> tuple[str, bytes]:
    """Scheme and secret of a key in PKCS #8. Raises FormatError, DataError."""
    require_installed(DEFAULT)
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(data, None if passphrase is None else passphrase.encode("utf-8"))
    except UnsupportedAlgorithm:
        raise FormatError(f"this is a key of another scheme than {', '.join(SCHEMES)}", "kind") from None
    except (ValueError, TypeError):
        if passphrase is not None:
            raise DataError("the passphrase is wrong, or the file is damaged") from None
        raise FormatError("this key is cut off, or damaged") from None
    if isinstance(key, Ed25519PrivateKey):
        return ED25519, key.private_bytes_raw()
    if isinstance(key, MLDSA44PrivateKey):
        return MLDSA, key.private_bytes_raw()
    raise FormatError(f"this is a key of another scheme than {', '.join(SCHEMES)}", "kind")


def _private(scheme: str, secret: bytes) -> Any:
    """The package's object."""
    if scheme == ED25519:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(secret)
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

    return MLDSA44PrivateKey.from_seed_bytes(secret)


def _bls_secret(seed: bytes) -> bytes:
    """KeyGen of the draft."""
    return int(bls().KeyGen(seed)).to_bytes(SEED_BYTES, "big")


def _bls_public(secret: bytes) -> tuple[bytes, bytes]:
    """Raises FormatError: the number is 0, or not below the group's order."""
    number = int.from_bytes(secret, "big")
    if not 0 < number < BLS_ORDER:
        raise FormatError(f"this is no key of {BLS}: its number is out of range")
    return bytes(bls().SkToPk(number)), bytes(bls().PopProve(number))


def _public(scheme: str, secret: bytes) -> tuple[bytes, bytes]:
    """Raw public key, and proof of possession. Raises FormatError."""
    if scheme == BLS:
        return _bls_public(secret)
    return bytes(_private(scheme, secret).public_key().public_bytes_raw()), b""


def _sealed(plain: bytes, passphrase: str) -> bytes:
    """The file with a passphrase. Raises ParameterError."""
    require_type("passphrase", passphrase, str)
    if not passphrase:
        raise ParameterError("passphrase: is empty; leave it out for a key without one")
    require_installed(DEFAULT)
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt, nonce = os.urandom(SALT_BYTES), os.urandom(NONCE_BYTES)
    front = bytes([WORK_BITS]) + salt
    text = AESGCM(_stretched(passphrase, salt, WORK_BITS)).encrypt(nonce, plain, SEALED_LABEL.encode() + front)
    return encode_pem(SEALED_LABEL, front + nonce + text)


def _unsealed(body: bytes, passphrase: str) -> bytes:
    """What `_sealed` took. Raises FormatError, DataError."""
    require_installed(DEFAULT)
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    start = 1 + SALT_BYTES
    if len(body) <= start + NONCE_BYTES + TAG_BYTES or not WORK_BITS <= body[0] <= MOST_WORK_BITS:
        raise FormatError("this key is cut off, or damaged")
    stretched = _stretched(passphrase, body[1:start], body[0])
    nonce, text = body[start : start + NONCE_BYTES], body[start + NONCE_BYTES :]
    try:
        return AESGCM(stretched).decrypt(nonce, text, SEALED_LABEL.encode() + body[:start])
    except InvalidTag:
        raise DataError("the passphrase is wrong, or the file is damaged") from None


def _stretched(passphrase: str, salt: bytes, work_bits: int) -> bytes:
    """Scrypt (RFC 7914) of the passphrase in Unicode's normal form C: it may be typed on another machine."""
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    text = unicodedata.normalize("NFC", passphrase).encode("utf-8")
    return Scrypt(salt=salt, length=32, n=1 << work_bits, r=BLOCKS, p=1).derive(text)
