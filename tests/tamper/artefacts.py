"""Honest files of every kind, each with a sibling to splice from, and what the library says about altered ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements.base import STATEMENTS, read_statement, statement_digest
from zkunlearn.errors import ZkUnlearnError
from zkunlearn.formats.container import decode, encode, front_of, write_container
from zkunlearn.prover.owner.dataset import Dataset
from zkunlearn.prover.owner.left_out import LeftOut
from zkunlearn.prover.owner.model import Model
from zkunlearn.verifier.shapes import shape_of
from zkunlearn.verifier.verify import verify_proof

from .edits import edited

ROWS, FEATURES = 11, 2
SPEC = zu.TrainingSpec(model="logistic", epochs=2, learning_rate=(0.5, 0.25), batch_size=4, l2=0.01)
HELD_OUT = zu.TrainingSpec(model="logistic", epochs=2, learning_rate=(0.5, 0.25), batch_size=4, l2=0.01, holdout=2)
PROBIT = zu.TrainingSpec(model="probit", epochs=1, learning_rate=0.5, batch_size=8)
STANDARDIZED = zu.TrainingSpec(
    model="logistic", epochs=2, learning_rate=1.0, l2=0.5, momentum=(0.0, 0.5), class_weight={"0": 2, "1": 1},
    penalize_intercept=True, standardize=True,
)  # fmt: skip
LINEAR = zu.TrainingSpec(model="linear", epochs=2, learning_rate=0.5)
OPTIMUM = zu.TrainingSpec(model="logistic", method="optimum", l2=0.25, distances=(500, 100), grid=22)
RIDGE = zu.TrainingSpec(model="linear", method="optimum", l2=0.25, distances=(500, 100), grid=22)
NEAR = zu.TrainingSpec(model="logistic", epochs=2, learning_rate=1.0, l2=0.5, momentum=0.5)
NEAR_NUMBERS = zu.TrainingSpec(model="linear", epochs=8, learning_rate=0.5, l2=0.5)
NEAR_COUNTS = zu.TrainingSpec(model="poisson", epochs=8, learning_rate=0.25, l2=0.5, penalize_intercept=True)
NEWTON = zu.TrainingSpec(model="logistic", method="newton", l2=0.25, steps=2, grid=22)
INVERSE = zu.TrainingSpec(model="logistic", method="newton", l2=0.5, steps=8, grid=22, inverse=12)
NOISY_NEWTON = zu.TrainingSpec(model="logistic", method="newton", l2=0.5, steps=2, epsilon=1.0, delta=1e-5)
NOISY = tuple(
    zu.TrainingSpec(model="logistic", method="noisy", l2=l2, delta=0.001, fixed_point=zu.FineScales(p_bits=p_bits))
    for l2, p_bits in ((0.25, 28), (0.5, 27))
)
SCALES = zu.FixedPoint(x_bits=12)  # exp is small enough
POISSON = zu.TrainingSpec(model="poisson", epochs=2, learning_rate=0.25, bias=False, fixed_point=SCALES)
SHARDED = tuple(
    zu.TrainingSpec(
        model="logistic", method="sisa", shard_rows=size, slices=2, epochs=2, batch_size=size // 2, learning_rate=0.5,
        momentum=0.25, class_weight={"0": 2, "1": 3}, aggregate=aggregate,
        fixed_point=zu.FixedPoint(w_bits=w_bits),
    )
    for size, aggregate, w_bits in ((4, "probability", 16), (8, "vote", 15))
)  # fmt: skip
WHOLE = zu.TrainingSpec(model="logistic", epochs=2, learning_rate=0.5)
LARGEST = 1 << 28
ROWS_AFTER = "rows"  # what a payload is taken to have, of a file that goes on after it
IMPLIED = r"the statement implies (\d+)"  # what the check of a proof's length says
SIZES = ("statement.rows", "statement.segments[].stop")
LABELS = ("references.dataset.statement.encoding.label",)
EVALUATED = tuple(  # of each statement beside an evaluation what others do not have; all of it is hashed alike
    f"references.{name}"
    for name in (
        *(f"holdout.statement.{field}" for field in ("root", "record_root", "openings", "holes", "encoding.x_bits")),
        *("training.statement.model", "second.statement.spec.holdout", "second.statement.previous"),
    )
)
OF_TRAINING = tuple(  # likewise beside a distance
    f"references.training.statement.{name}" for name in ("spec.method.l2", "spec.method.bias", "model", "previous")
)
Judge = Callable[[Any], None]  # raises what the library raises about a payload


@dataclass(frozen=True)
class Kind:
    """An artefact: its decoded payload, a sibling's, and who judges it."""

    name: str
    payload: Any
    sibling: Any
    judge: Judge
    below: str | tuple[str, ...] = ""  # only fields whose names begin like this, or like one of these

    def operations(self) -> Iterator[tuple[str, str]]:
        """All that is tried, in order: field and operation."""
        yield from ((field, operation) for field, operation, _ in edited(self.payload, self.sibling, self.below))

    def rows(self, every: int = 1) -> Iterator[tuple[str, str, str, str]]:
        """The manifest: kind, field, operation, answer.

        A statement that implies another length is tried again with a proof of that length.

        every: one edit of so many is tried.
        """
        for field, operation, payload in islice(edited(self.payload, self.sibling, self.below), 0, None, every):
            found = answer(self.judge, payload)
            yield self.name, field, operation, found
            if found == "proof length" and field != "proof":
                length = implied(self.judge, payload)
                refitted = {**payload, "proof": payload["proof"][:length].ljust(length, b"\0")}
                yield self.name, field, f"{operation}, and a proof of that length", answer(self.judge, refitted)


def implied(judge: Judge, payload: Any) -> int:
    """The length of a proof that a statement implies, as the refusal says."""
    with pytest.raises(zu.InvalidProof, match=IMPLIED) as refused:
        judge(payload)
    return int(re.search(IMPLIED, refused.value.detail)[1])  # type: ignore[index]  # it matched


def answer(judge: Judge, payload: Any) -> str:
    """What the library says, in a word or in the words of its message."""
    try:
        judge(payload)
    except zu.InvalidProof as error:
        return error.check
    except zu.StatementMismatch as error:
        return f"mismatch: {error}"
    except ZkUnlearnError as error:
        kind = "format" if isinstance(error, zu.FormatError) else type(error).__name__
        reason = re.sub("/[^ ]*/", "", str(error))  # without the folder of this run
        return f"{kind}: {reason}"
    return "accepted"


