"""Stop a run of pytest at the first test that fails because something false was accepted, or after MOST failures.

Loaded by run.py, with `-p acceptance`. Prints a line for each failure: what it is, and the test.
"""

from __future__ import annotations

import re

import pytest

ACCEPTED, FAILED = "ACCEPTED", "REJECTED OTHERWISE"
# What was asserted of a verdict that is "valid", or of the manifest's answer, or of an exception that never came.
ACCEPTANCE = re.compile(r"'valid' ==|'accepted'\), '|DID NOT RAISE")
MOST = 12


class Acceptance:
    """What has failed so far."""

    def __init__(self) -> None:
        self.session: pytest.Session | None = None
        self.failures = 0

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        self.session = session

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.failed or self.session is None:
            return
        self.failures += 1
        crash = getattr(report.longrepr, "reprcrash", None)
        accepted = crash is not None and ACCEPTANCE.search(crash.message) is not None
        print(f"\n{ACCEPTED if accepted else FAILED} {report.nodeid}", flush=True)
        if accepted or self.failures == MOST:
            self.session.shouldstop = "enough is known"


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Acceptance())
