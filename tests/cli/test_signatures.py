"""Keys and signatures at the command line: who has to have signed, and what nobody signs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zkunlearn as zu
from click.testing import CliRunner, Result
from zkunlearn.cli.exits import INVALID, REFUSED
from zkunlearn.cli.program import main
from zkunlearn.verifier.trust.schemes import BLS, ED25519

from .conftest import done, run


@pytest.fixture(scope="module")
def signed(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A proof with its data set, signed by its owner and two auditors."""
    folder = tmp_path_factory.mktemp("signed")
    for name in ("first.proof", "data/dataset.commitment"):
        (folder / Path(name).name).write_bytes((made / name).read_bytes())
    (folder / "keys").mkdir()
    done("keygen", "--out", folder / "owner.key")
    for name in ("ann", "ben"):
        done("keygen", "--out", folder / "keys" / name, "--scheme", ED25519)
    done("sign", folder / "first.proof", "--key", folder / "owner.key")
    for name in ("ann", "ben"):
        done("countersign", folder / "first.proof", "--key", folder / "keys" / name)
    return folder


@pytest.fixture
def folder(signed: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    import shutil

    return Path(shutil.copytree(signed, tmp_path / "folder"))


def verified(folder: Path, *options: object, auditors: int = 2) -> Result:
    required = ("--require-owner", folder / "owner.key.pub", "--require-auditors", auditors, "--keys", folder / "keys")
    return run("verify", folder / "first.proof", *required, *options)


def test_who_signed_is_told(signed: Path) -> None:
    key = zu.PublicKey.load(signed / "owner.key.pub")
    result = verified(signed)
    assert result.exit_code == 0, result.output
    assert f"by the owner's key {key.keyid[:16]}" in result.stdout and "by the auditors 'ann', 'ben'" in result.stdout
    told = json.loads(verified(signed, "--json").stdout)
    assert told["signatures"] == {"owner": key.keyid, "auditors": ["ann", "ben"], "passed_over": 0}


def test_who_asks_for_no_signature_is_told_of_none(signed: Path) -> None:
    result = done("verify", signed / "first.proof", "--json")
    assert "signatures" not in json.loads(result.stdout)


def test_an_aggregate_stands_for_the_signatures_in_it(folder: Path) -> None:
    for path in (*folder.glob("first.proof.auditor-*"), *(folder / "keys").iterdir()):
        path.unlink()
    for name in ("ann", "ben"):
        done("keygen", "--out", folder / "keys" / name, "--scheme", BLS)
        done("countersign", folder / "first.proof", "--key", folder / "keys" / name)
    parts = sorted(folder.glob("first.proof.auditor-*"))
    whole = folder / "first.proof.auditors.signature"
    told = json.loads(done("aggregate", *parts, "--keys", folder / "keys", "--out", whole, "--json").stdout)
    assert told["auditors"] == ["ann", "ben"] and len(told["keys"]) == 2
    again = run("aggregate", *parts, "--keys", folder / "keys", "--out", whole)
    assert again.exit_code == REFUSED and "is there already; choose another name, or say --force" in again.stderr
    for part in parts:
        part.unlink()
    assert verified(folder).exit_code == 0
    assert "'first.proof'" not in verified(folder).stdout


INVALIDATED: dict[str, tuple[Callable[[Path], Any], str, str]] = {
    "no owner": (
        lambda folder: [path.unlink() for path in folder.glob("*.owner-*")],
        "owner signature",
        "there is none of the key",
    ),
    "one auditor": (
        lambda folder: sorted(folder.glob("*.auditor-*"))[0].unlink(),
        "auditors",
        "1 of 2 have signed: ",
    ),
    "an auditor with two keys": (
        lambda folder: (folder / "keys" / "ben.pub").rename(folder / "keys" / "ann.2.pub"),
        "auditors",
        "1 of 2 have signed: 'ann'",
    ),
    "a signature on the data set": (
        lambda folder: (
            done("sign", folder / "dataset.commitment", "--key", folder / "owner.key", "--out", folder / "d.signature"),
            (folder / "d.signature").rename(folder / "first.proof.d.signature"),
        ),
        "signed statement",
        "it is on a thing of the kind 'dataset'",
    ),
    "the owner as auditor": (
        lambda folder: (
            [path.unlink() for path in folder.glob("*.owner-*")],
            done("countersign", folder / "first.proof", "--key", folder / "owner.key"),
        ),
        "purpose",
        "has signed as an auditor, not as owner",
    ),
}


@pytest.mark.parametrize("what", INVALIDATED)
def test_what_is_not_signed_as_required_is_not_valid(what: str, folder: Path) -> None:
    change, check, words = INVALIDATED[what]
    change(folder)
    if what == "an auditor with two keys":  # one more, so that two could have signed
        zu.SigningKey.generate(ED25519).public.save(folder / "keys" / "cleo.pub")
    result = verified(folder)
    assert result.exit_code == INVALID, result.output
    assert result.stdout.splitlines()[-1].startswith(f"INVALID: {check}: ") and words in result.stdout
    told = json.loads(verified(folder, "--json").stdout)
    assert told["valid"] is False and told["check"] == check and words in told["reason"]


def test_of_several_files_each_has_to_be_signed(folder: Path) -> None:
    files = (folder / "first.proof", folder / "dataset.commitment")
    required = ("--require-owner", folder / "owner.key.pub")
    result = run("verify", *files, *required)
    assert result.exit_code == INVALID and "owner signature: there is none" in result.stdout
    done("sign", folder / "dataset.commitment", "--key", folder / "owner.key")
    assert run("verify", *files, *required).exit_code == 0


def test_a_signature_may_lie_elsewhere(folder: Path) -> None:
    (own,) = folder.glob("*.owner-*")
    own.rename(folder / "o.signature")
    assert verified(folder).exit_code == INVALID
    assert verified(folder, "--signature", folder / "o.signature").exit_code == 0


def test_an_auditor_signs_nothing_that_is_not_valid(folder: Path) -> None:
    proof = zu.TrainingProof.load(folder / "first.proof")
    spoilt = folder / "spoilt.proof"
    zu.TrainingProof(proof.statement, proof.proof[:-1] + bytes([proof.proof[-1] ^ 1])).save(spoilt)
    result = run("countersign", spoilt, "--key", folder / "keys" / "ann", "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == INVALID and told["valid"] is False and told["signatures"] == []
    assert not [*folder.glob("spoilt.proof.*")]
    both = run("countersign", folder / "first.proof", spoilt, "--key", folder / "keys" / "ann", "--force")
    assert both.exit_code == INVALID and both.stdout.splitlines()[-1] == "NOT signed"
    (folder / "other.toml").write_text('[model]\nkind = "logistic"\n[method]\nepochs = 5\nlearning_rate = 0.5\n')
    pinned = run(
        "countersign", folder / "first.proof", "--key", folder / "keys" / "ann", "--spec", folder / "other.toml"
    )
    assert pinned.exit_code == INVALID and "another algorithm" in pinned.stdout and "NOT signed" in pinned.stdout
    (folder / "none.proof").write_bytes(b"")
    nothing = run("countersign", folder / "none.proof", "--key", folder / "keys" / "ann")
    assert nothing.exit_code == REFUSED and not [*folder.glob("none.proof.*")]


def test_an_auditor_may_ask_for_the_owners_signature_first(folder: Path) -> None:
    done("keygen", "--out", folder / "cleo", "--scheme", ED25519)
    asked = ("countersign", folder / "first.proof", "--key", folder / "cleo")
    other = run(*asked, "--require-owner", folder / "cleo.pub")
    assert other.exit_code == INVALID and "owner signature" in other.stdout and "NOT signed" in other.stdout
    told = json.loads(done(*asked, "--require-owner", folder / "owner.key.pub", "--json").stdout)
    assert [each["purpose"] for each in told["signatures"]] == ["auditor"]


# Keys ----------------------------------------------------------------------------------------------------------------


def test_a_key_with_a_passphrase_signs_for_who_knows_it(folder: Path) -> None:
    (folder / "pass").write_text("correct horse\n")
    (folder / "wrong").write_text("battery\n")
    (folder / "two").write_text("a\nb\n")
    key, proof = folder / "p.key", folder / "first.proof"
    told = json.loads(done("keygen", "--out", key, "--passphrase-file", folder / "pass", "--json").stdout)
    assert told["protected"] is True and told["scheme"] == "ml-dsa-44"
    done("sign", proof, "--key", key, "--passphrase-file", folder / "pass")
    for options, words in (
        ((), "p.key: this key needs its passphrase"),
        (("--passphrase-file", folder / "wrong"), "the passphrase is wrong, or the file is damaged"),
        (("--passphrase-file", folder / "two"), "a passphrase is one line"),
        (("--passphrase-file", folder / "pass", "--passphrase-prompt"), "not both"),
    ):
        result = run("sign", proof, "--key", key, "--force", *options)
        assert result.exit_code == REFUSED and words in result.stderr, result.output


def test_a_passphrase_is_asked_for_twice_where_it_is_new(folder: Path) -> None:
    keygen = ["keygen", "--out", str(folder / "q.key"), "--scheme", ED25519, "--passphrase-prompt"]
    made = CliRunner().invoke(main, keygen, input="horse\nhorse\n")
    assert made.exit_code == 0 and "horse" not in made.output
    sign = ["sign", str(folder / "first.proof"), "--key", str(folder / "q.key"), "--passphrase-prompt"]
    assert CliRunner().invoke(main, sign, input="horse\n").exit_code == 0


def test_keys_that_cannot_be_used_are_refused(folder: Path) -> None:
    key, proof = folder / "owner.key", folder / "first.proof"
    result = run("keygen", "--out", key)
    assert result.exit_code == REFUSED and "a key is not replaced" in result.stderr
    key.chmod(0o644)
    result = run("sign", proof, "--key", key, "--force")
    assert result.exit_code == REFUSED and "others can read this key (its mode is 0644)" in result.stderr
    key.chmod(0o600)
    result = run("sign", proof, "--key", folder / "owner.key.pub")
    assert result.exit_code == REFUSED and "owner.key.pub: others can read this key" in result.stderr
    result = run("verify", proof, "--require-owner", key)
    assert result.exit_code == REFUSED and "not a public key" in result.stderr


# Usage ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--require-auditors", 1), "--require-auditors needs --keys DIR"),
        (("--keys", "keys"), "are for --require-owner or --require-auditors"),
        (("--require-owner", "owner.key.pub", "--keys", "keys"), "--keys is for that"),
        (("--signature", "s"), "are for --require-owner or --require-auditors"),
        (("--require-auditors", 3, "--keys", "keys"), "3 auditors are asked for, and there are keys of 2"),
    ],
)
def test_what_is_asked_for_has_to_be_possible(options: tuple[object, ...], words: str, signed: Path) -> None:
    named = [signed / str(each) if str(each) in ("keys", "owner.key.pub", "s") else each for each in options]
    result = run("verify", signed / "first.proof", *named)
    assert result.exit_code == REFUSED and words in result.stderr, result.output


