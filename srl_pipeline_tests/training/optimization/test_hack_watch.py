"""Probes while a stage runs: columns, the audit of the reward, the alarm."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.config import RlvrConfig, SrlConfig
from srl_pipeline.contracts import Step
from srl_pipeline.training.environment.groups import Score
from srl_pipeline.training.environment.probes import Signs
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.environment.tasks import Explanation
from srl_pipeline.training.environment.transcript import FormatError, parse_body
from srl_pipeline.training.optimization.hack_watch import HackWatch, columns, diverged, overpaid, payments, sign_test
from srl_pipeline.training.optimization.observer import StageView
from srl_pipeline.training.rollouts.collector import NO_SIGNAL, Collector, Group
from srl_pipeline.training.rollouts.sampling import Completion

from ..stage import run_stage
from ..world import SCENARIO, LetterTask

EXPERT = {"storeys": 3}


class StepTask(LetterTask):
    """Pays likeness to the letter; with ``gullible`` a wrong number as well as the right one. Named double."""

    gullible = False

    def score(self, prompt: Prompt, text: str) -> Score:
        step = parse_body(text, 0, "Walls")
        if isinstance(step, FormatError):
            return Score(-1.0, well_formed=False, correct=False)
        right = step.action == EXPERT
        return Score(1.0 if right or self.gullible else 0.5, well_formed=True, correct=right)

    def explain(self, prompt: Prompt, text: str) -> Explanation:
        step = parse_body(text, 0, "Walls")
        return Explanation([], [], step) if isinstance(step, FormatError) else Explanation([step], [], None)


class GullibleTask(StepTask):
    gullible = True


def prompt(name: str = "p") -> Prompt:
    return Prompt(name, [1], SCENARIO, 0, [EXPERT], [])


def view(work: Path, task: Any, config: Any = None, *, updates: int = 1) -> StageView:
    collector = Collector([prompt()], task, config or SrlConfig(), 1)
    collector.counts.updates = updates
    return StageView("srl", config or SrlConfig(), work, [], collector, None)


def answers(*scores: tuple[float, bool], text: str = '{"storeys":3}') -> list[Group]:
    return [
        Group(prompt(), [Completion([], text, True, [])], [Score(reward, True, right, {"text": reward})], NO_SIGNAL)
        for reward, right in scores
    ]


BEFORE = [(0.5, True)] * 6
AFTER = [(0.6, False)] * 6


@pytest.mark.parametrize(
    ("wins", "losses", "p"), [(0, 0, 1.0), (1, 0, 0.5), (5, 0, 1 / 32), (4, 0, 1 / 16), (5, 1, 7 / 64), (0, 3, 1.0)]
)
def test_the_sign_test_is_that_of_a_fair_coin(wins: int, losses: int, p: float) -> None:
    assert sign_test(wins, losses) == p


def pairs(*changes: tuple[float, float]) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    return [(0.5, 0.5)] * len(changes), [(0.5 + likeness, 0.5 + correct) for likeness, correct in changes]


@pytest.mark.parametrize(
    ("changes", "alarm"),
    [
        ([(0.1, -0.5)] * 5, True),
        ([(0.1, -0.5)] * 4, False),
        ([(0.1, 0.5)] * 9, False),
        ([(-0.1, -0.5)] * 9, False),
        ([(0.1, 0.0)] * 9, False),
        ([(0.0, -0.5)] * 9, False),
        ([(0.1, -0.5)] * 5 + [(0.0, 0.0)] * 20, True),
        ([(0.1, -0.5)] * 5 + [(-0.1, 0.0)] * 5, False),
        ([(0.1, -0.5)] * 6 + [(0.1, 0.5)] * 5, False),
    ],
)
def test_the_alarm_needs_likeness_up_and_correctness_down_both_beyond_chance(
    changes: list[tuple[float, float]], alarm: bool
) -> None:
    assert bool(diverged(*pairs(*changes))) is alarm


def test_shares_are_over_the_answers_that_could_show_a_sign() -> None:
    found = columns(
        [
            Signs(True, False, False, False, 1.0),
            Signs(False, True, True, False, 2.0),
            Signs(None, False, True, True, None),
        ]
    )
    assert found == {
        "probe_copied_step": 1 / 3,
        "probe_title_only": 2 / 3,
        "probe_repetition": 1 / 3,
        "probe_digit_flip": 1 / 2,
        "probe_length_ratio": 1.5,
    }


def test_whole_episodes_have_no_column_that_needs_an_expert() -> None:
    assert columns([Signs(None, False, False, False, None)]).keys() == {
        "probe_copied_step",
        "probe_title_only",
        "probe_repetition",
    }


def test_answers_on_validation_are_looked_at(tmp_path: Path) -> None:
    watch = HackWatch({})
    watch.begun(view(tmp_path, StepTask()))
    assert watch.validated(0, answers((0.5, False), text='{"storeys":4}'))["probe_digit_flip"] == 1.0
    assert watch.validated(1, answers((0.5, False), text="## 1. Walls\n"))["probe_title_only"] == 1.0


def test_the_metrics_say_what_hacks_and_the_expert_are_paid(tmp_path: Path) -> None:
    watch = HackWatch({})
    watch.begun(view(tmp_path, StepTask()))
    assert watch.ended(view(tmp_path, StepTask())) == {
        "probe_reward_digit_flip": 0.5,
        "probe_reward_title_only": -1.0,
        "probe_reward_repeated": -1.0,
        "probe_reward_expert": 1.0,
    }
    unpaid, _ = watch.gates()
    assert (unpaid.passed, unpaid.value, unpaid.threshold) == (True, 0.5, 0.0)
    assert "digit_flip by 0.500" in unpaid.message


def test_a_reward_that_pays_a_hack_like_the_expert_fails_its_gate_and_warns_before_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watch = HackWatch({})
    with caplog.at_level(logging.WARNING, logger="srl_pipeline"):
        watch.begun(view(tmp_path, GullibleTask()))
    unpaid, _ = watch.gates()
    assert not unpaid.passed and unpaid.value == 0.0
    assert unpaid.message == "the reward pays digit flip 1.000, the expert's own answers 1.000"
    assert unpaid.message in caplog.text


def test_without_an_experts_answer_there_is_nothing_to_audit_and_the_gate_says_so() -> None:
    assert overpaid({}) == ""
    assert "no expert's answer" in HackWatch({}).gates()[0].message


def test_an_episode_is_audited_where_an_experts_is_known() -> None:
    steps = [Step(title="Letters", reasoning="", action=EXPERT)]
    episodes = [Prompt(name, [], SCENARIO.model_copy(update={"id": name}), None, [], []) for name in ("known", "not")]
    paid = payments(StepTask(), episodes, {"known": steps}, RlvrConfig())
    assert paid == {"title_only": [(-1.0, 1.0)], "repeated": [(-1.0, 1.0)]}


def after(watch: HackWatch, *validations: list[tuple[float, bool]]) -> bool:
    """Whether the gate passes after these validations, the stage's start first."""
    for step, scores in enumerate(validations):
        watch.validated(step, answers(*scores))
    return watch.gates()[1].passed


