"""A chain of three models with certificates, made once; and certificates that say what they should not, signed well."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import zkunlearn as zu
from zkunlearn.formats.strict_json import canonical_json
from zkunlearn.prover.certificates.certify import certify
from zkunlearn.verifier.certificates.certificate import PAYLOAD_TYPE, Certificate
from zkunlearn.verifier.certificates.materials import Materials
from zkunlearn.verifier.certificates.requests import DeletionRequest
from zkunlearn.verifier.trust.dsse import Envelope
from zkunlearn.verifier.trust.schemes import ED25519
from zkunlearn.verifier.trust.signing_keys import SigningKey

ISSUED, LATER = "2026-11-30T12:00:00Z", "2026-12-02T12:00:00Z"
REQUEST = DeletionRequest("DSR-17", "2026-11-01T09:00:00Z", "2026-11-30T10:00:00Z", "2026-11-15T00:00:00+01:00")
NAMES = ("age", "<b>&income", "dose")  # the second as an attacker of pages would name it


@dataclass(frozen=True)
class Chain:
    """A data set and three models on it, each without more rows than the one before."""

    dataset: zu.DatasetCommitment
    proofs: tuple[zu.TrainingProof, ...]
    registration: zu.RegistrationProof

    def materials(self, number: int, **others: Any) -> Materials:
        """Of the model of this number, 1 or 2."""
        given = {"proof": self.proofs[number], "dataset": self.dataset, "previous": self.proofs[number - 1]}
        return Materials(**given | others)


def _of(seed: int) -> Chain:
    rng = np.random.default_rng(seed)
    features = rng.uniform(-1, 1, size=(32, 3))
    labels = (features.sum(axis=1) > 0).astype(int)
    ids = [f"<script>alert({number})</script>" for number in range(32)]
    bounds = dict.fromkeys(NAMES, (-1, 1))
    dataset = zu.commit(features, labels, ids=ids, names=list(NAMES), bounds=bounds)
    spec = zu.TrainingSpec(model="logistic", epochs=2, learning_rate=0.5)
    first = zu.prove(dataset, spec)
    second = zu.prove(dataset, spec, forget=ids[:2], previous=first)
    narrower = spec.leaving_out([NAMES[1]])
    third = zu.prove(dataset, narrower, forget=ids[2:3], previous=second)
    return Chain(dataset.commitment, (first.proof, second.proof, third.proof), zu.register(dataset))


@cache
def chain() -> Chain:
    """The one that most tests are about."""
    return _of(1)


@cache
def other_chain() -> Chain:
    """Another one."""
    return _of(2)


@cache
def owner() -> SigningKey:
    """Whose certificates they are."""
    return SigningKey.generate(ED25519)


@cache
def certificate() -> Certificate:
    """Of the second model, with one request, and the registration."""
    own = chain()
    return certify(
        own.proofs[1],
        own.dataset,
        owner(),
        previous=own.proofs[0],
        registrations=[own.registration],
        requests=[REQUEST],
        issued_at=ISSUED,
    )


@cache
def successor() -> Certificate:
    """Of the third, which goes on from it."""
    own = chain()
    return certify(own.proofs[2], own.dataset, owner(), previous=own.proofs[1], before=certificate(), issued_at=LATER)


def files() -> Materials:
    """What `certificate` is about."""
    return chain().materials(1, registrations=(chain().registration,))


def resigned(change: Callable[[dict[str, Any]], None], of: Certificate | None = None) -> Certificate:
    """A certificate whose statement was changed by its owner, who signs what it says now."""
    statement = copy.deepcopy((of or certificate()).statement)
    change(statement)
    return Certificate(Envelope.sign(PAYLOAD_TYPE, canonical_json(statement), [owner()]))
