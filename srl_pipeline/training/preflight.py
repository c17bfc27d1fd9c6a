"""Before compute is spent: can the student follow the format?"""

from __future__ import annotations

import logging

from srl_pipeline.training.workspace import Workspace

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
