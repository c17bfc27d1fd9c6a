"""Cut lore documents into chunks. Pure: the same document always gives the same chunks.

A chunk is a section (``##``) or, where a section is long, a run of its sentences. Its text begins with as much title
and heading as it needs to stand on its own, because the student reads it without the document around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from srl_pipeline.canonical import digest
from srl_pipeline.model_types.documents import LoreDocument, states

_SECTION = re.compile(r"^##[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
_SENTENCE_END = re.compile(r"(?:(?<=[.!?])|(?<=[.!?][\"')\]”’]))\s+")
_FILLERS = frozenset(["a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"])


@dataclass(frozen=True)
class Chunk:
    """A passage of a document, as it is indexed and as the student reads it."""

    id: str
    """``<document id>#<ordinal>``, ordinals from 1."""
    document_id: str
    title: str
    heading: str
    tags: tuple[str, ...]
    facts: tuple[str, ...]
    """Names of the document's facts that this passage states."""
    document_facts: tuple[str, ...]
    """Names of all facts of the document. Those that bind values of one axis have the same: the loader demands it."""
    text: str
    """What the reader sees: title and heading, briefly, then the prose on one line."""

    @property
    def indexed_text(self) -> str:
        """What the searches see: the text and, for words that only label it, title and tags."""
        tags = " ".join(self.tags).replace("_", " ")
        return f"{self.title}. {tags}. {self.text}"

    @property
    def content_hash(self) -> str:
        """Hash of what the searches see: chunks with equal hashes have equal vectors."""
        return digest(self.indexed_text)


def chunk_documents(documents: Iterable[LoreDocument], max_words: int) -> list[Chunk]:
    """Chunks of all documents, by document id and then in reading order."""
    return [c for document in sorted(documents, key=lambda d: d.id) for c in chunk_document(document, max_words)]


def chunk_document(document: LoreDocument, max_words: int) -> list[Chunk]:
    """Chunks of one document, none longer than ``max_words`` words of prose unless a single sentence is."""
    passages = [(heading, part) for heading, body in _sections(document.prose) for part in _cut(body, max_words)]
    return [
        Chunk(
            id=f"{document.id}#{ordinal}",
            document_id=document.id,
            title=document.title,
            heading=heading,
            tags=tuple(document.tags),
            facts=tuple(name for name, value in sorted(document.facts.items()) if states(part, value)),
            document_facts=tuple(sorted(document.facts)),
            text=_standing_alone(document.title, heading, part),
        )
        for ordinal, (heading, part) in enumerate(passages, start=1)
    ]


def _sections(prose: str) -> Iterator[tuple[str, str]]:
    """Heading and body of each section; prose before the first heading has the heading ''."""
    pieces = _SECTION.split(prose)
    for heading, body in zip(["", *pieces[1::2]], pieces[0::2], strict=True):
        if flat := " ".join(body.split()):
            yield heading, flat


def _cut(body: str, max_words: int) -> list[str]:
    """Runs of whole sentences of nearly equal length, each of at most ``max_words`` words where sentences allow."""
    total = len(body.split())
    if total <= max_words:
        return [body]
    # Equal parts rather than full ones: a last part of five words would be a chunk that says nothing.
    target = total / -(-total // max_words)
    parts: list[list[str]] = [[]]
    words = 0
    for sentence in _SENTENCE_END.split(body):
        length = len(sentence.split())
        if parts[-1] and (words + length > max_words or words >= target):
            parts.append([])
            words = 0
        parts[-1].append(sentence)
        words += length
    return [" ".join(part) for part in parts]


def _standing_alone(title: str, heading: str, body: str) -> str:
    """``body`` behind its heading, and behind the title too unless heading and body name all that the title names."""
    named = _stems(f"{heading} {body}")
    head = heading if heading and _stems(title) <= named else " — ".join(part for part in (title, heading) if part)
    return f"{head}: {body}"


def _stems(text: str) -> set[str]:
    """Words of ``text`` that name something, without a plural's s."""
    return {word.removesuffix("s") for word in re.findall(r"\w+", text.lower())} - _FILLERS
