"""Owners in whose data two rows have the same key. The check that refuses it is named, by both verifiers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.field.goldilocks import P
from zkunlearn.circuits.language import tables
from zkunlearn.circuits.language.layout import WITNESS, Address
from zkunlearn.circuits.relations import uniqueness
from zkunlearn.circuits.relations.dataset import key_addresses
from zkunlearn.circuits.relations.uniqueness import KEY_COUNTS
from zkunlearn.circuits.relations.validity import Validity
from zkunlearn.prover.owner.dataset import Dataset
from zkunlearn.verifier.protocol.proof import ProofShape

from ..reference import relations
from ..reference.examples import package_verdict
from . import growths
from .growths import Grown, edited
from .harness import FEATURES, ROWS, X_BITS, Columns, assert_caught, changed, lies_of, matrix_shape, prove, recount
from .harness import people as table
from .keyed import KEYS, committed, forged, keyed_columns, keys_of, limbs_of, mails, same_as_the_owners, verdict
from .test_padding import JunkProver, filled

SPEC: Any = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5, batch_size=4)
BORROW, SECOND = Address(WITNESS, "borrow 0"), 1 << 48  # the first key of the second word


@pytest.fixture(scope="module")
def people() -> Dataset:
    return committed(openings=20)


@pytest.fixture(scope="module")
def destroyed(people: Dataset) -> Grown:
    forgetting = zu.prove(people, SPEC, forget=["4"])
    return Grown(people, *zu.destroy(people, ["4"], forgotten_by=forgetting.proof))


def doubled(keys: list[int], one: int = 3, other: int = 8) -> list[int]:
    """One row has the key of another one."""
    return [keys[one] if n == other else key for n, key in enumerate(keys)]


def shape_of(keys: Any, limbs: int = 6) -> ProofShape:
    """Of a data set of the harness with these keys."""
    relation = Validity(len(keys), FEATURES, "binary", 1, X_BITS, key_limbs=limbs)
    return ProofShape(relation, {"dataset": matrix_shape("dataset", relation.columns["dataset"], 8)})


def columns_of(shape: ProofShape, keys: Any, order: Any = None, **changes: Any) -> Columns:
    X, y = table()
    return keyed_columns(shape, (X[: len(keys)], y[: len(keys)]), keys, order, **changes)


def test_honest_keys_are_valid(people: Dataset, destroyed: Grown) -> None:
    assert verdict(people.commitment) == "valid"
    for own in (people, destroyed.new):
        same, lies = forged(own, keys_of(own))
        assert verdict(same) == "valid" and not lies  # or the tests below would see nothing


@pytest.mark.parametrize(
    "keys",
    [
        [7], [1, 0], [0, 1, 2], [5 + P, 5, 5 + SECOND], [SECOND - 1, SECOND, 2**96 - 1], [2**95, 0, 2**95 - 1],
    ],
    ids=str,
)  # fmt: skip
def test_all_keys_that_differ_are_valid(keys: list[int]) -> None:
    """Also 5 and 5 + p, which are one element of the field; and those of one row, or two."""
    shape = shape_of(keys)
    relation: Any = shape.relation
    assert same_as_the_owners(relation.uniqueness, keys)
    outcome = prove(shape, columns_of(shape, keys))
    assert outcome.verdict() == "valid" and not outcome.prover.lies


# Two rows of one key -------------------------------------------------------------------------------------------------


def test_two_rows_of_one_key_are_rejected(people: Dataset) -> None:
    lying, lies = forged(people, doubled(keys_of(people)))
    assert (verdict(lying), set(lies)) == ("constraints", {"key order"})


def test_a_key_that_is_in_order_after_itself_is_rejected() -> None:
    """It is listed as often as it is there, which is all that a permutation asks."""
    keys = doubled([*KEYS])
    assert_caught(prove(shape_of(keys), columns_of(shape_of(keys), keys)), "key order")


@pytest.mark.parametrize("other", [0, SECOND])
def test_keys_in_order_that_are_not_those_of_the_rows_are_rejected(people: Dataset, other: int) -> None:
    """5, 5, 8 as 4, 5, 8: the key that is there twice is listed once, and another one in its place."""
    keys = doubled(keys_of(people))
    lying, lies = forged(people, keys, sorted({*keys, other}))
    assert (verdict(lying), set(lies)) == ("constraints", {"lookup sum"})


def test_no_count_makes_up_for_a_key_that_is_there_twice() -> None:
    """As it would, were it committed how often a key is in order: all counts that are, are of limbs."""
    keys = doubled([*KEYS])
    shape = shape_of(keys)
    columns = columns_of(shape, keys, sorted({*keys, 4}))
    counts = {column.name for column in shape.relation.columns[WITNESS] if column.axes[0].name == "section"}
    assert counts == {"range multiplicities", "feature range multiplicities", KEY_COUNTS.name}
    for place, more in ((4, 1), (int(limbs_of(keys)[0, 3]), -1)):
        value = int(columns[KEY_COUNTS][0, place]) + more
        assert lies_of(shape, changed(columns, KEY_COUNTS, (0, place), value)) == {"lookup sum"}


@pytest.mark.parametrize("place", [0, ROWS - 2])
def test_keys_that_are_not_in_order_are_rejected(people: Dataset, place: int) -> None:
    """Neither the first pair, nor the last one."""
    order = sorted(keys_of(people))
    order[place], order[place + 1] = order[place + 1], order[place]
    lying, lies = forged(people, keys_of(people), order)
    assert (verdict(lying), set(lies)) == ("constraints", {"key order"})


@pytest.mark.parametrize("borrow", [2, pow(1 << 15, -1, P), pow(1 << 48, -1, P)])
def test_a_borrow_that_is_neither_0_nor_1_is_rejected(people: Dataset, borrow: int) -> None:
    """2^-15 is in range when it is shifted, 2 when it is not; with 2^-48 the lowest word would fit."""
    keys, place = keys_of(people), ROWS - 2
    order = sorted(keys)
    keys[keys.index(order[place + 1])] = order[place]
    lying, lies = forged(people, keys, borrows={place: borrow})
    assert verdict(lying) == "constraints"
    assert lies >= {"lookup sum"}


def test_a_borrow_of_a_pair_that_needs_none_is_rejected(people: Dataset) -> None:
    order = sorted(keys_of(people))
    lying, lies = forged(people, keys_of(people), borrows={2: int(order[3] % SECOND > order[2] % SECOND)})
    assert (verdict(lying), set(lies)) == ("constraints", {"key order"})


@pytest.mark.parametrize(
    "column", ["sorted word 0", "sorted word 1", "gap limb 0", "gap limb 2", "gap limb 5", "borrow 0"]
)
@pytest.mark.parametrize("place", [0, ROWS - 1])
def test_every_cell_of_the_order_is_bound(column: str, place: int) -> None:
    """Also what is beside the last key, which has none after it."""
    shape = shape_of(KEYS)
    own, columns = Address(WITNESS, column), columns_of(shape, KEYS)
    lying = recount(shape.relation, changed(columns, own, (place,), int(columns[own][place]) ^ 1))
    assert lies_of(shape, lying) == {"key order", *(["lookup sum"] if column.startswith("sorted") else [])}


@pytest.mark.parametrize("limb", [0, 3, 5])
def test_a_limb_of_a_key_that_is_none_is_rejected(limb: int) -> None:
    """A limb of 2^16 is that of 0 with one more in the next one: two rows of one word would have two keys."""
    shape = shape_of(KEYS)
    columns = columns_of(shape, KEYS)
    assert_caught(prove(shape, changed(columns, key_addresses(6)[limb], (4,), 1 << 16)), "lookup sum")


@pytest.mark.parametrize("bits", [pytest.param(4, marks=pytest.mark.slow), 6])
def test_lookups_in_parts_say_the_same(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of more than 2^21 rows are: the limbs in several sections, the permutation in one."""
    monkeypatch.setattr(tables, "SECTION_BITS", bits)
    monkeypatch.setattr(relations, "MOST_LEAF_BITS", bits)
    own = committed(openings=2)
    assert len(own.statement.relation.sections) > 2
    assert verdict(own.commitment) == "valid"
    for keys, order, lie in (
        (doubled(keys_of(own)), None, "key order"),
        (doubled(keys_of(own)), sorted({*keys_of(own)}), "lookup sum"),
    ):
        lying, lies = forged(own, keys, order)
        assert (verdict(lying), set(lies)) == ("constraints", {lie})


