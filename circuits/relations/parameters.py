"""What gradient descent trains of each output, the weights and the bias: their columns, and their places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..field.goldilocks import K
from ..field.multilinear import Point
from ..language.layout import WITNESS, Address


@dataclass(frozen=True)
class ParameterColumns:
    """The columns of what is trained, the weights or the bias, all of them in limbs.

    Attributes:
        box, last_box: names of the lookups of its limbs.
        steps: before each step. remainder: of each update. last: after the last step.
    """

    box: str
    last_box: str
    steps: Address
    remainder: Address
    last: Address


def _parameter(name: str, steps: str) -> ParameterColumns:
    columns = (Address(WITNESS, column) for column in (steps, f"{name} remainder", f"last {name}"))
    return ParameterColumns(f"{name} limbs", f"last {name} limbs", *columns)


WEIGHTS, BIAS = _parameter("weight", "weights"), _parameter("bias", "biases")


@dataclass(frozen=True)
class Share:
    """The weights, or the biases, at a point of the update.

    Attributes:
        share: eq(s, 0), or eq(s, 1).
        real: the indicator of real ones there.
        at: where it is on its axes, steps apart.
    """

    parameter: ParameterColumns
    share: K
    real: K
    at: Mapping[str, Point]
