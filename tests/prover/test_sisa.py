"""The run of a sharded training, what its models answer together, and what they cost: against plain Python."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from copy import copy
from dataclasses import replace
from fractions import Fraction
from itertools import count
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from hypothesis import given, settings
from hypothesis import strategies as st
from zkunlearn.circuits.statements.dataset import DatasetStatement, Segment
from zkunlearn.circuits.statements.records import Record
from zkunlearn.circuits.statements.scope import ModelCommitment, Start
from zkunlearn.circuits.statements.training import TrainingStatement
from zkunlearn.errors import BudgetExceeded, DataError, ParameterError, TrainingError
from zkunlearn.models.activation import activation_table, logistic_entries
from zkunlearn.models.encoding.dataset import DatasetEncoding
from zkunlearn.models.methods.reference import exported, train
from zkunlearn.models.methods.schedule import Schedule
from zkunlearn.models.methods.sisa import Stages, stages_of
from zkunlearn.models.shards import Run
from zkunlearn.prover.owner.bundles import Request, plan_request, starts_of
from zkunlearn.prover.owner.model import Model
from zkunlearn.prover.owner.sharded_model import ShardedModel
from zkunlearn.prover.witnesses.rows import Rows, encode_rows
from zkunlearn.prover.witnesses.sisa import _told, by_part, models_of, train_shards
from zkunlearn.verifier.bundles import Bundle
from zkunlearn.verifier.proofs import TrainingProof

from ..models.standardization_twin import twin

ROOTS = count(1)
NAMES = ["a", "b"]
LABELS: dict[str, dict[str, Any]] = {"real": {"model": "linear"}, "count": {"model": "poisson"}}


class Owner:
    """Rows in memory and the trainings of them, without a proof."""

    def __init__(self, rows: int, kind: str = "binary", **spec: Any) -> None:
        rng = np.random.default_rng(rows)
        self.X = rng.normal(size=(rows, len(NAMES)))
        clean = self.X @ [1.0, -0.5]
        labels = {
            "binary": np.where(clean + rng.normal(size=rows) > 0, "yes", "no"),
            "categorical": np.array(list("abc"))[(clean > -0.4).astype(int) + (clean > 0.4)],
            "real": clean,
            "count": rng.poisson(np.exp(clean / 2)),
        }
        choices: dict[str, Any] = {"epochs": 6, "learning_rate": 0.5, "shard_rows": 8, "slices": 2, "momentum": 0.25}
        self.spec = zu.TrainingSpec(
            **{"model": "logistic", "method": "sisa", **choices, **LABELS.get(kind, {}), **spec}
        )
        x_bits = self.spec.fixed_point.x_bits
        self.encoding = DatasetEncoding.from_data(self.X, labels[kind], NAMES, label_kind=kind, x_bits=x_bits)
        self.y = labels[kind]
        own = self.encoding.encode_labels(self.y).astype(np.int32)
        nothing = np.zeros((2, rows), dtype=np.uint64), np.zeros((rows, 32), dtype=np.uint8)
        outputs = self.encoding.shape(rows).outputs
        self.rows = Rows([str(i) for i in range(rows)], encode_rows(self.encoding, self.X), own, *nothing, outputs)
        segment = Segment(rows, bytes(32))
        self.dataset = DatasetStatement(rows, self.encoding, 4, bytes(32), bytes(32), (segment,))

    def before_more_came(self, rows: int) -> Owner:
        """The same with the first rows only."""
        own, there = copy(self), slice(rows)
        own.X, own.y = self.X[there], self.y[there]
        outputs, all_of_them = self.encoding.shape(rows).outputs, self.rows
        cells = all_of_them.by_feature[:, there], all_of_them.labels[there]
        hidden = all_of_them.blinds[:, there], all_of_them.salts[there]
        own.rows = Rows([str(i) for i in range(rows)], *cells, *hidden, outputs)
        own.dataset = replace(self.dataset, rows=rows, segments=(Segment(rows, bytes(32)),))
        return own

    def schedule(self, forgotten: Collection[int] = ()) -> Stages:
        return stages_of(self.statement(forgotten).schedule)

    def statement(self, forgotten: Collection[int], request: Request | None = None, starts: Any = ()) -> Any:
        records = tuple(Record(position, bytes(32)) for position in sorted(forgotten))
        scope = () if request is None else request.scope
        shape = self.spec.method.model_shape(self.encoding.shape(len(self.y)), scope)
        root = next(ROOTS).to_bytes(32, "big")
        own = ModelCommitment(root, 4, shape)
        return TrainingStatement(self.dataset, self.spec, records, own, None, (), scope, starts)

    def model(self, forgotten: Collection[int] = (), before: ShardedModel | None = None) -> ShardedModel:
        """What is trained in all, or by a request."""
        no_starts: tuple[Start, ...] = ()
        no_models: tuple[Model, ...] = ()
        request, starts, kept = None, no_starts, no_models
        if before is not None:
            request = plan_request(before.bundle, forgotten, rows=len(self.y))
            starts, kept = starts_of(before.bundle, request.starts, len(self.y)), before.models
        statement = self.statement(forgotten, request, starts)
        own = {each.statement.model.root: each.integers for each in kept}
        begun = [own[start.model.root] for start in statement.start]
        schedule = stages_of(statement.schedule)
        integers = models_of(schedule, train_shards(self.rows, schedule, begun))
        secret: Any = None
        proof = TrainingProof(statement, b"", {})
        bundle = Bundle((proof,)) if before is None else before.bundle.with_request([proof])
        return ShardedModel(bundle, (*kept, Model.proved(statement, integers, secret)))


# The run -------------------------------------------------------------------------------------------------------------


def plain_models(owner: Owner, schedule: Stages) -> dict[tuple[int, int], Any]:
    """The integers of the models of each stage of each shard, (outputs, K), by the reference."""
    found: dict[tuple[int, int], Any] = {}
    for shard in range(schedule.shards.count):
        for stage in range(1, schedule.shards.slices + 1):
            own = schedule.stages[stage - 1].of_shards(shard, 1)
            assert own.stage is not None
            rows = own.stage.positions
            before = found.get((shard, stage - 1), np.zeros((own.outputs, own.width), dtype=np.int64))
            found[shard, stage] = np.stack([plain_model(owner, own, rows, *each) for each in enumerate(before)])
    return found


def plain_model(owner: Owner, own: Schedule, rows: Any, output: int, before: Any) -> Any:
    """The integers of one model, (K,), from those that it begins from."""
    there = rows < len(owner.y)
    X, labels = (cells[np.where(there, rows, 0)] for cells in (owner.rows.features, owner.rows.labels))
    X, labels = X * there[:, None], labels * there
    start = plain_start(own, X[own.live.mask()], [int(value) for value in before])
    trace = train(X, labels, own, output=output, start=np.array(start, dtype=np.int64))
    return exported(own, trace.weights[-1], trace.scaler)


def plain_start(own: Schedule, X: Any, before: list[int]) -> list[int]:
    """The first weights in plain integers: a model of features as they are, rounded down in features of this stage.

    X: the rows that count.
    """
    public, (*weights, intercept) = own.standardization_of(0), before if own.bias else [*before, 0]
    if public is not None and len(X):
        for k, column in enumerate(X.T):
            scaler = twin(public, [int(x) for x in column])
            weights[k] = math.floor(Fraction(weights[k], 2 ** scaler["e"]))
            intercept += (2 ** scaler["e"] * scaler["mu"] + scaler["nu"]) * weights[k]
    return [*weights, math.floor(Fraction(intercept, 2**own.scales.x_bits))][: own.width]


def models_by_place(schedule: Stages, integers: Any) -> dict[tuple[int, int], Any]:
    return {
        (shard, stage): own[:, shard - run.first]
        for (run, stage), own in by_part(schedule, integers, schedule.runs).items()
        for shard in run.shards
    }


@pytest.mark.parametrize(
    ("rows", "changes", "forgotten"),
    [
        (150, {"shard_rows": 64, "slices": 2}, (3, 40, 70, 149)),
        (200, {"shard_rows": 128, "slices": 2, "kind": "categorical", "epochs": 3}, (5, 60, 130)),
        (21, {"slices": 3, "l2": 0.01}, (1, 12)),
        (17, {"slices": 8, "bias": False, "epochs": 2}, (16,)),
        (150, {"shard_rows": 64, "slices": 2, "standardize": True}, (3, 40, 70, 149)),
        (200, {"shard_rows": 128, "slices": 2, "kind": "categorical", "epochs": 3, "standardize": True}, (5, 60, 130)),
        (17, {"slices": 3, "standardize": True, "l2": 0.01}, (1, 12, 16)),
        (150, {"shard_rows": 64, "slices": 3, "batch_size": 8, "learning_rate": 0.125}, (3, *range(64, 72), 149)),
        (17, {"slices": 3, "batch_size": 2, "l2": 0.01, "standardize": True, "learning_rate": 0.125}, (1, 12, 16)),
    ],
    ids=[
        "compiled kernels",
        "of three classes",
        "few rows",
        "a shard without rows",
        "standardised, compiled kernels",
        "standardised, of three classes",
        "standardised, few rows",
        "batches, compiled kernels",
        "standardised batches, few rows",
    ],
)
def test_the_models_are_those_of_the_reference_shard_by_shard(
    rows: int, changes: dict[str, Any], forgotten: tuple[int, ...]
) -> None:
    """Their runs are compared in test_shards_together.py."""
    owner = Owner(rows, **changes)
    schedule = owner.schedule(forgotten)
    found = models_by_place(schedule, models_of(schedule, train_shards(owner.rows, schedule, ())))
    for place, models in plain_models(owner, schedule).items():
        assert np.array_equal(found[place], models), place
    assert all(not found[shard, schedule.shards.slices].any() for shard in schedule.empty_shards)


SPECS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "slices": st.integers(1, 3), "standardize": st.booleans(), "batch_size": st.sampled_from([None, None, 1, 2, 4]),
        "learning_rate": st.just(0.125),
    }
)  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(st.integers(9, 40), st.data())
def test_any_partition_in_runs_gives_the_same_models(rows: int, data: st.DataObject) -> None:
    """Shards one by one, or some together, in any statement; and stages in one statement, or in several. What diverges,
    as few standardised rows may, has no models."""
    owner = Owner(rows, epochs=2, **data.draw(SPECS))
    forgotten = sorted(data.draw(st.sets(st.integers(0, rows - 1), max_size=3)))
    whole = owner.schedule(forgotten)
    try:
        expected = models_by_place(whole, models_of(whole, train_shards(owner.rows, whole, ())))
    except TrainingError:
        return
    runs: list[Run] = []
    while (first := runs[-1].shards.stop if runs else 0) < whole.shards.count:
        left = range(1, whole.shards.count - first + 1)
        runs.append(
            Run(first, data.draw(st.sampled_from([n for n in left if not first % (1 << (n - 1).bit_length())])))
        )
    if tuple(runs) != whole.shards.whole:
        parts = whole.scoped(tuple(runs), ())
        found = models_by_place(parts, models_of(parts, train_shards(owner.rows, parts, ())))
        assert all(np.array_equal(found[place], expected[place]) for place in expected) and len(found) == len(expected)
    stage = data.draw(st.integers(1, whole.shards.slices))
    if stage > 1:
        rest = whole.scoped((Run(0, whole.shards.count, stage, 0),), ((),))
        begun = models_of(whole, train_shards(owner.rows, whole, ()))
        found = models_by_place(rest, models_of(rest, train_shards(owner.rows, rest, [begun])))
        assert set(found) == {place for place in expected if place[1] >= stage}
        assert all(np.array_equal(found[place], expected[place]) for place in found)


@pytest.mark.parametrize("more", [(20,), (0,), (7,), (0, 20), (0, *range(2, 8))], ids=str)
@pytest.mark.parametrize("changes", [{}, {"standardize": True}, {"batch_size": 2, "learning_rate": 0.25}], ids=str)
def test_a_request_ends_in_the_models_of_one_training_of_everything(
    more: tuple[int, ...], changes: dict[str, Any]
) -> None:
    owner = Owner(21, **changes)
    first = owner.model((1,))
    second = owner.model((1, *more), first)
    third = owner.model((1, 13, *more), second)
    for model in (second, third):
        again = owner.model(model.bundle.statement.positions)
        assert np.array_equal(model.integers, again.integers)
    assert len(third.bundle.proofs) > 1


@settings(max_examples=35, deadline=None)
@given(st.data())
def test_over_growths_requests_end_in_the_models_of_one_training_of_everything(data: st.DataObject) -> None:
    """Rows come, one or several shards of them; others are forgotten, among them some that are put right. What
    diverges, as few standardised rows may, diverges either way."""
    owner = Owner(45, epochs=2, **data.draw(SPECS))
    rows, forgotten = data.draw(st.integers(9, 20)), set[int]()
    try:
        model = owner.before_more_came(rows).model()
    except TrainingError:
        return
    for added in data.draw(st.lists(st.integers(0, 10), min_size=1, max_size=3)):
        rows = min(45, rows + added)
        more = data.draw(st.sets(st.integers(0, rows - 1), min_size=0 if added else 1, max_size=2)) - forgotten
        if not more and rows == model.bundle.statement.dataset.rows:
            continue
        forgotten |= more
        own, gone = owner.before_more_came(rows), tuple(sorted(forgotten))
        try:
            again = own.model(gone)
        except TrainingError:
            with pytest.raises(TrainingError):
                own.model(gone, model)
            return
        model = own.model(gone, model)
        assert np.array_equal(model.integers, again.integers)


def test_a_run_that_diverges_says_in_which_shard_and_stage() -> None:
    owner = Owner(21, kind="real", learning_rate=60.0, epochs=40, momentum=0.0)
    with pytest.raises(TrainingError, match=r"shard \d, stage \d: "):
        owner.model()


# What models answer --------------------------------------------------------------------------------------------------


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-np.asarray(z)))


def normal(z: Any) -> Any:
    return np.vectorize(lambda one: (1 + math.erf(one / math.sqrt(2))) / 2)(z)


LINKS = {"logistic": sigmoid, "probit": normal}


def plain_scores(owner: Owner, model: ShardedModel, without: Sequence[int] = ()) -> Any:
    """(shards, N, outputs), of the last stage of the shards that have a say, from the reference."""
    scales = owner.spec.fixed_point
    schedule = owner.schedule(model.bundle.statement.positions)
    found = plain_models(owner, schedule)
    last = [found[shard, schedule.shards.slices] for shard in range(schedule.shards.count) if shard not in without]
    features = owner.encoding.encode_features(owner.X) / 2.0**scales.x_bits
    scale = 2.0**scales.w_bits, 2.0 ** (scales.w_bits + scales.x_bits)
    return np.stack([features @ (own[:, :2] / scale[0]).T + own[:, 2] / scale[1] for own in last])


@pytest.mark.parametrize("aggregate", ["probability", "score", "vote"])
@pytest.mark.parametrize("kind", ["binary", "categorical"])
@pytest.mark.parametrize("family", ["logistic", "probit"])
def test_classifiers_answer_as_they_are_declared_to(family: str, kind: str, aggregate: str) -> None:
    owner = Owner(40, kind=kind, model=family, aggregate=aggregate)
    model = owner.model((2, 30))
    z, link = plain_scores(owner, model), LINKS[family]
    if kind == "binary":
        two = {
            "probability": link(z[..., 0]).mean(axis=0),
            "score": link(z[..., 0].mean(axis=0)),
            "vote": (z[..., 0] > 0).mean(axis=0),
        }[aggregate]
        expected = np.stack([1 - two, two], axis=1)
    else:
        votes = np.eye(3)[z.argmax(axis=2)].mean(axis=0)
        parts = {"probability": link(z).mean(axis=0), "score": link(z.mean(axis=0)), "vote": votes}[aggregate]
        expected = parts / parts.sum(axis=1, keepdims=True)
    found = model.predict_proba(owner.X)
    assert np.abs(found - expected).max() < 1e-12
    classes = model.predict(owner.X)
    assert classes.tolist() == [model.classes_[i] for i in found.argmax(axis=1)]
    assert model.score(owner.X, owner.y) == (classes == owner.y).mean() > 0.4


@pytest.mark.parametrize(("kind", "mean"), [("real", np.asarray), ("count", np.exp)])
@pytest.mark.parametrize("aggregate", ["probability", "score"])
def test_regressions_answer_by_the_mean_of_predictions_or_of_scores(kind: str, mean: Any, aggregate: str) -> None:
    rate = {"count": 0.05}.get(kind, 0.5)
    owner = Owner(40, kind=kind, aggregate=aggregate, learning_rate=rate, epochs=20)
    model = owner.model((2, 30))
    z = plain_scores(owner, model)[..., 0]
    expected = mean(z).mean(axis=0) if aggregate == "probability" else mean(z.mean(axis=0))
    if kind == "real":
        column = owner.encoding.label.column
        expected = (column.low + column.high) / 2 + expected * (column.high - column.low) / 2
    assert np.abs(model.predict(owner.X) - expected).max() < 1e-9
    assert 0 < model.score(owner.X, owner.y) <= 1
    with pytest.raises(ParameterError, match="predict_proba"):
        model.predict_proba(owner.X)


@pytest.mark.parametrize("kind", ["binary", "categorical", "real"])
def test_there_are_coefficients_where_scores_are_averaged_and_nowhere_else(kind: str) -> None:
    owner = Owner(40, kind=kind, aggregate="score")
    model, expected = owner.model(), plain_scores(owner, owner.model()).mean(axis=0)
    assert np.abs(model.decision_function(owner.X).reshape(expected.shape) - expected).max() < 1e-12
    weights = np.atleast_2d(model.weights)
    assert weights.shape == (expected.shape[1], 2)
    assert np.isfinite(model.coef_).all() and np.shape(model.coef_) == np.shape(model.weights)
    assert isinstance(model.intercept_, float) == (kind != "categorical")
    other = Owner(40, kind=kind, aggregate="probability").model()
    for name in ("weights", "intercept", "coef_", "intercept_"):
        with pytest.raises(ParameterError, match="answer together"):
            getattr(other, name)
    with pytest.raises(ParameterError, match="there is no one score"):
        other.decision_function(owner.X)


@pytest.mark.parametrize("bits", [0, 26, 33], ids=["as floats", "as integers", "as larger ones"])
@pytest.mark.parametrize("aggregate", ["probability", "score", "vote"])
@pytest.mark.parametrize("kind", ["binary", "categorical"])
def test_classes_are_those_of_whole_integers_however_large(kind: str, aggregate: str, bits: int) -> None:
    """The sum of z, of votes, or of what the table has for cells of 2^-9, in plain Python; models as often as that."""
    owner = Owner(40, kind=kind, aggregate=aggregate)
    model = owner.model()
    own = model.integers.astype(object) << bits
    object.__setattr__(model, "integers", own.astype(np.int64))
    X = owner.encoding.encode_features(owner.X).astype(object)
    table, shift = activation_table(logistic_entries, 9, 16).tolist(), owner.encoding.x_bits + 16 - 9
    found = []
    for row in X:
        z = [[sum(w * x for w, x in zip(each, row, strict=False)) + each[-1] for each in shard] for shard in own]
        if aggregate == "probability":
            z = [[table[min(max((each >> shift) + (1 << 15), 0), (1 << 16) - 1)] for each in shard] for shard in z]
        elif aggregate == "vote" and kind == "binary":
            z = [[int(each[0] > 0)] for each in z]
        elif aggregate == "vote":
            z = [[int(c == shard.index(max(shard))) for c in range(3)] for shard in z]
        sums = [sum(each) for each in zip(*z, strict=True)]
        half = {"probability": len(z) << 15, "score": 0, "vote": len(z) / 2}[aggregate]
        found.append(int(sums[0] > half) if kind == "binary" else sums.index(max(sums)))
    assert model.predict(owner.X).tolist() == [owner.encoding.label.classes[number] for number in found]


@pytest.mark.parametrize("aggregate", ["probability", "score", "vote"])
def test_shards_without_rows_have_no_say(aggregate: str) -> None:
    """Their models are zero, and would draw every mean to the middle."""
    owner = Owner(21, aggregate=aggregate)
    model = owner.model(tuple(range(8)))
    z = plain_scores(owner, model, without=[0])[..., 0]
    assert model.integers.shape == (2, 1, 3)
    expected = {"probability": sigmoid(z).mean(axis=0), "score": sigmoid(z.mean(axis=0)), "vote": (z > 0).mean(axis=0)}
    assert np.abs(model.predict_proba(owner.X)[:, 1] - expected[aggregate]).max() < 1e-12


def test_a_count_beyond_float64_is_refused_with_its_row() -> None:
    owner = Owner(21, kind="count", learning_rate=0.05)
    model, column = owner.model(), owner.encoding.features[0]
    vars(model)["integers"] = np.zeros((3, 1, 3), dtype=np.int64)
    vars(model)["integers"][1, 0, 0] = 1 << 29  # 2^11 at the scale of weights
    with pytest.raises(DataError, match="beyond float64") as failure:
        model.predict(np.array([[(column.low + column.high) / 2, 0.0], [column.high, 0.0]]))
    assert failure.value.row == 1


def test_models_that_are_not_there_are_named() -> None:
    owner = Owner(21)
    first = owner.model()
    second = owner.model((0,), first)
    with pytest.raises(DataError, match="that statement 1 of the bundle is about are not there"):
        _ = ShardedModel(second.bundle, second.models[1:]).integers


# Plans ---------------------------------------------------------------------------------------------------------------


def test_nothing_is_trained_where_every_model_stands() -> None:
    first = Owner(21).model((1,))
    with pytest.raises(ParameterError, match="every model stands"):
        plan_request(first.bundle, (1,))


def test_neighbours_that_begin_alike_are_one_run() -> None:
    bundle = Owner(64).model().bundle
    assert plan_request(bundle, range(0, 64, 8)) == Request((), ())
    assert plan_request(bundle, range(0, 32, 8)).scope == (Run(0, 4),)
    assert plan_request(bundle, (9, 17, 25)).scope == (Run(1, 1), Run(2, 2))
    assert plan_request(bundle, (7, 15, 16)).scope == (Run(0, 2, 2, 0), Run(2, 1))


# Budgets -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dataset() -> zu.Dataset:
    X = np.random.default_rng(0).normal(size=(21, 2))
    return zu.commit(X, np.arange(21) % 2, ids=[str(i) for i in range(21)])


def test_each_start_is_counted_before_it_is_used_and_an_exhausted_one_is_refused(dataset: zu.Dataset) -> None:
    """Of a commitment with two openings, one is its training's, the other that of the first request."""
    spec = Owner(21, epochs=1).spec
    first: Any = zu.prove(dataset, spec, model_openings=2)
    secret, spent = first.secret, dataset.budget.spent
    assert (secret.budget.spent, secret.budget.left) == (1, 1)
    late, later, early = (dataset.rows.ids[position] for position in (7, 15, 8))
    second: Any = zu.prove(dataset, spec, forget=[late], previous=first.model)
    assert secret.budget.spent == 2 and dataset.budget.spent == spent + 1
    with pytest.raises(BudgetExceeded, match="all 2 openings of this model"):
        zu.prove(dataset, spec, forget=[later], previous=second.model)
    assert dataset.budget.spent == spent + 1, "refused before anything was spent"
    third = zu.prove(dataset, spec, forget=[early], previous=second.model)
    assert third.statement.start == () and secret.budget.spent == 2, "what begins from zero opens nothing"


