"""JSON that strangers wrote: one object, no name twice, whole numbers only; and the one spelling that we write."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from ..errors import FormatError

MAX_NUMBER = (1 << 53) - 1  # what every reader of JSON takes exactly
MAX_DEPTH = 32
# A text, also one without an end, or a bracket outside of texts; nothing is looked at twice.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_HALF = re.compile("[\ud800-\udfff]")


def read_json(data: bytes, where: str) -> dict[str, Any]:
    """The object that a text is.

    Args:
        where: what it is, for messages.

    Raises:
        FormatError: it is no JSON in UTF-8, no object, or followed by something; a name occurs twice in an object; a
            number is not whole or above 2^53; a text is no Unicode; or it is nested too deeply.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise FormatError(f"{where} is not UTF-8 text") from None
    try:
        require_shallow(text)
        found = json.loads(
            text, object_pairs_hook=_object, parse_int=_whole, parse_float=_refused, parse_constant=_refused
        )
        _require_plain(found)
    except json.JSONDecodeError as error:
        raise FormatError(f"{where} is not JSON, at line {error.lineno}: {error.msg}") from None
    except FormatError as error:
        raise FormatError(f"{where}: {error}", error.fault) from None
    if type(found) is not dict:
        raise FormatError(f"{where} is not one JSON object")
    return found


def canonical_json(value: object) -> bytes:
    """The one spelling: names in order, no spaces, no escape that JSON does not demand, UTF-8.

    That of RFC 8785 (JSON Canonicalization Scheme) for what `read_json` gives, where names are ASCII.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise FormatError(f"the name {twice[:40]!r} occurs twice in one object")
    return found


def _whole(text: str) -> int:
    if len(text) > 17 or abs(number := int(text)) > MAX_NUMBER:
        raise FormatError("a number is above 2^53")
    if text == "-0":
        raise FormatError("a number is -0")
    return number


def _refused(text: str) -> NoReturn:
    raise FormatError(f"{text[:40]!r} is not a whole number")


def require_shallow(text: str) -> None:
    """Raises FormatError: more brackets are open at once than any of our files has, and Python's stack may hold."""
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > MAX_DEPTH:
            raise FormatError("it is nested too deeply")


def _require_plain(value: object) -> None:
    """Raises FormatError: a text has half of a surrogate pair, which UTF-8 cannot say."""
    if isinstance(value, str):
        if not value.isascii() and _HALF.search(value):
            raise FormatError("a text is not Unicode")
    elif isinstance(value, dict):
        for name, inner in value.items():
            _require_plain(name)
            _require_plain(inner)
    elif isinstance(value, list):
        for inner in value:
            _require_plain(inner)
