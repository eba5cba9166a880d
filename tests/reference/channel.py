"""Transcript (section 4) and the three walks of a verifier: to count, to read, to settle (section 8)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from .field import ONE, ZERO, K, Refused, require
from .formats import encode, field_elements, sha256

SESSION = {
    "field": "p = 2^64 - 2^32 + 1, K = F[u] / (u^2 - 7)",
    "hashes": "SHA-256, SHAKE128",
    "inverse_rates": [4, 8],
    "queries": [118, 97],
    "work_bits": 20,
    "bind_order": "most significant variable first",
}


class Sponge:
    def __init__(self, session_id: bytes) -> None:
        self.state, self.used = hashlib.shake_128(session_id.ljust(168, b"\0")), 0

    def absorb(self, data: bytes) -> None:
        if data:
            self.state.update(data)
            self.used = 0

    def squeeze(self, n: int) -> bytes:
        self.used += n
        return self.state.digest(self.used)[self.used - n :]


def length_prefixed(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


class Transcript:
    def __init__(self, instance: bytes) -> None:
        sponge = Sponge(b"irtf-cfrg-fiat-shamir/session-id")
        sponge.absorb(length_prefixed(b"zkunlearn 3") + length_prefixed(encode(SESSION)))
        self.sponge = Sponge(sponge.squeeze(32))
        self.sponge.absorb(length_prefixed(instance))

    def integers(self, count: int) -> list[int]:
        data = self.sponge.squeeze(24 * count)
        return [int.from_bytes(data[i : i + 24], "little") for i in range(0, len(data), 24)]

    def challenge(self) -> K:
        return K(*self.integers(2))

    def indices(self, n: int, count: int) -> list[int]:
        known: set[int] = set()
        while len(known) < count:
            known.update(number % n for number in self.integers(count - len(known)))
        return sorted(known)


Linear = K
Constraint = tuple[Linear, list[tuple[K, K, K]]]  # f = linear + sum of coefficient * factor * factor


class Channel:
    """A walk that only counts. Whatever it says about values is not to be used.

    In every walk a constant c of a hidden expression is written c * `one`, and `zero` is one constraint; its function
    is called in the last walk only, where values are what they should be.
    """

    one = ONE

    def __init__(self) -> None:
        self.entries, self.clear_bytes, self.constraints = 0, 0, 0
        self.rounds: list[list[str | int]] = []  # label and error of each challenge

    def hidden(self, n: int) -> list[K]:
        """P -> V: masked values."""
        self.entries += n
        return [ONE] * n

    def clear(self, n: int) -> list[K]:
        """P -> V: elements of K in clear."""
        self.clear_bytes += 16 * n
        return [ONE] * n

    def vector(self, n: int) -> list[K]:
        """P -> V: a K vector in clear."""
        self.clear_bytes += 16 * n
        return []

    def root(self) -> bytes:
        """P -> V: the root of a stack."""
        self.clear_bytes += 32
        return b""

    def challenge(self, label: str, error: int = 1) -> K:
        """V -> P."""
        self.rounds.append([label, error])
        return K(2)

    def point(self, label: str, n: int) -> list[K]:
        return [self.challenge(label) for _ in range(n)]

    def zero(self, name: str, constraint: Callable[[], Constraint]) -> None:
        self.constraints += 1


class Read(Channel):
    """Reads a proof, absorbs it, draws challenges, and remembers all."""

    def __init__(self, transcript: Transcript, proof: bytes) -> None:
        super().__init__()
        self.transcript, self.proof, self.at = transcript, proof, 0
        self.masked: list[K] = []
        self.public: list[Any] = []  # what is sent in clear
        self.challenges: list[K] = []

    def take(self, n: int) -> bytes:
        require("proof length", n <= len(self.proof) - self.at)
        self.at += n
        data = self.proof[self.at - n : self.at]
        self.transcript.sponge.absorb(data)
        return data

    def hashes(self, n: int, size: int) -> list[bytes]:
        return [self.take(size) for _ in range(n)]

    def elements(self, n: int) -> list[K]:
        values = field_elements(self.take(16 * n))
        return [K(*values[i : i + 2]) for i in range(0, 2 * n, 2)]

    def whole(self, n: int) -> list[K]:
        """A K vector: coefficients a, then coefficients b."""
        values = field_elements(self.take(16 * n))
        return [K(a, b) for a, b in zip(values[:n], values[n:], strict=True)]

    def work(self) -> None:
        seed = self.transcript.sponge.squeeze(32)
        digest = sha256(b"zkunlearn work 1" + seed + self.take(7))
        require("proof of work", int.from_bytes(digest[:3], "big") < 16)

    def hidden(self, n: int) -> list[K]:
        self.masked += self.elements(n)
        return super().hidden(n)

    def clear(self, n: int) -> list[K]:
        self.public.append(self.elements(n))
        return self.public[-1]

    def vector(self, n: int) -> list[K]:
        self.public.append(self.whole(n))
        return self.public[-1]

    def root(self) -> bytes:
        self.public.append(self.take(32))
        return self.public[-1]

    def challenge(self, label: str, error: int = 1) -> K:
        self.challenges.append(self.transcript.challenge())
        return self.challenges[-1]


class Settle(Channel):
    """The same walk with k_i in the place of the i-th hidden value and eps in that of one: sums chi F."""

    def __init__(self, read: Read, lines: list[K], weights: list[K], eps: K) -> None:
        super().__init__()
        self.one, self.total = eps, ZERO
        self.lines, self.weights = iter(lines), iter(weights)
        self.public, self.challenges = iter(read.public), iter(read.challenges)

    def hidden(self, n: int) -> list[K]:
        return [next(self.lines) for _ in range(n)]

    def clear(self, n: int) -> list[K]:
        return next(self.public)

    def vector(self, n: int) -> list[K]:
        return next(self.public)

    def root(self) -> bytes:
        return next(self.public)

    def challenge(self, label: str, error: int = 1) -> K:
        return next(self.challenges)

    def zero(self, name: str, constraint: Callable[[], Constraint]) -> None:
        linear, products = constraint()
        value = linear * self.one
        for coefficient, a, b in products:
            value += coefficient * a * b
        self.total += next(self.weights) * value

    def finish(self) -> None:
        if any(next(rest, None) is not None for rest in (self.lines, self.weights, self.public, self.challenges)):
            raise Refused("ledger length")
