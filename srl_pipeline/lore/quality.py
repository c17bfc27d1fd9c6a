"""How well retrieval finds the lore that binds a scenario. Only measuring may look at a scenario's documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from srl_pipeline.contracts import LoreBundle, Scenario
from srl_pipeline.model_types.documents import LoreDocument, states


def recall_at_k(rankings: Sequence[Sequence[str]], scenarios: Sequence[Scenario], k: int) -> float:
    """Share of a scenario's documents among those of its first ``k`` passages, averaged over scenarios with any."""
    return _mean_recall([set(ranking[:k]) for ranking in rankings], scenarios)


def bundle_recall(bundles: Sequence[LoreBundle], scenarios: Sequence[Scenario]) -> float:
    """Share of a scenario's documents that its bundle cites, averaged over scenarios that have any."""
    return _mean_recall([{c.document_id for c in bundle.citations} for bundle in bundles], scenarios)


def fact_recall(
    bundles: Sequence[LoreBundle], scenarios: Sequence[Scenario], documents: Mapping[str, LoreDocument]
) -> float:
    """Share of the facts of a scenario's documents that its bundle states, averaged over scenarios that have any.

    Stricter than `bundle_recall`: a fact counts only where a passage quoted from its own document states it.
    """
    shares: list[float] = []
    for bundle, scenario in zip(bundles, scenarios, strict=True):
        quoted = {d: " ".join(c.text for c in bundle.citations if c.document_id == d) for d in scenario.documents}
        told = [states(quoted[d], value) for d in scenario.documents for value in documents[d].facts.values()]
        if told:
            shares.append(fmean(told))
    return fmean(shares) if shares else 1.0


def _mean_recall(found: Sequence[set[str]], scenarios: Sequence[Scenario]) -> float:
    shares = [
        len(have & set(scenario.documents)) / len(set(scenario.documents))
        for have, scenario in zip(found, scenarios, strict=True)
        if scenario.documents
    ]
    return fmean(shares) if shares else 1.0
