"""The axes that every relation of training has, whatever its method."""

from __future__ import annotations

from ...models.methods.base import Compiled
from ..language.layout import Axis
from ..language.relation import Coordinates
from .dataset import output_axis, row_axis
from .model import weight_axis


class TrainingAxes:
    """Of the data set and of the model.

    Attributes:
        schedule: the public integers of the method.
    """

    schedule: Compiled

    @property
    def row(self) -> Axis:
        """Rows n."""
        return row_axis(self.schedule.rows)

    def in_data(self, row: Coordinates) -> Coordinates:
        """Where a row is in the data set."""
        return row

    def at_label(self, output: Coordinates, row: Coordinates) -> dict[str, Coordinates]:
        """Where the label is that a row has for an output."""
        return {"output": output, "row": self.in_data(row)}

    @property
    def output(self) -> Axis:
        """Outputs o."""
        return output_axis(self.schedule.outputs)

    @property
    def several(self) -> tuple[Axis, ...]:
        """That axis, where there are several outputs: before those of what each of them has of its own."""
        return (self.output,) if self.output.bits else ()

    @property
    def weight(self) -> Axis:
        """Weights k of an output, one for each feature."""
        return weight_axis(self.schedule)
