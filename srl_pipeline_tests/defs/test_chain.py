"""What a run of the chain does: versions, checks, reuse, refusal."""

from __future__ import annotations

from collections import Counter

import dagster as dg

from srl_pipeline.contracts import Gate
from srl_pipeline.defs.graph import INPUTS
from srl_pipeline.defs.making import latest_version
from srl_pipeline.defs.resources import PipelineResource
from srl_pipeline.errors import TeacherError
from srl_pipeline.registry import ArtifactStore
from srl_pipeline_tests.defs.conftest import MODEL, OTHER_MODEL, FakeDomain, Runner

SUMMARIES = {"leaderboard", "status_page"}
CHAIN = [name for name in INPUTS if name not in SUMMARIES]
MADE = [name for name in CHAIN if name != "promotion"]
"""Assets with an artifact of their own."""


def failed_steps(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    return {
        e.step_key or "": (e.step_failure_data.user_failure_data or e.step_failure_data.error).__str__()
        for e in result.all_events
        if e.is_step_failure
    }


def materialized(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetMaterialization]:
    events = result.get_asset_materialization_events()
    return {e.asset_key.to_user_string(): e.materialization for e in events if e.asset_key}


def test_the_whole_chain_is_materialized_in_order_each_asset_on_its_inputs_latest_versions(
    runner: Runner, domain: FakeDomain, store: ArtifactStore
) -> None:
    result = runner.run()
    assert result.success
    assert set(materialized(result)) == set(INPUTS)
    for asset in MADE:
        expected = set(INPUTS[asset]) - ({"eval_report"} if asset == "current_evaluation" else set())
        assert set(domain.inputs[asset]) == expected
        for name, version in domain.inputs[asset].items():
            assert latest_version(runner.instance, name, MODEL) == version
            assert store.require(name, MODEL, version)


def test_every_gate_is_a_passed_check_of_its_partition(runner: Runner) -> None:
    result = runner.run()
    evaluations = result.get_asset_check_evaluations()
    assert all(e.passed and e.partition == MODEL for e in evaluations)
    assert {(e.asset_key.to_user_string(), e.check_name) for e in evaluations} >= {
        ("rule_set", "every_rule_exercised"),
        ("srl_checkpoint", "kl_bound"),
        ("eval_report", "report_complete"),
        ("eval_report", "other_gates"),
    }


def test_metadata_has_flat_figures_and_says_what_was_reused(runner: Runner, domain: FakeDomain) -> None:
    first = materialized(runner.run())["srl_checkpoint"].metadata
    assert first["pass_rate"].value == 0.25
    assert first["reused"].value is False
    again = materialized(runner.run())
    unchanged = {n for n, m in again.items() if n != "status_page" and m.metadata["reused"].value is True}
    assert unchanged == set(INPUTS) - {"status_page"}
    assert sorted(domain.made) == sorted(MADE)


def test_a_failed_gate_fails_its_check_and_stops_the_run(runner: Runner, domain: FakeDomain) -> None:
    domain.failing_gates = {"verified_rewards": "reward_variance"}
    result = runner.run()
    assert not result.success
    assert list(failed_steps(result)) == ["verified_rewards"]
    assert set(materialized(result)) == {"lore_index", "teacher_model", "rule_set", "trajectories", "verified_rewards"}
    failed = [e for e in result.get_asset_check_evaluations() if not e.passed]
    assert [(e.check_name, e.blocking) for e in failed] == [("reward_variance", True)]


def test_a_separate_run_downstream_of_a_failed_gate_refuses(runner: Runner, domain: FakeDomain) -> None:
    domain.failing_gates = {"verified_rewards": "reward_variance"}
    runner.run()
    result = runner.run(["srl_checkpoint"])
    assert "failed its gate 'reward_variance'" in failed_steps(result)["srl_checkpoint"]


def test_after_the_cause_is_mended_a_rerun_goes_on_from_what_is_finished(runner: Runner, domain: FakeDomain) -> None:
    domain.failing_gates = {"verified_rewards": "reward_variance"}
    runner.run()
    domain.failing_gates = {}
    assert runner.run().success
    assert Counter(domain.made) == Counter(MADE) + Counter(["verified_rewards"])


def test_a_gate_without_a_check_of_its_own_stops_the_run_too(runner: Runner, domain: FakeDomain) -> None:
    domain.extra_gates = [Gate(name="new_gate", passed=False, message="too new")]
    result = runner.run(["rule_set"])
    failed = [e for e in result.get_asset_check_evaluations() if not e.passed]
    assert [(e.check_name, e.description) for e in failed] == [("other_gates", "new_gate: too new")]
    assert not result.success


def test_a_missing_input_says_what_to_materialize(runner: Runner) -> None:
    result = runner.run(["trajectories"])
    assert "lore_index" in failed_steps(result)["trajectories"]
    assert "never materialized" in failed_steps(result)["trajectories"]


def test_an_input_of_another_model_type_does_not_count(runner: Runner) -> None:
    assert runner.run(["lore_index", "teacher_model", "rule_set"], model_type=OTHER_MODEL).success
    assert "never materialized" in failed_steps(runner.run(["trajectories"]))["trajectories"]


def test_a_pipeline_error_is_shown_as_written_and_not_retried(runner: Runner, domain: FakeDomain) -> None:
    domain.raises = {"trajectories": TeacherError("The teacher is down.", where="network", mend="Try again.")}
    result = runner.run()
    [event] = [e for e in result.all_events if e.is_step_failure]
    failure = event.step_failure_data.user_failure_data
    assert failure is not None
    assert failure.description == "The teacher is down.\n  where: network\n  mend:  Try again."
    assert failure.metadata["mend"].value == "Try again."


def test_trajectories_are_given_their_predecessor(runner: Runner, domain: FakeDomain) -> None:
    runner.run()
    first = latest_version(runner.instance, "trajectories", MODEL)
    domain.content["rule_set"] = "r2"
    runner.run()
    assert domain.parents == [None, first]


def test_sample_rows_are_a_table_of_at_most_twenty_rows(runner: Runner) -> None:
    made = materialized(runner.run())
    for asset in ("trajectories", "verified_rewards"):
        sample = made[asset].metadata["sample"]
        assert isinstance(sample, dg.TableMetadataValue)
        assert len(sample.records) == 20


def test_the_report_links_its_step_browser(runner: Runner) -> None:
    metadata = materialized(runner.run())["eval_report"].metadata
    assert metadata["step_by_step"].value == f"{metadata['uri'].value}/steps.html"


def test_the_leaderboard_lists_every_model_type(runner: Runner) -> None:
    table = materialized(runner.run())["leaderboard"].metadata["table"].value
    assert f"{MODEL}: yes" in str(table)
    assert f"{OTHER_MODEL}: no" in str(table)


def test_evaluating_again_touches_nothing_upstream_and_decides_again(runner: Runner) -> None:
    runner.run()
    assert set(materialized(runner.run(job="evaluate_only"))) == {
        "eval_report", "current_evaluation", "weaknesses", "registered_model", "promotion", *SUMMARIES
    }  # fmt: skip


def test_what_is_made_enters_the_history_once_with_what_started_it(runner: Runner) -> None:
    for _ in range(2):
        runner.run()
    with PipelineResource(home=str(runner.home)).history() as history:
        entered = history.all_entries(MODEL)
    assert sorted(entry.asset for entry in entered) == sorted(MADE)
    assert {entry.trigger for entry in entered} == {"manual"}


def test_the_current_model_is_the_one_that_a_decision_named(runner: Runner, domain: FakeDomain) -> None:
    made = materialized(runner.run())
    promoted = made["promotion"].metadata["current"].value
    runner.run()
    assert domain.current == ["", promoted]
    assert latest_version(runner.instance, "promotion", MODEL) == promoted
