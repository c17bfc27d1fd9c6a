from __future__ import annotations

from srl_pipeline.contracts import Citation, LoreBundle
from srl_pipeline.lore import bundle_recall, fact_recall, recall_at_k

from .tiny_world import document, scenario


def bundle(**texts: str) -> LoreBundle:
    citations = [
        Citation(chunk_id=f"{d}#1", document_id=d, heading="", text=text, tokens=1, score=1.0, why="")
        for d, text in ((name.replace("_", "-"), text) for name, text in texts.items())
    ]
    return LoreBundle(citations=citations, tokens=len(citations), budget=9)


def test_recall_counts_documents_among_the_first_k_passages() -> None:
    ranking = ["trade-smith", "x", "x", "region-moss-vale"]
    assert [recall_at_k([ranking], [scenario()], k) for k in (1, 3, 4)] == [0.5, 0.5, 1.0]


def test_recall_is_averaged_over_scenarios_that_have_documents() -> None:
    none = scenario().model_copy(update={"documents": []})
    assert recall_at_k([["region-moss-vale"], [], []], [scenario(), scenario(), none], 5) == 0.25


def test_bundle_recall_counts_cited_documents() -> None:
    assert bundle_recall([bundle(trade_smith="…")], [scenario()]) == 0.5


def test_fact_recall_counts_facts_and_only_from_their_own_document() -> None:
    lore = {
        "region-moss-vale": document("granite, 3", document_id="region-moss-vale", stone="granite", n=3),
        "trade-smith": document("forge", document_id="trade-smith", hearth="forge"),
    }
    told = bundle(region_moss_vale="Walls of granite and a forge.", trade_smith="3 hammers.")
    assert fact_recall([told], [scenario()], lore) == 1 / 3
