from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from srl_pipeline.config import PolicyConfig
from srl_pipeline.errors import TrainingError
from srl_pipeline.training.rollouts.samplers import policy_sampler
from srl_pipeline.training.rollouts.sampling import Sampler
from srl_pipeline.training.rollouts.vllm_sampler import VllmSampler
from srl_pipeline.training.students.student import Student

from ..world import adapted, shake

NEVER = {"per_prompt": 2, "max_tokens": 6, "temperature": 1.0, "seed": 5, "stop": lambda _: False}


@dataclass
class FakeLLM:
    """Named double of vLLM's `LLM`: answers each prompt with its own tokens, rotated; remembers what it was asked."""

    settings: dict[str, Any]
    asked: list[tuple[list[int], Any, Any]] = field(default_factory=list)

    def generate(self, prompts: list[Any], settings: list[Any], *, lora_request: Any, use_tqdm: bool) -> list[Any]:
        self.asked += [(p["prompt_token_ids"], s, lora_request) for p, s in zip(prompts, settings, strict=True)]
        return [
            SimpleNamespace(outputs=[self._answer(p["prompt_token_ids"], s, n) for n in range(s.n)])
            for p, s in zip(prompts, settings, strict=True)
        ]

    def _answer(self, ids: list[int], settings: Any, turn: int) -> Any:
        tokens = (ids[turn:] + ids[:turn])[: settings.max_tokens]
        logprobs = [{token: SimpleNamespace(logprob=-0.5 - place)} for place, token in enumerate(tokens)]
        return SimpleNamespace(token_ids=tokens, logprobs=logprobs)


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[FakeLLM]]:
    made: list[FakeLLM] = []
    vllm: Any = ModuleType("vllm")
    vllm.LLM = lambda **settings: made.append(FakeLLM(settings)) or made[-1]
    vllm.SamplingParams = SimpleNamespace
    request: Any = ModuleType("vllm.lora.request")
    request.LoRARequest = lambda name, number, path: SimpleNamespace(name=name, number=number, path=Path(path))
    for module in (vllm, ModuleType("vllm.lora"), request):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    yield made


def made(student: Student, scratch: Path) -> tuple[VllmSampler, Any]:
    model = adapted(student, shaken=0.1)
    return VllmSampler(model, student, scratch, memory_share=0.3), model


def test_answers_come_in_the_order_of_the_prompts(student: Student, tmp_path: Path, engines: list[FakeLLM]) -> None:
    sampler, _ = made(student, tmp_path)
    found = sampler.sample([[5, 6, 7], [8, 9]], **NEVER)
    assert [[c.ids for c in group] for group in found] == [[[5, 6, 7], [6, 7, 5]], [[8, 9], [9, 8]]]
    assert found[0][0].logps == [-0.5, -1.5, -2.5] and not found[0][0].finished


def test_a_completion_ends_where_its_text_is_decided(student: Student, tmp_path: Path, engines: list[FakeLLM]) -> None:
    sampler, _ = made(student, tmp_path)
    ids = student.tokenizer("a baker\nworks at\nan oven", add_special_tokens=False)["input_ids"]
    (completion, _), *_ = sampler.sample([ids], **(NEVER | {"max_tokens": 99, "stop": lambda t: "\n" in t}))
    assert completion.text.count("\n") == 1 and completion.text.endswith("\n") and completion.finished
    assert len(completion.logps) == len(completion.ids) < len(ids)


def test_every_prompt_has_a_seed_of_its_own_place(student: Student, tmp_path: Path, engines: list[FakeLLM]) -> None:
    sampler, _ = made(student, tmp_path)
    sampler.sample([[5], [6], [7]], **NEVER)
    sampler.sample([[7]], first=2, **NEVER)
    seeds = [settings.seed for _, settings, _ in engines[0].asked]
    assert len(set(seeds[:3])) == 3 and seeds[3] == seeds[2]


def test_the_adapter_is_handed_over_anew_after_an_update_only(
    student: Student, tmp_path: Path, engines: list[FakeLLM]
) -> None:
    sampler, model = made(student, tmp_path)
    sampler.sample([[5]], **NEVER)
    sampler.sample([[5]], **NEVER)
    shake(model, 0.3)
    sampler.sample([[5]], **NEVER)
    requests = [request for *_, request in engines[0].asked]
    assert [r.number for r in requests] == [1, 1, 2]
    assert (requests[2].path / "adapter_model.safetensors").is_file() and not requests[0].path.exists()


def test_the_engine_gets_the_student_and_the_rank(student: Student, tmp_path: Path, engines: list[FakeLLM]) -> None:
    made(student, tmp_path)
    settings = engines[0].settings
    assert settings["model"] == str(student.folder) and settings["max_lora_rank"] == 4
    assert settings["dtype"] == "float32" and settings["gpu_memory_utilization"] == 0.3


def test_greedy_answers_carry_no_log_probabilities(student: Student, tmp_path: Path, engines: list[FakeLLM]) -> None:
    sampler, _ = made(student, tmp_path)
    assert sampler.sample([[5, 6]], **(NEVER | {"temperature": 0.0}))[0][0].logps == []


def test_without_vllm_it_says_what_to_do(student: Student, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(TrainingError, match="pip install vllm"):
        policy_sampler(student, adapted(student), PolicyConfig(sampler="vllm"), tmp_path)


def test_a_student_that_is_tuned_in_full_is_refused(student: Student, tmp_path: Path, engines: list[FakeLLM]) -> None:
    with pytest.raises(TrainingError, match="has none"):
        VllmSampler(student.model, student, tmp_path, memory_share=0.3)


def test_the_projects_own_sampler_is_the_default(student: Student, tmp_path: Path) -> None:
    found = policy_sampler(student, adapted(student), PolicyConfig(), tmp_path)
    assert isinstance(found, Sampler) and torch.is_grad_enabled()
