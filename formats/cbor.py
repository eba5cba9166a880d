"""The part of CBOR that files may use, checked value by value on writing and byte by byte on reading.

Allowed: integers of at most 64 bits, byte strings, text, true, false, null, lists, and maps with text keys in
increasing order. Not allowed: floats, tags, undefined and other simple values, indefinite lengths, more than
`MAX_DEPTH` lists and maps inside each other, more than `MAX_ITEMS` items.

`scan` decodes nothing and reserves nothing: a declared length is compared with what is left of the input
before anything else happens. What it does not check (that every head is as short as it can be) the container
finds by encoding again. Source: RFC 8949, 3 (the format), 4.2 (deterministic encoding), 10 (hostile input).
"""

from __future__ import annotations

from typing import Any

from ..errors import FormatError

MAX_DEPTH = 16  # the payload map included
MAX_ITEMS = 1 << 22  # bounds the time and memory spent on tiny items; long arrays are byte strings
MAX_INT = (1 << 64) - 1
MIN_INT = -(1 << 64)
UNSIGNED, NEGATIVE, BYTES, TEXT, LIST, MAP, TAG, SIMPLE = range(8)  # major types, RFC 8949, 3.1
FALSE_TRUE_NULL = (0xF4, 0xF5, 0xF6)  # the only heads of major type 7 that are allowed; RFC 8949, 3.3
HEAD_INLINE = 24  # a head's five low bits: below this the argument itself, then 1, 2, 4 or 8 bytes of it,
HEAD_LONGEST = 27  # and above this reserved values and indefinite lengths


def check_value(value: object) -> None:
    """Raise FormatError unless a value is one that `scan` will accept once it is encoded."""
    pending: list[tuple[Any, int]] = [(value, 1)]
    items = 0
    while pending:
        item, depth = pending.pop()
        items += 1
        kind = type(item)
        if kind is int:
            if not MIN_INT <= item <= MAX_INT:
                raise FormatError(f"an integer of {item.bit_length()} bits does not fit into a file")
        elif kind is str:
            _check_text(item)
        elif kind is list or kind is dict:
            if depth > MAX_DEPTH:
                raise FormatError(f"lists and maps are nested more than {MAX_DEPTH} deep")
            inside = item if kind is list else _values(item)
            items += len(inside) if kind is dict else 0
            if items + len(pending) + len(inside) > MAX_ITEMS:
                raise FormatError(f"there are more than {MAX_ITEMS} items")
            pending += [(child, depth + 1) for child in inside]
        elif kind is not bytes and kind is not bool and item is not None:
            raise FormatError(f"a value of type {kind.__name__} does not fit into a file")


def _values(item: dict[object, object]) -> list[object]:
    """Of a map whose keys a reader accepts. Raises FormatError for another one."""
    for key in item:
        if type(key) is not str:
            raise FormatError(f"a map key is of type {type(key).__name__}, not text")
        _check_text(key)
    return list(item.values())


def _check_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise FormatError("text with lone surrogates does not fit into a file") from error


def scan(data: bytes, start: int) -> int:
    """Walk the item that begins at `start`; the position after it.

    Raises:
        FormatError: it is not complete, or not within the part of CBOR above.
    """
    return _Scanner(data).item(start, 1)


class _Scanner:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._items = 0

    def item(self, at: int, depth: int) -> int:
        """Walk one item; `depth` is 1 more than the number of lists and maps around it."""
        self._items += 1
        if self._items > MAX_ITEMS:
            raise FormatError(f"there are more than {MAX_ITEMS} items")
        self._need(at, 1)
        head, major = self._data[at], self._data[at] >> 5
        if head in FALSE_TRUE_NULL:
            return at + 1
        if major == TAG:
            raise FormatError("there are tags in it")
        if major == SIMPLE:
            raise FormatError("there are floats or unknown values in it")
        argument, at = self._argument(at)
        if major in (UNSIGNED, NEGATIVE):
            return at
        if major in (BYTES, TEXT):
            return self._string(at, argument, text=major == TEXT)
        if depth > MAX_DEPTH:
            raise FormatError(f"lists and maps are nested more than {MAX_DEPTH} deep")
        return self._list(at, argument, depth) if major == LIST else self._map(at, argument, depth)

    def _argument(self, at: int) -> tuple[int, int]:
        """The argument of the head at `at` (a value or a length), and the position after the head."""
        info = self._data[at] & 31
        if info < HEAD_INLINE:
            return info, at + 1
        if info > HEAD_LONGEST:
            raise FormatError("there are indefinite lengths or reserved heads in it")
        size = 1 << (info - HEAD_INLINE)
        self._need(at + 1, size)
        return int.from_bytes(self._data[at + 1 : at + 1 + size], "big"), at + 1 + size

    def _need(self, at: int, size: int) -> None:
        if size > len(self._data) - at:
            raise FormatError("the payload is cut off, or a length in it is wrong")

    def _string(self, at: int, size: int, *, text: bool) -> int:
        self._need(at, size)
        if text:
            try:
                self._data[at : at + size].decode("utf-8")
            except UnicodeDecodeError as error:
                raise FormatError("there is text in it that is not UTF-8") from error
        return at + size

    def _list(self, at: int, count: int, depth: int) -> int:
        self._need(at, count)  # an item takes a byte at least
        for _ in range(count):
            at = self.item(at, depth + 1)
        return at

    def _map(self, at: int, count: int, depth: int) -> int:
        self._need(at, 2 * count)
        previous = b""
        for _ in range(count):
            self._need(at, 1)
            if self._data[at] >> 5 != TEXT:
                raise FormatError("there is a map key in it that is not text")
            end = self.item(at, depth + 1)
            key = self._data[at:end]
            if key <= previous:  # RFC 8949, 4.2.1: in the order of their encodings
                raise FormatError("there are repeated or unsorted map keys in it")
            previous = key
            at = self.item(end, depth + 1)
        return at