@dataclass(frozen=True)
class Extended:
    """A registration that goes on from another one, and what it is verified with; a receipt of an added row."""

    dataset: zu.DatasetCommitment
    registration: zu.RegistrationProof
    link: zu.LinkProof
    first: zu.RegistrationProof
    receipt: zu.Receipt


class Owner:
    """Commitments, proofs and secrets of one owner."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.seed, self.rng, self.folder = seed, np.random.default_rng(seed), folder
        self.X = self.rng.normal(size=(ROWS, FEATURES))
        self.people = zu.commit(self.X, np.arange(ROWS) % 2, openings=6)
        self.people.save(folder)
        self.first = zu.prove(self.people, SPEC).proof
        self.trained = zu.prove(self.people, SPEC, forget=self.named(self.people, 1, 6), previous=self.first)
        self.renewed, self.link = zu.recommit(self.people, openings=3)
        houses = zu.commit(self.X, self.rng.normal(size=ROWS), openings=2)
        self.houses, self.rents = houses.commitment, zu.prove(houses, LINEAR).proof

    def named(self, data: zu.Dataset, *places: int) -> list[str]:
        """Ids of rows that are at other places for each owner, whatever their order, so that they always differ."""
        return [data.ids[place + self.seed] for place in places]

    def people_of(self, rows: int, after: int = 0) -> list[str]:
        """Ids that no other owner has."""
        return [f"{self.seed} {row}" for row in range(after, after + rows)]

    # What only one owner needs:

    @cached_property
    def probit(self) -> zu.TrainingProof:
        """On the same rows, as the next."""
        return zu.prove(self.people, PROBIT).proof

    @cached_property
    def standardized(self) -> zu.TrainingProof:
        """The last opening of people."""
        return zu.prove(self.people, STANDARDIZED).proof

    @cached_property
    def optimum(self) -> tuple[zu.DatasetCommitment, zu.TrainingProof]:
        """Certified at the first of two distances."""
        data = zu.commit(self.X, np.arange(ROWS) % 2, openings=2)
        return data.commitment, zu.prove(data, OPTIMUM).proof

    @cached_property
    def optima(self) -> tuple[zu.DatasetCommitment, zu.TrainingProof]:
        """The same of three classes."""
        data = zu.commit(self.X, np.array([*"abc"])[np.arange(ROWS) % 3], openings=2)
        return data.commitment, zu.prove(data, OPTIMUM).proof

    @cached_property
    def ridge(self) -> tuple[zu.DatasetCommitment, zu.TrainingProof]:
        """The same of a linear model."""
        data = zu.commit(self.X, self.X[:, 0] - self.X[:, 1], openings=2)
        return data.commitment, zu.prove(data, RIDGE).proof

    @cached_property
    def newton(self) -> tuple[zu.DatasetCommitment, zu.TrainingProof]:
        """From a model that it supersedes."""
        data = zu.commit(self.X, np.arange(ROWS) % 2, openings=3)
        return data.commitment, zu.prove(data, NEWTON, forget=self.named(data, 1), previous=zu.prove(data, SPEC)).proof

    @cached_property
    def newton_classes(self) -> tuple[zu.DatasetCommitment, zu.TrainingProof]:
        """The same of three classes."""
        data = zu.commit(self.X, np.array([*"abc"])[np.arange(ROWS) % 3], openings=3)
        first = zu.prove(data, WHOLE)
        return data.commitment, zu.prove(data, NEWTON, forget=self.named(data, 1), previous=first).proof

    @cached_property
    def inverses(self) -> tuple[zu.DatasetCommitment, zu.TrainingProof]:
        """By matrices that are proved to be inverses, from certified optima."""
        data = zu.commit(self.X, np.array([*"abc"])[np.arange(ROWS) % 3], openings=3)
        first = zu.prove(data, zu.TrainingSpec(model="logistic", method="optimum", l2=0.25))
        return data.commitment, zu.prove(data, INVERSE, forget=self.named(data, 1), previous=first).proof

    @cached_property
    def inverse(self) -> tuple[zu.DatasetCommitment, zu.TrainingProof]:
        """By a matrix that is proved to be an inverse, from a certified optimum."""
        data = zu.commit(self.X, np.arange(ROWS) % 2, openings=3)
        first = zu.prove(data, zu.TrainingSpec(model="logistic", method="optimum", l2=0.25))
        return data.commitment, zu.prove(data, INVERSE, forget=self.named(data, 1), previous=first).proof

    @cached_property
    def noisy(self) -> tuple[zu.DatasetCommitment, zu.TrainingProof, zu.NoiseCommitment, Path]:
        """With noise, its commitment, and the secret before it was used."""
        return self._noisy(np.arange(ROWS) % 2, "kept")

    @cached_property
    def noisy_classes(self) -> tuple[zu.DatasetCommitment, zu.TrainingProof, zu.NoiseCommitment, Path]:
        """The same of three classes."""
        return self._noisy(np.array([*"abc"])[np.arange(ROWS) % 3], "of classes")

    @cached_property
    def noisy_newton(self) -> tuple[zu.DatasetCommitment, zu.TrainingProof, Path]:
        """Steps to a model with noise, from a certified optimum, and the secret before it was used."""
        data = zu.commit(self.X, np.arange(ROWS) % 2, openings=3)
        first = zu.prove(data, zu.TrainingSpec(model="logistic", method="optimum", l2=0.5))
        request: Any = self.named(data, 1), first
        noise = zu.commit_noise(data, NOISY_NEWTON, "the auditor", *request)
        unused, kept = (self.folder / f"{own}.noise.opening" for own in ("unused of steps", "of steps"))
        noise.save(unused)
        kept.write_bytes(unused.read_bytes())
        proved = zu.prove(data, NOISY_NEWTON, *request, noise=noise, nonce=bytes([self.seed]) * 32)
        return data.commitment, proved.proof, kept

    def _noisy(self, labels: Any, name: str) -> tuple[zu.DatasetCommitment, zu.TrainingProof, zu.NoiseCommitment, Path]:
        data = zu.commit(self.X, labels, openings=2)
        spec = NOISY[self.seed % 2]
        forgotten = self.named(data, 2)
        noise = zu.commit_noise(data, spec, "the auditor", forget=forgotten)
        unused, kept = (self.folder / f"{own}.noise.opening" for own in (f"unused {name}", name))
        noise.save(unused)
        kept.write_bytes(unused.read_bytes())
        proof = zu.prove(data, spec, forget=forgotten, noise=noise, nonce=bytes([self.seed]) * 32).proof
        return data.commitment, proof, noise.commitment, kept

    @cached_property
    def continued(self) -> zu.TrainingProof:
        """On the fresh commitment, after the first one on the old."""
        return zu.prove(self.renewed, SPEC, forget=self.named(self.renewed, 1), previous=self.first).proof

    @cached_property
    def grown(self) -> tuple[zu.Dataset, zu.LinkProof, zu.TrainingProof]:
        """A data set to which one row was added and then another one, put right; the link to it, and a training."""
        bounds = {name: (-5.0, 5.0) for name in ("x1", "x2")}
        data = zu.commit(self.X, np.arange(ROWS) % 2, bounds=bounds, openings=3)
        more = np.random.default_rng(self.seed).uniform(-1, 1, size=(2, FEATURES))
        longer, _ = zu.append(data, more[:1], [1], nonce=bytes([self.seed]) * 32, openings=3)
        wrong = self.named(data, 4)
        last, link = zu.rectify(longer, more[1:], [0], ids=wrong, openings=4)
        return last, link, zu.prove(last, SPEC, forget=wrong).proof

    @cached_property
    def destroyed(self) -> tuple[zu.Dataset, zu.LinkProof]:
        """What is left of it without a row that is forgotten, and the link."""
        data, _, trained = self.grown
        return zu.destroy(data, self.named(data, 4), forgotten_by=trained, openings=3)

    @cached_property
    def begun(self) -> tuple[zu.Dataset, zu.ShardedModel]:
        """Models of shards, committed afresh."""
        data = zu.commit(self.X, np.arange(ROWS) % 2, openings=3)
        first: Any = zu.prove(data, SHARDED[self.seed % 2])
        return data, zu.ShardedModel(first.bundle, (zu.recommit_model(first.secret, openings=5)[0],))

    @cached_property
    def request(self) -> tuple[zu.DatasetCommitment, Any]:
        """To shards: one stage of one of them, from the model of the stage before."""
        data, begun = self.begun
        return data.commitment, zu.prove(data, begun.spec, forget=[data.rows.ids[7]], previous=begun)

    @cached_property
    def model_link(self) -> zu.ModelLinkProof:
        """Of the models of the request, whose training says more than others do."""
        return zu.recommit_model(self.request[1].secret, openings=5)[1]

    @cached_property
    def registered(self) -> tuple[zu.DatasetCommitment, zu.RegistrationProof, zu.Receipt]:
        """With the receipt of somebody."""
        data = zu.commit(self.X, np.arange(ROWS) % 2, self.people_of(ROWS), openings=2)
        return data.commitment, zu.register(data), zu.receipts(data).of(*self.named(data, 2))

    @cached_property
    def keyed(self) -> tuple[zu.DatasetCommitment, zu.RegistrationProof, zu.Receipt]:
        """The same of rows that have keys, with the receipt of somebody."""
        keys = {f"{name} {self.seed}": [f"{name}{n}" for n in range(ROWS)] for name in ("no", "mail")}
        data = zu.commit(self.X, np.arange(ROWS) % 2, self.people_of(ROWS), openings=2, unique=keys)
        return data.commitment, zu.register(data), zu.receipts(data).of(*self.named(data, 2))

    @cached_property
    def extended(self) -> Extended:
        """The same of data that has grown, of which only the added rows are listed."""
        data = zu.commit(self.X, np.arange(ROWS) % 2, self.people_of(ROWS), openings=4)
        first = zu.register(data)
        grown, link = zu.append(data, self.X[:3], [1, 0, 1], self.people_of(3, ROWS))
        registration = zu.register(grown, first)
        return Extended(
            grown.commitment, registration, link, first, zu.receipts(grown, registration).of(*self.named(grown, ROWS))
        )

    @cached_property
    def evaluation(self) -> zu.EvaluationProof:
        """Of two models on rows of their own, with confusion matrices."""
        rng = np.random.default_rng(10 + self.seed)
        bounds = {name: (-5.0, 5.0) for name in ("x1", "x2")}
        data = zu.commit(self.X, np.arange(ROWS) % 2, bounds=bounds, openings=3)
        features = rng.uniform(-5, 5, size=(101 + self.seed, FEATURES))
        holdout = zu.commit(features, (features[:, 0] > 0).astype(int), bounds=bounds, openings=2)
        models = [zu.prove(data, spec).secret for spec in (STANDARDIZED, HELD_OUT)]  # the first hangs on no order
        return zu.evaluate(holdout, models, confusion=True)

    @cached_property
    def regressed(self) -> zu.EvaluationProof:
        """Of a model that predicts numbers."""
        rng = np.random.default_rng(12 + self.seed)
        bounds = {"x1": (-5.0, 5.0), "x2": (-5.0, 5.0), "label": (-5.0, 5.0)}
        X = [rng.uniform(-5, 5, size=(rows, FEATURES)) for rows in (ROWS, 101 + self.seed)]
        data, holdout = (zu.commit(part, part[:, 0], bounds=bounds, openings=2) for part in X)
        return zu.evaluate(holdout, zu.prove(data, LINEAR).secret)

    @cached_property
    def classified(self) -> zu.EvaluationProof:
        """Of a model of several classes, with its log-loss."""
        rng = np.random.default_rng(13 + self.seed)
        bounds = {name: (-5.0, 5.0) for name in ("x1", "x2")}
        X = [rng.uniform(-5, 5, size=(rows, FEATURES)) for rows in (ROWS, 101 + self.seed)]
        data, holdout = (
            zu.commit(part, np.array([*"abc"])[np.arange(len(part)) % 3], bounds=bounds, openings=2) for part in X
        )
        return zu.evaluate(holdout, zu.prove(data, WHOLE).secret, confusion=True)

    @cached_property
    def visits_expected(self) -> zu.EvaluationProof:
        """Of a Poisson model."""
        rng = np.random.default_rng(18 + self.seed)
        bounds = {"x1": (-5.0, 5.0), "x2": (-5.0, 5.0)}
        X = [rng.uniform(-5, 5, size=(rows, FEATURES)) for rows in (ROWS, 101 + self.seed)]
        data, holdout = (
            zu.commit(part, np.arange(len(part)) % 3, bounds=bounds, label_kind="count", openings=2) for part in X
        )
        return zu.evaluate(holdout, zu.prove(data, NEAR_COUNTS).secret)

    @cached_property
    def together(self) -> zu.ShardedEvaluationProof:
        """Of the models of two bundles on rows of their own."""
        rng = np.random.default_rng(14 + self.seed)
        bounds = {name: (-5.0, 5.0) for name in ("x1", "x2")}
        data = zu.commit(self.X, np.arange(ROWS) % 2, bounds=bounds, openings=3)
        features = rng.uniform(-5, 5, size=(101 + self.seed, FEATURES))
        holdout = zu.commit(features, (features[:, 0] > 0).astype(int), bounds=bounds, openings=2)
        first: Any = zu.prove(data, SHARDED[self.seed % 2])
        after: Any = zu.prove(data, first.proof.statement.spec, forget=[data.rows.ids[7]], previous=first)
        return zu.evaluate(holdout, [first.model, after.model], confusion=True)

    @cached_property
    def averaged(self) -> zu.ShardedEvaluationProof:
        """Of models of shards that predict numbers."""
        rng = np.random.default_rng(16 + self.seed)
        bounds = {"x1": (-5.0, 5.0), "x2": (-5.0, 5.0), "label": (-5.0, 5.0)}
        X = [rng.uniform(-5, 5, size=(rows, FEATURES)) for rows in (ROWS, 101 + self.seed)]
        data, holdout = (zu.commit(part, part[:, 0], bounds=bounds, openings=2) for part in X)
        spec = zu.TrainingSpec(model="linear", method="sisa", shard_rows=4, epochs=2, learning_rate=0.25)
        trained: Any = zu.prove(data, spec)
        return zu.evaluate(holdout, trained.model)

    @cached_property
    def expected_together(self) -> zu.ShardedEvaluationProof:
        """Of models of shards that expect counts."""
        rng = np.random.default_rng(18 + self.seed)
        bounds = {"x1": (-5.0, 5.0), "x2": (-5.0, 5.0)}
        X = [rng.uniform(-5, 5, size=(rows, FEATURES)) for rows in (ROWS, 101 + self.seed)]
        y = [rng.poisson(2, size=len(part)) for part in X]
        data, holdout = (
            zu.commit(part, labels, bounds=bounds, label_kind="count", openings=2)
            for part, labels in zip(X, y, strict=True)
        )
        spec = zu.TrainingSpec(model="poisson", method="sisa", shard_rows=4, epochs=2, learning_rate=0.05)
        trained: Any = zu.prove(data, spec)
        return zu.evaluate(holdout, trained.model)

    @cached_property
    def distance(self) -> zu.DistanceProof:
        """Of a model whose intercept is not penalised."""
        data = zu.commit(self.X, np.arange(ROWS) % 2, openings=3)
        return zu.prove_distance(data, zu.prove(data, NEAR).secret)

    @cached_property
    def distances(self) -> zu.DistanceProof:
        """Of models of three classes, whose intercepts are not penalised."""
        data = zu.commit(self.X, np.array([*"abc"])[np.arange(ROWS) % 3], openings=3)
        return zu.prove_distance(data, zu.prove(data, NEAR).secret)

    @cached_property
    def linear_distance(self) -> zu.DistanceProof:
        """Of a linear model, likewise."""
        data = zu.commit(self.X, self.X.sum(axis=1), openings=3)
        return zu.prove_distance(data, zu.prove(data, NEAR_NUMBERS).secret)

    @cached_property
    def count_distance(self) -> zu.DistanceProof:
        """Of a Poisson model whose intercept is penalised."""
        bounds = {name: (-5.0, 5.0) for name in ("x1", "x2")}
        data = zu.commit(self.X, np.arange(ROWS) % 3, bounds=bounds, label_kind="count", openings=3)
        return zu.prove_distance(data, zu.prove(data, NEAR_COUNTS).secret)

    @cached_property
    def predictions(self) -> zu.PredictionProof:
        """Of a model that was committed afresh, and does not depend on the order of rows."""
        data = zu.commit(self.X, np.arange(ROWS) % 2, bounds={name: (-5.0, 5.0) for name in ("x1", "x2")}, openings=2)
        model = zu.recommit_model(zu.prove(data, WHOLE, model_openings=2 + self.seed).secret, openings=2)[0]
        return zu.prove_predictions(model, self.X[:3], ("score", "probability")[self.seed % 2])

    @cached_property
    def visits(self) -> tuple[zu.DatasetCommitment, zu.TrainingProof]:
        """Counts, in declared bounds."""
        bounds = {name: (-5.0, 5.0) for name in ("x1", "x2")}
        data = zu.commit(self.X, np.arange(ROWS) % 3, bounds=bounds, label_kind="count", x_bits=12, openings=2)
        return data.commitment, zu.prove(data, POISSON).proof

    @cached_property
    def sourced(self) -> dict[str, zu.DatasetCommitment]:
        """By what is declared of a column: categories, times, what missing numbers count as."""
        declared: dict[str, Any] = {
            "categories": {"categories": ["a", "b", "c"], "reference": "b", "other": "a", "missing": "c"},
            "times": {"low": date(2000, 1, 1), "high": date(2030, 1, 1), "missing": date(2010, 1, 1), "format": "%Y"},
            "numbers": {"low": 0, "high": 9, "missing": 5},
        }
        names = {"categories": ["x=a", "x=c"], "times": ["x"], "numbers": ["x"]}
        most = {"categories": 1, "times": 10_000, "numbers": 9}
        rows = {kind: np.eye(5)[:, : len(own)] * most[kind] for kind, own in names.items()}
        return {
            kind: zu.commit(rows[kind], [0, 1, 1, 0, 1], names=own, bounds={"x": declared[kind]}).commitment
            for kind, own in names.items()
        }


def payload_of(artefact: Any) -> Any:
    """A decoded file, its rows as if they were a field."""
    data = artefact.to_bytes()
    front = front_of(data)
    payload = decode(data[:front], None, LARGEST)[1]
    return payload if front is None else {**payload, ROWS_AFTER: data[front:]}


def registration_of(payload: Any) -> zu.RegistrationProof:
    """What an altered one says."""
    fields = {name: value for name, value in payload.items() if name != ROWS_AFTER}
    return zu.RegistrationProof.from_bytes(encode("registration", fields) + payload.get(ROWS_AFTER, b""))


def judge_dataset(payload: Any) -> None:
    zu.verify_dataset(zu.DatasetCommitment.from_bytes(encode("dataset", payload)))


def judge_resized(payload: Any) -> None:
    """The rows and the segment that holds them all."""
    judge_dataset(with_whole_segment(payload))


def judge_recommitment(payload: Any) -> None:
    zu.verify_link(zu.LinkProof.from_bytes(encode("link", payload)))


def judge_model_link(payload: Any) -> None:
    zu.verify_link(zu.ModelLinkProof.from_bytes(encode("model link", payload)))


def judge_model_linked(payload: Any) -> None:
    """The link of a model of an altered training."""
    judge_model_link(refitted("model link", payload))


def judge_evaluation(payload: Any) -> None:
    verify_proof(zu.EvaluationProof.from_bytes(encode("evaluation", payload)))


def judge_evaluated(payload: Any) -> None:
    """The same on an altered hold-out, or of altered trainings."""
    judge_evaluation(refitted("evaluation", payload))


def judge_together(payload: Any) -> None:
    verify_proof(zu.ShardedEvaluationProof.from_bytes(encode("sharded evaluation", payload)))


def judge_distance(payload: Any) -> None:
    verify_proof(zu.DistanceProof.from_bytes(encode("distance", payload)))


def judge_near(payload: Any) -> None:
    """The same of the model of an altered training."""
    judge_distance(refitted("distance", payload))


def judge_predictions(payload: Any) -> None:
    verify_proof(zu.PredictionProof.from_bytes(encode("prediction", payload)))


def judge_predicted(payload: Any) -> None:
    """Of an altered training."""
    judge_predictions(refitted("prediction", payload))


def judge_proof(dataset: zu.DatasetCommitment, **pins: Any) -> Judge:
    """The auditor has the true commitment, and whatever else is pinned."""

    def judge(payload: Any) -> None:
        proof = zu.TrainingProof.from_bytes(encode("training", payload))
        zu.verify(proof, dataset, known_dataset=dataset.digest, **pins)

    return judge


def judge_registration(dataset: zu.DatasetCommitment) -> Judge:
    """The auditor has the true commitment."""

    def judge(payload: Any) -> None:
        zu.verify_registration(registration_of(payload), dataset)

    return judge


def judge_extension(own: Extended) -> Judge:
    """Likewise, and all that it goes on from."""

    def judge(payload: Any) -> None:
        registration = registration_of(payload)
        try:
            zu.verify_registration(registration, own.dataset, [own.link], [own.first])
        except zu.ParameterError:  # whose words have a digest, which is another one each time
            raise zu.StatementMismatch("it goes on from another registration") from None

    return judge


def judge_registered_alike(payload: Any) -> None:
    """The auditor has been given the same altered data set, of all rows of which it is."""
    found = refitted("registration", payload)
    match found:
        case {"references": {"dataset": {"statement": {"rows": rows}}}}:
            found = {**found, "statement": {**found["statement"], "stop": rows}}
    registration = registration_of(found)
    zu.verify_registration(registration, zu.DatasetCommitment(registration.statement.dataset, b"not looked at"))


def judge_receipt(dataset: zu.DatasetCommitment, registration: zu.RegistrationProof) -> Judge:
    """She has the true commitment and its registration."""

    def judge(payload: Any) -> None:
        zu.verify_receipt(zu.Receipt.from_bytes(encode("receipt", payload)), dataset, registration)

    return judge


def judge_bundle(dataset: zu.DatasetCommitment, forgotten: list[bytes]) -> Judge:
    """The auditor has the true commitment, and knows who is to be forgotten."""

    def judge(payload: Any) -> None:
        bundle = zu.Bundle.from_bytes(encode("bundle", payload))
        zu.verify_bundle(bundle, dataset, forget=forgotten, known_dataset=dataset.digest)

    return judge


def with_whole_segment(dataset: Any) -> Any:
    """The same data set, whose last segment and number of rows follow each other: the one of both that was altered.

    Each segment but the first has one row.
    """
    match dataset:
        case {"statement": {"rows": rows, "segments": [*older, {"stop": stop} as segment]} as statement} if (
            rows != stop
        ):
            whole = stop if rows == ROWS + len(older) else rows
            segments = [*older, {**segment, "stop": whole}]
            return {**dataset, "statement": {**statement, "rows": whole, "segments": segments}}
    return dataset


def reborn(dataset: Any, old: bytes, altered: bytes) -> Any:
    """The same data set, whose rows were first committed in the altered one, as far as they were in the old one."""
    match dataset:
        case {"statement": {"segments": [*segments]} as statement}:
            renamed = [
                {**own, "born": altered} if isinstance(own, dict) and own.get("born") == old else own
                for own in segments
            ]
            return {**dataset, "statement": {**statement, "segments": renamed}}
    return dataset


def refitted(kind: str, payload: Any) -> Any:
    """The same file, where the statement names the altered ones beside it by their digests."""
    refers, beside = STATEMENTS[kind].refers, payload.get("references")
    if not isinstance(beside, dict) or beside.keys() != refers.keys() or "statement" not in payload:
        return payload
    beside = {name: refitted(refers[name].kind, with_whole_segment(other)) for name, other in beside.items()}
    if kind == "link":
        old = statement_digest(read_statement(refers["old"], beside["old"]))
        beside = {**beside, "new": reborn(beside["new"], payload["statement"]["old"], old)}
    digests = {name: statement_digest(read_statement(other, beside[name])) for name, other in refers.items()}
    return {**payload, "references": beside, "statement": {**payload["statement"], **digests}}


def judge_alike(payload: Any) -> None:
    """The auditor has been given the same altered data set, and believes that it was verified."""
    proof = zu.TrainingProof.from_bytes(encode("training", refitted("training", payload)))
    commitment = zu.DatasetCommitment(proof.statement.dataset, b"not looked at")
    zu.verify(proof, commitment, known_dataset=commitment.digest)


def judge_linked(payload: Any) -> None:
    """The link between two altered data sets."""
    judge_recommitment(refitted("link", payload))


def judge_known(owner: Owner) -> Judge:
    """A true proof, and an altered commitment under the digest that was verified before."""

    def judge(payload: Any) -> None:
        altered = zu.DatasetCommitment.from_bytes(encode("dataset", payload))
        zu.verify(owner.trained.proof, altered, known_dataset=owner.people.commitment.digest)

    return judge


def judge_previous(owner: Owner, alike: bool = False) -> Judge:
    """A true proof, and an altered one that it is said to supersede. `alike`: which names the data set beside it."""

    def judge(payload: Any) -> None:
        altered = zu.TrainingProof.from_bytes(encode("training", refitted("training", payload) if alike else payload))
        judge_proof(owner.people.commitment, previous=altered)(payload_of(owner.trained.proof))

    return judge


def judge_link(owner: Owner, alike: bool = False) -> Judge:
    """A true proof on the fresh commitment, and an altered link to the one before, `alike` as above."""

    def judge(payload: Any) -> None:
        altered = zu.LinkProof.from_bytes(encode("link", refitted("link", payload) if alike else payload))
        pins: Any = {"previous": owner.first, "links": [altered]}
        judge_proof(owner.renewed.commitment, **pins)(payload_of(owner.continued))

    return judge


def judge_noise(dataset: zu.DatasetCommitment, proof: zu.TrainingProof) -> Judge:
    """What the auditor was given before the nonce, altered, and the true proof."""

    def judge(payload: Any) -> None:
        committed = zu.NoiseCommitment.from_bytes(encode("noise", payload))
        zu.verify(proof, dataset, known_dataset=dataset.digest, noise=committed)

    return judge


def judge_noise_opening(folder: Path, statement: Any) -> Judge:
    """Read, and opened for the request that it is of."""

    def judge(payload: Any) -> None:
        write_container(folder / "altered.noise.opening", "noise.opening", payload)
        noise = zu.Noise.load(folder / "altered.noise.opening")
        noise.drawn(statement, bytes(32))
        if noise.statement != statement.committed_noise:
            raise zu.StatementMismatch("it is another commitment than the public one")
        noise.opening(statement, shape_of(statement).committed["noise"])

    return judge


def judge_model(folder: Path) -> Judge:
    def judge(payload: Any) -> None:
        write_container(folder / "model.opening", "model.opening", payload)
        Model.load(folder / "model.opening")

    return judge


def judge_left_out(folder: Path, dataset: zu.DatasetCommitment) -> Judge:
    """In a folder of its own: a data set is read with the file that lies beside it."""
    (folder / "altered").mkdir()

    def judge(payload: Any) -> None:
        write_container(folder / "altered" / "dataset.left_out", "dataset.left_out", payload)
        LeftOut.load(folder / "altered", dataset.digest)

    return judge


def judge_opening(folder: Path) -> Judge:
    def judge(payload: Any) -> None:
        write_container(folder / "dataset.opening", "dataset.opening", payload)
        Dataset.load(folder)

    return judge


def kinds(owner: Owner, other: Owner) -> list[Kind]:
    """Every kind of file, in every variant that has fields of its own, and in every role."""
    groups = (
        *(public_kinds, grown_kinds, sharded_kinds, role_kinds, secret_kinds, registered_kinds, keyed_kinds),
        *(evaluated_kinds, distance_kinds, predicted_kinds, noisy_kinds),
    )
    return [kind for group in groups for kind in group(owner, other)]


def public_kinds(owner: Owner, other: Owner) -> list[Kind]:
    """Each by itself. What has counts is spliced with what has labels of other kinds."""

    def pair(get: Callable[[Owner], Any]) -> tuple[Any, Any]:
        return payload_of(get(owner)), payload_of(get(other))

    people, proof = owner.people.commitment, pair(lambda o: o.trained.proof)
    visits, calls = owner.visits
    counts = payload_of(visits), payload_of(people)
    (certified, nearest), (ridge, exact), (begun, _) = owner.optimum, owner.ridge, owner.newton
    chosen = ("statement.spec", "statement.distance")
    started = ("statement.spec", "statement.start", "statement.previous")
    return [
        Kind("dataset", *pair(lambda o: o.people.commitment), judge_dataset),
        Kind("dataset, its rows and segment alike", *pair(lambda o: o.people.commitment), judge_resized, SIZES),
        Kind("dataset, real labels", *pair(lambda o: o.houses), judge_dataset),
        Kind("dataset, counts in declared bounds", *counts, judge_dataset, "statement.encoding"),
        *(
            Kind(f"dataset, of {name}", payload_of(own), counts[1], judge_dataset, "statement.encoding.sources")
            for name, own in owner.sourced.items()
        ),
        Kind("training", *proof, judge_proof(people)),
        Kind("training, and its data set alike", *proof, judge_alike, "references"),
        Kind("training, real labels", *pair(lambda o: o.rents), judge_proof(owner.houses)),
        Kind("training, real labels, and its data set alike", *pair(lambda o: o.rents), judge_alike, LABELS),
        Kind("training, counts", payload_of(calls), payload_of(owner.rents), judge_proof(visits), "statement.spec"),
        Kind("training, probit", payload_of(owner.probit), proof[0], judge_proof(people), "statement.spec"),
        Kind("training, standardised", payload_of(owner.standardized), proof[0], judge_proof(people), "statement.spec"),
        Kind("training, optimum", payload_of(nearest), proof[0], judge_proof(certified), chosen),
        Kind("training, linear optimum", payload_of(exact), payload_of(nearest), judge_proof(ridge), chosen),
        Kind("training, newton", *pair(lambda o: o.newton[1]), judge_proof(begun), started),
        Kind("training, inverse", *pair(lambda o: o.inverse[1]), judge_proof(owner.inverse[0]), "statement.spec"),
        Kind("link", *pair(lambda o: o.link), judge_recommitment),
        Kind("link, and its data sets alike", *pair(lambda o: o.link), judge_linked, "references"),
    ]


def kinds_of_classes(owner: Owner, other: Owner) -> list[Kind]:
    """Certified optima of several classes."""
    dataset, optima = owner.optima
    below = ("statement.spec", "statement.distance", "statement.forgotten_classes", "statement.model")
    payloads = payload_of(optima), payload_of(other.optima[1])
    return [Kind("training, optima of classes", *payloads, judge_proof(dataset), below)]


def noisy_kinds_of_classes(owner: Owner, other: Owner) -> list[Kind]:
    """The same with noise."""
    (dataset, proof, _, secret), theirs = owner.noisy_classes, other.noisy_classes
    mine, its = (decode(path.read_bytes(), None, LARGEST)[1] for path in (secret, theirs[3]))
    below = ("statement.noise", "statement.spec.method", "statement.forgotten_classes", "statement.model")
    judge = judge_noise_opening(owner.folder, proof.statement)
    return [
        Kind("training, noisy of classes", payload_of(proof), payload_of(theirs[1]), judge_proof(dataset), below),
        Kind("noise.opening, of classes", mine, its, judge, ("integers", "tails", "leaf_salts")),
    ]


def noisy_newton_kinds(owner: Owner, other: Owner) -> list[Kind]:
    """Steps to a model with noise: what they have that neither has alone."""
    (dataset, proof, secret), theirs = owner.noisy_newton, other.noisy_newton
    mine, its = (decode(path.read_bytes(), None, LARGEST)[1] for path in (secret, theirs[2]))
    below = ("statement.noise", "statement.spec.method", "statement.start", "statement.previous", "statement.distance")
    judge = judge_noise_opening(owner.folder, proof.statement)
    return [
        Kind("training, noisy newton", payload_of(proof), payload_of(theirs[1]), judge_proof(dataset), below),
        Kind("noise.opening, of steps", mine, its, judge, ("integers", "kept")),
    ]


def newton_kinds_of_classes(owner: Owner, other: Owner) -> list[Kind]:
    """Steps of several classes."""
    (dataset, proof), theirs = owner.newton_classes, other.newton_classes[1]
    below = ("statement.spec.method", "statement.start", "statement.model", "statement.previous")
    (inverses, proved), others = owner.inverses, other.inverses[1]
    return [
        Kind("training, newton of classes", payload_of(proof), payload_of(theirs), judge_proof(dataset), below),
        Kind("training, inverses", payload_of(proved), payload_of(others), judge_proof(inverses), below[:1]),
    ]


def several_distances_kinds(owner: Owner, other: Owner) -> list[Kind]:
    """How near its own optimum each class's model is."""
    both = payload_of(owner.distances), payload_of(other.distances)
    return [Kind("distance, of classes", *both, judge_distance, ("statement.models",))]


