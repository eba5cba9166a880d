"""Registrations and receipts, through the command line."""

from __future__ import annotations

import json
import os
import shutil
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zkunlearn as zu
from click.testing import Result
from zkunlearn.cli.output import SCHEMA

from .conftest import FORGOTTEN_ID, done, run

OTHER, ROWS = "Żółć 08", 24


@pytest.fixture(scope="module")
def registered(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The owner's folder, registered, with a receipt for somebody forgotten and for somebody who is not."""
    folder = Path(shutil.copytree(made, tmp_path_factory.mktemp("registered") / "owner"))
    done("register", folder / "data")
    for name, out in ((FORGOTTEN_ID, "gone.receipt"), (OTHER, "kept.receipt")):
        done("receipt", folder / "data", "--id", name, "--out", folder / "data" / out)
    return folder


def as_json(result: Result) -> Any:
    return json.loads(result.stdout)


def unwrapped(result: Result) -> str:
    """Lines that were broken, in one."""
    return " ".join(result.output.split())


def spoilt(path: Path, to: Path, place: int = -1) -> Path:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    to.write_bytes(data)
    return to


@pytest.fixture
def gone(registered: Path) -> Path:
    return registered / "data" / "gone.receipt"


@pytest.fixture
def kept(registered: Path) -> Path:
    return registered / "data" / "kept.receipt"


@pytest.fixture
def registration(registered: Path) -> Path:
    return registered / "data" / "dataset.registration"


# The owner -----------------------------------------------------------------------------------------------------------


def test_register_says_what_it_wrote_and_what_is_left(owner: Path) -> None:
    found = as_json(done("register", owner / "data", "--json"))
    file = owner / "data" / "dataset.registration"
    own = zu.RegistrationProof.load(file)
    assert found == {
        "schema": SCHEMA, "registration": own.digest.hex(), "dataset": own.statement.dataset.digest.hex(), "rows": 24,
        "file": str(file),
    }  # fmt: skip
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    again = run("register", owner / "data")
    assert again.exit_code == 2 and "another says the same, and costs an opening" in again.stderr
    assert zu.load_dataset(owner / "data").spent == 4
    text = done("register", owner / "data", "--force").output
    assert "openings  5 of 32 used" in text and f"registered: {own.digest.hex()}" in text


def test_a_receipt_is_written_for_her_alone(registered: Path, gone: Path) -> None:
    assert stat.S_IMODE(gone.stat().st_mode) == 0o600
    refused = run("receipt", registered / "data", "--id", OTHER, "--out", gone)
    assert refused.exit_code == 2 and zu.Receipt.load(gone).id == FORGOTTEN_ID
    unknown = run("receipt", registered / "data", "--id", "Nobody", "--out", registered / "x.receipt")
    assert unknown.exit_code == 2 and "Nobody" in unknown.stderr and not (registered / "x.receipt").exists()


@pytest.mark.parametrize("asked", [[], ["--all", "--id", OTHER]])
def test_receipts_are_for_one_or_for_everybody(registered: Path, tmp_path: Path, asked: list[str]) -> None:
    refused = run("receipt", registered / "data", *asked, "--out", tmp_path / "out")
    assert refused.exit_code == 2 and "say --id ID for one person, or --all" in refused.stderr


def test_receipts_of_everybody_are_in_a_folder_that_is_nobody_elses(registered: Path, tmp_path: Path) -> None:
    folder = tmp_path / "every"
    found = as_json(done("receipt", registered / "data", "--all", "--out", folder, "--json"))
    assert found == {"schema": SCHEMA, "file": str(folder), "receipts": 24}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = sorted(folder.iterdir())
    assert len({zu.Receipt.load(file).id for file in files}) == 24
    commitment = ("--dataset", registered / "data" / "dataset.commitment")
    verified = as_json(done("verify", *files, *commitment, "--json"))
    assert verified["valid"] and len(verified["files"]) == 24
    again = run("receipt", registered / "data", "--all", "--out", folder, "--force")
    assert again.exit_code == 2 and "choose another name" in again.stderr


# The auditor ---------------------------------------------------------------------------------------------------------


def test_a_registration_is_verified_with_its_data_set(registered: Path, registration: Path) -> None:
    text = done("verify", registration, registered / "data" / "dataset.commitment").output
    assert "record i is row i for everybody whose receipt verifies" in text
    alone = as_json(done("verify", registration, "--json"))
    assert alone["valid"] and 100 <= alone["security_bits"] <= alone["security_bits"] + 1
    assert alone["not_followed"] == [f"it is about dataset {alone['dataset']}, whose own proof was not checked"]
    shown = as_json(done("inspect", registration, "--json"))
    assert shown["kind"] == "registration" and shown["registration"] == alone["registration"]
    assert shown["security_bits"] == pytest.approx(alone["security_bits"])


def test_a_proof_beside_its_registration_says_what_that_adds(registered: Path, registration: Path) -> None:
    """Only a valid one, of its own data set."""
    dataset, words = (
        registered / "data" / "dataset.commitment",
        "record i is row i for everybody whose receipt verifies",
    )
    beside = done("verify", registered / "second.proof", dataset, registration).output.splitlines()[-3]
    assert "second.proof" in beside and f"without the 1 forgotten row; {words}" in beside
    alone = done("verify", registered / "second.proof", dataset).output
    assert words not in alone
    lying = spoilt(registration, registered / "lying.registration", -20)
    assert words not in run("verify", registered / "second.proof", dataset, lying).output


def test_a_registration_may_be_named_by_its_option(registered: Path, registration: Path) -> None:
    """As one of the files; a digest says nothing of the data set that a proof is about."""
    files = (registered / "second.proof", registered / "data" / "dataset.commitment")
    by_option, by_place = done("verify", *files, "--registration", registration), done("verify", *files, registration)
    assert "record i is row i for everybody whose receipt verifies" in " ".join(by_option.output.split())
    assert len(by_option.output.splitlines()) == len(by_place.output.splitlines())
    result = run("verify", *files, "--registration", "5a" * 32)
    assert result.exit_code == 2 and "does not say of which data set it is" in result.stderr


def test_a_registration_from_a_pipe_is_an_input_error(registered: Path, registration: Path, tmp_path: Path) -> None:
    """It is gone over more than once: nothing waits for what may never come."""
    os.mkfifo(tmp_path / "a.registration")
    result = run("verify", tmp_path / "a.registration", registered / "data" / "dataset.commitment")
    assert result.exit_code == 2 and "a.registration" in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (25, "25 rows after the payload have 1200 bytes, not 1152"),
        (1 << 28, "268435456 rows after the payload have 12884901888 bytes, not 1152"),
        (1 << 40, "field 'rows' is 1099511627776, not in"),
    ],
)
def test_a_registration_that_claims_more_rows_than_it_lists_is_refused(
    registration: Path, tmp_path: Path, rows: int, reason: str
) -> None:
    """At once, and before anything is reserved for them."""
    whole, lying = zu.RegistrationProof.load(registration), tmp_path / "lying.registration"
    own = whole.statement.dataset
    dataset = replace(own, rows=rows, segments=(replace(own.segments[0], stop=rows),))
    statement = replace(whole.statement, dataset=dataset)
    zu.RegistrationProof(statement, whole.proof, whole.attached, whole.body).save(lying)
    with pytest.raises(zu.FormatError, match=reason) as refused:
        zu.RegistrationProof.from_bytes(lying.read_bytes())
    assert refused.value.fault == "damaged"
    result = run("verify", lying)
    assert result.exit_code == 1 and reason in unwrapped(result)


