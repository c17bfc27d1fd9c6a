"""A compiled grader, run in an interpreter of its own, is our verifier: rule by rule and in its reward."""

from __future__ import annotations

from collections import Counter

import pytest

from srl_pipeline.errors import RuleError, TuningError
from srl_pipeline.tuning.graders import GraderCase, compare, example_cases, proof, prove_grader
from srl_pipeline.tuning.graders.reward import judge_action, read_action
from srl_pipeline.verification import Verifier
from srl_pipeline_tests.tuning.graders.artefacts import random_cases

PACKS = ("animals", "buildings", "facial", "personality", "plants", "sounds", "trees")


@pytest.mark.parametrize("name", PACKS)
def test_it_agrees_on_every_step_of_every_example(
    name: str, verifiers: dict[str, Verifier], sources: dict[str, str]
) -> None:
    examples, steps = verifiers[name].pack.definition.examples, len(verifiers[name].pack.spec.steps)

    found = prove_grader(sources[name], verifiers[name])

    assert found.cases == (len(examples.gold) + len(examples.counter)) * steps
    assert found.disagreements == []


@pytest.fixture(scope="session")
def thousand(verifiers: dict[str, Verifier]) -> dict[str, list[GraderCase]]:
    """Pack name -> its share of 1,000 random artefacts."""
    counts = [143] * 6 + [142]
    return {name: list(random_cases(verifiers[name], n, seed=7)) for name, n in zip(PACKS, counts, strict=True)}


@pytest.mark.parametrize("name", PACKS)
def test_it_agrees_on_random_artefacts(
    name: str,
    verifiers: dict[str, Verifier],
    sources: dict[str, str],
    thousand: dict[str, list[GraderCase]],
) -> None:
    assert compare(sources[name], verifiers[name], thousand[name]).disagreements == []


@pytest.mark.chain
@pytest.mark.parametrize("name", PACKS)
def test_it_agrees_on_many_more_random_artefacts(
    name: str, verifiers: dict[str, Verifier], sources: dict[str, str]
) -> None:
    cases = list(random_cases(verifiers[name], 10_000, seed=11))

    assert compare(sources[name], verifiers[name], cases).disagreements == []


def test_the_random_artefacts_are_a_thousand_of_every_kind(
    verifiers: dict[str, Verifier], thousand: dict[str, list[GraderCase]]
) -> None:
    """Otherwise to agree on them would say little."""
    kinds = Counter(_kind(verifiers[name], case) for name, cases in thousand.items() for case in cases)

    assert kinds.total() == 1_000
    assert set(kinds) == {"unreadable", "unjudgeable", "schema", "missing", "hard", "soft", "perfect"}
    assert min(kinds.values()) >= 5, kinds


def test_a_grader_that_differs_is_refused(buildings: Verifier, sources: dict[str, str]) -> None:
    wrong = sources["buildings"].replace('"<=": _compare((-1, 0))', '"<=": _compare((-1,))')
    assert wrong != sources["buildings"]

    with pytest.raises(TuningError, match=r"differs from the verifier on \d+ of 290 cases"):
        prove_grader(wrong, buildings)


def test_a_grader_that_forgets_a_rule_is_refused(buildings: Verifier, sources: dict[str, str]) -> None:
    wrong = sources["buildings"].replace("if breaks(rule, names)]", 'if rule["hard"] and breaks(rule, names)]')
    assert wrong != sources["buildings"]

    with pytest.raises(TuningError, match="differs"):
        prove_grader(wrong, buildings)


def test_a_grader_that_stops_is_refused_with_its_last_words(buildings: Verifier) -> None:
    with pytest.raises(TuningError, match=r"stopped at case 1 of 290: .*no such pack"):
        prove_grader("raise ValueError('no such pack')", buildings)


def test_a_grader_that_does_not_end_is_stopped(buildings: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "SECONDS", 0.5)

    with pytest.raises(TuningError, match="It took more than"):
        prove_grader("while True: pass", buildings)


def test_a_grader_sees_neither_the_environment_nor_the_project(
    buildings: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    spy = "import os, sys\nraise ValueError(sorted(os.environ), sys.flags.isolated, 'srl_pipeline' in sys.modules)"

    with pytest.raises(TuningError) as refusal:
        prove_grader(spy, buildings)

    assert "OPENAI_API_KEY" not in refusal.value.what
    assert "1, False)" in refusal.value.what


def test_the_cases_of_a_pack_are_all_its_steps_with_what_stands_before(buildings: Verifier) -> None:
    cases = list(example_cases(buildings))

    first, second = cases[0].item, cases[1].item
    assert (first.step, first.before) == (0, {})
    assert second.before == read_action(cases[0].text)


def _kind(verifier: Verifier, case: GraderCase) -> str:
    action = read_action(case.text)
    if action is None:
        return "unreadable"
    try:
        result = judge_action(verifier, action, case.item)
    except RuleError:
        return "unjudgeable"
    if not result.structure_ok:
        return "schema"
    if any(v.evidence == "missing" for v in result.violations):
        return "missing"
    return "hard" if not result.hard_ok else "soft" if result.violations else "perfect"
