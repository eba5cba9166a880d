"""An owner who says that the counts a model expects are nearer to labels than they are.

A lie goes through all that follows from it: what is rejected is rejected for the one step that is false.
"""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P, to_field
from zkunlearn.circuits.language.hidden import Hidden
from zkunlearn.circuits.language.relation import Sum
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations.expected_counts import WHOLE_BITS
from zkunlearn.models.counts import count_edges, count_logs
from zkunlearn.prover.protocol import proof as prover_protocol
from zkunlearn.prover.protocol.proof import ProverSteps
from zkunlearn.prover.protocol.sumcheck import sum_value

from .evaluations import FIRST, LIVE, counts, model_cells
from .harness import Columns, Outcome, assert_caught, changed, prove
from .test_false_totals import totals

MADE = counts()
BOTH: Any = MADE.relation.models
ONE, OTHER = BOTH
CELL, STEP, RESIDUAL = (f"{name} of {FIRST}" for name in ("cell", "step", "residual"))
SQUARES, DEVIANCE, SUM = f"squares of {FIRST}", f"deviance of {FIRST}", "lookup sum"
ROW = int(np.flatnonzero(LIVE.mask() & (MADE.data[1] > 2))[1])
LABEL = int(MADE.data[1][ROW])


def lying(*changes: Columns, **told: Any) -> Outcome:
    return prove(MADE.shape(MADE.stating(0, **told)), MADE.columns_of(*changes))


@pytest.fixture(scope="module")
def true() -> Columns:
    return MADE.columns_of()


def signed(columns: Columns, name: Any, place: int = ROW) -> int:
    """A cell, as an integer."""
    own = int(np.asarray(columns[name]).reshape(-1)[place])
    return own - P if own > P // 2 else own


def limbs(integer: Any, bits: int, number: int, before: Columns | None = None) -> Columns:
    """Of one cell, or of the row; what does not fit is in the lowest limb."""
    names, fits = limb_addresses(integer, bits), 0 <= number < 1 << bits
    cells = [(number >> (16 * i) & 0xFFFF) if fits else number * (i == 0) for i in range(len(names))]
    if before is None:
        return {name: to_field(np.array([cell])) for name, cell in zip(names, cells, strict=True)}
    return {name: changed(before, name, ROW, cell)[name] for name, cell in zip(names, cells, strict=True)}


def value(columns: Columns, integer: Any, bits: int, place: int = 0) -> int:
    return sum(
        int(columns[name].reshape(-1)[place]) << (16 * i) for i, name in enumerate(limb_addresses(integer, bits))
    )


def following(true: Columns, expected: int, **cells: int) -> tuple[Columns, dict[str, int]]:
    """What a row's expected count, and cells of it, imply of residuals, and of all that is stated."""
    found: Columns = {}
    for name, cell in cells.items():
        column = getattr(ONE, name)
        found[column] = changed(true, column, ROW, cell)[column]
    moved = expected - (LABEL << 16) + (1 << (ONE.shift - 1))
    residual = moved >> ONE.shift
    found |= limbs(ONE.remainder, ONE.shift, moved - (residual << ONE.shift), true)
    found |= limbs(ONE.residual.integer, ONE.residual.bits, residual + (1 << (ONE.residual.bits - 1)), true)
    rows, half = np.flatnonzero(LIVE.mask()).tolist(), 1 << (ONE.residual.bits - 1)
    each = [residual if r == ROW else value(true, ONE.residual.integer, ONE.residual.bits, r) - half for r in rows]
    squares = sum(own**2 for own in each)
    stated = {"squares": squares >> ONE.step_bits}
    found |= limbs(ONE.bound.rest, ONE.bound.bits, squares - (stated["squares"] << ONE.step_bits))
    total = whole_deviance(true) + expected - signed(true, ONE.edge) - signed(true, ONE.risen)
    if "cell" in cells:
        total -= LABEL * (cells["cell"] - signed(true, ONE.cell)) << (16 - ONE.q_bits)
    if "middle" in cells:
        summed = whole_of(true) + LABEL * (cells["middle"] - signed(true, ONE.middle))
        whole, part = divmod(summed, 1 << ONE.q_bits)
        found |= limbs(ONE.whole, WHOLE_BITS, whole) | limbs(ONE.part, ONE.q_bits, part)
        total -= whole - value(true, ONE.whole, WHOLE_BITS)
    return found | deviating(total), {**stated, "deviance": total >> ONE.deviance_bits}


def whole_of(true: Columns) -> int:
    """The sum of labels times what is left of scores."""
    return (value(true, ONE.whole, WHOLE_BITS) << ONE.q_bits) + value(true, ONE.part, ONE.q_bits)


