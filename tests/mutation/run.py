"""Delete each check in turn and see a test go red: `make mutation`, which writes docs/mutation.md.

All checks take hours. `python tests/mutation/run.py verifier/protocol/merkle.py circuits/relations` tries those of some
files or folders; `--new` those that have no row yet. Rows are written as they are found, each in its place.

A check is a refusal (`raise InvalidProof`, `InvalidSignature`, `StatementMismatch` or `FormatError`) in what a verifier
runs (models/, circuits/, verifier/), a call of one that has a name (`require_..`, `check_..`, `verify_..`), or a
`require_zero` or a `sumcheck` of the verifier or a relation. Each is replaced by `pass` in a copy of the tree. There
the tests that get to it run (reached.py), until something is accepted that should not be, or all have run: where a test
never gets, nothing changes for it. Who gets where is found in one run of all these tests, and after that in one of the
files of tests that were changed; `--afresh` after a larger change of the product. A check whose deletion no test
notices is either not needed or not tested; the page lists it as such, until the place of the test says by hand why it
stays.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from acceptance import ACCEPTED, FAILED
from checks import ROOT, Check, checks
from page import NOTHING, Page, unnoticed
from reached import REACHED, READ, Reached, file_of, marked, unread
from worker import CHOSEN, COMMON, ELSEWHERE, ENDED, LATE, RUN

ATTACKS = "tests/attacks/"
EDITS = "tests/tamper/"  # where one test is a minute of all edits: only for what nothing else gets to
TESTS = (
    ATTACKS,
    *(f"tests/{name}/" for name in ("tamper", "formats", "models", "verifier", "circuits", "cli", "prover")),
)
TESTED = ("tests/fuzz/test_found.py",)  # and those beside the folders
# What names of files of attacks say of the relations that they are on.
ABOUT = {
    "dataset.py": "owner",
    **dict.fromkeys(
        ("evaluation.py", "scored.py", "two_classes.py", "gridded.py"), "evaluation|argmax|residuals|prediction"
    ),
    **dict.fromkeys(
        ("argmax.py", "several_classes.py", "residuals.py"),
        "argmax|residuals|fitted_totals_evaluation|shard_evaluation",
    ),
    "expected_counts.py": "expected_counts",
    "forgotten_classes.py": "forgotten_classes",
    "gradient_descent.py": "owner|pushed_lies|totals.py|batches|classes|features",
    "certified.py": "optimum|distance|newton",
    **dict.fromkeys(("distance.py", "distances.py"), "distance"),
    "gram.py": "linear_optimum|linear_distance",
    "growth.py": "growth|destruction",
    "linear_optimum.py": "linear_optimum",
    **dict.fromkeys(("newton.py", "newton_inverse.py", "newton_step.py"), "newton"),
    **dict.fromkeys(("noise.py", "noisy.py"), "noisy"),
    "one_pass.py": "one_pass|features",
    "optimum.py": "optimum",
    "prediction.py": "prediction",
    "recommitment.py": "growth|extension|model_link",
    "registration.py": "registration|extension",
    **dict.fromkeys(("residual.py", "rounding.py"), "optimum|distance|newton"),
    "shard_scaler.py": "stages|sisa",
    **dict.fromkeys(("shard_scores.py", "sharded_evaluation.py"), "shard_evaluation"),
    **dict.fromkeys(("mean_cells.py", "mean_loss.py", "mean_class_loss.py"), "shard_losses"),
    **dict.fromkeys(("mean_counts.py", "shard_counts.py"), "shard_counts"),
    "standardization.py": "scaler|totals.py",
    "standardized_descent.py": "scaler|totals.py",
    "standardized_one_pass.py": "one_pass",
    "standardized_stage.py": "starts|stages|sisa",
    "uniqueness.py": "keys",
    "validity.py": "owner|classes",
}
IGNORED = shutil.ignore_patterns(".git", ".venv", "build", "*.egg-info", "*.pyc", ".*_cache", ".hypothesis")
MOST_TESTS = 20  # of those in which a check refuses: each of them notices, unless another check answers
NOTES = ROOT / "build" / "mutation" / "reached.tsv"


@dataclass(frozen=True)
class Notice:
    """A test that fails without a check, and whether it is because something false was accepted."""

    test: str
    accepted: bool


def files_of_tests() -> dict[str, str]:
    """Those that are run, and their digests."""
    found = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(TESTS) or name in TESTED or path.parent == ROOT / "tests":
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def environment(package: Path) -> dict[str, str]:
    """Of a process that runs tests in a copy of the tree."""
    paths = os.pathsep.join(map(str, (package.parent, Path(__file__).parent)))
    own = {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1", REACHED: str(NOTES)}
    return os.environ | own


def run_tests(package: Path, arguments: Sequence[str], seconds: float | None = None) -> tuple[str, bool]:
    """What pytest prints in a copy of the tree, until it has run for so long; and whether it came to its end."""
    command = [sys.executable, "-m", "pytest", *COMMON, *CHOSEN, *arguments]
    try:
        done = subprocess.run(
            command, cwd=package, env=environment(package), capture_output=True, text=True, timeout=seconds
        )
    except subprocess.TimeoutExpired as error:
        return (error.stdout.decode(errors="replace") if isinstance(error.stdout, bytes) else error.stdout or ""), False
    if done.returncode not in RUN:
        raise RuntimeError(f"the tests do not run:\n{done.stdout}\n{done.stderr}")
    return done.stdout, True


def reached(package: Path, everything: Sequence[Check], jobs: int) -> Reached:
    """Which tests get where: those that were changed since it was last asked are run in a marked copy of the tree."""
    digests = files_of_tests()
    files = unread(NOTES, digests)
    if files:
        print(f"running {len(files)} files of tests to see what they get to", flush=True)
        for path in sorted({check.path for check in everything}):
            own = [(check.name, check.first) for check in everything if check.path == path]
            source = (package / path).read_text(encoding="utf-8")
            (package / path).write_text(marked(source, own), encoding="utf-8")
        spread = ["-n", str(jobs), "--dist", "loadfile", "--no-loadscope-reorder"]
        printed, _ = run_tests(package, ["-p", "reached", *spread, *files])
        print(*(line for line in printed.splitlines() if line.startswith(("FAILED", "ERROR"))), sep="\n", flush=True)
        with NOTES.open("a", encoding="utf-8") as notes:
            notes.writelines(f"{READ}\t{digests[file]}\t{file}\n" for file in files)
    return Reached.read(NOTES, digests)


def candidates(check: Check, known: Reached) -> list[str]:
    """Tests that may notice that it is gone, those of a file together, what is quick first, fixtures included.

    Where a call has never refused anything, it may still be that it does something else. What a relation requires is
    got to by nearly all tests: of these only attacks on what the relation is about.
    """
    refused, passed = known.refused[check.name], known.passed[check.name]
    # The walk of a prover who lies may end at a constraint, or go on.
    tests = refused | passed if check.is_constraint else refused or passed
    tests = {test for test in tests if not file_of(test).startswith(EDITS)} or tests
    if check.is_constraint:
        about = re.compile(ABOUT.get(check.path.name, ""))
        tests = {test for test in tests if file_of(test).startswith(ATTACKS) and about.search(file_of(test))}

    def slowest(file: str) -> float:
        return max(known.seconds[test] for test in known.seconds if test != file and file_of(test) == file)

    cost = {file: slowest(file) for file in {file_of(test) for test in tests}}
    found = sorted(tests, key=lambda test: (cost[file_of(test)], file_of(test), known.seconds[test]))
    return found if check.is_constraint else found[:MOST_TESTS]


class Copy:
    """A copy of the tree, with kernels as they are compiled here, and a process that has imported tests (worker.py)."""

    def __init__(self, folder: Path, tests: Sequence[str]) -> None:
        self._package, self._printed = folder / "zkunlearn", folder / "printed"
        shutil.copytree(ROOT, self._package, ignore=IGNORED)
        command = [sys.executable, str(Path(__file__).with_name("worker.py"))]
        self._worker = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=self._package,
            env=environment(self._package),
        )
        self._ask(tests)

    def _ask(self, request: object) -> None:
        assert self._worker.stdin is not None
        print(json.dumps(request), file=self._worker.stdin, flush=True)

    def without(self, check: Check, tests: Sequence[str], seconds: float) -> tuple[str, bool]:
        """What is printed where a check is deleted, and whether the tests came to their end."""
        path = self._package / check.path
        source = path.read_text(encoding="utf-8")
        changed = check.deleted_from(source)
        module = ".".join(("zkunlearn", *check.path.with_suffix("").parts))
        try:
            path.write_text(changed, encoding="utf-8")
            request = {"module": module, "function": check.function, "source": changed, "tests": list(tests)}
            self._ask({**request, "seconds": seconds, "output": str(self._printed)})
            assert self._worker.stdout is not None
            answer = self._worker.stdout.readline().strip()
            if answer == ELSEWHERE:
                return run_tests(self._package, ["-p", "acceptance", *tests], seconds)
            if answer not in (ENDED, LATE):
                raise RuntimeError(f"the tests do not run: {answer}")
            return self._printed.read_text(encoding="utf-8", errors="replace"), answer == ENDED
        finally:
            path.write_text(source, encoding="utf-8")

    def close(self) -> None:
        """End the process."""
        assert self._worker.stdin is not None
        self._worker.stdin.close()
        self._worker.wait()


class Copies:
    """One for each mutant that is tried at a time."""

    def __init__(self, folder: Path, count: int, tests: Sequence[str]) -> None:
        self._all = [Copy(folder / str(i), tests) for i in range(count)]
        self._free, self._lock = list(self._all), threading.Lock()

    def without(self, check: Check, tests: Sequence[str], seconds: float) -> tuple[Notice | None, bool]:
        """The first test in which something is accepted without the check, else the first that fails, if any.

        And whether they came to their end.
        """
        if not tests:
            return None, True
        with self._lock:
            copy = self._free.pop()
        try:
            printed, ended = copy.without(check, tests, seconds)
        finally:
            with self._lock:
                self._free.append(copy)
        found = [
            Notice(line.removeprefix(start).strip(), start == ACCEPTED)
            for line in printed.splitlines()
            for start in (ACCEPTED, FAILED)
            if line.startswith(start)
        ]
        return next((notice for notice in found if notice.accepted), found[0] if found else None), ended

    def close(self) -> None:
        """End their processes."""
        for copy in self._all:
            copy.close()


def main() -> None:
    """Run all mutants, or those of some files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help="files or folders, as verifier/protocol/merkle.py; all by default")
    parser.add_argument("--new", action="store_true", help="only checks that have no row yet, or that nothing notices")
    parser.add_argument("--afresh", action="store_true", help="find out again which tests get where")
    parser.add_argument("--seconds", type=float, default=600, help="how long tests of one check may run")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="mutants at a time")
    options = parser.parse_args()
    everything = list(checks())
    page, only = Page(everything), [Path(place) for place in options.only]
    chosen = [check for check in everything if not only or any(check.path.is_relative_to(place) for place in only)]
    if not chosen:
        parser.error(f"there is no check in {', '.join(options.only)}")
    if options.new:
        chosen = [check for check in chosen if not page.has(check)]
    if options.afresh:
        NOTES.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.jobs) as pool:
        marked_copy = Path(folder) / "marked" / "zkunlearn"
        shutil.copytree(ROOT, marked_copy, ignore=IGNORED)
        known = reached(marked_copy, everything, options.jobs)
        tests = {check: candidates(check, known) for check in chosen}
        files = sorted({file_of(test) for own in tests.values() for test in own})
        copies = Copies(Path(folder), options.jobs, files)

        def attempt(check: Check) -> str:
            notice, ended = copies.without(check, tests[check], options.seconds)
            if notice is None and not ended:
                print(f"not known after {options.seconds:.0f} s: {check.start}", flush=True)
                return check.start + NOTHING
            what = "accepted" if notice and notice.accepted else "other"
            row = page.add(check, what, notice.test if notice else NOTHING)
            print(row, flush=True)
            return row

        survivors = unnoticed(list(pool.map(attempt, chosen)))
        copies.close()
    print(f"{len(chosen)} checks, {survivors} not noticed")
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
