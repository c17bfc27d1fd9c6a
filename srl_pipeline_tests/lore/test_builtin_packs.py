"""Retrieval on the packs that the product ships: the student must get to read the facts that bind its task."""

from __future__ import annotations

from pathlib import Path

import pytest

from srl_pipeline.lore import Embedder, LoreRetriever, chunk_documents, fact_recall, recall_at_k, write_index
from srl_pipeline.lore.build import sample_scenarios
from srl_pipeline.model_types import find_packs, load_pack
from srl_pipeline.presets import pack_config


@pytest.mark.chain
@pytest.mark.parametrize("name", sorted(find_packs()))
def test_the_budget_of_the_main_job_holds_the_facts_of_nearly_every_scenario(
    name: str, embedder: Embedder, tmp_path: Path
) -> None:
    pack = load_pack(name)
    config = pack_config("embedded", pack.spec.training).lore
    write_index(tmp_path / "index", chunk_documents(pack.documents.values(), config.max_chunk_words), embedder)
    scenarios = sample_scenarios(pack, 40)
    answers = LoreRetriever(tmp_path / "index", config).bundles_and_rankings(scenarios)
    assert fact_recall([bundle for bundle, _ in answers], scenarios, pack.documents) >= 0.95
    assert recall_at_k([ranking for _, ranking in answers], scenarios, 5) >= 0.95
