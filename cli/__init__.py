"""The command line, a thin layer over the library."""

from .program import main

__all__ = ["main"]
