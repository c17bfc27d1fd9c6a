"""The status page: one HTML file that loads nothing and runs nothing. Pure."""

from __future__ import annotations

from srl_pipeline.dashboard.model_sections import (
    attention_section,
    models_section,
    tiles,
    trends_section,
    weaknesses_section,
)
from srl_pipeline.dashboard.operation_sections import (
    decisions_section,
    failures_section,
    spend_section,
    versions_section,
)
from srl_pipeline.dashboard.page_style import STYLE
from srl_pipeline.dashboard.records import Gathered
from srl_pipeline.dashboard.words import when
from srl_pipeline.evaluation.markup import Html, document, element

TITLE = "Status of the models"


def status_page(gathered: Gathered) -> Html:
    """The page of what was gathered. Everything in it that others wrote is text."""
    sections = {
        "attention": attention_section(gathered),
        "models": models_section(gathered),
        "trends": trends_section(gathered),
        "weaknesses": weaknesses_section(gathered),
        "spend": spend_section(gathered),
        "decisions": decisions_section(gathered),
        "failures": failures_section(gathered),
        "versions": versions_section(gathered),
    }
    present = {name: section for name, section in sections.items() if section is not None}
    names = {"attention": "needs attention", "failures": "failed runs", "versions": "what runs on what"}
    links = [element("a", names.get(name, name), href=f"#{name}") for name in present]
    return document(
        TITLE,
        STYLE,
        element("header", element("h1", TITLE), element("span", f"As of {when(gathered.at)} UTC", class_="quiet")),
        element("nav", *links, aria_label="Sections"),
        element("main", tiles(gathered), *(element("section", section) for section in present.values())),
    )
