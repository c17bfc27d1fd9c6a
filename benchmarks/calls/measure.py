"""Throughput against a real server, and what a call costs besides the endpoint's own time."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.calls.server import ANSWER
from srl_pipeline.clock import StopWatch
from srl_pipeline.contracts import TeacherRef
from srl_pipeline.registry import Account, Caps, SqliteLedger
from srl_pipeline.registry.sqlite import Database
from srl_pipeline.teachers.calls.cache import CallCache
from srl_pipeline.teachers.calls.caller import Caller
from srl_pipeline.teachers.calls.records import Backend, Message, ModelCall, Reply, Usage
from srl_pipeline.teachers.catalog.spec import Limits, Price, TeacherEntry, Terms
from srl_pipeline.teachers.providers import make_backend

ROOT = Path(__file__).resolve().parents[2]
PAID, FREE = Price(input=1.0, output=4.0, as_of=date(2026, 11, 1)), Price(input=0, output=0, as_of=date(2026, 11, 1))
CAPS = Caps(month=10**15)
FLUSHES = 100


@dataclass(frozen=True)
class Throughput:
    """Calls a second against a server of a fixed latency; ``ideal`` is what nothing but that latency would allow."""

    concurrency: int
    latency_seconds: float
    calls: int
    seconds: float
    calls_per_second: float
    ideal: float
    share: float


@dataclass(frozen=True)
class Overhead:
    """Wall time a call with an endpoint that answers at once."""

    price: str
    concurrency: int
    calls: int
    milliseconds: float
    cpu_milliseconds: float


class InstantBackend:
    """An endpoint that takes no time: all that is measured is ours."""

    vendor = "openai"

    def complete(self, call: ModelCall, *, timeout: float, idempotency_key: str) -> Reply:
        return Reply(text=ANSWER, usage=Usage(input_tokens=100, output_tokens=50), stop="end", model=call.model)

    def close(self) -> None:
        """Nothing to give back."""


def throughput(folder: Path, *, concurrency: int, latency: float, rounds: int) -> Throughput:
    """``rounds`` calls on each of ``concurrency`` threads, through the real SDK."""
    with served(latency) as endpoint:
        entry = teacher(PAID, concurrency, endpoint)
        calls = concurrency * rounds
        seconds, _ = ask_all(folder, make_backend(entry), entry, calls)
    ideal = concurrency / latency
    rate = calls / seconds
    return Throughput(concurrency, latency, calls, seconds, rate, ideal, rate / ideal)


def overhead(folder: Path, *, price: str, concurrency: int, calls: int) -> Overhead:
    """Through cache, claim, pace, breaker, ledger and retry."""
    entry = teacher(PAID if price == "paid" else FREE, concurrency, None)
    seconds, cpu_seconds = ask_all(folder, InstantBackend(), entry, calls)
    return Overhead(price, concurrency, calls, 1000 * seconds / calls, 1000 * cpu_seconds / calls)


def flush_milliseconds(folder: Path) -> float:
    """What one write that survives a loss of power takes on this disk: the least that a lone one can take."""
    with TemporaryDirectory(dir=folder) as name:
        database = Database(Path(name) / "probe.sqlite", kind="probe", version=1, schema="CREATE TABLE t (n INTEGER)")
        watch = StopWatch()
        for i in range(FLUSHES):
            database.write(lambda db, i=i: db.execute("INSERT INTO t VALUES (?)", (i,)).rowcount, durable=True)
        seconds = watch.seconds
        database.close()
    return 1000 * seconds / FLUSHES


def ask_all(folder: Path, backend: Backend, entry: TeacherEntry, calls: int) -> tuple[float, float]:
    """Seconds of wall and of CPU for so many different calls, on as many threads as the teacher allows.

    Cache and ledger are new.
    """
    with TemporaryDirectory(dir=folder) as name:
        cache, ledger = CallCache(Path(name) / "calls.sqlite"), SqliteLedger(Path(name) / "ledger.sqlite")
        account = Account(run="benchmark", model_type="buildings", vendor=entry.account_vendor)
        caller = Caller(backend, entry, cache, ledger, account, CAPS)
        with ThreadPoolExecutor(entry.limits.concurrency) as pool:
            list(pool.map(caller.ask, [question(-i - 1) for i in range(entry.limits.concurrency)]))  # warm
            questions = [question(i) for i in range(calls)]
            watch, cpu = StopWatch(), time.process_time()
            list(pool.map(caller.ask, questions))
            seconds, cpu_seconds = watch.seconds, time.process_time() - cpu
        caller.close()
        cache.close()
        ledger.close()
    return seconds, cpu_seconds


def question(number: int) -> ModelCall:
    """About as long as the prompt of a step."""
    text = f"Brief {number}: a granary for the northern coast, dry and safe from fire. " * 20
    return ModelCall(
        teacher=TeacherRef(name="benchmark", version="1"),
        model="m",
        system="You are an expert. Answer with one JSON object.",
        messages=[Message(role="user", content=text)],
        max_tokens=256,
    )


def teacher(price: Price, concurrency: int, endpoint: str | None) -> TeacherEntry:
    """An OpenAI-compatible one."""
    return TeacherEntry(
        kind="openai",
        model="m",
        endpoint=endpoint,
        price=price,
        structured="none",
        terms=Terms(training_allowed=True, source="none: a benchmark", as_of=date(2026, 11, 1)),
        limits=Limits(concurrency=concurrency),
    )


@contextmanager
def served(latency: float) -> Generator[str, None, None]:
    """A server in a process of its own, so that it takes no time of ours; its base URL."""
    command = [sys.executable, "-m", "benchmarks.calls.server", str(latency)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            time.sleep(1.0)  # the port is bound before the server accepts
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.kill()
