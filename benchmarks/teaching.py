"""Benchmark of calls to teachers: throughput against a server of fixed latency, and our own overhead a call.

``python benchmarks/teaching.py [--quick] [--json FILE]``. The server is a process of its own that speaks HTTP, the
client the vendor's SDK. The overhead is measured with an endpoint that answers at once; cache and ledger lie on disk.
"""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

# Run as a script, Python looks for modules in this folder and not in the one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.calls.measure import Overhead, Throughput, flush_milliseconds, overhead, throughput
from srl_pipeline.canonical import pretty
from srl_pipeline.cli.output import console, print_table
from srl_pipeline.clock import now_iso
from srl_pipeline.config import home
from srl_pipeline.errors import PipelineError

CONCURRENCY, LATENCY = 32, 1.0
ROUNDS, CALLS = 30, 3000
QUICK_ROUNDS, QUICK_CALLS = 10, 500
MIN_SHARE, MAX_OVERHEAD_MS = 0.9, 2.0


def main(
    quick: Annotated[bool, typer.Option("--quick", help="Fewer calls: under a minute.")] = False,
    json: Annotated[Path | None, typer.Option("--json", help="Also write the figures into this file.")] = None,
) -> None:
    """Measure calls to teachers."""
    rounds, calls = (QUICK_ROUNDS, QUICK_CALLS) if quick else (ROUNDS, CALLS)
    folder = home() / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    where = _environment(folder)
    print(f"Asking a server of {LATENCY:g} s …", file=sys.stderr)
    served = throughput(folder, concurrency=CONCURRENCY, latency=LATENCY, rounds=rounds)
    print("Asking an endpoint that answers at once …", file=sys.stderr)
    own = [
        overhead(folder, price=price, concurrency=concurrency, calls=calls)
        for price in ("free", "paid")
        for concurrency in (1, CONCURRENCY)
    ]
    _show(where, served, own)
    if json:
        figures = {"environment": where, "throughput": asdict(served), "overhead": [asdict(o) for o in own]}
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(pretty(figures), encoding="utf-8")


def _environment(folder: Path) -> dict[str, Any]:
    return {
        "measured_at": now_iso(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
        "libraries": {name: version(name) for name in ("openai", "tenacity", "uvicorn")},
        "disk_flush_ms": flush_milliseconds(folder),
    }


def _show(where: dict[str, Any], served: Throughput, own: list[Overhead]) -> None:
    libraries = ", ".join(f"{name} {number}" for name, number in where["libraries"].items())
    console.print(
        f"{where['machine']}, Python {where['python']}; {libraries}; load before {where['load_before']}; "
        f"one durable write takes {where['disk_flush_ms']:.1f} ms\n"
    )
    print_table(
        f"{served.concurrency} calls at once, a server of {served.latency_seconds:g} s, {served.calls} calls",
        ("calls/s", "ideal", "share", "bound", ""),
        [
            (
                f"{served.calls_per_second:.2f}",
                served.ideal,
                f"{served.share:.3f}",
                f">= {MIN_SHARE}",
                _met(served.share >= MIN_SHARE),
            )
        ],
    )
    print_table(
        "Overhead: wall time a call",
        ("price", "at once", "calls", "ms a call", "of it CPU", "bound", ""),
        [
            (
                o.price,
                o.concurrency,
                o.calls,
                f"{o.milliseconds:.2f}",
                f"{o.cpu_milliseconds:.2f}",
                f"< {MAX_OVERHEAD_MS}",
                _note(o),
            )
            for o in own
        ],
    )


def _note(figures: Overhead) -> str:
    if figures.price == "paid" and figures.concurrency == 1:
        return "two lone flushes"
    return _met(figures.milliseconds < MAX_OVERHEAD_MS)


def _met(met: bool) -> str:
    return "met" if met else "NOT MET"


if __name__ == "__main__":
    try:
        typer.run(main)
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
