"""An owner of a registered data set, one who lies about it, and what both verifiers say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import zkunlearn as zu
from zkunlearn.circuits.field.goldilocks import ZERO, K
from zkunlearn.circuits.field.multilinear import Point, eq_index
from zkunlearn.circuits.relations.dataset import BLINDS, DATASET, LABELS, row_axis
from zkunlearn.circuits.relations.dataset import FEATURES as FEATURES_COLUMN
from zkunlearn.circuits.relations.registration import Registration, Span
from zkunlearn.circuits.statements.dataset import DatasetStatement
from zkunlearn.circuits.statements.fingerprints import FINGERPRINT_BYTES, coefficients, fingerprint_leaf
from zkunlearn.circuits.statements.record_tree import root_of
from zkunlearn.circuits.statements.records import DIGEST_BYTES
from zkunlearn.circuits.statements.registration import FINGERPRINT_PEAKS, RECORD_PEAKS, ROW_BYTES
from zkunlearn.formats.body import Body
from zkunlearn.prover.matrices.merkle import build_levels
from zkunlearn.prover.owner.registration import body_of, draft_after, fingerprints_of
from zkunlearn.prover.witnesses.record_tree import peaks_of
from zkunlearn.verifier.protocol.proof import ProofShape
from zkunlearn.verifier.registrations import require_goes_on
from zkunlearn.verifier.shapes import new_transcript, shape_of

from ..cheating import CheatingProver
from ..reference import registration as second
from ..reference import verifier
from .harness import ROW_BITS, Columns, matrix_shape

ROWS, FEATURES = 13, 3


def committed(seed: int = 1, rows: int = ROWS, openings: int = 3, **options: Any) -> zu.Dataset:
    """Somebody's data set."""
    features = np.random.default_rng(seed).normal(size=(rows, FEATURES))
    bounds = {f"x{k + 1}": (-6.0, 6.0) for k in range(FEATURES)}
    return zu.commit(features, np.arange(rows) % 2, bounds=bounds, openings=openings, **options)


def pieces(packed: bytes, size: int) -> list[bytes]:
    return [packed[i : i + size] for i in range(0, len(packed), size)]


def digests_of(dataset: zu.Dataset) -> bytes:
    return bytes(dataset.rows.record_levels[0])


def root_over(packed: bytes) -> bytes:
    """Of the tree over fingerprints."""
    return root_of(leaves_of(packed))


def leaves_of(packed: bytes) -> bytes:
    """Of the tree over fingerprints."""
    return b"".join(map(fingerprint_leaf, pieces(packed, FINGERPRINT_BYTES)))


def forged(
    dataset: zu.Dataset,
    *,
    statement: DatasetStatement | None = None,
    digests: bytes | None = None,
    packed: bytes | None = None,
    after: zu.RegistrationProof | None = None,
    **claims: Any,
) -> tuple[zu.RegistrationProof, frozenset[str]]:
    """A registration with whatever an owner likes in it, everything else as it should be; and which equations fail.

    Args:
        statement: what he says of the data set, in place of the truth.
        digests, packed: those of all rows.
        after: the registration from which it goes on.
        claims: what else he says.
    """
    draft = replace(draft_after(statement or dataset.statement, after), **claims)
    digests, packed, start = (
        digests or digests_of(dataset),
        packed or fingerprints_of(draft.dataset, dataset.rows),
        draft.start,
    )
    made = replace(draft, root=root_over(packed), body=body_of(draft.listed, digests, packed))
    prover = CheatingProver(shape_of(made), new_transcript(made), {DATASET: dataset.matrix}, dataset.columns)
    peaks = {RECORD_PEAKS: peaks_over(digests, start), FINGERPRINT_PEAKS: peaks_over(leaves_of(packed), start)}
    return zu.RegistrationProof(made, prover.prove(), peaks, made.body), prover.lies


def digests_in(registration: zu.RegistrationProof) -> bytes:
    """Of the rows that it lists."""
    return b"".join(row[:DIGEST_BYTES] for row in rows_in(registration))


def fingerprints_in(registration: zu.RegistrationProof) -> bytes:
    """Likewise."""
    return b"".join(row[DIGEST_BYTES:] for row in rows_in(registration))


def rows_in(registration: zu.RegistrationProof) -> list[bytes]:
    """Both together."""
    return pieces(b"".join(registration.body.pieces()), ROW_BYTES)


def listing_others(
    registration: zu.RegistrationProof, digests: bytes | None = None, packed: bytes | None = None
) -> zu.RegistrationProof:
    """The same with other rows after it, as many."""
    digests, packed = digests or digests_in(registration), packed or fingerprints_in(registration)
    pairs = zip(pieces(digests, DIGEST_BYTES), pieces(packed, FINGERPRINT_BYTES), strict=True)
    return with_rows(registration, [digest + f for digest, f in pairs])


