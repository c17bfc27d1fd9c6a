"""Credentials are found by value and by form, escaped or not."""

from __future__ import annotations

import pytest

from srl_pipeline.teachers.prompted.secrets import SecretFilter

VALUE = "v3ry/opaque+value"


@pytest.mark.parametrize(
    "text", [f"it is {VALUE}.", "it is v3ry\\/opaque+value", "it is \\u0076\\u0033ry/opaque+value"]
)
def test_the_value_of_a_named_variable_is_found(text: str) -> None:
    assert SecretFilter(["OWN_KEY"], {"OWN_KEY": VALUE}).found(text)
    assert not SecretFilter(["OWN_KEY"], {}).found(text)


def test_variables_that_the_vendors_use_themselves_need_no_naming() -> None:
    assert SecretFilter([], {"OPENAI_API_KEY": VALUE}).found(f"x{VALUE}")


def test_a_value_too_short_to_be_a_key_is_not_looked_for() -> None:
    assert not SecretFilter(["K"], {"K": "oak"}).found("beams of oak")


@pytest.mark.parametrize(
    "text",
    [
        "sk-proj-abcdefghijklmnop1234",
        "AIza" + "a1B2" * 9,
        "AKIAABCDEFGHIJKLMNOP",
        "ghp_" + "a1" * 18,
        "hf_" + "aB" * 14,
        "-----BEGIN RSA PRIVATE KEY-----",
        "Authorization: Bearer abcdefghijklmnopqrstuv",
    ],
)
def test_common_forms_are_found_without_any_variable(text: str) -> None:
    assert SecretFilter([], {}).found(f"so: {text}")


def test_prose_is_no_secret_and_the_filter_does_not_show_its_values() -> None:
    secrets = SecretFilter(["K"], {"K": VALUE})
    assert not secrets.found("Risk-taking masons set the task-masters' stone; half of it is sk-ewed.")
    assert VALUE not in repr(secrets)
