"""The statement of a deletion certificate: what the proof implies, field by field, and beside it what is declared.

`statement_of` writes all of it from checked materials and from what the owner declares. `verify` writes it again and
compares, so a certificate cannot say more than its proof. The form is in-toto's Statement v1; the predicate's type is
ours, and has the fields that docs/certificates.md explains.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from math import floor
from typing import Any

from ...circuits.statements.base import statement_digest
from ...circuits.statements.training import TrainingStatement
from ...errors import InvalidProof
from ...formats.container import KINDS
from ..bundles import BUNDLE_KIND, Bundle
from ..shapes import PROTOCOL
from .declared import Declared
from .form import PREDICATE, STATEMENT
from .guarantee import algorithm_words, guarantee
from .materials import Checked, Materials, Unlearning, sha256

MODEL_ROOT, STATEMENT_DIGEST = "zkunlearnModelRoot", "zkunlearnStatement"  # names of digests that are of no file
NOT_CLAIMED = (
    "that backups, copies, other models or other systems do not hold the forgotten rows",
    "that the committed data is complete, or true, or what was trained on before the first proof",
    "that the requests are all that were received, that their dates are right, or which rows belong to which",
    "that the owner deleted the old model, the rows, or anything else",
    "what is under derivedFrom: whoever made it may have seen the forgotten rows",
)


def statement_of(checked: Checked, declared: Declared) -> dict[str, Any]:
    """The whole statement, as JSON has it."""
    return {
        "_type": STATEMENT,
        "subject": list(_subjects(checked.materials)),
        "predicateType": PREDICATE,
        "predicate": {
            "implied": _implied(checked),
            "declared": declared.to_mapping(),
            "notClaimed": list(NOT_CLAIMED),
        },
    }


def require_equal(found: object, implied: object, where: str = "") -> None:
    """Raises InvalidProof, "certificate", naming the first place where a certificate says something else."""
    if isinstance(found, dict) and isinstance(implied, dict):
        for name in sorted(found.keys() | implied.keys()):
            place = f"{where}.{name}" if where else name
            if name not in implied:
                raise InvalidProof("certificate", f"{place}: an unknown field")
            if name not in found:
                raise InvalidProof("certificate", f"{place}: is missing")
            require_equal(found[name], implied[name], place)
    elif isinstance(found, list) and isinstance(implied, list) and len(found) == len(implied):
        for number, (one, other) in enumerate(zip(found, implied, strict=True)):
            require_equal(one, other, f"{where}[{number}]")
    elif type(found) is not type(implied) or found != implied:
        raise InvalidProof("certificate", f"{where} is {_short(found)}; the proof implies {_short(implied)}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}.."


def _subjects(materials: Materials) -> Iterator[dict[str, object]]:
    digest, _ = sha256(materials.dataset)
    names = {"sha256": digest, STATEMENT_DIGEST: materials.dataset.digest.hex()}
    yield {"name": "data set", "digest": names}
    if materials.previous is not None:
        yield from _models("model before", materials.previous)
    yield from _models("model after", materials.proof)


def _models(name: str, proof: Unlearning) -> Iterator[dict[str, object]]:
    """A model, or all that are in force in a bundle."""
    if not isinstance(proof, Bundle):
        yield {"name": name, "digest": {MODEL_ROOT: proof.statement.model.root.hex()}}
        return
    for number, own in enumerate(proof.proofs, start=1):
        yield {"name": f"{name}, {number}", "digest": {MODEL_ROOT: own.statement.model.root.hex()}}


def _implied(checked: Checked) -> dict[str, Any]:
    materials, statement = checked.materials, checked.materials.statement
    return {
        "statement": statement.digest.hex(),
        "supersedes": None if statement.previous is None else statement.previous.hex(),
        "algorithm": {"words": algorithm_words(statement.spec), "spec": statement.spec.to_toml()},
        "changes": list(checked.report.changes),
        "rows": _rows(statement),
        "forgotten": _forgotten(materials),
        "guarantee": _guarantee(statement),
        "soundness": {"bits": _down(checked.security_bits), "totalBits": _down(checked.total_bits)},
        "records": _records(materials),
        "files": _files(materials),
        "protocol": PROTOCOL.decode(),
    }


def _rows(statement: TrainingStatement) -> dict[str, int]:
    held, rows = statement.spec.holdout, statement.dataset.rows
    counted = rows - held - sum(position >= held for position in statement.positions)
    return {"committed": rows, "destroyed": len(statement.dataset.holes), "heldOut": held, "counted": counted}


def _forgotten(materials: Materials) -> dict[str, object]:
    statement = materials.statement
    now = sorted(record.digest for record in statement.forgotten)
    before = set() if materials.previous is None else _digests(materials.previous.statement)
    return {
        "rows": len(now),
        "newRows": len(set(now) - before),
        "recordsSha256": hashlib.sha256(b"".join(now)).hexdigest(),
        "classes": list(statement.forgotten_classes),
        "features": list(materials.left_out),
    }


def _digests(statement: TrainingStatement) -> set[bytes]:
    return {record.digest for record in statement.forgotten}


def _guarantee(statement: TrainingStatement) -> dict[str, object]:
    own = guarantee(statement)
    found: dict[str, object] = {
        "kind": own.kind,
        "words": own.words,
        "assumes": list(own.assumes),
        "voidIf": list(own.voided),
        "hidden": None,
    }
    if own.hidden is not None:
        epsilon = None if own.hidden.epsilon is None else repr(float(own.hidden.epsilon))
        found["hidden"] = {"mu": str(own.hidden.mu), "epsilon": epsilon, "delta": repr(own.hidden.delta)}
    return found


def _records(materials: Materials) -> dict[str, object]:
    """Roots over the records of all rows; over their fingerprints, if there is a registration."""
    own = materials.registration
    return {
        "root": materials.statement.dataset.record_root.hex(),
        "fingerprintRoot": None if own is None else own.statement.root.hex(),
    }


def _files(materials: Materials) -> list[dict[str, object]]:
    """All that has to be at hand to check it, as files."""
    listed: list[dict[str, object]] = []
    for name, proof in materials.named:
        kind = BUNDLE_KIND if isinstance(proof, Bundle) else proof.statement.kind
        digest, size = sha256(proof)
        own: dict[str, object] = {"name": name, "kind": kind, "format": KINDS[kind]}
        listed.append(own | {"digest": {"sha256": digest}, "bytes": size, "statement": _statement(proof)})
    return listed


def _statement(proof: Any) -> str:
    return statement_digest(proof.statement).hex()


def _down(bits: float) -> str:
    """To a tenth, rounded down, as text: JSON's numbers are not the same everywhere."""
    return f"{floor(bits * 10) / 10:.1f}"
