"""Where a stage of a sharded training has its rows, and the models that it begins from (models/shards.py)."""

from __future__ import annotations

from ...models.shards import Stage
from ..field.goldilocks import ZERO
from ..field.multilinear import bits_of, log2_ceil
from ..language.layout import Address
from ..language.relation import Coordinates
from .dataset import row_axis
from .model import COEFFICIENTS, INTERCEPT

START = "start"  # the matrix; a relation of several stages says which one it is
STARTING_WEIGHTS, STARTING_INTERCEPT = Address(START, COEFFICIENTS.name), Address(START, INTERCEPT.name)


def in_dataset(stage: Stage | None, shard: Coordinates, place: Coordinates) -> Coordinates:
    """The row of the data set that is at a place of a shard of the stage; without a stage, of a block of rows.

    Which shards these are says the high bits, as the first of them is a multiple of how many there may be; a stage that
    has fewer places than a shard has rows leaves bits between both at zero.
    """
    if stage is None:
        return (*shard, *place)
    whole = row_axis(stage.shards.rows).bits
    places = min(whole, log2_ceil(stage.shards.shard_rows))
    before = bits_of(stage.first >> len(shard), whole - places - len(shard))
    return (*before, *shard, *(ZERO,) * (places - len(place)), *place)