def test_a_damaged_registration_is_invalid(registration: Path, tmp_path: Path) -> None:
    whole, front = registration.read_bytes(), registration.stat().st_size - ROWS * 48
    damaged = {
        "cut": whole[:-500],
        "a row less": whole[:-48],
        "without rows": whole[:front],
        "within its head": whole[: front - 9],
        "trailing": whole + b"\0",
        "rows doubled": whole + whole[front:],
        "doubled": whole + whole,
    }
    for name, data in damaged.items():
        (tmp_path / "wrong.registration").write_bytes(data)
        found = as_json(run("verify", tmp_path / "wrong.registration", "--json"))
        assert (found["valid"], found["check"]) == (False, "file format"), name
    for place, check in ((-1, "fingerprint tree"), (front, "record tree")):
        found = as_json(run("verify", spoilt(registration, tmp_path / "a.registration", place), "--json"))
        assert (found["valid"], found["check"]) == (False, check)


def test_the_rows_of_another_registration_do_not_belong_to_it(registered: Path, tmp_path: Path) -> None:
    done("commit", registered / "t.csv", "--target", "sick", "--id", "name", "--out", tmp_path / "other")
    done("register", tmp_path / "other")
    own, other = (
        (folder / "dataset.registration").read_bytes() for folder in (registered / "data", tmp_path / "other")
    )
    (tmp_path / "mixed.registration").write_bytes(own[: -ROWS * 48] + other[-ROWS * 48 :])
    found = as_json(run("verify", tmp_path / "mixed.registration", "--json"))
    assert (found["valid"], found["check"]) == (False, "record tree")


