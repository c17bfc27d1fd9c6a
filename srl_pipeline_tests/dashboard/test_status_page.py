"""The status page: complete, harmless, and never in the way of whoever asks for it."""

from __future__ import annotations

import math
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srl_pipeline.dashboard import Gathered, gather, status_page, write_status
from srl_pipeline.dashboard.model_status import Pieces, status_of
from srl_pipeline.dashboard.prometheus import exposition
from srl_pipeline.dashboard.prose import prose
from srl_pipeline.dashboard.records import Failure, WeakSpots
from srl_pipeline.registry import Decision, Entry

HOSTILE = '<script>alert(1)</script>" onmouseover="x'


class Page(HTMLParser):
    """Tags, text and whether every element is closed where it should be."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def page(gathered: Gathered) -> Page:
    return Page(status_page(gathered))


def test_the_page_loads_nothing_and_runs_nothing(page: Page) -> None:
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    names = {name for name, _ in page.attributes}
    assert not {name for name in names if name.startswith("on")} and not {"src", "style"} & names
    assert all(value and value.startswith("#") for name, value in page.attributes if name == "href")


def test_every_element_is_closed_and_every_link_leads_somewhere(page: Page) -> None:
    assert page.open == []
    ids = [value for name, value in page.attributes if name == "id"]
    links = [(value or "").removeprefix("#") for name, value in page.attributes if name == "href"]
    assert set(links) == set(ids) and len(ids) == len(set(ids))


@pytest.mark.parametrize(
    "told",
    [
        "Spent in",
        "anthropic (vendor): $7.25 of $8.00 are spent or set aside (91%).",
        "candidate waits",
        "Where region is karst hollow, 9 of 12 scenarios fail",
        "The teacher 'claude-haiku' is unavailable.",
        "Over the cap of $0.01 for an accepted trajectory.",
        "better than",
        "transformers",
    ],
)
def test_the_page_says_what_designers_ask(page: Page, told: str) -> None:
    assert told in page.text.replace("\u00a0", " ")


def test_a_model_type_in_good_order_needs_no_attention(tmp_path: Path) -> None:
    text = Page(status_page(gather(tmp_path))).text
    assert "nothing" in text and "Needs attention" in text and "never evaluated" in text


def test_what_others_wrote_is_text(gathered: Gathered) -> None:
    decision = gathered.decisions[0].model_copy(
        update={
            "reasons": [HOSTILE],
            "subject": HOSTILE,
            "after": HOSTILE,
            "evidence": {HOSTILE: HOSTILE, "deep": {HOSTILE: [HOSTILE]}},
            "model_type": HOSTILE,
        }
    )
    model = gathered.models[0].model_copy(
        update={
            "weak": WeakSpots(sentences=[f"Where region is *{HOSTILE}*", f"Rule `{HOSTILE}`"], regressions=[HOSTILE]),
            "alarms": [HOSTILE],
            "candidate": HOSTILE,
            "runs_on": {"lore_index": HOSTILE},
            "last_decision": decision,
        }
    )
    failure = Failure(time=HOSTILE, model_type=HOSTILE, job=HOSTILE, message=HOSTILE)
    hostile = gathered.model_copy(
        update={"models": [model], "decisions": [decision], "failures": [failure], "problems": [HOSTILE]}
    )
    found = Page(status_page(hostile))
    assert "script" not in found.tags and "onmouseover" not in {name for name, _ in found.attributes}
    assert found.text.count("<script>alert(1)</script>") > 10
    assert exposition(hostile)


def test_words_that_a_sentence_marks_are_elements() -> None:
    assert prose("Rule `a<b` where *x* is 5 %") == "Rule <code>a&lt;b</code> where <em>x</em> is 5\u00a0%"


def test_the_page_is_written_where_the_ui_finds_it(operated: Path) -> None:
    page = write_status(operated)
    assert page == operated / "status" / "index.html"
    assert page.read_text().startswith("<!doctype html>") and not list(page.parent.glob("*.tmp"))


odd_numbers = st.sampled_from([0.0, -1.0, 0.5, 1.0, 1e12, 1e-12, math.nan, math.inf, -math.inf, 60.0])
odd_texts = st.sampled_from(
    ["", "v1", "v2", "not a time", "2026-11-02T08:00:00+00:00", "2026-11-02", "\ud800\x00", HOSTILE]
)
NAMES = (
    "pass_rate",
    "n",
    "pass_rate_base",
    "n_base",
    "hard_violation_rate",
    "latency_p50_seconds",
    "latency_p95_seconds",
    "chain_cost_usd",
)


@st.composite
def odd_entries(draw: st.DrawFn) -> Entry:
    values: dict[str, Any] = {
        "at": draw(odd_texts),
        "asset": "eval_report",
        "model_type": "trees",
        "data_version": draw(odd_texts),
        "inputs": {"eval_report": draw(odd_texts)},
        "metrics": draw(st.dictionaries(st.sampled_from(NAMES), odd_numbers)),
        "failed_gates": draw(st.lists(odd_texts, max_size=1)),
        "seconds": 0.0,
        "cost_usd": 0.0,
    }
    return Entry.model_construct(None, **values, seq=0, not_finite=[], preset="", trigger="manual")


@st.composite
def odd_decisions(draw: st.DrawFn) -> Decision:
    return Decision.model_construct(
        None,
        id=1,
        at=draw(odd_texts),
        model_type="trees",
        kind=draw(st.sampled_from(["promotion", "rollback", "teacher"])),
        verdict=draw(st.sampled_from(["change", "no change"])),
        subject=draw(odd_texts),
        before=draw(odd_texts),
        after=draw(odd_texts),
        reasons=[draw(odd_texts)],
        alternatives=[],
        evidence={"x": draw(odd_numbers), "y": {"z": [draw(odd_texts), None]}},
    )


@settings(max_examples=60, deadline=None)
@given(
    reports=st.lists(odd_entries(), max_size=3),
    registered=st.lists(odd_entries(), max_size=2),
    decisions=st.lists(odd_decisions(), max_size=2),
    judged=st.dictionaries(st.sampled_from(NAMES), odd_numbers),
    version=odd_texts,
    time=odd_texts,
)
def test_the_page_is_made_of_whatever_is_handed_in(
    gathered: Gathered,
    reports: list[Entry],
    registered: list[Entry],
    decisions: list[Decision],
    judged: dict[str, float],
    version: str,
    time: str,
) -> None:
    failure = Failure(time=time, model_type="trees", job="", message="")
    pieces = Pieces("trees", reports, registered, judged, {"current": version}, decisions, ["current"], None, [failure])
    odd = gathered.model_copy(
        update={
            "models": [status_of(pieces)],
            "decisions": decisions,
            "failures": [failure],
            "at": time,
            "month": "",
            "spent": [],
            "counts": [],
            "software": {},
        }
    )
    page = Page(status_page(odd))
    assert page.open == [] and "NaN" not in "".join(value or "" for _, value in page.attributes)
