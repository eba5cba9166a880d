"""Delete each check in turn and see a test go red: `make mutation`, which writes docs/mutation.md.

All checks take hours. `python tests/mutation/run.py verifier/protocol/merkle.py circuits/relations` tries those of some
files or folders, and writes only their rows anew.

A check is a refusal (`raise InvalidProof`, `StatementMismatch` or `FormatError`) in what a verifier runs (models/,
circuits/, verifier/), a call of one that has a name (`require_..`, `check_..`, `verify_..`), or a `require_zero` of the
verifier or a relation. Each is replaced by `pass` in a copy of the tree, where the tests that are about it, of attacks
and of units run until something is accepted that should not be, or all have run. A check whose deletion no test notices
is either not needed or not tested; the page lists it as such.
"""

from __future__ import annotations

import argparse
import ast
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from acceptance import ACCEPTED, FAILED

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "mutation.md"
PLACES = ("formats", "models", "circuits", "verifier")
ROWS_OF_PLACES = tuple(f"| {place}/" for place in PLACES)
EXCEPTIONS = ("InvalidProof", "StatementMismatch", "FormatError")
CALLS = ("require_", "check_", "verify_")
RENEWED, EVALUATED = "tests/test_model_recommitment.py", "tests/test_evaluation.py"
ATTACKS = ("tests/attacks", "tests/tamper", "tests/test_library.py", "tests/test_recommitment.py", RENEWED, EVALUATED)
TYPES = "tests/test_argument_types.py"
UNITS = ("tests/formats", "tests/models", "tests/verifier", "tests/circuits", TYPES)
LIES = ("tests/attacks/test_pushed_lies.py", "tests/attacks/test_lying_owner.py")
STATEMENTS = "tests/attacks/test_lying_statements.py"
GROWTH = "tests/attacks/test_lying_growth.py"
KEYS = "tests/attacks/test_lying_keys.py"
NOISE = "tests/attacks/test_lying_noisy.py"
REGISTERED = ("tests/attacks/test_lying_registration.py", "tests/attacks/test_lying_extension.py")
EVALUATIONS = ("tests/attacks/test_lying_evaluation.py", EVALUATED)
FILES = ("tests/test_library.py", "tests/test_recommitment.py", "tests/verifier/test_verify.py", STATEMENTS)
FORMATS = ("tests/formats",)
UNPROVED = ("tests/circuits/test_statements.py",)
DECLARED = (*UNPROVED, "tests/models/test_encoding.py", "tests/models/test_spec.py", "tests/fuzz/test_found.py")
# Where a check is most likely missed; then come all others. Callers cannot even hand a tree most of what it refuses.
FIRST = {
    **dict.fromkeys(("batching.py", "lookup.py", "opening.py", "sumcheck.py", "proof.py", "ledger.py"), LIES),
    **dict.fromkeys(("gradient_descent.py", "validity.py"), LIES),
    **dict.fromkeys(("standardization.py", "standardized_descent.py"), ("tests/attacks/test_lying_scaler.py",)),
    "shard_scaler.py": ("tests/attacks/test_lying_stages.py",),
    "standardized_stage.py": ("tests/attacks/test_lying_starts.py", "tests/attacks/test_lying_stages.py"),
    **dict.fromkeys(("one_pass.py", "standardized_one_pass.py"), ("tests/attacks/test_lying_one_pass.py",)),
    **dict.fromkeys(("certified.py", "residual.py", "rounding.py"), ("tests/attacks/test_lying_optimum.py",)),
    "optimum.py": ("tests/attacks/test_lying_optimum.py", "tests/models/test_certificate.py"),
    **dict.fromkeys(("certificate.py", "link_certificate.py"), ("tests/models/test_certificate.py",)),
    "optimum_reference.py": ("tests/prover/test_optimum.py",),
    "noise.py": (
        NOISE,
        "tests/prover/test_noisy_moves.py",
        "tests/models/test_noise.py",
        "tests/reference/test_noisy.py",
    ),
    **dict.fromkeys(("noisy.py", "noisy_certificate.py", "noisy_reference.py"), ("tests/models/test_noisy.py", NOISE)),
    "gaussian.py": ("tests/models/test_noise.py",),
    **dict.fromkeys(("verify.py", "recommitment.py"), FILES),
    "model_link.py": (RENEWED,),
    "uniqueness.py": (KEYS,),
    "receipts.py": (TYPES, "tests/attacks/test_lying_registration.py", KEYS, "tests/cli/test_keys.py"),
    "evaluation.py": EVALUATIONS,
    "evaluations.py": (TYPES, EVALUATED),
    "bundles.py": ("tests/verifier/test_bundles.py", "tests/verifier/test_model_links.py"),
    **dict.fromkeys(("training.py", "base.py"), UNPROVED),
    "link.py": (*UNPROVED, GROWTH),
    "growth.py": (GROWTH, "tests/attacks/test_lying_destruction.py", "tests/test_recommitment.py"),
    **dict.fromkeys(("pins.py", "renewals.py"), (TYPES, GROWTH, *FILES, "tests/prover/test_noisy_moves.py")),
    **dict.fromkeys(("proofs.py", "shapes.py"), (TYPES, *FILES)),
    **dict.fromkeys(("channel.py", "trees.py"), ("tests/attacks/test_broken_bytes.py",)),
    **dict.fromkeys(("records.py", "gaps.py"), ("tests/circuits/test_records.py", "tests/circuits/test_gaps.py")),
    "record_tree.py": (
        *UNPROVED,
        "tests/circuits/test_record_tree.py",
        "tests/circuits/test_consistency.py",
        STATEMENTS,
    ),
    **dict.fromkeys(("registration.py", "registrations.py"), REGISTERED),
    "digests.py": ("tests/circuits/test_digests.py", *REGISTERED),
    "history.py": (TYPES, *FILES, "tests/cli/test_history.py"),
    "merkle.py": ("tests/verifier/test_merkle.py",),
    "folding.py": ("tests/verifier/test_folding.py",),
    "work.py": ("tests/attacks/test_broken_bytes.py",),
    **dict.fromkeys(("cbor.py", "container.py", "body.py", "files.py", "fields.py", "lists.py"), FORMATS),
    **dict.fromkeys(("toml.py", "spec.py", "dataset.py", "columns.py"), DECLARED),
}
IGNORED = shutil.ignore_patterns(".git", ".venv", "build", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis")
NOTHING, LONGEST_TEXT = "**nothing**", 110
LONGEST_RUN = 1800  # seconds; a mutant that hangs counts as noticed
HEAD = """# Every check is needed

Made by `make mutation`: each check that a verifier runs deleted in turn, and a test that fails without it. Where it is
because something false or malformed is accepted (a lie that only this check stops), the third column says so; else
another check answers in its place, or what is honest fails.

| file and function | check | without it | noticed by |
|---|---|---|---|
"""


@dataclass(frozen=True)
class Check:
    """A statement that can be deleted: its file, the function it is in, its lines, and what it says."""

    path: Path
    function: str
    first: int
    last: int
    text: str

    def delete_from(self, tree: Path) -> None:
        """Replace it by `pass`."""
        path = tree / self.path
        lines = path.read_text(encoding="utf-8").splitlines()
        indent = len(lines[self.first - 1]) - len(lines[self.first - 1].lstrip())
        lines[self.first - 1 : self.last] = [" " * indent + "pass"]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def checks(only: Sequence[str] = ()) -> Iterator[Check]:
    """All of them, file by file; or those of some files and folders."""
    chosen = [Path(place) for place in only]
    for place in PLACES:
        for path in sorted((ROOT / place).rglob("*.py")):
            name = path.relative_to(ROOT)
            if chosen and not any(name.is_relative_to(place) for place in chosen):
                continue
            source = path.read_text(encoding="utf-8")
            for function, node in sorted(_statements(ast.parse(source), ""), key=lambda found: found[1].lineno):
                if _is_refusal(node) or _is_constraint(node) or _is_call(node):
                    text = " ".join((ast.get_source_segment(source, node) or "").split())
                    yield Check(name, function, node.lineno, node.end_lineno or node.lineno, text)


def _statements(node: ast.AST, function: str) -> Iterator[tuple[str, ast.stmt]]:
    """All statements below a node, each with the function it is in, as `Class.method` or `outer.inner`."""
    for child in ast.iter_child_nodes(node):
        inside = function
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inside = f"{function}.{child.name}".lstrip(".")
        if isinstance(child, ast.stmt):
            yield inside, child
        yield from _statements(child, inside)


def _is_refusal(node: ast.AST) -> bool:
    return isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and _name(node.exc) in EXCEPTIONS


def _is_constraint(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _name(node.value) == "require_zero"):
        return False
    return len(node.value.args) > 1 and not isinstance(node.value.args[0], ast.Name)  # not the steps' own forwarding


def _is_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _name(node.value).startswith(CALLS)


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


@dataclass(frozen=True)
class Notice:
    """A test that fails without a check, and whether it is because something false was accepted."""

    test: str
    accepted: bool


def noticed(check: Check, package: Path) -> Notice | None:
    """The first test in which something is accepted without the check, else the first that fails, if any."""
    shutil.copyfile(ROOT / check.path, package / check.path)
    check.delete_from(package)
    failures = []
    form = "FormatError" in check.text
    try:
        for tests in filter(None, (FIRST.get(check.path.name), UNITS if form else ATTACKS, ATTACKS if form else UNITS)):
            failures += run_tests(package, tests)
            if failures and (failures[-1].accepted or form):
                return failures[-1]
        return failures[0] if failures else None
    finally:
        shutil.copyfile(ROOT / check.path, package / check.path)


def run_tests(package: Path, tests: tuple[str, ...]) -> list[Notice]:
    """What fails in a copy of the tree, until something is accepted (acceptance.py)."""
    command = [sys.executable, "-m", "pytest", "-q", "-s", "--no-header", "-p", "no:cacheprovider", "-p", "acceptance"]
    # Inventories and the second verifier would notice any deletion, for no reason but the number of constraints.
    command += ["-k", "not inventory", "--second-opinions", "0", *tests]
    paths = os.pathsep.join(map(str, (package.parent, Path(__file__).parent)))
    environment = os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, cwd=package, env=environment, capture_output=True, text=True, timeout=LONGEST_RUN
        )
    except subprocess.TimeoutExpired:
        return [Notice("does not end", False)]
    found = [
        Notice(line.removeprefix(start).strip(), start == ACCEPTED)
        for line in done.stdout.splitlines()
        for start in (ACCEPTED, FAILED)
        if line.startswith(start)
    ]
    if done.returncode and not found:
        raise RuntimeError(f"the tests do not run:\n{done.stdout}\n{done.stderr}")
    return found


