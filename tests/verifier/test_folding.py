"""The folding of public vectors, alone: claims about them that hold are accepted, all others rejected."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zkunlearn.circuits.field.goldilocks import ONE, K, P, Vector, add, kadd, kdot, kscalar, mul
from zkunlearn.circuits.field.multilinear import Point, eq_table, kevaluate
from zkunlearn.errors import InvalidProof
from zkunlearn.prover.matrices.entropy import random_field
from zkunlearn.prover.protocol import folding as prover_folding
from zkunlearn.prover.protocol.channel import ProverChannel
from zkunlearn.prover.protocol.folding import prove_folding, send_vectors, stack_weights
from zkunlearn.verifier.protocol.channel import PlanChannel, VerifierChannel
from zkunlearn.verifier.protocol.code import evaluate_rows
from zkunlearn.verifier.protocol.folding import (
    Claims,
    Stack,
    folded_bytes,
    receive_vectors,
    stacks,
    verify_folding,
    weight_at,
)
from zkunlearn.verifier.protocol.transcript import Transcript

from ..words import Words

CELL_BITS, QUERIES = (5, 3), 9
TWO_LEVELS = (Stack(1, (400, 70), 6), Stack(2, (64,), 4))
ONE_LEVEL, NO_LEVEL = TWO_LEVELS[:1], ()
CHAINS = {"two levels": TWO_LEVELS, "one level": ONE_LEVEL, "in clear": NO_LEVEL}
LENGTHS = TWO_LEVELS[0].lengths


def transcript() -> Transcript:
    return Transcript(b"folding", b"test", b"")


def scalar(rng: random.Random) -> K:
    return K(rng.randrange(P), rng.randrange(P))


def true_claims(vectors: Sequence[Vector], seed: int = 0) -> list[Claims]:
    """One inner product and some values of each vector."""
    rng, claims = random.Random(seed), []
    for vector, bits in zip(vectors, CELL_BITS, strict=True):
        point = tuple(scalar(rng) for _ in range(bits))
        points = np.array([rng.randrange(P) for _ in range(QUERIES)], dtype=np.uint64)
        claims.append(Claims(point, kevaluate(vector[:, : 1 << bits], point), points, evaluate_rows(vector, points)))
    return claims


@dataclass(frozen=True)
class Proved:
    """What was sent, and the claims as the verifier has them."""

    chain: tuple[Stack, ...]
    claims: list[Claims]
    proof: bytes

    def verdict(self, proof: bytes | None = None, claims: Sequence[Claims] | None = None) -> str:
        channel = VerifierChannel(transcript(), self.proof if proof is None else proof)
        try:
            sent = receive_vectors(channel, LENGTHS, self.chain)
            verify_folding(channel, self.chain, sent, self.claims if claims is None else claims)
            channel.reader.finish()
        except InvalidProof as error:
            return error.check
        return "valid"


def prove(chain: tuple[Stack, ...], vectors: Sequence[Vector], claims: list[Claims]) -> Proved:
    channel = ProverChannel(transcript())
    prove_folding(channel, chain, send_vectors(channel, vectors, chain), claims)
    return Proved(chain, claims, bytes(channel.proof))


@pytest.fixture(scope="module")
def vectors() -> list[Vector]:
    return [random_field(2, length) for length in LENGTHS]


@pytest.mark.parametrize("name", CHAINS)
def test_true_claims_are_accepted(vectors: list[Vector], name: str) -> None:
    proved = prove(CHAINS[name], vectors, true_claims(vectors))
    assert proved.verdict() == "valid"
    assert len(proved.proof) == folded_bytes(LENGTHS, CHAINS[name])
    plan = PlanChannel()
    verify_folding(plan, CHAINS[name], receive_vectors(plan, LENGTHS, CHAINS[name]), proved.claims)
    assert plan.proof_bytes == len(proved.proof)


def other_claims(claims: list[Claims]) -> dict[str, list[Claims]]:
    """One thing claimed otherwise, of each kind and about each vector."""
    result = {}
    for i, about in enumerate(claims):
        values = about.values.copy()
        values[1, 4] = add(values[1, 4:5], np.ones(1, dtype=np.uint64))[0]
        for kind, lie in {
            "inner product": replace(about, inner=about.inner + K(0, 1)),
            "codeword": replace(about, values=values),
        }.items():
            result[f"{kind} of {i}"] = [lie if j == i else other for j, other in enumerate(claims)]
    return result


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("lie", ["inner product of 0", "inner product of 1", "codeword of 0", "codeword of 1"])
def test_a_false_claim_is_rejected(vectors: list[Vector], name: str, lie: str) -> None:
    """Whether the prover knows of it, or the verifier found something else in the columns."""
    claims = true_claims(vectors)
    false = other_claims(claims)[lie]
    check = "folding" if CHAINS[name] else lie.split(" of ")[0]
    assert prove(CHAINS[name], vectors, false).verdict() == check
    assert prove(CHAINS[name], vectors, claims).verdict(claims=false) == check


def test_two_false_claims_do_not_cancel(vectors: list[Vector]) -> None:
    """Errors of opposite sign would, if all claims had one weight."""
    first, second = true_claims(vectors)
    false = [replace(first, inner=first.inner + ONE), replace(second, inner=second.inner - ONE)]
    assert prove(ONE_LEVEL, vectors, false).verdict() == "folding"


def test_vectors_of_other_values_than_the_claims_are_rejected(vectors: list[Vector]) -> None:
    """One coefficient of what is committed differs, in the first or in the last row of a vector."""
    claims = true_claims(vectors)
    for which, place in ((0, 0), (0, 399), (1, 0), (1, 69)):
        other = [vector.copy() for vector in vectors]
        other[which][0, place] ^= np.uint64(1)
        assert prove(TWO_LEVELS, other, claims).verdict() == "folding"


def test_cells_past_a_vector_have_no_weight(vectors: list[Vector]) -> None:
    """Junk in the rest of a vector's last row changes nothing, and is no coefficient of it."""
    claims, (stack,) = true_claims(vectors), ONE_LEVEL
    filled = [np.concatenate([v, random_field(2, -v.shape[1] % 64)], axis=1) for v in vectors]
    channel = ProverChannel(transcript())
    sent = send_vectors(channel, filled, ONE_LEVEL)
    assert [v.shape[1] for v in filled] == [64 * count for count in stack.rows_of]
    prove_folding(channel, ONE_LEVEL, sent, claims)
    assert Proved(ONE_LEVEL, claims, bytes(channel.proof)).verdict() == "valid"

    # A vector that is longer than it says: values of the polynomial with all 128 coefficients are not accepted.
    longer = replace(claims[1], values=evaluate_rows(filled[1], claims[1].points))
    assert not np.array_equal(longer.values, claims[1].values)
    assert Proved(ONE_LEVEL, claims, bytes(channel.proof)).verdict(claims=[claims[0], longer]) == "folding"


