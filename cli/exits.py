"""How every command ends: the codes (MEANINGS), and which of them an exception becomes.

Click and rich have ways out of their own by code 1; none of them is taken.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from mmap import mmap
from typing import Any, NoReturn

import click

from ..errors import FormatError, InvalidProof, StatementMismatch, ZkUnlearnError
from .output import one_line

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
# A module that is missing -> who brings it.
EXTRAS = {"numba": "prover", "sklearn": "demo", "pyarrow": "parquet", "jinja2": "report", "matplotlib": "report"}
MOMENT = 0.01  # seconds
BLAS_BYTES, BLAS_THREADS = 48 << 20, 64  # for each thread, with some to spare; the most that it uses


class Program(click.Group):
    """A group of commands that ends by the codes of this table also while click reads the command line."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        with exit_codes(debug=False):
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with exit_codes(debug=False):
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
        sys.exit(code or DONE)


@contextmanager
def exit_codes(debug: bool) -> Iterator[None]:
    """Turn every exception into at most one line on stderr and an exit code; `debug` adds the traceback."""
    try:
        with swallowed_interrupts_again():
            yield
    except click.exceptions.Exit:
        raise
    except SystemExit:  # of rich, when nobody reads what it prints
        _end(REFUSED, debug)
    except (KeyboardInterrupt, click.Abort):
        _end(INTERRUPTED, debug)
    except click.ClickException as error:
        _end(REFUSED, debug, error.show)
    except BrokenPipeError:
        _end(REFUSED, debug)
    except MemoryError:
        _fail("there is not enough memory; nothing can be said", REFUSED, debug)
    except ImportError as error:
        _fail(_missing(error), REFUSED, debug)
    except ZkUnlearnError as error:
        if type(error) is ZkUnlearnError:  # not one of the kinds that a user can bring about
            _fail(f"internal error: {error}", FAULT, debug)
        _fail(str(error), REFUSED, debug)
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        _fail(f"{name}{error.strerror or type(error).__name__}", REFUSED, debug)
    except Exception as error:
        # The message of an unforeseen exception may hold a secret value; its type does not.
        _fail(f"internal error ({type(error).__name__}); --debug shows where", FAULT, debug)
    except BaseException as error:  # of a library in Rust, as cbor2 is, that got no memory
        _fail(f"nothing can be said ({type(error).__name__}); --debug shows where", REFUSED, debug)


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
    extra = EXTRAS.get((error.name or "").partition(".")[0])
    if extra is not None and isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed: pip install 'zkunlearn[{extra}]'"
    return f"the installation is broken: {error.name or 'a module'} cannot be loaded; --debug shows why"


def _fail(message: str, code: int, debug: bool) -> NoReturn:
    _end(code, debug, lambda: click.echo(f"error: {one_line(message)}", err=True))


def _end(code: int, debug: bool, tell: Callable[[], None] = lambda: None) -> NoReturn:
    try:
        if debug:
            traceback.print_exc()
        tell()
    except OSError:  # stderr is closed or full, too
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
