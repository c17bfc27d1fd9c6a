"""`tuning.yaml`: what it may say, and how it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from srl_pipeline.errors import TuningError
from srl_pipeline.tuning.catalog import read_tuners

PRICE = "price: {usd_per_million_tokens: 3.0, tuned: {input: 1, output: 2, as_of: 2026-11-01}, as_of: 2026-11-01}"
GOOD = f"""\
version: 1
tuners:
  nano:
    provider: openai
    teacher: hosted
    method: supervised
    {PRICE}
  mini: {{provider: openai, teacher: hosted, method: preference, beta: 0.1}}
  flash: {{provider: gemini, teacher: google, method: supervised, project: p, region: r, bucket: b}}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SRL_TUNING", str(tmp_path / "tuning.yaml"))
    return tmp_path / "tuning.yaml"


def test_tuners_are_read_with_their_prices(file: Path) -> None:
    file.write_text(GOOD)
    tuners = read_tuners()
    nano = tuners.get("nano")
    assert nano.price is not None and nano.price.usd_per_million_tokens == 3.0 and nano.epochs == 3
    assert tuners.of_provider("gemini") == "flash"


def test_a_provider_with_several_tuners_must_be_told_which(file: Path) -> None:
    file.write_text(GOOD)
    with pytest.raises(TuningError, match="2 tuners are of provider openai: nano, mini"):
        read_tuners().of_provider("openai")
    with pytest.raises(TuningError, match="No tuner is of provider bedrock"):
        read_tuners().of_provider("bedrock")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("provider: gemini", "provider: vertex"), "provider"),
        (("bucket: b}", "}"), "'bucket' is missing"),
        (("usd_per_million_tokens: 3.0", "usd_per_million_tokens: 3.0, usd_per_hour: 9"), "either"),
        (("as_of: 2026-11-01}\n  mini", "}\n  mini"), "as_of"),
        (("beta: 0.1", "betta: 0.1"), "betta"),
    ],
)
def test_a_mistake_is_told_with_its_line(file: Path, change: tuple[str, str], what: str) -> None:
    assert change[0] in GOOD
    file.write_text(GOOD.replace(*change))
    with pytest.raises(TuningError, match=what) as refused:
        read_tuners()
    assert "tuning.yaml:" in refused.value.where and "docs/tuning.md" in refused.value.mend


def test_a_missing_file_is_told_with_the_variable_that_names_it(file: Path) -> None:
    with pytest.raises(TuningError, match="says what is tuned where") as refused:
        read_tuners()
    assert refused.value.where == "environment variable SRL_TUNING"


def test_prices_and_limits_of_time_do_not_make_another_model(file: Path) -> None:
    file.write_text(GOOD)
    nano = read_tuners().get("nano")
    assert nano.identity == nano.model_copy(update={"price": None, "max_hours": 1.0}).identity
    assert nano.identity != nano.model_copy(update={"epochs": 4}).identity


def test_a_key_that_was_pasted_into_the_file_is_never_shown(file: Path) -> None:
    key = "sk-proj-" + "a1B2c3D4" * 5
    file.write_text(GOOD.replace("teacher: hosted\n", f"teacher: {key}\n"), encoding="utf-8")
    with pytest.raises(TuningError) as caught:
        read_tuners()
    assert key not in str(caught.value) and caught.value.__cause__ is None and str(file) in caught.value.where
