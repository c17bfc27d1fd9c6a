"""Teachers are measured by real calls to scripted servers, and chosen: better, worse, dearer, down, without money."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from srl_pipeline.clock import AHEAD
from srl_pipeline.generation.drawing import evaluation_ids
from srl_pipeline.registry import LEDGER, Decision, SqliteLedger, dollars
from srl_pipeline.selection import due, teacher_fingerprint
from srl_pipeline.verification import ScenarioSpace
from srl_pipeline_tests.generation.paid import KEY_VARIABLE, PACK
from srl_pipeline_tests.selection.market import TASKS, Market
from srl_pipeline_tests.vendors.log import read_log
from srl_pipeline_tests.vendors.server import VendorServer


def asked(server: VendorServer) -> int:
    """Requests that a server did work for."""
    return sum(entry.billed for entry in read_log(server.log.file)) if server.log.file.exists() else 0


def why(decision: Decision, name: str) -> str:
    return next(a.why for a in decision.alternatives if a.name == name)


def figures(decision: Decision, name: str) -> dict[str, float]:
    return next(a.figures for a in decision.alternatives if a.name == name)


def test_a_better_teacher_takes_over_and_becomes_a_setting(market: Market) -> None:
    market.responsible = "old"
    market.hire("old", failed=2)
    market.hire("new")
    decision = market.select(selection__candidates=["old", "new"])
    assert decision is not None
    assert (decision.verdict, decision.before, decision.after) == ("change", "old", "new")
    assert f"new solves {TASKS} of {TASKS} tasks, old {TASKS - 2} of {TASKS}." in decision.reasons
    assert market.decisions().settings(PACK) == {"generation.teacher": "new"}
    assert market.config().generation.teacher == "new"


def test_a_worse_teacher_changes_nothing_and_the_decision_says_why(market: Market) -> None:
    market.responsible = "old"
    market.hire("old")
    market.hire("new", failed=1)
    decision = market.select(selection__candidates=["old", "new"])
    assert decision is not None
    assert (decision.verdict, decision.after) == ("no change", "old")
    assert "No change, because new scores" in decision.reasons[0]
    assert figures(decision, "new")["pass_rate"] == 0.75
    assert market.decisions().settings(PACK) == {}


def test_when_the_price_rises_nothing_is_asked_again_and_the_cheaper_one_takes_over(market: Market) -> None:
    market.responsible = "old"
    server = market.hire("old", usd=1.0)
    market.hire("new", usd=1.0)
    first = market.select(selection__candidates=["old", "new"])
    assert first is not None
    assert first.verdict == "no change"
    calls = asked(server)
    market.price("old", 10.0)
    second = market.select(selection__candidates=["old", "new"])
    assert second is not None
    assert (second.verdict, second.after) == ("change", "new")
    assert asked(server) == calls
    before, after = figures(first, "old"), figures(second, "old")
    assert after["usd_per_accepted"] == pytest.approx(10 * before["usd_per_accepted"])
    assert "prices" in second.reasons[-1]


def test_a_price_above_the_cap_costs_the_incumbent_its_place(market: Market) -> None:
    market.responsible = "dear"
    market.hire("dear", usd=50.0)
    decision = market.select(selection__max_usd_per_accepted=0.001)
    assert decision is not None
    assert decision.after == "search"
    assert "breaks a hard constraint (cost)" in decision.reasons[0]
    assert market.decisions().settings(PACK) == {"generation.teacher": "search"}


def test_a_check_is_made_once_until_something_changes(market: Market) -> None:
    server = market.hire("new")
    assert market.select() is not None
    calls = asked(server)
    assert market.select() is None
    assert len(market.decisions().decisions(PACK)) == 1
    market.hire("another")
    assert market.select() is not None
    assert asked(server) == calls, "who was measured on these tasks is not asked again"


def test_after_a_switch_no_check_is_due_and_the_sensor_is_told_so(market: Market) -> None:
    market.responsible = "old"
    market.hire("old", failed=2)
    market.hire("new")
    market.settings = {"selection.candidates": ["old", "new"]}
    decision = market.select()
    assert decision is not None
    assert decision.verdict == "change"
    config = market.config()
    now = datetime.fromisoformat(decision.at)
    settings, prints = config.selection, teacher_fingerprint(PACK, config)
    assert due(market.decisions(), "teacher", PACK, settings, prints, now) == ""
    assert due(market.decisions(), "teacher", PACK, settings, prints, now + timedelta(days=8)) != ""
    assert market.select() is None


def test_other_tasks_are_drawn_when_a_check_is_due_by_time(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    server = market.hire("new")
    first = market.select()
    calls = asked(server)
    monkeypatch.setenv(AHEAD, str(8 * 86_400))
    second = market.select()
    assert first is not None
    assert second is not None
    assert asked(server) > calls
    assert first.evidence["check"]["seed"] != second.evidence["check"]["seed"]
    assert "selection.recheck_days" in second.reasons[-1]


def test_a_clock_that_goes_back_changes_nothing_and_asks_nothing(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = market.hire("new")
    monkeypatch.setenv(AHEAD, str(400 * 86_400))
    market.select()
    calls = asked(server)
    monkeypatch.setenv(AHEAD, "0")
    decision = market.select()
    assert decision is not None
    assert decision.verdict == "no change"
    assert decision.reasons[0].startswith("No change, because the clock went back")
    assert asked(server) == calls
    assert market.select() is None


def test_a_teacher_without_a_key_is_refused_and_the_others_go_on(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    market.responsible = "old"
    market.hire("old", failed=2)
    market.hire("new")
    market.hire("keyless", api_key_env="SRL_TEST_NO_SUCH_KEY")
    decision = market.select(selection__candidates=["old", "new", "keyless"])
    assert decision is not None
    assert decision.after == "new"
    assert why(decision, "keyless") == "The environment variable SRL_TEST_NO_SUCH_KEY is not set, or empty."


def test_a_teacher_whose_terms_forbid_training_is_never_asked(market: Market) -> None:
    terms = {"training_allowed": False, "source": "a test", "as_of": "2026-11-01"}
    server = market.hire("forbidden", terms=terms)
    decision = market.select()
    assert decision is not None
    assert decision.after == "search"
    assert "terms do not allow training" in why(decision, "forbidden")
    assert asked(server) == 0


def test_an_incumbent_whose_terms_changed_is_left(market: Market) -> None:
    market.responsible = "old"
    market.hire("old", terms={"training_allowed": False, "source": "a test", "as_of": "2026-11-01"})
    decision = market.select()
    assert decision is not None
    assert decision.after == "search"
    assert "breaks a hard constraint (terms)" in decision.reasons[0]


def test_a_name_that_is_not_listed_is_refused_and_an_incumbent_that_is_not_is_left(market: Market) -> None:
    market.hire("new")
    decision = market.select(generation__teacher="retired", selection__candidates=["new", "unheard-of"])
    assert decision is not None
    assert decision.after == "new"
    assert "teachers.yaml lists no teacher 'retired'" in decision.reasons[0]
    assert "lists no teacher 'unheard-of'" in why(decision, "unheard-of")


def test_where_all_are_over_budget_nothing_is_asked_and_nothing_changes(market: Market) -> None:
    market.responsible = "old"
    servers = [market.hire("old"), market.hire("new")]
    decision = market.select(selection__candidates=["old", "new"], budget__month_usd=0.0)
    assert decision is not None
    assert (decision.verdict, decision.after) == ("no change", "old")
    assert decision.reasons[0].startswith("No change, because old could not be measured.")
    assert "Nothing was asked." in decision.reasons[0]
    assert [asked(server) for server in servers] == [0, 0]


def test_a_budget_that_is_raised_calls_for_a_check(market: Market) -> None:
    market.hire("new")
    market.select(budget__month_usd=0.0)
    decision = market.select()
    assert decision is not None
    assert figures(decision, "new")["accepted"] == TASKS


def test_an_incumbent_that_is_down_keeps_its_place_for_a_day(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    market.responsible = "old"
    market.hire("old", faults="server_error=1.0")
    first = market.select()
    assert first is not None
    assert (first.verdict, first.after) == ("no change", "old")
    assert market.select() is None
    monkeypatch.setenv(AHEAD, str(86_400 + 60))
    second = market.select()
    assert second is not None
    assert second.after == "search"
    assert "breaks a hard constraint (availability): It has not answered since" in second.reasons[0]


def test_a_wrong_key_makes_a_teacher_unavailable_and_is_not_shown(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    market.responsible = "old"
    market.hire("old")
    monkeypatch.setenv(KEY_VARIABLE, "another-secret-4471")
    decision = market.select()
    assert decision is not None
    assert decision.after == "search"
    assert "breaks a hard constraint (availability)" in decision.reasons[0]
    assert "another-secret-4471" not in decision.model_dump_json()


def test_fewer_than_two_candidates_change_nothing_and_leave_no_record(market: Market) -> None:
    assert market.select(selection__candidates=[]) is None
    assert market.decisions().decisions(PACK) == []
    told = market.consider(selection__candidates=[])
    assert told.reasons[0] == (
        "No change, because selection.candidates names fewer than two: there is nothing to choose."
    )


def test_a_list_that_was_emptied_is_recorded_once(market: Market) -> None:
    market.hire("new")
    market.select()
    decision = market.select(selection__candidates=[])
    assert decision is not None
    assert "names fewer than two" in decision.reasons[0]
    assert market.select(selection__candidates=[]) is None


def test_what_a_person_set_holds_and_nobody_is_asked(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    server = market.hire("new")
    monkeypatch.setenv("SRL_SETTINGS", "{generation.teacher: search}")
    decision = market.select(generation__teacher="search")
    assert decision is not None
    assert "a person set generation.teacher to 'search'" in decision.reasons[0]
    assert asked(server) == 0


def test_a_pack_with_too_few_scenarios_changes_nothing_and_says_so(market: Market) -> None:
    market.hire("new")
    decision = market.select(selection__tasks=100_000)
    assert decision is not None
    assert "No change, because the candidates could not be measured: No new scenario is left" in decision.reasons[0]


def test_to_look_first_costs_nothing_more_than_to_decide(market: Market) -> None:
    server = market.hire("new")
    looked = market.consider()
    calls = asked(server)
    assert market.decisions().decisions(PACK) == []
    decided = market.select()
    assert decided is not None
    assert asked(server) == calls
    assert figures(decided, "new") == figures(looked, "new")


def test_a_damaged_record_of_a_measurement_is_made_again_from_paid_answers(market: Market) -> None:
    server = market.hire("new")
    first = market.consider()
    calls = asked(server)
    [file] = [f for f in (market.home / "selection" / PACK).glob("*.json") if '"input_tokens": 0' not in f.read_text()]
    file.write_text("{", encoding="utf-8")
    again = market.consider()
    assert asked(server) == calls
    assert figures(again, "new")["usd_per_accepted"] == figures(first, "new")["usd_per_accepted"]
    assert "latency_p50_seconds" not in figures(again, "new"), "a cached answer says nothing of the teacher's time"


def test_what_measuring_costs_is_what_the_ledger_says_and_part_of_the_switch(market: Market) -> None:
    market.responsible = "old"
    market.hire("old", failed=2)
    server = market.hire("new", usd=3.0)
    decision = market.select(selection__candidates=["old", "new"], selection__switch_usd=0.5)
    assert decision is not None
    tokens = sum(e.input_tokens + e.output_tokens for e in read_log(server.log.file) if e.billed)
    measured = figures(decision, "new")
    assert measured["measuring_usd"] == pytest.approx(3.0 * tokens / 1e6, rel=1e-6)
    assert measured["usd_total"] == pytest.approx(measured["measuring_usd"], rel=1e-6)
    assert decision.evidence["break_even"]["switching_usd"] == pytest.approx(0.5 + measured["measuring_usd"])
    ledger = SqliteLedger(market.home / LEDGER)
    spent = ledger.spent_in_month(decision.at[:7]).committed
    ledger.close()
    assert dollars(spent) == pytest.approx(sum(a.figures["measuring_usd"] for a in decision.alternatives))


def test_every_candidate_solves_the_same_tasks_and_none_of_the_evaluation_set(market: Market) -> None:
    market.hire("new")
    market.select()
    kept = [
        json.loads(f.read_text())["attempts"] for f in sorted(Path(market.home / "selection" / PACK).glob("*.json"))
    ]
    ids = [{a["scenario_id"] for a in attempts} for attempts in kept]
    assert len(ids) == 2
    assert ids[0] == ids[1]
    assert not ids[0] & evaluation_ids(ScenarioSpace(market.pack))