def linear_distance_kinds(owner: Owner, other: Owner) -> list[Kind]:
    """How near its optimum a linear model is."""
    both = payload_of(owner.linear_distance), payload_of(other.linear_distance)
    return [Kind("distance, of a linear model", *both, judge_distance, ("statement.distance", "statement.slope"))]


def grown_kinds(owner: Owner, other: Owner) -> list[Kind]:
    """A link that adds rows and names others as superseded, and what is trained after it."""
    last, link, trained = owner.grown
    links, proofs = (payload_of(link), payload_of(other.grown[1])), (payload_of(trained), payload_of(other.grown[2]))
    less, others = owner.destroyed, other.destroyed
    destroying = payload_of(less[1]), payload_of(others[1])
    return [
        Kind("dataset, grown", payload_of(last.commitment), payload_of(other.grown[0].commitment), judge_dataset),
        Kind("link, grown", *links, judge_recommitment),
        Kind("link, grown, and its data sets alike", *links, judge_linked, "references"),
        Kind("dataset, with holes", payload_of(less[0].commitment), payload_of(others[0].commitment), judge_dataset),
        Kind("link, destroying", *destroying, judge_recommitment),
        Kind("link, destroying, and its data sets alike", *destroying, judge_linked, "references"),
        Kind("training, grown", *proofs, judge_proof(last.commitment), ("statement.forgotten", "attached")),
    ]


