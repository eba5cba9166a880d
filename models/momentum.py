"""The momentum that grows from epoch to epoch, as accelerated methods have it."""

from __future__ import annotations

from fractions import Fraction

INCREASING = "increasing"  # as specs call it


def increasing(epoch: int) -> Fraction:
    """e / (e + 3) in epoch e, counted from 0."""
    return Fraction(epoch, epoch + 3)
