"""The dated table of what vendors offer: what is gone is refused, what goes soon is told, what is unknown is said."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest

from srl_pipeline.errors import TuningError
from srl_pipeline.tuning.capabilities import (
    SHIPPED,
    VARIABLE,
    Capability,
    capability,
    check_capability,
    check_examples,
)
from srl_pipeline.tuning.records import Method
from srl_pipeline.tuning.spec import ProviderName

from .examples import example

TODAY = date(2026, 11, 28)
MINI, NANO = "gpt-4.1-mini-2025-04-14", "gpt-4.1-nano-2025-04-14"
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0:200k"
MANTLE = "https://bedrock-mantle.us-west-2.api.aws/v1"


@pytest.fixture(autouse=True)
def _shipped_table_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def limits(**changes: Any) -> Capability:
    fields: dict[str, Any] = {"providers": ["openai"], "methods": ["supervised"], "endpoints": [""], "status": "open"}
    return Capability(**(fields | {"source": "a page", "as_of": TODAY} | changes))


@pytest.mark.parametrize(
    ("provider", "model", "method", "day", "instead"),
    [
        ("bedrock", HAIKU, "supervised", "2026-09-10", "Nova"),
        ("openai", "o4-mini-2025-04-16", "reinforcement", "2026-10-23", "gpt-oss-20b"),
        ("openai", NANO, "supervised", "2026-10-23", MINI),
        ("gemini", "gemini-2.5-flash", "supervised", "2026-10-20", "gemini-3.5-flash"),
    ],
)
def test_a_retired_model_is_refused_with_the_day_and_an_alternative(
    provider: ProviderName, model: str, method: Method, day: str, instead: str
) -> None:
    with pytest.raises(TuningError) as caught:
        check_capability(provider, model, method, TODAY)
    assert day in caught.value.what
    assert instead in caught.value.mend
    assert "method prompt" in caught.value.mend
    assert "2026-11-28" in caught.value.where


def test_before_its_day_a_model_that_retires_is_told_and_not_refused() -> None:
    [told] = check_capability("bedrock", HAIKU, "supervised", date(2026, 9, 9))[1:]
    assert "retires on 2026-09-10" in told


@pytest.mark.parametrize(
    ("provider", "model", "method"),
    [
        ("anthropic", "claude-opus-4-5", "supervised"),
        ("bedrock", "anthropic.claude-opus-4-5-v1:0", "supervised"),
        ("bedrock", "amazon.nova-pro-v1:0", "preference"),
        ("gemini", "gemini-3.5-flash", "reinforcement"),
        ("openai", MINI, "reinforcement"),
    ],
)
def test_a_method_that_is_not_offered_is_refused(provider: ProviderName, model: str, method: Method) -> None:
    with pytest.raises(TuningError, match=f"{method} tuning of .* is not offered"):
        check_capability(provider, model, method, TODAY)


@pytest.mark.parametrize("provider", get_args(ProviderName))
def test_a_prompt_may_be_chosen_with_every_provider(provider: ProviderName) -> None:
    assert check_capability(provider, "any model", "prompt", TODAY) == []
    assert check_capability(provider, "any model", "prompt", TODAY, "http://127.0.0.1:9/v1") == []


def test_what_closes_is_told_with_the_days_left_and_for_whom_it_is_closed_already() -> None:
    told = " ".join(check_capability("openai", MINI, "supervised", TODAY))
    assert "no new job is taken after 2027-01-06, in 39 days" in told
    assert "organisations that never tuned" in told
    assert "stops to answer on 2027-01-14, in 47 days" in told


def test_the_last_day_counts_and_the_day_after_is_refused() -> None:
    assert check_capability("openai", MINI, "preference", date(2027, 1, 6))
    with pytest.raises(TuningError, match="no new job is taken since 2027-01-06"):
        check_capability("openai", MINI, "preference", date(2027, 1, 7))


def test_an_old_table_is_told() -> None:
    assert check_capability("gemini", "gemini-3.5-flash", "supervised", date(2027, 5, 1)) == [
        *check_capability("gemini", "gemini-3.5-flash", "supervised", TODAY)
    ]
    [told] = [
        text
        for text in check_capability("gemini", "gemini-3.5-flash", "supervised", date(2027, 6, 1))
        if "looked up" in text
    ]
    assert "185 days ago (2026-11-28)" in told
    assert "https://docs.cloud.google.com" in told


@pytest.mark.parametrize(
    ("model", "endpoint"), [("gpt-9", None), (MINI, "http://127.0.0.1:4000/v1"), (NANO, "https://models.example/v1")]
)
def test_of_an_unknown_model_or_endpoint_it_says_that_nothing_is_known(model: str, endpoint: str | None) -> None:
    [told] = check_capability("openai", model, "supervised", TODAY, endpoint)
    assert "nothing is known" in told
    found = capability("openai", model, "supervised", endpoint)
    assert (found.status, found.least_examples, found.most_tokens) == ("unknown", None, None)


def test_the_same_api_elsewhere_offers_something_else() -> None:
    assert check_capability("openai", "openai.gpt-oss-20b", "reinforcement", TODAY, MANTLE) == []
    found = capability("openai", "openai.gpt-oss-20b", "reinforcement", MANTLE)
    assert (found.least_examples, found.most_examples) == (100, 20_000)
    with pytest.raises(TuningError, match="not offered"):
        check_capability("openai", "openai.gpt-oss-20b", "supervised", TODAY, MANTLE)
    with pytest.raises(TuningError, match="not offered"):
        check_capability("gemini", "gemini-3.5-flash", "supervised", TODAY, "https://generativelanguage.googleapis.com")


def test_limits_of_the_shipped_table() -> None:
    assert capability("openai", MINI, "supervised").least_examples == 10
    assert capability("gemini", "gemini-2.5-pro", "preference").most_tokens == 131_072
    assert capability("bedrock", "amazon.nova-micro-v1:0:128k", "supervised").most_epochs == 5


def test_a_users_own_table_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "version: 1\nentries:\n  - {providers: [gemini], methods: [supervised], models: [gemini-2.5-flash], "
        'endpoints: [""], status: open, source: my contract, as_of: 2026-11-20, least_examples: 3}\n'
    )
    monkeypatch.setenv(VARIABLE, str(own))
    assert check_capability("gemini", "gemini-2.5-flash", "supervised", TODAY) == []
    assert capability("gemini", "gemini-2.5-flash", "supervised").least_examples == 3
    assert capability("openai", MINI, "supervised").least_examples == 10


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: 1\nentries:\n  - {providers: [openai], metods: [prompt]}\n", "metods"),
        (
            "version: 1\nentries:\n  - {providers: [openai], methods: [prompt], endpoints: ['*'], status: retired, "
            "source: s, as_of: 2026-01-01}\n",
            "'date' is missing",
        ),
        (None, "missing"),
    ],
)
def test_a_table_that_cannot_be_used_is_an_error_with_its_place(
    text: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.yaml"
    if text is not None:
        own.write_text(text)
    monkeypatch.setenv(VARIABLE, str(own))
    with pytest.raises(TuningError) as caught:
        capability("openai", MINI, "supervised")
    assert said in caught.value.what
    assert "own.yaml" in caught.value.where
    assert SHIPPED.name in caught.value.mend


SIDES = [example(0), example(1, split="validation")]


def breaches(examples: list[Any], found: Capability, epochs: int = 1) -> str:
    with pytest.raises(TuningError) as caught:
        check_examples(examples, found, epochs)
    return caught.value.what


def test_a_data_set_within_all_limits_passes() -> None:
    within = limits(least_examples=1, most_examples=1, most_tokens=20, most_bytes=80, most_epochs=2)
    check_examples(SIDES, within, 2)


def test_unknown_limits_are_not_checked() -> None:
    check_examples([example(i, answer="a" * 10_000) for i in range(50)] + SIDES, limits(), 50)


def test_too_few_examples_are_counted_on_the_side_that_is_trained_on() -> None:
    many = [example(i, split="validation") for i in range(20)]
    assert "2 examples to train on, of at least 10" in breaches(
        [*many, example(21), example(22)], limits(least_examples=10)
    )


def test_a_side_without_examples_is_named() -> None:
    assert "No example to validate on" in breaches([example()], limits())
    assert "0 examples to train on, of at least 1" in breaches([example(split="validation")], limits())


def test_an_example_over_the_token_limit_is_named() -> None:
    long = example(7, answer="a" * 4_000)
    assert "Example example-7 has about 1,015 tokens, of at most 100" in breaches(
        [*SIDES, long], limits(most_tokens=100)
    )


def test_of_a_pair_the_longer_answer_counts() -> None:
    long = example(7, rejected="a" * 4_000)
    assert "example-7" in breaches([*SIDES, long], limits(most_tokens=100))


def test_every_breach_is_told_at_once() -> None:
    long = [example(i, answer="a" * 4_000) for i in range(8)]
    told = breaches(long, limits(most_examples=4, most_tokens=100, most_bytes=1_000, most_epochs=2), 3)
    for part in ("of at most 4", "No example to validate on", "3 epochs", "example-4", "So have 3 more", "train file"):
        assert part in told
    assert "example-5" not in told
