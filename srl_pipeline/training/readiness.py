"""Is a stage worth starting, and with which settings? Pure decisions over what the preflight measured.

What is hopeless is refused: no step parses, every reward is equal, memory is certainly not enough. What only looks
poor brings proposals: a setting by its dotted name, a value, a reason. RLVR is never refused for want of signal: it
then passes the SRL weights through and says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, median

from pydantic import Field

from srl_pipeline.config import PolicyConfig, RlvrConfig
from srl_pipeline.contracts import Json, Record
from srl_pipeline.errors import TrainingError
from srl_pipeline.training.environment.groups import population_std
from srl_pipeline.training.memory import MB, MemoryEstimate
from srl_pipeline.training.rollouts.collector import Group

POOR_FORMAT = 0.5
FEW_SURVIVE = 0.25
"""Share of groups with signal below which most of the sampling is wasted."""
FULL_BATCH = 0.9
"""Share of a batch that the refills should fill."""
MANY_CUT = 0.2
"""Share of completions that reach the limit of tokens above which the limit is in the way."""
TIGHT = 0.7
"""Share of the free memory above which another program is enough for a failure."""
MOST_RESAMPLES = 16


class Signal(Record):
    """What a sample of groups says of the signal in them."""

    groups: int
    completions: int
    format_rate: float = Field(description="Share of completions that parse.")
    correct_rate: float = Field(description="Share that is the expert's action (SRL) or a verified episode (RLVR).")
    reward_mean: float
    reward_spread: float = Field(description="Mean population std of rewards among a group's well-formed completions.")
    comparable: int = Field(description="Groups with at least two well-formed completions.")
    equal: int = Field(description="Of those, groups whose rewards are all equal.")
    median_std: float = Field(description="Of the std that dynamic sampling compares with std_epsilon.")
    surviving: float = Field(description="Share of groups that dynamic sampling keeps.")
    truncated: float
    completion_tokens: float = Field(description="Mean a completion.")


class Refills(Record):
    """What dynamic sampling comes to, at the measured share of surviving groups."""

    attempts: float = Field(description="Sampling rounds a batch, the first included.")
    sampled: float = Field(description="Groups sampled a batch.")
    filled: float = Field(description="Share of the batch that is filled in the end.")


class Duration(Record):
    """Measured on the sample, scaled to the stage."""

    seconds_a_step: float
    seconds: float
    tokens_a_step: float = Field(description="Generated tokens.")
    tokens: float


class Proposal(Record):
    """A setting to try instead."""

    setting: str
    value: Json
    why: str

    def __str__(self) -> str:
        return f"{self.setting}={self.value} ({self.why})"


def signal_of(groups: Sequence[Group]) -> Signal:
    """The figures of sampled groups."""
    scores = [score for group in groups for score in group.scores]
    cut = [not c.finished for group in groups for c in group.completions]
    good = [[s.reward for s in group.scores if s.well_formed] for group in groups]
    comparable = [rewards for rewards in good if len(rewards) > 1]
    return Signal(
        groups=len(groups),
        completions=len(scores),
        format_rate=fmean(s.well_formed for s in scores),
        correct_rate=fmean(s.correct for s in scores),
        reward_mean=fmean(s.reward for s in scores),
        reward_spread=fmean(map(population_std, good)),
        comparable=len(comparable),
        equal=sum(population_std(rewards) == 0.0 for rewards in comparable),
        median_std=median(group.signal.std for group in groups),
        surviving=fmean(group.signal.kept for group in groups),
        truncated=fmean(cut),
        completion_tokens=fmean(len(c.ids) for group in groups for c in group.completions),
    )


def refills(surviving: float, prompts_per_step: int, max_resamples: int) -> Refills:
    """Expected rounds: each draws what is still lacking, of which the share ``surviving`` is kept."""
    lacking, sampled, attempts = float(prompts_per_step), 0.0, 0
    while lacking >= 0.5 and attempts <= max_resamples:  # less than half a prompt: full, as often as not
        sampled += lacking
        lacking *= 1 - surviving
        attempts += 1
    return Refills(attempts=attempts, sampled=sampled, filled=1 - lacking / prompts_per_step)


def duration(
    config: PolicyConfig, signal: Signal, expected: Refills, *, rollout_seconds: float, update_seconds: float
) -> Duration:
    """Time and tokens of the stage; seconds are those of sampling, and of learning from, one group."""
    reuse = config.ppo.updates_per_batch if isinstance(config, RlvrConfig) and config.algorithm == "ppo" else 1
    learned = config.prompts_per_step * expected.filled
    validation = config.validation_prompts * rollout_seconds / config.rollouts / config.validate_every
    tokens = expected.sampled * config.rollouts * signal.completion_tokens / reuse
    a_step = expected.sampled * rollout_seconds / reuse + learned * update_seconds + validation
    return Duration(
        seconds_a_step=a_step, seconds=a_step * config.steps, tokens_a_step=tokens, tokens=tokens * config.steps
    )


def no_room(stage: str, config: PolicyConfig, needed: int, available: int) -> TrainingError | None:
    """Refusal where ``needed`` bytes, which are certainly needed, are not there."""
    if needed <= available:
        return None
    return TrainingError(
        f"Too little memory: {stage} needs at least {needed / MB:,.0f} MB beyond the loaded student, "
        f"{available / MB:,.0f} MB are free.",
        where=f"{stage}, preflight",
        mend=f"Lower {stage}.micro_batch_size (now {config.micro_batch_size}) or {stage}.max_tokens (now "
        f"{config.max_tokens}), train fewer weights (student.lora_layers, student.tuning), or free memory.",
    )


def hopeless(stage: str, signal: Signal, min_format_rate: float) -> TrainingError | None:
    """Refusal of SRL where there can be no signal; None otherwise, and for RLVR."""
    if stage != "srl":
        return None
    where = f"{stage}, preflight on {signal.groups} prompts, {signal.completions} completions"
    if signal.format_rate < min_format_rate:
        return TrainingError(
            f"The student cannot follow the format: {signal.format_rate:.1%} of its steps parse, even after the "
            "warm-up if there was one.",
            where=where,
            mend="Let it warm up (warmup.mode=auto), or longer (warmup.steps, warmup.learning_rate); or choose another "
            "student. Steps that are cut off never parse: see srl.max_tokens.",
        )
    if signal.comparable and signal.equal == signal.comparable and not signal.surviving:
        return TrainingError(
            f"All rewards are equal within each of {signal.comparable} groups: there is nothing to learn from.",
            where=where,
            mend="Raise srl.temperature or srl.rollouts; a student that is always right needs harder scenarios.",
        )
    return None


def proposals(
    stage: str,
    config: PolicyConfig,
    signal: Signal,
    memory: MemoryEstimate,
    difficulties: Sequence[tuple[float, float]],
) -> list[Proposal]:
    """Settings to try where the figures look poor.

    Args:
        difficulties: Of every sampled prompt the scenario's difficulty and the share of correct completions.
    """
    found = _memory(stage, config, memory)
    if signal.truncated > MANY_CUT:
        found.append(_proposal(stage, "max_tokens", math.ceil(config.max_tokens * 1.5), f"{signal.truncated:.0%} cut"))
    if isinstance(config, RlvrConfig):
        return found + _outcomes(stage, config, signal, difficulties)
    return found + _steps(stage, config, signal)


def _memory(stage: str, config: PolicyConfig, memory: MemoryEstimate) -> list[Proposal]:
    room = TIGHT * memory.available - memory.optimizer
    if memory.micro_batch <= room or config.micro_batch_size == 1:
        return []
    fitting = max(1, int(config.micro_batch_size * room / memory.micro_batch)) if room > 0 else 1
    why = f"{memory.needed / MB:,.0f} of {memory.available / MB:,.0f} MB"
    if fitting < config.rollouts:  # a micro-batch holds whole groups
        return [_proposal(stage, "rollouts", max(2, fitting), why)] if config.rollouts > 2 else []
    return [_proposal(stage, "micro_batch_size", fitting, why)]


def _steps(stage: str, config: PolicyConfig, signal: Signal) -> list[Proposal]:
    found: list[Proposal] = []
    if signal.format_rate < POOR_FORMAT:
        found.append(
            Proposal(setting="warmup.mode", value="always", why=f"{signal.format_rate:.0%} of the steps parse")
        )
    if signal.surviving >= FEW_SURVIVE:
        return found + _more_rounds(stage, config, signal)
    why = f"{signal.surviving:.0%} of the groups survive"
    if 0 < signal.median_std <= config.std_epsilon:
        found.append(_proposal(stage, "std_epsilon", round(signal.median_std / 2, 6), why))
    elif config.temperature < 1:
        found.append(_proposal(stage, "temperature", 1.0, why))
    else:
        found.append(_proposal(stage, "rollouts", config.rollouts * 2, why))
    return found + _more_rounds(stage, config, signal)


def _outcomes(
    stage: str, config: RlvrConfig, signal: Signal, difficulties: Sequence[tuple[float, float]]
) -> list[Proposal]:
    if signal.surviving >= FEW_SURVIVE:
        return _more_rounds(stage, config, signal)
    why = f"{signal.surviving:.0%} of the groups have right and wrong episodes, {signal.correct_rate:.0%} are right"
    if signal.correct_rate > 0.5:  # too easy
        found = [_proposal(stage, "max_difficulty", 1.0, why)] if config.max_difficulty < 1 else []
        return found or [_proposal(stage, "temperature", round(config.temperature * 1.25, 2), why)]
    solved = [difficulty for difficulty, right in difficulties if right > 0]
    hardest = max(difficulty for difficulty, _ in difficulties)
    reachable = round(max(solved) if solved else min(config.max_difficulty, hardest) / 2, 2)
    found = [_proposal(stage, "max_difficulty", reachable, why)] if 0 < reachable < config.max_difficulty else []
    if config.routing == "off":
        found.append(_proposal(stage, "routing", "measured", "trains where it is right now and then"))
    return [*found, _proposal(stage, "rollouts", config.rollouts * 2, why)]


def _more_rounds(stage: str, config: PolicyConfig, signal: Signal) -> list[Proposal]:
    if not signal.surviving or refills(signal.surviving, config.prompts_per_step, config.max_resamples).filled >= (
        FULL_BATCH
    ):
        return []
    for rounds in range(config.max_resamples + 1, MOST_RESAMPLES + 1):
        expected = refills(signal.surviving, config.prompts_per_step, rounds)
        if expected.filled >= FULL_BATCH:
            why = f"{signal.surviving:.0%} of the groups survive"
            return [_proposal(stage, "max_resamples", rounds, why)]
    return []


def _proposal(stage: str, setting: str, value: Json, why: str) -> Proposal:
    return Proposal(setting=f"{stage}.{setting}", value=value, why=why)
