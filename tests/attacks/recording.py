"""Transcripts that remember, repeat or obey, and a map of a proof's bytes."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from zkunlearn.circuits.field.goldilocks import K, P, kscalar
from zkunlearn.circuits.language.hidden import evaluate_constraint
from zkunlearn.verifier.protocol import channel as verifier_channel
from zkunlearn.verifier.protocol import proof as verifier_protocol
from zkunlearn.verifier.protocol.channel import EXTENSION_BYTES, FIELD_BYTES, PlanChannel, VerifierChannel
from zkunlearn.verifier.protocol.ledger import draw_constraint_weights, draw_epsilon
from zkunlearn.verifier.protocol.merkle import DIGEST_BYTES
from zkunlearn.verifier.protocol.proof import ProofShape, walk
from zkunlearn.verifier.protocol.transcript import Transcript

from .harness import Outcome, transcript

KEPT = 16  # proofs whose logs and sections are remembered: the shared ones, and a few more


class Recorder(Transcript):
    """The real transcript, and a log of it: ("absorb", data), ("challenge", pair), ("indices", list)."""

    def __init__(self, instance: bytes = b"instance") -> None:
        self.log: list[tuple[str, Any]] = []
        super().__init__(b"zkunlearn attacks", b"session", instance)

    def absorb(self, data: bytes) -> None:
        self.log.append(("absorb", bytes(data)))
        super().absorb(data)

    def challenge(self) -> tuple[int, int]:
        self.log.append(("challenge", super().challenges(1)[0]))
        return self.log[-1][1]

    def indices(self, n: int, count: int) -> list[int]:
        self.log.append(("indices", super().indices(n, count)))
        return list(self.log[-1][1])

    def seed(self, count: int) -> bytes:
        self.log.append(("seed", super().seed(count)))
        return self.log[-1][1]

    def absorbed(self) -> list[bytes]:
        return [value for kind, value in self.log if kind == "absorb"]


class Replay(Transcript):
    """Gives the answers of a log, whatever it is told: what a protocol whose challenges are known would do."""

    def __init__(self, log: list[tuple[str, Any]], alter: Callable[[str, Any], Any] | None = None) -> None:
        super().__init__(b"", b"", b"")
        self._answers: Iterator[tuple[str, Any]] = iter([entry for entry in log if entry[0] != "absorb"])

    def _next(self, kind: str) -> Any:
        found, value = next(self._answers)
        assert found == kind
        return value

    def absorb(self, data: bytes) -> None:
        pass

    def challenge(self) -> tuple[int, int]:
        return self._next("challenge")

    def indices(self, n: int, count: int) -> list[int]:
        return list(self._next("indices"))

    def seed(self, count: int) -> bytes:
        return self._next("seed")


@lru_cache(KEPT)
def recorded(outcome: Outcome) -> list[tuple[str, Any]]:
    """The log of an accepting verification. The same list for all who ask: nobody alters it."""
    recorder = Recorder()
    outcome.check(recorder)
    return recorder.log


# The bytes of a proof --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Section:
    """One read of the verifier, in its own words."""

    what: str
    start: int
    end: int


@lru_cache(KEPT)
def sections(outcome: Outcome) -> list[Section]:
    """All reads of an accepting verification, in order. The same list for all who ask, too."""
    found: list[Section] = []

    class Noting(verifier_channel.ProofReader):
        def take(self, count: int, what: str) -> bytes:
            chunk = super().take(count, what)
            found.append(Section(what, self._position - count, self._position))
            return chunk

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifier_channel, "ProofReader", Noting)
        outcome.check()
    return found


def body_end(shape: ProofShape) -> int:
    """Where M0 stands: after the roots, the masked values, and what stands for the opening vectors."""
    plan = PlanChannel()
    walk(plan, shape)
    return DIGEST_BYTES * len(shape.new_roots) + plan.proof_bytes


def element_at(proof: bytes, offset: int) -> K:
    return K(*(int.from_bytes(proof[offset + i : offset + i + FIELD_BYTES], "little") for i in (0, FIELD_BYTES)))


def with_element(proof: bytes, offset: int, value: K) -> bytes:
    packed = b"".join(c.to_bytes(FIELD_BYTES, "little") for c in value.pair)
    return proof[:offset] + packed + proof[offset + EXTENSION_BYTES :]


def settled(shape: ProofShape, proof: bytes, with_transcript: Transcript) -> bytes:
    """The proof with the M0 that makes all constraints hold: easy for anyone who knows the challenges."""
    channel, _, epsilon, y, weights, m1 = read_to_settlement(shape, proof, with_transcript)
    k = [epsilon * s - kscalar(y[:, i]) for i, s in enumerate(channel.masked)]
    values = channel.program.assign(k, epsilon)
    total = kscalar(y[:, shape.ledger.entries]) - epsilon * m1
    for weight, constraint in zip(weights, channel.program.constraints, strict=True):
        total = total + weight * evaluate_constraint(constraint, values, epsilon)
    return with_element(proof, body_end(shape), total)


def read_to_settlement(shape: ProofShape, proof: bytes, with_transcript: Transcript) -> tuple[Any, ...]:
    """The verifier's own reading up to the ledger's y: channel, opened groups, eps, y, chi's, M1."""
    channel = VerifierChannel(with_transcript, proof)
    channel.transcript.absorb(shape.digest)
    for name in shape.new_roots:
        channel.data(DIGEST_BYTES, name)
    opened, _ = walk(channel, shape)
    weights = draw_constraint_weights(channel, channel.program)
    _, m1 = channel.elements(2, "the constraint masks")
    epsilon = draw_epsilon(channel)
    return channel, opened, epsilon, channel.vector(shape.ledger.length, "the ledger's vector"), weights, m1


