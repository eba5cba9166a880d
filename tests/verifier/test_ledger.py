"""The ledger alone: equations between masked values, settled on a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zkunlearn.circuits.field.goldilocks import ONE, ZERO, K, P, kscalar
from zkunlearn.circuits.language.hidden import Hidden, HiddenProgram, Product, evaluate_constraint, linear, public
from zkunlearn.errors import InvalidProof, ZkUnlearnError
from zkunlearn.prover.protocol import ledger as prover_ledger
from zkunlearn.prover.protocol.channel import ProverChannel
from zkunlearn.prover.protocol.ledger import Ledger, draw_ledger, prove_ledger, violated
from zkunlearn.verifier.protocol import ledger as verifier_ledger
from zkunlearn.verifier.protocol.channel import EXTENSION_BYTES, FIELD_BYTES, VerifierChannel
from zkunlearn.verifier.protocol.code import evaluate_rows
from zkunlearn.verifier.protocol.ledger import LedgerShape, own_code, verify_ledger
from zkunlearn.verifier.protocol.transcript import Transcript

elements = st.one_of(st.sampled_from([0, 1, P - 1, 2**32]), st.integers(0, P - 1))
scalars = st.builds(K, elements, elements)
Equations = Callable[[HiddenProgram, Sequence[Hidden]], None]
VALUES = [K(3), K(5, 1), K(3) * K(5, 1), K(7), K(P - 1, 9)]


def transcript() -> Transcript:
    return Transcript(b"ledger", b"test", b"")


def shape_of(entries: int) -> LedgerShape:
    return LedgerShape(entries, own_code(entries), "ledger", 0)


def product_equation(program: HiddenProgram, h: Sequence[Hidden]) -> None:
    """h0 h1 = h2, by way of named nodes, and 2 h3 - 14 = 0."""
    left = program.name(h[0] + h[3] - h[3] + public(ONE))
    program.require_zero("product", -h[2] - h[1], [Product(ONE, left, h[1])])
    program.require_zero("linear", h[3] * 2 - K(14))


def settle(equations: Equations, values: Sequence[K]) -> tuple[bytes, list[str], Ledger]:
    """A proof of nothing but equations on masked values."""
    ledger = draw_ledger(shape_of(len(values)))
    channel = ProverChannel(transcript())
    channel.use_pads(ledger.pads())
    equations(channel.program, channel.send(values))
    prove_ledger(channel, ledger)
    return bytes(channel.proof), violated(channel.program, channel.values), ledger


def check(equations: Equations, proof: bytes, count: int, entries: int | None = None) -> VerifierChannel:
    channel = VerifierChannel(transcript(), proof)
    equations(channel.program, channel.hidden(count))
    verify_ledger(channel, shape_of(entries or count))
    channel.reader.finish()
    return channel


def test_true_equations_are_accepted() -> None:
    proof, lies, _ = settle(product_equation, VALUES)
    assert lies == []
    check(product_equation, proof, len(VALUES))


@pytest.mark.parametrize(("place", "name"), [(0, "product"), (1, "product"), (2, "product"), (3, "linear")])
@pytest.mark.parametrize("change", [ONE, K(0, 1), K(P - 1, P - 1)], ids=repr)
def test_a_false_equation_is_rejected(place: int, name: str, change: K) -> None:
    values = list(VALUES)
    values[place] = values[place] + change
    proof, lies, _ = settle(product_equation, values)
    assert lies == [name]
    with pytest.raises(InvalidProof) as caught:
        check(product_equation, proof, len(values))
    assert caught.value.check == "constraints"


def opposite(program: HiddenProgram, h: Sequence[Hidden]) -> None:
    """h0 - 1 = 0 and 1 - h0 = 0."""
    program.require_zero("plus", h[0] - ONE)
    program.require_zero("minus", -h[0] + ONE)


def test_two_false_equations_cancel_under_weights_known_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were chi_0 = 1 and all others too, or anything that is known when values are masked, lies could add up to 0."""
    for side in (verifier_ledger, prover_ledger):
        monkeypatch.setattr(side, "draw_constraint_weights", lambda channel, program: [ONE] * len(program.constraints))
    proof, lies, _ = settle(opposite, [K(2)])
    assert lies == ["plus", "minus"]
    check(opposite, proof, 1)


def test_two_false_equations_do_not_cancel() -> None:
    """Weights are drawn for each constraint, after the last masked value."""
    proof, lies, _ = settle(opposite, [K(2)])
    assert lies == ["plus", "minus"]
    with pytest.raises(InvalidProof, match="constraints"):
        check(opposite, proof, 1)