def test_a_damaged_signature_says_nothing_of_the_proof(folder: Path) -> None:
    (folder / "first.proof.x.signature").write_text("{}")
    result = verified(folder)
    assert result.exit_code == REFUSED and "first.proof.x.signature: the envelope lacks the field" in result.stderr


def test_receipts_and_histories_are_not_signed(signed: Path) -> None:
    receipt = Path(__file__).parents[1] / "vectors" / "frozen" / "receipt.v2.receipt"
    result = run("countersign", receipt, "--key", signed / "keys" / "ann")
    assert result.exit_code == REFUSED and "receipts are not signed" in result.stderr
    result = run("sign", receipt, "--key", signed / "owner.key")
    assert result.exit_code == REFUSED and "receipt" in result.stderr
    required = ("--require-owner", signed / "owner.key.pub")
    assert "not for receipts" in run("verify", receipt, *required).stderr
    assert "takes everything from its folder" in run("verify", "--chain", signed, *required).stderr


def test_both_sides_of_the_package_sign_the_same(signed: Path) -> None:
    """The command line and the library."""
    proof, key = zu.TrainingProof.load(signed / "first.proof"), zu.SigningKey.load(signed / "owner.key")
    (file,) = signed.glob("first.proof.owner-*")
    by_command, by_call = zu.Envelope.load(file), zu.sign(proof, key)
    assert by_command.signed_bytes == by_call.signed_bytes
    assert zu.check_signature(proof, by_command, key.public) == [key.public]