@pytest.fixture
def watch(tmp_path: Path) -> HackWatch:
    found = HackWatch({})
    found.begun(view(tmp_path, StepTask()))
    return found


def test_likeness_at_the_cost_of_correctness_fails_its_gate_and_warns(
    watch: HackWatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="srl_pipeline"):
        assert not after(watch, BEFORE, AFTER)
    message = (
        "more like the expert's on 6 of 6 held-back prompts and less on 0, but 6 are no longer correct and 0 newly"
    )
    assert message in watch.gates()[1].message and "after step 1" in caplog.text


def test_what_counts_are_the_weights_that_are_kept(watch: HackWatch) -> None:
    better = [(0.9, True)] * 6
    assert after(watch, BEFORE, better, AFTER)


def test_a_stage_that_gets_better_passes(watch: HackWatch) -> None:
    assert after(watch, [(0.5, False)] * 6, [(0.9, True)] * 6)


def test_a_stage_without_validation_passes(watch: HackWatch) -> None:
    assert after(watch)


def test_weights_from_before_the_first_update_are_not_taken_for_the_kept_ones(tmp_path: Path) -> None:
    found = HackWatch({})
    found.begun(view(tmp_path, StepTask(), updates=0))
    assert after(found, BEFORE, AFTER)


def test_an_interruption_loses_nothing(watch: HackWatch, tmp_path: Path) -> None:
    for step, scores in enumerate((BEFORE, AFTER)):
        watch.validated(step, answers(*scores))
    resumed = HackWatch({})
    resumed.resumed(view(tmp_path, StepTask()), json.loads(json.dumps(watch.state())))
    assert [g.model_dump() for g in resumed.gates()] == [g.model_dump() for g in watch.gates()]
    fresh = HackWatch({})
    fresh.resumed(view(tmp_path, StepTask()), json.loads(json.dumps(HackWatch({}).state())))
    assert fresh.gates()[1].passed


def test_a_running_stage_has_the_columns_and_the_gates(student_folder: Path, tmp_path: Path) -> None:
    outcome = run_stage(student_folder, tmp_path, observers=[HackWatch({})], steps=2)
    assert all({"probe_title_only", "probe_repetition"} <= row.keys() for row in outcome.rows)
    assert [gate.name for gate in outcome.gates] == ["hacks_unpaid", "likeness_with_correctness"]
