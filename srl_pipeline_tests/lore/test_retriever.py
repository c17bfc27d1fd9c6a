from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from srl_pipeline.config import LoreConfig
from srl_pipeline.lore import Embedder, LoreError, LoreRetriever, write_index
from srl_pipeline.lore.retriever import queries_of
from srl_pipeline.model_types import Pack

from .conftest import SpyEmbedder, tiny_chunks
from .tiny_world import scenario


def test_a_scenario_asks_with_its_brief_and_each_categorical_axis() -> None:
    asked = scenario().model_copy(update={"axes": {"region": "moss_vale", "plot_m2": 60.0}})
    assert [(q.text, q.topic) for q in queries_of(asked)] == [(asked.brief, False), ("region moss vale", True)]


def test_a_bundle_holds_the_sections_that_state_the_facts_of_the_scenario(retriever: LoreRetriever) -> None:
    cited = {c.chunk_id for c in retriever.bundle(scenario("salt_coast", "baker", "Design a house.")).citations}
    assert {"region-salt-coast#1", "trade-baker#1"} <= cited


def test_a_bundle_leaves_out_what_other_values_of_the_axes_say(retriever: LoreRetriever) -> None:
    cited = {c.document_id for c in retriever.bundle(scenario()).citations}
    assert not cited & {"region-salt-coast", "trade-baker"}


def test_a_scenario_s_own_list_of_documents_is_never_looked_at(retriever: LoreRetriever) -> None:
    lied_to = scenario().model_copy(update={"documents": ["region-salt-coast"], "facts": {}})
    assert retriever.bundle(lied_to) == retriever.bundle(scenario())


def test_each_citation_says_which_query_found_it_and_at_which_ranks(retriever: LoreRetriever) -> None:
    first = retriever.bundle(scenario()).citations[0]
    assert "'region moss vale'" in first.why or "'trade smith'" in first.why
    assert "vector 1" in first.why and first.score > 0


@pytest.mark.parametrize("budget", [16, 40, 64, 320])
def test_a_bundle_keeps_within_its_budget(tiny_index: Path, budget: int) -> None:
    bundle = LoreRetriever(tiny_index, LoreConfig(budget_tokens=budget)).bundle(scenario())
    assert bundle.tokens == sum(c.tokens for c in bundle.citations) <= budget == bundle.budget


def test_a_budget_that_cuts_an_answer_says_which(tiny_index: Path) -> None:
    note = LoreRetriever(tiny_index, LoreConfig(budget_tokens=30)).bundle(scenario()).note
    assert "cut passages that answer" in note and ("'trade smith'" in note or "'region moss vale'" in note)


def test_a_budget_that_holds_everything_leaves_no_note(tiny_index: Path) -> None:
    assert LoreRetriever(tiny_index, LoreConfig(budget_tokens=5000)).bundle(scenario()).note == ""


def test_nothing_relevant_is_said_and_nothing_is_quoted(retriever: LoreRetriever) -> None:
    alien = scenario().model_copy(update={"axes": {"genre": "polka"}, "brief": "Quarterly revenue of an airline."})
    bundle = retriever.bundle(alien)
    assert bundle.citations == [] and bundle.note.startswith("Nothing relevant was found")


def test_a_topic_that_the_lore_does_not_know_is_named(retriever: LoreRetriever) -> None:
    asked = scenario().model_copy(update={"axes": {"region": "moss_vale", "genre": "polka"}})
    assert "Nothing relevant was found for 'genre polka'." in retriever.bundle(asked).note


def test_a_passage_that_stands_in_two_documents_is_quoted_once(pack: Pack, embedder: Embedder, tmp_path: Path) -> None:
    chunks = tiny_chunks(pack)
    twin = replace(chunks[0], id="twin#1", document_id="twin", facts=(), document_facts=())
    write_index(tmp_path / "index", [*chunks, twin], embedder)
    texts = [c.text for c in LoreRetriever(tmp_path / "index", LoreConfig()).bundle(scenario()).citations]
    assert len(texts) == len(set(texts))


def test_equal_questions_get_equal_bundles(retriever: LoreRetriever, tiny_index: Path) -> None:
    asked = [scenario(), scenario("salt_coast", "baker", "Design a house of a baker on the Salt Coast.")]
    again = LoreRetriever(tiny_index, LoreConfig())
    assert retriever.bundles(asked) == [again.bundle(s) for s in asked]


def test_queries_that_scenarios_share_are_embedded_once(tiny_index: Path, spy: SpyEmbedder) -> None:
    LoreRetriever(tiny_index, LoreConfig(), embedder=spy).bundles(
        [scenario("moss_vale", t) for t in ("smith", "baker")]
    )
    assert sorted(spy.encoded) == sorted([scenario().brief, "region moss vale", "trade smith", "trade baker"])


def test_no_scenarios_give_no_bundles(retriever: LoreRetriever) -> None:
    assert retriever.bundles([]) == []


def test_an_index_of_another_embedder_is_refused(tiny_index: Path, spy: SpyEmbedder) -> None:
    spy.version = "another"
    with pytest.raises(LoreError, match="another embedder"):
        LoreRetriever(tiny_index, LoreConfig(), embedder=spy)


def test_search_answers_a_free_question(retriever: LoreRetriever) -> None:
    best = retriever.search("Where is bread made?", k=2)
    assert best[0].document_id == "trade-baker" and len(best) == 2


def test_search_finds_nothing_for_a_question_from_another_world(retriever: LoreRetriever) -> None:
    assert retriever.search("quarterly airline revenue") == []
