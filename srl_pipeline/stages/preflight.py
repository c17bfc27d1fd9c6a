"""Before compute is spent: can the student follow the format, is there signal, is there room, how long will it take?

`format_rate` decides the warm-up. `preflight` then samples a few training prompts with the very weights, task and
settings of the stage, learns from one group without changing a weight, and refuses, proposes or is content
(`readiness`). It is seeded, so the same weights give the same figures; only times differ.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from srl_pipeline.canonical import pretty, seed_of
from srl_pipeline.config import PreflightConfig
from srl_pipeline.contracts import Record
from srl_pipeline.errors import TrainingError
from srl_pipeline.registry.artifacts import write_durably
from srl_pipeline.training.memory import (
    MB,
    MemoryEstimate,
    available_bytes,
    kept_for_backward,
    least_activations,
    optimizer_bytes,
    rollout_cache,
)
from srl_pipeline.training.readiness import (
    Duration,
    Proposal,
    Refills,
    Signal,
    duration,
    hopeless,
    no_room,
    proposals,
    refills,
    signal_of,
)

if TYPE_CHECKING:
    from srl_pipeline.stages.workspace import Workspace
    from srl_pipeline.training.optimization.policy_stage import StageJob
    from srl_pipeline.training.rollouts.collector import Group

log = logging.getLogger("srl_pipeline")
PROMPTS = 8
ROLLOUTS = 2
MAX_TOKENS = 64


def format_rate(workspace: Workspace) -> float:
    """Share of sampled first steps that parse, on a few training prompts, at the training temperature."""
    from srl_pipeline.training.environment.transcript import FormatError, ends, parse_body
    from srl_pipeline.training.rollouts.sampling import Sampler

    student = workspace.load()
    writer = workspace.writer(student)
    prompts = [writer.episode(t.scenario, t.bundle).ids for t in workspace.accepted["train"][:PROMPTS]]
    sampler = Sampler(student.model, student.tokenizer)
    found = sampler.sample(
        prompts,
        per_prompt=ROLLOUTS,
        max_tokens=MAX_TOKENS,
        temperature=workspace.config.srl.temperature,
        seed=workspace.config.seed,
        stop=lambda text: ends(text, 1),
    )
    parsed = [not isinstance(parse_body(c.text, 0, writer.titles[0]), FormatError) for group in found for c in group]
    rate = sum(parsed) / len(parsed)
    log.info("preflight: the student follows the format in %.0f %% of %d first steps", 100 * rate, len(parsed))
    return rate


class Preflight(Record):
    """What was found before a stage began."""

    stage: str
    signal: Signal
    refills: Refills
    memory: MemoryEstimate
    duration: Duration
    proposals: list[Proposal]
    objection: str = Field(description="Why the stage would have been refused; only with preflight.mode=propose.")
    seconds: float = Field(description="What the preflight itself took.")

    @property
    def note(self) -> str:
        """One line for people; empty when there is nothing to say."""
        said = [self.objection] if self.objection else []
        if self.proposals:
            said.append("Preflight proposes " + "; ".join(map(str, self.proposals)) + ".")
        return " ".join(said)


def preflight_file(folder: Path, stage: str) -> Path:
    """Where an artifact holds the preflight of a stage."""
    return folder / f"preflight_{stage}.json"


def preflight(job: StageJob, config: PreflightConfig) -> Preflight | None:
    """Measure before ``job`` begins; a resumed job goes by what was found then. None when it is switched off.

    Raises:
        TrainingError: The stage would spend compute for nothing, or run out of memory. No weight was changed.
    """
    file = preflight_file(job.work, job.name)
    if config.mode == "off" or not job.train:
        return None
    if file.exists():
        return Preflight.model_validate_json(file.read_bytes())
    found = _measure(job, config)
    log.info(
        "%s preflight (%.1f s): format %.0f %%, correct %.0f %%, reward spread %.3f, %.0f %% of the groups survive; "
        "about %.0f s a step, %.0f s and %s tokens in all; %s of %s MB",
        job.name,
        found.seconds,
        100 * found.signal.format_rate,
        100 * found.signal.correct_rate,
        found.signal.reward_spread,
        100 * found.signal.surviving,
        found.duration.seconds_a_step,
        found.duration.seconds,
        f"{found.duration.tokens:,.0f}",
        f"{found.memory.needed / MB:,.0f}",
        f"{found.memory.available / MB:,.0f}",
    )
    if found.note:
        log.warning("%s: %s", job.name, found.note)
    write_durably(file, pretty(found.model_dump()))
    return found


def _measure(job: StageJob, config: PreflightConfig) -> Preflight:
    from srl_pipeline.training.optimization.algorithms import policy_collector
    from srl_pipeline.training.rollouts.sampling import Sampler

    begun = time.monotonic()
    objections: list[str] = []

    def consider(error: TrainingError | None) -> None:
        if error and config.mode == "refuse":
            raise error
        if error:
            objections.append(error.what)

    seed = seed_of(job.seed, "preflight")
    count = config.episodes if job.name == "rlvr" else config.prompts
    chosen = random.Random(seed).sample(list(job.train), min(count, len(job.train)))
    consider(no_room(job.name, job.config, _least(job), available_bytes(job.student.device)))
    collector = policy_collector(job.train, job.task, job.config, job.seed)
    groups = collector.sample(Sampler(job.model, job.student.tokenizer), chosen, seed=seed)
    rollout_seconds = (time.monotonic() - begun) / len(groups)
    found = signal_of(groups)
    consider(hopeless(job.name, found, config.min_format_rate))
    learned = _learn_once(job, groups)
    memory = _memory(job, learned)
    # what the smallest of the sampled groups takes is needed, whatever the longest will be
    certain = memory.optimizer + round(learned.bytes_a_token * min(map(_tokens, groups)))
    consider(no_room(job.name, job.config, certain, memory.available))
    expected = refills(found.surviving, job.config.prompts_per_step, job.config.max_resamples)
    right = [(g.prompt.scenario.difficulty, sum(s.correct for s in g.scores) / len(g.scores)) for g in groups]
    return Preflight(
        stage=job.name,
        signal=found,
        refills=expected,
        memory=memory,
        duration=duration(job.config, found, expected, rollout_seconds=rollout_seconds, update_seconds=learned.seconds),
        proposals=proposals(job.name, job.config, found, memory, right),
        objection=" ".join(objections),
        seconds=time.monotonic() - begun,
    )


def _least(job: StageJob) -> int:
    """Bytes that the smallest micro-batch cannot do without: one group of the shortest prompt, a token a completion."""
    trained = {n.partition(".layers.")[2].partition(".")[0] for n, p in job.model.named_parameters() if p.requires_grad}
    layers = job.student.model.config.num_hidden_layers
    share = min(1.0, len(trained - {""}) / layers)
    tokens = min(len(p.ids) for p in job.train) + job.config.rollouts
    each = least_activations(job.student.model.config, job.student.dtype.itemsize, share)
    return optimizer_bytes(job.model) + int(tokens * each)


@dataclass(frozen=True)
class _Learned:
    """One group's forward and backward pass: what autograd kept, the time, the memory that was free before."""

    bytes_a_token: float
    seconds: float
    available: int