def test_a_chain_judges_registrations(registered: Path, tmp_path: Path) -> None:
    folder = tmp_path / "history"
    folder.mkdir()
    for name in ("dataset.commitment", "dataset.registration"):
        shutil.copy(registered / "data" / name, folder)
    assert "dataset.registration" in done("verify", "--chain", folder).output
    (folder / "dataset.commitment").unlink()
    missing = run("verify", "--chain", folder)
    assert missing.exit_code == 2 and "that it is about is not here" in unwrapped(missing)


def test_a_registration_after_a_recommitment_needs_the_link(owner: Path) -> None:
    """And `verify` takes it from the files, or from beside the registration."""
    done("recommit", owner / "data", "--openings", 4, "--out", owner / "fresh")
    done("register", owner / "fresh")
    files = [owner / "fresh" / f"dataset.{kind}" for kind in ("registration", "commitment")]
    alone = run("verify", *files)
    assert alone.exit_code == 2 and "CANNOT SAY" in alone.output and "first committed in" in alone.output
    done("verify", *files, owner / "fresh" / "dataset.link")
    done("receipt", owner / "fresh", "--id", OTHER, "--out", owner / "fresh" / "a.receipt")
    ask = ("verify", owner / "fresh" / "a.receipt", "--registration", files[0])
    assert "is row" in done(*ask).output
    (owner / "fresh" / "dataset.link").rename(owner / "elsewhere")
    assert run(*ask).exit_code == 2
    assert "is row" in done(*ask, "--link", owner / "elsewhere").output


# The person ----------------------------------------------------------------------------------------------------------


def test_a_person_sees_her_row_in_original_units(gone: Path, registration: Path) -> None:
    text = done("verify", gone, "--registration", registration).output
    assert f"VALID: '{FORGOTTEN_ID}' is row " in text and "'age' = " in text and "'label' = " in text
    found = as_json(done("verify", gone, "--registration", registration, "--json"))
    ((row,), features) = found["rows"], {"age", "weight"}
    assert row["features"].keys() == features and row["label"] in ("yes", "no") and 20 <= row["features"]["age"] < 90.1
    assert (found["id"], found["valid"], found["forgotten"]) == (FORGOTTEN_ID, True, None)
    assert found["registration_expected"] and "statement" not in found


def test_without_a_registration_she_is_a_record_and_told_what_that_is_not(gone: Path) -> None:
    """What is not shown is not said: that the row of the matrix is hers."""
    text = unwrapped(done("verify", gone))
    assert f"VALID: '{FORGOTTEN_ID}' is record " in text and " is row " not in text
    assert "not checked; say --registration" in text
    assert as_json(done("verify", gone, "--json"))["registration_expected"] is False


