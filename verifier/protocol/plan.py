"""A digest of everything that shapes a proof: both sides absorb it before the first message.

Lengths, counts and places are never read from a proof, so they are checked by nobody; absorbed, they cannot differ
between the two sides, and a rule that decides them cannot change without every challenge changing too. What is
hashed is a list of numbers, texts and lists, which of them follows from the place (docs/protocol.md, "Plan"):

    number   8 bytes, little-endian
    text     number of bytes, then UTF-8
    list     number of items, then the items
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from ...circuits.language.layout import MatrixLayout
from .channel import PlanChannel
from .code import ReedSolomonCode
from .folding import Stack
from .group import Group
from .ledger import LedgerShape
from .trees import TreeShape

PLAN_TAG = "zkunlearn plan 1"
NUMBER_BYTES = 8

Item = int | str | Sequence["Item"]


def packed(item: Item) -> bytes:
    """The bytes of a number, a text or a list."""
    if isinstance(item, int):
        return item.to_bytes(NUMBER_BYTES, "little")
    if isinstance(item, str):
        text = item.encode()
        return len(text).to_bytes(NUMBER_BYTES, "little") + text
    return len(item).to_bytes(NUMBER_BYTES, "little") + b"".join(map(packed, item))


def plan_digest(
    relation: str,
    groups: Sequence[Group],
    trees: Mapping[str, TreeShape],
    ledger: LedgerShape,
    chain: Sequence[Stack],
    plan: PlanChannel,
) -> bytes:
    """SHA-256 of a proof's plan: 32 bytes."""
    items: list[Item] = [
        PLAN_TAG,
        relation,
        [[group.name, _code(group.code), list(map(_matrix, group.layouts))] for group in groups],
        [[tree.name, _code(tree.code), tree.rows, int(tree.salted)] for tree in trees.values()],
        [ledger.tree, ledger.first_row, ledger.length],
        [[_code(stack.code), stack.lengths, stack.rows] for stack in chain],
        plan.rounds,
        plan.program.entries,
        len(plan.program.constraints),
        plan.proof_bytes,
    ]
    return hashlib.sha256(packed(items)).digest()


def _code(code: ReedSolomonCode) -> Item:
    return [code.row_bits, code.tail, code.inverse_rate, code.queries, code.length]


def _matrix(layout: MatrixLayout) -> Item:
    columns: list[Item] = [
        [
            column.name,
            [[axis.name, axis.size, axis.bits] for axis in tiling.column.axes],
            row,
            tiling.low_bits,
            tiling.slot,
        ]
        for column, (row, tiling) in layout.places.items()
    ]
    return [layout.name, layout.rows, columns]
