"""Base64 in exactly one spelling (RFC 4648, section 4), alone or between the lines of a PEM file (RFC 7468)."""

from __future__ import annotations

import base64
import binascii
import re

from ..errors import FormatError

_LINE = 64
_PEM = re.compile(r"\s*-----BEGIN ([A-Z0-9 -]{1,64})-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END \1-----\s*")


def encode_base64(data: bytes) -> str:
    """The standard alphabet, with padding."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str, where: str) -> bytes:
    """The bytes of a text that `encode_base64` gives. Raises FormatError for any other spelling."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise FormatError(f"{where} is not base64 of the standard alphabet with padding") from None
    if encode_base64(data) != text:
        raise FormatError(f"{where} is base64 in another spelling than the usual one")
    return data


def encode_pem(label: str, data: bytes) -> bytes:
    """A file that says what it is."""
    text = encode_base64(data)
    lines = [text[start : start + _LINE] for start in range(0, len(text), _LINE)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode("ascii")


def decode_pem(data: bytes, where: str) -> tuple[str, bytes]:
    """Label and bytes of a file with one such block, and nothing else.

    Raises:
        FormatError: it is none ("kind"), or the block is damaged.
    """
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        raise FormatError(f"{where} is not a PEM file", "kind") from None
    if "-----BEGIN " not in text:
        raise FormatError(f"{where} is not a PEM file", "kind")
    found = _PEM.fullmatch(text)
    if found is None:
        raise FormatError(f"{where} is not one whole PEM block and nothing else")
    return found[1], decode_base64("".join(found[2].split()), where)