def whole_deviance(true: Columns) -> int:
    return (ONE.deviance << ONE.deviance_bits) + value(true, ONE.deviances.rest, ONE.deviance_bits)


def deviating(total: int) -> Columns:
    stated = total >> ONE.deviance_bits
    return limbs(ONE.deviances.rest, ONE.deviance_bits, total - (stated << ONE.deviance_bits))


def test_the_harness_has_counts_of_some_size(true: Columns) -> None:
    assert lying().verdict() == "valid"
    assert ONE.squares > 50 and ONE.deviance > 50 and ONE.squares != OTHER.squares and OTHER.deviance is None
    assert abs(signed(true, ONE.cell, -1)) > 1 << 15, "a row that does not count is beyond the table"


@pytest.mark.parametrize("name", ["squares", "deviance"])
@pytest.mark.parametrize("step", [1, -1])
def test_another_number_of_steps_is_rejected(name: str, step: int, true: Columns) -> None:
    """With the rest as it was, and with the one that makes up for it, which has more bits than a rest."""
    told = {name: getattr(ONE, name) + step}
    bound = ONE.bound if name == "squares" else ONE.deviances
    assert_caught(lying(**told), bound.name)
    rest = value(true, bound.rest, bound.bits) - (step << bound.bits)
    assert_caught(lying(limbs(bound.rest, bound.bits, rest), **told), SUM)


def test_a_count_of_the_cell_beside_is_rejected(true: Columns) -> None:
    """All that follows is told: the score is not in that cell."""
    edges, cell = count_edges(12), signed(true, ONE.cell) + 1
    edge, step = int(edges[cell + 32768]), int(edges[cell + 32769] - edges[cell + 32768])
    middle = signed(true, ONE.middle)
    risen, product = (step * middle + 32768) >> 16, step * middle
    lie, told = following(true, edge + risen, cell=cell, edge=edge, step=step, risen=risen, product=product)
    assert_caught(lying(lie, **told), CELL)


def test_a_cell_whose_rest_makes_up_for_it_has_too_many_bits(true: Columns) -> None:
    """Q + 1 and M - 2^16."""
    edges, cell = count_edges(12), signed(true, ONE.cell) + 1
    edge, step = int(edges[cell + 32768]), int(edges[cell + 32769] - edges[cell + 32768])
    middle = signed(true, ONE.middle) - 65536
    product = step * middle
    risen = (product + 32768) >> 16
    cells = {"cell": cell, "edge": edge, "step": step, "risen": risen, "product": product, "middle": middle}
    lie, told = following(true, edge + risen, **cells)
    assert_caught(lying(lie, **told), SUM)


@pytest.mark.parametrize("by", [1, -1])
def test_an_edge_that_is_off_by_a_unit_is_rejected(by: int, true: Columns) -> None:
    edge, risen = signed(true, ONE.edge) + by, signed(true, ONE.risen)
    lie, told = following(true, edge + risen, edge=edge)
    assert_caught(lying(lie, **told), SUM)


@pytest.mark.parametrize("by", [1, -1])
def test_an_interpolation_that_is_off_by_a_unit_is_rejected(by: int, true: Columns) -> None:
    edge, risen = signed(true, ONE.edge), signed(true, ONE.risen) + by
    lie, told = following(true, edge + risen, risen=risen)
    assert_caught(lying(lie, **told), SUM)


def test_a_product_of_the_owner_s_is_rejected(true: Columns) -> None:
    edge, risen = signed(true, ONE.edge), signed(true, ONE.risen) + 1
    product = signed(true, ONE.product) + 65536
    lie, told = following(true, edge + risen, risen=risen, product=product)
    assert_caught(lying(lie, **told), STEP)


def test_a_rise_that_any_remainder_would_leave_is_rejected(true: Columns) -> None:
    """P' = (D M + 2^15 - 77) / 2^16 modulo p leaves 77, and is no number of 16 bits; what follows is modulo p, too."""
    risen = (signed(true, ONE.product) + 32768 - 77) * pow(1 << 16, -1, P) % P
    columns = {ONE.risen: changed(true, ONE.risen, ROW, risen)[ONE.risen]}
    caught = lying(columns)
    assert caught.verdict() == "constraints" and {SUM, RESIDUAL} <= caught.prover.lies


def test_a_residual_that_is_not_the_rounded_one_is_rejected(true: Columns) -> None:
    half = 1 << (ONE.residual.bits - 1)
    lie = limbs(ONE.residual.integer, ONE.residual.bits, half, true)
    caught = lying(lie)
    assert caught.verdict() == "constraints" and {RESIDUAL, SQUARES} <= caught.prover.lies


def test_scores_of_another_model_are_rejected(true: Columns) -> None:
    other = MADE.integers[0].copy()
    other[0, 1] += 1
    caught = lying(model_cells(FIRST, other))
    assert caught.verdict() == "constraints" and {CELL, f"weights of {FIRST}"} <= caught.prover.lies