def sharded_kinds(owner: Owner, other: Owner) -> list[Kind]:
    """What only a request to shards has."""
    (dataset, mine), (_, theirs) = owner.request, other.request
    proofs = payload_of(mine.proof), payload_of(theirs.proof)
    links = payload_of(owner.model_link), payload_of(other.model_link)
    forgotten = [record.digest for record in mine.statement.forgotten]
    own = ("statement.spec", "statement.scope", "statement.start", "statement.model")
    return [
        Kind("training, shards", *proofs, judge_proof(dataset), own),
        Kind("bundle", payload_of(mine.bundle), payload_of(theirs.bundle), judge_bundle(dataset, forgotten)),
        Kind("model link", *links, judge_model_link),
        Kind("model link, and its training alike", *links, judge_model_linked, "references"),
    ]


def role_kinds(owner: Owner, other: Owner) -> list[Kind]:
    """What is only compared with something else, and how; fields that one digest holds are there in part."""
    people, proof = owner.people.commitment, owner.trained.proof
    pins = {"spec": SPEC, "forget": [r.digest for r in proof.statement.forgotten], "previous": owner.first}
    pinned = ("statement.spec", "statement.forgotten", "statement.previous")
    compared = ("proof", *pinned, "statement.model", "statement.dataset")
    known = ("proof", "statement.root", "statement.rows", "statement.openings", "statement.segments")
    linked, beside = ("proof", "statement.old", "statement.new"), "references"
    first, link = payload_of(owner.first), payload_of(owner.link)
    return [
        Kind("training, pinned", payload_of(proof), payload_of(other.first), judge_proof(people, **pins), pinned),
        Kind("training, superseded", first, payload_of(other.first), judge_previous(owner), compared),
        Kind(
            "training, superseded with its data set",
            first,
            payload_of(other.first),
            judge_previous(owner, True),
            beside,
        ),
        Kind("dataset, known", payload_of(people), payload_of(owner.houses), judge_known(owner), known),
        Kind("link, linking", link, payload_of(other.link), judge_link(owner), linked),
        Kind("link, linking its data sets", link, payload_of(other.link), judge_link(owner, True), beside),
    ]


