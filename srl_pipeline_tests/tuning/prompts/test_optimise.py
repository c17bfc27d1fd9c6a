"""The best prompt is the one that Model C verifies most often; what it took is paid once and never beyond a cap."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from srl_pipeline.errors import BudgetError, TeacherError, TuningError
from srl_pipeline.teachers import teacher_ref
from srl_pipeline.teachers.prompted.secrets import SecretFilter
from srl_pipeline.teachers.prompted.shots import FOLDER
from srl_pipeline.tuning.prompts import estimate_prompt
from srl_pipeline.tuning.prompts.draws import draw_sets
from srl_pipeline.verification import Verifier
from srl_pipeline_tests.generation.paid import bill, billed
from srl_pipeline_tests.generation.test_paid_generation import REPOSITORY
from srl_pipeline_tests.tuning.prompts.conftest import Serve
from srl_pipeline_tests.tuning.prompts.searching import TEACHER, Interrupted, Pupil, School
from srl_pipeline_tests.vendors.log import read_log

pytestmark = pytest.mark.chain


def questions_of(log: Path) -> list[str]:
    return [entry.question for entry in billed(log)]


def test_solved_tasks_that_help_are_chosen_by_another_vendor_too(taught_by: Serve) -> None:
    school, server = taught_by(Pupil(0.0, lambda _: 1.0), "anthropic")
    result = school.optimise(school.small_search())
    assert (result.trials[0].accepted, result.trials[result.chosen].accepted) == (0, 3)
    assert result.shots is not None
    assert school.committed() == bill(server.log.file)


def test_the_set_that_helps_wins_over_those_that_do_not(taught_by: Serve, school: School) -> None:
    school = school.hire("openai")
    sets = draw_sets(school.search(), Verifier(school.pack), SecretFilter())
    helpful = sets[1].shots[0].brief
    holders = {s.digest for s in sets if helpful in [shot.brief for shot in s.shots]}
    assert len(holders) < len(sets), "every set holds it: the test shows nothing"
    school, _ = taught_by(Pupil(0.2, lambda prompt: 1.0 if helpful in prompt else 0.2))
    assert school.optimise().shots in holders


@pytest.mark.parametrize(("alone", "helped"), [(0.5, 0.5), (1.0, 0.3)])
def test_the_bare_prompt_wins_where_solved_tasks_do_not_help(taught_by: Serve, alone: float, helped: float) -> None:
    school, _ = taught_by(Pupil(alone, lambda _: helped))
    result = school.optimise()
    assert (result.chosen, result.shots) == (0, None)
    assert "No set of solved tasks is better than none" in result.why
    assert not (school.home / FOLDER).exists()


def test_a_cap_ends_the_search_in_the_middle_and_it_goes_on_without_paying_again(taught_by: Serve) -> None:
    school, server = taught_by(Pupil(0.0, lambda _: 1.0))
    with pytest.raises(BudgetError, match="run"):
        school.optimise(school.small_search(), budget__run_usd=0.03)
    paid = len(questions_of(server.log.file))
    assert paid > 0
    assert school.committed() <= 30_000_000
    result = school.optimise(school.small_search())
    questions = questions_of(server.log.file)
    assert len(questions) == len(set(questions)) > paid
    assert school.committed() == bill(server.log.file)
    assert result.chosen > 0


def test_an_interrupted_search_goes_on_without_a_repeated_call(taught_by: Serve) -> None:
    school, server = taught_by(Pupil(0.0, lambda _: 1.0))
    with pytest.raises(KeyboardInterrupt):
        school.optimise(school.small_search(), Interrupted(school.pack, after=12))
    paid = len(questions_of(server.log.file))
    assert paid >= 12
    result = school.optimise(school.small_search())
    questions = questions_of(server.log.file)
    assert len(questions) == len(set(questions)) > paid
    assert school.committed() == bill(server.log.file)
    assert result.chosen > 0


def test_a_teacher_that_is_down_fails_the_search_and_it_goes_on_when_it_is_back(taught_by: Serve) -> None:
    faults = ",".join(["ok"] * 12 + ["server_error"])
    school, server = taught_by(Pupil(0.0, lambda _: 1.0), faults=faults, limits={"attempts": 1, "concurrency": 4})
    with pytest.raises(TeacherError, match="No answer after 1 tries"):
        school.optimise(school.small_search())
    school.optimise(school.small_search())
    questions = questions_of(server.log.file)
    assert len(questions) == len(set(questions))
    assert school.committed() == bill(server.log.file)


def test_a_scenario_in_both_splits_is_refused(school: School) -> None:
    school.hire("openai")
    search = school.search()
    shared = search.candidates[0]
    with pytest.raises(ValueError, match="in both splits"):
        replace(search, validation=[*search.validation, (shared.scenario, shared.bundle)])


def test_what_cannot_be_searched_is_refused_before_anything_is_asked(school: School) -> None:
    school.hire("openai")
    with pytest.raises(TuningError, match="No scenario is left"):
        school.optimise(school.search(validation=[]))
    with pytest.raises(TuningError, match="No scenario is left"):
        estimate_prompt(school.search(validation=[]), Verifier(school.pack), school.config())
    with pytest.raises(TuningError, match="None of 0 solved tasks"):
        school.optimise(school.search(candidates=[]))
    with pytest.raises(TuningError, match="has no prompt"):
        school.optimise(school.search(base=teacher_ref("search")))
    school.hire("openai", shots="0" * 16)
    with pytest.raises(TuningError, match="shown solved tasks already"):
        school.optimise(school.search(base=teacher_ref(TEACHER)))


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_killed_search_goes_on_without_a_repeated_call(school: School, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    command = [sys.executable, "-m", "srl_pipeline_tests.vendors.serve", "--vendor", "openai", "--log", str(log)]
    brain = ["--brain", "srl_pipeline_tests.tuning.prompts.searching:crammer", "--honours-idempotency"]
    with subprocess.Popen(
        [*command, *brain, "--latency", "0.05"], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    ) as server:
        try:
            assert server.stdout is not None
            school = school.hire("openai", server.stdout.readline().strip())
            own = [sys.executable, "-m", "srl_pipeline_tests.tuning.prompts.searching", str(school.home)]
            child = subprocess.Popen(own, env=os.environ | {"HF_HUB_OFFLINE": "1"}, cwd=REPOSITORY)
            deadline = time.monotonic() + 60
            while len(read_log(log)) < 20 and child.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            assert child.poll() is None, "it ended before it could be killed"
            child.send_signal(signal.SIGKILL)
            child.wait()
            result = school.optimise()
        finally:
            server.terminate()
    questions = questions_of(log)
    assert len(questions) == len(set(questions)), "a question was paid twice"
    assert school.committed() == bill(log)
    assert result.chosen > 0