# What words of four limbs would let through --------------------------------------------------------------------------


def test_words_of_four_limbs_would_let_7_9_7_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every difference modulo p is a number of 64 bits. With words of three limbs it is one of two words."""
    keys = [7, 9, 7]
    with monkeypatch.context() as patch:
        patch.setattr(uniqueness, "WORD_LIMBS", 4)
        broken = shape_of(keys, 4)
        assert lies_of(broken, columns_of(broken, keys, keys)) == set()
    shape = shape_of(keys, 4)
    assert lies_of(shape, columns_of(shape, keys, keys)) == {"key order"}


def test_words_of_four_limbs_would_take_5_and_5_plus_p_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [5, 5 + P]
    with monkeypatch.context() as patch:
        patch.setattr(uniqueness, "WORD_LIMBS", 4)
        broken = shape_of(keys, 4)
        columns = columns_of(broken, [5, 5], [5, 6])
        assert lies_of(broken, columns) == {"lookup sum"}
        alias = dict(zip(key_addresses(4), limbs_of(keys, 4).astype(np.uint64), strict=True))
        words = {name: columns_of(broken, keys, keys)[name] % P for name in columns if name.name.startswith("sorted")}
        assert len({int(x) for own in words.values() for x in own}) == 1  # both keys are one word
        assert {*alias} <= {*columns}
    shape = shape_of(keys, 4)
    assert lies_of(shape, columns_of(shape, keys)) == set()


# Holes, and links ----------------------------------------------------------------------------------------------------


def test_the_key_of_a_destroyed_row_is_no_key(destroyed: Grown) -> None:
    """It is zeros, it may be there again, and it is not among those in order."""
    own, (hole,) = destroyed.new, destroyed.new.statement.holes
    keys, gone = keys_of(own), keys_of(destroyed.old)[hole]
    assert keys[hole] == 0
    other = (hole + 1) % ROWS
    again, lies = forged(own, [gone if n == other else key for n, key in enumerate(keys)])
    assert verdict(again) == "valid" and not lies
    order = sorted(key for n, key in enumerate(keys) if n != other)  # with 0 in the place of somebody's
    assert len(order) == ROWS - 1
    lying, lies = forged(own, keys, order)
    assert (verdict(lying), set(lies)) == ("constraints", {"lookup sum"})


def test_two_rows_of_one_key_are_rejected_beside_a_hole(destroyed: Grown) -> None:
    own, (hole,) = destroyed.new, destroyed.new.statement.holes
    one, other = [n for n in range(3) if n != hole][:2]
    lying, lies = forged(own, doubled(keys_of(own), one, other))
    assert (verdict(lying), set(lies)) == ("constraints", {"key order"})


def test_a_hole_keeps_no_limb_of_a_key_and_no_other_row_loses_one(destroyed: Grown) -> None:
    (hole,) = destroyed.new.statement.holes
    for limb in range(6):
        for row in (hole, (hole + 1) % ROWS):
            value = int(destroyed.new.rows.keys[limb, row]) ^ 1
            lying, lies = growths.forged(destroyed, edited(destroyed.new.rows, "keys", (limb, row), value))
            assert lies == {"destruction"}
        if limb == 5:
            assert growths.verdict(lying) == "constraints"


@pytest.mark.parametrize("added", [0, 2])
def test_old_rows_keep_their_keys(people: Dataset, added: int) -> None:
    """When others are added, and when they are committed afresh."""
    X, y = growths.more(added)
    options: Any = {"ids": [f"new {n}" for n in range(added)], "unique": {"mail": mails(added, after=ROWS)}}
    own = Grown(people, *(zu.append(people, X, y, **options) if added else zu.recommit(people)))
    assert growths.verdict(own.link) == "valid" and verdict(own.new.commitment) == "valid"
    for limb in (0, 5):
        value = int(own.new.rows.keys[limb, 6]) ^ 1
        lying, lies = growths.forged(own, edited(own.new.rows, "keys", (limb, 6), value))
        assert lies == {"growth" if added else f"recommitment of key limb {limb}"}
    assert growths.verdict(lying) == "constraints"


def test_a_copy_of_a_forgotten_row_cannot_be_added_under_another_id(people: Dataset) -> None:
    """Not by the owner's program; and a link to it leads to a data set that is not valid."""
    X, y = growths.more(1)
    forgotten = people.ids.index("7")
    with pytest.raises(zu.DataError, match="has the key of id '7', which is in the data set, in 'mail'"):
        zu.append(people, X, y, ids=["somebody"], unique={"mail": [mails(ROWS)[6]]})
    honest, link = zu.append(people, X, y, ids=["somebody"], unique={"mail": ["somebody@example.org"]})
    lying, lies = forged(honest, doubled(keys_of(honest), forgotten, ROWS))
    assert (verdict(lying), set(lies)) == ("constraints", {"key order"})


