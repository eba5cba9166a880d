"""The sumcheck alone, on hidden values: what it accepts is the sum, and each false message has its equation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zkunlearn.circuits.field.goldilocks import ONE, ZERO, K, P, kscalar, kvector
from zkunlearn.circuits.field.multilinear import evaluate as evaluate_vector
from zkunlearn.circuits.field.multilinear import kevaluate
from zkunlearn.circuits.language.hidden import Hidden, evaluate, public
from zkunlearn.circuits.language.layout import Address, Axis
from zkunlearn.circuits.language.relation import Factor, PublicVector, Sum, Term, variables
from zkunlearn.errors import ParameterError
from zkunlearn.prover.matrices.values import Columns
from zkunlearn.prover.protocol.channel import ProverChannel
from zkunlearn.prover.protocol.ledger import violated
from zkunlearn.prover.protocol.sumcheck import prove_sum, sum_value
from zkunlearn.verifier.protocol.channel import PlanChannel, VerifierChannel
from zkunlearn.verifier.protocol.sumcheck import bound_point, next_claim, verify_sum
from zkunlearn.verifier.protocol.transcript import Transcript

elements = st.one_of(st.sampled_from([0, 1, P - 1, 2**32]), st.integers(0, P - 1))
scalars = st.builds(K, elements, elements)
quick = settings(max_examples=20, deadline=None)
A, B, D = (Address("m", name) for name in "abd")


def transcript() -> Transcript:
    return Transcript(b"sumcheck", b"test", b"")


def public_vector(values: Any) -> PublicVector:
    return PublicVector(lambda: values, lambda x: kevaluate(values, x))


def instance(sizes: tuple[int, int], factors: int, seed: int) -> tuple[Sum, Columns, K]:
    """sum over (x, y) of weight * (3 a + constant) [* b [* (5 d - b)]], and its value by the definition."""
    rng = np.random.default_rng(seed)

    def numbers(*shape: int) -> Any:
        return rng.integers(0, P, shape, dtype=np.uint64)

    axes = dict.fromkeys((A, B, D), (Axis("x", sizes[0]), Axis("y", sizes[1])))
    values = {column: numbers(*sizes) for column in axes}
    weight, constant = numbers(2, *sizes), numbers(2, *sizes)
    bits = tuple(axis.bits for axis in axes[A])
    x, y = variables(0, bits[0]), variables(*bits)
    first = Factor((Term(K(3), A, {"x": x, "y": y}),), padded(constant, bits))
    second = Factor((Term(ONE, B, {"x": x, "y": y}),))
    third = Factor((Term(K(5), D, {"x": x, "y": y}), Term(-ONE, B, {"x": x, "y": y})))
    statement = Sum("test", bits, padded(weight, bits), (first, second, third)[:factors])
    total = ZERO
    for i in range(sizes[0]):
        for j in range(sizes[1]):
            value = kscalar(weight[:, i, j]) * (K(3) * int(values[A][i, j]) + kscalar(constant[:, i, j]))
            b, d = int(values[B][i, j]), int(values[D][i, j])
            total = total + value * (1, b, b * (5 * d - b))[factors - 1]
    return statement, Columns(axes, values), total


def padded(values: Any, bits: Sequence[int]) -> PublicVector:
    """The public vector of a real prefix box."""
    full = np.pad(values, [(0, 0), *((0, (1 << b) - n) for b, n in zip(bits, values.shape[1:], strict=True))])
    return PublicVector(lambda: values, lambda x: kevaluate(full.reshape(2, -1), x))


def proved(statement: Sum, columns: Columns, claim: K, alter: int | None = None) -> tuple[ProverChannel, Any]:
    """One sumcheck with pads of zero: hidden values in clear."""
    channel = ProverChannel(transcript())
    channel.use_pads([ZERO] * 200)
    if alter is not None:
        send, count = channel.send, iter(range(1000))
        channel.send = lambda values: send([values[0] + ONE if next(count) == alter else values[0], *values[1:]])
    result = prove_sum(channel, statement, public(claim), columns)
    return channel, result


SIZES = [(1, 1), (1, 5), (4, 4), (3, 5), (6, 1)]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("factors", [1, 2, 3])
def test_a_true_sum_leaves_true_claims(sizes: tuple[int, int], factors: int) -> None:
    statement, columns, total = instance(sizes, factors, seed=1)
    channel, result = proved(statement, columns, total)
    assert violated(channel.program, channel.values) == []
    values = channel.program.assign(channel.values, ONE)
    for factor, hidden in zip(statement.factors, result.values, strict=True):
        for term, value in zip(factor.terms, hidden, strict=True):
            at = bound_point(term, result.point)
            flat = tuple(c for axis in columns.axes[term.column] for c in at[axis.name])
            axes = columns.axes[term.column]
            values_of: Any = columns.values[term.column]
            full = np.pad(values_of, [(0, (1 << a.bits) - a.size) for a in axes]).reshape(-1)
            assert evaluate(value, values, ONE) == evaluate_vector(full, flat)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("factors", [1, 2, 3])
def test_a_false_claim_violates_the_summand(sizes: tuple[int, int], factors: int) -> None:
    statement, columns, total = instance(sizes, factors, seed=2)
    channel, _ = proved(statement, columns, total + K(0, 1))
    assert violated(channel.program, channel.values) == ["test"]


@pytest.mark.parametrize("factors", [1, 2])
def test_a_false_message_in_any_round_violates_the_summand(factors: int) -> None:
    statement, columns, total = instance((3, 5), factors, seed=3)
    for message in range(statement.variables + factors):
        channel, _ = proved(statement, columns, total, alter=message)
        assert violated(channel.program, channel.values) == ["test"], message


def test_a_false_message_of_three_factors_violates_the_summand_or_the_product_of_two() -> None:
    """Both constraints have the sum's name; what is sent last is the product of the first two factors."""
    statement, columns, total = instance((3, 5), 3, seed=3)
    rounds, factors = statement.variables, 3
    assert [broken(statement, columns, total, i) for i in range(rounds)] == [1] * rounds
    assert [broken(statement, columns, total, rounds + i) for i in range(factors)] == [1, 1, 1]
    assert broken(statement, columns, total, rounds + factors) == 2


