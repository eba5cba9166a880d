"""Certificates at the command line: made, shown, verified with the files beside them, attested, refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import zkunlearn as zu
from zkunlearn.verifier.trust.dsse import Envelope

from .conftest import done, run

REQUEST = "DSR-1=2026-11-01T00:00:00Z/2026-11-02T00:00:00Z"
SECRET = "seven wonders"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An owner with two proofs and a certificate; an auditor's key."""
    own = tmp_path_factory.mktemp("certificates")
    lines = ["name,age,dose,ill"]
    lines += [f"p{i},{20 + i % 70},{i % 10 / 10},{'yes' if i % 3 else 'no'}" for i in range(40)]
    (own / "t.csv").write_text("\n".join(lines) + "\n")
    (own / "b.toml").write_text("[bounds]\nage = [0, 120]\ndose = [0, 1]\n")
    (own / "s.toml").write_text('[model]\nkind = "logistic"\n[method]\nepochs = 1\nlearning_rate = 0.5\n')
    (own / "secret").write_text(SECRET + "\n")
    common = ("--target", "ill", "--id", "name", "--bounds", own / "b.toml", "--out", own / "data")
    done("commit", own / "t.csv", *common)
    first = ("--previous", own / "first.proof")
    done("prove", own / "data", "--spec", own / "s.toml", "--out", own / "first.proof")
    done("prove", own / "data", "--spec", own / "s.toml", "--forget", "p3", *first, "--out", own / "second.proof")
    done("register", own / "data")
    done("keygen", "--out", own / "owner.key", "--scheme", "ed25519", "--passphrase-file", own / "secret")
    done("keygen", "--out", own / "auditor.key", "--scheme", "ed25519")
    (own / "said").write_text(done(*certify(own), "--json").stdout)
    return own


def certify(own: Path, *others: str | Path, out: str = "second.certificate.json") -> tuple[str | Path, ...]:
    """The command."""
    data = own / "data"
    about = ("--dataset", data / "dataset.commitment", "--registration", data / "dataset.registration")
    key = ("--key", own / "owner.key", "--passphrase-file", own / "secret")
    return (
        "certify", own / "second.proof", *about, "--previous", own / "first.proof", *key,
        "--request", REQUEST, "--out", own / out, *others,
    )  # fmt: skip


def files(own: Path) -> tuple[str | Path, ...]:
    """Those that are not beside the certificate."""
    return "--dataset", own / "data" / "dataset.commitment", "--registration", own / "data" / "dataset.registration"


def test_a_certificate_says_what_was_done_and_asked(folder: Path) -> None:
    said = json.loads((folder / "said").read_text())
    implied = said["statement"]["predicate"]["implied"]
    assert implied["forgotten"]["rows"] == 1 and implied["guarantee"]["kind"] == "exact retraining"
    (request,) = said["statement"]["predicate"]["declared"]["requests"]
    assert (request["reference"], request["dueAt"]) == ("DSR-1", "2026-11-02T00:00:00Z")
    assert said["certificate"] == zu.Certificate.load(folder / "second.certificate.json").sha256
    assert said["keys"] == [zu.PublicKey.load(folder / "owner.key.pub").keyid]


def test_it_is_verified_with_the_files_beside_it(folder: Path) -> None:
    own = ("--require-owner", folder / "owner.key.pub", "--spec", folder / "s.toml")
    found = done("verify", folder / "second.certificate.json", *files(folder), *own)
    assert found.stdout.strip().splitlines()[-1].startswith("VALID: it says what its proof implies; exact: the publi")
    assert "spec, previous" in found.stdout and "1, 1 of them completed late" in found.stdout
    told = json.loads(done("verify", folder / "second.certificate.json", *files(folder), "--json").stdout)
    assert told["valid"] is True and told["signed_by"] == [] and told["security_bits"] >= 100
    assert any("no signature was checked" in each for each in told["not_followed"])


def test_an_auditor_attests_what_is_valid_only(folder: Path, tmp_path: Path) -> None:
    own = ("--attest", tmp_path / "r.json", "--attest-key", folder / "auditor.key")
    said = done("verify", folder / "second.certificate.json", *files(folder), *own)
    assert "attested" in said.stdout
    auditor, certificate = zu.PublicKey.load(folder / "auditor.key.pub"), folder / "second.certificate.json"
    attested = zu.require_attested(Envelope.load(tmp_path / "r.json"), auditor, zu.Certificate.load(certificate).sha256)
    assert "ZKUNLEARN_CERTIFICATE_VALID" in attested and "ZKUNLEARN_OWNER_SIGNED" not in attested
    stranger = ("--require-owner", folder / "auditor.key.pub", "--attest", tmp_path / "no.json", *own[2:])
    found = run("verify", certificate, *files(folder), *stranger)
    assert found.exit_code == 1 and "there is none of the key" in found.stdout
    assert not (tmp_path / "no.json").exists()


