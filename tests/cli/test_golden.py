"""What is said of people's files, tables and lists, word for word: a change of a message is meant, or it is a mistake.

A message says which file, line, column or id, what is wrong with it, and what to do. Paths begin with DIR.
"""

from __future__ import annotations

import gzip
import io
import pickle
import shutil
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.feather
import pyarrow.parquet
import pytest
import scipy.sparse
import torch
import zkunlearn as zu
from zkunlearn.prover import kernels
from zkunlearn.prover.owner.left_out import LEFT_OUT_FILE, LeftOut
from zkunlearn.prover.tables import cells

from .conftest import FORGOTTEN_ID, run

COLUMNS = ("--target", "sick", "--id", "name")
HEAD, ROWS = "name,age,weight,sick\n", "a,30,70,no\nb,40,80,yes\n"
COMMIT = ("commit", "DIR/new.csv", *COLUMNS, "--out", "DIR/new")
BOUNDED = (*COMMIT, "--bounds", "DIR/b.toml")
PROVE = ("prove", "DIR/data", "--spec", "DIR/spec.toml", "--out", "DIR/new.proof")
VERIFY = ("verify", "DIR/p.proof", "--dataset", "DIR/data/dataset.commitment")
LISTED = (*PROVE, "--forget-file", "DIR/list.txt")
WILD = '[model]\nkind = "logistic"\n[method]\nepochs = 40\nlearning_rate = 4000\n'
FIFTY = ", ".join(f"'nobody {n}'" for n in range(50))
RIGHT = ", or leave such rows out (--leave-out-incomplete)\n"
MISSING = "declare in a bounds file what they count as (missing = ..)" + RIGHT
NFD = unicodedata.normalize("NFD", "Żółć 09")
Content = str | bytes | Callable[[Path], bytes]


@dataclass(frozen=True)
class Case:
    """A command, the files that it is given by their names, and all that it prints, with its exit code.

    Of a command that is done, what it prints is looked for; else it is all.
    """

    command: tuple[str, ...]
    said: str
    files: dict[str, Content] = field(default_factory=dict)
    code: int = 2


def named(name: str, *more: str) -> tuple[str, ...]:
    """`commit` of another file."""
    return ("commit", f"DIR/{name}", *COLUMNS, "--out", "DIR/new", *more)


