"""Scale benchmark: what 1,000 model types and 10,000 generations a day cost the sensors, the queue, state and store.

``python benchmarks/scale.py [--quick] [--home FOLDER] [--json FILE]``. What is measured here and what is only on paper,
and what follows from it: ``docs/scale.md``. The last tables are a simulated day; nothing in it is measured.
"""

from __future__ import annotations

import json as json_module
import os
import platform
import subprocess
import sys
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

# Run as a script, Python looks for modules in this folder and not in the one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.scale_cloud import measure_cloud
from benchmarks.scale_dagster import measure_questions, measure_queue, measure_run
from benchmarks.scale_day import Day, Outcome, machines_needed, simulate
from benchmarks.scale_state import measure_state
from benchmarks.scale_timing import Figure
from srl_pipeline.canonical import pretty
from srl_pipeline.cli.output import console, print_table
from srl_pipeline.clock import now_iso
from srl_pipeline.errors import PipelineError

MINUTES = {"smoke": (0.5, 3.4, 0.2), "embedded": (1.0, 13.0, 0.5)}
"""Preset -> minutes before, in and after training, on two cores (docs/scale.md says from which runs)."""


def main(
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes: under a minute on a quiet machine.")] = False,
    home: Annotated[
        Path | None, typer.Option(help="An installation with one whole chain: its event log and artifacts are counted.")
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", help="Also write the figures into this file.")] = None,
) -> None:
    """Measure what can be measured on this machine, then simulate a day."""
    where = _environment()
    types, repeats = (30, 3) if quick else (1000, 5)
    figures: list[Figure] = []
    for size in (10,) if quick else (10, 100, 1000):
        figures += _said(f"sensors, {size:,} types", _sensors(size, 3 if quick else 10, 3))
    figures += _said("the queue", measure_queue(types, repeats))
    figures += _said("questions to Dagster", measure_questions(types, 3 if quick else 10, repeats))
    figures += _said("SQLite", measure_state(types, 3 if quick else 10, 1000 if quick else 100_000, repeats))
    if home:
        figures += _said("the event log of a run", measure_run(home))
    figures += _said(
        "AWS, emulated",
        measure_cloud(home / "artifacts" if home else None, 50 if quick else 1000, 30 if quick else 300),
    )
    days = simulated(quick)
    _show(where, figures, days)
    if json:
        found = {
            "environment": where,
            "figures": [asdict(figure) for figure in figures],
            "days": [{"name": name, "day": asdict(day), "outcome": asdict(found)} for name, day, found in days],
        }
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(pretty(found), encoding="utf-8")


def simulated(quick: bool) -> list[tuple[str, Day, Outcome]]:
    """Days with the default settings, with too few of one thing each, and with enough."""
    size = 50 if quick else 1000
    found: list[tuple[str, Day]] = []
    for preset, (before, training, after) in MINUTES.items():
        day = Day(types=size, before=before, training=training, after=after)
        found.append((f"{preset}: one machine, 4 runs", replace(day, types=size // 10, each=1, machines=1, runs=4)))
        for arrivals in ("even", "at once"):
            here = replace(day, arrivals=arrivals)
            enough = machines_needed(here)
            told = f"{preset}, {arrivals}"
            runs, more = enough + enough // 4 + 10, enough + enough // 4
            found += [
                (f"{told}: machines that are enough", replace(here, machines=enough, runs=runs)),
                (f"{told}: a quarter more", replace(here, machines=more, runs=more + more // 4 + 10)),
                (f"{told}: half of them", replace(here, machines=max(1, enough // 2), runs=runs)),
                (
                    f"{told}: as many runs as half the machines",
                    replace(here, machines=enough, runs=max(1, enough // 2)),
                ),
                (f"{told}: 5 s to launch a run", replace(here, machines=enough, runs=runs, launch_seconds=5.0)),
            ]
    return [(name, day, simulate(day)) for name, day in found]


def _sensors(types: int, generations: int, repeats: int) -> list[Figure]:
    script = Path(__file__).with_name("scale_sensors.py")
    command = [sys.executable, str(script), str(types), str(generations), str(repeats)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [Figure(**row) for row in json_module.loads(done.stdout.splitlines()[-1])]


def _said(name: str, figures: list[Figure]) -> list[Figure]:
    print(f"Measured {name}", file=sys.stderr)
    return figures


def _environment() -> dict[str, Any]:
    return {
        "measured_at": now_iso(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
        "libraries": {name: version(name) for name in ("dagster", "moto", "boto3")},
    }


def _show(where: dict[str, Any], figures: list[Figure], days: list[tuple[str, Day, Outcome]]) -> None:
    libraries = ", ".join(f"{name} {number}" for name, number in where["libraries"].items())
    console.print(f"{where['machine']}, Python {where['python']}; {libraries}; load before {where['load_before']}\n")
    rows = [
        (f.name, f.size, f"{f.value:,.4g}", "" if f.cpu is None else f"{f.cpu:,.4g}", f.unit, f.repeats)
        for f in figures
    ]
    print_table("Measured: medians", ("what", "size", "value", "of it CPU", "unit", "repeats"), rows)
    columns = (
        "day",
        "machines",
        "runs",
        "ready of asked",
        "queue p50/p95",
        "machine p50/p95",
        "hours",
        "used",
        "last",
        "limit",
    )
    print_table("Simulated days; waits in minutes", columns, [_row(*one) for one in days])


def _row(name: str, day: Day, found: Outcome) -> tuple[str, ...]:
    return (
        name,
        f"{day.machines:,}",
        f"{day.runs:,}",
        f"{found.done:,} of {found.asked:,}",
        f"{found.queue_p50:.1f} / {found.queue_p95:.1f}",
        f"{found.machine_p50:.1f} / {found.machine_p95:.1f}",
        f"{found.hours:,.0f}",
        f"{found.utilisation:.0%}",
        f"{found.last:.1f} h",
        found.first_limit,
    )


if __name__ == "__main__":
    try:
        typer.run(main)
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
