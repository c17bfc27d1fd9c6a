"""A student of a hundred thousand random weights, tasks that are scripted, and what the tests measure with."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from srl_pipeline.config import PipelineConfig, PolicyConfig, StudentConfig
from srl_pipeline.contracts import Scenario
from srl_pipeline.training.environment.groups import GroupSignal, Score, srl_signal
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.environment.tasks import Explanation
from srl_pipeline.training.environment.transcript import FormatError
from srl_pipeline.training.students.adapters import WEIGHTS, with_adapter
from srl_pipeline.training.students.student import Student, load_student
from srl_pipeline.training.students.tiny_student import _tokenizer

SENTENCES = [
    "In Moss Vale walls are of granite and rise to three storeys.\n",
    "On the Salt Coast walls are of flint and stand one storey high.\n",
    '## 1. Walls\n{"stone":"granite","storeys":3}\n',
    "A baker works at an oven, and flour is kept dry.\nA smith works at a forge.\n",
]
SCENARIO = Scenario(
    id="s", model_type="houses", axes={}, brief="Design a house.", facts={}, documents=[], difficulty=0.5
)
LORA = StudentConfig(name="tiny", dtype="float32", lora_rank=4, lora_alpha=8)
FULL = StudentConfig(name="tiny", dtype="float32", tuning="full")
TIMES = {"rollout_seconds", "reward_seconds", "update_seconds", "tokens_per_second", "step_time"}
"""Columns of the journal that a clock decides."""


def write_student(folder: Path) -> Path:
    """Write a random Llama (2 layers, hidden 64, float32) and its tokenizer; half of its lines end soon."""
    tokenizer = _tokenizer(SENTENCES)
    torch.manual_seed(5)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=512,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            tie_word_embeddings=False,
            initializer_range=0.2,
        )
    )
    newline = tokenizer("\n", add_special_tokens=False)["input_ids"][0]
    with torch.no_grad():  # twice as long a row: now certain, now impossible, as the hidden state has it
        model.lm_head.weight[[newline, tokenizer.eos_token_id]] *= 2
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def load(folder: Path, dtype: Literal["float32", "bfloat16"] = "float32") -> Student:
    """A fresh student on the CPU."""
    settings = LORA.model_copy(update={"dtype": dtype})
    return load_student(folder, PipelineConfig(preset="test", device="cpu", student=settings))


def adapted(student: Student, *, shaken: float = 0.0, seed: int = 3) -> Any:
    """The student with a new adapter; ``shaken`` moves its B matrices away from zero."""
    model = with_adapter(student, LORA, None, seed)
    if shaken:
        shake(model, shaken, seed)
    return model


def shake(model: Any, size: float, seed: int = 3) -> None:
    """Set the trained B matrices to noise."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name and ".default." in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * size)


def trained(model: Any) -> dict[str, Tensor]:
    """A copy of the trained weights."""
    return {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}


def adapter_weights(folder: Path) -> dict[str, Tensor]:
    """The weights of a saved adapter."""
    return load_file(folder / WEIGHTS)


def equal(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    """Bit for bit."""
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def prompts(student: Student, count: int = 6) -> list[Prompt]:
    """Prompts of different lengths."""
    texts = [f"{SENTENCES[i % len(SENTENCES)] * (1 + i % 3)}{i}" for i in range(count)]
    return [
        Prompt(f"p{i}", student.tokenizer(text, add_special_tokens=False)["input_ids"], SCENARIO, None, [], [])
        for i, text in enumerate(texts)
    ]


def random_ids(rng: random.Random, length: int, vocabulary: int) -> list[int]:
    return [rng.randrange(vocabulary) for _ in range(length)]


def plain_logps(
    model: Any, prompt: Sequence[int], completion: Sequence[int], temperature: float
) -> tuple[Tensor, Tensor]:
    """Log-probabilities and entropies of one completion by an ordinary forward pass over prompt + completion."""
    logits = model(input_ids=torch.tensor([[*prompt, *completion]]), use_cache=False).logits[0]
    log_all = torch.log_softmax(logits[len(prompt) - 1 : -1] / temperature, dim=-1)
    chosen = log_all[torch.arange(len(completion)), torch.tensor(completion)]
    return chosen, -(log_all.exp() * log_all).sum(-1)


@dataclass
class LetterTask:
    """A dense reward that a random student earns now and then: the share of vowels. Named double of an SRL task.

    Attributes:
        keep: Which prompts carry signal at all; the others get equal rewards.
        advantages: If given, replaces the advantages of a kept group.
    """

    keep: Callable[[Prompt], bool] = lambda _: True
    advantages: Callable[[], list[float]] | None = None
    scored: list[str] = field(default_factory=list)
    titles: Sequence[str] = ("Letters",)

    def stop(self, text: str) -> bool:
        return text.count("\n") >= 2

    def explain(self, prompt: Prompt, text: str) -> Explanation:
        return Explanation([], [], FormatError(0, "letters are no step"))

    def score(self, prompt: Prompt, text: str) -> Score:
        self.scored.append(prompt.key)
        reward = sum(c in "aeiou" for c in text) / max(1, len(text)) if self.keep(prompt) else 0.5
        return Score(reward, well_formed=True, correct=False, parts={"vowels": reward})

    def signal(self, scores: Sequence[Score]) -> GroupSignal:
        found = srl_signal(scores, std_epsilon=1e-6, format_weight=0.5)
        return GroupSignal(self.advantages(), found.kept, found.std) if self.advantages and found.kept else found


def policy_config(**changes: Any) -> PolicyConfig:
    """A stage of a few small steps."""
    values: dict[str, Any] = {
        "steps": 1,
        "prompts_per_step": 2,
        "rollouts": 4,
        "micro_batch_size": 4,
        "learning_rate": 1e-2,
        "max_grad_norm": 1e9,
        "max_resamples": 1,
        "max_tokens": 12,
        "save_every": 1,
        "validation_prompts": 2,
        "validate_every": 1,
        "step_samples": 0,
    }
    return PolicyConfig(**(values | changes))


def unfused(model: Any) -> Any:
    """A copy with weights of its own, whose adapters compute as PEFT has it."""
    copied = copy.deepcopy(model)
    for module in copied.modules():
        vars(module).pop("forward", None)
    return copied


def double_copy(model: Any) -> Any:
    """The same in float64."""
    return unfused(model).double()
