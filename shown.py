"""What an object says of itself: a line for people, and a small table for notebooks, of the same few public facts.

Texts that others chose (names of columns, files) are in quotes and escaped, so that nobody takes them for words of this
program, and no notebook for HTML. What is secret is no fact: each class names those that it shows.
"""

from __future__ import annotations

import html
from collections.abc import Collection, Iterable
from fractions import Fraction
from pathlib import PurePath
from typing import ClassVar

DIGEST_BYTES, SHOWN_DIGITS = 32, 12  # what is longer than a digest is told by its size
SHOWN_TEXTS, TEXT_LENGTH = 4, 40

Facts = tuple[tuple[str, object], ...]  # what each is called, or "" where it says so itself


class Words(str):
    """A text of this program's own, shown as it is; any other is quoted."""

    __slots__ = ()


class Shown:
    """A class with `repr` and `_repr_html_`; to be a dataclass with repr=False, unless its repr can be evaluated.

    Attributes:
        shows: names of attributes that are public, and tell most of it.
    """

    shows: ClassVar[tuple[str, ...]] = ()

    @property
    def facts(self) -> Facts:
        """What is public of it, in few numbers; those of what it is about are among them."""
        return tuple(fact for name in self.shows for fact in _facts(name.replace("_", " "), getattr(self, name)))

    def __repr__(self) -> str:
        told = ", ".join(f"{name} {text}" if name else text for name, text in _told(self.facts))
        return f"<{type(self).__name__}: {told}>"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        rows = "".join(
            f"<tr><th>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>" for name, text in _told(self.facts)
        )
        return f"<table><caption>{html.escape(type(self).__name__)}</caption>{rows}</table>"


def of_all(count: int, whole: int) -> Words:
    """So many of so many."""
    return Words(f"{count:,} of {whole:,}")


def quoted(text: object) -> str:
    """A text that others chose: in quotes, with escapes for what does not print, and cut."""
    whole = str(text)
    return f"{whole[:TEXT_LENGTH]!r}{'..' if len(whole) > TEXT_LENGTH else ''}"


def _facts(name: str, value: object) -> Facts:
    return value.facts if isinstance(value, Shown) else ((name, value),)


def _told(facts: Iterable[tuple[str, object]]) -> list[tuple[str, str]]:
    """In words, without what is not there."""
    return [(name, _text(value)) for name, value in facts if value is not None]


def _text(value: object) -> str:
    if isinstance(value, Words | bool):
        return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float | Fraction):
        return f"{float(value):.6g}"
    if isinstance(value, bytes):
        return value.hex()[:SHOWN_DIGITS] if len(value) <= DIGEST_BYTES else f"{len(value):,} bytes"
    if isinstance(value, PurePath):
        return quoted(value.name)
    if isinstance(value, Collection) and not isinstance(value, str):
        return _texts(value)
    return quoted(value)


def _texts(values: Collection[object]) -> str:
    """Some texts; of anything else only how many there are."""
    if not values or not all(isinstance(value, str) for value in values):
        return f"{len(values):,}"
    first = [_text(value) for value, _ in zip(values, range(SHOWN_TEXTS), strict=False)]
    more = len(values) - len(first)
    return ", ".join(first) + (f" and {more:,} more" if more else "")
