"""Held-out scenarios tried by one set of weights: greedily and at temperature 1; and the pass rates that calibrate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from srl_pipeline.ablation.results import Answers, Attempt, ScenarioRate
from srl_pipeline.canonical import dumps
from srl_pipeline.contracts import Artefact
from srl_pipeline.evaluation.episodes import judge_episode
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.environment.transcript import ends, heading, parse
from srl_pipeline.training.rollouts.sampling import Completion, Sampler
from srl_pipeline.verification import Verifier, artefact_of

TEMPERATURE = 1.0


class Examiner:
    """One set of weights, and Model C that judges its episodes."""

    def __init__(self, model: Any, tokenizer: Any, verifier: Verifier, max_tokens: int) -> None:
        self._sampler, self._verifier, self._max_tokens = Sampler(model, tokenizer), verifier, max_tokens
        self._titles = [s.title for s in verifier.pack.spec.steps]

    def answers(
        self, prompts: Sequence[Prompt], experts: Mapping[str, Artefact], *, samples: int, seed: int
    ) -> list[Answers]:
        """One greedy episode and ``samples`` sampled ones for each prompt; ``experts`` by scenario id."""
        greedy = self._episodes(prompts, per_prompt=1, temperature=0.0, seed=0)
        sampled = self._episodes(prompts, per_prompt=samples, temperature=TEMPERATURE, seed=seed)
        return [
            Answers(
                scenario=prompt.scenario.id,
                greedy=self._attempt(prompt, likeliest, experts),
                sampled=[self._attempt(prompt, one, experts) for one in drawn],
            )
            for prompt, [likeliest], drawn in zip(prompts, greedy, sampled, strict=True)
        ]

    def rates(self, prompts: Sequence[Prompt], *, episodes: int, seed: int) -> tuple[list[ScenarioRate], int]:
        """How often each prompt is solved in so many episodes at temperature 1, and the tokens that they took."""
        found = self._episodes(prompts, per_prompt=episodes, temperature=TEMPERATURE, seed=seed)
        rates = [
            ScenarioRate(
                scenario=prompt.scenario.id,
                correct=sum(self._attempt(prompt, one, {}).correct for one in drawn),
                episodes=episodes,
            )
            for prompt, drawn in zip(prompts, found, strict=True)
        ]
        return rates, sum(len(one.ids) for drawn in found for one in drawn)

    def _episodes(
        self, prompts: Sequence[Prompt], *, per_prompt: int, temperature: float, seed: int
    ) -> list[list[Completion]]:
        return self._sampler.sample(
            [p.ids for p in prompts],
            per_prompt=per_prompt,
            max_tokens=self._max_tokens,
            temperature=temperature,
            seed=seed,
            stop=lambda text: ends(text, len(self._titles)),
        )

    def _attempt(self, prompt: Prompt, completion: Completion, experts: Mapping[str, Artefact]) -> Attempt:
        episode = judge_episode(self._verifier, prompt, completion, self._titles, keep_text=False)
        expert = experts.get(prompt.scenario.id)
        return Attempt(
            correct=episode.correct,
            format_ok=episode.format_ok,
            steps_ok=episode.steps_ok,
            exact=None if expert is None else episode.format_ok and self._artefact(completion) == dumps(expert),
            tokens=episode.tokens,
        )

    def _artefact(self, completion: Completion) -> str:
        steps = parse(heading(0, self._titles[0]) + completion.text, self._titles).steps
        return dumps(artefact_of([s.action for s in steps]))