@pytest.mark.parametrize("by", [1, -1, 1 << 20])
def test_a_logarithm_of_another_label_is_rejected(by: int, true: Columns) -> None:
    """And whatever the owner likes."""
    log = signed(true, ONE.log) + (int(count_logs()[LABEL + by] - count_logs()[LABEL]) if abs(by) == 1 else -by)
    total = whole_deviance(true) + log - signed(true, ONE.log)
    lie = {ONE.log: changed(true, ONE.log, ROW, log)[ONE.log], **deviating(total)}
    assert_caught(lying(lie, deviance=total >> ONE.deviance_bits), SUM)


@pytest.mark.parametrize("by", [1, -1])
def test_labels_times_scores_that_are_rounded_differently_are_rejected(by: int, true: Columns) -> None:
    """Another U with the V that goes with it is out of range; with the V that was, it is another sum."""
    whole, part = value(true, ONE.whole, WHOLE_BITS) + by, value(true, ONE.part, ONE.q_bits)
    total = whole_deviance(true) - by
    lie = limbs(ONE.whole, WHOLE_BITS, whole) | deviating(total)
    told = {"deviance": total >> ONE.deviance_bits}
    assert_caught(lying(lie, **told), DEVIANCE)
    assert_caught(lying(lie, limbs(ONE.part, ONE.q_bits, part - (by << ONE.q_bits)), **told), SUM)


def test_labels_times_scores_that_fit_modulo_p_are_rejected(true: Columns) -> None:
    """U = (sum - V) / 2^q_bits modulo p for a V of the owner's: no integer of 48 bits."""
    part = (value(true, ONE.part, ONE.q_bits) + 1) % (1 << ONE.q_bits)
    whole = (whole_of(true) - part) * pow(1 << ONE.q_bits, -1, P) % P
    whole = whole - P if whole > P // 2 else whole
    total = whole_deviance(true) + value(true, ONE.whole, WHOLE_BITS) - whole
    lie = limbs(ONE.whole, WHOLE_BITS, whole) | limbs(ONE.part, ONE.q_bits, part)
    assert not 0 <= total < 1 << 40
    caught = lying(lie)
    assert caught.verdict() == "constraints" and {SUM, DEVIANCE} <= caught.prover.lies


def test_rows_that_do_not_count_are_in_no_sum_but_in_their_equation(true: Columns) -> None:
    """What the training's row is expected to have may be anything, with the residual that goes with it."""
    names, at = limb_addresses(ONE.residual.integer, ONE.residual.bits), len(MADE.data[1]) - 1
    edge, lowest = signed(true, ONE.edge, at), signed(true, names[0], at)
    lie = {ONE.edge: changed(true, ONE.edge, at, edge + (5 << ONE.shift))[ONE.edge]}
    assert_caught(lying(lie), RESIDUAL)
    assert lying(lie, {names[0]: changed(true, names[0], at, lowest + 5)[names[0]]}).verdict() == "valid"


def test_every_false_total_is_rejected(monkeypatch: pytest.MonkeyPatch, true: Columns) -> None:
    declared: Any = SimpleNamespace(shape=MADE.shape())
    outcome, names = totals(declared, true, monkeypatch)
    used = {f"score of {FIRST}": (CELL,), SQUARES: (), DEVIANCE: ()}
    assert outcome.prover.lies == frozenset() and used.keys() <= set(names) and names.count(DEVIANCE) == 3
    for name, others in used.items():
        outcome, _ = totals(declared, true, monkeypatch, name)
        assert_caught(outcome, name, *others)


@pytest.mark.parametrize("number", range(3), ids=["what is expected", "labels times cells", "times what is left"])
def test_a_false_sum_that_fits_what_is_stated_is_rejected(
    monkeypatch: pytest.MonkeyPatch, number: int, true: Columns
) -> None:
    """A step more is stated: only the sum itself is another one."""
    step, found = 1 << ONE.deviance_bits, count()
    whole = value(true, ONE.whole, WHOLE_BITS) - step
    by = (step, -(step >> (16 - ONE.q_bits)), -step << ONE.q_bits)[number]

    class Lying(ProverSteps):
        def total(self, statement: Sum) -> Hidden:
            own = sum_value(statement, self.columns)
            false = statement.name == DEVIANCE and next(found) == number
            return self.channel.send([own + by if false else own])[0]

    lie = limbs(ONE.whole, WHOLE_BITS, whole) if number == 2 else {}
    monkeypatch.setattr(prover_protocol, "ProverSteps", Lying)
    assert_caught(lying(lie, deviance=ONE.deviance + 1), DEVIANCE)
