"""What designers read, and the list of models."""

from __future__ import annotations

import shutil

import pytest

from srl_pipeline.promotion import explain, list_models, promote_by_hand, rollback

from .chains import TYPE, Chain, Installation, answers, solving


@pytest.fixture
def second(here: Installation) -> Chain:
    """A model that took another one's place."""
    here.decide(here.chain(solving(20), weights="first"))
    chain = here.chain(solving(35), weights="second")
    here.decide(chain)
    return chain


def lines(here: Installation) -> list[str]:
    return explain(here.decisions, here.store, TYPE)


def test_a_designer_reads_who_is_current_why_what_it_is_bad_at_and_the_way_back(
    here: Installation, second: Chain
) -> None:
    refused = here.chain(solving(10), weights="worse")
    here.decide(refused)
    text = lines(here)
    assert len(text) <= 10
    assert text[0].startswith(f"{TYPE}: model {second.registered} is current since 20")
    assert text[0].endswith("(decision 2, automatically).")
    assert "it solves 35 of 40 held-out scenarios, 87.5 % (" in text[1]
    assert ", by the rules " in text[1]
    assert text[2].startswith("Why: It solves 35 of 40 held-out scenarios, the current model 20: +37.5 points")
    assert text[3].startswith("Bad at: ")
    assert "base small-64, teacher expert (t1)" in text[4]
    assert text[5] == "Cost: $3.25 to make it, of which $2.50 for the teacher's answers."
    assert text[6].startswith(f"Not taken since: {refused.registered} (decision 3): It solves 10 of 40")
    assert text[7].startswith(f"Candidate: {refused.registered}.")
    assert text[8].startswith("Going back to ") and "`srl-pipeline rollback buildings" in text[8]


def test_how_good_it_is_is_told_by_the_newest_rules_that_it_was_judged_by(here: Installation, second: Chain) -> None:
    later = here.chain(solving(5), weights="later", rules="r2")
    here.judged(later, answers("current", solving(10)))
    rules = here.store.require("eval_report", TYPE, later.report).manifest.inputs["rule_set"]
    assert (
        lines(here)[1]
        == f"How good: it solves 10 of 40 held-out scenarios, 25.0 % (14.2 to 40.2), by the rules {rules}."
    )


def test_weaknesses_are_told_in_their_own_words(here: Installation) -> None:
    here.decide(here.chain([i % 3 != 0 for i in range(120)]))  # one region is never solved
    assert "Where region is karst hollow, 40 of 40 scenarios fail" in lines(here)[3]


def test_a_rollback_is_the_reason_where_it_was_one(here: Installation, second: Chain) -> None:
    rollback(here.store, here.decisions, TYPE, reason="It answers in Latin.")
    text = lines(here)
    assert text[0].endswith("(decision 3, by a rollback).")
    assert text[2] == "Why: It answers in Latin."


def test_a_persons_decision_is_told_as_one(here: Installation, second: Chain) -> None:
    worse = here.chain(solving(5), weights="worse")
    here.judged(worse)
    promote_by_hand(
        here.store,
        here.decisions,
        TYPE,
        version=worse.registered,
        reason="For a test.",
        config=here.config,
        despite_gates=True,
    )
    assert lines(here)[0].endswith("by hand).")
    assert lines(here)[2].startswith("Why: By hand: For a test. Against its gates: It solves 5 of 40")


def test_several_refusals_are_counted_and_the_newest_told(here: Installation, second: Chain) -> None:
    for solved in (3, 4):
        last = here.chain(solving(solved), weights=f"w{solved}")
        here.decide(last)
    (line,) = [text for text in lines(here) if text.startswith("Not taken since")]
    assert line.startswith(f"Not taken since, and 1 before it: {last.registered}")


def test_a_type_without_any_model_says_what_has_to_happen(here: Installation) -> None:
    assert lines(here) == [
        f"{TYPE}: no model is current.",
        "The next candidate that passes its gates becomes current.",
        "Going back: there is no previous model.",
    ]


def test_a_current_model_whose_files_are_gone_is_still_explained(here: Installation, second: Chain) -> None:
    shutil.rmtree(here.store.folder("registered_model", TYPE, second.registered))
    text = lines(here)
    assert text[1].startswith("Why: It solves 35 of 40")
    assert text[2].startswith("Its files cannot be used: Artifact registered_model")


def test_models_are_listed_with_their_aliases_newest_first_and_lost_ones_last(
    here: Installation, second: Chain
) -> None:
    first = here.decisions.aliases(TYPE)["previous"]
    rows = {row.version: row for row in list_models(here.store, here.decisions, TYPE)}
    assert rows[second.registered].aliases == ["current"]
    assert rows[first].aliases == ["previous"]
    assert rows[second.registered].metrics["pass_rate"] == pytest.approx(0.875)
    shutil.rmtree(here.store.folder("registered_model", TYPE, second.registered))
    last = list_models(here.store, here.decisions, TYPE)[-1]
    assert (last.version, last.state, last.aliases) == (second.registered, "gone", ["current"])
