"""What became of commitments to noise, as far as statements that are at hand tell.

Who commits to noise, sees what a nonce makes of it, and keeps that back, chooses among models. No proof shows that
nobody did; but a commitment that was published before the nonce is there for everybody, and so is whether a proof
followed it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .base import Statement
from .noise import NoiseStatement
from .training import TrainingStatement

Use = Literal["used", "not used", "invalid"]
USED = "it drew the noise of {name!r}"
NOT_USED = "no proof that is here used it: it is forfeited, or its nonce is not known yet"
TWICE = "no proof used it, but {name!r} is of the same request, with other noise: who draws twice can choose"
OTHER_REQUEST = "what it commits to drew the noise of {name!r}, which is another request than it is for"
SAME_SOURCE = "names the same source of its nonce as {name!r}: one nonce, one commitment"


@dataclass(frozen=True)
class NoiseUse:
    """One commitment to noise.

    Attributes:
        name: of its file.
        statement: what was committed to.
        verdict: "used" by a proof that is here, "not used", or "invalid": used for another request.
        used_by: name of that proof; None if there is none.
        notes: what there is to know, in words.
    """

    name: str
    statement: NoiseStatement
    verdict: Use
    used_by: str | None
    notes: tuple[str, ...]


def noise_uses(
    commitments: Iterable[tuple[str, NoiseStatement]], proved: Mapping[str, Statement]
) -> tuple[NoiseUse, ...]:
    """What became of each, by name; of one that is there twice the first.

    Args:
        proved: statements whose proofs are valid, by name.
    """
    once = {statement.digest: (name, statement) for name, statement in reversed(list(commitments))}
    known = sorted(once.values(), key=lambda own: own[0])
    trainings = {name: own for name, own in proved.items() if isinstance(own, TrainingStatement)}
    noisy = {name: own for name, own in trainings.items() if own.noise is not None}
    return tuple(_use(name, statement, noisy, known) for name, statement in known)


def _use(
    name: str,
    statement: NoiseStatement,
    noisy: Mapping[str, TrainingStatement],
    known: Sequence[tuple[str, NoiseStatement]],
) -> NoiseUse:
    others = [each for each, own in known if each != name and own.source == statement.source]
    notes = tuple(SAME_SOURCE.format(name=each) for each in others)
    for training, own in noisy.items():
        if own.noise is not None and own.noise.root == statement.root:
            if own.committed_noise == statement:
                return NoiseUse(name, statement, "used", training, (USED.format(name=training), *notes))
            return NoiseUse(name, statement, "invalid", training, (OTHER_REQUEST.format(name=training), *notes))
    again = [
        each for each, own in noisy.items() if NoiseStatement.of(own, statement.root, statement.source) == statement
    ]
    said = TWICE.format(name=again[0]) if again else NOT_USED
    return NoiseUse(name, statement, "not used", None, (said, *notes))