# What passes, in words ----------------------------------------------------------------------------------------------


@contextmanager
def labelled(
    log: list[str], module: Any = verifier_protocol, name: str = "VerifierChannel", sites: bool = False
) -> Iterator[None]:
    """While active, channels of one side write what passes to `log`; on demand with the function that asked for it."""
    channel_class = getattr(module, name)

    class Telling(channel_class):  # type: ignore[misc, valid-type]
        def __init__(self, with_transcript: Transcript, *rest: Any) -> None:
            super().__init__(Teller(log, with_transcript, sites), *rest)

        def challenge(self, label: str, error: int) -> K:
            log.append(f"challenge {label}" + (site() if sites else ""))
            return super().challenge(label, error)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, Telling)
        yield


RELATIONS = ("gradient_descent", "validity", "recommitment", "growth")


def site() -> str:
    """The function that asked for it, and the part of a relation that this belongs to: ` < file.function < ..`."""
    frames = [frame for frame in traceback.extract_stack() if not frame.name.startswith("<")]
    asked = [frame for frame in frames if Path(frame.filename).stem not in ("recording", "channel")][-1]
    relations = [frame for frame in frames if Path(frame.filename).stem in RELATIONS]
    return "".join(f" < {Path(frame.filename).stem}.{frame.name}" for frame in [asked, *relations[-1:]])


class Teller:
    """A transcript that tells what it absorbs and which indices it draws."""

    def __init__(self, log: list[str], inner: Transcript, sites: bool) -> None:
        self._log, self._inner, self._sites = log, inner, sites

    def absorb(self, data: bytes) -> None:
        self._log.append(f"absorb {len(data)}" + (site() if self._sites else ""))
        self._inner.absorb(data)

    def challenge(self) -> tuple[int, int]:
        return self._inner.challenge()

    def indices(self, n: int, count: int) -> list[int]:
        self._log.append(f"indices {count} of {n}")
        return self._inner.indices(n, count)

    def seed(self, count: int) -> bytes:
        self._log.append(f"seed of {count}")
        return self._inner.seed(count)


def folded(lines: list[str], longest: int = 3) -> list[str]:
    """Lines with repetitions of up to `longest` lines written once: `3 x a; b`."""
    result, i = [], 0
    while i < len(lines):
        best, repeats = 1, 1
        for period in range(1, longest + 1):
            count = 1
            while lines[i : i + period] == lines[i + count * period : i + (count + 1) * period]:
                count += 1
            if count > 1 and count * period > best * repeats:
                best, repeats = period, count
        text = "; ".join(lines[i : i + best])
        result.append(f"{repeats} x {text}" if repeats > 1 else text)
        i += best * repeats
    return result


__all__ = [
    "P",
    "Recorder",
    "Replay",
    "Section",
    "body_end",
    "element_at",
    "folded",
    "labelled",
    "read_to_settlement",
    "recorded",
    "sections",
    "settled",
    "transcript",
    "with_element",
]