def test_a_file_that_is_not_there_leaves_it_open(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "second.certificate.json", tmp_path)
    found = run("verify", tmp_path / "second.certificate.json")
    assert found.exit_code == 2 and "its proof, of SHA-256" in found.stderr and "say --proof" in found.stderr


def test_a_proof_of_something_else_is_invalid(folder: Path) -> None:
    found = run("verify", folder / "second.certificate.json", "--proof", folder / "data" / "dataset.history")
    assert found.exit_code == 1 and "is none of the files that the certificate names" in found.stdout


def test_a_damaged_certificate_is_invalid(folder: Path, tmp_path: Path) -> None:
    text = (folder / "second.certificate.json").read_text()
    (tmp_path / "c.json").write_text(text.replace('"payloadType"', '"payloadTypo"'))
    found = run("verify", tmp_path / "c.json")
    assert found.exit_code == 1 and "the envelope has an unknown field 'payloadTypo'" in found.stdout


def test_the_page_is_written_and_says_how_to_check(folder: Path, tmp_path: Path) -> None:
    names = ("--name", "second.proof", "--name", "dataset.commitment")
    done("report", folder / "second.certificate.json", *names, "--out", tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "zkunlearn verify second.certificate.json second.proof dataset.commitment --require-owner" in page


def test_inspect_shows_a_certificate(folder: Path) -> None:
    said = done("inspect", folder / "second.certificate.json")
    assert "Deletion certificate" in said.stdout and "Read, not verified" in said.stdout
    data = json.loads(done("inspect", folder / "second.certificate.json", "--json").stdout)
    assert data["kind"] == "certificate" and data["secret"] is False


def test_a_successor_goes_on_from_its_certificate(folder: Path) -> None:
    more = ("--spec", folder / "s.toml", "--forget", "p5", "--previous", folder / "second.proof")
    done("prove", folder / "data", *more, "--out", folder / "third.proof")
    key = ("--key", folder / "owner.key", "--passphrase-file", folder / "secret")
    made = ("--dataset", folder / "data" / "dataset.commitment", "--previous", folder / "second.proof", *key)
    before = ("--before", folder / "second.certificate.json")
    third = folder / "third.certificate.json"
    done("certify", folder / "third.proof", *made, *before, "--out", third)
    said = " ".join(done("verify", third, *files(folder)[:2], *before).stdout.split())
    assert "which was not given" not in said and "goes on from" in said
    assert "which was not given" in " ".join(done("verify", third, *files(folder)[:2]).stdout.split())
    wrong = run("verify", third, *files(folder)[:2], "--before", third)
    assert wrong.exit_code == 1 and "goes on from another one" in wrong.stdout
    done("report", third, *before, "--out", folder / "third.html")
    assert "3 models, each after" in (folder / "third.html").read_text(encoding="utf-8")


REFUSED = {
    "a wrong passphrase": (("--passphrase-file", "other"), "passphrase"),
    "a request without dates": (("--request", "DSR-2"), "there is no = in 'DSR-2'"),
    "a date without a zone": (("--request", "DSR-2=2026-11-01T00:00:00"), "is no instant with a zone"),
    "a request twice": (("--request", REQUEST), "request 'DSR-1': is there twice"),
    "an origin that is not there": (("--derived-from", "encoder=nowhere.pt"), "there is no such file"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_certified_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    options, reason = REFUSED[name]
    (folder / "other").write_text("eighth wonder\n")
    given = [folder / each if each == "other" else each for each in options]
    command = list(certify(folder, *given, out="no.json"))
    if "--passphrase-file" in options:
        command = [each for each in command if each not in (folder / "secret",)]
        del command[command.index("--passphrase-file")]
    found = run(*command)
    assert found.exit_code == 2 and reason in found.stderr, found.stderr
    assert not (folder / "no.json").exists()


def test_a_certificate_is_not_replaced(folder: Path) -> None:
    found = run(*certify(folder))
    assert found.exit_code == 2 and "a certificate that was handed over stays" in found.stderr


def test_a_commitment_has_no_certificate(folder: Path) -> None:
    command = list(certify(folder, out="no.json"))
    command[1] = folder / "data" / "dataset.commitment"
    found = run(*command)
    assert found.exit_code == 2 and "a certificate is of a training, this is a dataset" in found.stderr


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--attest", "r.json"), "--attest and --attest-key go together"),
        (("--known-dataset", "00" * 32), "say nothing of a certificate"),
        (("second.certificate.json",), "one certificate at a time"),
    ],
)
def test_options_that_say_nothing_are_refused(folder: Path, options: tuple[str, ...], reason: str) -> None:
    given = [folder / each if each.endswith("certificate.json") else each for each in options]
    found = run("verify", folder / "second.certificate.json", *given)
    assert found.exit_code == 2 and reason in found.stderr


def test_options_of_certificates_are_for_certificates(folder: Path) -> None:
    found = run("verify", folder / "second.proof", "--before", folder / "second.certificate.json")
    assert found.exit_code == 2 and "are for certificates" in found.stderr
