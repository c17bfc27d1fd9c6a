"""A process that dies between any two transitions leaves one job and one payment, and the next one sees it through."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.tuning import lifecycle
from srl_pipeline.tuning.providers.bedrock import BedrockTuning
from srl_pipeline.tuning.providers.gemini import GeminiTuning
from srl_pipeline.tuning.providers.openai import OpenAITuning
from srl_pipeline_tests.tuning import vendor_cases
from srl_pipeline_tests.tuning.conftest import copied, enter
from srl_pipeline_tests.tuning.crashing import Killed, dying
from srl_pipeline_tests.tuning.studio import Studio
from srl_pipeline_tests.tuning.test_lifecycle import Open, knows_all, knows_nothing, paid_once
from srl_pipeline_tests.vendors.bedrock_server import BedrockServer

pytestmark = pytest.mark.chain

ADAPTERS: dict[str, Any] = {"openai": OpenAITuning, "gemini": GeminiTuning, "bedrock": BedrockTuning, "anthropic": None}
MOST = 200
"""Moments of a life that are more than any has."""


@pytest.fixture
def living(built: Studio, tmp_path: Path) -> Callable[[str, Open, int], list[str]]:
    """One life in a fresh installation that is cut off at a moment, gone on with, and checked; what happened first."""

    def live(vendor: str, opened: Open, moment: int) -> list[str]:
        folder = tmp_path / f"{vendor}-{moment}"
        folder.mkdir()
        studio = copied(built, folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lifecycle, "DOUBT_SECONDS", 0.0)
            enter(studio, patch, built.home.parent / "packs")
            with opened(folder, base=knows_nothing, tuned=knows_all) as case:
                studio.open(case)
                with dying(moment, ADAPTERS[vendor]) as told, suppress(Killed):
                    studio.see_through()
                job = studio.see_through()
                assert (job.phase, job.problem) == ("compared", ""), told
                paid_once(studio, case, job)
                assert len(studio.decisions()) == 1, told
                assert job.teacher in studio.config().selection.candidates
        return told

    return live


def opener(vendor: str, aws: BedrockServer) -> Open:
    opened: Any = getattr(vendor_cases, vendor)
    return partial(opened, aws=aws) if vendor == "bedrock" else opened


@pytest.mark.parametrize("moment", [3, 8, 13, 24])
def test_a_process_that_dies_now_and_then_pays_once(
    living: Callable[[str, Open, int], list[str]], aws: BedrockServer, moment: int
) -> None:
    told = living("openai", opener("openai", aws), moment)
    assert told[-1].startswith("killed")


@pytest.mark.chain
@pytest.mark.parametrize("vendor", list(ADAPTERS))
def test_a_process_may_die_between_any_two_transitions(
    living: Callable[[str, Open, int], list[str]], aws: BedrockServer, vendor: str
) -> None:
    struck: list[str] = []
    for moment in range(MOST):
        told = living(vendor, opener(vendor, aws), moment)
        if not told[-1].startswith("killed"):
            break
        struck.append(told[-1])
    else:
        raise AssertionError("a life has no end")
    things = {word.split(maxsplit=2)[2] for word in struck}
    expected = {"put", "record", "register_teacher"}
    if vendor != "anthropic":
        expected |= {"hold", "commit", "upload", "submit", "look", "serve"}
    assert expected <= things
    assert {f"killed {side} {thing}" for side in ("before", "after") for thing in expected} <= set(struck)
