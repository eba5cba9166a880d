"""zkunlearn: prove that a model is exactly what training outputs on a committed data set minus the forgotten rows.

    dataset  = zu.commit(X, y, ids=ids)                              # owner
    trained  = zu.prove(dataset, spec)
    unlearnt = zu.prove(dataset, spec, forget=[id1], previous=trained)
    report   = zu.verify(unlearnt.proof, dataset.commitment, spec=spec, previous=trained.proof)      # auditor

`prove` is for owners, `verify` for auditors. Importing this package loads nothing; a name loads what it needs when it
is first used, and verifying needs numpy and cbor2 only.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import (
    BudgetExceeded,
    DataError,
    EstimatorError,
    FormatError,
    InvalidProof,
    InvalidSignature,
    ParameterError,
    StatementMismatch,
    TrainingError,
    WorkerError,
    ZkUnlearnError,
)
from .version import VERSION

if TYPE_CHECKING:
    from .estimators.exports.scikit_model import to_sklearn
    from .estimators.exports.write import export, to_torch
    from .estimators.public import sklearn as sklearn
    from .estimators.public import torch as torch
    from .models.scales import FineScales, FixedPoint
    from .models.spec import TrainingSpec, load_spec
    from .models.suggestion import Suggestion
    from .prover.certificates.certify import certify
    from .prover.certificates.report import report_page
    from .prover.evidence.gather import evidence
    from .prover.kernels.storage import memory_limit
    from .prover.owner.dataset import Dataset
    from .prover.owner.distance import prove_distance
    from .prover.owner.evaluation import evaluate
    from .prover.owner.growth import append, destroy, recommit, rectify
    from .prover.owner.model import Model
    from .prover.owner.noise import Noise, commit_noise
    from .prover.owner.proved_predictions import prove_predictions
    from .prover.owner.receipts import receipts
    from .prover.owner.recommitment import recommit_model
    from .prover.owner.registration import register
    from .prover.owner.requests import Answered, forget
    from .prover.owner.sharded_model import ShardedModel
    from .prover.owner.status import status
    from .prover.owner.suggest import suggest
    from .prover.owner.trained import Trained
    from .prover.owner.trial import ShardedRun, TrainingRun
    from .prover.owner.wiping import forget_left_out, wipe_rows
    from .prover.owner.workers import Workers
    from .prover.tables.id_lists import read_id_list
    from .prover.tables.read import read_bounds, read_categories
    from .prover.workers.cluster import Cluster
    from .prover.workers.processes import Processes
    from .verifier.bundles import Bundle, BundleReport
    from .verifier.certificates.attestation import attest, require_attested
    from .verifier.certificates.certificate import Certificate, CertificateReport, verify_certificate
    from .verifier.certificates.materials import Materials
    from .verifier.certificates.requests import DeletionRequest
    from .verifier.distances import verify_distance
    from .verifier.evaluations import verify_evaluation
    from .verifier.history import History, verify_chain
    from .verifier.noise import Indistinguishability, NoiseCommitment
    from .verifier.predictions import verify_predictions
    from .verifier.proofs import (
        DatasetCommitment,
        DistanceProof,
        EvaluationProof,
        LinkProof,
        ModelLinkProof,
        PredictionProof,
        Proof,
        RegistrationProof,
        ShardedEvaluationProof,
        TrainingProof,
    )
    from .verifier.receipts import Receipt, ReceiptReport, verify_receipt
    from .verifier.registrations import verify_registration
    from .verifier.trust.auditors_keys import load_keys
    from .verifier.trust.dsse import Envelope, aggregate_signatures
    from .verifier.trust.keys import PublicKey
    from .verifier.trust.signatures import Endorsement, check_signature, require_signatures, sign
    from .verifier.trust.signing_keys import SigningKey
    from .verifier.verify import VerificationReport, verify_dataset, verify_link

__version__ = VERSION
__all__ = [
    "Answered", "BudgetExceeded", "Bundle", "BundleReport", "Certificate", "CertificateReport", "Cluster", "DataError",
    "DatasetCommitment", "DeletionRequest", "DistanceProof", "Endorsement", "Envelope", "EstimatorError",
    "EvaluationProof", "FineScales", "FixedPoint", "FormatError", "History", "Indistinguishability", "InvalidProof",
    "InvalidSignature", "LinkProof", "Materials", "Model", "ModelLinkProof", "Noise", "NoiseCommitment",
    "ParameterError", "PredictionProof", "Processes", "Proof", "PublicKey", "Receipt", "ReceiptReport",
    "RegistrationProof", "ShardedEvaluationProof", "ShardedModel", "SigningKey", "StatementMismatch", "Suggestion",
    "Trained", "TrainingError", "TrainingProof", "TrainingRun", "TrainingSpec", "VerificationReport", "WorkerError",
    "ZkUnlearnError", "aggregate_signatures", "append", "attest", "certify", "check_signature", "commit",
    "commit_noise", "destroy", "evaluate", "evidence", "export", "forget", "forget_left_out", "load_dataset",
    "load_keys", "load_spec", "memory_limit", "prove", "prove_distance", "prove_predictions", "read_bounds",
    "read_categories", "read_id_list", "receipts", "recommit", "recommit_model", "rectify", "register", "report_page",
    "require_attested", "require_signatures", "sign", "status", "suggest", "to_sklearn", "to_torch", "train",
    "verify", "verify_bundle", "verify_certificate", "verify_chain", "verify_dataset", "verify_distance",
    "verify_evaluation", "verify_link", "verify_predictions", "verify_receipt", "verify_registration", "wipe_rows",
]  # fmt: skip
_HOMES = {
    "Answered": "prover.owner.requests", "Bundle": "verifier.bundles", "BundleReport": "verifier.bundles",
    "Certificate": "verifier.certificates.certificate", "CertificateReport": "verifier.certificates.certificate",
    "Cluster": "prover.workers.cluster", "DatasetCommitment": "verifier.proofs",
    "DeletionRequest": "verifier.certificates.requests", "DistanceProof": "verifier.proofs",
    "Endorsement": "verifier.trust.signatures", "Envelope": "verifier.trust.dsse", "EvaluationProof": "verifier.proofs",
    "FineScales": "models.scales", "FixedPoint": "models.scales", "History": "verifier.history",
    "Indistinguishability": "verifier.noise", "LinkProof": "verifier.proofs",
    "Materials": "verifier.certificates.materials", "Model": "prover.owner.model", "ModelLinkProof": "verifier.proofs",
    "Noise": "prover.owner.noise", "NoiseCommitment": "verifier.noise", "PredictionProof": "verifier.proofs",
    "Processes": "prover.workers.processes", "Proof": "verifier.proofs", "PublicKey": "verifier.trust.keys",
    "Receipt": "verifier.receipts", "ReceiptReport": "verifier.receipts", "RegistrationProof": "verifier.proofs",
    "ShardedEvaluationProof": "verifier.proofs", "ShardedModel": "prover.owner.sharded_model",
    "SigningKey": "verifier.trust.signing_keys", "Suggestion": "models.suggestion", "Trained": "prover.owner.trained",
    "TrainingProof": "verifier.proofs", "TrainingRun": "prover.owner.trial", "TrainingSpec": "models.spec",
    "VerificationReport": "verifier.verify", "aggregate_signatures": "verifier.trust.dsse",
    "append": "prover.owner.growth", "attest": "verifier.certificates.attestation",
    "certify": "prover.certificates.certify", "check_signature": "verifier.trust.signatures",
    "commit_noise": "prover.owner.noise", "destroy": "prover.owner.growth", "evaluate": "prover.owner.evaluation",
    "evidence": "prover.evidence.gather", "export": "estimators.exports.write", "forget": "prover.owner.requests",
    "forget_left_out": "prover.owner.wiping", "load_keys": "verifier.trust.auditors_keys", "load_spec": "models.spec",
    "memory_limit": "prover.kernels.storage", "prove_distance": "prover.owner.distance",
    "prove_predictions": "prover.owner.proved_predictions", "read_bounds": "prover.tables.read",
    "read_categories": "prover.tables.read", "read_id_list": "prover.tables.id_lists",
    "receipts": "prover.owner.receipts", "recommit": "prover.owner.growth",
    "recommit_model": "prover.owner.recommitment", "rectify": "prover.owner.growth",
    "register": "prover.owner.registration", "report_page": "prover.certificates.report",
    "require_attested": "verifier.certificates.attestation", "require_signatures": "verifier.trust.signatures",
    "sign": "verifier.trust.signatures", "status": "prover.owner.status", "suggest": "prover.owner.suggest",
    "to_sklearn": "estimators.exports.scikit_model", "to_torch": "estimators.exports.write",
    "verify_certificate": "verifier.certificates.certificate", "verify_chain": "verifier.history",
    "verify_dataset": "verifier.verify", "verify_distance": "verifier.distances",
    "verify_evaluation": "verifier.evaluations", "verify_link": "verifier.verify",
    "verify_predictions": "verifier.predictions", "verify_receipt": "verifier.receipts",
    "verify_registration": "verifier.registrations", "wipe_rows": "prover.owner.wiping",
}  # fmt: skip

_MODULES = ("sklearn", "torch")  # these have names of others, and are no files of the root, which may be on the path
__path__.append(str(Path(__file__).parent / "estimators" / "public"))

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in _MODULES:
            return importlib.import_module(f".{name}", __name__)
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})


def commit(
    X: Any,
    y: Any = None,
    ids: Sequence[str | int] | None = None,
    *,
    names: Sequence[str] | None = None,
    bounds: Mapping[str, Any] | None = None,
    categories: Mapping[str, Any] | None = None,
    maps: Mapping[str, str] | None = None,
    label_kind: str | None = None,
    label_name: str = "label",
    x_bits: int = 10,
    openings: int = 32,
    rows_per_id: str = "one",
    unique: Any = None,
    classes: Collection[str] | None = None,
    left_out_ids: Iterable[str | int] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Dataset:
    """Commit to a data set and prove that it is well formed.

    Args:
        X, y: real features (N, d) and labels (N,): numpy arrays, pandas frames or torch tensors. Or X alone: a
            map-style Dataset of torch with items (x, y) or (x, y, id).
        ids: a distinct text or integer for each row, by which it can be forgotten; texts are taken in Unicode's
            normal form C, without white space at its ends. By default the index of the frame, unless it is pandas'
            own 0 .. N - 1; row numbers from 1 for that, and for arrays.
        names: feature names; those of a pandas frame, or x1, x2, .. by default.
        bounds: (low, high) of every column, and under `label_name` of a real label. Taken from the data by
            default, which the commitment then says: such an encoding is outside the proof. What else can be said of
            a column, its logarithm, categories, times, missing cells, has models/encoding/declared.py;
            `read_bounds` reads a file of them.
        categories: apart from bounds, of columns of categories, lists of these; bounds of others may be taken from the
            data then.
        maps: "log1p" of each feature that is to be mapped so, where bounds are taken from the data.
        label_kind: "binary", "categorical" (3 to 256 classes), "real" or "count"; by default binary for two distinct
            labels, real for other numbers, and categorical for other texts.
        label_name: name of the label column.
        x_bits: scale of the integers that features become, up to 2^x_bits; a training spec has to declare the same.
        openings: how many proofs, this one included, the commitment can serve.
        rows_per_id: "one"; or "many", where one person may have several rows, which are forgotten together.
        unique: names of columns of a frame X, which then are no features; or a list of values by name. It is proved
            that no two rows are equal in all of them. Values are texts or integers, as ids are.
        classes: the texts of all classes of labels, where one of them would else say that a label is missing ("None").
        left_out_ids: of people who have no row, for missing values and the like: salted digests of these are kept, so
            that it is known later that they were never in.
        progress: called with the name of each phase.

    Raises:
        DataError: data that cannot be used; the message names row and column.
        ParameterError: bounds, maps or shapes that cannot be used, or an argument of another type.
    """
    from .prover.owner.ingest import Chosen, commit_table

    chosen = Chosen(names, bounds, categories, maps, label_kind, label_name, x_bits, rows_per_id, unique, classes)
    return commit_table(X, y, ids, chosen, openings, left_out_ids, progress)


def load_dataset(directory: str | Path) -> Dataset:
    """A data set that `Dataset.save` wrote. Raises DataError or FormatError, naming the file; ParameterError."""
    from .prover.owner.dataset import Dataset

    return Dataset.load(directory)


def train(
    dataset: Dataset,
    spec: TrainingSpec,
    forget: Iterable[str | int] = (),
    previous: TrainingProof | Bundle | ShardedModel | Trained | None = None,
    *,
    forget_classes: Iterable[str | int] = (),
    skip_unknown: bool = False,
    progress: Callable[[str], None] | None = None,
) -> TrainingRun | ShardedRun:
    """Train in the integers that `prove` would prove, prove nothing, and spend no opening.

    Args:
        forget, previous, forget_classes, skip_unknown: as for `prove`; `previous` may have successors already.
        progress: called with the name of each phase.

    Returns:
        `.curve` (loss, gradient and fit at some epochs), `.notes`, and what a model has: `.predict`, `.score`, ..

    Raises DataError, ParameterError, StatementMismatch, TrainingError: those of `prove`.
    """
    from .prover.owner.trial import try_training

    return try_training(dataset, spec, forget, previous, progress, forget_classes, skip_unknown)


def prove(
    dataset: Dataset,
    spec: TrainingSpec,
    forget: Iterable[str | int] = (),
    previous: TrainingProof | Bundle | ShardedModel | Trained | None = None,
    *,
    model_openings: int | None = None,
    fork: bool = False,
    forget_classes: Iterable[str | int] = (),
    links: Iterable[LinkProof] = (),
    workers: Workers | None = None,
    groups: int | None = None,
    noise: Noise | Path | str | None = None,
    nonce: bytes | None = None,
    skip_unknown: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Trained:
    """Train as `spec` declares on the rows whose ids are not in `forget`, and prove it.

    Args:
        forget: ids; what `previous` forgot stays forgotten and need not be repeated. Who was left out when the data
            were committed was never in; `.asked` and a note say so.
        previous: the proof that this one supersedes, or what `prove` returned with it. Of a sharded training (SISA)
            the latter, or its `.model`: only shards that forgotten or new rows are in are trained again, from the
            models that did not see them. Of Newton's steps, which begin from its model, what `prove` returned, or
            `Trained.load` of its file.
        model_openings: how many proofs the model's commitment can serve, this one included: 4, or 64 of shards.
        fork: whether `previous` may have another successor already; a stored data set knows those proved from it.
        forget_classes: of categorical labels, classes that are forgotten with all their rows. The proof says so, and
            its public list of forgotten records then tells who was of them.
        links: of a sharded training, those that lead from the data set of `previous` to this one; the last it has.
        workers: `Processes(n)` of this machine, or `Cluster("tls://host:8786")`, prove groups of shards; see
            docs/owners.md for what they are sent. By default this process does.
        groups: of a sharded training, how many groups of shards are proved apart, each with one opening of the data
            set; by default as many as there are workers. Models are the same, whatever the groups.
        noise: of method "noisy", what `commit_noise` returned for the same request, or its file; it is used up.
        nonce: 32 bytes that the auditor, or a beacon, gave after that was committed to.
        skip_unknown: whether to go on without ids that are not in the data set; `.asked` and a note say which.
        progress: called with the name of each phase.

    Returns:
        `.proof` (public; of several groups the last, `.proofs` are all), `.model` (secret: `.predict`, `.score`,
        `.coef_`, ..), `.curve` and `.notes` (how it went), `.timings`, `.save`; of a sharded training `.bundle`
        (public: this proof with those of what is kept).

    Raises:
        DataError, ParameterError, StatementMismatch, TrainingError, BudgetExceeded, WorkerError: see `prover.training`.
    """
    from .prover.owner.training import prove_training

    options = forget_classes, links, workers, groups, noise, nonce, skip_unknown
    return prove_training(dataset, spec, forget, previous, progress, model_openings, fork, *options)


def verify(
    proof: TrainingProof,
    dataset: DatasetCommitment,
    *,
    spec: TrainingSpec | None = None,
    forget: Collection[bytes] | None = None,
    previous: TrainingProof | None = None,
    links: Collection[LinkProof] = (),
    known_dataset: bytes | None = None,
    noise: NoiseCommitment | None = None,
    nonce: bytes | None = None,
) -> VerificationReport:
    """Check a proof against a data set's commitment and whatever else is pinned.

    Args:
        forget: record digests of the rows that must be forgotten, no more and no fewer.
        previous: the proof that this one supersedes; compared, not checked. The report says what it declares else.
        links: from the data set of `previous` to this one, if it is another one; in any order.
        known_dataset: digest of a data set whose validity proof was checked before; saves checking it again.
        noise: of method "noisy", the commitment that was handed over, or logged, before the nonce was known.
        nonce: the 32 bytes that the auditor, or a beacon, gave after that.

    Raises:
        InvalidProof: naming the check that failed.
        StatementMismatch: the proof is about something else than what was pinned.
        ParameterError: an argument of another type, or that is not used.
    """
    from .verifier.pins import Pins
    from .verifier.verify import verify_training

    pins = Pins(
        spec=spec,
        forget=forget,
        previous=previous,
        links=links,
        known_dataset=known_dataset,
        noise=noise,
        nonce=nonce,
    )
    return verify_training(proof, dataset, pins)


def verify_bundle(
    bundle: Bundle,
    dataset: DatasetCommitment,
    *,
    spec: TrainingSpec | None = None,
    forget: Collection[bytes] | None = None,
    previous: Bundle | TrainingProof | None = None,
    known_dataset: bytes | None = None,
) -> BundleReport:
    """Check a bundle of a sharded training (SISA): that its statements fit together, and their proofs.

    Args:
        spec, forget, known_dataset: as for `verify`, of the last request.
        previous: a bundle that was verified before: what is kept of it is not verified again; or a proof, as there.

    Raises:
        InvalidProof: naming the check, or the rule of bundles, that failed.
        StatementMismatch: the bundle is about something else than what was pinned.
        ParameterError: an argument of another type, or that is not used.
    """
    from .errors import require_type
    from .verifier.bundles import Bundle
    from .verifier.bundles import verify_bundle as verify_them
    from .verifier.pins import Pins
    from .verifier.proofs import TrainingProof

    if previous is not None:
        require_type("previous", previous, (Bundle, TrainingProof), "`Bundle.load` reads a file")
    known, proof = (None, previous) if isinstance(previous, TrainingProof) else (previous, None)
    pins = Pins(spec=spec, forget=forget, previous=proof, known_dataset=known_dataset)
    return verify_them(bundle, dataset, pins, known)
