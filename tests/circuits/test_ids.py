"""Ids: one text for each, whatever it comes from; what has none is refused, and the message says what to do."""

from __future__ import annotations

import datetime
import unicodedata

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.circuits.statements.ids import identify
from zkunlearn.errors import DataError

NFC, NFD = "Zo\u00eb", "Zoe\u0308"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("anna", "anna"),
        (np.str_("anna"), "anna"),
        (3, "3"),
        (-3, "-3"),
        (np.int64(3), "3"),
        (np.uint8(3), "3"),
        ("007", "007"),
        (NFC, NFC),
        (NFD, NFC),
        ("a b, c", "a b, c"),
        ("# 5", "# 5"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
        ("Ann\u00a0Lee", "Ann\u00a0Lee"),
    ],
)
def test_texts_and_integers_are_ids(value: object, text: str) -> None:
    found = identify(value)
    assert (found, type(found)) == (text, str)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "a bool is not an id; use a text or an integer"),
        (np.bool_(True), "bool is not an id"),
        (3.0, "a float is not an id; use integers or texts"),
        (np.float64(3), "a float64 is not an id"),
        (np.float32(3), "a float32 is not an id"),
        (float("nan"), "the id is empty"),
        (None, "the id is empty"),
        (pd.NA, "the id is empty"),
        (pd.NaT, "the id is empty"),
        (np.ma.masked, "the id is empty"),
        (b"anna", "a bytes is not an id; decode it"),
        (np.bytes_(b"anna"), "decode it"),
        (torch.tensor(3), "a Tensor is not an id; use .tolist()"),
        (np.array(3), "a ndarray is not an id; use .tolist()"),
        (["anna"], "a list is not an id"),
        (datetime.date(2020, 1, 1), "a date is not an id; use a text"),
        (np.datetime64("2020-01-01"), "a datetime64 is not an id"),
        (1j, "a complex is not an id"),
        ("", "the id is empty"),
        (" \u00a0", "the id is empty"),
        ("anna\u00a0lee\x00", r"'anna\xa0lee\x00'"),
        ("a\nb", r"line break in it, where a list has one id a line: 'a\nb'"),
        ("a\rb", "line break"),
        ("a\x00b", r"control characters in it: 'a\x00b'"),
        ("a\tb", "control characters"),
        ("a\u2028b", "control characters"),
        ("\ufeffa", "control characters"),
        ("a\ud800", r"the id is not Unicode text: 'a\ud800'"),
        ("a" * 1025, "more than 1024 characters"),
        (10**1024, "more than 1024 characters"),
        pytest.param(10**5000, "more than 1024 characters", id="of more digits than Python writes"),
    ],
)
def test_what_no_forget_list_could_name_is_no_id(value: object, words: str) -> None:
    with pytest.raises(DataError) as caught:
        identify(value)
    assert words in str(caught.value)
    assert str(caught.value).isprintable()


@given(st.text(max_size=8))
def test_a_text_that_is_taken_survives_a_line_of_a_file_and_is_its_own_id(text: str) -> None:
    try:
        name = identify(text)
    except DataError:
        return
    assert name == unicodedata.normalize("NFC", text).strip()
    assert identify(name) == name
    assert (name + "\n").encode().decode("utf-8-sig").splitlines()[0].strip() == name
