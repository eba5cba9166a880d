"""A data set whose openings run out, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import done, run


def test_the_chain_goes_on_in_a_new_commitment(owner: Path) -> None:
    done("recommit", owner / "data", "--openings", 4, "--out", owner / "fresh")
    link = owner / "fresh" / "dataset.link"
    assert "Link between data sets" in done("inspect", link).output
    spec, third = ("--spec", owner / "spec.toml"), owner / "third.proof"
    result = done("prove", owner / "fresh", *spec, "--previous", owner / "second.proof", "--out", third, "--json")
    assert len(json.loads(result.stdout)["forgotten"]) == 1  # what was forgotten before stays forgotten
    audit = ("verify", third, "--dataset", owner / "fresh" / "dataset.commitment", *spec)
    previous = ("--previous", owner / "second.proof")
    assert "VALID" in done(*audit, *previous, "--link", link).output
    without = run(*audit, *previous)
    assert without.exit_code == 1
    assert "INVALID: the previous proof is about another data set" in without.output


def test_a_broken_link_is_an_input_error(owner: Path) -> None:
    link = owner / "broken.link"
    link.write_bytes(b"zkunlearn\x00\x04link\x00\x05\xa0")
    audit = ("verify", owner / "first.proof", "--dataset", owner / "data" / "dataset.commitment")
    result = run(*audit, "--link", link)
    assert result.exit_code == 2
    assert "lacks the field" in result.output


def test_the_last_opening_is_announced(owner: Path) -> None:
    done(
        "commit", owner / "t.csv", "--target", "sick", "--id", "name", "--openings", 3, "--out", owner / "small"
    )  # fmt: skip
    result = run("prove", owner / "small", "--spec", owner / "spec.toml", "--out", owner / "x.proof")
    assert result.exit_code == 0
    assert "one opening of the data set is left; keep it for `zkunlearn recommit`" in result.stderr
