"""What the command line prints: results on stdout, as text or JSON; progress and notes on stderr; exit codes.

`Output` is how a command speaks, `exit_codes` how it fails. `dataset_lines`, `statement_lines` and their twins
`dataset_data`, `statement_data` say in words and as JSON what a public statement says; nothing secret passes here.
"""

from __future__ import annotations

import json
import signal
import sys
import textwrap
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from ..circuits.statements.base import statement_digest
from ..circuits.statements.dataset import DatasetStatement
from ..circuits.statements.training import TrainingStatement
from ..errors import FormatError, InvalidProof, ZkUnlearnError
from ..models.encoding.dataset import DatasetEncoding
from ..models.spec import TrainingSpec

INVALID, WRONG_INPUT, INTERNAL, INTERRUPTED = 1, 2, 3, 130
EXTRAS = {"numba": "prover", "sklearn": "demo", "pyarrow": "parquet"}  # a module that is missing -> who brings it
KIB, MIB = 1 << 10, 1 << 20
MOMENT = 0.01  # seconds
TEXT_WIDTH = 84  # of the second column; a digest is 64

Lines = list[tuple[str, str]]


class Output:
    """How one command speaks.

    Args:
        as_json: the result is one JSON object, and nothing else is printed.
        quiet: of the result only its last line, and neither progress nor notes.
    """

    def __init__(self, as_json: bool, quiet: bool) -> None:
        self.as_json = as_json
        self.quiet = quiet

    def note(self, text: str) -> None:
        """Something worth knowing, on stderr."""
        if not (self.as_json or self.quiet):
            click.echo(one_line(text), err=True)

    def result(self, title: str, lines: Sequence[tuple[str, str]], last: str, data: Mapping[str, object]) -> None:
        """The result on stdout: title and aligned lines, then `last`; or `data` as JSON."""
        if self.as_json:
            click.echo(json.dumps(data, ensure_ascii=False, indent=2))
            return
        if lines and not self.quiet:
            click.echo(title)
            for text in aligned(lines):
                click.echo(text)
            click.echo()
        click.echo(one_line(last))

    @contextmanager
    def phases(self, title: str) -> Iterator[Callable[[str], None]]:
        """A function to call with the name of each phase; shown only where stderr is a terminal."""
        if self.as_json or self.quiet or not sys.stderr.isatty():
            yield lambda phase: None
            return
        from rich.console import Console

        with Console(stderr=True).status(f"{title} ...") as status:
            yield lambda phase: status.update(f"{title}: {phase} ...")


