"""What the command line prints: results on stdout, as text or JSON; progress and notes on stderr."""

from __future__ import annotations

import json
import math
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import click

SCHEMA = 1  # version of the objects that --json prints: docs/json.md says when it goes up
TEXT_WIDTH = 84  # of the second column; a digest is 64
FOREIGN_LENGTH = 256  # how much of a foreign string is shown
FIXED_SPACE = "\ue000"  # a space at which no line is broken; not printable, so that no text brings it along

Lines = list[tuple[str, str]]
Block = tuple[str, Lines]  # title and lines


class Output:
    """How one command speaks.

    Args:
        as_json: the result is one JSON object (docs/json.md), and nothing else is printed but why it takes so long.
        quiet: of the result only its last line, and neither progress nor notes.
    """

    def __init__(self, as_json: bool, quiet: bool) -> None:
        self.as_json = as_json
        self.quiet = quiet

    def note(self, text: str) -> None:
        """Something worth knowing, on stderr."""
        if not (self.as_json or self.quiet):
            click.echo(one_line(text), err=True)

    def wait(self, text: str) -> None:
        """Why nothing comes for a while, on stderr: programs that read JSON are told, too."""
        if not self.quiet:
            click.echo(one_line(text), err=True)

    def result(self, title: str, lines: Sequence[tuple[str, str]], last: str, data: Mapping[str, object]) -> None:
        """The result on stdout, in one go: title and aligned lines, then `last`; or `data` as JSON."""
        if self.as_json:
            print_object(data)
            return
        above = [title, *aligned(lines), ""] if lines and not self.quiet else []
        click.echo("\n".join([*above, one_line(last)]))

    def results(self, blocks: Sequence[Block], last: Sequence[str], data: Mapping[str, object]) -> None:
        """Several results, in one go: their titles and lines, then all last lines; or `data` as JSON."""
        if self.as_json:
            print_object(data)
            return
        above = [text for title, lines in blocks for text in (title, *aligned(lines), "")] if not self.quiet else []
        click.echo("\n".join([*above, *map(one_line, last)]))

    def table(self, title: str, rows: Sequence[str], notes: Lines, last: str, data: Mapping[str, object]) -> None:
        """A table with notes below it, in one go: then `last`; or `data` as JSON."""
        above = [*rows, *(["", *aligned(notes)] if notes else [])]
        if self.as_json:
            print_object(data)
            return
        click.echo("\n".join([*([title, *above, ""] if not self.quiet else []), one_line(last)]))

    def document(self, text: str, data: Mapping[str, object]) -> None:
        """A text that is the result itself, to be kept in a file, as it is; or `data` as JSON."""
        if self.as_json:
            print_object(data)
            return
        click.echo(text, nl=not text.endswith("\n"))

    @contextmanager
    def phases(self, title: str) -> Iterator[Callable[[str], None]]:
        """A function to call with the name of each phase; shown only where stderr is a terminal."""
        if self.as_json or self.quiet or not sys.stderr.isatty():
            yield lambda phase: None
            return
        from rich.console import Console

        with Console(stderr=True).status(f"{title} ...") as status:
            yield lambda phase: status.update(f"{title}: {phase} ...")

    @contextmanager
    def bar(self, title: str) -> Iterator[Callable[[str, int, int], None]]:
        """A function to call with what is done, how many of these are, and of how many; shown as phases are."""
        if self.as_json or self.quiet or not sys.stderr.isatty():
            yield lambda what, done, total: None
            return
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(title)
            yield lambda what, done, total: progress.update(
                task, description=f"{title}: {what}", completed=done, total=total
            )


def print_object(data: Mapping[str, object]) -> None:
    """One object as JSON on stdout, with the version of what is in it; escaped where stdout cannot take its letters."""
    found = _finite({"schema": SCHEMA, **data})
    text = json.dumps(found, ensure_ascii=False, indent=2, allow_nan=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(found, indent=2, allow_nan=False)
    click.echo(text)


def _finite(value: object) -> object:
    """Plain values; null for numbers that JSON does not have."""
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def aligned(lines: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Two columns, the second one wrapped."""
    width = max((len(name) for name, _ in lines), default=0)
    for name, text in lines:
        parts = textwrap.wrap(_printable(text), TEXT_WIDTH, break_long_words=False, break_on_hyphens=False)
        for index, part in enumerate(parts):
            yield f"  {'' if index else name:<{width}}  {part}".replace(FIXED_SPACE, " ")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as they have to be, one line a row."""
    cells = [[_printable(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    for row in cells:
        text = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        yield f"  {text.rstrip()}".replace(FIXED_SPACE, " ")


def foreign(text: object) -> str:
    """A string that others chose, such as the name of a column or file: in quotes, never broken over lines.

    So no one can take it for words of this program, whatever is in it.
    """
    whole = str(text)
    more = f"... ({len(whole) - FOREIGN_LENGTH} more)" if len(whole) > FOREIGN_LENGTH else ""
    return f"{whole[:FOREIGN_LENGTH]!r}{more}".replace(" ", FIXED_SPACE)


def one_line(text: str) -> str:
    """The text without control characters, so that no file can move the cursor or forge a line."""
    return _printable(text).replace(FIXED_SPACE, " ")


def _printable(text: str) -> str:
    """The text with escapes for what does not print, but for fixed spaces."""
    return "".join(c if c.isprintable() or c == FIXED_SPACE else c.encode("unicode_escape").decode() for c in text)
