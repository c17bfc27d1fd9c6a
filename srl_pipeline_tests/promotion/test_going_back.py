"""Rollback, refusal, retirement: one action, always kept, and nothing comes back by itself."""

from __future__ import annotations

import shutil

import pytest

from srl_pipeline.errors import ArtifactError, PipelineError
from srl_pipeline.promotion import promote_by_hand, refuse_candidate, retire, rollback
from srl_pipeline.registry import Conflict

from .chains import TYPE, Chain, Installation, solving


@pytest.fixture
def first(here: Installation) -> Chain:
    chain = here.chain(solving(20), weights="first")
    here.decide(chain)
    return chain


@pytest.fixture
def second(here: Installation, first: Chain) -> Chain:
    """It took the place of the first."""
    chain = here.chain(solving(35), weights="second")
    here.decide(chain)
    return chain


def test_a_rollback_swaps_current_and_previous_and_is_kept(here: Installation, first: Chain, second: Chain) -> None:
    made = rollback(here.store, here.decisions, TYPE, reason="It answers in Latin.", evidence={"errors": 7})
    assert (made.kind, made.verdict, made.before, made.after) == (
        "rollback", "change", second.registered, first.registered,
    )  # fmt: skip
    assert (made.reasons[0], made.evidence["errors"]) == ("It answers in Latin.", 7)
    assert here.decisions.aliases(TYPE) == {"current": first.registered, "previous": second.registered}


def test_what_was_rolled_back_is_not_promoted_again_by_itself(here: Installation, first: Chain, second: Chain) -> None:
    rollback(here.store, here.decisions, TYPE, reason="It answers in Latin.")
    made = here.decide(second)
    assert made.verdict == "no change"
    assert "taken back by decision 3: It answers in Latin." in made.reasons[0]
    assert "candidate" not in here.decisions.aliases(TYPE)


def test_nor_under_another_version_of_the_same_weights(here: Installation, first: Chain, second: Chain) -> None:
    rollback(here.store, here.decisions, TYPE, reason="It answers in Latin.")
    again = here.chain(solving(36), weights="second")  # evaluated once more
    assert again.registered != second.registered
    assert "taken back by decision 3" in here.decide(again).reasons[0]


def test_a_person_may_promote_it_again(here: Installation, first: Chain, second: Chain) -> None:
    rollback(here.store, here.decisions, TYPE, reason="It answers in Latin.")
    made = promote_by_hand(
        here.store, here.decisions, TYPE, version=second.registered, reason="We like Latin.", config=here.config
    )
    assert made.after == second.registered


def test_two_alarms_about_one_model_do_not_bring_it_back(here: Installation, first: Chain, second: Chain) -> None:
    rollback(here.store, here.decisions, TYPE, reason="errors", leaving=second.registered)
    with pytest.raises(Conflict, match="is current now"):
        rollback(here.store, here.decisions, TYPE, reason="errors", leaving=second.registered)
    assert here.decisions.aliases(TYPE)["current"] == first.registered


def test_without_a_previous_model_there_is_no_way_back(here: Installation, first: Chain) -> None:
    with pytest.raises(PipelineError, match="no previous model"):
        rollback(here.store, here.decisions, TYPE, reason="x")


def test_altered_files_are_not_gone_back_to(here: Installation, first: Chain, second: Chain) -> None:
    here.alter("registered_model", first.registered, "adapter_model.safetensors")
    with pytest.raises(ArtifactError, match=r"previous model .* cannot be used: File adapter_model\.safetensors"):
        rollback(here.store, here.decisions, TYPE, reason="x")
    assert here.decisions.aliases(TYPE)["current"] == second.registered
    assert len(here.decisions.decisions(TYPE)) == 2


def test_a_lost_model_is_retired_and_the_next_candidate_is_the_first(
    here: Installation, first: Chain, second: Chain
) -> None:
    shutil.rmtree(here.store.folder("registered_model", TYPE, second.registered))
    made = retire(here.store, here.decisions, TYPE, reason="The disk is broken.")
    assert made.reasons[1].startswith("Its files cannot be used: Artifact registered_model")
    assert here.decisions.aliases(TYPE) == {"previous": first.registered}
    third = here.chain(solving(10), weights="third")
    assert here.decide(third).after == third.registered
    assert here.decisions.aliases(TYPE) == {"current": third.registered, "previous": first.registered}