@pytest.mark.parametrize("name", ["two levels", "one level"])
def test_an_altered_message_is_rejected_by_its_check(vectors: list[Vector], name: str) -> None:
    proved = prove(CHAINS[name], vectors, true_claims(vectors))
    for what, start, end in parts(proved):
        expected = {
            "root 1": "folding",
            "rounds": "folding",
            "value": "folding",
            "root 2": "proof of work",
            "last vector": "proof of work",
            "nonce": "proof of work",
            "cap": "merkle cap",
            "cells": "merkle path",
            "paths": "merkle path",
        }[what.split(" of ")[0]]
        for place in (start, (start + end) // 2 // 8 * 8, end - 8):
            altered = proved.proof[:place] + bytes([proved.proof[place] ^ 1]) + proved.proof[place + 1 :]
            assert proved.verdict(altered) == expected, (what, place)


def parts(proved: Proved) -> list[tuple[str, int, int]]:
    """The messages of a proof in order, with their places; see docs/protocol.md, "Folding"."""
    found, at = [("root 1", 0, 32)], 32

    def next_part(what: str, size: int) -> None:
        nonlocal at
        if size:  # a small tree is all cap
            found.append((what, at, at + size))
        at += size

    for i, stack in enumerate(proved.chain):
        next_part(f"rounds of {i}", 32 * (stack.index_bits + stack.row_bits))
        next_part(f"value of {i}", 16)
        last = i == len(proved.chain) - 1
        next_part("last vector" if last else "root 2", 16 << stack.row_bits if last else 32)
        next_part(f"nonce of {i}", 7)
        tree = stack.tree
        next_part(f"cap of {i}", tree.cap.cap_bytes)
        next_part(f"cells of {i}", 8 * tree.rows * tree.code.queries)
        next_part(f"paths of {i}", tree.cap.paths_bytes)
    assert at == len(proved.proof)
    return found


# A folded vector that is another one ---------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("repaired", [False, True])
def test_a_folded_vector_that_is_another_one_is_rejected(
    vectors: list[Vector], level: int, repaired: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """y' + delta in the place of y': the columns tell, and the inner product where nothing is done about it."""
    honest, seen = prover_folding.send_vectors, []

    def send(channel: Any, given: Sequence[Vector], chain: Sequence[Stack]) -> Any:
        seen.append(given)
        if len(seen) == level + 1:
            delta = np.zeros_like(given[0])
            delta[0, 3] = 1
            given = [kadd(given[0], delta)]
        return honest(channel, given, chain)

    channel = ProverChannel(transcript())
    claims = true_claims(vectors)
    sent = honest(channel, vectors, TWO_LEVELS)
    monkeypatch.setattr(prover_folding, "send_vectors", send)
    if repaired:  # with the value that goes with the other vector, the sum of the claims is another one
        monkeypatch.setattr(prover_folding, "kscalar", lambda pair: K(int(pair[0]), int(pair[1])) + ONE)
    prove_folding(channel, TWO_LEVELS, sent, claims)
    verdict = Proved(TWO_LEVELS, claims, bytes(channel.proof)).verdict()
    assert verdict == ("folding" if repaired or level == 0 else "inner product")


def test_a_last_vector_with_the_right_inner_product_is_rejected_by_its_codeword(
    vectors: list[Vector], monkeypatch: pytest.MonkeyPatch
) -> None:
    """delta orthogonal to eq(s): only the columns notice."""
    honest = prover_folding.send_vectors
    claims, channel = true_claims(vectors), ProverChannel(transcript())
    sent, points = honest(channel, vectors, ONE_LEVEL), []
    draw = channel.challenge

    def challenge(label: str, error: int) -> K:
        points.append(draw(label, error))
        return points[-1]

    def send(channel: Any, given: Sequence[Vector], chain: Sequence[Stack]) -> Any:
        at = eq_table(tuple(points[-ONE_LEVEL[0].row_bits :]))
        delta = np.zeros_like(given[0])
        first, second = kscalar(at[:, 1]), -kscalar(at[:, 0])
        delta[:, 0], delta[:, 1] = first.pair, second.pair
        assert kdot(delta, at) == K(0)
        return honest(channel, [kadd(given[0], delta)], chain)

    channel.challenge = challenge  # type: ignore[method-assign]
    monkeypatch.setattr(prover_folding, "send_vectors", send)
    prove_folding(channel, ONE_LEVEL, sent, claims)
    assert Proved(ONE_LEVEL, claims, bytes(channel.proof)).verdict() == "codeword"


def test_columns_of_another_stack_are_rejected(vectors: list[Vector], monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that are no codewords: what is opened is committed, but not what was folded."""
    channel, claims = ProverChannel(transcript()), true_claims(vectors)
    honest = prover_folding.commit_plain

    def commit_plain(code: Any, rows: Vector) -> Any:
        return Words(honest(code, rows), lambda words: add(words, random_field(*words.shape)))

    monkeypatch.setattr(prover_folding, "commit_plain", commit_plain)
    sent = send_vectors(channel, vectors, ONE_LEVEL)
    prove_folding(channel, ONE_LEVEL, sent, claims)
    assert Proved(ONE_LEVEL, claims, bytes(channel.proof)).verdict() == "codeword"


# Weights -------------------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=3), st.integers(1, 5), st.integers(0, 2**32))
def test_weights_at_a_point_are_the_extension_of_their_table(lengths: list[int], row_bits: int, seed: int) -> None:
    """The verifier's closed form against the prover's table, and that against the definition."""
    rng = random.Random(seed)
    stack = Stack(1, tuple(lengths), row_bits)
    claims = []
    for length in lengths:
        bits = rng.randrange(length.bit_length())
        point = tuple(scalar(rng) for _ in range(bits))
        points = np.array([rng.randrange(1, P) for _ in range(3)], dtype=np.uint64)
        claims.append(Claims(point, K(0), points, np.zeros((2, 3), dtype=np.uint64)))
    rho = scalar(rng)
    table = stack_weights(stack, claims, rho)
    full = np.pad(table, [(0, 0), (0, (1 << stack.index_bits) - stack.rows), (0, 0)]).reshape(2, -1)
    at: Point = tuple(scalar(rng) for _ in range(stack.index_bits + row_bits))
    assert weight_at(stack, claims, rho, at) == kevaluate(full, at)

    power = ONE
    for length, span, about in zip(lengths, stack.spans, claims, strict=True):
        expected = np.zeros((2, (span.stop - span.start) << row_bits), dtype=np.uint64)
        at_cells = eq_table(about.cell_point)
        expected[:, : at_cells.shape[1]] = mulk(at_cells, power)
        for x in about.points.tolist():
            power = power * rho
            powers = [[pow(x, j, P) for j in range(length)], [0] * length]
            expected[:, :length] = kadd(expected[:, :length], mulk(np.array(powers, dtype=np.uint64), power))
        power = power * rho
        assert np.array_equal(table[:, span].reshape(2, -1), expected)


def mulk(vector: Vector, factor: K) -> Vector:
    """factor * vector."""
    a, b = np.uint64(factor.a), np.uint64(factor.b)
    seven = np.uint64(7)
    return np.stack([add(mul(vector[0], a), mul(mul(vector[1], b), seven)), add(mul(vector[0], b), mul(vector[1], a))])


# The chain -----------------------------------------------------------------------------------------------------------


def test_short_vectors_go_in_clear() -> None:
    assert stacks((600,)) == ()
    assert folded_bytes((600,), ()) == 9600


def price(lengths: tuple[int, ...], chain: Sequence[Stack]) -> int:
    """Bytes, 2^14 for each proof of work, and one for four positions."""
    return folded_bytes(lengths, chain) + sum((1 << 14) + stack.code.length // 4 for stack in chain)


@pytest.mark.parametrize("lengths", [(2000,), (12160, 664), (69504, 664), (266112, 1072)])
def test_a_chain_is_the_cheapest_of_its_neighbours(lengths: tuple[int, ...]) -> None:
    chain = stacks(lengths)
    best = price(lengths, chain)
    assert best <= 16 * sum(lengths)
    for i, stack in enumerate(chain):
        assert stack.lengths == (lengths if i == 0 else (1 << chain[i - 1].row_bits,))
        for row_bits in (stack.row_bits - 1, stack.row_bits + 1):
            other = replace(stack, row_bits=row_bits)
            changed = (*chain[:i], other, *stacks((1 << row_bits,), stack.level + 1))
            assert price(lengths, changed) >= best


def test_a_second_stack_is_made_only_where_it_saves_its_work() -> None:
    once, more = stacks((69504,)), stacks((266112,))
    assert (len(once), len(more)) == (1, 2)
    shorter = Stack(1, (69504,), 13), Stack(2, (1 << 13,), 10)
    assert folded_bytes((69504,), shorter) < folded_bytes((69504,), once)
