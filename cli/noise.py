"""Noise at the command line: the first move of `prove`, and what `verify` and `inspect` say of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import zkunlearn as zu

from ..circuits.statements.noise import NoiseStatement
from ..circuits.statements.training import TrainingStatement
from ..errors import DataError, ParameterError
from ..verifier.certificates.guarantee import (
    CHOSEN_NOISE,
    COINS,
    NOT_ADAPTIVE,
    PRECEDENCE,
    VOID_NOISE,
    drawn_from_all,
)
from ..verifier.noise import indistinguishability
from .asked import asked_data, asked_lines
from .output import Lines, Output, foreign
from .places import refuse_existing, require_file_place
from .steps import step_lines

if TYPE_CHECKING:
    from ..prover.owner.asked import Asked


def noise_files(proof: Path) -> tuple[Path, Path]:
    """The secret of the noise of a proof, and its public commitment, beside where the proof goes."""
    from ..prover.owner.noise import SECRET_SUFFIX, public_file
    from ..prover.owner.trained import ProofFiles

    stem = ProofFiles.beside(proof).forgotten.name.removesuffix(".forgotten")
    secret = proof.with_name(f"{stem}{SECRET_SUFFIX}")
    return secret, public_file(secret)


def commit_to_noise(
    output: Output,
    dataset: Any,
    spec: zu.TrainingSpec,
    source: str,
    chosen: dict[str, Any],
    asked: Asked,
    out: Path,
    force: bool,
) -> None:
    """The first move: commit, write both files, and say what is to be done with which."""
    secret, public = noise_files(out)
    refuse_existing([secret, public], force, "noise that was handed over must not be drawn again; choose another name")
    require_file_place(secret)
    with output.phases("committing to noise") as progress:
        noise = zu.commit_noise(dataset, spec, source, **chosen, progress=progress)
    noise.save(secret)
    digest = noise.statement.digest.hex()
    lines = [
        *noise_lines(noise.statement),
        *asked_lines(asked),
        ("public", f"{foreign(public)}: log it, or hand it to the auditor, before the nonce is known"),
        ("SECRET", f"{foreign(secret)}: serves one proof, and is used up by it"),
        ("next", "the same command with --nonce HEX instead of --commit-noise, as soon as there is a nonce"),
    ]
    data = {"noise": digest, "source": source, "files": {"noise": str(public), "secret": str(secret)}}
    data["asked"] = asked_data(asked)
    output.result("Noise committed to", lines, f"committed: noise {digest}", data)


def noise_drawn(out: Path, nonce: bytes | None) -> dict[str, Any]:
    """The noise that was committed to for this proof, if there is a nonce for it."""
    if nonce is None:
        return {}
    secret = noise_files(out)[0]
    if not secret.exists():
        raise DataError(f"{secret}: is not there; the first move, --commit-noise with the same --out, makes it")
    return {"noise": zu.Noise.load(secret), "nonce": nonce}


def noise_lines(statement: NoiseStatement) -> Lines:
    """A commitment to noise."""
    previous = "nothing" if statement.previous is None else statement.previous.hex()
    return [
        ("noise", statement.digest.hex()),
        ("nonce from", foreign(statement.source)),
        ("data set", statement.dataset.hex()),
        ("forgotten", f"{len(statement.forgotten):,} rows"),
        ("supersedes", previous),
    ]


def noisy_text(statement: TrainingStatement) -> str | None:
    """What a model with noise is worth, to be quoted; None of others, and of what cannot be proved."""
    if statement.noise is None:
        return None
    try:
        found = indistinguishability(statement)
    except ParameterError:
        return None
    if found is None:
        return None
    taken = "" if statement.dataset.encoding.bounds_declared else ", but for the bounds of columns, taken from the data"
    return f"{found}-indistinguishable from the same without these rows{taken}, if {COINS}"


def noisy_lines(statement: TrainingStatement) -> Lines:
    """What a model with noise is worth, what that takes for granted, and what voids it."""
    own, committed, said = statement.noise, statement.committed_noise, noisy_text(statement)
    if own is None or committed is None or said is None:
        return []
    found: Any = indistinguishability(statement)
    method: Any = statement.spec.method
    return [
        *step_lines(statement),
        ("hidden", said),
        ("", f"mu {found.mu}: as hard as one standard normal number from another that is moved by mu"),
        ("declared", f"({method.epsilon!r}, {method.delta!r}) or better"),
        ("noise", committed.digest.hex()),
        ("nonce", f"{own.nonce.hex()}, to come from {foreign(own.source)}"),
        ("assumes", PRECEDENCE),
        *(("", text) for text in (CHOSEN_NOISE, NOT_ADAPTIVE, *drawn_from_all(statement))),
        ("void", VOID_NOISE),
        ("several", "models of one chain hide together what the root of the sum of their mu^2 says: `verify --chain`"),
    ]


def noisy_data(statement: TrainingStatement) -> dict[str, Any] | None:
    """The same for JSON."""
    own, committed = statement.noise, statement.committed_noise
    if own is None or committed is None:
        return None
    data: dict[str, Any] = {"noise": committed.digest.hex(), "source": own.source, "nonce": own.nonce.hex()}
    try:
        found = indistinguishability(statement)
    except ParameterError:
        found = None
    if found is not None:
        epsilon = None if found.epsilon is None else float(found.epsilon)
        data |= {"mu": found.mu, "epsilon": epsilon, "delta": found.delta}
    return data
