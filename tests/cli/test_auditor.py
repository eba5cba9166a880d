"""verify and inspect: verdicts, exit codes and what is printed, on good, other, broken and hostile files."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import zkunlearn as zu
from click.testing import Result
from zkunlearn.circuits.statements.training import TrainingStatement
from zkunlearn.cli import options
from zkunlearn.cli.output import aligned, foreign, one_line
from zkunlearn.errors import FormatError
from zkunlearn.verifier.certificates.guarantee import CHOSEN, RETRAINED, VOID_RETRAINED, guarantee

from .conftest import FORGOTTEN_ID, SPEC, done, run

Verify = Callable[..., Result]


HEAD = len(b"zkunlearn\x00\x08training\x00\x03")
VERSION = TrainingStatement.version


def invalid(result: Result) -> str:
    assert result.exit_code == 1, result.output
    assert result.stderr == ""
    last = result.stdout.splitlines()[-1]
    assert last.startswith("INVALID: ")
    return last


def wrong_input(result: Result) -> str:
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert len(result.stderr.splitlines()) == 1
    return result.stderr


# --- valid --------------------------------------------------------------------------------------------------


def test_a_valid_proof_is_told_in_words_with_what_is_not_pinned(made: Path, verify: Verify) -> None:
    result = verify(made / "first.proof")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].startswith("VALID: ")
    for part in ("24 rows, 2 features", "none of 24 rows", "logistic regression with bias", "4 epochs",
                 "learning rate 0.5", "bits proven", "declared bounds", "nothing: the first of its chain"):  # fmt: skip
        assert part in " ".join(result.stdout.split())
    words = " ".join(result.stdout.split())
    assert "not pinned spec, forget list, previous" in words
    for part in ("the algorithm was not pinned", "the forget list was not pinned", "it supersedes nothing: rows that"):
        assert part in words
    assert "assumes" not in words  # nobody is forgotten, so nothing is promised


def test_of_an_unlearning_it_is_told_what_that_is_worth_and_what_voids_it(made: Path, verify: Verify) -> None:
    words = " ".join(verify(made / "second.proof", "--previous", made / "first.proof").stdout.split())
    promised = guarantee(zu.TrainingProof.load(made / "second.proof").statement)
    assert f"exact {RETRAINED} assumes {CHOSEN} void {VOID_RETRAINED} model" in words
    assert promised.words == f"exact: {RETRAINED}"


def test_everything_can_be_pinned(made: Path, verify: Verify) -> None:
    digest = zu.DatasetCommitment.load(made / "data" / "dataset.commitment").digest.hex()
    pins = ("--spec", made / "spec.toml", "--forget-file", made / "second.forgotten", "--known-dataset", digest)
    result = verify(made / "second.proof", *pins, "--previous", made / "first.proof")
    assert result.exit_code == 0
    assert "1 of 24 rows" in result.stdout
    words = " ".join(result.stdout.split())
    assert "pinned data set, spec, forget list, previous" in words
    assert "not pinned nothing" in words
    assert "known, not checked now" in words
    assert "not followed the superseded statement was compared; its proof was not checked the validity proof" in words


def test_json_says_the_same(made: Path, verify: Verify) -> None:
    answer = json.loads(verify(made / "second.proof", "--spec", made / "spec.toml", "--json").stdout)
    proof = zu.TrainingProof.load(made / "second.proof")
    assert answer["valid"] is True
    assert answer["statement"] == proof.digest.hex()
    assert answer["forgotten"] == [record.digest.hex() for record in proof.statement.forgotten]
    assert answer["dataset"]["rows"] == 24
    assert (answer["pinned"], answer["not_pinned"]) == (["spec"], ["forget list", "previous"])
    assert answer["security_bits"] > 100
    assert answer["dataset_checked"] is True


def test_quiet_prints_the_verdict_only(owner: Path, verify: Verify) -> None:
    assert verify(owner / "first.proof", "--quiet").stdout.count("\n") == 1
    (owner / "first.proof").write_bytes((owner / "first.proof").read_bytes() + b"x")
    assert invalid(verify(owner / "first.proof", "--quiet")).count("\n") == 0
    assert verify(owner / "first.proof", "--quiet").stdout.count("\n") == 1


def test_bounds_from_the_data_are_told_to_the_auditor(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,y\n1,0\n2,1\n3,1\n")
    (tmp_path / "spec.toml").write_text(SPEC)
    done("commit", tmp_path / "t.csv", "--target", "y", "--out", tmp_path / "data")
    done("prove", tmp_path / "data", "--spec", tmp_path / "spec.toml", "--out", tmp_path / "p.proof")
    result = run("verify", tmp_path / "p.proof", "--dataset", tmp_path / "data" / "dataset.commitment")
    assert "CAUTION: the bounds of columns were taken from the data" in result.stdout


# --- another statement --------------------------------------------------------------------------------------


def test_another_algorithm_is_invalid_and_the_difference_is_named(owner: Path, verify: Verify) -> None:
    (owner / "spec.toml").write_text(SPEC.replace("epochs = 4", "epochs = 5"))
    assert "epochs is 4, not 5" in invalid(verify(owner / "first.proof", "--spec", owner / "spec.toml"))


def test_another_forget_list_is_invalid(owner: Path, verify: Verify) -> None:
    pin = ("--forget-file", owner / "second.forgotten")
    assert "another forget list: 1 of the expected" in invalid(verify(owner / "first.proof", *pin))
    (owner / "second.forgotten").write_text("# nobody\n")
    assert "1 of its rows were not expected" in invalid(verify(owner / "second.proof", *pin))


def test_another_previous_proof_is_invalid(made: Path, verify: Verify) -> None:
    assert "supersede" in invalid(verify(made / "first.proof", "--previous", made / "second.proof"))


def test_another_data_set_is_invalid(made: Path, owner: Path, verify: Verify) -> None:
    options = ("--target", "sick", "--id", "name", "--out", owner / "other")
    done("commit", owner / "t.csv", *options)
    other = owner / "other" / "dataset.commitment"
    assert "another data set" in invalid(verify(made / "first.proof", dataset=other))
    digest = zu.DatasetCommitment.load(other).digest.hex()
    assert "another one than the known one" in invalid(verify(made / "first.proof", "--known-dataset", digest))


def test_an_invalid_proof_is_told_with_what_it_claims(owner: Path, verify: Verify) -> None:
    proof = zu.TrainingProof.load(owner / "first.proof")
    spec = proof.statement.spec
    lie = replace(proof.statement, spec=zu.TrainingSpec(model=spec.model, method=spec.method, learning_rate=0.25))
    zu.TrainingProof(lie, proof.proof, proof.attached).save(owner / "lie.proof")
    result = verify(owner / "lie.proof")
    invalid(result)
    assert result.stdout.startswith("Claimed by the proof\n")
    assert "learning rate 0.25" in result.stdout
    answer = json.loads(verify(owner / "lie.proof", "--json").stdout)
    assert answer["valid"] is False
    assert answer["check"] and answer["reason"].startswith(answer["check"])
    assert answer["claimed"]["spec"]["method"]["learning_rate"] == ["0.25"]


# --- broken and hostile files -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: data + b"\x00",
        lambda data: data[:HEAD] + b"\xbf\xff" * 40 + data[HEAD:],
        lambda data: data[:HEAD] + b"\x9f" * 100_000,
    ],
)
def test_a_damaged_proof_is_invalid_and_never_a_traceback(
    owner: Path, verify: Verify, spoil: Callable[[bytes], bytes]
) -> None:
    path = owner / "first.proof"
    path.write_bytes(spoil(path.read_bytes()))
    assert str(path) in invalid(verify(path))
    answer = json.loads(verify(path, "--json").stdout)
    assert (answer["valid"], answer["check"]) == (False, "file format")
    result = run("inspect", path)
    assert (result.exit_code, result.stdout) == (2, "")


def test_every_sampled_byte_flip_is_invalid(owner: Path, verify: Verify) -> None:
    path = owner / "second.proof"
    data = path.read_bytes()
    for place in range(HEAD, len(data), len(data) // 24):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x41]) + data[place + 1 :])
        invalid(verify(path))


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda data: b"", "is empty"),
        (lambda data: b"\x00" * 100, "not a zkunlearn file"),
        (lambda data: data[:10], "ends within its header"),
        (lambda data: data.replace(b"training", b"tr\x1b[ning", 1), "unknown kind 'tr\\x1b[ning'"),
        (lambda data: data[: HEAD - 1] + bytes([VERSION + 1]) + data[HEAD:], "newer version"),
        (lambda data: data[: HEAD - 1] + bytes([VERSION - 1]) + data[HEAD:], "older version"),
    ],
)
def test_what_does_not_say_that_it_is_a_proof_of_this_version_is_no_verdict(
    owner: Path, verify: Verify, spoil: Callable[[bytes], bytes], found: str
) -> None:
    path = owner / "first.proof"
    path.write_bytes(spoil(path.read_bytes()))
    assert found in wrong_input(verify(path))
    told = json.loads(verify(path, "--json").stdout)
    assert found in told["error"] and (told["kind"], told["exit_code"]) == ("FormatError", 2)


@pytest.mark.parametrize("name", ["first.model.opening", "data/dataset.opening"])
def test_an_artefact_of_another_kind_is_no_proof(made: Path, verify: Verify, name: str) -> None:
    assert "which is no statement with its proof" in wrong_input(verify(made / name))


@pytest.mark.parametrize(
    ("name", "options", "found"),
    [
        ("none.proof", [], "none.proof: there is no such file"),
        ("data", [], "data: this is a directory"),
        ("first.proof", ["--spec", "none.toml"], "none.toml"),
        ("first.proof", ["--spec", "t.csv"], "t.csv"),
        ("first.proof", ["--previous", "none.proof"], "none.proof: there is no such file"),
        ("first.proof", ["--previous", "t.csv"], "t.csv: this is not a zkunlearn file"),
        ("first.proof", ["--forget-file", "t.csv"], "t.csv: line 1"),
        ("first.proof", ["--dataset", "first.proof"], "but a dataset is needed"),
        ("first.proof", ["--dataset", "none.commitment"], "none.commitment: there is no such file"),
    ],
)
def test_what_the_auditor_gets_wrong_is_an_input_error_not_a_verdict(
    owner: Path, monkeypatch: pytest.MonkeyPatch, verify: Verify, name: str, options: list[str], found: str
) -> None:
    monkeypatch.chdir(owner)
    assert found in wrong_input(verify(Path(name), *options))


def test_a_digest_that_is_none_is_a_usage_error(made: Path, verify: Verify) -> None:
    result = verify(made / "first.proof", "--known-dataset", "abc")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "64 hexadecimal characters" in result.stderr


def test_an_unforeseen_error_is_no_verdict(made: Path, verify: Verify, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise IndexError

    monkeypatch.setattr(zu, "verify", broken)
    result = verify(made / "first.proof")
    assert (result.exit_code, result.stdout) == (3, "")


def test_an_interrupt_is_no_verdict(made: Path, verify: Verify, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(zu, "verify", interrupted)
    result = verify(made / "first.proof")
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "")


def test_an_interrupt_before_the_command_begins_is_no_verdict(
    made: Path, verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While click reads the arguments, whose own exit code is that of an invalid proof."""

    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(options.FILE, "convert", interrupted)
    result = verify(made / "first.proof")
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "")


