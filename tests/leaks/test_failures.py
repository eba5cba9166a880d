"""Commands and calls that fail, or are interrupted, say no secret but the one they are about.

Three things are repeated to the owner, who typed or stored them, and so are allowed, each in the run that is about it:
a cell or label of a table that cannot be used (the message has to name it), an id that is in the table twice, and an id
that the user asked for and that is in no table. With --debug, an unforeseen exception shows its message.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import zkunlearn as zu
from zkunlearn.cli import exits
from zkunlearn.models.methods import GradientDescent
from zkunlearn.prover.owner import work as prover_work
from zkunlearn.prover.owner.budget import Budget
from zkunlearn.prover.owner.dataset import Dataset
from zkunlearn.prover.protocol import proof as prover_protocol

from . import owner
from .owner import Said, run, told
from .scanner import Secrets
from .test_scan import BOUNDS

Patch = pytest.MonkeyPatch
DIVERGED = "one id: of a row whose score leaves its range; which one depends on the order of rows"
BAD_CELL, OUTSIDE, UNKNOWN = "7.7712x3", "19.46813", "pinguin-9999"
ROW, COLUMN = 11, 2
TERRIBLE = "learning_rate = 900.0\nbatch_size = 8\n"
USAGE, INTERNAL, INTERRUPTED = 2, 3, 130


@dataclass
class Owner:
    """A committed data set, what is secret about it, and the ways to fail with it."""

    folder: Path
    table: owner.Table
    secrets: Secrets

    def commit(self, table: str, *options: object) -> Said:
        given = ("commit", self.folder / table, "--target", "ill", "--id", "name", "--x-bits", owner.X_BITS)
        bounds = ("--bounds", self.folder / "bounds.toml", "--out", self.folder / "other")
        return run(*given, *bounds, *options)

    def prove(self, *options: object, spec: str = "spec.toml") -> Said:
        out = ("--out", self.folder / "x.proof", "--force")
        return run("prove", self.folder / "data", "--spec", self.folder / spec, *out, *options)


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Owner:
    folder, table, secrets = tmp_path_factory.mktemp("failures"), owner.make_table(8), Secrets()
    table.write(folder / "table.csv")
    table.write(folder / "bad.csv", {(ROW, COLUMN): BAD_CELL})
    table.write(folder / "outside.csv", {(ROW, COLUMN): OUTSIDE})
    table.write(folder / "empty.csv", {(ROW, COLUMN): ""})
    table.write(folder / "twice.csv", names=(*table.ids[:-1], table.ids[0]))
    (folder / "bounds.toml").write_text(BOUNDS)
    (folder / "spec.toml").write_text(owner.SPEC)
    (folder / "terrible.toml").write_text(owner.SPEC.replace("learning_rate = 0.5\nbatch_size = 8\n", TERRIBLE))
    (folder / "ids.txt").write_text(f"{table.ids[4]}\n{UNKNOWN}\n{table.ids[7]}\n")
    with owner.noting(secrets):
        given = ("commit", folder / "table.csv", "--target", "ill", "--id", "name", "--x-bits", owner.X_BITS)
        made = run(*given, "--bounds", folder / "bounds.toml", "--out", folder / "data", "--openings", 16)
        assert made.code == 0, made.texts
    owner.table_secrets(secrets, table)
    owner.dataset_secrets(secrets, Dataset.load(folder / "data"))
    secrets.add_texts("cell", [BAD_CELL, OUTSIDE])
    secrets.add_texts("id", [UNKNOWN])
    return Owner(folder, table, secrets)


@dataclass(frozen=True)
class Failure:
    """A command that fails.

    Attributes:
        code, words: its exit code, and what has to be in its message: it fails for this reason and no other.
        allowed: secrets that its message may repeat.
    """

    name: str
    command: Callable[[Owner], Said]
    code: int
    words: str
    allowed: tuple[str, ...] = ()
    patch: Callable[[Patch], None] = lambda patch: None


def found(own: Owner, allowed: Collection[str], whole: bytes) -> dict[str, Any]:
    """Secrets that are said, but for those that may be."""
    secrets = own.secrets.without([text for text in allowed if text != DIVERGED]).found_in(whole, text=True)
    if DIVERGED in allowed and len(secrets.get("id", ())) == 1:
        del secrets["id"]
    return secrets


def full_disk(patch: Patch) -> None:
    """No file can be synchronised any more."""

    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    patch.setattr(os, "fsync", fail)


def raising(module: Any, name: str, error: Callable[[], BaseException]) -> Callable[[Patch], None]:
    """A function that fails in the middle of a proof, with all secrets in its frames."""

    def fail(*arguments: Any, **more: Any) -> None:
        raise error()

    return lambda patch: patch.setattr(module, name, fail)


def wrong_counts(patch: Patch) -> None:
    """A bug: multiplicities that are not those of the witness, which the prover notices itself."""
    violated = prover_protocol.violated
    patch.setattr(prover_protocol, "violated", lambda program, values: violated(program, [v + 1 for v in values]))


def index_error(patch: Patch) -> None:
    """A bug of another kind, within numpy."""
    makers = prover_work.MAKERS_OF_METHOD
    kind = GradientDescent.kind
    maker = makers[kind]

    def fail(relation: Any, traces: Any) -> Any:
        return maker.witness(relation, traces).looked_up["none"][traces[0].Q]

    patch.setattr(prover_work, "MAKERS_OF_METHOD", {**makers, kind: replace(maker, witness=fail)})


def spend_all(patch: Patch) -> None:
    real = Budget._next
    patch.setattr(Budget, "_next", lambda budget, spent, count: real(budget, budget.declared, count))


def bad_ids(own: Owner) -> Said:
    return own.prove("--forget-file", own.folder / "ids.txt")


INTERRUPT = raising(prover_protocol, "prove_openings", KeyboardInterrupt)
FAILURES = [
    Failure("a bad cell", lambda own: own.commit("bad.csv"), USAGE, "is not a number", (BAD_CELL,)),
    Failure("a cell out of bounds", lambda own: own.commit("outside.csv"), USAGE, "outside the bounds", (OUTSIDE,)),
    Failure("an empty cell", lambda own: own.commit("empty.csv"), USAGE, "the cell is empty"),
    Failure("an id twice", lambda own: own.commit("twice.csv"), USAGE, "is also that of", ("kolibri-4711",)),
    Failure("no such column", lambda own: own.commit("table.csv", "--target", "age"), USAGE, "no column 'age'"),
    Failure("a full disk, commit", lambda own: own.commit("table.csv"), USAGE, "No space left", (), full_disk),
    Failure("a full disk, prove", lambda own: own.prove(), USAGE, "No space left", (), full_disk),
    Failure("diverging", lambda own: own.prove(spec="terrible.toml"), USAGE, "lower learning_rate", (DIVERGED,)),
    Failure("an unknown id", lambda own: own.prove("--forget", UNKNOWN), USAGE, "is not in the data set", (UNKNOWN,)),
    Failure("an unknown id in a file", bad_ids, USAGE, "is not in the data set", (UNKNOWN,)),
    Failure("a spent budget", lambda own: own.prove(), USAGE, "one more proof would reveal rows", (), spend_all),
    Failure("a wrong witness", lambda own: own.prove(), INTERNAL, "does not satisfy the relation", (), wrong_counts),
    Failure("a bug", lambda own: own.prove(), INTERNAL, "internal error (KeyError)", (), index_error),
    Failure("an interruption", lambda own: own.prove(), INTERRUPTED, "", (), INTERRUPT),
]


@pytest.mark.parametrize("asked", ["", "debug", "json"])
@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.name)
def test_a_failing_command_says_no_secret(
    committed: Owner, failure: Failure, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Output, logs, warnings, and the exception with all that it hides: its causes, contexts and notes."""
    before = names(committed.folder)
    failure.patch(monkeypatch)
    debug, as_json, real = asked == "debug", asked == "json", exits.exit_codes
    monkeypatch.setattr("zkunlearn.cli.options.exit_codes", lambda *given: real(debug, as_json))
    said = failure.command(committed)
    assert said.code == failure.code, said.texts
    assert failure.words in said.texts["stderr"]
    assert ("Traceback" in said.texts["stderr"]) == debug
    assert ('"error"' in said.texts["stdout"]) == (as_json and failure.code != INTERRUPTED)
    assert found(committed, failure.allowed, said.whole) == {}
    left = names(committed.folder) - before
    assert left <= {"other"}, "a file of an unfinished command"
    assert committed.secrets.found_in("\n".join(left).encode(), text=True) == {}