def secret_kinds(owner: Owner, other: Owner) -> list[Kind]:
    """The owner's own."""

    def stored(name: str) -> tuple[Any, Any]:
        mine, theirs = (decode((o.folder / name).read_bytes(), None, LARGEST)[1] for o in (owner, other))
        return mine, theirs

    for each in (owner, other):
        nobody = LeftOut(bytes([1 + each.seed] * 32), np.empty((0, 32), np.uint8))
        left_out: Any = LeftOut.of([f"left {each.seed}", "another"], (), nobody)
        (each.folder / "dataset.left_out").write_bytes(left_out.content(each.people.commitment.digest))
        each.trained.model.save(each.folder / "model.opening")
        each.begun[1].models[0].save(each.folder / "afresh.opening")
    return [
        Kind("model.opening", *stored("model.opening"), judge_model(owner.folder)),
        Kind("model.opening, committed afresh", *stored("afresh.opening"), judge_model(owner.folder), "links"),
        Kind("dataset.opening", *stored("dataset.opening"), judge_opening(owner.folder)),
        Kind("dataset.left_out", *stored("dataset.left_out"), judge_left_out(owner.folder, owner.people.commitment)),
    ]


def registered_kinds(owner: Owner, other: Owner) -> list[Kind]:
    """What people find themselves in a data set with."""
    (dataset, registration, receipt), (_, *theirs) = owner.registered, other.registered
    registrations = payload_of(registration), payload_of(theirs[0])
    own, its = owner.extended, other.extended
    added = payload_of(own.registration), payload_of(its.registration)
    shown = payload_of(own.receipt), payload_of(its.receipt)
    return [
        Kind("registration", *registrations, judge_registration(dataset)),
        Kind("registration, and its data set alike", *registrations, judge_registered_alike, "references"),
        Kind("registration, of added rows", *added, judge_extension(own)),
        Kind("receipt", payload_of(receipt), payload_of(theirs[1]), judge_receipt(dataset, registration)),
        Kind("receipt, of an added row", *shown, judge_receipt(own.dataset, own.registration)),
    ]


