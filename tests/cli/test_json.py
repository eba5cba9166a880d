"""docs/json.md tells every field that --json prints, and no other: on a story in which each command has its part.

All other tests here hold what they print against the page, too (`run` in conftest.py).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest
import zkunlearn as zu
from zkunlearn.cli import output
from zkunlearn.cli.output import SCHEMA
from zkunlearn.cli.program import main
from zkunlearn.verifier.bundles import load_public

from . import json_page
from .conftest import BOUNDS, run, write_table
from .json_page import FAILURE, FILE, commands, told_fields
from .test_shards import SPEC as SHARDED

DESCENT = '[model]\nkind = "logistic"\n[method]\nepochs = 20\nlearning_rate = 2.0\nl2 = 0.05\n'
HELD_OUT = DESCENT.replace('kind = "logistic"\n', 'kind = "logistic"\nholdout = 110\n')
LINEAR = '[model]\nkind = "linear"\nholdout = 110\n[method]\nepochs = 8\nlearning_rate = 0.5\n'
COUNTS = '[model]\nkind = "poisson"\nholdout = 110\n[method]\nepochs = 3\nlearning_rate = 0.05\n'
NOISY = '[model]\nkind = "logistic"\n[method]\nkind = "noisy"\nl2 = 0.25\n'
INVERSE = '[model]\nkind = "logistic"\n[method]\nkind = "newton"\nl2 = 0.5\nsteps = 8\ninverse = 12\n'
COLUMNS = ("--target", "sick", "--id", "name")
NONCE = "5a" * 32
FORGOTTEN, OTHER, NEW, GONE = "Żółć 07", "Żółć 08", "Żółć 240", "Żółć 999"
SLOW = {
    "demo",
    "demos-optimum",
    "demos-noise",
    "demos-shards",
    "demos-certificate",
}  # told of by a slow test of test_program.py


@dataclass
class Teller:
    """Runs commands with --json, and notes which fields they print, by the section of the page."""

    folder: Path
    seen: set[tuple[str, str]] = field(default_factory=set)

    def tell(self, command: str, *arguments: object, code: int = 0) -> dict[str, Any]:
        """What it prints; names of files are in the folder."""
        result = run(command, *arguments, "--json")
        assert result.exit_code == code, result.output
        json_page.require_told(command, result.stdout, self.seen)
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    def of(self, *names: str) -> list[Path]:
        """Files of the folder."""
        return [self.folder / name for name in names]

    def prove(self, data: str, spec: str, out: str, *more: object) -> None:
        """A training."""
        self.tell("prove", *self.of(data), "--spec", *self.of(spec), "--out", *self.of(out), *more)


@pytest.fixture(scope="module")
def teller(tmp_path_factory: pytest.TempPathFactory) -> Teller:
    """All commands but the demo."""
    own = Teller(tmp_path_factory.mktemp("told"))
    write_table(own.folder / "t.csv", 240)
    texts = {"spec": DESCENT, "held": HELD_OUT, "linear": LINEAR, "noisy": NOISY, "inverse": INVERSE, "sisa": SHARDED}
    texts["counts"] = COUNTS
    texts["means"] = SHARDED.replace('"logistic"', '"linear"')
    texts["expected"] = SHARDED.replace('"logistic"', '"poisson"').replace(
        "learning_rate = 0.5", "learning_rate = 0.05"
    )
    texts["scores"] = SHARDED.replace("shard_rows", 'aggregate = "score"\nshard_rows')
    for name, text in texts.items():
        penalised = text.replace("shard_rows = 8", "shard_rows = 128\nl2 = 0.05")
        (own.folder / f"{name}.toml").write_text(penalised)
    (own.folder / "bounds.toml").write_text(BOUNDS)
    begin(own)
    prove_and_forget(own)
    measure(own)
    grow(own)
    return own


def begin(own: Teller) -> None:
    (table,) = own.of("t.csv")
    own.tell("init", *own.of("project"))
    own.tell("completion", "zsh")
    own.tell("man")
    own.tell("warm-up")
    own.tell("suggest-bounds", table, *COLUMNS, "--out", *own.of("found.toml"))
    bounds = ("--bounds", *own.of("bounds.toml"))
    own.tell("commit", table, *COLUMNS, *bounds, "--out", *own.of("data"))
    own.tell("suggest", *own.of("data"), "--most-epochs", 5)
    own.tell("train", *own.of("data"), "--spec", *own.of("spec.toml"))
    # With keys, and a registration, receipts and a history of its own.
    keyed = own.folder / "keyed.csv"
    lines = table.read_text(encoding="utf-8").splitlines()[:25]
    keyed.write_text("\n".join([f"{lines[0]},no", *(f"{line},{i}" for i, line in enumerate(lines[1:]))]) + "\n")
    gone, asked = own.of("gone.txt", "asked.txt")
    gone.write_text(f"{GONE}\n", encoding="utf-8")
    left_out = ("--left-out", gone, "--unique", "no")
    own.tell("commit", keyed, *COLUMNS, *bounds, *left_out, "--out", *own.of("keyed"))
    asked.write_text(f"{normalize('NFD', FORGOTTEN)}\n{GONE}\nnobody\n", encoding="utf-8")
    of_asked = ("--forget-file", asked, "--skip-unknown")
    own.tell("train", *own.of("keyed"), "--spec", *own.of("spec.toml"), *of_asked)
    own.tell("register", *own.of("keyed"))
    for number, name in (("8", OTHER), ("9", "Żółć 09")):
        own.tell("receipt", *own.of("keyed"), "--id", name, "--out", *own.of(f"keyed-{number}.receipt"))


def prove_and_forget(own: Teller) -> None:
    own.prove("data", "spec.toml", "first.proof")
    previous = ("--previous", *own.of("first.proof"))
    own.prove("data", "held.toml", "second.proof", "--forget", FORGOTTEN, *previous)
    own.prove("data", "linear.toml", "linear.proof", "--fork")
    own.prove("data", "noisy.toml", "noisy.proof", "--fork", "--forget", OTHER, "--commit-noise", "an auditor")
    own.tell("inspect", *own.of("noisy.noise.opening"))
    own.prove("data", "noisy.toml", "noisy.proof", "--fork", "--forget", OTHER, "--nonce", NONCE)
    own.prove("data", "inverse.toml", "inverse.proof", "--fork")
    own.prove("data", "sisa.toml", "a.bundle", "--fork", "--groups", 2)
    own.prove("data", "means.toml", "means.bundle", "--fork")
    own.prove("data", "scores.toml", "scores.bundle", "--fork")
    own.prove("data", "sisa.toml", "b.bundle", "--forget", OTHER, "--previous", *own.of("a.bundle"))
    own.tell("recommit-model", *own.of("first.model.opening"), "--out", *own.of("afresh.model.opening"))
    nights = (*own.of("keyed"), "--spec", *own.of("spec.toml"), "--proofs", *own.of("nights"))
    own.tell("forget", *nights)
    own.tell("forget", *nights, "--id", OTHER, "--export", *own.of("w.npz"))
    own.tell("forget", *nights, "--export", *own.of("w.onnx"))
    assert own.of("w.onnx")[0].stat().st_mode & 0o777 == 0o600


def measure(own: Teller) -> None:
    models = [part for name in own.of("first.model.opening", "second.model.opening") for part in ("--model", name)]
    own.tell("evaluate", *own.of("data"), *models[2:], "--confusion", "--out", *own.of("e.evaluation"))
    own.tell("evaluate", *own.of("data"), "--model", *own.of("linear.model.opening"), "--out", *own.of("l.evaluation"))
    table, bounds, counts = own.of("t.csv", "bounds.toml", "counts.csv")
    text = table.read_text(encoding="utf-8")
    counts.write_text(text.replace(",yes", ",3").replace(",no", ",0"), encoding="utf-8")
    own.tell("commit", counts, *COLUMNS, "--label", "count", "--bounds", bounds, "--out", *own.of("visits"))
    own.prove("visits", "counts.toml", "counts.proof")
    own.tell(
        "evaluate", *own.of("visits"), "--model", *own.of("counts.model.opening"), "--out", *own.of("c.evaluation")
    )
    own.prove("visits", "expected.toml", "expected.bundle", "--fork")
    own.tell("commit", counts, *COLUMNS, "--label", "count", "--bounds", bounds, "--out", *own.of("unseen"))
    seen, out = own.of("expected.bundle", "expected.evaluation")
    own.tell("evaluate", *own.of("unseen"), "--model", seen, "--out", out)
    own.tell("commit", table, *COLUMNS, "--bounds", bounds, "--out", *own.of("holdout"))
    for name in ("b", "means", "scores"):
        bundle, out = own.of(f"{name}.bundle", f"{name}.evaluation")
        more = ("--confusion",) if name == "b" else ()
        own.tell("evaluate", *own.of("holdout"), "--model", bundle, *more, "--out", out)
    own.tell("prove-distance", *own.of("data"), *models[:2], "--out", *own.of("d.distance"))
    (of_shards, *_) = sorted(own.folder.glob("a.*model.opening"))
    own.tell("prove-distance", *own.of("data"), "--model", of_shards, "--out", *own.of("s.distance"))
    given = (*own.of("second.model.opening", "t.csv"), *COLUMNS)
    own.tell("predict", *given, "--proba")
    own.tell("predict", *given, "--out", *own.of("p.csv"))
    own.tell("export", *own.of("second.model.opening"), "--out", *own.of("second.onnx"))
    asked = own.folder / "asked.csv"
    asked.write_text("\n".join(own.folder.joinpath("t.csv").read_text(encoding="utf-8").splitlines()[:4]) + "\n")
    own.tell("predict", *own.of("second.model.opening", "asked.csv"), "--prove", *own.of("q.predictions"))
    between = ("--before", *own.of("first.model.opening"), "--after", *own.of("third.model.opening"))
    own.prove("data", "spec.toml", "third.proof", "--fork", "--forget", FORGOTTEN, "--previous", *own.of("first.proof"))
    few = ("--set-aside", 0.3, "--retrainings", 8)
    own.tell("evidence", *own.of("data"), *between, *few, "--out", *own.of("e.html"))
    shards = ("--before", *own.of("a.bundle"), "--after", *own.of("b.bundle"))
    own.tell("evidence", *own.of("data"), *shards, *few, "--out", *own.of("s.html"))


def grow(own: Teller) -> None:
    own.tell("status", *own.of("data"))
    own.tell("register", *own.of("data"))
    own.tell("receipt", *own.of("data"), "--id", FORGOTTEN, "--out", *own.of("7.receipt"))
    own.tell("receipt", *own.of("data"), "--id", OTHER, "--out", *own.of("8.receipt"))
    for name, rows in (("more", f"{NEW},30,60,yes\n"), ("right", f"{NEW},31,60,yes\n")):
        (own.folder / f"{name}.csv").write_text(f"name,age,weight,sick\n{rows}", encoding="utf-8")
    own.tell("append", *own.of("data", "more.csv"), *COLUMNS, "--out", *own.of("data2"))
    own.tell("rectify", *own.of("data2", "right.csv"), *COLUMNS, "--out", *own.of("data3"))
    own.tell("register", *own.of("data2"), "--previous", *own.of("data/dataset.registration"))
    own.tell("recommit", *own.of("data3"), "--out", *own.of("data4"))
    own.prove("keyed", "spec.toml", "keyed/p.proof", "--forget", FORGOTTEN)
    own.tell("destroy", *own.of("keyed"), "--id", FORGOTTEN, "--out", *own.of("less/data"))
    own.tell("inspect", *own.of("less/data/dataset.left_out"))
    own.tell("inspect", *own.of("less/data/dataset.left_out", "gone.txt"), code=2)
    own.tell("destroy", *own.of("less/data"), "--id", GONE)


def flipped(path: Path, out: Path) -> Path:
    """A file that says the same, with a proof that is wrong in its last bit."""
    proof: Any = load_public(path)
    replace(proof, proof=proof.proof[:-1] + bytes([proof.proof[-1] ^ 1])).save(out)
    return out


PROOFS = (
    "first.proof", "second.proof", "data/dataset.commitment", "data/dataset.registration", "data2/dataset.link",
    "afresh.model.link", "e.evaluation", "l.evaluation", "c.evaluation", "d.distance", "s.distance", "q.predictions",
    "noisy.proof",
    "b.evaluation", "means.evaluation", "expected.evaluation", "b.bundle",
)  # fmt: skip
OTHERS = (
    "first.model.opening", "data/dataset.opening", "noisy.noise", "noisy.noise.opening", "7.receipt", "spec.toml",
    "second.forgotten", "data/dataset.history",
)  # fmt: skip


def sign(own: Teller) -> None:
    """By an owner and two auditors, and what is told of that."""
    (own.folder / "keys").mkdir()
    own.tell("keygen", "--out", *own.of("owner.key"))
    for name in ("ann", "ben"):
        own.tell("keygen", "--out", *own.of(f"keys/{name}"), "--scheme", "bls12-381")
    files = own.of("first.proof", "data/dataset.commitment")
    own.tell("sign", *files, "--key", *own.of("owner.key"))
    by = [own.folder / f"{name}.signature" for name in ("ann", "ben")]
    for name, signature in zip(("ann", "ben"), by, strict=True):
        key = ("--key", *own.of(f"keys/{name}"))
        own.tell("countersign", files[0], *key, "--out", signature, "--dataset", files[1])
    whole = own.folder / "first.proof.both.signature"
    own.tell("aggregate", *by, "--keys", *own.of("keys"), "--out", whole)
    required = ("--require-owner", *own.of("owner.key.pub"))
    auditors = ("--require-auditors", 2, "--keys", *own.of("keys"))
    own.tell("verify", files[0], "--dataset", files[1], *required, *auditors)
    own.tell("verify", *files, *required)
    own.tell("verify", files[1], *required, "--require-auditors", 1, "--keys", *own.of("keys"), code=1)
    signer = zu.SigningKey.load(own.folder / "owner.key")
    zu.Envelope.sign("application/vnd.in-toto+json", b"{}", [signer]).save(own.folder / "other.json")
    for name in (whole.name, "other.json", "owner.key", "owner.key.pub"):
        own.tell("inspect", *own.of(name))
    own.tell("inspect", *own.of(whole.name, "other.json", "owner.key", "owner.key.pub"))


def file(own: Teller) -> None:
    """A certificate of a proof that was signed, its page, and what an auditor says of it."""
    about = ("--dataset", *own.of("data/dataset.commitment"), "--previous", *own.of("first.proof"))
    key = ("--key", *own.of("owner.key"))
    own.tell("certify", *own.of("second.proof"), *about, *key, "--out", *own.of("c.json"))
    own.tell("report", *own.of("c.json"), "--out", *own.of("c.html"))
    required = ("--require-owner", *own.of("owner.key.pub"))
    attested = ("--attest", *own.of("r.json"), "--attest-key", *own.of("owner.key"))
    own.tell("verify", *own.of("c.json"), *about[:2], *required, *attested)
    own.tell("verify", *own.of("c.json"), "--proof", *own.of("linear.proof"), code=1)
    own.tell("inspect", *own.of("c.json"))
    own.tell("inspect", *own.of("c.json", "r.json"))


@pytest.fixture(scope="module")
def told(teller: Teller) -> Teller:
    """And what auditors are told of all files."""
    dataset = ("--dataset", *teller.of("data/dataset.commitment"))
    for name in (*PROOFS, "data2/dataset.registration"):
        of_training = dataset if name.endswith(("proof", "bundle")) else ()
        if name != "data2/dataset.registration":
            teller.tell("verify", *teller.of(name), *of_training)
        teller.tell("inspect", *teller.of(name))
    for name in OTHERS:
        teller.tell("inspect", *teller.of(name))
    wrong = [flipped(path, teller.folder / f"wrong-{path.name}") for path in teller.of(*PROOFS[:-1])]
    teller.tell("verify", wrong[0], *dataset, code=1)
    (teller.folder / "cut.proof").write_bytes(wrong[0].read_bytes()[:-9])
    teller.tell("verify", *teller.of(*PROOFS, "cut.proof", "none.proof"), *wrong, code=1)
    teller.tell("inspect", *teller.of(*PROOFS, *OTHERS, "none"), code=2)
    of_registration = ("--registration", *teller.of("data/dataset.registration"))
    shown = teller.folder / "shown"
    shown.mkdir()
    (shown / "7.receipt").write_bytes(teller.of("7.receipt")[0].read_bytes())
    files = teller.of("second.proof", "data/dataset.commitment", "data/dataset.registration")
    teller.tell("verify", *files, "--receipts", shown)
    proved = (*dataset, *of_registration, "--proof", *teller.of("second.proof"))
    teller.tell("verify", *teller.of("7.receipt"), *proved)
    teller.tell("verify", *teller.of("8.receipt"), *proved, code=1)
    teller.tell("verify", *teller.of("7.receipt", "8.receipt"), *proved, code=1)
    keyed = ("--dataset", *teller.of("keyed/dataset.commitment"), "--key", "no=8")
    teller.tell("verify", *teller.of("keyed-8.receipt"), *keyed)
    teller.tell("verify", *teller.of("keyed-8.receipt", "keyed-9.receipt"), *keyed[:2])
    sign(teller)
    file(teller)
    shutil.copyfile(*teller.of("noisy.noise", "keyed/noisy.noise"))
    teller.tell("verify", "--chain", *teller.of("keyed"))
    return teller


def test_every_command_is_told(told: Teller) -> None:
    assert {*commands()} == {*main.commands}
    assert {name for name, _ in told.seen} >= {*commands()} - SLOW


def test_every_field_that_is_told_is_printed(told: Teller) -> None:
    """That none is printed that is not told, nor of another type, the story itself has shown."""
    expected = {(name, field) for name, field in told_fields() if name not in SLOW and name != FAILURE}
    assert not ", ".join(f"{name}: {field}" for name, field in sorted(expected - told.seen))


def test_the_version_is_that_of_the_page() -> None:
    assert json_page.version() == SCHEMA


def test_the_file_is_made_from_the_page() -> None:
    assert FILE.read_text(encoding="utf-8") == json_page.text_of_file(), "python tests/cli/json_page.py writes it"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"compiled": 1}, "$.compiled: 1 is no boolean"),
        ({"more": 1}, "$.more is not told"),
        ({"schema": SCHEMA + 1}, f"$.schema: {SCHEMA + 1} is not {SCHEMA}"),
        ({"schema": True}, "$.schema: True is not"),
    ],
)
def test_what_is_not_as_the_page_says_is_found(change: dict[str, Any], fault: str) -> None:
    """Or the tests above would see nothing."""
    with pytest.raises(AssertionError, match=fault.replace("$", r"\$")):
        json_page.require_told("warm-up", json.dumps({"schema": SCHEMA, "compiled": True} | change))
    with pytest.raises(AssertionError, match="compiled is missing"):
        json_page.require_told("warm-up", json.dumps({"schema": SCHEMA}))


@pytest.mark.parametrize("kind", ["texts", "list of", "list text", "(text", "text)", "text / null"])
def test_a_type_that_is_none_is_refused(kind: str) -> None:
    with pytest.raises((KeyError, IndexError, ValueError)):
        json_page.schema_of(kind)


# --- failures -----------------------------------------------------------------------------------------------


def failure(*arguments: object) -> tuple[dict[str, Any], str]:
    """What is on stdout, and on stderr."""
    result = run(*arguments, "--json")
    json_page.require_told(FAILURE, result.stdout)
    found: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == found["exit_code"]
    return found, result.stderr


def test_what_is_refused_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("name,age,sick\na,1,yes\nb,x,no\n")
    found, stderr = failure("commit", tmp_path / "t.csv", *COLUMNS, "--out", tmp_path / "data")
    assert (found["kind"], found["exit_code"], found["file"]) == ("DataError", 2, str(tmp_path / "t.csv"))
    assert (found["line"], found["column"]) == (3, "age") and stderr == f"error: {found['error']}\n"


def test_usage_that_is_not_understood_is_told(tmp_path: Path) -> None:
    for arguments in (("verify", "--nonsense"), ("verify",), ("nonsense",), ("commit", "x", "--openings", "1")):
        found, stderr = failure(*arguments)
        assert (found["kind"], found["exit_code"], found["file"]) == ("UsageError", 2, None)
        assert stderr.endswith(f"Error: {found['error']}\n")


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (MemoryError(), "MemoryError", 2),
        (PermissionError(13, "Permission denied", "x"), "OSError", 2),
        (ImportError("no", name="x"), "ImportError", 2),
        (zu.BudgetExceeded("spent"), "BudgetExceeded", 2),
        (zu.ZkUnlearnError("odd"), "InternalError", 3),
        (ValueError("secret"), "InternalError", 3),
        (type("Panic", (BaseException,), {})(), "Unknown", 2),
    ],
)
def test_every_other_failure_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: BaseException, kind: str, code: int
) -> None:
    def fails(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(zu, "load_dataset", fails)
    found, stderr = failure("status", tmp_path)
    assert (found["kind"], found["exit_code"]) == (kind, code) and stderr == f"error: {found['error']}\n"
    assert "secret" not in stderr + found["error"]


def test_an_interrupt_prints_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(zu, "load_dataset", interrupted)
    result = run("status", tmp_path, "--json")
    assert (result.exit_code, result.stdout) == (130, "")


# --- letters and numbers ------------------------------------------------------------------------------------


def test_a_terminal_without_these_letters_gets_the_same_object(tmp_path: Path) -> None:
    """Escaped by Python, letters of the first 256 would be no JSON."""
    file = tmp_path / "Żółć é 😀.proof"
    for encoding in ("utf-8", "ascii"):
        environment = os.environ | {"PYTHONIOENCODING": encoding}
        command = [sys.executable, "-m", "zkunlearn", "inspect", str(file), "--json"]
        result = subprocess.run(command, capture_output=True, env=environment, timeout=60)
        assert str(file) in json.loads(result.stdout.decode(encoding))["error"]
        assert result.returncode == 2


def test_a_number_that_json_does_not_have_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_object({"a": float("inf"), "b": [(float("nan"), 1.5)], "c": {"d": -float("inf")}})
    found = json.loads(capsys.readouterr().out)
    assert found == {"schema": SCHEMA, "a": None, "b": [[None, 1.5]], "c": {"d": None}}