def test_an_interrupt_that_a_callback_swallows_comes_again(
    made: Path, verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dropped:
        def __del__(self) -> None:
            raise KeyboardInterrupt

    def interrupted(*arguments: object, **options: object) -> None:
        Dropped()
        time.sleep(20)

    monkeypatch.setattr(zu, "verify", interrupted)
    result = verify(made / "first.proof")
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "")


def test_no_message_can_move_the_cursor_or_forge_a_line(
    made: Path, verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hostile(*arguments: object, **options: object) -> None:
        raise FormatError("x\nVALID: all is well\x1b[2K\u202e")

    monkeypatch.setattr(zu, "verify", hostile)
    assert invalid(verify(made / "first.proof")) == "INVALID: x\\nVALID: all is well\\x1b[2K\\u202e"
    assert one_line("数据 é") == "数据 é"


# --- inspect ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("data/dataset.commitment", ["Data set commitment", "'age' in [0.0, 120.0]", "bits proven", "not verified"]),
        ("data/dataset.opening", ["Data set opening", "3 used", "SECRET"]),
        ("first.proof", ["Training proof", "none of 24 rows", "bits proven", "not verified"]),
        ("second.proof", ["Unlearning proof", "1 of 24 rows"]),
        ("first.model.opening", ["Model opening", "logistic regression", "SECRET"]),
        ("spec.toml", ["Training spec", "w_bits = 16"]),
        ("second.forgotten", ["Forget list", "1 record digest"]),
        ("data/dataset.history", ["List of proved statements", "2 statements proved", "supersedes  nothing"]),
    ],
)
def test_inspect_knows_every_file_and_tells_no_secret(made: Path, name: str, found: list[str]) -> None:
    result = done("inspect", made / name)
    for part in found:
        assert part in result.stdout
    answer = json.loads(done("inspect", made / name, "--json").stdout)
    assert answer["kind"]
    for text in (result.stdout, json.dumps(answer, ensure_ascii=False)):
        assert FORGOTTEN_ID not in text
        assert "weights" not in text.replace("from zero weights", "").replace("(weights)", "")


