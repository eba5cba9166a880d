"""What the owner of a fitted estimator has, and nobody who is given a copy of it: rows, openings, what proves.

Rows are committed to, and trainings proved, when somebody first asks for it: a search over parameters fits hundreds of
models, and proves one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import ParameterError, TrainingError, ZkUnlearnError
from ..models.spec import TrainingSpec
from ..prover.owner.asked import ask
from ..prover.owner.dataset import Dataset
from ..prover.owner.drafts import Draft
from ..prover.owner.trained import Trained
from ..prover.owner.training import prove_training
from ..prover.owner.trial import ShardedRun, TrainingRun, tried
from ..verifier.bundles import Bundle, BundleReport, verify_bundle
from ..verifier.pins import Pins
from ..verifier.proofs import DatasetCommitment, TrainingProof
from ..verifier.verify import VerificationReport, verify_training
from .choices import Chosen

AnyProof = TrainingProof | Bundle
Report = VerificationReport | BundleReport


@dataclass(frozen=True, repr=False, eq=False)
class Public:
    """What an auditor is handed.

    Attributes:
        commitment: to the data set.
        spec: the declared algorithm.
        proof: of the training.
        before: the proof that this one supersedes, if one was made.
    """

    commitment: DatasetCommitment
    spec: TrainingSpec
    proof: AnyProof
    before: AnyProof | None

    def __reduce__(self) -> tuple[Any, ...]:
        """As the bytes of their files, which are read as if they came from somebody else."""
        before = None if self.before is None else self.before.to_bytes()
        files = self.commitment.to_bytes(), self.proof.to_bytes(), before
        return _read, (*files, self.spec, isinstance(self.proof, Bundle), isinstance(self.before, Bundle))

    @cached_property
    def report(self) -> Report:
        """As an auditor verifies it who was handed what came before, too. Raises InvalidProof, StatementMismatch."""
        if isinstance(self.proof, Bundle):
            known = self.before if isinstance(self.before, Bundle) else None
            return verify_bundle(self.proof, self.commitment, Pins(spec=self.spec), known)
        before = self.before if isinstance(self.before, TrainingProof) else None
        return verify_training(self.proof, self.commitment, Pins(spec=self.spec, previous=before))


def _read(
    commitment: bytes, proof: bytes, before: bytes | None, spec: TrainingSpec, sharded: bool, before_sharded: bool
) -> Public:
    """What `Public.__reduce__` wrote. Raises FormatError."""
    known = None if before is None else _kind(before_sharded).from_bytes(before)
    return Public(DatasetCommitment.from_bytes(commitment), spec, _kind(sharded).from_bytes(proof), known)


def _kind(sharded: bool) -> type[AnyProof]:
    return Bundle if sharded else TrainingProof


class Ownership:
    """Rows, their commitment once it is made, and who is forgotten. Its methods may be called from several threads.

    Attributes:
        lock: held by each of them.
        spec: the algorithm. run: the training of who is not forgotten.

    Args:
        draft: the rows.
        chosen: specs, of which the first that trains is kept, whoever is forgotten later.

    Raises:
        DataError, ParameterError, TrainingError: none of the specs trains.
    """

    def __init__(self, draft: Draft, chosen: Chosen) -> None:
        self.lock = threading.RLock()
        self._draft = draft
        self._dataset: Dataset | None = None
        self._trained: Trained | None = None
        self._before: Trained | None = None
        self._public: Public | None = None
        self._forgotten: dict[str, None] = {}
        self.spec, self.run = _first(draft, chosen.specs)

    @property
    def forgotten(self) -> tuple[str, ...]:
        """Ids of all who are forgotten."""
        return tuple(self._forgotten)

    def forget(self, ids: Iterable[object]) -> bool:
        """Train again without these rows, too; whether there was one that is not forgotten already.

        Raises:
            DataError: no list of ids, or an id that no row has; nothing is forgotten then.
            ParameterError, TrainingError: too little is left to train on; nothing is forgotten then.
        """
        with self.lock:
            asked = ask(self._draft.unproved, ids, skip_unknown=False)
            new = [name for name in asked.found if name not in self._forgotten]
            if not new:
                return False
            everybody = {**self._forgotten, **dict.fromkeys(new)}
            self.run = tried(self._draft.unproved, self.spec, list(everybody))
            self._forgotten = everybody
            self._before = self._before if self._trained is None else self._trained
            self._trained = self._public = None
            return True

    def dataset(self) -> Dataset:
        """The rows, committed. Raises ParameterError: they are more than 100 bits of soundness allow."""
        with self.lock:
            if self._dataset is None:
                self._dataset = self._draft.committed()
            return self._dataset

    def trained(self) -> Trained:
        """The training, proved; what was proved before it is superseded.

        Raises:
            ParameterError: no single proof can carry it.
            BudgetExceeded: the commitment has no opening left.
        """
        with self.lock:
            if self._trained is None:
                made = prove_training(self.dataset(), self.spec, list(self._forgotten), self._before)
                if not np.array_equal(made.model.integers, self.run.integers):
                    raise ZkUnlearnError("the training that was proved is not the one that was fitted")
                self._trained = made
            return self._trained

    @property
    def is_proved(self) -> bool:
        """Whether the training is proved already."""
        return self._trained is not None

    @property
    def is_committed(self) -> bool:
        """Whether the rows are committed already."""
        return self._dataset is not None

    def public(self) -> Public:
        """What there is to hand over. Raises what `trained` does."""
        with self.lock:
            trained = self.trained()
            if self._public is None:
                before = None if self._before is None else _public(self._before)
                self._public = Public(self.dataset().commitment, self.spec, _public(trained), before)
            return self._public


def _public(trained: Trained) -> AnyProof:
    return trained.proof if trained.bundle is None else trained.bundle


def _first(draft: Draft, specs: Iterable[TrainingSpec]) -> tuple[TrainingSpec, TrainingRun | ShardedRun]:
    """The first spec that trains, and its training. Raises what the last one does."""
    *others, last = specs
    for spec in others:
        try:
            return spec, tried(draft.unproved, spec)
        except (ParameterError, TrainingError):  # it diverges, or integers have no room: others have smaller rates
            continue
    return last, tried(draft.unproved, last)
