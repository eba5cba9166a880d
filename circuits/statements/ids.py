"""Ids: the one text by which a row is named, wherever the name comes from.

`identify` turns what a table, an array, a forget list or a receipt calls a row into that text, or refuses it. Two
names are one exactly if their texts are equal.
"""

from __future__ import annotations

import unicodedata

import numpy as np

from ...errors import DataError
from ...models.encoding.cells import is_missing

MAX_ID_LENGTH = 1024  # characters
BYTE_ORDER_MARK = "\ufeff"  # which readers of files drop
UNNAMEABLE = ("Cc", "Zl", "Zp")  # Unicode's categories of controls and of ends of lines
ACCENTS = frozenset(map(chr, range(0x300, 0x370)))  # as marks of their own
_CONTROLS = dict.fromkeys([*range(32), 127])


def identify(value: object) -> str:
    """The text of an id.

    Args:
        value: a text, taken in Unicode's normal form C and without white space at its ends, which nobody sees; or an
            integer, Python's or numpy's, taken in decimal.

    Raises:
        DataError: neither of them, missing, or a text that no line of a forget list can hold: empty, with line breaks
            or other control characters, or of more than 1,024 characters.
    """
    if type(value) is str and _is_plain(value):
        return value
    if isinstance(value, str):
        return _checked(unicodedata.normalize("NFC", str(value)).strip())
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return _checked(_decimal(int(value)))
    kind = type(value).__name__
    if is_missing(value):
        raise DataError("the id is empty")
    if isinstance(value, float):
        raise DataError(f"a {kind} is not an id; use integers or texts (a missing one makes pandas' integers floats)")
    if isinstance(value, (bytes, bytearray)):
        raise DataError(f"a {kind} is not an id; decode it to a text")
    remedy = "use .tolist()" if hasattr(value, "tolist") else "use a text or an integer"
    raise DataError(f"a {kind} is not an id; {remedy}")


def _is_plain(text: str) -> bool:
    """Whether nothing can be wrong with it: as most ids are, of which there may be millions."""
    return text.isascii() and text.isprintable() and 0 < len(text) <= MAX_ID_LENGTH and " " not in (text[0], text[-1])


def _decimal(number: int) -> str:
    try:
        return str(number)
    except ValueError:  # of thousands of digits, which Python refuses to write
        raise DataError(f"the id has more than {MAX_ID_LENGTH} characters") from None


def _checked(text: str) -> str:
    if not text:
        raise DataError("the id is empty")
    if len(text) > MAX_ID_LENGTH:
        raise DataError(f"the id has more than {MAX_ID_LENGTH} characters")
    if text.isprintable():
        return text
    if "\n" in text or "\r" in text:
        raise DataError(f"the id has a line break in it, where a list has one id a line: {escaped(text)}", found=text)
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise DataError(f"the id is not Unicode text: {escaped(text)}", found=text)
    if BYTE_ORDER_MARK in text or any(unicodedata.category(c) in UNNAMEABLE for c in text):
        raise DataError(f"the id has control characters in it: {escaped(text)}", found=text)
    return text


def escaped(text: str, most: int = 40) -> str:
    """A text in quotes, what nobody sees as escapes, as far as `most` characters."""
    return repr(text[:most])


def looks(text: str) -> str:
    """What people compare when they compare ids by eye; equal for ids that are easily mistaken for each other."""
    if text.isascii():  # as most ids are, of which there may be millions
        return "".join(text.casefold().split()).translate(_CONTROLS).lstrip("0")
    kept = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    seen = (c for c in kept if not c.isspace() and c not in ACCENTS and unicodedata.category(c) not in ("Cf", "Cc"))
    return "".join(seen).lstrip("0")
