"""Sentences of the pipeline, which mark words as Markdown does, as HTML. Pure."""

from __future__ import annotations

import re

from srl_pipeline.evaluation.markup import Html, element, joined

_MARKED = re.compile(r"(`[^`\n]+`|\*[^*\n]+\*)")
_TAGS = {"`": "code", "*": "em"}


def prose(sentence: str) -> Html:
    """The sentence; `code` and *emphasis* in it become elements, everything else is text."""
    parts = _MARKED.split(sentence.replace(" %", "\u00a0%"))  # what is marked stands at the odd places
    return joined(element(_TAGS[part[0]], part[1:-1]) if i % 2 else part for i, part in enumerate(parts))