def keyed_kinds(owner: Owner, other: Owner) -> list[Kind]:
    """What is about keys of rows."""
    (dataset, registration, receipt), theirs = owner.keyed, other.keyed
    datasets, receipts = (payload_of(dataset), payload_of(theirs[0])), (payload_of(receipt), payload_of(theirs[2]))
    own = ("proof", "statement.encoding.keys", "statement.unique", "statement.holes", "statement.root")
    return [
        Kind("dataset, keys", *datasets, judge_dataset, own),
        Kind("receipt, with a key", *receipts, judge_receipt(dataset, registration), "rows"),
    ]


def evaluated_kinds(owner: Owner, other: Owner) -> list[Kind]:
    """How well models predict rows."""
    both = payload_of(owner.evaluation), payload_of(other.evaluation)
    numbers = payload_of(owner.regressed), payload_of(other.regressed)
    stated = tuple(f"statement.{name}" for name in ("results", "spread", "grid"))
    return [
        Kind("evaluation", *both, judge_evaluation, ("statement", "proof", "attached")),
        Kind("evaluation, and what it is about alike", *both, judge_evaluated, EVALUATED),
        Kind("evaluation, of numbers", *numbers, judge_evaluation, stated),
    ]


def losses_kinds(owner: Owner, other: Owner) -> list[Kind]:
    """At which losses a model of several classes does."""
    both = payload_of(owner.classified), payload_of(other.classified)
    return [Kind("evaluation, of several classes", *both, judge_evaluation, ("statement.results", "statement.grid"))]


