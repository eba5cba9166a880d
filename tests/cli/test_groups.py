"""Groups of shards from the command line: a request of several statements, its files, and what auditors are told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import zkunlearn as zu
from zkunlearn.prover.workers import cluster

from .conftest import BOUNDS, done, run, write_table
from .test_shards import SHARDS, SPEC, STAGES, of_slice


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A first bundle of two statements, and a request of three."""
    folder = tmp_path_factory.mktemp("groups")
    write_table(folder / "t.csv")
    (folder / "spec.toml").write_text(SPEC)
    (folder / "bounds.toml").write_text(BOUNDS)
    common = ("--target", "sick", "--id", "name", "--bounds", folder / "bounds.toml", "--out", folder / "data")
    done("commit", folder / "t.csv", *common)
    first = done(*prove(folder), "--groups", 2, "--out", folder / "first.bundle")
    assert "supersedes nothing, though" not in first.stderr, "siblings are no second chain"
    assert f"{STAGES} of {STAGES} stages of all shards trained now" in first.stdout
    done(*prove(folder), *request(folder), "--groups", 3, "--out", folder / "second.bundle")
    return folder


def prove(folder: Path) -> tuple[object, ...]:
    return ("prove", folder / "data", "--spec", folder / "spec.toml")


def request(folder: Path) -> tuple[object, ...]:
    ids = [option for shard in range(SHARDS) for option in ("--forget", of_slice(folder, 2, shard))]
    return (*ids, "--previous", folder / "first.bundle")


@pytest.fixture
def owner(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "owner"))


@pytest.fixture
def public(made: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "public"
    folder.mkdir()
    for file in (made / "data" / "dataset.commitment", made / "first.bundle", made / "second.bundle"):
        shutil.copy(file, folder)
    return folder


def verified(*arguments: object) -> Any:
    return json.loads(done("verify", *arguments, "--json").stdout)


def test_each_statement_has_a_file_of_its_own_for_its_models(made: Path) -> None:
    names = {path.name for path in made.glob("*.model.opening")}
    assert names == {f"first.group-{n}.model.opening" for n in (1, 2)} | {
        f"second.group-{n}.model.opening" for n in (1, 2, 3)
    }
    done("predict", made / "second.bundle", made / "t.csv", "--id", "name")
    result = run(*prove(made), "--out", made / "second.group-1.bundle")
    assert result.exit_code == 2 and "second.group-1.model.opening: is there already" in result.stderr


def test_all_that_a_request_trained_is_told_of_all_its_statements(made: Path) -> None:
    common = (made / "second.bundle", "--dataset", made / "data" / "dataset.commitment")
    bundle = verified(*common)["bundle"]
    assert (bundle["retrained_stages"], bundle["retrained_shards"]) == (SHARDS, [0, 1, 2])
    assert (len(bundle["statements"]), len(bundle["request"]), bundle["checked"]) == (5, 3, 5)
    assert verified(*common, "--previous", made / "first.bundle")["bundle"]["checked"] == 3
    text = done("verify", *common).stdout
    inspected = done("inspect", made / "second.bundle").stdout
    for proof in zu.Bundle.load(made / "second.bundle").request:
        for said in (text, inspected):
            assert proof.digest.hex() in said and proof.statement.model.root.hex() in said
    assert [f"shard {shard} from stage 2 on" in text for shard in range(SHARDS)] == [True] * SHARDS


def test_a_history_of_several_statements_a_request_has_one_chain_and_no_fork(public: Path) -> None:
    answer = json.loads(done("verify", "--chain", public, "--json").stdout)
    assert answer["valid"] is True and answer["forks"] == [] and len(answer["roots"]) == 1


def test_a_history_that_misses_a_statement_of_a_request_says_so(public: Path) -> None:
    (public / "second.bundle").unlink()
    bundle = zu.Bundle.load(public / "first.bundle")
    bundle.proofs[0].save(public / "one.proof")
    (public / "first.bundle").unlink()
    result = run("verify", "--chain", public)
    assert result.exit_code == 2 and "what it is put together with is not here" in result.stdout
    bundle.proofs[1].save(public / "two.proof")  # in single files they are as good
    assert "1 chain without a fork" in done("verify", "--chain", public).stdout


def test_a_history_with_a_part_of_a_request_only_is_invalid(public: Path) -> None:
    """The rows are still in the models of the shards that were not trained again."""
    second = zu.Bundle.load(public / "second.bundle")
    (public / "second.bundle").unlink()
    second.request[0].save(public / "second.proof")
    result = run("verify", "--chain", public)
    assert result.exit_code == 1 and "bundle forget list" in result.stdout


def test_two_requests_after_one_are_a_fork_whichever_of_its_statements_they_name(owner: Path, public: Path) -> None:
    result = run(
        *prove(owner), "--forget", of_slice(owner, 1), "--previous", owner / "first.bundle", "--out", owner / "x"
    )
    assert result.exit_code == 2 and "second.bundle: supersedes that proof already" in result.stderr
    zu.Bundle.load(owner / "first.bundle").proofs[0].save(owner / "one.proof")
    other = ("--forget", of_slice(owner, 1), "--previous", owner / "one.proof", "--out", owner / "other.bundle")
    done(*prove(owner), *other)
    shutil.copy(owner / "other.bundle", public)
    result = run("verify", "--chain", public)
    assert result.exit_code == 1 and "the history forks 1 time" in result.stdout
    assert "FORK" in result.stdout and "second.bundle, statement 5" in result.stdout


def test_processes_of_this_machine_prove_as_many_groups(owner: Path) -> None:
    done(*prove(owner), *request(owner), "--fork", "--processes", 2, "--out", owner / "third.bundle")
    assert len(zu.Bundle.load(owner / "third.bundle").request) == 2
    assert verified(owner / "third.bundle", "--dataset", owner / "data" / "dataset.commitment")["valid"] is True


def test_a_scheduler_that_is_not_there_is_refused_by_code_2(owner: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "TIMEOUT", 1.0)
    spent = zu.load_dataset(owner / "data").spent
    result = run(*prove(owner), "--scheduler", "tcp://127.0.0.1:9", "--out", owner / "x.bundle")
    assert result.exit_code == 2 and "tcp://127.0.0.1:9: no scheduler answers there" in result.stderr
    assert zu.load_dataset(owner / "data").spent == spent and not (owner / "x.bundle").exists()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--processes", 2, "--scheduler", "tcp://127.0.0.1:9"), "say one of them"),
        (("--shared-files",), "say --scheduler"),
        (("--groups", 0), "groups"),
    ],
)
def test_options_that_contradict_each_other_are_refused(made: Path, options: tuple[object, ...], reason: str) -> None:
    result = run(*prove(made), *options, "--out", made / "x.bundle")
    assert result.exit_code == 2 and reason in result.stderr