def broken(statement: Sum, columns: Columns, total: K, message: int) -> int:
    """How many constraints do not hold when one message is altered."""
    channel, _ = proved(statement, columns, total, alter=message)
    checks = violated(channel.program, channel.values)
    assert set(checks) == {"test"}
    return len(checks)


@pytest.mark.parametrize("factors", [0, 4])
def test_sums_that_cannot_be_proved_are_refused(factors: int) -> None:
    statement, _, _ = instance((3, 5), 1, seed=3)
    with pytest.raises(ParameterError, match=f"the sum 'test' has {factors} factors, not 1 to 3"):
        replace(statement, factors=statement.factors * factors)


@pytest.mark.parametrize("factors", [1, 2, 3])
def test_the_value_of_a_sum_is_that_of_the_definition(factors: int) -> None:
    statement, columns, total = instance((3, 5), factors, seed=5)
    assert sum_value(statement, columns) == total


@pytest.mark.parametrize("factors", [1, 2, 3])
def test_prover_and_verifier_walk_alike(factors: int) -> None:
    statement, columns, total = instance((3, 5), factors, seed=4)
    channel, result = proved(statement, columns, total)
    verifier = VerifierChannel(transcript(), bytes(channel.proof))
    assert verify_sum(verifier, statement, public(total)) == result
    assert verifier.program == channel.program
    verifier.reader.finish()
    plan = PlanChannel()
    verify_sum(plan, statement, public(total))
    assert plan.program.entries == channel.program.entries
    assert [entry.error for entry in plan.rounds] == [1 + factors] * statement.variables


@quick
@given(st.integers(1, 4).flatmap(lambda d: st.lists(scalars, min_size=d + 1, max_size=d + 1)), scalars)
def test_a_round_interpolates_its_polynomial(coefficients: list[K], challenge: K) -> None:
    """Values at 0, 2, .., degree, and the one at 1 from the claim."""

    def polynomial(x: K) -> K:
        return sum((c * x**i for i, c in enumerate(coefficients)), ZERO)

    degree = len(coefficients) - 1
    sent = [public(polynomial(K(node))) for node in (0, *range(2, degree + 1))]
    claim: Hidden = public(polynomial(ZERO) + polynomial(ONE))
    assert next_claim(sent, claim, challenge).constant == polynomial(challenge)


def test_a_term_with_weights_is_no_claim_about_its_column() -> None:
    weights = public_vector(kvector([ONE, ONE]))
    assert bound_point(Term(ONE, A, {"x": weights, "y": variables(0, 1)}), (ONE,)) is None
    assert bound_point(Term(ONE, A, {"x": (K(5),), "y": variables(0, 1)}), (ONE,)) == {
        "x": (K(5),),
        "y": (ONE,),
    }
