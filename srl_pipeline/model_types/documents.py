"""Lore documents: Markdown with typed facts in the front matter; every fact is also stated in the prose."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from srl_pipeline.errors import PackError
from srl_pipeline.model_types.spec import Id, Name, Spec, number_text
from srl_pipeline.model_types.text_files import read_text
from srl_pipeline.model_types.validation import validate
from srl_pipeline.model_types.yaml_source import parse_yaml


def _no_flag(value: Any) -> Any:
    if isinstance(value, bool):  # pydantic would take it for 1.0 or 0.0
        raise ValueError("a fact is a number, a word or a list of words")
    return value


Words = Annotated[list[str], Field(max_length=16)]
FactValue = Annotated[str | float | Words, BeforeValidator(_no_flag)]
MAX_FACTS = 32
"""Facts of a document; each is looked for in the prose, which may be long."""

_UP_TO_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
)
NUMBER_WORDS = dict(enumerate(_UP_TO_TWENTY.split()))


class FrontMatter(Spec):
    """The head of a lore document."""

    id: Id
    title: str
    tags: list[str] = Field(default_factory=list)
    facts: dict[Name, FactValue] = Field(default_factory=dict, max_length=MAX_FACTS)


class LoreDocument(Spec):
    """A document: facts for the rules, prose for the reader."""

    id: str
    title: str
    tags: list[str]
    facts: dict[str, FactValue]
    prose: str
    file: str = Field(description="File name below lore/.")

    def unstated_facts(self) -> list[str]:
        """Names of facts that the prose does not state."""
        return [name for name, value in self.facts.items() if not states(self.prose, value)]


def states(prose: str, value: str | float | list[str]) -> bool:
    """Whether ``prose`` states ``value``: words literally (underscores as spaces), numbers as numeral or word."""
    if isinstance(value, list):
        return all(states(prose, item) for item in value)
    text = re.sub(r"\s+", " ", prose.lower())
    if isinstance(value, (int, float)):
        forms = [re.escape(number_text(value))]
        if float(value).is_integer() and int(value) in NUMBER_WORDS:
            forms.append(NUMBER_WORDS[int(value)])
        # not within a word or a number; a minus before it is another number, unless it is the dash of a range (1-4)
        return any(re.search(rf"(?<![\w.])(?<!(?<!\d)-){form}(?![\w]|\.\d)", text) for form in forms)
    return re.search(rf"(?<!\w){re.escape(value.lower().replace('_', ' '))}", text.replace("_", " ")) is not None


def read_document(file: Path) -> LoreDocument:
    """Read ``<pack>/lore/<file>``; raises PackError naming file and line."""
    text = read_text(file, pack=file.parent.parent)
    parts = re.match(r"---[ \t]*\n(.*?)\n---[ \t]*\n(.*)", text, re.DOTALL)
    if not parts:
        raise PackError(
            "A lore document begins with front matter between two lines of '---'.",
            where=f"{file}:1",
            mend="Add a head with id, title, tags and facts; docs/packs.md shows one.",
        )
    source = parse_yaml(parts[1], file, first_line=2)
    head = validate(FrontMatter, source)
    document = LoreDocument(**head.model_dump(), prose=parts[2].strip(), file=file.name)
    if missing := document.unstated_facts():
        raise PackError(
            f"The prose does not state fact {missing[0]!r} ({head.facts[missing[0]]}).",
            where=source.place(("facts", missing[0])),
            mend="Say it in the prose, word for word (underscores as spaces), or remove the fact.",
        )
    return document
