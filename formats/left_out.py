"""The fields of dataset.left_out (prover/owner/left_out.py), and their checksum: who inspects one looks nobody up."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from ..errors import FormatError
from .fields import Bytes, Fields, take

BYTES = 32  # of a digest, and of the salt
CHECKSUM_TAG = b"zkunlearn left out checksum v1\x00"
DAMAGED = (
    "is damaged, its checksum is another one; put it back from a backup, or delete it: then nobody is known to have "
    "been left out"
)
_FORM: Fields = {
    "dataset": Bytes(BYTES),
    "salt": Bytes(BYTES),
    "digests": bytes,
    "checksum": Bytes(BYTES),
}


def with_checksum(fields: Mapping[str, bytes]) -> dict[str, bytes]:
    """All fields, of all but the last."""
    return {**fields, "checksum": _checksum(fields)}


def take_left_out(payload: Any, where: str) -> dict[str, Any]:
    """The fields in a file. Raises FormatError: they are others, or damaged; its message begins with `where`."""
    fields = take(payload, _FORM, where)
    if fields["checksum"] != _checksum(fields):
        raise FormatError(f"{where}: {DAMAGED}")
    return fields


def _checksum(fields: Mapping[str, bytes]) -> bytes:
    """Of all other fields: a digest in which a bit turned would make somebody unknown who was left out."""
    return hashlib.sha256(CHECKSUM_TAG + fields["dataset"] + fields["salt"] + fields["digests"]).digest()
