"""Which tests get to which check: a check whose deletion a test notices is one that it gets to.

run.py marks all checks in a copy of the tree (`marked`) and runs the tests there. Whenever one is got to, in whichever
process, a line goes to the file that REACHED names: the check, whether something was refused there, and the test. This
module is what marked code calls, and a plugin of pytest that notes how long tests take.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import pytest

REACHED = "REACHED"
REFUSED, PASSED, LASTS, READ = "refused", "passed", "lasts", "read"  # what a line says
_KNOWN: set[str] = set()


def note(*fields: str) -> None:
    """Append a line to the file, if it is new."""
    line = "\t".join(fields) + "\n"
    if line in _KNOWN or REACHED not in os.environ:
        return
    _KNOWN.add(line)
    with Path(os.environ[REACHED]).open("a", encoding="utf-8") as file:
        file.write(line)  # at once, and short: lines of several processes do not mix


def at(check: str, what: str = REFUSED) -> None:
    """The test that runs gets to a check, in its own process or in one that it started."""
    test = os.environ.get("PYTEST_CURRENT_TEST")
    if test is not None:
        note(what, check, test)


@dataclass(frozen=True)
class Around:
    """A call that refuses, or lets pass."""

    check: str

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at_: TracebackType | None
    ) -> None:
        at(self.check, PASSED if kind is None else REFUSED)


def marked(source: str, checks: Iterable[tuple[str, int]]) -> str:
    """A module in which checks, each with the line on which its statement begins, say that they were got to."""
    lines = source.splitlines()
    for check, number in checks:
        line = lines[number - 1]
        statement = line.lstrip()
        module = '__import__("reached")'
        mark = f"{module}.at({check!r});" if statement.startswith("raise ") else f"with {module}.Around({check!r}):"
        lines[number - 1] = f"{line.removesuffix(statement)}{mark} {statement}"
    return "\n".join(lines) + "\n"


@dataclass
class Reached:
    """What was noted.

    Attributes:
        refused, passed: of each check the tests in which it refuses something, and in which it lets something pass. A
            test is a whole file where something that all tests of the file share was made.
        seconds: how long a test takes.
    """

    refused: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    passed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @classmethod
    def read(cls, path: Path, files: Collection[str]) -> Reached:
        """From the file of lines, of some files of tests."""
        found = cls()
        for line in path.read_text(encoding="utf-8").splitlines():
            what, first, test = line.split("\t", 2)
            if file_of(test) not in files:
                continue
            if what == LASTS:
                found.seconds[test] += float(first)
                found.seconds[file_of(test)] += float(first)
            elif what in (REFUSED, PASSED):
                name, _, when = test.rpartition(" (")
                tests = found.refused if what == REFUSED else found.passed
                tests[first].add(name if when == "call)" else file_of(name))
        return found


def unread(path: Path, digests: Mapping[str, str]) -> list[str]:
    """Files of tests that have not been run, as they are now; what was noted of them is forgotten."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    notes = [tuple(line.split("\t", 2)) for line in lines]
    known = {file for what, digest, file in notes if what == READ and digests.get(file) == digest}
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = ["\t".join(own) + "\n" for own in notes if file_of(own[2]) in known]
    path.write_text("".join(kept), encoding="utf-8")
    return sorted(set(digests) - known)


def file_of(test: str) -> str:
    """The file in which a test is."""
    return test.partition("::")[0]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """How long it took; in the process that all others report to."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        note(LASTS, f"{report.duration:.3f}", report.nodeid)
