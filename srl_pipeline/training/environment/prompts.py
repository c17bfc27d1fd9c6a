"""What the student reads: system line, brief, cited lore, the steps to write; and the begun answer it continues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from srl_pipeline.contracts import Action, LoreBundle, Scenario, Step, Trajectory
from srl_pipeline.model_types import PackSpec
from srl_pipeline.training.environment.transcript import heading, write


@dataclass(frozen=True)
class Prompt:
    """A prompt as token ids, and what its completion is judged by.

    Attributes:
        step: The step to write (0-based), or None for a whole episode.
        expert: Actions that the teacher took at this step (several where variants share the prefix).
        before: The teacher's actions of the earlier steps.
        family: The trajectory or scenario that it belongs to; the prompts of one family begin one another.
    """

    key: str
    ids: list[int]
    scenario: Scenario
    step: int | None
    expert: list[Action]
    before: list[Action]
    family: str = ""


class PromptWriter:
    """Turns scenarios and trajectories of one pack into token ids of one student."""

    def __init__(self, spec: PackSpec, tokenizer: Any) -> None:
        self.spec, self.tokenizer = spec, tokenizer
        self.titles = [step.title for step in spec.steps]
        plan = " ".join(f"{i + 1}. {s.title}: {', '.join(sorted(s.fields))}." for i, s in enumerate(spec.steps))
        self._plan = f"Steps: {plan}"

    def chat(self, scenario: Scenario, bundle: LoreBundle) -> str:
        """The conversation up to the assistant's turn."""
        user = f"{bundle.text}\n\n{scenario.brief}\n{self._plan}"
        if getattr(self.tokenizer, "chat_template", None):
            messages = [{"role": "system", "content": self.spec.system}, {"role": "user", "content": user}]
            return self.tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        return f"{self.spec.system}\n\n{user}\n\n"

    def encode(self, text: str) -> list[int]:
        """Token ids without added special tokens (the chat template wrote them already)."""
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def episode(self, scenario: Scenario, bundle: LoreBundle) -> Prompt:
        """The prompt of a whole episode; the answer is begun with the first heading."""
        ids = self.encode(self.chat(scenario, bundle)) + self.encode(heading(0, self.titles[0]))
        return Prompt(scenario.id, ids, scenario, None, [], [], scenario.id)

    def step(self, trajectory: Trajectory, index: int, expert: list[Action], *, title: bool) -> Prompt:
        """The prompt of step ``index``: the earlier steps begin the answer; ``title`` gives the heading."""
        before = trajectory.steps[:index]
        begun = write(before) + (heading(index, self.titles[index]) if title else "")
        ids = self.encode(self.chat(trajectory.scenario, trajectory.bundle)) + self.encode(begun)
        key = f"{trajectory.id}:{index}"
        return Prompt(key, ids, trajectory.scenario, index, expert, [s.action for s in before], trajectory.id)

    def transcript(self, trajectory: Trajectory) -> tuple[list[int], list[int]]:
        """Prompt and target of the format warm-up: the whole answer after its first heading, and the end token."""
        prompt = self.episode(trajectory.scenario, trajectory.bundle).ids
        rest = write(trajectory.steps)[len(heading(0, self.titles[0])) :]
        return prompt, [*self.encode(rest), self.tokenizer.eos_token_id]


def step_prompts(
    writer: PromptWriter, trajectories: Sequence[Trajectory], *, targets: str, title: bool, nearest: bool
) -> list[Prompt]:
    """SRL's instances: step k of each accepted trajectory (paper, section 3.2: k = 1 … N-1; ours: the last one too).

    Trajectories that share scenario and earlier actions give one instance; with ``nearest`` it keeps all their actions
    as references, else the first's.
    """
    instances: dict[str, Prompt] = {}
    for trajectory in trajectories:
        last = len(trajectory.steps) - (1 if targets == "paper" else 0)
        for index in range(last):
            action = trajectory.steps[index].action
            shared = f"{trajectory.scenario.id}:{write([_bare(s) for s in trajectory.steps[:index]])}"
            known = instances.get(shared)
            if known is None:
                instances[shared] = writer.step(trajectory, index, [action], title=title)
            elif nearest and action not in known.expert:
                known.expert.append(action)
    return list(instances.values())


def _bare(step: Step) -> Step:
    return step.model_copy(update={"reasoning": ""})
