"""From a chain that ended to a decision: aliases, reasons, files that are gone, clocks, conflicts."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

import pytest

from srl_pipeline import clock
from srl_pipeline.config import override
from srl_pipeline.contracts import Gate
from srl_pipeline.errors import ArtifactError, GateError, PipelineError
from srl_pipeline.promotion import promote_by_hand, rollback
from srl_pipeline.registry import Alias, Conflict, Decision, SqliteDecisions

from .chains import PROBES, TYPE, Chain, Installation, answers, solving


@pytest.fixture
def first(here: Installation) -> Chain:
    """A model that is current."""
    chain = here.chain(solving(20), weights="first")
    here.decide(chain)
    return chain


def better(here: Installation, **changes: Any) -> Chain:
    return here.chain(solving(35), weights="better", **changes)


def aliases(here: Installation) -> Mapping[Alias, str]:
    return here.decisions.aliases(TYPE)


def count(here: Installation) -> int:
    return len(here.decisions.decisions(TYPE))


def test_the_first_model_becomes_current(here: Installation) -> None:
    chain = here.chain(solving(20))
    made = here.decide(chain)
    assert (made.kind, made.verdict, made.before, made.after) == ("promotion", "change", "", chain.registered)
    assert aliases(here) == {"current": chain.registered}


def test_a_better_one_takes_its_place_and_the_one_before_is_kept_as_previous(here: Installation, first: Chain) -> None:
    chain = better(here)
    made = here.decide(chain)
    assert (made.verdict, made.before, made.after) == ("change", first.registered, chain.registered)
    assert aliases(here) == {"current": chain.registered, "previous": first.registered}
    assert made.reasons[0].startswith("It solves 35 of 40 held-out scenarios, the current model 20")
    assert [(a.name, a.chosen) for a in made.alternatives] == [(chain.registered, True), (first.registered, False)]
    assert made.alternatives[0].figures["pass_rate"] == pytest.approx(0.875)
    assert made.evidence["figures"]["the current model"]["pass_rate"] == 0.5


def test_a_worse_one_is_refused_and_stays_candidate(here: Installation, first: Chain) -> None:
    chain = here.chain(solving(5), weights="worse")
    made = here.decide(chain)
    assert (made.verdict, made.before, made.after) == ("no change", first.registered, first.registered)
    assert aliases(here) == {"current": first.registered, "candidate": chain.registered}


def test_the_same_question_is_decided_once(here: Installation, first: Chain) -> None:
    chain = here.chain(solving(5), weights="worse")
    made = here.decide(chain)
    assert here.decide(chain).id == made.id
    assert count(here) == 2


def test_the_current_model_is_no_candidate_for_its_own_place(here: Installation, first: Chain) -> None:
    made = here.decide(first)
    assert (made.verdict, made.after, count(here)) == ("change", first.registered, 1)


def test_an_answer_stands_only_until_another_model_is_current(here: Installation) -> None:
    """Rules that go back and forth: each time the model that obeys them is promoted, also the second time."""
    by_one, by_two = here.chain(solving(35), weights="one", rules="r1"), here.chain(
        solving(35), weights="two", rules="r2"
    )  # fmt: skip
    for turn, (chain, other) in enumerate([(by_one, by_two), (by_two, by_one)] * 2):
        judged = here.judged(chain, answers("current", solving(5)) if turn else None)
        assert here.decide(chain, judged).after == chain.registered
        expected = {"current": chain.registered} | ({"previous": other.registered} if turn else {})
        assert aliases(here) == expected
    assert count(here) == 4


def test_a_refusal_is_given_anew_after_a_move_and_stands_without_one(here: Installation, first: Chain) -> None:
    worse, chain = here.chain(solving(5), weights="worse"), better(here)
    refused, judged = here.decide(worse), here.judged(worse)
    here.decide(chain)
    rollback(here.store, here.decisions, TYPE, reason="No.")
    again = here.decide(worse, judged)
    assert (again.verdict, again.id) == ("no change", 5)
    assert again.id != refused.id and here.decide(worse, judged).id == again.id
    assert aliases(here)["candidate"] == worse.registered


def test_the_candidate_is_the_one_that_was_asked_last(here: Installation, first: Chain) -> None:
    one, two = here.chain(solving(5), weights="one"), here.chain(solving(6), weights="two")
    for chain in (one, two, one):
        here.decide(chain)
        assert aliases(here) == {"current": first.registered, "candidate": chain.registered}


def test_other_settings_are_another_question(here: Installation, first: Chain) -> None:
    chain = better(here)
    here.settings(automatic=False)
    waits = here.decide(chain)
    assert (waits.verdict, aliases(here)["candidate"]) == ("no change", chain.registered)
    assert "waits for a person: `srl-pipeline promote buildings --reason …`" in waits.reasons[0]
    here.settings(automatic=True)
    assert here.decide(chain).verdict == "change"
    assert aliases(here) == {"current": chain.registered, "previous": first.registered}


def test_the_weights_of_the_current_model_under_another_version_are_no_candidate(
    here: Installation, first: Chain
) -> None:
    again = here.chain(solving(21), weights="first")  # evaluated once more
    assert again.registered != first.registered
    made = here.decide(again)
    assert made.reasons == ["Its weights are those of the current model."]
    assert aliases(here) == {"current": first.registered}


def test_they_are_known_before_any_evaluation_which_there_is_none_of(here: Installation, first: Chain) -> None:
    """As after an upgrade: the chain finds its checkpoint, evaluates it anew, and there is nothing to compare with."""
    here.program = "d"
    again = here.chain(solving(20), weights="first")
    pins = {
        n: here.store.require("eval_report", TYPE, again.report).manifest.inputs[n] for n in ("lore_index", "rule_set")
    }
    none = here.put("current_evaluation", pins, {}, notes={"registered_model": "", "problem": ""})
    made = here.decide(again, none.data_version)
    assert made.reasons == ["Its weights are those of the current model."]
    assert aliases(here) == {"current": first.registered}


@pytest.mark.parametrize("what", ["settings", "program"])
def test_a_current_model_that_was_asked_otherwise_is_not_replaced(here: Installation, first: Chain, what: str) -> None:
    judged = here.judged(first)
    if what == "program":
        here.program = "d"
    else:
        here.config = override(here.config, {"evaluation.max_tokens": 77})
    made = here.decide(better(here), judged)
    assert (made.verdict, aliases(here)["current"]) == ("no change", first.registered)
    assert made.reasons == [
        "The candidate and what it is compared with cannot be compared: they were not asked the same (settings or "
        "program differ): materialize current_evaluation again."
    ]


@pytest.mark.parametrize(
    ("asset", "of", "told"),
    [
        ("registered_model", "candidate", "The candidate {} cannot be used: File README.md is altered."),
        ("registered_model", "current", "The current model {} cannot be used: File README.md is altered."),
        ("eval_report", "report", "The report of the candidate {} cannot be used: File results.json is altered."),
        (
            "current_evaluation",
            "judged",
            "The evaluation of the current model {} cannot be used: File current.json is altered.",
        ),
    ],
)
def test_an_altered_file_is_no_change_and_says_which(
    here: Installation, first: Chain, asset: str, of: str, told: str
) -> None:
    chain = better(here)
    judged = here.judged(chain)
    versions = {"candidate": chain.registered, "current": first.registered, "report": chain.report, "judged": judged}
    files = {"registered_model": "README.md", "eval_report": "results.json", "current_evaluation": "current.json"}
    here.alter(asset, versions[of], files[asset])
    made = here.decide(chain, judged)
    assert (made.verdict, made.after) == ("no change", first.registered)
    assert made.reasons[0] == told.format(versions[of])
    assert aliases(here)["current"] == first.registered
    assert ("candidate" in aliases(here)) == (of != "candidate")  # a broken one is never tried on anybody


def test_a_model_that_is_gone_is_no_change_and_is_decided_anew_when_it_is_back(
    here: Installation, first: Chain
) -> None:
    chain = better(here)
    judged = here.judged(chain)
    folder = here.store.folder("registered_model", TYPE, first.registered)
    shutil.move(folder, here.home / "lost")
    made = here.decide(chain, judged)
    assert made.verdict == "no change" and "does not exist" in made.reasons[0]
    assert here.decide(chain, judged).id == made.id
    shutil.move(here.home / "lost", folder)
    assert here.decide(chain, judged).verdict == "change"


def test_a_manifest_that_cannot_be_read_is_no_change(here: Installation, first: Chain) -> None:
    chain = better(here)
    judged = here.judged(chain)
    here.alter("registered_model", chain.registered, "manifest.json")
    made = here.decide(chain, judged)
    assert made.verdict == "no change" and "manifest is not readable" in made.reasons[0]
    here.alter("registered_model", first.registered, "manifest.json")
    assert here.decide(chain, judged).verdict == "no change"


def test_an_evaluation_of_another_format_is_no_change(here: Installation, first: Chain) -> None:
    chain = better(here)
    report = here.store.require("eval_report", TYPE, chain.report).manifest
    pins = {name: report.inputs[name] for name in ("lore_index", "rule_set")}
    odd = here.put(
        "current_evaluation", pins, {"current.json": "{}"}, notes={"registered_model": first.registered, "problem": ""}
    )
    assert "another format" in here.decide(chain, odd.data_version).reasons[0]


def test_a_current_model_that_cannot_be_judged_is_no_change(here: Installation, first: Chain) -> None:
    chain = better(here)
    made = here.decide(chain, here.judged(chain, problem="Another student."))
    assert made.verdict == "no change"
    assert made.reasons[0] == f"The current model {first.registered} cannot be judged: Another student."


def test_an_evaluation_of_another_model_is_no_change(here: Installation, first: Chain) -> None:
    chain, judged_first = better(here), here.judged(first)
    here.decide(chain)
    best = here.chain(solving(40), weights="best")
    made = here.decide(best, judged_first)
    assert made.verdict == "no change"
    assert f"is of {first.registered}, but {chain.registered} is current now" in made.reasons[0]


def test_a_report_of_another_model_is_no_change(here: Installation, first: Chain) -> None:
    chain = better(here)
    other = Chain(chain.registered, first.report, chain.rlvr, chain.result)
    assert "is not the one of the candidate" in here.decide(other).reasons[0]


def test_a_model_judged_by_other_rules_is_not_replaced(here: Installation, first: Chain) -> None:
    stale = here.judged(first)
    made = here.decide(better(here, rules="r2"), stale)
    assert made.verdict == "no change"
    assert "not judged by the same rules" in made.reasons[0]


def test_a_training_whose_probes_are_unknown_is_not_promoted(here: Installation, first: Chain) -> None:
    made = here.decide(better(here, probes=[PROBES[0]]))
    assert made.verdict == "no change"
    assert "likeness_with_correctness was not measured" in made.reasons[0]


def test_a_clock_that_went_back_is_no_change_until_it_is_right_again(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(clock.AHEAD, "86400")
    first = here.chain(solving(20), weights="first")
    here.decide(first)
    chain = better(here)
    monkeypatch.setenv(clock.AHEAD, "0")
    made = here.decide(chain)
    assert made.verdict == "no change" and made.reasons[0].startswith("The clock went back: decision 1 is of ")
    assert here.decide(chain).id == made.id  # what the wrong clock decided does not count as the right time
    monkeypatch.setenv(clock.AHEAD, "86400")
    assert here.decide(chain).verdict == "change"


def test_a_person_who_promotes_clears_a_decision_of_a_clock_far_ahead(
    here: Installation, first: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(clock.AHEAD, str(73 * 365 * 86400))
    here.decide(here.chain(solving(5), weights="worse"))
    monkeypatch.setenv(clock.AHEAD, "0")
    chain = better(here)
    assert "The clock went back: decision 2" in here.decide(chain).reasons[0]
    assert aliases(here)["current"] == first.registered
    made = by_hand(here, version=chain.registered)
    assert "The clock went back: decision 2" in made.reasons[-1] and len(made.evidence["clock"]) == 1
    best = here.chain(solving(40), weights="best", kl=0.02)
    here.settings(confidence=0.9)
    assert here.decide(best).after == best.registered
    assert aliases(here) == {"current": best.registered, "previous": chain.registered}


class MovedMeanwhile(SqliteDecisions):
    """The real store; before the first decision is kept, somebody else moves an alias."""

    moves = 1

    def record(self, decision: Decision, **about: Any) -> Decision:
        if self.moves:
            self.moves -= 1
            other = decision.model_copy(update={"reasons": ["somebody else"], "evidence": {}})
            super().record(other, aliases={"previous": f"other-{self.moves}"})
        return super().record(decision, **about)


def test_an_alias_that_moves_meanwhile_is_decided_anew(here: Installation, first: Chain) -> None:
    here.decisions = MovedMeanwhile(here.home / "decisions.sqlite")
    assert here.decide(better(here)).verdict == "change"


def test_an_alias_that_moves_all_the_time_is_a_conflict_and_nothing_changes(here: Installation, first: Chain) -> None:
    here.decisions = MovedMeanwhile(here.home / "decisions.sqlite")
    here.decisions.moves = 9
    with pytest.raises(Conflict):
        here.decide(better(here))
    assert aliases(here)["current"] == first.registered


def by_hand(here: Installation, **changes: Any) -> Decision:
    return promote_by_hand(
        here.store, here.decisions, TYPE, **({"reason": "The designers like it.", "config": here.config} | changes)
    )


def test_a_person_promotes_the_candidate_that_waits(here: Installation, first: Chain) -> None:
    here.settings(automatic=False)
    chain = better(here)
    here.decide(chain)
    made = by_hand(here)
    assert made.reasons[0] == "By hand: The designers like it."
    assert made.evidence["by_hand"] is True
    assert aliases(here) == {"current": chain.registered, "previous": first.registered}


def test_a_person_is_told_the_gates_that_fail_and_may_go_on_despite_them(here: Installation, first: Chain) -> None:
    chain = here.chain(solving(5), weights="worse")
    here.decide(chain)
    with pytest.raises(GateError, match="worse"):
        by_hand(here)
    made = by_hand(here, despite_gates=True)
    assert made.reasons[1].startswith("Against its gates: It solves 5 of 40")
    assert aliases(here)["current"] == chain.registered


def test_without_an_evaluation_of_the_current_model_a_person_is_told_to_make_one(
    here: Installation, first: Chain
) -> None:
    chain = better(here)
    with pytest.raises(GateError, match="There is no current_evaluation to compare with"):
        by_hand(here, version=chain.registered)


def test_not_even_a_person_promotes_altered_files(here: Installation, first: Chain) -> None:
    chain = better(here)
    here.alter("registered_model", chain.registered, "README.md")
    with pytest.raises(ArtifactError, match="altered"):
        by_hand(here, version=chain.registered, despite_gates=True)


@pytest.mark.parametrize(
    ("version", "told"),
    [("candidate", "has no model 'candidate'"), ("current", "is the current model"), ("nonsense", "no registered")],
)
def test_what_is_not_there_is_not_promoted_by_hand(here: Installation, first: Chain, version: str, told: str) -> None:
    with pytest.raises(PipelineError, match=told):
        by_hand(here, version=version)


def test_a_failed_gate_of_the_registered_model_itself_keeps_it_out(here: Installation, first: Chain) -> None:
    chain = better(here)
    manifest = here.store.require("registered_model", TYPE, chain.registered).manifest
    judged = here.judged(chain)
    bad = manifest.model_copy(update={"gates": [Gate(name="card_valid", passed=False, message="no header")]})
    (here.store.folder("registered_model", TYPE, chain.registered) / "manifest.json").write_text(bad.model_dump_json())
    made = here.decide(chain, judged)
    assert made.verdict == "no change" and "card_valid" in made.reasons[0]