def _learn_once(job: StageJob, groups: Sequence[Group]) -> _Learned:
    """Learn from the longest group, and throw the gradients away."""
    from srl_pipeline.training.kernels.shared_prefix import completion_logps

    available = available_bytes(job.student.device)
    group = max(groups, key=_tokens)
    begun = time.monotonic()
    with kept_for_backward(job.model) as kept:
        tokens = [(group.prompt.ids, [c.ids for c in group.completions])]
        found = completion_logps(job.model, tokens, temperature=job.config.temperature)
    sum(logps.sum() for logps in found).backward()  # type: ignore[union-attr]
    job.model.zero_grad(set_to_none=True)
    return _Learned(kept[0] / _tokens(group), time.monotonic() - begun, available)


def _memory(job: StageJob, learned: _Learned) -> MemoryEstimate:
    """The largest micro-batch and the fullest sampling cache: the longest prompt, completions up to the limit."""
    from srl_pipeline.training.rollouts.sampling import MAX_ROWS

    config, longest = job.config, max(len(p.ids) for p in job.train)
    learned_tokens = max(1, config.micro_batch_size // config.rollouts) * (
        longest + config.rollouts * config.max_tokens
    )
    rows = min(MAX_ROWS, config.prompts_per_step * config.rollouts)
    cached_tokens = rows // config.rollouts * longest + rows * config.max_tokens
    return MemoryEstimate(
        optimizer=optimizer_bytes(job.model),
        micro_batch=round(learned.bytes_a_token * learned_tokens),
        sampling=rollout_cache(job.student.model.config, job.student.dtype.itemsize, cached_tokens),
        available=learned.available,
    )


def _tokens(group: Group) -> int:
    return len(group.prompt.ids) + sum(len(c.ids) for c in group.completions)
