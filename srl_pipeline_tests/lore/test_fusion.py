from __future__ import annotations

import pytest

from srl_pipeline.lore import Chunk
from srl_pipeline.lore.fusion import arrange, fuse, leading_documents, stating_passages
from srl_pipeline.lore.searches import Found, Query


def chunk(chunk_id: str, facts: str = "", document_facts: str = "") -> Chunk:
    document = chunk_id.split("#")[0]
    return Chunk(chunk_id, document, document, "", (), tuple(facts.split()), tuple(document_facts.split()), chunk_id)


def found(vector: str, text: str, *, topic: str = "", cosine: float = 0.9) -> Found:
    return Found(Query(topic or "brief", topic, topic=bool(topic)), tuple(vector.split()), tuple(text.split()), cosine)


def by_id(*chunks: Chunk) -> dict[str, Chunk]:
    return {c.id: c for c in chunks}


def test_a_score_is_the_sum_of_reciprocal_ranks() -> None:
    scores = fuse([found("a#1 b#1", "b#1"), found("b#1", "")], k=60)
    assert scores == {"a#1": pytest.approx(1 / 61), "b#1": pytest.approx(1 / 62 + 1 / 61 + 1 / 61)}


def test_an_irrelevant_query_adds_nothing() -> None:
    assert fuse([found("a#1", "", cosine=0.1)], k=60) == {}


def test_a_word_in_the_lore_makes_a_query_relevant_however_far_its_meaning() -> None:
    assert set(fuse([found("a#1", "b#1", cosine=0.0)], k=60)) == {"a#1", "b#1"}


def test_a_document_leads_when_both_searches_put_it_first_for_a_topic() -> None:
    chunks = by_id(chunk("a#1"), chunk("a#2"), chunk("b#1"))
    agreed, disputed = found("a#1", "a#2 b#1", topic="x"), found("a#1", "b#1", topic="y")
    assert leading_documents([agreed, disputed], chunks) == {"a": ["x"]}


def test_the_brief_has_no_lead() -> None:
    assert leading_documents([found("a#1", "a#1")], by_id(chunk("a#1"))) == {}


def test_the_passages_that_state_the_facts_are_as_few_as_possible() -> None:
    passages = [chunk("a#1", "x"), chunk("a#2", "x y"), chunk("a#3", "z"), chunk("a#4", "z")]
    assert stating_passages(passages) == ["a#2", "a#3"]


def test_a_document_without_facts_has_no_stating_passage() -> None:
    assert stating_passages([chunk("a#1")]) == []


def test_a_lead_is_quoted_by_its_facts_whatever_passage_was_hit() -> None:
    chunks = by_id(chunk("a#1", "x", "x"), chunk("a#2", "", "x"))
    assert arrange([found("a#2", "a#2", topic="t")], chunks, {"a": ["a#1"]}, k=60) == ["a#1", "a#2"]


def test_a_lead_for_one_topic_comes_before_what_is_near_every_topic() -> None:
    chunks = by_id(chunk("a#1"), chunk("b#1"), chunk("c#1"))
    asked = [found("a#1 c#1", "a#1 c#1", topic="s"), found("b#1 c#1", "b#1 c#1", topic="t"), found("c#1", "c#1")]
    assert arrange(asked, chunks, {}, k=60) == ["a#1", "b#1", "c#1"]


def test_another_value_of_the_same_axis_is_left_out() -> None:
    chunks = by_id(chunk("a#1", "x", "x"), chunk("b#1", "x", "x"), chunk("c#1", "y", "y"))
    order = arrange([found("a#1 b#1 c#1", "a#1 b#1 c#1", topic="t")], chunks, {}, k=60)
    assert order == ["a#1", "c#1"]


def test_documents_without_facts_never_exclude_each_other() -> None:
    chunks = by_id(chunk("a#1"), chunk("b#1"))
    assert arrange([found("a#1 b#1", "a#1 b#1", topic="t")], chunks, {}, k=60) == ["a#1", "b#1"]


def test_every_document_has_its_turn_before_any_has_a_second() -> None:
    chunks = by_id(chunk("a#1"), chunk("a#2"), chunk("b#1"))
    assert arrange([found("a#1 a#2 b#1", "a#1 a#2 b#1")], chunks, {}, k=60) == ["a#1", "b#1", "a#2"]


def test_equal_scores_are_ordered_by_id() -> None:
    chunks = by_id(chunk("b#1"), chunk("a#1"))
    assert arrange([found("b#1", "a#1")], chunks, {}, k=60) == ["a#1", "b#1"]