def test_a_retired_model_that_is_made_again_may_become_current(here: Installation, first: Chain) -> None:
    folder = here.store.folder("registered_model", TYPE, first.registered)
    shutil.move(folder, here.home / "lost")
    retire(here.store, here.decisions, TYPE, reason="The disk is broken.")
    shutil.move(here.home / "lost", folder)
    assert here.decide(first).after == first.registered
    assert here.decisions.aliases(TYPE) == {"current": first.registered}


def test_a_model_that_was_retired_while_its_files_were_fine_does_not_return_by_itself(
    here: Installation, first: Chain
) -> None:
    made = retire(here.store, here.decisions, TYPE, reason="It insults the designers.")
    assert made.reasons[1] == "Its files are there and unaltered: it is not promoted again by itself."
    assert "taken back by decision 2: It insults the designers." in here.decide(first).reasons[0]
    assert here.decisions.aliases(TYPE) == {}


def test_a_model_that_a_person_replaced_does_not_come_back_by_a_change_of_settings(
    here: Installation, first: Chain, second: Chain
) -> None:
    here.judged(first)
    made = promote_by_hand(
        here.store, here.decisions, TYPE, version=first.registered, reason="The second one is rude.",
        config=here.config, despite_gates=True,
    )  # fmt: skip
    here.settings(max_kl=0.4)
    assert f"taken back by decision {made.id}: By hand: The second one is rude." in here.decide(second).reasons[0]
    assert here.decisions.aliases(TYPE) == {"current": first.registered, "previous": second.registered}


@pytest.mark.parametrize("how", ["rollback", "shadow"])
def test_weights_that_were_taken_back_are_known_when_their_files_are_gone(
    here: Installation, first: Chain, how: str
) -> None:
    here.settings(automatic=how == "rollback")
    bad = here.chain(solving(35), weights="bad")
    here.decide(bad)
    if how == "rollback":
        rollback(here.store, here.decisions, TYPE, reason="No.")
    else:
        refuse_candidate(here.decisions, TYPE, reason="No.", leaving=bad.registered)
    shutil.rmtree(here.store.folder("registered_model", TYPE, bad.registered))
    here.settings(automatic=True)
    again = here.chain(solving(36), weights="bad")
    assert again.registered != bad.registered
    assert "taken back by decision 3: No." in here.decide(again).reasons[0]
    assert here.decisions.aliases(TYPE)["current"] == first.registered


def test_after_a_retirement_one_can_still_go_back(here: Installation, first: Chain, second: Chain) -> None:
    retire(here.store, here.decisions, TYPE, reason="The disk is broken.")
    rollback(here.store, here.decisions, TYPE, reason="Something is better than nothing.")
    assert here.decisions.aliases(TYPE) == {"current": first.registered}


def test_nothing_is_retired_where_nothing_is_current(here: Installation) -> None:
    with pytest.raises(PipelineError, match="no current model"):
        retire(here.store, here.decisions, TYPE, reason="x")


def test_a_candidate_that_failed_its_shadow_test_is_refused_for_good(here: Installation, first: Chain) -> None:
    here.settings(automatic=False)
    chain = here.chain(solving(35), weights="second")
    here.decide(chain)
    made = refuse_candidate(here.decisions, TYPE, reason="Live requests fail.", leaving=chain.registered)
    assert (made.kind, made.subject) == ("shadow", chain.registered)
    assert here.decisions.aliases(TYPE) == {"current": first.registered}
    here.settings(automatic=True)
    assert "taken back" in here.decide(chain).reasons[0]


def test_a_candidate_that_is_another_one_by_now_is_not_refused(here: Installation, first: Chain) -> None:
    here.decide(here.chain(solving(5), weights="worse"))
    with pytest.raises(Conflict, match="the candidate is"):
        refuse_candidate(here.decisions, TYPE, reason="x", leaving="somebody else")
    assert "candidate" in here.decisions.aliases(TYPE)


def test_no_candidate_no_refusal(here: Installation, first: Chain) -> None:
    with pytest.raises(ArtifactError, match="no candidate"):
        refuse_candidate(here.decisions, TYPE, reason="x")
