"""How kernels are compiled: when first called, once a signature, kept on disk.

The only place that knows numba's decorators, so that the rest of the package stays typed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

U64 = numba.types.uint64
INT = numba.types.int64
# Inputs are declared read-only: such a signature takes writable arrays too, so callers may freeze theirs.
IN = numba.types.Array(U64, 1, "C", readonly=True)
OUT = numba.types.Array(U64, 1, "C")
SUMS = numba.types.Array(INT, 1, "C", readonly=True)  # int64, read as elements of F


def array_of(dtype: str, readonly: bool = False) -> Any:
    """The type of a flat array argument of integers that are none of the above."""
    return numba.types.Array(numba.from_dtype(np.dtype(dtype)), 1, "C", readonly=readonly)


CELLS = "cells"  # stands for an input of any type of cell
CELL_TYPES = ("uint64", "int16", "uint16", "int32")  # elements of F, and integers that are read as such

# Changes when code that is inlined into kernels of other files does.
_FILES = ("field.py", "memory.py", "pairs.py", "products.py", "sha256.py")
_SHARED = (Path(__file__), *map(Path(__file__).with_name, _FILES))
_SHARED_STAMP = tuple((path.stat().st_mtime_ns, path.stat().st_size) for path in _SHARED)

LOGGER = logging.getLogger("zkunlearn")
NOT_KEPT = "compiled kernels cannot be kept: set NUMBA_CACHE_DIR to a folder that can be written to"
_COMPILE = threading.Lock()
_KERNELS: list[Kernel] = []
_LISTENERS: list[Callable[[str], None]] = []
_NOW: list[str] = []  # the name of what is compiled at the moment, if anything is


def _dispatcher(function: Callable[..., None]) -> tuple[Any, bool]:
    """What compiles a function, and whether the result is kept; where it cannot be, it is compiled each time."""
    try:
        return numba.njit(cache=True, nogil=True, boundscheck=False)(function), True
    except RuntimeError:  # of numba's: no folder that it knows can be written to
        if not _KERNELS:  # the first one says it for all
            LOGGER.warning(NOT_KEPT)
        return numba.njit(nogil=True, boundscheck=False)(function), False


class Kernel:
    """A compiled function over flat uint64 arrays; it returns nothing and writes into its OUT arguments.

    Compiling at import would cost every command that never proves; so the one signature is compiled (or
    loaded from numba's cache) at the first call.
    """

    def __init__(self, function: Callable[..., None], signature: tuple[Any, ...], name: str | None = None) -> None:
        self.name = name or function.__name__
        self._signature = numba.types.void(*signature)
        self._dispatcher, self.is_kept = _dispatcher(function)
        self._ready = False
        self._watch_field()
        _KERNELS.append(self)

    def _watch_field(self) -> None:
        """Tie the cache to these files too: numba looks only at the one that a kernel is written in.

        Through a private attribute; where numba has none, delete the cache by hand after editing them.
        """
        try:
            cache_file = self._dispatcher._cache._cache_file
            cache_file._source_stamp = (cache_file._source_stamp, _SHARED_STAMP)
        except AttributeError:
            pass

    def compile(self) -> None:
        """Compile, which is logged, or load from the cache; harmless when done before."""
        with _COMPILE:
            if self._ready:
                return
            fresh, start = not self.is_cached(), perf_counter()
            if fresh:
                LOGGER.info("compiling the kernel %s, once per machine", self.name)
                for listener in _LISTENERS:
                    listener(self.name)
                _NOW.append(self.name)
            try:
                self._dispatcher.compile(self._signature)
            finally:
                _NOW.clear()
            self._dispatcher.disable_compile()
            self._ready = True
            if fresh:
                LOGGER.info("the kernel %s is compiled, in %.1f s", self.name, perf_counter() - start)

    def is_cached(self) -> bool:
        """Whether calling costs no compilation. Best effort: it reads numba's private index, or says no."""
        if self._ready:
            return True
        try:
            cache = self._dispatcher._cache
            target = self._dispatcher.targetctx
            return cache._index_key(self._signature, target.codegen()) in cache._cache_file._load_index()
        except Exception:  # a numba that keeps its index otherwise: the caller only loses a message
            return False

    def __call__(self, *arguments: Any) -> None:
        if not self._ready:
            self.compile()
        self._dispatcher(*arguments)


def kernel(*signature: Any) -> Callable[[Callable[..., None]], Kernel]:
    """Decorator: the function is a Kernel with these argument types (IN, OUT, INT, U64)."""

    def wrap(function: Callable[..., None]) -> Kernel:
        return Kernel(function, signature)

    return wrap


class CellKernel:
    """A function whose CELLS arguments are of one type of cell: a Kernel for each type, compiled when needed."""

    def __init__(self, function: Callable[..., None], signature: tuple[Any, ...]) -> None:
        self._kernels = {}
        for name in CELL_TYPES:
            cells = numba.types.Array(numba.from_dtype(np.dtype(name)), 1, "C", readonly=True)
            typed = tuple(cells if part is CELLS else part for part in signature)
            self._kernels[np.dtype(name)] = Kernel(function, typed, f"{function.__name__} of {name}")

    def of(self, cells: NDArray[Any]) -> Kernel:
        """The kernel for these cells. Raises TypeError for a type that is none of CELL_TYPES."""
        if cells.dtype not in self._kernels:
            raise TypeError(f"cells of {cells.dtype} are neither field elements nor integers that are read as such")
        return self._kernels[cells.dtype]


def cell_kernel(*signature: Any) -> Callable[[Callable[..., None]], CellKernel]:
    """Decorator: `kernel` for any type of cell."""

    def wrap(function: Callable[..., None]) -> CellKernel:
        return CellKernel(function, signature)

    return wrap


def device(function: Callable[..., Any]) -> Any:
    """Decorator: a function for use inside kernels only, always inlined into them."""
    return numba.njit(forceinline=True, boundscheck=False)(function)


def listen(listener: Callable[[str], None]) -> None:
    """From now on, tell somebody the name of each kernel before it is compiled, in whatever thread."""
    _LISTENERS.append(listener)


@contextmanager
def listening(listener: Callable[[str], None]) -> Iterator[None]:
    """The same while this context lasts."""
    listen(listener)
    try:
        yield
    finally:
        _LISTENERS.remove(listener)


def being_compiled() -> str | None:
    """The name of the kernel that is compiled at the moment, by whatever thread."""
    return next(iter(_NOW), None)


def all_kernels() -> tuple[Kernel, ...]:
    return tuple(_KERNELS)
