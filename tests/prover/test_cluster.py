"""Groups of shards proved by a real Dask cluster: workers that end, that are of another version, that fail."""

from __future__ import annotations

import logging
import stat
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.prover.owner import lent as lent_module
from zkunlearn.prover.owner.sharded_model import load_sharded
from zkunlearn.prover.workers import cluster as cluster_module

from ..cli.conftest import done
from ..leaks import owner as leaks
from ..leaks.scanner import Secrets
from .clusters import Running, cluster

SHARDS, SHARD_ROWS = 3, 8
WRONG = """
from pathlib import Path
from zkunlearn.prover.owner import lent
from zkunlearn.prover.workers import borrower

def when(words, wrong, real):
    return lambda *given: (wrong if Path({place!r}).read_text() == words else real)(*given)

def telling(part, shape, rows, matrix):
    raise ValueError(f"{{rows.by_feature.tolist()}} {{[model.integers.tolist() for model in part.starts]}}")

def broken(count):
    raise RuntimeError("no threads")

def describing():
    what = Path({place!r}).read_text()
    older = {{"zkunlearn": "0.0.9"}} if what == "another version" else {{}}
    return {{**described(), **older, **({{"format of training": 4}} if what == "other formats" else {{}})}}

if not hasattr(borrower, "wrong"):  # Dask may run this twice
    borrower.wrong, described = True, borrower.describe
    lent.prove_part = when("a bug that says what it saw", telling, lent.prove_part)
    borrower.set_thread_count = when("a bug around the task", broken, borrower.set_thread_count)
    borrower.describe = describing
"""


def spec_of(**changes: Any) -> zu.TrainingSpec:
    choices: dict[str, Any] = {"epochs": 2, "learning_rate": 0.5, "shard_rows": SHARD_ROWS, "slices": 2}
    scales = zu.FixedPoint(x_bits=leaks.X_BITS, w_bits=leaks.W_BITS)
    return zu.TrainingSpec(model="logistic", method="sisa", fixed_point=scales, **(choices | changes))


SPEC = spec_of()


def committed(openings: int = 64) -> zu.Dataset:
    table = leaks.make_table()
    bounds = {name: (leaks.LOW, leaks.HIGH) for name in leaks.COLUMNS}
    return zu.commit(
        table.cells, table.labels, table.ids, names=leaks.COLUMNS, bounds=bounds, x_bits=leaks.X_BITS, openings=openings
    )


@pytest.fixture(scope="module")
def dataset() -> zu.Dataset:
    return committed()


@pytest.fixture(scope="module")
def alone(dataset: zu.Dataset) -> Any:
    """Proved by one process, in one statement."""
    return zu.prove(dataset, SPEC)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with cluster(tmp_path_factory.mktemp("cluster"), (), ()) as found:
        yield found


@dataclass(frozen=True)
class Wrong:
    """A cluster of one worker, which does something wrong: what, is in a file."""

    running: Running
    place: Path

    def do(self, what: str) -> Running:
        self.place.write_text(what)
        return self.running


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wrong]:
    folder = tmp_path_factory.mktemp("wrong")
    place, script = folder / "what.txt", folder / "preload.py"
    place.write_text("")
    script.write_text(WRONG.format(place=str(place)))
    with cluster(folder, ("--preload", script)) as found:
        yield Wrong(found, place)


def late(dataset: zu.Dataset) -> list[str]:
    """The last row of each shard, so that every group begins from the first stage's models."""
    return [dataset.rows.ids[SHARD_ROWS * (shard + 1) - 1] for shard in range(SHARDS)]


def everything(dataset: zu.Dataset, *trained: Any) -> Secrets:
    secrets = Secrets()
    leaks.table_secrets(secrets, leaks.make_table())
    leaks.dataset_secrets(secrets, dataset)
    for model in (model for own in trained for model in own.secrets):
        secrets.add_words("weight", leaks.telling(model.integers).astype("<i8"))
        secrets.add_words("tails", model.secret.tails)
    return secrets


# A run ---------------------------------------------------------------------------------------------------------------


