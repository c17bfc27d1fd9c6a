"""Load benchmark: generations of all model types back to back, and a thousand runs in Dagster's queue.

``python benchmarks/load.py [--quick] [--json FILE]``. What comes of it and what it means: ``docs/reliability.md``. How
the sensors bear a thousand packs is measured by ``benchmarks/scale.py``.
"""

from __future__ import annotations

import json as json_module
import os
import platform
import subprocess
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

# Run as a script, Python looks for modules in this folder and not in the one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.load_queue import RUNS_AT_ONCE, Drained, measure_queue
from srl_pipeline.canonical import pretty
from srl_pipeline.cli.output import console, print_table
from srl_pipeline.clock import now_iso
from srl_pipeline.errors import PipelineError

SCENARIOS = 4
"""Of a generation: the time of what surrounds them is to be seen."""


def main(
    quick: Annotated[bool, typer.Option("--quick", help="Two types, three generations, forty runs.")] = False,
    json: Annotated[Path | None, typer.Option("--json", help="Also write the figures into this file.")] = None,
) -> None:
    """Measure what grows with generations and with the queue; each in a process of its own."""
    where = {
        "measured_at": now_iso(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
        "dagster": version("dagster"),
    }
    generations = _generations(*((2, 3) if quick else (7, 20)))
    drained = measure_queue(40 if quick else 1000, patience=120 if quick else 420)
    _show(where, generations, drained)
    if json:
        found = {"environment": where, "generations": generations, "queue": asdict(drained)}
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(pretty(found), encoding="utf-8")


def _generations(types: int, generations: int) -> dict[str, Any]:
    script = Path(__file__).with_name("load_generations.py")
    command = [sys.executable, str(script), str(types), str(generations), str(SCENARIOS)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json_module.loads(done.stdout.splitlines()[-1])


def _show(where: dict[str, Any], generations: dict[str, Any], drained: Drained) -> None:
    console.print(f"{where['machine']}, Python {where['python']}; load before {where['load_before']}\n")
    rows = [tuple(row.values()) for row in generations["rounds"]]
    columns = ("generation", "s a type", "of it CPU", "memory MB", "open files", "disk MB")
    print_table("Generations of each model type, back to back", columns, rows)
    print_table("Then cleaned", ("what", "value"), list(generations["cleaned"].items()))
    figures = [*asdict(drained).items(), ("taken out a minute", drained.per_minute)]
    print_table(f"The queue, {RUNS_AT_ONCE} runs at once", ("what", "value"), figures)


if __name__ == "__main__":
    try:
        typer.run(main)
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