def test_the_digest_of_a_registration_stands_for_one_that_was_checked(gone: Path, registration: Path) -> None:
    digest = zu.RegistrationProof.load(registration).digest.hex()
    assert "is row " in done("verify", gone, "--registration", digest).output
    other = run("verify", gone, "--registration", "ab" * 32)
    assert other.exit_code == 1 and "INVALID: the receipt belongs to another registration" in other.output


def test_a_proof_says_whether_she_is_forgotten(registered: Path, gone: Path, kept: Path, registration: Path) -> None:
    pinned = ("--registration", registration, "--proof", registered / "second.proof")
    text = done("verify", gone, *pinned).output
    assert "and is forgotten in this statement" in text
    left = run("verify", kept, *pinned)
    assert left.exit_code == 1 and "NOT FORGOTTEN" in left.output
    assert "and is NOT forgotten in this statement: 1 row of 1 still counted" in left.output
    before = run("verify", gone, "--proof", registered / "first.proof", "--json")
    found = as_json(before)
    assert before.exit_code == 1 and (found["valid"], found["forgotten"]) == (False, False)
    assert found["statement"] == zu.TrainingProof.load(registered / "first.proof").digest.hex()


def test_a_data_set_that_is_known_is_not_checked_again(gone: Path, registration: Path, tmp_path: Path) -> None:
    """But has to be that one."""
    commitment, broken = zu.DatasetCommitment.load(gone.parent / "dataset.commitment"), tmp_path / "a.commitment"
    digest = zu.RegistrationProof.load(registration).statement.dataset.digest.hex()
    zu.DatasetCommitment(commitment.statement, bytes(len(commitment.proof))).save(broken)
    named = ("verify", gone, "--dataset", broken, "--known-dataset")
    assert run(*named[:-1]).exit_code == 1
    done(*named, digest)
    other = run(*named, "ab" * 32)
    assert other.exit_code == 1 and "another one than the known one" in other.output


def test_several_receipts_have_a_verdict_each(registered: Path, gone: Path, kept: Path, tmp_path: Path) -> None:
    broken = spoilt(kept, tmp_path / "broken.receipt", 300)
    pinned = ("--proof", registered / "second.proof", "--dataset", registered / "data" / "dataset.commitment")
    result = run("verify", gone, broken, kept, *pinned)
    last = result.output.splitlines()[-3:]
    assert result.exit_code == 1
    assert [line.split(": ")[1] for line in last] == ["VALID", "INVALID", "NOT FORGOTTEN"]
    found = as_json(run("verify", gone, broken, kept, *pinned, "--json"))
    assert [own["valid"] for own in found["files"]] == [True, False, False] and found["valid"] is False


def test_the_last_statement_of_a_bundle_is_what_counts(owner: Path) -> None:
    spec = owner / "shards.toml"
    spec.write_text(
        '[model]\nkind = "logistic"\n[method]\nkind = "sisa"\nshard_rows = 16\nslices = 2\nepochs = 1\n'
        "learning_rate = 0.5\n"
    )
    done("prove", owner / "data", "--spec", spec, "--out", owner / "a.bundle")
    more = ("--forget", FORGOTTEN_ID, "--previous", owner / "a.bundle", "--out", owner / "b.bundle")
    done("prove", owner / "data", "--spec", spec, *more)
    receipt = owner / "data" / "r.receipt"
    done("receipt", owner / "data", "--id", FORGOTTEN_ID, "--out", receipt)
    assert "is forgotten" in done("verify", receipt, "--proof", owner / "b.bundle").output
    assert run("verify", receipt, "--proof", owner / "a.bundle").exit_code == 1


# What cannot be right ------------------------------------------------------------------------------------------------


