"""A sharded training from the command line: bundles, what a request trains again, and what an auditor is told."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import zkunlearn as zu
from zkunlearn.verifier.certificates.guarantee import CHOSEN, NOT_ADAPTIVE
from zkunlearn.verifier.certificates.guarantee import SHARDS as PROMISED

from .conftest import BOUNDS, done, run, write_table

SPEC = (
    '[model]\nkind = "logistic"\n[method]\nkind = "sisa"\nshard_rows = 8\nslices = 2\nepochs = 3\nlearning_rate = 0.5\n'
)
SHARDS, STAGES = 3, 6


def person(row: int) -> str:
    return f"Żółć {row:02}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    write_table(folder / "t.csv")
    (folder / "spec.toml").write_text(SPEC)
    (folder / "bounds.toml").write_text(BOUNDS)
    common = ("--target", "sick", "--id", "name", "--bounds", folder / "bounds.toml", "--out", folder / "data")
    done("commit", folder / "t.csv", *common)
    prove = ("prove", folder / "data", "--spec", folder / "spec.toml")
    done(*prove, "--out", folder / "first.bundle")
    done(
        *prove,
        "--forget",
        of_slice(folder, 2),
        "--previous",
        folder / "first.bundle",
        "--out",
        folder / "second.bundle",
    )
    return folder


@pytest.fixture
def owner(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "owner"))


def of_slice(folder: Path, number: int, shard: int = 1) -> str:
    """Who is in a slice of a shard: the last of it."""
    return str(zu.load_dataset(folder / "data").rows.ids[8 * shard + 4 * number - 1])


def verified(*arguments: object) -> dict[str, object]:
    answer: dict[str, object] = json.loads(done("verify", *arguments, "--json").stdout)
    return answer


def test_a_request_trains_one_stage_again_and_keeps_the_others(made: Path) -> None:
    answer = verified(made / "second.bundle", "--dataset", made / "data" / "dataset.commitment")
    bundle = answer["bundle"]
    assert answer["valid"] is True and isinstance(bundle, dict)
    assert (bundle["retrained_stages"], bundle["stages"], bundle["retrained_shards"]) == (1, STAGES, [1])
    assert (len(bundle["statements"]), bundle["checked"]) == (2, 2)


def test_of_a_bundle_that_was_verified_only_what_changed_is_checked(made: Path) -> None:
    common = (made / "second.bundle", "--dataset", made / "data" / "dataset.commitment")
    answer = verified(*common, "--previous", made / "first.bundle", "--spec", made / "spec.toml")
    bundle = answer["bundle"]
    assert isinstance(bundle, dict) and bundle["checked"] == 1
    assert answer["pinned"] == ["spec", "previous"]
    text = done("verify", *common, "--previous", made / "first.bundle").stdout
    assert f"exact {PROMISED} assumes {CHOSEN} {NOT_ADAPTIVE} void " in " ".join(text.split())
    assert f"kept          {STAGES - 1} of {STAGES} stages" in text
    assert "VALID: the models of all shards are what this algorithm outputs" in text


def test_both_bundles_at_once_are_verified_in_their_order(made: Path) -> None:
    files = (made / "second.bundle", made / "first.bundle", made / "data" / "dataset.commitment")
    answer = verified(*files)
    assert answer["valid"] is True
    second = next(each for each in answer["files"] if each["file"].endswith("second.bundle"))  # type: ignore[attr-defined]
    assert second["bundle"]["checked"] == 1
    assert not [text for text in second["not_followed"] if "superseded" in text]


def test_a_statement_out_of_a_bundle_says_of_some_shards_only_what_they_are(made: Path, tmp_path: Path) -> None:
    proof = zu.Bundle.load(made / "second.bundle").proofs[-1]
    proof.save(tmp_path / "alone.proof")
    answer = verified(tmp_path / "alone.proof", "--dataset", made / "data" / "dataset.commitment")
    not_followed = " ".join(map(str, answer["not_followed"]))  # type: ignore[call-overload]
    assert "about some shards only" in not_followed and "models begin from those of" in not_followed
    assert "bundle" not in answer


def test_a_bundle_without_one_of_its_statements_is_invalid_and_says_which_stage_is_missing(
    made: Path, tmp_path: Path
) -> None:
    last = zu.Bundle.load(made / "second.bundle").proofs[-1]
    zu.Bundle((last,)).save(tmp_path / "part.bundle")
    result = run("verify", tmp_path / "part.bundle", "--dataset", made / "data" / "dataset.commitment")
    assert result.exit_code == 1
    assert "INVALID: bundle table: nothing trained stage 1 of shard 0" in result.stdout


def test_a_history_with_bundles_is_verified_whole_and_misses_a_bundle_that_is_gone(made: Path, tmp_path: Path) -> None:
    public = tmp_path / "public"
    public.mkdir()
    for file in (made / "data" / "dataset.commitment", made / "first.bundle", made / "second.bundle"):
        shutil.copy(file, public)
    assert "VALID: " in done("verify", "--chain", public).stdout
    zu.Bundle.load(public / "second.bundle").proofs[-1].save(public / "second.proof")
    for name in ("first.bundle", "second.bundle"):
        (public / name).unlink()
    result = run("verify", "--chain", public)
    assert result.exit_code == 2 and "which is not here" in result.stdout


def test_predictions_are_those_of_all_models_together(made: Path) -> None:
    table = done("predict", made / "second.bundle", made / "t.csv", "--id", "name", "--target", "sick", "--proba")
    rows = list(csv.DictReader(io.StringIO(table.stdout)))
    dataset = zu.load_dataset(made / "data")
    retrained = zu.train(dataset, zu.load_spec(made / "spec.toml"), previous=zu.Bundle.load(made / "second.bundle"))
    features = [[float(row["age"]), float(row["weight"])] for row in csv.DictReader((made / "t.csv").open())]
    expected = retrained.predict_proba(features)[:, 1]
    assert [float(row["probability of yes"]) for row in rows] == expected.tolist()


def test_models_of_single_shards_are_not_taken_for_a_model(made: Path) -> None:
    result = run("predict", made / "second.model.opening", made / "t.csv")
    assert result.exit_code == 2 and "name the bundle that is beside it" in result.stderr


def test_a_secret_that_is_gone_is_missed_by_who_needs_it_only(owner: Path) -> None:
    (owner / "first.model.opening").unlink()
    assert "models that statement 1" in run("predict", owner / "second.bundle", owner / "t.csv").stderr
    prove = ("prove", owner / "data", "--spec", owner / "spec.toml", "--previous", owner / "second.bundle")
    late, early = of_slice(owner, 2, shard=2), of_slice(owner, 1, shard=2)
    result = run(*prove, "--forget", late, "--out", owner / "third.bundle")
    assert result.exit_code == 2 and "models that statement 1" in result.stderr
    done(*prove, "--forget", early, "--out", owner / "third.bundle")  # from zero: no model is needed


def test_each_model_that_a_request_begins_from_is_counted(owner: Path) -> None:
    before = zu.Model.load(owner / "first.model.opening").spent
    prove = ("prove", owner / "data", "--spec", owner / "spec.toml", "--previous", owner / "second.bundle")
    done(*prove, "--forget", of_slice(owner, 2, shard=0), "--out", owner / "third.bundle")
    assert zu.Model.load(owner / "first.model.opening").spent == before + 1
    assert zu.Model.load(owner / "second.model.opening").spent == 1


def test_forgetting_nobody_new_is_refused(owner: Path) -> None:
    prove = ("prove", owner / "data", "--spec", owner / "spec.toml", "--previous", owner / "second.bundle")
    result = run(*prove, "--forget", of_slice(owner, 2), "--out", owner / "third.bundle")
    assert result.exit_code == 2 and "every model stands" in result.stderr
    assert not (owner / "third.bundle").exists()


def test_a_second_request_from_one_bundle_is_a_fork(owner: Path) -> None:
    prove = ("prove", owner / "data", "--spec", owner / "spec.toml", "--previous", owner / "first.bundle")
    result = run(*prove, "--forget", of_slice(owner, 1), "--out", owner / "third.bundle")
    assert result.exit_code == 2 and "second.bundle: supersedes that proof already" in result.stderr


def test_what_is_kept_may_be_of_a_data_set_that_was_committed_afresh_since(owner: Path) -> None:
    done("recommit", owner / "data", "--out", owner / "fresh")
    prove = ("prove", owner / "fresh", "--spec", owner / "spec.toml", "--previous", owner / "second.bundle")
    done(*prove, "--forget", of_slice(owner, 2, shard=0), "--out", owner / "third.bundle")
    fresh, bundle = owner / "fresh" / "dataset.commitment", zu.Bundle.load(owner / "third.bundle")
    assert len(bundle.proofs) == 3 and len(bundle.links) == 1
    for options in ((), ("--previous", owner / "second.bundle")):
        answer = verified(owner / "third.bundle", "--dataset", fresh, *options)
        assert answer["valid"] is True and answer["bundle"]["retrained_stages"] == 1  # type: ignore[index]
    link = owner / "fresh" / "dataset.link"
    both = (owner / "third.bundle", "--dataset", fresh, "--previous", owner / "second.bundle")
    assert verified(*both, link)["valid"] is True
    assert verified(*both, "--link", link)["valid"] is True
    zu.Bundle(bundle.proofs).save(owner / "unlinked.bundle")
    result = run("verify", owner / "unlinked.bundle", "--dataset", fresh)
    assert result.exit_code == 1 and "bundle data set: statement 1 is about another data set" in result.stdout


def test_train_and_suggest_take_a_bundle_for_what_was_forgotten(made: Path) -> None:
    common = (made / "data", "--previous", made / "second.bundle")
    assert "23 of 24 count" in done("train", *common, "--spec", made / "spec.toml").stdout
    done("suggest", *common)


def test_inspect_lists_the_statements_of_a_bundle(made: Path) -> None:
    text = done("inspect", made / "second.bundle").stdout
    first, second = (proof.digest.hex() for proof in zu.Bundle.load(made / "second.bundle").proofs)
    assert first in text and second in text and "shard 1 from stage 2 on" in text


# A data set that grows -----------------------------------------------------------------------------------------------


def more_rows(folder: Path, name: str, rows: int) -> Path:
    """So many rows of people whose ids are in no other table."""
    lines = [f"{name} {row},{30 + 7 * row % 50},{60 + row},{'yes' if row % 2 else 'no'}" for row in range(rows)]
    path = folder / f"{name}.csv"
    path.write_text("\n".join(["name,age,weight,sick", *lines]) + "\n", encoding="utf-8")
    return path


def grow(folder: Path, old: str, new: str, rows: int) -> Path:
    """Returns the link."""
    table = more_rows(folder, new, rows)
    done("append", folder / old, table, "--target", "sick", "--id", "name", "--out", folder / new)
    return folder / new / "dataset.link"


def test_new_rows_are_learnt_by_new_shards_and_the_others_are_kept(owner: Path) -> None:
    """24 rows are three full shards, so what they saw is all that they ever see; a person of shard 0 goes, too."""
    grow(owner, "data", "grown", 3)
    prove = ("prove", owner / "grown", "--spec", owner / "spec.toml", "--previous", owner / "second.bundle")
    result = done(*prove, "--forget", of_slice(owner, 2, shard=0), "--out", owner / "third.bundle")
    assert "note: 3 rows were added since: 5 of 8 stages of all shards are kept" in result.stderr
    assert "3 of 8 stages of all shards trained now, 5 kept" in result.stderr + result.stdout
    dataset = owner / "grown" / "dataset.commitment"
    text = done("verify", owner / "third.bundle", "--dataset", dataset).stdout
    assert "kept          5 of 8 stages" in text and "VALID: the models of all shards are" in text
    answer = verified(owner / "third.bundle", "--dataset", dataset, "--previous", owner / "second.bundle")
    assert answer["valid"] is True and answer["pinned"] == ["previous"]
    bundle = answer["bundle"]
    assert isinstance(bundle, dict) and (bundle["checked"], bundle["retrained_shards"]) == (1, [0, 3])
    old = owner / "data" / "dataset.commitment"
    assert run("verify", owner / "third.bundle", "--dataset", old).exit_code == 1


def test_several_growths_in_a_row_need_the_links_in_between(owner: Path) -> None:
    """The bundle has those that it needed, the data set has its last one."""
    between = grow(owner, "data", "grown", 3)
    grow(owner, "grown", "again", 9)
    prove = ("prove", owner / "again", "--spec", owner / "spec.toml", "--previous", owner / "second.bundle", "--fork")
    result = done(*prove, "--out", owner / "whole.bundle")
    assert "all is trained again: no links lead from its data set to this one" in result.stderr
    result = done(*prove, "--link", between, "--out", owner / "third.bundle")
    assert "12 rows were added since: 6 of 10 stages of all shards are kept" in result.stderr
    again = owner / "again" / "dataset.commitment"
    answer = verified(owner / "third.bundle", "--dataset", again, "--previous", owner / "second.bundle")
    assert answer["valid"] is True and answer["bundle"]["retrained_stages"] == 4  # type: ignore[index]
    grow(owner, "again", "last", 1)
    more = ("prove", owner / "last", "--spec", owner / "spec.toml", "--previous", owner / "third.bundle")
    done(*more, "--out", owner / "fourth.bundle")
    last = owner / "last" / "dataset.commitment"
    answer = verified(owner / "fourth.bundle", "--dataset", last, "--previous", owner / "third.bundle")
    assert answer["valid"] is True and len(zu.Bundle.load(owner / "fourth.bundle").links) == 3
    assert verified(owner / "fourth.bundle", "--dataset", last)["valid"] is True


def test_bundles_are_evaluated_by_what_their_models_answer_together(owner: Path) -> None:
    """Two in one statement; each commitment is opened once, and what was not given is told."""
    write_table(owner / "more.csv", 110)
    places = ("--bounds", owner / "bounds.toml", "--out", owner / "holdout")
    done("commit", owner / "more.csv", "--target", "sick", "--id", "name", *places)
    bundles = [owner / f"{name}.bundle" for name in ("first", "second")]
    out = owner / "both.evaluation"
    named = [part for bundle in bundles for part in ("--model", bundle)]
    result = done("evaluate", owner / "holdout", *named, "--confusion", "--out", out)
    assert "3 shards with a say, by probability" in result.stdout and "predicted" in result.stdout
    models = [zu.Model.load(path) for path in sorted(owner.glob("*.model.opening"))]
    assert [model.spent for model in models] == [3, 2], "the first for its proof, the request, and this"
    told = verified(out)
    lines = told["not_followed"]
    assert isinstance(lines, list) and told["valid"] is True
    assert sum("models not verified: the bundle of their training" in line for line in lines) == 2
    assert any("hold-out not verified" in line for line in lines)
    text = done("inspect", out).stdout
    assert text.count("of training") == 3 and "by probability" in text
    proof = zu.ShardedEvaluationProof.load(out)
    plain = replace(proof.statement.trainings[0], spec=zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5))
    lie = replace(proof.statement, trainings=(plain, proof.statement.trainings[1]))
    zu.ShardedEvaluationProof(lie, proof.proof).save(owner / "lie.evaluation")
    told_of_lie = " ".join(done("inspect", owner / "lie.evaluation").stdout.split())
    assert "security none: a model of shape (6, 3), where the spec implies (1, 3)" in told_of_lie
    assert run("verify", owner / "lie.evaluation").exit_code == 1
    refused = run(
        "evaluate", owner / "holdout", "--model", owner / "first.model.opening", "--out", owner / "x.evaluation"
    )
    assert refused.exit_code == 2 and "name the bundle that is beside it" in refused.stderr


def test_a_link_without_a_previous_bundle_is_not_for_anything(owner: Path) -> None:
    link = grow(owner, "data", "grown", 3)
    prove = ("prove", owner / "grown", "--spec", owner / "spec.toml", "--out", owner / "third.bundle")
    zu.Bundle.load(owner / "second.bundle").proofs[-1].save(owner / "second.proof")
    for options in ((), ("--previous", owner / "second.proof")):
        result = run(*prove, "--link", link, *options)
        assert result.exit_code == 2 and "--link leads from the data set of --previous" in result.stderr


def test_a_history_over_growths_is_verified_whole(owner: Path, tmp_path: Path) -> None:
    link = grow(owner, "data", "grown", 3)
    prove = ("prove", owner / "grown", "--spec", owner / "spec.toml", "--previous", owner / "second.bundle")
    done(*prove, "--out", owner / "third.bundle")
    public = tmp_path / "public"
    public.mkdir()
    names = ("data/dataset.commitment", "grown/dataset.commitment", "grown/dataset.link")
    for number, name in enumerate((*names, "first.bundle", "second.bundle", "third.bundle")):
        shutil.copy(owner / name, public / f"{number} {Path(name).name}")
    assert "VALID: " in done("verify", "--chain", public).stdout
    assert link.exists()
