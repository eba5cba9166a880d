"""The man page: all that help says of all commands, in roff that every reader of it accepts."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from zkunlearn.cli import manual
from zkunlearn.cli.exits import MEANINGS
from zkunlearn.cli.program import main
from zkunlearn.prover.owner import dataset, noise, secret_arrays, successors, tree_cache
from zkunlearn.prover.owner.model import LINK_SUFFIX, MODEL_SUFFIX
from zkunlearn.verifier.noise import NOISE_SUFFIX
from zkunlearn.verifier.proofs import LINK_FILE, REGISTRATION_FILE

from .conftest import done

MACROS = {".TH", ".SH", ".SS", ".PP", ".TP", ".nf", ".fi"}
COMMANDS = sorted(main.commands)
COMMON = ("as_json", "quiet", "debug")
CHECKS = {"groff": ("-man", "-ww", "-z"), "mandoc": ("-T", "lint")}


@pytest.fixture(scope="module")
def page() -> str:
    return manual.page(main)


def shown(page: str) -> str:
    """The page as it is read: what roff does to its text, undone."""
    text = re.sub(r"\\f[BIR]|\\&", "", page)
    for plain, escape in {chr(key): own for key, own in manual.ESCAPES.items()}.items():
        text = text.replace(escape, plain)
    return " ".join(text.split())


def plain(help_text: str | None) -> str:
    """Without click's mark, and what makes words bold."""
    return (help_text or "").replace("`", "").replace(manual.VERBATIM, "")


def section(page: str, name: str) -> str:
    """What the page says of a command."""
    _, _, below = page.partition(f'.SS "zkunlearn {manual.escaped(name)}"\n')
    return re.split(r"^\.S[SH] ", below, flags=re.MULTILINE)[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_with_its_help_and_its_options(page: str, name: str) -> None:
    command, own = main.commands[name], shown(section(page, name))
    common = shown(page.partition("Of all commands:")[2].partition(".SH")[0])
    usage = " ".join(command.collect_usage_pieces(click.Context(command)))
    assert own.startswith(f"zkunlearn {name} {usage}")
    paragraphs = [" ".join(part.split()) for part in plain(command.help).split("\n\n")]
    assert paragraphs[0] and all(part in plain(own) for part in paragraphs)
    for option in (param for param in command.params if isinstance(param, click.Option)):
        told = common if option.name in COMMON else own
        assert all(spelling in told for spelling in (*option.opts, *option.secondary_opts)), option.name
        assert " ".join(plain(option.help).split()) in told


def test_exit_codes_files_and_variables_are_there(page: str) -> None:
    told = shown(page)
    assert all(f"{code} {meaning}" in told for code, meaning in MEANINGS.items())
    files = (
        *(dataset.COMMITMENT_FILE, dataset.OPENING_FILE, secret_arrays.SECRETS, tree_cache.TREE_FILE),
        *(successors.HISTORY_FILE, noise.NONCES_FILE, REGISTRATION_FILE, LINK_FILE),
        *(f"P{suffix}" for suffix in (MODEL_SUFFIX, LINK_SUFFIX, NOISE_SUFFIX, noise.SECRET_SUFFIX)),
    )
    assert {*files} <= {*manual.FILES} and all(f"{name} {manual.FILES[name].split()[0]}" in told for name in files)
    assert all(name in told for name in manual.ENVIRONMENT)


def test_lines_are_macros_that_were_meant_or_text(page: str) -> None:
    for line in page.splitlines():
        assert not line.startswith("'")
        assert not line.startswith(".") or line.split()[0] in MACROS, line


def test_text_that_roff_would_take_for_its_own_stays_text() -> None:
    hostile = ".so /etc/passwd\n\n'quoted' \\fBbold ~^\" caf\u00e9 --all `-x`\n\n\b\n.TH a\n'b"
    lines = list(manual._paragraphs(hostile))
    assert lines == [
        r"\&.so /etc/passwd", ".PP",
        r"\(aqquoted\(aq \efBbold \(ti\(ha\(dq caf\[u00E9] \-\-all \fB\-x\fR", ".PP",
        ".nf", r"\&.TH a", r"\(aqb", ".fi",
    ]  # fmt: skip


@pytest.mark.parametrize("reader", CHECKS)
def test_readers_of_roff_have_nothing_to_say(page: str, tmp_path: Path, reader: str) -> None:
    program = shutil.which(reader)
    if program is None:
        pytest.skip(f"there is no {reader}")
    (tmp_path / "zkunlearn.1").write_text(page)
    command = [program, *CHECKS[reader], str(tmp_path / "zkunlearn.1")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_man_shows_the_page(page: str, tmp_path: Path) -> None:
    program = shutil.which("man")
    if program is None or shutil.which("groff") is None:
        pytest.skip("there is no man")
    (tmp_path / "zkunlearn.1").write_text(page)
    environment = {"PATH": "/usr/bin:/bin", "MANPAGER": "cat", "MAN_KEEP_FORMATTING": "", "LC_ALL": "C"}
    command = [program, "--warnings=w", "-l", str(tmp_path / "zkunlearn.1")]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    if "minimized" in result.stdout:
        pytest.skip("this system has its pages removed, and man with them")
    assert (result.returncode, result.stderr) == (0, "")
    assert "ZKUNLEARN(1)" in result.stdout and "EXIT STATUS" in re.sub(r".\x08", "", result.stdout)


def test_the_command_prints_the_page_of_the_day_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    printed = done("man").stdout
    assert printed.startswith(".TH ZKUNLEARN 1 2001-09-09 ") and printed == manual.page(main)
    assert json.loads(done("man", "--json").stdout)["page"] == printed
