"""Registrations of data that grew, and receipts that forgotten people show, through the command line."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zkunlearn as zu
from click.testing import Result

from .conftest import FORGOTTEN_ID, SPEC, done, run

ANY = "record i is row i for everybody whose receipt verifies"
NEW_ID, KEPT_ID = "Żółć 25", "Żółć 08"


def as_json(result: Result) -> Any:
    return json.loads(result.stdout)


def unwrapped(result: Result) -> str:
    """Lines that were broken, in one."""
    return " ".join(result.output.split())


@pytest.fixture(scope="module")
def story(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose data has grown, in data2; both registered; a training on data2 forgets an old and a new row."""
    folder = Path(shutil.copytree(made, tmp_path_factory.mktemp("grown") / "owner"))
    rows = "name,age,weight,sick\n" + "".join(f"Żółć {i},{30 + i},{60 + i},yes\n" for i in range(24, 28))
    (folder / "more.csv").write_text(rows, encoding="utf-8")
    done("register", folder / "data")
    columns = ("--target", "sick", "--id", "name")
    done("append", folder / "data", folder / "more.csv", *columns, "--out", folder / "data2")
    done("register", folder / "data2", "--previous", folder / "data" / "dataset.registration")
    (folder / "spec.toml").write_text(SPEC)
    forget = ("--forget", FORGOTTEN_ID, "--forget", NEW_ID)
    done("prove", folder / "data2", "--spec", folder / "spec.toml", *forget, "--out", folder / "third.proof")
    (folder / "shown").mkdir()
    for number, name in enumerate((FORGOTTEN_ID, NEW_ID)):
        done("receipt", folder / "data2", "--id", name, "--out", folder / "shown" / f"{number}.receipt")
    done("receipt", folder / "data2", "--id", KEPT_ID, "--out", folder / "kept.receipt")
    public = folder / "public"
    public.mkdir()
    for name, source in (("1", "data"), ("2", "data2")):
        for kind in ("commitment", "registration"):
            shutil.copy(folder / source / f"dataset.{kind}", public / f"{name}.{kind}")
    shutil.copy(folder / "data2" / "dataset.link", public / "2.link")
    shutil.copy(folder / "third.proof", public / "third.proof")
    return folder


@pytest.fixture
def public(story: Path, tmp_path: Path) -> Path:
    """What an auditor has; a copy that a test may spoil."""
    return Path(shutil.copytree(story / "public", tmp_path / "public"))


def spoil(path: Path) -> None:
    """The proof is none any more."""
    own = zu.RegistrationProof.load(path)
    replace(own, proof=own.proof[:-1] + bytes([own.proof[-1] ^ 1])).save(path)


def all_of(public: Path, *without: str) -> list[Path]:
    names = ("1.commitment", "1.registration", "2.commitment", "2.registration", "2.link", "third.proof")
    return [public / name for name in names if name not in without]


# The owner -----------------------------------------------------------------------------------------------------------


def test_registering_what_was_added_says_so(story: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(story, tmp_path / "owner"))
    file, old = folder / "data2" / "dataset.registration", folder / "data" / "dataset.registration"
    ask = ("register", folder / "data2", "--previous", old, "--force")
    found, own = as_json(done(*ask, "--json")), zu.RegistrationProof.load(file)
    previous = zu.RegistrationProof.load(old).digest.hex()
    assert (found["rows"], found["previous"], found["registration"]) == (4, previous, own.digest.hex())
    assert own.statement.start == 24 and own.statement.dataset.rows == 28
    assert f"goes on from {previous}" in unwrapped(done(*ask))
    shown = as_json(done("inspect", file, "--json"))
    assert (shown["rows"], shown["previous"]) == (4, previous)
    assert "lists the 24 rows before" in unwrapped(done("inspect", file))
    whole = as_json(done("register", folder / "data2", "--force", "--json"))
    assert whole["rows"] == 28 and "previous" not in whole
    refused = run("register", folder / "data2", "--previous", file, "--force")
    assert refused.exit_code == 2 and "has all rows" in refused.stderr


def test_receipts_belong_to_the_registration_that_lies_beside(story: Path) -> None:
    digest = zu.RegistrationProof.load(story / "data2" / "dataset.registration").digest
    commitment = zu.DatasetCommitment.load(story / "data2" / "dataset.commitment")
    for file in (story / "kept.receipt", *(story / "shown").iterdir()):
        assert zu.verify_receipt(zu.Receipt.load(file), commitment).registration == digest


# The auditor ---------------------------------------------------------------------------------------------------------


def test_a_registration_that_goes_on_is_verified_with_the_one_before(public: Path) -> None:
    done("verify", *all_of(public, "third.proof"))
    done("verify", *all_of(public, "third.proof")[::-1])  # in any order
    for missing, words in (("1.registration", "the registration"), ("2.link", "first committed in")):
        found = run("verify", *all_of(public, missing, "third.proof"))
        assert found.exit_code == 2 and "CANNOT SAY" in found.output and words in unwrapped(found)
    alone = run("verify", public / "2.registration", public / "2.link", public / "1.commitment")
    assert alone.exit_code == 2 and "from 24 on: the registration" in unwrapped(alone)


def test_a_registration_is_not_valid_where_the_one_before_is_not(public: Path) -> None:
    spoil(public / "1.registration")
    found = run("verify", *all_of(public, "third.proof"), "--json")
    by_name = {Path(own["file"]).name: own["valid"] for own in as_json(found)["files"]}
    assert by_name["1.registration"] is False and by_name["2.registration"] is None
    assert by_name["2.commitment"] is True and found.exit_code == 1


