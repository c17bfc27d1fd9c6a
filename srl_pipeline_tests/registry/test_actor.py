"""Who it was: a name that is given, whom a CI service names, or the account."""

from __future__ import annotations

import os
import pwd

import pytest

from srl_pipeline.errors import PipelineError
from srl_pipeline.registry import actor
from srl_pipeline.registry.actor import ACTOR

VARIABLES = (ACTOR, "CI", "GITHUB_ACTOR", "GITLAB_USER_LOGIN", "USER", "LOGNAME")


@pytest.fixture(autouse=True)
def nobody_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def test_a_service_has_the_name_that_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ACTOR, "dagster-daemon")
    assert actor() == "dagster-daemon"


def test_without_a_name_it_is_the_account_that_the_kernel_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "somebody-else")
    assert actor().partition("@")[0] == pwd.getpwuid(os.getuid()).pw_name


@pytest.mark.parametrize(("variable", "says"), [("GITHUB_ACTOR", "github:ann"), ("GITLAB_USER_LOGIN", "gitlab:ann")])
def test_in_ci_it_is_whom_the_service_names(variable: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "ann")
    assert actor() != says
    monkeypatch.setenv("CI", "true")
    assert actor() == says


@pytest.mark.parametrize("name", ["a\nb", "x" * 101, "\x1b[31mred"])
def test_a_name_that_is_none_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ACTOR, name)
    with pytest.raises(PipelineError, match="names nobody"):
        actor()
