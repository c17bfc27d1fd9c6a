"""The reward of an answer by our verifier: what every grader must give, wherever it runs."""

from __future__ import annotations

from srl_pipeline.contracts import Action, Scenario, StepResult
from srl_pipeline.teachers.prompted.answer import KEYS, MAX_BYTES, MAX_REASONING
from srl_pipeline.teachers.prompted.strict_json import BadJson, read_object
from srl_pipeline.tuning.records import GraderItem
from srl_pipeline.verification import SOFT_PENALTY, Verifier


def step_reward(result: StepResult) -> float:
    """0 for a structural error or a hard violation, else 1 less the penalty of the step's soft violations; 0 to 1."""
    if not result.hard_ok:
        return 0.0
    return max(0.0, 1.0 - SOFT_PENALTY * sum(v.weight for v in result.violations))


def read_action(text: str) -> Action | None:
    """The action of an answer; None where it is not one strict JSON object of reasoning and action, within bounds."""
    if len(text.encode(errors="replace")) > MAX_BYTES:
        return None
    try:
        value = read_object(text)
    except BadJson:
        return None
    if value.keys() != KEYS:
        return None
    reasoning, action = value["reasoning"], value["action"]
    readable = isinstance(reasoning, str) and len(reasoning) <= MAX_REASONING and isinstance(action, dict)
    return action if readable else None


def judge_action(verifier: Verifier, action: Action, item: GraderItem) -> StepResult:
    """What the verifier says of ``action`` for the step of ``item``. Raises RuleError as the verifier does."""
    scenario = Scenario(
        id="",
        model_type=verifier.pack.name,
        axes=item.axes,
        brief="",
        facts=item.facts,
        documents=[],
        difficulty=0.0,
    )
    return verifier.check_step(scenario, item.before, item.step, action)


def answer_reward(verifier: Verifier, text: str, item: GraderItem) -> float:
    """Reward of the answer ``text`` for ``item``: 0 where it cannot be read. Raises RuleError."""
    action = read_action(text)
    return 0.0 if action is None else step_reward(judge_action(verifier, action, item))