def test_a_run_finishes_when_a_worker_is_killed_in_the_middle_and_leaves_nothing_anywhere(
    running: Running, dataset: zu.Dataset, alone: Any
) -> None:
    spent, killed, modes = dataset.spent, [], set()

    def progress(phase: str) -> None:
        if phase.startswith("group 1") and not killed:
            for path in [path for folder in running.lent for path in (folder, *folder.rglob("*"))]:
                modes.add((path.is_dir(), stat.S_IMODE(path.stat().st_mode)))
            killed.append(phase.rpartition(" ")[2])
            running.kill(killed[0])

    trained = zu.prove(dataset, SPEC, workers=zu.Cluster(running.address), groups=3, progress=progress)
    assert len(killed) == 1 and killed[0] not in running.pids()
    assert modes == {(True, 0o700), (False, 0o600)}
    assert running.lent == [], "also of the one that was killed"
    assert dataset.spent == spent + 3, "one for each group, and not for each try"
    assert len(trained.proofs) == len(trained.bundle.proofs) == 3 if trained.bundle else False
    assert np.array_equal(trained.model.integers, alone.model.integers)
    report = zu.verify_bundle(trained.bundle, dataset.commitment, spec=SPEC)
    assert (report.trained, report.shards) == (report.stages, (0, 1, 2))
    assert everything(dataset, trained).found_in(running.logs, text=True) == {}

    running.add_worker()  # a new one is used as soon as it is there
    running.wait_for(2)
    after = zu.prove(
        dataset, SPEC, forget=late(dataset), previous=trained, workers=zu.Cluster(running.address), groups=3
    )
    expected = zu.prove(dataset, SPEC, forget=late(dataset), previous=alone)
    assert np.array_equal(after.model.integers, expected.model.integers)
    assert [len(proof.statement.start) for proof in after.proofs] == [1, 1, 1]
    assert [model.spent for model in trained.secrets] == [2, 2, 2]
    report = zu.verify_bundle(after.bundle, dataset.commitment, spec=SPEC, previous=trained.bundle)
    assert (report.trained, report.checked, report.shards) == (SHARDS, 3, (0, 1, 2))