def names(folder: Path) -> set[str]:
    """Of all files but the lock, which holds nothing."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.name != ".lock"}


@pytest.mark.parametrize("debug", [(), ("--debug",)], ids=["", "debug"])
def test_the_message_of_an_unforeseen_exception_is_shown_with_debug_only(
    committed: Owner, debug: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows what it holds: here, a cell."""
    cell = f"{committed.table.cells[3, 2]:.5f}"
    raising(prover_protocol, "prove_lookups", lambda: ValueError(f"cannot be {cell}"))(monkeypatch)
    said = committed.prove(*debug)
    assert said.code == INTERNAL and "internal error (ValueError)" in said.texts["stderr"]
    assert (cell in said.texts["stderr"]) == bool(debug)
    shown = "\n".join(said.texts[name] for name in ("stdout", "stderr", "log", "warnings")).encode()
    allowed = committed.secrets.without([cell] if debug else [])
    assert allowed.found_in(shown, text=True) == {}


# The library ---------------------------------------------------------------------------------------------------------


FIRST = "the first row's id, which is given twice, or as a cell or label where there should be numbers"
LIBRARY: dict[str, tuple[type[Exception], Callable[[Owner, Dataset], object], tuple[str, ...]]] = {
    "an unknown id": (zu.DataError, lambda own, data: zu.prove(data, spec_of(own), forget=[UNKNOWN]), (UNKNOWN,)),
    "an id twice": (
        zu.DataError, lambda own, data: data.records([own.table.ids[0]] * 2), (FIRST,),
    ),
    "another scale": (zu.ParameterError, lambda own, data: zu.prove(data, zu.load_spec(other_spec(own))), ()),
    "diverging": (
        zu.TrainingError, lambda own, data: zu.prove(data, zu.load_spec(own.folder / "terrible.toml")), (DIVERGED,)
    ),
    "many labels": (
        zu.DataError, lambda own, data: zu.commit(own.table.cells, list(own.table.ids), label_kind="binary"), ()
    ),
    "labels that are no numbers": (
        zu.DataError, lambda own, data: zu.commit(own.table.cells, list(own.table.ids), label_kind="real"), ()
    ),
    "a text among labels": (
        zu.DataError, lambda own, data: zu.commit(own.table.cells, [own.table.ids[0], *range(1, owner.ROWS)]), (FIRST,)
    ),
    "too few labels": (zu.DataError, lambda own, data: zu.commit(own.table.cells, own.table.labels[:5]), ()),
    "ids that repeat": (
        zu.DataError,
        lambda own, data: zu.commit(own.table.cells, own.table.labels, [*own.table.ids[:-1], own.table.ids[0]]),
        (FIRST,),
    ),
    "no numbers": (
        zu.DataError, lambda own, data: zu.commit([[name] for name in own.table.ids], own.table.labels), (FIRST,),
    ),
}  # fmt: skip


def spec_of(own: Owner) -> zu.TrainingSpec:
    return zu.load_spec(own.folder / "spec.toml")


def other_spec(own: Owner) -> Path:
    path = own.folder / "scale.toml"
    path.write_text(owner.SPEC.replace(f"x_bits = {owner.X_BITS}", "x_bits = 9"))
    return path


@pytest.mark.parametrize("name", LIBRARY)
def test_an_exception_of_the_library_says_no_secret(committed: Owner, name: str) -> None:
    kind, call, allowed = LIBRARY[name]
    dataset = zu.load_dataset(str(committed.folder / "data"))
    texts: dict[str, str] = {}
    with owner.overheard(texts), pytest.raises(kind) as caught:
        call(committed, dataset)
    whole = "\n".join([told(caught.value), *texts.values()]).encode()
    spoken = committed.table.ids[:1] if FIRST in allowed else allowed
    assert found(committed, spoken, whole) == {}
