"""Whatever is handed to a public function in the place of something else is refused by name, not by an accident."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements.distance import DistanceStatement
from zkunlearn.circuits.statements.evaluation import EvaluationStatement
from zkunlearn.circuits.statements.prediction import PredictionStatement
from zkunlearn.circuits.statements.results import Classified

SPEC: Any = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5)
SHARDED: Any = zu.TrainingSpec(model="logistic", method="sisa", shard_rows=4, epochs=1, learning_rate=0.5)
NOISY: Any = zu.TrainingSpec(model="logistic", method="noisy", l2=0.25)
X, Y = np.random.default_rng(5).normal(size=(8, 2)), np.arange(8) % 2
CALLABLE = {name for name in zu.__all__ if inspect.isfunction(getattr(zu, name))}


@dataclass
class Made:
    """One of each."""

    dataset: Any
    trained: Any
    link: Any
    bundle: Any
    registration: Any
    receipt: Any
    noise: Any
    key: Any
    envelope: Any

    @property
    def distance(self) -> zu.DistanceProof:
        """What has no proof."""
        return zu.DistanceProof(DistanceStatement(self.trained.proof.statement, 0, 0), b"")

    @property
    def evaluation(self) -> zu.EvaluationProof:
        """Which nothing is said of but that its type is right."""
        trained = self.trained.proof.statement
        result = Classified(0)
        return zu.EvaluationProof(
            EvaluationStatement(self.dataset.statement, trained, (trained.model,), (result,), 12), b""
        )

    @property
    def certificate(self) -> zu.Certificate:
        """One that was written once."""
        return zu.Certificate.load(Path(__file__).parent / "vectors" / "frozen" / "certificate.v1.json")

    @property
    def report(self) -> Any:
        """What is looked at after the key."""
        return self.certificate

    @property
    def predictions(self) -> zu.PredictionProof:
        """Likewise."""
        own = self.trained.proof.statement
        return zu.PredictionProof(PredictionStatement(own, own.model, "class", b"", (0,), 0), b"")


@pytest.fixture(scope="module")
def made() -> Made:
    dataset = zu.commit(X, Y, openings=16)
    trained, bundle = zu.prove(dataset, SPEC), zu.prove(dataset, SHARDED).bundle
    registration, receipt = zu.register(dataset), zu.receipts(dataset).of(dataset.ids[0])
    noise = zu.commit_noise(dataset, NOISY, "a beacon")
    key = zu.SigningKey.generate("ed25519")
    signed = key, zu.sign(trained.proof, key)
    return Made(dataset, trained, zu.recommit(dataset)[1], bundle, registration, receipt, noise, *signed)


def entered(context: Any) -> None:
    with context:
        pass


MODELS = "Model or str or PathLike"
COMPARED = "Model or ShardedModel or str or PathLike"
RECOMMITMENT = "LinkProof or ModelLinkProof"
SUBJECT = "Proof or Bundle or NoiseCommitment"
PREVIOUS = "TrainingProof or Bundle or ShardedModel or Trained"
# The function and its argument, what it expects, and the call; everything else about the call is right.
CALLS: dict[str, tuple[str, Callable[[Made, Any], Any]]] = {
    "certify key": ("SigningKey", lambda made, x: zu.certify(made.trained.proof, made.dataset.commitment, x)),
    "attest report": ("CertificateReport", lambda made, x: zu.attest(x, made.key)),
    "verify_certificate certificate": ("Certificate", lambda made, x: zu.verify_certificate(x, x)),
    "report_page certificate": ("Certificate", lambda made, x: zu.report_page(x)),
    "attest key": ("SigningKey", lambda made, x: zu.attest(made.report, x)),
    "verify_certificate materials": ("Materials", lambda made, x: zu.verify_certificate(made.certificate, x)),
    "require_attested key": ("PublicKey", lambda made, x: zu.require_attested(made.envelope, x, "00" * 32)),
    "require_attested envelope": ("Envelope", lambda made, x: zu.require_attested(x, made.key.public, "00" * 32)),
    "commit bounds": ("Mapping", lambda made, x: zu.commit(X, Y, bounds=x)),
    "commit categories": ("Mapping", lambda made, x: zu.commit(X, Y, categories=x)),
    "commit classes": ("list or tuple or set or frozenset", lambda made, x: zu.commit(X, Y, classes=x)),
    "commit maps": ("Mapping", lambda made, x: zu.commit(X, Y, maps=x)),
    "commit x_bits": ("an integer", lambda made, x: zu.commit(X, Y, x_bits=x)),
    "commit openings": ("an integer", lambda made, x: zu.commit(X, Y, openings=x)),
    "suggest dataset": ("Dataset", lambda made, x: zu.suggest(x)),
    "suggest model": ("str", lambda made, x: zu.suggest(made.dataset, x)),
    "suggest standardize": ("bool", lambda made, x: zu.suggest(made.dataset, standardize=x)),
    "suggest most_epochs": ("an integer", lambda made, x: zu.suggest(made.dataset, most_epochs=x)),
    "suggest shard_rows": ("an integer", lambda made, x: zu.suggest(made.dataset, shard_rows=x)),
    "suggest slices": ("an integer", lambda made, x: zu.suggest(made.dataset, slices=x)),
    "suggest previous": (PREVIOUS, lambda made, x: zu.suggest(made.dataset, previous=x)),
    "train dataset": ("Dataset", lambda made, x: zu.train(x, SPEC)),
    "train spec": ("TrainingSpec", lambda made, x: zu.train(made.dataset, x)),
    "train previous": (PREVIOUS, lambda made, x: zu.train(made.dataset, SPEC, previous=x)),
    "prove dataset": ("Dataset", lambda made, x: zu.prove(x, SPEC)),
    "prove spec": ("TrainingSpec", lambda made, x: zu.prove(made.dataset, x)),
    "prove previous": (PREVIOUS, lambda made, x: zu.prove(made.dataset, SPEC, previous=x)),
    "prove workers": ("Workers", lambda made, x: zu.prove(made.dataset, SPEC, workers=x)),
    "prove groups": ("int", lambda made, x: zu.prove(made.dataset, SHARDED, groups=x)),
    "prove model_openings": ("an integer", lambda made, x: zu.prove(made.dataset, SPEC, model_openings=x)),
    "prove noise": (
        "Noise or str or PathLike",
        lambda made, x: zu.prove(made.dataset, NOISY, noise=x, nonce=bytes(32)),
    ),
    "prove nonce": ("bytes", lambda made, x: zu.prove(made.dataset, NOISY, noise=made.noise, nonce=x)),
    "commit_noise dataset": ("Dataset", lambda made, x: zu.commit_noise(x, NOISY, "a beacon")),
    "commit_noise spec": ("TrainingSpec", lambda made, x: zu.commit_noise(made.dataset, x, "a beacon")),
    "commit_noise source": ("str", lambda made, x: zu.commit_noise(made.dataset, NOISY, x)),
    "commit_noise previous": (PREVIOUS, lambda made, x: zu.commit_noise(made.dataset, NOISY, "a beacon", (), x)),
    "recommit dataset": ("Dataset", lambda made, x: zu.recommit(x)),
    "recommit openings": ("an integer", lambda made, x: zu.recommit(made.dataset, x)),
    "append dataset": ("Dataset", lambda made, x: zu.append(x, X, Y)),
    "append openings": ("an integer", lambda made, x: zu.append(made.dataset, X[:1], Y[:1], openings=x)),
    "rectify dataset": ("Dataset", lambda made, x: zu.rectify(x, X[:1], Y[:1], ["1"])),
    "rectify left_out": ("bool", lambda made, x: zu.rectify(made.dataset, X[:1], Y[:1], ["1"], left_out=x)),
    "rectify openings": ("an integer", lambda made, x: zu.rectify(made.dataset, X[:1], Y[:1], ["1"], openings=x)),
    "destroy dataset": ("Dataset", lambda made, x: zu.destroy(x, ["1"])),
    "destroy forgotten_by": ("TrainingProof", lambda made, x: zu.destroy(made.dataset, ["1"], forgotten_by=x)),
    "destroy openings": ("an integer", lambda made, x: zu.destroy(made.dataset, ["1"], openings=x)),
    "wipe_rows dataset": ("Dataset", lambda made, x: zu.wipe_rows(x, ["1"])),
    "forget_left_out dataset": ("Dataset", lambda made, x: zu.forget_left_out(x, ["1"])),
    "forget directory": ("str or PathLike", lambda made, x: zu.forget(x, ["1"], SPEC, "proofs")),
    "forget spec": ("TrainingSpec", lambda made, x: zu.forget("data", ["1"], x, "proofs")),
    "forget proofs": ("str or PathLike", lambda made, x: zu.forget("data", ["1"], SPEC, x)),
    "forget export": ("str or PathLike", lambda made, x: zu.forget("data", ["1"], SPEC, "proofs", export=x)),
    "read_bounds path": ("str or PathLike", lambda made, x: zu.read_bounds(x)),
    "read_categories path": ("str or PathLike", lambda made, x: zu.read_categories(x)),
    "read_id_list path": ("str or PathLike", lambda made, x: zu.read_id_list(x)),
    "recommit_model model": (MODELS, lambda made, x: zu.recommit_model(x)),
    "recommit_model openings": ("an integer", lambda made, x: zu.recommit_model(made.trained.secret, x)),
    "evaluate holdout": ("Dataset", lambda made, x: zu.evaluate(x, made.trained.secret)),
    "evaluate models": (f"{MODELS} or ShardedModel", lambda made, x: zu.evaluate(made.dataset, x)),
    "evidence dataset": ("Dataset", lambda made, x: zu.evidence(x, made.trained.secret, made.trained.secret)),
    "evidence before": (COMPARED, lambda made, x: zu.evidence(made.dataset, x, made.trained.secret)),
    "evidence after": (COMPARED, lambda made, x: zu.evidence(made.dataset, made.trained.secret, x)),
    "evidence retrainings": (
        "an integer",
        lambda made, x: zu.evidence(made.dataset, made.trained.secret, made.trained.secret, retrainings=x),
    ),
    "evidence seed": (
        "an integer",
        lambda made, x: zu.evidence(made.dataset, made.trained.secret, made.trained.secret, seed=x),
    ),
    "prove_distance dataset": ("Dataset", lambda made, x: zu.prove_distance(x, made.trained.secret)),
    "prove_distance model": ("Model or str or PathLike", lambda made, x: zu.prove_distance(made.dataset, x)),
    "export model": ("Model or ShardedModel", lambda made, x: zu.export(x, "nowhere/m.onnx")),
    "export path": ("str or PathLike", lambda made, x: zu.export(made.trained.model, x)),
    "export format": ("str", lambda made, x: zu.export(made.trained.model, "nowhere/m.onnx", x)),
    "to_sklearn model": ("Model or ShardedModel", lambda made, x: zu.to_sklearn(x)),
    "to_torch model": ("Model or ShardedModel", lambda made, x: zu.to_torch(x)),
    "verify_distance distance": (
        "DistanceProof",
        lambda made, x: zu.verify_distance(x, made.dataset.commitment, made.trained.proof),
    ),
    "verify_distance dataset": (
        "DatasetCommitment",
        lambda made, x: zu.verify_distance(made.distance, x, made.trained.proof),
    ),
    "verify_distance training": (
        "TrainingProof",
        lambda made, x: zu.verify_distance(made.distance, made.dataset.commitment, x),
    ),
    "verify_evaluation evaluation": (
        "EvaluationProof or ShardedEvaluationProof",
        lambda made, x: zu.verify_evaluation(x, made.dataset.commitment, [made.trained.proof]),
    ),
    "verify_evaluation holdout": (
        "DatasetCommitment",
        lambda made, x: zu.verify_evaluation(made.evaluation, x, [made.trained.proof]),
    ),
    "verify_evaluation links": (
        "ModelLinkProof",
        lambda made, x: zu.verify_evaluation(made.evaluation, made.dataset.commitment, [made.trained.proof], [x]),
    ),
    "verify_evaluation trainings": (
        "TrainingProof or Bundle",
        lambda made, x: zu.verify_evaluation(made.evaluation, made.dataset.commitment, [x]),
    ),
    "prove_predictions model": ("Model or str or PathLike", lambda made, x: zu.prove_predictions(x, X)),
    "verify_predictions predictions": (
        "PredictionProof",
        lambda made, x: zu.verify_predictions(x, X, made.trained.proof),
    ),
    "verify_predictions training": ("TrainingProof", lambda made, x: zu.verify_predictions(made.predictions, X, x)),
    "verify_predictions links": (
        "ModelLinkProof",
        lambda made, x: zu.verify_predictions(made.predictions, X, made.trained.proof, [x]),
    ),
    "verify proof": ("TrainingProof", lambda made, x: zu.verify(x, made.dataset.commitment)),
    "verify dataset": ("DatasetCommitment", lambda made, x: zu.verify(made.trained.proof, x)),
    "verify spec": ("TrainingSpec", lambda made, x: zu.verify(made.trained.proof, made.dataset.commitment, spec=x)),
    "verify previous": (
        "TrainingProof",
        lambda made, x: zu.verify(made.trained.proof, made.dataset.commitment, previous=x),
    ),
    "verify links": (
        "LinkProof",
        lambda made, x: zu.verify(made.trained.proof, made.dataset.commitment, previous=made.trained.proof, links=[x]),
    ),
    "verify known_dataset": (
        "bytes",
        lambda made, x: zu.verify(made.trained.proof, made.dataset.commitment, known_dataset=x),
    ),
    "verify noise": (
        "NoiseCommitment",
        lambda made, x: zu.verify(made.trained.proof, made.dataset.commitment, noise=x),
    ),
    "verify nonce": ("bytes", lambda made, x: zu.verify(made.trained.proof, made.dataset.commitment, nonce=x)),
    "Noise.load path": ("str or PathLike", lambda made, x: zu.Noise.load(x)),
    "NoiseCommitment.load path": ("str or PathLike", lambda made, x: zu.NoiseCommitment.load(x)),
    "NoiseCommitment.from_bytes data": ("bytes", lambda made, x: zu.NoiseCommitment.from_bytes(x)),
    "verify_dataset commitment": ("DatasetCommitment", lambda made, x: zu.verify_dataset(x)),
    "verify_link link": (RECOMMITMENT, lambda made, x: zu.verify_link(x)),
    "status dataset": ("Dataset", lambda made, x: zu.status(x)),
    "register dataset": ("Dataset", lambda made, x: zu.register(x)),
    "register previous": ("RegistrationProof", lambda made, x: zu.register(made.dataset, x)),
    "receipts dataset": ("Dataset", lambda made, x: zu.receipts(x)),
    "receipts registration": ("RegistrationProof", lambda made, x: zu.receipts(made.dataset, x)),
    "verify_registration registration": (
        "RegistrationProof",
        lambda made, x: zu.verify_registration(x, made.dataset.commitment),
    ),
    "verify_registration dataset": (
        "DatasetCommitment",
        lambda made, x: zu.verify_registration(made.registration, x),
    ),
    "verify_registration links": (
        "LinkProof",
        lambda made, x: zu.verify_registration(made.registration, made.dataset.commitment, [x]),
    ),
    "verify_registration previous": (
        "RegistrationProof",
        lambda made, x: zu.verify_registration(made.registration, made.dataset.commitment, previous=[x]),
    ),
    "verify_receipt receipt": ("Receipt", lambda made, x: zu.verify_receipt(x, made.dataset.commitment)),
    "verify_receipt dataset": ("DatasetCommitment", lambda made, x: zu.verify_receipt(made.receipt, x)),
    "verify_receipt registration": (
        "RegistrationProof",
        lambda made, x: zu.verify_receipt(made.receipt, made.dataset.commitment, x),
    ),
    "verify_receipt proof": (
        "TrainingProof",
        lambda made, x: zu.verify_receipt(made.receipt, made.dataset.commitment, proof=x),
    ),
    "Receipt.load path": ("str or PathLike", lambda made, x: zu.Receipt.load(x)),
    "Receipt.from_bytes data": ("bytes", lambda made, x: zu.Receipt.from_bytes(x)),
    "verify_chain source": ("str or Path or Iterable", lambda made, x: zu.verify_chain(x)),
    "verify_chain proof 1": ("Proof", lambda made, x: zu.verify_chain([x])),
    "load_dataset directory": ("str or PathLike", lambda made, x: zu.load_dataset(x)),
    "load_spec path": ("str or PathLike", lambda made, x: zu.load_spec(x)),
    "Proof.load path": ("str or PathLike", lambda made, x: zu.Proof.load(x)),
    "Proof.from_bytes data": ("bytes", lambda made, x: zu.Proof.from_bytes(x)),
    "verify_bundle bundle": ("Bundle", lambda made, x: zu.verify_bundle(x, made.dataset.commitment)),
    "verify_bundle dataset": ("DatasetCommitment", lambda made, x: zu.verify_bundle(made.bundle, x)),
    "verify_bundle previous": (
        "Bundle or TrainingProof",
        lambda made, x: zu.verify_bundle(made.bundle, made.dataset.commitment, previous=x),
    ),
    "Bundle.load path": ("str or PathLike", lambda made, x: zu.Bundle.load(x)),
    "Model.load path": ("str or PathLike", lambda made, x: zu.Model.load(x)),
    "sign subject": (SUBJECT, lambda made, x: zu.sign(x, made.key)),
    "sign key": ("SigningKey", lambda made, x: zu.sign(made.trained.proof, x)),
    "check_signature subject": (SUBJECT, lambda made, x: zu.check_signature(x, made.envelope, made.key.public)),
    "check_signature envelope": (
        "Envelope",
        lambda made, x: zu.check_signature(made.trained.proof, x, made.key.public),
    ),
    "check_signature keys": (
        "PublicKey",
        lambda made, x: zu.check_signature(made.trained.proof, made.envelope, [x]),
    ),
    "require_signatures subject": (SUBJECT, lambda made, x: zu.require_signatures(x, [made.envelope])),
    "require_signatures envelopes": ("Envelope", lambda made, x: zu.require_signatures(made.trained.proof, [x])),
    "require_signatures owner": (
        "PublicKey",
        lambda made, x: zu.require_signatures(made.trained.proof, [made.envelope], owner=x),
    ),
    "require_signatures auditors": (
        "int",
        lambda made, x: zu.require_signatures(made.trained.proof, [made.envelope], auditors=x),
    ),
    "require_signatures keys": (
        "tuple",
        lambda made, x: zu.require_signatures(made.trained.proof, [made.envelope], keys=[x]),
    ),
    "require_signatures keys 1": (
        "PublicKey",
        lambda made, x: zu.require_signatures(made.trained.proof, [made.envelope], keys=[("ann", x)]),
    ),
    "aggregate_signatures envelopes": (
        "Envelope",
        lambda made, x: zu.aggregate_signatures([x, made.envelope], [made.key.public]),
    ),
    "aggregate_signatures keys": (
        "PublicKey",
        lambda made, x: zu.aggregate_signatures([made.envelope, made.envelope], [x]),
    ),
    "load_keys folder": ("str or PathLike", lambda made, x: zu.load_keys(x)),
    "PublicKey.load path": ("str or PathLike", lambda made, x: zu.PublicKey.load(x)),
    "PublicKey.from_bytes data": ("bytes", lambda made, x: zu.PublicKey.from_bytes(x)),
    "SigningKey.load path": ("str or PathLike", lambda made, x: zu.SigningKey.load(x)),
    "SigningKey.sign message": ("bytes", lambda made, x: made.key.sign(x)),
    "Envelope.load path": ("str or PathLike", lambda made, x: zu.Envelope.load(x)),
    "Envelope.from_bytes data": ("bytes", lambda made, x: zu.Envelope.from_bytes(x)),
    "memory_limit size": ("Real", lambda made, x: entered(zu.memory_limit(x))),
    "memory_limit folder": ("str or PathLike", lambda made, x: entered(zu.memory_limit(1 << 30, x))),
}
# What is nothing of all this, and what is easily taken for something else.
OTHERS: dict[str, Callable[[Made], Any]] = {
    "object": lambda made: object(),
    "data set": lambda made: made.dataset,
    "trained": lambda made: made.trained,
    "commitment": lambda made: made.dataset.commitment,
    "training proof": lambda made: made.trained.proof,
    "recommitment": lambda made: made.link,
    "spec": lambda made: SPEC,
}
RIGHT = {
    ("Dataset", "data set"),
    ("TrainingSpec", "spec"),
    ("TrainingProof", "training proof"),
    (PREVIOUS, "training proof"),
    (PREVIOUS, "trained"),
    ("Bundle or TrainingProof", "training proof"),
    ("TrainingProof or Bundle", "training proof"),
    ("DatasetCommitment", "commitment"),
    ("LinkProof", "recommitment"),
    (RECOMMITMENT, "recommitment"),
    *((SUBJECT, name) for name in ("training proof", "commitment", "recommitment")),
    *(("Proof", name) for name in ("training proof", "commitment", "recommitment")),
}
WRONG = [(call, other) for call, (expected, _) in CALLS.items() for other in OTHERS if (expected, other) not in RIGHT]


def test_every_public_function_is_called() -> None:
    assert {call.split()[0] for call in CALLS} >= CALLABLE
    assert all(getattr(zu, name) for name in ("Proof", "Model"))


@pytest.mark.parametrize(("call", "other"), WRONG)
def test_an_argument_of_another_type_is_refused_by_name(made: Made, call: str, other: str) -> None:
    expected, function = CALLS[call]
    value, spent = OTHERS[other](made), made.dataset.spent
    with pytest.raises(zu.ParameterError) as refused:
        function(made, value)
    name, found = call.split(maxsplit=1)[1].removeprefix("model_"), type(value).__name__
    if expected == "an integer":
        assert str(refused.value).startswith(
            (f"{name}: expected an integer", f"{name} = {value!r}: must be an integer")
        )
    else:
        assert str(refused.value).startswith(f"{name}: expected {expected}, found {found}")
    assert made.dataset.spent == spent


@pytest.mark.parametrize("value", [None, 5, True, 1.5, "text", b"bytes", {"a": 1}, [1]])
def test_plain_values_are_refused_by_an_error_of_this_package(made: Made, value: Any) -> None:
    for call, (_, function) in CALLS.items():
        try:
            function(made, value)
        except zu.ZkUnlearnError:
            continue
        assert call in ACCEPTED and isinstance(value, ACCEPTED[call]), call


NONE = type(None)
ACCEPTED: dict[str, tuple[type, ...]] = {
    "commit bounds": (NONE,),
    "commit categories": (NONE,),
    "commit classes": (NONE,),
    "commit maps": (NONE,),
    "commit x_bits": (int,),
    "commit openings": (int,),
    "suggest model": (NONE,),
    "suggest standardize": (bool,),
    "suggest most_epochs": (int,),
    "suggest shard_rows": (NONE,),
    "suggest previous": (NONE,),
    "train previous": (NONE,),
    "prove previous": (NONE,),
    "commit_noise source": (str,),
    "commit_noise previous": (NONE,),
    "verify noise": (NONE,),
    "verify nonce": (NONE,),
    "prove workers": (NONE,),
    "prove groups": (NONE, int),
    "prove model_openings": (NONE, int),
    "recommit openings": (NONE, int),
    "append openings": (NONE, int),
    "rectify left_out": (bool,),
    "rectify openings": (NONE, int),
    "destroy openings": (NONE, int),
    "recommit_model openings": (NONE, int),
    "verify spec": (NONE,),
    "verify previous": (NONE,),
    "verify known_dataset": (NONE,),
    "verify_bundle previous": (NONE,),
    "register previous": (NONE,),
    "receipts registration": (NONE,),
    "verify_receipt registration": (NONE,),
    "verify_receipt proof": (NONE,),
    "SigningKey.sign message": (bytes,),
    "require_signatures owner": (NONE,),
    "require_signatures auditors": (int,),
    "memory_limit size": (NONE,),
    "memory_limit folder": (NONE, str),
}


def test_numbers_and_paths_of_other_types_are_taken(made: Made, tmp_path: Path) -> None:
    bits, openings, size = (cast(Any, number) for number in (np.int64(12), np.uint8(2), np.int64(1 << 30)))
    assert zu.commit(X, Y, x_bits=bits, openings=openings).statement.encoding.x_bits == 12
    made.link.save(tmp_path / "a")
    assert zu.Proof.load(str(tmp_path / "a")).digest == made.link.digest
    entered(zu.memory_limit(size, str(tmp_path)))
    entered(zu.memory_limit(1e9))  # type: ignore[arg-type]
