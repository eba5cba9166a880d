"""The command line, a thin layer over the library."""

from .start import main

__all__ = ["main"]
