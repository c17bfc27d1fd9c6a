"""What a client gets, through the vendor's SDK."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from .conftest import Versions
from .world import ANSWER, MODEL, SOLVED, UNSOLVED, Served, World, copy_world


@pytest.fixture(scope="module")
def served(made: tuple[World, Versions], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for the tests below: none may take rows or counts for its own that were there before it."""
    world = copy_world(made[0], tmp_path_factory.mktemp("chat"))
    world.point(current=made[1].good)
    with world.serve() as server:
        yield server
    world.decisions.close()


def test_a_scenario_is_answered_and_verified(served: Served, versions: Versions) -> None:
    found = served.ask()
    assert found.choices[0].message.content == ANSWER
    assert found.choices[0].finish_reason == "stop"
    assert found.srl["correct"] is True and found.srl["reward"] == 1
    assert found.srl["artefact"] == {"stone": "granite"} and found.srl["violations"] == []
    assert found.srl["model_version"] == versions.good == found.system_fingerprint
    assert found.usage.prompt_tokens > 20 and found.usage.completion_tokens > 3
    assert found.usage.total_tokens == found.usage.prompt_tokens + found.usage.completion_tokens


def test_a_wrong_answer_comes_with_the_rule_that_it_breaks(served: Served) -> None:
    found = served.ask(UNSOLVED)
    assert found.srl["correct"] is False and found.srl["reward"] == 0
    assert [v["rule_id"] for v in found.srl["violations"]] == ["stone-is-local"]
    assert "granite is not found in the Salt Coast" in found.srl["violations"][0]["message"]


def test_plain_messages_are_answered_and_not_verified(served: Served) -> None:
    before = len(served.live())
    asked = [{"role": "system", "content": "You design houses."}, {"role": "user", "content": "A house."}]
    found = served.client.chat.completions.create(model=MODEL, messages=asked, max_tokens=8)  # type: ignore[arg-type]
    assert found.choices[0].message.content is not None and found.usage
    assert 1 <= found.usage.completion_tokens <= 8
    assert not hasattr(found, "srl")
    [row] = served.live()[before:]
    assert (row.axes, row.verified, row.error) == ("", None, "")


def test_a_stream_has_the_same_text_and_ends_with_the_verdict_and_the_counts(served: Served) -> None:
    whole = served.ask()
    chunks = list(served.ask(stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == ANSWER
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop" and chunks[-2].srl == whole.srl
    assert chunks[-1].usage == whole.usage
    assert len({c.id for c in chunks}) == 1


def test_a_stream_tells_line_by_line(served: Served) -> None:
    pieces = [c.choices[0].delta.content for c in served.ask(stream=True)]
    assert pieces[0] == ANSWER[: ANSWER.index("\n") + 1]


def test_the_same_seed_gives_the_same_sample(served: Served) -> None:
    def text(seed: int) -> str | None:
        asked = [{"role": "user", "content": "Rain."}]
        found = served.client.chat.completions.create(
            model=MODEL,
            messages=asked,  # type: ignore[arg-type]
            temperature=2.0,
            seed=seed,
            max_tokens=24,
        )
        return found.choices[0].message.content

    assert text(1) == text(1)
    assert len({text(seed) for seed in range(5)}) > 1


def test_an_answer_that_is_cut_off_says_so_and_is_wrong(served: Served) -> None:
    before = len(served.live())
    found = served.ask(max_tokens=2)
    assert found.choices[0].finish_reason == "length" and found.usage.completion_tokens == 2
    assert found.srl["correct"] is False and found.srl["format_error"]
    [row] = served.live()[before:]
    assert (row.verified, row.error) == (False, "")


def test_the_models_are_listed(served: Served, versions: Versions) -> None:
    [model] = served.client.models.list().data
    assert model.id == MODEL and model.srl == {"version": versions.good}  # type: ignore[attr-defined]


def test_many_clients_at_once_get_their_own_answers_and_a_row_each(world: World, versions: Versions) -> None:
    world.point(current=versions.good)
    asked = [SOLVED if i % 2 else UNSOLVED for i in range(12)]
    with world.serve(queue=12) as served:
        with ThreadPoolExecutor(6) as clients:
            found = list(clients.map(served.ask, asked))
        assert [f.srl["correct"] for f in found] == [bool(i % 2) for i in range(12)]
        assert sorted(r.id for r in served.live()) == list(range(1, 13))
        assert sum(bool(r.verified) for r in served.live()) == 6


def test_the_counts_of_the_metrics_are_those_of_the_requests(served: Served, versions: Versions) -> None:
    of = f'model_type="{MODEL}",role="live",version="{versions.good}"'
    names = [f"requests_total{{{of}}}", f'verified_total{{correct="true",{of}}}', f"latency_seconds_count{{{of}}}"]
    before = [served.count(f"srl_serving_{name}") for name in names]
    seconds = served.count(f"srl_serving_latency_seconds_sum{{{of}}}")
    served.ask()
    served.ask(UNSOLVED)
    assert [served.count(f"srl_serving_{name}") - was for name, was in zip(names, before, strict=True)] == [2, 1, 2]
    assert served.count(f"srl_serving_latency_seconds_sum{{{of}}}") > seconds
    assert served.get("/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")