def counted_kinds(owner: Owner, other: Owner) -> list[Kind]:
    """How well a Poisson model predicts rows, and how near its optimum one is whose intercept is penalised."""
    both, near = (
        (payload_of(getattr(owner, name)), payload_of(getattr(other, name)))
        for name in ("visits_expected", "count_distance")
    )
    return [
        Kind("distance, of counts", *near, judge_distance, ("statement.distance", "statement.slope")),
        Kind("evaluation, of counts", *both, judge_evaluation, ("statement.results", "statement.spread")),
    ]


def together_kinds(owner: Owner, other: Owner) -> list[Kind]:
    """How well models of shards predict rows together."""
    both = payload_of(owner.together), payload_of(other.together)
    numbers = payload_of(owner.averaged), payload_of(other.averaged)
    counts = payload_of(owner.expected_together), payload_of(other.expected_together)
    stated = tuple(f"statement.{name}" for name in ("bundles", "spread", "grid"))
    return [
        Kind("sharded evaluation", *both, judge_together, ("statement", "proof", "attached")),
        Kind("sharded evaluation, of numbers", *numbers, judge_together, stated),
        Kind("sharded evaluation, of counts", *counts, judge_together, ("statement.bundles",)),
    ]


def distance_kinds(owner: Owner, other: Owner) -> list[Kind]:
    """How near its optimum a model is."""
    both = payload_of(owner.distance), payload_of(other.distance)
    return [
        Kind("distance", *both, judge_distance, ("statement", "proof", "attached")),
        Kind("distance, and its training alike", *both, judge_near, OF_TRAINING),
    ]


def predicted_kinds(owner: Owner, other: Owner) -> list[Kind]:
    """What a model says of inputs; of its training what others do not have."""
    both = payload_of(owner.predictions), payload_of(other.predictions)
    training = tuple(f"references.training.statement.{name}" for name in ("model", "previous"))
    return [
        Kind("prediction", *both, judge_predictions, ("statement", "proof", "attached")),
        Kind("prediction, and its training alike", *both, judge_predicted, training),
    ]


def noisy_kinds(owner: Owner, other: Owner) -> list[Kind]:
    """What is about noise."""
    (dataset, proof, noise, secret), theirs = owner.noisy, other.noisy
    mine, its = (decode(path.read_bytes(), None, LARGEST)[1] for path in (secret, theirs[3]))
    own = ("statement.noise", "statement.spec", "statement.distance")
    return [
        Kind("training, noisy", payload_of(proof), payload_of(theirs[1]), judge_proof(dataset), own),
        Kind("noise", payload_of(noise), payload_of(theirs[2]), judge_noise(dataset, proof)),
        Kind("noise.opening", mine, its, judge_noise_opening(owner.folder, proof.statement)),
    ]
