"""The written report: its files, metrics, gates and text."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from srl_pipeline.errors import ArtifactError
from srl_pipeline.evaluation import (
    EvaluationResults,
    find_steps_page,
    markdown_with_inline_plots,
    read_results,
    read_summary,
    summarise,
    write_report,
)
from srl_pipeline.evaluation.markdown import pick_samples
from srl_pipeline.evaluation.report import gates, metrics
from srl_pipeline.training.step_records import read_samples

from .builders import episode, results, solved, stage, training
from .step_builders import prompt, samples


@pytest.fixture(scope="module")
def measured() -> EvaluationResults:
    """Three stages, two of them trained by reward, the last with transcripts."""
    episodes = [episode(i, ok, text=f"## 1. Materials\n<think>```</think>\n{i}") for i, ok in enumerate(solved(0.6))]
    return results(
        stage("base", solved(0.1)),
        stage("srl", solved(0.4)),
        stage("rlvr", [], episodes=episodes),
        training=[training("srl", kept_fraction=0.7, kl=0.01), training("rlvr", kl=float("nan"), stray=float("inf"))],
    )


@pytest.fixture(scope="module")
def folder(measured: EvaluationResults, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of ``measured``."""
    made = tmp_path_factory.mktemp("report")
    write_report(made, measured)
    return made


def test_what_was_measured_is_read_back_unchanged(folder: Path, measured: EvaluationResults) -> None:
    assert read_results(folder).stages == measured.stages


def test_training_figures_that_are_not_finite_are_left_out_of_the_file(folder: Path) -> None:
    assert read_results(folder).training[1].metrics == {}


def test_the_summary_is_read_back(folder: Path, measured: EvaluationResults) -> None:
    read = read_summary(folder)
    assert [s.stage for s in read.stages] == ["base", "srl", "rlvr"]
    assert read.stages[1].pass_rate.value == summarise(measured).stages[1].pass_rate.value


def test_the_report_links_every_plot_that_it_has(folder: Path) -> None:
    linked = set(re.findall(r"\]\((plots/\w+\.png)\)", (folder / "report.md").read_text()))
    assert linked == {f"plots/{p.name}" for p in (folder / "plots").iterdir()}


def test_the_report_says_each_sentence_and_every_version(folder: Path) -> None:
    text = (folder / "report.md").read_text()
    assert "RLVR against base: +" in text and "SRL against base: +" in text
    assert all(version in text for version in ("`1f0c`", "`77aa`", "`version-of-rlvr`"))


def test_a_transcript_cannot_close_its_code_block(folder: Path) -> None:
    assert "````text\n## 1. Materials\n<think>```</think>" in (folder / "report.md").read_text()


def test_inlined_plots_are_the_files(folder: Path) -> None:
    text = markdown_with_inline_plots(folder)
    found = [base64.b64decode(data) for data in re.findall(r"\(data:image/png;base64,([^)]+)\)", text)]
    assert sorted(found) == sorted(p.read_bytes() for p in (folder / "plots").iterdir())
    assert "(plots/" not in text


def test_a_missing_report_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"no report\.md"):
        markdown_with_inline_plots(tmp_path)


def test_a_damaged_summary_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text("{}")
    with pytest.raises(ArtifactError, match=r"summary\.json is not readable"):
        read_summary(tmp_path)


def test_step_samples_are_carried_and_their_page_is_linked(tmp_path: Path) -> None:
    given = [samples("srl", prompt(0)), samples("rlvr", prompt(1, step=None))]
    write_report(tmp_path, results(stage("base", [True])), steps=given)
    assert [read_samples(tmp_path, s.stage) for s in given] == given
    assert (tmp_path / "steps.html").read_text().startswith("<!doctype html>")
    assert "](steps.html)" in (tmp_path / "report.md").read_text()
    assert f"]({(tmp_path / 'steps.html').as_uri()})" in markdown_with_inline_plots(tmp_path)


def test_without_step_samples_there_is_no_page_and_no_link(folder: Path) -> None:
    assert find_steps_page(folder) is None and not list(folder.glob("steps*"))
    assert "steps.html" not in (folder / "report.md").read_text()


