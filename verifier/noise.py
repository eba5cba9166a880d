"""A commitment to noise as a file, NAME.noise, and what a training statement with noise is worth.

The file has no proof: that there is a matrix behind its root, and what is in it, the proof of the training shows. It is
what a log, or the auditor, has before the nonce is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

from ..circuits.statements.noise import NOISE_KIND, NOISE_VERSION, NoiseStatement
from ..circuits.statements.training import TrainingStatement
from ..errors import FormatError, require_type
from ..formats.container import KINDS, decode, encode, write_container
from ..formats.fields import take
from ..formats.files import read_file
from ..models.gaussian import root_above
from ..models.noise import Hidden
from ..shown import Shown, Words
from .proofs import MAX_FILE_BYTES

KINDS[NOISE_KIND] = NOISE_VERSION
NOISE_SUFFIX = ".noise"
NOISE_SECRET = "noise.opening"  # kind of the file of what is behind it
KINDS[NOISE_SECRET] = 1


@dataclass(frozen=True, repr=False)
class NoiseCommitment(Shown):
    """What an owner committed to before there was a nonce: a file *.noise, public."""

    statement: NoiseStatement

    shows = ("digest",)

    @property
    def digest(self) -> bytes:
        """Names it."""
        return self.statement.digest

    def to_bytes(self) -> bytes:
        """The whole file."""
        return encode(NOISE_KIND, self._payload())

    def _payload(self) -> dict[str, object]:
        return {"statement": self.statement.to_mapping()}

    def save(self, path: Path | str) -> None:
        """Write the file, whole or not at all."""
        write_container(path, NOISE_KIND, self._payload())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Raises FormatError; ParameterError for what are no bytes."""
        require_type("data", data, bytes, "`load` reads a file")
        _, payload = decode(data, NOISE_KIND, MAX_FILE_BYTES)
        return cls(NoiseStatement.from_mapping(take(payload, {"statement": dict}, NOISE_KIND)["statement"]))

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Raises FormatError or DataError, naming the file."""
        data = read_file(path, MAX_FILE_BYTES)
        try:
            return cls.from_bytes(data)
        except FormatError as error:
            raise error.named(path) from error


@dataclass(frozen=True, repr=False)
class Indistinguishability(Shown):
    """How hard a noisy model is to tell from one by the same method that never saw the forgotten rows.

    Attributes:
        hidden: mu, and to how many weights noise was added.
        epsilon: rounded up, of this delta; None where there is none below 64.
        delta: the spec's.
    """

    hidden: Hidden
    epsilon: Fraction | None
    delta: float

    shows = "bound", "mu"

    @classmethod
    def of(cls, hidden: Hidden, delta: float) -> Indistinguishability:
        """From what is hidden, for a delta."""
        return cls(hidden, hidden.epsilon(Fraction(delta)), delta)

    @property
    def mu(self) -> Words:
        """Rounded up to five digits after the point."""
        return Words(f"{float(-(-self.hidden.mu * 10**5 // 1)) / 10**5:.5f}")

    @property
    def bound(self) -> Words:
        """(epsilon, delta)."""
        return Words(f"({'none below 64' if self.epsilon is None else float(self.epsilon)}, {self.delta!r})")

    def __str__(self) -> str:
        return str(self.bound)


def indistinguishability(statement: TrainingStatement) -> Indistinguishability | None:
    """Of a statement with noise; None of others. Raises ParameterError for one that cannot be proved."""
    found = _hidden(statement)
    return None if found is None else Indistinguishability.of(*found)


def together(statements: Iterable[TrainingStatement]) -> Indistinguishability | None:
    """Of several, each of which may depend on those before: the root of the sum of all mu^2; the largest delta."""
    each = [own for own in map(_hidden, statements) if own is not None]
    if not each:
        return None
    mu = root_above(sum((hidden.mu**2 for hidden, _ in each), Fraction(0)))
    cells = sum(hidden.cells for hidden, _ in each)
    return Indistinguishability.of(Hidden(mu, cells), max(delta for _, delta in each))


def _hidden(statement: TrainingStatement) -> tuple[Hidden, float] | None:
    method: Any = statement.spec.method
    if not method.noised:
        return None
    schedule: Any = statement.schedule
    return schedule.hidden, method.delta
