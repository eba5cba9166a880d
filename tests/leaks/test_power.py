"""Provers that leak, and the statistic that sees each of them; their proofs are valid, so that no verifier does.

The data set is all zeros, which is where a missing pad shows: what it should hide is zero, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.prover.matrices import commitment as prover_commitment
from zkunlearn.prover.matrices.commitment import Secret
from zkunlearn.prover.matrices.entropy import random_field
from zkunlearn.prover.protocol import proof as prover_protocol
from zkunlearn.verifier.protocol.group import MASK_ROWS

from ..attacks import harness
from .families import VECTORS, Family, questions, quiet, real, witness_of
from .uniformity import ALPHA, places_uniform, same_places, without_repeats

PROOFS = 3
Patch = pytest.MonkeyPatch


@dataclass(frozen=True)
class Leak:
    """A flaw of the prover, and where it shows.

    Attributes:
        flaw: puts it into the prover.
        kind, statistic: what sees it.
    """

    name: str
    flaw: Callable[[Patch], None]
    kind: str
    statistic: str


def ledger(change: Callable[[Any], None]) -> Callable[[Patch], None]:
    """Other pads than drawn ones: `change` alters the ledger's four rows."""
    draw = prover_protocol.draw_ledger

    def changed(shape: Any) -> Any:
        drawn = draw(shape)
        change(drawn.rows)
        return drawn

    return lambda patch: patch.setattr(prover_protocol, "draw_ledger", changed)


def drawn(where: Callable[[tuple[int, ...]], bool], value: Callable[[Any], Any]) -> Callable[[Patch], None]:
    """Other masks, or tails of the witness: those of the shapes that `where` picks."""
    draw = prover_protocol.random_field

    def changed(*shape: int) -> Any:
        return value(draw(*shape)) if where(shape) else draw(*shape)

    return lambda patch: patch.setattr(prover_protocol, "random_field", changed)


def secret(change: Callable[[Secret], Secret]) -> Callable[[Patch], None]:
    """Other tails and salts of the data set."""
    fresh = harness.fresh_secret
    return lambda patch: patch.setattr(harness, "fresh_secret", lambda code, rows: change(fresh(code, rows)))


def salts(change: Callable[[Any], Any]) -> Callable[[Patch], None]:
    """Other salts of the trees made in a proof."""
    draw = prover_commitment.random_salts
    return lambda patch: patch.setattr(prover_commitment, "random_salts", lambda count: change(draw(count)))


def only_first() -> Callable[[Any], Any]:
    """What was drawn first, ever again."""
    kept: dict[tuple[int, ...], Any] = {}
    return lambda array: kept.setdefault(array.shape, array.copy())


FIRST_PADS, FIRST_TAILS = only_first(), only_first()


def assign(rows: Any, source: Any) -> None:
    rows[:] = source


def is_mask(shape: tuple[int, ...]) -> bool:
    return shape[0] == MASK_ROWS


