"""Lists of requests as people keep them, and instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.errors import DataError
from zkunlearn.prover.certificates.requests import read_requests
from zkunlearn.verifier.certificates.requests import DeletionRequest, instant, written_instant

WHEN = "2026-11-30T12:00:00Z"


def read(folder: Path, text: str) -> tuple[DeletionRequest, ...]:
    (folder / "requests.csv").write_text(text, encoding="utf-8")
    return read_requests(folder / "requests.csv", WHEN)


def test_a_list_is_read_and_what_is_empty_is_filled_in(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "\ufeffreceived_at,reference,due_at,completed_at\r\n"
        '2026-11-01T09:00:00Z,"A, 1",,\r\n\r\n'
        "2026-11-01T09:00:00+02:00,B,2026-12-01T00:00:00Z,2026-11-29T08:00:00Z\r\n",
    )
    assert found == (
        DeletionRequest("A, 1", "2026-11-01T09:00:00Z", WHEN),
        DeletionRequest("B", "2026-11-01T09:00:00+02:00", "2026-11-29T08:00:00Z", "2026-12-01T00:00:00Z"),
    )
    assert not found[1].late and DeletionRequest("C", WHEN, WHEN, WHEN).late is False
    assert DeletionRequest("D", "2026-11-01T00:00:00Z", WHEN, "2026-11-30T12:59:59+01:00").late


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("reference\nA\n", "line 1: no column 'received_at'"),
        ("reference,received_at,name\n", "line 1: column 'name': the heading names"),
        ("reference,received_at,reference\n", "line 1: a column twice"),
        (f"reference,received_at\nA,{WHEN},x\n", "line 2: 3 cells under 2 columns"),
        ("reference,received_at\nA,2026-11-30\n", "line 2: received_at: '2026-11-30' is no instant with a zone"),
        ("reference,received_at\nA,2026-11-30T12:00:01Z\n", "line 2: request 'A': completed before"),
        (f"reference,received_at\nA\u202e,{WHEN}\n", "line 2: reference: .*do not print"),
        (f'reference,received_at\n"A,{WHEN}\n', "line 2: not CSV"),
        ("\n", "no column"),
    ],
)
def test_a_list_that_cannot_be_is_refused_by_line(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        read(tmp_path, text)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2200, 1, 1)), st.integers(-23 * 60, 23 * 60))
def test_instants_are_read_as_they_are_written(when: datetime, minutes: int) -> None:
    own = when.replace(tzinfo=timezone(timedelta(minutes=minutes)), microsecond=0)
    assert instant(written_instant(own), "x") == own == instant(own.isoformat(), "x")
    assert written_instant(own).endswith("Z")


@pytest.mark.parametrize("text", ["2026-11-30", "20261130T120000Z", "2026-11-30T12:00:00", "2026-11-30 12:00:00Z",
                                  "2026-11-30T12:00:00z", "2026-11-30T25:00:00Z", "2026-W48-1T12:00:00Z",
                                  "\u0662026-11-30T12:00:00Z", ""])  # fmt: skip
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"^x: "):
        instant(text, "x")


def test_no_instant_without_a_zone_is_written() -> None:
    with pytest.raises(DataError, match="has no zone"):
        written_instant(datetime(2026, 11, 30))
    assert written_instant(datetime(2026, 11, 30, tzinfo=UTC)) == "2026-11-30T00:00:00Z"