# Looking -------------------------------------------------------------------------------------------------------------


def test_keys_and_signatures_are_shown(signed: Path) -> None:
    (file,) = signed.glob("first.proof.owner-*")
    proof, key = zu.TrainingProof.load(signed / "first.proof"), zu.PublicKey.load(signed / "owner.key.pub")
    told = json.loads(done("inspect", file, "--json").stdout)
    assert (told["kind"], told["of"], told["digest"]) == ("signature", "training", proof.digest.hex())
    assert told["keys"] == [[key.keyid]] and told["purpose"] == "owner"
    told = json.loads(done("inspect", signed / "owner.key.pub", "--json").stdout)
    assert told == {"schema": 1, "kind": "public key", "scheme": "ml-dsa-44", "keyid": key.keyid}
    result = done("inspect", signed / "owner.key")
    assert result.stdout.splitlines()[-1].startswith("SECRET: ") and "none: whoever reads the file" in result.stdout
    assert json.loads(done("inspect", signed / "owner.key", "--json").stdout)["protected"] is False


def test_an_envelope_of_something_else_is_shown_as_such(folder: Path) -> None:
    key = zu.SigningKey.load(folder / "owner.key")
    other = zu.Envelope.sign("application/vnd.in-toto+json", b"{}", [key])
    other.save(folder / "other.json")
    told = json.loads(done("inspect", folder / "other.json", "--json").stdout)
    assert (told["kind"], told["payload_type"]) == ("envelope", "application/vnd.in-toto+json")
    named = json.loads(other.to_bytes())
    named["signatures"][0]["keyid"] = "VALID:\x1b[2J".replace("\x1b", "%")
    (folder / "other.json").write_text(json.dumps(named))
    assert "'VALID:%[2J'" in done("inspect", folder / "other.json").stdout
    for text in ("{", '{"a": 1}'):
        (folder / "other.json").write_text(text)
        result = run("inspect", folder / "other.json")
        assert result.exit_code == REFUSED and "other.json: the envelope" in result.stderr
    (folder / "owner.key").chmod(0o644)
    assert "others can read it: its mode is 0644" in done("inspect", folder / "owner.key").stdout
