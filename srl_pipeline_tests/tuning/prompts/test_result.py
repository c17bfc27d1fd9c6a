"""What one search found, and what it asked for: one search serves all these tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from srl_pipeline.contracts import Trajectory
from srl_pipeline.errors import BudgetError
from srl_pipeline.generation.dialogue import solve
from srl_pipeline.generation.teaching import teaching
from srl_pipeline.teachers import teacher_entry, teacher_ref
from srl_pipeline.teachers.catalog import register_teacher
from srl_pipeline.teachers.prompted.shots import FOLDER, read_shots
from srl_pipeline.tuning.prompts import PromptResult, estimate_prompt, with_shots
from srl_pipeline.tuning.records import Estimate
from srl_pipeline.verification import Verifier
from srl_pipeline_tests.generation.paid import bill, billed
from srl_pipeline_tests.tuning.prompts.conftest import at_home, serving
from srl_pipeline_tests.tuning.prompts.searching import TASKS, TEACHER, Pupil, School
from srl_pipeline_tests.vendors.log import read_log


@dataclass(frozen=True)
class Finished:
    school: School
    log: Path
    estimate: Estimate
    asked_before: int
    result: PromptResult


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, packs: Path) -> Iterator[Finished]:
    """A pupil that knows nothing by itself, and everything once it is shown a solved task."""
    folder = tmp_path_factory.mktemp("finished")
    with at_home(folder, packs) as empty, serving(folder, Pupil(0.0, lambda _: 1.0)) as server:
        school, log = empty.hire("openai", server.url), server.log.file
        estimate = estimate_prompt(school.search(), Verifier(school.pack), school.config())
        yield Finished(school, log, estimate, len(read_log(log)), school.optimise())


def test_solved_tasks_that_help_are_chosen_and_measured_better(finished: Finished) -> None:
    bare, winner = finished.result.trials[0], finished.result.trials[finished.result.chosen]
    assert (bare.tasks, bare.accepted, bare.shots) == (TASKS, 0, None)
    assert (winner.tasks, winner.accepted) == (TASKS, TASKS)
    assert winner.pass_rate.low is not None and bare.pass_rate.high is not None
    assert winner.pass_rate.low > bare.pass_rate.high
    assert "5 of 5 scenarios verified with" in finished.result.why


def test_the_winners_solved_tasks_alone_are_kept(finished: Finished) -> None:
    result, home = finished.result, finished.school.home
    assert result.shots is not None
    assert [file.stem for file in (home / FOLDER).iterdir()] == [result.shots]
    assert len(read_shots(home, result.shots).shots) == result.trials[result.chosen].shown


def test_what_it_cost_is_what_the_vendor_bills(finished: Finished) -> None:
    assert finished.school.committed() == bill(finished.log)
    assert finished.result.spent_usd == pytest.approx(bill(finished.log) / 1e9)
    assert sum(t.usd for t in finished.result.trials) == pytest.approx(finished.result.spent_usd)


def test_of_prompts_that_do_the_same_the_one_that_is_cheapest_to_ask_wins(finished: Finished) -> None:
    rivals = [t for t in finished.result.trials[1:] if t.accepted == TASKS]
    assert len(rivals) == 2
    assert finished.result.chosen == min(rivals, key=lambda t: (t.shown, t.input_tokens + t.output_tokens)).index


def test_a_set_that_is_dropped_is_asked_no_more(finished: Finished) -> None:
    assert sorted(t.tasks for t in finished.result.trials[1:]) == [4, TASKS, TASKS]
    steps = len(finished.school.pack.spec.steps)
    assert len(billed(finished.log)) == TASKS + (4 + TASKS + TASKS) * steps  # the bare prompt fails at the first step


def test_a_second_search_asks_nothing_and_finds_the_same(finished: Finished) -> None:
    asked = len(read_log(finished.log))
    assert finished.school.optimise() == finished.result
    assert len(read_log(finished.log)) == asked


def test_the_estimate_asks_nothing_and_brackets_the_cost(finished: Finished) -> None:
    found, cost = finished.estimate, finished.result.spent_usd
    assert finished.asked_before == 0
    assert cost / 2 < found.usd.likely < 2 * cost < found.usd.most
    assert found.tokens.likely < found.tokens.most
    assert found.price_as_of == "2026-11-01"


def test_a_registered_winner_is_asked_nothing_that_the_search_has_asked(finished: Finished) -> None:
    school, search, shots = finished.school, finished.school.search(), finished.result.shots
    assert shots is not None
    register_teacher(search.name, with_shots(teacher_entry(TEACHER), shots), origin="tuning job k-1")
    asked, (scenario, bundle) = len(read_log(finished.log)), search.validation[0]
    verifier, words = Verifier(school.pack), school.config().generation.reasoning_words
    with teaching(teacher_ref(search.name), verifier, school.config(), school.home, "later") as taught:
        found = solve(
            taught.teacher,
            verifier,
            scenario,
            bundle,
            variant=0,
            max_revisions=0,
            reasoning_words=words,
            generation=1,
            novelty=0.0,
        )
        assert taught.spent_usd == 0
    assert isinstance(found, Trajectory)
    assert len(read_log(finished.log)) == asked


def test_an_unknown_price_is_not_estimated(school: School) -> None:
    school.hire("transformers", None, price=None, api_key_env=None)
    with pytest.raises(BudgetError, match="unknown cost is not paid"):
        estimate_prompt(school.search(), Verifier(school.pack), school.config())
