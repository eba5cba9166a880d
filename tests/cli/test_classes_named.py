"""Classes that are named, as one of them would else say that a label is missing: in every table, and later too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
import zkunlearn as zu

from .conftest import done, run

HELP, AGES = ["None", "Some", "NA", "Some", "None", "NA", "None", "Some"], [30, 35, 40, 45, 50, 55, 60, 65]
NAMED = ("--classes", "None,NA,Some")
SPEC = '[model]\nkind = "logistic"\n[method]\nkind = "optimum"\nl2 = 0.1\n'


def csv(path: Path) -> None:
    pd.DataFrame({"age": AGES, "help": HELP}).to_csv(path, index=False)


def parquet(path: Path) -> None:
    pa.parquet.write_table(pa.table({"age": AGES, "help": HELP}), path)


def npz(path: Path) -> None:
    np.savez(path, X=np.array(AGES, dtype=float)[:, None], help=np.array(HELP), names=np.array(["age"]))


@pytest.mark.parametrize("write", [csv, parquet, npz], ids=lambda write: write.__name__)
def test_a_class_may_be_called_as_a_missing_value_is_where_it_is_named(write, tmp_path: Path) -> None:
    table = tmp_path / f"t.{write.__name__}"
    write(table)
    (tmp_path / "b.toml").write_text("[bounds]\nage = [0, 99]\n")
    commit = ("commit", table, "--target", "help", "--bounds", tmp_path / "b.toml", "--out", tmp_path / "data")
    refused = run(*commit)
    assert refused.exit_code == 2 and "of 8 rows values are missing: 5 in 'help'" in refused.stderr
    done(*commit, *NAMED)
    label = zu.load_dataset(tmp_path / "data").statement.encoding.label
    assert (label.kind, label.classes) == ("categorical", ("NA", "None", "Some"))


def test_later_rows_and_the_labels_of_predictions_have_these_classes_too(tmp_path: Path) -> None:
    csv(tmp_path / "t.csv")
    (tmp_path / "b.toml").write_text("[bounds]\nage = [0, 99]\n")
    (tmp_path / "spec.toml").write_text(SPEC)
    common = ("--target", "help")
    data, more = tmp_path / "data", tmp_path / "more"
    done("commit", tmp_path / "t.csv", *common, "--bounds", tmp_path / "b.toml", *NAMED, "--out", data)
    done("append", data, tmp_path / "t.csv", *common, "--out", more)
    assert len(zu.load_dataset(more).ids) == 2 * len(HELP)
    done("prove", data, "--spec", tmp_path / "spec.toml", "--out", tmp_path / "p.proof")
    said = done("predict", tmp_path / "p.model.opening", tmp_path / "t.csv", *common).output
    assert " on 8 rows" in said
    (tmp_path / "t.csv").write_text("age,help\n30,None\n40,null\n")
    refused = run("append", data, tmp_path / "t.csv", *common, "--out", tmp_path / "other")
    said = "line 3, column 'help': 'null' says that a value is missing; leave such rows out, and say whose they are"
    assert refused.exit_code == 2 and said in refused.stderr and "--classes" not in refused.stderr


X = np.array(AGES, dtype=float)[:, None]


def test_python_takes_them_and_refuses_what_they_do_not_fit() -> None:
    with pytest.raises(zu.DataError, match="None is no label; every row needs one"):
        zu.commit(X, HELP)
    assert zu.commit(X, HELP, classes=["Some", "None", "NA"]).statement.encoding.label.classes == ("NA", "None", "Some")
    ranks = [0, 1, 2, 0, 1, 2, 0, 1]
    assert zu.commit(X, ranks, classes=["2", "0", "1"]).statement.encoding.label.classes == ("0", "1", "2")
    with pytest.raises(zu.ParameterError, match="classes: count labels have none"):
        zu.commit(X, ranks, classes=["0", "1", "2"], label_kind="count")
    with pytest.raises(zu.DataError, match="row 2, column 'label': '1' is no class; the classes are 0, 2"):
        zu.commit(X, ranks, classes=["0", "2"])


def test_a_number_that_is_none_is_missing_whatever_classes_are_called() -> None:
    y = [0.0, 1.0, float("nan"), 0.0, 1.0, 0.0, 1.0, 0.0]
    with pytest.raises(zu.DataError, match="the label is missing"):
        zu.commit(X, y, classes=["0", "1", "nan"])
