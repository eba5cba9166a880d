"""A model whose openings run out, through the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import zkunlearn as zu

from .conftest import done, run
from .test_shards import made, of_slice, owner, verified

__all__ = ["made", "owner"]  # fixtures

OLD, NEW, LINK = "first.model.opening", "renewed.model.opening", "renewed.model.link"


def renew(folder: Path, *options: object) -> None:
    done("recommit-model", folder / OLD, "--out", folder / NEW, *options)


def request(folder: Path, out: str, *options: object) -> list[object]:
    """To forget someone of a second slice, so that models of the first training are begun from."""
    common = ["prove", folder / "data", "--spec", folder / "spec.toml", "--out", folder / out, *options]
    return [*common, "--previous", folder / "second.bundle", "--forget", of_slice(folder, 2, shard=0)]


def test_a_request_goes_on_from_a_model_that_was_committed_afresh_and_auditors_follow(owner: Path) -> None:
    """The old secret is needed no more, and the link is in the bundle."""
    before = zu.Model.load(owner / OLD)
    renew(owner, "--openings", 80)
    old, new = zu.Model.load(owner / OLD), zu.Model.load(owner / NEW)
    assert (old.spent, new.spent, new.commitment.openings) == (before.spent + 1, 1, 80)
    assert (owner / NEW).stat().st_mode & 0o777 == 0o600
    (owner / OLD).unlink()
    done(*request(owner, "third.bundle"))
    assert zu.Model.load(owner / NEW).spent == 2
    bundle = zu.Bundle.load(owner / "third.bundle")
    assert bundle.links == (zu.ModelLinkProof.load(owner / LINK),)
    for options in ((), ("--previous", owner / "second.bundle")):
        answer = verified(owner / "third.bundle", "--dataset", owner / "data" / "dataset.commitment", *options)
        assert answer["valid"] is True and answer["bundle"]["links"] == [bundle.links[0].digest.hex()]  # type: ignore[index]
    zu.Bundle(bundle.proofs).save(owner / "unlinked.bundle")
    result = run("verify", owner / "unlinked.bundle", "--dataset", owner / "data" / "dataset.commitment")
    assert result.exit_code == 1 and "INVALID: bundle start: stage 2 of shard 0 begins from a commitment that no" in (
        result.stdout
    )


def test_predictions_are_the_same_from_the_new_secret_alone(owner: Path) -> None:
    table = ("predict", owner / "second.bundle", owner / "t.csv", "--id", "name", "--target", "sick", "--proba")
    before = done(*table).stdout
    renew(owner)
    (owner / OLD).unlink()
    assert done(*table).stdout == before


def test_a_link_is_verified_by_itself_and_beside_what_it_refers_to(owner: Path) -> None:
    renew(owner)
    answer = verified(owner / LINK)
    training = zu.Bundle.load(owner / "first.bundle").proofs[0].digest.hex()
    assert answer["valid"] is True and answer["training"] == training
    assert answer["not_followed"] == [f"it is about training {training}, whose own proof was not checked"]
    assert "VALID: both commitments hold the same model" in done("verify", owner / LINK).stdout
    files = (owner / LINK, owner / "second.bundle", owner / "data" / "dataset.commitment")
    link = verified(*files)["files"][0]  # type: ignore[index]
    assert link["valid"] is True and link["not_followed"] == []
    (owner / LINK).write_bytes((owner / LINK).read_bytes()[:-1] + b"\0")
    assert run("verify", owner / LINK).exit_code == 1


def test_inspect_shows_links_new_secrets_and_bundles_that_have_them(owner: Path) -> None:
    renew(owner, "--openings", 9)
    old, new = (zu.Model.load(owner / name).commitment for name in (OLD, NEW))
    told = json.loads(done("inspect", owner / LINK, "--json").stdout)
    assert told["old"] == {"root": old.root.hex(), "openings": 64}
    assert told["new"] == {"root": new.root.hex(), "openings": 9}
    assert told["kind"] == "model link" and told["security_bits"] >= 100 and not told["secret"]
    assert "Link between commitments to a model" in done("inspect", owner / LINK).stdout
    secret = json.loads(done("inspect", owner / NEW, "--json").stdout)
    assert (secret["openings_used"], secret["openings"], secret["committed_afresh"]) == (1, 9, 1)
    text = done("inspect", owner / NEW).stdout
    assert secret["secret"] and new.root.hex() in text and "by 1 link after the training" in text
    (owner / OLD).unlink()
    done(*request(owner, "third.bundle"))
    told = json.loads(done("inspect", owner / "third.bundle", "--json").stdout)
    assert told["links"] == [zu.ModelLinkProof.load(owner / LINK).digest.hex()]
    assert told["links"][0] in done("inspect", owner / "third.bundle").stdout


def test_a_history_takes_links_from_its_bundles(owner: Path, tmp_path: Path) -> None:
    """The first bundle, and the last: the second is in it. A link whose training is not there is not followed."""
    renew(owner)
    (owner / OLD).unlink()
    done(*request(owner, "third.bundle"))
    public = tmp_path / "public"
    public.mkdir()
    for file in (owner / "data" / "dataset.commitment", owner / "third.bundle"):
        shutil.copy(file, public)
    answer = json.loads(done("verify", "--chain", public, "--json").stdout)
    names = [entry["file"] for entry in answer["entries"]]
    assert answer["valid"] is True
    assert names == [
        "dataset.commitment",
        *(f"third.bundle, {name}" for name in ("statement 1", "link 1", "statement 2", "statement 3")),
    ]
    bundle = zu.Bundle.load(public / "third.bundle")
    zu.Bundle(bundle.proofs).save(public / "third.bundle")
    result = run("verify", "--chain", public)
    assert result.exit_code == 1 and "no link leads to" in " ".join(result.stdout.split())
    shutil.copy(owner / LINK, public)
    assert "VALID: 5 files" in done("verify", "--chain", public).stdout
    (public / "third.bundle").unlink()
    result = run("verify", "--chain", public)
    assert result.exit_code == 2 and "the training" in result.stdout and "is not here" in result.stdout


def test_the_last_opening_of_a_model_is_announced_and_afterwards_it_is_too_late(owner: Path) -> None:
    renew(owner, "--openings", 3)
    (owner / OLD).unlink()
    result = run(*request(owner, "third.bundle"))
    digest = zu.Bundle.load(owner / "first.bundle").proofs[0].digest.hex()
    note = f"note: one opening of the models of statement {digest} is left; keep it for `zkunlearn recommit-model`"
    assert result.exit_code == 0 and note in result.stderr
    again = ("recommit-model", owner / NEW, "--out")
    done(*again, owner / "last.model.opening")
    result = run(*again, owner / "late.model.opening")
    assert result.exit_code == 2 and "all 3 openings of this model" in result.stderr
    assert "now it is too late" in result.stderr
    assert not list(owner.glob("late*"))


@pytest.mark.parametrize("there", [NEW, LINK])
def test_what_is_there_is_not_replaced_and_nothing_is_spent(there: str, owner: Path) -> None:
    before = zu.Model.load(owner / OLD).spent
    (owner / there).write_bytes(b"mine")
    result = run("recommit-model", owner / OLD, "--out", owner / NEW)
    assert result.exit_code == 2 and f"{there}: is there already" in result.stderr
    assert (owner / there).read_bytes() == b"mine" and zu.Model.load(owner / OLD).spent == before
    renew(owner, "--force")
    assert zu.Model.load(owner / NEW).spent == 1


def test_a_name_by_which_no_bundle_finds_it_and_what_is_no_model_are_refused(owner: Path) -> None:
    result = run("recommit-model", owner / OLD, "--out", owner / "new.secret")
    assert result.exit_code == 2 and "must end in .model.opening" in result.stderr
    for file in ("first.bundle", "t.csv", "nothing"):
        result = run("recommit-model", owner / file, "--out", owner / NEW)
        assert result.exit_code == 2 and file in result.stderr
    assert not (owner / NEW).exists()
