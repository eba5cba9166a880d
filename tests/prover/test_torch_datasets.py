"""Data sets of torch: what their items are is committed, and an odd item is named by its index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
import zkunlearn as zu
from torch.utils import data
from zkunlearn.errors import DataError, ParameterError
from zkunlearn.prover.tables import torch_datasets
from zkunlearn.prover.tables.torch_datasets import from_torch

X = np.round(np.random.default_rng(8).uniform(-1, 1, (12, 3)), 3)
Y = (np.arange(12) % 2).tolist()
TENSORS: Any = torch.tensor(X), torch.tensor(Y)
BOUNDS: Any = {f"x{k}": (-1, 1) for k in (1, 2, 3)}


class Items(data.Dataset):
    """Whatever there is in a list."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __getitem__(self, index: int) -> Any:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)


class Endless(data.IterableDataset):
    def __iter__(self) -> Iterator[Any]:
        while True:
            yield [0.0], 1


class Unsized(data.Dataset):
    def __getitem__(self, index: int) -> Any:
        return [0.0], 1


def items(*others: list[Any]) -> list[Any]:
    return list(zip(X, *others, strict=True))


def test_a_data_set_is_committed_with_its_labels_and_ids() -> None:
    found = zu.commit(Items(items(Y, [f"p{n}" for n in range(12)])), bounds=BOUNDS, openings=4)
    plain = zu.commit(X, Y, [f"p{n}" for n in range(12)], bounds=BOUNDS, openings=2)
    assert found.statement.encoding == plain.statement.encoding and {*found.ids} == {*plain.ids}
    assert sorted(map(tuple, found.rows.by_feature.T.tolist())) == sorted(map(tuple, plain.rows.by_feature.T.tolist()))
    grown, link = zu.append(found, data.TensorDataset(TENSORS[0][:2], torch.tensor([0, 1]), torch.tensor([70, 71])))
    assert link.statement.added == 2 and grown.ids[-2:] in (("70", "71"), ("71", "70"))


@pytest.mark.parametrize(
    "whole",
    [
        data.TensorDataset(*TENSORS),
        Items(items(Y)),
        Items([[torch.tensor(x, dtype=torch.float64), torch.tensor(y)] for x, y in items(Y)]),
        Items([(x.tolist(), np.int64(y)) for x, y in items(Y)]),
        data.ConcatDataset([Items(items(Y)[:5]), data.TensorDataset(TENSORS[0][5:], TENSORS[1][5:])]),
        data.StackDataset(TENSORS[0], TENSORS[1]),
    ],
    ids=lambda own: type(own).__name__,
)
def test_every_map_style_data_set_gives_the_arrays_that_its_items_are(whole: Any) -> None:
    places: Any = torch.tensor([3, 0, 7])
    features, labels, ids = from_torch(whole, None, None)
    assert np.asarray(features).tolist() == X.tolist() and np.asarray(labels).tolist() == Y and ids is None
    features, labels, ids = from_torch(data.Subset(data.Subset(whole, range(2, 12)), places), None, None)
    assert np.asarray(features).tolist() == X[[5, 2, 9]].tolist() and np.asarray(labels).tolist() == [1, 0, 1]
    assert ids == [5, 2, 9], "as the rows of a filtered frame have its index"
    assert from_torch(data.Subset(whole, [1]), None, ["a"])[2] == ["a"]


def test_items_are_read_in_pieces_and_tensors_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_datasets, "PIECE_ROWS", 5)
    for count in (10, 12):
        found = from_torch(Items(items(Y)[:count]), None, None)[0]
        assert found.tolist() == X[:count].tolist()
    monkeypatch.setattr(data.TensorDataset, "__getitem__", None)
    assert from_torch(data.TensorDataset(*TENSORS, torch.arange(12)), None, None)[2] == list(range(12))
    assert from_torch(data.Subset(data.TensorDataset(*TENSORS, torch.arange(12)), [4, 3]), None, None)[2] == [4, 3]


