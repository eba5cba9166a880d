"""An owner can see where she stands, and what to do next."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.errors import DataError, ParameterError

from .conftest import COLUMNS_OF_NEW, FORGOTTEN_ID, done, run


def said(*arguments: object) -> Any:
    return json.loads(done("status", *arguments, "--json").stdout)


def test_status_tells_what_was_proved_and_who_is_forgotten(made: Path) -> None:
    found = said(made / "data")
    assert found["openings"] == {"spent": 3, "of": 32} and not found["registered"]
    assert [(Path(own["file"]).name, own["latest"], own["forgotten"]) for own in found["trainings"]] == [
        ("first.proof", False, 0),
        ("second.proof", True, 1),
    ]
    assert [own["openings"] for own in found["trainings"]] == [{"spent": 1, "of": 4}] * 2
    assert found["forgotten"] == [FORGOTTEN_ID] and found["rectified"] == []
    assert any("register" in text for text in found["next"])
    text = done("status", made / "data").stdout
    assert "second.proof" in text and "3 of 32 used" in text and FORGOTTEN_ID in text


def test_status_of_a_new_data_set_says_how_to_begin(made: Path, tmp_path: Path) -> None:
    place = tmp_path / "alone" / "data"
    done("commit", made / "t.csv", "--target", "sick", "--id", "name", "--openings", 4, "--out", place)
    found = said(place)
    assert found["trainings"] == [] and found["forgotten"] == []
    assert any("nothing was proved of it yet" in text for text in found["next"])
    assert any("3 openings of the data set are left" in text for text in found["next"])


def test_status_spends_nothing_and_sees_a_registration(owner: Path) -> None:
    done("register", owner / "data")
    assert [said(owner / "data")["openings"]["spent"] for _ in range(2)] == [4, 4]
    assert said(owner / "data")["registered"]


def test_status_tells_of_a_fork(owner: Path) -> None:
    common = ("prove", owner / "data", "--spec", owner / "spec.toml", "--forget", "Żółć 02")
    done(*common, "--previous", owner / "first.proof", "--fork", "--out", owner / "other.proof")
    found = said(owner / "data")
    assert [Path(own["file"]).name for own in found["trainings"] if own["latest"]] == ["other.proof", "second.proof"]
    assert any("2 trainings are superseded by none" in text for text in found["next"])
    assert set(found["forgotten"]) == {"Żółć 02", FORGOTTEN_ID}


def test_status_names_rows_that_were_rectified_until_they_are_forgotten(owner: Path) -> None:
    (owner / "new.csv").write_text("name,age,weight,sick\nŻółć 03,50,80,no\n", encoding="utf-8")
    done("rectify", owner / "data", owner / "new.csv", *COLUMNS_OF_NEW, "--out", owner / "more")
    spec = ("--spec", owner / "spec.toml")
    assert said(owner / "more")["rectified"] == ["Żółć 03"]
    done("prove", owner / "more", *spec, "--previous", owner / "second.proof", "--out", owner / "third.proof")
    assert said(owner / "more")["rectified"] == []


def test_status_needs_a_stored_data_set() -> None:
    with pytest.raises(ParameterError, match="dataset"):
        zu.status("data")  # type: ignore[arg-type]
    dataset = zu.commit(np.array([[0.0], [1.0], [2.0], [3.0]]), [0, 1, 0, 1], openings=2)
    with pytest.raises(DataError, match="not stored"):
        zu.status(dataset)


def test_a_status_prints_no_ids(owner: Path) -> None:
    found = zu.status(zu.load_dataset(owner / "data"))
    assert found.forgotten == (FORGOTTEN_ID,) and FORGOTTEN_ID not in repr(found)


def test_status_of_no_data_set_is_refused(tmp_path: Path) -> None:
    result = run("status", tmp_path)
    assert result.exit_code == 2 and "dataset.commitment" in result.output