def test_a_data_set_says_that_it_is_unique_exactly_if_it_names_keys(people: Dataset) -> None:
    own, encoding = people.statement, people.statement.encoding
    for claims in ({"unique": False}, {"encoding": replace(encoding, keys=())}):
        assert verdict(zu.DatasetCommitment(replace(own, **claims), people.commitment.proof)) == "format"
    plain = replace(own, unique=False, encoding=replace(encoding, keys=()))
    assert verdict(zu.DatasetCommitment(plain, people.commitment.proof)) == "proof length"
    other = replace(own, encoding=replace(encoding, keys=("id",)))
    assert verdict(zu.DatasetCommitment(other, people.commitment.proof)) == "constraints"


def test_keys_do_not_appear_and_disappear_in_links(people: Dataset) -> None:
    own = Grown(people, *zu.recommit(people, 4))
    encoding = replace(people.statement.encoding, keys=())
    for claims in ({"encoding": encoding, "unique": False}, {"encoding": replace(encoding, keys=("phone",))}):
        assert growths.verdict(growths.claiming(own.link, **claims)) == "statement"


def test_more_rows_than_one_section_holds_are_refused_by_name(people: Dataset) -> None:
    most = 1 << 23
    segment = replace(people.statement.segments[0], stop=most)
    large = replace(people.statement, rows=most, segments=(segment,))
    large.require_provable()
    more = replace(large, rows=most + 1, segments=(replace(segment, stop=most + 1),))
    with pytest.raises(zu.ParameterError, match="unique: 8,388,609 rows, at most 8,388,608 can be told apart"):
        more.require_provable()
    assert verdict(zu.DatasetCommitment(more, b"")) == "statement"
    assert package_verdict(lambda: zu.verify_dataset(zu.DatasetCommitment(large, b""))) == "proof length"


# Padding -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wide() -> tuple[ProofShape, Columns]:
    shape = shape_of(KEYS)
    return shape, filled(shape, columns_of(shape, KEYS))


@pytest.mark.parametrize("name", ["key limb 0", "key limb 5", "sorted word 0", "sorted word 1"])
def test_junk_beside_keys_and_beside_their_order_proves_the_same(wide: Any, name: str) -> None:
    shape, columns = wide
    (own,) = (column for column in columns if column.name == name)
    junk = columns[own].copy()
    assert junk.size > ROWS
    junk[ROWS:] = np.arange(1, junk.size - ROWS + 1) * 0x123456789
    assert lies_of(shape, columns | {own: junk}, JunkProver) == set()


@pytest.mark.parametrize("name", ["gap limb 0", "gap limb 4", "borrow 0"])
def test_junk_beside_what_keys_are_above_each_other_spoils_its_proof(wide: Any, name: str) -> None:
    shape, columns = wide
    junk = columns[Address(WITNESS, name)].copy()
    junk[ROWS] = 3  # with 1 a denominator would be 0
    assert lies_of(shape, columns | {Address(WITNESS, name): junk}, JunkProver) == {"key order"}
