"""A request in several statements, one for each group of shards: any partition gives the same models."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from hypothesis import given, settings
from hypothesis import strategies as st
from zkunlearn.models.methods.sisa import stages_of
from zkunlearn.models.shards import Run
from zkunlearn.prover.owner import lent as lent_module
from zkunlearn.prover.owner.bundles import plan_request, starts_of
from zkunlearn.prover.owner.groups import Part, groups_of, parts_of
from zkunlearn.prover.owner.lent import Failed, lent
from zkunlearn.prover.owner.workers import Results
from zkunlearn.prover.witnesses.sisa import models_of, train_shards

from .test_sisa import Owner, models_by_place

ROWS = 60  # 8 shards of 8, the last of 4
SPEC = Owner(ROWS, epochs=2, batch_size=2).spec


def commit(openings: int = 64) -> zu.Dataset:
    X = np.random.default_rng(0).normal(size=(ROWS, 2))
    return zu.commit(X, np.arange(ROWS) % 2, ids=[f"person {i}" for i in range(ROWS)], openings=openings)


@pytest.fixture(scope="module")
def dataset() -> zu.Dataset:
    return commit()


def at(dataset: zu.Dataset, *positions: int) -> list[str]:
    return [dataset.rows.ids[position] for position in positions]


# Partitions ----------------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.integers(9, 90), st.integers(1, 3), st.integers(1, 14), st.data())
def test_groups_are_all_that_is_trained_in_order_and_about_equal(
    rows: int, slices: int, count: int, data: st.DataObject
) -> None:
    owner = Owner(rows, slices=slices, epochs=1)
    forgotten = data.draw(st.sets(st.integers(0, rows - 1), min_size=1, max_size=5).filter(lambda own: len(own) < rows))
    first = owner.model()
    request = plan_request(first.bundle, forgotten)
    for schedule in (owner.schedule(), _scheduled(owner, first, forgotten, request)):
        groups = groups_of(schedule, count)
        trained = [(shard, run.stage) for run in schedule.runs for shard in run.shards]
        assert [(shard, run.stage) for group in groups for run in group for shard in run.shards] == trained
        assert len(groups) <= count and all(groups)
        costs = [sum((slices + 1 - run.stage) * run.count for run in group) for group in groups]
        assert max(costs) <= 1.5 * sum(costs) / count + 2 * slices


def _scheduled(owner: Owner, first: Any, forgotten: set[int], request: Any) -> Any:
    return stages_of(owner.statement(forgotten, request, starts_of(first.bundle, request.starts)).schedule)


@settings(max_examples=20, deadline=None)
@given(st.integers(9, 60), st.integers(1, 9), st.data())
def test_any_number_of_groups_gives_the_same_models_also_of_a_request(
    rows: int, count: int, data: st.DataObject
) -> None:
    """Group by group, each from the starts that its own statement names."""
    slices, batch = data.draw(st.integers(1, 3)), data.draw(st.sampled_from([None, 2]))
    owner = Owner(rows, epochs=2, slices=slices, batch_size=batch)
    first = owner.model()
    forgotten = data.draw(st.sets(st.integers(0, rows - 1), min_size=1, max_size=4).filter(lambda own: len(own) < rows))
    request = plan_request(first.bundle, forgotten)
    statement = owner.statement(forgotten, request, starts_of(first.bundle, request.starts))
    models = [first.models[0]] * len(statement.start)
    wanted = stages_of(statement.schedule)
    expected = models_by_place(
        wanted, models_of(wanted, train_shards(owner.rows, wanted, [model.integers for model in models]))
    )
    found: dict[Any, Any] = {}
    for part in parts_of(statement, models, count, 1):
        part.draft.require_provable()
        own = stages_of(part.draft.schedule)
        trained = train_shards(owner.rows, own, [model.integers for model in part.starts])
        found |= models_by_place(own, models_of(own, trained))
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[place], expected[place]) for place in expected)


def test_cuts_are_where_they_leave_few_runs() -> None:
    schedule = Owner(128).schedule()  # 16 shards
    assert groups_of(schedule, 2) == ((Run(0, 8),), (Run(8, 8),))
    assert groups_of(schedule, 4) == tuple((Run(first, 4),) for first in (0, 4, 8, 12))
    assert [sum(run.count for run in group) for group in groups_of(schedule, 3)] == [6, 4, 6]
    assert len(groups_of(schedule, 99)) == 16


def test_a_training_without_shards_is_not_put_into_groups(dataset: zu.Dataset) -> None:
    plain = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5)
    with pytest.raises(zu.ParameterError, match="groups = 2: gradient descent has no shards"):
        zu.prove(dataset, plain, groups=2)
    with pytest.raises(zu.ParameterError, match="groups = 0: must be at least 1"):
        zu.prove(dataset, SPEC, groups=0)


# Proved --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def alone(dataset: zu.Dataset) -> Any:
    return zu.prove(dataset, SPEC)


@pytest.fixture(scope="module")
def three(dataset: zu.Dataset) -> Any:
    return zu.prove(dataset, SPEC, groups=3)


def test_a_first_bundle_of_several_groups_is_the_whole_training(dataset: zu.Dataset, alone: Any, three: Any) -> None:
    assert len(three.proofs) == 3 and three.bundle.request == three.proofs
    assert np.array_equal(three.model.integers, alone.model.integers)
    report = zu.verify_bundle(three.bundle, dataset.commitment, spec=SPEC)
    assert (report.trained, report.stages, report.shards) == (16, 16, tuple(range(8)))
    assert [point.epoch for point in three.curve.points] == [point.epoch for point in alone.curve.points]
    assert three.curve.last.loss == pytest.approx(alone.curve.last.loss, rel=1e-9)


def test_a_request_of_several_groups_is_told_as_one_and_the_next_supersedes_its_last(
    dataset: zu.Dataset, alone: Any, three: Any
) -> None:
    spent, before = dataset.spent, [model.spent for model in three.secrets]
    gone = at(dataset, 7, 31, 55, 56)  # late rows of three shards, one of the first slice of the last
    second: Any = zu.prove(dataset, SPEC, forget=gone, previous=three, groups=2)
    assert dataset.spent == spent + 2
    assert sum(model.spent for model in three.secrets) == sum(before) + sum(
        len(p.statement.start) for p in second.proofs
    )
    assert {proof.statement.previous for proof in second.proofs} == {three.proof.digest}
    report = zu.verify_bundle(second.bundle, dataset.commitment, spec=SPEC, previous=three.bundle)
    assert (report.checked, report.shards) == (2, (0, 3, 6, 7)) and report.trained == 5
    third: Any = zu.prove(dataset, SPEC, forget=at(dataset, 0), previous=second)
    assert third.statement.previous == second.proof.digest
    expected: Any = zu.prove(dataset, SPEC, forget=[*gone, *at(dataset, 0)], previous=alone)
    assert np.array_equal(third.model.integers, expected.model.integers)
    zu.verify_bundle(third.bundle, dataset.commitment, spec=SPEC)


def test_too_few_openings_for_all_groups_are_refused_before_any_is_spent() -> None:
    few = commit(openings=4)  # one is spent by the data set's own proof
    with pytest.raises(zu.BudgetExceeded, match="3 of 4 openings of this data set commitment are left, and 4 groups"):
        zu.prove(few, SPEC, groups=4)
    assert few.spent == 1
    first: Any = zu.prove(few, SPEC, model_openings=2)
    with pytest.raises(zu.BudgetExceeded, match="1 of 2 openings of this model commitment are left, and 2 groups"):
        zu.prove(few, SPEC, forget=at(few, 7, 55), previous=first, groups=2)
    assert (few.spent, first.secret.spent) == (2, 1)


# Other processes -----------------------------------------------------------------------------------------------------


@contextmanager
def killing(count: int) -> Iterator[list[int]]:
    """Kills the next `count` processes that this one starts, as soon as they are seen."""
    before, ended = set(multiprocessing.active_children()), threading.Event()
    killed: list[int] = []

    def kill() -> None:
        last = time.monotonic() + 60
        while len(killed) < count and time.monotonic() < last and not ended.is_set():
            for child in set(multiprocessing.active_children()) - before:
                if child.pid is not None and child.pid not in killed and len(killed) < count:
                    os.kill(child.pid, signal.SIGKILL)
                    killed.append(child.pid)
            time.sleep(0.001)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield killed
    finally:
        ended.set()
        killer.join()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_run_finishes_when_processes_of_it_are_killed(dataset: zu.Dataset, alone: Any, count: int) -> None:
    with killing(count) as killed:
        trained: Any = zu.prove(dataset, SPEC, workers=zu.Processes(2))
    assert len(killed) == count and len(trained.proofs) == 2
    assert np.array_equal(trained.model.integers, alone.model.integers)
    zu.verify_bundle(trained.bundle, dataset.commitment, spec=SPEC)


def test_a_task_that_ends_every_process_is_given_up(dataset: zu.Dataset) -> None:
    before = set(multiprocessing.active_children())
    with killing(100) as killed, pytest.raises(zu.WorkerError, match=r"group [12]: .* killed, or not begun, 3 times"):
        zu.prove(dataset, SPEC, workers=zu.Processes(2))
    for child in set(multiprocessing.active_children()) - before:
        child.join(60)
    assert 3 <= len(killed) <= 6 and set(multiprocessing.active_children()) <= before


def test_a_process_that_cannot_be_begun_is_begun_again(
    dataset: zu.Dataset, alone: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = BaseProcess.start
    failed: list[BaseProcess] = []

    def start(process: BaseProcess) -> None:
        if not failed:
            failed.append(process)
            raise BrokenPipeError
        begin(process)

    monkeypatch.setattr(BaseProcess, "start", start)
    trained: Any = zu.prove(dataset, SPEC, workers=zu.Processes(2))
    assert len(failed) == 1 and np.array_equal(trained.model.integers, alone.model.integers)


def test_what_is_lent_is_what_proving_takes_and_goes_afterwards(
    dataset: zu.Dataset, three: Any, tmp_path: Path
) -> None:
    with lent(dataset, [Part(three.statement, three.secrets)]) as (loan, tasks):
        folder = loan.dataset.folder
        there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        assert there == {
            *(f"dataset.secrets/{n}.npy" for n in ("features", "labels", "blinds", "tails", "leaf_salts", "dataset")),
            "dataset.tree",
            *(f"start-{number}.model.opening" for number in range(3)),
        }, "no ids, no record salts, no count of openings"
        for name in tasks[0].starts:
            copy = zu.Model.load(folder / name)
            with pytest.raises(zu.BudgetExceeded):
                copy.budget.spend()
    assert not folder.exists()


def test_of_two_results_of_a_task_the_first_is_kept_and_a_failure_keeps_its_kind() -> None:
    results, first, second = Results(2), *(object() for _ in range(2))
    results.keep(0, first)  # type: ignore[arg-type]
    results.keep(0, second)  # type: ignore[arg-type]
    assert results.missing == [1]
    with pytest.raises(zu.TrainingError, match="group 2: it diverged"):
        results.keep(1, Failed("TrainingError", "it diverged"))
    with pytest.raises(zu.WorkerError, match="group 2 was not proved"):
        results.all()
    results.keep(1, second)  # type: ignore[arg-type]
    assert results.all() == [first, second]


def test_an_unforeseen_error_of_a_task_keeps_its_message_to_itself(
    dataset: zu.Dataset, three: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise ValueError("the weight is 4711")

    monkeypatch.setattr(lent_module, "prove_part", fail)
    with lent(dataset, [Part(three.statement, ())]) as (loan, tasks):
        found: Any = lent_module.perform(tasks[0], loan.dataset.folder, loan.models.folder)
    assert (found.kind, found.message) == ("ZkUnlearnError", "internal error (ValueError)")
    assert "4711" not in repr(found) + str(found)
