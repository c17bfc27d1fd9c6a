"""Solve held-out scenarios with one checkpoint, greedily, and let Model C judge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from srl_pipeline.clock import StopWatch, now_iso
from srl_pipeline.config import EvaluationConfig
from srl_pipeline.evaluation.results import Episode, StageResult
from srl_pipeline.evaluation.timing import machine_kind
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.environment.transcript import ends, heading, parse
from srl_pipeline.training.memory import peak_memory_mb
from srl_pipeline.training.rollouts.sampling import Completion, Sampler
from srl_pipeline.verification import Verifier


def evaluate_checkpoint(
    stage: str,
    data_version: str,
    model: Any,
    tokenizer: Any,
    verifier: Verifier,
    prompts: Sequence[Prompt],
    config: EvaluationConfig,
    *,
    latency_scenarios: int = 0,
) -> StageResult:
    """One greedy episode for each prompt; then the first ``latency_scenarios`` again, each alone and timed."""
    watch = StopWatch()
    titles = [s.title for s in verifier.pack.spec.steps]
    sampler = Sampler(model, tokenizer)

    def solve(together: Sequence[Prompt]) -> list[list[Completion]]:
        return sampler.sample(
            [p.ids for p in together],
            per_prompt=1,
            max_tokens=config.max_tokens,
            temperature=0.0,
            seed=0,
            stop=lambda text: ends(text, len(titles)),
        )

    found = solve(prompts)
    episodes = [
        judge_episode(verifier, prompt, completions[0], titles, keep_text=i < config.expert_samples)
        for i, (prompt, completions) in enumerate(zip(prompts, found, strict=True))
    ]
    seconds = watch.seconds  # of the batch: what is timed below is another figure
    latencies, latency_tokens = _alone(solve, prompts[:latency_scenarios])
    return StageResult(
        stage=stage,
        data_version=data_version,
        episodes=episodes,
        seconds=seconds,
        peak_memory_mb=peak_memory_mb(),
        latencies=latencies,
        latency_tokens=latency_tokens,
        measured_at=now_iso() if latencies else "",
        machine=machine_kind() if latencies else "",
    )


def _alone(
    solve: Callable[[Sequence[Prompt]], list[list[Completion]]], prompts: Sequence[Prompt]
) -> tuple[list[float], int]:
    """Wall seconds of each prompt as a batch of one, and the tokens of all; the first is solved once untimed before."""
    solve(prompts[:1])
    latencies, tokens = [], 0
    for prompt in prompts:
        watch = StopWatch()
        [[completion]] = solve([prompt])
        latencies.append(watch.seconds)
        tokens += len(completion.ids)
    return latencies, tokens


def judge_episode(
    verifier: Verifier, prompt: Prompt, completion: Completion, titles: list[str], *, keep_text: bool
) -> Episode:
    """Parse and verify one completion; what cannot be read is a failed episode, never an exception."""
    text = heading(0, titles[0]) + completion.text
    episode = parse(text, titles)
    verdict = verifier.verify(prompt.scenario, [s.action for s in episode.steps])
    well_formed = episode.error is None
    broken = sorted({v.rule_id for v in verdict.violations})
    return Episode(
        scenario_id=prompt.scenario.id,
        axes=prompt.scenario.axes,
        band=prompt.scenario.band,
        correct=verdict.correct and well_formed,
        format_ok=well_formed,
        reward=verdict.outcome_reward if well_formed else 0.0,
        steps_ok=sum(s.hard_ok for s in verdict.steps),
        tokens=len(completion.ids),
        broken=broken,
        hard_broken=sorted({v.rule_id for v in verdict.violations if v.severity == "hard"}),
        considered=verdict.considered,
        text=f"{prompt.scenario.brief}\n\n{text}" if keep_text else "",
    )