class Copies:
    """Copies of the tree, one for each mutant that is tried at a time: so kernels are compiled once a copy."""

    def __init__(self, folder: Path, count: int) -> None:
        self._free = [folder / str(i) / "zkunlearn" for i in range(count)]
        self._lock = threading.Lock()
        for package in self._free:
            shutil.copytree(ROOT, package, ignore=IGNORED)

    def try_without(self, check: Check) -> str:
        """The row of a check."""
        with self._lock:
            package = self._free.pop()
        notice = noticed(check, package)
        with self._lock:
            self._free.append(package)
        text = check.text if len(check.text) <= LONGEST_TEXT else check.text[:LONGEST_TEXT] + " .."
        what = "accepted" if notice and notice.accepted else "other"
        test = notice.test if notice else NOTHING
        row = f"| {check.path} {check.function} | `{text.replace('|', chr(92) + '|')}` | {what} | {test} |"
        print(row, flush=True)
        return row


def write_page(rows: list[str], only: Sequence[str]) -> None:
    """The page; or the page as it is, with these rows in the place of all that it has of the files that were tried."""
    lines = rows
    if only:
        old = [row for row in PAGE.read_text(encoding="utf-8").splitlines() if row.startswith(ROWS_OF_PLACES)]
        kept = [row for row in old if not any(_file(row).is_relative_to(o) for o in only)]
        lines = sorted([*kept, *rows], key=_place)  # which leaves the order within a file
    accepted, unnoticed = (sum(what in line for line in lines) for what in (" | accepted | ", NOTHING))
    sums = f"{len(lines)} checks: {accepted} whose deletion lets something in, {unnoticed} that nothing notices."
    PAGE.write_text("\n".join([HEAD + lines[0], *lines[1:], "", sums, ""]), encoding="utf-8")


def _file(row: str) -> Path:
    return Path(row.split()[1])


def _place(row: str) -> tuple[int, Path]:
    """Where the file of a row stands among all of them."""
    return PLACES.index(_file(row).parts[0]), _file(row)


def main() -> None:
    """Run all mutants, or those of some files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help="files or folders, as verifier/protocol/merkle.py; all by default")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="mutants at a time")
    options = parser.parse_args()
    only = [str(Path(place)) for place in options.only]
    found = list(checks(only))
    if not found:
        parser.error(f"there is no check in {', '.join(only)}")
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.jobs) as pool:
        rows = list(pool.map(Copies(Path(folder), options.jobs).try_without, found))
    survivors = sum(NOTHING in row for row in rows)
    write_page(rows, only)
    print(f"{len(rows)} checks, {survivors} not noticed")
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