def test_metrics_are_flat_and_name_the_last_stage_without_suffix() -> None:
    flat = metrics(summarise(results(stage("base", [False] * 4), stage("srl", [True, True, True, False]))))
    assert flat["pass_rate"] == flat["pass_rate_srl"] == 0.75
    assert flat["pass_rate_base"] == 0.0
    assert flat["pass_rate_srl_low"] < 0.75 < flat["pass_rate_srl_high"]
    assert (flat["reward_mean"], flat["format_rate"], flat["hard_violation_rate"]) == (0.75, 1.0, 0.25)
    assert (flat["tokens"], flat["seconds"], flat["cost_usd"]) == (800.0, 40.0, 0.0)


def test_the_latency_of_the_last_stage_is_among_the_metrics() -> None:
    timed = stage("srl", [True], latencies=[0.2, 0.1, 0.4], latency_tokens=70)
    flat = metrics(summarise(results(stage("base", [True], latencies=[9.0], latency_tokens=1), timed)))
    names = ("latency_p50_seconds", "latency_p95_seconds", "latency_p99_seconds", "tokens_per_second", "peak_memory_mb")
    assert [flat[name] for name in names] == [0.2, 0.4, 0.4, pytest.approx(100.0), 900.0]


def test_a_latency_that_was_not_timed_is_absent() -> None:
    flat = metrics(summarise(results(stage("base", [True]))))
    assert not [name for name in flat if name.startswith("latency")] and "tokens_per_second" not in flat


def test_the_report_says_how_long_one_request_takes_and_how_many_were_timed(tmp_path: Path) -> None:
    write_report(tmp_path, results(stage("rlvr", [True], latencies=[0.25, 1.5], latency_tokens=70)))
    assert "| RLVR | 250 ms | 1.5 s | 1.5 s | 40 | 900 MB | 2 |" in (tmp_path / "report.md").read_text()


def test_a_report_of_untimed_stages_does_not_speak_of_single_requests(folder: Path) -> None:
    assert "One request at a time" not in (folder / "report.md").read_text()


def test_results_of_before_latencies_were_measured_are_read(tmp_path: Path) -> None:
    write_report(tmp_path, results(stage("base", [True])))
    for name in ("results.json", "summary.json"):
        text = (tmp_path / name).read_text()
        old = re.sub(r'"latenc(?:ies|y_tokens|y)":\s*(?:\[\]|0|null),?\s*', "", text)
        assert old != text
        (tmp_path / name).write_text(old)
    assert read_results(tmp_path).stages[0].latencies == [] and read_summary(tmp_path).stages[0].latency is None


def test_metrics_that_nobody_measured_are_absent() -> None:
    flat = metrics(summarise(results(stage("base", []))))
    assert "pass_rate" not in flat and "kl" not in flat and flat["n"] == 0


def test_a_complete_report_passes_its_gates_though_nothing_improved() -> None:
    assert all(g.passed for g in gates(results(stage("base", [True] * 3), stage("srl", [False] * 3))))


def test_a_stage_that_was_not_evaluated_fails_the_gate() -> None:
    gate = gates(results(stage("base", [True]), stage("srl", [])))[0]
    assert not gate.passed and gate.message == "No scenario was evaluated for: srl."


def test_a_configured_stage_that_is_absent_fails_the_gate() -> None:
    assert not gates(results(stage("base", [True])), ["base", "rlvr"])[0].passed


def test_stages_on_different_scenarios_fail_the_gate() -> None:
    assert [g.passed for g in gates(results(stage("base", [True] * 3), stage("srl", [True] * 2)))] == [True, False]


def test_a_report_of_nothing_is_written_and_fails_its_gate(tmp_path: Path) -> None:
    outcome = write_report(tmp_path, results())
    assert not outcome.gates[0].passed
    assert "No scenario was evaluated" in (tmp_path / "report.md").read_text()


def test_samples_show_one_success_the_same_scenario_by_base_and_one_failure() -> None:
    base = stage("base", [], episodes=[episode(i, False, text="b") for i in range(3)])
    last = stage("rlvr", [], episodes=[episode(i, i == 1, text="r") for i in range(3)])
    assert [(s, e.scenario_id) for s, e in pick_samples(results(base, last))] == [
        ("rlvr", "s1"),
        ("base", "s1"),
        ("rlvr", "s0"),
    ]
