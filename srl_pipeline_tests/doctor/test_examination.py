"""From checks to a report: what is raised, what is told once, what is never shown."""

from __future__ import annotations

import pytest

from srl_pipeline.doctor import Finding, Installation, examine
from srl_pipeline.doctor.finding import ok, problem
from srl_pipeline.errors import PipelineError


def refusing(installation: Installation) -> list[Finding]:
    raise PipelineError("It is broken.", where="here", mend="Mend it.")


def test_a_pipeline_error_is_a_problem_in_its_own_words(installation: Installation) -> None:
    [(name, finding)] = examine(installation, {"a": refusing})
    assert (name, finding) == ("a", problem("It is broken.", where="here", mend="Mend it."))


def test_a_problem_that_two_checks_meet_is_told_once(installation: Installation) -> None:
    found = list(examine(installation, {"a": refusing, "b": refusing, "c": lambda _: [ok("fine")]}))
    assert [name for name, _ in found] == ["a", "c"]


def test_any_other_exception_is_raised_with_the_checks_name(installation: Installation) -> None:
    def defective(_: Installation) -> list[Finding]:
        raise KeyError("x")

    with pytest.raises(KeyError) as raised:
        list(examine(installation, {"odd": defective}))
    assert "'odd'" in raised.value.__notes__[0]


@pytest.mark.parametrize("secret", ["opaque-value-1", "sk-abcdefghijklmnopqrstuv"])
def test_no_credential_is_shown(installation: Installation, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "opaque-value-1")
    shown = problem(f"It holds {secret}.", where=secret, mend="Mend it.")
    [(_, finding)] = examine(installation, {"a": lambda _: [shown]})
    assert secret not in str(finding)
    assert finding.mend == "Mend it."
