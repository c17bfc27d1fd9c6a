"""The call cache and the claims on its keys."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from srl_pipeline.errors import PipelineError
from srl_pipeline.teachers.calls.cache import CallCache
from srl_pipeline_tests.teachers.calls.scripted import reply


def test_an_answer_and_its_cost_outlive_the_process(tmp_path: Path) -> None:
    first = CallCache(tmp_path / "calls.sqlite")
    assert first.get("k") is None
    first.put("k", reply("dear"), 42)
    first.close()
    second = CallCache(tmp_path / "calls.sqlite")
    assert second.get("k") == reply("dear")
    assert second.cost_of("k") == 42


def test_a_key_keeps_its_first_answer(tmp_path: Path) -> None:
    cache = CallCache(tmp_path / "calls.sqlite")
    cache.put("k", reply("first"), 1)
    cache.put("k", reply("second"), 2)
    assert cache.get("k") == reply("first")
    assert cache.cost_of("k") == 1


def test_an_answer_that_cannot_be_read_is_an_error_never_a_miss(tmp_path: Path) -> None:
    cache = CallCache(tmp_path / "calls.sqlite")
    cache.put("k", reply(), 1)
    with sqlite3.connect(tmp_path / "calls.sqlite") as db:
        db.execute("UPDATE replies SET reply = '{}'")
    with pytest.raises(PipelineError, match="cached answer of call k is not readable"):
        cache.get("k")


def test_a_ledger_is_no_call_cache(tmp_path: Path) -> None:
    from srl_pipeline.registry import SqliteLedger

    SqliteLedger(tmp_path / "ledger.sqlite").close()
    with pytest.raises(PipelineError, match="not a call cache"):
        CallCache(tmp_path / "ledger.sqlite")


def test_one_thread_at_a_time_has_a_claim_and_nothing_of_it_is_left(tmp_path: Path) -> None:
    cache, inside, most = CallCache(tmp_path / "calls.sqlite"), [0], [0]

    def work(_: int) -> None:
        with cache.claim("k", time.sleep):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.002)
            inside[0] -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(24)))
    assert most[0] == 1
    assert list((tmp_path / "calls.sqlite.claims").iterdir()) == []


def test_whoever_waits_for_a_claim_may_give_up(tmp_path: Path) -> None:
    def give_up(_: float) -> None:
        raise TimeoutError

    cache = CallCache(tmp_path / "calls.sqlite")
    with cache.claim("k", time.sleep), pytest.raises(TimeoutError), cache.claim("k", give_up):
        pass


HOLDER = """
import sys, time
from pathlib import Path
from srl_pipeline.teachers.calls.cache import CallCache

with CallCache(Path(sys.argv[1])).claim("k", time.sleep):
    print("claimed", flush=True)
    time.sleep(60)
"""


def test_another_process_has_its_claim_until_it_dies(tmp_path: Path) -> None:
    file = tmp_path / "calls.sqlite"
    cache = CallCache(file)
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(file)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "claimed\n"
        waited: list[float] = []

        def kill_it_after_the_third_look(seconds: float) -> None:
            waited.append(seconds)
            if len(waited) == 3:
                os.kill(holder.pid, signal.SIGKILL)
                holder.wait()

        with cache.claim("k", kill_it_after_the_third_look):
            assert len(waited) == 3
