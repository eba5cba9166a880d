"""A lie pushed on: the prover solves for the message that satisfies the check which would have caught it.

What it then claims is false about something smaller, and the next check catches that, down to the opening. The
lies: one skipped iteration (sums), one quotient off by one (lookups).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import ONE, ZERO, K, to_field
from zkunlearn.circuits.field.multilinear import eq
from zkunlearn.circuits.field.multilinear import evaluate as evaluate_table
from zkunlearn.circuits.language.hidden import Hidden, evaluate
from zkunlearn.circuits.language.relation import LIMB, Sum, SumResult
from zkunlearn.circuits.language.tables import RANGE, limb_addresses
from zkunlearn.circuits.relations.descent_columns import Q, Z
from zkunlearn.circuits.relations.parameters import WEIGHTS
from zkunlearn.errors import InvalidProof
from zkunlearn.prover import kernels
from zkunlearn.prover.matrices.values import Columns as ProverColumns
from zkunlearn.prover.matrices.values import eq_table
from zkunlearn.prover.protocol import lookup as prover_lookup
from zkunlearn.prover.protocol import proof as prover_protocol
from zkunlearn.prover.protocol.proof import ProverSteps
from zkunlearn.prover.protocol.sumcheck import cube_table, prove_rounds, sum_table
from zkunlearn.verifier.protocol.batching import row_weights
from zkunlearn.verifier.protocol.channel import PlanChannel
from zkunlearn.verifier.protocol.lookup import next_layer_claim
from zkunlearn.verifier.protocol.proof import sum_claims
from zkunlearn.verifier.protocol.sumcheck import require_summand
from zkunlearn.verifier.protocol.transcript import Transcript

from ..leaves import written_out
from .harness import Columns, Declared, assert_caught, changed, columns_of, declare, descend, prove, recount
from .test_lying_owner import skip


def hidden_value(channel: Any, expression: Hidden) -> K:
    """What an expression is worth to the prover."""
    return evaluate(expression, channel.program.assign(channel.values, ONE), ONE)


def solved_sum(steps: Any, statement: Sum, claim: Hidden) -> SumResult:
    """`prove_sum`, with the first term of the last factor solved for instead of evaluated."""
    channel, columns = steps.channel, steps.columns
    terms = [[columns.term(term, statement.variables) for term in factor.terms] for factor in statement.factors]
    factors = [sum_table(statement, i, tables) for i, tables in enumerate(terms)]
    weight = cube_table(statement.groups, statement.weight)
    point, claim, _ = prove_rounds(channel, statement.name, np.stack([weight, *factors])[None], claim)
    at = eq_table(point)
    values = [[K(*kernels.kdot(table, at)) for table in tables] for tables in terms]

    def factor(i: int) -> K:
        stated = statement.factors[i]
        result = stated.constant.evaluate(point) if stated.constant else ZERO
        for term, value in zip(stated.terms, values[i], strict=True):
            result = result + term.coefficient * value
        return result

    others = statement.weight.evaluate(point) * (factor(0) if len(values) == 2 else ONE)
    missing = hidden_value(channel, claim) * others.inverse() - factor(-1)
    values[-1][0] = values[-1][0] + missing * statement.factors[-1].terms[0].coefficient.inverse()
    sent = tuple(tuple(channel.send(group)) for group in values)
    require_summand(channel, statement, claim, point, sent)
    return SumResult(point, sent)


@pytest.fixture
def solve_sums(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let sums of these names be solved."""

    def install(*names: str) -> None:
        class Solving(ProverSteps):
            def sumcheck(self, statement: Sum, claim: Hidden) -> SumResult:
                if statement.name not in names:
                    return super().sumcheck(statement, claim)
                result = solved_sum(self, statement, claim)
                self.claims += sum_claims(statement, result)
                return result

        monkeypatch.setattr(prover_protocol, "ProverSteps", Solving)

    return install


@pytest.fixture(scope="module")
def skipped(declared: Declared, data: Any) -> Columns:
    return columns_of(declared, data, descend(declared, data, after_step=skip))


