"""A local Hugging Face model as a teacher: a folder, a name in the local cache, or the default student.

Nothing is downloaded. There is no decoder that holds it to a schema. Where a JSON object is wanted the answer is begun
with ``{`` and ends with that object: the default student answers in prose otherwise, and goes on talking after it.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srl_pipeline.canonical import seed_of
from srl_pipeline.config import home
from srl_pipeline.errors import PipelineError, TeacherError
from srl_pipeline.presets import embedded
from srl_pipeline.teachers.calls.records import ModelCall, PermanentError, Reply, TransientError, Usage
from srl_pipeline.teachers.catalog.spec import TeacherEntry
from srl_pipeline.training.students.student import DEFAULT, pick_device, pick_dtype, student_folder

_BEGIN = "{"


@dataclass(frozen=True)
class _Loaded:
    model: Any
    tokenizer: Any
    device: str

    @property
    def context(self) -> int:
        """Tokens that the model can see."""
        return int(self.model.config.max_position_embeddings)


class TransformersBackend:
    """One generation at a time; the model is loaded with the first. Equal calls have equal answers on one machine."""

    def __init__(self, entry: TeacherEntry) -> None:
        """Raises TeacherError for a folder without a model."""
        folder = Path(entry.model)
        if folder.is_dir() and not (folder / "config.json").is_file():
            raise TeacherError(
                "The teacher's folder holds no model: there is no config.json.",
                where=str(folder.absolute()),
                mend="Name the folder of a causal language model in Hugging Face layout.",
            )
        self.vendor = entry.account_vendor
        self._model = entry.model
        self._object = entry.structured != "none"
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None

    def complete(self, call: ModelCall, *, timeout: float, idempotency_key: str) -> Reply:
        """Generate; raises CallError. ``timeout`` runs from the start of the generation: a queue is no failure."""
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._generate(self._loaded, call, timeout)

    def close(self) -> None:
        """Give back the memory."""
        with self._lock:
            self._loaded = None

    def _load(self) -> _Loaded:
        from safetensors import SafetensorError
        from transformers import AutoModelForCausalLM, AutoTokenizer

        device = pick_device("auto")
        try:
            source = student_folder(embedded(), home() / "students", (), ()) if self._model == DEFAULT else self._model
            tokenizer: Any = AutoTokenizer.from_pretrained(source, local_files_only=True, trust_remote_code=False)
            model: Any = AutoModelForCausalLM.from_pretrained(
                source,
                dtype=pick_dtype("auto", device),
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
            )
        except (OSError, ValueError, KeyError, SafetensorError, PipelineError) as error:
            first = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise PermanentError(
                f"the model {self._model} cannot be loaded: {first}",
                mend="Check 'model' of the teacher in teachers.yaml: a folder, or a model that was downloaded before.",
            ) from error
        if not tokenizer.chat_template:
            raise PermanentError(
                f"the model {self._model} has no chat template, so it takes no instructions",
                mend="Use a model that is tuned for instructions.",
            )
        return _Loaded(model.to(device).eval(), tokenizer, device)

    def _generate(self, loaded: _Loaded, call: ModelCall, timeout: float) -> Reply:
        import torch

        tokenizer = loaded.tokenizer
        begun = _BEGIN if self._object else ""
        prompt = tokenizer.apply_chat_template(_turns(call), add_generation_prompt=True, tokenize=False) + begun
        ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)["input_ids"].to(loaded.device)
        size = int(ids.shape[1])
        if size + call.max_tokens > loaded.context:
            raise PermanentError(
                f"{size} tokens of prompt and {call.max_tokens} of answer do not fit into {loaded.context}",
                mend="Lower lore.token_budget or the teacher's max_output_tokens, or use a model with more context.",
            )
        deadline = time.monotonic() + timeout

        def ended(tokens: Any, scores: Any, **_: Any) -> Any:
            over = time.monotonic() > deadline or (
                self._object and _object_in(begun + tokenizer.decode(tokens[0, size:], skip_special_tokens=True)) != ""
            )
            return torch.full((tokens.shape[0],), over, dtype=torch.bool, device=tokens.device)

        with torch.random.fork_rng(devices=[loaded.device] if loaded.device == "cuda" else []), torch.inference_mode():
            torch.manual_seed(seed_of("teacher", call.key))
            output = loaded.model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=call.max_tokens,
                stopping_criteria=[ended],
                pad_token_id=tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id,
                **_sampling(call.temperature),
            )
        made = output[0, size:]
        text = begun + tokenizer.decode(made, skip_special_tokens=True)
        whole = _object_in(text) if self._object else ""
        finished = whole != "" or int(made[-1]) in _end_tokens(loaded.model)
        if not finished and time.monotonic() > deadline:
            raise TransientError(f"the model {self._model} did not answer within {timeout:g} s")
        return Reply(
            text=whole or text,
            usage=Usage(input_tokens=size, output_tokens=len(made)),
            stop="end" if finished else "length",
            model=self._model,
        )


def _turns(call: ModelCall) -> list[dict[str, str]]:
    system = [{"role": "system", "content": call.system}] if call.system else []
    return system + [{"role": m.role, "content": m.content} for m in call.messages]


def _sampling(temperature: float | None) -> dict[str, Any]:
    """None leaves it to the model's own generation settings, as with any vendor."""
    if temperature is None:
        return {}
    return {"do_sample": True, "temperature": temperature} if temperature else {"do_sample": False}


def _object_in(text: str) -> str:
    """The JSON object that ``text`` begins with, as it is written there; empty while it is not complete."""
    if "}" not in text:
        return ""
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return ""
    return text[:end]


def _end_tokens(model: Any) -> set[int]:
    end = model.generation_config.eos_token_id
    return set(end) if isinstance(end, list) else {end}