def packed(write: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    write(pyarrow.table({"name": ["a", "b"], "age": [1.0, None], "sick": ["no", "yes"]}), file, **options)
    return file.getvalue()


def of_version(number: int) -> Callable[[Path], bytes]:
    def changed(folder: Path) -> bytes:
        proof = (folder / "first.proof").read_bytes()
        at = proof.index(b"training") + len(b"training")
        return proof[:at] + number.to_bytes(2, "big") + proof[at + 2 :]

    return changed


OF_FILES = {
    "another file in place of a proof": Case(
        VERIFY, "error: DIR/p.proof: this is not a zkunlearn file\n", {"p.proof": "hi"}
    ),
    "a newer version": Case(
        VERIFY,
        "error: DIR/p.proof: this 'training' file was written by a newer version (format 99, here 7)\n",
        {"p.proof": of_version(99)},
    ),
    "an older version": Case(
        VERIFY,
        "error: DIR/p.proof: this 'training' file has format 1, not 7: it was written by an older version, if by any\n",
        {"p.proof": of_version(1)},
    ),
    "a commitment in place of a proof": Case(
        ("verify", "DIR/first.proof", "--dataset", "DIR/first.proof"),
        "error: DIR/first.proof: this is a training, but a dataset is needed\n",
    ),
    "a device": Case((*PROVE[:-1], "/dev/null", "--force"), "error: /dev/null: is there, and is not a regular file\n"),
    "a file in place of a folder": Case(
        (*COMMIT[:-1], "DIR/spec.toml"),
        "error: DIR/spec.toml: is not a directory that exists\n",
        {"new.csv": HEAD + ROWS},
    ),
    "a spec with a mark of its encoding": Case(
        (*PROVE[:3], "DIR/s.toml", *PROVE[4:]),
        "error: DIR/s.toml: model = 'logistics': must be one of logistic, linear, probit, poisson\n",
        {"s.toml": '\ufeff[model]\nkind = "logistics"\n[method]\nepochs = 4\nlearning_rate = 0.5\n'},
    ),
    "a training that diverges": Case(
        (*PROVE[:3], "DIR/s.toml", *PROVE[4:]),
        "error: diverged at step 1 (epoch 1, batch 0): |z| = 427.8 > 32 at id 'Żółć 04'; every row there is classified "
        "right, and scores still grow: where classes are separable there is no optimum without l2; set l2, or use "
        "fewer epochs\n",
        {"s.toml": WILD},
    ),
    "bounds in the wrong order": Case(
        BOUNDED,
        "error: DIR/b.toml: bounds of 'age': the lower one is above the upper one\n",
        {"new.csv": HEAD + ROWS, "b.toml": "[bounds]\nage = [120, 0]\n"},
    ),
    "no bounds of a column": Case(
        BOUNDED,
        "error: DIR/b.toml: bounds: none for column 'weight'\n",
        {"new.csv": HEAD + ROWS, "b.toml": "[bounds]\nage = [0, 120]\n"},
    ),
    "bounds of nothing": Case(
        BOUNDED,
        "error: DIR/b.toml: bounds: there is no column 'height' that needs them\n",
        {"new.csv": HEAD + ROWS, "b.toml": "[bounds]\nage = [0, 120]\nweight = [0, 300]\nheight = [0, 3]\n"},
    ),
}
OF_TABLES = {
    "an empty cell": Case(
        COMMIT,
        f"error: DIR/new.csv: line 4, column 'age': the cell is empty; {MISSING}",
        {"new.csv": HEAD + ROWS + "c,,60,no\n"},
    ),
    "empty cells": Case(
        COMMIT,
        "error: DIR/new.csv: line 4, column 'age': the cell is empty; of 4 rows values are missing: 1 in 'age', 1 in "
        f"'weight'; {MISSING}",
        {"new.csv": HEAD + ROWS + "c,,60,no\nd,3,,no\n"},
    ),
    "an empty label": Case(
        COMMIT,
        "error: DIR/new.csv: line 4, column 'sick': the cell is empty; leave such rows out (--leave-out-incomplete)\n",
        {"new.csv": HEAD + ROWS + "c,20,60,\n"},
    ),
    "a label that may be a class": Case(
        COMMIT,
        "error: DIR/new.csv: line 4, column 'sick': 'None' says that a value is missing; leave such rows out "
        "(--leave-out-incomplete), or if that is a class, name all classes (--classes)\n",
        {"new.csv": HEAD + ROWS + "c,20,60,None\n"},
    ),
    "a label that is none of the classes": Case(
        (*COMMIT, "--classes", "yes,None"),
        "error: DIR/new.csv: line 2, column 'sick': 'no' is no class; the classes are yes, None\n",
        {"new.csv": HEAD + ROWS + "c,20,60,None\n"},
    ),
    "a class without a row": Case(
        (*COMMIT, "--classes", "yes,no,None"),
        "error: DIR/new.csv: column 'sick': no row is of class 'None'\n",
        {"new.csv": HEAD + ROWS},
    ),
    "bounds of labels that have none": Case(
        BOUNDED,
        "error: DIR/b.toml: bounds: there is no column 'sick' that needs them; labels that are classes or counts have "
        "none\n",
        {"new.csv": HEAD + ROWS, "b.toml": "[bounds]\nage = [0, 120]\nweight = [0, 300]\nsick = [0, 1]\n"},
    ),
    "an empty cell of Parquet": Case(
        named("t.parquet"),
        f"error: DIR/t.parquet: row 2, column 'age': the cell is empty; {MISSING}",
        {"t.parquet": packed(pyarrow.parquet.write_table)},
    ),
    "an empty cell of Arrow": Case(
        named("t.feather"),
        f"error: DIR/t.feather: row 2, column 'age': the cell is empty; {MISSING}",
        {"t.feather": packed(pyarrow.feather.write_feather, compression="uncompressed")},
    ),
    "a text among numbers": Case(
        COMMIT,
        "error: DIR/new.csv: line 4, column 'age': 'old' is not a number; declare its column in a bounds file, which "
        "suggest-bounds begins, or leave it out (--drop)\n",
        {"new.csv": HEAD + ROWS + "c,old,60,no\n"},
    ),
    "a value beyond bounds": Case(
        (*COMMIT, "--bounds", "DIR/bounds.toml"),
        "error: DIR/new.csv: line 4, column 'age': 140.0 is outside the bounds [0.0, 120.0]\n",
        {"new.csv": HEAD + ROWS + "c,140,60,no\n"},
    ),
    "one label in every row": Case(
        COMMIT,
        "error: DIR/new.csv: column 'sick': every row has the label 'no'; nothing can be learned\n",
        {"new.csv": HEAD + "a,30,70,no\nb,40,80,no\n"},
    ),
    "a label of another kind": Case(
        COMMIT,
        "error: DIR/new.csv: line 4, column 'sick': 'much' is not a number, as others are; for classes ask for "
        "categorical labels\n",
        {"new.csv": HEAD + "a,30,70,1\nb,40,80,2\nc,40,80,much\nd,4,4,3\n"},
    ),
    "a decimal comma": Case(
        COMMIT,
        "error: DIR/new.csv: line 2, column 'age': '30,5' is not a number; if its comma is a decimal mark, declare "
        "that (--decimal ',')\n",
        {"new.csv": "name;age;weight;sick\na;30,5;70;no\nb;40;80;yes\n"},
    ),
    "another encoding": Case(
        COMMIT,
        "error: DIR/new.csv: line 4: not UTF-8 text; declare its encoding, as in --encoding cp1252\n",
        {"new.csv": (HEAD + ROWS + "Jörg,20,60,no\n").encode("cp1252")},
    ),
    "half of a compressed file": Case(
        named("t.csv.gz"),
        "error: DIR/t.csv.gz: the file cannot be read, or unpacked (Compressed file ended before the end-of-stream "
        "marker was reached)\n",
        {"t.csv.gz": gzip.compress((HEAD + ROWS).encode())[:-9]},
    ),
    "a spreadsheet": Case(
        named("t.xlsx"),
        "error: DIR/t.xlsx: unknown kind of table '.xlsx'; known are .csv, .tsv, .txt (and .gz or .zst of these), "
        ".parquet, .arrow, .feather, .ipc, .npz\n",
        {"t.xlsx": "PK"},
    ),
    "a column of another spelling": Case(
        ("commit", "DIR/new.csv", "--target", "Sick", "--out", "DIR/new"),
        "error: DIR/new.csv: line 1: there is no column 'Sick'; did you mean 'sick'?\n",
        {"new.csv": HEAD + ROWS},
    ),
    "an id twice": Case(
        COMMIT,
        "error: DIR/new.csv: line 4, column 'name': id 'a' is also that of line 2; where one person may have several "
        'rows, say rows_per_id="many" (--several-rows-per-id)\n',
        {"new.csv": HEAD + ROWS + "a,20,60,no\n"},
    ),
    "ids that a spreadsheet spoilt": Case(
        COMMIT,
        "error: DIR/new.csv: line 2, column 'name': '2e+16' is an id that a tool has turned into a float; export the "
        "column as text\n",
        {"new.csv": HEAD + "2e+16,30,70,no\n3e+16,40,80,yes\n"},
    ),
}
OF_LISTS = {
    "an id that is nobody's": Case((*PROVE, "--forget", "nobody"), "error: id 'nobody' is not in the data set\n"),
    "another form of an id": Case(
        (*PROVE, "--forget", "żółć 07 "),
        "error: id 'żółć 07' (only the form differs from '\\u017b\\xf3\\u0142\\u0107 07': capitals) is not in the data "
        "set\n",
    ),
    "a list with comments": Case(
        LISTED,
        "error: DIR/list.txt: 3 ids are not in the data set: 'nobody', 'somebody', 'anybody'\n",
        {"list.txt": f"# asked in May\n\nnobody\n{FORGOTTEN_ID}\nsomebody\nanybody\n"},
    ),
    "more than fifty": Case(
        LISTED,
        f"error: DIR/list.txt: 51 ids are not in the data set: {FIFTY}, ...\n",
        {"list.txt": "".join(f"nobody {n}\n" for n in range(51))},
    ),
    "a list without ids": Case(LISTED, "error: DIR/list.txt: there is no id in it\n", {"list.txt": "# nobody\n\n"}),
    "a table as a list": Case(
        (*PROVE, "--forget-file", "DIR/list.csv"),
        "error: DIR/list.csv: 2 ids are not in the data set: 'who,when', 'nobody,1'; of a CSV say which column has the "
        "ids\n",
        {"list.csv": "who,when\nnobody,1\n"},
    ),
    "a table of Parquet as a list": Case(
        (*PROVE, "--forget-file", "DIR/list.parquet"),
        "error: DIR/list.parquet: a table; say which column has the ids\n",
        {"list.parquet": packed(pyarrow.parquet.write_table)},
    ),
    "nobody in a list of Parquet": Case(
        (*PROVE, "--forget-file", "DIR/list.parquet", "--forget-column", "name"),
        "error: DIR/list.parquet: 2 ids are not in the data set: 'a', 'b'\n",
        {"list.parquet": packed(pyarrow.parquet.write_table)},
    ),
    "numbers in a list of Arrow": Case(
        (*PROVE, "--forget-file", "DIR/list.feather", "--forget-column", "age"),
        "error: DIR/list.feather: row 1, column 'age': a float is not an id; use integers or texts (a missing one "
        "makes pandas' integers floats)\n",
        {"list.feather": packed(pyarrow.feather.write_feather)},
    ),
    "another column of a list": Case(
        (*PROVE, "--forget-file", "DIR/list.csv", "--forget-column", "Who"),
        "error: DIR/list.csv: there is no column 'Who'; did you mean 'who'?\n",
        {"list.csv": "who,when\nnobody,1\n"},
    ),
    "an empty id in a list": Case(
        (*PROVE, "--forget-file", "DIR/list.csv", "--forget-column", "who"),
        "error: DIR/list.csv: line 3, column 'who': the id is empty\n",
        {"list.csv": "who,when\nnobody,1\n,2\n"},
    ),
    "a list of which some are skipped": Case(
        (*LISTED, "--skip-unknown"),
        "  never in    1 id left out when the data were committed: 'Zoe 90'\n"
        "  SKIPPED     2 ids not in the data set: 'nobody', 'ŻÓłć 08' (only the form differs from\n"
        "              '\\u017b\\xf3\\u0142\\u0107 08': capitals)\n"
        f"  repeated    1 id more than once in the list: '{FORGOTTEN_ID}'\n"
        "  spelled     1 id in another form: 'Z\u0307o\u0301łc\u0301 09' is 'Żółć 09'\n",
        {"list.txt": f"nobody\n{FORGOTTEN_ID}\nZoe 90\n{FORGOTTEN_ID}\nŻÓłć 08\n{NFD}\n"},
        code=0,
    ),
}
CASES = {**OF_FILES, **OF_TABLES, **OF_LISTS}


@pytest.fixture(scope="module")
def folder(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With somebody who was left out."""
    own = Path(shutil.copytree(made, tmp_path_factory.mktemp("golden") / "owner"))
    left_out = LeftOut.of(["Zoe 90", "Zoe 91"], ())
    assert left_out is not None
    digest = zu.DatasetCommitment.load(own / "data" / "dataset.commitment").digest
    (own / "data" / LEFT_OUT_FILE).write_bytes(left_out.content(digest))
    return own


@pytest.mark.parametrize("what", CASES)
def test_a_message_is_this_one(what: str, folder: Path) -> None:
    case = CASES[what]
    for name, content in case.files.items():
        data = content(folder) if callable(content) else content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(data)
    result = run(*(part.replace("DIR/", f"{folder}/") for part in case.command))
    said = (result.stdout + result.stderr).replace(str(folder), "DIR")
    assert result.exit_code == case.code, said
    assert said == case.said if case.code else case.said in said


def test_a_compiler_that_can_keep_nothing_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "are_kept", lambda: False)
    monkeypatch.setattr(kernels, "is_warm", lambda: True)
    said = "note: compiled kernels cannot be kept: set NUMBA_CACHE_DIR to a folder that can be written to\n"
    assert run("warm-up").stderr == said


X = np.linspace(0, 1, 12).reshape(6, 2)
Y = [0, 1, 0, 1, 1, 0]
OF_PYTHON: dict[str, tuple[Callable[[], object], str]] = {
    "bfloat16 labels": (
        lambda: zu.commit(X, torch.tensor(Y, dtype=torch.bfloat16)),
        "label: a Tensor is no array that numpy can hold",
    ),
    "a sparse matrix beyond memory": (
        lambda: zu.commit(scipy.sparse.csr_array((3, 5)), Y),
        "X: a sparse csr_array of 15 cells, of which at most 8 are taken",
    ),
    "a missing label": (
        lambda: zu.commit(pd.DataFrame(X), pd.Series([0, 1, None, 1, 1, 0], dtype="Int64"), label_name="sick"),
        "row 3, column 'sick': the label is missing; leave such rows out, and say so by left_out_ids",
    ),
    "a missing cell": (
        lambda: zu.commit(pd.DataFrame({"age": [1, None, 2, 3, 4, 5]}, dtype="Int64"), Y),
        "row 2, column 'age': the cell is empty; declare in bounds what they count as (\"missing\": ..), or leave such "
        "rows out, and say so by left_out_ids",
    ),
    "missing cells of an array": (
        lambda: zu.commit(np.where(X > 0.8, np.nan, X), [0, 1, 0, np.nan, 1, 0], label_name="sick"),
        "row 4, column 'sick': the label is missing; of 6 rows values are missing: 2 in 'x2', 1 in 'x1', 1 in 'sick'; "
        'declare in bounds what they count as ("missing": ..), or leave such rows out, and say so by left_out_ids',
    ),
    "a row without an id": (lambda: zu.commit(X, Y, ["a", "b", None, "d", "e", "f"]), "row 3: the id is empty"),
    "a text of a frame": (
        lambda: zu.commit(pd.DataFrame({"city": ["LA"] * 6}), Y),
        "row 1, column 'city': 'LA' is a text, not a number; its column has texts, which are ids, or nothing to learn "
        "from: leave them out",
    ),
}


@pytest.mark.parametrize("what", OF_PYTHON)
def test_a_message_in_python_is_this_one(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    call, said = OF_PYTHON[what]
    monkeypatch.setattr(cells, "MOST_DENSE", 8)
    with pytest.raises(zu.DataError) as refused:
        call()
    assert str(refused.value) == said


def test_a_data_set_that_would_be_copied_with_its_budget_is_refused(folder: Path) -> None:
    dataset = zu.load_dataset(folder / "data")
    with pytest.raises(zu.ParameterError) as refused:
        pickle.dumps(dataset)
    assert str(refused.value) == (
        "a Dataset cannot be copied: each copy would count openings for itself; save it, and load it where it is needed"
    )
    assert pickle.loads(pickle.dumps(zu.TrainingProof.load(folder / "first.proof"))).digest
