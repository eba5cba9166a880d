"""A noisy model through every command, in two moves: committed to, proved, verified, inspected."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from .conftest import done, run

SPEC = '[model]\nkind = "logistic"\n[method]\nkind = "noisy"\nl2 = 0.25\n'
SOURCE = "drand quicknet, round 25000000, 1 December 2026, 12:00 UTC"
NONCE = "5a" * 32


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both moves made."""
    folder = tmp_path_factory.mktemp("noisy")
    rng = np.random.default_rng(5)
    lines = ["name,age,weight,ill"]
    lines += [f"p{i},{rng.integers(20, 90)},{rng.integers(50, 120)},{'yes' if i % 3 else 'no'}" for i in range(40)]
    (folder / "t.csv").write_text("\n".join(lines) + "\n")
    (folder / "bounds.toml").write_text("[bounds]\nage = [0, 120]\nweight = [0, 300]\n")
    (folder / "spec.toml").write_text(SPEC)
    common = ("--target", "ill", "--id", "name", "--out", folder / "data")
    done("commit", folder / "t.csv", *common, "--bounds", folder / "bounds.toml")
    (folder / "said").write_text(done(*prove(folder), "--commit-noise", SOURCE).stdout)
    (folder / "not used").write_text(done("inspect", folder / "first.noise.opening", "--json").stdout)
    done(*prove(folder), "--nonce", NONCE)
    return folder


def prove(folder: Path, name: str = "first") -> tuple[str | Path, ...]:
    own = ("--spec", folder / "spec.toml", "--forget", "p3", "--out", folder / f"{name}.proof")
    return ("prove", folder / "data", *own)


def test_the_first_move_says_what_to_do_with_which_file(owner: Path) -> None:
    said = " ".join((owner / "said").read_text().split())
    assert "first.noise': log it, or hand it to the auditor, before the nonce is known" in said
    assert "the same command with --nonce HEX instead of --commit-noise" in said and SOURCE in said
    assert json.loads((owner / "not used").read_text())["used"] is False
    assert (owner / "first.noise.opening").stat().st_mode & 0o777 == 0o600


def test_verify_says_in_words_what_noise_is_worth(owner: Path) -> None:
    files = (owner / "data" / "dataset.commitment", owner / "first.proof")
    said = done("verify", *files).stdout
    last = said.strip().splitlines()[-1]
    assert "1e-05)-indistinguishable from the same without these rows, if the owner's coins were random" in last
    assert "precedence not checked" in said and "the nonce was not pinned" in said
    for head in ("hidden", "declared", "noise", "nonce", "assumes", "void", "several"):
        assert f"\n  {head} " in said
    assert "(1.0, 1e-05) or better" in said
    pinned = done("verify", *files, "--noise", owner / "first.noise", "--nonce", NONCE).stdout
    assert "precedence not checked" not in pinned and "noise, nonce" in " ".join(pinned.split())


def test_verify_refuses_other_pins_and_pins_of_what_has_no_noise(owner: Path) -> None:
    files = (owner / "data" / "dataset.commitment", owner / "first.proof")
    wrong = run("verify", *files, "--nonce", "5b" * 32)
    assert wrong.exit_code == 1 and "the noise was drawn with another nonce" in wrong.output
    only = run("verify", owner / "data" / "dataset.commitment", "--noise", owner / "first.noise")
    assert only.exit_code == 2 and "only what a training proof says can be pinned" in only.output


def test_both_files_are_inspected(owner: Path) -> None:
    public = json.loads(done("inspect", owner / "first.noise", "--json").stdout)
    secret = json.loads(done("inspect", owner / "first.noise.opening", "--json").stdout)
    proof = json.loads(done("inspect", owner / "first.proof", "--json").stdout)
    assert public["noise"] == secret["noise"] == proof["noise"]["noise"] and public["source"] == SOURCE
    assert secret["used"] is True and secret["secret"] is True and public["secret"] is False
    assert proof["noise"]["nonce"] == NONCE and 0 < proof["noise"]["epsilon"] < 1


