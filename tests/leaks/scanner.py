"""Finds secrets in bytes and in text, in whatever form they may have got there.

Short secrets would be found by accident: everything is searched for as words of eight bytes (elements of F, doubles,
64-bit integers, and runs of four cells of 16 bits or two of 32) or as texts of at least seven characters. What a text
says in hexadecimal digits, in base64, as integers or as decimal numbers is turned into such words, too.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

WORD = 8
SHORTEST_TEXT = 7
RUNS = (("<i2", 4), ("<i4", 2))  # cells that make a word
HEX = re.compile(rb"[0-9a-fA-F]{16,}")
BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{11,}")
INTEGER = re.compile(rb"(?<![\w.])-?\d{1,20}(?![\w.])")
LARGE = 1 << 18  # an integer in a text that is no size of a file: alone, it may be a secret
DECIMAL = re.compile(rb"-?\d+\.\d*(?:[eE][-+]?\d+)?")


@dataclass
class Secrets:
    """What nobody may find.

    Attributes:
        words: by name of the secret, uint64.
        texts: by name of the secret.
        index: all words in increasing order, and the number of the name of each; made when it is first asked for.
    """

    words: dict[str, list[Any]] = field(default_factory=dict)
    texts: dict[str, list[bytes]] = field(default_factory=dict)
    index: tuple[Any, Any] | None = None

    def add_words(self, name: str, values: Any) -> None:
        """An array of items of eight bytes."""
        self.index = None
        self.words.setdefault(name, []).append(np.ascontiguousarray(values).reshape(-1).view("<u8"))

    def add_runs(self, name: str, cells: Any) -> None:
        """Integers (lines, n): four cells of a line that follow each other, of 16 bits, or two of 32."""
        for dtype, length in RUNS:
            lines = np.ascontiguousarray(cells).astype(dtype)
            for start in range(lines.shape[1] - length + 1):
                self.add_words(name, lines[:, start : start + length].copy())

    def add_texts(self, name: str, texts: Iterable[str | bytes]) -> None:
        """Texts that are too long to be found by accident."""
        packed = [text if isinstance(text, bytes) else text.encode() for text in texts]
        assert all(len(text) >= SHORTEST_TEXT for text in packed)
        self.texts.setdefault(name, []).extend(packed)

    def without(self, allowed: Iterable[str]) -> Secrets:
        """All but some texts, and the numbers that these spell."""
        gone = {text.encode() for text in allowed}
        spelled = np.concatenate([np.empty(0, np.uint64), *(words for text in gone for words in words_of_text(text))])
        words = {name: [a[~np.isin(a, spelled)] for a in arrays] for name, arrays in self.words.items()}
        return Secrets(words, {n: [t for t in texts if t not in gone] for n, texts in self.texts.items()})

    def found_in(self, data: bytes, text: bool = False) -> dict[str, list[int]]:
        """Names of what is found, and where: offsets in the bytes, or -1 for what a text says in another form."""
        found: dict[str, list[int]] = {}
        self._look_up(windows(data), found, spelled=False)
        if text:
            for words in words_of_text(data):
                self._look_up(words, found, spelled=True)
        for name, texts in self.texts.items():
            for needle in texts:
                if needle in data:
                    found.setdefault(name, []).append(data.find(needle))
        return found

    def _look_up(self, words: Any, found: dict[str, list[int]], spelled: bool) -> None:
        if self.index is None:
            sizes = [sum(map(len, arrays)) for arrays in self.words.values()]
            every = np.concatenate([np.empty(0, np.uint64), *(a for arrays in self.words.values() for a in arrays)])
            order = np.argsort(every)
            self.index = every[order], np.repeat(np.arange(len(sizes)), sizes)[order]
        needles, owners = self.index
        first, last = (np.searchsorted(needles, words, side) for side in ("left", "right"))
        names = list(self.words)
        for place in np.flatnonzero(last > first).tolist():
            for number in set(owners[first[place] : last[place]].tolist()):
                found.setdefault(names[number], []).append(-1 if spelled else place)


def windows(data: bytes) -> Any:
    """The word at every offset."""
    if len(data) < WORD:
        return np.empty(0, np.uint64)
    view = np.lib.stride_tricks.sliding_window_view(np.frombuffer(data, np.uint8), WORD)
    return np.ascontiguousarray(view).view("<u8").reshape(-1)


def words_of_text(data: bytes) -> Iterator[Any]:
    """Words that a text spells."""
    for run in HEX.findall(data):
        for start in (0, 1):
            even = run[start : len(run) - (len(run) - start) % 2]
            yield windows(bytes.fromhex(even.decode()))
    for run in BASE64.findall(data):
        standard = run.translate(bytes.maketrans(b"-_", b"+/"))
        for start in range(4):
            whole = standard[start:]
            yield windows(base64.b64decode(whole + b"A" * (-len(whole) % 4)))
    integers = [int(digits) for digits in INTEGER.findall(data)]
    yield np.array([number % 2**64 for number in integers if abs(number) >= LARGE], dtype=np.uint64)
    for dtype, length in RUNS:
        limit = 1 << 64 // length - 1
        runs = [integers[i : i + length] for i in range(len(integers) - length + 1)]
        cells = [run for run in runs if all(2 <= abs(cell) < limit for cell in run)]  # else it may be a short word
        yield np.array(cells, dtype=dtype).reshape(-1, length).copy().view("<u8").reshape(-1)
    yield np.array([float(number) for number in DECIMAL.findall(data)], dtype="<f8").view("<u8")
