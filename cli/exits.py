"""How every command ends: the codes (MEANINGS), and which of them an exception becomes.

Click and rich have ways out of their own by code 1; none of them is taken. With --json what is told of a failure is an
object on stdout, too.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from mmap import mmap
from typing import Any, NoReturn

import click

from ..errors import FormatError, InputError, InvalidProof, StatementMismatch, ZkUnlearnError
from .output import one_line, print_object

DONE, INVALID, REFUSED, FAULT, INTERRUPTED = 0, 1, 2, 3, 130
MEANINGS = {
    DONE: "done, or VALID",
    INVALID: "INVALID, and nothing else: checked and found wrong, damaged, or about something else than what was "
    "pinned; or a person whose receipt it is has rows that are not forgotten",
    REFUSED: "refused, or cannot say: bad input, another kind or version of file, too little memory, a broken "
    "installation",
    FAULT: "a fault of this program",
    INTERRUPTED: "interrupted; nothing is printed",
}
AS_JSON = "--json"
USAGE, INTERNAL, UNKNOWN = "UsageError", "InternalError", "Unknown"  # kinds of failures that errors.py does not have
# A module that is missing -> who brings it.
EXTRAS = {
    "numba": "prover",
    "sklearn": "demo",
    "pyarrow": "parquet",
    "jinja2": "report",
    "matplotlib": "report",
} | dict.fromkeys(("cryptography", "py_ecc"), "trust")
LOCKS = "fcntl"
MOMENT = 0.01  # seconds
BLAS_BYTES, BLAS_THREADS = 48 << 20, 64  # for each thread, with some to spare; the most that it uses


class Program(click.Group):
    """A group of commands that ends by the codes of this table also while click reads the command line."""

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **options: Any) -> click.Context:
        as_json = AS_JSON in args  # of whatever command; asked before click understands the line, or does not
        with exit_codes(debug=False, as_json=as_json):
            context = super().make_context(info_name, args, *rest, **options)
        context.meta[AS_JSON] = as_json
        return context

    def invoke(self, ctx: click.Context) -> Any:
        with exit_codes(debug=False, as_json=ctx.meta.get(AS_JSON, False)):
            return super().invoke(ctx)

    def main(self, *arguments: Any, **options: Any) -> NoReturn:
        try:
            code = super().main(*arguments, **options | {"standalone_mode": False})
        except click.Abort:
            code = INTERRUPTED
        except SystemExit as error:  # where a shell asks to complete a word, which is done before there is a command
            code = REFUSED if error.code else DONE
        except OSError:  # the shell does not read it
            code = REFUSED
        for stream in (sys.stdout, sys.stderr):
            _discard_unwritten(stream)
        sys.exit(code or DONE)


@contextmanager
def exit_codes(debug: bool, as_json: bool = False) -> Iterator[None]:
    """Turn every exception into at most one line on stderr and an exit code.

    Args:
        debug: print the traceback, too.
        as_json: print an object on stdout, too, where there is a line on stderr.
    """
    try:
        with swallowed_interrupts_again():
            yield
    except click.exceptions.Exit:
        raise
    except SystemExit:  # of rich, when nobody reads what it prints
        _end(REFUSED, debug)
    except (KeyboardInterrupt, click.Abort):
        _end(INTERRUPTED, debug)
    except BrokenPipeError:
        _end(REFUSED, debug)
    except BaseException as error:
        failure = _failure(error)
        _end(failure.code, debug, failure.tell, failure.to_mapping() if as_json else None)


@dataclass(frozen=True)
class Failure:
    """What is told of an exception.

    Attributes:
        error: the exception.
        kind: in a word, for programs: the name of its class, where that is one of ours; else what is below.
        message: what is wrong.
        code: of this table.
    """

    error: BaseException
    kind: str
    message: str
    code: int

    def tell(self) -> None:
        """For people, on stderr."""
        if isinstance(self.error, click.ClickException):
            self.error.show()
        else:
            click.echo(f"error: {one_line(self.message)}", err=True)

    def to_mapping(self) -> dict[str, object]:
        """For programs; the place is that of an InputError."""
        own = self.error if isinstance(self.error, InputError) else None
        places = {name: getattr(own, name, None) for name in ("file", "line", "row", "column")}
        return {"error": self.message, "kind": self.kind, "exit_code": self.code, **places}


def _failure(error: BaseException) -> Failure:
    """What an exception means."""
    name = type(error).__name__
    if isinstance(error, click.ClickException):
        return Failure(error, USAGE, error.format_message(), REFUSED)
    if isinstance(error, MemoryError):
        return Failure(error, "MemoryError", "there is not enough memory; nothing can be said", REFUSED)
    if isinstance(error, ImportError):
        return Failure(error, "ImportError", _missing(error), REFUSED)
    if type(error) is ZkUnlearnError:  # not one of the kinds that a user can bring about
        return Failure(error, INTERNAL, f"internal error: {error}", FAULT)
    if isinstance(error, ZkUnlearnError):
        return Failure(error, name, str(error), REFUSED)
    if isinstance(error, OSError):
        file = f"{error.filename}: " if error.filename else ""
        return Failure(error, "OSError", f"{file}{error.strerror or name}", REFUSED)
    if isinstance(error, Exception):
        # The message of an unforeseen exception may hold a secret value; its type does not.
        return Failure(error, INTERNAL, f"internal error ({name}); --debug shows where", FAULT)
    # Of a library in Rust, as cbor2 is, that got no memory.
    return Failure(error, UNKNOWN, f"nothing can be said ({name}); --debug shows where", REFUSED)


@contextmanager
def swallowed_interrupts_again() -> Iterator[None]:
    """A ^C that falls into a library's callback, where Python ignores exceptions, comes again a moment later."""
    ignored, main = sys.unraisablehook, threading.main_thread().ident or 0

    def again(unraisable: Any) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            ignored(unraisable)
            return
        timer = threading.Timer(MOMENT, _interrupt, [main])
        timer.daemon = True
        timer.start()

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = ignored


