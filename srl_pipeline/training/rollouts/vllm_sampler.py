"""Rollouts by vLLM, for students that a GPU samples faster that way. An extra: ``pip install vllm``.

**Not verified on a GPU**: no such machine was at hand; the tests run it against a named double of vLLM's `LLM`. vLLM
keeps the base model and its own cache of common prompts, and is handed the adapter anew whenever an update has changed
it. It knows no condition on the text, so a completion is cut afterwards where ours would have ended; what follows was
sampled for nothing. The numbers it draws are its own: a resumed run is exact only with the project's own sampler.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peft import PeftModel

from srl_pipeline.errors import TrainingError
from srl_pipeline.training.kernels.shared_prefix import base_model
from srl_pipeline.training.rollouts.endings import Endings, Stop
from srl_pipeline.training.rollouts.sampling import Completion
from srl_pipeline.training.students import policy_weights
from srl_pipeline.training.students.student import Student


class VllmSampler:
    """Samples from the policy's adapter as it is now, in the same way as `Sampler` is called."""

    def __init__(self, model: Any, student: Student, scratch: Path, *, memory_share: float) -> None:
        if not isinstance(model, PeftModel):
            raise TrainingError(
                "vLLM is handed adapters; a student that is tuned in full has none.",
                where="student.tuning, sampler",
                mend="Set student.tuning to lora, or sampler to own.",
            )
        try:
            from vllm import LLM  # type: ignore[import-not-found]
        except ImportError as error:
            raise TrainingError(
                "vLLM is not installed.", where="sampler", mend="pip install vllm, or set sampler to own."
            ) from error
        self._model, self._student, self._scratch = model, student, scratch
        adapters: dict[str, Any] = dict(model.peft_config)
        self._endings = Endings(student.tokenizer, base_model(model).generation_config)
        self._loaded: tuple[int, ...] = ()
        self._number = 0
        self._engine = LLM(
            model=str(student.folder),
            dtype=str(student.dtype).removeprefix("torch."),
            enable_lora=True,
            max_loras=1,
            max_lora_rank=max(adapter.r for adapter in adapters.values()),
            enable_prefix_caching=True,
            gpu_memory_utilization=memory_share,
            logprobs_mode="processed_logprobs",  # at the temperature, as ours are
        )

    def sample(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        per_prompt: int,
        max_tokens: int,
        temperature: float,
        seed: int,
        stop: Stop,
        first: int = 0,
    ) -> list[list[Completion]]:
        """``per_prompt`` completions of each prompt (token ids); see `Sampler.sample`."""
        from vllm import SamplingParams  # type: ignore[import-not-found]

        settings = [
            SamplingParams(
                n=per_prompt,
                max_tokens=max_tokens,
                temperature=temperature,
                seed=(seed * 1_000_003 + first + place) % 2**63,
                stop_token_ids=sorted(i for i in self._endings.tokens if i is not None),
                logprobs=0,
                detokenize=False,
            )
            for place in range(len(prompts))
        ]
        asked = [{"prompt_token_ids": list(ids)} for ids in prompts]
        found = self._engine.generate(asked, settings, lora_request=self._adapter(), use_tqdm=False)
        return [[self._completion(out, temperature, stop) for out in answer.outputs] for answer in found]

    def _adapter(self) -> Any:
        """The request that names the adapter as it is now: saved anew after every update, under a new number."""
        from vllm.lora.request import LoRARequest  # type: ignore[import-not-found]

        state = tuple(p._version for p in self._model.parameters() if p.requires_grad)
        if state != self._loaded:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._number += 1
            policy_weights.save(self._model, self._student, self._folder)
            self._loaded = state
        return LoRARequest(f"policy-{self._number}", self._number, str(self._folder))

    @property
    def _folder(self) -> Path:
        return self._scratch / f"policy-{self._number}"

    def _completion(self, out: Any, temperature: float, stop: Stop) -> Completion:
        ids, finished = self._endings.cut(list(out.token_ids), stop)
        chances = [place[token].logprob for token, place in zip(ids, out.logprobs, strict=False)]
        return Completion(ids, self._endings.text(ids), finished, chances if temperature > 0 else [])
