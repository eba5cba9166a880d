"""Keys of rows, no two of which are equal: protocol.md, section 11."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .channel import Channel
from .field import K, Point, eq_table, prefix, prefix_eq
from .relations import (
    KEY_LIMBS,
    KEYS,
    RANGE,
    Address,
    Box,
    Lookup,
    Relation,
    key_columns,
    mixed,
    multiplicities,
    rounds,
)
from .shapes import Axis, Column

WORDS = (range(3), range(3, 6))  # limbs, the lowest first


def combined(columns: list[Address]) -> tuple[list[tuple[int, Address]], int]:
    return [(1 << 16 * i, column) for i, column in enumerate(columns)], 0


class Uniqueness(Relation):
    """A part of validity, with sections and counts of its own."""

    counts = "key "

    def __init__(self, statement: Mapping[str, Any]) -> None:
        self.name, holes = "validity", statement["holes"]
        row, self.place = Axis("row", statement["rows"]), Axis("place", statement["rows"] - len(holes))
        keys = [("dataset", column.name) for column in key_columns(statement)]
        self.sorted: list[Address] = [("witness", f"sorted word {i}") for i in range(2)]
        self.gaps: list[Address] = [("witness", f"gap limb {i}") for i in range(KEY_LIMBS)]
        self.borrow: Address = ("witness", "borrow 0")
        own = [*self.gaps[:3], self.borrow]
        order = [Lookup(RANGE, [([(1, column)], 0)]) for column in own]
        order.append(Lookup(RANGE, [([(1 << 15, self.borrow)], 0)]))
        order += [Lookup(RANGE, [([(1, column)], 0)]) for column in self.gaps[3:]]
        words = [combined([keys[i] for i in word]) for word in WORDS]
        boxes = [
            Box("keys", (row,), [Lookup(RANGE, [([(1, column)], 0)]) for column in keys], holes),
            Box("key order", (self.place,), order),
            Box("keys of rows", (row,), [Lookup(KEYS, words)], holes),
            Box(
                "keys in order", (self.place,), [Lookup(KEYS, [([(1, column)], 0) for column in self.sorted])], sign=-1
            ),
        ]
        super().__init__(boxes, [RANGE])
        witness = [*self.sorted, *self.gaps, self.borrow]
        self.committed = [Column(name, (self.place,)) for _, name in witness]
        self.committed.append(multiplicities(self.counts + RANGE, self.sections))

    def identities(self, ch: Channel) -> None:
        """Each key is more than the one before it."""
        size, bits = self.place.size, self.place.bits
        rho = ch.point("key order", bits)
        shares = eq_table(ch.point("key order shares", 1))
        at = {"place": rho}
        low = self.number(ch, self.gaps[:3], at)
        borrow = self.evaluate(ch, self.borrow, at)
        high = self.number(ch, self.gaps[3:], at)
        gaps = [low + prefix(rho, size - 1) * ch.one - (1 << 48) * borrow, high + borrow]
        n, claim = rounds(ch, "key order", bits, 2, mixed(shares, gaps))
        values = [self.evaluate(ch, column, {"place": n}) for column in self.sorted]

        def check() -> Any:
            weight = after(rho, n, size) - prefix_eq(rho, n, size - 1)
            return claim - weight * mixed(shares, values), []

        ch.zero("key order", check)

    def number(self, ch: Channel, limbs: list[Address], at: Mapping[str, Point]) -> K:
        values = [self.evaluate(ch, limb, at) for limb in limbs]
        return mixed([K(1 << 16 * i) for i in range(len(values))], values)


def after(x: Point, y: Point, size: int) -> K:
    """The sum over 1 <= i < size of eq(x, i - 1) eq(y, i)."""
    own, following = eq_table(x), eq_table(y)
    return sum((own[i - 1] * following[i] for i in range(1, size)), K(0))
