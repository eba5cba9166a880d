"""What is opened together: matrices on one code, and the tree made in this proof that comes with them.

The rows of a group are those of its matrices, one after another. Its fresh tree holds, in this order,

    the witness, if it is in this group        rows of columns
    g, the mask of the opening                 2 rows: a and b of one row over K
    the ledger, if it is in this group         4 rows: a and b of kappa, a and b of kappa'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ...circuits.field.multilinear import log2_ceil
from ...circuits.language.layout import WITNESS, Address, MatrixLayout, Tiling
from .code import ReedSolomonCode

MASK_ROWS = 2  # one row over K


@dataclass(frozen=True)
class MatrixShape:
    """A committed matrix: where its columns lie, and its code."""

    layout: MatrixLayout
    code: ReedSolomonCode


@dataclass(frozen=True)
class Group:
    """Matrices on one code, opened together.

    Attributes:
        name: of its first matrix.
        code: of all its matrices.
        committed: layouts of matrices committed before the proof; none if the witness is alone.
        witness: layout of the matrix in the fresh tree, if it is in this group.
    """

    name: str
    code: ReedSolomonCode
    committed: tuple[MatrixLayout, ...]
    witness: MatrixLayout | None = None

    @cached_property
    def layouts(self) -> tuple[MatrixLayout, ...]:
        """Of all matrices, in the order of their rows."""
        return self.committed if self.witness is None else (*self.committed, self.witness)

    @property
    def column_rows(self) -> int:
        """Number of rows that hold columns."""
        return sum(layout.rows for layout in self.layouts)

    @property
    def index_bits(self) -> int:
        """Variables that index the rows."""
        return log2_ceil(self.column_rows)

    @cached_property
    def places(self) -> dict[Address, tuple[int, Tiling]]:
        """Each column's first row in the group, and its tiling."""
        places: dict[Address, tuple[int, Tiling]] = {}
        first = 0
        for layout in self.layouts:
            places |= {column: (first + row, tiling) for column, (row, tiling) in layout.places.items()}
            first += layout.rows
        return places

    @property
    def fresh(self) -> str:
        """Name of the tree made in the proof."""
        return f"{self.name} mask" if self.witness is None else self.witness.name

    @property
    def fresh_columns(self) -> int:
        """Rows of columns in the fresh tree, before its mask."""
        return 0 if self.witness is None else self.witness.rows


def groups_of(committed: Sequence[MatrixShape], witness: MatrixShape | None = None) -> tuple[Group, ...]:
    """Matrices of equal codes together, in order; the witness last, so that it has a group of its own if no other
    matrix is on its code."""
    shapes = committed if witness is None else (*committed, witness)
    groups = []
    for code in dict.fromkeys(shape.code for shape in shapes):
        layouts = tuple(shape.layout for shape in committed if shape.code == code)
        joined = witness.layout if witness is not None and witness.code == code else None
        groups.append(Group(layouts[0].name if layouts else WITNESS, code, layouts, joined))
    return tuple(groups)