def aligned(lines: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Two columns, the second one wrapped."""
    width = max((len(name) for name, _ in lines), default=0)
    for name, text in lines:
        parts = textwrap.wrap(one_line(text), TEXT_WIDTH, break_long_words=False, break_on_hyphens=False)
        for index, part in enumerate(parts):
            yield f"  {'' if index else name:<{width}}  {part}"


def one_line(text: str) -> str:
    """The text without control characters, so that no file can move the cursor or forge a line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


# --- failing ------------------------------------------------------------------------------------------------


@contextmanager
def exit_codes(debug: bool) -> Iterator[None]:
    """Turn every exception into one line on stderr and an exit code; `debug` adds the traceback."""
    try:
        with swallowed_interrupts_again():
            yield
    except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
        raise
    except KeyboardInterrupt:
        _fail("interrupted; no file was left half-written", INTERRUPTED, debug)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            _fail_internally(error, debug)
        _fail(f"{error.name} is not installed: pip install 'zkunlearn[{extra}]'", WRONG_INPUT, debug)
    except ZkUnlearnError as error:
        if type(error) is ZkUnlearnError:  # not one of the kinds that a user can bring about
            _fail(f"internal error: {error}", INTERNAL, debug)
        _fail(str(error), WRONG_INPUT, debug)
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        _fail(f"{name}{error.strerror or type(error).__name__}", WRONG_INPUT, debug)
    except Exception as error:
        _fail_internally(error, debug)


@contextmanager
def swallowed_interrupts_again() -> Iterator[None]:
    """A ^C that falls into a library's callback, where Python ignores exceptions, comes again a moment later."""
    ignored, main = sys.unraisablehook, threading.main_thread().ident or 0

    def again(unraisable: Any) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            ignored(unraisable)
            return
        timer = threading.Timer(MOMENT, lambda: signal.pthread_kill(main, signal.SIGINT))
        timer.daemon = True
        timer.start()

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = ignored


def _fail_internally(error: Exception, debug: bool) -> NoReturn:
    # The message of an unforeseen exception may hold a secret value; its type does not.
    _fail(f"internal error ({type(error).__name__}); --debug shows where", INTERNAL, debug)


def _fail(message: str, code: int, debug: bool) -> NoReturn:
    if debug:
        traceback.print_exc()
    click.echo(f"error: {one_line(message)}", err=True)
    raise click.exceptions.Exit(code)


def reason_of(error: ZkUnlearnError) -> tuple[str, str]:
    """Name of the failed check, and the reason in words, of a proof that is not valid."""
    if isinstance(error, InvalidProof):
        return error.check, str(error)
    if isinstance(error, FormatError):
        return "file format", str(error)
    return "statement", str(error)


# --- in words -----------------------------------------------------------------------------------------------


def plural(count: int, noun: str) -> str:
    """3 rows, 1 row."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def size_text(size: int) -> str:
    """A number of bytes for people."""
    return f"{size / MIB:.1f} MiB" if size >= MIB else f"{size / KIB:.1f} KiB"


def algorithm_sentence(spec: TrainingSpec) -> str:
    """The declared algorithm in a sentence."""
    fixed = spec.fixed_point
    return (
        f"{spec.family.title} {'with' if spec.method.bias else 'without'} bias, by {spec.method.describe()}; "
        f"scales 2^{fixed.x_bits} (features), 2^{fixed.w_bits} (weights), 2^{fixed.p_bits} (predictions)"
    )


def encoding_text(encoding: DatasetEncoding) -> str:
    """How columns became integers, with the caveat that an auditor must know."""
    if encoding.bounds_declared:
        return "every column by its declared bounds"
    return (
        "CAUTION: the bounds of columns were taken from the data, forgotten rows included; how they were chosen "
        "is outside the proof"
    )


def label_text(encoding: DatasetEncoding) -> str:
    """Kind and meaning of labels."""
    label = encoding.label
    if label.column is not None:
        return f"{label.kind}: {label.column.name!r} in [{label.column.low!r}, {label.column.high!r}]"
    if label.classes:
        return f"{label.kind}: {label.classes[0]!r} is 0, {label.classes[1]!r} is 1"
    return label.kind


def dataset_lines(statement: DatasetStatement) -> Lines:
    """A committed data set."""
    return [
        ("data set", statement_digest(statement).hex()),
        ("size", f"{plural(statement.rows, 'row')}, {plural(statement.features, 'feature')}"),
        ("labels", label_text(statement.encoding)),
        ("encoding", encoding_text(statement.encoding)),
    ]


def dataset_data(statement: DatasetStatement) -> dict[str, Any]:
    """A committed data set, for JSON."""
    return {
        "digest": statement_digest(statement).hex(),
        "rows": statement.rows,
        "features": statement.features,
        "label_kind": statement.encoding.label.kind,
        "bounds_declared": statement.encoding.bounds_declared,
        "openings": statement.openings,
    }


def statement_lines(statement: TrainingStatement) -> Lines:
    """A training statement."""
    forgotten, rows = len(statement.forgotten), statement.dataset.rows
    if statement.previous is None:
        supersedes = "nothing: the first of its chain"
    else:
        supersedes = statement.previous.hex()
    return [
        ("statement", statement_digest(statement).hex()),
        *dataset_lines(statement.dataset),
        ("algorithm", algorithm_sentence(statement.spec)),
        ("forgotten", f"{forgotten:,} of {plural(rows, 'row')}" if forgotten else f"none of {plural(rows, 'row')}"),
        ("model", statement.model.root.hex()),
        ("supersedes", supersedes),
    ]


def statement_data(statement: TrainingStatement) -> dict[str, Any]:
    """A training statement, for JSON."""
    return {
        "statement": statement_digest(statement).hex(),
        "dataset": dataset_data(statement.dataset),
        "spec": statement.spec.to_mapping(),
        "algorithm": algorithm_sentence(statement.spec),
        "forgotten": [record.digest.hex() for record in statement.forgotten],
        "model": statement.model.root.hex(),
        "previous": None if statement.previous is None else statement.previous.hex(),
    }
