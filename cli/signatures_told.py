"""What `inspect` tells of signed envelopes and of keys, without checking a signature."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import zkunlearn as zu

from ..formats.base64_text import decode_pem
from ..formats.files import read_file
from ..verifier.trust.dsse import Envelope
from ..verifier.trust.keys import MAX_KEY_BYTES
from ..verifier.trust.signatures import PAYLOAD_TYPE, Signed
from ..verifier.trust.signing_keys import LABELS, OTHERS, PROTECTED
from .certificate_words import certificate_told, is_of_certificate
from .output import Lines, foreign
from .words import plural

Told = tuple[str, Lines, str, dict[str, Any]]  # a title, lines, the last one, and data
UNCHECKED = "Read, not verified: `zkunlearn verify FILE --require-owner KEY.pub` checks who signed."
SECRET = "SECRET: whoever has this file, and its passphrase if it has one, signs in your name."
STARTS = (b"{", b"-----BEGIN ")  # of files that are told of here


def told_of(path: Path, start: bytes) -> Told:
    """A signed envelope or a key, which one by how the file starts. Raises FormatError or DataError, naming it."""
    return _envelope(path) if start.startswith(STARTS[0]) else _key(path)


def _envelope(path: Path) -> Told:
    envelope = Envelope.load(path)
    if is_of_certificate(envelope):
        return certificate_told(path)
    lines: Lines = [("file", foreign(path)), ("payload", envelope.payload_type)]
    data: dict[str, Any] = {"kind": "envelope", "payload_type": envelope.payload_type}
    if envelope.payload_type == PAYLOAD_TYPE:
        try:
            said = Signed.from_bytes(envelope.payload)
        except zu.FormatError as error:
            raise error.named(path) from error
        lines += [("signed", f"{foreign(said.kind)} {said.digest.hex()}"), ("as", said.purpose)]
        data |= {"kind": "signature", "of": said.kind, "digest": said.digest.hex(), "purpose": said.purpose}
    keys = [[*each.keyids] for each in envelope.signatures]
    for each in keys:
        lines.append(("signature", plural(len(each), "key")))
        lines += [("", foreign(name)) for name in each]
    return data["kind"], lines, UNCHECKED, data | {"keys": keys}


def _key(path: Path) -> Told:
    try:
        label, _ = decode_pem(read_file(path, MAX_KEY_BYTES), "this")
    except zu.FormatError as error:
        raise error.named(path) from error
    lines: Lines = [("file", foreign(path))]
    if label not in LABELS:
        key = zu.PublicKey.load(path)
        lines += [("scheme", key.scheme), ("key", key.keyid)]
        last = "Public: a signature is checked with it. Whose it is, only whom you have it from can say."
        return "public key", lines, last, {"kind": "public key", "scheme": key.scheme, "keyid": key.keyid}
    protected = label in PROTECTED
    lines.append(("passphrase", "yes" if protected else "none: whoever reads the file signs in your name"))
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & OTHERS:
        lines.append(("CAUTION", f"others can read it: its mode is {mode:04o}"))
    return "signing key", lines, SECRET, {"kind": "signing key", "protected": protected}
