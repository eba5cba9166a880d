"""Options of the whole suite."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Helpers assert, too, and should say what they found.
FOLDERS = [path.name for path in Path(__file__).parent.iterdir() if path.is_dir()]
pytest.register_assert_rewrite(*(__name__.removesuffix("conftest") + folder for folder in FOLDERS))

# A shell's jobs in the background ignore interrupts, and so would everything that tests start there.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# How long an example takes says more of what else the machine does.
EXAMPLES = {"suite": 50, "thorough": 200}  # the second for `make test-all`
for profile, examples in EXAMPLES.items():
    settings.register_profile(
        profile, max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
settings.load_profile("suite")

# Files of minutes: where tests are spread over processes, none of these is to be what the others wait for.
LONGEST = ("tests/tamper/test_manifest.py", "tests/attacks/test_frozen_challenges.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "how many verdicts of each attack the second verifier repeats"
    parser.addoption("--second-opinions", type=int, default=1, help=text)
