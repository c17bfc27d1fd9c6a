"""A world of a few documents, small enough to read and to index in a moment."""

from __future__ import annotations

from pathlib import Path

from srl_pipeline.contracts import Scenario
from srl_pipeline.model_types import LoreDocument

PACK = """
title: Houses
description: Designs a house.
system: You design houses.
brief: "Design a house of {trade} in {region}."
axes:
  region:
    moss_vale: {label: Moss Vale, lore: region-moss-vale}
    salt_coast: {label: the Salt Coast, lore: region-salt-coast}
  trade:
    smith: {label: a smith, lore: trade-smith}
    baker: {label: a baker, lore: trade-baker}
difficulty: "0.5"
steps:
  - id: walls
    title: Walls
    instruction: Choose the stone.
    fields:
      stone: {enum: [granite, flint]}
"""
RULES = """
version: "1.0"
rules:
  - id: stone-is-local
    severity: hard
    skill: materials
    assert: "artefact.stone == facts.region.stone"
    message: "{artefact.stone} is not found in {scenario.region}."
    because: "{scenario.region} has {facts.region.stone}"
"""
EXAMPLES = """
gold:
  - id: g-vale
    scenario: {region: moss_vale, trade: smith}
    artefact: {stone: granite}
counter:
  - {id: c-vale, breaks: stone-is-local, from: g-vale, change: {stone: flint}}
"""
LORE = {
    "region-moss-vale": """
title: Moss Vale
tags: [region, forest]
facts: {stone: granite, max_storeys: 3}
---
## Building law of Moss Vale
In Moss Vale walls are of granite and rise to 3 storeys.

## Rain in Moss Vale
In Moss Vale the moss of the vale drinks the rain of Moss Vale.
""",
    "region-salt-coast": """
title: Salt Coast
tags: [region, sea]
facts: {stone: flint, max_storeys: 1}
---
## Building law of the Salt Coast
On the Salt Coast walls are of flint and stand one storey high.

## Wrecks
On the Salt Coast every beam has been a ship.
""",
    "trade-smith": """
title: The smith
tags: [trade]
facts: {hearth: forge}
---
## What a smith needs
A smith works at a forge, and its chimney stands apart.
""",
    "trade-baker": """
title: The baker
tags: [trade]
facts: {hearth: oven}
---
## What a baker needs
A baker works at an oven, and flour is kept dry.
""",
    "law-chimneys": """
title: Law of chimneys
tags: [law]
---
## Sparks
Any house where a fire is worked needs a chimney of stone.
""",
}


def write_pack(folder: Path) -> Path:
    """Write the whole pack into ``folder`` and return it."""
    (folder / "lore").mkdir(parents=True)
    for name, text in (("pack", PACK), ("rules", RULES), ("examples", EXAMPLES)):
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    for document_id, text in LORE.items():
        (folder / "lore" / f"{document_id}.md").write_text(f"---\nid: {document_id}{text}", encoding="utf-8")
    return folder


def scenario(
    region: str = "moss_vale", trade: str = "smith", brief: str = "Design a house of a smith in Moss Vale."
) -> Scenario:
    """A scenario whose documents are named only so that recall can be measured."""
    return Scenario(
        id=f"{region}-{trade}",
        model_type="houses",
        axes={"region": region, "trade": trade},
        brief=brief,
        facts={},
        documents=[f"region-{region.replace('_', '-')}", f"trade-{trade}"],
        difficulty=0.5,
    )


def document(prose: str, *, document_id: str = "a", title: str = "Moss Vale", **facts: str | float) -> LoreDocument:
    """A document made for one test."""
    return LoreDocument(id=document_id, title=title, tags=["region"], facts=dict(facts), prose=prose, file="a.md")