def test_a_proof_that_fails_has_counted_its_starts(dataset: zu.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happened to it, it may have been seen."""
    from zkunlearn.prover.protocol.proof import Prover

    spec = Owner(21, epochs=1).spec
    first: Any = zu.prove(dataset, spec)
    monkeypatch.setattr(Prover, "fold", lambda prover: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        zu.prove(dataset, spec, forget=[dataset.rows.ids[7]], previous=first.model)
    assert first.secret.budget.spent == 2


def test_a_bundle_without_its_secrets_can_begin_from_nothing_but_zero(dataset: zu.Dataset) -> None:
    spec = Owner(21, epochs=1).spec
    first: Any = zu.prove(dataset, spec)
    with pytest.raises(DataError, match="are not there"):
        zu.prove(dataset, spec, forget=[dataset.rows.ids[7]], previous=first.bundle)
    assert zu.prove(dataset, spec, forget=[dataset.rows.ids[0]], previous=first.bundle).statement.scope == (Run(0, 1),)


def test_notes_say_of_shards_whether_some_or_all_and_no_figure_of_the_data() -> None:
    notes = Counter({"worse than a constant": 3, "warning: the loss rose": 1})
    assert _told(notes, 3) == ("in every shard, worse than a constant", "warning: in some shard, the loss rose")