def _interrupt(thread: int) -> None:
    """^C, in the main thread."""
    if hasattr(signal, "pthread_kill"):  # not on Windows
        signal.pthread_kill(thread, signal.SIGINT)
    else:
        _thread.interrupt_main()


def require_memory() -> None:
    """Let OpenBLAS, which numpy multiplies with, take its memory now, if there is enough of it.

    Where it gets none, it ends the process by code 1, "invalid".

    Raises:
        MemoryError: there is not enough.
    """
    import numpy as np

    try:
        mmap(-1, BLAS_BYTES * min(os.cpu_count() or 1, BLAS_THREADS)).close()
    except OSError as error:
        raise MemoryError from error
    square = np.ones((512, 512))
    np.matmul(square, square)


def reason_of(error: ZkUnlearnError) -> tuple[str, str] | None:
    """Name of the failed check, and the reason in words, if this error says that a proof is not valid."""
    if isinstance(error, InvalidProof):
        return error.check, str(error)
    if isinstance(error, FormatError) and error.fault == "damaged":
        return "file format", str(error)
    return ("statement", str(error)) if isinstance(error, StatementMismatch) else None


def _missing(error: ImportError) -> str:
    if error.name == LOCKS:
        return "this command locks files, as only POSIX systems can; `verify` and `inspect` work without"
    extra = EXTRAS.get((error.name or "").partition(".")[0])
    if extra is not None and isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed: pip install 'zkunlearn[{extra}]'"
    return f"the installation is broken: {error.name or 'a module'} cannot be loaded; --debug shows why"


def _end(
    code: int, debug: bool, tell: Callable[[], None] = lambda: None, told: Mapping[str, object] | None = None
) -> NoReturn:
    try:
        if debug:
            traceback.print_exc()
        tell()
    except OSError:  # stderr is closed or full, too
        pass
    try:
        if told is not None:
            print_object(told)
    except (OSError, MemoryError):
        pass
    for stream in (sys.stdout, sys.stderr):
        _discard_unwritten(stream)
    raise click.exceptions.Exit(code)


def _discard_unwritten(stream: Any) -> None:
    """What a stream could not take would be tried again when the interpreter ends, and change the exit code."""
    try:
        if stream is not None:
            stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