def test_inspect_lists_the_statements_that_were_proved(made: Path, tmp_path: Path) -> None:
    first, second = (zu.TrainingProof.load(made / f"{name}.proof").digest.hex() for name in ("first", "second"))
    result = done("inspect", made / "data" / "dataset.history")
    shown = [line.split() for line in result.stdout.splitlines()]
    pairs = [["proved", first], ["supersedes", "nothing"], ["proved", second], ["supersedes", first]]
    assert shown[3:7] == pairs
    answer = json.loads(done("inspect", made / "data" / "dataset.history", "--json").stdout)
    assert answer["kind"] == "list of proved statements"
    assert answer["statements"] == [
        {"statement": first, "previous": None},
        {"statement": second, "previous": first},
    ]
    long = tmp_path / "long"
    long.write_text("".join(f"{i:064x} -\n" for i in range(43)))
    assert "and 3 more, which --json shows" in done("inspect", long).stdout
    assert len(json.loads(done("inspect", long, "--json").stdout)["statements"]) == 43


@pytest.mark.parametrize("line", ["nothing", f"{1:064x}", f"{1:064x} {2:063x}", f"- {1:064x}", f"{1:064x} - -"])
def test_inspect_says_which_line_of_a_history_is_wrong(tmp_path: Path, line: str) -> None:
    path = tmp_path / "dataset.history"
    path.write_text(f"{0:064x} -\n{line}\n")
    assert f"dataset.history: line 2: {line[:40]!r} is not two digests" in wrong_input(run("inspect", path))
    path.write_bytes(b"\xff\xfe\n")
    assert "dataset.history: line 1: not UTF-8 text" in wrong_input(run("inspect", path))


