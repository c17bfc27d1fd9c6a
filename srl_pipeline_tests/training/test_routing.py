"""Routing: pure decisions, a measurement that is made once, and the fall-back."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.training.environment.groups import Score
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.optimization.watch import Circumstances, observers_of
from srl_pipeline.training.rollouts.collector import NO_SIGNAL, Batch, Collector, Group
from srl_pipeline.training.rollouts.coverage import Origin
from srl_pipeline.training.routing import (
    RouteAccount,
    Routing,
    route,
    route_before_rlvr,
    routed,
    routing_file,
    sometimes_solved,
)
from srl_pipeline.training.students.student import Student

from .outcome import OutcomeTask, rlvr_config
from .stage import run_stage
from .world import SCENARIO, adapted, policy_config, prompts

NO_VIEW: Any = None


@pytest.mark.parametrize(
    ("pass_rate", "attempts", "where"),
    [
        (0.0, 0, "srl"),
        (0.0, 1, "srl"),
        (0.0, 2, "teacher"),
        (0.01, 1, "rlvr"),
        (0.99, 2, "rlvr"),
        (1.0, 0, "retired"),
        (1.0, 2, "retired"),
    ],
)
def test_a_scenario_goes_where_its_pass_rate_sends_it(pass_rate: float, attempts: int, where: str) -> None:
    assert route(pass_rate, attempts) == where


def group(scenario: str, *right: bool) -> Group:
    prompt = Prompt(scenario, [], SCENARIO.model_copy(update={"id": scenario}), None, [], [])
    return Group(prompt, [], [Score(float(r), True, r) for r in right], NO_SIGNAL)


GROUPS = [group("never", False, False), group("now and then", True, False), group("always", True, True)]


def test_all_groups_of_a_scenario_count_together() -> None:
    found = routed([*GROUPS, group("always", False, True)], attempts=1)
    assert [(s.scenario, s.correct, s.episodes, s.route) for s in found] == [
        ("never", 0, 2, "srl"),
        ("now and then", 1, 2, "rlvr"),
        ("always", 3, 4, "rlvr"),
    ]


def test_rlvr_trains_on_what_is_solved_now_and_then() -> None:
    given = [g.prompt for g in (*GROUPS, group("not measured", True))]
    assert [p.key for p in sometimes_solved(given, routed(GROUPS, attempts=1))] == ["now and then"]


def test_where_nothing_is_solved_now_and_then_all_are_trained_on_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = routed([GROUPS[0], GROUPS[2]], attempts=1)
    with caplog.at_level(logging.WARNING, logger="srl_pipeline"):
        assert sometimes_solved([g.prompt for g in GROUPS], found) == [g.prompt for g in GROUPS]
    assert "none of 2 measured scenarios" in caplog.text


def own_scenarios(student: Student) -> list[Prompt]:
    given = prompts(student, 6)
    return [
        Prompt(p.key, p.ids, SCENARIO.model_copy(update={"id": f"s{i}"}), None, [], []) for i, p in enumerate(given)
    ]


def measured(student: Student, work: Path, **changes: Any) -> tuple[list[Prompt], Any]:
    config = rlvr_config("grpo").model_copy(update={"routing": "measured", "routing_rollouts": 3} | changes)
    return route_before_rlvr(work, student, adapted(student), OutcomeTask(), config, own_scenarios(student), 7)


def test_routing_that_is_off_measures_nothing(
    student: Student, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Collector, "sample", None)
    kept, found = measured(student, tmp_path, routing="off")
    assert len(kept) == 6 and found == [] and not routing_file(tmp_path).exists()


def test_as_many_scenarios_are_measured_as_asked_with_as_many_episodes(student: Student, tmp_path: Path) -> None:
    kept, found = measured(student, tmp_path, routing_scenarios=4)
    assert len(found) == 4 and {s.episodes for s in found} == {3}
    wanted = {s.scenario for s in found if s.route == "rlvr"}
    assert {p.scenario.id for p in kept} == (wanted or {f"s{i}" for i in range(6)})


def test_a_resumed_stage_goes_by_the_first_measurement(
    student: Student, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = measured(student, tmp_path)[1]
    monkeypatch.setattr(Collector, "sample", None)
    assert measured(student, tmp_path)[1] == first


def test_the_account_counts_every_rollout_and_survives_an_interruption(tmp_path: Path) -> None:
    view: Any = type("View", (), {"work": tmp_path})
    first = RouteAccount(routed(GROUPS, attempts=1))
    first.sampled(1, Batch([], GROUPS, 1))
    second = RouteAccount(routed(GROUPS, attempts=1))
    second.resumed(NO_VIEW, json.loads(json.dumps(first.state())))
    second.sampled(2, Batch([], [group("never", False, False)], 1))
    metrics = second.ended(view)
    left = Routing.model_validate_json(routing_file(tmp_path).read_bytes())
    assert {s.scenario: (s.episodes, s.route) for s in left.after} == {
        "never": (4, "teacher"),
        "now and then": (2, "rlvr"),
        "always": (2, "retired"),
    }
    assert [s.route for s in left.before] == ["srl", "rlvr", "retired"]
    assert (metrics["routed_before_srl"], metrics["routed_after_teacher"], metrics["routed_after_srl"]) == (1, 1, 0)


def test_only_rlvr_is_routed(student_folder: Path, tmp_path: Path) -> None:
    about = Circumstances(Origin(8, 6), {})
    assert "routing" in [o.name for o in observers_of(rlvr_config("grpo"), about)]
    run_stage(student_folder, tmp_path, observers=observers_of(policy_config(steps=1), about), steps=1)
    assert not routing_file(tmp_path).exists()
