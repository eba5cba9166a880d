"""The digest of what shapes a proof: protocol.md, section 7 ("Plan")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .field import log2_ceil
from .formats import sha256
from .shapes import Code, Matrix, stack_rows

Item = Any  # a number, a text, or a list of such


def packed(item: Item) -> bytes:
    if isinstance(item, int):
        return item.to_bytes(8, "little")
    if isinstance(item, str):
        return packed(len(item.encode())) + item.encode()
    return packed(len(item)) + b"".join(packed(own) for own in item)


def code_item(code: Code) -> Item:
    return [code.c, code.queries * code.openings, code.inverse_rate, code.queries, code.n]


def matrix_item(name: str, matrix: Matrix) -> Item:
    columns = []
    for column in matrix.columns.values():
        low = column.tiling(matrix.c)[1] if column.bits >= matrix.c else [axis.bits for axis in column.axes]
        axes = [[axis.name, axis.size, axis.bits] for axis in column.axes]
        columns.append([column.name, axes, matrix.first_row[column.name], low, matrix.slots.get(column.name, 0)])
    return [name, matrix.rows, columns]


def later_rounds(shape: Any, constraints: int) -> Item:
    """The challenges after the walk: of the settlement and of folding."""
    rounds: list[Item] = [["constraint weight", 1]] * constraints + [["ledger line", 2]]
    lengths = [group.code.dimension for group in shape.groups]
    claims = sum(1 + group.code.queries for group in shape.groups)
    for c in shape.stacks:
        variables = log2_ceil(stack_rows(lengths, c)) + c
        rounds += [["folding weight", claims - 1]] + [["folding", 2]] * variables
        lengths, claims = [1 << c], 1 + Code(c, 0, 8).queries
    return rounds


def stack_items(shape: Any) -> Item:
    items, lengths = [], [group.code.dimension for group in shape.groups]
    for c in shape.stacks:
        items.append([code_item(Code(c, 0, 8)), lengths, stack_rows(lengths, c)])
        lengths = [1 << c]
    return items


def plan_digest(shape: Any, rounds: Sequence[Item], constraints: int) -> bytes:
    """`rounds`: of the walk; the constraints are those of the walk, too."""
    groups = [
        [group.name, code_item(group.code), [matrix_item(*own) for own in group.matrices.items()]]
        for group in shape.groups
    ]
    trees = [[name, code_item(code), rows, 1] for name, (code, rows) in shape.trees.items()]
    ledger_tree = shape.ledger_group.fresh if shape.ledger_group else "ledger"
    return sha256(
        packed(
            [
                "zkunlearn plan 1",
                shape.relation.name,
                groups,
                trees,
                [ledger_tree, shape.trees[ledger_tree][1] - 4, shape.ledger_length],
                stack_items(shape),
                [*rounds, *later_rounds(shape, constraints)],
                shape.entries,
                constraints,
                shape.proof_bytes,
            ]
        )
    )
