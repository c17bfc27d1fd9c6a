"""Streams that do not end as they should."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest

from .conftest import Versions
from .world import MODEL, SOLVED, World


class Breaks:
    """A model that says a line and raises. Named double of one whose memory ran out in mid-answer."""

    def __init__(self, version: str) -> None:
        self.version = version

    def ask(self, question: Any, heard: Callable[[str], bool]) -> Any:
        heard("a line\n")
        raise MemoryError


def test_a_failure_in_mid_answer_is_an_event_that_the_sdk_raises(world: World, versions: Versions) -> None:
    world.point(current=versions.good)
    with world.serve(load=lambda version: Breaks(version)) as served:
        chunks = served.ask(stream=True)
        assert next(chunks).choices[0].delta.content == "a line\n"
        with pytest.raises(openai.APIError, match="MemoryError"):
            next(chunks)
        assert [row.error for row in served.live()] == ["MemoryError"]


def test_a_stream_is_server_sent_events_to_the_letter(world: World, versions: Versions) -> None:
    world.point(current=versions.good)
    with world.serve() as served:
        found = served.post({"model": MODEL, "messages": [], "scenario": SOLVED, "stream": True})
        assert found.headers["content-type"].startswith("text/event-stream")
        *events, end, rest = found.text.split("\n\n")
        assert (end, rest) == ("data: [DONE]", "")
        bodies = [json.loads(event.removeprefix("data: ")) for event in events]
        assert {body["object"] for body in bodies} == {"chat.completion.chunk"}
        assert "usage" not in bodies[-1] and bodies[-1]["srl"]["correct"] is True
