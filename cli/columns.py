"""How columns use the integers between their bounds, for the owner: little is learnt of one that has few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..models.encoding.columns import ColumnEncoding
from ..models.encoding.maps import LINEAR
from .output import Lines, foreign, table

if TYPE_CHECKING:
    from ..models.encoding.resolution import ColumnUse

SHOWN = 12
HEADS = ("column", "bounds", "integers", "spread", "at the lower bound", "at the upper bound")


def column_table(uses: Sequence[ColumnUse]) -> list[str]:
    """A line for each column; of many, only for those of the least spread."""
    lines = list(table(HEADS, [_row(use) for use in _shown(uses)]))
    return lines + ([f"  {_rest(uses)}"] if len(uses) > SHOWN else [])


def column_lines(uses: Sequence[ColumnUse]) -> Lines:
    """The same in words, of all columns that are shown."""
    texts = [
        f"{name} in {bounds}: {integers} integers used, spread over {spread}; {low} and {high} at the bounds"
        for name, bounds, integers, spread, low, high in map(_row, _shown(uses))
    ]
    texts += [_rest(uses)] if len(uses) > SHOWN else []
    return [("" if place else "columns", text) for place, text in enumerate(texts)]


def _shown(uses: Sequence[ColumnUse]) -> list[ColumnUse]:
    return list(uses) if len(uses) <= SHOWN else sorted(uses, key=lambda use: use.spread)[:SHOWN]


def _rest(uses: Sequence[ColumnUse]) -> str:
    from ..models.encoding.resolution import THIN

    worst, more = _shown(uses)[-1], f"{len(uses) - SHOWN:,} more"
    fine = f" are fine: their values spread over {_spread(worst)} integers or more" if worst.spread >= THIN else ""
    return f"{more}{fine} (--json has all)"


def _row(use: ColumnUse) -> tuple[str, ...]:
    bounds = f"[{use.low!r}, {use.high!r}]" + ("" if use.map == LINEAR else f" by {use.map}")
    return (
        *(foreign(use.name), bounds, f"{use.integers:,} of {use.of:,}", _spread(use)),
        *(f"{100 * share:.3g}%" for share in (use.at_low, use.at_high)),
    )


def _spread(use: ColumnUse) -> str:
    return f"{use.spread:.3g}" if use.spread < 100 else f"{use.spread:,.0f}"


def column_data(uses: Sequence[ColumnUse]) -> list[dict[str, Any]]:
    """The same for JSON, of all columns."""
    return [asdict(use) for use in uses]


def step_of(column: ColumnEncoding, bits: int) -> float | None:
    """The units of a column that one integer stands for; None where that depends on the value."""
    return (column.high - column.low) / (2 << bits) if column.map == LINEAR else None
