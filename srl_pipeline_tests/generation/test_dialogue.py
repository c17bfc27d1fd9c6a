"""The real loop of proposal and verdict, with a scripted teacher."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from srl_pipeline.contracts import LoreBundle, Scenario, Step, TeacherRef, Trajectory
from srl_pipeline.errors import TeacherError
from srl_pipeline.generation.dialogue import Abandoned, shorten, solve
from srl_pipeline.model_types import Pack
from srl_pipeline.teachers import Rejection, SearchTeacher, Task, Unreadable
from srl_pipeline.verification import ScenarioSpace, Verifier

BUNDLE = LoreBundle(citations=[], tokens=0, budget=0)
Script = Callable[[int, list[Rejection]], Any]


class FallibleTeacher:
    """A test double: right like the search, except where its script says another action (or None: no proposal)."""

    ref = TeacherRef(name="fallible", version="1")

    def __init__(self, verifier: Verifier, script: Script) -> None:
        self._right, self._script = SearchTeacher(verifier), script
        self.heard: list[tuple[int, list[list[str]]]] = []

    def propose(self, task: Task, before: list[Step], rejections: list[Rejection]) -> Step | Unreadable | None:
        self.heard.append((len(before), [r.messages for r in rejections]))
        action = self._script(len(before), rejections)
        if action == "right":
            return self._right.propose(task, before, [])
        if isinstance(action, Unreadable):
            return action
        return action and Step(title="t", reasoning="I think so", action=action)


@pytest.fixture
def verifier(scaffold_pack: Pack) -> Verifier:
    return Verifier(scaffold_pack)


@pytest.fixture
def scenario(scaffold_pack: Pack) -> Scenario:
    axes = {"region": "saltmere", "bearer": "watchman", "hours": 10.0}
    return ScenarioSpace(scaffold_pack).scenario(axes, where="test")


def ask(
    verifier: Verifier,
    scenario: Scenario,
    script: Script,
    revisions: int = 2,
    variant: int = 0,
    prefix: Sequence[Step] = (),
) -> tuple[Trajectory | Abandoned | None, FallibleTeacher]:
    teacher = FallibleTeacher(verifier, script)
    made = solve(
        teacher, verifier, scenario, BUNDLE, variant=variant, max_revisions=revisions, reasoning_words=9, generation=3,
        novelty=0.5, prefix=prefix,
    )  # fmt: skip
    return made, teacher


def test_a_teacher_that_is_right_is_asked_once_a_step(verifier: Verifier, scenario: Scenario) -> None:
    made, teacher = ask(verifier, scenario, lambda step, rejections: "right")
    assert isinstance(made, Trajectory)
    assert teacher.heard == [(0, []), (1, []), (2, []), (3, [])]
    assert (made.revisions, made.soft_cost, made.generation, made.novelty) == ([], 0.0, 3, 0.5)


def test_a_rejected_step_goes_back_with_the_messages_of_its_violations(verifier: Verifier, scenario: Scenario) -> None:
    wrong = {"fuel": "wax", "fillings": 1}
    made, teacher = ask(verifier, scenario, lambda s, rejections: wrong if s == 0 and not rejections else "right")
    assert isinstance(made, Trajectory)
    messages = ["wax is not sold in Saltmere; burn oil.", "1 fillings of 6 h do not last 10 h; fill more often."]
    assert teacher.heard[1] == (0, [messages])
    assert [(r.step, r.attempt, r.action, r.messages) for r in made.revisions] == [(0, 1, wrong, messages)]
    assert made.artefact["fuel"] == "oil"


def test_every_earlier_rejection_of_a_step_is_heard_and_those_of_other_steps_are_not(
    verifier: Verifier, scenario: Scenario
) -> None:
    wrong = {0: {"fuel": "wax", "fillings": 2}, 2: {"mount": "hook"}}
    _, teacher = ask(
        verifier, scenario, lambda s, rejections: wrong[s] if s in wrong and len(rejections) < 2 else "right"
    )
    assert [(step, len(heard)) for step, heard in teacher.heard] == [
        (0, 0), (0, 1), (0, 2), (1, 0), (2, 0), (2, 1), (2, 2), (3, 0),
    ]  # fmt: skip


@pytest.mark.parametrize("revisions", [0, 1, 4])
def test_a_teacher_that_never_learns_is_asked_a_bounded_number_of_times(
    verifier: Verifier, scenario: Scenario, revisions: int
) -> None:
    made, teacher = ask(verifier, scenario, lambda s, r: {"mount": "hook"} if s == 2 else "right", revisions)
    assert isinstance(made, Abandoned)
    assert (made.step, made.reason, len(made.revisions)) == (2, "rules", revisions + 1)
    assert made.messages == ["a watchman cannot work with a hook; use a pole."]
    assert [step for step, _ in teacher.heard] == [0, 1] + [2] * (revisions + 1)


@pytest.mark.parametrize("action", [{"fuel": "oil"}, {"fuel": "oil", "fillings": "two"}, {"x": 1}])
def test_a_malformed_step_is_sent_back_like_a_wrong_one(
    verifier: Verifier, scenario: Scenario, action: dict[str, Any]
) -> None:
    made, teacher = ask(verifier, scenario, lambda s, r: action if s == 0 and not r else "right")
    assert isinstance(made, Trajectory)
    assert teacher.heard[1][1][0][0].startswith("Burner: ")
    assert [(r.reason, r.rules) for r in made.revisions] == [("schema", [])]


def test_an_answer_that_is_no_step_is_sent_back_with_its_reason(verifier: Verifier, scenario: Scenario) -> None:
    talk = Unreadable("extra_text", "There is text around the object.", "Sure! …")
    made, teacher = ask(verifier, scenario, lambda s, r: talk if s == 1 and not r else "right")
    assert isinstance(made, Trajectory)
    assert [(r.step, r.action, r.reason) for r in made.revisions] == [(1, None, "extra_text")]
    assert teacher.heard[2] == (1, [["There is text around the object."]])


def test_an_answer_that_asking_again_cannot_mend_ends_the_candidate_at_once(
    verifier: Verifier, scenario: Scenario
) -> None:
    hopeless = Unreadable("prompt_injection", "The lore gives orders.", final=True)
    made, teacher = ask(verifier, scenario, lambda s, r: hopeless)
    assert isinstance(made, Abandoned)
    assert made.reason == "prompt_injection"
    assert len(teacher.heard) == 1


def test_the_rules_that_a_step_broke_are_named(verifier: Verifier, scenario: Scenario) -> None:
    wrong = {"fuel": "wax", "fillings": 1}
    made, _ = ask(verifier, scenario, lambda s, rejections: wrong if s == 0 and not rejections else "right")
    assert isinstance(made, Trajectory)
    known = {rule.id for rule in verifier.rules.rules}
    assert len(made.revisions[0].rules) == 2
    assert set(made.revisions[0].rules) <= known


def test_the_teacher_goes_on_from_the_steps_that_stand(verifier: Verifier, scenario: Scenario) -> None:
    whole, _ = ask(verifier, scenario, lambda s, r: "right")
    assert isinstance(whole, Trajectory)
    made, teacher = ask(verifier, scenario, lambda s, r: "right", prefix=whole.steps[:2])
    assert isinstance(made, Trajectory)
    assert [step for step, _ in teacher.heard] == [2, 3]
    assert made.artefact == whole.artefact


def test_a_soft_violation_stands_and_is_counted(verifier: Verifier, scenario: Scenario) -> None:
    made, _ = ask(verifier, scenario, lambda s, r: {"colour": "green"} if s == 3 else "right")
    assert isinstance(made, Trajectory)
    assert (made.soft_cost, made.revisions) == (1.0, [])


def test_no_first_proposal_means_that_there_is_no_such_variant(verifier: Verifier, scenario: Scenario) -> None:
    assert ask(verifier, scenario, lambda s, r: None)[0] is None


def test_a_teacher_that_gives_up_half_way_is_counted_as_abandoned(verifier: Verifier, scenario: Scenario) -> None:
    made, _ = ask(verifier, scenario, lambda s, r: None if s == 1 else "right")
    assert isinstance(made, Abandoned)
    assert (made.step, made.reason, made.messages) == (1, "no_proposal", ["no proposal"])


def test_a_teacher_that_is_down_fails_and_nothing_is_substituted(verifier: Verifier, scenario: Scenario) -> None:
    def down(step: int, rejections: list[Rejection]) -> Any:
        raise TeacherError("It does not answer.", where="test", mend="Wait.")

    with pytest.raises(TeacherError, match="does not answer"):
        ask(verifier, scenario, down)


@pytest.mark.parametrize(("variant", "mark"), [(0, "best"), (1, "near_best"), (2, "near_best")])
def test_variants_are_marked(verifier: Verifier, scenario: Scenario, variant: int, mark: str) -> None:
    made, _ = ask(verifier, scenario, lambda s, r: "right", variant=variant)
    assert isinstance(made, Trajectory)
    assert made.variant == mark


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (0, ""),
        (1, "one two three."),
        (4, "one two three."),
        (5, "one two three; four five."),
        (9, "one two three; four five; six."),
    ],
)
def test_reasoning_is_shortened_by_whole_clauses(words: int, text: str) -> None:
    assert shorten("one two three; four five; six.", words) == text