def test_what_is_no_data_set_is_left_alone() -> None:
    assert from_torch(X, Y, None) == (X, Y, None)


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ([0.0, 0, 0], "X[2]: a list of 3, expected"),
        (([0.0, 0, 0],), "X[2]: a tuple of 1, expected (x, y) or (x, y, id)"),
        ({"x": [0, 0, 0], "y": 1}, "X[2]: a dict, expected (x, y) or (x, y, id)"),
        (([0.0, 0], 1), "X[2]: has 2 features and 2 parts, others 3 and 2"),
        (([0.0, 0, 0], 1, "p2"), "X[2]: has 3 features and 3 parts, others 3 and 2"),
        (([[0.0, 0, 0]], 1), "X[2]: x is float64 of shape (1, 3), expected numbers of shape (d,)"),
        ((0.5, 1), "X[2]: x is float64 of shape (), expected"),
        ((["a", "b", "c"], 1), "X[2]: x is <U1 of shape (3,), expected numbers"),
        (([0.0, None, 0], 1), "X[2]: x is object of shape (3,), expected numbers"),
        (([0.0, 1j, 0], 1), "X[2]: x is complex128 of shape (3,), expected numbers"),
        ((torch.zeros(3, dtype=torch.bfloat16), 1), "X[2]: a Tensor is no array that numpy can hold"),
        (([0.0, 0, 0], torch.tensor([1])), "X[2]: a label or id of shape (1,), expected one value"),
    ],
)
def test_an_odd_item_is_named_by_its_index(odd: Any, words: str) -> None:
    own = items(Y)
    own[2] = odd
    if words.startswith("X[2]: a list of 3"):  # a row in place of an item is one with a label of a row
        own[2] = [*odd, 0]
        words = "X[2]: a list of 4, expected"
    with pytest.raises(DataError) as refused:
        zu.commit(Items(own))
    assert words in str(refused.value)
    with pytest.raises(DataError) as refused:
        zu.commit(data.Subset(Items(own), [0, 2]))
    assert words in str(refused.value), "by the index in the whole data set"


def test_an_item_that_cannot_be_had_shows_nothing_of_the_data() -> None:
    class Broken(Items):
        def __getitem__(self, index: int) -> Any:
            if index == 3:
                raise KeyError("anna@example.org")
            return self.items[index]

    with pytest.raises(DataError) as refused:
        zu.commit(Broken(items(Y)))
    assert str(refused.value) == "X[3]: cannot be read (KeyError)"


@pytest.mark.parametrize(
    ("whole", "error", "words"),
    [
        (Endless(), DataError, "X: Endless: an iterable data set has no indices, and may not end; collect"),
        (data.DataLoader(Items(items(Y))), DataError, "X: a DataLoader hands out batches, maybe shuffled"),
        (Unsized(), DataError, "X: Unsized does not say how many items it has"),
        (Items([]), DataError, "X: Items has no items"),
        (data.TensorDataset(TENSORS[0]), DataError, "X: a TensorDataset of 1 tensors; its items must be (x, y)"),
        (data.TensorDataset(torch.zeros(12, 2, 2), TENSORS[1]), DataError, "the items' x have shape (2, 2)"),
        (data.Subset(Items(items(Y)), [0, 12]), DataError, "X: a Subset takes item 12 of 12"),
        (data.Subset(data.TensorDataset(*TENSORS), [0, -1]), DataError, "X: a Subset takes item -1 of 12"),
        (data.Subset(data.TensorDataset(*TENSORS), [0, 1, 0]), DataError, "id '0' is also that of row 1"),
        (data.TensorDataset(*TENSORS, torch.arange(12.0)), DataError, "row 1: a float is not an id"),
    ],
)
def test_what_has_no_items_to_commit_to_is_refused(whole: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error) as refused:
        zu.commit(whole)
    assert words in str(refused.value)


def test_labels_and_ids_are_said_once() -> None:
    with pytest.raises(ParameterError, match="y: the items of TensorDataset have labels"):
        zu.commit(data.TensorDataset(*TENSORS), Y)
    with pytest.raises(ParameterError, match="ids: the items of Items have them"):
        zu.commit(Items(items(Y, Y)), ids=Y)
    with pytest.raises(ParameterError, match="y: there are no labels"):
        zu.commit(X)
