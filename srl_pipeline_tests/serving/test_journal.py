"""The journal: what it keeps, and what others read of it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.serving import SERVING, Journal, LiveRequest, ShadowRequest, Tally, tally_since


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    found = Journal(tmp_path)
    yield found
    found.close()


def row(**changes: Any) -> LiveRequest:
    values: dict[str, Any] = {
        "at": "2026-11-01T00:00:00+00:00",
        "model_type": "houses",
        "alias": "current",
        "version": "v2",
        "axes": '{"region":"moss_vale"}',
        "verified": True,
        "hard_violation": False,
        "error": "",
        "latency_seconds": 0.25,
        "tokens": 12,
        "since": 1,
    }
    return LiveRequest(**(values | changes))


def shadow(pair: int, verified: bool | None, live_verified: bool | None, **changes: Any) -> ShadowRequest:
    given = row(**({"version": "v1", "alias": "previous", "verified": verified} | changes)).model_dump(exclude={"id"})
    return ShadowRequest(**given, pair=pair, live_version="v2", live_verified=live_verified)


def test_live_requests_are_read_as_they_were_written_oldest_first(journal: Journal) -> None:
    rows = [row(), row(verified=None, hard_violation=None, axes=""), row(error="MemoryError", verified=None)]
    ids = [journal.append(r) for r in rows]
    found = journal.live("houses")
    assert found == [r.model_copy(update={"id": n}) for r, n in zip(rows, ids, strict=True)]
    assert [r.failed for r in found] == [False, False, True]
    assert journal.live("castles") == []


def test_shadows_are_no_live_requests(journal: Journal) -> None:
    number = journal.append(row())
    journal.append(shadow(number, True, False))
    assert [r.id for r in journal.live("houses")] == [number]


def test_where_nothing_ever_served_nothing_is_read_and_no_file_is_made(tmp_path: Path) -> None:
    assert tally_since(tmp_path, "houses", "2026-01-01") == Tally()
    assert not (tmp_path / SERVING).exists()


def test_a_clock_that_goes_back_does_not_change_the_order(journal: Journal) -> None:
    journal.append(row(at="2026-11-02T00:00:00+00:00"))
    journal.append(row(at="2026-11-01T00:00:00+00:00"))
    assert [r.at[:10] for r in journal.live("houses")] == ["2026-11-02", "2026-11-01"]


def test_pairs_are_those_of_two_versions_with_a_verdict_on_both_under_one_decision(journal: Journal) -> None:
    for verified, live_verified in [(True, True), (True, False), (True, False), (False, True), (None, True)]:
        journal.append(shadow(1, verified, live_verified))
    journal.append(shadow(1, True, False, version="v0"))
    journal.append(shadow(1, True, False, since=2))
    found = journal.pairs("houses", "v2", "v1", since=1)
    assert (found.n, found.only_live, found.only_shadow) == (4, 1, 2)
    nothing = journal.pairs("houses", "v9", "v1", since=1)
    assert (nothing.n, nothing.only_live, nothing.only_shadow) == (0, 0, 0)


def test_failures_are_the_last_ones_of_a_version_and_clients_that_left_are_none(journal: Journal) -> None:
    for error in ("MemoryError", "", "client_left", "MemoryError", ""):
        journal.append(row(error=error))
    journal.append(row(error="MemoryError", since=2))
    journal.append(row(error="MemoryError", version="v1"))
    assert journal.failures("houses", "live", "v2", since=1, last=10) == [True, False, True, False]
    assert journal.failures("houses", "live", "v2", since=1, last=2) == [True, False]


def test_live_requests_after_a_moment_are_counted_without_shadows(journal: Journal, tmp_path: Path) -> None:
    for day, verified in enumerate([True, True, False, None], start=1):
        number = journal.append(row(at=f"2026-11-0{day}T00:00:00+00:00", verified=verified))
        journal.append(shadow(number, True, verified, at=f"2026-11-0{day}T00:00:00+00:00"))
    assert tally_since(tmp_path, "houses", "2026-11-01T00:00:00+00:00") == Tally(n=3, judged=2, solved=1)


def test_threads_write_a_row_each(journal: Journal) -> None:
    with ThreadPoolExecutor(8) as threads:
        ids = list(threads.map(lambda _: journal.append(row()), range(64)))
    assert sorted(ids) == [r.id for r in journal.live("houses")]