MESSAGES, PADS, SALTS = "a masked message", "the columns of witness", "the salts of witness"
SALTS_OF_FEW = "the salts of dataset mask"  # of its 2,016 columns two proofs open some again but once in 10^10 runs
LEAKS = [
    Leak("no pads", ledger(lambda rows: assign(rows[:2], 0)), MESSAGES, "bytes"),
    Leak("one pad for all", ledger(lambda rows: assign(rows[:2], rows[:2, :1].copy())), MESSAGES, "repeats"),
    Leak("one proof's pads in all", ledger(lambda rows: assign(rows[:2], FIRST_PADS(rows[:2]))), MESSAGES, "repeats"),
    Leak("pads of 32 bits", ledger(lambda rows: assign(rows[:2], rows[:2] >> 32)), MESSAGES, "bytes"),
    Leak("no kappa'", ledger(lambda rows: assign(rows[2:], 0)), PADS, "bytes"),
    Leak("kappa for kappa'", ledger(lambda rows: assign(rows[2:], rows[:2])), PADS, "repeats"),
    Leak("no masks", drawn(is_mask, np.zeros_like), "the columns of dataset mask", "bytes"),
    Leak("no masks, in y", drawn(is_mask, np.zeros_like), VECTORS, "bytes"),
    Leak("masks of 63 bits, in y", drawn(is_mask, lambda mask: mask >> 1), VECTORS, "elements"),
    Leak("one mask for all proofs", drawn(is_mask, only_first()), "the columns of dataset mask", "repeats"),
    Leak("no tails of the witness", drawn(lambda s: not is_mask(s), np.zeros_like), PADS, "repeats"),
    Leak(
        "no tails of the data set",
        secret(lambda s: replace(s, tails=np.zeros_like(s.tails))), "the columns of dataset", "repeats",
    ),
    Leak(
        "one tail for all proofs",
        secret(lambda s: replace(s, tails=FIRST_TAILS(s.tails))), "the columns of dataset", "repeats",
    ),
    Leak("constant salts", salts(np.ones_like), SALTS, "bytes"),
    Leak("salts of one proof in all", salts(only_first()), SALTS_OF_FEW, "repeats"),
    Leak("salts without a bit", salts(lambda s: s & np.uint8(0x7F)), SALTS, "bits"),
    Leak(
        "constant salts of the data set",
        secret(lambda s: replace(s, salts=np.ones_like(s.salts))), "the salts of dataset", "repeats",
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def statement() -> tuple[Any, Any]:
    return witness_of("alone", quiet(harness.ROWS))


@pytest.mark.slow
@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: leak.name)
def test_a_leak_is_seen_by_its_statistic(
    leak: Leak, statement: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`real` verifies the first proof: it is valid, and leaks."""
    leak.flaw(monkeypatch)
    family = real(*statement, PROOFS)
    assert questions(family, leak.kind)[leak.statistic] < ALPHA


@pytest.fixture(scope="module")
def honest(statement: tuple[Any, Any]) -> Family:
    return real(*statement, PROOFS)


@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: leak.name)
def test_the_same_statistic_passes_an_honest_prover(leak: Leak, honest: Family) -> None:
    assert questions(honest, leak.kind)[leak.statistic] >= ALPHA


# What no prover here does: planted in uniform words -------------------------------------------------------------------


def uniform(proofs: int, width: int = 50) -> Any:
    return random_field(proofs, width)


def test_a_bit_that_is_constant_at_one_place_is_seen_over_many_proofs() -> None:
    words = uniform(100)
    assert places_uniform(words) >= ALPHA
    words[:, 17] |= np.uint64(1 << 40)
    assert places_uniform(words) < ALPHA


@pytest.mark.parametrize(("count", "planted"), [(2, 1), (1000, 1), (3_000_000, 2)])
def test_words_that_are_drawn_again_are_seen_however_many_there_are(count: int, planted: int) -> None:
    """Among millions, one may be chance."""
    words = uniform(1, count)
    assert without_repeats(words) >= ALPHA
    words[0, -planted:] = words[0, :planted]
    assert without_repeats(words) < ALPHA


def test_a_place_that_depends_on_the_data_set_is_seen_between_families() -> None:
    first, second = uniform(100), uniform(100)
    assert same_places(first, second) >= ALPHA
    second[:, 17] >>= np.uint64(2)
    assert same_places(first, second) < ALPHA


@pytest.mark.parametrize(
    ("statistic", "change"),
    [
        ("elements of a class", lambda words: words[:, 1::2] >> 1),
        ("differences", lambda words: words[:, ::2] + np.uint64(1 << 20)),
    ],
)
def test_what_only_some_elements_have_is_seen(statistic: str, change: Callable[[Any], Any], honest: Family) -> None:
    """Every second element of a message is smaller, or near the one before it."""
    proofs = []
    for proof in honest.proofs:
        data = bytearray(proof)
        where = [s for s in honest.where if s.what == MESSAGES]
        for section in where:
            words = np.frombuffer(bytes(data[section.start : section.end]), "<u8").reshape(1, -1).copy()
            words[:, 1::2] = change(words)
            data[section.start : section.end] = words.tobytes()
        proofs.append(bytes(data))
    assert questions(replace(honest, proofs=proofs), MESSAGES)[statistic] < ALPHA
