"""Keys of rows, and what proves that they are all different, against plain Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pyarrow
import pyarrow.feather
import pyarrow.parquet
import pytest
import zkunlearn as zu
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.circuits.field.goldilocks import K
from zkunlearn.circuits.language import tables
from zkunlearn.circuits.language.layout import WITNESS
from zkunlearn.circuits.language.relation import LookupBox
from zkunlearn.circuits.relations.dataset import KEY_LIMBS, key_addresses
from zkunlearn.circuits.relations.uniqueness import KEYS, LISTED, SORTED, Uniqueness
from zkunlearn.circuits.relations.validity import Validity
from zkunlearn.circuits.statements.keys import key_of
from zkunlearn.models.encoding.dataset import DatasetEncoding
from zkunlearn.prover.matrices.values import Columns, column_axes, in_field
from zkunlearn.prover.protocol.lookup import build_trees, permuted_leaves
from zkunlearn.prover.tables.keys import RowKeys, first_repeated, require_distinct, row_keys
from zkunlearn.prover.tables.read import read_more_rows, read_table
from zkunlearn.prover.witnesses.uniqueness import uniqueness_witness
from zkunlearn.verifier.protocol.lookup import Keys, instances

from ..attacks.keyed import limbs_of, order_columns
from ..leaves import written_out
from ..reference.records import key_of as plain_key
from .test_listed_leaves import cube

WORDS = st.sampled_from([0, 1, 2**16 - 1, 2**16, 2**47, 2**48 - 2, 2**48 - 1]) | st.integers(0, 2**48 - 1)
INTEGERS = st.builds(lambda low, high: low + (high << 48), WORDS, WORDS)
DISTINCT = st.lists(INTEGERS, min_size=1, max_size=9, unique=True)
TEXTS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=70)
CHALLENGES = Keys(K(0x123456789ABCDEF0, 0x0FEDCBA987654321), K(0x7654321076543210, 0x89ABCDEF01234567), 2)


@given(DISTINCT, st.data())
def test_the_owner_sorts_keys_as_integers_are(keys: list[int], data: st.DataObject) -> None:
    """Without those of destroyed rows."""
    holes = data.draw(st.sets(st.integers(0, len(keys) - 1), max_size=len(keys) - 1).map(sorted))
    relation = Uniqueness(len(keys), KEY_LIMBS, tuple(holes))
    columns = uniqueness_witness(relation, limbs_of(keys)).columns
    expected = order_columns(relation, sorted(key for n, key in enumerate(keys) if n not in holes))
    for name, cells in expected.items():
        found: Any = columns[name]
        assert in_field(found).tolist() == cells.tolist()
    assert {column.name for column in relation.columns} == {name.name for name in columns if name.matrix == WITNESS}


@pytest.mark.parametrize("holes", [(), (0,), (3, 12)])
def test_leaves_of_the_permutation_are_those_of_the_definition(holes: tuple[int, ...]) -> None:
    """And the fractions of both boxes add up to 0."""
    rng = np.random.default_rng(1)
    limbs = rng.integers(0, 1 << 16, (KEY_LIMBS, 13), dtype=np.uint16)
    relation = Validity(13, 2, "binary", 1, 10, holes, KEY_LIMBS)
    assert relation.uniqueness is not None
    values: Any = {
        **dict(zip(key_addresses(KEY_LIMBS), limbs, strict=True)),
        **uniqueness_witness(relation.uniqueness, limbs).columns,
    }
    whole = {name: in_field(np.asarray(cells)) for name, cells in values.items()}
    (section,) = relation.uniqueness.sections
    total = K(0)
    for tree in instances(section):
        if not isinstance(tree.source, LookupBox) or tree.source.name not in (LISTED, SORTED):
            continue
        columns = Columns(column_axes(relation), values)
        leaves = permuted_leaves(CHALLENGES, section, tree, columns)
        for found, expected in zip(cube(leaves), cube(written_out(CHALLENGES, section, tree, whole)), strict=True):
            assert np.array_equal(found, expected)
        ((n, d),) = build_trees(section, [tree], CHALLENGES, columns, {}).roots
        total = total + n * d.inverse()
    assert total == K(0)


@pytest.mark.parametrize("bits", [4, 6, 24])
def test_the_permutation_is_in_one_section_however_lookups_are_cut(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "SECTION_BITS", bits)
    sections = Uniqueness(13, KEY_LIMBS, (4,)).sections
    assert len(sections) == {4: 7, 6: 2, 24: 1}[bits]
    permuted = [box for section in sections for box in section.boxes if box.lookups[0].table == KEYS.name]
    assert [box.sign for box in permuted] == [1, -1] and {*permuted} <= {*sections[0].boxes}
    assert [section.permutations for section in sections] == [(KEYS,), *[()] * (len(sections) - 1)]
    assert [section.width for section in sections] == [2, *[1] * (len(sections) - 1)]
    ranged = [box for section in sections for box in section.boxes if box not in permuted]
    cells = sum(int(box.indicator.table().sum()) * len(box.lookups) for box in ranged)
    assert cells == 12 * KEY_LIMBS + 12 * (KEY_LIMBS + 2)


# Keys from tables ----------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=9, unique_by=lambda own: tuple(map(str, plain_key(own)))))
def test_keys_of_a_table_are_those_of_each_row(rows: list[tuple[str, str]]) -> None:
    keys = row_keys({"a": [a for a, _ in rows], "b": [b for _, b in rows]})
    assert [tuple(own) for own in keys.limbs.T.tolist()] == [key_of(row) for row in rows]
    assert [list(key_of(row)) for row in rows] == [plain_key(row) for row in rows]


def test_columns_do_not_run_into_each_other() -> None:
    assert len({key_of(row) for row in (["ab", "c"], ["a", "bc"], ["abc", "x"], ["c", "ab"], ["abc"])}) == 5


def test_a_key_is_a_text_as_an_id_is() -> None:
    """An integer is its decimal; accents and white space at the ends are one in all spellings; 01 is not 1."""
    assert key_of([17]) == key_of(["17"]) == key_of([np.int64(17)]) != key_of(["017"])
    assert key_of(["\u00e9"]) == key_of(["e\u0301"]) == key_of([" \u00e9"])
    for value in (1.0, None, True, "", " ", b"1"):
        with pytest.raises(zu.DataError, match="id"):
            key_of([value])


@given(st.lists(st.integers(0, 12), max_size=12))
def test_the_first_row_that_repeats_a_key_is_found(numbers: list[int]) -> None:
    """With the row that it repeats."""
    found = first_repeated(limbs_of([n << 44 for n in numbers])) if numbers else None
    again = [(numbers.index(n), row) for row, n in enumerate(numbers) if numbers.index(n) < row]
    assert found == (again[0] if again else None)


def test_a_double_is_named_by_rows_or_by_lines() -> None:
    keys = RowKeys(("a", "b"), limbs_of([7, 8, 7]))
    with pytest.raises(zu.DataError, match=r"^row 3: is the same as row 1 in 'a', 'b', in which no two rows may be$"):
        require_distinct(keys)
    with pytest.raises(zu.DataError, match=r"^row 3: is the same as line 11 in") as caught:
        require_distinct(keys, [11, 12, 15])
    assert caught.value.row == 2 and caught.value.found is None


ROWS = 6
FEATURES = {"x": np.linspace(-1, 1, ROWS), "z": np.linspace(0, 2, ROWS)}
KEYED: dict[str, Any] = {"no": list(range(ROWS)), "mail": [f"a{n}" for n in range(ROWS)]}
FRAMES: dict[str, Callable[[Any], Any]] = {"pandas": pandas.DataFrame, "pyarrow": pyarrow.table}


@pytest.mark.parametrize("kind", FRAMES)
def test_columns_of_a_frame_that_are_unique_are_no_features(kind: str) -> None:
    frame = FRAMES[kind]({**FEATURES, **KEYED})
    own = zu.commit(frame, np.arange(ROWS) % 2, unique=["mail", "no"], openings=4)
    assert own.statement.encoding.names == ("x", "z") and own.statement.encoding.keys == ("mail", "no")
    apart = zu.commit(np.stack([*FEATURES.values()], axis=1), np.arange(ROWS) % 2, unique=KEYED, openings=2)
    assert apart.statement.encoding.keys == ("no", "mail")
    for dataset, names in ((own, ("mail", "no")), (apart, ("no", "mail"))):
        at = [int(name) - 1 for name in dataset.ids]
        expected = [key_of([KEYED[name][n] for name in names]) for n in at]
        assert [tuple(key) for key in dataset.rows.keys.T.tolist()] == expected
    more = FRAMES[kind]({name: [values[0]] for name, values in FEATURES.items()} | {"no": [7], "mail": ["b"]})
    grown, _ = zu.append(own, more, [1])
    assert tuple(grown.rows.keys[:, ROWS].tolist()) == key_of(["b", 7])


@pytest.mark.parametrize(
    ("unique", "error", "reason"),
    [
        (["no"], zu.ParameterError, "X has no names of columns"),
        ({}, zu.ParameterError, "no column is named"),
        ({"no": [1]}, zu.DataError, f"unique: 1 keys, but {ROWS} rows"),
        ({"no": [1], "mail": [1, 2]}, zu.DataError, "unique: columns of 1 and 2 rows"),
        ({"no": [1.5] * ROWS}, zu.DataError, "row 1, column 'no': no key: a float is not an id"),
        ({"x1": KEYED["no"]}, zu.ParameterError, "keys: two columns have the same name"),
        ({"label": KEYED["no"]}, zu.ParameterError, "two columns have the same name"),
        ("no", zu.DataError, "unique: one str, where a list is needed"),
    ],
)
def test_what_are_no_keys_is_refused(unique: Any, error: Any, reason: str) -> None:
    with pytest.raises(error, match=reason):
        zu.commit(np.stack([*FEATURES.values()], axis=1), np.arange(ROWS) % 2, unique=unique)


def test_rows_that_are_added_have_the_same_keys() -> None:
    X, y = np.stack([*FEATURES.values()], axis=1), np.arange(ROWS) % 2
    own, plain = zu.commit(X, y, unique=KEYED, openings=4), zu.commit(X, y, openings=4)
    with pytest.raises(zu.ParameterError, match="the keys of this data set are 'no', 'mail'"):
        zu.append(own, X[:1], y[:1], unique={"no": [9]})
    with pytest.raises(zu.ParameterError, match="rows of this data set have no keys"):
        zu.append(plain, X[:1], y[:1], unique={"no": [9]})
    with pytest.raises(zu.ParameterError, match="by its keys no two rows of this data set are of one person"):
        zu.append(own, X[:1], y[:1], unique={"no": [9], "mail": ["b"]}, rows_per_id="many")
    with pytest.raises(zu.DataError, match="row 2: has the key of id '3', which is in the data set"):
        zu.append(own, X[:2], y[:2], ids=["a", "b"], unique={"mail": ["b", "a2"], "no": [9, 2]})


def write_tables(folder: Path, mails: list[str]) -> list[Path]:
    """One table as each kind of file."""
    paths = [folder / name for name in ("t.csv", "t.parquet", "t.npz", "t.arrow")]
    columns = {"no": KEYED["no"], "mail": mails, "x": FEATURES["x"].tolist(), "y": [0, 1] * (ROWS // 2)}
    rows = zip(*columns.values(), strict=True)
    paths[0].write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n")
    pyarrow.parquet.write_table(pyarrow.table(columns), paths[1])
    arrays: dict[str, Any] = {name: np.array(columns[name]) for name in ("no", "mail", "y")}
    np.savez(paths[2], X=FEATURES["x"][:, None], **arrays)
    pyarrow.feather.write_feather(pyarrow.table(columns), paths[3])
    return paths


def test_every_kind_of_table_has_the_same_keys(tmp_path: Path) -> None:
    for path in write_tables(tmp_path, KEYED["mail"]):
        table = read_table(path, "y", unique=["mail", "no"])
        assert table.keys is not None and table.keys.names == ("mail", "no") and len(table.names) == 1
        expected = [key_of([KEYED["mail"][n], n]) for n in range(ROWS)]
        assert [tuple(own) for own in table.keys.limbs.T.tolist()] == expected
        assert read_table(path, "y", "no", unique=["no", "mail"]).ids == tuple(map(str, range(ROWS)))
        encoding = DatasetEncoding.from_data(table.X, table.y, table.names, keys=["mail", "no"])
        more = read_more_rows(path, encoding, "y")
        assert more.keys is not None and np.array_equal(more.keys.limbs, table.keys.limbs)


def test_a_double_is_refused_in_every_kind_of_table(tmp_path: Path) -> None:
    for path, places in zip(
        write_tables(tmp_path, ["a", "b", "c", "d", "b", "e"]),
        [("line 6", "line 3"), *[("row 5", "row 2")] * 3],
        strict=True,
    ):
        reason = f"{path.name}: {places[0]}: is the same as {places[1]} in 'mail', in which no two rows may be"
        with pytest.raises(zu.DataError, match=reason):
            read_table(path, "y", "no", unique=["mail"])
