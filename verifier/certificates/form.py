"""The form of a certificate's statement: which fields there are, of which types. What they say the proof decides."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any

from ...errors import FormatError
from ...formats.fields import Fields, Int, ListOf, take

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:zkunlearn:predicate:unlearning:1"
MAX_FILES, MAX_SUBJECTS, MAX_TEXTS = 1 << 11, 1 << 13, 1 << 12
MAX_COUNT = 1 << 53

_TEXT, _TEXTS, _COUNT = (str, NoneType), ListOf(str, 0, MAX_TEXTS), Int(0, MAX_COUNT)
_STATEMENT: Fields = {"_type": str, "subject": ListOf(dict, 2, MAX_SUBJECTS), "predicateType": str, "predicate": dict}
_SUBJECT: Fields = {"name": str, "digest": dict}
_PREDICATE: Fields = {"implied": dict, "declared": dict, "notClaimed": _TEXTS}
_IMPLIED: Fields = {
    "statement": str,
    "supersedes": _TEXT,
    "algorithm": dict,
    "changes": _TEXTS,
    "rows": dict,
    "forgotten": dict,
    "guarantee": dict,
    "soundness": dict,
    "records": dict,
    "files": ListOf(dict, 2, MAX_FILES),
    "protocol": str,
}
_PARTS: Mapping[str, Fields] = {
    "algorithm": {"words": str, "spec": str},
    "rows": {"committed": _COUNT, "destroyed": _COUNT, "heldOut": _COUNT, "counted": _COUNT},
    "forgotten": {"rows": _COUNT, "newRows": _COUNT, "recordsSha256": str, "classes": _TEXTS, "features": _TEXTS},
    "guarantee": {"kind": str, "words": str, "assumes": _TEXTS, "voidIf": _TEXTS, "hidden": (dict, NoneType)},
    "soundness": {"bits": str, "totalBits": str},
    "records": {"root": str, "fingerprintRoot": _TEXT},
}
_HIDDEN: Fields = {"mu": str, "epsilon": _TEXT, "delta": str}
_FILE: Fields = {"name": str, "kind": str, "format": _COUNT, "digest": dict, "bytes": _COUNT, "statement": str}


def require_form(statement: object) -> dict[str, Any]:
    """The statement, all of whose fields are known, there, and of their types, but for what is declared.

    Raises:
        FormatError: it is another one; "kind" where it is of another type.
    """
    found = take(statement, _STATEMENT, "the statement")
    for name, expected in (("_type", STATEMENT), ("predicateType", PREDICATE)):
        if found[name] != expected:
            raise FormatError(f"the statement: {name} is {found[name][:80]!r}, not {expected!r}", "kind")
    for subject in found["subject"]:
        digests = take(subject, _SUBJECT, "a subject")["digest"]
        take(digests, dict.fromkeys(digests, str), "digest")
    implied = take(take(found["predicate"], _PREDICATE, "the predicate")["implied"], _IMPLIED, "implied")
    for name, fields in _PARTS.items():
        take(implied[name], fields, f"implied.{name}")
    if implied["guarantee"]["hidden"] is not None:
        take(implied["guarantee"]["hidden"], _HIDDEN, "implied.guarantee.hidden")
    for file in implied["files"]:
        take(take(file, _FILE, "a file")["digest"], {"sha256": str}, "digest of a file")
    return found
