"""Training benchmark: our trainer side by side with the stock `GRPOTrainer` of the pinned TRL, on equal work.

``python benchmarks/training.py [--quick] [--json FILE]``. What is compared and how it came about:
``docs/performance.md``.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Annotated, TypeVar

import typer

# Run as a script, Python looks for modules in this folder and not in the one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
# As the Makefile does, and before torch is loaded: threads that sleep at once or never halve the speed.
os.environ.setdefault("GOMP_SPINCOUNT", "20000")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("TQDM_DISABLE", "1")

import torch
from transformers.utils import logging as transformers_logging

from benchmarks.engine.bookkeeping import bookkeeping_seconds
from benchmarks.engine.cases import CASES, QUICK
from benchmarks.engine.nested import measure_nested
from benchmarks.engine.report import Figures, Whole, environment, show, to_json
from benchmarks.engine.rewards import measure_rewards
from benchmarks.engine.rollouts import measure_rollouts
from benchmarks.engine.update import measure_update
from benchmarks.engine.whole_step import measure_steps
from srl_pipeline.canonical import pretty
from srl_pipeline.errors import PipelineError

_Measured = TypeVar("_Measured")
ROWS, PROMPTS = 128, 8
QUICK_ROWS = 16


def main(
    quick: Annotated[
        bool,
        typer.Option("--quick", help="A small case in under a minute: update, sampling, reward; no speed is judged."),
    ] = False,
    json: Annotated[Path | None, typer.Option("--json", help="Also write the figures into this file.")] = None,
) -> None:
    """Measure update, sampling, whole steps, memory, the text reward and dynamic sampling's bookkeeping."""
    warnings.filterwarnings("ignore", category=FutureWarning)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    where = environment(torch.get_num_threads())
    cases, rows, repeats = ((QUICK,), QUICK_ROWS, 1) if quick else (CASES, ROWS, 3)
    rewards = measure_rewards(200 if quick else 2000, 3)
    updates = [_said(f"update {case.name}", measure_update(case, 1 if quick else 5)) for case in cases]
    rollouts = [_said(f"sampling {case.name}", measure_rollouts(case, rows, repeats)) for case in cases]
    whole = None if quick else _whole(repeats)
    figures = Figures(updates, rollouts, rewards, whole)
    show(where, figures)
    if json:
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(pretty(to_json(where, figures)), encoding="utf-8")


def _whole(repeats: int) -> Whole:
    """Each whole step is measured in processes of its own: too long for a quick run."""
    steps = [_said(f"whole step {case.name}", measure_steps(case, PROMPTS, repeats)) for case in CASES]
    share = bookkeeping_seconds(CASES[0], PROMPTS) / steps[0].times.ours_median
    return Whole(steps, share, _said("nested steps", measure_nested(CASES[-1].prompt, repeats)))


def _said(name: str, measured: _Measured) -> _Measured:
    print(f"Measured {name}", file=sys.stderr)
    return measured


if __name__ == "__main__":
    try:
        typer.run(main)
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