def test_a_chain_follows_registrations(public: Path) -> None:
    text = done("verify", "--chain", public).output
    assert text.index("1.registration") < text.index("2.registration")
    (public / "1.registration").rename(public.parent / "elsewhere")
    missing = run("verify", "--chain", public)
    assert missing.exit_code == 2 and "from 24 on: the registration" in unwrapped(missing)


@pytest.mark.parametrize(("name", "found"), [("1", ["cannot say"] * 2), ("2", ["valid", "cannot say"])])
def test_rows_that_are_gone_before_they_are_read_leave_a_chain_without_a_verdict(
    public: Path, name: str, found: list[str]
) -> None:
    """They stay in their file until it is their turn; other verdicts are told all the same."""

    def take_away(_: str) -> None:
        (public / f"{name}.registration").unlink(missing_ok=True)

    history = zu.verify_chain(public, take_away)
    entries = [entry for entry in history.entries if entry.name.endswith(".registration")]
    assert [entry.verdict for entry in entries] == found and history.verdict == "cannot say"
    assert all(entry.verdict == "valid" for entry in history.entries if entry not in entries)
    (gone,) = (entry for entry in entries if entry.name.startswith(name))
    assert "there is no such file" in gone.reason


def test_a_receipt_is_held_against_the_newest_registration(story: Path, public: Path) -> None:
    """Its file, with those before it beside it or named; or its digest."""
    ask = ("verify", story / "kept.receipt", "--dataset", public / "2.commitment", "--registration")
    assert "is row" in done(*ask, public / "2.registration").output
    assert "is row" in done(*ask, zu.RegistrationProof.load(public / "2.registration").digest.hex()).output
    (public.parent / "elsewhere").mkdir()
    first = (public / "1.registration").rename(public.parent / "elsewhere" / "1.registration")
    alone = run(*ask, public / "2.registration")
    assert alone.exit_code == 2 and "from 24 on: the registration" in unwrapped(alone)
    named = (public / "2.registration", "--registration", first, "--link", public / "2.link")
    assert "is row" in done(*ask, *named).output
    assert "is row" in done(*ask, first, "--registration", public / "2.registration", *named[3:]).output
    mixed = run(*ask, public / "2.registration", "--registration", "ab" * 32)
    assert mixed.exit_code == 2 and "one digest, or files" in mixed.stderr


def test_the_proof_of_a_registration_before_is_checked_too(story: Path, public: Path) -> None:
    spoil(public / "1.registration")
    ask = ("verify", story / "kept.receipt", "--dataset", public / "2.commitment", "--registration")
    assert run(*ask, public / "2.registration").exit_code == 1


# Receipts of the forgotten -------------------------------------------------------------------------------------------


def said_of_the_proof(result: Result) -> str:
    return result.output.splitlines()[-1]


def test_receipts_of_the_forgotten_are_counted(story: Path, public: Path, tmp_path: Path) -> None:
    files = all_of(public)
    both = done("verify", *files, "--receipts", story / "shown")
    last = said_of_the_proof(both)
    assert "2 of 2 forgotten rows are tied to rows by receipts" in last and ANY not in last
    one = Path(shutil.copytree(story / "shown", tmp_path / "one"))
    (one / "1.receipt").unlink()
    shutil.copy(story / "kept.receipt", one)  # which ties a row that is not forgotten
    some = done("verify", *files, "--receipts", one)
    last = said_of_the_proof(some)
    assert f"1 of 2 forgotten rows are tied to rows by receipts; {ANY}" in last
    found = as_json(done("verify", *files, "--receipts", one, "--json"))
    assert [own.get("tied") for own in found["files"]] == [None] * 5 + [1]
    assert "tied" not in as_json(done("verify", *files, "--json"))["files"][-1]


def test_a_receipt_that_fails_makes_the_proof_invalid(story: Path, public: Path, tmp_path: Path) -> None:
    shown = Path(shutil.copytree(story / "shown", tmp_path / "shown"))
    true = zu.Receipt.load(shown / "0.receipt")
    for wrong, words in (
        (zu.Receipt(**{**vars(true), "id": "Somebody"}), "record path"),
        (zu.Receipt(**{**vars(true), "fingerprint_paths": bytes(len(true.fingerprint_paths))}), "fingerprint path"),
        (zu.Receipt(**{**vars(true), "start": 0}), "belongs to another registration"),
        (zu.Receipt(**{**vars(true), "dataset": bytes(32)}), "about another data set"),
    ):
        wrong.save(shown / "0.receipt")
        found = run("verify", *all_of(public), "--receipts", shown, "--json")
        *others, proof = as_json(found)["files"]
        assert found.exit_code == 1 and proof["valid"] is False and all(own["valid"] for own in others)
        assert words in f"{proof['check']} {proof['reason']}" and "0.receipt" in proof["reason"]


def test_receipts_need_the_registration_of_the_data_set(story: Path, public: Path) -> None:
    without = all_of(public, "2.registration", "1.registration")
    found = as_json(done("verify", *without, "--receipts", story / "shown", "--json"))["files"][-1]
    assert "tied" not in found and any("receipts: the registration" in text for text in found["not_followed"])


def test_receipts_are_asked_for_where_they_are_used(story: Path, public: Path, tmp_path: Path) -> None:
    for arguments, words in (
        ([*all_of(public, "third.proof"), "--receipts", story / "shown"], "only what a training proof says"),
        ([story / "kept.receipt", "--receipts", story / "shown"], "not for receipts"),
        ([*all_of(public), "--receipts", tmp_path], "there are no receipts"),
        (["--chain", public, "--receipts", story / "shown"], "no other option"),
    ):
        found = run("verify", *arguments)
        assert found.exit_code == 2 and words in unwrapped(found), words
