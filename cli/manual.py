"""The command `man`: one page in roff about all commands, made from what the command line itself says of them."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

import click
import zkunlearn as zu

from .completion import VARIABLE
from .exits import MEANINGS
from .options import common
from .output import Output
from .sections import Sections

PROGRAM, SECTION = "zkunlearn", 1
WIDTH = 79  # of a line of the source
VERBATIM = "\b"  # click's mark of a paragraph that is not wrapped
ESCAPES = str.maketrans({"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", '"': r"\(dq"})
FILES = {
    "dataset.commitment": "public: what is committed, with the proof that it is well formed",
    "dataset.opening": "SECRET: which data set this is, and how many of its openings are spent",
    "dataset.secrets": "SECRET: a folder with all rows, and the randomness that hides them in proofs",
    "dataset.tree": "SECRET: what makes proofs faster; may be deleted",
    "dataset.history": "public: which statement follows which",
    "dataset.nonces": "public: each nonce that drew noise, and what it was for",
    "dataset.registration": "public: all records, with a fingerprint of each row",
    "dataset.link": "public: that a data set goes on from another one",
    "P.proof": "public: a training, or an unlearning",
    "P.bundle": "public: a sharded training, with all proofs that are in force",
    "P.forgotten": "public: the digests of the records that are forgotten",
    "P.model.opening": "SECRET: the model",
    "P.model.link": "public: that a model was committed afresh",
    "P.noise": "public: a commitment to noise, before its nonce is known",
    "P.noise.opening": "SECRET: that noise",
    "E.evaluation, P.distance, Q.predictions": "public: what was proved of a model",
    "17.receipt": "SECRET, for one person: her rows",
    "spec.toml": "public: the training algorithm, written by hand, or by `init` or `suggest`",
    "bounds.toml": "what each column can be, written by hand, or by `init` or `suggest-bounds`",
}
ENVIRONMENT = {
    "NUMBA_CACHE_DIR": "Where compiled kernels are kept, if it cannot be where the package is installed.",
    "TMPDIR": "Where `demo` has its files, if it does not keep them.",
    VARIABLE: "Set by the script that `completion` prints, to ask for what completes a word.",
    "SOURCE_DATE_EPOCH": "The date of this page, in seconds since 1970, where it is to be the same again.",
}
BESIDE = "In Python: `import zkunlearn`. What is proved, and how, is in the folder docs of its source."


@click.command()
@common
def man(output: Output) -> None:
    """Print the manual page of all commands, in roff.

    \b
    zkunlearn man | man -l -                                     shows it
    zkunlearn man > ~/.local/share/man/man1/zkunlearn.1          keeps it for `man zkunlearn`

    The folder has to be there.
    """
    program = click.get_current_context().find_root().command
    if not isinstance(program, Sections):
        raise TypeError(f"{program.name} is no program with sections")
    text = page(program)
    output.document(text, {"page": text})


def page(program: Sections) -> str:
    """The page."""
    lines = list(_page(program, click.Context(program, info_name=PROGRAM, **program.context_settings)))
    return "".join(f"{line}\n" for line in lines)


def _page(program: Sections, root: click.Context) -> Iterator[str]:
    purpose, _, more = (program.help or "").partition("\n")
    yield f'.TH {PROGRAM.upper()} {SECTION} {_date()} "{PROGRAM} {zu.__version__}" "User Commands"'
    yield from (".SH NAME", f"{PROGRAM} \\-", *_wrapped(purpose.rstrip(".")))
    yield from (".SH SYNOPSIS", _usage(PROGRAM, program.collect_usage_pieces(root)))
    contexts = {name: click.Context(own, info_name=name, parent=root) for name, own in program.commands.items()}
    shared = _shared(contexts.values())
    yield from (".SH DESCRIPTION", *_paragraphs(more), ".SH OPTIONS", *_options(program, root, shared))
    yield from (".PP", "Of all commands:", *_records(shared))
    for title, names in program.sections.items():
        yield f'.SH "{escaped(title.upper())}"'
        for name in names:
            own = contexts[name]
            yield f'.SS "{PROGRAM} {escaped(name)}"'
            yield _usage(own.command_path, own.command.collect_usage_pieces(own))
            yield from (".PP", *_paragraphs(own.command.help or ""), *_options(own.command, own, shared))
    yield ".SH EXIT STATUS"
    yield from _records([(str(code), meaning) for code, meaning in MEANINGS.items()])
    yield from (".SH FILES", *_records(FILES.items()), ".SH ENVIRONMENT", *_records(ENVIRONMENT.items()))
    yield from (".SH SEE ALSO", *_paragraphs(BESIDE))


def _date() -> str:
    """Today, unless the page has to be the same as another one."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH", "")
    moment = datetime.fromtimestamp(int(seconds), UTC) if seconds.isdecimal() else datetime.now(UTC)
    return moment.date().isoformat()


def _shared(contexts: Iterable[click.Context]) -> list[tuple[str, str]]:
    """The options that every command has, as its help shows them."""
    first, *others = (dict(_help_records(context.command, context)) for context in contexts)
    return [(names, text) for names, text in first.items() if all(each.get(names) == text for each in others)]


def _help_records(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    """Names and help of each option; arguments, of which some versions of click have records, are in the usage."""
    options = (param for param in command.get_params(context) if isinstance(param, click.Option))
    found = (option.get_help_record(context) for option in options)
    return (record for record in found if record is not None)


def _options(command: click.Command, context: click.Context, shared: Sequence[tuple[str, str]]) -> Iterator[str]:
    """The options of a command, without those that all have."""
    return _records(record for record in _help_records(command, context) if record not in shared)


def _records(records: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Names, and indented below them what they mean."""
    for names, text in records:
        yield from (".TP", _names(names), *_wrapped(text))


def _usage(path: str, pieces: Sequence[str]) -> str:
    return " ".join([_bold(path), *map(_italic, pieces)])


def _names(text: str) -> str:
    """The names of an option bold, what it takes in italics; what is no option bold."""
    words = text.split()
    if not words[0].startswith("-"):
        return _bold(text)
    return " ".join(_bold(word) if word.startswith("-") else word if word == "/" else _italic(word) for word in words)


def _paragraphs(text: str) -> Iterator[str]:
    """A help text, its paragraphs apart; those that click does not wrap stay as they are."""
    for place, paragraph in enumerate(filter(None, (part.strip(" \n") for part in text.split("\n\n")))):
        if place:
            yield ".PP"
        if paragraph.startswith(VERBATIM):
            yield from (".nf", *map(_guarded, map(escaped, paragraph.splitlines()[1:])), ".fi")
        else:
            yield from _wrapped(paragraph)


def _wrapped(text: str) -> Iterator[str]:
    """A paragraph; what stands between backticks in it is bold."""
    parts = re.split(r"`([^`]+)`", " ".join(text.split()))
    whole = "".join(_bold(part) if place % 2 else escaped(part) for place, part in enumerate(parts))
    return map(_guarded, textwrap.wrap(whole, WIDTH, break_long_words=False, break_on_hyphens=False))


def _bold(text: str) -> str:
    return rf"\fB{escaped(text)}\fR"


def _italic(text: str) -> str:
    return rf"\fI{escaped(text)}\fR"


def _guarded(line: str) -> str:
    """A line of text, not of commands to roff."""
    return rf"\&{line}" if line.startswith((".", "'")) else line


def escaped(text: str) -> str:
    """Text of which roff changes nothing: hyphens stay what can be copied, quotes stay straight."""
    plain = text.translate(ESCAPES)
    return "".join(c if c.isascii() else rf"\[u{ord(c):04X}]" for c in plain)
