"""Documents and questions made of WordNet. Pure; equal synsets and seed give equal corpora.

**Document**: one synset. Title: its words; tag: its part of speech; prose: its definition, without the quotations.

**Question**: the first usable example sentence of a synset's gloss ("the dog barked all night"), as it stands. It is in
no document, because documents end before the quotations. **Relevant** is one document alone: the synset whose gloss
quotes the sentence (known-item search). Other senses of the same words count as wrong, though a reader might accept
them, so recall is a lower bound and is meant for comparing searches with each other.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.search.errors import BenchmarkError
from benchmarks.search.wordnet import Synset
from srl_pipeline.canonical import seed_of
from srl_pipeline.model_types import LoreDocument

MIN_QUESTION_WORDS = 4
"""Shorter examples are fragments ("deep water") rather than sentences."""
AMENDMENT = "This entry has been revised."
"""What an update adds to a changed document."""


@dataclass(frozen=True)
class Question:
    """A sentence and the one document that is relevant to it."""

    text: str
    document_id: str


def shuffled(synsets: Sequence[Synset], seed: int) -> list[Synset]:
    """Synsets in a random order, each text once: of documents that read alike only one could be found.

    A corpus of n documents is made of the first n, so that a small corpus is part of every larger one.
    """
    unique = list({(s.part, s.words, s.definition): s for s in synsets}.values())
    random.Random(seed_of("corpus", seed)).shuffle(unique)
    return unique


def take(synsets: Sequence[Synset], count: int) -> list[Synset]:
    """The first ``count``; raises BenchmarkError when there are fewer."""
    if len(synsets) < count:
        raise BenchmarkError(
            f"{count:,} documents are asked for, WordNet gives {len(synsets):,}.",
            where="WordNet",
            mend="Ask for fewer, or give the folder of a complete WordNet 3.0 or 3.1 with --wordnet.",
        )
    return list(synsets[:count])


def document(synset: Synset) -> LoreDocument:
    """A synset as lore."""
    title = ", ".join(synset.words)
    return LoreDocument(
        id=synset.id, title=title, tags=[synset.part], facts={}, prose=f"{synset.definition}.", file=f"{synset.id}.md"
    )


def make_questions(synsets: Sequence[Synset], count: int) -> list[Question]:
    """At most ``count`` questions, in the synsets' order; sentences that two of the synsets quote are left out."""
    quoted = Counter(example for synset in synsets for example in set(synset.examples))
    questions: list[Question] = []
    for synset in synsets:
        usable = (e for e in synset.examples if len(e.split()) >= MIN_QUESTION_WORDS and quoted[e] == 1)
        if example := next(usable, None):
            questions.append(Question(example, synset.id))
        if len(questions) == count:
            break
    return questions


def amended(documents: Sequence[LoreDocument], share: float, seed: int) -> list[LoreDocument]:
    """The documents with a random ``share`` of them changed by one sentence (the rest are the same objects)."""
    chosen = set(random.Random(seed_of("update", seed)).sample(range(len(documents)), round(share * len(documents))))
    return [
        d.model_copy(update={"prose": f"{d.prose} {AMENDMENT}"}) if i in chosen else d for i, d in enumerate(documents)
    ]
