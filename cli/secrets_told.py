"""What `inspect` tells of secret files: which public artefact they belong to, and what is left to open. No secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..circuits.statements.base import read_statement
from ..circuits.statements.model_link import renewed
from ..circuits.statements.noise import NoiseStatement
from ..circuits.statements.prediction import MAX_REVEALED
from ..circuits.statements.training import TrainingStatement
from ..errors import FormatError, ZkUnlearnError
from ..formats.fields import Bytes, Fields, Int, ListOf, take
from ..formats.left_out import take_left_out
from ..verifier.bundles import MAX_LINKS
from ..verifier.noise import NOISE_SECRET
from ..verifier.proofs import DatasetCommitment, ModelLinkProof
from ..verifier.protocol.merkle import DIGEST_BYTES
from ..verifier.receipts import RECEIPT_KIND, Receipt
from .columns import column_data, column_lines
from .noise import noise_lines
from .output import Lines
from .words import plural, statement_data, statement_lines

if TYPE_CHECKING:
    from ..models.encoding.resolution import ColumnUse

COMMITMENT_FILE, SECRETS_FOLDER = "dataset.commitment", "dataset.secrets"
Told = tuple[str, Lines, str, dict[str, Any]]  # a title, lines, the last one, and data
SECRET = "SECRET: whoever has this file can read what the commitment hides."


def _receipt(path: Path, payload: dict[str, Any]) -> Told:
    receipt = Receipt.load(path)
    lines = [("data set", receipt.dataset.hex()), ("rows", plural(len(receipt.rows), "row"))]
    data = {"dataset": receipt.dataset.hex(), "positions": list(receipt.positions)}
    return ("receipt", lines, "SECRET: whoever has this file can read whose rows these are.", data)


def _dataset_opening(path: Path, payload: dict[str, Any]) -> Told:
    found = {name: payload.get(name) for name in ("dataset", "spent")}
    fields = take(found, {"dataset": Bytes(DIGEST_BYTES), "spent": Int()}, str(path))
    digest = fields["dataset"].hex()
    uses = _uses_beside(path, fields["dataset"])
    lines = [("data set", digest), ("openings", f"{fields['spent']} used"), *column_lines(uses)]
    data = {"dataset": digest, "openings_used": fields["spent"]}
    return ("data set opening", lines, SECRET, data | ({"columns": column_data(uses)} if uses else {}))


def _uses_beside(path: Path, digest: bytes) -> tuple[ColumnUse, ...]:
    """How columns use their integers, if the secrets of this data set are beside the file; else none.

    Read without the prover, which whoever inspects need not have.
    """
    from ..models.encoding.resolution import column_uses, label_use

    folder = path.parent / SECRETS_FOLDER
    try:
        statement = DatasetCommitment.load(path.parent / COMMITMENT_FILE).statement
        owner, features, labels = (_array(folder / f"{name}.npy") for name in ("dataset", "features", "labels"))
    except (EOFError, OSError, ValueError, ZkUnlearnError):
        return ()
    shapes = (statement.features, statement.rows), (statement.rows,)
    kinds = np.dtype("<i2"), np.dtype("<i4")
    if not (owner.tobytes() == digest == statement.digest):
        return ()
    if (features.shape, labels.shape) != shapes or (features.dtype, labels.dtype) != kinds:
        return ()
    encoding, holes = statement.encoding, len(statement.holes)
    try:
        own = label_use(encoding.label, labels, holes)
        return (*column_uses(encoding, features, holes), *([] if own is None else [own]))
    except (IndexError, ValueError):  # integers that no encoding gives
        return ()


def _array(path: Path) -> npt.NDArray[Any]:
    """An array, mapped into memory. Raises ValueError for a file that is none."""
    found = np.load(path, mmap_mode="r")
    if not isinstance(found, np.ndarray):
        raise ValueError
    return found


def _left_out(path: Path, payload: dict[str, Any]) -> Told:
    fields = take_left_out(payload, str(path))
    dataset, count = fields["dataset"].hex(), len(fields["digests"]) // DIGEST_BYTES
    lines = [("data set", dataset), ("left out", f"{plural(count, 'id')}, as salted digests")]
    last = "SECRET: whoever has this file can try whether somebody is among them."
    return ("ids that were left out", lines, last, {"dataset": dataset, "left_out": count})


def _model_opening(path: Path, payload: dict[str, Any]) -> Told:
    form: Fields = {"links": ListOf(bytes, 0, MAX_LINKS), "spent": Int(1), "revealed": Int(0, MAX_REVEALED)}
    found = take({name: payload.get(name) for name in form}, form, str(path))
    try:
        statement = read_statement(TrainingStatement, payload.get("training"))
        links = [ModelLinkProof.from_bytes(link).statement for link in found["links"]]
        own = renewed(statement, links)
    except FormatError as error:
        raise error.named(path) from error
    spent = take({"spent": found["spent"]}, {"spent": Int(1, own.openings)}, str(path))["spent"]
    afresh = [("afresh", own.root.hex()), ("", f"by {plural(len(links), 'link')} after the training")] if links else []
    lines = [*statement_lines(statement), *afresh, ("openings", f"{spent} of {own.openings} used")]
    if found["revealed"]:
        lines.append(("revealed", f"scores or probabilities of {plural(found['revealed'], 'input')}"))
    data = {"openings": own.openings, "openings_used": spent, "committed_afresh": len(links)}
    data["revealed"] = found["revealed"]
    return ("model opening", lines, SECRET, {**statement_data(statement), **data})


def _noise_opening(path: Path, payload: dict[str, Any]) -> Told:
    found = take(
        {name: payload.get(name) for name in ("noise", "spent")}, {"noise": dict, "spent": Int(0, 1)}, str(path)
    )
    try:
        statement = NoiseStatement.from_mapping(found["noise"])
    except FormatError as error:
        raise error.named(path) from error
    used = "used: what it held is gone" if found["spent"] else "not used yet"
    data = {"noise": statement.digest.hex(), "source": statement.source, "used": bool(found["spent"])}
    return ("noise opening", [*noise_lines(statement), ("openings", used)], SECRET, data)


SECRETS: Mapping[str, Callable[[Path, dict[str, Any]], Told]] = MappingProxyType(
    {
        "dataset.opening": _dataset_opening,
        "dataset.left_out": _left_out,
        "model.opening": _model_opening,
        NOISE_SECRET: _noise_opening,
        RECEIPT_KIND: _receipt,
    }
)