def test_no_move_is_made_twice(owner: Path) -> None:
    again = run(*prove(owner), "--nonce", "77" * 32, "--force")
    assert again.exit_code == 2 and "this noise was used" in again.output
    over = run(*prove(owner, "first"), "--commit-noise", SOURCE, "--force")
    assert over.exit_code == 0  # what is gone can be replaced, if one says so
    done(*prove(owner, "second"), "--commit-noise", SOURCE)
    kept = run(*prove(owner, "second"), "--commit-noise", SOURCE)
    assert kept.exit_code == 2 and "noise that was handed over must not be drawn again" in kept.output
    twice = run(*prove(owner, "second"), "--nonce", NONCE)
    assert twice.exit_code == 2 and "whoever has several for one nonce can choose" in twice.output
    both = run(*prove(owner, "third"), "--nonce", NONCE, "--commit-noise", SOURCE)
    assert both.exit_code == 2 and "is the first move, --nonce the second" in both.output
    early = run(*prove(owner, "third"), "--nonce", "11" * 32)
    assert early.exit_code == 2 and "the first move, --commit-noise with the same --out, makes it" in early.output
    neither = run(*prove(owner, "third"))
    assert neither.exit_code == 2 and "takes two moves" in neither.output


def test_a_history_says_what_its_models_hide(owner: Path) -> None:
    said = done("verify", "--chain", owner).stdout
    assert "1e-05)-indistinguishable, precedence of its commitment not checked" in " ".join(said.split())


def test_train_shows_a_model_with_noise_and_commits_to_nothing(owner: Path) -> None:
    said = done("train", owner / "data", "--spec", owner / "spec.toml").stdout
    assert "a certified distance from its optimum and noise of 2^" in " ".join(said.split())


def test_of_several_classes_both_moves_and_every_command_go_on_as_of_two(owner: Path) -> None:
    folder = owner / "several"
    folder.mkdir()
    rng = np.random.default_rng(6)
    lines = ["name,age,weight,kind", *(f"p{i},{rng.integers(20, 90)},{i + 60},{'abcd'[i % 4]}" for i in range(60))]
    (folder / "t.csv").write_text("\n".join(lines) + "\n")
    common = ("--target", "kind", "--id", "name", "--bounds", owner / "bounds.toml", "--out", folder / "data")
    done("commit", folder / "t.csv", *common)
    move = ("prove", folder / "data", "--spec", owner / "spec.toml", "--forget", "p3", "--forget-class", "b")
    done(*move, "--out", folder / "a.proof", "--commit-noise", SOURCE)
    done(*move, "--out", folder / "a.proof", "--nonce", NONCE)
    files = (folder / "data" / "dataset.commitment", folder / "a.proof")
    said = done("verify", *files, "--noise", folder / "a.noise", "--nonce", NONCE).stdout
    last = said.strip().splitlines()[-1]
    assert "1e-05)-indistinguishable from the same without these rows" in last and "precedence not checked" not in said
    told = json.loads(done("inspect", folder / "a.proof", "--json").stdout)
    assert 0 < told["noise"]["epsilon"] < 1 and told["noise"]["noise"] in done("inspect", folder / "a.noise").stdout
    done("predict", folder / "a.model.opening", folder / "t.csv", "--out", folder / "predicted.csv")
    assert ",b" not in (folder / "predicted.csv").read_text()


@pytest.mark.parametrize("move", [("--commit-noise", SOURCE), ("--nonce", NONCE)], ids=["first", "second"])
@pytest.mark.parametrize("shared", [("--processes", 2), ("--groups", 2)], ids=["processes", "groups"])
def test_noise_is_not_for_shards_groups_or_other_processes(
    owner: Path, move: tuple[str, str], shared: tuple[str, int]
) -> None:
    """Neither move begins, and what was committed to is still there."""
    refused = run(*prove(owner, "shared"), *move, *shared)
    words = " ".join(refused.stderr.split())
    assert refused.exit_code == 2 and "leave out --processes, --scheduler and --groups" in words
    assert not [*owner.glob("shared*")]


def test_a_spec_of_shards_takes_no_noise_and_one_with_noise_no_shards(owner: Path) -> None:
    sharded = '[model]\nkind = "logistic"\n[method]\nkind = "sisa"\nshard_rows = 16\nepochs = 2\nlearning_rate = 0.5\n'
    (owner / "shards.toml").write_text(sharded)
    (owner / "both.toml").write_text(SPEC + "shard_rows = 16\n")
    for spec, reason in (
        ("shards.toml", "method = 'sisa': takes no noise; a spec with method = 'noisy' does, or 'newton' with epsilon"),
        ("both.toml", "unknown field method.shard_rows"),
    ):
        given = ("--spec", owner / spec, "--out", owner / "no.proof", "--commit-noise", SOURCE)
        refused = run("prove", owner / "data", *given)
        assert refused.exit_code == 2 and reason in " ".join(refused.stderr.split())
        assert not [*owner.glob("no.*")]
