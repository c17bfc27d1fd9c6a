"""What is measured: the default student, prompts of a given length, rollouts of a given length, real text."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srl_pipeline.canonical import dumps
from srl_pipeline.config import PipelineConfig, StudentConfig, home
from srl_pipeline.contracts import Action, Scenario
from srl_pipeline.model_types import Pack, load_pack
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.students.student import Student, load_student, student_folder
from srl_pipeline.verification import split_actions

PACK = "buildings"
ROLLOUTS = 8
"""G."""
SCENARIO = Scenario(id="benchmark", model_type=PACK, axes={}, brief="", facts={}, documents=[], difficulty=0.5)


@dataclass(frozen=True)
class Case:
    """Tokens of a prompt and of a completion."""

    prompt: int
    completion: int

    @property
    def name(self) -> str:
        return f"{self.prompt}+{self.completion}"


CASES = (Case(200, 48), Case(400, 64))
QUICK = Case(64, 16)


def student(dtype: str, device: str = "auto") -> Student:
    """A fresh copy of the default student."""
    config = PipelineConfig(preset="benchmark", device=device, student=StudentConfig(dtype=dtype))  # type: ignore[arg-type]
    folder = student_folder(config, home() / "students", [], [])
    return load_student(folder, config)


def pack() -> Pack:
    return load_pack(PACK)


def prompts(tokenizer: Any, case: Case, count: int, seed: int = 0) -> list[Prompt]:
    """Prompts of exactly ``case.prompt`` tokens, cut from the pack's lore at seeded places."""
    lore = "\n\n".join(document.prose for _, document in sorted(pack().documents.items()))
    ids = tokenizer(lore, add_special_tokens=False)["input_ids"]
    rng = random.Random(seed)
    starts = [rng.randrange(len(ids) - case.prompt) for _ in range(count)]
    expert = expert_actions()
    return [
        Prompt(f"benchmark-{i}", ids[start : start + case.prompt], SCENARIO, 0, [expert[i % len(expert)]], [])
        for i, start in enumerate(starts)
    ]


def completions(tokenizer: Any, case: Case, count: int, seed: int = 1) -> list[list[int]]:
    """Token ids of ``count`` completions, cut from expert transcripts."""
    text = "\n".join(dumps(action) for action in expert_actions())
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    while len(ids) < 4 * case.completion:
        ids = ids + ids
    rng = random.Random(seed)
    starts = [rng.randrange(len(ids) - case.completion) for _ in range(count)]
    return [ids[start : start + case.completion] for start in starts]


def expert_actions() -> list[Action]:
    """Actions of the pack's gold examples, in order."""
    loaded = pack()
    return [action for gold in loaded.definition.examples.gold for action in split_actions(loaded, gold.artefact)]


def advantages(groups: int, seed: int = 2) -> list[float]:
    """One advantage a rollout, mean 0 in each group."""
    rng = random.Random(seed)
    found: list[float] = []
    for _ in range(groups):
        drawn = [rng.gauss(0, 1) for _ in range(ROLLOUTS)]
        found += [x - sum(drawn) / ROLLOUTS for x in drawn]
    return found


def folder() -> Path:
    """Where the benchmark's trainers may write."""
    return home() / "benchmarks" / "training"