def test_a_gradient_solved_for_is_rejected_by_the_sum_over_epochs(
    declared: Declared, skipped: Columns, solve_sums: Any
) -> None:
    solve_sums("gradient")
    assert_caught(prove(declared.shape, skipped), "epochs")


def test_predictions_solved_for_are_rejected_by_the_batching(
    declared: Declared, skipped: Columns, solve_sums: Any
) -> None:
    solve_sums("gradient", "epochs")
    assert_caught(prove(declared.shape, skipped), "batching")


def test_a_batched_claim_solved_for_is_rejected_by_the_opening(
    declared: Declared, skipped: Columns, solve_sums: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    solve_sums("gradient", "epochs")

    class Solving:
        """The channel, but the last value of a batching is the one that its equation asks for."""

        def __init__(self, channel: Any, group: Any, claims: Any) -> None:
            self.channel, self.group, self.claims = channel, group, claims
            self.weights: list[K] = []
            self.point: list[K] = []

        def __getattr__(self, name: str) -> Any:
            return getattr(self.channel, name)

        def challenge(self, label: str, error: int) -> K:
            drawn = self.channel.challenge(label, error)
            (self.weights if label == "batching weight" else self.point).append(drawn)
            return drawn

        def send(self, values: Any) -> Any:
            if len(values) > 1:
                return self.channel.send(values)
            return self.channel.send([self.answer()])

        def answer(self) -> K:
            claim = self.channel.program.nodes[-1]
            bits = self.group.index_bits
            at_rows, cells = eq_table(tuple(self.point[:bits])), self.point[bits:]
            weight = ZERO
            for place, rows in row_weights(self.group, self.weights, self.claims).items():
                at = K(*kernels.kdot(rows, np.ascontiguousarray(at_rows[:, : rows.shape[1]])))
                weight = weight + at * eq(place, cells)
            return hidden_value(self.channel, claim) * weight.inverse()

    honest = prover_protocol.prove_batching

    def prove_batching(channel: Any, group: Any, claims: Any, rows: Any) -> Any:
        if group.witness is None:
            return honest(channel, group, claims, rows)
        solving: Any = Solving(channel, group, claims)
        return honest(solving, group, claims, rows)

    monkeypatch.setattr(prover_protocol, "prove_batching", prove_batching)
    assert_caught(prove(declared.shape, skipped), "opening")


def test_a_change_of_weights_solved_for_is_rejected_by_its_own_sum(
    declared: Declared, data: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A false total in "update" makes the claim about the gradient true."""
    gap = np.zeros((declared.schedule.steps, declared.schedule.width), dtype=np.int64)

    def skip_and_note(step: int, weights: Any, moved: Any, u: Any) -> tuple[Any, Any]:
        rested, u = skip(step, weights, moved, u)
        gap[step] = (moved - rested) << declared.schedule.shift  # the update less the gradient, on this step
        return rested, u

    columns = columns_of(declared, data, descend(declared, data, after_step=skip_and_note))
    assert np.count_nonzero(gap)
    honest = ProverSteps.total

    class Solving(ProverSteps):
        at: tuple[K, ...] = ()

        def point(self, label: str, bits: int) -> Any:
            drawn = super().point(label, bits)
            self.at += drawn if label == "update" else ()
            return drawn

        def total(self, statement: Sum) -> Hidden:
            if statement.name != "update":
                return honest(self, statement)
            missing = evaluate_table(padded(declared, gap), self.at)
            send = self.channel.send
            self.channel.send = lambda values: send([value - missing for value in values])
            try:
                return honest(self, statement)
            finally:
                self.channel.send = send

    monkeypatch.setattr(prover_protocol, "ProverSteps", Solving)
    assert_caught(prove(declared.shape, columns), "update")


def padded(declared: Declared, steps: Any) -> Any:
    """An array over (step, weight), the bias last, as a flat table over (epoch, block, weight, s) of padded axes."""
    relation = declared.relation
    axes = (relation.epoch, relation.block, relation.weight)
    padding = [(0, (1 << axis.bits) - axis.size) for axis in axes]
    box = steps.reshape(relation.epoch.size, relation.block.size, -1)
    weights, bias = np.pad(box[..., :-1], padding), np.pad(box[..., -1:], [*padding[:2], (0, 0)])
    return to_field(np.stack([weights, np.broadcast_to(bias, weights.shape)], axis=-1).reshape(-1))


def tables_of(declared: Declared) -> Any:
    (section,) = declared.relation.sections
    return section.tables


# Lookups -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rounded(declared: Declared, data: Any) -> Columns:
    """A limb of 2^16: one lookup that no table row answers."""
    columns = columns_of(declared, data, descend(declared, data))
    low, high = limb_addresses(WEIGHTS.steps, declared.schedule.weight_bits)
    for name, step in ((low, LIMB), (high, -1)):
        columns = changed(columns, name, (2, 1, 0), int(columns[name][0, 2, 1, 0]) + step)
    return recount(declared.relation, columns)


def balanced(roots: Any) -> K:
    """The ratio that the last tree would need for the ratios of all roots to sum to zero."""
    return -sum((n * d.inverse() for n, d in roots[:-1]), ZERO)


def test_a_ratio_solved_for_is_rejected_at_the_root(
    declared: Declared, rounded: Columns, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, wanted = prover_lookup.prove_trees, []
    message = prover_lookup._root_message

    def prove_trees(channel: Any, trees: Any) -> Any:
        wanted.append((trees.roots[-1], balanced(trees.roots)))
        return honest(channel, trees)

    def root_message(numerator: K, denominator: K) -> list[K]:
        sent = message(numerator, denominator)
        if (numerator, denominator) == wanted[0][0]:
            sent[3] = wanted[0][1]
        return sent

    monkeypatch.setattr(prover_lookup, "prove_trees", prove_trees)
    monkeypatch.setattr(prover_lookup, "_root_message", root_message)
    assert_caught(prove(declared.shape, rounded), "lookup root")


def test_a_root_numerator_solved_for_is_rejected_by_the_first_layer(
    declared: Declared, rounded: Columns, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = prover_lookup.prove_trees

    def prove_trees(channel: Any, trees: Any) -> Any:
        _, denominator = trees.roots[-1]
        trees.roots[-1] = balanced(trees.roots) * denominator, denominator
        return honest(channel, trees)

    monkeypatch.setattr(prover_lookup, "prove_trees", prove_trees)
    assert_caught(prove(declared.shape, rounded), "lookup layer")


def with_trees_over(monkeypatch: pytest.MonkeyPatch, other: Columns) -> None:
    """Trees whose leaves hold other columns than the committed ones."""
    honest = prover_lookup.build_trees
    monkeypatch.setattr(
        prover_lookup,
        "build_trees",
        lambda section, trees, keys, columns, known: honest(
            section, trees, keys, ProverColumns(columns.axes, other), known
        ),
    )


def test_leaves_of_another_limb_are_rejected(
    declared: Declared, data: Any, rounded: Columns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trees are over the true limbs, the committed ones have a limb of 2^16."""
    other = columns_of(declared, data, descend(declared, data))
    columns = rounded | {t.multiplicity: other[t.multiplicity] for t in tables_of(declared)}
    with_trees_over(monkeypatch, other)
    assert_caught(prove(declared.shape, columns), "lookup weight limbs")


def test_leaves_of_other_multiplicities_are_rejected(
    declared: Declared, rounded: Columns, data: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = columns_of(declared, data, descend(declared, data))
    (table,) = (t for t in tables_of(declared) if t.name == RANGE)
    columns = changed(other, table.multiplicity, (0, 7), int(other[table.multiplicity][0, 7]) + 1)
    with_trees_over(monkeypatch, other)
    assert_caught(prove(declared.shape, columns), "table")


def test_leaves_of_another_quotient_are_rejected(
    declared: Declared, data: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Committed Q is one less in a live cell; the trees do not know."""
    other = columns_of(declared, data, descend(declared, data))
    columns = changed(other, Q, (1, 7), int(other[Q][0, 1, 7].astype(np.int64)) + 1)
    with_trees_over(monkeypatch, other)
    assert Z in columns
    assert_caught(prove(declared.shape, columns), "lookup scores")


def test_a_lookup_left_out_is_rejected(declared: Declared, data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Q is one more in a live cell, which its trees give the numerator zero; the denominators are as declared."""
    cell = (0, 1, 7)
    columns = columns_of(declared, data, descend(declared, data))
    columns = recount(declared.relation, changed(columns, Q, cell, int(columns[Q][cell].astype(np.int64)) + 1))

    def lookup_leaves(own: Any, tree: Any, of: Any, known: Any) -> Any:
        box = written_out(own.keys, own.section, tree, of.values)
        if tree.source.name == "scores":
            cells = box.numerators.reshape(2, 2, *columns[Q].shape)  # coefficients, selector, cells
            cells[:, :, *cell] = 0
        return box

    monkeypatch.setattr(prover_lookup, "lookup_leaves", lookup_leaves)
    assert_caught(prove(declared.shape, columns), "lookup scores")


def test_another_table_is_rejected(declared: Declared, rounded: Columns, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that nobody looks up is made the key of the limb that is out of range."""
    limb = int(rounded[limb_addresses(WEIGHTS.steps, declared.schedule.weight_bits)[0]].max())
    (table,) = (t for t in tables_of(declared) if t.name == RANGE)
    (row, *_) = np.flatnonzero(rounded[table.multiplicity][0] == 0)
    honest = prover_lookup.table_leaves

    def table_leaves(own: Any, tree: Any, of: Any) -> Any:
        box = honest(own, tree, of)
        assert tree.source[0].name == RANGE
        box.denominators.reshape(2, -1)[:, row] = (own.keys.start(table.tag) - limb).pair
        return box

    monkeypatch.setattr(prover_lookup, "table_leaves", table_leaves)
    assert_caught(prove(declared.shape, changed(rounded, table.multiplicity, (0, row), 1)), "table")


def test_a_point_with_a_zero_coordinate_is_refused() -> None:
    """It would leave q(1) open, since (1 - r) q(0) + r q(1) = claim says nothing about it at r = 0."""
    with pytest.raises(InvalidProof) as failure:
        next_layer_claim(PlanChannel(), Hidden(), Hidden(), Hidden(), ZERO, ONE)
    assert failure.value.check == "lookup layer"


class RiggedKeys(Transcript):
    """alpha, the first challenge, is the key row + beta^2 of a row of the range table, whose tag is 1."""

    def __init__(self, row: int) -> None:
        super().__init__(b"p", b"s", b"i")
        self._row = row
        self._first: list[tuple[int, int]] = []

    def challenge(self) -> tuple[int, int]:
        if len(self._first) == 2:
            return super().challenge()
        if not self._first:
            drawn = super().challenge()
            self._first.append(drawn)
            return (K(*drawn) * K(*drawn) + K(self._row)).pair
        self._first.append(self._first[0])
        return self._first[0]


def test_a_zero_denominator_is_rejected_at_the_root(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """alpha follows the commitments, so no prover can aim a denominator at zero; here the challenge is rigged.

    Two leaves of denominator zero make the root 0 / 0, and so does one with the numerator zero. Any ratio r satisfies
    0 = r * 0, so that the sum could be anything: what stands in the way is d * inverse = 1. Here a row of the table is
    said to be looked up never, and the last ratio is what makes the sum of all zero.
    """
    declared = declare(bias=False)
    columns = columns_of(declared, data, descend(declared, data))
    (table,) = (t for t in tables_of(declared) if t.name == RANGE)
    row = int(columns[table.multiplicity][0].argmax())
    message, ratios, without = prover_lookup._root_message, [], []

    def root_message(numerator: K, denominator: K) -> list[K]:
        if denominator:
            sent = message(numerator, denominator)
        else:
            without.append(numerator)
            sent = [ZERO, ZERO, ZERO, -sum(ratios, ZERO)]
        ratios.append(sent[3])
        return sent

    monkeypatch.setattr(prover_lookup, "_root_message", root_message)
    lying = changed(columns, table.multiplicity, (0, row), 0)
    outcome = prove(declared.shape, lying, with_transcript=RiggedKeys(row))
    assert outcome.verdict(RiggedKeys(row)) == "constraints"
    assert without[1:] and not any(without), "0 / 0 in a tree of lookups, and in the table's, which is the last one"
    assert outcome.prover.lies == {"lookup root"} and sum(ratios, ZERO) == ZERO