def test_a_damaged_receipt_is_invalid(gone: Path, tmp_path: Path) -> None:
    for wrong in (spoilt(gone, tmp_path / "a.receipt", 20), tmp_path / "cut.receipt"):
        (tmp_path / "cut.receipt").write_bytes(gone.read_bytes()[:-9])
        found = run("verify", wrong, "--json")
        assert found.exit_code == 1 and as_json(found)["check"] == "file format"


def test_a_receipt_of_a_newer_version_says_so(gone: Path, tmp_path: Path) -> None:
    """By code 2, as nothing can be said."""
    data, at = bytearray(gone.read_bytes()), len(b"zkunlearn\0\7receipt") + 1
    data[at] += 1
    (tmp_path / "new.receipt").write_bytes(data)
    found = run("verify", tmp_path / "new.receipt")
    assert found.exit_code == 2 and "newer version" in found.stderr
    several = run("verify", tmp_path / "new.receipt", gone)
    assert several.exit_code == 2 and "CANNOT SAY" in several.output and "VALID: 'Żółć 07'" in several.output


def test_a_receipt_that_is_not_there_is_told_so(registration: Path, tmp_path: Path) -> None:
    """And not that its options are for receipts."""
    found = run("verify", tmp_path / "none.receipt", "--registration", registration)
    assert found.exit_code == 2 and "there is no such file" in found.stderr


def test_a_receipt_alone_needs_its_commitment(gone: Path, tmp_path: Path) -> None:
    copy = shutil.copy(gone, tmp_path / "a.receipt")
    found = run("verify", copy)
    assert found.exit_code == 2 and "whose commitment is not beside it; say --dataset" in found.stderr


def test_a_receipt_about_another_data_set_is_invalid(owner: Path, gone: Path) -> None:
    done("commit", owner / "t.csv", "--target", "sick", "--id", "name", "--out", owner / "other")
    found = run("verify", gone, "--dataset", owner / "other" / "dataset.commitment")
    assert found.exit_code == 1 and "INVALID: the receipt is about another data set" in found.output


def test_what_is_named_beside_a_receipt_has_to_be_valid(registered: Path, gone: Path, tmp_path: Path) -> None:
    """By the codes of everything that is verified: 1 for what is wrong, 2 for what is something else."""
    bad = {
        "--registration": spoilt(registered / "data" / "dataset.registration", tmp_path / "a", -20),
        "--proof": spoilt(registered / "second.proof", tmp_path / "b"),
        "--dataset": spoilt(registered / "data" / "dataset.commitment", tmp_path / "c"),
    }
    for option, file in bad.items():
        found = run("verify", gone, option, file)
        assert found.exit_code == 1 and "INVALID: " in found.output, option
    kinds = {"--registration": "second.proof", "--proof": "data/dataset.registration", "--dataset": "second.proof"}
    for option, name in kinds.items():
        found = run("verify", gone, option, registered / name)
        assert found.exit_code == 2 and "is needed" in found.stderr, option
    assert run("verify", gone, "--registration", tmp_path / "none").exit_code == 2


def test_options_are_for_receipts_or_for_proofs(registered: Path, gone: Path, registration: Path) -> None:
    for arguments, words in (
        ([gone, registration], "receipts go by themselves"),
        ([gone, "--spec", registered / "spec.toml"], "are for proofs, not for receipts"),
        ([registered / "second.proof", "--proof", registered / "first.proof"], "--proof and --key are for receipts"),
    ):
        found = run("verify", *arguments)
        assert found.exit_code == 2 and words in found.stderr, words
    with_folder = run("verify", "--chain", registered, "--registration", registration)
    assert with_folder.exit_code == 2


def test_a_receipt_is_inspected_without_its_content(gone: Path) -> None:
    result = done("inspect", gone)
    assert "SECRET" in result.output and FORGOTTEN_ID not in result.output
    found = as_json(done("inspect", gone, "--json"))
    assert found["kind"] == "receipt" and found["secret"] and FORGOTTEN_ID not in json.dumps(found, ensure_ascii=False)
