"""A whole optimisation step by either trainer's own `train`: sample, reward, update. And its peak memory.

Both reward a completion by the text similarity of SRL, stock by the standard library's difflib.
"""

from __future__ import annotations

import difflib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from benchmarks.engine import ours, stock
from benchmarks.engine.cases import Case, prompts, student
from benchmarks.engine.timing import Pair, StepTimes
from srl_pipeline.canonical import dumps
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.environment.similarity import ratio
from srl_pipeline.training.memory import peak_memory_mb

Side = Literal["stock", "ours"]
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Steps:
    """Seconds of whole steps, and peak memory in MB of a process that did nothing else."""

    case: Case
    prompts: int
    times: Pair
    stock_mb: float
    ours_mb: float

    @property
    def memory_share(self) -> float:
        """Our peak as a share of stock's: the whole process, libraries and weights included."""
        return self.ours_mb / self.stock_mb


def measure_steps(case: Case, count: int, repeats: int) -> Steps:
    """``repeats`` steps of ``count`` groups by each, in turn, each in a process of its own that warms up first."""
    runs: dict[Side, list[dict[str, Any]]] = {"stock": [], "ours": []}
    for _ in range(repeats):
        for side in ("stock", "ours"):
            runs[side].append(_child(side, case, count))
    times = Pair(*([run["seconds"] for run in runs[side]] for side in ("stock", "ours")))
    peaks = [max(run["peak_mb"] for run in runs[side]) for side in ("stock", "ours")]
    return Steps(case, count, times, *peaks)


def _child(side: Side, case: Case, count: int) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "benchmarks.engine.whole_step",
        side,
        *map(str, (case.prompt, case.completion, count)),
    ]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"a step of {side} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def run_step(side: Side, case: Case, count: int) -> dict[str, float]:
    """Two steps; the seconds of the second, and the peak memory of the process."""
    loaded, watch = student("auto"), StepTimes()
    given = prompts(loaded.tokenizer, case, count)
    if side == "stock":
        trainer: Any = stock.trainer(
            loaded, stock.adapted(loaded), case, given, _by_difflib, steps=2, callbacks=[watch]
        )
    else:
        trainer = ours.trainer(loaded, ours.adapted(loaded), case, given, _by_ours, steps=2, callbacks=[watch])
    trainer.train()
    return {"seconds": watch.seconds[1], "peak_mb": _peak_mb()}


def _by_difflib(prompt: Prompt, text: str) -> float:
    return difflib.SequenceMatcher(None, text, dumps(prompt.expert[0]), autojunk=False).ratio()


def _by_ours(prompt: Prompt, text: str) -> float:
    return ratio(text, dumps(prompt.expert[0]), autojunk=False)


def _peak_mb() -> float:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    return peak_memory_mb()


if __name__ == "__main__":
    chosen, *sizes = sys.argv[1:]
    length, completion, groups = (int(x) for x in sizes)
    print(json.dumps(run_step(chosen, Case(length, completion), groups)))  # type: ignore[arg-type]
