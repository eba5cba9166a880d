"""Notebooks run as they stand, one for each role and one for torch, and are stored without what they printed.

`python tests/test_notebooks.py` cleans them after they were run or changed in a notebook server.
"""

from __future__ import annotations

import json
import re
import tempfile
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"
PAGES = {
    "owner": "owners.md",
    "auditor": "auditors.md",
    "data_subject": "data-subjects.md",
    "encoder": "from-torch.md",
}
FORGOTTEN = r"VALID: 1\d\d\.\d bits of proven security, 2 rows forgotten"
PUBLIC = "public: dataset.commitment, dataset.registration, first.proof, second.forgotten, second.proof, spec.toml"
ENCODED = "public: dataset.commitment, first.proof, second.proof, spec.toml"
LAST = {
    "owner": [PUBLIC, FORGOTTEN],  # and no secret among them
    "auditor": ["valid", "INVALID: [a-z ]+", "INVALID: the proof declares another algorithm: .*", FORGOTTEN],
    "data_subject": [r"VALID: 'patient 17' is row \d+ of the data set, and is forgotten in this statement"],
    "encoder": [ENCODED, r"VALID: 1\d\d\.\d bits of proven security, 1 row forgotten"],
}


def cleaned(name: str, text: str) -> str:
    """A notebook of Jupyter's format 4.5 as it is stored: no output, no count of runs, cells by numbers."""
    found = json.loads(text)
    cells = []
    for number, cell in enumerate(found["cells"], start=1):
        own: dict[str, Any] = {
            "cell_type": cell["cell_type"],
            "id": f"{name.replace('_', '-')}-{number}",
            "metadata": {},
        }
        own["source"] = "".join(cell["source"]).splitlines(keepends=True)
        cells.append(own | ({"execution_count": None, "outputs": []} if own["cell_type"] == "code" else {}))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    whole = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def read(name: str) -> str:
    return (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")


def code_of(name: str) -> list[tuple[str, str]]:
    """The cells that run, with their ids."""
    cells = json.loads(read(name))["cells"]
    return [(cell["id"], "".join(cell["source"])) for cell in cells if cell["cell_type"] == "code"]


def printed(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What its cells print, one after the other in one namespace; what they write goes into a folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.chdir(folder)
    own: dict[str, Any] = {"__name__": "__main__"}
    with redirect_stdout(StringIO()) as out:
        for number, text in code_of(name):
            exec(compile(text, number, "exec"), own)
    return out.getvalue().splitlines()


def test_each_role_has_one() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {*PAGES} == {*LAST}
    for name, page in PAGES.items():
        assert f"(notebooks/{name}.ipynb)" in (FOLDER.parent / page).read_text(encoding="utf-8")
        assert f"(../{page})" in read(name)


@pytest.mark.parametrize("name", PAGES)
def test_it_runs_alone_and_ends_with_the_verdicts(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logging.basicConfig", lambda **options: None)  # the log of other tests stays as it is
    lines = printed(name, tmp_path, monkeypatch)
    wanted = LAST[name]
    found = [line for line in lines if re.match("public:|valid|VALID|INVALID", line)][-len(wanted) :]
    assert lines[-1] == found[-1]
    for pattern, line in zip(wanted, found, strict=True):
        assert re.fullmatch(pattern, line), line
    assert "not found out" not in lines


@pytest.mark.parametrize("name", PAGES)
def test_it_is_stored_clean(name: str) -> None:
    assert read(name) == cleaned(name, read(name))


def test_what_was_run_is_cleaned() -> None:
    run = json.loads(read("owner"))
    first = next(cell for cell in run["cells"] if cell["cell_type"] == "code")
    first |= {"execution_count": 7, "id": "x", "metadata": {"a": 1}}
    first["outputs"] = [{"output_type": "stream", "text": "17"}]
    first["source"] = "".join(first["source"])
    assert cleaned("owner", json.dumps(run | {"metadata": {"widgets": {}}})) == read("owner")


def main() -> None:
    for name in PAGES:
        (FOLDER / f"{name}.ipynb").write_text(cleaned(name, read(name)), encoding="utf-8")


if __name__ == "__main__":
    main()
