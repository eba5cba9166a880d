"""Tables that packages bring, as they come: from the file to a verified unlearning in five commands, without editing.

palmerpenguins (Horst, Hill and Gorman 2020, MIT): texts, dates, categories, missing values, several rows of one id.
vega_datasets (MIT): the weather of each day, in five words, without ids; and airports, by codes with zeros in front,
with commas in their names, NA among their states, and an amount to learn.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
import zkunlearn as zu

from .conftest import done, run

SPEC = '[model]\nkind = "{}"\n[method]\nkind = "optimum"\nl2 = 0.01\n'


@dataclass(frozen=True)
class Real:
    """A table in a package, and what is done with it; `more` are options of `commit` alone."""

    package: str
    file: str
    family: str
    options: tuple[str, ...]
    rows: int
    person: str
    more: tuple[str, ...] = ()
    rows_of_person: int = 1
    incomplete: int = 0

    @property
    def path(self) -> Path:
        found = find_spec(self.package)
        assert found is not None and found.origin is not None
        return Path(found.origin).parent / self.file


RAW = Real(
    "palmerpenguins",
    "data/penguins-raw.csv",
    "logistic",
    ("--target", "Sex", "--id", "Individual ID", "--drop", "Region,Stage,Comments"),
    333,
    "N1A1",
    more=("--several-rows-per-id", "--leave-out-incomplete"),
    rows_of_person=2,
    incomplete=11,
)
TABLES = {
    "penguins as they were written down": RAW,
    "penguins in short": Real("palmerpenguins", "data/penguins.csv", "logistic", ("--target", "species"), 344, "7"),
    "weather": Real("vega_datasets", "_data/seattle-weather.csv", "logistic", ("--target", "weather"), 1461, "17"),
    "airports": Real(
        "vega_datasets",
        "_data/airports.csv",
        "linear",
        ("--target", "latitude", "--id", "iata", "--drop", "name,city,country"),
        3376,
        "00M",
    ),
}
DECLARED = {  # some of what is found in them
    "weather": '"date" = {low = 2010-01-01, high = 2021-01-01, format = "%Y/%m/%d"}',
    "airports": "# found 56 different texts, and 12 cells without a value: say what such a cell counts as",
}


@pytest.mark.parametrize("what", TABLES)
def test_a_real_table_comes_to_a_verified_unlearning_in_five_commands(what: str, tmp_path: Path) -> None:
    own, data, spec = TABLES[what], tmp_path / "data", tmp_path / "spec.toml"
    spec.write_text(SPEC.format(own.family))
    before = own.path.read_bytes()
    done("suggest-bounds", own.path, *own.options, "--out", tmp_path / "bounds.toml")
    said = done("commit", own.path, *own.options, *own.more, "--bounds", tmp_path / "bounds.toml", "--out", data)
    first = ("--spec", spec, "--out", tmp_path / "1.proof")
    done("prove", data, *first)
    second = ("--spec", spec, "--forget", own.person, "--previous", tmp_path / "1.proof", "--out", tmp_path / "2.proof")
    done("prove", data, *second)
    pinned = ("--dataset", data / "dataset.commitment", "--spec", spec, "--previous", tmp_path / "1.proof")
    verdict = done("verify", tmp_path / "2.proof", *pinned).stdout
    assert "VALID" in verdict and own.path.read_bytes() == before
    statement = zu.TrainingProof.load(tmp_path / "2.proof").statement
    assert (len(statement.forgotten), statement.dataset.rows) == (own.rows_of_person, own.rows)
    left_out = f"{own.incomplete} rows left out, in which a value is missing"
    assert (left_out in said.stderr) == bool(own.incomplete)
    assert DECLARED.get(what, "") in (tmp_path / "bounds.toml").read_text()


def test_what_a_real_table_lacks_is_counted_and_its_texts_are_named(tmp_path: Path) -> None:
    table = RAW.path
    said = run("commit", table, "--target", "Sex", "--out", tmp_path / "data")
    assert said.exit_code == 2 and "line 2, column 'studyName': 'PAL0708' is not a number; " in said.stderr
    assert "; 'studyName', 'Species', 'Island', 'Clutch Completion', 'Comments': categories, " in said.stderr
    assert "; 'Date Egg': times, " in said.stderr and "; 'Region', 'Stage', 'Individual ID': texts, " in said.stderr
    names = "studyName,Species,Region,Island,Stage,Individual ID,Clutch Completion,Date Egg,Comments"
    said = run("commit", table, "--target", "Sex", "--drop", names, "--out", tmp_path / "data")
    assert "of 344 rows values are missing: 14 in 'Delta 15 N (o/oo)', 13 in 'Delta 13 C (o/oo)', 11 in 'Sex', " in (
        said.stderr
    )
    done("suggest-bounds", table, "--target", "Sex", "--out", tmp_path / "b.toml")
    text = (tmp_path / "b.toml").read_text()
    assert '"Date Egg" = [2006-01-01, 2015-01-01]' in text and '# "Region": leave it out, by --drop' in text