@pytest.mark.parametrize("name", ["t.csv", "data", "none.proof"])
def test_inspect_refuses_what_it_does_not_know(made: Path, name: str) -> None:
    assert name in wrong_input(run("inspect", made / name))


# --- strings of others --------------------------------------------------------------------------------------

FORGERIES = [
    "a in [0.0, 10.0]" + " " * 84 + "security  999.9 bits proven",
    "a" * 83 + " security  999.9 bits proven",
    "a\nsecurity  999.9 bits proven",
    "a\r\x1b[2Ksecurity  999.9 bits proven",
    "a\u2028security  999.9 bits proven",
    "\u202esecurity  999.9 bits proven\u202c",
    "a\ue000" * 40 + "security  999.9 bits proven",
]


@pytest.mark.parametrize("name", FORGERIES, ids=range(len(FORGERIES)))
def test_no_line_can_be_forged_by_a_name(name: str) -> None:
    lines = list(aligned([("bounds", f"{foreign(name)} in [0.0, 10.0] and something more"), ("", foreign(name))]))
    assert lines[0].startswith("  bounds  '")
    assert all(line.startswith(("  bounds  '", "          '", "          in [", "          and")) for line in lines)
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("name", ["plain", " a ", "a  b", "it's", "é", "数据 \t", "x" * 300])
def test_a_name_can_be_read_back_from_its_quotes(name: str) -> None:
    (line,) = aligned([("", foreign(name))])
    quoted, _, more = line.strip().partition("... (")
    assert eval(quoted) == name[:256]
    assert more == ("44 more)" if len(name) > 256 else "")


def test_every_command_quotes_the_names_that_a_table_brings(tmp_path: Path) -> None:
    """Columns, labels, classes and files, in commit, prove, inspect and verify."""
    evil = "x   VALID: all is well"
    names = [f"{evil}{column}" for column in ("a", "b", "c")]
    rows = [f"{row},5,{evil}{row % 2}" for row in range(6)]
    (tmp_path / "t.csv").write_text("\n".join([",".join(names), *rows]) + "\n")
    (tmp_path / "spec.toml").write_text(SPEC)
    data, proof = tmp_path / f"{evil} data", tmp_path / f"{evil}.proof"
    commitment = data / "dataset.commitment"
    said = [
        done("commit", tmp_path / "t.csv", "--target", names[2], "--out", data),
        done("prove", data, "--spec", tmp_path / "spec.toml", "--out", proof),
        done("verify", proof, "--dataset", commitment),
        done("inspect", proof),
        done("inspect", commitment),
    ]
    for result in said:
        shown = result.stdout + result.stderr
        assert "x   VALID" in shown
        for line in shown.splitlines():
            assert line.isprintable()
            before, found, _ = line.partition("x   VALID")
            assert not found or "'" in before, line