def with_rows(registration: zu.RegistrationProof, rows: list[bytes]) -> zu.RegistrationProof:
    """The same with these rows after it."""
    start = registration.body.numbers.start
    return replace(registration, body=Body(range(start, start + len(rows)), ROW_BYTES, b"".join(rows)))


def peaks_over(leaves: bytes, start: int) -> bytes:
    """Of the tree over the first of these leaves."""
    return peaks_of(build_levels(leaves, DIGEST_BYTES), start)


def restated(proof: Any, **changes: Any) -> Any:
    """The same proof under another statement."""
    return replace(proof, statement=replace(proof.statement, **changes))


def verdict(
    registration: zu.RegistrationProof,
    dataset: zu.DatasetCommitment,
    links: Sequence[zu.LinkProof] = (),
    previous: Sequence[zu.RegistrationProof] = (),
) -> str:
    """ "valid", or the check that fails, on the files; the same for both verifiers."""
    found = "valid"
    try:
        read, *before = (zu.RegistrationProof.from_bytes(own.to_bytes()) for own in (registration, *previous))
        assert zu.verify_registration(read, dataset, links, before) >= 100
    except zu.InvalidProof as error:
        found = error.check
    except zu.FormatError:
        found = "format"
    except zu.StatementMismatch:
        found = "mismatch"
    except zu.ParameterError:
        found = "links"
    files = [[proof.to_bytes() for proof in proofs] for proofs in (links, previous)]
    again = verifier.verdict(second.verify_registration, registration.to_bytes(), dataset.to_bytes(), *files)
    assert found == again
    return found


def listing(registration: zu.RegistrationProof, *chain: zu.RegistrationProof) -> str:
    """The same of what is listed alone, and of whether it goes on from others; whatever is proved, and of which links.

    For lies that say something else of the data set, to which no link leads.
    """
    read = [zu.RegistrationProof.from_bytes(each.to_bytes()) for each in (registration, *chain)]
    own = [second.read_registration(each.to_bytes()) for each in (registration, *chain)]

    def again() -> None:
        second.check_registered(*own[0])
        second.check_chain(own)

    found = "valid"
    try:
        read[0].statement.with_body(read[0].body).require_consistent(read[0].attached)
        require_goes_on(read[0], read[1:])
    except zu.InvalidProof as error:
        found = error.check
    assert verifier.verdict(again) == found
    return found


def shape_over(columns: Columns, stops: Sequence[int] = ()) -> ProofShape:
    """Of the proof that fingerprints are those of these columns, under some vectors.

    Args:
        stops: where segments stop before the last one does; the first one is not registered then.
    """
    features, labels = (columns[address] for address in (FEATURES_COLUMN, LABELS))
    row, bounds = row_axis(features.shape[1]), [0, *stops, features.shape[1]]
    vectors = [coefficients(bytes([i]) * 32, len(features), len(labels)) for i in range(len(bounds) - 1)]
    fingerprints = []
    for n in range(row.size):
        own = vectors[sum(stop <= n for stop in stops)]
        x, y = (part[:, n].tolist() for part in (features, labels))
        fingerprints.append(own.fingerprint(x, y, [int(columns[blind][n]) for blind in BLINDS]))

    def extension(s: Point, start: int, stop: int) -> K:
        return sum((eq_index(s, n) * fingerprints[n] for n in range(start, stop)), ZERO)

    spans = [Span(i, bounds[i], bounds[i + 1], own.r, own.c) for i, own in enumerate(vectors)]
    listed = tuple(spans[1:] if stops else spans)
    relation = Registration(row.size, len(features), len(labels), listed, extension)
    return ProofShape(relation, {DATASET: matrix_shape(DATASET, relation.columns[DATASET], ROW_BITS)})


def receipt_verdict(
    receipt: zu.Receipt,
    dataset: zu.DatasetCommitment,
    registration: zu.RegistrationProof | None = None,
    proof: zu.TrainingProof | None = None,
) -> str:
    """ "valid", "forgotten", "not forgotten", or the check that fails; the same for both verifiers."""
    words = {None: "valid", True: "forgotten", False: "not forgotten"}
    try:
        read = zu.Receipt.from_bytes(receipt.to_bytes())
        found = words[zu.verify_receipt(read, dataset, registration, proof).is_forgotten]
    except zu.InvalidProof as error:
        found = error.check
    except zu.StatementMismatch:
        found = "mismatch"
    beside = [None if file is None else file.to_bytes() for file in (registration, proof)]
    try:
        again = words[second.verify_receipt(receipt.to_bytes(), dataset.to_bytes(), *beside)]
    except second.Refused as refusal:
        again = refusal.check
    assert found == again
    return found