def test_workers_that_share_files_read_the_data_set_themselves(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, shared = committed(), zu.Cluster(running.address, shared_files=True)
    with pytest.raises(zu.ParameterError, match="only of a data set that is stored"):
        zu.prove(dataset, SPEC, workers=shared)
    dataset.save(tmp_path / "data")
    nowhere = lent_module.Files(tmp_path / "nowhere", ("dataset.secrets/features.npy",))
    with monkeypatch.context() as patch:
        patch.setattr(lent_module, "_dataset_files", lambda *arguments: nowhere)
        with pytest.raises(zu.WorkerError, match=r"shared files: .*nowhere.*there is no such file"):
            zu.prove(dataset, SPEC, workers=shared)
    assert dataset.spent == 1, "refused before anything was spent"
    sent: list[str] = []
    piece = cluster_module.Piece
    monkeypatch.setattr(cluster_module, "Piece", lambda name, *rest: sent.append(name) or piece(name, *rest))
    trained: Any = zu.prove(dataset, SPEC, workers=shared, groups=2)
    zu.verify_bundle(trained.bundle, dataset.commitment, spec=SPEC)
    assert sent == [] and dataset.spent == 3


@pytest.mark.parametrize("shared", [(), ("--shared-files",)], ids=["sent", "shared"])
def test_the_command_line_proves_and_unlearns_by_a_scheduler_at_an_address(
    running: Running, tmp_path: Path, shared: tuple[str, ...]
) -> None:
    """As one process does, from files to files; of neither rows nor weights there is anything in the cluster's logs."""
    dataset = committed()
    dataset.save(tmp_path / "data")
    (tmp_path / "spec.toml").write_text(SPEC.to_toml())
    command = ("prove", tmp_path / "data", "--spec", tmp_path / "spec.toml", "--scheduler", running.address, *shared)
    first, second = (tmp_path / name for name in ("first.bundle", "second.bundle"))
    done(*command, "--groups", 2, "--out", first)
    gone = late(dataset)
    forgotten = [word for name in gone for word in ("--forget", name)]
    told = done(*command, "--groups", 2, *forgotten, "--previous", first, "--out", second)
    assert f"{SHARDS} of {2 * SHARDS} stages of all shards trained now, {SHARDS} kept" in " ".join(told.stdout.split())
    stored = zu.load_dataset(tmp_path / "data")
    assert stored.spent == 1 + 2 + 2
    before = zu.prove(stored, SPEC, fork=True)
    expected: Any = zu.prove(stored, SPEC, gone, before, fork=True)
    report = zu.verify_bundle(zu.Bundle.load(second), stored.commitment, spec=SPEC, previous=zu.Bundle.load(first))
    assert (report.trained, report.checked) == (SHARDS, 2)
    assert np.array_equal(load_sharded(second).integers, expected.model.integers)
    assert everything(stored, before, expected).found_in(running.logs, text=True) == {} and running.lent == []


def test_what_travels_unencrypted_is_said(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "zkunlearn"), zu.Cluster(running.address).ready() as ready:
        assert len(ready.notes) == 1 and "travels unencrypted" in ready.notes[0]


# What can be wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "reason"),
    [("another version", r"zkunlearn is 0\.0\.9"), ("other formats", "format of training is 4")],
)
def test_a_worker_of_another_version_is_refused_by_name_before_anything_is_lent(
    wrong: Wrong, dataset: zu.Dataset, how: str, reason: str
) -> None:
    spent, other = dataset.spent, wrong.do(how)
    (address,) = other.pids()
    with pytest.raises(zu.WorkerError, match=f"this worker is of another version: {reason}") as failure:
        zu.prove(dataset, SPEC, workers=zu.Cluster(other.address))
    assert failure.value.address == address and str(failure.value).startswith(address)
    assert other.lent == [] and dataset.spent == spent


@pytest.mark.parametrize("how", ["a bug that says what it saw", "a bug around the task"])
def test_a_task_that_fails_leaves_no_secret_in_any_log(
    wrong: Wrong, dataset: zu.Dataset, alone: Any, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    around, other = how == "a bug around the task", wrong.do(how)
    before = len(other.logs)
    kind = zu.WorkerError if around else zu.ZkUnlearnError
    with pytest.raises(kind, match="group 1") as failure:
        zu.prove(dataset, SPEC, forget=late(dataset), previous=alone, workers=zu.Cluster(other.address))
    assert other.lent == []
    assert ("RuntimeError" if around else "ValueError") in str(failure.value)
    assert (b"Compute Failed" in other.logs[before:]) == around
    said = other.logs + str(failure.value).encode() + caplog.text.encode()
    assert everything(dataset, alone).found_in(said, text=True) == {}


def test_a_scheduler_that_is_not_there_is_said_in_time(dataset: zu.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    spent, start = dataset.spent, time.monotonic()
    assert cluster_module.TIMEOUT == 10
    monkeypatch.setattr(cluster_module, "TIMEOUT", 1.0)
    with pytest.raises(zu.WorkerError, match="no scheduler answers there") as failure:
        zu.prove(dataset, SPEC, workers=zu.Cluster("tcp://127.0.0.1:9"))
    assert failure.value.address == "tcp://127.0.0.1:9"
    assert time.monotonic() - start < 10 and dataset.spent == spent
    with pytest.raises(zu.WorkerError, match="this is no address of a scheduler"):
        zu.prove(dataset, SPEC, workers=zu.Cluster("nonsense://a b"))


def test_a_cluster_without_workers_is_said(
    dataset: zu.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "TIMEOUT", 2.0)
    with cluster(tmp_path) as empty, pytest.raises(zu.WorkerError, match="the cluster has no worker"):
        zu.prove(dataset, SPEC, workers=zu.Cluster(empty.address))


def test_without_dask_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(zu.ParameterError, match=r"pip install 'zkunlearn\[dask\]'"):
        zu.Cluster("tcp://127.0.0.1:8786")
