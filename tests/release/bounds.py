"""What pyproject.toml allows: Pythons, packages and their oldest versions."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CONSTRAINTS = ROOT / "constraints-oldest.txt"
OWN = "zkunlearn"
REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)(\[[a-z0-9,-]*\])?(>=(?P<oldest>[0-9.]+))?")


@cache
def project() -> dict[str, Any]:
    """The table [project]."""
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


def version() -> str:
    """The package's."""
    return str(project()["version"])


def oldest_python() -> tuple[int, int]:
    """Which the package is for."""
    major, minor = project()["requires-python"].removeprefix(">=").split(".")
    return int(major), int(minor)


def lower_bounds(extras: tuple[str, ...]) -> dict[str, str]:
    """The oldest version of each package that is needed, or in one of these extras; those of our own followed."""
    found: dict[str, str] = {}
    wanted = [*project()["dependencies"], *(line for extra in extras for line in of_extra(extra))]
    for line in wanted:
        parts = REQUIREMENT.fullmatch(line)
        if parts is None or parts["oldest"] is None:
            raise ValueError(f"{line}: has no lower bound, and nothing but that")
        found[parts["name"]] = parts["oldest"]
    return found


def of_extra(extra: str) -> list[str]:
    """Its packages, with those of the extras that it names."""
    found = []
    for line in project()["optional-dependencies"][extra]:
        if line.startswith(f"{OWN}["):
            found += [own for other in line[len(OWN) + 1 : -1].split(",") for own in of_extra(other)]
        else:
            found.append(line)
    return found


def pins() -> dict[str, str]:
    """What constraints-oldest.txt pins."""
    lines = [line.split("#")[0].strip() for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines()]
    return dict(line.split("==") for line in lines if line)