@pytest.mark.parametrize("place", ["masked value", "M0", "M1", "first pad", "last pad"])
def test_an_altered_message_is_rejected(place: str) -> None:
    proof, _, ledger = settle(product_equation, VALUES)
    values = EXTENSION_BYTES * len(VALUES)
    y = values + 2 * EXTENSION_BYTES
    last_pad = y + FIELD_BYTES * len(VALUES)
    offset = {"masked value": 0, "M0": values, "M1": values + 16, "first pad": y, "last pad": last_pad}[place]
    altered = proof[:offset] + bytes([proof[offset] ^ 1]) + proof[offset + 1 :]
    assert len(proof) == y + EXTENSION_BYTES * ledger.shape.length
    with pytest.raises(InvalidProof) as caught:
        check(product_equation, altered, len(VALUES))
    assert caught.value.check == "constraints"


def test_y_is_on_the_line_of_both_pad_rows() -> None:
    """k = eps s - y = eps h - kappa', entry by entry."""
    proof, _, ledger = settle(product_equation, VALUES)
    channel = VerifierChannel(transcript(), proof)
    product_equation(channel.program, channel.hidden(len(VALUES)))
    opened = verify_ledger(channel, shape_of(len(VALUES)))
    for i, (s, h) in enumerate(zip(channel.masked, VALUES, strict=True)):
        k = opened.epsilon * s - kscalar(opened.y[:, i])
        assert k == opened.epsilon * h - kscalar(ledger.kappa_prime[:, i])
    points = np.array([2, 3, P - 1], dtype=np.uint64)
    cells = evaluate_rows(ledger.rows, points).T
    opened.require_codeword(points, cells)
    cells[1, 3] ^= np.uint64(1)
    with pytest.raises(InvalidProof, match="codeword of ledger"):
        opened.require_codeword(points, cells)


@pytest.mark.parametrize("entries", [4, 6])
def test_a_ledger_of_another_length_is_rejected(entries: int) -> None:
    proof, _, _ = settle(product_equation, VALUES)
    with pytest.raises(InvalidProof) as caught:
        check(product_equation, proof + bytes(EXTENSION_BYTES), len(VALUES), entries)
    assert caught.value.check == "ledger length"


def test_the_prover_refuses_to_use_more_or_fewer_pads() -> None:
    ledger = draw_ledger(shape_of(3))
    channel = ProverChannel(transcript())
    channel.use_pads(ledger.pads())
    channel.send([ONE, ONE])
    with pytest.raises(ZkUnlearnError, match="2 pads used of 3"):
        prove_ledger(channel, ledger)
    with pytest.raises(ZkUnlearnError, match="no pads left"):
        channel.send([ONE, ONE])


def test_pads_are_fresh() -> None:
    first, second = (draw_ledger(shape_of(5)) for _ in range(2))
    assert not {pad.pair for pad in first.pads()} & {pad.pair for pad in second.pads()}
    assert not set(first.rows.reshape(-1).tolist()) & set(second.rows.reshape(-1).tolist())


@settings(max_examples=40, deadline=None)
@given(st.lists(scalars, min_size=4, max_size=4), st.lists(scalars, min_size=4, max_size=4), scalars, scalars)
def test_a_constraint_on_the_line_is_its_value_times_the_square_of_eps(
    h: list[K], pads: list[K], coefficient: K, constant: K
) -> None:
    """q(k, k) + eps l(k) + eps^2 c - eps^2 f(h) has degree one in eps: three points decide."""
    program = HiddenProgram()
    a, b, c, d = (program.entry() for _ in range(4))
    named = program.name(linear([(coefficient, a), (ONE, b), (ONE, public(constant))]))
    program.require_zero("any", c - d * constant + constant, [Product(coefficient, named, d), Product(ONE, a, named)])
    (constraint,) = program.constraints

    def rest(eps: K) -> K:
        k = [eps * value - pad for value, pad in zip(h, pads, strict=True)]
        value = evaluate_constraint(constraint, program.assign(h, ONE), ONE)
        return evaluate_constraint(constraint, program.assign(k, eps), eps) - eps * eps * value

    zero, one, two = (rest(K(i)) for i in range(3))
    assert two - one * 2 + zero == ZERO


def test_names_shorten_expressions_and_keep_values() -> None:
    program = HiddenProgram()
    a, b = program.entry(), program.entry()
    named: Any = program.name(a + b * K(2) + K(3))
    assert len(named.terms) == 1 and program.entries == 2
    assert program.assign([K(10), K(20)], ONE)[named.terms[0][1]] == K(53)
    assert program.name(a * 5) == a * 5
