"""Teachers in use: key, terms, money, dates, endpoint; none is asked, and no key is shown."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from srl_pipeline.clock import now_iso
from srl_pipeline.doctor import Finding, Installation, examine
from srl_pipeline.doctor.teachers import endpoints, teachers
from srl_pipeline.errors import TeacherError
from srl_pipeline.registry import DECISIONS, SqliteDecisions
from srl_pipeline_tests.registry.test_decisions import decision
from srl_pipeline_tests.teachers.catalog.listed import entry, file_of, listed

TODAY = now_iso()[:10]
CAP = "{budget.month_usd: 20}"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_TEACHER_KEY", "opaque-value-1")
    monkeypatch.setenv("OTHER_KEY", "opaque-value-2")


def found_with(installation: Installation, text: str, monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    listed(installation.home, text, monkeypatch)
    return teachers(installation)


def test_the_embedded_teacher_needs_nothing(installation: Installation) -> None:
    assert [f.level for f in teachers(installation)] == ["ok"]


def test_a_paid_teacher_with_key_terms_and_cap_is_fine(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRL_SETTINGS", CAP)
    [found] = found_with(installation, file_of(entry(day=TODAY), lanterns="hosted"), monkeypatch)
    assert (found.level, "hosted" in found.what) == ("ok", True)


def test_a_paid_teacher_without_a_cap_is_a_problem(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    [found] = found_with(installation, file_of(entry(day=TODAY), lanterns="hosted"), monkeypatch)
    assert (found.level, "budget.month_usd" in found.mend) == ("problem", True)


def test_a_teacher_that_costs_nothing_needs_no_cap(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    text = file_of(entry(day=TODAY, price=0).replace("output: 2", "output: 0"), lanterns="hosted")
    assert [f.level for f in found_with(installation, text, monkeypatch)] == ["ok"]


def test_a_key_that_is_not_set_and_terms_that_forbid_training_are_problems(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRL_SETTINGS", CAP)
    monkeypatch.delenv("TEST_TEACHER_KEY")
    text = file_of(entry(day=TODAY, allowed="false"), lanterns="hosted")
    unset, terms = found_with(installation, text, monkeypatch)
    assert "TEST_TEACHER_KEY is not set" in unset.what
    assert "do not allow training" in terms.what


def test_prices_that_were_looked_up_long_ago_are_warned_of(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRL_SETTINGS", CAP)
    found = found_with(installation, file_of(entry(day="2020-01-01"), lanterns="hosted"), monkeypatch)
    assert [f.level for f in found] == ["warning", "warning"]


def test_a_teacher_that_nobody_is_taught_by_is_not_looked_at(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEST_TEACHER_KEY")
    assert [f.level for f in found_with(installation, file_of(entry(day=TODAY)), monkeypatch)] == ["ok"]


def test_a_teacher_that_a_decision_chose_is_in_use(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    decisions = SqliteDecisions(installation.home / DECISIONS)
    told = decision(model_type="lanterns", kind="teacher", after="hosted")
    decisions.record(told, settings={"generation.teacher": "hosted"})
    decisions.close()
    [found] = found_with(installation, file_of(entry(day=TODAY)), monkeypatch)
    assert "Teacher 'hosted' costs money, and no monthly cap is set for lanterns" in found.what


def test_a_responsibility_for_no_model_type_is_a_problem(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    [found] = found_with(installation, file_of(castles="search"), monkeypatch)
    assert "no model type 'castles'" in found.what


def test_a_key_that_was_pasted_into_the_file_is_not_shown(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = file_of(entry(day=TODAY), lanterns="hosted")
    for pasted in ("sk-abcdefghijklmnopqrstuv", "opaque-value-2"):
        listed(installation.home, text.replace("TEST_TEACHER_KEY", pasted), monkeypatch)
        with pytest.raises(TeacherError):
            teachers(installation)
        [(_, finding)] = examine(installation, {"teachers": teachers})
        assert finding.level == "problem"
        assert pasted not in str(finding)


def test_endpoints_are_asked_online_alone(
    home: Path, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        text = file_of(entry(day=TODAY).replace("127.0.0.1:1", address), lanterns="hosted")
        listed(home, text, monkeypatch)
        assert endpoints(installation)[0].what == "not asked without --online"
        assert endpoints(Installation(home, online=True))[0].what == "reached: hosted"
    [found] = endpoints(Installation(home, online=True))
    assert (found.level, found.where) == ("problem", "endpoint of teacher hosted")
    assert address in found.what
